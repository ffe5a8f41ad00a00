"""A table of the size of Iris: process start to trained, 150 rows of 4 features in 3 classes, 50 epochs."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import numpy as np

from benchmarks._measures import Bar
from benchmarks._run import Laps, Run

ROWS = 150
BATCH_SIZE = 25
EPOCHS = 50
VERBOSE = 0
COMPILE = {"optimizer": "adam", "loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"]}
PEERS = ("lamella", "lamella-warm", "keras-jax", "keras-tensorflow", "keras-torch", "torch", "sklearn", "scan")
COLUMNS = ("to_trained", "imported", "to_first_epoch", "epoch", "peak", "loss", "accuracy")
BARS = (
    Bar("to_trained", "best Keras", 0.5),
    Bar("to_trained", "torch", 1.0),
    Bar("to_trained", "lamella", 1.0, subject="lamella-warm"),
)


def data(library: ModuleType) -> Any:
    """Features `(rows, 4)` around the centres of three classes, and the labels `(rows,)`."""
    random = np.random.default_rng(0)
    labels = np.arange(ROWS) % 3
    return (random.normal(0, 2, (3, 4))[labels] + random.normal(0, 1, (ROWS, 4))).astype("float32"), labels


def model(keras: ModuleType) -> Any:
    hidden = keras.layers.Dense(16, activation="relu")
    return keras.Sequential([keras.Input((4,)), hidden, keras.layers.Dense(3, activation="softmax")])


def torch_model() -> Any:
    from torch import nn

    return nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 3))


def scan_model(random: Any) -> Any:
    from benchmarks.loops.scan_loop import dense, relu_network

    return dense(random, 4, 16, 3), relu_network


def sklearn_model() -> Any:
    from sklearn.neural_network import MLPClassifier

    return MLPClassifier(hidden_layer_sizes=(16,), alpha=0.0, batch_size=BATCH_SIZE, epsilon=1e-7, random_state=0)


def measure(run: Run) -> dict[str, float | None]:
    """The whole program, from the start of its process."""
    x, y = data(run.library)
    laps = Laps()
    trained = run.fit(sys.modules[__name__], x, y, epochs=EPOCHS, mark=laps.mark, verbose=VERBOSE)
    return {
        "to_trained": run.since_start(),
        "to_first_epoch": laps.times[1] - run.started,
        "epoch": laps.steady,
        **trained.logs,
    }
