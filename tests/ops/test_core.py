"""Conversions, sizes and dtypes, and control flow eagerly, compiled, with state and drawn."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lamella.backend
from lamella import ops
from lamella.core._function import Function
from lamella.core._keras_tensor import KerasTensor
from lamella.core._variable import Variable
from lamella.errors import ArgumentError, BackendError, DTypeError, ShapeError

BACKENDS = pytest.mark.parametrize("backend", ["jax", "numpy"])


def same(got, expected):
    np.testing.assert_array_equal(ops.convert_to_numpy(got), expected)


def test_text_is_not_a_tensor():
    for value in ("a", ["a", "b"], np.array(["a"])):
        with pytest.raises(DTypeError, match="number"):
            ops.convert_to_tensor(value)


@BACKENDS
def test_what_was_converted_to_numpy_can_be_written_to(backend):
    with lamella.backend.use(backend):
        for value in (ops.ones(3), Variable(np.ones(3)), [1.0, 2.0], np.ones(3)):
            array = ops.convert_to_numpy(value)
            array[0] = 5.0
            assert array.tolist()[0] == 5.0


def test_conversions_to_and_fro():
    v = Variable(np.ones((2, 3)))
    assert ops.is_tensor(ops.convert_to_tensor(v)) and not ops.is_tensor(v)
    assert not ops.is_tensor(np.ones(2)) and not ops.is_tensor(KerasTensor((2,))) and not ops.is_tensor([1])
    assert type(ops.convert_to_numpy(v)) is np.ndarray
    assert type(ops.convert_to_numpy(3.0)) is np.ndarray
    assert ops.convert_to_numpy([1, 2]).dtype == np.int32
    for dtype in ("float64", "int64", "uint8"):
        assert ops.convert_to_numpy(np.ones(2, dtype)).dtype == dtype
    assert type(ops.convert_to_numpy(np.float64(3))) is np.ndarray
    assert ops.convert_to_tensor(KerasTensor((None, 2)), dtype="int32").dtype == "int32"
    with lamella.backend.use("numpy"):
        assert ops.is_tensor(np.ones(2)) and not ops.is_tensor(jnp.ones(2))


def test_shape_ndim_size_dtype():
    for x in (np.ones((2, 3), "float32"), jnp.ones((2, 3)), Variable(np.ones((2, 3))), KerasTensor((2, 3))):
        assert ops.shape(x) == (2, 3) and type(ops.shape(x)) is tuple
        assert ops.ndim(x) == 2
        assert ops.dtype(x) == "float32"
    assert ops.size(jnp.ones((2, 3))) == 6 and type(ops.size(np.ones(2))) is int
    assert ops.shape(KerasTensor((None, 3))) == (None, 3)
    assert ops.shape(3.0) == () and ops.dtype(3.0) == "float32" and ops.dtype([1]) == "int32"
    assert ops.size(KerasTensor((None, 3))).dtype == "int32"
    assert jax.jit(lambda x: x + ops.size(x))(1.0) == 2.0


def test_the_drawn_size_is_computed_when_the_graph_runs():
    x = KerasTensor((None, 3))
    graph = Function(x, x * ops.cast(ops.size(x), "float32"))
    same(graph(np.ones((2, 3), "float32")), np.full((2, 3), 6.0))


def test_stop_gradient():
    x = jnp.array(3.0)
    assert float(jax.grad(lambda x: x * ops.stop_gradient(x))(x)) == 3.0


@BACKENDS
def test_cond_runs_one_branch(backend):
    with lamella.backend.use(backend):
        for pred in (True, np.array(True), ops.ones(()) > 0):
            same(ops.cond(pred, lambda: ops.ones(2), lambda: ops.zeros(2)), [1, 1])
        got = ops.cond(False, lambda: {"a": 1, "b": None}, lambda: {"a": 2, "b": None})
        assert int(got["a"]) == 2 and got["b"] is None


def test_cond_in_a_program_and_its_gradient():
    f = jax.jit(lambda x: ops.cond(x > 0, lambda: x * x, lambda: -x))
    assert f(3.0) == 9.0 and f(-3.0) == 3.0
    assert jax.grad(f)(3.0) == 6.0 and jax.grad(f)(-3.0) == -1.0


def test_a_drawn_cond_runs_with_the_graph():
    p = KerasTensor((), "float32")
    graph = Function(p, ops.cond(p > 0, lambda: ops.ones(2), lambda: ops.zeros(2)))
    same(graph(np.float32(1)), [1, 1])
    same(graph(np.float32(-1)), [0, 0])


def test_cond_of_symbolic_branches_says_why_not():
    p = KerasTensor((), "float32")
    with pytest.raises(TypeError, match="KerasTensor"):
        ops.cond(p > 0, lambda: p, lambda: p * 2)


def test_functions_must_be_functions():
    for call in (
        lambda: ops.cond(True, 1, 2),
        lambda: ops.switch(0, [1]),
        lambda: ops.while_loop(1, 2, 3),
        lambda: ops.fori_loop(0, 1, 2, 3),
        lambda: ops.scan(1, 0, [1]),
        lambda: ops.map(1, [1]),
        lambda: ops.vectorized_map(1, [1]),
        lambda: ops.associative_scan(1, [1]),
    ):
        with pytest.raises(TypeError, match=r"ops\.\w+ must be callable"):
            call()


@BACKENDS
def test_while_loop(backend):
    with lamella.backend.use(backend):
        assert int(ops.while_loop(lambda i: i < 10, lambda i: i + 3, 0)) == 12
        got = ops.while_loop(lambda i, x: i < 3, lambda i, x: [i + 1, x * 2], [0, np.ones(2, "float32")])
        assert type(got) is tuple and int(got[0]) == 3
        same(got[1], [8, 8])
        assert int(ops.while_loop(lambda i: True, lambda i: i + 1, 0, maximum_iterations=7)) == 7
        got = ops.while_loop(lambda d: d["i"] < 2, lambda d: {"i": d["i"] + 1}, {"i": Variable(np.int32(0))})
        assert int(got["i"]) == 2
        with pytest.raises(TypeError, match="tuple"):
            ops.while_loop(lambda i: i < 3, lambda i: i + 1, (0,))


def test_loops_in_programs():
    steps = jax.jit(lambda n: ops.while_loop(lambda i, s: i < n, lambda i, s: (i + 1, s + i), (0, 0))[1])
    assert steps(5) == 10
    total = jax.jit(lambda n: ops.fori_loop(0, n, lambda i, s: s + i, 0))
    assert total(5) == 10
    pick = jax.jit(lambda i: ops.switch(i, [lambda x: x + 1.0, lambda x: x * 3.0], 2.0))
    assert pick(0) == 3.0 and pick(7) == 6.0


@BACKENDS
def test_scan_and_map(backend):
    with lamella.backend.use(backend):
        xs = np.arange(5, dtype="float32")
        carry, ys = ops.scan(lambda c, x: (c + x, c * x), 1.0, xs)
        assert float(carry) == 11.0
        same(ys, [0, 1, 4, 12, 28])
        carry, ys = ops.scan(lambda c, x: (c + x, c), 0.0, xs, reverse=True)
        same(ys, [10, 9, 7, 4, 0])
        carry, ys = ops.scan(lambda c, _: (c * 2, None), 1.0, length=4)
        assert float(carry) == 16.0 and ys is None
        got = ops.map(lambda d: {"s": d["a"] + d["b"][0]}, {"a": xs, "b": (xs, xs)})
        same(got["s"], 2 * xs)
        same(ops.vectorized_map(lambda p: p[0] * p[1], [xs, xs]), xs * xs)
        weight = Variable(np.float32(3.0))
        same(ops.map(lambda x: x * weight, xs), 3 * xs)
        same(ops.vectorized_map(lambda x: x * weight, xs), 3 * xs)


@BACKENDS
@pytest.mark.parametrize("size", range(1, 18))
def test_associative_scan_of_matrices(size, backend):
    rng = np.random.default_rng(size)
    xs = rng.uniform(-1, 1, (size, 2, 2)).astype("float32")
    expected, running = [], np.eye(2)
    for x in xs:
        running = running @ x
        expected.append(running)
    with lamella.backend.use(backend):
        got = ops.associative_scan(ops.matmul, xs)
        np.testing.assert_allclose(ops.convert_to_numpy(got), expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("call", "shape"),
    [
        (lambda x: ops.map(lambda r: ops.sum(r), x), (None,)),
        (lambda x: ops.vectorized_map(lambda r: ops.sum(r, axis=0), x), (None, 4)),
        (lambda x: ops.scan(lambda c, r: (c + r, c), ops.zeros((3, 4)), x)[1], (None, 3, 4)),
        (lambda x: ops.associative_scan(lambda a, b: a + b, x, axis=0), (None, 3, 4)),
        (lambda x: ops.while_loop(lambda y: ops.sum(y) < 9, lambda y: y + 1, x), (None, 3, 4)),
        (lambda x: ops.fori_loop(0, 3, lambda i, y: y + 1, x), (None, 3, 4)),
        (lambda x: ops.switch(0, [lambda y: y, lambda y: y + 1], x), (None, 3, 4)),
        (lambda x: ops.vectorize(lambda r: ops.sum(r), signature="(n)->()")(x), (None, 3)),
        (lambda x: ops.linalg.jvp(lambda y: y * y, (x,), (x,))[1], (None, 3, 4)),
        (lambda x: ops.rearrange(x, "b h w -> (b h) w"), (None, 4)),
        (lambda x: ops.rearrange(x, "b ... -> ... b"), (3, 4, None)),
        (lambda x: ops.view(x, "int16"), (None, 3, 8)),
        (lambda x: ops.saturate_cast(x, "uint8"), (None, 3, 4)),
    ],
)
def test_unknown_sizes(call, shape):
    assert call(KerasTensor((None, 3, 4))).shape == shape


@BACKENDS
def test_vectorize(backend):
    a, b = np.arange(12.0, dtype="float32").reshape(3, 4), np.arange(4.0, dtype="float32")
    with lamella.backend.use(backend):
        same(ops.vectorize(lambda x, y: x + y)(a, b), a + b)
        same(ops.vectorize(ops.dot, signature="(n),(n)->()")(a, b), a @ b)
        same(ops.vectorize(ops.matmul, signature="(m,n),(n)->(m)")(np.stack([a, a]), b), np.stack([a @ b] * 2))
        same(ops.vectorize(lambda x, p: x * p, excluded={1})(a, 3), a * 3)
        same(ops.vectorize(lambda x, p: x * p, excluded={"p"})(a, p=3), a * 3)
        same(
            ops.vectorize(lambda x, y: ops.outer(x, y), signature="(m),(n)->(m,n)")(a[:1], a),
            a[:1, :, None] * a[:, None],
        )
        both = ops.vectorize(lambda x: (ops.min(x), ops.max(x)), signature="(n)->(),()")(a)
        same(both[0], a.min(1))
        same(both[1], a.max(1))
        with pytest.raises(ArgumentError, match="signature"):
            ops.vectorize(ops.dot, signature="n,n")
        with pytest.raises(ArgumentError, match="callable"):
            ops.vectorize(3)
        with pytest.raises(ShapeError, match="'n'"):
            ops.vectorize(ops.dot, signature="(n),(n)->()")(a, b[:2])
        with pytest.raises(ShapeError, match="broadcast"):
            ops.vectorize(lambda x, y: x + y)(a, b[:2])


def test_custom_gradient():
    @ops.custom_gradient
    def thrice(x):
        def grad(*args, upstream=None):
            return 7.0 * (args[0] if upstream is None else upstream)

        return x * 3.0, grad

    same(thrice(np.ones(2, "float32")), [3, 3])
    same(thrice(Variable(np.ones(2))), [3, 3])
    assert float(jax.grad(lambda x: thrice(x) * 2.0)(1.0)) == 14.0
    assert float(jax.jit(jax.grad(thrice))(1.0)) == 7.0
    x = KerasTensor((None, 2))
    same(Function(x, thrice(x))(np.ones((1, 2), "float32")), [[3, 3]])
    with lamella.backend.use("numpy"):
        same(thrice(np.ones(2, "float32")), [3, 3])


def test_jvp():
    value, change = ops.linalg.jvp(lambda x, y: x * y, (Variable(np.float32(2.0)), 3.0), (1.0, 10.0))
    assert float(value) == 6.0 and float(change) == 23.0
    value, change, other = ops.linalg.jvp(lambda x: (x * x, x), [3.0], [1.0], has_aux=True)
    assert (float(value), float(change), float(other)) == (9.0, 6.0, 3.0)
    with pytest.raises(TypeError, match="tuple"):
        ops.linalg.jvp(lambda x: x, 1.0, 1.0)
    with lamella.backend.use("numpy"), pytest.raises(BackendError, match="numpy"):
        ops.linalg.jvp(lambda x: x * x, (3.0,), (1.0,))


@pytest.mark.parametrize(
    "pattern", ["a b c -> c (b a)", "(x a) b c -> a (x b) c", "... c -> c ...", "a b c -> (a b c)"]
)
def test_rearrange_moves_elements_and_loses_none(pattern):
    x = np.arange(48.0, dtype="float32").reshape(4, 3, 4)
    lengths = {"x": 2} if "x" in pattern else {}
    got = ops.convert_to_numpy(ops.rearrange(x, pattern, **lengths))
    assert sorted(got.ravel()) == sorted(x.ravel())
    left, right = pattern.split("->")
    if "..." not in pattern:
        lengths = {"a": 2, **lengths} if "x" in pattern else {"a": 4, "b": 3}
    same(ops.rearrange(got, f"{right}->{left}", **{k: v for k, v in lengths.items() if k in right or "x" in k}), x)
