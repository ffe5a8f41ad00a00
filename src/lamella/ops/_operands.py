"""What ops check of their operands before they compute: shapes that broadcast, dtypes, axes."""

import operator
from collections.abc import Sequence
from typing import Any, SupportsIndex

from lamella.backend import _dtypes, _registry
from lamella.core._arrays import cast, dtype_of, promote, promote_float
from lamella.core._inference import is_abstract
from lamella.errors import DTypeError, ShapeError
from lamella.typing import Array, ArrayLike, Axis

__all__ = [
    "check_broadcast",
    "float_operands",
    "integers",
    "kind_of",
    "operands",
    "reduced_axes",
    "refuse",
    "single_axis",
    "strong",
]

_KINDS = {
    "bool": "booleans",
    "complex": "complex numbers",
    "float": "floating point numbers",
    "int": "integers",
}


def operands(op_name: str, *values: ArrayLike) -> tuple:
    """(xp, *values as arrays of their common dtype), whose shapes are known to broadcast.

    Raises:
        ShapeError: where they do not, naming the op and the shapes.
    """
    found = promote(*values)
    check_broadcast(op_name, found[1:])
    return found


def float_operands(op_name: str, *values: ArrayLike) -> tuple:
    """`operands`, of dtype `floatx()` where the common one is neither floating nor complex."""
    found = promote_float(*values)
    check_broadcast(op_name, found[1:])
    return found


def strong(*values: ArrayLike) -> tuple:
    """`values` with Python scalars as arrays of their default dtype, which then count in promotion.

    Keras converts the operands of a few of its ops before it looks at their dtypes: there `2.5` beside a
    float16 array makes float32.
    """
    adapter = _registry.active()
    return tuple(adapter.asarray(v) for v in values)


def check_broadcast(op_name: str, found: Sequence[Array]) -> None:
    """Raise a ShapeError unless the shapes of `found` broadcast against each other."""
    shapes = [tuple(x.shape) for x in found]
    first = shapes[0]
    if all(s == first or not s for s in shapes[1:]):
        return
    rank = max(map(len, shapes))
    for column in zip(*((1,) * (rank - len(s)) + s for s in shapes)):
        if len({n for n in column if n != 1}) > 1:
            text = ", ".join(map(str, shapes))
            raise ShapeError(
                f"ops.{op_name} got incompatible shapes for broadcasting: {text}. Aligned at the right, sizes "
                "must be equal or 1. Reshape an operand, or add an axis with ops.expand_dims."
            )


def refuse(op_name: str, x: ArrayLike, *kinds: str) -> None:
    """Raise a DTypeError when the dtype of `x` is of one of `kinds`: "bool", "int", "float", "complex"."""
    dtype = dtype_of(x)
    if kind_of(dtype) in kinds:
        raise DTypeError(
            f"ops.{op_name} does not take {_KINDS[kind_of(dtype)]}; got an array of dtype {dtype}. "
            "Cast it first with ops.cast."
        )


def integers(op_name: str, *values: Array) -> tuple[Array, ...]:
    """`values`, arrays of integers or booleans.

    Where only shapes are worked out, floats count as integers: a symbolic tensor is float32 unless it says more.

    Raises:
        DTypeError: for other dtypes.
    """

    def checked(x: Array) -> Array:
        if kind_of(dtype_of(x)) == "float" and is_abstract():
            return cast(x, "int32")
        refuse(op_name, x, "float", "complex")
        return x

    return tuple(map(checked, values))


def kind_of(dtype: str) -> str:
    """ "bool", "int", "float" or "complex"."""
    if dtype == "bool":
        return "bool"
    if dtype in _dtypes.INT_TYPES:
        return "int"
    return "complex" if dtype in _dtypes.COMPLEX_TYPES else "float"


def single_axis(op_name: str, axis: SupportsIndex, rank: int) -> int:
    """`axis` counted from the front.

    Raises:
        ShapeError: when it is not an integer in [-rank, rank).
    """
    try:
        index = operator.index(axis)
    except TypeError:
        raise ShapeError(f"The `axis` of ops.{op_name} must be an integer; got {axis!r}.") from None
    if not -rank <= index < rank:
        raise ShapeError(
            f"ops.{op_name}: axis {axis} is out of bounds for an array of {rank} axes: expected "
            + (f"{-rank} to {rank - 1}." if rank else "None.")
        )
    return index % rank


def reduced_axes(op_name: str, axis: Axis, rank: int) -> tuple[int, ...]:
    """The axes that a reduction runs over, counted from the front; all of them for None.

    Raises:
        ShapeError: when one is out of bounds or given twice.
    """
    if axis is None:
        return tuple(range(rank))
    given: tuple[Any, ...] = tuple(axis) if isinstance(axis, (tuple, list)) else (axis,)
    axes = tuple(single_axis(op_name, a, rank) for a in given)
    if len(set(axes)) != len(axes):
        raise ShapeError(f"The `axis` of ops.{op_name} names an axis twice: {axis}.")
    return axes
