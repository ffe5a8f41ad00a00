"""An epoch of `mnist_mlp` with saving after it, over one without: short trainings of both kinds take turns in one process."""

from __future__ import annotations

import itertools
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks._measures import Bar
from benchmarks._run import Run
from benchmarks.workloads import mnist_mlp

TURNS = 12
EPOCHS = 4
BATCH_SIZE = mnist_mlp.BATCH_SIZE
PEERS = ("lamella",)
COLUMNS = ("epoch", "resume", "checkpoint", "peak")
BARS = (Bar("resume", None, 1.03),)


def measure(run: Run) -> dict[str, float | None]:
    """The median epoch without saving, and with each way of saving the median ratio within a turn."""
    keras = run.library
    x, y = mnist_mlp.data(keras)[:2]
    model = mnist_mlp.model(keras)
    model.compile(**mnist_mlp.COMPILE)

    def epoch(**saving: Any) -> float:
        """The median time from one end of an epoch to the next; nothing ends but the epoch and its saving."""
        ends: list[float] = []

        class Ends(keras.callbacks.Callback):
            def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
                ends.append(time.perf_counter())

        callbacks = [Ends(), *saving.pop("callbacks", [])]
        model.fit(x, y, batch_size=BATCH_SIZE, epochs=EPOCHS, verbose=0, callbacks=callbacks, **saving)
        return statistics.median(after - before for before, after in itertools.pairwise(ends))

    epoch()
    times = []
    for turn in range(TURNS):
        with tempfile.TemporaryDirectory(prefix="lamella-saving-") as folder:
            resume, file = Path(folder, "state"), Path(folder, "model.keras")
            times.append((epoch(), epoch(resume=resume), epoch(callbacks=[keras.callbacks.ModelCheckpoint(file)])))
            if not any(path.stat().st_size > 2**20 for path in resume.iterdir()) or not file.exists():
                raise RuntimeError(f"turn {turn} left no file of its state")
    return {
        "epoch": statistics.median(plain for plain, _, _ in times),
        "resume": statistics.median(resumed / plain for plain, resumed, _ in times),
        "checkpoint": statistics.median(checkpointed / plain for plain, _, checkpointed in times),
    }
