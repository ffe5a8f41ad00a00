"""Random draws of the NumPy adapter: a Philox generator (counter-based) seeded by the key."""

import numpy as np


def _generator(key) -> np.random.Generator:
    key = np.asarray(key, np.uint32)
    return np.random.Generator(np.random.Philox(key=[int(key[0]), int(key[1])]))


class NumpyRandom:
    """Draws from a key of shape (2,), uint32. `dtype` is a canonical name; shapes are tuples."""

    def uniform(self, key, shape, minval, maxval, dtype):
        from lamella.backend._numpy import numpy_dtype

        return np.asarray(_generator(key).uniform(minval, maxval, shape)).astype(numpy_dtype(dtype))

    def normal(self, key, shape, dtype):
        from lamella.backend._numpy import numpy_dtype

        return np.asarray(_generator(key).standard_normal(shape)).astype(numpy_dtype(dtype))

    def truncated_normal(self, key, shape, dtype):
        """Standard normal, cut at two standard deviations, by redrawing what falls outside."""
        from lamella.backend._numpy import numpy_dtype

        generator = _generator(key)
        draws = np.asarray(generator.standard_normal(shape))
        outside = np.abs(draws) > 2
        while outside.any():
            draws[outside] = generator.standard_normal(int(outside.sum()))
            outside = np.abs(draws) > 2
        return draws.astype(numpy_dtype(dtype))

    def randint(self, key, shape, minval, maxval, dtype):
        return np.asarray(_generator(key).integers(minval, maxval, shape)).astype(dtype)

    def categorical(self, key, logits, num_samples, dtype):
        gumbel = _generator(key).gumbel(size=(*logits.shape[:-1], num_samples, logits.shape[-1]))
        return np.argmax(gumbel + np.asarray(logits, np.float64)[..., None, :], axis=-1).astype(dtype)

    def gamma(self, key, shape, alpha, dtype):
        from lamella.backend._numpy import numpy_dtype

        return np.asarray(_generator(key).gamma(alpha, size=shape)).astype(numpy_dtype(dtype))

    def beta(self, key, shape, alpha, beta, dtype):
        from lamella.backend._numpy import numpy_dtype

        return np.asarray(_generator(key).beta(alpha, beta, size=shape)).astype(numpy_dtype(dtype))

    def binomial(self, key, shape, counts, probabilities, dtype):
        from lamella.backend._numpy import numpy_dtype

        counts = np.asarray(counts).astype(np.int64)
        return np.asarray(_generator(key).binomial(counts, probabilities, shape)).astype(numpy_dtype(dtype))

    def permutation(self, key, x, axis):
        return np.take(x, _generator(key).permutation(x.shape[axis]), axis=axis)
