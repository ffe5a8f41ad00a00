"""The base of every layer: state, and a computation that uses it."""

import functools
import inspect
from collections.abc import Iterator
from typing import Any

import numpy as np

from lamella.backend import _dtypes
from lamella.core import _policy, _scopes, _tree
from lamella.core._operation import Node, Operation, any_symbolic_tensors
from lamella.core._remat import remat
from lamella.core._serialization import CustomObjectScope
from lamella.core._variable import Variable
from lamella.errors import ArgumentError, ShapeError
from lamella.layers._building import (
    build_arguments,
    forgotten_init,
    known_shape,
    legacy_input_shape,
    positional_arguments,
    recorded,
)
from lamella.layers._call import (
    CallArguments,
    CallContext,
    converted,
    is_tensor,
    observer,
    refuse_plain_values,
    shape_structure,
    signature_of,
    training_mode,
)
from lamella.layers._configuration import describe, make
from lamella.layers._input_spec import check_inputs
from lamella.layers._losses import forget_losses, record_losses, recorded_losses
from lamella.layers._masking import masks_taken, pass_mask_on, with_masks
from lamella.layers._quantization import asked_mode
from lamella.layers._shapes import agreed, as_shape, filled, shapes_to_tensors
from lamella.layers._stateless import call_with_state
from lamella.layers._tracking import held_by, holds_state, unique
from lamella.layers._weights import assign_weights, count_scalars, load_variables
from lamella.typing import Array

_STAND_INS = (96, 192)
"""Sizes in the place of unknown ones, which many numbers of heads and groups divide."""


