"""Ops under the names that the files of Keras give them.

A drawn model of Keras holds a class for each op (`Sum`, made with its options, called on its tensors); here an op is a
function. The table says, for each op, the module and the class that stand for it in a configuration, and which of its
arguments are options of the class. Nothing is looked up but the table.
"""

import functools
import inspect
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

_PACKAGE = "keras.src.ops."


class OperationName(NamedTuple):
    """What Keras calls an op, and which arguments belong to its class rather than to its call."""

    module: str
    class_name: str
    options: tuple[str, ...]


@functools.cache
def _by_op() -> dict[str, OperationName]:
    text = Path(__file__).with_name("_keras_operations.json").read_text(encoding="utf-8")
    return {op: OperationName(_PACKAGE + m, c, tuple(options)) for op, (m, c, options) in json.loads(text).items()}


@functools.cache
def _by_class() -> dict[str, str]:
    return {name.class_name: op for op, name in _by_op().items()}


def name_of_op(op: str) -> OperationName | None:
    """What Keras calls the op, or None where it has no class for it."""
    return _by_op().get(op)


def op_of_class(module: Any, class_name: Any, config: Any) -> str | None:
    """The op that a configuration of Keras means, or None where it means something else.

    Files of the old kind name no module; a layer's configuration then says `trainable`, that of an op does not.
    """
    if not isinstance(class_name, str):
        return None
    if isinstance(module, str):
        return _by_class().get(class_name) if module.startswith(_PACKAGE) else None
    alone = module is None and isinstance(config, dict) and "trainable" not in config and "batch_shape" not in config
    return _by_class().get(class_name) if alone else None


def split_arguments(fn: Callable, options: dict, args: tuple, kwargs: dict) -> tuple[dict, list, dict] | None:
    """`(options, args, kwargs)` as Keras splits the arguments of an op; None where it has no class for it.

    Args:
        fn: the op.
        options: arguments that it was made with.
        args, kwargs: those of the call.
    """
    name = name_of_op(fn.__name__)
    if name is None:
        return None
    args, kwargs = joined_arguments(fn, options, args, kwargs)
    bound = inspect.signature(fn).bind(*args, **kwargs).arguments
    kinds = {p.name: p.kind for p in inspect.signature(fn).parameters.values()}
    made = {key: value for key, value in bound.items() if key in name.options}
    rest: list = []
    named: dict = {}
    for key, value in bound.items():
        if key in made:
            continue
        if kinds[key] is inspect.Parameter.VAR_POSITIONAL:
            rest += value
        elif kinds[key] is inspect.Parameter.VAR_KEYWORD:
            named.update(value)
        elif kinds[key] is inspect.Parameter.KEYWORD_ONLY or named or _gap(bound, kinds, key, made):
            named[key] = value
        else:
            rest.append(value)
    return made, rest, named


def _gap(bound: dict, kinds: dict, key: str, made: dict) -> bool:
    """Whether an argument before `key` was not given, so that `key` must be named."""
    for other in kinds:
        if other == key:
            return False
        if other not in bound and other not in made:
            return True
    return False


def joined_arguments(fn: Callable, options: dict, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
    """The arguments of `fn`: `args` fill the parameters that `options` do not name, in order."""
    if not options:
        return args, kwargs
    left = list(args)
    filled: list = []
    waiting = dict(options)
    for parameter in inspect.signature(fn).parameters.values():
        if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
            filled += left
            left = []
        elif parameter.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD and parameter.name in waiting and left:
            filled.append(waiting.pop(parameter.name))
        elif parameter.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD and parameter.name in waiting:
            break
        elif left:
            filled.append(left.pop(0))
        else:
            break
    return (*filled, *left), {**waiting, **kwargs}
