"""The base of optimizers: arguments, variables, what `apply` does around an update rule."""

import copy
import pickle

import jax
import numpy as np
import pytest
from beside_keras import beside_keras

import lamella
from lamella import optimizers
from lamella.errors import ArgumentError, NotBuiltError, ShapeError, UnknownNameError

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation")  # by Keras's variables


def weights(keras, *values, **kwargs):
    given = values or ([1.0, 2.0],)
    return [keras.Variable(np.asarray(v, "float32"), name=f"w{i}", **kwargs) for i, v in enumerate(given)]


def ones_like(variables):
    return [np.ones(v.shape, "float32") for v in variables]


def values(*variables):
    return [np.asarray(v.numpy(), "float32") for v in variables]


# ---- arguments ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        {"clipnorm": 1.0, "clipvalue": 1.0},
        {"clipvalue": 1.0, "global_clipnorm": 1.0},
        {"use_ema": True, "ema_momentum": 1.5},
        {"use_ema": True, "ema_momentum": -0.1},
        {"ema_momentum": -0.1},
        {"use_ema": True, "ema_overwrite_frequency": 1.5},
        {"use_ema": True, "ema_overwrite_frequency": 0},
        {"ema_overwrite_frequency": 0},
        {"gradient_accumulation_steps": 1},
        {"gradient_accumulation_steps": 0},
        {"learning_rate": "fast"},
        {"learning_rate": None},
        {"learning_rate": np.float64(0.5)},
        {"learning_rate": [0.1]},
        {"name": "a/b"},
        {"name": 3},
        {"name": "mine"},
        {"jit_compile": True},
        {"unknown": 1},
    ],
    ids=str,
)
@beside_keras
def test_arguments(keras, arguments):
    return keras.optimizers.Adam(**arguments).get_config()


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("SGD", {"momentum": 2.0}),
        ("SGD", {"momentum": -1.0}),
        ("SGD", {"momentum": None}),
        ("AdamW", {"weight_decay": None}),
        ("Lion", {"beta_1": 0.0}),
        ("Lion", {"beta_1": 1.0}),
        ("Lion", {"beta_1": 1.5}),
        ("Ftrl", {"initial_accumulator_value": -1.0}),
        ("Ftrl", {"learning_rate_power": 1.0}),
        ("Ftrl", {"l1_regularization_strength": -1.0}),
        ("Ftrl", {"l2_regularization_strength": -1.0}),
        ("Ftrl", {"l2_shrinkage_regularization_strength": -1.0}),
    ],
    ids=str,
)
@beside_keras
def test_own_arguments(keras, name, arguments):
    return getattr(keras.optimizers, name)(**arguments).get_config()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"clipnorm": -1.0}, ["Adam", "clipnorm"]),
        ({"clipnorm": 1.0, "clipvalue": 2.0}, ["clipnorm", "1.0", "clipvalue", "2.0"]),
        ({"use_ema": True, "ema_momentum": 2.0}, ["ema_momentum", "[0, 1]", "2.0"]),
        ({"gradient_accumulation_steps": 2.5}, ["gradient_accumulation_steps", ">= 2", "2.5"]),
        ({"learning_rate": True}, ["learning_rate", "float", "True"]),
        ({"foo": 1}, ["foo", "Adam"]),
    ],
    ids=str,
)
def test_errors_say_what_was_given(arguments, words):
    with pytest.raises(ArgumentError) as caught:
        optimizers.Adam(**arguments)
    assert all(word in str(caught.value) for word in words)


def test_names_of_keras_2():
    with pytest.warns(DeprecationWarning, match="learning_rate"):
        optimizer = optimizers.SGD(lr=0.5)
    assert float(optimizer.learning_rate) == float(optimizer.lr) == 0.5
    optimizer.lr = 0.25
    assert float(optimizer.learning_rate) == 0.25
    with pytest.warns(UserWarning, match="decay"):
        optimizers.SGD(decay=1e-6)


@beside_keras
def test_names_are_counted(keras):
    o = keras.optimizers
    return [o.Adam().name, o.Adam().name, o.RMSprop().name, o.AdamW().name, o.ScheduleFreeAdamW().name, o.SGD().name]


def test_an_integer_is_a_learning_rate_too():
    assert optimizers.SGD(1).get_config()["learning_rate"] == 1.0


# ---- variables ---------------------------------------------------------------------------------------


