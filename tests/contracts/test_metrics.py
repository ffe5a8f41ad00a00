"""Contracts that every metric keeps, run over the table of `metric_cases.py` beside the Keras metrics."""

import inspect
import json
import logging
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from contracts.arguments import given, own_arguments
from contracts.metric_cases import CASES, STEPS, Case

import lamella
from lamella import metrics
from lamella.backend import use
from lamella.core._inference import infer_spec
from lamella.core._keras_tensor import KerasTensor
from lamella.core._masks import set_mask

keras = pytest.importorskip("keras")
pytestmark = [  # what Keras warns of
    pytest.mark.filterwarnings("ignore:__array__ implementation"),
    pytest.mark.filterwarnings("ignore:Explicitly requested dtype int64"),
]

API = json.loads(Path(__file__).with_name("keras_metrics.json").read_text())
CLASSES = [n for n in API if inspect.isclass(getattr(metrics, n)) and n not in ("Metric", "MeanMetricWrapper")]
NEEDED = {
    "IoU": {"num_classes": 3, "target_class_ids": [0]},
    "MeanIoU": {"num_classes": 3},
    "OneHotIoU": {"num_classes": 3, "target_class_ids": [0]},
    "OneHotMeanIoU": {"num_classes": 3},
    "PrecisionAtRecall": {"recall": 0.5},
    "RecallAtPrecision": {"precision": 0.5},
    "SensitivityAtSpecificity": {"specificity": 0.5},
    "SpecificityAtSensitivity": {"sensitivity": 0.5},
}
every_case = pytest.mark.parametrize("case", CASES, ids=str)


def make(library, case: Case, **more):
    return getattr(library.metrics, case.name)(**{**case.options, **more})


def close(ours, theirs, rtol=2e-5, atol=1e-5):
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
    np.testing.assert_allclose(ours.astype("float64"), theirs.astype("float64"), rtol, atol)


def same_state(ours, theirs, **tolerance):
    """The variables, by name, and the result."""
    assert [v.name for v in ours.variables] == [v.name for v in theirs.variables]
    for a, b in zip(ours.variables, theirs.variables):
        close(a.numpy(), b.numpy(), **tolerance)
    close(ours.result(), theirs.result(), **tolerance)


# ---- names -------------------------------------------------------------------------------------------


def test_every_name_is_there():
    assert sorted(metrics.__all__) == sorted(API)


@pytest.mark.parametrize("name", API)
def test_arguments_and_defaults(name):
    given = []
    for p in inspect.signature(getattr(metrics, name)).parameters.values():
        if p.kind is p.VAR_KEYWORD:
            given.append(f"**{p.name}")
        else:
            given.append(p.name if p.default is p.empty else f"{p.name}={p.default!r}")
    assert given == API[name]["params"]


@pytest.mark.parametrize("name", [n for n in API if "members" in API[n]])
def test_methods(name):
    cls = getattr(metrics, name)
    for member, arguments in API[name]["members"].items():
        found = inspect.getattr_static(cls, member)
        if arguments == "property":
            assert isinstance(found, property)
            continue
        parameters = list(inspect.signature(getattr(cls, member)).parameters.values())
        if not isinstance(found, classmethod):
            parameters = parameters[1:]
        stars = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
        assert [stars.get(p.kind, "") + p.name for p in parameters] == [a.partition("=")[0] for a in arguments]


def test_every_class_is_in_the_table():
    assert {c.name for c in CASES} == set(CLASSES)


@pytest.mark.parametrize("name", CLASSES)
def test_every_argument_is_given_by_a_row(name):
    assert own_arguments(getattr(metrics, name), "name", "dtype") - given(name, CASES, "options") == set()


@pytest.mark.parametrize("name", CLASSES)
def test_defaults_of_the_object(name):
    options = NEEDED.get(name, {})
    lamella.utils.clear_session(), keras.utils.clear_session()
    for _ in range(2):
        ours, theirs = getattr(metrics, name)(**options), getattr(keras.metrics, name)(**options)
        assert (ours.name, ours.dtype) == (theirs.name, theirs.dtype)
        assert [(v.path, v.shape, v.dtype) for v in ours.variables] == [
            (v.path, v.shape, v.dtype) for v in theirs.variables
        ]
        assert theirs.get_config().items() <= ours.get_config().items()


@pytest.mark.parametrize("name", CLASSES)
def test_which_way_is_better(name):
    down = ("Error", "Hinge", "entropy", "Divergence", "Poisson")
    expected = None if name in ("Mean", "Sum") or name.startswith(("True", "False")) else "up"
    assert getattr(metrics, name)(**NEEDED.get(name, {}))._direction == ("down" if name.endswith(down) else expected)


# ---- values ------------------------------------------------------------------------------------------


@every_case
def test_several_updates(case):
    ours, theirs = make(lamella, case), make(keras, case)
    for step in range(STEPS):
        batch = case.draw(step)
        ours.update_state(*batch), theirs.update_state(*batch)
        same_state(ours, theirs)
    ours.reset_state(), theirs.reset_state()
    assert all(not v.numpy().any() for v in ours.variables)
    close(ours(*case.draw(5)), theirs(*case.draw(5)))


