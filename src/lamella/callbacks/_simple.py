"""Small callbacks: functions as hooks, learning-rate schedules by epoch, logs in a file, guards against NaN."""

import csv
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from lamella.callbacks._rates import rate_name, rate_of, rates, with_rates
from lamella.errors import ArgumentError
from lamella.training._callback import Callback

_HOOKS = tuple(name for name in vars(Callback) if name.startswith("on_"))


class LambdaCallback(Callback):
    """Functions as hooks.

    Args:
        on_epoch_begin, on_epoch_end: called with (epoch, logs).
        on_train_begin, on_train_end: called with (logs).
        on_train_batch_begin, on_train_batch_end: called with (batch, logs).
        **kwargs: any other hook of `Callback` by name.

    Example:
        >>> import lamella as keras
        >>> seen = []
        >>> callback = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(epoch))
    """

    def __init__(
        self,
        on_epoch_begin: Callable | None = None,
        on_epoch_end: Callable | None = None,
        on_train_begin: Callable | None = None,
        on_train_end: Callable | None = None,
        on_train_batch_begin: Callable | None = None,
        on_train_batch_end: Callable | None = None,
        **kwargs: Any,
    ):
        super().__init__()
        hooks = {
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin,
            "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin,
            "on_train_batch_end": on_train_batch_end,
            **kwargs,
        }
        self._given = tuple(name for name, hook in hooks.items() if hook is not None and name in _HOOKS)
        for name, hook in hooks.items():
            if hook is not None:
                setattr(self, name, hook)

    def listens_to(self) -> tuple[str, ...]:
        """The hooks that were given."""
        return self._given


class LearningRateScheduler(Callback):
    """Sets the learning rate at the beginning of every epoch.

    Args:
        schedule: a function of the epoch (from 0) and the current learning rate that returns the new one, a float; for a
            `MultiOptimizer` it is asked for each of the optimizers.
        verbose: 1 to say so.

    Raises:
        ArgumentError: while training, when the schedule does not return a float.
    """

    def __init__(self, schedule: Callable, verbose: int = 0):
        super().__init__()
        self.schedule = schedule
        self.verbose = verbose

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        for name, optimizer in with_rates(self.model.optimizer):
            current = rate_of(optimizer)
            try:
                value = self.schedule(epoch, current)
            except TypeError:  # the older form takes the epoch alone
                value = self.schedule(epoch)
            if not isinstance(value, (float, np.floating)):
                raise ArgumentError(
                    f"The output of the `schedule` function should be a float. Got: {value!r} of type "
                    f"{type(value).__name__}."
                )
            optimizer.learning_rate = float(value)
            if self.verbose > 0:
                print(f"\nEpoch {epoch + 1}: LearningRateScheduler setting {rate_name(name)} to {value}.")

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        if logs is not None:
            logs.update(rates(self.model.optimizer))


class CSVLogger(Callback):
    """Writes the metrics of every epoch as a line of a CSV file.

    Args:
        filename: of the file.
        separator: between the columns.
        append: whether to go on with an existing file.
    """

    def __init__(self, filename: Any, separator: str = ",", append: bool = False):
        super().__init__()
        self.filename = str(filename)
        self.sep = separator
        self.append = append
        self.keys: list[str] | None = None
        self._file: Any = None
        self._writer: Any = None
        self._anew = False

    def on_train_begin(self, logs: dict | None = None) -> None:
        self.close()
        self._file = open(self.filename, "a+", newline="")  # noqa: SIM115
        self._file.seek(0)
        self._header = not (self.append and self._file.readline().strip())
        self._anew = not self.append
        self._writer = None
        self.keys = None

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self._begin_anew()

    def _begin_anew(self) -> None:
        """Drop what the file had; not earlier, for a run that goes on needs it."""
        if self._anew:
            self._file.truncate(0)
            self._anew = False

    def get_state(self) -> dict[str, Any]:
        if self._file is None:
            return {}
        return {"keys": self.keys, "size": self._file.seek(0, 2)}

    def set_state(self, state: dict[str, Any]) -> None:
        if state and state["size"] <= self._file.seek(0, 2):
            self.keys, self._anew = state["keys"], False
            self._header = self._header and self.keys is None
            self._file.truncate(state["size"])

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        logs = logs or {}
        self._begin_anew()
        if self.keys is None:
            self.keys = sorted(logs)
            if not any(key.startswith("val_") for key in self.keys):  # validation may come in later epochs
                self.keys += [f"val_{key}" for key in self.keys]
        if self._writer is None:
            self._writer = csv.DictWriter(
                self._file,
                fieldnames=["epoch", *self.keys],
                delimiter=self.sep,
                extrasaction="ignore",
                restval="NA",
            )
            if self._header:
                self._writer.writeheader()
        self._writer.writerow({"epoch": epoch, **{key: _cell(logs.get(key, "NA")) for key in self.keys}})
        self._file.flush()

    def on_train_end(self, logs: dict | None = None) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None


def _cell(value: Any) -> Any:
    if isinstance(value, str) or np.ndim(value) == 0:
        return value
    if isinstance(value, Iterable):
        return f'"[{", ".join(map(str, np.ravel(np.asarray(value))))}]"'
    return value


class TerminateOnNaN(Callback):
    """Stops training when the loss is no longer finite, and says where that began.

    The loop stops at the very step, and the model keeps the weights it had before it. The history of the epoch ends with the
    loss that was not finite.

    Args:
        raise_error: raise a `RuntimeError` instead of stopping.

    Attributes:
        step: the number (from 0) of the step within its epoch whose loss was not finite, None while all were.
        layer: the name of the first layer whose output was not finite in that step, where it could be told.
    """

    # The loop itself looks at the loss of each step where this callback is present (see `Run`).
    halts_on_nan = True

    def __init__(self, raise_error: bool = False):
        super().__init__()
        self.raise_error = raise_error
        self.step: int | None = None
        self.layer: str | None = None

    def on_train_begin(self, logs: dict | None = None) -> None:
        self.step = self.layer = None

    def listens_to(self) -> tuple[str, ...]:
        """No batch hooks: the loop looks itself."""
        return ()

    def on_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """For loops of one's own: stop when the loss in `logs` is not finite."""
        loss = (logs or {}).get("loss")
        if loss is not None and not np.isfinite(loss):
            self.halted(batch, None)

    def halted(self, step: int, layer: str | None) -> None:
        """Told by the loop that the loss of `step` was not finite, first so in the output of `layer`."""
        self.step, self.layer = step, layer
        where = f"; the output of layer {layer!r} was the first that is not finite" if layer else ""
        message = f"Batch {step}: Invalid loss, terminating training{where}."
        if self.raise_error:
            raise RuntimeError(f"NaN or Inf loss encountered. {message}")
        print(f"\n{message}")
        self.model.stop_training = True
