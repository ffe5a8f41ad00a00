"""Steps on PyTorch that run again: each is recorded once for a signature, simplified, and replayed.

A replay is a row of calls of kernels: no layer, no promotion of dtypes, no autograd. It computes what the step
computes, by the same kernels. A step that cannot be recorded runs as it is.
"""

import contextvars
import logging
from collections.abc import Callable
from typing import Any

import optree
import torch

from lamella.backend._torch_recording import NotRecordable, record
from lamella.backend._torch_source import Program

_log = logging.getLogger("lamella")
_AS_IT_IS = 2  # so many calls of a signature: what runs once or twice is not worth recording
_MOST_PROGRAMS = 8  # of one step; arguments whose shapes keep changing are not worth recording either


class Carried:
    """The state that the last step of a program under way returned: nobody else has it, so the next may overwrite it."""

    def __init__(self) -> None:
        self.step: Any = None
        self.state: Any = None
        self.leaves: list = []
        self.others: tuple = ()
        self.other_leaves: list = []
        self.program: Any = None


carried: contextvars.ContextVar[Carried | None] = contextvars.ContextVar("torch_carried", default=None)


class Step:
    """`fn(state, *others) -> (logs, state)`, a pure function, which is recorded when it is called again and again.

    Args:
        fn: the function; the state that it returns is structured as the one it is given.
        effects: says what in `fn` may do more than compute, or None. Asked once.

    Attributes:
        why_not: why it runs as it is, or None.
    """

    def __init__(self, fn: Callable, effects: Callable[[], str | None]):
        self._fn, self._effects = fn, effects
        self._calls: dict[Any, int] = {}
        self._programs: dict[Any, Program] = {}
        self._shapes: dict[Any, Any] = {}
        self.why_not: str | None = None

    def __call__(self, state: Any, *others: Any) -> tuple:
        if self.why_not is not None:
            return self._fn(state, *others)
        last = carried.get()
        if last is not None and last.state is state and last.step is self and _refilled(last, others):
            program, result = last.program, last.program.run(last.leaves, last.other_leaves)
        else:
            leaves, treedef = optree.tree_flatten(state)
            other_leaves, other_treedef = optree.tree_flatten(others)
            if not all(isinstance(x, torch.Tensor) and x.layout is torch.strided for x in (*leaves, *other_leaves)):
                return self._fn(state, *others)
            key = (treedef, other_treedef, *(_kind(x) for x in leaves), *(_kind(x) for x in other_leaves))
            program = self._programs.get(key)
            if program is None:
                return self._as_it_is(key, state, others)
            result = program.run(program.owned(leaves), other_leaves)
            if last is not None:
                last.step, last.program, last.others, last.other_leaves = self, program, others, other_leaves
        if result is None:  # some kernel refused; the step says what is wrong in its own words, or knows better
            return self._fn(state, *others)
        logs, state = program.structured(*result)
        if last is not None:
            last.state, last.leaves = state, result[1]
        return logs, state

    def shapes(self, state: Any, *others: Any) -> Any:
        """What it returns, as tensors without data."""
        key = tuple(_kind(x) for x in optree.tree_leaves(others) if isinstance(x, torch.Tensor))
        if key not in self._shapes:
            result = self._fn(state, *others)
            self._shapes[key] = optree.tree_map(lambda x: torch.as_tensor(x).to("meta"), result)
        return self._shapes[key]

    def _as_it_is(self, key: Any, state: Any, others: tuple) -> tuple:
        calls = self._calls[key] = self._calls.get(key, 0) + 1
        if calls <= _AS_IT_IS or len(self._programs) >= _MOST_PROGRAMS:
            return self._fn(state, *others)
        why_not = self._effects() if not self._programs else None
        if why_not is None:
            try:
                recording, result = record(self._fn, (state, *others))
                self._programs[key] = Program(recording, len(optree.tree_leaves(state)))
                return result
            except NotRecordable as error:
                why_not = str(error)
        self.why_not = why_not
        _log.debug("steps run unrecorded: %s", why_not)
        return self._fn(state, *others)


def _kind(x: Any) -> tuple:
    return x.shape, x.stride(), x.dtype, x.device


def _refilled(last: Carried, others: tuple) -> bool:
    """Whether `others` are of the kind of those before, put in the place of which they are."""
    at = 0
    for i, (new, old) in enumerate(zip(others, last.others)):
        if type(new) is torch.Tensor:
            if type(old) is not torch.Tensor or _kind(new) != _kind(old):
                return False
            last.other_leaves[at] = new
            at += 1
        elif new is old:
            at += len(optree.tree_leaves(old)) if i + 1 < len(others) else 0
        else:
            return False
    return True
