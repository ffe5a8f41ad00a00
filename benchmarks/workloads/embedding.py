"""An embedding of 20,000 words in 128 features, mean of 100 words, batch 64: 27% of its rows a step."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np

from benchmarks import data as sources
from benchmarks._measures import Bar

ROWS = 1_280
WORDS = 20_000
LENGTH = 100
FEATURES = 128
BATCH_SIZE = 64
EPOCHS = 10
COMPILE = {"optimizer": "adam", "loss": "binary_crossentropy", "metrics": ["accuracy"]}
COLUMNS = ("step", "first_epoch", "to_first_epoch", "peak", "loss", "accuracy")
BARS = (Bar("step", "best peer", 1.05),)


def data(library: ModuleType) -> Any:
    """Word numbers `(rows, 100)` int32; the label `(rows, 1)` is whether their mean is above the middle."""
    x = np.random.default_rng(sources.SEED).integers(0, WORDS, (ROWS, LENGTH), dtype="int32")
    return x, (x.mean(axis=1, keepdims=True) > WORDS / 2).astype("float32")


def model(keras: ModuleType) -> Any:
    return keras.Sequential(
        [
            keras.Input((LENGTH,), dtype="int32"),
            keras.layers.Embedding(WORDS, FEATURES),
            keras.layers.GlobalAveragePooling1D(),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )


def torch_model() -> Any:
    from torch import nn

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(WORDS, FEATURES)
            self.head = nn.Linear(FEATURES, 1)

        def forward(self, x: Any) -> Any:
            return self.head(self.embedding(x).mean(dim=1))

    return Network()


def scan_model(random: Any) -> Any:
    from benchmarks.loops.scan_loop import dense

    table = random.uniform(-0.05, 0.05, (WORDS, FEATURES)).astype("float32")

    def apply(parameters: Any, x: Any) -> Any:
        table, (kernel, bias) = parameters
        return table[x].mean(axis=1) @ kernel + bias

    return (table, dense(random, FEATURES, 1)[0]), apply
