"""What is measured: the names in the JSON, how a table shows them, and the bars that lamella has to reach."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Measure:
    """A number that a process reports. `unit` is 's', 'MiB', 'count', or '' for a loss or an accuracy."""

    title: str
    unit: str

    @property
    def compared(self) -> bool:
        return self.unit in ("s", "MiB")

    def show(self, value: float) -> str:
        if self.unit == "s":
            if value >= 1:
                return f"{value:.2f} s"
            return f"{value * 1e3:.3g} ms" if value >= 1e-3 else f"{value * 1e6:.3g} us"
        if self.unit == "MiB":
            return f"{value:.0f} MiB" if abs(value) >= 10 else f"{value:.1f} MiB"
        return f"{value:.0f}" if self.unit == "count" else f"{value:.4g}"


MEASURES = {
    "imported": Measure("start to import", "s"),
    "first_epoch": Measure("first epoch", "s"),
    "epoch": Measure("steady epoch", "s"),
    "step": Measure("steady step", "s"),
    "to_first_step": Measure("start to first step", "s"),
    "to_first_epoch": Measure("start to first epoch", "s"),
    "to_result": Measure("start to accuracy", "s"),
    "to_trained": Measure("start to trained", "s"),
    "peak": Measure("peak memory", "MiB"),
    "loss": Measure("loss", ""),
    "accuracy": Measure("accuracy", ""),
    "import_statement": Measure("import", "s"),
    "import_process": Measure("whole process", "s"),
    "array_libraries": Measure("array libraries loaded", "count"),
    "evaluate_32": Measure("evaluate, batch 32", "s"),
    "evaluate_1024": Measure("evaluate, batch 1024", "s"),
    "predict_32": Measure("predict, batch 32", "s"),
    "predict_1024": Measure("predict, batch 1024", "s"),
    "lookup_adapt": Measure("StringLookup, adapt", "s"),
    "lookup_call": Measure("StringLookup, call", "s"),
    "text_adapt": Measure("TextVectorization, adapt", "s"),
    "text_call": Measure("TextVectorization, call", "s"),
    "model": Measure("a model", "s"),
    "growth": Measure("memory growth", "MiB"),
    "compilations_first": Measure("programs compiled, first model", "count"),
    "compilations_after": Measure("programs compiled after", "count"),
    "resume": Measure("saving by fit(resume=...)", ""),
    "checkpoint": Measure("saving by ModelCheckpoint", ""),
    "stream_generator": Measure("generator", ""),
    "stream_heard": Measure("generator, every step heard", ""),
    "stream_dataset": Measure("PyDataset", ""),
    "stream_threads": Measure("PyDataset, 2 threads", ""),
    "stream_processes": Measure("PyDataset, 2 processes", ""),
    "stream_loader": Measure("DataLoader, 2 processes", ""),
    "step_unset": Measure("step, default", "s"),
    "step_1": Measure("step, 1 an execution", "s"),
    "step_16": Measure("step, 16", "s"),
    "step_epoch": Measure("step, an epoch", "s"),
}


@dataclass(frozen=True)
class Bar:
    """`subject`'s `measure` is at most `most` times `peer`'s; without a peer, at most `most` itself.

    `peer` is a peer's name, 'best peer' or 'best Keras': the one with the smallest median of that measure.
    """

    measure: str
    peer: str | None
    most: float
    subject: str = "lamella"


@dataclass(frozen=True)
class Variant:
    """Other settings of a workload, run as WORKLOAD:VARIANT; bars of its own replace the workload's."""

    about: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    bars: tuple[Bar, ...] | None = None


PROGRESS_BARS = {
    "bar": Variant("with the default progress bar, written to the null device", {"VERBOSE": 1}),
    "tty": Variant("with the default progress bar, drawn on a terminal", {"VERBOSE": 1, "TERMINAL": 1}),
}
"""The variants of every training workload."""
