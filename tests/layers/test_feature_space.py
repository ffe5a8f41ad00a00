"""FeatureSpace: tables to vectors."""

import json

import numpy as np
import pytest

import lamella
from lamella import layers
from lamella.errors import ArgumentError, NotBuiltError, UnknownNameError
from lamella.utils import FeatureSpace

pytest.importorskip("pyarrow")

TABLE = {
    "age": [20.0, 40.0, 30.0],
    "town": ["a", "b", "a"],
    "rooms": [1, 2, 2],
    "street": ["x", "y", "z"],
    "share": [0.1, 0.5, 0.9],
    "price": [1.0, 2.0, 3.0],
    "code": [1, 2, 3],
}
FEATURES = {
    "age": "float_normalized",
    "town": "string_categorical",
    "rooms": FeatureSpace.integer_categorical(num_oov_indices=2),
    "street": FeatureSpace.string_hashed(4),
    "share": FeatureSpace.float_discretized(3),
    "price": "float_rescaled",
    "code": FeatureSpace.integer_hashed(5),
}


HASHED = {"hashing_dim": 3, "crossing_dim": 4}


def space(**options):
    out = FeatureSpace(FEATURES, crosses=[("town", "rooms")], crossing_dim=4, **options)
    out.adapt(TABLE)
    return out


@pytest.fixture(autouse=True)
def names_from_the_start():
    lamella.utils.clear_session(free_memory=False)


@pytest.fixture(autouse=True)
def on_numpy(request):
    if "model" in request.node.name:
        yield
    else:
        with lamella.backend.use("numpy"):
            yield


def test_columns_stand_beside_each_other():
    made = space(output_mode="dict")
    out = made(TABLE)
    assert list(out) == [*sorted(FEATURES), "town_X_rooms"]
    depth = {"age": 1, "town": 3, "rooms": 4, "street": 4, "share": 3, "price": 1, "code": 5, "town_X_rooms": 4}
    assert {key: value.shape for key, value in out.items()} == {key: (3, n) for key, n in depth.items()}
    np.testing.assert_allclose(out["age"][:, 0], (np.array(TABLE["age"]) - 30) / np.sqrt(200 / 3), rtol=1e-5)
    assert out["town"].tolist() == [[0, 0, 1], [0, 1, 0], [0, 0, 1]] or out["town"].tolist()[0] == [0, 1, 0]
    assert out["street"].argmax(1).tolist() == layers.Hashing(4)(TABLE["street"]).tolist()
    read = [made.preprocessors[key](TABLE[key]) for key in ("town", "rooms")]
    crossed = layers.HashedCrossing(4)(read)
    assert out["town_X_rooms"].argmax(1).tolist() == crossed.tolist()
    together = space()(TABLE)
    assert together.shape == (3, 25)
    np.testing.assert_allclose(together, np.concatenate(list(out.values()), axis=1))


def test_one_row():
    made = space()
    row = {key: column[1] for key, column in TABLE.items()}
    np.testing.assert_allclose(made(row), made(TABLE)[1])


def test_tables_and_streams():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(TABLE)
    made = FeatureSpace(FEATURES, crosses=[("town", "rooms")], crossing_dim=4)
    made.adapt(frame)
    np.testing.assert_allclose(made(frame), space()(TABLE))
    batched = FeatureSpace(FEATURES, crosses=[("town", "rooms")], crossing_dim=4)
    batched.adapt([{key: column[i : i + 2] for key, column in TABLE.items()} for i in (0, 2)])
    np.testing.assert_allclose(batched(TABLE), space()(TABLE), rtol=1e-5)


def test_configuration():
    config = json.loads(json.dumps(space().get_config()))
    again = FeatureSpace.from_config(config)
    assert list(again.features) == list(FEATURES) and again.crosses[0].get_config() == space().crosses[0].get_config()
    again.adapt(TABLE)
    np.testing.assert_allclose(again(TABLE), space()(TABLE))


