"""How the arguments of a layer's call are read: which are tensors, their shapes, their masks, and `training`."""

import contextvars
import functools
import inspect
from typing import Any

from lamella.backend import _registry
from lamella.core import _tree
from lamella.core._keras_tensor import KerasTensor
from lamella.core._masks import maker_of, mask_of, set_mask
from lamella.errors import ArgumentError

# The training mode of the outermost layer call that said one; None when nobody did.
_masked: contextvars.ContextVar[frozenset[int]] = contextvars.ContextVar("masked_tensors", default=frozenset())
_training: contextvars.ContextVar[bool | None] = contextvars.ContextVar("training", default=None)
_depth: contextvars.ContextVar[int] = contextvars.ContextVar("call_depth", default=0)


_observer: contextvars.ContextVar[Any] = contextvars.ContextVar("observer", default=None)


class observing:
    """Inside it, `told(layer, outputs)` is called after every layer call, inner layers first."""

    def __init__(self, told: Any):
        self._told = told

    def __enter__(self) -> None:
        self._token = _observer.set(self._told)

    def __exit__(self, *exc: object) -> None:
        _observer.reset(self._token)


def observer() -> Any:
    """The function that wants to be told of layer calls here, or None."""
    return _observer.get()


class CallContext:
    """One layer call inside others: knows whether it is the outermost, and passes `training` inwards.

    Args:
        training: what `training` is in the layers inside.
        masked: the `id`s of the tensors whose masks the call took as arguments: their masks are its own business.
    """

    def __init__(self, training: bool | None, masked: frozenset[int] = frozenset()):
        self.training = training
        self.masked = masked

    def __enter__(self) -> "CallContext":
        self.outermost = _depth.get() == 0
        self._tokens = (
            _depth.set(_depth.get() + 1),
            _training.set(self.training),
            _masked.set(_masked.get() | self.masked) if self.masked else None,
        )
        return self

    def __exit__(self, *exc: object) -> None:
        _depth.reset(self._tokens[0])
        _training.reset(self._tokens[1])
        if self._tokens[2] is not None:
            _masked.reset(self._tokens[2])


def is_mask_taken(tensor: Any) -> bool:
    """Whether a call around this one took the mask of `tensor` as an argument."""
    return id(tensor) in _masked.get()


def surrounding_training() -> bool | None:
    """The `training` of the call around this one."""
    return _training.get()


@functools.lru_cache(maxsize=4096)
def signature_of(function: Any) -> inspect.Signature:
    """The signature of an unbound method, `self` included."""
    return inspect.signature(function)


def is_tensor(value: Any) -> bool:
    """Whether `value` is a KerasTensor, a Variable, an array of a backend, or a NumPy array."""
    return (
        isinstance(value, KerasTensor)
        or hasattr(value, "__lamella_array__")
        or _registry.owner(value) is not None
        or (type(value).__module__ == "numpy" and hasattr(value, "shape"))
    )


def holds_tensor(value: Any) -> bool:
    """Whether a tensor stands anywhere in `value`."""
    return any(is_tensor(leaf) for leaf in _tree.flatten(value))


def refuse_plain_values(args: tuple) -> None:
    """Tell of positional arguments that are no tensors.

    Raises:
        ArgumentError: for the first number, flag or text.
    """
    for value in _tree.flatten(args):
        if isinstance(value, (bool, int, float, str)):
            raise ArgumentError(
                "Only input tensors may be passed as positional arguments. Pass this one as a keyword argument: "
                f"{value!r} (of type {type(value).__name__})."
            )


class CallArguments:
    """The arguments of one call, by the names that `call` gives them.

    Attributes:
        by_name: argument name -> value, without `training`, `mask` and `*_mask`.
        tensors: the same, only those that hold tensors.
        first: the value of the first argument.
        training: what was said of `training`, which is for the layers inside where `call` does not take it; or None.
    """

    def __init__(self, layer: Any, args: tuple, kwargs: dict):
        signature = signature_of(type(layer).call)
        said = kwargs.get("training")
        if "training" in kwargs and "training" not in signature.parameters:
            kwargs = {k: v for k, v in kwargs.items() if k != "training"}
        bound = signature.bind(layer, *args, **kwargs)
        named = dict(list(bound.arguments.items())[1:])
        for name, parameter in signature.parameters.items():
            if parameter.kind is inspect.Parameter.VAR_KEYWORD and name in named:
                named.update(named.pop(name))
            elif parameter.kind is inspect.Parameter.VAR_POSITIONAL and name in named:
                named.update({f"{name}_{i}": v for i, v in enumerate(named.pop(name))})
        self.given = named
        self.training = named.get("training", said)
        self.by_name = {k: v for k, v in named.items() if k != "training" and k != "mask" and not k.endswith("_mask")}
        self.tensors = {k: v for k, v in self.by_name.items() if holds_tensor(v)}
        self.first = next(iter(named.values()), None)
        self._layer = layer

    def shapes(self) -> dict[str, Any]:
        """`name_shape` -> shape, or structure of shapes, for each argument that holds tensors; for masks where `build` asks."""
        asked = signature_of(type(self._layer).build).parameters
        masks = {
            k: v for k, v in self.given.items() if k not in self.by_name and f"{k}_shape" in asked and holds_tensor(v)
        }
        return {f"{name}_shape": shape_structure(value) for name, value in {**self.tensors, **masks}.items()}


def shape_structure(value: Any) -> Any:
    """`value` with every tensor in it replaced by its shape."""
    if isinstance(value, dict):
        return {k: shape_structure(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [shape_structure(v) for v in value] if isinstance(value, list) else tuple(map(shape_structure, value))
    return tuple(value.shape) if is_tensor(value) else None


def training_mode(call: Any, arguments: CallArguments) -> bool | None:
    """What `training` is: as given, else as in the call around this one, else the default of `call`.

    A None that was given is kept, as in Keras: it is no answer to a call inside, but it keeps the default away.
    """
    if arguments.training is not None:
        return arguments.training
    around = surrounding_training()
    if around is not None or "training" in arguments.given:
        return around
    parameter = signature_of(call).parameters.get("training")
    if parameter is not None and parameter.default is not inspect.Parameter.empty:
        return parameter.default
    return None


def converted(policy: Any, autocast: bool, dtype: str, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
    """The arguments of a call as arrays: floating ones in `dtype` with `autocast`, all with their masks."""

    def convert(x: Any) -> Any:
        if x is None or isinstance(x, (bool, int, float, str)):
            return x
        converted = policy.convert_input(x, autocast, dtype)
        if converted is not x and (mask := mask_of(x)) is not None:
            set_mask(converted, mask, maker_of(x))  # a cast keeps the mask
        return converted

    if args and isinstance(args[0], (list, tuple)) and args[0] and _is_numbers(args[0]):
        args = (_registry.active().asarray(args[0]), *args[1:])
    return _tree.map_structure(convert, args), _tree.map_structure(convert, kwargs)


def _is_numbers(value: Any) -> bool:
    while isinstance(value, (list, tuple)) and value:
        value = value[0]
    return isinstance(value, (bool, int, float))
