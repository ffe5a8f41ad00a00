"""Whether all code that a step of a model runs is known: what is not may print, count, or look at values."""

import functools
import sys
import types
from collections.abc import Iterable
from typing import Any

_KNOWN = {"lamella", "numpy", "jax", "jaxlib", "ml_dtypes", "optree", *sys.stdlib_module_names} - {"random", "time"}
# What is no part of a step: who watches training, the programs made so far, how values began.
_BESIDE = tuple(
    f"lamella.{name}"
    for name in ("callbacks", "training._callback", "training._programs", "training._position", "initializers")
)
_BOOKS = ("_programs", "history", "_position")


def code_in(model: Any) -> str | None:
    """The first thing in `model` whose code is of neither this package nor those below it, in words; None for none."""
    seen: set[int] = set()
    pending: list = [model]
    while pending:
        value = pending.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        origin = value if isinstance(value, (type, types.FunctionType, types.BuiltinFunctionType)) else type(value)
        module = getattr(origin, "__module__", None) or "builtins"
        if module.startswith(_BESIDE):
            continue
        if module.partition(".")[0] not in _KNOWN and not _is_pure(value, module):
            name = getattr(origin, "__qualname__", origin)
            return f"model {model.name!r} has code of its own, {name} of {module!r} (jit_compile=True records it too)"
        pending += _parts(value)
    return None


def _is_pure(value: Any, module: str) -> bool:
    """Whether it is an array, or a function of an array library."""
    return module.partition(".")[0] in ("torch", "tensorflow") and (
        hasattr(value, "__array__") or isinstance(value, types.BuiltinFunctionType)
    )


def _parts(value: Any) -> Iterable:
    if isinstance(value, (str, bytes, int, float, type, types.ModuleType)) or hasattr(value, "__array__"):
        return ()
    if isinstance(value, dict):
        return value.values()
    if isinstance(value, (list, tuple, set, frozenset)):
        return value
    if isinstance(value, types.MethodType):
        return value.__func__, value.__self__
    if isinstance(value, functools.partial):
        return value.func, *value.args, *value.keywords.values()
    if isinstance(value, types.FunctionType):
        return [_content(cell) for cell in value.__closure__ or ()]
    return [part for name, part in getattr(value, "__dict__", {}).items() if name not in _BOOKS]


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not filled yet
        return None
