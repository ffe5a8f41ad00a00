"""Elementwise ops: shapes, dtypes and values, on every backend and drawn, against Keras and NumPy."""

import numpy as np
from parity.ops._runner import FLOATS, INF, INTS, NAN, REALS, Arr, Case, OpParity, Refusal

from lamella.errors import DTypeError, ShapeError

PAIRS = [
    ("float32", "float32"),
    ("float16", "bfloat16"),
    ("bfloat16", "uint8"),
    ("int8", "uint8"),
    ("int32", "bool"),
    ("bool", "bool"),
]
SPECIAL = [NAN, INF, -INF, 0.0, -0.0, 1.0, -1.5, 2.5, 0.5]


def unary(
    *names: str,
    dtypes: tuple = REALS,
    low: float = -3,
    high: float = 3,
    grad: bool = True,
    special: bool = True,
) -> list[Case]:
    """Every dtype (some, for all but the first of `names`), no axes, no elements, extreme values, a gradient."""
    cases = []
    for name in names:
        few = [d for d in dtypes if d in ("float32", "bfloat16", "int32", "bool")]
        cases += [Case(name, Arr((2, 3), d, low=low, high=high)) for d in (dtypes if name == names[0] else few)]
        cases += [Case(name, Arr((), low=low, high=high), compiles=False), Case(name, Arr((2, 0)), compiles=False)]
        if special:
            cases.append(Case(name, Arr((9,), values=SPECIAL)))
            cases.append(Case(name, Arr((9,), "bfloat16", values=SPECIAL), draw=False))
        if grad:
            cases.append(Case(name, Arr((5,), low=low, high=high, seed=1), grad=True, id=f"{name}-gradient"))
    return cases


def binary(
    *names: str,
    dtypes: tuple = REALS,
    low: float = -3,
    high: float = 3,
    grad: bool = True,
    special: bool = True,
    scalars: tuple = (2, 2.5),
) -> list[Case]:
    """Pairs of dtypes, broadcasting, Python scalars on both sides, extreme values and gradients.

    The first of `names` gets every pair, the others, which promote by the same function, those of `PAIRS`.
    """
    cases = []
    for name in names:
        every = [(a, b) for i, a in enumerate(dtypes) for b in dtypes[i:]]
        for a, b in every if name == names[0] else [p for p in PAIRS if p in every]:
            x, y = Arr((2, 3), a, low=low, high=high), Arr((2, 3), b, low=low, high=high, seed=1)
            cases.append(Case(name, x, y, compiles=a == b, draw=a == b or name == names[0]))
        for a in dtypes if name == names[0] else dtypes[:1]:
            for s in scalars:
                cases.append(Case(name, Arr((3,), a, low=low, high=high), s, compiles=False))
                cases.append(Case(name, s, Arr((3,), a, low=low, high=high), draw=False))
        kind = dtypes[0]
        cases += [
            Case(name, Arr((2, 1, 3), kind, low=low, high=high), Arr((4, 1), kind, low=low, high=high, seed=1)),
            Case(name, Arr((2, 0), kind), Arr((1,), kind, low=low, high=high)),
            Case(name, Arr((3,), kind, low=low, high=high), np.asarray(2, np.int64), numpy=False),
        ]
        if special:
            pairs = [(x, y) for x in SPECIAL for y in SPECIAL]
            left, right = zip(*pairs)
            cases.append(Case(name, Arr((81,), values=left), Arr((81,), values=right), id=f"{name}-special"))
        if grad:
            x, y = Arr((2, 3), low=low, high=high, seed=1), Arr((3,), low=low, high=high, seed=2)
            cases.append(Case(name, x, y, grad=True, id=f"{name}-gradient"))
    return cases


