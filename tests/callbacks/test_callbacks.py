"""Each callback beside the one of Keras: the same run, the same decisions."""

import csv

import numpy as np
import pytest

import lamella

keras = pytest.importorskip("keras")
# Keras's own variables answer NumPy 2 in the old way.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")

X = np.random.default_rng(0).normal(size=(60, 3)).astype("float32")
Y = (X[:, :1] - X[:, 1:2]).astype("float32")
FLAT = np.zeros_like(Y)  # nothing to learn: the validation loss stops improving


def pair(optimizer="sgd"):
    """The same model, in lamella and in Keras."""
    models = []
    for k in (lamella, keras):
        model = k.Sequential([k.Input((3,)), k.layers.Dense(1)])
        model.compile(optimizer=optimizer if isinstance(optimizer, str) else optimizer(k), loss="mse", metrics=["mae"])
        models.append(model)
    models[0].set_weights(models[1].get_weights())
    return models


def run(make, epochs=8, optimizer="sgd", **arguments):
    """(callback, history, model) of both, from the same start."""
    results = []
    for k, model in zip((lamella, keras), pair(optimizer)):
        callback = make(k)
        settings = {"shuffle": False, "verbose": 0, "batch_size": 20, "validation_data": (X, Y), **arguments}
        history = model.fit(X, Y, epochs=epochs, callbacks=[callback], **settings)
        results.append((callback, history.history, model))
    return results


def same_history(a, b):
    assert list(a) == list(b)
    for name in a:
        np.testing.assert_allclose(a[name], b[name], rtol=1e-4, atol=1e-6, err_msg=name)


@pytest.mark.parametrize(
    "arguments",
    [
        {"patience": 1, "min_delta": 0.05},
        {"monitor": "val_mae", "patience": 2, "min_delta": 0.2, "restore_best_weights": True},
        {"monitor": "loss", "mode": "max", "patience": 0},
        {"patience": 0, "baseline": 0.0, "start_from_epoch": 3},
        {"patience": 3, "baseline": 100.0},
    ],
)
def test_early_stopping(arguments):
    (ours, mine, model), (theirs, reference, other) = run(lambda k: k.callbacks.EarlyStopping(**arguments), epochs=12)
    same_history(mine, reference)
    assert (ours.stopped_epoch, ours.best_epoch) == (theirs.stopped_epoch, theirs.best_epoch)
    for a, b in zip(model.get_weights(), other.get_weights()):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize(
    "arguments", [{"patience": 1, "factor": 0.5, "min_delta": 0.3}, {"patience": 0, "cooldown": 2, "min_lr": 0.004}]
)
def test_reduce_learning_rate_on_plateau(arguments):
    (_, mine, model), (_, reference, other) = run(lambda k: k.callbacks.ReduceLROnPlateau(**arguments), epochs=10)
    same_history(mine, reference)
    assert float(model.optimizer.learning_rate) == pytest.approx(float(np.asarray(other.optimizer.learning_rate.value)))


def test_reduce_learning_rate_refuses_to_raise_it():
    with pytest.raises(ValueError, match=r"factor >= 1.0"):
        lamella.callbacks.ReduceLROnPlateau(factor=1.5)


@pytest.mark.parametrize("schedule", [lambda epoch, rate: rate * 0.5, lambda epoch: 0.1 / (epoch + 1)])
def test_learning_rate_scheduler(schedule):
    (_, mine, _), (_, reference, _) = run(lambda k: k.callbacks.LearningRateScheduler(schedule))
    same_history(mine, reference)
    assert "learning_rate" in mine


def test_learning_rate_scheduler_wants_floats():
    with pytest.raises(ValueError, match="should be a float"):
        pair()[0].fit(X, Y, verbose=0, callbacks=[lamella.callbacks.LearningRateScheduler(lambda e, r: "fast")])


@pytest.mark.parametrize("append", [False, True])
def test_csv_logger(tmp_path, append):
    files = []
    for k, model in zip((lamella, keras), pair()):
        path = tmp_path / f"{k.__name__}.csv"
        for _ in range(2):
            logger = k.callbacks.CSVLogger(str(path), append=append)
            model.fit(X, Y, epochs=2, shuffle=False, verbose=0, validation_data=(X, Y), callbacks=[logger])
        files.append(list(csv.DictReader(path.read_text().splitlines())))
    mine, reference = files
    assert [list(row) for row in mine] == [list(row) for row in reference]
    for a, b in zip(mine, reference):
        np.testing.assert_allclose([float(v) for v in a.values()], [float(v) for v in b.values()], rtol=1e-4)


def test_lambda_callback_hears_what_it_asked_for():
    traces = []
    for k, model in zip((lamella, keras), pair()):
        trace = []
        callback = k.callbacks.LambdaCallback(
            on_train_begin=lambda logs, t=trace: t.append("begin"),
            on_epoch_end=lambda epoch, logs, t=trace: t.append(("epoch", epoch, sorted(logs))),
            on_train_batch_end=lambda batch, logs, t=trace: t.append(("batch", batch)),
            on_train_end=lambda logs, t=trace: t.append("end"),
        )
        model.fit(X, Y, epochs=2, batch_size=20, verbose=0, callbacks=[callback])
        traces.append(trace)
    assert traces[0] == traces[1]


def test_a_lambda_for_epochs_alone_does_not_cut_the_epoch():
    model = pair()[0]
    model.fit(X, Y, verbose=0, callbacks=[lamella.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: None)])
    assert "nobody listens" in model.training_plan()


def test_a_metric_that_is_not_there_is_named():
    model = pair()[0]
    with pytest.warns(UserWarning, match=r"'val_loss', which is not available. Available metrics are: loss, mae"):
        model.fit(X, Y, verbose=0, callbacks=[lamella.callbacks.EarlyStopping()])


def test_history_is_kept_on_the_model_and_returned():
    model = pair()[0]
    history = model.fit(X, Y, epochs=3, verbose=0)
    assert model.history is history
    assert history.epoch == [0, 1, 2]
    assert isinstance(history, lamella.callbacks.History)


def test_callback_list_collects_and_tells():
    heard = []

    class Hears(lamella.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            heard.append((epoch, self.params, self.model))

    model = object.__new__(type("Model", (), {}))
    callbacks = lamella.callbacks.CallbackList([Hears()], add_history=True, model=model, epochs=2)
    callbacks.on_epoch_begin(1)
    assert heard == [(1, {"epochs": 2}, model)]
    assert any(isinstance(c, lamella.callbacks.History) for c in callbacks.callbacks)
