"""IMDB and Reuters, from small files of their layouts."""

import pickle

import numpy as np
import pytest
from datasets.dataset_layouts import npz, texts, word_index

from lamella.datasets import imdb, reuters
from lamella.datasets._unpickle import load_npz
from lamella.errors import ArgumentError, DataError


def imdb_file(train, test):
    """A file whose labels are the numbers of the texts, so that the shuffle can be undone."""
    return npz(x_train=texts(*train), y_train=np.arange(len(train)), x_test=texts(*test), y_test=np.arange(len(test)))


def unshuffled(x, y):
    return [x[i] for i in np.argsort(y)]


@pytest.fixture
def reviews(publish):
    """Words 1 to 9; with index_from=3 the indices 4 to 12."""
    train = [[1, 2, 3], [9, 8, 7, 6], [5], [4, 4]]
    test = [[2, 9], [3]]
    publish("imdb", "imdb.npz", imdb_file(train, test))


@pytest.mark.parametrize(
    ("arguments", "first_two_and_test"),
    [
        # The largest index, 12, counts as outside unless num_words is given.
        ({}, ([1, 4, 5, 6], [1, 2, 11, 10, 9], [1, 5, 2])),
        ({"num_words": 100}, ([1, 4, 5, 6], [1, 12, 11, 10, 9], [1, 5, 12])),
        ({"num_words": 6}, ([1, 4, 5, 2], [1, 2, 2, 2, 2], [1, 5, 2])),
        ({"nb_words": 6}, ([1, 4, 5, 2], [1, 2, 2, 2, 2], [1, 5, 2])),
        ({"num_words": 100, "skip_top": 5}, ([2, 2, 5, 6], [2, 12, 11, 10, 9], [2, 5, 12])),
        ({"num_words": 6, "oov_char": None}, ([1, 4, 5], [1], [1, 5])),
        ({"num_words": 6, "oov_char": 0}, ([1, 4, 5, 0], [1, 0, 0, 0, 0], [1, 5, 0])),
        ({"num_words": 100, "start_char": None}, ([4, 5, 6], [12, 11, 10, 9], [5, 12])),
        ({"num_words": 100, "start_char": None, "index_from": 0}, ([1, 2, 3], [9, 8, 7, 6], [2, 9])),
        (
            {"num_words": 100, "start_char": 50, "index_from": None},
            ([50, 1, 2, 3], [50, 9, 8, 7, 6], [50, 2, 9]),
        ),
    ],
)
def test_imdb_indices(reviews, arguments, first_two_and_test):
    (x_train, y_train), (x_test, y_test) = imdb.load_data(**arguments)
    assert x_train.dtype == x_test.dtype == object
    assert (len(x_train), len(x_test)) == (4, 2)
    assert tuple([*unshuffled(x_train, y_train)[:2], unshuffled(x_test, y_test)[0]]) == first_two_and_test


def test_imdb_maxlen_counts_the_start_mark(reviews):
    (x_train, y_train), (x_test, y_test) = imdb.load_data(maxlen=4)
    assert sorted(y_train) == [2, 3] and sorted(y_test) == [0, 1]
    assert all(len(text) < 4 for text in [*x_train, *x_test])
    with pytest.raises(ArgumentError, match="fewer than maxlen=2"):
        imdb.load_data(maxlen=2)


def test_imdb_shuffles_train_and_then_test_with_one_generator(publish):
    publish("imdb", "imdb.npz", imdb_file([[i + 1] for i in range(30)], [[i + 1] for i in range(20)]))
    rng = np.random.RandomState(113)
    orders = [np.arange(30), np.arange(20)]
    for order in orders:
        rng.shuffle(order)
    (x_train, y_train), (_, y_test) = imdb.load_data(num_words=1000)
    assert (y_train.tolist(), y_test.tolist()) == (orders[0].tolist(), orders[1].tolist())
    assert [text[1] - 4 for text in x_train] == y_train.tolist()
    assert x_train.shape == (30,)  # of lists, although all are of one length
    (_, other), _ = imdb.load_data(seed=1)
    assert other.tolist() != y_train.tolist()


def test_imdb_refuses_unknown_arguments():
    with pytest.raises(TypeError, match="'max_len'"):
        imdb.load_data(max_len=3)


def test_reuters(publish):
    words = [[i + 1, 2] for i in range(10)]
    publish("reuters", "reuters.npz", npz(x=texts(*words), y=np.arange(10)))
    (x_train, y_train), (x_test, y_test) = reuters.load_data(num_words=1000)
    assert (len(x_train), len(x_test)) == (8, 2)
    assert y_train.dtype == np.int64
    assert sorted([*y_train, *y_test]) == list(range(10))
    assert [text for text in x_train] == [[1, label + 4, 5] for label in y_train]
    _, (x_test, _) = reuters.load_data(test_split=0.5)
    assert len(x_test) == 5
    _, (x_test, _) = reuters.load_data(test_split=1.0)
    assert len(x_test) == 10
    for wrong in (-0.1, 1.1):
        with pytest.raises(ArgumentError, match="test_split"):
            reuters.load_data(test_split=wrong)
    with pytest.raises(ArgumentError, match="maxlen=1"):
        reuters.load_data(maxlen=1)


def test_word_indices(publish, home):
    publish("imdb", "imdb_word_index.json", word_index(), "_INDEX_HASH")
    publish("reuters", "reuters_word_index.json", word_index(), "_INDEX_HASH")
    assert imdb.get_word_index() == reuters.get_word_index() == {"the": 1, "film": 2}
    imdb.get_word_index(path="words.json")
    assert {p.name for p in (home / "datasets").iterdir()} == {
        "imdb_word_index.json",
        "reuters_word_index.json",
        "words.json",
    }


def test_label_names():
    names = reuters.get_label_names()
    assert isinstance(names, tuple) and len(names) == len(set(names)) == 46
    assert names[:5] == ("cocoa", "grain", "veg-oil", "earn", "acq") and names[-1] == "lead"


class Bomb:
    def __reduce__(self):
        return exec, ("raise SystemExit('executed')",)


@pytest.mark.parametrize("payload", [Bomb(), [Bomb()], np.load, pickle.loads])
def test_a_pickle_that_names_code_is_refused(payload):
    array = np.empty(1, dtype=object)
    array[0] = payload
    with pytest.raises(DataError, match="Do not trust this file"):
        load_npz(npz(x=array))


def test_load_npz_reads_what_numpy_reads(rng):
    arrays = {
        "floats": rng.normal(size=(3, 4)),
        "fortran": np.asfortranarray(rng.normal(size=(3, 4))),
        "bytes": rng.integers(0, 9, (2, 0)).astype(np.uint8),
        "words": texts([1, 2], [3]),
    }
    loaded = load_npz(npz(**arrays))
    assert set(loaded) == set(arrays)
    for name in ("floats", "fortran", "bytes"):
        np.testing.assert_array_equal(loaded[name], arrays[name])
        assert loaded[name].dtype == arrays[name].dtype
    assert loaded["words"].tolist() == [[1, 2], [3]]
