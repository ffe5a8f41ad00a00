"""What slides a window over an array: convolution and pooling, as compositions of what the array API has.

An adapter inherits them and puts its library's own in their place where there is one.
"""

import itertools
import math
from collections.abc import Sequence
from typing import Any

from lamella.backend import _dtypes
from lamella.typing import Array

Pairs = Sequence[tuple[int, int]]


class Windows:
    """Functions of arrays over `self.xp`; every sequence has an entry for each spatial axis."""

    xp: Any
    matmul: Any  # that of the adapter

    def convolution(
        self,
        x: Array,
        kernel: Array,
        strides: Sequence[int],
        padding: Pairs,
        input_dilation: Sequence[int],
        kernel_dilation: Sequence[int],
        groups: int,
        channels_last: bool,
    ) -> Array:
        """Correlation of `x`, `(batch, *spatial, channels)`, with `kernel`, `(*window, channels / groups, filters)`.

        Without `channels_last`, `x` and the result are `(batch, channels, *spatial)`. The input is dilated with
        zeros first, then padded with zeros (a negative width cuts). One product of matrices for each place in the
        window: no array is larger than the input or the result.
        """
        xp = self.xp
        x = x if channels_last else xp.moveaxis(x, 1, -1)
        for axis, dilation in enumerate(input_dilation, 1):
            x = self._dilated(x, axis, dilation)
        x = self._margins(x, [(0, 0), *padding, (0, 0)], 0)
        window, filters = kernel.shape[:-2], kernel.shape[-1]
        sizes = _positions(x.shape[1:-1], window, strides, kernel_dilation)
        total = None
        for place in itertools.product(*map(range, window)):
            part = self._shifted(x, place, sizes, strides, kernel_dilation)
            term = self._product(part, kernel[place], groups)
            total = term if total is None else xp.add(total, term)
        if total is None:
            total = xp.zeros((x.shape[0], *sizes, filters), dtype=x.dtype)
        return total if channels_last else xp.moveaxis(total, -1, 1)

    def _product(self, x: Array, matrix: Array, groups: int) -> Array:
        """`x`, `(..., channels)`, times `matrix`, `(channels / groups, filters)`, group by group."""
        xp, (depth, filters) = self.xp, matrix.shape
        if groups == 1:
            return self.matmul(x, matrix)
        each = filters // groups
        if depth == 1:
            repeated = xp.repeat(x, each, axis=-1) if each > 1 else x
            return repeated * matrix[0]
        x = xp.reshape(x, (*x.shape[:-1], groups, 1, depth))
        matrix = xp.permute_dims(xp.reshape(matrix, (depth, groups, each)), (1, 0, 2))
        return xp.reshape(self.matmul(x, matrix), (*x.shape[:-3], filters))

    def reduce_window(
        self, x: Array, reduction: str, window: Sequence[int], strides: Sequence[int], padding: Pairs
    ) -> Array:
        """The "max" or "sum" of each window; the sequences have an entry for every axis of `x`.

        Margins count for nothing.
        """
        xp = self.xp
        dtype = self.dtype(x)  # type: ignore[attr-defined]
        if reduction == "sum":
            neutral: Any = 0
        else:
            neutral = -math.inf if _dtypes.is_float_dtype(dtype) else _dtypes.finite_range(dtype)[0]
        x = self._margins(x, padding, neutral)
        ones = (1,) * x.ndim
        sizes = _positions(x.shape, window, strides, ones)
        combine = xp.add if reduction == "sum" else xp.maximum
        total = None
        for place in itertools.product(*map(range, window)):
            index = tuple(slice(p, p + s * (n - 1) + 1, s) for p, n, s in zip(place, sizes, strides))
            total = x[index] if total is None else combine(total, x[index])
        return total

    def _margins(self, x: Array, padding: Pairs, value: Any) -> Array:
        cut = tuple(slice(max(0, -low), n - max(0, -high)) for n, (low, high) in zip(x.shape, padding))
        widths = [(max(0, low), max(0, high)) for low, high in padding]
        return self.pad(x[cut], widths, "constant", value)  # type: ignore[attr-defined]

    def _dilated(self, x: Array, axis: int, dilation: int) -> Array:
        """`x` with `dilation - 1` zeros between its elements along `axis`."""
        if dilation == 1:
            return x
        xp, size = self.xp, x.shape[axis]
        x = xp.expand_dims(x, axis=axis + 1)
        zeros = xp.zeros((*x.shape[: axis + 1], dilation - 1, *x.shape[axis + 2 :]), dtype=x.dtype)
        x = xp.concat([x, zeros], axis=axis + 1)
        x = xp.reshape(x, (*x.shape[:axis], size * dilation, *x.shape[axis + 2 :]))
        return x[(slice(None),) * axis + (slice(0, max(0, (size - 1) * dilation + 1)),)]

    @staticmethod
    def _shifted(x: Array, place: Sequence[int], sizes: Sequence[int], strides: Any, dilation: Any) -> Array:
        """What the given place of the window sees as it slides over the spatial axes of `x`."""
        spatial = (slice(p * d, p * d + s * (n - 1) + 1, s) for p, d, n, s in zip(place, dilation, sizes, strides))
        return x[(slice(None), *spatial)]


def _positions(shape: Sequence[int], window: Any, strides: Any, dilation: Any) -> tuple[int, ...]:
    """How often a window fits along each axis."""
    return tuple(max(0, (n - (w - 1) * d - 1) // s + 1) for n, w, s, d in zip(shape, window, strides, dilation))
