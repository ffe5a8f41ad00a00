"""Evaluating with averaged weights."""

from typing import Any

import numpy as np

from lamella.backend import _registry
from lamella.errors import ArgumentError
from lamella.training._callback import Callback


class SwapEMAWeights(Callback):
    """Evaluates with the exponential moving averages that the optimizer keeps of the weights.

    Before an evaluation or a prediction the weights become their averages, afterwards they are themselves again:
    Polyak and Juditsky (1992), SIAM Journal on Control and Optimization 30(4).

    Args:
        swap_on_epoch: let the weights be their averages from the end of an epoch to the beginning of the next too, so
            that callbacks after this one, such as `ModelCheckpoint`, see the averages.

    Raises:
        ArgumentError: when training begins and the optimizer has no averages (`use_ema=True` makes them).
    """

    def __init__(self, swap_on_epoch: bool = False):
        super().__init__()
        self.swap_on_epoch = swap_on_epoch
        self._kept: list[tuple[Any, Any]] = []

    def _swap(self) -> None:
        optimizer = self.model.optimizer
        optimizer = getattr(optimizer, "inner_optimizer", optimizer)
        if not any(getattr(part, "use_ema", False) for part in getattr(optimizer, "optimizers", [optimizer])):
            raise ArgumentError(
                "SwapEMAWeights must be used when `use_ema=True` is set on the optimizer, or on one of those of a "
                f"MultiOptimizer. Received: {type(optimizer).__name__} with use_ema="
                f"{getattr(optimizer, 'use_ema', None)}."
            )
        if not self._kept and optimizer.built:
            variables = self.model.trainable_variables
            self._kept = [(variable, variable.value + 0) for variable in variables]  # arrays of their own
            optimizer.finalize_variable_values(variables)

    def _swap_back(self) -> None:
        for variable, value in self._kept:
            variable.assign(value)
        self._kept = []

    def get_state(self) -> dict[str, Any]:
        return {"kept": [np.array(_registry.to_numpy(value)) for _, value in self._kept]}

    def set_state(self, state: dict[str, Any]) -> None:
        asarray = _registry.active().asarray
        self._kept = [(v, asarray(value)) for v, value in zip(self.model.trainable_variables, state["kept"])]

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        if self.swap_on_epoch:
            self._swap_back()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        if self.swap_on_epoch:
            self._swap()

    def on_train_end(self, logs: dict | None = None) -> None:
        self._kept = []  # `fit` ends with the averages

    def on_test_begin(self, logs: dict | None = None) -> None:
        self._swap()

    def on_test_end(self, logs: dict | None = None) -> None:
        self._swap_back()

    def on_predict_begin(self, logs: dict | None = None) -> None:
        self._swap()

    def on_predict_end(self, logs: dict | None = None) -> None:
        self._swap_back()
