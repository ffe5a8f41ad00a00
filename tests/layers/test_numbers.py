"""Normalization, Discretization and CategoryEncoding."""

import json
import warnings

import numpy as np
import pytest
from beside_keras import beside_keras

import lamella
from lamella import layers
from lamella.errors import ArgumentError, DataError, NotBuiltError, OutOfRangeError, ShapeError

draw = np.random.default_rng(0)
X = draw.normal(2.0, 3.0, size=(6, 4, 3)).astype("float32")


@pytest.mark.parametrize("invert", [False, True])
@pytest.mark.parametrize("axis", [-1, 1, (1, 2), (-1, -2), None, 0])
@beside_keras
def test_normalization_adapted(keras, axis, invert):
    layer = keras.layers.Normalization(axis=axis, invert=invert, name="n")
    layer.adapt(X)
    layer.adapt(2 * X)
    facts = [(w.name, tuple(w.shape), str(w.dtype)) for w in layer.weights]
    return layer(X), layer.get_weights(), facts, layer.get_config(), layer.get_build_config()


@pytest.mark.parametrize("mean, variance", [(3.0, 2.0), ([1.0, 2.0, 3.0], [4.0, 1.0, 2.0]), (np.ones(3), np.ones(3))])
@beside_keras
def test_normalization_given(keras, mean, variance):
    layer = keras.layers.Normalization(mean=mean, variance=variance, name="n")
    return layer(X), layer.weights, layer.get_config()


@pytest.mark.parametrize("axis, mean", [(-1, [[1.0, 2.0]]), (None, [1.0, 2.0]), ((1, 2), [[[1.0]]])])
@beside_keras
def test_normalization_given_more_axes_than_it_keeps(keras, axis, mean):
    return keras.layers.Normalization(axis=axis, mean=mean, variance=mean)


@beside_keras
def test_normalization_of_constants(keras):
    layer = keras.layers.Normalization()
    layer.adapt(np.ones((4, 2), "float32"))
    return layer(np.ones((2, 2), "float32"))


@pytest.mark.parametrize("axis", [3, -4])
@beside_keras
def test_normalization_of_an_axis_that_is_not_there(keras, axis):
    return keras.layers.Normalization(axis=axis)(X)


def test_normalization_reads_streams():
    whole, parts = layers.Normalization(), layers.Normalization()
    whole.adapt(X + 1e4)
    parts.adapt(X[i : i + n] + 1e4 for i, n in ((0, 1), (1, 3), (4, 2)))
    for a, b in zip(parts.get_weights(), whole.get_weights()):
        np.testing.assert_allclose(a, b, rtol=1e-5)


@pytest.mark.parametrize("labelled", [False, True])
@pytest.mark.parametrize("kind", [list, tuple, iter])
def test_normalization_of_batches(kind, labelled):
    whole, parts = (layers.Normalization(axis=(1, 2)) for _ in range(2))
    whole.adapt(X)
    parts.adapt(kind([(x, np.zeros(2)) if labelled else x for x in (X[:2], X[2:4], X[4:])]))
    assert parts.mean.shape == (1, 4, 3)
    np.testing.assert_allclose(parts(X), whole(X), rtol=1e-5, atol=1e-6)


def test_normalization_of_what_holds_no_arrays():
    for data in ([], iter([]), np.ones((0, 2))):
        with pytest.raises(DataError, match="no data"):
            layers.Normalization().adapt(data)
    for data in (3.0, iter([3.0])):
        with pytest.raises(TypeError, match="takes arrays"):
            layers.Normalization().adapt(data)


def test_normalization_of_labelled_batches_of_a_data_set():
    class Batches(lamella.utils.PyDataset):
        def __len__(self):
            return 3

        def __getitem__(self, index):
            return X[2 * index : 2 * index + 2], np.zeros(2)

    whole, parts = layers.Normalization(), layers.Normalization()
    whole.adapt(X)
    parts.adapt(Batches())
    np.testing.assert_allclose(parts(X), whole(X), rtol=1e-5, atol=1e-6)


def test_normalization_is_saved(tmp_path):
    layer = layers.Normalization()
    layer.adapt(X)
    store = {}
    layer.save_own_variables(store)
    assert sorted(store) == ["0", "1", "2"]
    again = layers.Normalization.from_config(json.loads(json.dumps(layer.get_config())))
    again.build_from_config(layer.get_build_config())
    again.load_own_variables(store)
    np.testing.assert_array_equal(again(X), layer(X))


