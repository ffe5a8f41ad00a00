"""Means of regression errors, and how alike two series are."""

from typing import Any

from lamella import ops
from lamella.backend import _dtypes
from lamella.losses import cosine_similarity as negative_cosine_similarity
from lamella.losses import (
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
)
from lamella.losses._operands import aligned, to_dtype
from lamella.metrics._reduction import Mean, MeanMetricWrapper
from lamella.typing import Array, ArrayLike, Axis

__all__ = [
    "ConcordanceCorrelation",
    "CosineSimilarity",
    "LogCoshError",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "PearsonCorrelation",
    "RootMeanSquaredError",
    "concordance_correlation",
    "cosine_similarity",
    "pearson_correlation",
]


class MeanSquaredError(MeanMetricWrapper):
    """The mean of `losses.mean_squared_error` over all samples.

    Args:
        name, dtype: as of `Metric`.

    Example:
        >>> from lamella import metrics
        >>> float(metrics.MeanSquaredError()([[0.0, 1.0], [0.0, 0.0]], [[1.0, 1.0], [2.0, 0.0]]))
        1.25
    """

    def __init__(self, name: str | None = "mean_squared_error", dtype: Any = None):
        super().__init__(mean_squared_error, name=name, dtype=dtype)


class RootMeanSquaredError(Mean):
    """`sqrt(mean((y_true - y_pred)²))` over all values.

    Args:
        name, dtype: as of `Metric`.

    Example:
        >>> from lamella import metrics
        >>> float(metrics.RootMeanSquaredError()([[0.0], [0.0]], [[1.0], [7.0]]))
        5.0
    """

    _direction = "down"

    def __init__(self, name: str | None = "root_mean_squared_error", dtype: Any = None):
        super().__init__(name=name, dtype=dtype)

    def update_state(self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: Any = None) -> None:
        """Gather one batch.

        Args:
            y_true: targets, `(batch, ...)`.
            y_pred: predictions, of the same shape.
            sample_weight: None, or weights that broadcast to their leading axes.
        """
        y_true, y_pred = aligned("RootMeanSquaredError", y_true, to_dtype(y_pred, self.dtype))
        super().update_state(ops.square(y_pred - y_true), sample_weight=sample_weight)

    def result(self) -> Array:
        """The root of the mean so far."""
        return ops.sqrt(super().result())


class MeanAbsoluteError(MeanMetricWrapper):
    """The mean of `losses.mean_absolute_error` over all samples.

    Args:
        name, dtype: as of `Metric`.

    Example:
        >>> from lamella import metrics
        >>> float(metrics.MeanAbsoluteError()([[0.0, 1.0], [0.0, 0.0]], [[1.0, 1.0], [3.0, 0.0]]))
        1.0
    """

    def __init__(self, name: str | None = "mean_absolute_error", dtype: Any = None):
        super().__init__(mean_absolute_error, name=name, dtype=dtype)


class MeanAbsolutePercentageError(MeanMetricWrapper):
    """The mean of `losses.mean_absolute_percentage_error` over all samples.

    Args:
        name, dtype: as of `Metric`.

    Example:
        >>> from lamella import metrics
        >>> float(metrics.MeanAbsolutePercentageError()([[2.0, 4.0]], [[1.0, 4.0]]))
        25.0
    """

    def __init__(self, name: str | None = "mean_absolute_percentage_error", dtype: Any = None):
        super().__init__(mean_absolute_percentage_error, name=name, dtype=dtype)


class MeanSquaredLogarithmicError(MeanMetricWrapper):
    """The mean of `losses.mean_squared_logarithmic_error` over all samples.

    Args:
        name, dtype: as of `Metric`.

    Example:
        >>> from lamella import metrics
        >>> float(metrics.MeanSquaredLogarithmicError()([[1.0, 3.0]], [[1.0, 3.0]]))
        0.0
    """

    def __init__(self, name: str | None = "mean_squared_logarithmic_error", dtype: Any = None):
        super().__init__(mean_squared_logarithmic_error, name=name, dtype=dtype)


class LogCoshError(MeanMetricWrapper):
    """The mean of `losses.log_cosh` over all samples.

    Args:
        name, dtype: as of `Metric`.

    Example:
        >>> from lamella import metrics
        >>> float(metrics.LogCoshError()([[3.0, 3.0]], [[3.0, 3.0]]))
        0.0
    """

    def __init__(self, name: str | None = "logcosh", dtype: Any = None):
        super().__init__(log_cosh, name=name, dtype=dtype)


