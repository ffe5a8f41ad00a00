"""When a checkpoint is written and under which name; a run that is interrupted and goes on."""

import os

import keras
import numpy as np
import pytest

import lamella
from lamella.errors import ArgumentError

X = np.arange(24, dtype="float32").reshape(8, 3) / 24
Y = X.sum(1)


class Noted(lamella.Sequential):
    """A model whose files are NumPy's, so that this test is about callbacks alone."""

    def save(self, filepath, overwrite=True, zipped=None, **kwargs):
        self.save_weights(filepath, overwrite)

    def save_weights(self, filepath, overwrite=True, max_shard_size=None):
        with open(filepath, "wb") as file:
            np.savez(file, *[v.numpy() for v in (*self.weights, *self.optimizer.variables)])

    def load_weights(self, filepath, skip_mismatch=False, **kwargs):
        with np.load(filepath) as found:
            for variable, value in zip((*self.weights, *self.optimizer.variables), found.values()):
                variable.assign(value)


def model_of(module=lamella, cls=Noted, seed=0, **options):
    module.utils.set_random_seed(seed)
    model = cls([module.Input((3,)), module.layers.Dense(1)])
    model.compile(module.optimizers.SGD(0.05, momentum=0.9, **options), "mse")
    model.optimizer.build(model.trainable_variables)
    return model


@pytest.mark.parametrize(
    "name, options",
    [
        ("{epoch}-{val_loss:.2f}.keras", {}),
        ("last.h5", {}),
        ("{epoch}.weights.h5", {"save_weights_only": True}),
        ("{epoch}.keras", {"save_best_only": True, "monitor": "loss"}),
        ("{epoch}-{batch}.weights.h5", {"save_weights_only": True, "save_freq": 3}),
        ("{epoch}.keras", {"save_best_only": True, "initial_value_threshold": 0.7}),
        ("{epoch}.keras", {"save_best_only": True, "mode": "max"}),
    ],
)
def test_the_same_files_as_keras(name, options, tmp_path, capsys):
    said = []
    for module, cls in ((lamella, Noted), (keras, keras.Sequential)):
        directory = tmp_path / module.__name__
        directory.mkdir()
        checkpoint = module.callbacks.ModelCheckpoint(directory / name, verbose=1, **options)
        model = model_of(module, cls)
        model.set_weights([np.full((3, 1), 0.1, "float32"), np.zeros(1, "float32")])
        model.fit(
            X, Y, batch_size=4, epochs=4, verbose=0, shuffle=False, validation_data=(X, Y), callbacks=[checkpoint]
        )
        lines = capsys.readouterr().out.replace(str(directory), "").splitlines()
        said.append([line for line in lines if line and "HDF5" not in line])
    assert sorted(os.listdir(tmp_path / "lamella")) == sorted(os.listdir(tmp_path / "keras")) != []
    assert said[0] == said[1]


@pytest.mark.parametrize(
    "options, words",
    [
        ({"filepath": "a.txt"}, "must end in `.keras`"),
        ({"filepath": "a.h5", "save_weights_only": True}, "must end in `.weights.h5`"),
        ({"filepath": "a.keras", "save_freq": "never"}, "Unrecognized save_freq: never"),
        ({"filepath": "a.keras", "save_freq": 0}, "1 or more"),
    ],
)
def test_a_checkpoint_refuses(options, words):
    with pytest.raises(ArgumentError, match=words):
        lamella.callbacks.ModelCheckpoint(**options)


def test_an_unknown_mode_is_automatic():
    with pytest.warns(UserWarning, match="mode 'q' is unknown, fallback to auto mode"):
        assert lamella.callbacks.ModelCheckpoint("a.keras", mode="q").mode == "auto"


def test_a_name_that_the_logs_lack_is_an_error_that_says_what_is_there(tmp_path):
    checkpoint = lamella.callbacks.ModelCheckpoint(tmp_path / "{auc}.keras")
    with pytest.raises(ArgumentError, match=r"asks for 'auc'.*Known are: epoch, loss"):
        model_of().fit(X, Y, verbose=0, callbacks=[checkpoint])


