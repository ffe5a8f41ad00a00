"""Order statistics: medians, quantiles and percentiles along axes."""

from typing import Any

from lamella.core._arrays import cast, dtype_of, promote_float
from lamella.core._operation import op
from lamella.errors import ArgumentError, ShapeError
from lamella.ops._operands import reduced_axes, refuse
from lamella.ops._reductions import wide
from lamella.typing import Array, ArrayLike, Axis

__all__ = [
    "median",
    "quantile",
    "percentile",
    "nanmedian",
    "nanquantile",
    "nanpercentile",
]

_METHODS = ("linear", "lower", "higher", "midpoint", "nearest")


def _quantile(
    op_name: str,
    x: ArrayLike,
    q: ArrayLike,
    axis: Axis,
    method: str,
    keepdims: bool,
    without_nan: bool = False,
    unit: float = 1.0,
) -> Array:
    """The quantiles `q / unit` of `x` along axes, the axis of `q` first."""
    refuse(op_name, x, "complex")
    if method not in _METHODS:
        raise ArgumentError(f"Unknown `method` of ops.{op_name}: {method!r}. Expected one of {', '.join(_METHODS)}.")
    xp, x = promote_float(x)
    dtype = dtype_of(x)
    axes = reduced_axes(op_name, axis, x.ndim)
    kept = tuple(a for a in range(x.ndim) if a not in axes)
    shape = tuple(1 if a in axes else n for a, n in enumerate(x.shape) if keepdims or a not in axes)
    values = xp.permute_dims(wide(x), (*kept, *axes))
    values = xp.reshape(values, (*values.shape[: len(kept)], _size(values.shape[len(kept) :])))  # (kept, n)
    if values.shape[-1] == 0:
        raise ShapeError(f"ops.{op_name} has nothing to order along axis {axis} of shape {tuple(x.shape)}.")
    q = cast(q, dtype_of(values))
    if q.ndim > 1:
        raise ShapeError(f"The `q` of ops.{op_name} must be a number or a vector; got shape {tuple(q.shape)}.")
    found = _ordered(xp, values, xp.reshape(q, (-1,)) / unit, method, without_nan)  # (kept, q)
    found = xp.moveaxis(cast(found, dtype), -1, 0)
    return xp.reshape(found, (*q.shape, *shape))


def _size(shape: tuple) -> int:
    size = 1
    for n in shape:
        size *= n
    return size


def _ordered(xp: Any, values: Array, q: Array, method: str, without_nan: bool) -> Array:
    """The quantiles `q` (a vector) along the last axis: (..., n) -> (..., q)."""
    missing = xp.isnan(values)
    ordered = xp.sort(xp.where(missing, xp.full_like(values, float("inf")), values), axis=-1)
    count = values.shape[-1]
    if without_nan:
        present = xp.sum(xp.astype(xp.logical_not(missing), values.dtype), axis=-1, keepdims=True)
        last = xp.maximum(present - 1, xp.zeros_like(present))  # (..., 1)
        undefined = xp.equal(present, 0)
    else:
        last = xp.full_like(values[..., :1], count - 1)
        undefined = xp.any(missing, axis=-1, keepdims=True)
    where = xp.minimum(xp.maximum(q * last, xp.zeros_like(last)), last)  # (..., q)
    below, above = xp.floor(where), xp.ceil(where)
    share = where - below
    low, high = (xp.take_along_axis(ordered, cast(i, "int32"), axis=-1) for i in (below, above))
    if method == "linear":  # the share is 0 where both are the same infinity, whose difference is NaN
        between = xp.where(xp.equal(share, 0), low, low * (1 - share) + high * share)
    elif method == "midpoint":
        between = (low + high) / 2
    elif method == "nearest":
        between = xp.where(xp.less_equal(share, 0.5), low, high)
    else:
        between = low if method == "lower" else high
    return xp.where(undefined, xp.full_like(between, float("nan")), between)


