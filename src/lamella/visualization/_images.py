"""Boxes and masks painted on images, and galleries of images.

Arrays come back as NumPy arrays, whatever library they came from. Lines are painted here; Pillow writes the text, and
matplotlib shows the galleries.
"""

import math
from typing import Any

import numpy as np

from lamella.backend import _dtypes, _registry
from lamella.errors import ArgumentError, DTypeError, MissingPackageError, ShapeError
from lamella.layers._bounding_box_functions import convert_format
from lamella.visualization._matplotlib import library

__all__ = [
    "draw_bounding_boxes",
    "draw_segmentation_masks",
    "plot_bounding_box_gallery",
    "plot_image_gallery",
    "plot_segmentation_mask_gallery",
]


def draw_bounding_boxes(
    images: Any,
    bounding_boxes: dict,
    bounding_box_format: str,
    class_mapping: dict | None = None,
    color: Any = (128, 128, 128),
    line_thickness: int = 2,
    text_thickness: int = 1,
    font_scale: float = 1.0,
    data_format: str | None = None,
) -> np.ndarray:
    """Images with boxes painted on them.

    Args:
        images: `(batch, height, width, channels)` in the range [0, 255]; floats that are all at most 1 are taken to be in
            [0, 1].
        bounding_boxes: a dictionary of "boxes" `(batch, boxes, 4)`, "labels" `(batch, boxes)`, of which -1 is not drawn, and,
            if there are, "confidences" `(batch, boxes)`.
        bounding_box_format: of the boxes, as in `keras.utils.bounding_boxes.convert_format`.
        class_mapping: the names of classes; boxes of these get their name, and their confidence.
        color: of the boxes, as red, green, blue in [0, 255].
        line_thickness: 1 for a line of one pixel; each one or two more make it wider by a pixel on both sides.
        text_thickness: of the strokes of the text.
        font_scale: 1 for capitals of about 21 pixels.
        data_format: of the images that come in; "channels_last" ones come out.

    Returns:
        uint8, `(batch, height, width, channels)`.

    Raises:
        ShapeError: for images that are no batch.
        TypeError: when `bounding_boxes` is no dictionary.
        ArgumentError: when it lacks "boxes" or "labels", or for an unknown format.
        MissingPackageError: when there is text to write, and Pillow is not installed.

    Example:
        >>> import numpy as np
        >>> from lamella import visualization
        >>> boxes = {"boxes": [[[1, 1, 3, 3]]], "labels": [[0]]}
        >>> image = visualization.draw_bounding_boxes(np.zeros((1, 5, 5, 1)), boxes, "xyxy", line_thickness=1)
        >>> image[0, :, :, 0].tolist()[1]
        [0, 128, 128, 128, 0]
    """
    images = _batch_of_images(images, data_format)
    if not isinstance(bounding_boxes, dict):
        raise DTypeError(
            f"`bounding_boxes` should be a dict. Received: bounding_boxes={bounding_boxes!r} of type {type(bounding_boxes)}"
        )
    if "boxes" not in bounding_boxes or "labels" not in bounding_boxes:
        raise ArgumentError(
            f"`bounding_boxes` should be a dict containing 'boxes' and 'labels' keys. Received: keys={list(bounding_boxes)}"
        )
    if images.dtype.kind == "f" and images.size and images.max() <= 1.0:
        images = images * 255.0
    out = _bytes(images).copy()
    height, width = out.shape[1:3]
    boxes = _host(convert_format(_host(bounding_boxes["boxes"]), bounding_box_format, "xyxy", height, width))
    boxes, labels = boxes.astype("int32"), _host(bounding_boxes["labels"]).astype("int32")
    confidences = bounding_boxes.get("confidences")
    confidences = None if confidences is None else _host(confidences)
    if boxes.ndim != 3:
        raise ShapeError(f"`boxes` must have the shape (batch, boxes, 4); got {boxes.shape}.")
    paint = np.asarray([*color, 255], "uint8")[: out.shape[-1]]  # where there is a fourth channel, it is opacity
    for i, image in enumerate(out):
        for j, (box, label) in enumerate(zip(boxes[i], labels[i])):
            if label == -1:
                continue
            _rectangle(image, box, paint, line_thickness)
            if class_mapping is not None and int(label) in class_mapping:
                text = str(class_mapping[int(label)])
                if confidences is not None:
                    text = f"{text} | {confidences[i, j]:.2f}"
                _write(image, text, box, paint, font_scale, text_thickness)
    return out


