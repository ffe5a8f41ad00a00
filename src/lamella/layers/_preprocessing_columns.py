"""Columns of strings or integers, read from whatever holds them into Arrow arrays.

The layers that work on text and categories do not loop over values: Apache Arrow (`pyarrow`, Apache licence, kept by the
Arrow project and the store behind pandas and polars) counts and looks up whole columns in C++, and takes strings from
Python, NumPy, pandas, polars and Parquet, mostly without a copy. It is imported when the first column is read.
"""

import functools
import itertools
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from lamella.backend import _registry
from lamella.core import _tree
from lamella.core._keras_tensor import KerasTensor
from lamella.errors import ArgumentError, BackendError, DataError, DTypeError, ShapeError

__all__ = ["Column", "arrow", "batches", "concrete", "in_pieces", "integers", "keys", "result", "strings", "unread"]


@functools.cache
def arrow() -> tuple[Any, Any]:
    """(pyarrow, pyarrow.compute).

    Raises:
        BackendError: when pyarrow is not installed.
    """
    try:
        import pyarrow  # pyright: ignore[reportMissingImports]: an optional library, looked for here
        import pyarrow.compute  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise BackendError(
            "Layers that work on text and categories need the library pyarrow, which is not installed. "
            "Run `pip install pyarrow`."
        ) from error
    return pyarrow, pyarrow.compute


class Column:
    """Values in an Arrow array, and the shape they had.

    Attributes:
        values: a flat Arrow array without nulls, of strings or int64.
        shape: of the data; its product is the length of `values`.
    """

    def __init__(self, values: Any, shape: tuple[int, ...]):
        self.values, self.shape = values, shape

    def __len__(self) -> int:
        return len(self.values)

    @property
    def buffers(self) -> tuple[np.ndarray, np.ndarray]:
        """The bytes of the strings one after the other, and where each begins (one more for the end)."""
        return text_buffers(self.values)


def text_buffers(values: Any) -> tuple[np.ndarray, np.ndarray]:
    """(bytes, offsets) of an Arrow array of strings; `offsets[0]` may be above 0."""
    pa, _ = arrow()
    _, offsets, data = values.buffers()
    width = np.int64 if pa.types.is_large_string(values.type) else np.int32
    if not len(values):
        return np.zeros(0, np.uint8), np.zeros(1, np.int64)
    offsets = np.frombuffer(offsets, width)[values.offset : values.offset + len(values) + 1]
    return (np.frombuffer(data, np.uint8) if data is not None else np.zeros(0, np.uint8)), offsets


def texts_of(data: np.ndarray | bytes, offsets: np.ndarray) -> Any:
    """The Arrow array of the strings whose bytes and offsets are given."""
    pa, _ = arrow()
    large = offsets[-1] >= 2**31
    buffers = [None, pa.py_buffer(offsets.astype(np.int64 if large else np.int32)), pa.py_buffer(data)]
    return pa.Array.from_buffers(pa.large_string() if large else pa.string(), len(offsets) - 1, buffers)


def concrete(value: Any) -> bool:
    """Whether `value` has values now: it is neither symbolic nor traced."""
    if isinstance(value, KerasTensor):
        return False
    owner = _registry.owner(value)
    return owner is None or _registry.get(owner).is_concrete(value)


def strings(value: Any, who: str, encoding: str = "utf-8") -> Column:
    """`value` as a column of strings.

    Args:
        value: a string, nested lists of strings, a NumPy array of strings or of objects, an Arrow array, a pandas or
            polars column, or a tensor of strings of another library. Bytes are decoded.
        who: who asks, for errors.
        encoding: of bytes.

    Raises:
        DataError: for a missing value, saying where; or bytes that are not text in `encoding`.
        DTypeError: for values that are not strings.
        ShapeError: for lists of unequal lengths.
    """
    if isinstance(value, Column):
        return value
    pa, _ = arrow()
    flat, shape = _flat(value, who)
    try:
        array = flat if isinstance(flat, (pa.Array, pa.ChunkedArray)) else pa.array(flat)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        try:  # bytes beside text
            array = pa.array(flat, pa.string())
        except (pa.ArrowInvalid, pa.ArrowTypeError):
            raise _not_strings(who, value, type(error).__name__) from error
    array = _whole(array)
    if pa.types.is_binary(array.type) or pa.types.is_large_binary(array.type):
        array = _decoded(array, who, encoding)
    if pa.types.is_null(array.type) and not len(array):
        array = array.cast(pa.string())
    if array.null_count:
        raise _missing(who, array)
    if not (pa.types.is_string(array.type) or pa.types.is_large_string(array.type)):
        raise _not_strings(who, value, str(array.type))
    return Column(array, shape)


