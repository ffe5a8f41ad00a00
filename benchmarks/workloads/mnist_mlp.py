"""MNIST with a dense network 784-128-10, batch 50: the tutorial's job, an epoch of 60,000 images."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from benchmarks import data as sources
from benchmarks._measures import Bar

BATCH_SIZE = 50
EPOCHS = 10
COMPILE = {"optimizer": "adam", "loss": "categorical_crossentropy", "metrics": ["accuracy"]}
BARS = (
    Bar("epoch", "keras-jax", 1 / 2.3),
    Bar("epoch", "keras-tensorflow", 1 / 8),
    Bar("epoch", "keras-torch", 1 / 12),
    Bar("epoch", "torch", 1 / 2.5),
    Bar("peak", "keras-jax", 1.0),
)


def data(library: ModuleType) -> Any:
    return sources.mnist_pixels(library)


def model(keras: ModuleType) -> Any:
    model = keras.models.Sequential()
    model.add(keras.layers.Flatten(input_shape=(28 * 28,)))
    model.add(keras.layers.Dense(128, activation="relu"))
    model.add(keras.layers.Dense(10, activation="softmax"))
    return model


def torch_model() -> Any:
    from torch import nn

    return nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))


def scan_model(random: Any) -> Any:
    from benchmarks.loops.scan_loop import dense, relu_network

    return dense(random, 784, 128, 10), relu_network


def sklearn_model() -> Any:
    from sklearn.neural_network import MLPClassifier

    return MLPClassifier(hidden_layer_sizes=(128,), alpha=0.0, batch_size=BATCH_SIZE, epsilon=1e-7, random_state=0)
