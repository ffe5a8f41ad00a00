"""Shapes that are not known, Variables, and laws of shaping and joining."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lamella import ops
from lamella.core._keras_tensor import KerasTensor
from lamella.core._variable import Variable
from lamella.errors import ArgumentError, ShapeError

laws = settings(deadline=None, max_examples=25)  # each shape is compiled anew
shapes = st.lists(st.integers(0, 4), min_size=1, max_size=4).map(tuple)


def counted(shape):
    return np.arange(np.prod(shape), dtype="float32").reshape(shape)


def same(got, expected):
    np.testing.assert_array_equal(ops.convert_to_numpy(got), expected)


@pytest.mark.parametrize(
    ("call", "shape"),
    [
        (lambda x: ops.reshape(x, (-1, 11)), (None, 11)),
        (lambda x: ops.reshape(x, (None, 12)), (None, 12)),
        (lambda x: ops.reshape(x, (3, -1)), (3, None)),
        (lambda x: ops.reshape(x, (-1, 3, 2, 2)), (None, 3, 2, 2)),
        (lambda x: ops.reshape(x, (-1,)), (None,)),
        (lambda x: ops.broadcast_to(x, (7, 2, 3, 4)), (7, 2, 3, 4)),
        (lambda x: ops.split(x, 2, axis=0)[0], (None, 3, 4)),
        (lambda x: ops.split(x, [1], axis=0)[0], (1, 3, 4)),
        (lambda x: ops.split(x, [1], axis=0)[1], (None, 3, 4)),
        (lambda x: ops.unstack(x, num=4, axis=0)[3], (3, 4)),
        (lambda x: ops.unstack(x, axis=1)[2], (None, 4)),
        (lambda x: ops.squeeze(x), (None, 3, 4)),
        (lambda x: ops.tile(x, (2, 1, 1, 1)), (2, None, 3, 4)),
        (lambda x: ops.concatenate([x, x], axis=0), (None, 3, 4)),
        (lambda x: ops.concatenate([x, x], axis=1), (None, 6, 4)),
        (lambda x: ops.repeat(x, 2), (None,)),
        (lambda x: ops.repeat(x, [1, 2, 3], axis=0), (6, 3, 4)),
        (lambda x: ops.rot90(x), (3, None, 4)),
        (lambda x: ops.diagonal(x), (4, None)),
        (lambda x: ops.pad(x, ((0, 0), (1, 1), (2, 2))), (None, 5, 8)),
        (lambda x: ops.size(x), ()),
    ],
)
def test_unknown_sizes(call, shape):
    assert call(KerasTensor((None, 3, 4))).shape == shape


def test_an_unknown_axis_is_unstacked_only_into_a_given_number():
    with pytest.raises(ShapeError, match="num"):
        ops.unstack(KerasTensor((None, 3)), axis=0)


def test_a_reshape_that_no_batch_fits_is_refused_when_all_is_known():
    with pytest.raises(ShapeError, match=r"\(4, 5\)"):
        ops.reshape(KerasTensor((4, 5)), (-1, 3))


@laws
@given(shapes, st.data())
def test_transpose_and_its_inverse(shape, data):
    order = data.draw(st.permutations(range(len(shape))))
    x = counted(shape)
    there = ops.transpose(x, order)
    same(there, x.transpose(order))
    same(ops.transpose(there, tuple(np.argsort(order))), x)


@laws
@given(shapes, st.data())
def test_split_and_concatenate(shape, data):
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    cuts = sorted(data.draw(st.lists(st.integers(0, 5), max_size=3)))
    x = counted(shape)
    parts = ops.split(x, cuts, axis=axis)
    for part, expected in zip(parts, np.split(x, cuts, axis=axis), strict=True):
        same(part, expected)
    same(ops.concatenate(parts, axis=axis), x)


@laws
@given(shapes, st.data())
def test_stack_and_unstack(shape, data):
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    x = counted(shape)
    parts = ops.unstack(x, axis=axis)
    if parts:
        same(ops.stack(parts, axis=axis), x)


@laws
@given(shapes, st.data())
def test_roll_back(shape, data):
    axis = data.draw(st.sampled_from([None, *range(len(shape))]))
    shift = data.draw(st.integers(-9, 9))
    x = counted(shape)
    same(ops.roll(ops.roll(x, shift, axis=axis), -shift, axis=axis), x)


@laws
@given(shapes, st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=4, max_size=4))
def test_padding_can_be_cut_off(shape, widths):
    widths = widths[: len(shape)]
    x = counted(shape)
    padded = ops.pad(x, widths, constant_values=-1)
    inside = tuple(slice(a, a + n) for (a, _), n in zip(widths, shape))
    same(padded[inside], x)
    assert float(ops.sum(ops.cast(padded == -1, "int32"))) == np.prod(padded.shape) - x.size


def test_variables_and_lists_are_arrays_too():
    v = Variable(counted((2, 3)))
    same(ops.reshape(v, (3, 2)), counted((3, 2)))
    same(ops.concatenate([v, [[9.0, 9.0, 9.0]]]), np.concatenate([counted((2, 3)), [[9, 9, 9]]]))
    same(ops.stack([v, v]), np.stack([counted((2, 3))] * 2))


def test_sizes_computed_in_a_program_are_refused():
    import jax

    with pytest.raises(ArgumentError, match=r"ops\.repeat"):
        jax.jit(lambda n: ops.repeat(np.ones(3), n))(2)
    with pytest.raises(ArgumentError, match=r"ops\.tile"):
        jax.jit(lambda n: ops.tile(np.ones(3), n))(2)
