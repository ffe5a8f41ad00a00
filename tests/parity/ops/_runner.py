"""One table of cases per op, and the checks that every case goes through.

A test module writes tables and nothing else::

    from parity.ops._runner import Arr, Case, OpParity, Refusal

    class TestArithmetic(OpParity):
        cases = (
            Case("add", Arr((2, 3)), Arr((3,), "bfloat16")),
            Case("sum", Arr((2, 0, 3), "int8"), axis=(0, -1), keepdims=True),
            Case("sort", Arr((4,), values=[1.0, NAN, -INF, 2.0]), reference=False),
        )
        refusals = (Refusal("add", Arr((2,)), Arr((3,)), error=ShapeError, match="(2,), (3,)"),)

An `Arr` stands for an array: a shape, a dtype and how its values are drawn, the same in every run. It may
stand anywhere in the arguments, in lists too; everything else is passed on as it is (also Python scalars and
lists, as users write them). From the two tables come these tests, each parametrised with the cases:

- `like_keras`: structure, shapes, dtypes and values are those of the `keras` wheel on JAX;
- `on_numpy`, `on_torch`, `on_tensorflow`: the adapter answers as the jax adapter does: structure, shapes, dtypes,
  values (a backend that is not installed is one skipped test in each table, which says so);
- `symbolic`: the op drawn on KerasTensors has the shape and the dtype of the real result, with known sizes, and
  with an unknown first size of those arrays that have the most axes (sizes of 1 stay known);
- `like_reference`: values are those of the reference in float64 (`numpy.<op>` unless the case names another),
  except for half precision, which the two above hold to the rest;
- `compiled`: the compiled op answers as it does eagerly, for arrays of float32 and int32;
- `gradient`: central differences in float64 agree with the gradient with respect to every float32 `Arr` (for
  cases with `grad=True`; choose values away from kinks);
- `gradient_on_torch`, `gradient_on_tensorflow`: the gradients of those cases are JAX's, in float64;
- `refuses`: the error of a `Refusal` has the right type and tells the op's name, and its text is the same when
  run on jax, on every other installed backend and when drawn.

A test takes about 30 ms: let one op of a family go through all dtypes, and the others through a few.

What is known to differ stands in `parity/deviations.py` and is expected to fail there.
"""

import contextlib
import dataclasses
import fnmatch
import functools
import warnings
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest
from backends import OTHERS, installed, why_not
from parity.deviations import DEVIATIONS

import lamella.backend
from lamella import ops
from lamella.backend import _registry
from lamella.core import _tree
from lamella.core._keras_tensor import KerasTensor
from lamella.errors import LamellaError

keras = pytest.importorskip("keras")

NAN, INF = float("nan"), float("inf")
FLOATS = ("float32", "float16", "bfloat16")
INTS = ("int8", "uint8", "int32")
REALS = (*FLOATS, *INTS, "bool")
# Of each dtype, the distance of neighbours near 1, times a few roundings.
_RELATIVE = {"bfloat16": 2.0**-6, "float16": 2.0**-9, "float32": 1e-5, "complex64": 1e-5, "float64": 1e-9}


@dataclasses.dataclass(frozen=True)
class Arr:
    """An array to be made.

    Attributes:
        shape: its shape.
        dtype: its dtype.
        values: what is in it, in row-major order, repeated as often as the shape needs; None to draw.
        low, high: the range to draw from, uniformly; both ends for integers.
        seed: another number, other values.
        known: whether its sizes are known when the others' are not.
    """

    shape: tuple[int, ...]
    dtype: str = "float32"
    values: Any = None
    low: float = -3
    high: float = 3
    seed: int = 0
    known: bool = False

    def numpy(self) -> np.ndarray:
        """The array, by NumPy (and ml_dtypes)."""
        dtype = np.dtype(getattr(ml_dtypes, self.dtype, self.dtype))
        if self.values is not None:
            flat = np.asarray(self.values).reshape(-1).astype(dtype)
            return np.resize(flat, self.shape) if self.shape else flat.reshape(())
        label = f"{self.shape}{self.dtype}{self.low}{self.high}{self.seed}"
        rng = np.random.default_rng(zlib.crc32(label.encode()))
        if dtype.kind == "b":
            return rng.integers(0, 2, self.shape).astype(bool)
        if dtype.kind in "iu":
            low = max(self.low, 0) if dtype.kind == "u" else self.low
            return rng.integers(int(low), int(self.high), self.shape, endpoint=True).astype(dtype)
        drawn = rng.uniform(self.low, self.high, self.shape)
        if dtype.kind == "c":
            drawn = drawn + 1j * rng.uniform(self.low, self.high, self.shape)
        return np.asarray(drawn).astype(dtype)

    def __str__(self) -> str:
        return "x".join(map(str, self.shape)) + self.dtype + ("v" if self.values is not None else "")


