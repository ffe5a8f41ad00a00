"""Names that Keras users expect here; each lives where it belongs."""

from lamella._lazy import attach

_NAMES = {
    "Config": ("lamella.core._named_values", "Config"),
    "CustomObjectScope": "lamella.saving",
    "FeatureSpace": ("lamella.layers._feature_space", "FeatureSpace"),
    "Progbar": ("lamella.training._progress", "Progbar"),
    "PyDataset": ("lamella.data._py_dataset", "PyDataset"),
    "Sequence": ("lamella.data._py_dataset", "PyDataset"),
    "array_to_img": ("lamella.data._images", "array_to_img"),
    "audio_dataset_from_directory": ("lamella.data._directories", "audio_dataset_from_directory"),
    "bounding_boxes": ".bounding_boxes",
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
    "image_dataset_from_directory": ("lamella.data._directories", "image_dataset_from_directory"),
    "img_to_array": ("lamella.data._images", "img_to_array"),
    "is_interactive_logging_enabled": "lamella.config",
    "is_keras_tensor": ("lamella.core._keras_tensor", "is_keras_tensor"),
    "load_img": ("lamella.data._images", "load_img"),
    "model_to_dot": ("lamella.visualization._plot_model", "model_to_dot"),
    "normalize": ("lamella.data._labels", "normalize"),
    "pack_x_y_sample_weight": ("lamella.data._packing", "pack_x_y_sample_weight"),
    "pad_sequences": ("lamella.data._sequences", "pad_sequences"),
    "plot_model": ("lamella.visualization._plot_model", "plot_model"),
    "register_keras_serializable": "lamella.saving",
    "save_img": ("lamella.data._images", "save_img"),
    "serialize_keras_object": "lamella.saving",
    "set_random_seed": ("lamella.random._seed", "set_random_seed"),
    "split_dataset": ("lamella.data._sequences", "split_dataset"),
    "standardize_dtype": ("lamella.backend._dtypes", "standardize_dtype"),
    "text_dataset_from_directory": ("lamella.data._directories", "text_dataset_from_directory"),
    "timeseries_dataset_from_array": ("lamella.data._sequences", "timeseries_dataset_from_array"),
    "to_categorical": ("lamella.data._labels", "to_categorical"),
    "unpack_x_y_sample_weight": ("lamella.data._packing", "unpack_x_y_sample_weight"),
}

__all__ = list(_NAMES)

__getattr__, __dir__ = attach(__name__, _NAMES)
