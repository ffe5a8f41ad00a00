"""A data set that can be gone through many times, one element after the other, made anew each time."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from lamella.core import _tree


class Dataset:
    """Elements (samples or batches) that come in order, with the methods of `tf.data.Dataset` that programs use most.

    `fit` and its kin take one of batches. Elements are NumPy arrays in any structure.

    Args:
        make: makes a new iterator over the elements.
        length: their number, or None where only the end tells.

    Attributes:
        class_names, file_paths: of data sets made from a directory.

    Example:
        >>> from lamella.data._dataset import Dataset
        >>> numbers = Dataset(lambda: iter(range(5)), 5)
        >>> [batch.tolist() for batch in numbers.map(lambda n: n * 10).batch(2)]
        [[0, 10], [20, 30], [40]]
    """

    class_names: list[str] | None = None
    file_paths: list[str] | None = None

    def __init__(self, make: Callable[[], Iterator[Any]], length: int | None):
        self._make = make
        self._length = length

    def __iter__(self) -> Iterator[Any]:
        return self._make()

    def __len__(self) -> int:
        if self._length is None:
            raise TypeError("The length of this data set is not known before it has been gone through.")
        return self._length

    @property
    def num_batches(self) -> int | None:
        """The number of elements; None where it is not known, or infinite."""
        return self._length

    def cardinality(self) -> int:
        """The number of elements; -2 where it is not known."""
        return -2 if self._length is None else self._length

    def as_numpy_iterator(self) -> Iterator[Any]:
        """The elements."""
        return iter(self)

    def _with(self, make: Callable[[], Iterator[Any]], length: int | None) -> "Dataset":
        new = Dataset(make, length)
        new.class_names, new.file_paths = self.class_names, self.file_paths
        return new

    def map(self, map_func: Callable, num_parallel_calls: Any = None, deterministic: Any = None) -> "Dataset":
        """`map_func` of every element; of a tuple, `map_func(*element)`."""

        def elements() -> Iterator[Any]:
            return (map_func(*e) if isinstance(e, tuple) else map_func(e) for e in self)

        return self._with(elements, self._length)

    def filter(self, predicate: Callable) -> "Dataset":
        """The elements for which `predicate` holds."""

        def elements() -> Iterator[Any]:
            return (e for e in self if (predicate(*e) if isinstance(e, tuple) else predicate(e)))

        return self._with(elements, None)

    def take(self, count: int) -> "Dataset":
        """The first `count` elements; all for -1."""
        if count < 0:
            return self
        return self._with(
            lambda: itertools.islice(iter(self), count), None if self._length is None else min(count, self._length)
        )

    def skip(self, count: int) -> "Dataset":
        """The elements without the first `count`."""
        return self._with(
            lambda: itertools.islice(iter(self), count, None),
            None if self._length is None else max(self._length - count, 0),
        )

    def repeat(self, count: int | None = None) -> "Dataset":
        """The elements `count` times over; without end for None or -1."""
        endless = count is None or count < 0

        def elements() -> Iterator[Any]:
            return (e for _ in (itertools.count() if endless else range(count or 0)) for e in self)

        return self._with(elements, None if endless or self._length is None else self._length * (count or 0))

    def shuffle(self, buffer_size: int, seed: int | None = None, reshuffle_each_iteration: bool = True) -> "Dataset":
        """The elements in another order: each is drawn from the next `buffer_size`."""
        random = np.random.default_rng(seed)

        def elements() -> Iterator[Any]:
            draw = random if reshuffle_each_iteration else np.random.default_rng(seed)
            waiting: list[Any] = []
            for element in self:
                waiting.append(element)
                if len(waiting) >= buffer_size:
                    at = int(draw.integers(len(waiting)))
                    waiting[at], waiting[-1] = waiting[-1], waiting[at]
                    yield waiting.pop()
            yield from (waiting[i] for i in draw.permutation(len(waiting)))

        return self._with(elements, self._length)

    def batch(self, batch_size: int, drop_remainder: bool = False) -> "Dataset":
        """Arrays of `batch_size` elements each; the last may be smaller, or is left out with `drop_remainder`."""

        def elements() -> Iterator[Any]:
            source = iter(self)
            while group := list(itertools.islice(source, batch_size)):
                if len(group) == batch_size or not drop_remainder:
                    yield stacked(group)

        count = self._length
        if count is not None:
            count = count // batch_size if drop_remainder else -(-count // batch_size)
        return self._with(elements, count)

    def unbatch(self) -> "Dataset":
        """The samples of the batches, one by one."""

        def elements() -> Iterator[Any]:
            for element in self:
                size = len(_tree.flatten(element)[0])
                yield from (_tree.map_structure(lambda a, i=i: a[i], element) for i in range(size))

        return self._with(elements, None)

    def cache(self, filename: str = "") -> "Dataset":
        """The same elements, kept in memory once all have been made; a file is not used."""
        kept: list[Any] = []

        def elements() -> Iterator[Any]:
            if kept:
                return iter(kept[0])
            return remember()

        def remember() -> Iterator[Any]:
            seen = []
            for element in self:
                seen.append(element)
                yield element
            kept[:] = [seen]

        return self._with(elements, self._length)

    def prefetch(self, buffer_size: Any = None) -> "Dataset":
        """The data set itself: `fit` works ahead by itself."""
        return self


def stacked(elements: list[Any]) -> Any:
    """Elements of one structure as one of arrays with a new first axis."""
    return _tree.map_structure(lambda *leaves: np.stack([np.asarray(leaf) for leaf in leaves]), *elements)
