"""What a classifier confuses: the table of its mistakes, and the examples."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lamella.errors import ArgumentError, ShapeError
from lamella.visualization._images import _batch_of_images, _host, _in_bytes
from lamella.visualization._present import half_blocks, present

__all__ = ["plot_confusion_matrix", "plot_misclassified"]

Names = Mapping[int, str] | Sequence[str] | None


def plot_confusion_matrix(
    y_true: Any, y_pred: Any, label_map: Names = None, normalize: bool = False, path: Any = None
) -> np.ndarray:
    """Draw how often each class was taken for each.

    Args:
        y_true: the classes, integers `(examples,)`, or one-hot `(examples, classes)`.
        y_pred: what the model said: classes `(examples,)`, or a number for each class `(examples, classes)`.
        label_map: the names of the classes, as a list or a dictionary.
        normalize: whether to show shares of the examples of each class.
        path: a file to write instead of showing; its ending says the format.

    Returns:
        The numbers: `(classes, classes)`, rows are true classes, columns what was said.

    Raises:
        ShapeError: when the numbers of examples differ.

    Example:
        >>> from lamella import visualization
        >>> counts = visualization.plot_confusion_matrix([0, 0, 1], [0, 1, 1], path="confusion.png")  # doctest: +SKIP
    """
    true, said, _ = _classes(y_true, y_pred)
    count = max(int(true.max(initial=0)), int(said.max(initial=0)), len(label_map or ()) - 1) + 1
    matrix = np.zeros((count, count), "int64")
    np.add.at(matrix, (true, said), 1)
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    shown = shares if normalize else matrix
    names = [_name(label_map, c) for c in range(count)]

    def text(value: Any) -> str:
        return "" if not value else f"{value:.2f}" if normalize else str(value)

    def draw(figure: Any) -> None:
        axes = figure.add_subplot()
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        for i in range(count):
            for j in range(count):
                color = "white" if shares[i, j] > 0.5 else "#1e293b" if i == j else "#9a3412"
                axes.text(j, i, text(shown[i, j]), ha="center", va="center", color=color, fontsize=8)
        axes.set_xticks(range(count), names, rotation=45 if max(map(len, names)) > 3 else 0)
        axes.set_yticks(range(count), names)
        axes.set_xlabel("predicted")
        axes.set_ylabel("true")
        axes.set_title(f"{np.trace(matrix) / max(matrix.sum(), 1):.1%} right", loc="left", fontweight="bold")
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)

    def lines(width: int) -> list:
        from rich import box
        from rich.table import Table
        from rich.text import Text

        table = Table(box=box.SIMPLE_HEAD, title=f"{np.trace(matrix) / max(matrix.sum(), 1):.1%} right")
        table.add_column("true \\ predicted", style="bold")
        for name in names:
            table.add_column(name, justify="right")
        for i, name in enumerate(names):
            styles = ["bold green" if i == j else "red" for j in range(count)]
            table.add_row(name, *(Text(text(shown[i, j]) or "·", styles[j]) for j in range(count)))
        return [table]

    side = max(3.5, 0.45 * count + 1.4)
    present(draw, lines, path, (side, side))
    return matrix


def plot_misclassified(
    images: Any,
    y_true: Any,
    y_pred: Any,
    label_map: Names = None,
    count: int = 12,
    value_range: Any = (0, 255),
    path: Any = None,
    data_format: str | None = None,
) -> np.ndarray:
    """Show images that were taken for another class, those first of which the model was most sure.

    Args:
        images: `(examples, height, width, channels)`, or without channels.
        y_true, y_pred, label_map: as in `plot_confusion_matrix`.
        count: how many to show at most.
        value_range: the values that stand for black and white.
        path: a file to write instead of showing; its ending says the format.
        data_format: "channels_last" or "channels_first".

    Returns:
        The positions of all that were taken for another class, in this order.

    Raises:
        ShapeError: when the numbers of examples differ.
    """
    true, said, sureness = _classes(y_true, y_pred)
    images = _host(images)
    pictures = _in_bytes(_batch_of_images(images if images.ndim == 4 else images[..., None], data_format), value_range)
    if len(pictures) != len(true):
        raise ShapeError(f"There are {len(pictures)} images, and {len(true)} classes.")
    wrong = np.nonzero(true != said)[0]
    wrong = wrong[np.argsort(-sureness[wrong], kind="stable")]
    pictures = np.broadcast_to(pictures, (*pictures.shape[:-1], 3)) if pictures.shape[-1] == 1 else pictures[..., :3]
    shown = wrong[:count]
    columns = min(max(len(shown), 1), 6)

    def title(i: int) -> str:
        sure = f" {sureness[i]:.0%}" if np.isfinite(sureness[i]) and sureness[i] else ""
        return f"{_name(label_map, true[i])} → {_name(label_map, said[i])}{sure}"

    def draw(figure: Any) -> None:
        figure.suptitle(f"{len(wrong)} of {len(true)} wrong", x=0.01, ha="left", fontsize=11, fontweight="bold")
        for place, i in enumerate(shown):
            axes = figure.add_subplot(math.ceil(len(shown) / columns), columns, place + 1)
            axes.imshow(pictures[i])
            axes.set_title(title(i), fontsize=9, color="#9a3412")
            axes.axis("off")

    def lines(width: int) -> list:
        out: list = [f"{len(wrong)} of {len(true)} wrong (true → predicted)"]
        for i in shown:
            out += [title(i), *half_blocks(pictures[i], min(width, 56))]
        return out

    present(draw, lines, path, (1.4 * columns, 1.6 * math.ceil(max(len(shown), 1) / columns) + 0.4))
    return wrong


def _classes(y_true: Any, y_pred: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """True classes, predicted classes, and how sure the model was (0 where that is not known)."""
    true, said = _host(y_true), _host(y_pred)
    sureness = np.zeros(len(said))
    if said.ndim == 2 and said.shape[1] > 1:
        sureness = said.max(axis=1).astype("float64")
        said = said.argmax(axis=1)
    elif said.dtype.kind == "f":  # the probability of class 1
        said = said.reshape(-1)
        sureness, said = np.where(said > 0.5, said, 1 - said), (said > 0.5).astype("int64")
    if true.ndim == 2 and true.shape[1] > 1:
        true = true.argmax(axis=1)
    true, said = true.reshape(-1).astype("int64"), said.reshape(-1).astype("int64")
    if len(true) != len(said):
        raise ShapeError(f"`y_true` has {len(true)} examples, `y_pred` has {len(said)}.")
    if len(true) and (true.min() < 0 or said.min() < 0):
        raise ArgumentError("Classes are counted from 0 on; got a negative one.")
    return true, said, sureness


def _name(label_map: Names, c: Any) -> str:
    if label_map is None:
        return str(c)
    known = label_map.get(int(c)) if isinstance(label_map, Mapping) else dict(enumerate(label_map)).get(int(c))
    return str(c) if known is None else str(known)
