"""Ops that make arrays: shapes, dtypes and values, on every backend and drawn, against Keras and NumPy."""

import numpy as np
from parity.ops._runner import REALS, Arr, Case, OpParity, Refusal

from lamella.errors import ArgumentError, DTypeError, ShapeError

DTYPES = (None, "float16", "bfloat16", "int8", "uint8", "bool", "complex64")


class TestConstants(OpParity):
    cases = (
        *(Case(n, (2, 3), dtype=d, reference=False) for n in ("zeros", "ones") for d in DTYPES),
        *(Case(n, s) for n in ("zeros", "ones") for s in (3, (), (0, 2), [2, 1], np.int64(2))),
        *(Case("full", (2, 3), v, dtype=d) for v in (2, 1.5, True) for d in (None, "int32", "bfloat16", "bool")),
        Case("full", (2, 3), Arr((3,)), reference=False, unknown=False),
        Case("full", (), 3, reference=False),
        *(Case(n, Arr((2, 3), d)) for n in ("zeros_like", "ones_like") for d in (*REALS, "complex64")),
        *(Case(n, Arr((2, 3)), dtype="int8") for n in ("zeros_like", "ones_like")),
        *(Case(n, v) for n in ("zeros_like", "ones_like") for v in (2.0, 3, True)),
        *(Case("full_like", Arr((2, 3), d), v) for d in ("float32", "bfloat16", "int8", "bool") for v in (1, 2.5)),
        Case("full_like", Arr((2, 3)), Arr((3,), "int32")),
        Case("full_like", Arr((2, 3)), 7.5, dtype="int32"),
        *(Case("array", v) for v in (3, 2.5, True, [1, 2], [[1.0], [2]], [True, 2], 1j)),
        *(Case("array", Arr((2, 3), d)) for d in (*REALS, "complex64")),
        *(Case("array", [1, 2], dtype=d, reference=False) for d in DTYPES),
        Case("array", np.asarray([1.5, 2.5]), numpy=False),
        Case("array", np.asarray([1, 2]), numpy=False),
        *(Case("copy", Arr((2, 3), d)) for d in REALS),
        Case("copy", [1.5, 2.0]),
        Case("copy", Arr((2, 3)), grad=True),
    )
    refusals = (
        *(Refusal(n, (2, -1), error=ShapeError, match="(2, -1)") for n in ("zeros", "ones", "empty")),
        *(Refusal(n, "ab", error=ShapeError, match="ab") for n in ("zeros", "ones", "empty")),
        Refusal("full", (2, 3), Arr((2,)), error=ShapeError, match="(2, 3), (2,)"),
        Refusal("full_like", Arr((2, 3)), Arr((2,)), error=ShapeError, match="(2, 3), (2,)"),
    )


class TestMatrices(OpParity):
    cases = (
        *(Case("eye", 3, dtype=d, reference=False) for d in DTYPES),
        *(Case("eye", 3, m, k) for m in (None, 2, 5) for k in (0, 1, -1, 7)),
        Case("eye", 0),
        Case("identity", 3),
        Case("identity", 2, dtype="int32"),
        *(Case("tri", 3, m, k) for m in (None, 2, 5) for k in (0, 1, -1, 7)),
        *(Case("tri", 3, dtype=d, reference=False) for d in DTYPES),
        *(Case("diag", Arr((3,), d)) for d in REALS),
        *(Case("diag", Arr((3,)), k) for k in (1, -1, 4)),
        *(Case("diag", Arr((3, 4)), k, unknown=False) for k in (0, 1, -1, 3, -2, 9, -9)),
        Case("diag", Arr((4, 2), "int8"), k=-1, unknown=False),
        Case("diag", [1, 2]),
        Case("diag", Arr((0,))),
        Case("diag", Arr((3,)), 1, grad=True),
        Case("diag", Arr((3, 4)), -1, grad=True, unknown=False),
        *(Case("diagflat", Arr((2, 3), d), k) for d in ("float32", "bool") for k in (0, 2, -1)),
        Case("diagflat", 3),
        *(Case("vander", Arr((3,), d, low=1)) for d in REALS[:-1]),
        *(Case("vander", Arr((3,)), n, inc) for n in (0, 1, 2, 5) for inc in (False, True)),
        Case("vander", Arr((3,), values=[0, 1, 2]), increasing=True),
        Case("vander", Arr((3,), low=1), 4, grad=True),
    )
    refusals = (
        *(Refusal(n, 2.5, error=DTypeError, match="2.5") for n in ("eye", "identity", "tri")),
        Refusal("diag", Arr((2, 2, 2)), error=ShapeError, match="(2, 2, 2)"),
        Refusal("diag", Arr(()), error=ShapeError, match="()"),
        Refusal("vander", Arr((2, 2)), error=ShapeError, match="(2, 2)"),
        Refusal("vander", Arr((2,), "bool"), error=DTypeError, match="bool"),
        Refusal("vander", Arr((2,)), -1, error=ArgumentError, match="-1"),
    )


