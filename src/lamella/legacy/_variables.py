"""Variables, constants and placeholders: making them, reading them, giving them new values."""

from typing import Any

import numpy as np

from lamella import ops, random
from lamella.backend import _dtypes, _registry
from lamella.core import _scopes
from lamella.core._keras_tensor import KerasTensor
from lamella.core._variable import Variable
from lamella.errors import ArgumentError
from lamella.layers import Input
from lamella.typing import Array, ArrayLike

__all__ = [
    "variable",
    "constant",
    "placeholder",
    "is_placeholder",
    "is_variable",
    "is_tensor",
    "zeros",
    "ones",
    "eye",
    "zeros_like",
    "ones_like",
    "arange",
    "identity",
    "random_uniform_variable",
    "random_normal_variable",
    "eval",
    "get_value",
    "batch_get_value",
    "set_value",
    "batch_set_value",
    "update",
    "update_add",
    "update_sub",
    "moving_average_update",
    "count_params",
    "dtype",
    "shape",
    "int_shape",
    "get_variable_shape",
    "ndim",
    "is_sparse",
    "to_dense",
    "cast",
    "cast_to_floatx",
]


# ---- making them -------------------------------------------------------------------------------------


def variable(value: Any, dtype: Any = None, name: str | None = None, constraint: Any = None) -> Variable:
    """A Variable that begins as `value`.

    Args:
        value: an array, nested lists, or a number.
        dtype: defaults to `floatx()`.
        name: its name, without "/".
        constraint: a callable that optimizers apply to its value after each update.

    Returns:
        A `Variable`.

    Example:
        >>> import lamella.backend as K
        >>> kvar = K.variable([[1, 2], [3, 4]], dtype="float64", name="example")
        >>> K.dtype(kvar), kvar.name
        ('float64', 'example')
    """
    made = Variable(value, dtype=dtype or _dtypes.floatx(), name=name)
    made.constraint = constraint
    return made


def constant(value: Any, dtype: Any = None, shape: Any = None, name: str | None = None) -> Array:
    """An array of `value`.

    Args:
        value: an array, nested lists, or a number.
        dtype: defaults to `floatx()`.
        shape: of the result, filled with `value` in row-major order; a single number fills all of it.
        name: kept for Keras.

    Raises:
        ArgumentError: when `value` has neither one element nor as many as `shape`.

    Example:
        >>> import lamella.backend as K
        >>> K.constant(3, shape=(2,)).tolist()
        [3.0, 3.0]
    """
    array = ops.convert_to_tensor(value, dtype=dtype or _dtypes.floatx())
    if shape is None:
        return array
    shape = tuple(shape)
    have, wanted = _size(array.shape), _size(shape)
    if have == 1:
        return ops.broadcast_to(ops.reshape(array, ()), shape)
    if have != wanted:
        raise ArgumentError(f"constant got {have} values for the shape {shape}, which has {wanted}.")
    return ops.reshape(array, shape)


def placeholder(
    shape: Any = None,
    ndim: int | None = None,
    dtype: Any = None,
    sparse: bool = False,
    name: str | None = None,
    ragged: bool = False,
) -> KerasTensor:
    """A symbolic tensor to draw a computation with, which `function` then runs.

    Args:
        shape: its sizes, None where unknown, the batch axis included.
        ndim: the number of its axes, in place of `shape`.
        dtype: defaults to `floatx()`.
        sparse: whether the data will be sparse.
        name: its name.
        ragged: whether the data will be ragged.

    Raises:
        ArgumentError: when neither `shape` nor `ndim` is given.

    Example:
        >>> import lamella.backend as K
        >>> K.placeholder(shape=(2, 4, 5)).shape
        (2, 4, 5)
    """
    if shape is None and ndim is None:
        raise ArgumentError("placeholder needs a `shape` or an `ndim`; got neither.")
    shape = (None,) * ndim if shape is None else shape  # type: ignore[operator]
    return Input(batch_shape=shape, dtype=dtype or _dtypes.floatx(), sparse=sparse, ragged=ragged, name=name)


def is_placeholder(x: Any) -> bool:
    """Whether `x` is an input of a drawn computation: what `placeholder` or `Input` returned."""
    history = getattr(x, "_keras_history", None)
    return isinstance(x, KerasTensor) and history is not None and not history.operation._inbound_nodes[0].input_tensors


def is_variable(x: Any) -> bool:
    """Whether `x` is a `Variable`."""
    return isinstance(x, Variable)


