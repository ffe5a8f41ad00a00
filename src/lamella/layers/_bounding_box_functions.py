"""Functions of bounding boxes: their formats, overlaps, moves, and their distances from anchors.

The formats are those of `_bounding_boxes.py`, in capitals or not. Sizes are in pixels unless the format is relative.
"""

import math
from collections.abc import Callable
from typing import Any

from lamella import ops
from lamella.backend import _dtypes
from lamella.errors import ArgumentError, ShapeError
from lamella.layers._bounding_boxes import BoxFormat, affine_boxes, clipped
from lamella.typing import Array

__all__ = [
    "affine_transform",
    "clip_to_image_size",
    "compute_ciou",
    "compute_iou",
    "convert_format",
    "crop",
    "decode_deltas_to_boxes",
    "encode_box_to_deltas",
    "pad",
]

_ENCODINGS = ("center_xywh", "center_yxhw")


def convert_format(
    boxes: Any, source: str, target: str, height: Any = None, width: Any = None, dtype: str | None = "float32"
) -> Any:
    """`boxes` in another format.

    Args:
        boxes: `(..., 4)`, or a dictionary of "boxes" and what belongs to them.
        source, target: "xyxy", "yxyx", "xywh", "center_xywh", "center_yxhw", or with the shares of the image "rel_xyxy",
            "rel_yxyx", "rel_xywh", "rel_center_xywh".
        height, width: of the image, in pixels; needed when a format is relative.
        dtype: that the boxes are cast to before.

    Returns:
        Boxes `(..., 4)`, or a dictionary that has them.

    Raises:
        ArgumentError: for another format, or a relative one without `height` and `width`.
        ShapeError: when the last axis is not 4.

    Example:
        >>> from lamella.utils import bounding_boxes
        >>> bounding_boxes.convert_format([[10, 20, 30, 40]], source="xyxy", target="xywh").tolist()
        [[10.0, 20.0, 20.0, 20.0]]
    """
    if isinstance(boxes, dict):
        return {**boxes, "boxes": convert_format(boxes["boxes"], source, target, height, width, dtype)}
    source_format, target_format = BoxFormat(source, "convert_format"), BoxFormat(target, "convert_format")
    if (source_format.relative or target_format.relative) and (height is None or width is None):
        raise ArgumentError(
            "`convert_format` must receive `height` and `width` to convert from or to relative formats. Received: "
            f"source={source!r}, target={target!r}, height={height}, width={width}"
        )
    boxes = ops.convert_to_tensor(boxes, dtype=dtype)
    if not boxes.shape or boxes.shape[-1] != 4:
        raise ShapeError(f"`boxes` must be a tensor with the last dimension of 4. Received: shape={tuple(boxes.shape)}")
    if source_format == target_format:
        return boxes
    return target_format.from_pixels(source_format.to_pixels(boxes, (height, width)), (height, width))


def clip_to_image_size(
    bounding_boxes: dict, height: Any = None, width: Any = None, bounding_box_format: str = "xyxy"
) -> dict:
    """Boxes cut to the image; the labels of those with nothing left inside become -1.

    Args:
        bounding_boxes: a dictionary of "boxes", `(boxes, 4)` or `(batch, boxes, 4)`, and, if there are, "labels" `(boxes,)`
            or `(batch, boxes)`.
        height, width: of the image, in pixels; needed unless the format is relative.
        bounding_box_format: of the boxes.

    Returns:
        A dictionary like `bounding_boxes`.

    Raises:
        ArgumentError: for another format, or without the size where it is needed.

    Example:
        >>> from lamella.utils import bounding_boxes
        >>> boxes = {"boxes": [[-10, -20, 150, 160], [200, 0, 300, 50]], "labels": [0, 1]}
        >>> out = bounding_boxes.clip_to_image_size(boxes, height=100, width=120)
        >>> out["boxes"].tolist(), out["labels"].tolist()
        ([[0, 0, 120, 100], [120, 0, 120, 50]], [0, -1])
    """
    fmt = BoxFormat(bounding_box_format, "clip_to_image_size")
    if not isinstance(bounding_boxes, dict) or "boxes" not in bounding_boxes:
        raise ArgumentError(
            "`clip_to_image_size` takes a dictionary with the key 'boxes'; got "
            f"{list(bounding_boxes) if isinstance(bounding_boxes, dict) else type(bounding_boxes).__name__}."
        )
    if fmt.relative:
        height, width = 1, 1  # the image in its own shares
    elif height is None or width is None:
        raise ArgumentError(
            f"`height` and `width` of `clip_to_image_size` must be set if `bounding_box_format={bounding_box_format!r}`. "
            f"Received: height={height}, width={width}"
        )
    values = {k: ops.convert_to_tensor(v) for k, v in bounding_boxes.items() if k in ("boxes", "labels")}
    out = clipped({**values, "boxes": fmt.to_pixels(values["boxes"], (1, 1))}, (height, width))
    return {**bounding_boxes, **out, "boxes": fmt.from_pixels(out["boxes"], (1, 1))}


