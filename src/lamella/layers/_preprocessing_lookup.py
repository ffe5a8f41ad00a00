"""Tokens to their places in a vocabulary, and back: strings and integers."""

from pathlib import Path
from typing import Any

import numpy as np

from lamella import ops
from lamella.core import _policy
from lamella.core._keras_tensor import KerasTensor
from lamella.errors import ArgumentError, DataError, NotBuiltError, OutOfRangeError, SerializationError
from lamella.layers._data_layer import HostLayer
from lamella.layers._options import label
from lamella.layers._preprocessing_columns import (
    Column,
    arrow,
    batches,
    concrete,
    in_pieces,
    integers,
    result,
    strings,
)
from lamella.layers._preprocessing_encoding import (
    ENCODINGS,
    check_output_mode,
    encode,
    encode_host,
    encode_rows,
    encoded_shape,
    refuse_sparse,
)
from lamella.layers._preprocessing_hash import check_salt, farmhash64, siphash64
from lamella.layers._preprocessing_vocabulary import Counts, first_repeated
from lamella.typing import Array, Shape

__all__ = ["IntegerLookup", "StringLookup"]

_FILE = "vocabulary.txt"


class FixedVocabularyError(ArgumentError, RuntimeError):
    """A vocabulary of another size, for a layer whose output others were built for."""


