"""Attributes that a layer has once it is built, and its class by name."""

import numpy as np
import pytest
from beside_keras import beside_keras

import lamella
from lamella import layers
from lamella.errors import ArgumentError

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


REFUSED = {
    "a vocabulary of its own": lambda L: L.IntegerLookup(vocabulary=[1], salt=3),
    "strides and dilation": lambda L: L.ConvLSTM2D(2, 2, strides=2, dilation_rate=2),
    "axes of attention": lambda L: L.MultiHeadAttention(2, 3, attention_axes="x"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_options_that_cannot_be(name):
    pytest.importorskip("pyarrow")
    with pytest.raises(ArgumentError, match=r"salt|strides|attention_axes"):
        REFUSED[name](layers)


@beside_keras
def test_means_that_broadcast(keras):
    given = keras.layers.Normalization(mean=[1.0, 2.0], variance=[1.0, 4.0])
    given.build((2, 3, 2))
    learned = keras.layers.Normalization(axis=None)
    assert learned.mean is None
    learned.adapt(np.array([1.0, 2.0, 4.0], "float32"))
    return given.mean, given.variance, learned.mean, learned.variance, learned(np.ones((2, 2), "float32"))


@pytest.mark.parametrize("scale", [2, [1.0, 2.0], np.array([1.0, 2.0])], ids=str)
@beside_keras
def test_scales_in_configurations(keras, scale):
    config = keras.layers.Rescaling(scale).get_config()
    return config["scale"], keras.layers.Rescaling.from_config(config)(np.ones((1, 2), "float32"))


@pytest.mark.parametrize("axis", [-1, (0, 1)])
@beside_keras
def test_scaling_by_the_deviation_alone(keras, axis):
    layer = keras.layers.LayerNormalization(axis=axis, rms_scaling=True)
    out = layer(np.array([[1.0, 2.0, 4.0], [0.0, 0.0, 1.0]], "float32"))
    return out, [w.shape for w in layer.weights], layer.get_config()["rms_scaling"]


def test_a_given_vocabulary_is_not_adapted():
    pytest.importorskip("pyarrow")
    for layer in (layers.StringLookup(vocabulary=["a"]), layers.TextVectorization(vocabulary=["a"])):
        with pytest.raises(ArgumentError, match="static vocabulary"):
            layer.adapt(["b"])
