"""Attention in several heads, each over its own projection of the features."""

import math
from collections.abc import Sequence
from typing import Any, ClassVar

from lamella import constraints, initializers, ops, regularizers
from lamella.errors import ArgumentError, ShapeError
from lamella.layers._activation import Softmax
from lamella.layers._dropout import Dropout
from lamella.layers._einsum_dense import EinsumDense
from lamella.layers._layer import Layer
from lamella.layers._options import declared, label, options_of, positive_integer
from lamella.typing import Array

__all__ = ["GroupQueryAttention", "MultiHeadAttention"]

_FREE = "efghijklmnopqrstuvw"  # letters for the axes between batch (a) and features (d)


class _HeadedAttention(Layer):
    """Projections to heads, attention in each, and the projection back: the core of both layers below.

    Subclasses say how many heads the queries and the keys have and how large they are. Where the keys have fewer heads
    than the queries, each serves a group of them.
    """

    # Each projection has the activity regularizer, in Keras, and one of the two layers its own output again.
    _regularizes_its_output = False

    def __init__(
        self,
        *,
        query_heads: int,
        key_heads: int,
        key_size: int,
        value_size: int,
        output_shape: Any,
        attention_axes: Any,
        dropout: float,
        use_bias: bool,
        sliding_window: int | None,
        flash_attention: bool | None,
        kernel_initializer: Any,
        bias_initializer: Any,
        kernel_regularizer: Any,
        bias_regularizer: Any,
        activity_regularizer: Any,
        kernel_constraint: Any,
        bias_constraint: Any,
        use_gate: bool,
        seed: Any,
        **kwargs: Any,
    ):
        whole = activity_regularizer if self._regularizes_its_output else None
        super().__init__(activity_regularizer=whole, **kwargs)
        self._activity_regularizer = regularizers.get(activity_regularizer)
        self.supports_masking = True
        if sliding_window is not None and (not isinstance(sliding_window, int) or sliding_window <= 0):
            raise ArgumentError(
                f"`sliding_window` of {label(self)} must be `None` or a positive integer. Received: "
                f"sliding_window={sliding_window!r}"
            )
        self._query_heads, self._key_heads = query_heads, key_heads
        self._key_size, self._value_size = key_size, value_size
        if isinstance(output_shape, int):
            output_shape = (output_shape,)
        if output_shape is not None and not isinstance(output_shape, (tuple, list)):
            raise ArgumentError(
                f"`output_shape` of {label(self)} must be an integer, a tuple or a list; got {output_shape!r}."
            )
        self._features_out = None if output_shape is None else tuple(output_shape)
        if attention_axes is not None and not isinstance(attention_axes, (int, list, tuple)):
            raise ArgumentError(
                f"`attention_axes` of {label(self)} must be an integer, a list or a tuple; got {attention_axes!r}."
            )
        self._axes = (attention_axes,) if isinstance(attention_axes, int) else attention_axes
        self.dropout = dropout
        self.use_bias = use_bias
        self.sliding_window = sliding_window
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.use_gate = use_gate
        self.seed = seed
        self._flash_attention = flash_attention
        self._scale = 1.0 / math.sqrt(float(key_size))

    # ---- weights ---------------------------------------------------------------------------------

    def build(self, query_shape: Any, value_shape: Any, key_shape: Any = None) -> None:
        key_shape = value_shape if key_shape is None else key_shape
        self._check_shapes(query_shape, value_shape, key_shape)
        heads, groups = self._query_heads, self._key_heads
        self._query_dense = self._projection("query", query_shape, heads, self._key_size)
        self._key_dense = self._projection("key", key_shape, groups, self._key_size)
        if self.use_gate:
            self._gate_dense = self._projection("gate", query_shape, heads, self._value_size)
        self._value_dense = self._projection("value", value_shape, groups, self._value_size)
        self._softmax = Softmax(axis=self._softmax_axes(len(query_shape)), dtype=self.dtype_policy)
        self._dropout_layer = Dropout(rate=self.dropout, dtype=self.dtype_policy, seed=self.seed)
        self._output_dense = self._projection_back(query_shape)

    def _check_shapes(self, *shapes: Sequence) -> None:
        ranks = {len(shape) for shape in shapes}
        if len(ranks) > 1 or min(ranks) < 3:
            raise ShapeError(
                f"{label(self)} takes a query, a value and a key of shape (batch, steps, features), or with more axes "
                f"of steps, the same number for each; got query {tuple(shapes[0])}, value {tuple(shapes[1])}, key "
                f"{tuple(shapes[2])}."
            )
        if None not in (shapes[1][1], shapes[2][1]) and shapes[1][1:-1] != shapes[2][1:-1]:
            raise ShapeError(
                f"The value and the key of {label(self)} must have the same number of steps; got shapes "
                f"{tuple(shapes[1])} and {tuple(shapes[2])}."
            )
        rank = min(ranks)
        axes = range(1, rank - 1) if self._axes is None else self._axes
        self._attention_axes = tuple(axis % rank for axis in axes)

    def _projection(self, name: str, shape: Sequence, heads: int, size: int) -> EinsumDense:
        free = _FREE[: len(shape) - 2]
        return self._dense(name, f"a{free}d,dxy->a{free}xy", (*[None] * len(free), heads, size), "xy", shape)

    def _projection_back(self, query_shape: Sequence) -> EinsumDense:
        free, sizes = _FREE[: len(query_shape) - 2], self._features_out or (query_shape[-1],)
        out = "XYZUVW"[: len(sizes)]
        shape = (*query_shape[:-1], self._query_heads, self._value_size)
        return self._dense(
            "attention_output", f"a{free}xy,xy{out}->a{free}{out}", (*[None] * len(free), *sizes), out, shape
        )

    def _dense(self, name: str, equation: str, output_shape: tuple, bias_axes: str, shape: Sequence) -> EinsumDense:
        def own(initializer: Any) -> Any:
            # Each projection draws for itself: the same initializer with a seed would draw the same numbers.
            return initializer.clone() if hasattr(initializer, "clone") else initializer

        layer = EinsumDense(
            equation,
            output_shape=output_shape,
            bias_axes=bias_axes if self.use_bias else None,
            name=name,
            dtype=self.dtype_policy,
            kernel_initializer=own(self.kernel_initializer),
            bias_initializer=own(self.bias_initializer),
            kernel_regularizer=self.kernel_regularizer,
            bias_regularizer=self.bias_regularizer,
            activity_regularizer=self._activity_regularizer,
            kernel_constraint=self.kernel_constraint,
            bias_constraint=self.bias_constraint,
        )
        layer.build(tuple(shape))
        return layer

    # ---- the computation -------------------------------------------------------------------------

    def call(
        self,
        query: Array,
        value: Array,
        key: Any = None,
        query_mask: Any = None,
        value_mask: Any = None,
        key_mask: Any = None,
        attention_mask: Any = None,
        return_attention_scores: bool = False,
        training: bool | None = None,
        use_causal_mask: bool = False,
    ) -> Any:
        key = value if key is None else key
        visible = self._visible(query, value, query_mask, value_mask, key_mask, attention_mask, use_causal_mask)
        gate = ops.sigmoid(self._gate_dense(query)) if self.use_gate else None
        q, k, v = self._query_dense(query), self._key_dense(key), self._value_dense(value)
        if self._query_heads != self._key_heads:
            times = self._query_heads // self._key_heads
            k, v = ops.repeat(k, times, axis=-2), ops.repeat(v, times, axis=-2)
        if len(q.shape) == 4 and not return_attention_scores and self.dropout == 0:
            result, scores = self._fused(q, k, v, visible), None
        else:
            result, scores = self._composed(q, k, v, visible, training)
        if gate is not None:
            result = ops.multiply(result, gate)
        output = self._output_dense(result)
        return (output, scores) if return_attention_scores else output

    def _fused(self, q: Array, k: Array, v: Array, visible: Any) -> Array:
        mask = visible
        if mask is not None:
            mask = ops.reshape(mask, (*mask.shape[:-2], *(1,) * (4 - len(mask.shape)), *mask.shape[-2:]))
            mask = ops.broadcast_to(mask, (q.shape[0], self._query_heads, q.shape[1], k.shape[1]))
        return ops.dot_product_attention(q, k, v, mask=mask, scale=self._scale, flash_attention=self._flash_attention)

    def _composed(self, q: Array, k: Array, v: Array, visible: Any, training: bool | None) -> tuple[Array, Array]:
        axes = _FREE[: len(q.shape) - 3]
        seen = "".join(c.upper() if i + 1 in self._attention_axes else c for i, c in enumerate(axes))
        rows = "".join(c for i, c in enumerate(axes) if i + 1 in self._attention_axes)
        others = "".join(c for i, c in enumerate(axes) if i + 1 not in self._attention_axes)
        weights = f"a{others}x{rows}{rows.upper()}"
        scores = ops.einsum(f"a{axes}xy,a{seen}xy->{weights}", ops.multiply(q, self._scale), k)
        if visible is not None:
            steps = 2 * len(rows)
            missing = (1,) * (len(scores.shape) - len(visible.shape))
            cut = len(visible.shape) - steps
            visible = ops.reshape(visible, (*visible.shape[:cut], *missing, *visible.shape[cut:]))
        scores = self._softmax(scores, mask=visible)
        dropped = self._dropout_layer(scores, training=training) if self.dropout > 0 else scores
        return ops.einsum(f"{weights},a{seen}xy->a{axes}xy", dropped, v), scores

    def _softmax_axes(self, rank: int) -> tuple[int, ...]:
        return tuple(range(-len(self._attention_axes), 0))

    def _visible(
        self,
        query: Array,
        value: Array,
        query_mask: Any,
        value_mask: Any,
        key_mask: Any,
        attention_mask: Any,
        causal: bool,
    ) -> Any:
        """Which steps each query sees, booleans `(batch, queries, keys)` or with axes of size 1; None for all."""
        parts = []
        if query_mask is not None:
            parts.append(ops.expand_dims(ops.cast(query_mask, "bool"), -1))
        parts += [ops.expand_dims(ops.cast(m, "bool"), -2) for m in (value_mask, key_mask) if m is not None]
        queries, keys = query.shape[1], value.shape[1]
        distance = ops.subtract(
            ops.reshape(ops.arange(queries), (1, queries, 1)), ops.reshape(ops.arange(keys), (1, 1, keys))
        )
        if causal:
            parts.append(ops.greater_equal(distance, 0))
        if self.sliding_window is not None:
            parts.append(ops.less(ops.absolute(distance), self.sliding_window))
        if attention_mask is not None:
            parts.append(ops.cast(attention_mask, "bool"))
        visible = None
        for part in parts:
            if visible is not None and len(part.shape) > len(visible.shape):
                visible = ops.expand_dims(visible, 1)  # an attention mask with an axis of heads
            visible = part if visible is None else ops.logical_and(visible, part)
        return visible

    # ---- facts -----------------------------------------------------------------------------------

    @property
    def query_dense(self) -> EinsumDense:
        """The projection of the query."""
        return self._query_dense

    @property
    def key_dense(self) -> EinsumDense:
        """The projection of the key."""
        return self._key_dense

    @property
    def value_dense(self) -> EinsumDense:
        """The projection of the value."""
        return self._value_dense

    @property
    def output_dense(self) -> EinsumDense:
        """The projection of the result."""
        return self._output_dense


