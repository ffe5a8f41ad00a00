"""Filters of images: smoothing, edges, and the similarity that is made of local means."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from lamella.backend import _dtypes, _registry
from lamella.core._arrays import cast, promote
from lamella.core._operation import op
from lamella.errors import ArgumentError, ShapeError
from lamella.ops._image_layout import Images
from lamella.typing import Array, ArrayLike

__all__ = ["gaussian_blur", "sobel_edges", "ssim"]


@op
def gaussian_blur(
    images: ArrayLike,
    kernel_size: Sequence[int] = (3, 3),
    sigma: Sequence[float] = (1.0, 1.0),
    data_format: str | None = None,
) -> Array:
    """Images smoothed by a Gaussian, channel by channel. Outside of the images lies 0.

    Args:
        images: `(height, width, channels)` or a batch of them, or with channels first.
        kernel_size: width and height of the window: as Keras computes, though its documentation says height first.
        sigma: standard deviations of the Gaussian along width and height, in pixels, positive.
        data_format: "channels_last" or "channels_first"; defaults to `image_data_format()`.

    Returns:
        Images of the same shape and dtype. Integers are rounded to the nearest.

    Raises:
        ArgumentError: for sizes or deviations that are not pairs of positive numbers.
        ShapeError: for another number of axes.

    Example:
        >>> from lamella import ops
        >>> blurred = ops.image.gaussian_blur(ops.ones((5, 5, 1)))
        >>> round(float(blurred[2, 2, 0]), 4)
        1.0
    """
    given = Images("image.gaussian_blur", images, data_format)
    kernel_size, sigma = _pair(kernel_size), _pair(sigma)
    if any(int(k) < 1 for k in kernel_size[:2]):
        raise ArgumentError(f"The `kernel_size` of `image.gaussian_blur` must be positive; got {kernel_size!r}.")
    return given.restored(gaussian_filter(given.floats, kernel_size[::-1], sigma[::-1]))


def _pair(value: Any) -> tuple:
    return tuple(value) if np.ndim(value) else (value, value)


def gaussian_filter(
    x: Array, kernel_size: Sequence[int], sigma: Sequence[Any], padding: str = "same", reach: Any = None
) -> Array:
    """`(batch, height, width, channels)` smoothed along height, then along width, by pixels up to `reach` away."""
    adapter = _registry.active()
    for axis, (size, deviation) in enumerate(zip(kernel_size, sigma), 1):
        offsets = adapter.asarray(np.arange(int(size)) - (int(size) - 1) / 2, "float32")
        kernel = adapter.xp.exp(-0.5 * (offsets / deviation) ** 2)
        if reach is not None:
            kernel = adapter.xp.where(adapter.xp.abs(offsets) <= reach, kernel, adapter.xp.zeros_like(kernel))
        kernel = cast(kernel / adapter.xp.sum(kernel), adapter.dtype(x))
        x = _filtered(x, kernel, axis, padding)
    return x


def _filtered(x: Array, kernel: Array, axis: int, padding: str) -> Array:
    """`x` correlated with a kernel along one spatial axis, channel by channel."""
    adapter = _registry.active()
    channels, size = x.shape[-1], kernel.shape[0]
    window = [1, 1]
    window[axis - 1] = size
    margins = [(0, 0), (0, 0)]
    if padding == "same":
        margins[axis - 1] = ((size - 1) // 2, size // 2)
    weights = adapter.xp.reshape(kernel, (*window, 1, 1))
    weights = adapter.xp.broadcast_to(weights, (*window, 1, channels))
    return adapter.convolution(x, weights, (1, 1), margins, (1, 1), (1, 1), channels, True)


@op
def sobel_edges(images: ArrayLike, data_format: str | None = None) -> Array:
    """The gradient of images, by the Sobel operator. Outside of the images lies 0.

    Sobel and Feldman (1968), "A 3x3 isotropic gradient operator for image processing".

    Args:
        images: `(height, width, channels)` or a batch of them, or with channels first.
        data_format: "channels_last" or "channels_first"; defaults to `image_data_format()`.

    Returns:
        An array of the same dtype with one axis more, of size 2: the gradients along height and width.

    Raises:
        ShapeError: for another number of axes.

    Example:
        >>> from lamella import ops
        >>> edges = ops.image.sobel_edges([[[0.0], [1.0], [2.0]]] * 3)
        >>> ops.convert_to_numpy(edges)[1, 1, 0].tolist()
        [0.0, 8.0]
    """
    given = Images("image.sobel_edges", images, data_format)
    smooth, slope = (cast(k, given.adapter.dtype(given.floats)) for k in ([1.0, 2.0, 1.0], [-1.0, 0.0, 1.0]))
    gradients = [
        _filtered(_filtered(given.floats, first, 1, "same"), second, 2, "same")
        for first, second in ((slope, smooth), (smooth, slope))
    ]
    return given.restored(given.xp.stack(gradients, axis=-1))


@op
def ssim(
    image1: ArrayLike,
    image2: ArrayLike,
    max_val: float = 1.0,
    filter_size: int = 11,
    filter_sigma: float = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
    data_format: str | None = None,
) -> Array:
    """Structural similarity: how alike local means, variances and covariances of two images are.

    Wang, Bovik, Sheikh and Simoncelli (2004), "Image quality assessment: from error visibility to structural
    similarity", equation 13, averaged over all places of a Gaussian window inside the images, and the channels.

    Args:
        image1, image2: `(height, width, channels)` or batches of them, or with channels first; of one shape.
        max_val: the difference between the greatest and the least value that a pixel can have.
        filter_size: places along each side of the window.
        filter_sigma: standard deviation of the Gaussian, in pixels.
        k1, k2: small numbers that keep the quotients finite, times `max_val`.
        data_format: "channels_last" or "channels_first"; defaults to `image_data_format()`.

    Returns:
        A floating array with a number for each image, at most 1; a scalar for a single image.

    Raises:
        ShapeError: for another number of axes, images of different shapes, or smaller than the window.

    Example:
        >>> from lamella import ops
        >>> round(float(ops.image.ssim(ops.ones((16, 16, 3)), ops.ones((16, 16, 3)))), 4)
        1.0
    """
    _, image1, image2 = promote(image1, image2)
    a, b = (Images("image.ssim", image, data_format) for image in (image1, image2))
    if tuple(image1.shape) != tuple(image2.shape):
        raise ShapeError(f"`image.ssim` needs images of one shape; got {tuple(image1.shape)}, {tuple(image2.shape)}.")
    if min(a.x.shape[1:3]) < filter_size:
        raise ShapeError(
            f"`image.ssim` needs images of at least {filter_size} by {filter_size} pixels, the size of the window; got "
            f"shape {tuple(image1.shape)}."
        )
    xp, x, y = a.xp, a.floats, b.floats
    sizes, deviations = (filter_size, filter_size), (filter_sigma, filter_sigma)

    def local_mean(z: Array) -> Array:
        return gaussian_filter(z, sizes, deviations, padding="valid")

    mean_x, mean_y = local_mean(x), local_mean(y)
    variance_x = local_mean(x * x) - mean_x * mean_x
    variance_y = local_mean(y * y) - mean_y * mean_y
    covariance = local_mean(x * y) - mean_x * mean_y
    c1, c2 = (k1 * max_val) ** 2, (k2 * max_val) ** 2
    luminance = (2.0 * mean_x * mean_y + c1) / (mean_x * mean_x + mean_y * mean_y + c1)
    structure = (2.0 * covariance + c2) / (variance_x + variance_y + c2)
    similarity = xp.mean(luminance * structure, axis=(1, 2, 3))
    similarity = cast(similarity, a.dtype if _dtypes.is_float_dtype(a.dtype) else "float32")
    return similarity if a.batched else similarity[0]
