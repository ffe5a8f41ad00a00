"""Angles, trigonometric and hyperbolic functions, and the parts of complex numbers, element by element."""

import math

from lamella.backend import _registry
from lamella.core._arrays import arrays, cast, dtype_of, promote_float
from lamella.core._operation import op
from lamella.ops._operands import float_operands, kind_of, refuse, strong
from lamella.typing import Array, ArrayLike

__all__ = [
    "sin",
    "cos",
    "tan",
    "arcsin",
    "arccos",
    "arctan",
    "arctan2",
    "sinh",
    "cosh",
    "tanh",
    "arcsinh",
    "arccosh",
    "arctanh",
    "sinc",
    "hypot",
    "deg2rad",
    "rad2deg",
    "real",
    "imag",
    "conj",
    "conjugate",
    "angle",
]


@op
def sin(x: ArrayLike) -> Array:
    """The sine of `x` (radians), element by element.

    Args:
        x: an array.

    Returns:
        An array of the same shape, floating or complex: integers and booleans become `floatx()`.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.sin([0.0])).tolist()
        [0.0]
    """
    xp, x = promote_float(x)
    return xp.sin(x)


@op
def cos(x: ArrayLike) -> Array:
    """The cosine of `x` (radians), element by element.

    Args:
        x: an array.

    Returns:
        An array of the same shape, floating or complex: integers and booleans become `floatx()`.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.cos([0.0])).tolist()
        [1.0]
    """
    xp, x = promote_float(x)
    return xp.cos(x)


@op
def tan(x: ArrayLike) -> Array:
    """The tangent of `x` (radians), element by element.

    Args:
        x: an array.

    Returns:
        An array of the same shape, floating or complex: integers and booleans become `floatx()`.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.tan([0.0])).tolist()
        [0.0]
    """
    xp, x = promote_float(x)
    return xp.tan(x)


@op
def arcsin(x: ArrayLike) -> Array:
    """The angle in [-π/2, π/2] whose sine is `x`; NaN outside [-1, 1], element by element.

    Args:
        x: an array.

    Returns:
        An array of the same shape, floating or complex: integers and booleans become `floatx()`.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.arcsin([0.0])).tolist()
        [0.0]
    """
    xp, x = promote_float(x)
    return xp.asin(x)


@op
def arccos(x: ArrayLike) -> Array:
    """The angle in [0, π] whose cosine is `x`; NaN outside [-1, 1], element by element.

    Args:
        x: an array.

    Returns:
        An array of the same shape, floating or complex: integers and booleans become `floatx()`.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.arccos([1.0])).tolist()
        [0.0]
    """
    xp, x = promote_float(x)
    return xp.acos(x)


@op
def arctan(x: ArrayLike) -> Array:
    """The angle in (-π/2, π/2) whose tangent is `x`, element by element.

    Args:
        x: an array.

    Returns:
        An array of the same shape, floating or complex: integers and booleans become `floatx()`.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.arctan([0.0])).tolist()
        [0.0]
    """
    xp, x = promote_float(x)
    return xp.atan(x)


@op
def arctan2(x1: ArrayLike, x2: ArrayLike) -> Array:
    """The angle in [-π, π] of the point with ordinate `x1` and abscissa `x2`, element by element.

    Args:
        x1, x2: real arrays that broadcast against each other.

    Returns:
        An array of the common shape, floating: integers and booleans become `floatx()`.

    Raises:
        ShapeError: when the shapes do not broadcast.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.arctan2([0.0, 1.0], [1.0, float("inf")])).tolist()
        [0.0, 0.0]
    """
    xp, x1, x2 = float_operands("arctan2", *strong(x1, x2))
    return xp.atan2(x1, x2)


@op
def sinh(x: ArrayLike) -> Array:
    """The hyperbolic sine, `(exp(x) - exp(-x)) / 2`, element by element.

    Args:
        x: an array.

    Returns:
        An array of the same shape, floating or complex: integers and booleans become `floatx()`.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.sinh([0.0])).tolist()
        [0.0]
    """
    xp, x = promote_float(x)
    return xp.sinh(x)


@op
def cosh(x: ArrayLike) -> Array:
    """The hyperbolic cosine, `(exp(x) + exp(-x)) / 2`, element by element.

    Args:
        x: an array.

    Returns:
        An array of the same shape, floating or complex: integers and booleans become `floatx()`.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.cosh([0.0])).tolist()
        [1.0]
    """
    xp, x = promote_float(x)
    return xp.cosh(x)


@op
def tanh(x: ArrayLike) -> Array:
    """The hyperbolic tangent, `sinh(x) / cosh(x)`, in [-1, 1], element by element.

    Args:
        x: an array.

    Returns:
        An array of the same shape, floating or complex: integers and booleans become `floatx()`.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.tanh([0.0, float("inf")])).tolist()
        [0.0, 1.0]
    """
    xp, x = promote_float(x)
    return xp.tanh(x)


@op
def arcsinh(x: ArrayLike) -> Array:
    """The inverse of `sinh`, `log(x + sqrt(x ** 2 + 1))`, element by element.

    Args:
        x: an array.

    Returns:
        An array of the same shape, floating or complex: integers and booleans become `floatx()`.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.arcsinh([0.0])).tolist()
        [0.0]
    """
    xp, x = promote_float(x)
    return xp.asinh(x)


