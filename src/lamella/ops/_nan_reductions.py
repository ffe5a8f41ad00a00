"""Reductions that leave NaN out."""

import math

from lamella.core._arrays import arrays, cast, dtype_of, promote_float
from lamella.core._operation import op
from lamella.ops._operands import kind_of, reduced_axes, refuse, single_axis
from lamella.ops._reductions import extreme, position, running, total, wide
from lamella.typing import Array, ArrayLike, Axis

__all__ = [
    "nansum",
    "nanprod",
    "nanmean",
    "nanvar",
    "nanstd",
    "nanmax",
    "nanmin",
    "nanargmax",
    "nanargmin",
    "nancumsum",
    "nancumprod",
]


def _filled(x: Array, value: float) -> tuple:
    """(xp, `x` with `value` in the place of NaN, where NaN was or None for dtypes without NaN)."""
    xp, x = arrays(x)
    if kind_of(dtype_of(x)) in ("bool", "int"):
        return xp, x, None
    missing = xp.isnan(x)
    return xp, xp.where(missing, xp.full_like(x, value), x), missing


@op
def nansum(x: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Array:
    """The sum along axes of what is not NaN; 0 where there is nothing but NaN.

    Args:
        x: an array.
        axis: the axis or axes to reduce; None for all of them.
        keepdims: whether reduced axes stay, with size 1.

    Returns:
        An array without the reduced axes, of the dtype that `sum` has.

    Raises:
        ShapeError: when an axis is out of bounds or given twice.

    Example:
        >>> from lamella import ops
        >>> nan = float("nan")
        >>> ops.convert_to_numpy(ops.nansum([2.0, nan, 3.0])).tolist()
        5.0
    """
    _, x, _ = _filled(x, 0)
    return total("nansum", x, axis, keepdims)


@op
def nanprod(x: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Array:
    """The product along axes of what is not NaN; 1 where there is nothing but NaN.

    Args:
        x: an array.
        axis: the axis or axes to reduce; None for all of them.
        keepdims: whether reduced axes stay, with size 1.

    Returns:
        An array without the reduced axes, of the dtype that `prod` has.

    Raises:
        ShapeError: when an axis is out of bounds or given twice.

    Example:
        >>> from lamella import ops
        >>> nan = float("nan")
        >>> ops.convert_to_numpy(ops.nanprod([2.0, nan, 3.0])).tolist()
        6.0
    """
    _, x, _ = _filled(x, 1)
    return total("nanprod", x, axis, keepdims)


def _moments(op_name: str, x: ArrayLike, axis: Axis, keepdims: bool) -> tuple:
    """(xp, mean, mean of squared distances from it, dtype of `x`), NaN left out."""
    xp, x = promote_float(x)
    dtype = dtype_of(x)
    axes = reduced_axes(op_name, axis, x.ndim)
    _, values, missing = _filled(wide(x), 0)
    present = xp.astype(xp.logical_not(missing), values.dtype)
    count = xp.sum(present, axis=axes, keepdims=True)
    mean = xp.sum(values, axis=axes, keepdims=True) / count
    distance = xp.abs(xp.where(missing, xp.zeros_like(values), values - mean))
    variance = xp.sum(xp.square(distance), axis=axes, keepdims=True) / xp.real(count)
    if not keepdims:
        mean, variance = (xp.squeeze(v, axis=axes) for v in (mean, variance))
    return xp, mean, variance, dtype


@op
def nanmean(x: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Array:
    """The mean along axes of what is not NaN; NaN where there is nothing else.

    Args:
        x: an array.
        axis: the axis or axes to reduce; None for all of them.
        keepdims: whether reduced axes stay, with size 1.

    Returns:
        An array without the reduced axes, floating or complex: integers and booleans become `floatx()`.

    Raises:
        ShapeError: when an axis is out of bounds or given twice.

    Example:
        >>> from lamella import ops
        >>> nan = float("nan")
        >>> ops.convert_to_numpy(ops.nanmean([1.0, nan, 3.0])).tolist()
        2.0
    """
    _, average, _, dtype = _moments("nanmean", x, axis, keepdims)
    return cast(average, dtype)


@op
def nanvar(x: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Array:
    """The variance along axes of what is not NaN; NaN where there is nothing else.

    The sum of squares is divided by their number.

    Args:
        x: an array.
        axis: the axis or axes to reduce; None for all of them.
        keepdims: whether reduced axes stay, with size 1.

    Returns:
        A real floating array without the reduced axes: integers and booleans become `floatx()`.

    Raises:
        ShapeError: when an axis is out of bounds or given twice.

    Example:
        >>> from lamella import ops
        >>> nan = float("nan")
        >>> ops.convert_to_numpy(ops.nanvar([1.0, nan, 3.0])).tolist()
        1.0
    """
    _, _, variance, dtype = _moments("nanvar", x, axis, keepdims)
    return variance if kind_of(dtype) == "complex" else cast(variance, dtype)


@op
def nanstd(x: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Array:
    """The standard deviation along axes of what is not NaN: the square root of `nanvar`.

    Args:
        x: an array.
        axis: the axis or axes to reduce; None for all of them.
        keepdims: whether reduced axes stay, with size 1.

    Returns:
        A real floating array without the reduced axes: integers and booleans become `floatx()`.

    Raises:
        ShapeError: when an axis is out of bounds or given twice.

    Example:
        >>> from lamella import ops
        >>> nan = float("nan")
        >>> ops.convert_to_numpy(ops.nanstd([1.0, nan, 3.0])).tolist()
        1.0
    """
    xp, _, variance, dtype = _moments("nanstd", x, axis, keepdims)
    return xp.sqrt(variance) if kind_of(dtype) == "complex" else cast(xp.sqrt(variance), dtype)


@op
def nanmax(x: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Array:
    """The largest value along axes that is not NaN; NaN where there is nothing else.

    Args:
        x: an array.
        axis: the axis or axes to reduce; None for all of them.
        keepdims: whether reduced axes stay, with size 1.

    Returns:
        An array without the reduced axes and of the same dtype.

    Raises:
        ShapeError: when an axis is out of bounds or given twice; or when there is nothing to compare.

    Example:
        >>> from lamella import ops
        >>> nan = float("nan")
        >>> ops.convert_to_numpy(ops.nanmax([2.0, nan, 3.0])).tolist()
        3.0
    """
    xp, x, missing = _filled(x, -math.inf)
    found = extreme("nanmax", True, x, axis, keepdims)
    if missing is None:
        return found
    nothing = xp.all(missing, axis=reduced_axes("nanmax", axis, x.ndim), keepdims=keepdims)
    return xp.where(nothing, xp.full_like(found, math.nan), found)


@op
def nanmin(x: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Array:
    """The smallest value along axes that is not NaN; NaN where there is nothing else.

    Args:
        x: an array.
        axis: the axis or axes to reduce; None for all of them.
        keepdims: whether reduced axes stay, with size 1.

    Returns:
        An array without the reduced axes and of the same dtype.

    Raises:
        ShapeError: when an axis is out of bounds or given twice; or when there is nothing to compare.

    Example:
        >>> from lamella import ops
        >>> nan = float("nan")
        >>> ops.convert_to_numpy(ops.nanmin([2.0, nan, 3.0])).tolist()
        2.0
    """
    xp, x, missing = _filled(x, math.inf)
    found = extreme("nanmin", False, x, axis, keepdims)
    if missing is None:
        return found
    nothing = xp.all(missing, axis=reduced_axes("nanmin", axis, x.ndim), keepdims=keepdims)
    return xp.where(nothing, xp.full_like(found, math.nan), found)


@op
def nanargmax(x: ArrayLike, axis: int | None = None, keepdims: bool = False) -> Array:
    """The index of the largest value along an axis that is not NaN; -1 where there is nothing else.

    Args:
        x: a real array.
        axis: the axis to search along; None for the index into the flattened array.
        keepdims: whether reduced axes stay, with size 1.

    Returns:
        An int32 array without the reduced axis.

    Raises:
        ShapeError: when an axis is out of bounds or given twice; or when there is nothing to compare.
        DTypeError: for complex arrays.

    Example:
        >>> from lamella import ops
        >>> nan = float("nan")
        >>> ops.convert_to_numpy(ops.nanargmax([nan, 3.0, 2.0])).tolist()
        1
    """
    refuse("nanargmax", x, "complex")
    xp, x, missing = _filled(x, -math.inf)
    found = position("nanargmax", x, axis, keepdims)
    if missing is None:
        return found
    axes = None if axis is None else single_axis("nanargmax", axis, x.ndim)
    nothing = xp.all(missing, axis=axes, keepdims=keepdims)
    return xp.where(nothing, xp.full_like(found, -1), found)


@op
def nanargmin(x: ArrayLike, axis: int | None = None, keepdims: bool = False) -> Array:
    """The index of the smallest value along an axis that is not NaN; -1 where there is nothing else.

    Args:
        x: a real array.
        axis: the axis to search along; None for the index into the flattened array.
        keepdims: whether reduced axes stay, with size 1.

    Returns:
        An int32 array without the reduced axis.

    Raises:
        ShapeError: when an axis is out of bounds or given twice; or when there is nothing to compare.
        DTypeError: for complex arrays.

    Example:
        >>> from lamella import ops
        >>> nan = float("nan")
        >>> ops.convert_to_numpy(ops.nanargmin([nan, 3.0, 2.0])).tolist()
        2
    """
    refuse("nanargmin", x, "complex")
    xp, x, missing = _filled(x, math.inf)
    found = position("nanargmin", x, axis, keepdims)
    if missing is None:
        return found
    axes = None if axis is None else single_axis("nanargmin", axis, x.ndim)
    nothing = xp.all(missing, axis=axes, keepdims=keepdims)
    return xp.where(nothing, xp.full_like(found, -1), found)


@op
def nancumsum(x: ArrayLike, axis: int | None = None, dtype: str | None = None) -> Array:
    """The running sum along an axis, NaN counted as 0.

    Args:
        x: an array.
        axis: the axis to run along; None for the flattened array.
        dtype: the dtype to compute in and to return; None for that of `x` (int32 for booleans).

    Returns:
        An array of the shape of `x`; a vector where `axis` is None.

    Raises:
        ShapeError: when an axis is out of bounds or given twice.

    Example:
        >>> from lamella import ops
        >>> nan = float("nan")
        >>> ops.convert_to_numpy(ops.nancumsum([1.0, nan, 3.0])).tolist()
        [1.0, 1.0, 4.0]
    """
    _, x, _ = _filled(x, 0)
    return running("nancumsum", x, axis, dtype)


@op
def nancumprod(x: ArrayLike, axis: int | None = None, dtype: str | None = None) -> Array:
    """The running product along an axis, NaN counted as 1.

    Args:
        x: an array.
        axis: the axis to run along; None for the flattened array.
        dtype: the dtype to compute in and to return; None for that of `x` (int32 for booleans).

    Returns:
        An array of the shape of `x`; a vector where `axis` is None.

    Raises:
        ShapeError: when an axis is out of bounds or given twice.

    Example:
        >>> from lamella import ops
        >>> nan = float("nan")
        >>> ops.convert_to_numpy(ops.nancumprod([1.0, nan, 3.0])).tolist()
        [1.0, 1.0, 3.0]
    """
    _, x, _ = _filled(x, 1)
    return running("nancumprod", x, axis, dtype)
