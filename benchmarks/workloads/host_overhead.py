"""What a step costs when the host must look: the tabular job at 1, 16 and an epoch of steps per execution."""

from __future__ import annotations

from benchmarks._run import Laps, Run
from benchmarks.workloads import tabular

ROWS = 20_000
EPOCHS = 5
PEERS = ("lamella", "keras-jax", "keras-tensorflow", "keras-torch", "torch", "scan")
COLUMNS = ("step_unset", "step_1", "step_16", "step_epoch")

EXECUTIONS: dict[str, tuple[int | str | None, ...]] = {
    "lamella": (None, 1, 16, "epoch"),
    # Keras unrolls the steps of an execution: a whole epoch of them would compile for minutes.
    "keras-jax": (None, 16),
    "keras-tensorflow": (None, 16),
    "keras-torch": (None,),
    "torch": (None,),
    "scan": (1, 16, "epoch"),
}
"""The `steps_per_execution` that each peer supports; None is its default: 1, but lamella plans."""


def measure(run: Run) -> dict[str, float | None]:
    """Seconds for a steady step, including its share of everything that `fit` does in an epoch."""
    tabular.ROWS = ROWS
    x, y = tabular.data(run.library)
    measures = {}
    for execution in EXECUTIONS[run.peer]:
        steps = ROWS // tabular.BATCH_SIZE
        if execution == 16:  # the bare scan has no shorter last execution
            steps -= steps % 16
        rows = steps * tabular.BATCH_SIZE
        options = {} if execution is None else {"steps_per_execution": steps if execution == "epoch" else execution}
        laps = Laps()
        run.fit(tabular, x[:rows], y[:rows], epochs=EPOCHS, mark=laps.mark, **options)
        measures[f"step_{execution or 'unset'}"] = laps.steady and laps.steady / steps
    if run.peer != "lamella" and "step_unset" in measures:
        measures["step_1"] = measures["step_unset"]
    return measures
