"""Linear algebra: values, dtypes and errors, on every backend and drawn, against Keras and NumPy."""

import numpy as np
from parity.ops._runner import Arr, Case, OpParity, Refusal

from lamella.errors import ArgumentError, ShapeError

POSITIVE = [4.0, 1.0, 0.5, 1.0, 3.0, -1.0, 0.5, -1.0, 5.0]
P = Arr((3, 3), values=POSITIVE)
PS = Arr((2, 3, 3), values=[*POSITIVE, 2.0, 0.0, 1.0, 0.0, 9.0, 2.0, 1.0, 2.0, 7.0])
HALF = Arr((2, 2), "float16", values=[4.0, 1.0, 1.0, 3.0])
INTS = Arr((2, 2), "int32", values=[4, 1, 1, 3])
Z = Arr((2, 2), "complex64", values=[3, 1 + 1j, 1 - 1j, 4])
W = Arr((3, 2), seed=1)
TOL = {"rtol": 1e-4, "atol": 1e-4}
HALF_TOL = {"rtol": 1e-2, "atol": 1e-2}
ANY = ("qr", "svd", "lu_factor", "pinv", "matrix_rank")


def both(*names, **kwargs):
    return [
        Case(f"linalg.{n}", a, reference=getattr(np.linalg, n, False), **TOL, **kwargs) for n in names for a in (P, PS)
    ]


class TestFactorisations(OpParity):
    cases = (
        *both("cholesky", "det", "inv", grad=True),
        *(Case(f"linalg.{n}", a, **TOL) for n in ("cholesky", "det", "inv") for a in (INTS, Z)),
        *(
            Case(f"linalg.{n}", HALF, oracle=n == "det", rtol=1e-2, atol=1e-2)
            for n in ("cholesky", "det", "inv", "eigh")
        ),
        Case("linalg.cholesky", PS, upper=True, **TOL),
        Case("linalg.cholesky", Arr((3, 3), values=[4.0, 9, 0, 1, 30, 0, 0, 0, 1]), **TOL),
        *(Case("linalg.cholesky_inverse", P, upper=u, grad=True, **TOL) for u in (False, True)),
        *(Case("linalg.cholesky_inverse", PS, upper=u, oracle=False, **TOL) for u in (False, True)),
        Case("linalg.cholesky_inverse", INTS, **TOL),
        # The sign of an eigenvector is anybody's: NumPy's differs here, in tests/ops/test_linalg.py it does not matter.
        *(Case("linalg.eigh", a, numpy=False, reference=False, **TOL) for a in (P, PS)),
        *(Case("linalg.eigh", a, **TOL) for a in (INTS, Z, Arr((2, 2), values=[4.0, 9, 1, 3]))),
        *(Case("linalg.eig", a, compiles=False, **TOL) for a in (P, PS, INTS, Arr((2, 2), values=[0.0, 1, -1, 0]))),
        *(Case("linalg.lu_factor", a, **TOL) for a in (P, PS, W, INTS)),
        Case("linalg.lu_factor", Arr((2, 3)), unknown=False, **TOL),
        *(
            Case("linalg.qr", a, mode=m, **TOL)
            for a in (P, PS, W, Arr((2, 3, 4)), INTS)
            for m in ("reduced", "complete")
        ),
        Case("linalg.qr", W, grad=True, **TOL),
        *(Case("linalg.svd", a, full_matrices=f, **TOL) for a in (PS, W, Arr((2, 3, 2)), INTS) for f in (True, False)),
        *(Case("linalg.svd", a, compute_uv=False, grad=a is W, **TOL) for a in (PS, W, INTS)),
        *(Case("slogdet", a, reference=np.linalg.slogdet, **TOL) for a in (P, PS, INTS, HALF)),
        Case("slogdet", Arr((2, 2), values=[0.0, 1, 1, 0]), **TOL),
        *(Case("logdet", a, grad=a in (P, PS), **TOL) for a in (P, PS, INTS)),
        Case("logdet", Arr((2, 2), values=[1.0])),
    )
    refusals = (
        *(
            Refusal(n, a, error=ShapeError, match=m)
            for n in ("linalg.cholesky", "linalg.det", "linalg.inv", "linalg.eig", "linalg.eigh", "slogdet", "logdet")
            for a, m in ((W, "(3, 2)"), (Arr((3,)), "(3,)"))
        ),
        *(
            Refusal(f"linalg.{n}", Arr((3,)), error=ShapeError)
            for n in ("qr", "svd", "lu_factor", "pinv", "matrix_rank")
        ),
        Refusal("linalg.cholesky", Arr((2, 2), values=[-1.0, 0, 0, 1]), error=ArgumentError, drawn=False),
        Refusal("linalg.qr", P, mode="r", error=ArgumentError),
    )


