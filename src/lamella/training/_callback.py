"""The events of training, and those who listen."""

import contextlib
from collections.abc import Iterable
from typing import Any

_BATCH_HOOKS = {
    "train": ("on_batch_begin", "on_batch_end", "on_train_batch_begin", "on_train_batch_end"),
    "test": ("on_test_batch_begin", "on_test_batch_end"),
    "predict": ("on_predict_batch_begin", "on_predict_batch_end"),
}


class Callback:
    """Something that is told about a training run and may act on it.

    Override the hooks you need. In them `self.model` is the model and `self.params` what is known of the run.

    `fit` runs many steps as one program where nobody listens to single batches. A callback that overrides a batch
    hook is told after every single step, since it may look at or change the model; one that only reads the `logs`
    it is given says so with `reads_only = True`, and is told the same, in the same order, a little later.

    Attributes:
        model: the model in training.
        params: a dict with "epochs", "steps", "verbose" (as it was given, also "auto").
        reads_only: whether the batch hooks only read their arguments.
    """

    reads_only = False
    told_last = False  # whether it looks at what the other callbacks did
    _remembered: tuple[str, ...] = ()  # the attributes that a run that goes on needs

    def __init__(self) -> None:
        self.params: dict[str, Any] | None = None
        self._model: Any = None

    @property
    def model(self) -> Any:
        """The model in training."""
        return self._model

    def set_params(self, params: dict[str, Any]) -> None:
        """Take what is known of the run."""
        self.params = params

    def set_model(self, model: Any) -> None:
        """Take the model."""
        self._model = model

    def get_state(self) -> dict[str, Any]:
        """What it remembers from epoch to epoch, for a run that is interrupted: texts, numbers, arrays, lists and dicts."""
        return {name: getattr(self, name) for name in self._remembered}

    def set_state(self, state: dict[str, Any]) -> None:
        """Remember what `get_state` returned; called after `on_train_begin` of a run that goes on."""
        for name in self._remembered:
            setattr(self, name, state[name])

    def on_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """An alias of `on_train_batch_begin` for older code."""

    def on_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """An alias of `on_train_batch_end` for older code."""

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Before the epoch number `epoch` (from 0) of training."""

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """After the epoch number `epoch`; `logs` has its metrics, those of validation with the prefix `val_`."""

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Before the step number `batch` (from 0) of an epoch."""
        self.on_batch_begin(batch, logs=logs)

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """After the step number `batch`; `logs` has the running metrics of the epoch."""
        self.on_batch_end(batch, logs=logs)

    def on_test_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Before a step of evaluation (also of validation in `fit`)."""

    def on_test_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """After a step of evaluation; `logs` has the running metrics."""

    def on_predict_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Before a step of prediction."""

    def on_predict_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """After a step of prediction; `logs["outputs"]` has its outputs."""

    def on_train_begin(self, logs: dict | None = None) -> None:
        """At the start of `fit`."""

    def on_train_end(self, logs: dict | None = None) -> None:
        """At the end of `fit`; `logs` are those of the last epoch."""

    def on_test_begin(self, logs: dict | None = None) -> None:
        """At the start of an evaluation."""

    def on_test_end(self, logs: dict | None = None) -> None:
        """At the end of an evaluation; `logs` has its metrics."""

    def on_predict_begin(self, logs: dict | None = None) -> None:
        """At the start of a prediction."""

    def on_predict_end(self, logs: dict | None = None) -> None:
        """At the end of a prediction."""


class History(Callback):
    """Keeps the metrics of every epoch.

    `fit` makes one and returns it.

    Attributes:
        history: metric name -> list of floats, one an epoch.
        epoch: the numbers of the epochs.
    """

    _remembered = ("epoch", "history")

    def __init__(self) -> None:
        super().__init__()
        self.history: dict[str, list] = {}
        self.epoch: list[int] = []

    def on_train_begin(self, logs: dict | None = None) -> None:
        self.epoch = []

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)
        if self.model is not None:
            self.model.history = self

    def plot(self, metrics: Any = None, path: Any = None) -> None:
        """Draw the curves; without a screen, print them in characters. See `lamella.visualization.plot_history`.

        Args:
            metrics: the names to draw, without `val_`; all by default.
            path: a file to write instead of showing; its ending says the format.
        """
        from lamella.visualization._curves import plot_history

        plot_history(self, metrics, path)


def verbosity(verbose: Any) -> int:
    """0, 1 or 2 for what `verbose` may be."""
    if verbose == "auto":
        return 1
    return int(verbose)


