"""Parts of networks: losses of each example, biases, normalisation, dropout, recognition of sequences."""

from typing import Any

from lamella import losses, ops, random
from lamella.backend import _dtypes
from lamella.errors import ShapeError
from lamella.ops import binary_crossentropy, categorical_crossentropy
from lamella.typing import Array, ArrayLike

__all__ = [
    "categorical_crossentropy",
    "sparse_categorical_crossentropy",
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "categorical_focal_crossentropy",
    "bias_add",
    "batch_normalization",
    "normalize_batch_in_training",
    "l2_normalize",
    "dropout",
    "in_top_k",
    "ctc_batch_cost",
    "ctc_decode",
]


# ---- losses of each example --------------------------------------------------------------------------


def sparse_categorical_crossentropy(
    target: ArrayLike,
    output: ArrayLike,
    from_logits: bool = False,
    axis: int = -1,
    ignore_class: int | None = None,
) -> Array:
    """`-log(output[target])`, where `target` indexes the classes along `axis`.

    Args:
        target: class indices, of the shape of `output` without its last axis.
        output: predicted probabilities, `(batch, ..., classes)`; or logits.
        from_logits: whether `output` holds logits.
        axis: the axis of the classes.
        ignore_class: an index whose examples count as 0.

    Returns:
        An array of the shape of `target`.
    """
    return losses.sparse_categorical_crossentropy(
        target, output, from_logits=from_logits, ignore_class=ignore_class, axis=axis
    )


def binary_focal_crossentropy(
    target: ArrayLike,
    output: ArrayLike,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
) -> Array:
    """Binary crossentropy of each element, discounted where it is already classified well.

    Lin et al. (2017), arXiv:1708.02002, equations 4 and 5.

    Args:
        target: labels 0 and 1.
        output: predicted probabilities of 1, of the same shape; or logits.
        apply_class_balancing: whether to weight class 1 by `alpha` and class 0 by `1 - alpha`.
        alpha: the weight of class 1, in [0, 1].
        gamma: how sharply easy examples are discounted, at least 0.
        from_logits: whether `output` holds logits.

    Returns:
        An array of the same shape.
    """
    return losses.binary_focal_crossentropy(  # its mean over an axis of size 1 is the element
        ops.expand_dims(target, -1),
        ops.expand_dims(output, -1),
        apply_class_balancing=apply_class_balancing,
        alpha=alpha,
        gamma=gamma,
        from_logits=from_logits,
    )


def categorical_focal_crossentropy(
    target: ArrayLike,
    output: ArrayLike,
    alpha: Any = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    axis: int = -1,
) -> Array:
    """Categorical crossentropy, discounted where the example is already classified well.

    Lin et al. (2017), arXiv:1708.02002, equation 5, for several classes.

    Args:
        target: one-hot labels, `(batch, ..., classes)`.
        output: predicted probabilities, of the same shape; or logits.
        alpha: the weight of the classes: a number, or one for each class.
        gamma: how sharply easy examples are discounted, at least 0.
        from_logits: whether `output` holds logits.
        axis: the axis of the classes.

    Returns:
        An array without that axis.
    """
    return losses.categorical_focal_crossentropy(
        target, output, alpha=alpha, gamma=gamma, from_logits=from_logits, axis=axis
    )


# ---- biases and normalisation ------------------------------------------------------------------------


def bias_add(x: ArrayLike, bias: ArrayLike, data_format: str | None = None) -> Array:
    """`x + bias`, where the bias has one number for each channel, or one for each element of an example.

    Args:
        x: `(batch, ..., channels)`, or `(batch, channels, ...)`.
        bias: `(channels,)`, or as many axes as an example, the channels last.
        data_format: `"channels_last"` or `"channels_first"`; defaults to `image_data_format()`.

    Returns:
        An array of the shape of `x`.

    Raises:
        ShapeError: when the bias has neither one axis nor those of an example.

    Example:
        >>> import lamella.backend as K
        >>> K.bias_add([[1.0, 2.0]], [10.0, 20.0]).tolist()
        [[11.0, 22.0]]
    """
    data_format = _dtypes.standardize_data_format(data_format)
    sizes, axes = ops.shape(bias), ops.ndim(x)
    if len(sizes) not in (1, axes - 1):
        raise ShapeError(
            f"The bias of bias_add must have 1 axis or {axes - 1}, for an array of shape {ops.shape(x)}; "
            f"got a bias of shape {sizes}."
        )
    if data_format == "channels_first" and axes > 2:
        if len(sizes) == 1:
            bias = ops.reshape(bias, (*sizes, *(1,) * (axes - 2)))
        else:
            bias = ops.transpose(bias, axes=(len(sizes) - 1, *range(len(sizes) - 1)))
    return ops.add(x, bias)


