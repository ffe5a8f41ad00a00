"""Machine code for products of arrays on a CPU, which LLVM makes for the processor at hand and XLA calls.

XLA multiplies a batch of small matrices in one thread and packs each of them anew, and it copies what is not laid out
as its library wants it. Here the operands may have any strides, the work is divided over XLA's own threads, and only
what is read more than once is packed.

The loops are those of Goto and van de Geijn (2008), Anatomy of high-performance matrix multiplication: sums of eight
rows of two vectors stay in registers, a block of the second matrix in the first cache. Rows of the first matrix are read where
they are, if they are not columns in memory: a number of it is used for two vectors at once.
"""

import math
import os
from collections.abc import Iterator
from typing import Any, NamedTuple

from lamella.backend._native import Code

_SUMMED = 128
"""So many terms of each sum are added up at a time."""

_ROWS, _COLUMNS, _FEW = 128, 128, 32
"""A thread takes at most so many rows and columns of the result at a time, and at least so many of either."""


class Plan(NamedTuple):
    """Where the numbers of a product are: sizes, and distances in numbers, not bytes. The result's columns are 1 apart.

    There is one product of matrices for each place along three axes, which an array may not have: its distance is 0.
    """

    outer: int
    middle: int
    inner: int
    rows: int
    columns: int
    summed: int
    a_outer: int
    a_middle: int
    a_inner: int
    a_row: int
    a_summed: int
    b_outer: int
    b_middle: int
    b_inner: int
    b_summed: int
    b_column: int
    c_outer: int
    c_middle: int
    c_inner: int
    c_row: int

    @property
    def batch(self) -> int:
        return self.outer * self.middle * self.inner


_SPEC = ("parts", *Plan._fields, "part_rows", "part_columns", "row_parts", "column_parts", "pack_a", "pack_b")


