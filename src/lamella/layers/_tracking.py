"""What a layer holds: the variables, layers, metrics and seed generators found in its attributes.

Attributes are looked at when asked, so nothing needs wrapping: a list of layers is a list, and what is appended to it
later counts. Classes say what they are by `_tracked_as`. What was found is kept until other objects stand there: a
model asks for its variables several times an epoch.
"""

from collections.abc import Collection
from types import FunctionType, MethodType
from typing import Any

from lamella.core._variable import Variable

_HOLD_NOTHING = {type(None), bool, int, float, str, FunctionType, MethodType}  # most attributes, passed over early
_COLLECTIONS = (list, tuple, set, frozenset, dict)


def held_by(owner: Any, kind: str) -> list:
    """The objects of `kind` ("layers", "metrics", "seed_generators", "variables", "optimizers") that `owner` holds.

    Lists, tuples, sets and dicts among its attributes are searched to any depth. Each object counts once, in the order
    of the attributes.
    """
    attributes = vars(owner)
    found = attributes.get("_held")
    if found is None:
        found = attributes["_held"] = _Held()
    if not found.holds_for(attributes.values()):
        found.search(owner)
    return list(found.by_kind.get(kind, ()))


class _Held:
    """What a search found, and the objects that stood in the attributes and collections then.

    An object is recognised by its identity and its type. What was found, and every collection, is held here and so keeps
    its identity to itself; anything else that takes over an identity with the type holds nothing either.
    """

    __slots__ = ("by_kind", "collections", "sight")

    def __init__(self) -> None:
        self.sight: Any = None
        self.collections: list[tuple[Any, Any]] = []
        self.by_kind: dict[str, list] = {}

    def __reduce__(self) -> tuple:
        return (_Held, ())  # a copy of the owner looks for itself

    def holds_for(self, values: Collection) -> bool:
        return self.sight == _sight(values) and all(sight == _sight(_items(c)) for c, sight in self.collections)

    def search(self, owner: Any) -> None:
        by_kind: dict[str, dict[int, Any]] = {}
        seen: dict[int, Any] = {id(owner): owner}
        attributes = dict(vars(owner))
        for name, value in attributes.items():
            if type(value) not in _HOLD_NOTHING and name not in owner._untracked:
                _search(value, by_kind, seen)
        self.by_kind = {kind: list(items.values()) for kind, items in by_kind.items()}
        self.collections = [(c, _sight(_items(c))) for c in seen.values() if isinstance(c, _COLLECTIONS)]
        self.sight = _sight(attributes.values())


def _sight(values: Collection) -> tuple[list[int], list[type]]:
    return list(map(id, values)), list(map(type, values))


def _items(collection: Any) -> Collection:
    return collection.values() if isinstance(collection, dict) else collection


def _search(value: Any, by_kind: dict[str, dict[int, Any]], seen: dict[int, Any]) -> None:
    """Add what `value` is, or holds as a collection, to `by_kind`; `seen` has all that was looked at, by identity."""
    if id(value) in seen:
        return
    kind = "variables" if isinstance(value, Variable) else getattr(type(value), "_tracked_as", None)
    if kind is not None:
        seen[id(value)] = value
        by_kind.setdefault(kind, {})[id(value)] = value
    elif isinstance(value, _COLLECTIONS):
        seen[id(value)] = value
        for item in _items(value):
            if type(item) not in _HOLD_NOTHING:
                _search(item, by_kind, seen)


def holds_state(value: Any) -> bool:
    """Whether `value` is, or a collection that holds, a variable, layer, metric or seed generator."""
    by_kind: dict[str, dict[int, Any]] = {}
    _search(value, by_kind, {})
    return bool(by_kind.keys() & {"variables", "layers", "metrics", "seed_generators"})


def unique(items: Any) -> list:
    """`items` without repetitions (by identity), in order."""
    return list({id(item): item for item in items}.values())
