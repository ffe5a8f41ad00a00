"""Variables: what they are made of, how they read and are written."""

import copy
import operator
import pickle

import jax
import numpy as np
import pytest
from beside_keras import beside_keras

import lamella
from lamella import Variable, ops
from lamella.backend import use
from lamella.errors import ShapeError

# ---- making ------------------------------------------------------------------------------------------


@beside_keras
@pytest.mark.parametrize(
    "value", [1, 1.5, True, [1, 2], [[1.0, 2.0], [3.0, 4.0]], [], [[]], (1, 2), [True, False], 2**40]
)
def test_from_python_values(keras, value):
    v = keras.Variable(value)
    return [v, v.dtype, v.shape, v.ndim]


@beside_keras
@pytest.mark.parametrize(
    "dtype",
    ["bool", "int8", "uint8", "int16", "int32", "int64", "uint32", "float16", "float32", "float64", "complex64"],
)
def test_from_numpy(keras, dtype):
    v = keras.Variable(np.arange(6).reshape(2, 3).astype(dtype))
    return [v, v.dtype, v.shape, str(v.value.dtype)]


@beside_keras
@pytest.mark.parametrize("dtype", ["bool", "int8", "uint8", "int32", "float16", "bfloat16", "float32", "int", None])
@pytest.mark.parametrize("value", [0, 1.7, [1.2, 2.9], np.array([3.5, -1.0])], ids=str)
def test_dtype_wins(keras, value, dtype):
    v = keras.Variable(value, dtype=dtype)
    return [v.dtype, str(v.value.dtype), v]


@beside_keras
@pytest.mark.parametrize("shape", [(), (2,), (2, 3), [2, 3], (0,), 3, None, (None, 2), (-1,), (2.5,), "ab"], ids=str)
@pytest.mark.parametrize("initializer", ["zeros", "ones", "glorot_uniform"])
def test_initializer_by_name(keras, initializer, shape):
    v = keras.Variable(initializer, shape=shape)
    return [v.shape, v.dtype, v.numpy().dtype.name]


@beside_keras
def test_initializer_object_and_function(keras):
    a = keras.Variable(keras.initializers.Constant(3), shape=(2,), dtype="int32")
    b = keras.Variable(lambda shape, dtype: keras.ops.ones(shape, dtype) * 2, shape=(2, 1))
    return [a, b]


@beside_keras
def test_initializer_class_is_made(keras):
    return keras.Variable(keras.initializers.Zeros, shape=(2,))


@beside_keras
def test_unknown_initializer_name(keras):
    return keras.Variable("zerros", shape=(2,))


@beside_keras
@pytest.mark.parametrize("shape", [(2,), (3, 1), (1, 3)])
def test_shape_beside_a_value(keras, shape):
    return keras.Variable(np.ones((3,), "float32"), shape=shape)


@beside_keras
def test_function_without_shape(keras):
    return keras.Variable(lambda shape, dtype: np.ones(shape))


@beside_keras
@pytest.mark.parametrize("name", ["a", "a/b", "", None, 3])
def test_name(keras, name):
    v = keras.Variable(1.0, name=name)
    return [v.name, v.path]


@beside_keras
def test_default_names_count(keras):
    return [keras.Variable(0.0).name for _ in range(3)]


@beside_keras
@pytest.mark.parametrize("aggregation", [None, "none", "mean", "sum", "only_first_replica", "max"])
def test_aggregation(keras, aggregation):
    return keras.Variable(1.0, aggregation=aggregation).aggregation


@beside_keras
@pytest.mark.parametrize("synchronization", [None, "none", "on_read", "on_write", "auto", "never"])
def test_synchronization(keras, synchronization):
    return keras.Variable(1.0, synchronization=synchronization).synchronization


def test_unknown_arguments_are_refused():  # Keras takes no notice of them
    with pytest.raises(ValueError, match="colour"):
        Variable(1.0, colour="red")


@beside_keras
@pytest.mark.parametrize("dtype", ["floatt", "float31", 7])
def test_unknown_dtype(keras, dtype):
    return keras.Variable(1.0, dtype=dtype)


@beside_keras
def test_strings_are_refused(keras):
    return keras.Variable(np.array(["a", "b"]))


