"""Precision, recall, areas under curves: thresholds, weights, top k, classes, labels."""

import numpy as np
import pytest
from beside_keras import beside_keras
from hypothesis import given, settings
from hypothesis import strategies as st

from lamella import metrics
from lamella.errors import ArgumentError, NotBuiltError, ShapeError
from lamella.metrics._confusion import CELLS, Thresholds, _by_bin, _by_comparison, count_cells

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation")  # by Keras's variables

RNG = np.random.default_rng(11)
LABELS = np.array([0, 1, 1, 0, 1])
SCORES = np.array([0.1, 0.5, 0.8, 0.6, 0.3])
TABLE = RNG.integers(0, 2, (4, 3))
TABLE_SCORES = RNG.uniform(size=(4, 3)).astype("float32")
MANY = RNG.integers(0, 2, 40)
MANY_SCORES = np.round(RNG.uniform(size=40), 2)

CELL_METRICS = ["TruePositives", "FalsePositives", "TrueNegatives", "FalseNegatives"]
RATES = ["Precision", "Recall"]
AT = [
    ("PrecisionAtRecall", "recall"), ("RecallAtPrecision", "precision"),
    ("SensitivityAtSpecificity", "specificity"), ("SpecificityAtSensitivity", "sensitivity"),
]  # fmt: skip


def state(metric, *args, **kwargs):
    metric.update_state(*args, **kwargs)
    return [[v.numpy() for v in metric.variables], metric.result()]


def as_lists(config):
    """A configuration in order, its sequences as lists: those of Keras are of a class of its own."""
    return {k: list(map(float, v)) if isinstance(v, (list, tuple)) else v for k, v in sorted(config.items())}


def pairs(x):
    return np.stack([x, 1 - x], -1)


@beside_keras
@pytest.mark.parametrize("name", CELL_METRICS + RATES)
@pytest.mark.parametrize("thresholds", [None, 0.3, 0.5, [0.5], [0.3, 0.5, 0.7], [0.0, 0.5, 1.0], 0, 1], ids=str)
def test_thresholds(keras, name, thresholds):
    metric = getattr(keras.metrics, name)(thresholds=thresholds)
    return [state(metric, LABELS, SCORES), as_lists(metric.get_config()), list(metric.thresholds)]


@beside_keras
@pytest.mark.parametrize("name", CELL_METRICS + RATES)
@pytest.mark.parametrize("thresholds", [-1, [0.1, 2], "a", [None]], ids=str)
def test_bad_thresholds(keras, name, thresholds):
    try:
        return getattr(keras.metrics, name)(thresholds=thresholds)
    except (TypeError, ValueError):
        raise ValueError from None


WEIGHTED = {
    "flat": (LABELS, SCORES, [1, 2, 3, 4, 5]),
    "scalar": (LABELS, SCORES, 2.0),
    "column labels": (LABELS[:, None], SCORES, [1, 2, 3, 4, 5]),
    "columns": (LABELS[:, None], SCORES[:, None], [1, 2, 3, 4, 5]),
    "pairs by sample": (pairs(LABELS), pairs(SCORES), [1, 2, 3, 4, 5]),
    "pairs by column": (pairs(LABELS), pairs(SCORES), np.arange(5)[:, None]),
    "pairs by element": (pairs(LABELS), pairs(SCORES), np.arange(10).reshape(5, 2)),
}


@beside_keras
@pytest.mark.parametrize("name", [*CELL_METRICS, *RATES, "AUC"])
@pytest.mark.parametrize("form", WEIGHTED)
def test_weights(keras, name, form):
    options = {"num_thresholds": 5} if name == "AUC" else {}
    *pair, weight = WEIGHTED[form]
    return state(getattr(keras.metrics, name)(**options), *pair, sample_weight=weight)


@beside_keras
@pytest.mark.parametrize("name", [*CELL_METRICS, *RATES])
@pytest.mark.parametrize("thresholds", [0.5, [0.0, 0.5, 1.0]], ids=str)
@pytest.mark.parametrize(
    "pair",
    [
        (LABELS, SCORES * 3 - 1),
        (LABELS * 2, SCORES),
        (LABELS * 0.3, SCORES),
        (LABELS.astype(bool), SCORES),
        (np.array([0, 1]), np.array([0.1, np.nan])),
        (np.array([0, 1, 1]), np.array([0.0, 1.0, 0.5])),
    ],
    ids=["outside", "2", "0.3", "bool", "nan", "borders"],
)
def test_unusual_values(keras, name, thresholds, pair):
    if np.isnan(pair[1]).any() and thresholds != 0.5:
        pytest.skip("NaN has no bin")
    return state(getattr(keras.metrics, name)(thresholds=thresholds), *pair)


