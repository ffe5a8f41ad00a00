"""Accuracies: shapes, dtypes and ties."""

import numpy as np
import pytest
from beside_keras import beside_keras

from lamella import metrics
from lamella.errors import ShapeError

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation")  # by Keras's variables

RNG = np.random.default_rng(5)
LABELS = np.array([0, 1, 2, 1])
SCORES = RNG.uniform(size=(4, 3)).astype("float32")
HOT = np.eye(3)[LABELS]
BITS = np.array([0, 1, 1, 0])
PROBABILITIES = np.array([0.2, 0.7, 0.3, 0.6], "float32")


def both(keras, function, name, y_true, y_pred, **options):
    """What the function returns, and the state of the metric made of it."""
    metric = getattr(keras.metrics, name)(**options)
    metric.update_state(y_true, y_pred)
    values = [getattr(keras.metrics, function)(y_true, y_pred, **options)] if function else []
    return [values, [v.numpy() for v in metric.variables], metric.result()]


def binary_forms(x):
    return {"flat": x, "column": x[:, None], "pairs": np.stack([x, x], -1)}


@beside_keras
@pytest.mark.parametrize("a", ["flat", "column", "pairs"])
@pytest.mark.parametrize("b", ["flat", "column", "pairs"])
def test_binary_shapes(keras, a, b):
    y_true, y_pred = binary_forms(BITS)[a], binary_forms(PROBABILITIES)[b]
    return [
        both(keras, "binary_accuracy", "BinaryAccuracy", y_true, y_pred),
        both(keras, None, "Accuracy", y_true, np.round(y_pred)),
    ]


@beside_keras
@pytest.mark.parametrize(
    "pair",
    [
        (BITS, PROBABILITIES.astype("float16")),
        (BITS.astype(bool), PROBABILITIES),
        (BITS.tolist(), PROBABILITIES.tolist()),
        (BITS * 0.5, PROBABILITIES),
        (np.ones((4, 3, 2)), RNG.uniform(size=(4, 3, 2))),
    ],
    ids=str,
)
def test_binary_kinds(keras, pair):
    return both(keras, "binary_accuracy", "BinaryAccuracy", *pair)


@beside_keras
@pytest.mark.parametrize("threshold", [-1, 0, 0.3, 0.65, 1, 1.5])
def test_threshold(keras, threshold):
    return both(keras, "binary_accuracy", "BinaryAccuracy", BITS, PROBABILITIES, threshold=threshold)


CATEGORICAL = {
    "flat": (HOT, SCORES),
    "batch of one": (HOT[None], SCORES[None]),
    "steps": (HOT.reshape(2, 2, 3), SCORES.reshape(2, 2, 3)),
    "single": (HOT[0], SCORES[0]),
    "one class": (HOT[:, :1], SCORES[:, :1]),
    "lists": (HOT.tolist(), SCORES.tolist()),
    "step of one": (HOT[:, None], SCORES[:, None]),
    "half": (HOT, SCORES.astype("float16")),
}


@beside_keras
@pytest.mark.parametrize("form", CATEGORICAL)
def test_categorical(keras, form):
    first = both(keras, "categorical_accuracy", "CategoricalAccuracy", *CATEGORICAL[form])
    if form in ("batch of one", "single", "one class"):
        return first
    return [first, both(keras, "top_k_categorical_accuracy", "TopKCategoricalAccuracy", *CATEGORICAL[form], k=2)]


SPARSE = {
    "flat": (LABELS, SCORES),
    "column": (LABELS[:, None], SCORES),
    "float labels": (LABELS.astype("float32"), SCORES),
    "bytes": (LABELS.astype("uint8"), SCORES),
    "steps": (LABELS.reshape(2, 2), SCORES.reshape(2, 2, 3)),
    "column steps": (LABELS.reshape(2, 2, 1), SCORES.reshape(2, 2, 3)),
    "step of one": (LABELS[:, None], SCORES[:, None]),
    "column step of one": (LABELS[:, None, None], SCORES[:, None]),
    "half": (LABELS, SCORES.astype("float16")),
    "batch of one": (LABELS[:1], SCORES[:1]),
    "one class": (LABELS[:, None], SCORES[:, :1]),
    "outside": (np.array([0, 5, -1, 2]), SCORES),
    "many classes": (np.array([300, 1]), np.eye(400, dtype="float16")[[300, 2]]),
}


