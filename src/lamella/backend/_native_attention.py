"""Machine code for attention, forward and backward, in which the weights of all pairs never stand in memory.

A thread takes a number of targets of one head and computes their logits, weights and results in the second cache. The
backward pass computes the weights again from what was saved of each target: the largest logit, and one over the sum.
That is the way of Dao et al. (2022), FlashAttention, arXiv:2205.14135, with rows that are computed whole.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from lamella.backend import _dtypes
from lamella.backend._native_blocks import Blocks

_ROWS = 128
"""So many targets are looked at together."""

HIDDEN = -0.7 * _dtypes.finite_range("float32")[1]
"""The logit of what is masked; a target that sees nothing sees everything alike."""


class Sizes(NamedTuple):
    """What the machine code reads first; distances are in numbers, those of the mask in bytes."""

    batch: int
    targets: int
    sources: int
    heads: int
    groups: int
    size: int
    value_size: int
    causal: int
    masked: int
    mask_batch: int
    mask_head: int
    mask_target: int


_SPEC = ("parts", *Sizes._fields, "blocks", "scale")


def described(sizes: Sizes, scale: float, backward: bool) -> list[int]:
    """The numbers that the machine code reads first; `scale` as the bits of a float64."""
    blocks = 1 if backward else math.ceil(sizes.targets / _ROWS)
    heads = sizes.groups if backward else sizes.heads
    bits = int(np.float64(scale).view(np.int64))
    return [sizes.batch * heads * blocks, *sizes, blocks, bits]


class Attention(Blocks):
    """The handlers.

    `attention`: (numbers, query, key, value, mask) -> (result, largest logits, one over sums of weights).
    `attention_gradient`: (numbers, query, key, value, mask, result, largest, one over sums, upstream) -> (query, key, value).
    """

    handlers = ("attention", "attention_gradient")

    def __init__(self, lanes: int):
        super().__init__(lanes)
        self.row_logits = self._row_logits()
        self.exp_row = self._exp_row()
        self.scaled_copy = self._scaled_copy()
        self.slopes = self._slopes()
        self.handler("attention", self._forward(), 5, 3)
        self.handler("attention_gradient", self._backward(), 9, 3)

    # ---- rows --------------------------------------------------------------------------------------------

    @contextmanager
    def _vectors(self, b: Any, count: Any) -> Iterator[Any]:
        with self.loop(b, self.number(0), count, self.number(self.lanes)) as column:
            yield column

    def _folded(self, b: Any, vector: Any, step: Any) -> Any:
        """All lanes put together, two by two."""
        size = self.lanes
        while size > 1:
            size //= 2
            other = b.shuffle_vector(
                vector, vector, self.places([(lane + size) % self.lanes for lane in range(self.lanes)])
            )
            vector = step(vector, other)
        return b.extract_element(vector, self.ir.IntType(32)(0))

    def _row_logits(self) -> Any:
        """Scales and masks a row of logits: (logits, sources, scale, seen, mask or null) -> the largest.

        Sources from `seen` on are masked, as are those where the mask is 0. Lanes behind the sources become -inf.
        """
        i, p = self.int, self.pointer
        function, b, (logits, sources, scale, seen, mask) = self.function(
            "row_logits", [p, i, self.float, i, p], self.float
        )
        largest = self.space(b, self.vector)
        b.store(self.constant(-math.inf), largest)
        factor = self.splat(b, scale)
        with self._vectors(b, sources) as column:
            place = self.at(b, logits, column)
            there = self.flags(b, column, sources)
            shown = b.and_(self.flags(b, column, seen), self._unmasked(b, mask, column, there))
            values = b.select(shown, b.fmul(self.load(b, place), factor), self.constant(HIDDEN))
            values = b.select(there, values, self.constant(-math.inf))
            b.store(values, place, align=4)
            b.store(self.larger(b, values, b.load(largest, typ=self.vector)), largest)
        b.ret(self._folded(b, b.load(largest, typ=self.vector), lambda x, y: self.larger(b, x, y)))
        return function

    def _unmasked(self, b: Any, mask: Any, column: Any, there: Any) -> Any:
        """Where the mask, a byte for each source, is not 0; everywhere without one."""
        bytes_ = self.ir.VectorType(self.ir.IntType(8), self.lanes)
        ones, word = self.ir.Constant(bytes_, [1] * self.lanes), self.ir.IntType(32)
        found = self.space(b, bytes_)
        b.store(ones, found)
        with b.if_then(b.icmp_unsigned("!=", mask, self.ir.Constant(self.pointer, None))):
            place = b.gep(mask, [column], source_etype=self.ir.IntType(8))
            b.store(b.call(self.known("load_bytes"), [place, word(1), there, ones]), found)
        return b.icmp_unsigned("!=", b.load(found, typ=bytes_), self.ir.Constant(bytes_, [0] * self.lanes))

    def _exp_row(self) -> Any:
        """Makes exp(logits - largest) * factor of a row of logits: (logits, sources, largest, factor) -> the sum."""
        i, p = self.int, self.pointer
        function, b, (logits, sources, largest, factor) = self.function(
            "exp_row", [p, i, self.float, self.float], self.float
        )
        total = self.space(b, self.vector)
        b.store(self.constant(0.0), total)
        offset, factors = self.splat(b, largest), self.splat(b, factor)
        with self._vectors(b, sources) as column:
            place = self.at(b, logits, column)
            values = b.fmul(self.exp(b, b.fsub(self.load(b, place), offset)), factors)
            b.store(values, place, align=4)
            b.store(b.fadd(b.load(total, typ=self.vector), values), total)
        b.ret(self._folded(b, b.load(total, typ=self.vector), b.fadd))
        return function

    def _scaled_copy(self) -> Any:
        """Copies a row times a number: (columns, factor, source, out)."""
        function, b, (columns, factor, source, out) = self.function(
            "scaled_copy", [self.int, self.float, self.pointer, self.pointer]
        )
        factors = self.splat(b, factor)
        with self._vectors(b, columns) as column:
            values = b.fmul(self.load(b, self.at(b, source, column)), factors)
            self.keep(b, values, self.at(b, out, column), self.flags(b, column, columns))
        b.ret_void()
        return function

    def _slopes(self) -> Any:
        """Makes the slopes of a row's logits of those of its weights.

        (weights, slopes, sources, size, upstream, result, scale, seen, mask or null); `size` is that of the values.
        """
        i, p = self.int, self.pointer
        function, b, (weights, slopes, sources, size, upstream, result, scale, seen, mask) = self.function(
            "slopes", [p, p, i, i, p, p, self.float, i, p]
        )
        total = self.space(b, self.vector)
        b.store(self.constant(0.0), total)
        with self._vectors(b, size) as column:
            there = self.flags(b, column, size)
            one, other = (self.some(b, self.at(b, x, column), there) for x in (upstream, result))
            b.store(self.fma(b, one, other, b.load(total, typ=self.vector)), total)
        mean = self.splat(b, self._folded(b, b.load(total, typ=self.vector), b.fadd))
        factor = self.splat(b, scale)
        with self._vectors(b, sources) as column:
            place = self.at(b, slopes, column)
            there = self.flags(b, column, sources)
            shown = b.and_(self.flags(b, column, seen), self._unmasked(b, mask, column, there))
            weight = b.fmul(self.load(b, self.at(b, weights, column)), factor)
            values = b.fmul(b.fsub(self.load(b, place), mean), weight)
            b.store(b.select(b.and_(shown, there), values, self.constant(0.0)), place, align=4)
        b.ret_void()
        return function

    # ---- a head ------------------------------------------------------------------------------------------

    def _begin(self, name: str, buffers: int) -> tuple[Any, Any, list, dict]:
        function, b, (shared, index, slot) = self.function(name, [self.pointer, self.int, self.pointer])
        spec = self.given(b, shared, 0)
        s = {name: self.entry(b, spec, place) for place, name in enumerate(_SPEC)}
        s["scale"] = b.fptrunc(self.entry(b, spec, _SPEC.index("scale"), self.ir.DoubleType()), self.float)
        s["shared_by"] = b.sdiv(s["heads"], s["groups"])
        s["query_row"], s["key_row"] = b.mul(s["heads"], s["size"]), b.mul(s["groups"], s["size"])
        s["result_row"], s["value_row"] = b.mul(s["heads"], s["value_size"]), b.mul(s["groups"], s["value_size"])
        s["wide"] = self.padded(b, s["sources"])
        s["index"], s["slot"] = index, slot
        return function, b, [self.given(b, shared, place + 1) for place in range(buffers)], s

    def _head(self, b: Any, base: Any, rows: Any, s: dict, row: Any, head: Any, size: Any, first: Any = None) -> Any:
        """The numbers of a head, from the target or source `first` on, in an array (batch, rows, heads, size)."""
        place = b.mul(b.mul(s["sample"], rows), row)
        place = place if first is None else b.add(place, b.mul(first, row))
        return self.at(b, base, place, b.mul(head, size))

    def _shown(self, b: Any, s: dict, mask: Any, head: Any, target: Any) -> tuple[Any, Any]:
        """How many sources a target may see by its place, and its row of the mask, or null."""
        causal = b.icmp_signed("!=", s["causal"], self.number(0))
        seen = b.select(causal, self.least(b, b.add(target, self.number(1)), s["sources"]), s["sources"])
        place = b.mul(s["sample"], s["mask_batch"])
        for index, name in ((head, "mask_head"), (target, "mask_target")):
            place = b.add(place, b.mul(index, s[name]))
        row = b.gep(mask, [place], source_etype=self.ir.IntType(8))
        has = b.icmp_signed("!=", s["masked"], self.number(0))
        return seen, b.select(has, row, self.ir.Constant(self.pointer, None))

    def _block(self, b: Any, s: dict, begin: Any) -> Any:
        return self.least(b, self.number(_ROWS), b.sub(s["targets"], begin))

    def _statistic(self, b: Any, base: Any, s: dict, head: Any, target: Any) -> Any:
        """The number of a target in an array (batch, heads, targets)."""
        row = b.add(b.mul(s["sample"], s["heads"]), head)
        return self.at(b, base, b.mul(row, s["targets"]), target)

    def _logits(self, b: Any, s: dict, rows: Any, query: Any, packed: Any, logits: Any) -> None:
        step = s["query_row"], self.number(1)
        b.call(self.multiply, [rows, s["size"], s["wide"], query, *step, packed, logits, s["wide"], self.flag(0)])

    def _forward(self) -> Any:
        """(shared, index, slot)"""
        function, b, (query, key, value, mask, result, largest, share), s = self._begin("attention_part", 7)
        zero, one = self.number(0), self.number(1)
        begin = b.mul(b.srem(s["index"], s["blocks"]), self.number(_ROWS))
        left = b.sdiv(s["index"], s["blocks"])
        head, s["sample"] = b.srem(left, s["heads"]), b.sdiv(left, s["heads"])
        group = b.sdiv(head, s["shared_by"])
        rows, deep = self._block(b, s, begin), self.padded(b, s["value_size"])
        most = self.number(_ROWS)
        many = b.mul(s["size"], s["wide"]), b.mul(s["sources"], deep), b.mul(most, s["wide"]), b.mul(most, deep)
        keys, values, logits, out = self.scratch(b, s["slot"], *many)
        k = self._head(b, key, s["sources"], s, s["key_row"], group, s["size"])
        v = self._head(b, value, s["sources"], s, s["value_row"], group, s["value_size"])
        q = self._head(b, query, s["targets"], s, s["query_row"], head, s["size"], begin)
        o = self._head(b, result, s["targets"], s, s["result_row"], head, s["value_size"], begin)
        b.call(self.pack_all, [s["size"], s["sources"], k, one, s["key_row"], keys])
        b.call(self.pack_all, [s["sources"], s["value_size"], v, s["value_row"], one, values])
        self._logits(b, s, rows, q, keys, logits)
        with self.loop(b, zero, rows, one) as row:
            line, target = self.at(b, logits, b.mul(row, s["wide"])), b.add(begin, row)
            seen, shown = self._shown(b, s, mask, head, target)
            most = b.call(self.row_logits, [line, s["sources"], s["scale"], seen, shown])
            total = b.call(self.exp_row, [line, s["sources"], most, self.float(1.0)])
            b.store(most, self._statistic(b, largest, s, head, target))
            b.store(b.fdiv(self.float(1.0), total), self._statistic(b, share, s, head, target))
        arguments: Sequence = [rows, s["sources"], deep, logits, s["wide"], one, values, out, deep, self.flag(0)]
        b.call(self.multiply, arguments)
        with self.loop(b, zero, rows, one) as row:
            factor = b.load(self._statistic(b, share, s, head, b.add(begin, row)), typ=self.float)
            place = self.at(b, o, b.mul(row, s["result_row"]))
            b.call(self.scaled_copy, [s["value_size"], factor, self.at(b, out, b.mul(row, deep)), place])
        b.ret_void()
        return function

    def _backward(self) -> Any:
        """(shared, index, slot)"""
        function, b, given, s = self._begin("attention_gradient_part", 11)
        query, key, value, mask, result, largest, share, upstream, by_query, by_key, by_value = given
        zero, one, size, deep_size = self.number(0), self.number(1), s["size"], s["value_size"]
        group, s["sample"] = b.srem(s["index"], s["groups"]), b.sdiv(s["index"], s["groups"])
        sources, wide, narrow, deep = s["sources"], s["wide"], self.padded(b, size), self.padded(b, deep_size)
        most = self.number(_ROWS)
        keys, keys_down, values, weights, slopes, q_packed, u_packed, out, sum_key, sum_value = self.scratch(
            b,
            s["slot"],
            b.mul(size, wide),
            b.mul(sources, narrow),
            b.mul(deep_size, wide),
            b.mul(most, wide),
            b.mul(most, wide),
            b.mul(most, narrow),
            b.mul(most, deep),
            b.mul(most, narrow),
            b.mul(sources, narrow),
            b.mul(sources, deep),
        )
        k = self._head(b, key, sources, s, s["key_row"], group, size)
        v = self._head(b, value, sources, s, s["value_row"], group, deep_size)
        b.call(self.pack_all, [size, sources, k, one, s["key_row"], keys])
        b.call(self.pack_all, [sources, size, k, s["key_row"], one, keys_down])
        b.call(self.pack_all, [deep_size, sources, v, one, s["value_row"], values])
        go_on = self.space(b, self.flag)
        b.store(self.flag(0), go_on)
        first_head = b.mul(group, s["shared_by"])
        with (
            self.loop(b, first_head, b.add(first_head, s["shared_by"]), one) as head,
            self.loop(b, zero, s["targets"], most) as begin,
        ):
            rows = self._block(b, s, begin)
            q, dq = (self._head(b, x, s["targets"], s, s["query_row"], head, size, begin) for x in (query, by_query))
            o, u = (
                self._head(b, x, s["targets"], s, s["result_row"], head, deep_size, begin) for x in (result, upstream)
            )
            self._logits(b, s, rows, q, keys, weights)
            arguments: Sequence = [rows, deep_size, wide, u, s["result_row"], one, values, slopes, wide, self.flag(0)]
            b.call(self.multiply, arguments)
            with self.loop(b, zero, rows, one) as row:
                target = b.add(begin, row)
                line, slope_line = (self.at(b, x, b.mul(row, wide)) for x in (weights, slopes))
                seen, shown = self._shown(b, s, mask, head, target)
                b.call(self.row_logits, [line, sources, s["scale"], seen, shown])
                saved = [b.load(self._statistic(b, x, s, head, target), typ=self.float) for x in (largest, share)]
                b.call(self.exp_row, [line, sources, *saved])
                above, below = (self.at(b, x, b.mul(row, s["result_row"])) for x in (u, o))
                arguments = [line, slope_line, sources, deep_size, above, below, s["scale"], seen, shown]
                b.call(self.slopes, arguments)
            b.call(self.multiply, [rows, sources, narrow, slopes, wide, one, keys_down, out, narrow, self.flag(0)])
            b.call(self.copy, [rows, size, out, narrow, dq, s["query_row"]])
            b.call(self.pack_all, [rows, size, q, s["query_row"], one, q_packed])
            b.call(self.pack_all, [rows, deep_size, u, s["result_row"], one, u_packed])
            more = b.load(go_on, typ=self.flag)
            b.call(self.multiply, [sources, rows, narrow, slopes, one, wide, q_packed, sum_key, narrow, more])
            b.call(self.multiply, [sources, rows, deep, weights, one, wide, u_packed, sum_value, deep, more])
            b.store(self.flag(1), go_on)
        dk = self._head(b, by_key, sources, s, s["key_row"], group, size)
        dv = self._head(b, by_value, sources, s, s["value_row"], group, deep_size)
        b.call(self.copy, [sources, size, sum_key, narrow, dk, s["key_row"]])
        b.call(self.copy, [sources, deep_size, sum_value, deep, dv, s["value_row"]])
        b.ret_void()
        return function
