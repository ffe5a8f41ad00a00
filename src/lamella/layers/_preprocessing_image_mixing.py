"""Layers that mix images with each other or with changed versions of themselves, and the number of boxes."""

import types
from typing import Any

from lamella import ops, random
from lamella.core import _tree
from lamella.errors import ArgumentError
from lamella.layers._options import label, positive_integer
from lamella.layers._preprocessing_columns import concrete
from lamella.layers._preprocessing_image import ImageLayer, RandomImageLayer
from lamella.layers._preprocessing_image_color import (
    AutoContrast,
    RandomBrightness,
    RandomColorDegeneration,
    RandomContrast,
    RandomPosterization,
    Solarization,
    check_range,
)
from lamella.layers._preprocessing_image_filter import Equalization, RandomSharpness, random_rectangles
from lamella.layers._preprocessing_image_shape import (
    INTERPOLATIONS,
    RandomRotation,
    RandomShear,
    RandomTranslation,
    check_choice,
)
from lamella.typing import Array

__all__ = ["AugMix", "CutMix", "MaxNumBoundingBoxes", "MixUp", "RandAugment"]


class MixUp(RandomImageLayer):
    """Mixes each image, and its label, with another of the batch while training: `w x + (1 - w) x'`.

    Zhang, Cisse, Dauphin and Lopez-Paz (2018), arXiv:1710.09412. Boxes of both images are kept (Zhang and others, 2019,
    arXiv:1902.04103); so are masks, where the weight of the own one is above 0.5.

    Args:
        alpha: w is drawn from the beta distribution (alpha, alpha), in [0, 1].
        data_format: "channels_last" or "channels_first"; defaults to `image_data_format()`.
        seed: an integer, for the same draws in every run.

    Labels are one-hot or otherwise floating.

    Example:
        >>> from lamella import layers, ops
        >>> layers.MixUp()({"images": ops.ones((2, 4, 4, 1)), "labels": ops.eye(2)}, training=True)["labels"].shape
        (2, 2)
    """

    def __init__(self, alpha: float = 0.2, data_format: str | None = None, seed: Any = None, **kwargs: Any):
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        if not isinstance(alpha, (int, float)) or not 0 <= alpha <= 1:
            raise ArgumentError(f"`alpha` of {label(self)} must be a number in [0, 1]. Received: alpha={alpha!r}")
        self.alpha = alpha

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> dict:
        count = self._batch(self._images_of(data))
        order = random.shuffle(ops.arange(count, dtype="int32"), seed=self._seed(seed))
        weight = random.beta((count,), self.alpha, self.alpha, seed=self._seed(seed), dtype="float32")
        return {"mix_weight": weight, "permutation_order": order}

    def _mixed(self, x: Any, transformation: Any, training: bool) -> Array:
        if not training or transformation is None:
            return ops.convert_to_tensor(x)
        x = ops.cast(x, self._float_dtype)
        weight = ops.cast(transformation["mix_weight"], x.dtype)
        weight = ops.reshape(weight, (-1,) + (1,) * (len(x.shape) - 1))
        return weight * x + (1.0 - weight) * ops.take(x, transformation["permutation_order"], axis=0)

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Array:
        images = self._as_batch(images)
        return self._mixed(images, transformation, training)

    def transform_labels(self, labels: Any, transformation: Any, training: bool = True) -> Any:
        return self._mixed(labels, transformation, training)

    def transform_bounding_boxes(self, bounding_boxes: Any, transformation: Any, training: bool = True) -> Any:
        if not training or transformation is None:
            return bounding_boxes
        order = transformation["permutation_order"]
        both = {k: ops.convert_to_tensor(bounding_boxes[k]) for k in ("boxes", "labels")}
        return {k: ops.concatenate([v, ops.take(v, order, axis=0)], axis=1) for k, v in both.items()}

    def transform_segmentation_masks(self, segmentation_masks: Any, transformation: Any, training: bool = True) -> Any:
        return self._mixed(segmentation_masks, transformation, training)


