"""Choosing and writing elements: values, dtypes and errors, on every backend and drawn, against Keras and NumPy."""

import numpy as np
from parity.ops._runner import INF, NAN, REALS, Arr, Case, OpParity, Refusal

from lamella.errors import ArgumentError, DTypeError, OutOfRangeError, ShapeError

X = Arr((2, 3, 4))
M = Arr((3, 4))
PAIRS = Arr((2, 2), "int32", values=[0, -1, 2, 1])
FREE = {"compiles": False, "sized": False}  # the values decide on the shape
ROWS = Arr((2, 2), "int32", values=[2, -1, 0, -3])
FAR = Arr((3,), "int32", values=[7, 0, -9])


def get(x, key):
    return x[key]


class TestGetItem(OpParity):
    keys = (
        0,
        -1,
        slice(0, 1),
        slice(None, None, 2),
        slice(None, None, -1),
        (slice(None), 1),
        (Ellipsis, 0),
        (None, 0, Ellipsis, None),
        (0, slice(1, 3), slice(None, 2)),
        (1, 2, 3),
        (slice(None), slice(5, 9)),
        (slice(None), slice(-2, None)),
        (),
        Ellipsis,
        None,
        (0, np.array([0, 2])),
    )
    cases = (
        *(Case("get_item", X, k, reference=get, unknown=False, id=f"get_item-{k}") for k in keys),
        *(Case("get_item", X, k, reference=get, id=f"get_item-unknown-{k}") for k in (0, (slice(None), 1), Ellipsis)),
        Case("get_item", X, (slice(None), slice(1, None), 0), reference=get, grad=True),
        *(Case("get_item", Arr((2, 3), d), 0, oracle=d != "x") for d in (*REALS, "complex64")),
        Case("get_item", M, ROWS, reference=get, id="get_item-by-array"),
        Case("get_item", M, (ROWS, Arr((2, 1), "int32", values=[0, 3])), reference=get, unknown=False, id="two-arrays"),
        Case("get_item", M, Arr((3,), "bool", values=[1, 0, 1]), reference=get, draw=False, compiles=False),
        Case("get_item", Arr((5,)), [0, 2], reference=get, oracle=False),
    )
    refusals = (
        Refusal("get_item", M, 3, error=OutOfRangeError, match="(3, 4)"),
        Refusal("get_item", M, (0, -5), error=OutOfRangeError, match="-5"),
        Refusal("get_item", M, (0, 0, 0), error=OutOfRangeError),
        Refusal("get_item", M, 1.0, error=DTypeError),
        Refusal("get_item", M, "a", error=DTypeError),
    )


class TestTaking(OpParity):
    cases = (
        *(Case("take", M, ROWS, axis=a, grad=True) for a in (None, 0, 1, -1)),
        *(Case("take", M, FAR, axis=a, reference=False) for a in (None, 0, 1)),
        *(Case("take", Arr((2, 3), d), FAR, axis=1, reference=False) for d in (*REALS, "complex64", "uint16")),
        *(Case("take", X, Arr((2,), d, low=0, high=1), axis=1) for d in ("uint8", "int8", "int32")),
        Case("take", X, 1, axis=-1),
        Case("take", X, [0, 1], axis=1),
        Case("take", X, Arr((0,), "int32"), axis=1),
        *(
            Case("take_along_axis", M, Arr(s, "int32", low=0, high=2), axis=a, grad=True)
            for s, a in (((3, 2), 1), ((1, 4), 0), ((2, 4), 0), ((12,), None), ((3, 4), -1))
        ),
        Case("take_along_axis", M, Arr((3, 2), "int32", values=[7, 0, -9, 3, -1, 4]), axis=1, reference=False),
        Case("take_along_axis", X, Arr((1, 3, 1), "int32", values=[0, 1, 2]), axis=2, reference=False),
        Case("take_along_axis", Arr((1, 4)), Arr((3, 2), "int32", low=0, high=3), axis=1, reference=False),
    )
    refusals = (
        Refusal("take", M, ROWS, axis=2, error=ShapeError),
        Refusal("take", M, Arr((2,)), axis=0, error=DTypeError, drawn=False, match="float32"),
        Refusal("take_along_axis", M, Arr((3,), "int32"), axis=0, error=ShapeError, match="(3, 4)"),
        Refusal("take_along_axis", M, Arr((2, 1), "int32"), axis=1, error=ShapeError, match="(2, 1)"),
        Refusal("take_along_axis", M, Arr((3, 4)), axis=0, error=DTypeError, drawn=False),
    )


