"""Tables of vectors, looked up by index."""

from typing import Any

import numpy as np

from lamella import constraints, initializers, ops, regularizers
from lamella.backend import _dtypes, _registry
from lamella.backend._result_type import result_type
from lamella.core._keras_tensor import KerasTensor
from lamella.errors import OutOfRangeError, ShapeError
from lamella.layers._layer import Layer
from lamella.layers._options import declared, label, no_wrapping, options_of, positive_integer
from lamella.typing import Array

__all__ = ["Embedding", "ReversibleEmbedding"]


class Embedding(Layer):
    """`embeddings[inputs]`: a vector for each index.

    Args:
        input_dim: the number of indices; they run from 0 to `input_dim - 1`.
        output_dim: the size of each vector.
        embeddings_initializer, embeddings_regularizer, embeddings_constraint: of the table.
        mask_zero: whether index 0 stands for padding; then the layer makes a mask.
        weights: initial values of the table: an array, or a list of one.
        lora_rank, lora_alpha, quantization_config: must be None.

    Input shape: indices of any shape. Output shape: the same with `output_dim` added.
    Weights: `embeddings` `(input_dim, output_dim)`.

    Raises:
        ArgumentError: when a size is not a positive integer.
        ShapeError: when `weights` have another shape than the table.
        OutOfRangeError: for an index that the table has no row for, where the values are known: outside of compiled
            programs, and in the data that `fit`, `evaluate` and `predict` are given.

    Example:
        >>> from lamella import layers
        >>> layers.Embedding(1000, 64)([[4, 10, 20]]).shape
        (1, 3, 64)
    """

    embeddings = declared("build")

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        weights: Any = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        quantization_config: Any = None,
        **kwargs: Any,
    ):
        length = kwargs.pop("input_length", None)  # Keras 2
        if length is not None:
            kwargs["input_shape"] = length if isinstance(length, (list, tuple)) else (length,)
        super().__init__(**kwargs)
        no_wrapping(self, lora_rank=lora_rank, lora_alpha=lora_alpha, quantization_config=quantization_config)
        self.input_dim = positive_integer(self, "input_dim", input_dim)
        self.output_dim = positive_integer(self, "output_dim", output_dim)
        self.embeddings_initializer = initializers.get(embeddings_initializer)
        self.embeddings_regularizer = regularizers.get(embeddings_regularizer)
        self.embeddings_constraint = constraints.get(embeddings_constraint)
        self.mask_zero = mask_zero
        self.quantization_config = None
        self.supports_masking = mask_zero
        self.autocast = False  # what is looked up is cast, not the whole table, and indices stay what they are
        if weights is not None:
            self.build()
            values = list(weights) if isinstance(weights, (list, tuple)) else [weights]
            if len(values) != 1 or tuple(getattr(values[0], "shape", ())) != self.embeddings.shape:
                raise ShapeError(
                    f"The `weights` of {label(self)} must be an array of shape {self.embeddings.shape}, or "
                    "a list of one; "
                    f"got shapes {[tuple(getattr(v, 'shape', ())) for v in values]}."
                )
            self.set_weights(values)

    def build(self, input_shape: Any = None) -> None:
        if self.built:  # from the start, with `weights`
            return
        self.embeddings = self.add_weight(
            name="embeddings",
            shape=(self.input_dim, self.output_dim),
            initializer=self.embeddings_initializer,
            regularizer=self.embeddings_regularizer,
            constraint=self.embeddings_constraint,
        )

    def call(self, inputs: Array) -> Array:
        if not _dtypes.is_int_dtype(inputs.dtype):
            inputs = ops.cast(inputs, "int32")
        adapter: Any = _registry.active()
        if adapter.is_concrete(inputs):
            self.check_indices(adapter.to_numpy(inputs))
        return ops.cast(ops.take(self.embeddings, inputs, axis=0), self.compute_dtype)

    def check_indices(self, indices: Any) -> None:
        """Refuse indices that the table has no row for; `indices` is an array whose values are known.

        Raises:
            OutOfRangeError: naming the first such index, and where it stands.
        """
        values = np.asarray(indices)
        if values.size == 0 or values.dtype.kind not in "iuf":
            return
        outside = (values < 0) | (values >= self.input_dim)
        if outside.any():
            position = tuple(int(i) for i in np.argwhere(outside)[0])
            raise OutOfRangeError(
                f"{label(self)} has a vector for each index from 0 to {self.input_dim - 1} (input_dim={self.input_dim}); "
                f"got index {values[position]} at position {position} of an input of shape {values.shape}. Give it a larger "
                "`input_dim` (the largest index plus 1), or map what is out of the vocabulary to an index inside."
            )

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return ops.not_equal(inputs, 0) if self.mask_zero else None

    def get_config(self) -> dict:
        return {"activity_regularizer": None, **super().get_config(), **options_of(self, Embedding)}


