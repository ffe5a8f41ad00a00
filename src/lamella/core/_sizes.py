"""Sizes of axes: integers, but for programs that are exported for every batch size and for sizes that are computed."""

import operator
from typing import Any

from lamella.core._inference import is_abstract, size_of_unknown

__all__ = ["as_size", "is_computed"]


def as_size(n: Any) -> Any:
    """`n` as a Python integer; JAX's symbolic size, which stands for every integer, as it is.

    A size that is computed stands for every integer, too, while shapes are being worked out.

    Raises:
        TypeError: for anything else.
    """
    if is_computed(n):
        return size_of_unknown()
    return n if type(n).__name__ == "_DimExpr" else operator.index(n)


def is_computed(n: Any) -> bool:
    """Whether `n` is an integer that the values decide, while shapes are being worked out."""
    try:
        operator.index(n)
    except TypeError:
        return getattr(n, "shape", None) == () and is_abstract()
    return False