class CutMix(RandomImageLayer):
    """Replaces a rectangle of each image by that of another of the batch while training, and mixes labels by the area.

    Yun, Han, Oh, Chun, Choe and Yoo (2019), arXiv:1905.04899.

    Args:
        factor: the bounds, in [0, 1], of the parameter alpha; a number stands for (0, factor). The share of the image that
            is kept is drawn from the beta distribution (alpha, alpha).
        seed: an integer, for the same draws in every run.
        data_format: "channels_last" or "channels_first"; defaults to `image_data_format()`.

    Example:
        >>> from lamella import layers, ops
        >>> layers.CutMix()({"images": ops.ones((2, 4, 4, 1)), "labels": ops.eye(2)}, training=True)["labels"].shape
        (2, 2)
    """

    _factor_bounds = (0.0, 1.0)

    def __init__(self, factor: Any = 1.0, seed: Any = None, data_format: str | None = None, **kwargs: Any):
        super().__init__(factor=factor, seed=seed, data_format=data_format, **kwargs)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        images = self._images_of(data)
        if not training or len(images.shape) == 3:
            return None
        count, (height, width) = images.shape[0], self._size(images)
        alpha = self._uniform((), self.factor, seed, "float32") + 1e-6
        weight = random.beta((count,), alpha, alpha, seed=self._seed(seed), dtype="float32")
        masks = random_rectangles(self, (height, width), (1.0 - weight, 1.0 - weight), seed)
        masks = ops.broadcast_to(ops.expand_dims(masks, self.channel_axis), images.shape)
        order = random.shuffle(ops.arange(count, dtype="int32"), seed=self._seed(seed))
        weight = ops.reshape(weight, (-1, 1, 1, 1))
        return {"permutation_order": order, "batch_masks": masks, "mix_weight": weight}

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Array:
        images = self._cast(images)
        if not training or transformation is None:
            return images
        return ops.where(
            transformation["batch_masks"], ops.take(images, transformation["permutation_order"], axis=0), images
        )

    def transform_labels(self, labels: Any, transformation: Any, training: bool = True) -> Any:
        if not training or transformation is None:
            return labels
        labels = ops.cast(labels, self._float_dtype)
        weight = ops.cast(transformation["mix_weight"], labels.dtype)
        weight = ops.reshape(weight, (-1,) + (1,) * (len(labels.shape) - 1))
        return weight * labels + (1.0 - weight) * ops.take(labels, transformation["permutation_order"], axis=0)

    def transform_segmentation_masks(self, segmentation_masks: Any, transformation: Any, training: bool = True) -> Any:
        if not training or transformation is None:
            return segmentation_masks
        masks = ops.convert_to_tensor(segmentation_masks)
        where = transformation["batch_masks"]
        where = where[:, :1] if self._channels_first else where[..., :1]
        return ops.where(where, ops.take(masks, transformation["permutation_order"], axis=0), masks)


class MaxNumBoundingBoxes(ImageLayer):
    """Exactly so many boxes an image: more are left out, missing ones filled up.

    Args:
        max_number: how many.
        fill_value: of the boxes and labels that fill up.

    Example:
        >>> from lamella import layers, ops
        >>> layer = layers.MaxNumBoundingBoxes(3)
        >>> data = {"images": ops.ones((1, 4, 4, 1)), "bounding_boxes": {"boxes": ops.ones((1, 2, 4)), "labels": ops.ones((1, 2))}}
        >>> layer(data)["bounding_boxes"]["labels"].tolist()
        [[1.0, 1.0, -1.0]]
    """

    def __init__(self, max_number: int, fill_value: float = -1, **kwargs: Any):
        super().__init__(**kwargs)
        self.max_number = positive_integer(self, "max_number", max_number)
        self.fill_value = fill_value

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        return images

    def _check_format(self) -> None:
        """The format does not matter."""

    def transform_bounding_boxes(self, bounding_boxes: Any, transformation: Any, training: bool = True) -> Any:
        boxes, labels = (ops.convert_to_tensor(bounding_boxes[k]) for k in ("boxes", "labels"))
        missing = max(self.max_number - boxes.shape[-2], 0)
        boxes, labels = boxes[..., : self.max_number, :], labels[..., : self.max_number]
        leading = [(0, 0)] * (len(labels.shape) - 1)
        boxes = ops.pad(boxes, [*leading, (0, missing), (0, 0)], constant_values=self.fill_value)
        labels = ops.pad(labels, [*leading, (0, missing)], constant_values=self.fill_value)
        return {**bounding_boxes, "boxes": boxes, "labels": labels}

    def compute_output_shape(self, input_shape: Any) -> Any:
        if not isinstance(input_shape, dict) or "bounding_boxes" not in input_shape:
            return input_shape
        boxes = dict(input_shape["bounding_boxes"])
        boxes["boxes"] = (*boxes["boxes"][:-2], self.max_number, boxes["boxes"][-1])
        boxes["labels"] = (*boxes["labels"][:-1], self.max_number)
        return {**input_shape, "bounding_boxes": boxes}


