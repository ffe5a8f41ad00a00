"""Tables of features: each column read, preprocessed and encoded, all put together into one vector."""

from typing import Any

from lamella import ops
from lamella.backend import _registry
from lamella.core._keras_tensor import KerasTensor
from lamella.core._names import unique_name
from lamella.core._serialization import Serializable, deserialize_keras_object, serialize_keras_object
from lamella.errors import ArgumentError, MissingKeyError, NotBuiltError, UnknownNameError, unknown_name
from lamella.layers._data_layer import is_in_pipeline, run_in_pipeline
from lamella.layers._input_layer import Input
from lamella.layers._layer import Layer
from lamella.layers._merging import Concatenate
from lamella.layers._options import label
from lamella.layers._preprocessing_columns import _HOLDERS, strings
from lamella.layers._preprocessing_hashing import HashedCrossing, Hashing
from lamella.layers._preprocessing_lookup import IntegerLookup, StringLookup
from lamella.layers._preprocessing_numbers import CategoryEncoding, Discretization, Normalization
from lamella.layers._preprocessing_text import TextVectorization
from lamella.layers._rescaling import Rescaling

__all__ = ["FeatureSpace"]


class Cross(Serializable):
    """The combination of two or more features, hashed into `crossing_dim` bins."""

    def __init__(self, feature_names: Any, crossing_dim: int, output_mode: str = "one_hot"):
        if output_mode not in ("int", "one_hot"):
            raise ArgumentError(
                f"`output_mode` of a cross must be 'int' or 'one_hot'. Received: output_mode={output_mode!r}"
            )
        self.feature_names = tuple(feature_names)
        self.crossing_dim = crossing_dim
        self.output_mode = output_mode

    @property
    def name(self) -> str:
        """The names of the features, joined by `_X_`."""
        return "_X_".join(self.feature_names)

    def get_config(self) -> dict:
        """The arguments that make the cross again."""
        return {
            "feature_names": self.feature_names,
            "crossing_dim": self.crossing_dim,
            "output_mode": self.output_mode,
        }


class Feature(Serializable):
    """One column: the dtype it comes in, the layer that reads it, and how it is encoded.

    Args:
        dtype: "string", "int32", "int64" or "float32".
        preprocessor: a layer, or another callable.
        output_mode: "int", "one_hot" or "float".
    """

    def __init__(self, dtype: str, preprocessor: Any, output_mode: str):
        if output_mode not in ("int", "one_hot", "float"):
            raise ArgumentError(
                "Invalid value for argument `output_mode` of a feature. Expected one of {'int', 'one_hot', 'float'}. "
                f"Received: output_mode={output_mode}"
            )
        self.dtype = dtype
        self.preprocessor = _revived(preprocessor)
        self.output_mode = output_mode

    def get_config(self) -> dict:
        """The arguments that make the feature again."""
        return {
            "dtype": self.dtype,
            "preprocessor": serialize_keras_object(self.preprocessor),
            "output_mode": self.output_mode,
        }

    @classmethod
    def from_config(cls, config: dict) -> "Feature":
        """The feature of a configuration that `get_config` returned."""
        return cls(**config)


def _revived(value: Any) -> Any:
    return deserialize_keras_object(value) if isinstance(value, dict) else value


