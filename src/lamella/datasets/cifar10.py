"""CIFAR-10: 60,000 small colour pictures of ten kinds of things."""

import numpy as np

from lamella._lazy import missing as _missing
from lamella.datasets._cifar import images, labels, read_batches
from lamella.datasets._source import dataset_file

__all__ = ["load_data"]

__getattr__ = _missing(__name__)

_URL = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
_HASH = "sha256:6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"
_TRAIN = [f"cifar-10-batches-py/data_batch_{i}" for i in range(1, 6)]
_TEST = ["cifar-10-batches-py/test_batch"]


def load_data() -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """The CIFAR-10 pictures, downloaded at the first call (170 MB).

    Krizhevsky, "Learning multiple layers of features from tiny images", 2009.

    The classes: 0 airplane, 1 automobile, 2 bird, 3 cat, 4 deer, 5 dog, 6 frog, 7 horse, 8 ship, 9 truck.

    Returns:
        `(x_train, y_train), (x_test, y_test)`, uint8: images `(50000, 32, 32, 3)` and `(10000, 32, 32, 3)`,
        red, green and blue from 0 to 255 (the colour axis second if `image_data_format` is "channels_first");
        labels `(50000, 1)` and `(10000, 1)` in 0 to 9.

    Raises:
        DownloadError: the file could not be fetched. Says how to place it by hand.
    """
    # The other names are those under which Keras keeps the archive, now and before.
    others = ["cifar-10-batches-py-target_archive", "cifar-10-batches-py.tar.gz"]
    archive = dataset_file("cifar-10-python.tar.gz", [_URL], _HASH, other_names=others)
    batches = read_batches(archive, _TRAIN + _TEST)
    train, test = batches[:5], batches[5:]
    return (
        (images(train), labels(train, b"labels", "uint8")),
        (images(test), labels(test, b"labels", "uint8")),
    )
