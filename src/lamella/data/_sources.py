"""Where batches come from: arrays that are all there, or a stream that brings them one by one."""

import math
from collections.abc import Generator, Iterable, Iterator, Sequence
from typing import Any, cast

import numpy as np

from lamella.backend import _registry
from lamella.core import _distribution, _tree
from lamella.data import _checks
from lamella.data._packing import unpack_x_y_sample_weight
from lamella.data._py_dataset import PyDataset, WorkingAhead
from lamella.errors import DataError


class ArraySource:
    """Arrays in memory, cut into batches by index.

    Attributes:
        data: (x, y, sample_weight), structures of arrays.
        size: the number of samples.
        batch_size: samples a step; the last batch of an epoch may have fewer.
        steps: batches an epoch.
    """

    def __init__(self, x: Any, y: Any, sample_weight: Any, batch_size: int, shuffle: Any = False):
        self.data = (x, y, sample_weight)
        self.size = _checks.check_lengths(_checks.flat_arrays(x, y, sample_weight))
        self.batch_size = min(batch_size, self.size)
        self.shuffle = shuffle
        self.steps = math.ceil(self.size / self.batch_size)
        self._resident: Any = None
        self._rest = np.zeros(0, np.int32)
        self._ahead: np.ndarray | None = None

    def resident(self) -> Any:
        """The data as arrays of the active backend, moved there once. Float64 becomes `floatx()`."""
        if self._resident is None:
            adapter = _registry.active()
            self._resident = _tree.map_structure(
                lambda a: None if a is None else _distribution.replicated(adapter.share(a)), self.data
            )
        return self._resident

    def order(self, random: np.random.Generator) -> np.ndarray:
        """The order of the samples in the next epoch, int32 of shape (size,)."""
        if self._ahead is not None:
            ahead, self._ahead = self._ahead, None
            return ahead
        if self.shuffle == "batch":
            whole = self.size // self.batch_size
            blocks = random.permutation(whole)[:, None] * self.batch_size + np.arange(self.batch_size)
            return np.concatenate([blocks.ravel(), np.arange(whole * self.batch_size, self.size)]).astype(np.int32)
        if self.shuffle:
            return random.permutation(self.size).astype(np.int32)
        return np.arange(self.size, dtype=np.int32)

    def draw_ahead(self, random: np.random.Generator) -> None:
        """Draw the next `order` now, while the device computes."""
        self._ahead = self.order(random)

    def next_order(self, limit: int | None, random: np.random.Generator) -> np.ndarray:
        """`order`; with a `limit` of steps an epoch, what is left of the last one, until nothing is."""
        if limit is None:
            return self.order(random)
        order = self._rest if len(self._rest) else self.order(random)
        self._rest = order[limit * self.batch_size :]
        return order

    def first_batch(self) -> Any:
        """A batch to build on."""
        n = self.batch_size
        return _tree.map_structure(lambda a: None if a is None else a[:n], self.data)


