"""Activations: values and derivatives of Keras on JAX, kinks included; names to functions and back."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lamella
from lamella import activations, ops
from lamella.errors import ArgumentError, ShapeError, UnknownNameError

keras = pytest.importorskip("keras")

NAMES = [n for n in dir(keras.activations) if not n.startswith("_") and n not in ("get", "serialize", "deserialize")]
ALONG_AXIS = ("softmax", "log_softmax", "sparsemax", "glu")
POINTS = np.array(
    [-100, -20, -6, -3, -2, -1, -0.5, -1e-5, -0.0, 0, 0.3, 0.5, 1, 2, 3, 4, 6, 20, 100, np.inf, -np.inf], "float32"
)
RELU_ARGUMENTS = [
    {"negative_slope": 0.1},
    {"max_value": 2.0},
    {"max_value": 6},
    {"max_value": 0.0},
    {"threshold": 1.0},
    {"threshold": -1.0},
    {"negative_slope": 0.1, "threshold": 1.0},
    {"max_value": 2.0, "threshold": 1.0},
    {"negative_slope": 0.1, "max_value": 2.0, "threshold": 1.0},
    {"negative_slope": 1.0},
]
# Where 1 ulp of erfc or log counts.
TOLERANCE = {"rtol": 3e-6, "atol": 2e-7}


def arguments(name):
    return (1.0, 7.0) if name == "threshold" else ()


@pytest.mark.parametrize("name", NAMES)
def test_signatures_are_those_of_keras(name):
    def parameters(fn):
        return [(p.name, p.default) for p in inspect.signature(fn).parameters.values()]

    assert parameters(getattr(activations, name)) == parameters(getattr(keras.activations, name))


@pytest.mark.parametrize("name", [n for n in NAMES if n not in ALONG_AXIS])
def test_values_and_derivatives_are_those_of_keras(name):
    extra = arguments(name)
    ours, theirs = getattr(activations, name), getattr(keras.activations, name)
    np.testing.assert_allclose(ours(POINTS, *extra), theirs(POINTS, *extra), **TOLERANCE)
    slopes = [jax.vmap(jax.grad(lambda x, f=f: f(x, *extra)))(jnp.asarray(POINTS)) for f in (ours, theirs)]
    np.testing.assert_allclose(*slopes, **TOLERANCE)


@pytest.mark.parametrize("kwargs", RELU_ARGUMENTS, ids=str)
def test_relu_with_arguments_is_that_of_keras(kwargs):
    np.testing.assert_allclose(
        activations.relu(POINTS, **kwargs), keras.activations.relu(POINTS, **kwargs), **TOLERANCE
    )
    slopes = [
        jax.vmap(jax.grad(lambda x, f=f: f(x, **kwargs)))(jnp.asarray(POINTS[:-2]))
        for f in (activations.relu, keras.activations.relu)
    ]
    np.testing.assert_allclose(*slopes)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "int8", "int32", "uint8", "bool"])
@pytest.mark.parametrize("name", NAMES)
def test_dtypes_are_those_of_keras(name, dtype):
    x = np.asarray(jnp.asarray([[0, 1, 2, 5]]).astype(dtype))
    if name in ALONG_AXIS and np.dtype(x.dtype).kind in "iub":
        pytest.skip("Keras on JAX refuses some integers here and subtracts others in their own dtype")
    try:
        theirs = getattr(keras.activations, name)(jnp.asarray(x), *arguments(name))
    except TypeError:
        pytest.skip("Keras on JAX refuses this dtype; we compute in floatx")
    ours = getattr(activations, name)(x, *arguments(name))
    assert str(ours.dtype) == str(theirs.dtype)
    if (name, dtype) in (("log_sigmoid", "uint8"), ("hard_tanh", "uint8")):
        return  # Keras negates an unsigned integer there
    np.testing.assert_allclose(
        np.asarray(ours, "float32"), np.asarray(theirs, "float32"), rtol=2**-6 if dtype == "bfloat16" else 2e-3
    )


@pytest.mark.parametrize("axis", [-1, 0, 1])
@pytest.mark.parametrize("name", [n for n in ALONG_AXIS if n != "sparsemax"])  # Keras's does not sum to 1
def test_functions_along_an_axis_are_those_of_keras(name, axis):
    x = np.random.default_rng(0).normal(size=(4, 6, 2)).astype("float32") * 5
    x[0, 0] = 3.0
    ours, theirs = getattr(activations, name), getattr(keras.activations, name)
    np.testing.assert_allclose(ours(x, axis=axis), theirs(x, axis=axis), rtol=1e-5, atol=1e-6)
    slopes = [jax.grad(lambda x, f=f: (f(x, axis=axis) ** 2).sum())(jnp.asarray(x)) for f in (ours, theirs)]
    np.testing.assert_allclose(*slopes, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("axis", [(0, 1), None, [0, 2]], ids=str)
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_softmax_takes_several_axes(name, axis):
    x = np.random.default_rng(0).normal(size=(2, 3, 4)).astype("float32")
    theirs = getattr(keras.activations, name)(x, axis=tuple(axis) if axis is not None else None)
    np.testing.assert_allclose(getattr(activations, name)(x, axis=axis), theirs, rtol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_the_numpy_backend_agrees(name):
    x = np.random.default_rng(1).normal(size=(3, 4)).astype("float32")
    ours = getattr(activations, name)(x, *arguments(name))
    with lamella.backend.use("numpy"), np.errstate(all="raise"):
        theirs = getattr(activations, name)(x, *arguments(name))
    assert isinstance(theirs, np.ndarray) and theirs.dtype == ours.dtype
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_symbolic_shapes_are_the_real_ones(name):
    out = getattr(activations, name)(lamella.KerasTensor((None, 4)), *arguments(name))
    assert out.shape == ((None, 2) if name == "glu" else (None, 4))
    assert out.dtype == "float32"


@pytest.mark.parametrize("shift", [-1e4, 3.7, 1e4])
def test_softmax_ignores_a_constant_shift(shift):
    logits = np.random.default_rng(0).normal(size=(5, 7)).astype("float32")
    np.testing.assert_allclose(activations.softmax(logits + np.float32(shift)), activations.softmax(logits), atol=2e-4)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_sparsemax_is_nearest_on_the_simplex(axis):
    """Where p is positive, p = x - τ; elsewhere x <= τ (the conditions of Karush, Kuhn and Tucker)."""
    x = np.random.default_rng(0).normal(size=(4, 6, 5)).astype("float32") * 2
    x, p = (np.moveaxis(np.asarray(a), axis, -1) for a in (x, activations.sparsemax(x, axis=axis)))
    tau = ((x - p) * (p > 0)).sum(-1, keepdims=True) / (p > 0).sum(-1, keepdims=True)
    np.testing.assert_allclose(np.maximum(x - tau, 0), p, atol=1e-6)
    np.testing.assert_allclose(p.sum(-1), 1, rtol=1e-5)


def test_sparsemax_is_a_projection_onto_the_simplex():
    p = np.asarray(activations.sparsemax(np.random.default_rng(0).normal(size=(20, 9)) * 3))
    np.testing.assert_allclose(p.sum(-1), 1.0, rtol=1e-5)
    assert (p >= 0).all() and (p == 0).any()
    np.testing.assert_allclose(activations.sparsemax(p), p, atol=1e-6)


def test_an_odd_axis_has_no_halves():
    with pytest.raises(ShapeError, match=r"glu.*\(2, 3\)"):
        activations.glu(np.ones((2, 3)))


@pytest.mark.parametrize("name", NAMES)
def test_names_find_functions_and_functions_names(name):
    fn = activations.get(name)
    assert fn is getattr(activations, name)
    written = activations.serialize(fn)
    assert written == keras.activations.serialize(getattr(keras.activations, name))
    assert activations.deserialize(written) is fn


def test_the_ops_of_the_same_name_are_written_as_names():
    assert activations.serialize(ops.relu) == "relu"
    assert activations.serialize(ops.gelu) == "gelu"


@pytest.mark.parametrize("identifier", ["rleu", "ReLU", "get", "serialize", "", 1, {"config": "relu"}])
def test_get_refuses_the_rest(identifier):
    with pytest.raises(ArgumentError):
        activations.get(identifier)


def test_get_takes_what_keras_takes():
    assert activations.get(None) is activations.linear
    assert activations.get(jax.nn.relu) is jax.nn.relu
    config = {"module": "keras.activations", "class_name": "function", "config": "relu", "registered_name": "relu"}
    assert activations.get(config) is activations.relu
    with pytest.raises(UnknownNameError, match="relu"):
        activations.get("rleu")


def test_custom_functions_are_found_by_name():
    def cubed(x):
        return x**3

    assert activations.deserialize("cubed", {"cubed": cubed}) is cubed
    config = activations.serialize(cubed)
    assert activations.deserialize(config, {"cubed": cubed}) is cubed
    with pytest.warns(UserWarning, match="lambda"):
        assert activations.serialize(lambda x: x)["class_name"] == "__lambda__"
