"""Mistakes with layers, each told where it is made: what was given, what was expected, what to do."""

import numpy as np
import pytest

import lamella
from lamella import layers
from lamella.errors import OutOfRangeError, ShapeError


def zeros(*shape):
    return np.zeros(shape, "float32")


def called(layer, *inputs, **kwargs):
    return lambda: layer(*inputs, **kwargs)


def after(layer, first, second):
    """Call `layer` on `first`, which builds it, and return the call on `second`."""
    layer(first)
    return called(layer, second)


MISTAKES = {
    # a wrong number of axes
    "Conv2D on 3 axes": (called(layers.Conv2D(2, 3), zeros(2, 8, 8)), r"conv2d.*expected min_ndim=4, found ndim=3"),
    "LSTM on 2 axes": (called(layers.LSTM(2), zeros(2, 8)), r"lstm.*expected ndim=3, found ndim=2"),
    "Dense on 1 axis": (called(layers.Dense(2), zeros(2)), r"dense.*expected min_ndim=2, found ndim=1"),
    "UpSampling2D on 3 axes": (called(layers.UpSampling2D(), zeros(1, 4, 2)), "expected ndim=4, found ndim=3"),
    "MultiHeadAttention on 2 axes": (
        called(layers.MultiHeadAttention(2, 2), zeros(1, 4), zeros(1, 4)),
        r"MultiHeadAttention '.*\(batch, steps, features\)",
    ),
    "TimeDistributed on 2 axes": (
        called(layers.TimeDistributed(layers.Dense(2)), zeros(3, 4)),
        "TimeDistributed .*at least 3 dimensions",
    ),
    # another number of channels than before
    "Conv2D": (after(layers.Conv2D(2, 3), zeros(1, 8, 8, 3), zeros(1, 8, 8, 4)), "axis 3 .*value 3, but received 4"),
    "Dense": (after(layers.Dense(2), zeros(1, 4), zeros(1, 5)), "axis -1 .*value 4, but received 5"),
    "GRU": (after(layers.GRU(2), zeros(1, 5, 4), zeros(1, 5, 3)), "axis 2 .*value 4, but received 3"),
    "ConvLSTM1D": (
        after(layers.ConvLSTM1D(2, 2), zeros(1, 2, 5, 4), zeros(1, 2, 5, 3)),
        "axis 3 .*value 4, but received 3",
    ),
    "BatchNormalization": (after(layers.BatchNormalization(), zeros(2, 3), zeros(2, 4)), "value 3, but received 4"),
    "LayerNormalization": (after(layers.LayerNormalization(), zeros(2, 3), zeros(2, 4)), "value 3, but received 4"),
    "RMSNormalization": (after(layers.RMSNormalization(), zeros(2, 3), zeros(2, 4)), "value 3, but received 4"),
    "groups": (called(layers.Conv2D(4, 3, groups=2), zeros(1, 8, 8, 3)), "divisible by the number of groups"),
    # windows that do not fit
    **{
        f"{layer.name} larger than its input": (called(layer, x), "output size would be zero or negative.*Use padding")
        for layer, x in (
            (layers.Conv2D(2, 9, name="conv2d"), zeros(1, 8, 8, 3)),
            (layers.Conv1D(2, 3, dilation_rate=5, name="conv1d"), zeros(1, 8, 3)),
            (layers.DepthwiseConv2D(9, name="depthwise"), zeros(1, 8, 8, 3)),
            (layers.SeparableConv1D(2, 9, name="separable"), zeros(1, 8, 3)),
            (layers.MaxPooling2D(9, name="pool"), zeros(1, 8, 8, 3)),
            (layers.ConvLSTM2D(2, 9, name="conv_lstm"), zeros(1, 2, 8, 8, 3)),
            (layers.Conv2D(2, 9, name="drawn"), lamella.Input((8, 8, 3))),
        )
    },
    "Cropping1D": (called(layers.Cropping1D(5), zeros(1, 8, 3)), "Cropping1D.*smaller than"),
    # states
    "stateful without a batch size": (
        called(layers.LSTM(2, stateful=True), lamella.Input((5, 3))),
        "batch size must be static: LSTM.*Give the input a `batch_shape`",
    ),
    "stateful with another batch size": (
        after(layers.GRU(2, stateful=True), zeros(2, 5, 3), zeros(3, 5, 3)),
        "GRU .*batch of 2 .*got a batch of 3",
    ),
    "too few states": (
        called(layers.LSTM(2), zeros(1, 5, 4), initial_state=[zeros(1, 2)]),
        "LSTM .*has 2 states; got 1",
    ),
    "states of another size": (
        called(layers.LSTM(2), zeros(1, 5, 4), initial_state=[zeros(1, 3), zeros(1, 3)]),
        r"states of shape \(batch, units\) = \(1, 2\); got \(1, 3\)",
    ),
    # several inputs
    "Add": (called(layers.Add(), [zeros(1, 4), zeros(1, 5)]), "Add .*incompatible shapes"),
    "Concatenate": (called(layers.Concatenate(), [zeros(1, 4, 2), zeros(1, 5, 2)]), "matching shapes except"),
    "Dot": (called(layers.Dot(1), [zeros(1, 4), zeros(1, 5)]), "Dot .*axis values 4 .*!= 5"),
    "Reshape": (called(layers.Reshape((5,)), zeros(1, 4)), r"unchanged.*input_shape=\(4,\)"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_shapes(mistake):
    run, message = MISTAKES[mistake]
    with pytest.raises(ShapeError, match=message):
        run()


@pytest.mark.parametrize("index", [5, -1, 70])
def test_an_index_out_of_the_vocabulary(index):
    with pytest.raises(
        OutOfRangeError, match=rf"Embedding 'words'.*from 0 to 4.*got index {index} at position \(0, 1\)"
    ):
        layers.Embedding(5, 2, name="words")([[1, index]])


@pytest.mark.parametrize("drawn", [True, False])
def test_an_index_out_of_the_vocabulary_in_training_data(drawn):
    model = lamella.Sequential([lamella.Input((2,), dtype="int32"), layers.Embedding(5, 2), layers.Flatten()])
    if drawn:
        model = lamella.Model(model.inputs, model.outputs)
    model.compile("sgd", "mse")
    x = np.array([[0, 1], [2, 7]])
    for run in (lambda: model.fit(x, zeros(2, 4), verbose=0), lambda: model.predict(x, verbose=0)):
        with pytest.raises(OutOfRangeError, match=r"got index 7 at position \(1, 1\)"):
            run()
