"""The contract of an adapter, on every installed one: what it says of arrays, how it computes and differentiates."""

import ml_dtypes
import numpy as np
import optree
import pytest
from backends import backends, installed

import lamella
from lamella import ops, random
from lamella.backend import _registry
from lamella.backend._numpy_arrays import aligned
from lamella.core import _scopes
from lamella.errors import BackendError, DTypeError, ShapeError

pytestmark = pytest.mark.backends

DTYPES = ("bool", "uint8", "int8", "int16", "int32", "float16", "bfloat16", "float32", "complex64")


@pytest.fixture(params=backends())
def adapter(request):
    with lamella.backend.use(request.param) as adapter:
        yield adapter


@pytest.fixture(params=backends(differentiable=True))
def differentiable(request):
    with lamella.backend.use(request.param) as adapter:
        yield adapter


def host(x):
    return np.asarray(_registry.to_numpy(x))


def numbers(dtype, shape=(2, 3)):
    kind = getattr(ml_dtypes, dtype, dtype)
    return (np.arange(np.prod(shape)).reshape(shape) % 7).astype(kind)


# ---- arrays --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
def test_arrays_go_there_and_back(adapter, dtype):
    given = numbers(dtype)
    array = adapter.asarray(given)
    assert adapter.is_array(array) and adapter.dtype(array) == dtype and tuple(array.shape) == (2, 3)
    back = adapter.to_numpy(array)
    assert back.dtype == given.dtype
    np.testing.assert_array_equal(back.astype("complex64"), given.astype("complex64"))


@pytest.mark.parametrize("dtype", ("float16", "bfloat16", "int8", "complex64"))
def test_a_dtype_that_is_asked_for_is_given(adapter, dtype):
    for value in (numbers("float32"), adapter.asarray(numbers("int32")), 3, 2.0, [1, 2], True):
        assert adapter.dtype(adapter.asarray(value, dtype)) == dtype


def test_python_values_take_the_default_dtypes(adapter):
    names = [adapter.dtype(adapter.asarray(v)) for v in (1, 1.0, True, 1j, [1, 2], [1.5], [[True]])]
    assert names == ["int32", "float32", "bool", "complex64", "int32", "float32", "bool"]


def test_integers_that_do_not_fit_are_refused(adapter):
    if adapter.name == "numpy":
        assert adapter.dtype(adapter.asarray(2**40)) == "int64"
        return
    for value in (2**40, [2**40]):
        with pytest.raises(OverflowError):
            adapter.asarray(value)


def test_text_is_refused(adapter):
    if adapter.name == "numpy":
        pytest.skip("NumPy has arrays of text")
    with pytest.raises(DTypeError, match="numbers"):
        adapter.asarray(np.array(["a", "b"]))


def test_nested_lists_of_unequal_lengths_are_refused(adapter):
    with pytest.raises(ShapeError, match="unequal"):
        adapter.asarray([[1, 2], [3]])


def test_an_array_does_not_follow_the_numpy_array_it_was_made_of(adapter):
    given = np.ones(3, "float32")
    variable = lamella.Variable(given)
    given[:] = 7
    np.testing.assert_array_equal(variable.numpy(), [1, 1, 1])


def test_lists_that_hold_arrays_and_variables_are_stacked(adapter):
    parts = [adapter.asarray(1.5), lamella.Variable(2.5), 3]
    np.testing.assert_array_equal(host(adapter.asarray(parts)), [1.5, 2.5, 3])


@pytest.mark.parametrize("other", backends())
def test_arrays_of_other_libraries_are_taken(adapter, other):
    for dtype in ("float32", "int32", "bool", "bfloat16"):
        foreign = _registry.get(other).asarray(numbers(dtype))
        array = adapter.asarray(foreign)
        assert adapter.is_array(array) and adapter.dtype(array) == dtype
        np.testing.assert_array_equal(host(array).astype("float32"), numbers(dtype).astype("float32"))


@pytest.mark.parametrize("other", backends(jax=False))
def test_an_array_picks_its_library(other):
    array = _registry.get(other).asarray([1.0, -2.0])
    result = ops.relu(array)
    assert _registry.get("jax" if other == "numpy" else other).is_array(result)
    np.testing.assert_array_equal(host(result), [1, 0])


def test_a_copy_has_its_own_memory(adapter):
    array = adapter.asarray([1.0, 2.0])
    copy = adapter.copy(array)
    assert copy is not array
    np.testing.assert_array_equal(host(copy), [1, 2])


