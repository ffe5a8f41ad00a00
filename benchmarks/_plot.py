"""The picture of a measurement: lamella's share of each peer's time, a row per workload, with the bars."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import _report, workloads
from benchmarks._measures import MEASURES
from benchmarks._peers import LIMITS, OURS

COLOURS = {  # Okabe and Ito's, told apart by people who are colour-blind
    "keras-jax": "#0072B2",
    "keras-jax-16": "#56B4E9",
    "keras-nightly": "#56B4E9",
    "keras-tensorflow": "#E69F00",
    "keras-torch": "#CC79A7",
    "torch": "#D55E00",
    "torch-compiled": "#A0522D",
    "torch-channels-last": "#A0522D",
    "tf-function": "#8B6F00",
    "sklearn": "#009E73",
    "scan": "#777777",
}
INK, GREY, MISSED = "#222222", "#8a8a8a", "#c00000"


class Dot(NamedTuple):
    """Lamella's share of what `peer` needs: the median of the rounds, their range, and the most it may be, if there is a bar."""

    peer: str
    value: float
    low: float
    high: float
    most: float | None


class Row(NamedTuple):
    """A workload, one of its times, and a dot for each peer."""

    workload: str
    measure: str
    dots: list[Dot]


def rows(records: Sequence[_report.Record]) -> list[Row]:
    """A row for each time that a bar is about; where no bar is, for the first time in the table."""
    found = []
    for record in records:
        workload = workloads.load(record["workload"])
        judged = _report.verdicts(record, workloads.bars(workload, record["variant"]))
        beside = [one for one in judged if one.peer not in (None, *OURS) and MEASURES[one.bar.measure].unit == "s"]
        times = [name for name in workloads.columns(workload) if MEASURES[name].unit == "s"]
        for measure in list(dict.fromkeys(one.bar.measure for one in beside)) or times[:1]:
            subjects = {one.bar.subject for one in beside if one.bar.measure == measure} or {"lamella"}
            dots = [
                dot
                for subject in sorted(subjects)
                for dot in _dots(record, measure, subject, len(subjects) > 1, beside)
            ]
            if dots:
                found.append(Row(_report.title_of(record), MEASURES[measure].title, dots))
    return found


def _dots(record: Any, measure: str, subject: str, only_judged: bool, judged: Sequence[Any]) -> list[Dot]:
    most: dict[str, float] = {}
    for one in judged:
        if one.bar.measure == measure and one.bar.subject == subject:
            most[one.peer] = min(one.bar.most, most.get(one.peer, one.bar.most))
    dots = []
    for peer in _report.peers_in(record):
        if peer in OURS or peer.startswith("lamella-") or (only_judged and peer not in most):
            continue
        if shares := _report.ratios(record, subject, peer, measure):
            dots.append(Dot(peer, statistics.median(shares), min(shares), max(shares), most.get(peer)))
    return dots


LANE, GAP = 0.17, 0.22  # inches: of a dot, and around a row
TOP, BOTTOM, LEFT, RIGHT, WIDTH = 1.45, 0.95, 2.35, 0.4, 9.0
MARGIN = 0.25 / WIDTH


