"""The course of training: curves of losses and metrics over epochs."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lamella.errors import ArgumentError
from lamella.visualization._present import braille, present

__all__ = ["plot_history"]

_TRAINING, _VALIDATION, _FAINT = "#1e4e8c", "#d9762b", "#64748b"


def plot_history(history: Any, metrics: Sequence[str] | str | None = None, path: Any = None) -> None:
    """Draw how losses and metrics changed from epoch to epoch, each beside its value on the validation data.

    The best epoch on the validation data is marked. Without a screen, or without matplotlib, the curves are printed in
    characters.

    Args:
        history: what `fit` returned, its `history`, or a dictionary of lists.
        metrics: the names to draw, without `val_`; all by default.
        path: a file to write instead; its ending says the format.

    Raises:
        ArgumentError: when there is nothing to draw, or not what is asked for.

    Example:
        >>> from lamella import visualization
        >>> visualization.plot_history({"loss": [2.0, 1.0, 0.5], "val_loss": [2.0, 1.5, 1.4]}, path="run.png")  # doctest: +SKIP
    """
    values = {name: [float(v) for v in course] for name, course in _courses(history).items() if len(course)}
    names = [name for name in values if not (name.startswith("val_") and name[4:] in values)]
    if metrics is not None:
        wanted = [metrics] if isinstance(metrics, str) else list(metrics)
        unknown = [name for name in wanted if name not in names]
        if unknown:
            raise ArgumentError(f"The history has no {unknown}; it has {names}.")
        names = wanted
    if not names:
        raise ArgumentError("The history holds no epoch. Train first: `history = model.fit(...)`.")
    columns = min(len(names), 3)
    rows = math.ceil(len(names) / columns)

    def draw(figure: Any) -> None:
        for i, name in enumerate(names):
            _draw_panel(figure.add_subplot(rows, columns, i + 1), name, values)

    def lines(width: int) -> list:
        return [line for name in names for line in _text_panel(name, values, width)]

    present(draw, lines, path, (4.4 * columns, 3.1 * rows))


def _courses(history: Any) -> Mapping[str, Sequence]:
    for _ in range(2):  # a model has a History, a History has a dictionary
        if not isinstance(history, Mapping):
            history = getattr(history, "history", None)
    if not isinstance(history, Mapping):
        raise ArgumentError("`history` must be what `fit` returned, or a dictionary of lists.")
    return history


def _best(name: str, course: Sequence[float]) -> int:
    """The epoch with the best value: the least of a loss or error, the largest of what else is measured."""
    least = any(part in name for part in ("loss", "error", "mse", "mae", "entropy", "learning_rate", "perplexity"))
    known = [v if math.isfinite(v) else (math.inf if least else -math.inf) for v in course]
    return int(np.argmin(known) if least else np.argmax(known))


def _draw_panel(axes: Any, name: str, values: dict) -> None:
    from matplotlib.ticker import MaxNLocator

    for prefix, color, label in (("", _TRAINING, "training"), ("val_", _VALIDATION, "validation")):
        course = values.get(prefix + name)
        if course is None:
            continue
        epochs = np.arange(1, len(course) + 1)
        axes.plot(epochs, course, color=color, label=label, linewidth=1.8, marker="o" if len(course) < 3 else None)
        if prefix:
            best = _best(name, course)
            axes.plot(epochs[best], course[best], "o", color=color, markersize=5)
            axes.annotate(
                f"{course[best]:.4g}",
                (epochs[best], course[best]),
                xytext=(0, 7),
                textcoords="offset points",
                ha="center",
                color=color,
                fontsize=9,
            )
    axes.set_title(name, loc="left", fontsize=11, fontweight="bold", color="#1e293b")
    axes.set_xlabel("epoch", color=_FAINT, fontsize=9)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.35, linewidth=0.6)
    axes.tick_params(colors=_FAINT, labelsize=8, length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color("#cbd5e1")
    axes.margins(y=0.14)
    if "val_" + name in values:
        axes.legend(frameon=False, fontsize=8)


def _text_panel(name: str, values: dict, width: int, height: int = 8) -> list:
    from rich.text import Text

    found = [
        (label, values[key]) for label, key in (("training", name), ("validation", f"val_{name}")) if key in values
    ]
    known = [v for _, course in found for v in course if math.isfinite(v)] or [0.0]
    low, high, longest = min(known), max(known), max(len(course) for _, course in found)
    styles = ("bold blue", "bold yellow")
    series = [(np.arange(1, len(course) + 1), course) for _, course in found]
    title = Text(f"{name}  ", style="bold")
    for i, (label, course) in enumerate(found):
        title.append(f"━ {label} {course[-1]:.4g}  ", style=styles[i])
    if len(found) > 1:
        best = _best(name, found[1][1])
        title.append(f"(best {found[1][1][best]:.4g} in epoch {best + 1})", style="dim")
    lines = [title]
    for i, row in enumerate(braille(series, min(width, 80) - 12, height, (1, longest, low, high))):
        label = f"{high:.4g}" if i == 0 else f"{low:.4g}" if i == height - 1 else ""
        line = Text(f"{label:>9} ┤" if label else f"{'':>9} │", style="dim")
        for character, number in row:
            line.append(character, style=styles[number] if number >= 0 else "")
        lines.append(line)
    end = f"epoch {longest}"
    lines.append(Text(f"{'':>10}1{end:>{min(width, 80) - 13}}", style="dim"))
    return lines
