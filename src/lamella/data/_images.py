"""Images as files, as arrays, and in another size; by Pillow and NumPy."""

import io
import os
from pathlib import Path
from typing import Any

import numpy as np

from lamella.backend import _dtypes, _registry
from lamella.errors import ArgumentError, BackendError, ShapeError
from lamella.ops._image_resize import _weights

_MODES = {"grayscale": "L", "rgb": "RGB", "rgba": "RGBA"}
CHANNELS = {"grayscale": 1, "rgb": 3, "rgba": 4}
_METHODS = ("nearest", "bilinear", "bicubic", "hamming", "box", "lanczos")


def pillow() -> Any:
    """The module `PIL.Image`.

    Raises:
        BackendError: when Pillow is not installed.
    """
    try:
        from PIL import Image
    except ImportError as error:
        raise BackendError("Image files are read and written by Pillow. Run `pip install pillow`.") from error
    return Image


def load_img(
    path: Any,
    color_mode: str = "rgb",
    target_size: Any = None,
    interpolation: str = "nearest",
    keep_aspect_ratio: bool = False,
) -> Any:
    """An image file as an image of Pillow.

    Args:
        path: of the file, or an open binary file.
        color_mode: "grayscale", "rgb" or "rgba".
        target_size: `(height, width)` to resize to; None leaves the size.
        interpolation: "nearest", "bilinear", "bicubic", "lanczos", "box" or "hamming".
        keep_aspect_ratio: cut to the target's proportions around the centre before resizing.

    Returns:
        A `PIL.Image.Image`.

    Raises:
        ArgumentError: for another mode or interpolation.
    """
    if color_mode not in _MODES:
        raise ArgumentError(f'color_mode must be "grayscale", "rgb", or "rgba"; got {color_mode!r}.')
    image_module = pillow()
    if isinstance(path, io.IOBase):
        img = image_module.open(path)
    elif isinstance(path, (str, os.PathLike)):
        with open(path, "rb") as file:
            img = image_module.open(io.BytesIO(file.read()))
    else:
        raise TypeError(f"path should be path-like or io.BytesIO, not {type(path)}")
    if color_mode != "grayscale" or img.mode not in ("I;16", "I", "L"):  # deeper grays stay as they are
        if img.mode != _MODES[color_mode]:
            img = img.convert(_MODES[color_mode])
    if target_size is None or img.size == (target_size[1], target_size[0]):
        return img
    if interpolation not in _METHODS:
        raise ArgumentError(
            f"Invalid interpolation method {interpolation} specified. Supported methods are {', '.join(_METHODS)}"
        )
    method = getattr(image_module.Resampling, interpolation.upper())
    if not keep_aspect_ratio:
        return img.resize((target_size[1], target_size[0]), method)
    width, height = img.size
    top, left, tall, wide = _window(height, width, target_size)
    return img.resize((target_size[1], target_size[0]), method, box=(left, top, left + wide, top + tall))


def _window(height: int, width: int, target: Any) -> tuple[int, int, int, int]:
    """Top, left, height and width of the largest centred part with the proportions of `target`."""
    tall = min(int(width * target[0] / target[1]), height)
    wide = min(int(height * target[1] / target[0]), width)
    return (height - tall) // 2, (width - wide) // 2, tall, wide


def img_to_array(img: Any, data_format: str | None = None, dtype: Any = None) -> np.ndarray:
    """An image of Pillow as an array.

    Args:
        img: a `PIL.Image.Image`, or what looks like an array of two or three axes.
        data_format: "channels_last" or "channels_first"; defaults to `image_data_format()`.
        dtype: defaults to `floatx()`.

    Returns:
        An array `(height, width, channels)`, or with channels first.

    Raises:
        ArgumentError: for another data format.
        ShapeError: for another number of axes.
    """
    data_format = _dtypes.standardize_data_format(data_format)
    x = np.asarray(img, dtype=_dtypes.floatx() if dtype is None else dtype)
    if x.ndim == 3:
        return x.transpose(2, 0, 1) if data_format == "channels_first" else x
    if x.ndim == 2:
        return x[None] if data_format == "channels_first" else x[..., None]
    raise ShapeError(f"Unsupported image shape: {x.shape}; an image has two or three axes.")


