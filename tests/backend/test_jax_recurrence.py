"""The loops of LSTM and GRU by machine code equal those that XLA compiles, with their gradients."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lamella.backend import _jax_native, _jax_recurrence
from lamella.backend._jax_costs import flops_of
from lamella.backend._native_recurrence import Recurrence

pytestmark = pytest.mark.skipif(not _jax_native.available(Recurrence), reason="no machine code for this processor")

PARTS = {"lstm": 4, "gru": 3}
# steps, batch, units: of one vector, of a part of one, of several panels, of rows for several threads
SIZES = [(7, 5, 6), (1, 1, 1), (5, 32, 128), (4, 37, 33), (6, 3, 16), (3, 70, 65)]


def _given(kind, steps, batch, units, masked=False):
    random = np.random.default_rng(0)

    def normal(*shape):
        return jnp.asarray(random.normal(size=shape) / 2, "float32")

    wide = PARTS[kind] * units
    states = [normal(batch, units) for _ in range(2 if kind == "lstm" else 1)]
    arrays = normal(steps, batch, wide), normal(units, wide), normal(wide), states
    return arrays, jnp.asarray(random.random((steps, batch)) < 0.6) if masked else None


def _weighed(kind, mask, reverse, projected, kernel, bias, states):
    """A number that every output and every state at the end has a part in."""
    outputs, end = _jax_recurrence._known(kind, projected, kernel, bias, states, mask, reverse)
    weights = jnp.cos(0.1 * jnp.arange(outputs.size)).reshape(outputs.shape)
    return (outputs * weights).sum() + sum(((i + 1.5) * x).sum() for i, x in enumerate(end)), (outputs, end)


def _both(function, arrays, monkeypatch):
    """What machine code makes of it, and what XLA does."""
    ours = jax.jit(function)(*arrays)
    assert "lamella." in jax.jit(function).lower(*arrays).as_text()
    with monkeypatch.context() as patch:
        patch.setattr(_jax_native, "available", lambda kernels: False)
        jax.clear_caches()
        theirs = jax.jit(function)(*arrays)
        assert "lamella." not in jax.jit(function).lower(*arrays).as_text()
    jax.clear_caches()
    return ours, theirs


def _same(ours, theirs, tolerance=1e-5):
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        assert a.shape == b.shape and a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * max(1.0, float(jnp.abs(b).max())))


@pytest.mark.parametrize("masked", [False, True], ids=["all real", "masked"])
@pytest.mark.parametrize("reverse", [False, True], ids=["forwards", "backwards"])
@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("kind", PARTS)
def test_the_loop_and_its_gradients(kind, sizes, reverse, masked, monkeypatch):
    arrays, mask = _given(kind, *sizes, masked)
    function = functools.partial(_weighed, kind, mask, reverse)
    _same(*_both(jax.value_and_grad(function, (0, 1, 2, 3), has_aux=True), arrays, monkeypatch))
    _same(*_both(lambda *arrays: function(*arrays)[1], arrays, monkeypatch))  # saves nothing for a gradient


@pytest.mark.parametrize("kind", PARTS)
def test_gradients_by_differences(kind):
    arrays, mask = _given(kind, 4, 3, 5, masked=True)
    with jax.enable_x64(True):
        wide = jax.tree.map(lambda x: jnp.asarray(np.asarray(x), "float64"), arrays)
        function = functools.partial(_weighed, kind, mask, False)
        gradients = jax.grad(lambda *a: function(*a)[0], (0, 1, 2, 3))(*wide)
        direction = jax.tree.map(lambda x: jnp.cos(jnp.arange(x.size, dtype=x.dtype)).reshape(x.shape), wide)

        def along(step):
            return function(*jax.tree.map(lambda x, d: x + step * d, wide, direction))[0]

        expected = (along(1e-5) - along(-1e-5)) / 2e-5
        found = sum(jax.tree.leaves(jax.tree.map(lambda g, d: (g * d).sum(), gradients, direction)))
    np.testing.assert_allclose(found, expected, rtol=1e-8)
    narrow = jax.grad(lambda *a: function(*a)[0], (0, 1, 2, 3))(*arrays)
    _same(narrow, jax.tree.map(lambda x: np.asarray(x, "float32"), gradients))


@pytest.mark.parametrize("kind", PARTS)
def test_masked_steps_take_nothing_from_what_stands_there(kind):
    (projected, *rest), mask = _given(kind, 5, 6, 8, masked=True)
    spoiled = jnp.where(mask[..., None], projected, jnp.nan)
    function = jax.value_and_grad(functools.partial(_weighed, kind, mask, False), (0, 1), has_aux=True)
    clean, dirty = function(projected, *rest), function(spoiled, *rest)
    _same(dirty, clean, 0)
    assert not dirty[1][0][~mask].any()


@pytest.mark.parametrize("kind", PARTS)
def test_a_number_that_is_none_spoils_its_own_row_only(kind):
    (projected, *rest), _ = _given(kind, 3, 20, 18)
    outputs = _weighed(kind, None, False, projected.at[1, 4, 2].set(jnp.nan), *rest)[1][0]
    assert np.isnan(outputs[1:, 4]).any() and np.isfinite(outputs[0]).all()
    assert np.isfinite(np.delete(outputs, 4, axis=1)).all()


@pytest.mark.parametrize("kind", PARTS)
@pytest.mark.parametrize("size", [1e-6, 1e-3, 1.0, 30.0, 1e4])
def test_gates_of_all_sizes(kind, size):
    """To the rounding of float32, relative to the result where it is small."""
    (_, kernel, bias, states), _ = _given(kind, 1, 16, 32)
    z = jnp.linspace(-size, size, 16 * 32 * PARTS[kind], dtype="float32").reshape(1, 16, -1)
    states = [jnp.zeros_like(s) for s in states]
    with jax.enable_x64(True):
        wide = jnp.asarray(np.asarray(z[0]), "float64")
        if kind == "lstm":
            i, _, g, o = jnp.split(wide, 4, axis=-1)
            expected = jax.nn.sigmoid(o) * jnp.tanh(jax.nn.sigmoid(i) * jnp.tanh(g))
        else:
            z_gate, _, g = jnp.split(wide, 3, axis=-1)
            expected = (1 - jax.nn.sigmoid(z_gate)) * jnp.tanh(g)
    found = _jax_recurrence._known(kind, z, kernel, jnp.zeros_like(bias), states, None, False)[0][0]
    np.testing.assert_allclose(found, expected, rtol=2e-6, atol=1.5e-7)


def test_second_derivatives_and_mapping(monkeypatch):
    arrays, mask = _given("lstm", 3, 4, 5)
    function = functools.partial(_weighed, "lstm", mask, False)

    def twice(kernel):
        return jax.grad(lambda k: function(arrays[0], k, *arrays[2:])[0])(kernel).sum()

    _same(*_both(jax.grad(twice), [arrays[1]], monkeypatch), 1e-4)
    many = jax.vmap(lambda p: function(p, *arrays[1:])[0])(jnp.stack([arrays[0], 2 * arrays[0]]))
    one_by_one = jnp.stack([function(p, *arrays[1:])[0] for p in (arrays[0], 2 * arrays[0])])
    np.testing.assert_allclose(many, one_by_one, rtol=1e-5)


def test_the_arithmetic_of_a_loop_is_counted():
    arrays, _ = _given("lstm", 7, 5, 6)
    counted = flops_of(lambda *a: _jax_recurrence._known("lstm", *a, None, False), *arrays)
    products = 7 * 2 * 5 * 6 * 24
    assert products < counted < 2 * products
