"""A model as a table: its layers, the shapes of their outputs, and how many numbers they hold."""

import io
import logging
import math
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import ml_dtypes
import numpy as np

from lamella.core import _config
from lamella.core._function import Function
from lamella.core._operation import Node, OpCall
from lamella.core._variable import Variable
from lamella.errors import ArgumentError
from lamella.layers._layer import Layer
from lamella.layers._tracking import unique
from lamella.models._costs import costs_of
from lamella.models._model import Model

# Where the columns end, as parts of the line: layer, shape, parameters, then connections and whether it is trained.
_POSITIONS = {
    (False, False): (0.45, 0.77, 1.0),
    (False, True): (0.39, 0.66, 0.84, 1.0),
    (True, False): (0.3, 0.56, 0.73, 1.0),
    (True, True): (0.26, 0.46, 0.6, 0.84, 1.0),
}
_LINE_LENGTH = {False: 80, True: 98}
_COSTS = ("FLOPs", "Memory", "Time")
_COSTS_LENGTH, _COSTS_FROM = 36, 0.7  # by how much the line is longer with the costs, and where they begin in it
_BRANCH, _ASCII_BRANCH = "└ ", "- "


class Row(NamedTuple):
    """One line of the table."""

    layer: str
    output_shape: str
    parameters: str
    connected_to: str
    trainable: str
    calls: list[Node]


def print_summary(
    model: Any,
    line_length: int | None = None,
    positions: Sequence[float] | None = None,
    print_fn: Callable[[str], Any] | None = None,
    expand_nested: bool = False,
    show_trainable: bool = False,
    layer_range: Sequence[str] | None = None,
    costs: int | None = None,
) -> None:
    """Print the layers of `model`, the shapes of their outputs, and their numbers of parameters.

    Args:
        model: the model; what is not built yet has `?` for its shape.
        line_length: the width in characters; by default 80, or 98 for a graph that is no chain of layers, if the
            terminal is so wide.
        positions: where each column ends: in characters, or, where the last is at most 1, as parts of the line.
        print_fn: a function of a string that takes the whole text. By default it is printed, with colours where the
            terminal has them; it goes to the log "lamella" instead where interactive logging is disabled.
        expand_nested: whether the layers inside nested models are listed too.
        show_trainable: whether a column says which layers are trained: Y, N, or - without weights.
        layer_range: the names of the first and the last layer to list, or regular expressions, of which the first
            match and the last match count.
        costs: the size of a batch, for which the operations on numbers, the memory of the outputs and the time of the
            forward pass of each layer are shown too (see `lamella.models._costs`); needs the jax backend and a model
            that is built.

    Raises:
        ArgumentError: when `positions` or `layer_range` do not fit.
    """
    graph = graph_of(model)
    connected = graph is not None and not _is_chain(graph)
    columns = ["Layer (type)", "Output Shape", "Param #"]
    columns += ["Connected to"] * connected + ["Trainable"] * show_trainable + [*_COSTS] * (costs is not None)
    rows = _rows(model, expand_nested, _listed(model, graph, layer_range))
    shown = [
        [
            row.layer,
            row.output_shape,
            row.parameters,
            *[row.connected_to] * connected,
            *[row.trainable] * show_trainable,
            *(_costs_of(row.calls, costs) if costs is not None else ()),
        ]
        for row in rows
    ]
    if line_length is None:
        wanted = _LINE_LENGTH[connected] + (0 if costs is None else _COSTS_LENGTH)
        line_length = min(wanted, shutil.get_terminal_size().columns) if costs is None else wanted
    usual = _POSITIONS[connected, show_trainable]
    if costs is not None:
        usual = (*(p * _COSTS_FROM for p in usual), *(_COSTS_FROM + (1 - _COSTS_FROM) * i / 3 for i in (1, 2, 3)))
    widths = _widths(positions or usual, line_length, columns)

    def write(console: Any) -> None:
        if not console.encoding.startswith("utf"):  # borders become ASCII by themselves
            for row in shown:
                row[0] = row[0].replace(_BRANCH, _ASCII_BRANCH)
        console.print(*_renderables(model.name, columns, widths, shown, _totals(model)), sep="\n")

    if print_fn is None and _config.is_interactive_logging_enabled():
        if sys.stdout is None:  # a program without a terminal or a window
            return
        write(_console(sys.stdout, None if sys.stdout.isatty() else max(line_length, 80)))
        return
    text = io.StringIO()
    write(_console(text, max(line_length, 80)))
    if print_fn is None:
        logging.getLogger("lamella").info("%s", text.getvalue())
    else:
        print_fn(text.getvalue())