@op
def arccosh(x: ArrayLike) -> Array:
    """The non-negative inverse of `cosh`, `log(x + sqrt(x ** 2 - 1))`; NaN below 1, element by element.

    Args:
        x: an array.

    Returns:
        An array of the same shape, floating or complex: integers and booleans become `floatx()`.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.arccosh([1.0])).tolist()
        [0.0]
    """
    xp, x = promote_float(x)
    return xp.acosh(x)


@op
def arctanh(x: ArrayLike) -> Array:
    """The inverse of `tanh`, `log((1 + x) / (1 - x)) / 2`; infinite at ±1, NaN beyond, element by element.

    Args:
        x: an array.

    Returns:
        An array of the same shape, floating or complex: integers and booleans become `floatx()`.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.arctanh([0.0, 1.0])).tolist()
        [0.0, inf]
    """
    xp, x = promote_float(x)
    return xp.atanh(x)


@op
def sinc(x: ArrayLike) -> Array:
    """`sin(π x) / (π x)`, and 1 at 0, element by element: the normalised sinc of signal processing.

    Args:
        x: an array.

    Returns:
        An array of the same shape, floating or complex: integers and booleans become `floatx()`.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.sinc([0.0])).tolist()
        [1.0]
    """
    _, x = promote_float(x)
    return _registry.active().sinc(x)


@op
def hypot(x1: ArrayLike, x2: ArrayLike) -> Array:
    """`sqrt(x1 ** 2 + x2 ** 2)`, element by element, without overflow on the way.

    Args:
        x1, x2: real arrays that broadcast against each other.

    Returns:
        An array of the common shape, floating: integers and booleans become `floatx()`.

    Raises:
        ShapeError: when the shapes do not broadcast.
        DTypeError: for complex arrays.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.hypot([3.0, 0.0], [4.0, 2.0])).tolist()
        [5.0, 2.0]
    """
    xp, x1, x2 = float_operands("hypot", x1, x2)
    refuse("hypot", x1, "complex")
    return xp.hypot(x1, x2)


@op
def deg2rad(x: ArrayLike) -> Array:
    """Degrees as radians: `x * π / 180`, element by element.

    Args:
        x: angles in degrees.

    Returns:
        An array of the same shape, floating: integers and booleans become `floatx()`.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.cos(ops.deg2rad([0.0, 180.0]))).tolist()
        [1.0, -1.0]
    """
    xp, x = promote_float(x)
    return xp.multiply(x, cast(math.pi / 180, dtype_of(x)))


@op
def rad2deg(x: ArrayLike) -> Array:
    """Radians as degrees: `x * 180 / π`, element by element.

    Args:
        x: angles in radians.

    Returns:
        An array of the same shape, floating: integers and booleans become `floatx()`.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.round(ops.rad2deg([0.0, 3.14159265]))).tolist()
        [0.0, 180.0]
    """
    xp, x = promote_float(x)
    return xp.multiply(x, cast(180 / math.pi, dtype_of(x)))


@op
def real(x: ArrayLike) -> Array:
    """The real part, element by element.

    Args:
        x: an array.

    Returns:
        A real array of the same shape; `x` itself where it is real.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.real([1 + 2j, 3 - 1j])).tolist()
        [1.0, 3.0]
    """
    xp, x = arrays(x)
    return xp.real(x) if kind_of(dtype_of(x)) == "complex" else x


@op
def imag(x: ArrayLike) -> Array:
    """The imaginary part, element by element.

    Args:
        x: an array.

    Returns:
        A real array of the same shape; zeros of the same dtype where `x` is real.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.imag([1 + 2j, 3 - 1j])).tolist()
        [2.0, -1.0]
    """
    xp, x = arrays(x)
    return xp.imag(x) if kind_of(dtype_of(x)) == "complex" else xp.zeros_like(x)


@op
def conj(x: ArrayLike) -> Array:
    """The complex conjugate, element by element: the imaginary part with its sign changed.

    Args:
        x: an array.

    Returns:
        An array of the same shape and dtype; `x` itself where it is real.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.conj([1 + 2j])).tolist()
        [(1-2j)]
    """
    xp, x = arrays(x)
    return xp.conj(x) if kind_of(dtype_of(x)) == "complex" else x


@op
def conjugate(x: ArrayLike) -> Array:
    """The complex conjugate, element by element: a longer name of `conj`.

    Args:
        x: an array.

    Returns:
        An array of the same shape and dtype; `x` itself where it is real.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.conjugate([3 - 1j])).tolist()
        [(3+1j)]
    """
    return conj(x)


@op
def angle(x: ArrayLike) -> Array:
    """The argument of a complex number, in [-π, π], element by element; 0 or π for real numbers.

    Args:
        x: an array.

    Returns:
        An array of the same shape, floating: integers and booleans become `floatx()`.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.round(ops.angle([1j, 1.0]), 4)).tolist()
        [1.5707999467849731, 0.0]
    """
    xp, x = promote_float(x)
    if kind_of(dtype_of(x)) == "complex":
        return xp.atan2(xp.imag(x), xp.real(x))
    return xp.atan2(xp.zeros_like(x), x)
