"""Models and weights as files; objects as configurations, and the registry of the classes that they may name."""

from lamella._lazy import missing as _missing
from lamella.core._serialization import (
    CustomObjectScope,
    deserialize_keras_object,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
    serialize_keras_object,
)
from lamella.core._serialization import CustomObjectScope as custom_object_scope
from lamella.saving import _hooks as _hooks  # hands the bodies of Model.save and its kin down
from lamella.saving._editor import KerasFileEditor
from lamella.saving._model_file import load_model, save_model
from lamella.saving._weights import load_weights, save_weights

__all__ = [
    "CustomObjectScope",
    "KerasFileEditor",
    "custom_object_scope",
    "deserialize_keras_object",
    "get_custom_objects",
    "get_registered_name",
    "get_registered_object",
    "load_model",
    "load_weights",
    "register_keras_serializable",
    "save_model",
    "save_weights",
    "serialize_keras_object",
]

__getattr__ = _missing(__name__)
