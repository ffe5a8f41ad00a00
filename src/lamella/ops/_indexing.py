"""Choosing elements by place or by condition, and writing at places."""

import builtins
import math
import operator
from collections.abc import Iterator, Sequence
from typing import Any

from lamella.backend import _registry
from lamella.core._arrays import arrays, cast, common_dtype, dtype_of
from lamella.core._inference import is_drawn, size_of_unknown, stands_for_unknown
from lamella.core._operation import op
from lamella.core._sizes import as_size, is_computed
from lamella.errors import ArgumentError, DTypeError, OutOfRangeError, ShapeError
from lamella.ops._operands import check_broadcast, integers, kind_of, reduced_axes, single_axis
from lamella.ops._sorting import static_count
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
    "nonzero",
    "select",
    "diagonal",
    "tril",
    "triu",
    "unravel_index",
    "diff",
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
    keys = tuple(_index(k) for k in (key if isinstance(key, tuple) else (key,)))
    return _registry.active().get_item(x, tuple(_checked_places(x, keys)))


def _checked_places(x: Array, keys: tuple) -> Iterator[Any]:
    """`keys`; of a part of an axis of unknown size, the whole axis, so that its size is unknown, too.

    Raises:
        OutOfRangeError: for more indices than axes, and for an integer that is out of range: some libraries would clamp it.
    """
    plain = [k for k in keys if k is not None and k is not Ellipsis and not isinstance(k, bool)]
    taken = sum(k.ndim if _is_mask(k) else 1 for k in plain)
    if taken > x.ndim:
        raise OutOfRangeError(f"ops.get_item got {taken} indices for an array of shape {tuple(x.shape)}.")
    axis = 0
    for k in keys:
        if k is Ellipsis:
            axis += x.ndim - taken
        elif _is_mask(k):
            axis += k.ndim
        elif k is not None and not isinstance(k, bool):
            if isinstance(k, int) and not -x.shape[axis] <= k < x.shape[axis]:
                raise OutOfRangeError(
                    f"The index {k} of ops.get_item is out of range for axis {axis} of an array of shape "
                    f"{tuple(x.shape)}."
                )
            if isinstance(k, builtins.slice) and is_drawn() and stands_for_unknown(x.shape[axis]):
                k = builtins.slice(None)
            axis += 1
        yield k


def _is_mask(key: Any) -> bool:
    return hasattr(key, "ndim") and dtype_of(key) == "bool"


def _index(key: Any) -> Any:
    if isinstance(key, (str, float, complex)):
        raise DTypeError(f"An index of ops.get_item must be an int, a slice, None, Ellipsis or an array; got {key!r}.")
    return _registry.active().asarray(key) if hasattr(key, "__lamella_array__") or isinstance(key, list) else key


