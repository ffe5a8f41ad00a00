"""Operations that can be drawn as well as run, and the decorator that makes an op of a function."""

import functools
import inspect
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from lamella.backend import _registry
from lamella.core import _names, _tree
from lamella.core._inference import infer_spec
from lamella.core._keras_tensor import KerasTensor
from lamella.core._operation_names import joined_arguments
from lamella.core._operators import OPERATORS, operator
from lamella.core._remat import remat
from lamella.core._serialization import Serializable
from lamella.errors import ArgumentError, LamellaError, NotDrawnError, SerializationError

F = TypeVar("F", bound=Callable[..., Any])


class History(NamedTuple):
    """Which call of which operation made a symbolic tensor, and which of its outputs it is."""

    operation: Any
    node_index: int
    tensor_index: int


class Node:
    """One call of an operation on symbolic tensors.

    Attributes:
        operation: what was called.
        args, kwargs: with what, KerasTensors included.
        outputs: the KerasTensors it made, flat.
    """

    def __init__(self, operation: "Operation", args: tuple, kwargs: dict, outputs: Any):
        self.operation = operation
        self.args = args
        self.kwargs = kwargs
        self.output_structure = outputs
        self.outputs = [t for t in _tree.flatten(outputs) if isinstance(t, KerasTensor)]
        self.input_tensors = [t for t in _tree.flatten((args, kwargs)) if isinstance(t, KerasTensor)]
        operation._inbound_nodes.append(self)
        for i, tensor in enumerate(self.outputs):
            tensor._keras_history = History(operation, len(operation._inbound_nodes) - 1, i)  # type: ignore[attr-defined]

    @property
    def is_input(self) -> bool:
        """Whether it stands for an input of the graph."""
        return not self.input_tensors

    @property
    def parent_nodes(self) -> list["Node"]:
        """The calls that made its inputs."""
        return [node_of(t) for t in self.input_tensors if hasattr(t, "_keras_history")]

    def fill(self, values: dict[int, Any]) -> tuple[tuple, dict]:
        """Its arguments, each KerasTensor replaced by the value that `values` has for its id."""
        return _tree.map_structure(
            lambda leaf: values[id(leaf)] if isinstance(leaf, KerasTensor) else leaf, (self.args, self.kwargs)
        )


def node_of(tensor: KerasTensor) -> Node:
    """The call that made `tensor`."""
    operation, index, _ = tensor._keras_history  # type: ignore[attr-defined]
    return operation._inbound_nodes[index]


