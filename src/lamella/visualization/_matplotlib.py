"""The library that draws, where it is installed."""

from typing import Any

from lamella.errors import MissingPackageError

__all__ = ["figure_of", "has_library", "library"]


def library() -> Any:
    """The module `matplotlib`.

    Raises:
        MissingPackageError: when it is not installed.
    """
    try:
        import matplotlib
    except ImportError as error:
        raise MissingPackageError(
            "Pictures are drawn by matplotlib, which is not installed. Install it: `pip install lamella[plot]`."
        ) from error
    return matplotlib


def has_library() -> bool:
    """Whether matplotlib is installed."""
    try:
        library()
    except MissingPackageError:
        return False
    return True


def figure_of(width: float, height: float) -> tuple[Any, Any]:
    """A figure in points, with axes that fill it and count from the left and the top; no window shows it."""
    library()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width / 72, height / 72), facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    axes.axis("off")
    return figure, axes
