"""Areas under curves of thresholds, and points on them."""

from collections.abc import Sequence
from enum import Enum
from typing import Any

import numpy as np

from lamella import ops
from lamella.backend import _dtypes
from lamella.core._variable import Variable
from lamella.errors import ArgumentError, NotBuiltError, ShapeError
from lamella.losses._operands import to_dtype
from lamella.metrics._confusion import CELLS, Thresholds, count_cells
from lamella.metrics._metric import Metric
from lamella.typing import Array, ArrayLike

__all__ = [
    "AUC",
    "PrecisionAtRecall",
    "RecallAtPrecision",
    "SensitivityAtSpecificity",
    "SpecificityAtSensitivity",
]


class AUCCurve(Enum):
    """Which curve `AUC` takes the area under."""

    ROC = "ROC"
    PR = "PR"
    PRGAIN = "PRGAIN"


class AUCSummationMethod(Enum):
    """How high `AUC` takes a curve to be between two of its points."""

    INTERPOLATION = "interpolation"
    MAJORING = "majoring"
    MINORING = "minoring"


def _member(kind: type[Enum], argument: str, value: Any) -> Any:
    for member in kind:
        if value is member or (isinstance(value, str) and value.lower() == member.value.lower()):
            return member
    known = ", ".join(repr(m.value) for m in kind)
    raise ArgumentError(f"The `{argument}` of AUC must be one of {known}; got {value!r}.")


class _FourCells(Metric):
    """Metrics made of all four cells of the confusion matrix at many thresholds."""

    _direction = "up"

    def _make_cells(self, shape: Sequence[int]) -> None:
        self.true_positives: Variable
        self.false_positives: Variable
        self.true_negatives: Variable
        self.false_negatives: Variable
        for cell in CELLS:
            setattr(self, cell, self.add_variable(shape=shape, initializer="zeros", name=cell))

    def _add(self, counts: dict[str, Array]) -> None:
        for cell, value in counts.items():
            getattr(self, cell).assign_add(value)

    def _cells(self) -> tuple[Array, Array, Array, Array]:
        return (
            self.true_positives.value,
            self.false_positives.value,
            self.true_negatives.value,
            self.false_negatives.value,
        )


