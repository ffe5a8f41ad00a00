"""What a call of a layer costs for a batch: arithmetic, memory and time."""

import time
from typing import Any, NamedTuple

from lamella.backend import _registry
from lamella.core import _tree
from lamella.core._keras_tensor import KerasTensor
from lamella.core._operation import Node
from lamella.core._scopes import StatelessScope
from lamella.errors import ArgumentError, ShapeError

_REPEATS = 5


class Costs(NamedTuple):
    """Of the forward pass.

    Attributes:
        flops: operations on numbers; a product counts two for each pair.
        memory: bytes of the outputs.
        seconds: the shortest of five calls of the compiled layer.
    """

    flops: int
    memory: int
    seconds: float

    def __add__(self, other: Any) -> "Costs":
        return Costs(*(a + b for a, b in zip(self, other)))


def costs_of(calls: list[Node], batch_size: int) -> Costs:
    """The costs of all `calls` of a layer or an op, for a batch of that size.

    Raises:
        ArgumentError: for a batch size below 1.
        ShapeError: when another axis than the batch has no known size.
        BackendError: when the backend cannot count.
    """
    if batch_size < 1:
        raise ArgumentError(f"`costs` must be the size of a batch, at least 1; got {batch_size}.")
    total = Costs(0, 0, 0.0)
    for node in calls:
        total += _of_call(node, batch_size)
    return total


def _of_call(node: Node, batch_size: int) -> Costs:
    adapter, operation = _registry.active(), node.operation
    variables = list(getattr(operation, "variables", ()))
    inputs = [_example(t, batch_size) for t in node.input_tensors]

    def run(state: list, inputs: list) -> list:
        args, kwargs = node.fill({id(t): value for t, value in zip(node.input_tensors, inputs)})
        with StatelessScope(list(zip(variables, state))):
            return [a for a in _tree.flatten(operation(*args, **kwargs)) if a is not None]

    state = [adapter.asarray(v.value) for v in variables]
    flops = adapter.flops(run, state, inputs)
    program = adapter.compile(run)
    times = []
    for _ in range(_REPEATS + 1):
        start = time.perf_counter()
        outputs = program(state, inputs)
        for output in outputs:
            adapter.to_numpy(output)
        times.append(time.perf_counter() - start)
    return Costs(flops, sum(int(o.nbytes) for o in outputs), min(times[1:]))


def _example(tensor: KerasTensor, batch_size: int) -> Any:
    shape = tuple(tensor.shape)
    shape = (batch_size, *shape[1:]) if shape and shape[0] is None else shape
    if None in shape:
        raise ShapeError(
            f"The costs of a layer need the sizes of all axes but the batch; tensor {tensor.name!r} has shape {tensor.shape}."
        )
    xp, adapter = _registry.namespace(), _registry.active()
    return xp.ones(shape, dtype=adapter.native_dtype(tensor.dtype))
