"""A recording of PyTorch as Python source: simplified, and one call of a kernel a line."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import optree
import torch

from lamella.backend._torch_recording import Layout, Node, Recording, Value, storage

_FOLDED = 4096  # elements of a constant that is worth keeping

# Functions whose results are new values of their first arguments, lists of tensors: how many lists, and what
# overwrites them instead.
IN_PLACE: dict[Callable, tuple[int, Callable]] = {}


class Program:
    """What replays a recording of `fn(state, *others) -> (logs, state)`.

    Args:
        recording: the recording.
        count: how many leaves the state has.
    """

    def __init__(self, recording: Recording, count: int):
        self._treedef = recording.treedef
        graph = _Graph(recording, count)
        self._overwritten = graph.overwritten
        self._logs = len(graph.outputs) - count
        self.run = _compiled(graph, count)

    def owned(self, leaves: list) -> list:
        """The state, what the program overwrites of it copied."""
        return [x.detach().clone() if i in self._overwritten else x.detach() for i, x in enumerate(leaves)]

    def structured(self, logs: list, state: list) -> tuple:
        """What the function returned, from what `run` returns."""
        return optree.tree_unflatten(self._treedef, [*logs, *state])


class _Graph:
    """The nodes that matter, in order: those of `tail` begin when nothing can fail any more that is not fatal."""

    def __init__(self, recording: Recording, count: int):
        self._recording = recording
        self._replaced: dict[int, Any] = {}
        self.nodes = self._needed(self._merged(recording.nodes), self._now(recording.outputs))
        self.outputs = self._now(recording.outputs)
        self.tail: list[Node] = []
        self.overwritten: set[int] = set()
        self._write_in_place(count)

    def _now(self, args: Any) -> Any:
        """Arguments with what has taken the place of values."""
        return optree.tree_map(lambda x: self._replaced.get(x.number, x) if isinstance(x, Value) else x, args)

    def _storage(self, x: Any) -> int:
        return self._recording.layouts[x.number].storage if isinstance(x, Value) else storage(x)

    def _merged(self, nodes: Sequence[Node]) -> list[Node]:
        """Without copies of references, constants and repeated calls."""
        kept, made = [], {}
        layouts, written = self._recording.layouts, self._recording.written
        for node in nodes:
            args, kwargs = self._now(node.args), self._now(node.kwargs)
            node = Node(node.target, args, kwargs, node.results, node.single, node.writes, node.repeatable)
            touched = {layouts[n].storage for n in (*node.reads(), *(r for r in node.results if r is not None))}
            if node.single and not node.writes and node.repeatable:
                (number,) = node.results
                first = args[0] if args else None
                if isinstance(first, Value) and layouts[first.number] == layouts[number]:
                    self._replaced[number] = first
                    continue
                if not touched & written and math.prod(layouts[number].shape) <= _FOLDED:
                    if number in self._recording.filled:
                        self._replaced[number] = self._recording.filled[number]
                        continue
                    if not node.reads():
                        self._replaced[number] = node.target(*args, **kwargs)
                        continue
            if node.repeatable and not node.writes and not touched & written:
                before = made.setdefault(_key(node), node)
                if before is not node:
                    pairs = zip(node.results, before.results)
                    self._replaced.update({n: Value(b) for n, b in pairs if n is not None})
                    continue
            kept.append(node)
        return kept

    def _needed(self, nodes: Sequence[Node], outputs: Sequence) -> list[Node]:
        live = {x.number for x in outputs if isinstance(x, Value)}
        kept = []
        for node in reversed(nodes):
            if node.writes or live.intersection(node.results):
                live.update(node.reads())
                kept.append(node)
        return kept[::-1]

    def _write_in_place(self, count: int) -> None:
        """Let functions overwrite the state rather than make a new one, last of all."""
        for node in [n for n in self.nodes if n.target in IN_PLACE]:
            lists, writing = IN_PLACE[node.target]
            old = [x for group in node.args[:lists] for x in group]
            position = self.nodes.index(node)
            moved, late = {n for n in node.results if n is not None}, []
            for other in self.nodes[position + 1 :]:
                if moved.intersection(other.reads()):
                    late.append(other)
                    moved.update(n for n in other.results if n is not None)
            if not all(isinstance(x, Value) and self._may_go(x, late, count) for x in old):
                continue
            later = {id(n) for n in late}
            self.nodes = [n for n in self.nodes if n is not node and id(n) not in later]
            self._replaced.update({new: x for new, x in zip(node.results, old)})
            self.tail = [
                *self.tail,
                Node(writing, node.args, node.kwargs, [], False, True),
                *(Node(n.target, self._now(n.args), self._now(n.kwargs), *_rest(n)) for n in late),
            ]
            self.overwritten.update(x.number for x in old if x.number < count)
        self.outputs = self._now(self.outputs)
        self._separate(count)

    def _may_go(self, x: Value, late: Sequence[Node], count: int) -> bool:
        """Whether nobody needs the memory of `x` afterwards."""
        mine = self._storage(x)
        given = {self._recording.layouts[i].storage for i in range(self._recording.inputs)}
        if not (x.number < count or mine not in given):
            return False
        read_later = any(self._storage(v) == mine for n in late for v in map(Value, n.reads()))
        return not read_later and all(self._storage(v) != mine for v in self.outputs)

    def _separate(self, count: int) -> None:
        """Copies of constants, and of what the next step overwrites though others share its memory."""
        first = len(self.outputs) - count
        places = [self._storage(x) for x in self.outputs]
        given = {self._recording.layouts[i].storage for i in range(self._recording.inputs)}
        for i, x in enumerate(self.outputs):
            if isinstance(x, Value):
                own = x.number == i - first or places[i] not in given
                if i - first not in self.overwritten or (own and places.count(places[i]) == 1):
                    continue
            self._recording.layouts.append(
                Layout.of(x) if isinstance(x, torch.Tensor) else self._recording.layouts[x.number]
            )
            number = len(self._recording.layouts) - 1
            self.tail.append(Node(torch.ops.aten.clone.default, (x,), {}, [number], True))
            self.outputs[i] = Value(number)


def _rest(node: Node) -> tuple:
    return node.results, node.single, node.writes, node.repeatable


def _key(node: Node) -> Any:
    leaves, treedef = optree.tree_flatten((node.args, node.kwargs))
    names = [id(x) if isinstance(x, torch.Tensor) else (type(x), repr(x)) for x in leaves]
    return node.target, treedef, *names


def _compiled(graph: _Graph, count: int) -> Callable:
    """The source as a function `(state leaves, other leaves) -> [leaves of the logs, leaves of the state]`."""
    names: dict[str, Any] = {"Exception": Exception}
    constants: dict[int, str] = {}

    def written(x: Any) -> str:
        if isinstance(x, Value):
            return f"v{x.number}"
        if type(x) in (list, tuple):
            inner = "".join(f"{written(v)}, " for v in x)
            return f"[{inner}]" if type(x) is list else f"({inner})"
        if x is None or type(x) in (bool, int, str) or (type(x) is float and math.isfinite(x)):
            return repr(x)
        if id(x) not in constants:
            name = getattr(x, "__name__", "").partition(".")[0] if callable(x) else ""
            constants[id(x)] = f"{name if name.isidentifier() else ''}_{len(constants)}"
            names[constants[id(x)]] = x
        return constants[id(x)]

    def line(node: Node, dead: Sequence[int]) -> list[str]:
        call = _quickest(node.target)
        arguments = [*map(written, node.args), *(f"{k}={written(v)}" for k, v in node.kwargs.items())]
        text = f"{written(call)}({', '.join(arguments)})"
        targets = ["_" if n is None else f"v{n}" for n in node.results]
        if targets:
            text = f"{targets[0]} = {text}" if node.single else f"({', '.join(targets)},) = {text}"
        gone = sorted({f"v{n}" for n in dead} | ({"_"} if "_" in targets else set()))
        return [text, *([f"del {', '.join(gone)}"] if gone else [])]

    nodes = [*graph.nodes, *graph.tail]
    kept = {x.number for x in graph.outputs if isinstance(x, Value)}
    last: dict[int, int] = {}
    for i, node in enumerate(nodes):
        for n in (*node.results, *node.reads()):
            if n is not None and n not in kept:
                last[n] = i
    dead: list[list[int]] = [[] for _ in nodes]
    for n, i in last.items():
        dead[i].append(n)

    inputs = graph._recording.inputs
    lines = ["def run(s, o):"]
    for name, first, stop in (("s", 0, count), ("o", count, inputs)):
        if stop > first:
            lines.append(f" ({', '.join(f'v{i}' for i in range(first, stop))},) = {name}")
    bodies = [[text for i, n in part for text in line(n, dead[i])] for part in _parts(graph)]
    if bodies[0]:
        lines += [" try:", *(f"  {text}" for text in bodies[0]), " except Exception:", "  return None"]
    lines += [f" {text}" for text in bodies[1]]
    first = len(graph.outputs) - count
    lines.append(f" return {written(list(graph.outputs[:first]))}, {written(list(graph.outputs[first:]))}")
    exec(compile("\n".join(lines), "<recorded step>", "exec"), names)
    return names["run"]


# Functions of `torch` that take the arguments of the kernel of their name, in less time than `torch.ops` does.
_DIRECT = frozenset(
    [
        "abs",
        "add",
        "addmm",
        "argmax",
        "bitwise_and",
        "bmm",
        "clone",
        "div",
        "eq",
        "exp",
        "ge",
        "gt",
        "index_select",
        "le",
        "log",
        "logical_and",
        "logical_not",
        "lt",
        "maximum",
        "mean",
        "minimum",
        "mm",
        "mul",
        "ne",
        "neg",
        "permute",
        "pow",
        "reciprocal",
        "relu",
        "rsqrt",
        "rsub",
        "sigmoid",
        "sqrt",
        "squeeze",
        "sub",
        "sum",
        "t",
        "tanh",
        "transpose",
        "unsqueeze",
        "where",
    ]
)


def _quickest(target: Callable) -> Callable:
    if not isinstance(target, torch._ops.OpOverload):
        return target
    name = target._schema.name.removeprefix("aten::")
    return getattr(torch, name) if name in _DIRECT else target._op


def _parts(graph: _Graph) -> tuple:
    numbered = list(enumerate([*graph.nodes, *graph.tail]))
    return numbered[: len(graph.nodes)], numbered[len(graph.nodes) :]
