"""Layers that move what is in images: flips, crops, sizes, and maps of the plane."""

import math
from typing import Any

import numpy as np

from lamella import ops
from lamella.errors import ArgumentError
from lamella.layers._bounding_boxes import affine_boxes
from lamella.layers._options import label
from lamella.layers._preprocessing_columns import concrete
from lamella.layers._preprocessing_image import RandomImageLayer, as_pair
from lamella.layers._preprocessing_image_color import check_range
from lamella.ops import image as image_ops
from lamella.ops._image_warp import elastic_transform_within
from lamella.typing import Array

__all__ = [
    "RandomElasticTransform",
    "RandomFlip",
    "RandomPerspective",
    "RandomRotation",
    "RandomShear",
    "RandomTranslation",
    "RandomZoom",
]

FILL_MODES = ("constant", "nearest", "wrap", "reflect")
INTERPOLATIONS = ("nearest", "bilinear")
FLIPS = ("horizontal", "vertical", "horizontal_and_vertical")


def check_choice(layer: Any, name: str, value: Any, known: tuple) -> Any:
    """`value`, where it is one of `known`.

    Raises:
        ArgumentError: where it is not.
    """
    if value not in known:
        raise ArgumentError(
            f"Unknown `{name}` {value!r} of {label(layer)}. Expected one of {', '.join(map(repr, known))}."
        )
    return value


