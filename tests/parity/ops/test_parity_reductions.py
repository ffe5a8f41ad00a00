"""Reductions: axes, dtypes and values, on every backend and drawn, against Keras and NumPy."""

import numpy as np
from parity.ops._runner import FLOATS, INF, NAN, REALS, Arr, Case, OpParity, Refusal

from lamella.errors import ArgumentError, DTypeError, ShapeError

AXES = (None, 0, -1, (0, 2), (), [1, -1])
HOLES = [NAN, 1.0, -2.0, NAN, 3.0, 0.5, NAN, NAN, NAN, INF, -1.0, 2.0]


def reductions(*names: str, dtypes: tuple = REALS, axes: tuple = AXES, keepdims: bool = True, **kwargs) -> list[Case]:
    """Axes, kept ones, dtypes and a scalar; for all but the first of `names`, which share its code, fewer."""
    cases = []
    for name in names:
        few = name != names[0]
        numpy = _axes_as_tuple(name)
        for a in axes[::3] if few else axes:
            cases.append(Case(name, Arr((2, 3, 4)), axis=a, reference=numpy, **kwargs))
        for a in (None, (0, 2)) if keepdims else ():
            cases.append(Case(name, Arr((2, 3, 4)), axis=a, keepdims=True, reference=numpy, **kwargs))
        for d in dtypes:
            if not few or d in ("bfloat16", "int8", "bool"):
                cases.append(Case(name, Arr((2, 3), d), axis=1, **kwargs))
        cases.append(Case(name, Arr(()), **kwargs))
    return cases


def _axes_as_tuple(name: str):
    function = getattr(np, name)

    def reference(x, axis, **kwargs):
        return function(x, axis=tuple(axis) if isinstance(axis, list) else axis, **kwargs)

    return reference


SUMS = ("sum", "mean", "prod", "var", "std", "max", "min", "amax", "amin", "ptp")


class TestReductions(OpParity):
    cases = (
        *reductions("sum", "mean", "prod", "var", "std", "max", "min", "amax", "amin"),
        *reductions("ptp", dtypes=REALS[:-1]),
        *reductions("any", "all"),
        *reductions("count_nonzero", keepdims=False, axes=AXES[:4]),
        *(Case(n, Arr((2, 3), "complex64"), axis=0) for n in ("sum", "mean", "prod", "std", "any", "all")),
        Case("var", Arr((2, 3), "complex64"), axis=0, reference=False),
        *(Case(n, Arr((0, 3))) for n in ("sum", "prod", "mean", "var", "any", "all", "count_nonzero")),
        *(Case(n, Arr((0, 3)), axis=1) for n in ("sum", "mean", "std", "max", "min", "any", "all", "ptp")),
        *(Case(n, Arr((2, 3), values=[1, NAN, 2, INF, 3, 4]), axis=1) for n in (*SUMS, "any", "all", "count_nonzero")),
        *(Case(n, [1, 2, 3]) for n in ("sum", "mean", "prod", "max", "min")),
        *(
            Case(n, Arr((2, 3)), 1, True, reference=False)
            for n in ("sum", "mean", "prod", "var", "std", "max", "min", "any", "all")
        ),
        *(Case(n, Arr((3,), low=1), grad=True) for n in SUMS),
        *(Case(n, Arr((2, 3, 2), seed=1), axis=(0, 2), grad=True) for n in SUMS),
        *(Case(n, Arr((2, 600), d, low=0, high=1), axis=1) for n in ("sum", "mean", "var") for d in FLOATS),
        *(
            Case("prod", Arr((2, 3), d), dtype=t, reference=False)
            for d in ("int8", "float32", "bool")
            for t in ("float16", "int32", "uint8")
        ),
        *(Case(n, Arr((2, 3)), initial=v) for n in ("max", "min") for v in (-10, 0, 10.5)),
        Case("max", Arr((2, 3), "int8"), axis=1, initial=0.7),
        Case("max", Arr((2, 3), "int8"), axis=1, initial=Arr((), values=2), reference=False),
        Case("min", Arr((2, 3), "bool"), axis=1, keepdims=True, initial=True),
        *(Case(n, Arr((0, 3)), axis=a, initial=1, unknown=False) for n in ("max", "min") for a in (None, 0, 1)),
        Case("max", Arr((0, 3)), axis=0, initial=1, keepdims=True, unknown=False),
    )
    refusals = (
        *(
            Refusal(n, Arr((2, 3)), axis=2, error=ShapeError, match=f"ops.{n}: axis 2 is")
            for n in (*SUMS, "any", "all", "count_nonzero")
        ),
        *(Refusal(n, Arr((2, 3)), axis=(0, -2), error=ShapeError, match="(0, -2)") for n in SUMS if n != "ptp"),
        *(Refusal(n, Arr((0, 3)), error=ShapeError, match="(0, 3)") for n in ("max", "min", "amax", "amin")),
        Refusal("sum", Arr((2, 3)), axis=1.5, error=ShapeError, match="1.5"),
        Refusal("ptp", Arr((2,), "bool"), error=DTypeError, match="bool"),
    )


