"""Building blocks of networks: encodings of classes, losses on probabilities, normalisation, attention."""

from lamella.backend import _dtypes, _registry
from lamella.core._arrays import arrays, cast, promote_float
from lamella.core._operation import op
from lamella.errors import ShapeError
from lamella.ops._activations import log_sigmoid, log_softmax
from lamella.typing import Array, ArrayLike

__all__ = [
    "one_hot",
    "binary_crossentropy",
    "categorical_crossentropy",
    "sparse_categorical_crossentropy",
]


@op
def one_hot(
    x: ArrayLike, num_classes: int, axis: int = -1, dtype: str | None = None, sparse: bool = False
) -> Array:
    """1 where the position along a new axis is the class in `x`, else 0.

    Args:
        x: class indices, an integer array of any shape. An index outside of `[0, num_classes)` gives zeros
            only.
        num_classes: the size of the new axis.
        axis: where the new axis stands in the result.
        dtype: of the result; defaults to `floatx()`.
        sparse: kept for Keras; results are dense.

    Returns:
        An array with one axis more than `x`.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.one_hot([1, 3], num_classes=3)).tolist()
        [[0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]
    """
    xp, x = arrays(x)
    axis = axis % (x.ndim + 1)
    classes = xp.reshape(xp.arange(num_classes, dtype=x.dtype), (-1, *(1,) * (x.ndim - axis)))
    return cast(xp.equal(xp.expand_dims(x, axis=axis), classes), dtype or _dtypes.floatx())


@op
def binary_crossentropy(target: ArrayLike, output: ArrayLike, from_logits: bool = False) -> Array:
    """`-target * log(output) - (1 - target) * log(1 - output)`, element by element.

    Args:
        target: probabilities, of the shape of `output`.
        output: predicted probabilities, which are cut to [epsilon(), 1 - epsilon()] first, or logits.
        from_logits: whether `output` holds logits, of which the sigmoid is the probability.

    Returns:
        A floating array of the same shape.

    Raises:
        ShapeError: when the shapes differ.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.binary_crossentropy([1.0], [-50.0], from_logits=True)).tolist()
        [50.0]
    """
    xp, target, output = promote_float(target, output)
    _same_shape("binary_crossentropy", target, output)
    if from_logits:
        log_yes, log_no = log_sigmoid(output), log_sigmoid(-output)
    else:
        output = xp.clip(output, _dtypes.epsilon(), 1.0 - _dtypes.epsilon())
        log_yes, log_no = xp.log(output), xp.log(1.0 - output)
    return -(target * log_yes + (1.0 - target) * log_no)


@op
def categorical_crossentropy(
    target: ArrayLike, output: ArrayLike, from_logits: bool = False, axis: int = -1
) -> Array:
    """`-sum(target * log(output))` along `axis`.

    Args:
        target: probabilities of the classes, of the shape of `output`.
        output: predicted probabilities, which are divided by their sum along `axis` and cut to
            [epsilon(), 1 - epsilon()] first, or logits.
        from_logits: whether `output` holds logits, of which the softmax is the probability.
        axis: the axis of the classes.

    Returns:
        A floating array without that axis.

    Raises:
        ShapeError: when the shapes differ, or the arrays are scalars.

    Example:
        >>> from lamella import ops
        >>> float(ops.categorical_crossentropy([0.0, 1.0], [50.0, 0.0], from_logits=True))
        50.0
    """
    xp, target, output = promote_float(target, output)
    _same_shape("categorical_crossentropy", target, output)
    if target.ndim < 1:
        raise ShapeError(
            "`categorical_crossentropy` needs `target` and `output` with an axis of classes; got scalars."
        )
    return -xp.sum(target * _log_probabilities(xp, output, from_logits, axis), axis=axis)


@op
def sparse_categorical_crossentropy(
    target: ArrayLike, output: ArrayLike, from_logits: bool = False, axis: int = -1
) -> Array:
    """`-log(output[target])`, where `target` indexes the classes along `axis`.

    Args:
        target: class indices, of the shape of `output` without its last axis (or with that axis of size 1).
            An index outside of `[0, classes)` gives 0.
        output: predicted probabilities, which are divided by their sum along `axis` and cut to
            [epsilon(), 1 - epsilon()] first, or logits.
        from_logits: whether `output` holds logits, of which the softmax is the probability.
        axis: the axis of the classes.

    Returns:
        A floating array of the shape of the indices.

    Raises:
        ShapeError: when the shapes do not fit, or `output` is a scalar.

    Example:
        >>> from lamella import ops
        >>> float(ops.sparse_categorical_crossentropy(1, [50.0, 0.0], from_logits=True))
        50.0
    """
    xp, output = promote_float(output)
    _, target = arrays(target)
    if target.ndim == output.ndim and target.ndim and target.shape[-1] == 1:
        target = xp.squeeze(target, axis=-1)
    if output.ndim < 1:
        raise ShapeError(
            "`sparse_categorical_crossentropy` needs an `output` with an axis of classes; got a scalar."
        )
    if tuple(target.shape) != tuple(output.shape[:-1]):
        raise ShapeError(
            "`sparse_categorical_crossentropy` needs `target` and `output` of the same shape up to the last "
            f"axis; got target.shape={tuple(target.shape)}, output.shape={tuple(output.shape)}."
        )
    log_probabilities = _log_probabilities(xp, output, from_logits, axis)
    chosen = one_hot(
        cast(target, "int32"), output.shape[axis], axis=axis, dtype=_registry.active().dtype(output)
    )
    return -xp.sum(chosen * log_probabilities, axis=axis)


def _same_shape(name: str, target: Array, output: Array) -> None:
    if tuple(target.shape) != tuple(output.shape):
        raise ShapeError(
            f"`{name}` needs `target` and `output` of the same shape; got "
            f"target.shape={tuple(target.shape)}, output.shape={tuple(output.shape)}."
        )


def _log_probabilities(xp, output: Array, from_logits: bool, axis: int) -> Array:
    if from_logits:
        return log_softmax(output, axis=axis)
    output = output / xp.sum(output, axis=axis, keepdims=True)
    return xp.log(xp.clip(output, _dtypes.epsilon(), 1.0 - _dtypes.epsilon()))
