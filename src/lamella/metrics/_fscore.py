"""F-scores: precision and recall in one number."""

from typing import Any

from lamella import ops
from lamella.backend import _dtypes
from lamella.core._variable import Variable
from lamella.errors import ArgumentError, NotBuiltError, ShapeError
from lamella.losses._operands import to_dtype
from lamella.metrics._metric import Metric
from lamella.typing import Array, ArrayLike

__all__ = ["F1Score", "FBetaScore"]

_AVERAGES = (None, "micro", "macro", "weighted")
_VARIABLES = ("true_positives", "false_positives", "false_negatives", "intermediate_weights")


class FBetaScore(Metric):
    """`(1 + beta²) * precision * recall / (beta² * precision + recall)` of each class, averaged.

    Van Rijsbergen (1979), "Information Retrieval", chapter 7: recall counts `beta` times as much as precision.

    Args:
        average: over the classes: None (one score for each), "micro" (one score of all counts together), "macro" (their
            mean), or "weighted" (their mean, weighted by how often each class is a label).
        beta: a float greater than 0.
        threshold: a float in (0, 1] above which a score is a yes; with None, the largest score of a sample is one.
        name, dtype: as of `Metric`.

    Raises:
        ArgumentError: for another `average`, or a `beta` or `threshold` that is no float or out of range.

    Example:
        >>> from lamella import metrics
        >>> metric = metrics.FBetaScore(beta=2.0, threshold=0.5)
        >>> metric([[1, 1], [1, 0]], [[0.25, 0.75], [0.75, 0.25]]).round(3).tolist()[1]
        1.0
    """

    _direction = "up"

    def __init__(
        self,
        average: str | None = None,
        beta: float = 1.0,
        threshold: float | None = None,
        name: str | None = "fbeta_score",
        dtype: Any = None,
    ):
        super().__init__(name=name, dtype=dtype)
        kind = type(self).__name__
        if average not in _AVERAGES:
            raise ArgumentError(f"The `average` of {kind} must be one of {_AVERAGES}; got {average!r}.")
        if not isinstance(beta, float) or not beta > 0:
            raise ArgumentError(f"The `beta` of {kind} must be a float greater than 0; got {beta!r}.")
        if threshold is not None and (not isinstance(threshold, float) or not 0 < threshold <= 1):
            raise ArgumentError(f"The `threshold` of {kind} must be a float in (0, 1], or None; got {threshold!r}.")
        self.average = average
        self.beta = beta
        self.threshold = threshold
        self.axis = None if average == "micro" else 0
        self._built = False

    def _build(self, y_true: Array, y_pred: Array) -> None:
        if len(y_pred.shape) != 2 or len(y_true.shape) != 2:
            raise ShapeError(
                f"{type(self).__name__} takes labels and predictions of shape (batch, classes); got "
                f"y_true.shape={tuple(y_true.shape)} and y_pred.shape={tuple(y_pred.shape)}."
            )
        shape = () if self.average == "micro" else (y_pred.shape[-1],)
        self.true_positives: Variable
        self.false_positives: Variable
        self.false_negatives: Variable
        self.intermediate_weights: Variable
        for name in _VARIABLES:
            setattr(self, name, self.add_variable(shape=shape, initializer="zeros", dtype=self.dtype, name=name))
        self._built = True

    def update_state(self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: Any = None) -> None:
        """Gather one batch.

        Args:
            y_true: labels 0 and 1, `(batch, classes)`.
            y_pred: scores, of the same shape.
            sample_weight: None, or weights, `(batch,)`.

        Raises:
            ShapeError: for other shapes.
        """
        y_pred = to_dtype(y_pred, self.dtype)
        y_true = to_dtype(y_true, self.dtype, like=y_pred)
        if not self._built:
            self._build(y_true, y_pred)
        if tuple(y_true.shape) != tuple(y_pred.shape):
            raise ShapeError(
                f"{type(self).__name__} takes labels and predictions of one shape; got "
                f"y_true.shape={tuple(y_true.shape)} and y_pred.shape={tuple(y_pred.shape)}."
            )
        if self.threshold is None:
            largest = ops.max(y_pred, axis=-1, keepdims=True)
            # A row of zeros has no largest score.
            yes = ops.logical_and(ops.greater_equal(y_pred, largest), ops.greater(ops.abs(y_pred), 1e-9))
        else:
            yes = ops.greater(y_pred, self.threshold)
        yes = ops.cast(yes, self.dtype)

        weight: Any = 1
        if sample_weight is not None:
            weight = to_dtype(sample_weight, self.dtype, like=y_pred)
            if weight.shape not in ((), (y_pred.shape[0],)):
                raise ShapeError(
                    f"{type(self).__name__} takes one weight for each sample, shape (batch,); got `sample_weight` of "
                    f"shape {tuple(weight.shape)} for predictions of shape {tuple(y_pred.shape)}."
                )
            weight = ops.expand_dims(weight, axis=-1) if weight.shape else weight

        for name, cell in (
            ("true_positives", yes * y_true),
            ("false_positives", yes * (1 - y_true)),
            ("false_negatives", (1 - yes) * y_true),
            ("intermediate_weights", y_true),
        ):
            getattr(self, name).assign_add(ops.sum(cell * weight, axis=self.axis))

    def result(self) -> Array:
        """The score so far: `(classes,)` without an average, otherwise a scalar."""
        if not self._built:
            raise NotBuiltError(
                f"The metric {self.name!r} has no variables yet: it makes them for the number of classes it sees. Call "
                "`update_state` first."
            )
        tp, fp, fn = self.true_positives.value, self.false_positives.value, self.false_negatives.value
        epsilon = _dtypes.epsilon()
        precision = ops.divide(tp, tp + fp + epsilon)
        recall = ops.divide(tp, tp + fn + epsilon)
        squared = self.beta**2
        scores = (1 + squared) * ops.divide(precision * recall, precision * squared + recall + epsilon)
        if self.average == "weighted":
            weights = self.intermediate_weights.value
            return ops.sum(scores * ops.divide(weights, ops.sum(weights) + epsilon))
        return scores if self.average is None else ops.mean(scores)

    def reset_state(self) -> None:
        """Start from nothing."""
        super().reset_state()

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "average": self.average,
            "beta": self.beta,
            "threshold": self.threshold,
        }


class F1Score(FBetaScore):
    """`2 * precision * recall / (precision + recall)` of each class, averaged.

    Args:
        average: over the classes: None (one score for each), "micro" (one score of all counts together), "macro" (their
            mean), or "weighted" (their mean, weighted by how often each class is a label).
        threshold: a float in (0, 1] above which a score is a yes; with None, the largest score of a sample is one.
        name, dtype: as of `Metric`.

    Raises:
        ArgumentError: for another `average`, or a `threshold` that is no float or out of range.

    Example:
        >>> from lamella import metrics
        >>> metrics.F1Score(threshold=0.5)([[1, 1], [1, 0]], [[0.25, 0.75], [0.75, 0.25]]).shape
        (2,)
    """

    def __init__(
        self,
        average: str | None = None,
        threshold: float | None = None,
        name: str | None = "f1_score",
        dtype: Any = None,
    ):
        super().__init__(average=average, beta=1.0, threshold=threshold, name=name, dtype=dtype)

    def get_config(self) -> dict:
        config = super().get_config()
        del config["beta"]
        return config
