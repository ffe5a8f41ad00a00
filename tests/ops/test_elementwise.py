"""Elementwise ops: laws that hold for all values, and the gradients agreed on where functions have kinks.

What each op answers for which dtypes stands in tests/parity/ops.
"""

import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings

import lamella.backend
from lamella import ops
from lamella.core._keras_tensor import KerasTensor
from lamella.core._variable import Variable
from lamella.errors import ShapeError

FLOATS = hnp.arrays(
    np.float32,
    hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
    elements=st.floats(-1e6, 1e6, width=32, allow_subnormal=False),
)
INTS = hnp.arrays(np.int32, (5,), elements=st.integers(-1000, 1000))
few = settings(max_examples=40, deadline=None)


@pytest.fixture(params=["jax", "numpy"], autouse=True, scope="module")
def backend(request):
    with lamella.backend.use(request.param), np.errstate(all="ignore"):
        yield request.param


def numpy(x):
    return np.asarray(ops.convert_to_numpy(x))


@few
@given(FLOATS)
def test_subtract_undoes_add_exactly_for_itself(x):
    np.testing.assert_array_equal(numpy(ops.subtract(ops.add(x, x), x)), x)


@few
@given(INTS, INTS.filter(lambda y: (y != 0).all()))
def test_division_with_remainder(x, y):
    quotient, rest = numpy(ops.floor_divide(x, y)), numpy(ops.mod(x, y))
    np.testing.assert_array_equal(quotient * y + rest, x)
    assert ((rest == 0) | (np.sign(rest) == np.sign(y))).all()
    rest = numpy(ops.fmod(x, y))
    assert ((rest == 0) | (np.sign(rest) == np.sign(x))).all()


@few
@given(INTS, INTS)
def test_gcd_times_lcm_is_the_product(x, y):
    np.testing.assert_array_equal(numpy(ops.multiply(ops.gcd(x, y), ops.lcm(x, y))), np.abs(x * y))


@few
@given(FLOATS)
def test_absolute_is_sign_times_value(x):
    np.testing.assert_array_equal(numpy(ops.absolute(x)), numpy(ops.multiply(ops.sign(x), x)))


@few
@given(
    FLOATS, st.floats(-100, 100, width=32, allow_subnormal=False), st.floats(-100, 100, width=32, allow_subnormal=False)
)
def test_clip_stays_within_its_bounds_and_is_idempotent(x, a, b):
    low, high = min(a, b), max(a, b)
    once = ops.clip(x, low, high)
    assert ((numpy(once) >= low) & (numpy(once) <= high)).all()
    np.testing.assert_array_equal(numpy(ops.clip(once, low, high)), numpy(once))


@few
@given(FLOATS)
def test_order_of_rounding(x):
    below, above = numpy(ops.floor(x)), numpy(ops.ceil(x))
    for rounded in (ops.round(x), ops.trunc(x)):
        assert ((below <= numpy(rounded)) & (numpy(rounded) <= above)).all()


@few
@given(FLOATS)
def test_logic_follows_de_morgan(x):
    y = np.roll(x, 1) if x.ndim else x
    left = ops.logical_not(ops.logical_and(x, y))
    right = ops.logical_or(ops.logical_not(x), ops.logical_not(y))
    np.testing.assert_array_equal(numpy(left), numpy(right))


@few
@given(INTS, INTS)
def test_bits_of_xor(x, y):
    either, both = ops.bitwise_or(x, y), ops.bitwise_and(x, y)
    np.testing.assert_array_equal(numpy(ops.bitwise_xor(x, y)), numpy(ops.subtract(either, both)))


