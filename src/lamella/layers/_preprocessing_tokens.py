"""Columns of text to tokens: standardised, split, joined to n-grams, all on the bytes of the whole column.

A text column is one buffer of UTF-8 and a table of where each string begins. Lower case, punctuation and the limits of
words are questions about single bytes (of ASCII; bytes of other characters are above 127 and never confused with them), so
one table of 256 entries answers each for the whole buffer (`bytes.translate`), and what is left of it after the unwanted
bytes are taken out is the buffer of the tokens.
"""

import string
from typing import Any

import numpy as np

from lamella.errors import ArgumentError
from lamella.layers._preprocessing_columns import arrow, text_buffers, texts_of

__all__ = ["Tokens", "ngrams_of", "split_texts", "standardize_texts", "tokens_of_lists"]

_PUNCTUATION = string.punctuation.encode()
_WHITESPACE = b" \t\n\v\f\r"
_LOWER = bytes(range(256)).lower()


def _classes(*groups: bytes) -> bytes:
    """For `bytes.translate`: 1 for the bytes of the first group, 2 for those of the second, ..., 0 for others."""
    table = bytearray(256)
    for number, group in enumerate(groups, 1):
        for byte in group:
            table[byte] = number
    return bytes(table)


_STARTS_CHARACTER = _classes(bytes(byte for byte in range(256) if byte & 0xC0 != 0x80))


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
    data, offsets = _bytes_of(texts)
    if lower:
        data = data.translate(_LOWER)
    if strip_punctuation:
        dropped = _running(_class_of(data, _classes(_PUNCTUATION)))
        data, offsets = data.translate(None, _PUNCTUATION), offsets - dropped[offsets]
    return texts_of(data, offsets)


def split_texts(texts: Any, by: str, strip_punctuation: bool = False) -> Tokens:
    """The tokens of an Arrow array of strings.

    Args:
        texts: the strings.
        by: "whitespace" (that of ASCII) or "character" (each a token, whitespace too).
        strip_punctuation: leave out the punctuation of ASCII, as if it had not been there.
    """
    data, offsets = _bytes_of(texts)
    unwanted = _PUNCTUATION if strip_punctuation else b""
    spaces = _WHITESPACE if by == "whitespace" else b""
    # What is left without the bytes of both are the tokens, end to end.
    kept = data.translate(None, unwanted + spaces)
    kinds = _class_of(data, _classes(unwanted, spaces))
    dropped = _running(kinds != 0)
    if by == "character":
        starts = np.flatnonzero(_class_of(kept, _STARTS_CHARACTER))
    else:
        begins = kinds == 2  # a token begins where a text does and after a space, whose place falls to what follows it
        begins[offsets[:-1][np.diff(offsets) > 0]] = True
        starts = np.flatnonzero(begins)
        starts -= dropped[starts]
        starts = starts[np.append(starts[1:] != starts[:-1], True)] if len(starts) else starts
        starts = starts[: np.searchsorted(starts, len(kept))]
    first = np.searchsorted(starts, offsets - dropped[offsets])
    rows = np.repeat(np.arange(len(texts)), np.diff(first))
    return Tokens(texts_of(kept, np.append(starts, len(kept))), rows, len(texts))


def _bytes_of(texts: Any) -> tuple[bytes, np.ndarray]:
    """(the bytes of the strings one after the other, where each begins and, at last, where the last one ends)."""
    data, offsets = text_buffers(texts)
    first = int(offsets[0])
    return data[first : int(offsets[-1])].tobytes(), offsets - first


def _class_of(data: bytes, classes: bytes) -> np.ndarray:
    return np.frombuffer(data.translate(classes), np.uint8)


def _running(flags: np.ndarray) -> np.ndarray:
    """How many flags stand before each place, and in all; 32 bits are twice as fast as 64 where they suffice."""
    out = np.zeros(len(flags) + 1, np.int32 if len(flags) < 2**31 else np.int64)
    np.cumsum(flags.view(np.uint8), out=out[1:])
    return out


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
