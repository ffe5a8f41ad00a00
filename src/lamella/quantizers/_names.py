"""Quantizers by name: strings and configurations to objects, and back."""

from typing import Any

from lamella.core._family import Family

__all__ = ["deserialize", "get", "serialize"]

_FAMILY = Family("quantizer", "keras.quantizers", {"abs_max_quantizer": "AbsMaxQuantizer"})


def get(identifier: Any, **kwargs: Any) -> Any:
    """The quantizer that `identifier` stands for.

    Args:
        identifier: a name ("AbsMaxQuantizer"), a configuration, a class, a quantizer or a function, or None.
        **kwargs: arguments of the class that a name stands for.

    Returns:
        A callable, or None.

    Raises:
        UnknownNameError: for a string that names no quantizer.
        ArgumentError: for anything that is none of these.
    """
    found = _FAMILY.get(identifier)
    return type(found)(**kwargs) if kwargs and isinstance(identifier, str) else found


def serialize(initializer: Any) -> Any:
    """The configuration from which `deserialize` makes the quantizer again.

    Args:
        initializer: a quantizer. (Keras's name of the argument.)
    """
    return _FAMILY.serialize(initializer)


def deserialize(config: Any, custom_objects: dict | None = None) -> Any:
    """The quantizer of a name or of a configuration made by `serialize`.

    Args:
        config: a string or a configuration.
        custom_objects: names that it may use, and the classes or functions they stand for.
    """
    return _FAMILY.deserialize(config, custom_objects)
