"""Elementwise functions that NumPy has and the array API standard lacks, as compositions of what it has.

An adapter inherits them and puts its library's own in their place where there is one.
"""

import math
from typing import Any

from lamella.typing import Array


def as_method(function: Any) -> Any:
    """A library's function as a method that takes no `self`; its type, which says more than the base's, is let go."""
    return staticmethod(function)


class Elementwise:
    """Functions of arrays that are already of one dtype, over `self.xp`."""

    xp: Any

    def scalar(self, value: complex, dtype: str) -> Any:
        """A Python number as an operand of `dtype` beside an array; it need not be an array itself."""
        return self.asarray(value, dtype)  # type: ignore[attr-defined]

    def native_dtype(self, dtype: str) -> Any:
        """The library's object for the dtype called `dtype`, as it stores it."""
        raise NotImplementedError

    def _like(self, x: Array, value: float) -> Array:
        """A number in the dtype of `x`: beside a Python scalar, NumPy would turn bfloat16 into float64."""
        return self.xp.asarray(value, dtype=x.dtype)

    def ordered(self, x: Array) -> Array:
        """A real array in which the elements of `x` are told apart as `argmax` and `argmin` have to."""
        return x

    def absolute(self, x: Array) -> Array:
        """`|x|` of a real floating array; its gradient at 0, on which libraries disagree, is 0."""
        return self.xp.where(self.xp.equal(x, 0), self.xp.zeros_like(x), self.xp.abs(x))

    def exp2(self, x: Array) -> Array:
        """`2 ** x` of a floating array."""
        return self.xp.pow(self.xp.full_like(x, 2), x)

    def logaddexp2(self, x1: Array, x2: Array) -> Array:
        """`log2(2 ** x1 + 2 ** x2)` of floating arrays."""
        xp = self.xp
        equal = xp.equal(x1, x2)  # their difference is NaN where both are the same infinity
        difference = xp.where(equal, xp.zeros_like(x1), x1) - xp.where(equal, xp.zeros_like(x2), x2)
        return xp.maximum(x1, x2) + xp.log1p(self.exp2(-xp.abs(difference))) * self._like(x1, 1 / math.log(2))

    def cbrt(self, x: Array) -> Array:
        """The real cube root of a real floating array."""
        xp = self.xp
        zero = xp.equal(x, 0)  # whose gradient is infinite: kept out of the logarithm
        root = xp.exp(xp.log(xp.where(zero, xp.ones_like(x), xp.abs(x))) * self._like(x, 1 / 3))
        return xp.where(zero, x, xp.sign(x) * root)

    def sinc(self, x: Array) -> Array:
        """`sin(π x) / (π x)`, and 1 at 0, of a floating array."""
        xp = self.xp
        zero = xp.equal(x, 0)
        angle = xp.where(zero, xp.ones_like(x), x) * self._like(x, math.pi)
        return xp.where(zero, xp.ones_like(x), xp.sin(angle) / angle)

    def fmod(self, x1: Array, x2: Array) -> Array:
        """The remainder of truncated division of real arrays."""
        xp = self.xp
        rest = xp.remainder(xp.abs(x1), xp.abs(x2))
        return xp.where(xp.less(x1, 0), -rest, rest)

    def ldexp(self, x1: Array, x2: Array) -> Array:
        """`x1 * 2 ** x2` of a floating and an integer array, in two steps: 2 ** x2 could overflow."""
        xp = self.xp
        half = xp.floor_divide(x2, xp.full_like(x2, 2))
        base = xp.full_like(x1, 2)
        for exponent in (half, x2 - half):
            x1 = x1 * xp.pow(base, xp.astype(exponent, x1.dtype))
        return x1

    def gcd(self, x1: Array, x2: Array) -> Array:
        """The greatest common divisor of integer arrays, by Euclid's algorithm."""
        xp = self.xp
        x1, x2 = xp.broadcast_arrays(xp.abs(x1), xp.abs(x2))

        def step(pair: tuple) -> tuple:
            a, b = pair
            done = xp.equal(b, 0)
            return xp.where(done, a, b), xp.where(done, b, xp.remainder(a, xp.where(done, xp.ones_like(b), b)))

        return self.while_loop(lambda pair: xp.any(xp.not_equal(pair[1], 0)), step, (x1, x2))[0]  # type: ignore[attr-defined]

    def lcm(self, x1: Array, x2: Array) -> Array:
        """The least common multiple of integer arrays; 0 where either is."""
        xp = self.xp
        divisor = self.gcd(x1, x2)
        return xp.abs(xp.floor_divide(x1, xp.where(xp.equal(divisor, 0), xp.ones_like(divisor), divisor)) * x2)

    def i0(self, x: Array) -> Array:
        """The modified Bessel function of order 0 of a real floating array."""
        return self._by_host("i0", x)  # type: ignore[attr-defined]
