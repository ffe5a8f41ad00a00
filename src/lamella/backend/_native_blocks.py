"""What kernels of more than one product are made of: products with packed matrices, and functions of vectors."""

import math
from typing import Any

from lamella.backend._native_products import Multiplication


class Blocks(Multiplication):
    """Blocks of numbers in a thread's own memory."""

    def __init__(self, lanes: int):
        super().__init__(lanes)
        self.pack_all = self._pack_all()
        self.multiply = self._multiply()
        self.copy = self._copy()

    # ---- products ----------------------------------------------------------------------------------------

    def padded(self, b: Any, count: Any) -> Any:
        """`count`, rounded up to whole panels of columns."""
        return b.and_(b.add(count, self.number(self.width - 1)), self.number(-self.width))

    def _pack_all(self) -> Any:
        """Packs a whole matrix, a panel of columns behind the other: (summed, columns, b, b_summed, b_column, out)."""
        i, p = self.int, self.pointer
        function, b, (summed, columns, second, b_step, b_column, out) = self.function("pack_all", [i, i, p, i, i, p])
        width = self.number(self.width)
        with self.loop(b, self.number(0), columns, width) as column:
            count = self.least(b, width, b.sub(columns, column))
            source, place = self.at(b, second, b.mul(column, b_column)), self.at(b, out, b.mul(column, summed))
            b.call(self.pack, [summed, count, source, b_step, b_column, place])
        b.ret_void()
        return function

    def _multiply(self) -> Any:
        """Multiplies rows by a packed matrix: (rows, summed, columns, a, a_row, a_summed, packed, c, c_row, add to c)."""
        i, p = self.int, self.pointer
        function, b, (rows, summed, columns, a, a_row, a_step, packed, c, c_row, go_on) = self.function(
            "multiply", [i, i, i, p, i, i, p, p, i, self.flag]
        )
        row = self.space(b, i)
        zero, one, width = self.number(0), self.number(1), self.number(self.width)
        with self.loop(b, zero, columns, width) as column:
            panel = self.at(b, packed, b.mul(column, summed))
            for _, tile, at in self.row_tiles(b, row, zero, rows):
                numbers = self.at(b, a, b.mul(at, a_row))
                place = self.at(b, c, b.mul(at, c_row), column)
                b.call(tile, [one, zero, zero, summed, numbers, a_row, a_step, panel, width, place, c_row, go_on])
        b.ret_void()
        return function

    # ---- elements ----------------------------------------------------------------------------------------

    def constant(self, value: float) -> Any:
        return self.ir.Constant(self.vector, [value] * self.lanes)

    def fma(self, b: Any, x: Any, y: Any, z: Any) -> Any:
        return b.call(self.known("fma"), [x, y, z])

    def _powers(self, b: Any, y: Any) -> tuple[Any, Any]:
        """2^n and exp(r) - 1, where exp(y) = 2^n exp(r), n a whole number and |r| at most log(2) / 2.

        exp(r) - 1 is its Taylor series, whose first term that is left out, r^8 / 8!, is 1.5e-8 of it at most.
        """
        n = b.call(self.known("round"), [b.fmul(y, self.constant(1 / math.log(2)))])
        high = 0.693359375  # of log(2), in so few digits that n * high is exact
        r = self.fma(b, n, self.constant(-high), y)
        r = self.fma(b, n, self.constant(high - math.log(2)), r)
        series = self.constant(1 / math.factorial(7))
        for power in range(6, 0, -1):
            series = self.fma(b, series, r, self.constant(1 / math.factorial(power)))
        words = self.ir.VectorType(self.ir.IntType(32), self.lanes)
        exponent = b.add(b.fptosi(n, words), self.ir.Constant(words, [127] * self.lanes))
        return b.bitcast(b.shl(exponent, self.ir.Constant(words, [23] * self.lanes)), self.vector), b.fmul(series, r)

    def larger(self, b: Any, x: Any, y: Any) -> Any:
        """The larger of two numbers; `y` where `x` is none."""
        return b.select(b.fcmp_ordered(">", x, y), x, y)

    def smaller(self, b: Any, x: Any, y: Any) -> Any:
        return b.select(b.fcmp_ordered("<", x, y), x, y)

    def exp(self, b: Any, x: Any) -> Any:
        """exp(x) for x of at most 80; 0 where it would be subnormal."""
        power, e = self._powers(b, self.larger(b, self.smaller(b, x, self.constant(80.0)), self.constant(-87.0)))
        found = b.select(b.fcmp_ordered("<", x, self.constant(-87.0)), self.constant(0.0), self.fma(b, power, e, power))
        return b.select(b.fcmp_ordered("ord", x, x), found, x)

    def tanh(self, b: Any, x: Any) -> Any:
        """tanh(x) = e / (e + 2), where e = exp(2 x) - 1; nothing cancels in it where x is small."""
        ends = self.larger(b, self.smaller(b, x, self.constant(20.0)), self.constant(-20.0))
        power, e = self._powers(b, b.fadd(ends, ends))
        e = self.fma(b, power, e, b.fsub(power, self.constant(1.0)))
        return b.select(b.fcmp_ordered("ord", x, x), b.fdiv(e, b.fadd(e, self.constant(2.0))), x)

    def sigmoid(self, b: Any, x: Any) -> Any:
        half = self.constant(0.5)
        return self.fma(b, self.tanh(b, b.fmul(x, half)), half, half)

    def rest(self, b: Any, one: Any) -> Any:
        return b.fsub(self.constant(1.0), one)

    def slope(self, b: Any, sigmoid: Any) -> Any:
        return b.fmul(sigmoid, self.rest(b, sigmoid))

    def flags(self, b: Any, column: Any, columns: Any) -> Any:
        """Which lanes are columns."""
        word = self.ir.IntType(32)
        lanes = self.ir.Constant(self.ir.VectorType(word, self.lanes), list(range(self.lanes)))
        return b.icmp_signed("<", lanes, self.splat(b, b.trunc(b.sub(columns, column), word)))

    def some(self, b: Any, address: Any, flags: Any) -> Any:
        word = self.ir.IntType(32)
        return b.call(self.known("load"), [address, word(4), flags, self.constant(0.0)])

    def keep(self, b: Any, value: Any, address: Any, flags: Any) -> None:
        b.call(self.known("store"), [value, address, self.ir.IntType(32)(4), flags])

    def _copy(self) -> Any:
        """Copies rows: (rows, columns, source, source_row, out, out_row)."""
        i, p = self.int, self.pointer
        function, b, (rows, columns, source, source_row, out, out_row) = self.function("copy", [i, i, p, i, p, i])
        with self.loop(b, self.number(0), rows, self.number(1)) as row:
            from_row, to_row = self.at(b, source, b.mul(row, source_row)), self.at(b, out, b.mul(row, out_row))
            with self.loop(b, self.number(0), columns, self.number(self.lanes)) as column:
                flags = self.flags(b, column, columns)
                numbers = self.some(b, self.at(b, from_row, column), flags)
                self.keep(b, numbers, self.at(b, to_row, column), flags)
        b.ret_void()
        return function

    def scratch(self, b: Any, slot: Any, *counts: Any) -> list:
        """Memory of the thread's own for so many numbers each, the same for all parts of a call."""
        total = self.number(self.width)
        starts = []
        for count in counts:
            starts.append(total)
            total = b.add(total, b.add(count, self.number(2 * self.width)))
        with b.if_then(b.icmp_unsigned("==", b.load(slot, typ=self.pointer), self.ir.Constant(self.pointer, None))):
            b.store(b.call(self.known("malloc"), [b.mul(total, self.number(4))]), slot)
        base = b.load(slot, typ=self.pointer)
        return [self.at(b, base, start) for start in starts]