class TestChoosing(OpParity):
    cases = (
        Case("where", Arr((2, 3), "bool"), Arr((2, 3)), Arr((3,), seed=1), grad=True),
        Case("where", Arr((2, 1), "bool"), 1.0, Arr((3,), "int32")),
        *(Case("where", Arr((2,), "bool"), Arr((2,), d), Arr((2,), e)) for d in REALS for e in ("int8", "float16")),
        Case("where", Arr((2,), "bool"), Arr((2,), "complex64"), 1),
        Case("where", Arr((3,), values=[0.0, NAN, 2.0]), 1, 0),
        Case("where", Arr((3,), "int8", values=[0, -1, 2]), Arr((3,)), 0.0),
        Case("where", True, Arr((2,)), Arr((2,), seed=1)),
        *(Case("where", Arr((2, 3), d, low=0, high=1), compiles=False, draw=False) for d in ("bool", "int32")),
        *(
            Case("nonzero", Arr((2, 3), d, low=0, high=1), compiles=False, sized=False)
            for d in ("bool", "int32", "uint8")
        ),
        Case("nonzero", Arr((3,), values=[0.0, NAN, -INF]), compiles=False, sized=False),
        Case("nonzero", Arr((0, 2)), compiles=False, sized=False),
        Case("select", [Arr((3,), "bool"), Arr((3,), "bool", seed=1)], [Arr((3,)), Arr((3,), seed=1)], grad=True),
        Case("select", [Arr((3,), "bool")], [Arr((3,), "int32")], default=0.5, oracle=True),
        Case("select", [Arr((2, 1), "bool")], [Arr((3,), "bfloat16")], default=-1),
        *(
            Case("diagonal", X, offset=k, axis1=a, axis2=b)
            for k, a, b in ((0, 0, 1), (1, 1, 2), (-1, -1, 0), (9, 0, 1))
        ),
        Case("diagonal", M, grad=True),
        Case("diagonal", Arr((2, 2), "bool")),
        *(Case(n, a, k=k) for n in ("tril", "triu") for a in (M, X) for k in (0, 1, -2)),
        *(Case(n, M, grad=True) for n in ("tril", "triu")),
        *(Case("tril", Arr((2, 3), d)) for d in (*REALS, "complex64")),
        *(Case("diff", X, n=n, axis=a, grad=True) for n, a in ((1, -1), (2, 1), (0, 0), (5, 2))),
        *(Case("diff", Arr((2, 3), d)) for d in REALS),
        Case("unravel_index", Arr((2, 2), "int32", low=0, high=11), (3, 4)),
        Case("unravel_index", Arr((4,), "int32", values=[-1, -12, 30, -30]), (3, 4), reference=False),
        *(Case("unravel_index", Arr((2,), d, low=0, high=5), (2, 3)) for d in ("int8", "uint8", "int16")),
        Case("unravel_index", 7, 12),
    )
    refusals = (
        Refusal("where", Arr((2,), "bool"), Arr((2,)), error=ArgumentError),
        Refusal("where", Arr((2,), "bool"), Arr((3,)), 1, error=ShapeError, match="(3,)"),
        Refusal("nonzero", Arr(()), error=ShapeError),
        Refusal("select", [Arr((2,), "bool")], [], error=ArgumentError),
        Refusal("diagonal", Arr((2,)), error=ShapeError),
        Refusal("diagonal", M, axis1=1, error=ShapeError),
        Refusal("tril", Arr((2,)), error=ShapeError, match="(2,)"),
        Refusal("triu", Arr((2,)), error=ShapeError),
        Refusal("diff", Arr((2,)), n=-1, error=ArgumentError),
        Refusal("diff", Arr(()), error=ShapeError),
        Refusal("unravel_index", Arr((2,)), (3, 4), error=DTypeError, drawn=False),
    )