def affine_transform(
    boxes: Any,
    angle: Any,
    translate_x: Any,
    translate_y: Any,
    scale: Any,
    shear_x: Any,
    shear_y: Any,
    height: Any,
    width: Any,
    center_x: Any = None,
    center_y: Any = None,
    bounding_box_format: str = "xyxy",
) -> Array:
    """The smallest upright boxes around boxes that were moved, turned, sheared and scaled, in this order, about a centre.

    With `c` and `s` the cosine and the sine of the angle, `p` and `q` the tangents of the shears, `d = c + s q` and
    `e = c q - s`, a place goes to `scale * [[c - p e, s + p d], [e, d]]` times its place from the centre. (This is the
    matrix of Keras. Turned and sheared along x it is not a rotation followed by a shear, whose first element is `c + p e`.)

    Args:
        boxes: `(boxes, 4)` or `(batch, boxes, 4)`.
        angle: in degrees, counterclockwise as seen on a screen. This and the other numbers are scalars, or `(batch,)`.
        translate_x, translate_y: to the right and down, as shares of `width - 1` and `height - 1`.
        scale: the factor of enlargement.
        shear_x, shear_y: angles in degrees.
        height, width: of the image, in pixels.
        center_x, center_y: the centre, as shares of `width - 1` and `height - 1`; 0.5 for None.
        bounding_box_format: of the boxes.

    Returns:
        Boxes of the shape of `boxes`, with the batch of the numbers.

    Raises:
        ArgumentError: for another format.

    Example:
        >>> from lamella.utils import bounding_boxes
        >>> bounding_boxes.affine_transform([[10, 20, 30, 40]], 0, 0.1, 0, 1, 0, 0, height=101, width=101).tolist()
        [[20.0, 20.0, 40.0, 40.0]]
    """
    fmt = BoxFormat(bounding_box_format, "affine_transform")
    corners = fmt.to_pixels(_floating(boxes), (height, width))
    half = [0.5 if centre is None else centre for centre in (center_x, center_y)]
    numbers = [angle, translate_x, translate_y, scale, shear_x, shear_y, *half]
    angle, x, y, scale, shear_x, shear_y, x0, y0 = (ops.cast(n, corners.dtype) for n in numbers)
    c, s = ops.cos(angle * (math.pi / 180)), ops.sin(angle * (math.pi / 180))
    p, q = ops.tan(shear_x * (math.pi / 180)), ops.tan(shear_y * (math.pi / 180))
    d, e = c + s * q, c * q - s
    a11, a12, a21, a22 = scale * (c - p * e), scale * (s + p * d), scale * e, scale * d
    x0, y0 = x0 * (width - 1), y0 * (height - 1)
    x, y = x * (width - 1) - x0, y * (height - 1) - y0
    rows = [a11, a12, a11 * x + a12 * y + x0, a21, a22, a21 * x + a22 * y + y0]
    zero = sum(rows) * 0  # of the shape that they all broadcast to
    return fmt.from_pixels(affine_boxes(corners, ops.stack([row + zero for row in rows], axis=-1)), (height, width))


def crop(boxes: Any, top: Any, left: Any, height: Any, width: Any, bounding_box_format: str = "xyxy") -> Array:
    """Boxes as they stand in a part that was cut out of the image, cut to it.

    Args:
        boxes: `(..., 4)`.
        top, left: where the part begins, in pixels.
        height, width: its size; None for no bound.
        bounding_box_format: of the boxes; not a relative one.

    Returns:
        Boxes of the shape of `boxes`; those that lie outside have no area.

    Raises:
        ArgumentError: for another format, or a relative one.

    Example:
        >>> from lamella.utils import bounding_boxes
        >>> bounding_boxes.crop([[10, 20, 50, 60]], top=10, left=20, height=40, width=30).tolist()
        [[0, 10, 30, 40]]
    """

    def inside(x1: Array, y1: Array, x2: Array, y2: Array) -> list[Array]:
        bounds = [width, height, width, height]
        shifted = [ops.maximum(v, 0) for v in (x1 - left, y1 - top, x2 - left, y2 - top)]
        return [v if bound is None else ops.minimum(v, bound) for v, bound in zip(shifted, bounds)]

    return _by_corners("crop", boxes, bounding_box_format, inside)


