"""The activations that are not ops of the same name, or have other defaults."""

from lamella import ops
from lamella.typing import Array, ArrayLike

__all__ = ["exponential", "gelu", "linear", "mish", "relu"]


def relu(x: ArrayLike, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Array:
    """Rectified linear unit with a slope below, a ceiling and a threshold.

    `max_value` where `x >= max_value`, `x` where `threshold < x < max_value`, and
    `negative_slope * (x - threshold)` below.

    Args:
        x: an array of any shape.
        negative_slope: the slope below the threshold.
        max_value: the ceiling; None for none.
        threshold: where the slope changes.

    Returns:
        An array of the shape of `x`, and of its dtype where `negative_slope` is 0.

    Example:
        >>> from lamella import activations
        >>> activations.relu([-2.0, 0.5, 3.0], negative_slope=0.5, max_value=2.0).tolist()
        [-1.0, 0.5, 2.0]
    """
    if max_value is None and threshold == 0.0:
        return ops.leaky_relu(x, negative_slope) if negative_slope else ops.relu(x)
    below = ops.relu(ops.subtract(threshold, x)) if negative_slope else None
    if threshold != 0.0:
        x = ops.where(ops.greater(x, threshold), x, 0)
        if max_value is not None:
            x = ops.clip(x, 0, max_value)
    elif max_value == 6.0:
        x = ops.relu6(x)
    else:
        x = ops.clip(ops.relu(x), 0, max_value)
    return x if below is None else ops.subtract(x, negative_slope * below)


def gelu(x: ArrayLike, approximate: bool = False) -> Array:
    """Gaussian error linear unit: `x * Φ(x)`, Φ the standard normal distribution function.

    Hendrycks and Gimpel (2016), arXiv:1606.08415. Unlike `ops.gelu`, exact by default.

    Args:
        x: an array of any shape.
        approximate: whether to use the tanh approximation.

    Returns:
        A floating array of the same shape.

    Example:
        >>> from lamella import activations
        >>> activations.gelu([0.0, 100.0]).tolist()
        [0.0, 100.0]
    """
    return ops.gelu(x, approximate)


def mish(x: ArrayLike) -> Array:
    """`x * tanh(softplus(x))`.

    Misra (2019), arXiv:1908.08681.

    Args:
        x: an array of any shape.

    Returns:
        A floating array of the same shape.

    Example:
        >>> from lamella import activations
        >>> activations.mish([0.0, 100.0]).tolist()
        [0.0, 100.0]
    """
    return ops.multiply(x, ops.tanh(ops.softplus(x)))


def exponential(x: ArrayLike) -> Array:
    """`exp(x)`.

    Args:
        x: an array of any shape.

    Returns:
        A floating array of the same shape.

    Example:
        >>> from lamella import activations
        >>> activations.exponential([0.0]).tolist()
        [1.0]
    """
    return ops.exp(x)


def linear(x: ArrayLike) -> Array:
    """`x` itself.

    Args:
        x: anything.

    Returns:
        `x`.

    Example:
        >>> from lamella import activations
        >>> activations.linear(3.0)
        3.0
    """
    return x
