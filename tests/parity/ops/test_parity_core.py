"""Conversions, views and control flow: values, dtypes and errors, on every backend and drawn, against Keras."""

import numpy as np
from parity.ops._runner import INF, INTS, NAN, REALS, Arr, Case, OpParity, Refusal

from lamella import ops
from lamella.errors import ArgumentError, DTypeError, ShapeError

X = Arr((2, 3, 4))
V = Arr((5,))
HUGE = Arr((7,), values=[1e10, -1e10, 2.7, -2.7, INF, -INF, NAN])
BIG = Arr((4,), "int32", values=[300, -300, 5, -5])


class TestConversions(OpParity):
    cases = (
        # What a negative float becomes as an unsigned integer is the processor's choice.
        *(Case("cast", Arr((2, 3), a, low=0 if b == "uint8" else -3), b) for a in REALS for b in REALS),
        *(Case("cast", Arr((2,), "float32"), d) for d in ("complex64", bool, int, np.float16)),
        Case("cast", Arr((2,)), "float64", oracle=False, numpy=False),
        *(Case("saturate_cast", HUGE, d) for d in (*INTS, "int16", "uint32", "float16", "bfloat16", "float32")),
        *(Case("saturate_cast", BIG, d) for d in ("int8", "uint8", "uint32", "bool")),
        *(
            Case("saturate_cast", Arr((4,), "float16", values=[INF, -INF, 1.0, NAN]), d, oracle=d != "int32")
            for d in ("float32", "int32")
        ),
        *(Case("saturate_cast", Arr((5,), values=[INF, 1.0, 0.0, -1.0, 0.5]), d) for d in ("bool", "complex64")),
        Case("saturate_cast", BIG, "float32", oracle=False),
        *(Case("saturate_cast", Arr((3,), d), "int8") for d in REALS),
        *(Case("convert_to_tensor", Arr((2, 3), d), draw=False) for d in REALS),
        *(Case("convert_to_tensor", Arr((2, 3)), dtype=d) for d in ("int32", "float16")),
        Case("convert_to_tensor", [[1, 2], [3, 4]]),
        Case("convert_to_tensor", [[1.5, 2], [3, 4]]),
        Case("convert_to_tensor", np.arange(3.0), numpy=False),
        Case("convert_to_tensor", np.arange(3), numpy=False),
        Case("convert_to_tensor", True),
        Case("stop_gradient", X),
        *(
            Case("view", Arr((2, 4), a), b)
            for a in ("float32", "int8", "float16", "bfloat16")
            for b in ("int8", "uint16")
        ),
        Case("view", Arr((2, 8), "uint8"), "float32"),
        Case("view", X, "int32"),
        Case("view", X),
        Case("view", Arr((2, 2), "bool"), "uint8"),
        Case("view", Arr(()), "int32"),
        *(Case("view_as_complex", Arr((3, 2), d), grad=d == "float32") for d in ("float32", "float16", "int32")),
        *(
            Case("view_as_real", Arr((3, 2), d), grad=d == "float32")
            for d in ("complex64", "float32", "int32", "float16")
        ),
        Case("rearrange", X, "a b c -> c a b", unknown=False),
        Case("rearrange", X, "a b c -> a (b c)", unknown=False, grad=True),
        Case("rearrange", X, "a b (c d) -> (a c) b d", c=2, unknown=False),
        Case("rearrange", X, "a ... -> ... a", oracle=False),
        Case("rearrange", X, "... c -> (... c)", oracle=False),
        Case("rearrange", X, "a b c -> (b a) 1 c", oracle=False),
    )
    refusals = (
        Refusal("view", Arr((2, 3), "uint8"), "float32", error=ShapeError, match="(2, 3)"),
        Refusal("view", Arr(()), "int16", error=ShapeError),
        Refusal("view", X, "complex64", error=DTypeError),
        Refusal("view_as_complex", X, error=ShapeError, match="(2, 3, 4)"),
        *(
            Refusal("rearrange", X, p, error=e, **k)
            for p, e, k in (
                ("a b c", ArgumentError, {}),
                ("a b c -> a b", ArgumentError, {}),
                ("a b c -> a b b", ArgumentError, {}),
                ("a b (c -> a b c", ArgumentError, {}),
                ("a b ? -> a b", ArgumentError, {}),
                ("a b c -> c b a", ArgumentError, {"d": 2}),
                ("a b -> b a", ShapeError, {}),
                ("a b c d ... -> a b c d ...", ShapeError, {}),
                ("a b (c d) -> a b c d", ShapeError, {}),
                ("a b (c d) -> a b c d", ShapeError, {"c": 3}),
                ("a b c -> c b a", ShapeError, {"c": 3}),
            )
        ),
    )


