"""Pickles that datasets are published as, read without letting them name any code but NumPy's arrays."""

import io
import math
import pickle
import zipfile
import zlib
from typing import IO, Any

import numpy as np

from lamella.errors import DataError

# All that a pickle of arrays, lists, numbers and text names; the module moved in NumPy 2.
_ALLOWED = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("numpy.core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
    ("numpy._core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
}
_MOST = 2**31  # bytes of one array


class _ArrayUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise DataError(
                f"The dataset's file names {module}.{name}, which a pickle of arrays has no use for. "
                "Do not trust this file; delete it and let it be downloaded again."
            )
        return _ALLOWED[module, name]


def unpickle_arrays(stream: IO[bytes], encoding: str = "ASCII") -> Any:
    """The arrays, lists, dicts, numbers and text pickled in `stream`; a DataError if it names more."""
    return _ArrayUnpickler(stream, encoding=encoding).load()


def load_npz(content: bytes) -> dict[str, np.ndarray]:
    """The arrays of an `.npz` file, those of Python objects included (their pickles as `unpickle_arrays`).

    Raises:
        DataError: when it is no such file, names code, or claims to hold more than it does.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as pack:
            return {
                member.filename.removesuffix(".npy"): _load_npy(_unpacked(pack, member)) for member in pack.infolist()
            }
    except DataError:
        raise
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, ValueError, SyntaxError, EOFError, OSError) as error:
        raise DataError(f"The dataset's file is no .npz file, or a damaged one: {error}") from error


def _unpacked(pack: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    if member.file_size > _MOST:
        raise DataError(
            f"The dataset's file claims {member.file_size} bytes for {member.filename!r}; at most {_MOST} are read."
        )
    return pack.read(member)


def _load_npy(content: bytes) -> np.ndarray:
    stream = io.BytesIO(content)
    version = np.lib.format.read_magic(stream)
    if version == (1, 0):
        shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
    else:
        shape, _, dtype = np.lib.format.read_array_header_2_0(stream)
    if dtype.hasobject:
        return unpickle_arrays(stream)
    claimed, there = math.prod(shape) * dtype.itemsize, len(content) - stream.tell()
    if any(size < 0 for size in shape) or claimed != there:
        raise DataError(f"An array in the dataset's file claims {claimed} bytes; {there} are there.")
    return np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
