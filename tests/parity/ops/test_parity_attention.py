"""Attention: values, dtypes and errors, on every backend and drawn, against Keras."""

import numpy as np
import pytest
from parity.ops._runner import Arr, Case, OpParity, Refusal

from lamella import ops
from lamella.errors import BackendError, ShapeError

Q, K, V = Arr((2, 3, 4, 5)), Arr((2, 6, 4, 5), seed=1), Arr((2, 6, 4, 5), seed=2)
CAUSAL = Arr((2, 3, 4, 5)), Arr((2, 3, 4, 5), seed=1), Arr((2, 3, 4, 5), seed=2)


def attention(*args, **kwargs):
    return Case("dot_product_attention", *args, **kwargs)


class TestAttention(OpParity):
    cases = (
        attention(Q, K, V, grad=True),
        attention(Q, K, V, scale=0.3, grad=True),
        attention(Q, K, V, scale=0.0),
        attention(*CAUSAL, is_causal=True, grad=True),
        attention(Q, K, V, is_causal=True),
        attention(Q, K, V, bias=Arr((2, 4, 3, 6), seed=3), grad=True),
        attention(Q, K, V, bias=Arr((1, 1, 3, 6), seed=3)),
        attention(Q, K, V, bias=Arr((3, 6), seed=3), oracle=False),
        attention(Q, K, V, mask=Arr((2, 4, 3, 6), "bool"), grad=True),
        attention(Q, K, V, mask=Arr((2, 1, 1, 6), "bool", [True] * 3 + [False] * 9)),
        attention(Q, K, V, mask=Arr((2, 1, 3, 6), "bool", [False] * 6 + [True, False])),
        attention(*CAUSAL, mask=Arr((1, 1, 3, 3), "bool"), bias=Arr((1, 4, 3, 3)), is_causal=True),
        attention(Q, K, V, mask=Arr((2, 1, 3, 6), "int32", [0, 1, 1])),
        attention(Q, Arr((2, 6, 2, 5)), Arr((2, 6, 2, 5), seed=2), grad=True),
        attention(Q, Arr((2, 6, 1, 5)), Arr((2, 6, 1, 5), seed=2), mask=Arr((2, 1, 3, 6), "bool", [True, True, False])),
        attention(Q, Arr((2, 6, 2, 5)), Arr((2, 6, 2, 5), seed=2), bias=Arr((2, 4, 3, 6))),
        attention(Q, K, V, flash_attention=False),
        attention(Q, K, V, attn_logits_soft_cap=2.0, oracle=False, grad=True),
        attention(Arr((2, 3, 4, 5), low=-300, high=300), Arr((2, 6, 4, 5), low=-300, high=300), V),
        *(
            attention(Arr((2, 3, 2, 8), d), Arr((2, 3, 2, 8), d, seed=1), Arr((2, 3, 2, 8), d, seed=2), is_causal=c)
            for d in ("float16", "bfloat16")
            for c in (False, True)
        ),
        attention(Arr((2, 3, 2, 8), "float16"), Arr((2, 3, 2, 8)), Arr((2, 3, 2, 8), "bfloat16"), oracle=False),
    )
    refusals = (
        Refusal("dot_product_attention", Arr((3, 4, 5)), K, V, error=ShapeError, match="query.shape=(3, 4, 5)"),
        Refusal("dot_product_attention", Q, Arr((2, 6, 3, 5)), Arr((2, 6, 3, 5)), error=ShapeError, match="multiple"),
        Refusal("dot_product_attention", Q, K, Arr((2, 5, 4, 5)), error=ShapeError, match="(2, 5, 4, 5)"),
        Refusal("dot_product_attention", Q, K, V, bias=Arr((2, 3, 3, 6)), error=ShapeError, match="(2, 3, 3, 6)"),
        Refusal("dot_product_attention", Q, K, V, mask=Arr((5, 1), "bool"), error=ShapeError, match="(5, 1)"),
    )


def test_a_fused_kernel_that_is_not_there_is_said_so():
    x = np.ones((1, 2, 1, 4), "float32")
    with pytest.raises(BackendError, match="fused attention"):
        ops.dot_product_attention(x, x, x, flash_attention=True)


def test_a_soft_cap_is_a_tanh_of_the_logits():
    rng = np.random.default_rng(0)
    q, k, v = (rng.normal(size=(1, 2, 1, 3)).astype("float32") for _ in range(3))
    logits = 1.5 * np.tanh(q[0, :, 0] @ k[0, :, 0].T / np.sqrt(3) / 1.5)
    weights = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    out = ops.dot_product_attention(q, k, v, attn_logits_soft_cap=1.5)
    np.testing.assert_allclose(np.asarray(out)[0, :, 0], weights @ v[0, :, 0], rtol=1e-5)
