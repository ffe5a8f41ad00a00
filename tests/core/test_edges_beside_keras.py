"""Small calls at the edges, each beside Keras."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from beside_keras import beside_keras

import lamella

FAMILIES = {
    "initializers": lambda keras: keras.initializers.Zeros(),
    "regularizers": lambda keras: keras.regularizers.L2(),
    "constraints": lambda keras: keras.constraints.NonNeg(),
    "losses": lambda keras: keras.losses.MeanSquaredError(),
    "metrics": lambda keras: keras.metrics.MeanSquaredError(),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_made_already_comes_back_from_deserialize(family):
    made = FAMILIES[family](lamella)
    assert getattr(lamella, family).deserialize(made) is made


@pytest.mark.parametrize("family", ["initializers", "regularizers", "constraints", "activations"])
@beside_keras
def test_an_empty_configuration_is_refused(keras, family):
    return getattr(keras, family).deserialize({})


def _global_policy(keras, name):
    try:
        keras.config.set_dtype_policy(name)
        return keras.config.dtype_policy().name
    finally:
        keras.config.set_dtype_policy("float32")


EDGES = {
    "L1L2 of nothing": lambda keras: keras.regularizers.L1L2()(jnp.ones((2, 2))),
    "L1L2 of nothing, half": lambda keras: keras.regularizers.L1L2()(jnp.ones(2, "bfloat16")),
    "orthogonal zeros": lambda keras: keras.regularizers.OrthogonalRegularizer()(jnp.zeros((2, 2))),
    "orthogonal, no factor": lambda keras: keras.regularizers.OrthogonalRegularizer(None),
    "distribution in capitals": lambda keras: keras.initializers.VarianceScaling(distribution="Normal").get_config(),
    "orthogonal integers": lambda keras: keras.initializers.Orthogonal()((2, 2), dtype="int32"),
    "constant None": lambda keras: keras.initializers.Constant(None)((2,)),
    "softmax of nothing": lambda keras: keras.ops.softmax(jnp.zeros((3, 0))),
    "log_softmax of nothing": lambda keras: keras.ops.log_softmax(jnp.zeros((3, 0, 2)), axis=1),
    "randint without dtype": lambda keras: keras.random.randint((3,), 0, 9, None, seed=1),
    "shuffle beyond": lambda keras: keras.random.shuffle(np.ones((2, 3)), axis=2),
    "label beyond": lambda keras: keras.utils.to_categorical([0, 5], 3),
    "label below": lambda keras: keras.utils.to_categorical([-4], 3),
    "no classes": lambda keras: keras.utils.to_categorical([0, 1], 0),
    "no directory": lambda keras: keras.utils.image_dataset_from_directory("/there/is/none"),
    "trainable 3": lambda keras: keras.layers.Layer(trainable=3),
    "add_loss of text": lambda keras: keras.layers.Layer().add_loss("a"),
    "add_loss of None": lambda keras: keras.layers.Layer().add_loss(None),
    "supports_jit": lambda keras: keras.layers.Layer().supports_jit,
    "not compiled": lambda keras: keras.Sequential([keras.layers.Dense(1)]).get_compile_config(),
    "a quantized global policy": lambda keras: _global_policy(keras, "int8_from_float32"),
    "half a quantized policy": lambda keras: _global_policy(keras, "int8"),
    "a dtype of 8 bits as a class": lambda keras: keras.quantizers.quantize_and_dequantize(
        np.ones(3, "float32"), np.float32(1), jnp.float8_e4m3fn, "float32"
    ),
    "branches of different dtypes": lambda keras: keras.ops.cond(
        keras.KerasTensor((), "bool"), lambda: keras.ops.ones(2), lambda: keras.ops.ones(2, "int32")
    ),
    "a map of policies with the name of one": lambda keras: keras.dtype_policies.DTypePolicyMap("float16").get_config(),
    "synchronized moments": lambda keras: keras.ops.moments(np.ones((2, 2)), axes=0, synchronized=True),
    "a float as an index": lambda keras: [1, 2, 3][keras.Variable(1.0)],
    "policies by either name": lambda keras: [
        keras.dtype_policies.DTypePolicy("mixed_bfloat16") == keras.dtype_policies.FloatDTypePolicy("mixed_bfloat16"),
        keras.dtype_policies.FloatDTypePolicy("float16") == keras.dtype_policies.DTypePolicy("mixed_float16"),
        repr(keras.dtype_policies.FloatDTypePolicy("float16")),
    ],
    "quantize to no mode": lambda keras: keras.layers.Flatten().quantize(),
    "quantize to another mode": lambda keras: keras.layers.Flatten().quantize("int7"),
    "quantize before the weights exist": lambda keras: keras.layers.Flatten().quantize("int8"),
    "quantize what has no quantized form": lambda keras: (lambda layer: [layer.build((2, 3)), layer.quantize("int8")])(
        keras.layers.Flatten()
    ),
    "quantize a model to another mode": lambda keras: keras.Sequential([keras.layers.Dense(1)]).quantize("int7"),
    "quantize a model before the weights exist": lambda keras: keras.Sequential([keras.layers.Dense(1)]).quantize(
        "int8"
    ),
    "input spec": lambda keras: keras.saving.serialize_keras_object(keras.InputSpec(shape=(2, 3))),
}


@pytest.mark.parametrize("edge", EDGES)
@beside_keras
def test_edges(keras, edge):
    return EDGES[edge](keras)


def test_maps_of_equal_policies_are_equal_however_they_were_named():
    maps = lamella.dtype_policies
    assert maps.DTypePolicyMap("float16") == maps.DTypePolicyMap(lamella.DTypePolicy("float16"))
    assert maps.DTypePolicyMap("float16") != maps.DTypePolicyMap("float32")


def test_an_input_spec_is_made_again_from_its_configuration():
    spec = lamella.InputSpec(shape=(2, None), axes={-1: 4})
    config = lamella.saving.serialize_keras_object(spec)
    assert lamella.saving.deserialize_keras_object(config).get_config() == spec.get_config()


@beside_keras
def test_asking_an_unbuilt_layer_for_its_outputs_builds_nothing(keras):
    layer = keras.layers.Dense(2)
    output = layer.compute_output_spec(keras.KerasTensor((None, 3)))
    return output.shape, output.dtype, layer.built, len(layer.weights)


@beside_keras
def test_a_weight_made_by_a_frozen_layer_is_frozen(keras):
    layer = keras.layers.Layer(trainable=False)
    weight = layer.add_weight(shape=(1,), initializer="zeros")
    before = weight.trainable
    layer.trainable = True
    return before, weight.trainable


def test_functions_of_jax_are_described_and_found_again():
    model = lamella.Sequential([lamella.Input((2,)), lamella.layers.Dense(1, activation=jax.nn.relu)])
    with lamella.saving.custom_object_scope({"relu": jax.nn.relu}):
        again = lamella.models.clone_model(model)
    assert again.layers[0].activation is jax.nn.relu


def test_a_mask_stands_at_its_tensor_too():
    output = lamella.layers.Masking()(np.array([[[0.0], [1.0]]]))
    assert np.asarray(output._keras_mask).tolist() == [[False, True]]


def test_a_model_with_a_layer_that_cannot_be_compiled_is_not():
    model = lamella.Sequential([lamella.Input((2,)), lamella.layers.Dense(1)])
    model.compile("sgd", "mse")
    assert model.jit_compile
    model.layers[0].supports_jit = False
    assert not model.jit_compile


def test_a_name_of_a_checkpoint_that_asks_for_what_is_not_known():
    callback = lamella.callbacks.ModelCheckpoint("{nothing:.2f}.keras")
    with pytest.raises(KeyError, match=r"^The `filepath`"):
        callback._path(None, {"loss": 1.0})


@pytest.mark.parametrize("given", [np.ones((2, 3)), np.ones((2, 4)), np.ones(3), [np.ones((2, 3))]], ids=str)
@beside_keras
def test_a_function_takes_what_it_was_drawn_with(keras, given):
    x = keras.Input((3,))
    return keras.Function(x, keras.ops.relu(x) + 1)(given)
