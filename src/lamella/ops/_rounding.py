"""Rounding to integers, element by element."""

from lamella.core._arrays import arrays, cast, dtype_of, promote_float
from lamella.core._operation import op
from lamella.ops._operands import kind_of, refuse
from lamella.typing import Array, ArrayLike

__all__ = ["floor", "ceil", "trunc", "round"]


@op
def floor(x: ArrayLike) -> Array:
    """The largest integer not above `x`, element by element.

    Args:
        x: a real array.

    Returns:
        An array of the same shape, floating: integers and booleans become `floatx()`.

    Raises:
        DTypeError: for complex arrays.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.floor([1.7, -1.2])).tolist()
        [1.0, -2.0]
    """
    refuse("floor", x, "complex")
    xp, x = promote_float(x)
    return xp.floor(x)


@op
def ceil(x: ArrayLike) -> Array:
    """The smallest integer not below `x`, element by element.

    Args:
        x: a real array.

    Returns:
        An array of the same shape, floating: integers and booleans become `floatx()`.

    Raises:
        DTypeError: for complex arrays.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.ceil([1.2, -1.7])).tolist()
        [2.0, -1.0]
    """
    refuse("ceil", x, "complex")
    xp, x = promote_float(x)
    return xp.ceil(x)


@op
def trunc(x: ArrayLike) -> Array:
    """The integer part of `x`: rounded towards zero, element by element.

    Args:
        x: a real array.

    Returns:
        An array of the same shape and dtype.

    Raises:
        DTypeError: for complex arrays.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.trunc([1.7, -1.7])).tolist()
        [1.0, -1.0]
    """
    refuse("trunc", x, "complex")
    xp, x = arrays(x)
    return xp.trunc(x) if kind_of(dtype_of(x)) == "float" else x


@op
def round(x: ArrayLike, decimals: int = 0) -> Array:
    """`x` rounded to `decimals` places, halves to the even neighbour.

    Args:
        x: an array that is not boolean.
        decimals: how many digits to keep after the decimal point; negative for tens, hundreds, ...

    Returns:
        An array of the same shape and dtype.

    Raises:
        DTypeError: for booleans.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.round([0.5, 1.5, 2.25])).tolist()
        [0.0, 2.0, 2.0]
    """
    refuse("round", x, "bool")
    xp, x = arrays(x)
    dtype = dtype_of(x)
    if kind_of(dtype) == "int":
        return x if decimals >= 0 else _round_integers(xp, x, 10**-decimals)
    if decimals == 0:
        return xp.round(x)
    wide = cast(x, "float32") if dtype in ("float16", "bfloat16") else x
    scale = 10.0 ** max(decimals, -decimals)
    if decimals > 0:
        return cast(xp.divide(xp.round(xp.multiply(wide, scale)), scale), dtype)
    return cast(xp.multiply(xp.round(xp.divide(wide, scale)), scale), dtype)


def _round_integers(xp, x: Array, unit: int) -> Array:
    """`x` rounded to multiples of `unit`, halves to the even multiple."""
    quotient = xp.floor_divide(x, unit)
    twice = 2 * (x - quotient * unit)
    up = xp.logical_or(xp.greater(twice, unit), xp.logical_and(xp.equal(twice, unit), xp.equal(quotient % 2, 1)))
    return cast((quotient + cast(up, dtype_of(x))) * unit, dtype_of(x))