class Operation(Serializable):
    """Something that maps tensors to tensors, and can be a node of a functional model.

    Args:
        name: defaults to the class name in snake case, made unique.

    Raises:
        ArgumentError: for a name that is not a string or contains "/".
    """

    _is_one_op = False  # whether it is an op by itself, for `is_drawn`

    _init_arguments: tuple[tuple, dict]

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        instance = super().__new__(cls)
        instance.__dict__["_init_arguments"] = (args, kwargs)
        return instance

    def __init__(self, name: str | None = None):
        if name is None:
            name = _names.unique_name(_names.snake_case(type(self).__name__))
        if not isinstance(name, str) or "/" in name:
            raise ArgumentError(f"The `name` of {type(self).__name__} must be a string without '/'; got {name!r}.")
        self.name = name
        self._inbound_nodes: list[Node] = []
        self._outbound_nodes: list[Node] = []

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if any_symbolic_tensors(args, kwargs):
            return self.symbolic_call(*args, **kwargs)
        return self.call(*args, **kwargs)

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """The computation, on arrays."""
        raise NotImplementedError(f"{type(self).__name__} does not define `call()`.")

    def symbolic_call(self, *args: Any, **kwargs: Any) -> Any:
        """The outputs as KerasTensors that remember this call."""
        outputs = self.compute_output_spec(*args, **kwargs)
        Node(self, args, kwargs, outputs)
        return outputs

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """The outputs as KerasTensors: shapes and dtypes only.

        Raises:
            LamellaError: what `call` raises on inputs of such shapes.
        """
        try:
            return infer_spec(self.call, args, kwargs, drawn=self._is_one_op)
        except LamellaError:
            raise
        except Exception as error:
            shapes = [getattr(x, "shape", x) for x in _tree.flatten((args, kwargs)) if isinstance(x, KerasTensor)]
            error.add_note(f"while working out the output shape of {self.name!r} for inputs of shape {shapes}")
            raise

    def quantized_call(self, *args: Any, **kwargs: Any) -> Any:
        """The computation on quantized weights."""
        raise NotImplementedError(f"{type(self).__name__} has no quantized form.")

    def rematerialized_call(self, fn: Callable, *args: Any, **kwargs: Any) -> Callable:
        """`fn`, its intermediate values recomputed in the backward pass instead of kept."""
        return remat(functools.partial(fn, **kwargs))

    def get_config(self) -> dict:
        """The arguments that make the operation again.

        The arguments of a class that takes plain values need no `get_config` of its own: they are remembered.

        Raises:
            NotImplementedError: when an argument is not a plain value, and the class says nothing about it.
        """
        return self._with_arguments({"name": self.name})

    def _with_arguments(self, config: dict[str, Any]) -> dict[str, Any]:
        """`config`, and the arguments of the constructor that it says nothing about."""
        arguments = {k: v for k, v in self._constructor_arguments().items() if k not in config}
        for key, value in arguments.items():
            if not _is_plain(value):
                raise NotImplementedError(
                    f"The object {self.name!r} of class {type(self).__name__} was made with the argument {key}={value!r}, "
                    "which is not a plain value. Define `get_config()` in the class to return its arguments, so that "
                    "it can be saved or cloned."
                )
        return {**config, **arguments}

    def _constructor_arguments(self) -> dict[str, Any]:
        args, kwargs = self.__dict__.get("_init_arguments", ((), {}))
        try:
            bound_arguments = inspect.signature(type(self).__init__).bind(self, *args, **kwargs)
        except (TypeError, ValueError):
            return {}
        bound_arguments.apply_defaults()
        bound = bound_arguments.arguments
        out: dict[str, Any] = {}
        for key, value in list(bound.items())[1:]:
            kind = inspect.signature(type(self).__init__).parameters[key].kind
            if kind is inspect.Parameter.VAR_KEYWORD:
                out.update(value)
            elif kind is not inspect.Parameter.VAR_POSITIONAL:
                out[key] = value
        return out

    @property
    def input(self) -> Any:
        """The symbolic input of the first call, or a flat list of its inputs.

        Raises:
            NotDrawnError: when it was never called on symbolic tensors.
        """
        return _tree.one_or_all(self._first_node("input").input_tensors)

    @property
    def output(self) -> Any:
        """The symbolic output of the first call, or a flat list of its outputs.

        Raises:
            NotDrawnError: when it was never called on symbolic tensors.
        """
        return _tree.one_or_all(self._first_node("output").outputs)

    def _first_node(self, what: str) -> Node:
        if not self._inbound_nodes:
            raise NotDrawnError(
                f"The {type(self).__name__} {self.name!r} was never called on symbolic tensors, so it has no {what}."
            )
        return self._inbound_nodes[0]


