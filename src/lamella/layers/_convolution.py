"""Convolutions: small kernels that slide along sequences, images and volumes."""

import numbers
from typing import Any

from lamella import activations, constraints, initializers, ops, regularizers
from lamella.backend import _dtypes
from lamella.errors import ArgumentError, ShapeError
from lamella.layers._input_spec import InputSpec
from lamella.layers._layer import Layer
from lamella.layers._options import declared, label, options_of, positive_integer, sizes, with_defaults
from lamella.typing import Array

__all__ = ["Conv1D", "Conv2D", "Conv3D", "Convolution1D", "Convolution2D", "Convolution3D"]


class Convolution(Layer):
    """What all convolutions share: geometry, bias and activation.

    Subclasses say over how many axes of space they run (`_rank`), make their kernels in `_build_kernels(channels)`,
    which returns the number of channels that come out, and compute in `_convolve(inputs)`.
    """

    _rank = 0
    _paddings: tuple[str, ...] = ("valid", "same")

    def __init__(
        self,
        *,
        kernel_size: Any,
        strides: Any,
        padding: Any,
        data_format: Any,
        dilation_rate: Any,
        activation: Any,
        use_bias: bool,
        bias_initializer: Any,
        bias_regularizer: Any,
        activity_regularizer: Any,
        bias_constraint: Any,
        **kwargs: Any,
    ):
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.rank = self._rank
        self.kernel_size = sizes(self, "kernel_size", kernel_size, self._rank)
        self.strides = sizes(self, "strides", strides, self._rank)
        self.dilation_rate = sizes(self, "dilation_rate", dilation_rate, self._rank)
        self.padding = _padding(self, padding)
        self.data_format = _dtypes.standardize_data_format(data_format)
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.bias_initializer = initializers.get(bias_initializer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.bias_constraint = constraints.get(bias_constraint)
        self.input_spec = InputSpec(min_ndim=self._rank + 2, max_ndim=self._rank + 2)

    def _check_strides(self) -> None:
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ArgumentError(
                f"`strides > 1` not supported in conjunction with `dilation_rate > 1` by {label(self)}. Received: "
                f"strides={self.strides} and dilation_rate={self.dilation_rate}"
            )

    def build(self, input_shape: Any) -> None:
        axis = 1 if self.data_format == "channels_first" else -1
        channels = input_shape[axis]
        if channels is None:
            raise ShapeError(
                f"The channel axis of the input of {label(self)} should have a known size; got shape "
                f"{tuple(input_shape)}. Give the input a known number of channels."
            )
        self._check_reach(input_shape)
        filters = self._build_kernels(channels)
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                name="bias",
                shape=(filters,),
                initializer=self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )
        self.input_spec = InputSpec(
            min_ndim=self._rank + 2, max_ndim=self._rank + 2, axes={axis % len(input_shape): channels}
        )

    def _check_reach(self, input_shape: Any) -> None:
        """Refuse inputs that the kernel does not fit into."""
        if self.padding != "valid":
            return
        space = input_shape[2:] if self.data_format == "channels_first" else input_shape[1:-1]
        reach = [(k - 1) * d + 1 for k, d in zip(self.kernel_size, self.dilation_rate)]
        if any(n is not None and n < r for n, r in zip(space, reach)):
            raise ShapeError(
                f"Computed output size would be zero or negative: the kernel of {label(self)} reaches over "
                f"{tuple(reach)} positions, and the input has {tuple(space)}. Received inputs of shape "
                f"{tuple(input_shape)} with kernel_size={self.kernel_size}, dilation_rate={self.dilation_rate} "
                'and padding="valid". Use padding="same", a smaller kernel, or larger inputs.'
            )

    def _add_kernel(self, name: str, shape: tuple, kind: str) -> Any:
        return self.add_weight(
            name=name,
            shape=shape,
            initializer=getattr(self, f"{kind}_initializer"),
            regularizer=getattr(self, f"{kind}_regularizer"),
            constraint=getattr(self, f"{kind}_constraint"),
        )

    @property
    def _geometry(self) -> dict[str, Any]:
        return {
            "strides": self.strides,
            "padding": self.padding,
            "dilation_rate": self.dilation_rate,
            "data_format": self.data_format,
        }

    def _build_kernels(self, channels: int) -> int:
        raise NotImplementedError

    def _convolve(self, inputs: Array) -> Array:
        raise NotImplementedError

    def call(self, inputs: Array) -> Array:
        outputs = self._convolve(inputs)
        if self.bias is not None:
            bias: Any = self.bias
            if self.data_format == "channels_first":
                bias = ops.reshape(bias, (1, -1, *(1,) * self._rank))
            outputs = ops.add(outputs, bias)
        return outputs if self.activation is None else self.activation(outputs)

    def get_config(self) -> dict:
        return {**super().get_config(), **options_of(self)}


