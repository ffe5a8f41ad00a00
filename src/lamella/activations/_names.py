"""Activations by name: strings and configurations to functions, and back."""

from collections.abc import Callable
from typing import Any

from lamella import ops
from lamella.activations import _functions
from lamella.core._serialization import (
    deserialize_object,
    get_registered_object,
    serialize_keras_object,
)
from lamella.errors import ArgumentError, unknown_name

__all__ = ["deserialize", "get", "serialize"]

_OPS = (
    "celu", "elu", "glu", "hard_shrink", "hard_sigmoid", "hard_silu", "hard_swish", "hard_tanh", "leaky_relu",
    "log_sigmoid", "log_softmax", "relu6", "selu", "sigmoid", "silu", "soft_shrink", "softmax", "softplus",
    "softsign", "sparse_plus", "sparse_sigmoid", "sparsemax", "squareplus", "swish", "tanh", "tanh_shrink",
    "threshold",
)  # fmt: skip
ALL: dict[str, Callable] = {
    **{name: getattr(ops, name) for name in _OPS},
    **{name: getattr(_functions, name) for name in _functions.__all__},
}


def get(identifier: Any) -> Callable:
    """The activation that `identifier` stands for.

    Args:
        identifier: a name ("relu", "softmax"), a configuration, a callable (a function, a layer), or None,
            which stands for `linear`.

    Returns:
        A callable.

    Raises:
        UnknownNameError: for a string that names no activation.
        ArgumentError: for anything that is none of these.

    Example:
        >>> from lamella import activations
        >>> activations.get("relu") is activations.relu, activations.get(None).__name__
        (True, 'linear')
    """
    found = deserialize(identifier) if isinstance(identifier, (str, dict)) else identifier
    if found is None:
        return _functions.linear
    if callable(found):
        return found
    raise ArgumentError(
        f"Could not interpret the activation {identifier!r} of type {type(identifier).__name__}. Expected "
        "the name of one such as 'relu', a function of an array, a layer, or a configuration."
    )


def serialize(activation: Callable) -> Any:
    """The name of an activation of lamella's, or the configuration of anything else.

    Args:
        activation: a function or a layer.

    Raises:
        SerializationError: for a lambda.

    Example:
        >>> from lamella import activations
        >>> activations.serialize(activations.relu)
        'relu'
    """
    name = getattr(activation, "__name__", None)
    # ops.relu and ops.gelu have the names of the activations, as in Keras.
    if name in ALL and any(activation is getattr(where, name, None) for where in (_functions, ops)):
        return name
    return serialize_keras_object(activation)


def deserialize(config: Any, custom_objects: dict | None = None) -> Any:
    """The activation of a name or of a configuration made by `serialize`.

    Args:
        config: a string or a configuration.
        custom_objects: names that it may use, and the functions or classes they stand for.

    Raises:
        UnknownNameError: for a string that names no activation.
        SerializationError: for a configuration that names nothing.

    Example:
        >>> from lamella import activations
        >>> activations.deserialize("relu") is activations.relu
        True
    """
    if isinstance(config, str):
        found = get_registered_object(config, custom_objects) or ALL.get(config)
        if found is None:
            raise unknown_name("activation", config, ALL)
        return found() if isinstance(found, type) else found
    if isinstance(config, dict) and config.get("class_name") == "function":
        name = config.get("config")
        if config.get("module") in ("keras.activations", "builtins") and name in ALL:
            return get_registered_object(name, custom_objects) or ALL[name]
    return deserialize_object(config, custom_objects)