@beside_keras
@pytest.mark.parametrize("name", RATES)
@pytest.mark.parametrize(
    "options",
    [
        {"top_k": 1}, {"top_k": 2}, {"top_k": 3}, {"class_id": 1}, {"class_id": -1}, {"top_k": 2, "class_id": 1},
        {"top_k": 2, "thresholds": 0.5}, {"top_k": 2, "thresholds": [0.2, 0.8]},
    ],
    ids=str,
)  # fmt: skip
def test_top_k_and_classes(keras, name, options):
    def make():
        return getattr(keras.metrics, name)(**options)

    return [
        state(make(), TABLE, TABLE_SCORES),
        state(make(), TABLE, TABLE_SCORES, sample_weight=[1, 2, 3, 4]),
        state(make(), TABLE.reshape(2, 2, 3), TABLE_SCORES.reshape(2, 2, 3)),
        state(make(), TABLE, np.round(TABLE_SCORES)),
        as_lists(make().get_config()),
    ]


@beside_keras
@pytest.mark.parametrize("name", RATES)
def test_top_k_that_is_too_large(keras, name):
    return state(getattr(keras.metrics, name)(top_k=5), TABLE, TABLE_SCORES)


@beside_keras
@pytest.mark.parametrize("curve", ["ROC", "PR", "PRGAIN", "pr"])
@pytest.mark.parametrize("method", ["interpolation", "minoring", "majoring"])
@pytest.mark.parametrize("options", [{"num_thresholds": 5}, {"thresholds": [0.8, 0.3, 0.5]}], ids=str)
def test_curves(keras, curve, method, options):
    metric = keras.metrics.AUC(curve=curve, summation_method=method, **options)
    return [
        state(metric, MANY, MANY_SCORES),
        state(metric, MANY[:20], MANY_SCORES[20:], sample_weight=np.arange(20)),
        metric.curve.value,
        metric.summation_method.value,
        list(map(float, metric.thresholds)),
        metric.num_thresholds,
    ]


