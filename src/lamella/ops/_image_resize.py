"""Resampling on a grid: resizing, and scaling with translation.

Along each axis every place of the result is a weighted mean of places of the input: a product with a matrix.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from lamella.backend import _registry
from lamella.core._arrays import arrays, cast, promote_float
from lamella.core._operation import op
from lamella.errors import ArgumentError, ShapeError
from lamella.ops._image_layout import Images, one_of, to_dtype
from lamella.ops._operands import single_axis
from lamella.typing import Array, ArrayLike

__all__ = ["resize", "scale_and_translate"]

_INTERPOLATIONS = ("bilinear", "nearest", "lanczos3", "lanczos5", "bicubic")


@op
def resize(
    images: ArrayLike,
    size: Sequence[int],
    interpolation: str = "bilinear",
    antialias: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    fill_mode: str = "constant",
    fill_value: float = 0.0,
    data_format: str | None = None,
) -> Array:
    """Images of another size. Pixels are areas: the centre of pixel i is at i + 1/2.

    Args:
        images: `(height, width, channels)` or a batch of them, or with channels first.
        size: height and width of the result.
        interpolation: "nearest", "bilinear", "bicubic" (Keys, 1981, "Cubic convolution interpolation", with
            a = -1/2), "lanczos3" or "lanczos5" (Lanczos windows of radius 3 and 5).
        antialias: widen the kernel when an axis shrinks, so that every pixel counts. "nearest" ignores it.
        crop_to_aspect_ratio: first cut the images, at equal parts on both sides, to the proportions of `size`.
        pad_to_aspect_ratio: first pad them to these proportions.
        fill_mode: of the padding; "constant" only.
        fill_value: of the padding.
        data_format: "channels_last" or "channels_first"; defaults to `image_data_format()`.

    Returns:
        Images of the same dtype. Integers are rounded to the nearest, and cut to what the dtype has.

    Raises:
        ArgumentError: for a `size` that is not a pair of positive integers, an unknown `interpolation` or
            `fill_mode`, or both of cropping and padding.
        ShapeError: for another number of axes.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.image.resize([[[0.0], [4.0]]], (1, 4)))[0, :, 0].tolist()
        [0.0, 1.0, 3.0, 4.0]
    """
    name = "image.resize"
    one_of(name, "interpolation", interpolation, _INTERPOLATIONS)
    if not isinstance(size, (tuple, list)) or len(size) != 2 or any(int(n) < 1 for n in size):
        raise ArgumentError(f"The `size` of `{name}` must be a pair of positive integers; got {size!r}.")
    one_of(name, "fill_mode", fill_mode, ("constant",))
    if pad_to_aspect_ratio and crop_to_aspect_ratio:
        raise ArgumentError(f"Only one of `pad_to_aspect_ratio` and `crop_to_aspect_ratio` of `{name}` can be True.")
    given = Images(name, images, data_format)
    target = (int(size[0]), int(size[1]))
    x = given.x
    if crop_to_aspect_ratio:
        x = _cropped(x, target)
    elif pad_to_aspect_ratio:
        x = _padded(given, x, target, fill_value)
    if interpolation == "nearest":
        for axis, n in enumerate(target, 1):
            places = np.floor((np.arange(n, dtype="float32") + np.float32(0.5)) * np.float32(x.shape[axis] / n))
            x = given.xp.take(x, given.xp.asarray(places.astype("int32")), axis=axis)
        return given.restored(x)
    x = x if given.dtype in ("float32", "float64") else cast(x, "float32")
    for axis, n in enumerate(target, 1):
        if n != x.shape[axis]:
            scale = np.dtype(given.adapter.dtype(x)).type(n / x.shape[axis])
            weights = _weights(np, x.shape[axis], n, scale, 0.0, interpolation, antialias)
            x = given.adapter.resample(x, cast(weights, given.adapter.dtype(x)), axis)
    return given.restored(x)


def _proportions(shape: Sequence[int], target: tuple[int, int]) -> tuple[int, int]:
    """The height that goes with the width, and the width that goes with the height, in the target's proportions."""
    height, width = shape[1:3]
    return int(float(width * target[0]) / target[1]), int(float(height * target[1]) / target[0])


def _cropped(x: Array, target: tuple[int, int]) -> Array:
    height, width = x.shape[1:3]
    rows, columns = _proportions(x.shape, target)
    rows, columns = max(min(height, rows), 1), max(min(width, columns), 1)
    top, left = int(float(height - rows) / 2), int(float(width - columns) / 2)
    return x[:, top : top + rows, left : left + columns]


def _padded(given: Images, x: Array, target: tuple[int, int], value: float) -> Array:
    height, width = x.shape[1:3]
    rows, columns = _proportions(x.shape, target)
    rows, columns = max(height, rows), max(width, columns)
    top, left = int(float(rows - height) / 2), int(float(columns - width) / 2)
    return given.adapter.pad(x, [(0, 0), (top, top), (left, left), (0, 0)], "constant", value)


