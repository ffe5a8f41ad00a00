"""The same elements in another shape or order: reshape, permute, flip, roll, repeat, pad."""

import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from lamella.backend import _registry
from lamella.core._arrays import arrays
from lamella.core._inference import size_of_unknown, stands_for_unknown
from lamella.core._operation import op
from lamella.core._sizes import as_size, is_computed
from lamella.errors import ArgumentError, ShapeError
from lamella.ops._operands import reduced_axes, single_axis
from lamella.typing import Array, ArrayLike, Axis

__all__ = [
    "reshape",
    "ravel",
    "expand_dims",
    "squeeze",
    "transpose",
    "swapaxes",
    "moveaxis",
    "broadcast_to",
    "repeat",
    "tile",
    "flip",
    "fliplr",
    "flipud",
    "roll",
    "rot90",
    "pad",
]


@op
def reshape(x: ArrayLike, newshape: Any) -> Array:
    """`x` with the same elements, in the same (row-major) order, in another shape.

    Args:
        x: an array of any shape.
        newshape: an int or a sequence of ints with the same product as the sizes of `x`. One of them may be
            -1 (or None): it follows from the others. In a functional model they may be computed.

    Returns:
        An array of shape `newshape` and the dtype of `x`.

    Raises:
        ShapeError: when the number of elements differs.

    Example:
        >>> from lamella import ops
        >>> ops.reshape([1, 2, 3, 4, 5, 6], (2, -1)).shape
        (2, 3)
    """
    xp, x = arrays(x)
    given = tuple(newshape) if hasattr(newshape, "__iter__") else (newshape,)
    sizes = tuple(-1 if n is None else as_size(n) for n in given)
    count, known = math.prod(x.shape), math.prod(n for n in sizes if n != -1)
    unknown = sizes.count(-1)
    if unknown > 1:
        raise ShapeError(f"ops.reshape can work out at most one unknown dimension (-1); got newshape={given}.")
    if any(n < -1 for n in sizes):
        raise ShapeError(
            "The sizes of ops.reshape must each be a non-negative integer, or -1 for the one to work out; got "
            f"newshape={given}."
        )
    if any(map(is_computed, given)):  # only the shape matters here
        return xp.broadcast_to(xp.zeros((), dtype=x.dtype), tuple(size_of_unknown() if n == -1 else n for n in sizes))
    fits = count == known if not unknown else (known > 0 and count % known == 0)
    if not fits and stands_for_unknown(count) and not any(map(stands_for_unknown, sizes)):
        # It may fit the true size: only the shape matters here.
        return xp.broadcast_to(xp.zeros((), dtype=x.dtype), tuple(count // known if n == -1 else n for n in sizes))
    if not fits:
        raise ShapeError(
            f"ops.reshape cannot give an array of shape {tuple(x.shape)} ({count} elements) the shape {given}: the sizes "
            "must multiply to the same number."
        )
    return xp.reshape(x, sizes)


@op
def ravel(x: ArrayLike) -> Array:
    """The elements of `x`, row by row, along one axis.

    Args:
        x: an array of any shape.

    Returns:
        An array of shape `(x.size,)`.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.ravel([[1, 2], [3, 4]])).tolist()
        [1, 2, 3, 4]
    """
    xp, x = arrays(x)
    return xp.reshape(x, (-1,))


@op
def expand_dims(x: ArrayLike, axis: int | Sequence[int]) -> Array:
    """`x` with new axes of size 1.

    Args:
        x: an array of any shape.
        axis: where the new axis stands in the result, or the several positions of several axes.

    Returns:
        An array with more axes and the same elements.

    Raises:
        ShapeError: when a position is out of bounds or named twice.

    Example:
        >>> from lamella import ops
        >>> ops.expand_dims([1, 2, 3], axis=0).shape
        (1, 3)
    """
    xp, x = arrays(x)
    given: tuple[Any, ...] = tuple(axis) if isinstance(axis, (tuple, list)) else (axis,)
    new = reduced_axes("expand_dims", given, x.ndim + len(given))
    sizes = iter(x.shape)
    return xp.reshape(x, tuple(1 if i in new else next(sizes) for i in range(x.ndim + len(new))))


@op
def squeeze(x: ArrayLike, axis: Axis = None) -> Array:
    """`x` without axes of size 1.

    Args:
        x: an array of any shape.
        axis: the axis or axes to drop; None for every one of size 1.

    Returns:
        An array with fewer axes and the same elements.

    Raises:
        ShapeError: when an axis to drop is out of bounds or its size is not 1.

    Example:
        >>> from lamella import ops
        >>> ops.squeeze([[[1], [2]]], axis=0).shape
        (2, 1)
    """
    xp, x = arrays(x)
    if axis is None:
        axes = tuple(i for i, n in enumerate(x.shape) if n == 1)
    else:
        axes = reduced_axes("squeeze", axis, x.ndim)
    for i in axes:
        if x.shape[i] != 1:
            raise ShapeError(
                f"ops.squeeze cannot drop axis {i} of an array of shape {tuple(x.shape)}: its size is not 1."
            )
    return xp.reshape(x, tuple(n for i, n in enumerate(x.shape) if i not in axes))


@op
def transpose(x: ArrayLike, axes: Sequence[int] | None = None) -> Array:
    """`x` with its axes in another order.

    Args:
        x: an array of any shape.
        axes: for each axis of the result, the axis of `x` it was; None for all axes reversed.

    Returns:
        An array of the same elements.

    Raises:
        ShapeError: when `axes` is not a permutation of the axes of `x`.

    Example:
        >>> from lamella import ops
        >>> ops.transpose(ops.ones((2, 3, 4)), axes=(0, 2, 1)).shape
        (2, 4, 3)
    """
    xp, x = arrays(x)
    if axes is None:
        return xp.permute_dims(x, tuple(reversed(range(x.ndim))))
    order = reduced_axes("transpose", tuple(axes), x.ndim)
    if len(order) != x.ndim:
        raise ShapeError(
            f"The `axes` of ops.transpose must name each of the {x.ndim} axes of x once; got {tuple(axes)}."
        )
    return xp.permute_dims(x, order)


@op
def swapaxes(x: ArrayLike, axis1: int, axis2: int) -> Array:
    """`x` with two of its axes exchanged.

    Args:
        x: an array with at least one axis.
        axis1, axis2: the axes.

    Returns:
        An array of the same elements.

    Raises:
        ShapeError: when an axis is out of bounds.

    Example:
        >>> from lamella import ops
        >>> ops.swapaxes(ops.ones((2, 3, 4)), 0, -1).shape
        (4, 3, 2)
    """
    xp, x = arrays(x)
    first, second = (single_axis("swapaxes", a, x.ndim) for a in (axis1, axis2))
    order = list(range(x.ndim))
    order[first], order[second] = second, first
    return xp.permute_dims(x, tuple(order))


@op
def moveaxis(x: ArrayLike, source: int | Sequence[int], destination: int | Sequence[int]) -> Array:
    """`x` with some of its axes at other places; the rest keep their order.

    Args:
        x: an array of any shape.
        source: the axis or axes to move.
        destination: where each of them stands in the result.

    Returns:
        An array of the same elements.

    Raises:
        ShapeError: when an axis is out of bounds or named twice, or the lengths differ.

    Example:
        >>> from lamella import ops
        >>> ops.moveaxis(ops.ones((2, 3, 4)), 0, -1).shape
        (3, 4, 2)
    """
    xp, x = arrays(x)
    source, destination = (reduced_axes("moveaxis", a, x.ndim) for a in (source, destination))
    if len(source) != len(destination):
        raise ShapeError(
            f"ops.moveaxis needs as many destinations as sources; got {len(destination)} and {len(source)}."
        )
    order = [i for i in range(x.ndim) if i not in source]
    for to, what in sorted(zip(destination, source)):
        order.insert(to, what)
    return xp.permute_dims(x, tuple(order))


@op
def broadcast_to(x: ArrayLike, shape: Sequence[int]) -> Array:
    """`x` repeated along its axes of size 1, and along new leading axes, to `shape`.

    Args:
        x: an array whose sizes, aligned at the right, are 1 or those of `shape`.
        shape: the sizes wanted.

    Returns:
        An array of `shape` and the dtype of `x`.

    Raises:
        ShapeError: when the sizes do not fit.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.broadcast_to([1, 2], (2, 2))).tolist()
        [[1, 2], [1, 2]]
    """
    xp, x = arrays(x)
    given: Any = shape if hasattr(shape, "__iter__") else (shape,)
    shape = tuple(as_size(n) for n in given)
    aligned = shape[len(shape) - x.ndim :]
    if any(stands_for_unknown(n) for n in x.shape):  # the unknown size may be the one wanted: only the shape matters
        x = xp.zeros(tuple(1 if stands_for_unknown(n) else n for n in x.shape), dtype=x.dtype)
    if x.ndim > len(shape) or any(n not in (1, m) for n, m in zip(x.shape, aligned)):
        raise ShapeError(
            f"ops.broadcast_to cannot give an array of shape {tuple(x.shape)} the shape {shape}: aligned at "
            "the right, "
            "each size must be 1 or the one wanted."
        )
    return xp.broadcast_to(x, shape)


@op
def repeat(x: ArrayLike, repeats: Any, axis: int | None = None) -> Array:
    """Each element of `x` several times in a row.

    Args:
        x: an array of any shape.
        repeats: how often: an int, or one int for each position along `axis`.
        axis: the axis along which to repeat; None for the raveled array.

    Returns:
        An array of the dtype of `x`.

    Raises:
        ShapeError: when `axis` is out of bounds, or `repeats` has another length.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.repeat([1, 2], [1, 3])).tolist()
        [1, 2, 2, 2]
    """
    xp, x = arrays(x)
    if axis is None:
        x, axis = xp.reshape(x, (-1,)), 0
    axis = single_axis("repeat", axis, x.ndim)
    counts = np.ravel(_known("repeat", "repeats", repeats))
    if counts.size == 1:  # broadcast and merge: no gather
        count = int(counts[0])
        wide = xp.broadcast_to(xp.expand_dims(x, axis=axis + 1), (*x.shape[: axis + 1], count, *x.shape[axis + 1 :]))
        return xp.reshape(wide, (*x.shape[:axis], x.shape[axis] * count, *x.shape[axis + 1 :]))
    if stands_for_unknown(x.shape[axis]):  # as many as there are counts: only the shape matters here
        return xp.zeros((*x.shape[:axis], int(counts.sum()), *x.shape[axis + 1 :]), dtype=x.dtype)
    if counts.size != x.shape[axis]:
        raise ShapeError(
            f"ops.repeat needs one count, or {x.shape[axis]} of them for axis {axis} of an array of shape "
            f"{tuple(x.shape)}; got {counts.size}."
        )
    return xp.take(x, xp.asarray(np.repeat(np.arange(counts.size), counts)), axis=axis)


def _known(op_name: str, argument: str, value: Any) -> np.ndarray:
    """Integers that decide on a shape, as NumPy.

    Raises:
        ArgumentError: where they are computed inside a compiled program.
    """
    if _registry.owner(value):
        if not _registry.active().is_concrete(value):
            raise ArgumentError(
                f"The `{argument}` of ops.{op_name} decide on the shape of the result, so they cannot be computed "
                "inside a "
                "compiled program. Give them as Python ints."
            )
        value = _registry.to_numpy(value)
    return np.asarray(value)


@op
def tile(x: ArrayLike, repeats: Any) -> Array:
    """Copies of `x` side by side.

    Args:
        x: an array of any shape.
        repeats: how many along each axis: an int for the last axis, or a sequence; it and the shape of `x`
            are aligned at the right.

    Returns:
        An array of the dtype of `x`.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.tile([1, 2], 2)).tolist()
        [1, 2, 1, 2]
    """
    xp, x = arrays(x)
    counts = np.atleast_1d(_known("tile", "repeats", repeats))
    return xp.tile(x, tuple(int(n) for n in counts))


@op
def flip(x: ArrayLike, axis: Axis = None) -> Array:
    """`x` with its elements in the opposite order along `axis`.

    Args:
        x: an array of any shape.
        axis: the axis or axes; None for all.

    Returns:
        An array of the same shape and dtype.

    Raises:
        ShapeError: when an axis is out of bounds.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.flip([1, 2, 3])).tolist()
        [3, 2, 1]
    """
    xp, x = arrays(x)
    return xp.flip(x, axis=reduced_axes("flip", axis, x.ndim))


@op
def fliplr(x: ArrayLike) -> Array:
    """`x` with its columns in the opposite order: flipped along axis 1.

    Args:
        x: an array of at least 2 axes.

    Returns:
        An array of the same shape and dtype.

    Raises:
        ShapeError: when it has fewer axes.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.fliplr([[1, 2], [3, 4]])).tolist()
        [[2, 1], [4, 3]]
    """
    xp, x = arrays(x)
    return xp.flip(x, axis=single_axis("fliplr", 1, x.ndim))


@op
def flipud(x: ArrayLike) -> Array:
    """`x` with its rows in the opposite order: flipped along axis 0.

    Args:
        x: an array of at least 1 axis.

    Returns:
        An array of the same shape and dtype.

    Raises:
        ShapeError: when it is a scalar.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.flipud([[1, 2], [3, 4]])).tolist()
        [[3, 4], [1, 2]]
    """
    xp, x = arrays(x)
    return xp.flip(x, axis=single_axis("flipud", 0, x.ndim))


@op
def roll(x: ArrayLike, shift: Any, axis: Axis = None) -> Array:
    """`x` with its elements moved along `axis`; what leaves at one end comes back at the other.

    Args:
        x: an array of any shape.
        shift: by how many places: an int, or one for each of several axes.
        axis: the axis or axes; None rolls the raveled array and restores its shape.

    Returns:
        An array of the same shape and dtype.

    Raises:
        ShapeError: when an axis is out of bounds.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.roll([1, 2, 3, 4], 1)).tolist()
        [4, 1, 2, 3]
    """
    xp, x = arrays(x)
    if axis is not None:
        given: tuple[Any, ...] = tuple(axis) if isinstance(axis, (tuple, list)) else (axis,)
        for a in given:
            single_axis("roll", a, x.ndim)
    return xp.roll(x, shift, axis=axis)


@op
def rot90(array: ArrayLike, k: int = 1, axes: tuple[int, int] = (0, 1)) -> Array:
    """`array` rotated by `k` quarter turns in the plane of two axes, from the first towards the second.

    Args:
        array: an array of at least 2 axes.
        k: the number of quarter turns.
        axes: two different axes.

    Returns:
        An array of the same elements.

    Raises:
        ShapeError: when there are fewer than 2 axes, or `axes` are not two different ones of them.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.rot90([[1, 2], [3, 4]])).tolist()
        [[2, 4], [1, 3]]
    """
    xp, x = arrays(array)
    if x.ndim < 2:
        raise ShapeError(f"ops.rot90 needs an array of at least 2 axes; got shape {tuple(x.shape)}.")
    if len(axes) != 2:
        raise ShapeError(f"The `axes` of ops.rot90 must be two different axes; got {axes}.")
    first, second = reduced_axes("rot90", tuple(axes), x.ndim)
    turns = k % 4
    if turns == 2:
        return xp.flip(x, axis=(first, second))
    order = list(range(x.ndim))
    order[first], order[second] = second, first
    if turns == 1:
        return xp.permute_dims(xp.flip(x, axis=second), tuple(order))
    if turns == 3:
        return xp.flip(xp.permute_dims(x, tuple(order)), axis=second)
    return x


@op
def pad(x: ArrayLike, pad_width: Any, mode: str = "constant", constant_values: Any = None) -> Array:
    """`x` with margins.

    Args:
        x: an array of any shape.
        pad_width: how many elements before and after each axis: `((before, after), ...)`, one pair
            `(before, after)` for all axes, or one int for all margins.
        mode: what stands in the margins: "constant" (`constant_values`), "edge" (the nearest element),
            "reflect" (the mirror image without the edge), "symmetric" (with it), "wrap" (the other end),
            "linear_ramp" (from the edge down to 0), "maximum", "mean", "median", "minimum" (of the axis), or
            "empty" (anything).
        constant_values: the number for "constant"; defaults to 0.

    Returns:
        An array of the dtype of `x`.

    Raises:
        ArgumentError: for another mode, or `constant_values` with one that does not use it.
        ShapeError: when `pad_width` does not fit the shape, or is negative.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.pad([1, 2, 3], 2, mode="reflect")).tolist()
        [3, 2, 1, 2, 3, 2, 1]
    """
    if mode not in _PAD_MODES:
        raise ArgumentError(f"The `mode` of ops.pad must be one of {', '.join(_PAD_MODES)}; got {mode!r}.")
    if mode != "constant" and constant_values is not None:
        raise ArgumentError(
            f"The `constant_values` of ops.pad only serve mode='constant'; got {constant_values!r} with mode={mode!r}."
        )
    _, x = arrays(x)
    widths = _pad_widths(pad_width, tuple(x.shape))
    return _registry.active().pad(x, widths, mode, 0 if constant_values is None else constant_values)


_PAD_MODES = (
    *("constant", "edge", "reflect", "symmetric", "wrap"),
    *("linear_ramp", "maximum", "mean", "median", "minimum", "empty"),
)


def _pad_widths(pad_width: Any, shape: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    """`pad_width` as a pair of ints for each axis."""
    given = _known("pad", "pad_width", pad_width)
    try:
        pairs = np.broadcast_to(given, (len(shape), 2)).tolist()
    except ValueError:
        raise ShapeError(
            f"The `pad_width` of ops.pad must be an int, a pair (before, after), or one pair for each of the "
            f"{len(shape)} axes of x; got {pad_width!r} for shape {shape}."
        ) from None
    if any(n < 0 for pair in pairs for n in pair):
        raise ShapeError(f"The `pad_width` of ops.pad cannot be negative; got {pad_width!r}.")
    return tuple((operator.index(a), operator.index(b)) for a, b in pairs)
