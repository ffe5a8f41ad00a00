"""Activations as layers."""

from typing import Any

from lamella import activations, constraints, initializers, ops, regularizers
from lamella.backend import _dtypes
from lamella.errors import ArgumentError
from lamella.layers._input_spec import InputSpec
from lamella.layers._layer import Layer
from lamella.layers._options import axis_within, label, options_of
from lamella.typing import Array

__all__ = ["Activation", "ReLU", "LeakyReLU", "ELU", "PReLU", "Softmax"]


class Activation(Layer):
    """`activation(inputs)`, element by element or along the last axis.

    Args:
        activation: a function, or the name of one.

    Example:
        >>> from lamella import layers
        >>> layers.Activation("relu")([-3.0, 2.0]).tolist()
        [0.0, 2.0]
    """

    _built_from_start = True

    def __init__(self, activation: Any, **kwargs: Any):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.activation = activations.get(activation)

    def call(self, inputs: Array) -> Array:
        return self.activation(inputs)

    def get_config(self) -> dict:
        return {**super().get_config(), **options_of(self, Activation)}


def _not_negative(layer: Any, argument: str, value: Any, may_be_none: bool = False) -> Any:
    if value is None and may_be_none:
        return None
    if value is None or value < 0:
        what = "a negative value" if may_be_none else "None or a negative value"
        raise ArgumentError(f"`{argument}` of {label(layer)} cannot be {what}. Received: {argument}={value!r}")
    return value


class ReLU(Layer):
    """`max(x, 0)`, with a slope below, a ceiling, and a threshold where one is wanted.

    `f(x) = max_value if x >= max_value`, `x if threshold <= x < max_value`, `negative_slope * (x -
    threshold)` otherwise.

    Args:
        max_value: the largest output, at least 0; None for no limit.
        negative_slope: the slope below the threshold, at least 0.
        threshold: where the function starts, at least 0.

    Raises:
        ArgumentError: for a negative argument.

    Example:
        >>> from lamella import layers
        >>> layers.ReLU(max_value=10, negative_slope=0.5)([-10.0, 0.0, 20.0]).tolist()
        [-5.0, 0.0, 10.0]
    """

    _built_from_start = True

    def __init__(self, max_value: Any = None, negative_slope: float = 0.0, threshold: float = 0.0, **kwargs: Any):
        if "alpha" in kwargs:  # Keras 2
            negative_slope = kwargs.pop("alpha")
        super().__init__(**kwargs)
        self.max_value = _not_negative(self, "max_value", max_value, may_be_none=True)
        self.negative_slope = _not_negative(self, "negative_slope", negative_slope)
        self.threshold = _not_negative(self, "threshold", threshold)
        self.supports_masking = True

    def call(self, inputs: Array) -> Array:
        return activations.relu(
            inputs, negative_slope=self.negative_slope, max_value=self.max_value, threshold=self.threshold
        )

    def get_config(self) -> dict:
        return {**super().get_config(), **options_of(self, ReLU)}


class LeakyReLU(Layer):
    """`x` where it is positive, `negative_slope * x` elsewhere.

    Args:
        negative_slope: at least 0.

    Raises:
        ArgumentError: for None or a negative slope.

    Example:
        >>> from lamella import layers
        >>> layers.LeakyReLU(negative_slope=0.5)([-10.0, 10.0]).tolist()
        [-5.0, 10.0]
    """

    _built_from_start = True

    def __init__(self, negative_slope: float = 0.3, **kwargs: Any):
        if "alpha" in kwargs:  # Keras 2
            negative_slope = kwargs.pop("alpha")
        super().__init__(**kwargs)
        self.negative_slope = _not_negative(self, "negative_slope", negative_slope)
        self.supports_masking = True

    def call(self, inputs: Array) -> Array:
        return activations.leaky_relu(inputs, negative_slope=self.negative_slope)

    def get_config(self) -> dict:
        return {**super().get_config(), **options_of(self, LeakyReLU)}