class FeatureSpace(Layer):
    """Dictionaries of columns to one vector for each row, or to a dictionary of encoded columns.

    Args:
        features: a dictionary: for each column a feature made by `FeatureSpace.float()` and its kin, or the name of one
            ("float", "float_normalized", "string_categorical", ...).
        output_mode: "concat" (one vector) or "dict".
        crosses: combinations of features to hash: tuples of their names, or `FeatureSpace.cross(...)`.
        crossing_dim: the bins of a cross given as a tuple.
        hashing_dim: the bins of "integer_hashed" and "string_hashed" given by name.
        num_discretization_bins: the bins of "float_discretized" given by name.
        name: of the layer.

    Raises:
        NotBuiltError: when called before `adapt`, where a feature needs it.
        UnknownNameError: for a feature that is not there.
        MissingKeyError: for data without the column of a feature.

    Example:
        >>> from lamella.utils import FeatureSpace
        >>> space = FeatureSpace({"age": "float_normalized", "town": "string_categorical"})
        >>> space.adapt({"age": [20.0, 40.0], "town": ["a", "b"]})
        >>> space({"age": [20.0], "town": ["b"]}).tolist()
        [[-1.0, 0.0, 1.0, 0.0]]
    """

    _HASHED = ("integer_hashed", "string_hashed")

    @classmethod
    def cross(cls, feature_names: Any, crossing_dim: int, output_mode: str = "one_hot") -> Cross:
        """A combination of features, hashed into `crossing_dim` bins."""
        return Cross(feature_names, crossing_dim, output_mode)

    @classmethod
    def feature(cls, dtype: str, preprocessor: Any, output_mode: str) -> Feature:
        """A column of a dtype, read by a layer of one's own."""
        return Feature(dtype, preprocessor, output_mode)

    @classmethod
    def float(cls, name: str | None = None) -> Feature:
        """A number as it is."""
        return Feature("float32", TFDIdentity(name=_preprocessor("float", name)), "float")

    @classmethod
    def float_rescaled(cls, scale: Any = 1.0, offset: Any = 0.0, name: str | None = None) -> Feature:
        """A number on another scale: see `Rescaling`."""
        return Feature(
            "float32", Rescaling(scale=scale, offset=offset, name=_preprocessor("float_rescaled", name)), "float"
        )

    @classmethod
    def float_normalized(cls, name: str | None = None) -> Feature:
        """A number with mean 0 and variance 1: see `Normalization`."""
        return Feature("float32", Normalization(axis=-1, name=_preprocessor("float_normalized", name)), "float")

    @classmethod
    def float_discretized(
        cls, num_bins: int, bin_boundaries: Any = None, output_mode: str = "one_hot", name: str | None = None
    ) -> Feature:
        """A number by the bin it falls into: see `Discretization`."""
        layer = Discretization(bin_boundaries, num_bins, name=_preprocessor("float_discretized", name))
        return Feature("float32", layer, output_mode)

    @classmethod
    def integer_categorical(
        cls,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        output_mode: str = "one_hot",
        name: str | None = None,
    ) -> Feature:
        """An integer that names a category: see `IntegerLookup`."""
        layer = IntegerLookup(
            name=_preprocessor("integer_categorical", name), max_tokens=max_tokens, num_oov_indices=num_oov_indices
        )
        return Feature("int32", layer, output_mode)

    @classmethod
    def string_categorical(
        cls,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        output_mode: str = "one_hot",
        name: str | None = None,
    ) -> Feature:
        """A string that names a category: see `StringLookup`."""
        layer = StringLookup(
            name=_preprocessor("string_categorical", name), max_tokens=max_tokens, num_oov_indices=num_oov_indices
        )
        return Feature("string", layer, output_mode)

    @classmethod
    def string_hashed(cls, num_bins: int, output_mode: str = "one_hot", name: str | None = None) -> Feature:
        """A string by its hash: see `Hashing`."""
        return Feature("string", Hashing(num_bins, name=_preprocessor("string_hashed", name)), output_mode)

    @classmethod
    def integer_hashed(cls, num_bins: int, output_mode: str = "one_hot", name: str | None = None) -> Feature:
        """An integer by its hash: see `Hashing`."""
        return Feature("int32", Hashing(num_bins, name=_preprocessor("integer_hashed", name)), output_mode)

    def __init__(
        self,
        features: dict,
        output_mode: str = "concat",
        crosses: Any = None,
        crossing_dim: int = 32,
        hashing_dim: int = 32,
        num_discretization_bins: int = 32,
        name: str | None = None,
    ):
        super().__init__(name=name)
        if not features:
            raise ArgumentError(f"The `features` argument of {label(self)} cannot be None or empty.")
        if output_mode not in ("concat", "dict"):
            raise ArgumentError(
                f"`output_mode` of {label(self)} must be 'concat' or 'dict'. Received: output_mode={output_mode!r}"
            )
        self.crossing_dim = crossing_dim
        self.hashing_dim = hashing_dim
        self.num_discretization_bins = num_discretization_bins
        self.output_mode = output_mode
        self.features = {key: self._standardized(key, value) for key, value in features.items()}
        self._order = sorted(self.features)  # of what is encoded, as in Keras
        self.crosses = [self._cross(value) for value in crosses or ()]
        for cross in self.crosses:
            for key in cross.feature_names:
                if key not in self.features:
                    raise unknown_name(f"feature of a cross of {label(self)}", key, self.features)
        self._is_adapted = False
        self.preprocessors = {key: feature.preprocessor for key, feature in self.features.items()}
        self.crossers = {cross.name: HashedCrossing(cross.crossing_dim, name=cross.name) for cross in self.crosses}
        self.one_hot_encoders: dict[str, Any] = {}
        self.concat: Any = None
        self._encoded: Any = None
        self._adapt_is_needed = any(_needs_adapt(layer) for layer in self.preprocessors.values())

    def _standardized(self, name: str, value: Any) -> Feature:
        value = _revived(value)
        if isinstance(value, Feature):
            return value
        makers = {
            "float": {},
            "float_rescaled": {},
            "float_normalized": {},
            "float_discretized": {"num_bins": self.num_discretization_bins},
            "integer_categorical": {},
            "string_categorical": {},
            "integer_hashed": {"num_bins": self.hashing_dim},
            "string_hashed": {"num_bins": self.hashing_dim},
        }
        if value not in makers:
            raise unknown_name(f"type of the feature {name!r} of {label(self)}", value, makers)
        return getattr(FeatureSpace, value)(name=name, **makers[value])

    def _cross(self, value: Any) -> Cross:
        value = _revived(value)
        if isinstance(value, Cross):
            return value
        if isinstance(value, (list, tuple)) and len(value) > 1:
            if self.crossing_dim is None:
                raise ArgumentError(f"{label(self)} needs a `crossing_dim` for the cross {value!r}; it is None.")
            return Cross(value, self.crossing_dim)
        raise ArgumentError(
            f"A cross of {label(self)} is a tuple of at least two names of features, or made by `FeatureSpace.cross`. "
            f"Received: {value!r}"
        )

    # ---- adapting --------------------------------------------------------------------------------

    def adapt(self, dataset: Any) -> None:
        """Let the features that need it learn from data: vocabularies, means, bins.

        Args:
            dataset: a dictionary of columns (or a table, such as a DataFrame), or an iterable of such dictionaries,
                which is read once for each feature that learns. An iterator, which can be read only once, is refused
                where several features learn.
        """
        learning = {key: layer for key, layer in self.preprocessors.items() if _needs_adapt(layer)}
        if len(learning) > 1 and hasattr(dataset, "__next__"):
            raise ArgumentError(
                f"`adapt()` of {label(self)} reads the data once for each of the {len(learning)} features that learn "
                f"({', '.join(learning)}), but an iterator can be read only once. Pass a list, a dataset, or another "
                "object whose `__iter__` starts anew."
            )
        for key, layer in learning.items():
            dtype = self.features[key].dtype
            if _is_table(dataset):
                layer.adapt(_two_axes(_as_column(self._column_of(dataset, key), dtype)))
            else:
                rows = (_first(row) for row in _batches(dataset))
                layer.adapt(_two_axes(_as_column(self._column_of(row, key), dtype)) for row in rows)
        self._is_adapted = True
        self._make_encoders()
        self.built = True

    def _column_of(self, table: Any, key: str) -> Any:
        if key not in table:
            raise self._missing(key, table)
        return table[key]

    def _missing(self, key: str, table: Any) -> MissingKeyError:
        return MissingKeyError(str(unknown_name(f"column for {label(self)}", key, list(table))))

    def _make_encoders(self) -> None:
        """Layers that encode what the preprocessors return: their sizes are known once those have learned."""
        for key in self._order:
            feature = self.features[key]
            if feature.output_mode == "one_hot" and key not in self.one_hot_encoders:
                self.one_hot_encoders[key] = CategoryEncoding(_categories(feature.preprocessor), "one_hot")
        for cross in self.crosses:
            if cross.output_mode == "one_hot" and cross.name not in self.one_hot_encoders:
                self.one_hot_encoders[cross.name] = CategoryEncoding(cross.crossing_dim, "one_hot")
        if self.output_mode == "concat" and self.concat is None:
            self.concat = Concatenate(axis=-1)

    def _check_adapted(self) -> None:
        if self._adapt_is_needed and not self._is_adapted:
            raise NotBuiltError(
                f"You need to call `.adapt(dataset)` on {label(self)} before you can start using it: "
                f"{', '.join(k for k, v in self.preprocessors.items() if _needs_adapt(v))} learn from data."
            )
        self._make_encoders()

    # ---- the computation -------------------------------------------------------------------------

    def __call__(self, data: Any) -> Any:
        if is_in_pipeline(data):
            return run_in_pipeline(self._encoded_columns, (data,), {})
        return self._encoded_columns(data)

    def _encoded_columns(self, data: Any) -> Any:
        self._check_initialized()
        self._check_adapted()
        if hasattr(data, "keys") and not isinstance(data, dict):
            data = {key: data[key] for key in data.keys()}  # noqa: SIM118 (a table iterates its rows, or columns)
        if not isinstance(data, dict):
            raise ArgumentError(f"{label(self)} takes a dictionary of columns; got {type(data).__name__}.")
        missing = [key for key in self.features if key not in data]
        if missing:
            raise self._missing(missing[0], data)
        self.built = True
        columns = {key: _as_column(data[key], self.features[key].dtype) for key in self.features}
        single = all(isinstance(c, (str, bytes)) or getattr(c, "shape", None) == () for c in columns.values())
        columns = {key: _two_axes(value) for key, value in columns.items()}
        out = self._encode(columns)
        if not single:
            return out
        return {k: v[0] for k, v in out.items()} if isinstance(out, dict) else out[0]

    def call(self, data: Any) -> Any:
        return self(data)

    def _encode(self, columns: dict) -> Any:
        read = {key: self.preprocessors[key](columns[key]) for key in self._order}
        for cross in self.crosses:
            read[cross.name] = self.crossers[cross.name]([read[key] for key in cross.feature_names])
        modes = {
            **{k: f.output_mode for k, f in self.features.items()},
            **{c.name: c.output_mode for c in self.crosses},
        }
        encoded = {}
        for key, value in read.items():
            if modes[key] == "one_hot":
                value = self.one_hot_encoders[key](value)
            encoded[key] = value if len(value.shape) > 1 else ops.expand_dims(value, -1)
        if self.output_mode == "dict":
            return encoded
        ints = [key for key, value in encoded.items() if ops.dtype(value).startswith(("int", "uint", "bool"))]
        if ints:
            raise ArgumentError(
                f"{label(self)} cannot put integers beside floats: with output_mode='concat', features cannot be "
                f"integers, as {ints} are. Use output_mode='one_hot' for them, or 'dict' for the whole."
            )
        parts = [ops.cast(value, self.compute_dtype) for value in encoded.values()]
        return self.concat(parts) if len(parts) > 1 else parts[0]

    @property
    def inputs(self) -> dict:
        """See `get_inputs`."""
        self._draw()
        return self._inputs

    @property
    def encoded_features(self) -> Any:
        """See `get_encoded_features`."""
        self._draw()
        return self._encoded

    @property
    def crosses_by_name(self) -> dict[str, Cross]:
        """The crosses, by their names."""
        return {cross.name: cross for cross in self.crosses}

    def get_inputs(self) -> dict:
        """Symbolic inputs, one for each feature: what a model that reads raw columns starts with."""
        self._check_adapted()
        return self.inputs

    def get_encoded_features(self) -> Any:
        """The symbolic outputs for `get_inputs()`: what a model that is trained on encoded data starts with."""
        self._check_adapted()
        return self.encoded_features

    def _draw(self) -> None:
        if self._encoded is None:
            self._inputs = {key: Input(shape=(1,), dtype=f.dtype, name=key) for key, f in self.features.items()}
            self._encoded = self._encode(self._inputs)

    # ---- files and configuration -----------------------------------------------------------------

    def get_build_config(self) -> dict:
        """What the encoders need to know: nothing that the features do not say."""
        return {"name": self.name}

    def build_from_config(self, config: dict) -> None:
        """The encoders are made when their sizes are known: at the first call."""
        self._is_adapted = True
        self.built = True

    def save(self, filepath: Any) -> None:
        """Write the space, with what it learned, into a `.keras` file."""
        import importlib

        importlib.import_module("lamella.saving").save_model(self, filepath)

    def save_own_variables(self, store: Any) -> None:
        """Nothing of its own."""

    def load_own_variables(self, store: Any) -> None:
        """Nothing of its own; the features' layers have read theirs."""
        self._is_adapted = True

    def get_config(self) -> dict:
        return {
            "features": {key: serialize_keras_object(value) for key, value in self.features.items()},
            "output_mode": self.output_mode,
            "crosses": [serialize_keras_object(cross) for cross in self.crosses],
            "crossing_dim": self.crossing_dim,
            "hashing_dim": self.hashing_dim,
            "num_discretization_bins": self.num_discretization_bins,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config: dict) -> "FeatureSpace":
        """The space of a configuration that `get_config` returned."""
        return cls(**config)


