"""Going on with a training run that was interrupted."""

import os
import secrets
import time
import warnings
from typing import Any

from lamella.callbacks._checkpoint import checked_frequency
from lamella.callbacks._state_directory import StateDirectory
from lamella.errors import ArgumentError, LamellaError, SerializationError
from lamella.saving._state_file import pack_state
from lamella.training._callback import Callback
from lamella.training._position import Position

_PROCESS = secrets.token_hex(8)
_FAR = 2**62


class BackupAndRestore(Callback):
    """Keeps the state of training in a directory, and goes on from there when `fit` is called again.

    The state is all that decides how training goes on: the weights, the variables of optimizer and metrics, the random
    generators, the place in the order of the samples, and what callbacks remember (`Callback.get_state`). A run that goes
    on, in a new process, ends bit for bit where the uninterrupted one ends, its `History` included, however it was
    interrupted, and also while a state was being written: the state before is always kept.
    States are written while training goes on; when writing fails, a warning says so and training goes on.

    In the process that was interrupted itself, the `History` of the second `fit` has the epochs of that call, as in Keras.
    Keras begins an epoch anew that was interrupted between two epochs; here the steps that are over are not repeated.

    Args:
        backup_dir: a directory for this callback of this run alone.
        save_freq: "epoch", a number of steps, or False for never.
        double_checkpoint: taken as Keras takes it; here two states are kept in any case.
        delete_checkpoint: delete the state when training is over.

    Raises:
        ArgumentError: for an empty directory name or another `save_freq`.
        CheckpointError: when training begins, and the directory cannot be written, another run writes to it, or none of
            its states can be read. When just the newest cannot, a warning says so, and the one before is taken.
        SerializationError: when training begins, and the state is of another model.

    Example:
        >>> import tempfile
        >>> import numpy as np
        >>> import lamella as keras
        >>> def run(epochs, callbacks):
        ...     keras.utils.set_random_seed(0)
        ...     model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        ...     model.compile("adam", "mse")
        ...     return model.fit(np.ones((4, 2)), np.ones(4), epochs=epochs, verbose=0, callbacks=callbacks)
        >>> backup = keras.callbacks.BackupAndRestore(tempfile.mkdtemp(), delete_checkpoint=False)
        >>> run(2, [backup]).epoch, run(5, [backup]).epoch
        ([0, 1], [2, 3, 4])
    """

    told_last = True  # what it keeps is what the others left

    def __init__(
        self,
        backup_dir: Any,
        save_freq: Any = "epoch",
        double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
    ):
        super().__init__()
        if not backup_dir:
            raise ArgumentError("Empty `backup_dir` argument passed")
        self.backup_dir = os.fspath(backup_dir)
        self.save_freq = save_freq
        self.double_checkpoint = double_checkpoint
        self.delete_checkpoint = delete_checkpoint
        try:
            self._counter = None if save_freq is False else checked_frequency(save_freq)
        except ArgumentError:
            raise ArgumentError(
                f"Invalid value for argument `save_freq`. Received: save_freq={save_freq}. Expected either 'epoch' or an "
                "integer value."
            ) from None
        self._directory = StateDirectory(self.backup_dir)
        self._at_epochs = save_freq == "epoch"
        self._seconds: float | None = None
        self._whole_history = False
        self._passed = 0
        self._last = 0.0
        self._complained: set[str] = set()

    @classmethod
    def for_resume(cls, directory: Any) -> "BackupAndRestore":
        """What `fit(resume=directory)` adds to the callbacks: it also keeps states within long epochs, once a minute."""
        keeper = cls(directory, delete_checkpoint=False)
        keeper._seconds = 60.0
        keeper._whole_history = True
        return keeper

    def listens_to(self) -> tuple[str, ...]:
        """Nothing: `fit` asks `is_due` where a chunk of steps ends."""
        return ()

    # ---- going on --------------------------------------------------------------------------------

    def on_train_begin(self, logs: dict | None = None) -> None:
        if sum(isinstance(c, BackupAndRestore) for c in self._position().callbacks) > 1:
            raise ArgumentError(
                "One training run can go on from one state: give one BackupAndRestore, or `resume`, not both."
            )
        self._passed, self._last = 0, time.monotonic()
        self._directory.open()
        state = self._directory.newest()
        if state is not None:
            try:
                whole = self._whole_history or state["process"] != _PROCESS
                self._position().set_state(state["position"], with_history=whole)
            except (KeyError, TypeError, IndexError, AttributeError, ValueError, OverflowError) as error:
                if isinstance(error, LamellaError):
                    raise
                raise SerializationError(
                    f"The state in {self.backup_dir!r} is not one of this version of lamella: {error!r}. Begin anew in "
                    "another directory."
                ) from error
        if self.model._position is None:  # a loop of the user's own may never say that it is over
            self._directory.close()

    def _position(self) -> Position:
        """Where `fit` stands; in a loop of the user's own, the model alone."""
        position = getattr(self.model, "_position", None)
        return position if position is not None else Position(self.model, [])

    # ---- writing ---------------------------------------------------------------------------------

    def steps_left(self) -> int:
        """The number of steps to the next state."""
        return _FAR if self._counter is None else self._counter.every - self._passed

    def is_due(self, steps: int) -> bool:
        """Whether a state is to be kept, after so many more steps."""
        self._passed += steps
        if self._counter is None:
            return self._seconds is not None and time.monotonic() - self._last > self._seconds
        return self._passed >= self._counter.every

    def keep(self) -> None:
        """Begin to write the state as it is now."""
        self._passed, self._last = 0, time.monotonic()
        state = self._position().get_state()
        state["callbacks"] = self._remembered_by_callbacks(state["callbacks"])
        self._directory.write({"process": _PROCESS, "position": state})

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """In a loop of the user's own: count the steps."""
        if self._counter is not None and self.model._position is None and self._counter.is_due(batch):
            self.keep()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        if self._at_epochs:
            self.keep()

    def _remembered_by_callbacks(self, pairs: list) -> list:
        kept = []
        for name, remembered in pairs:
            try:
                pack_state(remembered)
                kept.append([name, remembered])
            except ArgumentError as error:
                if name not in self._complained:
                    self._complained.add(name)
                    warnings.warn(f"What {name} remembers is not kept for a run that goes on: {error}", stacklevel=4)
        return kept

    def on_train_end(self, logs: dict | None = None) -> None:
        if self.delete_checkpoint:
            self._directory.delete()
        self._directory.close()

    def leave(self) -> None:
        """When `fit` is left, also by an exception."""
        self._directory.close()
