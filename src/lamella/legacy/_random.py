"""Draws from distributions."""

from typing import Any

from lamella import ops, random
from lamella.backend import _dtypes
from lamella.typing import Array

__all__ = ["random_normal", "random_uniform", "random_bernoulli", "random_binomial", "truncated_normal"]


def random_normal(shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Any = None) -> Array:
    """Draws from the normal distribution.

    Args:
        shape: of the result.
        mean, stddev: the centre and the standard deviation.
        dtype: defaults to `floatx()`.
        seed: an integer, for the same draws each time.

    Example:
        >>> import lamella.backend as K
        >>> K.random_normal((2, 3), seed=1).shape
        (2, 3)
    """
    return random.normal(shape, mean, stddev, dtype=dtype, seed=seed)


def truncated_normal(shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Any = None) -> Array:
    """Draws from the normal distribution, those further than two standard deviations from the centre drawn again.

    Args:
        shape: of the result.
        mean, stddev: the centre, and the standard deviation before the tails are cut.
        dtype: defaults to `floatx()`.
        seed: an integer, for the same draws each time.
    """
    return random.truncated_normal(shape, mean, stddev, dtype=dtype, seed=seed)


def random_uniform(shape: Any, minval: float = 0.0, maxval: float = 1.0, dtype: Any = None, seed: Any = None) -> Array:
    """Draws from the uniform distribution on [minval, maxval).

    Args:
        shape: of the result.
        minval, maxval: the ends of the interval.
        dtype: a floating or integer dtype; defaults to `floatx()`.
        seed: an integer, for the same draws each time.
    """
    if dtype is not None and _dtypes.is_int_dtype(dtype):
        return random.randint(shape, minval, maxval, dtype=_dtypes.standardize_dtype(dtype), seed=seed)
    return random.uniform(shape, minval, maxval, dtype=dtype, seed=seed)


def random_bernoulli(shape: Any, p: float = 0.0, dtype: Any = None, seed: Any = None) -> Array:
    """1 with probability `p`, else 0.

    Args:
        shape: of the result.
        p: in [0, 1].
        dtype: defaults to `floatx()`.
        seed: an integer, for the same draws each time.

    Example:
        >>> import lamella.backend as K
        >>> K.random_bernoulli((2,), p=1.0).tolist()
        [1.0, 1.0]
    """
    return ops.cast(ops.less(random.uniform(shape, seed=seed), p), dtype or _dtypes.floatx())


def random_binomial(shape: Any, p: float = 0.0, dtype: Any = None, seed: Any = None) -> Array:
    """The older name of `random_bernoulli`."""
    return random_bernoulli(shape, p, dtype, seed)
