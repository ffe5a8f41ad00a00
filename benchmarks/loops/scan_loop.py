"""The limit: one `lax.scan` over the steps of an epoch, written by hand on bare jax."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks._run import Trained

Array = jax.Array


def _categorical(logits: Array, y: Array) -> Array:
    return -(jax.nn.log_softmax(logits) * y).sum(axis=-1).mean()


def _sparse(logits: Array, y: Array) -> Array:
    return -jnp.take_along_axis(jax.nn.log_softmax(logits), y[:, None], axis=-1).mean()


def _binary(logits: Array, y: Array) -> Array:
    return (jax.nn.softplus(logits) - logits * y).mean()


def _squares(outputs: Array, y: Array) -> Array:
    return jnp.square(outputs - y).mean()


LOSSES = {
    "categorical_crossentropy": _categorical,
    "sparse_categorical_crossentropy": _sparse,
    "binary_crossentropy": _binary,
    "mse": _squares,
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
    steps_per_execution: int | None = None,
) -> Trained:
    """The workload's `scan_model`, parameters and a function to logits, under its loss and Adam."""
    parameters, apply = workload.scan_model(np.random.default_rng(0))
    loss_of = LOSSES[workload.COMPILE["loss"]]
    counts_accuracy = "accuracy" in workload.COMPILE.get("metrics", ())
    steps, remainder = divmod(len(x), workload.BATCH_SIZE)
    chunk = steps_per_execution or steps
    if remainder or steps % chunk:
        raise ValueError(f"{len(x)} rows do not divide into chunks of {chunk} batches of {workload.BATCH_SIZE}.")

    def loss_and_correct(parameters: Any, x: Array, y: Array) -> tuple[Array, Array]:
        logits = apply(parameters, x)
        if not counts_accuracy:
            return loss_of(logits, y), jnp.zeros(())
        guesses = logits.argmax(axis=-1) if logits.shape[-1] > 1 else logits > 0
        labels = y.argmax(axis=-1) if y.ndim == 2 and y.shape[-1] > 1 else y
        return loss_of(logits, y), (guesses == labels).sum()

    def train(state: Any, x: Array, y: Array, order: Array) -> tuple[Any, tuple[Array, Array]]:
        def step(state: Any, index: Array) -> tuple[Any, tuple[Array, Array]]:
            parameters, means, squares, count = state
            (loss, correct), grads = jax.value_and_grad(loss_and_correct, has_aux=True)(parameters, x[index], y[index])
            # Kingma and Ba (2015), arXiv:1412.6980, the faster order at the end of section 2.
            count = count + 1
            rate = 1e-3 * jnp.sqrt(1 - 0.999**count) / (1 - 0.9**count)
            means = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, means, grads)
            squares = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, squares, grads)
            parameters = jax.tree.map(lambda p, m, v: p - rate * m / (jnp.sqrt(v) + 1e-7), parameters, means, squares)
            return (parameters, means, squares, count), (loss, correct)

        return jax.lax.scan(step, state, order)

    zeros = jax.tree.map(np.zeros_like, parameters)
    state = jax.device_put((parameters, zeros, jax.tree.map(np.copy, zeros), np.float32(0)))
    train = jax.jit(train, donate_argnums=0)
    shuffle = np.random.default_rng(0)
    logs: dict[str, float] = {}
    mark()
    inputs, targets = jax.device_put((x, y))
    for _ in range(epochs):
        order = shuffle.permutation(len(x)).astype("int32").reshape(-1, chunk, workload.BATCH_SIZE)
        losses, corrects = [], []
        for indices in order:
            state, (loss, correct) = train(state, inputs, targets, indices)
            losses.append(loss)
            corrects.append(correct)
        logs = {"loss": float(np.concatenate(losses).mean())}
        if counts_accuracy:
            logs["accuracy"] = float(np.concatenate(corrects).sum() / len(x))
        mark()

    def evaluate(x: Any, y: Any) -> dict[str, float]:
        loss, correct = jax.jit(loss_and_correct)(state[0], x, y)
        return {"loss": float(loss)} | ({"accuracy": float(correct) / len(x)} if counts_accuracy else {})

    return Trained(logs, evaluate)


def glorot(random: np.random.Generator, fan_in: int, fan_out: int) -> np.ndarray:
    """A Glorot uniform kernel, `(fan_in, fan_out)` float32."""
    bound = (6 / (fan_in + fan_out)) ** 0.5
    return random.uniform(-bound, bound, (fan_in, fan_out)).astype("float32")


def dense(random: np.random.Generator, *sizes: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """The kernels and biases of dense layers from each size to the next."""
    return [(glorot(random, n, m), np.zeros(m, "float32")) for n, m in pairwise(sizes)]


def relu_network(parameters: list[tuple[Array, Array]], x: Array) -> Array:
    """Dense layers with relu between them; the last one linear."""
    *hidden, (kernel, bias) = parameters
    for hidden_kernel, hidden_bias in hidden:
        x = jax.nn.relu(x @ hidden_kernel + hidden_bias)
    return x @ kernel + bias