class StreamSource:
    """An iterable of batches: a generator, a data set of some library, a `PyDataset`.

    Attributes:
        steps: batches an epoch, or None when only the end of the stream tells.
    """

    batch_size: int | None = None

    def __init__(self, stream: Any, steps: int | None = None, class_weight: dict | None = None):
        self.stream = stream
        self.steps = steps if steps is not None else stream_length(stream)
        self.class_weight = class_weight
        self._iterator: Iterator[Any] | None = None
        self._peeked: list = []
        self._restartable = not isinstance(stream, Iterator)
        # Where an epoch has fewer steps than a data set has batches, the next one goes on; other libraries begin anew.
        self._continues = isinstance(stream, WorkingAhead)
        self._order_before: Any = None  # the state of the generator that ordered the batches under way
        self.taken = 0  # batches that epochs took since the stream was begun

    def go_to(self, taken: int) -> None:
        """Leave out the first `taken` batches of the stream, from its beginning where it can be begun anew."""
        if self._restartable:
            self._iterator, self._peeked, self.taken = None, [], 0
        if taken and self._iterator is None:
            self._begin()
        for _ in range(taken - self.taken):
            if self._peeked:
                self._peeked.pop()
            else:
                next(cast(Any, self._iterator), None)
        self.taken = taken

    def first_batch(self) -> Any:
        """A batch to build on; it is not lost to the epoch."""
        if not self._peeked:
            if self._iterator is None:
                self._begin()
            batch = next(cast(Any, self._iterator), None)
            if batch is None:
                raise DataError("The data set yields no batches.")
            self._peeked.append(self._standard(batch))
        return self._peeked[0]

    def epoch(self, limit: int | None) -> Iterator[Any]:
        """The batches of one epoch, at most `limit`; a stream that goes on is continued by the next epoch."""
        if self._iterator is None:
            self._begin()
        count = 0
        while limit is None or count < limit:
            if self._peeked:
                batch = self._peeked.pop()
            else:
                batch = next(cast(Any, self._iterator), None)
                if batch is None:
                    if self._continues and count:
                        self._iterator, self.taken = None, 0
                        break
                    if self._restartable and limit is not None and (count or (self._continues and self.taken)):
                        self._begin()  # fewer batches than steps_per_epoch: start over
                        batch = next(cast(Any, self._iterator), None)
                    if batch is None:
                        break
                batch = self._standard(batch)
            count += 1
            self.taken += 1
            yield batch
        if limit is None or (self._restartable and not self._continues and self.steps == limit):
            self._iterator = None
            self.taken = 0 if self._restartable else self.taken

    def shuffle(self, random: np.random.Generator) -> None:
        """Let a `PyDataset` yield its batches in an order that `random` draws anew each time."""
        if self._continues:
            self.stream.random = random

    def order_state(self, random: np.random.Generator) -> Any:
        """The state of `random` from which the batches under way, or the next ones, are ordered."""
        under_way = self._iterator is not None and self._order_before is not None
        return self._order_before if under_way else random.bit_generator.state

    def _begin(self) -> None:
        if self._continues and self.stream.random is not None:
            self._order_before = self.stream.random.bit_generator.state
        self._iterator = iter(self.stream)
        self.taken = 0 if self._restartable else self.taken

    def end_epoch(self) -> None:
        """Tell a data set that has `on_epoch_end` that the epoch is over."""
        hook = getattr(self.stream, "on_epoch_end", None)
        if callable(hook):
            hook()

    def begin_epoch(self) -> None:
        """Tell a data set that has `on_epoch_begin` that an epoch begins."""
        hook = getattr(self.stream, "on_epoch_begin", None)
        if callable(hook):
            hook()

    def _standard(self, batch: Any) -> Any:
        x, y, weight = unpack_x_y_sample_weight(_tree.map_structure(_host, batch))
        if self.class_weight is not None:
            weight = class_weights_to_sample_weights(y, self.class_weight, weight)
        if weight is not None and y is None:
            raise DataError("The data set yields sample weights without targets.")
        return x, y, weight


def stream_length(stream: Any) -> int | None:
    """The number of batches of a stream, where it says so."""
    for name in ("num_batches", "__len__"):
        measure = getattr(stream, name, None)
        if measure is not None and not isinstance(stream, Iterator):
            try:
                value = measure() if callable(measure) else measure
            except (TypeError, NotImplementedError):
                continue
            return None if value is None else int(cast(Any, value))
    cardinality = getattr(stream, "cardinality", None)
    if callable(cardinality):
        size = int(cast(Any, cardinality()))
        return size if size >= 0 else None
    return None


def _host(value: Any) -> Any:
    """Tensors of data libraries as NumPy arrays; what the active backend computes with stays."""
    if value is None or isinstance(value, (np.ndarray, bool, int, float)):
        return np.asarray(value) if isinstance(value, (bool, int, float)) else value
    name = _registry.owner(value)
    if name is not None and name != _registry.backend():
        return _registry.to_numpy(value) if name != "torch" else value.detach().cpu().numpy()
    if hasattr(value, "to_numpy"):
        return value.to_numpy()
    return value if hasattr(value, "shape") else np.asarray(value)


def is_stream(x: Any) -> bool:
    """Whether `x` brings batches by itself, rather than being an array or a structure of arrays."""
    if x is None or isinstance(x, (list, tuple, dict, str, bytes)) or hasattr(x, "shape"):
        return False
    if hasattr(x, "to_numpy") or hasattr(x, "toarray"):
        return False
    return isinstance(x, (Iterable, Iterator)) or hasattr(x, "__getitem__")


def class_weights_to_sample_weights(y: Any, class_weight: dict, sample_weight: Any = None) -> np.ndarray:
    """The weight of each sample: that of its class (1 where the class has none), times `sample_weight`.

    Args:
        y: labels of shape (n,) or (n, 1), or one-hot rows (n, classes).
        class_weight: class index -> weight.
        sample_weight: per-sample weights (n,), or None.

    Raises:
        DataError: for targets with several outputs, or without targets.
    """
    if y is None:
        raise DataError("`class_weight` needs targets: give `y`.")
    if len(_checks.leaves(y)) != 1:
        raise DataError("`class_weight` is only supported for Models with a single output.")
    labels = np.asarray(_registry.to_numpy(_checks.leaves(y)[0]))
    if labels.ndim > 2:
        raise DataError(f"`class_weight` not supported for 3+ dimensional targets; got shape {labels.shape}.")
    if labels.ndim == 2:
        labels = labels.argmax(axis=1) if labels.shape[1] > 1 else labels[:, 0]
    labels = np.round(labels).astype(np.int64)
    weights = np.ones(labels.shape, np.float32)
    for index, weight in class_weight.items():
        weights[labels == int(index)] = weight
    if sample_weight is not None:
        weights = weights * np.asarray(sample_weight, np.float32)
    return weights


