"""Layers without weights that other layers are put together with: nothing, masks, wrappers, chains."""

from typing import Any

from lamella import ops, regularizers
from lamella.core._masks import set_mask
from lamella.core._serialization import deserialize_keras_object, serialize_keras_object
from lamella.errors import ArgumentError
from lamella.layers._data_layer import DataLayer
from lamella.layers._layer import Layer
from lamella.layers._options import label, options_of
from lamella.typing import Array

__all__ = ["ActivityRegularization", "Identity", "Masking", "Pipeline", "Wrapper"]


class Identity(Layer):
    """The inputs, unchanged: an array, or any structure of them.

    Example:
        >>> from lamella import layers
        >>> layers.Identity()([1.0, 2.0]).tolist()
        [1.0, 2.0]
    """

    _built_from_start = True

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        return inputs


class Masking(Layer):
    """Marks the steps whose features all equal a value as absent, for the layers behind it.

    Args:
        mask_value: the value that stands for no data.

    Input shape: `(batch, time, features)`. The output is the input, with 0 in the masked steps; its mask has
    shape `(batch, time)` and is True where there is data.

    Example:
        >>> from lamella import layers, ops
        >>> x = ops.array([[[1.0, 2.0], [0.0, 0.0]]])
        >>> layers.Masking().compute_mask(x).tolist()
        [[True, False]]
    """

    _built_from_start = True

    def __init__(self, mask_value: Any = 0.0, **kwargs: Any):
        super().__init__(**kwargs)
        if isinstance(mask_value, dict) and mask_value.get("config") is not None:
            mask_value = deserialize_keras_object(mask_value)
        self.mask_value = mask_value
        self.supports_masking = True

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return ops.any(ops.not_equal(inputs, self.mask_value), axis=-1)

    def call(self, inputs: Array) -> Array:
        real = ops.any(ops.not_equal(inputs, self.mask_value), axis=-1, keepdims=True)
        return ops.multiply(inputs, ops.cast(real, inputs.dtype))

    def get_config(self) -> dict:
        return {**super().get_config(), **options_of(self, Masking)}


class ActivityRegularization(Layer):
    """The inputs, unchanged, with a penalty on them: `l1 * sum(|x|) + l2 * sum(x²)`, per example.

    Args:
        l1: the factor of the absolute values, at least 0.
        l2: the factor of the squares, at least 0.

    Example:
        >>> from lamella import layers
        >>> layer = layers.ActivityRegularization(l1=1.0)
        >>> layer([[1.0, -2.0]]).tolist(), float(layer.losses[0])
        ([[1.0, -2.0]], 3.0)
    """

    _built_from_start = True

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **kwargs: Any):
        super().__init__(activity_regularizer=regularizers.L1L2(l1=l1, l2=l2), **kwargs)
        self.supports_masking = True
        self.l1 = l1
        self.l2 = l2

    def call(self, inputs: Array) -> Array:
        return inputs

    def get_config(self) -> dict:
        config = super().get_config()
        config.pop("activity_regularizer", None)
        return {**config, **options_of(self, ActivityRegularization)}


class Wrapper(Layer):
    """A layer around another, `layer`, that changes what it does. Subclasses define `call`.

    Args:
        layer: a layer.

    Raises:
        ArgumentError: when it is none.
    """

    def __init__(self, layer: Layer, **kwargs: Any):
        if not isinstance(layer, Layer):
            raise ArgumentError(
                f"Layer {layer!r} supplied to {type(self).__name__} isn't a supported layer type. Please "
                "ensure "
                "wrapped layer is a valid Keras layer."
            )
        super().__init__(**kwargs)
        self.layer = layer

    def build(self, input_shape: Any = None) -> None:
        if not self.layer.built:
            self.layer.build(input_shape)
            self.layer.built = True

    def get_config(self) -> dict:
        return {**super().get_config(), "layer": serialize_keras_object(self.layer)}

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None) -> Any:
        """The wrapper of a configuration that `get_config` returned."""
        layer = deserialize_keras_object(config["layer"], custom_objects=custom_objects)
        return super().from_config({**config, "layer": layer})


class Pipeline(DataLayer):
    """Layers one after the other, as one layer: for chains of preprocessing.

    Unlike `Sequential` it is no model and cannot be trained by itself.

    Args:
        layers: the layers, or other callables.
        name: of the layer.

    Example:
        >>> from lamella import layers
        >>> layers.Pipeline([layers.Rescaling(2.0), layers.ReLU()])([-1.0, 1.0]).tolist()
        [0.0, 2.0]
    """

    def __init__(self, layers: Any, name: str | None = None):
        super().__init__(name=name)
        self._steps = list(layers)
        for step in self._steps:
            if not callable(step):
                raise ArgumentError(f"{label(self)} takes layers or other callables; got {step!r}.")

    @property
    def layers(self) -> list:
        """The layers, in order."""
        return self._steps

    def call(self, inputs: Any, training: bool = True, mask: Any = None) -> Any:
        if mask is not None:
            set_mask(inputs, mask, "the caller")
        for step in self._steps:
            inputs = step(inputs, training=training) if isinstance(step, Layer) else step(inputs)
        return inputs

    def get_config(self) -> dict:
        return {"layers": [serialize_keras_object(step) for step in self._steps], "name": self.name}

    @classmethod
    def from_config(cls, config: dict) -> "Pipeline":
        """The pipeline of a configuration that `get_config` returned.

        Raises:
            ArgumentError: for a configuration without a list of layers.
        """
        if not isinstance(config.get("layers"), (list, tuple)):
            raise ArgumentError(f"The configuration of a Pipeline has a list of `layers`; got {config!r}.")
        return cls(**{**config, "layers": [deserialize_keras_object(step) for step in config["layers"]]})
