"""A training run to be killed, and a process that starts it over and over: it reads jobs.

A job is a line of JSON: the directory, how the state is kept, and when the run is killed: by itself at event number `at` (an
event is a step of writing a state, or a chunk of steps of training), by the server after `after` seconds of training, or
never. The answer is a line too: how the run ended, and how many events there were. The server imports everything and then
forks, before any array is made: so a run costs little more than its training.
"""

import json
import os
import signal
import sys
import time
import zipfile
from pathlib import Path

import numpy as np

import lamella as keras
from lamella.training import _loop, _programs

EPOCHS = 8


def run(directory, how):
    """Train; leave every variable and the whole record in `directory`."""
    keras.utils.set_random_seed(3)
    random = np.random.default_rng(0)
    x = random.normal(size=(200, 6)).astype("float32")
    y = (x.sum(1) > 0).astype("int32")
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(8, activation="relu"),
            layers.Dropout(0.3),
            layers.BatchNormalization(),
            layers.Dense(2, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    file = lambda name: os.path.join(directory, name)  # noqa: E731
    stopping = keras.callbacks.EarlyStopping("val_loss", patience=3, restore_best_weights=True)
    reducing = keras.callbacks.ReduceLROnPlateau("val_loss", patience=1, factor=0.5)
    saving = keras.callbacks.ModelCheckpoint(file("best.weights.h5"), save_best_only=True, save_weights_only=True)
    callbacks = [stopping, reducing, saving, keras.callbacks.CSVLogger(file("log.csv"))]
    options = {}
    if how == "resume":
        options["resume"] = file("state")
    elif how != "never":
        callbacks.insert(0, keras.callbacks.BackupAndRestore(file("state"), save_freq=how))
    history = model.fit(
        x, y, batch_size=8, epochs=EPOCHS, verbose=0, validation_split=0.2, callbacks=callbacks, **options
    )
    states = [{k: v for k, v in c.get_state().items() if k != "best_weights"} for c in (stopping, reducing, saving)]
    record = {"epoch": history.epoch, "history": history.history, "callbacks": states}
    Path(file("record.json")).write_text(json.dumps(record))
    variables = [*model.variables, *model.optimizer.variables, *model.metrics_variables]
    np.savez(file("variables.npz"), *[v.numpy() for v in variables])


class Events:
    """Counts steps of writing states and chunks of training; the process kills itself before event `at`."""

    def __init__(self, at):
        self.at, self.count = at, 0

    def watch(self, owner, name):
        original = getattr(owner, name)

        def watched(*args, **kwargs):
            self.count += 1
            if self.count == self.at:
                os.kill(os.getpid(), signal.SIGKILL)
            return original(*args, **kwargs)

        setattr(owner, name, watched)

    def watch_all(self):
        for owner, names in (
            (os, ("replace", "fsync", "unlink", "truncate", "rmdir")),
            (zipfile.ZipFile, ("open", "writestr", "close")),
            (_programs.Chunks, ("run",)),
            (_loop, ("to_python",)),
        ):
            for name in names:
                self.watch(owner, name)


def child(job):
    """Do one job; its end is written to standard output."""
    events = Events(job.get("at"))
    events.watch_all()
    Path(job["directory"], "began").touch()
    run(job["directory"], job["how"])
    Path(job["directory"], "events").write_text(str(events.count))
    os._exit(0)  # what the server holds is the server's to close


def serve():
    import jax  # noqa: F401

    for line in sys.stdin:
        job = json.loads(line)
        began = Path(job["directory"], "began")
        began.unlink(missing_ok=True)
        process = os.fork()
        if process == 0:
            try:
                child(job)
            except BaseException:
                import traceback

                traceback.print_exc()
            os._exit(1)
        if job.get("after") is not None:
            while not began.exists():
                time.sleep(0.001)
            time.sleep(job["after"])
            os.kill(process, signal.SIGKILL)
        _, status = os.waitpid(process, 0)
        events = Path(job["directory"], "events")
        print(
            json.dumps([os.waitstatus_to_exitcode(status), int(events.read_text()) if events.exists() else 0]),
            flush=True,
        )


if __name__ == "__main__":
    serve()
