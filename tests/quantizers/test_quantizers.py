"""Quantizers and the policies of quantized dtypes, beside those of Keras."""

import json

import numpy as np
import pytest

import lamella
from lamella import quantizers as ours
from lamella.errors import ArgumentError, DTypeError, ShapeError

keras = pytest.importorskip("keras")
theirs = keras.quantizers

DRAW = np.random.default_rng(5)
X = DRAW.normal(size=(5, 6)).astype("float32")


@pytest.fixture(autouse=True)
def on_numpy():
    with lamella.backend.use("numpy"):
        yield


def same(name, *args, **kwargs):
    actual, expected = getattr(ours, name)(*args, **kwargs), getattr(theirs, name)(*args, **kwargs)
    for a, e in zip(keras.tree.flatten(actual), keras.tree.flatten(expected)):
        assert str(getattr(a, "dtype", "")) == str(getattr(e, "dtype", ""))
        np.testing.assert_allclose(
            np.asarray(a, "float64"), np.asarray(e, "float64"), rtol=1e-6, atol=1e-6, err_msg=name
        )


@pytest.mark.parametrize(
    "options",
    [
        {"axis": 0},
        {"axis": -1, "to_numpy": True},
        {"axis": (0, 1), "value_range": (-8, 7)},
        {"axis": 0, "dtype": "int16"},
    ],
    ids=str,
)
def test_integers_by_the_largest_value(options):
    for x in (X, X.astype("float16"), np.zeros_like(X)):
        same("abs_max_quantize", x, **options)


@pytest.mark.parametrize("block_size", [2, 5, 9])
def test_integers_by_blocks(block_size):
    for x in (X, np.abs(X) + 1, np.zeros_like(X)):
        same("abs_max_quantize_grouped_with_zero_point", x, block_size)
    same("abs_max_quantize_grouped_with_zero_point", X, block_size, to_numpy=True)


def test_float8():
    for dtype in ("float8_e4m3fn", "float8_e5m2"):
        same("quantize_and_dequantize", X * 300, np.float32(0.5), dtype, "float32")
    for amax in (3.0, 0.0, np.inf):
        same("compute_float8_scale", np.float32(amax), np.float32(2.0), 448.0, margin=1)
    same("compute_float8_amax_history", X, np.array([1.0, 2.0, 3.0], "float32"))


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_four_bits(axis):
    for dtype, low in (("int8", -8), ("uint8", 0)):
        x = DRAW.integers(low, low + 16, (3, 5)).astype(dtype)
        same("pack_int4", x, axis, dtype)
        packed, shape, length = ours.pack_int4(x, axis, dtype)
        assert shape == packed.shape and length == x.shape[axis]
        np.testing.assert_array_equal(ours.unpack_int4(packed, length, axis, dtype), x)


@pytest.mark.parametrize(
    "options", [{}, {"num_bits": 2}, {"num_bits": 4, "narrow_range": True}, {"num_bits": 1}], ids=str
)
def test_fake_quantization(options):
    y = np.linspace(-2, 3, 11).astype("float32")
    for bounds in ((-1.0, 2.0), (1.0, 2.0), (-2.0, -1.0)):
        same("fake_quant_with_min_max_vars", y, *bounds, **options)
    same("fake_quant_with_min_max_vars", X, np.full(6, -1.0), np.linspace(0.5, 2, 6), axis=1, **options)


def test_the_gradient_of_fake_quantization_passes_inside_and_goes_to_the_bounds_outside():
    import jax

    with lamella.backend.use("jax"):
        y = np.array([-2.0, -0.4, 0.3, 5.0], "float32")
        rounded = jax.grad(lambda *a: ours.fake_quant_with_min_max_vars(*a, num_bits=3).sum(), argnums=(0, 1, 2))
        inside, below, above = rounded(y, -1.0, 1.0)
    assert inside.tolist() == [0.0, 1.0, 1.0, 0.0] and (float(below), float(above)) == (1.0, 1.0)


def test_quantizers_and_their_configurations():
    for options in ({}, {"axis": 0}, {"axis": (0, 1), "value_range": (-8, 7)}):
        mine, other = ours.AbsMaxQuantizer(**options), theirs.AbsMaxQuantizer(**options)
        assert mine.get_config() == other.get_config()
        for a, e in zip(mine(X), other(X)):
            np.testing.assert_allclose(np.asarray(a), np.asarray(e), rtol=1e-6)
        assert ours.get(json.loads(json.dumps(ours.serialize(mine)))).axis == mine.axis
    assert ours.get(None) is None and ours.get("AbsMaxQuantizer", axis=0).axis == (0,)
    assert lamella.Quantizer is ours.Quantizer
    with pytest.raises(ValueError, match="foo"):
        ours.get("foo")


