"""Inputs on another scale."""

from typing import Any

from lamella import ops
from lamella.backend import _dtypes
from lamella.core._serialization import deserialize_keras_object, serialize_keras_object
from lamella.layers._data_layer import DataLayer
from lamella.layers._options import options_of
from lamella.typing import Array

__all__ = ["Rescaling"]


class Rescaling(DataLayer):
    """`inputs * scale + offset`.

    Args:
        scale: a number, or one for each channel: of the last axis, or, where `image_data_format()` is "channels_first",
            of the third axis from the end.
        offset: likewise.

    Integers become the compute dtype.

    Example:
        >>> from lamella import layers
        >>> layers.Rescaling(0.5, offset=-1.0)([0.0, 4.0]).tolist()
        [-1.0, 1.0]
    """

    def __init__(self, scale: Any, offset: Any = 0.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.scale = scale
        self.offset = offset
        self.supports_masking = True

    def call(self, inputs: Array) -> Array:
        dtype = self.compute_dtype
        scale, offset = (self._per_channel(ops.cast(v, dtype), len(inputs.shape)) for v in (self.scale, self.offset))
        return ops.add(ops.multiply(ops.cast(inputs, dtype), scale), offset)

    @staticmethod
    def _per_channel(values: Array, rank: int) -> Array:
        first = _dtypes.image_data_format() == "channels_first" and rank >= 3
        return ops.reshape(values, (-1, 1, 1)) if first and len(values.shape) == 1 else values

    def convert_weight(self, weight: Any) -> Any:
        """`weight` as it is: here for subclasses written for Keras."""
        return weight

    def get_config(self) -> dict:
        options = {k: serialize_keras_object(v) for k, v in options_of(self, Rescaling).items()}
        return {**super().get_config(), **options}

    @classmethod
    def from_config(cls, config: dict) -> "Rescaling":
        """The layer of a configuration that `get_config` returned."""
        given = {k: deserialize_keras_object(config[k]) for k in ("scale", "offset") if isinstance(config.get(k), dict)}
        return cls(**{**config, **given})
