"""Layers around layers, for sequences: both directions, and every step."""

from typing import Any

from lamella import ops
from lamella.core import _tree
from lamella.core._serialization import deserialize_keras_object, serialize_keras_object
from lamella.errors import ArgumentError, ShapeError
from lamella.layers._call import signature_of
from lamella.layers._core import Wrapper
from lamella.layers._input_spec import InputSpec
from lamella.layers._layer import Layer
from lamella.layers._options import label
from lamella.layers._recurrence import loop
from lamella.typing import Array

__all__ = ["Bidirectional", "TimeDistributed"]

_MERGES = ("sum", "mul", "ave", "concat", None)


class Bidirectional(Layer):
    """A recurrent layer and its mirror image, which starts at the end of the sequence.

    Schuster and Paliwal (1997), IEEE Transactions on Signal Processing 45.

    Args:
        layer: a recurrent layer: an `RNN`, or a layer with `go_backwards`, `return_sequences` and `return_state`.
        merge_mode: how the two outputs are put together: `"sum"`, `"mul"`, `"ave"`, `"concat"`, or None for a tuple.
        weights: initial weights, those of the forward layer first.
        backward_layer: the other direction; by default a copy of `layer`.

    Call arguments:
        sequences: `(batch, time, ...)`.
        initial_state: the states of the forward layer, then those of the backward layer.
        mask: booleans `(batch, time)`.
        training: passed on.

    Returns:
        The merged outputs, in the order of the input; with `return_state` a tuple of that and all states.

    Raises:
        ArgumentError: for another merge mode, or layers that do not mirror each other.

    Example:
        >>> from lamella import layers, ops
        >>> layers.Bidirectional(layers.LSTM(4, return_sequences=True))(ops.ones((2, 5, 3))).shape
        (2, 5, 8)
    """

    def __init__(
        self,
        layer: Layer,
        merge_mode: str | None = "concat",
        weights: Any = None,
        backward_layer: Any = None,
        **kwargs: Any,
    ):
        if not isinstance(layer, Layer):
            raise ArgumentError(
                f"Please initialize `Bidirectional` layer with a `keras.layers.Layer` instance. Received: {layer!r}"
            )
        if backward_layer is not None and not isinstance(backward_layer, Layer):
            raise ArgumentError(f"`backward_layer` need to be a `keras.layers.Layer` instance. Got: {backward_layer!r}")
        if merge_mode not in _MERGES:
            raise ArgumentError(
                f"Invalid merge mode. Received: {merge_mode!r}. Merge mode should be one of "
                '{"sum", "mul", "ave", "concat", None}'
            )
        one_way: Any = layer
        for attribute in ("go_backwards", "return_sequences", "return_state"):
            if not hasattr(layer, attribute):
                raise ArgumentError(
                    f"Bidirectional takes a recurrent layer; {type(layer).__name__} {layer.name!r} has no "
                    f"`{attribute}`."
                )
        super().__init__(**kwargs)
        self.forward_layer = _copy(layer, f"forward_{layer.name}")
        if backward_layer is None:
            self.backward_layer = _copy(layer, f"backward_{layer.name}", go_backwards=not one_way.go_backwards)
        else:
            self.backward_layer = backward_layer
            backward_layer.name = backward_layer.name or f"backward_{layer.name}"
        self._check_mirror()
        if one_way.return_sequences:
            # Each direction would repeat its own last output in masked steps, and the two would not go together.
            self.forward_layer.zero_output_for_mask = self.backward_layer.zero_output_for_mask = True
        self.merge_mode = merge_mode
        if weights is not None:
            half = len(weights) // 2
            self.forward_layer._initial_weights = weights[:half]
            self.backward_layer._initial_weights = weights[half:]
            self._initial_weights = list(weights)
        self.stateful = bool(getattr(layer, "stateful", False))
        self.return_sequences = one_way.return_sequences
        self.return_state = one_way.return_state
        self.supports_masking = True
        self.input_spec = layer.input_spec

    # Recurrent layers, or others of the same attributes: so the constructor checks.
    forward_layer: Any
    backward_layer: Any
    _initial_weights: Any = None

    def _check_mirror(self) -> None:
        forward, backward = self.forward_layer, self.backward_layer
        if forward.go_backwards == backward.go_backwards:
            raise ArgumentError(
                "Forward layer and backward layer should have different `go_backwards` value. Received: "
                f"forward_layer.go_backwards={forward.go_backwards}, backward_layer.go_backwards="
                f"{backward.go_backwards}"
            )
        for attribute in ("stateful", "return_sequences", "return_state"):
            mine, other = getattr(forward, attribute, None), getattr(backward, attribute, None)
            if mine != other:
                raise ArgumentError(
                    f"Forward layer and backward layer are expected to have the same value for attribute "
                    f"{attribute!r}, got {mine!r} for forward layer and {other!r} for backward layer."
                )

    @property
    def states(self) -> Any:
        """The carried states of both directions; None where there are none."""
        forward, backward = self.forward_layer.states, self.backward_layer.states
        if not forward or not backward:
            return None
        return tuple(_tree.flatten(forward) + _tree.flatten(backward))

    def reset_state(self) -> None:
        """Set the carried states of stateful layers back to zeros."""
        self.forward_layer.reset_state()
        self.backward_layer.reset_state()

    def reset_states(self) -> None:
        """`reset_state`, by another name."""
        self.reset_state()

    def build(self, sequences_shape: Any, initial_state_shape: Any = None) -> None:
        for layer in (self.forward_layer, self.backward_layer):
            if not layer.built:
                layer.build(sequences_shape)
                layer.built = True
        if self._initial_weights is not None:
            self.set_weights(self._initial_weights)

    def call(self, sequences: Array, initial_state: Any = None, mask: Any = None, training: bool | None = None) -> Any:
        ahead: dict[str, Any] = {}
        back: dict[str, Any] = {}
        for layer, kwargs in ((self.forward_layer, ahead), (self.backward_layer, back)):
            accepted = signature_of(type(layer).call).parameters
            if "training" in accepted:
                kwargs["training"] = training
            if "mask" in accepted:
                kwargs["mask"] = mask
        if initial_state is not None:
            half = len(initial_state) // 2
            ahead["initial_state"], back["initial_state"] = initial_state[:half], initial_state[half:]
        y, y_back = self.forward_layer(sequences, **ahead), self.backward_layer(sequences, **back)
        states: tuple = ()
        if self.return_state:
            states = tuple(y[1:]) + tuple(y_back[1:])
            y, y_back = y[0], y_back[0]
        if self.return_sequences:
            y_back = ops.flip(y_back, axis=1)
        output = self._merge(y, y_back)
        if not self.return_state:
            return output
        return (*(output if self.merge_mode is None else (output,)), *states)

    def _merge(self, y: Array, y_back: Array) -> Any:
        if self.merge_mode is None:
            return (y, y_back)
        if self.merge_mode == "concat":
            return ops.concatenate([y, y_back], axis=-1)
        if self.merge_mode == "mul":
            return ops.multiply(y, y_back)
        total = ops.add(y, y_back)
        return total if self.merge_mode == "sum" else ops.divide(total, 2)

    def compute_mask(self, _: Any, mask: Any) -> Any:
        if isinstance(mask, (list, tuple)):
            mask = mask[0]
        if not self.return_sequences or mask is None:
            return None
        masks = (mask, mask) if self.merge_mode is None else mask
        if not self.return_state:
            return masks
        number = len(_tree.flatten(self.forward_layer.state_size)) * 2
        return (*(masks if isinstance(masks, tuple) else (masks,)), *[None] * number)

    def get_config(self) -> dict:
        config = {**super().get_config(), "merge_mode": self.merge_mode}
        config["layer"] = serialize_keras_object(self.forward_layer)
        config["backward_layer"] = serialize_keras_object(self.backward_layer)
        return config

    @property
    def _is_shaped_by_copy(self) -> bool:
        return self.stateful or super()._is_shaped_by_copy

    def _shape_config(self) -> dict:
        config = super()._shape_config()
        if self.stateful:
            for key in ("layer", "backward_layer"):
                config[key] = {**config[key], "config": {**config[key]["config"], "stateful": False}}
        return config

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None) -> "Bidirectional":
        """The layer of a configuration that `get_config` returned."""
        config = dict(config)
        for key in ("layer", "backward_layer"):
            if config.get(key) is not None:
                config[key] = deserialize_keras_object(config[key], custom_objects=custom_objects)
        layer: Any = super().from_config(config)
        # The layers of a configuration have their names: they are not prefixed again.
        layer.forward_layer.name = config["layer"].name
        return layer


