"""LSTM whose products are convolutions: for sequences of rows, images and volumes."""

from typing import Any

from lamella import ops
from lamella.backend import _dtypes
from lamella.errors import ArgumentError, ShapeError
from lamella.layers._cells import Cell, forget_bias
from lamella.layers._convolution import positive_number
from lamella.layers._input_spec import InputSpec
from lamella.layers._options import label, sizes, with_defaults
from lamella.layers._rnn import _CellLayer, _OfCell
from lamella.typing import Array

__all__ = ["ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"]


class ConvLSTMCell(Cell):
    """One step of a convolutional LSTM.

    The gates are those of `LSTMCell`, with a convolution of the inputs and one of the state in place of its products.
    """

    def __init__(
        self,
        rank: int,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        unit_forget_bias: bool = True,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.rank = rank
        self.filters = positive_number(self, "filters", filters)
        self.kernel_size = sizes(self, "kernel_size", kernel_size, rank)
        self.strides = sizes(self, "strides", strides, rank)
        self.dilation_rate = sizes(self, "dilation_rate", dilation_rate, rank)
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ArgumentError(
                f"{label(self)} cannot have both strides and a dilation rate above 1. Received: strides={self.strides} and "
                f"dilation_rate={self.dilation_rate}. Set one of them to 1."
            )
        self.padding = str(padding).lower()
        if self.padding not in ("valid", "same"):
            raise ArgumentError(
                f"The `padding` argument of {label(self)} must be 'valid' or 'same'. Received: padding={padding!r}"
            )
        self.data_format = _dtypes.standardize_data_format(data_format)
        self.unit_forget_bias = unit_forget_bias
        self.state_size = [self.filters, self.filters]
        self.output_size: int | tuple[int, ...] = self.filters  # with its space once it is built

    def _start_of_bias(self) -> Any:
        return forget_bias(self.bias_initializer, self.filters) if self.unit_forget_bias else self.bias_initializer

    def build(self, input_shape: Any) -> None:
        first = self.data_format == "channels_first"
        channels = input_shape[1 if first else -1]
        space = input_shape[2:] if first else input_shape[1:-1]
        if channels is None or None in space:
            raise ShapeError(
                "ConvLSTM layers only support static input shapes for the spatial dimension. "
                f"{label(self)} received an input of shape {tuple(input_shape)} per step."
            )
        width = 4 * self.filters
        self._add_weights((*self.kernel_size, channels, width), (*self.kernel_size, self.filters, width), (width,))
        if self.padding == "same":
            space = [-(-n // s) for n, s in zip(space, self.strides)]
        else:
            reach = [(k - 1) * d + 1 for k, d in zip(self.kernel_size, self.dilation_rate)]
            if any(n < r for n, r in zip(space, reach)):
                raise ShapeError(
                    f"Computed output size would be zero or negative: the kernel of {label(self)} reaches over "
                    f"{tuple(reach)} positions, and the input has {tuple(space)} at each step. Received steps of shape "
                    f'{tuple(input_shape)} with padding="valid". Use padding="same", a smaller kernel, or larger inputs.'
                )
            space = [(n - r) // s + 1 for n, r, s in zip(space, reach, self.strides)]
        self.output_size = (self.filters, *space) if first else (*space, self.filters)

    def get_initial_state(self, batch_size: int | None = None) -> list:
        """Zeros of the shape of the output, for `h` and `c`."""
        size: Any = self.output_size
        return [ops.zeros((batch_size, *size), dtype=self.compute_dtype) for _ in range(2)]

    @property
    def fits_recurrence(self) -> bool:
        return False

    def project(self, inputs: Array) -> Array:
        if self.masks[0] is not None:
            inputs = ops.multiply(inputs, self.masks[0])
        lead = tuple(inputs.shape[: -(self.rank + 1)])
        outputs = ops.conv(
            ops.reshape(inputs, (-1, *inputs.shape[len(lead) :])),
            self.kernel,
            strides=self.strides,
            padding=self.padding,
            dilation_rate=self.dilation_rate,
            data_format=self.data_format,
        )
        if self.bias is not None:
            bias: Any = self.bias
            if self.data_format == "channels_first":
                bias = ops.reshape(bias, (-1, *(1,) * self.rank))
            outputs = ops.add(outputs, bias)
        return ops.reshape(outputs, (*lead, *outputs.shape[1:]))

    def advance(self, projected: Array, states: list) -> list:
        h, c = states
        seen = h if self.masks[1] is None else ops.multiply(h, self.masks[1])
        product = ops.conv(seen, self.recurrent_kernel, strides=1, padding="same", data_format=self.data_format)
        axis = 1 if self.data_format == "channels_first" else -1
        i, f, g, o = self._gates(projected + product, False, False, True, False, axis=axis)
        c = f * c + i * g
        return [o * self._squash(c), c]

    def call(self, inputs: Array, states: Any, training: bool = False) -> tuple:
        return self._step(inputs, states, training)


class _ConvLSTM(_CellLayer):
    """A convolutional LSTM over `_rank` axes of space."""

    _cell_class = ConvLSTMCell
    _rank = 0
    recurrent_activation = _OfCell()
    unit_forget_bias = _OfCell()
    filters = _OfCell()
    kernel_size = _OfCell()
    strides = _OfCell()
    padding = _OfCell()
    data_format = _OfCell()
    dilation_rate = _OfCell()

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        unit_forget_bias: bool = True,
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: Any = None,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        **kwargs: Any,
    ):
        cell = {
            "rank": self._rank,
            "filters": filters,
            "kernel_size": kernel_size,
            "strides": strides,
            "padding": padding,
            "data_format": data_format,
            "dilation_rate": dilation_rate,
            "activation": activation,
            "recurrent_activation": recurrent_activation,
            "use_bias": use_bias,
            "kernel_initializer": kernel_initializer,
            "recurrent_initializer": recurrent_initializer,
            "bias_initializer": bias_initializer,
            "unit_forget_bias": unit_forget_bias,
            "kernel_regularizer": kernel_regularizer,
            "recurrent_regularizer": recurrent_regularizer,
            "bias_regularizer": bias_regularizer,
            "kernel_constraint": kernel_constraint,
            "recurrent_constraint": recurrent_constraint,
            "bias_constraint": bias_constraint,
            "dropout": dropout,
            "recurrent_dropout": recurrent_dropout,
            "seed": seed,
            "name": "conv_lstm_cell",
        }
        super().__init__(
            cell,
            activity_regularizer,
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            stateful=stateful,
            **kwargs,
        )
        self.input_spec = InputSpec(ndim=self._rank + 3)


class ConvLSTM1D(_ConvLSTM):
    """LSTM along sequences of rows, with convolutions in place of its products.

    Shi and others (2015), arXiv:1506.04214, section 3.1, without the peepholes.

    Args:
        filters: the number of output channels.
        kernel_size: the rows that a kernel sees.
        strides: how far it moves at a time, over the inputs; over the state it moves by 1.
        padding: of the convolution of the inputs, `"valid"` or `"same"`; that of the state is `"same"`.
        data_format: `"channels_last"` or `"channels_first"`.
        dilation_rate: the distance between the positions that a kernel sees.
        activation: of the candidate and of the cell state.
        recurrent_activation: of the gates.
        use_bias: whether to add a bias.
        kernel_initializer, recurrent_initializer, bias_initializer: how the weights start.
        unit_forget_bias: whether the bias of the forget gate starts at 1.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: penalties on the weights.
        activity_regularizer: a penalty on the outputs.
        kernel_constraint, recurrent_constraint, bias_constraint: projections of the weights after each update.
        dropout: the rate at which inputs are dropped while training, in [0, 1]; the same ones at every step.
        recurrent_dropout: the rate at which the state is dropped, likewise.
        seed: an integer, for the same dropout in every run.
        return_sequences, return_state, go_backwards, stateful: as in `RNN`.

    Input shape: `(batch, time, rows, channels)`, or with the channels before the space.
    Weights: `kernel` `(*kernel_size, channels, 4 * filters)`, `recurrent_kernel`
    `(*kernel_size, filters, 4 * filters)`, `bias` `(4 * filters,)`.

    Raises:
        ShapeError: when a size of space is unknown.

    Example:
        >>> from lamella import layers, ops
        >>> layers.ConvLSTM1D(2, 3)(ops.ones((4, 10, 8, 3))).shape
        (4, 6, 2)
    """

    _rank = 1
    __init__ = with_defaults(_ConvLSTM.__init__)


class ConvLSTM2D(_ConvLSTM):
    """LSTM along films, with convolutions in place of its products.

    Shi and others (2015), arXiv:1506.04214, section 3.1, without the peepholes.

    Args:
        filters: the number of output channels.
        kernel_size: the rows and columns that a kernel sees.
        strides: how far it moves at a time, over the inputs; over the state it moves by 1.
        padding: of the convolution of the inputs, `"valid"` or `"same"`; that of the state is `"same"`.
        data_format: `"channels_last"` or `"channels_first"`.
        dilation_rate: the distance between the positions that a kernel sees.
        activation: of the candidate and of the cell state.
        recurrent_activation: of the gates.
        use_bias: whether to add a bias.
        kernel_initializer, recurrent_initializer, bias_initializer: how the weights start.
        unit_forget_bias: whether the bias of the forget gate starts at 1.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: penalties on the weights.
        activity_regularizer: a penalty on the outputs.
        kernel_constraint, recurrent_constraint, bias_constraint: projections of the weights after each update.
        dropout: the rate at which inputs are dropped while training, in [0, 1]; the same ones at every step.
        recurrent_dropout: the rate at which the state is dropped, likewise.
        seed: an integer, for the same dropout in every run.
        return_sequences, return_state, go_backwards, stateful: as in `RNN`.

    Input shape: `(batch, time, rows, columns, channels)`, or with the channels before the space.
    Weights: `kernel` `(*kernel_size, channels, 4 * filters)`, `recurrent_kernel`
    `(*kernel_size, filters, 4 * filters)`, `bias` `(4 * filters,)`.

    Raises:
        ShapeError: when a size of space is unknown.

    Example:
        >>> from lamella import layers, ops
        >>> layers.ConvLSTM2D(2, 3)(ops.ones((4, 10, 8, 8, 3))).shape
        (4, 6, 6, 2)
    """

    _rank = 2
    __init__ = with_defaults(_ConvLSTM.__init__)


class ConvLSTM3D(_ConvLSTM):
    """LSTM along films of volumes, with convolutions in place of its products.

    Shi and others (2015), arXiv:1506.04214, section 3.1, without the peepholes.

    Args:
        filters: the number of output channels.
        kernel_size: the positions along each axis that a kernel sees.
        strides: how far it moves at a time, over the inputs; over the state it moves by 1.
        padding: of the convolution of the inputs, `"valid"` or `"same"`; that of the state is `"same"`.
        data_format: `"channels_last"` or `"channels_first"`.
        dilation_rate: the distance between the positions that a kernel sees.
        activation: of the candidate and of the cell state.
        recurrent_activation: of the gates.
        use_bias: whether to add a bias.
        kernel_initializer, recurrent_initializer, bias_initializer: how the weights start.
        unit_forget_bias: whether the bias of the forget gate starts at 1.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: penalties on the weights.
        activity_regularizer: a penalty on the outputs.
        kernel_constraint, recurrent_constraint, bias_constraint: projections of the weights after each update.
        dropout: the rate at which inputs are dropped while training, in [0, 1]; the same ones at every step.
        recurrent_dropout: the rate at which the state is dropped, likewise.
        seed: an integer, for the same dropout in every run.
        return_sequences, return_state, go_backwards, stateful: as in `RNN`.

    Input shape: `(batch, time, depth, rows, columns, channels)`, or with the channels before the space.
    Weights: `kernel` `(*kernel_size, channels, 4 * filters)`, `recurrent_kernel`
    `(*kernel_size, filters, 4 * filters)`, `bias` `(4 * filters,)`.

    Raises:
        ShapeError: when a size of space is unknown.

    Example:
        >>> from lamella import layers, ops
        >>> layers.ConvLSTM3D(2, 3)(ops.ones((2, 3, 5, 4, 4, 1))).shape
        (2, 3, 2, 2, 2)
    """

    _rank = 3
    __init__ = with_defaults(_ConvLSTM.__init__)
