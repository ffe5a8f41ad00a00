"""Stopping when nothing gets better."""

from typing import Any

import numpy as np

from lamella.callbacks._monitor import MonitorCallback
from lamella.callbacks._rates import rate_name, rate_of, rates, with_rates


class EarlyStopping(MonitorCallback):
    """Stops training when a metric has not improved for some epochs.

    Args:
        monitor: the metric's name in the logs.
        min_delta: the least change that counts as an improvement, in the metric's unit.
        patience: the number of epochs without improvement after which training stops.
        verbose: 1 to say so.
        mode: "min", "max", or "auto": by the metric's name.
        baseline: the value to beat from the start.
        restore_best_weights: whether to end with the weights of the best epoch instead of the last.
        start_from_epoch: epochs to wait before watching.

    Attributes:
        stopped_epoch: the epoch at which training was stopped, 0 if it was not.
        best_epoch: the epoch of the best value.
    """

    _remembered = ("wait", "stopped_epoch", "best", "best_epoch", "best_weights")

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ):
        super().__init__(monitor, mode, min_delta=min_delta)
        self.patience = patience
        self.verbose = verbose
        self.baseline = baseline
        self.restore_best_weights = restore_best_weights
        self.start_from_epoch = start_from_epoch
        self.wait = 0
        self.stopped_epoch = 0
        self.best: float | None = None
        self.best_epoch = 0
        self.best_weights: list | None = None

    def on_train_begin(self, logs: dict | None = None) -> None:
        self.wait = 0
        self.stopped_epoch = 0
        self.best = None
        self.best_weights = None
        self.best_epoch = 0

    def get_monitor_value(self, logs: dict | None) -> float | None:
        """The metric that is watched. Override it to watch something else.

        Args:
            logs: the metrics of the epoch.

        Returns:
            Its value, or None, with a warning, where the logs lack it.
        """
        return self.value_in(logs)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        value = self.get_monitor_value(logs)
        if value is None or epoch < self.start_from_epoch:
            return
        if self.restore_best_weights and self.best_weights is None:
            self.best_weights = self.model.get_weights()
            self.best_epoch = epoch
        self.wait += 1
        if self.is_improvement(value, self.best):
            self.best = value
            self.best_epoch = epoch
            if self.restore_best_weights:
                self.best_weights = self.model.get_weights()
            if self.baseline is None or self.is_improvement(value, self.baseline):
                self.wait = 0
            return
        if self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: dict | None = None) -> None:
        if self.stopped_epoch > 0 and self.verbose > 0:
            print(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.restore_best_weights and self.best_weights is not None:
            if self.verbose > 0:
                print(f"Restoring model weights from the end of the best epoch: {self.best_epoch + 1}.")
            self.model.set_weights(self.best_weights)


class ReduceLROnPlateau(MonitorCallback):
    """Multiplies the learning rate by a factor when a metric has stopped improving.

    Args:
        monitor: the metric's name in the logs.
        factor: what the learning rate is multiplied by, in [0, 1).
        patience: epochs without improvement before it is.
        verbose: 1 to say so.
        mode: "min", "max", or "auto": by the metric's name.
        min_delta: the least change that counts as an improvement, in the metric's unit.
        cooldown: epochs to wait after a reduction before watching again.
        min_lr: the learning rate never falls below it.

    Raises:
        ArgumentError: for a factor of 1 or more.
    """

    _remembered = ("cooldown_counter", "wait", "best")

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
        **kwargs: Any,
    ):
        from lamella.errors import ArgumentError

        if factor >= 1.0:
            raise ArgumentError(f"ReduceLROnPlateau does not support a factor >= 1.0. Got {factor}.")
        super().__init__(monitor, mode, min_delta=min_delta)
        self.factor = factor
        self.patience = patience
        self.verbose = verbose
        self.cooldown = cooldown
        self.min_lr = min_lr
        self.cooldown_counter = 0
        self.wait = 0
        self.best: float | None = None

    def on_train_begin(self, logs: dict | None = None) -> None:
        self.cooldown_counter = 0
        self.wait = 0
        self.best = None

    def in_cooldown(self) -> bool:
        """Whether a reduction was so recent that the metric is not watched yet."""
        return self.cooldown_counter > 0

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        if logs is not None:
            logs.update(rates(self.model.optimizer))
        value = self.value_in(logs)
        if value is None:
            return
        if self.in_cooldown():
            self.cooldown_counter -= 1
            self.wait = 0
        if self.is_improvement(value, self.best):
            self.best = value
            self.wait = 0
        elif not self.in_cooldown():
            self.wait += 1
            if self.wait >= self.patience:
                self._reduce(epoch)

    def _reduce(self, epoch: int) -> None:
        for name, optimizer in with_rates(self.model.optimizer):
            old = rate_of(optimizer)
            if old <= float(np.float32(self.min_lr)):  # rates are float32
                continue
            new = max(old * self.factor, self.min_lr)
            optimizer.learning_rate = new
            if self.verbose > 0:
                print(f"\nEpoch {epoch + 1}: ReduceLROnPlateau reducing {rate_name(name)} to {new}.")
            self.cooldown_counter = self.cooldown
            self.wait = 0
