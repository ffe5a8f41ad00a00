"""HDF5 files: written plainly, read with suspicion.

HDF5 can point out of itself (external links, external storage, virtual datasets), into itself in circles, and to filters
that are libraries to load; and a file of a few bytes can claim arrays of any size. What is not a plain group or a
stored array is refused by its path, before anything of it is read.
"""

import contextlib
import math
import os
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from lamella.errors import SerializationError
from lamella.saving._entries import Entry, Group, Groups, dtype_of_name, is_weight_dtype, join, split
from lamella.saving._sink import new_hdf5

__all__ = [
    "attribute",
    "child",
    "children",
    "entry_of",
    "groups_of",
    "holds",
    "open_hdf5",
    "write_array",
    "write_group",
    "write_groups",
]

_MAX_DEPTH = 100
_MAX_RATIO = 1100  # deflate makes at most 1032 bytes of one
_FILTERS = (1, 2, 3, 32000)  # deflate, shuffle, fletcher32, lzf: built in; others are libraries that HDF5 would load


@contextlib.contextmanager
def open_hdf5(path: str | os.PathLike) -> Iterator[Any]:
    """The file, for reading.

    Raises:
        SerializationError: when it is no HDF5 file, or a damaged one.
    """
    import h5py

    if not os.path.isfile(path):
        raise FileNotFoundError(f"There is no file {os.fspath(path)!r}.")
    try:
        file = h5py.File(path, "r")
    except (OSError, RuntimeError, ValueError) as error:
        raise SerializationError(f"{os.fspath(path)!r} is no HDF5 file, or a damaged one: {error}") from error
    with file:
        try:
            yield file
        except SerializationError:
            raise
        except (OSError, RuntimeError, KeyError, UnicodeError, OverflowError, MemoryError) as error:
            if isinstance(error, FileNotFoundError):
                raise
            raise SerializationError(f"The HDF5 file {os.fspath(path)!r} is damaged: {error!r}") from error


# ---- reading -----------------------------------------------------------------------------------------


def children(group: Any) -> Iterator[tuple[str, Any]]:
    """`(name, group or dataset)` of what stands in `group` itself.

    Raises:
        SerializationError: for a link that leads elsewhere.
    """
    for name in group:
        yield name, child(group, name)


def child(group: Any, name: str) -> Any:
    """The group or dataset that stands in `group` itself under `name`.

    Raises:
        SerializationError: when there is none, or a link that leads elsewhere.
    """
    import h5py
    from h5py import h5l  # pyright: ignore[reportAttributeAccessIssue]: compiled, without types

    where = f"{str(group.name).rstrip('/')}/{name}"
    if not isinstance(name, str) or name in ("", ".", "..") or "/" in name or "\\" in name:
        raise SerializationError(f"{where!r} is not a name that a file of weights may contain.")
    if not holds(group, name):
        raise SerializationError(f"The file lists {name!r}, but {group.name!r} does not contain it.")
    if group.id.links.get_info(name.encode("utf-8")).type != h5l.TYPE_HARD:
        raise SerializationError(f"{where!r} is a link to another place or file. lamella does not follow it.")
    thing = group[name]
    if isinstance(thing, h5py.Dataset):
        return checked_dataset(thing)
    if not isinstance(thing, h5py.Group):
        raise SerializationError(f"{where!r} is a {type(thing).__name__}; expected a group or an array.")
    return thing


def holds(group: Any, name: str) -> bool:
    """Whether something stands in `group` under `name`; what it leads to is not looked at."""
    import h5py

    return isinstance(group, h5py.Group) and group.id.links.exists(name.encode("utf-8"))


def checked_dataset(dataset: Any) -> Any:
    """`dataset`, if its bytes stand in this file and are as many as it claims.

    Raises:
        SerializationError: otherwise.
    """
    import h5py

    plist = dataset.id.get_create_plist()
    if plist.get_external_count():
        raise SerializationError(f"{dataset.name!r} keeps its data in another file. lamella does not open it.")
    layout = plist.get_layout()
    if layout == h5py.h5d.VIRTUAL:
        raise SerializationError(f"{dataset.name!r} is made of parts of other files. lamella does not open them.")
    filters = [plist.get_filter(i)[0] for i in range(plist.get_nfilters())]
    if foreign := [f for f in filters if f not in _FILTERS]:
        raise SerializationError(
            f"{dataset.name!r} is packed by the HDF5 filters {foreign}. Files of weights may be packed by gzip and lzf only."
        )
    if dataset.shape is None:
        raise SerializationError(f"{dataset.name!r} holds no array.")
    claimed = math.prod(dataset.shape) * dataset.id.get_type().get_size()
    stored = dataset.id.get_storage_size()
    if claimed > (stored * _MAX_RATIO if filters else stored):
        raise SerializationError(
            f"{dataset.name!r} claims {claimed} bytes (shape {dataset.shape}) but {stored} are stored. The file is damaged or "
            "made to exhaust the memory."
        )
    if layout == h5py.h5d.CHUNKED:
        chunk = math.prod(plist.get_chunk()) * dataset.id.get_type().get_size()
        if chunk > 4 * claimed + 2**20:
            raise SerializationError(
                f"{dataset.name!r} is stored in pieces of {chunk} bytes for {claimed} bytes of data."
            )
    return dataset


