"""Convolution and pooling: what slides a window over the spatial axes of its input.

Inputs are `(batch, *spatial, channels)`, or `(batch, channels, *spatial)` with `data_format="channels_first"`; kernels
are `(*window, input channels, filters)` in both.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from lamella.backend import _dtypes, _registry
from lamella.core._arrays import arrays, cast, promote, promote_float
from lamella.core._inference import stands_for_unknown
from lamella.core._operation import op
from lamella.errors import ArgumentError, ArgumentTypeError, ShapeError
from lamella.typing import Array, ArrayLike

__all__ = [
    "conv",
    "depthwise_conv",
    "separable_conv",
    "conv_transpose",
    "max_pool",
    "average_pool",
    "adaptive_max_pool",
    "adaptive_average_pool",
    "unfold",
    "fold",
]

Sizes = int | Sequence[int]


@op
def conv(
    inputs: ArrayLike,
    kernel: ArrayLike,
    strides: Sizes = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Sizes = 1,
) -> Array:
    """Convolution (correlation) over one, two or three spatial axes.

    `out(b, p, f) = sum_{k, c} inputs(b, p * strides + k * dilation_rate, c) * kernel(k, c, f)`. Where the kernel has
    fewer input channels than `inputs`, the channels form groups, each with its share of the filters.

    Args:
        inputs: `(batch, *spatial, channels)` or `(batch, channels, *spatial)`.
        kernel: `(*window, channels / groups, filters)`.
        strides: steps of the window, a number or one for each spatial axis.
        padding: "valid" (none), "same" (zeros on both sides, so that the result has ceil(size / stride) places), or,
            for one spatial axis, "causal" (zeros before the beginning, so that no place sees later ones).
        data_format: "channels_last" or "channels_first"; defaults to `image_data_format()`.
        dilation_rate: steps within the window, a number or one for each spatial axis.

    Returns:
        An array of the layout of `inputs`, with `filters` channels.

    Raises:
        ShapeError: when ranks or channels do not fit, or the result would be empty.
        ArgumentError: for another `padding`, or a wrong number of strides or dilation rates.

    Example:
        >>> from lamella import ops
        >>> signal, difference = ops.reshape([1.0, 4.0, 9.0], (1, 3, 1)), ops.reshape([-1.0, 1.0], (2, 1, 1))
        >>> ops.convert_to_numpy(ops.conv(signal, difference)).ravel().tolist()
        [3.0, 5.0]
    """
    _, x, kernel = promote(inputs, kernel)
    call = _Call("conv", x, kernel, strides, padding, data_format, dilation_rate)
    depth = kernel.shape[-2]
    if not depth or call.channels % depth or kernel.shape[-1] % (call.channels // depth):
        raise ShapeError(
            "`conv` needs input channels that are a multiple of those of the kernel, and filters that are a multiple "
            f"of that quotient, the number of groups; got {call.channels} input channels, kernel of shape "
            f"{tuple(kernel.shape)}."
        )
    return call.run(kernel, groups=call.channels // depth)


@op
def depthwise_conv(
    inputs: ArrayLike,
    kernel: ArrayLike,
    strides: Sizes = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Sizes = 1,
) -> Array:
    """A convolution of each channel with filters of its own.

    Args:
        inputs: `(batch, *spatial, channels)` or `(batch, channels, *spatial)`.
        kernel: `(*window, channels, multiplier)`.
        strides, padding, data_format, dilation_rate: as in `conv`.

    Returns:
        An array of the layout of `inputs`, with `channels * multiplier` channels, those of one input channel
        together.

    Raises:
        ShapeError: when ranks or channels do not fit, or the result would be empty.
        ArgumentError: for another `padding`, or a wrong number of strides or dilation rates.

    Example:
        >>> from lamella import ops
        >>> ops.depthwise_conv(ops.ones((1, 8, 8, 3)), ops.ones((3, 3, 3, 2))).shape
        (1, 6, 6, 6)
    """
    xp, x, kernel = promote(inputs, kernel)
    call = _Call("depthwise_conv", x, kernel, strides, padding, data_format, dilation_rate)
    *window, depth, multiplier = kernel.shape
    if depth != call.channels:
        raise ShapeError(
            f"`depthwise_conv` needs a kernel with as many input channels as `inputs`; got {call.channels} input "
            f"channels, kernel of shape {tuple(kernel.shape)}."
        )
    return call.run(xp.reshape(kernel, (*window, 1, depth * multiplier)), groups=depth)


@op
def separable_conv(
    inputs: ArrayLike,
    depthwise_kernel: ArrayLike,
    pointwise_kernel: ArrayLike,
    strides: Sizes = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Sizes = 1,
) -> Array:
    """A depthwise convolution, whose channels are then mixed place by place.

    Chollet (2016), arXiv:1610.02357.

    Args:
        inputs: `(batch, *spatial, channels)` or `(batch, channels, *spatial)`.
        depthwise_kernel: `(*window, channels, multiplier)`.
        pointwise_kernel: `(*ones, channels * multiplier, filters)`.
        strides, padding, data_format, dilation_rate: of the depthwise convolution, as in `conv`.

    Returns:
        An array of the layout of `inputs`, with `filters` channels.

    Raises:
        ShapeError: when ranks or channels do not fit, or the result would be empty.
        ArgumentError: for another `padding`, or a wrong number of strides or dilation rates.

    Example:
        >>> from lamella import ops
        >>> ops.separable_conv(ops.ones((1, 8, 8, 3)), ops.ones((3, 3, 3, 2)), ops.ones((1, 1, 6, 4))).shape
        (1, 6, 6, 4)
    """
    _, inputs, depthwise_kernel, pointwise_kernel = promote(inputs, depthwise_kernel, pointwise_kernel)
    mixed = depthwise_conv(inputs, depthwise_kernel, strides, padding, data_format, dilation_rate)
    return conv(mixed, pointwise_kernel, 1, "valid", data_format)


@op
def conv_transpose(
    inputs: ArrayLike,
    kernel: ArrayLike,
    strides: Sizes = 1,
    padding: str = "valid",
    output_padding: Sizes | None = None,
    data_format: str | None = None,
    dilation_rate: Sizes = 1,
) -> Array:
    """The transpose (the gradient with respect to the input) of `conv`.

    Each input is the factor of a copy of the kernel, `strides` places from the next; the copies are added. With n
    inputs, stride s and a window that spans w places, the result has along each axis

    - "valid": `n * s + max(w - s, 0)` places, or `(n - 1) * s + w + output_padding` where that is given;
    - "same": `n * s`, or `(n - 1) * s + w - 2 * (w // 2) + output_padding`; what is cut is cut on both sides, the odd
      one at the end.

    Args:
        inputs: `(batch, *spatial, channels)` or `(batch, channels, *spatial)`.
        kernel: `(*window, filters, channels)`.
        strides: places between the copies, a number or one for each spatial axis.
        padding: "valid" or "same".
        output_padding: places added at the end, a number or one for each spatial axis; None for those that the sizes
            above make.
        data_format: "channels_last" or "channels_first"; defaults to `image_data_format()`.
        dilation_rate: steps within the window, a number or one for each spatial axis.

    Returns:
        An array of the layout of `inputs`, with `filters` channels.

    Raises:
        ShapeError: when ranks or channels do not fit.
        ArgumentError: for another `padding`, or a wrong number of strides or dilation rates.

    Example:
        >>> from lamella import ops
        >>> signal, twice = ops.reshape([1.0, 2.0], (1, 2, 1)), ops.reshape([1.0, 1.0], (2, 1, 1))
        >>> ops.convert_to_numpy(ops.conv_transpose(signal, twice, strides=2)).ravel().tolist()
        [1.0, 1.0, 2.0, 2.0]
    """
    xp, x, kernel = promote(inputs, kernel)
    call = _Call("conv_transpose", x, kernel, strides, padding, data_format, dilation_rate, paddings=("valid", "same"))
    *window, _, depth = kernel.shape
    if depth != call.channels:
        raise ShapeError(
            "`conv_transpose` needs a kernel of shape (*window, filters, channels) with the channels of `inputs`; "
            f"got {call.channels} channels, kernel of shape {tuple(kernel.shape)}."
        )
    extra = None if output_padding is None else call.each(output_padding, "output_padding")
    margins = []
    for i, (n, k, s, d) in enumerate(zip(call.spatial, window, call.strides, call.dilation)):
        span = (k - 1) * d + 1
        full = (n - 1) * s + span
        if extra is None:
            size = n * s + (max(span - s, 0) if call.padding == "valid" else 0)
        else:
            size = full + extra[i] - (0 if call.padding == "valid" else 2 * (span // 2))
        cut = max(0, full - size) // 2 if call.padding == "same" else 0
        margins.append((span - 1 - cut, size - full + cut + span - 1))
    kernel = xp.flip(xp.moveaxis(kernel, -1, -2), axis=tuple(range(len(window))))
    ones = (1,) * len(window)
    return call.convolve(kernel, ones, margins, call.strides, 1)


class _Call:
    """The arguments that convolutions share, checked."""

    def __init__(
        self,
        name: str,
        x: Array,
        kernel: Array,
        strides: Any,
        padding: Any,
        data_format: str | None,
        dilation: Any,
        paddings: Sequence[str] = ("valid", "same", "causal"),
    ):
        self.name, self.x = name, x
        if x.ndim not in (3, 4, 5) or kernel.ndim != x.ndim:
            raise ShapeError(
                f"`{name}` needs inputs with one, two or three spatial axes between batch and channels, and a kernel "
                f"with as many axes; got inputs of shape {tuple(x.shape)}, kernel of shape {tuple(kernel.shape)}."
            )
        self.channels_last = _dtypes.standardize_data_format(data_format) == "channels_last"
        self.spatial = tuple(x.shape[1:-1] if self.channels_last else x.shape[2:])
        self.channels = x.shape[-1] if self.channels_last else x.shape[1]
        self.window = tuple(kernel.shape[:-2])
        self.padding = _checked_padding(name, padding, paddings, len(self.spatial))
        self.strides = self.each(strides, "strides")
        self.dilation = self.each(dilation, "dilation_rate")

    def each(self, value: Sizes, what: str) -> tuple[int, ...]:
        """`value` for each spatial axis."""
        return _each(self.name, value, what, len(self.spatial), least=0 if what == "output_padding" else 1)

    def run(self, kernel: Array, groups: int) -> Array:
        """The convolution."""
        margins = _margins(self.padding, self.spatial, self.window, self.strides, self.dilation)
        for n, (low, high), k, d in zip(self.spatial, margins, self.window, self.dilation):
            if n + low + high < (k - 1) * d + 1:
                raise ShapeError(
                    f"The result of `{self.name}` would be empty: inputs of shape {tuple(self.x.shape)} are smaller "
                    f"than the window {self.window} with dilation {self.dilation}. Use padding='same', larger inputs "
                    "or a smaller window."
                )
        return self.convolve(kernel, self.strides, margins, (1,) * len(self.spatial), groups)

    def convolve(self, kernel: Array, strides: Any, margins: Any, input_dilation: Any, groups: int) -> Array:
        """What the adapter computes, in the dtype of the inputs."""
        adapter = _registry.active()
        out = adapter.convolution(
            self.x, kernel, strides, margins, input_dilation, self.dilation, groups, self.channels_last
        )
        return cast(out, adapter.dtype(self.x))


def _each(name: str, value: Any, what: str, rank: int, least: int = 1) -> tuple[int, ...]:
    """`value` as `rank` integers of at least `least`: one for all of them, or a sequence."""
    given = value.tolist() if isinstance(value, np.ndarray) else value
    values = tuple(given) if isinstance(given, (tuple, list)) else (given,) * rank
    if len(values) != rank or not all(_is_whole(v) and v >= least for v in values):
        raise ArgumentTypeError(
            f"The `{what}` of `{name}` must be an integer of at least {least}, or a tuple of {rank}; got {value!r}."
        )
    return tuple(int(v) for v in values)


def _is_whole(value: Any) -> bool:
    return value.is_integer() if isinstance(value, float) else hasattr(value, "__index__")


def _checked_padding(name: str, padding: Any, known: Sequence[str], rank: int) -> str:
    lowered = padding.lower() if isinstance(padding, str) else padding
    if lowered not in known or (lowered == "causal" and rank != 1):
        names = [k for k in known if k != "causal" or rank == 1]
        raise ArgumentError(f"The `padding` of `{name}` must be one of {names}; got {padding!r}.")
    return lowered


def _margins(padding: str, sizes: Any, window: Any, strides: Any, dilation: Any) -> list[tuple[int, int]]:
    """How many zeros stand before and after each spatial axis."""
    margins = []
    for n, k, s, d in zip(sizes, window, strides, dilation):
        span = (k - 1) * d + 1
        if padding == "same":
            total = max((math.ceil(n / s) - 1) * s + span - n, 0)
            margins.append((total // 2, total - total // 2))
        else:
            margins.append((span - 1, 0) if padding == "causal" else (0, 0))
    return margins


# ---- pooling ---------------------------------------------------------------------------------------------


@op
def max_pool(
    inputs: ArrayLike,
    pool_size: Sizes,
    strides: Sizes | None = None,
    padding: str = "valid",
    data_format: str | None = None,
) -> Array:
    """The greatest element of each window, channel by channel.

    Args:
        inputs: `(batch, *spatial, channels)` or `(batch, channels, *spatial)`.
        pool_size: the window, a number or one for each spatial axis.
        strides: steps of the window; defaults to `pool_size`.
        padding: "valid" (none) or "same" (so that the result has ceil(size / stride) places; the margin counts for
            nothing).
        data_format: "channels_last" or "channels_first"; defaults to `image_data_format()`.

    Returns:
        An array of the layout and dtype of `inputs`.

    Raises:
        ShapeError: when `inputs` has no spatial axis, or the result would be empty.
        ArgumentError: for another `padding`, or a wrong number of sizes.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.max_pool(ops.reshape([1.0, 3.0, 2.0, 0.0], (1, 4, 1)), 2)).ravel().tolist()
        [3.0, 2.0]
    """
    _, x = arrays(inputs)
    return _registry.active().reduce_window(
        x, "max", *_pool_windows("max_pool", x, pool_size, strides, padding, data_format)
    )


@op
def average_pool(
    inputs: ArrayLike,
    pool_size: Sizes,
    strides: Sizes | None = None,
    padding: str = "valid",
    data_format: str | None = None,
) -> Array:
    """The mean of each window, channel by channel; with padding "same", of what lies inside the input.

    Args:
        inputs, pool_size, strides, padding, data_format: as in `max_pool`.

    Returns:
        A floating array of the layout of `inputs`.

    Raises:
        ShapeError: when `inputs` has no spatial axis, or the result would be empty.
        ArgumentError: for another `padding`, or a wrong number of sizes.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.average_pool(ops.reshape([1.0, 3.0, 2.0, 0.0], (1, 4, 1)), 2)).ravel().tolist()
        [2.0, 1.0]
    """
    _, x = promote_float(inputs)
    adapter = _registry.active()
    window, steps, margins = _pool_windows("average_pool", x, pool_size, strides, padding, data_format)
    sums = adapter.reduce_window(x, "sum", window, steps, margins)
    if not any(map(any, margins)):
        return sums / math.prod(window)
    xp = adapter.xp
    counts = xp.ones(
        (1,) * x.ndim, dtype=xp.float32
    )  # a factor for each axis: all at once may be more than memory holds
    for axis, (n, k, s, (low, high)) in enumerate(zip(x.shape, window, steps, margins)):
        if k > 1:
            starts = np.arange((n + low + high - k) // s + 1) * s - low
            inside = (np.minimum(starts + k, n) - np.maximum(starts, 0)).astype("float32")
            counts = counts * xp.asarray(inside.reshape([-1 if i == axis else 1 for i in range(x.ndim)]))
    return sums / cast(counts, adapter.dtype(x))


def _pool_windows(name: str, x: Array, pool_size: Any, strides: Any, padding: Any, data_format: Any) -> tuple:
    """(window, strides, margins), each with an entry for every axis of `x`."""
    rank = x.ndim - 2
    if rank < 1:
        raise ShapeError(
            f"`{name}` needs inputs with spatial axes between batch and channels; got shape {tuple(x.shape)}."
        )
    last = _dtypes.standardize_data_format(data_format) == "channels_last"
    padding = _checked_padding(name, padding, ("valid", "same"), rank)
    window = _each(name, pool_size, "pool_size", rank)
    steps = window if strides is None else _each(name, strides, "strides", rank)
    sizes = x.shape[1:-1] if last else x.shape[2:]
    margins = _margins(padding, sizes, window, steps, (1,) * rank)
    if any(n + low + high < k for n, (low, high), k in zip(sizes, margins, window)):
        raise ShapeError(
            f"The result of `{name}` would be empty: inputs of shape {tuple(x.shape)} are smaller than the window "
            f"{window}. Use padding='same' or a smaller window."
        )

    def full(values: Any, outside: Any) -> tuple:
        return (outside, *values, outside) if last else (outside, outside, *values)

    return full(window, 1), full(steps, 1), full(margins, (0, 0))


@op
def adaptive_average_pool(inputs: ArrayLike, output_size: Sizes, data_format: str | None = None) -> Array:
    """The means of as many windows as the result shall have places.

    Window i of m over n places reaches from floor(i n / m) to ceil((i + 1) n / m).

    Args:
        inputs: `(batch, *spatial, channels)` or `(batch, channels, *spatial)`, with one to three spatial axes.
        output_size: places of the result, a number or one for each spatial axis (None: as many as the input).
        data_format: "channels_last" or "channels_first"; defaults to `image_data_format()`.

    Returns:
        A floating array of the layout of `inputs`.

    Raises:
        ShapeError: when `inputs` has not one to three spatial axes.
        ArgumentError: for a wrong number of sizes, or one below 1.

    Example:
        >>> from lamella import ops
        >>> signal = ops.reshape([0.0, 1.0, 2.0, 3.0, 4.0], (1, 5, 1))
        >>> ops.convert_to_numpy(ops.adaptive_average_pool(signal, 2)).ravel().tolist()
        [1.0, 3.0]
    """
    xp, x = promote_float(inputs)
    dtype = _registry.active().dtype(x)
    for axis, size in _adaptive_axes("adaptive_average_pool", x, output_size, data_format):
        windows, inside = _adaptive_windows(xp, x, axis, size)
        weights = inside / inside.sum(1, keepdims=True)
        shape = (*inside.shape, *(1,) * (x.ndim - axis - 1))
        x = xp.sum(windows * cast(weights.reshape(shape), dtype), axis=axis + 1)
    return cast(x, dtype)


@op
def adaptive_max_pool(inputs: ArrayLike, output_size: Sizes, data_format: str | None = None) -> Array:
    """The greatest elements of as many windows as the result shall have places.

    Window i of m over n places reaches from floor(i n / m) to ceil((i + 1) n / m).

    Args:
        inputs, output_size, data_format: as in `adaptive_average_pool`.

    Returns:
        An array of the layout and dtype of `inputs`.

    Raises:
        ShapeError: when `inputs` has not one to three spatial axes.
        ArgumentError: for a wrong number of sizes, or one below 1.

    Example:
        >>> from lamella import ops
        >>> signal = ops.reshape([0.0, 1.0, 2.0, 3.0, 4.0], (1, 5, 1))
        >>> ops.convert_to_numpy(ops.adaptive_max_pool(signal, 2)).ravel().tolist()
        [2.0, 4.0]
    """
    xp, x = arrays(inputs)
    adapter = _registry.active()
    for axis, size in _adaptive_axes("adaptive_max_pool", x, output_size, data_format):
        # Beyond its window a place repeats the window's last element, which changes no maximum.
        windows, _ = _adaptive_windows(xp, x, axis, size)
        places = xp.argmax(windows, axis=axis + 1, keepdims=True)  # of equal ones the first has the gradient
        x = xp.squeeze(adapter.take_along_axis(windows, places, axis + 1), axis=axis + 1)
    return x


def _adaptive_axes(name: str, x: Array, output_size: Any, data_format: Any) -> list[tuple[int, int]]:
    rank = x.ndim - 2
    if rank not in (1, 2, 3):
        raise ShapeError(
            f"`{name}` needs inputs with one to three spatial axes between batch and channels; got shape "
            f"{tuple(x.shape)}."
        )
    first = 1 if _dtypes.standardize_data_format(data_format) == "channels_last" else 2
    sizes = x.shape[first : first + rank]
    if isinstance(output_size, (tuple, list)) and len(output_size) == rank:
        output_size = tuple(n if m is None else m for m, n in zip(output_size, sizes, strict=False))
    output_size = sizes if output_size is None else output_size
    wanted = _each(name, output_size, "output_size", rank)
    return [(first + i, m) for i, (m, n) in enumerate(zip(wanted, sizes)) if m != n]


def _adaptive_windows(xp: Any, x: Array, axis: int, size: int) -> tuple[Array, np.ndarray]:
    """Windows along a new axis after `axis`, all as wide as the widest, and which of their places are inside."""
    n = x.shape[axis]
    starts = np.arange(size) * n // size
    ends = -(-(np.arange(size) + 1) * n // size)
    places = starts[:, None] + np.arange((ends - starts).max())
    inside = places < ends[:, None]
    places = np.minimum(places, ends[:, None] - 1).reshape(-1).astype("int32")
    windows = xp.take(x, xp.asarray(places), axis=axis)
    return xp.reshape(windows, (*x.shape[:axis], *inside.shape, *x.shape[axis + 1 :])), inside


# ---- patches ---------------------------------------------------------------------------------------------


@op
def unfold(x: ArrayLike, kernel_size: Sizes, dilation: Sizes = 1, padding: Sizes = 0, stride: Sizes = 1) -> Array:
    """The patches that a window sees as it slides over images, as columns.

    Args:
        x: images, `(batch, channels, height, width)`.
        kernel_size: height and width of the window, a number or a pair.
        dilation: steps within the window.
        padding: zeros on each side of both axes.
        stride: steps of the window.

    Returns:
        An array of the dtype of `x`, `(batch, channels * window, places)`.

    Raises:
        ShapeError: when `x` has not four axes, or the window does not fit.
        ArgumentError: for a wrong number of sizes.

    Example:
        >>> from lamella import ops
        >>> ops.unfold(ops.ones((2, 3, 5, 6)), kernel_size=2).shape
        (2, 12, 20)
    """
    xp, x = arrays(x)
    if x.ndim != 4:
        raise ShapeError(f"`unfold` needs images of shape (batch, channels, height, width); got {tuple(x.shape)}.")
    places, window, margins, _ = _patches("unfold", x.shape[2:], kernel_size, dilation, padding, stride)
    batch, channels = x.shape[:2]
    x = _registry.active().pad(x, [(0, 0), (0, 0), *margins], "constant", 0)
    x = xp.reshape(x, (batch, channels, x.shape[2] * x.shape[3]))
    x = xp.take(x, xp.asarray(places.reshape(-1)), axis=2)
    return xp.reshape(x, (batch, channels * window, places.shape[1]))


@op
def fold(
    x: ArrayLike,
    output_size: Sizes,
    kernel_size: Sizes,
    dilation: Sizes = 1,
    padding: Sizes = 0,
    stride: Sizes = 1,
) -> Array:
    """The transpose of `unfold`: patches put back in their places and added where they overlap.

    Args:
        x: patches as columns, `(batch, channels * window, places)`.
        output_size: height and width of the images, a number or a pair.
        kernel_size, dilation, padding, stride: as in `unfold`.

    Returns:
        Images of the dtype of `x`, `(batch, channels, height, width)`.

    Raises:
        ShapeError: when `x` has not three axes, or its sizes are not those of `unfold`.
        ArgumentError: for a wrong number of sizes.

    Example:
        >>> from lamella import ops
        >>> images = ops.fold(ops.unfold(ops.ones((1, 1, 4, 4)), 2, stride=2), 4, 2, stride=2)
        >>> float(ops.sum(images))
        16.0
    """
    xp, x = arrays(x)
    if x.ndim != 3:
        raise ShapeError(f"`fold` needs columns of shape (batch, channels * window, places); got {tuple(x.shape)}.")
    sizes = _each("fold", output_size, "output_size", 2)
    places, window, margins, padded = _patches("fold", sizes, kernel_size, dilation, padding, stride)
    if stands_for_unknown(x.shape[2]):  # as many as the images have places: only the shape matters here
        x = xp.zeros((*x.shape[:2], places.shape[1]), dtype=x.dtype)
    batch, rows, columns = x.shape
    if rows % window or columns != places.shape[1]:
        raise ShapeError(
            f"`fold` into images of {sizes[0]} by {sizes[1]} needs columns of shape (batch, channels * {window}, "
            f"{places.shape[1]}); got {tuple(x.shape)}."
        )
    channels = rows // window
    x = xp.permute_dims(xp.reshape(x, (batch, channels, window * columns)), (2, 0, 1))
    flat = xp.zeros((padded[0] * padded[1], batch, channels), dtype=x.dtype)
    flat = _registry.active().scatter(flat, xp.asarray(places.reshape(-1, 1)), x, "add")
    images = xp.reshape(xp.permute_dims(flat, (1, 2, 0)), (batch, channels, *padded))
    (top, bottom), (left, right) = margins
    return images[:, :, top : padded[0] - bottom, left : padded[1] - right]


def _patches(name: str, sizes: Any, kernel_size: Any, dilation: Any, padding: Any, stride: Any) -> tuple:
    """(flat index into the padded image for each place in the window and each patch, size of the window, margins,
    padded sizes)."""
    kernel, dilation, stride = (
        _each(name, value, what, 2)
        for value, what in ((kernel_size, "kernel_size"), (dilation, "dilation"), (stride, "stride"))
    )
    margins = [(p, p) for p in _each(name, padding, "padding", 2, least=0)]
    padded = tuple(n + 2 * p for n, (p, _) in zip(sizes, margins))
    grids = []
    for n, k, d, s in zip(padded, kernel, dilation, stride):
        count = (n - (k - 1) * d - 1) // s + 1
        if count < 1:
            raise ShapeError(f"The window {kernel} of `{name}` does not fit into images of {tuple(sizes)}.")
        grids.append(np.arange(k)[:, None] * d + np.arange(count) * s)  # (place in window, patch)
    rows, columns = grids
    places = rows[:, None, :, None] * padded[1] + columns[None, :, None, :]
    window = kernel[0] * kernel[1]
    return places.reshape(window, -1).astype("int32"), window, margins, padded
