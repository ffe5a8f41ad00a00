"""Layers that give images another size: crops and resizing."""

from typing import Any

from lamella import ops, random
from lamella.errors import ArgumentError
from lamella.layers._options import label, positive_integer
from lamella.layers._preprocessing_image import ImageLayer, RandomImageLayer
from lamella.ops import image as image_ops
from lamella.typing import Array

__all__ = ["CenterCrop", "RandomCrop", "Resizing"]


class _Sized(ImageLayer):
    """A layer whose images come out with `height` and `width`."""

    def _take_size(self, height: Any, width: Any) -> None:
        self.height = positive_integer(self, "height", height)
        self.width = positive_integer(self, "width", width)

    def _target(self) -> tuple[int, int]:
        return self.height, self.width

    def _window(self, images: Array, top: Any, left: Any) -> Array:
        starts = [0] * len(images.shape)
        sizes = list(images.shape)
        starts[self.height_axis], starts[self.width_axis] = top, left
        sizes[self.height_axis], sizes[self.width_axis] = self._target()
        return ops.slice(images, starts, tuple(sizes))

    def _fitted(self, images: Array, interpolation: str = "bilinear") -> Array:
        """The largest window of the target's proportions, resized."""
        return image_ops.resize(
            images,
            self._target(),
            interpolation=interpolation,
            crop_to_aspect_ratio=True,
            data_format=self.data_format,
        )

    def _fit_boxes(self, bounding_boxes: dict, size: tuple) -> dict:
        """Boxes of images of `size` that went through `_fitted`."""
        height, width = size
        crop_height = max(min(height, int(width * self.height / self.width)), 1)
        crop_width = max(min(width, int(height * self.width / self.height)), 1)
        top, left = int((height - crop_height) / 2), int((width - crop_width) / 2)
        down, right = self.height / crop_height, self.width / crop_width
        return self._moved_boxes(bounding_boxes, size, left, top, right, down)

    def _moved_boxes(self, boxes: dict, size: tuple, left: Any, top: Any, right: Any = 1.0, down: Any = 1.0) -> dict:
        from lamella.layers._bounding_boxes import BoxFormat, clipped

        fmt = BoxFormat(self.bounding_box_format, label(self))
        corners = fmt.to_pixels(ops.cast(boxes["boxes"], self._float_dtype), size)
        x1, y1, x2, y2 = (corners[..., i] for i in range(4))
        moved = ops.stack([(x1 - left) * right, (y1 - top) * down, (x2 - left) * right, (y2 - top) * down], axis=-1)
        out = clipped({**boxes, "boxes": moved}, self._target())
        return {**out, "boxes": fmt.from_pixels(out["boxes"], self._target())}

    def compute_output_shape(self, input_shape: Any) -> Any:
        if isinstance(input_shape, dict):
            sized = ("images", "segmentation_masks")
            return {k: self.compute_output_shape(v) if k in sized else v for k, v in input_shape.items()}
        shape = list(input_shape)
        shape[self.height_axis], shape[self.width_axis] = self._target()
        return tuple(shape)


class CenterCrop(_Sized):
    """The middle of each image; of images smaller than it, the largest window of its proportions, enlarged.

    Args:
        height: of the result.
        width: of the result.
        data_format: "channels_last" or "channels_first"; defaults to `image_data_format()`.

    Example:
        >>> from lamella import layers
        >>> layers.CenterCrop(1, 1)([[[1.0], [2.0], [3.0]]]).tolist()
        [[[2.0]]]
    """

    def __init__(self, height: int, width: int, data_format: str | None = None, **kwargs: Any):
        super().__init__(data_format=data_format, **kwargs)
        self._take_size(height, width)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> dict:
        return {"input_shape": tuple(self._images_of(data).shape)}

    def _cropped(self, images: Any, interpolation: str) -> Array:
        images = self._cast(images)
        height, width = self._size(images)
        if height < self.height or width < self.width:
            return self._fitted(images, interpolation)
        return self._window(images, int((height - self.height) / 2), int((width - self.width) / 2))

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Array:
        return self._cropped(images, "bilinear")

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        return self._cropped(segmentation_masks, "nearest")

    def transform_bounding_boxes(self, bounding_boxes: Any, transformation: Any, training: bool = True) -> Any:
        size = self._size(transformation["input_shape"])
        if size[0] < self.height or size[1] < self.width:
            return self._fit_boxes(bounding_boxes, size)
        top, left = int((size[0] - self.height) / 2), int((size[1] - self.width) / 2)
        return self._moved_boxes(bounding_boxes, size, left, top)