def pad(
    boxes: Any, top: Any, left: Any, height: Any = None, width: Any = None, bounding_box_format: str = "xyxy"
) -> Array:
    """Boxes as they stand in an image that got a margin.

    Args:
        boxes: `(..., 4)`.
        top, left: the margin above and to the left, in pixels.
        height, width: without effect; here for calls written for Keras.
        bounding_box_format: of the boxes; not a relative one.

    Returns:
        Boxes of the shape of `boxes`.

    Raises:
        ArgumentError: for another format, or a relative one.

    Example:
        >>> from lamella.utils import bounding_boxes
        >>> bounding_boxes.pad([[10, 20, 50, 60]], top=1, left=2).tolist()
        [[12, 21, 52, 61]]
    """
    return _by_corners(
        "pad", boxes, bounding_box_format, lambda x1, y1, x2, y2: [x1 + left, y1 + top, x2 + left, y2 + top]
    )


def compute_iou(
    boxes1: Any,
    boxes2: Any,
    bounding_box_format: str,
    use_masking: bool = False,
    mask_val: float = -1,
    image_shape: Any = None,
) -> Array:
    """The overlaps of all pairs of boxes: intersection over union, `|A ∩ B| / (|A ∪ B| + epsilon)`.

    Jaccard (1912), "The distribution of the flora in the alpine zone".

    Args:
        boxes1: `(m, 4)` or `(batch, m, 4)`.
        boxes2: `(n, 4)` or `(batch, n, 4)`.
        bounding_box_format: of both.
        use_masking: whether pairs in which all four corners of a box are negative are no pairs.
        mask_val: what stands for those.
        image_shape: (height, width, channels) of the images; needed for relative formats.

    Returns:
        A floating array, `(m, n)` or `(batch, m, n)`.

    Raises:
        ArgumentError: for another format, or a relative one without `image_shape`.
        ShapeError: when boxes have not two or three axes, the last of them 4.

    Example:
        >>> from lamella.utils import bounding_boxes
        >>> iou = bounding_boxes.compute_iou([[0, 0, 2, 2]], [[0, 0, 2, 2], [1, 0, 3, 2]], "xyxy")
        >>> iou.round(4).tolist()
        [[1.0, 0.3333]]
    """
    corners = []
    for which, boxes in (("boxes1", boxes1), ("boxes2", boxes2)):
        boxes = _corners("compute_iou", boxes, bounding_box_format, image_shape)
        if len(boxes.shape) not in (2, 3):
            raise ShapeError(
                f"`compute_iou` expects `{which}` of shape (boxes, 4) or (batch, boxes, 4). Received: shape="
                f"{tuple(boxes.shape)}"
            )
        corners.append(boxes)
    first, second = ops.expand_dims(corners[0], -2), ops.expand_dims(corners[1], -3)  # (..., m, 1, 4), (..., 1, n, 4)
    iou, _ = _overlap(first, second)
    if use_masking:
        ignored = ops.logical_or(*(ops.less(ops.max(boxes, axis=-1), 0) for boxes in (first, second)))
        iou = ops.where(ignored, ops.cast(mask_val, iou.dtype), iou)
    return iou


