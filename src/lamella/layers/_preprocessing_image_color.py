"""Layers that change the colours of images; boxes, labels and masks stay."""

from collections.abc import Sequence
from typing import Any

from lamella import ops, random
from lamella.errors import ArgumentError
from lamella.layers._options import label
from lamella.layers._preprocessing_image import ImageLayer, RandomImageLayer, as_pair
from lamella.ops import image as image_ops
from lamella.typing import Array

__all__ = [
    "AutoContrast",
    "RandomBrightness",
    "RandomColorDegeneration",
    "RandomColorJitter",
    "RandomContrast",
    "RandomGrayscale",
    "RandomHue",
    "RandomInvert",
    "RandomPosterization",
    "RandomSaturation",
    "Solarization",
]


def check_range(layer: Any, value_range: Any) -> Any:
    """`value_range`, where it is two numbers in ascending order.

    Raises:
        ArgumentError: where it is not.
    """
    if not isinstance(value_range, (tuple, list)) or len(value_range) != 2 or not value_range[0] < value_range[1]:
        raise ArgumentError(
            f"The `value_range` argument of {label(layer)} must be two numbers in ascending order, such as (0, 255). "
            f"Received: value_range={value_range!r}"
        )
    return value_range


def rescaled(images: Array, source: Sequence, target: Sequence) -> Array:
    """`images` of values in the range `source` with values in the range `target`."""
    scale = (target[1] - target[0]) / (source[1] - source[0])
    return ops.add(ops.multiply(ops.subtract(images, source[0]), scale), target[0])


class _ColorLayer(RandomImageLayer):
    """A random change of colours, of images with values in `value_range`."""

    def __init__(self, factor: Any, value_range: Any, seed: Any, data_format: str | None = None, **kwargs: Any):
        super().__init__(factor=factor, seed=seed, data_format=data_format, **kwargs)
        self.value_range = check_range(self, value_range)

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Array:
        if not training or transformation is None:
            return self._untouched(images)
        return self._recolored(ops.cast(self._cast(images), self._float_dtype), transformation)

    def _untouched(self, images: Any) -> Array:
        return ops.convert_to_tensor(images)

    def _recolored(self, images: Array, transformation: Any) -> Array:
        raise NotImplementedError

    def _clipped(self, images: Array) -> Array:
        return ops.clip(images, *self.value_range)

    def _gray(self, images: Array) -> Array:
        return image_ops.rgb_to_grayscale(images, data_format=self.data_format)

    def _factors(self, data: Any, seed: Any) -> dict:
        return {"factor": self._uniform((self._batch(self._images_of(data)),), self.factor, seed)}


class RandomBrightness(_ColorLayer):
    """Adds a random number to each image while training, and cuts to the range of values.

    Args:
        factor: the bounds of the number, as shares of the value range, in [-1, 1]; f stands for (-f, f).
        value_range: of the images.
        seed: an integer, for the same draws in every run.

    Example:
        >>> from lamella import layers, ops
        >>> layers.RandomBrightness((1.0, 1.0))(ops.zeros((2, 2, 3)), training=True)[0, 0].tolist()
        [255.0, 255.0, 255.0]
    """

    def __init__(self, factor: Any, value_range: Any = (0, 255), seed: Any = None, **kwargs: Any):
        super().__init__(factor, value_range, seed, **kwargs)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> dict:
        images = self._images_of(data)
        shape = (images.shape[0], 1, 1, 1) if len(images.shape) == 4 else (1, 1, 1)
        if not training:
            return {"rgb_delta": ops.zeros(shape, self._float_dtype)}
        delta = self._uniform(shape, self.factor, seed)
        return {"rgb_delta": delta * (self.value_range[1] - self.value_range[0])}

    def _recolored(self, images: Array, transformation: Any) -> Array:
        return self._clipped(images + ops.cast(transformation["rgb_delta"], self._float_dtype))


class RandomContrast(_ColorLayer):
    """Moves each channel of each image away from its mean, or towards it, while training: `(x - mean) * f + mean`.

    Args:
        factor: (lower, upper): f is drawn from [1 - lower, 1 + upper]; a number is the upper bound, with 0 as lower.
        value_range: of the images, which are cut to it.
        seed: an integer, for the same draws in every run.

    Example:
        >>> from lamella import layers
        >>> layers.RandomContrast((0.0, 0.0))([[[50.0], [100.0]]], training=True).tolist()
        [[[50.0], [100.0]]]
    """

    _factor_bounds = (0.0, 10.0)

    def __init__(self, factor: Any, value_range: Any = (0, 255), seed: Any = None, **kwargs: Any):
        super().__init__(factor, value_range, seed, **kwargs)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> dict:
        images = self._images_of(data)
        shape = (images.shape[0], 1, 1, 1) if len(images.shape) == 4 else (1, 1, 1)
        if not training:
            return {"contrast_factor": ops.zeros(shape, self._float_dtype)}
        bounds = (1.0 - self.factor[0], 1.0 + self.factor[1])
        return {"contrast_factor": self._uniform(shape, bounds, seed, self._float_dtype)}

    def _recolored(self, images: Array, transformation: Any) -> Array:
        factor = ops.cast(transformation["contrast_factor"], self._float_dtype)
        mean = ops.mean(images, axis=(self.height_axis, self.width_axis), keepdims=True)
        return self._clipped((images - mean) * factor + mean)


