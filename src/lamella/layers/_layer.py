"""The base of every layer: state, and a computation that uses it."""

import functools
import inspect
from collections.abc import Iterable, Iterator
from typing import Any

from lamella.backend import _dtypes, _registry
from lamella.core import _policy, _scopes, _tree
from lamella.core._keras_tensor import KerasTensor
from lamella.core._masks import mask_of, set_mask
from lamella.core._operation import Node, Operation, any_symbolic_tensors
from lamella.core._serialization import deserialize_keras_object
from lamella.core._variable import Variable
from lamella.errors import ArgumentError, LamellaError, NotBuiltError, SerializationError, ShapeError
from lamella.layers._call import (
    CallArguments,
    CallContext,
    is_tensor,
    observer,
    shape_structure,
    signature_of,
    surrounding_training,
)
from lamella.layers._input_spec import check_inputs
from lamella.layers._tracking import held_by, holds_state, unique
from lamella.typing import Array


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
            cls.build = _recorded(vars(cls)["build"])  # type: ignore[method-assign]

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
        input_shape = _legacy_input_shape(kwargs)
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
        self._trainable = bool(trainable)
        self.built = False
        self.supports_masking = hasattr(self, "supports_masking") and bool(type(self).__dict__.get("supports_masking"))
        self._supports_jit = True
        self._input_spec: Any = None
        self._losses: list = []
        self._own_variables: list[Variable] = []
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
        if "_own_variables" not in state:
            if isinstance(value, (Variable, Layer)):
                raise _forgotten_init(self)
        else:
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

    def build(self, input_shape: Any) -> None:
        """Make the variables, for inputs of `input_shape`: a shape, or a structure of shapes.

        A layer with several tensor arguments takes one `<argument>_shape` for each. The base makes none.
        """
        self._check_initialized()
        self._record_build({"input_shape": input_shape})
        self.built = True

    def _record_build(self, shapes: dict[str, Any]) -> None:
        self._build_shapes_dict = shapes

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
            self.build(_as_shape(config["input_shape"]))
        elif "shapes_dict" in config:
            self.build(**{k: _as_shape(v) for k, v in config["shapes_dict"].items()})

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
        if args:
            if isinstance(args[0], str):
                raise ArgumentError(
                    f"The first argument of `add_weight` is the `shape`; got the string {args[0]!r}. "
                    f"Write add_weight(shape=..., name={args[0]!r})."
                )
            if len(args) > 3:
                raise TypeError(f"add_weight() takes at most 3 positional arguments but {len(args)} were given.")
            given = {"shape": shape, "initializer": initializer, "dtype": dtype}
            for (key, value), positional in zip(given.items(), args):
                if value is not None:
                    raise TypeError(f"add_weight() got multiple values for argument {key!r}.")
                given[key] = positional
            shape, initializer, dtype = given.values()
        self._check_unlocked(name or "variable")
        shape = () if shape is None else tuple(shape) if isinstance(shape, Iterable) else (shape,)
        if None in shape:
            raise ShapeError(
                f"Layer {self.name!r} asked for a weight {name!r} of shape {shape}; every size must be known. Give the "
                "input a known size in that axis."
            )
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
            raise _forgotten_init(self)

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
            out += layer.metrics
        return unique(out)

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
        mine = self.weights
        if len(weights) != len(mine):
            raise ArgumentError(
                f"You called `set_weights(weights)` on layer {self.name!r} with a list of {len(weights)} arrays, but the "
                f"layer has {len(mine)} weights: {[v.path for v in mine]}."
            )
        for variable, value in zip(mine, weights):
            if tuple(getattr(value, "shape", ())) != variable.shape:
                raise ShapeError(
                    f"Layer {self.name!r} weight {variable.path!r} has shape {variable.shape}; it was given a value of "
                    f"shape {tuple(getattr(value, 'shape', ()))}."
                )
        for variable, value in zip(mine, weights):
            variable.assign(value)

    def count_params(self) -> int:
        """The number of scalars in the weights.

        Raises:
            NotBuiltError: when the weights do not exist yet.
        """
        if not self.built:
            raise NotBuiltError(
                f"You tried to call `count_params` on layer {self.name!r}, but the layer isn't built: it has no weights "
                f"yet. Build it with `{self.name}.build(input_shape)` or call it on data."
            )
        total = 0
        for variable in self.weights:
            size = 1
            for n in variable.shape:
                size *= n
            total += size
        return total

    def save_own_variables(self, store: Any) -> None:
        """Put the layer's own variables into `store`, a mapping, under "0", "1", ..."""
        for i, variable in enumerate(self._direct_variables()):
            store[str(i)] = variable.numpy()

    def load_own_variables(self, store: Any) -> None:
        """Read the layer's own variables from `store`.

        Raises:
            ArgumentError: when their number differs.
        """
        mine = self._direct_variables()
        if len(store.keys()) != len(mine):
            if not mine and not self.built:
                raise NotBuiltError(
                    f"Layer {self.name!r} was never built and thus has no variables, but the weights file lists "
                    f"{len(store.keys())} variables for it. Build it first: call it on data, or call build(input_shape)."
                )
            raise ArgumentError(
                f"Layer {self.name!r} expected {len(mine)} variables, but received {len(store.keys())} variables "
                "during loading."
            )
        for i, variable in enumerate(mine):
            variable.assign(store[str(i)])

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
    def supports_masking(self) -> bool:
        """Whether it passes the mask of its input on."""
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
        try:
            arguments = CallArguments(self, args, kwargs)
        except TypeError as error:
            raise TypeError(f"{type(self).__name__}.call(): {error} (layer {self.name!r})") from None
        if self.input_spec is not None:
            check_inputs(self.input_spec, arguments.first, self.name)
        training = self._resolve_training(arguments)
        if not self.built:
            self._build_for(arguments, args, kwargs)
        accepted = signature_of(type(self).call).parameters
        takes_any = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in accepted.values())
        if "training" not in accepted and not takes_any:
            kwargs = _without(kwargs, "training")
        given = kwargs  # what a graph remembers of the call: what was said, not what follows from the surroundings
        if "training" in accepted and training is not None and arguments.given.get("training") is None:
            kwargs = {**kwargs, "training": training}
        kwargs = self._with_masks(arguments, accepted, kwargs)
        symbolic = any_symbolic_tensors(args, kwargs)
        with CallContext(training) as context:
            if context.outermost and not symbolic:
                self._clear_losses()
            with self._name_scope(), _scopes.autocast_scope(self._cast_dtype):
                outputs = self._run(symbolic, args, kwargs, given)
            self._check_output(outputs)
            if not symbolic and self.activity_regularizer is not None:
                for output in _tree.flatten(outputs):
                    if is_tensor(output):
                        self.add_loss(self.activity_regularizer(output) / max(1, *output.shape[:1]))
            self._pass_mask_on(arguments, outputs)
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
            given = ", ".join(str(tuple(x.shape)) for x in _tree.flatten((args, kwargs)) if hasattr(x, "shape"))
            note = f"in layer {self._path or self.name!r} ({type(self).__name__}), called on inputs of shape {given}"
            if note not in getattr(error, "__notes__", ()):
                error.add_note(note)
            raise

    def symbolic_call(self, *args: Any, **kwargs: Any) -> Any:
        """The outputs as KerasTensors that remember this call."""
        outputs = self.compute_output_spec(*args, **kwargs)
        Node(self, args, kwargs, outputs)
        return outputs

    def _converted(self, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
        policy, autocast, dtype = self._policy, self.autocast, self.input_dtype

        def convert(x: Any) -> Any:
            if x is None or isinstance(x, (bool, int, float, str)):
                return x
            converted = policy.convert_input(x, autocast, dtype)
            if converted is not x and (mask := mask_of(x)) is not None:
                set_mask(converted, mask)  # a cast keeps the mask
            return converted

        if args and isinstance(args[0], (list, tuple)) and args[0] and _is_numbers(args[0]):
            args = (_registry.active().asarray(args[0]), *args[1:])
        return _tree.map_structure(convert, args), _tree.map_structure(convert, kwargs)

    def _resolve_training(self, arguments: CallArguments) -> bool | None:
        given = arguments.given.get("training")
        if given is not None:
            return given
        around = surrounding_training()
        if around is not None:
            return around
        parameter = signature_of(type(self).call).parameters.get("training")
        if parameter is not None and parameter.default is not inspect.Parameter.empty:
            return parameter.default
        return None

    def _with_masks(self, arguments: CallArguments, accepted: Any, kwargs: dict) -> dict:
        single = len(arguments.tensors) == 1
        for name, value in arguments.tensors.items():
            key = "mask" if single and "mask" in accepted else f"{name}_mask"
            if key not in accepted or arguments.given.get(key) is not None:
                continue
            masks = _tree.map_structure(mask_of, value)
            if any(m is not None for m in _tree.flatten(masks)):
                kwargs = {**kwargs, key: masks}
        return kwargs

    def _pass_mask_on(self, arguments: CallArguments, outputs: Any) -> None:
        if not arguments.tensors:
            return
        first = next(iter(arguments.tensors.values()))
        previous = _tree.map_structure(mask_of, first)
        explicit = arguments.given.get("mask")
        if explicit is not None and all(m is None for m in _tree.flatten(previous)):
            previous = explicit
        has_mask = any(m is not None for m in _tree.flatten(previous))
        if not self.supports_masking:
            return
        if not has_mask and type(self).compute_mask is Layer.compute_mask:
            return
        flat = _tree.flatten(outputs)
        if any(mask_of(o) is not None for o in flat):
            return
        masks = self.compute_mask(first, previous)
        if masks is None:
            return
        flat_masks = _tree.flatten(masks)
        if len(flat_masks) == len(flat):
            for output, mask in zip(flat, flat_masks):
                if mask is not None:
                    set_mask(output, mask)

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
            self.build(**self._build_arguments(shapes))
        self.built = True

    def _builds_by_calling(self) -> bool:
        """Whether there is no `build` but the base's: what it holds is built when it is called."""
        return type(self).build is Layer.build

    def _build_arguments(self, shapes: dict[str, Any]) -> dict[str, Any]:
        parameters = list(signature_of(type(self).build).parameters.values())[1:]
        named = [p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
        if any(p.kind is p.VAR_KEYWORD for p in parameters):
            return shapes
        if len(named) == 1 and named[0].name not in shapes:
            if not shapes:
                raise ArgumentError(f"Layer {self.name!r} was called without a tensor, so it cannot be built.")
            return {named[0].name: next(iter(shapes.values()))}
        missing = [p.name for p in named if p.name not in shapes and p.default is p.empty]
        if missing:
            raise ArgumentError(
                f"For a `build()` method with more than one argument, all arguments should have a `_shape` suffix and "
                f"match an argument from `call()`. Layer {self.name!r}: build() asks for {missing}; the call has tensors "
                f"for {sorted(shapes)}."
            )
        return {p.name: shapes[p.name] for p in named if p.name in shapes}

    # ---- shapes ----------------------------------------------------------------------------------

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """The outputs as KerasTensors. A `compute_output_shape` of the class is honoured; else `call` is traced."""
        if type(self).compute_output_shape is Layer.compute_output_shape:
            return super().compute_output_spec(*args, **kwargs)
        arguments = CallArguments(self, args, kwargs)
        shapes = arguments.shapes()
        parameters = list(signature_of(type(self).compute_output_shape).parameters)[1:]
        named = {k: v for k, v in shapes.items() if k in parameters}
        if len(parameters) == 1 or not named:
            output = self.compute_output_shape(next(iter(shapes.values())))
        else:
            output = self.compute_output_shape(**named)
        return _shapes_to_tensors(output, self.compute_dtype)

    def compute_output_shape(self, *args: Any, **kwargs: Any) -> Any:
        """The shape, or structure of shapes, of the outputs for inputs of the given shapes.

        Args:
            *args, **kwargs: what `build` takes: an `input_shape`, or one `<argument>_shape` for each tensor argument.
        """
        layer = self
        if not self.built and type(self).build is not Layer.build:
            layer = type(self).from_config(self.get_config())  # asking for a shape must not make variables here
            layer._parent_path = ""
            layer.build(*args, **kwargs)
            layer.built = True
        dtype = self.input_dtype
        tensors = [_shapes_to_tensors(_as_shape(a), dtype) for a in args]
        named = {k.removesuffix("_shape"): _shapes_to_tensors(_as_shape(v), dtype) for k, v in kwargs.items()}
        if set(named) == {"input"}:
            tensors, named = [named["input"]], {}
        with CallContext(None), _scopes.autocast_scope(self._cast_dtype):
            output = Operation.compute_output_spec(layer, *tensors, **named)
        return shape_structure(output)

    # ---- losses ----------------------------------------------------------------------------------

    def add_loss(self, loss: Any) -> None:
        """Add a scalar, or a list of scalars, to the losses of the current call. Call it inside `call`."""
        for value in _tree.flatten(loss):
            scope = _scopes.stateless_scope()
            if scope is not None:
                scope.add_loss((self, value))
            else:
                self._losses.append(value)

    @property
    def losses(self) -> list[Array]:
        """The penalties of the last call, and those of the regularizers of the trainable weights."""
        layers = list(self._flatten_layers())
        scope = _scopes.stateless_scope()
        if scope is not None:
            mine = {id(layer) for layer in layers}
            out = [
                value
                for entry in scope.losses
                if isinstance(entry, tuple)
                for owner, value in [entry]
                if id(owner) in mine
            ]
        else:
            out = [value for layer in layers for value in layer._losses]
        return out + [v.regularizer(v) for v in self.trainable_weights if v.regularizer is not None]

    def _clear_losses(self) -> None:
        if _scopes.in_stateless_scope():
            return
        for layer in self._flatten_layers():
            layer._losses.clear()

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
        if not self.built:
            raise NotBuiltError(
                f"To call stateless_call, {type(self).__name__} must be built (i.e. its variables must have been "
                "already created). You can build it by calling it on some data."
            )
        mapping = [
            *_paired(self.trainable_variables, trainable_variables, "trainable_variables", self.name),
            *_paired(self.non_trainable_variables, non_trainable_variables, "non_trainable_variables", self.name),
        ]
        with _scopes.StatelessScope(mapping, collect_losses=return_losses) as scope:
            outputs = self(*args, **kwargs)
            losses = self.losses if return_losses else []
            updated = [scope.get_current_value(v) for v in self.non_trainable_variables]
        return (outputs, updated, losses) if return_losses else (outputs, updated)

    def rematerialized_call(self, layer_call: Any, *args: Any, **kwargs: Any) -> Any:
        """`layer_call`, its intermediate values recomputed in the backward pass instead of kept."""
        return _registry.active().remat(functools.partial(layer_call, **kwargs))

    # ---- quantization: a wrapper's work, declared here -------------------------------------------

    def quantize(self, mode: Any = None, type_check: bool = True, config: Any = None) -> None:
        """Replace the weights by quantized ones. Layers that can do so override it.

        Raises:
            NotImplementedError: for a layer without a quantized form.
        """
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
        config: dict[str, Any] = {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": _policy.serialize(self._policy),
        }
        if self.activity_regularizer is not None:
            from lamella import regularizers

            config["activity_regularizer"] = regularizers.serialize(self.activity_regularizer)
        if _describes_itself(type(self)):
            return config
        return {**config, **_plain_arguments(self)}

    @classmethod
    def from_config(cls, config: dict) -> "Layer":
        """The layer of a configuration that `get_config` returned."""
        config = dict(config)
        parameters = inspect.signature(cls.__init__).parameters
        if isinstance(config.get("dtype"), dict):
            config["dtype"] = deserialize_keras_object(config["dtype"])
        if not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
            config = _only_known(cls, config, parameters)
        try:
            return cls(**config)
        except Exception as error:
            raise SerializationError(
                f"{cls.__name__} could not be made from its configuration {config!r}: {error}"
            ) from error

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"

    def __getstate__(self) -> dict:
        return dict(self.__dict__)


def _recorded(build: Any) -> Any:
    """`build`, remembering the shapes it was given and opening the layer's name scope around itself."""

    @functools.wraps(build)
    def run(self: Layer, *args: Any, **kwargs: Any) -> None:
        self._check_initialized()
        if self._building:
            build(self, *args, **kwargs)
            return
        shapes = dict(list(inspect.signature(build).bind(self, *args, **kwargs).arguments.items())[1:])
        self._building = True
        try:
            with self._name_scope():
                self._path = _scopes.current_path()
                build(self, *args, **kwargs)
        finally:
            self._building = False
        self._build_shapes_dict = shapes
        self.built = True
        self._locked = True
        if not self._trainable:
            self.trainable = False  # of the variables that were just made, too

    return run


def _forgotten_init(layer: Any) -> LamellaError:
    name = type(layer).__name__
    return _ForgottenInitError(
        f"In layer {name!r}, you forgot to call `super().__init__()` as the first statement in the `__init__()` method. "
        "Go add it!"
    )


class _ForgottenInitError(LamellaError, RuntimeError):
    """A subclass of Layer that does not call `super().__init__()` first."""


def _legacy_input_shape(kwargs: dict) -> Any:
    """The `batch_input_shape` of `input_shape=`, `input_dim=`, `batch_shape=` and kin, taken out of `kwargs`."""
    batch_size = kwargs.pop("batch_size", None)
    if "batch_input_shape" in kwargs:
        return tuple(kwargs.pop("batch_input_shape"))
    if "input_shape" in kwargs:
        shape = kwargs.pop("input_shape")
        return (batch_size, *(shape if isinstance(shape, (tuple, list)) else (shape,)))
    if "input_dim" in kwargs:
        length = kwargs.pop("input_length", None)
        dim = kwargs.pop("input_dim")
        return (batch_size, dim) if length is None else (batch_size, length, dim)
    return None


def _without(mapping: dict, key: str) -> dict:
    return {k: v for k, v in mapping.items() if k != key}


def _is_numbers(value: Any) -> bool:
    while isinstance(value, (list, tuple)) and value:
        value = value[0]
    return isinstance(value, (bool, int, float))


def _as_shape(value: Any) -> Any:
    """Lists of sizes (as JSON has them) as tuples, in any structure of shapes."""
    if isinstance(value, (list, tuple)):
        if all(n is None or isinstance(n, int) for n in value):
            return tuple(value)
        return type(value)(_as_shape(v) for v in value)
    if isinstance(value, dict):
        return {k: _as_shape(v) for k, v in value.items()}
    return value


def _shapes_to_tensors(shapes: Any, dtype: str) -> Any:
    if shapes is None:
        return None
    if isinstance(shapes, KerasTensor):
        return shapes
    if isinstance(shapes, dict):
        return {k: _shapes_to_tensors(v, dtype) for k, v in shapes.items()}
    if all(n is None or isinstance(n, int) or hasattr(n, "__index__") for n in shapes):
        return KerasTensor(tuple(shapes), dtype=dtype)
    return type(shapes)(_shapes_to_tensors(v, dtype) for v in shapes)


def _paired(variables: list, values: Any, what: str, name: str) -> Any:
    values = list(values)
    if len(values) != len(variables):
        raise ArgumentError(
            f"Argument `{what}` must be a list of values, one for each of the {len(variables)} {what} of {name!r}; got "
            f"{len(values)}: the variables are {[v.path for v in variables]}."
        )
    return zip(variables, values)


def _describes_itself(cls: type) -> bool:
    """Whether the class that defines the constructor is lamella's own, or defines `get_config` too."""
    for base in cls.__mro__:
        if base.__module__.startswith("lamella."):
            return True
        if "get_config" in vars(base):
            return True
        if "__init__" in vars(base):
            return False
    return True


def _plain_arguments(layer: Layer) -> dict:
    config = Operation.get_config(layer)
    return {k: v for k, v in config.items() if k not in ("name", "trainable", "dtype")}


def _only_known(cls: type, config: dict, parameters: Any) -> dict:
    """Without `name`, `trainable` and `dtype` where the constructor of a user's class takes none of them."""
    return {k: v for k, v in config.items() if k in parameters or k not in ("name", "trainable", "dtype")}
