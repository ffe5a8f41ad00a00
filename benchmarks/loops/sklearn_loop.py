"""scikit-learn's multilayer perceptrons, an epoch at a time through `partial_fit`."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from benchmarks._run import Trained


def fit(
    workload: ModuleType,
    library: ModuleType,
    x: Any,
    y: Any,
    *,
    epochs: int,
    mark: Callable[[], None],
    verbose: int = 0,
) -> Trained:
    """The workload's `sklearn_model`. The logs lack the accuracy, which it does not count while training."""
    model = workload.sklearn_model()
    targets = _targets(y)
    classes = {"classes": np.unique(targets)} if hasattr(model, "predict_proba") else {}
    mark()
    for _ in range(epochs):
        model.partial_fit(x, targets, **classes)
        mark()

    def evaluate(x: Any, y: Any) -> dict[str, float]:
        return {"accuracy": float(model.score(x, _targets(y)))}

    # A regressor minimises half of the mean square.
    return Trained({"loss": model.loss_ * (1 if classes else 2)}, evaluate)


def _targets(y: Any) -> Any:
    return y.argmax(axis=-1) if y.ndim == 2 and y.shape[-1] > 1 else y.ravel()
