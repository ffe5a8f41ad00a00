"""Texts as lists of word indices, the form that the IMDB and Reuters datasets share."""

from collections.abc import Iterable, Sequence

import numpy as np

from lamella.errors import ArgumentError

Texts = list[list[int]]


def mark_and_shift(texts: Iterable[Sequence[int]], start_char: int | None, index_from: int | None) -> Texts:
    """Each text with its word indices raised by `index_from`, and `start_char` in front unless it is None."""
    start = [] if start_char is None else [start_char]
    shift = index_from or 0
    return [start + [word + shift for word in text] for text in texts]


def drop_long(texts: Texts, labels: np.ndarray, maxlen: int) -> tuple[Texts, np.ndarray]:
    """The texts of fewer than `maxlen` entries, and their labels.

    Raises:
        ArgumentError: none is that short.
    """
    kept = [i for i, text in enumerate(texts) if len(text) < maxlen]
    if not kept:
        raise ArgumentError(
            f"No text has fewer than maxlen={maxlen} entries (the shortest has "
            f"{min(map(len, texts), default=0)}, its start mark included). Increase maxlen."
        )
    return [texts[i] for i in kept], labels[kept]


def limit_words(texts: Texts, num_words: int | None, skip_top: int, oov_char: int | None) -> Texts:
    """Each text with the indices outside [skip_top, num_words) made `oov_char`, or dropped if that is None.

    Without `num_words` the limit is the largest index there is, so that this one counts as outside: that is
    what Keras has always done, and published results rest on it.
    """
    largest = max((max(text) for text in texts if text), default=0)
    limit = num_words or largest
    table = [index if skip_top <= index < limit else oov_char for index in range(largest + 1)]
    if oov_char is None:
        return [[index for index in text if table[index] is not None] for text in texts]
    return [[table[index] for index in text] for text in texts]  # type: ignore[misc]


def as_object_array(texts: Texts) -> np.ndarray:
    """`(texts,)`, of lists, also where all lists are of one length and NumPy would make a matrix."""
    array = np.empty(len(texts), dtype=object)
    array[:] = texts
    return array