def _padding(layer: Any, value: Any) -> str:
    allowed = layer._paddings
    if not isinstance(value, str) or value.lower() not in allowed:
        raise ArgumentError(
            f"The `padding` argument of {label(layer)} must be one of {', '.join(map(repr, allowed))}. Received: "
            f"padding={value!r}"
        )
    return value.lower()


def positive_number(layer: Any, argument: str, value: Any) -> int:
    if not isinstance(value, numbers.Real) or not float(value).is_integer() or float(value) <= 0:
        raise ArgumentError(
            f"Invalid value for argument `{argument}` of {label(layer)}. Expected a strictly positive integer. "
            f"Received {argument}={value!r}."
        )
    return int(float(value))


class _Conv(Convolution):
    kernel = declared("build")

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        groups: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ):
        super().__init__(
            kernel_size=kernel_size,
            strides=strides,
            padding=padding,
            data_format=data_format,
            dilation_rate=dilation_rate,
            activation=activation,
            use_bias=use_bias,
            bias_initializer=bias_initializer,
            bias_regularizer=bias_regularizer,
            activity_regularizer=activity_regularizer,
            bias_constraint=bias_constraint,
            **kwargs,
        )
        self.filters = positive_number(self, "filters", filters)
        self.groups = positive_integer(self, "groups", groups)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        if self.filters % self.groups:
            raise ArgumentError(
                f"The number of filters of {label(self)} must be evenly divisible by the number of groups. "
                f"Received: groups={groups}, filters={filters}."
            )
        self._check_strides()

    def _build_kernels(self, channels: int) -> int:
        if channels % self.groups:
            raise ShapeError(
                f"The number of input channels of {label(self)} must be evenly divisible by the number of groups. "
                f"Received groups={self.groups}, but the input has {channels} channels."
            )
        shape = (*self.kernel_size, channels // self.groups, self.filters)
        self.kernel = self._add_kernel("kernel", shape, "kernel")
        return self.filters

    def convolution_op(self, inputs: Array, kernel: Any) -> Array:
        """The convolution itself, without bias and activation."""
        return ops.conv(inputs, kernel, **self._geometry)

    def _convolve(self, inputs: Array) -> Array:
        return self.convolution_op(inputs, self.kernel)


class Conv1D(_Conv):
    """`activation(convolution(inputs, kernel) + bias)` along sequences.

    What deep learning calls a convolution is a cross-correlation: the kernel is not mirrored.

    Args:
        filters: the number of kernels, and of output channels.
        kernel_size: the number of steps that a kernel sees.
        strides: how many steps it moves at a time.
        padding: `"valid"` for none, `"same"` for zeros at both ends so that `strides=1` keeps the length, `"causal"`
            for zeros at the start only, so that no output sees a later input.
        data_format: `"channels_last"` or `"channels_first"`.
        dilation_rate: the distance between the steps that a kernel sees.
        groups: how many groups of channels are convolved apart; a divisor of filters and channels.
        activation: a function, or the name of one; None for none.
        use_bias: whether to add a bias.
        kernel_initializer, bias_initializer: how the weights start.
        kernel_regularizer, bias_regularizer: penalties on the weights.
        activity_regularizer: a penalty on the outputs.
        kernel_constraint, bias_constraint: projections of the weights after each update.

    Input shape: `(batch, steps, channels)`, or with the channels first.
    Weights: `kernel` `(kernel_size, channels / groups, filters)`, `bias` `(filters,)`.

    Raises:
        ArgumentError: for sizes that are not positive, strides with dilation, groups that do not divide the filters.
        ShapeError: when the kernel does not fit into the input.

    Example:
        >>> from lamella import layers, ops
        >>> layers.Conv1D(32, 3, activation="relu")(ops.ones((4, 10, 128))).shape
        (4, 8, 32)
    """

    _rank = 1
    _paddings = ("valid", "same", "causal")
    __init__ = with_defaults(_Conv.__init__)

    def convolution_op(self, inputs: Array, kernel: Any) -> Array:
        if self.padding != "causal":
            return super().convolution_op(inputs, kernel)
        before = (self.dilation_rate[0] * (self.kernel_size[0] - 1), 0)
        pads = ((0, 0), (0, 0), before) if self.data_format == "channels_first" else ((0, 0), before, (0, 0))
        return ops.conv(ops.pad(inputs, pads), kernel, **{**self._geometry, "padding": "valid"})


class Conv2D(_Conv):
    """`activation(convolution(inputs, kernel) + bias)` over images.

    What deep learning calls a convolution is a cross-correlation: the kernel is not mirrored.

    Args:
        filters: the number of kernels, and of output channels.
        kernel_size: the rows and columns that a kernel sees: a number, or a pair.
        strides: how many rows and columns it moves at a time.
        padding: `"valid"` for none, `"same"` for zeros around so that `strides=1` keeps the size.
        data_format: `"channels_last"` or `"channels_first"`.
        dilation_rate: the distance between the rows and columns that a kernel sees.
        groups: how many groups of channels are convolved apart; a divisor of filters and channels.
        activation: a function, or the name of one; None for none.
        use_bias: whether to add a bias.
        kernel_initializer, bias_initializer: how the weights start.
        kernel_regularizer, bias_regularizer: penalties on the weights.
        activity_regularizer: a penalty on the outputs.
        kernel_constraint, bias_constraint: projections of the weights after each update.

    Input shape: `(batch, rows, columns, channels)`, or with the channels first.
    Weights: `kernel` `(*kernel_size, channels / groups, filters)`, `bias` `(filters,)`.

    Raises:
        ArgumentError: for sizes that are not positive, strides with dilation, groups that do not divide the filters.
        ShapeError: when the kernel does not fit into the input.

    Example:
        >>> from lamella import layers, ops
        >>> layers.Conv2D(32, 3, activation="relu")(ops.ones((4, 10, 10, 3))).shape
        (4, 8, 8, 32)
    """

    _rank = 2
    __init__ = with_defaults(_Conv.__init__, strides=(1, 1), dilation_rate=(1, 1))


class Conv3D(_Conv):
    """`activation(convolution(inputs, kernel) + bias)` over volumes.

    What deep learning calls a convolution is a cross-correlation: the kernel is not mirrored.

    Args:
        filters: the number of kernels, and of output channels.
        kernel_size: the extent of a kernel along the three axes: a number, or three.
        strides: how far it moves at a time along each.
        padding: `"valid"` for none, `"same"` for zeros around so that `strides=1` keeps the size.
        data_format: `"channels_last"` or `"channels_first"`.
        dilation_rate: the distance between the positions that a kernel sees along each axis.
        groups: how many groups of channels are convolved apart; a divisor of filters and channels.
        activation: a function, or the name of one; None for none.
        use_bias: whether to add a bias.
        kernel_initializer, bias_initializer: how the weights start.
        kernel_regularizer, bias_regularizer: penalties on the weights.
        activity_regularizer: a penalty on the outputs.
        kernel_constraint, bias_constraint: projections of the weights after each update.

    Input shape: `(batch, depth, rows, columns, channels)`, or with the channels first.
    Weights: `kernel` `(*kernel_size, channels / groups, filters)`, `bias` `(filters,)`.

    Raises:
        ArgumentError: for sizes that are not positive, strides with dilation, groups that do not divide the filters.
        ShapeError: when the kernel does not fit into the input.

    Example:
        >>> from lamella import layers, ops
        >>> layers.Conv3D(32, 3, activation="relu")(ops.ones((4, 10, 10, 10, 1))).shape
        (4, 8, 8, 8, 32)
    """

    _rank = 3
    __init__ = with_defaults(_Conv.__init__, strides=(1, 1, 1), dilation_rate=(1, 1, 1))


Convolution1D, Convolution2D, Convolution3D = Conv1D, Conv2D, Conv3D
