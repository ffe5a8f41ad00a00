"""California housing: prices of 20,640 blocks in 1990."""

import os

import numpy as np

from lamella._lazy import missing as _missing
from lamella.datasets._source import PUBLIC, dataset_file
from lamella.datasets._split import check_test_split, shuffled, train_and_test
from lamella.datasets._unpickle import load_npz
from lamella.errors import ArgumentError

__all__ = ["load_data"]

__getattr__ = _missing(__name__)

_HASH = "sha256:1a2e3a52e0398de6463aebe6f4a8da34fb21fbb6b934cf88c3425e766f2a1a6f"


def load_data(
    version: str = "large",
    path: str | os.PathLike[str] = "california_housing.npz",
    test_split: float = 0.2,
    seed: int = 113,
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """The California housing data of the 1990 census, downloaded at the first call (740 kB).

    Pace and Barry, "Sparse spatial autoregressions", Statistics and Probability Letters 33, 1997. Features:
    longitude, latitude, median age of the houses, rooms, bedrooms, population, households, median income.

    Args:
        version: "large" for all samples, "small" for 600 of them.
        path: where to keep the file, relative to the `datasets` folder of the Keras home directory.
        test_split: the fraction of samples kept for testing, in [0, 1).
        seed: of the shuffle before the split.

    Returns:
        `(x_train, y_train), (x_test, y_test)`, float32: features `(samples, 8)`, unscaled; and the median
        price of a house in dollars, `(samples,)`.

    Raises:
        ArgumentError: another `version`, or a `test_split` outside [0, 1).
        DownloadError: the file could not be fetched. Says how to place it by hand.
    """
    if version not in ("large", "small"):
        raise ArgumentError(f'version is "large" or "small". Got: {version!r}.')
    check_test_split(test_split)
    arrays = load_npz(dataset_file(path, [PUBLIC + "california_housing.npz"], _HASH).read_bytes())
    x, y = arrays["x"], arrays["y"]
    if version == "small":
        x, y = x[:600], y[:600]
    x, y = shuffled(np.random.RandomState(seed), x, y)
    return train_and_test(x, y, test_split)
