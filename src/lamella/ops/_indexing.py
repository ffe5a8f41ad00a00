"""Choosing elements by place or by condition, and writing at places."""

import operator
from typing import Any

from lamella.backend import _registry
from lamella.core._arrays import arrays, cast, common_dtype, dtype_of
from lamella.core._operation import op
from lamella.errors import ArgumentError, DTypeError, ShapeError
from lamella.ops._operands import check_broadcast, kind_of, single_axis
from lamella.typing import Array, ArrayLike, Shape

__all__ = [
    "get_item",
    "take",
    "take_along_axis",
    "where",
    "slice",
    "slice_update",
    "scatter",
    "scatter_update",
]


@op
def get_item(x: ArrayLike, key: Any) -> Array:
    """`x[key]`.

    Args:
        x: an array of any shape.
        key: an int, a slice, None, Ellipsis, an integer or boolean array, or a tuple of those, with the
            meaning they have for NumPy.

    Returns:
        An array of the dtype of `x`.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.get_item([[1, 2], [3, 4]], (Ellipsis, 0))).tolist()
        [1, 3]
    """
    _, x = arrays(x)
    return x[tuple(_index(k) for k in key) if isinstance(key, tuple) else _index(key)]


def _index(key: Any) -> Any:
    return (
        _registry.active().asarray(key) if hasattr(key, "__lamella_array__") or isinstance(key, list) else key
    )


def _integers(op_name: str, indices: ArrayLike) -> Array:
    """`indices` as an integer array; Python ints and booleans too."""
    _, indices = arrays(indices)
    kind = kind_of(dtype_of(indices))
    if kind in ("bool", "float") and (kind == "bool" or not indices.size):
        return cast(indices, "int32")
    if kind != "int":
        raise DTypeError(
            f"The indices of ops.{op_name} must be integers; got an array of {dtype_of(indices)}."
        )
    return indices


@op
def take(x: ArrayLike, indices: ArrayLike, axis: int | None = None) -> Array:
    """The elements of `x` at `indices` along an axis.

    Args:
        x: an array of any shape.
        indices: integers of any shape. Negative ones count from the end; where one is out of range the result
            is NaN, or for integers the smallest number of a signed and the largest of an unsigned dtype.
        axis: the axis; None for the raveled array.

    Returns:
        An array of the dtype of `x`, the axis replaced by the axes of `indices`.

    Raises:
        ShapeError: when `axis` is out of bounds.
        DTypeError: when `indices` are not integers.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.take([10, 20, 30], [2, 0, -1])).tolist()
        [30, 10, 30]
    """
    xp, x = arrays(x)
    if axis is None:
        x, axis = xp.reshape(x, (-1,)), 0
    return _registry.active().take(x, _integers("take", indices), single_axis("take", axis, x.ndim))


@op
def take_along_axis(x: ArrayLike, indices: ArrayLike, axis: int | None = None) -> Array:
    """For each place the element of `x` in its row along an axis: what `argsort` and its kin are for.

    Args:
        x: an array of any shape.
        indices: integers with as many axes as `x`; their other axes broadcast against those of `x`. Out of
            range as in `take`.
        axis: the axis; None for the raveled arrays.

    Returns:
        An array of the dtype of `x`.

    Raises:
        ShapeError: when `axis` is out of bounds, or the ranks differ.
        DTypeError: when `indices` are not integers.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.take_along_axis([[3, 1], [2, 4]], [[1], [0]], axis=1)).tolist()
        [[1], [2]]
    """
    xp, x = arrays(x)
    indices = _integers("take_along_axis", indices)
    if axis is None:
        x, indices, axis = xp.reshape(x, (-1,)), xp.reshape(indices, (-1,)), 0
    if x.ndim != indices.ndim:
        raise ShapeError(
            f"ops.take_along_axis needs `indices` with as many axes as `x`; got shapes "
            f"{tuple(indices.shape)} and "
            f"{tuple(x.shape)}."
        )
    axis = single_axis("take_along_axis", axis, x.ndim)
    pairs = [(1, 1) if i == axis else (n, m) for i, (n, m) in enumerate(zip(x.shape, indices.shape))]
    if any(n != m and 1 not in (n, m) for n, m in pairs):
        raise ShapeError(
            f"ops.take_along_axis needs arrays that broadcast except along axis {axis}; got shapes "
            f"{tuple(x.shape)} and {tuple(indices.shape)}."
        )
    sizes = [m if n == 1 else n for n, m in pairs]
    x = xp.broadcast_to(x, (*sizes[:axis], x.shape[axis], *sizes[axis + 1 :]))
    indices = xp.broadcast_to(indices, (*sizes[:axis], indices.shape[axis], *sizes[axis + 1 :]))
    return _registry.active().take_along_axis(x, indices, axis)


