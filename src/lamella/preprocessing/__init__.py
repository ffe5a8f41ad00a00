"""Names of `keras.preprocessing`, which programs still use; `keras.utils` has most of them too."""

from lamella._lazy import attach

_NAMES = {
    "image": ".image",
    "image_dataset_from_directory": ("lamella.data._directories", "image_dataset_from_directory"),
    "sequence": ".sequence",
    "text_dataset_from_directory": ("lamella.data._directories", "text_dataset_from_directory"),
    "timeseries_dataset_from_array": ("lamella.data._sequences", "timeseries_dataset_from_array"),
}

__all__ = list(_NAMES)

__getattr__, __dir__ = attach(__name__, _NAMES)