def test_normalization_without_adapt_says_so():
    layer = layers.Normalization(name="never")
    with pytest.warns(UserWarning, match=r"'never' was called before `adapt\(\)`"):
        np.testing.assert_array_equal(layer(X), X)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        layer(X)  # once is enough
        drawn = layers.Normalization()
        drawn(lamella.Input((4, 3)))  # models may be drawn first
        drawn.adapt(X)
        drawn(X)


def test_normalization_mistakes():
    with pytest.raises(ArgumentError, match="both `mean` and `variance`"):
        layers.Normalization(mean=1.0)
    with pytest.raises(ArgumentError, match="broadcast"):
        layers.Normalization(mean=[1.0, 2.0], variance=1.0)(X)
    with pytest.raises(ArgumentError, match="nothing to measure"):
        layers.Normalization(mean=1.0, variance=1.0).adapt(X)
    with pytest.raises(ShapeError, match="known shape"):
        layers.Normalization()(lamella.Input((None,)))
    layer = layers.Normalization()
    layer.adapt(X)
    with pytest.raises(ShapeError, match="built for inputs of shape"):
        layer.adapt(X[..., :2])
    with pytest.raises(ShapeError, match="has means for shape"):
        layer(X[..., :2])
    with pytest.raises(DataError, match="numbers"):
        layers.Normalization().adapt(["a"])
    with pytest.raises(DataError, match="no data"):
        layers.Normalization().adapt(iter([]))


# ---- bins --------------------------------------------------------------------------------------------

VALUES = np.array([[-1.5, 1.0, 3.4, 0.5], [0.0, 3.0, 1.3, 0.0]])

# What Keras 3.15 (with TensorFlow, which its `adapt` needs) learns: data, bins, epsilon, boundaries.
LEARNED = [
    (VALUES, 2, 0.01, [0.5]),
    (VALUES, 3, 0.01, [0.0, 1.1]),
    (VALUES, 4, 0.01, [0.0, 0.5, 1.3]),
    (VALUES, 4, 0.2, [-0.425, 0.5, 1.71]),
    (VALUES, 4, 0.3, [0.1, 0.58, 1.69]),
    (VALUES, 4, 0.5, [0.5]),
    ([3.0], 2, 0.01, []),
    ([1.0, 1.0, 1.0, 2.0], 5, 0.01, [1.0, 1.0, 1.0]),
    (np.arange(100.0), 4, 0.1, [24.0, 49.0, 74.0]),
    (np.arange(99.0), 4, 0.1, [23.75, 48.5, 73.25]),
    (np.arange(105.0), 4, 0.1, [24.0, 49.0, 74.0]),
    (np.arange(11.0), 4, 0.1, [1.75, 4.5, 7.25]),
    (np.arange(12.0), 4, 0.1, [2.0, 5.0, 8.0]),
]


@pytest.mark.parametrize("data, num_bins, epsilon, expected", LEARNED)
def test_boundaries_are_those_of_keras(data, num_bins, epsilon, expected):
    layer = layers.Discretization(num_bins=num_bins, epsilon=epsilon)
    layer.adapt(data)
    np.testing.assert_allclose(layer.bin_boundaries, expected, atol=1e-4)


def test_boundaries_of_batches_are_those_of_keras():
    layer = layers.Discretization(num_bins=4, epsilon=0.1)
    layer.adapt([np.arange(100.0), np.arange(100.0) + 50, np.array([3.0, 4.0])][i] for i in range(3))
    np.testing.assert_allclose(layer.bin_boundaries, [47.5, 78.5, 103.75], atol=1e-4)


def test_boundaries_are_quantiles_of_a_stream():
    data = draw.normal(size=200_000).astype("float32")
    layer = layers.Discretization(num_bins=5, epsilon=0.002)
    layer.adapt(np.split(data, 100)[i] for i in range(100))
    assert layer.summary.shape[1] <= 500
    np.testing.assert_allclose(layer.bin_boundaries, np.quantile(data, [0.2, 0.4, 0.6, 0.8]), atol=0.06)


@pytest.mark.parametrize("data", [VALUES, VALUES[0], VALUES[:, :1]], ids=["rows", "flat", "column"])
@pytest.mark.parametrize("mode", ["int", "one_hot", "multi_hot", "count"])
@beside_keras
def test_bins(keras, mode, data):
    layer = keras.layers.Discretization(bin_boundaries=[0.0, 1.0, 2.0], output_mode=mode)
    return layer(data.astype("float32")), layer.compute_output_shape(data.shape), layer(keras.Input((4,)))


