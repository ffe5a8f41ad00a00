"""Shuffling and splitting, by NumPy's legacy generator, with which published results were made."""

import numpy as np

from lamella.errors import ArgumentError


def shuffled(rng: np.random.RandomState, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`x` and `y`, both `(samples, ...)`, in one random order."""
    order = np.arange(len(x))
    rng.shuffle(order)
    return x[order], y[order]


def check_test_split(test_split: float) -> None:
    """Raises ArgumentError unless `test_split` is a fraction in [0, 1)."""
    if not 0 <= test_split < 1:
        raise ArgumentError(f"test_split is the fraction of samples kept for testing, in [0, 1). Got: {test_split!r}.")


def train_and_test(
    x: np.ndarray, y: np.ndarray, test_split: float
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """`(x_train, y_train), (x_test, y_test)`: the first samples, and the last `test_split` of them."""
    count = int(len(x) * (1 - test_split))
    return (x[:count], y[:count]), (x[count:], y[count:])