class TestRanges(OpParity):
    cases = (
        *(
            Case("arange", *a)
            for a in ((5,), (5.0,), (0,), (2, 7), (1, 7, 2), (5, 0, -2), (0, 1, 0.25), (3, 3), (2.5,))
        ),
        *(Case("arange", 4, dtype=d, reference=False) for d in DTYPES if d != "bool"),
        Case("arange", 1.5, dtype="int32", reference=False),
        Case("arange", np.int64(4), numpy=False),
        Case("arange", np.float64(4), numpy=False),
        Case("arange", 0, 3, np.float16(1)),
        *(Case("linspace", 0, 10, n, e) for n in (0, 1, 2, 5) for e in (True, False)),
        *(Case("linspace", 0, 10, 4, dtype=d, reference=False) for d in DTYPES),
        *(Case("linspace", Arr((), d, values=1), 4, 5, reference=False) for d in REALS),
        *(Case("linspace", Arr((2, 3)), Arr((3,), seed=1), 4, axis=a, unknown=False) for a in (0, 1, 2, -1)),
        Case("linspace", 0, 1, 5, retstep=True),
        Case("linspace", 0, 1, 1, retstep=True),
        Case("linspace", Arr((2,)), Arr((2,), seed=1), 3, retstep=True),
        Case("linspace", -3, 3, 7, dtype="int32"),
        Case("linspace", 0, 1 + 1j, 3),
        Case("linspace", 0, 1),
        Case("linspace", Arr((2,)), Arr((2,), seed=1), 3, grad=True),
        *(Case("logspace", 0, 3, n, e) for n in (0, 1, 4) for e in (True, False)),
        Case("logspace", 0, 3, 4, base=2),
        Case("logspace", 0, 3, 4, base=2, dtype="int32"),
        Case("logspace", Arr((2,)), Arr((2,), seed=1), 3, axis=-1, unknown=False),
        Case("logspace", Arr((), "float16", values=0), 1, 5),
        Case("logspace", Arr((2,)), Arr((2,), seed=1), 3, base=2.5, grad=True),
        *(Case("geomspace", 1, 1000, n, e) for n in (0, 1, 4) for e in (True, False)),
        Case("geomspace", -1, -1000, 4),
        Case("geomspace", 0, 1000, 4, reference=False),
        Case("geomspace", -1, 1, 4, reference=False),
        Case("geomspace", 1, 256, 9, dtype="int32", reference=False),
        Case("geomspace", Arr((2,), low=1), Arr((2,), low=4, high=9), 3, axis=-1, unknown=False),
        Case("geomspace", Arr((), "float16", values=1), 2, 5),
        Case("geomspace", Arr((2,), low=1), Arr((2,), low=4, high=9), 4, grad=True),
        Case("meshgrid", Arr((3,)), Arr((2,), "int32"), unknown=False),
        Case("meshgrid", Arr((3,)), Arr((2,), "int32"), indexing="ij", unknown=False),
        Case("meshgrid", Arr((3,)), Arr((2,)), Arr((4,), "bool"), unknown=False),
        Case("meshgrid", Arr((3,)), Arr((2,)), Arr((4,)), Arr((1,)), indexing="ij", unknown=False),
        Case("meshgrid", Arr((3,))),
        Case("meshgrid", 3, Arr((2,)), oracle=False),
        Case("meshgrid", Arr((3,)), Arr((0,))),
    )
    refusals = (
        Refusal("arange", True, error=DTypeError, match="bool"),
        *(Refusal(n, 1, 2, -1, error=ArgumentError, match="-1") for n in ("linspace", "logspace", "geomspace")),
        *(Refusal(n, 1, 2, 2.5, error=DTypeError, match="2.5") for n in ("linspace", "logspace", "geomspace")),
        *(
            Refusal(n, Arr((2,)), Arr((3,)), error=ShapeError, match="(2,), (3,)")
            for n in ("linspace", "logspace", "geomspace")
        ),
        Refusal("meshgrid", Arr((2,)), Arr((2,)), indexing="xx", error=ArgumentError, match="xx"),
    )


class TestWindows(OpParity):
    cases = (
        *(
            Case(n, m)
            for n in ("bartlett", "blackman", "hamming", "hanning")
            for m in (0, 1, 2, 5, 8, 5.0, np.int64(4))
        ),
        *(Case("kaiser", m, b) for m in (0, 1, 2, 5, 8) for b in (0.0, 5, 14.0)),
    )
    refusals = tuple(
        Refusal(n, -1, error=ArgumentError, match="-1") for n in ("bartlett", "blackman", "hamming", "hanning")
    )