class TestArithmetic(OpParity):
    cases = (
        *binary("add", "multiply", "subtract", dtypes=(*FLOATS, *INTS)),
        *binary("add", "multiply", "divide", "divide_no_nan", dtypes=("bool", "int32", "float32")),
        *binary("divide", "true_divide", "divide_no_nan", low=1, high=4, special=False),
        *binary("divide", dtypes=("float32",)),
        *binary("floor_divide", "mod", "fmod", dtypes=REALS[:-1], low=1, high=7, grad=False, special=False),
        *(
            Case(n, Arr((4,), d, values=[7, -7, 6, -6]), 4)
            for n in ("mod", "fmod")
            for d in ("float32", "int32", "int8")
        ),
        Case("floor_divide", Arr((4,), "int32", values=[7, -7, 6, -6]), -4),
        *(Case(n, Arr((2,), "bool", values=[1, 0]), Arr((2,), "bool", values=[1, 1])) for n in ("mod", "floor_divide")),
        *binary("power", dtypes=REALS[:-1], low=0.5, high=2, special=False),
        Case("power", Arr((81,), values=[x for x in SPECIAL for _ in SPECIAL]), Arr((81,), values=SPECIAL)),
        Case("power", Arr((2,), "bool", values=[1, 0]), Arr((2,), "bool", values=[1, 1])),
        *unary("negative", "sign", dtypes=(*FLOATS, *INTS), grad=False),
        *unary("absolute", "abs", "fabs", "square", low=1),
        *unary("reciprocal", dtypes=FLOATS, low=1),
        *(Case("reciprocal", Arr((3,), d), reference=lambda x: 1 / x) for d in (*INTS, "bool")),
        Case("square", Arr((3,), "complex64"), grad=False),
        *(Case(n, Arr((3,), "complex64")) for n in ("absolute", "negative", "sign", "reciprocal")),
        *binary("gcd", "lcm", dtypes=INTS, low=-12, high=12, grad=False, special=False, scalars=(6,)),
        Case("gcd", Arr((4,), "int32", values=[0, 0, 12, -18]), Arr((4,), "int32", values=[0, 5, 0, 12])),
        *(
            Case("ldexp", Arr((2, 3), d), Arr((3,), "int32", low=-5, high=5), reference=lambda x, n: x * 2.0**n)
            for d in (*FLOATS, "int32", "int8")
        ),
        Case("ldexp", Arr((2,), values=[1e30, 1e-20]), Arr((2,), "int32", values=[-140, 100])),
        Case("ldexp", Arr((2,)), 3),
        Case("ldexp", Arr((4,), low=1), Arr((4,), "int32"), grad=True, reference=False),
        *(Case("nextafter", Arr((9,), values=SPECIAL), Arr((), values=v), reference=False) for v in (0, 5, -INF, NAN)),
        *(Case("nextafter", Arr((3,), d), 2, reference=False) for d in ("float32", "int32", "bool")),
    )
    refusals = (
        *(
            Refusal(n, Arr((2, 3)), Arr((4, 2)), error=ShapeError, match="(2, 3), (4, 2)")
            for n in (
                "add",
                "subtract",
                "multiply",
                "divide",
                "true_divide",
                "divide_no_nan",
                "mod",
                "fmod",
                "power",
                "floor_divide",
            )
        ),
        *(Refusal(n, Arr((2,), "int32"), Arr((3,), "int32"), error=ShapeError) for n in ("gcd", "lcm", "ldexp")),
        Refusal("subtract", Arr((2,), "bool"), Arr((2,), "bool"), error=DTypeError, match="bool"),
        *(Refusal(n, Arr((2,), "bool"), error=DTypeError, match="bool") for n in ("negative", "sign")),
        *(Refusal(n, Arr((2,), "complex64"), 2, error=DTypeError, match="complex") for n in ("mod", "floor_divide")),
        *(Refusal(n, Arr((2,)), 2, error=DTypeError, drawn=False, match="float32") for n in ("gcd", "lcm")),
        Refusal("ldexp", Arr((2,)), Arr((2,)), error=DTypeError, drawn=False, match="float32"),
        Refusal("fabs", Arr((2,), "complex64"), error=DTypeError, match="complex64"),
    )