class MultiHeadAttention(_HeadedAttention):
    """Attention in several heads: `softmax(q @ k.T / sqrt(key_dim)) @ v` in each, then a projection of them all.

    Vaswani and others (2017), arXiv:1706.03762, section 3.2.2. With `use_gate`, the heads are multiplied by
    the sigmoid of another projection of the query: Qiu and others (2025), arXiv:2505.06708.

    Args:
        num_heads: how many.
        key_dim: the size of each head of query and key.
        value_dim: the size of each head of the value; defaults to `key_dim`.
        dropout: the rate of dropout on the weights while training, in [0, 1).
        use_bias: whether the projections have biases.
        output_shape: the features of the result, a number or a shape; defaults to those of the query.
        attention_axes: the axes of steps that are attended over; defaults to all of them.
        sliding_window: a query sees steps nearer than this many; None for all.
        flash_attention: whether to demand, or refuse, a fused kernel; None decides by the device.
        kernel_initializer, bias_initializer: how the weights start.
        kernel_regularizer, bias_regularizer: penalties on the weights.
        activity_regularizer: a penalty on the outputs of each projection.
        kernel_constraint, bias_constraint: projections of the weights after each update.
        use_gate: whether to gate the heads.
        seed: an integer, for the same dropout in every run.

    Call arguments:
        query: `(batch, queries, features)`, or with more axes of steps.
        value: `(batch, keys, features)`.
        key: like the value, which it defaults to.
        query_mask, value_mask, key_mask: booleans `(batch, steps)`; taken from the masks of the arrays.
        attention_mask: booleans `(batch, queries, keys)`, or with an axis of heads behind the batch.
        return_attention_scores: whether to return the weights too, `(batch, heads, queries, keys)`.
        training: whether to drop.
        use_causal_mask: whether a query sees no step after its own.

    Weights: those of `query`, `key`, (`gate`,) `value` and `attention_output`: a kernel and a bias each.

    Example:
        >>> from lamella import layers, ops
        >>> layers.MultiHeadAttention(num_heads=2, key_dim=3)(ops.ones((4, 5, 6)), ops.ones((4, 7, 6))).shape
        (4, 5, 6)
    """

    num_heads, key_dim, value_dim = declared(), declared(), declared()
    dropout, use_bias = declared(), declared()

    def __init__(
        self,
        num_heads: int,
        key_dim: int,
        value_dim: int | None = None,
        dropout: float = 0.0,
        use_bias: bool = True,
        output_shape: Any = None,
        attention_axes: Any = None,
        sliding_window: int | None = None,
        flash_attention: bool | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        use_gate: bool = False,
        seed: Any = None,
        **kwargs: Any,
    ):
        self.num_heads = positive_integer(self, "num_heads", num_heads)
        self.key_dim = positive_integer(self, "key_dim", key_dim)
        self.value_dim = positive_integer(self, "value_dim", key_dim if value_dim is None else value_dim)
        super().__init__(
            query_heads=num_heads,
            key_heads=num_heads,
            key_size=key_dim,
            value_size=self.value_dim,
            output_shape=output_shape,
            attention_axes=attention_axes,
            dropout=dropout,
            use_bias=use_bias,
            sliding_window=sliding_window,
            flash_attention=flash_attention,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            activity_regularizer=activity_regularizer,
            kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint,
            use_gate=use_gate,
            seed=seed,
            **kwargs,
        )

    @property
    def attention_axes(self) -> Any:
        """The axes of steps that are attended over, as given; all of them once built."""
        return getattr(self, "_attention_axes", self._axes)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            **options_of(self, MultiHeadAttention, skip=("output_shape", "activity_regularizer")),
            "output_shape": self._features_out,
            "activity_regularizer": regularizers.serialize(self._activity_regularizer),
        }


