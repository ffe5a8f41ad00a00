"""Masks are visible: what drops one says so, and a model can tell where they go."""

import warnings

import numpy as np
import pytest
from beside_keras import beside_keras

import lamella
from lamella import layers, ops
from lamella.errors import ArgumentError

IDS = np.array([[3, 1, 0, 0]])


def words(**kwargs):
    return layers.Embedding(5, 2, mask_zero=True, name="words", **kwargs)


def explained(model, *args):
    lines = []
    model.explain_masks(*args, print_fn=lines.append)
    return [" ".join(line.split()) for line in lines[0].splitlines()[1:]]


def test_a_layer_that_drops_a_mask_warns_and_names_both_layers():
    flat = layers.Flatten(name="flat")
    embedded = words()(IDS)
    with pytest.warns(UserWarning, match="Flatten 'flat' .*made by Embedding 'words'.*does not support masking"):
        flat(embedded)


def test_each_layer_warns_once():
    flat, embedded = layers.Flatten(), words()(IDS)
    with pytest.warns(UserWarning, match="does not support masking") as caught:
        flat(embedded), flat(embedded)
    assert len(caught) == 1


def test_drawing_warns_too():
    inputs = lamella.Input((4,))
    with pytest.warns(UserWarning, match="Conv1D 'conv'"):
        layers.Conv1D(2, 2, name="conv")(words()(inputs))


@pytest.mark.parametrize(
    "make",
    [
        lambda: layers.LSTM(2),
        lambda: layers.GlobalAveragePooling1D(),
        lambda: layers.Dropout(0.5),
        lambda: layers.Bidirectional(layers.GRU(2)),
        lambda: layers.TimeDistributed(layers.Dense(2)),
        lambda: lamella.Sequential([layers.LSTM(2)]),
    ],
)
def test_layers_that_can_use_it_are_silent(make):
    layer, embedded = make(), words()(IDS)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert layer(embedded) is not None


def test_the_maker_is_known_behind_layers_that_pass_the_mask_on():
    x = layers.LSTM(2, return_sequences=True)(layers.Dropout(0.5)(words()(IDS)))
    with pytest.warns(UserWarning, match="made by Embedding 'words'"):
        layers.Flatten()(x)


def test_a_layer_of_a_user_warns_until_it_takes_the_mask():
    class Plain(layers.Layer):
        def call(self, inputs):
            return inputs * 2.0

    class Taking(layers.Layer):
        def call(self, inputs, mask=None):
            return inputs if mask is None else inputs * ops.expand_dims(ops.cast(mask, inputs.dtype), -1)

    embedded = words()(IDS)
    with pytest.warns(UserWarning, match="Plain"):
        Plain()(embedded)
    assert not np.asarray(Taking()(embedded))[0, 2:].any()


def test_explain_a_drawn_model():
    inputs = lamella.Input((None,))
    x = layers.Dropout(0.1, name="drop")(words()(inputs))
    x = layers.LSTM(3, return_sequences=True, name="reader")(x)
    outputs = layers.GlobalAveragePooling1D(name="mean")(x)
    assert explained(lamella.Model(inputs, outputs)) == [
        "Embedding 'words' makes a mask",
        "Dropout 'drop' passes on the mask of Embedding 'words'",
        "LSTM 'reader' uses the mask of Embedding 'words', and passes it on",
        "GlobalAveragePooling1D 'mean' uses the mask of Embedding 'words'; it ends here",
    ]


def test_explain_names_ops_that_lose_a_mask():
    inputs = lamella.Input((4,))
    model = lamella.Model(inputs, words()(inputs) + 1.0)
    assert "LOSES the mask of Embedding 'words'" in explained(model)[-1]


@pytest.mark.filterwarnings("ignore:.*does not support masking")
def test_explain_a_chain_that_loses_a_mask():
    model = lamella.Sequential([lamella.Input((4,)), words(), layers.Flatten(name="flat"), layers.Dense(1)])
    assert explained(model) == [
        "Embedding 'words' makes a mask",
        "Flatten 'flat' LOSES the mask of Embedding 'words': it does not support masking",
    ]


def test_explain_a_subclass_by_example_and_leave_it_as_it_was():
    class Reader(lamella.Model):
        def __init__(self):
            super().__init__()
            self.words, self.reader = words(), layers.GRU(2, name="reader")

        def call(self, x):
            return self.reader(self.words(x))

    model = Reader()
    with pytest.raises(ArgumentError, match="example data"):
        model.explain_masks()
    model(IDS)
    before = model.get_weights()
    assert explained(model, IDS) == [
        "Embedding 'words' makes a mask",
        "GRU 'reader' uses the mask of Embedding 'words'; it ends here",
    ]
    for a, b in zip(before, model.get_weights()):
        np.testing.assert_array_equal(a, b)


def test_explain_a_model_without_masks(capsys):
    lamella.Sequential([lamella.Input((3,)), layers.Dense(1)]).explain_masks()
    assert "no layer makes one" in capsys.readouterr().out


# ---- layers with a `compute_mask` of their own ------------------------------------------------------------


def splits(keras):
    class Splits(keras.layers.Layer):
        def call(self, x):
            return keras.ops.split(x, 2, axis=1)

        def compute_mask(self, x, mask=None):
            return None if mask is None else keras.ops.split(mask, 2, axis=1)

    return Splits()


def makes(keras, base="Layer", **members):
    members = {"call": lambda self, x: x, "compute_mask": lambda self, x, mask=None: x[..., 0] > 1, **members}
    return type("Makes", (getattr(keras.layers, base),), members)()


OWN = {
    "splits": splits,
    "makes": makes,
    "says no": lambda keras: makes(keras, supports_masking=False),
    "says yes": lambda keras: type(makes(keras, supports_masking=True, compute_mask=keras.layers.Layer.compute_mask))(),
    "inherits yes": lambda keras: type("Sub", (type(makes(keras, supports_masking=True)),), {})(),
    "flatten": lambda keras: makes(keras, "Flatten"),
    "none": lambda keras: keras.layers.Lambda(lambda x: x),
}


@beside_keras
@pytest.mark.filterwarnings("ignore:.*does not support masking")
@pytest.mark.parametrize("own", OWN)
def test_masks_of_layers_of_a_user(keras, own):
    layer = OWN[own](keras)
    out = layer(keras.layers.Masking()(np.array([[[1.0], [2.0], [0.0], [0.0]]], "float32")))
    outputs = out if isinstance(out, list) else [out]
    return [layer.supports_masking, [getattr(x, "_keras_mask", None) for x in outputs]]


@beside_keras
def test_models_pass_on_the_mask_they_are_asked_for(keras):
    return keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]).compute_mask(np.ones((1, 3)), np.ones((1, 3)))
