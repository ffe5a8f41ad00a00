"""Losses by name, and back."""

import json

import numpy as np
import pytest
from beside_keras import beside_keras

import lamella
from lamella import losses
from lamella.errors import ArgumentError, SerializationError, UnknownNameError

FUNCTIONS = [name for name in losses.__all__ if name.islower() and name not in ("get", "serialize", "deserialize")]
SHORT = ["mse", "MSE", "mae", "MAE", "mape", "MAPE", "msle", "MSLE", "bce", "BCE", "kld", "KLD"]


@beside_keras
@pytest.mark.parametrize("name", [n for n in FUNCTIONS if n != "categorical_generalized_cross_entropy"] + SHORT)
def test_functions(keras, name):
    found = keras.losses.get(name)
    return [found.__name__, found is getattr(keras.losses, found.__name__)]


@beside_keras
@pytest.mark.parametrize(
    "name", ["MeanSquaredError", "Huber", "CTC", "SparseCategoricalCrossentropy", "Dice", "LogCosh"]
)
def test_classes(keras, name):
    found = keras.losses.get(name)
    return [isinstance(found, getattr(keras.losses, name)), found.name, found.reduction]


@beside_keras
@pytest.mark.parametrize("identifier", ["nope", "Mse", 3, 1.5, [], "", {"class_name": "Nope", "config": {}}], ids=str)
def test_unknown(keras, identifier):
    return keras.losses.get(identifier)


@beside_keras
def test_what_is_passed_through(keras):
    loss = keras.losses.Huber()

    def mine(y_true, y_pred):
        return y_pred

    return [
        keras.losses.get(None),
        keras.losses.get(loss) is loss,
        keras.losses.get(mine) is mine,
        isinstance(keras.losses.get(keras.losses.Huber), keras.losses.Huber),
        keras.losses.get({"class_name": "Dice", "config": {"reduction": "sum", "name": "d"}}).get_config(),
    ]


@beside_keras
@pytest.mark.parametrize("name", ["MeanSquaredError", "BinaryFocalCrossentropy", "Dice"])
def test_serialized(keras, name):
    return {k: v for k, v in keras.losses.serialize(getattr(keras.losses, name)()).items() if k != "config"}


@beside_keras
def test_serialized_function_comes_back(keras):
    config = keras.losses.serialize(keras.losses.huber)
    return keras.losses.deserialize(config) is keras.losses.huber


@beside_keras
def test_registered(keras):
    @keras.saving.register_keras_serializable("mine")
    class Odd(keras.losses.Loss):
        def __init__(self, power=3, **kwargs):
            super().__init__(**kwargs)
            self.power = power

        def call(self, y_true, y_pred):
            return keras.ops.mean((y_true - y_pred) ** self.power, axis=-1)

        def get_config(self):
            return {**super().get_config(), "power": self.power}

    config = json.loads(json.dumps(keras.losses.serialize(Odd(power=2, name="odd"))))
    twin = keras.losses.deserialize(config)
    return [
        twin.power,
        twin.name,
        twin(np.ones((2, 2)), np.zeros((2, 2))),
        keras.losses.deserialize({"class_name": "Odd", "config": {}}, custom_objects={"Odd": Odd}).power,
        config["registered_name"],
    ]


def test_unknown_names_have_suggestions():
    with pytest.raises(UnknownNameError, match="mean_squared_error"):
        losses.get("mean_squared_eror")
    with pytest.raises(ArgumentError, match="type int"):
        losses.get(3)
    with pytest.raises(SerializationError):
        losses.get({"module": "keras.losses", "class_name": "Nope", "config": {}})


@pytest.mark.parametrize("name", ["logcosh", "kullback_leibler_divergence", *SHORT])
def test_names_of_older_programs(name):
    assert losses.get(name) is getattr(losses, name)
    assert callable(getattr(lamella.metrics, name))
    assert losses.Reduction.NONE == "none"


def test_options_are_kept():
    """Keras forgets these in its configurations."""
    for loss in (
        losses.Huber(delta=0.5),
        losses.CosineSimilarity(axis=1),
        losses.SparseCategoricalCrossentropy(axis=1),
        losses.BinaryCrossentropy(label_smoothing=0.1),
    ):
        twin = losses.deserialize(losses.serialize(loss))
        assert twin.get_config() == loss.get_config()
        assert vars(twin)["_fn_kwargs"] == vars(loss)["_fn_kwargs"]
        assert loss.name in repr(loss)


def test_wrapper_of_a_function():
    from lamella.losses._loss import LossFunctionWrapper

    wrapped = LossFunctionWrapper(losses.huber, name="w", delta=0.5)
    twin = LossFunctionWrapper.from_config(wrapped.get_config())
    assert twin.fn is losses.huber and twin.delta == 0.5 and twin.name == "w"
