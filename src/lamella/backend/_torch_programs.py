"""Loops, choices and maps on PyTorch: Python runs them, a step at a time."""

from collections.abc import Callable, Sequence
from typing import Any

import optree
import torch
from torch._C import _functorch

from lamella.backend._torch_recording import Traced, refuse
from lamella.backend._torch_replay import Carried, Step, carried


class TorchPrograms:
    """The part of the adapter that runs programs."""

    def is_concrete(self, array: Any) -> bool:
        """Whether it has values now: not one that `vmap` or a recording hands to a function, nor one without data."""
        if not isinstance(array, torch.Tensor):
            return True
        if array.device.type == "meta":
            return False
        while _functorch.is_functorch_wrapped_tensor(array):
            if _functorch.is_batchedtensor(array):
                return False
            array = _functorch.get_unwrapped(array)
        return not isinstance(array, Traced) or array.recorder.closed

    def compile(self, fn: Callable, donate: Sequence[int] = ()) -> Callable:
        """`fn` as it is, closed: no graph leads into it or out of it."""

        def program(*args: Any) -> Any:
            token = carried.set(Carried())
            try:
                with torch.no_grad():
                    return fn(*args)
            finally:
                carried.reset(token)

        return program

    def traced(self, fn: Callable, effects: Callable[[], str | None]) -> Callable:
        return Step(fn, effects)

    def shape_of_result(self, fn: Callable, *args: Any) -> Any:
        return fn.shapes(*args) if isinstance(fn, Step) else fn(*args)

    def is_stranger(self, path: str) -> None:
        refuse(f"it reads the variable {path!r}, which the model does not hold")

    def cond(self, predicate: Any, true_fn: Callable, false_fn: Callable) -> Any:
        if self.is_concrete(predicate):
            return true_fn() if bool(predicate) else false_fn()
        return _where(predicate, true_fn(), false_fn())

    def switch(self, index: Any, branches: Sequence[Callable], operands: Sequence) -> Any:
        if self.is_concrete(index):
            return branches[min(max(int(index), 0), len(branches) - 1)](*operands)
        result = branches[0](*operands)
        for i, branch in enumerate(branches[1:], 1):
            result = _where(index >= i, branch(*operands), result)
        return result

    def while_loop(self, cond: Callable, body: Callable, init: Any) -> Any:
        state = init
        while True:
            more = cond(state)
            if self.is_concrete(more):
                if not bool(more):
                    return state
                state = body(state)
                continue
            if not bool(_everywhere(more).any()):
                return state
            state = _where(more, body(state), state)  # elements that are done stay as they are

    def fori_loop(self, lower: Any, upper: Any, body: Callable, init: Any) -> Any:
        if self.is_concrete(lower) and self.is_concrete(upper):
            for i in range(int(lower), int(upper)):
                init = body(i, init)
            return init
        start = torch.as_tensor(lower)
        return self.while_loop(lambda s: s[0] < upper, lambda s: (s[0] + 1, body(s[0], s[1])), (start, init))[1]

    def scan(self, f: Callable, init: Any, xs: Any, length: int | None, reverse: bool, unroll: int) -> tuple:
        leaves, treedef = optree.tree_flatten(xs)
        count = length if length is not None else len(leaves[0])
        rows = [leaf.unbind(0) for leaf in leaves]
        order = range(count - 1, -1, -1) if reverse else range(count)
        carry, outputs = init, [None] * count
        for i in order:
            carry, outputs[i] = f(carry, optree.tree_unflatten(treedef, [row[i] for row in rows]))
        if not outputs or outputs[0] is None:
            return carry, None
        return carry, optree.tree_map(lambda *steps: torch.stack([torch.as_tensor(s) for s in steps]), *outputs)

    def vmap(self, fn: Callable, in_axes: Any = 0) -> Callable:
        spec: list = []

        def flat(*args: Any) -> tuple:
            leaves, treedef = optree.tree_flatten(fn(*args))
            spec[:] = [treedef]
            return tuple(torch.as_tensor(leaf) for leaf in leaves)

        axes = tuple(in_axes) if isinstance(in_axes, (list, tuple)) else in_axes
        mapped = torch.func.vmap(flat, in_dims=axes, randomness="different")

        def run(*args: Any) -> Any:
            leaves = mapped(*args)
            return optree.tree_unflatten(spec[0], leaves)

        return run


def _where(condition: Any, chosen: Any, other: Any) -> Any:
    return optree.tree_map(lambda a, b: torch.where(condition, torch.as_tensor(a), torch.as_tensor(b)), chosen, other)


def _everywhere(array: Any) -> Any:
    """What `vmap` hands out an element of, whole."""
    while _functorch.is_functorch_wrapped_tensor(array):
        array = _functorch.get_unwrapped(array)
    return array
