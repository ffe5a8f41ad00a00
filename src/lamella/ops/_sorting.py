"""Order: sort, search in what is sorted, count what falls where."""

import math
import operator
from typing import Any

from lamella.backend import _registry
from lamella.core._arrays import arrays, cast, dtype_of, promote
from lamella.core._inference import size_of_unknown
from lamella.core._operation import op
from lamella.errors import ArgumentError, DTypeError, ShapeError
from lamella.ops._creation import linspace
from lamella.ops._operands import kind_of, refuse, single_axis
from lamella.typing import Array, ArrayLike

__all__ = [
    "sort",
    "argsort",
    "argpartition",
    "searchsorted",
    "digitize",
    "isin",
    "unique",
    "bincount",
    "histogram",
]


def _along(op_name: str, x: ArrayLike, axis: int | None) -> tuple:
    """(xp, x, axis counted from the front); raveled where `axis` is None."""
    xp, x = arrays(x)
    if axis is None:
        return xp, xp.reshape(x, (-1,)), 0
    return xp, x, single_axis(op_name, axis, x.ndim)


@op
def sort(x: ArrayLike, axis: int | None = -1) -> Array:
    """`x` in ascending order along an axis; NaN last.

    Args:
        x: an array of any shape.
        axis: the axis; None for the raveled array.

    Returns:
        An array of the dtype of `x`.

    Raises:
        ShapeError: when `axis` is out of bounds.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.sort([3, 1, 2])).tolist()
        [1, 2, 3]
    """
    xp, x, axis = _along("sort", x, axis)
    return xp.sort(x, axis=axis)


@op
def argsort(x: ArrayLike, axis: int | None = -1) -> Array:
    """The places of the elements of `x` in ascending order; equal elements keep their order.

    Args:
        x: an array of any shape; a scalar counts as an array of one element.
        axis: the axis; None for the raveled array.

    Returns:
        An int32 array: `take_along_axis(x, argsort(x), -1)` is sorted.

    Raises:
        ShapeError: when `axis` is out of bounds.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.argsort([3, 1, 2])).tolist()
        [1, 2, 0]
    """
    xp, x = arrays(x)
    xp, x, axis = _along("argsort", x if x.ndim else xp.reshape(x, (1,)), axis)
    return cast(xp.argsort(x, axis=axis, stable=True), "int32")


@op
def argpartition(x: ArrayLike, kth: int, axis: int | None = -1) -> Array:
    """The places of the elements of `x`, those of the `kth` smallest elements first.

    Args:
        x: an array of any shape.
        kth: the element at this place is the one of the sorted array; those before it are not larger, those
            after it not smaller, in no particular order.
        axis: the axis; None for the raveled array.

    Returns:
        An int32 array of the shape of `x`.

    Raises:
        ShapeError: when `axis` or `kth` is out of bounds.

    Example:
        >>> from lamella import ops
        >>> int(ops.argpartition([3, 9, 1], 0)[0])
        2
    """
    _, x, along = _along("argpartition", x, axis)
    kth = operator.index(kth)
    if not -x.shape[along] <= kth < x.shape[along]:
        raise ShapeError(
            f"The `kth` of ops.argpartition is {kth}, out of bounds for axis {along} of size {x.shape[along]}."
        )
    if dtype_of(x) == "bool":
        x = cast(x, "uint8")
    return cast(_registry.active().argpartition(x, kth, along), "int32")


@op
def searchsorted(sorted_sequence: ArrayLike, values: ArrayLike, side: str = "left") -> Array:
    """Where each of `values` would have to be inserted for the sequence to stay sorted.

    Args:
        sorted_sequence: a 1-D array in ascending order.
        values: an array of any shape.
        side: "left" for the place before equal elements, "right" for the one after them.

    Returns:
        An int32 array of the shape of `values`, in [0, len(sorted_sequence)].

    Raises:
        ShapeError: when the sequence is not 1-D.
        ArgumentError: for another `side`.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.searchsorted([1, 2, 4], [2, 3, 9])).tolist()
        [1, 2, 3]
    """
    if side not in ("left", "right"):
        raise ArgumentError(f"The `side` of ops.searchsorted must be 'left' or 'right'; got {side!r}.")
    xp, sequence, values = promote(sorted_sequence, values)
    if sequence.ndim != 1:
        raise ShapeError(
            f"ops.searchsorted takes a 1-D sequence; got shape {tuple(sequence.shape)}. Use "
            "ops.vectorized_map to "
            "search in several."
        )
    return cast(xp.searchsorted(sequence, values, side=side), "int32")


