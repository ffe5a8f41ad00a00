"""Building blocks of networks: encodings of classes, losses on probabilities, normalisation, attention."""

import warnings
from typing import Any

import numpy as np

from lamella.backend import _dtypes, _registry
from lamella.core._arrays import arrays, cast, promote, promote_float
from lamella.core._operation import op
from lamella.errors import ArgumentError, NotOfferedError, ShapeError
from lamella.ops._activations import log_sigmoid, log_softmax
from lamella.ops._operands import float_operands, operands, reduced_axes, single_axis
from lamella.typing import Array, ArrayLike, Axis

__all__ = [
    "one_hot",
    "multi_hot",
    "binary_crossentropy",
    "categorical_crossentropy",
    "sparse_categorical_crossentropy",
    "moments",
    "normalize",
    "batch_normalization",
    "layer_normalization",
    "rms_normalization",
    "psnr",
    "polar",
    "space_to_depth",
    "depth_to_space",
]


@op
def one_hot(x: ArrayLike, num_classes: int, axis: int = -1, dtype: str | None = None, sparse: bool = False) -> Array:
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

    Raises:
        ShapeError: when `axis` is out of bounds for the result.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.one_hot([1, 3], num_classes=3)).tolist()
        [[0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]
    """
    xp, x = arrays(x)
    if not _dtypes.is_float_dtype(_registry.active().dtype(x)):
        x = cast(x, "int32")
    axis = single_axis("one_hot", axis, x.ndim + 1)
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
        output = _inside(xp, output)
        log_yes, log_no = xp.log(output), xp.log(xp.ones_like(output) - output)
    return -(target * log_yes + (xp.ones_like(target) - target) * log_no)


@op
def categorical_crossentropy(target: ArrayLike, output: ArrayLike, from_logits: bool = False, axis: int = -1) -> Array:
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
        raise ShapeError("`categorical_crossentropy` needs `target` and `output` with an axis of classes; got scalars.")
    axis = single_axis("categorical_crossentropy", axis, output.ndim)
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
        A floating array of the shape of the indices, at least of dtype `floatx()`.

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
        raise ShapeError("`sparse_categorical_crossentropy` needs an `output` with an axis of classes; got a scalar.")
    if tuple(target.shape) != tuple(output.shape[:-1]):
        raise ShapeError(
            "`sparse_categorical_crossentropy` needs `target` and `output` of the same shape up to the last "
            f"axis; got target.shape={tuple(target.shape)}, output.shape={tuple(output.shape)}."
        )
    axis = single_axis("sparse_categorical_crossentropy", axis, output.ndim)
    chosen = one_hot(cast(target, "int32"), output.shape[axis], axis=axis)
    _, chosen, log_probabilities = promote(chosen, _log_probabilities(xp, output, from_logits, axis))
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
    return xp.log(_inside(xp, output / xp.sum(output, axis=axis, keepdims=True)))


def _inside(xp, probabilities: Array) -> Array:
    """Cut to what has a finite logarithm, as has its complement."""
    low, high = (xp.full_like(probabilities, v) for v in (_dtypes.epsilon(), 1.0 - _dtypes.epsilon()))
    return xp.minimum(xp.maximum(probabilities, low), high)


@op
def multi_hot(
    inputs: ArrayLike,
    num_classes: int | None = None,
    axis: int = -1,
    dtype: str | None = None,
    sparse: bool = False,
    **kwargs: Any,
) -> Array:
    """1 where the position along an axis is among the classes in `inputs`, else 0.

    Args:
        inputs: class indices, an integer array; those of one example stand along its second axis (along its
            only axis where it has one). An index outside of `[0, num_classes)` counts for nothing.
        num_classes: the size of the axis of classes.
        axis: where the axis of classes stands before the examples are put together.
        dtype: of the result; defaults to `floatx()`.
        sparse: kept for Keras; results are dense.

    Returns:
        An array with as many axes as `inputs`.

    Raises:
        ArgumentError: without `num_classes`.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.multi_hot([[0, 2], [1, 1]], num_classes=3)).tolist()
        [[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]]
    """
    num_classes = kwargs.pop("num_tokens", num_classes)  # an older name of Keras's
    if num_classes is None:
        raise ArgumentError("`multi_hot` needs `num_classes`, the size of the axis of classes.")
    xp, inputs = arrays(inputs)
    encoded = one_hot(inputs, num_classes, axis=axis, dtype="int8")
    return cast(xp.max(encoded, axis=1 if inputs.ndim > 1 else 0), dtype or _dtypes.floatx())


@op
def moments(x: ArrayLike, axes: Axis, keepdims: bool = False, synchronized: bool = False) -> tuple[Array, Array]:
    """The mean and the variance of `x` along `axes`; the variance divides by n.

    Args:
        x: an array of any shape. Half floats are summed in float32, and what they cannot hold is cut to what
            they can.
        axes: the axis or axes; None for all.
        keepdims: keep the axes with size 1.
        synchronized: over all replicas: not supported.

    Returns:
        A pair of floating arrays.

    Raises:
        NotOfferedError: with `synchronized=True`.
        ShapeError: when an axis is out of bounds.

    Example:
        >>> from lamella import ops
        >>> mean, variance = ops.moments([1.0, 3.0], axes=0)
        >>> float(mean), float(variance)
        (2.0, 1.0)
    """
    if synchronized:
        raise NotOfferedError("`moments` cannot be synchronized over replicas; use synchronized=False.")
    xp, x = promote_float(x)
    dtype = _registry.active().dtype(x)
    axes = reduced_axes("moments", axes, x.ndim)
    wide = cast(x, "float32") if dtype in ("float16", "bfloat16") else x
    mean = xp.mean(wide, axis=axes, keepdims=True)
    variance = xp.var(wide, axis=axes, keepdims=keepdims)
    mean = mean if keepdims else xp.reshape(mean, variance.shape)
    if dtype == "float16":
        low, high = _dtypes.finite_range(dtype)
        mean, variance = xp.clip(mean, low, high), xp.clip(variance, low, high)
    return cast(mean, dtype), cast(variance, dtype)


@op
def normalize(x: ArrayLike, axis: Axis = -1, order: int = 2, epsilon: float | None = None) -> Array:
    """`x / max(‖x‖, epsilon)`, the norm taken along `axis`.

    Args:
        x: a floating array.
        axis: the axis or axes; None for all.
        order: of the norm, an integer of at least 1. For other than 2 along two axes it is that of a matrix.
        epsilon: the least divisor; defaults to `epsilon()`.

    Returns:
        A floating array of the same shape.

    Raises:
        ArgumentError: for another `order`.
        ShapeError: when an axis is out of bounds.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.normalize([[1.0, 3.0]], order=1)).tolist()
        [[0.25, 0.75]]
    """
    if not isinstance(order, int) or order < 1:
        raise ArgumentError(f"The `order` of `normalize` must be an integer of at least 1; got {order!r}.")
    xp, x = promote_float(x)
    epsilon = _dtypes.epsilon() if epsilon is None else epsilon
    if axis is not None:
        one: Any = axis
        several = isinstance(axis, (list, tuple))
        axis = reduced_axes("normalize", axis, x.ndim) if several else single_axis("normalize", one, x.ndim)
    if order == 2:
        squares = xp.sum(x * x, axis=axis, keepdims=True)
        floor = xp.full_like(squares, epsilon**2)
        return cast(x * _registry.active().rsqrt(xp.maximum(squares, floor)), _registry.active().dtype(x))
    if isinstance(axis, tuple) and len(axis) == 2:
        matrix = xp.moveaxis(x, axis, (-2, -1))
        length = xp.moveaxis(xp.linalg.matrix_norm(matrix, keepdims=True, ord=order), (-2, -1), axis)
    else:
        length = xp.linalg.vector_norm(x, axis=axis, keepdims=True, ord=order)
    return x / xp.maximum(length, xp.full_like(length, epsilon))


@op
def batch_normalization(
    x: ArrayLike,
    mean: ArrayLike,
    variance: ArrayLike,
    axis: int,
    offset: ArrayLike | None = None,
    scale: ArrayLike | None = None,
    epsilon: float = 1e-3,
) -> Array:
    """`scale * (x - mean) / sqrt(variance + epsilon) + offset`, with parameters for each place along `axis`.

    Ioffe and Szegedy (2015), arXiv:1502.03167, algorithm 1.

    Args:
        x: an array of any shape.
        mean, variance: arrays of shape `(x.shape[axis],)`.
        axis: the axis of the features.
        offset, scale: of the same shape, or None for 0 and 1.
        epsilon: added to the variance.

    Returns:
        A floating array of the shape of `x`.

    Raises:
        ShapeError: when a parameter has another shape, or the axis is out of bounds.

    Example:
        >>> from lamella import ops
        >>> out = ops.batch_normalization([[1.0, 4.0]], mean=[1.0, 2.0], variance=[1.0, 4.0], axis=-1, epsilon=0.0)
        >>> ops.convert_to_numpy(out).tolist()
        [[0.0, 1.0]]
    """
    given = {"mean": mean, "variance": variance, "offset": offset, "scale": scale}
    given = {name: value for name, value in given.items() if value is not None}
    _, x, *values = promote_float(x, *given.values())
    axis = single_axis("batch_normalization", axis, x.ndim)
    features = x.shape[axis]
    shape = [1] * x.ndim
    shape[axis] = features
    xp = _registry.active().xp
    parameters = {}
    for name, value in zip(given, values):
        if tuple(value.shape) != (features,):
            raise ShapeError(
                f"`batch_normalization` needs a `{name}` of shape ({features},), the size of `x` along axis "
                f"{axis}; got shape {tuple(value.shape)} for `x` of shape {tuple(x.shape)}."
            )
        parameters[name] = xp.reshape(value, tuple(shape))
    factor = _registry.active().rsqrt(parameters["variance"] + epsilon)
    if scale is not None:
        factor = factor * parameters["scale"]
    constant = -parameters["mean"] * factor
    if offset is not None:
        constant = constant + parameters["offset"]
    return cast(x * factor + constant, _registry.active().dtype(x))


@op
def layer_normalization(
    x: ArrayLike,
    gamma: ArrayLike | None = None,
    beta: ArrayLike | None = None,
    axis: int | tuple[int, ...] = -1,
    epsilon: float | None = None,
    **kwargs: Any,
) -> Array:
    """`gamma * (x - mean) / sqrt(variance + epsilon) + beta`, with the moments along `axis`.

    Ba, Kiros and Hinton (2016), arXiv:1607.06450, section 3. Their variance has no epsilon. Half floats are
    computed with in float32.

    Args:
        x: an array of any shape.
        gamma: an array of the shape of `x` along `axis`; None for 1.
        beta: likewise; None for 0.
        axis: the axis or axes to normalise.
        epsilon: added to the variance; defaults to `epsilon()`.

    Returns:
        An array of the shape and dtype of `x`.

    Raises:
        ShapeError: when `gamma` or `beta` has another shape, or an axis is out of bounds.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.layer_normalization([[1.0, 3.0]], epsilon=0.0)).tolist()
        [[-1.0, 1.0]]
    """
    xp, original = arrays(x)
    dtype = _registry.active().dtype(original)
    x = _widened(original)
    axes = _sorted_axes("layer_normalization", axis, x.ndim)
    epsilon = _dtypes.epsilon() if epsilon is None else epsilon
    variance = xp.var(x, axis=axes, keepdims=True)
    factor = _registry.active().rsqrt(variance + epsilon)
    gamma, beta = (
        _along("layer_normalization", name, value, x, axes) for name, value in (("gamma", gamma), ("beta", beta))
    )
    if kwargs.get("rms_scaling"):  # an older option of Keras's: no centring
        warnings.warn("`rms_scaling=True` is deprecated; use ops.rms_normalization.", stacklevel=3)
        out = x * factor if gamma is None else x * factor * gamma
        return cast(out, dtype)
    if gamma is not None:
        factor = factor * gamma
    constant = -xp.mean(x, axis=axes, keepdims=True) * factor
    if beta is not None:
        constant = constant + beta
    return cast(x * factor + constant, dtype)


@op
def rms_normalization(
    x: ArrayLike,
    scale: ArrayLike | None = None,
    axis: int | tuple[int, ...] = -1,
    epsilon: float | None = None,
) -> Array:
    """`scale * x / sqrt(mean(x²) + epsilon)`, with the mean along `axis`.

    Zhang and Sennrich (2019), arXiv:1910.07467, equation 4. Half floats are computed with in float32.

    Args:
        x: an array of any shape.
        scale: an array that broadcasts to `x`; None for 1.
        axis: the axis or axes to normalise.
        epsilon: added to the mean square; defaults to `epsilon()`.

    Returns:
        An array of the shape and dtype of `x`.

    Raises:
        ShapeError: when `scale` does not broadcast, or an axis is out of bounds.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.rms_normalization([[3.0, 3.0]], epsilon=0.0)).tolist()
        [[1.0, 1.0]]
    """
    xp, original = arrays(x)
    x = _widened(original)
    epsilon = _dtypes.epsilon() if epsilon is None else epsilon
    axes = _sorted_axes("rms_normalization", axis, x.ndim)
    mean_square = xp.mean(x * x, axis=axes, keepdims=True)
    out = x * _registry.active().rsqrt(mean_square + epsilon)
    if scale is not None:
        _, out, scale = operands("rms_normalization", out, scale)
        out = out * scale
    return cast(out, _registry.active().dtype(original))


def _widened(x: Array) -> Array:
    """`x` in a dtype that means and squares are safe in."""
    dtype = _registry.active().dtype(x)
    return x if dtype in ("float32", "float64") else cast(x, "float32")


def _sorted_axes(op_name: str, axis: int | tuple[int, ...], ndim: int) -> tuple[int, ...]:
    axes = axis if isinstance(axis, (list, tuple)) else (axis,)
    return tuple(sorted(single_axis(op_name, a, ndim) for a in axes))


def _along(op_name: str, name: str, value: ArrayLike | None, x: Array, axes: tuple[int, ...]) -> Array | None:
    """A parameter of the shape of `x` along `axes`, with axes of size 1 elsewhere."""
    if value is None:
        return None
    array = cast(value, _registry.active().dtype(x))
    sizes = tuple(x.shape[a] for a in axes)
    if array.ndim and tuple(array.shape) != sizes:
        raise ShapeError(
            f"`{op_name}` needs a `{name}` of shape {sizes}, the sizes of `x` along the axes {axes}; got "
            "shape "
            f"{tuple(array.shape)} for `x` of shape {tuple(x.shape)}."
        )
    if not array.ndim:
        return array
    shape = tuple(n if a in axes else 1 for a, n in enumerate(x.shape))
    return _registry.active().xp.reshape(array, shape)


@op
def psnr(x1: ArrayLike, x2: ArrayLike, max_val: float) -> Array:
    """Peak signal-to-noise ratio, `20 log10(max_val) - 10 log10(mean((x1 - x2)²))`, in decibels.

    Args:
        x1, x2: arrays of one shape.
        max_val: the greatest value that a signal may have.

    Returns:
        A scalar; inf where the arrays are equal.

    Raises:
        ShapeError: when the shapes differ.

    Example:
        >>> from lamella import ops
        >>> round(float(ops.psnr([0.0, 0.0], [0.1, 0.1], max_val=1.0)), 3)
        20.0
    """
    xp, x1, x2 = promote_float(x1, x2)
    if tuple(x1.shape) != tuple(x2.shape):
        raise ShapeError(f"`psnr` needs signals of the same shape; got {tuple(x1.shape)} and {tuple(x2.shape)}.")
    error = xp.mean((x1 - x2) ** 2)
    peak = xp.asarray(max_val, dtype=error.dtype)
    with np.errstate(divide="ignore"):
        return cast(20.0 * xp.log10(peak) - 10.0 * xp.log10(error), _registry.active().dtype(x1))


@op
def polar(abs_: ArrayLike, angle: ArrayLike) -> Array:
    """The complex numbers `abs_ * (cos(angle) + i sin(angle))`.

    Args:
        abs_: the absolute values.
        angle: the angles in radians; broadcasts against `abs_`.

    Returns:
        A complex array of the common shape.

    Raises:
        ShapeError: when the shapes do not broadcast.

    Example:
        >>> from lamella import ops
        >>> complex(ops.polar(2.0, 0.0))
        (2+0j)
    """
    xp, abs_, angle = float_operands("polar", abs_, angle)
    abs_, angle = _widened(abs_), _widened(angle)
    return _registry.active().complex(abs_ * xp.cos(angle), abs_ * xp.sin(angle))


@op
def space_to_depth(x: ArrayLike, block_size: int, data_format: str | None = "channels_last") -> Array:
    """Moves blocks of `block_size` by `block_size` pixels into the channels.

    Args:
        x: images, `(batch, height, width, channels)`, or `(batch, channels, height, width)`.
        block_size: at least 2; divides height and width.
        data_format: "channels_last" or "channels_first".

    Returns:
        Images of height and width divided by `block_size`, with `block_size**2` times as many channels, those
        of one pixel together.

    Raises:
        ArgumentError: for a smaller `block_size`.
        ShapeError: when the height or width is no multiple of it, or `x` has not four axes.

    Example:
        >>> from lamella import ops
        >>> ops.space_to_depth(ops.zeros((1, 4, 6, 3)), 2).shape
        (1, 2, 3, 12)
    """
    xp, x, last = _images("space_to_depth", x, block_size, data_format)
    batch, height, width, channels = x.shape
    b = block_size
    if height % b or width % b:
        raise ShapeError(f"`space_to_depth` needs a height and width that {b} divides; got {height} and {width}.")
    x = xp.reshape(x, (batch, height // b, b, width // b, b, channels))
    if last:
        x = xp.permute_dims(x, (0, 1, 3, 2, 4, 5))
        return xp.reshape(x, (batch, height // b, width // b, b * b * channels))
    x = xp.permute_dims(x, (0, 5, 2, 4, 1, 3))
    return xp.reshape(x, (batch, channels * b * b, height // b, width // b))


@op
def depth_to_space(x: ArrayLike, block_size: int, data_format: str | None = "channels_last") -> Array:
    """Moves channels into blocks of `block_size` by `block_size` pixels: the inverse of `space_to_depth`.

    Shi et al. (2016), arXiv:1609.05158, section 2.2 ("pixel shuffle", with the channels in another order).

    Args:
        x: images, `(batch, height, width, channels)`, or `(batch, channels, height, width)`.
        block_size: at least 2; its square divides the channels.
        data_format: "channels_last" or "channels_first".

    Returns:
        Images of height and width times `block_size`, with fewer channels.

    Raises:
        ArgumentError: for a smaller `block_size`.
        ShapeError: when the channels are no multiple of its square, or `x` has not four axes.

    Example:
        >>> from lamella import ops
        >>> ops.depth_to_space(ops.zeros((1, 2, 3, 12)), 2).shape
        (1, 4, 6, 3)
    """
    xp, x, last = _images("depth_to_space", x, block_size, data_format)
    batch, height, width, channels = x.shape
    b = block_size
    if channels % (b * b):
        raise ShapeError(f"`depth_to_space` needs channels that {b * b} divides; got {channels}.")
    left = channels // (b * b)
    if last:
        x = xp.reshape(x, (batch, height, width, b, b, left))
        x = xp.permute_dims(x, (0, 1, 3, 2, 4, 5))
        return xp.reshape(x, (batch, height * b, width * b, left))
    x = xp.reshape(x, (batch, height, width, left, b, b))
    x = xp.permute_dims(x, (0, 3, 1, 4, 2, 5))
    return xp.reshape(x, (batch, left, height * b, width * b))


def _images(op_name: str, x: ArrayLike, block_size: int, data_format: str | None) -> tuple:
    """(xp, images with channels last, whether they were)."""
    if not isinstance(block_size, int) or block_size < 2:
        raise ArgumentError(f"The `block_size` of `{op_name}` must be an integer of at least 2; got {block_size!r}.")
    last = _dtypes.standardize_data_format(data_format) == "channels_last"
    xp, x = arrays(x)
    if x.ndim != 4:
        raise ShapeError(f"`{op_name}` needs images with four axes, a batch first; got shape {tuple(x.shape)}.")
    return xp, x if last else xp.moveaxis(x, 1, -1), last
