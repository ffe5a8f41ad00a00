"""Threefry-2x32 in NumPy: counter-based random bits, the same as `jax.random` draws from the same key.

Salmon, Moraes, Dror and Shaw (2011), "Parallel random numbers: as easy as 1, 2, 3", section 4.2: a keyed
bijection of pairs of 32-bit words, in 20 rounds. Element `i` of a draw is the image of its own 64-bit index,
so a draw does not depend on how it is split over devices (JAX calls this layout
`jax_threefry_partitionable`).
"""

import math
from collections.abc import Iterator
from typing import Any

import ml_dtypes
import numpy as np

from lamella.backend._numpy_arrays import numpy_dtype

_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY = np.uint32(0x1BD11BDA)
_CHUNK = 1 << 14  # counters at a time: four arrays of them stay in the nearest cache


def threefry2x32(key: np.ndarray, x0: np.ndarray, x1: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The images of the pairs `(x0, x1)`, uint32 arrays of one shape, under `key`, uint32 of shape (2,).

    The arrays are overwritten and returned.
    """
    k0, k1 = np.uint32(key[0]), np.uint32(key[1])
    schedule = (k0, k1, k0 ^ k1 ^ _PARITY)
    high = np.empty_like(x1)
    with np.errstate(over="ignore"):
        x0 += schedule[0]
        x1 += schedule[1]
        for group in range(5):
            for rotation in _ROTATIONS[group % 2]:
                x0 += x1
                np.left_shift(x1, np.uint32(rotation), out=high)
                x1 >>= np.uint32(32 - rotation)
                x1 |= high
                x1 ^= x0
            x0 += schedule[(group + 1) % 3]
            x1 += schedule[(group + 2) % 3] + np.uint32(group + 1)
    return x0, x1


def _images(key: np.ndarray, count: int) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
    """The images of the counters 0, 1, ..., count - 1, some at a time."""
    for start in range(0, count, _CHUNK):
        stop = min(start + _CHUNK, count)
        counters = np.arange(start, stop, dtype=np.uint64)
        x0 = (counters >> np.uint64(32)).astype(np.uint32)
        yield slice(start, stop), *threefry2x32(key, x0, counters.astype(np.uint32))


def random_bits(key: np.ndarray, width: int, shape: tuple[int, ...]) -> np.ndarray:
    """Uniform random unsigned integers of `width` bits (8, 16, 32 or 64)."""
    out = np.empty(math.prod(shape), f"uint{width}")
    for where, x0, x1 in _images(key, out.size):
        if width == 64:
            out[where] = (x0.astype(np.uint64) << np.uint64(32)) | x1
        else:
            out[where] = x0 ^ x1
    return out.reshape(shape)


def split(key: np.ndarray, count: int = 2) -> np.ndarray:
    """`count` new keys, uint32 of shape (count, 2)."""
    out = np.empty((count, 2), np.uint32)
    for where, x0, x1 in _images(key, count):
        out[where, 0], out[where, 1] = x0, x1
    return out


def uniform(
    key: np.ndarray, shape: tuple[int, ...], minval: Any = 0.0, maxval: Any = 1.0, dtype: str = "float32"
) -> np.ndarray:
    """Uniform draws from [minval, maxval), in steps of 2^-mantissa bits of the unit interval.

    Random bits become the mantissa of a float in [1, 2), from which 1 is taken.
    """
    kind = numpy_dtype(dtype)
    info = ml_dtypes.finfo(kind)
    width = 8 if info.nmant < 8 else info.bits
    bits = random_bits(key, width, shape).astype(f"uint{info.bits}", copy=False)
    one = np.array(1.0, kind)
    bits >>= bits.dtype.type(width - info.nmant)
    bits |= one.view(bits.dtype)
    unit = bits.view(kind)
    unit -= one
    low, high = np.asarray(minval).astype(kind), np.asarray(maxval).astype(kind)
    return np.maximum(low, _fused_multiply_add(unit, high - low, low))


def _fused_multiply_add(x: np.ndarray, factor: np.ndarray, term: np.ndarray) -> np.ndarray:
    """`x * factor + term` rounded once, as XLA computes it.

    For float32: the product is exact in float64, and where the rounded sum lies halfway between two float32,
    what was lost in rounding it decides (Boldo and Melquiond, 2008, "Emulation of FMA and correctly rounded
    sums").
    """
    if x.dtype != np.float32:
        return x * factor + term
    product, term = x.astype(np.float64) * factor, term.astype(np.float64)
    total = np.asarray(product + term)
    rounded = total.astype(np.float32)
    halfway = (total.view(np.uint64) & np.uint64(0x1FFFFFFF)) == np.uint64(0x10000000)
    if halfway.any():  # rounding twice may differ from rounding once only there
        of_term = total - product
        error = (product - (total - of_term)) + (term - of_term)
        odd = np.where(error != 0, np.nextafter(total, np.copysign(np.inf, error)), total)
        rounded = np.where(halfway, odd.astype(np.float32), rounded)
    return rounded


def randint(key: np.ndarray, shape: tuple[int, ...], minval, maxval, dtype="int32") -> np.ndarray:
    """Uniform draws from the integers of [minval, maxval); `minval` where that is empty.

    Twice as many random bits as the dtype has, at least 64, are reduced modulo the size of the interval,
    which leaves a bias below 2^-32.
    """
    limits = np.iinfo(dtype)
    wide = np.iinfo(dtype if limits.bits >= 32 else "int32")
    unsigned = np.dtype(f"uint{wide.bits}").type
    minval, maxval = np.asarray(minval).astype(np.int64), np.asarray(maxval).astype(np.int64)
    minval, maxval = np.clip(minval, limits.min, limits.max), np.clip(maxval, limits.min, int(limits.max) + 1)
    with np.errstate(over="ignore"):
        span = np.where(maxval > minval, maxval - minval, 1).astype(unsigned)
        key_high, key_low = split(key)
        high, low = random_bits(key_high, wide.bits, shape), random_bits(key_low, wide.bits, shape)
        half = _modulo(unsigned(2 ** (wide.bits // 2)), span)
        offset = _modulo(high, span) * _modulo(half * half, span) + _modulo(low, span)
        offset = _modulo(offset, span)
        return (minval.astype(wide.dtype) + offset.astype(wide.dtype)).astype(dtype)


def permutation(key: np.ndarray, x: np.ndarray, axis: int) -> np.ndarray:
    """`x`, each of its vectors along `axis` put in a random order of its own.

    Sorting by 32-bit random keys, often enough that ties do not matter: 3 log(size) / log(2^32) times.
    """
    for _ in range(math.ceil(3 * math.log(max(1, x.size)) / math.log(2**32 - 1))):
        key, subkey = split(key)
        order = np.argsort(random_bits(subkey, 32, x.shape), axis=axis, kind="stable")
        x = np.take_along_axis(x, order, axis=axis)
    return x


def _modulo(x, span):
    """`x % span`, and `x` where `span` is 0, which stands for 2^bits."""
    return np.where(span == 0, x, x % np.maximum(span, span.dtype.type(1)))