def compute_ciou(boxes1: Any, boxes2: Any, bounding_box_format: str, image_shape: Any = None) -> Array:
    """The complete intersection over union of boxes, one by one: `IoU - d² / c² - α v`.

    `d` is the distance of the centres, `c` the diagonal of the smallest box around both, `v` is `4 / π²` times the squared
    difference of `arctan(width / height)`, and `α = v / (1 - IoU + v)`: Zheng, Wang, Liu, Li, Ye and Ren (2020),
    "Distance-IoU loss", arXiv:1911.08287, equations 8 to 11. Divisors have an epsilon added.

    Args:
        boxes1, boxes2: `(..., 4)`, of shapes that broadcast.
        bounding_box_format: of both.
        image_shape: (height, width, channels) of the images; needed for relative formats.

    Returns:
        A floating array of the shape of the boxes without the last axis; 1 for boxes that are equal.

    Raises:
        ArgumentError: for another format, or a relative one without `image_shape`.
        ShapeError: when the last axis is not 4.

    Example:
        >>> from lamella.utils import bounding_boxes
        >>> bounding_boxes.compute_ciou([[0, 0, 2, 2]], [[0, 0, 2, 2]], "xyxy").tolist()
        [1.0]
    """
    first, second = (_corners("compute_ciou", b, bounding_box_format, image_shape) for b in (boxes1, boxes2))
    epsilon = _dtypes.epsilon()
    iou, (x, y, width, height) = _overlap(first, second)
    around = [
        ops.maximum(first[..., i + 2], second[..., i + 2]) - ops.minimum(first[..., i], second[..., i]) for i in (0, 1)
    ]
    diagonal = ops.square(around[0]) + ops.square(around[1]) + epsilon
    distance = (ops.square(x[0] - x[1]) + ops.square(y[0] - y[1])) / 4
    angles = [ops.arctan(w / (h + epsilon)) for w, h in zip(width, height)]
    v = 4 / math.pi**2 * ops.square(angles[1] - angles[0])
    return iou - (distance / diagonal + v * (v / (v - iou + (1 + epsilon))))


def encode_box_to_deltas(
    anchors: Any,
    boxes: Any,
    anchor_format: str,
    box_format: str,
    encoding_format: str = "center_yxhw",
    variance: Any = None,
    image_shape: Any = None,
) -> Array:
    """How boxes differ from anchors: the move of the centre over the anchor's size, and the logarithm of the enlargement.

    Girshick, Donahue, Darrell and Malik (2014), "Rich feature hierarchies", arXiv:1311.2524, appendix C, equations 6 to 9.

    Args:
        anchors: `(n, 4)`.
        boxes: `(n, 4)` or `(batch, n, 4)`.
        anchor_format, box_format: of the anchors and of the boxes.
        encoding_format: "center_xywh" or "center_yxhw": the order of the result.
        variance: four numbers that the result is divided by, or None.
        image_shape: (height, width, channels) of the images; needed for relative formats.

    Returns:
        A floating array of the shape of `boxes`.

    Raises:
        ArgumentError: for another format, a relative one without `image_shape`, or a `variance` of another length.

    Example:
        >>> from lamella.utils import bounding_boxes
        >>> bounding_boxes.encode_box_to_deltas([[0, 0, 4, 4]], [[1, 0, 5, 4]], "xyxy", "xyxy").tolist()
        [[0.0, 0.25, 0.0, 0.0]]
    """
    _check_encoding("encoding_format", encoding_format)
    scale = _variance(variance)
    height, width = _image_size(image_shape)
    anchors, boxes = (
        convert_format(values, fmt, encoding_format, height, width)
        for values, fmt in ((anchors, anchor_format), (boxes, box_format))
    )
    anchor_sizes, box_sizes = (ops.maximum(b[..., 2:], _dtypes.epsilon()) for b in (anchors, boxes))
    moves, growth = (boxes[..., :2] - anchors[..., :2]) / anchor_sizes, ops.log(box_sizes / anchor_sizes)
    deltas = ops.concatenate([moves, growth], axis=-1)
    return deltas if scale is None else deltas / scale


