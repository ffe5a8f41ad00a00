"""Process start to the end of the first training step of the tutorial's job."""

from __future__ import annotations

from typing import Any

from benchmarks._measures import Bar
from benchmarks._run import Laps, Run
from benchmarks.workloads import mnist_mlp

PEERS = ("lamella", "lamella-warm", "keras-jax", "keras-tensorflow", "keras-torch", "torch")
COLUMNS = ("to_first_step", "imported", "peak")
BARS = (Bar("to_first_step", "keras-jax", 0.5),)


class FirstStep(Exception):
    """The first step is done."""


def measure(run: Run) -> dict[str, float | None]:
    """Leave `fit` from a callback after the first batch; in PyTorch, train on one batch."""
    x, y, *_ = mnist_mlp.data(run.library)
    if run.family != "keras":
        laps = Laps()
        run.fit(mnist_mlp, x[: mnist_mlp.BATCH_SIZE], y[: mnist_mlp.BATCH_SIZE], epochs=1, mark=laps.mark)
        return {"to_first_step": laps.times[1] - run.started}

    class Stop(run.library.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
            float((logs or {})["loss"])
            raise FirstStep

    try:
        run.fit(mnist_mlp, x, y, epochs=1, mark=lambda: None, callbacks=[Stop()])
    except FirstStep:
        return {"to_first_step": run.since_start()}
    raise RuntimeError("fit ended without a call of on_train_batch_end.")