class ELU(Layer):
    """`x` where it is positive, `alpha * (exp(x) - 1)` elsewhere.

    Clevert, Unterthiner and Hochreiter (2016), arXiv:1511.07289, equation 15.

    Args:
        alpha: minus the limit for large negative inputs.

    Example:
        >>> from lamella import layers
        >>> layers.ELU()([0.0, 2.0]).tolist()
        [0.0, 2.0]
    """

    _built_from_start = True

    def __init__(self, alpha: float = 1.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.alpha = alpha
        self.supports_masking = True

    def call(self, inputs: Array) -> Array:
        return activations.elu(inputs, alpha=self.alpha)

    def get_config(self) -> dict:
        return {**super().get_config(), **options_of(self, ELU)}


class PReLU(Layer):
    """`x` where it is positive, `alpha * x` elsewhere, with a learned `alpha` for each feature.

    He, Zhang, Ren and Sun (2015), arXiv:1502.01852, equation 1.

    Args:
        alpha_initializer, alpha_regularizer, alpha_constraint: of `alpha`.
        shared_axes: axes (counted from 1; 0 is the batch) along which one `alpha` is shared, such as `[1, 2]`
            for one per channel of an image.

    Weights: `alpha`, of the shape of an example, with 1 in the shared axes.

    Example:
        >>> from lamella import layers
        >>> layers.PReLU(alpha_initializer="ones")([[-1.0, 2.0]]).tolist()
        [[-1.0, 2.0]]
    """

    def __init__(
        self,
        alpha_initializer: Any = "Zeros",
        alpha_regularizer: Any = None,
        alpha_constraint: Any = None,
        shared_axes: Any = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.alpha_initializer = initializers.get(alpha_initializer)
        self.alpha_regularizer = regularizers.get(alpha_regularizer)
        self.alpha_constraint = constraints.get(alpha_constraint)
        if shared_axes is not None:
            shared_axes = list(shared_axes) if isinstance(shared_axes, (list, tuple)) else [shared_axes]
        self.shared_axes = shared_axes

    def build(self, input_shape: Any) -> None:
        shape = list(input_shape[1:])
        shared = [axis_within(self, axis, input_shape) for axis in self.shared_axes or ()]
        for axis in shared:
            shape[axis - 1] = 1
        self.alpha = self.add_weight(
            name="alpha",
            shape=shape,
            initializer=self.alpha_initializer,
            regularizer=self.alpha_regularizer,
            constraint=self.alpha_constraint,
        )
        fixed = {i: n for i, n in enumerate(input_shape) if i and i not in shared}
        self.input_spec = InputSpec(ndim=len(input_shape), axes=fixed)

    def call(self, inputs: Array) -> Array:
        below = ops.multiply(ops.negative(self.alpha), activations.relu(ops.negative(inputs)))
        return ops.add(activations.relu(inputs), below)

    def get_config(self) -> dict:
        return {**super().get_config(), **options_of(self, PReLU)}


class Softmax(Layer):
    """`exp(x) / sum(exp(x))` along an axis.

    Args:
        axis: an axis, or several, over which the outputs add up to 1.

    Call arguments:
        inputs: logits.
        mask: booleans of the same shape; entries that are False get probability 0 (nearly: their logit is
            lowered by the largest number that half precision takes).

    Example:
        >>> from lamella import layers
        >>> layers.Softmax()([0.0, 0.0]).tolist()
        [0.5, 0.5]
    """

    _built_from_start = True

    def __init__(self, axis: Any = -1, **kwargs: Any):
        super().__init__(**kwargs)
        self.axis = axis
        self.supports_masking = True

    def call(self, inputs: Array, mask: Any = None) -> Array:
        if mask is not None:
            inputs = ops.add(inputs, lowered_where_masked(mask, inputs.dtype))
        if isinstance(self.axis, (tuple, list)) and len(self.axis) > 1:
            outputs = ops.exp(ops.subtract(inputs, ops.logsumexp(inputs, axis=tuple(self.axis), keepdims=True)))
        else:
            axis: Any = self.axis
            axis = axis[0] if isinstance(axis, (tuple, list)) else axis
            outputs = activations.softmax(inputs, axis=axis)
        if mask is not None:
            outputs = ops.multiply(outputs, ops.cast(mask, outputs.dtype))
        return outputs

    def get_config(self) -> dict:
        return {**super().get_config(), **options_of(self, Softmax)}


def lowered_where_masked(mask: Any, dtype: Any) -> Array:
    """0 where `mask` holds and a very negative number elsewhere, to be added to logits."""
    lowest = -3e4 if _dtypes.standardize_dtype(dtype) == "float16" else -1e9
    return ops.multiply(ops.subtract(1.0, ops.cast(mask, dtype)), lowest)