def _copy(layer: Any, name: str, **changes: Any) -> Any:
    """A layer of the same configuration, with another name and without the weights."""
    config = serialize_keras_object(layer)
    config.pop("build_config", None)
    config["config"] = {**config["config"], "name": name, **changes}
    return deserialize_keras_object(config, custom_objects={type(layer).__name__: type(layer)})


class TimeDistributed(Wrapper):
    """A layer applied to every step of a sequence by itself.

    Args:
        layer: a layer.

    Call arguments:
        inputs: `(batch, time, ...)`, or a structure of such arrays.
        training: passed on.
        mask: passed on, without its axes of batch and time put together.

    The steps of all sequences are one batch for the layer, `(batch * time, ...)`; while training, a layer with a state that
    calls change (`BatchNormalization`) is called step by step.

    Raises:
        ArgumentError: when `layer` is none.
        ShapeError: when the input has no axis of time, or the mask is of other steps.

    Example:
        >>> from lamella import layers, ops
        >>> layers.TimeDistributed(layers.Conv2D(8, 3))(ops.ones((4, 10, 12, 12, 3))).shape
        (4, 10, 10, 10, 8)
    """

    def __init__(self, layer: Layer, **kwargs: Any):
        if not isinstance(layer, Layer):
            raise ArgumentError(
                f"Please initialize `TimeDistributed` layer with a `keras.layers.Layer` instance. Received: {layer!r}"
            )
        super().__init__(layer, **kwargs)
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        if _is_shape(input_shape):
            if len(input_shape) < 3:
                raise ShapeError(
                    f"{label(self)} should be passed an `input_shape` with at least 3 dimensions, received: "
                    f"{tuple(input_shape)}"
                )
            self.input_spec = InputSpec(ndim=len(input_shape))
            step: Any = (input_shape[0], *input_shape[2:])
        else:
            step = type(input_shape)((shape[0], *shape[2:]) for shape in input_shape)
        super().build(step)

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        accepted = signature_of(type(self.layer).call).parameters
        kwargs: dict[str, Any] = {}
        if "training" in accepted:
            kwargs["training"] = training
        batch, time = _tree.flatten(inputs)[0].shape[:2]
        for m in _tree.flatten(mask):
            if m is not None and tuple(m.shape[:2]) != (batch, time):
                raise ShapeError(
                    f"The `mask` passed to {label(self)} has a shape of {tuple(m.shape)}, but its first two axes must be "
                    f"those of batch and time of the inputs, {(batch, time)}."
                )
        if mask is not None and "mask" in accepted:
            kwargs["mask"] = _tree.map_structure(lambda m: m if m is None else _folded(m), mask)
        if training and any(not w.trainable for w in self.layer.weights):
            return self._step_by_step(inputs, kwargs)
        outputs = self.layer(_tree.map_structure(_folded, inputs), **kwargs)
        return _tree.map_structure(lambda y: ops.reshape(y, (batch, time, *y.shape[1:])), outputs)

    def _step_by_step(self, inputs: Any, kwargs: dict) -> Array:
        """The calls one after the other: each may change the state of the layer, and sees what the one before left."""
        given = {"inputs": inputs}
        if "mask" in kwargs:
            mask = kwargs.pop("mask")
            batch, time = _tree.flatten(inputs)[0].shape[:2]
            given["mask"] = ops.reshape(mask, (batch, time, *mask.shape[1:]))
        steps = _tree.map_structure(lambda x: ops.swapaxes(x, 0, 1), given)

        def step(x: dict, states: list) -> tuple:
            masks = {k: v for k, v in x.items() if k == "mask"}
            return self.layer(x["inputs"], **kwargs, **masks), states

        return ops.swapaxes(loop(step, steps, [])[1], 0, 1)


def _folded(x: Array) -> Array:
    """Batch and time as one axis."""
    return ops.reshape(x, (x.shape[0] * x.shape[1], *x.shape[2:]))


def _is_shape(value: Any) -> bool:
    return isinstance(value, (tuple, list)) and all(n is None or isinstance(n, int) for n in value)
