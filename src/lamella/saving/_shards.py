"""Weights in several `.weights.h5` files, and the `.weights.json` file that says which stands where."""

import contextlib
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from lamella.core._damaged import parse_json
from lamella.errors import ArgumentError, SerializationError
from lamella.saving._archive import MAX_TEXT, safe_name
from lamella.saving._atomic import replacing
from lamella.saving._entries import Group, Groups
from lamella.saving._hdf5 import groups_of, open_hdf5, write_group
from lamella.saving._sink import new_hdf5

__all__ = ["open_shards", "write_shards"]

_GIGABYTE = 1024**3


def write_shards(path: Path, groups: Iterable[Group], max_shard_size: float) -> None:
    """Write `NAME_00000.weights.h5`, ... and at last the index `NAME.weights.json`.

    Args:
        path: of the index.
        groups: what to write.
        max_shard_size: the most bytes of arrays in one file, in GB. An array is never divided.
    """
    if isinstance(max_shard_size, bool) or not isinstance(max_shard_size, (int, float)) or max_shard_size <= 0:
        raise ArgumentError(f"`max_shard_size` must be a positive number of gigabytes; got {max_shard_size!r}.")
    limit = max_shard_size * _GIGABYTE
    stem = path.name.removesuffix(".weights.json")
    weight_map: dict[str, list[str]] = {}
    total = number = size = 0
    with contextlib.ExitStack() as stack:
        file: Any = None

        def next_file() -> Any:
            nonlocal number, size
            name = f"{stem}_{number:05d}.weights.h5"
            number, size = number + 1, 0
            temporary = stack.enter_context(replacing(path.with_name(name)))
            return name, stack.enter_context(new_hdf5(temporary))

        name, file = next_file()
        for group in groups:
            pieces: dict[str, Any] = group.arrays or {}
            for key, value in list(pieces.items()) or [(None, None)]:
                nbytes = int(getattr(value, "nbytes", 0))
                if size and size + nbytes > limit:
                    name, file = next_file()
                part = Group(group.path, group.name, {} if key is None else {key: value})
                write_group(file, part)
                size, total = size + nbytes, total + nbytes
                where = weight_map.setdefault(f"/{group.path}/vars".replace("//", "/"), [])
                if name not in where:
                    where.append(name)
    index = {"metadata": {"total_size": total}, "weight_map": {k: v for k, v in weight_map.items() if v}}
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(index, indent=4), encoding="utf-8")


@contextlib.contextmanager
def open_shards(path: str | os.PathLike) -> Iterator[Groups]:
    """The arrays of all files that the index at `path` names; they stand beside it.

    Raises:
        SerializationError: when the index is not one, or names a file elsewhere.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {str(path)!r}.")
    if path.stat().st_size > MAX_TEXT:
        raise SerializationError(f"{str(path)!r} has {path.stat().st_size} bytes; an index has at most {MAX_TEXT}.")
    index = parse_json(path.read_bytes(), f"{str(path)!r}")
    weight_map = index.get("weight_map") if isinstance(index, dict) else None
    if not isinstance(weight_map, dict):
        raise SerializationError(f"{str(path)!r} is no index of weights: it has no `weight_map`.")
    names: dict[str, None] = {}
    for value in weight_map.values():
        for name in value if isinstance(value, list) else [value]:
            if not isinstance(name, str) or safe_name(name) != Path(name).name or not name.endswith(".weights.h5"):
                raise SerializationError(
                    f"{str(path)!r} names the file {name!r}; parts are '.weights.h5' files beside it."
                )
            names.setdefault(name)
    with contextlib.ExitStack() as stack:
        found: Groups = {}
        for name in names:
            part = path.with_name(name)
            if part.is_symlink():
                raise SerializationError(f"{str(part)!r} is a link. lamella does not follow it.")
            for group, entries in groups_of(stack.enter_context(open_hdf5(part))).items():
                found.setdefault(group, {}).update(entries)
        yield found
