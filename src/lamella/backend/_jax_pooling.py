"""Pooling on JAX: the library's own on accelerators, and formulations of our own on a CPU.

The gradient of a maximum goes to the first of the greatest elements of a window. Which one that is, is all that the
forward pass keeps: a number below 256 for each window. `chosen` reads the elements with these numbers, `placed` puts
values back there; each is the transpose of the other, and both are linear, so derivatives of every order and in both
directions exist. Sums of windows and their transpose are another such pair.
"""

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from lamella.backend._jax_native import divided
from lamella.backend._jax_windows import margins, overlap_add, places, seen
from lamella.typing import Array

_ZERO: Any = ad.Zero  # whose constructors are attached where a type checker does not see them


class Windows(NamedTuple):
    """How a window slides over an array of `shape`; the sequences have an entry for every axis."""

    shape: tuple[int, ...]
    window: tuple[int, ...]
    strides: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]

    @property
    def result(self) -> tuple[int, ...]:
        """The shape of what has an element for each window."""
        return tuple(
            max(0, (n + low + high - k) // s + 1)
            for n, k, s, (low, high) in zip(self.shape, self.window, self.strides, self.padding)
        )

    @property
    def apart(self) -> bool:
        """Whether the windows do not overlap, and leave nothing out between them."""
        return self.window == self.strides and not any(map(any, self.padding))

    @property
    def large(self) -> bool:
        """Whether a window has too many places to write one operation for each."""
        return math.prod(self.window) > 64

    def rows(self, x: Array) -> Array:
        """The elements of each window along a last axis; for windows `apart`."""
        within = self.within()
        return jnp.moveaxis(self.split(x), within, range(-len(within), 0)).reshape(*self.result, -1)

    def batched(self, size: int) -> "Windows":
        """The same for arrays with another axis of `size` in front."""
        return Windows((size, *self.shape), (1, *self.window), (1, *self.strides), ((0, 0), *self.padding))

    def split(self, x: Array) -> Array:
        """`x`, cut to whole windows, each pooled axis as `(positions, window)`; for windows `apart`."""
        x = lax.slice(x, [0] * x.ndim, [n * k for n, k in zip(self.result, self.window)])
        return x.reshape([m for n, k in zip(self.result, self.window) for m in ((n, k) if k > 1 else (n,))])

    def within(self) -> tuple[int, ...]:
        """The axes of `split`'s result that stand for places in the window."""
        axes, at = [], 0
        for k in self.window:
            at += 1
            if k > 1:
                axes.append(at)
                at += 1
        return tuple(axes)

    def joined(self, parts: Array) -> Array:
        """The transpose of `split`: zeros for what was cut off."""
        x = parts.reshape([n * k for n, k in zip(self.result, self.window)])
        return margins(x, [(0, n - m) for n, m in zip(self.shape, x.shape)], first=0)


def maximum(x: Array, window: Sequence[int], strides: Sequence[int], padding: Sequence[tuple[int, int]]) -> Array:
    """The greatest element of each window; not a number where there is one. Margins count for nothing."""
    how = _windows(x, window, strides, padding)
    if (how.large and not how.apart) or divided(x):
        return _library_maximum(x, how=how)
    return _maximum(x, how)


def total(x: Array, window: Sequence[int], strides: Sequence[int], padding: Sequence[tuple[int, int]]) -> Array:
    """The sum of each window."""
    how = _windows(x, window, strides, padding)
    if (how.large and not how.apart) or divided(x):
        return _library_total(x, how=how)
    return total_p.bind(x, how=how)


def _windows(x: Array, window: Any, strides: Any, padding: Any) -> Windows:
    pairs = tuple((int(low), int(high)) for low, high in padding)
    return Windows(tuple(x.shape), tuple(map(int, window)), tuple(map(int, strides)), pairs)


# ---- greatest elements -----------------------------------------------------------------------------------


@functools.partial(jax.custom_jvp, nondiff_argnums=(1,))
def _maximum(x: Array, how: Windows) -> Array:
    return maximum_p.bind(x, how=how)


@_maximum.defjvp
def _maximum_jvp(how: Windows, primals: tuple, tangents: tuple) -> tuple[Array, Array]:
    greatest, number = first_greatest(primals[0], how)
    return greatest, chosen_p.bind(tangents[0], number, how=how)


def first_greatest(x: Array, how: Windows) -> tuple[Array, Array]:
    """The greatest element of each window, and the number of the first place in the window where it stands."""
    kind = np.uint8 if math.prod(how.window) <= 256 else np.int32
    if how.large and how.apart:
        rows = how.rows(x)
        return jnp.max(rows, -1), jnp.argmax(rows, -1).astype(kind)
    greatest: Any = None
    number: Any = None
    for at, view in enumerate(_views(x, how, lowest(x))):
        if greatest is None:
            greatest, number = view, jnp.zeros(view.shape, kind)
        else:
            more = view > greatest
            if jnp.issubdtype(x.dtype, jnp.floating):
                more = more | (view != view)  # not a number counts as the greatest of all
            greatest, number = jnp.where(more, view, greatest), jnp.where(more, kind(at), number)
    return greatest, number


def lowest(x: Array) -> Any:
    """What is not greater than any element of the dtype of `x`."""
    return -np.inf if jnp.issubdtype(x.dtype, jnp.floating) else (jnp.iinfo(x.dtype).min if x.dtype != bool else False)


def _views(x: Array, how: Windows, outside: Any) -> list[Array]:
    """For each place in the window, the elements that stand there."""
    x = margins(x, how.padding, outside, first=0)
    return [seen(x, place, how.result, how.strides, first=0) for place in places(how.window)]


def _library_maximum(x: Array, *, how: Windows) -> Array:
    neutral = np.asarray(lowest(x), x.dtype)
    return lax.reduce_window(x, neutral, lax.max, how.window, how.strides, how.padding)


def _cpu_maximum(x: Array, *, how: Windows) -> Array:
    if how.large and how.apart:
        return jnp.max(how.split(x), how.within())
    return functools.reduce(jnp.maximum, _views(x, how, lowest(x)))


def _chosen(x: Array, number: Array, *, how: Windows) -> Array:
    if how.large and how.apart:
        return jnp.take_along_axis(how.rows(x), number[..., None].astype(jnp.int32), -1)[..., 0]
    picked = jnp.zeros(how.result, x.dtype)
    for at, view in enumerate(_views(x, how, 0)):
        picked = jnp.where(number == at, view, picked)
    return picked


def _placed(values: Array, number: Array, *, how: Windows) -> Array:
    if how.apart:
        within = how.within()
        wide = [n for n, k in zip(how.result, how.window) for n in ((n, 1) if k > 1 else (n,))]
        sizes = [1] * len(wide)
        for axis, k in zip(within, (k for k in how.window if k > 1)):
            sizes[axis] = k
        numbers = jnp.arange(math.prod(how.window), dtype=number.dtype).reshape(sizes)
        return how.joined(jnp.where(number.reshape(wide) == numbers, values.reshape(wide), 0))
    numbered = {place: at for at, place in enumerate(places(how.window))}
    return _overlapping(how, lambda place: jnp.where(number == numbered[place], values, 0))


def _overlapping(how: Windows, part: Callable) -> Array:
    ones = (1,) * len(how.window)
    return overlap_add(part, how.window, how.result, how.strides, ones, how.padding, how.shape, first=0)


# ---- sums ------------------------------------------------------------------------------------------------


def _library_total(x: Array, *, how: Windows) -> Array:
    return lax.reduce_window(x, np.zeros((), x.dtype), lax.add, how.window, how.strides, how.padding)


def _cpu_total(x: Array, *, how: Windows) -> Array:
    wide = x.astype(jnp.float32) if jnp.issubdtype(x.dtype, jnp.floating) and x.dtype.itemsize < 4 else x
    if how.large and how.apart:
        return jnp.sum(how.split(wide), how.within()).astype(x.dtype)
    return functools.reduce(jnp.add, _views(wide, how, 0)).astype(x.dtype)


def _spread(values: Array, *, how: Windows) -> Array:
    if how.apart:
        sizes = [n for n, k in zip(how.result, how.window) for n in ((n, 1) if k > 1 else (n,))]
        wide = [m for n, k in zip(how.result, how.window) for m in ((n, k) if k > 1 else (n,))]
        return how.joined(jnp.broadcast_to(values.reshape(sizes), wide))
    return _overlapping(how, lambda place: values)


def _library_spread(values: Array, *, how: Windows) -> Array:
    like = jax.ShapeDtypeStruct(how.shape, values.dtype)
    (spread,) = jax.linear_transpose(functools.partial(_library_total, how=how), like)(values)
    return spread


# ---- the primitives --------------------------------------------------------------------------------------


def _primitive(name: str, enlarges: bool, on_cpu: Callable, elsewhere: Callable) -> Primitive:
    """A function of an array (and of numbers): from windows to elements if it `enlarges`, else the other way."""
    primitive = Primitive(name)

    @functools.cache
    def compiled(how: Windows) -> Any:
        return jax.jit(functools.partial(primitive.bind, how=how))

    def shape(x: Any, *numbers: Any, how: Windows) -> Any:
        return ShapedArray(how.shape if enlarges else how.result, x.dtype)

    def batched(operands: Sequence[Array], axes: Sequence[Any], how: Windows) -> tuple[Array, int]:
        size = next(x.shape[axis] for x, axis in zip(operands, axes) if axis is not None)
        front = [
            jnp.broadcast_to(x, (size, *x.shape)) if axis is None else jnp.moveaxis(x, axis, 0)
            for x, axis in zip(operands, axes)
        ]
        return primitive.bind(*front, how=how.batched(size)), 0

    primitive.def_impl(lambda *operands, how: compiled(how)(*operands))
    primitive.def_abstract_eval(shape)
    mlir.register_lowering(primitive, mlir.lower_fun(on_cpu, multiple_results=False), platform="cpu")
    mlir.register_lowering(primitive, mlir.lower_fun(elsewhere, multiple_results=False))
    batching.primitive_batchers[primitive] = batched
    return primitive


maximum_p = _primitive("window_maximum", False, _cpu_maximum, _library_maximum)
chosen_p = _primitive("window_chosen", False, _chosen, _chosen)
placed_p = _primitive("window_placed", True, _placed, _placed)
total_p = _primitive("window_total", False, _cpu_total, _library_total)
spread_p = _primitive("window_spread", True, _spread, _library_spread)


def _linear(primitive: Primitive, transposed: Primitive) -> None:
    def transpose(upstream: Any, x: Any, *numbers: Any, how: Windows) -> list:
        return [transposed.bind(upstream, *numbers, how=how), *(None for _ in numbers)]

    ad.deflinear2(primitive, transpose)
    if primitive in (chosen_p, placed_p):  # linear in the first operand only; numbers have no tangent
        ad.primitive_jvps[primitive] = functools.partial(_jvp, primitive)


def _jvp(primitive: Primitive, primals: tuple, tangents: tuple, how: Windows) -> tuple[Array, Any]:
    x, number = primals
    out = primitive.bind(x, number, how=how)
    if type(tangents[0]) is ad.Zero:
        return out, _ZERO.from_primal_value(out)
    return out, primitive.bind(tangents[0], number, how=how)


for _one, _other in ((chosen_p, placed_p), (placed_p, chosen_p), (total_p, spread_p), (spread_p, total_p)):
    _linear(_one, _other)