@beside_keras
@pytest.mark.parametrize(
    "options",
    [
        {"multi_label": True}, {"multi_label": True, "num_labels": 3},
        {"multi_label": True, "label_weights": [0.1, 0.2, 0.7]},
        {"label_weights": [0.1, 0.2, 0.7]}, {"from_logits": True}, {"multi_label": True, "from_logits": True}, {},
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("thresholds", [None, [0.2, 0.5, 0.6]], ids=str)
@pytest.mark.parametrize("curve", ["ROC", "PR"])
def test_labels(keras, options, thresholds, curve):
    def make():
        return keras.metrics.AUC(num_thresholds=4, thresholds=thresholds, curve=curve, **options)

    scores = 4 * TABLE_SCORES - 2 if options.get("from_logits") else TABLE_SCORES
    return [state(make(), TABLE, scores), state(make(), TABLE, scores, sample_weight=np.arange(4))]


@beside_keras
@pytest.mark.parametrize(
    "options",
    [
        {"curve": "x"}, {"summation_method": "x"}, {"num_thresholds": 1}, {"num_thresholds": 0}, {"num_labels": 3},
    ],
    ids=str,
)  # fmt: skip
def test_bad_areas(keras, options):
    return keras.metrics.AUC(**options)


@beside_keras
def test_areas_of_nothing(keras):
    return [
        keras.metrics.AUC().result(), keras.metrics.AUC(curve="PR").result(),
        keras.metrics.AUC(multi_label=True, num_labels=2).result(),
        [(v.name, v.shape) for v in keras.metrics.AUC(num_thresholds=4, multi_label=True, num_labels=2).variables],
        keras.metrics.AUC(multi_label=True).variables,
    ]  # fmt: skip


@beside_keras
def test_area_config(keras):
    config = keras.metrics.AUC(thresholds=[0.7, 0.2], curve="PR", multi_label=True, num_labels=3).get_config()
    plain = keras.metrics.AUC(num_thresholds=7, summation_method="minoring", from_logits=True).get_config()
    twin = keras.metrics.AUC.from_config(config)
    return [as_lists(config), as_lists(plain), list(map(float, twin.thresholds))]


@beside_keras
@pytest.mark.parametrize("name,asked", AT)
@pytest.mark.parametrize("value", [0.0, 0.3, 0.5, 0.8, 1.0])
def test_best_rate_under_a_constraint(keras, name, asked, value):
    cls = getattr(keras.metrics, name)
    return [
        state(cls(value), MANY, MANY_SCORES),
        state(cls(value, num_thresholds=3), MANY, MANY_SCORES, sample_weight=np.arange(40)),
        state(cls(value, num_thresholds=1), MANY, MANY_SCORES),
        state(cls(value, num_thresholds=10, class_id=1), TABLE, TABLE_SCORES, sample_weight=np.arange(4)),
        state(cls(value, num_thresholds=4), MANY, 1 - MANY),
        cls(value).result(),
        as_lists(cls(value, num_thresholds=5).get_config()),
        list(cls(value, num_thresholds=5).thresholds),
        getattr(cls(value), asked),
    ]


@beside_keras
@pytest.mark.parametrize("name,asked", AT)
@pytest.mark.parametrize("arguments", [(-0.5,), (1.5,), (0.5, 0), (0.5, -3)], ids=str)
def test_bad_constraints(keras, name, asked, arguments):
    return getattr(keras.metrics, name)(*arguments)


def test_errors_name_the_metric_and_the_shapes():
    with pytest.raises(ShapeError, match=r"Precision .*\(5,\).*\(3,\)"):
        metrics.Precision().update_state(LABELS, SCORES[:3])
    with pytest.raises(ShapeError, match="class_id=5"):
        metrics.Recall(class_id=5).update_state(TABLE, TABLE_SCORES)
    with pytest.raises(ShapeError, match="`sample_weight` of shape"):
        metrics.Recall().update_state(TABLE, TABLE_SCORES, sample_weight=np.ones(3))
    with pytest.raises(ShapeError, match="label_weights"):
        metrics.AUC(label_weights=[1.0, 2.0]).update_state(TABLE, TABLE_SCORES)
    with pytest.raises(ShapeError, match="3 labels"):
        metrics.AUC(multi_label=True, num_labels=3).update_state(TABLE[:, :2], TABLE_SCORES[:, :2])
    with pytest.raises(ShapeError, match=r"\(batch, labels\)"):
        metrics.AUC(multi_label=True).update_state(LABELS, SCORES)
    with pytest.raises(NotBuiltError, match="num_labels"):
        metrics.AUC(multi_label=True).result()
    with pytest.raises(ArgumentError, match="thresholds"):
        metrics.Precision(thresholds=[])


@settings(max_examples=30, deadline=None)
@given(st.integers(3, 9), st.integers(0, 10**6))
def test_bins_and_comparisons_count_the_same(count, seed):
    draw = np.random.default_rng(seed)
    scores = draw.uniform(0.01, 0.99, (20, 2)).astype("float32")
    labels, weight = draw.integers(0, 2, (20, 2)).astype(bool), draw.uniform(size=(20, 2)).astype("float32")
    limits = Thresholds(np.linspace(0, 1, count))
    assert limits.even
    by_bin = _by_bin(limits, labels, scores, weight, CELLS, "float32")
    by_comparison = _by_comparison(limits, labels, scores, weight, CELLS, "float32")
    for cell in CELLS:
        np.testing.assert_allclose(by_bin[cell], by_comparison[cell], 1e-4, 1e-4)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.lists(st.floats(0, 1), min_size=1, max_size=4))
def test_the_four_cells_hold_every_sample(seed, thresholds):
    draw = np.random.default_rng(seed)
    labels, scores, weight = draw.integers(0, 2, 15), draw.uniform(size=15), draw.uniform(size=15)
    counts = count_cells("m", Thresholds(sorted(thresholds)), labels, scores, weight)
    np.testing.assert_allclose(sum(np.asarray(c) for c in counts.values()), weight.sum(), 1e-4)


def test_area_is_that_of_pairs():
    """The area under the ROC curve is the part of pairs that are in order (Hanley and McNeil, 1982)."""
    scores = RNG.choice(np.arange(1, 100), 60, replace=False) / 100 + 0.001
    labels = RNG.integers(0, 2, 60)
    yes, no = scores[labels == 1], scores[labels == 0]
    area = metrics.AUC(num_thresholds=1001)(labels, scores)
    assert float(area) == pytest.approx((yes[:, None] > no).mean(), abs=1e-4)


def test_one_threshold_needs_no_histogram():
    import jax

    metric = metrics.Precision()
    values = metric.stateless_reset_state()
    text = str(jax.make_jaxpr(lambda v, t, p: metric.stateless_update_state(v, t, p))(values, LABELS, SCORES))
    assert "scatter" not in text and "dot_general" not in text and "sort" not in text


@pytest.mark.parametrize("name, arguments", [("MeanIoU", (3,)), ("IoU", (3, [0])), ("BinaryIoU", ())])
@beside_keras
def test_an_update_of_an_iou_returns_the_confusion_matrix(keras, name, arguments):
    metric = getattr(keras.metrics, name)(*arguments)
    return [metric.update_state(np.array([0, 1, 1, 0]), np.array([0, 1, 0, 0])) for _ in range(2)]