@op
def where(condition: ArrayLike, x1: ArrayLike | None = None, x2: ArrayLike | None = None) -> Any:
    """`x1` where the condition holds, else `x2`.

    Args:
        condition: booleans; of numbers, those other than zero hold.
        x1, x2: arrays that broadcast against it and each other; or neither.

    Returns:
        An array of the common dtype of `x1` and `x2`. Without them, the places where the condition holds: a
        tuple with an int32 array for each axis, as of `nonzero`.

    Raises:
        ArgumentError: when only one of `x1` and `x2` is given.
        ShapeError: when the shapes do not broadcast.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.where([True, False], [1, 2], 0)).tolist()
        [1, 0]
    """
    if (x1 is None) != (x2 is None):
        raise ArgumentError("ops.where takes both `x1` and `x2`, or neither of them.")
    xp, condition = arrays(condition)
    condition = cast(condition, "bool")
    if x1 is None:
        return tuple(cast(places, "int32") for places in xp.nonzero(condition))
    dtype = common_dtype((x1, x2))
    x1, x2 = cast(x1, dtype), cast(x2, dtype)
    check_broadcast("where", (condition, x1, x2))
    return xp.where(condition, x1, x2)


@op
def slice(inputs: ArrayLike, start_indices: Any, shape: Shape) -> Array:
    """The block of `shape` that begins at `start_indices`; unlike in `x[...]`, these may be computed.

    Args:
        inputs: an array of any shape.
        start_indices: an integer for each axis. A block that would leave the array is moved back inside.
        shape: the sizes of the block.

    Returns:
        An array of `shape` and the dtype of `inputs`.

    Raises:
        ShapeError: when the lengths differ from the rank, or the block is larger than the array.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.slice([[1, 2, 3], [4, 5, 6]], (0, 1), (2, 2))).tolist()
        [[2, 3], [5, 6]]
    """
    _, x = arrays(inputs)
    sizes = tuple(operator.index(n) for n in shape)
    return _registry.active().slice(x, _starts("slice", x, start_indices, sizes), sizes)


@op
def slice_update(inputs: ArrayLike, start_indices: Any, updates: ArrayLike) -> Array:
    """`inputs` with the block that begins at `start_indices` replaced by `updates`.

    Args:
        inputs: an array of any shape.
        start_indices: an integer for each axis, which may be computed. A block that would leave the array is
            moved back inside.
        updates: an array of the same rank.

    Returns:
        An array of the shape and dtype of `inputs`.

    Raises:
        ShapeError: when the ranks differ, or `updates` are larger than the array.
        DTypeError: when the dtype of `updates` does not go into that of `inputs`.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.slice_update([1, 2, 3, 4], [1], [0, 0])).tolist()
        [1, 0, 0, 4]
    """
    _, x, updates = arrays(inputs, updates)
    starts = _starts("slice_update", x, start_indices, tuple(updates.shape))
    return _registry.active().slice_update(x, starts, _fitting("slice_update", x, updates))