def described(plan: Plan) -> list[int]:
    """The numbers that the machine code reads before it multiplies."""
    sizes, part = (plan.rows, plan.columns), [_ROWS, _COLUMNS]

    def parts() -> list[int]:
        return [math.ceil(size / most) for size, most in zip(sizes, part)]

    while plan.batch * math.prod(parts()) < 2 * (os.cpu_count() or 1):
        # The larger, and the columns of two that are equal, since rows are packed once for all columns.
        divisible = [axis for axis in (1, 0) if part[axis] > _FEW and sizes[axis] > part[axis] // 2]
        if not divisible:
            break
        part[max(divisible, key=part.__getitem__)] //= 2
    pack_a, pack_b = plan.a_summed != 1 and plan.columns > 32, plan.rows > 16
    return [plan.batch * math.prod(parts()), *plan, *part, *parts(), pack_a, pack_b]


class Multiplication(Code):
    """What multiplies blocks of matrices."""

    def __init__(self, lanes: int):
        super().__init__(lanes)
        self.tiles = {}
        rows = self.rows
        while rows:
            self.tiles[rows] = self._tile(rows)
            rows //= 2
        self.turn = self._turn()
        self.pack = self._pack()

    def _tile(self, rows: int) -> Any:
        """Adds up `rows` x two vectors of the result.

        (lines, a_line, b_line, summed, a, a_row, a_summed, b, b_summed, c, c_row, go on): the sum is over `lines` times `summed`
        terms, of which those of a line lie `a_summed` and `b_summed` apart.
        """
        i, p = self.int, self.pointer
        function, b, (lines, a_line, b_line, summed, a, a_row, a_step, second, b_step, c, c_row, go_on) = self.function(
            f"tile{rows}", [i, i, i, i, p, i, i, p, i, p, i, self.flag]
        )
        zero = self.ir.Constant(self.vector, [0.0] * self.lanes)
        sums = [[self.space(b, self.vector) for _ in range(2)] for _ in range(rows)]
        places = [
            [self.at(b, c, b.mul(c_row, self.number(row)), half * self.lanes) for half in range(2)]
            for row in range(rows)
        ]
        with b.if_else(go_on) as (then, otherwise):
            with then:
                for row in range(rows):
                    for half in range(2):
                        b.store(self.load(b, places[row][half]), sums[row][half])
            with otherwise:
                for half in sums:
                    b.store(zero, half[0])
                    b.store(zero, half[1])
        with (
            self.loop(b, self.number(0), lines, self.number(1)) as at,
            self.loop(b, self.number(0), summed, self.number(1)) as k,
        ):
            line = self.at(b, second, b.mul(at, b_line), b.mul(k, b_step))
            halves = [self.load(b, self.at(b, line, half * self.lanes)) for half in range(2)]
            column = self.at(b, a, b.mul(at, a_line), b.mul(k, a_step))
            for row in range(rows):
                number = b.load(self.at(b, column, b.mul(a_row, self.number(row))), typ=self.float)
                spread = self.splat(b, number)
                for half in range(2):
                    total = b.load(sums[row][half], typ=self.vector)
                    b.store(b.call(self.known("fma"), [spread, halves[half], total]), sums[row][half])
        for row in range(rows):
            for half in range(2):
                b.store(b.load(sums[row][half], typ=self.vector), places[row][half], align=4)
        b.ret_void()
        return function

    def row_tiles(self, b: Any, row: Any, first: Any, end: Any) -> Iterator[tuple[int, Any, Any]]:
        """The body of a loop over tiles of rows, for each height: (height, tile, first row); `row` is space for a number."""
        b.store(first, row)
        for height, tile in self.tiles.items():
            after = b.sub(end, self.number(height - 1))
            with self.loop(b, b.load(row, typ=self.int), after, self.number(height)) as at:
                yield height, tile, at
                b.store(b.add(at, self.number(height)), row)

    def _pack(self) -> Any:
        """Writes rows of two vectors: (summed, columns, b, b_summed, b_column, out), with zeros for missing columns."""
        i, p = self.int, self.pointer
        function, b, (summed, columns, second, b_step, b_column, out) = self.function("pack", [i, i, p, i, i, p])
        one, width = self.number(1), self.number(self.width)
        ready = self.space(b, i)
        b.store(self.number(0), ready)
        full = b.icmp_signed("==", columns, width)
        with b.if_then(b.and_(full, b.icmp_signed("==", b_column, one))):
            with self.loop(b, self.number(0), summed, one) as k:
                for half in range(2):
                    line = self.load(b, self.at(b, second, b.mul(k, b_step), half * self.lanes))
                    b.store(line, self.at(b, out, b.mul(k, width), half * self.lanes), align=4)
            b.store(summed, ready)
        with b.if_then(b.and_(full, b.icmp_signed("==", b_step, one))):
            whole = b.and_(summed, self.number(-self.lanes))
            with self.loop(b, self.number(0), whole, self.number(self.lanes)) as k:
                for half in range(2):
                    block = self.at(b, second, b.mul(b_column, self.number(half * self.lanes)), k)
                    b.call(self.turn, [block, b_column, self.at(b, out, b.mul(k, width), half * self.lanes)])
            b.store(whole, ready)
        with self.loop(b, b.load(ready, typ=i), summed, one) as k:
            row = self.at(b, out, b.mul(k, width))
            with self.loop(b, self.number(0), columns, one) as column:
                number = self.at(b, second, b.mul(k, b_step), b.mul(column, b_column))
                b.store(b.load(number, typ=self.float), self.at(b, row, column))
            with self.loop(b, columns, width, one) as column:
                b.store(self.ir.Constant(self.float, 0.0), self.at(b, row, column))
        b.ret_void()
        return function

    def _turn(self) -> Any:
        """Writes as many vectors as they are long, transposed, into a half of packed rows: (b, b_column, out)."""
        function, b, (source, step, out) = self.function("turn", [self.pointer, self.int, self.pointer])
        lines = [self.load(b, self.at(b, source, b.mul(step, self.number(lane)))) for lane in range(self.lanes)]
        half = self.lanes // 2
        low, high = (
            self.places([place + lane * self.lanes for place in range(start, start + half) for lane in (0, 1)])
            for start in (0, half)
        )
        for _ in range(self.lanes.bit_length() - 1):  # perfect shuffles
            pairs = zip(lines[:half], lines[half:])
            lines = [b.shuffle_vector(*pair, places) for pair in pairs for places in (low, high)]
        for lane, line in enumerate(lines):
            b.store(line, self.at(b, out, lane * self.width), align=4)
        b.ret_void()
        return function


class Products(Multiplication):
    """Products of matrices, many at a time, laid out in any way."""

    handlers = ("product",)

    def __init__(self, lanes: int):
        super().__init__(lanes)
        self.pack_rows = self._pack_rows()
        self.move = self._move()
        self.handler("product", self._part(), 3, 1)

    def _part(self) -> Any:
        """Computes one part of the result: (shared, number of the part, slot)."""
        i = self.int
        function, b, (shared, index, _) = self.function("part", [self.pointer, i, self.pointer])
        spec, first, second, result = (self.given(b, shared, place) for place in range(4))
        s = {name: self.entry(b, spec, place) for place, name in enumerate(_SPEC)}
        zero, one, width = self.number(0), self.number(1), self.number(self.width)
        packed = self.space(b, self.float, _SUMMED * self.width)
        packed_rows = self.space(b, self.float, _SUMMED * _ROWS)
        edge = self.space(b, self.float, self.rows * self.width)
        left = index
        where = {}
        for name, count in (("column", "column_parts"), ("row", "row_parts"), ("inner", "inner"), ("middle", "middle")):
            where[name], left = b.srem(left, s[count]), b.sdiv(left, s[count])
        where["outer"] = left

        def begin(base: Any, name: str) -> Any:
            return self.at(b, base, *(b.mul(where[axis], s[f"{name}_{axis}"]) for axis in ("outer", "middle", "inner")))

        from_row, from_column = b.mul(where["row"], s["part_rows"]), b.mul(where["column"], s["part_columns"])
        rows_here = self.least(b, b.sub(s["rows"], from_row), s["part_rows"])
        to_column = self.least(b, s["columns"], b.add(from_column, s["part_columns"]))
        first = self.at(b, begin(first, "a"), b.mul(from_row, s["a_row"]))
        second = begin(second, "b")
        result = self.at(b, begin(result, "c"), b.mul(from_row, s["c_row"]))
        pack_a = b.icmp_signed("!=", s["pack_a"], zero)
        in_place = b.and_(b.icmp_signed("==", s["b_column"], one), b.icmp_signed("==", s["pack_b"], zero))
        as_packed = b.and_(b.icmp_signed("==", s["b_column"], one), b.icmp_signed("==", s["b_summed"], width))
        in_place = b.or_(in_place, as_packed)
        a_row = b.select(pack_a, one, s["a_row"])
        a_step = b.select(pack_a, self.number(self.rows), s["a_summed"])
        row = self.space(b, i)
        with self.loop(b, zero, s["summed"], self.number(_SUMMED)) as k:
            summed = self.least(b, self.number(_SUMMED), b.sub(s["summed"], k))
            go_on = b.icmp_signed(">", k, zero)
            next_k = b.add(k, self.number(_SUMMED))
            more = b.icmp_signed("<", next_k, s["summed"])
            ahead_a, ahead_b = (b.and_(more, b.icmp_signed("==", s[name], one)) for name in ("a_row", "b_column"))
            numbers_ahead = self.at(b, first, b.mul(next_k, s["a_summed"]))
            numbers = self.at(b, first, b.mul(k, s["a_summed"]))
            with b.if_then(pack_a):
                b.call(self.pack_rows, [summed, rows_here, numbers, s["a_row"], s["a_summed"], packed_rows])
            with self.loop(b, from_column, to_column, width) as column:
                columns = self.least(b, width, b.sub(to_column, column))
                full = b.icmp_signed("==", columns, width)
                usable = b.and_(full, in_place)
                block = self.at(b, second, b.mul(k, s["b_summed"]), b.mul(column, s["b_column"]))
                with b.if_then(b.not_(usable)):
                    b.call(self.pack, [summed, columns, block, s["b_summed"], s["b_column"], packed])
                block_ahead = self.at(b, second, b.mul(next_k, s["b_summed"]), column)
                block, step = b.select(usable, block, packed), b.select(usable, s["b_summed"], width)
                for rows, tile, at in self.row_tiles(b, row, zero, rows_here):
                    from_packed = self.at(b, packed_rows, self._packed_row(b, at))
                    here = b.select(pack_a, from_packed, self.at(b, numbers, b.mul(at, s["a_row"])))
                    place = self.at(b, result, b.mul(at, s["c_row"]), column)
                    given = [one, zero, zero, summed, here, a_row, a_step, block, step]
                    if rows == self.rows:
                        with b.if_then(ahead_b):
                            self._prefetch(b, self.at(b, block_ahead, b.mul(at, s["b_summed"])), s["b_summed"], rows, 2)
                        with b.if_then(ahead_a):
                            # Four panels are multiplied by these rows, each brings a quarter of the next ones.
                            k_ahead = b.add(b.sub(column, from_column), b.sdiv(at, self.number(4)))
                            line = self.at(b, numbers_ahead, b.mul(k_ahead, s["a_summed"]))
                            self._prefetch(b, line, s["a_summed"], 2, _ROWS // self.lanes)
                    with b.if_else(full) as (then, otherwise):
                        with then:
                            b.call(tile, [*given, place, s["c_row"], go_on])
                        with otherwise:
                            height = self.number(rows)
                            with b.if_then(go_on):
                                b.call(self.move, [height, columns, place, s["c_row"], edge, width])
                            b.call(tile, [*given, edge, width, go_on])
                            b.call(self.move, [height, columns, edge, width, place, s["c_row"]])
        b.ret_void()
        return function

    def _packed_row(self, b: Any, row: Any) -> Any:
        """Where the numbers of a row begin in packed rows: those of `self.rows` rows lie side by side."""
        tile, inside = b.sdiv(row, self.number(self.rows)), b.srem(row, self.number(self.rows))
        return b.add(b.mul(tile, self.number(_SUMMED * self.rows)), inside)

    def _pack_rows(self) -> Any:
        """Writes rows as `_packed_row` says: (summed, rows, a, a_row, a_summed, out)."""
        i, p = self.int, self.pointer
        function, b, (summed, rows, first, a_row, a_step, out) = self.function("pack_rows", [i, i, p, i, i, p])
        zero, one, lanes = self.number(0), self.number(1), self.number(self.lanes)
        ready_rows = self.space(b, i)
        b.store(zero, ready_rows)
        whole = b.and_(rows, self.number(-self.lanes))
        with b.if_then(b.icmp_signed("==", a_row, one)):
            with self.loop(b, zero, whole, lanes) as row:
                source = self.at(b, first, row)
                with self.loop(b, zero, summed, one) as k:
                    self._write_rows(b, self.load(b, self.at(b, source, b.mul(k, a_step))), out, row, k)
            b.store(whole, ready_rows)
        with self.loop(b, b.load(ready_rows, typ=i), rows, one) as row:
            place, source = self.at(b, out, self._packed_row(b, row)), self.at(b, first, b.mul(row, a_row))
            with self.loop(b, zero, summed, one) as k:
                number = b.load(self.at(b, source, b.mul(k, a_step)), typ=self.float)
                b.store(number, self.at(b, place, b.mul(k, self.number(self.rows))))
        b.ret_void()
        return function

    def _write_rows(self, b: Any, line: Any, out: Any, row: Any, k: Any) -> None:
        """Writes the numbers of a vector's worth of rows at one place of the sum."""
        size = min(self.rows, self.lanes)
        for start in range(0, self.lanes, size):
            piece = line
            if size < self.lanes:
                piece = b.shuffle_vector(line, line, self.places(range(start, start + size)))
            place = self._packed_row(b, b.add(row, self.number(start)))
            b.store(piece, self.at(b, out, place, b.mul(k, self.number(self.rows))), align=4)

    def _move(self) -> Any:
        """Copies a block of numbers: (rows, columns, source, source_row, out, out_row)."""
        i, p = self.int, self.pointer
        function, b, (rows, columns, source, source_row, out, out_row) = self.function("move", [i, i, p, i, p, i])
        with self.loop(b, self.number(0), rows, self.number(1)) as row:
            from_row, to_row = self.at(b, source, b.mul(row, source_row)), self.at(b, out, b.mul(row, out_row))
            with self.loop(b, self.number(0), columns, self.number(1)) as column:
                b.store(b.load(self.at(b, from_row, column), typ=self.float), self.at(b, to_row, column))
        b.ret_void()
        return function

    def _prefetch(self, b: Any, address: Any, step: Any, rows: int, vectors: int) -> None:
        """Has lines brought near that are wanted soon, which are too far apart for the processor to foresee."""
        word = self.ir.IntType(32)
        for row in range(rows):
            for vector in range(vectors):
                place = self.at(b, address, b.mul(step, self.number(row)), vector * self.lanes)
                b.call(self.known("prefetch"), [place, word(0), word(2), word(1)])
