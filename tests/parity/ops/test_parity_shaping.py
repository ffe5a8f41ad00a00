"""Shapes, joining and splitting: values, dtypes and errors, on every backend and drawn, against Keras and NumPy."""

import numpy as np
from parity.ops._runner import REALS, Arr, Case, OpParity, Refusal

from lamella.errors import ArgumentError, ShapeError

X = Arr((2, 3, 4))
M = Arr((3, 4))
ROLLS = ((1, None), (-5, None), (1, 0), (-9, 1), ((1, 2), (0, 1)), (2, (0, 1)))
PAD_MODES = ("edge", "reflect", "symmetric", "wrap", "linear_ramp", "maximum", "mean", "median", "minimum")


class TestReshaping(OpParity):
    cases = (
        Case("reshape", X, (6, 4), grad=True, unknown=False),
        Case("reshape", X, (-1, 12)),
        Case("reshape", X, (3, -1)),
        Case("reshape", X, (-1, 6, 2), grad=True),
        Case("reshape", X, 24, unknown=False),
        Case("reshape", X, -1),
        Case("reshape", X, [2, 12], unknown=False),
        Case("reshape", X, np.array([4, 6]), unknown=False),
        Case("reshape", Arr((0, 3)), (3, 0)),
        Case("reshape", Arr((1,)), ()),
        *(Case("reshape", Arr((2, 3), d), (3, 2), unknown=False) for d in (*REALS, "complex64")),
        *(Case("ravel", a) for a in (X, Arr(()), Arr((0, 2)), Arr((2, 2), "bool"))),
        *(Case("expand_dims", X, a, grad=True) for a in (0, 1, -1, 3, (0, 2), [0, -1])),
        Case("expand_dims", 2.5, 0),
        *(Case("squeeze", Arr((1, 3, 1)), axis=a, grad=True) for a in (None, 0, -1, (0, 2))),
        Case("squeeze", X),
        *(Case("transpose", X, axes=a, grad=True) for a in (None, (0, 2, 1), [2, 0, 1], (-1, 0, 1))),
        Case("transpose", Arr(())),
        *(Case("swapaxes", X, a, b) for a, b in ((0, 1), (-1, 0), (1, 1))),
        *(Case("moveaxis", X, a, b) for a, b in ((0, -1), (-1, 0), ((0, 1), (1, 2)), ([0, 1], [-1, -2]), (1, 1))),
        *(Case("broadcast_to", Arr((3, 1)), s, grad=True) for s in ((3, 4), (2, 3, 4), [3, 1], (3, 0))),
        Case("broadcast_to", Arr(()), (2, 2)),
        Case("broadcast_to", 3, (2,)),
    )
    refusals = (
        Refusal("reshape", X, (5, -1), error=ShapeError, match="(2, 3, 4)"),
        Refusal("reshape", X, (2, 3), error=ShapeError, match="(2, 3)"),
        Refusal("reshape", X, (-1, -1), error=ShapeError),
        Refusal("reshape", X, (-2, -12), error=ShapeError),
        Refusal("expand_dims", M, 5, error=ShapeError, match="5"),
        Refusal("expand_dims", M, (0, 0), error=ShapeError),
        Refusal("squeeze", M, 0, error=ShapeError, match="(3, 4)"),
        Refusal("squeeze", M, 3, error=ShapeError),
        Refusal("transpose", M, (0, 0), error=ShapeError),
        Refusal("transpose", M, (0,), error=ShapeError),
        Refusal("transpose", M, (0, 2), error=ShapeError),
        Refusal("swapaxes", M, 0, 2, error=ShapeError),
        Refusal("moveaxis", M, 0, 2, error=ShapeError),
        Refusal("moveaxis", M, (0, 1), (0,), error=ShapeError),
        Refusal("broadcast_to", M, (4, 3), error=ShapeError, match="(3, 4)"),
        Refusal("broadcast_to", M, (4,), error=ShapeError),
    )


