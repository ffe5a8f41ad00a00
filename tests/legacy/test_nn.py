"""Losses of each example, normalisation, dropout, and the decoding of sequences."""

import numpy as np
import pytest

import lamella.backend as K
from lamella.errors import ShapeError

keras = pytest.importorskip("keras")
RNG = np.random.default_rng(1)
P = RNG.uniform(0.05, 0.95, size=(4, 3)).astype("float32")
LOGITS = RNG.normal(size=(4, 3)).astype("float32")
ONE_HOT = np.eye(3, dtype="float32")[[0, 2, 1, 0]]
BITS = (RNG.uniform(size=(4, 3)) > 0.5).astype("float32")
CLOSE = {"rtol": 1e-5, "atol": 1e-6}


@pytest.mark.parametrize("from_logits", [False, True])
def test_crossentropies_of_each_example(from_logits):
    output = LOGITS if from_logits else P
    softmax = np.exp(LOGITS) / np.exp(LOGITS).sum(-1, keepdims=True)
    probabilities = softmax if from_logits else P / P.sum(-1, keepdims=True)
    expected = -np.log((probabilities * ONE_HOT).sum(-1))
    np.testing.assert_allclose(K.eval(K.categorical_crossentropy(ONE_HOT, output, from_logits)), expected, **CLOSE)
    classes = ONE_HOT.argmax(-1)
    got = K.sparse_categorical_crossentropy(classes, output, from_logits)
    np.testing.assert_allclose(K.eval(got), expected, **CLOSE)
    got = K.sparse_categorical_crossentropy(classes, output, from_logits, ignore_class=0)
    np.testing.assert_allclose(K.eval(got), np.where(classes == 0, 0, expected), **CLOSE)
    p = 1 / (1 + np.exp(-LOGITS)) if from_logits else P
    expected = -np.log(np.where(BITS == 1, p, 1 - p))
    np.testing.assert_allclose(K.eval(K.binary_crossentropy(BITS, output, from_logits)), expected, **CLOSE)


@pytest.mark.parametrize("from_logits", [False, True])
def test_focal_crossentropies_of_each_example(from_logits):
    output = LOGITS if from_logits else P
    p = 1 / (1 + np.exp(-LOGITS)) if from_logits else P
    of_truth = np.where(BITS == 1, p, 1 - p)
    expected = (1 - of_truth) ** 2.0 * -np.log(of_truth)
    got = K.binary_focal_crossentropy(BITS, output, from_logits=from_logits)
    np.testing.assert_allclose(K.eval(got), expected, **CLOSE)
    balanced = K.binary_focal_crossentropy(BITS, output, True, alpha=0.3, from_logits=from_logits)
    np.testing.assert_allclose(K.eval(balanced), np.where(BITS == 1, 0.3, 0.7) * expected, **CLOSE)
    q = np.exp(LOGITS) / np.exp(LOGITS).sum(-1, keepdims=True) if from_logits else P / P.sum(-1, keepdims=True)
    expected = (0.25 * (1 - q) ** 2.0 * -np.log(q) * ONE_HOT).sum(-1)
    got = K.categorical_focal_crossentropy(ONE_HOT, output, from_logits=from_logits)
    np.testing.assert_allclose(K.eval(got), expected, **CLOSE)


def test_bias_add():
    x = RNG.normal(size=(2, 4, 5, 3)).astype("float32")
    first = x.transpose(0, 3, 1, 2)
    channels, whole = RNG.normal(size=3).astype("float32"), RNG.normal(size=(4, 5, 3)).astype("float32")
    np.testing.assert_allclose(K.eval(K.bias_add(x, channels)), x + channels, **CLOSE)
    np.testing.assert_allclose(K.eval(K.bias_add(x, whole)), x + whole, **CLOSE)
    for bias in (channels, whole):
        got = K.eval(K.bias_add(first, bias, data_format="channels_first"))
        np.testing.assert_allclose(got.transpose(0, 2, 3, 1), x + bias, **CLOSE)
    np.testing.assert_allclose(K.eval(K.bias_add(P, channels, "channels_first")), P + channels, **CLOSE)
    with pytest.raises(ShapeError, match="bias"):
        K.bias_add(x, np.ones((5, 3)))


@pytest.mark.parametrize("axis", [-1, 1])
def test_batch_normalization(axis):
    x = RNG.normal(size=(2, 3, 3)).astype("float32")
    mean, var, beta, gamma = (RNG.uniform(0.5, 2, size=3).astype("float32") for _ in range(4))
    expected = keras.ops.batch_normalization(x, mean, var, axis, offset=beta, scale=gamma, epsilon=1e-3)
    got = K.batch_normalization(x, mean, var, beta, gamma, axis=axis)
    np.testing.assert_allclose(K.eval(got), np.asarray(expected), **CLOSE)
    plain = K.batch_normalization(x, mean, var, None, None, axis=axis, epsilon=0.1)
    expected = keras.ops.batch_normalization(x, mean, var, axis, epsilon=0.1)
    np.testing.assert_allclose(K.eval(plain), np.asarray(expected), **CLOSE)


