"""Flattening nested structures, mapping functions over them, and comparing them."""

import warnings
from collections.abc import Callable, Iterable
from typing import Any

import optree

from lamella.core import _tree
from lamella.errors import ArgumentError
from lamella.tree._traversal import traverse

__all__ = [
    "assert_same_paths",
    "assert_same_structure",
    "flatten",
    "flatten_with_path",
    "is_nested",
    "lists_to_tuples",
    "map_shape_structure",
    "map_structure",
    "map_structure_up_to",
    "pack_sequence_as",
]


def is_nested(structure: Any) -> bool:
    """Whether `structure` is a list, tuple, named tuple, dict or deque, empty ones included.

    Args:
        structure: anything.

    Example:
        >>> from lamella import tree
        >>> tree.is_nested({"foo": 42}), tree.is_nested(42), tree.is_nested(None), tree.is_nested("text")
        (True, False, False, False)
    """
    return _tree.is_nested(structure)


def flatten(structure: Any) -> list:
    """The leaves of `structure`, depth first; None is one.

    The values of a dict come in the order of its sorted keys; those of an `OrderedDict` in its own.

    Args:
        structure: a nested structure, or a leaf.

    Example:
        >>> from lamella import tree
        >>> tree.flatten([[1, 2], {"b": 4, "a": 3}, None])
        [1, 2, 3, 4, None]
    """
    return _tree.flatten(structure)


def flatten_with_path(structure: Any) -> list[tuple[tuple, Any]]:
    """The leaves of `structure`, as pairs of a path and a leaf.

    Args:
        structure: a nested structure, or a leaf.

    Returns:
        Pairs `(path, leaf)`. A path is a tuple of indices and of keys; a field of a named tuple has its index.

    Example:
        >>> from lamella import tree
        >>> tree.flatten_with_path([{"foo": 42}])
        [((0, 'foo'), 42)]
    """
    paths, leaves, _ = optree.tree_flatten_with_path(structure, none_is_leaf=True, namespace=_tree.NAMESPACE)
    return list(zip(paths, leaves))


def map_structure(func: Callable, *structures: Any, none_is_leaf: bool = True) -> Any:
    """`func` of the corresponding leaves of `structures`, in the structure of the first.

    Args:
        func: a function of as many leaves as there are structures.
        *structures: nested structures of the same layout.
        none_is_leaf: whether `func` is called with None too; else None stays where it is.

    Returns:
        A structure like the first.

    Raises:
        TypeError: when `func` is not callable.
        ArgumentError: without structures, or when their layouts differ (see `assert_same_structure`).

    Example:
        >>> from lamella import tree
        >>> tree.map_structure(lambda x, y: x * y, {"a": 2, "b": [3]}, {"a": 4, "b": [5]})
        {'a': 8, 'b': [15]}
    """
    _check_map("map_structure", func, structures)
    for other in structures[1:]:
        _check_same("map_structure", structures[0], other, none_is_leaf)
    return optree.tree_map(func, *structures, none_is_leaf=none_is_leaf, namespace=_tree.NAMESPACE)


def map_structure_up_to(shallow_structure: Any, func: Callable, *structures: Any) -> Any:
    """`func` of the corresponding parts of `structures`, where `shallow_structure` says how deep a part lies.

    Args:
        shallow_structure: a nested structure, whose leaves stand for the parts.
        func: a function of as many parts as there are structures.
        *structures: nested structures of the layout of the shallow one, or deeper.

    Returns:
        A structure like `shallow_structure`.

    Raises:
        TypeError: when `func` is not callable.
        ArgumentError: without structures, or when one is not of that layout.

    Example:
        >>> from lamella import tree
        >>> tree.map_structure_up_to([None, [None, None]], str, [[1, 1], [2, 2]])
        ['[1, 1]', ['2', '2']]
    """
    _check_map("map_structure_up_to", func, structures)
    spec = _tree.flatten_with_spec(shallow_structure)[1]
    parts = [_up_to("map_structure_up_to", spec, structure) for structure in structures]
    return _tree.unflatten(spec, [func(*leaves) for leaves in zip(*parts)])


def map_shape_structure(func: Callable[[Any], Any], structure: Any) -> Any:
    """`map_structure` where a tuple or list of integers and Nones, a shape, is a leaf.

    Args:
        func: a function of a shape.
        structure: a nested structure of shapes.

    Example:
        >>> from lamella import tree
        >>> tree.map_shape_structure(len, {"a": (None, 3), "b": [(1, 2, 3)]})
        {'a': 2, 'b': [3]}
    """
    _check_map("map_shape_structure", func, (structure,))
    return optree.tree_map(func, structure, is_leaf=_is_shape, none_is_leaf=True, namespace=_tree.NAMESPACE)


