"""The measured process: `python -m benchmarks._worker SPEC` prints one line of JSON.

Nothing but the interpreter's own modules is imported before the library, whose import is being timed.
"""

import importlib
import json
import os
import sys
import time


def main() -> None:
    spec = json.loads(sys.argv[1])
    answer = os.dup(1)  # the libraries' own output goes elsewhere, whatever way they print it
    os.dup2(_terminal() if spec["settings"].get("TERMINAL") else os.open(os.devnull, os.O_WRONLY), 1)

    library = importlib.import_module(spec["module"])
    imported = time.monotonic() - spec["started"]

    from benchmarks import _run, data, workloads

    workload = workloads.load(spec["workload"])
    workloads.apply(workload, spec["settings"])
    run = _run.Run(spec["peer"], spec["family"], library, spec["options"], spec["started"])
    measure = getattr(workload, "measure", None) or (lambda run: _run.measure_training(workload, run))
    measures = {"imported": imported, **measure(run)}
    measures.setdefault("peak", _run.peak_memory())
    line = {
        "workload": spec["workload"],
        "peer": spec["peer"],
        "measures": {name: value for name, value in measures.items() if value is not None},
        "threads": _run.threads(),
        "stand_in_data": data.STAND_INS,
    }
    os.write(answer, json.dumps(line).encode() + b"\n")


def _terminal() -> int:
    """A pseudo-terminal of 24 lines and 100 columns, with `cat` at its other end; its file descriptor."""
    import subprocess
    import termios

    master, slave = os.openpty()
    termios.tcsetwinsize(slave, (24, 100))
    subprocess.Popen(["cat"], stdin=master, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.close(master)
    sys.stdout = os.fdopen(1, "w", buffering=1, closefd=False)  # a line at a time, as a terminal is written
    return slave


if __name__ == "__main__":
    main()
