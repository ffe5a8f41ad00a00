"""Connectionist temporal classification: labels in order, without saying when."""

from typing import Any

from lamella import ops
from lamella.errors import ShapeError
from lamella.losses._loss import LossFunctionWrapper
from lamella.losses._operands import to_dtype
from lamella.typing import Array, ArrayLike

__all__ = ["CTC", "ctc"]


def ctc(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """`-log P(y_true | y_pred)`: the probability of all alignments of the labels with the time steps.

    Graves et al. (2006), "Connectionist Temporal Classification", section 4.1. Class 0 is the blank.

    Args:
        y_true: labels in [1, classes), `(batch, length)`, padded with 0.
        y_pred: logits, `(batch, time, classes)`.

    Returns:
        A floating array `(batch,)`.

    Raises:
        ShapeError: for other ranks.

    Example:
        >>> from lamella import losses
        >>> round(float(losses.ctc([[1]], [[[0.0, 0.0]]])[0]), 4)  # log(2)
        0.6931
    """
    y_pred = to_dtype(y_pred, None)
    y_true = to_dtype(y_true, None, like=y_pred)
    if len(y_true.shape) != 2:
        raise ShapeError(
            "ctc takes labels `y_true` of shape (batch, length), padded with 0; "
            f"got y_true.shape={tuple(y_true.shape)}."
        )
    if len(y_pred.shape) != 3:
        raise ShapeError(
            f"ctc takes logits `y_pred` of shape (batch, time, classes); got y_pred.shape={tuple(y_pred.shape)}."
        )
    y_true = ops.cast(y_true, "int32")
    lengths = ops.sum(ops.cast(ops.not_equal(y_true, 0), "int32"), axis=-1)
    steps = ops.full_like(lengths, y_pred.shape[1])
    return ops.ctc_loss(y_true, y_pred, lengths, steps, mask_index=0)


class CTC(LossFunctionWrapper):
    """`ctc` of each sample, reduced: for speech and handwriting.

    Args:
        reduction, name, dtype: as of `Loss`.

    Example:
        >>> from lamella import losses
        >>> float(losses.CTC()([[1]], [[[-50.0, 50.0]]]))
        0.0
    """

    _integer_targets = True

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str | None = "ctc", dtype: Any = None):
        super().__init__(ctc, name=name, reduction=reduction, dtype=dtype)
