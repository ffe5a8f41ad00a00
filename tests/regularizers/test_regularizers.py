"""Regularizers against Keras: penalties, gradients, configurations, names."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lamella import regularizers
from lamella.errors import ArgumentError, ShapeError, UnknownNameError

keras = pytest.importorskip("keras")

X = np.random.default_rng(0).normal(size=(4, 4)).astype("float32")
CASES = [
    ("L1", {}),
    ("L1", {"l1": 0.3}),
    ("L2", {}),
    ("L2", {"l2": 0.3}),
    ("L1L2", {}),
    ("L1L2", {"l1": 0.1, "l2": 0.2}),
    ("L1L2", {"l2": 1}),
    ("OrthogonalRegularizer", {}),
    ("OrthogonalRegularizer", {"factor": 0.5}),
]


@pytest.mark.parametrize(("name", "kwargs"), CASES)
def test_penalties_and_gradients_are_those_of_keras(name, kwargs):
    ours, theirs = getattr(regularizers, name)(**kwargs), getattr(keras.regularizers, name)(**kwargs)
    np.testing.assert_allclose(ours(X), theirs(X), rtol=1e-6)
    if name == "L1L2" and not kwargs:
        return
    x = jnp.asarray(X)
    np.testing.assert_allclose(jax.grad(ours)(x), jax.grad(theirs)(x), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(("name", "kwargs"), CASES)
def test_configurations_are_those_of_keras_and_come_back(name, kwargs):
    ours, theirs = getattr(regularizers, name)(**kwargs), getattr(keras.regularizers, name)(**kwargs)
    config = regularizers.serialize(ours)
    assert config == keras.regularizers.serialize(theirs)
    assert regularizers.deserialize(config).get_config() == ours.get_config()


def test_columns_are_the_rows_of_the_transpose():
    rows, columns = (regularizers.OrthogonalRegularizer(0.3, mode) for mode in ("rows", "columns"))
    np.testing.assert_allclose(columns(X[:3]), rows(X[:3].T), rtol=1e-6)


@pytest.mark.parametrize("name", ["l1", "l2", "l1l2", "l1_l2", "L1", "L2", "L1L2", "orthogonal_regularizer"])
def test_names_are_known(name):
    assert callable(regularizers.get(name))


def test_get_takes_what_keras_takes():
    assert regularizers.get(None) is None
    assert isinstance(regularizers.get(regularizers.L1), regularizers.L1)
    assert regularizers.get({"class_name": "L1", "config": {"l1": 0.5}}).l1 == 0.5
    assert regularizers.get(abs) is abs
    with pytest.raises(UnknownNameError, match="l2"):
        regularizers.get("l3")
    with pytest.raises(ArgumentError, match=r"1\.0"):
        regularizers.get(1.0)


@pytest.mark.parametrize("bad", [-1.0, "a", float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["L1", "L2", "L1L2", "OrthogonalRegularizer"])
def test_factors_must_be_finite_and_not_negative(name, bad):
    with pytest.raises(ArgumentError, match="at least 0"):
        getattr(regularizers, name)(bad)


def test_errors_say_what_is_wrong():
    with pytest.raises(ArgumentError, match="'rows'"):
        regularizers.OrthogonalRegularizer(mode="diagonals")
    with pytest.raises(ShapeError, match=r"\(2, 3, 4\)"):
        regularizers.OrthogonalRegularizer()(np.ones((2, 3, 4)))
    with pytest.raises(NotImplementedError, match="get_config"):
        regularizers.Regularizer().get_config()


def test_none_means_the_default():
    assert regularizers.L1(None).get_config() == regularizers.L1().get_config()
    assert regularizers.L1L2(None, None).get_config() == {"l1": 0.0, "l2": 0.0}
    assert regularizers.Regularizer()(X) == 0.0
