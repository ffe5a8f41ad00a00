"""StringLookup, IntegerLookup, TextVectorization, Hashing and HashedCrossing."""

import json

import numpy as np
import pytest
from layers.text_programs import EXPECTED, PROGRAMS, plain

import lamella
from lamella import layers
from lamella.errors import (
    ArgumentError,
    BackendError,
    DataError,
    DTypeError,
    NotBuiltError,
    OutOfRangeError,
    SerializationError,
    ShapeError,
)

pa = pytest.importorskip("pyarrow")
EXPECTED_OF = json.loads(EXPECTED.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", PROGRAMS)
def test_results_are_those_of_keras(name):
    actual, expected = plain(PROGRAMS[name](layers)), EXPECTED_OF[name]
    if not isinstance(expected, dict):
        assert actual == expected
        return
    for part in ("out", "weights"):
        a, e = np.array(actual.pop(part)), np.array(expected.pop(part))
        assert a.shape == e.shape
        if a.dtype.kind == "f":
            np.testing.assert_allclose(a, e, rtol=1e-6)
        else:
            np.testing.assert_array_equal(a, e)
    assert actual == expected


# ---- what strings come in ----------------------------------------------------------------------------

WORDS = ["b", "a", "zz", "é"]


def columns():
    pandas = pytest.importorskip("pandas")
    yield "list", WORDS
    yield "tuple", tuple(WORDS)
    yield "bytes", [w.encode() for w in WORDS]
    yield "numpy U", np.array(WORDS)
    yield "numpy S", np.array([w.encode() for w in WORDS])
    yield "numpy object", np.array(WORDS, object)
    yield "numpy strings", np.array(WORDS, np.dtypes.StringDType())
    yield "arrow", pa.array(WORDS)
    yield "arrow large", pa.array(WORDS, pa.large_string())
    yield "arrow view", pa.array(WORDS, pa.string_view())
    yield "arrow dictionary", pa.array(WORDS).dictionary_encode()
    yield "arrow chunks", pa.chunked_array([WORDS[:1], WORDS[1:]])
    yield "arrow slice", pa.array(["skipped", *WORDS])[1:]
    yield "pandas", pandas.Series(WORDS)
    yield "pandas object", pandas.Series(WORDS, dtype=object)
    yield "pandas category", pandas.Series(WORDS, dtype="category")
    yield "pandas index", pandas.Index(WORDS)


def test_every_kind_of_column_is_read():
    lookup = layers.StringLookup(vocabulary=["a", "b", "é"])
    text = layers.TextVectorization(vocabulary=["a", "b", "é"], output_sequence_length=1)
    hashing = layers.Hashing(1000)
    expected = hashing(WORDS).tolist()
    for name, column in columns():
        assert lookup(column).tolist() == [2, 1, 0, 3], name
        assert text(column).tolist() == [[3], [2], [1], [4]], name
        assert hashing(column).tolist() == expected, name


def test_a_table_is_read():
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame({"x": ["a", "b"], "y": ["c", "q"]})
    assert layers.StringLookup(vocabulary=["a", "b", "c"])(table).tolist() == [[1, 3], [2, 0]]


@pytest.mark.parametrize("backend", ["numpy", "jax"])
def test_outputs_belong_to_the_backend(backend):
    with lamella.backend.use(backend):
        for layer in (layers.StringLookup(vocabulary=["a"]), layers.Hashing(3)):
            out = layer(["a"])
            assert lamella.backend._registry.get(backend).is_array(out)
            assert str(out.dtype) == ("int64" if backend == "numpy" else "int32")


def test_integers_of_every_kind():
    pandas = pytest.importorskip("pandas")
    layer = layers.IntegerLookup(vocabulary=[7, 9])
    for column in ([9, 7, 1], np.array([9, 7, 1], "int16"), np.array([9.0, 7.9, 1.0]), pa.array([9, 7, 1])):
        assert layer(column).tolist() == [2, 1, 0]
    assert layer(pandas.Series([9, 7, 1])).tolist() == [2, 1, 0]
    assert layer(lamella.ops.convert_to_tensor([9, 7, 1])).tolist() == [2, 1, 0]


# ---- adapting ----------------------------------------------------------------------------------------


class Batches:
    """A sequence of batches, as a PyDataset is."""

    def __init__(self, parts):
        self.parts = parts

    def __len__(self):
        return len(self.parts)

    def __getitem__(self, i):
        return self.parts[i]


def test_adapt_reads_streams():
    parts = [["b", "a"], ["b"], ["c", "b", "a"]]
    whole = layers.StringLookup()
    whole.adapt([word for part in parts for word in part])
    for stream in (iter(parts), (p for p in parts), Batches(parts), map(np.array, parts)):
        layer = layers.StringLookup()
        layer.adapt(stream)
        assert layer.get_vocabulary() == whole.get_vocabulary() == ["[UNK]", "b", "a", "c"]
    layer.adapt(iter(parts), steps=2)
    assert layer.get_vocabulary() == ["[UNK]", "b", "a"]
    text = layers.TextVectorization()
    text.adapt(([" ".join(part)] for part in parts), steps=3)
    assert text.get_vocabulary() == ["", "[UNK]", "b", "a", "c"]


def test_adapt_keeps_counts_only():
    """Counts of many batches are added up now and then, so memory follows the vocabulary and not the data."""
    layer = layers.StringLookup(output_mode="tf_idf")
    layer.adapt([["x", f"w{i % 5}"], ["x", "x"]] for i in range(500))
    assert layer.get_vocabulary() == ["[UNK]", "x", "w4", "w3", "w2", "w1", "w0"]
    np.testing.assert_allclose(layer.idf_weights[1:3], np.log(1 + 1000 / np.array([1001, 101])), rtol=1e-6)
    layer.reset_state()
    for i in range(200):
        layer.update_state([f"w{i % 5}"])
        assert len(layer._counts._parts) <= 64
    layer.finalize_state()
    assert layer.vocabulary_size() == 6


def test_state_can_be_counted_step_by_step():
    layer = layers.TextVectorization()
    layer.reset_state()
    layer.update_state(["a b"])
    layer.update_state(["b"])
    layer.finalize_state()
    assert layer.get_vocabulary() == ["", "[UNK]", "b", "a"]


def test_adapt_refuses_what_is_no_data():
    with pytest.raises(ArgumentError, match="iterable of batches"):
        layers.StringLookup().adapt(object())


# ---- functions of the user ---------------------------------------------------------------------------


def test_own_standardize_and_split():
    seen = []

    def shout(texts):
        seen.append(texts)
        return np.strings.upper(texts)

    layer = layers.TextVectorization(
        standardize=shout, split=lambda t: [s.split("-") for s in t], vocabulary=["A", "B"]
    )
    assert layer(["a-b", "b"]).tolist() == [[2, 3], [3, 0]]
    assert isinstance(seen[0], np.ndarray) and seen[0].dtype.kind == "U"
    arrow_lists = layers.TextVectorization(
        standardize=None, split=lambda t: pa.array([["a"], ["b", "a"]]), vocabulary=["a"]
    )
    assert arrow_lists(["x", "y"]).tolist() == [[2, 0], [1, 2]]


def test_own_functions_that_return_something_else():
    with pytest.raises(ShapeError, match="`standardize` function"):
        layers.TextVectorization(standardize=lambda t: t[:1], vocabulary=["a"])(["a", "b"])
    for wrong in ("a b", ["a"], ["a", "b"]):
        with pytest.raises(ArgumentError, match="`split` function"):
            layers.TextVectorization(split=lambda t, wrong=wrong: wrong, vocabulary=["a"])(["a", "b"])


# ---- files and configurations ------------------------------------------------------------------------

SAVED = [
    lambda: layers.StringLookup(num_oov_indices=2, mask_token=""),
    lambda: layers.StringLookup(output_mode="tf_idf"),
    lambda: layers.TextVectorization(ngrams=2),
    lambda: layers.TextVectorization(output_mode="tf_idf", pad_to_max_tokens=True, max_tokens=9),
]


@pytest.mark.parametrize("make", SAVED)
def test_an_adapted_vocabulary_is_an_asset(make, tmp_path):
    layer = make()
    layer.adapt(["b c", "b é", "日本"])
    config = layer.get_config()
    assert config["vocabulary"] is None and config["vocabulary_size"] == layer.vocabulary_size()
    store = {}
    layer.save_own_variables(store)
    layer.save_assets(str(tmp_path))
    assert (tmp_path / "vocabulary.txt").read_text(encoding="utf-8").split("\n") == layer.get_vocabulary()
    again = type(layer).from_config(json.loads(json.dumps(config)))
    again.load_own_variables(store)
    again.load_assets(str(tmp_path))
    assert again.get_vocabulary() == layer.get_vocabulary()
    data = ["b c", "é", "b b"]
    np.testing.assert_array_equal(again(data), layer(data))


def test_integers_are_an_asset(tmp_path):
    layer = layers.IntegerLookup(mask_token=0)
    layer.adapt([5, 5, -3])
    layer.save_assets(tmp_path)
    assert (tmp_path / "vocabulary.txt").read_text() == "0\n-1\n5\n-3"
    again = layers.IntegerLookup.from_config(layer.get_config())
    again.load_assets(tmp_path)
    assert again.get_vocabulary() == [0, -1, 5, -3]


def test_a_given_vocabulary_stands_in_the_configuration(tmp_path):
    layer = layers.StringLookup(vocabulary=np.array(["a", "b"]), output_mode="tf_idf", idf_weights=[0.5, 0.25])
    config = layer.get_config()
    assert (config["vocabulary"], config["idf_weights"]) == (["a", "b"], [0.5, 0.25])
    layer.save_assets(tmp_path)
    assert list(tmp_path.iterdir()) == []
    again = layers.StringLookup.from_config(config)
    assert again([["a", "b"]]).tolist() == [[0.0, 0.5, 0.25]]


def test_a_vocabulary_in_a_file(tmp_path):
    (tmp_path / "words").write_text("a\nb\n")
    layer = layers.StringLookup(vocabulary=str(tmp_path / "words"))
    assert layer.get_vocabulary() == ["[UNK]", "a", "b"]
    assert layer.get_config()["vocabulary"] is None
    layer.save_assets(tmp_path)
    assert (tmp_path / "vocabulary.txt").read_text() == "[UNK]\na\nb"
    with pytest.raises(ArgumentError, match="does not exist"):
        layers.StringLookup(vocabulary=str(tmp_path / "none"))
    for cls in (layers.StringLookup, layers.TextVectorization):
        with pytest.raises(SerializationError, match="configurations open no files"):
            cls.from_config({**cls().get_config(), "vocabulary": str(tmp_path / "words")})


def test_what_a_file_cannot_hold(tmp_path):
    layer = layers.StringLookup()
    layer.adapt(["a\nb"])
    with pytest.raises(SerializationError, match="line breaks"):
        layer.save_assets(tmp_path)
    with pytest.raises(SerializationError, match="no vocabulary"):
        layer.load_assets(tmp_path)


@pytest.mark.parametrize(
    "layer",
    [
        lambda: layers.Hashing(7, mask_value="A", salt=3, output_mode="count", name="h"),
        lambda: layers.HashedCrossing(7, output_mode="one_hot", name="c"),
        lambda: layers.TextVectorization(9, "lower", "character", (1, 3), name="t", output_sequence_length=3),
        lambda: layers.IntegerLookup(vocabulary=[4, 5], oov_method="farmhash", num_oov_indices=2, salt=[1, 2]),
    ],
)
def test_configurations_make_the_layer_again(layer):
    config = layer().get_config()
    assert type(layer()).from_config(config).get_config() == {**config, "name": config["name"]}


# ---- models ------------------------------------------------------------------------------------------


def test_strings_in_models():
    inputs = lamella.Input((), dtype="string")
    lookup = layers.StringLookup(vocabulary=["a", "b"], output_mode="one_hot")
    encoded = lookup(inputs)
    assert (encoded.shape, encoded.dtype) == ((None, 3), "float32")
    model = lamella.Model(inputs, layers.Dense(2)(encoded))
    assert model(np.array(["a", "q"], object)).shape == (2, 2)
    chain = lamella.Sequential(
        [layers.TextVectorization(vocabulary=["a"], output_sequence_length=2), layers.Embedding(3, 4)]
    )
    assert chain(np.array(["a b", "a"], object)).shape == (2, 2, 4)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"num_oov_indices": 2},
        {"mask_token": 0},
        {"output_mode": "one_hot"},
        {"output_mode": "count", "mask_token": 0},
        {"output_mode": "tf_idf", "idf_weights": [0.5, 0.25, 1.0]},
        {"invert": True},
    ],
)
def test_integers_inside_a_program(options):
    jax = pytest.importorskip("jax")
    layer = layers.IntegerLookup(vocabulary=[30, 10, 20], **options)
    data = np.array([[0, 30, 31], [10, 2, 1]], "int32")
    np.testing.assert_allclose(jax.jit(layer)(data), layer(data))


