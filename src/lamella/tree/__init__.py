"""Nested structures: lists, tuples, named tuples, dicts and deques in each other, with anything else as leaves."""

from lamella._lazy import missing as _missing
from lamella.tree._structures import (
    assert_same_paths,
    assert_same_structure,
    flatten,
    flatten_with_path,
    is_nested,
    lists_to_tuples,
    map_shape_structure,
    map_structure,
    map_structure_up_to,
    pack_sequence_as,
)
from lamella.tree._traversal import MAP_TO_NONE, traverse

__all__ = [
    "MAP_TO_NONE",
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
    "traverse",
]

__getattr__ = _missing(__name__)
