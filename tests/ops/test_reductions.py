"""Reductions: laws that hold for all values, half precision, and the gradients agreed on at ties."""

import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings

import lamella.backend
from lamella import ops
from lamella.core._keras_tensor import KerasTensor

MATRICES = hnp.arrays(
    np.float32, hnp.array_shapes(min_dims=2, max_dims=2, max_side=5), elements=st.floats(-100, 100, width=32)
)
few = settings(max_examples=40, deadline=None)


@pytest.fixture(params=["jax", "numpy"], autouse=True, scope="module")
def backend(request):
    with lamella.backend.use(request.param), np.errstate(all="ignore"):
        yield request.param


def numpy(x):
    return np.asarray(ops.convert_to_numpy(x))


@few
@given(MATRICES)
def test_reducing_all_axes_is_reducing_one_after_another(x):
    for name in ("max", "min", "any", "all", "count_nonzero"):
        op = getattr(ops, name)
        second = ops.sum if name == "count_nonzero" else op
        np.testing.assert_array_equal(numpy(op(x)), numpy(second(op(x, axis=0))))


@few
@given(MATRICES)
def test_mean_times_count_is_sum(x):
    np.testing.assert_allclose(numpy(ops.mean(x, axis=1)) * x.shape[1], numpy(ops.sum(x, axis=1)), rtol=1e-5, atol=1e-4)


@few
@given(MATRICES)
def test_variance_ignores_a_constant_shift(x):
    np.testing.assert_allclose(numpy(ops.var(x + 8)), numpy(ops.var(x)), rtol=1e-3, atol=1e-3)


@few
@given(MATRICES)
def test_the_argmax_is_where_the_max_is(x):
    np.testing.assert_array_equal(x.reshape(-1)[numpy(ops.argmax(x))], numpy(ops.max(x)))
    np.testing.assert_array_equal(x.reshape(-1)[numpy(ops.argmin(x))], numpy(ops.min(x)))


@few
@given(MATRICES)
def test_the_last_running_total_is_the_total(x):
    np.testing.assert_allclose(numpy(ops.cumsum(x, axis=1))[:, -1], numpy(ops.sum(x, axis=1)), rtol=1e-4, atol=1e-3)


@few
@given(MATRICES)
def test_without_nan_the_nan_versions_are_the_plain_ones(x):
    for name in ("sum", "prod", "mean", "var", "std", "max", "min", "median", "argmax", "argmin", "cumsum"):
        plain, tolerant = getattr(ops, name)(x, axis=1), getattr(ops, "nan" + name)(x, axis=1)
        np.testing.assert_allclose(numpy(tolerant), numpy(plain), rtol=1e-4, atol=1e-3, err_msg=name)


@few
@given(MATRICES)
def test_quantiles_grow_from_the_smallest_to_the_largest(x):
    values = numpy(ops.quantile(x, [0.0, 0.25, 0.5, 0.75, 1.0], axis=1))
    np.testing.assert_array_equal(values[0], x.min(axis=1))
    np.testing.assert_array_equal(values[-1], x.max(axis=1))
    assert (np.diff(values, axis=0) >= -1e-4).all()
    np.testing.assert_allclose(values[2], numpy(ops.median(x, axis=1)), rtol=1e-5, atol=1e-5)


def test_quantiles_beside_infinities_are_not_nan():
    x = np.asarray([-np.inf, 1.0, np.inf], "float32")
    np.testing.assert_array_equal(numpy(ops.quantile(x, [0.0, 0.5, 1.0])), x)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_is_added_up_in_float32(dtype):
    x = np.full((4096,), 0.1).astype(getattr(ml_dtypes, dtype, dtype))
    exact = x.astype("float64").sum()
    rounding = 2.0**-8 if dtype == "bfloat16" else 2.0**-11
    assert abs(float(ops.sum(x)) - exact) <= exact * rounding
    assert abs(float(ops.mean(x)) - exact / 4096) <= exact / 4096 * rounding
    assert float(ops.var(x)) < 1e-10
    assert str(ops.sum(x).dtype) == dtype


def test_drawn_reductions_keep_what_they_do_not_touch():
    x = KerasTensor((None, 3, 4))
    assert ops.sum(x, axis=1).shape == (None, 4)
    assert ops.mean(x, axis=(1, 2), keepdims=True).shape == (None, 1, 1)
    assert ops.max(x, axis=0).shape == (3, 4)
    assert ops.argmax(x, axis=-1).dtype == "int32"
    assert ops.quantile(x, [0.1, 0.9], axis=-1).shape == (2, None, 3)
    assert ops.cumsum(x).shape == (None,)


@pytest.mark.parametrize(
    ("fn", "at", "expected"),
    [
        pytest.param(ops.max, [3.0, 1.0, 3.0, 3.0], [1 / 3, 0, 1 / 3, 1 / 3], id="max"),
        pytest.param(ops.min, [3.0, 1.0, 1.0], [0, 0.5, 0.5], id="min"),
        pytest.param(ops.amax, [2.0, 2.0], [0.5, 0.5], id="amax"),
        pytest.param(ops.nanmax, [np.nan, 2.0, 2.0], [0, 0.5, 0.5], id="nanmax"),
        pytest.param(ops.nansum, [np.nan, 2.0], [0, 1], id="nansum"),
        pytest.param(ops.nanmean, [np.nan, 2.0, 4.0], [0, 0.5, 0.5], id="nanmean"),
        pytest.param(ops.nanvar, [np.nan, 1.0, 3.0], [0, -1, 1], id="nanvar"),
        pytest.param(ops.nanmedian, [np.nan, 1.0, 3.0], [0, 0.5, 0.5], id="nanmedian"),
        pytest.param(ops.median, [5.0, 1.0, 3.0], [0, 0, 1], id="median"),
        pytest.param(ops.prod, [0.0, 2.0, 3.0], [6, 0, 0], id="prod"),
        pytest.param(ops.prod, [0.0, 0.0, 3.0], [0, 0, 0], id="prod of zeros"),
        pytest.param(lambda x: ops.cumprod(x)[-1], [0.0, 2.0, 3.0], [6, 0, 0], id="cumprod"),
        pytest.param(lambda x: ops.max(x, initial=2.0), [1.0, 3.0], [0, 1], id="max with initial"),
        pytest.param(lambda x: ops.max(x, initial=2.0), [1.0, 2.0], [0, 0.5], id="max equal to initial"),
    ],
)
def test_gradient_at_ties(fn, at, expected, backend):
    if backend == "numpy":
        pytest.skip("the numpy backend has no gradients")
    grad = jax.grad(lambda x: jnp.sum(fn(x)))(jnp.asarray(at, "float32"))
    np.testing.assert_allclose(grad, expected, rtol=1e-6)
