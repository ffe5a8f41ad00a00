"""Recurrent layers: a cell, step by step along a sequence."""

from typing import Any

from lamella import ops
from lamella.core import _scopes, _tree
from lamella.core._serialization import deserialize_keras_object, serialize_keras_object
from lamella.core._variable import Variable
from lamella.errors import ArgumentError, ShapeError
from lamella.layers._cells import (
    Cell,
    GRUCell,
    LSTMCell,
    SimpleRNNCell,
    StackedRNNCells,
    call_cell,
    cell_shape,
    initial_state_of,
)
from lamella.layers._input_spec import InputSpec
from lamella.layers._layer import Layer
from lamella.layers._options import label, options_of
from lamella.layers._recurrence import kept, loop, recurrence
from lamella.typing import Array

__all__ = ["GRU", "LSTM", "RNN", "SimpleRNN"]


class RNN(Layer):
    """Runs a cell along a sequence: `output, states = cell(step, states)`.

    Args:
        cell: a cell, or a list of cells that are stacked. A cell of your own is a layer with an attribute
            `state_size` (a number, or a list of them), a `call(inputs, states)` that returns the output and the new
            states, and, if it likes, `output_size` and `get_initial_state(batch_size)`.
        return_sequences: whether to return the output of every step, not only of the last.
        return_state: whether to return the states at the end too.
        go_backwards: whether to start at the last step; the outputs are in the order in which they are computed.
        stateful: whether a batch starts with the states that the one before it ended with (the first one with the cell's
            initial state, or with zeros after `reset_state`); needs a fixed batch size.
        unroll: whether to write the loop out; faster for short sequences, slower to compile.
        zero_output_for_mask: whether the output of masked steps is 0, instead of that of the step before.

    Call arguments:
        sequences: `(batch, time, ...)`.
        initial_state: the states at the start, a structure as the cell has; zeros where not given.
        mask: booleans `(batch, time)`: where False, the states stay as they are.
        training: passed to the cell.

    Returns:
        The last output `(batch, units)`, or those of all steps `(batch, time, units)`; with `return_state` a tuple of
        that and the states.

    Raises:
        ArgumentError: for a cell without `call` or `state_size`.
        ShapeError: when `stateful` meets an unknown batch size.

    Example:
        >>> from lamella import layers, ops
        >>> layers.RNN([layers.LSTMCell(8), layers.GRUCell(4)])(ops.ones((2, 5, 3))).shape
        (2, 4)
    """

    _untracked = Layer._untracked | {"states"}

    def __init__(
        self,
        cell: Any,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        zero_output_for_mask: bool = False,
        **kwargs: Any,
    ):
        if isinstance(cell, (list, tuple)):
            cell = StackedRNNCells(cell)
        if not hasattr(cell, "call"):
            raise ArgumentError(f"Argument `cell` should have a `call` method. Received: cell={cell!r}")
        if not hasattr(cell, "state_size"):
            raise ArgumentError(
                "The RNN cell should have a `state_size` attribute (single integer or list of integers, one integer "
                f"per RNN state). Received: cell={cell!r}"
            )
        super().__init__(**kwargs)
        self.cell = cell
        self.return_sequences = return_sequences
        self.return_state = return_state
        self.go_backwards = go_backwards
        self.stateful = stateful
        self.unroll = unroll
        self.zero_output_for_mask = zero_output_for_mask
        self.supports_masking = True
        self.states: Any = None

    # ---- state -----------------------------------------------------------------------------------

    @property
    def state_size(self) -> Any:
        """The state size of the cell."""
        return self.cell.state_size

    @property
    def variables(self) -> list[Variable]:
        """Those of the cell, and the states that a stateful layer carries from batch to batch."""
        return super().variables + ([] if self.states is None else _tree.flatten(self.states))

    def build(self, sequences_shape: Any, initial_state_shape: Any = None) -> None:
        step_shape = (sequences_shape[0], *sequences_shape[2:])
        if isinstance(self.cell, Layer) and not self.cell.built:
            self.cell.build(step_shape)
            self.cell.built = True
        if self.stateful:
            if self.states is not None:
                self.reset_state()
                return
            if sequences_shape[0] is None:
                raise ShapeError(
                    f"When using `stateful=True` in a RNN, the batch size must be static: {label(self)} found a "
                    f"dynamic batch size: sequence.shape={tuple(sequences_shape)}. Give the input a `batch_shape`."
                )
            with _scopes.autocast_scope(None):
                start, spec = _tree.flatten_with_spec(self.get_initial_state(sequences_shape[0]))
                carried = [
                    Variable(
                        self._start_of_state(i),
                        shape=x.shape,
                        dtype=self.variable_dtype,
                        trainable=False,
                        name="rnn_state",
                    )
                    for i, x in enumerate(start)
                ]
            self.states = _tree.unflatten(spec, carried)

    def _start_of_state(self, number: int) -> Any:
        """An initializer: what the cell starts its state of that number with."""
        return lambda shape, dtype: ops.cast(_tree.flatten(self.get_initial_state(shape[0]))[number], dtype)

    def get_initial_state(self, batch_size: int) -> list:
        """The states at the start of a sequence, for a batch."""
        return initial_state_of(self.cell, batch_size, self.compute_dtype)

    def reset_state(self) -> None:
        """Set the carried states of a stateful layer back to zeros."""
        for state in _tree.flatten(self.states) if self.states is not None else ():
            state.assign(ops.zeros(state.shape, dtype=state.dtype))

    def reset_states(self) -> None:
        """`reset_state`, by another name."""
        self.reset_state()

    @property
    def _is_shaped_by_copy(self) -> bool:
        return self.stateful or super()._is_shaped_by_copy

    def _shape_config(self) -> dict:
        return {**super()._shape_config(), "stateful": False}  # which needs to know the batch, and changes no shape

    # ---- the computation -------------------------------------------------------------------------

    def call(self, sequences: Array, initial_state: Any = None, mask: Any = None, training: bool = False) -> Any:
        if isinstance(mask, (list, tuple)):
            mask = mask[0]
        if initial_state is None:
            initial_state = self.states if self.stateful else self.get_initial_state(sequences.shape[0])
        states = _tree.map_structure(
            lambda x: ops.cast(x, self.compute_dtype),
            initial_state if isinstance(initial_state, (list, tuple)) else [initial_state],
        )
        self._check(sequences, states, mask)
        last, outputs, states = self.inner_loop(sequences, states, mask, training)
        if self.stateful:
            for variable, value in zip(_tree.flatten(self.states), _tree.flatten(states)):
                variable.assign(value)
        output = outputs if self.return_sequences else last
        return (output, *states) if self.return_state else output

    def _check(self, sequences: Array, states: Any, mask: Any) -> None:
        found, wanted = len(_tree.flatten(states)), len(_tree.flatten(self.cell.state_size))
        if found != wanted:
            raise ShapeError(f"{label(self)} has {wanted} states; got {found} in `initial_state`.")
        batch = sequences.shape[0]
        if self.stateful and _tree.flatten(self.states)[0].shape[0] != batch:
            raise ShapeError(
                f"{label(self)} is stateful: it carries the states of a batch of {_tree.flatten(self.states)[0].shape[0]} from "
                f"call to call; got a batch of {batch}. Give it batches of one size, or build it anew."
            )
        for state, size in zip(_tree.flatten(states), _tree.flatten(self.cell.state_size)):
            if len(state.shape) == 2 and tuple(state.shape) != (batch, size):
                raise ShapeError(
                    f"{label(self)} needs states of shape (batch, units) = {(batch, size)}; got {tuple(state.shape)} in "
                    "`initial_state`."
                )
        if mask is not None and tuple(mask.shape) != tuple(sequences.shape[:2]):
            raise ShapeError(
                f"The mask of {label(self)} must have the shape (batch, time) = {tuple(sequences.shape[:2])} of its "
                f"input; got {tuple(mask.shape)}."
            )

    def inner_loop(self, sequences: Array, initial_state: Any, mask: Any, training: bool = False) -> tuple:
        """`(last output, outputs or None, states)` of the loop."""
        steps = _time_first(sequences)
        real = None if mask is None else ops.cast(_time_first(mask), "bool")
        own_dropout = isinstance(self.cell, (Cell, StackedRNNCells)) and training
        if own_dropout:
            batch = (sequences.shape[0],)
            self.cell.draw_masks((*batch, *sequences.shape[2:]), (*batch, *cell_shape(self.cell)))
        try:
            cell: Any = self.cell
            if self._projects_ahead():
                last, outputs, states = self._projected_loop(cell, steps, initial_state, real)
            else:
                last, outputs, states = loop(
                    # A cell may compute in another dtype than the loop carries.
                    lambda x, states: _tree.map_structure(
                        lambda value: ops.cast(value, self.compute_dtype), call_cell(self.cell, x, states, training)
                    ),
                    steps,
                    initial_state,
                    **self._loop_options(steps, real),
                )
        finally:
            if own_dropout:
                self.cell.forget_masks()
        if outputs is not None:
            outputs = _time_first(ops.flip(outputs, axis=0) if self.go_backwards else outputs)
        return last, outputs, states

    def _projects_ahead(self) -> bool:
        """Whether the cell is one of the library's, computing in the layer's dtype."""
        cell = self.cell
        is_ours = isinstance(cell, Cell) and type(cell).call.__module__ == Cell.__module__
        return is_ours and cell.compute_dtype == self.compute_dtype

    def _loop_options(self, steps: Array, real: Any) -> dict:
        return {
            "mask": real,
            "reverse": self.go_backwards,
            "unroll": steps.shape[0] if self.unroll else 1,
            "zero_output_for_mask": self.zero_output_for_mask,
            "keep_outputs": self.return_sequences,
        }

    def _projected_loop(self, cell: Cell, steps: Array, states: Any, real: Any) -> tuple:
        """The loop of a cell of the library: the inputs of all steps are projected in one product before it."""
        projected = cell.project(steps)
        if not cell.fits_recurrence:

            def step(z: Array, states: list) -> tuple:
                new = cell.advance(z, states)
                return new[0], new

            return loop(step, projected, states, **self._loop_options(steps, real))
        bias = cell._biases()[1]
        outputs, states = recurrence(
            cell.gates,
            projected,
            ops.convert_to_tensor(cell.recurrent_kernel),
            bias,
            states,
            mask=real,
            state_mask=cell.masks[1],
            reverse=self.go_backwards,
            unroll=steps.shape[0] if self.unroll else 1,
            additive=cell._additive,
            known=cell._known,
        )
        if real is None:
            return states[0], outputs, states
        # The state stays where a step is masked. The output is 0 there, or that of the last real step, and 0 before it.
        seen = real if self.zero_output_for_mask else _seen(real, self.go_backwards)
        outputs = kept(seen, outputs, ops.zeros_like(outputs))
        return outputs[0 if self.go_backwards else -1], outputs, states

    def compute_mask(self, _: Any, mask: Any) -> Any:
        if isinstance(mask, (list, tuple)):
            mask = mask[0]
        mask = mask if self.return_sequences else None
        if not self.return_state:
            return mask
        return [mask, *[None for _ in _tree.flatten(self.cell.state_size)]]

    # ---- configuration ---------------------------------------------------------------------------

    def get_config(self) -> dict:
        config = {**super().get_config(), **options_of(self, RNN, skip=("cell",))}
        if type(self)._cell_arguments is None:
            config["cell"] = serialize_keras_object(self.cell)
        return config

    _cell_arguments: Any = None

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None) -> Any:
        """The layer of a configuration that `get_config` returned."""
        if "cell" in config:
            config = {**config, "cell": deserialize_keras_object(config["cell"], custom_objects=custom_objects)}
        return super().from_config(config)


