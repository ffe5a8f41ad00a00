"""Reading and writing at computed places, as compositions of what the array API standard has.

An adapter inherits them and puts its library's own in their place where there is one.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from lamella.backend import _dtypes
from lamella.typing import Array


class Indexing:
    """Functions of arrays over `self.xp`; indices are integer arrays."""

    xp: Any

    def get_item(self, x: Array, keys: tuple) -> Array:
        """`x[keys]` as NumPy understands it; array keys are arrays of this library."""
        return x[keys]

    def take(self, x: Array, indices: Array, axis: int) -> Array:
        """Elements of `x` along `axis`; negative indices count from the end, else `fill`."""
        xp, size = self.xp, x.shape[axis]
        inside = self._inside(indices, size)
        places = xp.where(inside, xp.where(indices < 0, indices + size, indices), xp.zeros_like(indices))
        out = xp.take(x, xp.reshape(places, (-1,)), axis=axis)
        out = xp.reshape(out, (*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :]))
        if self._surely(inside):
            return out
        return xp.where(xp.reshape(inside, (*indices.shape, *(1,) * (x.ndim - axis - 1))), out, self._fill(x))

    def take_along_axis(self, x: Array, indices: Array, axis: int) -> Array:
        """`x[..., indices[..., i, ...], ...]`, an index for each place; out of range as in `take`."""
        xp, size = self.xp, x.shape[axis]
        inside = self._inside(indices, size)
        places = xp.where(inside, xp.where(indices < 0, indices + size, indices), xp.zeros_like(indices))
        out = xp.take_along_axis(x, places, axis=axis)
        return out if self._surely(inside) else xp.where(inside, out, self._fill(x))

    def _inside(self, indices: Array, size: int) -> Array:
        return self.xp.logical_and(indices >= -size, indices < size)

    def _surely(self, condition: Array) -> bool:
        """Whether it holds everywhere, as far as is known without tracing."""
        return bool(self.xp.all(condition))

    def _fill(self, x: Array) -> Array:
        """What stands for an element that is not there: NaN, or the integer furthest from zero, or True."""
        dtype = self.dtype(x)  # type: ignore[attr-defined]
        if dtype == "bool":
            value: Any = True
        elif dtype in _dtypes.INT_TYPES:
            info = self.xp.iinfo(x.dtype)
            value = info.max if dtype.startswith("u") else info.min
        else:
            value = math.nan
        return self.xp.asarray(value, dtype=x.dtype)

    def scatter(self, x: Array, indices: Array, updates: Array, reduction: str | None) -> Array:
        """`x` with `updates` at `indices`, which hold along their last axis a place in `x`.

        `reduction` says what becomes of what was there, and of several updates of one place: "add", "max",
        "min", "mul", or None (the update replaces it). Negative places count from the end; updates out of
        range are dropped.
        """
        raise NotImplementedError

    def slice(self, x: Array, starts: Sequence[Any], sizes: Sequence[int]) -> Array:
        """The block of `sizes` that begins at `starts` (ints or scalars), moved to lie inside."""
        for axis, (start, size) in enumerate(zip(starts, sizes)):
            if size != x.shape[axis]:
                x = self.xp.take(x, self._run(start, size, x.shape[axis]), axis=axis)
        return x

    def slice_update(self, x: Array, starts: Sequence[Any], updates: Array) -> Array:
        """`x` with the block that begins at `starts` replaced by `updates`, moved to lie inside."""
        grids = self.xp.meshgrid(
            *(self._run(s, n, m) for s, n, m in zip(starts, updates.shape, x.shape)), indexing="ij"
        )
        return self.scatter(x, self.xp.stack(grids, axis=-1), updates, None) if grids else updates

    def _run(self, start: Any, size: int, limit: int) -> Array:
        start = self.xp.asarray(start)
        start = self.xp.where(start < 0, start + limit, start)
        return self.xp.clip(start, 0, limit - size) + self.xp.arange(size)

    def pad(self, x: Array, widths: Sequence[tuple[int, int]], mode: str, value: Any) -> Array:
        """`x` with margins, in the modes of `numpy.pad`."""
        xp = self.xp
        for axis, (before, after) in enumerate(widths):
            if before or after:
                x = self._pad_axis(xp, x, axis, before, after, mode, value)
        return x

    def _pad_axis(self, xp: Any, x: Array, axis: int, before: int, after: int, mode: str, value: Any) -> Array:
        size = x.shape[axis]
        if mode in ("edge", "reflect", "symmetric", "wrap"):  # each margin element is some element of x
            places = np.pad(np.arange(size), (before, after), mode=mode)  # type: ignore[call-overload]
            return xp.take(x, xp.asarray(places), axis=axis)

        def margin(width: int, first: bool) -> Array:
            shape = (*x.shape[:axis], width, *x.shape[axis + 1 :])
            if mode in ("constant", "empty"):
                filler = xp.asarray(value if mode == "constant" else 0)
                return xp.broadcast_to(xp.astype(filler, x.dtype), shape)
            if mode == "linear_ramp":
                edge = xp.take(x, xp.asarray([0 if first else size - 1]), axis=axis)
                ramp = np.linspace(0, 1, width, endpoint=False)
                ramp = np.reshape(ramp if first else ramp[::-1], (width, *(1,) * (x.ndim - axis - 1)))
                wide = x.dtype if self._is_float(x) else xp.float32
                out = xp.astype(edge, wide) * xp.astype(xp.asarray(ramp), wide)
                return xp.astype(out if self._is_float(x) else xp.floor(out), x.dtype)
            return xp.broadcast_to(self._statistic(xp, x, axis, mode), shape)

        parts = [margin(before, True)] if before else []
        return xp.concat([*parts, x, *([margin(after, False)] if after else [])], axis=axis)

    def _is_float(self, x: Array) -> bool:
        return self.dtype(x) in _dtypes.FLOAT_TYPES + _dtypes.COMPLEX_TYPES  # type: ignore[attr-defined]

    def _statistic(self, xp: Any, x: Array, axis: int, mode: str) -> Array:
        if mode in ("maximum", "minimum"):
            return (xp.max if mode == "maximum" else xp.min)(x, axis=axis, keepdims=True)
        wide = x if self._is_float(x) else xp.astype(x, xp.float32)
        if mode == "median":
            half, wide = x.shape[axis] // 2, xp.sort(wide, axis=axis)
            middle = [half] if x.shape[axis] % 2 else [half - 1, half]
            wide = xp.take(wide, xp.asarray(middle), axis=axis)
        mean = xp.mean(wide, axis=axis, keepdims=True)
        return xp.astype(mean if self._is_float(x) else xp.round(mean), x.dtype)

    # ---- order and bits --------------------------------------------------------------------------

    def argpartition(self, x: Array, kth: int, axis: int) -> Array:
        """Places of the elements, those of the `kth` smallest first."""
        return self.xp.argsort(x, axis=axis, stable=True)

    def nonzero(self, x: Array, size: int | None) -> tuple:
        """Places of the elements that are not zero; of `size` of them where it is given."""
        return tuple(places if size is None else places[:size] for places in self.xp.nonzero(x))

    def unique(self, x: Array, axis: int | None, size: int | None, fill: Any) -> tuple:
        """Different elements, the first place and the count of each, and for each element of `x` which it is.

        In the order values, first places, inverse, counts. With `size` as many, cut or filled.
        """
        values = self.to_numpy(x)  # type: ignore[attr-defined]
        found = np.unique(values, True, True, True, axis=axis, equal_nan=False)
        different, first, inverse, counts = found
        if axis is None:
            inverse = inverse.reshape(values.shape)
        else:
            inverse, different = inverse.reshape(-1), np.moveaxis(different, axis, 0)
        if size is not None:
            missing = (max(0, size - len(different)),)
            smallest = different[:1] if len(different) else np.zeros((1, *different.shape[1:]), different.dtype)
            filler = smallest if fill is None else np.full_like(smallest, fill)
            different = np.concatenate([different[:size], np.repeat(filler, missing[0], axis=0)])
            first = np.concatenate([first[:size], np.repeat(first[:1], missing[0])])
            counts = np.concatenate([counts[:size], np.zeros(missing, counts.dtype)])
        if axis is not None:
            different = np.moveaxis(different, 0, axis)
        return tuple(self.asarray(a) for a in (different, first, inverse, counts))  # type: ignore[attr-defined]

    def bitcast(self, x: Array, dtype: str) -> Array:
        """The bytes of `x` as elements of `dtype`; where sizes differ, the last axis grows or shrinks."""
        raise NotImplementedError

    def complex(self, real: Array, imag: Array) -> Array:
        """`real + imag * 1j` of real floating arrays, infinities and NaN kept apart."""
        return real + imag * 1j
