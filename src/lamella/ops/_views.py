"""The same bytes or numbers seen as another dtype."""

from lamella.backend import _dtypes, _registry
from lamella.core._arrays import arrays, dtype_of, promote_float
from lamella.core._operation import op
from lamella.errors import DTypeError, ShapeError
from lamella.ops._operands import kind_of
from lamella.typing import Array, ArrayLike

__all__ = ["view", "view_as_complex", "view_as_real"]


@op
def view(x: ArrayLike, dtype: str | None = None) -> Array:
    """The bytes of `x` as elements of another dtype.

    Args:
        x: an array.
        dtype: its name; None for that of `x`.

    Returns:
        An array of `dtype`. Where its elements are smaller or larger, the last axis grows or shrinks as much.

    Raises:
        ShapeError: when the bytes of the last axis do not make whole elements, or sizes of a scalar differ.
        DTypeError: for a complex dtype, or `"bool"`.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.view([1.0, 2.0], "int32")).tolist()
        [1065353216, 1073741824]
    """
    _, x = arrays(x)
    adapter = _registry.active()
    old = dtype_of(x)
    new = old if dtype is None else adapter.canonical_dtype(_dtypes.standardize_dtype(dtype))
    if new == old:
        return x
    if kind_of(old) == "complex" or kind_of(new) == "complex" or new == "bool":
        raise DTypeError(
            f"ops.view cannot show elements of {old} as {new}. Use ops.view_as_real, ops.view_as_complex or ops.cast."
        )
    before, after = _bytes(old), _bytes(new)
    if before != after and (not x.ndim or x.shape[-1] * before % after):
        raise ShapeError(
            f"ops.view cannot show an array of shape {tuple(x.shape)} and dtype {old} as {new}: the "
            f"{before} bytes of "
            f"each element must fill elements of {after} bytes along the last axis."
        )
    return adapter.bitcast(x, new)


def _bytes(dtype: str) -> int:
    """The size of an element."""
    for bits in (64, 32, 16, 8):
        if str(bits) in dtype:
            return bits // 8
    return 1


@op
def view_as_complex(x: ArrayLike) -> Array:
    """Pairs of numbers along the last axis as complex numbers.

    Args:
        x: a real array of shape `(..., 2)`: real parts and imaginary parts.

    Returns:
        A complex array of shape `(...)`: complex128 for float64, else complex64.

    Raises:
        ShapeError: when the last size is not 2.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.view_as_complex([[1.0, 2.0]])).tolist()
        [(1+2j)]
    """
    _, x = promote_float(x)
    if not x.ndim or x.shape[-1] != 2:
        raise ShapeError(
            f"ops.view_as_complex needs a last axis of size 2, of real and imaginary parts; got shape {tuple(x.shape)}."
        )
    if dtype_of(x) not in ("float32", "float64"):
        x = _registry.active().asarray(x, "float32")
    return _registry.active().complex(x[..., 0], x[..., 1])


@op
def view_as_real(x: ArrayLike) -> Array:
    """Complex numbers as pairs along a new last axis.

    Args:
        x: an array of shape `(...)`; the imaginary parts of a real one are 0.

    Returns:
        A real array of shape `(..., 2)`: real parts and imaginary parts.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.view_as_real([1 + 2j])).tolist()
        [[1.0, 2.0]]
    """
    xp, x = arrays(x)
    if kind_of(dtype_of(x)) == "complex":
        return xp.stack([xp.real(x), xp.imag(x)], axis=-1)
    return xp.stack([x, xp.zeros_like(x)], axis=-1)