@op
def scale_and_translate(
    images: ArrayLike,
    output_shape: Sequence[int],
    scale: ArrayLike,
    translation: ArrayLike,
    spatial_dims: Sequence[int],
    method: str,
    antialias: bool = True,
) -> Array:
    """Resamples some axes of an array: `x_out = x_in * scale + translation`, pixel i centred at i + 1/2.

    Places that would be sampled outside of the input are 0.

    Args:
        images: an array of any shape.
        output_shape: the shape of the result, of the same rank.
        scale: a factor for each of `spatial_dims`.
        translation: in pixels of the result, for each of `spatial_dims`.
        spatial_dims: the axes that are resampled.
        method: "linear" ("bilinear", "trilinear"), "cubic" ("bicubic", "tricubic"), "lanczos3" or "lanczos5".
        antialias: widen the kernel when an axis shrinks.

    Returns:
        A floating array of `output_shape`.

    Raises:
        ArgumentError: for an unknown `method`.
        ShapeError: for a shape or axes of another rank.

    Example:
        >>> from lamella import ops
        >>> doubled = ops.image.scale_and_translate(ops.ones((4, 4)), (8, 8), [2.0, 2.0], [0.0, 0.0], (0, 1), "linear")
        >>> doubled.shape
        (8, 8)
    """
    name = "image.scale_and_translate"
    methods = (
        "linear", "bilinear", "trilinear", "cubic", "bicubic", "tricubic", "lanczos3", "lanczos5",
    )  # fmt: skip
    one_of(name, "method", method, methods)
    xp, x = promote_float(images)
    if len(output_shape) != x.ndim:
        raise ShapeError(
            f"`{name}` needs an `output_shape` of the rank of `images`; got {tuple(output_shape)} for shape "
            f"{tuple(x.shape)}."
        )
    _, scale, translation = arrays(scale, translation)
    kind = {"linear": "bilinear", "trilinear": "bilinear", "cubic": "bicubic", "tricubic": "bicubic"}.get(
        method, method
    )
    adapter = _registry.active()
    dtype = adapter.dtype(x)
    wide = x if dtype in ("float32", "float64") else cast(x, "float32")
    for i, axis in enumerate(spatial_dims):
        axis = single_axis(name, axis, x.ndim)
        s, t = cast(scale[i], adapter.dtype(wide)), cast(translation[i], adapter.dtype(wide))
        weights = _weights(xp, x.shape[axis], int(output_shape[axis]), s, t, kind, antialias)
        wide = adapter.resample(wide, cast(weights, adapter.dtype(wide)), axis)
    return to_dtype(wide, dtype)


def _weights(xp: Any, size: int, target: int, scale: Any, translation: Any, kind: str, antialias: bool) -> Any:
    """The matrix `(target, size)` whose rows are the weights of the places of the input."""
    inverse = 1.0 / scale
    width = xp.maximum(inverse, xp.ones_like(inverse)) if antialias else 1.0
    float_dtype = getattr(inverse, "dtype", None) or "float64"
    places = (xp.arange(target, dtype=float_dtype) + 0.5) * inverse - translation * inverse - 0.5
    distances = xp.abs(places[:, None] - xp.arange(size, dtype=float_dtype)[None, :]) / width
    weights = _KERNELS[kind](xp, distances)
    total = xp.sum(weights, axis=1, keepdims=True)
    usable = xp.abs(total) > 1000.0 * float(np.finfo(np.float32).eps)
    weights = xp.where(usable, weights / xp.where(usable, total, xp.ones_like(total)), xp.zeros_like(weights))
    inside = xp.logical_and(places >= -0.5, places <= size - 0.5)
    return xp.where(inside[:, None], weights, xp.zeros_like(weights))


def _triangle(xp: Any, x: Any) -> Any:
    return xp.maximum(1.0 - x, xp.zeros_like(x))


def _keys_cubic(xp: Any, x: Any) -> Any:
    near = ((1.5 * x - 2.5) * x) * x + 1.0
    far = ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
    return xp.where(x >= 2.0, xp.zeros_like(x), xp.where(x >= 1.0, far, near))


def _lanczos(radius: float) -> Any:
    def kernel(xp: Any, x: Any) -> Any:
        centre = x <= 1e-3
        safe = xp.where(centre, xp.ones_like(x), x)
        wave = radius * xp.sin(np.pi * safe) * xp.sin(np.pi * safe / radius) / (np.pi**2 * safe**2)
        return xp.where(x > radius, xp.zeros_like(x), xp.where(centre, xp.ones_like(x), wave))

    return kernel


_KERNELS = {"bilinear": _triangle, "bicubic": _keys_cubic, "lanczos3": _lanczos(3.0), "lanczos5": _lanczos(5.0)}
