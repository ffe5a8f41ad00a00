"""Schedules against Keras, on every kind of step."""

import inspect
import json

import jax
import numpy as np
import pytest
from beside_keras import beside_keras

from lamella.errors import ArgumentError
from lamella.optimizers import SGD, schedules

keras = pytest.importorskip("keras")

CASES = [
    ("ExponentialDecay", (0.1, 3, 0.5)),
    ("ExponentialDecay", (0.1, 3, 0.5, True)),
    ("PiecewiseConstantDecay", ([2, 5], [1.0, 0.5, 0.1])),
    ("PiecewiseConstantDecay", ([2, 5], [1, 2, 3])),
    ("CosineDecay", (0.1, 4)),
    ("CosineDecay", (0.1, 4, 0.1)),
    ("CosineDecay", (0.1, 4, 0.1, "mine", 0.5, 3)),
    ("CosineDecay", (0.1, 4, 0.1, "mine", 0.05, 3)),
    ("CosineDecay", (0.1, 4, 0.1, "mine", 0.5, 0)),
    ("CosineDecay", (0.1, 4, 0.1, "mine", None, 5)),
    ("CosineDecayRestarts", (0.1, 3)),
    ("CosineDecayRestarts", (0.1, 3, 1.0)),
    ("CosineDecayRestarts", (0.1, 3, 1.0, 0.5, 0.1)),
    ("CosineDecayRestarts", (0.1, 3, 1.5, 0.5, 0.1)),
    ("InverseTimeDecay", (0.1, 3, 0.5)),
    ("InverseTimeDecay", (0.1, 3, 0.5, True)),
    ("PolynomialDecay", (0.1, 3)),
    ("PolynomialDecay", (0.1, 3, 0.01, 2.0)),
    ("PolynomialDecay", (0.1, 3, 0.01, 2.0, True)),
    ("PolynomialDecay", (0.1, 4, 0.01, 0.5)),
]
cases = pytest.mark.parametrize(("name", "args"), CASES, ids=str)
KINDS = {"int": int, "float": float, "numpy": np.int32, "jax": jax.numpy.asarray}


@cases
@pytest.mark.parametrize("kind", KINDS)
@beside_keras
def test_values(keras, name, args, kind):
    schedule = getattr(keras.optimizers.schedules, name)(*args)
    return [schedule(KINDS[kind](step)) for step in range(14)]


@cases
@beside_keras
def test_configuration(keras, name, args):
    module = keras.optimizers.schedules
    schedule = getattr(module, name)(*args)
    again = module.deserialize(module.serialize(schedule))
    return schedule.get_config(), module.serialize(schedule), again.get_config(), float(again(2))


@cases
def test_compiled_and_over_an_array_of_steps(name, args):
    schedule = getattr(schedules, name)(*args)
    steps = np.arange(12, dtype="int32")
    one_by_one = np.array([float(schedule(int(step))) for step in steps])
    np.testing.assert_allclose(jax.jit(schedule.__call__)(steps), one_by_one, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(schedule(steps), one_by_one, rtol=1e-6, atol=1e-8)
    assert json.loads(json.dumps(schedule.get_config())) == schedule.get_config()


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("ExponentialDecay", (0.1, 0, 0.5)),
        ("CosineDecay", (0.1, -1)),
        ("CosineDecayRestarts", (0.1, 0)),
        ("InverseTimeDecay", (0.1, 0, 0.5)),
        ("PolynomialDecay", (0.1, 0)),
        ("PiecewiseConstantDecay", ([1, 2], [1.0, 2.0])),
    ],
)
@beside_keras
def test_errors(keras, name, args):
    getattr(keras.optimizers.schedules, name)(*args)


@pytest.mark.parametrize("name", sorted({name for name, _ in CASES}))
def test_signatures(name):
    def shape(cls):
        return [(p.name, p.default) for p in inspect.signature(cls).parameters.values()]

    assert shape(getattr(schedules, name)) == shape(getattr(keras.optimizers.schedules, name))


def test_step_decay_is_a_formula():
    schedule = schedules.StepDecay(0.8, 0.5, 10)
    for step in range(45):
        assert float(schedule(step)) == pytest.approx(0.8 * 0.5 ** (step // 10))
    assert schedule.get_config() == {
        "initial_learning_rate": 0.8,
        "drop": 0.5,
        "steps_per_drop": 10,
        "name": "StepDecay",
    }
    assert schedules.deserialize(schedules.serialize(schedule)).get_config() == schedule.get_config()
    with pytest.raises(ArgumentError, match="steps_per_drop"):
        schedules.StepDecay(0.8, 0.5, 0)


@beside_keras
def test_a_schedule_of_ones_own(keras):
    class Own(keras.optimizers.schedules.LearningRateSchedule):
        def __call__(self, step):
            return 0.1 / (step + 1)

    w = keras.Variable(np.zeros(1), name="w")
    optimizer = keras.optimizers.SGD(Own())
    for _ in range(3):
        optimizer.apply([np.ones(1, "float32")], [w])
    return w.numpy(), float(optimizer.learning_rate)


@beside_keras
def test_a_schedule_of_ones_own_without_a_configuration(keras):
    class Own(keras.optimizers.schedules.LearningRateSchedule):
        def __call__(self, step):
            return 0.1

    keras.optimizers.SGD(Own()).get_config()


def test_the_schedule_of_an_optimizer_comes_back_from_its_configuration():
    optimizer = SGD(schedules.CosineDecay(0.5, 10))
    again = SGD.from_config(json.loads(json.dumps(optimizer.get_config())))
    assert float(again.learning_rate) == 0.5
    assert again.get_config() == optimizer.get_config()


def test_without_a_formula():
    with pytest.raises(NotImplementedError, match=r"LearningRateSchedule.*__call__"):
        schedules.LearningRateSchedule()(1)
