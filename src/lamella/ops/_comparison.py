"""Comparison and logic, element by element, and what picks between values: maximum, clip, nan_to_num."""

from lamella.backend import _dtypes, _registry
from lamella.core._arrays import arrays, cast, dtype_of
from lamella.core._operation import op
from lamella.ops._operands import check_broadcast, float_operands, kind_of, operands, refuse
from lamella.typing import Array, ArrayLike

__all__ = [
    "equal",
    "not_equal",
    "less",
    "less_equal",
    "greater",
    "greater_equal",
    "isclose",
    "allclose",
    "logical_and",
    "logical_or",
    "logical_xor",
    "logical_not",
    "isnan",
    "isinf",
    "isposinf",
    "isneginf",
    "isfinite",
    "isreal",
    "signbit",
    "maximum",
    "minimum",
    "fmax",
    "fmin",
    "clip",
    "heaviside",
    "nan_to_num",
]


@op
def equal(x1: ArrayLike, x2: ArrayLike) -> Array:
    """Whether `x1 == x2`, element by element; NaN equals nothing.

    Args:
        x1, x2: arrays that broadcast against each other; compared in their common dtype.

    Returns:
        A boolean array of the common shape.

    Raises:
        ShapeError: when the shapes do not broadcast.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.equal([1, 2], [1, 3])).tolist()
        [True, False]
    """
    xp, x1, x2 = operands("equal", x1, x2)
    return xp.equal(x1, x2)


@op
def not_equal(x1: ArrayLike, x2: ArrayLike) -> Array:
    """Whether `x1 != x2`, element by element; NaN differs from everything.

    Args:
        x1, x2: arrays that broadcast against each other; compared in their common dtype.

    Returns:
        A boolean array of the common shape.

    Raises:
        ShapeError: when the shapes do not broadcast.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.not_equal([1, 2], [1, 3])).tolist()
        [False, True]
    """
    xp, x1, x2 = operands("not_equal", x1, x2)
    return xp.not_equal(x1, x2)


@op
def less(x1: ArrayLike, x2: ArrayLike) -> Array:
    """Whether `x1 < x2`, element by element.

    Args:
        x1, x2: arrays that broadcast against each other; compared in their common dtype.

    Returns:
        A boolean array of the common shape.

    Raises:
        ShapeError: when the shapes do not broadcast.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.less([1, 2, 3], 2)).tolist()
        [True, False, False]
    """
    xp, x1, x2 = operands("less", x1, x2)
    return xp.less(x1, x2)


@op
def less_equal(x1: ArrayLike, x2: ArrayLike) -> Array:
    """Whether `x1 <= x2`, element by element.

    Args:
        x1, x2: arrays that broadcast against each other; compared in their common dtype.

    Returns:
        A boolean array of the common shape.

    Raises:
        ShapeError: when the shapes do not broadcast.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.less_equal([1, 2, 3], 2)).tolist()
        [True, True, False]
    """
    xp, x1, x2 = operands("less_equal", x1, x2)
    return xp.less_equal(x1, x2)


@op
def greater(x1: ArrayLike, x2: ArrayLike) -> Array:
    """Whether `x1 > x2`, element by element.

    Args:
        x1, x2: arrays that broadcast against each other; compared in their common dtype.

    Returns:
        A boolean array of the common shape.

    Raises:
        ShapeError: when the shapes do not broadcast.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.greater([1, 2, 3], 2)).tolist()
        [False, False, True]
    """
    xp, x1, x2 = operands("greater", x1, x2)
    return xp.greater(x1, x2)


@op
def greater_equal(x1: ArrayLike, x2: ArrayLike) -> Array:
    """Whether `x1 >= x2`, element by element.

    Args:
        x1, x2: arrays that broadcast against each other; compared in their common dtype.

    Returns:
        A boolean array of the common shape.

    Raises:
        ShapeError: when the shapes do not broadcast.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.greater_equal([1, 2, 3], 2)).tolist()
        [False, True, True]
    """
    xp, x1, x2 = operands("greater_equal", x1, x2)
    return xp.greater_equal(x1, x2)


