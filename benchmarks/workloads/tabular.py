"""A small table with a dense network 10-64-64-1, batch 32, 20,000 rows: where users wait for the host."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np

from benchmarks import data as sources
from benchmarks._measures import Bar

ROWS = 20_000
BATCH_SIZE = 32
EPOCHS = 20
COMPILE = {"optimizer": "adam", "loss": "mse"}
BARS = (Bar("epoch", "keras-jax", 1 / 7), Bar("epoch", "best peer", 0.15), Bar("peak", "keras-jax", 1.0))


def data(library: ModuleType) -> Any:
    """Features `(rows, 10)` and a smooth target with noise of variance 0.01, `(rows, 1)`."""
    x = sources.normal(ROWS, 10)
    noise = np.random.default_rng(1).normal(0, 0.1, (ROWS, 1))
    return x, (np.sin(x[:, :1]) + x[:, 1:2] * x[:, 2:3] + noise).astype("float32")


def model(keras: ModuleType) -> Any:
    return keras.Sequential(
        [
            keras.Input((10,)),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dense(1),
        ]
    )


def torch_model() -> Any:
    from torch import nn

    return nn.Sequential(nn.Linear(10, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1))


def scan_model(random: Any) -> Any:
    from benchmarks.loops.scan_loop import dense, relu_network

    return dense(random, 10, 64, 64, 1), relu_network


def sklearn_model() -> Any:
    from sklearn.neural_network import MLPRegressor

    return MLPRegressor(hidden_layer_sizes=(64, 64), alpha=0.0, batch_size=BATCH_SIZE, epsilon=1e-7, random_state=0)
