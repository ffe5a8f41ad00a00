"""`import lamella` beside `import keras`, each in a fresh interpreter."""

from __future__ import annotations

import subprocess
import sys
import time

from benchmarks._measures import Bar
from benchmarks._run import Run

PEERS = ("lamella", "keras-jax", "keras-tensorflow", "keras-torch", "torch")
COLUMNS = ("import_statement", "import_process", "array_libraries", "peak")
BARS = (
    Bar("import_statement", "keras-jax", 0.1),
    Bar("import_statement", "keras-tensorflow", 0.1),
    Bar("import_statement", "keras-torch", 0.1),
    Bar("array_libraries", None, 0),
)

PROGRAM = """
import sys, time
start = time.perf_counter()
import {module}
seconds = time.perf_counter() - start
loaded = [name for name in ("numpy", "jax", "tensorflow", "torch") if name in sys.modules]
from benchmarks._run import peak_memory
print(seconds, len(loaded), peak_memory())
"""


def measure(run: Run) -> dict[str, float | None]:
    """Import the library in a new process: this one has half of the standard library loaded already."""
    start = time.perf_counter()
    program = [sys.executable, "-c", PROGRAM.format(module=run.library.__name__)]
    answer = subprocess.run(program, capture_output=True, text=True, check=True)
    seconds, loaded, peak = answer.stdout.split()[-3:]
    return {
        "import_statement": float(seconds),
        "import_process": time.perf_counter() - start,
        "array_libraries": int(loaded),
        "peak": float(peak),
    }
