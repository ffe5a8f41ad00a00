"""Layers that blur, sharpen, erase, or even out images."""

import itertools
from typing import Any

from lamella import ops
from lamella.errors import ArgumentError
from lamella.layers._options import label, positive_integer, sizes
from lamella.layers._preprocessing_image import ImageLayer, RandomImageLayer, as_pair
from lamella.layers._preprocessing_image_color import check_range, rescaled
from lamella.typing import Array

__all__ = [
    "ContrastLimitedAdaptiveHistogramEqualization",
    "Equalization",
    "RandomErasing",
    "RandomGaussianBlur",
    "RandomSharpness",
]


class RandomSharpness(RandomImageLayer):
    """Blurs or sharpens each image while training: `smooth + 2 f (x - smooth)`.

    The smooth image is the mean over 3x3 pixels, the one in the middle counting five times, as in the Python Imaging
    Library; around the image there are zeros.

    Args:
        factor: the bounds of f: 0 is smooth, 0.5 changes nothing, 1 is sharp; a number stands for (0, factor).
        value_range: of the noise.
        data_format: "channels_last" or "channels_first"; defaults to `image_data_format()`.
        seed: an integer, for the same draws in every run.

    Example:
        >>> from lamella import layers, ops
        >>> layers.RandomSharpness((0.5, 0.5))(ops.ones((4, 4, 1)), training=True).shape
        (4, 4, 1)
    """

    _factor_bounds = (0.0, 1.0)

    def __init__(
        self, factor: Any, value_range: Any = (0, 255), data_format: str | None = None, seed: Any = None, **kwargs: Any
    ):
        super().__init__(factor=factor, seed=seed, data_format=data_format, **kwargs)
        self.value_range = check_range(self, value_range)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> dict:
        return {"factor": self._uniform((self._batch(self._images_of(data)),), self.factor, seed)}

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Array:
        images = self._cast(images)
        if not training or transformation is None:
            return images
        factor = self._per_image(ops.cast(transformation["factor"], self._float_dtype), images) * 2.0
        h, w = self.height_axis % len(images.shape), self.width_axis % len(images.shape)
        rows, columns = images.shape[h], images.shape[w]
        padded = ops.pad(images, [(1, 1) if a in (h, w) else (0, 0) for a in range(len(images.shape))])
        smooth: Any = 0.0
        for i, j in itertools.product(range(3), repeat=2):
            part = _part(padded, {h: (i, rows + i), w: (j, columns + j)})
            smooth = smooth + part * (5.0 / 13.0 if i == j == 1 else 1.0 / 13.0)
        return ops.clip(smooth + (images - smooth) * factor, *self.value_range)


def _part(x: Array, bounds: dict[int, tuple[int, int]]) -> Array:
    return x[tuple(slice(*bounds[a]) if a in bounds else slice(None) for a in range(len(x.shape)))]


class RandomGaussianBlur(RandomImageLayer):
    """Blurs some images by a Gaussian while training.

    Args:
        factor: the bounds of the probability, which is drawn for each image; a number stands for (0, factor).
        kernel_size: the size of the Gaussian in pixels, odd: a number, or (width, height).
        sigma: the bounds of its width; a number stands for (0, sigma).
        value_range: of the images, which are cut to it.
        data_format: "channels_last" or "channels_first"; defaults to `image_data_format()`.
        seed: an integer, for the same draws in every run.

    Example:
        >>> from lamella import layers, ops
        >>> layers.RandomGaussianBlur()(ops.ones((4, 4, 1)), training=True).shape
        (4, 4, 1)
    """

    _factor_bounds = (0.0, 1.0)

    def __init__(
        self,
        factor: Any = 1.0,
        kernel_size: Any = 3,
        sigma: Any = 1.0,
        value_range: Any = (0, 255),
        data_format: str | None = None,
        seed: Any = None,
        **kwargs: Any,
    ):
        super().__init__(factor=factor, seed=seed, data_format=data_format, **kwargs)
        self.kernel_size = sizes(self, "kernel_size", kernel_size, 2)
        if any(n % 2 == 0 for n in self.kernel_size):
            raise ArgumentError(f"`kernel_size` of {label(self)} must be odd. Received: kernel_size={kernel_size}")
        self.sigma = as_pair(self, "sigma", sigma, 0, float("inf"))
        self.value_range = check_range(self, value_range)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        if not training:
            return None
        chosen = self._chosen(self._batch(self._images_of(data)), seed)
        sigma = self._uniform((2,), self.sigma, seed, self._float_dtype)
        return {"should_apply_blur": chosen, "blur_factor": sigma + 1e-6}

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Array:
        images = self._cast(images)
        if not training or transformation is None:
            return images
        sigma = ops.cast(transformation["blur_factor"], self._float_dtype)
        blurred = images
        axes = (self.width_axis, self.height_axis)
        for i, (axis, size) in enumerate(zip(axes, self.kernel_size)):
            blurred = _smoothed(blurred, axis % len(images.shape), _gaussian(size, sigma[i], self._float_dtype))
        blurred = ops.clip(blurred, *self.value_range)
        return ops.where(self._per_image(transformation["should_apply_blur"], images), blurred, images)


