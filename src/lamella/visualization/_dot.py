"""The language of Graphviz: a drawing as text, which its program `dot` lays out."""

import html
import json
import re
import shutil
import subprocess
from typing import Any

from lamella.errors import BackendError
from lamella.visualization._model_graph import Box, Graph

__all__ = ["Dot"]


class Dot:
    """A model in the language of Graphviz, with the methods that programs call on `pydot.Dot`.

    Args:
        graph: boxes and arrows.
        subgraph: whether the text is a part of another drawing.
        **options: of the whole: `rankdir`, `dpi`, `splines`, `show_layer_names`.
    """

    def __init__(self, graph: Graph, subgraph: bool = False, **options: Any):
        self.graph = graph
        self.subgraph = subgraph
        self.options = options

    def to_string(self) -> str:
        """The text."""
        if self.subgraph:
            return "\n".join(self._part(self.graph)) + "\n"
        settings = {"rankdir": self.options["rankdir"], "concentrate": "true"}
        settings |= {k: self.options[k] for k in ("dpi", "splines")}
        lines = ["digraph G {", *(f"{k}={v};" for k, v in settings.items()), "node [shape=record];"]
        return "\n".join([*lines, *self._body(self.graph), "}"]) + "\n"

    __str__ = to_string

    def _part(self, part: Box | Graph) -> list[str]:
        if isinstance(part, Box):
            return [f"{_quoted(part.key)} [label=<{self._label(part)}>, fontname=Helvetica, border=0, margin=0];"]
        name = re.sub(r"\W", "_", part.key)
        heading = [f"subgraph cluster_{name} {{", "style=dashed;", f"label={_quoted(part.name)};", "labeljust=l;"]
        return [*heading, *self._body(part), "}"]

    def _body(self, graph: Graph) -> list[str]:
        parts = [line for part in graph.parts for line in self._part(part)]
        return parts + [f"{_quoted(a)} -> {_quoted(b)} [penwidth=2];" for a, b in graph.arrows]

    def _label(self, box: Box) -> str:
        cells = [f'<td bgcolor="white">{_font(14, f"{what}: <b>{html.escape(v)}</b>")}</td>' for what, v in box.facts]
        if box.trainable is not None:
            color, text = ("forestgreen", "Trainable") if box.trainable else ("firebrick", "Non-trainable")
            cells.append(f'<td bgcolor="{color}">{_font(14, f"<b>{text}</b>", "white")}</td>')
        span = max(1, len(cells))
        name, kind = html.escape(box.name), html.escape(box.type)
        title = f"<b>{name}</b> ({kind})" if self.options["show_layer_names"] else f"<b>{kind}</b>"
        rows = [f'<td colspan="{span}" bgcolor="black">{_font(16, title, "white")}</td>']
        if box.activation is not None:
            activation = _font(14, f"Activation: <b>{html.escape(box.activation)}</b>")
            rows.append(f'<td bgcolor="white" colspan="{span}">{activation}</td>')
        rows += ["".join(cells)] if cells else []
        body = "".join(f"<tr>{row}</tr>" for row in rows)
        return f'<table border="0" cellborder="1" bgcolor="black" cellpadding="10">{body}</table>'

    # ---- pictures --------------------------------------------------------------------------------

    def create(self, prog: str = "dot", format: str = "ps") -> bytes:
        """A picture, laid out by a program of Graphviz.

        Args:
            prog: the program, "dot", "neato", ...
            format: "png", "svg", "pdf", ..., or "raw" for the text itself.

        Raises:
            BackendError: when the program is not there, or fails.
        """
        if format == "raw":
            return self.to_string().encode()
        program = shutil.which(prog)
        if program is None:
            raise BackendError(
                f"Graphviz's program {prog!r} is not installed. Install Graphviz (https://graphviz.org/download), or draw "
                "without it: `keras.utils.plot_model`."
            )
        done = subprocess.run([program, f"-T{format}"], input=self.to_string().encode(), capture_output=True)
        if done.returncode:
            raise BackendError(f"{prog} could not draw the model: {done.stderr.decode(errors='replace').strip()}")
        return done.stdout

    def write(self, path: Any, prog: str = "dot", format: str = "raw") -> bool:
        """`create` into a file. Returns True."""
        picture = self.create(prog, format)
        with open(path, "wb") as file:
            file.write(picture)
        return True

    def create_png(self, prog: str = "dot") -> bytes:
        """`create` in the format of its name."""
        return self.create(prog, "png")

    def create_svg(self, prog: str = "dot") -> bytes:
        """`create` in the format of its name."""
        return self.create(prog, "svg")

    def write_png(self, path: Any, prog: str = "dot") -> bool:
        """`write` in the format of its name."""
        return self.write(path, prog, "png")

    def write_svg(self, path: Any, prog: str = "dot") -> bool:
        """`write` in the format of its name."""
        return self.write(path, prog, "svg")


def _quoted(text: str) -> str:
    return text if re.fullmatch(r"[A-Za-z_]\w*", text) else json.dumps(text, ensure_ascii=False)


def _font(size: int, text: str, color: str = "") -> str:
    return f'<font point-size="{size}"{f" color={chr(34)}{color}{chr(34)}" if color else ""}>{text}</font>'
