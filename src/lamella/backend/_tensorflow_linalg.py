"""Linear algebra over TensorFlow, by the names of the array API: `xp.linalg`."""

import math
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf


class EighResult(NamedTuple):
    """Eigenvalues and eigenvectors."""

    eigenvalues: tf.Tensor
    eigenvectors: tf.Tensor


class QRResult(NamedTuple):
    """Orthogonal and triangular factors."""

    Q: tf.Tensor
    R: tf.Tensor


class SVDResult(NamedTuple):
    """Singular vectors and values."""

    U: tf.Tensor
    S: tf.Tensor
    Vh: tf.Tensor


class SlogdetResult(NamedTuple):
    """Sign and logarithm of the absolute value of a determinant."""

    sign: tf.Tensor
    logabsdet: tf.Tensor


def cholesky(x: tf.Tensor, /, *, upper: bool = False) -> tf.Tensor:
    """The lower triangular L with `x == L @ L^H`.

    Raises:
        numpy.linalg.LinAlgError: when a matrix is not positive definite, and there are values.
    """
    try:
        lower = tf.linalg.cholesky(x)
    except tf.errors.InvalidArgumentError as error:
        raise np.linalg.LinAlgError("The matrix is not positive definite.") from error
    return tf.linalg.adjoint(lower) if upper else lower


def det(x: tf.Tensor, /) -> tf.Tensor:
    """Determinants."""
    return tf.linalg.det(x)


def slogdet(x: tf.Tensor, /) -> SlogdetResult:
    """The sign of determinants and the logarithm of their absolute values."""
    return SlogdetResult(*tf.linalg.slogdet(x))


def diagonal(x: tf.Tensor, /, *, offset: int = 0) -> tf.Tensor:
    """The diagonal `offset` of the last two axes."""
    rows, columns = x.shape[-2:]
    length = max(0, min(rows, columns - offset) if offset >= 0 else min(rows + offset, columns))
    start = offset if offset >= 0 else -offset * columns
    flat = tf.reshape(x, [*x.shape[:-2], rows * columns])
    return tf.gather(flat, start + np.arange(length) * (columns + 1), axis=-1)


def eigh(x: tf.Tensor, /) -> EighResult:
    """Eigenvalues, ascending, and eigenvectors of Hermitian matrices."""
    return EighResult(*tf.linalg.eigh(x))


def inv(x: tf.Tensor, /) -> tf.Tensor:
    """Inverses."""
    return tf.linalg.inv(x)


def solve(x1: tf.Tensor, x2: tf.Tensor, /) -> tf.Tensor:
    """The y with `x1 @ y == x2`."""
    return tf.linalg.solve(x1, x2)


def qr(x: tf.Tensor, /, *, mode: str = "reduced") -> QRResult:
    """Orthogonal times upper triangular matrices."""
    return QRResult(*tf.linalg.qr(x, full_matrices=mode == "complete"))


def svd(x: tf.Tensor, /, *, full_matrices: bool = True) -> SVDResult:
    """The singular value decomposition."""
    s, u, v = tf.linalg.svd(x, full_matrices=full_matrices)
    return SVDResult(u, s, tf.linalg.adjoint(v))


def svdvals(x: tf.Tensor, /) -> tf.Tensor:
    """Singular values, descending."""
    return tf.linalg.svd(x, compute_uv=False)


def pinv(x: tf.Tensor, /, *, rtol: Any = None) -> tf.Tensor:
    """The pseudo-inverse; singular values of at most `rtol` times the greatest count as 0."""
    rtol = max(x.shape[-2:]) * np.finfo(x.dtype.real_dtype.as_numpy_dtype).eps if rtol is None else rtol
    return _pinv(x, tf.cast(rtol, x.dtype.real_dtype))


@tf.custom_gradient
def _pinv(x: tf.Tensor, rtol: tf.Tensor) -> tuple:
    """With the derivative of Golub and Pereyra (1973), "The differentiation of pseudo-inverses", equation 4.12."""
    s, u, v = tf.linalg.svd(x)
    kept = s > rtol[..., None] * tf.reduce_max(s, -1, keepdims=True)
    factors = tf.where(kept, 1 / tf.where(kept, s, tf.ones_like(s)), tf.zeros_like(s))
    p = tf.matmul(v * tf.cast(factors, x.dtype)[..., None, :], u, adjoint_b=True)

    def grad(upstream: tf.Tensor) -> tuple:
        g, ph = tf.linalg.adjoint(upstream), tf.linalg.adjoint(p)
        beside_columns = g - tf.matmul(x, tf.matmul(p, g))  # (1 - x p) g
        beside_rows = g - tf.matmul(tf.matmul(g, p), x)  # g (1 - p x)
        total = tf.matmul(beside_columns, tf.matmul(p, ph)) + tf.matmul(tf.matmul(ph, p), beside_rows)
        return total - tf.matmul(ph, tf.matmul(upstream, ph)), tf.zeros_like(rtol)

    return p, grad


def vector_norm(x: tf.Tensor, /, *, axis: Any = None, keepdims: bool = False, ord: float = 2) -> tf.Tensor:
    """The `ord`-norm of vectors along axes."""
    axis, size = (list(axis) if isinstance(axis, tuple) else axis), tf.abs(x)
    if ord == math.inf:
        return tf.reduce_max(size, axis, keepdims)
    if ord == -math.inf:
        return tf.reduce_min(size, axis, keepdims)
    if ord == 0:
        return tf.reduce_sum(tf.cast(tf.not_equal(size, 0), size.dtype), axis, keepdims)
    if ord == 1:
        return tf.reduce_sum(size, axis, keepdims)
    if ord == 2:
        return tf.sqrt(tf.reduce_sum(size * size, axis, keepdims))
    return tf.reduce_sum(size**ord, axis, keepdims) ** (1.0 / ord)


def matrix_norm(x: tf.Tensor, /, *, keepdims: bool = False, ord: Any = "fro") -> tf.Tensor:
    """The norm of matrices: "fro", "nuc", 1, -1, 2, -2, inf or -inf."""
    if ord == "fro":
        return tf.sqrt(tf.reduce_sum(tf.abs(x) ** 2, [-2, -1], keepdims))
    if ord in (1, -1, math.inf, -math.inf):
        sums = tf.reduce_sum(tf.abs(x), -2 if abs(ord) == 1 else -1)
        result = (tf.reduce_max if ord > 0 else tf.reduce_min)(sums, -1)
    else:
        result = {"nuc": tf.reduce_sum, 2: tf.reduce_max, -2: tf.reduce_min}[ord](svdvals(x), -1)
    return result[..., None, None] if keepdims else result