class TestPositions(OpParity):
    cases = (
        *(
            Case(n, Arr((2, 3, 4)), axis=a, keepdims=k)
            for n in ("argmax", "argmin")
            for a in (None, 0, -1)
            for k in (False, True)
        ),
        *(Case(n, Arr((2, 5), d), axis=1) for n in ("argmax", "argmin") for d in REALS),
        *(Case(n, Arr((5,), values=[1, NAN, 5, NAN, -INF])) for n in ("argmax", "argmin")),
        *(Case(n, Arr((4,), values=[1, 2, 2, 1])) for n in ("argmax", "argmin")),
        *(Case(n, Arr((0, 3)), axis=1) for n in ("argmax", "argmin")),
        *(Case(n, 3.0) for n in ("argmax", "argmin")),
    )
    refusals = (
        *(Refusal(n, Arr((2, 3)), axis=2, error=ShapeError, match="axis 2 is") for n in ("argmax", "argmin")),
        *(Refusal(n, Arr((0, 3)), error=ShapeError, match="(0, 3)") for n in ("argmax", "argmin")),
        *(Refusal(n, Arr((3,), "complex64"), error=DTypeError, match="complex64") for n in ("argmax", "argmin")),
    )


class TestRunning(OpParity):
    cases = (
        *(
            Case(n, Arr((2, 3, 4)), axis=a)
            for n in ("cumsum", "cumprod", "nancumsum", "nancumprod")
            for a in (None, 0, 1, -1)
        ),
        *(Case(n, Arr((2, 3), d), axis=1) for n in ("cumsum", "cumprod", "nancumsum", "nancumprod") for d in REALS),
        *(
            Case(n, Arr((2, 3), d), axis=0, dtype=t, reference=False)
            for n in ("cumsum", "cumprod", "nancumsum")
            for d in ("float32", "bool", "int8")
            for t in ("float16", "int32")
        ),
        *(Case(n, Arr((12,), values=HOLES)) for n in ("cumsum", "cumprod", "nancumsum", "nancumprod")),
        *(Case(n, Arr((0, 3)), axis=0) for n in ("cumsum", "cumprod")),
        *(Case(n, 5.0) for n in ("cumsum", "cumprod")),
        *(Case(n, Arr((2, 3)), axis=1, grad=True) for n in ("cumsum", "cumprod", "nancumsum", "nancumprod")),
    )
    refusals = tuple(
        Refusal(n, Arr((2, 3)), axis=2, error=ShapeError, match="axis 2 is")
        for n in ("cumsum", "cumprod", "nancumsum", "nancumprod")
    )


