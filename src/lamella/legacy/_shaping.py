"""Axes and places: reshaping, repeating, padding, picking, resizing images."""

import builtins
import math
from collections.abc import Sequence
from typing import Any

from lamella import ops
from lamella.backend import _dtypes
from lamella.core._arrays import arrays
from lamella.core._operation import op
from lamella.errors import ArgumentError, ShapeError
from lamella.typing import Array, ArrayLike

__all__ = [
    "reshape",
    "permute_dimensions",
    "expand_dims",
    "squeeze",
    "flatten",
    "batch_flatten",
    "repeat",
    "repeat_elements",
    "tile",
    "concatenate",
    "stack",
    "reverse",
    "gather",
    "slice",
    "one_hot",
    "temporal_padding",
    "spatial_2d_padding",
    "spatial_3d_padding",
    "resize_images",
    "resize_volumes",
]


def reshape(x: ArrayLike, shape: Any) -> Array:
    """`x` with other sizes; one of them may be -1, for what is left."""
    return ops.reshape(x, tuple(-1 if n is None else n for n in shape))


def permute_dimensions(x: ArrayLike, pattern: Sequence[int]) -> Array:
    """`x` with its axes in the order of `pattern`, the batch axis included.

    Example:
        >>> import lamella.backend as K
        >>> K.permute_dimensions(K.zeros((2, 3, 4)), (0, 2, 1)).shape
        (2, 4, 3)
    """
    return ops.transpose(x, axes=tuple(pattern))


def expand_dims(x: ArrayLike, axis: int = -1) -> Array:
    """`x` with a new axis of size 1."""
    return ops.expand_dims(x, axis)


def squeeze(x: ArrayLike, axis: Any) -> Array:
    """`x` without `axis`, whose size is 1."""
    return ops.squeeze(x, axis=axis)


def flatten(x: ArrayLike) -> Array:
    """All elements of `x`, along one axis."""
    return ops.reshape(x, (-1,))


def batch_flatten(x: ArrayLike) -> Array:
    """`x` with all axes but the first joined into one.

    Example:
        >>> import lamella.backend as K
        >>> K.batch_flatten(K.ones((2, 3, 4, 5))).shape
        (2, 60)
    """
    first, *others = ops.shape(x)
    known = [n for n in others if n is not None]
    if first is None and len(known) == len(others):
        return ops.reshape(x, (-1, math.prod(known)))
    return _joined(x)


@op
def _joined(x: ArrayLike) -> Array:
    _, x = arrays(x)
    return ops.reshape(x, (x.shape[0], math.prod(x.shape[1:])))


def repeat(x: ArrayLike, n: int) -> Array:
    """Each row `n` times: `(samples, size)` becomes `(samples, n, size)`.

    Raises:
        ShapeError: when `x` has not two axes.

    Example:
        >>> import lamella.backend as K
        >>> K.repeat([[1, 2]], 2).tolist()
        [[[1, 2], [1, 2]]]
    """
    if ops.ndim(x) != 2:
        raise ShapeError(f"repeat takes an array of shape (samples, size); got shape {ops.shape(x)}.")
    return ops.repeat(ops.expand_dims(x, 1), n, axis=1)


def repeat_elements(x: ArrayLike, rep: int, axis: int) -> Array:
    """Each element `rep` times along `axis`, as `numpy.repeat`.

    Example:
        >>> import lamella.backend as K
        >>> K.repeat_elements([1, 2], 2, axis=0).tolist()
        [1, 1, 2, 2]
    """
    return ops.repeat(x, rep, axis=axis)


def tile(x: ArrayLike, n: Any) -> Array:
    """`x` laid out `n` times along each axis: a list with a number for each axis, or one number."""
    return ops.tile(x, (n,) if isinstance(n, int) else n)


def concatenate(tensors: Sequence[ArrayLike], axis: int = -1) -> Array:
    """`tensors` one after the other along `axis`, the last one by default."""
    return ops.concatenate(tensors, axis=axis)


def stack(x: Sequence[ArrayLike], axis: int = 0) -> Array:
    """A list of tensors along a new axis."""
    return ops.stack(x, axis=axis)


def reverse(x: ArrayLike, axes: Any) -> Array:
    """`x` back to front along `axes`, an integer or several."""
    return ops.flip(x, axis=axes if isinstance(axes, int) else tuple(axes))


def gather(reference: ArrayLike, indices: ArrayLike) -> Array:
    """The rows of `reference` at `indices`: shape `indices.shape + reference.shape[1:]`.

    Example:
        >>> import lamella.backend as K
        >>> K.gather([[1, 2], [3, 4]], [1, 0, 1]).tolist()
        [[3, 4], [1, 2], [3, 4]]
    """
    return ops.take(reference, indices, axis=0)


