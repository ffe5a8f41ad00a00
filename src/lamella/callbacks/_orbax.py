"""Checkpoints by Orbax, written while training goes on."""

import os
from typing import Any

from lamella.backend import _registry
from lamella.callbacks._checkpoint import checked_frequency
from lamella.callbacks._monitor import MonitorCallback
from lamella.errors import ArgumentError
from lamella.saving import _orbax


class OrbaxCheckpoint(MonitorCallback):
    """Saves the model, or its weights, as numbered Orbax checkpoints after every epoch or every so many steps.

    `keras.saving.load_model(directory)` and `model.load_weights(directory)` read the latest. Needs `pip install 'lamella[orbax]'`.

    Args:
        directory: where to. A checkpoint has the number of the epoch, from 0, or with a `save_freq` in steps that of the step.
        monitor: the metric that says which model is the best.
        verbose: 1 to say when it saves.
        save_best_only: save only what is better than everything before.
        mode: "min", "max", or "auto": by the metric's name.
        save_freq: "epoch", or a number of steps.
        initial_value_threshold: the value of the metric to beat, from an earlier run.
        max_to_keep: how many of the latest are kept; None for all.
        save_on_background: go on with training while a checkpoint is written.
        save_weights_only: leave out the configuration and the states of optimizer and metrics.

    Raises:
        MissingPackageError: when orbax-checkpoint is not installed.
        ArgumentError: for another `save_freq`, `mode` or `max_to_keep`.
    """

    def __init__(
        self,
        directory: Any,
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        mode: str = "auto",
        save_freq: Any = "epoch",
        initial_value_threshold: float | None = None,
        max_to_keep: int | None = 1,
        save_on_background: bool = True,
        save_weights_only: bool = False,
    ):
        super().__init__(monitor, mode, initial_value_threshold)
        if max_to_keep is not None and max_to_keep < 1:
            raise ArgumentError(f"`max_to_keep` must be 1 or more, or None for all; got {max_to_keep}.")
        self.directory = os.fspath(directory)
        self.verbose = verbose
        self.save_best_only = save_best_only
        self.save_freq = save_freq
        self.max_to_keep = max_to_keep
        self.save_on_background = save_on_background
        self.save_weights_only = save_weights_only
        self._counter = checked_frequency(save_freq)
        self._steps = 0
        self.checkpointer = _orbax.checkpointer(self.directory, max_to_keep)

    def listens_to(self) -> tuple[str, ...]:
        """The end of steps, where it saves between epochs."""
        return () if self._counter is None else ("on_train_batch_end",)

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        before = -1 if self._counter is None else self._counter._last
        self._steps += batch + 1 if batch <= before else batch - before
        if self._counter is not None and self._counter.is_due(batch):
            self._save(self._steps, logs)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        if self._counter is None:
            self._save(epoch, logs)

    def on_train_end(self, logs: dict | None = None) -> None:
        self.wait_until_finished()

    def wait_until_finished(self) -> None:
        """Wait for the checkpoint that is being written."""
        self.checkpointer.wait()

    def is_multihost_enabled(self) -> bool:
        """Whether several processes train, each of which writes its part."""
        return _process()[1] > 1

    def is_primary_host(self) -> bool:
        """Whether this is the first process; true where there is one."""
        return _process()[0] == 0

    def _save(self, number: int, logs: dict | None) -> None:
        if self.save_best_only:
            value = self.value_in(logs)
            if value is not None:
                if not self.is_improvement(value, self.best):
                    return
                self.best = value
        if self.verbose > 0:
            print(f"\nSaving checkpoint {number} to {self.directory}")
        held = _orbax.items(self.model, self.save_weights_only)
        save = self.checkpointer.save_checkpointables_async if self.save_on_background else None
        (save or self.checkpointer.save_checkpointables)(number, held, force=True, overwrite=True)


def _process() -> tuple[int, int]:
    parallel = _registry.active().distribution
    return (0, 1) if parallel is None else parallel.process()