def test_a_missing_metric_warns_and_saves(tmp_path):
    checkpoint = lamella.callbacks.ModelCheckpoint(tmp_path / "a.keras", save_best_only=True)
    with pytest.warns(UserWarning, match="val_loss"):
        model_of().fit(X, Y, verbose=0, callbacks=[checkpoint])
    assert os.listdir(tmp_path) == ["a.keras"]


class Interrupt(lamella.callbacks.Callback):
    """Stops a run by an exception before an epoch."""

    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.epoch:
            raise KeyboardInterrupt


def interrupted(backup, at=3):
    with pytest.raises(KeyboardInterrupt):
        model_of().fit(X, Y, batch_size=2, epochs=6, verbose=0, callbacks=[backup, Interrupt(at)])


@pytest.mark.parametrize("double", [False, True])
def test_a_run_that_goes_on_ends_where_the_uninterrupted_one_does(tmp_path, double):
    whole = model_of()
    whole.fit(X, Y, batch_size=2, epochs=6, verbose=0)
    interrupted(lamella.callbacks.BackupAndRestore(tmp_path / "b", double_checkpoint=double))
    model = model_of(seed=7)  # other weights, other orders
    backup = lamella.callbacks.BackupAndRestore(tmp_path / "b", double_checkpoint=double)
    history = model.fit(X, Y, batch_size=2, epochs=6, verbose=0, callbacks=[backup])
    assert history.epoch == [3, 4, 5]
    for mine, other in zip(model.get_weights(), whole.get_weights()):
        np.testing.assert_array_equal(mine, other)
    assert not (tmp_path / "b").exists()


def test_the_backup_may_stay(tmp_path):
    backup = lamella.callbacks.BackupAndRestore(tmp_path, delete_checkpoint=False)
    model_of().fit(X, Y, epochs=2, verbose=0, callbacks=[backup])
    assert model_of().fit(X, Y, epochs=3, verbose=0, callbacks=[backup]).epoch == [2]
    *states, lock = sorted(os.listdir(tmp_path))
    assert 1 <= len(states) <= 2 and all(name.endswith(".state") for name in states) and lock == "lock"


@pytest.mark.parametrize("options", [{"backup_dir": ""}, {"backup_dir": "b", "save_freq": "x"}])
def test_a_backup_refuses(options):
    with pytest.raises(ArgumentError, match=r"Empty `backup_dir`|Expected either 'epoch' or an integer"):
        lamella.callbacks.BackupAndRestore(**options)


class Seen(lamella.callbacks.Callback):
    """The sum of the kernel at every event."""

    def __init__(self):
        super().__init__()
        self.sums = []

    def on_epoch_begin(self, epoch, logs=None):
        self.note(logs)

    def on_epoch_end(self, epoch, logs=None):
        self.note(logs)

    def on_train_end(self, logs=None):
        self.note({})

    def note(self, logs):
        self.sums.append((float(np.sum(self.model.get_weights()[0])), float((logs or {}).get("val_loss", 0.0))))


class SeenByKeras(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.sums = []

    on_epoch_begin = Seen.on_epoch_begin
    on_epoch_end = Seen.on_epoch_end
    on_train_end = Seen.on_train_end
    note = Seen.note


@pytest.mark.parametrize("swap", [None, False, True])
def test_averaged_weights_come_and_go_as_in_keras(swap):
    traces = []
    for module, cls, seen in ((lamella, Noted, Seen()), (keras, keras.Sequential, SeenByKeras())):
        model = model_of(module, cls, use_ema=True, ema_momentum=0.5)
        model.set_weights([np.full((3, 1), 0.1, "float32"), np.zeros(1, "float32")])
        before = [] if swap is None else [module.callbacks.SwapEMAWeights(swap_on_epoch=swap)]
        options = {"verbose": 0, "shuffle": False, "validation_data": (X, Y)}
        model.fit(X, Y, batch_size=4, epochs=3, callbacks=[*before, seen], **options)
        traces.append(seen.sums)
    np.testing.assert_allclose(*traces, rtol=1e-5)


def test_swapping_needs_averages():
    with pytest.raises(ArgumentError, match="must be used when `use_ema=True`"):
        model_of().fit(X, Y, verbose=0, validation_data=(X, Y), callbacks=[lamella.callbacks.SwapEMAWeights()])
