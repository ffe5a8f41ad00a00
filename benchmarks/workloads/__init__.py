"""A workload is a file here: its data, and the same model for every family of libraries.

A training workload has `BATCH_SIZE`, `EPOCHS`, `COMPILE` (the arguments of `compile`), `data(library)` and
`model(keras)`: one Keras program, for lamella and for Keras on every backend. Where they exist it also has
`torch_model()`, `scan_model(random)` and `sklearn_model()`; the first two return logits where the Keras model
ends in a softmax or a sigmoid. `IMAGES = True` says that `x` is `(images, height, width, channels)`.

Any other workload has `PEERS` and `measure(run)`. Both kinds may have `COLUMNS` (what the table shows),
`BARS` and `VARIANTS`. Upper-case numbers are settings, which `--set NAME=VALUE` replaces. The docstring
begins with a line that says what the workload is.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from benchmarks._measures import PROGRESS_BARS, Bar, Variant

TRAINING_COLUMNS = ("epoch", "first_epoch", "to_first_epoch", "peak", "loss", "accuracy")
GENERAL_SETTINGS = ("VERBOSE", "TERMINAL")


def names() -> list[str]:
    """All workloads, those of the first issue first."""
    found = {module.name for module in pkgutil.iter_modules(__path__)}
    first = [
        "mnist_mlp",
        "tabular",
        "host_overhead",
        "cold_start",
        "first_step",
        "import_time",
        "many_models",
        "tiny_data",
        "inference",
        "streams",
    ]
    return [*first, *sorted(found - set(first))]


def load(name: str) -> ModuleType:
    """The module of the workload `name`."""
    return importlib.import_module(f"benchmarks.workloads.{name}")


def variants(workload: ModuleType) -> dict[str, Variant]:
    return dict(getattr(workload, "VARIANTS", {} if hasattr(workload, "measure") else PROGRESS_BARS))


def columns(workload: ModuleType) -> tuple[str, ...]:
    return tuple(getattr(workload, "COLUMNS", TRAINING_COLUMNS))


def bars(workload: ModuleType, variant: str) -> tuple[Bar, ...]:
    """The bars of a variant; of the workload itself if `variant` is empty or has none of its own."""
    own = variants(workload)[variant].bars if variant else None
    return getattr(workload, "BARS", ()) if own is None else own


def settings(workload: ModuleType) -> dict[str, int | float]:
    """The numbers that may be replaced: the workload's upper-case constants."""
    return {
        name: value
        for name, value in vars(workload).items()
        if name.isupper() and isinstance(value, int | float) and not isinstance(value, bool)
    }


def apply(workload: ModuleType, changes: Mapping[str, Any]) -> None:
    """Replace settings of the workload in this process."""
    for name, value in changes.items():
        setattr(workload, name, value)
