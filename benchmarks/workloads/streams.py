"""Batches that take as long to come as a step: an epoch, over the longer of the loading alone and the steps alone."""

from __future__ import annotations

import importlib
import importlib.util
import time
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from benchmarks import data as sources
from benchmarks._measures import Bar
from benchmarks._run import Laps, Run

# A step takes long beside the 4 to 8 ms after which a sleeping loader gets a core where XLA's threads hold them all.
STEPS = 50
BATCH_SIZE = 64
UNITS = 3072
EPOCHS = 3
PEERS = ("lamella", "keras-jax", "keras-tensorflow", "keras-torch")
COLUMNS = (
    "step",
    "stream_generator",
    "stream_heard",
    "stream_dataset",
    "stream_threads",
    "stream_processes",
    "stream_loader",
)
BARS = tuple(Bar(name, None, 1.15) for name in COLUMNS[1:])
COMPILE = {"optimizer": "adam", "loss": "mse"}
FEATURES = 256
WORKERS = 2


def model(keras: ModuleType) -> Any:
    layers = [keras.layers.Dense(UNITS, activation="relu") for _ in range(2)]
    return keras.Sequential([keras.Input((FEATURES,)), *layers, keras.layers.Dense(1)])


class Loader:
    """A batch by number, which takes `seconds` to come, as from a disk or a network: the processor is free meanwhile."""

    def __init__(self, steps: int, seconds: float):
        self.steps, self.seconds = steps, seconds
        self.x = sources.normal(BATCH_SIZE, FEATURES)

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, index: int) -> Any:
        time.sleep(self.seconds)
        return self.x, self.x[:, :1]


def in_a_data_set(library: str, loader: Loader, options: dict[str, Any]) -> Any:
    """The loader as a `PyDataset`; its copies in other processes are made by this function, too."""

    class Batches(importlib.import_module(library).utils.PyDataset):
        def __len__(self) -> int:
            return len(loader)

        def __getitem__(self, index: int) -> Any:
            return loader[index]

        def __reduce__(self) -> Any:
            return in_a_data_set, (library, loader, options)

    return Batches(**options)


def measure(run: Run) -> dict[str, float | None]:
    """For each kind of stream the steady epoch, over the longer of the two that it is made of, measured beside it."""
    keras = run.library
    network = model(keras)
    network.compile(**COMPILE)
    x = sources.normal(STEPS * BATCH_SIZE, FEATURES)
    callback = listener(keras)

    def steady(x: Any, *heard: Any, **arguments: Any) -> float:
        laps = Laps()

        class Epochs(keras.callbacks.Callback):
            def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
                float((logs or {})["loss"])
                laps.mark()

        laps.mark()
        network.fit(x, **arguments, epochs=EPOCHS, verbose=0, callbacks=[Epochs(), *heard])
        return laps.steady or laps.first

    def alone(*heard: Any) -> float:
        return steady(x, *heard, y=x[:, :1], batch_size=BATCH_SIZE)

    def share(make: Callable[[float], Any], workers: int, *heard: Any) -> float:
        seconds = workers * alone(*heard) / STEPS
        measured = steady(make(seconds), *heard, steps_per_epoch=STEPS)
        return measured / max(alone(*heard), loading(seconds) / workers)

    def data_set(**options: Any) -> Callable[[float], Any]:
        return lambda seconds: in_a_data_set(keras.__name__, Loader(STEPS, seconds), options)

    measures: dict[str, float | None] = {
        "step": alone() / STEPS,
        "stream_generator": share(generator, 1),
        "stream_heard": share(generator, 1, callback),
        "stream_dataset": share(data_set(), 1),
        "stream_threads": share(data_set(workers=WORKERS), WORKERS),
    }
    if run.peer == "lamella":  # Keras forks processes that use threads, which may hang
        measures["stream_processes"] = share(data_set(workers=WORKERS, use_multiprocessing=True), WORKERS)
    if importlib.util.find_spec("torch") is not None:
        measures["stream_loader"] = share(torch_loader, WORKERS)
    return measures


def loading(seconds: float) -> float:
    """An epoch of loading by one worker, without a step."""
    start = time.perf_counter()
    for _ in zip(range(STEPS), generator(seconds)):
        pass
    return time.perf_counter() - start


def generator(seconds: float) -> Iterator[Any]:
    loader = Loader(STEPS, seconds)
    while True:
        for index in range(STEPS):
            yield loader[index]


def torch_loader(seconds: float) -> Any:
    from torch.utils.data import DataLoader

    return DataLoader(
        Loader(STEPS, seconds),  # type: ignore[arg-type]
        batch_size=None,
        num_workers=WORKERS,
        multiprocessing_context="spawn",
        persistent_workers=True,
    )


def listener(keras: ModuleType) -> Any:
    """A callback that might act on what it sees after every step."""

    class Listener(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
            pass

    return Listener()