class TestAverages(OpParity):
    cases = (
        *(Case("average", Arr((2, 3, 4)), axis=a) for a in (None, 1, (0, 2))),
        *(Case("average", Arr((2, 3), d), axis=1) for d in REALS),
        *(
            Case("average", Arr((2, 3), d), axis=1, weights=Arr((3,), w, low=1))
            for d, w in (
                ("float32", "float32"),
                ("float16", "float32"),
                ("int32", "int32"),
                ("bfloat16", "int8"),
                ("bool", "float32"),
            )
        ),
        Case("average", Arr((2, 3)), weights=Arr((2, 3), low=1)),
        Case("average", Arr((2, 3, 4)), axis=(0, 2), weights=Arr((2, 3, 4), low=1)),
        Case("average", Arr((2, 3, 4)), axis=(0, 2), weights=Arr((2, 4), low=1), unknown=False),
        Case("average", Arr((2, 3, 4)), axis=(2, 0), weights=Arr((4, 2), low=1), unknown=False),
        Case("average", Arr((2, 3)), axis=0, weights=[1, 3], unknown=False),
        Case("average", Arr((2, 3)), axis=0, weights=[0.0, 0.0], reference=False, unknown=False),
        Case("average", Arr((2, 3)), axis=1, weights=Arr((3,), low=1), grad=True),
        *(Case("trapezoid", Arr((2, 3, 4)), axis=a, dx=0.5) for a in (0, 1, -1)),
        *(Case("trapezoid", Arr((2, 3), d)) for d in REALS[:-1]),
        Case("trapezoid", Arr((2, 3), "bool"), reference=False),
        Case("trapezoid", Arr((2, 3)), Arr((3,))),
        Case("trapezoid", Arr((2, 3)), Arr((2,)), axis=0, unknown=False),
        Case("trapezoid", Arr((2, 3)), Arr((2, 3), seed=1), axis=0),
        Case("trapezoid", Arr((3,), "float16"), Arr((3,))),
        Case("trapezoid", [1, 2, 3], x=[1, 2, 4]),
        Case("trapezoid", Arr((2, 1))),
        Case("trapezoid", Arr((2, 4)), Arr((4,), seed=1), grad=True),
    )
    refusals = (
        Refusal("average", Arr((2, 3)), weights=Arr((2,)), error=ShapeError, match="(2,)"),
        Refusal("average", Arr((2, 3)), axis=1, weights=Arr((2,)), error=ShapeError, match="(2,)"),
        Refusal("trapezoid", Arr((2, 3)), axis=2, error=ShapeError, match="axis 2 is"),
        Refusal("trapezoid", Arr(()), error=ShapeError, match="-1"),
        Refusal("trapezoid", Arr((2, 3)), Arr((2,)), error=ShapeError, match="(2,)"),
    )


NANS = ("nansum", "nanprod", "nanmean", "nanvar", "nanstd", "nanmax", "nanmin")


class TestNanReductions(OpParity):
    cases = (
        *reductions(*NANS, axes=AXES[:4], dtypes=(*FLOATS, "int8", "bool")),
        *(
            Case(n, Arr((4, 3), d, values=HOLES), axis=a, keepdims=k)
            for n in NANS
            for d in FLOATS[::2]
            for a, k in ((None, False), (0, True), (1, False), ((0, 1), False))
        ),
        *(Case(n, Arr((2, 3), values=[1, NAN, -2, 3, 0.5, NAN]), axis=a, grad=True) for n in NANS for a in (None, 1)),
        *(Case(n, Arr((2, 3), "complex64"), axis=0) for n in NANS[:5]),
        *(
            Case(n, Arr((4, 3), values=HOLES), axis=a, keepdims=k, reference=False)
            for n in ("nanargmax", "nanargmin")
            for a, k in ((None, False), (0, True), (1, False))
        ),
        *(Case(n, Arr((2, 5), d), axis=1) for n in ("nanargmax", "nanargmin") for d in REALS),
        *(
            Case(n, Arr((2,), values=[NAN, v]))
            for n in ("nanargmax", "nanmax", "nanargmin", "nanmin")
            for v in (INF, -INF)
        ),
    )
    refusals = (
        *(
            Refusal(n, Arr((2, 3)), axis=2, error=ShapeError, match="axis 2 is")
            for n in (*NANS, "nanargmax", "nanargmin")
        ),
        *(
            Refusal(n, Arr((0, 3)), error=ShapeError, match="(0, 3)")
            for n in ("nanmax", "nanmin", "nanargmax", "nanargmin")
        ),
        *(Refusal(n, Arr((3,), "complex64"), error=DTypeError, match="complex64") for n in ("nanargmax", "nanargmin")),
    )


