"""`x + 1` and its kin on Variables and symbolic tensors.

The ops live above this folder and register themselves in `OPERATORS` when they are loaded; a first use loads them.
"""

import importlib
from collections.abc import Callable
from typing import Any

OPERATORS: dict[str, Callable] = {}


def operator(name: str) -> Callable:
    """The op called `name`."""
    if name not in OPERATORS:
        importlib.import_module("lamella.ops")
    return OPERATORS[name]


def _binary(name: str) -> Callable:
    def method(self: Any, other: Any) -> Any:
        return operator(name)(self, other)

    return method


def _reflected(name: str) -> Callable:
    def method(self: Any, other: Any) -> Any:
        return operator(name)(other, self)

    return method


def _unary(name: str) -> Callable:
    def method(self: Any) -> Any:
        return operator(name)(self)

    return method


# What NumPy calls the operators of Python, and the ops they are.
_OF_UFUNC = {
    "add": "add",
    "subtract": "subtract",
    "multiply": "multiply",
    "divide": "true_divide",
    "floor_divide": "floor_divide",
    "remainder": "mod",
    "power": "power",
    "matmul": "matmul",
    "less": "less",
    "less_equal": "less_equal",
    "greater": "greater",
    "greater_equal": "greater_equal",
    "equal": "equal",
    "not_equal": "not_equal",
}


class ArrayOperators:
    """Arithmetic, comparison, logic and indexing by way of the ops of the same meaning."""

    __array_priority__ = 100

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        """An operator between a NumPy array and this is that of this; NumPy's other functions take it as an array."""
        name = _OF_UFUNC.get(ufunc.__name__) if method == "__call__" and not kwargs else None
        if name is not None:
            return operator(name)(*inputs)
        arrays = [x.__array__() if isinstance(x, ArrayOperators) else x for x in inputs]  # type: ignore[attr-defined]
        return getattr(ufunc, method)(*arrays, **kwargs)

    __neg__ = _unary("negative")
    __abs__ = _unary("absolute")
    __invert__ = _unary("logical_not")
    __add__, __radd__ = _binary("add"), _reflected("add")
    __sub__, __rsub__ = _binary("subtract"), _reflected("subtract")
    __mul__, __rmul__ = _binary("multiply"), _reflected("multiply")
    __truediv__, __rtruediv__ = _binary("true_divide"), _reflected("true_divide")
    __floordiv__, __rfloordiv__ = _binary("floor_divide"), _reflected("floor_divide")
    __mod__, __rmod__ = _binary("mod"), _reflected("mod")
    __pow__, __rpow__ = _binary("power"), _reflected("power")
    __matmul__, __rmatmul__ = _binary("matmul"), _reflected("matmul")
    __and__, __rand__ = _binary("logical_and"), _reflected("logical_and")
    __or__, __ror__ = _binary("logical_or"), _reflected("logical_or")
    __xor__, __rxor__ = _binary("logical_xor"), _reflected("logical_xor")
    __lt__, __le__ = _binary("less"), _binary("less_equal")
    __gt__, __ge__ = _binary("greater"), _binary("greater_equal")
    __eq__, __ne__ = _binary("equal"), _binary("not_equal")  # type: ignore[assignment]
    __getitem__ = _binary("get_item")

    def __hash__(self) -> int:
        return id(self)

    def __round__(self, ndigits: int | None = None) -> Any:
        return operator("round")(self, ndigits or 0)
