"""From the loss of each sample to one number: sample weights, masks, and the reductions between them."""

import math
from typing import Any

from lamella import ops
from lamella.errors import ArgumentError, ShapeError
from lamella.losses._operands import broadcasts, match_ranks, to_dtype
from lamella.typing import Array, ArrayLike

__all__ = ["REDUCTIONS", "apply_mask", "check_reduction", "reduce_weighted_values"]

REDUCTIONS = ("sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none", None)


def check_reduction(reduction: Any) -> None:
    """Raise an ArgumentError unless `reduction` is one of `REDUCTIONS`."""
    if not (reduction is None or isinstance(reduction, str)) or reduction not in REDUCTIONS:
        known = ", ".join(repr(r) for r in REDUCTIONS)
        raise ArgumentError(f"The `reduction` of a loss must be one of {known}; got {reduction!r}.")


def apply_mask(sample_weight: Any, mask: Array, dtype: str, reduction: str | None) -> Array:
    """The weights of the samples, 0 where `mask` says a sample is not real.

    For a reduction that divides by the number of samples, the others are scaled by `samples / real samples`, so that
    the result is the mean over the real ones.
    """
    mask = to_dtype(mask, dtype)
    if reduction in ("mean", "sum_over_batch_size"):
        # No real sample at all: the weights are 0 whatever the factor.
        mask = mask * (_size(mask) / ops.maximum(ops.sum(mask), 1))
    if sample_weight is None:
        return mask
    sample_weight, mask = match_ranks(to_dtype(sample_weight, dtype, like=mask), mask)
    if not broadcasts(sample_weight.shape, mask.shape):
        raise ShapeError(
            f"`sample_weight` of shape {tuple(sample_weight.shape)} does not broadcast to the mask of the predictions, "
            f"of shape {tuple(mask.shape)}. Give one weight for each step, or for each sample, shape (batch, 1)."
        )
    return sample_weight * mask


def reduce_weighted_values(
    values: ArrayLike, sample_weight: Any, mask: Any, reduction: str | None, dtype: str
) -> Array:
    """`values` times their weights, reduced.

    Args:
        values: the loss of each sample, of any shape.
        sample_weight: None, or weights that broadcast to `values` (after a last axis of size 1 was added or dropped).
        mask: None, or a boolean array that broadcasts likewise: False where a sample is not real.
        reduction: one of `REDUCTIONS`.
        dtype: what to compute in.

    Returns:
        An array of `dtype`: a scalar, or for no reduction, of the shape of the weighted values.
    """
    values = to_dtype(values, dtype)
    if mask is not None:
        sample_weight = apply_mask(sample_weight, mask, dtype, reduction)
    if sample_weight is not None:
        values, sample_weight = match_ranks(values, to_dtype(sample_weight, dtype, like=values))
        if not broadcasts(values.shape, sample_weight.shape):
            raise ShapeError(
                f"`sample_weight` of shape {tuple(sample_weight.shape)} does not broadcast to losses of shape "
                f"{tuple(values.shape)}. Give one weight for each loss; for losses of shape (batch, time), weights of "
                "the samples have shape (batch, 1)."
            )
        values = ops.multiply(values, sample_weight)
    if reduction in (None, "none") or tuple(values.shape) in ((), (0,)):
        return values
    if reduction == "sum":
        return ops.sum(values)
    if reduction == "mean_with_sample_weight" and sample_weight is not None:
        return ops.divide_no_nan(ops.sum(values), ops.sum(sample_weight))
    return ops.mean(values)


def _size(x: Any) -> Any:
    if None in x.shape:
        return ops.sum(ops.ones_like(x))
    return math.prod(x.shape)
