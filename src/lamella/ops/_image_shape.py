"""Images made larger or smaller without resampling: padding, cropping, cutting into patches."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from lamella.backend import _dtypes, _registry
from lamella.core._arrays import arrays
from lamella.core._inference import stands_for_unknown
from lamella.core._operation import op
from lamella.errors import ArgumentError, ShapeError
from lamella.ops._convolution import _checked_padding, _each, _margins
from lamella.ops._image_layout import Images
from lamella.typing import Array, ArrayLike

__all__ = ["crop_images", "extract_patches", "extract_patches_3d", "pad_images"]


@op
def pad_images(
    images: ArrayLike,
    top_padding: int | None = None,
    left_padding: int | None = None,
    bottom_padding: int | None = None,
    right_padding: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: str | None = None,
) -> Array:
    """Images with zeros around them. For each axis, two of the three sizes are given and make the third.

    Args:
        images: `(height, width, channels)` or a batch of them, or with channels first.
        top_padding, bottom_padding, target_height: rows added before and after, and rows of the result.
        left_padding, right_padding, target_width: the same of columns.
        data_format: "channels_last" or "channels_first"; defaults to `image_data_format()`.

    Returns:
        Images of the same dtype, `target_height` by `target_width`.

    Raises:
        ArgumentError: when not exactly two of three are given, or one is negative.
        ShapeError: for another number of axes.

    Example:
        >>> from lamella import ops
        >>> padded = ops.image.pad_images(ops.ones((2, 2, 3)), 1, 2, target_height=5, target_width=6)
        >>> padded.shape, float(ops.sum(padded))
        ((5, 6, 3), 12.0)
    """
    given = Images("image.pad_images", images, data_format)
    if target_height is not None and stands_for_unknown(given.x.shape[1]):  # only the shape matters: it may be smaller
        given.x = given.x[:, :0]
    if target_width is not None and stands_for_unknown(given.x.shape[2]):
        given.x = given.x[:, :, :0]
    height, width = given.x.shape[1:3]
    rows = _third("padding", height, top=top_padding, bottom=bottom_padding, height=target_height)
    columns = _third("padding", width, left=left_padding, right=right_padding, width=target_width)
    return given.restored(given.adapter.pad(given.x, [(0, 0), rows, columns, (0, 0)], "constant", 0))


@op
def crop_images(
    images: ArrayLike,
    top_cropping: int | None = None,
    left_cropping: int | None = None,
    bottom_cropping: int | None = None,
    right_cropping: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: str | None = None,
) -> Array:
    """A rectangle of images. For each axis, two of the three sizes are given and make the third.

    Args:
        images: `(height, width, channels)` or a batch of them, or with channels first.
        top_cropping, bottom_cropping, target_height: rows left out before and after, and rows of the result.
        left_cropping, right_cropping, target_width: the same of columns.
        data_format: "channels_last" or "channels_first"; defaults to `image_data_format()`.

    Returns:
        Images of the same dtype, `target_height` by `target_width`.

    Raises:
        ArgumentError: when not exactly two of three are given, or one is negative.
        ShapeError: for another number of axes.

    Example:
        >>> from lamella import ops
        >>> ops.image.crop_images(ops.ones((5, 6, 3)), 1, 2, target_height=3, target_width=2).shape
        (3, 2, 3)
    """
    given = Images("image.crop_images", images, data_format)
    height, width = given.x.shape[1:3]
    top, bottom = _third("cropping", height, top=top_cropping, bottom=bottom_cropping, height=target_height)
    left, right = _third("cropping", width, left=left_cropping, right=right_cropping, width=target_width)
    return given.restored(given.x[:, top : max(top, height - bottom), left : max(left, width - right)])


def _third(what: str, size: int, **sizes: int | None) -> tuple[int, int]:
    """What is added (or left out) before and after an axis."""
    (first, before), (second, after), (third, target) = dict[str, Any](sizes).items()
    names = f"{first}_{what}, {second}_{what}, target_{third}"
    if sum(value is None for value in sizes.values()) != 1:
        raise ArgumentError(
            f"`image.{'pad' if what == 'padding' else 'crop'}_images` needs exactly two of {names}; got {before}, "
            f"{after}, {target}."
        )
    sign = 1 if what == "padding" else -1
    if before is None:
        before = sign * (target - size) - after
    elif after is None:
        after = sign * (target - size) - before
    for name, value in ((first, before), (second, after)):
        if value < 0:
            raise ArgumentError(
                f"The {name}_{what} of `image.{'pad' if what == 'padding' else 'crop'}_images` would be {value}: it "
                f"must not be negative. The {third} of the images is {size}, and {names} are {tuple(sizes.values())}."
            )
    return before, after  # type: ignore[return-value]


@op
def extract_patches(
    images: ArrayLike,
    size: int | Sequence[int],
    strides: int | Sequence[int] | None = None,
    dilation_rate: int | Sequence[int] = 1,
    padding: str = "valid",
    data_format: str | None = None,
) -> Array:
    """The patches that a window sees as it slides over images, each as the channels of one place.

    Args:
        images: `(height, width, channels)` or a batch of them, or with channels first.
        size: height and width of the window, a number or a pair; three numbers for `extract_patches_3d`.
        strides: steps of the window; defaults to `size`.
        dilation_rate: steps within the window.
        padding: "valid" (none) or "same" (zeros, so that there are ceil(size / stride) places).
        data_format: "channels_last" or "channels_first"; defaults to `image_data_format()`.

    Returns:
        An array of the same dtype, `(batch, rows, columns, height * width * channels)` for the sizes of the window,
        in the order (row, column, channel).

    Raises:
        ArgumentTypeError: for sizes that are not positive integers, or a wrong number of them.
        ArgumentError: for another `padding`.
        ShapeError: for another number of axes, or a window that does not fit.

    Example:
        >>> from lamella import ops
        >>> ops.image.extract_patches(ops.ones((2, 6, 6, 3)), size=2).shape
        (2, 3, 3, 12)
    """
    if isinstance(size, (tuple, list)) and len(size) == 3:
        return extract_patches_3d(images, size, strides, dilation_rate, padding, data_format)
    return _all_patches("image.extract_patches", images, size, strides, dilation_rate, padding, data_format, 2)


@op
def extract_patches_3d(
    volumes: ArrayLike,
    size: int | Sequence[int],
    strides: int | Sequence[int] | None = None,
    dilation_rate: int | Sequence[int] = 1,
    padding: str = "valid",
    data_format: str | None = None,
) -> Array:
    """The patches that a window sees as it slides over volumes, each as the channels of one place.

    Args:
        volumes: `(depth, height, width, channels)` or a batch of them, or with channels first.
        size: of the window, a number or one for each of its axes.
        strides: steps of the window; defaults to `size`.
        dilation_rate: steps within the window.
        padding: "valid" (none) or "same" (zeros, so that there are ceil(size / stride) places).
        data_format: "channels_last" or "channels_first"; defaults to `image_data_format()`.

    Returns:
        An array of the same dtype, `(batch, *places, window * channels)`, in the order (plane, row, column, channel).

    Raises:
        ArgumentTypeError: for sizes that are not positive integers, or a wrong number of them.
        ArgumentError: for another `padding`.
        ShapeError: for another number of axes, or a window that does not fit.

    Example:
        >>> from lamella import ops
        >>> ops.image.extract_patches_3d(ops.ones((2, 4, 4, 4, 3)), size=2).shape
        (2, 2, 2, 2, 24)
    """
    return _all_patches("image.extract_patches_3d", volumes, size, strides, dilation_rate, padding, data_format, 3)


def _all_patches(
    op_name: str, x: ArrayLike, size: object, strides: object, dilation_rate: object, padding: str, data_format, rank
) -> Array:
    xp, x = arrays(x)
    if x.ndim not in (rank + 1, rank + 2):
        raise ShapeError(
            f"`{op_name}` needs {rank} spatial axes and channels, with or without a batch; got shape {tuple(x.shape)}."
        )
    last = _dtypes.standardize_data_format(data_format) == "channels_last"
    batched = x.ndim == rank + 2
    x = x if batched else x[None]
    x = x if last else xp.moveaxis(x, 1, -1)
    window = _each(op_name, size, "size", rank)
    steps = window if strides is None else _each(op_name, strides, "strides", rank)
    dilation = _each(op_name, dilation_rate, "dilation_rate", rank)
    padding = _checked_padding(op_name, padding, ("valid", "same"), rank)
    margins = _margins(padding, x.shape[1:-1], window, steps, dilation)
    x = _registry.active().pad(x, [(0, 0), *margins, (0, 0)], "constant", 0)
    for i in range(rank):  # each spatial axis becomes two: (patch, place in the window)
        axis, k, s, d = 1 + 2 * i, window[i], steps[i], dilation[i]
        count = (x.shape[axis] - (k - 1) * d - 1) // s + 1
        if count < 1:
            raise ShapeError(f"The window {window} of `{op_name}` does not fit into {tuple(x.shape)}.")
        places = (np.arange(count)[:, None] * s + np.arange(k) * d).astype("int32")
        x = xp.take(x, xp.asarray(places.reshape(-1)), axis=axis)
        x = xp.reshape(x, (*x.shape[:axis], count, k, *x.shape[axis + 1 :]))
    order = (0, *range(1, 1 + 2 * rank, 2), *range(2, 2 + 2 * rank, 2), 1 + 2 * rank)
    x = xp.permute_dims(x, order)
    x = xp.reshape(x, (*x.shape[: 1 + rank], -1))
    x = x if last else xp.moveaxis(x, -1, 1)
    return x if batched else x[0]
