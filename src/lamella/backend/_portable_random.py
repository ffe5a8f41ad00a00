"""Random draws in NumPy from threefry bits: the same numbers whichever backend is active.

Uniform, integer and boolean draws and permutations are those of `jax.random`. The other distributions are
those bits put through the inverse of the distribution function, in float64 (Devroye, 1986, "Non-uniform
random variate generation", section II.2), so that a draw needs no rejection and does not depend on the
library.
"""

import numpy as np

from lamella.backend import _threefry
from lamella.backend._numpy_arrays import numpy_dtype


class PortableRandom:
    """Draws, as NumPy arrays, from a key of shape (2,), uint32. `dtype` is a canonical name."""

    def uniform(self, key, shape, minval, maxval, dtype):
        return _threefry.uniform(key, shape, minval, maxval, dtype)

    def normal(self, key, shape, dtype):
        kind = numpy_dtype(dtype).type
        return self._normal_quantile(_threefry.uniform(key, shape, np.nextafter(kind(-1), kind(0)), 1.0, dtype), dtype)

    def truncated_normal(self, key, shape, dtype):
        """Standard normal, cut at two standard deviations."""
        edge = 0.9544997361036416  # erf(2 / sqrt(2))
        draws = self._normal_quantile(_threefry.uniform(key, shape, -edge, edge, dtype), dtype)
        kind = numpy_dtype(dtype).type
        inside = np.nextafter(kind(2), kind(0))
        return np.minimum(np.maximum(draws, -inside), inside)

    def randint(self, key, shape, minval, maxval, dtype):
        return _threefry.randint(key, shape, minval, maxval, dtype)

    def categorical(self, key, logits, num_samples, dtype):
        """The position of the greatest of `logits` plus Gumbel noise, `num_samples` times for each row."""
        logits = np.asarray(logits, np.float64)
        noise = _threefry.uniform(key, (*logits.shape, num_samples), np.finfo(np.float32).tiny, 1.0)
        gumbel = -np.log(-np.log(noise.astype(np.float64)))
        return np.argmax(logits[..., None] + gumbel, axis=-2).astype(dtype)

    def gamma(self, key, shape, alpha, dtype):
        from scipy.special import gammaincinv

        return np.asarray(gammaincinv(np.asarray(alpha, np.float64), self._open_unit(key, shape))).astype(
            numpy_dtype(dtype)
        )

    def beta(self, key, shape, alpha, beta, dtype):
        from scipy.special import betaincinv

        alpha, beta = np.asarray(alpha, np.float64), np.asarray(beta, np.float64)
        return np.asarray(betaincinv(alpha, beta, self._open_unit(key, shape))).astype(numpy_dtype(dtype))

    def binomial(self, key, shape, counts, probabilities, dtype):
        """The least number of successes whose distribution function reaches a uniform draw, by bisection."""
        from scipy.special import bdtr

        u = self._open_unit(key, shape)
        n = np.broadcast_to(np.floor(np.asarray(counts, np.float64)).astype(np.int64), shape)
        p = np.broadcast_to(np.asarray(probabilities, np.float64), shape)
        low, high = np.full(shape, -1), n
        for _ in range(int(n.max(initial=0)).bit_length() + 1):  # the answer lies in (low, high]
            middle = (low + high) // 2
            reached = bdtr(np.maximum(middle, 0), n, p) >= u
            open_ = high - low > 1
            high = np.where(open_ & reached, middle, high)
            low = np.where(open_ & ~reached, middle, low)
        return high.astype(numpy_dtype(dtype))

    def permutation(self, key, x, axis):
        return _threefry.permutation(key, np.asarray(x), axis)

    def bernoulli_mask(self, key, shape, keep):
        """A boolean array, each element True with probability `keep`."""
        return _threefry.uniform(key, shape) < np.asarray(keep, np.float32)

    @staticmethod
    def _normal_quantile(u, dtype):
        from scipy.special import erfinv

        return np.asarray(np.sqrt(2.0) * erfinv(u.astype(np.float64))).astype(numpy_dtype(dtype))

    @staticmethod
    def _open_unit(key, shape):
        """Uniform draws from the middles of 2^53 equal parts of the unit interval."""
        return ((_threefry.random_bits(key, 64, shape) >> np.uint64(11)) + 0.5) * 2.0**-53