def draw_segmentation_masks(
    images: Any,
    segmentation_masks: Any,
    num_classes: int | None = None,
    color_mapping: dict | None = None,
    alpha: float = 0.8,
    blend: bool = True,
    ignore_index: int = -1,
    data_format: str | None = None,
) -> np.ndarray:
    """Images with the classes of their pixels painted on them.

    Args:
        images: `(batch, height, width, channels)` in the range [0, 255].
        segmentation_masks: the classes, integers `(batch, height, width)` or `(batch, height, width, 1)`; those from 0 to
            `num_classes - 1` are painted.
        num_classes: defaults to the largest class, so that this class itself stays unpainted, as in Keras.
        color_mapping: the colours of the classes, as red, green, blue in [0, 255]; by default `c (1, 127, 31)` modulo 255.
        alpha: how much of the colour shows: from 0, the image, to 1, the colour.
        blend: whether image and colour are mixed; else the colour covers the image.
        ignore_index: a class that is not painted.
        data_format: of the images and masks that come in; "channels_last" ones come out.

    Returns:
        `(batch, height, width, channels)`: uint8, or, where nothing is mixed, float32.

    Raises:
        ShapeError: for images that are no batch, or masks that do not fit.
        DTypeError: for masks that are not integers.

    Example:
        >>> import numpy as np
        >>> from lamella import visualization
        >>> image, mask = np.zeros((1, 1, 2, 3)), np.array([[[0, 1]]])
        >>> visualization.draw_segmentation_masks(image, mask, color_mapping={1: (255, 0, 0)}, num_classes=2).tolist()
        [[[[0, 0, 0], [204, 0, 0]]]]
    """
    images = _batch_of_images(images, data_format)
    masks = _host(segmentation_masks)
    if masks.dtype.kind not in "iu":
        raise DTypeError(
            f"`segmentation_masks` must be in integer dtype. Received: segmentation_masks.dtype={masks.dtype}"
        )
    if masks.ndim == 4:
        masks = masks[:, 0] if _dtypes.standardize_data_format(data_format) == "channels_first" else masks[..., 0]
    if images.shape[-1] != 3:
        raise ShapeError(f"`images` must have 3 channels to paint colours on; got shape {images.shape}.")
    if masks.shape != images.shape[:3]:
        raise ShapeError(
            f"`segmentation_masks` must have the shape {images.shape[:3]} of the images, with or without a last axis of 1; "
            f"got {tuple(_host(segmentation_masks).shape)}."
        )
    classes = int(masks.max(initial=0)) if num_classes is None else num_classes
    if color_mapping is None:
        color_mapping = {c: (c * 1 % 255, c * 127 % 255, c * 31 % 255) for c in range(classes)}
    images = images.astype("float32")
    painted = images.copy()
    for c in range(classes):
        if c in color_mapping and c != ignore_index:
            color = np.asarray(color_mapping[c], "float32")
            painted[masks == c] = color * alpha + images[masks == c] * (1 - alpha) if blend else color
    return _bytes(painted) if blend else painted


def plot_image_gallery(
    images: Any,
    y_true: Any = None,
    y_pred: Any = None,
    label_map: dict | None = None,
    rows: int | None = None,
    cols: int | None = None,
    value_range: Any = (0, 255),
    scale: float = 2,
    path: Any = None,
    show: bool | None = None,
    transparent: bool = True,
    dpi: float = 60,
    legend_handles: Any = None,
    data_format: str | None = None,
) -> None:
    """Show images in rows and columns.

    Args:
        images: `(batch, height, width, channels)`.
        y_true, y_pred: classes, `(batch,)`, for the titles.
        label_map: their names; needed with them.
        rows, cols: of the gallery. By default about a square. Of the columns only as many as are full.
        value_range: the values that stand for black and white.
        scale: the size of an image, in inches.
        path: a file to write instead of showing.
        show: whether to show; without it, and without a path, the figure stays open as matplotlib's current one.
        transparent: whether the file has no background.
        dpi: pixels in an inch of the file.
        legend_handles: matplotlib's patches for a legend.
        data_format: "channels_last" or "channels_first".

    Raises:
        ShapeError: for images that are no batch.
        ArgumentError: with both a path and `show=True`, or classes without names.
        MissingPackageError: when matplotlib is not installed.

    Example:
        >>> import os, tempfile, numpy as np
        >>> from lamella import visualization
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = os.path.join(folder, "gallery.png")
        ...     visualization.plot_image_gallery(np.zeros((4, 8, 8, 3)), path=file)
        ...     os.path.exists(file)
        True
    """
    library()
    import matplotlib.pyplot as plt

    if path is not None and show:
        raise ArgumentError("`plot_image_gallery` takes either `path` or `show=True`. Received both.")
    show = path is None if show is None else show
    images = _batch_of_images(images, data_format)
    if (y_true is not None or y_pred is not None) and label_map is None:
        raise ArgumentError("If `y_true` or `y_pred` are provided, a `label_map` must also be provided.")
    count = len(images)
    if rows is None and cols is None:
        rows = math.ceil(math.sqrt(count))
        cols = count // rows
    rows, cols = rows or math.ceil(count / (cols or 1)), cols or count // (rows or 1)
    pictures = _in_bytes(images, value_range)
    figure, all_axes = plt.subplots(
        rows,
        cols,
        figsize=(cols * scale, rows * scale),
        frameon=False,
        layout="tight",
        squeeze=False,
        sharex="row",
        sharey="col",
    )
    figure.subplots_adjust(wspace=0, hspace=0)
    if legend_handles is not None:
        figure.legend(handles=legend_handles, loc="lower center")
    for i, axes in enumerate(all_axes.flat):
        axes.axis("off")
        if i >= count:
            continue
        picture = pictures[i]
        axes.imshow(
            picture[..., 0] if picture.shape[-1] == 1 else picture, cmap="gray" if picture.shape[-1] == 1 else None
        )
        axes.margins(x=0, y=0)
        title = "  ".join(
            f"{what}: {(label_map or {}).get(int(_host(classes)[i]), 'Unknown')}"
            for what, classes in (("Label", y_true), ("Pred", y_pred))
            if classes is not None and i < len(_host(classes))
        )
        if title:
            axes.set_title(title, fontsize=8)
    if path is not None:
        figure.savefig(path, pad_inches=0, bbox_inches="tight", transparent=transparent, dpi=dpi)
        plt.close(figure)
    elif show:
        plt.show()
        plt.close(figure)