@pytest.mark.parametrize("name", ["Int8QuantizationConfig", "Int4QuantizationConfig", "Float8QuantizationConfig"])
def test_configurations_of_quantization(name):
    mine, other = getattr(ours, name)(), getattr(theirs, name)()
    assert (mine.mode, mine.get_config()) == (other.mode, other.get_config())
    assert type(mine).from_config(mine.get_config()).get_config() == mine.get_config()


@pytest.mark.parametrize("name", ["GPTQConfig", "AWQConfig"])
def test_configurations_with_data(name):
    mine, other = (getattr(library, name)("data", "words", group_size=64) for library in (ours, theirs))
    assert mine.get_config() == other.get_config()
    assert mine.dtype_policy_string() == other.dtype_policy_string()
    for wrong in ({"weight_bits": 5}, {"num_samples": 0}, {"sequence_length": 0}, {"group_size": 0}):
        with pytest.raises(ArgumentError, match=next(iter(wrong))):
            getattr(ours, name)("data", "words", **wrong)


POLICIES = [
    "int8_from_float32",
    "int4_from_mixed_bfloat16",
    "float8_from_float32",
    "int4/128_from_float32",
    "gptq/4/-1_from_bfloat16",
    "awq/4/32_from_mixed_float16",
]


@pytest.mark.parametrize("name", POLICIES)
def test_policies_of_quantized_dtypes(name):
    mine, other = lamella.dtype_policies.get(name), keras.dtype_policies.get(name)
    for what in ("name", "compute_dtype", "variable_dtype", "quantization_mode"):
        assert getattr(mine, what) == getattr(other, what)
    assert (repr(mine), mine.get_config()) == (repr(other), other.get_config())
    assert lamella.dtype_policies.serialize(mine) == keras.dtype_policies.serialize(other)
    assert lamella.dtype_policies.deserialize(lamella.dtype_policies.serialize(mine)) == mine


@pytest.mark.parametrize(
    "name",
    [
        "int8",
        "int8_from_float16",
        "int9/3_from_float32",
        "int4/0_from_float32",
        "gptq/5/8_from_float32",
        "awq/8/8_from_float32",
    ],
)
def test_policies_that_there_are_not(name):
    with pytest.raises(ArgumentError):
        lamella.dtype_policies.get(name)


def test_policies_by_path():
    mine, other = (
        library.dtype_policies.DTypePolicyMap(default_policy=library.dtype_policies.DTypePolicy("float16"))
        for library in (lamella, keras)
    )
    for policies in (mine, other):
        policies["encoder/.*"] = "bfloat16"
        policies["decoder"] = "float32"
    for path in ("encoder/a", "a/encoder/b", "encoder", "decoder", "decoder/a"):
        assert mine[path].name == other[path].name
    assert (len(mine), list(mine), mine.name, mine.compute_dtype) == (len(other), list(other), other.name, "float16")
    again = lamella.dtype_policies.get(json.loads(json.dumps(lamella.dtype_policies.serialize(mine))))
    assert again == mine and again["encoder/a"].name == "bfloat16"
    with pytest.raises(ArgumentError, match="already exist"):
        mine["decoder"] = "float16"
    mine["enc.*"] = "float16"
    with pytest.raises(ArgumentError, match="multiple"):
        mine["encoder/a"]
    del mine["enc.*"]
    with pytest.raises(KeyError):
        del mine["enc.*"]


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: ours.abs_max_quantize_grouped_with_zero_point(X, 0), ArgumentError),
        (lambda: ours.abs_max_quantize_grouped_with_zero_point(X[0], 2), ShapeError),
        (lambda: ours.quantize_and_dequantize(X, 1.0, "int8", "float32"), ArgumentError),
        (lambda: ours.pack_int4(X), DTypeError),
        (lambda: ours.pack_int4(X, dtype="int16"), ArgumentError),
        (lambda: ours.unpack_int4(X, 3), DTypeError),
        (lambda: ours.Int4QuantizationConfig(block_size=0), ArgumentError),
        (lambda: ours.Int4QuantizationConfig(ours.AbsMaxQuantizer(axis=0)), ArgumentError),
        (lambda: ours.Int8QuantizationConfig(ours.AbsMaxQuantizer(output_dtype="int16")), ArgumentError),
        (lambda: ours.GPTQConfig(1, 2, hessian_damping=2.0), ArgumentError),
        (lambda: lamella.dtype_policies.QuantizedFloat8DTypePolicy("float8", "float32", 1.5), DTypeError),
        (lambda: lamella.dtype_policies.DTypePolicyMap(policy_map=3), DTypeError),
    ],
)
def test_mistakes_are_told(call, error):
    with pytest.raises(error):
        call()
