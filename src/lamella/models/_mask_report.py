"""Where the masks of a model are made, used, passed on and lost."""

from collections.abc import Callable
from typing import Any

from lamella.core import _scopes, _tree
from lamella.core._function import Function
from lamella.core._inference import infer_spec
from lamella.core._keras_tensor import KerasTensor
from lamella.core._masks import maker_of, mask_of
from lamella.core._operation import Node, OpCall
from lamella.errors import ArgumentError
from lamella.layers._masking import MaskEvent, watching
from lamella.layers._options import label

_WORDS = {
    "makes": "makes a mask",
    "passes on": "passes on the mask of {makers}",
    "uses": "uses the mask of {makers}; it ends here",
    "loses": "LOSES the mask of {makers}: it does not support masking",
    "hands to its layers": "hands the mask of {makers} to the layers inside it",
}
_TAKES = "uses the mask of {makers}, and passes it on"


def print_masks(model: Any, inputs: Any = None, print_fn: Callable[[str], Any] | None = None) -> None:
    """Print what each layer does with the masks that enter it, in the order of the calls.

    Args:
        model: the model.
        inputs: example data, or KerasTensors; needed where the model was not drawn from `Input`s.
        print_fn: a function of a string that takes the text instead of standard output.

    Raises:
        ArgumentError: without `inputs` for a model that was not drawn.
    """
    events = mask_events(model, inputs)
    lines = [f"Masks in {label(model)}:"]
    names = [label(event.layer) for event in events]
    width = max(map(len, names), default=0)
    for name, event in zip(names, events):
        words = _TAKES if event.fate == "passes on" and event.uses else _WORDS[event.fate]
        lines.append(f"  {name:<{width}}  {words.format(makers=' and '.join(event.makers))}")
    if not events:
        lines.append("  no layer makes one, and none comes with the inputs.")
    (print if print_fn is None else print_fn)("\n".join(lines))


def mask_events(model: Any, inputs: Any = None) -> list[MaskEvent]:
    """What becomes of the masks at each call inside `model`, which runs abstractly: nothing is computed or changed."""
    graph = vars(vars(model).get("_functional") or model).get("_function")
    if inputs is None:
        if graph is None:
            raise ArgumentError(
                f"{label(model)} was not drawn from `Input`s, so what goes into it is not known: "
                "give `explain_masks` example data, as in model.explain_masks(x[:1])."
            )
        inputs = graph._inputs_struct
    specs = _tree.map_structure(lambda x: KerasTensor(x.shape, dtype=str(x.dtype)), inputs)
    events: list[MaskEvent] = []

    def note(event: MaskEvent) -> None:
        if event.layer is not model:
            events.append(event)

    def run(x: Any) -> Any:
        events.clear()  # shapes are worked out by several runs
        with watching(note):
            return model(x) if graph is None else _watched_run(graph, x, events)

    with _scopes.StatelessScope():
        infer_spec(run, (specs,), {})
    return events


def _watched_run(graph: Function, inputs: Any, events: list[MaskEvent]) -> Any:
    """Run a graph, telling of the ops that masked arrays go into: no op passes a mask on."""

    def operation_of(node: Node) -> Callable:
        if not isinstance(node.operation, OpCall):
            return node.operation

        def call(*args: Any, **kwargs: Any) -> Any:
            leaves = _tree.flatten((args, kwargs))
            makers = tuple(dict.fromkeys(maker_of(x) or "the caller" for x in leaves if mask_of(x) is not None))
            if makers:
                events.append(MaskEvent(node.operation, "loses", makers, False))
            return node.operation(*args, **kwargs)

        return call

    return graph.run(inputs, operation_of)
