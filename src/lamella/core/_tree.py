"""Nested structures (lists, tuples, dicts, named tuples), flattened and rebuilt with optree.

None is a leaf, and dictionaries are walked in the order of their sorted keys, as in `keras.tree`.
"""

from collections.abc import Callable
from typing import Any

import optree

NAMESPACE = "lamella"


def flatten(structure: Any) -> list:
    """The leaves of `structure`, depth first."""
    return optree.tree_leaves(structure, none_is_leaf=True, namespace=NAMESPACE)


def paths(structure: Any) -> list[tuple]:
    """The keys and positions that lead to each leaf of `structure`, in the order of `flatten`."""
    return optree.tree_paths(structure, none_is_leaf=True, namespace=NAMESPACE)


def flatten_with_spec(structure: Any) -> tuple[list, Any]:
    """The leaves of `structure`, and what `unflatten` needs to put others in their place."""
    return optree.tree_flatten(structure, none_is_leaf=True, namespace=NAMESPACE)


def unflatten(spec: Any, leaves: Any) -> Any:
    """The structure of `spec` with `leaves`."""
    return optree.tree_unflatten(spec, leaves)


def map_structure(func: Callable, *structures: Any) -> Any:
    """`func` of the corresponding leaves of `structures`, in the structure of the first."""
    return optree.tree_map(func, *structures, none_is_leaf=True, namespace=NAMESPACE)


def is_nested(value: Any) -> bool:
    """Whether `value` is a structure rather than a leaf."""
    return not optree.tree_is_leaf(value, none_is_leaf=True, namespace=NAMESPACE)


def one_or_all(structure: Any) -> Any:
    """The element of a list or tuple that has just one; any other structure as it is."""
    return structure[0] if isinstance(structure, (list, tuple)) and len(structure) == 1 else structure
