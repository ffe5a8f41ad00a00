"""MNIST: 70,000 handwritten digits, carried by this package."""

import hashlib
import os
from pathlib import Path

import numpy as np

from lamella._lazy import missing as _missing
from lamella.data._download import keras_home
from lamella.datasets._unpickle import load_npz
from lamella.errors import DataError

__all__ = ["load_data"]

__getattr__ = _missing(__name__)

_CARRIED = Path(__file__).with_name("_data") / "mnist.npz"
_SHA256 = "06af5dfe73b70e3bc1c36439982b18a8d76803db9b544f6fdf838a37fbb01b64"
_SHAPES = {"x_train": (60000, 28, 28), "y_train": (60000,), "x_test": (10000, 28, 28), "y_test": (10000,)}


def load_data(
    path: str | os.PathLike[str] = "mnist.npz",
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """The MNIST digits. Nothing is downloaded.

    LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition", Proceedings
    of the IEEE 86(11), 1998. Licence: CC BY-SA 3.0.

    Args:
        path: where to keep the file, relative to the `datasets` folder of the Keras home directory. The
            default names the copy in this package, and touches no other folder. At any other path a file is
            read if it is there, and else the copy is put there.

    Returns:
        `(x_train, y_train), (x_test, y_test)`, uint8: images `(60000, 28, 28)` and `(10000, 28, 28)`, grey
        levels from 0 (paper) to 255 (ink); labels `(60000,)` and `(10000,)`, the digits 0 to 9.

    Raises:
        DataError: the file is damaged, or what lies at `path` is not MNIST.

    Example::

        (x_train, y_train), (x_test, y_test) = lamella.datasets.mnist.load_data()
    """
    file = _CARRIED if os.fspath(path) == "mnist.npz" else keras_home() / "datasets" / path
    if file.exists():
        content = file.read_bytes()
    else:
        content = _CARRIED.read_bytes()
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary = file.with_name(f"{file.name}.{os.getpid()}")
        temporary.write_bytes(content)
        os.replace(temporary, file)
    if file == _CARRIED and hashlib.sha256(content).hexdigest() != _SHA256:
        raise DataError(f"{file} is damaged: its SHA-256 is not {_SHA256}. Install lamella again.")

    arrays = load_npz(content)
    for name, shape in _SHAPES.items():
        if name not in arrays or arrays[name].shape != shape:
            raise DataError(
                f"{file} is not MNIST: its array {name!r} is missing or not of shape {shape}. "
                "Delete the file or give another path."
            )
    return (arrays["x_train"], arrays["y_train"]), (arrays["x_test"], arrays["y_test"])