def cosine_similarity(y_true: ArrayLike, y_pred: ArrayLike, axis: int = -1) -> Array:
    """`sum(y_true * y_pred)` along `axis`, both scaled to length 1 first: 1 for the same direction, -1 for opposite.

    The loss of this name has the opposite sign.

    Args:
        y_true: targets, `(batch, ..., size)`.
        y_pred: predictions, of the same shape.
        axis: along which the vectors lie.

    Returns:
        A floating array without that axis, in [-1, 1].

    Example:
        >>> from lamella.metrics._regression import cosine_similarity
        >>> cosine_similarity([[0.0, 2.0]], [[0.0, 5.0]]).tolist()
        [1.0]
    """
    return -negative_cosine_similarity(y_true, y_pred, axis=axis)


class CosineSimilarity(MeanMetricWrapper):
    """The mean cosine of the angle between targets and predictions: 1 for the same direction, -1 for opposite.

    Args:
        name, dtype: as of `Metric`.
        axis: along which the vectors lie.

    Example:
        >>> from lamella import metrics
        >>> float(metrics.CosineSimilarity()([[0.0, 2.0], [1.0, 0.0]], [[0.0, 5.0], [0.0, 1.0]]))
        0.5
    """

    _direction = "up"

    def __init__(self, name: str | None = "cosine_similarity", dtype: Any = None, axis: int = -1):
        super().__init__(cosine_similarity, name=name, dtype=dtype, axis=axis)


def pearson_correlation(y_true: ArrayLike, y_pred: ArrayLike, axis: Axis = -1) -> Array:
    """`covariance(y_true, y_pred) / (deviation(y_true) * deviation(y_pred))` along `axis`.

    Args:
        y_true: targets, `(batch, ..., size)`.
        y_pred: predictions, of the same shape.
        axis: along which the series lie.

    Returns:
        A floating array without that axis, in [-1, 1]; NaN where a series is constant.

    Example:
        >>> from lamella import metrics
        >>> metrics.pearson_correlation([[1.0, 3.0]], [[5.0, 9.0]]).tolist()
        [1.0]
    """
    y_true, y_pred = aligned("pearson_correlation", y_true, y_pred)
    y_true = y_true - ops.mean(y_true, axis=axis, keepdims=True)
    y_pred = y_pred - ops.mean(y_pred, axis=axis, keepdims=True)
    covariance = ops.mean(y_true * y_pred, axis=axis)
    return covariance / (ops.std(y_true, axis=axis) * ops.std(y_pred, axis=axis))


def concordance_correlation(y_true: ArrayLike, y_pred: ArrayLike, axis: Axis = -1) -> Array:
    """`2 * covariance(y_true, y_pred) / (variance(y_true) + variance(y_pred) + difference of the means²)`.

    Lin (1989), "A Concordance Correlation Coefficient to Evaluate Reproducibility": 1 only where the values agree, not
    merely up to scale and shift. The denominator has `epsilon()` added.

    Args:
        y_true: targets, `(batch, ..., size)`.
        y_pred: predictions, of the same shape.
        axis: along which the series lie.

    Returns:
        A floating array without that axis, in [-1, 1].

    Example:
        >>> from lamella import metrics
        >>> metrics.concordance_correlation([[1.0, 1.0]], [[2.0, 2.0]]).tolist()
        [0.0]
    """
    y_true, y_pred = aligned("concordance_correlation", y_true, y_pred)
    true_mean = ops.mean(y_true, axis=axis, keepdims=True)
    pred_mean = ops.mean(y_pred, axis=axis, keepdims=True)
    covariance = ops.mean((y_true - true_mean) * (y_pred - pred_mean), axis=axis)
    apart = ops.square(ops.mean(true_mean - pred_mean, axis=axis))
    spread = ops.var(y_true, axis=axis) + ops.var(y_pred, axis=axis) + apart
    return 2.0 * covariance / (spread + _dtypes.epsilon())


class PearsonCorrelation(MeanMetricWrapper):
    """The mean of `pearson_correlation` over all samples.

    Args:
        name, dtype: as of `Metric`.
        axis: along which the series lie.

    Example:
        >>> from lamella import metrics
        >>> float(metrics.PearsonCorrelation()([[1.0, 3.0]], [[5.0, 9.0]]))
        1.0
    """

    _direction = "up"

    def __init__(self, name: str | None = "pearson_correlation", dtype: Any = None, axis: Axis = -1):
        super().__init__(pearson_correlation, name=name, dtype=dtype, axis=axis)


class ConcordanceCorrelation(MeanMetricWrapper):
    """The mean of `concordance_correlation` over all samples.

    Args:
        name, dtype: as of `Metric`.
        axis: along which the series lie.

    Example:
        >>> from lamella import metrics
        >>> float(metrics.ConcordanceCorrelation()([[1.0, 1.0]], [[2.0, 2.0]]))
        0.0
    """

    _direction = "up"

    def __init__(self, name: str | None = "concordance_correlation", dtype: Any = None, axis: Axis = -1):
        super().__init__(concordance_correlation, name=name, dtype=dtype, axis=axis)