@beside_keras
def test_paths_of_variables(keras):
    with keras.name_scope("outer"):
        first = keras.Variable(np.ones(2), name="w")
    second = keras.Variable(np.ones(2), name="v")
    optimizer = keras.optimizers.SGD(momentum=0.9, use_ema=True, gradient_accumulation_steps=2)
    optimizer.build([first, second])
    optimizer.build([second])
    return [(v.path, v.name, v.dtype, v.trainable) for v in optimizer.variables], optimizer.built


@beside_keras
def test_an_optimizer_of_ones_own(keras):
    class Own(keras.optimizers.Optimizer):
        def build(self, variables):
            if self.built:
                return
            super().build(variables)
            self.moments = [self.add_variable_from_reference(v, "mom") for v in variables]
            self.count = self.add_variable((), name="count", dtype="int32")
            self.ones = self.add_variable((2,), initializer="ones", name="ones")
            self.several = self.add_optimizer_variables(variables, ["a", "b"], ["zeros", "ones"])
            self.one = self.add_optimizer_variables(variables, "c")
            self.tracked = keras.Variable(1.0, name="tracked")
            self.listed = [keras.Variable(1.0, name="listed")]

        def update_step(self, gradient, variable, learning_rate):
            self.assign_add(self.moments[self._get_variable_index(variable)], gradient)
            self.assign_sub(variable, keras.ops.multiply(learning_rate, gradient))
            self.assign(self.count, 3)

    optimizer = Own(0.5)
    variables = weights(keras, [1.0, 2.0], [3.0])
    optimizer.apply(ones_like(variables), variables)
    return (
        [(v.name, tuple(v.shape), v.dtype, v.numpy()) for v in optimizer.variables],
        values(*variables),
        optimizer.name,
        len(optimizer.several),
        len(optimizer.one),
        optimizer.get_config(),
    )


@beside_keras
def test_without_an_update_rule(keras):
    variables = weights(keras)
    keras.optimizers.Optimizer(0.1).apply(ones_like(variables), variables)


def test_forgotten_super_init():
    class Own(optimizers.SGD):
        def __init__(self):
            self.mine = lamella.Variable(1.0)

    with pytest.raises(RuntimeError, match=r"Own must call `super\(\).__init__\(\)`"):
        Own()


@beside_keras
def test_overwritten_with_gradient(keras):
    optimizer = keras.optimizers.Adam(0.1, use_ema=True, gradient_accumulation_steps=2, weight_decay=0.1)
    variables = weights(keras, [1.0, 1.0], [1.0, 1.0])
    variables[0].overwrite_with_gradient = True
    variables[0].constraint = lambda w: w * 0.5
    optimizer.build(variables)
    history = []
    for value in (5.0, 6.0, 9.0, 3.0, -1.0, -2.0):
        optimizer.apply([np.full(2, value, "float32"), np.ones(2, "float32")])
        history.append(values(*variables, *optimizer.variables))
    return history, [v.name for v in optimizer.variables]


@beside_keras
def test_only_overwritten(keras):
    optimizer = keras.optimizers.SGD(0.1)
    variables = weights(keras)
    variables[0].overwrite_with_gradient = True
    optimizer.apply([np.full(2, 5.0, "float32")], variables)
    return values(*variables, *optimizer.variables)


@pytest.mark.parametrize("make_copy", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))], ids=["copy", "pickle"])
def test_a_copy_trains_on_its_own(make_copy):
    optimizer, variables = optimizers.Adam(0.1, weight_decay=0.1), weights(lamella)
    optimizer.exclude_from_weight_decay(var_list=variables)
    optimizer.apply(ones_like(variables), variables)
    twin, twin_variables = make_copy((optimizer, variables))
    before = variables[0].numpy()
    twin.apply(ones_like(variables), twin_variables)
    np.testing.assert_array_equal(variables[0].numpy(), before)
    optimizer.apply(ones_like(variables), variables)
    np.testing.assert_array_equal(variables[0].numpy(), twin_variables[0].numpy())


# ---- apply -------------------------------------------------------------------------------------------


@beside_keras
def test_apply_gradients_returns_the_iterations(keras):
    variables = weights(keras)
    optimizer = keras.optimizers.SGD(0.1)
    returned = optimizer.apply_gradients(zip(ones_like(variables), variables))
    return returned, optimizer.apply(ones_like(variables)), optimizer.iterations, values(*variables)


def _nothing(keras, o, v):
    o.apply([])


def _unbuilt(keras, o, v):
    o.apply(ones_like(v))


def _no_pairs(keras, o, v):
    o.apply_gradients([])


def _too_few(keras, o, v):
    o.build(v)
    o.apply(ones_like(v)[:1])


