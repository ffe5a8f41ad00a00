"""Indexing of Variables and symbolic tensors, results whose shape the values decide, and laws of order."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import lamella.backend
from lamella import ops
from lamella.core._keras_tensor import KerasTensor
from lamella.core._variable import Variable
from lamella.errors import ArgumentError, OutOfRangeError, ShapeError

laws = settings(deadline=None, max_examples=25)  # each shape is compiled anew
small = st.integers(-9, 9)
vectors = hnp.arrays(np.int32, st.integers(0, 40), elements=small)
KEYS = [
    0,
    -1,
    slice(1, None),
    slice(None, None, -1),
    (slice(None), 1),
    (Ellipsis, 0),
    (None, Ellipsis, None, 1),
    (0, slice(1, 3), None, slice(None, 2)),
    (1, 2, 3),
    [1, 0, 1],
    (slice(None), [0, 2]),
    (slice(None), np.array([2, 0]), 1),
    (np.int64(1), slice(np.int32(1))),
]


@pytest.mark.parametrize("backend", ["jax", "numpy"])
@pytest.mark.parametrize("key", KEYS, ids=str)
def test_get_item_like_numpy(key, backend):
    x = np.arange(24.0, dtype="float32").reshape(2, 3, 4)
    with lamella.backend.use(backend):
        v = Variable(x)
        np.testing.assert_array_equal(ops.convert_to_numpy(ops.get_item(x, key)), x[key])
        np.testing.assert_array_equal(ops.convert_to_numpy(v[key]), x[key])
    drawn = KerasTensor((2, 3, 4))[key]
    assert drawn.shape == x[key].shape


def test_get_item_by_variables():
    x, i = np.arange(6.0), Variable(np.int32(2))
    assert float(ops.get_item(x, i)) == 2.0
    assert float(Variable(x)[i]) == 2.0
    assert ops.get_item(x, slice(i, None)).shape == (4,)


@pytest.mark.parametrize(
    ("key", "shape"),
    [
        (0, (3, 4)),
        ((slice(None), 0), (None, 4)),
        ((slice(None), slice(0, 2)), (None, 2, 4)),
        ((Ellipsis, None, 0), (None, 3, 1)),
        ((Ellipsis, -1), (None, 3)),
        (slice(1, None), (None, 3, 4)),
        (slice(None, -1), (None, 3, 4)),
    ],
    ids=str,
)
def test_get_item_of_unknown_sizes(key, shape):
    assert KerasTensor((None, 3, 4))[key].shape == shape


def test_an_index_out_of_range_is_an_index_error():
    with pytest.raises(IndexError, match=r"\(3,\)"):
        Variable(np.zeros(3))[3]
    with pytest.raises(OutOfRangeError):
        KerasTensor((None, 3))[:, 5]


def test_what_values_decide_is_unknown_when_drawn():
    x = KerasTensor((4, 5), "int32")
    assert [t.shape for t in ops.nonzero(x)] == [(None,), (None,)]
    assert ops.unique(x).shape == (None,)
    assert ops.unique(x, size=3).shape == (3,)
    assert ops.unique(x, axis=1).shape == (4, None)
    assert [t.shape for t in ops.unique(x, return_inverse=True, return_counts=True)] == [(None,), (4, 5), (None,)]
    assert ops.bincount(x).shape == (4, None)
    assert ops.bincount(KerasTensor((None, 5), "int32")).shape == (None, None)
    assert ops.unique(KerasTensor((None, 5), "int32")).shape == (None,)
    assert all(t.dtype == "int32" for t in ops.where(x))


@pytest.mark.parametrize("call", [ops.unique, ops.bincount, lambda x: ops.nonzero(x)[0], lambda x: ops.where(x)[0]])
def test_what_values_decide_is_refused_in_a_program(call):
    with pytest.raises(ArgumentError, match="compiled program"):
        jax.jit(call)(jnp.array([1, 2, 2]))


@laws
@given(vectors, vectors)
def test_isin(x1, x2):
    np.testing.assert_array_equal(ops.convert_to_numpy(ops.isin(x1, x2)), np.isin(x1, x2))


@laws
@given(vectors)
def test_argsort_sorts_and_is_stable(x):
    order = ops.convert_to_numpy(ops.argsort(x))
    np.testing.assert_array_equal(order, np.argsort(x, stable=True))
    np.testing.assert_array_equal(ops.convert_to_numpy(ops.sort(x)), x[order])


@laws
@given(vectors.filter(len), st.data())
def test_argpartition_separates(x, data):
    kth = data.draw(st.integers(-len(x), len(x) - 1))
    for backend in ("jax", "numpy"):
        with lamella.backend.use(backend):
            order = ops.convert_to_numpy(ops.argpartition(x, kth))
        assert sorted(order) == list(range(len(x)))
        y, k = x[order], kth % len(x)
        assert y[k] == np.sort(x)[k] and (y[:k] <= y[k]).all() and (y[k:] >= y[k]).all()


@laws
@given(vectors.filter(len))
def test_unique_parts_make_the_whole(x):
    values, first, inverse, counts = map(
        ops.convert_to_numpy, ops.unique(x, return_index=True, return_inverse=True, return_counts=True)
    )
    np.testing.assert_array_equal(values[inverse], x)
    np.testing.assert_array_equal(x[first], values)
    np.testing.assert_array_equal(counts, [np.sum(x == v) for v in values])


@laws
@given(hnp.arrays(np.float32, st.integers(1, 30), elements=st.floats(-2, 2, width=16)), st.integers(1, 6))
def test_a_histogram_counts_everything_in_its_range(x, bins):
    counts, edges = ops.histogram(x, bins=bins)
    assert float(ops.sum(counts)) == len(x)
    assert counts.shape == (bins,) and edges.shape == (bins + 1,)


@pytest.mark.parametrize("reduction", [None, "add", "max", "min", "mul"])
def test_scatter_update_leaves_the_rest(reduction):
    x = np.arange(12.0, dtype="float32").reshape(3, 4)
    out = ops.convert_to_numpy(ops.scatter_update(x, [[1, 2]], [10.0], reduction))
    expected = {None: 10.0, "add": 16.0, "max": 10.0, "min": 6.0, "mul": 60.0}[reduction]
    x[1, 2] = expected
    np.testing.assert_array_equal(out, x)


def test_blocks_at_computed_places():
    x = jnp.arange(12.0).reshape(3, 4)
    cut = jax.jit(lambda i: ops.slice(x, (i, 1), (1, 2)))
    np.testing.assert_array_equal(cut(2), [[9, 10]])
    write = jax.jit(lambda i: ops.slice_update(x, (i, 0), jnp.zeros((1, 4))))
    np.testing.assert_array_equal(write(1)[1], np.zeros(4))
    with pytest.raises(ShapeError):
        ops.slice(x, (0, 0), (4, 4))


@pytest.mark.parametrize("dtype", ["float32", "int8", "uint8", "bool"])
def test_take_out_of_range_is_the_same_everywhere(dtype):
    x = np.ones((2, 2), dtype)
    results = []
    for backend in ("jax", "numpy"):
        with lamella.backend.use(backend):
            results.append(ops.convert_to_numpy(ops.take(x, [[5, -1], [-3, 0]], axis=1)))
    np.testing.assert_array_equal(*results)
