"""Bits of integers, element by element."""

from lamella.core._arrays import arrays, cast, dtype_of
from lamella.core._operation import op
from lamella.ops._operands import integers, kind_of, operands
from lamella.typing import Array, ArrayLike

__all__ = [
    "bitwise_and",
    "bitwise_or",
    "bitwise_xor",
    "bitwise_not",
    "bitwise_invert",
    "bitwise_left_shift",
    "left_shift",
    "bitwise_right_shift",
    "right_shift",
]


def _bits(op_name: str, x: ArrayLike, y: ArrayLike) -> tuple:
    xp, *found = operands(op_name, x, y)
    return (xp, *integers(op_name, *found))


@op
def bitwise_and(x: ArrayLike, y: ArrayLike) -> Array:
    """The bits that are set in both `x` and `y`.

    Args:
        x, y: integer or boolean arrays that broadcast against each other.

    Returns:
        An array of the common shape and dtype.

    Raises:
        ShapeError: when the shapes do not broadcast.
        DTypeError: for floating or complex arrays.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.bitwise_and([12, 7], 10)).tolist()
        [8, 2]
    """
    xp, x, y = _bits("bitwise_and", x, y)
    return xp.bitwise_and(x, y)


@op
def bitwise_or(x: ArrayLike, y: ArrayLike) -> Array:
    """The bits that are set in `x` or in `y`.

    Args:
        x, y: integer or boolean arrays that broadcast against each other.

    Returns:
        An array of the common shape and dtype.

    Raises:
        ShapeError: when the shapes do not broadcast.
        DTypeError: for floating or complex arrays.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.bitwise_or([12, 7], 10)).tolist()
        [14, 15]
    """
    xp, x, y = _bits("bitwise_or", x, y)
    return xp.bitwise_or(x, y)


@op
def bitwise_xor(x: ArrayLike, y: ArrayLike) -> Array:
    """The bits that are set in one of `x` and `y` but not in both.

    Args:
        x, y: integer or boolean arrays that broadcast against each other.

    Returns:
        An array of the common shape and dtype.

    Raises:
        ShapeError: when the shapes do not broadcast.
        DTypeError: for floating or complex arrays.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.bitwise_xor([12, 7], 10)).tolist()
        [6, 13]
    """
    xp, x, y = _bits("bitwise_xor", x, y)
    return xp.bitwise_xor(x, y)


@op
def bitwise_not(x: ArrayLike) -> Array:
    """Every bit of `x` turned over: `-x - 1` for signed integers, "not" for booleans.

    Args:
        x: an integer or boolean array.

    Returns:
        An array of the same shape and dtype.

    Raises:
        DTypeError: for floating or complex arrays.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.bitwise_not([0, 5])).tolist()
        [-1, -6]
    """
    xp, x = arrays(x)
    return xp.bitwise_invert(*integers("bitwise_not", x))


@op
def bitwise_invert(x: ArrayLike) -> Array:
    """Every bit of `x` turned over: another name of `bitwise_not`.

    Args:
        x: an integer or boolean array.

    Returns:
        An array of the same shape and dtype.

    Raises:
        DTypeError: for floating or complex arrays.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.bitwise_invert([True, False])).tolist()
        [False, True]
    """
    xp, x = arrays(x)
    return xp.bitwise_invert(*integers("bitwise_invert", x))


def _shift(op_name: str, x: ArrayLike, y: ArrayLike) -> tuple:
    xp, x, y = _bits(op_name, x, y)
    if kind_of(dtype_of(x)) == "bool":
        x, y = cast(x, "int32"), cast(y, "int32")
    return xp, x, y


@op
def bitwise_left_shift(x: ArrayLike, y: ArrayLike) -> Array:
    """`x * 2 ** y`, wrapping around: the bits of `x` moved `y` places up.

    Args:
        x: an integer array. Booleans count as int32.
        y: how many places, in [0, bits of the dtype); outside, each library answers as it does.

    Returns:
        An array of the common shape and dtype.

    Raises:
        ShapeError: when the shapes do not broadcast.
        DTypeError: for floating or complex arrays.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.bitwise_left_shift([1, 5], 2)).tolist()
        [4, 20]
    """
    xp, x, y = _shift("bitwise_left_shift", x, y)
    return xp.bitwise_left_shift(x, y)


@op
def left_shift(x: ArrayLike, y: ArrayLike) -> Array:
    """The bits of `x` moved `y` places up: a shorter name of `bitwise_left_shift`.

    Args:
        x: an integer array. Booleans count as int32.
        y: how many places.

    Returns:
        An array of the common shape and dtype.

    Raises:
        ShapeError: when the shapes do not broadcast.
        DTypeError: for floating or complex arrays.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.left_shift([1, 5], [3, 1])).tolist()
        [8, 10]
    """
    xp, x, y = _shift("left_shift", x, y)
    return xp.bitwise_left_shift(x, y)


@op
def bitwise_right_shift(x: ArrayLike, y: ArrayLike) -> Array:
    """`floor(x / 2 ** y)`: the bits of `x` moved `y` places down, the sign kept.

    Args:
        x: an integer array. Booleans count as int32.
        y: how many places, in [0, bits of the dtype); outside, each library answers as it does.

    Returns:
        An array of the common shape and dtype.

    Raises:
        ShapeError: when the shapes do not broadcast.
        DTypeError: for floating or complex arrays.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.bitwise_right_shift([20, -5], 1)).tolist()
        [10, -3]
    """
    xp, x, y = _shift("bitwise_right_shift", x, y)
    return xp.bitwise_right_shift(x, y)


@op
def right_shift(x: ArrayLike, y: ArrayLike) -> Array:
    """The bits of `x` moved `y` places down: a shorter name of `bitwise_right_shift`.

    Args:
        x: an integer array. Booleans count as int32.
        y: how many places.

    Returns:
        An array of the common shape and dtype.

    Raises:
        ShapeError: when the shapes do not broadcast.
        DTypeError: for floating or complex arrays.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.right_shift([20, 8], [1, 3])).tolist()
        [10, 1]
    """
    xp, x, y = _shift("right_shift", x, y)
    return xp.bitwise_right_shift(x, y)
