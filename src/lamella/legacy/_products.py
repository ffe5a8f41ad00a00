"""Products of tensors."""

from typing import Any

from lamella import ops
from lamella.errors import ArgumentError, ShapeError
from lamella.typing import Array, ArrayLike

__all__ = ["dot", "batch_dot", "transpose"]


def dot(x: ArrayLike, y: ArrayLike) -> Array:
    """The product over the last axis of `x` and the last but one of `y`.

    Args:
        x: `(..., size)`.
        y: `(..., size, columns)`.

    Returns:
        `x.shape[:-1] + y.shape[:-2] + y.shape[-1:]`: for matrices, their product.

    Example:
        >>> import lamella.backend as K
        >>> K.dot(K.zeros((32, 28, 3)), K.ones((3, 4))).shape
        (32, 28, 4)
    """
    return ops.dot(x, y)


def batch_dot(x: ArrayLike, y: ArrayLike, axes: Any = None) -> Array:
    """The product of each example of `x` with the same example of `y`, over one axis of each.

    Args:
        x, y: arrays of at least two axes, of which the first is the batch.
        axes: the axis of `x` and that of `y` to sum over, or one integer for both; not 0. By default the last of `x`,
            and the last but one of `y` (the last where `y` has two axes).

    Returns:
        The axes of `x` without the one that was summed over, then those of `y` without it and without the batch; with
        an axis of size 1 at the end where otherwise only the batch were left.

    Raises:
        ShapeError: when an array has fewer than two axes, or the sizes do not fit.
        ArgumentError: when `axes` is no pair of axes, or holds that of the batch.

    Example:
        >>> import lamella.backend as K
        >>> K.batch_dot(K.ones((32, 20, 1)), K.ones((32, 30, 20)), axes=(1, 2)).shape
        (32, 1, 30)
        >>> K.batch_dot(K.ones((32, 20)), K.ones((32, 20))).shape
        (32, 1)
    """
    shapes = ops.shape(x), ops.shape(y)
    if len(shapes[0]) < 2 or len(shapes[1]) < 2:
        raise ShapeError(
            "batch_dot takes arrays of at least two axes, the first of which is the batch; "
            f"got shapes {shapes[0]} and {shapes[1]}."
        )
    along_x, along_y = _axes_of(axes, len(shapes[0]), len(shapes[1]))
    sizes = shapes[0][along_x], shapes[1][along_y]
    batches = shapes[0][0], shapes[1][0]
    for what, (a, b) in (("sizes along `axes`", sizes), ("batch sizes", batches)):
        if a is not None and b is not None and a != b:
            raise ShapeError(f"The {what} of batch_dot differ: {a} and {b}, in shapes {shapes[0]} and {shapes[1]}.")
    letters = iter("cdefghijklmnopqrstuvwxyz")
    of_x = ["b" if i == 0 else "a" if i == along_x else next(letters) for i in range(len(shapes[0]))]
    of_y = ["b" if i == 0 else "a" if i == along_y else next(letters) for i in range(len(shapes[1]))]
    kept = [c for c in (*of_x, *of_y[1:]) if c != "a"]
    out = ops.einsum(f"{''.join(of_x)},{''.join(of_y)}->{''.join(kept)}", x, y)
    return ops.expand_dims(out, -1) if len(kept) == 1 else out


def _axes_of(axes: Any, ndim_x: int, ndim_y: int) -> tuple[int, int]:
    if axes is None:
        axes = (ndim_x - 1, ndim_y - 1 if ndim_y == 2 else ndim_y - 2)
    elif isinstance(axes, int):
        axes = (axes, axes)
    if not isinstance(axes, (tuple, list)) or len(axes) != 2 or not all(isinstance(a, int) for a in axes):
        raise ArgumentError(f"The `axes` of batch_dot must be an integer or a pair of integers; got {axes!r}.")
    found = []
    for axis, ndim in zip(axes, (ndim_x, ndim_y)):
        if not -ndim <= axis < ndim:
            raise ArgumentError(f"The axis {axis} of batch_dot is out of range for an array of {ndim} axes.")
        found.append(axis % ndim)
    if 0 in found:
        raise ArgumentError(
            f"Cannot sum over the batch axis; got axes={axes!r}. To do so on purpose, use ops.tensordot or dot."
        )
    return found[0], found[1]


def transpose(x: ArrayLike) -> Array:
    """`x` with its axes in the reverse order."""
    return ops.transpose(x)
