"""Models drawn between symbolic inputs and outputs."""

import functools
import inspect
import warnings
from typing import Any

from lamella.backend import _registry
from lamella.core import _scopes, _tree
from lamella.core._function import Function
from lamella.core._keras_tensor import KerasTensor
from lamella.core._operation import OpCall, Operation, any_symbolic_tensors
from lamella.core._operation_names import name_of_op, split_arguments
from lamella.core._serialization import deserialize_keras_object, serialize_keras_object
from lamella.errors import ArgumentError, SerializationError, ShapeError
from lamella.layers._configuration import make
from lamella.layers._embedding import Embedding
from lamella.layers._input_layer import Input, InputLayer
from lamella.layers._input_spec import InputSpec
from lamella.layers._layer import Layer
from lamella.layers._tracking import held_by, unique
from lamella.models._model import Model


class Functional(Model):
    """What `Model(inputs, outputs)` makes: the layers and ops between them, run in order.

    Args:
        inputs: a KerasTensor, or a structure of them.
        outputs: a KerasTensor, or a structure of them, that follow from `inputs`.
        name: defaults to `functional`, made unique.
    """

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        return Operation.__new__(cls, *args, **kwargs)

    def __init__(self, inputs: Any, outputs: Any, name: str | None = None, **kwargs: Any):
        Layer.__init__(self, name=name, **kwargs)
        self._init_training()
        self._init_graph(inputs, outputs)

    def _init_graph(self, inputs: Any, outputs: Any) -> None:
        self._function = Function(*_rooted(inputs, outputs), name=self.name)
        with self._name_scope():
            self._path = _scopes.current_path()
        self.built = True
        self._called = True
        if not self.trainable:
            self.trainable = False
        self._check_names()

    def _check_names(self) -> None:
        names = [op.name for op in self._function.operations]
        repeated = sorted({n for n in names if names.count(n) > 1})
        if repeated:
            raise ArgumentError(
                f"The name {repeated[0]!r} is used {names.count(repeated[0])} times in the model. All operation names "
                "should be unique: give the layers names of their own."
            )

    def _allows_new_state(self) -> bool:
        return True

    # ---- structure -------------------------------------------------------------------------------

    def _listed_layers(self) -> list[Layer]:
        return [op for op in self._function.operations if isinstance(op, Layer)] if "_function" in vars(self) else []

    @property
    def _layers(self) -> list[Layer]:
        return unique([*self._listed_layers(), *held_by(self, "layers")])

    @property
    def operations(self) -> list[Operation]:
        """The layers and ops of the graph, in the order in which they run."""
        return self._function.operations

    @property
    def inputs(self) -> list[KerasTensor]:
        """The symbolic inputs, flat."""
        return self._function.inputs

    @property
    def outputs(self) -> list[KerasTensor]:
        """The symbolic outputs, flat."""
        return self._function.outputs

    @property
    def input(self) -> Any:
        """The symbolic inputs, in their structure."""
        return self._function._inputs_struct

    @property
    def output(self) -> Any:
        """The symbolic outputs, in their structure."""
        return self._function._outputs_struct

    @property
    def input_shape(self) -> Any:
        """The shape of the input, or a list of the shapes of the `inputs`."""
        return _tree.one_or_all([t.shape for t in self.inputs])

    @property
    def output_shape(self) -> Any:
        """The shape of the output, or a list of the shapes of the `outputs`."""
        return _tree.one_or_all([t.shape for t in self.outputs])

    @property
    def input_names(self) -> list[str]:
        """The names of the inputs."""
        return [t._keras_history.operation.name for t in self.inputs]  # type: ignore[attr-defined]

    @property
    def output_names(self) -> list[str]:
        """The names of the operations that make the outputs."""
        return [t._keras_history.operation.name for t in self.outputs]  # type: ignore[attr-defined]

    @property
    def input_dtype(self) -> str:
        """Inputs keep their dtype: each is cast to that of its `Input`."""
        return super().input_dtype

    @property
    def input_spec(self) -> Any:
        """What the model expects of its inputs: as its `Input`s say, unless it was set."""
        if self._input_spec is not None:
            return self._input_spec
        specs = []
        for tensor, name in zip(self.inputs, self.input_names):
            optional = getattr(getattr(tensor, "_keras_history", (None,))[0], "optional", False)
            specs.append(
                InputSpec(
                    shape=(None, *tensor.shape[1:]),
                    allow_last_axis_squeeze=True,
                    name=name,
                    optional=optional,
                )
            )
        return specs

    @input_spec.setter
    def input_spec(self, value: Any) -> None:
        self._input_spec = value

    # ---- running ---------------------------------------------------------------------------------

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if args:
            args = (self._arranged(args[0]), *args[1:])
        return super().__call__(*args, **kwargs)

    def _converted(self, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
        # Each input has the dtype of its own Input, whatever the model computes in.
        if not args:
            return args, kwargs
        flat, spec = _tree.flatten_with_spec(args[0])
        refs = self.inputs if len(flat) == len(self.inputs) else [None] * len(flat)
        flat = [_as_input(x, ref) for x, ref in zip(flat, refs)]
        return (_tree.unflatten(spec, flat), *args[1:]), kwargs

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None, **kwargs: Any) -> Any:
        """The outputs for `inputs` in the structure of the model's inputs, a list, or a dict by name."""
        from lamella.core._masks import set_mask

        inputs = self._arranged(inputs)
        if mask is not None:
            for x, m in zip(_tree.flatten(inputs), _tree.flatten(mask)):
                set_mask(x, m, "the caller")
        return _tree.one_or_all(self._function.run(inputs, lambda node: node.operation))

    def compute_output_spec(self, inputs: Any, training: bool | None = None, mask: Any = None, **kwargs: Any) -> Any:
        """The outputs as KerasTensors, in the structure that the model was drawn with: one in a list stays in it."""
        return self._function.compute_output_spec(self._arranged(inputs))

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shapes of the outputs for inputs of `input_shape`."""
        return self._function.compute_output_shape(input_shape)

    def _arranged(self, inputs: Any) -> Any:
        """`inputs` in the structure that the model was drawn with, ranks adjusted by an axis of size 1."""
        struct = self._function._inputs_struct
        spec = _tree.flatten_with_spec(struct)[1]
        names = self.input_names
        if isinstance(inputs, dict) and not isinstance(struct, dict):
            inputs = {name: inputs[t.name] for name, t in zip(names, self.inputs) if t.name in inputs} | inputs
            missing = [n for n in names if n not in inputs]
            if missing:
                raise ArgumentError(
                    f"Model {self.name!r} has inputs {names}; the given dict lacks {missing} (it has {sorted(inputs)})."
                )
            flat = [inputs[n] for n in names]
        elif isinstance(inputs, dict) and set(names) <= set(inputs) and not set(struct) <= set(inputs):
            flat = [inputs[n] for n in names]
        elif isinstance(inputs, dict):
            missing = [k for k in struct if k not in inputs]
            if missing:
                raise ArgumentError(
                    f"Model {self.name!r} was made with the inputs {sorted(struct)}; the given dict lacks {missing}."
                )
            flat = _tree.flatten({k: inputs[k] for k in struct})
        elif (
            isinstance(struct, dict)
            and isinstance(inputs, (list, tuple))
            and all(isinstance(v, KerasTensor) for v in struct.values())
            and list(struct) != sorted(struct)
        ):
            raise ArgumentError(
                f"Model {self.name!r} was made with a dict of inputs, {list(struct)}, whose order is not that of the "
                f"sorted keys; got a {type(inputs).__name__} of {len(inputs)}. Give a dict with these keys."
            )
        else:
            flat = _tree.flatten(inputs)
        if len(flat) != len(self.inputs):
            if (
                len(self.inputs) == 1
                and isinstance(inputs, (list, tuple))
                and not any(hasattr(v, "shape") for v in flat)
            ):
                inputs = _registry.active().asarray(inputs)
                flat = [inputs]  # one input, written as nested lists of numbers
            else:
                raise ArgumentError(
                    f'Layer "{self.name}" expects {len(self.inputs)} input(s) ({", ".join(names)}), but it received '
                    f"{len(flat)}."
                )
        by_name = isinstance(inputs, dict) and not isinstance(struct, dict)
        alone = isinstance(struct, (list, tuple)) and len(struct) == 1 and hasattr(inputs, "shape")  # [x] is x
        if not by_name and not alone and _tree.paths(inputs) != _tree.paths(struct):
            warnings.warn(
                "The structure of `inputs` doesn't match the expected structure. Expected: "
                f"{_tree.unflatten(spec, names)}. Received: {_tree.map_structure(lambda x: type(x).__name__, inputs)}.",
                stacklevel=3,
            )
        flat = [self._ranked(x, ref) for x, ref in zip(flat, self.inputs)]
        return _tree.unflatten(spec, flat)

    def _ranked(self, x: Any, ref: KerasTensor) -> Any:
        if x is None or not hasattr(x, "shape") or len(x.shape) == len(ref.shape):
            return x
        from lamella import ops

        if len(x.shape) == len(ref.shape) + 1 and x.shape[-1] == 1:
            return ops.squeeze(x, axis=-1)
        if len(x.shape) == len(ref.shape) - 1 and ref.shape[-1] == 1:
            return ops.expand_dims(x, axis=-1)
        raise ShapeError(
            f"Invalid input shape for input {ref.name!r} of model {self.name!r}. Expected shape {ref.shape}, but input "
            f"has incompatible shape {tuple(x.shape)}."
        )

    def _check_input(self, x: Any) -> None:
        for value, ref in zip(_tree.flatten(self._arranged(x)), self.inputs):
            if value is None:
                continue
            for axis in range(1, len(ref.shape)):
                if ref.shape[axis] is not None and value.shape[axis] != ref.shape[axis]:
                    consumers = [
                        n.operation.name for n in self._function.nodes if any(t is ref for t in n.input_tensors)
                    ]
                    raise ShapeError(
                        f"Input {ref.name!r} of model {self.name!r} was made for shape {ref.shape}; got data of shape "
                        f"{tuple(value.shape)}. Axis {axis} must have size {ref.shape[axis]}, which is what the layer "
                        f"{', '.join(map(repr, consumers))} was built for."
                    )
            for node in self._function.nodes:
                looked_up = isinstance(node.operation, Embedding) and any(t is ref for t in node.input_tensors)
                if looked_up and not node.kwargs.get("reverse"):
                    node.operation.check_indices(value)

    def build(self, input_shape: Any = None) -> None:
        """Nothing to do: a drawn model is built."""
        self.built = True

    # ---- configuration ---------------------------------------------------------------------------

    def get_config(self) -> dict:
        """The layers, and the calls that connect them; plain values. Of a class that draws itself, its arguments."""
        return graph_config(self) if was_given_graph(self) else Model.get_config(self)

    def get_build_config(self) -> dict | None:
        """No shape: a drawn model is built from its configuration."""
        return {"input_shape": None}

    def build_from_config(self, config: dict) -> None:
        """Nothing is left to build."""

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None) -> Any:
        """The model of a configuration that `get_config` returned."""
        if {"layers", "input_layers", "output_layers"} <= set(config):
            return functional_from_config(cls, config, custom_objects)
        return Layer.from_config.__func__(cls, config)  # type: ignore[attr-defined]


def was_given_graph(model: Functional) -> bool:
    """Whether inputs and outputs were arguments of the constructor, and can be given to it by these names again."""
    parameters = inspect.signature(type(model).__init__).parameters
    by_name = {"inputs", "outputs"} <= set(parameters) or any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    args, kwargs = model._init_arguments
    return by_name and any_symbolic_tensors(args, kwargs)


def _as_input(x: Any, ref: KerasTensor | None) -> Any:
    if x is None or ref is None or isinstance(x, str):
        return x
    if isinstance(x, KerasTensor):
        if x.dtype != ref.dtype and ref.dtype != "string":
            from lamella import ops

            return ops.cast(x, ref.dtype)
        return x
    if ref.dtype == "string" or getattr(getattr(x, "dtype", None), "kind", "") in ("U", "S", "O", "T"):
        return x
    adapter = _registry.owner_of_any([x])
    return adapter.asarray(x, ref.dtype)


def become_functional(model: Model, *args: Any, **kwargs: Any) -> None:
    """Turn an instance of a Model subclass that calls `super().__init__(inputs=..., outputs=...)` into a drawn model."""
    if not isinstance(model, Functional):
        object.__setattr__(model, "__class__", _twin(type(model)))
    Functional.__init__(model, *args, **kwargs)  # type: ignore[arg-type]


@functools.cache
def _twin(cls: type) -> Any:
    """The subclass of `cls` whose instances are drawn."""
    bases: Any = (cls, Functional)
    twin: Any = type(cls.__name__, bases, {"__module__": cls.__module__, "__reduce_ex__": _reduced})
    twin.__qualname__ = cls.__qualname__
    twin._twin_of = cls  # what configurations call it
    return twin


def _reduced(model: Any, protocol: Any) -> tuple:
    """A pickle finds classes by name, and by this name it finds the user's."""
    return _unfilled, (type(model)._twin_of,), model.__getstate__()


