"""Shapes and dtypes of what a function returns, without computing it.

The function runs abstractly on JAX, whatever the backend, once for each of two sizes put in the place of every unknown
one; what differs between the two runs is unknown in the result. Both sizes are highly composite, so that reshapes and
splits that would accept any reasonable batch accept them. When neither is accepted (an unknown size meets a known one,
as in `add` of (None, 3) and (5, 3)), the sizes that stand in the inputs are tried in its place: first in the place of one
unknown size alone, then of several (`_pinnings`), so that `matmul` of (None, None) and (3, 4) is (None, 4).

Sizes that only the values decide (how many unique elements there are) are unknown too: an op asks `size_of_unknown()`
for the one of the run, which differs between the two.
"""

import contextlib
import contextvars
import itertools
import re
from collections.abc import Callable, Iterator
from typing import Any

from lamella.backend import _dtypes, _registry
from lamella.core import _scopes, _tree
from lamella.core._keras_tensor import KerasTensor
from lamella.errors import LamellaError, ShapeError

PROBES = (2520, 5040)
_MOST_PINNINGS = 64


class _Run:
    """One abstract run: the size in the place of unknown ones, and that of what the values decide, if it was asked for."""

    def __init__(self, size: int, in_inputs: bool, decided: int, drawn: bool):
        self.size, self.in_inputs, self.decided, self.asked, self.drawn = size, in_inputs, decided, False, drawn


_run: contextvars.ContextVar[_Run | None] = contextvars.ContextVar("abstract_run", default=None)


class UnknownSizeError(ShapeError):
    """An op needs to know a size that is unknown: no stand-in helps."""


def size_of_unknown() -> int | None:
    """The size to give an axis whose size the values decide, while shapes are being worked out; else None."""
    run = _run.get()
    if run is None:
        return None
    run.asked = True
    return run.decided


def is_abstract() -> bool:
    """Whether shapes are being worked out, of arrays without values."""
    return _run.get() is not None


def stands_for_unknown(size: int) -> bool:
    """Whether `size` is, or is a multiple of, the one that stands for an unknown size of the inputs."""
    run = _run.get()
    return run is not None and run.in_inputs and run.size in PROBES and size % run.size == 0


def is_drawn() -> bool:
    """Whether the shapes are those of one op by itself, in a functional model, and not of a layer that goes on with them."""
    run = _run.get()
    return run is not None and run.drawn


def infer_spec(fn: Callable, args: tuple, kwargs: dict, drawn: bool = False) -> Any:
    """What `fn(*args, **kwargs)` returns, every array in it as a `KerasTensor`.

    Args:
        fn: a function of arrays.
        args, kwargs: its arguments, structures that hold KerasTensors.
        drawn: what `is_drawn` says.

    Raises:
        Whatever `fn` raises on such shapes.
    """
    leaves, treedef = _tree.flatten_with_spec((args, kwargs))
    where = [i for i, leaf in enumerate(leaves) if isinstance(leaf, KerasTensor)]
    tensors = [leaves[i] for i in where]

    unknown = list(
        dict.fromkeys(
            (id(t), axis, axis - len(t.shape)) for t in tensors for axis, n in enumerate(t.shape) if n is None
        )
    )
    in_inputs = bool(unknown)
    asked = False

    def run(size: int, decided: int | None = None, pinned: dict[tuple, int] | None = None) -> tuple[list, Any]:
        nonlocal asked
        this = _Run(size, in_inputs, decided or size, drawn)
        token = _run.set(this)
        pinned = pinned or {}
        shapes = [
            [pinned.get((id(t), i, i - len(t.shape)), size) if n is None else n for i, n in enumerate(t.shape)]
            for t in tensors
        ]
        try:
            return _abstract_run(fn, leaves, treedef, where, shapes)
        finally:
            _run.reset(token)
            asked = asked or this.asked

    if not in_inputs:
        with _errors_told(in_inputs):
            outputs, spec = run(PROBES[0])
        others = run(PROBES[1])[0] if asked else outputs
        return _tree.unflatten(spec, [_spec_of(a, b) for a, b in zip(outputs, others)])
    try:
        (first, spec), (second, _) = run(PROBES[0]), run(PROBES[1])
    except UnknownSizeError:
        raise
    except Exception:
        first = second = spec = None
        for pinned in _pinnings(unknown, [leaf.shape for leaf in leaves if hasattr(leaf, "shape")]):
            try:
                first, spec = run(PROBES[0], pinned=pinned)
                second = run(PROBES[1], pinned=pinned)[0] if asked or len(pinned) < len(unknown) else first
                break
            except Exception:  # these sizes do not fit either; the first error is the one worth telling
                continue
        if spec is None:
            with _errors_told(in_inputs):
                raise
    return _tree.unflatten(spec, [_spec_of(a, b) for a, b in zip(first, second)])  # type: ignore[arg-type]


