"""Every public op has rows in a table of this folder, or tests of its own that are named here."""

import importlib
import inspect
import re
from pathlib import Path

from parity.ops._runner import OpParity

import lamella

# What a table of calls cannot hold: functions of functions, questions about arrays, arrays of nothing in particular.
ELSEWHERE = {
    **dict.fromkeys(("custom_gradient", "jvp", "vectorize"), "ops/test_core.py"),
    **dict.fromkeys(("convert_to_numpy", "dtype", "is_tensor", "ndim", "shape", "size"), "ops/test_core.py"),
    **dict.fromkeys(("empty", "empty_like"), "ops/test_creation.py"),
}


def rows() -> set[str]:
    """The names of the ops that some table has cases of."""
    for path in sorted(Path(__file__).parent.glob("test_parity_*.py")):
        importlib.import_module(f"parity.ops.{path.stem}")
    tables = OpParity.__subclasses__()
    return {case.op.removeprefix("linalg.") for table in tables for case in table.cases}


def public_ops() -> dict[str, object]:
    ops = lamella.ops
    found = {name: getattr(ops, name) for name in dir(ops) if not name.startswith("_")}
    found |= {f"image.{name}": getattr(ops.image, name) for name in ops.image.__all__}
    found |= {name: getattr(ops.linalg, name) for name in ops.linalg.__all__}
    return {name: thing for name, thing in found.items() if inspect.isroutine(thing)}


def test_every_op_is_in_a_table():
    covered = rows()
    by_function = {id(thing) for name, thing in public_ops().items() if name in covered}
    left = {name for name, thing in public_ops().items() if id(thing) not in by_function}
    assert left == set(ELSEWHERE), f"in no table: {left - set(ELSEWHERE)}; in one after all: {set(ELSEWHERE) - left}"


def test_the_tests_elsewhere_name_their_ops():
    tests = Path(__file__).parents[2]
    for name, file in ELSEWHERE.items():
        text = (tests / file).read_text(encoding="utf-8")
        assert re.search(rf"\b{name}\b", text), f"{file} does not test {name}"
