"""Random draws of the JAX adapter: threefry keys of shape (2,), uint32, as `jax.random` has them.

Draws that are not part of a program being traced are computed on the host, bit for bit what `jax.random`
draws: a process that only builds a model then compiles nothing for the shape of each of its variables.
"""

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from lamella.backend import _threefry
from lamella.backend._numpy_arrays import numpy_dtype
from lamella.backend._portable_random import PortableRandom

_CONFIG: Any = jax.config  # whose flags are made at run time, unseen by a type checker

_MOST_ON_HOST = 1 << 21  # elements; drawing these on the host takes about as long as compiling one program
_BLOCK = 1 << 14  # elements that one call of the program for the normal quantile takes


class JaxRandom:
    """Draws from a key of shape (2,), uint32. `dtype` is a canonical name; shapes are tuples."""

    def uniform(self, key, shape, minval, maxval, dtype):
        if _on_host(shape, dtype, key, minval, maxval):
            return jax.device_put(_threefry.uniform(np.asarray(key), shape, minval, maxval, dtype))
        return jax.random.uniform(key, shape, dtype=dtype, minval=minval, maxval=maxval)

    def normal(self, key, shape, dtype):
        if _on_host(shape, dtype, key):
            below = np.nextafter(numpy_dtype(dtype).type(-1), numpy_dtype(dtype).type(0))
            return jax.device_put(_normal_quantile(_threefry.uniform(np.asarray(key), shape, below, 1.0, dtype)))
        return jax.random.normal(key, shape, dtype=dtype)

    def truncated_normal(self, key, shape, dtype):
        """Standard normal, cut at two standard deviations."""
        if _on_host(shape, dtype, key):
            kind = numpy_dtype(dtype).type
            edge, inside = _edge(dtype), np.nextafter(kind(2), kind(0))
            draws = _normal_quantile(_threefry.uniform(np.asarray(key), shape, -edge, edge, dtype))
            return jax.device_put(np.minimum(np.maximum(draws, -inside), inside))
        return jax.random.truncated_normal(key, -2.0, 2.0, shape, dtype=dtype)

    def randint(self, key, shape, minval, maxval, dtype):
        if _on_host(shape, dtype, key, minval, maxval):
            return jax.device_put(_threefry.randint(np.asarray(key), shape, minval, maxval, dtype))
        return jax.random.randint(key, shape, minval, maxval, dtype=dtype)

    def categorical(self, key, logits, num_samples, dtype):
        shape = (*logits.shape[:-1], num_samples)
        return jax.random.categorical(key, logits[..., None], axis=-2, shape=shape).astype(dtype)

    def gamma(self, key, shape, alpha, dtype):
        return jax.random.gamma(key, alpha, shape, dtype=dtype)

    def beta(self, key, shape, alpha, beta, dtype):
        return jax.random.beta(key, alpha, beta, shape, dtype=dtype)

    def binomial(self, key, shape, counts, probabilities, dtype):
        return jax.random.binomial(key, counts, probabilities, shape, dtype=dtype)

    def permutation(self, key, x, axis):
        if _on_host(x.shape, "uint32", key, x):
            return jax.device_put(_threefry.permutation(np.asarray(key), np.asarray(x), axis))
        return jax.random.permutation(key, x, axis=axis, independent=True)

    def bernoulli_mask(self, key, shape, keep):
        """A boolean array, each element True with probability `keep`."""
        if _on_host(shape, "float32", key, keep) and not _CONFIG.jax_enable_x64:
            return jax.device_put(_threefry.uniform(np.asarray(key), shape) < np.asarray(keep, np.float32))
        return jax.random.bernoulli(key, keep, shape)


class JaxPortableRandom:
    """`PortableRandom` for JAX: in a program being traced, the host is called when the program runs."""

    def __init__(self, native):
        self._portable = PortableRandom()
        # No rounding is involved in these: the native ones draw the same bits.
        self.randint, self.permutation, self.bernoulli_mask = (
            native.randint,
            native.permutation,
            native.bernoulli_mask,
        )

    def __getattr__(self, name):
        draw = getattr(self._portable, name)

        def on_host(key, *args):
            shape, dtype = _result(name, args)
            traced = [i for i, a in enumerate(args) if isinstance(a, jax.Array)]

            def host(key, *arrays):
                filled = list(args)
                for i, array in zip(traced, arrays):
                    filled[i] = np.asarray(array)
                return draw(np.asarray(key), *filled)

            spec = jax.ShapeDtypeStruct(shape, numpy_dtype(dtype))
            arrays = [args[i] for i in traced]
            if not any(isinstance(a, Tracer) for a in (key, *arrays)):
                return jax.device_put(host(key, *arrays))
            return jax.pure_callback(host, spec, key, *arrays, vmap_method="sequential")

        return on_host


def _result(name, args):
    if name == "categorical":
        logits, num_samples, dtype = args
        return (*logits.shape[:-1], num_samples), dtype
    return args[0], args[-1]


def _on_host(shape, dtype, *values):
    """Whether a draw of `shape` and `dtype` is better made here and now than by a program."""
    return (
        math.prod(shape) <= _MOST_ON_HOST
        and dtype not in ("float64", "int64", "uint64")
        and not any(isinstance(v, Tracer) for v in values)
        and _CONFIG.jax_threefry_partitionable
        and _CONFIG.jax_default_prng_impl == "threefry2x32"
        and not tracing()
    )


def tracing():
    """Whether a program is being traced here."""
    return isinstance(jnp.zeros(()), Tracer)


@jax.jit
def _quantile(u):
    return np.array(np.sqrt(2), u.dtype) * jax.lax.erf_inv(u)


def _normal_quantile(u):
    """`sqrt(2) * erfinv(u)` as XLA computes it, by one program for all shapes."""
    flat = u.reshape(-1)
    out = np.empty_like(flat)
    for start in range(0, flat.size, _BLOCK):
        block = flat[start : start + _BLOCK]
        padded = np.zeros(_BLOCK, flat.dtype)
        padded[: block.size] = block
        out[start : start + block.size] = np.asarray(_quantile(padded))[: block.size]
    return out.reshape(u.shape)


@functools.cache
def _edge(dtype):
    kind = numpy_dtype(dtype).type
    return np.asarray(jax.lax.erf(jnp.asarray(kind(2) / np.array(np.sqrt(2), kind))))
