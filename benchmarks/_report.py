"""From measurements to medians, ratios, bars and tables. Pure: records in, numbers and text out."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks import workloads
from benchmarks._measures import MEASURES, Bar
from benchmarks._peers import LIMITS, OURS, PEERS

Record = Mapping[str, Any]


def title_of(record: Record) -> str:
    return ":".join(filter(None, [record["workload"], record["variant"]]))


def values(record: Record, peer: str, measure: str) -> dict[int, float]:
    """What `peer` measured in each round."""
    return {
        run["round"]: run["measures"][measure]
        for run in record["runs"]
        if run["peer"] == peer and measure in run["measures"]
    }


def median(record: Record, peer: str, measure: str) -> float | None:
    found = values(record, peer, measure)
    return statistics.median(found.values()) if found else None


def ratios(record: Record, subject: str, peer: str, measure: str) -> list[float]:
    """Subject / peer, paired by round: both met the machine in the same state, or nearly so."""
    ours, theirs = values(record, subject, measure), values(record, peer, measure)
    return [ours[number] / theirs[number] for number in sorted(ours) if theirs.get(number)]


def share(ratio: float) -> str:
    """A ratio to two decimals, or to two digits where those would be zeros."""
    return f"{ratio:.2f}" if ratio >= 0.1 else f"{ratio:.2g}"


def best(record: Record, group: str, measure: str) -> str | None:
    """The peer of 'best peer' or 'best Keras' with the smallest median; None if none of them ran."""
    medians = {
        peer: value
        for peer in peers_in(record)
        if peer not in (*OURS, *LIMITS)
        and (group != "best Keras" or peer.startswith("keras-"))
        and (value := median(record, peer, measure)) is not None
    }
    return min(medians, key=lambda peer: medians[peer]) if medians else None


def peers_in(record: Record) -> list[str]:
    """The peers with at least one result, in the order of the table of peers."""
    ran = {run["peer"] for run in record["runs"]}
    return [peer for peer in PEERS if peer in ran]


@dataclass(frozen=True)
class Verdict:
    """A bar beside what was measured. `peer` is who was best where the bar names a group."""

    bar: Bar
    peer: str | None
    value: float
    low: float
    high: float

    @property
    def met(self) -> bool:
        return self.value <= self.bar.most

    @property
    def what(self) -> str:
        """As in 'steady epoch, lamella / torch (best peer)'."""
        against = f" / {self.peer}" if self.peer else ""
        group = f" ({self.bar.peer})" if self.peer and self.peer != self.bar.peer else ""
        return f"{MEASURES[self.bar.measure].title}, {self.bar.subject}{against}{group}"

    def shown(self) -> tuple[str, str, str]:
        """What was measured, the spread over the rounds and the most it may be."""
        if self.peer:
            return share(self.value), f"{share(self.low)}-{share(self.high)}", share(self.bar.most)
        show = MEASURES[self.bar.measure].show
        return show(self.value), f"{show(self.low)} to {show(self.high)}", show(self.bar.most)


def verdicts(record: Record, bars: Iterable[Bar]) -> list[Verdict]:
    """Every bar for which both sides ran."""
    found = []
    for bar in bars:
        peer = bar.peer
        if peer in ("best peer", "best Keras"):
            peer = best(record, peer, bar.measure)
            if peer is None:
                continue
        numbers = (
            ratios(record, bar.subject, peer, bar.measure)
            if peer
            else list(values(record, bar.subject, bar.measure).values())
        )
        if numbers:
            found.append(Verdict(bar, peer, statistics.median(numbers), min(numbers), max(numbers)))
    return found


def rows(record: Record, columns: Sequence[str]) -> list[list[str]]:
    """The table: a heading, then a peer a row; each cell is a median, with lamella's ratio to the peer."""
    peers = peers_in(record)
    table = [["", *peers]]
    for column in columns:
        if not any(values(record, peer, column) for peer in peers):
            continue
        shares = {
            peer: f" ({share(statistics.median(paired))})"
            for peer in peers
            if peer != "lamella" and MEASURES[column].compared and (paired := ratios(record, "lamella", peer, column))
        }
        width = max(map(len, shares.values()), default=0)
        cells = [MEASURES[column].title]
        for peer in peers:
            value = median(record, peer, column)
            shown = "-" if value is None else MEASURES[column].show(value)
            cells.append(shown + shares.get(peer, "").ljust(width))
        table.append(cells)
    return [list(row) for row in zip(*table)]


