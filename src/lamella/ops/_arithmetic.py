"""Arithmetic, element by element."""

from typing import Any

from lamella.backend import _registry
from lamella.core._arrays import arrays, cast, dtype_of, promote_float
from lamella.core._operation import op
from lamella.ops._operands import check_broadcast, float_operands, integers, kind_of, operands, refuse, strong
from lamella.typing import Array, ArrayLike

__all__ = [
    "add",
    "subtract",
    "multiply",
    "divide",
    "true_divide",
    "divide_no_nan",
    "floor_divide",
    "mod",
    "fmod",
    "power",
    "negative",
    "absolute",
    "abs",
    "fabs",
    "sign",
    "square",
    "reciprocal",
    "gcd",
    "lcm",
    "ldexp",
    "nextafter",
]


@op
def add(x1: ArrayLike, x2: ArrayLike) -> Array:
    """`x1 + x2`, element by element.

    Args:
        x1, x2: arrays that broadcast against each other. Booleans add as "or".

    Returns:
        An array of the common shape and dtype.

    Raises:
        ShapeError: when the shapes do not broadcast.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.add([1, 2], [3, 4])).tolist()
        [4, 6]
    """
    xp, x1, x2 = operands("add", x1, x2)
    if kind_of(dtype_of(x1)) == "bool":
        return xp.logical_or(x1, x2)
    return xp.add(x1, x2)


@op
def subtract(x1: ArrayLike, x2: ArrayLike) -> Array:
    """`x1 - x2`, element by element.

    Args:
        x1, x2: arrays that broadcast against each other, not both boolean. Unsigned integers wrap around.

    Returns:
        An array of the common shape and dtype.

    Raises:
        ShapeError: when the shapes do not broadcast.
        DTypeError: when both are boolean.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.subtract([5, 2], [3, 4])).tolist()
        [2, -2]
    """
    xp, x1, x2 = operands("subtract", x1, x2)
    refuse("subtract", x1, "bool")
    return xp.subtract(x1, x2)


@op
def multiply(x1: ArrayLike, x2: ArrayLike) -> Array:
    """`x1 * x2`, element by element.

    Args:
        x1, x2: arrays that broadcast against each other. Booleans multiply as "and".

    Returns:
        An array of the common shape and dtype.

    Raises:
        ShapeError: when the shapes do not broadcast.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.multiply([1, 2], [3, 4])).tolist()
        [3, 8]
    """
    xp, x1, x2 = operands("multiply", x1, x2)
    if kind_of(dtype_of(x1)) == "bool":
        return xp.logical_and(x1, x2)
    return xp.multiply(x1, x2)


@op
def divide(x1: ArrayLike, x2: ArrayLike) -> Array:
    """`x1 / x2`, element by element; division by zero gives an infinity, or NaN for 0 / 0.

    Args:
        x1, x2: arrays that broadcast against each other.

    Returns:
        An array of the common shape, floating or complex: integers and booleans become `floatx()`.

    Raises:
        ShapeError: when the shapes do not broadcast.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.divide([1, 3], [2, 4])).tolist()
        [0.5, 0.75]
    """
    xp, x1, x2 = float_operands("divide", x1, x2)
    return xp.divide(x1, x2)


@op
def true_divide(x1: ArrayLike, x2: ArrayLike) -> Array:
    """`x1 / x2`, element by element: another name of `divide`.

    Args:
        x1, x2: arrays that broadcast against each other.

    Returns:
        An array of the common shape, floating or complex.

    Raises:
        ShapeError: when the shapes do not broadcast.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.true_divide([1, 3], 2)).tolist()
        [0.5, 1.5]
    """
    xp, x1, x2 = float_operands("true_divide", x1, x2)
    return xp.divide(x1, x2)


@op
def divide_no_nan(x1: ArrayLike, x2: ArrayLike) -> Array:
    """`x1 / x2` where `x2` is not zero, and 0 where it is.

    The gradient is zero too where `x2` is zero.

    Args:
        x1, x2: arrays that broadcast against each other.

    Returns:
        An array of the common shape, floating or complex.

    Raises:
        ShapeError: when the shapes do not broadcast.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.divide_no_nan([1.0, 3.0], [0.0, 2.0])).tolist()
        [0.0, 1.5]
    """
    xp, x1, x2 = float_operands("divide_no_nan", x1, x2)
    zero = xp.equal(x2, 0)
    quotient = xp.divide(x1, xp.where(zero, xp.ones_like(x2), x2))
    return xp.where(zero, xp.zeros_like(quotient), quotient)


