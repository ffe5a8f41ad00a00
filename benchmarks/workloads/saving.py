"""The job of `mnist_mlp` without saving, and with saving after every epoch in each of three ways."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from benchmarks._measures import Bar
from benchmarks._run import Run, measure_training
from benchmarks.workloads import mnist_mlp

EPOCHS = 20
BATCH_SIZE = mnist_mlp.BATCH_SIZE
COMPILE = mnist_mlp.COMPILE
SAVING = ("lamella-resume", "lamella-backup", "lamella-checkpoint")
PEERS = ("lamella", *SAVING)
COLUMNS = ("epoch", "first_epoch", "peak", "loss")
BARS = tuple(Bar("epoch", "lamella", 1.03, subject=peer) for peer in SAVING)

data, model = mnist_mlp.data, mnist_mlp.model


def measure(run: Run) -> dict[str, float | None]:
    """Train; the peer's option `saving` says how the run is saved, none of it that it is not."""
    with tempfile.TemporaryDirectory(prefix="lamella-saving-") as folder:
        if "saving" in run.options:
            run.options["folder"] = folder
        measures = measure_training(sys.modules[__name__], run)
        saved = any(path.stat().st_size > 2**20 for path in Path(folder).iterdir())
    if saved != ("saving" in run.options):
        raise RuntimeError(f"{run.peer} has {'a' if saved else 'no'} file of its state")
    return measures
