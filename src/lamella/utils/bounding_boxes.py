"""Bounding boxes: formats, overlaps, moves, and distances from anchors."""

from lamella._lazy import attach

_FUNCTIONS = (
    "affine_transform",
    "clip_to_image_size",
    "compute_ciou",
    "compute_iou",
    "convert_format",
    "crop",
    "decode_deltas_to_boxes",
    "encode_box_to_deltas",
    "pad",
)

__all__ = list(_FUNCTIONS)

__getattr__, __dir__ = attach(__name__, {name: ("lamella.layers._bounding_box_functions", name) for name in _FUNCTIONS})