def test_a_model_trains_on_encoded_data_and_reads_raw_data():
    made = space()
    encoded = made.get_encoded_features()
    assert encoded.shape == (None, 25)
    model = lamella.Model(encoded, layers.Dense(1)(encoded))
    model.compile("sgd", "mse")
    model.fit(made(TABLE), np.ones((3, 1)), verbose=0)
    whole = lamella.Model(made.get_inputs(), model(encoded))
    raw = {key: np.asarray(column)[:, None] for key, column in TABLE.items()}
    np.testing.assert_allclose(whole(raw), model(made(TABLE)), rtol=1e-4, atol=1e-5)


def test_numbers_are_those_of_keras():
    """What Keras 3.15 with TensorFlow returns: features in the order of their names, crosses of what was read."""
    hashed = FeatureSpace(dict.fromkeys("sb", "string_hashed") | {"a": "float"}, crosses=[("s", "b")], **HASHED)
    together = hashed({"s": ["b"], "a": [1.0], "b": ["v"]})
    assert together.tolist() == [[1, 1, 0, 0, 0, 1, 0, 0, 1, 0, 0]]
    cross = FeatureSpace.cross(("i", "s"), crossing_dim=40, output_mode="int")
    features = {"i": FeatureSpace.integer_hashed(8), "s": FeatureSpace.string_hashed(8)}
    crossed = FeatureSpace(features, crosses=[cross], output_mode="dict")
    assert crossed({"i": [2, 9], "s": ["b", "zz"]})["i_X_s"].tolist() == [[30], [33]]
    bins = FeatureSpace({"a": "float_discretized"})
    bins.adapt({"a": [0.1, 0.5, 0.9]})
    assert bins({"a": [0.4]}).shape == (1, 32)


def test_names_of_the_layers_inside():
    names = [FeatureSpace.float().preprocessor.name for _ in range(2)]
    assert names == ["float_preprocessor", "float_1_preprocessor"]
    assert FeatureSpace.string_hashed(3, name="town").preprocessor.name == "town_preprocessor"
    assert FeatureSpace({"a": "float"}).preprocessors["a"].name == "a_preprocessor"


def test_a_space_comes_back_from_a_file(tmp_path):
    made = space()
    made.save(tmp_path / "space.keras")
    again = lamella.saving.load_model(tmp_path / "space.keras")
    np.testing.assert_allclose(again(TABLE), made(TABLE))


def test_mistakes():
    with pytest.raises(NotBuiltError, match="adapt"):
        FeatureSpace(FEATURES)(TABLE)
    with pytest.raises(KeyError, match="'age'"):
        space()({key: column for key, column in TABLE.items() if key != "age"})
    with pytest.raises(UnknownNameError, match="float_normal"):
        FeatureSpace({"age": "float_normal"})
    with pytest.raises(UnknownNameError, match="feature of a cross"):
        FeatureSpace({"age": "float"}, crosses=[("age", "town")])
    with pytest.raises(ArgumentError, match="at least two"):
        FeatureSpace({"age": "float"}, crosses=[("age",)])
    with pytest.raises(ArgumentError, match="cannot be None or empty"):
        FeatureSpace({})
    with pytest.raises(ArgumentError, match="output_mode"):
        FeatureSpace({"age": "float"}, output_mode="list")
    with pytest.raises(ArgumentError, match="read only once"):
        FeatureSpace(FEATURES).adapt(iter([TABLE]))
    integers = FeatureSpace({"town": FeatureSpace.string_hashed(3, output_mode="int")})
    with pytest.raises(ArgumentError, match="integers beside floats"):
        integers({"town": ["a"]})


def test_texts_with_a_vocabulary_are_not_adapted():
    reader = layers.TextVectorization(vocabulary=["one", "two"], output_sequence_length=3)
    feature = FeatureSpace.feature(dtype="string", preprocessor=reader, output_mode="int")
    made = FeatureSpace({"text": feature}, output_mode="dict")
    assert made({"text": ["two one", "three"]})["text"].tolist() == [[3, 2, 0], [1, 0, 0]]


def test_a_cross_without_a_size_says_which():
    with pytest.raises(ArgumentError, match=r"`crossing_dim`.*'town', 'rooms'"):
        FeatureSpace(FEATURES, crosses=[("town", "rooms")], crossing_dim=None)
