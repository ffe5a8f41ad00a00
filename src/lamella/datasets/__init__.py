"""Small public datasets as NumPy arrays: MNIST comes with the package, the others are downloaded once."""

from lamella._lazy import attach

__all__ = [
    "mnist",
    "fashion_mnist",
    "cifar10",
    "cifar100",
    "imdb",
    "reuters",
    "boston_housing",
    "california_housing",
]

__getattr__, __dir__ = attach(__name__, {name: f"{__name__}.{name}" for name in __all__})