def test_made_of_another_variable():
    v = Variable([1.0, 2.0])
    w = Variable(v)
    v.assign([5.0, 6.0])
    assert w.numpy().tolist() == [1.0, 2.0]


def test_an_array_given_to_a_variable_stays_its_owners():
    given = np.ones(4, "float32")
    v = Variable(given)
    given[:] = 7
    assert v.numpy().tolist() == [1.0] * 4
    other = np.zeros(4, "float32")
    v.assign(other)
    other[:] = 7
    assert v.numpy().tolist() == [0.0] * 4


def test_numpy_is_a_private_copy():
    v = Variable([1.0, 2.0])
    copy_ = v.numpy()
    copy_[:] = 9
    assert v.numpy().tolist() == [1.0, 2.0]


@pytest.mark.parametrize("name", ["jax", "numpy"])
def test_an_array_of_the_adapter_stays_its_owners(name):
    with use(name):
        given = np.ones(3, "float32")
        v = Variable(given)
        given[0] = 5
        assert v.numpy().tolist() == [1.0, 1.0, 1.0]
        seen = v.numpy()
        seen[0] = 5
        assert v.numpy().tolist() == [1.0, 1.0, 1.0]


# ---- writing -----------------------------------------------------------------------------------------


@beside_keras
@pytest.mark.parametrize("method", ["assign", "assign_add", "assign_sub"])
@pytest.mark.parametrize(
    "value", [2, 1.5, [1.0, 2.0], np.float64(2), np.array([1, 2]), [[1.0, 2.0]], [1.0], "x", None], ids=str
)
def test_assign(keras, method, value):
    v = keras.Variable([10.0, 20.0])
    result = getattr(v, method)(value)
    return [result, v]


@beside_keras
@pytest.mark.parametrize("method", ["assign", "assign_add", "assign_sub"])
def test_assign_keeps_the_dtype(keras, method):
    v = keras.Variable([10, 20], dtype="int32")
    result = getattr(v, method)([1.9, 2.9])
    return [result, v, v.dtype]


@beside_keras
def test_assign_a_variable(keras):
    v, w = keras.Variable([1.0, 2.0]), keras.Variable([3.0, 4.0])
    v.assign(w)
    w.assign([0.0, 0.0])
    return [v, w]


@beside_keras
@pytest.mark.parametrize("attribute", ["value", "shape", "dtype", "name", "path", "ndim", "aggregation"])
def test_facts_cannot_be_set(keras, attribute):
    v = keras.Variable([1.0])
    setattr(v, attribute, getattr(v, attribute))
    return True


@beside_keras
def test_settable_facts(keras):
    v = keras.Variable([1.0])
    v.trainable = False
    v.regularizer = keras.regularizers.L2(0.1)
    v.constraint = keras.constraints.NonNeg()
    v.overwrite_with_gradient = True
    return [v.trainable, v.overwrite_with_gradient, v.regularizer, v.constraint]


@beside_keras
@pytest.mark.parametrize("attribute", ["regularizer", "constraint", "overwrite_with_gradient"])
def test_settable_facts_are_checked(keras, attribute):
    v = keras.Variable([1.0])
    setattr(v, attribute, "no")
    return True


def test_assign_of_another_shape_names_the_variable():
    v = Variable([1.0, 2.0], name="gain")
    with pytest.raises(ShapeError, match=r"gain.*\(2,\).*\(3,\)"):
        v.assign([1.0, 2.0, 3.0])
    with pytest.raises(ShapeError, match="gain"):
        v.assign_add([[1.0, 2.0]] * 3)
    assert v.numpy().tolist() == [1.0, 2.0]


# ---- reading -----------------------------------------------------------------------------------------