def _time_first(x: Array) -> Array:
    return ops.transpose(x, (1, 0, *range(2, len(x.shape))))


def _seen(real: Array, backwards: bool) -> Array:
    """Whether a real step came before, or is, each step; `(time, batch)`."""
    count = ops.cast(real, "int32")
    count = ops.flip(ops.cumsum(ops.flip(count, axis=0), axis=0), axis=0) if backwards else ops.cumsum(count, axis=0)
    return ops.greater(count, 0)


class _OfCell:
    """An attribute that a layer shows of its cell."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, layer: Any, owner: type | None = None) -> Any:
        return self if layer is None else getattr(layer.cell, self.name)


class _CellLayer(RNN):
    """A recurrent layer that makes its own cell."""

    _cell_class: type
    units = _OfCell()
    activation = _OfCell()
    use_bias = _OfCell()
    kernel_initializer = _OfCell()
    recurrent_initializer = _OfCell()
    bias_initializer = _OfCell()
    kernel_regularizer = _OfCell()
    recurrent_regularizer = _OfCell()
    bias_regularizer = _OfCell()
    kernel_constraint = _OfCell()
    recurrent_constraint = _OfCell()
    bias_constraint = _OfCell()
    dropout = _OfCell()
    recurrent_dropout = _OfCell()
    seed = _OfCell()
    _cell_arguments = ()

    def __init__(self, cell_arguments: dict, activity_regularizer: Any, use_cudnn: Any = None, **kwargs: Any):
        kwargs.pop("implementation", None)  # Keras 2: there is one
        cell = self._cell_class(**cell_arguments, dtype=kwargs.get("dtype"), trainable=kwargs.get("trainable", True))
        super().__init__(cell, activity_regularizer=activity_regularizer, **kwargs)
        self.use_cudnn = use_cudnn
        self.input_spec = InputSpec(ndim=3)

    def build(self, sequences_shape: Any, initial_state_shape: Any = None) -> None:
        super().build(sequences_shape, initial_state_shape)
        channels = 2 if getattr(self.cell, "data_format", None) == "channels_first" else len(sequences_shape) - 1
        self.input_spec = InputSpec(ndim=len(sequences_shape), axes={channels: sequences_shape[channels]})

    def get_config(self) -> dict:
        return {**super().get_config(), **options_of(self)}


class SimpleRNN(_CellLayer):
    """`h = activation(x @ kernel + h @ recurrent_kernel + bias)` along a sequence.

    Args:
        units: the size of state and output.
        activation: a function, or the name of one; None for none.
        use_bias: whether to add a bias.
        kernel_initializer, recurrent_initializer, bias_initializer: how the weights start.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: penalties on the weights.
        activity_regularizer: a penalty on the outputs.
        kernel_constraint, recurrent_constraint, bias_constraint: projections of the weights after each update.
        dropout: the rate at which inputs are dropped while training, in [0, 1]; the same ones at every step.
        recurrent_dropout: the rate at which the state is dropped, likewise.
        return_sequences, return_state, go_backwards, stateful, unroll: as in `RNN`.
        seed: an integer, for the same dropout in every run.

    The call is that of `RNN`; the state is one array `(batch, units)`.

    Weights: `kernel` `(features, units)`, `recurrent_kernel` `(units, units)`, `bias` `(units,)`.

    Example:
        >>> from lamella import layers, ops
        >>> layers.SimpleRNN(4)(ops.ones((32, 10, 8))).shape
        (32, 4)
    """

    _cell_class = SimpleRNNCell

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        seed: Any = None,
        **kwargs: Any,
    ):
        cell = {
            "units": units,
            "activation": activation,
            "use_bias": use_bias,
            "kernel_initializer": kernel_initializer,
            "recurrent_initializer": recurrent_initializer,
            "bias_initializer": bias_initializer,
            "kernel_regularizer": kernel_regularizer,
            "recurrent_regularizer": recurrent_regularizer,
            "bias_regularizer": bias_regularizer,
            "kernel_constraint": kernel_constraint,
            "recurrent_constraint": recurrent_constraint,
            "bias_constraint": bias_constraint,
            "dropout": dropout,
            "recurrent_dropout": recurrent_dropout,
            "seed": seed,
            "name": "simple_rnn_cell",
        }
        super().__init__(
            cell,
            activity_regularizer,
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            stateful=stateful,
            unroll=unroll,
            **kwargs,
        )

    def get_config(self) -> dict:
        config = super().get_config()
        del config["seed"]  # as in Keras
        return config


class LSTM(_CellLayer):
    """Long short-term memory along a sequence; the formulas are those of `LSTMCell`.

    Hochreiter and Schmidhuber (1997), Neural Computation 9.

    Args:
        units: the size of each state and of the output.
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
        return_sequences, return_state, go_backwards, stateful, unroll: as in `RNN`.
        use_cudnn: kept for Keras.

    The call is that of `RNN`; the states are `h` and `c`, each `(batch, units)`.

    Weights: `kernel` `(features, 4 * units)`, `recurrent_kernel` `(units, 4 * units)`, `bias` `(4 * units,)`.

    Example:
        >>> from lamella import layers, ops
        >>> layers.LSTM(4, return_sequences=True)(ops.ones((32, 10, 8))).shape
        (32, 10, 4)
    """

    _cell_class = LSTMCell
    recurrent_activation = _OfCell()
    unit_forget_bias = _OfCell()

    def __init__(
        self,
        units: int,
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
        unroll: bool = False,
        use_cudnn: Any = "auto",
        **kwargs: Any,
    ):
        cell = {
            "units": units,
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
            "name": "lstm_cell",
        }
        super().__init__(
            cell,
            activity_regularizer,
            use_cudnn,
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            stateful=stateful,
            unroll=unroll,
            **kwargs,
        )


class GRU(_CellLayer):
    """Gated recurrent units along a sequence; the formulas are those of `GRUCell`.

    Cho and others (2014), arXiv:1406.1078.

    Args:
        units: the size of state and output.
        activation: of the candidate.
        recurrent_activation: of the gates.
        use_bias: whether to add biases.
        kernel_initializer, recurrent_initializer, bias_initializer: how the weights start.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: penalties on the weights.
        activity_regularizer: a penalty on the outputs.
        kernel_constraint, recurrent_constraint, bias_constraint: projections of the weights after each update.
        dropout: the rate at which inputs are dropped while training, in [0, 1]; the same ones at every step.
        recurrent_dropout: the rate at which the state is dropped, likewise.
        seed: an integer, for the same dropout in every run.
        return_sequences, return_state, go_backwards, stateful, unroll: as in `RNN`.
        reset_after: whether the reset gate multiplies after the product with the state.
        use_cudnn: kept for Keras.

    The call is that of `RNN`; the state is one array `(batch, units)`.

    Weights: `kernel` `(features, 3 * units)`, `recurrent_kernel` `(units, 3 * units)`, `bias` `(2, 3 * units)`, or
    `(3 * units,)` with `reset_after=False`.

    Example:
        >>> from lamella import layers, ops
        >>> layers.GRU(4, return_sequences=True)(ops.ones((32, 10, 8))).shape
        (32, 10, 4)
    """

    _cell_class = GRUCell
    recurrent_activation = _OfCell()
    reset_after = _OfCell()

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
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
        unroll: bool = False,
        reset_after: bool = True,
        use_cudnn: Any = "auto",
        **kwargs: Any,
    ):
        cell = {
            "units": units,
            "activation": activation,
            "recurrent_activation": recurrent_activation,
            "use_bias": use_bias,
            "kernel_initializer": kernel_initializer,
            "recurrent_initializer": recurrent_initializer,
            "bias_initializer": bias_initializer,
            "kernel_regularizer": kernel_regularizer,
            "recurrent_regularizer": recurrent_regularizer,
            "bias_regularizer": bias_regularizer,
            "kernel_constraint": kernel_constraint,
            "recurrent_constraint": recurrent_constraint,
            "bias_constraint": bias_constraint,
            "dropout": dropout,
            "recurrent_dropout": recurrent_dropout,
            "seed": seed,
            "reset_after": reset_after,
            "name": "gru_cell",
        }
        super().__init__(
            cell,
            activity_regularizer,
            use_cudnn,
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            stateful=stateful,
            unroll=unroll,
            **kwargs,
        )
