"""Attention by machine code equals the composition, in double precision, with its derivatives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import export

from lamella import ops
from lamella.backend import _jax_attention, _jax_native
from lamella.backend._jax_attention import attention
from lamella.backend._jax_costs import flops_of
from lamella.backend._native_attention import Attention

pytestmark = pytest.mark.skipif(not _jax_native.available(Attention), reason="no machine code for this processor")

# batch, targets, sources, heads, heads of keys, size, size of values
SIZES = [
    (2, 7, 9, 2, 2, 8, 8),
    (1, 1, 1, 1, 1, 1, 1),
    (2, 128, 128, 4, 4, 32, 32),
    (2, 70, 45, 4, 2, 16, 24),
    (3, 130, 33, 6, 3, 40, 33),
    (1, 300, 260, 2, 1, 64, 64),
]
MASKS = {
    "no mask": None,
    "of all": "bhts",
    "of targets and sources": "11ts",
    "of sources": "b11s",
    "of two axes": "ts",
    "of targets": "b1t1",
}


def _given(sizes, mask=None):
    batch, targets, sources, heads, groups, size, value_size = sizes
    random = np.random.default_rng(0)
    shapes = (
        (batch, targets, heads, size),
        (batch, sources, groups, size),
        (batch, sources, groups, value_size),
        (batch, targets, heads, value_size),
    )
    arrays = [jnp.asarray(random.normal(size=shape), "float32") for shape in shapes]
    named = {"b": batch, "h": heads, "t": targets, "s": sources, "1": 1}
    chosen = None if mask is None else jnp.asarray(random.random([named[axis] for axis in mask]) < 0.5)
    return arrays, chosen


def _composed(query, key, value, mask, scale, causal):
    """The formula, in NumPy's words."""
    shared = query.shape[2] // key.shape[2]
    logits = jnp.einsum("bthx,bshx->bhts", query, jnp.repeat(key, shared, 2)) * scale
    if causal:
        logits = jnp.where(jnp.tril(jnp.ones(logits.shape[2:], bool)), logits, _jax_attention.HIDDEN)
    if mask is not None:
        logits = jnp.where(mask, logits, _jax_attention.HIDDEN)
    return jnp.einsum("bhts,bshx->bthx", jax.nn.softmax(logits), jnp.repeat(value, shared, 2))


@pytest.mark.parametrize("causal", [False, True], ids=["all", "causal"])
@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_attention_and_its_gradients(sizes, mask, causal):
    (*arrays, upstream), mask = _given(sizes, mask)
    found, pull = jax.vjp(jax.jit(lambda q, k, v: attention(q, k, v, mask, 0.3, causal)), *arrays)
    with jax.enable_x64(True):
        *wide, above = (jnp.asarray(np.asarray(x), "float64") for x in (*arrays, upstream))
        expected, wide_pull = jax.vjp(lambda q, k, v: _composed(q, k, v, mask, 0.3, causal), *wide)
        gradients = [np.asarray(x) for x in wide_pull(above)]
    np.testing.assert_allclose(found, expected, atol=5e-6)
    for ours, theirs in zip(pull(upstream), gradients):
        np.testing.assert_allclose(ours, theirs, atol=2e-5 * max(1.0, np.abs(theirs).max()))


def test_it_is_what_ops_and_layers_compute_with():
    (query, key, value, _), mask = _given(SIZES[0], "bhts")

    def function(query, key, value):
        return ops.dot_product_attention(query, key, value, mask=mask, is_causal=True)

    assert _jax_native.target("attention") in jax.jit(function).lower(query, key, value).as_text()
    plain = ops.dot_product_attention(query, key, value, mask=mask, is_causal=True, flash_attention=False)
    np.testing.assert_allclose(function(query, key, value), plain, atol=2e-6)


def test_targets_that_see_nothing_see_all_alike():
    (query, key, value, _), _ = _given(SIZES[0])
    found = attention(query, key, value, jnp.zeros((1, 1, 7, 9), bool), 1.0, False)
    np.testing.assert_allclose(found, jnp.broadcast_to(value.mean(1, keepdims=True), found.shape), atol=1e-6)


def test_large_logits_and_numbers_that_are_none():
    (query, key, value, _), _ = _given(SIZES[0])
    found = attention(1e4 * query, 1e4 * key, value, None, 1.0, False)
    np.testing.assert_allclose(found, _composed(1e4 * query, 1e4 * key, value, None, 1.0, False), atol=1e-5)
    spoiled = attention(query.at[0, 3, 1].set(jnp.nan), key, value, None, 1.0, False)
    assert np.isnan(spoiled[0, 3, 1]).all() and np.isnan(spoiled).sum() == value.shape[-1]


def test_derivatives_of_other_kinds():
    (query, key, value, _), mask = _given((2, 3, 4, 2, 1, 3, 3), "b11s")

    def of(function):
        return lambda q: jnp.square(function(q, key, value, mask, 0.5, True)).sum()

    for derivative in (jax.jacfwd, jax.hessian, lambda f: jax.vmap(f)):
        given = jnp.stack([query, 2 * query]) if derivative not in (jax.jacfwd, jax.hessian) else query
        np.testing.assert_allclose(derivative(of(attention))(given), derivative(of(_composed))(given), atol=1e-4)


def test_exported_programs_call_nothing_of_ours():
    (query, key, value, _), _ = _given(SIZES[0])
    exported = export.export(jax.jit(lambda q, k, v: attention(q, k, v, None, 1.0, False)))(query, key, value)
    assert "lamella." not in exported.mlir_module()
    np.testing.assert_allclose(
        exported.call(query, key, value), attention(query, key, value, None, 1.0, False), atol=1e-6
    )


def test_the_arithmetic_is_counted():
    (query, key, value, _), _ = _given((2, 70, 45, 4, 2, 16, 24))
    counted = flops_of(lambda q, k, v: attention(q, k, v, None, 1.0, False), query, key, value)
    products = 2 * 2 * 4 * 70 * 45 * (16 + 24)
    assert products < counted < 1.3 * products
