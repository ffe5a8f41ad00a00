"""Labels as one-hot rows, and rows of unit norm."""

from typing import Any

import numpy as np

from lamella.backend import _registry
from lamella.errors import OutOfRangeError


def to_categorical(x: Any, num_classes: int | None = None) -> Any:
    """Integer labels as one-hot rows.

    Args:
        x: integers in [0, num_classes), of any shape; a last axis of size 1 is dropped.
        num_classes: the number of columns; by default the largest label plus one.

    Returns:
        An array of shape `(*x.shape, num_classes)`, float64 as NumPy's default; a tensor of the backend where `x` is one.

    Raises:
        OutOfRangeError: for a label outside of [0, num_classes), saying which.

    Example:
        >>> from lamella.utils import to_categorical
        >>> to_categorical([0, 2], num_classes=3).tolist()
        [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    if _registry.owner(x) is not None:
        from lamella import ops

        shape = tuple(x.shape)
        if len(shape) > 1 and shape[-1] == 1:
            x = ops.reshape(x, shape[:-1])
        return ops.one_hot(x, int(ops.max(x)) + 1 if num_classes is None else num_classes)
    labels = np.array(x, dtype="int64")
    if labels.ndim > 1 and labels.shape[-1] == 1:
        labels = labels.reshape(labels.shape[:-1])
    if not num_classes:
        num_classes = int(labels.max()) + 1 if labels.size else 0
    bad = (labels < 0) | (labels >= num_classes)
    if bad.any():
        index = tuple(int(i) for i in np.argwhere(bad)[0])
        raise OutOfRangeError(
            f"`x` contains the label {int(labels[index])} at index {list(index)}; with num_classes={num_classes} labels "
            f"must be in [0, {num_classes})."
        )
    rows = np.zeros((labels.size, num_classes))
    rows[np.arange(labels.size), labels.ravel()] = 1
    return rows.reshape((*labels.shape, num_classes))


def normalize(x: Any, axis: int = -1, order: int = 2) -> Any:
    """`x` divided by its norm of order `order` along `axis`; where that is 0, unchanged.

    Args:
        x: an array or a tensor.
        axis: the axis along which the norm becomes 1.
        order: the order of the norm: 2 for the Euclidean one.

    Returns:
        An array of the shape of `x`, of NumPy where `x` is one (and of one axis more where it has none or one), else a
        tensor of the backend.
    """
    if not isinstance(x, np.ndarray):
        from lamella import ops

        return ops.normalize(x, axis=axis, order=order)
    norm = np.atleast_1d(np.linalg.norm(x, order, axis))
    norm[norm == 0] = 1
    return x / np.expand_dims(norm, axis)
