"""Means of losses between distributions, and of margins."""

from typing import Any

from lamella.losses import (
    binary_crossentropy,
    categorical_crossentropy,
    categorical_hinge,
    hinge,
    kl_divergence,
    poisson,
    sparse_categorical_crossentropy,
    squared_hinge,
)
from lamella.metrics._reduction import MeanMetricWrapper

__all__ = [
    "BinaryCrossentropy",
    "CategoricalCrossentropy",
    "CategoricalHinge",
    "Hinge",
    "KLDivergence",
    "Poisson",
    "SparseCategoricalCrossentropy",
    "SquaredHinge",
]


class KLDivergence(MeanMetricWrapper):
    """The mean of `losses.kl_divergence` over all samples.

    Args:
        name, dtype: as of `Metric`.

    Example:
        >>> from lamella import metrics
        >>> float(metrics.KLDivergence()([[0.5, 0.5]], [[0.5, 0.5]]))
        0.0
    """

    def __init__(self, name: str | None = "kl_divergence", dtype: Any = None):
        super().__init__(kl_divergence, name=name, dtype=dtype)


class Poisson(MeanMetricWrapper):
    """The mean of `losses.poisson` over all samples.

    Args:
        name, dtype: as of `Metric`.

    Example:
        >>> from lamella import metrics
        >>> float(metrics.Poisson()([[0.0, 0.0]], [[1.0, 3.0]]))
        2.0
    """

    def __init__(self, name: str | None = "poisson", dtype: Any = None):
        super().__init__(poisson, name=name, dtype=dtype)


class BinaryCrossentropy(MeanMetricWrapper):
    """The mean of `losses.binary_crossentropy` over all samples.

    Args:
        name, dtype: as of `Metric`.
        from_logits: whether predictions are logits, of which the sigmoid is the probability.
        label_smoothing: in [0, 1]: how far the targets are moved towards 1/2.

    Example:
        >>> from lamella import metrics
        >>> float(metrics.BinaryCrossentropy(from_logits=True)([[1.0, 0.0]], [[-50.0, -50.0]]))
        25.0
    """

    def __init__(
        self,
        name: str | None = "binary_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
    ):
        super().__init__(
            binary_crossentropy,
            name=name,
            dtype=dtype,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
        )


class CategoricalCrossentropy(MeanMetricWrapper):
    """The mean of `losses.categorical_crossentropy` over all samples.

    Args:
        name, dtype: as of `Metric`.
        from_logits: whether predictions are logits, of which the softmax is the probability.
        label_smoothing: in [0, 1]: which part of the targets is spread evenly over the classes.
        axis: the axis of the classes.

    Example:
        >>> from lamella import metrics
        >>> float(metrics.CategoricalCrossentropy(from_logits=True)([[0.0, 1.0]], [[50.0, 0.0]]))
        50.0
    """

    def __init__(
        self,
        name: str | None = "categorical_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
        axis: int = -1,
    ):
        super().__init__(
            categorical_crossentropy,
            name=name,
            dtype=dtype,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )


class SparseCategoricalCrossentropy(MeanMetricWrapper):
    """The mean of `losses.sparse_categorical_crossentropy` over all samples.

    Args:
        name, dtype: as of `Metric`.
        from_logits: whether predictions are logits, of which the softmax is the probability.
        ignore_class: an index whose samples count 0.
        axis: the axis of the classes.

    Example:
        >>> from lamella import metrics
        >>> float(metrics.SparseCategoricalCrossentropy(from_logits=True)([1, 0], [[50.0, 0.0], [50.0, 0.0]]))
        25.0
    """

    def __init__(
        self,
        name: str | None = "sparse_categorical_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        ignore_class: int | None = None,
        axis: int = -1,
    ):
        super().__init__(
            sparse_categorical_crossentropy,
            name=name,
            dtype=dtype,
            from_logits=from_logits,
            ignore_class=ignore_class,
            axis=axis,
        )


class Hinge(MeanMetricWrapper):
    """The mean of `losses.hinge` over all samples.

    Args:
        name, dtype: as of `Metric`.

    Example:
        >>> from lamella import metrics
        >>> float(metrics.Hinge()([[1.0, -1.0]], [[0.5, -2.0]]))
        0.25
    """

    def __init__(self, name: str | None = "hinge", dtype: Any = None):
        super().__init__(hinge, name=name, dtype=dtype)


class SquaredHinge(MeanMetricWrapper):
    """The mean of `losses.squared_hinge` over all samples.

    Args:
        name, dtype: as of `Metric`.

    Example:
        >>> from lamella import metrics
        >>> float(metrics.SquaredHinge()([[1.0, -1.0]], [[0.5, -2.0]]))
        0.125
    """

    def __init__(self, name: str | None = "squared_hinge", dtype: Any = None):
        super().__init__(squared_hinge, name=name, dtype=dtype)


class CategoricalHinge(MeanMetricWrapper):
    """The mean of `losses.categorical_hinge` over all samples.

    Args:
        name, dtype: as of `Metric`.

    Example:
        >>> from lamella import metrics
        >>> float(metrics.CategoricalHinge()([[0.0, 1.0]], [[0.5, 0.75]]))
        0.75
    """

    def __init__(self, name: str | None = "categorical_hinge", dtype: Any = None):
        super().__init__(categorical_hinge, name=name, dtype=dtype)
