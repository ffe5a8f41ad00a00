"""Counting tokens of data that comes in batches."""

from typing import Any

import numpy as np

from lamella.layers._preprocessing_columns import arrow

__all__ = ["Counts", "first_repeated"]

_MERGE = 64  # batches that are counted one by one before their counts are added up


class Counts:
    """How often each token occurred, and in how many documents: a table, not the data, is kept.

    Args:
        kind: the Arrow type of the tokens.

    Attributes:
        documents: the number of documents seen.
    """

    def __init__(self, kind: Any):
        self._kind = kind
        self._parts: list[Any] = []
        self._merge_at = _MERGE
        self.documents = 0

    def add(self, tokens: Any, rows: np.ndarray | None, documents: int) -> None:
        """Count `tokens`; those with the same number in `rows` are of one document."""
        pa, pc = arrow()
        counted = pc.value_counts(tokens)
        part = {"token": counted.field("values"), "count": counted.field("counts")}
        if rows is not None:
            pairs = pa.table({"token": tokens, "row": rows}).group_by(["token", "row"]).aggregate([])
            seen = pairs.group_by("token").aggregate([("row", "count")])
            part = {"token": part["token"], "count": part["count"]}
            joined = pa.table(part).join(seen, "token")
            part = {name: joined[name] for name in ("token", "count")} | {"documents": joined["row_count"]}
        else:
            part["documents"] = pa.nulls(len(counted), pa.int64())
        self._parts.append(
            pa.table({k: _typed(v, self._kind if k == "token" else pa.int64()) for k, v in part.items()})
        )
        self.documents += documents
        if len(self._parts) >= self._merge_at:
            self._merge()

    def _merge(self) -> Any:
        pa, _ = arrow()
        table = pa.concat_tables(self._parts)
        table = table.group_by("token").aggregate([("count", "sum"), ("documents", "sum")])
        self._parts = [table.rename_columns(["token", "count", "documents"])]
        return self._parts[0]

    def most_frequent(self, room: int | None, without: set) -> tuple[Any, np.ndarray]:
        """(the `room` most frequent tokens, the number of documents of each); ties in descending order.

        Tokens in `without` are left out.
        """
        pa, pc = arrow()
        table = self._merge()
        if without:
            reserved = pa.array(list(without), self._kind)
            table = table.filter(pc.invert(pc.is_in(table["token"], value_set=reserved)))
        order = pc.sort_indices(table, sort_keys=[("count", "descending"), ("token", "descending")])
        table = table.take(order[: len(order) if room is None else max(room, 0)])
        tokens = table["token"].combine_chunks()
        return _one(tokens), np.asarray(pc.fill_null(table["documents"], 0))


def first_repeated(tokens: Any) -> list:
    """Up to ten tokens that stand in `tokens` more than once."""
    pa, pc = arrow()
    counted = pc.value_counts(tokens)
    if len(counted) == len(tokens):
        return []
    many = counted.filter(pc.greater(counted.field("counts"), pa.scalar(1)))
    return many.field("values")[:10].to_pylist()


def _typed(values: Any, kind: Any) -> Any:
    return values if values.type == kind else values.cast(kind)


def _one(array: Any) -> Any:
    pa, _ = arrow()
    if isinstance(array, pa.ChunkedArray):
        return array.chunk(0) if array.num_chunks else pa.array([], array.type)
    return array
