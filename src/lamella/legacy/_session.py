"""The process: names, layout, and settings of graphs and sessions that no longer mean anything."""

from lamella.backend import _dtypes
from lamella.core import _names

__all__ = [
    "reset_uids",
    "image_dim_ordering",
    "set_image_dim_ordering",
    "manual_variable_initialization",
]

_ORDERINGS = {"tf": "channels_last", "th": "channels_first"}


def reset_uids() -> None:
    """Start counting default names from the beginning."""
    _names.reset_names()


def image_dim_ordering() -> str:
    """The layout of images by its name in Keras 1: `"tf"` for channels last, `"th"` for channels first."""
    return {layout: name for name, layout in _ORDERINGS.items()}[_dtypes.image_data_format()]


def set_image_dim_ordering(dim_ordering: str) -> None:
    """Set the layout of images by its name in Keras 1: `"tf"` for channels last, `"th"` for channels first.

    Raises:
        ArgumentError: for another name.
    """
    _dtypes.set_image_data_format(_ORDERINGS.get(dim_ordering, dim_ordering))


def manual_variable_initialization(value: bool) -> None:
    """Kept for Keras 2: Variables have their values from the beginning, so there is nothing to say."""
