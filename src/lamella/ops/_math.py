"""Mathematics beyond arithmetic: stable sums, special functions, segments, ranks, distances."""

import math
from collections.abc import Callable

from lamella.backend import _dtypes, _registry
from lamella.core._arrays import arrays, cast, promote_float
from lamella.core._inference import size_of_unknown
from lamella.core._operation import op
from lamella.errors import ArgumentError, DTypeError, ShapeError
from lamella.ops._operands import reduced_axes
from lamella.typing import Array, ArrayLike, Axis

__all__ = [
    "logsumexp",
    "erf",
    "erfc",
    "erfinv",
    "rsqrt",
    "top_k",
    "in_top_k",
    "segment_sum",
    "segment_prod",
    "segment_max",
    "segment_min",
    "logdet",
    "cdist",
]


@op
def logsumexp(x: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Array:
    """`log(sum(exp(x)))` along `axis`, without overflow.

    Args:
        x: an array of any shape.
        axis: the axis or axes to sum over; None for all.
        keepdims: keep the axes with size 1.

    Returns:
        A floating array.

    Example:
        >>> from lamella import ops
        >>> float(ops.logsumexp([1000.0, -1000.0]))
        1000.0
    """
    xp, x = promote_float(x)
    axes = reduced_axes("logsumexp", axis, x.ndim)
    if 0 in (x.shape[a] for a in axes):  # the sum of nothing
        shape = [n for a, n in enumerate(x.shape) if a not in axes]
        if keepdims:
            shape = [1 if a in axes else n for a, n in enumerate(x.shape)]
        return xp.full(tuple(shape), -math.inf, dtype=x.dtype)
    highest = xp.max(xp.real(x) if _registry.active().dtype(x).startswith("c") else x, axis=axes, keepdims=True)
    highest = _registry.active().stop_gradient(xp.where(xp.isfinite(highest), highest, xp.zeros_like(highest)))
    total = xp.sum(xp.exp(x - highest), axis=axes, keepdims=keepdims)
    return xp.log(total) + (highest if keepdims else xp.squeeze(highest, axis=axes))


@op
def erf(x: ArrayLike) -> Array:
    """The error function, `2 / sqrt(π) * ∫₀ˣ exp(-t²) dt`.

    Args:
        x: an array of any shape.

    Returns:
        A floating array of the same shape, in [-1, 1].

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.erf([0.0, 10.0])).tolist()
        [0.0, 1.0]
    """
    return _registry.active().erf(promote_float(x)[1])


@op
def erfc(x: ArrayLike) -> Array:
    """`1 - erf(x)`, exact where `erf` itself would round to 1.

    Args:
        x: an array of any shape.

    Returns:
        A floating array of the same shape, in [0, 2].

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.erfc([0.0, -10.0])).tolist()
        [1.0, 2.0]
    """
    return _registry.active().erfc(promote_float(x)[1])


@op
def erfinv(x: ArrayLike) -> Array:
    """The number whose `erf` is `x`.

    Args:
        x: an array of any shape, in [-1, 1]; NaN outside.

    Returns:
        A floating array of the same shape.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.erfinv([0.0])).tolist()
        [0.0]
    """
    return _registry.active().erfinv(promote_float(x)[1])


@op
def rsqrt(x: ArrayLike) -> Array:
    """`1 / sqrt(x)`.

    Args:
        x: an array of any shape.

    Returns:
        A floating array of the same shape.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.rsqrt([4.0])).tolist()
        [0.5]
    """
    return _registry.active().rsqrt(promote_float(x)[1])


@op
def top_k(x: ArrayLike, k: int, sorted: bool = True) -> list:
    """The `k` greatest elements along the last axis, and where they stand.

    Args:
        x: an array with at least one axis.
        k: at most the size of the last axis.
        sorted: kept for Keras; the greatest come first, and of equal ones those that stand first.

    Returns:
        A list of two arrays: the values, `(..., k)`, and their indices, int32.

    Raises:
        ShapeError: when `k` is greater than the last axis, or `x` is a scalar.

    Example:
        >>> from lamella import ops
        >>> values, indices = ops.top_k([1.0, 5.0, 3.0], k=2)
        >>> ops.convert_to_numpy(values).tolist(), ops.convert_to_numpy(indices).tolist()
        ([5.0, 3.0], [1, 2])
    """
    _, x = arrays(x)
    if not x.ndim or k > x.shape[-1]:
        raise ShapeError(
            f"`top_k` needs a `k` of at most the size of the last axis; got k={k} for shape {tuple(x.shape)}."
        )
    values, indices = _registry.active().top_k(x, k)
    return [values, cast(indices, "int32")]


@op
def in_top_k(targets: ArrayLike, predictions: ArrayLike, k: int) -> Array:
    """Whether the prediction of each target is among the `k` greatest.

    Args:
        targets: class indices, integers of shape `(...)`.
        predictions: `(..., classes)`. Ties count in favour of the target; a prediction that is NaN does not.
        k: how many count.

    Returns:
        A boolean array of the shape of `targets`.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.in_top_k([1, 0], [[0.1, 0.9, 0.8], [0.1, 0.9, 0.8]], k=2)).tolist()
        [True, False]
    """
    xp, targets = arrays(targets)
    _, predictions = promote_float(predictions)
    if not predictions.ndim or tuple(targets.shape) != tuple(predictions.shape[:-1]):
        raise ShapeError(
            "`in_top_k` needs `targets` of the shape of `predictions` without its last axis; got "
            f"targets.shape={tuple(targets.shape)}, predictions.shape={tuple(predictions.shape)}."
        )
    classes = predictions.shape[-1]
    targets = cast(targets, "int32")
    if k < 1:
        return xp.zeros_like(targets, dtype=xp.bool)
    if _dtypes.is_float_dtype(_registry.active().dtype(predictions)):  # NaN is the least
        predictions = xp.where(xp.isnan(predictions), xp.full_like(predictions, -math.inf), predictions)
    kth = top_k(predictions, min(k, classes))[0][..., -1]
    targets = xp.where(targets < 0, targets + classes, targets)
    known = xp.logical_and(targets >= 0, targets < classes)
    places = xp.where(known, targets, xp.zeros_like(targets))[..., None]
    own = _registry.active().take_along_axis(predictions, places, predictions.ndim - 1)[..., 0]
    return xp.logical_and(known, own >= kth)


def _segment_op(name: str, reduction: str, formula: str, empty: str, example: str) -> Callable:
    def segment_op(
        data: ArrayLike, segment_ids: ArrayLike, num_segments: int | None = None, sorted: bool = False
    ) -> Array:
        _, data, segment_ids = arrays(data, segment_ids)
        if segment_ids.ndim != 1 or not data.ndim or segment_ids.shape[0] != data.shape[0]:
            raise ShapeError(
                f"`{name}` needs `segment_ids` of shape (n,), n the size of the first axis of `data`; got "
                f"segment_ids.shape={tuple(segment_ids.shape)}, data.shape={tuple(data.shape)}."
            )
        return _segments(name, data, segment_ids, num_segments, reduction)

    segment_op.__name__ = segment_op.__qualname__ = name
    segment_op.__doc__ = f"""{formula}

    Args:
        data: an array with at least one axis.
        segment_ids: the segment of each row, integers of shape `(n,)`. Rows of a segment that is not in
            `[0, num_segments)` count for nothing.
        num_segments: how many segments there are. Where it is None, one more than the greatest id, which must
            then be known: not in a compiled program.
        sorted: whether `segment_ids` never decreases; kept for Keras.

    Returns:
        An array of the dtype of `data`, `(num_segments, ...)`. {empty}

    Raises:
        ShapeError: when the shapes do not fit.
        ArgumentError: when `num_segments` is None in a compiled program.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.{name}([1, 2, 4], [0, 0, 1], num_segments=2)).tolist()
        {example}
    """
    return op(segment_op)


def _segments(name: str, data: Array, segment_ids: Array, num_segments: int | None, reduction: str) -> Array:
    adapter = _registry.active()
    xp = adapter.xp
    if num_segments is None:
        if adapter.is_concrete(segment_ids):
            num_segments = int(xp.max(segment_ids)) + 1 if segment_ids.shape[0] else 0
        else:
            num_segments = size_of_unknown()
        if num_segments is None:
            raise ArgumentError(f"`{name}` needs `num_segments` in a compiled program; got None.")
    dtype = adapter.dtype(data)
    if dtype == "bool" and reduction in ("add", "mul"):
        raise DTypeError(f"`{name}` does not take booleans. Cast `data` first.")
    low, high = _dtypes.finite_range(dtype)
    if _dtypes.is_float_dtype(dtype):
        low, high = -math.inf, math.inf
    first = {"add": 0, "mul": 1, "max": low, "min": high}[reduction]
    segment_ids = xp.where(segment_ids < 0, xp.full_like(segment_ids, num_segments), segment_ids)  # not from the end
    empty = xp.full((num_segments, *data.shape[1:]), first, dtype=data.dtype)
    return adapter.scatter(empty, segment_ids[:, None], data, reduction)


segment_sum = _segment_op(
    "segment_sum", "add", "The sum of the rows of each segment.", "0 where a segment is empty.", "[3, 4]"
)
segment_prod = _segment_op(
    "segment_prod", "mul", "The product of the rows of each segment.", "1 where a segment is empty.", "[2, 4]"
)
segment_max = _segment_op(
    "segment_max",
    "max",
    "The greatest of the rows of each segment, element by element.",
    "The least value of the dtype (-inf) where a segment is empty.",
    "[2, 4]",
)
segment_min = _segment_op(
    "segment_min",
    "min",
    "The least of the rows of each segment, element by element.",
    "The greatest value of the dtype (inf) where a segment is empty.",
    "[1, 4]",
)


@op
def logdet(x: ArrayLike) -> Array:
    """`log(|det(x)|)`, without overflow.

    Args:
        x: square matrices, `(..., n, n)`.

    Returns:
        A floating array of shape `(...)`; -inf where a matrix is singular.

    Raises:
        ShapeError: when the last two axes differ.

    Example:
        >>> from lamella import ops
        >>> round(float(ops.logdet([[2.0, 0.0], [0.0, 4.0]])), 4)
        2.0794
    """
    xp, x = promote_float(x)
    if x.ndim < 2 or x.shape[-1] != x.shape[-2]:
        raise ShapeError(f"`logdet` needs square matrices, of shape (..., n, n); got {tuple(x.shape)}.")
    return xp.linalg.slogdet(x)[1]


@op
def cdist(x: ArrayLike, y: ArrayLike) -> Array:
    """The Euclidean distance of every row of `x` to every row of `y`.

    Args:
        x: `(..., n, features)`.
        y: `(..., m, features)`, the leading axes broadcasting against those of `x`.

    Returns:
        A floating array, `(..., n, m)`. Its derivative where rows coincide is 0.

    Raises:
        ShapeError: when the numbers of features differ, or an array has fewer than two axes.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.cdist([[0.0, 0.0]], [[3.0, 4.0], [0.0, 1.0]])).tolist()
        [[5.0, 1.0]]
    """
    xp, x, y = promote_float(x, y)
    if x.ndim < 2 or y.ndim < 2 or x.shape[-1] != y.shape[-1]:
        raise ShapeError(
            "`cdist` needs arrays of shapes (..., n, features) and (..., m, features); got "
            f"{tuple(x.shape)} and {tuple(y.shape)}."
        )
    difference = x[..., :, None, :] - y[..., None, :, :]
    squares = xp.sum(difference * difference, axis=-1)
    apart = squares > 0
    one = xp.ones_like(squares)
    return xp.where(apart, xp.sqrt(xp.where(apart, squares, one)), xp.zeros_like(squares))
