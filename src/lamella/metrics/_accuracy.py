"""How often predictions equal labels."""

from typing import Any

from lamella import ops
from lamella.backend import _dtypes
from lamella.errors import ShapeError
from lamella.losses._operands import dtype_name, match_ranks, operands, to_dtype
from lamella.metrics._reduction import MeanMetricWrapper
from lamella.typing import Array, ArrayLike

__all__ = [
    "Accuracy",
    "BinaryAccuracy",
    "CategoricalAccuracy",
    "SparseCategoricalAccuracy",
    "SparseTopKCategoricalAccuracy",
    "TopKCategoricalAccuracy",
    "accuracy",
    "binary_accuracy",
    "categorical_accuracy",
    "sparse_categorical_accuracy",
    "sparse_top_k_categorical_accuracy",
    "top_k_categorical_accuracy",
]


def accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """1.0 where `y_true` and `y_pred` are equal, else 0.0.

    Args:
        y_true: labels.
        y_pred: predicted labels, of the same shape.

    Returns:
        A float array of that shape.

    Example:
        >>> from lamella.metrics._accuracy import accuracy
        >>> accuracy([1, 2, 3], [1, 2, 4]).tolist()
        [1.0, 1.0, 0.0]
    """
    y_true, y_pred = match_ranks(*operands(y_true, y_pred))
    return _equal("accuracy", y_true, y_pred)


def binary_accuracy(y_true: ArrayLike, y_pred: ArrayLike, threshold: float = 0.5) -> Array:
    """1.0 where `y_pred > threshold` says what the label `y_true` says, else 0.0.

    Args:
        y_true: labels 0 and 1.
        y_pred: predicted probabilities of 1, of the same shape.
        threshold: above which the prediction is 1.

    Returns:
        A float array of that shape.

    Example:
        >>> from lamella import metrics
        >>> metrics.binary_accuracy([1, 1, 0], [0.75, 0.25, 0.0]).tolist()
        [1.0, 0.0, 1.0]
    """
    y_pred = to_dtype(y_pred, None)
    y_true, y_pred = match_ranks(to_dtype(y_true, None, like=y_pred), y_pred)
    return _equal("binary_accuracy", y_true, ops.cast(y_pred > threshold, dtype_name(y_true)))


def categorical_accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """1.0 where the largest of `y_pred` is at the class of the one-hot `y_true`, else 0.0.

    Args:
        y_true: one-hot labels, `(batch, ..., classes)`.
        y_pred: predicted scores, of the same shape.

    Returns:
        A float array `(batch, ...)`.

    Example:
        >>> from lamella import metrics
        >>> metrics.categorical_accuracy([[0, 1], [1, 0]], [[0.25, 0.75], [0.25, 0.75]]).tolist()
        [1.0, 0.0]
    """
    y_true, y_pred = operands(y_true, y_pred)
    return _equal("categorical_accuracy", ops.argmax(y_true, axis=-1), ops.argmax(y_pred, axis=-1))


def sparse_categorical_accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """1.0 where the largest of `y_pred` is at the class index `y_true`, else 0.0.

    Args:
        y_true: class indices, of the shape of `y_pred` without its last axis (or with that axis of size 1).
        y_pred: predicted scores, `(batch, ..., classes)`.

    Returns:
        A float array `(batch, ...)`.

    Example:
        >>> from lamella import metrics
        >>> metrics.sparse_categorical_accuracy([1, 0], [[0.25, 0.75], [0.25, 0.75]]).tolist()
        [1.0, 0.0]
    """
    y_pred = to_dtype(y_pred, None)
    y_true = to_dtype(y_true, None, like=y_pred)
    found = ops.cast(ops.argmax(y_pred, axis=-1), dtype_name(y_true))
    if len(y_true.shape) == len(y_pred.shape) and y_true.shape[-1] == 1:
        return _equal("sparse_categorical_accuracy", ops.squeeze(y_true, axis=-1), found)
    matches = _equal("sparse_categorical_accuracy", y_true, found)
    return ops.squeeze(matches, axis=-1) if len(matches.shape) > 1 and matches.shape[-1] == 1 else matches


