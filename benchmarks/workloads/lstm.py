"""An LSTM over sequences of 100 steps, 64 -> 128, batch 32."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from benchmarks import data as sources
from benchmarks._measures import Bar

ROWS = 640
STEPS = 100
FEATURES = 64
UNITS = 128
BATCH_SIZE = 32
EPOCHS = 10
COMPILE = {"optimizer": "adam", "loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"]}
COLUMNS = ("step", "first_epoch", "to_first_epoch", "peak", "loss", "accuracy")
BARS = (Bar("step", "best peer", 1.2),)


def data(library: ModuleType) -> Any:
    x = sources.normal(ROWS, STEPS, FEATURES)
    return x, sources.classes_of(x, 10)


def model(keras: ModuleType) -> Any:
    return keras.Sequential(
        [
            keras.Input((STEPS, FEATURES)),
            keras.layers.LSTM(UNITS),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )


def torch_model() -> Any:
    from torch import nn

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.recurrent = nn.LSTM(FEATURES, UNITS, batch_first=True)
            self.head = nn.Linear(UNITS, 10)

        def forward(self, x: Any) -> Any:
            return self.head(self.recurrent(x)[0][:, -1])

    return Network()


def scan_model(random: Any) -> Any:
    """Inputs projected in one product before the loop; the gradient is autodiff's, so not quite the limit."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    from benchmarks.loops.scan_loop import dense, glorot

    parameters = {
        "kernel": glorot(random, FEATURES, 4 * UNITS),
        "recurrent": glorot(random, UNITS, 4 * UNITS),
        "bias": np.zeros(4 * UNITS, "float32"),
        "head": dense(random, UNITS, 10)[0],
    }

    def apply(parameters: Any, x: Any) -> Any:
        projected = jnp.swapaxes(x, 0, 1) @ parameters["kernel"] + parameters["bias"]  # (time, batch, 4 units)

        def step(state: Any, z: Any) -> Any:
            hidden, cell = state
            entry, forget, candidate, exit_ = jnp.split(z + hidden @ parameters["recurrent"], 4, axis=-1)
            cell = jax.nn.sigmoid(forget) * cell + jax.nn.sigmoid(entry) * jnp.tanh(candidate)
            return (jax.nn.sigmoid(exit_) * jnp.tanh(cell), cell), None

        zeros = jnp.zeros((x.shape[0], UNITS))
        (hidden, _), _ = jax.lax.scan(step, (zeros, zeros), projected)
        kernel, bias = parameters["head"]
        return hidden @ kernel + bias

    return parameters, apply
