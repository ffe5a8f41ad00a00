"""Optimizers by name, and to configurations and back."""

from typing import Any

from lamella.core._serialization import (
    builtin_classes,
    deserialize_keras_object,
    get_registered_object,
    serialize_keras_object,
)
from lamella.errors import ArgumentError, unknown_name
from lamella.optimizers._optimizer import Optimizer

__all__ = ["deserialize", "get", "serialize"]


def serialize(optimizer: Optimizer) -> dict:
    """The configuration of an optimizer: `{"module", "class_name", "config", "registered_name"}`."""
    return serialize_keras_object(optimizer)


def deserialize(config: dict, custom_objects: dict | None = None) -> Any:
    """The optimizer of a configuration.

    Args:
        config: what `serialize` returned, or `{"class_name": ..., "config": {...}}` with the name in any case.
        custom_objects: names of classes of your own, and the classes.

    Raises:
        SerializationError: when it names a class that is not known.
    """
    classes = builtin_classes("keras.optimizers")
    name = config.get("class_name") if isinstance(config, dict) else None
    if isinstance(name, str) and name.lower() in (known := {k.lower(): k for k in classes}):
        config = {**config, "class_name": known[name.lower()]}
    return deserialize_keras_object(config, module_objects=classes, custom_objects=custom_objects)


def get(identifier: Any) -> Any:
    """An optimizer from whatever `compile` accepts.

    Args:
        identifier: an `Optimizer`; the name of its class, in any case; a configuration; or None.

    Returns:
        An optimizer; None for None.

    Raises:
        UnknownNameError: for a name that no optimizer has.
        ArgumentError: for anything else.

    Example:

    >>> import lamella
    >>> type(lamella.optimizers.get("adam")).__name__
    'Adam'
    """
    if identifier is None or isinstance(identifier, Optimizer):
        return identifier
    if isinstance(identifier, dict):
        found = deserialize(identifier)
    elif isinstance(identifier, str):
        found = _by_name(identifier)
    else:
        found = None
    if isinstance(found, type):
        found = found()
    if not isinstance(found, Optimizer):
        raise ArgumentError(
            f"Could not interpret optimizer identifier: {identifier!r}. Give an Optimizer such as "
            "`optimizers.Adam(learning_rate=0.001)`, the name of one such as 'adam', or a configuration."
        )
    return found


_NEED_ARGUMENTS = ("Optimizer", "LossScaleOptimizer", "MultiOptimizer", "OptimizerMap")


def _by_name(name: str) -> Any:
    classes = builtin_classes("keras.optimizers")
    by_lower = {known.lower(): cls for known, cls in classes.items() if known not in _NEED_ARGUMENTS}
    found = get_registered_object(name) or by_lower.get(name.lower())
    if found is None:
        raise unknown_name("optimizer", name, by_lower)
    return found