class TestSystems(OpParity):
    cases = (
        *(
            Case(f"linalg.{n}", a, b, unknown=False, grad=True, **TOL, **k)
            for n, k in (("solve", {}), ("solve_triangular", {}), ("solve_triangular", {"lower": True}))
            for a, b in ((P, W), (P, Arr((3,))), (PS, Arr((2, 3, 2))), (PS, Arr((3,))))
        ),
        *(Case(f"linalg.{n}", PS, Arr((2, 3)), oracle=False, **TOL) for n in ("solve", "solve_triangular")),
        *(Case(f"linalg.{n}", PS, Arr((2, 3, 2)), **TOL) for n in ("solve", "solve_triangular")),
        *(Case(f"linalg.{n}", INTS, Arr((2,)), unknown=False, **TOL) for n in ("solve", "solve_triangular")),
        Case("linalg.solve", P, [1.0, 2.0, 3.0], unknown=False, **TOL),
        Case("linalg.solve", Z, Arr((2,), "complex64"), unknown=False, **TOL),
        *(
            Case("linalg.lstsq", a, b, unknown=False, grad=True, reference=lambda a, b: np.linalg.lstsq(a, b)[0], **TOL)
            for a, b in ((W, Arr((3,))), (W, Arr((3, 4))), (Arr((2, 3)), Arr((2,))), (P, W))
        ),
        Case("linalg.lstsq", Arr((3, 2), values=[1.0, 2.0]), Arr((3,)), rcond=0.1, unknown=False, **TOL),
        *(Case("linalg.pinv", a, grad=True, reference=np.linalg.pinv, **TOL) for a in (P, PS, W, Arr((2, 2, 3)))),
        Case("linalg.pinv", W, rcond=0.9, **TOL),
        Case("linalg.pinv", Arr((3, 2), values=[1.0]), **TOL),
        *(
            Case("linalg.matrix_rank", a, reference=np.linalg.matrix_rank)
            for a in (P, PS, W, INTS, Arr((3, 2), values=[1.0]))
        ),
        *(Case("linalg.matrix_rank", W, tol=t) for t in (0.5, 100.0)),
    )
    refusals = (
        *(
            Refusal(f"linalg.{n}", a, b, error=ShapeError, match=m)
            for n in ("solve", "solve_triangular")
            for a, b, m in ((W, W, "(3, 2)"), (P, Arr((2,)), "(2,)"), (P, Arr((5, 3, 2)), "(5, 3, 2)"))
        ),
        Refusal("linalg.lstsq", W, Arr((2,)), error=ShapeError, match="(2,)"),
        Refusal("linalg.lstsq", PS, W, error=ShapeError),
    )


X = Arr((2, 3, 4))


class TestNorms(OpParity):
    cases = (
        *(Case("linalg.norm", a, reference=np.linalg.norm, grad=True) for a in (Arr((4,)), W, X)),
        *(
            Case("linalg.norm", X, ord=o, axis=a, keepdims=k, reference=np.linalg.norm, **TOL)
            for o in (None, 1, 2, 3, 0, -1, 0.5, np.inf, -np.inf)
            for a, k in ((1, False), (-1, True))
        ),
        *(
            Case("linalg.norm", X, ord=o, axis=a, keepdims=k, reference=np.linalg.norm, **TOL)
            for o in (None, "fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf)
            for a, k in (((0, 2), False), ((2, 1), True))
        ),
        *(Case("linalg.norm", W, ord=o, grad=True, **TOL) for o in ("fro", "nuc", 1, 2, -2, -np.inf)),
        *(Case("linalg.norm", Arr((2, 3), d)) for d in ("float16", "bfloat16", "int8", "bool", "complex64")),
        *(Case("linalg.norm", Arr((2, 3), d), ord=1) for d in ("float16", "int8", "complex64")),
        Case("linalg.norm", HALF, ord=2, oracle=False),
        Case("linalg.norm", Arr((0,))),
        Case("linalg.norm", Arr(())),
        Case("linalg.norm", 3),
        Case("linalg.norm", X, axis=(2,), oracle=False),
    )
    refusals = (
        Refusal("linalg.norm", W, ord="inf", error=ArgumentError, match="'inf'"),
        Refusal("linalg.norm", W, ord=3, error=ArgumentError),
        Refusal("linalg.norm", Arr((3,)), ord="fro", error=ArgumentError),
        Refusal("linalg.norm", X, ord=2, error=ShapeError, match="(2, 3, 4)"),
        Refusal("linalg.norm", X, axis=(0, 1, 2), error=ShapeError),
        Refusal("linalg.norm", X, axis=(0, 0), error=ShapeError),
        Refusal("linalg.norm", X, axis=3, error=ShapeError),
    )