class RandomColorDegeneration(_ColorLayer):
    """Mixes each image with its grey version while training: `x + f * (grey - x)`.

    Args:
        factor: the bounds of f; a number stands for (-factor, factor). 0 changes nothing and 1 is grey.
        value_range: of the images, which are cut to it.
        data_format: "channels_last" or "channels_first"; defaults to `image_data_format()`.
        seed: an integer, for the same draws in every run.

    Example:
        >>> from lamella import layers
        >>> layers.RandomColorDegeneration((1.0, 1.0))([[[100.0, 100.0, 100.0]]], training=True).shape
        (1, 1, 3)
    """

    def __init__(
        self, factor: Any, value_range: Any = (0, 255), data_format: str | None = None, seed: Any = None, **kwargs: Any
    ):
        super().__init__(factor, value_range, seed, data_format, **kwargs)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> dict:
        return {"factor": self._uniform((self._batch(self._images_of(data)), 1, 1, 1), self.factor, seed)}

    def _recolored(self, images: Array, transformation: Any) -> Array:
        factor = self._per_image(ops.cast(transformation["factor"], self._float_dtype), images)
        return self._clipped(images + (self._gray(images) - images) * factor)


class RandomHue(_ColorLayer):
    """Turns the hue of each image while training.

    Args:
        factor: the bounds, in [0, 1], of the share of the colour circle to turn by; a number stands for (0, factor).
        value_range: of the images, which are cut to it.
        data_format: "channels_last" or "channels_first"; defaults to `image_data_format()`.
        seed: an integer, for the same draws in every run.

    Example:
        >>> from lamella import layers
        >>> layers.RandomHue((0.0, 0.0))([[[255.0, 0.0, 0.0]]], training=True).tolist()
        [[[255.0, 0.0, 0.0]]]
    """

    _factor_bounds = (0.0, 1.0)

    def __init__(
        self, factor: Any, value_range: Any = (0, 255), data_format: str | None = None, seed: Any = None, **kwargs: Any
    ):
        super().__init__(factor, value_range, seed, data_format, **kwargs)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> dict:
        count = self._batch(self._images_of(data))
        sign = ops.where(self._uniform((count,), (0.0, 1.0), seed) > 0.5, -1.0, 1.0)
        return {"factor": sign * self._uniform((count,), self.factor, seed) * 0.5}

    def _recolored(self, images: Array, transformation: Any) -> Array:
        factor = self._per_image(ops.cast(transformation["factor"], self._float_dtype), images)
        hsv = image_ops.rgb_to_hsv(rescaled(images, self.value_range, (0, 1)), data_format=self.data_format)
        hue, saturation, value = ops.split(hsv, 3, axis=self.channel_axis)
        hue = hue + factor
        hue = ops.where(hue > 1.0, hue - 1.0, hue)
        hue = ops.where(hue < 0.0, hue + 1.0, hue)
        hsv = ops.concatenate([hue, saturation, value], axis=self.channel_axis)
        rgb = image_ops.hsv_to_rgb(hsv, data_format=self.data_format)
        return rescaled(ops.clip(rgb, 0, 1), (0, 1), self.value_range)


class RandomSaturation(_ColorLayer):
    """Multiplies the saturation of each image while training.

    Args:
        factor: the bounds of f; the saturation is multiplied by `f / (1 - f)`, so 0.5 changes nothing, 0 is grey and
            1 is full colour.
        value_range: of the images, which are cut to it.
        data_format: "channels_last" or "channels_first"; defaults to `image_data_format()`.
        seed: an integer, for the same draws in every run.

    Example:
        >>> from lamella import layers
        >>> layers.RandomSaturation((0.0, 0.0))([[[200.0, 0.0, 0.0]]], training=True).tolist()
        [[[200.0, 200.0, 200.0]]]
    """

    def __init__(
        self, factor: Any, value_range: Any = (0, 255), data_format: str | None = None, seed: Any = None, **kwargs: Any
    ):
        super().__init__(factor, value_range, seed, data_format, **kwargs)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> dict:
        drawn = self._factors(data, seed)["factor"]
        return {"factor": drawn / (1.0 - drawn + 1e-7)}

    def _recolored(self, images: Array, transformation: Any) -> Array:
        factor = self._per_image(ops.cast(transformation["factor"], self._float_dtype), images)
        hsv = image_ops.rgb_to_hsv(rescaled(images, self.value_range, (0, 1)), data_format=self.data_format)
        hue, saturation, value = ops.split(hsv, 3, axis=self.channel_axis)
        saturation = ops.clip(saturation * factor, 0.0, 1.0)
        hsv = ops.concatenate([hue, saturation, value], axis=self.channel_axis)
        return rescaled(image_ops.hsv_to_rgb(hsv, data_format=self.data_format), (0, 1), self.value_range)


