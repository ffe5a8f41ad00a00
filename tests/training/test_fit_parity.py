"""`fit`, `evaluate` and `predict` against Keras: the same weights, the same data, the same order, the same numbers."""

import numpy as np
import pytest

import lamella

keras = pytest.importorskip("keras")
# Keras's own variables answer NumPy 2 in the old way.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")

X = np.random.default_rng(0).normal(size=(70, 6)).astype("float32")
LABELS = np.random.default_rng(1).integers(0, 3, 70)
Y = np.random.default_rng(2).normal(size=(70, 2)).astype("float32")
WEIGHTS = np.random.default_rng(3).uniform(0.2, 2, 70).astype("float32")


def classifier(k):
    return k.Sequential([k.Input((6,)), k.layers.Dense(8, activation="tanh"), k.layers.Dense(3, activation="softmax")])


def regressor(k):
    return k.Sequential([k.Input((6,)), k.layers.Dense(8, activation="relu"), k.layers.Dense(2)])


def penalised(k):
    regularizer = k.regularizers.L1L2(0.01, 0.02)
    return k.Sequential(
        [
            k.Input((6,)),
            k.layers.Dense(8, activation="relu", kernel_regularizer=regularizer, activity_regularizer="l2"),
            k.layers.BatchNormalization(),
            k.layers.Dense(2),
        ]
    )


def two_outputs(k):
    x = k.Input((6,), name="x")
    hidden = k.layers.Dense(5, activation="relu", name="hidden")(x)
    outputs = [k.layers.Dense(2, name="a")(hidden), k.layers.Dense(3, activation="softmax", name="b")(hidden)]
    return k.Model(x, outputs)


CASES = {
    "classifier": (
        classifier,
        {"optimizer": "adam", "loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"]},
        LABELS,
        {},
    ),
    "one-hot": (
        classifier,
        {"optimizer": "rmsprop", "loss": "categorical_crossentropy", "metrics": ["acc", "mse"]},
        np.eye(3, dtype="float32")[LABELS],
        {},
    ),
    "regressor": (regressor, {"optimizer": "sgd", "loss": "mse", "metrics": ["mae"]}, Y, {}),
    "sample weights": (
        regressor,
        {"optimizer": "adam", "loss": "mse", "metrics": ["mae"], "weighted_metrics": ["mae"]},
        Y,
        {"sample_weight": WEIGHTS},
    ),
    "class weights": (
        classifier,
        {"optimizer": "adam", "loss": "sparse_categorical_crossentropy", "weighted_metrics": ["accuracy"]},
        LABELS,
        {"class_weight": {0: 1.0, 1: 3.0, 2: 0.5}},
    ),
    "penalties": (penalised, {"optimizer": "adam", "loss": "mae"}, Y, {}),
    "two outputs": (
        two_outputs,
        {
            "optimizer": "adam",
            "loss": ["mse", "sparse_categorical_crossentropy"],
            "loss_weights": [1.0, 0.3],
            "metrics": [["mae"], ["accuracy"]],
        },
        [Y, LABELS],
        {},
    ),
    "two outputs by name": (
        two_outputs,
        {"optimizer": "adam", "loss": {"a": "mse", "b": "sparse_categorical_crossentropy"}, "metrics": {"b": ["acc"]}},
        {"a": Y, "b": LABELS},
        {},
    ),
    "clipped": (regressor, {"optimizer": "CLIPPED", "loss": "huber"}, Y, {}),
}


def compiled(k, make, settings):
    settings = dict(settings)
    if settings["optimizer"] == "CLIPPED":
        settings["optimizer"] = k.optimizers.SGD(0.1, momentum=0.9, nesterov=True, clipnorm=0.5, weight_decay=0.01)
    model = make(k)
    model.compile(**settings)
    return model