class TestRepeating(OpParity):
    cases = (
        *(Case("repeat", M, 2, axis=a, grad=True) for a in (None, 0, -1)),
        Case("repeat", M, np.array([1, 0, 2]), axis=0, unknown=False, grad=True),
        Case("repeat", M, np.array([2]), axis=1),
        Case("repeat", M, 0, axis=0),
        Case("repeat", M, [1, 0, 2], axis=0, unknown=False, oracle=False),
        Case("repeat", Arr((2,), "bool"), 3),
        *(Case("tile", M, n, grad=True) for n in (2, (2, 1), (2, 1, 3), [1, 2], np.array([2, 2]))),
        Case("tile", Arr(()), (2,)),
        Case("tile", Arr((2, 2, 2)), 0),
        *(Case("flip", X, axis=a, grad=True) for a in (None, 0, -1, (0, 2))),
        Case("flip", Arr((2, 3), "int8")),
        *(Case(n, X, grad=True) for n in ("fliplr", "flipud")),
        *(
            Case("roll", M, s, axis=a)
            for s, a in ((1, None), (-5, None), (1, 0), (-9, 1), ((1, 2), (0, 1)), (2, (0, 1)))
        ),
        Case("roll", M, 1, axis=1, grad=True),
        Case("roll", Arr((0, 2)), 1),
        *(Case("rot90", X, k=k, axes=a, grad=True) for k, a in ((1, (0, 1)), (2, (1, 2)), (-1, (0, 2)), (4, (0, 1)))),
        Case("rot90", Arr((2, 2), "int8"), 3, (1, 0)),
    )
    refusals = (
        Refusal("repeat", M, np.array([1, 2]), axis=0, error=ShapeError, match="(3, 4)"),
        Refusal("repeat", M, 2, axis=2, error=ShapeError),
        Refusal("flip", M, axis=2, error=ShapeError),
        Refusal("fliplr", Arr((3,)), error=ShapeError),
        Refusal("flipud", Arr(()), error=ShapeError),
        Refusal("roll", M, 1, axis=2, error=ShapeError),
        Refusal("rot90", Arr((3,)), error=ShapeError, match="(3,)"),
        Refusal("rot90", M, axes=(0, 0), error=ShapeError),
        Refusal("rot90", M, axes=(0, 1, 1), error=ShapeError),
    )


class TestPadding(OpParity):
    cases = (
        *(Case("pad", M, w, grad=True) for w in (1, (1, 2), ((1, 0), (0, 2)), ((1, 1),), [[1, 0], [0, 0]], 0)),
        Case("pad", M, np.array([[1, 2], [3, 4]])),
        Case("pad", M, 1, constant_values=2.5),
        Case("pad", Arr((2, 2), "int8"), 1, constant_values=7),
        *(Case("pad", Arr((2, 2), d), 1) for d in (*REALS, "complex64")),
        *(Case("pad", M, ((1, 0), (1, 2)), mode=m, grad=m not in ("maximum", "minimum", "median")) for m in PAD_MODES),
        *(Case("pad", Arr((2, 3)), ((5, 4), (0, 7)), mode=m) for m in PAD_MODES),
        *(Case("pad", Arr((4,), "int32", values=[5, -2, 9, 4]), (3, 2), mode=m) for m in PAD_MODES),
        *(Case("pad", Arr((3,), "bfloat16"), (1, 2), mode=m) for m in ("edge", "reflect", "mean")),
        Case("pad", Arr((0, 2)), ((1, 1), (0, 0))),
    )
    refusals = (
        Refusal("pad", M, 1, mode="foo", error=ArgumentError, match="'foo'"),
        Refusal("pad", M, 1, mode="edge", constant_values=1, error=ArgumentError),
        Refusal("pad", M, -1, error=ShapeError),
        Refusal("pad", M, ((1, 1), (1, 1), (1, 1)), error=ShapeError, match="(3, 4)"),
    )


