"""What CIFAR-10 and CIFAR-100 share: pickled batches in a tar archive."""

import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lamella.backend import image_data_format
from lamella.datasets._unpickle import unpickle_arrays
from lamella.errors import DataError


def read_batches(archive: Path, members: Sequence[str]) -> list[dict[bytes, Any]]:
    """The dictionaries in these members of `archive`, in order. Python 2 wrote them: their keys are bytes.

    They are read from the archive itself, whose checksum is known, and not from an extracted folder, which
    anyone may have written to.
    """
    found = {}
    with tarfile.open(archive, "r:gz") as tar:
        for member in tar:
            if member.isfile() and member.name in members:
                stream = tar.extractfile(member)
                assert stream is not None
                found[member.name] = unpickle_arrays(stream, encoding="bytes")
    if missing := set(members) - set(found):
        raise DataError(f"{archive} lacks {', '.join(sorted(missing))}. Delete it and let it be downloaded again.")
    return [found[name] for name in members]


def images(batches: Sequence[dict[bytes, Any]]) -> np.ndarray:
    """uint8, `(samples, 32, 32, 3)`; `(samples, 3, 32, 32)` if `image_data_format` is "channels_first"."""
    rows = np.concatenate([batch[b"data"] for batch in batches])  # (samples, 3072): red, green, blue planes
    planes = rows.reshape(-1, 3, 32, 32)
    if image_data_format() == "channels_first":
        return planes
    return np.ascontiguousarray(planes.transpose(0, 2, 3, 1))


def labels(batches: Sequence[dict[bytes, Any]], key: bytes, dtype: str) -> np.ndarray:
    """`(samples, 1)`."""
    return np.concatenate([np.asarray(batch[key], dtype) for batch in batches]).reshape(-1, 1)
