"""Sizes of axes: integers, but for programs that are exported for every batch size."""

import operator
from typing import Any

__all__ = ["as_size"]


def as_size(n: Any) -> Any:
    """`n` as a Python integer; JAX's symbolic size, which stands for every integer, as it is.

    Raises:
        TypeError: for anything else.
    """
    return n if type(n).__name__ == "_DimExpr" else operator.index(n)
