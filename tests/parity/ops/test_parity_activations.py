"""Activations: values, dtypes, derivatives at the bends and errors, on every backend and drawn, against Keras."""

import jax
import numpy as np
import pytest
from parity.ops._runner import INF, NAN, Arr, Case, OpParity, Refusal

from lamella import ops
from lamella.errors import ShapeError

X = Arr((2, 3))
WIDE = Arr((13,), values=[-INF, -1e30, -100, -6, -3, -1, 0, 1, 3, 6, 100, 1e30, INF])
DTYPES = ("float16", "bfloat16", "int8", "uint8", "int32", "bool")
PLAIN = (
    "elu",
    "celu",
    "gelu",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_tanh",
    "leaky_relu",
    "log_sigmoid",
    "relu",
    "relu6",
    "selu",
    "sigmoid",
    "silu",
    "soft_shrink",
    "softplus",
    "softsign",
    "sparse_plus",
    "sparse_sigmoid",
    "squareplus",
    "tanh_shrink",
)


# Integers that Keras refuses, or whose arithmetic wraps around in it.
UNASKED = {("hard_tanh", "uint8"), ("log_sigmoid", "uint8"), ("log_sigmoid", "bool"), ("sigmoid", "*"), ("silu", "*")}


class TestElementByElement(OpParity):
    cases = (
        *(Case(name, Arr((2, 3)), grad=True) for name in PLAIN),
        *(Case(name, WIDE) for name in PLAIN),
        *(Case(name, Arr((3,), values=[NAN, 0.0, -0.0])) for name in PLAIN),
        *(
            Case(name, Arr((2, 3), d), oracle=((name, d) not in UNASKED and (name, "*") not in UNASKED) or "float" in d)
            for name in PLAIN
            for d in DTYPES
        ),
        *(Case(name, x) for name in ("relu", "gelu", "hard_tanh") for x in (2, -2.5, Arr((0, 3)), [1, -2])),
        *(Case("sigmoid", x) for x in (-2.5, Arr((0, 3)), [1.0, -2.0])),
        Case("swish", X),
        Case("hard_swish", X),
        Case("elu", X, alpha=0.3, grad=True),
        Case("elu", WIDE, alpha=2.0),
        Case("elu", Arr((3,), "float16"), alpha=2.0),
        Case("celu", X, alpha=2.0, grad=True),
        Case("celu", WIDE, 0.5),
        Case("gelu", X, approximate=False, grad=True),
        Case("gelu", WIDE, approximate=False),
        *(Case("gelu", Arr((3,), d), False) for d in DTYPES),
        Case("leaky_relu", X, negative_slope=0.5, grad=True),
        Case("leaky_relu", Arr((3,), "bfloat16"), negative_slope=0.0),
        Case("hard_shrink", X, threshold=1.0),
        Case("soft_shrink", X, threshold=1.0, grad=True),
        Case("hard_shrink", Arr((3,), values=[0.5, -0.5, 0.51])),
        Case("squareplus", X, b=1, grad=True),
        Case("squareplus", X, b=0.0),
        Case("threshold", X, 0.5, 9.0, grad=True),
        Case("threshold", X, threshold=-1, default_value=2),
        Case("threshold", Arr((3,), values=[0.5, NAN, 1.0]), 0.5, 0.0),
        *(Case("threshold", Arr((4,), d), 1, 2) for d in DTYPES),
    )


class TestAlongAnAxis(OpParity):
    cases = (
        *(Case(op, Arr((2, 3, 4)), axis=a, grad=True) for op in ("softmax", "log_softmax") for a in (-1, 0, 1)),
        *(Case(op, Arr((2, 3, 4)), axis=a) for op in ("softmax", "log_softmax") for a in ((0, 2), (1, 2), None)),
        *(
            Case(op, Arr((2, 3), d), oracle="float" in d and op != "sparsemax")
            for op in ("softmax", "log_softmax", "sparsemax")
            for d in DTYPES
        ),
        *(
            Case(op, Arr((2, 3), values=v))
            for op in ("softmax", "log_softmax")
            for v in ([1e30, -1e30, 0], [-INF, 0, 1], [INF, 0, 1], [NAN, 0, 1], [-INF], [1000.0, 1000.0, 999.0])
        ),
        Case("log_softmax", Arr((1,))),
        Case("softmax", Arr((0, 3))),
        Case("sparsemax", Arr((3, 4)), grad=True),
        Case("sparsemax", Arr((3, 4)), axis=0),
        Case("sparsemax", Arr((2, 3, 4)), axis=1),
        Case("sparsemax", Arr((4,), values=[1.0])),
        Case("sparsemax", Arr((4,), values=[0, 100, 99.5, -100])),
        *(Case("glu", Arr((4, 6)), axis=a, grad=True, unknown=a != 0) for a in (-1, 0, 1)),
        *(Case("glu", Arr((4,), d), oracle="float" in d) for d in DTYPES),
    )
    refusals = (
        Refusal("glu", Arr((2, 3)), error=ShapeError, match="(2, 3)"),
        Refusal("glu", Arr((2, 4)), axis=2, error=ShapeError, match="2"),
        Refusal("softmax", Arr((2, 3)), axis=2, error=ShapeError, match="2"),
        Refusal("log_softmax", Arr((2, 3)), axis=-3, error=ShapeError, match="-3"),
        Refusal("sparsemax", Arr((2, 3)), axis=5, error=ShapeError, match="5"),
    )


def test_a_softmax_of_one_class_is_warned_of():
    with pytest.warns(UserWarning, match=r"\(2, 1\)"):
        assert np.asarray(ops.softmax(np.zeros((2, 1), "float32"))).tolist() == [[1.0], [1.0]]


# Where a function bends, the derivatives agree on every backend: those of Keras.
BENDS = {
    "relu": {0.0: 0.0},
    "relu6": {0.0: 0.0, 6.0: 0.0},
    "leaky_relu": {0.0: 1.0},
    "elu": {0.0: 1.0},
    "celu": {0.0: 1.0},
    "hard_sigmoid": {-3.0: 0.0, 3.0: 0.0},
    "softsign": {0.0: 1.0},
}


@pytest.mark.parametrize("name", BENDS)
def test_derivatives_at_the_bends(name):
    for at, slope in BENDS[name].items():
        assert float(jax.grad(getattr(ops, name))(np.float32(at))) == pytest.approx(slope), at


@pytest.mark.parametrize("name", [*PLAIN, "softmax", "log_softmax"])
def test_derivatives_are_finite_far_out(name):
    slopes = jax.grad(lambda x: ops.sum(getattr(ops, name)(x)))(np.float32([-1e4, -100, 100, 1e4]))
    assert np.isfinite(slopes).all()
