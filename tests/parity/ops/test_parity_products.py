"""Products: values, dtypes and errors, on every backend and drawn, against Keras and NumPy."""

import numpy as np
from parity.ops._runner import REALS, Arr, Case, OpParity, Refusal

from lamella.errors import ArgumentError, DTypeError, ShapeError

M = Arr((3, 4))
N = Arr((4, 2), seed=1)
V = Arr((4,), seed=2)
X = Arr((2, 3, 4))
PAIRS = [(a, b) for a in REALS for b in ("int8", "bfloat16", "float32")] + [("uint8", "uint8"), ("bool", "bool")]


class TestMatrices(OpParity):
    cases = (
        *(
            Case("matmul", Arr(a), Arr(b, seed=1), grad=True, unknown=len(a) != len(b))
            for a, b in (
                ((3, 4), (4, 2)),
                ((4,), (4, 2)),
                ((3, 4), (4,)),
                ((4,), (4,)),
                ((2, 3, 4), (4, 2)),
                ((2, 3, 4), (2, 4, 2)),
                ((5, 1, 3, 4), (2, 4, 2)),
                ((3, 0), (0, 2)),
            )
        ),
        Case("matmul", Arr((2, 3, 4)), Arr((2, 4, 5))),
        *(Case("matmul", Arr((2, 3), a), Arr((3, 2), b), unknown=False, reference=False) for a, b in PAIRS),
        Case("matmul", Arr((2, 2), "complex64"), Arr((2, 2)), unknown=False),
        *(
            Case("dot", a, b, grad=True, unknown=False)
            for a, b in ((M, N), (V, V), (M, V), (Arr((2, 3, 4)), Arr((5, 4, 2))))
        ),
        Case("dot", Arr((2, 3, 4)), N),
        Case("dot", 2, M),
        Case("dot", Arr(()), Arr(())),
        *(Case("dot", Arr((2, 3), a), Arr((3, 2), b), unknown=False, reference=False) for a, b in PAIRS[:9]),
        *(Case("inner", a, b, grad=True, unknown=False) for a, b in ((M, Arr((2, 4))), (V, V), (M, V))),
        Case("inner", 2, M),
        Case("inner", Arr((2,), "int8"), Arr((2,), "int8")),
        *(Case("vdot", a, b, grad=True, unknown=False) for a, b in ((M, Arr((2, 6))), (V, V))),
        Case("vdot", Arr((3,), "complex64"), Arr((3,), "complex64", seed=1)),
        Case("vdot", 2, 3),
        Case("vdot", Arr((2,), "int8"), Arr((2,), "int8")),
        *(Case("outer", a, b, grad=True) for a, b in ((M, V), (V, V))),
        Case("outer", 2, 3),
        Case("outer", Arr((2,), "bool"), Arr((2,), "int8")),
        *(
            Case("tensordot", Arr(a), Arr(b, seed=1), axes=x, grad=True, unknown=False)
            for a, b, x in (
                ((2, 3, 4), (3, 4, 5), 2),
                ((2, 3), (4, 5), 0),
                ((2, 3, 4), (4, 3), [[2, 1], [0, 1]]),
                ((2, 3), (2, 4), (0, 0)),
                ((2, 3), (4, 3), ((-1,), (-1,))),
            )
        ),
        Case("tensordot", Arr((2, 3, 4)), Arr((4, 3)), axes=1),
        *(Case("tensordot", Arr((2, 3), a), Arr((3, 2), b), 1, unknown=False, reference=False) for a, b in PAIRS[:9]),
        *(Case("kron", a, b, grad=True) for a, b in ((M, N), (M, V), (V, N), (Arr((2, 1, 2)), N))),
        Case("kron", 2, V),
        Case("kron", Arr((2, 2), "int8"), Arr((2,), "bool"), reference=False),
        *(
            Case("trace", Arr((2, 3, 3)), offset=k, axis1=a, axis2=b, grad=True)
            for k, a, b in ((0, 1, 2), (1, -1, 1), (-1, 1, 2))
        ),
        *(
            Case("trace", Arr((3, 3), d), unknown=False, reference=False)
            for d in (*REALS, "int16", "uint16", "complex64")
        ),
    )
    refusals = (
        Refusal("matmul", M, M, error=ShapeError, match="(3, 4) and (3, 4)"),
        Refusal("matmul", Arr(()), M, error=ShapeError),
        Refusal("matmul", Arr((2, 3, 4)), Arr((3, 4, 2)), error=ShapeError),
        Refusal("dot", M, M, error=ShapeError, match="(3, 4)"),
        Refusal("inner", M, N, error=ShapeError),
        Refusal("vdot", M, V, error=ShapeError),
        Refusal("tensordot", M, N, error=ShapeError),
        Refusal("tensordot", M, N, axes=3, error=ShapeError, match="3"),
        Refusal("tensordot", M, N, axes=(5, 0), error=ShapeError),
        Refusal("trace", V, error=ShapeError),
    )