def _pinnings(unknown: list[tuple], shapes: list[tuple]) -> Iterator[dict[tuple, int]]:
    """Ways to put the known sizes of `shapes` in the place of unknown ones: those first that pin the fewest.

    A place is (tensor, axis from the left, axis from the right). The same axis of all tensors, which may be their batch,
    counts as one place. The last ways pin everything: to what stands at the same axis of another tensor, or to one size.
    """
    sizes = sorted({n for shape in shapes for n in shape if n is not None and n > 1})
    units = [(place,) for place in unknown]
    units += [u for axis in {p[1] for p in unknown} if len(u := tuple(p for p in unknown if p[1] == axis)) > 1]
    fewest_first = (
        {place: n for unit, n in zip(chosen, values) for place in unit}
        for count in range(1, len(unknown) + 1)
        for chosen in itertools.combinations(units, count)
        if len(set(itertools.chain.from_iterable(chosen))) == sum(map(len, chosen))
        for values in itertools.product(sizes, repeat=count)
    )
    yield from itertools.islice(fewest_first, _MOST_PINNINGS)
    for side in (2, 1):
        beside = {p: [s[p[side]] for s in shapes if -len(s) <= p[side] < len(s)] for p in unknown}
        yield {p: n for p, ns in beside.items() if (n := max((n for n in ns if n is not None), default=None))}
    yield from (dict.fromkeys(unknown, n) for n in sizes)


@contextlib.contextmanager
def _errors_told(in_inputs: bool) -> Iterator[None]:
    """Errors name unknown sizes None; what JAX says by a TypeError about shapes or types that do not fit is a ShapeError."""
    try:
        yield
    except Exception as error:
        if in_inputs and error.args and isinstance(error.args[0], str):
            text = re.sub(rf"\b({'|'.join(map(str, PROBES))})\b", "None", error.args[0])
            error.args = (text, *error.args[1:])
        misfit = "shape" in str(error) or "equal output types" in str(error)
        if isinstance(error, TypeError) and not isinstance(error, LamellaError) and misfit:
            raise ShapeError(str(error)) from error
        raise


def _abstract_run(fn: Callable, leaves: list, treedef: Any, where: list[int], shapes: list) -> tuple[list, Any]:
    """The results of a run on JAX; where `fn` does not take JAX's arrays, on the user's own library."""
    symbolic = _scopes.symbolic_scope() or _scopes.SymbolicScope()
    try:
        return _abstract_run_on(_registry.get("jax"), symbolic, fn, leaves, treedef, where, shapes)
    except LamellaError:
        raise
    except Exception as error:
        if symbolic.runs_on == symbolic.adapter.name or not hasattr(symbolic.adapter, "eval_shape"):
            raise
        own = _scopes.SymbolicScope()
        own.adapter, own.runs_on = symbolic.adapter, symbolic.adapter.name
        try:
            return _abstract_run_on(symbolic.adapter, own, fn, leaves, treedef, where, shapes)
        except Exception:
            raise error from None  # the run on JAX tells it in the words that all backends share


def _abstract_run_on(
    adapter: Any, symbolic: Any, fn: Callable, leaves: list, treedef: Any, where: list[int], shapes: list
) -> tuple[list, Any]:
    specs = [adapter.spec(shape, leaves[i].dtype) for i, shape in zip(where, shapes)]
    result: dict[str, Any] = {}

    def pure(arrays: list) -> list:
        filled = list(leaves)
        for i, array in zip(where, arrays):
            filled[i] = array
        args, kwargs = _tree.unflatten(treedef, filled)
        outputs, result["spec"] = _tree.flatten_with_spec(fn(*args, **kwargs))
        result["plain"] = [None if _registry.owner(o) == adapter.name else (o,) for o in outputs]
        return [o for o in outputs if _registry.owner(o) == adapter.name]

    with symbolic, _registry.use(adapter), _scopes.StatelessScope(collect_losses=True):
        arrays = iter(adapter.eval_shape(pure, specs))
    return [next(arrays) if plain is None else plain[0] for plain in result["plain"]], result["spec"]


def _spec_of(first: Any, second: Any = None) -> Any:
    if not hasattr(first, "dtype") or not hasattr(first, "shape"):
        return first
    second = first if second is None else second
    shape = tuple(a if a == b else None for a, b in zip(first.shape, second.shape))
    return KerasTensor(shape, dtype=_dtypes.standardize_dtype(first.dtype))
