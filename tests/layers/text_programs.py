"""Programs with the layers of text and categories, and what Keras makes of them.

Keras needs TensorFlow for these layers, so its results stand in a file. In an environment that has both, this writes them
anew::

    KERAS_BACKEND=tensorflow python tests/layers/text_programs.py
"""

import json
from pathlib import Path

import numpy as np

EXPECTED = Path(__file__).with_name("text_expected.json")

ROWS = [["a", "b", "c"], ["z", "c", "a"]]
TEXTS = [
    "Hello, World! it's 3-4",
    "foo  bar\tbaz\nqux  ",
    " lead ÀÉ Straße",
    " nb\x0bvt",
    "",
    "#$%^&*()_+[]{}|;':\",./<>?`~-=\\@ x",
]
LENGTHS = (0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 24, 31, 32, 33, 47, 63, 64, 65, 100, 128, 129, 191, 192, 193, 300)
_letters = np.random.default_rng(0)
LONG = ["".join(chr(97 + int(c)) for c in _letters.integers(0, 26, n)) for n in LENGTHS] + ["é", "日本語", "A"]
INTEGERS = [0, 1, -1, 5, 101, 102, 12345678901]


def lookup(cls, data, adapt=None, **options):
    """The outputs for `data`, and the vocabulary."""

    def program(layers):
        layer = getattr(layers, cls)(**options)
        if adapt is not None:
            layer.adapt(np.array(adapt) if isinstance(adapt[0], list) else adapt)
        out = layer(data)
        weights = getattr(layer, "idf_weights", None)
        return {
            "out": out,
            "vocabulary": layer.get_vocabulary(),
            "tokens": layer.get_vocabulary(include_special_tokens=False),
            "size": layer.vocabulary_size(),
            "weights": None if weights is None or cls == "TextVectorization" else np.asarray(weights),
        }

    return program


def hashed(data, **options):
    return lambda layers: layers.Hashing(**options)(data)


def crossed(*features, **options):
    return lambda layers: layers.HashedCrossing(**options)(features)


ABC = {"vocabulary": ["a", "b", "c"]}
IDF = {"output_mode": "tf_idf", "vocabulary": ["a", "b", "c"], "idf_weights": [0.25, 0.5, 0.75]}
VECTORS = ("one_hot", "multi_hot", "count")
FLAT = np.array(LONG)
NUMBERS = np.array((INTEGERS * 10)[: len(LONG)])

