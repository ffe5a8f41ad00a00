"""Two functions, each in a compiled loop, timed in turn."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from lamella.backend._jax import compiler_options

TURNS = 3
"""How often a function is computed in one program."""
PATIENCE = 2.0
"""Seconds after which a single run is enough."""


@dataclass(frozen=True)
class Line:
    """A case: seconds of ours and of the library's, and the median of the ratios within a round."""

    case: str
    ours: float
    theirs: float
    ratio: float

    def __str__(self) -> str:
        return f"{self.case:44} {self.ours * 1e3:9.3f} ms  {self.theirs * 1e3:9.3f} ms  {self.ratio:7.3f}"


def in_a_loop(function: Callable, arguments: Sequence[Any], options: Callable) -> Callable[[], float]:
    """`function(*arguments)` TURNS times in one program, the whole result kept each time; a clock of its runs."""
    shape = jax.eval_shape(function, *arguments)

    def program(*arguments: Any) -> Any:
        def body(_: Any, carry: tuple) -> tuple:
            small, _ = carry
            first, *rest = arguments
            # What a turn computes depends on the turn before: nothing can be moved out of the loop.
            out = function(first + small.astype(first.dtype), *rest)
            return sum(jnp.ravel(leaf)[0] for leaf in jax.tree.leaves(out)).astype("float32") * 1e-30, out

        zeros = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shape)
        return jax.lax.fori_loop(0, TURNS, body, (jnp.zeros(()), zeros))

    lowered = jax.jit(program).lower(*arguments)
    compiled = lowered.compile(compiler_options=options(lowered.as_text()) or None)

    def clock() -> float:
        start = time.perf_counter()
        jax.block_until_ready(compiled(*arguments))
        return (time.perf_counter() - start) / TURNS

    return clock


def measure(case: str, ours: Callable, theirs: Callable, arguments: Sequence[Any], rounds: int) -> Line:
    """Ours under lamella's compiler options, theirs under the library's defaults."""
    clocks = [in_a_loop(ours, arguments, compiler_options), in_a_loop(theirs, arguments, lambda text: None)]
    warm = [clock() for clock in clocks]
    if max(warm) > PATIENCE:
        rounds = 1
    times = [[clock() for clock in clocks] for _ in range(rounds)]
    first, second = (statistics.median(column) for column in zip(*times, strict=True))
    return Line(case, first, second, statistics.median(a / b for a, b in times))


def table(title: str, lines: Sequence[Line]) -> str:
    """The lines as Markdown."""
    rows = [f"| {r.case} | {r.ours * 1e3:.2f} | {r.theirs * 1e3:.2f} | {r.ratio:.3f} |" for r in lines]
    head = [f"| {title} | lamella, ms | library, ms | ratio |", "|---|---|---|---|"]
    return "\n".join([*head, *rows])
