"""Where a picture goes: into a file, to the screen, or, without one, as characters to the terminal."""

import shutil
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from lamella.visualization._matplotlib import has_library, library

__all__ = ["BLOCKS", "braille", "half_blocks", "present"]

BLOCKS = " ▁▂▃▄▅▆▇█"
_WITHOUT_A_SCREEN = ("agg", "cairo", "pdf", "pgf", "ps", "svg", "template")


def present(
    draw: Callable[[Any], None],
    lines: Callable[[int], Sequence],
    path: Any,
    size: tuple[float, float],
    dpi: float = 100,
) -> None:
    """Show a picture.

    Args:
        draw: a function of a figure of matplotlib, which draws on it.
        lines: a function of the width in characters, which returns what `rich` prints.
        path: a file to write; None for the screen, or, where there is none or no matplotlib, the terminal.
        size: of the figure, in inches.
        dpi: pixels in an inch of the file.
    """
    if path is not None:
        library()
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        figure = Figure(figsize=size, layout="constrained")
        FigureCanvasAgg(figure)
        draw(figure)
        figure.savefig(path, dpi=dpi)
    elif has_library() and library().get_backend().lower() not in _WITHOUT_A_SCREEN:
        import matplotlib.pyplot as plt

        draw(plt.figure(figsize=size, layout="constrained"))
        plt.show()
    else:
        from rich.console import Console

        # Anywhere but in a terminal the width is a fixed one, so that logs are alike.
        terminal = sys.stdout is not None and sys.stdout.isatty()
        width = min(shutil.get_terminal_size().columns, 100) if terminal else 80
        console = Console(file=sys.stdout, width=width, highlight=False, emoji=False, soft_wrap=True)
        for line in lines(width):
            console.print(line)


def braille(series: Sequence[tuple[Any, Any]], width: int, height: int, bounds: tuple) -> list[list[tuple[str, int]]]:
    """Lines through points, in characters that hold two by four dots each.

    Args:
        series: (x, y) of the points of each line.
        width, height: in characters.
        bounds: (least x, largest x, least y, largest y).

    Returns:
        The rows from the top: for each character, and the number of the line that it belongs to (-1 for none).
    """
    left, right, low, high = bounds
    dots = np.full((height * 4, width * 2), -1)
    for number, (x, y) in enumerate(series):
        x, y = np.asarray(x, float), np.asarray(y, float)
        keep = np.isfinite(y)
        x, y = x[keep], y[keep]
        if len(x) > 1:
            fine = np.linspace(x[0], x[-1], width * 8)
            x, y = fine, np.interp(fine, x, y)
        column = np.rint((x - left) / max(right - left, 1e-12) * (width * 2 - 1)).astype(int)
        row = np.rint((high - y) / max(high - low, 1e-12) * (height * 4 - 1)).astype(int)
        dots[np.clip(row, 0, height * 4 - 1), np.clip(column, 0, width * 2 - 1)] = number
    bits = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])  # of ISO 11548-1
    rows = []
    for i in range(height):
        cells = [dots[4 * i : 4 * i + 4, 2 * j : 2 * j + 2] for j in range(width)]
        rows.append([(chr(0x2800 + int(bits[cell >= 0].sum())), int(cell.max())) for cell in cells])
    return rows


def half_blocks(image: np.ndarray, width: int = 28) -> list:
    """An image in characters of two pixels each, one above the other, in their colours.

    Args:
        image: uint8, `(height, width, 3)`.
        width: the most characters beside each other.
    """
    from rich.text import Text

    step = max(1, -(-image.shape[1] // width))
    image = image[::step, ::step]
    if len(image) % 2:
        image = np.concatenate([image, image[-1:]])
    lines = []
    for upper, lower in zip(image[::2], image[1::2]):
        line = Text()
        for a, b in zip(upper, lower):
            line.append("▀", style=f"rgb({a[0]},{a[1]},{a[2]}) on rgb({b[0]},{b[1]},{b[2]})")
        lines.append(line)
    return lines
