"""The command line: which workloads, which peers, how often, and where the figures go."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import _report, _rounds, workloads
from benchmarks._peers import PEERS, ROOT, peers_of

README = ROOT / "benchmarks" / "README.md"
BEGIN, END = "<!-- results: written by the harness -->", "<!-- end of results -->"


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(arguments)
    if options.list:
        print(listing())
        return 0
    shown = _report.markdown if options.markdown else _report.text
    records = json.loads(options.load.read_text()) if options.load else []
    if records:
        print(shown(records))
    for name, variant in options.workloads:
        record = _rounds.measure(
            name,
            variant,
            rounds=options.rounds,
            changes=options.changes,
            only=options.peers,
            pythons=options.pythons,
            timeout=options.timeout,
        )
        records.append(record)
        if options.json:
            save(options.json, record)
        print(shown([record]), flush=True)
    if options.plot:
        from benchmarks import _plot

        _plot.draw(records, options.plot)
    if options.readme:
        README.write_text(with_results(README.read_text(), _report.markdown(records)))
    return 0


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The options, checked: `workloads` as (name, variant) pairs, `pythons` and `changes` as dictionaries."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure lamella beside its peers, in separate processes that take turns.",
    )
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help="a name of --list, NAME:VARIANT, or all")
    parser.add_argument("--list", action="store_true", help="say what workloads, variants and peers there are")
    parser.add_argument("--rounds", type=_positive, default=5, help="processes of each peer (default 5)")
    parser.add_argument("--epochs", type=_positive, help="the same as --set EPOCHS=N")
    parser.add_argument("--peers", help="run beside lamella only these, as in keras-jax,torch")
    parser.add_argument(
        "--python",
        action="append",
        default=[],
        metavar="NAME=PATH",
        help="the interpreter of a peer; NAME may be 'peers' for all but lamella (default: the running one)",
    )
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="change a setting")
    parser.add_argument("--timeout", type=_positive, default=1800, help="seconds for one process (default 1800)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the measurements; others in FILE stay")
    parser.add_argument("--load", type=Path, metavar="FILE", help="show the measurements in FILE again")
    parser.add_argument("--markdown", action="store_true", help="print tables in Markdown")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the shares: .png, .svg or .pdf")
    parser.add_argument("--readme", action="store_true", help="put the tables into benchmarks/README.md")
    options = parser.parse_args(arguments)
    try:
        everything = workloads.names()
        named = [name for given in options.workloads for name in (everything if given == "all" else [given])]
        options.workloads = [_workload(name) for name in named]
        options.peers = _peers(options.peers.split(",")) if options.peers else None
        options.pythons = _pythons(options.python)
        settings = [*options.set, *([f"EPOCHS={options.epochs}"] if options.epochs else [])]
        options.changes = _changes(settings, [name for name, _ in options.workloads])
    except ValueError as error:
        parser.error(str(error))
    if not (options.workloads or options.list or options.load):
        parser.error("name a workload; --list says which there are")
    return options


def listing() -> str:
    """Every workload with its variants and peers."""
    lines = []
    for name in workloads.names():
        workload = workloads.load(name)
        lines.append(f"{name}: {(workload.__doc__ or '').partition(chr(10))[0]}")
        lines += [f"    {name}:{key}: {variant.about}" for key, variant in workloads.variants(workload).items()]
        lines.append(f"    peers: {', '.join(peers_of(workload, {}))}")
    return "\n".join(lines)


def save(path: Path, record: dict[str, Any]) -> None:
    """Put the record into the file in place of an older one of the same workload and variant."""
    records = json.loads(path.read_text()) if path.exists() else []
    kept = [old for old in records if _report.title_of(old) != _report.title_of(record)]
    path.write_text(json.dumps([*kept, record], indent=1) + "\n")


def with_results(readme: str, results: str) -> str:
    """`readme` with the text between its two markers replaced."""
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise SystemExit(f"benchmarks/README.md lost its markers {BEGIN!r} and {END!r}.")
    return f"{before}{BEGIN}\n\n{results}\n{END}{after}"


def _positive(argument: str) -> int:
    number = int(argument)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{argument} is not positive")
    return number


def _workload(argument: str) -> tuple[str, str]:
    name, _, variant = argument.partition(":")
    if name not in workloads.names():
        raise ValueError(f"no workload {name!r}; there are {', '.join(workloads.names())}")
    variants = workloads.variants(workloads.load(name))
    if variant and variant not in variants:
        raise ValueError(f"{name} has no variant {variant!r}; it has {', '.join(variants) or 'none'}")
    return name, variant


def _peers(names: Sequence[str]) -> list[str]:
    for name in names:
        if name not in PEERS:
            raise ValueError(f"no peer {name!r}; there are {', '.join(PEERS)}")
    return list(names)


def _pythons(arguments: Sequence[str]) -> dict[str, str]:
    """The interpreter of each peer that has its own; `lamella` stands for its warm variant too."""
    pythons: dict[str, str] = {}
    for argument in arguments:
        name, equals, path = argument.partition("=")
        if not (equals and path):
            raise ValueError(f"--python {argument}: expected NAME=PATH")
        if name == "peers":
            pythons |= {peer.name: path for peer in PEERS.values() if peer.module != "lamella" and not peer.on_request}
        elif name == "lamella":
            pythons |= {peer.name: path for peer in PEERS.values() if peer.module == "lamella"}
        else:
            pythons[_peers([name])[0]] = path
    return pythons


def _changes(arguments: Sequence[str], names: Sequence[str]) -> dict[str, int | float]:
    """Settings by name; each must be one that every workload asked for has, or one of all workloads."""
    changes: dict[str, int | float] = {}
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if not equals:
            raise ValueError(f"--set {argument}: expected NAME=VALUE")
        for workload in names:
            known = workloads.settings(workloads.load(workload))
            if name not in known and name not in workloads.GENERAL_SETTINGS:
                raise ValueError(f"{workload} has no setting {name!r}; it has {', '.join(known)}")
        changes[name] = float(value) if "." in value else int(value)
    return changes