# ---- programs ------------------------------------------------------------------------------------------


def test_compiled_functions_take_and_return_structures(adapter):
    program = adapter.compile(lambda state, x: ({"y": state[0] * x}, [state[0] + 1, state[1]]))
    state = [adapter.asarray(2.0), adapter.asarray([1, 2])]
    out, state = program(state, adapter.asarray([3.0, 4.0]))
    out, state = program(state, adapter.asarray([3.0, 4.0]))
    np.testing.assert_array_equal(host(out["y"]), [9, 12])
    np.testing.assert_array_equal(host(state[0]), 4)


@pytest.mark.parametrize("reverse", [False, True])
def test_scan_carries_and_collects(adapter, reverse):
    xs = {"a": np.arange(4, dtype="float32"), "b": np.ones((4, 2), "float32")}

    def step(carry, x):
        carry = carry + x["a"]
        return carry, {"sum": carry, "b": x["b"] * carry}

    last, ys = ops.scan(step, np.float32(0), xs, reverse=reverse)
    order = range(3, -1, -1) if reverse else range(4)
    sums, total = np.zeros(4, "float32"), 0.0
    for i in order:
        total += i
        sums[i] = total
    assert float(last) == 6
    np.testing.assert_array_equal(host(ys["sum"]), sums)
    np.testing.assert_array_equal(host(ys["b"]), sums[:, None] * np.ones((4, 2)))


def test_loops_and_choices(adapter):
    assert int(ops.while_loop(lambda i: i < 10, lambda i: i + 3, 0)) == 12
    assert int(ops.while_loop(lambda i: i < 10, lambda i: i + 3, 0, maximum_iterations=2)) == 6
    assert int(ops.fori_loop(0, 5, lambda i, total: total + i, 0)) == 10
    for x, expected in ((1.0, 10), (3.0, 3)):
        assert float(ops.cond(ops.less(x, 2.0), lambda x=x: x * 10, lambda x=x: x)) == expected
    assert [int(ops.switch(i, [lambda x: x, lambda x: -x], 4)) for i in (0, 1, 9)] == [4, -4, -4]


def test_a_map_over_an_axis(adapter):
    x = np.arange(6, dtype="float32").reshape(3, 2)
    out = ops.vectorized_map(lambda row: {"sum": ops.sum(row), "twice": row * 2}, x)
    np.testing.assert_array_equal(host(out["sum"]), x.sum(1))
    np.testing.assert_array_equal(host(out["twice"]), x * 2)


def test_choices_and_loops_inside_a_map_go_their_own_ways(differentiable):
    x = differentiable.asarray([1.0, -2.0, 3.0])
    out = ops.vectorized_map(lambda v: ops.cond(v > 0, lambda: v * 2, lambda: v * 0), x)
    np.testing.assert_array_equal(host(out), [2, 0, 6])
    out = ops.vectorized_map(lambda v: ops.while_loop(lambda v: v < 10, lambda v: v * 2 + 20, v), x)
    np.testing.assert_array_equal(host(out), [22, 16, 26])
    places = differentiable.asarray([0, 1, 2])
    out = ops.vectorized_map(lambda i: ops.switch(i, [lambda: 5.0, lambda: 6.0, lambda: 7.0]), places)
    np.testing.assert_array_equal(host(out), [5, 6, 7])


# ---- gradients -----------------------------------------------------------------------------------------


def test_the_numpy_backend_says_that_it_has_no_gradients():
    with lamella.backend.use("numpy"), pytest.raises(BackendError, match="forward only"):
        lamella.value_and_grad(lambda: 0.0, [lamella.Variable(1.0)])()


def test_value_and_gradients_of_a_structure(differentiable):
    params = [differentiable.asarray([1.0, 2.0]), differentiable.asarray(3.0), differentiable.asarray([5.0])]
    fn = differentiable.value_and_grad(lambda p, x: (ops.sum(p[0] ** 2) * p[1] + x, {"x": x}), has_aux=True)
    (value, aux), grads = fn(params, differentiable.asarray(1.0))
    assert float(value) == 16 and float(aux["x"]) == 1
    for grad, expected in zip(grads, ([6, 12], 5, [0]), strict=True):
        np.testing.assert_array_equal(host(grad), expected)


def test_gradients_of_gradients(differentiable):
    inner = differentiable.value_and_grad(lambda p: ops.sum(p[0] ** 3))
    outer = differentiable.value_and_grad(lambda p: ops.sum(inner(p)[1][0] ** 2))
    _, (grad,) = outer([differentiable.asarray([1.0, 2.0])])
    np.testing.assert_allclose(host(grad), [36, 288], rtol=1e-6)  # d/dx (3x²)² = 36 x³