@op
def floor_divide(x1: ArrayLike, x2: ArrayLike) -> Array:
    """The largest integer not above `x1 / x2`, element by element.

    Integer division by zero is not defined: each library answers as it does.

    Args:
        x1, x2: real arrays that broadcast against each other. Booleans count as int32.

    Returns:
        An array of the common shape and dtype.

    Raises:
        ShapeError: when the shapes do not broadcast.
        DTypeError: for complex arrays.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.floor_divide([7, -7], 2)).tolist()
        [3, -4]
    """
    xp, x1, x2 = _countable("floor_divide", x1, x2)
    return xp.floor_divide(x1, x2)


@op
def mod(x1: ArrayLike, x2: ArrayLike) -> Array:
    """The remainder of floor division, `x1 - floor(x1 / x2) * x2`: it has the sign of `x2`.

    Args:
        x1, x2: real arrays that broadcast against each other. Booleans count as int32.

    Returns:
        An array of the common shape and dtype.

    Raises:
        ShapeError: when the shapes do not broadcast.
        DTypeError: for complex arrays.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.mod([7, -7], 3)).tolist()
        [1, 2]
    """
    xp, x1, x2 = _countable("mod", x1, x2)
    return xp.remainder(x1, x2)


@op
def fmod(x1: ArrayLike, x2: ArrayLike) -> Array:
    """The remainder of truncated division, `x1 - trunc(x1 / x2) * x2`: it has the sign of `x1`.

    Args:
        x1, x2: real arrays that broadcast against each other. Booleans count as int32.

    Returns:
        An array of the common shape and dtype.

    Raises:
        ShapeError: when the shapes do not broadcast.
        DTypeError: for complex arrays.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.fmod([7, -7], 3)).tolist()
        [1, -1]
    """
    _, x1, x2 = _countable("fmod", x1, x2)
    return _registry.active().fmod(x1, x2)


def _countable(op_name: str, x1: ArrayLike, x2: ArrayLike) -> tuple:
    """Real operands of division with remainder, booleans as int32."""
    xp, x1, x2 = operands(op_name, x1, x2)
    refuse(op_name, x1, "complex")
    if kind_of(dtype_of(x1)) == "bool":
        x1, x2 = cast(x1, "int32"), cast(x2, "int32")
    return xp, x1, x2


@op
def power(x1: ArrayLike, x2: ArrayLike) -> Array:
    """`x1 ** x2`, element by element.

    Args:
        x1, x2: arrays that broadcast against each other. Booleans count as int32.

    Returns:
        An array of the common shape and dtype. A negative base with a fractional exponent gives NaN.

    Raises:
        ShapeError: when the shapes do not broadcast.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.power([2.0, 3.0], 2)).tolist()
        [4.0, 9.0]
    """
    xp, x1, x2 = operands("power", x1, x2)
    if kind_of(dtype_of(x1)) == "bool":
        x1, x2 = cast(x1, "int32"), cast(x2, "int32")
    return xp.pow(x1, x2)


@op
def negative(x: ArrayLike) -> Array:
    """`-x`, element by element.

    Args:
        x: an array that is not boolean. Unsigned integers wrap around.

    Returns:
        An array of the same shape and dtype.

    Raises:
        DTypeError: for booleans.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.negative([1, -2])).tolist()
        [-1, 2]
    """
    refuse("negative", x, "bool")
    xp, x = arrays(x)
    return xp.negative(x)


@op
def absolute(x: ArrayLike) -> Array:
    """The absolute value, element by element; the modulus of complex numbers.

    Its gradient at 0 is 0.

    Args:
        x: an array.

    Returns:
        An array of the same shape and dtype; real where `x` is complex.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.absolute([-1.5, 2.0])).tolist()
        [1.5, 2.0]
    """
    xp, x = arrays(x)
    return _distance_from_zero(xp, x)


@op
def abs(x: ArrayLike) -> Array:
    """The absolute value, element by element: a shorter name of `absolute`.

    Args:
        x: an array.

    Returns:
        An array of the same shape and dtype; real where `x` is complex.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.abs([-1, 2])).tolist()
        [1, 2]
    """
    return absolute(x)


@op
def fabs(x: ArrayLike) -> Array:
    """The absolute value of real numbers, as floating point numbers.

    Its gradient at 0 is 0.

    Args:
        x: a real array.

    Returns:
        An array of the same shape, floating: integers and booleans become `floatx()`.

    Raises:
        DTypeError: for complex arrays.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.fabs([-1, 2])).tolist()
        [1.0, 2.0]
    """
    refuse("fabs", x, "complex")
    xp, x = promote_float(x)
    return _distance_from_zero(xp, x)


