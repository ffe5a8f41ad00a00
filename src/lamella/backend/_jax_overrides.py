"""Native kernels that stand in for portable ops on JAX, by the op's name.

Each is tied to its definition by a parity test, and earned its place with a benchmark. One that answers
`NotImplemented` leaves its arguments to the portable op.
"""

import functools
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from lamella.backend import _dtypes
from lamella.backend._jax_recurrence import recurrence

OVERRIDES: dict[str, Callable] = {"recurrence": recurrence}


def _override(function: Callable) -> Callable:
    OVERRIDES[function.__name__] = function
    return function


def _array(x: Any) -> Any:
    """The array that `x` is or holds; None for anything else."""
    convert = getattr(x, "__lamella_array__", None)
    x = x if convert is None else convert()
    return x if isinstance(x, jax.Array) else None


def _floating(x: Any) -> Any:
    """`x` as an array, if it is or holds one of single or double precision; else None."""
    x = _array(x)
    return x if x is not None and x.dtype in (jnp.float32, jnp.float64) else None


def _has_axis(x: Any, axis: Any) -> bool:
    return isinstance(axis, int) and -x.ndim <= axis < x.ndim and x.shape[axis] > 1


# Autodiff's gradients of the next three take seven passes over small arrays that are one here: 4% of a step of a small
# network, whose products are as quick as the start of a loop.


@_override
def softmax(x, axis=-1):
    x = _floating(x)
    return NotImplemented if x is None or not x.size or not _has_axis(x, axis) else _softmax(x, axis)


@functools.partial(jax.custom_jvp, nondiff_argnums=(1,))
def _softmax(x: Any, axis: int) -> Any:
    exponentials = jnp.exp(x - jax.lax.stop_gradient(jnp.max(x, axis=axis, keepdims=True)))
    return exponentials / jnp.sum(exponentials, axis=axis, keepdims=True)


@_softmax.defjvp
def _(axis, primals, tangents):
    y = _softmax(primals[0], axis)
    t = y * tangents[0]
    return y, t - y * jnp.sum(t, axis=axis, keepdims=True)


# Of the next, autodiff keeps a function of `x` besides `x` itself: the forward pass is two then, and writes and reads
# an array more, which the backward pass reads again. Computed again there, a transformer's training step takes 0.91 to
# 0.94 of the time.


@_override
def gelu(x, approximate=True):
    x = _floating(x)
    if x is None:
        return NotImplemented
    return _gelu_by_tanh(x) if approximate else _gelu(x)


@jax.checkpoint
def _gelu_by_tanh(x: Any) -> Any:
    scale = math.sqrt(2 / math.pi)
    return x * (0.5 * (1.0 + jnp.tanh(x * (scale + 0.044715 * scale * (x * x)))))


# XLA writes `erfc` as two expansions and an exponential, in three passes; `erf` is one fraction of polynomials.
@jax.custom_jvp
def _exact_gelu(x: Any) -> Any:
    return x * _normal_below(x)


@_exact_gelu.defjvp
def _(primals, tangents):
    (x,), (t,) = primals, tangents
    below = _normal_below(x)
    return x * below, t * (below + x * jnp.exp(-0.5 * x * x) * (2 * math.pi) ** -0.5)


_gelu = jax.checkpoint(_exact_gelu)


def _normal_below(x: Any) -> Any:
    """The share of a standard normal distribution below `x`."""
    return 0.5 + 0.5 * jax.lax.erf(x * 0.5**0.5)


@_override
def silu(x):
    x = _floating(x)
    return NotImplemented if x is None else _silu(x)


@jax.checkpoint
def _silu(x: Any) -> Any:
    return x * jax.lax.logistic(x)


@_override
def categorical_crossentropy(target, output, from_logits=False, axis=-1):
    target, output = _floating(target), _floating(output)
    if from_logits or target is None or output is None or target.shape != output.shape or target.dtype != output.dtype:
        return NotImplemented
    if not _has_axis(output, axis):
        return NotImplemented
    return -jnp.sum(target * _log_of_share(output, axis, _dtypes.epsilon()), axis=axis)


@_override
def sparse_categorical_crossentropy(target, output, from_logits=False, axis=-1):
    output, classes = _floating(output), _array(target)
    if from_logits or output is None or classes is None or axis not in (-1, output.ndim - 1):
        return NotImplemented
    if classes.ndim == output.ndim and classes.shape[-1:] == (1,):
        classes = classes[..., 0]
    if not _has_axis(output, -1) or classes.shape != output.shape[:-1]:
        return NotImplemented
    chosen = classes.astype("int32")[..., None] == jnp.arange(output.shape[-1])
    return -jnp.sum(jnp.where(chosen, _log_of_share(output, -1, _dtypes.epsilon()), 0.0), axis=-1)


@functools.partial(jax.custom_jvp, nondiff_argnums=(1, 2))
def _log_of_share(x: Any, axis: int, epsilon: float) -> Any:
    """The logarithm of `x` divided by its sum along `axis` and cut to [epsilon, 1 - epsilon]."""
    return jnp.log(jnp.clip(x / jnp.sum(x, axis=axis, keepdims=True), epsilon, 1.0 - epsilon))


@_log_of_share.defjvp
def _(axis, epsilon, primals, tangents):
    (x,), (t,) = primals, tangents
    total = jnp.sum(x, axis=axis, keepdims=True)
    share = x / total
    low, high = epsilon, 1.0 - epsilon
    inside = jnp.where((share > low) & (share < high), 1.0, jnp.where((share < low) | (share > high), 0.0, 0.5))
    change = (t - share * jnp.sum(t, axis=axis, keepdims=True)) / total
    return jnp.log(jnp.clip(share, low, high)), change * (inside / jnp.clip(share, low, high)).astype(x.dtype)
