"""Sums of products: of matrices, vectors, tensors."""

from typing import Any

from lamella.backend import _registry
from lamella.core._arrays import arrays, cast, dtype_of, promote, promote_float
from lamella.core._operation import op
from lamella.errors import ArgumentError, ShapeError
from lamella.ops._operands import check_broadcast, kind_of, reduced_axes, refuse, single_axis
from lamella.typing import Array, ArrayLike

__all__ = [
    "matmul",
    "dot",
    "tensordot",
    "einsum",
    "inner",
    "vdot",
    "outer",
    "kron",
    "cross",
    "trace",
    "correlate",
    "corrcoef",
]


def _accumulator(*values: ArrayLike) -> str | None:
    """Products of int8 arrays are summed in int32; others in their common dtype."""
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
    accumulate = _accumulator(x1, x2)
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
    return _registry.active().matmul(x1, x2, accumulate)


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
    if x2.ndim == 2 and x1.shape[-1] == x2.shape[0]:
        return _registry.active().matmul(x1, x2)
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
        raise ArgumentError(f"The `subscripts` of ops.einsum must be a string such as 'ij,jk->ik'; got {subscripts!r}.")
    _, *found = promote(*operands)
    try:
        return _registry.active().einsum(subscripts, *found, accumulate=_accumulator(*operands))
    except (ValueError, TypeError) as error:
        shapes = ", ".join(str(tuple(x.shape)) for x in found)
        raise ShapeError(f"ops.einsum cannot compute {subscripts!r} of arrays of shapes {shapes}: {error}") from error


@op
def inner(x1: ArrayLike, x2: ArrayLike) -> Array:
    """The product that sums over the last axes of both.

    Args:
        x1, x2: arrays of shapes `(..., k)`, or a scalar.

    Returns:
        An array with the other axes of `x1`, then those of `x2`; for a scalar, the elementwise product.

    Raises:
        ShapeError: when the sizes differ.

    Example:
        >>> from lamella import ops
        >>> int(ops.inner([1, 2, 3], [4, 5, 6]))
        32
    """
    xp, x1, x2 = promote(x1, x2)
    if not x1.ndim or not x2.ndim:
        return xp.multiply(x1, x2)
    return _contracted("inner", xp, x1, x2, [x1.ndim - 1], [x2.ndim - 1])


@op
def vdot(x1: ArrayLike, x2: ArrayLike) -> Array:
    """The product of two vectors, the first conjugated: `sum(conj(x1) * x2)`.

    Args:
        x1, x2: arrays of as many elements; they are raveled.

    Returns:
        A scalar.

    Raises:
        ShapeError: when the numbers of elements differ.

    Example:
        >>> from lamella import ops
        >>> int(ops.vdot([[1, 2], [3, 4]], [[1, 1], [1, 1]]))
        10
    """
    xp, x1, x2 = promote(x1, x2)
    x1, x2 = xp.reshape(x1, (-1,)), xp.reshape(x2, (-1,))
    if kind_of(dtype_of(x1)) == "complex":
        x1 = xp.conj(x1)
    return _contracted("vdot", xp, x1, x2, [0], [0])


@op
def outer(x1: ArrayLike, x2: ArrayLike) -> Array:
    """The product of each element of `x1` with each of `x2`.

    Args:
        x1, x2: arrays of m and n elements; they are raveled.

    Returns:
        An array of shape `(m, n)`.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.outer([1, 2], [3, 4])).tolist()
        [[3, 4], [6, 8]]
    """
    xp, x1, x2 = promote(x1, x2)
    return xp.multiply(xp.reshape(x1, (-1, 1)), xp.reshape(x2, (1, -1)))


@op
def kron(x1: ArrayLike, x2: ArrayLike) -> Array:
    """The Kronecker product: a copy of `x2` for each element of `x1`, times it.

    Args:
        x1, x2: arrays; the one of lower rank gets leading axes of size 1.

    Returns:
        An array whose sizes are the products of theirs.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.kron([1, 10], [1, 2])).tolist()
        [1, 2, 10, 20]
    """
    xp, x1, x2 = promote(x1, x2)
    rank = max(x1.ndim, x2.ndim)
    first = (1,) * (rank - x1.ndim) + tuple(x1.shape)
    second = (1,) * (rank - x2.ndim) + tuple(x2.shape)
    x1 = xp.reshape(x1, tuple(n for size in first for n in (size, 1)))
    x2 = xp.reshape(x2, tuple(n for size in second for n in (1, size)))
    return xp.reshape(xp.multiply(x1, x2), tuple(n * m for n, m in zip(first, second)))


@op
def cross(
    x1: ArrayLike, x2: ArrayLike, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None
) -> Array:
    """The cross product of vectors of 2 or 3 components (a missing third one is 0).

    Args:
        x1, x2: arrays of vectors; their other axes broadcast.
        axisa: the axis of the components of `x1`.
        axisb: the axis of the components of `x2`.
        axisc: where the axis of components stands in the result.
        axis: all three of them, where given.

    Returns:
        An array of vectors of 3 components; of two vectors of 2 components only the third, without an axis.

    Raises:
        ShapeError: when there are not 2 or 3 components, or the other axes do not broadcast.
        DTypeError: for booleans.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.cross([1, 0, 0], [0, 1, 0])).tolist()
        [0, 0, 1]
    """
    if axis is not None:
        axisa = axisb = axisc = axis
    xp, x1, x2 = promote(x1, x2)
    refuse("cross", x1, "bool")
    first = _components(xp, x1, axisa)
    second = _components(xp, x2, axisb)
    check_broadcast("cross", (first[0], second[0]))
    a0, a1, b0, b1 = *first[:2], *second[:2]
    a2, b2 = ((*c, None)[2] for c in (first, second))
    third = a0 * b1 - a1 * b0
    if a2 is None and b2 is None:
        return third
    zero = xp.zeros_like(third)
    parts = [
        (zero if b2 is None else a1 * b2) - (zero if a2 is None else a2 * b1),
        (zero if a2 is None else a2 * b0) - (zero if b2 is None else a0 * b2),
        third,
    ]
    return xp.stack(parts, axis=single_axis("cross", axisc, third.ndim + 1))


