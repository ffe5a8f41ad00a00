"""Functions of single elements made functions of arrays."""

import functools
import re
from collections.abc import Callable
from typing import Any

from lamella.backend import _registry
from lamella.core import _tree
from lamella.core._arrays import arrays
from lamella.core._operation import OpCall, any_symbolic_tensors
from lamella.errors import ArgumentError, ShapeError

__all__ = ["vectorize", "custom_gradient"]

_CORE = r"\(\s*(?:\w+(?:\s*,\s*\w+)*)?\s*\)"
_SIGNATURE = re.compile(rf"\s*{_CORE}(?:\s*,\s*{_CORE})*\s*->\s*{_CORE}(?:\s*,\s*{_CORE})*\s*")


def vectorize(pyfunc: Callable, *, excluded: Any = None, signature: str | None = None) -> Callable:
    """`pyfunc` as a function of arrays, which broadcast against each other.

    Args:
        pyfunc: a function of scalars, or of arrays of the ranks that `signature` gives, written with ops.
        excluded: positions and names of arguments that are passed on as they are.
        signature: the axes that each argument and result of `pyfunc` has, such as `"(m,n),(n)->(m)"`; axes of
            one name have one size. Without it: none.

    Returns:
        A function that maps `pyfunc` over the leading axes of its arguments.

    Raises:
        ArgumentError: when `pyfunc` is not callable, or the signature is malformed.

    Example:
        >>> from lamella import ops
        >>> norm = ops.vectorize(lambda v: ops.sum(v * v), signature="(n)->()")
        >>> ops.convert_to_numpy(norm(ops.ones((2, 3)))).tolist()
        [3.0, 3.0]
    """
    if not callable(pyfunc):
        raise ArgumentError(f"The `pyfunc` of ops.vectorize must be callable; got {pyfunc!r}.")
    excluded = frozenset(excluded or ())
    cores = None if signature is None else _cores(signature)

    @functools.wraps(pyfunc)
    def run(*args: Any, **kwargs: Any) -> Any:
        if any_symbolic_tensors(args, kwargs):
            return OpCall(run).symbolic_call(*args, **kwargs)
        places = [i for i in range(len(args)) if i not in excluded]
        names = [k for k in kwargs if k not in excluded]
        if cores is not None and len(cores) != len(places) + len(names):
            raise ArgumentError(
                f"A function vectorized with the signature {signature!r} takes {len(cores)} arrays; got {len(places)}."
            )

        def call(*values: Any) -> Any:
            filled, named = list(args), dict(kwargs)
            for i, value in zip(places, values):
                filled[i] = value
            named.update(zip(names, values[len(places) :]))
            return _returned(pyfunc(*filled, **named))

        found = [args[i] for i in places] + [kwargs[k] for k in names]
        if not found:
            return call()
        return _mapped(call, found, cores or [()] * len(found), signature)

    return run


def _returned(structure: Any) -> Any:
    asarray = _registry.active().asarray
    return _tree.map_structure(lambda leaf: None if leaf is None else asarray(leaf), structure)


def _cores(signature: str) -> list[tuple[str, ...]]:
    """The names of the axes of each argument."""
    if not isinstance(signature, str) or not _SIGNATURE.fullmatch(signature):
        raise ArgumentError(f"The `signature` of ops.vectorize must look like '(m,n),(n)->(m)'; got {signature!r}.")
    return [tuple(re.findall(r"\w+", core)) for core in re.findall(_CORE, signature.split("->")[0])]


def _mapped(call: Callable, values: list, cores: list[tuple[str, ...]], signature: str | None) -> Any:
    """`call` mapped over the axes in front of the cores, which broadcast; axes of size 1 are not repeated."""
    adapter = _registry.active()
    xp, *values = arrays(*values)
    sizes: dict[str, int] = {}
    for x, core in zip(values, cores):
        for name, size in zip(core, x.shape[x.ndim - len(core) :]):
            if x.ndim < len(core) or sizes.setdefault(name, size) != size:
                raise ShapeError(
                    f"Arrays of shapes {', '.join(str(tuple(v.shape)) for v in values)} do not fit the "
                    "signature "
                    f"{signature!r}: the axis {name!r} has two sizes."
                )
    for x, core in zip(values, cores):
        if x.ndim < len(core):
            raise ShapeError(f"An array of shape {tuple(x.shape)} has too few axes for the signature {signature!r}.")
    leading = [tuple(x.shape[: x.ndim - len(core)]) for x, core in zip(values, cores)]
    rank = max(len(shape) for shape in leading)
    padded = [(1,) * (rank - len(shape)) + shape for shape in leading]
    for column in zip(*padded):
        if len({n for n in column if n != 1}) > 1:
            raise ShapeError(
                f"The leading axes of arrays of shapes {', '.join(str(tuple(v.shape)) for v in values)} do "
                "not broadcast."
            )
    values = [
        xp.reshape(x, (*[n for n, full in zip(shape, _broadcast(padded)) if n == full], *x.shape[x.ndim - len(core) :]))
        for x, shape, core in zip(values, padded, cores)
    ]
    for i in reversed(range(rank)):
        full = _broadcast(padded)[i]
        in_axes = [0 if shape[i] == full else None for shape in padded]
        call = adapter.vmap(call, in_axes=in_axes)
    return call(*values)


def _broadcast(shapes: list[tuple[int, ...]]) -> list[int]:
    return [next((n for n in column if n != 1), 1) for column in zip(*shapes)]


def custom_gradient(f: Callable) -> Callable:
    """A function whose gradient is given rather than derived.

    Args:
        f: a function of arrays that returns a pair: its result, and a function `grad(*args, upstream=None)`.
            That gets the gradient of the result, by name or as its only argument, and returns the gradients
            of the arguments of `f`.

    Returns:
        A function of the same arguments that returns the result. On backends without gradients only that is
        computed.

    Example:
        >>> from lamella import ops
        >>> @ops.custom_gradient
        ... def log1pexp(x):
        ...     e = ops.exp(x)
        ...     def grad(*args, upstream=None):
        ...         upstream = args[0] if upstream is None else upstream
        ...         return upstream * (1 - 1 / (1 + e))
        ...     return ops.log(1 + e), grad
        >>> float(log1pexp(100.0)) == float("inf")
        True
    """

    @functools.wraps(f)
    def run(*args: Any, **kwargs: Any) -> Any:
        if any_symbolic_tensors(args, kwargs):
            return OpCall(run).symbolic_call(*args, **kwargs)
        adapter = _registry.active()
        args = _tree.map_structure(
            lambda leaf: adapter.asarray(leaf) if hasattr(leaf, "__lamella_array__") else leaf, args
        )
        return adapter.custom_gradient(f)(*args, **kwargs)

    return run
