"""The dtype that operands meet in, as the active library stores it."""

from typing import Any

from lamella.backend import _dtypes, _registry
from lamella.errors import DTypeError

__all__ = ["result_type"]

_WEAK_TYPES = {
    bool: "bool",
    int: _dtypes.WEAK_INT,
    float: _dtypes.WEAK_FLOAT,
    complex: _dtypes.WEAK_COMPLEX,
}


def result_type(*dtypes: Any) -> str:
    """The dtype of an operation on operands of `dtypes`.

    The operands meet on the lattice of JAX's type promotion (jax.readthedocs.io, "Type promotion semantics"). A
    64-bit result is demoted where the active backend stores it as a 32-bit one, as JAX does by default.

    Args:
        *dtypes: names or dtype objects; the Python types `int`, `float` and `complex` stand for weak scalars, which
            take the dtype of the operand beside them. None stands for `floatx()`.

    Returns:
        A name. Without arguments, `floatx()`.

    Raises:
        ArgumentError: for something that names no dtype.
        DTypeError: where the operands have no common dtype, and for float8, which converts to nothing implicitly.

    Example:
        >>> from lamella import backend
        >>> backend.result_type("int8", "float16"), backend.result_type("int8", int), backend.result_type()
        ('float16', 'int8', 'float32')
    """
    names = [
        _WEAK_TYPES[d] if isinstance(d, type) and d in _WEAK_TYPES else _dtypes.standardize_dtype(d) for d in dtypes
    ]
    if any(name.startswith("float8") for name in names):
        raise DTypeError(f"float8 converts to no other dtype implicitly; got {dtypes}. Cast the operands explicitly.")
    if not names:
        return _dtypes.floatx()
    if set(names) == {"string"}:
        return "string"
    result = _dtypes.join_dtypes(names)
    return _registry.active().canonical_dtype(result) if result.endswith(("64", "128")) else result
