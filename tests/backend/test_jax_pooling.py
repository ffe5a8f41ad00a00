"""Pooling on a CPU equals XLA's where no two elements are equal, and the first maximum gets the gradient where they are."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from lamella.backend import _jax_pooling as pooling


@pytest.fixture(autouse=True)
def float64():
    with jax.enable_x64(True):
        yield


NONE = ((0, 0),) * 5

# shape, window, strides, padding
CASES = {
    "apart": ((3, 6, 8, 2), (1, 2, 2, 1), (1, 2, 2, 1), NONE),
    "apart, a rest left over": ((3, 7, 9, 2), (1, 2, 3, 1), (1, 2, 3, 1), NONE),
    "overlapping": ((3, 7, 9, 2), (1, 3, 3, 1), (1, 2, 2, 1), NONE),
    "margins": ((3, 7, 9, 2), (1, 3, 3, 1), (1, 2, 2, 1), ((0, 0), (1, 1), (0, 1), (0, 0))),
    "channels first, no strides": ((3, 2, 7, 9), (1, 1, 3, 2), (1, 1, 1, 1), NONE),
    "strides longer than the window": ((3, 7, 9, 2), (1, 2, 2, 1), (1, 3, 3, 1), NONE),
    "one axis": ((5, 7, 2), (1, 3, 1), (1, 3, 1), NONE),
    "three axes": (
        (2, 4, 5, 6, 2),
        (1, 2, 3, 2, 1),
        (1, 2, 2, 3, 1),
        ((0, 0), (1, 0), (0, 1), (1, 1), (0, 0)),
    ),
    "more than 256 places": ((2, 521, 2), (1, 260, 1), (1, 260, 1), NONE),
    "large windows that overlap": ((2, 70, 2), (1, 66, 1), (1, 3, 1), NONE),
    "a window larger than the image": ((2, 1, 1, 1), (1, 2, 2, 1), (1, 2, 2, 1), ((0, 0), (0, 1), (0, 1), (0, 0))),
}


def reductions(window, strides, padding):
    padding = padding[: len(window)]
    return {
        "maximum": (
            lambda x: pooling.maximum(x, window, strides, padding),
            lambda x: lax.reduce_window(x, -np.inf, lax.max, window, strides, padding),
        ),
        "total": (
            lambda x: pooling.total(x, window, strides, padding),
            lambda x: lax.reduce_window(x, 0.0, lax.add, window, strides, padding),
        ),
    }


def derivatives(function, x):
    """The value, a gradient, a gradient of that, the change along a direction, and gradients side by side."""

    def first(x):
        value, pull = jax.vjp(function, x)
        return pull(value * value)[0]

    return (
        function(x),
        first(x),
        jax.grad(lambda x: jnp.sum(first(x) ** 2))(x),
        jax.jvp(function, (x,), (x * x,))[1],
        jax.vmap(first)(jnp.stack([x, -x])),
    )


def compiled(function, *arguments):
    """`function(*arguments)` as a program, made quickly rather than well."""
    options = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
    return jax.jit(function).lower(*arguments).compile(compiler_options=options)(*arguments)


@pytest.mark.parametrize("reduction", ["maximum", "total"])
@pytest.mark.parametrize("name", CASES)
def test_values_and_derivatives_are_those_of_the_library(name, reduction):
    shape, *how = CASES[name]
    x = jnp.asarray(np.random.default_rng(0).permutation(np.prod(shape)).reshape(shape) / np.prod(shape))
    got, expected = compiled(lambda x: [derivatives(f, x) for f in reductions(*how)[reduction]], x)
    for a, b in zip(got, expected, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-10)


def test_the_same_inside_a_loop():
    x = jnp.asarray(np.random.default_rng(0).permutation(48).reshape(1, 6, 8, 1) / 48)

    def moved(function):
        return lax.fori_loop(0, 3, lambda i, x: x - 0.01 * jax.grad(lambda x: jnp.sum(function(x) ** 2))(x), x)

    ours, its_own = reductions((1, 3, 3, 1), (1, 2, 2, 1), NONE)["maximum"]
    np.testing.assert_allclose(*compiled(lambda: (moved(ours), moved(its_own))), rtol=1e-12)


def pooled(x, size=2):
    return pooling.maximum(x, (1, size, 1), (1, size, 1), NONE[:3])


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_the_first_of_equal_maxima_gets_the_gradient(dtype):
    x = jnp.asarray([1, 1, 0, 0, 2, 3], dtype).reshape(1, 6, 1)
    gradient = jax.grad(lambda x: jnp.sum(pooled(x, 3)))(x)
    assert gradient.dtype == dtype
    assert gradient.ravel().tolist() == [1, 0, 0, 0, 0, 1]


def test_not_a_number_and_infinities_pass_through():
    x = jnp.asarray([1, jnp.nan, jnp.nan, 2, -jnp.inf, -jnp.inf]).reshape(1, 6, 1)
    values, pull = jax.vjp(pooled, x)
    np.testing.assert_array_equal(values.ravel(), [np.nan, np.nan, -np.inf])
    np.testing.assert_array_equal(pull(jnp.ones_like(values))[0].ravel(), [0, 1, 1, 0, 1, 0])


def test_integers_booleans_and_empty_batches():
    assert pooled(jnp.asarray([3, 1, -5, -7], "int8").reshape(1, 4, 1)).ravel().tolist() == [3, -5]
    assert pooled(jnp.asarray([True, False, False, False]).reshape(1, 4, 1)).ravel().tolist() == [True, False]
    empty = jnp.zeros((0, 4, 1))
    assert pooled(empty).shape == (0, 2, 1)
    assert jax.grad(lambda x: jnp.sum(pooled(x)))(empty).shape == (0, 4, 1)


def test_half_precision_is_summed_up_in_float32():
    x = jnp.ones((1, 4096, 1), "bfloat16")
    assert pooling.total(x, (1, 4096, 1), (1, 4096, 1), NONE[:3]).ravel().tolist() == [4096]


def test_accelerators_get_the_librarys_own():
    x = jnp.ones((1, 4, 4, 1))
    pool = functools.partial(pooling.maximum, window=(1, 2, 2, 1), strides=(1, 2, 2, 1), padding=NONE[:4])
    text = jax.jit(pool).trace(x).lower(lowering_platforms=("cuda",)).as_text()
    assert "reduce_window" in text