# ---- what is shown -----------------------------------------------------------------------------------


def graph_of(model: Any) -> Function | None:
    """The graph that a drawn model or a built Sequential consists of."""
    functional = vars(model).get("_functional") or model
    return vars(functional).get("_function")


def _is_chain(graph: Function) -> bool:
    """Whether the operations simply follow one another."""
    calls = [node for node in graph.nodes if not node.is_input]
    given = [t for node in calls for t in node.input_tensors]
    return (
        len(graph.inputs) == 1
        and len({id(node.operation) for node in calls}) == len(calls)
        and len({id(t) for t in given}) == len(given)
        and all(len(node.input_tensors) == 1 for node in calls)
    )


def _operations(model: Any, graph: Function | None) -> list:
    """What is listed: the operations of a graph, the layers of other models."""
    layers = list(model.layers)
    if graph is None or "_functional" in vars(model):
        return layers
    return unique([*graph.operations, *layers])


def _listed(model: Any, graph: Function | None, layer_range: Sequence[str] | None) -> list:
    operations = _operations(model, graph)
    if layer_range is None:
        return operations
    if isinstance(layer_range, str) or len(layer_range) != 2:
        raise ArgumentError(
            f"`layer_range` must hold two names, those of the first and the last layer to list; got {layer_range!r}."
        )
    names = [operation.name for operation in operations]
    matches = [[i for i, name in enumerate(names) if re.match(pattern, name)] for pattern in layer_range]
    if not all(matches):
        unknown = [pattern for pattern, found in zip(layer_range, matches) if not found]
        raise ArgumentError(f"No layer of model {model.name!r} matches {unknown} of `layer_range`; it has {names}.")
    first, last = matches[0][0], matches[1][-1]
    if first > last:
        first, last = matches[1][0], matches[0][-1]
    return operations[first : last + 1]


def _rows(model: Any, expand_nested: bool, operations: list | None = None, depth: int = 0) -> Iterable[Row]:
    graph, stack = graph_of(model), "_functional" in vars(model)
    nodes = {} if graph is None else nodes_by_operation(graph)
    for operation in _operations(model, graph) if operations is None else operations:
        calls = nodes.get(id(operation), [])
        prefix = "   " * depth + _BRANCH if depth else ""
        yield Row(
            f"{prefix}{operation.name} ({type_name(operation)})",
            output_shape(operation, calls),
            _parameters(operation),
            "-" if stack else ",\n".join(_source(t) for node in calls for t in node.input_tensors) or "-",
            _trainable(operation),
            calls,
        )
        if expand_nested and isinstance(operation, Model):
            yield from _rows(operation, expand_nested, depth=depth + 1)


def nodes_by_operation(graph: Function) -> dict[int, list[Node]]:
    """The calls of each operation that belong to the graph, in the order in which they were made."""
    belongs = {id(node) for node in graph.nodes}
    return {id(op): [n for n in op._inbound_nodes if id(n) in belongs] for op in graph.operations}


def type_name(operation: Any) -> str:
    """The class of a layer; the name of an op in capitals, as Keras names its classes: `relu` -> `Relu`."""
    if isinstance(operation, OpCall):
        return "".join(part.capitalize() for part in operation.fn.__name__.split("_"))
    return type(operation).__name__


def _source(tensor: Any) -> str:
    operation, node_index, tensor_index = tensor._keras_history
    return f"{operation.name}[{node_index}][{tensor_index}]"


def output_shape(operation: Any, calls: list[Node]) -> str:
    if calls:
        each = [shapes_text([t.shape for t in node.outputs]) for node in calls]
        return ", ".join(dict.fromkeys(each))
    shapes = getattr(operation, "_build_shapes_dict", None)
    if not getattr(operation, "built", False) or not shapes:
        return "?"
    try:
        if len(shapes) == 1:
            output = operation.compute_output_shape(next(iter(shapes.values())))
        else:
            output = operation.compute_output_shape(**shapes)
    except Exception:  # whatever a layer of the user's cannot say
        return "?"
    return shapes_text(list(_shapes_in(output)))


def shapes_text(shapes: list) -> str:
    return str(tuple(shapes[0])) if len(shapes) == 1 else str([tuple(shape) for shape in shapes])