class TFDIdentity(Layer):
    """A number as it is, with the dtype of the layer; the name is the one that files of Keras have."""

    def call(self, inputs: Any) -> Any:
        return ops.cast(inputs, self.compute_dtype)


def _preprocessor(kind: str, name: str | None) -> str:
    return f"{name or unique_name(kind)}_preprocessor"


def _needs_adapt(layer: Any) -> bool:
    if isinstance(layer, Normalization):
        return layer.input_mean is None
    if isinstance(layer, Discretization):
        return layer.input_bin_boundaries is None
    if isinstance(layer, (StringLookup, IntegerLookup)):
        return layer.input_vocabulary is None
    if isinstance(layer, TextVectorization):
        return layer._lookup.input_vocabulary is None
    return hasattr(layer, "adapt")


def _categories(layer: Any) -> int:
    if isinstance(layer, (StringLookup, IntegerLookup)):
        return layer.vocabulary_size()
    if isinstance(layer, Discretization):
        return layer.num_bins or len(layer.bin_boundaries or ()) + 1
    if hasattr(layer, "num_bins"):
        return layer.num_bins
    raise UnknownNameError(
        f"The number of categories of {type(layer).__name__} is not known, so its output cannot be one-hot. Use "
        "output_mode='int' or 'float' for this feature."
    )