def _unknown(keras, o, v):
    o.build(v)
    o.apply(ones_like(v), weights(keras, [1.0, 2.0], [3.0]))


def _all_missing(keras, o, v):
    o.apply([None, None], v)


def _stateless_unbuilt(keras, o, v):
    o.stateless_apply([], ones_like(v), v)


def _stateless_state(keras, o, v):
    o.build(v)
    o.stateless_apply(o.variables[:1], ones_like(v), v)


def _stateless_trainable(keras, o, v):
    o.build(v)
    o.stateless_apply(o.variables, ones_like(v), v[:1])


def _weights_unbuilt(keras, o, v):
    o.set_weights([1])


def _weights_shape(keras, o, v):
    o.build(v)
    o.set_weights([np.ones(1), np.ones(2)])


@pytest.mark.parametrize(
    "wrong",
    [
        _nothing,
        _unbuilt,
        _no_pairs,
        _too_few,
        _unknown,
        _all_missing,
        _stateless_unbuilt,
        _stateless_state,
        _stateless_trainable,
        _weights_unbuilt,
        _weights_shape,
    ],
)
@beside_keras
def test_wrong_calls(keras, wrong):
    return wrong(keras, keras.optimizers.SGD(0.1), weights(keras, [1.0, 2.0], [3.0]))


def test_more_gradients_than_variables():
    variables = weights(lamella)
    with pytest.raises(ArgumentError, match="2 gradients for 1 variables"):
        optimizers.SGD().apply([np.ones(2), np.ones(2)], variables)


def test_wrong_calls_say_what_to_do():
    variables = weights(lamella)
    with pytest.raises(NotBuiltError, match=r"build\(trainable_variables\)"):
        optimizers.SGD(name="mine").apply(ones_like(variables))
    with pytest.raises(ShapeError, match="iteration"):
        optimizer = optimizers.SGD()
        optimizer.build(variables)
        optimizer.set_weights([np.ones(3), np.ones(())])


@pytest.mark.parametrize("name", ["SGD", "Adam", "RMSprop"])
def test_a_missing_gradient_leaves_its_variable(name):
    variables = weights(lamella, [1.0, 2.0], [3.0])
    optimizer = getattr(optimizers, name)(0.1)
    with pytest.warns(UserWarning, match=r"Gradients do not exist for variables \['w0'\]"):
        optimizer.apply([None, np.ones(1, "float32")], variables)
    assert variables[0].numpy().tolist() == [1.0, 2.0]
    assert variables[1].numpy() < 3.0


def test_gradients_of_another_dtype():
    (variable,) = weights(lamella)
    optimizers.SGD(0.5).apply([np.array([1.0, -1.0], "float64")], [variable])
    assert variable.dtype == "float32"
    assert variable.numpy().tolist() == [0.5, 2.5]
    optimizers.SGD(0.5).apply([[2, 2]], [variable])
    assert variable.numpy().tolist() == [-0.5, 1.5]


def test_one_optimizer_in_a_mixed_precision_scope():
    from lamella.core._scopes import autocast_scope

    (variable,) = weights(lamella, [1.0, 1.0])
    with autocast_scope("float16"):
        optimizers.Adam(1e-4).apply([np.full(2, 1e-3, "float16")], [variable])
    np.testing.assert_allclose(variable.numpy(), 1 - 1e-4, rtol=1e-6)  # which float16 cannot hold


@beside_keras
def test_float64(keras):
    w = keras.Variable(np.array([1.0, 2.0]), dtype="float32", name="w")
    optimizer = keras.optimizers.Adam(0.1, weight_decay=0.1)
    for _ in range(3):
        optimizer.apply([np.array([1.0, -3.0])], [w])
    return values(w)


# ---- the learning rate -------------------------------------------------------------------------------


@beside_keras
def test_learning_rate_assigned_between_steps(keras):
    variables = weights(keras)
    optimizer = keras.optimizers.Adam(0.1)
    history = []
    for rate in (0.1, 1, np.float32(0.5), np.array(0.25)):
        optimizer.learning_rate = rate
        optimizer.apply(ones_like(variables), variables)
        history.append((optimizer.learning_rate, values(*variables)))
    optimizer.learning_rate.assign(0.0)
    optimizer.apply(ones_like(variables), variables)
    return history, values(*variables), optimizer.get_config()["learning_rate"]


@pytest.mark.parametrize("rate", ["fast", np.ones(2)], ids=str)
@beside_keras
def test_bad_learning_rate_assigned(keras, rate):
    keras.optimizers.SGD(0.1).learning_rate = rate


