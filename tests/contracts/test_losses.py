"""Contracts that every loss keeps, run over the table of `loss_cases.py` beside the Keras losses."""

import inspect
import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from contracts.arguments import given, own_arguments
from contracts.loss_cases import CASES, Case

import lamella
from lamella import losses
from lamella.backend import use
from lamella.core._keras_tensor import KerasTensor
from lamella.core._masks import set_mask

keras = pytest.importorskip("keras")

API = json.loads(Path(__file__).with_name("keras_losses.json").read_text())
CLASSES = [name for name, entry in API.items() if "members" in entry or name == "Loss"]
every_case = pytest.mark.parametrize("case", CASES, ids=str)
# dtype, relative and absolute tolerance: a few roundings of sums of a dozen terms
DTYPES = [("float32", 2e-5, 1e-5), ("float16", 1e-2, 1e-2), ("bfloat16", 6e-2, 6e-2)]
REDUCTIONS = ["sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none", None]


def make(library, case: Case, **more):
    return getattr(library.losses, case.name)(**case.options, **more)


def function(library, case: Case):
    options = dict(case.options)
    return lambda y_true, y_pred: getattr(library.losses, case.function)(y_true, y_pred, **options)


def close(ours, theirs, rtol=2e-5, atol=1e-5):
    assert tuple(ours.shape) == tuple(theirs.shape)
    np.testing.assert_allclose(np.asarray(ours, "float64"), np.asarray(theirs, "float64"), rtol, atol)


# ---- names -------------------------------------------------------------------------------------------


def test_every_name_is_there():
    assert sorted(losses.__all__) == sorted(API)


@pytest.mark.parametrize("name", API)
def test_arguments_and_defaults(name):
    parameters = inspect.signature(getattr(losses, name)).parameters.values()
    given = [
        str(p.replace(annotation=inspect.Parameter.empty)).replace(" ", "")
        if p.kind == p.VAR_KEYWORD
        else p.name
        if p.default is p.empty
        else f"{p.name}={p.default!r}"
        for p in parameters
    ]
    assert given == API[name]["params"]


def test_every_class_and_function_is_in_the_table():
    assert {c.name for c in CASES} | {"Loss"} == set(CLASSES)
    assert {c.function for c in CASES} == set(API) - set(CLASSES) - {"get", "serialize", "deserialize"}


@pytest.mark.parametrize("name", sorted(set(CLASSES) - {"Loss"}))
def test_every_argument_is_given_by_a_row(name):
    arguments = own_arguments(getattr(losses, name), "name", "dtype", "reduction")  # shared ones: tested for all, below
    assert arguments - given(name, CASES, "options") == set()


@pytest.mark.parametrize("name", sorted(set(CLASSES) - {"Loss"}))
def test_default_name_and_reduction(name):
    ours, theirs = getattr(losses, name)(), getattr(keras.losses, name)()
    assert (ours.name, ours.reduction, ours.dtype) == (theirs.name, theirs.reduction, theirs.dtype)
    assert theirs.get_config().items() <= ours.get_config().items()


# ---- values ------------------------------------------------------------------------------------------


@every_case
def test_function(case):
    y_true, y_pred = case.draw()
    ours, theirs = function(lamella, case)(y_true, y_pred), function(keras, case)(y_true, y_pred)
    assert ours.dtype == theirs.dtype
    close(ours, theirs)


@every_case
def test_gradient_of_function(case):
    y_true, y_pred = case.draw()
    weights = np.random.default_rng(1).uniform(0.5, 2, function(keras, case)(y_true, y_pred).shape)

    def total(library):
        return jax.grad(lambda p: jnp.sum(function(library, case)(y_true, p) * jnp.asarray(weights, "float32")))

    close(total(lamella)(jnp.asarray(y_pred)), total(keras)(jnp.asarray(y_pred)), 1e-4, 1e-5)


@every_case
@pytest.mark.parametrize("dtype,rtol,atol", DTYPES, ids=[d[0] for d in DTYPES])
def test_object_in_each_dtype(case, dtype, rtol, atol):
    y_true, y_pred = case.draw()
    ours, theirs = make(lamella, case, dtype=dtype), make(keras, case, dtype=dtype)
    assert ours.dtype == theirs.dtype == dtype
    value, expected = ours(y_true, y_pred), theirs(y_true, y_pred)
    assert value.dtype == expected.dtype
    close(value, expected, rtol, atol)


def weights_for(shape):
    """Weights of every form that broadcasts to losses of `shape`."""
    full = np.random.default_rng(2).uniform(0, 2, shape).astype("float32")
    forms = [None, 1.5, full, full[..., None]]
    return [*forms, full[:, :1]] if len(shape) > 1 else forms


@every_case
def test_weights(case):
    y_true, y_pred = case.draw()
    ours, theirs = make(lamella, case), make(keras, case)
    for weight in weights_for(make(keras, case, reduction=None)(y_true, y_pred).shape):
        close(ours(y_true, y_pred, sample_weight=weight), theirs(y_true, y_pred, sample_weight=weight), atol=5e-5)