@beside_keras
@pytest.mark.parametrize("form", SPARSE)
def test_sparse(keras, form):
    first = both(keras, "sparse_categorical_accuracy", "SparseCategoricalAccuracy", *SPARSE[form])
    if form in ("one class", "step of one", "column step of one", "many classes"):
        return first
    second = both(keras, "sparse_top_k_categorical_accuracy", "SparseTopKCategoricalAccuracy", *SPARSE[form], k=2)
    return [first, second]


@beside_keras
@pytest.mark.parametrize("k", [1, 2, 3, 5])
def test_k(keras, k):
    return [
        both(keras, "top_k_categorical_accuracy", "TopKCategoricalAccuracy", HOT, SCORES, k=k),
        both(keras, "sparse_top_k_categorical_accuracy", "SparseTopKCategoricalAccuracy", LABELS, SCORES, k=k),
    ]


@beside_keras
@pytest.mark.parametrize("k", [1, 2])
def test_ties_and_nan(keras, k):
    ties = np.array([[0.5, 0.5, 0.5], [0.1, 0.9, 0.9], [0.9, 0.1, 0.9]], "float32")
    nan = np.array([[np.nan, 1, 2]] * 3, "float32")
    return [
        keras.metrics.sparse_top_k_categorical_accuracy(np.array([2, 2, 2]), ties, k=k),
        keras.metrics.sparse_top_k_categorical_accuracy(np.array([0, 1, 2]), nan, k=k),
        keras.metrics.sparse_categorical_accuracy(np.array([0, 1, 2]), ties),
        keras.metrics.categorical_accuracy(np.eye(3), ties),
    ]


@beside_keras
@pytest.mark.parametrize("form", ["flat", "steps", "column"])
def test_sorted_ids(keras, form):
    labels, scores = SPARSE[form]
    ids = np.argsort(-scores, axis=-1).astype("int32")
    name = "sparse_top_k_categorical_accuracy"
    return both(keras, name, "SparseTopKCategoricalAccuracy", labels, ids, k=2, from_sorted_ids=True)


@beside_keras
@pytest.mark.parametrize("weight", [[1, 2], [[1], [2]], [[1, 2], [3, 4]], 3.0], ids=str)
def test_weighted_steps(keras, weight):
    metric = keras.metrics.CategoricalAccuracy()
    metric.update_state(HOT.reshape(2, 2, 3), SCORES.reshape(2, 2, 3), sample_weight=weight)
    return [v.numpy() for v in metric.variables]


@beside_keras
@pytest.mark.parametrize("pair", [(HOT, LABELS), (HOT[:2], SCORES), (LABELS[:3], SCORES)], ids=str)
def test_sparse_labels_that_do_not_fit(keras, pair):
    try:
        return keras.metrics.sparse_categorical_accuracy(*pair)
    except (TypeError, ValueError):
        raise ValueError from None


def test_one_hot_labels_of_a_sparse_accuracy_are_told():
    with pytest.raises(ShapeError, match="class indices"):
        metrics.sparse_categorical_accuracy(HOT, SCORES)


@beside_keras
@pytest.mark.parametrize("name", ["pearson_correlation", "concordance_correlation"])
@pytest.mark.parametrize("axis", [-1, 0, 1])
@pytest.mark.parametrize("kind", ["random", "equal", "opposite", "integers", "half"])
def test_correlations(keras, name, axis, kind):
    x = np.random.default_rng(9).uniform(size=(4, 6)).astype("float32")
    y_true, y_pred = {
        "random": (x, x + x[::-1]),
        "equal": (x, x),
        "opposite": (x, -x),
        "integers": ((10 * x).astype(int), x),
        "half": (x.astype("float16"), x),
    }[kind]
    return getattr(keras.metrics, name)(y_true, y_pred, axis=axis)


def test_correlation_of_a_constant():
    constant, x = np.ones((1, 4), "float32"), np.arange(4, dtype="float32")[None]
    assert np.isnan(metrics.pearson_correlation(constant, x)).all()
    assert metrics.concordance_correlation(constant, x).tolist() == [0.0]
