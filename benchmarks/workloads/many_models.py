"""Build and fit 200 small models in one process: time, memory that stays, programs compiled."""

from __future__ import annotations

import statistics
import sys
import time
from types import ModuleType
from typing import Any

from benchmarks import data as sources
from benchmarks._measures import Bar, Variant
from benchmarks._run import Run, resident_memory

MODELS = 200
SETTLED = 10
ROWS = 640
BATCH_SIZE = 32
COMPILE = {"optimizer": "adam", "loss": "mse"}
PEERS = ("lamella", "keras-jax", "keras-tensorflow", "keras-torch", "torch")
COLUMNS = ("model", "growth", "compilations_first", "compilations_after", "peak")
BARS = (Bar("growth", None, 20 / 1.048576), Bar("compilations_after", None, 0))
VARIANTS = {"500": Variant("500 models", {"MODELS": 500})}


def model(keras: ModuleType) -> Any:
    return keras.Sequential([keras.Input((10,)), keras.layers.Dense(16, activation="relu"), keras.layers.Dense(1)])


def torch_model() -> Any:
    from torch import nn

    return nn.Sequential(nn.Linear(10, 16), nn.ReLU(), nn.Linear(16, 1))


def measure(run: Run) -> dict[str, float | None]:
    """Train MODELS models for an epoch each; the first SETTLED are the warm-up for time and memory."""
    this = sys.modules[__name__]
    x = sources.normal(ROWS, 10)
    y = x[:, :1] * x[:, 1:2]
    compilations = _Compilations() if run.peer in ("lamella", "keras-jax") else None
    first = settled = None
    seconds = []
    for number in range(1, MODELS + 1):
        start = time.perf_counter()
        run.fit(this, x, y, epochs=1, mark=lambda: None)
        seconds.append(time.perf_counter() - start)
        if number == 1 and compilations:
            first = compilations.count
        if number == SETTLED:
            settled = resident_memory()
    final = resident_memory()
    return {
        "model": statistics.median(seconds[SETTLED:] or seconds),
        "growth": None if final is None or settled is None else final - settled,
        "compilations_first": first,
        "compilations_after": compilations.count - first if compilations and first is not None else None,
    }


class _Compilations:
    """Counts the programs that XLA compiles, or loads from its cache, in this process."""

    def __init__(self) -> None:
        import jax

        self.count = 0
        jax.monitoring.register_event_duration_secs_listener(self._heard)

    def _heard(self, event: str, duration_secs: float, **details: Any) -> None:
        self.count += event == "/jax/core/compile/backend_compile_duration"
