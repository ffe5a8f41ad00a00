"""Layers that disturb their inputs while training, so that no unit relies on another."""

import math
from collections.abc import Sequence
from typing import Any

from lamella import ops, random
from lamella.backend import _dtypes
from lamella.errors import ArgumentError
from lamella.layers._input_spec import InputSpec
from lamella.layers._layer import Layer
from lamella.layers._options import fraction, label, options_of
from lamella.typing import Array

__all__ = [
    "Dropout",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SpatialDropout3D",
    "GaussianDropout",
    "GaussianNoise",
    "AlphaDropout",
]


class _Noise(Layer):
    """A layer that changes its inputs at random while training and passes them on otherwise."""

    _built_from_start = True

    def __init__(self, strength: Any, seed: Any, **kwargs: Any):
        super().__init__(**kwargs)
        self.seed = seed
        if strength > 0:
            self.seed_generator = random.SeedGenerator(seed)
        self._strength = strength
        self.supports_masking = True

    def call(self, inputs: Array, training: bool = False) -> Array:
        return self._disturbed(inputs) if training and self._strength > 0 else inputs

    def _disturbed(self, inputs: Array) -> Array:
        raise NotImplementedError


def _noise_shape(layer: Layer, value: Any) -> tuple | None:
    if value is None:
        return None
    if not isinstance(value, Sequence):
        raise ArgumentError(
            f"Invalid value received for argument `noise_shape` of {label(layer)}. Expected a tuple or list "
            "of integers. "
            f"Received: noise_shape={value!r}"
        )
    for size in value:
        if size is not None and (not isinstance(size, int) or size <= 0):
            raise ArgumentError(
                f"Invalid value received for argument `noise_shape` of {label(layer)}. Expected positive "
                "integers or "
                f"None. Received: noise_shape={value!r}"
            )
    return tuple(value)


class Dropout(_Noise):
    """Sets inputs to 0 at random while training, and scales the others by `1 / (1 - rate)` to keep the sum.

    Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov (2014), JMLR 15, section 4.

    Args:
        rate: the probability of 0, in [0, 1].
        noise_shape: the shape of the random mask, 1 where one draw serves a whole axis and None for the size
            of the input. For inputs `(batch, time, features)`, `(None, 1, None)` drops the same features at
            every step.
        seed: an integer, for the same draws in every run.

    Call arguments:
        inputs: an array.
        training: whether to drop. False leaves the inputs as they are.

    Raises:
        ArgumentError: for a rate outside of [0, 1].

    Example:
        >>> from lamella import layers
        >>> layers.Dropout(0.5)([1.0, 2.0]).tolist()
        [1.0, 2.0]
    """

    def __init__(self, rate: float, noise_shape: Any = None, seed: Any = None, **kwargs: Any):
        rate = fraction(self, "rate", rate)
        super().__init__(rate, seed, **kwargs)
        self.rate = rate
        self.noise_shape = _noise_shape(self, noise_shape)

    def _disturbed(self, inputs: Array) -> Array:
        shape = self._mask_shape(inputs)
        if shape is not None:
            shape = tuple(have if size is None else size for size, have in zip(shape, inputs.shape))
        return random.dropout(inputs, self.rate, noise_shape=shape, seed=self.seed_generator)

    def _mask_shape(self, inputs: Array) -> tuple | None:
        return self.noise_shape

    def get_config(self) -> dict:
        return {**super().get_config(), "rate": self.rate, "seed": self.seed, "noise_shape": self.noise_shape}


class _SpatialDropout(Dropout):
    """Drops whole feature maps. Subclasses say how many axes of space there are."""

    _rank = 0

    def __init__(self, rate: float, data_format: str | None, seed: Any, name: str | None, dtype: Any, **kwargs: Any):
        super().__init__(rate, seed=seed, name=name, dtype=dtype, **kwargs)
        self.data_format = _dtypes.standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=self._rank + 2)

    def _mask_shape(self, inputs: Array) -> tuple:
        space = (1,) * self._rank
        return (None, None, *space) if self.data_format == "channels_first" else (None, *space, None)

    def get_config(self) -> dict:
        config = {"rate": self.rate, "seed": self.seed, "name": self.name, "dtype": self.dtype}
        return config if self._rank == 1 else {**config, "data_format": self.data_format}


class SpatialDropout1D(_SpatialDropout):
    """`Dropout` of whole features: the same ones at every step of a sequence.

    Tompson, Goroshin, Jain, LeCun and Bregler (2015), arXiv:1411.4280, section 3.2.

    Args:
        rate: the probability that a feature is dropped, in [0, 1].
        seed: an integer, for the same draws in every run.
        name: of the layer.
        dtype: the dtype policy.

    Input shape: `(batch, time, features)`; the output has the same.

    Example:
        >>> from lamella import layers, ops
        >>> layers.SpatialDropout1D(0.5)(ops.ones((2, 3, 4))).shape
        (2, 3, 4)
    """

    _rank = 1

    def __init__(self, rate: float, seed: Any = None, name: str | None = None, dtype: Any = None, **kwargs: Any):
        super().__init__(rate, "channels_last", seed, name, dtype, **kwargs)


class SpatialDropout2D(_SpatialDropout):
    """`Dropout` of whole channels of images.

    Tompson, Goroshin, Jain, LeCun and Bregler (2015), arXiv:1411.4280, section 3.2.

    Args:
        rate: the probability that a channel is dropped, in [0, 1].
        data_format: `"channels_last"` or `"channels_first"`; the default is that of the configuration.
        seed: an integer, for the same draws in every run.
        name: of the layer.
        dtype: the dtype policy.

    Input shape: `(batch, rows, columns, channels)`, or with the channels first; the output has the same.

    Example:
        >>> from lamella import layers, ops
        >>> layers.SpatialDropout2D(0.5)(ops.ones((2, 3, 3, 4))).shape
        (2, 3, 3, 4)
    """

    _rank = 2

    def __init__(
        self,
        rate: float,
        data_format: str | None = None,
        seed: Any = None,
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ):
        super().__init__(rate, data_format, seed, name, dtype, **kwargs)