def _components(xp: Any, x: Array, axis: int) -> tuple:
    axis = single_axis("cross", axis, x.ndim)
    if x.shape[axis] not in (2, 3):
        raise ShapeError(
            f"ops.cross takes vectors of 2 or 3 components; got {x.shape[axis]} along axis {axis} of shape "
            f"{tuple(x.shape)}."
        )
    x = xp.moveaxis(x, axis, 0)
    return tuple(x[i] for i in range(x.shape[0]))


@op
def trace(x: ArrayLike, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Array:
    """The sum of the diagonal of two axes of `x`.

    Args:
        x: an array of at least 2 axes.
        offset: which diagonal: 0 for the main one, positive above it, negative below.
        axis1: the axis of the rows.
        axis2: the axis of the columns.

    Returns:
        An array without the two axes. Integers of less than 32 bits, and booleans, are summed as 32-bit ones.

    Raises:
        ShapeError: when an axis is out of bounds, or both are the same.

    Example:
        >>> from lamella import ops
        >>> int(ops.trace([[1, 2], [3, 4]]))
        5
    """
    xp, x = arrays(x)
    axes = reduced_axes("trace", (axis1, axis2), x.ndim)
    rest = tuple(i for i in range(x.ndim) if i not in axes)
    dtype = dtype_of(x)
    if dtype in ("bool", "int8", "int16"):
        x = cast(x, "int32")
    elif dtype in ("uint8", "uint16"):
        x = cast(x, "uint32")
    values = xp.linalg.diagonal(xp.permute_dims(x, (*rest, *axes)), offset=offset)
    return xp.sum(values, axis=-1, dtype=values.dtype)


@op
def correlate(x1: ArrayLike, x2: ArrayLike, mode: str = "valid") -> Array:
    """The cross-correlation of two sequences: `c[k] = sum(x1[n + k] * conj(x2[n]))`.

    Args:
        x1, x2: arrays of shapes `(n,)` and `(m,)`.
        mode: "valid" for the k at which the shorter sequence lies inside the longer, "same" for as many as
            the longer has elements, in the middle, "full" for all at which they overlap.

    Returns:
        A floating array of `max(n, m) - min(n, m) + 1`, `max(n, m)` or `n + m - 1` elements.

    Raises:
        ShapeError: when an array is not 1-D, or is empty.
        ArgumentError: for another mode.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.correlate([1.0, 2.0, 3.0], [0.0, 1.0])).tolist()
        [2.0, 3.0]
    """
    if mode not in ("valid", "same", "full"):
        raise ArgumentError(f"The `mode` of ops.correlate must be 'valid', 'same' or 'full'; got {mode!r}.")
    _, x1, x2 = promote_float(x1, x2)
    if x1.ndim != 1 or x2.ndim != 1 or not x1.shape[0] or not x2.shape[0]:
        raise ShapeError(
            f"ops.correlate takes two 1-D arrays with elements; got shapes {tuple(x1.shape)} and {tuple(x2.shape)}."
        )
    return _registry.active().correlate(x1, x2, mode)


@op
def corrcoef(x: ArrayLike) -> Array:
    """Pearson's correlation coefficients of the rows of `x`: `cov[i, j] / sqrt(cov[i, i] * cov[j, j])`.

    Args:
        x: an array of shape `(variables, observations)`, or `(observations,)` for one variable.

    Returns:
        A floating array of shape `(variables, variables)`, or a scalar, in [-1, 1]; NaN for a variable that
        is constant.

    Raises:
        ShapeError: when `x` has more than 2 axes.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.round(ops.corrcoef([[0.0, 2.0], [2.0, 0.0]]), 5)).tolist()
        [[1.0, -1.0], [-1.0, 1.0]]
    """
    xp, x = promote_float(x)
    if x.ndim > 2:
        raise ShapeError(f"ops.corrcoef takes arrays of at most 2 axes; got shape {tuple(x.shape)}.")
    rows = xp.reshape(x, (1, -1)) if x.ndim < 2 else x
    rows = rows - xp.mean(rows, axis=1, keepdims=True)
    is_complex = kind_of(dtype_of(x)) == "complex"
    other = xp.conj(rows) if is_complex else rows
    covariance = _registry.active().matmul(rows, xp.permute_dims(other, (1, 0))) / (rows.shape[1] - 1)
    variance = xp.linalg.diagonal(covariance)
    deviation = xp.sqrt(variance) if not is_complex else cast(xp.sqrt(xp.real(variance)), dtype_of(x))
    result = covariance / xp.expand_dims(deviation, axis=1) / xp.expand_dims(deviation, axis=0)
    if not is_complex:
        result = xp.clip(result, -1.0, 1.0)
    return result if x.ndim == 2 else xp.reshape(result, ())
