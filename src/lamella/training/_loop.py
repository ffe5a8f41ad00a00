"""`fit` and `evaluate`: one loop for every backend."""

import collections
import itertools
import logging
import time
import warnings
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np

from lamella.backend import _registry
from lamella.core import _config, _tree
from lamella.core._scopes import StatelessScope
from lamella.data._sources import ArraySource, StreamSource, make_source, split_validation
from lamella.errors import ArgumentError, DataError
from lamella.layers._call import observing
from lamella.training import _steps
from lamella.training._ahead import STEPS, Ahead, groups_of
from lamella.training._callback import CallbackList, History, verbosity
from lamella.training._plan import Plan, plan_for
from lamella.training._position import Position
from lamella.training._preparation import prepare
from lamella.training._programs import BLOCK, current_values, number, put_values

_log = logging.getLogger("lamella")


class Run:
    """One pass of steps of one kind, "train" or "test", over a source: an epoch, or an evaluation."""

    def __init__(self, model: Any, kind: str, callbacks: CallbackList):
        self.model = model
        self.kind = kind
        self.callbacks = callbacks
        self.plan: Plan = plan_for(model, callbacks, kind, model._step_seconds.get(kind))
        self.listening = bool(callbacks.listeners(kind))
        self.bars: list[Any] = [c for c in callbacks.callbacks if getattr(c, "drawn_by_chunk", False)]
        self.eager = model.run_eagerly or not model.jit_compile
        self.step = 0
        self.guards: list[Any] = (
            [c for c in callbacks.callbacks if getattr(c, "halts_on_nan", False)] if kind == "train" else []
        )
        self.position: Any = model._position if kind == "train" else None
        self.keepers: list[Any] = [c for c in callbacks.callbacks if hasattr(c, "is_due")] if self.position else []
        self._pending: collections.deque = collections.deque()
        self._logs: dict[str, Any] = {}
        self._last_end = 0.0
        self._told = False  # that a program of `plan.fixed` steps began
        self._ahead: Ahead | None = None

    def arrays(self, source: ArraySource, limit: int | None, random: Any, more: bool = False) -> dict[str, Any]:
        """Run an epoch over arrays; returns the logs of its last step. With `more`, another one is to come."""
        data = source.resident()
        order = source.next_order(limit, random) if self.kind == "train" else source.order(random)
        batch = source.batch_size
        order = order if limit is None else order[: limit * batch]
        whole, steps = len(order) // batch, -(-len(order) // batch)
        tables = []
        for begin in range(0, min(whole, steps), BLOCK):
            end = min(begin + BLOCK, whole, steps)
            table = order[begin * batch : end * batch].reshape(end - begin, batch)
            if whole > BLOCK and end - begin < BLOCK:  # the last block has the shape of the others
                table = np.concatenate([table, np.zeros((BLOCK - len(table), batch), table.dtype)])
            tables.append((table, end - begin))
        if steps > whole:
            tables.append((order[whole * batch :].reshape(1, -1), 1))
        if len(tables) > 1 and tables[-1][0].shape != tables[0][0].shape and not self.eager:
            self._chunks_program().warm_up(data, tables[-1][0])
        over = self.step
        for table, count in tables:
            self._chunks(data, table, count, min(over, count))
            over -= min(over, count)
            if self.stopped:
                break
        if more and limit is None and not self.keepers:  # who keeps the state keeps that of the generator
            source.draw_ahead(random)
        return self._finish()

    def stream(self, source: StreamSource, limit: int | None) -> dict[str, Any]:
        """Run an epoch over a stream; returns the logs of its last step."""
        batches = itertools.islice(source.epoch(limit), self.step, None)
        self._ahead = Ahead(groups_of(batches, self._group_limit(), limit))
        for data, table, count in self._ahead:
            self._chunks(data, table, count)
            if self.stopped:
                return self._finish()
        logs = self._finish()
        if self.listening and self.step and limit is None and source.steps is None:
            # As Keras does before it sees that a stream of unknown length is over.
            self._tell_begin(self._execution_end)
        return logs

    @property
    def stopped(self) -> bool:
        """Whether somebody asked the model to stop."""
        return self.model.stop_training if self.kind == "train" else self.model.stop_evaluating

    def _group_limit(self) -> int:
        return self.plan.fixed if self.plan.fixed is not None else STEPS

    def _chunks_program(self) -> Any:
        return self.model._chunks_program(self.kind, self.listening or bool(self.guards), not self.guards)

    def _chunks(self, data: Any, table: np.ndarray, count: int, at: int = 0) -> None:
        if self.eager:
            self._one_by_one(data, table[at:count])
            return
        program = self._chunks_program()
        while at < count:
            length = self.plan.next(count - at, self.step)
            if self.plan.fixed is None:
                length = min([length, *(keeper.steps_left() for keeper in self.keepers)])
            self._tell_execution_begin()
            chunk = Chunk(program, self.step, at, length, data, table)
            if self.guards:
                chunk.before = current_values(program.groups)
            chunk.logs = program.run(data, table, at, at + length)
            chunk.began = program.began
            self.plan.unrecorded = program.unrecorded
            self._pending.append(chunk)
            self.step += length
            at += length
            if self._ahead is not None and at == count:
                self._ahead.fetch()
            while len(self._pending) > (0 if self.plan.fixed is not None or self.guards else 1):
                self._take_logs()
            self._keep(length)
            if self.stopped:
                break

    def _keep(self, steps: int) -> None:
        """Tell those who keep the state of training, when `steps` more steps have begun."""
        due = [keeper for keeper in self.keepers if keeper.is_due(steps)]
        if not due:
            return
        while self._pending:
            self._take_logs()
        if not self._told and not self.stopped:
            self.position.at(self.position.epoch, self.step, self._logs)
            for keeper in due:
                keeper.keep()

    def _one_by_one(self, data: Any, table: np.ndarray) -> None:
        step = self.model._eager_step(self.kind)
        for index in table:
            batch = _tree.map_structure(lambda a, i=index: None if a is None else _rows(a, i), data)
            self._tell_execution_begin()
            logs = _steps.scalar_logs(step(batch))
            self.step += 1
            self._logs = to_python(logs)
            if self.step % self.plan.fixed == 0:  # type: ignore[operator]
                self._tell_execution_end(self.step)
            self._show(self._logs)
            self._keep(1)
            if self.stopped:
                break

    def _take_logs(self) -> None:
        """Wait for the oldest chunk under way, and tell what it logged."""
        chunk = self._pending.popleft()
        program, first, at, length = chunk.program, chunk.first, chunk.at, chunk.length
        table = {name: _registry.to_numpy(value) for name, value in chunk.logs.items()}
        if self.plan.fixed is None:
            self.plan.finished(length, max(chunk.began, self._last_end))
            self._last_end = time.perf_counter()
            self.model._step_seconds[self.kind] = self.plan.seconds_per_step
        if self.guards and (halt := first_not_finite(table, at, length)) is not None:
            self._halt(chunk, halt)
            self._logs = dict(sorted({**self._logs, "loss": float(table["loss"][halt])}.items()))
            return
        if self.listening and self.plan.fixed is None:
            for i in range(length):
                self._tell_begin(first + i)
                self._tell_end(first + i, program.row(table, at + i))
        self._logs = program.row(table, at + length - 1)
        if self.plan.fixed is not None and (first + length) % self.plan.fixed == 0:
            self._tell_execution_end(first + length)
        self._show(self._logs, first + length)

    def _halt(self, chunk: "Chunk", at: int) -> None:
        """Go back to the state before step `at` of the chunk, and tell those who watch for this."""
        put_values(chunk.program.groups, chunk.before)
        if at > chunk.at:
            chunk.logs = chunk.program.run(chunk.data, chunk.table, chunk.at, at)
            table = {name: _registry.to_numpy(value) for name, value in chunk.logs.items()}
            self._logs = chunk.program.row(table, at - 1)
        step = chunk.first + at - chunk.at
        layer = first_layer_not_finite(self.model, chunk.data, chunk.table[at])
        self.step = step
        for guard in self.guards:
            guard.halted(step, layer)

    def _tell_begin(self, step: int) -> None:
        getattr(self.callbacks, f"on_{self.kind}_batch_begin")(step)

    def _tell_end(self, step: int, logs: dict) -> None:
        getattr(self.callbacks, f"on_{self.kind}_batch_end")(step, dict(logs))

    def _show(self, logs: dict[str, Any], step: int | None = None) -> None:
        for bar in self.bars:
            bar.show(self.step if step is None else step, logs)

    def _finish(self) -> dict[str, Any]:
        while self._pending:
            self._take_logs()
        if self._told:  # fewer steps than `steps_per_execution` were left
            self._tell_execution_end(self._execution_end)
        return self._logs

    @property
    def _execution_end(self) -> int:
        """The step after the execution under way, as if no steps were lacking from it."""
        length = self.plan.fixed or 1
        return -(-self.step // length) * length

    def _tell_execution_begin(self) -> None:
        if self.plan.fixed is not None and not self._told:
            self._tell_begin(self.step)
            self._told = True

    def _tell_execution_end(self, stop: int) -> None:
        self._told = False
        self._tell_end(stop - 1, self._logs)


@dataclass
class Chunk:
    """Steps under way: which, over what, and the state before them where that is kept."""

    program: Any
    first: int
    at: int
    length: int
    data: Any
    table: Any
    logs: Any = None
    before: Any = None
    began: float = 0.0


def _rows(array: Any, index: np.ndarray) -> Any:
    return array[index] if isinstance(array, np.ndarray) else _registry.active().gather_rows(array, index)


def first_not_finite(table: dict[str, Any], at: int, length: int) -> int | None:
    """The first of the steps `at` to `at + length` whose loss is not finite, or None."""
    loss = table.get("loss")
    if loss is None:
        return None
    bad = ~np.isfinite(loss[at : at + length])
    return at + int(bad.argmax()) if bad.any() else None


def first_layer_not_finite(model: Any, data: Any, index: np.ndarray) -> str | None:
    """The name of the first layer whose output for the batch `index` of `data` is not finite, or None."""
    found: list[str] = []

    def told(layer: Any, outputs: Any) -> None:
        if not found and any(
            not np.all(np.isfinite(np.asarray(_registry.to_numpy(o), np.float32))) for o in _tree.flatten(outputs)
        ):
            found.append(layer.name)

    x = _tree.map_structure(lambda a: None if a is None else _rows(a, index), data[0])
    mapping = [(v, v._value) for v in model.variables]  # what a forward pass assigns is not kept
    with StatelessScope(mapping), observing(told):
        _steps.call_model(model, x, training=True)
    return found[0] if found else None


def to_python(logs: dict[str, Any]) -> dict[str, Any]:
    """Logs as floats, in the order of their names; arrays where a metric is not a scalar."""
    return {name: number(_registry.to_numpy(value)) for name, value in sorted(logs.items())}


def fit(
    model: Any,
    x: Any,
    y: Any,
    *,
    batch_size: int | None,
    epochs: int,
    verbose: Any,
    callbacks: Any,
    validation_split: float,
    validation_data: Any,
    shuffle: Any,
    class_weight: dict | None,
    sample_weight: Any,
    initial_epoch: int,
    steps_per_epoch: int | None,
    validation_steps: int | None,
    validation_batch_size: int | None,
    validation_freq: Any,
    keeper: Any = None,
) -> History:
    """The body of `Model.fit`."""
    if isinstance(validation_freq, str) or not (
        _is_integer(validation_freq) or isinstance(validation_freq, Collection)
    ):
        raise ArgumentError(
            f"`validation_freq` must be an integer (every so many epochs) or a list of epochs, counted from 1; got "
            f"{validation_freq!r}."
        )
    if _config.max_epochs() is not None:
        epochs = min(epochs, _config.max_epochs())  # type: ignore[type-var]
    if validation_split and validation_data is None:
        (x, y, sample_weight), validation_data = split_validation(x, y, sample_weight, validation_split)
    source = make_source(
        x,
        y,
        sample_weight,
        batch_size=batch_size,
        shuffle=shuffle,
        class_weight=class_weight,
        steps=steps_per_epoch,
        what="fit",
    )
    limit = limit_of(steps_per_epoch)
    validation = None
    if validation_data is not None:
        validation = _validation_source(validation_data, validation_batch_size or batch_size, validation_steps)
    order = np.random.default_rng(np.random.randint(2**31, dtype=np.int64))
    if shuffle and isinstance(source, StreamSource):
        source.shuffle(order)
    prepare(model, source, "fit")
    if isinstance(validation, ArraySource):
        prepare(model, validation, "evaluate")

    if not isinstance(callbacks, CallbackList):
        callbacks = CallbackList(callbacks, add_history=True, add_progbar=verbosity(verbose) != 0, model=model)
    if keeper is not None:
        callbacks = CallbackList([*callbacks.callbacks, keeper], model=model)
    callbacks.set_params({"verbose": verbose, "epochs": epochs, "steps": limit or source.steps})
    history = next(c for c in callbacks.callbacks if isinstance(c, History))
    position = Position(model, callbacks.callbacks, (source, validation), order)
    position.at(initial_epoch)
    with position.held():
        _epochs(model, callbacks, position, epochs, limit, limit_of(validation_steps), validation_freq)
    return history


def _epochs(
    model: Any,
    callbacks: CallbackList,
    position: Position,
    epochs: int,
    limit: int | None,
    validation_limit: int | None,
    validation_freq: Any,
) -> None:
    """Train from a position on, up to the epoch `epochs`."""
    source, validation = position.sources
    first = position.epoch
    model.stop_training = False
    try:
        callbacks.on_train_begin()  # here a callback may bring back a run that was interrupted
        first = max(first, position.epoch)
        logs: dict[str, Any] = position.logs
        for epoch in range(first, first if position.stopped else epochs):
            model.reset_metrics()
            if isinstance(source, StreamSource):
                source.begin_epoch()
            callbacks.on_epoch_begin(epoch)
            position.begin(epoch)
            run = Run(model, "train", callbacks)
            run.step, run._logs = position.step, position.logs
            model._last_plan = run.plan
            _log.debug("%s, epoch %d: %s", model.name, epoch + 1, run.plan)
            if isinstance(source, ArraySource):
                logs = run.arrays(source, limit, position.order, more=epoch + 1 < epochs)
            else:
                logs = run.stream(source, limit)
                if run.step < (limit or 1) and not model.stop_training:
                    _ran_out(epoch - first, run.step, limit)
                if run.step == 0:
                    break
                if limit is None and source.steps is None:
                    source.steps = run.step
                    callbacks.params["steps"] = run.step
            if isinstance(source, StreamSource):
                source.end_epoch()
            if validation is not None and _is_due(epoch, validation_freq):
                model.reset_metrics()
                val_logs = _evaluate_source(model, validation, callbacks, validation_limit)
                logs = dict(sorted({**logs, **{f"val_{name}": value for name, value in val_logs.items()}}.items()))
            position.at(epoch + 1, 0, logs)
            callbacks.on_epoch_end(epoch, dict(logs))
            if model.stop_training:
                break
        if epochs > 0 and model.optimizer is not None and model.trainable_variables:
            model.optimizer.finalize_variable_values(model.trainable_variables)
    finally:
        drawn: list[Any] = [c for c in callbacks.callbacks if hasattr(c, "drawn_by_chunk")]
        for shown in drawn:
            shown.close()
    callbacks.on_train_end(dict(logs))


def _ran_out(epochs: int, steps: int, limit: int | None) -> None:
    """Tell that a stream was over before the epoch was; `epochs` went before it.

    Raises:
        DataError: when there was nothing at all to train on.
    """
    if epochs == steps == 0:
        raise DataError("The data set yielded no batches. Does a generator need to be made anew?")
    wanted = "" if limit is None else f" of the {limit} that `steps_per_epoch` asks for"
    warnings.warn(
        f"Your input ran out of data after {steps} steps{wanted} of epoch {epochs + 1}. Give a generator that yields at "
        "least `steps_per_epoch * epochs` batches, or a data set that can be iterated over again.",
        stacklevel=4,
    )


def _validation_source(data: Any, batch_size: int | None, steps: int | None) -> Any:
    if isinstance(data, (tuple, list)) and len(data) in (1, 2, 3):
        x, y, weight = (*data, None, None)[:3]
        return make_source(x, y, weight, batch_size=batch_size, steps=steps, what="validation_data")
    return make_source(data, steps=steps, what="validation_data")


def _is_integer(value: Any) -> bool:
    return isinstance(value, (int, np.integer))


def _is_due(epoch: int, frequency: Any) -> bool:
    if _is_integer(frequency):
        return (epoch + 1) % frequency == 0
    return epoch + 1 in frequency


def limit_of(steps: int | None) -> int | None:
    """`steps`, or what the configuration allows at most."""
    most = _config.max_steps_per_epoch()
    return steps if most is None else min(steps or most, most)


def _evaluate_source(model: Any, source: Any, callbacks: CallbackList, limit: int | None) -> dict[str, Any]:
    model.stop_evaluating = False
    callbacks.on_test_begin()
    if isinstance(source, StreamSource):
        source.begin_epoch()
    run = Run(model, "test", callbacks)
    if isinstance(source, ArraySource):
        logs = run.arrays(source, limit, None)
    else:
        logs = run.stream(source, limit)
        source.end_epoch()
    callbacks.on_test_end(dict(logs))
    return logs


def evaluate(
    model: Any,
    x: Any,
    y: Any,
    *,
    batch_size: int | None,
    verbose: Any,
    sample_weight: Any,
    steps: int | None,
    callbacks: Any,
) -> dict[str, Any]:
    """The body of `Model.evaluate`: the metrics by name."""
    source = make_source(x, y, sample_weight, batch_size=batch_size, steps=steps, what="evaluate")
    prepare(model, source, "evaluate")
    if not isinstance(callbacks, CallbackList):
        callbacks = CallbackList(callbacks, add_progbar=verbosity(verbose) != 0, model=model)
    limit = limit_of(steps)
    callbacks.set_params({"verbose": verbose, "epochs": 1, "steps": limit or source.steps})
    model.reset_metrics()
    return _evaluate_source(model, source, callbacks, limit)
