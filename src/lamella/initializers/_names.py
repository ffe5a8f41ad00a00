"""Initializers by name: strings and configurations to objects, and back."""

from typing import Any

from lamella.backend import _registry
from lamella.core import _variable
from lamella.core._family import Family
from lamella.errors import ShapeError
from lamella.typing import Array

__all__ = ["deserialize", "get", "serialize"]

_FAMILY = Family(
    "initializer",
    "keras.initializers",
    {
        "constant": "Constant",
        "zeros": "Zeros",
        "zero": "Zeros",
        "ones": "Ones",
        "one": "Ones",
        "identity": "Identity",
        "IdentityInitializer": "Identity",
        "stft": "STFT",
        "STFTInitializer": "STFT",
        "random_normal": "RandomNormal",
        "normal": "RandomNormal",
        "random_uniform": "RandomUniform",
        "uniform": "RandomUniform",
        "truncated_normal": "TruncatedNormal",
        "variance_scaling": "VarianceScaling",
        "glorot_normal": "GlorotNormal",
        "glorot_uniform": "GlorotUniform",
        "he_normal": "HeNormal",
        "he_uniform": "HeUniform",
        "lecun_normal": "LecunNormal",
        "lecun_uniform": "LecunUniform",
        "orthogonal": "Orthogonal",
        "OrthogonalInitializer": "Orthogonal",
    },
)


def get(identifier: Any) -> Any:
    """The initializer that `identifier` stands for.

    Args:
        identifier: a name ("glorot_uniform", "GlorotUniform", "uniform"), a configuration, a class, an object
            or a function of (shape, dtype), or None; or an array, which becomes the value itself.

    Returns:
        A callable `(shape, dtype=None) -> array`, or None.

    Raises:
        UnknownNameError: for a string that names no initializer.
        ArgumentError: for anything that is none of these.

    Example:
        >>> from lamella import initializers
        >>> initializers.get("he_normal")
        HeNormal(seed=None, input_axes=None, output_axes=None)
    """
    if hasattr(identifier, "shape") and hasattr(identifier, "dtype") and not callable(identifier):
        return _fixed(identifier)
    return _FAMILY.get(identifier)


def _fixed(value: Array) -> Any:
    def initialize(shape: Any, dtype: str | None = None) -> Array:
        """The array that was given, cast."""
        if tuple(shape) != tuple(value.shape):
            raise ShapeError(
                f"The array given as an initializer has shape {tuple(value.shape)}; the variable has {tuple(shape)}."
            )
        return _registry.active().asarray(value, dtype)

    return initialize


def serialize(initializer: Any) -> Any:
    """The configuration from which `deserialize` makes the initializer again.

    Args:
        initializer: an initializer.

    Example:
        >>> from lamella import initializers
        >>> initializers.serialize(initializers.Constant(2.0))["config"]
        {'value': 2.0}
    """
    return _FAMILY.serialize(initializer)


def deserialize(config: Any, custom_objects: dict | None = None) -> Any:
    """The initializer of a name or of a configuration made by `serialize`.

    Args:
        config: a string or a configuration.
        custom_objects: names that it may use, and the classes or functions they stand for.

    Raises:
        UnknownNameError: for a string that names no initializer.
        SerializationError: for a configuration that names none.

    Example:
        >>> from lamella import initializers
        >>> initializers.deserialize(initializers.serialize(initializers.Constant(2.0))).value
        2.0
    """
    return _FAMILY.deserialize(config, custom_objects)


_variable.RESOLVE_INITIALIZER.append(get)
