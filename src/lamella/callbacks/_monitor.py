"""Watching one metric: which direction is better, and whether it got better."""

import math
import warnings
from typing import Any

from lamella.errors import ArgumentError
from lamella.training._callback import Callback

_HIGHER_IS_BETTER = (
    "accuracy", "acc", "auc", "precision", "recall", "f1", "iou", "r2", "cosine_similarity", "true_positives",
    "true_negatives", "top_k",
)  # fmt: skip


class MonitorCallback(Callback):
    """Base of the callbacks that compare one metric from epoch to epoch.

    Args:
        monitor: the metric's name in the logs.
        mode: "min", "max", or "auto": by the metric's name.
        baseline: the value to beat.
        min_delta: the least change that counts, in the metric's unit.

    Raises:
        ArgumentError: for another mode.
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
            raise ArgumentError(f"{type(self).__name__} `mode` must be 'auto', 'min' or 'max'; got {mode!r}.")
        self.monitor = monitor
        self.mode = mode
        self.best = baseline
        self.min_delta = abs(min_delta)
        self._higher: bool | None = None if mode == "auto" else mode == "max"

    def higher_is_better(self) -> bool:
        """Whether larger values of the metric are better."""
        if self._higher is None:
            name = self.monitor.removeprefix("val_")
            by_class = _direction_of_metric(self.model, name)
            if by_class is not None:
                self._higher = by_class
            else:
                self._higher = name != "loss" and any(word in name for word in _HIGHER_IS_BETTER)
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
    for metric in getattr(model, "metrics", ()):
        if metric.name == name:
            direction = getattr(metric, "_direction", None)
            return None if direction is None else direction == "up"
    return None
