"""Draws from distributions. Each takes a `seed`: an integer, a `SeedGenerator`, or None."""

from typing import Any

import numpy as np

from lamella.backend import _dtypes, _registry
from lamella.core import _config
from lamella.core._arrays import arrays, cast
from lamella.core._operation import op
from lamella.errors import DTypeError, ShapeError
from lamella.random._seed import draw_seed
from lamella.typing import Array, ArrayLike, Seed

__all__ = [
    "normal",
    "uniform",
    "truncated_normal",
    "randint",
    "categorical",
    "gamma",
    "beta",
    "binomial",
    "dropout",
    "shuffle",
]


def normal(
    shape: Any, mean: ArrayLike = 0.0, stddev: ArrayLike = 1.0, dtype: str | None = None, seed: Seed = None
) -> Array:
    """Draws from the normal distribution: density `exp(-((x - mean) / stddev)² / 2) / (stddev sqrt(2 π))`.

    Args:
        shape: of the result.
        mean: the centre; a number, or an array that broadcasts to `shape`.
        stddev: the standard deviation, likewise.
        dtype: a floating dtype; defaults to `floatx()`.
        seed: an integer for the same draws each time, a `SeedGenerator` for new ones, or None.

    Returns:
        An array of `shape` and `dtype`.

    Raises:
        DTypeError: when `dtype` is not floating.
        ShapeError: when `shape` is not fully known.

    Example:
        >>> import lamella
        >>> lamella.random.normal((2, 3), seed=1).shape
        (2, 3)
    """
    dtype = _floating("normal", dtype)
    draws = _generator().normal(draw_seed(seed), _known("normal", shape), dtype)
    return _scaled(draws, mean, stddev, dtype)


def uniform(
    shape: Any, minval: ArrayLike = 0.0, maxval: ArrayLike = 1.0, dtype: str | None = None, seed: Seed = None
) -> Array:
    """Draws from the uniform distribution over [minval, maxval).

    Args:
        shape: of the result.
        minval: the lower bound, included; a number, or an array that broadcasts to `shape`.
        maxval: the upper bound, excluded.
        dtype: a floating dtype; defaults to `floatx()`. For integers there is `randint`.
        seed: an integer for the same draws each time, a `SeedGenerator` for new ones, or None.

    Returns:
        An array of `shape` and `dtype`.

    Raises:
        DTypeError: when `dtype` is not floating.
        ShapeError: when `shape` is not fully known.

    Example:
        >>> import lamella
        >>> draws = lamella.random.uniform((100,), minval=2.0, maxval=3.0, seed=1)
        >>> bool((draws >= 2).all() and (draws < 3).all())
        True
    """
    dtype = _floating("uniform", dtype)
    return _generator().uniform(draw_seed(seed), _known("uniform", shape), _operand(minval), _operand(maxval), dtype)


def truncated_normal(
    shape: Any, mean: ArrayLike = 0.0, stddev: ArrayLike = 1.0, dtype: str | None = None, seed: Seed = None
) -> Array:
    """Draws from the normal distribution, restricted to within two standard deviations of the mean.

    Args:
        shape: of the result.
        mean: the centre; a number, or an array that broadcasts to `shape`.
        stddev: the standard deviation before the restriction, likewise.
        dtype: a floating dtype; defaults to `floatx()`.
        seed: an integer for the same draws each time, a `SeedGenerator` for new ones, or None.

    Returns:
        An array of `shape` and `dtype`.

    Raises:
        DTypeError: when `dtype` is not floating.
        ShapeError: when `shape` is not fully known.

    Example:
        >>> import lamella
        >>> bool((abs(lamella.random.truncated_normal((100,), seed=1)) <= 2).all())
        True
    """
    dtype = _floating("truncated_normal", dtype)
    draws = _generator().truncated_normal(draw_seed(seed), _known("truncated_normal", shape), dtype)
    return _scaled(draws, mean, stddev, dtype)


def randint(shape: Any, minval: ArrayLike, maxval: ArrayLike, dtype: str = "int32", seed: Seed = None) -> Array:
    """Draws from the integers of [minval, maxval), each as likely as the other.

    Args:
        shape: of the result.
        minval: the least integer; a number, or an array that broadcasts to `shape`.
        maxval: one more than the greatest.
        dtype: an integer dtype.
        seed: an integer for the same draws each time, a `SeedGenerator` for new ones, or None.

    Returns:
        An array of `shape` and `dtype`.

    Raises:
        DTypeError: when `dtype` is not an integer one.
        ShapeError: when `shape` is not fully known.

    Example:
        >>> import lamella
        >>> bool((lamella.random.randint((100,), 3, 5, seed=1) < 5).all())
        True
    """
    dtype = dtype or "int32"
    if not _dtypes.is_int_dtype(dtype):
        raise DTypeError(f"`random.randint` needs an integer `dtype`; got {dtype!r}.")
    dtype = _registry.active().canonical_dtype(_dtypes.standardize_dtype(dtype))
    return _generator().randint(draw_seed(seed), _known("randint", shape), _operand(minval), _operand(maxval), dtype)