class Layer(Operation):
    """State (variables) and a computation (`call`) that uses it.

    A layer of your own defines `__init__` (its options), `build(input_shape)` (its variables, made when the shape of
    the first input is known) and `call(inputs)` (the computation).

    Args:
        activity_regularizer: a penalty on the outputs, added to `losses` at every call.
        trainable: whether its variables may be trained.
        dtype: the dtype policy, or its name: what it computes in and stores its variables in.
        autocast: whether floating inputs are cast to the compute dtype.
        name: defaults to the class name in snake case, made unique.

    Example:
        >>> import lamella
        >>> class Scale(lamella.layers.Layer):
        ...     def build(self, input_shape):
        ...         self.factor = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="factor")
        ...     def call(self, inputs):
        ...         return inputs * self.factor
        >>> Scale()([[1.0, 2.0]]).tolist()
        [[1.0, 2.0]]
    """

    _tracked_as = "layers"
    _takes_plain_values = False  # whether numbers and texts may be positional arguments of a call
    _built_from_start = False  # True for a layer that has nothing to build, whatever its inputs
    _untracked: frozenset[str] = frozenset(
        {
            "_inbound_nodes",
            "_outbound_nodes",
            "_losses",
            "_init_arguments",
            "_own_variables",
            "_build_shapes_dict",
        }
    )

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "build" in vars(cls):
            cls.build = recorded(vars(cls)["build"])  # type: ignore[method-assign]

    def __init__(
        self,
        *,
        activity_regularizer: Any = None,
        trainable: bool = True,
        dtype: Any = None,
        autocast: bool = True,
        name: str | None = None,
        **kwargs: Any,
    ):
        input_shape = legacy_input_shape(kwargs)
        if kwargs:
            raise ArgumentError(
                f"Unrecognized keyword arguments passed to {type(self).__name__}: {', '.join(sorted(kwargs))}."
            )
        super().__init__(name=name)
        if activity_regularizer is not None and not callable(activity_regularizer):
            from lamella import regularizers

            activity_regularizer = regularizers.get(activity_regularizer)
        self.activity_regularizer = activity_regularizer
        self._policy = _policy.get(dtype)
        self.autocast = autocast
        if not isinstance(trainable, (bool, np.bool_)):
            raise ArgumentError(f"The `trainable` of {type(self).__name__} must be True or False; got {trainable!r}.")
        self._trainable = bool(trainable)
        self.built = self._built_from_start and type(self).build is Layer.build
        stated = inspect.getattr_static(type(self), "supports_masking")  # a class attribute, or else this property
        self.supports_masking = stated if isinstance(stated, bool) else self._computes_mask
        self.supports_jit = True  # whether programs with it may be compiled
        self._input_spec: Any = None
        self._losses: list = []
        self._own_variables: list[Variable] = [v for v in vars(self).values() if isinstance(v, Variable)]
        self._build_shapes_dict: dict[str, Any] | None = None
        self._parent_path: str | None = None
        self._path: str | None = None
        self._building = False
        self._locked = False
        self._called = False
        if input_shape is not None:
            self._input_shape_argument = input_shape

    def __setattr__(self, name: str, value: Any) -> None:
        state = self.__dict__
        if "_own_variables" in state:  # what was set before the constructor ran, it finds itself
            if state.get("_locked") and name not in state and name not in self._untracked and holds_state(value):
                self._check_unlocked(name)
            if isinstance(value, Variable) and not any(v is value for v in state["_own_variables"]):
                state["_own_variables"].append(value)
        super().__setattr__(name, value)

    def __delattr__(self, name: str) -> None:
        value = self.__dict__.get(name)
        if isinstance(value, Variable):
            self._own_variables[:] = [v for v in self._own_variables if v is not value]
        super().__delattr__(name)

    def _check_unlocked(self, name: str) -> None:
        if self._locked and not self._allows_new_state():
            raise ArgumentError(
                f"You cannot add {name!r} to the layer {self.name!r}: it is already built, and variables and "
                "sub-layers added now would be trained by no optimizer. Create them in `__init__()` or `build()`."
            )

    def _allows_new_state(self) -> bool:
        return False

    # ---- making state ----------------------------------------------------------------------------

    @recorded
    def build(self, input_shape: Any) -> None:
        """Make the variables, for inputs of `input_shape`: a shape, or a structure of shapes.

        A layer with several tensor arguments takes one `<argument>_shape` for each. The base makes none.
        """

    def get_build_config(self) -> dict | None:
        """The shapes that the layer was built with, or None before."""
        shapes = self._build_shapes_dict
        if shapes is None:
            return None
        if len(shapes) == 1:
            return {"input_shape": next(iter(shapes.values()))}
        return {"shapes_dict": shapes}

    def build_from_config(self, config: dict) -> None:
        """Build with the shapes of `get_build_config`."""
        if not config:
            return
        if "input_shape" in config:
            self.build(as_shape(config["input_shape"]))
        elif "shapes_dict" in config:
            self.build(**{k: as_shape(v) for k, v in config["shapes_dict"].items()})

    def add_weight(
        self,
        *args: Any,
        shape: Any = None,
        initializer: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        aggregation: str = "none",
        overwrite_with_gradient: bool = False,
        name: str | None = None,
    ) -> Variable:
        """Make a variable that belongs to the layer.

        Args:
            *args: up to three of `shape`, `initializer` and `dtype`, in this order.
            shape: its shape; `()` when not given. Every size must be known.
            initializer: the name of an initializer, or a callable `(shape, dtype)`. Defaults to `"glorot_uniform"`
                for floats and `"zeros"` otherwise.
            dtype: defaults to the variable dtype of the layer's policy.
            trainable: whether optimizers change it.
            autocast: whether it reads as the compute dtype inside a mixed-precision layer.
            regularizer: a penalty on its value, or the name of one.
            constraint: a projection applied after each update, or the name of one.
            aggregation: how replicas combine it: "none", "mean", "sum" or "only_first_replica".
            overwrite_with_gradient: whether optimizers replace it by its gradient.
            name: its name.

        Returns:
            The `Variable`.

        Raises:
            ShapeError: when a size is unknown.
            ArgumentError: when the layer is built already, or `name` is given by position.
        """
        self._check_initialized()
        shape, initializer, dtype = positional_arguments(args, shape=shape, initializer=initializer, dtype=dtype)
        self._check_unlocked(name or "variable")
        shape = known_shape(shape, name, self.name)
        dtype = self.variable_dtype if dtype is None else _dtypes.standardize_dtype(dtype)
        from lamella import constraints, initializers, regularizers

        if initializer is None:
            initializer = "glorot_uniform" if _dtypes.is_float_dtype(dtype) else "zeros"
        # What stands around the layer is known once it is built.
        with _scopes.name_scope(self.name, caller=self, override_parent=self._parent_path):
            variable = Variable(
                initializers.get(initializer),
                shape=shape,
                dtype=dtype,
                trainable=trainable,
                autocast=autocast,
                aggregation=aggregation,
                name=name,
            )
        variable.regularizer = regularizers.get(regularizer)
        variable.constraint = constraints.get(constraint)
        variable.overwrite_with_gradient = overwrite_with_gradient
        if not self._trainable:
            variable.trainable = False
        self._own_variables.append(variable)
        return variable

    def add_variable(
        self,
        shape: Any,
        initializer: Any,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        name: str | None = None,
    ) -> Variable:
        """`add_weight`, by another name."""
        return self.add_weight(
            shape=shape,
            initializer=initializer,
            dtype=dtype,
            trainable=trainable,
            autocast=autocast,
            regularizer=regularizer,
            constraint=constraint,
            name=name,
        )

    def _name_scope(self) -> _scopes.name_scope:
        if self._parent_path is None:
            self._parent_path = _scopes.current_path()
        scope = _scopes.name_scope(self.name, caller=self, override_parent=self._parent_path)
        return scope

    def _check_initialized(self) -> None:
        if "_own_variables" not in self.__dict__:
            raise forgotten_init(self)

    # ---- what it holds ---------------------------------------------------------------------------

    @property
    def _layers(self) -> list["Layer"]:
        return held_by(self, "layers")

    def _flatten_layers(self, include_self: bool = True, recursive: bool = True) -> Iterator["Layer"]:
        seen: set[int] = set()
        stack: list[Layer] = [self]
        while stack:
            layer = stack.pop()
            if id(layer) in seen:
                continue
            seen.add(id(layer))
            if layer is not self or include_self:
                yield layer
            if layer is self or recursive:
                stack.extend(reversed(layer._layers))

    def _direct_variables(self) -> list[Variable]:
        # Trainable ones first, each kind in the order of its making.
        mine = unique([*self._own_variables, *held_by(self, "variables")])
        return [v for v in mine if v._born_trainable] + [v for v in mine if not v._born_trainable]

    @property
    def variables(self) -> list[Variable]:
        """Every variable of the layer and of its sub-layers, the states of seed generators included."""
        self._check_initialized()
        out = self._direct_variables() + [g.state for g in held_by(self, "seed_generators")]
        for layer in self._layers:
            out += layer.variables
        return unique(out)

    @property
    def weights(self) -> list[Variable]:
        """The variables without the states of seed generators: what `get_weights` returns."""
        self._check_initialized()
        out = self._direct_variables()
        for layer in self._layers:
            out += layer.weights
        return unique(out)

    @property
    def trainable_variables(self) -> list[Variable]:
        """The variables that training changes."""
        return [v for v in self.variables if v.trainable] if self.trainable else []

    @property
    def non_trainable_variables(self) -> list[Variable]:
        """The variables that training does not change by gradients."""
        return [v for v in self.variables if not v.trainable] if self.trainable else self.variables

    @property
    def trainable_weights(self) -> list[Variable]:
        """The weights that training changes."""
        return [v for v in self.weights if v.trainable] if self.trainable else []

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """The weights that training does not change by gradients."""
        return [v for v in self.weights if not v.trainable] if self.trainable else self.weights

    @property
    def trainable(self) -> bool:
        """Whether training may change it. Setting it sets the sub-layers too."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        value = bool(value)
        self._trainable = value
        for variable in self._direct_variables():
            if variable._born_trainable:
                variable.trainable = value
        for layer in self._layers:
            layer.trainable = value

    @property
    def metrics(self) -> list:
        """The metrics of the layer and of its sub-layers."""
        out = held_by(self, "metrics")
        for layer in self._layers:
            out += layer._metrics_as_part
        return unique(out)

    @property
    def _metrics_as_part(self) -> list:
        """The metrics that count for the layer around this one."""
        return self.metrics

    @property
    def metrics_variables(self) -> list[Variable]:
        """The variables of `metrics`."""
        return [v for metric in self.metrics for v in metric.variables]

    def get_weights(self) -> list:
        """The values of `weights`, as NumPy arrays."""
        return [v.numpy() for v in self.weights]

    def set_weights(self, weights: list) -> None:
        """Give the weights the values that `get_weights` returned.

        Raises:
            ArgumentError: when their number differs.
            ShapeError: when a shape differs, naming the weight.
        """
        assign_weights(self, weights)

    def count_params(self) -> int:
        """The number of scalars in the weights.

        Raises:
            NotBuiltError: when the weights do not exist yet.
        """
        return count_scalars(self)

    def save_own_variables(self, store: Any) -> None:
        """Put the layer's own variables into `store`, a mapping, under "0", "1", ..."""
        for i, variable in enumerate(self._direct_variables()):
            store[str(i)] = variable.numpy()

    def load_own_variables(self, store: Any) -> None:
        """Read the layer's own variables from `store`.

        Raises:
            ArgumentError: when their number differs.
        """
        load_variables(self, self._direct_variables(), store)

    # ---- facts -----------------------------------------------------------------------------------

    @property
    def path(self) -> str | None:
        """Where the layer stands in the model it was built in: names joined by "/"."""
        return self._path

    @property
    def dtype_policy(self) -> _policy.DTypePolicy:
        """The dtypes it computes in and stores variables in."""
        return self._policy

    @dtype_policy.setter
    def dtype_policy(self, value: Any) -> None:
        self._policy = _policy.get(value)

    @property
    def dtype(self) -> str:
        """The dtype of its variables."""
        return self.variable_dtype

    @property
    def variable_dtype(self) -> str:
        """The dtype of its variables."""
        return self._policy.variable_dtype

    @property
    def compute_dtype(self) -> str:
        """The dtype it computes in."""
        return self._policy.compute_dtype

    @property
    def _cast_dtype(self) -> str | None:
        """The dtype that its variables read as while it runs, or None: as they are."""
        policy = self._policy
        return policy.compute_dtype if self.autocast and policy.compute_dtype != policy.variable_dtype else None

    @property
    def input_dtype(self) -> str:
        """The dtype its inputs are cast to."""
        return self.compute_dtype

    @property
    def quantization_mode(self) -> str | None:
        """The quantization mode of its policy, or None."""
        return self._policy.quantization_mode

    @property
    def input_spec(self) -> Any:
        """What it expects of its inputs: an `InputSpec`, a structure of them, or None."""
        return self._input_spec

    @input_spec.setter
    def input_spec(self, value: Any) -> None:
        self._input_spec = value

    @property
    def _computes_mask(self) -> bool:
        return type(self).compute_mask is not Layer.compute_mask

    @property
    def supports_masking(self) -> bool:
        """Whether it passes the mask of its input on; True where its class defines `compute_mask`."""
        return self._supports_masking

    @supports_masking.setter
    def supports_masking(self, value: bool) -> None:
        self._supports_masking = bool(value)

    # ---- calling ---------------------------------------------------------------------------------

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """The computation. Subclasses define it."""
        raise NotImplementedError(f"Layer {type(self).__name__} does not have a `call()` method implemented.")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self._check_initialized()
        self._called = True
        args, kwargs = self._converted(args, kwargs)
        if not self._takes_plain_values:
            refuse_plain_values(args)
        try:
            arguments = CallArguments(self, args, kwargs)
        except TypeError as error:
            raise TypeError(f"{type(self).__name__}.call(): {error} (layer {self.name!r})") from None
        if self.input_spec is not None:
            check_inputs(self.input_spec, arguments.first, self.name)
        training = training_mode(type(self).call, arguments)
        if not self.built:
            self._build_for(arguments, args, kwargs)
        given = kwargs  # what a graph remembers of the call: what was said, not what follows from the surroundings
        accepted = signature_of(type(self).call).parameters
        takes_any = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in accepted.values())
        if "training" not in accepted and not takes_any:
            kwargs = {k: v for k, v in kwargs.items() if k != "training"}
        if "training" in accepted and training is not None and arguments.given.get("training") is None:
            kwargs = {**kwargs, "training": training}
        unmasked, kwargs = kwargs, with_masks(arguments, accepted, kwargs)
        masked = frozenset() if kwargs is unmasked else masks_taken(arguments, accepted)
        symbolic = any_symbolic_tensors(args, kwargs)
        with CallContext(training, masked) as context:
            if context.outermost and not symbolic:
                self._clear_losses()
            with self._name_scope(), _scopes.autocast_scope(self._cast_dtype):
                outputs = self._run(symbolic, args, kwargs, given)
            self._check_output(outputs)
            if not symbolic and self.activity_regularizer is not None:
                for output in _tree.flatten(outputs):
                    if is_tensor(output):
                        penalty: Any = self.activity_regularizer(output)
                        self.add_loss(penalty / max(1, *output.shape[:1]))
        pass_mask_on(self, arguments, outputs, self._computes_mask)
        self._locked = True
        told = observer()
        if told is not None:
            told(self, outputs)
        return outputs

    def _run(self, symbolic: bool, args: tuple, kwargs: dict, given: dict) -> Any:
        try:
            if not symbolic:
                return self.call(*args, **kwargs)
            if type(self).symbolic_call is not Layer.symbolic_call:
                return self.symbolic_call(*args, **kwargs)
            outputs = self.compute_output_spec(*args, **kwargs)
            Node(self, args, given, outputs)  # masks that came with the inputs come with them again
            return outputs
        except Exception as error:
            shapes = ", ".join(str(tuple(x.shape)) for x in _tree.flatten((args, kwargs)) if hasattr(x, "shape"))
            note = f"in layer {self._path or self.name!r} ({type(self).__name__}), called on inputs of shape {shapes}"
            if note not in getattr(error, "__notes__", ()):
                error.add_note(note)
            raise

    def symbolic_call(self, *args: Any, **kwargs: Any) -> Any:
        """The outputs as KerasTensors that remember this call."""
        outputs = self.compute_output_spec(*args, **kwargs)
        Node(self, args, kwargs, outputs)
        return outputs

    def _converted(self, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
        """The arguments of a call as arrays, floating ones in the dtype that the layer computes in."""
        return converted(self._policy, self.autocast, self.input_dtype, args, kwargs)

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """The mask of the outputs: that of the inputs, unless the layer says otherwise."""
        return previous_mask

    def _check_output(self, outputs: Any) -> None:
        if outputs is None:
            raise ArgumentError(
                f"The `call()` method of layer {self.name!r} ({type(self).__name__}) returned None. It must return its "
                "outputs: is a `return` missing?"
            )

    def _build_for(self, arguments: CallArguments, args: tuple, kwargs: dict) -> None:
        shapes = arguments.shapes()
        with self._name_scope():
            self._path = _scopes.current_path()
            if self._builds_by_calling():
                if any_symbolic_tensors(args, kwargs) or not self._layers:
                    self.built = True
                    self._build_shapes_dict = shapes
                    return
                self.built = True  # sub-layers build as they are called
                self._build_shapes_dict = shapes
                return
            self.build(**build_arguments(self, shapes))
        self.built = True

    def _builds_by_calling(self) -> bool:
        """Whether there is no `build` but the base's: what it holds is built when it is called."""
        return type(self).build is Layer.build

    # ---- shapes ----------------------------------------------------------------------------------

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """The outputs as KerasTensors. A `compute_output_shape` of the class is honoured; else `call` is traced."""
        args, kwargs = self._converted(args, kwargs)
        if type(self).compute_output_shape is Layer.compute_output_shape:
            return self._traced_spec(args, kwargs)
        arguments = CallArguments(self, args, kwargs)
        shapes = arguments.shapes()
        parameters = list(signature_of(type(self).compute_output_shape).parameters)[1:]
        named = {k: v for k, v in shapes.items() if k in parameters}
        if len(parameters) == 1 or not named:
            output = self.compute_output_shape(next(iter(shapes.values())))
        else:
            output = self.compute_output_shape(**named)
        return shapes_to_tensors(output, self.compute_dtype)

    def _traced_spec(self, args: tuple, kwargs: dict) -> Any:
        """The outputs of an abstract run of `call`, as KerasTensors."""
        layer = self
        if not (self.built or self._building or self._builds_by_calling()):
            layer = self._built_aside(**build_arguments(self, CallArguments(self, args, kwargs).shapes()))
        with _scopes.autocast_scope(self._cast_dtype):
            return Operation.compute_output_spec(layer, *args, **kwargs)

    def compute_output_shape(self, *args: Any, **kwargs: Any) -> Any:
        """The shape, or structure of shapes, of the outputs for inputs of the given shapes.

        Args:
            *args, **kwargs: what `build` takes: an `input_shape`, or one `<argument>_shape` for each tensor argument.
                Axes of unknown size are None, those too for which weights could not be made.
        """
        layer = self
        if self._is_shaped_by_copy:
            try:
                layer = self._built_aside(*args, **kwargs)
            except ShapeError:
                shape = self._shape_around_unknown(args, kwargs)
                if shape is None:
                    raise
                return shape
        dtype = self.input_dtype
        tensors = [shapes_to_tensors(as_shape(a), dtype) for a in args]
        named = {k.removesuffix("_shape"): shapes_to_tensors(as_shape(v), dtype) for k, v in kwargs.items()}
        if set(named) == {"input"}:
            tensors, named = [named["input"]], {}
        with CallContext(None), _scopes.autocast_scope(self._cast_dtype):
            output = Operation.compute_output_spec(layer, *tensors, **named)
        return shape_structure(output)

    def _shape_around_unknown(self, args: tuple, kwargs: dict) -> Any:
        """The output shape where sizes that weights depend on are unknown: what is the same for two such sizes; or None."""
        given = [(filled(as_shape(args), size), filled(as_shape(kwargs), size)) for size in _STAND_INS]
        if given[0] == given[1]:
            return None
        try:
            return agreed(*(Layer.compute_output_shape(self, *args, **kwargs) for args, kwargs in given))
        except ShapeError:
            return None

    @property
    def _is_shaped_by_copy(self) -> bool:
        """Whether shapes are asked of a copy."""
        return not self.built and type(self).build is not Layer.build

    def _shape_config(self) -> dict:
        """The configuration of that copy."""
        return self.get_config()

    def _built_aside(self, *args: Any, **kwargs: Any) -> "Layer":
        """A copy that is built: asking for a shape must not make variables here."""
        known = {type(part).__name__: type(part) for part in self._flatten_layers()}  # need not be registered for this
        with CustomObjectScope(known):
            layer = type(self).from_config(self._shape_config())
        layer._parent_path = ""
        layer.build(*args, **kwargs)
        layer.built = True
        return layer

    # ---- losses ----------------------------------------------------------------------------------

    def add_loss(self, loss: Any) -> None:
        """Add a scalar, or a list of scalars, to the losses of the current call. Call it inside `call`.

        Raises:
            ArgumentError: for what is no number and no tensor.
        """
        record_losses(self, loss)

    @property
    def losses(self) -> list[Array]:
        """The penalties of the last call, and those of the regularizers of the trainable weights."""
        penalties = [v.regularizer(v) for v in self.trainable_weights if v.regularizer is not None]
        return recorded_losses(list(self._flatten_layers())) + penalties

    def _clear_losses(self) -> None:
        forget_losses(self._flatten_layers())

    def add_metric(self, *args: Any, **kwargs: Any) -> None:
        """Gone from Keras 3: make a metric in `__init__` and call its `update_state` in `call`.

        Raises:
            NotImplementedError: always.
        """
        raise NotImplementedError(
            f"Layer {type(self).__name__} has no `add_metric()`: make the metric in `__init__` "
            "(self.my_metric = keras.metrics.Mean(name=...)) and call self.my_metric.update_state(value) in `call`."
        )

    # ---- without side effects --------------------------------------------------------------------

    def stateless_call(
        self,
        trainable_variables: list,
        non_trainable_variables: list,
        *args: Any,
        return_losses: bool = False,
        **kwargs: Any,
    ) -> tuple:
        """The call as a pure function of the values of the variables.

        Args:
            trainable_variables: values for `trainable_variables`, in their order.
            non_trainable_variables: values for `non_trainable_variables`, in their order.
            *args, **kwargs: what `call` takes.
            return_losses: also return `losses`.

        Returns:
            `(outputs, non_trainable_variables)`, and the losses after them where asked for.

        Raises:
            NotBuiltError: before the variables exist.
            ArgumentError: when the number of values differs from that of the variables.
        """
        self._check_initialized()
        return call_with_state(
            self, trainable_variables, non_trainable_variables, args, kwargs, return_losses=return_losses
        )

    def rematerialized_call(self, layer_call: Any, *args: Any, **kwargs: Any) -> Any:
        """`layer_call`, its intermediate values recomputed in the backward pass instead of kept."""
        return remat(functools.partial(layer_call, **kwargs))

    # ---- quantization: a wrapper's work, declared here -------------------------------------------

    def quantize(self, mode: Any = None, type_check: bool = True, config: Any = None) -> None:
        """Replace the weights by quantized ones. Layers that can do so override it.

        Raises:
            ArgumentError: when neither `mode` nor `config` says a mode, or there is no such mode.
            NotBuiltError: before the weights exist.
            NotImplementedError: for a layer without a quantized form.
        """
        asked_mode(self, mode, config)
        raise NotImplementedError(f"Layer {type(self).__name__} does not have a `quantize()` method implemented.")

    def quantized_build(self, input_shape: Any, mode: Any) -> None:
        """Make quantized variables. Layers that can do so override it."""
        raise NotImplementedError(f"Layer {type(self).__name__} has no quantized form.")

    def quantized_call(self, *args: Any, **kwargs: Any) -> Any:
        """The computation on quantized weights. Layers that can do so override it."""
        raise NotImplementedError(f"Layer {type(self).__name__} has no quantized form.")

    # ---- configuration ---------------------------------------------------------------------------

    def get_config(self) -> dict:
        """The arguments that make the layer again: plain values and configurations.

        A class of yours with arguments of its own need not define it where they are plain values.
        """
        self._check_initialized()
        return describe(self)

    @classmethod
    def from_config(cls, config: dict) -> "Layer":
        """The layer of a configuration that `get_config` returned."""
        return make(cls, config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"

    def __getstate__(self) -> dict:
        return dict(self.__dict__)
