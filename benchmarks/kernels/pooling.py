"""Pooling and its gradient beside XLA's windows and what JAX derives from them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from lamella.backend import _jax_pooling as pooling

# image, size of the window, stride, margins
SHAPES: dict[str, tuple] = {
    "2x2": ((128, 26, 26, 32), 2, 2, (0, 0)),
    "2x2, odd sizes": ((128, 11, 11, 64), 2, 2, (0, 0)),
    "3x3, stride 2": ((32, 32, 32, 64), 3, 2, (0, 1)),
    "3x3, stride 1": ((32, 16, 16, 64), 3, 1, (1, 1)),
    "one axis": ((32, 128, 64), 2, 2, (0, 0)),
    "three axes": ((8, 16, 16, 16, 16), 2, 2, (0, 0)),
}


def cases() -> Iterator[tuple[str, Callable, Callable, tuple[Any, ...]]]:
    """The greatest and the sum of each window, forward, and forward with backward."""
    for name, (image, size, stride, margins) in SHAPES.items():
        rank = len(image) - 2
        how = ((1, *(size,) * rank, 1), (1, *(stride,) * rank, 1), ((0, 0), *(margins,) * rank, (0, 0)))
        x = jnp.asarray(np.random.default_rng(0).standard_normal(image, "float32"))
        pairs = {
            "max": (pooling.maximum, lambda x, *how: lax.reduce_window(x, -np.inf, lax.max, *how)),
            "sum": (pooling.total, lambda x, *how: lax.reduce_window(x, np.float32(0), lax.add, *how)),
        }
        for kind, (ours, theirs) in pairs.items():
            yield f"{kind} {name}: forward", *(_forward(f, how) for f in (ours, theirs)), (x,)
            yield f"{kind} {name}: with gradient", *(_gradient(f, how) for f in (ours, theirs)), (x,)


def _forward(function: Callable, how: tuple) -> Callable:
    return lambda x: function(x, *how)


def _gradient(function: Callable, how: tuple) -> Callable:
    def gradient(x: Any) -> Any:
        value, pull = jax.vjp(lambda x: function(x, *how), x)
        return pull(value)[0]

    return gradient
