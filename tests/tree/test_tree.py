"""keras.tree, on the same structures as Keras."""

import collections
import random
import warnings
from collections import OrderedDict, defaultdict, deque

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import lamella
from lamella import tree
from lamella.errors import ArgumentError

keras = pytest.importorskip("keras")

Point = collections.namedtuple("Point", "x y")
Vector = collections.namedtuple("Vector", "x y")


class MyList(list):
    pass


STRUCTURES = {
    "leaf": 3,
    "none": None,
    "text": "ab",
    "list": [1, [2, [3]], None],
    "empty": [[], {}, (), deque()],
    "dict": {"z": 1, "a": [2, {"c": 3, "b": 4}]},
    "ordered": OrderedDict([("z", 1), ("a", [2])]),
    "default": defaultdict(int, {"z": 1, "a": 2}),
    "named": Point(1, [Vector(2, 3)]),
    "deque": deque([1, (2,)], maxlen=4),
    "set": [{1}, frozenset()],
    "range": [range(3), slice(1)],
    "mixed keys": {1: 2, "a": 3},
    "subclass": [MyList([1])],
    "array": {"x": np.arange(2)},
    "shapes": {"a": (1, None), "b": [(2,), [3, 4]], "c": ((1, 2), (3,)), "d": ("a", 2), "e": ()},
}


def same(a, b):
    assert type(a) is type(b)
    assert repr(a) == repr(b)


@pytest.mark.parametrize("name", STRUCTURES)
@pytest.mark.parametrize(
    "call",
    [
        lambda tree, s: tree.flatten(s),
        lambda tree, s: tree.flatten_with_path(s),
        lambda tree, s: tree.is_nested(s),
        lambda tree, s: tree.map_structure(lambda x: ("mapped", x), s),
        lambda tree, s: tree.map_structure(lambda x: ("mapped", x), s, none_is_leaf=False),
        lambda tree, s: tree.map_structure(lambda x, y: [x, y], s, s),
        lambda tree, s: tree.map_shape_structure(lambda x: ["shape", x], s),
        lambda tree, s: tree.lists_to_tuples(s),
        lambda tree, s: tree.pack_sequence_as(s, range(len(tree.flatten(s)))),
        lambda tree, s: tree.traverse(lambda x: None, s),
        lambda tree, s: tree.traverse(lambda x: tuple(x) if type(x) is list else None, s),
        lambda tree, s: tree.traverse(lambda x: tuple(x) if type(x) is list else None, s, top_down=False),
        lambda tree, s: tree.traverse(lambda x: tree.MAP_TO_NONE if type(x) is tuple else None, s),
        lambda tree, s: tree.traverse(lambda x: tree.MAP_TO_NONE if x is None else None, s, top_down=False),
    ],
)
def test_a_structure_gives_what_keras_gives(call, name):
    same(call(tree, STRUCTURES[name]), call(keras.tree, STRUCTURES[name]))


@pytest.mark.parametrize("top_down", [True, False])
def test_the_order_of_a_walk(top_down):
    structure = [(1, 2), [3], {"b": 4, "a": OrderedDict(z=5, y=6)}]
    ours, theirs = [], []
    tree.traverse(ours.append, structure, top_down=top_down)
    keras.tree.traverse(theirs.append, structure, top_down=top_down)
    same(ours, theirs)


def test_a_walk_may_return_what_is_false():
    assert tree.traverse(lambda x: 0 if x == 1 else None, [1, [2]]) == [0, [2]]
    assert tree.traverse(lambda x: tree.MAP_TO_NONE, [1]) is None


def outcome(call, *args):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return repr(call(*args))
    except (ValueError, TypeError) as error:
        return TypeError if isinstance(error, TypeError) else ValueError


PAIRS = [
    ([1], [1, 2]),
    ([1], (1,)),
    ([1], [[1]]),
    ([[1]], [1]),
    (1, [1]),
    (1, 2),
    ([None], [1]),
    ([1], [None]),
    ([None], [[1]]),
    ({"a": 1}, {"b": 1}),
    ({"a": 1, "b": 2}, {"a": 1}),
    ({"a": 1, "b": 2}, OrderedDict([("b", 3), ("a", 4)])),
    (OrderedDict([("b", 3), ("a", 4)]), {"a": 1, "b": 2}),
    ({"a": 1}, defaultdict(int, a=3)),
    ({0: 1}, [1]),
    (Point(1, 2), Point(3, 4)),
    (Point(1, 2), Vector(3, 4)),
    (Point(1, 2), (3, 4)),
    ((1, 2), Point(3, 4)),
    (deque([1]), deque([2], maxlen=3)),
    (deque([1]), [1]),
    ([], []),
    ([], ()),
    ({}, []),
]