def _integers(op_name: str, indices: ArrayLike) -> Array:
    """`indices` as an integer array; Python ints and booleans too."""
    _, indices = arrays(indices)
    kind = kind_of(dtype_of(indices))
    if kind == "bool" or (kind == "float" and not math.prod(indices.shape)):
        return cast(indices, "int32")
    return integers(op_name, indices)[0]


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
        return _places("where", condition)
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
        shape: the sizes of the block; -1 for all that follows a start.

    Returns:
        An array of `shape` and the dtype of `inputs`.

    Raises:
        ShapeError: when the lengths differ from the rank, or the block is larger than the array.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.slice([[1, 2, 3], [4, 5, 6]], (0, 1), (2, 2))).tolist()
        [[2, 3], [5, 6]]
    """
    xp, x = arrays(inputs)
    sizes = tuple(as_size(n) for n in shape)
    if -1 in sizes and len(sizes) == x.ndim:
        sizes = tuple(_rest(m, s) if n == -1 else n for n, m, s in zip(sizes, x.shape, start_indices))
        if any(map(is_computed, start_indices)):  # only the shape matters here
            return xp.zeros(sizes, dtype=x.dtype)
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


def _rest(size: int, start: Any) -> Any:
    """How much of an axis follows `start`."""
    return as_size(start) if is_computed(start) else size - as_size(start)


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
    zeros = xp.zeros(tuple(as_size(n) for n in shape), dtype=values.dtype)
    return _written("scatter", zeros, indices, values, "add")


@op
def scatter_update(inputs: ArrayLike, indices: ArrayLike, updates: ArrayLike, reduction: str | None = None) -> Array:
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
            f"The `reduction` of ops.scatter_update must be None, 'add', 'max', 'min' or 'mul'; got {reduction!r}."
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


@op
def nonzero(x: ArrayLike) -> tuple:
    """The places of the elements of `x` that are not zero.

    Args:
        x: an array of at least one axis.

    Returns:
        A tuple with an int32 array for each axis: the indices along it, in row-major order.

    Raises:
        ShapeError: for a scalar.
        ArgumentError: inside a compiled program, where their number is not known.

    Example:
        >>> from lamella import ops
        >>> [places.tolist() for places in map(ops.convert_to_numpy, ops.nonzero([[1, 0], [0, 2]]))]
        [[0, 1], [0, 1]]
    """
    return _places("nonzero", x)


def _places(op_name: str, x: ArrayLike) -> tuple:
    _, x = arrays(x)
    if not x.ndim:
        raise ShapeError(f"ops.{op_name} needs an array of at least one axis; got a scalar.")
    size = static_count(op_name, x, "Use ops.where with three arguments to choose element by element.")
    return tuple(cast(places, "int32") for places in _registry.active().nonzero(x, size))


@op
def select(condlist: Sequence[ArrayLike], choicelist: Sequence[ArrayLike], default: ArrayLike = 0) -> Array:
    """For each place the element of the first choice whose condition holds there.

    Args:
        condlist: boolean arrays.
        choicelist: as many arrays.
        default: what stands where no condition holds.

    Returns:
        An array of the common shape, and of the common dtype of the choices and the default.

    Raises:
        ArgumentError: when the lists are empty or differ in length.
        ShapeError: when the shapes do not broadcast.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.select([[True, False], [True, True]], [[1, 1], [2, 2]])).tolist()
        [1, 2]
    """
    if len(condlist) != len(choicelist) or not len(condlist):
        raise ArgumentError(
            f"ops.select needs as many choices as conditions, at least one; got {len(choicelist)} and {len(condlist)}."
        )
    dtype = common_dtype((*choicelist, default))
    result = cast(default, dtype)
    for condition, choice in zip(reversed(condlist), reversed(choicelist)):
        result = where(condition, cast(choice, dtype), result)
    return result


@op
def diagonal(x: ArrayLike, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Array:
    """The diagonal of two axes of `x`.

    Args:
        x: an array of at least 2 axes.
        offset: which diagonal: 0 for the main one, positive above it, negative below.
        axis1: the axis of the rows.
        axis2: the axis of the columns.

    Returns:
        An array without the two axes, the diagonal along a last axis of its own.

    Raises:
        ShapeError: when an axis is out of bounds, or both are the same.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.diagonal([[1, 2], [3, 4]])).tolist()
        [1, 4]
    """
    xp, x = arrays(x)
    axes = reduced_axes("diagonal", (axis1, axis2), x.ndim)
    rest = tuple(i for i in range(x.ndim) if i not in axes)
    if any(stands_for_unknown(x.shape[i]) for i in axes):
        return xp.zeros((*(x.shape[i] for i in rest), size_of_unknown()), dtype=x.dtype)
    return xp.linalg.diagonal(xp.permute_dims(x, (*rest, *axes)), offset=offset)


@op
def tril(x: ArrayLike, k: int = 0) -> Array:
    """`x` with zeros above a diagonal of its last two axes.

    Args:
        x: an array of at least 2 axes.
        k: which diagonal: 0 for the main one, positive above it, negative below.

    Returns:
        An array of the same shape and dtype.

    Raises:
        ShapeError: when `x` has fewer axes.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.tril([[1, 2], [3, 4]])).tolist()
        [[1, 0], [3, 4]]
    """
    xp, x = arrays(x)
    return xp.tril(_matrix("tril", x), k=k)


@op
def triu(x: ArrayLike, k: int = 0) -> Array:
    """`x` with zeros below a diagonal of its last two axes.

    Args:
        x: an array of at least 2 axes.
        k: which diagonal: 0 for the main one, positive above it, negative below.

    Returns:
        An array of the same shape and dtype.

    Raises:
        ShapeError: when `x` has fewer axes.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.triu([[1, 2], [3, 4]])).tolist()
        [[1, 2], [0, 4]]
    """
    xp, x = arrays(x)
    return xp.triu(_matrix("triu", x), k=k)


def _matrix(op_name: str, x: Array) -> Array:
    if x.ndim < 2:
        raise ShapeError(f"ops.{op_name} needs an array of at least 2 axes; got shape {tuple(x.shape)}.")
    return x


@op
def unravel_index(indices: ArrayLike, shape: Any) -> tuple:
    """The index along each axis of places that are counted in row-major order.

    Args:
        indices: integers of any shape, in [-n, n), n the number of elements; others are moved to the nearest
            end.
        shape: the sizes of the array.

    Returns:
        A tuple with an array for each axis, of the shape and dtype of `indices`.

    Raises:
        DTypeError: when `indices` are not integers.

    Example:
        >>> from lamella import ops
        >>> [int(i) for i in ops.unravel_index(5, (3, 4))]
        [1, 1]
    """
    xp = arrays(indices)[0]
    indices = _integers("unravel_index", indices)
    sizes = tuple(operator.index(n) for n in (shape if hasattr(shape, "__iter__") else (shape,)))
    count = math.prod(sizes)
    rest = xp.clip(cast(indices, "int32"), -count, max(count - 1, 0))
    rest = xp.where(rest < 0, rest + count, rest)
    places = []
    for size in reversed(sizes):
        places.append(cast(rest % max(size, 1), dtype_of(indices)))
        rest = rest // max(size, 1)
    return tuple(reversed(places))


@op
def diff(a: ArrayLike, n: int = 1, axis: int = -1) -> Array:
    """The differences of neighbours along an axis: `a[i + 1] - a[i]`, taken n times.

    Args:
        a: an array of at least one axis.
        n: how often.
        axis: the axis.

    Returns:
        An array whose size along the axis is less by n, of the dtype of `a`; of booleans, whether neighbours differ.

    Raises:
        ArgumentError: when `n` is negative.
        ShapeError: when `axis` is out of bounds.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.diff([1, 4, 9])).tolist()
        [3, 5]
    """
    if n < 0:
        raise ArgumentError(f"The `n` of ops.diff cannot be negative; got {n}.")
    xp, x = arrays(a)
    axis = single_axis("diff", axis, x.ndim)
    before = (builtins.slice(None),) * axis
    subtract = xp.not_equal if dtype_of(x) == "bool" else xp.subtract
    for _ in range(n):
        x = subtract(x[(*before, builtins.slice(1, None))], x[(*before, builtins.slice(None, -1))])
    return x