def plot_bounding_box_gallery(
    images: Any,
    bounding_box_format: str,
    y_true: dict | None = None,
    y_pred: dict | None = None,
    value_range: Any = (0, 255),
    true_color: Any = (0, 188, 212),
    pred_color: Any = (255, 235, 59),
    line_thickness: int = 2,
    font_scale: float = 1.0,
    text_thickness: int | None = None,
    class_mapping: dict | None = None,
    ground_truth_mapping: dict | None = None,
    prediction_mapping: dict | None = None,
    legend: bool = False,
    legend_handles: Any = None,
    rows: int | None = None,
    cols: int | None = None,
    data_format: str | None = None,
    **kwargs: Any,
) -> None:
    """Show images with the boxes that are there and the boxes that were found.

    Args:
        images: `(batch, height, width, channels)`.
        bounding_box_format: of the boxes.
        y_true, y_pred: the boxes, as `draw_bounding_boxes` takes them; either or both.
        value_range: the values of the images that stand for black and white.
        true_color, pred_color: of the boxes of either.
        line_thickness, font_scale: as in `draw_bounding_boxes`.
        text_thickness: defaults to `line_thickness`.
        class_mapping: the names of classes; `ground_truth_mapping` and `prediction_mapping` are for either kind alone.
        legend: whether to say which colour is which.
        legend_handles: matplotlib's patches for a legend instead.
        rows, cols: of the gallery.
        data_format: "channels_last" or "channels_first".
        **kwargs: further arguments of `plot_image_gallery`.

    Raises:
        ShapeError: for images that are no batch.
        ArgumentError: with both `legend` and `legend_handles`.
        MissingPackageError: when matplotlib is not installed.
    """
    library()
    from matplotlib import patches

    if legend and legend_handles is not None:
        raise ArgumentError(
            "Only pass `legend` OR `legend_handles` to `keras.visualization.plot_bounding_box_gallery()`."
        )
    pictures = _in_bytes(_batch_of_images(images, data_format), value_range)
    kinds = (
        (y_true, true_color, ground_truth_mapping or class_mapping),
        (y_pred, pred_color, prediction_mapping or class_mapping),
    )
    for boxes, color, names in kinds:
        if boxes is not None:
            pictures = draw_bounding_boxes(
                pictures,
                boxes,
                bounding_box_format,
                class_mapping=names,
                color=color,
                line_thickness=line_thickness,
                text_thickness=text_thickness or line_thickness,
                font_scale=font_scale,
                data_format="channels_last",
            )
    if legend:
        kinds = (("Ground Truth", true_color), ("Prediction", pred_color))
        legend_handles = [patches.Patch(color=tuple(np.asarray(color) / 255.0), label=name) for name, color in kinds]
    plot_image_gallery(
        pictures, rows=rows, cols=cols, legend_handles=legend_handles, data_format="channels_last", **kwargs
    )