class _Policy(RandomImageLayer):
    """A set of image layers, of which some are used."""

    _factor_bounds = (0.0, 1.0)
    value_range: Any

    def _make(self, names: tuple, interpolation: str) -> None:
        self.interpolation = check_choice(self, "interpolation", interpolation, INTERPOLATIONS)
        high = self.factor[1]
        shared = {"data_format": self.data_format, "dtype": self.dtype_policy}
        if self.bounding_box_format is not None:
            shared["bounding_box_format"] = self.bounding_box_format
        colors = {**shared, "value_range": self.value_range}
        maps = {**shared, "interpolation": interpolation, "seed": self.seed}
        bits = (1, max(int(8 * high), 1))
        parts = {
            "random_shear": (RandomShear, {"x_factor": self.factor, "y_factor": self.factor, **maps}),
            "random_translation": (
                RandomTranslation,
                {"height_factor": self.factor, "width_factor": self.factor, **maps},
            ),
            "random_rotation": (RandomRotation, {"factor": self.factor, **maps}),
            "random_brightness": (RandomBrightness, {"factor": self.factor, "seed": self.seed, **colors}),
            "random_color_degeneration": (
                RandomColorDegeneration,
                {"factor": self.factor, "seed": self.seed, **colors},
            ),
            "random_contrast": (RandomContrast, {"factor": self.factor, "seed": self.seed, **colors}),
            "random_sharpness": (RandomSharpness, {"factor": self.factor, "seed": self.seed, **colors}),
            "solarization": (
                Solarization,
                {"addition_factor": self.factor, "threshold_factor": self.factor, "seed": self.seed, **colors},
            ),
            "random_posterization": (RandomPosterization, {"factor": bits, "seed": self.seed, **colors}),
            "auto_contrast": (AutoContrast, colors),
            "equalization": (Equalization, colors),
        }
        self._names = names
        for name in names:
            cls, options = parts[name]
            setattr(self, name, cls(**options))

    def build(self, input_shape: Any) -> None:
        """Nothing is built from shapes."""


_ALL = (
    "random_shear",
    "random_translation",
    "random_rotation",
    "random_brightness",
    "random_color_degeneration",
    "random_contrast",
    "random_sharpness",
    "random_posterization",
    "solarization",
    "auto_contrast",
    "equalization",
)
# What AugMix leaves out unless asked: operations that its paper's benchmark uses to test robustness.
_TESTED = ("random_brightness", "random_color_degeneration", "random_contrast", "random_sharpness")


