"""Values under names, as attributes or keys: the settings of an experiment."""

import json
from collections.abc import ItemsView, Iterator, KeysView, ValuesView
from typing import Any

from lamella.errors import ArgumentError, MissingNameError

__all__ = ["Config"]


class Config:
    """Values under names, read and written as attributes or as in a dictionary; it can be frozen, and becomes JSON.

    Args:
        **kwargs: the first names and values.

    Example:
        >>> import lamella
        >>> config = lamella.utils.Config(learning_rate=0.1)
        >>> config.batch_size = 32
        >>> config["learning_rate"], config.to_json()
        (0.1, '{"learning_rate": 0.1, "batch_size": 32}')
    """

    def __init__(self, **kwargs: Any):
        vars(self).update(_values=dict(kwargs), _frozen=False)

    @property
    def frozen(self) -> bool:
        """Whether nothing may be changed."""
        return self._frozen

    def freeze(self) -> None:
        """Refuse changes from now on."""
        vars(self)["_frozen"] = True

    def unfreeze(self) -> None:
        """Allow changes again."""
        vars(self)["_frozen"] = False

    def _writable(self) -> dict:
        if self._frozen:
            raise ArgumentError("Cannot mutate attribute(s) because the config is frozen. Call `unfreeze()` before.")
        return self._values

    def as_dict(self) -> dict:
        """A copy as a dictionary."""
        return dict(self._values)

    def to_json(self) -> str:
        """The names and values as JSON.

        Raises:
            TypeError: for a value that JSON does not have.
        """
        return json.dumps(self._values)

    def keys(self) -> KeysView:
        """The names."""
        return self._values.keys()

    def values(self) -> ValuesView:
        """The values."""
        return self._values.values()

    def items(self) -> ItemsView:
        """Pairs of names and values."""
        return self._values.items()

    def pop(self, *args: Any) -> Any:
        """Take a name out and return its value, or, where there is none, the second argument."""
        return self._writable().pop(*args)

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Take over the names and values of a dictionary."""
        self._writable().update(*args, **kwargs)

    def get(self, keyname: str, value: Any = None) -> Any:
        """The value of a name, or, where there is none, `value`."""
        return self._values.get(keyname, value)

    def __getattr__(self, name: str) -> Any:
        values = vars(self).get("_values", {})
        if name not in values:
            raise MissingNameError(f"Unknown attribute: {name!r}. The config has {list(values)}.")
        return values[name]

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(getattr(type(self), name, None), property):
            raise AttributeError(f"property {name!r} of 'Config' object has no setter")
        self._writable()[name] = value

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._writable()[key] = value

    def __delitem__(self, key: str) -> None:
        del self._writable()[key]

    def __contains__(self, key: object) -> bool:
        return key in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"<Config {self._values}>"
