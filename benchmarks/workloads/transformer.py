"""A transformer block, 4 heads over 128 positions of 128 features, feed-forward 512, batch 32."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from benchmarks import data as sources
from benchmarks._measures import Bar

ROWS = 320
POSITIONS = 128
FEATURES = 128
HEADS = 4
HIDDEN = 512
BATCH_SIZE = 32
EPOCHS = 10
COMPILE = {"optimizer": "adam", "loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"]}
COLUMNS = ("step", "first_epoch", "to_first_epoch", "peak", "loss", "accuracy")
BARS = (Bar("step", "best peer", 0.85),)


def data(library: ModuleType) -> Any:
    x = sources.normal(ROWS, POSITIONS, FEATURES)
    return x, sources.classes_of(x, 10)


def model(keras: ModuleType) -> Any:
    layers = keras.layers
    inputs = x = keras.Input((POSITIONS, FEATURES))
    normal = layers.LayerNormalization(epsilon=1e-6)(x)
    x = layers.Add()([x, layers.MultiHeadAttention(HEADS, FEATURES // HEADS)(normal, normal)])
    normal = layers.LayerNormalization(epsilon=1e-6)(x)
    x = layers.Add()([x, layers.Dense(FEATURES)(layers.Dense(HIDDEN, activation="gelu")(normal))])
    x = layers.GlobalAveragePooling1D()(x)
    return keras.Model(inputs, layers.Dense(10, activation="softmax")(x))


def torch_model() -> Any:
    from torch import nn

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.before_attention = nn.LayerNorm(FEATURES, eps=1e-6)
            self.projections = nn.Linear(FEATURES, 3 * FEATURES)
            self.output = nn.Linear(FEATURES, FEATURES)
            hidden, output = nn.Linear(FEATURES, HIDDEN), nn.Linear(HIDDEN, FEATURES)
            self.feed_forward = nn.Sequential(nn.LayerNorm(FEATURES, eps=1e-6), hidden, nn.GELU(), output)
            self.head = nn.Linear(FEATURES, 10)

        def forward(self, x: Any) -> Any:
            projected = self.projections(self.before_attention(x))
            query, key, value = projected.unflatten(-1, (3, HEADS, -1)).permute(2, 0, 3, 1, 4)
            attended = nn.functional.scaled_dot_product_attention(query, key, value)  # (batch, heads, position, size)
            x = x + self.output(attended.transpose(1, 2).flatten(2))
            return self.head((x + self.feed_forward(x)).mean(dim=1))

    return Block()


def scan_model(random: Any) -> Any:
    import jax
    import jax.numpy as jnp
    import numpy as np

    from benchmarks.loops.scan_loop import dense

    scale = (np.ones(FEATURES, "float32"), np.zeros(FEATURES, "float32"))
    parameters = {
        "projections": dense(random, FEATURES, 3 * FEATURES)[0],
        "output": dense(random, FEATURES, FEATURES)[0],
        "feed_forward": dense(random, FEATURES, HIDDEN, FEATURES),
        "head": dense(random, FEATURES, 10)[0],
        "norms": [scale, scale],
    }

    def norm(x: Any, scale: Any) -> Any:
        mean = x.mean(axis=-1, keepdims=True)
        variance = jnp.square(x - mean).mean(axis=-1, keepdims=True)
        return (x - mean) * jax.lax.rsqrt(variance + 1e-6) * scale[0] + scale[1]

    def linear(x: Any, layer: Any) -> Any:
        return x @ layer[0] + layer[1]

    def apply(parameters: Any, x: Any) -> Any:
        batch = x.shape[0]
        projected = linear(norm(x, parameters["norms"][0]), parameters["projections"])
        heads = projected.reshape(batch, POSITIONS, 3, HEADS, -1).transpose(2, 0, 3, 1, 4)
        query, key, value = heads.reshape(3, batch * HEADS, POSITIONS, -1)
        weights = jax.nn.softmax(query @ key.swapaxes(1, 2) * (FEATURES // HEADS) ** -0.5)
        attended = (weights @ value).reshape(batch, HEADS, POSITIONS, -1).transpose(0, 2, 1, 3)
        x = x + linear(attended.reshape(x.shape), parameters["output"])
        hidden, output = parameters["feed_forward"]
        normal = norm(x, parameters["norms"][1])
        x = x + linear(jax.nn.gelu(linear(normal, hidden), approximate=False), output)
        return linear(x.mean(axis=1), parameters["head"])

    return parameters, apply