class TestComparison(OpParity):
    cases = (
        *binary("equal", "not_equal", "less", "less_equal", "greater", "greater_equal", grad=False),
        *binary("logical_and", "logical_or", "logical_xor", grad=False),
        *unary("logical_not", grad=False),
        *binary("maximum", "minimum", "fmax", "fmin"),
        *unary("isnan", "isinf", "isfinite", "isposinf", "isneginf", "isreal", "signbit", grad=False),
        *(
            Case(n, Arr((3,), "complex64", values=[1 + 2j, complex(NAN, 1), complex(1, INF)]))
            for n in ("isnan", "isinf", "isfinite", "isreal", "logical_not")
        ),
        *binary("isclose", grad=False),
        Case("isclose", Arr((3,), values=[1, 2, 3]), Arr((3,), values=[1.01, 2.5, 3]), rtol=0.1, atol=0.0),
        Case("isclose", Arr((2,), values=[NAN, 1]), Arr((2,), values=[NAN, NAN]), equal_nan=True),
        Case("isclose", Arr((3,), "complex64"), Arr((3,), "complex64")),
        Case("allclose", Arr((2, 3)), Arr((3,))),
        Case("allclose", Arr((2, 3)), Arr((2, 3))),
        Case("allclose", Arr((2,), values=[NAN, 1]), Arr((2,), values=[NAN, 1]), equal_nan=True),
        Case("allclose", Arr((0,)), Arr((0,))),
        *(Case("clip", Arr((2, 3), d), 0, 2) for d in REALS),
        *(Case("clip", Arr((2, 3), d), 0.5, 2) for d in REALS),
        Case("clip", Arr((2, 3)), None, 1.0),
        Case("clip", Arr((2, 3)), -1, None),
        Case("clip", Arr((2, 3)), 2.0, 1.0),
        Case("clip", Arr((2, 3)), Arr((3,), low=-1, high=0), Arr((2, 1), low=0, high=1)),
        Case("clip", Arr((9,), values=SPECIAL), -1.0, 1.0),
        Case("clip", Arr((9,), values=SPECIAL), NAN, 1.0),
        Case("clip", Arr((2, 3), "int8"), Arr((), "float16", values=0.5), 2),
        Case("clip", Arr((6,), seed=2), -1.0, 1.0, grad=True),
        *binary("heaviside", grad=False),
        *(Case("nan_to_num", Arr((9,), d, values=SPECIAL), reference=False) for d in FLOATS),
        *(Case("nan_to_num", Arr((3,), d)) for d in (*INTS, "bool")),
        Case("nan_to_num", Arr((9,), values=SPECIAL), 7.0, 8.0, -9.0, reference=False),
        Case("nan_to_num", Arr((9,), values=SPECIAL), nan=-1.0, neginf=3, reference=False),
        Case(
            "nan_to_num",
            Arr((2,), "complex64", values=[complex(NAN, INF), complex(1, -INF)]),
            reference=False,
        ),
        Case("nan_to_num", Arr((4,)), grad=True),
    )
    refusals = (
        *(
            Refusal(n, Arr((2, 3)), Arr((4, 2)), error=ShapeError, match="(2, 3), (4, 2)")
            for n in (
                "equal",
                "not_equal",
                "less",
                "less_equal",
                "greater",
                "greater_equal",
                "logical_and",
                "logical_or",
                "logical_xor",
                "maximum",
                "minimum",
                "fmax",
                "fmin",
                "isclose",
                "allclose",
                "heaviside",
            )
        ),
        Refusal("clip", Arr((2, 3)), Arr((4,)), 3.0, error=ShapeError, match="(2, 3), (4,)"),
        Refusal("clip", Arr((2,), "complex64"), 0, 1, error=DTypeError, match="complex64"),
        *(
            Refusal(n, Arr((2,), "complex64"), error=DTypeError, match="complex64")
            for n in ("isposinf", "isneginf", "signbit")
        ),
    )


class TestBits(OpParity):
    cases = (
        *binary(
            "bitwise_and",
            "bitwise_or",
            "bitwise_xor",
            dtypes=(*INTS, "bool"),
            low=-9,
            high=9,
            grad=False,
            special=False,
            scalars=(5,),
        ),
        *unary("bitwise_not", "bitwise_invert", dtypes=(*INTS, "bool"), grad=False, special=False)[:4],
        *(Case(n, Arr((4,), "int32", low=-99, high=99)) for n in ("bitwise_not", "bitwise_invert")),
        *(
            Case(n, Arr((4,), d, low=-99, high=99), Arr((4,), d, low=0, high=5))
            for d in INTS
            for n in ("bitwise_left_shift", "left_shift", "bitwise_right_shift", "right_shift")
        ),
        *(
            Case(n, Arr((4,), "bool"), Arr((4,), "bool"), reference=False)
            for n in ("bitwise_left_shift", "bitwise_right_shift")
        ),
        Case("left_shift", Arr((2, 1), "int8"), 2),
    )
    refusals = (
        *(
            Refusal(n, Arr((2,)), 1, error=DTypeError, drawn=False, match="float32")
            for n in (
                "bitwise_and",
                "bitwise_or",
                "bitwise_xor",
                "bitwise_left_shift",
                "left_shift",
                "bitwise_right_shift",
                "right_shift",
            )
        ),
        *(
            Refusal(n, Arr((2,)), error=DTypeError, drawn=False, match="float32")
            for n in ("bitwise_not", "bitwise_invert")
        ),
        Refusal("bitwise_and", Arr((2,), "int32"), Arr((3,), "int32"), error=ShapeError, match="(2,), (3,)"),
    )