@beside_keras
def test_schedule_assigned_in_the_place_of_a_number(keras):
    variables = weights(keras)
    optimizer = keras.optimizers.SGD(0.1)
    optimizer.apply(ones_like(variables), variables)
    optimizer.learning_rate = keras.optimizers.schedules.ExponentialDecay(0.1, 1, 0.5)
    optimizer.apply(ones_like(variables), variables)
    names = [v.name for v in optimizer.variables]
    return values(*variables), names, float(optimizer.learning_rate), optimizer.get_config()


@beside_keras
def test_number_assigned_in_the_place_of_a_schedule(keras):
    optimizer = keras.optimizers.SGD(keras.optimizers.schedules.ExponentialDecay(0.1, 1, 0.5))
    optimizer.learning_rate = 0.1


@beside_keras
def test_callable_learning_rate(keras):
    rates = iter([0.5, 0.25, 0.125, 0.1, 0.1])
    variables = weights(keras, [0.0])
    optimizer = keras.optimizers.SGD(lambda: next(rates))
    optimizer.apply(ones_like(variables), variables)
    return values(*variables), [v.name for v in optimizer.variables]


def test_learning_rate_is_a_value_of_the_compiled_step():
    optimizer, variables = optimizers.SGD(0.1), weights(lamella)
    optimizer.build(variables)
    traces = []

    def step(state, trained):
        traces.append(1)
        return optimizer.stateless_apply(state, ones_like(variables), trained)

    compiled = jax.jit(step)
    for rate in (0.5, 0.25):
        optimizer.learning_rate = rate
        (moved,), _ = compiled([v.value for v in optimizer.variables], [v.value for v in variables])
        np.testing.assert_allclose(moved, variables[0].numpy() - rate)
    assert len(traces) == 1


# ---- weight decay, averages, accumulation, clipping --------------------------------------------------


@pytest.mark.parametrize("pattern", ["outer", "w", "^w$", "outer/w", "bias"])
@beside_keras
def test_excluded_from_weight_decay_by_name(keras, pattern):
    with keras.name_scope("outer"):
        w = keras.Variable(np.ones(2), name="w")
    optimizer = keras.optimizers.SGD(0.1, weight_decay=0.1)
    optimizer.exclude_from_weight_decay(var_names=[pattern])
    optimizer.apply([np.zeros(2, "float32")], [w])
    return values(w)


@beside_keras
def test_excluded_from_weight_decay(keras):
    variables = weights(keras, [1.0], [1.0], [1.0])
    optimizer = keras.optimizers.Adam(0.1, weight_decay=0.1)
    optimizer.exclude_from_weight_decay(var_names=["w2"])
    optimizer.exclude_from_weight_decay(var_list=[variables[0]])  # in the place of the first
    optimizer.apply([np.zeros(1, "float32")] * 3, variables)
    return values(*variables), [v.name for v in optimizer.variables]


@beside_keras
def test_averages_take_the_place_of_the_variables(keras):
    optimizer = keras.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5, ema_overwrite_frequency=2)
    variables = weights(keras)
    variables[0].constraint = lambda w: w * 0.5
    history = []
    for _ in range(5):
        optimizer.apply([np.full(2, 0.5, "float32")], variables)
        history.append(values(*variables, *optimizer.variables))
    optimizer.finalize_variable_values(variables)
    return history, values(*variables)


@beside_keras
def test_finalize_without_averages(keras):
    variables = weights(keras)
    optimizer = keras.optimizers.SGD(0.1)
    optimizer.build(variables)
    return optimizer.finalize_variable_values(variables), values(*variables)


def test_finalized_variables_do_not_share_memory_with_the_averages():
    optimizer, variables = optimizers.SGD(0.1, use_ema=True), weights(lamella)
    optimizer.apply(ones_like(variables), variables)
    optimizer.finalize_variable_values(variables)
    state = [v.value for v in optimizer.variables]
    step = jax.jit(optimizer.stateless_apply, donate_argnums=(0, 2))
    step(state, ones_like(variables), [v.value for v in variables])  # would be an error: donated twice


@pytest.mark.parametrize("name", ["SGD", "ScheduleFreeAdamW", "Adam"])
def test_all_memory_can_be_donated(name):
    optimizer = getattr(optimizers, name)(0.1, use_ema=True, ema_overwrite_frequency=1, gradient_accumulation_steps=2)
    variables = weights(lamella, [1.0, 2.0], [3.0])
    optimizer.build(variables)
    state, trained = [v.value for v in optimizer.variables], [v.value for v in variables]
    step = jax.jit(optimizer.stateless_apply, donate_argnums=(0, 2))
    for _ in range(3):
        trained, state = step(state, ones_like(variables), trained)
    assert np.isfinite(trained[0]).all()


