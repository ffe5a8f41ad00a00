"""The loop over time that all recurrent layers share.

`recurrence` runs cells whose states meet the weights in one product, `state @ kernel + bias`, and are otherwise
computed element by element. That product is why it has an override on JAX: the gradient of the kernel need not be
summed up step by step, it is one large product after the loop. `loop` runs any other cell.
"""

from collections.abc import Callable
from typing import Any

from lamella import ops
from lamella.backend import _registry
from lamella.core import _scopes, _tree
from lamella.core._operation import op
from lamella.typing import Array

__all__ = ["loop", "recurrence"]


@op
def recurrence(
    gates: Callable,
    projected: Array,
    kernel: Array,
    bias: Array | None,
    states: list,
    mask: Array | None = None,
    state_mask: Array | None = None,
    reverse: bool = False,
    unroll: int = 1,
    additive: bool = False,
    known: str | None = None,
) -> tuple[Array, list]:
    """`states = gates(projected[t] with states[0] @ kernel + bias, states)` for each step `t`.

    Args:
        gates: `(what they are together, states) -> states`, element by element: `join` says what they are.
        projected: what the inputs contribute, `(time, batch, ...)`.
        kernel: `(units, ...)`.
        bias: added to the product, or None.
        states: the states at the start, each `(batch, units)`.
        mask: booleans `(time, batch)`; where False the states stay.
        state_mask: multiplies `states[0]` in the product, `(batch, units)`; or None.
        reverse: whether to start at the last step.
        unroll: how many steps to write out in one turn of the loop.
        additive: whether the gates want nothing but their sum.
        known: `"lstm"` or `"gru"` if the gates are those, of sigmoid and tanh, for adapters that have them.

    Returns:
        `states[0]` after each step, `(time, batch, units)`, and the states at the end.
    """

    def step(states: list, inputs: tuple) -> tuple[list, Array]:
        z, m = inputs
        state = states[0] if state_mask is None else states[0] * state_mask
        product = state @ kernel
        new = gates(join(z, product if bias is None else product + bias, states[0].shape[-1], additive), states)
        if m is not None:
            new = [kept(m, a, b) for a, b in zip(new, states)]
        return new, new[0]

    xs = (projected, mask) if mask is not None else (projected,)
    states, outputs = _registry.active().scan(
        lambda carry, x: step(carry, x if mask is not None else (x[0], None)), list(states), xs, None, reverse, unroll
    )
    return outputs, states


def join(projected: Array, product: Array, units: int, additive: bool) -> Any:
    """What `gates` of `recurrence` takes: the sum, or else the parts of the one and of the other, as wide as the states."""
    if additive:
        return projected + product
    count = product.shape[-1] // units
    return [*ops.split(projected, count, axis=-1), *ops.split(product, count, axis=-1)]


def kept(mask: Array, new: Array, old: Array) -> Array:
    """`new` where the steps of `mask` are real, else `old`; the axes of the mask are the first of the arrays."""
    xp = _registry.namespace()
    wide = xp.reshape(mask, (*mask.shape, *(1,) * (len(new.shape) - len(mask.shape))))
    return xp.where(wide, new, old)


def loop(
    step: Callable,
    sequences: Any,
    states: Any,
    mask: Array | None = None,
    reverse: bool = False,
    unroll: int = 1,
    zero_output_for_mask: bool = False,
    keep_outputs: bool = True,
) -> tuple[Array, Array | None, Any]:
    """`output, states = step(x, states)` for each step `x` of `sequences`.

    Variables that `step` assigns (the state of a seed generator, say) are carried from step to step.

    Args:
        step: `(x, states) -> (output, states)`.
        sequences: an array, or a structure of arrays, `(time, batch, ...)`.
        states: a structure of arrays.
        mask: booleans `(time, batch)`; where False the states stay, and the output is the one before.
        reverse: whether to start at the last step.
        unroll: how many steps to write out in one turn of the loop.
        zero_output_for_mask: whether masked steps put out zeros instead.
        keep_outputs: whether the outputs of all steps are wanted.

    Returns:
        The last output, the outputs of all steps (in the order of `sequences`) or None, and the states at the end.
    """
    adapter = _registry.active()
    first = _tree.map_structure(lambda x: x[0], sequences)
    shape_of = _output_spec(step, first, states)
    touched = shape_of.touched

    def body(carry: tuple, inputs: tuple) -> tuple[tuple, Any]:
        states, previous, values = carry
        x, m = inputs if mask is not None else (inputs[0], None)
        output, new, values = _stateless(step, x, states, touched, values)
        if m is not None:
            output = kept(m, output, ops.zeros_like(output) if zero_output_for_mask else previous)
            new = _tree.map_structure(lambda a, b: kept(m, a, b), new, states)
        return (new, output, values), (output if keep_outputs else None)

    start = adapter.xp.zeros(shape_of.shape, dtype=shape_of.dtype)
    carry = (states, start, [adapter.asarray(v.value) for v in touched])
    xs = (sequences, mask) if mask is not None else (sequences,)
    (states, last, values), outputs = adapter.scan(body, carry, xs, None, reverse, unroll)
    for variable, value in zip(touched, values):
        variable.assign(value)
    return last, outputs, states


class _Spec:
    """What one step puts out, and which variables it assigns."""

    def __init__(self, shape: tuple, dtype: Any, touched: list):
        self.shape, self.dtype, self.touched = shape, dtype, touched


def _output_spec(step: Callable, x: Any, states: Any) -> _Spec:
    adapter: Any = _registry.active()
    touched: list = []
    known = _surrounding_state()

    def once(x: Any, states: Any) -> Array:
        with _scopes.StatelessScope(known) as scope:
            before = dict(scope.state_mapping)
            output, _ = step(x, states)
            touched[:] = [v for v, value in scope.updates() if before.get(id(v)) is not value]
        return output

    if hasattr(adapter, "eval_shape"):
        output = adapter.eval_shape(once, x, states)
    else:
        output = once(x, states)
    return _Spec(tuple(output.shape), output.dtype, touched)


def _surrounding_state() -> list:
    scope = _scopes.stateless_scope()
    return [] if scope is None else scope.updates()


def _stateless(step: Callable, x: Any, states: Any, touched: list, values: list) -> tuple:
    """`step`, with the variables `touched` at `values` before it, and their values after it returned."""
    if not touched:
        return *step(x, states), values
    with _scopes.StatelessScope([*_surrounding_state(), *zip(touched, values)]) as scope:
        output, states = step(x, states)
        return output, states, [scope.get_current_value(v) for v in touched]
