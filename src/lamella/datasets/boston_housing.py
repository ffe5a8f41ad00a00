"""Boston housing: prices of 506 neighbourhoods in 1978."""

import os

import numpy as np

from lamella._lazy import missing as _missing
from lamella.datasets._source import PUBLIC, dataset_file
from lamella.datasets._split import check_test_split, shuffled, train_and_test
from lamella.datasets._unpickle import load_npz

__all__ = ["load_data"]

__getattr__ = _missing(__name__)

_HASH = "sha256:f553886a1f8d56431e820c5b82552d9d95cfcb96d1e678153f8839538947dff5"


def load_data(
    path: str | os.PathLike[str] = "boston_housing.npz", test_split: float = 0.2, seed: int = 113
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """The Boston housing data, downloaded at the first call (60 kB).

    Harrison and Rubinfeld, "Hedonic prices and the demand for clean air", 1978. One of its columns was made
    from the share of Black residents, on the authors' assumption that it lowers prices. Unless that is what
    you study, take `california_housing`.

    Args:
        path: where to keep the file, relative to the `datasets` folder of the Keras home directory.
        test_split: the fraction of samples kept for testing, in [0, 1).
        seed: of the shuffle before the split.

    Returns:
        `(x_train, y_train), (x_test, y_test)`, float64: features `(samples, 13)`, unscaled; and the median
        price in thousands of dollars, `(samples,)`, from 5 to 50.

    Raises:
        ArgumentError: `test_split` is outside [0, 1).
        DownloadError: the file could not be fetched. Says how to place it by hand.
    """
    check_test_split(test_split)
    arrays = load_npz(dataset_file(path, [PUBLIC + "boston_housing.npz"], _HASH).read_bytes())
    x, y = shuffled(np.random.RandomState(seed), arrays["x"], arrays["y"])
    return train_and_test(x, y, test_split)