def _unfilled(cls: type) -> Any:
    twin = _twin(cls)
    return twin.__new__(twin)


def _rooted(inputs: Any, outputs: Any) -> tuple[Any, Any]:
    """`inputs` and `outputs`, where inputs in the middle of a graph have become inputs of their own."""
    flat, spec = _tree.flatten_with_spec(inputs)
    for tensor in flat:
        if not isinstance(tensor, KerasTensor):
            raise ArgumentError(
                "All `inputs` of a functional model must be KerasTensors, made by Input(); got "
                f"{tensor!r} of type {type(tensor).__name__}."
            )
    if all(_is_input(t) for t in flat):
        return inputs, outputs
    fresh = [t if _is_input(t) else Input(batch_shape=t.shape, dtype=t.dtype, name=f"{t.name}CLONE") for t in flat]
    values = {id(t): f for t, f in zip(flat, fresh)}
    for node in Function(flat, outputs).nodes:
        if node.is_input or all(id(t) in values for t in node.outputs):
            continue
        args, kwargs = node.fill(values)
        for old, new in zip(node.outputs, _tree.flatten(node.operation(*args, **kwargs))):
            values.setdefault(id(old), new)
    return _tree.unflatten(spec, fresh), _tree.map_structure(lambda t: None if t is None else values[id(t)], outputs)