class GroupedQueryAttention(_HeadedAttention):
    """`MultiHeadAttention` whose keys and values have fewer heads than its queries.

    Ainslie and others (2023), arXiv:2305.13245: with as many heads for both it is multi-head attention, with one for
    the keys it is multi-query attention.

    Args:
        head_dim: the size of each head.
        num_query_heads: how many heads the query has.
        num_key_value_heads: how many heads key and value have: a divisor of `num_query_heads`.
        dropout: the rate of dropout on the weights while training, in [0, 1).
        use_bias: whether the projections have biases.
        sliding_window: a query sees steps nearer than this many; None for all.
        flash_attention: whether to demand, or refuse, a fused kernel; None decides by the device.
        kernel_initializer, bias_initializer: how the weights start.
        kernel_regularizer, bias_regularizer: penalties on the weights.
        activity_regularizer: a penalty on the outputs.
        kernel_constraint, bias_constraint: projections of the weights after each update.
        use_gate: whether to multiply the heads by the sigmoid of another projection of the query.
        seed: an integer, for the same dropout in every run.

    The call is that of `MultiHeadAttention`.

    Raises:
        ArgumentError: when the heads of the key do not divide those of the query.

    Example:
        >>> from lamella import layers, ops
        >>> layer = layers.GroupQueryAttention(head_dim=3, num_query_heads=4, num_key_value_heads=2)
        >>> layer(ops.ones((4, 5, 6)), ops.ones((4, 7, 6))).shape
        (4, 5, 6)
    """

    # The names by which the files of Keras call the layers inside.
    _saved_as: ClassVar[dict[str, str]] = {
        f"{name}_dense": f"_{name}_dense" for name in ("query", "key", "value", "gate", "output")
    }
    _regularizes_its_output = True

    def __init__(
        self,
        head_dim: int,
        num_query_heads: int,
        num_key_value_heads: int,
        dropout: float = 0.0,
        use_bias: bool = True,
        sliding_window: int | None = None,
        flash_attention: bool | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        use_gate: bool = False,
        seed: Any = None,
        **kwargs: Any,
    ):
        self.head_dim = positive_integer(self, "head_dim", head_dim)
        self.num_query_heads = positive_integer(self, "num_query_heads", num_query_heads)
        self.num_key_value_heads = positive_integer(self, "num_key_value_heads", num_key_value_heads)
        if num_query_heads % num_key_value_heads:
            raise ArgumentError(
                f"`num_query_heads` of {label(self)} must be divisible by `num_key_value_heads`; got "
                f"{num_query_heads} and {num_key_value_heads}."
            )
        super().__init__(
            query_heads=num_query_heads,
            key_heads=num_key_value_heads,
            key_size=head_dim,
            value_size=head_dim,
            output_shape=None,
            attention_axes=None,
            dropout=dropout,
            use_bias=use_bias,
            sliding_window=sliding_window,
            flash_attention=flash_attention,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            activity_regularizer=activity_regularizer,
            kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint,
            use_gate=use_gate,
            seed=seed,
            **kwargs,
        )

    def get_config(self) -> dict:
        return {**super().get_config(), **options_of(self, GroupedQueryAttention)}


GroupQueryAttention = GroupedQueryAttention  # its public name; the other is in configurations
