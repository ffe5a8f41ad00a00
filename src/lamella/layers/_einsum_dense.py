"""Products of inputs and weights along any axes."""

import copy
import re
from typing import Any

from lamella import activations, constraints, initializers, ops, regularizers
from lamella.errors import ArgumentError, ShapeError
from lamella.layers._layer import Layer
from lamella.layers._options import declared, label, no_wrapping, options_of
from lamella.typing import Array

__all__ = ["EinsumDense"]


class EinsumDense(Layer):
    """`activation(einsum(equation, inputs, kernel) + bias)`.

    Args:
        equation: an einsum of the inputs and the kernel, such as `"abc,cd->abd"`. An ellipsis at the start or
            the end of the first and last part, as in `"...x,xy->...y"`, stands for any number of axes.
        output_shape: the shape of the output without the batch axis; None where a size is that of the input.
        activation: a function, or the name of one; None for none.
        bias_axes: the output axes, by letter, that have their own biases; None for no bias.
        kernel_initializer, bias_initializer: how the weights start.
        kernel_regularizer, bias_regularizer: penalties on the weights.
        kernel_constraint, bias_constraint: projections of the weights after each update.
        lora_rank, lora_alpha, gptq_unpacked_column_size, quantization_config: must be None.

    Weights: `kernel`, with an axis for each letter of the second part of the equation; `bias`.

    Raises:
        ArgumentError: when the equation is none, or its letters cannot be given sizes.
        ShapeError: when the input does not fit the equation.

    Example:
        >>> from lamella import layers, ops
        >>> layer = layers.EinsumDense("abc,cd->abd", output_shape=(None, 64), bias_axes="d")
        >>> layer(ops.ones((2, 32, 128))).shape
        (2, 32, 64)
    """

    kernel = declared("build")

    def __init__(
        self,
        equation: str,
        output_shape: Any,
        activation: Any = None,
        bias_axes: str | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        gptq_unpacked_column_size: int | None = None,
        quantization_config: Any = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        no_wrapping(
            self,
            lora_rank=lora_rank,
            lora_alpha=lora_alpha,
            gptq_unpacked_column_size=gptq_unpacked_column_size,
            quantization_config=quantization_config,
        )
        self.equation = equation
        self.partial_output_shape = (output_shape,) if isinstance(output_shape, int) else tuple(output_shape)
        self.activation = activations.get(activation)
        self.bias_axes = bias_axes
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.quantization_config = None

    def build(self, input_shape: Any) -> None:
        kernel_shape, bias_shape = _weight_shapes(self, input_shape)
        self.kernel = self.add_weight(
            name="kernel",
            shape=kernel_shape,
            initializer=self._scaled_by_equation(self.kernel_initializer),
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        self.bias = None
        if bias_shape is not None:
            self.bias = self.add_weight(
                name="bias",
                shape=bias_shape,
                initializer=self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )

    def _scaled_by_equation(self, initializer: Any) -> Any:
        """An initializer that scales by fan in and out, told which axes of the kernel are summed over: the fan in."""
        axes = (getattr(initializer, "input_axes", 0), getattr(initializer, "output_axes", 0))
        if axes != (None, None):
            return initializer
        _, _, kernel, outputs, _ = _letters(self)
        scaled = copy.copy(initializer)
        scaled.input_axes = [axis for axis, letter in enumerate(kernel) if letter not in outputs]
        scaled.output_axes = [axis for axis, letter in enumerate(kernel) if letter in outputs]
        return scaled

    def call(self, inputs: Array, training: bool | None = None) -> Array:
        outputs = ops.einsum(self.equation, inputs, self.kernel)
        if self.bias is not None:
            outputs = ops.add(outputs, self.bias)
        return outputs if self.activation is None else self.activation(outputs)

    def compute_output_shape(self, input_shape: Any) -> tuple:
        """The `output_shape` that was given, with the axes of an ellipsis; None where a size was left open."""
        elided = len(input_shape) - len(_letters(self)[1])
        shape = (input_shape[0], *self.partial_output_shape)
        if elided and self.equation.replace(" ", "").startswith("..."):
            return (*shape[:1], *input_shape[1:elided], *shape[1:])
        return (*shape, *input_shape[len(input_shape) - elided :])

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        return self._traced_spec(*self._converted(args, kwargs))  # the computation knows the sizes left open

    def get_config(self) -> dict:
        return {
            "activity_regularizer": None,
            **super().get_config(),
            "output_shape": self.partial_output_shape,
            **options_of(self, EinsumDense, skip=("output_shape",)),
        }


def _letters(layer: EinsumDense) -> tuple[bool, str, str, str, bool]:
    """Whether an ellipsis stands in front; the letters of inputs, kernel and outputs; whether one stands at the end."""
    equation = layer.equation.replace(" ", "")
    match = re.fullmatch(r"(\.\.\.)?([a-zA-Z]+)(\.\.\.)?,([a-zA-Z]+)->(\.\.\.)?([a-zA-Z]+)(\.\.\.)?", equation)
    if match is None or match[1] != match[5] or match[3] != match[7] or (match[1] and match[3]):
        raise ArgumentError(
            f"Invalid einsum equation {layer.equation!r} of {label(layer)}. Equations must be in the form "
            "[X],[Y]->[Z], ...[X],[Y]->...[Z], or [X]...,[Y]->[Z]...."
        )
    return bool(match[1]), match[2], match[4], match[6], bool(match[3])


def _weight_shapes(layer: EinsumDense, input_shape: Any) -> tuple[tuple, tuple | None]:
    """The shapes of kernel and bias (None without one) for inputs of `input_shape`."""
    rank = len(input_shape)
    front, inputs, kernel, outputs, back = _letters(layer)
    elided = rank - len(inputs)
    if elided < 0 or (elided and not (front or back)):
        raise ShapeError(
            f"{label(layer)} computes {layer.equation!r}, so its input must have {len(inputs)} "
            f"{'or more ' if front or back else ''}axes; got shape {tuple(input_shape)}."
        )
    input_sizes = dict(zip(inputs, input_shape[elided:] if front else input_shape))
    whole = (input_shape[0], *layer.partial_output_shape)
    output_sizes = dict(zip(reversed(outputs), reversed(whole)) if front else zip(outputs, whole))
    for letter in outputs:
        size, found = output_sizes.get(letter), input_sizes.get(letter)
        if size is not None and found is not None and size != found:
            raise ShapeError(
                f"Input shape and output shape of {label(layer)} do not match at shared dimension "
                f"{letter!r}. "
                f"Input shape is {found}, and output shape is {size}."
            )
        if letter not in input_sizes and letter not in kernel:
            raise ArgumentError(
                f"Dimension {letter!r} was specified in the output {outputs!r} of {label(layer)} but has no "
                f"corresponding dim in the input spec {inputs!r} or weight spec {kernel!r}."
            )
    sizes = {**output_sizes, **input_sizes}
    for letter in kernel:
        if letter not in sizes:
            raise ArgumentError(
                f"Weight dimension {letter!r} of {label(layer)} did not have a match in either the input "
                "spec "
                f"{inputs!r} or the output spec {outputs!r}. For this layer, the weight must be fully "
                "specified."
            )
    kernel_shape = tuple(sizes[letter] for letter in kernel)
    if not layer.bias_axes:
        return kernel_shape, None
    for letter in layer.bias_axes:
        if letter not in outputs:
            raise ArgumentError(
                f"Bias dimension {letter!r} of {label(layer)} was requested, but is not part of the output "
                f"spec {outputs!r}."
            )
    known = {**input_sizes, **{k: v for k, v in output_sizes.items() if v is not None}}
    first = min(outputs.index(letter) for letter in layer.bias_axes)
    bias_shape = tuple(known[letter] if letter in layer.bias_axes else 1 for letter in outputs[first:])
    return kernel_shape, bias_shape + (1,) * (elided if back else 0)
