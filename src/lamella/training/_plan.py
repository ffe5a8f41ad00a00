"""How many steps run before the host looks."""

import time
from dataclasses import dataclass
from typing import Any

UPDATES_PER_SECOND = 10.0
FIRST_CHUNK = 2
"""The steps at once until one was timed: few, for a step may take seconds."""
AT_ONCE = 8
PATIENCE = {True: 1.0, False: 4.0}
"""The seconds that slow steps at once may take, where somebody watches them and where nobody does."""


@dataclass
class Plan:
    """The length of the next chunk of steps, and why.

    Where nobody needs every step, chunks are as long as ten updates of the bar a second allow, from what the last
    chunks took. Of slow steps up to eight make a chunk, if that is over soon: the memory of a program is cleared anew in
    each call, which was a third of the time of a transformer's step.

    Attributes:
        fixed: the length that a listener or `steps_per_execution` asks for, or None.
        reason: why, in words.
        seconds_per_step: as measured, or None before the first chunk is over.
        watched: whether a callback hears of the steps, as a progress bar does.
        unrecorded: why steps run as they are where the library records them, or None.
    """

    fixed: int | None = None
    reason: str = "nobody listens to single steps"
    seconds_per_step: float | None = None
    watched: bool = True
    unrecorded: str | None = None

    def next(self, remaining: int, step: int) -> int:
        """The number of steps in the next chunk, of the `remaining` ones, when `step` are over."""
        if self.fixed is not None:
            return min(self.fixed - step % self.fixed, remaining)
        if self.seconds_per_step is None:
            return min(FIRST_CHUNK, remaining)
        quick = int(1.0 / (UPDATES_PER_SECOND * self.seconds_per_step))
        slow = min(AT_ONCE, int(PATIENCE[self.watched] / self.seconds_per_step))
        return min(max(quick, slow, 1), remaining)

    def finished(self, steps: int, since: float) -> None:
        """Take note that `steps` steps are over, which began at the time `since`.

        A shorter time is believed at once: what came before may have been the start of something.
        """
        measured = (time.perf_counter() - since) / max(steps, 1)
        old = self.seconds_per_step
        self.seconds_per_step = measured if old is None or measured < old else 0.5 * (old + measured)

    def __str__(self) -> str:
        return self._length() + (f"; steps run as they are, unrecorded: {self.unrecorded}" if self.unrecorded else "")

    def _length(self) -> str:
        if self.fixed is not None:
            return f"chunks of {self.fixed} step(s): {self.reason}"
        if self.seconds_per_step is None:
            return f"chunks of {FIRST_CHUNK} steps until a step was timed: {self.reason}"
        return (
            f"chunks of {self.next(10**9, 0)} step(s) ({self.seconds_per_step * 1e6:.0f} us a step, at most "
            f"{UPDATES_PER_SECOND:.0f} updates a second): {self.reason}"
        )


def plan_for(model: Any, callbacks: Any, mode: str, known: float | None) -> Plan:
    """The plan of a run of `mode` ("train" or "test") of a compiled model with these callbacks."""
    listeners = callbacks.needs_every_step(mode)
    length = model.steps_per_execution or 1
    if model.run_eagerly or not model.jit_compile:
        return Plan(length, "run_eagerly is set" if model.run_eagerly else "jit_compile is off")
    if listeners:
        names = ", ".join(sorted({type(c).__name__ for c in listeners}))
        return Plan(length, f"{names} may act on single steps (declare reads_only = True if it only reads the logs)")
    if length > 1 and callbacks.listeners(mode):
        return Plan(length, "steps_per_execution is set and a callback listens to batches")
    return Plan(seconds_per_step=known, watched=bool(callbacks.listeners(mode)))
