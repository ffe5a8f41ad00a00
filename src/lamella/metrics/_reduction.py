"""Sums and means over everything seen, and metrics that are the mean of a function."""

import math
from collections.abc import Callable
from typing import Any

from lamella import losses, ops
from lamella.core._masks import mask_of
from lamella.core._serialization import deserialize_keras_object, serialize_keras_object
from lamella.errors import ShapeError
from lamella.losses._operands import match_ranks, to_dtype
from lamella.losses._weighting import apply_mask
from lamella.metrics._metric import Metric
from lamella.typing import Array, ArrayLike

__all__ = ["Mean", "MeanMetricWrapper", "Sum", "samplewise"]


def samplewise(values: ArrayLike, sample_weight: Any, reduce: Callable, dtype: str) -> tuple[Any, Any]:
    """One (weighted) value and one weight for each sample.

    Args:
        values: `(batch, ...)`, or a scalar. Where it has a mask and there are weights, both count.
        sample_weight: None, or weights that broadcast to the leading axes of `values`.
        reduce: `ops.mean` or `ops.sum`: what to do over all axes but the first.
        dtype: of the results.

    Returns:
        Values and weights, `(batch,)`; the weights are None when there were none. Scalar weights make both scalars.
    """
    mask = mask_of(values)
    values = to_dtype(values, dtype)
    if sample_weight is not None:
        sample_weight = to_dtype(sample_weight, dtype, like=values)
        if mask is not None:
            sample_weight = apply_mask(sample_weight, mask, dtype, reduction="sum")
        values, sample_weight = match_ranks(values, sample_weight)
        rank = len(sample_weight.shape)
        if len(values.shape) > rank:
            values = reduce(values, axis=tuple(range(rank, len(values.shape))))
        _check_broadcast(sample_weight, values)
        sample_weight = ops.broadcast_to(sample_weight, values.shape)
        values = values * sample_weight
        if rank > 1:
            sample_weight = reduce(sample_weight, axis=tuple(range(1, rank)))
    if len(values.shape) > 1:
        values = reduce(values, axis=tuple(range(1, len(values.shape))))
    return values, sample_weight


def _check_broadcast(weight: Array, values: Array) -> None:
    fits = len(weight.shape) == len(values.shape) and all(w in (1, v) for w, v in zip(weight.shape, values.shape))
    if not fits:
        raise ShapeError(
            f"`sample_weight` of shape {tuple(weight.shape)} does not broadcast to values of shape "
            f"{tuple(values.shape)}. Give one weight for each sample, shape (batch,), or for each value."
        )


class Sum(Metric):
    """The (weighted) sum of all values.

    Args:
        name, dtype: as of `Metric`.

    Example:
        >>> from lamella import metrics
        >>> metric = metrics.Sum()
        >>> float(metric([1.0, 3.0])), float(metric([5.0, 7.0], sample_weight=[1.0, 0.0]))
        (4.0, 9.0)
    """

    def __init__(self, name: str | None = "sum", dtype: Any = None):
        super().__init__(name=name, dtype=dtype)
        self.total = self.add_variable(shape=(), initializer="zeros", dtype=self.dtype, name="total")

    def update_state(self, values: ArrayLike, sample_weight: Any = None) -> None:
        """Add `values`, `(batch, ...)`, times `sample_weight`, which broadcasts to its leading axes."""
        values, _ = samplewise(values, sample_weight, ops.sum, self.dtype)
        self.total.assign_add(ops.sum(values))

    def result(self) -> Array:
        """The sum so far."""
        return ops.cast(self.total, self.dtype)

    def reset_state(self) -> None:
        """Start from 0."""
        super().reset_state()


class Mean(Metric):
    """The (weighted) mean of all values: their sum divided by the sum of the weights, or by the number of samples.

    Values of more than one axis are averaged over all axes but the first, so every sample counts once.

    Args:
        name, dtype: as of `Metric`.

    Example:
        >>> from lamella import metrics
        >>> metric = metrics.Mean()
        >>> float(metric([1.0, 3.0])), float(metric([5.0, 7.0], sample_weight=[2.0, 0.0]))
        (2.0, 3.5)
    """

    def __init__(self, name: str | None = "mean", dtype: Any = None):
        super().__init__(name=name, dtype=dtype)
        self.total = self.add_variable(shape=(), initializer="zeros", dtype=self.dtype, name="total")
        self.count = self.add_variable(shape=(), initializer="zeros", dtype=self.dtype, name="count")

    def update_state(self, values: ArrayLike, sample_weight: Any = None) -> None:
        """Add `values`, `(batch, ...)`, weighted by `sample_weight`, which broadcasts to its leading axes."""
        values, sample_weight = samplewise(values, sample_weight, ops.mean, self.dtype)
        self.total.assign_add(ops.sum(values))
        if sample_weight is not None:
            self.count.assign_add(ops.sum(sample_weight))
        else:
            self.count.assign_add(math.prod(values.shape[:1]))

    def result(self) -> Array:
        """The mean so far; 0 when nothing was seen."""
        return ops.divide_no_nan(self.total.value, self.count.value)

    def reset_state(self) -> None:
        """Start from nothing."""
        super().reset_state()


class MeanMetricWrapper(Mean):
    """The mean of `fn(y_true, y_pred, **kwargs)` over all samples.

    Args:
        fn: returns one value for each sample, `(batch, ...)`.
        name, dtype: as of `Metric`.
        **kwargs: passed to `fn` at each call.

    Example:
        >>> from lamella import losses, metrics
        >>> metric = metrics.MeanMetricWrapper(losses.mean_squared_error, name="error")
        >>> float(metric([[0.0], [0.0]], [[1.0], [3.0]]))
        5.0
    """

    def __init__(self, fn: Callable, name: str | None = None, dtype: Any = None, **kwargs: Any):
        super().__init__(name=name, dtype=dtype)
        self._fn = fn
        self._fn_kwargs = kwargs
        self._direction = type(self)._direction or _direction_of(fn)
        for key, value in kwargs.items():
            if not hasattr(self, key):
                setattr(self, key, value)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Gather one batch.

        Args:
            y_true: targets, `(batch, ...)`.
            y_pred: predictions. Where it has a mask, the steps that the mask leaves out do not count.
            sample_weight: None, or weights that broadcast to the leading axes of the values of the samples.
        """
        mask = mask_of(y_pred)
        values = self._fn(y_true, y_pred, **self._fn_kwargs)
        if mask is not None:
            sample_weight = apply_mask(sample_weight, mask, self.dtype, reduction="sum")
        super().update_state(values, sample_weight=sample_weight)

    def get_config(self) -> dict:
        config = {**super().get_config(), **self._fn_kwargs}
        if type(self) is MeanMetricWrapper:
            config["fn"] = serialize_keras_object(self._fn)
        return config

    @classmethod
    def from_config(cls, config: dict) -> Any:
        if "fn" in config:
            config = {**config, "fn": deserialize_keras_object(config["fn"])}
        return cls(**config)


def _direction_of(fn: Callable) -> str | None:
    """Losses are better when smaller; of other functions nothing is known."""
    if isinstance(fn, losses.Loss) or getattr(losses, getattr(fn, "__name__", ""), None) is fn:
        return "down"
    return None
