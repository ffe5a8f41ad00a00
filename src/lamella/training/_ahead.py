"""Streams that keep pace with the steps: batches gathered into groups, and the next one fetched while one computes."""

import math
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from lamella.backend import _registry
from lamella.backend._dtypes import standardize_dtype
from lamella.backend._numpy_arrays import aligned
from lamella.core import _tree
from lamella.training import _steps

# A stream's batches are gathered into groups for one call of the program: up to so many steps or bytes, and where programs compute
# while the host goes on, for no longer than so many seconds, so that a slow stream and the steps keep pace.
STEPS = 64
BYTES = 64 * 2**20
SECONDS = 0.02


class Ahead:
    """What an iterator yields, the next of it fetched while the host would else wait. Its errors are told in their turn."""

    def __init__(self, items: Iterator[Any]):
        self._items = items
        self._fetched: tuple[Any, Exception | None] | None = None

    def fetch(self) -> None:
        """Have the next item ready."""
        if self._fetched is None:
            try:
                self._fetched = (next(self._items, None), None)
            except Exception as error:
                self._fetched = (None, error)

    def __iter__(self) -> Iterator[Any]:
        while True:
            self.fetch()
            (item, error), self._fetched = self._fetched, None  # type: ignore[misc]
            if error is not None:
                raise error
            if item is None:
                return
            yield item


def groups_of(batches: Iterator[Any], most: int, limit: int | None) -> Iterator[tuple[Any, np.ndarray, int]]:
    """Batches of equal shapes laid end to end: (data, table of indices, number of steps), for one call of a program."""
    patience = SECONDS if _registry.active().runs_ahead else math.inf
    group: list[Any] = []
    signature: Any = None
    others = 0  # groups of this signature before
    capacity = 1
    began = time.perf_counter()
    for batch in batches:
        found = _tree.map_structure(lambda a: None if a is None else (a.shape, str(a.dtype)), batch)
        if group and found != signature:
            yield _laid_out(group, capacity if others or len(group) > 1 else 1)
            group, began = [], time.perf_counter()
        if found != signature:
            signature, others = found, 0
            size = sum(int(getattr(a, "nbytes", 0)) for a in _tree.flatten(batch) if a is not None)
            capacity = max(1, min(most, limit or most, BYTES // max(size, 1)))
        group.append(batch)
        if len(group) == capacity or time.perf_counter() - began > patience:
            yield _laid_out(group, capacity)
            others += 1
            group, began = [], time.perf_counter()
    if group:  # a last, smaller batch stands for itself
        yield _laid_out(group, capacity if others or len(group) > 1 else 1)


def _laid_out(group: list[Any], capacity: int) -> tuple[Any, np.ndarray, int]:
    adapter = _registry.active()
    rows = _steps.batch_size_of(group[0][0] if isinstance(group[0], tuple) else group[0])

    def join(*leaves: Any) -> Any:
        if leaves[0] is None:
            return None
        if capacity == 1:
            return adapter.asarray(leaves[0])
        arrays = [_registry.to_numpy(leaf) for leaf in leaves]
        first = arrays[0]
        if first.dtype.kind not in "fiub":
            return adapter.asarray(np.concatenate([*arrays, *[np.zeros_like(first)] * (capacity - len(group))]))
        dtype = np.dtype(adapter.canonical_dtype(standardize_dtype(first.dtype)))
        joined = aligned((capacity * len(first), *first.shape[1:]), dtype)
        np.concatenate(arrays, out=joined[: len(group) * len(first)], casting="unsafe")  # the rest is never read
        return adapter.share(joined)

    data = _tree.map_structure(join, *group)
    return data, np.arange(capacity * rows, dtype=np.int32).reshape(capacity, rows), len(group)
