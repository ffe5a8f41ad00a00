"""Activations: functions of one array that bend, gate or normalise it.

Where a function has a kink, its derivative there is the one that `jax.nn` has (`relu'(0) = 0`,
`leaky_relu'(0) = 1`), on every backend: kinks are written with `where`, whose derivative is that of the
branch taken.
"""

import math
import warnings

from lamella.backend import _registry
from lamella.core._arrays import promote, promote_float
from lamella.core._operation import op
from lamella.errors import ShapeError
from lamella.ops._operands import reduced_axes, single_axis
from lamella.typing import Array, ArrayLike

__all__ = [
    "relu",
    "relu6",
    "leaky_relu",
    "elu",
    "selu",
    "celu",
    "gelu",
    "silu",
    "swish",
    "sigmoid",
    "log_sigmoid",
    "hard_sigmoid",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "tanh_shrink",
    "hard_shrink",
    "soft_shrink",
    "softplus",
    "squareplus",
    "softsign",
    "sparse_plus",
    "sparse_sigmoid",
    "threshold",
    "glu",
    "softmax",
    "log_softmax",
    "sparsemax",
]


@op
def relu(x: ArrayLike) -> Array:
    """Rectified linear unit, `max(x, 0)`.

    Nair and Hinton (2010). The derivative at 0 is 0.

    Args:
        x: an array of any shape.

    Returns:
        An array of the same shape and dtype; booleans become int32.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.relu([-1.0, 0.0, 2.0])).tolist()
        [0.0, 0.0, 2.0]
    """
    xp, x, zero = promote(x, 0)
    return xp.where(x <= zero, zero, x)


@op
def relu6(x: ArrayLike) -> Array:
    """`min(max(x, 0), 6)`.

    Krizhevsky (2010), "Convolutional deep belief networks on CIFAR-10". The derivative at 0 and at 6 is 0.

    Args:
        x: an array of any shape.

    Returns:
        A floating array of the same shape.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.relu6([-1.0, 3.0, 7.0])).tolist()
        [0.0, 3.0, 6.0]
    """
    xp, x, zero, six = promote_float(x, 0.0, 6.0)
    return xp.where(x <= zero, zero, xp.where(x >= six, six, x))


@op
def leaky_relu(x: ArrayLike, negative_slope: float = 0.2) -> Array:
    """`x` where it is at least 0, else `negative_slope * x`.

    Maas, Hannun and Ng (2013), "Rectifier nonlinearities improve neural network acoustic models".

    Args:
        x: an array of any shape.
        negative_slope: the slope below 0.

    Returns:
        A floating array of the same shape.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.leaky_relu([-1.0, 2.0], negative_slope=0.5)).tolist()
        [-0.5, 2.0]
    """
    xp, x, zero, slope = promote_float(x, 0.0, negative_slope)
    return xp.where(x >= zero, x, slope * x)


@op
def elu(x: ArrayLike, alpha: float = 1.0) -> Array:
    """Exponential linear unit: `x` where it is positive, else `alpha * (exp(x) - 1)`.

    Clevert, Unterthiner and Hochreiter (2015), arXiv:1511.07289, equation 15.

    Args:
        x: an array of any shape.
        alpha: minus the limit far below 0.

    Returns:
        A floating array of the same shape.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.elu([-1e9, 0.0, 2.0])).tolist()
        [-1.0, 0.0, 2.0]
    """
    xp, x, zero, alpha = promote_float(x, 0.0, alpha)
    positive = x > zero
    return xp.where(positive, x, alpha * xp.expm1(xp.where(positive, zero, x)))  # exp of a large x would be inf


@op
def selu(x: ArrayLike) -> Array:
    """Self-normalising unit: `1.0507 * elu(x, alpha=1.67326)`.

    Klambauer et al. (2017), arXiv:1706.02515, equation 2, whose constants keep mean 0 and variance 1.

    Args:
        x: an array of any shape.

    Returns:
        A floating array of the same shape.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.selu([0.0])).tolist()
        [0.0]
    """
    _, x, scale = promote_float(x, 1.0507009873554804934193349852946)
    return scale * elu(x, 1.6732632423543772848170429916717)


@op
def celu(x: ArrayLike, alpha: float = 1.0) -> Array:
    """`x` where it is positive, else `alpha * (exp(x / alpha) - 1)`: an `elu` with a continuous derivative.

    Barron (2017), arXiv:1704.07483, equation 2.

    Args:
        x: an array of any shape.
        alpha: minus the limit far below 0.

    Returns:
        A floating array of the same shape.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.celu([-1e9, 2.0], alpha=3.0)).tolist()
        [-3.0, 2.0]
    """
    xp, x, zero, alpha = promote_float(x, 0.0, alpha)
    positive = x > zero
    return xp.where(positive, x, alpha * xp.expm1(xp.where(positive, zero, x) / alpha))


