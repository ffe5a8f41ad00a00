"""Lamella, and Keras on any of its backends: the same program, `compile` and `fit`."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

from benchmarks._run import Trained


def fit(
    workload: ModuleType,
    keras: ModuleType,
    x: Any,
    y: Any,
    *,
    epochs: int,
    mark: Callable[[], None],
    verbose: int = 0,
    steps_per_execution: int | None = None,
    callbacks: list[Any] | None = None,
) -> Trained:
    """The program of a user who listens to nothing but the ends of epochs, unless `callbacks` are given.

    No seed is set: Keras's `set_random_seed` imports TensorFlow wherever it is installed, whatever the
    backend, and would double the start and the memory of Keras on JAX.
    """

    class Epochs(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
            float((logs or {})["loss"])
            mark()

    model = workload.model(keras)
    execution = {} if steps_per_execution is None else {"steps_per_execution": steps_per_execution}
    model.compile(**workload.COMPILE, **execution)
    mark()
    history = model.fit(
        x,
        y,
        batch_size=workload.BATCH_SIZE,
        epochs=epochs,
        verbose=verbose,
        callbacks=callbacks if callbacks is not None else [Epochs()],
    )
    logs = {name: float(values[-1]) for name, values in history.history.items()}
    return Trained(logs, lambda x, y: model.evaluate(x, y, verbose=verbose, return_dict=True))
