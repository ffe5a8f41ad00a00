"""Colours: grey values, and hue, saturation and value."""

from lamella.backend import _dtypes
from lamella.core._operation import op
from lamella.errors import DTypeError
from lamella.ops._image_layout import Images
from lamella.typing import Array, ArrayLike

__all__ = ["hsv_to_rgb", "rgb_to_grayscale", "rgb_to_hsv"]


@op
def rgb_to_grayscale(images: ArrayLike, data_format: str | None = None) -> Array:
    """Grey values: `0.2989 R + 0.587 G + 0.114 B`, the luma of ITU-R BT.601.

    Args:
        images: `(height, width, 3)` or a batch of them, or with channels first; with one channel they are
            returned as they are.
        data_format: "channels_last" or "channels_first"; defaults to `image_data_format()`.

    Returns:
        Images of the same dtype with one channel; integers are cut, not rounded.

    Raises:
        ShapeError: for another number of axes or channels.

    Example:
        >>> from lamella import ops
        >>> round(float(ops.image.rgb_to_grayscale(ops.ones((1, 1, 3)))[0, 0, 0]), 4)
        0.9999
    """
    given = Images("image.rgb_to_grayscale", images, data_format).with_channels(1, 3)
    if given.x.shape[-1] == 1:
        return given.restored(given.x)
    x = given.floats
    grey = 0.2989 * x[..., 0:1] + 0.5870 * x[..., 1:2] + 0.1140 * x[..., 2:3]
    if not _dtypes.is_float_dtype(given.dtype):
        grey = given.xp.trunc(grey)
    return given.restored(grey)


@op
def rgb_to_hsv(images: ArrayLike, data_format: str | None = None) -> Array:
    """Hue, saturation and value of colours.

    Smith (1978), "Color gamut transform pairs". The value is the greatest of the three, the saturation the share
    by which the least is below it, the hue the angle on the circle of colours in turns, red at 0.

    Args:
        images: `(height, width, 3)` or a batch of them, or with channels first; floats in [0, 1].
        data_format: "channels_last" or "channels_first"; defaults to `image_data_format()`.

    Returns:
        Images of the same shape and dtype, all channels in [0, 1].

    Raises:
        ShapeError: for another number of axes or channels.
        DTypeError: for integers.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.image.rgb_to_hsv([[[0.0, 0.5, 0.0]]]))[0, 0, 1:].tolist()
        [1.0, 0.5]
    """
    given = _colours("image.rgb_to_hsv", images, data_format)
    xp, x = given.xp, given.floats
    red, green, blue = x[..., 0], x[..., 1], x[..., 2]
    value = xp.max(x, axis=-1)
    spread = value - xp.min(x, axis=-1)
    one = xp.ones_like(value)
    coloured = spread > 0
    saturation = xp.where(value > 0, spread / xp.where(value > 0, value, one), xp.zeros_like(value))
    unit = one / (6.0 * xp.where(coloured, spread, one))
    hue = xp.where(
        red == value,
        unit * (green - blue),
        xp.where(green == value, unit * (blue - red) + 2.0 / 6.0, unit * (red - green) + 4.0 / 6.0),
    )
    hue = xp.where(coloured, hue, xp.zeros_like(hue))
    hue = xp.where(hue < 0, hue + 1.0, hue)
    return given.restored(xp.stack([hue, saturation, value], axis=-1))


@op
def hsv_to_rgb(images: ArrayLike, data_format: str | None = None) -> Array:
    """The inverse of `rgb_to_hsv`.

    Args:
        images: `(height, width, 3)` or a batch of them, or with channels first; floats in [0, 1].
        data_format: "channels_last" or "channels_first"; defaults to `image_data_format()`.

    Returns:
        Images of the same shape and dtype.

    Raises:
        ShapeError: for another number of axes or channels.
        DTypeError: for integers.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.image.hsv_to_rgb([[[0.0, 1.0, 0.5]]]))[0, 0].tolist()
        [0.5, 0.0, 0.0]
    """
    given = _colours("image.hsv_to_rgb", images, data_format)
    xp, x = given.xp, given.floats
    hue, saturation, value = x[..., 0:1], x[..., 1:2], x[..., 2:3]
    sixths = hue * 6.0
    ramps = xp.concat(
        [
            xp.clip(xp.abs(sixths - 3.0) - 1.0, 0.0, 1.0),
            xp.clip(2.0 - xp.abs(sixths - 2.0), 0.0, 1.0),
            xp.clip(2.0 - xp.abs(sixths - 4.0), 0.0, 1.0),
        ],
        axis=-1,
    )
    return given.restored(((1.0 - saturation) + ramps * saturation) * value)


def _colours(op_name: str, images: ArrayLike, data_format: str | None) -> Images:
    given = Images(op_name, images, data_format).with_channels(3)
    if not _dtypes.is_float_dtype(given.dtype):
        raise DTypeError(f"`{op_name}` needs floating images in [0, 1]; got dtype {given.dtype}.")
    return given
