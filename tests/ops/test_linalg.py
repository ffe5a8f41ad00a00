"""Factorisations put together again, on both adapters; gradients; what is drawn of unknown sizes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lamella.backend
from lamella import ops
from lamella.core._keras_tensor import KerasTensor
from lamella.errors import ArgumentError

BACKENDS = pytest.mark.parametrize("backend", ["jax", "numpy"])
SHAPES = pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 4), (2, 3, 3), (2, 1, 4, 3)])
linalg = ops.linalg


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype("float32")


def positive(*shape):
    x = drawn(*shape)
    return x @ np.swapaxes(x, -1, -2) + np.eye(shape[-1], dtype="float32")


def close(got, expected):
    np.testing.assert_allclose(ops.convert_to_numpy(got), ops.convert_to_numpy(expected), rtol=1e-3, atol=1e-4)


@BACKENDS
@SHAPES
def test_qr(shape, backend):
    x = drawn(*shape)
    with lamella.backend.use(backend):
        for mode in ("reduced", "complete"):
            q, r = linalg.qr(x, mode=mode)
            close(ops.matmul(q, r), x)
            close(
                ops.matmul(ops.swapaxes(q, -1, -2), q),
                np.broadcast_to(np.eye(q.shape[-1]), (*shape[:-2], *2 * q.shape[-1:])),
            )
            close(ops.triu(r), r)


@BACKENDS
@SHAPES
def test_svd(shape, backend):
    x = drawn(*shape)
    with lamella.backend.use(backend):
        u, s, v = linalg.svd(x, full_matrices=False)
        close(ops.matmul(u * s[..., None, :], v), x)
        close(linalg.svd(x, compute_uv=False), s)
        u, s, v = linalg.svd(x)
        assert u.shape[-1] == u.shape[-2] and v.shape[-1] == v.shape[-2]


@BACKENDS
@pytest.mark.parametrize("shape", [(3, 3), (2, 3, 3)])
def test_eigenvectors(shape, backend):
    x = positive(*shape)
    with lamella.backend.use(backend):
        w, v = linalg.eigh(x)
        close(ops.matmul(x, v), v * w[..., None, :])
        close(w, np.sort(ops.convert_to_numpy(w)))
        w, v = linalg.eig(drawn(*shape))
        assert ops.dtype(w) == ops.dtype(v) == "complex64"
        close(ops.matmul(ops.cast(drawn(*shape), "complex64"), v), v * w[..., None, :])


@BACKENDS
@pytest.mark.parametrize("shape", [(3, 3), (2, 3, 3)])
def test_cholesky(shape, backend):
    x = positive(*shape)
    with lamella.backend.use(backend):
        lower, upper = linalg.cholesky(x), linalg.cholesky(x, upper=True)
        close(ops.matmul(lower, ops.swapaxes(lower, -1, -2)), x)
        close(upper, ops.swapaxes(lower, -1, -2))
        for inverse in (linalg.cholesky_inverse(lower), linalg.cholesky_inverse(upper, upper=True), linalg.inv(x)):
            close(ops.matmul(inverse, x), np.broadcast_to(np.eye(3), shape))


@BACKENDS
@SHAPES
def test_lu(shape, backend):
    x = drawn(*shape)
    with lamella.backend.use(backend):
        lu, pivots = map(ops.convert_to_numpy, linalg.lu_factor(x))
    assert pivots.dtype == np.int32
    k = min(shape[-2:])
    for matrix, factors, exchanges in zip(
        x.reshape(-1, *shape[-2:]), lu.reshape(-1, *shape[-2:]), pivots.reshape(-1, k)
    ):
        rows = np.arange(shape[-2])
        for i, j in enumerate(exchanges):
            rows[[i, j]] = rows[[j, i]]
        lower = np.tril(factors[:, :k], -1) + np.eye(shape[-2], k)
        close(lower @ np.triu(factors[:k]), matrix[rows])


@BACKENDS
@SHAPES
def test_pinv(shape, backend):
    x = drawn(*shape)
    with lamella.backend.use(backend):
        y = linalg.pinv(x)
        close(ops.matmul(ops.matmul(x, y), x), x)
        close(ops.matmul(ops.matmul(y, x), y), y)


@BACKENDS
def test_systems(backend):
    a = positive(2, 3, 3)
    with lamella.backend.use(backend):
        for b in (drawn(2, 3, 5), drawn(2, 3), drawn(3)):
            right = b if b.ndim == 3 else np.broadcast_to(b, (2, 3))
            for name, matrix in (("solve", a), ("solve_triangular", np.triu(a))):
                x = getattr(linalg, name)(a, b)
                assert x.shape == right.shape
                close(ops.einsum("bij,bj...->bi...", matrix, x), right)
            close(ops.einsum("bij,bj...->bi...", np.tril(a), linalg.solve_triangular(a, b, lower=True)), right)


def test_a_batch_of_vectors_is_one_even_where_it_could_be_a_matrix():
    a, b = positive(3, 3, 3), drawn(3, 3)
    close(linalg.solve(a, b), np.stack([np.linalg.solve(m, v) for m, v in zip(a, b)]))
    assert linalg.solve(KerasTensor((None, 3, 3)), KerasTensor((None, 3))).shape == (None, 3)


def test_cholesky_of_others_fails_or_is_nan():
    with pytest.raises(ArgumentError, match="positive definite"):
        linalg.cholesky([[-1.0, 0.0], [0.0, 1.0]])
    with lamella.backend.use("numpy"), pytest.raises(ArgumentError, match="positive definite"):
        linalg.cholesky([[-1.0, 0.0], [0.0, 1.0]])
    assert bool(jnp.isnan(jax.jit(linalg.cholesky)(-jnp.eye(2))).any())


@pytest.mark.parametrize("name", ["cholesky", "det", "inv", "pinv", "qr", "svd", "eigh", "lu_factor"])
def test_half_precision_is_computed_in_float32(name):
    x = positive(3, 3)
    for dtype in ("float16", "bfloat16"):
        half, whole = getattr(linalg, name)(ops.cast(x, dtype)), getattr(linalg, name)(x)
        for h, w in zip(jax.tree.leaves(half), jax.tree.leaves(whole)):
            assert ops.dtype(h) == (dtype if ops.dtype(w) == "float32" else "int32")
            np.testing.assert_allclose(np.abs(np.asarray(h, "float32")), np.abs(w), atol=0.1, rtol=0.1)


@pytest.mark.parametrize(
    ("call", "shapes"),
    [
        (linalg.cholesky, [(None, 3, 3)]),
        (linalg.det, [(None,)]),
        (linalg.inv, [(None, 3, 3)]),
        (linalg.eig, [(None, 3), (None, 3, 3)]),
        (linalg.eigh, [(None, 3), (None, 3, 3)]),
        (linalg.lu_factor, [(None, 3, 3), (None, 3)]),
        (linalg.qr, [(None, 3, 3), (None, 3, 3)]),
        (linalg.svd, [(None, 3, 3), (None, 3), (None, 3, 3)]),
        (linalg.pinv, [(None, 3, 3)]),
        (linalg.matrix_rank, [(None,)]),
        (ops.slogdet, [(None,), (None,)]),
        (ops.logdet, [(None,)]),
        (linalg.norm, [()]),
        (lambda x: linalg.norm(x, axis=-1), [(None, 3)]),
        (lambda x: linalg.norm(x, axis=(0, 1), keepdims=True), [(1, 1, 3)]),
        (lambda x: linalg.solve(x, x), [(None, 3, 3)]),
    ],
)
def test_unknown_sizes(call, shapes):
    out = call(KerasTensor((None, 3, 3)))
    out = out if isinstance(out, tuple) else (out,)
    assert [t.shape for t in out] == shapes


@pytest.mark.parametrize("name", ["numpy", "linalg"])
def test_submodules_have_the_names_of_keras(name):
    keras = pytest.importorskip("keras")
    theirs = {n for n in vars(getattr(keras.ops, name)) if not n.startswith("_")}
    assert set(getattr(ops, name).__all__) == theirs


def test_submodules_have_the_same_ops():
    from lamella.ops import numpy as numpy_like

    assert linalg.det is ops.det and numpy_like.reshape is ops.reshape
    assert linalg.__all__ and all(getattr(ops, n) is getattr(linalg, n) for n in linalg.__all__)
    assert all(getattr(ops, n) is getattr(numpy_like, n) for n in numpy_like.__all__)
