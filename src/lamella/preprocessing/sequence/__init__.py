"""Sequences of different lengths."""

from lamella._lazy import attach

_NAMES = {
    "pad_sequences": ("lamella.data._sequences", "pad_sequences"),
}

__all__ = list(_NAMES)

__getattr__, __dir__ = attach(__name__, _NAMES)