def double(x):
    return x * 2


def add_up(total, x):
    return total + x, total * x


class TestControlFlow(OpParity):
    cases = (
        *(Case("cond", p, lambda: np.ones(2, "float32"), lambda: np.zeros(2, "float32")) for p in (True, False)),
        Case("cond", Arr((), "bool"), lambda: (1, 2.5), lambda: (3, 4.5)),
        Case("cond", Arr((), "int32", values=[2]), lambda: 1, lambda: 2),
        Case("cond", True, lambda: None, lambda: None),
        *(Case("switch", i, [double, lambda x: x + 1], V) for i in (0, 1, -3, 9)),
        Case("switch", Arr((), "int32", values=[1]), [double, lambda x: x + 1], V, grad=True),
        Case("while_loop", lambda i: i < 10, lambda i: i + 3, 0),
        Case("while_loop", lambda i, x: i < 3, lambda i, x: (i + 1, x * 2), (0, V), id="while_loop-pair", draw=False),
        Case("while_loop", lambda x: ops.sum(x) < 50, lambda x: x * x + 1, V, id="while_loop-array", oracle=False),
        *(Case("while_loop", lambda x: x < 50, lambda x: x + 1, 0, maximum_iterations=n) for n in (0, 3, 99)),
        Case("fori_loop", 0, 5, lambda i, v: v + i, V),
        Case("fori_loop", 3, 3, lambda i, v: v + i, V, grad=True),
        Case("fori_loop", 0, 4, lambda i, v: (v[0] + i, v[1] * 2.0), (0, 1.0)),
        *(Case("scan", add_up, 0.0, V, reverse=r, unroll=u, grad=True) for r in (False, True) for u in (1, 2, True)),
        Case("scan", add_up, Arr((3,)), Arr((4, 3)), grad=True),
        Case("scan", lambda c, _: (c + 1, c), 0, length=3),
        Case("scan", lambda c, _: (c + 1, None), 0, length=3),
        Case("scan", lambda c, x: (c + x["a"], x["b"]), 0.0, {"a": V, "b": V}),
        *(Case("map", double, a, grad=True) for a in (V, X)),
        Case("map", lambda p: (p[0] + p[1], p[0]), (V, Arr((5,), seed=1)), id="map-pair"),
        *(Case("vectorized_map", double, a, grad=True) for a in (V, X)),
        Case("vectorized_map", lambda p: p["a"] * p["b"], {"a": V, "b": Arr((5, 2))}, unknown=False, oracle=False),
        Case("vectorized_map", lambda p: (p[0] + p[1], p[0]), (V, Arr((5,), seed=1)), id="vectorized_map-pair"),
        *(
            Case("associative_scan", lambda a, b: a + b, Arr((n,)), grad=True, unknown=n < 8)
            for n in (1, 2, 3, 6, 7, 8)
        ),
        Case("associative_scan", lambda a, b: a + b, X, reverse=True, axis=1),
        Case("associative_scan", lambda a, b: a * b, X, axis=-1, oracle=False),
        Case("associative_scan", lambda a, b: (a[0] * b[0], b[0] * a[1] + b[1]), (V, Arr((5,), seed=1)), id="linear"),
    )
    refusals = (
        Refusal("cond", V, lambda: 1, lambda: 2, error=ShapeError, match="(5,)"),
        Refusal("switch", Arr(()), [double], V, error=DTypeError, drawn=False),
        Refusal("switch", 0, [], V, error=ArgumentError),
        Refusal("scan", add_up, 0.0, error=ArgumentError),
        Refusal("scan", add_up, 0.0, V, unroll=0, error=ArgumentError),
        Refusal("scan", add_up, 0.0, V, length=4, error=ShapeError),
        Refusal("scan", add_up, 0.0, {"a": V, "b": X}, error=ShapeError),
        Refusal("map", double, [V, X], error=ShapeError),
        Refusal("map", double, [], error=ArgumentError),
        Refusal("vectorized_map", double, [V, X], error=ShapeError),
        Refusal("associative_scan", add_up, [V, X], error=ShapeError),
        Refusal("associative_scan", add_up, V, axis=1, error=ShapeError),
    )
