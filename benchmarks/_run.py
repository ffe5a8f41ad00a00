"""Inside the measured process: the library under test, its training loop, the clock and the memory."""

from __future__ import annotations

import gc
import importlib
import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple


class Trained(NamedTuple):
    """What a training loop hands back: the last epoch's logs, and a function from test data to logs."""

    logs: dict[str, float]
    evaluate: Callable[[Any, Any], dict[str, float]]


@dataclass
class Laps:
    """The times at which training began and each epoch ended, in seconds of the system's monotonic clock."""

    times: list[float] = field(default_factory=list)

    def mark(self) -> None:
        self.times.append(time.monotonic())

    @property
    def first(self) -> float:
        return self.times[1] - self.times[0]

    @property
    def steady(self) -> float | None:
        """The median epoch after the first; None when there was only one."""
        later = [end - start for start, end in pairwise(self.times[1:])]
        return statistics.median(later) if later else None


@dataclass
class Run:
    """One process of the benchmark: `library` was just imported, nothing else has happened.

    `started` is the monotonic time at which the parent launched this process (the clock is the system's, so
    that the two processes agree).
    """

    peer: str
    family: str
    library: ModuleType
    options: dict[str, Any]
    started: float

    @cached_property
    def loop(self) -> ModuleType:
        return importlib.import_module(f"benchmarks.loops.{self.family}_loop")

    def since_start(self) -> float:
        return time.monotonic() - self.started

    def fit(self, workload: ModuleType, x: Any, y: Any, **settings: Any) -> Trained:
        """Build the workload's model, compile and train it; `settings` are arguments of the family's loop."""
        return self.loop.fit(workload, self.library, x, y, **(self.options | settings))


def measure_training(workload: ModuleType, run: Run) -> dict[str, float | None]:
    """Train for EPOCHS epochs; time the first and the steady ones."""
    x, y, *_ = workload.data(run.library)
    laps = Laps()
    trained = run.fit(workload, x, y, epochs=workload.EPOCHS, mark=laps.mark, verbose=getattr(workload, "VERBOSE", 0))
    steps = -(-len(x) // workload.BATCH_SIZE)
    return {
        "epoch": laps.steady,
        "step": laps.steady and laps.steady / steps,
        "first_epoch": laps.first,
        "to_first_epoch": laps.times[1] - run.started,
        **trained.logs,
    }


def peak_memory() -> float:
    """The largest resident size this process has had, in MiB.

    On Linux `getrusage` starts from the size of the process that launched this one, so ask /proc first.
    """
    peak = _status("VmHWM")
    if peak is None:
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        if sys.platform == "darwin":  # in bytes there, in KiB elsewhere
            peak /= 1024
    return peak


def resident_memory() -> float | None:
    """The resident size now, in MiB, after collecting garbage; None where the system does not say."""
    gc.collect()
    return _status("VmRSS")


def _status(name: str) -> float | None:
    status = Path(f"/proc/{os.getpid()}/status")
    if not status.exists():
        return None
    for line in status.read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) / 1024
    return None


def threads() -> dict[str, int]:
    """How many threads the loaded libraries say they use (their defaults: the benchmark sets none)."""
    found = {}
    if torch := sys.modules.get("torch"):
        found["torch"] = torch.get_num_threads()
        found["torch-interop"] = torch.get_num_interop_threads()
    if tensorflow := sys.modules.get("tensorflow"):
        # 0 means that TensorFlow chooses: one for each core.
        found["tensorflow-intra"] = tensorflow.config.threading.get_intra_op_parallelism_threads()
        found["tensorflow-inter"] = tensorflow.config.threading.get_inter_op_parallelism_threads()
    if "threadpoolctl" in sys.modules:
        for pool in sys.modules["threadpoolctl"].threadpool_info():
            found[f"{pool['user_api']}-{pool['internal_api']}"] = pool["num_threads"]
    return found
