"""Targets and predictions brought side by side: arrays of one library, one dtype, and one rank."""

from collections.abc import Sequence
from typing import Any

from lamella import ops
from lamella.backend import _registry
from lamella.core import _tree
from lamella.core._keras_tensor import KerasTensor
from lamella.errors import ShapeError
from lamella.typing import Array, ArrayLike

__all__ = ["aligned", "broadcasts", "converted", "dtype_name", "match_ranks", "operands", "to_dtype"]


def to_dtype(value: ArrayLike, dtype: str | None, like: Any = None) -> Any:
    """`value` as an array of `dtype`; a symbolic tensor stays one.

    The array belongs to the library of `like`, if given. Beside a symbolic `like` it is a NumPy array: those leave
    arithmetic to symbolic tensors, others do not.
    """
    if isinstance(value, KerasTensor):
        return value if dtype in (None, value.dtype) else ops.cast(value, dtype)
    if isinstance(like, KerasTensor):
        return _registry.get("numpy").asarray(_registry.owner_of_any((value,)).asarray(value, dtype))
    return _registry.owner_of_any((value,) if like is None else (like, value)).asarray(value, dtype)


def dtype_name(value: Any) -> str:
    """The name of the dtype of an array, Variable or symbolic tensor."""
    if isinstance(value.dtype, str):
        return value.dtype
    return _registry.owner_of_any((value,)).dtype(value)


def operands(y_true: ArrayLike, y_pred: ArrayLike) -> tuple[Any, Any]:
    """Both as arrays, the targets with the dtype of the predictions."""
    y_pred = to_dtype(y_pred, None, like=y_true if isinstance(y_true, KerasTensor) else None)
    return to_dtype(y_true, dtype_name(y_pred), like=y_pred), y_pred


def aligned(name: str, y_true: ArrayLike, y_pred: ArrayLike) -> tuple[Any, Any]:
    """`operands`, of one rank where they differ by an axis of size 1.

    Raises:
        ShapeError: when the shapes do not broadcast, naming the loss `name`.
    """
    y_true, y_pred = match_ranks(*operands(y_true, y_pred))
    if not broadcasts(y_true.shape, y_pred.shape):
        raise ShapeError(
            f"{name} compares `y_true` with `y_pred` element by element; got y_true.shape={tuple(y_true.shape)} "
            f"and y_pred.shape={tuple(y_pred.shape)}. Give the targets the shape of the predictions."
        )
    if not y_pred.shape and not y_true.shape:
        raise ShapeError(
            f"{name} averages over the last axis of `y_true` and `y_pred`; got scalars. Give them at least one axis."
        )
    return y_true, y_pred


def broadcasts(first: Sequence[int | None], second: Sequence[int | None]) -> bool:
    """Whether two shapes do, as far as they are known."""
    return all(a == b or None in (a, b) or 1 in (a, b) for a, b in zip(reversed(first), reversed(second)))


def match_ranks(x: Array, y: Array, expand_rank_1: bool = True) -> tuple[Array, Array]:
    """`x` and `y` of equal rank, where one has a last axis of size 1 more than the other.

    That axis is dropped, unless the other array has rank 1 and `expand_rank_1` says to give it such an axis instead.
    Arrays whose ranks differ otherwise are returned as they are.
    """
    if len(x.shape) == len(y.shape) + 1 and x.shape[-1] == 1:
        if len(y.shape) == 1 and expand_rank_1:
            return x, ops.expand_dims(y, axis=-1)
        return ops.squeeze(x, axis=-1), y
    if len(y.shape) == len(x.shape) + 1 and y.shape[-1] == 1:
        y, x = match_ranks(y, x, expand_rank_1)
    return x, y


def converted(value: Any, dtype: str | None, like: Any = None) -> Any:
    """A structure of arrays as `to_dtype` makes them; lists that hold nothing but plain numbers become one array."""
    if isinstance(value, (list, tuple)):
        if all(isinstance(leaf, (bool, int, float)) for leaf in _tree.flatten(value)):
            return to_dtype(value, dtype, like)
        items = [converted(item, dtype, like) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
    if isinstance(value, dict):
        return {key: converted(item, dtype, like) for key, item in value.items()}
    return to_dtype(value, dtype, like)
