"""Exponentials, logarithms and roots, element by element."""

from lamella.backend import _registry
from lamella.core._arrays import promote_float
from lamella.core._operation import op
from lamella.ops._operands import float_operands, refuse, strong
from lamella.typing import Array, ArrayLike

__all__ = [
    "exp",
    "exp2",
    "expm1",
    "log",
    "log2",
    "log10",
    "log1p",
    "logaddexp",
    "logaddexp2",
    "sqrt",
    "cbrt",
    "i0",
]


@op
def exp(x: ArrayLike) -> Array:
    """`e ** x`, element by element.

    Args:
        x: an array.

    Returns:
        An array of the same shape, floating or complex: integers and booleans become `floatx()`.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.exp([0.0, float("-inf")])).tolist()
        [1.0, 0.0]
    """
    xp, x = promote_float(x)
    return xp.exp(x)


@op
def exp2(x: ArrayLike) -> Array:
    """`2 ** x`, element by element.

    Args:
        x: an array.

    Returns:
        An array of the same shape, floating or complex: integers and booleans become `floatx()`.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.exp2([0.0, 3.0])).tolist()
        [1.0, 8.0]
    """
    _, x = promote_float(x)
    return _registry.active().exp2(x)


@op
def expm1(x: ArrayLike) -> Array:
    """`e ** x - 1`, element by element, exact also for small `x`.

    Args:
        x: an array.

    Returns:
        An array of the same shape, floating or complex: integers and booleans become `floatx()`.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.expm1([0.0, float("-inf")])).tolist()
        [0.0, -1.0]
    """
    xp, x = promote_float(x)
    return xp.expm1(x)


@op
def log(x: ArrayLike) -> Array:
    """The natural logarithm, element by element; minus infinity at 0, NaN below.

    Args:
        x: an array.

    Returns:
        An array of the same shape, floating or complex: integers and booleans become `floatx()`.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.log([1.0, 0.0])).tolist()
        [0.0, -inf]
    """
    xp, x = promote_float(x)
    return xp.log(x)


@op
def log2(x: ArrayLike) -> Array:
    """The logarithm to base 2, element by element; minus infinity at 0, NaN below.

    Args:
        x: an array.

    Returns:
        An array of the same shape, floating or complex: integers and booleans become `floatx()`.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.log2([1.0, 8.0])).tolist()
        [0.0, 3.0]
    """
    xp, x = promote_float(x)
    return xp.log2(x)


@op
def log10(x: ArrayLike) -> Array:
    """The logarithm to base 10, element by element; minus infinity at 0, NaN below.

    Args:
        x: an array.

    Returns:
        An array of the same shape, floating or complex: integers and booleans become `floatx()`.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.log10([1.0, 0.0])).tolist()
        [0.0, -inf]
    """
    xp, x = promote_float(x)
    return xp.log10(x)


@op
def log1p(x: ArrayLike) -> Array:
    """`log(1 + x)`, element by element, exact also for small `x`.

    Args:
        x: an array.

    Returns:
        An array of the same shape, floating or complex: integers and booleans become `floatx()`.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.log1p([0.0, -1.0])).tolist()
        [0.0, -inf]
    """
    xp, x = promote_float(x)
    return xp.log1p(x)


@op
def logaddexp(x1: ArrayLike, x2: ArrayLike) -> Array:
    """`log(exp(x1) + exp(x2))`, element by element, without overflow.

    Args:
        x1, x2: arrays that broadcast against each other.

    Returns:
        An array of the common shape, floating or complex: integers and booleans become `floatx()`.

    Raises:
        ShapeError: when the shapes do not broadcast.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.logaddexp([1000.0, 3.0], float("-inf"))).tolist()
        [1000.0, 3.0]
    """
    xp, x1, x2 = float_operands("logaddexp", *strong(x1, x2))
    return xp.logaddexp(x1, x2)


@op
def logaddexp2(x1: ArrayLike, x2: ArrayLike) -> Array:
    """`log2(2 ** x1 + 2 ** x2)`, element by element, without overflow.

    Args:
        x1, x2: arrays that broadcast against each other.

    Returns:
        An array of the common shape, floating or complex: integers and booleans become `floatx()`.

    Raises:
        ShapeError: when the shapes do not broadcast.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.logaddexp2([1000.0, 3.0], float("-inf"))).tolist()
        [1000.0, 3.0]
    """
    _, x1, x2 = float_operands("logaddexp2", *strong(x1, x2))
    return _registry.active().logaddexp2(x1, x2)


@op
def sqrt(x: ArrayLike) -> Array:
    """The square root, element by element; NaN for negative real numbers.

    Args:
        x: an array.

    Returns:
        An array of the same shape, floating or complex: integers and booleans become `floatx()`.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.sqrt([4.0, 9.0])).tolist()
        [2.0, 3.0]
    """
    xp, x = promote_float(x)
    return xp.sqrt(x)


@op
def cbrt(x: ArrayLike) -> Array:
    """The real cube root, element by element; of negative numbers too.

    Args:
        x: a real array.

    Returns:
        An array of the same shape, floating: integers and booleans become `floatx()`.

    Raises:
        DTypeError: for complex arrays.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.round(ops.cbrt([8.0, -27.0]))).tolist()
        [2.0, -3.0]
    """
    refuse("cbrt", x, "complex")
    _, x = promote_float(x)
    return _registry.active().cbrt(x)


@op
def i0(x: ArrayLike) -> Array:
    """The modified Bessel function of the first kind and order 0, element by element.

    Abramowitz and Stegun (1964), equation 9.6.12: the sum over k of `(x / 2) ** (2 * k) / (k!) ** 2`.

    Args:
        x: a real array.

    Returns:
        An array of the same shape, floating: integers and booleans become `floatx()`.

    Raises:
        DTypeError: for complex arrays.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.round(ops.i0([0.0, 5.0]))).tolist()
        [1.0, 27.0]
    """
    refuse("i0", x, "complex")
    _, x = promote_float(x)
    return _registry.active().i0(x)
