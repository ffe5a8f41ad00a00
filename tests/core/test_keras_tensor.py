"""Symbolic tensors: their facts, their operators, and what they refuse."""

import operator

import jax.numpy as jnp
import numpy as np
import pytest
from beside_keras import beside_keras

import lamella
from lamella import KerasTensor, ops

SHAPES = [(), (2,), [2, None], (None, None), (np.int64(2), 0), 3, None, (-1,), (2.0,), "a", (True,), range(2)]


@beside_keras
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_shape(keras, shape):
    t = keras.KerasTensor(shape)
    return [t.shape, t.ndim, all(type(n) is int for n in t.shape if n is not None)]


@beside_keras
@pytest.mark.parametrize(
    "dtype", ["float32", "bfloat16", "int8", "bool", "string", "int", None, np.int32, jnp.float16, "strange"]
)
def test_dtype(keras, dtype):
    return keras.KerasTensor((2,), dtype=dtype).dtype


@beside_keras
@pytest.mark.parametrize(
    "given",
    [
        {"sparse": True},
        {"ragged": True},
        {"sparse": True, "ragged": True},
        {"ragged": True, "ragged_rank": 2, "row_splits_dtype": "int32"},
        {"record_history": False},
        {"name": "x"},
        {"colour": 1},
    ],
    ids=str,
)
def test_arguments(keras, given):
    t = keras.KerasTensor((2, 3), **given)
    return [t.sparse, t.ragged, t.ragged_rank, t.row_splits_dtype, t.record_history, t.name, repr(t)]


@beside_keras
@pytest.mark.parametrize("attribute", ["shape", "dtype", "sparse", "ragged", "ndim", "name"])
def test_setting_facts(keras, attribute):
    t = keras.KerasTensor((2, 3))
    setattr(t, attribute, "x" if attribute == "name" else getattr(t, attribute))
    return t.name


BINARY = ["add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "lt", "le", "gt", "ge", "ne", "and_", "or_", "xor"]
OTHERS = {
    "int": lambda k: 2,
    "float": lambda k: 2.5,
    "array": lambda k: k.ops.ones((3,), "float16"),
    "tensor": lambda k: k.KerasTensor((4, 1), "bfloat16"),
    "integers": lambda k: k.KerasTensor((1, 3), "int32"),
}


@beside_keras
@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("dtype", ["float32", "int8", "bool", "bfloat16"])
def test_binary_operators(keras, dtype, other):
    t, both_ways, other = keras.KerasTensor((None, 3), dtype), other != "array", OTHERS[other](keras)
    out = {}
    for name in BINARY:
        try:
            out[name] = [getattr(operator, name)(t, other)]
            if both_ways:  # JAX arrays do not give way
                out[name].append(getattr(operator, name)(other, t))
        except TypeError:
            out[name] = "TypeError"
    return out


@beside_keras
def test_equality_is_identity(keras):
    a, b = keras.KerasTensor((2,)), keras.KerasTensor((2,))
    return [a == a, a == b, a == 3, a in [b], b in [a, b], len({a, b, a})]


@beside_keras
@pytest.mark.parametrize("f", [operator.neg, abs, operator.invert, round, lambda t: round(t, 2)])
@pytest.mark.parametrize("dtype", ["float32", "int32"])
def test_unary_operators(keras, f, dtype):
    return f(keras.KerasTensor((None, 3), dtype))


@beside_keras
def test_matmul(keras):
    t, w = keras.KerasTensor((None, 2, 3)), keras.ops.ones((3, 5))
    return [t @ w, t @ keras.KerasTensor((None, 3, 4)), keras.KerasTensor((4, 2)) @ t]


INDICES = {
    "int": 0,
    "negative": -1,
    "slice": (slice(None), slice(1, None)),
    "to the end": (slice(None), slice(None, -1)),
    "step": (slice(None), slice(None, None, 2)),
    "ellipsis": (Ellipsis, 0),
    "two": (slice(None), 1),
    "new axis": (slice(None), None),
    "mixed": (0, slice(0, 1), Ellipsis, None),
}


@beside_keras
@pytest.mark.parametrize("index", INDICES)
@pytest.mark.parametrize("shape", [(4, 6, 5), (None, 6, 5)])
def test_indexing(keras, shape, index):
    return keras.KerasTensor(shape)[INDICES[index]]


@pytest.mark.parametrize(
    "index", [slice(1, None), slice(None, -1), slice(None, None, 2), None, (slice(None), [0, 2])], ids=str
)
def test_indexing_that_keras_does_not_draw(index):
    assert KerasTensor((4, 6))[index].shape == np.empty((4, 6))[index].shape


@beside_keras
@pytest.mark.parametrize("call", [lambda t: t.reshape((3, -1)), lambda t: t.squeeze(), lambda t: t.squeeze(0)])
def test_methods(keras, call):
    return call(keras.KerasTensor((1, 6)))


@beside_keras
@pytest.mark.parametrize(
    "use",
    [
        bool,
        len,
        np.asarray,
        np.sqrt,
        jnp.sqrt,
        lambda t: jnp.ones(3) * t,
        lambda t: t.numpy(),
        lambda t: t.no_such_thing,
    ],
    ids=["bool", "len", "asarray", "np", "jnp", "jnp operator", "numpy", "attribute"],
)
def test_refusals(keras, use):
    return use(keras.KerasTensor((2, 3)))


def test_refusals_say_what_to_do():
    t = KerasTensor((None, 3))
    for use in (bool, len, float, int, np.asarray, lambda t: jnp.asarray(t), iter):
        with pytest.raises(TypeError, match="KerasTensor") as caught:
            use(t)
        assert isinstance(caught.value, ValueError)


def test_iteration_where_the_size_is_known():
    assert [t.shape for t in KerasTensor((2, 3))] == [(3,), (3,)]


def test_numpy_arrays_step_back():
    t = np.ones(3, "float32") + KerasTensor((None, 3))
    assert isinstance(t, KerasTensor)
    assert t.shape == (None, 3)


@beside_keras
def test_is_keras_tensor(keras):
    f = keras.utils.is_keras_tensor
    return [f(keras.KerasTensor((2,))), f(keras.Input((2,))), f(np.ones(2)), f(None), f(keras.Variable(1.0))]


@beside_keras
def test_default_names_count(keras):
    a = keras.Input((2,))
    return [a.name, (a + 1).name, keras.KerasTensor((2,)).name, keras.Input((2,), name="x").name]


@beside_keras
def test_history(keras):
    x = keras.Input((2,), name="x")
    layer = keras.layers.Dense(3, name="d")
    y = layer(x)
    z = layer(x)
    a, b = keras.ops.split(x, 2, axis=-1)
    return [
        (t._keras_history.operation.name, t._keras_history.node_index, t._keras_history.tensor_index)
        for t in (x, y, z, a, b)
    ]


def test_ops_of_tensors_in_lists_and_dicts():
    t = KerasTensor((None, 3))
    assert ops.concatenate([t, np.ones((1, 3), "float32")]).shape == (None, 3)
    assert ops.stack([t, t], axis=1).shape == (None, 2, 3)
    assert isinstance(ops.where(t > 0, t, lamella.Variable(0.0)), KerasTensor)