def top_k_categorical_accuracy(y_true: ArrayLike, y_pred: ArrayLike, k: int = 5) -> Array:
    """1.0 where the class of the one-hot `y_true` is among the `k` largest of `y_pred`, else 0.0.

    Args:
        y_true: one-hot labels, `(batch, ..., classes)`.
        y_pred: predicted scores, of the same shape.
        k: how many guesses there are.

    Returns:
        A float array `(batch, ...)`.

    Example:
        >>> from lamella import metrics
        >>> metrics.top_k_categorical_accuracy([[0, 0, 1], [0, 1, 0]], [[0.1, 0.9, 0.8], [0.5, 0.1, 0.4]], k=2).tolist()
        [1.0, 0.0]
    """
    y_true, y_pred = operands(y_true, y_pred)
    return sparse_top_k_categorical_accuracy(ops.argmax(y_true, axis=-1), y_pred, k=k)


def sparse_top_k_categorical_accuracy(
    y_true: ArrayLike, y_pred: ArrayLike, k: int = 5, from_sorted_ids: bool = False
) -> Array:
    """1.0 where the class index `y_true` is among the `k` largest of `y_pred`, else 0.0.

    Classes that tie for the last place are all among them.

    Args:
        y_true: class indices, of the shape of `y_pred` without its last axis (or with that axis of size 1).
        y_pred: predicted scores, `(batch, ..., classes)`; or with `from_sorted_ids`, class indices, best first.
        k: how many guesses there are.
        from_sorted_ids: whether `y_pred` holds indices.

    Returns:
        A float array of the shape of `y_true`.

    Example:
        >>> from lamella import metrics
        >>> metrics.sparse_top_k_categorical_accuracy([2, 1], [[0.1, 0.9, 0.8], [0.5, 0.1, 0.4]], k=2).tolist()
        [1.0, 0.0]
    """
    y_pred = to_dtype(y_pred, None)
    y_true = to_dtype(y_true, None, like=y_pred)
    shape = y_true.shape
    labels = ops.reshape(y_true, (-1,))
    scores = ops.reshape(y_pred, (-1, y_pred.shape[-1]))
    if from_sorted_ids:
        labels = ops.cast(ops.expand_dims(labels, axis=-1), dtype_name(scores))
        matches = ops.any(ops.equal(labels, scores[:, :k]), axis=-1)
    else:
        matches = ops.less(_rank(ops.cast(labels, "int32"), scores), k)
    return ops.reshape(ops.cast(matches, _dtypes.floatx()), tuple(-1 if n is None else n for n in shape))


def _rank(labels: Array, scores: Array) -> Array:
    """How many scores of each row are greater than that of its label: 0 for the best.

    Counting is a comparison and a sum, where finding the k greatest would sort. A score that is NaN, and that of a label
    that there is not, counts as the least.
    """
    classes = scores.shape[-1]
    scores = ops.where(ops.isnan(scores), -float("inf"), scores)
    labels = ops.where(ops.less(labels, 0), labels + classes, labels)
    known = ops.logical_and(ops.greater_equal(labels, 0), ops.less(labels, classes))
    own = ops.take_along_axis(scores, ops.expand_dims(ops.where(known, labels, 0), axis=-1), axis=-1)
    own = ops.where(ops.expand_dims(known, axis=-1), own, -float("inf"))
    return ops.sum(ops.cast(ops.greater(scores, own), "int32"), axis=-1)


def _equal(name: str, y_true: Array, y_pred: Array) -> Array:
    a, b = y_true.shape, y_pred.shape
    if (a and b and len(a) != len(b)) or any(m != n and None not in (m, n) and 1 not in (m, n) for m, n in zip(a, b)):
        raise ShapeError(
            f"{name} compares labels of shape {tuple(a)} with predicted labels of shape {tuple(b)}, which do not fit. "
            "Sparse accuracies take class indices, the others take targets of the shape of the predictions."
        )
    return ops.cast(ops.equal(y_true, y_pred), _dtypes.floatx())