QUANTILES = {"quantile": (0.3, [0.1, 0.5, 0.95]), "percentile": (30.0, [10, 50, 95])}
METHODS = ("linear", "lower", "higher", "midpoint", "nearest")


class TestOrderStatistics(OpParity):
    cases = (
        *reductions("median", "nanmedian", axes=AXES[:4]),
        *(Case("median", Arr((n,), seed=n)) for n in (1, 2, 3, 4)),
        *(Case("median", Arr((2, 3), values=[1, NAN, 2, INF, 3, 4]), axis=a) for a in (None, 1)),
        *(
            Case(n, Arr((2, 5, 3)), q, axis=a, keepdims=k)
            for n, qs in QUANTILES.items()
            for q in qs
            for a in (None, 1, (0, 2))
            for k in (False, True)
        ),
        *(Case(n, Arr((2, 6)), qs[1], axis=1, method=m) for n, qs in QUANTILES.items() for m in METHODS),
        *(Case("quantile", Arr((2, 4), d), 0.3, axis=1) for d in REALS[:-1]),
        Case("quantile", Arr((2, 4), "bool"), 0.3, axis=1, reference=False),
        *(Case("percentile", Arr((2, 4), d), 30.0, axis=1) for d in ("bfloat16", "int8")),
        Case("quantile", Arr((2, 4), "float16"), Arr((2,), low=0, high=1)),
        Case("quantile", Arr((2, 4)), [0.0, 1.0], axis=0),
        Case("quantile", Arr((2, 4)), [-0.5, 1.5], axis=0, reference=False),
        Case("quantile", Arr((2, 3), values=[1, NAN, 2, INF, 3, 4]), 0.5, axis=1, reference=False),
        *(
            Case("nan" + n, Arr((4, 3), values=HOLES[:8]), q, axis=a, keepdims=k)
            for n, qs in QUANTILES.items()
            for q in qs
            for a, k in ((None, False), (0, True), (1, False))
        ),
        *(
            Case("nanmedian", Arr((4, 3), values=HOLES[:8]), axis=a, keepdims=k)
            for a, k in ((None, False), (0, True), (1, False))
        ),
        *(Case("nanquantile", Arr((4, 3), values=HOLES[:8]), 0.4, axis=1, method=m) for m in METHODS),
        *(
            Case(n, Arr((2, 5)), 40.0 if "percent" in n else 0.4, axis=1, grad=True)
            for n in ("quantile", "percentile", "nanquantile", "nanpercentile")
        ),
        *(Case(n, Arr((2, 4)), axis=a, grad=True) for n in ("median", "nanmedian") for a in (None, 1)),
    )
    refusals = (
        *(Refusal(n, Arr((2, 3)), axis=2, error=ShapeError, match="axis 2 is") for n in ("median", "nanmedian")),
        *(
            Refusal(n, Arr((2, 3)), 0.5, axis=2, error=ShapeError, match="axis 2 is")
            for n in ("quantile", "nanpercentile")
        ),
        Refusal("quantile", Arr((2, 3)), Arr((1, 2)), error=ShapeError, match="(1, 2)"),
        Refusal("quantile", Arr((2, 3)), 0.5, method="hazen", error=ArgumentError, match="hazen"),
        Refusal("median", Arr((0, 3)), error=ShapeError, match="(0, 3)"),
        Refusal("median", Arr((2,), "complex64"), error=DTypeError, match="complex64"),
    )