def text(records: Sequence[Record]) -> str:
    """The records as plain text."""
    return _page(records, _aligned, lambda record: f"{title_of(record)}: ")


def markdown(records: Sequence[Record]) -> str:
    """The records as sections of a Markdown file."""
    return _page(records, _piped, lambda record: f"### {title_of(record)}\n\n")


def _page(
    records: Sequence[Record],
    drawn: Callable[[list[list[str]]], list[str]],
    titled: Callable[[Record], str],
) -> str:
    """A section per record, each with the notes of its own; what all records note stands once, at the end."""
    shared = [note for note in notes(records[0]) if all(note in notes(record) for record in records)]
    blocks = []
    for record in records:
        blocks.append([titled(record) + about(record)])
        blocks.append(drawn(rows(record, workloads.columns(workloads.load(record["workload"])))))
        if bars := bar_rows(record):
            blocks.append(drawn(bars))
        blocks.append([note for note in notes(record) if note not in shared])
    return "\n\n".join("\n".join(block) for block in [*blocks, shared] if block) + "\n"


def machine_line(record: Record) -> str:
    machine = record["machine"]
    memory = f", {machine['memory_gib']} GiB" if machine["memory_gib"] else ""
    gpu = f", {machine['gpu']}" if machine.get("gpu") else ""
    set_ = "".join(f", {name}={value}" for name, value in machine["environment"].items())
    return (
        f"{machine['processor']}; {machine['cores']} cores{memory}{gpu}; {machine['system']}{set_}; "
        f"{machine['date']}, commit {machine['commit']}."
    )


def versions_line(record: Record) -> str:
    """Each package's version once; a second version with the peer that used it."""
    seen: dict[str, dict[str, list[str]]] = {}
    for peer in peers_in(record):
        for package, version in record["versions"].get(peer, {}).items():
            seen.setdefault(package, {}).setdefault(version, []).append(peer)
    return "Versions: " + ", ".join(
        f"{package} {version}" + (f" ({' '.join(peers)})" if len(found) > 1 else "")
        for package, found in seen.items()
        for version, peers in found.items()
    )


def about(record: Record) -> str:
    """What was measured, in a sentence, and how to read the numbers."""
    workload = workloads.load(record["workload"])
    variant = workloads.variants(workload).get(record["variant"])
    what = (workload.__doc__ or "").partition("\n")[0].rstrip(".") + (f"; {variant.about}" if variant else "")
    rounds = len({run["round"] for run in record["runs"]})
    return (
        f"{what}. Medians of {rounds} {'round' if rounds == 1 else 'rounds'}; "
        "in brackets lamella's share of the peer's (below 1: lamella needs less)."
    )


def bar_rows(record: Record) -> list[list[str]]:
    """The table of bars; empty when none could be judged."""
    bars = workloads.bars(workloads.load(record["workload"]), record["variant"])
    judged = [[one.what, *one.shown(), "met" if one.met else "MISSED"] for one in verdicts(record, bars)]
    return [["bar", "measured", "over the rounds", "at most", ""], *judged] if judged else []


def notes(record: Record) -> list[str]:
    """Settings, machine, versions and threads; who was not measured and why."""
    settings = ", ".join(f"{name.lower()} {value}" for name, value in record["settings"].items())
    threads = {f"{name} {count}" for run in record["runs"] for name, count in run["threads"].items()}
    stand_ins = {name for run in record["runs"] for name in run["stand_in_data"]}
    load = record["load_before"]
    return [
        *([f"Settings: {settings}."] if settings else []),
        *([f"Load before the start: {load:.1f}."] if load is not None else []),
        *(f"Not measured: {peer}: {reason}." for peer, reason in record["skipped"].items()),
        *([f"Random data of the same shape stood in for: {', '.join(sorted(stand_ins))}."] if stand_ins else []),
        f"Machine: {machine_line(record)}",
        f"{versions_line(record)}.",
        *([f"Threads (defaults): {', '.join(sorted(threads))}."] if threads else []),
    ]


def _aligned(table: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    return [
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths))
        ).rstrip()
        for row in table
    ]


def _piped(table: Sequence[Sequence[str]]) -> list[str]:
    heading, *body = table
    rule = ["---", *("---:" for _ in heading[1:])]
    return [f"| {' | '.join(cell.strip() for cell in row)} |" for row in (heading, rule, *body)]
