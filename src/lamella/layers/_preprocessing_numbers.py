"""Numbers made ready for a network: standardised, put into bins, encoded as categories."""

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from lamella import ops
from lamella.backend import _dtypes, _registry
from lamella.core._keras_tensor import KerasTensor
from lamella.errors import ArgumentError, ArgumentTypeError, DataError, NotBuiltError, OutOfRangeError, ShapeError
from lamella.layers._data_layer import DataLayer
from lamella.layers._options import label, positive_integer
from lamella.layers._preprocessing_columns import batches, concrete
from lamella.layers._preprocessing_encoding import check_output_mode, encode, encoded_shape, refuse_sparse
from lamella.typing import Array, Shape

__all__ = ["CategoryEncoding", "Discretization", "Normalization"]


def _as_numbers(data: Any, who: str) -> np.ndarray:
    array = _registry.to_numpy(data) if _registry.owner(data) is not None else np.asarray(data)
    if array.dtype.kind not in "iufbV":  # V: bfloat16 and its kin
        raise DataError(f"`adapt()` of {who} takes numbers; got dtype {array.dtype}: {str(data)[:80]}.")
    return array


def _batches_of_features(data: Any, who: str) -> Iterator[np.ndarray]:
    """The batches that `Normalization.adapt` is given: arrays, or the first of each pair of features and labels."""
    if isinstance(data, (list, tuple)) and data:
        first = data[0][0] if isinstance(data[0], tuple) and data[0] else data[0]
        if not getattr(first, "shape", ()):
            yield _as_numbers(data, who)
            return
        data = iter(data)
    for batch in batches(data, None, who):
        features = batch[0] if isinstance(batch, tuple) and batch else batch
        if not np.ndim(features) and not hasattr(features, "shape"):
            raise ArgumentTypeError(f"`adapt()` of {who} takes arrays, or batches of them; got {features!r}.")
        yield _as_numbers(features, who)


