"""Distances between distributions: the crossentropies, their focal and generalised forms, and the divergence."""

from typing import Any

from lamella import ops
from lamella.backend import _dtypes
from lamella.core._masks import set_mask
from lamella.errors import ArgumentError, ShapeError
from lamella.losses._loss import LossFunctionWrapper
from lamella.losses._operands import dtype_name, operands, to_dtype
from lamella.typing import Array, ArrayLike

__all__ = [
    "BinaryCrossentropy",
    "BinaryFocalCrossentropy",
    "CategoricalCrossentropy",
    "CategoricalFocalCrossentropy",
    "CategoricalGeneralizedCrossEntropy",
    "KLDivergence",
    "SparseCategoricalCrossentropy",
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_generalized_cross_entropy",
    "kl_divergence",
    "sparse_categorical_crossentropy",
]


def binary_crossentropy(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Array:
    """`mean(-y_true * log(y_pred) - (1 - y_true) * log(1 - y_pred))` along `axis`.

    Args:
        y_true: probabilities, `(batch, ..., size)`.
        y_pred: predicted probabilities, of the same shape, which are cut to [epsilon(), 1 - epsilon()]; or logits.
        from_logits: whether `y_pred` holds logits, of which the sigmoid is the probability.
        label_smoothing: in [0, 1]: how far the targets are moved towards 1/2.
        axis: over which the mean is taken.

    Returns:
        A floating array without that axis, at least 0.

    Raises:
        ShapeError: when the shapes differ.

    Example:
        >>> from lamella import losses
        >>> losses.binary_crossentropy([[1.0, 0.0]], [[-50.0, -50.0]], from_logits=True).tolist()
        [25.0]
    """
    y_true, y_pred = operands(y_true, y_pred)
    y_true = _smoothed_binary(y_true, label_smoothing)
    return ops.mean(ops.binary_crossentropy(y_true, y_pred, from_logits=from_logits), axis=axis)


def binary_focal_crossentropy(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Array:
    """Binary crossentropy that counts examples less, the better they are already classified.

    The mean along `axis` of `(1 - p)^gamma * binary_crossentropy`, where `p` is the probability given to the true
    class. Lin et al. (2017), arXiv:1708.02002, equations 4 and 5.

    Args:
        y_true: labels 0 and 1, `(batch, ..., size)`.
        y_pred: predicted probabilities of 1, of the same shape; or logits.
        apply_class_balancing: whether to weight class 1 by `alpha` and class 0 by `1 - alpha`.
        alpha: the weight of class 1, in [0, 1].
        gamma: how sharply easy examples are discounted, at least 0.
        from_logits: whether `y_pred` holds logits, of which the sigmoid is the probability.
        label_smoothing: in [0, 1]: how far the targets are moved towards 1/2.
        axis: over which the mean is taken.

    Returns:
        A floating array without that axis, at least 0.

    Raises:
        ShapeError: when the shapes differ.

    Example:
        >>> from lamella import losses
        >>> losses.binary_focal_crossentropy([[1.0]], [[-50.0]], from_logits=True, gamma=0.0).shape
        (1,)
    """
    y_true, y_pred = operands(y_true, y_pred)
    y_true = _smoothed_binary(y_true, label_smoothing)
    if from_logits:
        y_pred = ops.sigmoid(y_pred)
    crossentropy = ops.binary_crossentropy(y_true, y_pred)
    of_truth = y_true * y_pred + (1 - y_true) * (1 - y_pred)
    focal = ops.power(1.0 - of_truth, gamma) * crossentropy
    if apply_class_balancing:
        focal = (y_true * alpha + (1 - y_true) * (1 - alpha)) * focal
    return ops.mean(focal, axis=axis)


def _smoothed_binary(y_true: Array, label_smoothing: float) -> Array:
    return y_true * (1.0 - label_smoothing) + 0.5 * label_smoothing if label_smoothing else y_true


def categorical_crossentropy(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Array:
    """`-sum(y_true * log(y_pred))` along `axis`.

    Args:
        y_true: probabilities of the classes (one-hot labels), `(batch, ..., classes)`.
        y_pred: predicted probabilities, of the same shape, which are divided by their sum along `axis` and cut to
            [epsilon(), 1 - epsilon()]; or logits.
        from_logits: whether `y_pred` holds logits, of which the softmax is the probability.
        label_smoothing: in [0, 1]: which part of the targets is spread evenly over the classes.
        axis: the axis of the classes.

    Returns:
        A floating array without that axis, at least 0.

    Raises:
        ArgumentError: when `axis` is a bool.
        ShapeError: when the shapes differ.

    Example:
        >>> from lamella import losses
        >>> losses.categorical_crossentropy([[0.0, 1.0]], [[50.0, 0.0]], from_logits=True).tolist()
        [50.0]
    """
    y_true, y_pred = operands(y_true, y_pred)
    y_true = _smoothed_categorical(y_true, label_smoothing, axis)
    return ops.categorical_crossentropy(y_true, y_pred, from_logits=from_logits, axis=axis)


def categorical_focal_crossentropy(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    alpha: Any = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Array:
    """Categorical crossentropy that counts examples less, the better they are already classified.

    `-sum(alpha * (1 - y_pred)^gamma * y_true * log(y_pred))` along `axis`. Lin et al. (2017), arXiv:1708.02002,
    equation 5, for several classes.

    Args:
        y_true: one-hot labels, `(batch, ..., classes)`.
        y_pred: predicted probabilities, of the same shape, which are divided by their sum along `axis` and cut to
            [epsilon(), 1 - epsilon()]; or logits.
        alpha: the weight of the classes: a number, or one for each class.
        gamma: how sharply easy examples are discounted, at least 0.
        from_logits: whether `y_pred` holds logits, of which the softmax is the probability.
        label_smoothing: in [0, 1]: which part of the targets is spread evenly over the classes.
        axis: the axis of the classes.

    Returns:
        A floating array without that axis, at least 0.

    Raises:
        ArgumentError: when `axis` is a bool.

    Example:
        >>> from lamella import losses
        >>> losses.categorical_focal_crossentropy([[0.0, 1.0]], [[0.5, 0.5]], alpha=0.0).tolist()
        [0.0]
    """
    y_true, y_pred = operands(y_true, y_pred)
    y_true = _smoothed_categorical(y_true, label_smoothing, axis)
    if from_logits:
        y_pred = ops.softmax(y_pred, axis=axis)
    y_pred = y_pred / ops.sum(y_pred, axis=axis, keepdims=True)
    y_pred = ops.clip(y_pred, _dtypes.epsilon(), 1.0 - _dtypes.epsilon())
    if not isinstance(alpha, (int, float)):
        alpha = to_dtype(alpha, dtype_name(y_pred), like=y_pred)
    weight = alpha * ops.power(1.0 - y_pred, gamma)
    return ops.sum(weight * (-y_true * ops.log(y_pred)), axis=axis)


def _smoothed_categorical(y_true: Array, label_smoothing: float, axis: Any) -> Array:
    if isinstance(axis, bool):
        raise ArgumentError(f"The `axis` of the classes must be of type `int`; got {axis!r}.")
    if not label_smoothing:
        return y_true
    return y_true * (1.0 - label_smoothing) + label_smoothing / y_true.shape[-1]


def sparse_categorical_crossentropy(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    from_logits: bool = False,
    ignore_class: int | None = None,
    axis: int = -1,
) -> Array:
    """`-log(y_pred[y_true])`, where `y_true` indexes the classes along `axis`.

    Args:
        y_true: class indices, of the shape of `y_pred` without its last axis (or with that axis of size 1).
        y_pred: predicted probabilities, `(batch, ..., classes)`, which are divided by their sum along `axis` and cut
            to [epsilon(), 1 - epsilon()]; or logits.
        from_logits: whether `y_pred` holds logits, of which the softmax is the probability.
        ignore_class: an index whose samples do not count; it need not be that of a class (such as -1).
        axis: the axis of the classes.

    Returns:
        A floating array of the shape of the indices. Where `ignore_class` was left out it is 0, and it carries a mask
        that says so.

    Raises:
        ShapeError: when the shapes do not fit.

    Example:
        >>> from lamella import losses
        >>> losses.sparse_categorical_crossentropy([1, 1], [[50.0, 0.0], [25.0, 0.0]], from_logits=True).tolist()
        [50.0, 25.0]
    """
    y_pred = to_dtype(y_pred, None)
    y_true = _indices(to_dtype(y_true, None, like=y_pred), y_pred)
    if ignore_class is None:
        return ops.sparse_categorical_crossentropy(y_true, y_pred, from_logits=from_logits, axis=axis)
    counts = ops.not_equal(y_true, ignore_class)
    y_true = ops.where(counts, y_true, ops.zeros_like(y_true))
    loss = ops.sparse_categorical_crossentropy(y_true, y_pred, from_logits=from_logits, axis=axis)
    loss = ops.where(counts, loss, ops.zeros_like(loss))
    set_mask(loss, counts)
    return loss


def categorical_generalized_cross_entropy(y_true: ArrayLike, y_pred: ArrayLike, q: float) -> Array:
    """`(1 - p^q) / q`, where `p` is the probability given to the true class: robust to wrong labels.

    Between the crossentropy (`q` towards 0) and the mean absolute error (`q` = 1). Zhang and Sabuncu (2018),
    arXiv:1805.07836, equation 6.

    Args:
        y_true: class indices, of the shape of `y_pred` without its last axis (or with that axis of size 1).
        y_pred: predicted probabilities, `(batch, ..., classes)`.
        q: in (0, 1).

    Returns:
        A floating array of the shape of the indices, in [0, 1 / q].

    Raises:
        ShapeError: when the shapes do not fit.

    Example:
        >>> from lamella import losses
        >>> losses.categorical_generalized_cross_entropy([1], [[0.75, 0.25]], q=0.5).tolist()
        [1.0]
    """
    y_pred = to_dtype(y_pred, None)
    y_true = _indices(to_dtype(y_true, None, like=y_pred), y_pred)
    if tuple(y_true.shape) != tuple(y_pred.shape[:-1]):
        raise ShapeError(
            "categorical_generalized_cross_entropy takes class indices: `y_true` of the shape of `y_pred` without its "
            f"last axis. Got y_true.shape={tuple(y_true.shape)} and y_pred.shape={tuple(y_pred.shape)}. Turn one-hot "
            "labels into indices with ops.argmax(y_true, axis=-1)."
        )
    chosen = ops.one_hot(ops.cast(y_true, "int32"), y_pred.shape[-1], dtype=dtype_name(y_pred))
    return (1.0 - ops.power(ops.sum(chosen * y_pred, axis=-1), q)) / q


def _indices(y_true: Array, y_pred: Array) -> Array:
    """`y_true` without a last axis of size 1 that `y_pred` has the classes in."""
    if len(y_true.shape) == len(y_pred.shape) and y_true.shape and y_true.shape[-1] == 1:
        return ops.squeeze(y_true, axis=-1)
    return y_true


def kl_divergence(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """`sum(y_true * log(y_true / y_pred))` over the last axis, both cut to [epsilon(), 1].

    Kullback and Leibler (1951), "On Information and Sufficiency".

    Args:
        y_true: probabilities, `(batch, ..., size)`.
        y_pred: predicted probabilities, of the same shape.

    Returns:
        A floating array `(batch, ...)`.

    Example:
        >>> from lamella import losses
        >>> losses.kl_divergence([[0.5, 0.5]], [[0.5, 0.5]]).tolist()
        [0.0]
    """
    y_true, y_pred = operands(y_true, y_pred)
    y_true = ops.clip(y_true, _dtypes.epsilon(), 1.0)
    y_pred = ops.clip(y_pred, _dtypes.epsilon(), 1.0)
    return ops.sum(y_true * ops.log(y_true / y_pred), axis=-1)


class BinaryCrossentropy(LossFunctionWrapper):
    """`binary_crossentropy` of each sample, reduced: for one or several independent yes-no labels.

    Args:
        from_logits: whether predictions are logits, of which the sigmoid is the probability.
        label_smoothing: in [0, 1]: how far the targets are moved towards 1/2.
        axis: over which the mean of a sample is taken.
        reduction, name, dtype: as of `Loss`.

    Example:
        >>> from lamella import losses
        >>> float(losses.BinaryCrossentropy(from_logits=True)([[1.0, 0.0]], [[-50.0, -50.0]]))
        25.0
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "binary_crossentropy",
        dtype: Any = None,
    ):
        super().__init__(
            binary_crossentropy,
            name=name,
            reduction=reduction,
            dtype=dtype,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )


class BinaryFocalCrossentropy(LossFunctionWrapper):
    """`binary_focal_crossentropy` of each sample, reduced: for labels of which one is rare.

    Args:
        apply_class_balancing: whether to weight class 1 by `alpha` and class 0 by `1 - alpha`.
        alpha: the weight of class 1, in [0, 1].
        gamma: how sharply easy examples are discounted, at least 0.
        from_logits: whether predictions are logits, of which the sigmoid is the probability.
        label_smoothing: in [0, 1]: how far the targets are moved towards 1/2.
        axis: over which the mean of a sample is taken.
        reduction, name, dtype: as of `Loss`.

    Example:
        >>> from lamella import losses
        >>> losses.BinaryFocalCrossentropy(gamma=3.0).get_config()["gamma"]
        3.0
    """

    def __init__(
        self,
        apply_class_balancing: bool = False,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "binary_focal_crossentropy",
        dtype: Any = None,
    ):
        super().__init__(
            binary_focal_crossentropy,
            name=name,
            reduction=reduction,
            dtype=dtype,
            apply_class_balancing=apply_class_balancing,
            alpha=alpha,
            gamma=gamma,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )


class CategoricalCrossentropy(LossFunctionWrapper):
    """`categorical_crossentropy` of each sample, reduced: for one of several classes, one-hot.

    Args:
        from_logits: whether predictions are logits, of which the softmax is the probability.
        label_smoothing: in [0, 1]: which part of the targets is spread evenly over the classes.
        axis: the axis of the classes.
        reduction, name, dtype: as of `Loss`.

    Example:
        >>> from lamella import losses
        >>> float(losses.CategoricalCrossentropy(from_logits=True)([[0.0, 1.0]], [[50.0, 0.0]]))
        50.0
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "categorical_crossentropy",
        dtype: Any = None,
    ):
        super().__init__(
            categorical_crossentropy,
            name=name,
            reduction=reduction,
            dtype=dtype,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )


class CategoricalFocalCrossentropy(LossFunctionWrapper):
    """`categorical_focal_crossentropy` of each sample, reduced: for classes of which some are rare.

    Args:
        alpha: the weight of the classes: a number, or one for each class.
        gamma: how sharply easy examples are discounted, at least 0.
        from_logits: whether predictions are logits, of which the softmax is the probability.
        label_smoothing: in [0, 1]: which part of the targets is spread evenly over the classes.
        axis: the axis of the classes.
        reduction, name, dtype: as of `Loss`.

    Example:
        >>> from lamella import losses
        >>> float(losses.CategoricalFocalCrossentropy(alpha=0.0)([[0.0, 1.0]], [[0.5, 0.5]]))
        0.0
    """

    def __init__(
        self,
        alpha: Any = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "categorical_focal_crossentropy",
        dtype: Any = None,
    ):
        super().__init__(
            categorical_focal_crossentropy,
            name=name,
            reduction=reduction,
            dtype=dtype,
            alpha=alpha,
            gamma=gamma,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )


class SparseCategoricalCrossentropy(LossFunctionWrapper):
    """`sparse_categorical_crossentropy` of each sample, reduced: for one of several classes, as an index.

    Args:
        from_logits: whether predictions are logits, of which the softmax is the probability.
        ignore_class: an index whose samples do not count.
        reduction: as of `Loss`.
        axis: the axis of the classes.
        name, dtype: as of `Loss`.

    Example:
        >>> from lamella import losses
        >>> float(losses.SparseCategoricalCrossentropy(from_logits=True)([1, 0], [[50.0, 0.0], [50.0, 0.0]]))
        25.0
    """

    _integer_targets = True  # a half-precision loss would round large indices to those of other classes

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        reduction: str | None = "sum_over_batch_size",
        axis: int = -1,
        name: str | None = "sparse_categorical_crossentropy",
        dtype: Any = None,
    ):
        super().__init__(
            sparse_categorical_crossentropy,
            name=name,
            reduction=reduction,
            dtype=dtype,
            from_logits=from_logits,
            ignore_class=ignore_class,
            axis=axis,
        )


class CategoricalGeneralizedCrossEntropy(LossFunctionWrapper):
    """`categorical_generalized_cross_entropy` of each sample, reduced: for labels of which some are wrong.

    Args:
        q: in (0, 1): towards 0 as strict as crossentropy, towards 1 as forgiving as the absolute error.
        reduction, name, dtype: as of `Loss`.

    Raises:
        ArgumentError: when `q` is not in (0, 1).

    Example:
        >>> from lamella import losses
        >>> float(losses.CategoricalGeneralizedCrossEntropy()([1], [[0.75, 0.25]]))
        1.0
    """

    _integer_targets = True

    def __init__(
        self,
        q: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "categorical_generalized_cross_entropy",
        dtype: Any = None,
    ):
        if not 0 < q < 1:
            raise ArgumentError(f"The `q` of CategoricalGeneralizedCrossEntropy must be in (0, 1); got {q!r}.")
        super().__init__(categorical_generalized_cross_entropy, name=name, reduction=reduction, dtype=dtype, q=q)


class KLDivergence(LossFunctionWrapper):
    """`kl_divergence` of each sample, reduced.

    Args:
        reduction, name, dtype: as of `Loss`.

    Example:
        >>> from lamella import losses
        >>> float(losses.KLDivergence()([[0.5, 0.5]], [[0.5, 0.5]]))
        0.0
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "kl_divergence",
        dtype: Any = None,
    ):
        super().__init__(kl_divergence, name=name, reduction=reduction, dtype=dtype)
