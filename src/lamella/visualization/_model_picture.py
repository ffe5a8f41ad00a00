"""A drawing of a model by matplotlib: boxes in layers, arrows with right angles, nested models inside a dashed line.

One unit of the drawing is a point (1/72 inch), so that text and boxes have the same measure at every resolution.
"""

import functools
import itertools
from dataclasses import dataclass, field
from typing import Any

from lamella.visualization._layout import lay_out
from lamella.visualization._matplotlib import figure_of, library
from lamella.visualization._model_graph import Box, Graph

__all__ = ["draw"]

_TITLE, _TEXT = 11.0, 9.0  # sizes of the fonts
_HEADER, _ROW, _PADDING = 25.0, 16.0, 12.0  # heights, and the space at the left and right of a box
_MARGIN, _NESTED, _CAPTION = 16.0, 14.0, 16.0  # around the whole, inside of a nested model, and for its name
_COLORS = {"input": "#64748b", "weights": "#1e4e8c", "plain": "#2f7d6d", "model": "#8a5a1f"}
_INK, _FAINT, _LINE, _ARROW = "#1e293b", "#7b8794", "#cbd5e1", "#475569"
_YES, _NO = "#2e9e5b", "#c2413b"
_LARGEST = 65_000  # pixels in a direction that the library draws

Point = tuple[float, float]


@dataclass
class _Arranged:
    """A graph that has its place: boxes by their middles, nested graphs by their corners, arrows by their corners."""

    size: Point
    boxes: dict[str, tuple[Box, Point, Point]] = field(default_factory=dict)  # key -> (box, middle, size)
    frames: list[tuple[str, Point, Point, int]] = field(default_factory=list)  # (name, corner, size, depth of nesting)
    routes: list[list[Point]] = field(default_factory=list)


def draw(graph: Graph, path: Any, format: str, rankdir: str, dpi: float, show_layer_names: bool, splines: str) -> None:
    """Write a picture of `graph` into a file.

    Args:
        graph: boxes and arrows.
        path: of the file, or a file.
        format: one that matplotlib writes: "png", "svg", "pdf", "jpg", ...
        rankdir: which way it goes: "TB", "BT", "LR" or "RL".
        dpi: pixels in an inch.
        show_layer_names: whether titles have the names of the layers.
        splines: "ortho", "polyline", "line", "curved" or "spline".
    """
    upright = rankdir in ("TB", "BT")
    arranged = _arranged(graph, upright, show_layer_names)
    width, height = (s + 2 * _MARGIN for s in (arranged.size if upright else arranged.size[::-1]))

    def place(point: Point) -> Point:
        breadth, depth = point
        if rankdir in ("BT", "RL"):
            depth = arranged.size[1] - depth
        return (breadth + _MARGIN, depth + _MARGIN) if upright else (depth + _MARGIN, breadth + _MARGIN)

    figure, axes = figure_of(width, height)
    for name, corner, size, depth in arranged.frames:
        _draw_frame(axes, name, place(corner), place((corner[0] + size[0], corner[1] + size[1])), depth)
    for route in arranged.routes:
        _draw_arrow(axes, [place(point) for point in route], splines)
    for box, middle, size in arranged.boxes.values():
        _draw_box(axes, box, place(middle), _turned(size, upright), show_layer_names)
    dpi = min(dpi, _LARGEST * 72 / max(width, height))
    with library().rc_context({"svg.hashsalt": "lamella"}):
        metadata = {"Date": None} if format == "svg" else None  # the same model is the same file
        figure.savefig(path, format=format, dpi=dpi, metadata=metadata)


# ---- places ------------------------------------------------------------------------------------------