@op
def gelu(x: ArrayLike, approximate: bool = True) -> Array:
    """Gaussian error linear unit: `x * Φ(x)`, Φ the standard normal distribution function.

    Hendrycks and Gimpel (2016), arXiv:1606.08415; the approximation is their
    `0.5 x (1 + tanh(sqrt(2 / π) (x + 0.044715 x³)))`.

    Args:
        x: an array of any shape.
        approximate: whether to use the tanh approximation.

    Returns:
        A floating array of the same shape.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.gelu([0.0, 100.0])).tolist()
        [0.0, 100.0]
    """
    xp, x, half, one = promote_float(x, 0.5, 1.0)
    if approximate:
        _, _, scale, cubic = promote_float(x, math.sqrt(2 / math.pi), 0.044715 * math.sqrt(2 / math.pi))
        return x * (half * (one + xp.tanh(x * (scale + cubic * (x * x)))))
    _, _, root = promote_float(x, math.sqrt(2))
    return half * x * _registry.active().erfc(-x / root)


@op
def silu(x: ArrayLike) -> Array:
    """`x * sigmoid(x)`, also known as swish.

    Elfwing, Uchibe and Doya (2017), arXiv:1702.03118.

    Args:
        x: an array of any shape.

    Returns:
        A floating array of the same shape.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.silu([0.0, 100.0])).tolist()
        [0.0, 100.0]
    """
    _, x = promote_float(x)
    return x * _registry.active().sigmoid(x)


swish = silu


@op
def sigmoid(x: ArrayLike) -> Array:
    """`1 / (1 + exp(-x))`.

    Args:
        x: an array of any shape.

    Returns:
        A floating array of the same shape, in [0, 1].

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.sigmoid([-1000.0, 0.0, 1000.0])).tolist()
        [0.0, 0.5, 1.0]
    """
    _, x = promote_float(x)
    return _registry.active().sigmoid(x)


@op
def log_sigmoid(x: ArrayLike) -> Array:
    """`log(sigmoid(x)) = -softplus(-x)`, exact where `sigmoid` itself would round to 0 or 1.

    Args:
        x: an array of any shape.

    Returns:
        A floating array of the same shape, at most 0.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.log_sigmoid([-1000.0])).tolist()
        [-1000.0]
    """
    return -softplus(-promote_float(x)[1])


@op
def hard_sigmoid(x: ArrayLike) -> Array:
    """`relu6(x + 3) / 6`: the piecewise linear sigmoid.

    Howard et al. (2019), arXiv:1905.02244, section 5.2.

    Args:
        x: an array of any shape.

    Returns:
        A floating array of the same shape, in [0, 1].

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.hard_sigmoid([-3.0, 0.0, 3.0])).tolist()
        [0.0, 0.5, 1.0]
    """
    _, x, three, six = promote_float(x, 3.0, 6.0)
    return relu6(x + three) / six


@op
def hard_silu(x: ArrayLike) -> Array:
    """`x * hard_sigmoid(x)`, also known as hard swish.

    Howard et al. (2019), arXiv:1905.02244, section 5.2.

    Args:
        x: an array of any shape.

    Returns:
        A floating array of the same shape.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.hard_silu([0.0, 3.0])).tolist()
        [0.0, 3.0]
    """
    _, x = promote_float(x)
    return x * hard_sigmoid(x)


hard_swish = hard_silu


@op
def hard_tanh(x: ArrayLike) -> Array:
    """`x` cut to [-1, 1].

    Args:
        x: an array of any shape.

    Returns:
        An array of the same shape and dtype; booleans become int32.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.hard_tanh([-2.0, 0.5, 2.0])).tolist()
        [-1.0, 0.5, 1.0]
    """
    xp, x, one = promote(x, 1)
    if _registry.active().dtype(x).startswith("uint"):  # which has no -1
        return xp.where(x > one, one, x)
    return xp.where(x > one, one, xp.where(x < -one, -one, x))


@op
def tanh_shrink(x: ArrayLike) -> Array:
    """`x - tanh(x)`.

    Args:
        x: an array of any shape.

    Returns:
        A floating array of the same shape.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.tanh_shrink([0.0, 100.0])).tolist()
        [0.0, 99.0]
    """
    xp, x = promote_float(x)
    return x - xp.tanh(x)