TWICE = Arr((3, 1), "int32", values=[1, 0, 1])


def scattered(x, indices, updates, reduction=None):
    out = np.array(x)
    places = tuple(np.moveaxis(indices, -1, 0))
    if reduction is None:
        out[places] = updates
    else:
        {"add": np.add, "max": np.maximum, "min": np.minimum, "mul": np.multiply}[reduction].at(out, places, updates)
    return out


class TestWriting(OpParity):
    cases = (
        Case("slice", X, (0, 1, 2), (2, 2, 1), unknown=False, grad=True),
        Case("slice", X, (0, 1, 2), (2, -1, -1), unknown=False),
        Case("slice", X, (-1, -1, -1), (1, 2, 2)),
        Case("slice", X, (5, 0, 0), (1, 3, 4)),
        Case("slice", X, Arr((3,), "int32", values=[0, 1, 1]), (1, 2, 2)),
        Case("slice", Arr((3,), "int8"), (1,), (2,), unknown=False),
        Case("slice_update", M, (1, 2), Arr((2, 2), seed=1), unknown=False, grad=True),
        Case("slice_update", M, (9, -1), Arr((2, 2), seed=1), unknown=False),
        Case("slice_update", M, Arr((2,), "int32", values=[1, 1]), Arr((1, 1)), unknown=False),
        Case("slice_update", Arr((3,), "int8"), (1,), Arr((1,), "int8"), unknown=False),
        Case("slice_update", M, (0, 0), Arr((2, 2), "int8"), oracle=False, unknown=False),
        Case("scatter", Arr((3, 1), "int32", values=[0, 2, 0]), Arr((3,)), (4,), unknown=False, grad=True),
        Case("scatter", Arr((2, 2), "int32", values=[0, 1, 2, 3]), Arr((2, 5), "int32"), (3, 4, 5), unknown=False),
        Case("scatter", Arr((3, 1), "int32", values=[9, -1, 1]), Arr((3,)), (4,), unknown=False),
        *(
            Case("scatter_update", M, TWICE, Arr((3, 4), seed=2), reduction=r, reference=scattered, unknown=False)
            for r in (None, "add", "max", "min", "mul")
        ),
        *(
            Case(
                "scatter_update",
                M,
                Arr((2, 2), "int32", values=[0, -1, 2, 1]),
                Arr((2,)),
                reduction=r,
                unknown=False,
                grad=r != "mul",
            )
            for r in (None, "add", "max", "min", "mul")
        ),
        Case("scatter_update", M, Arr((2, 1), "int32", values=[7, -9]), Arr((2, 4)), unknown=False),
        Case("scatter_update", Arr((4,), "int32"), [[0], [2]], [5, 6]),
        Case("scatter_update", Arr((4,), "int32"), [[0]], [1.7], oracle=False),
        *(Case("scatter_update", Arr((3,), d), [[1]], Arr((1,), d), reduction="add") for d in REALS[:-1]),
    )
    refusals = (
        Refusal("slice", M, (0,), (1, 1), error=ShapeError, match="(3, 4)"),
        Refusal("slice", M, (0, 0), (4, 1), error=ShapeError, match="(4, 1)"),
        Refusal("slice_update", M, (0, 0), Arr((4, 1)), error=ShapeError),
        Refusal("slice_update", Arr((3,), "int32"), (0,), Arr((1,)), error=DTypeError, match="float32"),
        Refusal("scatter", Arr((2, 1), "int32"), Arr((3,)), (4,), error=ShapeError, match="(3,)"),
        Refusal("scatter", Arr((2, 1)), Arr((2,)), (4,), error=DTypeError, drawn=False),
        Refusal("scatter_update", M, Arr((2, 3), "int32"), Arr((2,)), error=ShapeError),
        Refusal("scatter_update", M, Arr((2, 1), "int32"), Arr((2, 3)), error=ShapeError, match="(2, 3)"),
        Refusal("scatter_update", M, Arr((2, 2), "int32"), Arr((2,)), reduction="sub", error=ArgumentError),
    )