class Case:
    """One call of an op.

    Args:
        op: its name in `ops`; a dot leads into a submodule, as in "linalg.norm".
        *args: its arguments, with `Arr` in the place of arrays.
        id: what pytest calls it; made of the op and its arguments otherwise.
        reference: a function of the same arguments (arrays of float64 or integers) that returns the values; None
            for `numpy.<op>` where there is one; False for none.
        rtol, atol: tolerances; None for what the dtypes of the arguments and of the result ask for.
        grad: whether to check gradients.
        unknown: whether the op can be drawn with an unknown first size.
        draw: whether the op can be drawn at all.
        sized: whether known sizes of the arguments decide on those of the results, rather than the values.
        compiles: whether the op can be compiled.
        oracle: whether Keras can be asked.
        numpy: whether the other adapters have to agree.
        **kwargs: the op's keyword arguments.
    """

    def __init__(
        self,
        op: str,
        *args: Any,
        id: str | None = None,
        reference: Callable | bool | None = None,
        rtol: float | None = None,
        atol: float | None = None,
        grad: bool = False,
        unknown: bool = True,
        draw: bool = True,
        sized: bool = True,
        compiles: bool = True,
        oracle: bool = True,
        numpy: bool = True,
        **kwargs: Any,
    ):
        self.op, self.args, self.kwargs = op, args, kwargs
        self.rtol, self.atol, self.grad, self.unknown = rtol, atol, grad, unknown
        self.draw, self.compiles, self.oracle, self.numpy = draw, compiles, oracle, numpy
        self.sized = sized
        self.reference = getattr(np, op, None) if reference is None else reference or None
        self.id = id or "-".join([op, *map(_label, args), *(f"{k}={_label(v)}" for k, v in kwargs.items())])

    def arrays(self) -> list[Arr]:
        """The arrays among the arguments."""
        return [leaf for leaf in _tree.flatten((self.args, self.kwargs)) if isinstance(leaf, Arr)]

    def fill(self, make: Callable[[Arr], Any]) -> tuple[tuple, dict]:
        """The arguments, every array made by `make`."""
        leaves, spec = _tree.flatten_with_spec((self.args, self.kwargs))
        return _tree.unflatten(spec, [make(leaf) if isinstance(leaf, Arr) else leaf for leaf in leaves])

    def run(self, make: Callable[[Arr], Any] = lambda a: jnp.asarray(a.numpy())) -> Any:
        """What lamella answers."""
        args, kwargs = self.fill(make)
        return named(ops, self.op)(*args, **kwargs)

    @functools.cached_property
    def answer(self) -> Any:
        """What lamella answers on JAX, by draws that are the same on every backend: computed once for all checks."""
        with _portable_draws():
            return self.run()


class Refusal(Case):
    """A call that has to fail.

    Args:
        error: the type of the exception.
        match: a text that its message holds, such as the shapes.
        drawn: whether it fails when drawn too.
        others: see `Case`.
    """

    def __init__(self, op: str, *args: Any, error: type, match: str = "", drawn: bool = True, **kwargs: Any):
        super().__init__(op, *args, **kwargs)
        self.error, self.match, self.drawn = error, match, drawn


