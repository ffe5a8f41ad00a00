"""The tutorial's whole program, process start to printed accuracy, with the default progress bar."""

from __future__ import annotations

from benchmarks._measures import Bar, Variant
from benchmarks._run import Laps, Run
from benchmarks.workloads import mnist_mlp

EPOCHS = 10
VERBOSE = 1
PEERS = (
    "lamella",
    "lamella-warm",
    "keras-jax",
    "keras-tensorflow",
    "keras-torch",
    "torch",
    "sklearn",
    "scan",
)
COLUMNS = ("to_result", "imported", "to_first_epoch", "peak", "loss", "accuracy")
SECOND_RUN = Bar("to_result", "lamella", 1.0, subject="lamella-warm")
BARS = (Bar("to_result", "best Keras", 1 / 2), SECOND_RUN)
VARIANTS = {
    "1": Variant("one epoch", {"EPOCHS": 1}, (Bar("to_result", "best peer", 0.6), SECOND_RUN)),
    "tty": Variant("with the progress bar drawn on a terminal", {"TERMINAL": 1}),
}


def measure(run: Run) -> dict[str, float | None]:
    """Load, build, train, evaluate on the test images and print, as the tutorial does."""
    laps = Laps()
    x_train, y_train, x_test, y_test = mnist_mlp.data(run.library)
    trained = run.fit(mnist_mlp, x_train, y_train, epochs=EPOCHS, mark=laps.mark, verbose=VERBOSE)
    logs = trained.evaluate(x_test, y_test)
    print("Test loss:", logs.get("loss"))
    print("Test accuracy:", logs["accuracy"], flush=True)
    return {"to_result": run.since_start(), "to_first_epoch": laps.times[1] - run.started, **logs}
