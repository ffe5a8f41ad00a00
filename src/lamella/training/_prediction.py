"""`predict`: the forward pass over a source of batches."""

import itertools
import time
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from lamella.backend import _registry
from lamella.core import _tree
from lamella.data._sources import StreamSource, make_source
from lamella.training._ahead import BYTES, STEPS, groups_of
from lamella.training._callback import CallbackList, verbosity
from lamella.training._loop import limit_of
from lamella.training._preparation import prepare

QUICK = 0.002  # seconds below which a batch is worth a loop in the program, which is a second one to compile
SINGLE = 4  # batches that are run by themselves, and timed, before that
LONG = 32  # batches that make it worth while


def predict(model: Any, x: Any, *, batch_size: int | None, verbose: Any, steps: int | None, callbacks: Any) -> Any:
    """The body of `Model.predict`: NumPy arrays, in the structure of the model's outputs."""
    source = make_source(x, batch_size=batch_size, steps=steps, what="predict")
    prepare(model, source, "predict")
    if not isinstance(callbacks, CallbackList):
        callbacks = CallbackList(callbacks, add_progbar=verbosity(verbose) != 0, model=model)
    limit = limit_of(steps)
    count = limit or source.steps
    callbacks.set_params({"verbose": verbose, "epochs": 1, "steps": count})
    bars: list[Any] = [c for c in callbacks.callbacks if getattr(c, "drawn_by_chunk", False)]
    eager = model.run_eagerly or not model.jit_compile

    model.stop_predicting = False
    callbacks.on_predict_begin()
    batches = _batches(source, limit)
    if eager or callbacks.listeners("predict") or not _registry.active().runs_ahead or (count or LONG) < LONG:
        step = model._eager_step("predict") if eager else model._predict_program().run
        host = list(_one_by_one(model, step, batches, callbacks, bars))
        if count is None and host and not model.stop_predicting:
            length = model.steps_per_execution or 1  # as Keras does before it sees that the stream is over
            callbacks.on_predict_batch_begin(-(-len(host) // length) * length)
    else:
        host = list(_in_groups(model, batches, limit, bars))
    callbacks.on_predict_end()
    for shown in bars:
        shown.close()
    return _joined(host)


def _joined(parts: Iterable[Any]) -> Any:
    """The outputs for several batches as one structure of arrays."""
    first, *others = parts
    return _tree.map_structure(
        lambda part, *more: np.concatenate((part, *more)) if more else np.array(part), first, *others
    )


def _one_by_one(model: Any, step: Any, batches: Iterator[Any], callbacks: Any, bars: list) -> Iterator[Any]:
    """The outputs for each batch, on the host; two batches are under way, unless somebody listens.

    Who listens is told of every `steps_per_execution` batches, and may set `stop_predicting`.
    """
    listening = bool(callbacks.listeners("predict"))
    length = model.steps_per_execution or 1

    def begun() -> Iterator[Any]:
        for first in itertools.count(0, length):
            execution = list(itertools.islice(batches, length))
            if model.stop_predicting or not execution:
                return
            callbacks.on_predict_batch_begin(first)
            outputs = [step(_on_device(batch)) for batch in execution]
            if listening:
                callbacks.on_predict_batch_end(first + length - 1, {"outputs": _joined(map(_fetched, outputs))})
            for shown in bars:
                shown.show(first + len(execution), {})
            yield from outputs

    return _later(begun(), 2)


def _in_groups(model: Any, batches: Iterator[Any], limit: int | None, bars: list) -> Iterator[Any]:
    """The outputs for groups of batches; how many a group has follows from the time and the size of the first ones."""
    program = model._predict_program()
    done = 0
    seconds = model._step_seconds.get("predict")
    size = 1
    for batch in itertools.islice(batches, SINGLE):
        began = time.perf_counter()
        outputs = _fetched(program.run(_on_device(batch)))
        took = time.perf_counter() - began
        seconds = took if seconds is None or done else min(seconds, took)
        model._step_seconds["predict"] = seconds
        size = max(1, sum(np.asarray(leaf).nbytes for leaf in _tree.flatten(outputs)))
        yield outputs
        done += 1
        for shown in bars:
            shown.show(done, {})
    most = min(STEPS, max(1, BYTES // size)) if seconds is not None and seconds < QUICK else 1

    def begun(group: tuple) -> tuple:
        nonlocal done
        data, table, count = group
        outputs = program.run(data) if len(table) == 1 else program.run_several(data, table, count)
        done += count
        for shown in bars:
            shown.show(done, {})
        return outputs, len(table) > 1, count

    for outputs, several, count in _later(map(begun, groups_of(batches, most, limit)), 1):
        yield _tree.map_structure(lambda a, n=count: a[:n].reshape(-1, *a.shape[2:]), outputs) if several else outputs


def _later(begun: Iterator[Any], under_way: int) -> Iterator[Any]:
    """What `begun` yields, fetched when so many more are under way."""
    waiting: list[Any] = []
    for outputs in begun:
        waiting.append(outputs)
        if len(waiting) > under_way:
            yield _fetched(waiting.pop(0))
    yield from map(_fetched, waiting)


def _on_device(batch: Any) -> Any:
    adapter = _registry.active()
    return _tree.map_structure(lambda a: None if a is None else adapter.asarray(a), batch)


def _fetched(outputs: Any) -> Any:
    return _tree.map_structure(lambda a: a if isinstance(a, (bool, int)) else _registry.to_numpy(a), outputs)


def _batches(source: Any, limit: int | None) -> Iterator[Any]:
    if isinstance(source, StreamSource):
        yield from source.epoch(limit)
        return
    for i in range(source.steps if limit is None else min(limit, source.steps)):
        part = slice(i * source.batch_size, (i + 1) * source.batch_size)
        yield _tree.map_structure(lambda a, part=part: None if a is None else a[part], source.data)
