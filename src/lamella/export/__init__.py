"""Inference artifacts; the code is in `saving`."""

from lamella._lazy import attach

_NAMES = {
    "Artifact": ("lamella.saving._export", "Artifact"),
    "ExportArchive": ("lamella.saving._export", "ExportArchive"),
    "load_artifact": ("lamella.saving._export", "load_artifact"),
}

__all__ = list(_NAMES)

__getattr__, __dir__ = attach(__name__, _NAMES)
