"""A column of a million short strings: StringLookup and TextVectorization, adapting and calling."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks._measures import Bar
from benchmarks._run import Run

PEERS = ("lamella", "keras-tensorflow")
COLUMNS = ("lookup_adapt", "lookup_call", "text_adapt", "text_call")
BARS = tuple(Bar(name, "keras-tensorflow", 1 / 3) for name in COLUMNS)

ROWS = 1_000_000
WORDS = 5_000
# What holds the strings. 0: Arrow, as pandas and Parquet have them; Keras needs them as an array of objects, which is part of its
# time. 1: an array of Python's strings, where most of the time goes into reading them. 2: NumPy's fixed-width strings.
COLUMN = 0
IN_A_TEXT = 3


def strings() -> tuple[Any, Any]:
    """(a column of words, a column of texts of three words with capitals and punctuation)."""
    draw = np.random.default_rng(0)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    words = np.array(["".join(draw.choice(letters, n)) for n in draw.integers(3, 9, WORDS)])
    drawn = words[draw.integers(0, WORDS, (ROWS, IN_A_TEXT))]
    texts = [f"{a.capitalize()} {b}, {c}!" for a, b, c in drawn.tolist()]
    return column(drawn[:, 0].tolist()), column(texts)


def column(values: list[str]) -> Any:
    """The values in what `COLUMN` says."""
    if COLUMN == 0:
        import pyarrow

        return pyarrow.array(values)
    return np.array(values, {1: object, 2: str}[COLUMN])


def seconds(job: Callable[[], Any]) -> float:
    """How long `job` takes, with what it returns computed."""
    start = time.perf_counter()
    np.asarray(job())
    return time.perf_counter() - start


def measure(run: Run) -> dict[str, float | None]:
    """Each layer on the whole column."""
    layers = run.library.layers
    words, texts = strings()
    as_it_is = run.library.__name__ == "lamella" or COLUMN != 0
    read = (lambda c: c) if as_it_is else (lambda c: c.to_numpy(zero_copy_only=False))
    lookup = layers.StringLookup()
    text = layers.TextVectorization(output_sequence_length=4)
    for layer in (lookup, text):  # so that no import is measured
        layer.adapt(read(words[:100]))
        np.asarray(layer(read(words[:100])))
    return {
        "lookup_adapt": seconds(lambda: lookup.adapt(read(words))),
        "lookup_call": seconds(lambda: lookup(read(words))),
        "text_adapt": seconds(lambda: text.adapt(read(texts))),
        "text_call": seconds(lambda: text(read(texts))),
    }
