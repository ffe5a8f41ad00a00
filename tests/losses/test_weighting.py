"""How the losses of samples become one number: ranks, weights, masks, dtypes, structures."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from beside_keras import beside_keras

import lamella
from lamella import losses, ops
from lamella.backend import use
from lamella.core._masks import mask_of, set_mask
from lamella.errors import ArgumentError, ShapeError

RNG = np.random.default_rng(7)
TRUE, PRED = (RNG.uniform(size=(4, 3)).astype("float32") for _ in range(2))
TRUE3, PRED3 = (RNG.uniform(size=(4, 3, 2)).astype("float32") for _ in range(2))
REDUCTIONS = ["sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none", None]


def with_mask(keras, x, mask):
    """`x` with a mask as either library keeps it."""
    x = jnp.array(x)
    if keras is lamella:
        set_mask(x, jnp.asarray(mask))
    else:
        x._keras_mask = jnp.asarray(mask)
    return x


@beside_keras
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("shape", [(), (1,), (4,), (4, 1), (1, 1), (4, 3), (4, 3, 1), (4, 3, 2)], ids=str)
@pytest.mark.parametrize("pair", [(TRUE, PRED), (TRUE3, PRED3)], ids=["2d", "3d"])
def test_weights_of_every_rank(keras, pair, shape, reduction):
    weight = np.arange(1, 1 + np.prod(shape, dtype=int), dtype="float32").reshape(shape)
    return keras.losses.MeanSquaredError(reduction=reduction)(*pair, sample_weight=weight)


@pytest.mark.parametrize("shape", [(3,), (2,), (4, 2), (5, 1)], ids=str)
def test_weights_that_do_not_fit(shape):
    with pytest.raises(ShapeError, match="`sample_weight` of shape"):
        losses.MeanSquaredError()(TRUE, PRED, sample_weight=np.ones(shape))


@beside_keras
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("mask", [[1, 1, 0, 0], [1, 0, 1, 1], [0, 0, 0, 0], [1, 1, 1, 1]], ids=str)
@pytest.mark.parametrize("weight", [None, 2.0, [1, 2, 3, 4], [[1], [2], [3], [4]]], ids=str)
def test_masks_and_weights(keras, mask, weight, reduction):
    loss = keras.losses.MeanAbsoluteError(reduction=reduction)
    flat = loss(TRUE, with_mask(keras, PRED, np.array(mask, bool)), sample_weight=weight)
    if weight == [1, 2, 3, 4]:
        return flat  # does not broadcast to losses of shape (4, 3)
    column = loss(TRUE3, with_mask(keras, PRED3, np.array(mask, bool)[:, None]), sample_weight=weight)
    full = np.array(mask, bool)[:, None] & np.array([True, False, True])
    return [flat, column, loss(TRUE3, with_mask(keras, PRED3, full), sample_weight=weight)]


@beside_keras
def test_mask_that_does_not_fit(keras):
    return keras.losses.MeanSquaredError()(TRUE3, with_mask(keras, PRED3, np.ones(4, bool)), sample_weight=[1, 2, 3, 4])


@beside_keras
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_all_masked(keras, dtype):
    return keras.losses.MeanSquaredError(dtype=dtype)(TRUE, with_mask(keras, PRED, np.zeros(4, bool)))


@beside_keras
@pytest.mark.parametrize("name", ["mean_squared_error", "hinge", "huber", "poisson", "cosine_similarity"])
@pytest.mark.parametrize(
    "shapes", [((4,), (4, 1)), ((4, 1), (4,)), ((4, 3, 1), (4, 3)), ((4,), (4,)), ((1, 3), (4, 3))]
)
def test_ranks_of_targets(keras, name, shapes):
    y_true, y_pred = (np.linspace(0.1, 0.9, int(np.prod(s)), dtype="float32").reshape(s) for s in shapes)
    return getattr(keras.losses, name)(y_true, y_pred)


@beside_keras
@pytest.mark.parametrize("shapes", [((4,), (4, 1)), ((4, 1), (4,)), ((4, 3, 1), (4, 3)), ((4, 3), (4, 3, 1))])
@pytest.mark.parametrize("name", ["MeanSquaredError", "BinaryCrossentropy", "Hinge", "KLDivergence", "Poisson"])
def test_ranks_of_targets_of_objects(keras, name, shapes):
    y_true, y_pred = (np.linspace(0.1, 0.9, int(np.prod(s)), dtype="float32").reshape(s) for s in shapes)
    return getattr(keras.losses, name)(reduction=None)(y_true, y_pred)


@beside_keras
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_no_samples(keras, reduction):
    empty = np.zeros((0, 3), "float32")
    return keras.losses.MeanSquaredError(reduction=reduction)(empty, empty)


@beside_keras
@pytest.mark.parametrize(
    "pair",
    [
        (TRUE.tolist(), PRED.tolist()),
        ([[1, 2], [3, 4]], [[1, 2], [3, 5]]),
        (np.array([[1, 2]]), np.array([[3, 5]])),
        (np.ones((2, 3), bool), np.zeros((2, 3))),
        (TRUE.astype("float64"), PRED),
        (TRUE, PRED.astype("float16")),
        (TRUE.astype("float16"), PRED),
        ([TRUE, TRUE], [PRED, TRUE]),
        ((TRUE, TRUE), (PRED, TRUE)),
    ],
    ids=[str(i) for i in range(9)],
)
def test_kinds_of_input(keras, pair):
    return [keras.losses.MeanSquaredError()(*pair), keras.losses.mean_squared_error(*pair)]


@beside_keras
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "mixed_float16", "mixed_bfloat16", None])
def test_dtypes(keras, dtype):
    loss = keras.losses.MeanSquaredError(dtype=dtype)
    return [loss.dtype, loss(TRUE, PRED), loss(TRUE, PRED, sample_weight=np.ones(4))]


@beside_keras
def test_dtype_follows_floatx_not_the_policy(keras):
    keras.config.set_dtype_policy("mixed_float16")
    first = keras.losses.MeanSquaredError().dtype
    keras.config.set_floatx("float16")
    return [first, keras.losses.MeanSquaredError().dtype]


@beside_keras
@pytest.mark.parametrize("reduction", ["auto", "foo", 3, "SUM"])
def test_unknown_reduction(keras, reduction):
    return keras.losses.MeanSquaredError(reduction=reduction)


@beside_keras
def test_own_loss(keras):
    class Largest(keras.losses.Loss):
        def call(self, y_true, y_pred):
            return keras.ops.max(keras.ops.abs(y_true - y_pred), axis=-1)

    loss = Largest()
    return [loss.name, Largest().name, loss.get_config(), loss(TRUE, PRED), loss(TRUE3, PRED3, sample_weight=TRUE)]


@beside_keras
def test_own_loss_of_a_dictionary(keras):
    class Both(keras.losses.Loss):
        def call(self, y_true, y_pred):
            return keras.ops.abs(y_true["a"] - y_pred["a"]) + keras.ops.abs(y_true["b"] - y_pred["b"])

    return Both(reduction="sum")({"a": TRUE, "b": TRUE}, {"a": PRED, "b": TRUE})


@beside_keras
def test_loss_without_call(keras):
    return keras.losses.Loss()(TRUE, PRED)


def test_masks_of_predictions_and_of_losses_meet():
    labels = np.array([0, 1, -1, 1])
    scores = jnp.asarray(RNG.dirichlet([1, 1, 1], 4), "float32")
    set_mask(scores, jnp.asarray([True, False, True, True]))
    loss = losses.SparseCategoricalCrossentropy(ignore_class=-1, reduction=None)
    assert (np.asarray(loss(labels, scores)) != 0).tolist() == [True, False, False, True]


@beside_keras
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weight", [None, [1, 2, 3, 4]])
def test_ignored_class(keras, reduction, weight):
    scores = with_mask(keras, [[0.2, 0.5, 0.3]] * 4, np.array([True, False, True, True]))
    loss = keras.losses.SparseCategoricalCrossentropy(ignore_class=-1, reduction=reduction)
    plain = keras.losses.SparseCategoricalCrossentropy(ignore_class=2, reduction=reduction)
    labels = np.array([0, 1, -1, 1])
    return [
        loss(labels, scores, sample_weight=weight),
        plain(np.abs(labels) * 2, jnp.array(scores), sample_weight=weight),
    ]


def test_no_mask_stays_behind():
    assert mask_of(losses.MeanSquaredError(reduction=None)(TRUE, PRED)) is None


def test_half_precision_does_not_lose_a_masked_batch():
    """float16 has no epsilon of 1e-7: a quotient by a sum of nothing would be infinite."""
    for reduction in ("mean", "mean_with_sample_weight"):
        loss = losses.MeanSquaredError(dtype="float16", reduction=reduction)
        assert float(loss(TRUE, with_mask(lamella, PRED, np.zeros(4, bool)))) == 0.0


def test_weights_of_zero_stop_gradients():
    weights = jnp.asarray([1.0, 0.0, 2.0, 0.0])
    grad = jax.grad(lambda p: losses.MeanSquaredError()(TRUE, p, sample_weight=weights))(jnp.asarray(PRED))
    assert (np.abs(grad).sum(1) > 0).tolist() == [True, False, True, False]


@pytest.mark.parametrize("fn", [losses.mean_squared_error, losses.huber, losses.log_cosh])
def test_shapes_that_do_not_fit_are_named(fn):
    with pytest.raises(ShapeError, match=rf"{fn.__name__}.*\(4, 3\).*\(4, 2\)"):
        fn(np.ones((4, 3)), np.ones((4, 2)))
    with pytest.raises(ShapeError, match="scalars"):
        fn(1.0, 2.0)


def test_one_hot_labels_of_a_sparse_loss_are_told():
    with pytest.raises(ShapeError, match="argmax"):
        losses.categorical_generalized_cross_entropy(np.eye(3), np.eye(3), 0.5)


def test_symbolic_beside_arrays():
    symbol = lamella.KerasTensor((None, 3))
    for pair in (
        (symbol, TRUE[:1]),
        (TRUE[:1], symbol),
        (jnp.asarray(TRUE[:1]), symbol),
        (symbol, jnp.asarray(TRUE[:1])),
    ):
        assert losses.MeanSquaredError()(*pair).shape == ()
        assert losses.mean_squared_error(*pair).shape == (None,)


def test_symbolic_masks():
    symbol = lamella.KerasTensor((None, 5, 3))
    set_mask(symbol, lamella.KerasTensor((None, 5), dtype="bool"))
    assert losses.MeanSquaredError()(lamella.KerasTensor((None, 5, 3)), symbol).shape == ()


def test_in_a_functional_model():
    inputs = lamella.Input((3,)), lamella.Input((3,))
    model = lamella.Model(inputs, losses.mean_absolute_error(*inputs))
    np.testing.assert_allclose(model([TRUE, PRED]), np.abs(TRUE - PRED).mean(1), 1e-6)


def test_on_numpy_arrays_stay_numpy():
    with use("numpy"):
        loss = losses.Huber(reduction=None)(TRUE, PRED, sample_weight=[1, 2, 3, 4])
    assert type(loss) is np.ndarray and loss.dtype == "float32"


def test_variables_as_inputs():
    weights = lamella.Variable(PRED)
    expected = losses.mean_squared_error(TRUE, PRED)
    np.testing.assert_array_equal(losses.mean_squared_error(TRUE, weights), expected)
    np.testing.assert_array_equal(losses.MeanSquaredError(reduction=None)(TRUE, weights), expected)


def test_bad_class_arguments():
    with pytest.raises(ArgumentError, match=r"`q`.*\(0, 1\)"):
        losses.CategoricalGeneralizedCrossEntropy(q=1.0)
    with pytest.raises(ArgumentError, match="ref_labels"):
        losses.circle([0, 1], np.eye(2), ref_embeddings=np.eye(2))


def test_circle_with_references():
    labels, points = np.array([0, 1, 0]), np.eye(3, dtype="float32")
    a = losses.circle(labels, points, ref_labels=labels, ref_embeddings=points)
    np.testing.assert_allclose(a, losses.circle(labels, points), 1e-6)
    assert ops.shape(losses.circle(labels, points, labels[:2], points[:2])) == (3,)
