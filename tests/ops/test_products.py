"""Laws of products, and what is drawn of unknown sizes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lamella.backend
from lamella import ops
from lamella.core._keras_tensor import KerasTensor
from lamella.core._variable import Variable

laws = settings(deadline=None, max_examples=25)  # each shape is compiled anew
sizes = st.integers(1, 5)


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype("float32")


def close(got, expected):
    np.testing.assert_allclose(ops.convert_to_numpy(got), expected, rtol=1e-4, atol=1e-5)


@laws
@given(sizes, sizes, sizes)
def test_one_product_by_many_names(m, k, n):
    a, b = drawn(m, k), drawn(k, n, seed=1)
    for got in (
        ops.matmul(a, b),
        ops.dot(a, b),
        ops.tensordot(a, b, axes=1),
        ops.einsum("mk,kn->mn", a, b),
        ops.inner(a, ops.transpose(b)),
        Variable(a) @ b,
        a @ Variable(b),
    ):
        close(got, a @ b)
    close(ops.trace(ops.matmul(a, ops.transpose(a))), np.sum(a * a))


@laws
@given(sizes, sizes)
def test_outer_products(m, n):
    a, b = drawn(m), drawn(n, seed=1)
    close(ops.outer(a, b), np.outer(a, b))
    close(ops.kron(a, b), ops.ravel(ops.outer(a, b)))
    close(ops.tensordot(a, b, axes=0), np.outer(a, b))


def test_the_cross_product_is_orthogonal():
    a, b = drawn(7, 3), drawn(7, 3, seed=1)
    c = ops.cross(a, b)
    close(ops.sum(c * a, axis=-1), np.zeros(7))
    close(c, -ops.convert_to_numpy(ops.cross(b, a)))


@laws
@given(st.integers(1, 8), st.integers(1, 8), st.sampled_from(["valid", "same", "full"]))
def test_correlate_on_both_adapters(n, m, mode):
    a, b = drawn(n), drawn(m, seed=1)
    for backend in ("jax", "numpy"):
        with lamella.backend.use(backend):
            close(ops.correlate(a, b, mode), np.correlate(a, b, mode))


@pytest.mark.parametrize(
    ("call", "shape"),
    [
        (lambda x: ops.matmul(x, np.ones((4, 2), "float32")), (None, 3, 2)),
        (lambda x: ops.matmul(np.ones(3, "float32"), x), (None, 4)),
        (lambda x: ops.einsum("bij,bij->b", x, x), (None,)),
        (lambda x: ops.einsum("...ij->...ji", x), (None, 4, 3)),
        (lambda x: ops.tensordot(x, x, axes=[[1, 2], [1, 2]]), (None, None)),
        (lambda x: ops.inner(x, x), (None, 3, None, 3)),
        (lambda x: ops.outer(x, x), (None, None)),
        (lambda x: ops.vdot(x, x), ()),
        (lambda x: ops.kron(x, x), (None, 9, 16)),
        (lambda x: ops.cross(x[:, :, :3], x[:, :, :2]), (None, 3, 3)),
        (lambda x: ops.correlate(x[0, 0], x[:, 0, 0], "full"), (None,)),
        (lambda x: ops.corrcoef(x[:, 0]), (None, None)),
        (lambda x: x @ np.ones((4, 2), "float32"), (None, 3, 2)),
    ],
)
def test_unknown_sizes(call, shape):
    assert call(KerasTensor((None, 3, 4))).shape == shape
