"""Dynamic loss scaling against Keras, whose own runs on JAX only as a pure function."""

import jax
import numpy as np
import pytest
from beside_keras import beside_keras

import lamella
from lamella import optimizers
from lamella.errors import ArgumentError

keras = pytest.importorskip("keras")
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation")  # by Keras's variables

# The first variable's gradients, two of which overflow.
GRADIENTS = [[1, 1], [1, 1], [1, 1], [np.inf, 1], [1, 1], [np.nan, 1], [1, 1], [1, 1]]


def sgd_with_momentum(keras):
    inner = keras.optimizers.SGD(0.1, momentum=0.9)
    return keras.optimizers.LossScaleOptimizer(inner, initial_scale=4.0, dynamic_growth_steps=2)


def everything(keras):
    inner = keras.optimizers.SGD(
        0.1, gradient_accumulation_steps=2, use_ema=True, ema_overwrite_frequency=2, ema_momentum=0.5
    )
    return keras.optimizers.LossScaleOptimizer(inner, initial_scale=4.0, dynamic_growth_steps=3)


def clipped(keras):
    inner = keras.optimizers.SGD(0.1, clipnorm=0.1, loss_scale_factor=2.0)
    return keras.optimizers.LossScaleOptimizer(inner, initial_scale=4.0, dynamic_growth_steps=3)


def scheduled(keras):
    inner = keras.optimizers.Adam(keras.optimizers.schedules.ExponentialDecay(0.1, 1, 0.5))
    return keras.optimizers.LossScaleOptimizer(inner, initial_scale=0.5, dynamic_growth_steps=1)


MAKERS = [sgd_with_momentum, everything, clipped, scheduled]


def prepare(keras, make):
    overwritten = keras.Variable(np.ones(1, "float32"), name="statistics")
    overwritten.overwrite_with_gradient = make is not everything  # with averages, Keras fails on it
    variables = [keras.Variable(np.ones(2, "float32"), name="w"), overwritten]
    variables[0].constraint = lambda w: w * 0.9
    optimizer = make(keras)
    optimizer.build(variables)
    return optimizer, variables


def gradients(step):
    return [np.array(GRADIENTS[step], "float32"), np.array([step], "float32")]


def run_stateless(keras, make, compiled):
    optimizer, variables = prepare(keras, make)
    step = jax.jit(optimizer.stateless_apply) if compiled else optimizer.stateless_apply
    trained, state = [v.value for v in variables], [v.value for v in optimizer.variables]
    history = []
    for i in range(len(GRADIENTS)):
        trained, state = step(state, gradients(i), trained)
        history.append([np.asarray(a) for a in (*trained, *state)])
    return history, [(v.path, tuple(v.shape), v.dtype) for v in optimizer.variables]


@pytest.mark.parametrize("make", MAKERS)
@beside_keras
def test_steps_and_scales(keras, make):
    return run_stateless(keras, make, compiled=True)


@pytest.mark.parametrize("make", MAKERS)
def test_stateful_equals_compiled(make):
    compiled, _ = run_stateless(lamella, make, compiled=True)
    optimizer, variables = prepare(lamella, make)
    for i, expected in enumerate(compiled):
        optimizer.apply(gradients(i), variables)
        for a, b in zip([*variables, *optimizer.variables], expected, strict=True):
            np.testing.assert_allclose(a.numpy(), b, rtol=1e-5)


@beside_keras
def test_it_speaks_for_the_inner_optimizer(keras):
    inner = keras.optimizers.Adam(0.1, loss_scale_factor=3.0)
    optimizer = keras.optimizers.LossScaleOptimizer(inner, initial_scale=8.0)
    before = float(optimizer.scale_loss(2.0))
    optimizer.build([keras.Variable(np.ones(2), name="w")])
    optimizer.learning_rate = 0.5
    return (
        before,
        float(optimizer.scale_loss(2.0)),
        float(inner.learning_rate),
        optimizer.iterations.path == inner.iterations.path,
        optimizer.name,
        optimizer.get_config(),
        keras.optimizers.serialize(optimizer),
        keras.optimizers.deserialize(keras.optimizers.serialize(optimizer)).get_config(),
    )


@beside_keras
def test_check_finite(keras):
    check = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD()).check_finite
    good, bad = np.ones(2, "float32"), np.array([1.0, np.inf], "float32")
    return [bool(check(grads)) for grads in ([good], [good, bad], [good, None], [np.full(1, np.nan, "float32")])]


@pytest.mark.parametrize("argument", ["clipnorm", "weight_decay", "loss_scale_factor", "use_ema", "learning_rate"])
@beside_keras
def test_arguments_of_the_inner_optimizer(keras, argument):
    keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(), **{argument: 1.0})


def test_errors_say_where_to_put_an_argument():
    with pytest.raises(ArgumentError, match="set `clipnorm` on the `inner_optimizer`"):
        optimizers.LossScaleOptimizer(optimizers.SGD(), clipnorm=1.0)
    with pytest.raises(ArgumentError, match="must be an Optimizer"):
        optimizers.LossScaleOptimizer(None)


@beside_keras
def test_configurations_of_before_have_arguments_of_the_base(keras):
    inner = keras.optimizers.serialize(keras.optimizers.SGD(0.5))
    usual = {"weight_decay": None, "clipnorm": None, "use_ema": False, "ema_momentum": 0.99, "loss_scale_factor": None}
    optimizer = keras.optimizers.LossScaleOptimizer.from_config({"name": "scaled", **usual, "inner_optimizer": inner})
    keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(), dynamic=True)
    return optimizer.name, float(optimizer.inner_optimizer.get_config()["learning_rate"])


def test_a_scale_that_does_not_change_is_another_argument():
    with pytest.raises(ArgumentError, match="loss_scale_factor"):
        optimizers.LossScaleOptimizer(optimizers.SGD(), dynamic=False)


def test_an_overflow_changes_nothing_but_the_scale():
    optimizer, variables = prepare(lamella, everything)
    optimizer.apply(gradients(0), variables)
    before = [v.numpy() for v in [*variables, *optimizer.inner_optimizer.variables]]
    optimizer.apply([np.array([np.inf, 1.0], "float32"), np.ones(1, "float32")], variables)
    for a, b in zip(before, [*variables, *optimizer.inner_optimizer.variables]):
        np.testing.assert_array_equal(a, b.numpy())
    assert float(optimizer.dynamic_scale) == 2.0
    assert int(optimizer.step_counter) == 0


def test_a_missing_gradient():
    variables = [lamella.Variable(np.ones(1), name=name) for name in "ab"]
    optimizer = optimizers.LossScaleOptimizer(optimizers.SGD(0.5), initial_scale=2.0)
    with pytest.warns(UserWarning, match=r"\['b'\]"):
        optimizer.apply([np.full(1, 2.0), None], variables)
    assert [v.numpy().tolist() for v in variables] == [[0.5], [1.0]]


def test_finalize_reaches_the_averages():
    optimizer, variables = prepare(lamella, everything)
    for i in range(3):
        optimizer.apply(gradients(i), variables)
    optimizer.finalize_variable_values(variables)
    average = next(v for v in optimizer.variables if v.name == "w_average")
    np.testing.assert_array_equal(variables[0].numpy(), average.numpy())
