"""Attention: values averaged with weights that queries and keys decide."""

import math
from typing import Any

import numpy as np

from lamella.backend import _dtypes, _registry
from lamella.core import _config
from lamella.core._arrays import arrays, cast, promote
from lamella.core._operation import op
from lamella.errors import ShapeError
from lamella.ops._activations import softmax
from lamella.typing import Array, ArrayLike

__all__ = ["dot_product_attention"]


@op
def dot_product_attention(
    query: ArrayLike,
    key: ArrayLike,
    value: ArrayLike,
    bias: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    scale: float | None = None,
    is_causal: bool = False,
    flash_attention: bool | None = None,
    attn_logits_soft_cap: float | None = None,
) -> Array:
    """`softmax(scale * query keyᵀ + bias) value`, head by head.

    Vaswani et al. (2017), arXiv:1706.03762, equation 1. Weights are computed in float32 at least. Where there are
    fewer heads of keys than of queries, neighbouring heads of queries share them (Ainslie et al., 2023,
    arXiv:2305.13245).

    Args:
        query: `(batch, targets, heads, size)`.
        key: `(batch, sources, heads of keys, size)`.
        value: `(batch, sources, heads of keys, size)`.
        bias: added to the logits; broadcasts to `(batch, heads, targets, sources)`.
        mask: True where a target may look at a source; broadcasts likewise. A target that may look nowhere gets the
            mean of the values.
        scale: defaults to `1 / sqrt(size)`.
        is_causal: whether target t sees the sources up to t only.
        flash_attention: True for the library's fused kernel, which never holds all weights at once; False for none;
            None to use it where it can be and was not disabled.
        attn_logits_soft_cap: the logits become `cap * tanh(logits / cap)`.

    Returns:
        An array `(batch, targets, heads, size)`.

    Raises:
        ShapeError: for arrays that have not four axes or do not fit.
        BackendError: with `flash_attention=True` where the library or device has no fused kernel for the arguments.

    Example:
        >>> from lamella import ops
        >>> same = ops.ones((1, 3, 2, 4))
        >>> ops.dot_product_attention(same, same, same).shape
        (1, 3, 2, 4)
    """
    xp, query, key, value = promote(query, key, value)
    _check(query, key, value)
    adapter = _registry.active()
    size = query.shape[-1]
    scale = 1.0 / math.sqrt(size) if scale is None else scale
    mask = None if mask is None else _mask(arrays(mask)[1])
    bias = None if bias is None else arrays(bias)[1]
    logits_shape = (query.shape[0], query.shape[2], query.shape[1], key.shape[1])
    for name, given in (("bias", bias), ("mask", mask)):
        if given is not None:
            _check_broadcasts(name, tuple(given.shape), logits_shape)
    if flash_attention is None:
        flash_attention = _config.is_flash_attention_enabled()
    if flash_attention is not False and attn_logits_soft_cap is None:
        fused = adapter.fused_attention(query, key, value, bias, mask, scale, is_causal, required=bool(flash_attention))
        if fused is not None:
            return fused
    batch, targets, heads, _ = query.shape
    sources, groups = key.shape[1], key.shape[2]
    dtype = adapter.dtype(query)
    wide = dtype if dtype == "float64" else "float32"

    narrow = dtype != wide  # there the logits are scaled, which are wide
    # Several heads of queries, h, may share a head of keys, g.
    q = xp.reshape(query if narrow else query * scale, (batch, targets, groups, heads // groups, size))
    logits = cast(adapter.einsum("btghx,bsgx->bghts", q, key, accumulate=wide), wide)
    logits = xp.reshape(logits, (batch, heads, targets, sources))
    if narrow:
        logits = logits * scale
    if attn_logits_soft_cap is not None:
        logits = xp.tanh(logits / attn_logits_soft_cap) * attn_logits_soft_cap
    if bias is not None:
        logits = logits + cast(bias, wide)
    allowed = mask
    if is_causal:
        before = xp.asarray(np.tril(np.ones((targets, sources), bool)))
        allowed = before if allowed is None else xp.logical_and(allowed, before)
    if allowed is not None:
        logits = xp.where(allowed, logits, xp.full_like(logits, -0.7 * _dtypes.finite_range(wide)[1]))
    weights = softmax(logits) if sources != 1 else xp.exp(logits - logits)  # 1, of which `softmax` warns
    weights = xp.reshape(cast(weights, dtype), (batch, groups, heads // groups, targets, sources))
    out = adapter.einsum("bghts,bsgx->btghx", weights, value)
    return cast(xp.reshape(out, (batch, targets, heads, value.shape[-1])), dtype)


def _mask(mask: Array) -> Array:
    return mask if _registry.active().dtype(mask) == "bool" else cast(mask, "bool")


def _check_broadcasts(name: str, shape: tuple[int, ...], logits_shape: tuple[int, ...]) -> None:
    fits = len(shape) <= 4 and all(n in (1, m) for n, m in zip(shape[::-1], logits_shape[::-1]))
    if not fits:
        raise ShapeError(
            f"`dot_product_attention` needs a `{name}` that broadcasts to (batch, heads, targets, sources) = "
            f"{logits_shape}; got {name}.shape={shape}."
        )


def _check(query: Array, key: Array, value: Array) -> None:
    shapes: dict[str, Any] = {name: tuple(x.shape) for name, x in (("query", query), ("key", key), ("value", value))}
    if any(len(shape) != 4 for shape in shapes.values()):
        raise ShapeError(
            "`dot_product_attention` needs arrays with four axes, (batch, length, heads, size); got "
            + ", ".join(f"{name}.shape={shape}" for name, shape in shapes.items())
            + "."
        )
    fits = (
        shapes["key"][:3] == shapes["value"][:3]
        and query.shape[0] == key.shape[0]
        and query.shape[3] == key.shape[3]
        and key.shape[2]
        and query.shape[2] % key.shape[2] == 0
    )
    if not fits:
        raise ShapeError(
            "`dot_product_attention` needs keys and values of the same length and heads, queries and keys of the same "
            "batch and size, and a number of query heads that is a multiple of that of key heads; got "
            + ", ".join(f"{name}.shape={shape}" for name, shape in shapes.items())
            + "."
        )