@pytest.mark.parametrize("name", CASES)
def test_a_run_gives_the_numbers_of_keras(name):
    make, settings, y, extra = CASES[name]
    ours, theirs = compiled(lamella, make, settings), compiled(keras, make, settings)
    ours.set_weights(theirs.get_weights())
    validation = (X[:20], y[:20] if isinstance(y, np.ndarray) else None)
    arguments = {"batch_size": 16, "epochs": 3, "shuffle": False, "verbose": 0, **extra}
    if isinstance(y, np.ndarray):
        arguments["validation_data"] = validation
    mine = ours.fit(X, y, **arguments)
    reference = theirs.fit(X, y, **arguments)
    assert list(mine.history) == list(reference.history)
    for key, values in reference.history.items():
        np.testing.assert_allclose(mine.history[key], values, rtol=2e-4, atol=2e-6, err_msg=key)
        assert all(type(v) is float for v in mine.history[key])
    for a, b in zip(ours.get_weights(), theirs.get_weights()):
        np.testing.assert_allclose(a, b, rtol=2e-3, atol=2e-5)

    result, expected = ours.evaluate(X, y, verbose=0), theirs.evaluate(X, y, verbose=0)
    assert type(result) is type(expected)
    if name == "sample weights":  # a metric listed twice stands three times in Keras's list; ours has each value once
        expected = expected[:3]
    np.testing.assert_allclose(result, expected, rtol=1e-3, atol=1e-5)
    result, expected = (m.evaluate(X, y, verbose=0, return_dict=True) for m in (ours, theirs))
    assert list(result) == list(expected)
    assert ours.metrics_names == theirs.metrics_names
    np.testing.assert_allclose(list(result.values()), list(expected.values()), rtol=1e-3, atol=1e-5)
    for a, b in zip(*(_listed(m.predict(X, verbose=0, batch_size=32)) for m in (ours, theirs))):
        assert type(a) is np.ndarray and a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)


def _listed(outputs):
    return outputs if isinstance(outputs, list) else [outputs]


@pytest.mark.parametrize("name", ["classifier", "regressor", "two outputs"])
def test_single_batches_give_the_numbers_of_keras(name):
    make, settings, y, _ = CASES[name]
    ours, theirs = compiled(lamella, make, settings), compiled(keras, make, settings)
    ours.set_weights(theirs.get_weights())
    for _ in range(3):
        mine, reference = ours.train_on_batch(X, y), theirs.train_on_batch(X, y)
        np.testing.assert_allclose(mine, reference, rtol=1e-4, atol=1e-6)
        assert type(mine) is type(reference)
    mine, reference = (m.test_on_batch(X, y, return_dict=True) for m in (ours, theirs))
    assert list(mine) == list(reference)
    np.testing.assert_allclose(list(mine.values()), list(reference.values()), rtol=1e-4, atol=1e-6)
    for a, b in zip(*(_listed(m.predict_on_batch(X[:5])) for m in (ours, theirs))):
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)


class Recorder:
    """The trace of hooks and logs, with the steps in between seen or not."""

    HOOKS = (
        "on_train_begin", "on_train_end", "on_epoch_begin", "on_epoch_end", "on_train_batch_begin", "on_train_batch_end",
        "on_test_begin", "on_test_end", "on_test_batch_begin", "on_test_batch_end", "on_predict_begin", "on_predict_end",
        "on_predict_batch_begin", "on_predict_batch_end",
    )  # fmt: skip

    @classmethod
    def make(cls, base, reads_only):
        trace = []

        def hook(name):
            def run(self, *args):
                *index, logs = args if args else (None,)
                logs = {k: v for k, v in (logs or {}).items() if k != "outputs"}
                trace.append((name, tuple(index), {k: float(v) for k, v in logs.items()}))

            return lambda self, *args, logs=None: run(self, *args, *([logs] if logs is not None else []))

        callback = type("Recorder", (base,), {name: hook(name) for name in cls.HOOKS})()
        callback.reads_only = reads_only
        return callback, trace


@pytest.mark.parametrize("reads_only", [True, False], ids=["reads only", "may act"])
def test_callbacks_hear_what_keras_tells_in_the_same_order(reads_only):
    make, settings, y, _ = CASES["classifier"]
    ours, theirs = compiled(lamella, make, settings), compiled(keras, make, settings)
    ours.set_weights(theirs.get_weights())
    traces = []
    for k, model in ((lamella, ours), (keras, theirs)):
        callback, trace = Recorder.make(k.callbacks.Callback, reads_only)
        arguments = {"batch_size": 16, "verbose": 0, "callbacks": [callback]}
        model.fit(X, y, epochs=2, shuffle=False, validation_data=(X[:20], y[:20]), **arguments)
        model.evaluate(X, y, **arguments)
        model.predict(X, **arguments)
        traces.append(trace)
    mine, reference = traces
    assert [(name, index) for name, index, _ in mine] == [(name, index) for name, index, _ in reference]
    for (name, index, logs), (_, _, expected) in zip(mine, reference):
        assert list(logs) == list(expected), (name, index)
        np.testing.assert_allclose(list(logs.values()), list(expected.values()), rtol=2e-4, atol=2e-6, err_msg=name)
