"""Order: values, dtypes and errors, on every backend and drawn, against Keras and NumPy."""

import numpy as np
from parity.ops._runner import INF, NAN, REALS, Arr, Case, OpParity, Refusal

from lamella.errors import ArgumentError, DTypeError, ShapeError

X = Arr((2, 3, 4))
ODD = Arr((6,), values=[NAN, 1.0, -INF, INF, 0.0, NAN])
FREE = {"compiles": False, "sized": False}  # the values decide on the shape
MANY = Arr((5, 7), "int32", low=0, high=4)


class TestSorting(OpParity):
    cases = (
        *(Case("sort", X, axis=a, grad=True) for a in (None, 0, 1, -1)),
        *(Case("sort", Arr((2, 5), d)) for d in REALS),
        Case("sort", ODD),
        Case("sort", Arr((0,))),
        Case("sort", Arr((2, 1), "complex64"), axis=0),
        *(Case("argsort", X, axis=a) for a in (None, 0, 1, -1)),
        *(Case("argsort", Arr(()), axis=a) for a in (None, 0, -1)),
        *(Case("argsort", Arr((2, 5), d), reference=False) for d in REALS),
        Case("argsort", Arr((4, 30), "int32", low=0, high=3), reference=False),
        *(Case("argpartition", X, k, axis=a, reference=False, numpy=False) for k, a in ((1, -1), (2, 1), (3, None))),
        Case("argpartition", Arr((5,), values=[3, 1, 2, 9, 0]), 0, reference=False, numpy=False),
    )
    refusals = (
        Refusal("sort", X, axis=3, error=ShapeError),
        Refusal("argsort", X, axis=-4, error=ShapeError),
        Refusal("argpartition", X, 4, error=ShapeError, match="4"),
    )


EDGES = Arr((4,), values=[-2.0, 0.0, 0.0, 1.5])


class TestSearching(OpParity):
    cases = (
        *(Case("searchsorted", EDGES, X, side=s) for s in ("left", "right")),
        Case("searchsorted", EDGES, ODD),
        Case("searchsorted", EDGES, Arr((3,), "int32")),
        Case("searchsorted", Arr((3,), "int8", values=[1, 2, 3]), Arr((3,), "int32")),
        Case("searchsorted", Arr((3,), "bfloat16", values=[1, 2, 3]), Arr((3,), "bfloat16")),
        Case("searchsorted", [1, 2, 4], 3),
        Case("searchsorted", Arr((0,)), Arr((3,))),
        Case("digitize", X, EDGES),
        Case("digitize", ODD, EDGES),
        Case("digitize", X, Arr((3,), values=[2.0, 0.0, -1.0]), id="digitize-descending"),
        Case(
            "digitize",
            Arr((4,), values=[2.0, 5.0, 1.0, 9.0]),
            Arr((2,), values=[5.0, 2.0]),
            id="digitize-descending-ties",
        ),
        Case("digitize", Arr((5,), "int32"), [-1, 1]),
        Case("digitize", X, Arr((0,)), unknown=False, oracle=False),
        Case("isin", X, Arr((2,))),
        Case("isin", MANY, [1, 3]),
        Case("isin", MANY, [1, 3], invert=True),
        Case("isin", MANY, Arr((3, 9), "int32", low=1, high=3), assume_unique=True),
        Case("isin", Arr((9,), "int8"), Arr((30,), low=0, high=40), unknown=False),
        Case("isin", ODD, Arr((20,), values=[NAN, INF, 0.0])),
        Case("isin", ODD, [NAN, INF]),
        Case("isin", X, Arr((0,)), unknown=False),
        Case("isin", Arr((3,), "bool"), True),
        Case("isin", Arr((2,), "complex64"), Arr((2,), "complex64")),
    )
    refusals = (
        Refusal("searchsorted", X, 1.0, error=ShapeError, match="(2, 3, 4)"),
        Refusal("searchsorted", EDGES, X, side="middle", error=ArgumentError),
        Refusal("digitize", X, Arr((2, 2)), error=ShapeError, match="(2, 2)"),
    )


