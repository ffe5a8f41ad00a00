"""Attention over whole features: scores of queries and keys weigh the values."""

from typing import Any

from lamella import ops, random
from lamella.backend import _dtypes
from lamella.errors import ArgumentError, ShapeError
from lamella.layers._layer import Layer
from lamella.layers._options import label, options_of
from lamella.typing import Array

__all__ = ["AdditiveAttention", "Attention"]


class Attention(Layer):
    """`softmax(scores) @ value`, where a score says how well a query and a key go together.

    Luong, Pham and Manning (2015), arXiv:1508.04025, section 3.1, "dot" and "concat".

    Args:
        use_scale: whether to learn a factor of the scores.
        score_mode: `"dot"` for `query @ key.T`, `"concat"` for
            `weight * sum(tanh(scale * (query + key)))` over the features.
        dropout: the rate of dropout on the weights while training, in [0, 1).
        seed: an integer, for the same draws in every run.

    Call arguments:
        inputs: `[query, value]` or `[query, value, key]`: query `(batch, queries, features)`, value
            `(batch, values, value features)`, key `(batch, values, features)`, the value where not given.
        mask: `[query_mask, value_mask]`, each `(batch, steps)` booleans or None. Masked values get weight 0; the
            result of masked queries is 0.
        training: whether to drop.
        return_attention_scores: whether to return the weights too, `(batch, queries, values)`.
        use_causal_mask: whether a query sees no value after its own position.

    Returns:
        `(batch, queries, value features)`, or that and the weights.

    Raises:
        ArgumentError: for another score mode, or inputs that are not a list of two or three.

    Example:
        >>> from lamella import layers, ops
        >>> query, value = ops.ones((2, 5, 4)), ops.ones((2, 7, 4))
        >>> layers.Attention()([query, value]).shape
        (2, 5, 4)
    """

    def __init__(
        self,
        use_scale: bool = False,
        score_mode: str = "dot",
        dropout: float = 0.0,
        seed: Any = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if score_mode not in ("dot", "concat"):
            raise ArgumentError(
                f"Invalid value for argument score_mode of {label(self)}. Expected one of 'dot', 'concat'. "
                f"Received: score_mode={score_mode!r}"
            )
        self.use_scale = use_scale
        self.score_mode = score_mode
        self.dropout = dropout
        self.seed = seed
        if dropout > 0:
            self.seed_generator = random.SeedGenerator(seed)
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        _check_shapes(self, input_shape)
        self.scale = self.concat_score_weight = None
        if self.use_scale:
            self.scale = self.add_weight(
                name="scale", shape=self._scale_shape(input_shape), initializer=self._scale_start
            )
        if self.score_mode == "concat":
            self.concat_score_weight = self.add_weight(name="concat_score_weight", shape=(), initializer="ones")

    _scale_start = "ones"

    def _scale_shape(self, input_shape: Any) -> tuple:
        return ()

    def call(
        self,
        inputs: Any,
        mask: Any = None,
        training: bool = False,
        return_attention_scores: bool = False,
        use_causal_mask: bool = False,
    ) -> Any:
        query, value, key = _three_inputs(self, inputs)
        query_mask, value_mask = _two_masks(self, mask)
        scores = self._scores(query, key)
        visible = _visible(scores, value_mask, use_causal_mask)
        if visible is not None:
            # What is hidden is lowered rather than set: a query that sees nothing weighs as if it saw everything.
            lowest = 65504.0 if _dtypes.standardize_dtype(scores.dtype) == "float16" else 1e9
            hidden = ops.cast(ops.logical_not(visible), scores.dtype)
            scores = ops.subtract(scores, ops.multiply(hidden, lowest))
        weights = ops.softmax(scores, axis=-1)
        if training and self.dropout > 0:
            weights = random.dropout(weights, self.dropout, seed=self.seed_generator)
        result = ops.matmul(weights, value)
        if query_mask is not None:
            result = ops.multiply(result, ops.cast(ops.expand_dims(query_mask, -1), result.dtype))
        return (result, weights) if return_attention_scores else result

    def _scores(self, query: Array, key: Array) -> Array:
        if self.score_mode == "dot":
            scores = ops.matmul(query, ops.swapaxes(key, -1, -2))
            return scores if self.scale is None else ops.multiply(scores, self.scale)
        return ops.multiply(self.concat_score_weight, _additive(query, key, self.scale, after=False))

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        query_mask = _two_masks(self, mask)[0]
        return None if query_mask is None else ops.convert_to_tensor(query_mask)

    def get_config(self) -> dict:
        return {**super().get_config(), **options_of(self, Attention)}


class AdditiveAttention(Attention):
    """`softmax(scores) @ value` with `scores = sum(scale * tanh(query + key))` over the features.

    Bahdanau, Cho and Bengio (2015), arXiv:1409.0473, appendix A.1.2.

    Args:
        use_scale: whether to learn a factor for each feature.
        dropout: the rate of dropout on the weights while training, in [0, 1).

    The call is that of `Attention`.

    Weights: `scale` `(features,)`.

    Example:
        >>> from lamella import layers, ops
        >>> query, value = ops.ones((2, 5, 4)), ops.ones((2, 7, 4))
        >>> layers.AdditiveAttention()([query, value]).shape
        (2, 5, 4)
    """

    _scale_start = "glorot_uniform"

    def __init__(self, use_scale: bool = True, dropout: float = 0.0, **kwargs: Any):
        super().__init__(use_scale=use_scale, dropout=dropout, **kwargs)

    def build(self, input_shape: Any) -> None:
        super().build(input_shape)

    def _scale_shape(self, input_shape: Any) -> tuple:
        return (input_shape[0][-1],)

    def _scores(self, query: Array, key: Array) -> Array:
        return _additive(query, key, self.scale, after=True)

    def get_config(self) -> dict:
        config = super().get_config()
        del config["score_mode"]
        return config


def _additive(query: Array, key: Array, scale: Any, after: bool) -> Array:
    """`sum(tanh(query + key))` over the features, for each query and key; scaled before or after the tanh."""
    together = ops.add(ops.expand_dims(query, -2), ops.expand_dims(key, -3))  # (batch, queries, keys, features)
    if scale is None:
        return ops.sum(ops.tanh(together), axis=-1)
    if after:
        return ops.sum(ops.multiply(scale, ops.tanh(together)), axis=-1)
    return ops.sum(ops.tanh(ops.multiply(scale, together)), axis=-1)


def _visible(scores: Array, value_mask: Any, causal: bool) -> Any:
    """Which values each query sees, booleans that broadcast to `scores`; None when it sees all."""
    visible = None if value_mask is None else ops.cast(ops.expand_dims(value_mask, -2), "bool")
    if causal:
        queries, values = scores.shape[-2:]
        rows = ops.reshape(ops.arange(queries), (queries, 1))
        earlier = ops.greater_equal(rows, ops.reshape(ops.arange(values), (1, values)))
        visible = earlier if visible is None else ops.logical_and(visible, earlier)
    return visible


def _two_masks(layer: Layer, mask: Any) -> tuple[Any, Any]:
    """(query mask, value mask) of the `mask` of a call."""
    if mask is None:
        return None, None
    if not isinstance(mask, (list, tuple)):
        raise ArgumentError(
            f"The mask of {label(layer)} must be a list, namely [query_mask, value_mask]; got {mask!r}."
        )
    if len(mask) not in (2, 3):
        raise ArgumentError(f"{label(layer)} accepts a mask list of length 2 or 3; got length {len(mask)}.")
    return mask[0], mask[1]


def _three_inputs(layer: Layer, inputs: Any) -> tuple[Any, Any, Any]:
    """(query, value, key) of the inputs of a call, or of their shapes.

    Raises:
        ShapeError: unless they are a list of two or three.
    """
    if not isinstance(inputs, (list, tuple)) or len(inputs) not in (2, 3):
        received = f"length {len(inputs)}" if isinstance(inputs, (list, tuple)) else type(inputs).__name__
        raise ShapeError(
            f"{label(layer)} must be called on a list of 2 or 3 inputs, namely [query, value] or [query, value, key]. "
            f"Received: {received}."
        )
    return inputs[0], inputs[1], inputs[-1]


def _check_shapes(layer: Layer, shapes: Any) -> None:
    if not isinstance(shapes, (list, tuple)) or not all(isinstance(s, (list, tuple)) for s in shapes):
        raise ShapeError(
            f"{label(layer)} must be called on a list of inputs, namely [query, value] or [query, value, key]; got "
            f"{shapes}."
        )
    query, _, key = _three_inputs(layer, shapes)
    if len({len(shape) for shape in shapes}) > 1 or len(query) < 2:
        raise ShapeError(
            f"{label(layer)} takes inputs of shape (batch, steps, features); got shapes {[tuple(s) for s in shapes]}."
        )
    if None not in (query[-1], key[-1]) and query[-1] != key[-1]:
        raise ShapeError(
            f"The query and the key of {label(layer)} must have the same number of features; got shapes "
            f"{tuple(query)} and {tuple(key)}."
        )