class CallbackList:
    """Callbacks that are told together, in order.

    Args:
        callbacks: a callback, or a list of them.
        add_history: add a `History` where there is none.
        add_progbar: add a `ProgbarLogger` where there is none.
        model: the model.
        **params: what is known of the run: `epochs`, `steps`, `verbose`.
    """

    def __init__(
        self,
        callbacks: Any = None,
        add_history: bool = False,
        add_progbar: bool = False,
        model: Any = None,
        **params: Any,
    ):
        if callbacks is None:
            self.callbacks: list[Callback] = []
        elif isinstance(callbacks, Iterable):
            self.callbacks = [c for item in callbacks for c in (item if isinstance(item, (list, tuple)) else [item])]
        else:
            self.callbacks = [callbacks]
        self.params: dict[str, Any] = {}
        self._history: History | None = next((c for c in self.callbacks if isinstance(c, History)), None)
        if add_history and self._history is None:
            self._history = History()
            self.callbacks.append(self._history)
        if add_progbar and not any(type(c).__name__ == "ProgbarLogger" for c in self.callbacks):
            from lamella.training._progress import ProgbarLogger

            self.callbacks.append(ProgbarLogger())
        if model is not None:
            self.set_model(model)
        if params:
            self.set_params(params)

    def append(self, callback: Callback) -> None:
        """Add a callback at the end."""
        self.callbacks.append(callback)

    def set_params(self, params: dict[str, Any]) -> None:
        """Tell all what is known of the run."""
        self.params = params
        for callback in self.callbacks:
            callback.set_params(params)

    def set_model(self, model: Any) -> None:
        """Tell all the model."""
        self._model = model
        if self._history is not None:
            model.history = self._history
        for callback in self.callbacks:
            callback.set_model(model)

    @property
    def model(self) -> Any:
        """The model."""
        return getattr(self, "_model", None)

    def listeners(self, mode: str) -> list[Callback]:
        """The callbacks that override a batch hook of `mode`: "train", "test" or "predict"."""
        return [c for c in self.callbacks if any(_overrides(c, hook) for hook in _BATCH_HOOKS[mode])]

    def needs_every_step(self, mode: str) -> list[Callback]:
        """Those of `listeners(mode)` that may act on what they hear, so every step must be over when they do."""
        return [c for c in self.listeners(mode) if not getattr(c, "reads_only", False)]

    def _tell(self, hook: str, *args: Any) -> None:
        for callback in sorted(self.callbacks, key=lambda c: getattr(c, "told_last", False)):
            getattr(callback, hook)(*args)

    def on_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Tell all that a step of training begins."""
        self._tell("on_batch_begin", batch, logs or {})

    def on_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Tell all that a step of training is over."""
        self._tell("on_batch_end", batch, logs or {})

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Tell all that an epoch begins."""
        self._tell("on_epoch_begin", epoch, logs or {})

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Tell all that an epoch is over."""
        self._tell("on_epoch_end", epoch, logs or {})

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Tell all that a step of training begins."""
        self._tell("on_train_batch_begin", batch, logs or {})

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Tell all that a step of training is over."""
        self._tell("on_train_batch_end", batch, logs or {})

    def on_test_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Tell all that a step of evaluation begins."""
        self._tell("on_test_batch_begin", batch, logs or {})

    def on_test_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Tell all that a step of evaluation is over."""
        self._tell("on_test_batch_end", batch, logs or {})

    def on_predict_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Tell all that a step of prediction begins."""
        self._tell("on_predict_batch_begin", batch, logs or {})

    def on_predict_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Tell all that a step of prediction is over."""
        self._tell("on_predict_batch_end", batch, logs or {})

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Tell all that training begins."""
        self._tell("on_train_begin", logs or {})

    def on_train_end(self, logs: dict | None = None) -> None:
        """Tell all that training is over."""
        self._tell("on_train_end", logs or {})

    def on_test_begin(self, logs: dict | None = None) -> None:
        """Tell all that an evaluation begins."""
        self._tell("on_test_begin", logs or {})

    def on_test_end(self, logs: dict | None = None) -> None:
        """Tell all that an evaluation is over."""
        self._tell("on_test_end", logs or {})

    def on_predict_begin(self, logs: dict | None = None) -> None:
        """Tell all that a prediction begins."""
        self._tell("on_predict_begin", logs or {})

    def on_predict_end(self, logs: dict | None = None) -> None:
        """Tell all that a prediction is over."""
        self._tell("on_predict_end", logs or {})


def _overrides(callback: Any, hook: str) -> bool:
    listens = getattr(callback, "listens_to", None)
    if listens is not None:
        return hook in listens()
    method = getattr(callback, hook, None)
    if method is None:
        return False
    function = getattr(method, "__func__", method)
    return function is not getattr(Callback, hook)


@contextlib.contextmanager
def telling(callbacks: CallbackList, mode: str) -> Any:
    """Begin and end of a run of `mode`, told to all; the end also when the run is interrupted."""
    getattr(callbacks, f"on_{mode}_begin")()
    yield