class TestVectors(OpParity):
    cases = (
        *(
            Case("cross", Arr(a), Arr(b, seed=1), grad=True, unknown=False, reference=False, **k)
            for a, b, k in (
                ((3,), (3,), {}),
                ((2,), (2,), {}),
                ((3,), (2,), {}),
                ((2,), (3,), {}),
                ((4, 3), (4, 3), {}),
                ((4, 3), (3,), {}),
                ((3, 4), (3, 4), {"axis": 0}),
                ((3, 4), (4, 3), {"axisa": 0}),
                ((4, 3), (3, 4), {"axisb": 0, "axisc": 0}),
                ((2, 4), (2, 4), {"axis": 0}),
            )
        ),
        Case("cross", Arr((4, 3)), Arr((4, 3))),
        *(
            Case("cross", Arr((3,), a), Arr((3,), b), unknown=False)
            for a, b in (("int8", "uint8"), ("bfloat16", "int32"))
        ),
        *(
            Case("correlate", Arr((n,)), Arr((m,), seed=1), mode=mode, grad=True, unknown=False)
            for n, m in ((5, 3), (3, 5), (4, 2), (2, 5), (4, 4), (1, 1), (6, 4), (3, 6))
            for mode in ("valid", "same", "full")
        ),
        *(Case("correlate", Arr((4,), d), Arr((2,), d), mode="full", reference=False) for d in (*REALS, "complex64")),
        Case("corrcoef", Arr((3, 8)), grad=True, unknown=False),
        Case("corrcoef", Arr((8,)), unknown=False),
        Case("corrcoef", Arr((3, 8))),
        *(Case("corrcoef", Arr((2, 9), d), unknown=False, reference=False) for d in ("float16", "int32", "complex64")),
        Case("corrcoef", Arr((2, 3), values=[1.0])),
    )
    refusals = (
        Refusal("cross", V, V, error=ShapeError, match="(4,)"),
        Refusal("cross", Arr((4, 3)), Arr((5, 3)), error=ShapeError, match="(5,)"),
        Refusal("cross", Arr((3,), "bool"), Arr((3,), "bool"), error=DTypeError),
        Refusal("correlate", M, V, error=ShapeError, match="(3, 4)"),
        Refusal("correlate", Arr((0,)), V, error=ShapeError),
        Refusal("correlate", V, V, mode="other", error=ArgumentError),
        Refusal("corrcoef", Arr((2, 2, 2)), error=ShapeError),
    )


class TestEinsum(OpParity):
    cases = (
        *(
            Case("einsum", s, *(Arr(shape, seed=i) for i, shape in enumerate(shapes)), grad=True, unknown=False)
            for s, *shapes in (
                ("ij,jk->ik", (2, 3), (3, 4)),
                ("ij,jk", (2, 3), (3, 4)),
                ("ij->ji", (2, 3)),
                ("ii", (3, 3)),
                ("ii->i", (3, 3)),
                ("ij->", (2, 3)),
                ("bij,bjk->bik", (2, 3, 4), (2, 4, 5)),
                ("...ij,...jk->...ik", (2, 3, 4), (4, 5)),
                ("i,i,i->", (3,), (3,), (3,)),
                ("ab,bc,cd->ad", (2, 3), (3, 4), (4, 2)),
                ("a,b->ab", (2,), (3,)),
                (" ij , jk -> ik ", (2, 3), (3, 4)),
            )
        ),
        Case("einsum", "bij,bkj->bik", Arr((2, 3, 4)), Arr((2, 5, 4))),
        Case("einsum", "ij,jk", M, N, optimize="greedy", unknown=False, reference=False),
        *(
            Case("einsum", "ij,jk->ik", Arr((2, 3), a), Arr((3, 2), b), unknown=False, reference=False)
            for a, b in PAIRS
        ),
        *(Case("einsum", "ij->i", Arr((2, 3), d), reference=False) for d in REALS),
    )
    refusals = (Refusal("einsum", 3, M, error=ArgumentError),)


def test_sums_of_int8_do_not_overflow():
    from lamella import ops

    big = np.full((1, 300), 127, "int8")
    assert int(ops.matmul(big, big.T)[0, 0]) == int(ops.einsum("ij,kj->ik", big, big)[0, 0]) == 300 * 127**2
