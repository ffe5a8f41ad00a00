"""A layer's configuration: what it says of itself, and how it is made from it again."""

import inspect
from typing import Any

from lamella.core import _policy
from lamella.core._serialization import deserialize_keras_object
from lamella.errors import SerializationError


def describe(layer: Any) -> dict:
    """The arguments that every layer has, and those of a class that does not describe itself."""
    config: dict[str, Any] = {
        "name": layer.name,
        "trainable": layer.trainable,
        "dtype": _policy.serialize(layer._policy),
    }
    if layer.activity_regularizer is not None:
        from lamella import regularizers

        config["activity_regularizer"] = regularizers.serialize(layer.activity_regularizer)
    return config if _describes_itself(type(layer)) else layer._with_arguments(config)


def make(cls: Any, config: dict) -> Any:
    """The layer of class `cls` with this configuration.

    Raises:
        SerializationError: when its constructor refuses.
    """
    config = dict(config)
    parameters = inspect.signature(cls.__init__).parameters
    if isinstance(config.get("dtype"), dict):
        config["dtype"] = deserialize_keras_object(config["dtype"])
    if not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        config = _only_known(cls, config, parameters)
    try:
        return cls(**config)
    except Exception as error:
        raise SerializationError(
            f"{cls.__name__} could not be made from its configuration {config!r}: {error}"
        ) from error


def _describes_itself(cls: type) -> bool:
    """Whether the class that defines the constructor is lamella's own, or defines `get_config` too."""
    for base in cls.__mro__:
        if base.__module__.startswith("lamella."):
            return True
        if "get_config" in vars(base):
            return True
        if "__init__" in vars(base):
            return False
    return True


def _only_known(cls: type, config: dict, parameters: Any) -> dict:
    """Without `name`, `trainable` and `dtype` where the constructor of a user's class takes none of them."""
    return {k: v for k, v in config.items() if k in parameters or k not in ("name", "trainable", "dtype")}
