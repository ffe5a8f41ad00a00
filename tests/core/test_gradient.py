"""Gradients with respect to variables."""

import jax
import numpy as np
import pytest

import lamella
from lamella import Variable, layers, ops
from lamella.core import _scopes


def test_value_and_gradients():
    w, b = Variable([1.0, 2.0]), Variable(3.0)
    value, grads = lamella.value_and_grad(lambda x: ops.sum(w * w * x) + b, [w, b])(np.array([1.0, 2.0], "float32"))
    assert float(value) == 12.0
    assert [g.tolist() for g in grads] == [[2.0, 8.0], 1.0]
    assert w.numpy().tolist() == [1.0, 2.0]


def test_aux():
    w = Variable(2.0)
    (value, aux), grads = lamella.value_and_grad(lambda: (w * 3.0, {"twice": w * 2.0}), [w], has_aux=True)()
    assert (float(value), float(aux["twice"]), float(grads[0])) == (6.0, 4.0, 3.0)


def test_assignments_happen_once():
    w, count = Variable(2.0), Variable(0)

    def loss():
        count.assign_add(1)
        return w * w

    run = lamella.value_and_grad(loss, [w])
    run()
    run()
    assert int(count) == 2


def test_moving_averages_move():
    layer = layers.BatchNormalization(momentum=0.5)
    x = np.arange(12, dtype="float32").reshape(4, 3)
    twin = layers.BatchNormalization(momentum=0.5)
    layer.build(x.shape)
    twin.build(x.shape)
    lamella.value_and_grad(lambda: ops.sum(layer(x, training=True) ** 2), layer.trainable_variables)()
    twin(x, training=True)
    np.testing.assert_allclose(layer.moving_mean, twin.moving_mean, rtol=1e-6)
    np.testing.assert_allclose(layer.moving_variance, twin.moving_variance, rtol=1e-6)


def test_variables_without_influence_have_zero_gradients():
    w, unused = Variable([1.0]), Variable([5.0, 5.0])
    _, grads = lamella.value_and_grad(lambda: ops.sum(w), [w, unused])()
    assert grads[1].tolist() == [0.0, 0.0]


def test_inside_a_program():
    w = Variable([1.0, 2.0])

    @jax.jit
    def step(value, x):
        with _scopes.StatelessScope([(w, value)]):
            return lamella.value_and_grad(lambda: ops.sum(w * x), [w])()

    value, grads = step(w.value, np.array([3.0, 4.0], "float32"))
    assert float(value) == 11.0
    assert grads[0].tolist() == [3.0, 4.0]


def test_nested():
    w = Variable(3.0)

    def slope():
        _, (g,) = lamella.value_and_grad(lambda: w**3.0, [w])()
        return g

    value, (second,) = lamella.value_and_grad(slope, [w])()
    assert float(value) == pytest.approx(27.0)
    assert float(second) == pytest.approx(18.0)


def test_mixed_precision_gradients_are_float32():
    layer = layers.Dense(2, dtype="mixed_bfloat16")
    layer.build((None, 3))
    x = np.ones((1, 3), "float32")
    _, grads = lamella.value_and_grad(lambda: ops.sum(ops.cast(layer(x), "float32")), layer.trainable_variables)()
    assert {str(g.dtype) for g in grads} == {"float32"}


def test_the_model_form():
    model = lamella.Sequential([layers.Input((3,)), layers.Dense(4, activation="relu"), layers.Dense(1)])
    x, y = np.ones((5, 3), "float32"), np.zeros((5, 1), "float32")
    loss, grads = lamella.value_and_grad(lambda: ops.mean((model(x) - y) ** 2), model.trainable_variables)()
    assert [g.shape for g in grads] == [tuple(v.shape) for v in model.trainable_variables]
    assert float(loss) >= 0
