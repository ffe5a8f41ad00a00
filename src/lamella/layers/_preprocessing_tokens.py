"""Columns of text to tokens: standardised, split, joined to n-grams, all on the bytes of the whole column.

A text column is one buffer of UTF-8 and a table of where each string begins. Lower case, punctuation and the limits of
words are questions about single bytes (of ASCII; bytes of other characters are above 127 and never confused with them), so
one table of 256 entries answers each for the whole buffer, and what is left of it after the unwanted bytes are taken out
is the buffer of the tokens.
"""

import string
from typing import Any

import numpy as np

from lamella.errors import ArgumentError
from lamella.layers._preprocessing_columns import arrow, text_buffers, texts_of

__all__ = ["Tokens", "ngrams_of", "split_texts", "standardize_texts", "tokens_of_lists"]

_PUNCTUATION = string.punctuation.encode()
_WHITESPACE = b" \t\n\v\f\r"


def _table(chosen: bytes) -> np.ndarray:
    table = np.zeros(256, bool)
    table[list(chosen)] = True
    return table


_IS_PUNCTUATION, _IS_SPACE = _table(_PUNCTUATION), _table(_WHITESPACE)
_STARTS_CHARACTER = np.array([byte & 0xC0 != 0x80 for byte in range(256)])
_LOWER = np.array([ord(chr(byte).lower()) if byte < 128 else byte for byte in range(256)], np.uint8)


class Tokens:
    """Tokens of several texts.

    Attributes:
        values: all tokens, an Arrow array of strings.
        rows: the text that each belongs to, in ascending order.
        count: the number of texts.
    """

    def __init__(self, values: Any, rows: np.ndarray, count: int):
        self.values, self.rows, self.count = values, rows, count

    @property
    def lengths(self) -> np.ndarray:
        """The number of tokens of each text."""
        return np.bincount(self.rows, minlength=self.count)

    @property
    def positions(self) -> np.ndarray:
        """Where each token stands in its text."""
        lengths = self.lengths
        return np.arange(len(self.rows)) - np.repeat(np.cumsum(lengths) - lengths, lengths)


def standardize_texts(texts: Any, lower: bool, strip_punctuation: bool) -> Any:
    """An Arrow array of strings without the punctuation of ASCII, its letters (those of ASCII) in lower case."""
    if not (lower or strip_punctuation) or not len(texts):
        return texts
    data, offsets = text_buffers(texts)
    first = int(offsets[0])
    data, offsets = data[first : int(offsets[-1])], offsets - first
    if lower:
        data = _LOWER[data]
    if strip_punctuation:
        data, offsets = _without(data, offsets, _IS_PUNCTUATION[data])
    return texts_of(data, offsets)


def _without(data: np.ndarray, offsets: np.ndarray, unwanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The buffer without some bytes."""
    if not unwanted.any():
        return data, offsets
    kept = np.zeros(len(data) + 1, np.int64)
    kept[1:] = _running(~unwanted)
    return data[~unwanted], kept[offsets]


def split_texts(texts: Any, by: str) -> Tokens:
    """The tokens of an Arrow array of strings.

    Args:
        texts: the strings.
        by: "whitespace" (that of ASCII) or "character" (each a token, whitespace too).
    """
    count = len(texts)
    data, offsets = text_buffers(texts)
    first = int(offsets[0])
    data, offsets = data[first : int(offsets[-1])], offsets.astype(np.int64) - first
    lengths = np.diff(offsets)
    filled = np.flatnonzero(lengths)
    if by == "character":
        begins = np.flatnonzero(_STARTS_CHARACTER[data])
        kept = data
        starts = begins
    else:
        space = _IS_SPACE[data]
        is_first = np.zeros(len(data), bool)
        is_first[1:] = space[:-1]
        is_first[offsets[:-1][filled]] = True
        is_first &= ~space
        begins = np.flatnonzero(is_first)
        kept = data[~space]
        before = _running(~space)
        starts = before[begins] - 1
    rows = np.repeat(filled, np.diff(np.searchsorted(begins, [*offsets[:-1][filled], len(data)]))) if count else begins
    return Tokens(texts_of(kept, np.append(starts, len(kept))), rows.astype(np.int64), count)


def _running(flags: np.ndarray) -> np.ndarray:
    """How many flags are set up to each place; 32 bits are twice as fast as 64 where they suffice."""
    return np.cumsum(flags.view(np.uint8), dtype=np.int32 if len(flags) < 2**31 else np.int64)


def ngrams_of(tokens: Tokens, widths: tuple[int, ...]) -> Tokens:
    """Neighbours joined by a space: of each text those of the first width, then those of the second, ..."""
    pa, pc = arrow()
    parts, rows = [], []
    total = len(tokens.rows)
    for width in widths:
        size = max(total - width + 1, 0)
        same = tokens.rows[:size] == tokens.rows[width - 1 :] if size else np.zeros(0, bool)
        starts = pa.array(np.flatnonzero(same))
        columns = [tokens.values.slice(i, size).take(starts) for i in range(width)] if size else []
        if not columns:
            continue
        parts.append(columns[0] if width == 1 else pc.binary_join_element_wise(*columns, " "))
        rows.append(tokens.rows[:size][same])
    if not parts:
        return Tokens(tokens.values[:0], tokens.rows[:0], tokens.count)
    kind = pa.large_string() if any(pa.types.is_large_string(p.type) for p in parts) else pa.string()
    values, all_rows = pa.concat_arrays([p.cast(kind) for p in parts]), np.concatenate(rows)
    order = np.argsort(all_rows, kind="stable")
    return Tokens(values.take(pa.array(order)), all_rows[order], tokens.count)


def tokens_of_lists(lists: Any, count: int, who: str, read: Any) -> Tokens:
    """What a user's own `split` returned: a list of tokens for each of `count` texts.

    Args:
        lists: lists of lists, an Arrow list array, a two-dimensional array, or a ragged tensor.
        count: how many there should be.
        who: for errors.
        read: turns a flat sequence into an Arrow array of strings.
    """
    for convert in ("to_list", "to_pylist", "tolist"):
        if not isinstance(lists, list) and hasattr(lists, convert):
            lists = getattr(lists, convert)()
    if not isinstance(lists, (list, tuple)) or len(lists) != count:
        raise ArgumentError(
            f"The `split` function of {who} must return a list of tokens for each of the {count} texts it got; it "
            f"returned {str(lists)[:80]!r}."
        )
    if not all(isinstance(one, (list, tuple, np.ndarray)) for one in lists):
        raise ArgumentError(
            f"The `split` function of {who} must return lists of tokens; it returned {str(lists[:1])[:80]!r}."
        )
    sizes = [len(one) for one in lists]
    flat = [token for one in lists for token in one]
    return Tokens(read(flat), np.repeat(np.arange(count), sizes), count)