class RandomFlip(RandomImageLayer):
    """Flips some images while training.

    Args:
        mode: "horizontal" (left to right), "vertical" (top to bottom) or "horizontal_and_vertical": both at once.
        seed: an integer, for the same draws in every run.
        data_format: "channels_last" or "channels_first"; defaults to `image_data_format()`.

    Example:
        >>> from lamella import layers, ops
        >>> layer = layers.RandomFlip("horizontal")
        >>> layer.transform_images([[[[1.0], [2.0]]]], {"flips": ops.ones((1, 1, 1, 1), "bool")}).tolist()
        [[[[2.0], [1.0]]]]
    """

    def __init__(
        self,
        mode: str = "horizontal_and_vertical",
        seed: Any = None,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.mode = check_choice(self, "mode", mode, FLIPS)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        if not training:
            return None
        images = self._images_of(data)
        shape = (images.shape[0], 1, 1, 1) if len(images.shape) == 4 else (1, 1, 1)
        return {"flips": self._uniform(shape, (0.0, 1.0), seed) <= 0.5, "input_shape": tuple(images.shape)}

    def _flipped(self, x: Array, transformation: Any, training: bool) -> Array:
        x = self._cast(x)
        if not training or transformation is None:
            return x
        axes = [a for a, name in ((self.width_axis, "horiz"), (self.height_axis, "vert")) if name in self.mode]
        axes = [a % len(x.shape) for a in axes]
        return ops.where(self._per_image(transformation["flips"], x), ops.flip(x, axis=axes), x)

    def transform_images(self, images: Any, transformation: Any, training: bool = True) -> Array:
        return self._flipped(ops.convert_to_tensor(images), transformation, training)

    def transform_segmentation_masks(self, segmentation_masks: Any, transformation: Any, training: bool = True) -> Any:
        return self.transform_images(segmentation_masks, transformation, training)

    def transform_bounding_boxes(self, bounding_boxes: Any, transformation: Any, training: bool = True) -> Any:
        if not training or transformation is None:
            return bounding_boxes
        height, width = self._size(transformation["input_shape"])

        def change(boxes: Array) -> Array:
            x1, y1, x2, y2 = (boxes[..., i] for i in range(4))
            a, c = (width - x2, width - x1) if "horizontal" in self.mode else (x1, x2)
            b, d = (height - y2, height - y1) if "vertical" in self.mode else (y1, y2)
            flips = ops.reshape(transformation["flips"], (-1, 1, 1) if len(boxes.shape) == 3 else (1, 1))
            return ops.where(flips, ops.stack([a, b, c, d], axis=-1), boxes)

        return self._boxes_by(bounding_boxes, (height, width), change)


class _Map(RandomImageLayer):
    """A random affine map of the plane: subclasses say which, as the matrix from places of the result to the input."""

    def __init__(
        self,
        fill_mode: str,
        interpolation: str,
        fill_value: float,
        seed: Any,
        data_format: str | None,
        **kwargs: Any,
    ):
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.fill_mode = check_choice(self, "fill_mode", fill_mode, FILL_MODES)
        self.interpolation = check_choice(self, "interpolation", interpolation, INTERPOLATIONS)
        self.fill_value = fill_value

    def _matrix(self, transformation: Any, size: tuple[int, int]) -> Array:
        """`(batch, 6)`: the pixel at (x, y) of the result comes from `(m0 x + m1 y + m2, m3 x + m4 y + m5)`."""
        raise NotImplementedError

    def transform_images(self, images: Any, transformation: Any, training: bool = True) -> Array:
        return self._mapped(self._cast(images), transformation, training, self.interpolation)

    def _mapped(self, images: Array, transformation: Any, training: bool, interpolation: str) -> Array:
        if not training or transformation is None:
            return images
        matrix = self._matrix(transformation, self._size(images))
        matrix = ops.pad(ops.cast(matrix, "float32"), ((0, 0), (0, 2)))
        return image_ops.affine_transform(
            images,
            matrix if len(images.shape) == 4 else matrix[0],
            interpolation=interpolation,
            fill_mode=self.fill_mode,
            fill_value=self.fill_value,
            data_format=self.data_format,
        )

    def transform_segmentation_masks(self, segmentation_masks: Any, transformation: Any, training: bool = True) -> Any:
        return self._mapped(ops.convert_to_tensor(segmentation_masks), transformation, training, "nearest")

    def transform_bounding_boxes(self, bounding_boxes: Any, transformation: Any, training: bool = True) -> Any:
        if not training or transformation is None:
            return bounding_boxes
        size = self._image_size(transformation)
        # Corners are mapped as the pixels of their coordinates are, as Keras maps them: half a pixel from the edges.
        forward = _inverse(self._matrix(transformation, size))
        return self._boxes_by(
            bounding_boxes, size, lambda b: affine_boxes(b, forward if len(b.shape) == 3 else forward[0])
        )

    def _image_size(self, transformation: Any) -> tuple[int, int]:
        return self._size(transformation["input_shape"])


def _rows(*columns: Any) -> Array:
    """`(batch, 6)` of columns, each `(batch,)` or a number."""
    size = max((c.shape[0] for c in columns if hasattr(c, "shape")), default=1)
    full = [c if hasattr(c, "shape") else ops.full((size,), c, dtype="float32") for c in columns]
    return ops.stack([ops.cast(c, "float32") for c in full], axis=-1)


def _inverse(matrix: Array) -> Array:
    a, b, c, d, e, f = (matrix[:, i] for i in range(6))
    determinant = a * e - b * d
    ia, ib, id_, ie = e / determinant, -b / determinant, -d / determinant, a / determinant
    return ops.stack([ia, ib, -(ia * c + ib * f), id_, ie, -(id_ * c + ie * f)], axis=-1)


class RandomTranslation(_Map):
    """Moves each image while training.

    Args:
        height_factor: the bounds of how far down, as a share of the height; f stands for (-f, f).
        width_factor: the bounds of how far to the right, as a share of the width.
        fill_mode: what lies outside: "constant", "nearest", "wrap" or "reflect".
        interpolation: "nearest" or "bilinear".
        seed: an integer, for the same draws in every run.
        fill_value: for "constant".
        data_format: "channels_last" or "channels_first"; defaults to `image_data_format()`.

    Example:
        >>> from lamella import layers
        >>> move = layers.RandomTranslation(0.0, (0.5, 0.5), fill_mode="constant")
        >>> move([[[1.0], [2.0]]], training=True).tolist()
        [[[0.0], [1.0]]]
    """

    def __init__(
        self,
        height_factor: Any,
        width_factor: Any,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: Any = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(fill_mode, interpolation, fill_value, seed, data_format, **kwargs)
        self.height_factor, self.width_factor = height_factor, width_factor
        self._height = as_pair(self, "height_factor", height_factor)
        self._width = as_pair(self, "width_factor", width_factor)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        if not training:
            return None
        images = self._images_of(data)
        count, (height, width) = self._batch(images), self._size(images)
        down = self._uniform((count, 1), self._height, seed) * height
        right = self._uniform((count, 1), self._width, seed) * width
        moves = ops.cast(ops.concatenate([right, down], axis=1), "float32")
        return {"translations": moves, "input_shape": tuple(images.shape)}

    def _matrix(self, transformation: Any, size: tuple[int, int]) -> Array:
        moves = transformation["translations"]
        return _rows(1.0, 0.0, -moves[:, 0], 0.0, 1.0, -moves[:, 1])

    def get_transformed_x_y(self, x: Any, y: Any, transform: Any) -> tuple:
        """A place of the result under a map of eight numbers, as `affine_transform` has them."""
        return transformed(x, y, transform)

    def get_shifted_bbox(self, bounding_boxes: Any, w_shift_factor: Any, h_shift_factor: Any) -> Any:
        """Boxes ("xyxy") moved by shares of 1, the last axis kept."""
        return shifted_boxes(bounding_boxes, w_shift_factor, h_shift_factor)


def transformed(x: Any, y: Any, transform: Any) -> tuple:
    """`(x, y)` under the projective map `[a0, a1, a2, b0, b1, b2, c0, c1]`."""
    a0, a1, a2, b0, b1, b2, c0, c1 = (transform[..., i] for i in range(8))
    k = c0 * x + c1 * y + 1
    return (a0 * x + a1 * y + a2) / k, (b0 * x + b1 * y + b2) / k


def shifted_boxes(boxes: Any, right: Any, down: Any) -> Array:
    """Boxes ("xyxy") moved."""
    x1, y1, x2, y2 = (boxes[..., i] for i in range(4))
    return ops.stack([x1 - right, y1 - down, x2 - right, y2 - down], axis=-1)


class RandomZoom(_Map):
    """Zooms each image while training, around its centre.

    Args:
        height_factor: the bounds of the zoom: 0.2 shows 120% of the height (smaller things), -0.2 shows 80%.
        width_factor: likewise of the width; None for the same as the height.
        fill_mode: what lies outside: "constant", "nearest", "wrap" or "reflect".
        interpolation: "nearest" or "bilinear".
        seed: an integer, for the same draws in every run.
        fill_value: for "constant".
        data_format: "channels_last" or "channels_first"; defaults to `image_data_format()`.

    Example:
        >>> from lamella import layers, ops
        >>> layers.RandomZoom(0.2)(ops.ones((4, 4, 1)), training=True).shape
        (4, 4, 1)
    """

    def __init__(
        self,
        height_factor: Any,
        width_factor: Any = None,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: Any = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(fill_mode, interpolation, fill_value, seed, data_format, **kwargs)
        self.height_factor, self.width_factor = height_factor, width_factor
        self._height = as_pair(self, "height_factor", height_factor)
        self._width = None if width_factor is None else as_pair(self, "width_factor", width_factor)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        if not training:
            return None
        images = self._images_of(data)
        count = self._batch(images)
        height = self._uniform((count, 1), (1.0 + self._height[0], 1.0 + self._height[1]), seed)
        width = height
        if self._width is not None:
            width = self._uniform((count, 1), (1.0 + self._width[0], 1.0 + self._width[1]), seed)
        return {"height_zoom": height, "width_zoom": width, "input_shape": tuple(images.shape)}

    def _matrix(self, transformation: Any, size: tuple[int, int]) -> Array:
        height, width = size
        down, right = transformation["height_zoom"][:, 0], transformation["width_zoom"][:, 0]
        return _rows(right, 0.0, (1.0 - right) * (width - 1) / 2, 0.0, down, (1.0 - down) * (height - 1) / 2)

    def get_transformed_x_y(self, x: Any, y: Any, transform: Any) -> tuple:
        """A place of the result under a map of eight numbers, as `affine_transform` has them."""
        return transformed(x, y, transform)

    def get_clipped_bbox(self, bounding_boxes: Any, h_end: Any, h_start: Any, w_end: Any, w_start: Any) -> Any:
        """Boxes ("xyxy") cut to the part of the image from (w_start, h_start) to (w_end, h_end)."""
        x1, y1, x2, y2 = (bounding_boxes[..., i] for i in range(4))
        x1, x2 = ops.clip(x1, w_start, w_end) - w_start, ops.clip(x2, w_start, w_end) - w_start
        y1, y2 = ops.clip(y1, h_start, h_end) - h_start, ops.clip(y2, h_start, h_end) - h_start
        return ops.stack([x1, y1, x2, y2], axis=-1)


class RandomRotation(_Map):
    """Turns each image while training, around its centre.

    Args:
        factor: the bounds of the angle, as shares of a whole turn, against the clock; f stands for (-f, f).
        fill_mode: what lies outside: "constant", "nearest", "wrap" or "reflect".
        interpolation: "nearest" or "bilinear".
        seed: an integer, for the same draws in every run.
        fill_value: for "constant".
        data_format: "channels_last" or "channels_first"; defaults to `image_data_format()`.

    Example:
        >>> from lamella import layers, ops
        >>> layers.RandomRotation((0.25, 0.25))(ops.ones((4, 4, 1)), training=True).shape
        (4, 4, 1)
    """

    def __init__(
        self,
        factor: Any,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: Any = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(fill_mode, interpolation, fill_value, seed, data_format, **kwargs)
        self.factor = as_pair(self, "factor", factor)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        if not training:
            return None
        images = self._images_of(data)
        count, (height, width) = self._batch(images), self._size(images)
        angle = self._uniform((count,), self.factor, seed, "float32") * 360.0
        matrix = ops.pad(self._turned(angle, (height, width)), ((0, 0), (0, 2)))
        return {
            "angle": angle,
            "rotation_matrix": matrix if len(images.shape) == 4 else matrix[0],
            "image_height": height,
            "image_width": width,
            "batch_size": count,
        }

    def _turned(self, angle: Array, size: tuple[int, int]) -> Array:
        radians = ops.cast(angle, "float32") * (math.pi / 180.0)
        cos, sin = ops.cos(radians), ops.sin(radians)
        y, x = (size[0] - 1) / 2, (size[1] - 1) / 2
        return _rows(cos, -sin, x - cos * x + sin * y, sin, cos, y - sin * x - cos * y)

    def _matrix(self, transformation: Any, size: tuple[int, int]) -> Array:
        return ops.reshape(transformation["rotation_matrix"], (-1, 8))[:, :6]

    def _image_size(self, transformation: Any) -> tuple[int, int]:
        return transformation["image_height"], transformation["image_width"]


class RandomShear(_Map):
    """Shears each image while training.

    Args:
        x_factor: the bounds of the shift to the right of a row, as a share of its distance from the top; f stands for
            (-f, f).
        y_factor: the bounds of the shift down of a column, likewise.
        interpolation: "nearest" or "bilinear".
        fill_mode: what lies outside: "constant", "nearest", "wrap" or "reflect".
        fill_value: for "constant".
        data_format: "channels_last" or "channels_first"; defaults to `image_data_format()`.
        seed: an integer, for the same draws in every run.

    Example:
        >>> from lamella import layers, ops
        >>> layers.RandomShear(x_factor=0.3)(ops.ones((4, 4, 1)), training=True).shape
        (4, 4, 1)
    """

    def __init__(
        self,
        x_factor: Any = 0.0,
        y_factor: Any = 0.0,
        interpolation: str = "bilinear",
        fill_mode: str = "reflect",
        fill_value: float = 0.0,
        data_format: str | None = None,
        seed: Any = None,
        **kwargs: Any,
    ):
        super().__init__(fill_mode, interpolation, fill_value, seed, data_format, **kwargs)
        self.x_factor = as_pair(self, "x_factor", x_factor)
        self.y_factor = as_pair(self, "y_factor", y_factor)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        if not training:
            return None
        images = self._images_of(data)
        count = self._batch(images)
        mirrored = ops.greater(self._uniform((count, 1), (0.0, 1.0), seed, self._float_dtype), 0.5)
        down = self._uniform((count, 1), self.y_factor, seed, self._float_dtype)
        right = self._uniform((count, 1), self.x_factor, seed, self._float_dtype)
        factors = ops.cast(ops.concatenate([right, down], axis=1), self._float_dtype)
        factors = ops.where(mirrored, -factors, factors)
        return {"shear_factor": factors, "input_shape": tuple(images.shape)}

    def _matrix(self, transformation: Any, size: tuple[int, int]) -> Array:
        factors = transformation["shear_factor"]
        return _rows(1.0, factors[:, 0], 0.0, factors[:, 1], 1.0, 0.0)

    def get_transformed_x_y(self, x: Any, y: Any, transform: Any) -> tuple:
        """A place of the result under a map of eight numbers, as `affine_transform` has them."""
        return transformed(x, y, transform)

    def get_shifted_bbox(self, bounding_boxes: Any, w_shift_factor: Any, h_shift_factor: Any) -> Any:
        """Boxes ("xyxy") moved by shares of 1, the last axis kept."""
        return shifted_boxes(bounding_boxes, w_shift_factor, h_shift_factor)


class _Sometimes(RandomImageLayer):
    """A change of some images, with a probability drawn for each from `factor`."""

    _factor_bounds = (0.0, 1.0)

    def _where(self, chosen: Any, changed: Array, images: Array) -> Array:
        return ops.where(self._per_image(chosen, images), changed, images)


class RandomPerspective(_Sometimes):
    """Moves the corners of some images while training, as a change of the point of view does; the upper left one stays.

    Args:
        factor: the bounds of the probability, which is drawn for each image; a number stands for (0, factor).
        scale: how far corners move at most, as a share of their coordinates, in [0, 1].
        interpolation: "nearest" or "bilinear".
        fill_value: of what lies outside.
        seed: an integer, for the same draws in every run.
        data_format: "channels_last" or "channels_first"; defaults to `image_data_format()`.

    Example:
        >>> from lamella import layers, ops
        >>> layers.RandomPerspective(scale=0.2)(ops.ones((4, 4, 1)), training=True).shape
        (4, 4, 1)
    """

    def __init__(
        self,
        factor: Any = 1.0,
        scale: float = 1.0,
        interpolation: str = "bilinear",
        fill_value: float = 0.0,
        seed: Any = None,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(factor=factor, seed=seed, data_format=data_format, **kwargs)
        if not isinstance(scale, (int, float)) or not 0 <= scale <= 1:
            raise ArgumentError(f"`scale` of {label(self)} must be a number in [0, 1]. Received: scale={scale!r}")
        self.scale = scale
        self.interpolation = check_choice(self, "interpolation", interpolation, INTERPOLATIONS)
        self.fill_value = fill_value

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        if not training:
            return None
        images = self._images_of(data)
        count, (height, width) = self._batch(images), self._size(images)
        chosen = self._chosen(count, seed)
        shares = self._uniform((count, 4, 2), (-self.scale / 2, self.scale / 2), seed, "float32")
        corners = np.array([[[0, 0], [width - 1, 0], [0, height - 1], [width - 1, height - 1]]], "float32")
        start = ops.repeat(ops.convert_to_tensor(corners), count, axis=0)
        return {
            "apply_perspective": chosen,
            "start_points": start,
            "end_points": start * (1.0 + shares),
            "input_shape": tuple(images.shape),
        }

    def _seen(self, images: Array, transformation: Any, training: bool, interpolation: str) -> Array:
        if not training or transformation is None:
            return images
        batched = len(images.shape) == 4
        start, end = (transformation[k] for k in ("start_points", "end_points"))
        changed = image_ops.perspective_transform(
            self._as_batch(images),
            start,
            end,
            interpolation=interpolation,
            fill_value=self.fill_value,
            data_format=self.data_format,
        )
        return self._where(transformation["apply_perspective"], changed if batched else changed[0], images)

    def transform_images(self, images: Any, transformation: Any, training: bool = True) -> Array:
        return self._seen(self._cast(images), transformation, training, self.interpolation)

    def transform_segmentation_masks(self, segmentation_masks: Any, transformation: Any, training: bool = True) -> Any:
        return self._seen(ops.convert_to_tensor(segmentation_masks), transformation, training, "nearest")

    def transform_bounding_boxes(self, bounding_boxes: Any, transformation: Any, training: bool = True) -> Any:
        if not training or transformation is None:
            return bounding_boxes
        size = self._size(transformation["input_shape"])
        h = homography(transformation["start_points"], transformation["end_points"])

        def change(boxes: Array) -> Array:
            batched = boxes if len(boxes.shape) == 3 else ops.expand_dims(boxes, 0)
            x1, y1, x2, y2 = (batched[..., i] for i in range(4))
            x, y = ops.stack([x1, x2, x2, x1], axis=-1), ops.stack([y1, y1, y2, y2], axis=-1)
            u, v = transformed(x, y, h[:, None, None, :])
            moved = ops.stack([ops.min(u, -1), ops.min(v, -1), ops.max(u, -1), ops.max(v, -1)], axis=-1)
            moved = ops.where(ops.reshape(transformation["apply_perspective"], (-1, 1, 1)), moved, batched)
            return moved if len(boxes.shape) == 3 else moved[0]

        return self._boxes_by(bounding_boxes, size, change)


def homography(start: Array, end: Array) -> Array:
    """The projective maps `(batch, 8)` that take four points `(batch, 4, 2)` to four others."""
    x, y, u, v = start[..., 0], start[..., 1], end[..., 0], end[..., 1]
    one, zero = ops.ones_like(x), ops.zeros_like(x)
    first = ops.stack([x, y, one, zero, zero, zero, -u * x, -u * y], axis=-1)
    second = ops.stack([zero, zero, zero, x, y, one, -v * x, -v * y], axis=-1)
    right = ops.concatenate([u, v], axis=1)
    return ops.squeeze(ops.solve(ops.concatenate([first, second], axis=1), ops.expand_dims(right, -1)), -1)


class RandomElasticTransform(_Sometimes):
    """Displaces the pixels of some images by a smooth random field while training.

    Simard, Steinkraus and Platt (2003), "Best practices for convolutional neural networks", section 2.

    Args:
        factor: the bounds of the probability, which is drawn for each image; a number stands for (0, factor).
        scale: the bounds, in [0, 1], of the strength; a number stands for (0, scale).
        interpolation: "nearest" or "bilinear".
        fill_mode: what lies outside: "constant", "nearest", "wrap" or "reflect".
        fill_value: for "constant".
        value_range: of the images.
        seed: an integer, for the same draws in every run.
        data_format: "channels_last" or "channels_first"; defaults to `image_data_format()`.

    Bounding boxes stay.

    Example:
        >>> from lamella import layers, ops
        >>> layers.RandomElasticTransform()(ops.ones((8, 8, 3)), training=True).shape
        (8, 8, 3)
    """

    def __init__(
        self,
        factor: Any = 1.0,
        scale: Any = 1.0,
        interpolation: str = "bilinear",
        fill_mode: str = "reflect",
        fill_value: float = 0.0,
        value_range: Any = (0, 255),
        seed: Any = None,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(factor=factor, seed=seed, data_format=data_format, **kwargs)
        self.scale = as_pair(self, "scale", scale, 0, 1)
        self.interpolation = check_choice(self, "interpolation", interpolation, INTERPOLATIONS)
        self.fill_mode = check_choice(self, "fill_mode", fill_mode, FILL_MODES)
        self.fill_value = fill_value
        self.value_range = check_range(self, value_range)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        if not training or (self.scale[1] == 0 and self.factor[1] == 0):
            return None
        chosen = self._chosen(self._batch(self._images_of(data)), seed)
        return {
            "apply_transform": chosen,
            "distortion_factor": self._uniform((), self.scale, seed, self._float_dtype),
            "seed": self._seed(seed),
        }

    def get_elastic_transform_params(self, height: int, width: int, factor: Any) -> tuple:
        """(alpha, sigma) of `elastic_transform` for a strength: shares of the larger and of the smaller side."""
        factor = float(factor) if concrete(factor) else factor
        return 0.1 * max(height, width) * factor, 0.05 * min(height, width) * factor

    def _displaced(self, images: Any, transformation: Any, training: bool, interpolation: str) -> Array:
        images = self._cast(images)
        if not training or transformation is None:
            return images
        size, factor = self._size(images), transformation["distortion_factor"]
        alpha, sigma = self.get_elastic_transform_params(*size, factor)
        filling = (interpolation, self.fill_mode, self.fill_value, transformation["seed"], self.data_format)
        if concrete(factor):
            changed = image_ops.elastic_transform(images, alpha, sigma, *filling)
        else:  # in a program, where the size of a filter cannot be drawn
            largest = self.get_elastic_transform_params(*size, self.scale[1])[1]
            changed = elastic_transform_within(images, alpha, sigma, largest, *filling)
        return self._where(transformation["apply_transform"], changed, images)

    def transform_images(self, images: Any, transformation: Any, training: bool = True) -> Array:
        return ops.clip(self._displaced(images, transformation, training, self.interpolation), *self.value_range)

    def transform_segmentation_masks(self, segmentation_masks: Any, transformation: Any, training: bool = True) -> Any:
        return self._displaced(segmentation_masks, transformation, training, "nearest")