def integers(value: Any, who: str) -> Column:
    """`value` as a column of int64; whole and fractional floats are cut off, as Keras does.

    Raises:
        DataError: for a missing value, saying where.
        DTypeError: for text.
        ShapeError: for lists of unequal lengths.
    """
    if isinstance(value, Column):
        return value
    pa, _ = arrow()
    if isinstance(value, (pa.Array, pa.ChunkedArray)):
        array, shape = _whole(value), (len(value),)
    else:
        numbers = _numbers(value, who)
        if numbers.dtype.kind in "fb" and np.isfinite(numbers).all():
            numbers = numbers.astype(np.int64)
        if numbers.dtype.kind == "f":
            where = int(np.flatnonzero(~np.isfinite(numbers.ravel()))[0])
            raise DataError(f"{who} got {numbers.ravel()[where]} at position {where}, which is no integer.")
        if numbers.dtype.kind not in "iu":
            raise DTypeError(f"{who} takes integers; got values of dtype {numbers.dtype}: {str(value)[:80]}.")
        array, shape = pa.array(numbers.astype(np.int64, copy=False).ravel()), numbers.shape
    if array.null_count:
        raise _missing(who, array)
    if not pa.types.is_integer(array.type):
        raise DTypeError(f"{who} takes integers; got values of type {array.type}: {str(value)[:80]}.")
    return Column(array.cast(pa.int64()), shape)


def keys(value: Any, who: str) -> Column:
    """`value` as a column of strings or of int64, whichever it holds."""
    if isinstance(value, Column):
        return value
    return strings(value, who) if _holds_text(value) else integers(value, who)


def unread(value: Any, who: str) -> Any:
    """`value` as it is where it holds text or is read, and else its numbers in an array of NumPy."""
    return value if isinstance(value, Column) or _holds_text(value) else _numbers(value, who)


def result(values: np.ndarray, dtype: str | None = None) -> Any:
    """`values` as an array of the active library."""
    adapter = _registry.active()
    name = adapter.canonical_dtype(dtype or str(values.dtype))
    return adapter.asarray(values if str(values.dtype) == name else values.astype(name))


_PIECE = 1 << 16


def in_pieces(function: Callable[[Any], Any], values: Any) -> list:
    """`function` of each piece of an Arrow array, in threads where there is more than one.

    Arrow and NumPy compute without Python's lock, and a piece stays in the cache of a core: on two cores three times as
    fast as the whole at once.
    """
    pieces = [values.slice(at, _PIECE) for at in range(0, len(values), _PIECE)]
    if len(pieces) < 2:
        return [function(values)]
    with ThreadPoolExecutor(min(len(pieces), os.cpu_count() or 1)) as pool:
        return list(pool.map(function, pieces))


def batches(data: Any, steps: int | None, who: str) -> Iterator[Any]:
    """The batches of what `adapt` is given: data that is in memory is one batch, anything else is iterated.

    Args:
        data: lists, arrays, columns; or an iterable or a sequence object (`__len__`, `__getitem__`) of batches.
        steps: how many batches to take at most.
        who: who asks, for errors.

    Raises:
        ArgumentError: when `data` is neither.
    """
    if _in_memory(data):
        parts: Iterable = [data]
    elif hasattr(data, "__getitem__") and hasattr(data, "__len__"):
        parts = (data[i] for i in range(len(data)))
    elif isinstance(data, Iterable):
        parts = data
    else:
        raise ArgumentError(
            f"`adapt()` of {who} takes arrays, lists, columns, or an iterable of batches of them; got {data!r} of "
            f"type {type(data).__name__}."
        )
    return iter(itertools.islice(parts, steps))


# ---- reading ---------------------------------------------------------------------------------------------


def _in_memory(data: Any) -> bool:
    if isinstance(data, (str, bytes, int, float, list, tuple, np.ndarray, Column)):
        return True
    return any(hasattr(data, name) for name in _HOLDERS) or _registry.owner(data) is not None


_HOLDERS = ("__array__", "__arrow_array__", "__arrow_c_array__", "__arrow_c_stream__", "__array_interface__")


def _flat(value: Any, who: str) -> tuple[Any, tuple[int, ...]]:
    """What Arrow can read a flat array from, and the shape."""
    if isinstance(value, (str, bytes, np.str_, np.bytes_)):
        return [value], ()
    if isinstance(value, (list, tuple)):
        shape: list[int] = []
        level: list = list(value)
        shape.append(len(level))
        while level and isinstance(level[0], (list, tuple, np.ndarray)):
            sizes = {len(v) if isinstance(v, (list, tuple, np.ndarray)) else -1 for v in level}
            if len(sizes) > 1:
                raise ShapeError(
                    f"{who} takes rows of one length; got lists of different lengths: {str(value)[:120]}. Pad them, "
                    "or call the layer on each."
                )
            shape.append(sizes.pop())
            level = list(itertools.chain.from_iterable(level))
        if level and hasattr(level[0], "numpy"):
            level = [v.numpy() if hasattr(v, "numpy") else v for v in level]
        return level, tuple(shape)
    pa, _ = arrow()
    if isinstance(value, (pa.Array, pa.ChunkedArray)):
        return value, (len(value),)
    if isinstance(value, pa.Scalar):
        return [value.as_py()], ()
    if not isinstance(value, np.ndarray) and getattr(value, "ndim", 1) == 1:
        if hasattr(value, "__arrow_c_stream__") and hasattr(value, "dtype"):  # a pandas or polars column
            return pa.chunked_array(value), (len(value),)
        if hasattr(value, "__arrow_array__"):
            return pa.array(value), (len(value),)
    host: Any = value
    return _flat_numpy(np.asarray(host.numpy() if hasattr(host, "numpy") else host))