def test_strings_cannot_be_part_of_a_program():
    jax = pytest.importorskip("jax")
    for layer in (layers.StringLookup(vocabulary=["a"]), layers.Hashing(3)):
        with pytest.raises(ArgumentError, match="compiled program"):
            jax.jit(layer)(np.array([1, 2]))


# ---- mistakes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("layer", [layers.StringLookup, layers.IntegerLookup, layers.TextVectorization])
def test_a_vocabulary_is_needed(layer):
    data = [1] if layer is layers.IntegerLookup else ["a"]
    with pytest.raises(NotBuiltError, match="adapt"):
        layer()(data)


def test_what_is_out_of_the_vocabulary_is_named():
    with pytest.raises(OutOfRangeError, match=r"\['q'\].*position 1"):
        layers.StringLookup(vocabulary=["a"], num_oov_indices=0)(["a", "q"])
    with pytest.raises(OutOfRangeError, match=r"\[5\].*position 2"):
        layers.IntegerLookup(vocabulary=[1, 2], num_oov_indices=0)([1, 2, 5])


MISTAKES = [
    ("StringLookup", {"max_tokens": 1}, "max_tokens"),
    ("StringLookup", {"num_oov_indices": -1}, "num_oov_indices"),
    ("StringLookup", {"output_mode": "other"}, "output_mode"),
    ("StringLookup", {"invert": True, "output_mode": "one_hot"}, "invert"),
    ("StringLookup", {"sparse": True}, "sparse"),
    ("StringLookup", {"pad_to_max_tokens": True}, "max_tokens"),
    ("StringLookup", {"vocabulary": []}, "empty"),
    ("StringLookup", {"vocabulary": ["a", "a"]}, "repeated"),
    ("StringLookup", {"vocabulary": ["a", ""], "mask_token": ""}, "mask token"),
    ("StringLookup", {"vocabulary": ["a", "b"], "max_tokens": 2}, "larger"),
    ("StringLookup", {"vocabulary": ["a"], "output_mode": "tf_idf"}, "idf_weights"),
    ("StringLookup", {"vocabulary": ["a"], "idf_weights": [1.0]}, "idf_weights"),
    ("StringLookup", {"vocabulary": ["a"], "output_mode": "tf_idf", "idf_weights": [1.0, 2.0]}, "same length"),
    ("StringLookup", {"vocabulary": [1, 2]}, "strings"),
    ("StringLookup", {"salt": [1, 2, 3]}, "salt"),
    ("IntegerLookup", {"vocabulary_dtype": "int32"}, "vocabulary_dtype"),
    ("IntegerLookup", {"oov_method": "other"}, "oov_method"),
    ("IntegerLookup", {"vocabulary": ["a"]}, "integers"),
    ("IntegerLookup", {"vocabulary": [3, 3]}, "repeated"),
    ("TextVectorization", {"standardize": "other"}, "standardize"),
    ("TextVectorization", {"split": "other"}, "split"),
    ("TextVectorization", {"ngrams": "two"}, "ngrams"),
    ("TextVectorization", {"ngrams": (1, 0)}, "ngrams"),
    ("TextVectorization", {"output_sequence_length": 3, "output_mode": "count"}, "output_sequence_length"),
    ("TextVectorization", {"output_sequence_length": 0}, "output_sequence_length"),
    ("TextVectorization", {"ragged": True}, "ragged"),
    ("Hashing", {"num_bins": 0}, "num_bins"),
    ("Hashing", {"num_bins": 1, "mask_value": ""}, "mask_value"),
    ("Hashing", {"num_bins": 3, "salt": "x"}, "salt"),
    ("Hashing", {"num_bins": 3, "output_mode": "tf_idf"}, "output_mode"),
    ("Hashing", {"num_bins": 3, "dtype": "float32"}, "integer type"),
    ("HashedCrossing", {"num_bins": 3, "output_mode": "count"}, "output_mode"),
]


