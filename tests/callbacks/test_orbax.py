"""Checkpoints of Orbax: which are kept, and what comes back."""

import os
import sys

import numpy as np
import pytest

import lamella
from lamella.callbacks import OrbaxCheckpoint
from lamella.errors import ArgumentError, MissingPackageError, SerializationError

X = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")
Y = X[:, :2]


@pytest.fixture(scope="module")
def model():
    layers = [lamella.layers.Dense(2), lamella.layers.BatchNormalization(), lamella.layers.Dropout(0.1)]
    model = lamella.Sequential([lamella.Input((3,)), *layers])
    model.compile("adam", "mse", metrics=["mae"])
    return model


def fit(model, callback, epochs=3):
    model.fit(X, Y, epochs=epochs, batch_size=4, validation_data=(X, Y), verbose=0, callbacks=[callback])
    return sorted(os.listdir(callback.directory), key=int)


@pytest.fixture
def needs_orbax():
    pytest.importorskip("orbax.checkpoint")


pytestmark = [
    pytest.mark.filterwarnings("ignore:.*:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*[Ss]harding.*:UserWarning"),
]


@pytest.mark.parametrize(
    "options, kept",
    [
        ({}, ["2"]),
        ({"max_to_keep": None, "save_on_background": False}, ["0", "1", "2"]),
        ({"max_to_keep": 2, "save_freq": 2}, ["4", "6"]),
        ({"save_freq": 4, "save_weights_only": True}, ["4"]),
        ({"save_best_only": True, "initial_value_threshold": 0.0}, []),
        ({"save_best_only": True, "monitor": "val_loss", "mode": "max", "initial_value_threshold": -1.0}, None),
    ],
)
def test_which_checkpoints_are_kept(model, tmp_path, options, kept, needs_orbax):
    found = fit(model, OrbaxCheckpoint(tmp_path / "deep" / "er", **options))
    assert found == kept if kept is not None else len(found) == 1


def test_a_model_comes_back_and_trains_on(model, tmp_path, needs_orbax, capsys):
    callback = OrbaxCheckpoint(tmp_path, verbose=1)
    fit(model, callback)
    assert "Saving checkpoint 2" in capsys.readouterr().out
    assert not callback.is_multihost_enabled() and callback.is_primary_host()
    again = lamella.saving.load_model(tmp_path)
    for mine, theirs in zip(again.weights + again.optimizer.variables, model.weights + model.optimizer.variables):
        np.testing.assert_array_equal(mine.numpy(), theirs.numpy(), mine.path)
    logs = [m.fit(X, Y, batch_size=8, shuffle=False, verbose=0).history["loss"] for m in (model, again)]
    np.testing.assert_allclose(logs[0], logs[1], 1e-6)
    assert not lamella.saving.load_model(tmp_path, compile=False).compiled
    assert fit(model, OrbaxCheckpoint(tmp_path), epochs=1) == ["0"] or "2" in os.listdir(tmp_path)


def test_weights_come_back_into_layers_of_other_names(model, tmp_path, needs_orbax):
    fit(model, OrbaxCheckpoint(tmp_path / "weights", save_weights_only=True), epochs=1)
    twin = lamella.models.clone_model(model)
    other = lamella.Sequential([lamella.Input((3,)), lamella.layers.Dense(2), lamella.layers.BatchNormalization()])
    other.add(lamella.layers.Dropout(0.1))
    for one in (twin, other):
        one.load_weights(tmp_path / "weights")
        assert all(map(np.array_equal, one.get_weights(), model.get_weights()))
    with pytest.raises(SerializationError, match="no configuration"):
        lamella.saving.load_model(tmp_path / "weights")
    smaller = lamella.Sequential([lamella.Input((3,)), lamella.layers.Dense(2)])
    with pytest.raises(SerializationError, match=r"does not fit.*\n.*left over"):
        smaller.load_weights(tmp_path / "weights")
    wider = lamella.Sequential(
        [lamella.Input((4,)), *map(type(model.layers[0]).from_config, [model.layers[0].get_config()])]
    )
    wider.add(lamella.layers.BatchNormalization())
    wider.add(lamella.layers.Dropout(0.1))
    before = wider.get_weights()
    with pytest.raises(SerializationError, match=r"of shape \(3, 2\) is not"):
        wider.load_weights(tmp_path / "weights")
    assert all(map(np.array_equal, before, wider.get_weights()))


@pytest.mark.parametrize("options", [{"save_freq": "x"}, {"save_freq": 0}, {"max_to_keep": 0}])
def test_it_refuses(tmp_path, options, needs_orbax):
    with pytest.raises(ArgumentError):
        OrbaxCheckpoint(tmp_path, **options)


def test_without_orbax_the_error_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "orbax.checkpoint", None)
    with pytest.raises(MissingPackageError, match=r"pip install 'lamella\[orbax\]'"):
        OrbaxCheckpoint(tmp_path)