@pytest.mark.parametrize("pair", PAIRS, ids=str)
@pytest.mark.parametrize(
    "call",
    [
        lambda tree, a, b: tree.assert_same_structure(a, b),
        lambda tree, a, b: tree.assert_same_structure(a, b, check_types=False),
        lambda tree, a, b: tree.assert_same_paths(a, b),
        lambda tree, a, b: tree.map_structure(lambda x, y: (x, y), a, b),
        lambda tree, a, b: tree.map_structure(lambda x, y: (x, y), a, b, none_is_leaf=False),
    ],
)
def test_two_structures_agree_or_differ_as_in_keras(call, pair):
    assert outcome(call, tree, *pair) == outcome(call, keras.tree, *pair)


@pytest.mark.parametrize(
    "shallow, deep",
    [
        ([0, [0, 0]], [[1, 1], [2, [3]]]),
        ({"a": 0, "b": 0}, OrderedDict([("b", [1]), ("a", 2)])),
        ([0, [0]], [1, 2]),
        ([0, 0], [1, 2, 3]),
        ([0, 0], (1, 2)),
        ({"a": 0}, {"a": [1], "b": 2}),
        (0, [1, 2]),
        ([0, 0], [None, 2]),
        (Point(1, [Vector(2, 3)]), Point(4, [Vector([5], 6)])),
        (deque([1, (2,)]), deque([[], (7,)])),
    ],
)
def test_map_structure_up_to(shallow, deep):
    assert outcome(tree.map_structure_up_to, shallow, str, deep) == outcome(
        keras.tree.map_structure_up_to, shallow, str, deep
    )


def test_map_structure_up_to_of_several_structures_and_of_none():
    # As Keras documents it; Keras 3.15 itself refuses None in the shallow structure when it stands on optree.
    pairs = tree.map_structure_up_to([None, None], lambda a, b: (a, b), [[1, 1], [2]], [3, {"k": 4}])
    assert pairs == [([1, 1], 3), ([2], {"k": 4})]


@pytest.mark.parametrize(
    "sequence", [[1], [1, 2, 3], 1, "ab", (3, 4), np.array([3, 4]), {"a": 1, "b": 2}, iter([5, 6])]
)
def test_pack_sequence_as(sequence):
    if hasattr(sequence, "__next__"):
        assert tree.pack_sequence_as([0, 0], sequence) == [5, 6]
        return
    assert outcome(tree.pack_sequence_as, [0, (0,)], sequence) == outcome(
        keras.tree.pack_sequence_as, [0, (0,)], sequence
    )


def test_errors_say_what_differs():
    with pytest.raises(ArgumentError, match=r"map_structure .*arity mismatch; expected: 1, got: 2"):
        tree.map_structure(max, [1], [1, 2])
    with pytest.raises(ArgumentError, match=r"the other has \[5\]"):
        tree.assert_same_structure([1], [[5]])
    with pytest.raises(ArgumentError, match=r"only in `a`: \('x',\); only in `b`: \('y',\)"):
        tree.assert_same_paths({"x": 1}, {"y": 1})
    with pytest.raises(ArgumentError, match="1 elements for a structure with 2 leaves"):
        tree.pack_sequence_as([0, 0], [1])
    with pytest.raises(ArgumentError, match="at least one structure"):
        tree.map_structure(max)
    for call in (tree.map_structure, tree.traverse, tree.map_shape_structure):
        with pytest.raises(TypeError, match="callable"):
            call(3, [1])
    with pytest.raises(TypeError, match="callable"):
        tree.map_structure_up_to([0], 3, [1])
    with pytest.warns(DeprecationWarning, match="assert_same_paths"):
        tree.assert_same_structure([1], [2], check_types=True)


def test_an_error_of_the_function_comes_through():
    def refuse(*_):
        raise ValueError("mine")

    for structures in ([[1]], [[1], [2]]):
        with pytest.raises(ValueError, match=r"^mine$"):
            tree.map_structure(refuse, *structures)
    with pytest.raises(ValueError, match=r"^mine$"):
        tree.map_structure_up_to([0], refuse, [1])


def test_tensors_are_leaves():
    variable, tensor, symbolic = lamella.Variable([1.0, 2.0]), lamella.ops.ones(3), lamella.KerasTensor((2, 3))
    leaves = tree.flatten([variable, {"a": tensor}, symbolic])
    assert all(a is b for a, b in zip(leaves, [variable, tensor, symbolic], strict=True))
    assert not any(map(tree.is_nested, leaves))


LEAVES = st.none() | st.integers() | st.text(max_size=2)
NESTED = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=2), inner, max_size=3)
        | st.tuples(inner, inner).map(lambda pair: Point(*pair))
    ),
    max_leaves=12,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a machine may be busy
@given(NESTED)
def test_packing_the_leaves_again_gives_the_structure(structure):
    assert tree.pack_sequence_as(structure, tree.flatten(structure)) == structure
    assert tree.map_structure(lambda x: x, structure) == structure
    assert [leaf for _, leaf in tree.flatten_with_path(structure)] == tree.flatten(structure)
    tree.assert_same_structure(structure, tree.map_structure(lambda x: random.random(), structure))


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a machine may be busy
@given(NESTED)
def test_every_path_leads_to_its_leaf(structure):
    for path, leaf in tree.flatten_with_path(structure):
        part = structure
        for step in path:
            part = part[step]
        assert part is leaf
