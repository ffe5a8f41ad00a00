"""What convolution and pooling on a CPU share: places of a window as slices, and their transpose.

The transpose of strided slices is a sum of arrays with holes. Written down by residues modulo the stride, it is a
sum of whole slices for each residue, and one interleaving of the sums: no zero is added, no element visited twice.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax.numpy as jnp
from jax import lax

from lamella.typing import Array

Pairs = Sequence[tuple[int, int]]


def places(window: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """Every place in a window, the last axis fastest."""
    return itertools.product(*map(range, window))


def margins(x: Array, padding: Pairs, value: Any = 0, first: int = 1) -> Array:
    """`x` with margins of `value` around the axes from `first` on; negative widths cut."""
    if not any(map(any, padding)):
        return x
    widths = [(0, 0, 0)] * x.ndim
    widths[first : first + len(padding)] = [(low, high, 0) for low, high in padding]
    return lax.pad(x, jnp.asarray(value, x.dtype), widths)


def seen(x: Array, offset: Sequence[int], sizes: Sequence[int], strides: Sequence[int], first: int = 1) -> Array:
    """What stands `offset` after each of `sizes` positions, `strides` apart, of the axes from `first` on."""
    starts, limits, steps = [0] * x.ndim, list(x.shape), [1] * x.ndim
    for axis, (o, n, s) in enumerate(zip(offset, sizes, strides), first):
        starts[axis], limits[axis], steps[axis] = o, o + s * (n - 1) + 1, s
    return lax.slice(x, starts, limits, steps)


def overlap_add(
    part: Callable[[tuple[int, ...]], Array],
    window: Sequence[int],
    sizes: Sequence[int],
    strides: Sequence[int],
    dilation: Sequence[int],
    padding: Pairs,
    result: Sequence[int],
    first: int = 1,
) -> Array:
    """`out[i * strides + place * dilation - low] += part(place)[i]` over all places of the window.

    Args:
        part: the array that belongs to a place, with `sizes` along the axes from `first` on.
        window: how many places there are along each axis.
        sizes: how many positions.
        strides, dilation: steps of positions and of places.
        padding: `low` and `high` of the axes; `high` is not looked at.
        result: sizes of the result along these axes.
        first: the first of the axes.
    """
    rank = len(window)
    # Along an axis, a place stands `shift` whole strides and a residue after the position.
    split = [[divmod(k * d, s) for k in range(n)] for n, d, s in zip(window, dilation, strides)]
    furthest = [max((shift for shift, _ in axis), default=0) for axis in split]
    lengths = [n + f for n, f in zip(sizes, furthest)]  # of one residue's positions
    by_residue: dict[tuple[int, ...], Array] = {}
    like = None
    for place in places(window):
        shifts, residue = zip(*(split[axis][k] for axis, k in enumerate(place)), strict=True)
        value = part(place)
        like = value if like is None else like
        value = margins(value, [(s, f - s) for s, f in zip(shifts, furthest)], first=first)
        by_residue[residue] = by_residue[residue] + value if residue in by_residue else value
    assert like is not None
    hole = jnp.zeros((*like.shape[:first], *lengths, *like.shape[first + rank :]), like.dtype)

    def interleaved(residue: tuple[int, ...]) -> Array:
        axis = len(residue)
        if axis == rank:
            return by_residue.get(residue, hole)
        columns = [interleaved((*residue, r)) for r in range(strides[axis])]
        if len(columns) == 1:
            return columns[0]
        at = first + axis
        joined = jnp.stack(columns, at + 1)
        return joined.reshape(*joined.shape[:at], -1, *joined.shape[at + 2 :])

    whole = interleaved(())
    crop = [(-low, n + low - s * length) for n, (low, _), s, length in zip(result, padding, strides, lengths)]
    return margins(whole, crop, first=first)