def lists_to_tuples(structure: Any) -> Any:
    """`structure` with a tuple in the place of every list.

    Args:
        structure: a nested structure.

    Example:
        >>> from lamella import tree
        >>> tree.lists_to_tuples([1, {"a": [2]}])
        (1, {'a': (2,)})
    """
    return traverse(lambda part: tuple(part) if isinstance(part, list) else None, structure, top_down=False)


def pack_sequence_as(structure: Any, flat_sequence: Iterable) -> Any:
    """The elements of `flat_sequence` in the places of the leaves of `structure`, in the order of `flatten`.

    Args:
        structure: a nested structure, or a leaf, for which one element is wanted and comes back.
        flat_sequence: as many elements as there are leaves.

    Raises:
        TypeError: when `flat_sequence` is not iterable.
        ArgumentError: when it has too few or too many elements.

    Example:
        >>> from lamella import tree
        >>> tree.pack_sequence_as({"b": 0, "a": [0, 0]}, [1, 2, 3])
        {'b': 3, 'a': [1, 2]}
    """
    if not isinstance(flat_sequence, Iterable):
        raise TypeError(
            f"The `flat_sequence` of pack_sequence_as must be iterable; got {flat_sequence!r} of type "
            f"{type(flat_sequence).__name__}."
        )
    elements = list(flat_sequence)
    spec = _tree.flatten_with_spec(structure)[1]
    if len(elements) != spec.num_leaves:
        raise ArgumentError(
            f"pack_sequence_as got {len(elements)} elements for a structure with {spec.num_leaves} leaves: "
            f"{structure!r}."
        )
    return _tree.unflatten(spec, elements)


def assert_same_structure(a: Any, b: Any, check_types: Any = None) -> None:
    """Raise unless `a` and `b` are nested in the same way.

    Their leaves may differ. `dict`, `OrderedDict` and `defaultdict` with the same keys count as the same; lists,
    tuples, deques and each class of named tuple do not.

    Args:
        a, b: nested structures.
        check_types: has no effect, and a warning says so. For a looser check there is `assert_same_paths`.

    Raises:
        ArgumentError: when they differ; it says where.

    Example:
        >>> from lamella import tree
        >>> tree.assert_same_structure([(0, 1)], [(2, 3)])
    """
    if check_types is not None:
        warnings.warn(
            "The argument `check_types` of assert_same_structure has no effect. For a looser check, which takes lists, "
            "tuples, named tuples and deques for the same, use assert_same_paths.",
            DeprecationWarning,
            stacklevel=2,
        )
    _check_same("assert_same_structure", a, b, True)


def assert_same_paths(a: Any, b: Any) -> None:
    """Raise unless the leaves of `a` and `b` have the same paths, whatever the types of the structures are.

    Args:
        a, b: nested structures.

    Raises:
        ArgumentError: when they differ; it names the paths.

    Example:
        >>> from lamella import tree
        >>> tree.assert_same_paths([0, 1], (2, 3))
    """
    paths_a, paths_b = ({path for path, _ in flatten_with_path(structure)} for structure in (a, b))
    differences = [
        f"only in `{name}`: {', '.join(map(str, sorted(paths, key=str)))}"
        for name, paths in (("a", paths_a - paths_b), ("b", paths_b - paths_a))
        if paths
    ]
    if differences:
        raise ArgumentError(f"`a` and `b` don't have the same paths; {'; '.join(differences)}.")


# ---- checks ------------------------------------------------------------------------------------------


def _is_shape(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(n is None or isinstance(n, int) for n in value)


def _check_map(name: str, func: Any, structures: tuple) -> None:
    if not callable(func):
        raise TypeError(f"The `func` of {name} must be callable; got {func!r}.")
    if not structures:
        raise ArgumentError(f"{name} needs at least one structure; got none.")


def _up_to(name: str, spec: Any, structure: Any) -> list:
    """The parts of `structure` at the leaves of `spec`."""
    try:
        return spec.flatten_up_to(structure)
    except ValueError as error:
        raise ArgumentError(f"The structures of {name} don't have the same nested structure. {error}") from None


def _check_same(name: str, a: Any, b: Any, none_is_leaf: bool) -> None:
    spec = optree.tree_structure(a, none_is_leaf=none_is_leaf, namespace=_tree.NAMESPACE)
    for part in _up_to(name, spec, b):
        if not optree.tree_is_leaf(part, none_is_leaf=none_is_leaf, namespace=_tree.NAMESPACE):
            raise ArgumentError(
                f"The structures of {name} don't have the same nested structure. "
                f"Where one has a leaf, the other has {part!r}."
            )
