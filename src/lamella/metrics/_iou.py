"""Intersection over union of classes, as of the pixels of a segmentation."""

from collections.abc import Sequence
from typing import Any

from lamella import ops
from lamella.backend import _dtypes
from lamella.errors import ArgumentError, ShapeError
from lamella.losses._operands import to_dtype
from lamella.metrics._metric import Metric
from lamella.typing import Array, ArrayLike

__all__ = ["BinaryIoU", "IoU", "MeanIoU", "OneHotIoU", "OneHotMeanIoU"]


class IoU(Metric):
    """`true_positives / (true_positives + false_positives + false_negatives)`, averaged over classes.

    Classes that neither labels nor predictions contain do not count.

    Args:
        num_classes: how many there are.
        target_class_ids: those to average over.
        name: as of `Metric`.
        dtype: of the counts, an integer unless weights are fractions; defaults to int32.
        ignore_class: a label whose samples do not count; it need not be that of a class (such as -1).
        sparse_y_true: whether labels are class indices, rather than one-hot or scores.
        sparse_y_pred: whether predictions are class indices, rather than one-hot or scores.
        axis: the axis of the classes, where they are not indices.

    Raises:
        ArgumentError: when a target class is not in [0, num_classes).

    Example:
        >>> from lamella import metrics
        >>> round(float(metrics.IoU(num_classes=2, target_class_ids=[0])([0, 0, 1, 1], [0, 1, 0, 1])), 4)
        0.3333
    """

    _direction = "up"

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ):
        target_class_ids = list(target_class_ids)
        if not target_class_ids or not all(0 <= i < num_classes for i in target_class_ids):
            raise ArgumentError(
                f"The `target_class_ids` of {type(self).__name__} must be one or more classes in [0, {num_classes}); "
                f"got {target_class_ids}."
            )
        super().__init__(name=name, dtype=dtype or "int32")
        self.num_classes = num_classes
        self.target_class_ids = target_class_ids
        self.ignore_class = ignore_class
        self.sparse_y_true = sparse_y_true
        self.sparse_y_pred = sparse_y_pred
        self.axis = axis
        self.total_cm = self.add_variable(
            shape=(num_classes, num_classes),
            initializer="zeros",
            dtype=self.dtype,
            name="total_confusion_matrix",
        )

    def update_state(self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: Any = None) -> Any:
        """Gather one batch.

        Args:
            y_true: class indices of any shape, or scores of the classes along `axis`.
            y_pred: likewise, of as many samples.
            sample_weight: None, or weights: a scalar, or as many as there are samples.

        Returns:
            The confusion matrix so far, `(num_classes, num_classes)`.

        Raises:
            ShapeError: when the numbers differ.
        """
        y_pred = to_dtype(y_pred, None)
        y_true = to_dtype(y_true, None, like=y_pred)
        if not self.sparse_y_true:
            y_true = ops.argmax(y_true, axis=self.axis)
        if not self.sparse_y_pred:
            y_pred = ops.argmax(y_pred, axis=self.axis)
        return self.total_cm.assign_add(self._confusion_matrix(y_true, y_pred, sample_weight))

    def _confusion_matrix(self, y_true: Array, y_pred: Array, sample_weight: Any) -> Array:
        """The weight of the samples of each label (row) and prediction (column)."""
        labels = ops.reshape(ops.cast(y_true, "int32"), (-1,))
        found = ops.reshape(ops.cast(y_pred, "int32"), (-1,))
        if labels.shape != found.shape:
            raise ShapeError(
                f"{type(self).__name__} compares class indices one by one; got {tuple(y_true.shape)} labels and "
                f"{tuple(y_pred.shape)} predictions."
            )
        weight = to_dtype(1 if sample_weight is None else sample_weight, self.dtype, like=found)
        if weight.shape:
            weight = ops.reshape(weight, (-1,))
            if weight.shape != labels.shape:
                raise ShapeError(
                    f"{type(self).__name__} takes one weight for each of the labels of shape {tuple(y_true.shape)}; "
                    f"got `sample_weight` with {weight.shape[0]} elements."
                )
        inside = _is_class(labels, self.num_classes) & _is_class(found, self.num_classes)
        if self.ignore_class is not None:
            inside = inside & ops.not_equal(labels, self.ignore_class)
        weight = ops.where(inside, weight, ops.zeros_like(weight))
        cells = ops.where(inside, labels * self.num_classes + found, 0)
        counts = ops.segment_sum(weight, cells, num_segments=self.num_classes**2)
        return ops.reshape(counts, (self.num_classes, self.num_classes))

    def result(self) -> Array:
        """The mean over the target classes so far, in [0, 1]; 0 when none was seen."""
        matrix = ops.cast(self.total_cm.value, _dtypes.floatx())
        both = ops.diagonal(matrix)
        either = ops.sum(matrix, axis=0) + ops.sum(matrix, axis=1) - both
        if self.target_class_ids != list(range(self.num_classes)):
            both, either = (ops.take(x, self.target_class_ids, axis=0) for x in (both, either))
        seen = ops.sum(ops.cast(ops.not_equal(either, 0), _dtypes.floatx()))
        return ops.divide_no_nan(ops.sum(ops.divide_no_nan(both, either)), seen)

    def reset_state(self) -> None:
        """Start from nothing."""
        super().reset_state()

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "target_class_ids": self.target_class_ids,
            "ignore_class": self.ignore_class,
            "sparse_y_true": self.sparse_y_true,
            "sparse_y_pred": self.sparse_y_pred,
            "axis": self.axis,
        }

    def _config_of(self, *names: str) -> dict:
        config = IoU.get_config(self)
        return {name: config[name] for name in ("name", "dtype", *names)}


