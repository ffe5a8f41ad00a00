"""Where a run of `fit` stands, and all that decides how it goes on from there."""

import contextlib
import copy
import random as python_random
from collections.abc import Iterator
from typing import Any

import numpy as np

from lamella.data._sources import ArraySource, StreamSource
from lamella.errors import SerializationError
from lamella.layers._tracking import unique
from lamella.random import _seed
from lamella.training import _steps
from lamella.training._callback import History


class Position:
    """Where a run of `fit` stands: a number of steps into an epoch.

    Its state is a tree of dicts, lists, numbers, texts and arrays. A run that is set to the state of another one computes
    from there on what the other one computed, bit for bit, where the model, the data and the callbacks are made as they
    were. Streams are read again up to the batch that comes next; one that shuffles on its own must do that by the global
    generators of Python or NumPy, whose states are kept, or by a seed.

    Args:
        model: the model in training.
        callbacks: those that are told.
        sources: where the batches of training and of validation come from; None for those that there are not.
        order: the generator that orders the samples.

    Attributes:
        epoch: the number of the epoch under way, or of the next one.
        step: how many of its steps are over.
        logs: the metrics after the last step, or of the last epoch.
        stopped: whether training was over early.
    """

    def __init__(self, model: Any, callbacks: list, sources: tuple = (None, None), order: Any = None):
        self.model = model
        self.callbacks = callbacks
        self.sources = sources
        self.order = order
        self.epoch = 0
        self.step = 0
        self.logs: dict[str, Any] = {}
        self.stopped = False
        self._kept = any(hasattr(callback, "leave") for callback in callbacks)
        self._origin: dict[str, Any] = self._data_now()
        self._found: tuple | None = None

    def at(self, epoch: int, step: int = 0, logs: dict | None = None) -> None:
        """Take note that `step` steps of `epoch` are over; where that is none, that the data stands at its beginning."""
        self.epoch, self.step, self.logs = epoch, step, dict(logs or {})
        if step == 0 and self._kept:
            self._origin = self._data_now()

    def begin(self, epoch: int) -> None:
        """Begin an epoch, or go on within it, whatever those did who were told of its beginning."""
        if self._found is not None and epoch == self.epoch and self.step > 0:
            self.set_state(*self._found)
        else:
            self.at(epoch)
        self._found = None

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Inside it the model knows its position; those who keep it are told when the block is left, however that is."""
        before, self.model._position = self.model._position, self
        try:
            yield
        finally:
            self.model._position = before
            for callback in self.callbacks:
                if hasattr(callback, "leave"):
                    callback.leave()

    def _data_now(self) -> dict[str, Any]:
        training, validation = self.sources
        return {
            "order": self._order_now(),
            "rest": training._rest if isinstance(training, ArraySource) else None,
            "taken": [s.taken if isinstance(s, StreamSource) else None for s in (training, validation)],
            "random": _generators(),
        }

    def _order_now(self) -> Any:
        source = self.sources[0]
        if isinstance(source, StreamSource) and self.order is not None:
            return source.order_state(self.order)
        return None if self.order is None else self.order.bit_generator.state

    # ---- the state -------------------------------------------------------------------------------

    def get_state(self) -> dict[str, Any]:
        """The state now, with arrays of its own."""
        data = dict(self._origin)
        if not isinstance(self.sources[0], StreamSource):  # a stream is read again from the beginning of the epoch
            data["random"] = _generators()
        variables = self._variables()
        return {
            "epoch": self.epoch,
            "step": self.step,
            "logs": self.logs,
            "stopped": bool(self.model.stop_training),
            "data": data,
            "seed": _seed.global_state(),
            "variables": {"paths": [v.path for v in variables], "values": [np.array(v.numpy()) for v in variables]},
            "callbacks": [[type(c).__name__, c.get_state()] for c in self.callbacks if hasattr(c, "get_state")],
        }

    def set_state(self, state: dict[str, Any], with_history: bool = True) -> None:
        """Take the place of the run whose state this is.

        Args:
            state: what `get_state` returned.
            with_history: whether `History` has the epochs of that run too.

        Raises:
            SerializationError: when it is the state of another model; nothing is changed then.
        """
        self._found = (state, with_history)
        variables = self._variables()
        paths, values = state["variables"]["paths"], state["variables"]["values"]
        wrong = [
            f"{there} has shape {value.shape}; here stands {v.path} of shape {tuple(v.shape)}"
            for v, there, value in zip(variables, paths, values)
            if tuple(v.shape) != value.shape
        ]
        if len(variables) != len(values):
            wrong.append(f"it has {len(values)} variables, the model {len(variables)}")
        if wrong:
            raise SerializationError(
                f"The state is of another model than {self.model.name!r}, or of one that was compiled otherwise: "
                f"{'; '.join(wrong[:20])}. Make the model as it was, or begin anew in another directory."
            )
        for variable, value in zip(variables, values):
            variable.assign(value)
        self.epoch, self.step, self.logs, self.stopped = (state[k] for k in ("epoch", "step", "logs", "stopped"))
        self.model.stop_training = self.stopped
        left = copy.deepcopy(state["callbacks"])  # they may change what they are given
        for callback in self.callbacks:
            found = next((pair for pair in left if pair[0] == type(callback).__name__), None)
            if found is not None and hasattr(callback, "set_state"):
                left.remove(found)
                if with_history or not isinstance(callback, History):
                    callback.set_state(found[1])
        self._set_data(state["data"], state["seed"])

    def _variables(self) -> list[Any]:
        """All that training changes; the state of draws without a seed has a place of its own."""
        apart = {id(v) for v in _seed.carried_state()}
        groups = _steps.state_variables(self.model, "train")
        return [
            v for v in unique([*(v for group in groups for v in group), *self.model.variables]) if id(v) not in apart
        ]

    def _set_data(self, data: dict[str, Any], seed: Any) -> None:
        training, validation = self.sources
        if self.order is not None and data["order"] is not None:
            self.order.bit_generator.state = data["order"]
        if isinstance(training, ArraySource) and data["rest"] is not None:
            training._rest = data["rest"]
        for source, taken in zip((training, validation), data["taken"]):
            if isinstance(source, StreamSource) and taken is not None:
                source.go_to(taken)
        version, words, gauss = data["random"]["python"]
        python_random.setstate((version, tuple(words), gauss))
        np.random.set_state(data["random"]["numpy"])
        if seed is not None:
            _seed.set_global_state(seed)
        self._origin = self._data_now()


def _generators() -> dict[str, Any]:
    """The states of the global generators of Python and of NumPy."""
    return {"python": list(python_random.getstate()), "numpy": np.random.get_state(legacy=False)}
