"""Shapes by name: the notation of einops (Rogozhnikov, ICLR 2022, "Einops: Clear and Reliable Tensor
Manipulations with Einstein-like Notation"), as far as it moves elements without reducing or repeating them."""

import functools
import math
import operator
import re

from lamella.core._arrays import arrays
from lamella.core._operation import op
from lamella.errors import ArgumentError, ShapeError
from lamella.typing import Array, ArrayLike

__all__ = ["rearrange"]

_TOKEN = re.compile(r"\s*(\.\.\.|[^\W\d]\w*|1|\(|\))")
Groups = tuple[tuple[str, ...], ...]


@op
def rearrange(tensor: ArrayLike, pattern: str, **axes_lengths: int) -> Array:
    """Axes permuted, merged and split, as a pattern with names says.

    Args:
        tensor: an array of any shape, or a list of arrays of one shape, stacked along a first axis.
        pattern: names of the axes, `->`, and the same names in another order, such as `"b h w c -> b (h w)
            c"`. Names in parentheses share an axis, the last one running fastest; `1` is an axis of size 1;
            `...` is all axes without a name.
        **axes_lengths: sizes of names; needed where an axis is split, for all but one of its parts.

    Returns:
        An array of the same elements.

    Raises:
        ArgumentError: when the pattern is malformed, or both sides do not have the same names.
        ShapeError: when the shape does not fit the pattern.

    Example:
        >>> from lamella import ops
        >>> ops.rearrange(ops.ones((2, 6, 4)), "b (h w) c -> b c h w", h=2).shape
        (2, 4, 2, 3)
    """
    if isinstance(tensor, (list, tuple)) and any(hasattr(t, "shape") for t in tensor):
        xp, *parts = arrays(*tensor)
        x = xp.stack(parts, axis=0)
    else:
        xp, x = arrays(tensor)
    left, right = _parsed(pattern)
    left, right = _without_ellipsis(pattern, tuple(x.shape), left, right)
    sizes = _sizes(pattern, tuple(x.shape), left, {k: operator.index(v) for k, v in axes_lengths.items()})
    names = [name for group in left for name in group]
    order = [names.index(name) for group in right for name in group]
    x = xp.permute_dims(xp.reshape(x, tuple(sizes[name] for name in names)), tuple(order))
    return xp.reshape(x, tuple(math.prod(sizes[name] for name in group) for group in right))


@functools.lru_cache(256)
def _parsed(pattern: str) -> tuple[Groups, Groups]:
    """Both sides of a pattern: for each axis the names that share it."""
    sides = pattern.split("->") if isinstance(pattern, str) else ()
    if len(sides) != 2:
        raise ArgumentError(f"The pattern of ops.rearrange must be 'left -> right'; got {pattern!r}.")
    left, right = (_groups(pattern, side) for side in sides)
    flat = [sorted(name for group in side for name in group) for side in (left, right)]
    for names in flat:
        if len(set(names)) != len(names):
            raise ArgumentError(f"The pattern {pattern!r} of ops.rearrange has a name twice on one side.")
    if flat[0] != flat[1]:
        odd = sorted(set(flat[0]) ^ set(flat[1]))
        raise ArgumentError(
            f"Both sides of the pattern {pattern!r} of ops.rearrange must have the same names; only one has "
            f"{', '.join(odd)}."
        )
    return left, right


def _groups(pattern: str, side: str) -> Groups:
    groups: list[tuple[str, ...]] = []
    inside: list[str] | None = None
    side, position = side.strip(), 0
    while position < len(side):
        match = _TOKEN.match(side, position)
        token = match.group(1) if match else ""
        if match is None or (token == "(" and inside is not None) or (token == ")" and inside is None):
            raise ArgumentError(f"The pattern {pattern!r} of ops.rearrange cannot be read at {side[position:]!r}.")
        position = match.end()
        if token == "(":
            inside = []
        elif token == ")":
            groups.append(tuple(inside or ()))
            inside = None
        elif inside is not None:
            inside.extend(() if token == "1" else (token,))
        else:
            groups.append(() if token == "1" else (token,))
    if inside is not None:
        raise ArgumentError(f"The pattern {pattern!r} of ops.rearrange has a parenthesis that is not closed.")
    return tuple(groups)


def _without_ellipsis(pattern: str, shape: tuple, left: Groups, right: Groups) -> tuple[Groups, Groups]:
    """Both sides with a name of its own for each axis that `...` stands for."""
    if ("...",) not in left:
        if any("..." in group for group in left):
            raise ArgumentError(f"The `...` on the left of the pattern {pattern!r} cannot be in parentheses.")
        if len(left) != len(shape):
            raise ShapeError(
                f"The pattern {pattern!r} of ops.rearrange is for arrays of {len(left)} axes; got shape {shape}."
            )
        return left, right
    count = len(shape) - len(left) + 1
    if count < 0:
        raise ShapeError(
            f"The pattern {pattern!r} of ops.rearrange is for arrays of at least {len(left) - 1} axes; got "
            f"shape {shape}."
        )
    names = tuple(f"...{i}" for i in range(count))

    def expanded(groups: Groups) -> Groups:
        out: list[tuple[str, ...]] = []
        for group in groups:
            if group == ("...",):
                out.extend((name,) for name in names)
            else:
                out.append(tuple(n for name in group for n in (names if name == "..." else (name,))))
        return tuple(out)

    return expanded(left), expanded(right)


def _sizes(pattern: str, shape: tuple, left: Groups, given: dict[str, int]) -> dict[str, int]:
    """The size of each name."""
    names = {name for group in left for name in group}
    if unknown := sorted(set(given) - names):
        raise ArgumentError(f"The pattern {pattern!r} of ops.rearrange has no axis called {', '.join(unknown)}.")
    sizes = dict(given)
    for size, group in zip(shape, left):
        open_names = [name for name in group if name not in sizes]
        known = math.prod(sizes[name] for name in group if name in sizes)
        if len(open_names) > 1:
            raise ShapeError(
                f"The pattern {pattern!r} of ops.rearrange splits an axis of size {size} into "
                f"{' x '.join(group)}: give "
                f"the sizes of all but one of {', '.join(open_names)}."
            )
        if (size % known if open_names and known > 0 else size != known) or (open_names and known <= 0):
            raise ShapeError(
                f"The pattern {pattern!r} of ops.rearrange does not fit shape {shape}: an axis of size "
                f"{size} cannot be "
                f"({' '.join(group)}) with {given}."
            )
        if open_names:
            sizes[open_names[0]] = size // known
    return sizes