def array_to_img(x: Any, data_format: str | None = None, scale: bool = True, dtype: Any = None) -> Any:
    """An array as an image of Pillow.

    Args:
        x: an array `(height, width, channels)` with 1, 3 or 4 channels, or with channels first.
        data_format: "channels_last" or "channels_first"; defaults to `image_data_format()`.
        scale: stretch the values to [0, 255].
        dtype: the dtype the scaling is done in; defaults to `floatx()`.

    Returns:
        A `PIL.Image.Image`.

    Raises:
        ShapeError: for another number of axes or channels.
    """
    image_module = pillow()
    data_format = _dtypes.standardize_data_format(data_format)
    x = np.asarray(_registry.to_numpy(x), dtype=_dtypes.floatx() if dtype is None else dtype)
    if x.ndim != 3:
        raise ShapeError(f"Expected image array to have rank 3 (single image). Got array with shape: {x.shape}")
    if data_format == "channels_first":
        x = x.transpose(1, 2, 0)
    if scale:
        x = x - np.min(x)
        greatest = np.max(x)
        x = (x / greatest if greatest != 0 else x) * 255
    if x.shape[2] in (3, 4):
        return image_module.fromarray(x.astype("uint8"))
    if x.shape[2] == 1:
        if np.max(x) > 255:  # 32-bit gray
            return image_module.fromarray(x[:, :, 0].astype("int32"))
        return image_module.fromarray(x[:, :, 0].astype("uint8"))
    raise ShapeError(f"Unsupported channel number: {x.shape[2]}; an image has 1, 3 or 4.")


def save_img(
    path: Any, x: Any, data_format: str | None = None, file_format: str | None = None, scale: bool = True, **kwargs: Any
) -> None:
    """Write an array as an image file.

    Args:
        path: of the file.
        x: an array `(height, width, channels)`, or with channels first.
        data_format: "channels_last" or "channels_first"; defaults to `image_data_format()`.
        file_format: defaults to the one that the file's name ends in.
        scale: stretch the values to [0, 255].
        **kwargs: for Pillow's `Image.save`.
    """
    img = array_to_img(x, data_format=data_format, scale=scale)
    jpeg = file_format in ("jpg", "jpeg") or (
        file_format is None and isinstance(path, (str, Path)) and str(path).lower().endswith((".jpg", ".jpeg"))
    )
    if img.mode == "RGBA" and jpeg:  # which knows no transparency
        img = img.convert("RGB")
    img.save(path, format="jpeg" if file_format == "jpg" else file_format, **kwargs)


def smart_resize(
    x: Any, size: Any, interpolation: str = "bilinear", data_format: str = "channels_last", **kwargs: Any
) -> Any:
    """Images cut around the centre to the proportions of `size`, then resized.

    Args:
        x: an array `(height, width, channels)` or a batch of them, or with channels first.
        size: `(height, width)`.
        interpolation: of `ops.image.resize`.
        data_format: "channels_last" or "channels_first".

    Returns:
        An array of the same number of axes; a NumPy array where `x` is one.

    Raises:
        ArgumentError: for a size that is no pair.
        ShapeError: for another number of axes.
    """
    from lamella import ops

    if len(size) != 2:
        raise ArgumentError(f"Expected `size` to be a tuple of 2 integers, but got: {size}.")
    host = kwargs.pop("backend_module", None) is None and isinstance(x, np.ndarray)
    if kwargs:
        raise TypeError(f"smart_resize() got unexpected arguments: {sorted(kwargs)}.")
    array = ops.convert_to_tensor(x)
    array = array if _dtypes.is_float_dtype(array.dtype) else ops.cast(array, _dtypes.floatx())
    if array.ndim not in (3, 4):
        raise ShapeError(
            "Expected an image array with shape `(height, width, channels)`, or `(batch_size, height, width, channels)`, "
            f"but got input with incorrect rank, of shape {tuple(array.shape)}."
        )
    out = ops.image.resize(
        array, tuple(size), interpolation=interpolation, data_format=data_format, crop_to_aspect_ratio=True
    )
    return _registry.to_numpy(out) if host else out


