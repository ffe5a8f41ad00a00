"""NumPy's dtypes and arrays by our rules: what every adapter reads values with, without loading the NumPy adapter."""

import math

import ml_dtypes
import numpy as np

from lamella.backend import _dtypes
from lamella.errors import DTypeError, ShapeError

EXTENDED = {name: np.dtype(getattr(ml_dtypes, name)) for name in ("bfloat16", "float8_e4m3fn", "float8_e5m2")}


_ALIGNMENT = 64
_LARGE = 2**20  # bytes that take longer to copy than a few lines of Python


def numpy_dtype(name: str) -> np.dtype:
    """The NumPy dtype of a canonical name, bfloat16 and float8 (ml_dtypes) included."""
    if name == "string":
        return np.dtype(object)
    return EXTENDED.get(name) or np.dtype(name)


def numpy_array(value, dtype: str | None = None) -> np.ndarray:
    """`value` as a NumPy array, Python floats in it as `floatx()` and ints as int32, unless `dtype` says otherwise."""
    if dtype is not None:
        if dtype != "string" and not isinstance(value, (bool, int, float, complex)):
            value = value if isinstance(value, np.ndarray) else _read(value)
            refuse_text(value)
        return np.asarray(value, numpy_dtype(dtype))
    if isinstance(value, (np.ndarray, np.generic)) or hasattr(value, "__array_interface__"):
        return np.asarray(value)
    array = _read(value)
    if isinstance(value, (bool, int, float, complex, list, tuple, range)):
        if array.dtype == np.float64 and not _holds_arrays(value):
            return array.astype(numpy_dtype(_dtypes.floatx()))
        if array.dtype == np.int64 and not _holds_arrays(value):
            return array.astype(np.int32) if fits_int32(array) else array
        if array.dtype == np.complex128 and _dtypes.floatx() != "float64":
            return array.astype(np.complex64)
    return array


def _read(value) -> np.ndarray:
    try:
        return np.asarray(value)
    except ValueError as error:
        if "inhomogeneous" not in str(error):
            raise
        raise ShapeError(f"Expected an array; got nested lists of unequal lengths: {str(value)[:200]}.") from error


def aligned(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """An array of unset numbers that XLA can take on a CPU without a copy: it begins at a multiple of 64 bytes."""
    size = math.prod(shape) * dtype.itemsize
    memory = np.empty(size + _ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % _ALIGNMENT
    return memory[start : start + size].view(dtype).reshape(shape)


def aligned_copy(array: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """A copy of `array` in row-major order, and `aligned` where it is large."""
    if array.nbytes < _LARGE:
        return np.array(array, dtype)
    out = aligned(array.shape, dtype)
    np.copyto(out, array, casting="unsafe")
    return out


def is_aligned(array: np.ndarray, dtype: np.dtype) -> bool:
    """Whether `array` is as `aligned_copy` would make it, so that no copy is needed."""
    placed = array.nbytes < _LARGE or array.ctypes.data % _ALIGNMENT == 0
    return array.dtype == dtype and array.flags.c_contiguous and placed


def refuse_text(array: np.ndarray) -> None:
    """Raise where `array` holds something else than numbers.

    Raises:
        DTypeError: for strings and objects.
    """
    if array.dtype.kind in "SUOT":
        raise DTypeError(
            f"Expected numbers; got {str(array)[:60]!r}, an array of dtype {array.dtype}. "
            "Turn text into numbers first, for example with a StringLookup or TextVectorization layer."
        )


def fits_int32(array: np.ndarray) -> bool:
    """Whether an array of integers holds none that int32 cannot."""
    return array.size == 0 or (int(array.min()) >= -(2**31) and int(array.max()) < 2**31)


def _holds_arrays(value) -> bool:
    while isinstance(value, (list, tuple)) and value:
        value = value[0]
    return isinstance(value, (np.ndarray, np.generic))