PROGRAMS = {
    "indices": lookup("StringLookup", ROWS, **ABC),
    "a string": lookup("StringLookup", "b", **ABC),
    **{f"{m} of rows": lookup("StringLookup", ROWS, output_mode=m, **ABC) for m in VECTORS},
    **{f"{m} flat": lookup("StringLookup", ["a", "c"], output_mode=m, **ABC) for m in VECTORS},
    **{f"{m} of a string": lookup("StringLookup", "a", output_mode=m, **ABC) for m in VECTORS},
    **{f"{m} of a column": lookup("StringLookup", [["a"], ["c"]], output_mode=m, **ABC) for m in VECTORS},
    "tf_idf": lookup("StringLookup", ROWS, **IDF),
    "tf_idf flat": lookup("StringLookup", ["a", "c"], **IDF),
    "three indices for the unknown": lookup(
        "StringLookup", ["a", "q", "r", "s", "", "foo"], num_oov_indices=3, mask_token="", **ABC
    ),
    "the unknown, salted": lookup("StringLookup", ["a", "q", "r", "s", "foo"], num_oov_indices=3, salt=3, **ABC),
    "none for the unknown": lookup("StringLookup", ["a", "", "b"], num_oov_indices=0, mask_token="", **ABC),
    "a vocabulary with its special tokens": lookup("StringLookup", ["a", "[UNK]"], vocabulary=["[UNK]", "a", "b"]),
    "padded": lookup(
        "StringLookup", [["a", "q"]], output_mode="multi_hot", pad_to_max_tokens=True, max_tokens=6, **ABC
    ),
    "masked count": lookup("StringLookup", [["a", ""], ["q", "b"]], output_mode="count", mask_token="", **ABC),
    "masked one_hot": lookup("StringLookup", ["a", ""], output_mode="one_hot", mask_token="", **ABC),
    "adapted": lookup("StringLookup", ROWS, adapt=ROWS),
    "adapted, most frequent": lookup(
        "StringLookup", ["c", "a"], adapt=["a", "b", "b", "c", "c", "c", "d"], max_tokens=3
    ),
    "adapted, special tokens in the data": lookup(
        "StringLookup", ["c"], adapt=["a", "b", "b", "", "", "[UNK]", "[UNK]"], max_tokens=4, mask_token=""
    ),
    "adapted tf_idf": lookup(
        "StringLookup", [["a", "b"], ["q", "b"]], adapt=[["a", "b"], ["b", "c"], ["b", "b"]], output_mode="tf_idf"
    ),
    "adapted tf_idf, flat": lookup("StringLookup", [["a"]], adapt=["a", "b", "b"], output_mode="tf_idf"),
    "adapted tf_idf, padded": lookup(
        "StringLookup",
        [["a", "b"], ["q", "b"]],
        adapt=[["a", "b"], ["b", "c"], ["b", "b"]],
        output_mode="tf_idf",
        pad_to_max_tokens=True,
        max_tokens=6,
    ),
    "inverted": lookup("StringLookup", [1, 2, 0, 3, 9, -1], invert=True, **ABC),
    "inverted, masked": lookup("StringLookup", [1, 2, 0, 3], invert=True, mask_token="m", **ABC),
    "integers": lookup("IntegerLookup", [[12, 1138, 42], [42, 1000, 36]], vocabulary=[12, 36, 1138, 42]),
    "integers, two unknown": lookup("IntegerLookup", [12, 7, 38, -5, -6], vocabulary=[12, 36], num_oov_indices=2),
    "integers, hashed": lookup(
        "IntegerLookup", [12, 7, 38, -5, -6], vocabulary=[12, 36], num_oov_indices=2, oov_method="farmhash"
    ),
    "integers, salted": lookup(
        "IntegerLookup", [12, 7, 38, -5], vocabulary=[12, 36], num_oov_indices=2, oov_method="farmhash", salt=3
    ),
    "integers, inverted": lookup("IntegerLookup", [0, 1, 2, 9], vocabulary=[12, 36], invert=True),
    "integers, masked": lookup("IntegerLookup", [0, 12, 36, 9], vocabulary=[12, 36], mask_token=0),
    "integers, counted": lookup(
        "IntegerLookup",
        [[0, 1, 1, 9], [2, 3, 0, 0]],
        vocabulary=[1, 2, 3],
        mask_token=0,
        output_mode="count",
        pad_to_max_tokens=True,
        max_tokens=7,
    ),
    "integers, adapted": lookup("IntegerLookup", [5, 3], adapt=[[5, 5, 3], [2, 3, 5]]),
    **{
        f"texts, {standardize}, {split}": lookup(
            "TextVectorization", TEXTS[:2], adapt=TEXTS, standardize=standardize, split=split
        )
        for standardize in ("lower_and_strip_punctuation", "lower", "strip_punctuation", None)
        for split in ("whitespace", "character")
    },
    "texts unsplit": lookup("TextVectorization", [["a", "b"], ["b", "d"]], split=None, **ABC),
    "texts unsplit, length": lookup("TextVectorization", ["a", "b"], split=None, output_sequence_length=3, **ABC),
    "texts unsplit, count": lookup("TextVectorization", ["a", "b"], split=None, output_mode="count", **ABC),
    "texts": lookup("TextVectorization", ["a b z", "c", ""], **ABC),
    "texts in a column": lookup("TextVectorization", [["a b z"], ["c"]], **ABC),
    "one text": lookup("TextVectorization", "a b", **ABC),
    "texts, length": lookup("TextVectorization", ["a b z", "c", ""], output_sequence_length=2, **ABC),
    "texts, multi_hot": lookup("TextVectorization", ["a b z", "c c", ""], output_mode="multi_hot", **ABC),
    "texts, count": lookup("TextVectorization", [["a b z"], ["c c"]], output_mode="count", **ABC),
    "one text, count": lookup("TextVectorization", "a a", output_mode="count", **ABC),
    "texts, tf_idf": lookup("TextVectorization", ["a b z", "c c"], pad_to_max_tokens=True, max_tokens=6, **IDF),
    "texts, adapted tf_idf": lookup("TextVectorization", ["a b b z"], adapt=["a b b", "b c"], output_mode="tf_idf"),
    "texts, most frequent": lookup("TextVectorization", ["a d"], adapt=["a b b c c c d d d d"], max_tokens=4),
    "bigrams": lookup("TextVectorization", ["a b c", "c", "b c a b"], ngrams=2, vocabulary=["a", "b", "a b", "b c"]),
    "trigrams": lookup("TextVectorization", ["a b c", "c", "b c a b"], ngrams=(3,), vocabulary=["a b c"]),
    "bigrams, adapted": lookup("TextVectorization", ["b c"], adapt=["a b c", "a b"], ngrams=2),
    "bigrams of characters": lookup("TextVectorization", ["bc"], adapt=["abc"], ngrams=2, split="character"),
    "hashes of all lengths": hashed(FLAT, num_bins=2**30),
    "salted hashes of all lengths": hashed(FLAT, num_bins=2**30, salt=[133, 137]),
    "hashes of integers": hashed(np.array(INTEGERS), num_bins=1000),
    "hashes of booleans": hashed([True, False], num_bins=1000),
    "hashes with a mask": hashed(["A", "", "B"], num_bins=7, mask_value="A"),
    "hashes of integers with a mask": hashed(np.array([1, 2, 3]), num_bins=7, mask_value=3),
    "hashes with a mask, salted": hashed(["A", "", "B"], num_bins=7, mask_value="A", salt=3),
    **{f"hashes, {m}": hashed([["A", "B"], ["C", "B"]], num_bins=4, output_mode=m) for m in VECTORS},
    **{f"hashes of a column, {m}": hashed([["A"], ["C"]], num_bins=4, output_mode=m) for m in VECTORS},
    "crossed": crossed(FLAT, NUMBERS, num_bins=2**30),
    "three crossed": crossed(FLAT, NUMBERS, FLAT[::-1], num_bins=2**30),
    "crossed columns": crossed(FLAT[:, None], NUMBERS[:, None], num_bins=9),
    "crossed, one_hot": crossed(FLAT[:4, None], NUMBERS[:4, None], num_bins=5, output_mode="one_hot"),
    "crossed scalars": crossed("A", 101, num_bins=5),
    "crossed, as floats": crossed(FLAT[:4], NUMBERS[:4], num_bins=5, dtype="float32"),
}


def plain(value):
    """`value` as JSON has it."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, bytes):
        return value.decode()
    if value is None or isinstance(value, (str, int, float)):
        return value.item() if hasattr(value, "item") else value
    return plain(np.asarray(value).tolist())


if __name__ == "__main__":
    import keras

    results = {name: plain(program(keras.layers)) for name, program in PROGRAMS.items()}
    lines = [f"{json.dumps(k, ensure_ascii=False)}: {json.dumps(v, ensure_ascii=False)}" for k, v in results.items()]
    EXPECTED.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
