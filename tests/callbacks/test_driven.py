"""Callbacks told by hand what an epoch brought, beside those of Keras: what they decide, and what they remember."""

import contextlib
import io
import warnings

import numpy as np
import pytest
from beside_keras import beside_keras

import lamella

LOSSES = [1.0, 0.9, 0.95, 0.94, 0.93, 0.8, 0.81, 0.82, 0.83, 0.84, 0.85]


@pytest.fixture(autouse=True)
def on_numpy():
    with lamella.backend.use("numpy"):
        yield


def model_of(keras):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.1), "mse")
    return model


def told(keras, callback, name="val_loss"):
    """What the model, the logs and standard output look like after each epoch."""
    model = model_of(keras)
    callback.set_model(model)
    out, printed = [], io.StringIO()
    with contextlib.redirect_stdout(printed):
        callback.on_train_begin()
        for epoch, loss in enumerate(LOSSES):
            logs = {name: loss}
            callback.on_epoch_begin(epoch)
            callback.on_epoch_end(epoch, logs)
            out.append((bool(model.stop_training), float(np.asarray(model.optimizer.learning_rate)), logs))
            if model.stop_training:
                break
        callback.on_train_end()
    return out, printed.getvalue()


STOPPING = [
    {},
    {"patience": 2},
    {"patience": 2, "min_delta": 0.15, "verbose": 1},
    {"patience": 2, "mode": "max"},
    {"patience": 1, "baseline": 0.85},
    {"patience": 2, "start_from_epoch": 3},
    {"patience": 3, "restore_best_weights": True, "verbose": 1},
    {"patience": 0, "min_delta": -0.1},
    {"monitor": "loss"},
    {"monitor": "accuracy"},
    {"monitor": "val_other"},
    {"monitor": "val_other", "mode": "min", "patience": 1},
]


@pytest.mark.parametrize("options", STOPPING, ids=str)
@beside_keras
def test_early_stopping(keras, options):
    callback = keras.callbacks.EarlyStopping(**options)
    out = told(keras, callback, options.get("monitor", "val_loss"))
    names = "monitor patience verbose baseline wait stopped_epoch best best_epoch restore_best_weights start_from_epoch mode"
    return out, [getattr(callback, name) for name in names.split()]


PLATEAUS = [
    {},
    {"patience": 1, "verbose": 1},
    {"patience": 1, "cooldown": 2},
    {"patience": 1, "min_lr": 0.05},
    {"patience": 1, "factor": 0.5, "min_lr": 0.09},
    {"patience": 1, "factor": 1.0},
    {"patience": 2, "min_delta": 0.2},
    {"patience": 1, "mode": "max"},
    {"patience": 0},
    {"monitor": "val_accuracy"},
]


@pytest.mark.parametrize("options", PLATEAUS, ids=str)
@beside_keras
def test_reduce_on_plateau(keras, options):
    callback = keras.callbacks.ReduceLROnPlateau(**options)
    out = told(keras, callback, options.get("monitor", "val_loss"))
    names = "monitor factor patience verbose cooldown cooldown_counter wait best min_lr mode"
    return out, [getattr(callback, name) for name in names.split()]


@pytest.mark.parametrize("name", ["EarlyStopping", "ReduceLROnPlateau", "ModelCheckpoint"])
@beside_keras
def test_another_mode_warns_and_is_auto(keras, name):
    options = {"filepath": "a.keras"} if name == "ModelCheckpoint" else {}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        callback = getattr(keras.callbacks, name)(mode="sideways", **options)
    return callback.mode, [issubclass(w.category, UserWarning) for w in caught]


@pytest.mark.parametrize("loss", [float("nan"), float("inf"), 1.0])
@beside_keras
def test_terminate_on_nan(keras, loss):
    model, callback = model_of(keras), keras.callbacks.TerminateOnNaN()
    callback.set_model(model)
    with contextlib.redirect_stdout(io.StringIO()):
        callback.on_batch_end(3, {"loss": loss})
    return bool(model.stop_training)


@beside_keras
def test_lists_of_callbacks(keras):
    both = keras.callbacks.CallbackList(
        [], add_history=True, add_progbar=True, model=model_of(keras), epochs=3, steps=1, verbose=0
    )
    return [type(c).__name__ for c in both.callbacks], both.params


@pytest.mark.parametrize("verbose", ["auto", 0, 2])
@beside_keras
def test_callbacks_hear_of_verbose_as_it_was_given(keras, verbose):
    model, heard = model_of(keras), keras.callbacks.Callback()
    with contextlib.redirect_stdout(io.StringIO()):
        model.predict(np.ones((4, 3), "float32"), verbose=verbose, callbacks=[heard])
    return heard.params
