"""A graph of operations between symbolic inputs and outputs, and how it runs."""

from collections.abc import Callable
from typing import Any

from lamella.core import _tree
from lamella.core._keras_tensor import KerasTensor
from lamella.core._operation import Node, Operation, node_of
from lamella.errors import ArgumentError, ShapeError


class Function(Operation):
    """The computation that leads from `inputs` to `outputs`.

    Args:
        inputs: a structure of KerasTensors.
        outputs: a structure of KerasTensors that follow from them.
        name: its name.

    Raises:
        ArgumentError: when an output does not follow from the inputs.
    """

    def __init__(self, inputs: Any, outputs: Any, name: str | None = None):
        super().__init__(name)
        self._inputs_struct = inputs
        self._outputs_struct = outputs
        self._inputs = _tree.flatten(inputs)
        self._outputs = [t for t in _tree.flatten(outputs) if t is not None]
        for kind, tensors in (("inputs", self._inputs), ("outputs", self._outputs)):
            for tensor in tensors:
                if not isinstance(tensor, KerasTensor):
                    raise ArgumentError(
                        f"All `{kind}` of a functional model must be KerasTensors, made by Input() and by calling "
                        f"layers on it; got {tensor!r} of type {type(tensor).__name__}."
                    )
        if not self._outputs:
            raise ArgumentError("A functional model needs at least one output; got none.")
        self._nodes = _ordered_nodes(self._inputs, self._outputs)

    @property
    def inputs(self) -> list[KerasTensor]:
        """The symbolic inputs, flat."""
        return self._inputs

    @property
    def outputs(self) -> list[KerasTensor]:
        """The symbolic outputs, flat."""
        return self._outputs

    @property
    def nodes(self) -> list[Node]:
        """The calls between inputs and outputs, in an order in which they can run."""
        return self._nodes

    @property
    def operations(self) -> list[Operation]:
        """The operations that are called, each once, in the order of their first call."""
        return list({id(n.operation): n.operation for n in self._nodes}.values())

    def call(self, inputs: Any) -> Any:
        """The outputs for `inputs` of the same structure.

        Raises:
            ArgumentError: for inputs of another structure.
            ShapeError: for an input of a shape that does not fit the one that was drawn.
        """
        self._check_inputs(inputs)
        return self.run(inputs, lambda node: node.operation)

    def _check_inputs(self, inputs: Any) -> None:
        if _kind(inputs) is not _kind(self._inputs_struct):
            raise ArgumentError(f"{self.name!r} takes inputs of the structure {self._inputs_struct!r}; got {inputs!r}.")
        for x, drawn in zip(_tree.flatten(inputs), self._inputs):
            shape = tuple(getattr(x, "shape", ()))
            if len(shape) != len(drawn.shape) or any(None not in (n, m) and n != m for n, m in zip(shape, drawn.shape)):
                raise ShapeError(
                    f"{self.name!r} takes for {drawn.name!r} an array of shape {drawn.shape}; got {shape}."
                )

    def run(self, inputs: Any, operation_of: Callable[[Node], Callable]) -> Any:
        """The outputs for `inputs`, each node's call made by `operation_of(node)`."""
        flat = _tree.flatten(inputs)
        if len(flat) != len(self._inputs):
            raise ArgumentError(
                f"{self.name!r} expects {len(self._inputs)} inputs ({', '.join(t.name for t in self._inputs)}); "
                f"got {len(flat)}."
            )
        values = {id(t): value for t, value in zip(self._inputs, flat)}
        for node in self._nodes:
            if all(id(t) in values for t in node.outputs):
                continue
            args, kwargs = node.fill(values)
            results = operation_of(node)(*args, **kwargs)
            for tensor, result in zip(_tree.flatten(node.output_structure), _tree.flatten(results)):
                values[id(tensor)] = result
        return _tree.map_structure(lambda t: None if t is None else values[id(t)], self._outputs_struct)

    def compute_output_spec(self, inputs: Any) -> Any:
        """The outputs as KerasTensors, for `inputs` that may have other shapes than those it was drawn with."""
        flat = _tree.flatten(inputs)
        if len(flat) == len(self._inputs) and all(
            x.shape == t.shape and x.dtype == t.dtype for x, t in zip(flat, self._inputs)
        ):
            return _tree.map_structure(
                lambda t: None if t is None else KerasTensor(t.shape, dtype=t.dtype), self._outputs_struct
            )
        return self.run(inputs, lambda node: node.operation.compute_output_spec)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shapes of the outputs for inputs of `input_shape`: a shape, or a list of shapes."""
        shapes = [input_shape] if is_shape(input_shape) else list(_shapes_in(input_shape))
        if len(shapes) != len(self._inputs):
            raise ShapeError(f"{self.name!r} expects {len(self._inputs)} input shapes; got {input_shape!r}.")
        spec = [KerasTensor(s, dtype=t.dtype) for s, t in zip(shapes, self._inputs)]
        output = self.compute_output_spec(_tree.unflatten(_tree.flatten_with_spec(self._inputs_struct)[1], spec))
        return _tree.map_structure(lambda t: t.shape, output)


def _kind(structure: Any) -> type | None:
    """`dict` for a dictionary, `list` for a list or tuple, None for a leaf."""
    if isinstance(structure, dict):
        return dict
    return list if isinstance(structure, (list, tuple)) else None


def is_shape(value: Any) -> bool:
    """Whether `value` is one shape, rather than a structure of them."""
    return isinstance(value, (tuple, list)) and all(n is None or isinstance(n, int) for n in value)


def _shapes_in(structure: Any) -> Any:
    if is_shape(structure):
        yield tuple(structure)
        return
    items = (structure[k] for k in sorted(structure)) if isinstance(structure, dict) else structure
    for item in items:
        yield from _shapes_in(item)


def _ordered_nodes(inputs: list[KerasTensor], outputs: list[KerasTensor]) -> list[Node]:
    """The calls that lead to `outputs`, each after those it needs, going back no further than `inputs`.

    The order is that of Keras, which decides the order of a model's weights: depth first from the outputs, then by the
    longest distance to an output, farthest first.
    """
    given = {id(t) for t in inputs}
    order: list[Node] = []
    done: set[int] = set()

    def visit(tensor: KerasTensor) -> None:
        # Iterative depth-first search: deep models must not meet Python's recursion limit.
        stack: list[tuple[KerasTensor, bool]] = [(tensor, False)]
        open_nodes: set[int] = set()
        while stack:
            current, expanded = stack.pop()
            if id(current) in given:
                if hasattr(current, "_keras_history") and (origin := node_of(current)).is_input:
                    if id(origin) not in done:
                        done.add(id(origin))
                        order.append(origin)
                continue
            if not hasattr(current, "_keras_history"):
                raise ArgumentError(
                    f"The output {tensor.name!r} cannot be computed from the given `inputs`: it needs the tensor "
                    f"{current!r}, which is not one of them."
                )
            node = node_of(current)
            if id(node) in done:
                continue
            if expanded:
                done.add(id(node))
                order.append(node)
                continue
            if node.is_input:
                raise ArgumentError(
                    f"The `inputs` are not connected to the `outputs`: the output {tensor.name!r} also needs the input "
                    f"{current.name!r}, which is not among the `inputs`. Add it to them."
                )
            if id(node) in open_nodes:
                continue
            open_nodes.add(id(node))
            stack.append((current, True))
            stack.extend((t, False) for t in reversed(node.input_tensors))

    for output in outputs:
        visit(output)
    unused = [
        node for t in inputs if hasattr(t, "_keras_history") and (node := node_of(t)).is_input and id(node) not in done
    ]
    depth = _distances(order, given)
    return sorted([*unused, *order], key=lambda node: -depth.get(id(node), 0))


def _distances(order: list[Node], given: set[int]) -> dict[int, int]:
    """id(node) -> the longest way from it to an output, for nodes each of which comes after those it needs.

    A call is at least as far away as those calls of the same operation that were looked at before it.
    """
    depth = {id(node): 0 for node in order}
    of_operation: dict[int, int] = {}
    for node in reversed(order):
        farthest = max(depth[id(node)], of_operation.get(id(node.operation), 0))
        depth[id(node)] = of_operation[id(node.operation)] = farthest
        for tensor in node.input_tensors:
            if hasattr(tensor, "_keras_history"):
                parent = node_of(tensor)
                if id(parent) in depth and (parent.is_input or id(tensor) not in given):
                    depth[id(parent)] = max(depth[id(parent)], depth[id(node)] + 1)
    return depth