def batch_normalization(
    x: ArrayLike,
    mean: ArrayLike,
    var: ArrayLike,
    beta: ArrayLike | None,
    gamma: ArrayLike | None,
    axis: int = -1,
    epsilon: float = 1e-3,
) -> Array:
    """`gamma * (x - mean) / sqrt(var + epsilon) + beta`.

    Ioffe and Szegedy (2015), arXiv:1502.03167, algorithm 1.

    Args:
        x: an array.
        mean, var, beta, gamma: one number for each place along `axis`, or arrays that broadcast to `x`; None for no
            `beta` (0) and no `gamma` (1).
        axis: of the features.
        epsilon: a small positive number added to the variance.

    Returns:
        An array of the shape of `x`.
    """
    axes = ops.ndim(x)

    def along(statistic: ArrayLike) -> Array:
        if ops.ndim(statistic) != 1 or axis % axes == axes - 1:
            return ops.convert_to_tensor(statistic)
        return ops.reshape(statistic, tuple(-1 if i == axis % axes else 1 for i in range(axes)))

    out = ops.subtract(x, along(mean)) * ops.rsqrt(along(var) + epsilon)
    out = out if gamma is None else out * along(gamma)
    return out if beta is None else out + along(beta)


def normalize_batch_in_training(
    x: ArrayLike, gamma: ArrayLike | None, beta: ArrayLike | None, reduction_axes: Any, epsilon: float = 1e-3
) -> tuple[Array, Array, Array]:
    """Standardise `x` by its own mean and variance over `reduction_axes`, then scale by `gamma` and shift by `beta`.

    Args:
        x: an array.
        gamma, beta: arrays of the axes that remain; None for 1 and 0.
        reduction_axes: a list of axes.
        epsilon: a small positive number added to the variance.

    Returns:
        The standardised array, and the mean and variance, without the reduced axes.
    """
    axes = tuple(reduction_axes)
    mean, var = ops.mean(x, axis=axes, keepdims=True), ops.var(x, axis=axes, keepdims=True)

    def like_mean(values: ArrayLike | None) -> Array | None:
        return None if values is None else ops.reshape(values, ops.shape(mean))

    normed = batch_normalization(x, mean, var, like_mean(beta), like_mean(gamma), epsilon=epsilon)
    return normed, ops.squeeze(mean, axis=axes), ops.squeeze(var, axis=axes)


def l2_normalize(x: ArrayLike, axis: Any = None) -> Array:
    """`x / sqrt(max(sum(x²), 1e-12))`, the sum taken along `axis`; over everything where it is None.

    Example:
        >>> import lamella.backend as K
        >>> [round(n, 3) for n in K.l2_normalize([3.0, 4.0]).tolist()]
        [0.6, 0.8]
    """
    total = ops.maximum(ops.sum(ops.square(x), axis=axis, keepdims=True), 1e-12)
    return ops.multiply(x, ops.rsqrt(total))


def dropout(x: ArrayLike, level: float, noise_shape: Any = None, seed: Any = None) -> Array:
    """`x` with a random part `level` of its elements set to 0, and the others divided by `1 - level`.

    Args:
        x: a floating array.
        level: in [0, 1): the part that is dropped.
        noise_shape: of the draws; an axis of size 1 is dropped or kept as a whole.
        seed: an integer, for the same draws each time.

    Returns:
        An array of the same shape.
    """
    return random.dropout(x, level, noise_shape=noise_shape, seed=seed)


