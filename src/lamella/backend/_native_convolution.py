"""Machine code for the gradient of a convolution by its kernel: sums of products of rows of two images.

For each place of the window, the rows of the image that it meets and the rows of the upstream gradient are multiplied
where they are: nothing is padded, transposed or packed.
"""

import math
from typing import Any, NamedTuple

from lamella.backend._native_products import Multiplication

_DEEP = 64
"""So many channels of the image are looked at together."""

_MOST = 2**22
"""So many numbers may the sums take that are added up in the end."""


class Window(NamedTuple):
    """Sizes: of the images, of the upstream gradient, of the window, and the padding in front."""

    batch: int
    height: int
    width: int
    channels: int
    out_height: int
    out_width: int
    filters: int
    window_height: int
    window_width: int
    top: int
    left: int


_SPEC = ("parts", *Window._fields, "blocks", "images")


def sums(batch: int, kernel: int) -> int:
    """How many sums of how many images each are added up in the end; not by the number of threads, which must not matter."""
    return max(1, min(batch, 16, _MOST // kernel))


def described(window: Window) -> list[int]:
    """The numbers that the machine code reads first."""
    kernel = window.window_height * window.window_width * window.channels * window.filters
    blocks, parts = math.ceil(window.channels / _DEEP), sums(window.batch, kernel)
    return [parts * blocks, *window, blocks, math.ceil(window.batch / parts)]


class KernelGradient(Multiplication):
    """`kernel_gradient`: (numbers, images, upstream) -> (sums, window, channels, filters).

    The filters are a multiple of 32. A part adds up some images for some channels.
    """

    handlers = ("kernel_gradient",)

    def __init__(self, lanes: int):
        super().__init__(lanes)
        self.handler("kernel_gradient", self._part(), 3, 1)

    def _part(self) -> Any:
        """(shared, index, slot)"""
        i, zero, one = self.int, self.number(0), self.number(1)
        function, b, (shared, index, _) = self.function("kernel_gradient_part", [self.pointer, i, self.pointer])
        spec, images, upstream, result = (self.given(b, shared, place) for place in range(4))
        s = {name: self.entry(b, spec, place) for place, name in enumerate(_SPEC)}
        part, block = b.sdiv(index, s["blocks"]), b.srem(index, s["blocks"])
        first_channel = b.mul(block, self.number(_DEEP))
        last_channel = self.least(b, s["channels"], b.add(first_channel, self.number(_DEEP)))
        first = b.mul(part, s["images"])
        last = self.least(b, s["batch"], b.add(first, s["images"]))
        kernel = b.mul(b.mul(s["window_height"], s["window_width"]), b.mul(s["channels"], s["filters"]))
        total = self.at(b, result, b.mul(part, kernel))
        b.call(self._cleared(), [total, kernel, first_channel, last_channel, s["channels"], s["filters"]])
        row = self.space(b, i)
        with (
            self.loop(b, first, last, one) as image,
            self.loop(b, zero, s["window_height"], one) as down,
            self.loop(b, zero, s["window_width"], one) as right,
        ):
            from_row, rows = self._met(b, down, s["top"], s["height"], s["out_height"])
            from_column, columns = self._met(b, right, s["left"], s["width"], s["out_width"])
            y, x = b.sub(b.add(from_row, down), s["top"]), b.sub(b.add(from_column, right), s["left"])
            line = b.add(b.mul(b.add(b.mul(image, s["height"]), y), s["width"]), x)
            above = b.add(b.mul(b.add(b.mul(image, s["out_height"]), from_row), s["out_width"]), from_column)
            seen = self.at(b, images, b.mul(line, s["channels"]))
            slopes = self.at(b, upstream, b.mul(above, s["filters"]))
            place = b.mul(b.add(b.mul(down, s["window_width"]), right), b.mul(s["channels"], s["filters"]))
            sizes = rows, b.mul(s["width"], s["channels"]), b.mul(s["out_width"], s["filters"]), columns
            with self.loop(b, zero, s["filters"], self.number(self.width)) as column:
                for _, tile, channel in self.row_tiles(b, row, first_channel, last_channel):
                    numbers, lines = self.at(b, seen, channel), self.at(b, slopes, column)
                    out = self.at(b, total, place, b.mul(channel, s["filters"]), column)
                    arguments = [*sizes, numbers, one, s["channels"], lines, s["filters"], out, s["filters"]]
                    b.call(tile, [*arguments, self.flag(1)])
        b.ret_void()
        return function

    def _met(self, b: Any, place: Any, padding: Any, size: Any, out: Any) -> tuple[Any, Any]:
        """The first of the upstream gradient's rows whose place in the window lies in the image, and how many do."""
        first = b.sub(padding, place)
        first = b.select(b.icmp_signed("<", first, self.number(0)), self.number(0), first)
        end = self.least(b, out, b.sub(b.add(size, padding), place))
        return first, b.sub(end, first)

    def _cleared(self) -> Any:
        """Sets some channels of a kernel to zero: (kernel, size, first channel, last channel, channels, filters)."""
        i, zero, one = self.int, self.number(0), self.number(1)
        arguments = [self.pointer, *[i] * 5]
        function, b, (kernel, size, first, last, channels, filters) = self.function("cleared", arguments)
        with (
            self.loop(b, zero, size, b.mul(channels, filters)) as place,
            self.loop(b, b.mul(first, filters), b.mul(last, filters), one) as number,
        ):
            b.store(self.ir.Constant(self.float, 0.0), self.at(b, kernel, place, number))
        b.ret_void()
        return function
