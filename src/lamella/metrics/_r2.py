"""The coefficient of determination."""

from typing import Any

from lamella import ops
from lamella.core._variable import Variable
from lamella.errors import ArgumentError, NotBuiltError, ShapeError
from lamella.losses._operands import match_ranks, to_dtype
from lamella.metrics._metric import Metric
from lamella.typing import Array, ArrayLike

__all__ = ["R2Score"]

_AGGREGATIONS = (None, "uniform_average", "variance_weighted_average")


class R2Score(Metric):
    """`1 - sum((y_true - y_pred)²) / sum((y_true - mean(y_true))²)`: which part of the variance is explained.

    1 is best, 0 is as good as the mean, and below 0 is worse. With `num_regressors`, it is adjusted for the number of
    independent variables: `1 - (1 - R²) (n - 1) / (n - regressors - 1)` for `n` samples.

    Args:
        class_aggregation: over the last axis of the targets: None (one score for each), "uniform_average" or
            "variance_weighted_average".
        num_regressors: 0 for the score itself.
        name, dtype: as of `Metric`.

    Raises:
        ArgumentError: for another `class_aggregation`, or a negative `num_regressors`.

    Example:
        >>> from lamella import metrics
        >>> float(metrics.R2Score()([[1.0], [2.0], [3.0]], [[1.0], [2.0], [2.0]]))
        0.5
    """

    _direction = "up"

    def __init__(
        self,
        class_aggregation: str | None = "uniform_average",
        num_regressors: int = 0,
        name: str | None = "r2_score",
        dtype: Any = None,
    ):
        super().__init__(name=name, dtype=dtype)
        if class_aggregation not in _AGGREGATIONS:
            raise ArgumentError(
                f"The `class_aggregation` of R2Score must be one of {_AGGREGATIONS}; got {class_aggregation!r}."
            )
        if num_regressors < 0:
            raise ArgumentError(f"The `num_regressors` of R2Score must be at least 0; got {num_regressors!r}.")
        self.class_aggregation = class_aggregation
        self.num_regressors = num_regressors
        self.num_samples = self.add_variable(shape=(), initializer="zeros", name="num_samples")
        self._built = False

    def _build(self, y_true: Array, y_pred: Array) -> None:
        if len(y_pred.shape) != 2 or len(y_true.shape) != 2:
            raise ShapeError(
                "R2Score takes targets and predictions of shape (batch, outputs); got "
                f"y_true.shape={tuple(y_true.shape)} and y_pred.shape={tuple(y_pred.shape)}."
            )
        self.squared_sum: Variable
        self.sum: Variable
        self.total_mse: Variable
        self.count: Variable
        for attribute, name in (
            ("squared_sum", "squared_sum"),
            ("sum", "sum"),
            ("total_mse", "residual"),
            ("count", "count"),
        ):
            setattr(self, attribute, self.add_variable(shape=y_true.shape[1:], initializer="zeros", name=name))
        self._built = True

    def update_state(self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: Any = None) -> None:
        """Gather one batch.

        Args:
            y_true: targets, `(batch, outputs)`.
            y_pred: predictions, of the same shape.
            sample_weight: None, or weights that broadcast to them: a scalar, `(batch,)`, or `(batch, outputs)`.

        Raises:
            ShapeError: for other shapes.
        """
        y_pred = to_dtype(y_pred, self.dtype)
        y_true, y_pred = match_ranks(to_dtype(y_true, self.dtype, like=y_pred), y_pred)
        if not self._built:
            self._build(y_true, y_pred)
        if tuple(y_true.shape) != tuple(y_pred.shape) or y_true.shape[1:] != self.sum.shape:
            raise ShapeError(
                f"R2Score takes targets and predictions of one shape, (batch, {self.sum.shape[0]}); got "
                f"y_true.shape={tuple(y_true.shape)} and y_pred.shape={tuple(y_pred.shape)}."
            )
        weight = to_dtype(1 if sample_weight is None else sample_weight, self.dtype, like=y_pred)
        if len(weight.shape) == 1:
            weight = ops.expand_dims(weight, axis=1)
        weight = ops.broadcast_to(weight, y_true.shape)
        weighted = y_true * weight
        self.sum.assign_add(ops.sum(weighted, axis=0))
        self.squared_sum.assign_add(ops.sum(y_true * weighted, axis=0))
        self.total_mse.assign_add(ops.sum(ops.square(y_true - y_pred) * weight, axis=0))
        self.count.assign_add(ops.sum(weight, axis=0))
        self.num_samples.assign_add(y_true.shape[0] * y_true.shape[1])

    def result(self) -> Array:
        """The score so far: `(outputs,)` without aggregation, otherwise a scalar."""
        if not self._built:
            raise NotBuiltError(
                f"The metric {self.name!r} has no variables yet: it makes them for the number of outputs it sees. Call "
                "`update_state` first."
            )
        total_sum, count = self.sum.value, self.count.value
        total = self.squared_sum.value - total_sum * ops.divide_no_nan(total_sum, count)
        raw = 1 - ops.divide(self.total_mse.value, total)
        raw = ops.where(ops.isinf(raw), 0.0, raw)
        if self.class_aggregation == "uniform_average":
            score = ops.mean(raw)
        elif self.class_aggregation == "variance_weighted_average":
            score = ops.divide_no_nan(ops.sum(total * raw), ops.sum(total))
        else:
            score = raw
        return self._adjusted(score) if self.num_regressors else score

    def _adjusted(self, score: Array) -> Array:
        """For the number of regressors; as it is where there are no fewer of them than samples - 1."""
        free = self.num_samples.value - self.num_regressors - 1.0
        adjusted = 1 - ops.divide_no_nan((1 - score) * (self.num_samples.value - 1.0), free)
        return ops.where(ops.greater(free, 0), adjusted, score)

    def reset_state(self) -> None:
        """Start from nothing."""
        super().reset_state()

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "class_aggregation": self.class_aggregation,
            "num_regressors": self.num_regressors,
        }
