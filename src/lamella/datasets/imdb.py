"""IMDB: 50,000 film reviews as word indices, labelled by whether they liked the film."""

import json
import os
from typing import Any

import numpy as np

from lamella._lazy import missing as _missing
from lamella.datasets._source import PUBLIC, dataset_file
from lamella.datasets._split import shuffled
from lamella.datasets._unpickle import load_npz
from lamella.datasets._words import as_object_array, drop_long, limit_words, mark_and_shift

__all__ = ["get_word_index", "load_data"]

__getattr__ = _missing(__name__)

_HASH = "sha256:69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f"
_INDEX_HASH = "md5:bfafd718b763782e994055a2d397834f"


def load_data(
    path: str | os.PathLike[str] = "imdb.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int | None = 3,
    **kwargs: Any,
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """The IMDB reviews, downloaded at the first call (17 MB).

    Maas et al., "Learning word vectors for sentiment analysis", ACL 2011. A word's index is its rank by how
    often it occurs, from 1, plus `index_from`.

    Args:
        path: where to keep the file, relative to the `datasets` folder of the Keras home directory.
        num_words: keep indices below this one only; the others become `oov_char`. If None, all but the rarest
            word is kept.
        skip_top: indices below this one become `oov_char` too.
        maxlen: keep only reviews of fewer entries than this. All if None.
        seed: of the shuffle.
        start_char: put in front of each review, unless None.
        oov_char: stands for a word that was left out; such words are dropped if None.
        index_from: added to each word's index, to leave room for the marks.
        **kwargs: `nb_words`, the old name of `num_words`.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: object arrays `(25000,)` of lists of indices; int64 labels
        `(25000,)`, 1 for reviews that liked the film and 0 for others.

    Raises:
        ArgumentError: no review is shorter than `maxlen`.
        DownloadError: the file could not be fetched. Says how to place it by hand.
        TypeError: an argument of another name.
    """
    num_words = kwargs.pop("nb_words", num_words)
    if kwargs:
        raise TypeError(f"imdb.load_data() got an unexpected keyword argument {next(iter(kwargs))!r}")

    arrays = load_npz(dataset_file(path, [PUBLIC + "imdb.npz"], _HASH).read_bytes())
    rng = np.random.RandomState(seed)
    parts = []
    for name in ("train", "test"):
        x, y = shuffled(rng, arrays[f"x_{name}"], arrays[f"y_{name}"])
        texts = mark_and_shift(x, start_char, index_from)
        parts.append(drop_long(texts, y, maxlen) if maxlen else (texts, y))
    (x_train, y_train), (x_test, y_test) = parts
    texts = limit_words(x_train + x_test, num_words, skip_top, oov_char)
    count = len(x_train)
    return (as_object_array(texts[:count]), y_train), (as_object_array(texts[count:]), y_test)


def get_word_index(path: str | os.PathLike[str] = "imdb_word_index.json") -> dict[str, int]:
    """The rank of each word by how often it occurs, from 1; `load_data` adds its `index_from` to it.

    Example::

        rank = get_word_index()
        words = {index + 3: word for word, index in rank.items()} | {1: "[START]", 2: "[OOV]"}
        (x_train, _), _ = load_data()
        " ".join(words[index] for index in x_train[0])
    """
    file = dataset_file(path, [PUBLIC + "imdb_word_index.json"], _INDEX_HASH)
    return json.loads(file.read_text(encoding="utf-8"))
