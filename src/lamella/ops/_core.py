"""Arrays in and out, their shapes and dtypes."""

import math
from typing import Any

import numpy as np

from lamella.backend import _dtypes, _registry
from lamella.core._arrays import arrays, dtype_of
from lamella.core._arrays import cast as _cast
from lamella.core._keras_tensor import KerasTensor
from lamella.core._operation import op
from lamella.typing import Array, ArrayLike, PartialShape

__all__ = [
    "convert_to_tensor",
    "convert_to_numpy",
    "is_tensor",
    "shape",
    "ndim",
    "size",
    "dtype",
    "cast",
    "saturate_cast",
    "stop_gradient",
]


def convert_to_tensor(
    x: ArrayLike, dtype: str | None = None, sparse: bool | None = None, ragged: bool | None = None
) -> Array:
    """`x` as an array of the active backend.

    Args:
        x: an array of any library, a Variable, nested lists, or a number.
        dtype: the dtype wanted; None for that of `x`: int32 for Python ints, `floatx()` for Python floats.
        sparse, ragged: kept for Keras; arrays are dense.

    Returns:
        An array. A KerasTensor without a `dtype` is returned as it is.

    Raises:
        DTypeError: when `x` does not hold numbers.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_tensor([[1, 2], [3, 4]], dtype="float32").shape
        (2, 2)
    """
    if isinstance(x, KerasTensor):
        return x if dtype is None or _dtypes.standardize_dtype(dtype) == x.dtype else cast(x, dtype)
    adapter = _registry.owner_of_any([x.__lamella_array__() if hasattr(x, "__lamella_array__") else x])
    return adapter.asarray(x, None if dtype is None else _dtypes.standardize_dtype(dtype))


def convert_to_numpy(x: ArrayLike) -> Any:
    """`x` as a NumPy array.

    Args:
        x: an array of any library, a Variable, nested lists, or a number.

    Returns:
        A `numpy.ndarray` with the shape and dtype of `x`: NumPy's arrays as they are, also of 64 bits; numbers and
        lists with the dtypes of `convert_to_tensor`. It may be written to.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.ones(2)).tolist()
        [1.0, 1.0]
    """
    if isinstance(x, (np.ndarray, np.generic)):
        return np.asarray(x)
    array = _registry.to_numpy(convert_to_tensor(x))
    return array if array.flags.writeable else array.copy()


def is_tensor(x: Any) -> bool:
    """Whether `x` is an array of the active backend (NumPy arrays, Variables and KerasTensors are not).

    Args:
        x: anything.

    Returns:
        A Python boolean.

    Example:
        >>> from lamella import ops
        >>> ops.is_tensor(ops.ones(2)), ops.is_tensor([1, 1])
        (True, False)
    """
    return _registry.active().is_array(x)


def shape(x: ArrayLike) -> PartialShape:
    """The sizes of `x`.

    Args:
        x: an array of any library, a Variable, a KerasTensor, nested lists, or a number.

    Returns:
        A tuple of ints; None for a size of a KerasTensor that is unknown.

    Example:
        >>> from lamella import ops
        >>> ops.shape([[1, 2, 3]])
        (1, 3)
    """
    return tuple(x.shape if hasattr(x, "shape") else arrays(x)[1].shape)


def ndim(x: ArrayLike) -> int:
    """The number of axes of `x`.

    Args:
        x: an array of any library, a Variable, a KerasTensor, nested lists, or a number.

    Returns:
        An int.

    Example:
        >>> from lamella import ops
        >>> ops.ndim([[1, 2, 3]])
        2
    """
    return len(shape(x))


def size(x: ArrayLike) -> Any:
    """The number of elements of `x`.

    Args:
        x: an array of any library, a Variable, a KerasTensor, nested lists, or a number.

    Returns:
        An int; for a KerasTensor an int32 KerasTensor.

    Example:
        >>> from lamella import ops
        >>> ops.size([[1, 2, 3]])
        3
    """
    return _symbolic_size(x) if isinstance(x, KerasTensor) else math.prod(n for n in shape(x) if n is not None)


@op
def _symbolic_size(x: ArrayLike) -> Array:
    return _registry.active().asarray(math.prod(x.shape), "int32")


def dtype(x: ArrayLike) -> str:
    """The name of the dtype of `x`.

    Args:
        x: an array of any library, a Variable, a KerasTensor, nested lists, or a number.

    Returns:
        A name such as `"float32"`.

    Example:
        >>> from lamella import ops
        >>> ops.dtype(ops.ones(2))
        'float32'
    """
    return _dtypes.standardize_dtype(x.dtype) if hasattr(x, "dtype") else dtype_of(x)


@op
def cast(x: ArrayLike, dtype: Any) -> Array:
    """`x` in another dtype.

    Args:
        x: an array of any shape.
        dtype: its name.

    Returns:
        An array of the same shape. Floats become integers by dropping what follows the point.

    Raises:
        ArgumentError: when there is no such dtype.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.cast([1.7, -1.7], "int32")).tolist()
        [1, -1]
    """
    return _registry.active().asarray(x, _dtypes.standardize_dtype(dtype))


@op
def saturate_cast(x: ArrayLike, dtype: Any) -> Array:
    """`x` in another dtype, values beyond its finite range as the nearest one within.

    Args:
        x: a real array of any shape.
        dtype: its name.

    Returns:
        An array of the same shape. NaN becomes 0 in an integer dtype.

    Raises:
        ArgumentError: when there is no such dtype.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.saturate_cast([-5, 100, 300], "uint8")).tolist()
        [0, 100, 255]
    """
    xp, x = arrays(x)
    adapter = _registry.active()
    dtype = adapter.canonical_dtype(_dtypes.standardize_dtype(dtype))
    own = dtype_of(x)
    if own == "bool" or own in _dtypes.COMPLEX_TYPES:
        return _cast(x, dtype)
    part = "float32" if dtype == "complex64" else "float64" if dtype == "complex128" else dtype
    ranges = [_dtypes.finite_range(name) for name in (own, part)]
    low, high = max(r[0] for r in ranges), min(r[1] for r in ranges)
    if own not in _dtypes.FLOAT_TYPES:
        return _cast(x if (low, high) == ranges[0] else xp.clip(x, int(low), int(high)), dtype)
    # The ends may not be numbers of the dtype of x (float32 has no 2**31 - 1): compare first, then choose.
    over, under = xp.greater_equal(x, xp.asarray(float(high), dtype=x.dtype)), xp.less_equal(x, float(low))
    beyond = xp.logical_or(over, under)
    if dtype in _dtypes.INT_TYPES:
        beyond = xp.logical_or(beyond, xp.isnan(x))
    out = _cast(xp.where(beyond, xp.zeros_like(x), x), dtype)
    out = xp.where(over, xp.asarray(high, dtype=out.dtype), out)
    return xp.where(under, xp.asarray(low, dtype=out.dtype), out)


@op
def stop_gradient(variable: ArrayLike) -> Array:
    """The values of `variable`, as a constant through which no gradient flows.

    Args:
        variable: an array or a Variable.

    Returns:
        An array of the same shape and dtype.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.stop_gradient([1.0, 2.0])).tolist()
        [1.0, 2.0]
    """
    _, x = arrays(variable)
    return _registry.active().stop_gradient(x)
