"""Categories without a vocabulary: values, and pairs of values, hashed into a number of bins."""

from typing import Any

import numpy as np

from lamella.core._keras_tensor import KerasTensor
from lamella.errors import ArgumentError, DTypeError, ShapeError
from lamella.layers._data_layer import DataLayer, HostLayer
from lamella.layers._layer import Layer
from lamella.layers._options import label, positive_integer
from lamella.layers._preprocessing_columns import Column, arrow, concrete, keys, result, unread
from lamella.layers._preprocessing_encoding import check_output_mode, encode_host, encoded_shape, refuse_sparse
from lamella.layers._preprocessing_hash import check_salt, combine, farmhash64, siphash64
from lamella.typing import Shape

__all__ = ["HashedCrossing", "Hashing"]

_CROSS_SEED = np.uint64(0xDECAFCAFFE)  # the first fingerprint that `tf.sparse.cross_hashed` combines others with


class _Bins(HostLayer):
    """What both layers share: bins, and their encodings."""

    def __init__(self, num_bins: int, output_mode: str, sparse: bool, modes: tuple, **kwargs: Any):
        if output_mode == "int" and kwargs.get("dtype") is None:
            kwargs["dtype"] = "int64"
        check_output_mode(self, output_mode, modes)
        refuse_sparse(self, sparse=sparse)
        super().__init__(**kwargs)
        self.supports_jit = False
        self.num_bins = positive_integer(self, "num_bins", num_bins)
        self.output_mode = output_mode
        self.sparse = bool(sparse)

    _work = "hashes"
    # The dtype of the outputs, unlike those of the lookups.
    compute_dtype = Layer.compute_dtype  # type: ignore[assignment]
    variable_dtype = Layer.variable_dtype  # type: ignore[assignment]

    def _encoded(self, bins: np.ndarray) -> Any:
        if self.output_mode == "int":
            return result(bins, self.compute_dtype)
        return result(encode_host(bins, self.output_mode, self.num_bins), self.compute_dtype)


def _fingerprints(tokens: Any) -> np.ndarray:
    data, offsets = Column(tokens, (len(tokens),)).buffers
    return farmhash64(data, offsets)


def _as_text(values: Any) -> Any:
    pa, pc = arrow()
    return pc.cast(values, pa.string()) if pa.types.is_integer(values.type) else values


def _is_integer(dtype: Any) -> bool:
    name = getattr(dtype, "name", dtype)
    return not isinstance(name, str) or name.startswith(("int", "uint"))


class Hashing(_Bins):
    """Strings or integers to bins, by a hash: the remainder of it by the number of bins.

    FarmHash64, or SipHash64 where there is a `salt` (`_preprocessing_hash.py` has the sources): the same bins as Keras.
    Integers are hashed as their decimal digits, booleans as "true" and "false".

    Args:
        num_bins: the number of bins.
        mask_value: a value that means "nothing": it has bin 0, and the others share the rest.
        salt: one or two integers, the key of SipHash64; None for FarmHash64.
        output_mode: "int"; "one_hot" (a vector for each value); "multi_hot" or "count" (a vector for each sample,
            the last axis of the input).
        sparse: True is refused: results are dense.

    Example:
        >>> from lamella import layers
        >>> layers.Hashing(num_bins=3)([["A"], ["B"], ["C"], ["D"], ["E"]]).tolist()
        [[1], [0], [1], [1], [2]]
    """

    def __init__(
        self,
        num_bins: int,
        mask_value: Any = None,
        salt: Any = None,
        output_mode: str = "int",
        sparse: bool = False,
        **kwargs: Any,
    ):
        dtype = kwargs.get("dtype")
        if output_mode == "int" and dtype is not None and not _is_integer(dtype):
            raise ArgumentError(
                f"When `output_mode='int'`, `dtype` of {label(self)} should be an integer type. Received: dtype={dtype}"
            )
        super().__init__(num_bins, output_mode, sparse, ("int", "one_hot", "multi_hot", "count"), **kwargs)
        if mask_value is not None and num_bins < 2:
            raise ArgumentError(
                f"{label(self)} needs at least 2 bins where there is a `mask_value`, which has one of its own. "
                f"Received: num_bins={num_bins}"
            )
        self.mask_value = mask_value
        self.salt = check_salt(self, salt)

    def _column(self, value: Any) -> Column:
        value = unread(value, label(self))
        if isinstance(value, np.ndarray) and value.dtype.kind == "b":
            value = np.where(value, "true", "false")
        return keys(value, label(self))

    def call(self, inputs: Any) -> Any:
        if not concrete(inputs):
            return self._stand_in(inputs)
        column = self._column(inputs)
        values = column.values
        tokens = _as_text(values)
        if self.salt is None:
            hashed = _fingerprints(tokens)
        else:
            hashed = siphash64(*Column(tokens, column.shape).buffers, (self.salt[0], self.salt[1]))
        count = self.num_bins if self.mask_value is None else self.num_bins - 1
        bins = (hashed % np.uint64(count)).astype(np.int64)
        if self.mask_value is not None:
            pa, pc = arrow()
            mask = self.mask_value if pa.types.is_integer(values.type) else str(self.mask_value)
            bins = np.where(np.asarray(pc.equal(values, pa.scalar(mask, values.type))), 0, bins + 1)
        return self._encoded(bins.reshape(column.shape))

    def compute_output_shape(self, input_shape: Shape) -> tuple:
        return encoded_shape(input_shape, self.output_mode, self.num_bins)

    def compute_output_spec(self, inputs: Any) -> KerasTensor:
        return KerasTensor(self.compute_output_shape(inputs.shape), dtype=self.compute_dtype)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "num_bins": self.num_bins,
            "salt": self.salt,
            "mask_value": self.mask_value,
            "output_mode": self.output_mode,
            "sparse": self.sparse,
        }


