"""`python -m benchmarks.kernels convolution pooling op_overhead`."""

from __future__ import annotations

import argparse
import importlib

from benchmarks.kernels._timing import Line, measure, table

TABLES = ("convolution", "pooling", "op_overhead")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kernels", description=__doc__)
    parser.add_argument("tables", nargs="+", choices=TABLES, metavar="TABLE", help=", ".join(TABLES))
    parser.add_argument("--only", default="", help="cases whose name contains this")
    parser.add_argument("--rounds", type=int, default=7, help="how often each is timed (default 7)")
    options = parser.parse_args()
    for name in options.tables:
        module = importlib.import_module(f"benchmarks.kernels.{name}")
        lines: list[Line] = []
        for case, ours, theirs, arguments in module.cases():
            if options.only in case:
                lines.append(measure(case, ours, theirs, arguments, options.rounds))
                print(lines[-1], flush=True)
        print(f"\n{table(name, lines)}\n")


if __name__ == "__main__":
    main()