def _is_class(indices: Array, num_classes: int) -> Array:
    return ops.logical_and(ops.greater_equal(indices, 0), ops.less(indices, num_classes))


class BinaryIoU(IoU):
    """Intersection over union of the classes no (0) and yes (1), which scores say by a threshold.

    Args:
        target_class_ids: those of 0 and 1 to average over.
        threshold: from which on a score means yes.
        name: as of `Metric`.
        dtype: of the counts, an integer unless weights are fractions; defaults to int32.

    Raises:
        ArgumentError: when a target class is neither 0 nor 1.

    Example:
        >>> from lamella import metrics
        >>> round(float(metrics.BinaryIoU(threshold=0.3)([0, 1, 0, 1], [0.1, 0.2, 0.4, 0.7])), 4)
        0.3333
    """

    def __init__(
        self,
        target_class_ids: Sequence[int] = (0, 1),
        threshold: float = 0.5,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(num_classes=2, target_class_ids=target_class_ids, name=name, dtype=dtype)
        self.threshold = threshold

    def update_state(self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: Any = None) -> Any:
        """Gather one batch.

        Args:
            y_true: labels 0 and 1 of any shape.
            y_pred: scores, as many.
            sample_weight: None, or weights: a scalar, or as many as there are samples.
        """
        y_pred = to_dtype(y_pred, None)
        return super().update_state(y_true, ops.greater_equal(y_pred, self.threshold), sample_weight)

    def get_config(self) -> dict:
        return {**self._config_of("target_class_ids"), "threshold": self.threshold}


class MeanIoU(IoU):
    """Intersection over union, averaged over all classes.

    Args:
        num_classes: how many there are.
        name: as of `Metric`.
        dtype: of the counts, an integer unless weights are fractions; defaults to int32.
        ignore_class: a label whose samples do not count; it need not be that of a class (such as -1).
        sparse_y_true: whether labels are class indices, rather than one-hot or scores.
        sparse_y_pred: whether predictions are class indices, rather than one-hot or scores.
        axis: the axis of the classes, where they are not indices.

    Example:
        >>> from lamella import metrics
        >>> round(float(metrics.MeanIoU(num_classes=2)([0, 0, 1, 1], [0, 1, 0, 1])), 4)
        0.3333
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ):
        super().__init__(
            num_classes=num_classes,
            target_class_ids=range(num_classes),
            name=name,
            dtype=dtype,
            ignore_class=ignore_class,
            sparse_y_true=sparse_y_true,
            sparse_y_pred=sparse_y_pred,
            axis=axis,
        )

    def get_config(self) -> dict:
        return self._config_of("num_classes", "ignore_class", "sparse_y_true", "sparse_y_pred", "axis")


class OneHotIoU(IoU):
    """Intersection over union of one-hot labels, averaged over classes.

    Args:
        num_classes: how many there are.
        target_class_ids: those to average over.
        name: as of `Metric`.
        dtype: of the counts, an integer unless weights are fractions; defaults to int32.
        ignore_class: a class whose samples do not count.
        sparse_y_pred: whether predictions are class indices, rather than one-hot or scores.
        axis: the axis of the classes.

    Raises:
        ArgumentError: when a target class is not in [0, num_classes).

    Example:
        >>> from lamella import metrics
        >>> metric = metrics.OneHotIoU(num_classes=2, target_class_ids=[1])
        >>> float(metric([[1, 0], [0, 1]], [[0.2, 0.8], [0.3, 0.7]]))
        0.5
    """

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ):
        super().__init__(
            num_classes=num_classes,
            target_class_ids=target_class_ids,
            name=name,
            dtype=dtype,
            ignore_class=ignore_class,
            sparse_y_true=False,
            sparse_y_pred=sparse_y_pred,
            axis=axis,
        )

    def get_config(self) -> dict:
        return self._config_of("num_classes", "target_class_ids", "ignore_class", "sparse_y_pred", "axis")


class OneHotMeanIoU(MeanIoU):
    """Intersection over union of one-hot labels, averaged over all classes.

    Args:
        num_classes: how many there are.
        name: as of `Metric`.
        dtype: of the counts, an integer unless weights are fractions; defaults to int32.
        ignore_class: a class whose samples do not count.
        sparse_y_pred: whether predictions are class indices, rather than one-hot or scores.
        axis: the axis of the classes.

    Example:
        >>> from lamella import metrics
        >>> float(metrics.OneHotMeanIoU(num_classes=2)([[1, 0], [0, 1]], [[0.2, 0.8], [0.3, 0.7]]))
        0.25
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ):
        super().__init__(
            num_classes=num_classes,
            name=name,
            dtype=dtype,
            ignore_class=ignore_class,
            sparse_y_true=False,
            sparse_y_pred=sparse_y_pred,
            axis=axis,
        )

    def get_config(self) -> dict:
        return self._config_of("num_classes", "ignore_class", "sparse_y_pred", "axis")
