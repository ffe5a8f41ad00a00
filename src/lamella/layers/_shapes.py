"""Structures of shapes, and the symbolic tensors that stand for them."""

from typing import Any

from lamella.core._keras_tensor import KerasTensor


def as_shape(value: Any) -> Any:
    """Lists of sizes (as JSON has them) as tuples, in any structure of shapes."""
    if isinstance(value, (list, tuple)):
        if all(n is None or isinstance(n, int) for n in value):
            return tuple(value)
        return type(value)(as_shape(v) for v in value)
    if isinstance(value, dict):
        return {k: as_shape(v) for k, v in value.items()}
    return value


def shapes_to_tensors(shapes: Any, dtype: str) -> Any:
    """A KerasTensor of `dtype` in place of every shape."""
    if shapes is None:
        return None
    if isinstance(shapes, KerasTensor):
        return shapes
    if isinstance(shapes, dict):
        return {k: shapes_to_tensors(v, dtype) for k, v in shapes.items()}
    if all(n is None or isinstance(n, int) or hasattr(n, "__index__") for n in shapes):
        return KerasTensor(tuple(shapes), dtype=dtype)
    return type(shapes)(shapes_to_tensors(v, dtype) for v in shapes)


def filled(shapes: Any, size: int) -> Any:
    """`size` in place of every unknown axis but the first of a shape, in any structure of shapes."""
    if isinstance(shapes, dict):
        return {k: filled(v, size) for k, v in shapes.items()}
    if not isinstance(shapes, (list, tuple)):
        return shapes
    if all(n is None or isinstance(n, int) for n in shapes):
        return (*shapes[:1], *(size if n is None else n for n in shapes[1:]))
    return type(shapes)(filled(v, size) for v in shapes)


def agreed(first: Any, second: Any) -> Any:
    """Two structures of shapes as one, where they differ in a size with None."""
    if isinstance(first, dict):
        return {k: agreed(v, second[k]) for k, v in first.items()}
    if isinstance(first, (list, tuple)):
        return type(first)(agreed(a, b) for a, b in zip(first, second))
    return first if first == second else None