@op
def categorical(logits: ArrayLike, num_samples: int, dtype: str = "int32", seed: Seed = None) -> Array:
    """Draws class indices, class `i` of a row with probability `softmax(logits)[i]`.

    By the Gumbel-max trick: the position of the greatest of the logits plus Gumbel noise (Maddison, Tarlow
    and Minka, 2014, arXiv:1411.0030).

    Args:
        logits: unnormalised log-probabilities, `(batch, classes)`.
        num_samples: draws for each row.
        dtype: of the result.
        seed: an integer for the same draws each time, a `SeedGenerator` for new ones, or None.

    Returns:
        An array of shape `(batch, num_samples)`, values in [0, classes).

    Raises:
        ShapeError: when `logits` has not two axes.

    Example:
        >>> import lamella
        >>> lamella.random.categorical([[-1e9, 0.0]], num_samples=3, seed=1).tolist()
        [[1, 1, 1]]
    """
    _, logits = arrays(logits)
    if logits.ndim != 2:
        raise ShapeError(
            f"`random.categorical` needs `logits` of shape (batch, classes); got shape {tuple(logits.shape)}."
        )
    if not _dtypes.is_float_dtype(_registry.active().dtype(logits)):
        logits = cast(logits, _dtypes.floatx())
    dtype = _registry.active().canonical_dtype(_dtypes.standardize_dtype(dtype))
    return _generator().categorical(draw_seed(seed), logits, num_samples, dtype)


def gamma(shape: Any, alpha: ArrayLike, dtype: str | None = None, seed: Seed = None) -> Array:
    """Draws from the gamma distribution with density `x^(alpha - 1) exp(-x) / Γ(alpha)` for x > 0.

    Args:
        shape: of the result.
        alpha: the shape parameter, positive; a number, or an array that broadcasts to `shape`.
        dtype: a floating dtype; defaults to `floatx()`.
        seed: an integer for the same draws each time, a `SeedGenerator` for new ones, or None.

    Returns:
        An array of `shape` and `dtype`.

    Raises:
        DTypeError: when `dtype` is not floating.
        ShapeError: when `shape` is not fully known.

    Example:
        >>> import lamella
        >>> bool((lamella.random.gamma((100,), alpha=2.0, seed=1) > 0).all())
        True
    """
    dtype = _floating("gamma", dtype)
    return _generator().gamma(draw_seed(seed), _known("gamma", shape), _operand(alpha), dtype)


def beta(shape: Any, alpha: ArrayLike, beta: ArrayLike, dtype: str | None = None, seed: Seed = None) -> Array:
    """Draws from the beta distribution: density proportional to `x^(alpha - 1) (1 - x)^(beta - 1)` on [0, 1].

    Args:
        shape: of the result.
        alpha: the first shape parameter, positive; a number, or an array that broadcasts to `shape`.
        beta: the second, likewise.
        dtype: a floating dtype; defaults to `floatx()`.
        seed: an integer for the same draws each time, a `SeedGenerator` for new ones, or None.

    Returns:
        An array of `shape` and `dtype`.

    Raises:
        DTypeError: when `dtype` is not floating.
        ShapeError: when `shape` is not fully known.

    Example:
        >>> import lamella
        >>> draws = lamella.random.beta((100,), 2.0, 3.0, seed=1)
        >>> bool((draws >= 0).all() and (draws <= 1).all())
        True
    """
    dtype = _floating("beta", dtype)
    return _generator().beta(draw_seed(seed), _known("beta", shape), _operand(alpha), _operand(beta), dtype)


def binomial(
    shape: Any, counts: ArrayLike, probabilities: ArrayLike, dtype: str | None = None, seed: Seed = None
) -> Array:
    """Draws from the binomial distribution: how many of `counts` independent trials succeed.

    Args:
        shape: of the result.
        counts: the number of trials, at least 0; a number, or an array that broadcasts to `shape`.
        probabilities: of success in one trial, in [0, 1], likewise.
        dtype: a floating dtype; defaults to `floatx()`.
        seed: an integer for the same draws each time, a `SeedGenerator` for new ones, or None.

    Returns:
        An array of `shape` and `dtype`, of whole numbers in [0, counts].

    Raises:
        DTypeError: when `dtype` is not floating.
        ShapeError: when `shape` is not fully known.

    Example:
        >>> import lamella
        >>> lamella.random.binomial((3,), counts=5.0, probabilities=1.0, seed=1).tolist()
        [5.0, 5.0, 5.0]
    """
    dtype = _floating("binomial", dtype)
    return _generator().binomial(
        draw_seed(seed), _known("binomial", shape), _operand(counts), _operand(probabilities), dtype
    )