@few
@given(hnp.arrays(np.float32, (6,), elements=st.floats(-80, 80, width=32, allow_subnormal=False)))
def test_logaddexp_of_equal_values_adds_log_two(x):
    np.testing.assert_allclose(numpy(ops.logaddexp(x, x)), x + np.float32(np.log(2)), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(numpy(ops.logaddexp2(x, x)), x + 1, rtol=1e-6, atol=1e-6)


def test_ufuncs_leave_their_arguments_alone():
    x = np.asarray([np.nan, -1.0, np.inf], "float32")
    for name in ("nan_to_num", "clip", "absolute", "fmax"):
        getattr(ops, name)(
            *((x,) if name in ("nan_to_num", "absolute") else (x, 0.0, 1.0)[: 3 if name == "clip" else 2])
        )
    np.testing.assert_array_equal(x, np.asarray([np.nan, -1.0, np.inf], "float32"))


def test_operators_of_variables_and_symbolic_tensors_are_these_ops():
    v = Variable(np.asarray([1.0, -2.0], "float32"))
    np.testing.assert_array_equal(numpy(2 - v), [1.0, 4.0])
    np.testing.assert_array_equal(numpy(abs(-v)), [1.0, 2.0])
    np.testing.assert_array_equal(numpy(v // 2), [0.0, -1.0])
    drawn = KerasTensor((None, 2)) > 1
    assert (drawn.shape, drawn.dtype) == ((None, 2), "bool")


def test_shapes_that_cannot_broadcast_are_told_when_drawn_with_an_unknown_size():
    with pytest.raises(ShapeError, match=r"ops\.add got incompatible shapes"):
        ops.add(KerasTensor((None, 3)), KerasTensor((None, 4)))
    assert ops.add(KerasTensor((None, 3)), KerasTensor((5, 3))).shape == (5, 3)


X = [-1.0, 0.0, 1.0, 2.0]


@pytest.mark.parametrize(
    ("fn", "at", "expected"),
    [
        pytest.param(ops.absolute, X, [-1, 0, 1, 1], id="absolute"),
        pytest.param(ops.abs, X, [-1, 0, 1, 1], id="abs"),
        pytest.param(ops.fabs, X, [-1, 0, 1, 1], id="fabs"),
        pytest.param(lambda x: ops.maximum(x, 0.0), X, [0, 0.5, 1, 1], id="maximum"),
        pytest.param(lambda x: ops.minimum(1.0, x), X, [1, 1, 0.5, 0], id="minimum"),
        pytest.param(lambda x: ops.fmax(x, 0.0), X, [0, 0.5, 1, 1], id="fmax"),
        pytest.param(lambda x: ops.fmin(1.0, x), X, [1, 1, 0.5, 0], id="fmin"),
        pytest.param(lambda x: ops.clip(x, 0.0, 1.0), X, [0, 0.5, 0.5, 0], id="clip"),
        pytest.param(lambda x: ops.clip(x, x, 1.0), X, [1, 1, 0.5, 0], id="clip by itself"),
        pytest.param(ops.sign, X, [0, 0, 0, 0], id="sign"),
        pytest.param(ops.round, [0.5, 1.5], [0, 0], id="round"),
        pytest.param(ops.floor, [0.5, 1.0], [0, 0], id="floor"),
        pytest.param(ops.sinc, [0.0], [0.0], id="sinc"),
        pytest.param(lambda x: ops.divide_no_nan(x, x), [0.0, 2.0], [0, 0], id="divide_no_nan"),
        pytest.param(lambda x: ops.divide_no_nan(1.0, x), [0.0, 2.0], [0, -0.25], id="divide_no_nan denominator"),
        pytest.param(ops.nan_to_num, [np.nan, np.inf, 1.0], [0, 0, 1], id="nan_to_num"),
        pytest.param(lambda x: ops.fmax(x, 1.0), [np.nan, 2.0], [0, 1], id="fmax of NaN"),
        pytest.param(lambda x: ops.power(x, 2), X, [-2, 0, 2, 4], id="power"),
        pytest.param(ops.cbrt, [-8.0], [1 / 12], id="cbrt"),
        pytest.param(lambda x: ops.hypot(x, 0.0), [-1.0, 2.0], [-1, 1], id="hypot"),
        pytest.param(lambda x: ops.logaddexp(x, x), [0.0, 3.0], [1, 1], id="logaddexp"),
    ],
)
def test_gradient_at_ties_and_kinks(fn, at, expected, backend):
    if backend == "numpy":
        pytest.skip("the numpy backend has no gradients")
    grad = jax.grad(lambda x: jnp.sum(fn(x)))(jnp.asarray(at, "float32"))
    np.testing.assert_allclose(grad, expected, rtol=1e-6)


def test_abs_of_signed_zero_is_positive():
    assert not numpy(ops.signbit(ops.absolute(np.asarray([-0.0, 0.0], "float32")))).any()


def test_portable_definitions_agree_with_the_library(backend):
    """What an adapter inherits when its library has no such function."""
    from lamella.backend._elementwise import Elementwise
    from lamella.backend._registry import active

    adapter, rng = active(), np.random.default_rng(3)
    x, y = (adapter.asarray(rng.uniform(-3, 3, (50,)).astype("float32")) for _ in range(2))
    m, n = (adapter.asarray(rng.integers(-40, 40, (50,)).astype("int32")) for _ in range(2))
    for name, args in {
        "exp2": (x,), "cbrt": (x,), "sinc": (x,), "logaddexp2": (x, y), "fmod": (x, y), "ldexp": (x, n),
        "gcd": (m, n), "lcm": (m, n), "i0": (x,),
    }.items():  # fmt: skip
        portable = getattr(Elementwise, name)(adapter, *args)
        np.testing.assert_allclose(numpy(portable), numpy(getattr(adapter, name)(*args)), rtol=3e-6, err_msg=name)
    infinite = adapter.asarray(np.asarray([np.inf, -np.inf, np.inf], "float32"))
    other = adapter.asarray(np.asarray([np.inf, -np.inf, -np.inf], "float32"))
    np.testing.assert_array_equal(numpy(Elementwise.logaddexp2(adapter, infinite, other)), [np.inf, -np.inf, np.inf])
