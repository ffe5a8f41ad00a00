"""The directory in which the state of training is kept: damaged files, a full disk, no right to write, two who write."""

import os
import resource
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

import lamella
from lamella.callbacks import BackupAndRestore
from lamella.callbacks._state_directory import StateDirectory
from lamella.errors import ArgumentError, CheckpointError, SerializationError
from lamella.saving._state_file import pack_state, read_state, write_state

X = np.arange(24, dtype="float32").reshape(8, 3) / 24
Y = X.sum(1)


def model_of(units=1, **options):
    lamella.utils.set_random_seed(0)
    model = lamella.Sequential([lamella.Input((3,)), lamella.layers.Dense(units)])
    model.compile(lamella.optimizers.SGD(0.05, momentum=0.9), "mse", **options)
    return model


class At(lamella.callbacks.Callback):
    """Does something at the end of an epoch."""

    def __init__(self, epoch, action):
        super().__init__()
        self.epoch, self.action = epoch, action

    def on_epoch_end(self, epoch, logs=None):
        if epoch == self.epoch:
            self.action()


def stop():
    raise KeyboardInterrupt


def interrupted(directory, at=3, model=None, data=(X, Y), **options):
    options = {"batch_size": 2, "resume": directory} | options
    with pytest.raises(KeyboardInterrupt):
        (model or model_of()).fit(*data, epochs=6, verbose=0, callbacks=[At(at, stop)], **options)


def states(directory):
    return sorted(p.name for p in directory.glob("*.state"))


# ---- files of states -----------------------------------------------------------------------------------


def test_a_state_is_read_as_it_was_written(tmp_path):
    import ml_dtypes

    tree = {
        "numbers": [1, -(2**100), 0.1, float("inf"), True, None, "text"],
        "array": 3,
        "dict": {"dict": {}, "array": {"array": 1}},
        "arrays": [np.arange(6, dtype=dtype).reshape(2, 3) for dtype in ("float32", "uint8", ml_dtypes.bfloat16)],
        "empty": np.zeros((0, 2), "int64"),
    }
    write_state(tmp_path / "a.state", pack_state(tree))
    found = read_state(tmp_path / "a.state")
    assert {k: v for k, v in found.items() if k not in ("arrays", "empty")} == {
        k: v for k, v in tree.items() if k not in ("arrays", "empty")
    }
    for mine, other in zip([*found["arrays"], found["empty"]], [*tree["arrays"], tree["empty"]]):
        np.testing.assert_array_equal(mine, other, strict=True)


@pytest.mark.parametrize("value", [object(), {1: 2}, {"a": [{1, 2}]}, np.array([None])])
def test_a_state_of_other_things_is_refused_with_their_place(value):
    with pytest.raises(ArgumentError, match=r"state\['x'\].*may hold dicts"):
        pack_state({"x": value})