def test_no_gradient_flows_through_stop_gradient(differentiable):
    fn = differentiable.value_and_grad(lambda p: ops.sum(p[0] * ops.stop_gradient(p[0])))
    np.testing.assert_array_equal(host(fn([differentiable.asarray([2.0, 3.0])])[1][0]), [2, 3])


def test_a_custom_gradient_takes_the_place_of_the_own_one(differentiable):
    @lamella.ops.custom_gradient
    def doubled(x, y):
        def grad(upstream, *rest):
            return upstream * 10, upstream * 100

        return x * y, grad

    def loss(p):
        return ops.sum(doubled(p[0], p[1]) * 2)

    value, grads = differentiable.value_and_grad(loss)(
        [differentiable.asarray([1.0, 2.0]), differentiable.asarray([3.0, 4.0])]
    )
    assert float(value) == 22
    np.testing.assert_array_equal(host(grads[0]), [20, 20])
    np.testing.assert_array_equal(host(grads[1]), [200, 200])


def test_forward_differentiation(differentiable):
    x, t = np.array([0.5, 2.0], "float32"), np.array([1.0, 10.0], "float32")
    value, change = ops.linalg.jvp(lambda x: {"y": ops.sin(x), "z": ops.sum(x)}, (x,), (t,))
    np.testing.assert_allclose(host(value["y"]), np.sin(x), rtol=1e-6)
    np.testing.assert_allclose(host(change["y"]), np.cos(x) * t, rtol=1e-5)
    np.testing.assert_allclose(host(change["z"]), 11)


def test_what_is_computed_again_has_the_same_gradient(differentiable):
    calls = []

    def body(x):
        calls.append(1)
        return ops.sin(x) * ops.exp(x)

    params = [differentiable.asarray([0.5, 1.5])]
    _, expected = differentiable.value_and_grad(lambda p: ops.sum(body(p[0])))(params)
    _, grads = differentiable.value_and_grad(lambda p: ops.sum(lamella.remat(body)(p[0])))(params)
    np.testing.assert_allclose(host(grads[0]), host(expected[0]), rtol=1e-6)
    assert len(calls) >= 2


TIES = {
    "relu": lambda x: ops.relu(x),
    "relu6": lambda x: ops.relu6(x + 6.0),
    "leaky_relu": lambda x: ops.leaky_relu(x),
    "abs": lambda x: ops.abs(x),
    "max": lambda x: ops.max(x),
    "min": lambda x: ops.min(x),
    "maximum": lambda x: ops.maximum(x, 0.0),
    "minimum": lambda x: ops.minimum(0.0, x),
    "clip": lambda x: ops.clip(x, 0.0, 1.0),
    "hard_sigmoid": lambda x: ops.hard_sigmoid(x - 3.0),
    "hard_tanh": lambda x: ops.hard_tanh(x + 1.0),
    "sign": lambda x: ops.sign(x) * x,
    "sqrt of square": lambda x: ops.where(x == 0, x, ops.sqrt(ops.where(x == 0, 1.0, x * x))),
    "sort": lambda x: ops.multiply(ops.sort(x), np.float32([1, 2, 4])),
    "softplus": lambda x: ops.softplus(x),
    "elu": lambda x: ops.elu(x),
    "selu": lambda x: ops.selu(x),
    "threshold": lambda x: ops.threshold(x, 0.0, 1.0),
    "soft_shrink": lambda x: ops.soft_shrink(x + 0.5),
    "logaddexp": lambda x: ops.logaddexp(x, 0.0),
}


@pytest.mark.parametrize("name", TIES)
@pytest.mark.parametrize("backend", backends(differentiable=True, jax=False))
def test_gradients_at_ties_are_those_of_jax(backend, name):
    def grad(adapter):
        with lamella.backend.use(adapter):
            x = adapter.asarray(np.zeros(3, "float32"))
            return host(adapter.value_and_grad(lambda p: ops.sum(TIES[name](p[0])))([x])[1][0])

    np.testing.assert_allclose(grad(_registry.get(backend)), grad(_registry.get("jax")), rtol=1e-6)


# ---- randomness ----------------------------------------------------------------------------------------

