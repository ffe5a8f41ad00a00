"""What layers that change images share: one draw, then the same change to images, labels, boxes and masks.

A call draws once, in `get_random_transformation`, and hands what it drew to pure functions: `transform_images`,
`transform_labels`, `transform_bounding_boxes` and `transform_segmentation_masks`. Each may be called by itself with a
transformation of one's own.
"""

from collections.abc import Sequence
from typing import Any

from lamella import ops, random
from lamella.backend import _dtypes
from lamella.errors import ArgumentError, ShapeError
from lamella.layers._bounding_boxes import BoxFormat, clipped
from lamella.layers._data_layer import DataLayer
from lamella.layers._options import label, options_of
from lamella.typing import Array, Shape

__all__ = ["ImageLayer", "RandomImageLayer", "as_pair"]


def as_pair(layer: Any, name: str, value: Any, low: float = -1.0, high: float = 1.0) -> tuple[float, float]:
    """A factor as (lower bound, upper bound): of a number f, (-f, f), or (low, f) where `low` is not negative.

    Raises:
        ArgumentError: for anything but a number or a pair of numbers, in either order, within [low, high].
    """
    pair: tuple[Any, ...]
    if isinstance(value, (tuple, list)):
        pair = tuple(value)
        if len(pair) == 2 and all(isinstance(v, (int, float)) for v in pair):
            pair = (min(pair), max(pair))
    elif isinstance(value, (int, float)):
        pair = (-abs(value), abs(value)) if low < 0 else (low, value)
        if low > value:
            pair = (value, value)
    else:
        pair = ()
    numbers = len(pair) == 2 and all(isinstance(v, (int, float)) for v in pair)
    if not numbers or not low <= pair[0] <= pair[1] <= high:
        raise ArgumentError(
            f"The `{name}` argument of {label(layer)} must be a number, or a tuple of two numbers, in "
            f"the range [{low}, {high}]. Received: {name}={value!r}"
        )
    return pair[0], pair[1]


