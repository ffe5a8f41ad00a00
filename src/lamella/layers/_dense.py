"""Products of inputs and a matrix of weights."""

from typing import Any

from lamella import activations, constraints, initializers, ops, regularizers
from lamella.layers._input_spec import InputSpec
from lamella.layers._layer import Layer
from lamella.layers._options import declared, no_wrapping, options_of, positive_integer
from lamella.typing import Array

__all__ = ["Dense"]


class Dense(Layer):
    """`activation(inputs @ kernel + bias)`.

    Every unit sees every feature of the last axis of the input, whatever the number of axes before it.

    Args:
        units: the number of outputs.
        activation: a function, or the name of one; None for none.
        use_bias: whether to add a bias.
        kernel_initializer, bias_initializer: how the weights start.
        kernel_regularizer, bias_regularizer: penalties on the weights.
        activity_regularizer: a penalty on the outputs.
        kernel_constraint, bias_constraint: projections of the weights after each update.
        lora_rank, lora_alpha, quantization_config: must be None.

    Input shape: `(batch, ..., features)`; floats are cast to the compute dtype.
    Output shape: `(batch, ..., units)`.
    Weights: `kernel` `(features, units)`, `bias` `(units,)`.

    Raises:
        ArgumentError: when `units` is not a positive integer.

    Example:
        >>> from lamella import layers, ops
        >>> layers.Dense(2, kernel_initializer="ones")(ops.ones((1, 3))).tolist()
        [[3.0, 3.0]]
    """

    kernel = declared("build")

    def __init__(
        self,
        units: int,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        quantization_config: Any = None,
        **kwargs: Any,
    ):
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        no_wrapping(self, lora_rank=lora_rank, lora_alpha=lora_alpha, quantization_config=quantization_config)
        self.units = positive_integer(self, "units", units)
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.quantization_config = None
        self.input_spec = InputSpec(min_ndim=2)
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        self.kernel = self.add_weight(
            name="kernel",
            shape=(input_shape[-1], self.units),
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                name="bias",
                shape=(self.units,),
                initializer=self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )
        self.input_spec = InputSpec(min_ndim=2, axes={-1: input_shape[-1]})

    def call(self, inputs: Array, training: bool | None = None) -> Array:
        outputs = ops.matmul(inputs, self.kernel)
        if self.bias is not None:
            outputs = ops.add(outputs, self.bias)
        return outputs if self.activation is None else self.activation(outputs)

    def get_config(self) -> dict:
        return {**super().get_config(), **options_of(self, Dense, skip=("activity_regularizer",))}
