"""The step of `mnist_mlp` (784-128-10, Adam, batch 50) on the other backends, beside the library's own loop."""

from __future__ import annotations

from typing import Any

from benchmarks._measures import Bar
from benchmarks.workloads.mnist_mlp import BATCH_SIZE, COMPILE, data, model, torch_model

__all__ = ["BATCH_SIZE", "COMPILE", "data", "model", "torch_model"]

EPOCHS = 4
PEERS = ("lamella-tensorflow", "tf-function", "lamella-torch", "torch")
BARS = (
    Bar("epoch", "tf-function", 1.15, subject="lamella-tensorflow"),
    Bar("epoch", "torch", 1.15, subject="lamella-torch"),
)


def tensorflow_model() -> Any:
    """The variables, and the logits as a function of them and a batch."""
    import tensorflow as tf

    def dense(rows: int, columns: int) -> list:
        limit = (6 / (rows + columns)) ** 0.5
        return [tf.Variable(tf.random.uniform((rows, columns), -limit, limit)), tf.Variable(tf.zeros(columns))]

    def forward(weights: list, x: Any) -> Any:
        w1, b1, w2, b2 = weights
        return tf.nn.relu(x @ w1 + b1) @ w2 + b2

    return [*dense(784, 128), *dense(128, 10)], forward
