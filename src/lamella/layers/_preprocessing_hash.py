"""Two published hash functions of 64 bits, computed for a whole column of byte strings at once.

FarmHash64 (Pike, 2014, github.com/google/farmhash, `farmhashna::Hash64`, the stable "fingerprint") and SipHash-2-4
(Aumasson and Bernstein, 2012, INDOCRYPT, section 2). Strings stand one after the other in one buffer, as Arrow has them;
those of one class of lengths are read with one gather for each word, so the work is done in C and not by a loop over
strings. Arithmetic is modulo 2⁶⁴ throughout, which is what NumPy's uint64 does.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from lamella.errors import ArgumentError
from lamella.layers._options import label

__all__ = ["check_salt", "combine", "farmhash64", "siphash64"]

Words: TypeAlias = np.ndarray | np.uint64  # one for each string, or one for all

_K0 = np.uint64(0xC3A5C85C97CB3127)
_K1 = np.uint64(0xB492B66FBE98F273)
_K2 = np.uint64(0x9AE16A3B2F90404F)
_MURMUR = np.uint64(0xC6A4A7935BD1E995)
_ONE = np.uint64(1)
_ROOM = 64  # bytes after the text, so that a word may be read anywhere


class _Bytes:
    """Strings in one buffer, and words read from each of some of them."""

    def __init__(self, data: np.ndarray, offsets: np.ndarray):
        room = np.concatenate([data, np.zeros(_ROOM, np.uint8)])
        self._bytes = room
        self._words64 = np.ndarray((room.size - 7,), "<u8", buffer=room, strides=(1,))
        self._words32 = np.ndarray((room.size - 3,), "<u4", buffer=room, strides=(1,))
        self.starts = offsets[:-1].astype(np.int64)
        self.lengths = np.diff(offsets).astype(np.int64)

    def word64(self, at: np.ndarray) -> np.ndarray:
        return self._words64[at].astype(np.uint64, copy=False)

    def word32(self, at: np.ndarray) -> np.ndarray:
        return self._words32[at].astype(np.uint64)

    def byte(self, at: np.ndarray) -> np.ndarray:
        return self._bytes[at].astype(np.uint64)


def farmhash64(data: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """The FarmHash64 of each string.

    Args:
        data: the bytes of all strings, uint8.
        offsets: where each begins, and where the last ends: one more than there are strings.

    Returns:
        uint64, one for each string.

    Example:
        >>> import numpy as np
        >>> from lamella.layers._preprocessing_hash import farmhash64
        >>> int(farmhash64(np.frombuffer(b"AB", np.uint8), np.array([0, 1, 2]))[0] % 3)
        1
    """
    text = _Bytes(data, offsets)
    out = np.full(text.lengths.shape, _K2)
    upper = 0
    for limit, function in _FARM:
        chosen = np.flatnonzero((text.lengths > upper) & (text.lengths <= limit))
        upper = limit
        if chosen.size:
            out[chosen] = function(text, text.starts[chosen], text.lengths[chosen])
    return out


def _rotated(x: np.ndarray, by: int) -> np.ndarray:
    return (x >> np.uint64(by)) | (x << np.uint64(64 - by))


def _folded(x: np.ndarray) -> np.ndarray:
    return x ^ (x >> np.uint64(47))


def _mixed(u: np.ndarray, v: np.ndarray, mul: Words) -> np.ndarray:
    """`HashLen16` of the source."""
    a = _folded((u ^ v) * mul)
    return _folded((v ^ a) * mul) * mul


def _factor(lengths: np.ndarray) -> np.ndarray:
    return _K2 + lengths.astype(np.uint64) * np.uint64(2)


def _up_to_3(text: _Bytes, s: np.ndarray, n: np.ndarray) -> np.ndarray:
    y = text.byte(s) + (text.byte(s + (n >> 1)) << np.uint64(8))
    z = n.astype(np.uint64) + (text.byte(s + n - 1) << np.uint64(2))
    return _folded(y * _K2 ^ z * _K0) * _K2


def _up_to_7(text: _Bytes, s: np.ndarray, n: np.ndarray) -> np.ndarray:
    u = n.astype(np.uint64) + (text.word32(s) << np.uint64(3))
    return _mixed(u, text.word32(s + n - 4), _factor(n))


def _up_to_16(text: _Bytes, s: np.ndarray, n: np.ndarray) -> np.ndarray:
    mul = _factor(n)
    a, b = text.word64(s) + _K2, text.word64(s + n - 8)
    return _mixed(_rotated(b, 37) * mul + a, (_rotated(a, 25) + b) * mul, mul)


def _two_words(text: _Bytes, s: np.ndarray, n: np.ndarray, mul: np.ndarray, k: np.uint64) -> tuple:
    a, b = text.word64(s) * k, text.word64(s + 8)
    c, d = text.word64(s + n - 8) * mul, text.word64(s + n - 16) * _K2
    return a, _rotated(a + b, 43) + _rotated(c, 30) + d, a + _rotated(b + _K2, 18) + c


def _up_to_32(text: _Bytes, s: np.ndarray, n: np.ndarray) -> np.ndarray:
    mul = _factor(n)
    _, u, v = _two_words(text, s, n, mul, _K1)
    return _mixed(u, v, mul)


def _up_to_64(text: _Bytes, s: np.ndarray, n: np.ndarray) -> np.ndarray:
    mul = _factor(n)
    a, y, v = _two_words(text, s, n, mul, _K2)
    z = _mixed(y, v, mul)
    e, f = text.word64(s + 16) * mul, text.word64(s + 24)
    g, h = (y + text.word64(s + n - 32)) * mul, (z + text.word64(s + n - 24)) * mul
    return _mixed(_rotated(e + f, 43) + _rotated(g, 30) + h, e + _rotated(f + a, 18) + g, mul)


def _weak(text: _Bytes, s: np.ndarray, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`WeakHashLen32WithSeeds` of the source."""
    w, x, y, z = (text.word64(s + 8 * i) for i in range(4))
    a = a + w
    b = _rotated(b + a + z, 21)
    c = a
    a = a + x + y
    return a + z, b + _rotated(a, 44) + c


