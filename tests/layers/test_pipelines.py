"""Layers that prepare data, inside a pipeline of `tf.data`, on every backend."""

import numpy as np
import pytest

import lamella
from lamella import layers
from lamella.utils import FeatureSpace

tf = pytest.importorskip("tensorflow")
pytest.importorskip("pyarrow")

IMAGES = np.arange(96, dtype="float32").reshape(2, 4, 4, 3)
WORDS = np.array(["a", "b"])


@pytest.fixture(autouse=True, params=["jax", "numpy"])
def backend(request):
    with lamella.backend.use(request.param):
        yield


CASES = {
    "strings": (lambda: layers.StringLookup(vocabulary=["b"]), WORDS, (None,)),
    "strings, many-hot": (lambda: layers.StringLookup(vocabulary=["b"], output_mode="multi_hot"), WORDS, (2,)),
    "texts": (lambda: layers.TextVectorization(vocabulary=["b"], output_sequence_length=3), WORDS, (None, 3)),
    "hashes": (lambda: layers.Hashing(3), np.array([1, 2]), (None,)),
    "integers": (lambda: layers.IntegerLookup(vocabulary=[2]), np.array([1, 2]), (None,)),
    "bins": (lambda: layers.Discretization([1.5]), np.array([1.0, 2.0]), (None,)),
    "scaled": (lambda: layers.Rescaling(0.5), IMAGES, (None, 4, 4, 3)),
    "resized": (lambda: layers.Resizing(2, 3), IMAGES, (None, 2, 3, 3)),
    "a chain": (lambda: layers.Pipeline([layers.Rescaling(0.5), layers.CenterCrop(2, 2)]), IMAGES, (None, 2, 2, 3)),
    "normalized": (lambda: adapted(layers.Normalization(), IMAGES), IMAGES, (None, 4, 4, 3)),
}


def adapted(layer, data):
    layer.adapt(data)
    return layer


@pytest.mark.parametrize("name", CASES)
def test_a_pipeline_computes_what_the_layer_does(name):
    make, data, shape = CASES[name]
    layer = make()
    dataset = tf.data.Dataset.from_tensor_slices(data).batch(2).map(layer)
    assert tuple(dataset.element_spec.shape) == shape
    (found,) = dataset
    np.testing.assert_allclose(found, np.asarray(layer(data)), rtol=1e-6)


def test_images_change_at_random_in_each_batch():
    flip = layers.RandomFlip("horizontal", seed=1)
    dataset = tf.data.Dataset.from_tensor_slices(IMAGES).repeat(8).batch(2).map(lambda x: flip(x, training=True))
    batches = np.stack([np.asarray(b) for b in dataset])
    assert {tuple(b[:, 0, 0, 0] == IMAGES[:, 0, 0, 0]) for b in batches} > {(True, True)}


def test_dictionaries_of_columns():
    rows = tf.data.Dataset.from_tensor_slices({"age": [20.0, 40.0], "town": ["a", "b"], "floor": [1, 2]})
    space = FeatureSpace(
        {"age": "float_normalized", "town": "string_categorical", "floor": "integer_categorical"},
        crosses=[("town", "floor")],
    )
    space.adapt(rows.batch(2))
    table = {"age": [20.0, 40.0], "town": ["a", "b"], "floor": [1, 2]}
    (batch,) = rows.batch(2).map(space)
    np.testing.assert_allclose(batch, np.asarray(space(table)))
    assert [np.asarray(x).tolist() for x in rows.map(space)] == np.asarray(batch).tolist()
