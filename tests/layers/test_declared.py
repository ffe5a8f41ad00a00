"""Attributes that a layer has once it is built, and its class by name."""

import numpy as np
import pytest
from beside_keras import beside_keras

import lamella
from lamella import layers

MAKE = [
    (lambda: layers.Dense(2), (None, 3), "kernel"),
    (lambda: layers.EinsumDense("ab,bc->ac", 3), (None, 2), "kernel"),
    (lambda: layers.Conv2D(2, 3), (None, 5, 5, 1), "kernel"),
    (lambda: layers.Embedding(3, 2), (None, 4), "embeddings"),
]


@pytest.mark.parametrize("make, shape, name", MAKE)
def test_weights_exist_once_the_layer_is_built(make, shape, name):
    with lamella.backend.use("numpy"):
        layer = make()
        assert hasattr(type(layer), name)
        if not layer.built:
            assert not hasattr(layer, name)
            with pytest.raises(AttributeError, match="build the layer before"):
                getattr(layer, name)
        layer.build(shape)
        assert getattr(layer, name) is layer.weights[0]


def test_sizes_of_attention():
    layer = layers.MultiHeadAttention(2, 4, dropout=0.1, use_bias=False)
    assert (layer.num_heads, layer.key_dim, layer.value_dim, layer.dropout, layer.use_bias) == (2, 4, 4, 0.1, False)
    assert {"num_heads", "key_dim", "value_dim", "dropout", "use_bias"} <= set(dir(layers.MultiHeadAttention))


@pytest.mark.parametrize("default", [True, None, False])
@pytest.mark.parametrize("given", ["nothing", None, True, False])
@beside_keras
def test_training_as_a_call_sees_it(keras, given, default):
    seen = []

    class Listener(keras.layers.Layer):
        def call(self, x, training=default):
            seen.append(training)
            return x

    class Outer(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.inner = Listener()

        def call(self, x, training=None):
            return self.inner(self.inner(x), training=training)

    kwargs = {} if given == "nothing" else {"training": given}
    for layer in (Listener(), Outer()):
        layer(np.ones((1, 2), "float32"), **kwargs)
    return seen[0], seen[-2:]  # Keras calls layers once more, to know their shapes
