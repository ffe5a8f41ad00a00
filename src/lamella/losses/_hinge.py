"""Margins: losses of scores that shall lie on the right side, by at least 1."""

from typing import Any

from lamella import ops
from lamella.losses._loss import LossFunctionWrapper
from lamella.losses._operands import operands
from lamella.typing import Array, ArrayLike

__all__ = ["CategoricalHinge", "Hinge", "SquaredHinge", "categorical_hinge", "hinge", "squared_hinge"]


def hinge(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """`mean(max(1 - y_true * y_pred, 0))` over the last axis.

    Args:
        y_true: labels -1 and 1, `(batch, ..., size)`; where all of them are 0 or 1, each 0 means -1.
        y_pred: scores, of the same shape.

    Returns:
        A floating array `(batch, ...)`, at least 0.

    Example:
        >>> from lamella import losses
        >>> losses.hinge([[1.0, -1.0]], [[0.5, -2.0]]).tolist()
        [0.25]
    """
    return ops.mean(_below_margin(y_true, y_pred), axis=-1)


def squared_hinge(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """`mean(max(1 - y_true * y_pred, 0)²)` over the last axis.

    Args:
        y_true: labels -1 and 1, `(batch, ..., size)`; where all of them are 0 or 1, each 0 means -1.
        y_pred: scores, of the same shape.

    Returns:
        A floating array `(batch, ...)`, at least 0.

    Example:
        >>> from lamella import losses
        >>> losses.squared_hinge([[1.0, -1.0]], [[0.5, -2.0]]).tolist()
        [0.125]
    """
    return ops.mean(ops.square(_below_margin(y_true, y_pred)), axis=-1)


def _below_margin(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    y_true, y_pred = operands(y_true, y_pred)
    are_binary = ops.all(ops.logical_or(ops.equal(y_true, 0), ops.equal(y_true, 1)))
    labels = ops.where(are_binary, 2 * y_true - 1, y_true)
    return ops.maximum(1.0 - labels * y_pred, 0.0)


def categorical_hinge(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """`max(wrong - right + 1, 0)`, with `right = sum(y_true * y_pred)` and `wrong = max((1 - y_true) * y_pred)`.

    Crammer and Singer (2001), "On the Algorithmic Implementation of Multiclass Kernel-based Vector Machines". `wrong`
    is never negative, for the product is 0 at the true class: negative scores of wrong classes do not count.

    Args:
        y_true: one-hot labels, `(batch, ..., classes)`.
        y_pred: scores, of the same shape.

    Returns:
        A floating array `(batch, ...)`, at least 0.

    Example:
        >>> from lamella import losses
        >>> losses.categorical_hinge([[0.0, 1.0]], [[0.5, 0.75]]).tolist()
        [0.75]
    """
    y_true, y_pred = operands(y_true, y_pred)
    right = ops.sum(y_true * y_pred, axis=-1)
    wrong = ops.max((1.0 - y_true) * y_pred, axis=-1)
    return ops.maximum(wrong - right + 1.0, 0.0)


class Hinge(LossFunctionWrapper):
    """`hinge` of each sample, reduced.

    Args:
        reduction, name, dtype: as of `Loss`.

    Example:
        >>> from lamella import losses
        >>> float(losses.Hinge()([[1.0, -1.0]], [[0.5, -2.0]]))
        0.25
    """

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str | None = "hinge", dtype: Any = None):
        super().__init__(hinge, name=name, reduction=reduction, dtype=dtype)


class SquaredHinge(LossFunctionWrapper):
    """`squared_hinge` of each sample, reduced.

    Args:
        reduction, name, dtype: as of `Loss`.

    Example:
        >>> from lamella import losses
        >>> float(losses.SquaredHinge()([[1.0, -1.0]], [[0.5, -2.0]]))
        0.125
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str | None = "squared_hinge", dtype: Any = None
    ):
        super().__init__(squared_hinge, name=name, reduction=reduction, dtype=dtype)


class CategoricalHinge(LossFunctionWrapper):
    """`categorical_hinge` of each sample, reduced.

    Args:
        reduction, name, dtype: as of `Loss`.

    Example:
        >>> from lamella import losses
        >>> float(losses.CategoricalHinge()([[0.0, 1.0]], [[0.5, 0.75]]))
        0.75
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "categorical_hinge",
        dtype: Any = None,
    ):
        super().__init__(categorical_hinge, name=name, reduction=reduction, dtype=dtype)
