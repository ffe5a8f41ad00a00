"""Many steps as one program.

`Chunks` runs steps number `start` to `stop` of an epoch over resident data: each step gathers its batch by index,
computes, and carries the state on. The bounds are arguments, so one compiled program serves every length of chunk.
"""

import contextlib
import contextvars
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from lamella import ops
from lamella.backend import _registry
from lamella.backend._adapter import Adapter
from lamella.backend._dtypes import standardize_dtype
from lamella.core import _distribution, _tree
from lamella.errors import BackendError
from lamella.training import _foreign, _steps

# At most so many steps share one table of indices and logs; longer epochs take several, all of the same shape.
BLOCK = 4096


class Chunks:
    """The compiled loop of one kind of step of a model.

    Args:
        model: the model, built and compiled.
        kind: "train" or "test".
        every_step: whether the logs of every single step are wanted, or just the last.
        donate: whether the old state's memory may be reused.
    """

    def __init__(self, model: Any, kind: str, every_step: bool, donate: bool = True):
        self.groups = _groups(model, kind)
        self.model = model
        self.every_step = every_step
        adapter = _registry.active()
        # Where programs write variables themselves, no state goes through them.
        self._carried = () if adapter.writes_in_programs else self.groups
        pure = _steps.in_place_step(model, kind) if adapter.writes_in_programs else _steps.pure_step(model, kind)
        # Without listeners the metrics' results are worked out once a chunk, unless the step is the user's own.
        late_logs = (
            not every_step and _steps.own_step(model, kind)[0] is None and not model._overrides("compute_metrics")
        )
        step = self._step = adapter.traced(_of_batch(pure, late_logs), lambda: _effects(model))

        def chunk(state: Any, data: Any, order: Any, start: Any, stop: Any) -> tuple[Any, Any]:
            order = adapter.asarray(order)
            if late_logs:
                state = _laid_out(
                    self._carried,
                    adapter.fori_loop(start, stop, lambda i, s: step(s, data, _row(order, i))[1], state),
                )
                results = _steps.metric_results(model, self.groups[3], state[3] if state else None)
                return state, _steps.scalar_logs(results)

            logs = adapter.shape_of_result(step, state, data, _row(order, 0))[0]
            table = _table(order.shape[0] if every_step else 1, logs)

            def body(i: Any, carry: Any) -> Any:
                state, table = carry
                logs, state = step(state, data, _row(order, i))
                at = i if every_step else 0
                write = lambda rows, log: _write(rows, at, log)  # noqa: E731
                return state, _tree.map_structure(write, table, logs)

            state, table = adapter.fori_loop(start, stop, body, (state, table))
            return _laid_out(self._carried, state), table

        self.late_logs = late_logs
        self.began = 0.0  # when the program was last called, after it was compiled
        self._warming: threading.Thread | None = None
        self._warmed: set[tuple] = set()
        self._program = adapter.compile(chunk, donate=(0,) if donate else ())

    def run(self, data: Any, order: Any, start: int, stop: int) -> Any:
        """Run steps `start` to `stop`, leave the new state in the variables, and return the logs, still being computed.

        `row` reads the logs of one step from it.
        """
        if self._warming is not None and len(order) == 1:
            self._warming.join()
            self._warming = None
        arguments = (current_values(self._carried), data, order, _int32(start), _int32(stop))
        prepare = getattr(self._program, "executable", None)
        program = prepare(*arguments) if prepare is not None else self._program
        self.began = time.perf_counter()
        with interrupts_deferred():
            state, table = program(*arguments)
            put_values(self._carried, state)
        return table

    @property
    def unrecorded(self) -> str | None:
        """Why steps run as they are, where the library records them."""
        return getattr(self._step, "why_not", None)

    def warm_up(self, data: Any, order: Any) -> None:
        """Begin to compile the program for a last, smaller batch, in a thread, while others compile or run."""
        prepare = getattr(self._program, "executable", None)
        if prepare is None or order.shape in self._warmed:
            return
        self._warmed.add(order.shape)
        arguments = (current_values(self._carried), data, order, _int32(0), _int32(1))
        context = contextvars.copy_context()

        def compile_quietly() -> None:
            with contextlib.suppress(Exception):  # whatever is wrong is told when the program is run
                context.run(prepare, *arguments)

        self._warming = threading.Thread(target=compile_quietly, daemon=True)
        self._warming.start()

    def row(self, table: dict[str, np.ndarray], step: int) -> dict[str, Any]:
        """The logs after step `step`, by name, from a table that `run` returned and the host has fetched."""
        if self.late_logs:
            return {name: number(values) for name, values in sorted(table.items())}
        at = step if self.every_step else 0
        return {name: number(values[at]) for name, values in sorted(table.items())}


