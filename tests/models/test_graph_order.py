"""The order of layers and weights in branching graphs is Keras's, so that weights can be carried over."""

import numpy as np
import pytest

import lamella

keras = pytest.importorskip("keras")


def skip(k):
    x = k.Input((4,), name="x")
    a = k.layers.Dense(3, name="a")(x)
    b = k.layers.Dense(3, name="b")(x)
    c = k.layers.Dense(3, name="c")(b)
    return k.Model(x, k.layers.Dense(2, name="d")(k.layers.Add(name="sum")([a, c])))


def two_inputs(k):
    x, y = k.Input((4,), name="x"), k.Input((2,), name="y")
    b = k.layers.Dense(3, name="b")(y)
    a = k.layers.Dense(3, name="a")(k.layers.Dense(5, name="first")(x))
    return k.Model([x, y], [k.layers.Concatenate(name="c")([b, a]), b])


def shared(k):
    x, y = k.Input((4,), name="x"), k.Input((4,), name="y")
    twice = k.layers.Dense(3, name="twice")
    side = k.layers.Dense(3, name="side")(y)
    return k.Model([x, y], k.layers.Add(name="sum")([twice(x), twice(k.layers.Dense(4, name="deep")(y)), side]))


def unused(k):
    x, y = k.Input((4,), name="x"), k.Input((4,), name="y")
    return k.Model([y, x], k.layers.Dense(2, name="a")(x))


@pytest.mark.parametrize("make", [skip, two_inputs, shared, unused])
def test_layers_and_weights_come_in_the_order_of_keras(make):
    ours, theirs = make(lamella), make(keras)
    assert [layer.name for layer in ours.layers] == [layer.name for layer in theirs.layers]
    assert [w.shape for w in ours.weights] == [w.shape for w in theirs.weights]
    ours.set_weights(theirs.get_weights())
    data = [
        np.random.default_rng(i).normal(size=(3, *t.shape[1:])).astype("float32") for i, t in enumerate(ours.inputs)
    ]
    data = data if len(data) > 1 else data[0]
    for a, b in zip(
        *([np.asarray(o) for o in (r if isinstance(r, list) else [r])] for r in (ours(data), theirs(data)))
    ):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