class Accuracy(MeanMetricWrapper):
    """How often predicted labels equal the labels.

    Args:
        name, dtype: as of `Metric`.

    Example:
        >>> from lamella import metrics
        >>> float(metrics.Accuracy()([[1], [2], [3], [4]], [[0], [2], [3], [4]]))
        0.75
    """

    _direction = "up"

    def __init__(self, name: str | None = "accuracy", dtype: Any = None):
        super().__init__(accuracy, name=name, dtype=dtype)


class BinaryAccuracy(MeanMetricWrapper):
    """How often probabilities lie on the label's side of a threshold.

    Args:
        name, dtype: as of `Metric`.
        threshold: above which the prediction is 1.

    Example:
        >>> from lamella import metrics
        >>> float(metrics.BinaryAccuracy()([[1], [1], [0], [0]], [[0.98], [1], [0], [0.6]]))
        0.75
    """

    _direction = "up"

    def __init__(self, name: str | None = "binary_accuracy", dtype: Any = None, threshold: float = 0.5):
        super().__init__(binary_accuracy, name=name, dtype=dtype, threshold=threshold)


class CategoricalAccuracy(MeanMetricWrapper):
    """How often the largest score is at the class of a one-hot label.

    Args:
        name, dtype: as of `Metric`.

    Example:
        >>> from lamella import metrics
        >>> float(metrics.CategoricalAccuracy()([[0, 0, 1], [0, 1, 0]], [[0.1, 0.9, 0.8], [0.05, 0.95, 0]]))
        0.5
    """

    _direction = "up"

    def __init__(self, name: str | None = "categorical_accuracy", dtype: Any = None):
        super().__init__(categorical_accuracy, name=name, dtype=dtype)


class SparseCategoricalAccuracy(MeanMetricWrapper):
    """How often the largest score is at the class index of the label.

    Args:
        name, dtype: as of `Metric`.

    Example:
        >>> from lamella import metrics
        >>> float(metrics.SparseCategoricalAccuracy()([[2], [1]], [[0.1, 0.6, 0.3], [0.05, 0.95, 0]]))
        0.5
    """

    _direction = "up"

    def __init__(self, name: str | None = "sparse_categorical_accuracy", dtype: Any = None):
        super().__init__(sparse_categorical_accuracy, name=name, dtype=dtype)


class TopKCategoricalAccuracy(MeanMetricWrapper):
    """How often the class of a one-hot label is among the `k` largest scores.

    Args:
        k: how many guesses there are.
        name, dtype: as of `Metric`.

    Example:
        >>> from lamella import metrics
        >>> float(metrics.TopKCategoricalAccuracy(k=1)([[0, 0, 1], [0, 1, 0]], [[0.1, 0.9, 0.8], [0.05, 0.95, 0]]))
        0.5
    """

    _direction = "up"

    def __init__(self, k: int = 5, name: str | None = "top_k_categorical_accuracy", dtype: Any = None):
        super().__init__(top_k_categorical_accuracy, name=name, dtype=dtype, k=k)


class SparseTopKCategoricalAccuracy(MeanMetricWrapper):
    """How often the class index of the label is among the `k` largest scores.

    Args:
        k: how many guesses there are.
        name, dtype: as of `Metric`.
        from_sorted_ids: whether predictions are class indices, best first, rather than scores.

    Example:
        >>> from lamella import metrics
        >>> float(metrics.SparseTopKCategoricalAccuracy(k=1)([2, 1], [[0.1, 0.9, 0.8], [0.05, 0.95, 0]]))
        0.5
    """

    _direction = "up"

    def __init__(
        self,
        k: int = 5,
        name: str | None = "sparse_top_k_categorical_accuracy",
        dtype: Any = None,
        from_sorted_ids: bool = False,
    ):
        super().__init__(
            sparse_top_k_categorical_accuracy, name=name, dtype=dtype, k=k, from_sorted_ids=from_sorted_ids
        )
