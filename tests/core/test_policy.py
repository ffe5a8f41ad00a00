"""Dtype policies: what they say, how they are found, and what layers make of them."""

import subprocess
import sys

import numpy as np
import pytest
from beside_keras import beside_keras

import lamella
from lamella import layers

NAMES = [
    "float32",
    "float16",
    "bfloat16",
    "mixed_bfloat16",
    "mixed_float16",
    "int32",
    "uint8",
    "bool",
    "string",
    "complex64",
    "float8_e4m3fn",
    None,
    "",
    "mixed_float32",
    "int",
    "strange",
    3,
    np.float32,
]


@beside_keras
@pytest.mark.parametrize("name", NAMES, ids=str)
def test_policy(keras, name):
    policy = keras.DTypePolicy(name)
    return [
        policy.name,
        policy.compute_dtype,
        policy.variable_dtype,
        policy.quantization_mode,
        policy.get_config(),
        repr(policy),
    ]


@beside_keras
@pytest.mark.parametrize(
    "identifier",
    [*(n for n in NAMES if n != "float8_e4m3fn"), "policy", "config", ["float32"], {}, {"class_name": "DTypePolicy"}],
    ids=str,
)
def test_get(keras, identifier):
    if identifier == "policy":
        identifier = keras.DTypePolicy("mixed_bfloat16")
    if identifier == "config":
        identifier = keras.dtype_policies.serialize(keras.DTypePolicy("mixed_bfloat16"))
    return keras.dtype_policies.get(identifier)


@beside_keras
@pytest.mark.parametrize("name", ["float32", "mixed_bfloat16"])
def test_config_round_trip(keras, name):
    config = keras.dtype_policies.serialize(keras.DTypePolicy(name))
    again = keras.dtype_policies.deserialize(config)
    return [config, again, again == keras.DTypePolicy(name), type(again).__name__]


@beside_keras
def test_equality(keras):
    a, b, c = keras.DTypePolicy("float32"), keras.DTypePolicy("float32"), keras.DTypePolicy("mixed_bfloat16")
    return [a == b, a == c, a != c, a == "float32"]


@beside_keras
def test_float_policy(keras):
    return [keras.FloatDTypePolicy("mixed_float16"), keras.dtype_policies.FloatDTypePolicy("float32").compute_dtype]


@beside_keras
def test_the_global_policy(keras):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    made = [
        keras.layers.Dense(1).dtype_policy,
        keras.DTypePolicy(None),
        keras.layers.Dense(1, dtype="float16").dtype_policy,
    ]
    keras.mixed_precision.set_global_policy(keras.DTypePolicy("float16"))
    return [before, made, keras.mixed_precision.dtype_policy(), keras.mixed_precision.global_policy()]


@beside_keras
@pytest.mark.parametrize("policy", [None, 3, "strange", {"a": 1}, np.float32], ids=str)
def test_the_global_policy_is_checked(keras, policy):
    keras.config.set_dtype_policy(policy)
    return keras.config.dtype_policy()


@beside_keras
def test_floatx_is_the_policy_until_one_is_set(keras):
    keras.config.set_floatx("float16")
    return [
        keras.Variable("zeros", shape=(1,)).dtype,
        keras.ops.ones(2),
        keras.Input((2,)).dtype,
        keras.random.normal((1,)).dtype,
    ]


@beside_keras
@pytest.mark.parametrize("x", ["float32", "float16", "float64", "int32", "bool", "uint8"])
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "float32", "float16"])
@pytest.mark.parametrize("autocast", [True, False])
def test_autocast_of_inputs(keras, policy, x, autocast):
    class Reveal(keras.layers.Layer):
        def call(self, x, more=None):
            return x if more is None else [x, more]

    layer = Reveal(dtype=policy, autocast=autocast)
    a = np.ones((1, 2), x)
    return [
        layer(a),
        layer(keras.ops.convert_to_tensor(a)),
        layer({"a": a, "b": [a, keras.ops.convert_to_tensor(a)]}),
        layer(a, more=a),
        layer(keras.KerasTensor((None, 2), x if x != "float64" else "float32")),
        layer(keras.Variable(a)),
    ]


@beside_keras
def test_values_that_are_no_tensors_pass_through(keras):
    class Reveal(keras.layers.Layer):
        def call(self, x, flag=None, rate=0.5, name=None):
            return x, [repr(flag), repr(rate), repr(name)]

    return Reveal(dtype="mixed_bfloat16")(np.ones((1,), "float32"), flag=True, rate=0.25, name="n")


