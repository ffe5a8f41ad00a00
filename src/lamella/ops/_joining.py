"""Several arrays made one, and one made several: concatenate, stack, split."""

import itertools
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from lamella.backend import _registry
from lamella.core._arrays import arrays, promote
from lamella.core._inference import UnknownSizeError, stands_for_unknown
from lamella.core._operation import op
from lamella.errors import ArgumentError, ShapeError
from lamella.ops._operands import single_axis
from lamella.typing import Array, ArrayLike

__all__ = [
    "concatenate",
    "stack",
    "append",
    "hstack",
    "vstack",
    "dstack",
    "split",
    "array_split",
    "hsplit",
    "vsplit",
    "dsplit",
    "unstack",
]


def _several(op_name: str, values: Any) -> list:
    values = list(values) if hasattr(values, "__iter__") else [values]
    if not values:
        raise ArgumentError(f"ops.{op_name} needs at least one array; got none.")
    return values


@op
def concatenate(xs: Sequence[ArrayLike], axis: int | None = 0) -> Array:
    """Arrays one after the other along an axis they have.

    Args:
        xs: arrays whose sizes are equal except along `axis`.
        axis: the axis; None for that of the raveled arrays.

    Returns:
        An array of their common dtype.

    Raises:
        ShapeError: when other sizes differ, or `axis` is out of bounds.

    Example:
        >>> from lamella import ops
        >>> ops.concatenate([ops.ones((2, 3)), ops.zeros((4, 3))]).shape
        (6, 3)
    """
    return _joined("concatenate", promote(*_several("concatenate", xs)), axis)


def _joined(op_name: str, found: tuple, axis: int | None) -> Array:
    xp, *values = found
    if axis is None:
        return xp.concat([xp.reshape(v, (-1,)) for v in values], axis=0)
    axis = single_axis(op_name, axis, values[0].ndim)
    rest = [(*v.shape[:axis], *v.shape[axis + 1 :]) if v.ndim == values[0].ndim else None for v in values]
    if any(r != rest[0] for r in rest):
        shapes = ", ".join(str(tuple(v.shape)) for v in values)
        raise ShapeError(f"ops.{op_name} needs arrays whose sizes are equal except along axis {axis}; got {shapes}.")
    return xp.concat(values, axis=axis)


@op
def stack(x: Sequence[ArrayLike], axis: int = 0) -> Array:
    """Arrays of one shape along a new axis.

    Args:
        x: arrays of equal shape.
        axis: where the new axis stands in the result.

    Returns:
        An array with one axis more, of their common dtype.

    Raises:
        ShapeError: when the shapes differ, or `axis` is out of bounds.

    Example:
        >>> from lamella import ops
        >>> ops.stack([ops.ones((2, 3)), ops.zeros((2, 3))], axis=-1).shape
        (2, 3, 2)
    """
    xp, *values = promote(*_several("stack", x))
    if any(tuple(v.shape) != tuple(values[0].shape) for v in values):
        shapes = ", ".join(str(tuple(v.shape)) for v in values)
        raise ShapeError(f"ops.stack needs arrays of one shape; got {shapes}.")
    return xp.stack(values, axis=single_axis("stack", axis, values[0].ndim + 1))


@op
def append(x1: ArrayLike, x2: ArrayLike, axis: int | None = None) -> Array:
    """`x2` after `x1`.

    Args:
        x1, x2: arrays whose sizes are equal except along `axis`.
        axis: the axis; None for that of the raveled arrays.

    Returns:
        An array of their common dtype.

    Raises:
        ShapeError: when other sizes differ, or `axis` is out of bounds.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.append([1, 2], [[3], [4]])).tolist()
        [1, 2, 3, 4]
    """
    return _joined("append", promote(x1, x2), axis)


def _with_axes(xp: Any, x: Array, rank: int) -> Array:
    """`x` with at least `rank` axes: (n,) becomes (1, n) and (1, n, 1), (m, n) becomes (m, n, 1)."""
    if x.ndim >= rank:
        return x
    shape = {0: (1, 1, 1), 1: (1, *x.shape, 1), 2: (*x.shape, 1)}[x.ndim]
    return xp.reshape(x, shape[:rank])