@op
def hard_shrink(x: ArrayLike, threshold: float = 0.5) -> Array:
    """`x` where `|x| > threshold`, else 0.

    Args:
        x: an array of any shape.
        threshold: at least 0.

    Returns:
        A floating array of the same shape.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.hard_shrink([-1.0, 0.5, 1.0])).tolist()
        [-1.0, 0.0, 1.0]
    """
    xp, x, threshold, zero = promote_float(x, threshold, 0.0)
    return xp.where(xp.abs(x) > threshold, x, zero)


@op
def soft_shrink(x: ArrayLike, threshold: float = 0.5) -> Array:
    """`sign(x) * max(|x| - threshold, 0)`.

    Donoho (1995), "De-noising by soft-thresholding".

    Args:
        x: an array of any shape.
        threshold: at least 0.

    Returns:
        A floating array of the same shape.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.soft_shrink([-1.0, 0.5, 1.0])).tolist()
        [-0.5, 0.0, 0.5]
    """
    xp, x, threshold, zero = promote_float(x, threshold, 0.0)
    return xp.where(x > threshold, x - threshold, xp.where(x < -threshold, x + threshold, zero))


@op
def softplus(x: ArrayLike) -> Array:
    """`log(1 + exp(x))`, without overflow.

    Args:
        x: an array of any shape.

    Returns:
        A floating array of the same shape, at least 0.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.softplus([-1000.0, 1000.0])).tolist()
        [0.0, 1000.0]
    """
    xp, x = promote_float(x)
    return xp.logaddexp(x, xp.zeros_like(x))


@op
def squareplus(x: ArrayLike, b: float = 4) -> Array:
    """`(x + sqrt(x² + b)) / 2`: a softplus made of algebra.

    Barron (2021), arXiv:2112.11687.

    Args:
        x: an array of any shape.
        b: how wide the bend is; 0 gives `relu`.

    Returns:
        A floating array of the same shape.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.squareplus([0.0])).tolist()
        [1.0]
    """
    xp, x, b, two = promote_float(x, b, 2.0)
    return (x + xp.sqrt(x * x + b)) / two


@op
def softsign(x: ArrayLike) -> Array:
    """`x / (1 + |x|)`.

    Args:
        x: an array of any shape.

    Returns:
        A floating array of the same shape, in (-1, 1).

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.softsign([-1.0, 0.0, 3.0])).tolist()
        [-0.5, 0.0, 0.75]
    """
    xp, x, one = promote_float(x, 1.0)
    return x / (xp.abs(x) + one)


@op
def sparse_plus(x: ArrayLike) -> Array:
    """0 up to -1, `(x + 1)² / 4` up to 1, then `x`: the integral of `sparse_sigmoid`.

    Args:
        x: an array of any shape.

    Returns:
        A floating array of the same shape, at least 0.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.sparse_plus([-1.0, 0.0, 1.0])).tolist()
        [0.0, 0.25, 1.0]
    """
    xp, x, zero, one, four = promote_float(x, 0.0, 1.0, 4.0)
    return xp.where(x <= -one, zero, xp.where(x >= one, x, (x + one) * (x + one) / four))


@op
def sparse_sigmoid(x: ArrayLike) -> Array:
    """0 up to -1, `(x + 1) / 2` up to 1, then 1.

    Martins and Astudillo (2016), arXiv:1602.02068: the two-class case of `sparsemax`.

    Args:
        x: an array of any shape.

    Returns:
        A floating array of the same shape, in [0, 1].

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.sparse_sigmoid([-1.0, 0.0, 1.0])).tolist()
        [0.0, 0.5, 1.0]
    """
    xp, x, half, one, zero, two = promote_float(x, 0.5, 1.0, 0.0, 2.0)
    return half * xp.minimum(xp.maximum(x + one, zero), two)


@op
def threshold(x: ArrayLike, threshold: float, default_value: float) -> Array:
    """`x` where it is greater than `threshold`, else `default_value`.

    Args:
        x: an array of any shape.
        threshold: values up to this one are replaced.
        default_value: by this one.

    Returns:
        An array of the same shape, of the dtype that `x` and `default_value` meet in.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.threshold([0.5, 2.0], 1.0, 9.0)).tolist()
        [9.0, 2.0]
    """
    _, compared, threshold = promote(x, threshold)
    xp, x, default_value = promote(x, default_value)
    return xp.where(compared > threshold, x, default_value)


