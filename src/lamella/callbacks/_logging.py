"""Logs of runs as lines of JSON, and in MLflow and Weights & Biases. These callbacks are lamella's own; Keras has none."""

import json
import os
import time
from typing import Any

import numpy as np

from lamella.callbacks._rates import rates
from lamella.errors import MissingPackageError
from lamella.training._callback import Callback


class JSONLogger(Callback):
    """Writes a line of JSON for the run and for each epoch, which costs nothing worth measuring. Lamella's own.

    The first line of a run has `"event": "begin"`, the numbers of epochs and steps, and `config`; the line of an epoch has
    `"event": "epoch"`, its number from 0, the seconds since the run began, the learning rate and the metrics; the last has
    `"event": "end"`. A number that is not finite becomes null. The file is flushed after each line.

    Args:
        filename: of the file, which usually ends in `.jsonl`. Its directory is made.
        append: go on with an existing file instead of writing it anew.
        config: what else is to be said about the run: a dict of plain values.

    Example:
        >>> import json, os, tempfile
        >>> import numpy as np
        >>> import lamella as keras
        >>> path = os.path.join(tempfile.mkdtemp(), "log.jsonl")
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> log = keras.callbacks.JSONLogger(path, config={"width": 1})
        >>> _ = model.fit(np.ones((4, 2)), np.ones(4), epochs=2, verbose=0, callbacks=[log])
        >>> [json.loads(line)["event"] for line in open(path)]
        ['begin', 'epoch', 'epoch', 'end']
    """

    def __init__(self, filename: Any, append: bool = False, config: dict[str, Any] | None = None):
        super().__init__()
        self.filename = os.fspath(filename)
        self.append = append
        self.config = config
        self._file: Any = None

    def on_train_begin(self, logs: dict | None = None) -> None:
        self._close()
        os.makedirs(os.path.dirname(self.filename) or ".", exist_ok=True)
        self._file = open(self.filename, "a" if self.append else "w", encoding="utf-8")  # noqa: SIM115
        self._since = time.perf_counter()
        self._line("begin", time=time.time(), **_run_of(self), config=self.config or {})

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self._line("epoch", epoch=epoch, seconds=self._seconds(), **_values_of(self.model, logs))

    def on_train_end(self, logs: dict | None = None) -> None:
        self._line("end", seconds=self._seconds())
        self._close()

    def _seconds(self) -> float:
        return round(time.perf_counter() - self._since, 3)

    def _line(self, event: str, **values: Any) -> None:
        finite = {k: None if isinstance(v, float) and not np.isfinite(v) else v for k, v in values.items()}
        self._file.write(json.dumps({"event": event, **finite}, default=str) + "\n")
        self._file.flush()

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


class MLflowLogger(Callback):
    """Logs a run in MLflow: its parameters, and the metrics of each epoch. Lamella's own.

    It logs to the active run, or starts one for the time of `fit`. Needs `pip install mlflow`.

    Args:
        config: what else is logged as parameters of the run: a dict of plain values.
        run_name: the name of a run that it starts.

    Raises:
        MissingPackageError: when mlflow is not installed.
    """

    def __init__(self, config: dict[str, Any] | None = None, run_name: str | None = None):
        super().__init__()
        try:
            import mlflow
        except ImportError as error:
            raise _missing("mlflow") from error
        self._mlflow: Any = mlflow
        self.config = config
        self.run_name = run_name
        self._started = False

    def on_train_begin(self, logs: dict | None = None) -> None:
        if self._mlflow.active_run() is None:
            self._mlflow.start_run(run_name=self.run_name)
            self._started = True
        self._mlflow.log_params({**_run_of(self), **(self.config or {})})

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self._mlflow.log_metrics(_values_of(self.model, logs), step=epoch)

    def on_train_end(self, logs: dict | None = None) -> None:
        if self._started:
            self._mlflow.end_run()
            self._started = False


class WandbLogger(Callback):
    """Logs a run in Weights & Biases: its configuration, and the metrics of each epoch. Lamella's own.

    It logs to the active run, or starts one for the time of `fit`. Needs `pip install wandb`.

    Args:
        config: what else is logged about the run: a dict of plain values.
        **init: arguments of `wandb.init` for a run that it starts, as `project` and `name`.

    Raises:
        MissingPackageError: when wandb is not installed.
    """

    def __init__(self, config: dict[str, Any] | None = None, **init: Any):
        super().__init__()
        try:
            import wandb
        except ImportError as error:
            raise _missing("wandb") from error
        self._wandb: Any = wandb
        self.config = config
        self.init = init
        self._started = False

    def on_train_begin(self, logs: dict | None = None) -> None:
        if self._wandb.run is None:
            self._wandb.init(**self.init)
            self._started = True
        run: Any = self._wandb.run
        run.config.update({**_run_of(self), **(self.config or {})})

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self._wandb.log({"epoch": epoch, **_values_of(self.model, logs)})

    def on_train_end(self, logs: dict | None = None) -> None:
        if self._started:
            self._wandb.finish()
            self._started = False


def _missing(name: str) -> MissingPackageError:
    return MissingPackageError(f"This callback logs with {name}. Run `pip install {name}`.")


def _run_of(callback: Callback) -> dict[str, Any]:
    """What is known about a run before it begins."""
    model, params = callback.model, callback.params or {}
    optimizer = type(model.optimizer).__name__ if model.optimizer is not None else None
    return {"model": model.name, "optimizer": optimizer, "epochs": params.get("epochs"), "steps": params.get("steps")}


def _values_of(model: Any, logs: dict | None) -> dict[str, float]:
    """The metrics of an epoch, and the learning rate, as floats."""
    values = {name: float(np.asarray(value)) for name, value in (logs or {}).items()}
    if model.optimizer is not None:
        values.update({k: v for k, v in rates(model.optimizer).items() if k not in values})
    return values