@op
def isclose(x1: ArrayLike, x2: ArrayLike, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Array:
    """Whether `|x1 - x2| <= atol + rtol * |x2|`, element by element.

    Equal infinities are close; an infinity is close to nothing else. The relation is not symmetric.

    Args:
        x1, x2: arrays that broadcast against each other.
        rtol: the relative tolerance, dimensionless.
        atol: the absolute tolerance, in the unit of the arrays.
        equal_nan: whether NaN is close to NaN.

    Returns:
        A boolean array of the common shape.

    Raises:
        ShapeError: when the shapes do not broadcast.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.isclose([1.0, 2.0], [1.000001, 2.1])).tolist()
        [True, False]
    """
    xp, x1, x2 = float_operands("isclose", x1, x2)
    finite = xp.logical_and(xp.isfinite(x1), xp.isfinite(x2))
    near = xp.less_equal(xp.abs(xp.subtract(x1, x2)), atol + rtol * xp.abs(x2))
    close = xp.where(finite, near, xp.equal(x1, x2))
    if equal_nan:
        close = xp.logical_or(close, xp.logical_and(xp.isnan(x1), xp.isnan(x2)))
    return close


@op
def allclose(x1: ArrayLike, x2: ArrayLike, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Array:
    """Whether `isclose` holds everywhere.

    Args:
        x1, x2: arrays that broadcast against each other.
        rtol: the relative tolerance, dimensionless.
        atol: the absolute tolerance, in the unit of the arrays.
        equal_nan: whether NaN is close to NaN.

    Returns:
        A boolean scalar.

    Raises:
        ShapeError: when the shapes do not broadcast.

    Example:
        >>> from lamella import ops
        >>> bool(ops.allclose([1.0, 2.0], [1.000001, 2.0]))
        True
    """
    xp, x1, x2 = operands("allclose", x1, x2)
    return xp.all(isclose(x1, x2, rtol, atol, equal_nan))


def _truths(op_name: str, *values: ArrayLike) -> tuple:
    """(xp, *values as booleans): whatever is not zero is true."""
    xp, *found = arrays(*values)
    check_broadcast(op_name, found)
    return xp, *(cast(x, "bool") for x in found)


@op
def logical_and(x1: ArrayLike, x2: ArrayLike) -> Array:
    """Whether both are true, element by element; any value but zero is true.

    Args:
        x1, x2: arrays that broadcast against each other.

    Returns:
        A boolean array of the common shape.

    Raises:
        ShapeError: when the shapes do not broadcast.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.logical_and([True, False], True)).tolist()
        [True, False]
    """
    xp, x1, x2 = _truths("logical_and", x1, x2)
    return xp.logical_and(x1, x2)


@op
def logical_or(x1: ArrayLike, x2: ArrayLike) -> Array:
    """Whether either is true, element by element; any value but zero is true.

    Args:
        x1, x2: arrays that broadcast against each other.

    Returns:
        A boolean array of the common shape.

    Raises:
        ShapeError: when the shapes do not broadcast.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.logical_or([True, False], False)).tolist()
        [True, False]
    """
    xp, x1, x2 = _truths("logical_or", x1, x2)
    return xp.logical_or(x1, x2)


@op
def logical_xor(x1: ArrayLike, x2: ArrayLike) -> Array:
    """Whether exactly one is true, element by element; any value but zero is true.

    Args:
        x1, x2: arrays that broadcast against each other.

    Returns:
        A boolean array of the common shape.

    Raises:
        ShapeError: when the shapes do not broadcast.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.logical_xor([True, False], True)).tolist()
        [False, True]
    """
    xp, x1, x2 = _truths("logical_xor", x1, x2)
    return xp.logical_xor(x1, x2)


@op
def logical_not(x: ArrayLike) -> Array:
    """Whether `x` is false, element by element; any value but zero is true.

    Args:
        x: an array.

    Returns:
        A boolean array of the same shape.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.logical_not([True, False])).tolist()
        [False, True]
    """
    xp, x = _truths("logical_not", x)
    return xp.logical_not(x)


def _exact(x: Array) -> bool:
    """Whether the dtype has neither infinities nor NaN."""
    return kind_of(dtype_of(x)) in ("bool", "int")


def _falsehoods(x: Array) -> Array:
    return cast(_registry.active().xp.zeros_like(x), "bool")


@op
def isnan(x: ArrayLike) -> Array:
    """Whether `x` is NaN, element by element; for complex numbers, whether either part is.

    Args:
        x: an array.

    Returns:
        A boolean array of the same shape; all False for integers and booleans.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.isnan([1.0, float("nan")])).tolist()
        [False, True]
    """
    xp, x = arrays(x)
    return _falsehoods(x) if _exact(x) else xp.isnan(x)


@op
def isinf(x: ArrayLike) -> Array:
    """Whether `x` is infinite, of either sign, element by element.

    Args:
        x: an array.

    Returns:
        A boolean array of the same shape; all False for integers and booleans.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.isinf([1.0, float("-inf")])).tolist()
        [False, True]
    """
    xp, x = arrays(x)
    return _falsehoods(x) if _exact(x) else xp.isinf(x)


@op
def isposinf(x: ArrayLike) -> Array:
    """Whether `x` is positive infinity, element by element.

    Args:
        x: a real array.

    Returns:
        A boolean array of the same shape; all False for integers and booleans.

    Raises:
        DTypeError: for complex arrays.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.isposinf([float("inf"), float("-inf")])).tolist()
        [True, False]
    """
    refuse("isposinf", x, "complex")
    xp, x = arrays(x)
    return _falsehoods(x) if _exact(x) else xp.equal(x, float("inf"))


@op
def isneginf(x: ArrayLike) -> Array:
    """Whether `x` is negative infinity, element by element.

    Args:
        x: a real array.

    Returns:
        A boolean array of the same shape; all False for integers and booleans.

    Raises:
        DTypeError: for complex arrays.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.isneginf([float("inf"), float("-inf")])).tolist()
        [False, True]
    """
    refuse("isneginf", x, "complex")
    xp, x = arrays(x)
    return _falsehoods(x) if _exact(x) else xp.equal(x, float("-inf"))


@op
def isfinite(x: ArrayLike) -> Array:
    """Whether `x` is neither infinite nor NaN, element by element.

    Args:
        x: an array.

    Returns:
        A boolean array of the same shape; all True for integers and booleans.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.isfinite([1.0, float("inf"), float("nan")])).tolist()
        [True, False, False]
    """
    xp, x = arrays(x)
    return xp.logical_not(_falsehoods(x)) if _exact(x) else xp.isfinite(x)


@op
def isreal(x: ArrayLike) -> Array:
    """Whether the imaginary part of `x` is zero, element by element.

    Args:
        x: an array.

    Returns:
        A boolean array of the same shape; all True for real dtypes.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.isreal([1 + 0j, 1 + 2j])).tolist()
        [True, False]
    """
    xp, x = arrays(x)
    if kind_of(dtype_of(x)) == "complex":
        return xp.equal(xp.imag(x), 0)
    return xp.logical_not(_falsehoods(x))


@op
def signbit(x: ArrayLike) -> Array:
    """Whether the sign bit of `x` is set, element by element: also for -0.0, unlike `x < 0`.

    Args:
        x: a real array.

    Returns:
        A boolean array of the same shape.

    Raises:
        DTypeError: for complex arrays.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.signbit([-1.0, -0.0, 0.0])).tolist()
        [True, True, False]
    """
    refuse("signbit", x, "complex")
    xp, x = arrays(x)
    if kind_of(dtype_of(x)) == "bool":
        return _falsehoods(x)
    return xp.less(x, 0) if _exact(x) else xp.signbit(x)


@op
def maximum(x1: ArrayLike, x2: ArrayLike) -> Array:
    """The larger of `x1` and `x2`, element by element; NaN where either is NaN.

    Where they are equal, each receives half of the gradient.

    Args:
        x1, x2: arrays that broadcast against each other.

    Returns:
        An array of the common shape and dtype.

    Raises:
        ShapeError: when the shapes do not broadcast.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.maximum([1, 5], [3, 2])).tolist()
        [3, 5]
    """
    xp, x1, x2 = operands("maximum", x1, x2)
    return xp.logical_or(x1, x2) if kind_of(dtype_of(x1)) == "bool" else xp.maximum(x1, x2)


@op
def minimum(x1: ArrayLike, x2: ArrayLike) -> Array:
    """The smaller of `x1` and `x2`, element by element; NaN where either is NaN.

    Where they are equal, each receives half of the gradient.

    Args:
        x1, x2: arrays that broadcast against each other.

    Returns:
        An array of the common shape and dtype.

    Raises:
        ShapeError: when the shapes do not broadcast.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.minimum([1, 5], [3, 2])).tolist()
        [1, 2]
    """
    xp, x1, x2 = operands("minimum", x1, x2)
    return xp.logical_and(x1, x2) if kind_of(dtype_of(x1)) == "bool" else xp.minimum(x1, x2)


@op
def fmax(x1: ArrayLike, x2: ArrayLike) -> Array:
    """The larger of `x1` and `x2`, element by element; the other one where one is NaN.

    Where they are equal, each receives half of the gradient.

    Args:
        x1, x2: arrays that broadcast against each other.

    Returns:
        An array of the common shape and dtype.

    Raises:
        ShapeError: when the shapes do not broadcast.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.fmax([1.0, float("nan")], 0.5)).tolist()
        [1.0, 0.5]
    """
    return _ignoring_nan("fmax", maximum, x1, x2)


@op
def fmin(x1: ArrayLike, x2: ArrayLike) -> Array:
    """The smaller of `x1` and `x2`, element by element; the other one where one is NaN.

    Where they are equal, each receives half of the gradient.

    Args:
        x1, x2: arrays that broadcast against each other.

    Returns:
        An array of the common shape and dtype.

    Raises:
        ShapeError: when the shapes do not broadcast.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.fmin([1.0, float("nan")], 0.5)).tolist()
        [0.5, 0.5]
    """
    return _ignoring_nan("fmin", minimum, x1, x2)


def _ignoring_nan(op_name: str, pick, x1: ArrayLike, x2: ArrayLike) -> Array:
    xp, x1, x2 = operands(op_name, x1, x2)
    if _exact(x1):
        return pick(x1, x2)
    first = xp.where(xp.isnan(x1), x2, x1)
    second = xp.where(xp.isnan(x2), x1, x2)
    return pick(first, second)


@op
def clip(x: ArrayLike, x_min: ArrayLike, x_max: ArrayLike) -> Array:
    """`x` kept within [x_min, x_max], element by element: `minimum(maximum(x, x_min), x_max)`.

    The gradient with respect to `x` is 1 inside, 0 outside, and 1/2 on a bound, as on JAX.

    Args:
        x: a real array. Booleans count as int32.
        x_min: the lower bound, a scalar or an array that broadcasts with `x`; None for none.
        x_max: the upper bound, likewise. Where it is below `x_min`, the result is `x_max`.

    Returns:
        An array of the common shape and dtype.

    Raises:
        ShapeError: when the shapes do not broadcast.
        DTypeError: for complex arrays.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.clip([-2.0, 0.5, 3.0], 0.0, 1.0)).tolist()
        [0.0, 0.5, 1.0]
    """
    given = [x, *(bound for bound in (x_min, x_max) if bound is not None)]
    xp, x, *bounds = operands("clip", *given)
    refuse("clip", x, "complex")
    if kind_of(dtype_of(x)) == "bool":
        x, *bounds = (cast(v, "int32") for v in (x, *bounds))
    if x_min is not None:
        x = xp.maximum(x, bounds[0])
    return x if x_max is None else xp.minimum(x, bounds[-1])


@op
def heaviside(x1: ArrayLike, x2: ArrayLike) -> Array:
    """The step function: 0 where `x1 < 0`, `x2` where it is 0, 1 where it is positive, NaN where it is NaN.

    Args:
        x1: real numbers.
        x2: the values at 0; the shapes broadcast against each other.

    Returns:
        An array of the common shape, floating: integers and booleans become `floatx()`.

    Raises:
        ShapeError: when the shapes do not broadcast.
        DTypeError: for complex arrays.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.heaviside([-2.0, 0.0, 3.0], 0.5)).tolist()
        [0.0, 0.5, 1.0]
    """
    xp, x1, x2 = float_operands("heaviside", x1, x2)
    refuse("heaviside", x1, "complex")
    zeros, ones = xp.zeros_like(x1), xp.ones_like(x1)
    step = xp.where(xp.greater(x1, 0), ones, zeros)
    step = xp.where(xp.isnan(x1), x1, step)
    return xp.where(xp.equal(x1, 0), x2, step)


@op
def nan_to_num(x: ArrayLike, nan: ArrayLike = 0.0, posinf: ArrayLike = None, neginf: ArrayLike = None) -> Array:
    """`x` with NaN and the infinities replaced by finite numbers.

    Args:
        x: an array. Of complex numbers, each part is treated by itself.
        nan: what replaces NaN.
        posinf: what replaces infinity; None for the largest finite number of the dtype.
        neginf: what replaces minus infinity; None for the smallest finite number of the dtype.

    Returns:
        An array of the same shape and dtype.

    Example:
        >>> from lamella import ops
        >>> x = [float("nan"), float("inf"), 1.0]
        >>> ops.convert_to_numpy(ops.nan_to_num(x, nan=-1.0, posinf=9.0)).tolist()
        [-1.0, 9.0, 1.0]
    """
    xp, x = arrays(x)
    dtype = dtype_of(x)
    if _exact(x):
        return x
    if kind_of(dtype) == "complex":
        parts = (nan_to_num(part, nan, posinf, neginf) for part in (xp.real(x), xp.imag(x)))
        real, imag = (cast(part, dtype) for part in parts)
        return xp.add(real, xp.multiply(imag, 1j))
    lowest, largest = _dtypes.finite_range(dtype)
    for found, replacement in (
        (xp.isnan(x), nan),
        (xp.equal(x, float("inf")), largest if posinf is None else posinf),
        (xp.equal(x, float("-inf")), lowest if neginf is None else neginf),
    ):
        x = xp.where(found, cast(replacement, dtype), x)
    return x
