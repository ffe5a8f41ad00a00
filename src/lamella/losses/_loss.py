"""The base of every loss, and the one that most are made with: a function in a frame."""

from collections.abc import Callable
from typing import Any

from lamella.backend import _dtypes
from lamella.core import _names, _policy, _tree
from lamella.core._masks import mask_of
from lamella.core._serialization import Serializable, deserialize_keras_object, serialize_keras_object
from lamella.losses._operands import converted, match_ranks
from lamella.losses._weighting import check_reduction, reduce_weighted_values
from lamella.typing import Array

__all__ = ["Loss", "LossFunctionWrapper"]


class Loss(Serializable):
    """What training makes small: a function of targets and predictions.

    A loss of your own defines `call(y_true, y_pred)`, which returns the loss of each sample, of shape
    `(batch, ...)`. Calling the object weights, masks and reduces that.

    Args:
        name: defaults to the class name in snake case, made unique.
        reduction: how the losses of the samples become one number:

            - `"sum_over_batch_size"` or `"mean"`: their (weighted) sum divided by their number,
            - `"mean_with_sample_weight"`: their weighted sum divided by the sum of the weights,
            - `"sum"`: their (weighted) sum,
            - `"none"` or None: they stay as they are.
        dtype: what to compute in, a dtype or a policy (of which the compute dtype counts); defaults to `floatx()`.

    Raises:
        ArgumentError: for another `reduction`.

    Example:
        >>> from lamella import losses, ops
        >>> class Largest(losses.Loss):
        ...     def call(self, y_true, y_pred):
        ...         return ops.max(ops.abs(y_true - y_pred), axis=-1)
        >>> float(Largest()([[1.0, 2.0], [3.0, 4.0]], [[1.0, 4.0], [3.0, 4.0]]))
        1.0
    """

    _integer_targets = False

    def __init__(self, name: str | None = None, reduction: str | None = "sum_over_batch_size", dtype: Any = None):
        self.name = name or _names.unique_name(_names.snake_case(type(self).__name__))
        check_reduction(reduction)
        self.reduction = reduction
        self._dtype_policy = _policy.get(dtype or _dtypes.floatx())

    @property
    def dtype(self) -> str:
        """The dtype that targets and predictions are cast to."""
        return self._dtype_policy.compute_dtype

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Array:
        """The loss, weighted, masked and reduced.

        Args:
            y_true: targets, `(batch, ...)`, or a structure of them.
            y_pred: predictions, likewise. Where one has a mask (from a layer such as `Masking`), the steps that the
                mask leaves out do not count.
            sample_weight: weights that broadcast to the losses of the samples: a scalar, `(batch,)`, `(batch, 1)`, or
                for losses of shape `(batch, time)`, that.

        Returns:
            A scalar of the loss's dtype; an array for no reduction.
        """
        mask = _mask_in(y_pred)
        like = next(iter(_tree.flatten(y_pred)), None)
        y_pred = converted(y_pred, self.dtype)
        y_true = converted(y_true, None if self._integer_targets else self.dtype, like)
        values = self.call(y_true, y_pred)
        mask = _both(mask, mask_of(values))
        return reduce_weighted_values(values, sample_weight, mask, self.reduction, self.dtype)

    def call(self, y_true: Any, y_pred: Any) -> Array:
        """The loss of each sample, `(batch, ...)`."""
        raise NotImplementedError(f"{type(self).__name__} does not define `call(y_true, y_pred)`.")

    def get_config(self) -> dict:
        """The arguments that make the loss again."""
        return {"name": self.name, "reduction": self.reduction}


class LossFunctionWrapper(Loss):
    """A loss made of a function of `(y_true, y_pred, **options)`.

    Args:
        fn: returns the loss of each sample, `(batch, ...)`.
        reduction, name, dtype: as of `Loss`.
        **kwargs: the options, passed to `fn` at each call and readable as attributes.
    """

    def __init__(
        self,
        fn: Callable,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ):
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.fn = fn
        self._fn_kwargs = kwargs
        for key, value in kwargs.items():
            if not hasattr(self, key):
                setattr(self, key, value)

    def call(self, y_true: Any, y_pred: Any) -> Array:
        if _tree.is_nested(y_true) and _tree.is_nested(y_pred):
            pairs = [match_ranks(t, p) for t, p in zip(_tree.flatten(y_true), _tree.flatten(y_pred))]
            y_true = _tree.unflatten(_tree.flatten_with_spec(y_true)[1], [t for t, _ in pairs])
            y_pred = _tree.unflatten(_tree.flatten_with_spec(y_pred)[1], [p for _, p in pairs])
        elif hasattr(y_true, "shape") and hasattr(y_pred, "shape"):
            y_true, y_pred = match_ranks(y_true, y_pred)
        return self.fn(y_true, y_pred, **self._fn_kwargs)

    def get_config(self) -> dict:
        config = {**super().get_config(), **self._fn_kwargs}
        if type(self) is LossFunctionWrapper:
            config["fn"] = serialize_keras_object(self.fn)
        return config

    @classmethod
    def from_config(cls, config: dict) -> Any:
        if "fn" in config:
            config = {**config, "fn": deserialize_keras_object(config["fn"])}
        return cls(**config)

    def __repr__(self) -> str:
        options = ", ".join(f"{k}={v!r}" for k, v in self._fn_kwargs.items())
        return f"<{type(self).__name__} {self.name!r}({options})>"


def _mask_in(y_pred: Any) -> Any:
    mask = None
    for leaf in _tree.flatten(y_pred):
        mask = _both(mask, mask_of(leaf))
    return mask


def _both(first: Any, second: Any) -> Any:
    """What both masks leave in; None leaves everything in."""
    if first is None or second is None:
        return second if first is None else first
    return first & second
