"""Images as files and arrays."""

from lamella._lazy import attach

_NAMES = {
    "array_to_img": ("lamella.data._images", "array_to_img"),
    "img_to_array": ("lamella.data._images", "img_to_array"),
    "load_img": ("lamella.data._images", "load_img"),
    "save_img": ("lamella.data._images", "save_img"),
    "smart_resize": ("lamella.data._images", "smart_resize"),
}

__all__ = list(_NAMES)

__getattr__, __dir__ = attach(__name__, _NAMES)
