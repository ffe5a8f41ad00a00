"""Attention on JAX on a CPU, as a primitive with a gradient of its own that machine code of ours computes.

Its tangent is a primitive that is linear in the tangents of query, key and value, and whose transpose is the gradient;
so derivatives exist in both directions and of every order, those that nothing of ours computes being the composition's.
"""

import functools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.interpreters import ad

from lamella.backend import _jax_native, _native_attention
from lamella.backend._jax_products import einsum
from lamella.backend._native_attention import HIDDEN, Sizes


def attention(query: Any, key: Any, value: Any, mask: Any, scale: float, causal: bool) -> Any:
    """`softmax(scale * query keyᵀ) value` of arrays (batch, positions, heads, size); the mask broadcasts, or is None."""
    if mask is None:
        mask = _jax_native.no_mask()
    else:
        mask = mask.reshape((1,) * (4 - mask.ndim) + mask.shape)
        mask = jnp.broadcast_to(mask, (*mask.shape[:-1], key.shape[1]))
    return attention_p.bind(query, key, value, mask, scale=float(scale), causal=bool(causal))[0]


def _composed(query: Any, key: Any, value: Any, mask: Any, scale: float, causal: bool) -> tuple:
    batch, targets, heads, size = query.shape
    sources, groups = key.shape[1], key.shape[2]
    q = query.reshape(batch, targets, groups, heads // groups, size) * scale
    logits = einsum("btghx,bsgx->bghts", q, key)
    shown = jnp.tril(jnp.ones((targets, sources), bool)) if causal else None
    if mask.ndim == 4:
        mask = jnp.broadcast_to(mask, (mask.shape[0], heads, *mask.shape[2:]))
        mask = mask.reshape(mask.shape[0], groups, heads // groups, *mask.shape[2:])
        shown = mask if shown is None else mask & shown
    logits = logits if shown is None else jnp.where(shown, logits, HIDDEN)
    largest = jax.lax.stop_gradient(logits.max(-1, keepdims=True))
    weights = jnp.exp(logits - largest)
    share = 1 / weights.sum(-1, keepdims=True)
    result = einsum("bghts,bsgx->btghx", weights * share, value)
    statistics = (x.reshape(batch, heads, targets) for x in (largest, share))
    return result.reshape(batch, targets, heads, value.shape[-1]), *statistics


def _tangent(*operands: Any, **how: Any) -> tuple:
    """(query, key, value, mask, and the results of attention, and the tangents of the first three)."""
    function = functools.partial(_composed, mask=operands[3], **how)
    return (jax.jvp(lambda q, k, v: function(q, k, v)[0], operands[:3], operands[7:])[1],)


def _gradient(*operands: Any, **how: Any) -> tuple:
    """(query, key, value, mask, and the results of attention, and the upstream gradient)."""
    function = functools.partial(_composed, mask=operands[3], **how)
    return jax.vjp(lambda q, k, v: function(q, k, v)[0], *operands[:3])[1](operands[7])


def _described(*operands: Any, scale: float, causal: bool, backward: bool) -> list[int] | None:
    query, key, value, mask = (x.shape for x in operands[:4])
    if 0 in (*query, *key, *value):
        return None
    distances = [0, 0, 0]
    if len(mask) == 4:
        behind = [mask[1] * mask[2] * mask[3], mask[2] * mask[3], mask[3]]
        distances = [step if size > 1 else 0 for size, step in zip(mask, behind)]
    sizes = Sizes(query[0], query[1], key[1], query[2], key[2], query[3], value[3], causal, len(mask) == 4, *distances)
    return _native_attention.described(sizes, scale, backward)


_made = functools.partial(_jax_native.primitive, kernels=_native_attention.Attention)
attention_p = _made("attention", _composed, described=functools.partial(_described, backward=False))
gradient_p = _made("attention_gradient", _gradient, described=functools.partial(_described, backward=True))
tangent_p = _made("attention_tangent", _tangent, described=lambda *operands, **how: None)


def _differentiated(primals: Sequence, tangents: Sequence, **how: Any) -> tuple:
    found = attention_p.bind(*primals, **how)
    directions = [ad.instantiate_zeros(tangent) for tangent in tangents[:3]]
    tangent = tangent_p.bind(*primals, *found, *directions, **how)[0]
    return found, [tangent, *(ad.Zero(jax.typeof(x).to_tangent_aval()) for x in found[1:])]


def _transposed(upstream: Sequence, *operands: Any, **how: Any) -> list:
    (cotangent,) = upstream
    return [None] * 7 + list(gradient_p.bind(*operands[:7], ad.instantiate_zeros(cotangent), **how))


ad.primitive_jvps[attention_p] = _differentiated
ad.primitive_transposes[tangent_p] = _transposed
