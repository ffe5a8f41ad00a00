"""Precision, recall, and the cells of the confusion matrix that they are made of."""

from typing import Any

from lamella import ops
from lamella.metrics._confusion import EXCLUDED, Thresholds, check_thresholds, count_cells
from lamella.metrics._metric import Metric
from lamella.typing import Array, ArrayLike

__all__ = [
    "FalseNegatives",
    "FalsePositives",
    "Precision",
    "Recall",
    "TrueNegatives",
    "TruePositives",
]


class _CellCount(Metric):
    """One cell of the confusion matrix, at one threshold or several."""

    _cell = ""

    def __init__(self, thresholds: Any = None, name: str | None = None, dtype: Any = None):
        super().__init__(name=name, dtype=dtype)
        self.init_thresholds = thresholds
        self.thresholds = check_thresholds(type(self).__name__, 0.5 if thresholds is None else thresholds)
        self._limits = Thresholds(self.thresholds)
        self.accumulator = self.add_variable(shape=(len(self.thresholds),), initializer="zeros", name="accumulator")

    def update_state(self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: Any = None) -> None:
        """Gather one batch.

        Args:
            y_true: labels, 0 for no, anything else for yes.
            y_pred: scores in [0, 1], of the same shape.
            sample_weight: None, or weights that broadcast to the leading axes of the labels.
        """
        counts = count_cells(type(self).__name__, self._limits, y_true, y_pred, sample_weight, cells=(self._cell,))
        self.accumulator.assign_add(counts[self._cell])

    def result(self) -> Array:
        """The number so far: a scalar, or one for each of several thresholds."""
        return _scalar_if_single(self.accumulator.value)

    def get_config(self) -> dict:
        return {**super().get_config(), "thresholds": self.init_thresholds}


class TruePositives(_CellCount):
    """The (weighted) number of predictions above a threshold whose label is yes.

    Args:
        thresholds: a float in [0, 1] or a list of them; defaults to 0.5.
        name, dtype: as of `Metric`.

    Raises:
        ArgumentError: when a threshold is not in [0, 1].

    Example:
        >>> from lamella import metrics
        >>> float(metrics.TruePositives()([0, 1, 1, 1], [1, 0, 1, 1]))
        2.0
    """

    _cell = "true_positives"


class FalsePositives(_CellCount):
    """The (weighted) number of predictions above a threshold whose label is no.

    Args:
        thresholds: a float in [0, 1] or a list of them; defaults to 0.5.
        name, dtype: as of `Metric`.

    Raises:
        ArgumentError: when a threshold is not in [0, 1].

    Example:
        >>> from lamella import metrics
        >>> float(metrics.FalsePositives()([0, 1, 0, 0], [0, 0, 1, 1]))
        2.0
    """

    _cell = "false_positives"


class TrueNegatives(_CellCount):
    """The (weighted) number of predictions not above a threshold whose label is no.

    Args:
        thresholds: a float in [0, 1] or a list of them; defaults to 0.5.
        name, dtype: as of `Metric`.

    Raises:
        ArgumentError: when a threshold is not in [0, 1].

    Example:
        >>> from lamella import metrics
        >>> float(metrics.TrueNegatives()([0, 1, 0, 0], [1, 1, 0, 0]))
        2.0
    """

    _cell = "true_negatives"


class FalseNegatives(_CellCount):
    """The (weighted) number of predictions not above a threshold whose label is yes.

    Args:
        thresholds: a float in [0, 1] or a list of them; defaults to 0.5.
        name, dtype: as of `Metric`.

    Raises:
        ArgumentError: when a threshold is not in [0, 1].

    Example:
        >>> from lamella import metrics
        >>> float(metrics.FalseNegatives()([0, 1, 1, 1], [0, 1, 0, 0]))
        2.0
    """

    _cell = "false_negatives"


class _TruePositiveRate(Metric):
    """True positives as a part of them and the cell `_other`."""

    _direction = "up"
    _other = ""

    def __init__(
        self,
        thresholds: Any = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(name=name, dtype=dtype)
        self.init_thresholds = thresholds
        self.top_k = top_k
        self.class_id = class_id
        if thresholds is None and top_k is not None:
            self.thresholds = [EXCLUDED]  # the top k are a yes, whatever their scores
        else:
            self.thresholds = check_thresholds(type(self).__name__, 0.5 if thresholds is None else thresholds)
        self._limits = Thresholds(self.thresholds)
        shape = (len(self.thresholds),)
        self.true_positives = self.add_variable(shape=shape, initializer="zeros", name="true_positives")
        setattr(self, self._other, self.add_variable(shape=shape, initializer="zeros", name=self._other))

    def update_state(self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: Any = None) -> None:
        """Gather one batch.

        Args:
            y_true: labels, 0 for no, anything else for yes.
            y_pred: scores in [0, 1], of the same shape.
            sample_weight: None, or weights that broadcast to the leading axes of the labels.
        """
        cells = ("true_positives", self._other)
        counts = count_cells(
            type(self).__name__,
            self._limits,
            y_true,
            y_pred,
            sample_weight,
            cells=cells,
            top_k=self.top_k,
            class_id=self.class_id,
        )
        for cell in cells:
            getattr(self, cell).assign_add(counts[cell])

    def result(self) -> Array:
        """The rate so far: a scalar, or one for each of several thresholds; 0 where nothing counts."""
        hits, other = self.true_positives.value, getattr(self, self._other).value
        return _scalar_if_single(ops.divide_no_nan(hits, hits + other))

    def reset_state(self) -> None:
        """Start from nothing."""
        super().reset_state()

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "thresholds": self.init_thresholds,
            "top_k": self.top_k,
            "class_id": self.class_id,
        }


class Precision(_TruePositiveRate):
    """Which part of the predictions above a threshold is right: `true_positives / (true_positives + false_positives)`.

    Args:
        thresholds: a float in [0, 1] or a list of them; defaults to 0.5, or with `top_k`, to none.
        top_k: only the k largest scores along the last axis may be above.
        class_id: only this index of the last axis counts.
        name, dtype: as of `Metric`.

    Raises:
        ArgumentError: when a threshold is not in [0, 1].

    Example:
        >>> from lamella import metrics
        >>> float(metrics.Precision()([0, 1, 1, 1], [1, 0, 1, 0]))
        0.5
    """

    _other = "false_positives"


class Recall(_TruePositiveRate):
    """Which part of the yes labels is predicted: `true_positives / (true_positives + false_negatives)`.

    Args:
        thresholds: a float in [0, 1] or a list of them; defaults to 0.5, or with `top_k`, to none.
        top_k: only the k largest scores along the last axis may be above.
        class_id: only this index of the last axis counts.
        name, dtype: as of `Metric`.

    Raises:
        ArgumentError: when a threshold is not in [0, 1].

    Example:
        >>> from lamella import metrics
        >>> float(metrics.Recall()([0, 1, 1, 0], [1, 0, 1, 0]))
        0.5
    """

    _other = "false_negatives"


def _scalar_if_single(values: Array) -> Array:
    return values[0] if values.shape[0] == 1 else values
