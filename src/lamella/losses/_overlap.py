"""How much two sets, such as the pixels of two masks, overlap."""

from typing import Any

from lamella import ops
from lamella.backend import _dtypes
from lamella.losses._loss import LossFunctionWrapper
from lamella.losses._operands import operands
from lamella.typing import Array, ArrayLike, Axis

__all__ = ["Dice", "Tversky", "dice", "tversky"]


def dice(y_true: ArrayLike, y_pred: ArrayLike, axis: Axis = None) -> Array:
    """`1 - 2 * sum(y_true * y_pred) / (sum(y_true) + sum(y_pred))`.

    Dice (1945), "Measures of the Amount of Ecologic Association Between Species". The denominator has `epsilon()`
    added; two empty sets have loss 1.

    Args:
        y_true: membership, 0 or 1.
        y_pred: predicted membership, in [0, 1], of the same shape.
        axis: what to sum over; None for all axes, the batch included.

    Returns:
        A floating array without these axes, in [0, 1].

    Example:
        >>> from lamella import losses
        >>> losses.dice([[1.0, 0.0], [1.0, 0.0]], [[0.0, 1.0], [0.0, 1.0]], axis=1).tolist()
        [1.0, 1.0]
    """
    y_true, y_pred = operands(y_true, y_pred)
    both = ops.sum(y_true * y_pred, axis=axis)
    total = ops.sum(y_true, axis=axis) + ops.sum(y_pred, axis=axis)
    return 1 - ops.divide(2.0 * both, total + _dtypes.epsilon())


def tversky(y_true: ArrayLike, y_pred: ArrayLike, alpha: float = 0.5, beta: float = 0.5, axis: Axis = None) -> Array:
    """`1 - both / (both + alpha * only_true + beta * only_predicted)`.

    Salehi et al. (2017), arXiv:1706.05721, equation 3, where `alpha` is the cost of false positives and `beta` that of
    false negatives: in Keras, and so here, it is the other way round. The denominator has `epsilon()` added. With
    `alpha` and `beta` of 1/2 it is `dice`.

    Args:
        y_true: membership, 0 or 1.
        y_pred: predicted membership, in [0, 1], of the same shape.
        alpha: what a false negative costs.
        beta: what a false positive costs.
        axis: what to sum over; None for all axes, the batch included.

    Returns:
        A floating array without these axes, in [0, 1].

    Example:
        >>> from lamella import losses
        >>> losses.tversky([[1.0, 0.0], [1.0, 0.0]], [[0.0, 1.0], [0.0, 1.0]], axis=1).tolist()
        [1.0, 1.0]
    """
    y_true, y_pred = operands(y_true, y_pred)
    both = ops.sum(y_true * y_pred, axis=axis)
    only_predicted = ops.sum((1 - y_true) * y_pred, axis=axis)
    only_true = ops.sum(y_true * (1 - y_pred), axis=axis)
    return 1 - ops.divide(both, both + alpha * only_true + beta * only_predicted + _dtypes.epsilon())


class Dice(LossFunctionWrapper):
    """`dice`, reduced: for segmentation where the object is small.

    Args:
        reduction, name: as of `Loss`.
        axis: what to sum over; None for all axes, the batch included.
        dtype: as of `Loss`.

    Example:
        >>> from lamella import losses
        >>> float(losses.Dice()([[1.0, 0.0]], [[0.0, 1.0]]))
        1.0
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "dice",
        axis: Axis = None,
        dtype: Any = None,
    ):
        super().__init__(dice, name=name, reduction=reduction, dtype=dtype, axis=axis)


class Tversky(LossFunctionWrapper):
    """`tversky`, reduced: for segmentation where a miss costs more than a false alarm, or less.

    Args:
        alpha: what a false negative costs.
        beta: what a false positive costs.
        reduction, name: as of `Loss`.
        axis: what to sum over; None for all axes, the batch included.
        dtype: as of `Loss`.

    Example:
        >>> from lamella import losses
        >>> float(losses.Tversky(alpha=0.7, beta=0.3)([[1.0, 0.0]], [[0.0, 1.0]]))
        1.0
    """

    def __init__(
        self,
        alpha: float = 0.5,
        beta: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "tversky",
        axis: Axis = None,
        dtype: Any = None,
    ):
        super().__init__(tversky, name=name, reduction=reduction, dtype=dtype, alpha=alpha, beta=beta, axis=axis)
