"""A step repeated over time."""

from collections.abc import Callable, Sequence
from typing import Any

from lamella import ops
from lamella.backend import _registry
from lamella.core import _tree
from lamella.core._operation import op
from lamella.errors import ArgumentError, ShapeError
from lamella.typing import Array, ArrayLike

__all__ = ["rnn"]


def rnn(
    step_function: Callable,
    inputs: Any,
    initial_states: Sequence[ArrayLike],
    go_backwards: bool = False,
    mask: ArrayLike | None = None,
    constants: Sequence[ArrayLike] | None = None,
    unroll: bool = False,
    input_length: Any = None,
    time_major: bool = False,
    zero_output_for_mask: bool = False,
    return_all_outputs: bool = True,
) -> tuple[Any, Any, list]:
    """Run `step_function` over the time steps of `inputs`, handing its states on.

    Args:
        step_function: a function `(input, states)` of one time step, `(batch, ...)`, and a list of arrays, the states
            with the `constants` after them; it returns the output of the step, `(batch, ...)`, and the new states.
        inputs: `(batch, time, ...)`, or a structure of such.
        initial_states: a list of arrays `(batch, ...)`.
        go_backwards: whether to begin with the last time step; the outputs are in the order they were made.
        mask: `(batch, time)`, True where a step counts. Elsewhere the states stay as they are.
        constants: arrays that each step gets after the states.
        unroll: repeat the step in the program instead of looping in it; the number of steps must be known.
        input_length: how many steps of each example count, `(batch,)`, in place of a `mask`.
        time_major: whether inputs and outputs are `(time, batch, ...)`.
        zero_output_for_mask: whether the output of a step that does not count is 0 instead of that of the step before.
        return_all_outputs: whether `outputs` holds all steps, or only the last one.

    Returns:
        The output of the last step; those of all steps, `(batch, time, ...)`; and the last states, a list.

    Raises:
        ShapeError: when there is no time axis, or `unroll` is asked for and its size is unknown.
        ArgumentError: when the step returns another number of states than it got.

    Example:
        >>> import lamella.backend as K
        >>> running_sum = lambda x, states: (x + states[0], [x + states[0]])
        >>> last, outputs, states = K.rnn(running_sum, K.constant([[[1.0], [2.0], [3.0]]]), [K.constant([[0.0]])])
        >>> outputs.tolist()
        [[[1.0], [3.0], [6.0]]]
    """
    for x in _tree.flatten(inputs):
        if ops.ndim(x) < 2:
            raise ShapeError(f"rnn takes inputs of shape (batch, time, ...); got shape {ops.shape(x)}.")
        if unroll and ops.shape(x)[0 if time_major else 1] is None:
            raise ShapeError("Unrolling requires a known number of time steps; got an input of unknown length.")
    return _rnn(
        step_function,
        inputs,
        list(initial_states),
        mask,
        list(constants or ()),
        None if isinstance(input_length, int) else input_length,
        go_backwards,
        unroll,
        time_major,
        zero_output_for_mask,
        return_all_outputs,
    )


@op
def _rnn(
    step_function: Callable,
    inputs: Any,
    initial_states: list,
    mask: Any,
    constants: list,
    input_length: Any,
    go_backwards: bool,
    unroll: bool,
    time_major: bool,
    zero_output_for_mask: bool,
    return_all_outputs: bool,
) -> tuple[Any, Any, list]:
    adapter = _registry.active()
    each = _tree.map_structure
    inputs = each(adapter.asarray, inputs)
    if not time_major:
        inputs = each(_swapped, inputs)
    steps = _tree.flatten(inputs)[0].shape[0]
    counts = _steps_that_count(mask, input_length, steps, time_major)
    if go_backwards:
        inputs = each(lambda x: ops.flip(x, axis=0), inputs)
        counts = None if counts is None else ops.flip(counts, axis=0)

    states = [adapter.asarray(s) for s in initial_states]
    first = each(lambda x: x[0], inputs)
    shapes = adapter.shape_of_result(lambda x, s: step_function(x, s + constants)[0], first, states)
    blank = each(lambda s: adapter.xp.zeros(s.shape, dtype=s.dtype), shapes)

    def step(carry: tuple, row: tuple) -> tuple:
        states, before = carry
        x, counted = row
        output, new_states = step_function(x, [*states, *constants])
        if len(new_states) != len(states):
            raise ArgumentError(
                f"The step function of rnn got {len(states)} states and returned {len(new_states)}; it must return a "
                "new value for each."
            )
        new_states = [ops.cast(new, old.dtype) for new, old in zip(new_states, states)]
        if counted is not None:
            otherwise = blank if zero_output_for_mask else before
            output = each(lambda new, old: _chosen(counted, new, old), output, otherwise)
            new_states = [_chosen(counted, new, old) for new, old in zip(new_states, states)]
        return (new_states, output), (output if return_all_outputs else None)

    if unroll:
        carry, rows = (states, blank), []
        for i in range(steps):
            carry, row = step(carry, (each(lambda x, i=i: x[i], inputs), None if counts is None else counts[i]))
            rows.append(row)
        outputs = each(lambda *rows: ops.stack(rows), *rows) if return_all_outputs else None
    else:
        carry, outputs = adapter.scan(step, (states, blank), (inputs, counts), steps, False, 1)
    states, last = carry
    if not return_all_outputs:
        outputs = each(lambda x: ops.expand_dims(x, 0), last)
    return last, (outputs if time_major else each(_swapped, outputs)), list(states)


def _swapped(x: Array) -> Array:
    return ops.swapaxes(x, 0, 1)


def _steps_that_count(mask: Any, input_length: Any, steps: int, time_major: bool) -> Any:
    """`(time, batch)` of bool, or None where all count."""
    if mask is None and input_length is None:
        return None
    if mask is None:
        return ops.less(ops.expand_dims(ops.arange(steps), 1), ops.reshape(input_length, (1, -1)))
    mask = ops.cast(mask, "bool")
    if ops.ndim(mask) == 3:
        mask = ops.squeeze(mask, axis=-1)
    if ops.ndim(mask) != 2:
        raise ShapeError(f"The mask of rnn must have the shape (batch, time); got {ops.shape(mask)}.")
    return mask if time_major else _swapped(mask)


def _chosen(counted: Array, new: Array, old: Array) -> Array:
    return ops.where(ops.reshape(counted, (-1, *(1,) * (len(new.shape) - 1))), new, old)