# ---- damage ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("damage", ["cut", "flip", "empty"])
def test_a_damaged_state_falls_back_to_the_one_before_and_says_so(tmp_path, damage):
    whole = model_of()
    record = whole.fit(X, Y, batch_size=2, epochs=6, verbose=0)
    interrupted(tmp_path, at=2)
    interrupted(tmp_path, at=4)
    older, newest = states(tmp_path)
    content = bytearray((tmp_path / newest).read_bytes())
    if damage == "flip":
        content[len(content) // 2] ^= 1
    (tmp_path / newest).write_bytes(content[: {"cut": len(content) // 2, "flip": None, "empty": 0}[damage]])
    model = model_of()
    with pytest.warns(
        RuntimeWarning, match=rf"newest state .* cannot be read .*{newest}.* from the one before, {older}"
    ):
        history = model.fit(X, Y, batch_size=2, epochs=6, verbose=0, resume=tmp_path)
    assert (history.epoch, history.history) == (record.epoch, record.history)
    for mine, other in zip(model.get_weights(), whole.get_weights()):
        np.testing.assert_array_equal(mine, other)


def test_when_no_state_can_be_read_it_says_what_to_do(tmp_path):
    interrupted(tmp_path)
    for name in states(tmp_path):
        (tmp_path / name).write_bytes(b"nothing")
    with pytest.raises(CheckpointError, match=r"can be read. Delete the directory to begin anew"):
        model_of().fit(X, Y, verbose=0, callbacks=[BackupAndRestore(tmp_path)])


def test_the_state_of_another_model_is_an_error_and_not_a_fallback(tmp_path):
    interrupted(tmp_path)
    model = model_of(units=2)
    before = model.get_weights()
    with pytest.raises(SerializationError, match=r"state is of another model .*\(3, 1\).*\(3, 2\)"):
        model.fit(X, np.stack([Y, Y], 1), verbose=0, resume=tmp_path)
    for mine, other in zip(model.get_weights(), before):
        np.testing.assert_array_equal(mine, other)


def test_leftovers_of_a_killed_process_are_deleted(tmp_path):
    interrupted(tmp_path)
    (tmp_path / ".00000009.state.abcdef.tmp").write_bytes(b"half")
    (tmp_path / "notes.txt").write_text("mine")
    model_of().fit(X, Y, batch_size=2, epochs=6, verbose=0, callbacks=[BackupAndRestore(tmp_path)])
    assert os.listdir(tmp_path) == ["notes.txt"]


# ---- writing fails -----------------------------------------------------------------------------------------


def limit_files(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def test_a_full_disk_is_told_and_training_goes_on(tmp_path):
    """A limit of the size of files: the disk is full in the middle of a state, from epoch 2 to epoch 4."""
    whole = model_of()
    whole.fit(X, Y, batch_size=2, epochs=6, verbose=0)
    seen = []

    def fill():
        while not states(tmp_path):
            time.sleep(0.001)
        limit_files(3000)

    callbacks = [
        At(1, fill),
        At(3, lambda: seen.append(states(tmp_path))),
        At(4, lambda: limit_files(resource.RLIM_INFINITY)),
    ]
    model = model_of()
    try:
        with pytest.warns(
            RuntimeWarning, match=r"could not be written to .*File too large. Training goes on; the state before"
        ):
            model.fit(X, Y, batch_size=2, epochs=6, verbose=0, callbacks=callbacks, resume=tmp_path)
    finally:
        limit_files(resource.RLIM_INFINITY)
    assert seen == [["00000001.state"]]
    assert states(tmp_path)[-1] > "00000001.state" and not list(tmp_path.glob(".*"))
    for mine, other in zip(model.get_weights(), whole.get_weights()):
        np.testing.assert_array_equal(mine, other)
    assert model_of().fit(X, Y, epochs=6, verbose=0, resume=tmp_path).epoch == list(range(6))


def test_a_directory_without_the_right_to_write_is_an_error_before_training(tmp_path):
    """As another user than root, who may write anywhere."""
    program = f"""
        import os
        import numpy as np
        import lamella
        from lamella.callbacks._state_directory import StateDirectory
        os.chmod({str(tmp_path)!r}, 0o555)
        if os.getuid() == 0:
            os.setuid(65534)
        for path in ({str(tmp_path)!r}, {str(tmp_path / "new")!r}):
            try:
                StateDirectory(path).open()
            except lamella.errors.CheckpointError as error:
                print(error)
    """
    os.chmod(tmp_path, 0o755)
    for parent in tmp_path.parents[:-2]:
        os.chmod(parent, 0o755)
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True)
    assert done.stdout.count("Permission denied. Give a directory that can be written") == 2, done.stderr
    with pytest.raises(CheckpointError, match="cannot be kept in"):
        model_of().fit(X, Y, verbose=0, resume="/dev/null/state")


# ---- two who write -----------------------------------------------------------------------------------------


def test_two_runs_cannot_write_to_one_directory(tmp_path):
    program = f"""
        import sys
        from lamella.callbacks._state_directory import StateDirectory
        StateDirectory({str(tmp_path)!r}).open()
        print("open", flush=True)
        sys.stdin.read()
    """
    other = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with other:
        assert other.stdout.readline() == "open\n"
        with pytest.raises(CheckpointError, match=rf"Another training run .* \(process {other.pid}\)"):
            model_of().fit(X, Y, verbose=0, resume=tmp_path)
        other.kill()
        other.wait()
        model_of().fit(X, Y, verbose=0, resume=tmp_path)  # the lock went with the process


def test_nor_can_two_runs_of_one_process(tmp_path):
    def another():
        model_of().fit(X, Y, verbose=0, resume=tmp_path)

    with pytest.raises(CheckpointError, match="Another training run"):
        model_of().fit(X, Y, verbose=0, resume=tmp_path, callbacks=[At(0, another)])
    another()  # the first one let go when it failed


def test_a_run_has_one_state(tmp_path):
    with pytest.raises(ArgumentError, match="give one BackupAndRestore, or `resume`, not both"):
        model_of().fit(X, Y, verbose=0, resume=tmp_path / "a", callbacks=[BackupAndRestore(tmp_path / "b")])


def test_a_slow_disk_does_not_hold_up_training(tmp_path, monkeypatch):
    """States that wait are left out for newer ones; the last one is written before `fit` returns."""
    directory, written = StateDirectory(tmp_path), []

    def slow(state):
        time.sleep(0.05)
        written.append(state.tree["dict"]["n"])

    monkeypatch.setattr(directory, "_write", slow)
    began = time.perf_counter()
    for n in range(100):
        directory.write({"n": n})
    assert time.perf_counter() - began < 1
    directory.join()
    assert written[-1] == 99 and len(written) < 50


# ---- where a run goes on -----------------------------------------------------------------------------------


def same_end(make, fit, tmp_path, cut):
    """`fit(model, **options)` ends the same after an interruption by the action `cut` as without."""
    whole = make()
    fit(whole, callbacks=[])
    with pytest.raises(KeyboardInterrupt):
        fit(make(), callbacks=[cut, BackupAndRestore(tmp_path / "s", save_freq=3)])
    assert states(tmp_path / "s")
    model = make()
    fit(model, callbacks=[BackupAndRestore(tmp_path / "s", save_freq=3)])
    for mine, other in zip(
        [*model.variables, *model.optimizer.variables], [*whole.variables, *whole.optimizer.variables]
    ):
        np.testing.assert_array_equal(mine.numpy(), other.numpy())


class Chance:
    """Batches in an order that NumPy's global generator makes, anew each epoch."""

    def __iter__(self):
        for i in np.random.permutation(8):
            yield X[i : i + 1], Y[i : i + 1]

    def __len__(self):
        return 8


class Batches(lamella.utils.PyDataset):
    """Single samples, which `fit` shuffles."""

    def __len__(self):
        return 8

    def __getitem__(self, index):
        return X[index : index + 1], Y[index : index + 1]


def endless():
    while True:
        i = np.random.randint(8)
        yield X[i : i + 1], Y[i : i + 1]


@pytest.mark.parametrize(
    "data, options",
    [
        (lambda: (X, Y), {"batch_size": 1}),
        (lambda: (X, Y), {"batch_size": 1, "steps_per_epoch": 5}),
        (lambda: (X, Y), {"batch_size": 1, "shuffle": "batch"}),
        (lambda: (Chance(),), {}),
        (lambda: (Chance(),), {"steps_per_epoch": 5}),
        (lambda: (Batches(),), {}),
        (lambda: (Batches(),), {"steps_per_epoch": 4}),
        (lambda: (endless(),), {"steps_per_epoch": 5}),
        (lambda: (endless(),), {"steps_per_epoch": 5, "validation_data": endless(), "validation_steps": 2}),
    ],
    ids=[
        "arrays",
        "part-of-arrays",
        "whole-batches",
        "stream",
        "part-of-stream",
        "batches",
        "part-of-batches",
        "generator",
        "two-generators",
    ],
)
def test_a_run_goes_on_within_an_epoch(tmp_path, data, options):
    def fit(model, callbacks):
        np.random.seed(5)
        model.fit(*data(), epochs=4, verbose=0, callbacks=callbacks, **options)

    same_end(model_of, fit, tmp_path, At(1, stop))


@pytest.mark.parametrize("options", [{"run_eagerly": True}, {"steps_per_execution": 2}])
def test_so_it_does_however_steps_are_run(tmp_path, options):
    def fit(model, callbacks):
        model.fit(X, Y, batch_size=1, epochs=3, verbose=0, callbacks=callbacks)

    same_end(lambda: model_of(**options), fit, tmp_path, At(1, stop))


class Decay(lamella.callbacks.Callback):
    """Counts batches and epochs, and lowers the learning rate by what it finds."""

    _remembered = ("seen",)

    def on_train_begin(self, logs=None):
        self.seen = [0, 0]

    def on_epoch_begin(self, epoch, logs=None):
        self.seen[0] += 1
        self.model.optimizer.learning_rate = float(self.model.optimizer.learning_rate) * 0.9

    def on_train_batch_end(self, batch, logs=None):
        self.seen[1] += 1


def test_what_callbacks_do_at_the_beginning_of_an_epoch_is_not_done_twice(tmp_path):
    decays = []

    def fit(model, callbacks):
        decays.append(Decay())
        model.fit(X, Y, batch_size=1, epochs=3, verbose=0, callbacks=[*callbacks, decays[-1]])

    same_end(model_of, fit, tmp_path, At(1, stop))
    assert decays[0].seen == decays[2].seen == [3, 24]


def test_a_finished_run_is_not_trained_again_and_may_be_trained_on(tmp_path):
    first = model_of()
    record = first.fit(X, Y, epochs=2, verbose=0, resume=tmp_path)
    second = model_of()
    again = second.fit(X, Y, epochs=2, verbose=0, resume=tmp_path)
    assert (again.epoch, again.history) == (record.epoch, record.history)
    np.testing.assert_array_equal(first.get_weights()[0], second.get_weights()[0])
    assert model_of().fit(X, Y, epochs=3, verbose=0, resume=tmp_path).epoch == [0, 1, 2]


def test_a_run_that_was_stopped_early_stays_so(tmp_path):
    def fit():
        stopping = lamella.callbacks.EarlyStopping("loss", mode="max", patience=1, restore_best_weights=True)
        model = model_of()
        return model.fit(X, Y, epochs=9, verbose=0, callbacks=[stopping], resume=tmp_path).epoch, model.get_weights()[0]

    (first, weights), (second, same) = fit(), fit()
    assert first == second and len(first) < 9
    np.testing.assert_array_equal(weights, same)


def test_what_cannot_be_kept_is_told(tmp_path):
    class Odd(lamella.callbacks.Callback):
        _remembered = ("thing",)
        thing = object()

    with pytest.warns(UserWarning, match="What Odd remembers is not kept"):
        model_of().fit(X, Y, epochs=2, verbose=0, callbacks=[Odd()], resume=tmp_path)
    assert states(tmp_path)


def test_a_loop_of_ones_own_keeps_states_too(tmp_path):
    model = model_of()
    model.build((None, 3))
    callbacks = lamella.callbacks.CallbackList([BackupAndRestore(tmp_path, delete_checkpoint=False)], model=model)
    callbacks.on_train_begin()
    model.set_weights([np.ones((3, 1)), np.ones(1)])
    callbacks.on_epoch_end(0, {})
    callbacks.on_train_end()
    other = model_of()
    other.build((None, 3))
    lamella.callbacks.CallbackList([BackupAndRestore(tmp_path)], model=other).on_train_begin()
    np.testing.assert_array_equal(other.get_weights()[0], np.ones((3, 1)))


def test_averages_that_stand_in_for_the_weights_go_on(tmp_path):
    def make():
        lamella.utils.set_random_seed(0)
        model = lamella.Sequential([lamella.Input((3,)), lamella.layers.Dense(1)])
        model.compile(lamella.optimizers.SGD(0.05, use_ema=True, ema_momentum=0.5), "mse")
        return model

    def fit(model, callbacks):
        swap = lamella.callbacks.SwapEMAWeights(swap_on_epoch=True)
        model.fit(X, Y, batch_size=3, epochs=4, verbose=0, callbacks=[swap, *callbacks])

    same_end(make, fit, tmp_path, At(1, stop))


def test_the_log_file_goes_on_where_it_was(tmp_path):
    def fit(name, epochs, **options):
        logger = lamella.callbacks.CSVLogger(tmp_path / name)
        model_of().fit(X, Y, epochs=epochs, verbose=0, callbacks=[logger], **options)

    fit("whole.csv", 4)
    fit("cut.csv", 2, resume=tmp_path / "s")
    with (tmp_path / "cut.csv").open("a") as file:
        file.write("2,0.5")  # the beginning of a line that a killed process wrote
    fit("cut.csv", 4, resume=tmp_path / "s")
    assert (tmp_path / "cut.csv").read_text() == (tmp_path / "whole.csv").read_text()