BINARY = ["add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "lt", "le", "gt", "ge", "eq", "ne"]


@beside_keras
@pytest.mark.parametrize("name", BINARY)
@pytest.mark.parametrize("other", [2, 2.5, [1.0, 4.0], np.array([2.0, 3.0], "float32"), np.int32(3)], ids=str)
@pytest.mark.parametrize("dtype", ["float32", "int32"])
def test_binary_operators(keras, name, other, dtype):
    f = getattr(operator, name)
    v = keras.Variable([3, 4], dtype=dtype)
    if isinstance(other, list):
        other = keras.Variable(other)
    swapped = keras.ops.convert_to_tensor(other) if hasattr(other, "dtype") else other  # NumPy answers a Keras variable
    return [f(v, other), f(swapped, v)]


@beside_keras
@pytest.mark.parametrize("name", ["and_", "or_", "xor"])
def test_logical_operators(keras, name):
    f = getattr(operator, name)
    a, b = keras.Variable([True, True, False]), keras.Variable([True, False, False])
    return [f(a, b), f(a, True), f(True, a)]


@beside_keras
@pytest.mark.parametrize("name", ["and_", "or_", "xor", "invert"])
@pytest.mark.parametrize("dtype", ["int32", "float32"])
def test_logical_operators_on_numbers(keras, name, dtype):
    v = keras.Variable([1, 2, 0], dtype=dtype)
    f = getattr(operator, name)
    return f(v) if name == "invert" else f(v, v)


@beside_keras
def test_unary_operators(keras):
    v = keras.Variable([-1.5, 2.25])
    return [-v, abs(v), +v if hasattr(type(v), "__pos__") else None, round(v), round(v, 1)]


@beside_keras
def test_matmul(keras):
    v = keras.Variable([[1.0, 2.0], [3.0, 4.0]])
    x = np.array([[1.0, 0.0], [0.0, 2.0]], "float32")
    return [v @ x, keras.ops.convert_to_tensor(x) @ v, v @ v]


@beside_keras
@pytest.mark.parametrize(
    "index", [0, -1, slice(0, 1), slice(None, None, 2), (0, 1), (Ellipsis, 0), None, (slice(None), None)], ids=str
)
def test_indexing(keras, index):
    v = keras.Variable(np.arange(6.0).reshape(3, 2))
    return v[index]


@beside_keras
def test_item_assignment(keras):
    v = keras.Variable([1.0, 2.0])
    v[0] = 3.0
    return v


@beside_keras
@pytest.mark.parametrize("convert", [float, int, bool], ids=lambda f: f.__name__)
@pytest.mark.parametrize("value", [3, [3], [1, 2]], ids=str)
def test_conversions(keras, convert, value):
    return convert(keras.Variable(value))


@beside_keras
def test_numpy_functions_take_variables(keras):
    v = keras.Variable([1.0, 4.0])
    return [np.asarray(v), np.sqrt(v), np.array(v, "float64"), np.sum(v), np.concatenate([v, v])]


def test_operators_of_numpy_arrays_are_those_of_the_variable():
    v = Variable([1.0, 4.0])
    for result in (np.array([1.0, 2.0]) + v, np.float64(2.0) * v, np.array([[1.0, 1.0]]) @ v, np.ones(2) < v):
        assert lamella.backend.active().is_array(result)


def test_iteration():  # that of a Keras variable does not end
    assert [row.tolist() for row in Variable([[1.0, 2.0], [3.0, 4.0]])] == [[1.0, 2.0], [3.0, 4.0]]
    with pytest.raises(TypeError):
        list(Variable(3.0))


def test_jax_functions_take_variables():
    import jax.numpy as jnp

    v = Variable([1.0, 4.0])
    assert jnp.asarray(v).tolist() == [1.0, 4.0]
    assert (jnp.ones(2) + v).tolist() == [2.0, 5.0]


@beside_keras
@pytest.mark.parametrize("made", [lambda k: k.Variable([1.0, 2.0]), lambda k: k.Variable(3, name="n", dtype="int32")])
def test_repr(keras, made):
    return repr(made(keras)).replace("JaxVariable", "Variable")


def test_len():
    assert len(Variable([1, 2, 3])) == 3
    with pytest.raises(TypeError):
        len(Variable(1))


def test_hash_is_identity():
    a, b = Variable(1.0), Variable(1.0)
    assert len({a, b, a}) == 2


def test_deepcopy_is_independent():
    v = Variable([1.0, 2.0], name="v", trainable=False)
    twin = copy.deepcopy(v)
    assert (twin.name, twin.path, twin.trainable, twin.dtype) == (v.name, v.path, False, "float32")
    v.assign([3.0, 4.0])
    assert twin.numpy().tolist() == [1.0, 2.0]
    twin.assign_add([1.0, 1.0])
    assert v.numpy().tolist() == [3.0, 4.0]


def test_deepcopy_on_numpy_is_independent():
    with use("numpy"):
        v = Variable([1.0, 2.0])
        twin = copy.deepcopy(v)
        v._value[0] = 9.0
        assert twin.numpy().tolist() == [1.0, 2.0]


def test_pickle():
    v = Variable([1.0, 2.0], name="v")
    again = pickle.loads(pickle.dumps(v))
    assert again.numpy().tolist() == [1.0, 2.0]
    assert again.name == "v"


# ---- autocast ----------------------------------------------------------------------------------------


@beside_keras
@pytest.mark.parametrize("autocast", [True, False])
@pytest.mark.parametrize("dtype", ["float32", "float16", "int32"])
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16", "float32"])
def test_autocast_in_a_layer(keras, policy, dtype, autocast):
    seen = []

    class Reader(keras.layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.v = self.add_weight(shape=(2,), initializer="ones", dtype=dtype, autocast=autocast)

        def call(self, x):
            seen.append([self.v.dtype, str(self.v.value.dtype), str((self.v + self.v).dtype)])
            return x

    layer = Reader(dtype=policy)
    layer(np.ones((1, 2), "float32"))
    return [seen, layer.v.dtype, str(layer.v.value.dtype)]


def test_writing_inside_autocast_keeps_full_precision():
    class Counter(lamella.layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.v = self.add_weight(shape=(), initializer="zeros", trainable=False)

        def call(self, x):
            self.v.assign_add(1.0 + 2.0**-12)
            return x

    layer = Counter(dtype="mixed_bfloat16")
    layer(np.ones((1, 2), "float32"))
    assert float(layer.v) == 1.0 + 2.0**-12


def test_values_of_the_active_backend():
    with use("numpy"):
        v = Variable([1.0, 2.0])
        assert type(v.value) is np.ndarray
        assert type(v + 1) is np.ndarray
    assert v.dtype == "float32"
    assert float(ops.sum(v)) == 3.0


def test_transformations_of_jax_take_variables_as_the_arrays_they_hold():
    weights = [lamella.Variable(np.float32([1, 2]), name="w"), lamella.Variable(np.float32(3), name="b")]

    def loss(weights, x):
        return ((x @ weights[0] + weights[1]) ** 2).sum()

    x = np.float32([[1, 1], [0, 2]])
    value, (by_w, by_b) = jax.jit(jax.value_and_grad(loss))(weights, x)
    residual = x @ np.float32([1, 2]) + 3
    assert float(value) == float((residual**2).sum())
    np.testing.assert_allclose(by_w, 2 * residual @ x)
    np.testing.assert_allclose(by_b, 2 * residual.sum())
    moved = jax.tree.map(lambda w: w + 1, weights)
    assert [type(w).__name__ for w in moved] == ["ArrayImpl", "ArrayImpl"]
    weights[1].assign(5.0)
    assert float(jax.jit(lambda w: w[1])(weights)) == 5.0


def test_a_loop_of_ones_own_starts_from_the_variables_themselves():
    model = lamella.Sequential([lamella.Input((3,)), lamella.layers.Dense(1)])
    optimizer = lamella.optimizers.SGD(0.1)
    optimizer.build(model.trainable_variables)
    x, y = np.eye(3, dtype="float32"), np.ones((3, 1), "float32")

    @jax.jit
    def step(state):
        trainable, others, slots = state

        def loss(trainable):
            predicted, kept = model.stateless_call(trainable, others, x, training=True)
            return ((predicted - y) ** 2).mean(), kept

        (value, kept), gradients = jax.value_and_grad(loss, has_aux=True)(trainable)
        trainable, slots = optimizer.stateless_apply(slots, gradients, trainable)
        return value, (trainable, kept, slots)

    state = (model.trainable_variables, model.non_trainable_variables, optimizer.variables)
    first, state = step(state)
    for _ in range(20):
        last, state = step(state)
    assert float(last) < 0.5 * float(first)
