"""Distances between targets and predictions that are real numbers or vectors."""

import math
from typing import Any

from lamella import ops
from lamella.backend import _dtypes
from lamella.losses._loss import LossFunctionWrapper
from lamella.losses._operands import aligned, operands
from lamella.typing import Array, ArrayLike

__all__ = [
    "CosineSimilarity",
    "Huber",
    "LogCosh",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Poisson",
    "cosine_similarity",
    "huber",
    "log_cosh",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "poisson",
]


def mean_squared_error(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """`mean((y_true - y_pred)²)` over the last axis.

    Args:
        y_true: targets, `(batch, ..., size)`.
        y_pred: predictions, of the same shape.

    Returns:
        A floating array `(batch, ...)`, at least 0.

    Raises:
        ShapeError: when the shapes do not broadcast.

    Example:
        >>> from lamella import losses
        >>> losses.mean_squared_error([[0.0, 1.0], [0.0, 0.0]], [[1.0, 1.0], [2.0, 0.0]]).tolist()
        [0.5, 2.0]
    """
    y_true, y_pred = aligned("mean_squared_error", y_true, y_pred)
    return ops.mean(ops.square(y_true - y_pred), axis=-1)


def mean_absolute_error(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """`mean(|y_true - y_pred|)` over the last axis.

    Args:
        y_true: targets, `(batch, ..., size)`.
        y_pred: predictions, of the same shape.

    Returns:
        A floating array `(batch, ...)`, at least 0.

    Raises:
        ShapeError: when the shapes do not broadcast.

    Example:
        >>> from lamella import losses
        >>> losses.mean_absolute_error([[0.0, 1.0], [0.0, 0.0]], [[1.0, 1.0], [3.0, 0.0]]).tolist()
        [0.5, 1.5]
    """
    y_true, y_pred = aligned("mean_absolute_error", y_true, y_pred)
    return ops.mean(ops.abs(y_true - y_pred), axis=-1)


def mean_absolute_percentage_error(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """`100 * mean(|y_true - y_pred| / max(|y_true|, epsilon()))` over the last axis.

    Args:
        y_true: targets, `(batch, ..., size)`.
        y_pred: predictions, of the same shape.

    Returns:
        A floating array `(batch, ...)`, in percent, at least 0.

    Raises:
        ShapeError: when the shapes do not broadcast.

    Example:
        >>> from lamella import losses
        >>> losses.mean_absolute_percentage_error([[2.0, 4.0]], [[1.0, 4.0]]).tolist()
        [25.0]
    """
    y_true, y_pred = aligned("mean_absolute_percentage_error", y_true, y_pred)
    relative = ops.abs((y_true - y_pred) / ops.maximum(ops.abs(y_true), _dtypes.epsilon()))
    return 100.0 * ops.mean(relative, axis=-1)


def mean_squared_logarithmic_error(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """`mean((log(y_true + 1) - log(y_pred + 1))²)` over the last axis, both cut to at least `epsilon()` first.

    Args:
        y_true: targets, `(batch, ..., size)`, at least 0.
        y_pred: predictions, of the same shape, at least 0.

    Returns:
        A floating array `(batch, ...)`, at least 0.

    Raises:
        ShapeError: when the shapes do not broadcast.

    Example:
        >>> from lamella import losses
        >>> losses.mean_squared_logarithmic_error([[1.0, 3.0]], [[1.0, 3.0]]).tolist()
        [0.0]
    """
    y_true, y_pred = aligned("mean_squared_logarithmic_error", y_true, y_pred)
    return ops.mean(ops.square(_log_of_one_more(y_true) - _log_of_one_more(y_pred)), axis=-1)


def _log_of_one_more(x: Array) -> Array:
    return ops.log(ops.maximum(x, _dtypes.epsilon()) + 1.0)


def huber(y_true: ArrayLike, y_pred: ArrayLike, delta: float = 1.0) -> Array:
    """Quadratic near 0 and linear beyond `delta`: `mean` over the last axis of, with `e = y_pred - y_true`,

    `e² / 2` where `|e| <= delta`, else `delta * |e| - delta² / 2`.

    Huber (1964), "Robust Estimation of a Location Parameter".

    Args:
        y_true: targets, `(batch, ..., size)`.
        y_pred: predictions, of the same shape.
        delta: where the quadratic part ends, greater than 0.

    Returns:
        A floating array `(batch, ...)`, at least 0.

    Raises:
        ShapeError: when the shapes do not broadcast.

    Example:
        >>> from lamella import losses
        >>> losses.huber([[0.0], [0.0]], [[1.0], [3.0]]).tolist()
        [0.5, 2.5]
    """
    y_true, y_pred = aligned("huber", y_true, y_pred)
    error = y_pred - y_true
    size = ops.abs(error)
    # The derivative of |e| where it is not taken is 0 · sign(e): finite everywhere.
    return ops.mean(ops.where(size <= delta, 0.5 * ops.square(error), delta * size - 0.5 * delta * delta), axis=-1)


def log_cosh(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """`mean(log(cosh(y_pred - y_true)))` over the last axis, without overflow.

    About `e² / 2` for small errors `e`, and `|e| - log(2)` for large ones.

    Args:
        y_true: targets, `(batch, ..., size)`.
        y_pred: predictions, of the same shape.

    Returns:
        A floating array `(batch, ...)`, at least 0.

    Raises:
        ShapeError: when the shapes do not broadcast.

    Example:
        >>> from lamella import losses
        >>> losses.log_cosh([[3.0, 3.0]], [[3.0, 3.0]]).tolist()
        [0.0]
    """
    y_true, y_pred = aligned("log_cosh", y_true, y_pred)
    error = y_pred - y_true
    # cosh(e) = exp(e) (1 + exp(-2e)) / 2
    return ops.mean(error + ops.softplus(-2.0 * error) - math.log(2.0), axis=-1)


def cosine_similarity(y_true: ArrayLike, y_pred: ArrayLike, axis: int = -1) -> Array:
    """`-sum(y_true * y_pred)` along `axis`, both scaled to length 1 first: -1 for the same direction, 1 for opposite.

    A vector of zeros has similarity 0 to every other.

    Args:
        y_true: targets, `(batch, ..., size)`.
        y_pred: predictions, of the same shape.
        axis: along which the vectors lie.

    Returns:
        A floating array without that axis, in [-1, 1].

    Raises:
        ShapeError: when the shapes do not broadcast.

    Example:
        >>> from lamella import losses
        >>> losses.cosine_similarity([[0.0, 2.0], [1.0, 0.0]], [[0.0, 5.0], [0.0, 1.0]]).tolist()
        [-1.0, -0.0]
    """
    y_true, y_pred = aligned("cosine_similarity", y_true, y_pred)
    return -ops.sum(ops.normalize(y_true, axis=axis) * ops.normalize(y_pred, axis=axis), axis=axis)


def poisson(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """`mean(y_pred - y_true * log(y_pred + epsilon()))` over the last axis.

    The negative log likelihood of counts `y_true` under Poisson distributions of means `y_pred`, up to a constant.

    Args:
        y_true: targets, `(batch, ..., size)`, at least 0.
        y_pred: predictions, of the same shape, at least 0.

    Returns:
        A floating array `(batch, ...)`.

    Example:
        >>> from lamella import losses
        >>> losses.poisson([[0.0, 0.0]], [[1.0, 3.0]]).tolist()
        [2.0]
    """
    y_true, y_pred = operands(y_true, y_pred)
    return ops.mean(y_pred - y_true * ops.log(y_pred + _dtypes.epsilon()), axis=-1)


class MeanSquaredError(LossFunctionWrapper):
    """`mean_squared_error` of each sample, reduced.

    Args:
        reduction, name, dtype: as of `Loss`.

    Example:
        >>> from lamella import losses
        >>> float(losses.MeanSquaredError()([[0.0, 1.0], [0.0, 0.0]], [[1.0, 1.0], [2.0, 0.0]]))
        1.25
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "mean_squared_error",
        dtype: Any = None,
    ):
        super().__init__(mean_squared_error, name=name, reduction=reduction, dtype=dtype)


class MeanAbsoluteError(LossFunctionWrapper):
    """`mean_absolute_error` of each sample, reduced.

    Args:
        reduction, name, dtype: as of `Loss`.

    Example:
        >>> from lamella import losses
        >>> float(losses.MeanAbsoluteError()([[0.0, 1.0], [0.0, 0.0]], [[1.0, 1.0], [3.0, 0.0]]))
        1.0
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "mean_absolute_error",
        dtype: Any = None,
    ):
        super().__init__(mean_absolute_error, name=name, reduction=reduction, dtype=dtype)


class MeanAbsolutePercentageError(LossFunctionWrapper):
    """`mean_absolute_percentage_error` of each sample, reduced.

    Args:
        reduction, name, dtype: as of `Loss`.

    Example:
        >>> from lamella import losses
        >>> float(losses.MeanAbsolutePercentageError()([[2.0, 4.0]], [[1.0, 4.0]]))
        25.0
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "mean_absolute_percentage_error",
        dtype: Any = None,
    ):
        super().__init__(mean_absolute_percentage_error, name=name, reduction=reduction, dtype=dtype)


class MeanSquaredLogarithmicError(LossFunctionWrapper):
    """`mean_squared_logarithmic_error` of each sample, reduced.

    Args:
        reduction, name, dtype: as of `Loss`.

    Example:
        >>> from lamella import losses
        >>> float(losses.MeanSquaredLogarithmicError()([[1.0, 3.0]], [[1.0, 3.0]]))
        0.0
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "mean_squared_logarithmic_error",
        dtype: Any = None,
    ):
        super().__init__(mean_squared_logarithmic_error, name=name, reduction=reduction, dtype=dtype)


class Huber(LossFunctionWrapper):
    """`huber` of each sample, reduced.

    Args:
        delta: where the quadratic part ends, greater than 0.
        reduction, name, dtype: as of `Loss`.

    Example:
        >>> from lamella import losses
        >>> float(losses.Huber()([[0.0], [0.0]], [[1.0], [3.0]]))
        1.5
    """

    def __init__(
        self,
        delta: float = 1.0,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "huber_loss",
        dtype: Any = None,
    ):
        super().__init__(huber, name=name, reduction=reduction, dtype=dtype, delta=delta)


class LogCosh(LossFunctionWrapper):
    """`log_cosh` of each sample, reduced.

    Args:
        reduction, name, dtype: as of `Loss`.

    Example:
        >>> from lamella import losses
        >>> float(losses.LogCosh()([[3.0, 3.0]], [[3.0, 3.0]]))
        0.0
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "log_cosh",
        dtype: Any = None,
    ):
        super().__init__(log_cosh, name=name, reduction=reduction, dtype=dtype)


class CosineSimilarity(LossFunctionWrapper):
    """`cosine_similarity` of each sample, reduced.

    Args:
        axis: along which the vectors lie.
        reduction, name, dtype: as of `Loss`.

    Example:
        >>> from lamella import losses
        >>> float(losses.CosineSimilarity()([[0.0, 2.0], [1.0, 0.0]], [[0.0, 5.0], [0.0, 1.0]]))
        -0.5
    """

    def __init__(
        self,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "cosine_similarity",
        dtype: Any = None,
    ):
        super().__init__(cosine_similarity, name=name, reduction=reduction, dtype=dtype, axis=axis)


class Poisson(LossFunctionWrapper):
    """`poisson` of each sample, reduced.

    Args:
        reduction, name, dtype: as of `Loss`.

    Example:
        >>> from lamella import losses
        >>> float(losses.Poisson()([[0.0, 0.0]], [[1.0, 3.0]]))
        2.0
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "poisson",
        dtype: Any = None,
    ):
        super().__init__(poisson, name=name, reduction=reduction, dtype=dtype)