def _flat_numpy(array: np.ndarray) -> tuple[Any, tuple[int, ...]]:
    if array.dtype.kind == "T":
        array = array.astype(object)
    flat = array.ravel()
    if array.dtype.kind == "U" and array.size:
        flat = _narrow_texts(flat)
    elif array.dtype.kind == "S":
        flat = flat.tolist()
    return flat, array.shape


def _narrow_texts(array: np.ndarray) -> Any:
    """NumPy's fixed-width strings as an Arrow array; where all characters are of ASCII, without making Python's strings."""
    width = array.dtype.itemsize // 4
    if not width or not array.dtype.isnative:
        return array.tolist()
    codes = np.ascontiguousarray(array).view(np.uint32).reshape(-1, width)
    if codes.max() > 127:
        return array.tolist()
    codes = codes.astype(np.uint8)
    filled = codes != 0
    if (filled[:, 1:] > filled[:, :-1]).any():
        return array.tolist()  # with zeros inside
    offsets = np.zeros(len(array) + 1, np.int64)
    offsets[1:] = np.cumsum(filled.ravel().view(np.uint8), dtype=np.int64)[width - 1 :: width]
    return texts_of(codes[filled], offsets)


def _whole(array: Any) -> Any:
    """One chunk, without a dictionary or view layout."""
    pa, _ = arrow()
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
        if isinstance(array, pa.ChunkedArray):  # more than fits one array of its type
            array = pa.concat_arrays([c.cast(pa.large_string()) for c in array.chunks])
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if str(array.type) in ("string_view", "binary_view"):
        array = array.cast(pa.large_string() if str(array.type) == "string_view" else pa.large_binary())
    return array


def _decoded(array: Any, who: str, encoding: str) -> Any:
    pa, _ = arrow()
    try:
        if encoding.lower().replace("_", "-") in ("utf-8", "utf8", "ascii", "us-ascii"):
            return array.cast(pa.large_string() if pa.types.is_large_binary(array.type) else pa.string())
        fixed = np.asarray(array.to_numpy(zero_copy_only=False).tolist(), dtype=np.bytes_)
        return pa.array(np.strings.decode(fixed, encoding).tolist(), pa.string())
    except (pa.ArrowInvalid, UnicodeDecodeError) as error:
        raise DataError(f"{who} got bytes that are not text in {encoding!r}: {error}") from error


def _numbers(value: Any, who: str) -> np.ndarray:
    try:
        array = np.asarray(_registry.to_numpy(value) if _registry.owner(value) is not None else value)
    except ValueError as error:
        raise ShapeError(f"{who} takes rows of one length; got {str(value)[:120]}.") from error
    if array.dtype.kind == "O" and array.size:
        try:
            return np.asarray(array.tolist(), dtype=np.int64)
        except (TypeError, ValueError):
            pass
    return array if array.size else array.astype(np.int64)


def _holds_text(value: Any) -> bool:
    pa, _ = arrow()
    if isinstance(value, (pa.Array, pa.ChunkedArray)):
        return not pa.types.is_integer(value.type)
    dtype = getattr(value, "dtype", None)
    if dtype is not None and getattr(dtype, "kind", "O") in "iufb":
        return False
    if dtype is not None and _registry.owner(value) is not None:
        return "string" in str(dtype)
    first = next(iter(_tree.flatten(value[:1] if isinstance(value, (list, tuple)) else value)), None)
    if isinstance(first, np.ndarray) and first.dtype.kind == "O" and first.size:
        first = first.ravel()[0]
    return isinstance(first, (str, bytes)) or getattr(getattr(first, "dtype", None), "kind", "") in ("U", "S", "O", "T")


def _missing(who: str, array: Any) -> DataError:
    _, pc = arrow()
    where = pc.index(pc.is_null(array), True).as_py()
    return DataError(
        f"{who} got a missing value (None or NaN) at position {where} of {len(array)}. Fill missing values first, for "
        'example with "".'
    )


def _not_strings(who: str, value: Any, found: str) -> DTypeError:
    return DTypeError(f"{who} takes strings; got {str(value)[:80]} ({found}). Use IntegerLookup for integers.")