def _arranged(graph: Graph, upright: bool, names: bool, depth: int = 0) -> _Arranged:
    """`graph` laid out from (0, 0) on, with the graphs inside it."""
    inside: dict[int, _Arranged] = {}
    sizes: list[Point] = []
    part_of: dict[str, int] = {}
    caption = (0.0, _CAPTION) if upright else (_CAPTION, 0.0)  # on the side that is above on paper
    for i, part in enumerate(graph.parts):
        if isinstance(part, Graph):
            inside[i] = _arranged(part, upright, names, depth + 1)
            sizes.append((inside[i].size[0] + 2 * _NESTED + caption[0], inside[i].size[1] + 2 * _NESTED + caption[1]))
            part_of |= dict.fromkeys((box.key for box in part.boxes()), i)
        else:
            size = _size(part, names)
            sizes.append(_turned(size, upright))
            part_of[part.key] = i

    def port(key: str) -> float | None:
        """How far from the middle of its part a box stands."""
        i = part_of[key]
        if i not in inside:
            return None
        return inside[i].boxes[key][1][0] + _NESTED + caption[0] - sizes[i][0] / 2

    arrows = [(a, b) for a, b in graph.arrows if part_of[a] != part_of[b]]
    layout = lay_out(sizes, [(part_of[a], part_of[b]) for a, b in arrows], [(port(a), port(b)) for a, b in arrows])
    out = _Arranged((layout.breadth, layout.depth))
    for i, part in enumerate(graph.parts):
        x, y = layout.places[i]
        if isinstance(part, Box):
            out.boxes[part.key] = part, (x, y), sizes[i]
            continue
        corner = x - sizes[i][0] / 2, y - sizes[i][1] / 2
        dx, dy = corner[0] + _NESTED + caption[0], corner[1] + _NESTED + caption[1]
        out.frames += [(part.name, corner, sizes[i], depth)]
        out.frames += [(name, (p + dx, q + dy), size, d) for name, (p, q), size, d in inside[i].frames]
        out.boxes |= {k: (box, (p + dx, q + dy), size) for k, (box, (p, q), size) in inside[i].boxes.items()}
        out.routes += [[(p + dx, q + dy) for p, q in route] for route in inside[i].routes]
    for (a, b), route in zip(arrows, layout.routes):
        _, (_, y), (_, thick) = out.boxes[a]
        _, (_, target), (_, target_thick) = out.boxes[b]
        down = target > y
        route[0] = route[0][0], y + (thick if down else -thick) / 2
        route[-1] = route[-1][0], target - (target_thick if down else -target_thick) / 2
        out.routes.append(route)
    return out


def _turned(size: Point, upright: bool) -> Point:
    return size if upright else (size[1], size[0])


def _rows(box: Box) -> list[tuple[str, str]]:
    rows = [("Activation", box.activation)] if box.activation is not None else []
    rows += box.facts
    if box.trainable is not None:
        rows.append(("Trainable", "yes" if box.trainable else "no"))
    return rows


def _titles(box: Box, names: bool) -> tuple[str, str]:
    return (box.name, box.type) if names else (box.type, "")


def _size(box: Box, names: bool) -> Point:
    bold, light = _titles(box, names)
    title = _width(bold, _TITLE, True) + (_width(light, _TEXT) + 7 if light else 0)
    lines = [_width(what, _TEXT) + 16 + _width(value, _TEXT) for what, value in _rows(box)]
    return max([70.0, title, *lines]) + 2 * _PADDING, _HEADER + (len(lines) * _ROW + 8 if lines else 0)


@functools.lru_cache(maxsize=4096)
def _width(text: str, size: float, bold: bool = False) -> float:
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    if not text.strip():
        return 0.0
    path = TextPath((0, 0), text.replace("$", "S"), size=size, prop=FontProperties(weight="bold" if bold else "normal"))
    return float(path.get_extents().width)


# ---- strokes -----------------------------------------------------------------------------------------


