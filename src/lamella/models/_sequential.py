"""Models whose layers follow one another."""

from typing import Any

from lamella.backend import _dtypes
from lamella.core._function import is_shape
from lamella.core._keras_tensor import KerasTensor
from lamella.core._serialization import deserialize_keras_object, serialize_keras_object
from lamella.errors import ArgumentError, NotDrawnError, OutOfRangeError, ShapeError
from lamella.layers._input_layer import InputLayer
from lamella.layers._layer import Layer
from lamella.models._functional import Functional
from lamella.models._model import Model


class Sequential(Model):
    """A stack of layers, each with one input and one output.

    The shape of the input is known from an `Input` in front, from the `input_shape=` of the first layer, or from the
    first data; then the layers are built.

    Args:
        layers: the layers, in order.
        trainable: whether its variables may be trained.
        name: defaults to `sequential`, made unique.

    Example:
        >>> import lamella as keras
        >>> model = keras.Sequential([keras.layers.Flatten(input_shape=(28, 28)), keras.layers.Dense(10)])
        >>> model.output_shape
        (None, 10)
    """

    _untracked = Model._untracked | {"_functional"}

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        return super(Model, cls).__new__(cls, *args, **kwargs)

    def __init__(self, layers: Any = None, trainable: bool = True, name: str | None = None):
        Layer.__init__(self, trainable=trainable, name=name)
        self._init_training()
        self._functional: Functional | None = None
        self._stack: list[Layer] = []
        if layers:
            for layer in layers if isinstance(layers, (list, tuple)) else [layers]:
                self.add(layer, rebuild=False)
            self._maybe_rebuild()

    def _allows_new_state(self) -> bool:
        return True

    # ---- the stack -------------------------------------------------------------------------------

    def add(self, layer: Any, rebuild: bool = True) -> None:
        """Put `layer` on top.

        Args:
            layer: a layer, or what `Input()` returned as the first.
            rebuild: whether to build at once where the input's shape is known.

        Raises:
            ArgumentError: for something that is no layer, a second input, or a name that another layer has.
        """
        self._check_initialized()
        origin = getattr(layer, "_keras_history", None)
        if isinstance(layer, KerasTensor) and origin is not None:
            layer = origin.operation
            if not isinstance(layer, InputLayer):
                raise ArgumentError(f"Only Input() may be added as a tensor; got the output of {layer.name!r}.")
        if not isinstance(layer, Layer):
            hint = " Wrap the function in a `keras.layers.Lambda`." if callable(layer) else ""
            raise ArgumentError(
                "Only instances of `keras.Layer` can be added to a Sequential model. "
                f"Received: {layer!r} (of type {type(layer).__name__}).{hint}"
            )
        layer._check_initialized()
        if any(other.name == layer.name and other is not layer for other in self._stack):
            raise ArgumentError(
                f"All layers added to a Sequential model should have unique names. Name {layer.name!r} is already the "
                f"name of a layer in this model. Update the `name` argument to pass a unique name."
            )
        if isinstance(layer, InputLayer) and self._stack:
            if isinstance(self._stack[0], InputLayer):
                raise ArgumentError(
                    f"Sequential model {self.name!r} has already been configured to use input shape "
                    f"{self._stack[0].batch_shape}. You cannot add a different Input layer to it."
                )
            raise ArgumentError("An Input layer must be the first layer of a Sequential model.")
        if not self._stack and not isinstance(layer, InputLayer):
            shape = _first_shape(layer)
            if shape is not None:
                self._stack.append(InputLayer(batch_shape=shape, dtype=_first_dtype(layer)))
        self._stack.append(layer)
        if rebuild:
            self._maybe_rebuild()
        else:
            self.built = False
            self._functional = None

    def pop(self, rebuild: bool = True) -> Layer:
        """Take the topmost layer off and return it.

        Raises:
            OutOfRangeError: when there is none.
        """
        if not self.layers:
            raise OutOfRangeError(f"There are no layers in the model {self.name!r} to pop.")
        layer = self._stack.pop()
        self.built = False
        self._functional = None
        if rebuild:
            self._maybe_rebuild()
        return layer

    def _maybe_rebuild(self) -> None:
        self.built = False
        self._functional = None
        if self._stack and isinstance(self._stack[0], InputLayer) and len(self._stack) > 1:
            first: Any = self._stack[0]
            self.build(first.batch_shape)
        elif self._stack and isinstance(self._stack[0], Functional | Sequential) and self._stack[0].built:
            first = self._stack[0]
            if len(first.inputs) == 1:
                self.build(first.inputs[0].shape)

    @property
    def layers(self) -> list[Layer]:
        """The layers, without that of the input."""
        stack = self._stack
        return stack[1:] if stack and isinstance(stack[0], InputLayer) else stack[:]

    @property
    def _layers(self) -> list[Layer]:
        from lamella.layers._tracking import held_by

        return held_by(self, "layers")

    # ---- running ---------------------------------------------------------------------------------

    def build(self, input_shape: Any = None) -> None:
        """Make the variables, for inputs of `input_shape`, the batch size first.

        Raises:
            ArgumentError: when no shape is given and none is known, or there are no layers.
            ShapeError: when the model has inputs of another shape already.
        """
        if input_shape is None:
            if self._stack and isinstance(self._stack[0], InputLayer):
                input_shape = self._stack[0].batch_shape
            else:
                raise ArgumentError(
                    f"You must provide an `input_shape` argument to build Sequential model {self.name!r}: it has no Input."
                )
        if not self._stack:
            raise ArgumentError(f"Sequential model {self.name!r} cannot be built because it has no layers. Call add().")
        if isinstance(input_shape, list):
            input_shape = tuple(input_shape)
        if not is_shape(input_shape):
            return  # a first layer of several inputs: the layers are built one by one as they are called
        if isinstance(self._stack[0], InputLayer):
            shape = self._stack[0].batch_shape
            if len(shape) != len(input_shape) or any(
                None not in (a, b) and a != b for a, b in zip(shape[1:], input_shape[1:])
            ):
                raise ShapeError(
                    f"Sequential model {self.name!r} has already been configured to use input shape {shape}. You cannot "
                    f"build it with input_shape {tuple(input_shape)}."
                )
        else:
            self._stack = [
                InputLayer(batch_shape=input_shape, dtype=_first_dtype(self._stack[0])),
                *self._stack,
            ]
        x = inputs = self._stack[0].output
        with self._name_scope():
            for layer in self._stack[1:]:
                x = layer(x)
        drawn = self._functional = Functional(inputs, x)
        drawn.name = self.name  # what messages call it
        self.built = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if args and self._functional is not None:
            args = (self._functional._arranged(args[0]), *args[1:])
        elif args and not self.built and hasattr(args[0], "shape") and self._stack:
            shape = tuple(args[0].shape)
            if not isinstance(self._stack[0], InputLayer):
                dtype = _drawn_dtype(self._stack[0], args[0].dtype)
                self._stack = [InputLayer(batch_shape=(None, *shape[1:]), dtype=dtype), *self._stack]
            first: Any = self._stack[0]
            self.build(first.batch_shape)
        return super().__call__(*args, **kwargs)

    def _converted(self, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
        if self._functional is not None:
            return self._functional._converted(args, kwargs)
        return super()._converted(args, kwargs)

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None, **kwargs: Any) -> Any:
        """The output of the last layer."""
        from lamella.core._masks import set_mask

        if mask is not None:
            set_mask(inputs, mask, "the caller")
        x = inputs
        for layer in self.layers:
            x = layer(x)
        return x

    def compute_output_spec(self, inputs: Any, training: bool | None = None, mask: Any = None, **kwargs: Any) -> Any:
        """The output as a KerasTensor."""
        if self._functional is not None:
            return self._functional.compute_output_spec(inputs)
        x = inputs
        for layer in self.layers:
            x = layer.compute_output_spec(x)
        return x

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape of the output for inputs of `input_shape`."""
        if self._functional is not None:
            return self._functional.compute_output_shape(input_shape)
        shape = tuple(input_shape)
        for layer in self.layers:
            shape = layer.compute_output_shape(shape)
        return shape

    def _check_input(self, x: Any) -> None:
        if self._functional is not None:
            self._functional._check_input(x)

    # ---- facts -----------------------------------------------------------------------------------

    def _graph(self, what: str) -> Functional:
        if self._functional is None:
            raise NotDrawnError(
                f"Sequential model {self.name!r} has no defined {what} yet: it is not built. Give it an Input, or call it "
                "on data."
            )
        return self._functional

    @property
    def inputs(self) -> list[KerasTensor]:
        """The symbolic inputs."""
        return self._graph("inputs").inputs

    @property
    def outputs(self) -> list[KerasTensor]:
        """The symbolic outputs."""
        return self._graph("outputs").outputs

    @property
    def input(self) -> Any:
        """The symbolic input."""
        return self._graph("input").input

    @property
    def output(self) -> Any:
        """The symbolic output."""
        return self._graph("output").output

    @property
    def input_shape(self) -> Any:
        """The shape of the input."""
        return self._graph("input shape").input_shape

    @property
    def output_shape(self) -> Any:
        """The shape of the output."""
        return self._graph("output shape").output_shape

    @property
    def input_dtype(self) -> str:
        """The dtype that inputs are cast to: that of the first layer that says one."""
        for layer in self._stack:
            if isinstance(layer, InputLayer):
                return layer.dtype
            return layer.input_dtype
        return super().input_dtype

    @property
    def output_names(self) -> list[str] | None:
        """The name of the last layer, in a list; None before there are layers."""
        return [self._stack[-1].name] if self.layers else None

    # ---- configuration ---------------------------------------------------------------------------

    def get_config(self) -> dict:
        """The configurations of the layers, that of the input included."""
        from lamella.core import _policy

        layers = [serialize_keras_object(layer) for layer in self._stack]
        config: dict[str, Any] = {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": _policy.serialize(self.dtype_policy),
            "layers": layers,
        }
        if self._functional is not None:
            config["build_input_shape"] = self.input_shape
        return config

    def get_build_config(self) -> dict | None:
        """The shape of the input, or None before it is known."""
        return {"input_shape": self.input_shape} if self._functional is not None else None

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None) -> "Sequential":
        """The model of a configuration that `get_config` returned."""
        model = cls(name=config.get("name"))
        for layer in config["layers"]:
            model.add(deserialize_keras_object(layer, custom_objects=custom_objects), rebuild=False)
        shape = config.get("build_input_shape")
        if shape and isinstance(shape, (tuple, list)):
            model.build(tuple(shape))
        else:
            model._maybe_rebuild()
        if not config.get("trainable", True):
            model.trainable = False
        return model


def _first_shape(layer: Layer) -> Any:
    shape = getattr(layer, "_input_shape_argument", None)
    return tuple(shape) if shape is not None else None


def _first_dtype(layer: Layer) -> str | None:
    return getattr(layer, "input_dtype", None)


def _drawn_dtype(layer: Layer, given: Any) -> str:
    """The dtype of the input where nobody states it: numbers become what `layer` computes in, unless it looks them up."""
    name, computed = _dtypes.standardize_dtype(given), _first_dtype(layer)
    looks_up = not layer.autocast and not _dtypes.is_float_dtype(name)
    is_number = name == "bool" or _dtypes.is_int_dtype(name) or _dtypes.is_float_dtype(name)
    if computed is not None and _dtypes.is_float_dtype(computed) and is_number and not looks_up:
        return computed
    return _dtypes.floatx() if name == "float64" else name