def _is_input(tensor: KerasTensor) -> bool:
    history = getattr(tensor, "_keras_history", None)
    return history is not None and isinstance(history.operation, InputLayer)


# ---- a graph as a configuration -----------------------------------------------------------------------


def graph_config(model: Functional) -> dict:
    """The configuration of a drawn model, as Keras writes it."""
    belongs = {id(node) for node in model._function.nodes}
    # The calls of each operation that belong to the model, in the order in which they were made.
    calls = {id(op): [node for node in op._inbound_nodes if id(node) in belongs] for op in model._function.operations}
    index = {id(node): i for nodes in calls.values() for i, node in enumerate(nodes)}

    def reference(tensor: KerasTensor) -> list:
        operation, node_index, tensor_index = tensor._keras_history  # type: ignore[attr-defined]
        return [operation.name, index[id(operation._inbound_nodes[node_index])], tensor_index]

    def end(tensor: KerasTensor) -> list:
        name, node_index, tensor_index = reference(tensor)
        return [name, node_index + _first_index(tensor._keras_history.operation), tensor_index]  # type: ignore[attr-defined]

    def describe(value: Any) -> Any:
        if isinstance(value, KerasTensor):
            return {
                "class_name": "__keras_tensor__",
                "config": {
                    "shape": value.shape,
                    "dtype": value.dtype,
                    "keras_history": reference(value),
                },
            }
        if isinstance(value, tuple):
            return tuple(describe(v) for v in value) if value and _any_tensor(value) else serialize_keras_object(value)
        if isinstance(value, list):
            return [describe(v) for v in value]
        if isinstance(value, dict):
            return {k: describe(v) for k, v in value.items()}
        return serialize_keras_object(value)

    layers = []
    for operation in model._function.operations:
        entry = serialize_keras_object(operation)
        entry["name"] = operation.name
        entry["inbound_nodes"] = [
            {
                "args": tuple(describe(a) for a in node.args),
                "kwargs": {k: describe(v) for k, v in node.kwargs.items()},
            }
            for node in calls[id(operation)]
            if not node.is_input
        ]
        if isinstance(operation, OpCall):
            _name_as_keras(entry, operation, calls[id(operation)], describe)
        layers.append(entry)
    structure = _tree.map_structure
    return {
        "name": model.name,
        "trainable": model.trainable,
        "layers": layers,
        "input_layers": _listed(structure(lambda t: _Ref(reference(t)), model.input)),
        "output_layers": _listed(structure(lambda t: None if t is None else _Ref(end(t)), model.output)),
    }


