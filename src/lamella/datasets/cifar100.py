"""CIFAR-100: 60,000 small colour pictures of a hundred kinds of things, in twenty groups."""

import numpy as np

from lamella._lazy import missing as _missing
from lamella.datasets._cifar import images, labels, read_batches
from lamella.datasets._source import dataset_file
from lamella.errors import ArgumentError

__all__ = ["load_data"]

__getattr__ = _missing(__name__)

_URL = "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz"
_HASH = "sha256:85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7"


def load_data(
    label_mode: str = "fine",
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """The CIFAR-100 pictures, downloaded at the first call (170 MB).

    Krizhevsky, "Learning multiple layers of features from tiny images", 2009.

    Args:
        label_mode: "fine" for the 100 classes, "coarse" for their 20 groups.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: uint8 images `(50000, 32, 32, 3)` and `(10000, 32, 32, 3)`,
        red, green and blue from 0 to 255 (the colour axis second if `image_data_format` is "channels_first");
        int64 labels `(50000, 1)` and `(10000, 1)`, from 0.

    Raises:
        ArgumentError: another `label_mode`.
        DownloadError: the file could not be fetched. Says how to place it by hand.
    """
    if label_mode not in ("fine", "coarse"):
        raise ArgumentError(f'label_mode is "fine" or "coarse". Got: {label_mode!r}.')
    others = ["cifar-100-python-target_archive"]  # Keras's name for it
    archive = dataset_file("cifar-100-python.tar.gz", [_URL], _HASH, other_names=others)
    train, test = read_batches(archive, ["cifar-100-python/train", "cifar-100-python/test"])
    key = f"{label_mode}_labels".encode()
    return (
        (images([train]), labels([train], key, "int64")),
        (images([test]), labels([test], key, "int64")),
    )