def is_tensor(x: Any) -> bool:
    """Whether `x` is an array of a backend, a `Variable` or a symbolic tensor (NumPy arrays are not)."""
    return isinstance(x, (KerasTensor, Variable)) or ops.is_tensor(x)


def zeros(shape: Any, dtype: Any = None, name: str | None = None) -> Variable:
    """A Variable of zeros.

    Args:
        shape: its sizes.
        dtype: defaults to `floatx()`.
        name: its name.

    Example:
        >>> import lamella.backend as K
        >>> K.eval(K.zeros((1, 2))).tolist()
        [[0.0, 0.0]]
    """
    return variable(ops.zeros(shape, dtype=dtype or _dtypes.floatx()), dtype, name)


def ones(shape: Any, dtype: Any = None, name: str | None = None) -> Variable:
    """A Variable of ones; see `zeros`."""
    return variable(ops.ones(shape, dtype=dtype or _dtypes.floatx()), dtype, name)


def eye(size: Any, dtype: Any = None, name: str | None = None) -> Variable:
    """A Variable that holds an identity matrix.

    Args:
        size: the number of rows; or a tuple, whose last two entries are the numbers of rows and columns of the
            matrices that are stacked along the axes before.
        dtype: defaults to `floatx()`.
        name: its name.

    Example:
        >>> import lamella.backend as K
        >>> K.eval(K.eye(2)).tolist()
        [[1.0, 0.0], [0.0, 1.0]]
    """
    if not isinstance(size, (tuple, list)):
        size = (size, size)
    if len(size) < 2:
        raise ArgumentError(f"eye needs the number of rows, or a tuple of at least two sizes; got {size!r}.")
    matrix = ops.eye(size[-2], size[-1], dtype=dtype or _dtypes.floatx())
    return variable(ops.broadcast_to(matrix, tuple(size)), dtype, name)


def zeros_like(x: ArrayLike, dtype: Any = None, name: str | None = None) -> Array:
    """Zeros of the shape of `x`, and of its dtype unless `dtype` says otherwise."""
    return ops.zeros_like(x, dtype=dtype)


def ones_like(x: ArrayLike, dtype: Any = None, name: str | None = None) -> Array:
    """Ones of the shape of `x`, and of its dtype unless `dtype` says otherwise."""
    return ops.ones_like(x, dtype=dtype)


def arange(start: Any, stop: Any = None, step: Any = 1, dtype: Any = "int32") -> Array:
    """The numbers from `start` (0 where `stop` is None) up to and without `stop`, in steps of `step`.

    Example:
        >>> import lamella.backend as K
        >>> K.arange(0, 10, 4).tolist()
        [0, 4, 8]
    """
    return ops.arange(start, stop, step=step, dtype=dtype)


def identity(x: ArrayLike, name: str | None = None) -> Array:
    """A tensor with the values of `x`."""
    return ops.copy(x)


def random_uniform_variable(
    shape: Any, low: float, high: float, dtype: Any = None, name: str | None = None, seed: Any = None
) -> Variable:
    """A Variable of draws from the uniform distribution on [low, high).

    Args:
        shape: its sizes.
        low, high: the ends of the interval.
        dtype: defaults to `floatx()`.
        name: its name.
        seed: an integer, for the same draws each time.
    """
    return variable(random.uniform(shape, low, high, dtype=dtype, seed=seed), dtype, name)


def random_normal_variable(
    shape: Any, mean: float, scale: float, dtype: Any = None, name: str | None = None, seed: Any = None
) -> Variable:
    """A Variable of draws from the normal distribution with centre `mean` and standard deviation `scale`.

    Args:
        shape: its sizes.
        mean, scale: the centre and the standard deviation.
        dtype: defaults to `floatx()`.
        name: its name.
        seed: an integer, for the same draws each time.
    """
    return variable(random.normal(shape, mean, scale, dtype=dtype, seed=seed), dtype, name)


# ---- reading and writing them ------------------------------------------------------------------------


def eval(x: ArrayLike) -> np.ndarray:
    """The values of `x`, as a NumPy array of its own.

    Example:
        >>> import lamella.backend as K
        >>> K.eval(K.variable([1.0, 2.0])).tolist()
        [1.0, 2.0]
    """
    return np.array(ops.convert_to_numpy(x))


def get_value(x: ArrayLike) -> np.ndarray:
    """The values of a Variable, as a NumPy array of its own."""
    return eval(x)