def _first_index(operation: Any) -> int:
    """The number of a call where it is an output: there, but not in calls, Keras counts the drawing of a model as one."""
    return int(isinstance(operation, Functional))


def _name_as_keras(entry: dict, operation: OpCall, nodes: list, describe: Any) -> None:
    """Write the call of an op as Keras does: a class made with the options, called on the tensors."""
    name = name_of_op(operation.fn.__name__)
    splits: list[Any] = [split_arguments(operation.fn, operation.options, node.args, node.kwargs) for node in nodes]
    if name is None or not splits or any(_any_tensor(s[0]) or s[0] != splits[0][0] for s in splits if s is not None):
        return
    entry.update(
        module=name.module,
        class_name=name.class_name,
        config={"name": operation.name, **{k: describe(v) for k, v in splits[0][0].items()}},
        registered_name=name.class_name,
        inbound_nodes=[
            {"args": tuple(describe(a) for a in args), "kwargs": {k: describe(v) for k, v in kwargs.items()}}
            for _, args, kwargs in splits  # type: ignore[misc]
        ],
    )


def _any_tensor(value: Any) -> bool:
    return any(isinstance(leaf, KerasTensor) for leaf in _tree.flatten(value))


class _Ref:
    """[operation, node, tensor] as one leaf of a structure."""

    def __init__(self, reference: list):
        self.reference = reference