def _label(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return "(" + ",".join(map(_label, value)) + ")"
    return getattr(value, "__name__", None) or str(value)


def named(root: Any, path: str) -> Any:
    """`root.a.b` for "a.b"."""
    for name in path.split("."):
        root = getattr(root, name)
    return root


@contextlib.contextmanager
def quiet_numpy() -> Iterator[None]:
    """NumPy says nothing of overflow, division by zero, and means of nothing."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        yield


# ---- comparing -----------------------------------------------------------------------------------------


def leaves_of(result: Any) -> list:
    """The arrays in a result; None and Python values are compared as they are."""
    return _tree.flatten(result)


def values_of(result: Any) -> np.ndarray:
    """As NumPy, half precision as float32."""
    array = np.asarray(_registry.to_numpy(result))
    return array.astype(np.float32) if array.dtype.kind not in "biufc" or array.dtype == np.float16 else array


def dtype_name(array: Any) -> str:
    """The name of an array's dtype; that of its type for anything else."""
    return (
        _registry.get(_registry.owner(array) or "numpy").dtype(array)
        if hasattr(array, "dtype")
        else type(array).__name__
    )


def assert_same(got: Any, expected: Any, case: Case, dtypes: bool = True) -> None:
    """The same structure, shapes, dtypes (unless told not to look) and, within the tolerance, values."""
    got, expected = leaves_of(got), leaves_of(expected)
    assert len(got) == len(expected), f"{len(got)} results, expected {len(expected)}"
    for g, e in zip(got, expected):
        if not hasattr(e, "dtype"):
            assert g == e, f"{g!r}, expected {e!r}"
            continue
        assert tuple(g.shape) == tuple(e.shape), f"shape {tuple(g.shape)}, expected {tuple(e.shape)}"
        if dtypes:
            assert dtype_name(g) == dtype_name(e), f"dtype {dtype_name(g)}, expected {dtype_name(e)}"
        names = {dtype_name(g), *((a.dtype for a in case.arrays()) if dtype_name(g)[:3] != "int" else ())}
        relative = max(_RELATIVE.get(name, 0) for name in names)
        rtol = relative if case.rtol is None else case.rtol
        atol = relative if case.atol is None else case.atol
        with np.errstate(all="ignore"):
            np.testing.assert_allclose(values_of(g), values_of(e), rtol=rtol, atol=atol, equal_nan=True)


# ---- checks --------------------------------------------------------------------------------------------


def check_like_keras(case: Case) -> None:
    args, kwargs = case.fill(lambda a: jnp.asarray(a.numpy()))
    expected = named(keras.ops, case.op)(*args, **kwargs)
    assert_same(case.answer, expected, case)


def check_like_reference(case: Case) -> None:
    def wide(a: Arr) -> np.ndarray:
        x = a.numpy()
        kind = {"c": np.complex128, "b": bool, "i": np.int64, "u": np.int64}.get(x.dtype.kind, np.float64)
        return x.astype(kind)

    def reference(make: Callable[[Arr], Any]) -> list[np.ndarray]:
        args, kwargs = case.fill(make)
        with quiet_numpy():
            return [np.asarray(x) for x in leaves_of(case.reference(*args, **kwargs))]  # type: ignore[operator]

    expected = reference(wide)
    if any(x.dtype == np.float16 for x in expected):  # what NumPy makes of booleans
        expected = reference(lambda a: a.numpy().astype(np.float64))
    got = leaves_of(case.answer)
    # Small integers wrap around, which the 64-bit ones of the reference do not.
    expected = [e.astype(g.dtype) if e.dtype.kind in "iu" else e for g, e in zip(got, expected, strict=True)]
    assert_same(got, expected, case, dtypes=False)


def check_on(name: str, case: Case) -> None:
    adapter = _registry.get(name)
    with _portable_draws(), lamella.backend.use(adapter), quiet_numpy():
        got = case.run(lambda a: adapter.asarray(a.numpy()))
    assert all(_registry.owner(g) in (name, None) for g in leaves_of(got)), f"not arrays of {name}: {got}"
    assert_same(got, case.answer, case)


@contextlib.contextmanager
def _portable_draws() -> Iterator[None]:
    """Every backend draws the same numbers."""
    lamella.config.set_portable_random(True)
    try:
        yield
    finally:
        lamella.config.set_portable_random(False)


def check_gradient_on(name: str, case: Case) -> None:
    with jax.enable_x64(True):
        expected = _gradients(_registry.get("jax"), case)
    with lamella.backend.use(name):
        got = _gradients(_registry.get(name), case)
    for g, e in zip(got, expected, strict=True):
        np.testing.assert_allclose(g, e, rtol=1e-6, atol=1e-8)


def _gradients(adapter: Any, case: Case) -> list[np.ndarray]:
    """Gradients of a weighted sum of the results with respect to the float32 arrays, taken in float64."""
    rng = np.random.default_rng(7)
    specs = case.arrays()
    starts = [adapter.asarray(_wide(a)) for a in specs]
    moving = [i for i, a in enumerate(specs) if a.dtype == "float32"]

    def total(parts: list) -> Any:
        given = list(starts)
        for i, part in zip(moving, parts):
            given[i] = part
        arrays = iter(given)
        results = [
            r for r in leaves_of(case.run(lambda _: next(arrays))) if "float" in dtype_name(r) or "c" in dtype_name(r)
        ]
        weights = [adapter.asarray(rng.uniform(0.5, 1.5, tuple(r.shape))) for r in results]
        return sum(ops.sum(ops.real(r) * w) for r, w in zip(results, weights))

    _, grads = adapter.value_and_grad(total)([starts[i] for i in moving])
    return [adapter.to_numpy(g) for g in grads]


def _wide(a: Arr) -> np.ndarray:
    values = a.numpy()
    return values.astype(np.float64) if a.dtype == "float32" else values


def check_compiled(case: Case) -> None:
    specs = [a for a in case.arrays()]

    def program(*arrays: Any) -> Any:
        given = iter(arrays)
        return case.run(lambda _: next(given))

    assert_same(jax.jit(program)(*(jnp.asarray(a.numpy()) for a in specs)), case.answer, case)


def check_symbolic(case: Case) -> None:
    real = leaves_of(case.answer)
    rank = max(len(a.shape) for a in case.arrays())
    for unknown in (False, True) if case.unknown and rank else (False,):

        def draw(a: Arr, unknown: bool = unknown) -> KerasTensor:
            leading = unknown and len(a.shape) == rank and a.shape[0] > 1 and not a.known
            return KerasTensor((None, *a.shape[1:]) if leading else a.shape, a.dtype)

        drawn = leaves_of(case.run(draw))
        assert len(drawn) == len(real)
        for d, r in zip(drawn, real):
            assert isinstance(d, KerasTensor), f"drew {d!r}"
            assert d.dtype == dtype_name(r), f"drew dtype {d.dtype}, is {dtype_name(r)}"
            assert len(d.shape) == len(r.shape), f"drew shape {d.shape}, is {tuple(r.shape)}"
            assert all(s in (None, n) for s, n in zip(d.shape, r.shape)), f"drew {d.shape}, is {tuple(r.shape)}"
            assert unknown or not case.sized or None not in d.shape


def check_gradient(case: Case) -> None:
    with jax.enable_x64(True):
        specs = [a for a in case.arrays()]
        starts = [jnp.asarray(_wide(a)) for a in specs]
        moving = [i for i, a in enumerate(specs) if a.dtype == "float32"]
        rng = np.random.default_rng(7)
        weights: list = []

        def total(parts: list) -> Any:
            given = list(starts)
            for i, part in zip(moving, parts):
                given[i] = part
            arrays = iter(given)
            results = leaves_of(case.run(lambda _: next(arrays)))
            if not weights:
                weights.extend(rng.uniform(0.5, 1.5, r.shape) for r in results)
            return sum(jnp.sum(jnp.real(r) * w) for r, w in zip(results, weights))

        parts = [starts[i] for i in moving]
        directions = [rng.uniform(-1, 1, p.shape) for p in parts]
        step = 1e-6
        ahead = total([p + step * d for p, d in zip(parts, directions)])
        behind = total([p - step * d for p, d in zip(parts, directions)])
        expected = float(ahead - behind) / (2 * step)
        grads = jax.grad(total)(parts)
        slope = float(sum(jnp.sum(g * d) for g, d in zip(grads, directions)))
        np.testing.assert_allclose(slope, expected, rtol=1e-5, atol=1e-6)


def check_refuses(case: Refusal) -> None:
    texts = {}
    makers: dict[str, Callable] = dict.fromkeys(
        ("jax", *filter(installed, OTHERS)), lambda a: _registry.active().asarray(a.numpy())
    )
    if case.drawn and case.arrays():
        makers["drawn"] = lambda a: KerasTensor(a.shape, a.dtype)
    for where, make in makers.items():
        with lamella.backend.use("jax" if where == "drawn" else where), pytest.raises(case.error) as caught:
            case.run(make)
        assert isinstance(caught.value, LamellaError), f"{where}: {caught.value!r}"
        texts[where] = str(caught.value)
    assert case.op in texts["jax"] and case.match in texts["jax"], texts["jax"]
    assert len(set(texts.values())) == 1, texts


def _has_dtype(case: Case, *names: str) -> bool:
    return any(a.dtype in names for a in case.arrays())


CHECKS: dict[str, tuple[Callable, Callable[[Case], Any]]] = {
    "like_keras": (check_like_keras, lambda c: c.oracle),
    "like_reference": (check_like_reference, lambda c: c.reference and not _has_dtype(c, "float16", "bfloat16")),
    "compiled": (check_compiled, lambda c: c.compiles and _has_dtype(c, "float32", "int32")),
    "symbolic": (check_symbolic, lambda c: c.draw and c.arrays()),
    "gradient": (check_gradient, lambda c: c.grad),
}


class OpParity:
    """Base of a table of tests: a subclass called `Test...` has `cases`, and perhaps `refusals`."""

    cases: ClassVar[tuple[Case, ...]] = ()
    refusals: ClassVar[tuple[Refusal, ...]] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name, (check, applies) in CHECKS.items():
            _attach(cls, name, check, [c for c in cls.cases if applies(c)])
        for backend, differentiable in OTHERS.items():
            cases = [c for c in cls.cases if c.numpy]
            _attach(cls, f"on_{backend}", functools.partial(check_on, backend), cases, backend)
            if differentiable:
                check = functools.partial(check_gradient_on, backend)
                _attach(cls, f"gradient_on_{backend}", check, [c for c in cases if c.grad], backend)
        _attach(cls, "refuses", check_refuses, cls.refusals)
        if cls.refusals:
            cls.test_refuses = pytest.mark.backends(cls.test_refuses)


def _attach(cls: type, name: str, check: Callable, cases: Sequence[Case], backend: str = "jax") -> None:
    if not cases:
        return
    if not installed(backend):

        def test_missing(self: Any) -> None:
            pytest.skip(why_not(backend))

        setattr(cls, f"test_{name}", pytest.mark.backends(test_missing))
        return
    params, seen = [], set()
    for case in cases:
        label = case.id
        while label in seen:
            label += "'"
        seen.add(label)
        reasons = [r for pattern, r in DEVIATIONS.items() if fnmatch.fnmatchcase(f"{name}/{case.id}", pattern)]
        marks = [pytest.mark.xfail(strict=True, reason=reasons[0])] if reasons else []
        params.append(pytest.param(case, id=label, marks=marks))

    def test(self: Any, case: Case) -> None:
        check(case)

    test = pytest.mark.parametrize("case", params)(test)
    setattr(cls, f"test_{name}", test if backend == "jax" else pytest.mark.backends(test))
