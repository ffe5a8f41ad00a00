"""Reductions: sums, extremes, averages, order statistics and counts along axes, and running sums.

Half precision numbers are added up in float32 and rounded once, at the end.
"""

import builtins
import math
from typing import Any

from lamella.backend import _dtypes, _registry
from lamella.core._arrays import arrays, cast, dtype_of, promote_float
from lamella.core._operation import op
from lamella.errors import ShapeError
from lamella.ops._operands import kind_of, reduced_axes, refuse, single_axis
from lamella.typing import Array, ArrayLike, Axis

__all__ = [
    "sum",
    "prod",
    "mean",
    "var",
    "std",
    "average",
    "max",
    "amax",
    "min",
    "amin",
    "ptp",
    "argmax",
    "argmin",
    "all",
    "any",
    "count_nonzero",
    "cumsum",
    "cumprod",
    "trapezoid",
]


def wide(x: Array) -> Array:
    """`x` in the dtype that it is added up in: float32 for half precision."""
    return cast(x, "float32") if dtype_of(x) in ("float16", "bfloat16") else x


def total_dtype(dtype: str) -> str:
    """The dtype of a sum or product: small integers become 32-bit ones, booleans int32."""
    if dtype in ("bool", "int8", "int16"):
        return "int32"
    return "uint32" if dtype in ("uint8", "uint16") else dtype


def total(op_name: str, x: Array, axis: Axis, keepdims: bool, dtype: Any = None) -> Array:
    """`sum` or `prod` of an array, by the name of the op (its last letters, so that "nansum" works)."""
    adapter = _registry.active()
    axes = reduced_axes(op_name, axis, x.ndim)
    name = total_dtype(dtype_of(x)) if dtype is None else _dtypes.standardize_dtype(dtype)
    reduce = adapter.xp.sum if op_name.endswith("sum") else adapter.xp.prod
    x = wide(cast(x, name))
    return cast(reduce(x, axis=axes, keepdims=keepdims, dtype=x.dtype), name)


