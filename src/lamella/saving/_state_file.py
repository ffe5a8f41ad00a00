"""The state of a training run as a file: a tree of dicts, lists, numbers, texts and arrays.

The file is a zip archive, whose checksums tell a damaged one: `state.json`, in which `{"array": 3}` stands for an array
and `{"dict": {...}}` for a dict, and the arrays as NumPy's own files, `arrays/3.npy`.
"""

import json
import os
import zipfile
from typing import Any, NamedTuple

import numpy as np

from lamella.core._damaged import parse_json
from lamella.errors import ArgumentError, SerializationError
from lamella.saving._archive import open_archive
from lamella.saving._atomic import replacing
from lamella.saving._flat import npy_entry, write_npy

__all__ = ["STATE_NAME", "PackedState", "pack_state", "read_state", "write_state"]

_FORMAT = "lamella-state"
STATE_NAME = "state.json"


class PackedState(NamedTuple):
    """A state that is ready to be written: what JSON can say of it, and its arrays."""

    tree: Any
    arrays: list[np.ndarray]


def pack_state(state: Any) -> PackedState:
    """The state with lists and dicts of its own; its arrays are not copied.

    Raises:
        ArgumentError: when it holds anything else than dicts with texts as keys, lists, numbers, texts, None and arrays of
            numbers; it names the place and the type.
    """
    arrays: list[np.ndarray] = []
    return PackedState(_plain(state, arrays, "state"), arrays)


def write_state(path: str | os.PathLike, state: PackedState) -> None:
    """Write a state to a file: complete, or not at all.

    Raises:
        OSError: when it cannot be written; nothing is left behind then.
    """
    text = json.dumps({"format": _FORMAT, "version": 1, "state": state.tree})
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as file:
        file.writestr(zipfile.ZipInfo(STATE_NAME), text)
        for i, array in enumerate(state.arrays):
            write_npy(file, f"arrays/{i}", array)


def _plain(value: Any, arrays: list[np.ndarray], where: str) -> Any:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple)):
        return [_plain(v, arrays, f"{where}[{i}]") for i, v in enumerate(value)]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {"dict": {key: _plain(v, arrays, f"{where}[{key!r}]") for key, v in value.items()}}
    if isinstance(value, (np.ndarray, np.generic)) and not value.dtype.hasobject:
        arrays.append(np.asarray(value))
        return {"array": len(arrays) - 1}
    raise ArgumentError(
        f"{where} is {value!r} of type {type(value).__name__}. The state of training may hold dicts with texts as keys, lists, "
        "numbers, texts, None and NumPy arrays."
    )


def read_state(path: str | os.PathLike) -> Any:
    """The state in a file.

    Raises:
        SerializationError: when it is no such file, or a damaged one.
    """
    name = os.fspath(path)
    if not os.path.isfile(path):
        raise FileNotFoundError(f"There is no file {name!r}.")
    with open_archive(path) as archive:
        members = set(archive.names())
        if STATE_NAME not in members:
            raise SerializationError(f"{name!r} holds no {STATE_NAME}, so it is no state of training.")
        whole = parse_json(archive.read(STATE_NAME), f"The {STATE_NAME} of {name!r}")
        if not isinstance(whole, dict) or whole.get("format") != _FORMAT or whole.get("version") != 1:
            raise SerializationError(f"{name!r} is no state of training that this version of lamella wrote.")

        def array(number: Any) -> np.ndarray:
            found = [m for m in members if m.partition("|")[0].removesuffix(".npy") == f"arrays/{number}"]
            if not isinstance(number, int) or not found:
                raise SerializationError(f"{name!r} lacks the array {number!r}.")
            special = found[0].removesuffix(".npy").partition("|")[2]
            return npy_entry(archive, found[0], special).read()

        def full(value: Any) -> Any:
            if isinstance(value, list):
                return [full(v) for v in value]
            if not isinstance(value, dict):
                return value
            if set(value) == {"array"}:
                return array(value["array"])
            if set(value) == {"dict"} and isinstance(value["dict"], dict):
                return {key: full(v) for key, v in value["dict"].items()}
            raise SerializationError(f"The {STATE_NAME} of {name!r} is none of lamella: {str(value)[:100]}.")

        try:
            return full(whole.get("state"))
        except RecursionError:
            raise SerializationError(f"The {STATE_NAME} of {name!r} is nested too deeply.") from None