def _groups(model: Any, kind: str) -> tuple:
    """The variables of a step, all of a kind that the active backend can write."""
    adapter, groups = _registry.active(), _steps.state_variables(model, kind)
    if type(adapter).variable is Adapter.variable:  # it keeps plain arrays
        return groups
    for variable in (v for group in groups for v in group if not adapter.owns(v._value)):
        raise BackendError(
            f"Variable {variable.path!r} of {model.name!r} was made on the "
            f"{_registry.owner(variable._value) or 'numpy'} backend, and {adapter.name} is active now. Make and "
            "compile the model anew on the active backend, and give it the weights: `new.set_weights(old.get_weights())`."
        )
    return groups


def number(value: Any) -> Any:
    """A logged value as a float; an array where a metric is not a scalar."""
    array = np.asarray(value)
    return float(array) if array.ndim == 0 else array


def _int32(value: int) -> Any:
    return np.int32(value)


def _of_batch(step: _steps.Step, without_logs: bool) -> Any:
    """`step` as a function of the state, resident data, and which samples of it are the batch."""

    def run(state: Any, data: Any, index: Any) -> tuple[Any, Any]:
        logs, state = step(state, _samples(data, index))
        return None if without_logs else _steps.scalar_logs(logs), state

    return run


def _effects(model: Any) -> str | None:
    """What of a model, compiled with jit_compile="auto", may do more than compute, or None."""
    return None if model._jit_asked else _foreign.code_in(model)


def _name(log: Any) -> str:
    return standardize_dtype(log.dtype)


def _row(order: Any, i: Any) -> Any:
    return order[i] if isinstance(i, int) else ops.take(order, i, axis=0)


def _samples(data: Any, index: Any) -> Any:
    """Those samples of resident `data`."""
    return _tree.map_structure(lambda a: None if a is None else _gather(a, index), data)


def _table(rows: int, like: Any) -> Any:
    """Zeros for so many results like `like`."""
    return _tree.map_structure(lambda a: ops.zeros((rows, *a.shape), dtype=_name(a)), like)


def _gather(array: Any, index: Any) -> Any:
    return _distribution.batch_laid_out(_registry.active().gather_rows(array, index))


def _laid_out(groups: tuple, state: tuple) -> tuple:
    """The values of a state in the layouts of their variables."""
    return tuple(
        [_distribution.laid_out(value, variable._layout) for variable, value in zip(group, values)]
        for group, values in zip(groups, state)
    )


def _write(rows: Any, at: Any, row: Any) -> Any:
    return _registry.active().write_row(rows, at, row)


def current_values(groups: tuple) -> tuple:
    """The arrays in the variables, each a buffer of its own."""
    adapter = _registry.active()
    seen: set[int] = set()
    out = []
    for group in groups:
        values = []
        for variable in group:
            value = adapter.read(variable._value)
            if id(value) in seen:  # the same array in two variables: memory may be given away only once
                value = ops.copy(value)
            seen.add(id(value))
            values.append(value)
        out.append(values)
    return tuple(out)


def put_values(groups: tuple, state: Any) -> None:
    """Put the arrays of `state` into the variables."""
    adapter = _registry.active()
    for group, values in zip(groups, state):
        for variable, value in zip(group, values):
            if variable._layout is None:
                value = _distribution.on_one_device(value)
            variable._value = adapter.write(variable._value, value)


@contextlib.contextmanager
def interrupts_deferred() -> Iterator[None]:
    """Ctrl-C inside the block is raised after it, so that no variable is left with memory that was given away."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    caught: list[Any] = []
    before = signal.getsignal(signal.SIGINT)
    if before is None:
        yield
        return
    signal.signal(signal.SIGINT, lambda *args: caught.append(args))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if caught and callable(before):
        before(*caught[0])


class Predictor:
    """The compiled forward pass: of one batch, or of many, one after another."""

    def __init__(self, model: Any):
        self.groups = _groups(model, "predict")
        adapter = _registry.active()
        step = _steps.pure_step(model, "predict")

        def outputs(state: Any, batch: Any) -> Any:
            return step(state, _tree.map_structure(_distribution.batch_laid_out, batch))

        def several(state: Any, data: Any, order: Any, stop: Any) -> Any:
            order = adapter.asarray(order)

            def body(i: Any, carry: Any) -> Any:
                state, table = carry
                out, state = step(state, _samples(data, _row(order, i)))
                return state, _tree.map_structure(lambda rows, part: _write(rows, i, part), table, out)

            table = _table(order.shape[0], adapter.shape_of_result(step, state, _samples(data, _row(order, 0)))[0])
            state, table = adapter.fori_loop(_int32(0), stop, body, (state, table))
            return table, state

        self._program = adapter.compile(outputs)
        self._several = adapter.compile(several)

    def run(self, batch: Any) -> Any:
        """The outputs for one batch, still being computed."""
        return self._kept(*self._program(current_values(self.groups), batch))

    def run_several(self, data: Any, order: np.ndarray, count: int) -> Any:
        """The outputs for the batches in the first `count` rows of `order`, of shape `(len(order), batch, ...)`."""
        return self._kept(*self._several(current_values(self.groups), data, order, _int32(count)))

    def _kept(self, outputs: Any, state: Any) -> Any:
        put_values(self.groups[1:2], state[1:2])
        return outputs
