"""Twenty composite expressions of `lamella.ops` beside the same of `jax.numpy`, forward and with gradient."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lamella import ops

# Of x (256, 512), w (512, 256) and b (256,).
EXPRESSIONS: dict[str, tuple[Callable, Callable]] = {
    "dense relu": (lambda x, w, b: ops.relu(ops.matmul(x, w) + b), lambda x, w, b: jax.nn.relu(x @ w + b)),
    "softmax": (lambda x, w, b: ops.softmax(x), lambda x, w, b: jax.nn.softmax(x)),
    "log softmax": (lambda x, w, b: ops.log_softmax(x), lambda x, w, b: jax.nn.log_softmax(x)),
    "gelu": (lambda x, w, b: ops.gelu(x, approximate=True), lambda x, w, b: jax.nn.gelu(x, approximate=True)),
    "silu": (lambda x, w, b: ops.silu(x), lambda x, w, b: jax.nn.silu(x)),
    "sigmoid product": (lambda x, w, b: ops.sigmoid(x) * ops.tanh(x), lambda x, w, b: jax.nn.sigmoid(x) * jnp.tanh(x)),
    "softplus": (lambda x, w, b: ops.softplus(x), lambda x, w, b: jax.nn.softplus(x)),
    "elu": (lambda x, w, b: ops.elu(x), lambda x, w, b: jax.nn.elu(x)),
    "leaky relu": (lambda x, w, b: ops.leaky_relu(x, 0.2), lambda x, w, b: jax.nn.leaky_relu(x, 0.2)),
    "standardized": (
        lambda x, w, b: (x - ops.mean(x, axis=-1, keepdims=True)) / ops.std(x, axis=-1, keepdims=True),
        lambda x, w, b: (x - jnp.mean(x, -1, keepdims=True)) / jnp.std(x, -1, keepdims=True),
    ),
    "mean square": (
        lambda x, w, b: ops.mean(ops.square(x - ops.flip(x, axis=0))),
        lambda x, w, b: jnp.mean(jnp.square(x - jnp.flip(x, 0))),
    ),
    "norm": (lambda x, w, b: ops.sqrt(ops.sum(x * x, axis=-1)), lambda x, w, b: jnp.sqrt(jnp.sum(x * x, -1))),
    "logsumexp": (lambda x, w, b: ops.logsumexp(x, axis=-1), lambda x, w, b: jax.nn.logsumexp(x, -1)),
    "einsum": (lambda x, w, b: ops.einsum("ij,jk->ki", x, w), lambda x, w, b: jnp.einsum("ij,jk->ki", x, w)),
    "where and clip": (
        lambda x, w, b: ops.where(x > 0, ops.clip(x, -1.0, 1.0), ops.exp(x)),
        lambda x, w, b: jnp.where(x > 0, jnp.clip(x, -1.0, 1.0), jnp.exp(x)),
    ),
    "concatenate": (
        lambda x, w, b: ops.concatenate([x, ops.transpose(w)], axis=0) * 2.0,
        lambda x, w, b: jnp.concatenate([x, w.T], 0) * 2.0,
    ),
    "reshape and sum": (
        lambda x, w, b: ops.sum(ops.reshape(x, (64, 4, 512)), axis=1),
        lambda x, w, b: jnp.sum(jnp.reshape(x, (64, 4, 512)), 1),
    ),
    "take": (lambda x, w, b: ops.take(x, ROWS, axis=0), lambda x, w, b: jnp.take(x, ROWS, 0, mode="fill")),
    "maximum": (lambda x, w, b: ops.max(x, axis=-1), lambda x, w, b: jnp.max(x, -1)),
    "log of a sum": (
        lambda x, w, b: ops.log1p(ops.exp(-ops.abs(x))) + ops.maximum(x, 0.0),
        lambda x, w, b: jnp.log1p(jnp.exp(-jnp.abs(x))) + jnp.maximum(x, 0.0),
    ),
}
ROWS = np.random.default_rng(0).integers(0, 256, 512).astype("int32")


def cases() -> Iterator[tuple[str, Callable, Callable, tuple[Any, ...]]]:
    """Each expression, and its gradients by what it depends on."""
    random = np.random.default_rng(0)
    arguments = tuple(
        jnp.asarray(random.standard_normal(shape, "float32")) for shape in ((256, 512), (512, 256), (256,))
    )
    for name, (ours, theirs) in EXPRESSIONS.items():
        yield f"{name}: forward", ours, theirs, arguments
        yield f"{name}: with gradient", _gradient(ours), _gradient(theirs), arguments


def _gradient(function: Callable) -> Callable:
    return jax.grad(lambda *arguments: jnp.sum(function(*arguments) ** 2), argnums=(0, 1, 2))
