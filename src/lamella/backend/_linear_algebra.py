"""Products and factorisations that the array API standard lacks.

An adapter inherits them and puts its library's own in their place where there is one.
"""

from typing import Any

from lamella.typing import Array


class LinearAlgebra:
    """Functions of arrays that are already of one dtype, over `self.xp`."""

    xp: Any

    def einsum(self, subscripts: str, *operands: Array, accumulate: str | None = None) -> Array:
        """Einstein summation in NumPy's notation; sums of int8 are kept in `accumulate` where it is given."""
        raise NotImplementedError

    def matmul(self, x1: Array, x2: Array, accumulate: str | None = None) -> Array:
        """The matrix product; sums of int8 are kept in `accumulate` where it is given."""
        if accumulate is not None:
            x1, x2 = (self.asarray(x, accumulate) for x in (x1, x2))  # type: ignore[attr-defined]
        return self.xp.matmul(x1, x2)