class TestJoining(OpParity):
    cases = (
        *(Case("concatenate", [M, Arr((3, 4), seed=1)], axis=a, grad=True) for a in (0, 1, -1)),
        Case("concatenate", [M, Arr((2, 2))], axis=None, draw=False),
        *(Case("concatenate", [Arr((2, 2), a), Arr((2, 2), b)]) for a, b in (("int8", "uint8"), ("bool", "bfloat16"))),
        Case("concatenate", (Arr((0, 3)), Arr((2, 3)))),
        *(Case("stack", [M, Arr((3, 4), seed=1)], axis=a, grad=True) for a in (0, 1, -1)),
        *(Case("stack", [Arr((2,), a), Arr((2,), b)]) for a, b in (("int8", "float32"), ("bool", "int32"))),
        Case("stack", [1, 2.0, True]),
        Case("stack", M, draw=False),
        *(Case("append", M, Arr((3, 4), "int32"), axis=a, unknown=a is None) for a in (None, 0, 1)),
        Case("append", [1, 2], 3.5),
        *(Case(n, [M, Arr((3, 4), seed=1)], grad=True) for n in ("hstack", "vstack", "dstack")),
        *(Case(n, [Arr((3,)), Arr((3,), "int8")]) for n in ("hstack", "vstack", "dstack")),
        *(Case(n, [1, 2.5]) for n in ("hstack", "vstack", "dstack")),
        *(Case(n, [X, X]) for n in ("hstack", "vstack", "dstack")),
        Case("vstack", [M, Arr((4,))]),
        *(Case("split", X, s, axis=a, unknown=False) for s, a in ((2, 0), (3, 1), ([1, 2], -1), ([], 1), (1, 2))),
        Case("split", X, 2, axis=2),
        Case("split", X, np.array([1, 3]), axis=2),
        *(Case("array_split", X, s, axis=a, unknown=False) for s, a in ((2, 0), (3, 2), (5, 1))),
        Case("array_split", X, [1, 2], axis=-1, oracle=False),
        Case("array_split", Arr((5,), "int8"), 3, unknown=False),
        *(Case(n, X, 1) for n in ("hsplit", "vsplit", "dsplit")),
        Case("hsplit", Arr((4,)), 2),
        Case("hsplit", X, [1, 2]),
        Case("dsplit", X, 2),
        Case("unstack", X, axis=1, reference=lambda x, axis: list(np.moveaxis(x, axis, 0)), grad=True),
        Case("unstack", X, axis=-1, reference=False),
        Case("unstack", X, 3, 1, reference=False),
        Case("unstack", Arr((2,)), unknown=False, reference=False),
        Case("unstack", Arr((2, 3)), num=2, reference=False),
    )
    refusals = (
        Refusal("concatenate", [M, Arr((3, 5))], error=ShapeError, match="(3, 5)"),
        Refusal("concatenate", [M, Arr((3,))], error=ShapeError),
        Refusal("concatenate", [M], axis=2, error=ShapeError),
        Refusal("concatenate", [], error=ArgumentError),
        Refusal("stack", [], error=ArgumentError),
        Refusal("stack", [M, Arr((3, 5))], error=ShapeError, match="(3, 5)"),
        Refusal("stack", [M], axis=3, error=ShapeError),
        Refusal("append", M, Arr((3,)), axis=0, error=ShapeError),
        Refusal("vstack", [M, Arr((3,))], error=ShapeError),
        Refusal("split", M, 2, axis=0, error=ShapeError, match="(3, 4)"),
        Refusal("split", M, 0, axis=0, error=ShapeError),
        Refusal("array_split", M, 0, error=ShapeError),
        Refusal("dsplit", M, 1, error=ShapeError),
        Refusal("unstack", M, num=2, error=ShapeError, match="num=2"),
        Refusal("unstack", M, axis=2, error=ShapeError),
    )
