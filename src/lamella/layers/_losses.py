"""The losses that layers add in their calls: kept in the layer, or in the stateless scope that a call runs in."""

from collections.abc import Iterable
from typing import Any

from lamella.core import _scopes, _tree
from lamella.errors import ArgumentError


def record_losses(layer: Any, loss: Any) -> None:
    """Add a scalar, or a structure of scalars, to the losses of the current call of `layer`."""
    scope = _scopes.stateless_scope()
    for value in _tree.flatten(loss):
        if not isinstance(value, (int, float)) and not hasattr(value, "dtype"):
            raise ArgumentError(
                f"Layer {layer.name!r}: `add_loss()` takes a tensor or a number; got {value!r} of type "
                f"{type(value).__name__}."
            )
        if scope is not None:
            scope.add_loss((layer, value))
        else:
            layer._losses.append(value)


def recorded_losses(layers: list) -> list:
    """What `layers` have added since the outermost call began."""
    scope = _scopes.stateless_scope()
    if scope is None:
        return [value for layer in layers for value in layer._losses]
    mine = {id(layer) for layer in layers}
    added = [entry for entry in scope.losses if isinstance(entry, tuple)]
    return [value for owner, value in added if id(owner) in mine]


def forget_losses(layers: Iterable) -> None:
    """Begin a new call: without the losses of the one before."""
    if not _scopes.in_stateless_scope():
        for layer in layers:
            layer._losses.clear()