class RandomCrop(_Sized, RandomImageLayer):
    """A random part of the images while training, the same of all images of a batch.

    Where images are smaller than the part, the largest window of its proportions, resized. When not training, images
    stay as they are, as Keras 3.15 leaves them (though its documentation says otherwise).

    Args:
        height: of the result.
        width: of the result.
        seed: an integer, for the same draws in every run.
        data_format: "channels_last" or "channels_first"; defaults to `image_data_format()`.
        name: of the layer.

    Example:
        >>> from lamella import layers, ops
        >>> layers.RandomCrop(2, 3)(ops.ones((5, 5, 1)), training=True).shape
        (2, 3, 1)
    """

    def __init__(
        self,
        height: int,
        width: int,
        seed: Any = None,
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(seed=seed, data_format=data_format, name=name, **kwargs)
        self._take_size(height, width)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        height, width = self._size(self._images_of(data))
        self._given_size = (height, width)
        if not training or height < self.height or width < self.width:
            return (0, 0)
        places = (height - self.height + 1, width - self.width + 1)
        drawn = [random.uniform((), 0.0, float(n), dtype="float32", seed=self._seed(seed)) for n in places]
        return tuple(ops.minimum(ops.cast(d, "int32"), n - 1) for d, n in zip(drawn, places))

    def _cropped(self, images: Any, transformation: Any, training: bool, interpolation: str) -> Array:
        if not training:
            return ops.convert_to_tensor(images)
        images = self._cast(images)
        height, width = self._size(images)
        if height < self.height or width < self.width:
            return self._fitted(images, interpolation)
        return self._window(images, *transformation)

    def transform_images(self, images: Any, transformation: Any, training: bool = True) -> Array:
        return self._cropped(images, transformation, training, "bilinear")

    def transform_segmentation_masks(self, segmentation_masks: Any, transformation: Any, training: bool = True) -> Any:
        return self._cropped(segmentation_masks, transformation, training, "nearest")

    def transform_bounding_boxes(self, bounding_boxes: Any, transformation: Any, training: bool = True) -> Any:
        height, width = size = self._given_size
        if not training:
            return bounding_boxes
        if height < self.height or width < self.width:
            return self._fit_boxes(bounding_boxes, size)
        top, left = (ops.cast(v, self._float_dtype) for v in transformation)
        return self._moved_boxes(bounding_boxes, size, left, top)


class Resizing(_Sized):
    """Images with another size.

    Args:
        height: of the result.
        width: of the result.
        interpolation: "bilinear", "nearest", "bicubic", "lanczos3" or "lanczos5".
        crop_to_aspect_ratio: cut images to the proportions of the result first, instead of distorting them.
        pad_to_aspect_ratio: fill images up to its proportions first.
        fill_mode: "constant", the only one.
        fill_value: what to fill with.
        antialias: smooth before making smaller.
        data_format: "channels_last" or "channels_first"; defaults to `image_data_format()`.

    Example:
        >>> from lamella import layers
        >>> layers.Resizing(1, 1)([[[1.0], [3.0]]]).tolist()
        [[[2.0]]]
    """

    def __init__(
        self,
        height: int,
        width: int,
        interpolation: str = "bilinear",
        crop_to_aspect_ratio: bool = False,
        pad_to_aspect_ratio: bool = False,
        fill_mode: str = "constant",
        fill_value: float = 0.0,
        antialias: bool = False,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(data_format=data_format, **kwargs)
        self._take_size(height, width)
        if crop_to_aspect_ratio and pad_to_aspect_ratio:
            raise ArgumentError(
                f"Only one of `crop_to_aspect_ratio` and `pad_to_aspect_ratio` of {label(self)} can be True."
            )
        known = ("bilinear", "nearest", "bicubic", "lanczos3", "lanczos5")
        if interpolation not in known:
            raise ArgumentError(f"Unknown `interpolation` {interpolation!r} of {label(self)}. Expected one of {known}.")
        self.interpolation = interpolation
        self.crop_to_aspect_ratio = crop_to_aspect_ratio
        self.pad_to_aspect_ratio = pad_to_aspect_ratio
        self.fill_mode = fill_mode
        self.fill_value = fill_value
        self.antialias = antialias

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> tuple:
        return self._size(self._images_of(data))

    def _resized(self, images: Any, interpolation: str) -> Array:
        return image_ops.resize(
            ops.convert_to_tensor(images),
            self._target(),
            interpolation=interpolation,
            antialias=self.antialias,
            crop_to_aspect_ratio=self.crop_to_aspect_ratio,
            pad_to_aspect_ratio=self.pad_to_aspect_ratio,
            fill_mode=self.fill_mode,
            fill_value=self.fill_value,
            data_format=self.data_format,
        )

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Array:
        return self._resized(images, self.interpolation)

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        return self._resized(segmentation_masks, "nearest")

    def transform_labels(self, labels: Any, transformation: Any = None, training: bool = True) -> Any:
        return labels

    def transform_bounding_boxes(self, bounding_boxes: Any, transformation: Any, training: bool = True) -> Any:
        height, width = transformation
        if self.crop_to_aspect_ratio:
            pairs = ((self.height, height), (self.width, width))
            scale = max(target / length for target, length in pairs)
            # What is cut off comes in whole pixels of the result.
            top, left = (int((length * scale - target) / 2) / scale for target, length in pairs)
            return self._moved_boxes(bounding_boxes, transformation, left, top, scale, scale)
        top = left = 0
        full_height, full_width = height, width
        if self.pad_to_aspect_ratio:
            full_height = max(height, int(width * self.height / self.width))
            full_width = max(width, int(height * self.width / self.height))
            top, left = int((full_height - height) / 2), int((full_width - width) / 2)
        scale = (self.width / full_width, self.height / full_height)
        return self._moved_boxes(bounding_boxes, transformation, -left, -top, *scale)
