"""Contracts that every optimizer keeps, run over the table of `optimizer_cases.py` beside the Keras optimizers."""

import inspect
import json

import jax
import numpy as np
import pytest
from contracts.arguments import given, own_arguments
from contracts.optimizer_cases import CASES, NAMES, Case

import lamella
from lamella import optimizers

keras = pytest.importorskip("keras")
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation")  # by Keras's variables

STEPS = 10
by_name = pytest.mark.parametrize("name", NAMES)
# One case of each that uses most of what it can do.
LAST = list({case.name: case for case in CASES if not case.schedule}.values())
one_of_each = pytest.mark.parametrize("case", LAST, ids=str)


def train(keras, case: Case, steps: int = STEPS) -> tuple[list, list]:
    """(what each variable of the model and the optimizer is after each step, the names of the latter)."""
    optimizer, variables = case.make(keras), case.variables(keras)
    history = []
    for step in range(steps):
        optimizer.apply(case.gradients(step), variables)
        history.append([np.asarray(v.numpy(), "float64") for v in [*variables, *optimizer.variables]])
    return history, [(v.path, tuple(v.shape), v.dtype) for v in optimizer.variables]


def train_stateless(case: Case, compiled: bool, steps: int = STEPS) -> list:
    optimizer, variables = case.make(lamella), case.variables(lamella)
    optimizer.build(variables)
    step_fn = jax.jit(optimizer.stateless_apply) if compiled else optimizer.stateless_apply
    trained, state = [v.value for v in variables], [v.value for v in optimizer.variables]
    history = []
    for step in range(steps):
        trained, state = step_fn(state, case.gradients(step), trained)
        history.append([np.asarray(a, "float64") for a in [*trained, *state]])
    assert all(np.all(a.numpy() == b.numpy()) for a, b in zip(variables, case.variables(lamella)))  # untouched
    return history


def assert_same(ours: list, theirs: list, rtol: float = 2e-5, atol: float = 1e-6) -> None:
    for step, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        for i, (x, y) in enumerate(zip(a, b, strict=True)):
            np.testing.assert_allclose(x, y, rtol, atol, err_msg=f"step {step}, variable {i}")


@by_name
def test_every_argument_is_given_by_a_row(name):
    of_the_base = own_arguments(optimizers.Optimizer)
    assert of_the_base - given("SGD", CASES, "arguments") - given("Adam", CASES, "arguments") == {"name"}
    assert own_arguments(getattr(optimizers, name), *of_the_base) - given(name, CASES, "arguments") == set()


# ---- against the oracle ------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES, ids=str)
def test_ten_steps_and_every_slot(case):
    ours, our_names = train(lamella, case)
    theirs, their_names = train(keras, case)
    if case.name == "Nadam":  # its product of momenta is named by a counter of the process
        our_names[-1], their_names[-1] = our_names[-1][1:], their_names[-1][1:]
    assert our_names == their_names
    assert_same(ours, theirs)


@by_name
def test_signature_and_defaults(name):
    ours = inspect.signature(getattr(optimizers, name).__init__).parameters.values()
    theirs = inspect.signature(getattr(keras.optimizers, name).__init__).parameters.values()
    assert [(p.name, p.default, p.kind) for p in ours] == [(p.name, p.default, p.kind) for p in theirs]


@by_name
def test_methods_take_the_same_arguments(name):
    for method in ("build", "update_step"):
        ours = inspect.signature(getattr(getattr(optimizers, name), method))
        theirs = inspect.signature(getattr(getattr(keras.optimizers, name), method))
        assert list(ours.parameters) == list(theirs.parameters)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_configuration(case):
    ours, theirs = case.make(lamella), case.make(keras)
    assert list(ours.get_config().items()) == list(theirs.get_config().items())
    assert optimizers.serialize(ours) == keras.optimizers.serialize(theirs)


@by_name
def test_half_precision_is_near_keras(name):
    case = Case(name, {"learning_rate": 0.01}, dtype="float16", least=0.5)  # smaller squares vanish in float16
    theirs, _ = train(keras, case, steps=3)
    ours, _ = train(lamella, case, steps=3)
    n = len(case.shapes)
    assert_same([h[:n] for h in ours], [h[:n] for h in theirs], rtol=4e-3, atol=4e-3)  # float16 has 11 bits


# ---- laws of our own ---------------------------------------------------------------------------------


@one_of_each
def test_the_configuration_makes_it_again(case):
    first = case.make(lamella)
    config = json.loads(json.dumps(optimizers.serialize(first)))
    again = optimizers.deserialize(config)
    assert type(again) is type(first)
    assert again.get_config() == first.get_config()
    assert type(first).from_config(first.get_config()).get_config() == first.get_config()


