"""A function as a layer."""

import inspect
from typing import Any, cast

from lamella.core._keras_tensor import KerasTensor
from lamella.core._serialization import deserialize_keras_object, serialize_keras_object
from lamella.layers._layer import Layer
from lamella.typing import Array

__all__ = ["Lambda"]


class Lambda(Layer):
    """A function of tensors as a layer.

    Args:
        function: takes the input first, and may take `mask` and `training`.
        output_shape: the shape of one output without the batch axis, or a function of the whole input shape
            that returns a whole shape; needed only where running the function abstractly does not tell.
        mask: the mask of the output, or a function `(inputs, mask)` that returns it.
        arguments: further keyword arguments of the function.

    Example:
        >>> from lamella import layers
        >>> layers.Lambda(lambda x: x * 2)([1.0, 2.0]).tolist()
        [2.0, 4.0]
    """

    def __init__(
        self,
        function: Any,
        output_shape: Any = None,
        mask: Any = None,
        arguments: dict | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if not callable(function):
            raise TypeError(f"The `function` of Lambda {self.name!r} must be callable; got {function!r}.")
        if output_shape is not None and not callable(output_shape) and not isinstance(output_shape, (tuple, list)):
            raise TypeError(
                f"The `output_shape` of Lambda {self.name!r} must be a tuple, a list, or a function; got "
                f"{output_shape!r}."
            )
        self.function = function
        self.arguments = arguments or {}
        self.mask = mask
        self._output_shape: Any = output_shape
        self.supports_masking = mask is not None

    def call(self, inputs: Array, mask: Any = None, training: bool | None = None) -> Array:
        accepted = inspect.signature(self.function).parameters
        kwargs = {name: value for name, value in (("mask", mask), ("training", training)) if name in accepted}
        return self.function(inputs, **{**kwargs, **self.arguments})

    def compute_output_spec(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        if self._output_shape is None:
            return super().compute_output_spec(inputs, *args, **kwargs)
        return KerasTensor(self._given_output_shape(inputs.shape), dtype=inputs.dtype)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape of the output for inputs of `input_shape`."""
        if self._output_shape is not None:
            return self._given_output_shape(input_shape)
        return super().compute_output_shape(input_shape)

    def _given_output_shape(self, input_shape: Any) -> tuple:
        if callable(self._output_shape):
            return tuple(cast(Any, self._output_shape(input_shape)))
        return (input_shape[0], *self._output_shape)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return self.mask(inputs, mask) if callable(self.mask) else self.mask

    def get_config(self) -> dict:
        config = {
            **super().get_config(),
            "function": serialize_keras_object(self.function),
            "arguments": self.arguments,
        }
        if self._output_shape is not None:
            config["output_shape"] = (
                serialize_keras_object(self._output_shape) if callable(self._output_shape) else self._output_shape
            )
        if self.mask is not None:
            config["mask"] = serialize_keras_object(self.mask)
        return config

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None, safe_mode: bool | None = None) -> "Lambda":
        config = dict(config)
        for key in ("function", "output_shape", "mask"):
            if isinstance(config.get(key), dict):
                config[key] = deserialize_keras_object(config[key], custom_objects, safe_mode is not False)
        return super().from_config(config)  # type: ignore[return-value]