@pytest.mark.parametrize("case,form", [(c, f) for c in CASES for f in (*c.weights, "scalar")], ids=str)
def test_several_weighted_updates(case, form):
    if form == "scalar" and case.name in ("FBetaScore", "F1Score"):
        pytest.skip("Keras takes one weight for each sample only")
    ours, theirs = make(lamella, case), make(keras, case)
    for step in range(STEPS):
        weight = 1.5 if form == "scalar" else case.weight(form, step)
        ours.update_state(*case.draw(step), sample_weight=weight)
        theirs.update_state(*case.draw(step), sample_weight=weight)
    same_state(ours, theirs, atol=5e-5)


@every_case
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision(case, dtype):
    if "dtype" in case.options or "IoU" in case.name:
        pytest.skip("counts: no arithmetic of its own dtype")
    ours, theirs = make(lamella, case, dtype=dtype), make(keras, case, dtype=dtype)
    assert ours.dtype == theirs.dtype
    for step in range(STEPS):
        ours.update_state(*case.draw(step)), theirs.update_state(*case.draw(step))
    assert [v.dtype for v in ours.variables] == [v.dtype for v in theirs.variables]
    tolerance = 1e-2 if dtype == "float16" else 6e-2
    close(ours.result(), theirs.result(), tolerance, tolerance)


MASKED = [c for c in CASES if issubclass(getattr(metrics, c.name), metrics.MeanMetricWrapper) or c.name == "Mean"]


@pytest.mark.parametrize("case", MASKED, ids=str)
@pytest.mark.parametrize("weighted", [False, True])
def test_masks(case, weighted):
    rank = 1 if len(case.shape) < 3 else 2
    if case.name in ("Accuracy", "BinaryAccuracy"):
        rank = len(case.shape)
    if case.options.get("axis") == 1:
        rank = 1
    mask = np.random.default_rng(3).uniform(size=case.shape[:rank]) < 0.6
    *first, last = case.draw()
    weight = np.random.default_rng(4).uniform(0, 2, mask.shape).astype("float32") if weighted else None
    our_last, their_last = jnp.asarray(last), jnp.array(last)
    set_mask(our_last, jnp.asarray(mask))
    their_last._keras_mask = jnp.asarray(mask)
    ours, theirs = make(lamella, case), make(keras, case)
    ours.update_state(*first, our_last, sample_weight=weight)
    theirs.update_state(*first, their_last, sample_weight=weight)
    same_state(ours, theirs)


@every_case
def test_same_on_numpy(case):
    with use("numpy"):
        ours = make(lamella, case)
        ours.update_state(*case.draw(0))
        result = ours.result()
        assert isinstance(result, (np.ndarray, np.generic))
    twin = make(lamella, case)
    close(result, twin(*case.draw(0)))


# ---- use ---------------------------------------------------------------------------------------------


@every_case
def test_stateless_equals_stateful(case):
    stateful, stateless = make(lamella, case), make(lamella, case)
    stateless.update_state(*case.draw(0))  # some make their variables at the first update
    values = stateless.stateless_reset_state()
    before = [v.numpy() for v in stateless.variables]

    update = jax.jit(lambda values, batch: stateless.stateless_update_state(values, *batch))
    for step in range(STEPS):
        stateful.update_state(*case.draw(step))
        values = update(values, case.draw(step))
    for value, variable in zip(values, stateful.variables):
        close(value, variable.numpy())
    close(jax.jit(stateless.stateless_result)(values), stateful.result())
    for was, variable in zip(before, stateless.variables):
        np.testing.assert_array_equal(was, variable.numpy())


@every_case
def test_config_round_trip(case):
    ours = make(lamella, case, name="mine")
    config = json.loads(json.dumps(metrics.serialize(ours)))
    twin = metrics.deserialize(config)
    assert type(twin) is type(ours)
    assert json.dumps(twin.get_config()) == json.dumps(ours.get_config())
    theirs = keras.metrics.deserialize(config)  # Keras reads what we write
    batch = case.draw()
    close(twin(*batch), ours(*batch))
    close(ours.result(), theirs(*batch))


@every_case
def test_symbolic(case):
    """A metric can be drawn: shapes of its result follow without values."""
    metric = make(lamella, case)
    batch = case.draw()
    symbols = [KerasTensor((None, *x.shape[1:]), dtype=str(x.dtype)) for x in batch]
    drawn = infer_spec(metric, tuple(symbols), {})
    real = make(lamella, case)(*batch)
    assert drawn.shape == tuple(real.shape)
    assert drawn.dtype == str(real.dtype)
    assert all(not v.numpy().any() for v in metric.variables)


@every_case
def test_update_without_weights_compiles_to_few_operations(case):
    """Nothing of an update may leave the program: it traces, and has no callbacks."""
    metric = make(lamella, case)
    metric.update_state(*case.draw(0))
    values = metric.stateless_reset_state()
    text = str(jax.make_jaxpr(lambda v, b: metric.stateless_update_state(v, *b))(values, case.draw(0)))
    assert "callback" not in text


def test_nothing_is_compiled_to_make_or_reset():
    made = [make(lamella, c) for c in CASES]
    for metric in made:
        metric.update_state(*CASES[made.index(metric)].draw(0))
    records = []
    with jax.log_compiles(True):
        handler = logging.Handler()
        handler.emit = records.append
        logger = logging.getLogger("jax")
        logger.addHandler(handler)
        try:
            for case, metric in zip(CASES, made):
                make(lamella, case)
                metric.reset_state()
        finally:
            logger.removeHandler(handler)
    assert not [r.getMessage() for r in records if "Compiling" in r.getMessage()]