@beside_keras
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16", "bfloat16", "float16", "float32"])
def test_a_layer_under_each_policy(keras, policy):
    layer = keras.layers.Dense(2, kernel_initializer="ones", dtype=policy)
    y = layer(np.ones((1, 3), "float32"))
    symbolic = layer(keras.KerasTensor((None, 3)))
    return [
        y,
        symbolic,
        layer.dtype,
        layer.compute_dtype,
        layer.variable_dtype,
        layer.input_dtype,
        layer.dtype_policy,
        layer.kernel.dtype,
        layer.get_config()["dtype"],
        layer.quantization_mode,
    ]


@beside_keras
@pytest.mark.parametrize("dtype", [np.float16, "float16", None, "strange", 7])
def test_dtype_argument_of_layers(keras, dtype):
    return keras.layers.Dense(1, dtype=dtype).dtype_policy


@beside_keras
def test_dtype_argument_may_be_a_policy_or_a_configuration(keras):
    policy = keras.DTypePolicy("mixed_bfloat16")
    config = keras.dtype_policies.serialize(policy)
    return [keras.layers.Dense(1, dtype=d).dtype_policy for d in (policy, config)]


@beside_keras
def test_the_policy_of_a_layer_can_be_set(keras):
    layer = keras.layers.Dense(1)
    layer.dtype_policy = "mixed_bfloat16"
    return [layer.dtype_policy, layer(np.ones((1, 2), "float32")).dtype.name, layer.kernel.dtype]


@beside_keras
@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_convert_input(keras, dtype):
    policy = keras.DTypePolicy(dtype)
    out = []
    for x in (np.ones(2, "float64"), np.ones(2, "int32"), keras.ops.ones(2), keras.KerasTensor((2,)), 3, None, "a"):
        for autocast in (True, False):
            out.append(policy.convert_input(x, autocast, policy.compute_dtype))
    return out


def test_policies_of_layers_in_a_model():
    lamella.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = lamella.Sequential([layers.Input((3,)), layers.Dense(2), layers.Dense(1, dtype="float32")])
    finally:
        lamella.config.set_dtype_policy("float32")
    assert [layer.compute_dtype for layer in model.layers] == ["bfloat16", "float32"]
    assert str(model(np.ones((1, 3), "float32")).dtype) == "float32"


FLOAT64 = """
import numpy as np, lamella
layer = lamella.layers.Dense(2, dtype="float64")
assert layer(np.ones((1, 3))).dtype == "float64"
assert layer(np.ones((1, 3), "float32")).dtype == "float64"
assert layer.kernel.dtype == "float64" and layer.kernel.numpy().dtype == "float64"
assert lamella.layers.Dense(2)(np.ones((1, 3))).dtype == "float32"
x = np.random.default_rng(0).normal(size=(5, 3))
assert np.abs(layer(x).__array__() - x @ layer.kernel.numpy()).max() < 1e-15
# Elsewhere what NumPy makes by habit is stored as before; what was asked for is given.
ops = lamella.ops
assert ops.convert_to_tensor(x).dtype == ops.add(x, 1).dtype == ops.mean(np.arange(3)).dtype == "float32"
assert ops.convert_to_tensor(np.arange(3)).dtype == ops.sum(np.arange(3)).dtype == "int32"
assert ops.cast(x, "float64").dtype == ops.add(x, ops.ones(3, dtype="float64")).dtype == "float64"
lamella.config.set_floatx("float64")
assert lamella.config.dtype_policy().name == "float64"
x = lamella.Input((3,))
model = lamella.Model(x, lamella.layers.Dense(1, kernel_initializer="ones")(x))
assert model(np.full((1, 3), 1 / 3)).dtype == "float64" and x.dtype == "float64"
assert abs(float(model(np.full((1, 3), 1 / 3))[0, 0]) - 1) < 1e-15
model.compile("sgd", "mse")
model.fit(np.ones((4, 3)), np.ones((4, 1)), verbose=0)
assert model.predict(np.ones((4, 3)), verbose=0).dtype == "float64"
print("fine")
"""


def test_float64_in_a_process_of_its_own():
    done = subprocess.run([sys.executable, "-c", FLOAT64], capture_output=True, text=True)
    assert done.stdout.strip() == "fine", done.stderr