@op
def median(x: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Array:
    """The median along axes, the mean of the middle two for an even count; NaN where there is one.

    Args:
        x: a real array.
        axis: the axis or axes to reduce; None for all of them.
        keepdims: whether reduced axes stay, with size 1.

    Returns:
        A floating array without the reduced axes: integers and booleans become `floatx()`.

    Raises:
        ShapeError: when an axis is out of bounds or given twice; or when there is nothing to order.
        DTypeError: for complex arrays.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.median([1.0, 3.0, 2.0])).tolist()
        2.0
    """
    return _quantile("median", x, 0.5, axis, "linear", keepdims)


@op
def quantile(
    x: ArrayLike,
    q: ArrayLike,
    axis: Axis = None,
    method: str = "linear",
    keepdims: bool = False,
) -> Array:
    """The quantiles `q` along axes; NaN where there is one.

    Args:
        x: a real array.
        q: fractions in [0, 1], a number or a vector; outside, the nearest end of the range counts.
        axis: the axis or axes to reduce; None for all of them.
        method: what to return for a quantile between two values: "linear" goes from one to the other,
            "lower" and "higher" take one of them, "midpoint" their mean, "nearest" the nearer one (the lower
            one half way).
        keepdims: whether reduced axes stay, with size 1.

    Returns:
        A floating array: the axis of `q` first where it is a vector, then those of `x` that are not reduced.

    Raises:
        ShapeError: when an axis is out of bounds or given twice; or when there is nothing to order, or `q`
            has more
            than one axis.
        DTypeError: for complex arrays.
        ArgumentError: for another `method`.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.quantile([1.0, 3.0, 2.0], 0.5)).tolist()
        2.0
    """
    return _quantile("quantile", x, q, axis, method, keepdims)


@op
def percentile(
    x: ArrayLike,
    q: ArrayLike,
    axis: Axis = None,
    method: str = "linear",
    keepdims: bool = False,
) -> Array:
    """The percentiles `q` along axes; NaN where there is one.

    Args:
        x: a real array.
        q: percentages in [0, 100], a number or a vector; outside, the nearest end of the range counts.
        axis: the axis or axes to reduce; None for all of them.
        method: what to return for a quantile between two values: "linear" goes from one to the other,
            "lower" and "higher" take one of them, "midpoint" their mean, "nearest" the nearer one (the lower
            one half way).
        keepdims: whether reduced axes stay, with size 1.

    Returns:
        A floating array: the axis of `q` first where it is a vector, then those of `x` that are not reduced.

    Raises:
        ShapeError: when an axis is out of bounds or given twice; or when there is nothing to order, or `q`
            has more
            than one axis.
        DTypeError: for complex arrays.
        ArgumentError: for another `method`.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.percentile([1.0, 3.0, 2.0], 50)).tolist()
        2.0
    """
    return _quantile("percentile", x, q, axis, method, keepdims, unit=100.0)


@op
def nanmedian(x: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Array:
    """The median along axes of what is not NaN; NaN where there is nothing else.

    Args:
        x: a real array.
        axis: the axis or axes to reduce; None for all of them.
        keepdims: whether reduced axes stay, with size 1.

    Returns:
        A floating array without the reduced axes: integers and booleans become `floatx()`.

    Raises:
        ShapeError: when an axis is out of bounds or given twice; or when there is nothing to order.
        DTypeError: for complex arrays.

    Example:
        >>> from lamella import ops
        >>> nan = float("nan")
        >>> ops.convert_to_numpy(ops.nanmedian([1.0, nan, 3.0, 2.0])).tolist()
        2.0
    """
    return _quantile("nanmedian", x, 0.5, axis, "linear", keepdims, without_nan=True)


@op
def nanquantile(
    x: ArrayLike,
    q: ArrayLike,
    axis: Axis = None,
    method: str = "linear",
    keepdims: bool = False,
) -> Array:
    """The quantiles `q` along axes of what is not NaN; NaN where there is nothing else.

    Args:
        x: a real array.
        q: fractions in [0, 1], a number or a vector; outside, the nearest end of the range counts.
        axis: the axis or axes to reduce; None for all of them.
        method: what to return for a quantile between two values: "linear" goes from one to the other,
            "lower" and "higher" take one of them, "midpoint" their mean, "nearest" the nearer one (the lower
            one half way).
        keepdims: whether reduced axes stay, with size 1.

    Returns:
        A floating array: the axis of `q` first where it is a vector, then those of `x` that are not reduced.

    Raises:
        ShapeError: when an axis is out of bounds or given twice; or when there is nothing to order, or `q`
            has more
            than one axis.
        DTypeError: for complex arrays.
        ArgumentError: for another `method`.

    Example:
        >>> from lamella import ops
        >>> nan = float("nan")
        >>> ops.convert_to_numpy(ops.nanquantile([1.0, nan, 3.0, 2.0], 0.5)).tolist()
        2.0
    """
    return _quantile("nanquantile", x, q, axis, method, keepdims, without_nan=True)


@op
def nanpercentile(
    x: ArrayLike,
    q: ArrayLike,
    axis: Axis = None,
    method: str = "linear",
    keepdims: bool = False,
) -> Array:
    """The percentiles `q` along axes of what is not NaN; NaN where there is nothing else.

    Args:
        x: a real array.
        q: percentages in [0, 100], a number or a vector; outside, the nearest end of the range counts.
        axis: the axis or axes to reduce; None for all of them.
        method: what to return for a quantile between two values: "linear" goes from one to the other,
            "lower" and "higher" take one of them, "midpoint" their mean, "nearest" the nearer one (the lower
            one half way).
        keepdims: whether reduced axes stay, with size 1.

    Returns:
        A floating array: the axis of `q` first where it is a vector, then those of `x` that are not reduced.

    Raises:
        ShapeError: when an axis is out of bounds or given twice; or when there is nothing to order, or `q`
            has more
            than one axis.
        DTypeError: for complex arrays.
        ArgumentError: for another `method`.

    Example:
        >>> from lamella import ops
        >>> nan = float("nan")
        >>> ops.convert_to_numpy(ops.nanpercentile([1.0, nan, 3.0, 2.0], 50)).tolist()
        2.0
    """
    return _quantile("nanpercentile", x, q, axis, method, keepdims, without_nan=True, unit=100.0)