def _longer(text: _Bytes, s: np.ndarray, n: np.ndarray) -> np.ndarray:
    count = s.size
    seed = np.full(count, 81, np.uint64)
    y = seed * _K1 + np.uint64(113)
    z = _folded(y * _K2 + np.uint64(113)) * _K2
    zero = np.zeros(count, np.uint64)
    state: tuple = (seed * _K2 + text.word64(s), y, z, (zero, zero), (zero, zero))
    blocks = (n - 1) // 64
    for i in range(int(blocks.max())):  # over the blocks of 64 bytes of the longest string
        going = i < blocks
        new = _block(text, s + 64 * np.minimum(i, blocks - 1), state, _K1)
        state = tuple(_chosen(going, a, b) for a, b in zip(new, state))
    x, y, z, v, w = state
    mul = _K1 + ((z & np.uint64(0xFF)) << np.uint64(1))
    last = s + n - 64
    w0 = w[0] + ((n - 1) & 63).astype(np.uint64)
    v0 = v[0] + w0
    w0 = w0 + v0
    x, y, z, v, w = _block(text, last, (x, y, z, (v0, v[1]), (w0, w[1])), mul, np.uint64(9))
    first = _mixed(v[0], w[0], mul) + _folded(y) * _K0 + z
    return _mixed(first, _mixed(v[1], w[1], mul) + x, mul)


def _block(text: _Bytes, s: np.ndarray, state: tuple, mul: Words, nine: np.uint64 = _ONE) -> tuple:
    x, y, z, v, w = state
    x = _rotated(x + y + v[0] + text.word64(s + 8), 37) * mul
    y = _rotated(y + v[1] + text.word64(s + 48), 42) * mul
    x = x ^ w[1] * nine
    y = y + v[0] * nine + text.word64(s + 40)
    z = _rotated(z + w[0], 33) * mul
    v = _weak(text, s, v[1] * mul, x + w[0])
    w = _weak(text, s + 32, z + w[1], y + text.word64(s + 16))
    return z, y, x, v, w


def _chosen(where: np.ndarray, new: Any, old: Any) -> Any:
    if isinstance(new, tuple):
        return tuple(np.where(where, a, b) for a, b in zip(new, old))
    return np.where(where, new, old)


_FARM: tuple[tuple[float, Callable], ...] = (
    (3, _up_to_3),
    (7, _up_to_7),
    (16, _up_to_16),
    (32, _up_to_32),
    (64, _up_to_64),
    (float("inf"), _longer),
)


def combine(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """One hash of two, in their order: what TensorFlow's `sparse.cross_hashed` joins fingerprints by.

    A round of MurmurHash64A (Appleby, 2008), with its multiplier.
    """
    mixed = (first ^ _MURMUR ^ _folded(second * _MURMUR) * _MURMUR) * _MURMUR
    return _folded(_folded(mixed) * _MURMUR)


def siphash64(data: np.ndarray, offsets: np.ndarray, key: tuple[int, int]) -> np.ndarray:
    """The SipHash-2-4 of each string under a key of two 64-bit words; see `farmhash64`."""
    text = _Bytes(data, offsets)
    s, n = text.starts, text.lengths
    mask = (1 << 64) - 1
    low, high = (np.uint64(k & mask) for k in key)
    constants = (0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573)
    v = [np.full(n.shape, np.uint64(c) ^ k) for c, k in zip(constants, (low, high, low, high))]
    words = n // 8
    for i in range(int(words.max(initial=0)) + 1):  # over the words of the longest string
        read = text.word64(s + 8 * np.minimum(i, words))
        rest = (n & 7).astype(np.uint64) * np.uint64(8)
        tail = (read & ((np.uint64(1) << rest) - np.uint64(1))) | (n.astype(np.uint64) << np.uint64(56))
        message = np.where(i < words, read, tail)
        new = [v[0], v[1], v[2], v[3] ^ message]
        for _ in range(2):
            new = _sip_round(*new)
        new[0] = new[0] ^ message
        v = [np.where(i <= words, a, b) for a, b in zip(new, v)]
    v[2] = v[2] ^ np.uint64(0xFF)
    for _ in range(4):
        v = _sip_round(*v)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def _sip_round(a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray) -> list[np.ndarray]:
    a, c = a + b, c + d
    b, d = _rotated(b, 64 - 13) ^ a, _rotated(d, 64 - 16) ^ c
    a = _rotated(a, 32)
    c, a = c + b, a + d
    b, d = _rotated(b, 64 - 17) ^ c, _rotated(d, 64 - 21) ^ a
    return [a, b, _rotated(c, 32), d]


def check_salt(layer: Any, salt: Any) -> list[int] | None:
    """The two words of a SipHash key: of an integer, or of a pair of them.

    Raises:
        ArgumentError: for anything else.
    """
    if salt is None:
        return None
    if isinstance(salt, int) and not isinstance(salt, bool):
        return [salt, salt]
    if isinstance(salt, (tuple, list)) and len(salt) == 2 and all(isinstance(s, int) for s in salt):
        return list(salt)
    raise ArgumentError(
        f"The `salt` argument of {label(layer)} can only be a tuple of 2 integers, or a single integer. "
        f"Received: salt={salt}."
    )
