"""Regularizers by name: strings and configurations to objects, and back."""

from typing import Any

from lamella.core._family import Family

__all__ = ["deserialize", "get", "serialize"]

_FAMILY = Family(
    "regularizer",
    "keras.regularizers",
    {
        "l1": "L1",
        "l2": "L2",
        "l1_l2": "L1L2",
        "l1l2": "L1L2",
        "orthogonal_regularizer": "OrthogonalRegularizer",
    },
)


def get(identifier: Any) -> Any:
    """The regularizer that `identifier` stands for.

    Args:
        identifier: a name ("l2", "L1L2"), a configuration, a class, an object or a function of an array, or
            None.

    Returns:
        A callable, or None.

    Raises:
        UnknownNameError: for a string that names no regularizer.
        ArgumentError: for anything that is none of these.

    Example:
        >>> from lamella import regularizers
        >>> regularizers.get("l2")
        L2(l2=0.01)
    """
    return _FAMILY.get(identifier)


def serialize(regularizer: Any) -> Any:
    """The configuration from which `deserialize` makes the regularizer again.

    Args:
        regularizer: a regularizer.

    Example:
        >>> from lamella import regularizers
        >>> regularizers.serialize(regularizers.get("l2"))["class_name"]
        'L2'
    """
    return _FAMILY.serialize(regularizer)


def deserialize(config: Any, custom_objects: dict | None = None) -> Any:
    """The regularizer of a name or of a configuration made by `serialize`.

    Args:
        config: a string or a configuration.
        custom_objects: names that it may use, and the classes or functions they stand for.

    Raises:
        UnknownNameError: for a string that names no regularizer.
        SerializationError: for a configuration that names none.

    Example:
        >>> from lamella import regularizers
        >>> regularizers.deserialize({"class_name": "L2", "config": {}})
        L2(l2=0.01)
    """
    return _FAMILY.deserialize(config, custom_objects)
