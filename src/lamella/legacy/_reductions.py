"""Functions along axes: sums, extremes, averages, and the positions of extremes."""

from lamella import ops
from lamella.ops import all, any, logsumexp, mean, prod, std, sum, var
from lamella.typing import Array, ArrayLike, Axis

__all__ = [
    "sum",
    "prod",
    "mean",
    "var",
    "std",
    "max",
    "min",
    "any",
    "all",
    "logsumexp",
    "argmax",
    "argmin",
    "cumsum",
    "cumprod",
]


def max(x: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Array:
    """The largest value along `axis`; of all where it is None."""
    return ops.max(x, axis=axis, keepdims=keepdims)


def min(x: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Array:
    """The smallest value along `axis`; of all where it is None."""
    return ops.min(x, axis=axis, keepdims=keepdims)


def argmax(x: ArrayLike, axis: int = -1) -> Array:
    """The position of the largest value along `axis`, the last one by default."""
    return ops.argmax(x, axis=axis)


def argmin(x: ArrayLike, axis: int = -1) -> Array:
    """The position of the smallest value along `axis`, the last one by default."""
    return ops.argmin(x, axis=axis)


def cumsum(x: ArrayLike, axis: int = 0) -> Array:
    """The running sum along `axis`."""
    return ops.cumsum(x, axis=axis)


def cumprod(x: ArrayLike, axis: int = 0) -> Array:
    """The running product along `axis`."""
    return ops.cumprod(x, axis=axis)