@op
def digitize(x: ArrayLike, bins: ArrayLike) -> Array:
    """Which bin each element of `x` falls into.

    Args:
        x: an array of any shape.
        bins: a 1-D array of edges, ascending or descending.

    Returns:
        An int32 array of the shape of `x`: i where `bins[i - 1] <= x < bins[i]` (or `bins[i - 1] > x >=
        bins[i]` for descending edges), 0 before the first edge and `len(bins)` after the last.

    Raises:
        ShapeError: when `bins` is not 1-D.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.digitize([0.0, 1.0, 2.5], [1.0, 2.0])).tolist()
        [0, 1, 2]
    """
    xp, x, bins = promote(x, bins)
    if bins.ndim != 1:
        raise ShapeError(f"ops.digitize takes 1-D `bins`; got shape {tuple(bins.shape)}.")
    count = bins.shape[0]
    if count == 0:
        return xp.zeros(x.shape, dtype=xp.int32)
    ascending = xp.searchsorted(bins, x, side="right")
    descending = count - xp.searchsorted(xp.flip(bins), x, side="right")
    return cast(xp.where(bins[count - 1] >= bins[0], ascending, descending), "int32")


@op
def isin(x1: ArrayLike, x2: ArrayLike, assume_unique: bool = False, invert: bool = False) -> Array:
    """Whether each element of `x1` occurs in `x2`.

    Args:
        x1: an array of any shape.
        x2: an array of any shape.
        assume_unique: that neither holds an element twice; accepted, and not needed here.
        invert: whether each element does *not* occur.

    Returns:
        A bool array of the shape of `x1`. NaN occurs nowhere.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.isin([1, 2, 3], [3, 1])).tolist()
        [True, False, True]
    """
    xp, x1, x2 = promote(x1, x2)
    x2 = xp.reshape(x2, (-1,))
    if x2.shape[0] <= 16 or kind_of(dtype_of(x2)) == "complex":
        found = xp.any(xp.equal(xp.expand_dims(x1, axis=-1), x2), axis=-1)
    else:
        x2 = xp.sort(x2)
        places = xp.clip(xp.searchsorted(x2, x1), 0, x2.shape[0] - 1)
        found = xp.equal(xp.reshape(xp.take(x2, xp.reshape(places, (-1,)), axis=0), x1.shape), x1)
    return xp.logical_not(found) if invert else found


@op
def unique(
    x: ArrayLike,
    sorted: bool = True,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    size: int | None = None,
    fill_value: Any = None,
) -> Any:
    """The different elements of `x`, in ascending order.

    Args:
        x: an array of any shape.
        sorted: whether the order matters; it is ascending in either case.
        return_index: also return where each was found first.
        return_inverse: also return for each element of `x` which it is.
        return_counts: also return how often each was found.
        axis: look for different slices along an axis rather than different elements.
        size: how many to return; needed inside compiled programs, where sizes must be known. Larger ones are
            dropped, missing ones filled.
        fill_value: what fills missing ones; defaults to the smallest element.

    Returns:
        A 1-D array (with `axis`, one of the rank of `x`), or a tuple of it and the int32 arrays asked for.
        Every NaN counts as different.

    Raises:
        ShapeError: when `axis` is out of bounds.
        ArgumentError: inside a compiled program without `size`.

    Example:
        >>> from lamella import ops
        >>> values, counts = ops.unique([3, 1, 3], return_counts=True)
        >>> ops.convert_to_numpy(values).tolist(), ops.convert_to_numpy(counts).tolist()
        ([1, 3], [1, 2])
    """
    _, x = arrays(x)
    if axis is not None:
        axis = single_axis("unique", axis, x.ndim)
    adapter = _registry.active()
    if size is None:
        size = static_count("unique", x, "Give the `size` of the result.")
    values, *others = adapter.unique(x, axis, size, fill_value)
    wanted = (return_index, return_inverse, return_counts)
    found = [cast(o, "int32") for o, asked in zip(others, wanted) if asked]
    return (values, *found) if found else values


def static_count(op_name: str, x: Array, advice: str) -> int | None:
    """None where the values of `x` decide how many results there are; a stand-in where shapes are being worked out.

    Raises:
        ArgumentError: inside a compiled program, where the values are not known.
    """
    if _registry.active().is_concrete(x):
        return None
    size = size_of_unknown()
    if size is None:
        raise ArgumentError(
            f"The shape of what ops.{op_name} returns depends on the values of its input, which are not "
            "known inside a "
            f"compiled program. {advice}"
        )
    return size


