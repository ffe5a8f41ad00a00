"""Shapes and dtypes of what a function returns, without computing it.

The function runs abstractly on JAX, whatever the backend, once for each of two sizes put in the place of every unknown
one; what differs between the two runs is unknown in the result. Both sizes are highly composite, so that reshapes and
splits that would accept any reasonable batch accept them. When neither is accepted (an unknown size meets a known one,
as in `add` of (None, 3) and (5, 3)), each size that stands in the inputs is tried in its place.

Sizes that only the values decide (how many unique elements there are) are unknown too: an op asks `size_of_unknown()`
for the one of the run, which differs between the two.
"""

import contextlib
import contextvars
import re
from collections.abc import Callable, Iterator
from typing import Any

from lamella.backend import _dtypes, _registry
from lamella.core import _scopes, _tree
from lamella.core._keras_tensor import KerasTensor
from lamella.errors import LamellaError, ShapeError

PROBES = (2520, 5040)


class _Run:
    """One abstract run: the size in the place of unknown ones, and that of what the values decide, if it was asked for."""

    def __init__(self, size: int, in_inputs: bool, decided: int):
        self.size, self.in_inputs, self.decided, self.asked = size, in_inputs, decided, False


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


def stands_for_unknown(size: int) -> bool:
    """Whether `size` is, or is a multiple of, the one that stands for an unknown size of the inputs."""
    run = _run.get()
    return run is not None and run.in_inputs and run.size in PROBES and size % run.size == 0


def infer_spec(fn: Callable, args: tuple, kwargs: dict) -> Any:
    """What `fn(*args, **kwargs)` returns, every array in it as a `KerasTensor`.

    Args:
        fn: a function of arrays.
        args, kwargs: its arguments, structures that hold KerasTensors.

    Raises:
        Whatever `fn` raises on such shapes.
    """
    leaves, treedef = _tree.flatten_with_spec((args, kwargs))
    where = [i for i, leaf in enumerate(leaves) if isinstance(leaf, KerasTensor)]
    tensors = [leaves[i] for i in where]

    in_inputs = any(None in t.shape for t in tensors)
    asked = False

    def run(size: int, decided: int | None = None) -> tuple[list, Any]:
        nonlocal asked
        this = _Run(size, in_inputs, decided or size)
        token = _run.set(this)
        try:
            return _abstract_run(fn, leaves, treedef, where, size)
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
        for size in sorted({n for leaf in leaves for n in getattr(leaf, "shape", ()) if n is not None and n > 1}):
            try:
                first, spec = run(size, PROBES[0])
                second = run(size, PROBES[1])[0] if asked else first
                break
            except Exception:  # the size does not fit either; the first error is the one worth telling
                continue
        if spec is None:
            with _errors_told(in_inputs):
                raise
    return _tree.unflatten(spec, [_spec_of(a, b) for a, b in zip(first, second)])  # type: ignore[arg-type]


@contextlib.contextmanager
def _errors_told(in_inputs: bool) -> Iterator[None]:
    """Errors name unknown sizes None; what JAX says by a TypeError about shapes that do not fit is a ShapeError."""
    try:
        yield
    except Exception as error:
        if in_inputs and error.args and isinstance(error.args[0], str):
            text = re.sub(rf"\b({'|'.join(map(str, PROBES))})\b", "None", error.args[0])
            error.args = (text, *error.args[1:])
        if isinstance(error, TypeError) and not isinstance(error, LamellaError) and "shape" in str(error):
            raise ShapeError(str(error)) from error
        raise


def _abstract_run(fn: Callable, leaves: list, treedef: Any, where: list[int], size: int) -> tuple[list, Any]:
    """The results of a run on JAX; where `fn` does not take JAX's arrays, on the user's own library."""
    symbolic = _scopes.symbolic_scope() or _scopes.SymbolicScope()
    try:
        return _abstract_run_on(_registry.get("jax"), symbolic, fn, leaves, treedef, where, size)
    except LamellaError:
        raise
    except Exception as error:
        if symbolic.runs_on == symbolic.adapter.name or not hasattr(symbolic.adapter, "eval_shape"):
            raise
        own = _scopes.SymbolicScope()
        own.adapter, own.runs_on = symbolic.adapter, symbolic.adapter.name
        try:
            return _abstract_run_on(symbolic.adapter, own, fn, leaves, treedef, where, size)
        except Exception:
            raise error from None  # the run on JAX tells it in the words that all backends share


def _abstract_run_on(
    adapter: Any, symbolic: Any, fn: Callable, leaves: list, treedef: Any, where: list[int], size: int
) -> tuple[list, Any]:
    specs = [adapter.spec([size if n is None else n for n in leaves[i].shape], leaves[i].dtype) for i in where]
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
