"""Convolution on JAX: the library's own on accelerators, and formulations of our own on a CPU.

A convolution is linear in its image and in its kernel, and so is the gradient of either. Two operations are closed
under differentiation: the convolution itself, which is also its gradient by the image, and the gradient by the kernel.
They are primitives of JAX here. Each says what its transposes are, so that derivatives of every order and in both
directions exist, and each is put into other words only when a program is made for a platform: on a CPU into what
measured fastest there.

XLA's convolution is fast on a CPU where it runs forward. Its gradient by the kernel is a hundred times too slow in a
loop, because the library it calls knows no convolution with so large a window; here the batch takes the place of the
channels, and the window is the image of the upstream gradient. Strided, depthwise and one-channel convolutions are
sums of slices or products of matrices.
"""

import functools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from lamella.backend import _jax_native
from lamella.backend._jax_windows import Pairs, margins, overlap_add, places, seen
from lamella.backend._native_convolution import KernelGradient, Window, described, sums
from lamella.typing import Array

_DENSE = 32
"""Groups are merged up to so many channels."""

_PLACES = 32
"""The largest window that slides over one channel as a sum of shifted images."""

_IN_CACHE = 2**18
"""As many sums of so many elements as the window has places stay in a processor's cache."""


class Geometry(NamedTuple):
    """How a kernel slides over an image; the sequences have an entry for every spatial axis."""

    strides: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    input_dilation: tuple[int, ...]
    kernel_dilation: tuple[int, ...]
    groups: int
    channels_last: bool

    @property
    def rank(self) -> int:
        return len(self.strides)

    @property
    def ones(self) -> tuple[int, ...]:
        return (1,) * self.rank

    def spatial(self, shape: Sequence[int]) -> tuple[int, ...]:
        """The spatial axes of an image of `shape`."""
        return tuple(shape[1:-1] if self.channels_last else shape[2:])

    def shape(self, batch: int, spatial: Sequence[int], channels: int) -> tuple[int, ...]:
        """An image's shape."""
        return (batch, *spatial, channels) if self.channels_last else (batch, channels, *spatial)

    def result(self, spatial: Sequence[int], window: Sequence[int]) -> tuple[int, ...]:
        """The spatial sizes of the convolution."""
        return tuple(
            max(0, (_dilated(n, i) + low + high - _dilated(k, d)) // s + 1)
            for n, k, s, (low, high), i, d in zip(
                spatial, window, self.strides, self.padding, self.input_dilation, self.kernel_dilation
            )
        )

    def towards_image(self, spatial: Sequence[int], window: Sequence[int]) -> "Geometry":
        """How the turned kernel slides over the upstream gradient, to give the gradient by an image of `spatial`."""
        padding = []
        for n, k, o, s, (low, _), i, d in zip(
            spatial,
            window,
            self.result(spatial, window),
            self.strides,
            self.padding,
            self.input_dilation,
            self.kernel_dilation,
        ):
            before = _dilated(k, d) - low - 1
            padding.append((before, _dilated(n, i) + _dilated(k, d) - 1 - _dilated(o, s) - before))
        return self._replace(strides=self.input_dilation, input_dilation=self.strides, padding=tuple(padding))


def _dilated(size: int, dilation: int) -> int:
    return 0 if size == 0 else (size - 1) * dilation + 1


def convolution(
    x: Array,
    kernel: Array,
    strides: Sequence[int],
    padding: Pairs,
    input_dilation: Sequence[int],
    kernel_dilation: Sequence[int],
    groups: int,
    channels_last: bool,
) -> Array:
    """`lamella.backend._windows.Windows.convolution`, which says what it computes."""
    how = Geometry(
        tuple(map(int, strides)),
        tuple((int(low), int(high)) for low, high in padding),
        tuple(map(int, input_dilation)),
        tuple(map(int, kernel_dilation)),
        int(groups),
        bool(channels_last),
    )
    if _jax_native.divided(x, kernel):
        return library_convolution(x, kernel, how=how)
    return convolution_p.bind(x, kernel, how=how, kept=False)


# ---- the library's own -----------------------------------------------------------------------------------


def library_convolution(x: Array, kernel: Array, *, how: Geometry, kept: bool = False) -> Array:
    """XLA's convolution."""
    axes = "DHW"[-how.rank :]
    layout = f"N{axes}C" if how.channels_last else f"NC{axes}"
    return lax.conv_general_dilated(
        x,
        kernel,
        how.strides,
        how.padding,
        lhs_dilation=how.input_dilation,
        rhs_dilation=how.kernel_dilation,
        dimension_numbers=(layout, f"{axes}IO", layout),
        feature_group_count=how.groups,
    )


def library_kernel_gradient(x: Array, upstream: Array, *, how: Geometry, window: tuple[int, ...]) -> Array:
    """The gradient by the kernel that JAX derives from XLA's convolution."""
    kernel = jax.ShapeDtypeStruct(_kernel_shape(x.shape, upstream.shape, how, window), x.dtype)
    (gradient,) = jax.linear_transpose(lambda k: library_convolution(x, k, how=how), kernel)(upstream)
    return gradient


def _kernel_shape(x: Sequence[int], upstream: Sequence[int], how: Geometry, window: Sequence[int]) -> tuple[int, ...]:
    axis = -1 if how.channels_last else 1
    return (*window, x[axis] // how.groups, upstream[axis])


# ---- on a CPU --------------------------------------------------------------------------------------------


def cpu_convolution(x: Array, kernel: Array, *, how: Geometry, kept: bool = False) -> Array:
    """The convolution, in the words that suit a CPU; other words where a backward pass reads it again (`kept`)."""
    if not _formulated(x, kernel):
        return library_convolution(x, kernel, how=how)
    if not how.channels_last:
        last = cpu_convolution(jnp.moveaxis(x, 1, -1), kernel, how=how._replace(channels_last=True), kept=kept)
        return jnp.moveaxis(last, -1, 1)
    wide = _wide(x)
    return _forward(wide, kernel.astype(wide.dtype), how, kept).astype(x.dtype)


def cpu_kernel_gradient(x: Array, upstream: Array, *, how: Geometry, window: tuple[int, ...]) -> Array:
    """The gradient by the kernel, in the words that suit a CPU."""
    if not _formulated(x, upstream) or not math.prod(window):
        return library_kernel_gradient(x, upstream, how=how, window=window)
    if not how.channels_last:
        x, upstream, how = jnp.moveaxis(x, 1, -1), jnp.moveaxis(upstream, 1, -1), how._replace(channels_last=True)
    wide = _wide(x)
    return _kernel_gradient(wide, upstream.astype(wide.dtype), how, window).astype(x.dtype)


def _formulated(*arrays: Array) -> bool:
    return all(a.size and jnp.issubdtype(a.dtype, jnp.floating) for a in arrays)


def _wide(x: Array) -> Array:
    """Half precision as float32, in which its products are summed up."""
    return x.astype(jnp.float32) if x.dtype.itemsize < 4 else x


def _by_products(x: Array, window: Sequence[int]) -> bool:
    """Whether products of matrices are faster than the library, which knows no float64."""
    return x.dtype == jnp.float64 or math.prod(window) == 1


def _forward(x: Array, kernel: Array, how: Geometry, kept: bool = False) -> Array:
    window, depth = kernel.shape[:-2], kernel.shape[-2]
    sizes = how.result(x.shape[1:-1], window)
    if how.input_dilation != how.ones:
        if how.strides != how.ones:
            return library_convolution(x, kernel, how=how)
        return _transposed(x, kernel, how, sizes)
    depthwise = how.groups > 1 and depth == 1
    if how.groups > 1 and not depthwise:
        parts = zip(_channel_parts(x, how.groups, depth), _dense_kernels(kernel, how.groups))
        return jnp.concatenate([_forward(part, dense, how._replace(groups=1)) for part, dense in parts], -1)
    one_channel = depth == 1 and (depthwise or math.prod(window) <= _PLACES)
    if not one_channel and not _by_products(x, window):
        return library_convolution(x, kernel, how=how)
    # XLA joins a sum of images with whatever reads it, and computes it anew for each reader: the gradient of a pooling
    # had five sums for a pixel. A product of matrices stands, and its patches are those of the gradient by the kernel.
    by_channel = one_channel and (depthwise or not kept or kernel.shape[-1] < math.prod(window))
    x = margins(x, how.padding)
    if by_channel:
        x = lax.optimization_barrier(x)  # else every view of it looks anew for where the margin ends

    def view(place: tuple[int, ...]) -> Array:
        return seen(x, _times(place, how.kernel_dilation), sizes, how.strides)

    if by_channel:
        return _total(_by_channel(view(place), kernel[place][0]) for place in places(window))
    if depth >= 16:
        return _total(view(place) @ kernel[place] for place in places(window))
    patches = jnp.concatenate([view(place) for place in places(window)], -1)
    return patches @ kernel.reshape(-1, kernel.shape[-1])


def _transposed(x: Array, kernel: Array, how: Geometry, sizes: Sequence[int]) -> Array:
    """A convolution of an image with holes: what every pixel gives to its surroundings, added up."""
    window = kernel.shape[:-2]
    if how.groups > 1 and kernel.shape[-2] == 1:  # the gradient of a depthwise one, whose loops leave out the holes
        image = jax.ShapeDtypeStruct((x.shape[0], *sizes, kernel.shape[-1]), x.dtype)
        turned, back = _turned(kernel, how.groups), how.towards_image(x.shape[1:-1], window)
        return jax.linear_transpose(lambda image: library_convolution(image, turned, how=back), image)(x)[0]
    kernel = kernel[(slice(None, None, -1),) * how.rank]
    reach = [(_dilated(k, d) - 1 - low, 0) for k, d, (low, _) in zip(window, how.kernel_dilation, how.padding)]
    columns = _columns(x, kernel, how.groups)  # (batch, *spatial, places, filters)

    def part(place):
        at = 0
        for p, k in zip(place, window):
            at = at * k + p
        return columns[..., at, :]

    return overlap_add(part, window, x.shape[1:-1], how.input_dilation, how.kernel_dilation, reach, sizes)


def _columns(x: Array, kernel: Array, groups: int) -> Array:
    *window, depth, filters = kernel.shape
    count = math.prod(window)
    if groups == 1:
        matrix = jnp.moveaxis(kernel.reshape(count, depth, filters), 1, 0).reshape(depth, count * filters)
        return (x @ matrix).reshape(*x.shape[:-1], count, filters)
    grouped = x.reshape(*x.shape[:-1], groups, depth)
    kernel = kernel.reshape(count, depth, groups, filters // groups)
    return jnp.einsum("...gd,kdgf->...kgf", grouped, kernel).reshape(*x.shape[:-1], count, filters)


def _by_channel(x: Array, weights: Array) -> Array:
    """Each channel of `x` times each of its weights, `(channels * multiplier,)`."""
    channels = x.shape[-1]
    if weights.shape[0] == channels:
        return x * weights
    return (x[..., None] * weights.reshape(channels, -1)).reshape(*x.shape[:-1], -1)


def _kernel_gradient(x: Array, upstream: Array, how: Geometry, window: tuple[int, ...]) -> Array:
    if how.input_dilation != how.ones:
        if how.strides != how.ones:
            return library_kernel_gradient(x, upstream, how=how, window=window)
        # The image and the upstream gradient change places, and the kernel is turned.
        turned = how.towards_image(x.shape[1:-1], window)
        return _turned(_kernel_gradient(upstream, x, turned, window), how.groups)
    channels, filters = x.shape[-1], upstream.shape[-1]
    depth = channels // how.groups
    sizes = upstream.shape[1:-1]
    depthwise = how.groups > 1 and depth == 1
    if how.groups > 1 and not depthwise:
        parts = zip(
            _channel_parts(x, how.groups, depth),
            _channel_parts(upstream, how.groups, filters // how.groups, _merged(how.groups, depth)),
        )
        dense = [_kernel_gradient(*part, how._replace(groups=1), window) for part in parts]
        return jnp.concatenate([_diagonal(kernel, depth) for kernel in dense], -1)
    if not depthwise and depth > 1 and not _by_products(x, window):
        plain = how.strides == how.kernel_dilation == how.ones and how.rank <= 2
        if plain and _jax_native.fits(x, upstream) and depth >= 8 and filters % 32 == 0:
            parts = sums(x.shape[0], math.prod(window) * depth * filters)
            return jnp.sum(kernel_sums_p.bind(x, upstream, how=how, window=tuple(window), parts=parts)[0], 0)
        return _by_convolution(x, upstream, how, window)
    x = margins(x, how.padding)

    def view(place: tuple[int, ...]) -> Array:
        return seen(x, _times(place, how.kernel_dilation), sizes, how.strides)

    if depthwise:
        return _depthwise_gradient(x, upstream, how, window).reshape(*window, 1, filters)
    flat = upstream.reshape(-1, filters)
    if depth >= 16:
        rows = [view(place).reshape(-1, depth).T @ flat for place in places(window)]
        return jnp.stack(rows).reshape(*window, depth, filters)
    patches = jnp.concatenate([view(place) for place in places(window)], -1)
    return (patches.reshape(-1, patches.shape[-1]).T @ flat).reshape(*window, depth, filters)


def _depthwise_gradient(x: Array, upstream: Array, how: Geometry, window: Sequence[int]) -> Array:
    """Image by image, products of whole arrays: a sum in one go would be computed one number at a time."""
    *sizes, filters = upstream.shape[1:]
    channels = x.shape[-1]
    large = math.prod(sizes) * filters > _IN_CACHE
    ones = jnp.ones(math.prod(sizes), x.dtype)

    def product(view: Array, image: Array) -> Array:
        if filters != channels:
            image = image.reshape(*sizes, channels, -1)
            view = view[..., None]
        both = (view * image).reshape(-1, filters)  # (positions, filters)
        return ones @ both if large else both

    def body(totals: list, images: tuple) -> tuple[list, None]:
        image, above = images
        views = (seen(image, _times(place, how.kernel_dilation), sizes, how.strides, 0) for place in places(window))
        return [total + product(view, above) for total, view in zip(totals, views, strict=True)], None

    start = jnp.zeros(filters if large else (math.prod(sizes), filters), x.dtype)
    totals, _ = lax.scan(body, [start] * math.prod(window), (x, upstream))
    return jnp.stack(totals if large else [jnp.sum(total, 0) for total in totals])


def _by_convolution(x: Array, upstream: Array, how: Geometry, window: Sequence[int]) -> Array:
    """The batch takes the channels' place: `x` is the image, `upstream` the kernel, the result a small image.

    The loop over slices of the batch keeps XLA from fusing what made `x` and `upstream` (a normalization, a relu) into
    the transpositions, where it would be computed element by element out of order.
    """
    padding = []
    for n, o, k, s, (low, _), d in zip(
        x.shape[1:-1], upstream.shape[1:-1], window, how.strides, how.padding, how.kernel_dilation
    ):
        padding.append((low, (k - 1) * d + _dilated(o, s) - n - low))
    inner = Geometry(how.kernel_dilation, tuple(padding), how.ones, how.strides, 1, True)

    def gradient(x: Array, upstream: Array) -> Array:
        image = jnp.moveaxis(x, (0, -1), (-1, 0))  # (channels, *spatial, batch)
        return library_convolution(image, jnp.moveaxis(upstream, 0, -2), how=inner)  # (channels, *window, filters)

    batch = x.shape[0]
    slices = 4 if batch >= 4 else batch
    each = batch // slices
    if slices == 1:
        total = gradient(x, upstream)
    else:

        def body(total: Array, at: Array) -> tuple[Array, None]:
            part = [lax.dynamic_slice_in_dim(a, at * each, each, 0) for a in (x, upstream)]
            return total + gradient(*part), None

        start = jnp.zeros((x.shape[-1], *window, upstream.shape[-1]), x.dtype)
        total, _ = lax.scan(body, start, jnp.arange(slices))
        if rest := batch - slices * each:
            total = total + gradient(x[-rest:], upstream[-rest:])
    return jnp.moveaxis(total, 0, -2)


# ---- groups: a few dense convolutions, with zeros between the groups, beat many small ones -------------------------


def _merged(groups: int, depth: int) -> int:
    """How many groups make a dense convolution together."""
    return max(m for m in range(1, groups + 1) if groups % m == 0 and (m * depth <= _DENSE or m == 1))


def _channel_parts(x: Array, groups: int, depth: int, merged: int | None = None) -> list[Array]:
    merged = merged or _merged(groups, depth)
    return jnp.split(x, groups // merged, -1)


def _dense_kernels(kernel: Array, groups: int) -> list[Array]:
    *window, depth, _ = kernel.shape
    merged = _merged(groups, depth)
    parts = jnp.split(kernel, groups // merged, -1)
    own = jnp.eye(merged, dtype=kernel.dtype)[:, None, :, None]  # (merged, 1, merged, 1)
    return [(part.reshape(*window, 1, depth, merged, -1) * own).reshape(*window, merged * depth, -1) for part in parts]


def _diagonal(kernel: Array, depth: int) -> Array:
    """The blocks of a dense kernel that belong to its groups, side by side."""
    *window, channels, filters = kernel.shape
    merged = channels // depth
    blocks = kernel.reshape(*window, merged, depth, merged, -1)
    own = jnp.eye(merged, dtype=bool)[:, None, :, None]
    return jnp.sum(jnp.where(own, blocks, 0), -4).reshape(*window, depth, filters)


def _times(place: Sequence[int], dilation: Sequence[int]) -> list[int]:
    return [p * d for p, d in zip(place, dilation)]


def _total(terms: Any) -> Array:
    return functools.reduce(jnp.add, terms)


# ---- the primitives --------------------------------------------------------------------------------------


def _turned(kernel: Array, groups: int) -> Array:
    """The kernel of the gradient by the image: flipped in space, its channels and filters changed."""
    *window, depth, filters = kernel.shape
    kernel = kernel[(slice(None, None, -1),) * len(window)]
    kernel = kernel.reshape(*window, depth, groups, filters // groups)
    return jnp.swapaxes(kernel, -1, -3).reshape(*window, filters // groups, depth * groups)


def _towards_image(upstream: Array, kernel: Array, how: Geometry, shape: Sequence[int]) -> Array:
    return convolution_p.bind(
        upstream, _turned(kernel, how.groups), how=how.towards_image(how.spatial(shape), kernel.shape[:-2]), kept=False
    )


def _primitive(name: str, shape: Any, on_cpu: Any, elsewhere: Any, transposes: Any) -> Primitive:
    """A function linear in each of its two arguments."""
    primitive = Primitive(name)

    @functools.cache
    def compiled(**options: Any) -> Any:
        return jax.jit(functools.partial(primitive.bind, **options))

    primitive.def_impl(lambda a, b, **options: compiled(**options)(a, b))
    primitive.def_abstract_eval(lambda a, b, **options: ShapedArray(shape(a.shape, b.shape, **options), a.dtype))
    ad.defbilinear(primitive, *transposes)
    mlir.register_lowering(primitive, mlir.lower_fun(on_cpu, multiple_results=False), platform="cpu")
    mlir.register_lowering(primitive, mlir.lower_fun(elsewhere, multiple_results=False))

    def batched(operands: Sequence[Array], axes: Sequence[Any], **options: Any) -> tuple[Array, int]:
        a, b = operands
        if primitive is convolution_p and axes[1] is None:
            a = jnp.moveaxis(a, axes[0], 0)
            out = primitive.bind(a.reshape(-1, *a.shape[2:]), b, **options)
            return out.reshape(a.shape[0], -1, *out.shape[1:]), 0
        operands = [x if axis is None else jnp.moveaxis(x, axis, 0) for x, axis in zip(operands, axes)]
        where = [None if axis is None else 0 for axis in axes]

        def mapped(*operands: Array) -> Array:
            def one(batched: list) -> Array:
                rest = iter(batched)
                return primitive.bind(*(x if w is None else next(rest) for x, w in zip(operands, where)), **options)

            return lax.map(one, [x for x, w in zip(operands, where) if w == 0])

        library = jax.vmap(functools.partial(elsewhere, **options), in_axes=where)
        return lax.platform_dependent(*operands, cpu=mapped, default=library), 0

    batching.primitive_batchers[primitive] = batched
    return primitive


def _result_shape(x: Any, kernel: Any, how: Geometry, kept: bool) -> tuple[int, ...]:
    return how.shape(x[0], how.result(how.spatial(x), kernel[:-2]), kernel[-1])


convolution_p = _primitive(
    "convolution",
    _result_shape,
    cpu_convolution,
    library_convolution,
    (
        lambda upstream, x, kernel, how, kept: _towards_image(upstream, kernel, how, x.aval.shape),
        lambda upstream, x, kernel, how, kept: kernel_gradient_p.bind(
            x, upstream, how=how, window=tuple(kernel.aval.shape[:-2])
        ),
    ),
)
_bilinear = ad.primitive_jvps[convolution_p]
ad.primitive_jvps[convolution_p] = lambda x, t, how, kept: _bilinear(x, t, how=how, kept=True)
kernel_gradient_p = _primitive(
    "convolution_kernel_gradient",
    _kernel_shape,
    cpu_kernel_gradient,
    library_kernel_gradient,
    (
        lambda direction, x, upstream, how, window: _towards_image(upstream, direction, how, x.aval.shape),
        lambda direction, x, upstream, how, window: convolution_p.bind(x, direction, how=how, kept=False),
    ),
)


# ---- machine code of our own -----------------------------------------------------------------------------


def _kernel_sums(x: Array, upstream: Array, how: Geometry, window: tuple[int, ...], parts: int) -> tuple[Array]:
    """`parts` arrays whose sum is the gradient by the kernel."""
    whole = _by_convolution(x, upstream, how, window)
    return (jnp.concatenate([whole[None], jnp.zeros((parts - 1, *whole.shape), whole.dtype)]),)


def _described(x: Any, upstream: Any, how: Geometry, window: tuple[int, ...], parts: int) -> list[int] | None:
    if 0 in (*x.shape, *upstream.shape):
        return None
    (batch, *spatial, channels), (_, *out, filters) = x.shape, upstream.shape
    flat = [1] * (2 - how.rank)
    before = [0] * (2 - how.rank) + [low for low, _ in how.padding]
    sizes = [batch, *flat, *spatial, channels, *flat, *out, filters, *flat, *window, *before]
    return described(Window._make(sizes))


kernel_sums_p = _jax_native.primitive("kernel_gradient", _kernel_sums, KernelGradient, _described)
