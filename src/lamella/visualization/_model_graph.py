"""A model as boxes and arrows: what a drawing of it, in whatever form, has to show."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from lamella.core._operation import Node
from lamella.errors import NotBuiltError
from lamella.layers._input_layer import InputLayer
from lamella.models._model import Model
from lamella.models._sequential import Sequential
from lamella.models._summary import graph_of, nodes_by_operation, output_shape, shapes_text, type_name

__all__ = ["Box", "Graph", "graph_of_model"]


@dataclass
class Box:
    """One layer or op.

    Attributes:
        key: unique in the whole graph: the path to the layer.
        name, type: of the layer.
        kind: "input", "model", "weights", or "plain" for a layer without weights.
        activation: the name of its activation, or None.
        facts: what else is shown, as (what, value).
        trainable: whether its weights are trained; None without weights, or when that is not shown.
    """

    key: str
    name: str
    type: str
    kind: str
    activation: str | None = None
    facts: list[tuple[str, str]] = field(default_factory=list)
    trainable: bool | None = None


@dataclass
class Graph:
    """Boxes, and graphs of nested models, with the arrows between them.

    Attributes:
        key: unique in the whole graph.
        name: of the model.
        parts: in the order of computation.
        arrows: pairs of keys of boxes, here or inside nested graphs.
        entries, exits: keys of the boxes that inputs come to, and that outputs come from.
    """

    key: str
    name: str
    parts: list["Box | Graph"] = field(default_factory=list)
    arrows: list[tuple[str, str]] = field(default_factory=list)
    entries: list[str] = field(default_factory=list)
    exits: list[str] = field(default_factory=list)

    def boxes(self) -> Iterator[Box]:
        """All boxes, also those inside nested graphs."""
        for part in self.parts:
            if isinstance(part, Graph):
                yield from part.boxes()
            else:
                yield part


@dataclass(frozen=True)
class Shown:
    """What is shown of each layer; the arguments of `plot_model`."""

    shapes: bool = False
    dtype: bool = False
    activations: bool = False
    trainable: bool = False
    nested: bool = False


def graph_of_model(model: Any, shown: Shown = Shown(), prefix: str = "") -> Graph:
    """The boxes and arrows of a model: of a drawn model its graph, of a Sequential a chain, of others one box.

    Raises:
        NotBuiltError: when the model is not built.
    """
    if not isinstance(model, Model) or not model.built:
        raise NotBuiltError(
            f"{type(model).__name__} {getattr(model, 'name', '')!r} has not yet been built, or is no model. Build the "
            "model first by calling `build()` or by calling the model on a batch of data."
        )
    graph = Graph(prefix or model.name, model.name)
    function = graph_of(model)
    if isinstance(model, Sequential):
        calls = {} if function is None else nodes_by_operation(function)
        for layer in model.layers:
            _add(graph, layer, calls.get(id(layer), []), shown, prefix)
        ends = [_ends(part) for part in graph.parts]
        for (_, exits), (entries, _) in itertools.pairwise(ends):
            graph.arrows += [(a, b) for a in exits for b in entries]
        graph.entries, graph.exits = (ends[0][0], ends[-1][1]) if ends else ([], [])
    elif function is not None:
        _add_function(graph, function, shown, prefix)
    else:
        _add(graph, model, [], Shown(**{**vars(shown), "nested": False}), prefix)
        graph.entries = graph.exits = [graph.parts[0].key]
    return graph


def _add_function(graph: Graph, function: Any, shown: Shown, prefix: str) -> None:
    calls = nodes_by_operation(function)
    parts = {id(op): _add(graph, op, calls[id(op)], shown, prefix) for op in function.operations}
    for operation in function.operations:
        entries = _ends(parts[id(operation)])[0]
        for node in calls[id(operation)]:
            for position, (source, _, index) in enumerate(_history(t) for t in node.input_tensors):
                exits = _ends(parts[id(source)])[1]
                arrow = exits[min(index, len(exits) - 1)], entries[min(position, len(entries) - 1)]
                if arrow not in graph.arrows:
                    graph.arrows.append(arrow)
    graph.entries = [_ends(parts[id(_history(t)[0])])[0][0] for t in function.inputs]
    for tensor in function.outputs:
        source, _, index = _history(tensor)
        exits = _ends(parts[id(source)])[1]
        graph.exits.append(exits[min(index, len(exits) - 1)])


def _history(tensor: Any) -> tuple[Any, int, int]:
    return tensor._keras_history


def _ends(part: Box | Graph) -> tuple[list[str], list[str]]:
    return (part.entries, part.exits) if isinstance(part, Graph) else ([part.key], [part.key])


def _add(graph: Graph, layer: Any, calls: list[Node], shown: Shown, prefix: str) -> Box | Graph:
    key = f"{prefix}/{layer.name}" if prefix else layer.name
    part: Box | Graph
    if shown.nested and isinstance(layer, Model) and (graph_of(layer) is not None or isinstance(layer, Sequential)):
        part = graph_of_model(layer, shown, key)
    else:
        part = _box(key, layer, calls, shown)
    graph.parts.append(part)
    return part


def _box(key: str, layer: Any, calls: list[Node], shown: Shown) -> Box:
    weights = getattr(layer, "weights", [])
    kind = "model" if isinstance(layer, Model) else "weights" if weights else "plain"
    box = Box(key, layer.name, type_name(layer), "input" if isinstance(layer, InputLayer) else kind)
    activation = getattr(layer, "activation", None)
    if shown.activations and activation is not None:
        box.activation = getattr(activation, "__name__", None) or getattr(activation, "name", str(activation))
    if shown.shapes and box.kind != "input":
        box.facts.append(("Input shape", _input_shape(layer, calls)))
    if shown.shapes:
        box.facts.append(("Output shape", output_shape(layer, calls)))
    if shown.dtype:
        box.facts.append(("Output dtype", _output_dtype(layer, calls)))
    if shown.trainable and weights:
        box.trainable = bool(layer.trainable)
    return box


def _input_shape(layer: Any, calls: list[Node]) -> str:
    each = [shapes_text([t.shape for t in node.input_tensors]) for node in calls if node.input_tensors]
    if each:
        return ", ".join(dict.fromkeys(each))
    built = getattr(layer, "_build_shapes_dict", None)
    shape = next(iter(built.values())) if built and len(built) == 1 else None
    return str(tuple(shape)) if isinstance(shape, (list, tuple)) else "?"


def _output_dtype(layer: Any, calls: list[Node]) -> str:
    dtypes = dict.fromkeys(t.dtype for node in calls for t in node.outputs)
    return ", ".join(dtypes) or getattr(layer, "compute_dtype", "?")