def _gaussian(size: int, sigma: Any, dtype: str) -> Array:
    x = ops.arange(size, dtype=dtype) - (size - 1) / 2
    kernel = ops.exp(-ops.square(x) / (2.0 * ops.square(sigma)))
    return kernel / ops.sum(kernel)


def _smoothed(x: Array, axis: int, kernel: Array) -> Array:
    size = kernel.shape[0]
    margin = size // 2
    padded = ops.pad(x, [(margin, margin) if a == axis else (0, 0) for a in range(len(x.shape))])
    length = x.shape[axis]
    total: Any = 0.0
    for i in range(size):
        total = total + _part(padded, {axis: (i, i + length)}) * kernel[i]
    return total


def random_rectangles(layer: RandomImageLayer, size: tuple, areas: tuple[Array, Array], seed: Any) -> Array:
    """Masks `(count, height, width)`, True inside a rectangle anywhere in images of `size`.

    Args:
        layer: that draws.
        size: the height and the width of the images.
        areas: the squares of the rectangles' shares of the height and of the width, each `(count,)`.
        seed: a seed instead of the layer's own.
    """
    count = areas[0].shape[0]
    right, down = (layer._uniform((count,), (0.0, 1.0), seed, "float32") for _ in range(2))

    def inside(length: int, area: Array, place: Array) -> Array:
        span = ops.sqrt(area) * length
        first = ops.expand_dims(place * (length - span), -1)
        pixels = ops.arange(length, dtype="float32")
        return ops.logical_and(pixels >= first, pixels < first + ops.expand_dims(span, -1))  # (count, length)

    rows, columns = (inside(*along) for along in zip(size, areas, (down, right)))
    return ops.logical_and(ops.expand_dims(rows, -1), ops.expand_dims(columns, -2))