def _draw_box(axes: Any, box: Box, middle: Point, size: Point, names: bool) -> None:
    from matplotlib.patches import FancyBboxPatch, Rectangle

    (x, y), (width, height) = middle, size
    left, top = x - width / 2, y - height / 2
    color = _COLORS[box.kind]
    rows = _rows(box)
    body = FancyBboxPatch(
        (left, top), width, height, boxstyle="round,pad=0,rounding_size=5", facecolor="white", edgecolor=color, zorder=3
    )
    header = Rectangle((left, top), width, _HEADER if rows else height, facecolor=color, zorder=4)
    axes.add_patch(body)
    axes.add_patch(header)
    header.set_clip_path(body)
    bold, light = _titles(box, names)
    start = x - (_width(bold, _TITLE, True) + (_width(light, _TEXT) + 7 if light else 0)) / 2
    write = functools.partial(axes.text, va="baseline", zorder=5, parse_math=False)
    write(start, top + _HEADER / 2 + 4, bold, color="white", size=_TITLE, weight="bold")
    write(start + _width(bold, _TITLE, True) + 7, top + _HEADER / 2 + 4, light, color="#e2e8f0", size=_TEXT)
    for i, (what, value) in enumerate(rows):
        line = top + _HEADER + 4 + _ROW * (i + 0.5) + 3.2
        write(left + _PADDING, line, what, color=_FAINT, size=_TEXT)
        ink = {"yes": _YES, "no": _NO}[value] if what == "Trainable" else _INK
        write(left + width - _PADDING, line, value, color=ink, size=_TEXT, ha="right")


def _draw_frame(axes: Any, name: str, start: Point, end: Point, depth: int) -> None:
    from matplotlib.patches import FancyBboxPatch

    left, top = min(start[0], end[0]), min(start[1], end[1])
    axes.add_patch(
        FancyBboxPatch(
            (left, top),
            abs(end[0] - start[0]),
            abs(end[1] - start[1]),
            boxstyle="round,pad=0,rounding_size=8",
            facecolor="#f1f5f9" if depth % 2 == 0 else "#ffffff",
            edgecolor="#94a3b8",
            linestyle=(0, (4, 3)),
            linewidth=1,
            zorder=1 + 0.01 * depth,
        )
    )
    axes.text(left + 10, top + 15, name, color=_FAINT, size=_TEXT, style="italic", parse_math=False, zorder=2)


def _draw_arrow(axes: Any, points: list[Point], splines: str) -> None:
    from matplotlib.patches import FancyArrowPatch
    from matplotlib.path import Path

    codes, vertices = [Path.MOVETO], [points[0]]
    middles = [((p[0] + q[0]) / 2, (p[1] + q[1]) / 2) for p, q in itertools.pairwise(points)]
    if splines in ("polyline", "line"):
        points = [points[0], *middles[2:-2:2], points[-1]] if len(points) > 2 else points
        vertices += points[1:]
        codes += [Path.LINETO] * (len(points) - 1)
    elif splines in ("curved", "spline"):
        for corner, middle in zip(points[1:-1], middles[1:]):
            vertices += [corner, middle]
            codes += [Path.CURVE3] * 2
        vertices.append(points[-1])
        codes.append(Path.LINETO)
    else:
        for before, corner, after in zip(points, points[1:], points[2:]):
            vertices += [_toward(corner, before), corner, _toward(corner, after)]
            codes += [Path.LINETO, Path.CURVE3, Path.CURVE3]
        vertices.append(points[-1])
        codes.append(Path.LINETO)
    arrow = FancyArrowPatch(
        path=Path(vertices, codes),
        arrowstyle="-|>,head_length=5,head_width=2.6",
        mutation_scale=1,
        linewidth=1.3,
        color=_ARROW,
        shrinkA=0,
        shrinkB=0,
        joinstyle="miter",
        capstyle="butt",
        zorder=2.5,
    )
    axes.add_patch(arrow)


def _toward(start: Point, end: Point, radius: float = 6.0) -> Point:
    """The point on the way to `end`, at most half way."""
    length = max(abs(end[0] - start[0]), abs(end[1] - start[1]), 1e-9)
    share = min(radius / length, 0.5)
    return start[0] + (end[0] - start[0]) * share, start[1] + (end[1] - start[1]) * share
