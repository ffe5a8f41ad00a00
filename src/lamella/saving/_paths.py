"""Where each thing that has state stands in a file: the attributes by which one reaches it from the model.

The paths are those of Keras 3, as its files show them. `model.encoder.dense` is `encoder/dense`; what stands in a list,
a tuple, a set or a dict is named by its class and numbered (`blocks/dense`, `blocks/dense_1`), whatever its own name; a
collection within a collection is a `container`. The layers of a drawn model and of a stack stand under `layers`, whatever
attributes hold them, too; those of other models where no attribute reached them earlier (in the order of the names, private
ones last). Everything is visited once.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lamella.core import _names
from lamella.errors import ArgumentTypeError
from lamella.layers._layer import Layer
from lamella.models._functional import Functional
from lamella.models._model import Model
from lamella.models._sequential import Sequential
from lamella.optimizers._optimizer import Optimizer
from lamella.random._seed import SeedGenerator

__all__ = ["as_path", "stateful_objects"]

# What the bases define is known: of it, only these lead to something that is saved.
_OF_BASES = ("layers", "optimizer", "inner_optimizer")
_BASES = (Layer, Model, Functional, Sequential, Optimizer)
_HIDDEN = {"_stack", "_functional", "_function", "_trainable_variables", "_variables", "_undecayed"}


def as_path(filepath: Any) -> Path:
    """The place in the file system that the user named.

    Raises:
        ArgumentTypeError: for what is no string and no `os.PathLike`.
    """
    if not isinstance(filepath, (str, os.PathLike)):
        raise ArgumentTypeError(
            f"`filepath` must be a string or a path; got {filepath!r} of type {type(filepath).__name__}."
        )
    return Path(filepath)


def stateful_objects(root: Any) -> Iterator[tuple[str, Any]]:
    """`(path, object)` of the root (path "") and every layer, optimizer and seed generator that it holds."""
    yield from _visit(root, "", {})


def _visit(thing: Any, path: str, seen: dict[int, Any]) -> Iterator[tuple[str, Any]]:
    seen[id(thing)] = thing
    yield path, thing
    if isinstance(thing, SeedGenerator):
        return
    saved_as = getattr(thing, "_saved_as", {})
    for name in _in_order(thing, _attributes(thing)):
        try:
            value = getattr(thing, name)
        except Exception:  # a property that cannot be asked now holds nothing now
            continue
        where = f"{path}/{saved_as.get(name, name)}".lstrip("/")
        if _has_state(value):
            if id(value) not in seen:
                yield from _visit(value, where, seen)
        elif isinstance(value, _COLLECTIONS):
            yield from _visit_collection(value, where, seen)


def _in_order(thing: Any, names: set[str]) -> list[str]:
    first = "layers" if isinstance(thing, (Functional, Sequential)) else None
    return sorted(names, key=lambda name: (name != first, name.startswith("_"), name))


_COLLECTIONS = (list, tuple, dict, set, frozenset)


def _visit_collection(collection: Any, path: str, seen: dict[int, Any]) -> Iterator[tuple[str, Any]]:
    if id(collection) in seen:  # collections may hold themselves
        return
    seen[id(collection)] = collection
    items = collection.values() if isinstance(collection, dict) else collection
    if isinstance(collection, (set, frozenset)):
        items = sorted((i for i in items if _has_state(i)), key=lambda i: i.name)
    counts: dict[str, int] = {}
    for item in list(items):
        if not _has_state(item) and not isinstance(item, _COLLECTIONS):
            continue
        name = _names.snake_case(type(item).__name__) if _has_state(item) else "container"
        number = counts.get(name, 0)
        counts[name] = number + 1
        where = f"{path}/{name}_{number}" if number else f"{path}/{name}"
        if not _has_state(item):
            yield from _visit_collection(item, where, seen)
        elif id(item) not in seen:
            yield from _visit(item, where, seen)


def _has_state(value: Any) -> bool:
    return isinstance(value, (Layer, Optimizer, SeedGenerator))


def _attributes(thing: Any) -> set[str]:
    """The names of attributes and properties that may lead to state."""
    untracked = getattr(thing, "_untracked", frozenset())
    names = {name for name in vars(thing) if name not in untracked and name not in _HIDDEN}
    for cls in type(thing).__mro__:
        if cls not in _BASES and cls.__module__ != "builtins":
            names |= {n for n, value in vars(cls).items() if isinstance(value, property) and not n.startswith("__")}
    names -= _PROPERTIES_OF_BASES
    return names | {name for name in _OF_BASES if hasattr(type(thing), name) or name in vars(thing)}


_PROPERTIES_OF_BASES = {
    name for base in _BASES for cls in base.__mro__ for name, value in vars(cls).items() if isinstance(value, property)
}