def batch_get_value(tensors: list) -> list[np.ndarray]:
    """The values of several Variables, as NumPy arrays."""
    return [eval(x) for x in tensors]


def set_value(x: Variable, value: ArrayLike) -> None:
    """Give the Variable `x` new values, of the same shape.

    Example:
        >>> import lamella.backend as K
        >>> v = K.variable(1.0)
        >>> K.set_value(v, 5.0)
        >>> float(K.get_value(v))
        5.0
    """
    x.assign(value)


def batch_set_value(tuples: list[tuple[Variable, ArrayLike]]) -> None:
    """Give several Variables new values; `tuples` are pairs `(variable, value)`."""
    for x, value in tuples:
        x.assign(value)


def update(x: Variable, new_x: ArrayLike) -> Array:
    """Give the Variable `x` the values `new_x`; returns them."""
    return x.assign(new_x)


def update_add(x: Variable, increment: ArrayLike) -> Array:
    """Add `increment` to the Variable `x`; returns its new values."""
    return x.assign_add(increment)


def update_sub(x: Variable, decrement: ArrayLike) -> Array:
    """Subtract `decrement` from the Variable `x`; returns its new values."""
    return x.assign_sub(decrement)


def moving_average_update(x: Variable, value: ArrayLike, momentum: ArrayLike) -> Array:
    """Move the Variable `x` towards `value`: `x * momentum + value * (1 - momentum)`.

    Args:
        x: a Variable.
        value: of the same shape.
        momentum: in [0, 1]: what stays of `x`.

    Returns:
        Its new values.

    Example:
        >>> import lamella.backend as K
        >>> mean = K.variable(0.0)
        >>> float(K.moving_average_update(mean, 2.0, 0.5))
        1.0
    """
    with _scopes.autocast_scope(None):
        return x.assign(x * momentum + ops.cast(value, x.dtype) * (1.0 - momentum))


# ---- facts about them --------------------------------------------------------------------------------


def _size(sizes: Any) -> int:
    count = 1
    for n in sizes:
        count *= int(n)
    return count


def count_params(x: ArrayLike) -> int:
    """The number of elements of `x`, whose shape is known."""
    return _size(ops.shape(x))


def dtype(x: ArrayLike) -> str:
    """The name of the dtype of `x`.

    Example:
        >>> import lamella.backend as K
        >>> K.dtype(K.zeros((2, 4)))
        'float32'
    """
    if isinstance(x, (KerasTensor, Variable)):
        return x.dtype
    name = _registry.owner(x)
    return _registry.get(name).dtype(x) if name else _dtypes.standardize_dtype(np.asarray(x).dtype)


def shape(x: ArrayLike) -> tuple:
    """The sizes of `x`; None for a size of a symbolic tensor that is unknown."""
    return ops.shape(x)


def int_shape(x: ArrayLike) -> tuple | None:
    """The sizes of `x` as a tuple of ints and Nones; None where `x` has no shape at all.

    Example:
        >>> import lamella.backend as K
        >>> K.int_shape(K.placeholder((None, 3)))
        (None, 3)
    """
    return ops.shape(x) if hasattr(x, "shape") or isinstance(x, (list, tuple, int, float)) else None


get_variable_shape = int_shape


def ndim(x: ArrayLike) -> int:
    """The number of axes of `x`."""
    return ops.ndim(x)


def is_sparse(tensor: Any) -> bool:
    """Whether a symbolic tensor stands for sparse data; False for everything else, for arrays are dense here."""
    return bool(getattr(tensor, "sparse", False))


def to_dense(tensor: ArrayLike) -> ArrayLike:
    """`tensor` itself: arrays are dense here."""
    return tensor


def cast(x: ArrayLike, dtype: Any) -> Array:
    """`x` in another dtype.

    Example:
        >>> import lamella.backend as K
        >>> K.cast(K.constant([1.5]), "int32").tolist()
        [1]
    """
    return ops.cast(x, dtype)


def cast_to_floatx(x: ArrayLike) -> Any:
    """`x` in the default float dtype: a NumPy array for a NumPy array or Python values, else a tensor.

    Example:
        >>> import lamella.backend as K
        >>> K.cast_to_floatx([1, 2]).dtype.name
        'float32'
    """
    if is_tensor(x):
        return ops.cast(x, _dtypes.floatx())
    return ops.convert_to_numpy(ops.cast(np.asarray(x), _dtypes.floatx()))
