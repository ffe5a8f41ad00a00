"""How the numbers inside a model are distributed: its weights, and what its layers put out."""

import math
from typing import Any

import numpy as np

from lamella.backend import _registry
from lamella.core import _tree
from lamella.errors import ArgumentError
from lamella.layers._call import observing
from lamella.visualization._present import BLOCKS, present

__all__ = ["plot_activations", "plot_weights"]


def plot_weights(model: Any, path: Any = None) -> None:
    """Draw a histogram of the values of each weight of a model or layer.

    Args:
        model: built.
        path: a file to write instead of showing; its ending says the format.

    Raises:
        ArgumentError: when there are no weights.
    """
    found = {weight.path: np.asarray(_registry.to_numpy(weight.value)) for weight in model.weights}
    if not found:
        raise ArgumentError(f"{model.name!r} has no weights. Build it first: `build()`, or call it on data.")
    _plot(found, path)


def plot_activations(model: Any, x: Any, path: Any = None) -> None:
    """Draw a histogram of what each layer puts out for `x`.

    Saturated units stand at the ends of the range, dead ones in one bar at 0.

    Args:
        model: a model or layer.
        x: one batch of its inputs.
        path: a file to write instead of showing; its ending says the format.
    """
    found: dict[str, np.ndarray] = {}

    def told(layer: Any, outputs: Any) -> None:
        for leaf in _tree.flatten(outputs):
            values = np.asarray(_registry.to_numpy(leaf)) if _registry.owner(leaf) is not None else np.asarray(leaf)
            if layer is not model and values.dtype.kind in "fV":
                found[f"{layer.name}{'' if layer.name not in found else f' ({len(found)})'}"] = values

    with observing(told):
        model(x, training=False)
    if not found:
        raise ArgumentError(f"{model.name!r} has no layers that put out floating numbers.")
    _plot(found, path)


def _plot(found: dict[str, np.ndarray], path: Any) -> None:
    finite = {name: v[np.isfinite(v)].astype("float64").reshape(-1) for name, v in found.items()}
    lost = {name: found[name].size - v.size for name, v in finite.items()}
    columns = min(len(finite), 3)
    rows = math.ceil(len(finite) / columns)

    def facts(name: str) -> str:
        values = finite[name]
        text = f"mean {values.mean():.2g}, std {values.std():.2g}" if values.size else "no finite value"
        zeros = np.count_nonzero(values == 0) / max(values.size, 1)
        text += f", {zeros:.0%} zeros" if zeros > 0.01 else ""
        return text + (f", {lost[name]} not finite" if lost[name] else "")

    def draw(figure: Any) -> None:
        for i, (name, values) in enumerate(finite.items()):
            axes = figure.add_subplot(rows, columns, i + 1)
            axes.hist(values, bins=int(np.clip(2 * np.cbrt(values.size), 8, 40)), color="#2f7d6d")
            axes.set_title(name, loc="left", fontsize=9, fontweight="bold")
            axes.set_xlabel(facts(name), fontsize=8, color="#64748b")
            axes.tick_params(labelsize=7, length=0, colors="#64748b")
            axes.set_yticks([])
            axes.spines[["top", "right", "left"]].set_visible(False)

    def lines(width: int) -> list:
        from rich.text import Text

        out = []
        longest = max(map(len, finite))
        for name, values in finite.items():
            counts, edges = np.histogram(values, 24) if values.size else (np.zeros(24), np.zeros(25))
            heights = np.ceil(counts / max(counts.max(), 1) * 8).astype(int)
            line = Text(f"{name:<{longest}} ", style="bold")
            line.append(f"{edges[0]:>9.2g} ", style="dim")
            line.append("".join(BLOCKS[h] for h in heights), style="green")
            line.append(f" {edges[-1]:<9.2g}", style="dim")
            line.append(facts(name), style="dim")
            out.append(line)
        return out

    present(draw, lines, path, (3.4 * columns, 1.9 * rows), dpi=80)
