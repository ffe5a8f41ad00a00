"""Products and factorisations that the array API standard lacks.

An adapter inherits them and puts its library's own in their place where there is one.
"""

from typing import Any

import numpy as np

from lamella.backend import _dtypes
from lamella.typing import Array


class LinearAlgebra:
    """Functions of arrays that are already of one floating dtype, over `self.xp`; matrices in the last two axes."""

    xp: Any

    def einsum(self, subscripts: str, *operands: Array, accumulate: str | None = None) -> Array:
        """Einstein summation in NumPy's notation; sums of int8 are kept in `accumulate` where it is given."""
        raise NotImplementedError

    def matmul(self, x1: Array, x2: Array, accumulate: str | None = None) -> Array:
        """The matrix product; sums of int8 are kept in `accumulate` where it is given."""
        if accumulate is not None:
            x1, x2 = (self.asarray(x, accumulate) for x in (x1, x2))  # type: ignore[attr-defined]
        out = self.xp.matmul(x1, x2)
        return out if out.dtype == x1.dtype else self.xp.astype(out, x1.dtype)  # NumPy makes float32 of bfloat16

    def correlate(self, x1: Array, x2: Array, mode: str) -> Array:
        """`sum(x1[n + k] * conj(x2[n]))` for the k that `mode` ("valid", "same", "full") names."""
        xp, n, m = self.xp, x1.shape[0], x2.shape[0]
        margin = xp.zeros(m - 1, dtype=x1.dtype)
        padded = xp.concat([margin, x1, margin])
        windows = np.arange(n + m - 1)[:, None] + np.arange(m)
        short, long = min(n, m), max(n, m)
        first, count = {
            "full": (0, n + m - 1),
            "same": ((short - 1) // 2, long),
            "valid": (short - 1, long - short + 1),
        }[mode]
        if n < m:  # the middle of an even number of elements is that of the sequences exchanged and reversed
            first = n + m - 1 - first - count
        windows = windows[first : first + count]
        rows = xp.reshape(xp.take(padded, xp.asarray(windows.ravel()), axis=0), windows.shape)
        is_complex = self.dtype(x2) in _dtypes.COMPLEX_TYPES  # type: ignore[attr-defined]
        return self.matmul(rows, xp.conj(x2) if is_complex else x2)

    def solve_triangular(self, a: Array, b: Array, lower: bool) -> Array:
        """`x` with `a @ x == b`, of `a` only the lower or the upper triangle."""
        return self.xp.linalg.solve(self.xp.tril(a) if lower else self.xp.triu(a), b)

    def lu_factor(self, x: Array) -> tuple:
        """L (without its unit diagonal) and U in one matrix, and for each row the one it was exchanged with."""
        import scipy.linalg

        values = self.to_numpy(x)  # type: ignore[attr-defined]
        stack = values.reshape(-1, *values.shape[-2:])
        found = [scipy.linalg.lu_factor(matrix, check_finite=False) for matrix in stack]
        lu = np.reshape([f[0] for f in found], values.shape).astype(values.dtype)
        pivots = np.reshape([f[1] for f in found], (*values.shape[:-2], min(values.shape[-2:])))
        return self.asarray(lu), self.asarray(pivots, "int32")  # type: ignore[attr-defined]

    def eig(self, x: Array) -> tuple:
        """Eigenvalues and eigenvectors (columns) of any square matrix, complex."""
        found = np.linalg.eig(self.to_numpy(x))  # type: ignore[attr-defined]
        kind = "complex128" if str(x.dtype).endswith(("float64", "complex128")) else "complex64"
        return tuple(self.asarray(f, kind) for f in found)  # type: ignore[attr-defined]
