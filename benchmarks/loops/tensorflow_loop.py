"""A training step in TensorFlow as its users write it by hand: variables, a tape, Adam, all in one `tf.function`."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import tensorflow as tf

from benchmarks._run import Trained

LOSSES: dict[str, Callable] = {
    "categorical_crossentropy": tf.nn.softmax_cross_entropy_with_logits,
    "sparse_categorical_crossentropy": tf.nn.sparse_softmax_cross_entropy_with_logits,
}


def fit(
    workload: ModuleType,
    library: ModuleType,
    x: Any,
    y: Any,
    *,
    epochs: int,
    mark: Callable[[], None],
    verbose: int = 0,
) -> Trained:
    """The workload's `tensorflow_model`, which returns logits, under its loss and Adam with Keras's defaults."""
    tf.random.set_seed(0)
    weights, forward = workload.tensorflow_model()
    loss_of = LOSSES[workload.COMPILE["loss"]]
    means, squares = ([tf.Variable(tf.zeros_like(w)) for w in weights] for _ in range(2))
    steps, total, correct = (tf.Variable(0.0) for _ in range(3))
    inputs, targets = tf.constant(x), tf.constant(y)

    def logits_and_right(inputs: Any, targets: Any) -> tuple[Any, Any]:
        logits = forward(weights, inputs)
        wanted = targets if targets.shape.rank == 1 else tf.argmax(targets, -1, tf.int32)
        right = tf.equal(tf.argmax(logits, -1, tf.int32), tf.cast(wanted, tf.int32))
        return logits, tf.reduce_sum(tf.cast(right, tf.float32))

    @tf.function
    def step(index: tf.Tensor) -> None:
        batch, wanted = tf.gather(inputs, index), tf.gather(targets, index)
        with tf.GradientTape() as tape:
            logits, right = logits_and_right(batch, wanted)
            loss = tf.reduce_mean(loss_of(wanted, logits))
        steps.assign_add(1.0)
        rate = 0.001 * tf.sqrt(1 - 0.999**steps) / (1 - 0.9**steps)
        for w, mean, square, grad in zip(weights, means, squares, tape.gradient(loss, weights)):
            mean.assign_add((grad - mean) * 0.1)
            square.assign_add((grad * grad - square) * 0.001)
            w.assign_sub(rate * mean / (tf.sqrt(square) + 1e-7))
        total.assign_add(loss * tf.cast(tf.size(index), tf.float32))
        correct.assign_add(right)

    random = np.random.default_rng(0)
    logs: dict[str, float] = {}
    mark()
    for _ in range(epochs):
        total.assign(0.0)
        correct.assign(0.0)
        order = random.permutation(len(x)).astype("int32")
        for start in range(0, len(x), workload.BATCH_SIZE):
            step(tf.constant(order[start : start + workload.BATCH_SIZE]))
        logs = {"loss": float(total) / len(x), "accuracy": float(correct) / len(x)}
        mark()

    def evaluate(x: Any, y: Any) -> dict[str, float]:
        logits, right = logits_and_right(tf.constant(x), tf.constant(y))
        return {"loss": float(tf.reduce_mean(loss_of(y, logits))), "accuracy": float(right) / len(x)}

    return Trained(logs, evaluate)
