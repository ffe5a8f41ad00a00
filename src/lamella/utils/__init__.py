"""Names that Keras users expect here; each lives where it belongs."""

from lamella._lazy import attach

_NAMES = {
    "CustomObjectScope": "lamella.saving",
    "Progbar": ("lamella.training._progress", "Progbar"),
    "clear_session": ("lamella.models._session", "clear_session"),
    "custom_object_scope": "lamella.saving",
    "deserialize_keras_object": "lamella.saving",
    "disable_interactive_logging": "lamella.config",
    "enable_interactive_logging": "lamella.config",
    "get_custom_objects": "lamella.saving",
    "get_file": ("lamella.data._download", "get_file"),
    "get_registered_name": "lamella.saving",
    "get_registered_object": "lamella.saving",
    "get_source_inputs": ("lamella.models._session", "get_source_inputs"),
    "is_interactive_logging_enabled": "lamella.config",
    "is_keras_tensor": ("lamella.core._keras_tensor", "is_keras_tensor"),
    "normalize": ("lamella.data._labels", "normalize"),
    "pack_x_y_sample_weight": ("lamella.data._packing", "pack_x_y_sample_weight"),
    "register_keras_serializable": "lamella.saving",
    "serialize_keras_object": "lamella.saving",
    "set_random_seed": ("lamella.random._seed", "set_random_seed"),
    "standardize_dtype": ("lamella.backend._dtypes", "standardize_dtype"),
    "to_categorical": ("lamella.data._labels", "to_categorical"),
    "unpack_x_y_sample_weight": ("lamella.data._packing", "unpack_x_y_sample_weight"),
}

__all__ = list(_NAMES)

__getattr__, __dir__ = attach(__name__, _NAMES)
