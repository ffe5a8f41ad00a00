"""Weights as one flat table of arrays: `.npz` and `.safetensors` files, keyed as `.weights.h5` files are."""

import contextlib
import json
import math
import os
import struct
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from lamella.errors import SerializationError
from lamella.saving._archive import Archive, open_archive
from lamella.saving._entries import Entry, Group, Groups, dtype_of_name, is_weight_dtype, join, split

__all__ = ["npy_entry", "open_npz", "open_safetensors", "write_npy", "write_npz", "write_safetensors"]


# ---- .npz: a zip archive of NumPy's own files ----------------------------------------------------------

_MAX_HEADER = 10_000  # as NumPy


def write_npz(path: str | os.PathLike, groups: Iterable[Group]) -> None:
    """Write the groups, array by array; NumPy knows no bfloat16, so its name stands in the key: `key|bfloat16`."""
    import zipfile

    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED, allowZip64=True) as file:
        for group in groups:
            for key, value in group.arrays.items():
                write_npy(file, join(group.path, key), value)


def write_npy(file: Any, name: str, value: Any) -> None:
    """Write one array into an open archive.

    Raises:
        SerializationError: for what is no array of numbers.
    """
    array = np.asarray(value)
    if not is_weight_dtype(array.dtype):
        raise SerializationError(f"{name!r} is to be saved as dtype {array.dtype}; expected numbers.")
    if array.dtype.type.__module__ == "ml_dtypes":
        name, array = f"{name}|{array.dtype.name}", array.view(f"u{array.dtype.itemsize}")
    with file.open(f"{name}.npy", "w", force_zip64=True) as member:
        np.lib.format.write_array(member, np.asanyarray(array), allow_pickle=False)


@contextlib.contextmanager
def open_npz(path: str | os.PathLike) -> Iterator[Groups]:
    """The arrays of the file, looked at but not read.

    Raises:
        SerializationError: when it is no such file, or holds objects, or a header that lies about its size.
    """
    if not os.path.isfile(path):
        raise FileNotFoundError(f"There is no file {os.fspath(path)!r}.")
    with open_archive(path) as archive:
        groups: Groups = {}
        for name in archive.names():
            full, _, special = name.removesuffix(".npy").partition("|")
            place = split(full)
            if place is None or not name.endswith(".npy"):
                raise SerializationError(
                    f"{os.fspath(path)!r} holds {name!r}; arrays of weights are called '.../vars/0'."
                )
            groups.setdefault(place[0], {})[place[1]] = npy_entry(archive, name, special)
        yield groups


def npy_entry(archive: Archive, name: str, special: str) -> Entry:
    """The array in the member `name`, looked at but not read; `special` names a dtype that NumPy does not know.

    Raises:
        SerializationError: when it holds objects, or a header that lies about its size.
    """
    try:
        with archive._opened(name) as source:
            version = np.lib.format.read_magic(source)
            read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[version]
            shape, fortran, dtype = read(source, max_header_size=_MAX_HEADER)  # type: ignore[call-arg]
            start = source.tell()
    except SerializationError:
        raise
    except Exception as error:
        raise SerializationError(f"The array {name!r} has a header that cannot be read: {error}") from error
    real = dtype_of_name(special) if special else dtype
    if not is_weight_dtype(dtype) or real.itemsize != dtype.itemsize:
        raise SerializationError(
            f"The array {name!r} holds elements of type {dtype}. lamella reads numbers, and never unpickles."
        )
    claimed = math.prod(shape) * dtype.itemsize
    if any(n < 0 for n in shape) or claimed != archive.size(name) - start:
        raise SerializationError(f"The array {name!r} claims {claimed} bytes; {archive.size(name) - start} are there.")

    def load() -> np.ndarray:
        data = archive.read(name, limit=start + claimed)[start:]
        if len(data) != claimed:
            raise SerializationError(f"The array {name!r} is cut off.")
        array = np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C")
        return array.view(real) if special else array

    return Entry(tuple(shape), real, load)


# ---- .safetensors --------------------------------------------------------------------------------------

_SAFE_DTYPES = {
    "BOOL": "bool", "U8": "uint8", "I8": "int8", "U16": "uint16", "I16": "int16", "U32": "uint32", "I32": "int32",
    "U64": "uint64", "I64": "int64", "F16": "float16", "BF16": "bfloat16", "F32": "float32", "F64": "float64",
    "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2", "C64": "complex64",
}  # fmt: skip


def write_safetensors(path: str | os.PathLike, groups: Iterable[Group]) -> None:
    """Write the groups as one file of named tensors."""
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    tensors: dict[str, Any] = {}
    for group in groups:
        for key, value in group.arrays.items():
            array = np.ascontiguousarray(value).reshape(np.shape(value))
            if array.dtype.name not in _SAFE_DTYPES.values():
                raise SerializationError(
                    f"{join(group.path, key)!r} has dtype {array.dtype}, which safetensors cannot hold."
                )
            tensors[join(group.path, key)] = array
    try:
        save_file(tensors, os.fspath(path), metadata={"format": "np"})
    except SafetensorError as error:
        raise OSError(f"{os.fspath(path)!r} could not be written: {error}") from error


@contextlib.contextmanager
def open_safetensors(path: str | os.PathLike) -> Iterator[Groups]:
    """The tensors of the file, looked at but not read.

    Raises:
        SerializationError: when it is no such file, or a damaged one.
    """
    from safetensors import SafetensorError, safe_open

    if not os.path.isfile(path):
        raise FileNotFoundError(f"There is no file {os.fspath(path)!r}.")
    try:
        with safe_open(os.fspath(path), framework="np"):
            pass  # the library checks that header and data agree
    except (SafetensorError, OSError, ValueError) as error:
        raise SerializationError(f"{os.fspath(path)!r} is no safetensors file, or a damaged one: {error}") from error
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        header.pop("__metadata__", None)
        groups: Groups = {}
        for full, tensor in header.items():
            place = split(full)
            if place is None or tensor["dtype"] not in _SAFE_DTYPES:
                raise SerializationError(
                    f"{os.fspath(path)!r} holds {full!r} ({tensor['dtype']}); tensors of weights are called '.../vars/0'."
                )
            dtype = dtype_of_name(_SAFE_DTYPES[tensor["dtype"]])
            start, end = tensor["data_offsets"]
            load = _Slice(file, 8 + length + start, end - start, dtype, tuple(tensor["shape"]))
            groups.setdefault(place[0], {})[place[1]] = Entry(tuple(tensor["shape"]), dtype, load)
        yield groups


class _Slice:
    """Reads a piece of an open file as an array."""

    def __init__(self, file: Any, start: int, size: int, dtype: np.dtype, shape: tuple):
        self.file, self.start, self.size, self.dtype, self.shape = file, start, size, dtype, shape

    def __call__(self) -> np.ndarray:
        self.file.seek(self.start)
        return np.frombuffer(self.file.read(self.size), self.dtype).reshape(self.shape)
