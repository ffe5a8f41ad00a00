"""A walk through a structure that may put others in the place of its parts."""

from collections.abc import Callable
from typing import Any

import optree

from lamella.core import _tree

__all__ = ["MAP_TO_NONE", "traverse"]


class MAP_TO_NONE:
    """What the function of `traverse()` returns, the class itself, to put None in the place of a part."""


def traverse(func: Callable[[Any], Any], structure: Any, top_down: bool = True) -> Any:
    """Call `func` with every part of `structure`, leaves included, and put what it returns in the place of the part.

    The walk is depth first, and dicts are walked in the order of their sorted keys.

    Args:
        func: a function of a part of the structure. Where it returns None, the part stays; where it returns
            `MAP_TO_NONE`, None takes its place.
        structure: a nested structure.
        top_down: call it with a structure before its parts, which are left out where the structure is replaced; else
            after them, with the structure of what took their places.

    Returns:
        The structure that results; the parts that stay are copies.

    Raises:
        TypeError: when `func` is not callable.

    Example:
        >>> from lamella import tree
        >>> tree.traverse(lambda x: tuple(x) if isinstance(x, list) else None, [[1, [2]], 3], top_down=False)
        ((1, (2,)), 3)
        >>> tree.traverse(lambda x: tree.MAP_TO_NONE if x == 2 else None, [1, [2]])
        [1, [None]]
    """
    if not callable(func):
        raise TypeError(f"The `func` of traverse must be callable; got {func!r}.")
    if top_down:
        found = func(structure)
        if found is not None:
            return None if found is MAP_TO_NONE else found
    if _tree.is_nested(structure):
        parts, shape, _, rebuild = optree.tree_flatten_one_level(
            structure, none_is_leaf=True, namespace=_tree.NAMESPACE
        )
        structure = rebuild(shape, [traverse(func, part, top_down) for part in parts])
    if top_down:
        return structure
    found = func(structure)
    if found is None:
        return structure
    return None if found is MAP_TO_NONE else found
