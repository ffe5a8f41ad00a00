"""TensorBoard's event files: records with checksums around protocol-buffer messages, written without TensorFlow.

The formats are TensorFlow's, as its public `.proto` files document them: `tfrecord` framing, and the messages `Event`,
`Summary`, `HistogramProto` and `GraphDef`. Only the fields that TensorBoard reads are written.
"""

import os
import socket
import struct
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np


def _crc_table() -> list[int]:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = (byte >> 1) ^ (0x82F63B78 if byte & 1 else 0)  # Castagnoli's polynomial, bits reversed
        table.append(byte)
    return table


_CRC = _crc_table()


def masked_crc32c(data: bytes) -> int:
    """The checksum of a record: CRC-32C, rotated by 15 bits and shifted by a constant."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _CRC[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


# ---- protocol buffers ----------------------------------------------------------------------------


def _varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out + bytes([value]))


def integer(field: int, value: int) -> bytes:
    """A field that holds an integer."""
    return _varint(field << 3) + _varint(int(value))


def real(field: int, value: float) -> bytes:
    """A field of type `double`."""
    return _varint(field << 3 | 1) + struct.pack("<d", value)


def single(field: int, value: float) -> bytes:
    """A field of type `float`."""
    return _varint(field << 3 | 5) + struct.pack("<f", value)


def message(field: int, value: bytes | str) -> bytes:
    """A field that holds another message, a string or bytes."""
    data = value.encode() if isinstance(value, str) else value
    return _varint(field << 3 | 2) + _varint(len(data)) + data


def _packed(field: int, values: Iterable[float]) -> bytes:
    return message(field, b"".join(struct.pack("<d", value) for value in values))


# ---- summaries -----------------------------------------------------------------------------------


def scalar_value(tag: str, value: float) -> bytes:
    """One number under `tag`."""
    return message(1, tag) + single(2, float(value))


def histogram_value(tag: str, values: np.ndarray, bins: int = 30) -> bytes:
    """The distribution of the finite ones among `values` under `tag`, in `bins` intervals of equal length."""
    flat = np.asarray(values, np.float64).ravel()
    flat = flat[np.isfinite(flat)]
    low, high = (float(flat.min()), float(flat.max())) if flat.size else (0.0, 0.0)
    counts, edges = np.histogram(flat, bins=bins, range=(low, high) if low < high else (low - 0.5, high + 0.5))
    numbers = (low, high, float(flat.size), float(flat.sum()), float((flat**2).sum()))
    fields = b"".join(real(i, number) for i, number in enumerate(numbers, 1))
    return message(1, tag) + message(5, fields + _packed(6, edges[1:]) + _packed(7, counts))


def image_value(tag: str, pixels: np.ndarray) -> bytes:
    """An image under `tag`: uint8 of shape `(height, width, channels)` with 1, 3 or 4 channels."""
    import io

    from PIL import Image

    height, width, channels = pixels.shape
    file = io.BytesIO()
    Image.fromarray(pixels[..., 0] if channels == 1 else pixels).save(file, format="PNG")
    image = integer(1, height) + integer(2, width) + integer(3, channels) + message(4, file.getvalue())
    return message(1, tag) + message(4, image)


def graph(nodes: Sequence[tuple[str, str, Sequence[str]]]) -> bytes:
    """A graph of nodes `(name, kind, names of the inputs)`."""
    parts = []
    for name, kind, inputs in nodes:
        node = message(1, name) + message(2, kind) + b"".join(message(3, source) for source in inputs)
        parts.append(message(1, node))
    return b"".join(parts) + message(4, integer(1, 1))


class EventFile:
    """An event file in a directory, made when the first event is written.

    Args:
        directory: where TensorBoard looks.
    """

    def __init__(self, directory: Any):
        self.directory = Path(directory)
        self._file: Any = None

    def summary(self, step: int, *values: bytes) -> None:
        """Write summaries (`scalar_value` and its kin) of a step."""
        self._event(integer(2, step) + message(5, b"".join(message(1, value) for value in values)))

    def graph(self, definition: bytes) -> None:
        """Write a graph."""
        self._event(message(4, definition))

    def _event(self, fields: bytes) -> None:
        if self._file is None:
            self.directory.mkdir(parents=True, exist_ok=True)
            name = f"events.out.tfevents.{int(time.time()):010d}.{socket.gethostname()}.{os.getpid()}.{id(self)}.v2"
            self._file = (self.directory / name).open("ab")
            self._record(real(1, time.time()) + message(3, "brain.Event:2"))
        self._record(real(1, time.time()) + fields)

    def _record(self, data: bytes) -> None:
        length = struct.pack("<Q", len(data))
        self._file.write(
            length + struct.pack("<I", masked_crc32c(length)) + data + struct.pack("<I", masked_crc32c(data))
        )

    def flush(self) -> None:
        """Let readers see what was written."""
        if self._file is not None:
            self._file.flush()

    def close(self) -> None:
        """Close the file; the next event makes another."""
        if self._file is not None:
            self._file.close()
            self._file = None
