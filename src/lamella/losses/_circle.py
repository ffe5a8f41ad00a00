"""Circle loss: embeddings of one class close together, those of others apart."""

from typing import Any

from lamella import ops
from lamella.core._masks import set_mask
from lamella.errors import ArgumentError
from lamella.losses._loss import LossFunctionWrapper
from lamella.losses._operands import dtype_name, to_dtype
from lamella.typing import Array, ArrayLike

__all__ = ["Circle", "circle"]


def circle(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    ref_labels: ArrayLike | None = None,
    ref_embeddings: ArrayLike | None = None,
    remove_diagonal: bool = True,
    gamma: float = 80,
    margin: float = 0.4,
) -> Array:
    """`log(1 + sum(exp(gamma * a_n * (s_n - margin))) * sum(exp(-gamma * a_p * (s_p - 1 + margin))))`.

    The sums run over the similarities of a sample to those of other classes, `s_n`, and of its own, `s_p`. Their
    weights are `a_n = max(s_n + margin, 0)` and `a_p = max(1 + margin - s_p, 0)`. Sun et al. (2020), arXiv:2002.10857,
    equations 5 to 7; the gradient flows through the weights too. Similarities above 1 count as 1.

    Args:
        y_true: integer labels, `(batch,)` or `(batch, 1)`.
        y_pred: embeddings of length 1, `(batch, size)`.
        ref_labels: labels of the samples to compare with, `(references,)`; defaults to `y_true`.
        ref_embeddings: their embeddings, `(references, size)`; defaults to `y_pred`.
        remove_diagonal: whether sample i is not compared with reference i, since that is itself.
        gamma: the scale.
        margin: in [0, 1]: how far apart the classes shall be.

    Returns:
        A floating array `(batch,)`, at least 0. A sample that has no others of its class, or none of another, has loss
        0, and the array carries a mask that leaves it out of means.

    Raises:
        ArgumentError: when only one of `ref_labels` and `ref_embeddings` is given.

    Example:
        >>> from lamella import losses
        >>> losses.circle([0, 0, 1], [[1.0, 0.0], [1.0, 0.0], [-1.0, 0.0]]).round(3).tolist()
        [0.0, 0.0, 0.0]
    """
    if (ref_labels is None) != (ref_embeddings is None):
        missing, given = ("ref_labels", "ref_embeddings")[:: 1 if ref_labels is None else -1]
        raise ArgumentError(f"circle got `{given}` without `{missing}`. Give both, or neither.")
    y_pred = to_dtype(y_pred, None)
    dtype = dtype_name(y_pred)
    labels = ops.cast(to_dtype(y_true, None, like=y_pred), "int32")
    references, reference_labels = y_pred, labels
    if ref_embeddings is not None:
        references = to_dtype(ref_embeddings, dtype, like=y_pred)
        reference_labels = ops.cast(to_dtype(ref_labels, None, like=y_pred), "int32")

    similarity = ops.minimum(ops.matmul(y_pred, ops.transpose(references)), 1.0)  # (batch, references)
    alike = ops.equal(ops.reshape(labels, (-1, 1)), ops.reshape(reference_labels, (1, -1)))
    different = ops.logical_not(alike)
    if remove_diagonal:
        own = ops.eye(similarity.shape[0], similarity.shape[1], dtype="bool")
        alike = ops.logical_and(alike, ops.logical_not(own))

    pull = ops.maximum(1.0 + margin - similarity, 0.0)
    push = ops.maximum(similarity + margin, 0.0)
    alike_log_sum = _log_sum_exp(gamma * pull * (1.0 - margin - similarity), alike)
    different_log_sum = _log_sum_exp(gamma * push * (similarity - margin), different)
    loss = ops.softplus(alike_log_sum + different_log_sum)
    set_mask(loss, ops.logical_and(ops.any(alike, axis=1), ops.any(different, axis=1)))
    return loss


def _log_sum_exp(logits: Array, counts: Array) -> Array:
    """`log(sum(exp(logits)))` over those of each row that count; so low as to be no number's logarithm if none does."""
    lowest = -6e4 if dtype_name(logits) == "float16" else -1e9
    return ops.logsumexp(ops.where(counts, logits, lowest), axis=1)


class Circle(LossFunctionWrapper):
    """`circle` of each sample, reduced.

    Args:
        gamma: the scale.
        margin: in [0, 1]: how far apart the classes shall be.
        remove_diagonal: whether a sample is not compared with itself.
        reduction, name, dtype: as of `Loss`.

    Example:
        >>> from lamella import losses
        >>> round(float(losses.Circle()([0, 0, 1], [[1.0, 0.0], [1.0, 0.0], [-1.0, 0.0]])), 3)
        0.0
    """

    _integer_targets = True

    def __init__(
        self,
        gamma: float = 80.0,
        margin: float = 0.4,
        remove_diagonal: bool = True,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "circle",
        dtype: Any = None,
    ):
        super().__init__(
            circle,
            name=name,
            reduction=reduction,
            dtype=dtype,
            gamma=gamma,
            margin=margin,
            remove_diagonal=remove_diagonal,
        )
