"""Losses at the edges of their domains, and laws that they obey."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from beside_keras import beside_keras
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import lamella
from lamella import losses

LARGE = np.array([[-1e4, 1e4, 0.0], [1e30, -1e30, 1.0], [80.0, -80.0, 1e-30]], "float32")
EDGE = np.array([[0.0, 1.0, 0.5], [1.0, 0.0, 1.0], [1e-9, 1 - 1e-7, 0.0]], "float32")
HOT = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1]], "float32")
BITS = np.array([[1, 0, 0], [0, 1, 1], [1, 1, 0]], "float32")

ON_LOGITS = ["binary_crossentropy", "binary_focal_crossentropy", "categorical_crossentropy"]
ON_PROBABILITIES = [
    "binary_crossentropy", "binary_focal_crossentropy", "categorical_crossentropy", "categorical_focal_crossentropy",
    "kl_divergence", "poisson", "dice", "tversky",
]  # fmt: skip
ON_NUMBERS = [
    "mean_squared_error", "huber", "log_cosh", "hinge", "squared_hinge", "categorical_hinge", "cosine_similarity",
]  # fmt: skip


def with_gradient(keras, name, y_true, y_pred, **options):
    fn = getattr(keras.losses, name)
    value, gradient = jax.value_and_grad(lambda p: jnp.sum(fn(y_true, p, **options)))(jnp.asarray(y_pred))
    return [fn(y_true, y_pred, **options), value, gradient]


@beside_keras
@pytest.mark.parametrize("name", ON_LOGITS)
@pytest.mark.parametrize("targets", [BITS, HOT, np.full((3, 3), 0.3, "float32")], ids=["bits", "hot", "soft"])
def test_large_logits(keras, name, targets):
    return with_gradient(keras, name, targets, np.clip(LARGE, -1e4, 1e4), from_logits=True)


@beside_keras
@pytest.mark.parametrize("name", ON_PROBABILITIES)
@pytest.mark.parametrize("targets", [BITS, HOT], ids=["bits", "hot"])
def test_probabilities_of_0_and_1(keras, name, targets):
    value, total, _ = with_gradient(keras, name, targets, EDGE)
    return [value, total]


@beside_keras
@pytest.mark.parametrize("name", ["binary_crossentropy", "categorical_crossentropy", "kl_divergence"])
def test_gradients_at_probabilities_of_0_and_1(keras, name):
    return with_gradient(keras, name, BITS, EDGE)


@beside_keras
@pytest.mark.parametrize("name", ON_NUMBERS)
@pytest.mark.parametrize("targets", [BITS, np.zeros((3, 3), "float32")], ids=["bits", "zeros"])
def test_ties(keras, name, targets):
    """Where a derivative is one of several: no error, error of exactly delta, margin met exactly."""
    return with_gradient(keras, name, targets, BITS)


def test_absolute_error_at_ties():
    """The derivative of |x| at 0 is 0, as in `ops.abs` on every backend; on JAX, Keras takes that from the right, 1."""
    value, _, gradient = with_gradient(lamella, "mean_absolute_error", BITS, BITS)
    assert not np.asarray(value).any() and not np.asarray(gradient).any()


@beside_keras
@pytest.mark.parametrize("name", ["huber", "log_cosh", "hinge", "categorical_hinge"])
def test_large_numbers(keras, name):
    return with_gradient(keras, name, BITS, np.clip(LARGE, -1e8, 1e8))


@beside_keras
@pytest.mark.parametrize("name", ["mean_absolute_percentage_error", "mean_squared_logarithmic_error", "poisson"])
def test_zeros_and_negatives(keras, name):
    return getattr(keras.losses, name)(np.array([[0.0, 1.0, -2.0]]), np.array([[0.5, 0.0, -0.5]]))


@beside_keras
@pytest.mark.parametrize("name", ON_NUMBERS + ON_PROBABILITIES)
def test_nan_stays_visible(keras, name):
    return getattr(keras.losses, name)(BITS, np.where(BITS > 0, np.nan, 0.5).astype("float32"))


@beside_keras
@pytest.mark.parametrize("labels", [[0, 3, -2], [[0], [1], [2]], [0.0, 1.0, 2.0]], ids=str)
@pytest.mark.parametrize("from_logits", [False, True])
def test_class_indices(keras, labels, from_logits):
    return keras.losses.sparse_categorical_crossentropy(np.array(labels), EDGE + 0.1, from_logits=from_logits)


@beside_keras
@pytest.mark.parametrize("shapes", [((3,), (3, 4)), ((2,), (3, 4)), ((3, 4), (3, 4)), ((3, 3), (3, 4))], ids=str)
@pytest.mark.parametrize("name", ["categorical_crossentropy", "sparse_categorical_crossentropy", "binary_crossentropy"])
def test_wrong_shapes(keras, name, shapes):
    y_true = np.zeros(shapes[0], "int32" if name.startswith("sparse") else "float32")
    return getattr(keras.losses, name)(y_true, np.full(shapes[1], 0.25, "float32"))


@beside_keras
@pytest.mark.parametrize("labels", [[0, 1, 0], [-1, 1, -1], [0, 0, 0], [0.5, 1, 0]], ids=str)
@pytest.mark.parametrize("name", ["hinge", "squared_hinge"])
def test_labels_of_margins(keras, name, labels):
    return getattr(keras.losses, name)(np.array([labels], "float32"), np.array([[0.3, -0.2, 2.0]], "float32"))


@beside_keras
@pytest.mark.parametrize("axis", [None, 0, 1, -1, (0, 1)])
@pytest.mark.parametrize("name", ["dice", "tversky"])
def test_axes_of_overlap(keras, name, axis):
    return [
        getattr(keras.losses, name)(BITS, EDGE, axis=axis),
        getattr(keras.losses, name)(0 * BITS, 0 * EDGE, axis=axis),
    ]


@beside_keras
@pytest.mark.parametrize("axis", [True, "x", 5])
def test_bad_axis(keras, axis):
    if axis == "x":
        pytest.skip("JAX takes a string for the name of a mapped axis")
    return keras.losses.categorical_crossentropy(HOT, EDGE, axis=axis)


numbers = hnp.arrays("float32", (4, 3), elements=st.floats(-100, 100, width=32))


@settings(max_examples=25, deadline=None)
@given(a=numbers, b=numbers)
def test_distances_are_distances(a, b):
    for fn in (losses.mean_squared_error, losses.mean_absolute_error, losses.huber, losses.log_cosh):
        forth, back = np.asarray(fn(a, b)), np.asarray(fn(b, a))
        np.testing.assert_allclose(forth, back, 1e-5, 1e-4)
        assert (forth >= -1e-5).all()
        np.testing.assert_allclose(fn(a, a), 0, atol=1e-6)


@settings(max_examples=25, deadline=None)
@given(a=numbers)
def test_huber_lies_below_both_its_parts(a):
    zero = np.zeros_like(a)
    huber = np.asarray(losses.huber(zero, a))
    assert (huber <= np.asarray(losses.mean_squared_error(zero, a)) / 2 + 1e-3).all()
    assert (huber <= np.asarray(losses.mean_absolute_error(zero, a)) + 1e-3).all()


@settings(max_examples=25, deadline=None)
@given(logits=numbers, shift=st.floats(-50, 50))
def test_crossentropy_ignores_a_constant_shift(logits, shift):
    labels = np.array([0, 1, 2, 0])
    first = losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)
    second = losses.sparse_categorical_crossentropy(labels, logits + np.float32(shift), from_logits=True)
    np.testing.assert_allclose(first, second, 1e-4, 1e-3)
    dense = losses.categorical_crossentropy(np.eye(3, dtype="float32")[labels], logits, from_logits=True)
    np.testing.assert_allclose(first, dense, 1e-5, 1e-4)


@settings(max_examples=25, deadline=None)
@given(logits=numbers)
def test_logits_and_probabilities_agree(logits):
    logits = logits / 20
    labels = (logits > logits.mean()).astype("float32")
    p = np.asarray(jax.nn.sigmoid(logits))
    np.testing.assert_allclose(
        losses.binary_crossentropy(labels, logits, from_logits=True), losses.binary_crossentropy(labels, p), 1e-3, 1e-4
    )


def test_gamma_0_is_plain_crossentropy():
    np.testing.assert_allclose(
        losses.binary_focal_crossentropy(BITS, EDGE, gamma=0.0), losses.binary_crossentropy(BITS, EDGE), 1e-5
    )
    np.testing.assert_allclose(
        losses.categorical_focal_crossentropy(HOT, EDGE, alpha=1.0, gamma=0.0),
        losses.categorical_crossentropy(HOT, EDGE),
        1e-5,
    )


def test_generalized_crossentropy_lies_between_its_limits():
    labels, p = np.array([0, 1]), np.array([[0.3, 0.7], [0.4, 0.6]], "float32")
    close_to_log = losses.categorical_generalized_cross_entropy(labels, p, 1e-3)
    np.testing.assert_allclose(close_to_log, losses.sparse_categorical_crossentropy(labels, p), 1e-2)
    close_to_mae = losses.categorical_generalized_cross_entropy(labels, p, 0.999)
    np.testing.assert_allclose(close_to_mae, [0.7, 0.4], 1e-2)