def _is_table(data: Any) -> bool:
    return isinstance(data, dict) or (hasattr(data, "columns") and hasattr(data, "__getitem__"))


def _batches(data: Any) -> Any:
    if hasattr(data, "__getitem__") and hasattr(data, "__len__"):
        return (data[i] for i in range(len(data)))
    return iter(data)


def _first(row: Any) -> Any:
    return row[0] if isinstance(row, (tuple, list)) else row


def _as_column(value: Any, dtype: str) -> Any:
    """A column as its layer reads it: text as it is, numbers as arrays."""
    if isinstance(value, KerasTensor) or dtype == "string":
        return value
    if hasattr(value, "to_numpy"):
        value = value.to_numpy()
    if _registry.owner(value) not in (None, _registry.backend()):
        value = _registry.to_numpy(value)
    return ops.convert_to_tensor(value, dtype)


def _two_axes(value: Any) -> Any:
    """A column as `(batch, 1)`, so that all columns have one form."""
    if isinstance(value, KerasTensor):
        size = len(value.shape)
        return value if size > 1 else ops.expand_dims(value, -1) if size == 1 else ops.reshape(value, (1, 1))
    if hasattr(value, "shape") and not any(hasattr(value, n) for n in _HOLDERS[1:4]) and hasattr(value, "reshape"):
        size = len(value.shape)
        return value.reshape((1, 1)) if size == 0 else value.reshape((-1, 1)) if size == 1 else value
    column = strings(value, "FeatureSpace")
    if len(column.shape) < 2:
        column.shape = (len(column), 1)
    return column
