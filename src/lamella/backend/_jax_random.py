"""Random draws of the JAX adapter: threefry keys of shape (2,), uint32, as `jax.random` has them."""

import jax
import jax.numpy as jnp


class JaxRandom:
    """Draws from a key of shape (2,), uint32. `dtype` is a canonical name; shapes are tuples."""

    def uniform(self, key, shape, minval, maxval, dtype):
        return jax.random.uniform(key, shape, dtype=dtype, minval=minval, maxval=maxval)

    def normal(self, key, shape, dtype):
        return jax.random.normal(key, shape, dtype=dtype)

    def truncated_normal(self, key, shape, dtype):
        """Standard normal, cut at two standard deviations."""
        return jax.random.truncated_normal(key, -2.0, 2.0, shape, dtype=dtype)

    def randint(self, key, shape, minval, maxval, dtype):
        return jax.random.randint(key, shape, minval, maxval, dtype=dtype)

    def categorical(self, key, logits, num_samples, dtype):
        shape = (*logits.shape[:-1], num_samples)
        return jax.random.categorical(key, logits[..., None, :], axis=-1, shape=shape).astype(dtype)

    def gamma(self, key, shape, alpha, dtype):
        return jax.random.gamma(key, alpha, shape, dtype=dtype)

    def beta(self, key, shape, alpha, beta, dtype):
        return jax.random.beta(key, alpha, beta, shape, dtype=dtype)

    def binomial(self, key, shape, counts, probabilities, dtype):
        return jax.random.binomial(key, counts, probabilities, shape).astype(dtype)

    def permutation(self, key, x, axis):
        return jax.random.permutation(key, x, axis=axis)

    def bernoulli_mask(self, key, shape, keep):
        """A boolean array, each element True with probability `keep`."""
        return jnp.asarray(jax.random.bernoulli(key, keep, shape))