def draw(records: Sequence[_report.Record], path: Path) -> None:
    """Write the picture to `path` (`.png`, `.svg`, `.pdf`).

    Raises:
        SystemExit: without matplotlib, or when no peer ran beside lamella.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise SystemExit("--plot draws with matplotlib: pip install matplotlib") from error
    drawn = rows(records)
    if not drawn:
        raise SystemExit("--plot: no peer ran beside lamella, so there is nothing to compare.")
    height = sum(map(_height, drawn))
    whole = height + TOP + BOTTOM
    figure = Figure(figsize=(WIDTH, whole), dpi=160, facecolor="white")
    axes = figure.add_axes((LEFT / WIDTH, BOTTOM / whole, (WIDTH - LEFT - RIGHT) / WIDTH, height / whole))
    y, shaded, before = 0.0, False, None
    for row in drawn:
        shaded = shaded != (row.workload != before)
        if shaded:
            axes.axhspan(y, y + _height(row), color="#f4f5f7", zorder=0, linewidth=0)
        _draw_row(axes, row, y, named=row.workload != before)
        y, before = y + _height(row), row.workload
    _draw_scale(axes, [x for row in drawn for dot in row.dots for x in (dot.low, dot.high, dot.most or dot.value)])
    axes.set_ylim(height, 0)
    _draw_heading(figure, whole, {dot.peer for row in drawn for dot in row.dots})
    figure.text(MARGIN, 0.2 / whole, _report.machine_line(records[-1]), fontsize=7, color=GREY, va="center")
    figure.savefig(path)


def _height(row: Row) -> float:
    return LANE * len(row.dots) + GAP


def _draw_row(axes: Any, row: Row, y: float, named: bool) -> None:
    beside = {"xycoords": ("axes fraction", "data"), "textcoords": "offset points", "ha": "right"}
    at = (0, y + _height(row) / 2)
    if named:
        axes.annotate(row.workload, at, (-10, 1), va="bottom", fontsize=10, color=INK, fontweight="bold", **beside)
    axes.annotate(row.measure, at, (-10, -1), va="top" if named else "center", fontsize=8, color=GREY, **beside)
    for i, dot in enumerate(row.dots):
        _draw_dot(axes, dot, y + GAP / 2 + LANE * (i + 0.5))


def _draw_dot(axes: Any, dot: Dot, y: float) -> None:
    colour = COLOURS.get(dot.peer, INK)
    missed = dot.most is not None and dot.value > dot.most
    marks = [dot.low, dot.high, *([dot.most] if dot.most else [])]
    axes.plot((dot.value, 1), (y, y), color=colour, alpha=0.25, linewidth=1.2, zorder=1, solid_capstyle="butt")
    axes.plot((dot.low, dot.high), (y, y), color=colour, alpha=0.55, linewidth=3.2, zorder=2, solid_capstyle="round")
    ring = {"edgecolor": MISSED if missed else "white", "linewidth": 1.6 if missed else 0.8}
    axes.scatter(dot.value, y, s=44, color=colour, zorder=4, **ring)
    if dot.most is not None:
        axes.plot((dot.most,) * 2, (y - 0.45 * LANE, y + 0.45 * LANE), color=INK, linewidth=1.8, zorder=3)
    side, end, offset = ("right", min(marks), -7) if dot.value < 1 else ("left", max(marks), 7)
    share, ink = _report.share(dot.value), MISSED if missed else INK
    axes.annotate(
        share, (end, y), (offset, 0), textcoords="offset points", ha=side, va="center", fontsize=7.5, color=ink
    )


def _draw_scale(axes: Any, values: list[float]) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    axes.set_xscale("log")
    axes.set_xlim(min(values) / 1.9, max(1.0, *values) * 1.6)
    axes.axvline(1, color=INK, linewidth=1, zorder=1)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    axes.grid(axis="x", color="#dcdfe4", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.set_yticks([])
    axes.tick_params(axis="x", length=0, labelsize=8.5, labelcolor=INK, labeltop=True)
    axes.spines[:].set_visible(False)
    axes.set_xlabel("lamella's time / the peer's time", fontsize=9, color=INK, labelpad=6)


def _draw_heading(figure: Any, height: float, peers: set[str]) -> None:
    from matplotlib.lines import Line2D

    def line(text: str, inches: float, **style: Any) -> None:
        figure.text(MARGIN, 1 - inches / height, text, va="center", **style)

    line("Lamella's share of each peer's time", 0.3, fontsize=15, color=INK, fontweight="bold")
    line(
        "Left of 1 lamella is faster. A black mark is the most that is allowed; a red ring says that it was missed. "
        "Thick lines span the rounds.",
        0.57,
        fontsize=8.5,
        color=GREY,
    )
    handles = [
        Line2D([], [], marker="o", linestyle="", markersize=6.5, color=COLOURS.get(peer, INK), label=_name(peer))
        for peer in sorted(peers, key=[*COLOURS, *peers].index)
    ]
    place = {"loc": "center left", "bbox_to_anchor": (MARGIN - 0.01, 1 - 0.9 / height), "ncols": len(handles)}
    figure.legend(
        handles=handles, frameon=False, fontsize=8.5, handletextpad=0.1, columnspacing=1.3, labelcolor=INK, **place
    )


def _name(peer: str) -> str:
    return f"{peer} (the limit)" if peer in LIMITS else peer
