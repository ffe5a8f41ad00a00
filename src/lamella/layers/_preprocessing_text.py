"""Texts to sequences of indices of their words, or to vectors of what occurs in them."""

from collections.abc import Callable
from typing import Any

import numpy as np

from lamella.core._keras_tensor import KerasTensor
from lamella.core._serialization import deserialize_keras_object, serialize_keras_object
from lamella.errors import ArgumentError, ShapeError
from lamella.layers._data_layer import HostLayer
from lamella.layers._layer import Layer
from lamella.layers._options import label
from lamella.layers._preprocessing_columns import Column, batches, concrete, in_pieces, result, strings
from lamella.layers._preprocessing_encoding import check_output_mode, encoded_shape, refuse_sparse
from lamella.layers._preprocessing_lookup import StringLookup
from lamella.layers._preprocessing_tokens import Tokens, ngrams_of, split_texts, standardize_texts, tokens_of_lists
from lamella.typing import Shape

__all__ = ["TextVectorization"]

_STANDARDIZE = ("lower_and_strip_punctuation", "lower", "strip_punctuation")
_SPLIT = ("whitespace", "character")
_MODES = ("int", "one_hot", "multi_hot", "count", "tf_idf")


class TextVectorization(HostLayer):
    """Texts to rows of word indices, or to a vector each of the words in them.

    Each text is standardised, split into tokens, the tokens are joined to n-grams, looked up in a vocabulary, and made a
    row. Strings may be Python's, NumPy arrays, or Arrow, pandas and polars columns; no TensorFlow is needed.

    Args:
        max_tokens: the size of the vocabulary at most, the special tokens included.
        standardize: "lower_and_strip_punctuation", "lower", "strip_punctuation" (letters and punctuation of ASCII), None,
            or a function: it gets a NumPy array of strings and returns one of the same shape.
        split: "whitespace", "character", None, or a function: it gets a NumPy array of strings and returns a list of
            tokens for each.
        ngrams: an integer, to join up to so many tokens, or a tuple of numbers of tokens to join; None for tokens only.
        output_mode: "int" (rows of indices, 0 where the text has ended), "multi_hot", "count" or "tf_idf".
        output_sequence_length: the length of the rows of "int": longer ones are cut, shorter ones filled with 0.
        pad_to_max_tokens: vectors of length `max_tokens`, however small the vocabulary.
        vocabulary: the tokens, or the path of a file with one in each line. Without it, call `adapt`.
        idf_weights: for "tf_idf": the inverse document frequency of each token of `vocabulary`.
        sparse: True is refused: results are dense.
        ragged: True is refused: results are dense.
        encoding: of bytes and of vocabulary files.
        name: of the layer.

    Raises:
        NotBuiltError: when called before there is a vocabulary.
        ShapeError: for a last axis above 1 where texts are split: one text, one example.
        DataError: for a missing value.

    Example:
        >>> from lamella import layers
        >>> layer = layers.TextVectorization(output_sequence_length=4)
        >>> layer.adapt(["foo bar", "bar baz", "baz bada boom"])
        >>> layer(["Foo, qux bar!", "qux baz"]).tolist()
        [[4, 1, 3, 0], [1, 2, 0, 0]]
    """

    _token = "string"

    def __init__(
        self,
        max_tokens: int | None = None,
        standardize: Any = "lower_and_strip_punctuation",
        split: Any = "whitespace",
        ngrams: Any = None,
        output_mode: str = "int",
        output_sequence_length: int | None = None,
        pad_to_max_tokens: bool = False,
        vocabulary: Any = None,
        idf_weights: Any = None,
        sparse: bool = False,
        ragged: bool = False,
        encoding: str = "utf-8",
        name: str | None = None,
        **kwargs: Any,
    ):
        kwargs.pop("vocabulary_size", None)
        _check_choice(self, "standardize", standardize, _STANDARDIZE)
        _check_choice(self, "split", split, _SPLIT)
        check_output_mode(self, output_mode, _MODES)
        refuse_sparse(self, sparse=sparse, ragged=ragged)
        if output_mode != "int" and output_sequence_length is not None:
            raise ArgumentError(
                f"`output_sequence_length` of {label(self)} must not be set if `output_mode` is not 'int'. Received "
                f"output_sequence_length={output_sequence_length}."
            )
        if output_sequence_length is not None and not _is_size(output_sequence_length):
            raise ArgumentError(
                f"`output_sequence_length` of {label(self)} must be either `None` or an integer of at least 1. "
                f"Received: output_sequence_length={output_sequence_length!r}"
            )
        super().__init__(name=name, **kwargs)
        self.max_tokens = max_tokens
        self.standardize = standardize
        self.split = split
        self.ngrams = ngrams
        self._widths = _ngram_widths(self, ngrams)
        self.output_mode = output_mode
        self.output_sequence_length = output_sequence_length
        self.pad_to_max_tokens = pad_to_max_tokens
        self.sparse = sparse
        self.ragged = ragged
        self.encoding = encoding
        self._lookup = StringLookup(
            max_tokens=max_tokens,
            mask_token="",
            vocabulary=vocabulary,
            idf_weights=idf_weights,
            output_mode=output_mode,
            pad_to_max_tokens=pad_to_max_tokens,
            encoding=encoding,
        )

    @property
    def _layers(self) -> list[Layer]:
        return []  # the table is a part of this layer, not a layer of the model

    def _column(self, value: Any) -> Column:
        return strings(value, label(self), self.encoding)

    # ---- the vocabulary --------------------------------------------------------------------------

    def adapt(self, data: Any, batch_size: int | None = None, steps: int | None = None) -> None:
        """Count the tokens of the texts in `data`, and make a vocabulary of the most frequent ones.

        Only the counts are kept in memory, so data that does not fit may come in batches. What was counted before is
        forgotten.

        Args:
            data: an array, list or column of texts; or an iterable of batches of them.
            batch_size: not used: data in memory is read as one batch.
            steps: how many batches to read at most.

        Raises:
            ArgumentError: when the layer was given a vocabulary.
        """
        self._lookup.check_learns()
        self.reset_state()
        for batch in batches(data, steps, label(self)):
            self.update_state(batch)
        self.finalize_state()

    def update_state(self, data: Any) -> None:
        """Count the tokens of one batch of texts; each text is a document."""
        tf_idf = self.output_mode == "tf_idf"
        pieces, shape = self._pieces_of(self._column(data), lambda tokens: tokens)
        documents = shape[0] if shape else 1
        for tokens in pieces:
            self._lookup._count(tokens.values, tokens.rows if tf_idf else None, documents)
            documents = 0

    def finalize_state(self) -> None:
        """Make the vocabulary of what was counted since `reset_state`."""
        self._lookup.finalize_state()

    def reset_state(self) -> None:
        """Forget what was counted, and a vocabulary made from it."""
        self._lookup.reset_state()

    def get_vocabulary(self, include_special_tokens: bool = True) -> list:
        """The tokens in the order of their indices.

        Args:
            include_special_tokens: False leaves out the padding and the out-of-vocabulary token.
        """
        return self._lookup.get_vocabulary(include_special_tokens)

    def vocabulary_size(self) -> int:
        """The number of tokens, the padding and the out-of-vocabulary token included."""
        return self._lookup.vocabulary_size()

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Take `vocabulary` instead of counting one: see `StringLookup.set_vocabulary`."""
        self._lookup.set_vocabulary(vocabulary, idf_weights)

    # ---- the computation -------------------------------------------------------------------------

    def build(self, input_shape: Any = None) -> None:
        """Nothing is built from shapes."""

    def call(self, inputs: Any) -> Any:
        if not isinstance(inputs, Column):
            inputs = self._column(inputs) if concrete(inputs) else self._lookup._traced(inputs)
        self._lookup._check_adapted()
        places = self._lookup._places_in
        if self.output_mode not in ("int", "one_hot"):
            pieces, shape = self._pieces_of(inputs, lambda tokens: (tokens.rows, places(tokens.values), tokens.count))
            vectors = self._lookup._encoded_rows(pieces)
            return vectors.reshape((*shape, vectors.shape[-1]))
        length = self.output_sequence_length
        if length is not None:
            rows, shape = self._pieces_of(inputs, lambda tokens: self._rows(tokens, places(tokens.values), length))
        else:
            pieces, shape = self._pieces_of(inputs, lambda tokens: (tokens, places(tokens.values)))
            length = max(int(tokens.lengths.max(initial=0)) for tokens, _ in pieces)
            rows = [self._rows(tokens, indices, length) for tokens, indices in pieces]
        found = np.concatenate(rows).reshape((*shape, length))
        return result(found) if self.output_mode == "int" else self._lookup._encoded(found)

    def _rows(self, tokens: Tokens, places: np.ndarray, length: int) -> np.ndarray:
        positions, rows = tokens.positions, tokens.rows
        out = np.zeros((tokens.count, length), np.int64)
        if (positions >= length).any():
            fits = np.flatnonzero(positions < length)
            positions, rows, places = positions[fits], rows[fits], places[fits]
        out.reshape(-1)[rows * length + positions] = places
        return out

    def _pieces_of(self, column: Column, then: Callable[[Tokens], Any]) -> tuple[list, tuple[int, ...]]:
        """(what `then` makes of the tokens of each piece of a column, in order; the shape of its texts)."""
        shape = column.shape
        if self.split is None:
            texts = self._standardized(column.values, shape)
            shape, size = shape[:-1], (shape[-1] if shape else 1)
            count = int(np.prod(shape))
            return [then(self._joined(Tokens(texts, np.repeat(np.arange(count), size), count)))], shape
        if len(shape) > 1 and shape[-1] != 1:
            raise ShapeError(
                f"When {label(self)} splits texts, the input rank must be 1 or the last axis must have size 1. Received "
                f"an input of shape {shape}. Flatten it, or set split=None if it holds tokens."
            )
        outer = shape[:-1] if len(shape) > 1 else shape
        if callable(self.standardize) or callable(self.split):
            texts = self._standardized(column.values, shape)
            return [then(self._joined(self._split(texts)))], outer
        strip = self.standardize is not None and "punctuation" in self.standardize

        def piece(texts: Any) -> Any:
            texts = standardize_texts(texts, "lower" in (self.standardize or ""), False)
            return then(self._joined(split_texts(texts, self.split, strip)))

        return in_pieces(piece, column.values), outer

    def _standardized(self, texts: Any, shape: tuple) -> Any:
        if callable(self.standardize):
            given = np.asarray(texts.to_pylist(), dtype=np.str_).reshape(shape)
            return self._returned(self.standardize, given, shape)
        if self.standardize is None:
            return texts
        return standardize_texts(texts, "lower" in self.standardize, "punctuation" in self.standardize)

    def _joined(self, tokens: Tokens) -> Tokens:
        return ngrams_of(tokens, self._widths) if self._widths else tokens

    def _split(self, texts: Any) -> Tokens:
        if not callable(self.split):
            return split_texts(texts, self.split)
        given = np.asarray(texts.to_pylist(), dtype=np.str_)
        return tokens_of_lists(self.split(given), len(given), label(self), lambda flat: self._column(flat).values)

    def _returned(self, function: Callable, given: np.ndarray, shape: tuple) -> Any:
        column = self._column(function(given))
        if column.shape != shape:
            raise ShapeError(
                f"The `standardize` function of {label(self)} must return strings of the shape it got, {shape}; it "
                f"returned shape {column.shape}."
            )
        return column.values

    # ---- shapes, files, configuration ------------------------------------------------------------

    def compute_output_shape(self, input_shape: Shape) -> tuple:
        shape = tuple(input_shape)
        texts = shape[:-1] if self.split is None or (len(shape) > 1 and shape[-1] == 1) else shape
        rows = (*texts, self.output_sequence_length)
        return rows if self.output_mode == "int" else encoded_shape(rows, self.output_mode, self._lookup._depth)

    def compute_output_spec(self, inputs: Any) -> KerasTensor:
        dtype = "int64" if self.output_mode == "int" else "float32"
        return KerasTensor(self.compute_output_shape(inputs.shape), dtype=dtype)

    def save_own_variables(self, store: Any) -> None:
        """Put the weights of "tf_idf" into `store`."""
        self._lookup.save_own_variables(store)

    def load_own_variables(self, store: Any) -> None:
        """Read the weights of "tf_idf" from `store`."""
        self._lookup.load_own_variables(store)

    def save_assets(self, dir_path: Any) -> None:
        """Write the vocabulary into the folder `dir_path`, one token in a line."""
        self._lookup.save_assets(dir_path)

    def load_assets(self, dir_path: Any) -> None:
        """Read the vocabulary that `save_assets` wrote."""
        self._lookup.load_assets(dir_path)

    def get_config(self) -> dict:
        lookup = self._lookup.get_config()
        return {
            **super().get_config(),
            "max_tokens": self.max_tokens,
            "standardize": _described(self.standardize),
            "split": _described(self.split),
            "ngrams": self.ngrams,
            "output_mode": self.output_mode,
            "output_sequence_length": self.output_sequence_length,
            "pad_to_max_tokens": self.pad_to_max_tokens,
            "sparse": self.sparse,
            "ragged": self.ragged,
            "vocabulary": lookup["vocabulary"],
            "idf_weights": lookup["idf_weights"],
            "encoding": self.encoding,
            "vocabulary_size": self.vocabulary_size(),
        }

    @classmethod
    def from_config(cls, config: dict) -> Any:
        """The layer of a configuration that `get_config` returned."""
        config = dict(config)
        for name in ("standardize", "split"):
            if isinstance(config.get(name), dict):
                config[name] = deserialize_keras_object(config[name])
        if isinstance(config.get("ngrams"), list):
            config["ngrams"] = tuple(config["ngrams"])
        StringLookup.refuse_file(cls, config)
        return super().from_config(config)


def _described(value: Any) -> Any:
    return serialize_keras_object(value) if callable(value) else value


def _check_choice(layer: Any, name: str, value: Any, known: tuple) -> None:
    if value is not None and not callable(value) and value not in known:
        raise ArgumentError(
            f"Unknown value for `{name}` argument of {label(layer)}. Allowed values are: {known}, None, or a "
            f"function. Received: {name}={value}"
        )


def _is_size(value: Any) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool) and bool(value >= 1)


def _ngram_widths(layer: Any, ngrams: Any) -> tuple[int, ...]:
    if ngrams is None:
        return ()
    if _is_size(ngrams):
        return tuple(range(1, ngrams + 1))
    if isinstance(ngrams, tuple) and ngrams and all(_is_size(n) for n in ngrams):
        return ngrams
    raise ArgumentError(
        f"`ngrams` of {label(layer)} must be None, an integer of at least 1, or a tuple of such integers. Received: "
        f"ngrams={ngrams}"
    )
