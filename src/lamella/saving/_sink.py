"""What HDF5 writes to: a file that never fails while HDF5 has it open.

When a write fails (a full disk), HDF5 cannot close the file any more: it crashes the process, and the training in it. So it writes
through Python, is never told, and the error is raised when it is done.
"""

import contextlib
import io
import os
from collections.abc import Iterator
from typing import Any

__all__ = ["new_hdf5"]

_SMALL = 2**20  # bytes; what HDF5 writes for itself, and may read again, is smaller


@contextlib.contextmanager
def new_hdf5(path: str | os.PathLike) -> Iterator[Any]:
    """A new HDF5 file at `path`, open for writing.

    Raises:
        OSError: when the block is left, if the file could not be written whole.
    """
    import h5py

    with open(path, "w+b", buffering=0) as file:
        sink = _Sink(file)
        with h5py.File(sink, "w") as hdf5:
            yield hdf5
    if sink.error is not None:
        raise OSError(sink.error.errno, sink.error.strerror, os.fspath(path)) from sink.error


class _Sink(io.RawIOBase):
    """The file of Python that HDF5 is given, and what of its writes failed."""

    def __init__(self, file: io.FileIO):
        super().__init__()
        self._file = file
        self._place = 0
        self._size = 0
        self._kept: list[tuple[int, bytes]] = []
        self.error: OSError | None = None

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._place = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._size}[whence]
        return self._place

    def tell(self) -> int:
        return self._place

    def flush(self) -> None:
        """Nothing is held back."""

    def truncate(self, size: int) -> int:  # type: ignore[override]
        self._size = size
        if self.error is None:
            self._try(lambda: self._file.truncate(size))
        return size

    def write(self, data: Any) -> int:
        place, left = self._place, memoryview(data).cast("B")
        whole = len(left)
        if self.error is None:
            self._try(lambda: self._write(place, left))
        if self.error is not None and whole <= _SMALL:
            self._kept.append((place, bytes(left)))
        self._place += whole
        self._size = max(self._size, self._place)
        return whole

    def readinto(self, buffer: Any) -> int:
        out = memoryview(buffer).cast("B")
        self._file.seek(self._place)
        there = self._file.readinto(out) or 0
        out[there:] = bytes(len(out) - there)
        for place, data in self._kept:
            begin, end = max(place, self._place), min(place + len(data), self._place + len(out))
            if begin < end:
                out[begin - self._place : end - self._place] = data[begin - place : end - place]
        self._place += len(out)
        return len(out)

    def _write(self, place: int, left: memoryview) -> None:
        self._file.seek(place)
        while left:
            left = left[self._file.write(left) :]

    def _try(self, action: Any) -> None:
        try:
            action()
        except OSError as error:
            self.error = error
