"""Going on with a training run that was interrupted."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

from lamella.callbacks._checkpoint import checked_frequency
from lamella.errors import ArgumentError, LamellaError
from lamella.training._callback import Callback


class BackupAndRestore(Callback):
    """Writes the state of training to a directory, and goes on from there when `fit` is called again.

    The state is the weights, those of the optimizer and of the random generators among them, the number of the epoch, and
    the order in which the coming epochs visit the samples: a run that goes on ends where the uninterrupted one ends.
    The state of callbacks is not kept. A crash while writing leaves the state before.

    Args:
        backup_dir: a directory for this callback of this run alone.
        save_freq: "epoch", a number of steps, or False for never. A run that is interrupted between two epochs goes on
            with the epoch that was under way, from its beginning, with the weights of the last backup.
        double_checkpoint: keep the state before too, and go back to it when the last one cannot be read.
        delete_checkpoint: delete the state when training is over.

    Raises:
        ArgumentError: for an empty directory name or another `save_freq`.

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
        self._directory = Path(self.backup_dir)
        self._epoch = 0

    def listens_to(self) -> tuple[str, ...]:
        """The end of steps, where it writes between epochs."""
        return () if self._counter is None else ("on_train_batch_end",)

    # ---- going on --------------------------------------------------------------------------------

    def on_train_begin(self, logs: dict | None = None) -> None:
        problems = []
        for name in ("latest.json", "previous.json"):
            if (self._directory / name).exists():
                try:
                    self._restore(self._directory / name)
                    return
                except (OSError, ValueError, KeyError, LamellaError) as error:
                    problems.append(f"{name}: {type(error).__name__}: {error}")
        if problems:
            raise LamellaError(
                f"The backup in {self.backup_dir!r} cannot be read. Delete the directory to start anew. "
                + "; ".join(problems)
            )

    def _restore(self, path: Path) -> None:
        state = json.loads(path.read_text(encoding="utf-8"))
        self.model.load_weights(str(self._directory / state["weights"]))
        self.model._resumed = {"epoch": int(state["epoch"]), "order": state["order"]}

    # ---- writing ---------------------------------------------------------------------------------

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self._epoch = epoch
        self._order = self._order_now()

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        if self._counter is not None and self._counter.is_due(batch):
            self._write(self._epoch, self._order, f"{self._epoch}-{batch}")

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        if self.save_freq == "epoch":
            self._write(epoch + 1, self._order_now(), f"{epoch + 1}")

    def _order_now(self) -> Any:
        random = getattr(self.model, "_order_random", None)
        return None if random is None else random.bit_generator.state

    def _write(self, epoch: int, order: Any, label: str) -> None:
        """Weights first, under a name of their own; then the small file that says which weights count."""
        self._directory.mkdir(parents=True, exist_ok=True)
        weights = f"{label}.weights.h5"
        self.model.save_weights(str(self._directory / weights), overwrite=True)
        latest = self._directory / "latest.json"
        if self.double_checkpoint and latest.exists():
            os.replace(latest, self._directory / "previous.json")
        new = self._directory / "latest.json.new"
        new.write_text(json.dumps({"epoch": epoch, "weights": weights, "order": order}), encoding="utf-8")
        os.replace(new, latest)
        needed = {json.loads(p.read_text(encoding="utf-8"))["weights"] for p in self._directory.glob("*.json")}
        for old in self._directory.glob("*.weights.h5"):
            if old.name not in needed:
                old.unlink()

    def on_train_end(self, logs: dict | None = None) -> None:
        if self.delete_checkpoint and self._directory.exists():
            shutil.rmtree(self._directory)