class ImageLayer(DataLayer):
    """A layer over images, or a dictionary of images and what belongs to them.

    Subclasses define `transform_images` and, where they need them, the other transforms; those change nothing here.

    Call arguments:
        data: images, `(height, width, channels)` or a batch of them (or channels first); or a dictionary with "images"
            and any of "labels", "bounding_boxes" (a dictionary of "boxes", `(boxes, 4)` or a batch of them, and
            "labels"), "segmentation_masks" (`(height, width, 1)` or a batch) and "sample_weight".
        training: whether to change at random.
    """

    _factor_bounds = (-1.0, 1.0)

    def __init__(
        self, factor: Any = None, bounding_box_format: str | None = None, data_format: str | None = None, **kwargs: Any
    ):
        super().__init__(**kwargs)
        self.bounding_box_format = bounding_box_format
        self.data_format = _dtypes.standardize_data_format(data_format)
        if factor is not None:
            self.factor = as_pair(self, "factor", factor, *self._factor_bounds)

    # ---- geometry --------------------------------------------------------------------------------

    @property
    def _channels_first(self) -> bool:
        return self.data_format == "channels_first"

    @property
    def height_axis(self) -> int:
        """The axis of the height, counted from the end."""
        return -2 if self._channels_first else -3

    @property
    def width_axis(self) -> int:
        """The axis of the width, counted from the end."""
        return -1 if self._channels_first else -2

    @property
    def channel_axis(self) -> int:
        """The axis of the channels, counted from the end."""
        return -3 if self._channels_first else -1

    def _size(self, images: Any) -> tuple[int, int]:
        shape = images.shape if hasattr(images, "shape") else images
        return shape[self.height_axis], shape[self.width_axis]

    def _images_of(self, data: Any) -> Any:
        images = data["images"] if isinstance(data, dict) else data
        if len(images.shape) not in (3, 4):
            raise ShapeError(
                f"{label(self)} takes one image with three axes, or a batch of them with four; got shape "
                f"{tuple(images.shape)}."
            )
        return images

    def _batch(self, images: Any) -> int:
        return images.shape[0] if len(images.shape) == 4 else 1

    def _as_batch(self, images: Any) -> Any:
        """Images as they are; a single one as a batch of it."""
        return images if len(images.shape) == 4 else ops.expand_dims(images, 0)

    def _per_image(self, values: Array, images: Any) -> Array:
        """`(batch,)` values (or shaped otherwise) so that they broadcast over images."""
        values = ops.convert_to_tensor(values)
        batched = len(images.shape) == 4
        return ops.reshape(values, (-1, 1, 1, 1) if batched else (1, 1, 1))

    def _cast(self, images: Any) -> Array:
        return ops.cast(images, self.compute_dtype)

    @property
    def _float_dtype(self) -> str:
        """Of what is drawn and computed: with a policy of integers, only the images are integers."""
        return self.compute_dtype if _dtypes.is_float_dtype(self.compute_dtype) else _dtypes.floatx()

    def _in_policy(self, images: Array) -> Array:
        """Images that became floating though the policy says integers, as integers again."""
        whole = not _dtypes.is_float_dtype(self.compute_dtype)
        return self._cast(images) if whole and images.dtype != self.compute_dtype else images

    # ---- the computation -------------------------------------------------------------------------

    def call(self, data: Any, training: bool = True) -> Any:
        single = len(self._images_of(data).shape) == 3
        transformation = self.get_random_transformation(data, training=training)
        values = data if isinstance(data, dict) else {"images": data}
        out = dict(values)
        for key, (batch, one) in self._transforms().items():
            if values.get(key) is not None:
                out[key] = (one if single else batch)(values[key], transformation=transformation, training=training)
        out["images"] = self._in_policy(out["images"])
        return out if isinstance(data, dict) else out["images"]

    def _transforms(self) -> dict[str, tuple[Any, Any]]:
        """What changes each part of the data: of a batch, and of one image."""
        return {
            "images": (self.transform_images, self.transform_single_image),
            "bounding_boxes": (
                self._of_boxes(self.transform_bounding_boxes),
                self._of_boxes(self.transform_single_bounding_box),
            ),
            "labels": (self.transform_labels, self.transform_single_label),
            "segmentation_masks": (self.transform_segmentation_masks, self.transform_single_segmentation_mask),
        }

    def _of_boxes(self, transform: Any) -> Any:
        """`transform` of boxes that were looked at first, and are floating."""

        def checked(boxes: Any, transformation: Any, training: bool = True) -> Any:
            self._check_format()
            self._check_boxes(boxes)
            boxes = {**boxes, "boxes": ops.cast(boxes["boxes"], _dtypes.floatx())}
            return transform(boxes, transformation, training=training)

        return checked

    def _check_format(self) -> None:
        if self.bounding_box_format is None:
            raise ArgumentError(
                f"{label(self)} got bounding boxes, but it does not know their format. Pass `bounding_box_format`, for "
                f"example {type(self).__name__}(..., bounding_box_format='xyxy')."
            )

    def _check_boxes(self, boxes: Any) -> None:
        if not isinstance(boxes, dict) or "boxes" not in boxes or "labels" not in boxes:
            raise ArgumentError(
                f"`bounding_boxes` of {label(self)} must be a dictionary with the keys 'boxes' and 'labels'; got "
                f"{list(boxes) if isinstance(boxes, dict) else type(boxes).__name__}."
            )
        shape = tuple(ops.shape(boxes["boxes"]))
        if shape[-1:] != (4,):
            raise ShapeError(f"The boxes of {label(self)} have four numbers each, on the last axis; got shape {shape}.")

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """What the transforms need to know of one call: here nothing.

        Args:
            data: what `call` got.
            training: whether to draw.
            seed: a seed instead of the layer's own.
        """
        return None

    def transform_images(self, images: Any, transformation: Any, training: bool = True) -> Any:
        """The images, changed."""
        raise NotImplementedError

    def transform_labels(self, labels: Any, transformation: Any, training: bool = True) -> Any:
        """The labels that belong to the changed images."""
        return labels

    def transform_bounding_boxes(self, bounding_boxes: Any, transformation: Any, training: bool = True) -> Any:
        """The boxes that belong to the changed images: a dictionary of "boxes" and "labels"."""
        return bounding_boxes

    def transform_segmentation_masks(self, segmentation_masks: Any, transformation: Any, training: bool = True) -> Any:
        """The masks that belong to the changed images."""
        return segmentation_masks

    def transform_single_image(self, image: Any, transformation: Any, training: bool = True) -> Any:
        """`transform_images` of one image."""
        return ops.squeeze(self.transform_images(ops.expand_dims(image, 0), transformation, training=training), 0)

    def transform_single_label(self, label: Any, transformation: Any, training: bool = True) -> Any:
        """`transform_labels` of one label."""
        return ops.squeeze(self.transform_labels(ops.expand_dims(label, 0), transformation, training=training), 0)

    def transform_single_bounding_box(self, bounding_box: Any, transformation: Any, training: bool = True) -> Any:
        """`transform_bounding_boxes` of the boxes of one image."""
        batch = {key: ops.expand_dims(value, 0) for key, value in bounding_box.items()}
        out = self.transform_bounding_boxes(batch, transformation, training=training)
        return {key: ops.squeeze(value, 0) for key, value in out.items()}

    def transform_single_segmentation_mask(
        self, segmentation_mask: Any, transformation: Any, training: bool = True
    ) -> Any:
        """`transform_segmentation_masks` of one mask."""
        batch = ops.expand_dims(segmentation_mask, 0)
        return ops.squeeze(self.transform_segmentation_masks(batch, transformation, training=training), 0)

    def _boxes_by(self, bounding_boxes: dict, size: tuple[int, int], change: Any, clip: bool = True) -> dict:
        """Boxes changed by a function of `xyxy` in pixels, and cut to an image of `size`."""
        fmt = BoxFormat(self.bounding_box_format, label(self))
        boxes = fmt.to_pixels(ops.cast(bounding_boxes["boxes"], self._float_dtype), size)
        out = {**bounding_boxes, "boxes": change(boxes)}
        if clip:
            out = clipped(out, size)
        return {**out, "boxes": fmt.from_pixels(out["boxes"], size)}

    # ---- shapes and configuration ----------------------------------------------------------------

    def compute_output_shape(self, input_shape: Any) -> Any:
        return dict(input_shape) if isinstance(input_shape, dict) else tuple(input_shape)

    def convert_weight(self, weight: Any) -> Any:
        """`weight` as it is: here for subclasses written for Keras."""
        return weight

    def get_config(self) -> dict:
        config = {**super().get_config(), "data_format": self.data_format}
        if self.bounding_box_format is not None:
            config["bounding_box_format"] = self.bounding_box_format
        own = next(base for base in type(self).__mro__ if base.__module__.startswith("lamella."))
        return {**config, **options_of(self, own)}


class RandomImageLayer(ImageLayer):
    """An image layer that draws, from a seed generator of its own."""

    def __init__(self, factor: Any = None, seed: Any = None, **kwargs: Any):
        super().__init__(factor=factor, **kwargs)
        self.seed = seed
        self.generator = random.SeedGenerator(seed)

    def _seed(self, seed: Any) -> Any:
        return self.generator if seed is None else seed

    def _uniform(self, shape: Shape, bounds: Sequence, seed: Any, dtype: str | None = None) -> Array:
        dtype = dtype or _dtypes.floatx()  # whatever the policy, the same draws
        return random.uniform(shape, minval=bounds[0], maxval=bounds[1], seed=self._seed(seed), dtype=dtype)

    def _chosen(self, count: int, seed: Any) -> Array:
        """Whether to change each image: with a probability drawn from `factor`, bool `(count,)`."""
        probability = self._uniform((count,), self.factor, seed)
        return ops.less(self._uniform((count,), (0.0, 1.0), seed), probability)
