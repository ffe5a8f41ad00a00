"""What a file of weights holds, whatever its format: named groups of arrays, looked at before they are read."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from lamella.errors import SerializationError

__all__ = ["Entry", "Group", "Groups", "Store", "dtype_of_name", "is_weight_dtype", "join", "split"]


class Group(NamedTuple):
    """The variables of one object, to be written: where it stands, what it is called, its arrays by key."""

    path: str
    name: str
    arrays: dict[str, Any]


@dataclass(frozen=True)
class Entry:
    """One array in a file: its shape and dtype, which cost nothing, and how to read it.

    Attributes:
        shape: its shape.
        dtype: its NumPy dtype (of `ml_dtypes` for bfloat16 and float8).
        load: reads it.
    """

    shape: tuple[int, ...]
    dtype: np.dtype
    load: Callable[[], np.ndarray]

    @property
    def nbytes(self) -> int:
        """Its size in memory, in bytes."""
        return math.prod(self.shape) * self.dtype.itemsize

    def read(self) -> np.ndarray:
        """The array."""
        return self.load()


Groups = dict[str, dict[str, Entry]]


class Store(Mapping):
    """A group as `load_own_variables` sees it: keys, and arrays that are read when asked for."""

    def __init__(self, entries: dict[str, Entry]):
        self._entries = entries

    def __getitem__(self, key: str) -> np.ndarray:
        return self._entries[key].read()

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


def join(path: str, key: str) -> str:
    """Where the array `key` of the object at `path` stands in a file."""
    return f"{path}/vars/{key}" if path else f"vars/{key}"


def split(full: str) -> tuple[str, str] | None:
    """`(path, key)` of what `join` made; None for anything else."""
    path, _, key = full.rpartition("/")
    if path == "vars":
        return "", key
    return (path.removesuffix("/vars"), key) if path.endswith("/vars") else None


def dtype_of_name(name: str) -> np.dtype:
    """The NumPy dtype of a name such as "bfloat16".

    Raises:
        SerializationError: for the name of no dtype of numbers.
    """
    import ml_dtypes

    try:
        dtype = np.dtype(getattr(ml_dtypes, name) if hasattr(ml_dtypes, name) else name)
    except (TypeError, ValueError) as error:
        raise SerializationError(f"The file names the dtype {name!r}, which does not exist.") from error
    if not is_weight_dtype(dtype):
        raise SerializationError(f"The file names the dtype {name!r}, which is not one of weights.")
    return dtype


def is_weight_dtype(dtype: np.dtype) -> bool:
    """Whether arrays of it are plain numbers or bytes: no objects, no structures."""
    if dtype.hasobject or dtype.names is not None or dtype.subdtype is not None:
        return False
    return dtype.kind in "biufcSU" or dtype.type.__module__ == "ml_dtypes"
