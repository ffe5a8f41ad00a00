"""Constraints by name: strings and configurations to objects, and back."""

from typing import Any

from lamella.core._family import Family

__all__ = ["deserialize", "get", "serialize"]

_FAMILY = Family(
    "constraint",
    "keras.constraints",
    {
        "max_norm": "MaxNorm",
        "min_max_norm": "MinMaxNorm",
        "non_neg": "NonNeg",
        "unit_norm": "UnitNorm",
    },
)


def get(identifier: Any) -> Any:
    """The constraint that `identifier` stands for.

    Args:
        identifier: a name ("max_norm", "MaxNorm"), a configuration, a class, an object or a function of an
            array, or None.

    Returns:
        A callable, or None.

    Raises:
        UnknownNameError: for a string that names no constraint.
        ArgumentError: for anything that is none of these.

    Example:
        >>> from lamella import constraints
        >>> constraints.get("unit_norm")
        UnitNorm(axis=0)
    """
    return _FAMILY.get(identifier)


def serialize(constraint: Any) -> Any:
    """The configuration from which `deserialize` makes the constraint again.

    Args:
        constraint: a constraint.

    Example:
        >>> from lamella import constraints
        >>> constraints.serialize(constraints.get("unit_norm"))["class_name"]
        'UnitNorm'
    """
    return _FAMILY.serialize(constraint)


def deserialize(config: Any, custom_objects: dict | None = None) -> Any:
    """The constraint of a name or of a configuration made by `serialize`.

    Args:
        config: a string or a configuration.
        custom_objects: names that it may use, and the classes or functions they stand for.

    Raises:
        UnknownNameError: for a string that names no constraint.
        SerializationError: for a configuration that names none.

    Example:
        >>> from lamella import constraints
        >>> constraints.deserialize({"class_name": "UnitNorm", "config": {}})
        UnitNorm(axis=0)
    """
    return _FAMILY.deserialize(config, custom_objects)