def _shapes_in(structure: Any) -> Iterable[tuple]:
    if isinstance(structure, (list, tuple)) and all(n is None or isinstance(n, int) for n in structure):
        yield tuple(structure)
    else:
        for part in structure.values() if isinstance(structure, dict) else structure:
            yield from _shapes_in(part)


def _parameters(operation: Any) -> str:
    if not isinstance(operation, Layer):
        return "0"
    if not operation.built:
        return "0 (unbuilt)"
    return f"{operation.count_params():,}"


def _trainable(operation: Any) -> str:
    if not getattr(operation, "weights", None):
        return "-"
    return "Y" if operation.trainable else "N"


def _costs_of(calls: list[Node], batch_size: int) -> list[str]:
    calls = [node for node in calls if not node.is_input]
    if not calls:
        return ["-"] * len(_COSTS)
    costs = costs_of(calls, batch_size)
    return [_readable_count(costs.flops), readable_size(costs.memory), f"{costs.seconds * 1e3:.3f} ms"]


# ---- sums --------------------------------------------------------------------------------------------


def _totals(model: Any) -> dict[str, str]:
    trainable, frozen = model.trainable_weights, model.non_trainable_weights
    optimizer = getattr(model, "optimizer", None)
    kept = list(optimizer.variables) if optimizer is not None and getattr(optimizer, "built", False) else []
    sums = {
        "Total params": _sum([*trainable, *frozen, *kept]),
        "Trainable params": _sum(trainable),
        "Non-trainable params": _sum(frozen),
    }
    return {**sums, "Optimizer params": _sum(kept)} if kept else sums


def _sum(variables: list[Variable]) -> str:
    variables = unique(variables)
    counts = [math.prod(v.shape) for v in variables]
    size = sum(n * _bytes(v) for n, v in zip(counts, variables))
    return f"{sum(counts):,} ({readable_size(size)})"


def _bytes(variable: Variable) -> int:
    dtype = variable.dtype
    return np.dtype(getattr(ml_dtypes, dtype, None) or dtype).itemsize


def readable_size(size: float) -> str:
    """A number of bytes in the unit that suits it, in steps of 1024: `392.50 KB`."""
    for unit in ("B", "KB", "MB", "GB"):
        if size < 1024:
            return f"{size:.2f} {unit}"
        size /= 1024
    return f"{size:.2f} TB"


def _readable_count(count: float) -> str:
    """A number in the unit that suits it, in steps of 1000: `3.46 M`."""
    for unit in ("", " k", " M", " G"):
        if count < 1000:
            return f"{count:.2f}{unit}" if unit else str(count)
        count /= 1000
    return f"{count:.2f} T"


# ---- how it is drawn ---------------------------------------------------------------------------------


def _console(file: Any, width: int | None) -> Any:
    from rich.console import Console

    return Console(file=file, width=width, highlight=False, emoji=False, soft_wrap=False)


def _widths(positions: Sequence[float], line_length: int, columns: list[str]) -> list[int]:
    """The widths of what stands in the columns, between a border and a space on both sides."""
    if len(positions) < len(columns):
        raise ArgumentError(
            f"`positions` must say where each of the {len(columns)} columns ends ({', '.join(columns)}); "
            f"got {positions!r}."
        )
    positions = list(positions)[: len(columns)]
    if positions[-1] <= 1:
        positions = [p * (line_length - 1) for p in positions]
    ends = [int(p) for p in positions]
    return [max(end - start - 3, 1) for start, end in zip([0, *ends], ends)]


def _renderables(
    name: str, columns: list[str], widths: list[int], rows: list[list[str]], totals: dict[str, str]
) -> list:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(show_lines=True, box=box.HEAVY_HEAD)
    alignment = {"Param #": "right", "Trainable": "center", **dict.fromkeys(_COSTS, "right")}
    style = {"Output Shape": "cyan", "Param #": "green", "Trainable": "bold", **dict.fromkeys(_COSTS, "magenta")}
    for column, width in zip(columns, widths):
        table.add_column(
            Text(column),
            width=width,
            justify=alignment.get(column, "left"),  # type: ignore[arg-type]
            style=style.get(column),
            overflow="fold",
        )
    for row in rows:
        table.add_row(*map(Text, row))
    title = Text(f'Model: "{name}"', style="bold")
    lines = [Text.assemble(f" {what}: ", (value, "green")) for what, value in totals.items()]
    return [title, table, *lines]