LOGITS = np.log(np.array([[0.1, 0.2, 0.7], [0.5, 0.4, 0.1]], "float32"))
DRAWS = {
    "uniform": ((30, 4), -2.3, 3.1),
    "normal": ((300, 4), 1.0, 0.3),
    "truncated_normal": ((300, 4),),
    "randint": ((30, 4), -7, 1000),
    "categorical": (LOGITS, 40),
    "shuffle": (np.arange(24, dtype="int32").reshape(6, 4),),
    "dropout": (np.ones((30, 4), "float32"), 0.3),
    "gamma": ((30, 4), 2.5),
    "beta": ((30, 4), 2.0, 3.0),
    "binomial": ((30, 4), 10, 0.3),
}


@pytest.mark.parametrize("name", DRAWS)
def test_draws_are_functions_of_the_seed(adapter, name):
    draw = getattr(random, name)
    first, again, other = (draw(*DRAWS[name], seed=seed) for seed in (5, 5, 6))
    assert adapter.is_array(first)
    np.testing.assert_array_equal(host(first), host(again))
    assert (host(first) != host(other)).any()
    on_jax = _registry.get("jax")
    with lamella.backend.use(on_jax):
        expected = draw(*DRAWS[name], seed=5)
    assert tuple(first.shape) == tuple(expected.shape) and adapter.dtype(first) == on_jax.dtype(expected)


@pytest.mark.parametrize("name", DRAWS)
@pytest.mark.parametrize("backend", backends(jax=False))
def test_portable_draws_have_the_bits_of_those_on_jax(backend, name):
    draw = getattr(random, name)
    lamella.config.set_portable_random(True)
    try:
        expected = host(draw(*DRAWS[name], seed=5))
        with lamella.backend.use(backend):
            got = host(draw(*DRAWS[name], seed=5))
    finally:
        lamella.config.set_portable_random(False)
    assert got.dtype == expected.dtype
    np.testing.assert_array_equal(got, expected)


# ---- variables -----------------------------------------------------------------------------------------


def test_variables_are_arrays_of_the_active_library(adapter):
    variable = lamella.Variable([1.0, 2.0])
    assert _registry.owner(variable.value) == (None if adapter.name == "numpy" else adapter.name)
    variable.assign_add([1.0, 1.0])
    np.testing.assert_array_equal(variable.numpy(), [2, 3])
    with _scopes.StatelessScope() as scope:
        variable.assign([7.0, 8.0])
        np.testing.assert_array_equal(host(scope.get_current_value(variable)), [7, 8])
    np.testing.assert_array_equal(variable.numpy(), [2, 3])


def test_gradients_with_respect_to_variables(differentiable):
    w, count = lamella.Variable([1.0, 2.0]), lamella.Variable(0.0, trainable=False)

    def loss():
        count.assign_add(1.0)
        return ops.sum(w * w)

    value, (grad,) = lamella.value_and_grad(loss, [w])()
    assert float(value) == 5 and float(count) == 1
    np.testing.assert_array_equal(host(grad), [2, 4])


def test_structures_keep_their_kinds(adapter):
    tree = {"a": [adapter.asarray(1.0)], "b": (adapter.asarray(2.0), None)}
    program = adapter.compile(lambda t: optree.tree_map(lambda x: x * 2, t))
    out = program(tree)
    assert isinstance(out["a"], list) and isinstance(out["b"], tuple) and out["b"][1] is None
    assert float(out["b"][0]) == 4


def test_every_adapter_of_ours_is_known():
    assert {"jax", "numpy", "torch", "tensorflow"} <= set(lamella.backend.known())
    assert installed("numpy")


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
@pytest.mark.parametrize("offset", [0, 4])
def test_large_arrays_whose_rows_lie_apart_keep_their_values(adapter, dtype, offset):
    values = aligned((1024, 1032), np.dtype(dtype))
    values[...] = np.arange(values.size).reshape(values.shape)
    values = values[:, offset : offset + 1024]  # rows apart, and with `offset` not at a multiple of 64 bytes
    assert not values.flags.c_contiguous
    for taken in (adapter.share(values), adapter.asarray(values)):
        np.testing.assert_array_equal(adapter.to_numpy(taken), values)


def test_jax_shares_what_is_aligned_and_copies_what_is_not():
    with lamella.backend.use("jax") as adapter:
        whole = aligned((2**19 + 16,), np.dtype("float32"))
        whole[:] = 1
        for array, shared in ((whole, True), (whole[1:], False)):
            taken, mine = adapter.share(array), adapter.asarray(array)
            assert (taken.unsafe_buffer_pointer() == array.ctypes.data) is shared
            array[0] = 7
            assert mine[0] == 1
