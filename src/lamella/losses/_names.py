"""Losses by name: strings and configurations to functions and objects, and back."""

from collections.abc import Callable
from typing import Any

from lamella.core._serialization import (
    builtin_classes,
    deserialize_object,
    get_registered_object,
    serialize_keras_object,
)
from lamella.errors import ArgumentError, SerializationError, unknown_name
from lamella.losses import _circle, _crossentropy, _ctc, _hinge, _overlap, _regression
from lamella.losses._loss import Loss

__all__ = ["deserialize", "get", "serialize"]

ABBREVIATIONS = {
    "mse": "mean_squared_error",
    "mae": "mean_absolute_error",
    "mape": "mean_absolute_percentage_error",
    "msle": "mean_squared_logarithmic_error",
    "bce": "binary_crossentropy",
    "kld": "kl_divergence",
}

FUNCTIONS: dict[str, Callable] = {
    name: getattr(module, name)
    for module in (_regression, _hinge, _crossentropy, _overlap, _circle, _ctc)
    for name in module.__all__
    if name.islower()
}
for short, name in ABBREVIATIONS.items():
    FUNCTIONS[short] = FUNCTIONS[short.upper()] = FUNCTIONS[name]
# What older programs say.
FUNCTIONS["logcosh"] = FUNCTIONS["log_cosh"]
FUNCTIONS["kullback_leibler_divergence"] = FUNCTIONS["kl_divergence"]


def _known() -> dict[str, Any]:
    classes = {name: cls for name, cls in builtin_classes("keras.losses").items() if issubclass(cls, Loss)}
    return {**classes, **FUNCTIONS}


def get(identifier: Any) -> Any:
    """The loss that `identifier` names.

    Args:
        identifier: the name of a loss function ("mean_squared_error", "mse", "MSE"), which gives the function; the name
            of a class ("MeanSquaredError"), a class or a configuration, which give an object; a callable or None,
            which are returned as they are.

    Returns:
        A function, a `Loss`, or None.

    Raises:
        UnknownNameError: when a string names no loss.
        ArgumentError: when it is none of these.

    Example:
        >>> from lamella import losses
        >>> losses.get("mse").__name__, losses.get("Huber").name
        ('mean_squared_error', 'huber_loss')
    """
    if identifier is None:
        return None
    found = deserialize(identifier) if isinstance(identifier, (str, dict)) else identifier
    if isinstance(found, type):
        found = found()
    if callable(found):
        return found
    raise ArgumentError(
        f"Could not interpret the loss {identifier!r} of type {type(identifier).__name__}. Expected the name of a loss "
        "such as 'mse', a Loss, a function of (y_true, y_pred), or a configuration."
    )


def serialize(loss: Any) -> Any:
    """The configuration of a loss object, or the name under which a loss function is known.

    Args:
        loss: a `Loss` or a function.

    Example:
        >>> from lamella import losses
        >>> losses.serialize(losses.MeanSquaredError())["class_name"]
        'MeanSquaredError'
    """
    return serialize_keras_object(loss)


def deserialize(name: Any, custom_objects: dict | None = None) -> Any:
    """The loss of a name or of a configuration made by `serialize`.

    Args:
        name: a string or a configuration.
        custom_objects: names that it may use, and the classes or functions they stand for.

    Returns:
        A function, or a `Loss`.

    Raises:
        UnknownNameError: when a string names no loss.
        SerializationError: when a configuration names no loss.

    Example:
        >>> from lamella import losses
        >>> losses.deserialize(losses.serialize(losses.Huber(delta=2.0))).delta
        2.0
    """
    known = _known()
    if isinstance(name, str):
        found = get_registered_object(name, custom_objects) or known.get(name)
        if found is None:
            raise unknown_name("loss", name, known)
        return found() if isinstance(found, type) else found
    if isinstance(name, dict) and "module" not in name and name.get("class_name") in known:
        name = {**name, "module": "keras.losses"}
    try:
        return deserialize_object(name, custom_objects)
    except SerializationError as error:
        if isinstance(name, dict) and isinstance(name.get("class_name"), str):
            error.add_note("while reading the configuration of a loss")
        raise