class RandAugment(_Policy):
    """Changes images by a few of eleven layers, chosen at random, while training.

    Cubuk, Zoph, Shlens and Le (2020), arXiv:1909.13719.

    Args:
        value_range: of the images.
        num_ops: how many layers, one after the other; 0 for none.
        factor: the bounds of their strength, in [0, 1]; a number stands for (0, factor).
        interpolation: "nearest" or "bilinear".
        seed: an integer, for the same draws in every run.
        data_format: "channels_last" or "channels_first"; defaults to `image_data_format()`.

    Example:
        >>> from lamella import layers, ops
        >>> layers.RandAugment()(ops.ones((2, 8, 8, 3)), training=True).shape
        (2, 8, 8, 3)
    """

    def __init__(
        self,
        value_range: Any = (0, 255),
        num_ops: int = 2,
        factor: Any = 0.5,
        interpolation: str = "bilinear",
        seed: Any = None,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(factor=factor, seed=seed, data_format=data_format, **kwargs)
        self.value_range = check_range(self, value_range)
        self.num_ops = num_ops and positive_integer(self, "num_ops", num_ops)
        self._make(_ALL, interpolation)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        if not training:
            return None
        chosen = random.randint((self.num_ops,), 0, len(_ALL), seed=self._seed(seed))
        drawn = {
            n: getattr(self, n).get_random_transformation(data, training=training, seed=self._seed(seed)) for n in _ALL
        }
        return {"transforms": drawn, "layer_idxes": chosen}

    def _applied(self, method: str, value: Any, transformation: Any, training: bool) -> Any:
        if not training or transformation is None:
            return value
        indices, drawn = transformation["layer_idxes"], transformation["transforms"]
        for i in range(self.num_ops):
            branches = [
                lambda x, n=name: getattr(getattr(self, n), method)(x, drawn[n], training=training) for name in _ALL
            ]
            value = ops.switch(indices[i], branches, value)
        return value

    def transform_images(self, images: Any, transformation: Any, training: bool = True) -> Array:
        return self._applied("transform_images", self._cast(images), transformation, training)

    def transform_segmentation_masks(self, segmentation_masks: Any, transformation: Any, training: bool = True) -> Any:
        if not training or transformation is None:
            return ops.convert_to_tensor(segmentation_masks)
        masks = self._cast(segmentation_masks)
        return self._applied("transform_segmentation_masks", masks, transformation, training)

    def transform_bounding_boxes(self, bounding_boxes: Any, transformation: Any, training: bool = True) -> Any:
        boxes = {**bounding_boxes, "boxes": self._cast(bounding_boxes["boxes"])}
        return self._applied("transform_bounding_boxes", boxes, transformation, training)


class AugMix(_Policy):
    """Mixes images with versions of themselves that went through chains of changes, while training.

    Hendrycks, Mu, Cubuk, Zoph, Gilmer and Lakshminarayanan (2020), arXiv:1912.02781, section 3: the chains are weighted by
    a Dirichlet distribution, and their mixture with the image by a beta distribution.

    Args:
        value_range: of the images.
        num_chains: how many chains.
        chain_depth: the length of a chain at most; it is drawn from 1 to this.
        factor: the bounds of the strength of changes, in [0, 1]; a number stands for (0, factor).
        alpha: the parameter of both distributions.
        all_ops: False leaves out brightness, colour, contrast and sharpness.
        interpolation: "nearest" or "bilinear".
        seed: an integer, for the same draws in every run.
        data_format: "channels_last" or "channels_first"; defaults to `image_data_format()`.

    Example:
        >>> from lamella import layers, ops
        >>> layers.AugMix()(ops.ones((2, 8, 8, 3)), training=True).shape
        (2, 8, 8, 3)
    """

    def __init__(
        self,
        value_range: Any = (0, 255),
        num_chains: int = 3,
        chain_depth: int = 3,
        factor: Any = 0.3,
        alpha: float = 1.0,
        all_ops: bool = True,
        interpolation: str = "bilinear",
        seed: Any = None,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(factor=factor, seed=seed, data_format=data_format, **kwargs)
        self.value_range = check_range(self, value_range)
        self.num_chains = positive_integer(self, "num_chains", num_chains)
        self.chain_depth = positive_integer(self, "chain_depth", chain_depth)
        if not isinstance(alpha, (int, float)) or alpha <= 0:
            raise ArgumentError(f"`alpha` of {label(self)} must be a number above 0. Received: alpha={alpha!r}")
        self.alpha = alpha
        self.all_ops = all_ops
        self._make(tuple(n for n in _ALL if all_ops or n not in _TESTED), interpolation)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        if not training:
            return None
        source = self._seed(seed)
        weights = random.gamma((self.num_chains,), self.alpha, seed=source, dtype="float32")
        out = {
            "chain_mixing_weights": weights / ops.sum(weights),
            "weight_sample": random.beta((), self.alpha, self.alpha, seed=source, dtype="float32"),
        }
        depths = random.randint((self.num_chains,), 1, self.chain_depth + 1, seed=source)
        chosen = random.randint((self.num_chains, self.chain_depth), 0, len(self._names), seed=source)
        steps = _Steps(self, data, source)
        if not concrete(depths):
            return {**out, "depths": depths, "layer_idxes": chosen, "steps": steps}
        names = [[self._names[int(n)] for n in chain] for chain in ops.convert_to_numpy(chosen)]
        chains = [
            [{"layer_name": name, "transformation": steps.of(name, i, j)} for j, name in enumerate(chain[: int(depth)])]
            for i, (chain, depth) in enumerate(zip(names, depths))
        ]
        return {**out, "chain_transforms": chains}

    def transform_images(self, images: Any, transformation: Any, training: bool = True) -> Array:
        images = self._cast(images)
        if not training or transformation is None:
            return images
        if len(images.shape) == 3:
            return self.transform_images(ops.expand_dims(images, 0), transformation, training)[0]
        weights = ops.cast(transformation["chain_mixing_weights"], self._float_dtype)
        if "chain_transforms" in transformation:
            mixed: Any = 0.0
            for i, chain in enumerate(transformation["chain_transforms"]):
                changed = images
                for step in chain:
                    layer = getattr(self, step["layer_name"])
                    changed = layer.transform_images(changed, step["transformation"], training=training)
                mixed = mixed + changed * weights[i]
        else:
            mixed = self._mixed_in_program(images, transformation, weights)
        share = ops.cast(transformation["weight_sample"], self._float_dtype)
        return share * images + (1.0 - share) * mixed

    def _mixed_in_program(self, images: Array, transformation: Any, weights: Array) -> Array:
        """The mixture of chains that are chosen in a compiled program: one loop over all steps, one switch in it."""
        steps, chosen, depths = (transformation[key] for key in ("steps", "layer_idxes", "depths"))

        def changed_by(name: str, i: Any, j: Any, x: Array) -> Array:
            layer = getattr(self, name)
            return ops.cast(layer.transform_images(x, steps.of(name, i, j), training=True), images.dtype)

        def step(number: Any, state: tuple) -> tuple:
            x, mixed = state
            i, j = number // self.chain_depth, number % self.chain_depth
            x = ops.where(j == 0, images, x)
            branches = [lambda y, n=n: changed_by(n, i, j, y) for n in self._names]
            x = ops.where(j < depths[i], ops.switch(chosen[i, j], branches, x), x)
            return x, mixed + ops.where(j == self.chain_depth - 1, weights[i], 0.0) * x

        return ops.fori_loop(0, self.num_chains * self.chain_depth, step, (images, ops.zeros_like(images)))[1]


class _Steps:
    """What the layers of a policy drew for every step of every chain, at once: as for a batch that many times larger."""

    def __init__(self, policy: AugMix, data: Any, seed: Any):
        images = policy._images_of(data)
        self.depth, self.count = policy.chain_depth, policy._batch(images)
        self.many = self.count * policy.num_chains * policy.chain_depth
        shaped = types.SimpleNamespace(shape=(self.many, *images.shape[-3:]))
        self.drawn = {
            name: getattr(policy, name).get_random_transformation(shaped, training=True, seed=seed)
            for name in policy._names
        }

    def of(self, name: str, i: Any, j: Any) -> Any:
        """What was drawn for step `j` of chain `i`."""
        first = (i * self.depth + j) * self.count

        def part(x: Any) -> Any:
            if not hasattr(x, "shape") or not x.shape or x.shape[0] != self.many:
                return x
            return ops.slice(x, (first, *(0 for _ in x.shape[1:])), (self.count, *x.shape[1:]))

        return _tree.map_structure(part, self.drawn[name])
