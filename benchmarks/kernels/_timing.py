"""Two functions, each in a compiled loop, timed in turn."""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from lamella.backend._jax_options import compiler_options

TURNS = 3
"""How often a function is computed in one program."""
PATIENCE = 2.0
"""Seconds after which a single run is enough."""


@dataclass(frozen=True)
class Line:
    """A case: seconds of ours and of the library's, and the median of the ratios within a round.

    `same` says that XLA made the same instructions of both, in the same order: whatever the clock says, the ratio is 1.
    """

    case: str
    ours: float
    theirs: float
    ratio: float
    same: bool = False

    def __str__(self) -> str:
        note = "  the same program" if self.same else ""
        return f"{self.case:44} {self.ours * 1e3:9.3f} ms  {self.theirs * 1e3:9.3f} ms  {self.ratio:7.3f}{note}"


@dataclass(frozen=True)
class Clock:
    """A compiled program and what it runs on."""

    program: Any
    arguments: Sequence[Any]

    def __call__(self) -> float:
        """Seconds of one turn."""
        start = time.perf_counter()
        jax.block_until_ready(self.program(*self.arguments))
        return (time.perf_counter() - start) / TURNS

    def instructions(self) -> str:
        """What XLA made of the program; names are numbered by their first use, and where a line comes from is left out."""
        text = re.sub(r", metadata=\{[^}]*\}", "", self.program.as_text())
        text = re.sub(r"(?m)^(HloModule|FileNames|FunctionNames|FileLocations|StackFrames).*\n(\d.*\n)*", "", text)
        names: dict[str, str] = {}
        return re.sub(
            r"%?[A-Za-z_][\w.-]*\.\d+\b|%[\w.-]+", lambda name: names.setdefault(name[0], f"%{len(names)}"), text
        )


def in_a_loop(function: Callable, arguments: Sequence[Any], options: Callable) -> Clock:
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
    return Clock(lowered.compile(compiler_options=options(lowered.as_text()) or None), arguments)


def measure(case: str, ours: Callable, theirs: Callable, arguments: Sequence[Any], rounds: int) -> Line:
    """Ours under lamella's compiler options, theirs under the library's defaults."""
    clocks = [in_a_loop(ours, arguments, compiler_options), in_a_loop(theirs, arguments, lambda text: None)]
    warm = [clock() for clock in clocks]
    if max(warm) > PATIENCE:
        rounds = 1
    times = [[clock() for clock in clocks] for _ in range(rounds)]
    first, second = (statistics.median(column) for column in zip(*times, strict=True))
    same = clocks[0].instructions() == clocks[1].instructions()
    return Line(case, first, second, 1.0 if same else statistics.median(a / b for a, b in times), same)


def table(title: str, lines: Sequence[Line]) -> str:
    """The lines as Markdown."""
    rows = [
        f"| {r.case} | {r.ours * 1e3:.2f} | {r.theirs * 1e3:.2f} | {'same program' if r.same else f'{r.ratio:.3f}'} |"
        for r in lines
    ]
    head = [f"| {title} | lamella, ms | library, ms | ratio |", "|---|---|---|---|"]
    return "\n".join([*head, *rows])
