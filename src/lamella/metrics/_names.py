"""Metrics by name: strings and configurations to objects, and back."""

from typing import Any

from lamella.core._names import snake_case
from lamella.core._serialization import (
    builtin_classes,
    deserialize_object,
    get_registered_object,
    serialize_keras_object,
)
from lamella.errors import ArgumentError, unknown_name
from lamella.losses._names import ABBREVIATIONS, FUNCTIONS
from lamella.metrics._metric import Metric
from lamella.metrics._reduction import MeanMetricWrapper

__all__ = ["deserialize", "get", "serialize"]


def _classes() -> dict[str, type]:
    """Every class, by its own name, by that in snake case, and by abbreviations."""
    named = {name: cls for name, cls in builtin_classes("keras.metrics").items() if issubclass(cls, Metric)}
    known = {**named, **{snake_case(name): cls for name, cls in named.items()}}
    for short, name in ABBREVIATIONS.items():
        if name in known:
            known[short] = known[short.upper()] = known[name]
    return known


def get(identifier: Any) -> Any:
    """The metric that `identifier` names.

    Args:
        identifier: the name of a class, as it is ("BinaryAccuracy"), in snake case ("binary_accuracy") or abbreviated
            ("mse"); the name of any loss function; a class or a configuration; or a callable or None, which are
            returned as they are.

    Returns:
        A `Metric`, a callable, or None.

    Raises:
        UnknownNameError: when a string names no metric.
        ArgumentError: when it is none of these.

    Example:
        >>> from lamella import metrics
        >>> metrics.get("mse").name, metrics.get("AUC").num_thresholds
        ('mean_squared_error', 200)
    """
    if identifier is None:
        return None
    found = deserialize(identifier) if isinstance(identifier, (str, dict)) else identifier
    if isinstance(found, type):
        found = found()
    if callable(found):
        return found
    raise ArgumentError(
        f"Could not interpret the metric {identifier!r} of type {type(identifier).__name__}. Expected the name of a "
        "metric such as 'accuracy', a Metric, a function of (y_true, y_pred), or a configuration."
    )


def serialize(metric: Any) -> Any:
    """The configuration of a metric object or function.

    Args:
        metric: a `Metric` or a function.

    Example:
        >>> from lamella import metrics
        >>> metrics.serialize(metrics.Mean())["class_name"]
        'Mean'
    """
    return serialize_keras_object(metric)


def deserialize(config: Any, custom_objects: dict | None = None) -> Any:
    """The metric of a name or of a configuration made by `serialize`.

    Args:
        config: a string or a configuration.
        custom_objects: names that it may use, and the classes or functions they stand for.

    Returns:
        A `Metric` or a function.

    Raises:
        UnknownNameError: when a string names no metric.
        SerializationError: when a configuration names no metric.

    Example:
        >>> from lamella import metrics
        >>> metrics.deserialize(metrics.serialize(metrics.AUC(num_thresholds=5))).num_thresholds
        5
    """
    classes = _classes()
    if isinstance(config, dict) and "module" not in config and config.get("class_name") in classes:
        config = {**config, "module": "keras.metrics", "class_name": classes[config["class_name"]].__name__}
    if not isinstance(config, str):
        return deserialize_object(config, custom_objects)
    found = get_registered_object(config, custom_objects) or classes.get(config)
    if found is None and config in FUNCTIONS:
        function = FUNCTIONS[config]
        return MeanMetricWrapper(function, name=function.__name__)
    if found is None:
        raise unknown_name("metric", config, [*classes, *FUNCTIONS])
    return found() if isinstance(found, type) else found