@pytest.mark.parametrize("axes", [[0, 1], [0, 2]])
def test_normalize_batch_in_training(axes):
    x = RNG.normal(2.0, 3.0, size=(6, 5, 4)).astype("float32")
    size = x.shape[({1, 2} - set(axes)).pop()]
    gamma, beta = (RNG.uniform(0.5, 2, size=size).astype("float32") for _ in range(2))
    normed, mean, var = K.normalize_batch_in_training(x, gamma, beta, axes)
    np.testing.assert_allclose(K.eval(mean), x.mean(tuple(axes)), **CLOSE)
    np.testing.assert_allclose(K.eval(var), x.var(tuple(axes)), rtol=1e-4)
    np.testing.assert_allclose(K.eval(normed).mean(tuple(axes)), beta, atol=1e-4)
    np.testing.assert_allclose(K.eval(normed).std(tuple(axes)), gamma, rtol=1e-2)


def test_l2_normalize():
    np.testing.assert_allclose(K.eval(K.l2_normalize(P, axis=1)), P / np.linalg.norm(P, axis=1, keepdims=True), **CLOSE)
    np.testing.assert_allclose(K.eval(K.l2_normalize(P)), P / np.linalg.norm(P), **CLOSE)
    assert K.eval(K.l2_normalize(np.zeros(3, "float32"))).tolist() == [0.0, 0.0, 0.0]


def test_dropout_keeps_the_mean_and_follows_the_noise_shape():
    x = np.ones((200, 20), "float32")
    out = K.eval(K.dropout(x, 0.4, seed=1))
    assert set(np.round(np.unique(out), 4)) == {0.0, np.float32(1.6667)} and abs(out.mean() - 1) < 0.05
    rows = K.eval(K.dropout(x, 0.4, noise_shape=(200, 1), seed=1))
    assert all(len(np.unique(row)) == 1 for row in rows)
    assert K.eval(K.dropout(x, 0.0)).tolist() == x.tolist()


def test_in_top_k_counts_ties_and_refuses_what_is_not_finite():
    predictions = np.array([[0.1, 0.6, 0.3], [0.3, 0.3, 0.4], [np.nan, 1.0, 2.0], [0.5, 0.3, 0.2]], "float32")
    assert K.eval(K.in_top_k(predictions, np.array([2, 0, 0, 7]), 2)).tolist() == [True, True, False, False]
    assert K.eval(K.in_top_k(predictions, np.array([2, 0, 2, 0]), 1)).tolist() == [False, False, True, True]


@pytest.fixture
def ctc():
    y_pred = RNG.uniform(0.1, 1, size=(3, 5, 4)).astype("float32")
    y_pred /= y_pred.sum(-1, keepdims=True)
    return np.array([[0, 1, 2], [2, 2, 0], [1, 0, 0]]), y_pred, np.array([[5], [5], [3]]), np.array([[3], [2], [1]])


def ctc_paths(y_pred, steps):
    """The probability of each label sequence of one example, by adding up all its alignments."""
    import collections
    import itertools

    blank, totals = y_pred.shape[-1] - 1, collections.Counter()
    for path in itertools.product(range(blank + 1), repeat=steps):
        labels = tuple(k for k, _ in itertools.groupby(path) if k != blank)
        totals[labels] += np.prod([y_pred[t, k] for t, k in enumerate(path)])
    return totals


def test_ctc_batch_cost_is_the_probability_of_all_alignments(ctc, keras_ops):
    y_true, y_pred, steps, lengths = ctc
    cost = K.eval(K.ctc_batch_cost(y_true, y_pred, steps, lengths))
    assert cost.shape == (3, 1)
    for i in range(3):
        paths = ctc_paths(y_pred[i].astype("float64"), int(steps[i, 0]))
        expected = -np.log(paths[tuple(y_true[i, : lengths[i, 0]])])
        np.testing.assert_allclose(cost[i, 0], expected, rtol=1e-4)


def test_ctc_decode_greedily_takes_the_best_class_of_each_step(keras_ops):
    path = np.array([[0, 0, 3, 1, 1, 3], [3, 2, 3, 2, 2, 0]])  # 3 is the blank
    y_pred = np.eye(4, dtype="float32")[path] * 0.9 + 0.02
    (labels,), scores = K.ctc_decode(y_pred, np.array([6, 5]))
    assert [[k for k in row if k >= 0] for row in K.eval(labels).tolist()] == [[0, 1], [2, 2]]
    assert K.eval(scores).shape == (2, 1)


@pytest.mark.slow
def test_ctc_decode_with_a_beam_finds_the_most_probable_labels(ctc, keras_ops):
    y_pred = ctc[1][:, :3]
    best, scores = K.ctc_decode(y_pred, np.array([3, 3, 3]), greedy=False, beam_width=20, top_paths=2)
    assert len(best) == 2 and K.eval(scores).shape == (3, 2)
    for i in range(3):
        expected, _ = ctc_paths(y_pred[i], 3).most_common(1)[0]
        assert tuple(k for k in K.eval(best[0])[i].tolist() if k >= 0) == expected