@op
def dropout(inputs: ArrayLike, rate: float, noise_shape: Any = None, seed: Seed = None) -> Array:
    """`inputs / (1 - rate)`, elements zeroed with probability `rate`: the expectation stays the same.

    Srivastava et al. (2014), "Dropout: a simple way to prevent neural networks from overfitting", section 10,
    there with the division at test time.

    Args:
        inputs: a floating array of any shape.
        rate: the share of elements to zero, in [0, 1].
        noise_shape: the shape of the mask, which broadcasts to that of `inputs`; None in it stands for the
            size of the inputs. An axis of size 1 drops together.
        seed: an integer for the same mask each time, a `SeedGenerator` for new ones, or None.

    Returns:
        An array of the shape and dtype of `inputs`.

    Raises:
        DTypeError: when `inputs` is not floating.
        ShapeError: when `noise_shape` does not broadcast to the shape of `inputs`.

    Example:
        >>> import lamella
        >>> lamella.random.dropout([1.0, 2.0], rate=0.0, seed=1).tolist()
        [1.0, 2.0]
    """
    xp, inputs = arrays(inputs)
    dtype = _registry.active().dtype(inputs)
    if dtype not in (*_dtypes.FLOAT_TYPES, *_dtypes.COMPLEX_TYPES):
        raise DTypeError(f"`random.dropout` needs floating inputs; got dtype {dtype}. Cast them first.")
    key = draw_seed(seed)
    if isinstance(rate, (int, float)) and rate >= 1:
        return xp.zeros_like(inputs)  # not a division by zero
    keep = 1.0 - rate
    mask = _generator().bernoulli_mask(key, _noise_shape(noise_shape, tuple(inputs.shape)), keep)
    if dtype == "float32" and isinstance(rate, (int, float)):
        kept = inputs * float(np.float32(1) / np.float32(keep))  # as XLA divides; the same bits everywhere
    else:
        kept = inputs / keep
    return cast(xp.where(mask, kept, xp.zeros_like(inputs)), dtype)


@op
def shuffle(x: ArrayLike, axis: int = 0, seed: Seed = None) -> Array:
    """`x`, its elements in a random order along `axis`; each vector along the axis has an order of its own.

    Args:
        x: an array with at least one axis.
        axis: the axis along which elements change places.
        seed: an integer for the same order each time, a `SeedGenerator` for new ones, or None.

    Returns:
        An array of the shape and dtype of `x`.

    Raises:
        ShapeError: when `x` has no axis `axis`.

    Example:
        >>> import lamella
        >>> sorted(lamella.random.shuffle([3, 1, 2], seed=1).tolist())
        [1, 2, 3]
    """
    _, x = arrays(x)
    if not -x.ndim <= axis < x.ndim:
        raise ShapeError(f"`random.shuffle` got axis {axis} for an array of shape {tuple(x.shape)}.")
    return _generator().permutation(draw_seed(seed), x, axis % x.ndim)


# ---- shared ----------------------------------------------------------------------------------------------


def _generator() -> Any:
    adapter = _registry.active()
    return adapter.portable_random() if _config.is_portable_random_enabled() else adapter.random


def _floating(name: str, dtype: Any) -> str:
    dtype = _dtypes.standardize_dtype(dtype)
    if not _dtypes.is_float_dtype(dtype):
        raise DTypeError(f"`random.{name}` needs a floating `dtype`; got {dtype!r}.")
    if dtype == "float64":
        return _registry.active().canonical_dtype(dtype)
    return dtype


def _known(name: str, shape: Any) -> tuple[int, ...]:
    """`shape` as a tuple of integers."""
    sizes = (shape,) if np.ndim(shape) == 0 else tuple(shape)
    if any(n is None or n < 0 for n in sizes):
        raise ShapeError(f"`random.{name}` needs a shape that is fully known; got {shape!r}.")
    return tuple(int(n) for n in sizes)


def _operand(value: ArrayLike) -> Any:
    """A parameter of a distribution: a Python number as it is, anything else as an array."""
    return value if isinstance(value, (int, float)) else arrays(value)[1]


def _scaled(draws: Array, mean: ArrayLike, stddev: ArrayLike, dtype: str) -> Array:
    if isinstance(stddev, (int, float)) and isinstance(mean, (int, float)) and mean == 0 and stddev == 1:
        return draws
    return cast(draws * _operand(stddev) + _operand(mean), dtype)


def _noise_shape(noise_shape: Any, shape: tuple[int, ...]) -> tuple[int, ...]:
    if noise_shape is None:
        return shape
    sizes = tuple(noise_shape)
    if len(sizes) > len(shape):
        raise ShapeError(_does_not_broadcast(noise_shape, shape))
    beside = shape[len(shape) - len(sizes) :]
    sizes = tuple(n if size is None else int(size) for size, n in zip(sizes, beside))
    if any(size not in (1, n) for size, n in zip(sizes, beside)):
        raise ShapeError(_does_not_broadcast(noise_shape, shape))
    return sizes


def _does_not_broadcast(noise_shape: Any, shape: tuple[int, ...]) -> str:
    return (
        f"The `noise_shape` of dropout must broadcast to the shape of the inputs, {shape}; got "
        f"{tuple(noise_shape)}. Each of its sizes must be 1, None, or that of the inputs."
    )