def inverse_of(x, size=None, **kwargs):
    """numpy.unique with every NaN different, as Keras has it."""
    return np.unique(x, equal_nan=False, **kwargs)


ALL = {"return_index": True, "return_inverse": True, "return_counts": True}


class TestCounting(OpParity):
    cases = (
        Case("unique", MANY, **FREE, reference=inverse_of),
        Case("unique", MANY, **FREE, reference=inverse_of, **ALL),
        *(Case("unique", MANY, **FREE, reference=inverse_of, **{k: True}) for k in ALL),
        Case(
            "unique",
            Arr((4, 2), "int32", low=0, high=1),
            axis=0,
            compiles=False,
            sized=False,
            reference=inverse_of,
            **ALL,
        ),
        Case(
            "unique",
            Arr((2, 6), "int32", low=0, high=1),
            axis=-1,
            compiles=False,
            sized=False,
            reference=inverse_of,
            **ALL,
        ),
        *(Case("unique", Arr((6,), d), sorted=False, **FREE, reference=False) for d in REALS),
        Case("unique", ODD, **FREE, reference=inverse_of),
        Case("unique", Arr((0,)), **FREE, reference=inverse_of),
        *(Case("unique", MANY, size=s, reference=False, **ALL) for s in (3, 5, 9)),
        *(Case("unique", MANY, size=s, fill_value=-7, reference=False, **ALL) for s in (3, 9)),
        Case("unique", Arr((4, 2), "int32", low=0, high=1), axis=0, size=6, reference=False, **ALL),
        Case("unique", Arr((4, 2), "int32", low=0, high=1), axis=0, size=6, fill_value=5, reference=False),
        Case("bincount", Arr((9,), "int32", low=0), **FREE),
        *(Case("bincount", Arr((9,), "int32", low=0), minlength=n, **FREE) for n in (2, 9)),
        *(Case("bincount", Arr((9,), d, low=0), **FREE, reference=False) for d in ("uint8", "int8", "bool")),
        *(
            Case(
                "bincount",
                Arr((4,), "int32", low=0),
                weights=Arr((4,), d),
                compiles=False,
                sized=False,
                reference=False,
            )
            for d in ("float32", "float16", "int8", "int32")
        ),
        Case("bincount", Arr((3, 4), "int32", low=0), **FREE, oracle=False, reference=False),
        Case(
            "bincount",
            Arr((3, 4), "int32", low=0),
            weights=Arr((3, 4)),
            minlength=6,
            compiles=False,
            sized=False,
            reference=False,
        ),
        Case("bincount", Arr((3,), "int32", values=[1, -1, 2]), **FREE, reference=False),
        Case("bincount", Arr((0,), "int32"), minlength=2, **FREE),
        Case("histogram", Arr((30,))),
        *(Case("histogram", Arr((30,)), bins=b, range=r) for b, r in ((4, None), (3, (-1, 2)), (1, None), (2, (1, 1)))),
        Case("histogram", Arr((9,), "int32"), bins=3, reference=False),
        Case("histogram", Arr((9,), "bool"), bins=2, reference=False),
        Case("histogram", Arr((9,), "float16"), bins=3),
        Case("histogram", Arr((4,), values=[2.0]), bins=2),
        Case("histogram", Arr((4,), values=[0.0, NAN, 1.0, 3.0]), bins=2, range=(0, 1), reference=False),
        Case("histogram", Arr((0,)), bins=2, oracle=False),
    )
    refusals = (
        Refusal("unique", X, axis=3, error=ShapeError),
        Refusal("bincount", Arr((2,)), error=DTypeError),
        Refusal("bincount", Arr((2, 2, 2), "int32"), error=ShapeError),
        Refusal("bincount", Arr((2,), "int32"), weights=Arr((3,)), error=ShapeError, match="(3,)"),
        Refusal("histogram", X, error=ShapeError, match="(2, 3, 4)"),
        Refusal("histogram", Arr((3,)), bins=-1, error=ArgumentError),
        Refusal("histogram", Arr((3,)), bins=2.0, error=DTypeError),
        Refusal("histogram", Arr((3,)), range=(2, 1), error=ArgumentError),
    )
