"""The errors that a person makes with training data, told before any work is done."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from lamella.core import _tree
from lamella.errors import DataError


def named_leaves(name: str, structure: Any) -> list[tuple[str, Any]]:
    """The arrays of `structure` with what a user would call them: x, x[0], x['image']."""
    if isinstance(structure, dict):
        return [pair for key in sorted(structure) for pair in named_leaves(f"{name}[{key!r}]", structure[key])]
    if isinstance(structure, (list, tuple)):
        return [pair for i, value in enumerate(structure) for pair in named_leaves(f"{name}[{i}]", value)]
    return [] if structure is None else [(name, structure)]


def check_kind(name: str, array: Any) -> None:
    """Refuse text and objects.

    Raises:
        DataError: when `array` holds strings or Python objects.
    """
    kind = getattr(getattr(array, "dtype", None), "kind", None)
    if kind in ("U", "S", "T"):
        raise DataError(
            f"`{name}` holds text (dtype {array.dtype}); a network computes with numbers. Turn text into integers "
            "first, for example with a StringLookup or TextVectorization layer."
        )
    if kind == "O":
        raise DataError(
            f"`{name}` is an array of Python objects (dtype object), such as {type(array.flat[0]).__name__ if array.size else 'none'}; "
            "a network computes with numbers of one shape. Are its rows of different lengths? Pad them "
            "(keras.utils.pad_sequences), or convert it: numpy.asarray(..., dtype='float32')."
        )


def check_lengths(arrays: list[tuple[str, Any]]) -> int:
    """The number of samples that all arrays have.

    Raises:
        DataError: when there are none, when an array is a scalar, or when their lengths differ.
    """
    if not arrays:
        raise DataError("There is no data: `x` is empty. Give at least one array of samples.")
    for name, array in arrays:
        if len(array.shape) == 0:
            raise DataError(f"`{name}` is a scalar; expected an array whose first axis runs over samples.")
    sizes = {name: int(array.shape[0]) for name, array in arrays}
    if len(set(sizes.values())) > 1:
        found = ", ".join(f"`{name}` has {size}" for name, size in sizes.items())
        raise DataError(
            f"Data cardinality is ambiguous: all arrays must have the same number of samples (first axis), but {found}. "
            "Make sure that they were loaded, split and shuffled together."
        )
    size = next(iter(sizes.values()))
    if size == 0:
        raise DataError(f"`{arrays[0][0]}` has no samples: its shape is {tuple(arrays[0][1].shape)}.")
    return size


def warn_if_not_finite(arrays: list[tuple[str, Any]]) -> None:
    """Warn about the first NaN or infinity in NumPy arrays, naming the array and the index."""
    for name, array in arrays:
        if not isinstance(array, np.ndarray) or array.dtype.kind != "f" or array.size == 0:
            continue
        with np.errstate(all="ignore"):
            if np.isfinite(np.add.reduce(array, axis=None)):  # one pass, no temporary; exact check only on suspicion
                continue
        bad = ~np.isfinite(array)
        if bad.any():
            index = tuple(int(i) for i in np.unravel_index(int(bad.argmax()), array.shape))
            warnings.warn(
                f"`{name}` contains {int(bad.sum())} values that are not finite; the first is {array[index]} at index "
                f"{list(index)}. Training on it makes the loss not finite. Clean it, or replace it "
                "(numpy.nan_to_num, a Masking layer).",
                stacklevel=4,
            )


def check_batch_size(batch_size: Any) -> int:
    """`batch_size` as an int.

    Raises:
        DataError: when it is not a positive integer.
    """
    if isinstance(batch_size, bool) or not hasattr(batch_size, "__index__") or int(batch_size) < 1:
        raise DataError(f"`batch_size` must be a positive integer; got {batch_size!r}.")
    return int(batch_size)


def flat_arrays(x: Any, y: Any, sample_weight: Any) -> list[tuple[str, Any]]:
    """The arrays of a data set with their names."""
    return [*named_leaves("x", x), *named_leaves("y", y), *named_leaves("sample_weight", sample_weight)]


def as_arrays(name: str, structure: Any) -> Any:
    """`structure` with lists of numbers, pandas columns and the like as arrays.

    Raises:
        DataError: for what is not an array, text, or objects.
    """

    def convert(label: str, value: Any) -> Any:
        if value is None:
            return None
        if hasattr(value, "to_numpy"):  # pandas, polars, pyarrow
            value = value.to_numpy()
        if hasattr(value, "toarray") and not isinstance(value, np.ndarray):  # scipy sparse
            value = value.toarray()
        if not hasattr(value, "shape"):
            value = np.asarray(value[:] if isinstance(value, Sequence) else value)
        check_kind(label, value)
        return value

    def walk(label: str, value: Any) -> Any:
        if isinstance(value, dict):
            return {k: walk(f"{label}[{k!r}]", v) for k, v in value.items()}
        if isinstance(value, (list, tuple)):
            if value and not _is_structure(value):
                try:
                    return convert(label, np.asarray(value))
                except ValueError as error:
                    raise DataError(
                        f"`{label}` is a list whose rows have different lengths, so it is no array: {error}. "
                        "Pad the rows to one length (keras.utils.pad_sequences)."
                    ) from None
            return type(value)(walk(f"{label}[{i}]", v) for i, v in enumerate(value))
        return convert(label, value)

    return walk(name, structure)


def _is_structure(value: Any) -> bool:
    """Whether a list holds arrays (several inputs) rather than numbers (one array, written as lists)."""
    return any(v is None or hasattr(v, "shape") or isinstance(v, dict) for v in value)


def leaves(structure: Any) -> list:
    """The arrays of a structure, Nones left out."""
    return [leaf for leaf in _tree.flatten(structure) if leaf is not None]