def plot_segmentation_mask_gallery(
    images: Any,
    num_classes: int,
    value_range: Any = (0, 255),
    y_true: Any = None,
    y_pred: Any = None,
    color_mapping: dict | None = None,
    blend: bool = True,
    alpha: float = 0.8,
    ignore_index: int = -1,
    data_format: str | None = None,
    **kwargs: Any,
) -> None:
    """Show images in a column, and beside them the masks that are right and the masks that were found.

    Args:
        images: `(batch, height, width, channels)`.
        num_classes: classes from 0 to `num_classes - 1` are painted.
        value_range: the values of the images that stand for black and white.
        y_true, y_pred: the masks, as `draw_segmentation_masks` takes them; either or both.
        color_mapping, blend, alpha, ignore_index: as in `draw_segmentation_masks`.
        data_format: "channels_last" or "channels_first".
        **kwargs: further arguments of `plot_image_gallery`.

    Raises:
        ShapeError: for images that are no batch, or masks that do not fit.
        MissingPackageError: when matplotlib is not installed.
    """
    pictures = _in_bytes(_batch_of_images(images, data_format), value_range)
    columns = [pictures]
    for masks in (y_true, y_pred):
        if masks is not None:
            masks = _host(masks)
            if masks.ndim == 4:
                first = _dtypes.standardize_data_format(data_format) == "channels_first"
                masks = masks[:, 0] if first else masks[..., 0]
            masks = masks.astype("int32")
            columns.append(
                draw_segmentation_masks(
                    pictures, masks, num_classes, color_mapping, alpha, blend, ignore_index, "channels_last"
                )
            )
    side_by_side = np.stack(columns, axis=1).reshape(-1, *pictures.shape[1:])
    options = {"rows": len(pictures), "cols": len(columns), "data_format": "channels_last", **kwargs}
    plot_image_gallery(side_by_side, **options)


# ---- parts -------------------------------------------------------------------------------------------


def _host(x: Any) -> np.ndarray:
    return _registry.to_numpy(x) if _registry.owner(x) is not None else np.asarray(x)


def _batch_of_images(images: Any, data_format: str | None) -> np.ndarray:
    array = _host(images)
    if array.ndim != 4:
        raise ShapeError(f"`images` must be batched 4D tensor. Received: images.shape={array.shape}")
    if array.dtype == np.float64:
        array = array.astype("float32")
    first = _dtypes.standardize_data_format(data_format) == "channels_first"
    return array.transpose(0, 2, 3, 1) if first else array


def _bytes(images: np.ndarray) -> np.ndarray:
    return images if images.dtype == np.uint8 else np.clip(images, 0, 255).astype("uint8")


def _in_bytes(images: np.ndarray, value_range: Any) -> np.ndarray:
    low, high = value_range
    return _bytes((images.astype("float32") - low) / (high - low) * 255)


def _rectangle(image: np.ndarray, box: Any, color: np.ndarray, thickness: int) -> None:
    """Paint the outline of a box in place, with a round brush."""
    left, right = sorted((int(box[0]), int(box[2])))
    top, bottom = sorted((int(box[1]), int(box[3])))
    radius = 0 if thickness <= 1 else (thickness + 1) // 2
    for dy in range(-radius, radius + 1):
        reach = math.isqrt(radius * radius - dy * dy)
        for y in (top + dy, bottom + dy):
            _paint(image, y, y, left - reach, right + reach, color)
        for x in (left, right):
            _paint(image, top + dy, bottom + dy, x - reach, x + reach, color)


def _paint(image: np.ndarray, top: int, bottom: int, left: int, right: int, color: np.ndarray) -> None:
    image[max(top, 0) : max(bottom + 1, 0), max(left, 0) : max(right + 1, 0)] = color


def _write(image: np.ndarray, text: str, box: Any, color: np.ndarray, scale: float, thickness: int) -> None:
    """Write above a box, or inside of it where there is no room above."""
    try:
        from PIL import Image, ImageDraw, ImageFont
    except ImportError as error:
        raise MissingPackageError(
            "Text on images is written by Pillow, which is not installed. Install it: `pip install lamella[image]`."
        ) from error
    height, width = image.shape[:2]
    mask = Image.new("L", (width, height))
    font = ImageFont.load_default(max(29.0 * scale, 6.0))
    place = {"font": font, "stroke_width": max(thickness - 1, 0) / 2}
    above = int(box[1]) - 8, "ls"  # the baseline
    room = int(box[1]) - 8 - 21 * scale >= 6 * scale
    y, anchor = above if room else (int(box[1]) + 7, "lt")
    ImageDraw.Draw(mask).text((int(box[0]) + (0 if room else 3), y), text, fill=255, anchor=anchor, **place)
    image[np.asarray(mask) > 127] = color