@one_of_each
def test_stateless_and_compiled_equal_stateful(case):
    stateful, _ = train(lamella, case, steps=5)
    assert_same(train_stateless(case, compiled=False, steps=5), stateful, rtol=1e-6)
    # The order of sums differs in a compiled program, and what is nearly zero shows it.
    assert_same(train_stateless(case, compiled=True, steps=5), stateful, rtol=2e-5, atol=1e-6)


@one_of_each
def test_training_goes_on_from_saved_variables(case):
    variables, twins = case.variables(lamella), case.variables(lamella)
    first, second = case.make(lamella), case.make(lamella)
    for step in range(3):
        first.apply(case.gradients(step), variables)
    store: dict = {}
    first.save_own_variables(store)
    assert list(store) == [str(i) for i in range(len(first.variables))]
    second.build(twins)
    second.load_own_variables(store)
    for twin, variable in zip(twins, variables):
        twin.assign(variable)
    for step in range(3, 6):
        first.apply(case.gradients(step), variables)
        second.apply(case.gradients(step), twins)
    for a, b in zip([*variables, *first.variables], [*twins, *second.variables]):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


@by_name
def test_update_step_alone_equals_the_first_apply(name):
    without_decay = {"AdamW": {"weight_decay": 0.0}, "Muon": {"weight_decay": None, "adam_weight_decay": None}}
    case = Case(name, without_decay.get(name, {}))
    applied, stepped = case.variables(lamella), case.variables(lamella)
    case.make(lamella).apply(case.gradients(0), applied)
    alone = case.make(lamella)
    alone.build(stepped)
    if name == "Nadam":  # the product of momenta grows once a step, not once a variable
        alone._u_product.assign(0.9 * (1 - 0.5 * 0.96))
    for gradient, variable in zip(case.gradients(0), stepped):
        alone.update_step(gradient, variable, alone.learning_rate)
    for a, b in zip(applied, stepped):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-6)


@by_name
def test_another_learning_rate_for_one_variable(name):
    class Slower(getattr(optimizers, name)):
        def update_step(self, gradient, variable, learning_rate):
            super().update_step(gradient, variable, learning_rate * (0.0 if variable.name == "v0" else 1.0))

    case = Case(name)
    variables = case.variables(lamella)
    before = [v.numpy() for v in variables]
    Slower(learning_rate=0.1, weight_decay=0.0).apply(case.gradients(0), variables)
    if name not in ("Ftrl",):  # which divides by the learning rate
        np.testing.assert_allclose(variables[0].numpy(), before[0], rtol=1e-6)
    assert not np.allclose(variables[1].numpy(), before[1])


@by_name
def test_slots_have_the_dtype_of_their_variable(name):
    case = Case(name, dtype="bfloat16")
    optimizer, variables = case.make(lamella), case.variables(lamella)
    for step in range(3):
        optimizer.apply(case.gradients(step), variables)
    of_variables = [v for v in optimizer.variables if v.name.startswith("v0")]
    assert of_variables or name == "SGD"
    assert {v.dtype for v in of_variables} <= {"bfloat16"}
    assert all(v.dtype == "bfloat16" and np.isfinite(v.numpy().astype("float32")).all() for v in variables)


@by_name
def test_optimizer_finds_the_minimum_of_a_parabola(name):
    rate = {"Adadelta": 30.0, "Ftrl": 1.0, "Adagrad": 1.0}.get(name, 0.05)
    optimizer = getattr(optimizers, name)(learning_rate=rate)
    target = np.array([[0.5, -1.0], [1.5, 2.0]], "float32")
    w = lamella.Variable(np.zeros((2, 2), "float32") + 0.1, name="w")
    optimizer.build([w])
    step = jax.jit(lambda state, values: optimizer.stateless_apply(state, [2 * (values[0] - target)], values))
    values, state = [w.value], [v.value for v in optimizer.variables]
    for _ in range(300):
        values, state = step(state, values)
    np.testing.assert_allclose(values[0], target, atol=0.15)


@by_name
def test_building_compiles_nothing(name, caplog):
    case = Case(name, {"use_ema": True, "gradient_accumulation_steps": 2})
    variables = case.variables(lamella)
    with jax.log_compiles(), caplog.at_level("DEBUG", logger="jax"):
        case.make(lamella).build(variables)
        assert not [r.message for r in caplog.records if "ompil" in r.message]
        jax.jit(lambda x: x + 1)(1.0)  # which is seen
    assert [r.message for r in caplog.records if "ompil" in r.message]


def test_every_public_name():
    public = {n for n in dir(keras.optimizers) if not n.startswith("_")} - {"legacy"}
    assert public <= set(optimizers.__all__)
    schedules = {n for n in dir(keras.optimizers.schedules) if not n.startswith("_")}
    assert set(optimizers.schedules.__all__) - schedules == {"StepDecay"}
    assert schedules <= set(optimizers.schedules.__all__)