@op
def bincount(x: ArrayLike, weights: ArrayLike | None = None, minlength: int = 0, sparse: bool = False) -> Array:
    """How often each non-negative integer occurs.

    Args:
        x: integers of shape `(n,)`, or `(batch, n)` to count each row. Negative ones count as 0.
        weights: an array of the shape of `x` with what each counts; None for 1.
        minlength: the least number of counts returned.
        sparse: kept for Keras; results are dense.

    Returns:
        An array of shape `(m,)` or `(batch, m)`, m the largest integer plus one: int32, or of the dtype of
        `weights`.

    Raises:
        ShapeError: when `x` has another rank, or `weights` another shape.
        DTypeError: when `x` does not hold integers.
        ArgumentError: inside a compiled program, where the largest integer is not known.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.bincount([0, 2, 2])).tolist()
        [1, 0, 2]
    """
    xp, x = arrays(x)
    refuse("bincount", x, "float", "complex")
    x = cast(x, "int32")
    if x.ndim not in (1, 2):
        raise ShapeError(f"ops.bincount takes arrays of 1 or 2 axes; got shape {tuple(x.shape)}.")
    counted = xp.ones(x.shape, dtype=xp.int32) if weights is None else arrays(weights)[1]
    if tuple(counted.shape) != tuple(x.shape):
        raise ShapeError(
            f"ops.bincount needs `weights` of the shape of `x`; got {tuple(counted.shape)} and {tuple(x.shape)}."
        )
    length = static_count("bincount", x, "Count with ops.segment_sum, which takes a number of segments.")
    if length is None:
        length = max(int(xp.max(x)) + 1 if math.prod(x.shape) else 0, minlength)
    places = xp.expand_dims(xp.clip(x, 0), axis=-1)
    if x.ndim == 2:
        rows = xp.expand_dims(xp.arange(x.shape[0], dtype=xp.int32), axis=(1, 2))
        places = xp.concat([xp.broadcast_to(rows, places.shape), places], axis=-1)
    zeros = xp.zeros((*x.shape[:-1], length), dtype=counted.dtype)
    return _registry.active().scatter(zeros, places, counted, "add")


@op
def histogram(x: ArrayLike, bins: int = 10, range: tuple | None = None) -> tuple:
    """How many elements of `x` fall into each of `bins` intervals of equal length.

    Args:
        x: a 1-D array of real numbers.
        bins: the number of intervals.
        range: the lower end of the first and the upper end of the last; None for the smallest and the largest
            element. Elements outside are not counted.

    Returns:
        The counts, of shape `(bins,)`, and the edges, of shape `(bins + 1,)`, both of the dtype of `x`, or
        `floatx()` for integers. Intervals are half open, [a, b), but for the last.

    Raises:
        ShapeError: when `x` is not 1-D.
        DTypeError: when `bins` is not an int.
        ArgumentError: when it is negative, or `range` is not ascending.

    Example:
        >>> from lamella import ops
        >>> counts, edges = ops.histogram([1, 1, 2, 5], bins=2)
        >>> ops.convert_to_numpy(counts).tolist(), ops.convert_to_numpy(edges).tolist()
        ([3.0, 1.0], [1.0, 3.0, 5.0])
    """
    if isinstance(bins, bool) or not isinstance(bins, int):
        raise DTypeError(f"The `bins` of ops.histogram must be an int; got {bins!r} of type {type(bins).__name__}.")
    if bins < 0:
        raise ArgumentError(f"The `bins` of ops.histogram cannot be negative; got {bins}.")
    if range is not None and (len(range) != 2 or range[1] < range[0]):
        raise ArgumentError(f"The `range` of ops.histogram must be (lower, upper), lower first; got {range!r}.")
    refuse("histogram", x, "complex")
    xp, x = arrays(x)
    if x.ndim != 1:
        raise ShapeError(f"ops.histogram takes 1-D arrays; got shape {tuple(x.shape)}. Use ops.ravel first.")
    if kind_of(dtype_of(x)) != "float":
        x = cast(x, None)
    if range is None:
        range = (xp.min(x), xp.max(x)) if x.shape[0] else (0.0, 1.0)
    low, high = (cast(end, dtype_of(x)) for end in range)
    width = xp.where(xp.equal(low, high), xp.asarray(0.5, dtype=x.dtype), xp.asarray(0, dtype=x.dtype))
    edges = linspace(low - width, high + width, bins + 1, dtype=dtype_of(x))
    places = xp.searchsorted(edges, x, side="right")  # 0 below the first edge, bins + 1 above the last: not counted
    places = xp.where(xp.equal(x, edges[bins]), bins, places)
    counts = _registry.active().scatter(
        xp.zeros(bins + 1, dtype=x.dtype), xp.expand_dims(places, axis=-1), xp.ones_like(x), "add"
    )
    return counts[1:], edges