class Normalization(DataLayer):
    """Inputs with mean 0 and variance 1: `(inputs - mean) / max(sqrt(variance), epsilon)`.

    The mean and the variance are given, or measured by `adapt`; where batches come one after the other, they are put
    together by Chan, Golub and LeVeque (1983), "Algorithms for computing the sample variance", equation 2.1. The
    variance divides by n; `epsilon` is that of the configuration, 1e-7, so that a constant feature becomes 0.

    Args:
        axis: the axis, or axes, each index of which has a mean and a variance of its own; None for one of all.
        mean: the mean, broadcast to the kept axes; with `variance`.
        variance: the variance, likewise; with `mean`.
        invert: `inputs * max(sqrt(variance), epsilon) + mean` instead.

    Raises:
        ArgumentError: for one of `mean` and `variance` without the other, or with more axes than `axis` names; for an axis
            that the inputs do not have.
        ShapeError: for a kept axis of unknown size, or data of another shape than the layer was built for.

    Example:
        >>> from lamella import layers
        >>> layer = layers.Normalization(axis=None)
        >>> layer.adapt([1.0, 3.0])
        >>> layer([1.0, 2.0]).tolist()
        [-1.0, 0.0]
    """

    def __init__(self, axis: Any = -1, mean: Any = None, variance: Any = None, invert: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        axis = () if axis is None else axis
        self.axis = tuple(axis) if isinstance(axis, (tuple, list)) else (axis,)
        if not all(isinstance(a, (int, np.integer)) for a in self.axis):
            raise ArgumentError(f"The `axis` of {label(self)} must be an integer, several, or None; got {axis!r}.")
        if (mean is None) != (variance is None):
            raise ArgumentError(
                f"When setting values of {label(self)} directly, both `mean` and `variance` must be set. Received: "
                f"mean={mean} and variance={variance}"
            )
        for name, value in (("mean", mean), ("variance", variance)):
            if value is not None and np.ndim(value) > len(self.axis):
                raise ArgumentError(
                    f"The `{name}` of {label(self)} may have as many axes as `axis` names, {len(self.axis)}; it has shape "
                    f"{np.shape(value)}. Leave out axes of size 1."
                )
        self.input_mean = mean
        self.input_variance = variance
        self.invert = bool(invert)
        self.supports_masking = True
        self._adapted = mean is not None
        self._kept: tuple[int, ...] = ()
        self._given: tuple[np.ndarray, np.ndarray] | None = None

    def build(self, input_shape: Any) -> None:
        rank = len(input_shape)
        if any(not -rank <= a < rank for a in self.axis):
            raise ArgumentError(
                f"All `axis` values of {label(self)} must be in the range [-ndim, ndim). Received inputs with "
                f"ndim={rank}, while axis={self.axis}"
            )
        self._kept = tuple(sorted({a % rank for a in self.axis}))
        shape = tuple(input_shape[a] for a in self._kept)
        if None in shape:
            raise ShapeError(
                f"All `axis` values to be kept by {label(self)} must have a known shape. Received axis={self.axis}, "
                f"inputs.shape={tuple(input_shape)}"
            )
        self._broadcast = tuple(input_shape[a] if a in self._kept else 1 for a in range(rank))
        if self.input_mean is None:
            self.adapt_mean = self.add_weight(name="mean", shape=shape, initializer="zeros", trainable=False)
            self.adapt_variance = self.add_weight(name="variance", shape=shape, initializer="ones", trainable=False)
            self.count = self.add_weight(name="count", shape=(), dtype="int32", initializer="zeros", trainable=False)
            return
        try:
            self._given = tuple(  # type: ignore[assignment]
                np.broadcast_to(np.asarray(v, "float32"), shape) for v in (self.input_mean, self.input_variance)
            )
        except ValueError as error:
            raise ArgumentError(
                f"`mean` and `variance` of {label(self)} must broadcast to the kept axes, shape {shape}. Received: "
                f"mean={self.input_mean}, variance={self.input_variance}"
            ) from error

    @property
    def mean(self) -> Any:
        """The mean, in a shape that broadcasts to the inputs; None before the layer is built."""
        return self._moments()[0]

    @property
    def variance(self) -> Any:
        """The variance, likewise."""
        return self._moments()[1]

    def _moments(self) -> tuple[Any, Any]:
        if not self.built:
            return None, None
        both = self._given if self._given is not None else (self.adapt_mean, self.adapt_variance)
        mean, variance = (ops.reshape(ops.cast(v, self.compute_dtype), self._broadcast) for v in both)
        return mean, variance

    def adapt(self, data: Any) -> None:
        """Measure the mean and the variance of `data`, instead of what was measured before.

        Args:
            data: an array, or numbers in lists; or an iterable (such as a list of arrays) of batches, which need not fit
                memory together. A batch is an array, or a tuple that begins with one, as (features, labels).

        Raises:
            ArgumentError: where the mean and the variance were given.
            ArgumentTypeError: for a batch that is no array.
            DataError: where there is no number.
            ShapeError: for a batch that differs in a kept axis.
        """
        if self.input_mean is not None:
            raise ArgumentError(
                f"{label(self)} was given its `mean` and `variance`, so there is nothing to measure. Leave both out to "
                "call `adapt()`."
            )
        count, mean, squares = 0, np.float64(0), np.float64(0)
        for x in _batches_of_features(data, label(self)):
            self._prepare(x.shape)
            x = x.astype(np.float64)
            axes = tuple(a for a in range(x.ndim) if a not in self._kept)
            n = int(np.prod([x.shape[a] for a in axes]))
            if not x.size:
                continue
            new_mean = x.mean(axis=axes)
            gap = new_mean - mean
            squares = squares + np.square(x - np.expand_dims(new_mean, axes)).sum(axis=axes)
            squares = squares + np.square(gap) * count * n / (count + n)
            mean = mean + gap * n / (count + n)
            count += n
        if not count:
            raise DataError(f"`adapt()` of {label(self)} got no data.")
        self.adapt_mean.assign(np.asarray(mean, "float32"))
        self.adapt_variance.assign(np.asarray(squares / count, "float32"))
        self.finalize_state()

    def _prepare(self, shape: tuple) -> None:
        if not self.built:
            self.build(shape)
        elif len(shape) != len(self._broadcast) or any(shape[a] != self._broadcast[a] for a in self._kept):
            raise ShapeError(
                f"{label(self)} was built for inputs of shape {self._build_shapes_dict}, but `adapt()` got data of "
                f"shape {shape}. Measure data of one shape with one layer."
            )

    def finalize_state(self) -> None:
        """Take what the variables hold as the result of `adapt`; `adapt` and loading do it."""
        self._adapted = True

    def call(self, inputs: Array) -> Array:
        inputs = ops.cast(inputs, self.compute_dtype)
        if not self._adapted:
            self._warn_unless_set()
        have, want = tuple(inputs.shape), self._broadcast
        if any(w != 1 and h not in (1, w) for h, w in zip(reversed(have), reversed(want))):
            raise ShapeError(
                f"{label(self)} has means for shape {want} (1 stands for any size); its input has shape {have}. Give it "
                "data of the shape it was adapted to."
            )
        mean, variance = self._moments()
        scale = ops.maximum(ops.sqrt(variance), _dtypes.epsilon())
        if self.invert:
            return ops.add(ops.multiply(inputs, scale), mean)
        return ops.divide(ops.subtract(inputs, mean), scale)

    def _warn_unless_set(self) -> None:
        value = self.count.value
        if not concrete(value):
            return
        self._adapted = True  # said once, or the variables were set by other means
        if np.any(np.asarray(self.adapt_mean.numpy())) or np.any(np.asarray(self.adapt_variance.numpy()) != 1):
            return
        warnings.warn(
            f"{label(self)} was called before `adapt()`: it leaves its inputs as they are. Call `adapt(data)` first, or "
            "pass `mean` and `variance`.",
            stacklevel=4,
        )

    def compute_output_shape(self, input_shape: Shape) -> tuple:
        return tuple(input_shape)

    def load_own_variables(self, store: Any) -> None:
        """Read the variables from `store`."""
        super().load_own_variables(store)
        self.finalize_state()

    def convert_weight(self, weight: Any) -> Any:
        """`weight` as it is: here for subclasses written for Keras."""
        return weight

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "axis": self.axis,
            "invert": self.invert,
            "mean": _listed(self.input_mean),
            "variance": _listed(self.input_variance),
        }


