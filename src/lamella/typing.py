"""Aliases used in type hints throughout the package."""

from collections.abc import Sequence
from typing import Any, TypeAlias

Array: TypeAlias = Any  # an array of the active backend; no library's type is imported to say so
ArrayLike: TypeAlias = Any  # an Array, a Variable, a NumPy array, a nested list or a Python scalar
DType: TypeAlias = str  # a canonical name: "float32", "bfloat16", "int8", "bool", ...
Shape: TypeAlias = tuple[int, ...]
PartialShape: TypeAlias = tuple[int | None, ...]  # None where the size is unknown
Axis: TypeAlias = int | Sequence[int] | None
Seed: TypeAlias = Any  # None, an int, a SeedGenerator, or a key drawn from one