class AUC(_FourCells):
    """The area under a curve whose points are thresholds, by a Riemann sum.

    The ROC curve has the false positive rate on x and the true positive rate on y. The PR curve has recall and
    precision; its `"interpolation"` is that of Davis and Goadrich (2006), "The Relationship Between Precision-Recall
    and ROC Curves". The PRGAIN curve has their gains over always saying yes; Flach and Kull (2015),
    "Precision-Recall-Gain Curves".

    Args:
        num_thresholds: how many there are, more than 1, evenly in [0, 1].
        curve: "ROC", "PR" or "PRGAIN".
        summation_method: "interpolation" (straight lines between points), "minoring" or "majoring" (the lower or the
            higher of two points).
        name, dtype: as of `Metric`.
        thresholds: floats in [0, 1] to use instead; one below 0 and one above 1 are added.
        multi_label: whether each index of the last axis is a label of its own, whose areas are averaged.
        num_labels: how many labels there are; with it, the variables are made at once. Only with `multi_label`.
        label_weights: weights of the labels: in the average of the areas with `multi_label`, otherwise of the counts.
        from_logits: whether predictions are logits, of which the sigmoid is the probability.

    Raises:
        ArgumentError: for an unknown `curve` or `summation_method`, `num_thresholds` below 2, or `num_labels` without
            `multi_label`.

    Example:
        >>> from lamella import metrics
        >>> float(metrics.AUC(num_thresholds=3)([0, 0, 1, 1], [0, 0.5, 0.3, 0.9]))
        0.75
    """

    def __init__(
        self,
        num_thresholds: int = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        name: str | None = None,
        dtype: Any = None,
        thresholds: Sequence[float] | None = None,
        multi_label: bool = False,
        num_labels: int | None = None,
        label_weights: Any = None,
        from_logits: bool = False,
    ):
        self.curve = _member(AUCCurve, "curve", curve)
        self.summation_method = _member(AUCSummationMethod, "summation_method", summation_method)
        if num_labels is not None and not multi_label:
            raise ArgumentError(f"AUC takes `num_labels` only with multi_label=True; got num_labels={num_labels!r}.")
        if thresholds is None and num_thresholds <= 1:
            raise ArgumentError(f"The `num_thresholds` of AUC must be an integer > 1; got {num_thresholds!r}.")
        super().__init__(name=name, dtype=dtype)
        self._init_from_thresholds = thresholds is not None
        if thresholds is None:
            between = [(i + 1) / (num_thresholds - 1) for i in range(num_thresholds - 2)]
        else:
            between = sorted(float(t) for t in thresholds)
        epsilon = _dtypes.epsilon()
        self._thresholds = [0.0 - epsilon, *between, 1.0 + epsilon]
        self.num_thresholds = len(self._thresholds)
        self._limits = Thresholds(self._thresholds)
        self.multi_label = multi_label
        self.num_labels = num_labels
        self.label_weights = None if label_weights is None else np.asarray(label_weights, "float32")
        self._from_logits = from_logits
        self._built = False
        if not multi_label or num_labels:
            self._build((None, num_labels) if num_labels else None)

    @property
    def thresholds(self) -> list[float]:
        """The thresholds, ascending, the added ones included."""
        return list(self._thresholds)

    def _build(self, shape: Sequence[int | None] | None) -> None:
        cells: tuple[Any, ...] = (self.num_thresholds,)
        if self.multi_label:
            if shape is None or len(shape) != 2:
                raise ShapeError(
                    f"AUC with multi_label=True takes predictions of shape (batch, labels); got {tuple(shape or ())}."
                )
            self.num_labels = shape[1]
            cells = (self.num_thresholds, self.num_labels)
        self._make_cells(cells)
        self._built = True

    def update_state(self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: Any = None) -> None:
        """Gather one batch.

        Args:
            y_true: labels, 0 for no, anything else for yes.
            y_pred: scores in [0, 1] (or logits), of the same shape.
            sample_weight: None, or weights that broadcast to the leading axes of the labels.

        Raises:
            ShapeError: when shapes do not fit.
        """
        y_pred = to_dtype(y_pred, self.dtype)
        if not self._built:
            self._build(y_pred.shape)
        if self.multi_label and tuple(y_pred.shape[1:]) != (self.num_labels,):
            raise ShapeError(
                f"AUC {self.name!r} counts {self.num_labels} labels, with multi_label=True; got predictions of shape "
                f"{tuple(y_pred.shape)} where (batch, {self.num_labels}) was expected."
            )
        if self._from_logits:
            y_pred = ops.sigmoid(y_pred)
        counts = count_cells(
            "AUC",
            self._limits,
            y_true,
            y_pred,
            sample_weight,
            per_label=self.multi_label,
            label_weights=None if self.multi_label else self.label_weights,
        )
        self._add(counts)

    def result(self) -> Array:
        """The area so far, a scalar in [0, 1]."""
        self._check_built()
        if self.curve is AUCCurve.PR and self.summation_method is AUCSummationMethod.INTERPOLATION:
            return self.interpolate_pr_auc()
        x, y = self._points()
        left, right = y[:-1], y[1:]
        if self.summation_method is AUCSummationMethod.INTERPOLATION:
            heights = (left + right) / 2.0
        elif self.summation_method is AUCSummationMethod.MINORING:
            heights = ops.minimum(left, right)
        else:
            heights = ops.maximum(left, right)
        return self._averaged(ops.sum((x[:-1] - x[1:]) * heights, axis=0))

    def _points(self) -> tuple[Array, Array]:
        tp, fp, tn, fn = self._cells()
        recall = ops.divide_no_nan(tp, tp + fn)
        if self.curve is AUCCurve.ROC:
            return ops.divide_no_nan(fp, fp + tn), recall
        if self.curve is AUCCurve.PR:
            return recall, ops.divide_no_nan(tp, tp + fp)
        # The gain of a rate r over the rate p of yes labels is (r - p) / ((1 - p) r). Recall that is no gain
        # has no width on the curve.
        odds = ops.divide_no_nan(tp + fn, fp + tn)
        precision_gain = 1.0 - odds * ops.divide_no_nan(fp, tp)
        recall_gain = ops.where(ops.greater(tp, 0.0), 1.0 - odds * ops.divide_no_nan(fn, tp), 0.0)
        return ops.maximum(recall_gain, 0.0), precision_gain

    def interpolate_pr_auc(self) -> Array:
        """The area under the PR curve, interpolated as between two points of true and false positives on a line.

        Davis and Goadrich (2006), section 3: there, with `p` positives of which `tp` true, the precision is
        `(tp_left + slope * (p - p_left)) / p`, whose integral over recall has a logarithm.

        Returns:
            A scalar.
        """
        self._check_built()
        tp, fp, _, fn = self._cells()
        p = tp + fp
        gained = tp[:-1] - tp[1:]
        slope = ops.divide_no_nan(gained, ops.maximum(p[:-1] - p[1:], 0.0))
        intercept = tp[1:] - slope * p[1:]
        some = ops.logical_and(ops.greater(p[:-1], 0.0), ops.greater(p[1:], 0.0))
        ratio = ops.where(some, ops.divide_no_nan(p[:-1], ops.maximum(p[1:], 0.0)), 1.0)
        area = ops.divide_no_nan(slope * (gained + intercept * ops.log(ratio)), ops.maximum(tp[1:] + fn[1:], 0.0))
        return self._averaged(ops.sum(area, axis=0))

    def _averaged(self, areas: Array) -> Array:
        if not self.multi_label:
            return areas
        if self.label_weights is None:
            return ops.mean(areas)
        weights = to_dtype(self.label_weights, None, like=areas)
        return ops.divide_no_nan(ops.sum(areas * weights), ops.sum(weights))

    def _check_built(self) -> None:
        if not self._built:
            raise NotBuiltError(
                f"The metric {self.name!r} has no variables yet. With multi_label=True, give `num_labels` to AUC, or "
                "call `update_state` first."
            )

    def reset_state(self) -> None:
        """Start from nothing."""
        super().reset_state()

    def get_config(self) -> dict:
        config = {
            **super().get_config(),
            "num_thresholds": self.num_thresholds,
            "curve": self.curve.value,
            "summation_method": self.summation_method.value,
            "multi_label": self.multi_label,
            "num_labels": self.num_labels,
            "label_weights": None if self.label_weights is None else self.label_weights.tolist(),
            "from_logits": self._from_logits,
        }
        if self._init_from_thresholds:
            config["thresholds"] = self._thresholds[1:-1]
        return config


