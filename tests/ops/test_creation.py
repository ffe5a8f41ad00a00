"""Ops that make arrays: laws, other default dtypes, and sizes that are not plain integers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lamella.backend
from lamella import ops
from lamella.core._keras_tensor import KerasTensor
from lamella.errors import DTypeError


@pytest.fixture(params=["jax", "numpy"], autouse=True, scope="module")
def backend(request):
    with lamella.backend.use(request.param), np.errstate(all="ignore"):
        yield request.param


def numpy(x):
    return np.asarray(ops.convert_to_numpy(x))


@pytest.mark.parametrize("k", range(-3, 4))
def test_diag_undoes_diagflat(k):
    x = np.arange(1, 4, dtype="float32")
    np.testing.assert_array_equal(numpy(ops.diag(ops.diagflat(x, k), k)), x)


@pytest.mark.parametrize("num", [2, 3, 10, 257])
def test_linspace_ends_exactly_and_is_symmetric(num):
    line = numpy(ops.linspace(-0.1, 0.1, num))
    assert line[0] == np.float32(-0.1) and line[-1] == np.float32(0.1)
    np.testing.assert_allclose(line, -line[::-1], atol=1e-8)


def test_geomspace_ends_exactly():
    line = numpy(ops.geomspace(0.3, 7000.0, 12))
    assert line[0] == np.float32(0.3) and line[-1] == np.float32(7000.0)


@pytest.mark.parametrize("name", ["bartlett", "blackman", "hamming", "hanning"])
@pytest.mark.parametrize("length", [2, 7, 16])
def test_windows_are_symmetric(name, length):
    window = numpy(getattr(ops, name)(length))
    np.testing.assert_allclose(window, window[::-1], atol=1e-6)
    np.testing.assert_allclose(window, getattr(np, name)(length), atol=1e-6)


def test_the_kaiser_window_is_numpys():
    np.testing.assert_allclose(numpy(ops.kaiser(9, 8.6)), np.kaiser(9, 8.6), rtol=1e-5, atol=1e-7)


def test_vander_evaluates_polynomials():
    x, coefficients = np.asarray([0.0, 1.5, -2.0], "float32"), np.asarray([2.0, 0.0, -1.0, 3.0], "float32")
    values = numpy(ops.vander(x, 4)) @ coefficients
    np.testing.assert_allclose(values, np.polyval(coefficients, x), rtol=1e-6)


def test_copy_shares_no_memory():
    x = np.asarray([1.0, 2.0], "float32")
    y = ops.copy(x)
    x[0] = 9
    np.testing.assert_array_equal(numpy(y), [1.0, 2.0])


def test_filled_arrays_can_be_written_to_one_element_at_a_time():
    with lamella.backend.use("numpy"):
        x = ops.full((2, 2), 1.0)
        x[0, 0] = 5
        np.testing.assert_array_equal(x, [[5, 1], [1, 1]])


@pytest.mark.parametrize("floatx", ["float16", "bfloat16"])
def test_floatx_is_the_default_dtype(floatx):
    before = lamella.backend.floatx()
    lamella.backend.set_floatx(floatx)
    try:
        for made in (
            ops.zeros((2,)), ops.ones((2,)), ops.full((2,), 3), ops.eye(2), ops.identity(2), ops.tri(2),
            ops.linspace(0, 1, 3), ops.logspace(0, 1, 3), ops.arange(3.0), ops.hamming(5), ops.kaiser(5, 2.0),
            ops.array(1.5), ops.sin(1), ops.mean([1, 2]), ops.divide(1, 2),
        ):  # fmt: skip
            assert str(made.dtype) == floatx
        assert str(ops.arange(3).dtype) == "int32"
    finally:
        lamella.backend.set_floatx(before)


def test_sizes_may_be_anything_that_counts():
    assert ops.zeros((np.int64(2), np.asarray(3))).shape == (2, 3)
    assert ops.eye(np.int32(2)).shape == (2, 2)
    assert ops.hamming(np.asarray(4)).shape == (4,)


def test_likes_are_drawn_with_the_unknown_size():
    x = KerasTensor((None, 3), "int8")
    for name in ("zeros_like", "ones_like", "empty_like", "copy"):
        assert (getattr(ops, name)(x).shape, getattr(ops, name)(x).dtype) == ((None, 3), "int8")
    assert ops.full_like(x, 2, dtype="bfloat16").dtype == "bfloat16"


def test_empty_has_the_shape_and_the_dtype():
    made = ops.empty((2, 0, 3), "int8")
    assert made.shape == (2, 0, 3) and str(made.dtype) == "int8"


def test_text_is_not_numbers():
    with pytest.raises((DTypeError, ValueError)):
        ops.add(ops.array("text"), 1)


def test_a_compiled_program_makes_constants(backend):
    if backend == "numpy":
        pytest.skip("the numpy backend has no compiler")

    @jax.jit
    def program(x):
        line = ops.linspace(0.0, x, 4)
        return ops.add(ops.diag(line), ops.full((4, 4), x)) + ops.eye(4) + ops.arange(4)

    expected = np.diag(np.linspace(0, 3, 4)) + 3 + np.eye(4) + np.arange(4)
    np.testing.assert_allclose(program(jnp.float32(3)), expected, rtol=1e-6)