class IndexLookup(HostLayer):
    """What StringLookup and IntegerLookup share: a vocabulary, given or counted, and the places of tokens in it.

    The vocabulary is `[mask_token] + [oov_token] * num_oov_indices + tokens`; the mask token stands in it only for
    `output_mode="int"`.
    """

    def __init__(
        self,
        max_tokens: int | None,
        num_oov_indices: int,
        mask_token: Any,
        oov_token: Any,
        vocabulary: Any,
        idf_weights: Any,
        invert: bool,
        output_mode: str,
        pad_to_max_tokens: bool,
        sparse: bool,
        salt: Any,
        name: str | None,
        **kwargs: Any,
    ):
        kwargs.pop("vocabulary_size", None)  # in configurations, for those who read them
        self._check_options(max_tokens, num_oov_indices, invert, output_mode, pad_to_max_tokens, idf_weights)
        refuse_sparse(self, sparse=sparse)
        output_mode = "multi_hot" if output_mode == "binary" else output_mode
        kwargs["dtype"] = _only_int_or_text(kwargs.get("dtype"))
        super().__init__(name=name, **kwargs)
        self.max_tokens = max_tokens
        self.num_oov_indices = num_oov_indices
        self.mask_token = mask_token
        self.oov_token = oov_token
        self.invert = bool(invert)
        self.output_mode = output_mode
        self.pad_to_max_tokens = bool(pad_to_max_tokens)
        self.sparse = bool(sparse)
        self.salt = check_salt(self, salt)
        self.idf_weights: np.ndarray | None = None
        self.input_vocabulary: Any = None
        self.input_idf_weights: Any = None
        self._tokens: Any = None
        self._counts: Counts | None = None
        self._fixed_depth: int | None = None
        self._is_given = False
        if vocabulary is not None:
            if output_mode == "tf_idf" and idf_weights is None:
                raise ArgumentError(
                    f"When specifying the `vocabulary` argument of {label(self)}, in TF-IDF output mode, the "
                    "`idf_weights` argument must also be provided."
                )
            self.set_vocabulary(vocabulary, idf_weights)
            if not isinstance(vocabulary, (str, Path)):  # one in a file is saved as a file
                self.input_vocabulary = _plain(vocabulary)
                self.input_idf_weights = None if idf_weights is None else np.asarray(idf_weights).tolist()

    def _check_options(
        self, max_tokens: Any, num_oov_indices: Any, invert: Any, output_mode: Any, pad: Any, idf_weights: Any
    ) -> None:
        if max_tokens is not None and (not isinstance(max_tokens, (int, np.integer)) or max_tokens <= 1):
            raise ArgumentError(
                f"If set, `max_tokens` of {label(self)} must be an integer greater than 1. Received: "
                f"max_tokens={max_tokens}"
            )
        if not isinstance(num_oov_indices, (int, np.integer)) or num_oov_indices < 0:
            raise ArgumentError(
                f"`num_oov_indices` of {label(self)} must be greater than or equal to 0. "
                f"Received: num_oov_indices={num_oov_indices}"
            )
        if output_mode != "binary":  # the name that Keras 2 had for multi_hot
            check_output_mode(self, output_mode, ("int", *ENCODINGS))
        if invert and output_mode != "int":
            raise ArgumentError(
                f"`output_mode` of {label(self)} must be `'int'` when `invert` is true. "
                f"Received: output_mode={output_mode}"
            )
        if pad and max_tokens is None:
            raise ArgumentError(
                f"If `pad_to_max_tokens` of {label(self)} is True, `max_tokens` must be set. Received: max_tokens=None"
            )
        if idf_weights is not None and output_mode != "tf_idf":
            raise ArgumentError(
                f"`idf_weights` of {label(self)} should only be set if `output_mode` is `'tf_idf'`. Received: "
                f"idf_weights={idf_weights} and output_mode={output_mode}"
            )

    # ---- the vocabulary --------------------------------------------------------------------------

    def _read_tokens(self, vocabulary: Any) -> Any:
        raise NotImplementedError

    def _write(self, token: Any) -> str:
        """A token as a line of the vocabulary file."""
        return str(token)

    def _specials(self) -> list:
        """The tokens before those of the vocabulary."""
        mask = [self.mask_token] if self.mask_token is not None and self.output_mode == "int" else []
        return mask + [self.oov_token] * self.num_oov_indices

    @property
    def _start(self) -> int:
        return len(self._specials())

    def get_vocabulary(self, include_special_tokens: bool = True) -> list:
        """The tokens in the order of their indices.

        Args:
            include_special_tokens: False leaves out the mask token and the out-of-vocabulary tokens.
        """
        tokens = [] if self._tokens is None else self._tokens.to_pylist()
        return self._specials() + tokens if include_special_tokens else tokens

    def vocabulary_size(self) -> int:
        """The number of tokens, the mask token and those for tokens out of the vocabulary included."""
        return self._start + (0 if self._tokens is None else len(self._tokens))

    @property
    def _depth(self) -> int | None:
        if self.pad_to_max_tokens:
            return self.max_tokens
        return None if self._tokens is None else self.vocabulary_size()

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Take `vocabulary` instead of counting one with `adapt`.

        Args:
            vocabulary: the tokens: a list, an array, a column; or the path of a text file with one in each line. It
                may begin with the mask and out-of-vocabulary tokens, or leave them out.
            idf_weights: for "tf_idf": the inverse document frequency of each token of `vocabulary`. Without one for
                the out-of-vocabulary token, that is their mean.

        Raises:
            ArgumentError: for an empty vocabulary, a repeated token, reserved tokens elsewhere than at the start,
                more tokens than `max_tokens`, or weights that do not fit.
        """
        if isinstance(vocabulary, (str, Path)):
            vocabulary = self._read_file(Path(vocabulary))
        tf_idf = self.output_mode == "tf_idf"
        if idf_weights is not None and not tf_idf:
            raise ArgumentError(
                f"`idf_weights` of {label(self)} should only be set if output_mode is `'tf_idf'`. Received: "
                f"output_mode={self.output_mode} and idf_weights={idf_weights}"
            )
        if tf_idf and idf_weights is None:
            raise ArgumentError(f"`idf_weights` of {label(self)} must be set if output_mode is 'tf_idf'.")
        tokens = self._read_tokens(vocabulary)
        if not len(tokens):
            raise ArgumentError(f"Cannot set an empty vocabulary of {label(self)}. Received: vocabulary={vocabulary}")
        weights = None if idf_weights is None else np.asarray(idf_weights, np.float32)
        if weights is not None and weights.shape != (len(tokens),):
            raise ArgumentError(
                f"`idf_weights` of {label(self)} must be the same length as vocabulary. len(idf_weights) is "
                f"{weights.size}; len(vocabulary) is {len(tokens)}"
            )
        specials = self._specials()
        head = tokens[: len(specials)].to_pylist()
        has_specials = bool(specials) and head == specials
        oov_only = head[: self.num_oov_indices] == [self.oov_token] * self.num_oov_indices
        if has_specials:
            tokens = tokens[len(specials) :]
        if not len(tokens):
            raise ArgumentError(f"Cannot set an empty vocabulary of {label(self)}: it holds special tokens only.")
        repeated = first_repeated(tokens)
        if repeated:
            raise ArgumentError(
                f"The passed vocabulary of {label(self)} has at least one repeated term. Please uniquify your "
                f"dataset. The repeated terms are: {repeated}"
            )
        if self.mask_token is not None and self._index_of(tokens, self.mask_token) is not None:
            raise ArgumentError(
                f"Found reserved mask token {self.mask_token!r} at unexpected location in `vocabulary` of "
                f"{label(self)}. Either remove all mask and OOV tokens from it, or include them only at the start "
                f"of the vocabulary, as {specials}."
            )
        size = len(tokens) + len(specials)
        if self.max_tokens is not None and size > self.max_tokens:
            raise ArgumentError(
                f"Attempted to set a vocabulary of {label(self)} larger than the maximum vocab size. Received "
                f"vocabulary size is {size}; `max_tokens` is {self.max_tokens}."
            )
        if weights is not None:
            weights = self._all_weights(weights, has_specials and oov_only)
        self._keep(tokens, weights)
        self._is_given = True

    def _all_weights(self, weights: np.ndarray, with_oov: bool) -> np.ndarray:
        if not with_oov:
            weights = np.concatenate([np.full(self.num_oov_indices, weights.mean(), np.float32), weights])
        missing = (self.max_tokens or 0) - len(weights) if self.pad_to_max_tokens else 0
        return np.pad(weights, (0, max(missing, 0))).astype(np.float32)

    def _keep(self, tokens: Any, weights: np.ndarray | None) -> None:
        size = self._start + len(tokens)
        if self._fixed_depth is not None and size != self._fixed_depth and not self.pad_to_max_tokens:
            raise FixedVocabularyError(
                f"When using `output_mode={self.output_mode}` and `pad_to_max_tokens=False`, the vocabulary size of "
                f"{label(self)} cannot be changed after the layer is called. Old vocab size is {self._fixed_depth}, "
                f"new vocab size is {size}"
            )
        self._tokens, self.idf_weights = tokens, weights

    @staticmethod
    def _index_of(tokens: Any, token: Any) -> int | None:
        pa, pc = arrow()
        place = pc.index_in(pa.array([token], tokens.type), value_set=tokens)[0].as_py()
        return place

    def _read_file(self, path: Path) -> list[str]:
        if not path.is_file():
            raise ArgumentError(f"Vocabulary file {path} of {label(self)} does not exist.")
        lines = path.read_text(encoding=getattr(self, "encoding", "utf-8")).split("\n")
        return lines[:-1] if lines and lines[-1] == "" and len(lines) > 1 else lines

    # ---- adapting --------------------------------------------------------------------------------

    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Count the tokens of `data`, and make a vocabulary of the most frequent ones.

        Tokens of one frequency stand in descending order. Only the counts are kept in memory, so data that does not
        fit may come in batches. What was counted before is forgotten.

        Args:
            data: an array, list or column; or an iterable of batches.
            steps: how many batches to read at most.

        Raises:
            ArgumentError: when the layer was given a vocabulary.
        """
        self.check_learns()
        self.reset_state()
        for batch in batches(data, steps, label(self)):
            self.update_state(batch)
        self.finalize_state()

    def check_learns(self) -> None:
        """Raise where the vocabulary was given, so that there is none to count."""
        if self._is_given:
            raise ArgumentError(
                f"Cannot adapt {label(self)} after setting a static vocabulary via the `vocabulary` argument or "
                "`set_vocabulary()`. Make a layer without one to count the tokens of data."
            )

    def update_state(self, data: Any) -> None:
        """Count the tokens of one batch; for "tf_idf" each row (each token of a flat batch) is a document."""
        column = self._column(data)
        rows = None
        if self.output_mode == "tf_idf":
            size = column.shape[-1] if len(column.shape) > 1 else 1
            rows = np.repeat(np.arange(len(column) // max(size, 1)), size)
        self._count(column.values, rows, column.shape[0] if column.shape else 1)

    def _count(self, tokens: Any, rows: np.ndarray | None, documents: int) -> None:
        """Count tokens, those of one document having the same number in `rows`."""
        if self.input_vocabulary is not None and self._counts is None:
            self.input_vocabulary = self.input_idf_weights = None
        self._counts = self._counts or Counts(tokens.type)
        self._counts.add(tokens, rows, documents)

    def finalize_state(self) -> None:
        """Make the vocabulary of what was counted since `reset_state`; without counts, keep the one there is."""
        if self._counts is None:
            return
        counts, self._counts = self._counts, None
        room = None if self.max_tokens is None else self.max_tokens - self._start
        tokens, documents = counts.most_frequent(room, {self.mask_token, self.oov_token} - {None})
        weights = None
        if self.output_mode == "tf_idf":
            weights = np.log(1 + counts.documents / (1 + documents)).astype(np.float32)
            weights = self._all_weights(weights, with_oov=False) if len(weights) else None
        self._keep(tokens, weights)

    def reset_state(self) -> None:
        """Forget what was counted, and a vocabulary made from it."""
        self._counts = None
        if self.input_vocabulary is None:
            self._tokens = self.idf_weights = None

    # ---- the computation -------------------------------------------------------------------------

    def call(self, inputs: Any) -> Any:
        if not concrete(inputs):
            return self._traced(inputs)
        column = self._column(inputs)
        if self.invert:
            return self._inverted(column)
        return self._encoded(self._places(column.values).reshape(column.shape))

    def _check_adapted(self) -> Any:
        if self._tokens is None:
            raise NotBuiltError(
                f"{label(self)} has no vocabulary yet. Call `adapt(data)`, pass the `vocabulary` argument, or call "
                "`set_vocabulary(tokens)` first."
            )
        return self._tokens

    def _encoded(self, places: np.ndarray) -> Any:
        if self.output_mode == "int":
            return result(places)
        depth = self._output_depth()
        return result(encode_host(places, self.output_mode, depth, self.idf_weights))

    def _encoded_rows(self, pieces: list[tuple[np.ndarray, np.ndarray, int]]) -> Any:
        """A vector for each row, from (the row of each token, its index, the number of rows) of each piece of them."""
        more = (self.output_mode, self._output_depth(), self.idf_weights)
        return result(np.concatenate([encode_rows(*piece, *more) for piece in pieces]))

    def _output_depth(self) -> int:
        if not self.pad_to_max_tokens:
            self._fixed_depth = self.vocabulary_size()
        depth = self._depth
        assert depth is not None
        return depth

    def _places(self, values: Any) -> np.ndarray:
        """The index of each token, int64. The mask token is at 0, or at -1 where it is to be dropped."""
        if self.num_oov_indices == 0:  # the error for an unknown token says where it stands
            return self._places_in(values)
        return np.concatenate(in_pieces(self._places_in, values))

    def _places_in(self, values: Any) -> np.ndarray:
        tokens = self._check_adapted()
        pa, pc = arrow()
        if values.type != tokens.type:
            values = values.cast(tokens.type)
        found = pc.index_in(values, value_set=tokens)
        places = np.asarray(pc.fill_null(found, -1)).astype(np.int64)
        unknown = places < 0
        places += self._start
        if unknown.any():
            unknown = np.flatnonzero(unknown)
            rest = values.take(pa.array(unknown))
            if self.mask_token is not None:
                masked = np.asarray(pc.equal(rest, pa.scalar(self.mask_token, rest.type)))
                places[unknown[masked]] = 0 if self.output_mode == "int" else -1
                unknown, rest = unknown[~masked], rest.filter(pa.array(~masked))
            if len(unknown):
                places[unknown] = self._oov_places(rest, unknown)
        return places

    def _oov_places(self, rest: Any, positions: np.ndarray) -> Any:
        if self.num_oov_indices == 0:
            raise OutOfRangeError(
                f"When `num_oov_indices=0` all inputs of {label(self)} should be in vocabulary; found OOV values "
                f"{rest[:5].to_pylist()}, the first at position {int(positions[0])}. Set `num_oov_indices` to at "
                "least 1, or clean the data."
            )
        first = self._start - self.num_oov_indices
        return first if self.num_oov_indices == 1 else first + self._bucket(rest, self.num_oov_indices)

    def _bucket(self, tokens: Any, count: int) -> np.ndarray:
        data, offsets = Column(tokens, (len(tokens),)).buffers
        hashed = (
            farmhash64(data, offsets) if self.salt is None else siphash64(data, offsets, (self.salt[0], self.salt[1]))
        )
        return (hashed % np.uint64(count)).astype(np.int64)

    def _inverted(self, column: Column) -> Any:
        tokens = self._check_adapted()
        pa, pc = arrow()
        places = np.asarray(column.values) - self._start
        inside = (places >= 0) & (places < len(tokens))
        mask = np.asarray(column.values) == 0 if self._start > self.num_oov_indices else None
        chosen = pc.fill_null(
            tokens.take(pa.array(np.where(inside, places, 0), mask=~inside)), pa.scalar(self.oov_token, tokens.type)
        )
        if mask is not None:
            chosen = pc.if_else(pa.array(mask), pa.scalar(self.mask_token, tokens.type), chosen)
        out = chosen.to_numpy(zero_copy_only=False).reshape(column.shape)
        return result(out) if out.dtype.kind == "i" else out

    def _traced(self, inputs: Array) -> Any:
        return self._stand_in(inputs)

    # ---- shapes, files, configuration ------------------------------------------------------------

    def compute_output_shape(self, input_shape: Shape) -> tuple:
        return encoded_shape(input_shape, self.output_mode, self._depth)

    def compute_output_spec(self, inputs: Any) -> KerasTensor:
        dtype = ("int64" if not self.invert else self._token) if self.output_mode == "int" else "float32"
        return KerasTensor(self.compute_output_shape(inputs.shape), dtype=dtype)

    def get_build_config(self) -> dict:
        """Nothing: the shape of the inputs does not matter."""
        return {}

    def build_from_config(self, config: dict) -> None:
        """Nothing is built from shapes."""

    @property
    def _saves_vocabulary(self) -> bool:
        return self.input_vocabulary is None and self._tokens is not None

    def save_own_variables(self, store: Any) -> None:
        """Put the weights of "tf_idf" into `store`."""
        if self.output_mode == "tf_idf" and self._saves_vocabulary:
            store["idf_weights"] = self.idf_weights

    def load_own_variables(self, store: Any) -> None:
        """Read the weights of "tf_idf" from `store`; `load_assets` brings the vocabulary they belong to."""
        if self.output_mode == "tf_idf" and "idf_weights" in store:
            self.idf_weights = np.asarray(store["idf_weights"], np.float32)

    def save_assets(self, dir_path: Any) -> None:
        """Write the vocabulary into the folder `dir_path`, one token in a line, unless the configuration has it.

        Raises:
            SerializationError: for a token with a line break, which the format cannot hold.
        """
        if not self._saves_vocabulary:
            return
        lines = [self._write(token) for token in self.get_vocabulary()]
        broken = [line for line in lines if "\n" in line or "\r" in line]
        if broken:
            raise SerializationError(
                f"The vocabulary of {label(self)} holds {broken[0]!r}: the file has one token in each line, so tokens "
                "with line breaks cannot be saved. Remove them from the data."
            )
        path = Path(str(dir_path)) / _FILE
        path.write_text("\n".join(lines), encoding=getattr(self, "encoding", "utf-8"), newline="")

    def load_assets(self, dir_path: Any) -> None:
        """Read the vocabulary that `save_assets` wrote into the folder `dir_path`.

        Raises:
            SerializationError: when the file is missing.
        """
        if self.input_vocabulary is not None:
            return
        path = Path(str(dir_path)) / _FILE
        if not path.is_file():
            raise SerializationError(f"There is no vocabulary of {label(self)} at {path}.")
        with path.open(encoding=getattr(self, "encoding", "utf-8"), newline="") as file:
            lines = file.read().split("\n")
        tokens = self._read_tokens(lines[self._start :])
        weights = self.idf_weights
        if self.output_mode == "tf_idf" and weights is None:
            weights = np.zeros(self._start + len(tokens), np.float32)  # until load_own_variables
        self._fixed_depth = None
        self._keep(tokens, weights)

    def get_config(self) -> dict:
        config = super().get_config()
        config.update(
            invert=self.invert,
            max_tokens=self.max_tokens,
            num_oov_indices=self.num_oov_indices,
            oov_token=self.oov_token,
            mask_token=self.mask_token,
            output_mode=self.output_mode,
            sparse=self.sparse,
            pad_to_max_tokens=self.pad_to_max_tokens,
            idf_weights=self.input_idf_weights,
            vocabulary=self.input_vocabulary,
            vocabulary_size=None if self._tokens is None else self.vocabulary_size(),
            salt=self.salt,
        )
        return config

    @classmethod
    def from_config(cls, config: dict) -> Any:
        """The layer of a configuration that `get_config` returned.

        Raises:
            SerializationError: when it names a file for the vocabulary: configurations open none.
        """
        cls.refuse_file(cls, config)
        return super().from_config(config)

    @staticmethod
    def refuse_file(cls: type, config: dict) -> None:
        """Raise where a configuration names a file: whoever wrote it may not choose what is read here."""
        if isinstance(config.get("vocabulary"), str):
            raise SerializationError(
                f"The configuration of a {cls.__name__} names the file {config['vocabulary']!r} for its vocabulary; "
                "configurations open no files. Make the layer with its constructor."
            )


class StringLookup(IndexLookup):
    """Strings to their indices in a vocabulary, or vectors made of the indices.

    Strings may be Python's, NumPy arrays, or Arrow, pandas and polars columns; no TensorFlow is needed.

    Args:
        max_tokens: the size of the vocabulary at most, special tokens included.
        num_oov_indices: how many indices there are for strings out of the vocabulary. Above 1, they are spread by a
            hash; at 0 such a string is an error.
        mask_token: a string that means "nothing": index 0 for "int", dropped for other outputs.
        oov_token: what stands for strings out of the vocabulary where `invert` is True.
        vocabulary: the strings, or the path of a file with one in each line. Without it, call `adapt`.
        idf_weights: for "tf_idf": the inverse document frequency of each string of `vocabulary`.
        invert: map indices to strings instead: a NumPy array of strings.
        output_mode: "int"; "one_hot" (a vector for each string); "multi_hot", "count" or "tf_idf" (a vector for each
            sample, the last axis of the input).
        pad_to_max_tokens: vectors of length `max_tokens`, however small the vocabulary.
        sparse: True is refused: results are dense.
        encoding: of bytes and of vocabulary files.
        name: of the layer.
        salt: one or two integers: the hash is then SipHash64 with this key, and else FarmHash64.

    Raises:
        NotBuiltError: when called before there is a vocabulary.
        OutOfRangeError: for a string out of the vocabulary where `num_oov_indices` is 0.
        DataError: for a missing value.

    Example:
        >>> from lamella import layers
        >>> layer = layers.StringLookup()
        >>> layer.adapt([["a", "c", "d"], ["d", "z", "b"]])
        >>> layer.get_vocabulary()
        ['[UNK]', 'd', 'z', 'c', 'b', 'a']
        >>> layer(["d", "q"]).tolist()
        [1, 0]
    """

    _token = "string"

    encoding: str

    vocabulary_dtype: str
    oov_method: str

    def __init__(
        self,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: str | None = None,
        oov_token: str = "[UNK]",
        vocabulary: Any = None,
        idf_weights: Any = None,
        invert: bool = False,
        output_mode: str = "int",
        pad_to_max_tokens: bool = False,
        sparse: bool = False,
        encoding: str = "utf-8",
        name: str | None = None,
        salt: Any = None,
        **kwargs: Any,
    ):
        oov_method = kwargs.pop("oov_method", None)
        if oov_method not in (None, "floormod", "farmhash"):
            raise ArgumentError(f"Unknown `oov_method` of StringLookup: {oov_method!r}.")
        self.__dict__.update(encoding=encoding, vocabulary_dtype="string", oov_method=oov_method or "floormod")
        super().__init__(
            max_tokens,
            num_oov_indices,
            mask_token,
            oov_token,
            vocabulary,
            idf_weights,
            invert,
            output_mode,
            pad_to_max_tokens,
            sparse,
            salt,
            name,
            **kwargs,
        )

    def _column(self, value: Any) -> Column:
        return integers(value, label(self)) if self.invert else self._strings(value)

    def _strings(self, value: Any) -> Column:
        return strings(value, label(self), self.encoding)

    def _read_tokens(self, vocabulary: Any) -> Any:
        return self._strings(vocabulary).values

    def update_state(self, data: Any) -> None:
        """Count the strings of one batch; for "tf_idf" each row (each string of a flat batch) is a document."""
        super().update_state(self._strings(data))

    def get_config(self) -> dict:
        return {**super().get_config(), "oov_method": self.oov_method, "encoding": self.encoding}


class IntegerLookup(IndexLookup):
    """Integers to their indices in a vocabulary, or vectors made of the indices.

    Args:
        max_tokens: the size of the vocabulary at most, special tokens included.
        num_oov_indices: how many indices there are for integers out of the vocabulary. Above 1, they are spread by
            `oov_method`; at 0 such an integer is an error.
        mask_token: an integer that means "nothing": index 0 for "int", dropped for other outputs.
        oov_token: what stands for integers out of the vocabulary where `invert` is True.
        vocabulary: the integers, or the path of a file with one in each line. Without it, call `adapt`.
        vocabulary_dtype: "int64", the only one.
        idf_weights: for "tf_idf": the inverse document frequency of each integer of `vocabulary`.
        invert: map indices to integers of the vocabulary instead.
        output_mode: "int"; "one_hot" (a vector for each integer); "multi_hot", "count" or "tf_idf" (a vector for each
            sample, the last axis of the input).
        sparse: True is refused: results are dense.
        pad_to_max_tokens: vectors of length `max_tokens`, however small the vocabulary.
        oov_method: "floormod" (the remainder) or "farmhash" (a hash of the digits).
        salt: one or two integers: the hash of "farmhash" is then SipHash64 with this key.
        name: of the layer.

    Inside a compiled program it works too, except for "farmhash" with several indices and for `num_oov_indices=0`: a model
    with such a layer is not compiled.

    Raises:
        NotBuiltError: when called before there is a vocabulary.
        OutOfRangeError: for an integer out of the vocabulary where `num_oov_indices` is 0.

    Example:
        >>> from lamella import layers
        >>> layers.IntegerLookup(vocabulary=[12, 36, 1138, 42])([[12, 1138, 42], [42, 1000, 36]]).tolist()
        [[1, 3, 4], [4, 0, 2]]
    """

    _token = "int64"
    _work = "looks up"

    vocabulary_dtype: str
    oov_method: str

    def __init__(
        self,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: int | None = None,
        oov_token: int = -1,
        vocabulary: Any = None,
        vocabulary_dtype: str = "int64",
        idf_weights: Any = None,
        invert: bool = False,
        output_mode: str = "int",
        sparse: bool = False,
        pad_to_max_tokens: bool = False,
        oov_method: str = "floormod",
        salt: Any = None,
        name: str | None = None,
        **kwargs: Any,
    ):
        if vocabulary_dtype != "int64":
            raise ArgumentError(
                f"Only `vocabulary_dtype='int64'` is supported. Received: vocabulary_dtype={vocabulary_dtype}"
            )
        if oov_method not in ("floormod", "farmhash"):
            raise ArgumentError(
                "Unknown value for `oov_method` argument of IntegerLookup. Allowed values are: ('floormod', "
                f"'farmhash'). Received: oov_method={oov_method}"
            )
        if salt is not None and oov_method != "farmhash":
            raise ArgumentError(
                f"`salt` of IntegerLookup can only be used when `oov_method='farmhash'`. Received: oov_method={oov_method}"
            )
        self.__dict__.update(vocabulary_dtype=vocabulary_dtype, oov_method=oov_method)
        super().__init__(
            max_tokens,
            num_oov_indices,
            mask_token,
            oov_token,
            vocabulary,
            idf_weights,
            invert,
            output_mode,
            pad_to_max_tokens,
            sparse,
            salt,
            name,
            **kwargs,
        )
        self.supports_jit = num_oov_indices == 1 or (num_oov_indices > 1 and oov_method != "farmhash")

    def _column(self, value: Any) -> Column:
        return integers(value, label(self))

    def _read_tokens(self, vocabulary: Any) -> Any:
        if isinstance(vocabulary, list) and vocabulary and isinstance(vocabulary[0], str):
            pa, pc = arrow()
            try:
                return pc.cast(pa.array(vocabulary), pa.int64())
            except pa.ArrowInvalid as error:
                raise DataError(
                    f"The vocabulary of {label(self)} holds something else than integers: {error}"
                ) from error
        return self._column(vocabulary).values

    def _bucket(self, tokens: Any, count: int) -> np.ndarray:
        if self.oov_method == "floormod":
            return np.asarray(tokens) % count
        pa, pc = arrow()
        return super()._bucket(pc.cast(tokens, pa.string()), count)

    def _traced(self, inputs: Array) -> Any:
        if not self.supports_jit:
            return super()._traced(inputs)
        vocabulary = np.asarray(self._check_adapted())
        if self.invert:
            table = np.concatenate([np.asarray(self._specials(), np.int64), vocabulary])
            inside = ops.logical_and(ops.greater_equal(inputs, 0), ops.less(inputs, len(table)))
            chosen = ops.take(result(table), ops.clip(inputs, 0, len(table) - 1))
            return ops.where(inside, chosen, self.oov_token)
        order = np.argsort(vocabulary)
        place = ops.searchsorted(result(vocabulary[order]), ops.reshape(inputs, (-1,)))
        place = ops.reshape(ops.minimum(place, len(order) - 1), inputs.shape)
        found = ops.equal(ops.take(result(vocabulary[order]), place), inputs)
        known = ops.take(result(order), place) + self._start
        first = self._start - self.num_oov_indices
        places = ops.where(found, known, first + ops.mod(inputs, self.num_oov_indices))
        if self.mask_token is not None:
            nothing = 0 if self.output_mode == "int" else -1
            places = ops.where(ops.equal(inputs, self.mask_token), nothing, places)
        if self.output_mode == "int":
            return places
        depth = self._output_depth()
        if self.output_mode == "tf_idf":
            return encode(places, "count", depth, "float32") * self.idf_weights
        return encode(places, self.output_mode, depth, "int32")

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "vocabulary_dtype": self.vocabulary_dtype,
            "oov_method": self.oov_method,
        }


def _only_int_or_text(dtype: Any) -> Any:
    """The dtype argument of a lookup: what it computes in is settled, so only a policy's name is kept."""
    name = getattr(dtype, "name", dtype)
    return None if name in ("string", "int64", "int32", None) else _policy.get(dtype)


def _plain(vocabulary: Any) -> list:
    values = np.asarray(vocabulary, object) if not hasattr(vocabulary, "to_pylist") else vocabulary.to_pylist()
    out = values.tolist() if isinstance(values, np.ndarray) else values
    return [v.decode() if isinstance(v, bytes) else v for v in out]