class RandomErasing(RandomImageLayer):
    """Replaces a rectangle of some images while training.

    Zhong, Zheng, Kang, Li and Yang (2020), arXiv:1708.04896.

    Args:
        factor: the bounds of the probability, which is drawn for each image; a number stands for (0, factor).
        scale: the bounds of the area, as a share of the image.
        fill_value: what to fill with; None for noise.
        value_range: of the images, which are cut to it.
        seed: an integer, for the same draws in every run.
        data_format: "channels_last" or "channels_first"; defaults to `image_data_format()`.

    Example:
        >>> from lamella import layers, ops
        >>> layers.RandomErasing()(ops.ones((4, 4, 1)), training=True).shape
        (4, 4, 1)
    """

    _factor_bounds = (0.0, 1.0)

    def __init__(
        self,
        factor: Any = 1.0,
        scale: Any = (0.02, 0.33),
        fill_value: Any = None,
        value_range: Any = (0, 255),
        seed: Any = None,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(factor=factor, seed=seed, data_format=data_format, **kwargs)
        self.scale = as_pair(self, "scale", scale, 0, 1)
        self.fill_value = fill_value
        self.value_range = check_range(self, value_range)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        from lamella import random

        if not training:
            return None
        images = self._images_of(data)
        count, (height, width) = self._batch(images), self._size(images)
        areas = self._uniform((count, 2), self.scale, seed, "float32")
        masks = random_rectangles(self, (height, width), (areas[:, 1], areas[:, 0]), seed)
        chosen = self._chosen(count, seed)
        shape = tuple(images.shape) if len(images.shape) == 4 else (1, *images.shape)
        masks = ops.broadcast_to(ops.expand_dims(masks, self.channel_axis), shape)
        if self.fill_value is None:
            low, high = self.value_range
            noise = random.normal(shape, seed=self._seed(seed), dtype=self._float_dtype)
            fill = ops.clip(noise * high, low, high)
        else:
            fill = ops.full(shape, self.fill_value, dtype=self._float_dtype)
        return {"apply_erasing": chosen, "batch_masks": masks, "fill_value": fill}

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Array:
        images = self._cast(images)
        if not training or transformation is None:
            return images
        images = self._as_batch(images)
        chosen = ops.logical_and(
            self._per_image(transformation["apply_erasing"], images), transformation["batch_masks"]
        )
        return ops.where(chosen, ops.cast(transformation["fill_value"], images.dtype), images)


class Equalization(ImageLayer):
    """Spreads the values of each channel evenly over the range: of all images of a batch together.

    Each of `bins` levels becomes the share of the pixels up to it, less that of the lowest level there is (Gonzalez and
    Woods, "Digital Image Processing", section 3.3, as the Python Imaging Library rounds it).

    Args:
        value_range: of the images.
        bins: the number of levels.
        data_format: "channels_last" or "channels_first"; defaults to `image_data_format()`.

    Example:
        >>> from lamella import layers
        >>> layers.Equalization()([[[10.0], [20.0], [30.0]]]).shape
        (1, 3, 1)
    """

    def __init__(self, value_range: Any = (0, 255), bins: int = 256, data_format: str | None = None, **kwargs: Any):
        super().__init__(data_format=data_format, **kwargs)
        self.bins = positive_integer(self, "bins", bins)
        self.value_range = check_range(self, value_range)

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Array:
        if not training:
            return ops.convert_to_tensor(images)
        images = rescaled(self._cast(images), self.value_range, (0, 255))
        batched = self._as_batch(images)
        batched = batched if not self._channels_first else ops.moveaxis(batched, 1, -1)
        batch, height, width, channels = batched.shape
        count = batch * height * width
        pixels = ops.transpose(ops.reshape(batched, (count, channels)), (1, 0))
        levels = ops.cast(ops.clip(ops.floor(pixels / 255.0 * (self.bins - 1)), 0, self.bins - 1), "int32")
        histogram = ops.sum(ops.one_hot(levels, self.bins, dtype="int32"), axis=1)
        cumulated = ops.cumsum(histogram, axis=-1)
        lowest = ops.min(ops.where(cumulated > 0, cumulated, count), axis=-1, keepdims=True)
        span = count - lowest
        table = ops.round((cumulated - lowest) / ops.maximum(span, 1) * 255.0)
        even = ops.take_along_axis(ops.cast(ops.clip(table, 0, 255), images.dtype), levels, axis=-1)
        even = ops.where(span > 0, even, pixels)
        out = ops.reshape(ops.transpose(even, (1, 0)), batched.shape)
        out = out if not self._channels_first else ops.moveaxis(out, -1, 1)
        out = out if len(images.shape) == 4 else out[0]
        return rescaled(out, (0, 255), self.value_range)

    def compute_output_spec(self, inputs: Any, **kwargs: Any) -> Any:
        """The inputs' own shapes."""
        return super().compute_output_spec(inputs, **kwargs)


class ContrastLimitedAdaptiveHistogramEqualization(ImageLayer):
    """Evens out the values in each part of an image, without making the noise of flat parts visible.

    Zuiderveld (1994), "Contrast limited adaptive histogram equalization", Graphics Gems IV, section VIII.5: the image is
    divided into tiles; the histogram of each is cut at a limit, what was cut is spread over all levels; a pixel's value is
    interpolated between the tables of the four nearest tiles.

    Args:
        value_range: of the images.
        clip_limit: the limit, as a multiple of an even histogram.
        tile_grid_size: (rows, columns) of tiles.
        data_format: "channels_last" or "channels_first"; defaults to `image_data_format()`.

    Example:
        >>> from lamella import layers, ops
        >>> layers.ContrastLimitedAdaptiveHistogramEqualization(tile_grid_size=(2, 2))(ops.ones((8, 8, 1))).shape
        (8, 8, 1)
    """

    def __init__(
        self,
        value_range: Any = (0, 255),
        clip_limit: float = 4.0,
        tile_grid_size: Any = (8, 8),
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(data_format=data_format, **kwargs)
        self.value_range = check_range(self, value_range)
        if not isinstance(clip_limit, (int, float)) or clip_limit < 0:
            raise ArgumentError(
                f"`clip_limit` of {label(self)} must be a number of at least 0. Received: {clip_limit!r}"
            )
        self.clip_limit = clip_limit
        self.tile_grid_size = sizes(self, "tile_grid_size", tile_grid_size, 2)

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Array:
        images = rescaled(self._cast(images), self.value_range, (0, 255))
        batched = self._as_batch(images)
        batched = batched if not self._channels_first else ops.moveaxis(batched, 1, -1)
        out = self._even(ops.clip(batched, 0, 255))
        out = out if not self._channels_first else ops.moveaxis(out, -1, 1)
        out = out if len(images.shape) == 4 else out[0]
        return rescaled(out, (0, 255), self.value_range)

    def _even(self, images: Array) -> Array:
        batch, height, width, channels = images.shape
        rows, columns = self.tile_grid_size
        down, right = -height % rows, -width % columns
        levels = ops.cast(images, "int32")
        padded = ops.pad(levels, [(0, 0), (0, down), (0, right), (0, 0)], mode="symmetric")
        tile_height, tile_width = (height + down) // rows, (width + right) // columns
        size = tile_height * tile_width
        tiles = ops.reshape(padded, (batch, rows, tile_height, columns, tile_width, channels))
        tiles = ops.reshape(ops.transpose(tiles, (0, 1, 3, 5, 2, 4)), (-1, size))
        histogram = ops.sum(ops.one_hot(tiles, 256, dtype="float32"), axis=1)
        if self.clip_limit > 0:
            limit = self.clip_limit * size / 256.0
            excess = ops.sum(ops.maximum(histogram - limit, 0.0), axis=-1, keepdims=True)
            histogram = ops.minimum(histogram, limit) + excess / 256.0
        cumulated = ops.cumsum(histogram, axis=-1)
        lowest = cumulated[:, :1]
        tables = ops.clip((cumulated - lowest) * 255.0 / ops.maximum(size - lowest, 1e-6), 0, 255)
        tables = ops.reshape(tables, (batch, rows, columns, channels, 256))
        return self._interpolated(levels, tables, (tile_height, tile_width), images.dtype)

    def _interpolated(self, levels: Array, tables: Array, tile: tuple[int, int], dtype: Any) -> Array:
        batch, height, width, channels = levels.shape
        rows, columns = self.tile_grid_size

        def neighbours(length: int, size: int, count: int) -> tuple:
            place = ops.arange(length, dtype="float32") / size - 0.5
            lower = ops.floor(place)
            share = place - lower
            first = ops.cast(ops.clip(lower, 0, count - 1), "int32")
            return first, ops.cast(ops.clip(lower + 1, 0, count - 1), "int32"), share

        y0, y1, dy = neighbours(height, tile[0], rows)
        x0, x1, dx = neighbours(width, tile[1], columns)
        flat = ops.reshape(tables, (-1,))
        b = ops.reshape(ops.arange(batch), (-1, 1, 1, 1))
        c = ops.reshape(ops.arange(channels), (1, 1, 1, -1))

        def of(y: Array, x: Array) -> Array:
            y, x = ops.reshape(y, (1, -1, 1, 1)), ops.reshape(x, (1, 1, -1, 1))
            return ops.take(flat, (((b * rows + y) * columns + x) * channels + c) * 256 + levels)

        dy, dx = ops.reshape(dy, (1, -1, 1, 1)), ops.reshape(dx, (1, 1, -1, 1))
        top = of(y0, x0) * (1 - dx) + of(y0, x1) * dx
        bottom = of(y1, x0) * (1 - dx) + of(y1, x1) * dx
        return ops.cast(top * (1 - dy) + bottom * dy, dtype)
