"""Saving the model while it is trained."""

import os
import warnings
from typing import Any

import numpy as np

from lamella.callbacks._monitor import MonitorCallback
from lamella.errors import ArgumentError, MissingKeyError


class StepCounter:
    """Counts steps over the ends of epochs, and says when every so many have passed."""

    def __init__(self, every: int):
        self.every = every
        self._passed = 0
        self._last = -1

    def is_due(self, batch: int) -> bool:
        """Whether `every` steps have passed since it last was, after the step number `batch` of an epoch."""
        self._passed += batch + 1 if batch <= self._last else batch - self._last
        self._last = batch
        if self._passed < self.every:
            return False
        self._passed = 0
        return True


def checked_frequency(save_freq: Any) -> StepCounter | None:
    """The counter for a `save_freq` in steps, None for "epoch".

    Raises:
        ArgumentError: for anything else.
    """
    if save_freq == "epoch":
        return None
    if not isinstance(save_freq, (int, np.integer)) or isinstance(save_freq, bool) or save_freq < 1:
        raise ArgumentError(
            f"Unrecognized save_freq: {save_freq}. Expected save_freq are 'epoch' or integer values: the number of "
            "steps between two savings, 1 or more."
        )
    return StepCounter(int(save_freq))


class ModelCheckpoint(MonitorCallback):
    """Saves the model, or its weights, after every epoch or every so many steps.

    Args:
        filepath: where to. Names in braces are filled in: `{epoch}` (from 1), `{batch}` (from 1, with a `save_freq` in
            steps), and the metrics in the logs, as in `"{epoch:02d}-{val_loss:.2f}.keras"`. It ends in `.keras` or
            `.h5`, or with `save_weights_only` in `.weights.h5`.
        monitor: the metric that says which model is the best.
        verbose: 1 to say when it saves.
        save_best_only: save only what is better than everything before.
        save_weights_only: save by `model.save_weights` instead of `model.save`.
        mode: "min", "max", or "auto": by the metric's name.
        save_freq: "epoch", or a number of steps. In between epochs the metrics are those since the epoch began.
        initial_value_threshold: the value of the metric to beat, from an earlier run.

    Raises:
        ArgumentError: for a path with another ending, or another `save_freq`.

    Example:
        >>> import os, tempfile
        >>> import numpy as np
        >>> import lamella as keras
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> path = os.path.join(tempfile.mkdtemp(), "{epoch}.weights.h5")
        >>> save = keras.callbacks.ModelCheckpoint(path, save_weights_only=True)
        >>> _ = model.fit(np.ones((4, 2)), np.ones(4), epochs=2, verbose=0, callbacks=[save])
        >>> sorted(os.listdir(os.path.dirname(path)))
        ['1.weights.h5', '2.weights.h5']
    """

    def __init__(
        self,
        filepath: Any,
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: Any = "epoch",
        initial_value_threshold: float | None = None,
    ):
        if mode not in ("auto", "min", "max"):
            warnings.warn(f"ModelCheckpoint mode {mode!r} is unknown, fallback to auto mode.", stacklevel=2)
            mode = "auto"
        super().__init__(monitor, mode, initial_value_threshold)
        self.filepath = os.fspath(filepath)
        self.verbose = verbose
        self.save_best_only = save_best_only
        self.save_weights_only = save_weights_only
        self.save_freq = save_freq
        self._counter = checked_frequency(save_freq)
        self._epoch = 0
        if save_weights_only and not self.filepath.endswith(".weights.h5"):
            raise ArgumentError(
                "When using `save_weights_only=True` in `ModelCheckpoint`, the filepath provided must end in "
                f"`.weights.h5` (Keras weights format). Received: filepath={self.filepath}"
            )
        if not save_weights_only and not self.filepath.endswith((".keras", ".h5")):
            raise ArgumentError(
                f"The filepath provided must end in `.keras` (Keras model format). Received: filepath={self.filepath}"
            )

    def get_state(self) -> dict[str, Any]:
        counter = None if self._counter is None else [self._counter._passed, self._counter._last]
        return {"best": self.best, "epoch": self._epoch, "counter": counter}

    def set_state(self, state: dict[str, Any]) -> None:
        self.best, self._epoch = state["best"], state["epoch"]
        if self._counter is not None and state["counter"] is not None:
            self._counter._passed, self._counter._last = state["counter"]

    def listens_to(self) -> tuple[str, ...]:
        """The end of steps, where it saves between epochs."""
        return () if self._counter is None else ("on_train_batch_end",)

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        if self._counter is not None and self._counter.is_due(batch):
            self._save(batch, logs)

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self._epoch = epoch

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        if self._counter is None:
            self._save(None, logs)

    def _save(self, batch: int | None, logs: dict | None) -> None:
        logs = logs or {}
        path = self._path(batch, logs)
        said = self._reason(logs)
        if said is None:
            return
        if self.verbose > 0:
            print(f"\nEpoch {self._epoch + 1}: {said} to {path}")
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        if self.save_weights_only:
            self.model.save_weights(path, overwrite=True)
        else:
            self.model.save(path, overwrite=True)
        if self.verbose > 0:
            print(f"\nEpoch {self._epoch + 1}: finished saving model to {path}")

    def _path(self, batch: int | None, logs: dict) -> str:
        names = {**logs, "epoch": self._epoch + 1} | ({} if batch is None else {"batch": batch + 1})
        try:
            return self.filepath.format(**names)
        except KeyError as error:
            raise MissingKeyError(
                f"The `filepath` of ModelCheckpoint, {self.filepath!r}, asks for {error}, which is not known here. "
                f"Known are: {', '.join(sorted(names))}."
            ) from None

    def _reason(self, logs: dict) -> str | None:
        """Why the model is saved now, in words; None where it is not."""
        if not self.save_best_only:
            return "saving model"
        value = self.value_in(logs)
        if value is None:
            return "saving model"  # better one too many than the best one lost
        if not self.is_improvement(value, self.best):
            if self.verbose > 0:
                print(f"\nEpoch {self._epoch + 1}: {self.monitor} did not improve from {self.best:.5f}")
            return None
        before = "None" if self.best is None else f"{self.best:.5f}"
        self.best = value
        return f"{self.monitor} improved from {before} to {value:.5f}, saving model"
