"""Several optimizers for one model, against Keras."""

import json

import jax
import numpy as np
import pytest
from beside_keras import beside_keras

import lamella
from lamella import optimizers
from lamella.errors import ArgumentError

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation")  # by Keras's variables


def three(keras, **kwargs):
    o = keras.optimizers
    mapping = {"ker.*": o.Adam(0.2, name="a"), "unused.*": o.RMSprop(name="r")}
    return o.MultiOptimizer(o.OptimizerMap(o.SGD(0.1, momentum=0.9, name="s"), mapping), name="m", **kwargs)


def different(keras):
    o = keras.optimizers
    mapping = {"ker.*": o.SGD(0.2, weight_decay=0.1, loss_scale_factor=2.0, name="a")}
    return o.MultiOptimizer(
        o.OptimizerMap(o.SGD(0.1, clipnorm=0.1, use_ema=True, ema_momentum=0.5, name="s"), mapping), name="m"
    )


def chosen(keras):
    o = keras.optimizers
    return o.MultiOptimizer(
        lambda v: o.SGD(0.1, name="s" + v.name) if "b" in v.path else o.Adam(0.1, name="a" + v.name), name="m"
    )


def scaled(keras):
    return three(keras, loss_scale_factor=4.0)


def variables_of(keras):
    made = [
        keras.Variable(np.ones(shape, "float32"), name=name)
        for name, shape in (("kernel", (2, 2)), ("bias", (2,)), ("kerb", (3,)), ("scale", (1,)))
    ]
    made[1].constraint = lambda w: w * 0.5
    return made


def gradients(step):
    draw = np.random.default_rng(step)
    return [draw.normal(size=shape).astype("float32") for shape in ((2, 2), (2,), (3,), (1,))]


@pytest.mark.parametrize("make", [three, different, chosen, scaled])
@beside_keras
def test_steps(keras, make):
    optimizer, variables = make(keras), variables_of(keras)
    before = [o.name for o in optimizer.optimizers], [v.path for v in optimizer.variables]
    history = []
    for step in range(4):
        optimizer.apply(gradients(step), variables)
        history.append([v.numpy() for v in [*variables, *optimizer.variables]])
    optimizer.finalize_variable_values(variables)
    after = [v.numpy() for v in variables]
    names = [o.name for o in optimizer.optimizers]
    return before, history, after, names, [v.path for v in optimizer.variables], optimizer.iterations


@pytest.mark.parametrize("make", [three, different, chosen, scaled])
def test_stateless_and_compiled(make):
    optimizer, variables = make(lamella), variables_of(lamella)
    twin, twins = make(lamella), variables_of(lamella)
    twin.build(twins)
    step_fn = jax.jit(twin.stateless_apply)
    trained, state = [v.value for v in twins], [v.value for v in twin.variables]
    for step in range(3):
        optimizer.apply(gradients(step), variables)
        trained, state = step_fn(state, gradients(step), trained)
    for a, b in zip([*variables, *optimizer.variables], [*trained, *state], strict=True):
        np.testing.assert_allclose(a.numpy(), b, rtol=1e-5)


@beside_keras
def test_configuration(keras):
    optimizer = three(keras, loss_scale_factor=2.0)
    config = optimizer.get_config()
    again = keras.optimizers.MultiOptimizer.from_config(config)
    return (
        config,
        again.get_config(),
        keras.optimizers.serialize(optimizer),
        keras.optimizers.MultiOptimizer(keras.optimizers.OptimizerMap(keras.optimizers.SGD())).name,
    )


@beside_keras
def test_loss_scale_factor_reaches_all(keras):
    optimizer = three(keras)
    first = optimizer.loss_scale_factor
    optimizer.loss_scale_factor = 4.0
    return (
        first,
        optimizer.loss_scale_factor,
        [o.loss_scale_factor for o in optimizer.optimizers],
        optimizer.scale_loss(2.0),
    )


@beside_keras
def test_it_has_no_learning_rate(keras):
    return three(keras).learning_rate


@beside_keras
def test_it_takes_no_learning_rate(keras):
    three(keras).learning_rate = 0.1


@beside_keras
def test_no_optimizer_chosen(keras):
    keras.optimizers.MultiOptimizer(lambda v: 3).build(variables_of(keras))


def test_neither_map_nor_callable():
    with pytest.raises(ArgumentError, match="OptimizerMap or a callable"):
        optimizers.MultiOptimizer("adam")


