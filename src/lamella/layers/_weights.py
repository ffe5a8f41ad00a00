"""The values of a layer's variables, read and written as a list or under numbers."""

import math
from typing import Any

from lamella.core._variable import Variable
from lamella.errors import ArgumentError, NotBuiltError, ShapeError


def assign_weights(layer: Any, weights: list) -> None:
    """Give the weights of a layer new values; all or, where one does not fit, none."""
    mine = layer.weights
    if len(weights) != len(mine):
        raise ArgumentError(
            f"You called `set_weights(weights)` on layer {layer.name!r} with a list of {len(weights)} arrays, but the "
            f"layer has {len(mine)} weights: {[v.path for v in mine]}."
        )
    for variable, value in zip(mine, weights):
        if tuple(getattr(value, "shape", ())) != variable.shape:
            raise ShapeError(
                f"Layer {layer.name!r} weight {variable.path!r} has shape {variable.shape}; it was given a value of "
                f"shape {tuple(getattr(value, 'shape', ()))}."
            )
    for variable, value in zip(mine, weights):
        variable.assign(value)


def count_scalars(layer: Any) -> int:
    """The number of scalars in the weights of a layer that is built."""
    if not layer.built:
        raise NotBuiltError(
            f"You tried to call `count_params` on layer {layer.name!r}, but the layer isn't built: it has no weights "
            f"yet. Build it with `{layer.name}.build(input_shape)` or call it on data."
        )
    return sum(math.prod(variable.shape) for variable in layer.weights)


def load_variables(layer: Any, variables: list[Variable], store: Any) -> None:
    """Read the layer's own `variables` from `store`, where they stand under "0", "1", ..."""
    if len(store.keys()) != len(variables):
        if not variables and not layer.built:
            raise NotBuiltError(
                f"Layer {layer.name!r} was never built and thus has no variables, but the weights file lists "
                f"{len(store.keys())} variables for it. Build it first: call it on data, or call build(input_shape)."
            )
        raise ArgumentError(
            f"Layer {layer.name!r} expected {len(variables)} variables, but received {len(store.keys())} variables "
            "during loading."
        )
    for i, variable in enumerate(variables):
        variable.assign(store[str(i)])