class RandomGrayscale(_ColorLayer):
    """Makes some images grey while training; they keep their channels.

    Args:
        factor: the probability.
        data_format: "channels_last" or "channels_first"; defaults to `image_data_format()`.
        seed: an integer, for the same draws in every run.

    Example:
        >>> from lamella import layers
        >>> layers.RandomGrayscale(0.0)([[[1.0, 2.0, 3.0]]], training=True).tolist()
        [[[1.0, 2.0, 3.0]]]
    """

    def __init__(self, factor: float = 0.5, data_format: str | None = None, seed: Any = None, **kwargs: Any):
        if not isinstance(factor, (int, float)) or not 0 <= factor <= 1:
            raise ArgumentError(f"`factor` of RandomGrayscale should be between 0 and 1. Received: factor={factor!r}")
        super().__init__(None, (0, 255), seed, data_format, **kwargs)
        self.factor = factor

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Array:
        drawn = self._uniform((self._batch(self._images_of(data)),), (0.0, 1.0), seed)
        return ops.reshape(drawn < self.factor, (-1, 1, 1, 1))

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Array:
        """The images, with the dtype they had."""
        images = ops.convert_to_tensor(images)
        return ops.cast(super().transform_images(images, transformation, training), images.dtype)

    def _recolored(self, images: Array, transformation: Any) -> Array:
        return ops.where(self._per_image(transformation, images), self._gray(images), images)

    def get_config(self) -> dict:
        return {**super().get_config(), "factor": self.factor}