def _is_plain(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return all(_is_plain(v) for v in value)
    if isinstance(value, dict):
        return all(isinstance(k, str) and _is_plain(v) for k, v in value.items())
    return value is None or isinstance(value, (str, bool, int, float))


def any_symbolic_tensors(args: tuple, kwargs: dict) -> bool:
    """Whether a `KerasTensor` stands anywhere in the arguments."""
    return any(_holds_symbolic(a) for a in args) or any(_holds_symbolic(a) for a in kwargs.values())


def _holds_symbolic(value: Any) -> bool:
    if isinstance(value, KerasTensor):
        return True
    if isinstance(value, (list, tuple)):
        return any(_holds_symbolic(v) for v in value)
    if isinstance(value, dict):
        return any(_holds_symbolic(v) for v in value.values())
    return False


def _arrays_in(values: Any) -> Any:
    for value in values:
        if isinstance(value, (list, tuple)):
            yield from _arrays_in(value)
        elif isinstance(value, dict):
            yield from _arrays_in(value.values())
        elif hasattr(value, "__lamella_array__"):
            yield value.__lamella_array__()
        else:
            yield value


class OpCall(Operation):
    """A call of an op in a functional model.

    Args:
        fn: the op.
        name: defaults to the name of the op, made unique.
        options: arguments of the op that every call takes besides its own.
    """

    _is_one_op = True

    def __init__(self, fn: Callable, name: str | None = None, options: dict | None = None):
        super().__init__(name or _names.unique_name(fn.__name__))
        self.fn = fn
        self.options = options or {}

    def call(self, *args: Any, **kwargs: Any) -> Any:
        args, kwargs = joined_arguments(self.fn, self.options, args, kwargs)
        return self.fn(*args, **kwargs)

    def get_config(self) -> dict:
        config = {"name": self.name, "op": self.fn.__name__}
        return {**config, "options": self.options} if self.options else config

    @classmethod
    def from_config(cls, config: dict) -> "OpCall":
        """The call of the op that `config` names: one of lamella's ops, nothing else."""
        try:
            return cls(operator(config["op"]), name=config.get("name"), options=config.get("options"))
        except KeyError:
            raise SerializationError(
                f"The configuration names the op {config.get('op')!r}, which does not exist."
            ) from None


def _tell_where(name: str, error: Exception, args: tuple, kwargs: dict) -> None:
    """Put the name of the op into the text of our own error that lacks it; give another's a note with the shapes."""
    if isinstance(error, LamellaError):
        if error.args and isinstance(error.args[0], str) and name not in error.args[0]:
            error.args = (f"ops.{name}: {error.args[0]}", *error.args[1:])
        return
    shapes = [str(tuple(x.shape)) for x in _tree.flatten((args, kwargs)) if hasattr(x, "shape") and hasattr(x, "dtype")]
    error.add_note(f"in ops.{name}" + (f", given arrays of shape {', '.join(shapes)}" if shapes else ""))


def op(fn: F) -> F:
    """Make a public op of a function over the active namespace.

    Called with a KerasTensor anywhere in its arguments, the op is drawn. Otherwise it runs in the library that its
    arrays belong to, by that library's override of the same name where there is one that takes these arguments
    (it returns `NotImplemented` for others).
    """
    name = fn.__name__

    @functools.wraps(fn)
    def run(*args: Any, **kwargs: Any) -> Any:
        if any_symbolic_tensors(args, kwargs):
            return OpCall(run).symbolic_call(*args, **kwargs)
        active = _registry.active()
        adapter = _registry.owner_of_any(_arrays_in((*args, *kwargs.values())))
        try:
            if adapter.several_devices:
                with _registry.use(adapter), adapter.beside(_arrays_in((*args, *kwargs.values()))):
                    return compute(adapter, args, kwargs)
            if adapter is active:
                return compute(adapter, args, kwargs)
            with _registry.use(adapter):
                return compute(adapter, args, kwargs)
        except Exception as error:
            _tell_where(name, error, args, kwargs)
            raise

    def compute(adapter: Any, args: tuple, kwargs: dict) -> Any:
        override = adapter.overrides.get(name)
        if override is not None:
            result = override(*args, **kwargs)
            if result is not NotImplemented:
                return result
        return fn(*args, **kwargs)

    run.portable = fn  # type: ignore[attr-defined]
    OPERATORS.setdefault(name, run)
    return run  # type: ignore[return-value]