def _listed(value: Any) -> Any:
    return np.asarray(value).tolist() if value is not None else None


class Discretization(DataLayer):
    """Numbers to the bins they fall into: bin i holds `boundaries[i-1] <= x < boundaries[i]`.

    The boundaries are given, or learned by `adapt`: quantiles of the data, from a summary of at most `1 / epsilon`
    weighted values, which is all that is kept of the batches. A summary takes each k-th of the sorted values of a batch;
    two are merged by sorting, and shortened by interpolating at equal steps of the cumulated weight.

    Args:
        bin_boundaries: ascending numbers; the outer bins are open.
        num_bins: how many bins `adapt` is to make, instead of `bin_boundaries`.
        epsilon: the error of the quantiles, as a share of the data.
        output_mode: "int"; "one_hot" (a vector for each number); "multi_hot" or "count" (a vector for each sample,
            the last axis of the input).
        sparse: True is refused: results are dense.
        dtype: of vectors.
        name: of the layer.

    Raises:
        NotBuiltError: when called without boundaries before `adapt`.

    Example:
        >>> from lamella import layers
        >>> layers.Discretization(bin_boundaries=[0.0, 1.0, 2.0])([[-1.5, 1.0, 3.4, 0.5]]).tolist()
        [[0, 2, 3, 1]]
    """

    def __init__(
        self,
        bin_boundaries: Any = None,
        num_bins: int | None = None,
        epsilon: float = 0.01,
        output_mode: str = "int",
        sparse: bool = False,
        dtype: Any = None,
        name: str | None = None,
    ):
        if num_bins is None and bin_boundaries is None:
            raise ArgumentError(f"You need to set either `num_bins` or `bin_boundaries` of {label(self)}.")
        if num_bins is not None and bin_boundaries is not None:
            raise ArgumentError(
                f"Both `num_bins` and `bin_boundaries` of {label(self)} should not be set. Received: "
                f"`num_bins={num_bins}` and `bin_boundaries={bin_boundaries}`"
            )
        check_output_mode(self, output_mode, ("int", "one_hot", "multi_hot", "count"))
        refuse_sparse(self, sparse=sparse)
        super().__init__(name=name, dtype=dtype)
        if num_bins is not None:
            positive_integer(self, "num_bins", num_bins)
        if not 0 < epsilon <= 1:
            raise ArgumentError(f"`epsilon` of {label(self)} must be in (0, 1]. Received: epsilon={epsilon}")
        self.input_bin_boundaries = bin_boundaries
        self.bin_boundaries = None if bin_boundaries is None else _ascending(self, bin_boundaries)
        self.num_bins = num_bins
        self.epsilon = epsilon
        self.output_mode = output_mode
        self.sparse = bool(sparse)
        self.summary = np.zeros((2, 0), np.float32)

    @property
    def input_dtype(self) -> str:
        """The dtype its floating inputs are cast to."""
        return self.compute_dtype if _dtypes.is_float_dtype(self.compute_dtype) else _dtypes.floatx()

    @property
    def output_dtype(self) -> str:
        """The dtype of its outputs."""
        return "int32" if self.output_mode == "int" else self.compute_dtype

    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Learn the boundaries from `data`, instead of what was learned before.

        Args:
            data: an array; or an iterable of batches, which need not fit memory together.
            steps: how many batches to read at most.

        Raises:
            ArgumentError: when the layer was given its `bin_boundaries`.
        """
        if self.input_bin_boundaries is not None:
            raise ArgumentError(
                f"Cannot adapt {label(self)}, which has been initialized with `bin_boundaries`; use `num_bins` instead."
            )
        self.reset_state()
        for batch in batches(data, steps, label(self)):
            self.update_state(batch)
        self.finalize_state()

    def update_state(self, data: Any) -> None:
        """Take one batch into the summary."""
        values = np.sort(_as_numbers(data, label(self)).ravel().astype(np.float32))
        if np.isnan(values[-1:]).any():
            raise DataError(f"`adapt()` of {label(self)} got NaN, which has no place among the bins. Leave it out.")
        step = max(int(values.size * self.epsilon), 1)
        weight = max(values.size * self.epsilon, 1.0)
        chosen = values[step - 1 :: step]
        new = np.stack([chosen, np.full(chosen.size, weight, np.float32)])
        self.summary = _shortened(np.concatenate([self.summary, new], axis=1), self.epsilon)

    def finalize_state(self) -> None:
        """Make the boundaries of the summary."""
        if self.input_bin_boundaries is not None or not self.summary.size or not self.num_bins:
            return
        bins = min(self.num_bins, self.summary.shape[1])  # fewer values than bins
        shares = np.arange(1, bins) / bins
        self.bin_boundaries = [float(v) for v in _quantiles(self.summary, shares)]

    def reset_state(self) -> None:
        """Forget the summary, and the boundaries made of it."""
        self.summary = np.zeros((2, 0), np.float32)
        if self.input_bin_boundaries is None:
            self.bin_boundaries = None

    def call(self, inputs: Array) -> Array:
        if self.bin_boundaries is None:
            raise NotBuiltError(
                f"You need to either pass the `bin_boundaries` argument at construction time or call `adapt(dataset)` "
                f"before you can start using {label(self)}."
            )
        inputs = ops.convert_to_tensor(inputs)
        bins = ops.searchsorted(ops.cast(self.bin_boundaries, self.input_dtype), ops.reshape(inputs, (-1,)), "right")
        bins = ops.cast(ops.reshape(bins, inputs.shape), "int32")
        if self.output_mode == "int":
            return bins
        return encode(bins, self.output_mode, len(self.bin_boundaries) + 1, self.compute_dtype)

    def compute_output_shape(self, input_shape: Shape) -> tuple:
        depth = self.num_bins if self.bin_boundaries is None else len(self.bin_boundaries) + 1
        return encoded_shape(input_shape, self.output_mode, depth)

    def compute_output_spec(self, inputs: Any) -> KerasTensor:
        return KerasTensor(self.compute_output_shape(inputs.shape), dtype=self.output_dtype)

    def load_own_variables(self, store: Any) -> None:
        """Nothing: the boundaries are in the configuration."""

    def convert_weight(self, weight: Any) -> Any:
        """`weight` as it is: here for subclasses written for Keras."""
        return weight

    def get_config(self) -> dict:
        config = super().get_config()
        config.pop("trainable", None)
        config["dtype"] = self.dtype
        boundaries = self.bin_boundaries
        return {
            **config,
            "bin_boundaries": None if boundaries is None else [float(v) for v in boundaries],
            "num_bins": self.num_bins,
            "epsilon": self.epsilon,
            "output_mode": self.output_mode,
            "sparse": self.sparse,
        }

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None) -> Any:
        """The layer of a configuration that `get_config` returned, with the boundaries it had learned."""
        boundaries, num_bins = config.get("bin_boundaries"), config.get("num_bins")
        if boundaries is None or num_bins is None:
            return super().from_config(config)
        layer = super().from_config({**config, "bin_boundaries": None})
        layer.bin_boundaries = boundaries
        return layer


def _ascending(layer: Any, boundaries: Any) -> list[float]:
    array = np.asarray(boundaries, dtype=np.float64)
    if array.ndim != 1 or np.isnan(array).any() or np.any(np.diff(array) < 0):
        raise ArgumentError(
            f"`bin_boundaries` of {label(layer)} must be a list of numbers in ascending order. Received: "
            f"bin_boundaries={boundaries}"
        )
    return [float(v) for v in array]


def _shortened(summary: np.ndarray, epsilon: float) -> np.ndarray:
    """Weighted values in ascending order, at most `1 / epsilon` of them."""
    summary = summary[:, np.argsort(summary[0], kind="stable")]
    if summary.shape[1] * epsilon <= 1 + 1e-9:
        return summary
    count = int(np.ceil(1 / epsilon - 1e-9))
    shares = np.minimum(epsilon * np.arange(1, count + 1), 1.0)
    weights = np.diff(shares, prepend=0.0) * summary[1].sum(dtype=np.float64)
    return np.stack([_quantiles(summary, shares), weights]).astype(np.float32)


def _quantiles(summary: np.ndarray, shares: np.ndarray) -> np.ndarray:
    values, weights = summary.astype(np.float64)
    cumulated = np.cumsum(weights)
    return np.interp(shares, cumulated / cumulated[-1], values).astype(np.float32)


class CategoryEncoding(DataLayer):
    """Integers in [0, num_tokens) to vectors of length `num_tokens`.

    Args:
        num_tokens: the number of categories.
        output_mode: "one_hot" (a vector for each integer), "multi_hot" or "count" (a vector for each sample, the last
            axis of the input).
        sparse: True is refused: results are dense.

    Call arguments:
        inputs: integers, `(..., sample)`.
        count_weights: for "count", what each integer counts for, of the shape of `inputs`.

    Raises:
        OutOfRangeError: for an integer outside of [0, num_tokens), saying which. Inside a compiled program, where values
            cannot be looked at, such an integer counts for nothing.

    Example:
        >>> from lamella import layers
        >>> layers.CategoryEncoding(num_tokens=4, output_mode="multi_hot")([[0, 1], [3, 1]]).tolist()
        [[1.0, 1.0, 0.0, 0.0], [0.0, 1.0, 0.0, 1.0]]
    """

    def __init__(
        self, num_tokens: int | None = None, output_mode: str = "multi_hot", sparse: bool = False, **kwargs: Any
    ):
        super().__init__(**kwargs)
        check_output_mode(self, output_mode, ("one_hot", "multi_hot", "count"))
        refuse_sparse(self, sparse=sparse)
        if num_tokens is None:
            raise ArgumentError(
                f"num_tokens of {label(self)} must be set to use this layer. If the number of tokens is not known "
                "beforehand, use the IntegerLookup layer instead."
            )
        self.num_tokens = positive_integer(self, "num_tokens", num_tokens)
        self.output_mode = output_mode
        self.sparse = bool(sparse)

    def call(self, inputs: Any, count_weights: Any = None) -> Array:
        if count_weights is not None and self.output_mode != "count":
            raise ArgumentError(
                f"`count_weights` of {label(self)} is not used when `output_mode` is not `'count'`. Received "
                f"`count_weights={count_weights}`."
            )
        inputs = ops.cast(inputs, "int32")
        if concrete(inputs):
            self._check_range(_registry.to_numpy(inputs))
        return encode(inputs, self.output_mode, self.num_tokens, self.dtype, count_weights)

    def _check_range(self, values: np.ndarray) -> None:
        outside = (values < 0) | (values >= self.num_tokens)
        if outside.any():
            where = tuple(int(i) for i in np.argwhere(outside)[0])
            raise OutOfRangeError(
                f"{label(self)} takes integers from 0 to {self.num_tokens - 1}; got {int(values[where])} at position "
                f"{where}. Raise `num_tokens`, or look the values up with an IntegerLookup first."
            )

    def compute_output_shape(self, input_shape: Shape) -> tuple:
        return encoded_shape(input_shape, self.output_mode, self.num_tokens)

    def compute_output_spec(self, inputs: Any, count_weights: Any = None) -> KerasTensor:
        return KerasTensor(self.compute_output_shape(inputs.shape), dtype=self.dtype)

    def convert_weight(self, weight: Any) -> Any:
        """`weight` as it is: here for subclasses written for Keras."""
        return weight

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "num_tokens": self.num_tokens,
            "output_mode": self.output_mode,
        }