def decode_deltas_to_boxes(
    anchors: Any,
    boxes_delta: Any,
    anchor_format: str,
    box_format: str,
    encoded_format: str = "center_yxhw",
    variance: Any = None,
    image_shape: Any = None,
) -> Any:
    """The boxes that differ from anchors by deltas: the way back of `encode_box_to_deltas`.

    Args:
        anchors: `(n, 4)`, or a dictionary of such by level.
        boxes_delta: `(n, 4)` or `(batch, n, 4)`, or a dictionary of such with the same keys.
        anchor_format, box_format: of the anchors, and of the boxes that come out.
        encoded_format: "center_xywh" or "center_yxhw": the order of the deltas.
        variance: four numbers that the deltas are multiplied by, or None.
        image_shape: (height, width, channels) of the images; needed for relative formats.

    Returns:
        Boxes of the shape of `boxes_delta`, or a dictionary of them.

    Raises:
        ArgumentError: for another format, a relative one without `image_shape`, or a `variance` of another length.

    Example:
        >>> from lamella.utils import bounding_boxes
        >>> bounding_boxes.decode_deltas_to_boxes([[0, 0, 4, 4]], [[0, 0.25, 0, 0]], "xyxy", "xyxy").tolist()
        [[1.0, 0.0, 5.0, 4.0]]
    """
    _check_encoding("encoded_format", encoded_format)
    if isinstance(anchors, dict):
        options = (anchor_format, box_format, encoded_format, variance, image_shape)
        return {level: decode_deltas_to_boxes(anchors[level], boxes_delta[level], *options) for level in anchors}
    scale = _variance(variance)
    height, width = _image_size(image_shape)
    anchors = convert_format(anchors, anchor_format, encoded_format, height, width)
    deltas = ops.cast(boxes_delta, anchors.dtype)
    if scale is not None:
        deltas = deltas * scale
    centres = deltas[..., :2] * anchors[..., 2:] + anchors[..., :2]
    boxes = ops.concatenate([centres, ops.exp(deltas[..., 2:]) * anchors[..., 2:]], axis=-1)
    return convert_format(boxes, encoded_format, box_format, height, width)


# ---- parts -------------------------------------------------------------------------------------------


def _floating(boxes: Any) -> Array:
    boxes = ops.convert_to_tensor(boxes)
    return boxes if _dtypes.is_float_dtype(_dtypes.standardize_dtype(boxes.dtype)) else ops.cast(boxes, "float32")


def _by_corners(who: str, boxes: Any, name: str, change: Callable) -> Array:
    """`boxes` with a function of their corners applied, in pixels."""
    fmt = BoxFormat(name, who)
    if fmt.relative:
        raise ArgumentError(
            f"`{who}` takes boxes in pixels, for the size of the image is another one afterwards; got "
            f"bounding_box_format={name!r}. Convert the boxes before, with `convert_format`."
        )
    boxes = ops.convert_to_tensor(boxes)
    if not boxes.shape or boxes.shape[-1] != 4:
        raise ShapeError(f"`boxes` of `{who}` must have a last axis of 4; got shape {tuple(boxes.shape)}.")
    corners = fmt.to_pixels(boxes, (1, 1))
    return fmt.from_pixels(ops.stack(change(*(corners[..., i] for i in range(4))), axis=-1), (1, 1))


def _corners(who: str, boxes: Any, name: str, image_shape: Any) -> Array:
    """`boxes` as "xyxy" in pixels."""
    if BoxFormat(name, who).relative and image_shape is None:
        raise ArgumentError(
            f"`{who}` needs `image_shape`, (height, width, channels), for relative formats; got image_shape=None and "
            f"bounding_box_format={name!r}."
        )
    return convert_format(boxes, name, "xyxy", *_image_size(image_shape))


def _image_size(image_shape: Any) -> tuple[Any, Any]:
    return (None, None) if image_shape is None else tuple(image_shape)[:2]


def _overlap(first: Array, second: Array) -> tuple[Array, tuple]:
    """Intersection over union of boxes that broadcast; the sums of their sides, their widths and their heights."""
    sides = [[boxes[..., i] for i in range(4)] for boxes in (first, second)]
    (ax1, ay1, ax2, ay2), (bx1, by1, bx2, by2) = sides
    width, height = (ax2 - ax1, bx2 - bx1), (ay2 - ay1, by2 - by1)
    shared_width = ops.maximum(ops.minimum(ax2, bx2) - ops.maximum(ax1, bx1), 0)
    shared_height = ops.maximum(ops.minimum(ay2, by2) - ops.maximum(ay1, by1), 0)
    shared = shared_width * shared_height
    union = width[0] * height[0] + width[1] * height[1] - shared
    return shared / (union + _dtypes.epsilon()), ((ax1 + ax2, bx1 + bx2), (ay1 + ay2, by1 + by2), width, height)


def _check_encoding(argument: str, name: Any) -> None:
    if name not in _ENCODINGS:
        raise ArgumentError(
            f"`{argument}` should be one of 'center_xywh' or 'center_yxhw'. Received: {argument}={name!r}"
        )


def _variance(variance: Any) -> Array | None:
    if variance is None:
        return None
    scale = ops.convert_to_tensor(variance, "float32")
    if scale.shape[-1] != 4:
        raise ArgumentError(f"`variance` must be length 4. Received: variance={variance}")
    return scale
