"""Counting the cells of the confusion matrix of yes-no predictions, at one threshold or many."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from lamella import ops
from lamella.errors import ArgumentError, ShapeError
from lamella.losses._operands import match_ranks, to_dtype
from lamella.typing import Array, ArrayLike

__all__ = ["EXCLUDED", "Thresholds", "count_cells"]

CELLS = ("true_positives", "false_positives", "true_negatives", "false_negatives")
EXCLUDED = -1e10  # the score of classes outside the top k: below every threshold


class Thresholds:
    """The scores above which a prediction is a yes.

    Args:
        values: ascending where they are many.

    Attributes:
        values: as NumPy float64 array.
        even: whether they divide [0, 1] evenly, so that the bin of a score can be computed.
        open_ended: whether the first lies below 0, so that a score of 0 is above it.
    """

    def __init__(self, values: Sequence[float]):
        self.values = np.asarray(values, "float64")
        count = len(self.values)
        self.open_ended = bool(count and self.values[0] < 0.0)
        self.even = count >= 3 and np.allclose(self.values, np.linspace(0.0, 1.0, count), atol=1e-7)

    def __len__(self) -> int:
        return len(self.values)


def check_thresholds(name: str, thresholds: Any) -> list:
    """`thresholds` as a list.

    Raises:
        ArgumentError: when one is not in [0, 1].
    """
    found = list(thresholds) if isinstance(thresholds, (list, tuple, np.ndarray)) else [thresholds]
    bad = [t for t in found if not isinstance(t, (int, float, np.number)) or not 0 <= t <= 1]
    if bad or not found:
        raise ArgumentError(f"The `thresholds` of {name} must be in [0, 1]; got {bad or thresholds}.")
    return found


def count_cells(
    name: str,
    thresholds: Thresholds,
    y_true: ArrayLike,
    y_pred: ArrayLike,
    sample_weight: Any = None,
    *,
    cells: Sequence[str] = CELLS,
    dtype: str = "float32",
    top_k: int | None = None,
    class_id: int | None = None,
    per_label: bool = False,
    label_weights: Any = None,
) -> dict[str, Array]:
    """The (weighted) numbers of predictions in `cells` of the confusion matrix, for each of the thresholds.

    Args:
        name: of the metric, for errors.
        thresholds: above which a score is a yes.
        y_true: labels, 0 for no, anything else for yes.
        y_pred: scores, of the same shape, in [0, 1] for many thresholds.
        sample_weight: None, or weights that broadcast to the leading axes of the labels.
        cells: which of `CELLS`.
        dtype: of the numbers.
        top_k: only the k largest scores along the last axis may be a yes.
        class_id: only this index of the last axis counts.
        per_label: whether each index of the last axis of `(batch, labels)` is counted for itself.
        label_weights: None, or weights of the indices of the last axis, `(labels,)`.

    Returns:
        An array for each cell, `(thresholds,)`, or `(thresholds, labels)` with `per_label`.

    Raises:
        ShapeError: when shapes do not fit.
    """
    y_pred = to_dtype(y_pred, dtype)
    y_true = to_dtype(y_true, None, like=y_pred)
    y_true, y_pred = match_ranks(y_true, y_pred)
    if tuple(y_true.shape) != tuple(y_pred.shape):
        raise ShapeError(
            f"{name} takes labels and scores of one shape; got y_true.shape={tuple(y_true.shape)} and "
            f"y_pred.shape={tuple(y_pred.shape)}."
        )
    if top_k is not None:
        y_pred = _only_top_k(name, y_pred, top_k)
    if class_id is not None:
        if len(y_pred.shape) < 2:
            raise ShapeError(
                f"With class_id={class_id}, the scores of {name} must have an axis of classes, (num_samples, num_classes); got "
                f"shape {tuple(y_pred.shape)}."
            )
        if not -y_pred.shape[-1] <= class_id < y_pred.shape[-1]:
            raise ShapeError(f"{name} has class_id={class_id}; got scores of {y_pred.shape[-1]} classes.")
        y_true, y_pred = y_true[..., class_id], y_pred[..., class_id]
    weight = None if sample_weight is None else _broadcast_weight(name, sample_weight, y_pred, dtype)
    if label_weights is not None:
        label_weights = to_dtype(label_weights, dtype, like=y_pred)
        if label_weights.shape != y_pred.shape[-1:]:
            raise ShapeError(
                f"{name} has `label_weights` of shape {tuple(label_weights.shape)}; got labels of shape "
                f"{tuple(y_pred.shape)}. Give one weight for each index of the last axis."
            )
        weight = ops.broadcast_to(label_weights, y_pred.shape) * (1.0 if weight is None else weight)
    columns = y_pred.shape[-1] if per_label else 1
    flat = [None if x is None else ops.reshape(x, (-1, columns)) for x in (ops.cast(y_true, "bool"), y_pred, weight)]
    count = _by_bin if thresholds.even else _by_comparison
    truths, scores, weights = flat
    counts = count(thresholds, truths, scores, weights, cells, dtype)
    return counts if per_label else {cell: ops.squeeze(value, axis=-1) for cell, value in counts.items()}


def _by_comparison(
    thresholds: Thresholds, labels: Array, scores: Array, weight: Any, cells: Sequence[str], dtype: str
) -> dict[str, Array]:
    """Each score against each threshold."""
    limits = to_dtype(thresholds.values.reshape(-1, 1, 1), dtype, like=scores)
    yes = ops.greater(ops.expand_dims(scores, 0), limits)  # (thresholds, samples, labels)
    labels = ops.expand_dims(labels, 0)
    out = {}
    for cell in cells:
        predicted = yes if cell.endswith("positives") else ops.logical_not(yes)
        right = labels if cell in ("true_positives", "false_negatives") else ops.logical_not(labels)
        inside = ops.cast(ops.logical_and(predicted, right), dtype)
        out[cell] = ops.sum(inside if weight is None else inside * weight, axis=1)
    return out


def _by_bin(
    thresholds: Thresholds, labels: Array, scores: Array, weight: Any, cells: Sequence[str], dtype: str
) -> dict[str, Array]:
    """A histogram of the scores of each kind of label, summed from the top: the work does not grow with thresholds."""
    count, columns = len(thresholds), scores.shape[-1]
    bins = ops.cast(ops.ceil(ops.clip(scores, 0.0, 1.0) * (count - 1)), "int32") - 1  # -1: above no threshold
    if thresholds.open_ended:
        bins = ops.maximum(bins, 0)
    in_a_bin = ops.greater_equal(bins, 0)
    segments = ops.reshape(ops.maximum(bins, 0) * columns + ops.arange(columns, dtype="int32"), (-1,))

    def tally(kind: Array) -> tuple[Array, Array]:
        amount = ops.cast(kind, dtype) if weight is None else ops.cast(kind, dtype) * weight
        placed = ops.reshape(ops.where(in_a_bin, amount, 0.0), (-1,))
        histogram = ops.reshape(ops.segment_sum(placed, segments, num_segments=count * columns), (count, columns))
        return ops.flip(ops.cumsum(ops.flip(histogram, axis=0), axis=0), axis=0), ops.sum(amount, axis=0)

    out = {}
    for above, below, kind in (
        ("true_positives", "false_negatives", labels),
        ("false_positives", "true_negatives", ops.logical_not(labels)),
    ):
        if above in cells or below in cells:
            out[above], total = tally(kind)
            out[below] = total - out[above]
    return {cell: out[cell] for cell in cells}


def _only_top_k(name: str, scores: Array, k: int) -> Array:
    if k > scores.shape[-1]:
        raise ShapeError(f"{name} has top_k={k}; got scores of {scores.shape[-1]} classes.")
    _, indices = ops.top_k(scores, k, sorted=False)
    inside = ops.sum(ops.one_hot(indices, scores.shape[-1], dtype="int32"), axis=-2)
    return ops.where(ops.greater(inside, 0), scores, EXCLUDED)


def _broadcast_weight(name: str, weight: Any, like: Array, dtype: str) -> Array:
    """`weight` with the shape of `like`, whose leading axes it has."""
    weight = to_dtype(weight, dtype, like=like)
    given = tuple(weight.shape)
    weight, _ = match_ranks(weight, like, expand_rank_1=False)
    while 0 < len(weight.shape) < len(like.shape):
        weight = ops.expand_dims(weight, axis=-1)
    if len(weight.shape) > len(like.shape) or any(w not in (1, n) for w, n in zip(weight.shape, like.shape)):
        raise ShapeError(
            f"{name} got `sample_weight` of shape {given}, which does not broadcast to labels of shape "
            f"{tuple(like.shape)}. Give one weight for each sample, shape (batch,)."
        )
    return ops.broadcast_to(weight, like.shape)