@op
def sum(x: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Array:
    """The sum along axes; 0 where there is nothing to add.

    Args:
        x: an array.
        axis: the axis or axes to reduce; None for all of them.
        keepdims: whether reduced axes stay, with size 1.

    Returns:
        An array without the reduced axes. Floating and complex dtypes stay; small integers become int32 or
        uint32, booleans int32.

    Raises:
        ShapeError: when an axis is out of bounds or given twice.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.sum([[1, 2], [3, 4]], axis=0)).tolist()
        [4, 6]
    """
    _, x = arrays(x)
    return total("sum", x, axis, keepdims)


@op
def prod(x: ArrayLike, axis: Axis = None, keepdims: bool = False, dtype: str | None = None) -> Array:
    """The product along axes; 1 where there is nothing to multiply.

    Args:
        x: an array.
        axis: the axis or axes to reduce; None for all of them.
        keepdims: whether reduced axes stay, with size 1.
        dtype: the dtype to multiply in and to return; None for the one described below.

    Returns:
        An array without the reduced axes. Floating and complex dtypes stay; small integers become int32 or
        uint32, booleans int32; unless `dtype` says otherwise.

    Raises:
        ShapeError: when an axis is out of bounds or given twice.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.prod([[1, 2], [3, 4]], axis=1)).tolist()
        [2, 12]
    """
    _, x = arrays(x)
    return total("prod", x, axis, keepdims, dtype)


@op
def mean(x: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Array:
    """The arithmetic mean along axes; NaN where there is nothing to average.

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
        >>> ops.convert_to_numpy(ops.mean([[1, 2], [3, 5]], axis=1)).tolist()
        [1.5, 4.0]
    """
    xp, x = promote_float(x)
    axes = reduced_axes("mean", axis, x.ndim)
    return cast(xp.mean(wide(x), axis=axes, keepdims=keepdims), dtype_of(x))


@op
def var(x: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Array:
    """The variance along axes: the mean of `|x - mean(x)| ** 2`.

    The sum of squares is divided by n, not n - 1.

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
        >>> ops.convert_to_numpy(ops.var([1.0, 3.0])).tolist()
        1.0
    """
    xp, x = promote_float(x)
    axes = reduced_axes("var", axis, x.ndim)
    return cast(xp.var(wide(x), axis=axes, keepdims=keepdims, correction=0), dtype_of(x))


@op
def std(x: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Array:
    """The standard deviation along axes: the square root of the variance, `ops.var`.

    Args:
        x: an array.
        axis: the axis or axes to reduce; None for all of them.
        keepdims: whether reduced axes stay, with size 1.

    Returns:
        A real array without the reduced axes: integers and booleans become `floatx()`.

    Raises:
        ShapeError: when an axis is out of bounds or given twice.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.std([1.0, 3.0])).tolist()
        1.0
    """
    xp, x = promote_float(x)
    axes = reduced_axes("std", axis, x.ndim)
    deviation = xp.std(wide(x), axis=axes, keepdims=keepdims, correction=0)
    return deviation if kind_of(dtype_of(x)) == "complex" else cast(deviation, dtype_of(x))


@op
def average(x: ArrayLike, axis: Axis = None, weights: ArrayLike | None = None) -> Array:
    """The weighted mean along axes: `sum(weights * x) / sum(weights)`.

    Args:
        x: an array.
        axis: the axis or axes to reduce; None for all of them.
        weights: how much each value counts: an array of the shape of `x`, or of its reduced axes; None for
            the plain mean.

    Returns:
        An array without the reduced axes, floating or complex, in the common dtype of `x` and `weights`.

    Raises:
        ShapeError: when an axis is out of bounds or given twice; or when the shape of `weights` fits neither
            `x` nor its reduced axes.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.average([1.0, 4.0], weights=[2.0, 1.0])).tolist()
        2.0
    """
    if weights is None:
        return mean(x, axis)
    xp, x, factors = promote_float(x, weights)
    axes = reduced_axes("average", axis, x.ndim)
    if factors.shape != x.shape:
        expected = tuple(x.shape[a] for a in axes)
        if axis is None or tuple(factors.shape) != expected:
            raise ShapeError(
                f"The `weights` of ops.average have shape {tuple(factors.shape)}, and `x` has shape "
                f"{tuple(x.shape)} with axis={axis}. Give weights the shape of `x`, or give `axis` and weights the "
                "shape of those axes."
            )
        in_order = sorted(range(len(axes)), key=lambda i: axes[i])
        factors = xp.permute_dims(factors, tuple(in_order))
        factors = xp.reshape(factors, tuple(n if a in axes else 1 for a, n in enumerate(x.shape)))
        factors = xp.broadcast_to(factors, x.shape)
    dtype = dtype_of(x)
    x, factors = wide(x), wide(factors)
    return cast(xp.sum(x * factors, axis=axes) / xp.sum(factors, axis=axes), dtype)


def extreme(op_name: str, largest: bool, x: Array, axis: Axis, keepdims: bool, initial: Any = None) -> Array:
    """The maximum or, unless `largest`, the minimum of an array."""
    xp = _registry.active().xp
    axes = reduced_axes(op_name, axis, x.ndim)
    dtype = dtype_of(x)
    if builtins.any(x.shape[a] == 0 for a in axes):
        if initial is None:
            raise ShapeError(
                f"ops.{op_name} has nothing to compare along axis {axis} of shape {tuple(x.shape)}. Give it an "
                "array that is not empty there, or an `initial` value where it takes one."
            )
        shape = (n if i not in axes else 1 for i, n in enumerate(x.shape) if keepdims or i not in axes)
        return xp.broadcast_to(cast(initial, dtype), tuple(shape))
    if dtype == "bool":
        found = (xp.any if largest else xp.all)(x, axis=axes, keepdims=keepdims)
    else:
        found = (xp.max if largest else xp.min)(x, axis=axes, keepdims=keepdims)
    if initial is None:
        return found
    initial = cast(initial, dtype)
    if dtype == "bool":
        return (xp.logical_or if largest else xp.logical_and)(found, initial)
    return (xp.maximum if largest else xp.minimum)(found, initial)


@op
def max(x: ArrayLike, axis: Axis = None, keepdims: bool = False, initial: ArrayLike | None = None) -> Array:
    """The largest value along axes; NaN where there is one.

    Equal largest values share the gradient equally.

    Args:
        x: an array.
        axis: the axis or axes to reduce; None for all of them.
        keepdims: whether reduced axes stay, with size 1.
        initial: a value that the result is never below, and the result where there is nothing to compare;
            taken in the dtype of `x`.

    Returns:
        An array without the reduced axes and of the same dtype.

    Raises:
        ShapeError: when an axis is out of bounds or given twice; or when there is nothing to compare and no
            `initial`.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.max([[1, 5], [7, 3]], axis=1)).tolist()
        [5, 7]
    """
    _, x = arrays(x)
    return extreme("max", True, x, axis, keepdims, initial)


@op
def amax(x: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Array:
    """The largest value along axes: another name of `max`, without `initial`.

    Equal largest values share the gradient equally.

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
        >>> ops.convert_to_numpy(ops.amax([[1, 5], [7, 3]], axis=1)).tolist()
        [5, 7]
    """
    _, x = arrays(x)
    return extreme("amax", True, x, axis, keepdims)


@op
def min(x: ArrayLike, axis: Axis = None, keepdims: bool = False, initial: ArrayLike | None = None) -> Array:
    """The smallest value along axes; NaN where there is one.

    Equal smallest values share the gradient equally.

    Args:
        x: an array.
        axis: the axis or axes to reduce; None for all of them.
        keepdims: whether reduced axes stay, with size 1.
        initial: a value that the result is never above, and the result where there is nothing to compare;
            taken in the dtype of `x`.

    Returns:
        An array without the reduced axes and of the same dtype.

    Raises:
        ShapeError: when an axis is out of bounds or given twice; or when there is nothing to compare and no
            `initial`.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.min([[1, 5], [7, 3]], axis=1)).tolist()
        [1, 3]
    """
    _, x = arrays(x)
    return extreme("min", False, x, axis, keepdims, initial)


@op
def amin(x: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Array:
    """The smallest value along axes: another name of `min`, without `initial`.

    Equal smallest values share the gradient equally.

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
        >>> ops.convert_to_numpy(ops.amin([[1, 5], [7, 3]], axis=1)).tolist()
        [1, 3]
    """
    _, x = arrays(x)
    return extreme("amin", False, x, axis, keepdims)


@op
def ptp(x: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Array:
    """The range of values along axes, peak to peak: `max(x) - min(x)`.

    Args:
        x: an array that is not boolean.
        axis: the axis or axes to reduce; None for all of them.
        keepdims: whether reduced axes stay, with size 1.

    Returns:
        An array without the reduced axes and of the same dtype.

    Raises:
        ShapeError: when an axis is out of bounds or given twice; or when there is nothing to compare.
        DTypeError: for booleans.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.ptp([[1, 5], [7, 3]], axis=1)).tolist()
        [4, 4]
    """
    refuse("ptp", x, "bool")
    xp, x = arrays(x)
    return xp.subtract(extreme("ptp", True, x, axis, keepdims), extreme("ptp", False, x, axis, keepdims))


def position(op_name: str, x: Array, axis: int | None, keepdims: bool) -> Array:
    """Where the maximum or minimum stands, by the last letters of the op's name."""
    xp = _registry.active().xp
    axis = None if axis is None else single_axis(op_name, axis, x.ndim)
    refuse(op_name, x, "complex")
    if (math.prod(x.shape) if axis is None else x.shape[axis]) == 0:
        raise ShapeError(
            f"ops.{op_name} has nothing to compare along axis {axis} of an array of shape {tuple(x.shape)}."
        )
    if dtype_of(x) == "bool":
        x = cast(x, "uint8")
    find = xp.argmax if op_name.endswith("max") else xp.argmin
    return cast(find(_registry.active().ordered(x), axis=axis, keepdims=keepdims), "int32")


@op
def argmax(x: ArrayLike, axis: int | None = None, keepdims: bool = False) -> Array:
    """The index of the largest value along an axis; of the first one where several are equal.

    NaN counts as the largest.

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
        >>> ops.convert_to_numpy(ops.argmax([[1, 5], [3, 7]], axis=0)).tolist()
        [1, 1]
    """
    _, x = arrays(x)
    return position("argmax", x, axis, keepdims)


@op
def argmin(x: ArrayLike, axis: int | None = None, keepdims: bool = False) -> Array:
    """The index of the smallest value along an axis; of the first one where several are equal.

    NaN counts as the smallest.

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
        >>> ops.convert_to_numpy(ops.argmin([[1, 5], [3, 7]], axis=0)).tolist()
        [0, 0]
    """
    _, x = arrays(x)
    return position("argmin", x, axis, keepdims)


@op
def all(x: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Array:
    """Whether every value along axes is true; True where there is none.

    Args:
        x: an array; any value but zero is true.
        axis: the axis or axes to reduce; None for all of them.
        keepdims: whether reduced axes stay, with size 1.

    Returns:
        A boolean array without the reduced axes.

    Raises:
        ShapeError: when an axis is out of bounds or given twice.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.all([[True, False], [True, True]], axis=1)).tolist()
        [False, True]
    """
    xp, x = arrays(x)
    axes = reduced_axes("all", axis, x.ndim)
    return xp.all(cast(x, "bool"), axis=axes, keepdims=keepdims)


@op
def any(x: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Array:
    """Whether some value along axes is true; False where there is none.

    Args:
        x: an array; any value but zero is true.
        axis: the axis or axes to reduce; None for all of them.
        keepdims: whether reduced axes stay, with size 1.

    Returns:
        A boolean array without the reduced axes.

    Raises:
        ShapeError: when an axis is out of bounds or given twice.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.any([[True, False], [True, True]], axis=1)).tolist()
        [True, True]
    """
    xp, x = arrays(x)
    axes = reduced_axes("any", axis, x.ndim)
    return xp.any(cast(x, "bool"), axis=axes, keepdims=keepdims)


@op
def count_nonzero(x: ArrayLike, axis: Axis = None) -> Array:
    """How many values along axes are not zero.

    Args:
        x: an array.
        axis: the axis or axes to reduce; None for all of them.

    Returns:
        An int32 array without the reduced axes.

    Raises:
        ShapeError: when an axis is out of bounds or given twice.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.count_nonzero([[0, 2], [3, 4]], axis=0)).tolist()
        [1, 2]
    """
    xp, x = arrays(x)
    axes = reduced_axes("count_nonzero", axis, x.ndim)
    ones = cast(cast(x, "bool"), "int32")
    return xp.sum(ones, axis=axes, dtype=ones.dtype)


def running(op_name: str, x: Array, axis: int | None, dtype: Any) -> Array:
    """The running sum or product of an array, by the last letters of the op's name."""
    xp = _registry.active().xp
    if axis is None:
        x, axis = xp.reshape(x, (-1,)), 0
    axis = single_axis(op_name, axis, x.ndim)
    if dtype is not None or dtype_of(x) == "bool":
        x = cast(x, dtype or "int32")
    accumulate = xp.cumulative_sum if op_name.endswith("sum") else xp.cumulative_prod
    return accumulate(x, axis=axis, dtype=x.dtype)


@op
def cumsum(x: ArrayLike, axis: int | None = None, dtype: str | None = None) -> Array:
    """The running sum along an axis: element i is the sum of elements 0 to i.

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
        >>> ops.convert_to_numpy(ops.cumsum([1, 2, 3])).tolist()
        [1, 3, 6]
    """
    _, x = arrays(x)
    return running("cumsum", x, axis, dtype)


@op
def cumprod(x: ArrayLike, axis: int | None = None, dtype: str | None = None) -> Array:
    """The running product along an axis: element i is the product of elements 0 to i.

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
        >>> ops.convert_to_numpy(ops.cumprod([1, 2, 3])).tolist()
        [1, 2, 6]
    """
    _, x = arrays(x)
    return running("cumprod", x, axis, dtype)


@op
def trapezoid(y: ArrayLike, x: ArrayLike | None = None, dx: float = 1.0, axis: int = -1) -> Array:
    """The integral of samples along an axis by the trapezoidal rule: `sum((y[1:] + y[:-1]) / 2 * diff(x))`.

    Args:
        y: the samples.
        x: where they were taken: a vector, or an array that broadcasts with `y`; None for evenly spaced
            samples.
        dx: their distance where `x` is None, in the unit of x.
        axis: the axis to integrate along.

    Returns:
        An array without that axis, floating or complex: integers and booleans become `floatx()`.

    Raises:
        ShapeError: when the axis is out of bounds, or the shape of `x` does not fit.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.trapezoid([1.0, 2.0, 3.0], dx=2.0)).tolist()
        8.0
    """
    xp, y, *places = promote_float(y) if x is None else promote_float(y, x)
    axis = single_axis("trapezoid", axis, y.ndim)
    y = xp.moveaxis(y, axis, -1)
    dtype, distance = dtype_of(y), dx
    for at in places:
        at = at if at.ndim <= 1 else xp.moveaxis(at, axis - y.ndim, -1)
        if at.ndim == 0 or at.shape[-1] not in (1, y.shape[-1]):
            raise ShapeError(
                f"The `x` of ops.trapezoid must hold one number per sample of axis {axis}, {y.shape[-1]}; "
                f"got shape {tuple(at.shape)}."
            )
        distance = wide(at[..., 1:] - at[..., :-1])
    y = wide(y)
    return cast(xp.sum(distance * (y[..., 1:] + y[..., :-1]), axis=-1) / 2, dtype)
