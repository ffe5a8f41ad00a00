"""The process as if nothing had been made in it."""

import gc
from typing import Any

from lamella.core import _config, _names, _tree
from lamella.core._keras_tensor import KerasTensor
from lamella.core._operation import node_of


def clear_session(free_memory: bool = True) -> None:
    """Start counting default names from the beginning, forget the global seed, and free what nobody holds.

    Args:
        free_memory: whether to run Python's garbage collector.
    """
    from lamella.random import _seed

    _names.reset_names()
    _config.set_learning_phase(None)
    _seed.forget_global_seed()
    if free_memory:
        gc.collect()


def get_source_inputs(tensor: KerasTensor) -> list[KerasTensor]:
    """The symbolic inputs that `tensor` follows from."""
    if not hasattr(tensor, "_keras_history"):
        return [tensor]
    found: dict[int, KerasTensor] = {}
    stack: list[Any] = [tensor]
    seen: set[int] = set()
    while stack:
        current = stack.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        node = node_of(current)
        if node.is_input:
            found.update({id(t): t for t in node.outputs})
        else:
            stack.extend(reversed(_tree.flatten(node.input_tensors)))
    return list(found.values())
