"""MNIST with a convolutional network 32c3-p2-64c3-p2-dropout-10, batch 128: an epoch of 6,400 images."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from benchmarks import data as sources
from benchmarks._measures import Bar

ROWS = 6_400
BATCH_SIZE = 128
EPOCHS = 5
IMAGES = True
COMPILE = {"optimizer": "adam", "loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"]}
BARS = (Bar("epoch", "best peer", 0.92),)


def data(library: ModuleType) -> Any:
    (x, y), _ = sources.mnist(library)
    return x[:ROWS, :, :, None].astype("float32") / 255, y[:ROWS].astype("int64")


def model(keras: ModuleType) -> Any:
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(32, 3, activation="relu"),  # (26, 26, 32)
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"),  # (11, 11, 64)
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(10, activation="softmax"),
        ]
    )


def torch_model() -> Any:
    from torch import nn

    return nn.Sequential(
        nn.Conv2d(1, 32, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Dropout(0.5),
        nn.Linear(5 * 5 * 64, 10),
    )