@op
def glu(x: ArrayLike, axis: int = -1) -> Array:
    """Gated linear unit: `a * sigmoid(b)`, where `a` and `b` are the halves of `x` along `axis`.

    Dauphin et al. (2016), arXiv:1612.08083, equation 1.

    Args:
        x: an array whose size along `axis` is even.
        axis: which axis to split.

    Returns:
        A floating array with half as many elements along `axis`.

    Raises:
        ShapeError: when the size along `axis` is odd, or the axis out of bounds.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.glu([3.0, 4.0, 0.0, 0.0])).tolist()
        [1.5, 2.0]
    """
    xp, x = promote_float(x)
    axis = single_axis("glu", axis, x.ndim)
    size = x.shape[axis]
    if size % 2:
        raise ShapeError(
            f"`glu` splits axis {axis} into two equal halves: its size must be even; got shape {tuple(x.shape)}."
        )
    x = xp.moveaxis(x, axis, -1)
    gated = x[..., : size // 2] * _registry.active().sigmoid(x[..., size // 2 :])
    return xp.moveaxis(gated, -1, axis)


@op
def softmax(x: ArrayLike, axis: int | tuple[int, ...] = -1) -> Array:
    """`exp(x) / sum(exp(x))` along `axis`, without overflow.

    Args:
        x: logits, an array of any shape.
        axis: the axis or axes whose elements shall sum to 1; None for all.

    Returns:
        A floating array of the same shape, in [0, 1].

    Raises:
        ShapeError: when an axis is out of bounds.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.softmax([1000.0, 1000.0])).tolist()
        [0.5, 0.5]
    """
    xp, x = promote_float(x)
    axis = reduced_axes("softmax", axis, x.ndim)
    if len(axis) == 1 and x.shape[axis[0]] == 1:
        warnings.warn(
            f"ops.softmax over axis {axis[0]} of an array of shape {tuple(x.shape)} always gives 1, because that axis "
            "has size 1. For one probability per row use a sigmoid.",
            stacklevel=3,
        )
    exponentials = xp.exp(_below_maximum(xp, x, axis))
    return exponentials / xp.sum(exponentials, axis=axis, keepdims=True)


@op
def log_softmax(x: ArrayLike, axis: int | tuple[int, ...] = -1) -> Array:
    """`x - log(sum(exp(x)))` along `axis`, without overflow.

    Args:
        x: logits, an array of any shape.
        axis: the axis or axes whose exponentials shall sum to 1; None for all.

    Returns:
        A floating array of the same shape, at most 0.

    Raises:
        ShapeError: when an axis is out of bounds.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.log_softmax([-1000.0, 0.0])).tolist()
        [-1000.0, 0.0]
    """
    xp, x = promote_float(x)
    axis = reduced_axes("log_softmax", axis, x.ndim)
    shifted = _below_maximum(xp, x, axis)
    return shifted - xp.log(xp.sum(xp.exp(shifted), axis=axis, keepdims=True))


def _below_maximum(xp, x, axis):
    """`x` minus its maximum along `axis`; no gradient flows through the maximum, whose effect cancels."""
    if 0 in x.shape:  # no maximum, and nothing to take it from
        return x
    return x - _registry.active().stop_gradient(xp.max(x, axis=axis, keepdims=True))


@op
def sparsemax(x: ArrayLike, axis: int = -1) -> Array:
    """The point of the probability simplex nearest to `x`, which has exact zeros.

    Martins and Astudillo (2016), arXiv:1602.02068, algorithm 1: `max(x - τ, 0)`, with τ such that it sums to
    1.

    Args:
        x: logits, an array of any shape.
        axis: the axis whose elements shall sum to 1.

    Returns:
        A floating array of the same shape, in [0, 1].

    Raises:
        ShapeError: when the axis is out of bounds.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.sparsemax([0.0, 2.0, 2.0])).tolist()
        [0.0, 0.5, 0.5]
    """
    xp, x, one = promote_float(x, 1.0)
    axis = single_axis("sparsemax", axis, x.ndim)
    logits = xp.moveaxis(x, axis, -1)
    descending = xp.flip(xp.sort(logits, axis=-1), axis=-1)
    sums = xp.cumulative_sum(descending, axis=-1)
    k = xp.arange(1, logits.shape[-1] + 1, dtype=x.dtype)
    supported = one + k * descending > sums
    k_max = xp.sum(xp.astype(supported, x.dtype), axis=-1, keepdims=True)
    tau = (xp.sum(xp.where(supported, descending, xp.zeros_like(descending)), axis=-1, keepdims=True) - one) / k_max
    return xp.moveaxis(xp.maximum(logits - tau, xp.zeros_like(logits)), -1, axis)
