"""The arguments of layers: checked where they enter, and read back for `get_config`."""

import functools
import inspect
import numbers
import types
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from lamella import activations, constraints, initializers, regularizers
from lamella.errors import ArgumentError, UnsetAttributeError

# What stands in a signature but not in a configuration: how to run, or state that the weights file carries.
_NOT_IN_CONFIG = {
    "self",
    "name",
    "dtype",
    "weights",
    "lora_rank",
    "lora_alpha",
    "gptq_unpacked_column_size",
    "use_cudnn",
    "flash_attention",
}
_FAMILIES = {
    "activation": activations,
    "initializer": initializers,
    "regularizer": regularizers,
    "constraint": constraints,
}


def options_of(layer: Any, cls: type | None = None, skip: Iterable[str] = ()) -> dict[str, Any]:
    """The arguments of the constructor of `cls`, as plain values.

    Each is read from the attribute of its name; initializers, activations and their like are serialized. Without
    `cls` it is the class of lamella that the layer is, or is derived from.
    """
    cls = cls or next(base for base in type(layer).__mro__ if base.__module__.startswith("lamella."))
    return {name: _plain(name, getattr(layer, name)) for name in _arguments(cls) if name not in skip}


@functools.cache
def _arguments(cls: type) -> tuple[str, ...]:
    parameters = inspect.signature(cls.__init__).parameters.values()
    return tuple(p.name for p in parameters if p.kind is not p.VAR_KEYWORD and p.name not in _NOT_IN_CONFIG)


def _plain(name: str, value: Any) -> Any:
    family = _FAMILIES.get(name.rpartition("_")[2])
    return family.serialize(value) if family is not None and value is not None else value


def with_defaults(init: Callable, **defaults: Any) -> Callable:
    """A copy of the constructor `init` that has other default values: families differ in little else."""
    twin = types.FunctionType(init.__code__, init.__globals__, init.__name__, closure=init.__closure__)
    twin.__kwdefaults__, twin.__annotations__ = init.__kwdefaults__, init.__annotations__
    twin.__defaults__ = tuple(
        defaults.get(p.name, p.default)
        for p in inspect.signature(init).parameters.values()
        if p.kind is p.POSITIONAL_OR_KEYWORD and (p.name in defaults or p.default is not p.empty)
    )
    return twin


def positive_integer(layer: Any, argument: str, value: Any) -> int:
    """`value` where it is an integer of at least 1.

    Raises:
        ArgumentError: where it is not, naming the layer and the argument.
    """
    try:
        number = value.__index__()
    except AttributeError:
        number = 0
    if number <= 0 or isinstance(value, bool):
        raise ArgumentError(
            f"Received an invalid value for `{argument}` of {label(layer)}, expected a positive integer. "
            f"Received: {argument}={value!r}"
        )
    return number


def fraction(layer: Any, argument: str, value: Any) -> Any:
    """`value` where it is a number from 0 to 1.

    Raises:
        ArgumentError: where it is not, naming the layer and the argument.
    """
    if not isinstance(value, numbers.Real) or not 0 <= float(value) <= 1:
        raise ArgumentError(
            f"Invalid value received for argument `{argument}` of {label(layer)}. Expected a float value "
            "between 0 "
            f"and 1. Received: {argument}={value!r}"
        )
    return value if isinstance(value, int) else float(value)


def sizes(layer: Any, argument: str, value: Any, rank: int, minimum: int = 1) -> tuple[int, ...]:
    """`value`, an integer or a sequence of `rank` of them, as a tuple of `rank` integers.

    Raises:
        ArgumentError: where it is neither, or a size is smaller than `minimum`.
    """
    given = value if isinstance(value, (tuple, list)) else (value,) * rank
    if len(given) != rank or not all(
        hasattr(n, "__index__") and not isinstance(n, bool) and n >= minimum for n in given
    ):
        raise ArgumentError(
            f"The `{argument}` argument of {label(layer)} must be an integer, or a tuple of {rank} "
            "integers, of at least "
            f"{minimum}. Received: {argument}={value!r}"
        )
    return tuple(n.__index__() for n in given)


def no_wrapping(layer: Any, **options: Any) -> None:
    """Refuse the arguments of LoRA and quantization, which wrap a layer rather than stand in it.

    Raises:
        ArgumentError: when one is not None.
    """
    for argument, value in options.items():
        if value is not None:
            raise ArgumentError(
                f"{label(layer)} got {argument}={value!r}; low-rank adaptation and quantization are not "
                "available yet. "
                f"Leave `{argument}` at None."
            )


class declared:
    """An attribute that each instance sets and the class already names: asked for too early, it says what is missing."""

    def __init__(self, set_by: str = "__init__"):
        self._set_by = set_by

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, layer: Any, cls: type | None = None) -> Any:
        if layer is None:
            return self
        how = "build the layer" if self._set_by == "build" else "call `super().__init__()`"
        raise UnsetAttributeError(f"You must {how} before accessing `{self._name}` of {label(layer)}.")


def label(layer: Any) -> str:
    """How messages call a layer: its class, and its name where it has one by now."""
    name = getattr(layer, "name", None)
    return f"{type(layer).__name__} {name!r}" if name else type(layer).__name__


def integer_axes(layer: Any, axis: Any) -> Any:
    """`axis` as an int, or a list of them.

    Raises:
        TypeError: when it is neither.
    """
    if isinstance(axis, numbers.Integral) and not isinstance(axis, bool):
        return int(axis)
    if isinstance(axis, Sequence) and not isinstance(axis, str) and all(isinstance(a, numbers.Integral) for a in axis):
        return [int(a) for a in axis]
    raise TypeError(
        f"Invalid value for the `axis` argument of {label(layer)}: expected an int or a list/tuple of ints. "
        f"Received: axis={axis!r}"
    )


def axis_within(layer: Any, axis: int, shape: Sequence) -> int:
    """`axis` counted from the front of `shape`.

    Raises:
        ArgumentError: when there is no such axis.
    """
    if not -len(shape) <= axis < len(shape):
        raise ArgumentError(
            f"{label(layer)} has axis={axis}, but its input has {len(shape)} axes: shape {tuple(shape)}."
        )
    return axis % len(shape)