class HashedCrossing(_Bins):
    """Combinations of values of several features to bins, by a hash.

    The features' fingerprints (FarmHash64 of strings, integers as they are) are combined one after the other, as
    TensorFlow's `sparse.cross_hashed` does: the same bins as Keras.

    Args:
        num_bins: the number of bins.
        output_mode: "int", or "one_hot" for a vector each.
        sparse: True is refused: results are dense.
        name: of the layer.
        dtype: of the result.

    Call arguments:
        inputs: a list or tuple of at least two features, strings or integers, of one shape: `(batch,)`, `(batch, 1)`
            or `()`.

    Raises:
        ArgumentError: for fewer than two features.
        DTypeError: for a feature of floats or booleans.
        ShapeError: for features of another shape, or of different ones.

    Example:
        >>> import numpy as np
        >>> from lamella import layers
        >>> layer = layers.HashedCrossing(num_bins=5)
        >>> layer((np.array(["A", "B", "A", "B", "A"]), np.array([101, 101, 101, 102, 102]))).tolist()
        [1, 4, 1, 1, 3]
    """

    def __init__(
        self,
        num_bins: int,
        output_mode: str = "int",
        sparse: bool = False,
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ):
        super().__init__(num_bins, output_mode, sparse, ("int", "one_hot"), name=name, dtype=dtype, **kwargs)

    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        self._check_several(inputs)
        if not any(isinstance(x, KerasTensor) for x in inputs) and all(concrete(x) for x in inputs):
            inputs = [self._column(x) for x in inputs]
        return DataLayer.__call__(self, inputs, *args, **kwargs)

    def _column(self, value: Any) -> Column:
        value = unread(value, label(self))
        if isinstance(value, np.ndarray) and value.dtype.kind in "fb":
            raise DTypeError(f"{label(self)} takes strings and integers; got values of dtype {value.dtype}.")
        return keys(value, label(self))

    def call(self, inputs: Any) -> Any:
        self._check_several(inputs)
        if not all(concrete(x) for x in inputs):
            return self._stand_in(inputs)
        columns = [self._column(x) for x in inputs]
        shape = columns[0].shape
        self._check_shapes([c.shape for c in columns])
        pa, _ = arrow()
        hashed = np.full(len(columns[0]), _CROSS_SEED)
        for column in columns:
            is_number = pa.types.is_integer(column.values.type)
            word = np.asarray(column.values).astype(np.uint64) if is_number else _fingerprints(column.values)
            hashed = combine(hashed, word)
        return self._encoded((hashed % np.uint64(self.num_bins)).astype(np.int64).reshape(shape))

    def _check_several(self, inputs: Any) -> None:
        if not isinstance(inputs, (list, tuple)) or len(inputs) < 2:
            raise ArgumentError(
                f"{label(self)} should be called on a list or tuple of at least two inputs. Received: inputs={inputs}"
            )

    def _check_shapes(self, shapes: list) -> None:
        first = tuple(shapes[0])
        if any(tuple(s) != first for s in shapes) or len(first) > 2 or (len(first) == 2 and first[-1] != 1):
            raise ShapeError(
                f"All inputs of {label(self)} must have one shape, `()`, `(batch_size,)` or `(batch_size, 1)`. "
                f"Received: {[tuple(s) for s in shapes]}"
            )

    def compute_output_shape(self, input_shape: Any) -> tuple:
        self._check_several(input_shape)
        self._check_shapes(list(input_shape))
        return encoded_shape(input_shape[0], self.output_mode, self.num_bins)

    def compute_output_spec(self, inputs: Any) -> KerasTensor:
        shape = self.compute_output_shape([x.shape for x in inputs])
        return KerasTensor(shape, dtype=self.compute_dtype)

    def get_config(self) -> dict:
        config = super().get_config()
        config = {"name": config["name"], "dtype": self.dtype_policy.name}
        return {**config, "num_bins": self.num_bins, "output_mode": self.output_mode, "sparse": self.sparse}
