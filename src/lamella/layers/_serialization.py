"""Layers as configurations, and back."""

from typing import Any

from lamella.core._serialization import deserialize_keras_object, serialize_keras_object
from lamella.errors import ArgumentError
from lamella.layers._layer import Layer

__all__ = ["deserialize", "serialize"]


def serialize(layer: Layer) -> dict:
    """The configuration of a layer, from which `deserialize` makes a new one.

    Args:
        layer: a layer.

    Returns:
        A dictionary of plain values: the class, its arguments, and the shapes it was built with.
    """
    return serialize_keras_object(layer)


def deserialize(config: Any, custom_objects: dict | None = None) -> Layer:
    """The layer of a configuration made by `serialize`; its weights are new.

    Args:
        config: a dictionary.
        custom_objects: names that the configuration may use, and the classes or functions they stand for.

    Raises:
        ArgumentError: when it describes something else than a layer.

    Example:
        >>> from lamella import layers
        >>> layers.deserialize(layers.serialize(layers.Dense(3))).units
        3
    """
    obj = deserialize_keras_object(config, custom_objects=custom_objects)
    if not isinstance(obj, Layer):
        raise ArgumentError(f"The configuration {config!r} does not describe a layer: it makes {obj!r}.")
    return obj