class ReversibleEmbedding(Embedding):
    """An `Embedding` that also goes back: from vectors to a logit for each index.

    Press and Wolf (2017), arXiv:1608.05859: with `tie_weights` the way back uses the transposed table.

    Args:
        input_dim: the number of indices.
        output_dim: the size of each vector.
        tie_weights: whether the way back uses the same table.
        embeddings_initializer: of the tables.
        embeddings_regularizer, embeddings_constraint: of the table for the way there.
        mask_zero: whether index 0 stands for padding; then the layer makes a mask.
        reverse_dtype: the dtype of the way back; by default that of the inputs and the compute dtype together.
        logit_soft_cap: where given, logits become `cap * tanh(logits / cap)`.

    Call arguments:
        inputs: indices; with `reverse`, vectors `(..., output_dim)`.
        reverse: whether to go back; the result has shape `(..., input_dim)`.

    Weights: `embeddings` `(input_dim, output_dim)`; without `tie_weights`, `reverse_embeddings`
    `(output_dim, input_dim)`.

    Example:
        >>> from lamella import layers
        >>> layer = layers.ReversibleEmbedding(10, 4)
        >>> layer(layer([[1, 2]]), reverse=True).shape
        (1, 2, 10)
    """

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        tie_weights: bool = True,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        reverse_dtype: Any = None,
        logit_soft_cap: float | None = None,
        **kwargs: Any,
    ):
        super().__init__(
            input_dim,
            output_dim,
            embeddings_initializer=embeddings_initializer,
            embeddings_regularizer=embeddings_regularizer,
            embeddings_constraint=embeddings_constraint,
            mask_zero=mask_zero,
            **kwargs,
        )
        self.tie_weights = tie_weights
        self.reverse_dtype = reverse_dtype
        self.logit_soft_cap = logit_soft_cap

    def build(self, input_shape: Any = None) -> None:
        super().build(input_shape)
        if not self.tie_weights:
            self.reverse_embeddings = self.add_weight(
                name="reverse_embeddings",
                shape=(self.output_dim, self.input_dim),
                initializer=self.embeddings_initializer,
            )

    def call(self, inputs: Array, reverse: bool = False) -> Array:
        if not reverse:
            return super().call(inputs)
        kernel = ops.transpose(self.embeddings) if self.tie_weights else self.reverse_embeddings
        kernel = ops.cast(kernel, self.compute_dtype)
        if self.reverse_dtype is not None:
            inputs, kernel = ops.cast(inputs, self.reverse_dtype), ops.cast(kernel, self.reverse_dtype)
        logits = ops.matmul(inputs, kernel)
        if self.logit_soft_cap is None:
            return logits
        return ops.multiply(ops.tanh(ops.divide(logits, self.logit_soft_cap)), self.logit_soft_cap)

    def compute_output_shape(self, input_shape: Any, reverse: bool = False) -> tuple:
        """The shape of the output for inputs of `input_shape`."""
        if reverse:
            return (*input_shape[:-1], self.input_dim)
        return (*input_shape, self.output_dim)

    def compute_output_spec(self, inputs: Any, reverse: bool = False) -> KerasTensor:
        dtype = self.compute_dtype
        if reverse:
            dtype = self.reverse_dtype or result_type(inputs.dtype, dtype)
        return KerasTensor(self.compute_output_shape(inputs.shape, reverse), dtype=dtype)

    def get_config(self) -> dict:
        own = {k: getattr(self, k) for k in ("tie_weights", "reverse_dtype", "logit_soft_cap")}
        return {**super().get_config(), **own}
