"""Cells: what a recurrent layer does at one step."""

import inspect
from typing import Any

from lamella import activations, constraints, initializers, ops, random, regularizers
from lamella.backend import _registry
from lamella.core import _tree
from lamella.core._serialization import deserialize_keras_object, serialize_keras_object
from lamella.core._variable import Variable
from lamella.errors import ArgumentError
from lamella.layers._layer import Layer
from lamella.layers._options import label, options_of, positive_integer
from lamella.layers._recurrence import join
from lamella.typing import Array

__all__ = ["GRUCell", "LSTMCell", "SimpleRNNCell", "StackedRNNCells"]


class Cell(Layer):
    """What the cells of the library share: weights, dropout, and a step in two parts.

    `project(inputs)` is what the inputs contribute; a layer computes it for all steps at once. The other contribution is
    `states[0] @ recurrent_kernel`, with a bias where there is one. `gates(joined, states)` are the new states by their sum
    or, where not `_additive`, by the parts of the one and of the other.
    """

    kernel: Variable
    recurrent_kernel: Variable
    bias: Variable | None

    _parts = 1  # how many times `units` the weights are wide
    _states = 1
    _additive = True

    def __init__(
        self,
        *,
        activation: Any,
        use_bias: bool,
        kernel_initializer: Any,
        recurrent_initializer: Any,
        bias_initializer: Any,
        kernel_regularizer: Any,
        recurrent_regularizer: Any,
        bias_regularizer: Any,
        kernel_constraint: Any,
        recurrent_constraint: Any,
        bias_constraint: Any,
        dropout: float,
        recurrent_dropout: float,
        seed: Any,
        recurrent_activation: Any = None,
        **kwargs: Any,
    ):
        kwargs.pop("implementation", None)  # Keras 2: there is one
        super().__init__(**kwargs)
        self.activation = activations.get(activation)
        if recurrent_activation is not None:
            self.recurrent_activation = activations.get(recurrent_activation)
        self.use_bias = use_bias
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.recurrent_initializer = initializers.get(recurrent_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.recurrent_regularizer = regularizers.get(recurrent_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.recurrent_constraint = constraints.get(recurrent_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.dropout = min(1.0, max(0.0, dropout))
        self.recurrent_dropout = min(1.0, max(0.0, recurrent_dropout))
        self.seed = seed
        self.seed_generator = random.SeedGenerator(seed)
        self._masks: tuple | None = None

    # ---- weights ---------------------------------------------------------------------------------

    def _add_weights(self, kernel_shape: tuple, recurrent_shape: tuple, bias_shape: tuple) -> None:
        for name, kind, shape in (
            ("kernel", "kernel", kernel_shape),
            ("recurrent_kernel", "recurrent", recurrent_shape),
            ("bias", "bias", bias_shape),
        ):
            weight = None
            if name != "bias" or self.use_bias:
                weight = self.add_weight(
                    name=name,
                    shape=shape,
                    initializer=self._start_of_bias() if name == "bias" else getattr(self, f"{kind}_initializer"),
                    regularizer=getattr(self, f"{kind}_regularizer"),
                    constraint=getattr(self, f"{kind}_constraint"),
                )
            setattr(self, name, weight)

    def _start_of_bias(self) -> Any:
        return self.bias_initializer

    # ---- dropout: one mask for a whole sequence --------------------------------------------------

    def draw_masks(self, shape: tuple, state_shape: tuple) -> None:
        """Draw the dropout masks of a sequence, for one step's input and state, to be used until `forget_masks`."""
        self._masks = (self._mask(self.dropout, shape), self._mask(self.recurrent_dropout, state_shape))

    def forget_masks(self) -> None:
        """The sequence is over."""
        self._masks = None

    def _mask(self, rate: float, shape: tuple) -> Any:
        if rate == 0:
            return None
        return random.dropout(ops.ones(shape, dtype=self.compute_dtype), rate, seed=self.seed_generator)

    @property
    def masks(self) -> tuple:
        """The masks of inputs and of states; None where nothing is dropped."""
        return self._masks or (None, None)

    # ---- a step ----------------------------------------------------------------------------------

    def project(self, inputs: Array) -> Array:
        """What inputs, of one step or `(time, batch, features)`, contribute."""
        mask = self.masks[0]
        projected = ops.matmul(inputs if mask is None else ops.multiply(inputs, mask), self.kernel)
        bias = self._biases()[0]
        return projected if bias is None else ops.add(projected, bias)

    def _biases(self) -> tuple:
        """Those of the projection and of the product.

        That of the product is added where the sum of the two is taken; added to the projections of all steps it is a
        pass over them of its own.
        """
        return None, None if self.bias is None else ops.convert_to_tensor(self.bias)

    def gates(self, joined: Any, states: list) -> list:
        """The new states."""
        raise NotImplementedError

    def _step(self, inputs: Array, states: Any, training: bool) -> tuple:
        mine = self._masks is None and training
        if mine:
            self.draw_masks(tuple(inputs.shape), tuple(_tree.flatten(states)[0].shape))
        new = self.advance(self.project(inputs), _tree.flatten(states))
        if mine:
            self.forget_masks()
        return new[0], _tree.unflatten(_tree.flatten_with_spec(states)[1], new)

    def advance(self, projected: Array, states: list) -> list:
        """The new states, by what the input contributes and the old ones."""
        mask, bias = self.masks[1], self._biases()[1]
        product = ops.matmul(states[0] if mask is None else ops.multiply(states[0], mask), self.recurrent_kernel)
        product = product if bias is None else ops.add(product, bias)
        return self.gates(join(projected, product, states[0].shape[-1], self._additive), states)

    @property
    def fits_recurrence(self) -> bool:
        """Whether a step is a product with the recurrent kernel, and otherwise element by element."""
        return True

    def _gates(self, x: Array, *squashed: bool, axis: int = -1) -> list:
        """Equal parts of `x`: by `activation` where `squashed`, else by `recurrent_activation`."""
        if all(self._is_usual(squash) for squash in squashed):
            return _registry.active().gates(x, squashed, axis % len(x.shape))
        if len(squashed) == 1:
            return [(self.activation if squashed[0] else self.recurrent_activation)(x)]
        parts = ops.split(x, len(squashed), axis=axis)
        return [self._gates(part, squash)[0] for part, squash in zip(parts, squashed)]

    @property
    def _known(self) -> str | None:
        """The name of the gates where they are the usual ones of a kind that adapters may have."""
        name = next((vars(kind).get("_gates_name") for kind in type(self).__mro__ if "gates" in vars(kind)), None)
        return name if name is not None and self._is_usual(True) and self._is_usual(False) else None

    def _is_usual(self, squash: bool) -> bool:
        return self.activation is activations.tanh if squash else self.recurrent_activation is activations.sigmoid

    def _squash(self, x: Array) -> Array:
        return self._gates(x, True)[0]

    def get_config(self) -> dict:
        return {**super().get_config(), **options_of(self)}


class _DenseCell(Cell):
    """A cell over vectors."""

    def __init__(self, units: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.units = positive_integer(self, "units", units)
        self.state_size: Any = self.units if self._states == 1 else [self.units] * self._states
        self.output_size = self.units

    def build(self, input_shape: Any) -> None:
        width = self._parts * self.units
        self._add_weights((input_shape[-1], width), (self.units, width), self._bias_shape(width))

    def _bias_shape(self, width: int) -> tuple:
        return (width,)

    def get_initial_state(self, batch_size: int | None = None) -> list:
        """Zeros `(batch_size, units)` for each state."""
        return [ops.zeros((batch_size, self.units), dtype=self.compute_dtype) for _ in range(self._states)]


class SimpleRNNCell(_DenseCell):
    """One step of `SimpleRNN`: `h = activation(x @ kernel + h @ recurrent_kernel + bias)`.

    Args:
        units: the size of state and output.
        activation: a function, or the name of one; None for none.
        use_bias: whether to add a bias.
        kernel_initializer, recurrent_initializer, bias_initializer: how the weights start.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: penalties on the weights.
        kernel_constraint, recurrent_constraint, bias_constraint: projections of the weights after each update.
        dropout: the rate at which inputs are dropped while training, in [0, 1].
        recurrent_dropout: the rate at which the state is dropped, likewise.
        seed: an integer, for the same dropout in every run.

    Call arguments:
        sequence: one step, `(batch, features)`.
        states: `[h]`, `(batch, units)`.
        training: whether to drop.

    Returns:
        The output and the new states.

    Weights: `kernel` `(features, units)`, `recurrent_kernel` `(units, units)`, `bias` `(units,)`.

    Example:
        >>> from lamella import layers, ops
        >>> cell = layers.SimpleRNNCell(3)
        >>> cell(ops.ones((2, 4)), cell.get_initial_state(2))[0].shape
        (2, 3)
    """

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
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: Any = None,
        **kwargs: Any,
    ):
        super().__init__(
            units=units,
            activation=activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            recurrent_initializer=recurrent_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            recurrent_regularizer=recurrent_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            recurrent_constraint=recurrent_constraint,
            bias_constraint=bias_constraint,
            dropout=dropout,
            recurrent_dropout=recurrent_dropout,
            seed=seed,
            **kwargs,
        )

    def call(self, sequence: Array, states: Any, training: bool = False) -> tuple:
        return self._step(sequence, states, training)

    def gates(self, joined: Any, states: list) -> list:
        return [self._squash(joined)]


class LSTMCell(_DenseCell):
    """One step of `LSTM`.

    `i, f, o = recurrent_activation(x @ kernel + h @ recurrent_kernel + bias)`, `g = activation(...)` likewise, then
    `c = f * c + i * g` and `h = o * activation(c)`; the weights hold the parts in the order i, f, g, o.
    Hochreiter and Schmidhuber (1997), Neural Computation 9; the forget gate is that of Gers and others (2000).

    Args:
        units: the size of each state and of the output.
        activation: of the candidate and of the cell state.
        recurrent_activation: of the gates.
        use_bias: whether to add a bias.
        kernel_initializer, recurrent_initializer, bias_initializer: how the weights start.
        unit_forget_bias: whether the bias of the forget gate starts at 1: Jozefowicz and others (2015).
        kernel_regularizer, recurrent_regularizer, bias_regularizer: penalties on the weights.
        kernel_constraint, recurrent_constraint, bias_constraint: projections of the weights after each update.
        dropout: the rate at which inputs are dropped while training, in [0, 1].
        recurrent_dropout: the rate at which the state is dropped, likewise.
        seed: an integer, for the same dropout in every run.

    Call arguments:
        inputs: one step, `(batch, features)`.
        states: `[h, c]`, each `(batch, units)`.
        training: whether to drop.

    Returns:
        The output `h` and the new states.

    Weights: `kernel` `(features, 4 * units)`, `recurrent_kernel` `(units, 4 * units)`, `bias` `(4 * units,)`.

    Example:
        >>> from lamella import layers, ops
        >>> cell = layers.LSTMCell(3)
        >>> cell(ops.ones((2, 4)), cell.get_initial_state(2))[0].shape
        (2, 3)
    """

    _parts = 4
    _states = 2

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
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: Any = None,
        **kwargs: Any,
    ):
        super().__init__(
            units=units,
            activation=activation,
            recurrent_activation=recurrent_activation or "linear",
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            recurrent_initializer=recurrent_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            recurrent_regularizer=recurrent_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            recurrent_constraint=recurrent_constraint,
            bias_constraint=bias_constraint,
            dropout=dropout,
            recurrent_dropout=recurrent_dropout,
            seed=seed,
            **kwargs,
        )
        self.unit_forget_bias = unit_forget_bias

    def _start_of_bias(self) -> Any:
        return forget_bias(self.bias_initializer, self.units) if self.unit_forget_bias else self.bias_initializer

    def call(self, inputs: Array, states: Any, training: bool = False) -> tuple:
        return self._step(inputs, states, training)

    _gates_name = "lstm"

    def gates(self, joined: Any, states: list) -> list:
        i, f, g, o = self._gates(joined, False, False, True, False)
        c = f * states[1] + i * g
        return [o * self._squash(c), c]


def forget_bias(initializer: Any, units: int) -> Any:
    """An initializer of the four parts of an LSTM's bias, of which the second starts at 1."""

    def initialize(shape: Any, dtype: Any = None) -> Array:
        return ops.concatenate(
            [
                initializer((units,), dtype=dtype),
                initializers.Ones()((units,), dtype=dtype),
                initializer((2 * units,), dtype=dtype),
            ]
        )

    return initialize


class GRUCell(_DenseCell):
    """One step of `GRU`.

    `z, r = recurrent_activation(x @ kernel + h @ recurrent_kernel + bias)`, `g = activation(x @ kernel + r * (h @
    recurrent_kernel))` with biases, then `h = z * h + (1 - z) * g`; the weights hold the parts in the order z, r, g.
    With `reset_after=False` the reset gate multiplies `h` before the product: Cho and others (2014), arXiv:1406.1078,
    the first version; `reset_after=True` is what the cuDNN library computes, with biases of its own for the product.

    Args:
        units: the size of state and output.
        activation: of the candidate.
        recurrent_activation: of the gates.
        use_bias: whether to add biases.
        kernel_initializer, recurrent_initializer, bias_initializer: how the weights start.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: penalties on the weights.
        kernel_constraint, recurrent_constraint, bias_constraint: projections of the weights after each update.
        dropout: the rate at which inputs are dropped while training, in [0, 1].
        recurrent_dropout: the rate at which the state is dropped, likewise.
        reset_after: whether the reset gate multiplies after the product.
        seed: an integer, for the same dropout in every run.

    Call arguments:
        inputs: one step, `(batch, features)`.
        states: `[h]`, `(batch, units)`.
        training: whether to drop.

    Returns:
        The output and the new states.

    Weights: `kernel` `(features, 3 * units)`, `recurrent_kernel` `(units, 3 * units)`, `bias` `(2, 3 * units)`, or
    `(3 * units,)` with `reset_after=False`.

    Example:
        >>> from lamella import layers, ops
        >>> cell = layers.GRUCell(3)
        >>> cell(ops.ones((2, 4)), cell.get_initial_state(2))[0].shape
        (2, 3)
    """

    _parts = 3
    _additive = False
    _gates_name = "gru"

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
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        reset_after: bool = True,
        seed: Any = None,
        **kwargs: Any,
    ):
        super().__init__(
            units=units,
            activation=activation,
            recurrent_activation=recurrent_activation or "linear",
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            recurrent_initializer=recurrent_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            recurrent_regularizer=recurrent_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            recurrent_constraint=recurrent_constraint,
            bias_constraint=bias_constraint,
            dropout=dropout,
            recurrent_dropout=recurrent_dropout,
            seed=seed,
            **kwargs,
        )
        self.reset_after = reset_after

    def _bias_shape(self, width: int) -> tuple:
        return (2, width) if self.reset_after else (width,)

    def _biases(self) -> tuple:
        if self.bias is None or not self.reset_after:
            return self.bias, None
        bias = ops.convert_to_tensor(self.bias)
        return bias[0], bias[1]

    def call(self, inputs: Array, states: Any, training: bool = False) -> tuple:
        return self._step(inputs, states, training)

    @property
    def fits_recurrence(self) -> bool:
        return self.reset_after  # else the reset gate stands before a second product

    def gates(self, joined: Any, states: list) -> list:
        for_z, for_r, for_g, and_z, and_r, and_g = joined
        (z,), (r,) = self._gates(for_z + and_z, False), self._gates(for_r + and_r, False)
        g = self._squash(for_g + r * and_g)
        return [z * states[0] + (1.0 - z) * g]

    def advance(self, projected: Array, states: list) -> list:
        if self.reset_after:
            return super().advance(projected, states)
        n, h = self.units, states[0]
        seen = h if self.masks[1] is None else ops.multiply(h, self.masks[1])
        kernel = ops.convert_to_tensor(self.recurrent_kernel)
        both = ops.matmul(seen, kernel[:, : 2 * n])
        z, r = self._gates(projected[..., : 2 * n] + both, False, False)
        g = self._squash(projected[..., 2 * n :] + ops.matmul(r * seen, kernel[:, 2 * n :]))
        return [z * h + (1.0 - z) * g]


class StackedRNNCells(Layer):
    """Cells one above the other, as one cell: the output of each is the input of the next.

    Args:
        cells: a list of cells.

    Raises:
        ArgumentError: when one has no `call` or no `state_size`.

    Example:
        >>> from lamella import layers, ops
        >>> cell = layers.StackedRNNCells([layers.LSTMCell(3), layers.GRUCell(2)])
        >>> layers.RNN(cell)(ops.ones((4, 5, 6))).shape
        (4, 2)
    """

    def __init__(self, cells: Any, **kwargs: Any):
        super().__init__(**kwargs)
        for cell in cells:
            for attribute in ("call", "state_size"):
                if not hasattr(cell, attribute):
                    raise ArgumentError(
                        f"All cells of {label(self)} must have a `{attribute}`. Received cell without: {cell!r}"
                    )
        self.cells = list(cells)

    @property
    def state_size(self) -> list:
        """The state sizes of the cells."""
        return [cell.state_size for cell in self.cells]

    @property
    def output_size(self) -> Any:
        """The output size of the last cell."""
        return output_size_of(self.cells[-1])

    def get_initial_state(self, batch_size: int | None = None) -> list:
        """The states of all cells at the start of a sequence."""
        states = [initial_state_of(cell, batch_size, self.compute_dtype) for cell in self.cells]
        several = [isinstance(cell.state_size, (list, tuple)) for cell in self.cells]
        return [state if s else state[0] for state, s in zip(states, several)]

    def build(self, input_shape: Any) -> None:
        shape = tuple(input_shape)
        for cell in self.cells:
            if isinstance(cell, Layer) and not cell.built:
                cell.build(shape)
                cell.built = True
            size = output_size_of(cell)
            shape = (shape[0], *(size if isinstance(size, (tuple, list)) else (size,)))

    def call(self, inputs: Any, states: Any, training: bool = False, **kwargs: Any) -> tuple:
        new = []
        for cell, state in zip(self.cells, states):
            listed = state if isinstance(state, (list, tuple)) else [state]
            inputs, after = call_cell(cell, inputs, listed, training, kwargs)
            new.append(after if listed is state else after[0])
        return inputs, new

    def draw_masks(self, shape: tuple, state_shape: tuple) -> None:
        """Draw the dropout masks of every cell."""
        for cell in self.cells:
            if isinstance(cell, (Cell, StackedRNNCells)):
                cell.draw_masks(shape, (shape[0], *cell_shape(cell)))
            shape = (shape[0], *cell_shape(cell))

    def forget_masks(self) -> None:
        """The sequence is over."""
        for cell in self.cells:
            if isinstance(cell, (Cell, StackedRNNCells)):
                cell.forget_masks()

    def get_config(self) -> dict:
        return {**super().get_config(), "cells": [serialize_keras_object(cell) for cell in self.cells]}

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None) -> "StackedRNNCells":
        """The cells of a configuration that `get_config` returned."""
        cells = [deserialize_keras_object(c, custom_objects=custom_objects) for c in config["cells"]]
        return cls(**{**config, "cells": cells})