class RandomInvert(_ColorLayer):
    """Turns some images into their negatives while training: `high + low - x`.

    Args:
        factor: the bounds of the probability, which is drawn for each image; a number stands for (0, factor).
        value_range: of the images: (low, high).
        seed: an integer, for the same draws in every run.
        data_format: "channels_last" or "channels_first"; defaults to `image_data_format()`.

    Example:
        >>> from lamella import layers
        >>> layers.RandomInvert((1.0, 1.0))([[[10.0]]], training=True).tolist()
        [[[245.0]]]
    """

    _factor_bounds = (0.0, 1.0)

    def __init__(
        self,
        factor: Any = 1.0,
        value_range: Any = (0, 255),
        seed: Any = None,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(factor, value_range, seed, data_format, **kwargs)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        return {"apply_inversion": self._chosen(self._batch(self._images_of(data)), seed)} if training else None

    def _recolored(self, images: Array, transformation: Any) -> Array:
        low, high = self.value_range
        return ops.where(self._per_image(transformation["apply_inversion"], images), high + low - images, images)


class RandomPosterization(_ColorLayer):
    """Keeps only the highest bits of each colour while training.

    Args:
        factor: the bounds, integers in [1, 8], of how many bits are kept of 8; a number stands for (1, factor).
        value_range: of the images.
        data_format: "channels_last" or "channels_first"; defaults to `image_data_format()`.
        seed: an integer, for the same draws in every run.

    Example:
        >>> from lamella import layers
        >>> layers.RandomPosterization((1, 1))([[[200.0], [100.0]]], training=True).tolist()
        [[[128.0], [0.0]]]
    """

    _factor_bounds = (1, 8)

    def __init__(
        self, factor: Any, value_range: Any = (0, 255), data_format: str | None = None, seed: Any = None, **kwargs: Any
    ):
        super().__init__(factor, value_range, seed, data_format, **kwargs)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> dict:
        count = self._batch(self._images_of(data))
        low, high = int(self.factor[0]), int(self.factor[1])
        if low == high:
            bits = ops.full((count,), low, dtype="int32")
        else:
            bits = random.randint((count,), low, high, seed=self._seed(seed))
        return {"shift_factor": ops.cast(8 - bits, "uint8")}

    def _recolored(self, images: Array, transformation: Any) -> Array:
        shift = self._per_image(transformation["shift_factor"], images)
        bits = ops.cast(rescaled(images, self.value_range, (0, 255)), "uint8")
        bits = ops.left_shift(ops.right_shift(bits, shift), shift)
        return rescaled(ops.cast(bits, self._float_dtype), (0, 255), self.value_range)


class Solarization(_ColorLayer):
    """Turns bright values into their negatives: `high + low - x` above a threshold.

    Args:
        addition_factor: the bounds, in [0, 1], of what is added first, as a share of the value range; a number stands
            for (0, addition_factor).
        threshold_factor: the bounds, likewise, of how far into the value range the threshold lies.
        value_range: of the images: (low, high).
        seed: an integer, for the same draws in every run.

    Example:
        >>> from lamella import layers
        >>> layers.Solarization()([[[10.0], [0.0]]], training=True).tolist()
        [[[245.0], [255.0]]]
    """

    def __init__(
        self,
        addition_factor: Any = 0.0,
        threshold_factor: Any = 0.0,
        value_range: Any = (0, 255),
        seed: Any = None,
        **kwargs: Any,
    ):
        super().__init__(None, value_range, seed, **kwargs)
        self.addition_factor = as_pair(self, "addition_factor", addition_factor, 0, 1)
        self.threshold_factor = as_pair(self, "threshold_factor", threshold_factor, 0, 1)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        if not training:
            return None
        images = self._images_of(data)
        shape = (images.shape[0], 1, 1, 1) if len(images.shape) == 4 else (1, 1, 1)
        low, high = self.value_range
        return {
            "additions": self._uniform(shape, self.addition_factor, seed, self._float_dtype) * (high - low),
            "thresholds": self._uniform(shape, self.threshold_factor, seed, self._float_dtype) * (high - low) + low,
        }

    def _untouched(self, images: Any) -> Array:
        return self._cast(images)

    def _recolored(self, images: Array, transformation: Any) -> Array:
        low, high = self.value_range
        brighter = self._clipped(images + transformation["additions"])
        return ops.where(brighter < transformation["thresholds"], brighter, high + low - brighter)


class AutoContrast(ImageLayer):
    """Stretches each channel of each image over the whole range of values, also when not training.

    Args:
        value_range: of the images.

    Example:
        >>> from lamella import layers
        >>> layers.AutoContrast()([[[0.0], [1.0]]]).tolist()
        [[[0.0], [255.0]]]
    """

    def __init__(self, value_range: Any = (0, 255), **kwargs: Any):
        super().__init__(**kwargs)
        self.value_range = check_range(self, value_range)

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Array:
        original = self._cast(images)
        images = rescaled(original, self.value_range, (0, 255))
        axes = (self.height_axis, self.width_axis)
        low, high = ops.min(images, axis=axes, keepdims=True), ops.max(images, axis=axes, keepdims=True)
        span = high - low
        flat = ops.equal(span, 0)
        stretched = (images - low) * (255.0 / ops.where(flat, 1.0, span))
        stretched = rescaled(ops.clip(stretched, 0, 255), (0, 255), self.value_range)
        return ops.where(flat, original, stretched)


class RandomColorJitter(RandomImageLayer):
    """RandomBrightness, RandomContrast, RandomSaturation and RandomHue one after the other, those that have a factor.

    Args:
        value_range: of the images.
        brightness_factor: the factor of RandomBrightness, or None to leave it out.
        contrast_factor: likewise of RandomContrast.
        saturation_factor: likewise of RandomSaturation.
        hue_factor: likewise of RandomHue.
        seed: an integer, for the same draws in every run.
        data_format: "channels_last" or "channels_first"; defaults to `image_data_format()`.

    Example:
        >>> from lamella import layers, ops
        >>> layers.RandomColorJitter(brightness_factor=0.2)(ops.ones((4, 4, 3)), training=True).shape
        (4, 4, 3)
    """

    def __init__(
        self,
        value_range: Any = (0, 255),
        brightness_factor: Any = None,
        contrast_factor: Any = None,
        saturation_factor: Any = None,
        hue_factor: Any = None,
        seed: Any = None,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.value_range = check_range(self, value_range)
        self.brightness_factor = brightness_factor
        self.contrast_factor = contrast_factor
        self.saturation_factor = saturation_factor
        self.hue_factor = hue_factor
        shared = {"value_range": value_range, "seed": seed, "data_format": self.data_format, "dtype": self.dtype_policy}
        parts = (
            ("random_brightness", RandomBrightness, brightness_factor),
            ("random_contrast", RandomContrast, contrast_factor),
            ("random_saturation", RandomSaturation, saturation_factor),
            ("random_hue", RandomHue, hue_factor),
        )
        self._steps = []
        for attribute, cls, factor in parts:
            if factor is not None:
                setattr(self, attribute, cls(factor, **shared))
                self._steps.append(getattr(self, attribute))

    def build(self, input_shape: Any) -> None:
        """Nothing is built from shapes."""

    def transform_images(self, images: Any, transformation: Any, training: bool = True) -> Array:
        if not training:
            return ops.convert_to_tensor(images)
        images = self._cast(images)
        for step in self._steps:
            images = step.transform_images(images, step.get_random_transformation(images), training=True)
        return images
