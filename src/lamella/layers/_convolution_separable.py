"""Convolutions that treat each channel by itself, and those that mix them afterwards."""

from typing import Any

from lamella import constraints, initializers, ops, regularizers
from lamella.layers._convolution import Convolution, positive_number
from lamella.layers._options import with_defaults
from lamella.typing import Array

__all__ = [
    "DepthwiseConv1D",
    "DepthwiseConv2D",
    "SeparableConv1D",
    "SeparableConv2D",
    "SeparableConvolution1D",
    "SeparableConvolution2D",
]


class _DepthwiseConv(Convolution):
    def __init__(
        self,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        depth_multiplier: int = 1,
        data_format: str | None = None,
        dilation_rate: Any = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
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
        self.depth_multiplier = positive_number(self, "depth_multiplier", depth_multiplier)
        self.depthwise_initializer = initializers.get(depthwise_initializer)
        self.depthwise_regularizer = regularizers.get(depthwise_regularizer)
        self.depthwise_constraint = constraints.get(depthwise_constraint)

    def _build_kernels(self, channels: int) -> int:
        shape = (*self.kernel_size, channels, self.depth_multiplier)
        self.kernel = self._add_kernel("kernel", shape, "depthwise")
        return channels * self.depth_multiplier

    def _convolve(self, inputs: Array) -> Array:
        return ops.depthwise_conv(inputs, self.kernel, **self._geometry)


class DepthwiseConv1D(_DepthwiseConv):
    """A convolution along sequences that convolves each channel with kernels of its own.

    Args:
        kernel_size: the number of steps that a kernel sees.
        strides: how many steps it moves at a time.
        padding: `"valid"` or `"same"`.
        depth_multiplier: the number of kernels of each channel.
        data_format: `"channels_last"` or `"channels_first"`.
        dilation_rate: the distance between the steps that a kernel sees.
        activation: a function, or the name of one; None for none.
        use_bias: whether to add a bias.
        depthwise_initializer, bias_initializer: how the weights start.
        depthwise_regularizer, bias_regularizer: penalties on the weights.
        activity_regularizer: a penalty on the outputs.
        depthwise_constraint, bias_constraint: projections of the weights after each update.

    Input shape: `(batch, steps, channels)`, or with the channels first.
    Weights: `kernel` `(kernel_size, channels, depth_multiplier)`, `bias` `(channels * depth_multiplier,)`.

    Example:
        >>> from lamella import layers, ops
        >>> layers.DepthwiseConv1D(3, depth_multiplier=2)(ops.ones((4, 10, 12))).shape
        (4, 8, 24)
    """

    _rank = 1
    __init__ = with_defaults(_DepthwiseConv.__init__)


class DepthwiseConv2D(_DepthwiseConv):
    """A convolution over images that convolves each channel with kernels of its own.

    Args:
        kernel_size: the rows and columns that a kernel sees: a number, or a pair.
        strides: how many rows and columns it moves at a time.
        padding: `"valid"` or `"same"`.
        depth_multiplier: the number of kernels of each channel.
        data_format: `"channels_last"` or `"channels_first"`.
        dilation_rate: the distance between the rows and columns that a kernel sees.
        activation: a function, or the name of one; None for none.
        use_bias: whether to add a bias.
        depthwise_initializer, bias_initializer: how the weights start.
        depthwise_regularizer, bias_regularizer: penalties on the weights.
        activity_regularizer: a penalty on the outputs.
        depthwise_constraint, bias_constraint: projections of the weights after each update.

    Input shape: `(batch, rows, columns, channels)`, or with the channels first.
    Weights: `kernel` `(*kernel_size, channels, depth_multiplier)`, `bias` `(channels * depth_multiplier,)`.

    Example:
        >>> from lamella import layers, ops
        >>> layers.DepthwiseConv2D(3, activation="relu")(ops.ones((4, 10, 10, 12))).shape
        (4, 8, 8, 12)
    """

    _rank = 2
    __init__ = with_defaults(_DepthwiseConv.__init__, strides=(1, 1), dilation_rate=(1, 1))


class _SeparableConv(Convolution):
    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        depth_multiplier: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        pointwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        pointwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        pointwise_constraint: Any = None,
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
        self.depth_multiplier = positive_number(self, "depth_multiplier", depth_multiplier)
        self.depthwise_initializer = initializers.get(depthwise_initializer)
        self.pointwise_initializer = initializers.get(pointwise_initializer)
        self.depthwise_regularizer = regularizers.get(depthwise_regularizer)
        self.pointwise_regularizer = regularizers.get(pointwise_regularizer)
        self.depthwise_constraint = constraints.get(depthwise_constraint)
        self.pointwise_constraint = constraints.get(pointwise_constraint)

    def _build_kernels(self, channels: int) -> int:
        shape = (*self.kernel_size, channels, self.depth_multiplier)
        self.depthwise_kernel = self._add_kernel("depthwise_kernel", shape, "depthwise")
        shape = (*(1,) * self._rank, channels * self.depth_multiplier, self.filters)
        self.pointwise_kernel = self._add_kernel("pointwise_kernel", shape, "pointwise")
        return self.filters

    def _convolve(self, inputs: Array) -> Array:
        return ops.separable_conv(inputs, self.depthwise_kernel, self.pointwise_kernel, **self._geometry)


class SeparableConv1D(_SeparableConv):
    """A depthwise convolution along sequences, then one of kernel size 1 that mixes the channels.

    Chollet (2017), arXiv:1610.02357, section 2.

    Args:
        filters: the number of output channels.
        kernel_size: the number of steps that a kernel sees.
        strides: how many steps it moves at a time.
        padding: `"valid"` or `"same"`.
        data_format: `"channels_last"` or `"channels_first"`.
        dilation_rate: the distance between the steps that a kernel sees.
        depth_multiplier: the number of depthwise kernels of each channel.
        activation: a function, or the name of one; None for none.
        use_bias: whether to add a bias.
        depthwise_initializer, pointwise_initializer, bias_initializer: how the weights start.
        depthwise_regularizer, pointwise_regularizer, bias_regularizer: penalties on the weights.
        activity_regularizer: a penalty on the outputs.
        depthwise_constraint, pointwise_constraint, bias_constraint: projections of the weights after each update.

    Input shape: `(batch, steps, channels)`, or with the channels first.
    Weights: `depthwise_kernel` `(kernel_size, channels, depth_multiplier)`, `pointwise_kernel`
    `(1, channels * depth_multiplier, filters)`, `bias` `(filters,)`.

    Example:
        >>> from lamella import layers, ops
        >>> layers.SeparableConv1D(3, 4, activation="relu")(ops.ones((4, 10, 12))).shape
        (4, 7, 3)
    """

    _rank = 1
    __init__ = with_defaults(_SeparableConv.__init__)


class SeparableConv2D(_SeparableConv):
    """A depthwise convolution over images, then one of kernel size 1 that mixes the channels.

    Chollet (2017), arXiv:1610.02357, section 2.

    Args:
        filters: the number of output channels.
        kernel_size: the rows and columns that a kernel sees: a number, or a pair.
        strides: how many rows and columns it moves at a time.
        padding: `"valid"` or `"same"`.
        data_format: `"channels_last"` or `"channels_first"`.
        dilation_rate: the distance between the rows and columns that a kernel sees.
        depth_multiplier: the number of depthwise kernels of each channel.
        activation: a function, or the name of one; None for none.
        use_bias: whether to add a bias.
        depthwise_initializer, pointwise_initializer, bias_initializer: how the weights start.
        depthwise_regularizer, pointwise_regularizer, bias_regularizer: penalties on the weights.
        activity_regularizer: a penalty on the outputs.
        depthwise_constraint, pointwise_constraint, bias_constraint: projections of the weights after each update.

    Input shape: `(batch, rows, columns, channels)`, or with the channels first.
    Weights: `depthwise_kernel` `(*kernel_size, channels, depth_multiplier)`, `pointwise_kernel`
    `(1, 1, channels * depth_multiplier, filters)`, `bias` `(filters,)`.

    Example:
        >>> from lamella import layers, ops
        >>> layers.SeparableConv2D(3, 4, activation="relu")(ops.ones((4, 10, 10, 12))).shape
        (4, 7, 7, 3)
    """

    _rank = 2
    __init__ = with_defaults(_SeparableConv.__init__, strides=(1, 1), dilation_rate=(1, 1))


SeparableConvolution1D, SeparableConvolution2D = SeparableConv1D, SeparableConv2D