# ---- predictions -------------------------------------------------------------------------------------

_ops: Any = ops  # the CTC ops are looked up when they are called: they may be a version younger


def _classes(predictions: ArrayLike) -> int:
    classes = ops.shape(predictions)[-1]
    if classes is None:
        raise ShapeError(f"The number of classes must be known; got predictions of shape {ops.shape(predictions)}.")
    return classes


def in_top_k(predictions: ArrayLike, targets: ArrayLike, k: int) -> Array:
    """Whether the class `targets` is among the `k` that are predicted best.

    Classes that are predicted equally well as the k-th all count as among them. Where the prediction of the target is
    not finite, or the target is no class, the answer is False.

    Args:
        predictions: `(batch, classes)`.
        targets: class indices, `(batch,)`.
        k: a positive integer.

    Returns:
        A bool array `(batch,)`.

    Example:
        >>> import lamella.backend as K
        >>> K.in_top_k([[0.1, 0.6, 0.3], [0.5, 0.2, 0.3]], [2, 1], k=2).tolist()
        [True, False]
    """
    classes = _classes(predictions)
    targets = ops.cast(targets, "int32")
    known = ops.logical_and(ops.greater_equal(targets, 0), ops.less(targets, classes))
    places = ops.where(known, targets, ops.zeros_like(targets))
    of_target = ops.take_along_axis(predictions, ops.expand_dims(places, -1), axis=-1)
    better = ops.sum(ops.cast(ops.greater(predictions, of_target), "int32"), axis=-1)
    usable = ops.logical_and(known, ops.isfinite(ops.squeeze(of_target, axis=-1)))
    return ops.logical_and(usable, ops.less(better, k))


def ctc_batch_cost(y_true: ArrayLike, y_pred: ArrayLike, input_length: ArrayLike, label_length: ArrayLike) -> Array:
    """`-log P(y_true | y_pred)` over all alignments of the labels with the time steps.

    Graves et al. (2006), "Connectionist Temporal Classification", section 4.1. The last class is the blank.

    Args:
        y_true: labels, `(batch, length)`.
        y_pred: the softmax outputs, `(batch, time, classes)`.
        input_length: the number of time steps that count of each example, `(batch, 1)`.
        label_length: the number of labels that count, `(batch, 1)`.

    Returns:
        An array `(batch, 1)`.
    """
    logits = ops.log(ops.add(y_pred, _dtypes.epsilon()))
    steps, lengths = (ops.reshape(ops.cast(n, "int32"), (-1,)) for n in (input_length, label_length))
    blank = _classes(y_pred) - 1
    cost = _ops.ctc_loss(ops.cast(y_true, "int32"), logits, lengths, steps, mask_index=blank)
    return ops.expand_dims(cost, 1)


def ctc_decode(
    y_pred: ArrayLike, input_length: ArrayLike, greedy: bool = True, beam_width: int = 100, top_paths: int = 1
) -> tuple[list[Array], Array]:
    """The labels that the softmax outputs of a CTC network stand for. The last class is the blank.

    Args:
        y_pred: the softmax outputs, `(batch, time, classes)`.
        input_length: the number of time steps that count of each example, `(batch,)`.
        greedy: take the best class of each step; otherwise search with a beam.
        beam_width: the width of the beam.
        top_paths: how many of the best label sequences to return.

    Returns:
        A list of int32 arrays `(batch, time)`, the best first, where -1 stands after the last label; and the
        log-probabilities, `(batch, top_paths)`.
    """
    logits = ops.log(ops.add(y_pred, _dtypes.epsilon()))
    strategy = "greedy" if greedy else "beam_search"
    decoded, scores = _ops.ctc_decode(
        logits,
        ops.cast(input_length, "int32"),
        strategy=strategy,
        beam_width=beam_width,
        top_paths=1 if greedy else top_paths,
        mask_index=_classes(y_pred) - 1,
    )
    return list(ops.unstack(decoded, axis=0)), scores