@op
def hstack(xs: Sequence[ArrayLike]) -> Array:
    """Arrays side by side: along axis 1, or along the only axis of 1-D arrays.

    Args:
        xs: arrays whose sizes are equal except along that axis.

    Returns:
        An array of their common dtype.

    Raises:
        ShapeError: when other sizes differ.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.hstack([[[1], [2]], [[3], [4]]])).tolist()
        [[1, 3], [2, 4]]
    """
    xp, *values = promote(*_several("hstack", xs))
    values = [_with_axes(xp, v, 1) for v in values]
    return _joined("hstack", (xp, *values), 0 if values[0].ndim == 1 else 1)


@op
def vstack(xs: Sequence[ArrayLike]) -> Array:
    """Arrays on top of each other: along axis 0, 1-D arrays as rows.

    Args:
        xs: arrays whose sizes are equal except along that axis.

    Returns:
        An array of at least 2 axes, of their common dtype.

    Raises:
        ShapeError: when other sizes differ.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.vstack([[1, 2], [3, 4]])).tolist()
        [[1, 2], [3, 4]]
    """
    xp, *values = promote(*_several("vstack", xs))
    return _joined("vstack", (xp, *(_with_axes(xp, v, 2) for v in values)), 0)


@op
def dstack(xs: Sequence[ArrayLike]) -> Array:
    """Arrays behind each other: along axis 2, (n,) taken as (1, n, 1) and (m, n) as (m, n, 1).

    Args:
        xs: arrays whose sizes are equal except along that axis.

    Returns:
        An array of at least 3 axes, of their common dtype.

    Raises:
        ShapeError: when other sizes differ.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.dstack([[1, 2], [3, 4]])).tolist()
        [[[1, 3], [2, 4]]]
    """
    xp, *values = promote(*_several("dstack", xs))
    return _joined("dstack", (xp, *(_with_axes(xp, v, 3) for v in values)), 2)


@op
def split(x: ArrayLike, indices_or_sections: Any, axis: int = 0) -> list:
    """`x` cut into parts along an axis.

    Args:
        x: an array of at least one axis.
        indices_or_sections: the number of equal parts, or the positions at which to cut.
        axis: the axis.

    Returns:
        A list of arrays.

    Raises:
        ShapeError: when the axis is out of bounds or cannot be cut into so many equal parts.

    Example:
        >>> from lamella import ops
        >>> [part.shape for part in ops.split(ops.ones((6, 2)), [1, 3])]
        [(1, 2), (2, 2), (3, 2)]
    """
    return _parts("split", x, indices_or_sections, axis)


@op
def array_split(x: ArrayLike, indices_or_sections: Any, axis: int = 0) -> list:
    """`x` cut into parts along an axis, equal or with the first ones longer by one.

    Args:
        x: an array of at least one axis.
        indices_or_sections: the number of parts, or the positions at which to cut.
        axis: the axis.

    Returns:
        A list of arrays.

    Raises:
        ShapeError: when the axis is out of bounds, or the number of parts is not positive.

    Example:
        >>> from lamella import ops
        >>> [part.shape for part in ops.array_split(ops.ones(5), 3)]
        [(2,), (2,), (1,)]
    """
    return _parts("array_split", x, indices_or_sections, axis, equal=False)


@op
def hsplit(x: ArrayLike, indices_or_sections: Any) -> list:
    """`x` cut along axis 1, or along the only axis of a 1-D array.

    Args:
        x: an array of at least one axis.
        indices_or_sections: the number of equal parts, or the positions at which to cut.

    Returns:
        A list of arrays.

    Raises:
        ShapeError: when it cannot be cut so.

    Example:
        >>> from lamella import ops
        >>> [part.shape for part in ops.hsplit(ops.ones((2, 4)), 2)]
        [(2, 2), (2, 2)]
    """
    _, x = arrays(x)
    return _parts("hsplit", x, indices_or_sections, min(1, x.ndim - 1))


