"""Matrices: factorisations, determinants, inverses, systems of equations, norms.

Matrices stand in the last two axes. Half precision is computed in float32, as no library factorises it.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from lamella.backend import _registry
from lamella.core import _tree
from lamella.core._arrays import cast, dtype_of, promote_float
from lamella.core._operation import op
from lamella.errors import ArgumentError, ShapeError
from lamella.ops._operands import kind_of, reduced_axes
from lamella.typing import Array, ArrayLike, Axis

__all__ = [
    "cholesky",
    "cholesky_inverse",
    "det",
    "eig",
    "eigh",
    "inv",
    "jvp",
    "logdet",
    "lstsq",
    "lu_factor",
    "matrix_rank",
    "norm",
    "pinv",
    "qr",
    "slogdet",
    "solve",
    "solve_triangular",
    "svd",
]

_HALF = ("float16", "bfloat16", "float8_e4m3fn", "float8_e5m2")


def _prepared(op_name: str, x: ArrayLike, square: bool = True) -> tuple:
    """(xp, x as floating matrices, what brings a result back to the dtype of x)."""
    xp, x = promote_float(x)
    if x.ndim < 2:
        raise ShapeError(f"ops.{op_name} takes matrices: an array of at least 2 axes; got shape {tuple(x.shape)}.")
    if square and x.shape[-1] != x.shape[-2]:
        raise ShapeError(f"ops.{op_name} takes square matrices; got shape {tuple(x.shape)}.")
    return xp, *_widened(x)


def _widened(x: Array) -> tuple[Array, Callable]:
    dtype = dtype_of(x)
    if dtype not in _HALF:
        return x, lambda result: result
    return cast(x, "float32"), lambda result: cast(result, dtype)


def _adjoint(xp: Any, x: Array) -> Array:
    """The transpose, conjugated where it is complex."""
    x = xp.matrix_transpose(x)
    return xp.conj(x) if kind_of(dtype_of(x)) == "complex" else x


@op
def cholesky(x: ArrayLike, upper: bool = False) -> Array:
    """The triangular matrix L with `x == L @ L^H`.

    Args:
        x: Hermitian positive definite matrices, `(..., n, n)`. Of others the Hermitian part, `(x + x^H) / 2`,
            counts.
        upper: return the upper triangular U with `x == U^H @ U` instead.

    Returns:
        A floating array of the same shape.

    Raises:
        ShapeError: when the matrices are not square.
        ArgumentError: when one is not positive definite (inside a compiled program the result is NaN
            instead).

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.linalg.cholesky([[4.0, 2.0], [2.0, 10.0]])).tolist()
        [[2.0, 0.0], [1.0, 3.0]]
    """
    xp, x, back = _prepared("linalg.cholesky", x)
    try:
        lower = xp.linalg.cholesky((x + _adjoint(xp, x)) / 2)
        failed = _registry.active().is_concrete(lower) and bool(xp.any(xp.isnan(lower)))
    except (np.linalg.LinAlgError, RuntimeError):
        failed = True
    if failed:
        raise ArgumentError("ops.linalg.cholesky failed: the matrix is not positive definite.")
    return back(_adjoint(xp, lower) if upper else lower)


@op
def cholesky_inverse(x: ArrayLike, upper: bool = False) -> Array:
    """The inverse of a matrix given by its Cholesky factor: `inv(L @ L^H)`.

    Args:
        x: triangular matrices, `(..., n, n)`, as `cholesky` returns them; the other triangle is not read.
        upper: whether they are upper triangular.

    Returns:
        A floating array of the same shape.

    Raises:
        ShapeError: when the matrices are not square.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.linalg.cholesky_inverse([[2.0, 0.0], [0.0, 4.0]])).tolist()
        [[0.25, 0.0], [0.0, 0.0625]]
    """
    xp, x, back = _prepared("linalg.cholesky_inverse", x)
    identity = xp.broadcast_to(xp.eye(x.shape[-1], dtype=x.dtype), x.shape)
    inverse = _registry.active().solve_triangular(x, identity, not upper)
    return back(xp.matmul(inverse, _adjoint(xp, inverse)) if upper else xp.matmul(_adjoint(xp, inverse), inverse))


@op
def det(x: ArrayLike) -> Array:
    """The determinant.

    Args:
        x: square matrices, `(..., n, n)`.

    Returns:
        A floating array of shape `(...)`.

    Raises:
        ShapeError: when the matrices are not square.

    Example:
        >>> from lamella import ops
        >>> float(ops.linalg.det([[2.0, 0.0], [0.0, 3.0]]))
        6.0
    """
    xp, x, back = _prepared("linalg.det", x)
    return back(xp.linalg.det(x))


@op
def slogdet(x: ArrayLike) -> tuple:
    """The sign of the determinant and the logarithm of its absolute value, which neither overflows nor underflows.

    Args:
        x: square matrices, `(..., n, n)`.

    Returns:
        Two arrays of shape `(...)`: the sign (of complex matrices a complex number of absolute value 1) and
        the logarithm, 0 and -inf for a singular matrix.

    Raises:
        ShapeError: when the matrices are not square.

    Example:
        >>> from lamella import ops
        >>> [float(value) for value in ops.slogdet([[-1.0, 0.0], [0.0, 1.0]])]
        [-1.0, 0.0]
    """
    xp, x, back = _prepared("slogdet", x)
    return tuple(back(value) for value in xp.linalg.slogdet(x))


@op
def logdet(x: ArrayLike) -> Array:
    """The logarithm of the absolute value of the determinant.

    Args:
        x: square matrices, `(..., n, n)`.

    Returns:
        A real floating array of shape `(...)`; -inf for a singular matrix.

    Raises:
        ShapeError: when the matrices are not square.

    Example:
        >>> from lamella import ops
        >>> float(ops.logdet([[1.0, 0.0], [0.0, 1.0]]))
        0.0
    """
    xp, x, back = _prepared("logdet", x)
    return back(xp.linalg.slogdet(x)[1])


@op
def eig(x: ArrayLike) -> tuple:
    """Eigenvalues w and eigenvectors v of square matrices: `x @ v == v * w`.

    Args:
        x: square matrices, `(..., n, n)`.

    Returns:
        Two complex arrays: the eigenvalues, `(..., n)`, in no particular order, and the eigenvectors, of
            length 1, as the
        columns of `(..., n, n)`.

    Raises:
        ShapeError: when the matrices are not square.

    Example:
        >>> from lamella import ops
        >>> values, vectors = ops.linalg.eig([[2.0, 0.0], [0.0, 3.0]])
        >>> ops.convert_to_numpy(values).tolist()
        [(2+0j), (3+0j)]
    """
    _, x, _ = _prepared("linalg.eig", x)
    return _registry.active().eig(x)


@op
def eigh(x: ArrayLike) -> tuple:
    """Eigenvalues w and eigenvectors v of Hermitian matrices: `x @ v == v * w`.

    Args:
        x: Hermitian matrices, `(..., n, n)`. Of others the Hermitian part, `(x + x^H) / 2`, counts.

    Returns:
        Two arrays: the eigenvalues, real, `(..., n)`, in ascending order, and the eigenvectors, of length 1,
            as the columns
        of `(..., n, n)`.

    Raises:
        ShapeError: when the matrices are not square.

    Example:
        >>> from lamella import ops
        >>> values, vectors = ops.linalg.eigh([[3.0, 0.0], [0.0, 2.0]])
        >>> ops.convert_to_numpy(values).tolist()
        [2.0, 3.0]
    """
    xp, x, back = _prepared("linalg.eigh", x)
    return tuple(back(found) for found in xp.linalg.eigh((x + _adjoint(xp, x)) / 2))


@op
def inv(x: ArrayLike) -> Array:
    """The inverse.

    Args:
        x: invertible matrices, `(..., n, n)`.

    Returns:
        A floating array of the same shape.

    Raises:
        ShapeError: when the matrices are not square.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.linalg.inv([[2.0, 0.0], [0.0, 4.0]])).tolist()
        [[0.5, 0.0], [0.0, 0.25]]
    """
    xp, x, back = _prepared("linalg.inv", x)
    return back(xp.linalg.inv(x))


@op
def lu_factor(x: ArrayLike) -> tuple:
    """The LU decomposition with row exchanges.

    Args:
        x: matrices, `(..., m, n)`.

    Returns:
        The factors in one array of the same shape (U in the upper triangle with the diagonal, L below, whose
        diagonal is 1), and the int32 row exchanges, `(..., min(m, n))`: row i was exchanged with row
        `pivots[i]`.

    Raises:
        ShapeError: when `x` has less than 2 axes.

    Example:
        >>> from lamella import ops
        >>> lu, pivots = ops.linalg.lu_factor([[0.0, 1.0], [2.0, 0.0]])
        >>> ops.convert_to_numpy(pivots).tolist()
        [1, 1]
    """
    _, x, back = _prepared("linalg.lu_factor", x, square=False)
    lu, pivots = _registry.active().lu_factor(x)
    return back(lu), pivots


@op
def qr(x: ArrayLike, mode: str = "reduced") -> tuple:
    """The QR decomposition: `x == q @ r`, q with orthonormal columns, r upper triangular.

    Args:
        x: matrices, `(..., m, n)`.
        mode: "reduced" for k = min(m, n) columns of q, "complete" for m.

    Returns:
        q, `(..., m, k)`, and r, `(..., k, n)`.

    Raises:
        ArgumentError: for another mode.
        ShapeError: when `x` has less than 2 axes.

    Example:
        >>> from lamella import ops
        >>> [part.shape for part in ops.linalg.qr(ops.ones((3, 2)))]
        [(3, 2), (2, 2)]
    """
    if mode not in ("reduced", "complete"):
        raise ArgumentError(f"The `mode` of ops.linalg.qr must be 'reduced' or 'complete'; got {mode!r}.")
    xp, x, back = _prepared("linalg.qr", x, square=False)
    return tuple(back(part) for part in xp.linalg.qr(x, mode=mode))


@op
def svd(x: ArrayLike, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """The singular value decomposition: `x == u @ diag(s) @ v`, u and v with orthonormal columns and rows.

    Args:
        x: matrices, `(..., m, n)`.
        full_matrices: whether u and v are square.
        compute_uv: whether to return u and v.

    Returns:
        u, `(..., m, m)` or `(..., m, k)`; s, `(..., k)`, in descending order; v, `(..., n, n)` or `(..., k,
        n)`, with k = min(m, n). Without `compute_uv` only s.

    Raises:
        ShapeError: when `x` has less than 2 axes.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.linalg.svd([[3.0, 0.0], [0.0, 4.0]], compute_uv=False)).tolist()
        [4.0, 3.0]
    """
    xp, x, back = _prepared("linalg.svd", x, square=False)
    if not compute_uv:
        return back(xp.linalg.svdvals(x))
    return tuple(back(part) for part in xp.linalg.svd(x, full_matrices=full_matrices))


@op
def pinv(x: ArrayLike, rcond: float | None = None) -> Array:
    """The Moore-Penrose pseudo-inverse.

    Args:
        x: matrices, `(..., m, n)`.
        rcond: singular values of at most this fraction of the largest count as 0; defaults to `10 * max(m,
            n)` times the machine epsilon.

    Returns:
        A floating array of shape `(..., n, m)`.

    Raises:
        ShapeError: when `x` has less than 2 axes.

    Example:
        >>> from lamella import ops
        >>> ops.linalg.pinv(ops.ones((3, 2))).shape
        (2, 3)
    """
    xp, x, back = _prepared("linalg.pinv", x, square=False)
    if rcond is None:
        rcond = 10.0 * max(x.shape[-2:]) * float(xp.finfo(x.dtype).eps)
    return back(xp.linalg.pinv(x, rtol=xp.asarray(rcond)))


@op
def matrix_rank(x: ArrayLike, tol: float | None = None) -> Array:
    """The number of singular values that are not 0.

    Args:
        x: matrices, `(..., m, n)`.
        tol: those of at most this count as 0; defaults to the largest times `max(m, n)` times the machine
            epsilon.

    Returns:
        An int32 array of shape `(...)`.

    Raises:
        ShapeError: when `x` has less than 2 axes.

    Example:
        >>> from lamella import ops
        >>> int(ops.linalg.matrix_rank([[1.0, 1.0], [1.0, 1.0]]))
        1
    """
    xp, x, _ = _prepared("linalg.matrix_rank", x, square=False)
    values = xp.linalg.svdvals(x)
    if tol is None:
        tol = xp.max(values, axis=-1, keepdims=True) * (max(x.shape[-2:]) * float(xp.finfo(x.dtype).eps))
    else:
        tol = xp.expand_dims(cast(tol, dtype_of(values)), axis=-1)
    return cast(xp.sum(cast(values > tol, "int32"), axis=-1), "int32")


@op
def solve(a: ArrayLike, b: ArrayLike) -> Array:
    """The solution x of `a @ x == b`.

    Args:
        a: invertible matrices, `(..., n, n)`.
        b: right hand sides, `(..., n, k)`, or vectors: `(..., n)`, of one axis less than `a`, or `(n,)`.

    Returns:
        A floating array of the shape of `b`, leading axes broadcast.

    Raises:
        ShapeError: when the matrices are not square, or the shapes do not fit.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.linalg.solve([[2.0, 0.0], [0.0, 4.0]], [2.0, 2.0])).tolist()
        [1.0, 0.5]
    """
    return _solved("linalg.solve", a, b, lambda xp, a, b: xp.linalg.solve(a, b))


@op
def solve_triangular(a: ArrayLike, b: ArrayLike, lower: bool = False) -> Array:
    """The solution x of `a @ x == b` for triangular a.

    Args:
        a: triangular matrices, `(..., n, n)`; the other triangle is not read.
        b: right hand sides, `(..., n, k)`, or vectors: `(..., n)`, of one axis less than `a`, or `(n,)`.
        lower: whether the matrices are lower triangular.

    Returns:
        A floating array of the shape of `b`, leading axes broadcast.

    Raises:
        ShapeError: when the matrices are not square, or the shapes do not fit.

    Example:
        >>> from lamella import ops
        >>> x = ops.linalg.solve_triangular([[1.0, 0.0], [1.0, 2.0]], [1.0, 3.0], lower=True)
        >>> ops.convert_to_numpy(x).tolist()
        [1.0, 1.0]
    """
    return _solved(
        "linalg.solve_triangular", a, b, lambda xp, a, b: _registry.active().solve_triangular(a, b, bool(lower))
    )


def _solved(op_name: str, a: ArrayLike, b: ArrayLike, solver: Callable) -> Array:
    xp, a, b = promote_float(a, b)
    _, a, back = _prepared(op_name, a)
    b = _widened(b)[0]
    is_vector = b.ndim == 1 or b.ndim == a.ndim - 1
    given = tuple(b.shape)
    b = xp.expand_dims(b, axis=-1) if is_vector else b
    fits = b.ndim <= a.ndim and b.ndim >= 2 and b.shape[-2] == a.shape[-1]
    try:
        leading = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    except ValueError:
        fits = False
    if not fits:
        raise ShapeError(
            f"ops.{op_name} got matrices of shape {tuple(a.shape)} and right hand sides of shape {given}: "
            "expected "
            "(..., n, n), and (..., n, k) of as many axes or vectors (..., n)."
        )
    a = xp.broadcast_to(a, (*leading, *a.shape[-2:]))
    x = back(solver(xp, a, xp.broadcast_to(b, (*leading, *b.shape[-2:]))))
    return x[..., 0] if is_vector else x


@op
def lstsq(a: ArrayLike, b: ArrayLike, rcond: float | None = None) -> Array:
    """The x of least norm that makes the norm of `a @ x - b` least.

    Args:
        a: a matrix, `(m, n)`.
        b: right hand sides, `(m,)` or `(m, k)`.
        rcond: singular values of `a` of at most this fraction of the largest count as 0; defaults to `max(m,
            n)` times the machine epsilon.

    Returns:
        A floating array of shape `(n,)` or `(n, k)`.

    Raises:
        ShapeError: when the ranks are others, or the first sizes differ.

    Example:
        >>> from lamella import ops
        >>> x = ops.linalg.lstsq([[1.0, 0.0], [0.0, 2.0], [0.0, 0.0]], [1.0, 2.0, 3.0])
        >>> ops.convert_to_numpy(ops.round(x, 5)).tolist()
        [1.0, 1.0]
    """
    xp, a, b = promote_float(a, b)
    if a.ndim != 2 or b.ndim not in (1, 2) or a.shape[0] != b.shape[0]:
        raise ShapeError(
            "ops.linalg.lstsq takes a matrix (m, n) and right hand sides (m,) or (m, k); got shapes "
            f"{tuple(a.shape)} and {tuple(b.shape)}."
        )
    (a, back), (b, _) = _widened(a), _widened(b)
    if rcond is None:
        rcond = max(a.shape) * float(xp.finfo(a.dtype).eps)
    return back(xp.matmul(xp.linalg.pinv(a, rtol=xp.asarray(rcond)), b))


@op
def norm(x: ArrayLike, ord: Any = None, axis: Axis = None, keepdims: bool = False) -> Array:
    """The norm of vectors or matrices.

    Args:
        x: an array of any shape.
        ord: which norm. Of vectors: p for `sum(|x| ** p) ** (1 / p)`, 2 the usual, `inf` and `-inf` the
            greatest and the least absolute value, 0 the number of elements that are not 0. Of matrices: "fro"
            for `sqrt(sum(|x| ** 2))`, "nuc" the sum of the singular values, 2 and -2 the greatest and the
            least of them, 1 and -1 the greatest and the least sum of absolute values of a column, `inf` and
            `-inf` of a row. None: 2 of vectors, "fro" of matrices, and without `axis` that of all elements.
        axis: the axis of the vectors, or the two axes of the matrices; None for those of a 1-D or 2-D array.
        keepdims: keep the axes with size 1.

    Returns:
        A real floating array without the axes.

    Raises:
        ArgumentError: when there is no such norm.
        ShapeError: when there are neither one nor two axes, or one is out of bounds.

    Example:
        >>> from lamella import ops
        >>> float(ops.linalg.norm([3.0, 4.0]))
        5.0
    """
    xp, x = promote_float(x)
    if axis is None and ord is None:
        axes = tuple(range(x.ndim))
    else:
        axes = reduced_axes("linalg.norm", axis, x.ndim)
        if len(axes) not in (1, 2):
            raise ShapeError(
                f"ops.linalg.norm takes the norm of vectors (one axis) or matrices (two); got {len(axes)} "
                "axes for an "
                f"array of shape {tuple(x.shape)}."
            )
    if ord is None or (len(axes) == 2 and ord == "fro") or (len(axes) == 1 and ord == 2):
        return xp.sqrt(_sum(xp, _squared(xp, x), axes, keepdims))
    return (_vector_norm if len(axes) == 1 else _matrix_norm)(xp, x, ord, axes, keepdims)


def _squared(xp: Any, x: Array) -> Array:
    if kind_of(dtype_of(x)) == "complex":
        return xp.real(x) * xp.real(x) + xp.imag(x) * xp.imag(x)
    return x * x


def _sum(xp: Any, x: Array, axes: tuple, keepdims: bool) -> Array:
    return xp.sum(x, axis=axes, keepdims=keepdims, dtype=x.dtype)


def _vector_norm(xp: Any, x: Array, ord: Any, axes: tuple, keepdims: bool) -> Array:
    if isinstance(ord, str):
        raise ArgumentError(f"The `ord` of ops.linalg.norm must be a number for vectors; got {ord!r}.")
    size = xp.abs(x)
    if ord == math.inf:
        return xp.max(size, axis=axes, keepdims=keepdims)
    if ord == -math.inf:
        return xp.min(size, axis=axes, keepdims=keepdims)
    if ord == 0:
        return _sum(xp, xp.astype(xp.not_equal(size, 0), size.dtype), axes, keepdims)
    if ord == 1:
        return _sum(xp, size, axes, keepdims)
    return _sum(xp, size**ord, axes, keepdims) ** (1.0 / ord)


def _matrix_norm(xp: Any, x: Array, ord: Any, axes: tuple, keepdims: bool) -> Array:
    rows, columns = axes
    if ord in (1, -1, math.inf, -math.inf):
        first, second = (rows, columns) if abs(ord) == 1 else (columns, rows)
        sums = _sum(xp, xp.abs(x), (first,), True)
        result = (xp.max if ord > 0 else xp.min)(sums, axis=second, keepdims=True)
    elif ord in ("nuc", 2, -2):
        rest = [i for i in range(x.ndim) if i not in axes]
        x, back = _widened(xp.permute_dims(x, (*rest, rows, columns)))
        values = xp.linalg.svdvals(x)
        reduce = {"nuc": xp.sum, 2: xp.max, -2: xp.min}[ord]
        result = back(reduce(values, axis=-1))
        for i in sorted(axes):
            result = xp.expand_dims(result, axis=i)
    else:
        raise ArgumentError(
            f"The `ord` of ops.linalg.norm must be 'fro', 'nuc', 1, -1, 2, -2, inf or -inf for matrices; got {ord!r}."
        )
    return result if keepdims else xp.squeeze(result, axis=axes)


@op
def jvp(fun: Callable, primals: Sequence, tangents: Sequence, has_aux: bool = False) -> tuple:
    """The value of a function, and how it changes when its arguments move: the product of its Jacobian and `tangents`.

    Args:
        fun: a function of as many arguments as there are primals, written with ops.
        primals: its arguments, in a tuple or list.
        tangents: for each of them the direction it moves in, of the same structure, shapes and dtypes.
        has_aux: whether `fun` returns a pair, the second of which is passed on.

    Returns:
        `(fun(*primals), tangents of it)`, and what was passed on where `has_aux`.

    Raises:
        TypeError: when `primals` or `tangents` is no tuple or list.
        BackendError: on a backend without derivatives.

    Example:
        >>> from lamella import ops
        >>> value, change = ops.linalg.jvp(lambda x: x * x, (3.0,), (1.0,))
        >>> float(value), float(change)
        (9.0, 6.0)
    """
    if not isinstance(primals, (tuple, list)) or not isinstance(tangents, (tuple, list)):
        raise TypeError(
            "The `primals` and `tangents` of ops.linalg.jvp must be tuples or lists, one entry per argument."
        )
    adapter = _registry.active()
    primals, tangents = (_tree.map_structure(adapter.asarray, tuple(structure)) for structure in (primals, tangents))
    return adapter.jvp(fun, primals, tangents, has_aux=has_aux)