def test_variables_are_saved_and_loaded():
    optimizer, variables = three(lamella), variables_of(lamella)
    optimizer.apply(gradients(0), variables)
    store: dict = {}
    optimizer.save_own_variables(store)
    other, others = three(lamella), variables_of(lamella)
    other.build(others)
    other.load_own_variables(store)
    for a, b in zip(optimizer.variables, other.variables, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


# ---- OptimizerMap ------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["kernel", "x/kernel", "x/kernel/y", "Kernel", "bias"])
@pytest.mark.parametrize(
    "keys", [["ker"], ["kernel"], ["ker.*", ".*bias"], ["ker.*", "k.*"], ["kernel", "k.*"], ["nel"]], ids=str
)
@beside_keras
def test_lookup(keras, keys, path):
    o = keras.optimizers
    kinds = [o.Adam, o.RMSprop]
    mapping = o.OptimizerMap(o.SGD(), {key: kind() for key, kind in zip(keys, kinds)})
    return type(mapping[path]).__name__, list(mapping), len(mapping), type(mapping.default_optimizer).__name__


@beside_keras
def test_map_configuration(keras):
    mapping = keras.optimizers.OptimizerMap(keras.optimizers.SGD(0.5))
    mapping["a"] = keras.optimizers.Adam(0.25)
    mapping["b"] = keras.optimizers.Adam(0.25)
    del mapping["b"]
    again = keras.optimizers.OptimizerMap.from_config(mapping.get_config())
    return mapping.get_config(), again.get_config()


def _bad_key(o):
    o.OptimizerMap(o.SGD())[3] = o.Adam()


def _bad_value(o):
    o.OptimizerMap(o.SGD())["a"] = 3


def _twice(o):
    mapping = o.OptimizerMap(o.SGD())
    mapping["a"] = o.Adam()
    mapping["a"] = o.Adam()


def _no_default(o):
    o.OptimizerMap(None)


def _name_as_default(o):
    o.OptimizerMap("adam")


def _of_another_inside(o):
    o.OptimizerMap(o.SGD())["a"] = o.LossScaleOptimizer(o.SGD())


def _of_others_inside(o):
    o.OptimizerMap(o.SGD())["a"] = o.MultiOptimizer(o.OptimizerMap(o.SGD()))


WRONG = [_bad_key, _bad_value, _twice, _no_default, _name_as_default, _of_another_inside, _of_others_inside]


@pytest.mark.parametrize("wrong", WRONG)
@beside_keras
def test_map_errors(keras, wrong):
    wrong(keras.optimizers)


# ---- callbacks that reach the optimizers inside ------------------------------------------------------


def fitted(keras, callbacks, **options):
    """The history of a model of two layers with an optimizer each, and their learning rates afterwards."""
    first, second = keras.optimizers.SGD(0.1, name="first", **options), keras.optimizers.SGD(0.01, name="second")
    parts = [keras.layers.Dense(2, kernel_initializer="ones", name=name) for name in ("one", "two")]
    model = keras.Sequential([keras.Input((1,)), *parts])
    model.compile(keras.optimizers.MultiOptimizer(keras.optimizers.OptimizerMap(second, {".*one/.*": first})), "mse")
    data = np.ones((4, 1), "float32"), np.zeros((4, 2), "float32")
    history = model.fit(*data, epochs=4, verbose=0, callbacks=callbacks).history
    return model, data, history, [float(np.asarray(o.learning_rate)) for o in (first, second)]


@beside_keras
def test_a_schedule_is_asked_for_each_optimizer(keras):
    callback = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.5)
    return fitted(keras, [callback])[2:]


@beside_keras
def test_every_optimizer_is_slowed_on_a_plateau(keras):
    options = {"factor": 0.5, "patience": 1, "min_delta": 100.0, "min_lr": 0.008}
    return fitted(keras, [keras.callbacks.ReduceLROnPlateau("loss", **options)])[2:]


@beside_keras
def test_averages_of_some_weights_are_swapped_in(keras):
    model, data, history, _ = fitted(keras, [], use_ema=True, ema_momentum=0.5)
    swap = keras.callbacks.SwapEMAWeights()
    return history, model.evaluate(*data, verbose=0, callbacks=[swap]), model.evaluate(*data, verbose=0)


def test_logs_have_the_rate_of_each_optimizer(tmp_path):
    file = tmp_path / "log.jsonl"
    fitted(lamella, [lamella.callbacks.JSONLogger(str(file))])
    last = json.loads(file.read_text().splitlines()[-2])
    assert last["learning_rate_first"] == pytest.approx(0.1) and last["learning_rate_second"] == pytest.approx(0.01)
