"""The data of the workloads, the same arrays for every library."""

from __future__ import annotations

from types import ModuleType

import numpy as np

from benchmarks._peers import ROOT

SEED = 0
MNIST = ROOT / "src" / "lamella" / "datasets" / "_data" / "mnist.npz"

STAND_INS: list[str] = []
"""Data sets that were not there and were replaced by random arrays of the same shape."""


def mnist(library: ModuleType) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """MNIST as `load_data` returns it; for the peers from the file that lamella carries: no download."""
    if library.__name__ == "lamella":
        return library.datasets.mnist.load_data()
    if not MNIST.exists():
        STAND_INS.append("mnist")
        return _stand_in(60_000), _stand_in(10_000)
    with np.load(MNIST) as arrays:
        return (arrays["x_train"], arrays["y_train"]), (arrays["x_test"], arrays["y_test"])


def mnist_pixels(library: ModuleType) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """MNIST as the tutorial prepares it: pixels `(images, 784)` in [0, 1], labels one-hot `(images, 10)`."""
    (x_train, y_train), (x_test, y_test) = mnist(library)
    x_train = x_train.reshape(-1, 28 * 28).astype("float32") / 255
    x_test = x_test.reshape(-1, 28 * 28).astype("float32") / 255
    return x_train, one_hot(y_train, 10), x_test, one_hot(y_test, 10)


def one_hot(labels: np.ndarray, classes: int) -> np.ndarray:
    return np.eye(classes, dtype="float32")[labels]


def normal(rows: int, *shape: int) -> np.ndarray:
    """Standard normal features, `(rows, *shape)`, float32."""
    return np.random.default_rng(SEED).standard_normal((rows, *shape), dtype="float32")


def classes_of(x: np.ndarray, classes: int) -> np.ndarray:
    """Labels to learn from `x`: the largest of `classes` random projections of its mean over positions."""
    features = x.reshape(len(x), -1, x.shape[-1]).mean(axis=1)
    return (features @ normal(x.shape[-1], classes)).argmax(axis=-1)


def _stand_in(images: int) -> tuple[np.ndarray, np.ndarray]:
    """Ten coarse patterns and noise: digits enough to see that a network learns."""
    random = np.random.default_rng(SEED)
    patterns = np.kron(random.integers(0, 128, (10, 7, 7)), np.ones((4, 4))).astype("uint8")  # (10, 28, 28)
    random = np.random.default_rng(images)
    labels = random.integers(0, 10, images).astype("uint8")
    return patterns[labels] + random.integers(0, 128, (images, 28, 28), dtype="uint8"), labels