def slice(x: ArrayLike, start: Any, size: Any) -> Array:
    """The block of `size` that begins at `start`: an integer for each axis; a size of -1 takes all that follows.

    Example:
        >>> import lamella.backend as K
        >>> K.slice([[1, 2, 3], [4, 5, 6]], (0, 1), (-1, 2)).tolist()
        [[2, 3], [5, 6]]
    """
    if all(isinstance(n, int) for n in (*start, *size)) and len(start) == len(size) == ops.ndim(x):
        ends = [None if n == -1 else s + n for s, n in zip(start, size)]
        return ops.get_item(x, tuple(builtins.slice(s, end) for s, end in zip(start, ends)))
    return ops.slice(x, start, size)


def one_hot(indices: ArrayLike, num_classes: int) -> Array:
    """1 at the position of the class along a new last axis, else 0."""
    return ops.one_hot(indices, num_classes)


def temporal_padding(x: ArrayLike, padding: Sequence[int] = (1, 1)) -> Array:
    """`(batch, steps, features)` with zeros before and after the steps: `padding` is how many.

    Example:
        >>> import lamella.backend as K
        >>> K.temporal_padding(K.ones((1, 4, 2)), (1, 2)).shape
        (1, 7, 2)
    """
    return _padded("temporal_padding", x, (padding,), "channels_last")


def spatial_2d_padding(x: ArrayLike, padding: Any = ((1, 1), (1, 1)), data_format: str | None = None) -> Array:
    """Images with a margin of zeros.

    Args:
        x: `(batch, height, width, channels)`, or `(batch, channels, height, width)`.
        padding: ((above, below), (left, right)), in pixels.
        data_format: `"channels_last"` or `"channels_first"`; defaults to `image_data_format()`.

    Raises:
        ArgumentError: for other paddings and formats.
    """
    return _padded("spatial_2d_padding", x, padding, data_format)


def spatial_3d_padding(x: ArrayLike, padding: Any = ((1, 1), (1, 1), (1, 1)), data_format: str | None = None) -> Array:
    """Volumes with a margin of zeros.

    Args:
        x: `(batch, depth, height, width, channels)`, or `(batch, channels, depth, height, width)`.
        padding: (before, after) for each of the three axes, in voxels.
        data_format: `"channels_last"` or `"channels_first"`; defaults to `image_data_format()`.

    Raises:
        ArgumentError: for other paddings and formats.
    """
    return _padded("spatial_3d_padding", x, padding, data_format)


def _padded(name: str, x: ArrayLike, padding: Any, data_format: str | None) -> Array:
    axes = ops.ndim(x) - 2
    pairs = tuple(tuple(pair) if isinstance(pair, (tuple, list)) else () for pair in padding)
    if len(pairs) != axes or any(len(pair) != 2 for pair in pairs):
        raise ArgumentError(
            f"The `padding` of {name} must be a pair (before, after) for each of the {axes} axes between batch and "
            f"channels; got {padding!r} for an array of shape {ops.shape(x)}."
        )
    if _dtypes.standardize_data_format(data_format) == "channels_last":
        return ops.pad(x, ((0, 0), *pairs, (0, 0)))
    return ops.pad(x, ((0, 0), (0, 0), *pairs))


def resize_images(
    x: ArrayLike, height_factor: int, width_factor: int, data_format: str, interpolation: str = "nearest"
) -> Array:
    """Images that are `height_factor` times as high and `width_factor` times as wide.

    Args:
        x: `(batch, height, width, channels)`, or `(batch, channels, height, width)`.
        height_factor, width_factor: positive integers.
        data_format: `"channels_last"` or `"channels_first"`.
        interpolation: "nearest", or another interpolation of `ops.image.resize`.

    Example:
        >>> import lamella.backend as K
        >>> K.resize_images(K.ones((1, 2, 3, 4)), 2, 3, "channels_last").shape
        (1, 4, 9, 4)
    """
    data_format = _dtypes.standardize_data_format(data_format)
    if interpolation == "nearest":
        return _enlarged(x, (height_factor, width_factor), data_format)
    return _interpolated(x, height_factor, width_factor, data_format, interpolation)


_ops: Any = ops  # images are looked up when they are called: those ops may be a version younger


@op
def _interpolated(x: ArrayLike, height_factor: int, width_factor: int, data_format: str, interpolation: str) -> Array:
    _, x = arrays(x)
    height, width = x.shape[1:3] if data_format == "channels_last" else x.shape[2:4]
    size = (height * height_factor, width * width_factor)
    return _ops.image.resize(x, size, interpolation=interpolation, data_format=data_format)


def resize_volumes(x: ArrayLike, depth_factor: int, height_factor: int, width_factor: int, data_format: str) -> Array:
    """Volumes each of whose voxels is repeated along depth, height and width.

    Args:
        x: `(batch, depth, height, width, channels)`, or `(batch, channels, depth, height, width)`.
        depth_factor, height_factor, width_factor: positive integers.
        data_format: `"channels_last"` or `"channels_first"`.
    """
    data_format = _dtypes.standardize_data_format(data_format)
    return _enlarged(x, (depth_factor, height_factor, width_factor), data_format)


def _enlarged(x: ArrayLike, factors: Sequence[int], data_format: str) -> Array:
    first = 1 if data_format == "channels_last" else 2
    for axis, factor in enumerate(factors, start=first):
        x = ops.repeat(x, factor, axis=axis)
    return x
