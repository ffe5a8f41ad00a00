"""Data sets written in Python, whose batches are made by several workers at once."""

import concurrent.futures
import hashlib
import itertools
import multiprocessing
import pickle
import shutil
import tempfile
import warnings
import weakref
from collections import deque
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import numpy as np

from lamella.errors import DataError

_PATIENCE = 30.0  # seconds that one batch may take before we say which one it is


class PyDataset:
    """Batches by number: `__getitem__(index)` is a whole batch, `__len__()` the number of batches.

    A data set of your own may define `on_epoch_begin` and `on_epoch_end`. `fit` and its kin make batches ahead with
    the workers; going through the data set by hand uses none.

    Args:
        workers: how many batches are made at once; 0 or 1 for one, in the main thread.
        use_multiprocessing: processes instead of threads; the data set must then be picklable.
        max_queue_size: how many batches may be ready or under way.

    Example:
        >>> import numpy as np
        >>> import lamella as keras
        >>> class Squares(keras.utils.PyDataset):
        ...     def __len__(self):
        ...         return 3
        ...     def __getitem__(self, index):
        ...         x = np.full((4, 1), float(index))
        ...         return x, x**2
        >>> Squares(workers=2).num_batches
        3
    """

    def __init__(self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10):
        self._workers = workers
        self._use_multiprocessing = use_multiprocessing
        self._max_queue_size = max_queue_size

    def _option(self, name: str, default: Any) -> Any:
        if f"_{name}" not in self.__dict__:
            warnings.warn(
                f"Your `PyDataset` class {type(self).__name__} should call `super().__init__(**kwargs)` in its "
                "constructor. `**kwargs` can include `workers`, `use_multiprocessing`, `max_queue_size`. Do not pass "
                "these arguments to `fit()`, as they will be ignored.",
                stacklevel=3,
            )
            self.__dict__[f"_{name}"] = default
        return self.__dict__[f"_{name}"]

    @property
    def workers(self) -> int:
        """How many batches are made at once."""
        return self._option("workers", 1)

    @workers.setter
    def workers(self, value: int) -> None:
        self._workers = value

    @property
    def use_multiprocessing(self) -> bool:
        """Whether workers are processes."""
        return self._option("use_multiprocessing", False)

    @use_multiprocessing.setter
    def use_multiprocessing(self, value: bool) -> None:
        self._use_multiprocessing = value

    @property
    def max_queue_size(self) -> int:
        """How many batches may be ready or under way."""
        return self._option("max_queue_size", 10)

    @max_queue_size.setter
    def max_queue_size(self, value: int) -> None:
        self._max_queue_size = value

    def __getitem__(self, index: int) -> Any:
        """The batch number `index`. Subclasses define it."""
        raise NotImplementedError(f"{type(self).__name__} must define `__getitem__(index)`, a whole batch.")

    @property
    def num_batches(self) -> int | None:
        """The number of batches: `len`, where it is defined."""
        measure = getattr(self, "__len__", None)
        return None if measure is None else measure()

    def on_epoch_begin(self) -> None:
        """Called before each epoch."""

    def on_epoch_end(self) -> None:
        """Called after each epoch."""


class WorkingAhead:
    """A `PyDataset` as a stream, its batches made ahead by its workers, in order.

    Args:
        dataset: the data set.
        patience: seconds after which a batch that is not there yet is named in a warning.
    """

    def __init__(self, dataset: PyDataset, patience: float = _PATIENCE):
        self.dataset = dataset
        self.patience = patience
        self.random: np.random.Generator | None = None  # draws the order of the batches; None for their own
        self._workers: _Threads | _Processes | None = None  # they stay from one epoch to the next

    def __getattr__(self, name: str) -> Any:
        return getattr(self.dataset, name)

    @property
    def num_batches(self) -> int | None:
        """The number of batches."""
        return self.dataset.num_batches

    def __iter__(self) -> Iterator[Any]:
        count = self.dataset.num_batches
        if count is None:
            numbers: Iterator[int] = itertools.count()
        else:
            numbers = iter(range(count) if self.random is None else self.random.permutation(count).tolist())
        if self.dataset.workers <= 1 and not self.dataset.use_multiprocessing:
            return (self.dataset[number] for number in numbers)
        return self._ahead(numbers)

    def _ahead(self, numbers: Iterator[int]) -> Iterator[Any]:
        if self._workers is None:
            self._workers = (_Processes if self.dataset.use_multiprocessing else _Threads)(self.dataset)
        workers = self._workers
        workers.begin()
        waiting: deque[tuple[int, concurrent.futures.Future]] = deque()
        try:
            while True:
                while len(waiting) < max(self.dataset.max_queue_size, 1):
                    number = next(numbers, None)
                    if number is None:
                        break
                    waiting.append((number, workers.submit(number)))
                if not waiting:
                    return
                yield self._result(*waiting.popleft())
        finally:
            for _, future in waiting:
                future.cancel()

    def _result(self, index: int, future: concurrent.futures.Future) -> Any:
        while True:
            try:
                return future.result(timeout=self.patience)
            except concurrent.futures.TimeoutError:
                if future.done():  # the data set's own TimeoutError
                    raise
                warnings.warn(
                    f"{type(self.dataset).__name__}: batch {index} has not been made after {self.patience:g} seconds; "
                    "still waiting.",
                    stacklevel=2,
                )
            except BrokenProcessPool as error:
                self._workers = None
                raise DataError(
                    f"A worker process of {type(self.dataset).__name__} died while batch {index} was waited for. "
                    "Memory that ran out is a common cause; so is a main program without `if __name__ == '__main__':`."
                ) from error


class _Threads:
    """Threads that make batches."""

    def __init__(self, dataset: PyDataset):
        self.dataset = dataset
        self.pool = concurrent.futures.ThreadPoolExecutor(dataset.workers)

    def begin(self) -> None:
        """Begin an epoch."""

    def submit(self, index: int) -> concurrent.futures.Future:
        """Have a batch made."""
        return self.pool.submit(self.dataset.__getitem__, index)


class _Processes:
    """Processes that make batches. They live as long as this object, and are told when an epoch changed the data set."""

    def __init__(self, dataset: PyDataset):
        self.dataset = dataset
        self.directory = tempfile.mkdtemp(prefix="lamella-")
        weakref.finalize(self, shutil.rmtree, self.directory, ignore_errors=True)
        self.file = self.before = Path(self.directory)
        # They begin anew: a fork would copy the threads' locks of an array library in whatever state they are.
        context = multiprocessing.get_context("spawn")
        self.pool = concurrent.futures.ProcessPoolExecutor(max(dataset.workers, 1), context)

    def begin(self) -> None:
        """Begin an epoch: write the data set down where it is not what the processes have."""
        pickled = pickle.dumps(self.dataset)
        file = Path(self.directory, hashlib.sha256(pickled).hexdigest())
        if file == self.file:
            return
        if self.before.is_file() and self.before != file:  # nobody reads that one any more
            self.before.unlink()
        file.write_bytes(pickled)
        self.before, self.file = self.file, file

    def submit(self, index: int) -> concurrent.futures.Future:
        """Have a batch made."""
        return self.pool.submit(_make, str(self.file), index)


_here: tuple[str, Any] = ("", None)  # in a process that makes batches: the file that it read, and the data set


def _make(file: str, index: int) -> Any:
    global _here
    if file != _here[0]:
        with open(file, "rb") as stream:
            _here = (file, pickle.load(stream))  # written by the process that began this one, in a directory of its own
    return _here[1][index]
