"""The kernels that stand in for portable ops on JAX give what the portable ops give: values, gradients, at ties too."""

import jax
import numpy as np
import pytest

from lamella import ops
from lamella.backend import _jax_overrides, epsilon

RANDOM = np.random.default_rng(0)
LOGITS = RANDOM.normal(size=(4, 5)).astype("float32")
TARGET = np.eye(5, dtype="float32")[[0, 4, 2, 2]]


def shares(x):
    return ops.softmax.portable(x)


CUT = np.array([[0.0, 1.0, 0.0], [epsilon(), 1 - epsilon(), 0.0], [0.2, 0.3, 0.5]], "float32")

CASES = [
    ("softmax", lambda f: f, LOGITS),
    ("softmax", lambda f: lambda x: f(x, axis=0), LOGITS),
    ("softmax", lambda f: f, np.array([[1000.0, 999.0], [-1000.0, 0.0]], "float32")),
    ("gelu", lambda f: f, LOGITS),
    ("gelu", lambda f: lambda x: f(x, approximate=False), LOGITS),
    ("silu", lambda f: f, np.array([[100.0, -100.0], [0.0, 1.0]], "float32")),
    ("categorical_crossentropy", lambda f: lambda x: f(jax.numpy.asarray(TARGET), x), np.asarray(shares(LOGITS))),
    ("categorical_crossentropy", lambda f: lambda x: f(jax.numpy.asarray(TARGET), x), np.abs(LOGITS)),
    ("categorical_crossentropy", lambda f: lambda x: f(jax.numpy.asarray(TARGET.T), x, axis=0), np.abs(LOGITS).T),
    ("categorical_crossentropy", lambda f: lambda x: f(jax.numpy.asarray(CUT), x), CUT),
    ("sparse_categorical_crossentropy", lambda f: lambda x: f(jax.numpy.asarray([0, 4, 2, 5]), x), np.abs(LOGITS)),
    ("sparse_categorical_crossentropy", lambda f: lambda x: f(jax.numpy.asarray([[0], [1], [-1]]), x), CUT),
]


@pytest.mark.parametrize("name, call, x", CASES)
def test_an_override_is_the_portable_op(name, call, x):
    native, portable = call(_jax_overrides.OVERRIDES[name]), call(getattr(ops, name).portable)
    x = jax.numpy.asarray(x)
    weights = RANDOM.normal(size=np.shape(portable(x))).astype("float32")
    np.testing.assert_allclose(native(x), portable(x), rtol=1e-6, atol=1e-7)
    backward = [jax.grad(lambda x, f=f: (f(x) * weights).sum())(x) for f in (native, portable)]
    np.testing.assert_allclose(*backward, rtol=2e-5, atol=2e-6)
    forward = [jax.jvp(f, (x,), (jax.numpy.asarray(x[::-1]),))[1] for f in (native, portable)]
    np.testing.assert_allclose(*forward, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize(
    "name, arguments",
    [
        ("softmax", ([[1.0, 2.0]],)),
        ("softmax", (jax.numpy.ones((2, 1)),)),
        ("softmax", (jax.numpy.ones((2, 3)), (0, 1))),
        ("softmax", (jax.numpy.ones((2, 3), "bfloat16"),)),
        ("softmax", (jax.numpy.ones((2, 3)), 2)),
        ("categorical_crossentropy", (jax.numpy.ones((2, 3)), jax.numpy.ones((3, 3)))),
        ("categorical_crossentropy", (jax.numpy.ones((2, 3)), jax.numpy.ones((2, 3)), True)),
        ("categorical_crossentropy", (jax.numpy.ones((2, 3), "bfloat16"), jax.numpy.ones((2, 3)))),
        ("categorical_crossentropy", (jax.numpy.ones(()), jax.numpy.ones(()))),
        ("sparse_categorical_crossentropy", ([1, 2], jax.numpy.ones((2, 3)))),
        ("sparse_categorical_crossentropy", (jax.numpy.ones((2,)), jax.numpy.ones((3, 3)))),
        ("sparse_categorical_crossentropy", (jax.numpy.ones((2,)), jax.numpy.ones((2, 3)), False, 0)),
    ],
)
def test_what_it_does_not_compute_is_left_to_the_portable_op(name, arguments):
    assert _jax_overrides.OVERRIDES[name](*arguments) is NotImplemented


@pytest.mark.parametrize(
    "activation", [ops.silu, ops.gelu, lambda x: ops.gelu(x, approximate=False)], ids=["silu", "by tanh", "exact"]
)
def test_the_backward_pass_keeps_the_argument_alone(activation):
    x = jax.numpy.linspace(-3.0, 3.0, 7)
    _, pull = jax.vjp(activation, x)
    kept = [leaf for leaf in jax.tree.leaves(pull) if leaf.shape == x.shape]
    assert len(kept) == 1
    np.testing.assert_array_equal(kept[0], x)