def _distance_from_zero(xp: Any, x: Array) -> Array:
    kind = kind_of(dtype_of(x))
    if kind == "bool":
        return x
    return _registry.active().absolute(x) if kind == "float" else xp.abs(x)


@op
def sign(x: ArrayLike) -> Array:
    """-1, 0 or 1 as `x` is negative, zero or positive; `x / |x|` for complex numbers; NaN for NaN.

    Args:
        x: an array that is not boolean.

    Returns:
        An array of the same shape and dtype.

    Raises:
        DTypeError: for booleans.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.sign([-3.0, 0.0, 2.0])).tolist()
        [-1.0, 0.0, 1.0]
    """
    refuse("sign", x, "bool")
    xp, x = arrays(x)
    return xp.sign(x)


@op
def square(x: ArrayLike) -> Array:
    """`x * x`, element by element.

    Args:
        x: an array. Booleans count as int32.

    Returns:
        An array of the same shape and dtype.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.square([1, -3])).tolist()
        [1, 9]
    """
    xp, x = arrays(x)
    if kind_of(dtype_of(x)) == "bool":
        x = cast(x, "int32")
    return xp.square(x)


@op
def reciprocal(x: ArrayLike) -> Array:
    """`1 / x`, element by element; an infinity where `x` is zero.

    Args:
        x: an array.

    Returns:
        An array of the same shape, floating or complex: integers and booleans become `floatx()`.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.reciprocal([2.0, -4.0])).tolist()
        [0.5, -0.25]
    """
    xp, x = promote_float(x)
    return xp.reciprocal(x)


@op
def gcd(x1: ArrayLike, x2: ArrayLike) -> Array:
    """The greatest common divisor of |x1| and |x2|, element by element; `gcd(0, 0)` is 0.

    Args:
        x1, x2: integer arrays that broadcast against each other.

    Returns:
        An array of the common shape and dtype.

    Raises:
        ShapeError: when the shapes do not broadcast.
        DTypeError: for anything but integers.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.gcd([12, 7], [18, 5])).tolist()
        [6, 1]
    """
    _, x1, x2 = operands("gcd", x1, x2)
    refuse("gcd", x1, "bool")
    return _registry.active().gcd(*integers("gcd", x1, x2))


@op
def lcm(x1: ArrayLike, x2: ArrayLike) -> Array:
    """The least common multiple of |x1| and |x2|, element by element; 0 where either is 0.

    Args:
        x1, x2: integer arrays that broadcast against each other.

    Returns:
        An array of the common shape and dtype.

    Raises:
        ShapeError: when the shapes do not broadcast.
        DTypeError: for anything but integers.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.lcm([4, 7], [6, 5])).tolist()
        [12, 35]
    """
    _, x1, x2 = operands("lcm", x1, x2)
    refuse("lcm", x1, "bool")
    return _registry.active().lcm(*integers("lcm", x1, x2))


@op
def ldexp(x1: ArrayLike, x2: ArrayLike) -> Array:
    """`x1 * 2 ** x2`, element by element, without an overflow on the way.

    Args:
        x1: real numbers.
        x2: integers; the shapes broadcast against each other.

    Returns:
        An array of the common shape, floating: integers become `floatx()`.

    Raises:
        ShapeError: when the shapes do not broadcast.
        DTypeError: when `x1` is complex or `x2` is not of integers.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.ldexp([0.75, 5.0], [2, 1])).tolist()
        [3.0, 10.0]
    """
    refuse("ldexp", x1, "complex")
    _, x1 = promote_float(x1)
    (x2,) = integers("ldexp", arrays(x2)[1])
    check_broadcast("ldexp", (x1, x2))
    return _registry.active().ldexp(x1, cast(x2, "int32"))


@op
def nextafter(x1: ArrayLike, x2: ArrayLike) -> Array:
    """The floating point number next to `x1` in the direction of `x2`, element by element.

    Args:
        x1, x2: real arrays that broadcast against each other.

    Returns:
        An array of the common shape, floating: integers and booleans become `floatx()`.

    Raises:
        ShapeError: when the shapes do not broadcast.
        DTypeError: for complex arrays.

    Example:
        >>> from lamella import ops
        >>> float(ops.nextafter(1.0, 2.0)) - 1.0  # 2 ** -23
        1.1920928955078125e-07
    """
    x1, x2 = strong(x1, x2)
    refuse("nextafter", x1, "complex")
    refuse("nextafter", x2, "complex")
    xp, x1, x2 = float_operands("nextafter", x1, x2)
    return xp.nextafter(x1, x2)