class SpatialDropout3D(_SpatialDropout):
    """`Dropout` of whole channels of volumes.

    Tompson, Goroshin, Jain, LeCun and Bregler (2015), arXiv:1411.4280, section 3.2.

    Args:
        rate: the probability that a channel is dropped, in [0, 1].
        data_format: `"channels_last"` or `"channels_first"`; the default is that of the configuration.
        seed: an integer, for the same draws in every run.
        name: of the layer.
        dtype: the dtype policy.

    Input shape: `(batch, depth, rows, columns, channels)`, or with the channels first; the output has the
        same.

    Example:
        >>> from lamella import layers, ops
        >>> layers.SpatialDropout3D(0.5)(ops.ones((2, 3, 3, 3, 4))).shape
        (2, 3, 3, 3, 4)
    """

    _rank = 3

    def __init__(
        self,
        rate: float,
        data_format: str | None = None,
        seed: Any = None,
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ):
        super().__init__(rate, data_format, seed, name, dtype, **kwargs)


class GaussianDropout(_Noise):
    """Multiplies by noise around 1 while training: `x * N(1, sqrt(rate / (1 - rate)))`.

    Srivastava and others (2014), JMLR 15, section 10: the same variance as `Dropout`, without zeros.

    Args:
        rate: in [0, 1]; the standard deviation of the noise is `sqrt(rate / (1 - rate))`.
        seed: an integer, for the same draws in every run.

    Raises:
        ArgumentError: for a rate outside of [0, 1].

    Example:
        >>> from lamella import layers
        >>> layers.GaussianDropout(0.5)([1.0, 2.0]).tolist()
        [1.0, 2.0]
    """

    def __init__(self, rate: float, seed: Any = None, **kwargs: Any):
        rate = fraction(self, "rate", rate)
        super().__init__(rate, seed, **kwargs)
        self.rate = rate

    def _disturbed(self, inputs: Array) -> Array:
        stddev = math.sqrt(self.rate / (1.0 - self.rate)) if self.rate < 1 else math.inf
        noise = random.normal(inputs.shape, mean=1.0, stddev=stddev, dtype=self.compute_dtype, seed=self.seed_generator)
        return ops.multiply(inputs, noise)

    def get_config(self) -> dict:
        return {**super().get_config(), **options_of(self, GaussianDropout)}


class GaussianNoise(_Noise):
    """Adds noise while training: `x + N(0, stddev)`.

    Args:
        stddev: the standard deviation, in [0, 1].
        seed: an integer, for the same draws in every run.

    Raises:
        ArgumentError: for a standard deviation outside of [0, 1].

    Example:
        >>> from lamella import layers
        >>> layers.GaussianNoise(0.5)([1.0, 2.0]).tolist()
        [1.0, 2.0]
    """

    def __init__(self, stddev: float, seed: Any = None, **kwargs: Any):
        stddev = fraction(self, "stddev", stddev)
        super().__init__(stddev, seed, **kwargs)
        self.stddev = stddev

    def _disturbed(self, inputs: Array) -> Array:
        noise = random.normal(
            inputs.shape, mean=0.0, stddev=self.stddev, dtype=self.compute_dtype, seed=self.seed_generator
        )
        return ops.add(inputs, noise)

    def get_config(self) -> dict:
        return {**super().get_config(), **options_of(self, GaussianNoise)}


class AlphaDropout(_Noise):
    """`Dropout` that keeps the mean and variance of self-normalizing networks (with the activation `selu`).

    Dropped inputs become `-scale * alpha` of selu, and the result is scaled and shifted to mean 0 and
    variance 1. Klambauer, Unterthiner, Mayr and Hochreiter (2017), arXiv:1706.02515, section 3.

    Args:
        rate: the probability of dropping, in [0, 1].
        noise_shape: the shape of the random mask, as in `Dropout`.
        seed: an integer, for the same draws in every run.

    Raises:
        ArgumentError: for a rate outside of [0, 1].

    Example:
        >>> from lamella import layers
        >>> layers.AlphaDropout(0.5)([1.0, 2.0]).tolist()
        [1.0, 2.0]
    """

    def __init__(self, rate: float, noise_shape: Any = None, seed: Any = None, **kwargs: Any):
        rate = fraction(self, "rate", rate)
        super().__init__(rate, seed, **kwargs)
        self.rate = rate
        self.noise_shape = _noise_shape(self, noise_shape)

    def _disturbed(self, inputs: Array) -> Array:
        dropped = -1.6732632423543772 * 1.0507009873554805  # the limit of selu for large negative inputs
        keep = 1.0 - self.rate
        if keep == 0.0:
            return ops.zeros_like(inputs)
        gain = (keep * (1.0 + self.rate * dropped**2)) ** -0.5
        shift = -gain * dropped * self.rate
        shape = (None,) * len(inputs.shape) if self.noise_shape is None else self.noise_shape
        shape = tuple(have if size is None else size for size, have in zip(shape, inputs.shape))
        kept = ops.greater_equal(random.uniform(shape, seed=self.seed_generator), self.rate)
        return ops.add(ops.multiply(gain, ops.where(kept, inputs, dropped)), shift)

    def get_config(self) -> dict:
        return {**super().get_config(), **options_of(self, AlphaDropout)}