DIFFERENT_SHAPES = [
    next(c for c in CASES if c.name == "Hinge"),
    next(c for c in CASES if c.name == "Huber" and len(c.shape) == 3),
    next(c for c in CASES if c.options.get("ignore_class")),
    next(c for c in CASES if c.name == "Dice"),
]


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("case", DIFFERENT_SHAPES, ids=str)
def test_reductions(case, reduction):
    y_true, y_pred = case.draw()
    shape = make(keras, case, reduction=None)(y_true, y_pred).shape
    mask = np.random.default_rng(3).uniform(size=shape) < 0.6
    ours, theirs = make(lamella, case, reduction=reduction), make(keras, case, reduction=reduction)
    for weight in weights_for(shape):
        close(ours(y_true, y_pred, sample_weight=weight), theirs(y_true, y_pred, sample_weight=weight), atol=5e-5)
        if shape and np.ndim(weight) in (0, len(shape)):
            ours_pred, theirs_pred = masked(y_pred, mask)
            close(ours(y_true, ours_pred, weight), theirs(y_true, theirs_pred, weight), atol=5e-5)


def masked(x, mask):
    """`x` with a mask as lamella keeps it, and as Keras does."""
    ours, theirs = jnp.asarray(x), jnp.array(x)
    set_mask(ours, jnp.asarray(mask))
    theirs._keras_mask = jnp.asarray(mask)
    return ours, theirs


@pytest.mark.parametrize("case", [c for c in CASES if c.name not in ("Dice", "Tversky")], ids=str)
def test_masks(case):
    y_true, y_pred = case.draw()
    shape = make(keras, case, reduction=None)(y_true, y_pred).shape
    ours, theirs = masked(y_pred, np.random.default_rng(3).uniform(size=shape) < 0.6)
    close(make(lamella, case)(y_true, ours), make(keras, case)(y_true, theirs), atol=5e-5)


@every_case
def test_gradient_of_object_under_jit(case):
    y_true, y_pred = case.draw()
    ours = jax.jit(jax.value_and_grad(lambda p: jnp.sum(make(lamella, case)(y_true, p))))(jnp.asarray(y_pred))
    theirs = jax.value_and_grad(lambda p: jnp.sum(make(keras, case)(y_true, p)))(jnp.asarray(y_pred))
    close(ours[0], theirs[0])
    close(ours[1], theirs[1], 1e-4, 1e-5)


@pytest.mark.parametrize("case", [c for c in CASES if c.name != "CTC"], ids=str)
def test_same_on_numpy(case):
    y_true, y_pred = case.draw()
    with use("numpy"):
        ours = make(lamella, case)(y_true, y_pred)
    assert isinstance(ours, (np.ndarray, np.generic))
    close(ours, make(lamella, case)(y_true, y_pred))


# ---- use ---------------------------------------------------------------------------------------------


@every_case
def test_config_round_trip(case):
    ours = make(lamella, case, reduction="sum", name="mine")
    config = json.loads(json.dumps(losses.serialize(ours)))
    twin = losses.deserialize(config)
    assert type(twin) is type(ours)
    assert json.dumps(twin.get_config()) == json.dumps(ours.get_config())
    y_true, y_pred = case.draw()
    close(twin(y_true, y_pred), ours(y_true, y_pred))
    assert losses.get(config).name == "mine"
    if case.name != "CategoricalGeneralizedCrossEntropy":  # which Keras 3.15 cannot read again, even from itself
        close(ours(y_true, y_pred), keras.losses.deserialize(config)(y_true, y_pred), atol=5e-5)


@every_case
@pytest.mark.parametrize("batch", [None, 6])
def test_symbolic(case, batch):
    y_true, y_pred = case.draw()
    if case.name == "Circle" and batch is None:
        pytest.skip("compares each sample with each: the batch must be known to draw it")
    t = KerasTensor((batch, *y_true.shape[1:]), dtype=str(y_true.dtype))
    p = KerasTensor((batch, *y_pred.shape[1:]), dtype="float32")
    for reduction in ("sum_over_batch_size", None):
        drawn = make(lamella, case, reduction=reduction)(t, p)
        real = make(lamella, case, reduction=reduction)(y_true, y_pred)
        assert isinstance(drawn, KerasTensor)
        assert drawn.dtype == str(real.dtype)
        expected = tuple(
            batch if i == 0 and n == 6 and case.name not in ("Dice", "Tversky") else n for i, n in enumerate(real.shape)
        )
        if case.name in ("Dice", "Tversky") and real.shape[:1] == (6,):
            expected = (batch, *real.shape[1:])
        assert drawn.shape == expected


def test_no_half_precision_labels():
    """A bfloat16 loss keeps large class indices apart, which bfloat16 itself does not."""
    labels, logits = np.array([256, 257]), np.zeros((2, 300), "float32")
    logits[:, 257] = 10.0
    loss = losses.SparseCategoricalCrossentropy(from_logits=True, dtype="bfloat16", reduction=None)(labels, logits)
    assert loss[0] > 5 > loss[1]
