"""Functions of each element: arithmetic, comparisons, activations."""

import math

from lamella import ops
from lamella.backend import _dtypes
from lamella.ops import abs, cos, exp, log, sigmoid, sign, sin, softmax, softplus, softsign, square, tanh
from lamella.typing import Array, ArrayLike

__all__ = [
    "abs",
    "sign",
    "square",
    "sqrt",
    "exp",
    "log",
    "pow",
    "sin",
    "cos",
    "round",
    "clip",
    "maximum",
    "minimum",
    "equal",
    "not_equal",
    "greater",
    "greater_equal",
    "less",
    "less_equal",
    "relu",
    "elu",
    "sigmoid",
    "hard_sigmoid",
    "tanh",
    "softplus",
    "softsign",
    "softmax",
]


def sqrt(x: ArrayLike) -> Array:
    """The square root, where negative numbers count as 0.

    Example:
        >>> import lamella.backend as K
        >>> K.sqrt([4.0, -1.0]).tolist()
        [2.0, 0.0]
    """
    return ops.sqrt(ops.maximum(x, 0))


def pow(x: ArrayLike, a: ArrayLike) -> Array:
    """`x` to the power `a`."""
    return ops.power(x, a)


def round(x: ArrayLike) -> Array:
    """The nearest whole number; halves go to the even one."""
    return ops.round(x)


def clip(x: ArrayLike, min_value: ArrayLike | None, max_value: ArrayLike | None) -> Array:
    """`x`, where what is below `min_value` becomes it, and what is above `max_value` becomes that.

    Args:
        x: an array.
        min_value, max_value: numbers or arrays; None for no bound. A `max_value` below `min_value` counts as equal
            to it.

    Example:
        >>> import lamella.backend as K
        >>> K.clip([-2.0, 0.5, 7.0], 0, None).tolist()
        [0.0, 0.5, 7.0]
    """
    if isinstance(min_value, (int, float)) and isinstance(max_value, (int, float)):
        max_value = max_value if max_value >= min_value else min_value
    if max_value is not None:
        x = ops.minimum(x, max_value)
    return ops.maximum(x, min_value) if min_value is not None else ops.copy(x)


def maximum(x: ArrayLike, y: ArrayLike) -> Array:
    """The larger of each two elements."""
    return ops.maximum(x, y)


def minimum(x: ArrayLike, y: ArrayLike) -> Array:
    """The smaller of each two elements."""
    return ops.minimum(x, y)


def equal(x: ArrayLike, y: ArrayLike) -> Array:
    """Where `x == y`, a bool array."""
    return ops.equal(x, y)


def not_equal(x: ArrayLike, y: ArrayLike) -> Array:
    """Where `x != y`, a bool array."""
    return ops.not_equal(x, y)


def greater(x: ArrayLike, y: ArrayLike) -> Array:
    """Where `x > y`, a bool array."""
    return ops.greater(x, y)


def greater_equal(x: ArrayLike, y: ArrayLike) -> Array:
    """Where `x >= y`, a bool array."""
    return ops.greater_equal(x, y)


def less(x: ArrayLike, y: ArrayLike) -> Array:
    """Where `x < y`, a bool array."""
    return ops.less(x, y)


def less_equal(x: ArrayLike, y: ArrayLike) -> Array:
    """Where `x <= y`, a bool array."""
    return ops.less_equal(x, y)


def relu(x: ArrayLike, alpha: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Array:
    """The rectified linear unit: `max_value` from there on, `x` from `threshold` on, `alpha * (x - threshold)` below.

    Args:
        x: an array.
        alpha: the slope below the threshold.
        max_value: where the result stops growing; None for nowhere.
        threshold: below which values are damped.

    Example:
        >>> import lamella.backend as K
        >>> K.relu([-2.0, 1.0, 9.0], alpha=0.5, max_value=6.0).tolist()
        [-1.0, 1.0, 6.0]
    """
    x = ops.cast(x, "float32") if _dtypes.is_int_dtype(ops.convert_to_tensor(x).dtype) else ops.convert_to_tensor(x)
    if alpha == 0 and threshold == 0:
        active = ops.relu(x)
    else:
        active = ops.where(ops.greater_equal(x, threshold), x, (x - threshold) * alpha)
    if max_value is None or math.isinf(max_value):
        return active
    return ops.where(ops.greater_equal(x, max_value), ops.full_like(x, max_value), active)


def elu(x: ArrayLike, alpha: float = 1.0) -> Array:
    """The exponential linear unit: `x` above 0, `alpha * (exp(x) - 1)` below.

    Clevert, Unterthiner and Hochreiter (2015), arXiv:1511.07289.
    """
    return ops.elu(x, alpha=alpha)


def hard_sigmoid(x: ArrayLike) -> Array:
    """A sigmoid of three straight lines: `0.2 x + 0.5`, cut to [0, 1].

    The slope is that of Keras 2 and Theano. `activations.hard_sigmoid` has the slope 1/6, as Keras 3.

    Example:
        >>> import lamella.backend as K
        >>> K.hard_sigmoid([-3.0, 0.0, 3.0]).tolist()
        [0.0, 0.5, 1.0]
    """
    return ops.clip(ops.multiply(x, 0.2) + 0.5, 0.0, 1.0)
