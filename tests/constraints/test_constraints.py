"""Constraints against Keras: projections, configurations, names."""

import jax.numpy as jnp
import numpy as np
import pytest

from lamella import constraints
from lamella.errors import ArgumentError, UnknownNameError

keras = pytest.importorskip("keras")

CASES = [
    ("Constraint", {}),
    ("MaxNorm", {}),
    ("MaxNorm", {"max_value": 1.0}),
    ("MaxNorm", {"max_value": 0.5, "axis": 1}),
    ("MaxNorm", {"max_value": 1.0, "axis": (0, 1)}),
    ("MinMaxNorm", {}),
    ("MinMaxNorm", {"min_value": 0.5, "max_value": 1.0, "rate": 0.7}),
    ("MinMaxNorm", {"min_value": 2.0, "max_value": 3.0, "axis": [0, 1]}),
    ("NonNeg", {}),
    ("UnitNorm", {}),
    ("UnitNorm", {"axis": [0, 1]}),
]
VALUES = [
    np.random.default_rng(0).normal(size=(3, 4)).astype("float32"),
    np.zeros((2, 2), "float32"),
    np.arange(6).reshape(2, 3),
    np.asarray(jnp.linspace(-1, 1, 12).reshape(3, 4).astype("bfloat16")),
]


@pytest.mark.parametrize("w", VALUES, ids=lambda w: str(w.dtype))
@pytest.mark.parametrize(("name", "kwargs"), CASES)
def test_projections_are_those_of_keras(name, kwargs, w):
    ours, theirs = getattr(constraints, name)(**kwargs)(w), getattr(keras.constraints, name)(**kwargs)(w)
    np.testing.assert_allclose(np.asarray(ours, "float32"), np.asarray(theirs, "float32"), rtol=1e-6, atol=1e-7)
    if not (name == "NonNeg" and w.dtype.kind == "i"):
        assert ours.dtype == jnp.asarray(theirs).dtype


@pytest.mark.parametrize(("name", "kwargs"), CASES)
def test_a_projection_does_nothing_the_second_time(name, kwargs):
    constraint = getattr(constraints, name)(**{**kwargs, **({"rate": 1.0} if "rate" in kwargs else {})})
    once = np.asarray(constraint(VALUES[0]))
    np.testing.assert_allclose(constraint(once), once, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("name", "kwargs"), CASES)
def test_configurations_are_those_of_keras_and_come_back(name, kwargs):
    ours, theirs = getattr(constraints, name)(**kwargs), getattr(keras.constraints, name)(**kwargs)
    config = constraints.serialize(ours)
    assert config["config"] == keras.constraints.serialize(theirs)["config"]
    assert config["class_name"] == name and config["registered_name"] is None
    assert constraints.deserialize(config).get_config() == ours.get_config()


@pytest.mark.parametrize("name", [n for n in dir(keras.constraints) if not n.startswith("_")])
def test_every_name_of_keras_is_here(name):
    theirs = getattr(keras.constraints, name)
    if isinstance(theirs, type):
        assert getattr(constraints, name).__name__ == theirs.__name__
        assert type(constraints.get(name)).__name__ == theirs.__name__
    else:
        assert callable(getattr(constraints, name))


def test_get_takes_what_keras_takes():
    assert constraints.get(None) is None
    assert isinstance(constraints.get(constraints.MaxNorm), constraints.MaxNorm)
    assert constraints.get({"class_name": "MaxNorm", "config": {"max_value": 3}}).max_value == 3
    assert constraints.get(abs) is abs
    with pytest.raises(UnknownNameError, match="max_norm"):
        constraints.get("maxnorm")
    with pytest.raises(ArgumentError, match="constraint"):
        constraints.get(1.0)