@beside_keras
def test_bins_of_edges(keras):
    layer = keras.layers.Discretization(bin_boundaries=[0.0, 1.0])
    dtypes = layer.input_dtype, layer.output_dtype, layer.dtype
    return layer(np.array([np.nan, np.inf, -np.inf, 0.0, 1.0], "float32")), layer(np.array([0, 1, 2])), dtypes


def test_bins_are_in_the_configuration():
    layer = layers.Discretization(num_bins=3)
    layer.adapt(VALUES)
    config = json.loads(json.dumps(layer.get_config()))
    again = layers.Discretization.from_config(config)
    assert again.get_config() == config and config["bin_boundaries"] is not None
    np.testing.assert_array_equal(again(VALUES), layer(VALUES))
    again.adapt(VALUES * 2)
    assert again.bin_boundaries != layer.bin_boundaries


BIN_MISTAKES = [
    ({}, "either"),
    ({"bin_boundaries": [1.0], "num_bins": 3}, "should not be set"),
    ({"num_bins": 0}, "num_bins"),
    ({"num_bins": 3, "epsilon": 0.0}, "epsilon"),
    ({"num_bins": 3, "output_mode": "other"}, "output_mode"),
    ({"num_bins": 3, "sparse": True}, "sparse"),
    ({"bin_boundaries": [2.0, 1.0]}, "ascending"),
]


@pytest.mark.parametrize("options, what", BIN_MISTAKES)
def test_wrong_arguments_of_bins(options, what):
    with pytest.raises(ArgumentError, match=what):
        layers.Discretization(**options)


def test_wrong_uses_of_bins():
    with pytest.raises(NotBuiltError, match="adapt"):
        layers.Discretization(num_bins=3)(VALUES)
    with pytest.raises(ArgumentError, match="Cannot adapt"):
        layers.Discretization(bin_boundaries=[1.0]).adapt(VALUES)
    with pytest.raises(DataError, match="NaN"):
        layers.Discretization(num_bins=3).adapt(np.array([1.0, np.nan]))


# ---- categories --------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [[3, 2, 0, 1], [[0, 1], [0, 0], [3, 1]], [[2], [1]], [2], 2], ids=str)
@pytest.mark.parametrize("mode", ["one_hot", "multi_hot", "count"])
@beside_keras
def test_categories(keras, mode, data):
    layer = keras.layers.CategoryEncoding(4, mode)
    shape = np.shape(data)
    return layer(np.array(data)), layer.compute_output_shape(shape) if shape else None


@pytest.mark.parametrize("mode", ["count", "multi_hot"])
@beside_keras
def test_weighted_categories(keras, mode):
    weights = np.array([[0.1, 0.2], [0.3, 0.4]], "float32")
    return keras.layers.CategoryEncoding(4, mode)(np.array([[0, 1], [0, 0]]), count_weights=weights)


def test_categories_out_of_range():
    layer = layers.CategoryEncoding(4)
    with pytest.raises(OutOfRangeError, match=r"0 to 3; got 4 at position \(1, 0\)"):
        layer([[0, 1], [4, 1]])
    with pytest.raises(OutOfRangeError, match="got -1"):
        layer([[0, -1]])


def test_wrong_arguments_of_categories():
    for options, what in (({}, "num_tokens"), ({"num_tokens": 0}, "num_tokens")):
        with pytest.raises(ArgumentError, match=what):
            layers.CategoryEncoding(**options)
    with pytest.raises(ArgumentError, match="output_mode"):
        layers.CategoryEncoding(3, "int")
    with pytest.raises(ArgumentError, match="its outputs are dense"):
        layers.CategoryEncoding(3, sparse=True)


def test_numbers_inside_compiled_models():
    inputs = lamella.Input((3,))
    normalization = layers.Normalization()
    normalization.adapt(X[:, 0])
    bins = layers.Discretization(bin_boundaries=[0.0, 1.0], output_mode="one_hot")(normalization(inputs))
    hidden = layers.Concatenate()([layers.Flatten()(bins), normalization(inputs)])
    model = lamella.Model(inputs, layers.Dense(1)(hidden))
    model.compile("sgd", "mse")
    history = model.fit(X[:, 0], X[:, 0, :1], epochs=2, verbose=0)
    assert history.history["loss"][1] < history.history["loss"][0]
    np.testing.assert_allclose(model.predict(X[:, 0], verbose=0), model(X[:, 0]), rtol=1e-5, atol=1e-5)
