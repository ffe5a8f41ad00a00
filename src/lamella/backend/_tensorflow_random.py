"""Random draws of TensorFlow: each a pure function of its key, uint32 of shape (2,), in programs and outside of them."""

from typing import Any

import numpy as np
import tensorflow as tf

from lamella.backend._portable_random import PortableRandom


def _seed(key: Any) -> tf.Tensor:
    if isinstance(key, tf.Tensor):
        return tf.bitcast(tf.cast(key, tf.uint32), tf.int32)
    return tf.constant(np.asarray(key).astype(np.uint32).view(np.int32))


def _parameter(value: Any, dtype: Any, shape: Any) -> tf.Tensor:
    return tf.broadcast_to(tf.cast(value, dtype), shape)


class TensorflowRandom:
    """Draws from a key. `dtype` is a canonical name; shapes are tuples."""

    def uniform(self, key, shape, minval, maxval, dtype):
        low, high = (tf.cast(bound, dtype) for bound in (minval, maxval))
        unit = tf.random.stateless_uniform(shape, _seed(key), dtype=dtype)
        draws = unit * (high - low) + low
        return tf.where(tf.logical_and(draws >= high, high > low), tf.broadcast_to(low, shape), draws)  # rounded up

    def normal(self, key, shape, dtype):
        return tf.random.stateless_normal(shape, _seed(key), dtype=dtype)

    def truncated_normal(self, key, shape, dtype):
        """Standard normal, cut at two standard deviations."""
        return tf.random.stateless_truncated_normal(shape, _seed(key), dtype=dtype)

    def randint(self, key, shape, minval, maxval, dtype):
        """64 random bits modulo the size of the interval, which leaves a bias below 2^-32 for those of 32 bits."""
        limits = np.iinfo(dtype)
        wide = tf.uint64 if dtype == "uint64" else tf.int64
        low, high = (_integer(bound, limits, wide) for bound in (minval, maxval))
        # Beyond the greatest integer of 64 bits there is no bound: the interval then ends with it.
        span = tf.bitcast(high - low, tf.uint64) if wide == tf.int64 else high - low
        span = tf.where(high > low, span, tf.ones_like(span))
        bits = tf.random.stateless_uniform(shape, _seed(key), None, None, tf.uint64)
        offset = tf.math.floormod(bits, span)
        return tf.cast(low + (tf.bitcast(offset, tf.int64) if wide == tf.int64 else offset), dtype)

    def categorical(self, key, logits, num_samples, dtype):
        draws = tf.random.stateless_categorical(logits, num_samples, _seed(key), tf.int64)
        return tf.cast(draws, dtype)

    def gamma(self, key, shape, alpha, dtype):
        return tf.cast(_gamma(_seed(key), shape, alpha), dtype)

    def beta(self, key, shape, alpha, beta, dtype):
        """The share of one gamma variable in the sum of two."""
        seed = _seed(key)
        first, second = (_gamma(tf.random.fold_in(seed, i), shape, a) for i, a in enumerate((alpha, beta)))
        return tf.cast(first / (first + second), dtype)

    def binomial(self, key, shape, counts, probabilities, dtype):
        counts, probabilities = (_parameter(p, tf.float64, shape) for p in (counts, probabilities))
        return tf.cast(
            tf.random.stateless_binomial(shape, _seed(key), tf.floor(counts), probabilities, tf.float64), dtype
        )

    def permutation(self, key, x, axis):
        """Each vector along `axis` in the order of random 64-bit keys of its own."""
        keys = tf.random.stateless_uniform(x.shape, _seed(key), None, None, tf.int64)
        order = tf.argsort(keys, axis)
        last = x.shape.rank - 1
        axes = [a for a in range(last + 1) if a != axis] + [axis]
        back = [axes.index(a) for a in range(last + 1)]
        moved = tf.gather(tf.transpose(x, axes), tf.transpose(order, axes), batch_dims=last)
        return tf.transpose(moved, back)

    def bernoulli_mask(self, key, shape, keep):
        """A boolean tensor, each element True with probability `keep`."""
        return tf.random.stateless_uniform(shape, _seed(key)) < tf.cast(keep, tf.float32)


def _integer(bound: Any, limits: Any, wide: tf.DType) -> tf.Tensor:
    if isinstance(bound, (int, float)):
        return tf.constant(min(max(int(bound), int(limits.min)), min(int(limits.max) + 1, wide.max)), wide)
    low, high = (tf.constant(min(int(n), wide.max), wide) for n in (limits.min, int(limits.max) + 1))
    return tf.clip_by_value(tf.cast(bound, wide), low, high)


def _gamma(seed: tf.Tensor, shape: Any, alpha: Any) -> tf.Tensor:
    return tf.random.stateless_gamma(shape, seed, _parameter(alpha, tf.float64, shape), dtype=tf.float64)


class TensorflowPortableRandom:
    """`PortableRandom` as tensors: in a program the host is called when the program runs."""

    def __init__(self, adapter: Any):
        self._adapter, self._portable = adapter, PortableRandom()

    def __getattr__(self, name):
        draw = getattr(self._portable, name)

        def on_host(key, *args):
            moving = [i for i, a in enumerate(args) if isinstance(a, tf.Tensor)]

            def host(key, *arrays):
                filled = list(args)
                for i, array in zip(moving, arrays):
                    filled[i] = array
                return np.asarray(draw(key, *filled))

            tensors = [args[i] for i in moving]
            if tf.executing_eagerly():
                return tf.convert_to_tensor(host(np.asarray(key), *(np.asarray(t) for t in tensors)))
            shape, dtype = _result(name, args)
            drawn = tf.numpy_function(host, [self._adapter.asarray(key, "uint32"), *tensors], dtype, stateful=False)
            return tf.ensure_shape(drawn, shape)

        return on_host


def _result(name, args):
    if name == "categorical":
        logits, num_samples, dtype = args
        return (*logits.shape[:-1], num_samples), dtype
    if name == "permutation":
        return args[0].shape, args[0].dtype
    return args[0], "bool" if name == "bernoulli_mask" else args[-1]
