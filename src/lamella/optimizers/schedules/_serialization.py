"""Schedules to configurations and back."""

from typing import Any

from lamella.core._serialization import builtin_classes, deserialize_keras_object, serialize_keras_object
from lamella.optimizers.schedules._schedule import LearningRateSchedule

__all__ = ["deserialize", "serialize"]


def serialize(learning_rate_schedule: LearningRateSchedule) -> dict:
    """The configuration of a schedule: `{"module", "class_name", "config", "registered_name"}`."""
    return serialize_keras_object(learning_rate_schedule)


def deserialize(config: dict, custom_objects: dict | None = None) -> Any:
    """The schedule of a configuration.

    Args:
        config: what `serialize` returned, or `{"class_name": ..., "config": {...}}`.
        custom_objects: names of classes of your own, and the classes.

    Raises:
        SerializationError: when it names a class that is not known.
    """
    return deserialize_keras_object(
        config, module_objects=builtin_classes("keras.optimizers.schedules"), custom_objects=custom_objects
    )
