"""Watching one metric: which direction is better, and whether it got better."""

import math
import warnings
from typing import Any

from lamella.errors import ArgumentError
from lamella.training._callback import Callback


class MonitorCallback(Callback):
    """Base of the callbacks that compare one metric from epoch to epoch.

    Args:
        monitor: the metric's name in the logs.
        mode: "min", "max", or "auto": as the model's metric of that name says, and down for the loss. Any other mode
            warns, and counts as "auto".
        baseline: the value to beat.
        min_delta: the least change that counts, in the metric's unit.

    Raises:
        ArgumentError: while training with "auto", for a metric of which the direction is not known.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        mode: str = "auto",
        baseline: float | None = None,
        min_delta: float = 0,
    ):
        super().__init__()
        if mode not in ("auto", "min", "max"):
            message = f"{type(self).__name__} `mode` must be 'auto', 'min' or 'max'; got {mode!r}. It counts as 'auto'."
            warnings.warn(message, stacklevel=3)
            mode = "auto"
        self.monitor = monitor
        self.mode = mode
        self.best = baseline
        self.min_delta = abs(min_delta)
        self.monitor_op: Any = None
        self._higher: bool | None = None if mode == "auto" else mode == "max"

    def higher_is_better(self) -> bool:
        """Whether larger values of the metric are better."""
        if self._higher is None:
            name = self.monitor.removeprefix("val_")
            self._higher = False if name == "loss" else _direction_of_metric(self.model, name)
            if self._higher is None:
                raise ArgumentError(
                    f"{type(self).__name__} watches {self.monitor!r}, and whether larger or smaller values of it are better "
                    "is not known. Pass `mode='max'` or `mode='min'`."
                )
        return self._higher

    def is_improvement(self, value: float, reference: float | None) -> bool:
        """Whether `value` beats `reference` by more than `min_delta`."""
        if reference is None:
            return True
        if self.higher_is_better():
            return value - self.min_delta > reference
        return value + self.min_delta < reference

    def worst(self) -> float:
        """The value that everything beats."""
        return -math.inf if self.higher_is_better() else math.inf

    def value_in(self, logs: dict[str, Any] | None) -> float | None:
        """The metric's value, or None with a warning where the logs lack it."""
        self.higher_is_better()
        logs = logs or {}
        value = logs.get(self.monitor)
        if value is None:
            warnings.warn(
                f"{type(self).__name__} watches the metric {self.monitor!r}, which is not available. Available metrics "
                f"are: {', '.join(logs) or 'none'}.",
                stacklevel=3,
            )
        return value


def _direction_of_metric(model: Any, name: str) -> bool | None:
    for known in getattr(model, "metrics", ()):
        several = hasattr(known, "metrics_names")  # those that were given to `compile`, by the names they have in logs
        pairs = zip(known.metrics_names, known.metrics) if several else [(known.name, known)]
        for called, metric in pairs:
            direction = getattr(metric, "_direction", None)
            if direction is not None and (name == called or name.endswith(f"_{called}")):
                return direction == "up"
    return None