# ---- in another size, on the host ----------------------------------------------------------------

_KERNEL_OF = {k: k for k in ("bilinear", "bicubic", "lanczos3", "lanczos5")}
INTERPOLATIONS = (*_KERNEL_OF, "nearest", "area", "gaussian", "mitchellcubic")


def resized(pixels: np.ndarray, size: tuple[int, int], interpolation: str) -> np.ndarray:
    """`(height, width, channels)`, float32, in another size: as `ops.image.resize`, but without compiling.

    A directory holds images of hundreds of sizes; a program for each would cost more than the arithmetic.
    """
    for axis, target in enumerate(size):
        count = pixels.shape[axis]
        if count == target:
            continue
        if interpolation == "nearest":
            places = np.floor((np.arange(target, dtype="float32") + 0.5) * np.float32(count / target)).astype(int)
            pixels = np.take(pixels, np.minimum(places, count - 1), axis=axis)
            continue
        if interpolation == "area":
            matrix = _areas(count, target)
        elif interpolation in _KERNEL_OF:
            matrix = _weights(np, count, target, np.float64(target / count), 0.0, _KERNEL_OF[interpolation], False)
        else:
            matrix = _sampled(_SMOOTH[interpolation], count, target)
        pixels = np.moveaxis(np.tensordot(matrix.astype("float32"), pixels, axes=((1,), (axis,))), 0, axis)
    return pixels


def _areas(count: int, target: int) -> np.ndarray:
    """The matrix whose rows are how much of each input lies in each output."""
    ends = np.arange(target + 1) * (count / target)
    cells = np.arange(count)
    overlap = np.minimum(ends[1:, None], cells + 1) - np.maximum(ends[:-1, None], cells)
    return np.maximum(overlap, 0) / (count / target)


def _sampled(kernel: Any, count: int, target: int) -> np.ndarray:
    centres = (np.arange(target) + 0.5) * (count / target) - 0.5
    weights = kernel(np.abs(centres[:, None] - np.arange(count)))
    return weights / weights.sum(axis=1, keepdims=True)


def _gaussian(x: np.ndarray) -> np.ndarray:
    """Of standard deviation 1/2, cut at 3/2."""
    return np.where(x < 1.5, np.exp(-2.0 * x * x), 0.0)


def _mitchell(x: np.ndarray) -> np.ndarray:
    """Mitchell and Netravali (1988), SIGGRAPH, with B = C = 1/3."""
    near = (7.0 * x - 12.0) * x * x + 16.0 / 3.0
    far = ((-7.0 / 3.0 * x + 12.0) * x - 20.0) * x + 32.0 / 3.0
    return np.where(x < 1, near, np.where(x < 2, far, 0.0)) / 6.0


_SMOOTH = {"gaussian": _gaussian, "mitchellcubic": _mitchell}


def read_image(path: str, color_mode: str, size: Any, interpolation: str, crop: bool, pad: bool) -> np.ndarray:
    """An image file as float32 `(height, width, channels)` of the size `(height, width)`, values in [0, 255]."""
    pixels = img_to_array(load_img(path, color_mode), data_format="channels_last", dtype="float32")
    height, width = pixels.shape[:2]
    if crop:
        top, left, tall, wide = _window(height, width, size)
        pixels = pixels[top : top + tall, left : left + wide]
    elif pad:
        tall = max(int(width * size[0] / size[1]), height)
        wide = max(int(height * size[1] / size[0]), width)
        above, before = (tall - height) // 2, (wide - width) // 2
        pixels = np.pad(pixels, ((above, tall - height - above), (before, wide - width - before), (0, 0)))
    return resized(pixels, (int(size[0]), int(size[1])), interpolation)