@pytest.mark.parametrize("name, options, what", MISTAKES)
def test_wrong_arguments_are_named(name, options, what):
    with pytest.raises(ValueError, match=what):
        getattr(layers, name)(**options)


def test_wrong_data_is_named():
    layer = layers.StringLookup(vocabulary=["a"])
    with pytest.raises(DataError, match="position 1 of 3"):
        layer(["a", None, "b"])
    with pytest.raises(DTypeError, match="takes strings"):
        layer([1, 2])
    with pytest.raises(ShapeError, match="different lengths"):
        layer([["a"], ["a", "b"]])
    with pytest.raises(DataError, match="not text"):
        layer([b"\xff"])
    with pytest.raises(ShapeError, match="last axis"):
        layers.TextVectorization(vocabulary=["a"])([["a", "b"]])
    with pytest.raises(DTypeError, match="takes integers"):
        layers.IntegerLookup(vocabulary=[1])(["a"])
    with pytest.raises(DataError, match="nan at position 1"):
        layers.IntegerLookup(vocabulary=[1])(np.array([1.0, np.nan]))
    crossing = layers.HashedCrossing(3)
    with pytest.raises(ArgumentError, match="at least two"):
        crossing(["a"])
    with pytest.raises(ShapeError, match="one shape"):
        crossing([["a", "b"], ["a"]])
    for feature in ([1.0], [True]):
        with pytest.raises(DTypeError, match="strings and integers"):
            crossing([["a"], feature])


