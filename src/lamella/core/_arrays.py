"""What every op does first: bring its operands to arrays of one library, and to one dtype."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from lamella.backend import _dtypes, _registry
from lamella.typing import Array, ArrayLike


def namespace() -> Any:
    """The active array namespace: the array API standard by NumPy's names."""
    return _registry.active().xp


def arrays(*values: ArrayLike) -> tuple:
    """(xp, *values as arrays), each with the dtype it has."""
    adapter = _registry.active()
    return adapter.xp, *(adapter.asarray(v) for v in values)


def dtype_of(value: ArrayLike) -> str:
    """The name of a value's dtype; a Python scalar answers the dtype it would be stored with."""
    adapter = _registry.active()
    if hasattr(value, "__lamella_array__"):
        value = value.__lamella_array__()
    if isinstance(value, (np.ndarray, np.generic)):
        return adapter.host_dtype(_dtypes.standardize_dtype(value.dtype))
    return adapter.dtype(value if adapter.is_array(value) else adapter.asarray(value))


def common_dtype(values: Iterable[ArrayLike]) -> str:
    """The dtype that `values` meet in; Python scalars are weak."""
    adapter = _registry.active()
    names = [_dtypes.weak_dtype(v) or dtype_of(v) for v in values]
    return adapter.canonical_dtype(_dtypes.join_dtypes(names))


def promote(*values: ArrayLike) -> tuple:
    """(xp, *values as arrays of their common dtype)."""
    adapter = _registry.active()
    if _alike(adapter, values):
        return adapter.xp, *values
    return adapter.xp, *_as_operands(adapter, values, common_dtype(values))


def _alike(adapter: Any, values: tuple) -> bool:
    """Whether `values` are arrays of one dtype already: then they meet in it, whatever it is."""
    if not adapter.is_array(values[0]):
        return False
    dtype = values[0].dtype
    return all(adapter.is_array(v) and v.dtype == dtype for v in values[1:])


def _as_operands(adapter: Any, values: tuple, dtype: str) -> list:
    """Arrays of `dtype`; Python scalars beside them in the cheapest form that the library takes."""
    weak = [_dtypes.weak_dtype(v) is not None for v in values]
    if dtype in _dtypes.INT_TYPES:
        values = tuple(_wrapped(v, dtype) if w else v for v, w in zip(values, weak))
    if all(weak):
        return [adapter.asarray(v, dtype) for v in values]
    return [adapter.scalar(v, dtype) if w else adapter.asarray(v, dtype) for v, w in zip(values, weak)]


def _wrapped(value: Any, dtype: str) -> Any:
    """A Python integer modulo those that `dtype` has, as arrays of it overflow; beyond int32 it stays, and is refused."""
    if not -(2**31) <= value < 2**31:
        return value
    low, high = map(int, _dtypes.finite_range(dtype))
    return value if low <= value <= high else (value - low) % (high - low + 1) + low


def promote_float(*values: ArrayLike) -> tuple:
    """(xp, *values as arrays of their common dtype, or of `floatx()` where that is not floating or complex)."""
    adapter = _registry.active()
    if _alike(adapter, values) and _dtypes.float_result(name := adapter.dtype(values[0])) == name:
        return adapter.xp, *values
    return adapter.xp, *_as_operands(adapter, values, _dtypes.float_result(common_dtype(values)))


def cast(value: ArrayLike, dtype: Any) -> Array:
    """`value` as an array of the active library with `dtype`. A Python integer that `dtype` lacks wraps around."""
    dtype = _dtypes.standardize_dtype(dtype)
    if type(value) is int and dtype in _dtypes.INT_TYPES:
        value = _wrapped(value, dtype)
    return _registry.active().asarray(value, dtype)