def make_source(
    x: Any,
    y: Any = None,
    sample_weight: Any = None,
    *,
    batch_size: int | None = None,
    shuffle: Any = False,
    class_weight: dict | None = None,
    steps: int | None = None,
    what: str = "fit",
) -> ArraySource | StreamSource:
    """The source of batches for what a user gave.

    Raises:
        DataError: for data that cannot be used; it names the argument, what was given and what was expected.
    """
    if steps is not None and (isinstance(steps, bool) or not isinstance(steps, (int, np.integer)) or steps < 1):
        raise DataError(f"The number of steps must be a positive integer or None; got {steps!r}.")
    if isinstance(x, Sequence) and not isinstance(x, (list, tuple)) and y is not None:
        x = x[:]  # rows that are read when asked for
    if is_stream(x):
        for name, value in (("y", y), ("sample_weight", sample_weight)):
            if value is not None:
                raise DataError(
                    f"When `x` is a {type(x).__name__}, it yields targets and weights itself: `{name}` must be None."
                )
        if batch_size is not None and what != "predict" and not hasattr(x, "shape"):
            raise DataError(
                f"When `x` is a {type(x).__name__}, it decides about batches itself: `batch_size` must not be given; "
                f"got {batch_size}."
            )
        if class_weight is not None and isinstance(x, Generator):
            raise DataError(
                "Argument `class_weight` is not supported for Python generator inputs: let the generator yield "
                f"(x, y, sample_weight). Received: class_weight={class_weight}"
            )
        return StreamSource(_library_stream(x), steps, class_weight)
    if x is None:
        raise DataError(f"`{what}` needs data: `x` is None.")
    x = _checks.as_arrays("x", x)
    y = _checks.as_arrays("y", y)
    sample_weight = _checks.as_arrays("sample_weight", sample_weight)
    arrays = _checks.flat_arrays(x, y, sample_weight)
    _checks.check_lengths(arrays)
    if batch_size is None:
        batch_size = 32 if steps is None or not arrays else max(1, -(-len(arrays[0][1]) // steps))
    size = _checks.check_batch_size(batch_size)
    _checks.warn_if_not_finite(arrays)
    if class_weight is not None:
        if sample_weight is not None:
            raise DataError("`class_weight` and `sample_weight` cannot be given at the same time: multiply them.")
        sample_weight = class_weights_to_sample_weights(y, class_weight)
    return ArraySource(x, y, sample_weight, size, shuffle)


def _library_stream(x: Any) -> Any:
    if isinstance(x, PyDataset):
        return WorkingAhead(x)
    if not isinstance(x, Iterable) and hasattr(x, "__getitem__") and hasattr(x, "__len__"):
        return _Indexed(x)
    return x


class _Indexed:
    """A sequence of batches (`__getitem__`, `__len__`) as an iterable of them."""

    def __init__(self, sequence: Any):
        self.sequence = sequence

    def __iter__(self) -> Iterator[Any]:
        return (self.sequence[i] for i in range(len(self.sequence)))

    def __len__(self) -> int:
        return len(self.sequence)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.sequence, name)


def split_validation(x: Any, y: Any, sample_weight: Any, fraction: float) -> tuple[tuple, tuple]:
    """The first samples for training and the last `fraction` of them for validation, before any shuffling.

    Raises:
        DataError: when the fraction is not in (0, 1), the data is a stream, or a part would be empty.
    """
    if not 0 < fraction < 1:
        raise DataError(f"`validation_split` must be in (0, 1); got {fraction!r}.")
    if is_stream(x):
        raise DataError("`validation_split` needs arrays: a stream cannot be split. Give `validation_data` instead.")
    data = tuple(_checks.as_arrays(n, v) for n, v in (("x", x), ("y", y), ("sample_weight", sample_weight)))
    size = _checks.check_lengths(_checks.flat_arrays(*data))
    at = math.floor(size * (1.0 - fraction))
    if at == 0 or at == size:
        raise DataError(
            f"Training data contains {size} samples, which is not sufficient to split it into a validation and training "
            f"set as specified by `validation_split={fraction}`. Either provide more data, or a different value."
        )

    def cut(part: slice) -> tuple:
        return tuple(_tree.map_structure(lambda a: None if a is None else a[part], d) for d in data)

    return cut(slice(None, at)), cut(slice(at, None))
