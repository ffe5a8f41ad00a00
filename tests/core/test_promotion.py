"""The lattice on which dtypes meet, for all pairs, beside `keras.backend.result_type` and `jax.numpy`."""

import itertools

import jax.numpy as jnp
import numpy as np
import pytest
from beside_keras import beside_keras

from lamella import ops
from lamella.backend import _dtypes, standardize_dtype, use
from lamella.backend._result_type import result_type
from lamella.core import _arrays
from lamella.errors import ArgumentError, DTypeError

keras = pytest.importorskip("keras")

STORED = ("bool", *_dtypes.INT_TYPES, *_dtypes.FLOAT_TYPES[:4], *_dtypes.COMPLEX_TYPES)
WEAK = {int: 1, float: 1.0, complex: 1j}
NATIVE = [d for d in STORED if not d.endswith(("64", "128")) or d == "complex64"]  # what JAX stores by default


def answer(function, *dtypes):
    try:
        return function(*dtypes)
    except (ValueError, TypeError) as error:
        return next(c for c in type(error).__mro__ if c.__module__ == "builtins")


@pytest.mark.parametrize("first", [*STORED, None, int, float, complex, bool], ids=str)
def test_all_pairs(first):
    for second in [*STORED, None, int, float, complex, bool]:
        theirs = answer(keras.backend.result_type, first, second)
        ours = answer(result_type, first, second)
        assert ours == theirs or (isinstance(theirs, type) and issubclass(ours, theirs)), (first, second)


@pytest.mark.parametrize(
    "three", [("int8", "uint8", "bool"), ("int32", "float16", "bfloat16"), (int, "uint8", float), ("bool", int)]
)
def test_several(three):
    assert result_type(*three) == keras.backend.result_type(*three)


def test_none_and_strange_ones():
    assert result_type() == keras.backend.result_type()
    for bad in ("strange", "float8_e4m3fn"):
        with pytest.raises(ValueError):
            keras.backend.result_type("float32", bad)
        with pytest.raises((ArgumentError, DTypeError)):
            result_type("float32", bad)


def test_join_is_commutative_associative_and_idempotent():
    names = [*STORED, "int", "float", "complex"]
    join = lambda *d: _dtypes.join(frozenset(d))  # noqa: E731
    for a, b in itertools.combinations_with_replacement(names, 2):
        assert join(a, b) == join(b, a)
        assert join(a, join(a, b)) == join(a, b)
    for a, b, c in itertools.combinations(names, 3):
        if {a, b, c} & {"float16", "bfloat16"}:
            assert join(a, b, c) == join(join(a, b), c) == join(a, join(b, c))
        assert join(a, a) == a


@pytest.mark.parametrize("a", NATIVE)
def test_add_of_arrays_is_that_of_jax(a):
    for b in NATIVE:
        x, y = jnp.ones(2, a), jnp.ones(2, b)
        assert str(ops.add(x, y).dtype) == str((x + y).dtype) == result_type(a, b), (a, b)


@pytest.mark.parametrize("a", NATIVE)
def test_python_scalars_are_weak(a):
    for kind, scalar in WEAK.items():
        expected = str((jnp.ones(2, a) + scalar).dtype)
        assert str(ops.add(jnp.ones(2, a), scalar).dtype) == expected, (a, kind)
        assert result_type(a, kind) == expected


@pytest.mark.parametrize("a", STORED)
def test_the_numpy_backend_keeps_what_jax_narrows(a):
    with use("numpy"):
        for b in STORED:
            expected = _dtypes.join_dtypes([a, b])
            assert str(ops.add(np.ones(2, a if a != "bfloat16" else "float32"), np.ones(2, "bool")).dtype) != "object"
            assert result_type(a, b) == expected


@beside_keras
@pytest.mark.parametrize(
    "dtype",
    [*STORED, "string", "float8_e4m3fn", "float8_e5m2", "int", None, int, float, bool, complex, str, np.float32, np.dtype("int8"), jnp.bfloat16,
     jnp.dtype("uint8"), "floaty", "", 3],
    ids=str,
)  # fmt: skip
def test_standardize_dtype(keras, dtype):
    return keras.backend.standardize_dtype(dtype)


@beside_keras
@pytest.mark.parametrize("dtype", [*STORED, "string", "int", None, int, float])
def test_kinds_of_dtypes(keras, dtype):
    return [keras.backend.is_float_dtype(dtype), keras.backend.is_int_dtype(dtype)]


def test_names_of_other_libraries():
    class TorchLike:
        def __str__(self):
            return "torch.float16"

    assert standardize_dtype(TorchLike()) == "float16"
    assert standardize_dtype("half") == "float16"
    assert standardize_dtype("double") == "float64"


def test_promote_brings_all_to_one():
    xp, a, b, c = _arrays.promote(np.ones(2, "int8"), 2, jnp.ones(2, "bfloat16"))
    assert xp is jnp
    assert {str(x.dtype) for x in (a, b, c)} == {"bfloat16"}
    _, d, e = _arrays.promote_float(np.ones(2, "int8"), True)
    assert str(d.dtype) == str(e.dtype) == "float32"
    assert _arrays.dtype_of(1) == "int32"
    assert _arrays.dtype_of([1.0]) == "float32"
    assert str(_arrays.cast([1, 2], "float16").dtype) == "float16"


@beside_keras
@pytest.mark.parametrize("value", ["float16", "bfloat16", "float32", "float8", "int32", None, 3])
def test_set_floatx(keras, value):
    keras.config.set_floatx(value)
    return [keras.config.floatx(), keras.backend.floatx(), keras.ops.ones((1,)), keras.Variable("zeros", shape=(1,))]


@beside_keras
@pytest.mark.parametrize("value", ["channels_first", "channels_last", "Channels_First", "NHWC", None])
def test_set_image_data_format(keras, value):
    before = keras.config.image_data_format()
    try:
        keras.config.set_image_data_format(value)
        return [before, keras.config.image_data_format(), keras.backend.image_data_format()]
    finally:
        keras.config.set_image_data_format("channels_last")


@beside_keras
def test_epsilon(keras):
    before = keras.config.epsilon()
    try:
        keras.config.set_epsilon(1e-3)
        return [before, keras.backend.epsilon()]
    finally:
        keras.config.set_epsilon(before)


@pytest.mark.parametrize("dtype", ["int8", "uint16", "int32", "float16", "bfloat16", "float32", "bool"])
def test_finite_range(dtype):
    low, high = _dtypes.finite_range(dtype)
    assert low <= 0 < high
    if dtype not in ("bool", "bfloat16"):
        info = np.iinfo(dtype) if "int" in dtype else np.finfo(dtype)
        assert (low, high) == (info.min, info.max)


@pytest.mark.parametrize("number", [-1, 255, 300, -129, 2**31 - 1])
@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16"])
def test_python_integers_wrap_around_beside_small_ones(dtype, number):
    @beside_keras
    def test(keras):
        ops, x = keras.ops, np.arange(3, dtype=dtype)
        both = [getattr(ops, name)(x, number) for name in ("add", "maximum", "less", "bitwise_and", "full_like")]
        return *both, ops.where(x > 1, x, number), ops.full((2,), number, dtype=dtype)

    test()


def test_integers_beyond_int32_are_refused():
    with pytest.raises(OverflowError):
        ops.add(np.ones(1, "int32"), 2**40)
    with pytest.raises(OverflowError):
        ops.cast(300, "uint8")
