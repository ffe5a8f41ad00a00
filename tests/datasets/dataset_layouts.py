"""Files in the layouts of the public datasets."""

import gzip
import io
import json
import pickle
import struct
import tarfile
from typing import ClassVar

import numpy as np


def npz(**arrays):
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def texts(*lists):
    array = np.empty(len(lists), dtype=object)
    array[:] = [list(words) for words in lists]
    return array


def idx(array):
    """The IDX format, gzipped: type 8 (bytes) and the rank, the sizes, the data."""
    header = struct.pack(f">{1 + array.ndim}I", 0x800 + array.ndim, *array.shape)
    return gzip.compress(header + array.tobytes(), 1)


class _PicklerOfPython2(pickle._Pickler):
    """Bytes as Python 2 wrote its text."""

    dispatch: ClassVar = dict(pickle._Pickler.dispatch)

    def save_bytes(self, body):
        short = len(body) < 256
        head = b"U" + bytes([len(body)]) if short else b"T" + struct.pack("<i", len(body))
        self.write(head + body)
        self.memoize(body)

    dispatch[bytes] = save_bytes


def python2_pickle(value):
    buffer = io.BytesIO()
    _PicklerOfPython2(buffer, protocol=2).dump(value)
    return buffer.getvalue()


def tar_gz(**members):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=1) as tar:
        for name, body in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(body)
            tar.addfile(info, io.BytesIO(body))
    return buffer.getvalue()


def word_index():
    return json.dumps({"the": 1, "film": 2}).encode()
