"""Machine code for the loops over time of an LSTM and of a GRU, forward and backward.

The rows of a batch do not meet in the loop, so each thread goes through all steps with rows of its own, and never waits
for another. The recurrent kernel is packed once. What the products and the gates of a step need stays in the second
cache.
"""

import math
import os
from collections.abc import Callable
from typing import Any, NamedTuple

from lamella.backend._native_blocks import Blocks


class Kind(NamedTuple):
    """A kind of gates."""

    parts: int
    """How many parts the projected inputs, and the product with the recurrent kernel, have."""
    has_cell: bool
    """Whether there is a second state."""


KINDS = {"lstm": Kind(4, True), "gru": Kind(3, False)}
SAVED = 4
"""So many arrays as wide as the states are saved of each step for the backward loop."""

_SPEC = ("parts", "part_rows", "steps", "batch", "units", "reverse", "masked", "save")


def described(steps: int, batch: int, units: int, masked: bool, reverse: bool, save: bool = True) -> list[int]:
    """The numbers that the machine code reads first."""
    rows = 8 * math.ceil(batch / 8 / (os.cpu_count() or 1))
    return [math.ceil(batch / rows), rows, steps, batch, units, reverse, masked, save]


class Recurrence(Blocks):
    """The loops, a handler for each kind and direction.

    `lstm`: (numbers, projected, kernel, bias, h, c, mask) -> (outputs, cells, saved).
    `lstm_gradient`: (numbers, saved, cells, kernel, c, upstream, upstream h, upstream c, mask) -> (projected, h, c).
    `gru`: (numbers, projected, kernel, bias, h, mask) -> (outputs, saved).
    `gru_gradient`: (numbers, saved, outputs, kernel, h, upstream, upstream h, mask) -> (projected, product, h).
    """

    handlers = ("lstm", "lstm_gradient", "gru", "gru_gradient")

    def __init__(self, lanes: int):
        super().__init__(lanes)
        self.handler("lstm", self._forward("lstm"), 7, 3)
        self.handler("lstm_gradient", self._backward("lstm"), 9, 3)
        self.handler("gru", self._forward("gru"), 6, 2)
        self.handler("gru_gradient", self._backward("gru"), 8, 3)

    # ---- loops -------------------------------------------------------------------------------------------

    def _begin(self, name: str) -> tuple[Any, Any, "_Loop"]:
        function, b, (shared, index, slot) = self.function(name, [self.pointer, self.int, self.pointer])
        spec = self.given(b, shared, 0)
        numbers = {name: self.entry(b, spec, place) for place, name in enumerate(_SPEC)}
        first = b.mul(index, numbers["part_rows"])
        rows = self.least(b, numbers["part_rows"], b.sub(numbers["batch"], first))
        return (
            function,
            b,
            _Loop(shared, slot, first, rows, numbers["part_rows"], **{name: numbers[name] for name in _SPEC[2:]}),
        )

    def _rows_at(self, b: Any, run: "_Loop", base: Any, step: Any, wide: int = 1) -> Any:
        """The first row of this thread at a step, in an array (steps, batch, wide * units)."""
        row = b.add(b.mul(step, run.batch), run.first)
        return self.at(b, base, b.mul(row, b.mul(run.units, self.number(wide))))

    def _alive(self, b: Any, run: "_Loop", mask: Any, step: Any, row: Any) -> Any:
        """Whether a step is real for a row; the mask has a byte for each."""
        byte = self.ir.IntType(8)
        place = self.space(b, byte)
        b.store(byte(1), place)
        with b.if_then(b.icmp_signed("!=", run.masked, self.number(0))):
            index = b.add(b.add(b.mul(step, run.batch), run.first), row)
            b.store(b.load(b.gep(mask, [index], source_etype=byte), typ=byte), place)
        return b.icmp_signed("!=", b.load(place, typ=byte), byte(0))

    def _elements(self, b: Any, run: "_Loop", body: Callable[[Any, Any, Any], None]) -> None:
        """`body(row, column, flags)` for each vector of the states of this thread's rows."""
        with (
            self.loop(b, self.number(0), run.rows, self.number(1)) as row,
            self.loop(b, self.number(0), run.units, self.number(self.lanes)) as column,
        ):
            body(row, column, self.flags(b, column, run.units))

    def _forward(self, name: str) -> Any:
        """(shared, index, slot)"""
        kind = KINDS[name]
        function, b, run = self._begin(f"{name}_part")
        shared, units, zero, one = run.shared, run.units, self.number(0), self.number(1)
        projected, kernel, bias, h_start = (self.given(b, shared, place) for place in range(1, 5))
        c_start = self.given(b, shared, 5) if kind.has_cell else None
        mask = self.given(b, shared, 5 + kind.has_cell)
        outputs = self.given(b, shared, 6 + kind.has_cell)
        cells = self.given(b, shared, 8) if kind.has_cell else None
        saved = self.given(b, shared, 9 if kind.has_cell else 7)
        wide = b.mul(units, self.number(kind.parts))
        padded = self.padded(b, wide)
        packed, product = self.scratch(b, run.slot, b.mul(units, padded), b.mul(run.part_rows, padded))
        b.call(self.pack_all, [units, wide, kernel, wide, one, packed])
        h_before, c_before = self.space(b, self.pointer), self.space(b, self.pointer)
        b.store(self._rows_at(b, run, h_start, zero), h_before)
        if kind.has_cell:
            b.store(self._rows_at(b, run, c_start, zero), c_before)
        with self.loop(b, zero, run.steps, one) as turn:
            step = b.select(b.icmp_signed("!=", run.reverse, zero), b.sub(b.sub(run.steps, one), turn), turn)
            h_old = b.load(h_before, typ=self.pointer)
            h_new, kept = self._rows_at(b, run, outputs, step), self._rows_at(b, run, saved, step, SAVED)
            given = self._rows_at(b, run, projected, step, kind.parts)
            c_old = b.load(c_before, typ=self.pointer) if kind.has_cell else None
            c_new = self._rows_at(b, run, cells, step) if kind.has_cell else None
            arguments = [run.rows, units, padded, h_old, units, one, packed, product, padded, self.flag(0)]
            b.call(self.multiply, arguments)

            def elements(row: Any, column: Any, flags: Any) -> None:
                alive = self._alive(b, run, mask, step, row)
                state = b.add(b.mul(row, units), column)
                place = b.add(b.mul(row, wide), column)

                def part(index: int) -> tuple[Any, Any]:
                    """What the inputs contribute, and what the state does."""
                    behind = b.mul(units, self.number(index))
                    q = self.load(b, self.at(b, product, b.mul(row, padded), column, behind))
                    q = b.fadd(q, self.some(b, self.at(b, bias, column, behind), flags))
                    return self.some(b, self.at(b, given, place, behind), flags), q

                h = self.some(b, self.at(b, h_old, state), flags)
                if kind.has_cell:
                    i, f, g, o = (b.fadd(*part(index)) for index in range(4))
                    i, f, o = (self.sigmoid(b, x) for x in (i, f, o))
                    g = self.tanh(b, g)
                    c = self.some(b, self.at(b, c_old, state), flags)
                    new_c = self.fma(b, f, c, b.fmul(i, g))
                    new_h = b.fmul(o, self.tanh(b, new_c))
                    self.keep(b, b.select(alive, new_c, c), self.at(b, c_new, state), flags)
                    values = (i, f, g, o)
                else:
                    z, r = (self.sigmoid(b, b.fadd(*part(index))) for index in range(2))
                    x, q = part(2)
                    g = self.tanh(b, self.fma(b, r, q, x))
                    new_h = self.fma(b, z, b.fsub(h, g), g)
                    values = (z, r, g, q)
                self.keep(b, b.select(alive, new_h, h), self.at(b, h_new, state), flags)
                with b.if_then(b.icmp_signed("!=", run.save, zero)):
                    for index, value in enumerate(values):
                        behind = b.add(b.mul(b.add(b.mul(row, self.number(SAVED)), self.number(index)), units), column)
                        self.keep(b, value, self.at(b, kept, behind), flags)

            self._elements(b, run, elements)
            b.store(h_new, h_before)
            if kind.has_cell:
                b.store(c_new, c_before)
        b.ret_void()
        return function

    def _backward(self, name: str) -> Any:
        """(shared, index, slot)"""
        kind = KINDS[name]
        function, b, run = self._begin(f"{name}_gradient_part")
        shared, units, zero, one = run.shared, run.units, self.number(0), self.number(1)
        # `states` are those after each step that the gates need: the cells of an LSTM, the outputs of a GRU.
        saved, states, kernel, start, upstream, h_end = (self.given(b, shared, place) for place in range(1, 7))
        c_end = self.given(b, shared, 7) if kind.has_cell else None
        mask = self.given(b, shared, 7 + kind.has_cell)
        results = [self.given(b, shared, 8 + kind.has_cell + place) for place in range(3)]
        by_inputs, by_product = results[0], results[0] if kind.has_cell else results[1]
        wide = b.mul(units, self.number(kind.parts))
        padded = self.padded(b, units)
        many = b.mul(run.part_rows, padded)
        packed, by_h, by_c = self.scratch(b, run.slot, b.mul(wide, padded), many, many)
        b.call(self.pack_all, [wide, units, kernel, one, wide, packed])
        copies = [(h_end, by_h), (c_end, by_c)] if kind.has_cell else [(h_end, by_h)]
        for end, place in copies:
            b.call(self.copy, [run.rows, units, self._rows_at(b, run, end, zero), units, place, padded])
        with self.loop(b, zero, run.steps, one) as turn:
            backwards = b.icmp_signed("!=", run.reverse, zero)
            step = b.select(backwards, turn, b.sub(b.sub(run.steps, one), turn))
            before = b.select(backwards, b.add(step, one), b.sub(step, one))
            is_first = b.icmp_signed("==", turn, b.sub(run.steps, one))
            first_rows = self._rows_at(b, run, start, zero)
            old = b.select(is_first, first_rows, self._rows_at(b, run, states, before))
            new = self._rows_at(b, run, states, step)
            kept = self._rows_at(b, run, saved, step, SAVED)
            above = self._rows_at(b, run, upstream, step)
            out, out_product = (self._rows_at(b, run, result, step, kind.parts) for result in (by_inputs, by_product))

            def elements(row: Any, column: Any, flags: Any) -> None:
                alive = self._alive(b, run, mask, step, row)
                state = b.add(b.mul(row, units), column)
                place_h, place_c = (self.at(b, x, b.mul(row, padded), column) for x in (by_h, by_c))

                def value(index: int) -> Any:
                    behind = b.add(b.mul(b.add(b.mul(row, self.number(SAVED)), self.number(index)), units), column)
                    return self.some(b, self.at(b, kept, behind), flags)

                before = self.some(b, self.at(b, old, state), flags)
                dh = b.fadd(self.some(b, place_h, flags), self.some(b, self.at(b, above, state), flags))
                none = self.constant(0.0)
                if kind.has_cell:
                    i, f, g, o = map(value, range(4))
                    dc_kept = self.some(b, place_c, flags)
                    t = self.tanh(b, self.some(b, self.at(b, new, state), flags))
                    slope = b.fmul(b.fmul(dh, o), self.rest(b, b.fmul(t, t)))
                    dc = b.fadd(dc_kept, slope)
                    slopes = (
                        b.fmul(b.fmul(dc, g), self.slope(b, i)),
                        b.fmul(b.fmul(dc, before), self.slope(b, f)),
                        b.fmul(b.fmul(dc, i), self.rest(b, b.fmul(g, g))),
                        b.fmul(b.fmul(dh, t), self.slope(b, o)),
                    )
                    self.keep(b, b.select(alive, b.fmul(dc, f), dc_kept), place_c, flags)
                    through, product_slopes = none, ()
                else:
                    z, r, g, q = map(value, range(4))
                    dg = b.fmul(b.fmul(dh, self.rest(b, z)), self.rest(b, b.fmul(g, g)))
                    slopes = (
                        b.fmul(b.fmul(dh, b.fsub(before, g)), self.slope(b, z)),
                        b.fmul(b.fmul(dg, q), self.slope(b, r)),
                        dg,
                    )
                    through, product_slopes = b.fmul(dh, z), (*slopes[:2], b.fmul(dg, r))
                self.keep(b, b.select(alive, through, dh), place_h, flags)
                for where, values in ((out, slopes), (out_product, product_slopes)):
                    for index, slope in enumerate(values):
                        behind = b.add(
                            b.mul(b.add(b.mul(row, self.number(kind.parts)), self.number(index)), units), column
                        )
                        self.keep(b, b.select(alive, slope, none), self.at(b, where, behind), flags)

            self._elements(b, run, elements)
            arguments = [run.rows, wide, padded, out_product, wide, one, packed, by_h, padded, self.flag(1)]
            b.call(self.multiply, arguments)
        for result, place in zip(results[1:] if kind.has_cell else results[2:], (by_h, by_c)):
            b.call(self.copy, [run.rows, units, place, padded, self._rows_at(b, run, result, zero), units])
        b.ret_void()
        return function


class _Loop(NamedTuple):
    """What a thread's loop is about: LLVM's values."""

    shared: Any
    slot: Any
    first: Any
    rows: Any
    part_rows: Any
    steps: Any
    batch: Any
    units: Any
    reverse: Any
    masked: Any
    save: Any
