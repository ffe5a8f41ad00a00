"""How far into a `PyDataset` each epoch of `fit` comes, beside Keras; and the order of its batches."""

import numpy as np
import pytest
from beside_keras import beside_keras

import lamella


def data_set(keras, batches):
    class Batches(keras.utils.PyDataset):
        def __init__(self):
            super().__init__()
            self.asked = []

        def __len__(self):
            return batches

        def __getitem__(self, index):
            self.asked.append(index)
            return np.full((4, 2), index, "float32"), np.ones((4, 1), "float32")

    return Batches()


def model(keras):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, kernel_initializer="ones")])
    model.compile("sgd", "mse")
    return model


@pytest.mark.filterwarnings("ignore:Your input ran out of data")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("batches, steps, epochs", [(3, 2, 4), (4, 2, 4), (3, 1, 5), (2, 5, 3), (3, 3, 2)])
@beside_keras
def test_an_epoch_goes_on_where_the_last_one_stopped(keras, batches, steps, epochs):
    fit = model(keras).fit(data_set(keras, batches), steps_per_epoch=steps, epochs=epochs, shuffle=False, verbose=0)
    return fit.history


@pytest.mark.filterwarnings("ignore:Your input ran out of data")
@beside_keras
def test_evaluation_and_prediction_end_with_the_data(keras):
    made = model(keras)
    data = data_set(keras, 3)
    return made.evaluate(data, steps=5, verbose=0), made.predict(data, steps=5, verbose=0)


def test_batches_are_shuffled_anew_each_epoch_unless_told_otherwise():
    data = data_set(lamella, 20)
    model(lamella).fit(data, epochs=2, verbose=0)
    first, second = data.asked[:20], data.asked[20:]
    assert sorted(first) == sorted(second) == list(range(20))
    assert first != second and first != sorted(first)
    data = data_set(lamella, 5)
    model(lamella).fit(data, epochs=2, verbose=0, shuffle=False, validation_data=data_set(lamella, 2))
    assert data.asked == [*range(5)] * 2


def test_the_order_follows_the_seed():
    def asked():
        lamella.utils.set_random_seed(3)
        data = data_set(lamella, 9)
        model(lamella).fit(data, epochs=2, verbose=0)
        return data.asked

    assert asked() == asked()


@beside_keras
def test_a_generator_takes_no_class_weights(keras):
    batches = ((np.ones((2, 2)), np.ones((2, 1))) for _ in range(2))
    return model(keras).fit(batches, class_weight={0: 1.0, 1: 2.0}, verbose=0)


@beside_keras
def test_weights_of_classes_and_of_samples_exclude_each_other(keras):
    weights = {"class_weight": {0: 1.0, 1: 2.0}, "sample_weight": np.ones(2)}
    return model(keras).fit(np.ones((2, 2)), np.ones((2, 1)), verbose=0, **weights)
