"""Sequences as arrays: padding, windows over a time series, and splits."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from lamella.backend import _registry
from lamella.core import _tree
from lamella.data._dataset import Dataset, stacked
from lamella.errors import ArgumentError, ArgumentTypeError, DataError


def pad_sequences(
    sequences: Any,
    maxlen: int | None = None,
    dtype: Any = "int32",
    padding: str = "pre",
    truncating: str = "pre",
    value: Any = 0.0,
) -> np.ndarray:
    """Sequences of different lengths as one array: shorter ones padded, longer ones cut.

    Args:
        sequences: a list of sequences, each a list or an array `(length, ...)`.
        maxlen: the length of all; that of the longest by default.
        dtype: of the result; `object` for text of different lengths.
        padding: "pre" or "post": where the padding goes.
        truncating: "pre" or "post": where sequences are cut.
        value: what they are padded with.

    Returns:
        An array `(sequences, maxlen, ...)`.

    Raises:
        ArgumentError: for what is no list of sequences, sequences of different kinds of samples, or another mode.

    Example:
        >>> from lamella.utils import pad_sequences
        >>> pad_sequences([[1], [2, 3], [4, 5, 6]], maxlen=2).tolist()
        [[0, 1], [2, 3], [5, 6]]
    """
    if not hasattr(sequences, "__len__"):
        raise ArgumentError(f"`sequences` must be iterable; got {type(sequences).__name__}.")
    for name, mode in (("padding", padding), ("truncating", truncating)):
        if mode not in ("pre", "post"):
            raise ArgumentError(f'`{name}` of pad_sequences must be "pre" or "post"; got {mode!r}.')
    for i, sequence in enumerate(sequences):
        if not hasattr(sequence, "__len__"):
            raise ArgumentError(
                f"`sequences` must be a list of iterables. Found non-iterable: {sequence!r} at index {i}."
            )
    if isinstance(value, str) and np.dtype(dtype).kind not in "OU":
        raise ArgumentError(f"`dtype` {dtype} is not compatible with `value`'s type: str. Pass `dtype=object`.")
    if maxlen is None:
        maxlen = max(map(len, sequences), default=0)
    sample: tuple[int, ...] = next((np.asarray(s).shape[1:] for s in sequences if len(s)), ())
    out = np.full((len(sequences), maxlen, *sample), value, dtype=dtype)
    for i, sequence in enumerate(sequences):
        if not len(sequence) or not maxlen:
            continue
        kept = np.asarray(sequence[-maxlen:] if truncating == "pre" else sequence[:maxlen], dtype=dtype)
        if kept.shape[1:] != sample:
            raise ArgumentError(
                f"Shape of sample {kept.shape[1:]} of sequence at position {i} is different from expected shape {sample}."
            )
        if padding == "post":
            out[i, : len(kept)] = kept
        else:
            out[i, -len(kept) :] = kept
    return out


def timeseries_dataset_from_array(
    data: Any,
    targets: Any,
    sequence_length: int,
    sequence_stride: int = 1,
    sampling_rate: int = 1,
    batch_size: int | None = 128,
    shuffle: bool = False,
    seed: int | None = None,
    start_index: int | None = None,
    end_index: int | None = None,
    format: str = "tf",
) -> Dataset:
    """Sliding windows over a time series, in batches.

    The window that starts at `i` holds the steps `i, i + r, ..., i + (sequence_length - 1) * r` with
    `r = sampling_rate`; windows start every `sequence_stride` steps.

    Args:
        data: an array `(time, ...)`.
        targets: an array whose row `i` belongs to the window that starts at `i`; None for none.
        sequence_length: steps in a window.
        sequence_stride: steps between the starts of two windows.
        sampling_rate: steps between two steps of a window.
        batch_size: windows in a batch; None for single windows.
        shuffle: draw the windows in a new order each time.
        seed: of that order.
        start_index, end_index: use only the steps in `[start_index, end_index)`.
        format: "tf" or "grain"; both return lamella's own data set, which needs neither library.

    Returns:
        A data set of windows, or of pairs `(windows, targets)`.

    Raises:
        ArgumentError: for indices outside of the data, and lengths, strides or rates below 1.

    Example:
        >>> import numpy as np
        >>> from lamella.utils import timeseries_dataset_from_array
        >>> windows = timeseries_dataset_from_array(np.arange(6), None, sequence_length=3, sequence_stride=2)
        >>> [batch.tolist() for batch in windows]
        [[[0, 1, 2], [2, 3, 4]]]
    """
    check_format(format)
    values = np.asarray(_registry.to_numpy(data))
    rows = None if targets is None else np.asarray(_registry.to_numpy(targets))
    for name, number in (
        ("sequence_length", sequence_length),
        ("sequence_stride", sequence_stride),
        ("sampling_rate", sampling_rate),
    ):
        if number < 1 or (name != "sequence_length" and number >= len(values)):
            raise ArgumentError(f"`{name}` must be 1 or more and lower than the length of the data. Got: {number}")
    start = 0 if start_index is None else start_index
    end = len(values) if end_index is None else end_index
    for name, given in (("start_index", start_index), ("end_index", end_index)):
        if given is not None and not 0 <= given < len(values) + (name == "end_index"):
            raise ArgumentError(f"`{name}` must be 0 or more and lower than the length of the data. Got: {given}")
    if start >= end:
        raise ArgumentError(f"`end_index` must be higher than `start_index`. Got: start_index={start}, end_index={end}")
    reach = (sequence_length - 1) * sampling_rate
    last = end - start - reach
    if rows is not None:
        last = min(last, len(rows) - start)
    starts = np.arange(start, start + max(last, 0), sequence_stride)
    steps = np.arange(sequence_length) * sampling_rate
    random = np.random.default_rng(seed)

    def windows(at: Any) -> Any:
        found = values[at[..., None] + steps]
        return found if rows is None else (found, rows[at])

    def elements() -> Iterator[Any]:
        order = random.permutation(starts) if shuffle else starts
        if batch_size is None:
            return (windows(at) for at in order)
        return (windows(order[i : i + batch_size]) for i in range(0, len(order), batch_size))

    return Dataset(elements, len(starts) if batch_size is None else -(-len(starts) // batch_size))


def split_dataset(
    dataset: Any,
    left_size: Any = None,
    right_size: Any = None,
    shuffle: bool = False,
    seed: int | None = None,
    preferred_backend: str | None = None,
) -> tuple[Dataset, Dataset]:
    """A data set in two parts, such as one for training and one for testing.

    Args:
        dataset: an array, a structure of arrays of one length, or something that yields samples: a data set of lamella,
            TensorFlow or PyTorch.
        left_size: samples in the left part: a fraction in (0, 1), or a number. By default all but `right_size`.
        right_size: likewise.
        shuffle: shuffle before splitting.
        seed: of the shuffling.
        preferred_backend: "tensorflow", "torch" or None; the parts are lamella's own data sets in every case.

    Returns:
        Two data sets of samples; `.batch(32)` makes batches.

    Raises:
        ArgumentError: for sizes that do not fit.
        ArgumentTypeError: for data, or sizes, of a type that cannot be split.

    Example:
        >>> import numpy as np
        >>> from lamella.utils import split_dataset
        >>> left, right = split_dataset(np.arange(10), left_size=0.8)
        >>> len(left), [int(n) for n in right]
        (8, [8, 9])
    """
    if preferred_backend not in (None, "tensorflow", "torch", "jax", "numpy"):
        raise ArgumentError(f"`preferred_backend` must be 'tensorflow', 'torch' or None; got {preferred_backend!r}.")
    samples = _samples(dataset)
    total = len(samples)
    left, right = _sizes(total, left_size, right_size)
    if shuffle:
        order = np.random.default_rng(seed).permutation(total)
        samples = [samples[i] for i in order]
    parts = samples[:left], samples[total - right :] if right else []
    first, second = (Dataset(lambda part=part: iter(part), len(part)) for part in parts)
    return first, second


def _samples(dataset: Any) -> list[Any]:
    if isinstance(dataset, (np.ndarray, list, tuple, dict)) or _registry.owner(dataset) is not None:
        arrays = _tree.map_structure(lambda a: np.asarray(_registry.to_numpy(a)), dataset)
        flat = _tree.flatten(arrays)
        lengths = {len(a) if a.ndim else None for a in flat}
        if len(lengths) == 1 and None not in lengths:
            return [_tree.map_structure(lambda a, i=i: a[i], arrays) for i in range(len(flat[0]))]
        raise DataError(
            f"split_dataset needs arrays of one length; got arrays of the shapes {[a.shape for a in flat]}."
        )
    if isinstance(dataset, (str, bytes, set, frozenset)):
        raise ArgumentTypeError(f"split_dataset needs a data set, arrays or samples; got a {type(dataset).__name__}.")
    if hasattr(dataset, "as_numpy_iterator"):
        return list(dataset.as_numpy_iterator())
    if hasattr(dataset, "__getitem__") and hasattr(dataset, "__len__"):
        return [dataset[i] for i in range(len(dataset))]
    if hasattr(dataset, "__iter__"):
        return list(dataset)
    raise ArgumentTypeError(
        "The `dataset` argument must be an array, a list or tuple of arrays, or a data set of TensorFlow, PyTorch or "
        f"lamella. Got {type(dataset).__name__}."
    )


def _sizes(total: int, left_size: Any, right_size: Any) -> tuple[int, int]:
    if left_size is None and right_size is None:
        raise ArgumentError(
            "At least one of the `left_size` or `right_size` must be specified. Received: left_size=None and "
            "right_size=None"
        )
    found: list[int | None] = []
    for name, size in (("left_size", left_size), ("right_size", right_size)):
        if size is None:
            found.append(None)
        elif isinstance(size, (int, np.integer)) and not isinstance(size, bool) and 0 < size < total:
            found.append(int(size))
        elif isinstance(size, (float, np.floating)) and 0 < size < 1:
            found.append(round(float(size) * total))
        else:
            wrong = ArgumentError if isinstance(size, (int, float, np.number)) else ArgumentTypeError
            raise wrong(
                f"`{name}` must be a fraction in (0, 1), or an integer in (0, {total}), the number of samples. Received: "
                f"{name}={size!r}"
            )
    left, right = found
    left = total - (right or 0) if left is None else left
    right = total - left if right is None else right
    if left + right > total:
        raise ArgumentError(
            f"The sum of `left_size` and `right_size` must not exceed the number of samples, {total}. Received: "
            f"left_size={left_size!r} and right_size={right_size!r}"
        )
    if left < 1 or right < 1:
        raise ArgumentError(f"A part of the split of {total} samples would be empty: {left} and {right} samples.")
    return left, right


def check_format(format: Any) -> None:
    """Refuse another `format` than "tf" and "grain"."""
    if format not in ("tf", "grain"):
        raise ArgumentError(f'`format` must be "tf" or "grain". Received: format={format!r}')


__all__ = ["check_format", "pad_sequences", "split_dataset", "stacked", "timeseries_dataset_from_array"]
