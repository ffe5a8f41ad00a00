"""Indices as one-hot, multi-hot, count or TF-IDF vectors: what every categorical layer ends with."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from lamella import ops
from lamella.errors import ArgumentError
from lamella.layers._options import label
from lamella.typing import Array, PartialShape

__all__ = ["ENCODINGS", "check_output_mode", "encode", "encode_host", "encoded_shape", "refuse_sparse"]

ENCODINGS = ("one_hot", "multi_hot", "count", "tf_idf")


def check_output_mode(layer: Any, output_mode: Any, known: Sequence[str]) -> str:
    """`output_mode`, where it is one of `known`.

    Raises:
        ArgumentError: where it is not.
    """
    if output_mode not in known:
        raise ArgumentError(
            f"Unknown value for `output_mode` argument of {label(layer)}. Allowed values are: {tuple(known)}. "
            f"Received: output_mode={output_mode}"
        )
    return output_mode


def refuse_sparse(layer: Any, **options: bool) -> None:
    """Refuse `sparse=True` and `ragged=True`: as in Keras without TensorFlow, results are dense.

    Raises:
        ArgumentError: when one is asked for.
    """
    for name, value in options.items():
        if value:
            raise ArgumentError(
                f"`{name}=True` can only be used with TensorFlow's own tensors, which {label(layer)} does not make: "
                f"its outputs are dense. Leave `{name}` at False."
            )


def encoded_shape(shape: PartialShape, output_mode: str, depth: int | None) -> tuple:
    """The shape of `encode` of indices of `shape`."""
    shape = tuple(shape)
    if output_mode == "int":
        return shape
    if output_mode == "one_hot":
        if not shape:
            return (1, depth)
        return (*(shape[:-1] if len(shape) > 1 and shape[-1] == 1 else shape), depth)
    return (*shape[:-1], depth)


def encode(indices: Array, output_mode: str, depth: int, dtype: str, weights: Array | None = None) -> Array:
    """Vectors of length `depth` from indices; an index outside of [0, depth) counts for nothing.

    Args:
        indices: `(..., sample)`, integers.
        output_mode: "one_hot": a vector for each index, `(..., sample, depth)`, where a sample of size 1 is left
            out; "multi_hot" and "count": a vector for each sample, `(..., depth)`, with 1 at each index that occurs,
            or the number of its occurrences.
        depth: the length of the vectors.
        dtype: of the result.
        weights: for "count", what each index counts for, of the shape of `indices`.
    """
    shape = tuple(indices.shape)
    if output_mode == "one_hot" and len(shape) > 1 and shape[-1] == 1:
        indices = ops.squeeze(indices, axis=-1)
    if not shape:
        indices = ops.reshape(indices, (1,))
    vectors = ops.one_hot(indices, depth, dtype=dtype)
    if output_mode == "one_hot":
        return vectors
    if weights is not None:
        vectors = ops.multiply(vectors, ops.expand_dims(ops.cast(weights, dtype), -1))
    return ops.max(vectors, axis=-2) if output_mode == "multi_hot" else ops.sum(vectors, axis=-2)


def encode_host(indices: np.ndarray, output_mode: str, depth: int, idf: np.ndarray | None = None) -> np.ndarray:
    """`encode` of NumPy indices, in memory proportional to the result; "tf_idf" multiplies counts by `idf`."""
    shape = encoded_shape(indices.shape, output_mode, depth)
    if output_mode == "one_hot":
        rows = np.arange(indices.size)
    else:
        size = indices.shape[-1] if indices.ndim else 1
        rows = np.repeat(np.arange(indices.size // max(size, 1)), size)
    return _counted(rows, indices.ravel(), shape, output_mode, depth, idf)


def encode_rows(
    rows: np.ndarray, indices: np.ndarray, count: int, output_mode: str, depth: int, idf: np.ndarray | None = None
) -> np.ndarray:
    """One vector for each of `count` rows, from indices that stand in the given rows."""
    return _counted(rows, indices, (count, depth), output_mode, depth, idf)


def _counted(rows: Any, indices: Any, shape: tuple, output_mode: str, depth: int, idf: Any) -> np.ndarray:
    inside = (indices >= 0) & (indices < depth)
    places = rows[inside] * depth + indices[inside]
    total = int(np.prod(shape))
    if output_mode in ("one_hot", "multi_hot"):
        out = np.zeros(total, np.int64)
        out[places] = 1
    else:
        out = np.bincount(places, minlength=total)
    out = out.reshape(shape)
    return out if output_mode != "tf_idf" else out.astype(np.float32) * idf