@beside_keras
def test_iterations_count_updates(keras):
    optimizer = keras.optimizers.SGD(0.1, gradient_accumulation_steps=3)
    variables = weights(keras)
    counts = []
    for _ in range(7):
        optimizer.apply(ones_like(variables), variables)
        counts.append(int(optimizer.iterations))
    return counts


def test_accumulated_steps_equal_one_step_of_the_mean():
    draw = np.random.default_rng(3)
    gradients = [draw.normal(size=2).astype("float32") for _ in range(6)]
    once, at_once = weights(lamella), weights(lamella)
    accumulating, plain = optimizers.Adam(0.1, gradient_accumulation_steps=3), optimizers.Adam(0.1)
    for i, gradient in enumerate(gradients):
        accumulating.apply([gradient], once)
        if i % 3 == 2:
            plain.apply([np.mean(gradients[i - 2 : i + 1], axis=0)], at_once)
        np.testing.assert_allclose(once[0].numpy(), at_once[0].numpy(), rtol=1e-5)


@pytest.mark.parametrize("how", ["clipnorm", "clipvalue", "global_clipnorm"])
@pytest.mark.parametrize(
    "gradients",
    [
        ([3.0, 4.0], [0.0, 0.0]),
        ([0.03, 0.04], [1.0, 1.0]),
        ([0.0, 0.0], [0.0, 0.0]),
        ([np.inf, 1.0], [1.0, 1.0]),
        ([np.nan, 1.0], [1.0, 1.0]),
    ],
    ids=str,
)
@beside_keras
def test_clipping(keras, how, gradients):
    variables = weights(keras, [0.0, 0.0], [0.0, 0.0])
    keras.optimizers.SGD(1.0, **{how: 0.5}).apply([np.array(g, "float32") for g in gradients], variables)
    return values(*variables)


def test_clipping_by_norm_in_float16_does_not_overflow():
    w = lamella.Variable(np.zeros(2, "float16"), dtype="float16", name="w")
    optimizers.SGD(1.0, clipnorm=1.0).apply([np.full(2, 3000.0, "float16")], [w])
    np.testing.assert_allclose(w.numpy(), -(0.5**0.5), rtol=1e-3)


def test_scaled_loss_and_gradients_cancel():
    scaled, plain = weights(lamella), weights(lamella)
    optimizer = optimizers.Adam(0.1, loss_scale_factor=1024.0)
    assert optimizer.scale_loss(2.0) == 2048.0
    optimizer.apply([np.full(2, 1024.0, "float32")], scaled)
    optimizers.Adam(0.1).apply(ones_like(plain), plain)
    np.testing.assert_array_equal(scaled[0].numpy(), plain[0].numpy())


# ---- names and configurations ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "identifier",
    [
        "adam",
        "Adam",
        "ADAM",
        "RMSProp",
        "adamw",
        "schedulefreeadamw",
        "adam_w",
        "nothing",
        None,
        3,
        {"class_name": "Adam", "config": {"learning_rate": 0.5}},
        {"class_name": "adam", "config": {"learning_rate": 0.5}},
    ],
    ids=str,
)
@beside_keras
def test_get(keras, identifier):
    found = keras.optimizers.get(identifier)
    return None if found is None else (type(found).__name__, found.get_config())


def test_get_returns_an_optimizer_as_it_is():
    optimizer = optimizers.SGD()
    assert optimizers.get(optimizer) is optimizer
    with pytest.raises(UnknownNameError, match="Did you mean 'adam'"):
        optimizers.get("adm")
    with pytest.raises(ArgumentError, match="Give an Optimizer"):
        optimizers.get(optimizers.SGD)


def test_an_optimizer_of_ones_own_by_name():
    class Own(optimizers.SGD):
        pass

    with lamella.utils.custom_object_scope({"Own": Own}):
        assert type(optimizers.get("Own")) is Own
    config = {"class_name": "Own", "config": {"learning_rate": 0.5}}
    assert type(optimizers.deserialize(config, custom_objects={"Own": Own})) is Own


def test_loading_from_another_optimizer_warns():
    optimizer, variables = optimizers.Adam(name="mine"), weights(lamella)
    optimizer.build(variables)
    with pytest.warns(UserWarning, match="'mine'.* 4 .* 1 variables"):
        optimizer.load_own_variables({"0": np.ones(())})
    assert int(optimizer.iterations) == 0
