"""Reuters: 11,228 news wires as word indices, labelled by topic."""

import json
import os

import numpy as np

from lamella._lazy import missing as _missing
from lamella.datasets._source import PUBLIC, dataset_file
from lamella.datasets._split import shuffled, train_and_test
from lamella.datasets._unpickle import load_npz
from lamella.datasets._words import as_object_array, drop_long, limit_words, mark_and_shift
from lamella.errors import ArgumentError

__all__ = ["get_label_names", "get_word_index", "load_data"]

__getattr__ = _missing(__name__)

_HASH = "sha256:d6586e694ee56d7a4e65172e12b3e987c03096cb01eab99753921ef915959916"
_INDEX_HASH = "md5:4d44cc38712099c9e383dc6e5f11a921"
_TOPICS = """
    cocoa grain veg-oil earn acq wheat copper housing money-supply coffee sugar trade reserves ship cotton
    carcass crude nat-gas cpi money-fx interest gnp meal-feed alum oilseed gold tin strategic-metal livestock
    retail ipi iron-steel rubber heat jobs lei bop zinc orange pet-chem dlr gas silver wpi hog lead
"""


def load_data(
    path: str | os.PathLike[str] = "reuters.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    test_split: float = 0.2,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int | None = 3,
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """The Reuters wires of 1987, downloaded at the first call (2 MB).

    A word's index is its rank by how often it occurs, from 1, plus `index_from`.

    Args:
        path: where to keep the file, relative to the `datasets` folder of the Keras home directory.
        num_words: keep indices below this one only; the others become `oov_char`. If None, all but the rarest
            word is kept.
        skip_top: indices below this one become `oov_char` too.
        maxlen: keep only wires of fewer entries than this. All if None.
        test_split: the fraction of samples kept for testing, in [0, 1].
        seed: of the shuffle before the split.
        start_char: put in front of each wire, unless None.
        oov_char: stands for a word that was left out; such words are dropped if None.
        index_from: added to each word's index, to leave room for the marks.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: object arrays `(samples,)` of lists of indices; int64 labels
        `(samples,)`, the topics 0 to 45 of `get_label_names`.

    Raises:
        ArgumentError: no wire is shorter than `maxlen`, or `test_split` is outside [0, 1].
        DownloadError: the file could not be fetched. Says how to place it by hand.
    """
    if not 0 <= test_split <= 1:
        raise ArgumentError(f"test_split is a fraction of the samples, in [0, 1]. Got: {test_split!r}.")
    arrays = load_npz(dataset_file(path, [PUBLIC + "reuters.npz"], _HASH).read_bytes())
    x, y = shuffled(np.random.RandomState(seed), arrays["x"], arrays["y"])
    texts = mark_and_shift(x, start_char, index_from)
    if maxlen:
        texts, y = drop_long(texts, y, maxlen)
    texts = limit_words(texts, num_words, skip_top, oov_char)
    return train_and_test(as_object_array(texts), y, test_split)


def get_word_index(path: str | os.PathLike[str] = "reuters_word_index.json") -> dict[str, int]:
    """The rank of each word by how often it occurs, from 1; `load_data` adds its `index_from` to it."""
    file = dataset_file(path, [PUBLIC + "reuters_word_index.json"], _INDEX_HASH)
    return json.loads(file.read_text(encoding="utf-8"))


def get_label_names() -> tuple[str, ...]:
    """The names of the 46 topics, in the order of their labels."""
    return tuple(_TOPICS.split())