class _AtConstraint(_FourCells):
    """The best of one rate over the thresholds at which another is at least what was asked for."""

    _asked = ""  # the name of the argument, which is that of the rate
    _best = ""

    def __init__(self, value: float, num_thresholds: int, class_id: int | None, name: str | None, dtype: Any):
        kind = type(self).__name__
        if not isinstance(value, (int, float)) or not 0 <= value <= 1:
            raise ArgumentError(f"The `{self._asked}` of {kind} must be in the range [0, 1]; got {value!r}.")
        if num_thresholds <= 0:
            raise ArgumentError(f"The `num_thresholds` of {kind} must be an integer > 0; got {num_thresholds!r}.")
        super().__init__(name=name, dtype=dtype)
        setattr(self, self._asked, value)
        self.value = value
        self.num_thresholds = num_thresholds
        self.class_id = class_id
        self.thresholds = [i / (num_thresholds - 1) for i in range(num_thresholds)] if num_thresholds > 1 else [0.5]
        self._limits = Thresholds(self.thresholds)
        self._make_cells((num_thresholds,))

    def update_state(self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: Any = None) -> None:
        """Gather one batch.

        Args:
            y_true: labels, 0 for no, anything else for yes.
            y_pred: scores in [0, 1], of the same shape.
            sample_weight: None, or weights that broadcast to the leading axes of the labels.
        """
        self._add(count_cells(type(self).__name__, self._limits, y_true, y_pred, sample_weight, class_id=self.class_id))

    def result(self) -> Array:
        """The best rate so far; 0 when no threshold gives what was asked for."""
        tp, fp, tn, fn = self._cells()
        rates = {
            "precision": lambda: ops.divide_no_nan(tp, tp + fp),
            "recall": lambda: ops.divide_no_nan(tp, tp + fn),
            "sensitivity": lambda: ops.divide_no_nan(tp, tp + fn),
            "specificity": lambda: ops.divide_no_nan(tn, tn + fp),
        }
        enough = ops.greater_equal(rates[self._asked](), self.value)
        return ops.max(ops.where(enough, rates[self._best](), 0.0))

    def reset_state(self) -> None:
        """Start from nothing."""
        super().reset_state()

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "num_thresholds": self.num_thresholds,
            "class_id": self.class_id,
            self._asked: self.value,
        }


