"""Boxes around things in images, in the formats that Keras knows.

A box is four numbers: "xyxy" (left, top, right, bottom), "yxyx", "xywh" (left, top, width, height), "center_xywh",
"center_yxhw", in pixels; "rel_xyxy", "rel_yxyx", "rel_xywh", "rel_center_xywh" as shares of the image's width and height.
"""

from typing import Any

from lamella import ops
from lamella.errors import ArgumentError
from lamella.typing import Array

__all__ = ["BoxFormat", "FORMATS", "affine_boxes", "clipped"]

FORMATS = (
    "xyxy",
    "yxyx",
    "xywh",
    "center_xywh",
    "center_yxhw",
    "rel_xyxy",
    "rel_yxyx",
    "rel_xywh",
    "rel_center_xywh",
)


class BoxFormat:
    """One format, to "xyxy" in pixels and back.

    Args:
        name: of the format, in capitals or not.
        who: who asks, for the error.

    Raises:
        ArgumentError: for another name.
    """

    def __init__(self, name: Any, who: str):
        lower = name.lower() if isinstance(name, str) else name
        if lower not in FORMATS:
            raise ArgumentError(
                f"The format of bounding boxes of {who} must be one of {', '.join(FORMATS)}; got {name!r}."
            )
        self.relative = lower.startswith("rel_")
        self.kind = lower.removeprefix("rel_")

    def __eq__(self, other: Any) -> bool:
        return (self.relative, self.kind) == (other.relative, other.kind)

    def __hash__(self) -> int:
        return hash((self.relative, self.kind))

    def to_pixels(self, boxes: Array, size: tuple) -> Array:
        """Boxes `(..., 4)` of images of `size` (height, width) as "xyxy" in pixels."""
        a, b, c, d = (boxes[..., i] for i in range(4))
        if self.kind in ("yxyx", "center_yxhw"):
            a, b, c, d = b, a, d, c
        if self.kind.startswith("center"):
            a, b, c, d = a - c / 2, b - d / 2, a + c / 2, b + d / 2
        elif self.kind == "xywh":
            c, d = a + c, b + d
        if self.relative:
            height, width = size
            a, b, c, d = a * width, b * height, c * width, d * height
        return ops.stack([a, b, c, d], axis=-1)

    def from_pixels(self, boxes: Array, size: tuple) -> Array:
        """The way back."""
        a, b, c, d = (boxes[..., i] for i in range(4))
        if self.relative:
            height, width = size
            a, b, c, d = a / width, b / height, c / width, d / height
        if self.kind.startswith("center"):
            a, b, c, d = (a + c) / 2, (b + d) / 2, c - a, d - b
        elif self.kind == "xywh":
            c, d = c - a, d - b
        if self.kind in ("yxyx", "center_yxhw"):
            a, b, c, d = b, a, d, c
        return ops.stack([a, b, c, d], axis=-1)


def clipped(bounding_boxes: dict, size: tuple) -> dict:
    """Boxes ("xyxy" in pixels) cut to the image; the labels of those with nothing left inside become -1.

    Args:
        bounding_boxes: a dictionary of "boxes" `(..., 4)` and, if there are, "labels" `(...)`.
        size: (height, width) of the image.
    """
    height, width = size
    boxes = bounding_boxes["boxes"]
    x1, y1, x2, y2 = (boxes[..., i] for i in range(4))
    x1, x2 = ops.clip(x1, 0, width), ops.clip(x2, 0, width)
    y1, y2 = ops.clip(y1, 0, height), ops.clip(y2, 0, height)
    empty = ops.less_equal((x2 - x1) * (y2 - y1), 0)
    out = {**bounding_boxes, "boxes": ops.stack([x1, y1, x2, y2], axis=-1)}
    if "labels" in out:
        out["labels"] = ops.where(empty, ops.full_like(out["labels"], -1), out["labels"])
    return out


def affine_boxes(boxes: Array, matrix: Array) -> Array:
    """The smallest upright boxes around boxes ("xyxy") whose corners went through maps.

    Args:
        boxes: `(batch, boxes, 4)`, or `(boxes, 4)`.
        matrix: `(batch, 6)`: the new x is `m0 x + m1 y + m2`, the new y `m3 x + m4 y + m5`.
    """
    x1, y1, x2, y2 = (boxes[..., i] for i in range(4))
    x, y = ops.stack([x1, x2, x2, x1], axis=-1), ops.stack([y1, y1, y2, y2], axis=-1)
    m = ops.reshape(matrix, (-1, 6, 1, 1)) if len(boxes.shape) == 3 else ops.reshape(matrix, (6, 1, 1))
    m = [m[:, i] if len(boxes.shape) == 3 else m[i] for i in range(6)]
    new_x, new_y = m[0] * x + m[1] * y + m[2], m[3] * x + m[4] * y + m[5]
    corners = [ops.min(new_x, -1), ops.min(new_y, -1), ops.max(new_x, -1), ops.max(new_y, -1)]
    return ops.stack(corners, axis=-1)