def cell_shape(cell: Any) -> tuple:
    """The shape of a cell's output for one example."""
    size = output_size_of(cell)
    return tuple(size) if isinstance(size, (tuple, list)) else (size,)


def output_size_of(cell: Any) -> Any:
    """What a cell says of its output, else the size of its first state."""
    size = getattr(cell, "output_size", None)
    if size is not None:
        return size
    return cell.state_size[0] if isinstance(cell.state_size, (list, tuple)) else cell.state_size


def initial_state_of(cell: Any, batch_size: Any, dtype: Any) -> list:
    """The states of any cell at the start of a sequence, as a list."""
    if hasattr(cell, "get_initial_state"):
        states = cell.get_initial_state(batch_size=batch_size)
        return list(states) if isinstance(states, (list, tuple)) else [states]
    given = cell.state_size if isinstance(cell.state_size, (list, tuple)) else [cell.state_size]
    return [ops.zeros((batch_size, *(n if isinstance(n, (list, tuple)) else (n,))), dtype=dtype) for n in given]


def call_cell(cell: Any, inputs: Any, states: Any, training: bool, kwargs: dict | None = None) -> tuple:
    """`output, new states` of any cell, the states in the structure of those given."""
    kwargs = dict(kwargs or {})
    if takes_training(cell):
        kwargs["training"] = training
    output, new = cell(inputs, states, **kwargs)
    spec = _tree.flatten_with_spec(states)[1]
    return output, _tree.unflatten(spec, _tree.flatten(new))


def takes_training(cell: Any) -> bool:
    """Whether the `call` of a cell has an argument `training`."""
    parameters = inspect.signature(cell.call).parameters
    return "training" in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())