def _starts(op_name: str, x: Array, start_indices: Any, sizes: Shape) -> list:
    if hasattr(start_indices, "shape"):
        _, start_indices = arrays(start_indices)
        starts = [start_indices[i] for i in range(start_indices.shape[0])]
    else:
        starts = [_index(s) for s in start_indices]
    if not len(starts) == len(sizes) == x.ndim:
        raise ShapeError(
            f"ops.{op_name} needs a start and a size for each axis of an array of shape {tuple(x.shape)}; "
            "got "
            f"{len(starts)} starts and {len(sizes)} sizes."
        )
    if any(n > m for n, m in zip(sizes, x.shape)):
        raise ShapeError(
            f"ops.{op_name} was asked for a block of shape {tuple(sizes)}, larger than the array of shape "
            f"{tuple(x.shape)}."
        )
    return starts


def _fitting(op_name: str, x: Array, updates: Array) -> Array:
    """`updates` in the dtype of `x`."""
    dtype = dtype_of(x)
    if common_dtype((x, updates)) != dtype:
        raise DTypeError(
            f"ops.{op_name} cannot write updates of dtype {dtype_of(updates)} into an array of dtype "
            f"{dtype} without "
            "loss. Cast one of them with ops.cast."
        )
    return cast(updates, dtype)


@op
def scatter(indices: ArrayLike, values: ArrayLike, shape: Shape) -> Array:
    """An array of zeros with `values` added at `indices`.

    Args:
        indices: integers of shape `(n, d)`: the places, along the first d axes.
        values: an array of shape `(n, *shape[d:])`.
        shape: the sizes of the result.

    Returns:
        An array of `shape` and the dtype of `values`. Values of the same place are added.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.scatter([[0], [2], [0]], [1, 2, 3], (4,))).tolist()
        [4, 0, 2, 0]
    """
    xp, values = arrays(values)
    zeros = xp.zeros(tuple(operator.index(n) for n in shape), dtype=values.dtype)
    return _written("scatter", zeros, indices, values, "add")


@op
def scatter_update(
    inputs: ArrayLike, indices: ArrayLike, updates: ArrayLike, reduction: str | None = None
) -> Array:
    """`inputs` with `updates` at `indices`.

    Args:
        inputs: an array of any shape.
        indices: integers of shape `(n, d)`: the places, along the first d axes. Negative ones count from the
            end; updates out of range are dropped.
        updates: an array of shape `(n, *inputs.shape[d:])`.
        reduction: what becomes of what was there, and of several updates of one place: None (replaced),
            "add", "max", "min" or "mul".

    Returns:
        An array of the shape and dtype of `inputs`.

    Raises:
        ArgumentError: for another `reduction`.
        ShapeError: when there are more places than axes, or the shape of `updates` does not fit.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.scatter_update([1, 2, 3], [[0], [-1]], [5, 7])).tolist()
        [5, 2, 7]
    """
    if reduction not in (None, "add", "max", "min", "mul"):
        raise ArgumentError(
            f"The `reduction` of ops.scatter_update must be None, 'add', 'max', 'min' or 'mul'; got "
            f"{reduction!r}."
        )
    _, x, updates = arrays(inputs, updates)
    return _written("scatter_update", x, indices, cast(updates, dtype_of(x)), reduction)


def _written(op_name: str, x: Array, indices: ArrayLike, updates: Array, reduction: str | None) -> Array:
    indices = _integers(op_name, indices)
    depth = indices.shape[-1] if indices.ndim else 0
    if not indices.ndim or depth > x.ndim:
        raise ShapeError(
            f"The `indices` of ops.{op_name} must have a last axis of at most {x.ndim} places, for an array "
            "of shape "
            f"{tuple(x.shape)}; got shape {tuple(indices.shape)}."
        )
    expected = (*indices.shape[:-1], *x.shape[depth:])
    check = tuple(updates.shape)
    if len(check) > len(expected) or any(n not in (1, m) for n, m in zip(check[::-1], expected[::-1])):
        raise ShapeError(
            f"ops.{op_name} needs updates of shape {expected}, for indices of shape {tuple(indices.shape)} "
            "into an "
            f"array of shape {tuple(x.shape)}; got {check}."
        )
    return _registry.active().scatter(x, indices, updates, reduction)
