"""Mathematics beyond arithmetic: stable sums, special functions, segments, ranks, transforms of signals."""

from lamella.backend import _registry
from lamella.core._arrays import promote_float
from lamella.core._operation import op
from lamella.typing import Array, ArrayLike, Axis

__all__ = ["logsumexp", "erf", "erfc", "erfinv", "rsqrt"]


@op
def logsumexp(x: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Array:
    """`log(sum(exp(x)))` along `axis`, without overflow.

    Args:
        x: an array of any shape.
        axis: the axis or axes to sum over; None for all.
        keepdims: keep the axes with size 1.

    Returns:
        A floating array.

    Example:
        >>> from lamella import ops
        >>> float(ops.logsumexp([1000.0, -1000.0]))
        1000.0
    """
    xp, x = promote_float(x)
    highest = xp.max(x, axis=axis, keepdims=True)
    highest = _registry.active().stop_gradient(xp.where(xp.isfinite(highest), highest, 0.0))
    out = xp.log(xp.sum(xp.exp(x - highest), axis=axis, keepdims=True)) + highest
    if keepdims:
        return out
    return xp.squeeze(out, axis=tuple(range(x.ndim)) if axis is None else axis)


@op
def erf(x: ArrayLike) -> Array:
    """The error function, `2 / sqrt(π) * ∫₀ˣ exp(-t²) dt`.

    Args:
        x: an array of any shape.

    Returns:
        A floating array of the same shape, in [-1, 1].

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.erf([0.0, 10.0])).tolist()
        [0.0, 1.0]
    """
    return _registry.active().erf(promote_float(x)[1])


@op
def erfc(x: ArrayLike) -> Array:
    """`1 - erf(x)`, exact where `erf` itself would round to 1.

    Args:
        x: an array of any shape.

    Returns:
        A floating array of the same shape, in [0, 2].

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.erfc([0.0, -10.0])).tolist()
        [1.0, 2.0]
    """
    return _registry.active().erfc(promote_float(x)[1])


@op
def erfinv(x: ArrayLike) -> Array:
    """The number whose `erf` is `x`.

    Args:
        x: an array of any shape, in [-1, 1]; NaN outside.

    Returns:
        A floating array of the same shape.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.erfinv([0.0])).tolist()
        [0.0]
    """
    return _registry.active().erfinv(promote_float(x)[1])


@op
def rsqrt(x: ArrayLike) -> Array:
    """`1 / sqrt(x)`.

    Args:
        x: an array of any shape.

    Returns:
        A floating array of the same shape.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.rsqrt([4.0])).tolist()
        [0.5]
    """
    return _registry.active().rsqrt(promote_float(x)[1])
