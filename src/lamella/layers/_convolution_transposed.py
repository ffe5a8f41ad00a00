"""Transposed convolutions: from a small image to a large one, as the gradient of a convolution does."""

from typing import Any

from lamella import constraints, initializers, ops, regularizers
from lamella.errors import ArgumentError
from lamella.layers._convolution import Convolution, positive_number
from lamella.layers._options import label, sizes, with_defaults
from lamella.typing import Array

__all__ = [
    "Conv1DTranspose",
    "Conv2DTranspose",
    "Conv3DTranspose",
    "Convolution1DTranspose",
    "Convolution2DTranspose",
    "Convolution3DTranspose",
]


class _ConvTranspose(Convolution):
    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        output_padding: Any = None,
        data_format: str | None = None,
        dilation_rate: Any = 1,
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
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.output_padding = output_padding
        if output_padding is not None:
            self.output_padding = sizes(self, "output_padding", output_padding, self._rank, minimum=0)
            if any(pad >= stride for pad, stride in zip(self.output_padding, self.strides)):
                raise ArgumentError(
                    f"`output_padding` of {label(self)} must be strictly less than `strides` for all dimensions. "
                    f"Received: output_padding={self.output_padding}, strides={self.strides}"
                )
        self._check_strides()

    def _check_reach(self, input_shape: Any) -> None:
        """Any input has an output: nothing to refuse."""

    def _build_kernels(self, channels: int) -> int:
        self.kernel = self._add_kernel("kernel", (*self.kernel_size, self.filters, channels), "kernel")
        return self.filters

    def _convolve(self, inputs: Array) -> Array:
        return ops.conv_transpose(inputs, self.kernel, output_padding=self.output_padding, **self._geometry)


class Conv1DTranspose(_ConvTranspose):
    """The transpose of a convolution along sequences: each input step adds a kernel to the output.

    Zeiler, Krishnan, Taylor and Fergus (2010), "Deconvolutional networks". With `padding="valid"` the output has
    `(steps - 1) * strides + max(kernel_size, strides)` steps, with `"same"` `steps * strides`; `output_padding` decides
    between the lengths that a convolution with these strides would map to the same.

    Args:
        filters: the number of output channels.
        kernel_size: the number of steps of a kernel.
        strides: how many steps apart the kernels are added.
        padding: `"valid"` or `"same"`.
        output_padding: steps added at the end of the output; less than the stride. None for the default.
        data_format: `"channels_last"` or `"channels_first"`.
        dilation_rate: the distance between the steps of a kernel.
        activation: a function, or the name of one; None for none.
        use_bias: whether to add a bias.
        kernel_initializer, bias_initializer: how the weights start.
        kernel_regularizer, bias_regularizer: penalties on the weights.
        activity_regularizer: a penalty on the outputs.
        kernel_constraint, bias_constraint: projections of the weights after each update.

    Input shape: `(batch, steps, channels)`, or with the channels first.
    Weights: `kernel` `(kernel_size, filters, channels)`, `bias` `(filters,)`.

    Example:
        >>> from lamella import layers, ops
        >>> layers.Conv1DTranspose(32, 3, strides=2)(ops.ones((4, 10, 128))).shape
        (4, 21, 32)
    """

    _rank = 1
    __init__ = with_defaults(_ConvTranspose.__init__)


class Conv2DTranspose(_ConvTranspose):
    """The transpose of a convolution over images: each input pixel adds a kernel to the output.

    Zeiler, Krishnan, Taylor and Fergus (2010), "Deconvolutional networks". The sizes are those of `Conv1DTranspose`,
    for rows and for columns.

    Args:
        filters: the number of output channels.
        kernel_size: the rows and columns of a kernel: a number, or a pair.
        strides: how many rows and columns apart the kernels are added.
        padding: `"valid"` or `"same"`.
        output_padding: rows and columns added at the end of the output; less than the strides. None for the default.
        data_format: `"channels_last"` or `"channels_first"`.
        dilation_rate: the distance between the rows and columns of a kernel.
        activation: a function, or the name of one; None for none.
        use_bias: whether to add a bias.
        kernel_initializer, bias_initializer: how the weights start.
        kernel_regularizer, bias_regularizer: penalties on the weights.
        activity_regularizer: a penalty on the outputs.
        kernel_constraint, bias_constraint: projections of the weights after each update.

    Input shape: `(batch, rows, columns, channels)`, or with the channels first.
    Weights: `kernel` `(*kernel_size, filters, channels)`, `bias` `(filters,)`.

    Example:
        >>> from lamella import layers, ops
        >>> layers.Conv2DTranspose(32, 2, strides=2)(ops.ones((4, 10, 8, 128))).shape
        (4, 20, 16, 32)
    """

    _rank = 2
    __init__ = with_defaults(_ConvTranspose.__init__, strides=(1, 1), dilation_rate=(1, 1))


class Conv3DTranspose(_ConvTranspose):
    """The transpose of a convolution over volumes: each input voxel adds a kernel to the output.

    Zeiler, Krishnan, Taylor and Fergus (2010), "Deconvolutional networks". The sizes are those of `Conv1DTranspose`,
    for each axis.

    Args:
        filters: the number of output channels.
        kernel_size: the extent of a kernel along the three axes: a number, or three.
        strides: how far apart the kernels are added along each.
        padding: `"valid"` or `"same"`.
        data_format: `"channels_last"` or `"channels_first"`.
        output_padding: positions added at the end of each axis; less than the strides. None for the default.
        dilation_rate: the distance between the positions of a kernel along each axis.
        activation: a function, or the name of one; None for none.
        use_bias: whether to add a bias.
        kernel_initializer, bias_initializer: how the weights start.
        kernel_regularizer, bias_regularizer: penalties on the weights.
        activity_regularizer: a penalty on the outputs.
        kernel_constraint, bias_constraint: projections of the weights after each update.

    Input shape: `(batch, depth, rows, columns, channels)`, or with the channels first.
    Weights: `kernel` `(*kernel_size, filters, channels)`, `bias` `(filters,)`.

    Example:
        >>> from lamella import layers, ops
        >>> layers.Conv3DTranspose(32, 2, strides=2)(ops.ones((1, 3, 4, 5, 2))).shape
        (1, 6, 8, 10, 32)
    """

    _rank = 3

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = (1, 1, 1),
        padding: str = "valid",
        data_format: str | None = None,  # before `output_padding` here, and only here, in Keras
        output_padding: Any = None,
        dilation_rate: Any = (1, 1, 1),
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
            filters,
            kernel_size,
            strides,
            padding,
            output_padding,
            data_format,
            dilation_rate,
            activation,
            use_bias,
            kernel_initializer,
            bias_initializer,
            kernel_regularizer,
            bias_regularizer,
            activity_regularizer,
            kernel_constraint,
            bias_constraint,
            **kwargs,
        )


Convolution1DTranspose, Convolution2DTranspose, Convolution3DTranspose = (
    Conv1DTranspose,
    Conv2DTranspose,
    Conv3DTranspose,
)
