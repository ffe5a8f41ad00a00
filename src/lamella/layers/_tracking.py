"""What a layer holds: the variables, layers, metrics and seed generators found in its attributes.

Attributes are looked at when asked, so nothing needs wrapping: a list of layers is a list, and what is appended to it
later counts. Classes say what they are by `_tracked_as`.
"""

from collections.abc import Iterator
from types import FunctionType, MethodType
from typing import Any

from lamella.core._variable import Variable

_HOLD_NOTHING = {type(None), bool, int, float, str, FunctionType, MethodType}  # most attributes, passed over early


def held_by(owner: Any, kind: str) -> list:
    """The objects of `kind` ("layers", "metrics", "seed_generators", "variables") in the attributes of `owner`.

    Lists, tuples, sets and dicts are searched to any depth. Each object counts once, in the order of the attributes.
    """
    skip = owner._untracked
    found: dict[int, Any] = {}
    seen: set[int] = set()
    for name, value in list(vars(owner).items()):
        if type(value) not in _HOLD_NOTHING and name not in skip:
            for item in _search(value, kind, seen):
                if item is not owner:
                    found.setdefault(id(item), item)
    return list(found.values())


def _search(value: Any, kind: str, seen: set[int]) -> Iterator[Any]:
    if getattr(type(value), "_tracked_as", None) == kind or (kind == "variables" and isinstance(value, Variable)):
        yield value
    elif isinstance(value, (list, tuple, set, frozenset)):
        if value and id(value) not in seen:
            seen.add(id(value))
            for item in value:
                yield from _search(item, kind, seen)
    elif isinstance(value, dict) and value and id(value) not in seen:
        seen.add(id(value))
        for item in value.values():
            yield from _search(item, kind, seen)


def holds_state(value: Any) -> bool:
    """Whether `value` is, or a collection that holds, a variable, layer, metric or seed generator."""
    kinds = ("variables", "layers", "metrics", "seed_generators")
    return any(True for kind in kinds for _ in _search(value, kind, set()))


def unique(items: Any) -> list:
    """`items` without repetitions (by identity), in order."""
    return list({id(item): item for item in items}.values())
