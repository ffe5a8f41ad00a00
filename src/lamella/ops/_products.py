"""Sums of products: of matrices, vectors, tensors."""

from typing import Any

from lamella.backend import _registry
from lamella.core._arrays import dtype_of, promote
from lamella.core._operation import op
from lamella.errors import ArgumentError, ShapeError
from lamella.ops._operands import reduced_axes
from lamella.typing import Array, ArrayLike

__all__ = ["matmul", "dot", "tensordot", "einsum"]


def _accumulator(*values: ArrayLike) -> str | None:
    """Products of int8 arrays are summed in int32; others in their own dtype."""
    return "int32" if all(dtype_of(v) == "int8" for v in values) else None


@op
def matmul(x1: ArrayLike, x2: ArrayLike) -> Array:
    """The matrix product of the last two axes; leading axes broadcast.

    Args:
        x1: an array of shape `(..., m, k)`, or `(k,)` for a row vector.
        x2: an array of shape `(..., k, n)`, or `(k,)` for a column vector.

    Returns:
        An array of shape `(..., m, n)`, without the axis of a vector, of the common dtype; int32 for two int8
        arrays.

    Raises:
        ShapeError: when an operand is a scalar or the shapes do not fit.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.matmul([[1, 2], [3, 4]], [1, 1])).tolist()
        [3, 7]
    """
    _, x1, x2 = promote(x1, x2)
    fits = x1.ndim and x2.ndim and x1.shape[-1] == x2.shape[-2 if x2.ndim > 1 else 0]
    if fits:
        pairs = zip(x1.shape[-3::-1], x2.shape[-3::-1])
        fits = all(n == m or 1 in (n, m) for n, m in pairs)
    if not fits:
        raise ShapeError(
            f"ops.matmul cannot multiply arrays of shapes {tuple(x1.shape)} and {tuple(x2.shape)}: it needs "
            "(..., m, k) and (..., k, n) with equal k and leading axes that broadcast."
        )
    return _registry.active().matmul(x1, x2, _accumulator(x1, x2))


@op
def dot(x1: ArrayLike, x2: ArrayLike) -> Array:
    """The product that sums over the last axis of `x1` and the last but one (or only) axis of `x2`.

    Args:
        x1: an array of shape `(..., k)`, or a scalar.
        x2: an array of shape `(..., k, n)` or `(k,)`, or a scalar.

    Returns:
        An array with the other axes of `x1`, then those of `x2`; for a scalar, the elementwise product.

    Raises:
        ShapeError: when the sizes differ.

    Example:
        >>> from lamella import ops
        >>> int(ops.dot([1, 2, 3], [4, 5, 6]))
        32
    """
    xp, x1, x2 = promote(x1, x2)
    if not x1.ndim or not x2.ndim:
        return xp.multiply(x1, x2)
    return _contracted("dot", xp, x1, x2, [x1.ndim - 1], [max(0, x2.ndim - 2)])


@op
def tensordot(x1: ArrayLike, x2: ArrayLike, axes: Any = 2) -> Array:
    """The product that sums over pairs of axes.

    Args:
        x1, x2: arrays of any shape.
        axes: how many of the last axes of `x1` meet as many of the first of `x2`; or two sequences, the axes
            of `x1` and those of `x2`; or two ints.

    Returns:
        An array with the other axes of `x1`, then those of `x2`.

    Raises:
        ShapeError: when the sizes differ.

    Example:
        >>> from lamella import ops
        >>> ops.tensordot(ops.ones((2, 3, 4)), ops.ones((3, 4, 5))).shape
        (2, 5)
    """
    xp, x1, x2 = promote(x1, x2)
    if isinstance(axes, int):
        if not 0 <= axes <= min(x1.ndim, x2.ndim):
            raise ShapeError(
                f"The `axes` of ops.tensordot is {axes}, more than the arrays of shapes {tuple(x1.shape)} "
                "and "
                f"{tuple(x2.shape)} have."
            )
        first, second = list(range(x1.ndim - axes, x1.ndim)), list(range(axes))
    else:
        pair = [a if isinstance(a, (tuple, list)) else (a,) for a in axes]
        first, second = (list(reduced_axes("tensordot", a, x.ndim)) for a, x in zip(pair, (x1, x2)))
    return _contracted("tensordot", xp, x1, x2, first, second)


def _contracted(op_name: str, xp: Any, x1: Array, x2: Array, first: list[int], second: list[int]) -> Array:
    if [x1.shape[i] for i in first] != [x2.shape[i] for i in second]:
        raise ShapeError(
            f"ops.{op_name} cannot sum over axes {first} of an array of shape {tuple(x1.shape)} and axes "
            f"{second} of one "
            f"of shape {tuple(x2.shape)}: their sizes differ."
        )
    return xp.tensordot(x1, x2, axes=(first, second))


@op
def einsum(subscripts: str, *operands: ArrayLike, **kwargs: Any) -> Array:
    """A sum of products in Einstein's notation.

    Args:
        subscripts: a letter for each axis of each operand, with commas between operands; after `->` the axes
            of the result (without it: the letters that occur once, in alphabetical order). Axes of the same
            letter are multiplied element by element; letters that the result lacks are summed over. `...`
            stands for further axes, which broadcast.
        *operands: as many arrays.
        **kwargs: `optimize` and the like are accepted, and left to the library.

    Returns:
        An array of the common dtype; int32 for int8 operands.

    Raises:
        ShapeError: when the shapes do not fit.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.einsum("ij,j->i", [[1, 2], [3, 4]], [1, 1])).tolist()
        [3, 7]
    """
    if not isinstance(subscripts, str):
        raise ArgumentError(
            f"The `subscripts` of ops.einsum must be a string such as 'ij,jk->ik'; got {subscripts!r}."
        )
    _, *found = promote(*operands)
    try:
        return _registry.active().einsum(subscripts, *found, accumulate=_accumulator(*found))
    except (ValueError, TypeError) as error:
        shapes = ", ".join(str(tuple(x.shape)) for x in found)
        raise ShapeError(
            f"ops.einsum cannot compute {subscripts!r} of arrays of shapes {shapes}: {error}"
        ) from error