def _listed(structure: Any) -> Any:
    if isinstance(structure, _Ref):
        return structure.reference
    if isinstance(structure, dict):
        return {k: _listed(v) for k, v in structure.items()}
    if isinstance(structure, (list, tuple)):
        return (tuple if isinstance(structure, tuple) else list)(_listed(v) for v in structure)
    return structure


def functional_from_config(cls: Any, config: dict, custom_objects: dict | None = None) -> Any:
    """The model of a configuration: its layers are made, then called again as the configuration says.

    Raises:
        SerializationError: when a call refers to something that is not there.
    """
    operations: dict[str, Operation] = {}
    pending: list[tuple[str, dict]] = []
    for entry in config["layers"]:
        operation = deserialize_keras_object(entry, custom_objects=custom_objects)
        if not isinstance(operation, Operation):
            raise SerializationError(
                f"The entry {entry.get('name')!r} of a functional model is no layer: {operation!r}."
            )
        operations[entry["name"]] = operation
        pending += [(entry["name"], call) for call in entry["inbound_nodes"]]
    first = {name: len(op._inbound_nodes) if not isinstance(op, InputLayer) else 0 for name, op in operations.items()}

    def find(name: str, node_index: int, tensor_index: int) -> Any:
        if name not in operations:
            raise SerializationError(f"The configuration refers to {name!r}, which is not one of its layers.")
        nodes = operations[name]._inbound_nodes
        at = first[name] + node_index
        if at >= len(nodes):
            return None
        return nodes[at].outputs[tensor_index]

    class _NotYet(Exception):
        pass

    def revive(value: Any) -> Any:
        if isinstance(value, dict) and value.get("class_name") == "__keras_tensor__":
            tensor = find(*value["config"]["keras_history"])
            if tensor is None:
                raise _NotYet
            return tensor
        if isinstance(value, dict) and "class_name" in value:
            return deserialize_keras_object(value, custom_objects=custom_objects)
        if isinstance(value, dict):
            return {k: revive(v) for k, v in value.items()}
        if isinstance(value, (list, tuple)):
            return type(value)(revive(v) for v in value)
        return value

    while pending:
        waiting: list[tuple[str, dict]] = []
        for name, call in pending:
            if any(n == name for n, _ in waiting):  # calls of one layer are made in order
                waiting.append((name, call))
                continue
            try:
                args, kwargs = _call_arguments(call, revive)
            except _NotYet:
                waiting.append((name, call))
                continue
            operations[name](*_indexed(operations[name], args), **kwargs)
        if len(waiting) == len(pending):
            raise SerializationError(
                f"The configuration is not a graph: the calls of {sorted({n for n, _ in waiting})} wait for each other."
            )
        pending = waiting

    def tensors(structure: Any) -> Any:
        if isinstance(structure, (list, tuple)) and len(structure) == 3 and isinstance(structure[0], str):
            name, node_index, tensor_index = structure
            tensor = find(name, max(0, node_index - _first_index(operations.get(name))), tensor_index)
            if tensor is None:
                raise SerializationError(
                    f"The configuration refers to call {node_index} of {name!r}, which is not there."
                )
            return tensor
        if isinstance(structure, dict):
            return {k: tensors(v) for k, v in structure.items()}
        return None if structure is None else type(structure)(tensors(v) for v in structure)

    extra = {
        k: v for k, v in config.items() if k not in ("name", "trainable", "layers", "input_layers", "output_layers")
    }
    inputs, outputs = tensors(config["input_layers"]), tensors(config["output_layers"])
    model = make(cls, {"inputs": inputs, "outputs": outputs, "name": config.get("name"), **extra})
    if not config.get("trainable", True):
        model.trainable = False
    return model


def _indexed(operation: Operation, args: tuple) -> tuple:
    """The arguments of a call, where JSON has made a list of the tuple of slices in `x[:, 1:]`."""
    if not isinstance(operation, OpCall) or operation.fn.__name__ != "get_item":
        return args
    parts = (slice, type(Ellipsis), type(None))
    return tuple(tuple(a) if isinstance(a, list) and any(isinstance(part, parts) for part in a) else a for a in args)


def _call_arguments(call: Any, revive: Any) -> tuple[tuple, dict]:
    """(args, kwargs) of a call, in today's form, or in that of files written before Keras 3."""
    if isinstance(call, dict):
        return tuple(revive(a) for a in call.get("args", ())), {k: revive(v) for k, v in call.get("kwargs", {}).items()}
    tensors = [
        revive({"class_name": "__keras_tensor__", "config": {"keras_history": entry[:3]}})
        for entry in call
        if isinstance(entry, (list, tuple))
    ]
    kwargs = call[0][3] if call and len(call[0]) > 3 and isinstance(call[0][3], dict) else {}
    return (_tree.one_or_all(tensors),), dict(kwargs)