@op
def vsplit(x: ArrayLike, indices_or_sections: Any) -> list:
    """`x` cut along axis 0.

    Args:
        x: an array of at least 2 axes.
        indices_or_sections: the number of equal parts, or the positions at which to cut.

    Returns:
        A list of arrays.

    Raises:
        ShapeError: when it cannot be cut so.

    Example:
        >>> from lamella import ops
        >>> [part.shape for part in ops.vsplit(ops.ones((4, 2)), 2)]
        [(2, 2), (2, 2)]
    """
    return _parts("vsplit", x, indices_or_sections, 0)


@op
def dsplit(x: ArrayLike, indices_or_sections: Any) -> list:
    """`x` cut along axis 2.

    Args:
        x: an array of at least 3 axes.
        indices_or_sections: the number of equal parts, or the positions at which to cut.

    Returns:
        A list of arrays.

    Raises:
        ShapeError: when it cannot be cut so.

    Example:
        >>> from lamella import ops
        >>> [part.shape for part in ops.dsplit(ops.ones((1, 2, 4)), 2)]
        [(1, 2, 2), (1, 2, 2)]
    """
    return _parts("dsplit", x, indices_or_sections, 2)


def _parts(op_name: str, x: ArrayLike, indices_or_sections: Any, axis: int, equal: bool = True) -> list:
    _, x = arrays(x)
    axis = single_axis(op_name, axis, x.ndim)
    size = x.shape[axis]
    if _registry.owner(indices_or_sections):
        indices_or_sections = _registry.to_numpy(indices_or_sections)
    if np.ndim(indices_or_sections) == 0:
        count = operator.index(indices_or_sections)
        if count <= 0 or (equal and size % count):
            raise ShapeError(
                f"ops.{op_name} cannot cut axis {axis} of an array of shape {tuple(x.shape)} into {count} "
                + ("equal parts. Give the positions of the cuts instead." if equal and count > 0 else "parts.")
            )
        longer, short = size % count, size // count
        bounds = np.cumsum([0] + [short + (i < longer) for i in range(count)]).tolist()
    else:
        bounds = [0, *(operator.index(i) for i in indices_or_sections), size]
    sizes = [stop - start for start, stop in itertools.pairwise(bounds)]
    if min(sizes) >= 0 and bounds == sorted(bounds) and bounds[0] == 0 and bounds[-1] == size:
        return _registry.active().split(x, sizes, axis)
    before = (slice(None),) * axis
    return [x[(*before, slice(start, stop))] for start, stop in itertools.pairwise(bounds)]


@op
def unstack(x: ArrayLike, num: int | None = None, axis: int = 0) -> list:
    """The slices of `x` along an axis, without that axis: the inverse of `stack`.

    Args:
        x: an array of at least one axis.
        num: how many there are; None for the size of the axis, which must then be known.
        axis: the axis.

    Returns:
        A list of arrays.

    Raises:
        ShapeError: when the axis is out of bounds, or its size is not `num`.

    Example:
        >>> from lamella import ops
        >>> [part.shape for part in ops.unstack(ops.ones((2, 3)), axis=1)]
        [(2,), (2,), (2,)]
    """
    _, x = arrays(x)
    axis = single_axis("unstack", axis, x.ndim)
    unknown = stands_for_unknown(x.shape[axis])
    if num is None and unknown:
        raise UnknownSizeError(f"ops.unstack needs `num`: the size of axis {axis} is unknown.")
    if num is not None and num != x.shape[axis] and not unknown:
        raise ShapeError(
            f"ops.unstack was told num={num}, but axis {axis} of an array of shape {tuple(x.shape)} has size "
            f"{x.shape[axis]}."
        )
    before = (slice(None),) * axis
    return [x[(*before, i)] for i in range(x.shape[axis] if num is None else num)]