class TestRounding(OpParity):
    cases = (
        *unary("floor", "ceil", "trunc", grad=False),
        *unary("round", dtypes=(*FLOATS, *INTS), grad=False),
        Case("round", Arr((6,), values=[0.5, 1.5, 2.5, -0.5, -1.5, 2.4])),
        *(Case("round", Arr((6,), d, low=-99, high=99), decimals) for d in FLOATS for decimals in (1, 2)),
        *(Case("round", Arr((6,), low=-999, high=999), d) for d in (-1, -2)),
        *(Case("round", Arr((8,), "int32", values=[15, 25, -15, -25, 14, 16, -14, 0]), d) for d in (-1, -2, 1)),
        Case("round", Arr((4,), "complex64")),
    )
    refusals = (
        *(Refusal(n, Arr((2,), "complex64"), error=DTypeError, match="complex64") for n in ("floor", "ceil", "trunc")),
        Refusal("round", Arr((2,), "bool"), error=DTypeError, match="bool"),
    )


class TestExponential(OpParity):
    cases = (
        *unary("exp", "exp2", "expm1"),
        *unary("log", "log2", "log10", "log1p", "sqrt", "cbrt", low=0.1),
        *unary("i0"),
        *(Case(n, Arr((3,), "complex64")) for n in ("exp", "expm1", "log", "log1p", "sqrt")),
        *binary("logaddexp", "logaddexp2"),
        Case("logaddexp", Arr((3,), values=[1e4, -1e4, 0]), Arr((3,), values=[1e4, 1e4, -1e4])),
        Case("expm1", Arr((3,), values=[1e-7, -1e-9, 80])),
        Case("log1p", Arr((3,), values=[1e-7, -1e-9, 1e30])),
        Case("i0", Arr((4,), values=[0, 1, -20, 50]), rtol=1e-5),
    )
    refusals = (
        *(Refusal(n, Arr((2,), "complex64"), error=DTypeError, match="complex64") for n in ("cbrt", "i0")),
        *(Refusal(n, Arr((2,)), Arr((3,)), error=ShapeError, match="(2,), (3,)") for n in ("logaddexp", "logaddexp2")),
    )


class TestTrigonometry(OpParity):
    cases = (
        *unary("sin", "cos", "tan", "sinh", "cosh", "tanh", "arctan", "arcsinh", "sinc", "deg2rad", "rad2deg"),
        *unary("arcsin", "arccos", "arctanh", low=-0.9, high=0.9),
        *unary("arccosh", low=1.1),
        *(Case(n, Arr((3,), "complex64")) for n in ("sin", "cos", "tanh", "arctan", "sinc")),
        Case("tanh", Arr((3,), values=[100, -100, 1e-8])),
        Case("arcsinh", Arr((3,), values=[1e20, -1e20, 1e-8])),
        *binary("arctan2", "hypot"),
        Case("hypot", Arr((2,), values=[1e30, 3e-30]), Arr((2,), values=[1e30, 4e-30])),
        *(
            Case(n, Arr((2, 3), d))
            for n in ("real", "imag", "conj", "conjugate", "angle")
            for d in (*REALS, "complex64")
        ),
        *(Case(n, Arr((9,), values=SPECIAL)) for n in ("real", "imag", "conj", "angle")),
    )
    refusals = (
        *(Refusal(n, Arr((2,)), Arr((3,)), error=ShapeError, match="(2,), (3,)") for n in ("arctan2", "hypot")),
        Refusal("hypot", Arr((2,), "complex64"), 1, error=DTypeError, match="complex64"),
    )
