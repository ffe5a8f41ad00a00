"""The bits drawn on the host are those of `jax.random`."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lamella.backend import _threefry

KEYS = np.random.default_rng(0).integers(0, 2**32, (4, 2), dtype=np.uint32)
SHAPES = [(), (1,), (0, 3), (5,), (3, 4), (7, 3001)]


@pytest.mark.parametrize(
    ("word", "image"),
    [  # the known answers of Random123's distribution, kat_vectors, threefry2x32 with 20 rounds
        (((0, 0), (0, 0)), (0x6B200159, 0x99BA4EFE)),
        (((0xFFFFFFFF,) * 2, (0xFFFFFFFF,) * 2), (0x1CB996FC, 0xBB002BE7)),
        (((0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3)), (0xC4923A9C, 0x483DF7A0)),
    ],
)
def test_known_answers(word, image):
    key, counter = word
    x0, x1 = (np.array([c], np.uint32) for c in counter)
    x0, x1 = _threefry.threefry2x32(np.array(key, np.uint32), x0, x1)
    assert (int(x0[0]), int(x1[0])) == image


@pytest.mark.parametrize("key", KEYS, ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_bits_are_those_of_jax(key, shape):
    for width in (8, 16, 32):
        theirs = jax.random.bits(jnp.asarray(key), shape, f"uint{width}")
        np.testing.assert_array_equal(_threefry.random_bits(key, width, shape), theirs)


@pytest.mark.parametrize("bounds", [(0.0, 1.0), (-0.05, 0.05), (2.0, 7.0), (-0.337, 0.337), (-0.12345, 1.7)])
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_uniform_draws_are_those_of_jax(dtype, bounds):
    for key in KEYS:
        ours = _threefry.uniform(key, (501, 30), *bounds, dtype)
        theirs = jax.random.uniform(jnp.asarray(key), (501, 30), dtype, *bounds)
        np.testing.assert_array_equal(ours, np.asarray(theirs))


@pytest.mark.parametrize(
    ("dtype", "low", "high"),
    [
        ("int32", 0, 10), ("int32", -5, 999), ("int32", -(2**31), 2**31 - 1), ("int32", 5, 5), ("int32", 7, 3),
        ("uint8", 0, 256), ("uint8", 3, 200), ("int8", -128, 128), ("int16", -3, 7000), ("uint32", 0, 17),
    ],
)  # fmt: skip
def test_integers_are_those_of_jax(dtype, low, high):
    for key in KEYS:
        ours = _threefry.randint(key, (100, 3), low, high, dtype)
        theirs = jax.random.randint(jnp.asarray(key), (100, 3), low, high, dtype)
        np.testing.assert_array_equal(ours, np.asarray(theirs))


@pytest.mark.parametrize(("shape", "axis"), [((10,), 0), ((5000,), 0), ((3, 4, 5), 1), ((1,), 0)], ids=str)
def test_permutations_are_those_of_jax(shape, axis):
    x = np.arange(np.prod(shape), dtype="float32").reshape(shape)
    for key in KEYS:
        theirs = jax.random.permutation(jnp.asarray(key), x, axis=axis, independent=True)
        np.testing.assert_array_equal(_threefry.permutation(key, x, axis), theirs)


def test_splits_are_those_of_jax():
    for key in KEYS:
        np.testing.assert_array_equal(_threefry.split(key, 5), jax.random.split(jnp.asarray(key), 5))