class SensitivityAtSpecificity(_AtConstraint):
    """The best sensitivity, `tp / (tp + fn)`, at a threshold where the specificity, `tn / (tn + fp)`, is high enough.

    Args:
        specificity: what is asked for, in [0, 1].
        num_thresholds: how many there are, at least 1, evenly in [0, 1].
        class_id: only this index of the last axis counts.
        name, dtype: as of `Metric`.

    Raises:
        ArgumentError: when `specificity` or `num_thresholds` is out of range.

    Example:
        >>> from lamella import metrics
        >>> float(metrics.SensitivityAtSpecificity(0.5)([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8]))
        0.5
    """

    _asked, _best = "specificity", "sensitivity"

    def __init__(
        self,
        specificity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(specificity, num_thresholds, class_id, name, dtype)


class SpecificityAtSensitivity(_AtConstraint):
    """The best specificity, `tn / (tn + fp)`, at a threshold where the sensitivity, `tp / (tp + fn)`, is high enough.

    Args:
        sensitivity: what is asked for, in [0, 1].
        num_thresholds: how many there are, at least 1, evenly in [0, 1].
        class_id: only this index of the last axis counts.
        name, dtype: as of `Metric`.

    Raises:
        ArgumentError: when `sensitivity` or `num_thresholds` is out of range.

    Example:
        >>> from lamella import metrics
        >>> round(float(metrics.SpecificityAtSensitivity(0.5)([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8])), 3)
        0.667
    """

    _asked, _best = "sensitivity", "specificity"

    def __init__(
        self,
        sensitivity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(sensitivity, num_thresholds, class_id, name, dtype)


class PrecisionAtRecall(_AtConstraint):
    """The best precision, `tp / (tp + fp)`, at a threshold where the recall, `tp / (tp + fn)`, is high enough.

    Args:
        recall: what is asked for, in [0, 1].
        num_thresholds: how many there are, at least 1, evenly in [0, 1].
        class_id: only this index of the last axis counts.
        name, dtype: as of `Metric`.

    Raises:
        ArgumentError: when `recall` or `num_thresholds` is out of range.

    Example:
        >>> from lamella import metrics
        >>> float(metrics.PrecisionAtRecall(0.5)([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8]))
        0.5
    """

    _asked, _best = "recall", "precision"

    def __init__(
        self,
        recall: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(recall, num_thresholds, class_id, name, dtype)


class RecallAtPrecision(_AtConstraint):
    """The best recall, `tp / (tp + fn)`, at a threshold where the precision, `tp / (tp + fp)`, is high enough.

    Args:
        precision: what is asked for, in [0, 1].
        num_thresholds: how many there are, at least 1, evenly in [0, 1].
        class_id: only this index of the last axis counts.
        name, dtype: as of `Metric`.

    Raises:
        ArgumentError: when `precision` or `num_thresholds` is out of range.

    Example:
        >>> from lamella import metrics
        >>> float(metrics.RecallAtPrecision(0.75)([0, 0, 1, 1], [0, 0.5, 0.3, 0.9]))
        0.5
    """

    _asked, _best = "precision", "recall"

    def __init__(
        self,
        precision: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(precision, num_thresholds, class_id, name, dtype)