@pytest.mark.parametrize(
    "layer",
    [
        layers.Hashing(4, output_mode="one_hot"),
        layers.IntegerLookup(vocabulary=[1, 2], num_oov_indices=0, output_mode="one_hot"),
        layers.IntegerLookup(vocabulary=[1], num_oov_indices=2, oov_method="farmhash", output_mode="one_hot"),
    ],
    ids=["hashing", "without unknowns", "farmhash"],
)
def test_models_that_read_integers_on_the_host_train(layer):
    model = lamella.Sequential([lamella.Input((1,), dtype="int32"), layer, layers.Dense(1)])
    model.compile("sgd", "mse")
    x, y = np.array([[1], [2], [2], [1]]), np.ones((4, 1))
    before = model.evaluate(x, y, verbose=0)
    assert model.fit(x, y, epochs=3, verbose=0).history["loss"][-1] < before
    np.testing.assert_allclose(model.predict(x, verbose=0), model(x), rtol=1e-6)


def test_the_size_of_vectors_is_fixed_by_the_first_call():
    layer = layers.StringLookup(vocabulary=["a"], output_mode="one_hot")
    layer(["a"])
    with pytest.raises(RuntimeError, match="cannot be changed"):
        layer.set_vocabulary(["a", "b"])


def test_bytes_in_another_encoding():
    layer = layers.StringLookup(vocabulary=["é"], encoding="latin-1")
    assert layer([b"\xe9", b"e"]).tolist() == [1, 0]


def test_pyarrow_is_asked_for(monkeypatch):
    import sys

    from lamella.layers import _preprocessing_columns as columns_module

    monkeypatch.setitem(sys.modules, "pyarrow", None)
    columns_module.arrow.cache_clear()
    with pytest.raises(BackendError, match="pip install pyarrow"):
        layers.StringLookup(vocabulary=["a"])
    monkeypatch.undo()
    columns_module.arrow.cache_clear()
