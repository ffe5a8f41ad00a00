"""Long columns are worked on in pieces, and fixed-width strings read without making Python's: the same answers."""

import numpy as np
import pyarrow as pa
import pytest

from lamella import layers
from lamella.errors import OutOfRangeError
from lamella.layers import _preprocessing_columns as columns

WORDS = ["Ab", "c-d", "", "é", "x y", " ", "...", "long word, here!"]


@pytest.fixture
def small_pieces(monkeypatch):
    monkeypatch.setattr(columns, "_PIECE", 3)


def by_dashes(texts):
    return [str(text).split("-") for text in texts]


OPTIONS = [
    {},
    {"output_sequence_length": 2},
    {"output_mode": "one_hot"},
    {"output_mode": "multi_hot"},
    {"output_mode": "tf_idf"},
    {"ngrams": 2},
    {"split": "character"},
    {"split": "character", "standardize": "strip_punctuation"},
    {"standardize": None},
    {"split": by_dashes},
]


@pytest.mark.parametrize(
    "options", OPTIONS, ids=lambda o: " ".join(f"{k}={getattr(v, '__name__', v)}" for k, v in o.items())
)
def test_a_text_column_in_pieces_is_the_whole(options, monkeypatch):
    texts = (WORDS * 3)[:-1]
    found = []
    for piece in (1000, 3):
        monkeypatch.setattr(columns, "_PIECE", piece)
        layer = layers.TextVectorization(**options)
        layer.adapt(texts)
        found.append((layer.get_vocabulary(), np.asarray(layer(texts))))
    assert found[0][0] == found[1][0]
    np.testing.assert_array_equal(found[0][1], found[1][1])


def test_a_lookup_in_pieces_is_the_whole(small_pieces):
    layer = layers.StringLookup(vocabulary=["a", "b"], num_oov_indices=1)
    np.testing.assert_array_equal(layer(["a", "b", "q", "b", "a", "q", "a"]), [1, 2, 0, 2, 1, 0, 1])


def test_an_unknown_token_is_told_with_its_place_in_the_whole(small_pieces):
    layer = layers.StringLookup(vocabulary=["a"], num_oov_indices=0)
    with pytest.raises(OutOfRangeError, match="position 5"):
        layer(["a", "a", "a", "a", "a", "q"])


@pytest.mark.parametrize(
    "array",
    [
        np.array(WORDS),
        np.array(["a", "bcd", "", "ef"]),
        np.array(["", ""]),
        np.array(["a\0b", "c"]),
        np.array(["a", "bcd"]).astype(">U3"),
        np.array([["a", "bc"], ["d", ""]]).T,
        np.array(["abc", "de", "f"])[::2],
        np.zeros((0,), "U4"),
    ],
    ids=lambda a: str(a.tolist()),
)
def test_fixed_width_strings_are_read_as_they_are(array):
    column = columns.strings(array, "a layer")
    assert column.shape == array.shape
    assert column.values.to_pylist() == array.ravel().tolist()
    assert column.values.type == pa.string()
