"""Sums and means: ranks of values, weights and masks."""

import jax.numpy as jnp
import numpy as np
import pytest
from beside_keras import beside_keras

import lamella
from lamella import metrics
from lamella.core._masks import set_mask
from lamella.errors import ShapeError

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation")  # by Keras's variables

RNG = np.random.default_rng(3)
VALUES = {s: RNG.uniform(size=s).astype("float32") for s in [(), (4,), (4, 3), (4, 3, 2)]}
STEPS = np.array([[1, 1, 0], [1, 0, 0], [0, 0, 0], [1, 1, 1]], bool)


def state(metric, *args, **kwargs):
    metric.update_state(*args, **kwargs)
    return [[v.numpy() for v in metric.variables], metric.result()]


def with_mask(keras, x, mask):
    x = jnp.array(x)
    if keras is lamella:
        set_mask(x, jnp.asarray(mask))
    else:
        x._keras_mask = jnp.asarray(mask)
    return x


@beside_keras
@pytest.mark.parametrize("name", ["Mean", "Sum"])
@pytest.mark.parametrize("shape", VALUES, ids=str)
@pytest.mark.parametrize(
    "weights",
    [None, (), (1,), (4,), (4, 1), (4, 3), (4, 3, 2), (4, 1, 1), (1, 3), (4, 1, 2), (1, 4), (5,)],
    ids=str,
)
def test_weights_of_every_rank(keras, name, shape, weights):
    if weights is None:
        return state(getattr(keras.metrics, name)(), VALUES[shape])
    weight = np.arange(1, 1 + np.prod(weights, dtype=int), dtype="float32").reshape(weights)
    return state(getattr(keras.metrics, name)(), VALUES[shape], sample_weight=weight)


@beside_keras
@pytest.mark.parametrize("name", ["Mean", "Sum"])
@pytest.mark.parametrize("shape", [(4,), (4, 3), (4, 3, 2)], ids=str)
@pytest.mark.parametrize("weight", [None, 2.0, [1, 2, 3, 4]], ids=str)
def test_masked_values(keras, name, shape, weight):
    values = with_mask(keras, VALUES[shape], [True, False, True, True])
    return state(getattr(keras.metrics, name)(), values, sample_weight=weight)


@beside_keras
@pytest.mark.parametrize("weight", [None, 2.0, [[1], [2], [3], [4]], np.arange(12.0).reshape(4, 3)], ids=str)
def test_masked_predictions(keras, weight):
    pred = with_mask(keras, 2 * VALUES[4, 3, 2], STEPS)
    return [
        state(keras.metrics.MeanSquaredError(), VALUES[4, 3, 2], pred, sample_weight=weight),
        state(keras.metrics.RootMeanSquaredError(), VALUES[4, 3, 2], pred, sample_weight=weight),
    ]


@beside_keras
@pytest.mark.parametrize(
    "shapes", [((4,), (4,)), ((4, 1), (4,)), ((4,), (4, 1)), ((4, 3), (4, 3)), ((4, 3, 1), (4, 3))]
)
@pytest.mark.parametrize("name", ["RootMeanSquaredError", "MeanSquaredError", "CosineSimilarity", "Poisson"])
def test_ranks(keras, name, shapes):
    y_true, y_pred = (np.linspace(0.1, 0.9, int(np.prod(s)), dtype="float32").reshape(s) for s in shapes)
    return state(getattr(keras.metrics, name)(), y_true, y_pred)


@beside_keras
@pytest.mark.parametrize(
    "value", [[], [[1, 2], [3, 4]], np.array([True, False]), 3, np.float64(2.5), [np.nan, 1.0]], ids=str
)
def test_kinds_of_values(keras, value):
    return [state(keras.metrics.Mean(), value), state(keras.metrics.Sum(), value)]


@beside_keras
def test_nothing_seen(keras):
    return [keras.metrics.Mean().result(), keras.metrics.Sum().result(), keras.metrics.RootMeanSquaredError().result()]


@beside_keras
def test_wrapper(keras):
    def distance(y_true, y_pred, power=1):
        return keras.ops.abs(y_true - y_pred) ** power

    m = keras.metrics.MeanMetricWrapper(distance, name="d", power=2)
    config = keras.metrics.MeanMetricWrapper(keras.losses.huber, name="h", delta=0.5).get_config()
    twin = keras.metrics.MeanMetricWrapper.from_config(config)
    return [m([1.0, 2.0], [3.0, 2.0]), m.name, sorted(config), config["delta"], twin([[0.0]], [[2.0]]), twin.name]


@beside_keras
def test_wrapped_loss_object(keras):
    m = keras.metrics.MeanMetricWrapper(keras.losses.Huber(reduction=None), name="h")
    return [m(VALUES[4, 3], 2 * VALUES[4, 3]), m.result()]


def test_weights_that_do_not_fit_are_named():
    with pytest.raises(ShapeError, match=r"`sample_weight` of shape \(5,\).*\(4,\)"):
        metrics.Mean().update_state(VALUES[4,], sample_weight=np.ones(5))


def test_a_wrapper_knows_what_a_loss_is():
    assert metrics.MeanMetricWrapper(lamella.losses.huber)._direction == "down"
    assert metrics.MeanMetricWrapper(lamella.losses.Huber())._direction == "down"
    assert metrics.MeanMetricWrapper(lambda t, p: t)._direction is None


def test_the_root_of_the_mean_of_squares_is_computed_in_the_dtype_of_the_metric():
    x = RNG.uniform(size=(64, 3)).astype("float16")
    y = RNG.uniform(size=(64, 3)).astype("float16")
    exact = np.sqrt(np.mean(np.square(x.astype("float64") - y.astype("float64"))))
    assert float(metrics.RootMeanSquaredError()(x, y)) == pytest.approx(exact, rel=1e-6)
