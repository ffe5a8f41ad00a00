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
IN_A_TEXT = 3


def strings() -> tuple[np.ndarray, np.ndarray]:
    """(a column of words, a column of texts of three words with capitals and punctuation)."""
    draw = np.random.default_rng(0)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    words = np.array(["".join(draw.choice(letters, n)) for n in draw.integers(3, 9, WORDS)])
    drawn = words[draw.integers(0, WORDS, (ROWS, IN_A_TEXT))]
    texts = [f"{a.capitalize()} {b}, {c}!" for a, b, c in drawn.tolist()]
    return drawn[:, 0].astype(object), np.array(texts, object)


def seconds(job: Callable[[], Any]) -> float:
    """How long `job` takes, with what it returns computed."""
    start = time.perf_counter()
    np.asarray(job())
    return time.perf_counter() - start


def measure(run: Run) -> dict[str, float | None]:
    """Each layer on the whole column, as arrays of Python strings."""
    layers = run.library.layers
    words, texts = strings()
    lookup = layers.StringLookup()
    text = layers.TextVectorization(output_sequence_length=4)
    for layer in (lookup, text):  # so that no import is measured
        layer.adapt(words[:100])
        np.asarray(layer(words[:100]))
    return {
        "lookup_adapt": seconds(lambda: lookup.adapt(words)),
        "lookup_call": seconds(lambda: lookup(words)),
        "text_adapt": seconds(lambda: text.adapt(texts)),
        "text_call": seconds(lambda: text(texts)),
    }