def entry_of(dataset: Any) -> Entry:
    """The array of a checked dataset.

    Raises:
        SerializationError: when it does not hold numbers.
    """
    dtype = dataset.dtype
    named = attribute(dataset, "dtype") if "dtype" in dataset.attrs else None
    if isinstance(named, str) and dtype.kind in "Vui":  # NumPy's files know no bfloat16: opaque bytes and its name
        real = dtype_of_name(named)
        if real.itemsize != dtype.itemsize:
            raise SerializationError(f"{dataset.name!r} calls itself {named}, with elements of {dtype.itemsize} bytes.")
    elif is_weight_dtype(dtype):
        real = dtype
    else:
        raise SerializationError(f"{dataset.name!r} holds elements of type {dtype}; expected numbers.")
    return Entry(tuple(dataset.shape), real, lambda: _read(dataset, real))


def _read(dataset: Any, dtype: np.dtype) -> np.ndarray:
    out = np.empty(dataset.shape, dataset.dtype)
    if out.size:
        dataset.read_direct(out)
    return out if out.dtype == dtype else out.view(dtype)


def groups_of(file: Any) -> Groups:
    """Every array of a file of weights, by the path of its object and its key.

    Raises:
        SerializationError: for anything that is not a plain group or stored array, or arrays in unknown places.
    """
    import h5py
    from h5py import h5o  # pyright: ignore[reportAttributeAccessIssue]: compiled, without types

    found: Groups = {}
    seen: set[Any] = set()

    def visit(group: Any, path: str, depth: int) -> None:
        address = h5o.get_info(group.id).addr
        if address in seen or depth > _MAX_DEPTH:
            raise SerializationError(f"The group {path!r} contains itself, or groups nested deeper than {_MAX_DEPTH}.")
        seen.add(address)
        for name, thing in children(group):
            where = f"{path}/{name}".lstrip("/")
            if isinstance(thing, h5py.Group):
                visit(thing, where, depth + 1)
                continue
            place = split(where)
            if place is None:
                raise SerializationError(
                    f"The file holds an array at {where!r}; those of weights stand in groups `vars`."
                )
            found.setdefault(place[0], {})[place[1]] = entry_of(thing)

    visit(file, "", 0)
    return found


def attribute(thing: Any, name: str) -> Any:
    """The attribute `name`: a string, or an array; None where there is none.

    Raises:
        SerializationError: when it claims more than the file can hold.
    """
    import h5py

    if name not in thing.attrs:
        return None
    identifier = h5py.h5a.open(thing.id, name.encode("utf-8"))
    size, whole = math.prod(identifier.shape) * identifier.get_type().get_size(), thing.file.id.get_filesize()
    if size > whole:
        raise SerializationError(f"The attribute {name!r} of {thing.name!r} claims {size} bytes in a file of {whole}.")
    value = thing.attrs[name]
    return value.decode("utf-8") if isinstance(value, bytes) else value


# ---- writing -----------------------------------------------------------------------------------------


def write_groups(path: str | os.PathLike, groups: Iterable[Group]) -> None:
    """Write a file of weights."""
    with new_hdf5(path) as file:
        for group in groups:
            write_group(file, group)


def write_group(file: Any, group: Group) -> int:
    """Write the variables of one object; returns their size in bytes."""
    where = file.require_group(f"{group.path}/vars" if group.path else "vars")
    where.attrs["name"] = group.name
    total = 0
    for key, value in group.arrays.items():
        total += write_array(where, key, value, join(group.path, key))
    return total


def write_array(group: Any, key: str, value: Any, where: str) -> int:
    """Write one array; returns its size in bytes.

    Raises:
        SerializationError: for what is no array of numbers.
    """
    array = value.numpy() if hasattr(value, "numpy") and not isinstance(value, np.ndarray) else np.asarray(value)
    if not is_weight_dtype(array.dtype):
        raise SerializationError(f"{where!r} is to be saved as {array!r} of dtype {array.dtype}; expected numbers.")
    if array.dtype.kind == "U":
        array = np.char.encode(array, "utf-8")
    if array.dtype.type.__module__ == "ml_dtypes":
        raw = array.view(f"V{array.dtype.itemsize}")
        group.create_dataset(key, data=raw).attrs["dtype"] = array.dtype.name
    else:
        group.create_dataset(key, data=array)
    return int(array.nbytes)
