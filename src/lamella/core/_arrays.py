"""What every op does first: bring its operands to arrays of one library, and to one dtype."""

from collections.abc import Iterable
from typing import Any

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
    return adapter.dtype(value if adapter.is_array(value) else adapter.asarray(value))


def common_dtype(values: Iterable[ArrayLike]) -> str:
    """The dtype that `values` meet in; Python scalars are weak."""
    adapter = _registry.active()
    names = [_dtypes.weak_dtype(v) or dtype_of(v) for v in values]
    return adapter.canonical_dtype(_dtypes.join_dtypes(names))


def promote(*values: ArrayLike) -> tuple:
    """(xp, *values as arrays of their common dtype)."""
    adapter = _registry.active()
    dtype = common_dtype(values)
    return adapter.xp, *(adapter.asarray(v, dtype) for v in values)


def promote_float(*values: ArrayLike) -> tuple:
    """(xp, *values as arrays of their common dtype, or of `floatx()` where that is not floating or complex)."""
    adapter = _registry.active()
    dtype = _dtypes.float_result(common_dtype(values))
    return adapter.xp, *(adapter.asarray(v, dtype) for v in values)


def cast(value: ArrayLike, dtype: Any) -> Array:
    """`value` as an array of the active library with `dtype`."""
    return _registry.active().asarray(value, _dtypes.standardize_dtype(dtype))
