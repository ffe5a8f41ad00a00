"""Convolution and pooling."""

import math
from collections.abc import Sequence
from typing import Any

from lamella import ops
from lamella.backend import _dtypes
from lamella.errors import ArgumentError, ShapeError
from lamella.typing import Array, ArrayLike

__all__ = [
    "conv1d",
    "conv2d",
    "conv3d",
    "conv2d_transpose",
    "conv3d_transpose",
    "depthwise_conv2d",
    "separable_conv1d",
    "separable_conv2d",
    "local_conv",
    "local_conv1d",
    "local_conv2d",
    "pool2d",
    "pool3d",
]


def conv1d(
    x: ArrayLike,
    kernel: ArrayLike,
    strides: int = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: int = 1,
) -> Array:
    """Convolution (cross-correlation) along one axis.

    Args:
        x: `(batch, steps, channels)`, or `(batch, channels, steps)`.
        kernel: `(size, channels, filters)`.
        strides: how many steps apart the results are.
        padding: "valid", "same" or "causal": only from the left, so that no result depends on later steps.
        data_format: `"channels_last"` or `"channels_first"`; defaults to `image_data_format()`.
        dilation_rate: how many steps apart the elements of the kernel are.
    """
    data_format = _dtypes.standardize_data_format(data_format)
    if padding == "causal":
        before = (dilation_rate * (_known("conv1d", kernel)[0] - 1), 0)
        margins = (before, (0, 0)) if data_format == "channels_last" else ((0, 0), before)
        x, padding = ops.pad(x, ((0, 0), *margins)), "valid"
    return _conv("conv1d", 1, x, kernel, strides, padding, data_format, dilation_rate)


def conv2d(
    x: ArrayLike,
    kernel: ArrayLike,
    strides: Any = (1, 1),
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = (1, 1),
) -> Array:
    """Convolution (cross-correlation) of images.

    Args:
        x: `(batch, height, width, channels)`, or `(batch, channels, height, width)`.
        kernel: `(height, width, channels, filters)`.
        strides: how many pixels apart the results are: one integer, or one for each axis.
        padding: "valid" or "same".
        data_format: `"channels_last"` or `"channels_first"`; defaults to `image_data_format()`.
        dilation_rate: how many pixels apart the elements of the kernel are.
    """
    return _conv("conv2d", 2, x, kernel, strides, padding, data_format, dilation_rate)


def conv3d(
    x: ArrayLike,
    kernel: ArrayLike,
    strides: Any = (1, 1, 1),
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = (1, 1, 1),
) -> Array:
    """Convolution (cross-correlation) of volumes.

    Args:
        x: `(batch, depth, height, width, channels)`, or `(batch, channels, depth, height, width)`.
        kernel: `(depth, height, width, channels, filters)`.
        strides, padding, data_format, dilation_rate: as of `conv2d`.
    """
    return _conv("conv3d", 3, x, kernel, strides, padding, data_format, dilation_rate)


def _conv(
    name: str,
    rank: int,
    x: ArrayLike,
    kernel: ArrayLike,
    strides: Any,
    padding: str,
    data_format: str | None,
    dilation_rate: Any,
) -> Array:
    if ops.ndim(x) != rank + 2:
        raise ShapeError(f"{name} takes an array of {rank + 2} axes; got shape {ops.shape(x)}.")
    return ops.conv(
        x,
        kernel,
        strides=_each(strides, rank),
        padding=_padding(name, padding),
        data_format=_dtypes.standardize_data_format(data_format),
        dilation_rate=_each(dilation_rate, rank),
    )


def _each(value: Any, rank: int) -> tuple[int, ...]:
    return (value,) * rank if isinstance(value, int) else tuple(value)


def _known(name: str, x: ArrayLike, which: slice = slice(None)) -> tuple[int, ...]:
    """The sizes of `x` along the axes `which`, which must be known."""
    sizes = ops.shape(x)[which]
    if None in sizes:
        raise ShapeError(f"{name} needs to know the sizes; got an array of shape {ops.shape(x)}.")
    return sizes  # type: ignore[return-value]


def _padding(name: str, padding: str) -> str:
    lowered = str(padding).lower()
    if lowered not in ("valid", "same"):
        raise ArgumentError(f"The `padding` of {name} must be 'valid' or 'same'; got {padding!r}.")
    return lowered


def conv2d_transpose(
    x: ArrayLike,
    kernel: ArrayLike,
    output_shape: Any,
    strides: Any = (1, 1),
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = (1, 1),
) -> Array:
    """The transposed convolution: the gradient of `conv2d` with respect to its input, of shape `output_shape`.

    Args:
        x: `(batch, height, width, channels)`, or `(batch, channels, height, width)`.
        kernel: `(height, width, filters, channels)`.
        output_shape: the shape of the result, batch and channels included.
        strides, padding, data_format, dilation_rate: those of that `conv2d`.

    Raises:
        ShapeError: when no convolution leads from `output_shape` to the shape of `x`.
    """
    return _conv_transpose("conv2d_transpose", 2, x, kernel, output_shape, strides, padding, data_format, dilation_rate)


def conv3d_transpose(
    x: ArrayLike,
    kernel: ArrayLike,
    output_shape: Any,
    strides: Any = (1, 1, 1),
    padding: str = "valid",
    data_format: str | None = None,
) -> Array:
    """The transposed convolution: the gradient of `conv3d` with respect to its input, of shape `output_shape`.

    Args:
        x: `(batch, depth, height, width, channels)`, or `(batch, channels, depth, height, width)`.
        kernel: `(depth, height, width, filters, channels)`.
        output_shape: the shape of the result, batch and channels included.
        strides, padding, data_format: those of that `conv3d`.

    Raises:
        ShapeError: when no convolution leads from `output_shape` to the shape of `x`.
    """
    return _conv_transpose("conv3d_transpose", 3, x, kernel, output_shape, strides, padding, data_format, 1)


def _conv_transpose(
    name: str,
    rank: int,
    x: ArrayLike,
    kernel: ArrayLike,
    output_shape: Any,
    strides: Any,
    padding: str,
    data_format: str | None,
    dilation_rate: Any,
) -> Array:
    data_format, padding = _dtypes.standardize_data_format(data_format), _padding(name, padding)
    strides, dilation = _each(strides, rank), _each(dilation_rate, rank)
    inner = slice(1, -1) if data_format == "channels_last" else slice(2, None)
    have, wanted = _known(name, x, inner), tuple(output_shape)[inner]
    kernel_sizes = _known(name, kernel)[:rank]
    # Whole: one kernel at every stride. "valid" may leave up to stride - 1 elements at the end that no kernel reached;
    # "same" cuts margins of which the smaller part is in front. Both are cut out of the whole, widened where needed.
    whole = [(n - 1) * s + (k - 1) * d + 1 for n, s, k, d in zip(have, strides, kernel_sizes, dilation)]
    for n, w, s, full in zip(have, wanted, strides, whole):
        expected = -(-w // s) if padding == "same" else (w - (full - (n - 1) * s)) // s + 1
        if expected != n:
            raise ShapeError(
                f"{name} cannot make {tuple(output_shape)} of an array of shape {ops.shape(x)} with strides {strides}, "
                f"padding {padding!r} and a kernel of {kernel_sizes}: the convolution of that shape has another size."
            )
    out = ops.conv_transpose(
        x, kernel, strides=strides, padding="valid", output_padding=0, data_format=data_format, dilation_rate=dilation
    )
    margins, cuts = [], []
    for w, full in zip(wanted, whole):
        front = max(full - w, 0) // 2 if padding == "same" else 0
        margins.append((0, max(w + front - full, 0)))
        cuts.append(slice(front, front + w))
    around = ((0, 0), *margins, (0, 0)) if data_format == "channels_last" else ((0, 0), (0, 0), *margins)
    if any(after for _, after in margins):
        out = ops.pad(out, around)
    everything = slice(None)
    places = (everything, *cuts) if data_format == "channels_last" else (everything, everything, *cuts)
    return ops.get_item(out, places)


def depthwise_conv2d(
    x: ArrayLike,
    depthwise_kernel: ArrayLike,
    strides: Any = (1, 1),
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = (1, 1),
) -> Array:
    """Convolution of images, each channel with kernels of its own.

    Args:
        x: `(batch, height, width, channels)`, or `(batch, channels, height, width)`.
        depthwise_kernel: `(height, width, channels, multiplier)`.
        strides, padding, data_format, dilation_rate: as of `conv2d`.

    Returns:
        An array with `channels * multiplier` channels.
    """
    return ops.depthwise_conv(
        x,
        depthwise_kernel,
        strides=_each(strides, 2),
        padding=_padding("depthwise_conv2d", padding),
        data_format=_dtypes.standardize_data_format(data_format),
        dilation_rate=_each(dilation_rate, 2),
    )


def separable_conv1d(
    x: ArrayLike,
    depthwise_kernel: ArrayLike,
    pointwise_kernel: ArrayLike,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Array:
    """Convolution along one axis, first of each channel with kernels of its own, then across channels.

    Args:
        x: `(batch, steps, channels)`, or `(batch, channels, steps)`.
        depthwise_kernel: `(size, channels, multiplier)`.
        pointwise_kernel: `(1, channels * multiplier, filters)`.
        strides, padding, data_format, dilation_rate: as of `conv1d`.
    """
    return _separable(
        "separable_conv1d", 1, x, depthwise_kernel, pointwise_kernel, strides, padding, data_format, dilation_rate
    )


def separable_conv2d(
    x: ArrayLike,
    depthwise_kernel: ArrayLike,
    pointwise_kernel: ArrayLike,
    strides: Any = (1, 1),
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = (1, 1),
) -> Array:
    """Convolution of images, first of each channel with kernels of its own, then across channels.

    Args:
        x: `(batch, height, width, channels)`, or `(batch, channels, height, width)`.
        depthwise_kernel: `(height, width, channels, multiplier)`.
        pointwise_kernel: `(1, 1, channels * multiplier, filters)`.
        strides, padding, data_format, dilation_rate: as of `conv2d`.
    """
    return _separable(
        "separable_conv2d", 2, x, depthwise_kernel, pointwise_kernel, strides, padding, data_format, dilation_rate
    )


def _separable(
    name: str,
    rank: int,
    x: ArrayLike,
    depthwise_kernel: ArrayLike,
    pointwise_kernel: ArrayLike,
    strides: Any,
    padding: str,
    data_format: str | None,
    dilation_rate: Any,
) -> Array:
    return ops.separable_conv(
        x,
        depthwise_kernel,
        pointwise_kernel,
        strides=_each(strides, rank),
        padding=_padding(name, padding),
        data_format=_dtypes.standardize_data_format(data_format),
        dilation_rate=_each(dilation_rate, rank),
    )


# ---- kernels of each place ---------------------------------------------------------------------------


def local_conv(
    inputs: ArrayLike,
    kernel: ArrayLike,
    kernel_size: Sequence[int],
    strides: Sequence[int],
    output_shape: Sequence[int],
    data_format: str | None = None,
) -> Array:
    """Convolution whose every place has a kernel of its own.

    Args:
        inputs: `(batch, ..., channels)`, or `(batch, channels, ...)`.
        kernel: `(places, elements of a kernel * channels, filters)`, places in row-major order.
        kernel_size: the size of a kernel along each axis.
        strides: how many elements apart the places are, along each axis.
        output_shape: the number of places along each axis.
        data_format: `"channels_last"` or `"channels_first"`; defaults to `image_data_format()`.

    Returns:
        `(batch, ..., filters)`, or `(batch, filters, ...)`.
    """
    data_format = _dtypes.standardize_data_format(data_format)
    axes, places = len(kernel_size), tuple(int(n) for n in output_shape)
    first = data_format == "channels_first"
    if first:
        inputs = ops.moveaxis(inputs, 1, -1)
    (channels,) = _known("local_conv", inputs, slice(-1, None))
    patches = ops.convert_to_tensor(inputs) if not hasattr(inputs, "shape") else inputs
    for i in range(axes):  # each spatial axis becomes (place, element of the kernel)
        steps = range(0, places[i] * strides[i], strides[i])
        indices = [[step + offset for offset in range(kernel_size[i])] for step in steps]
        patches = ops.take(patches, indices, axis=1 + 2 * i)
    order = (*range(1, 1 + 2 * axes, 2), 0, *((1 + 2 * axes,) if first else ()), *range(2, 2 + 2 * axes, 2))
    order = order if first else (*order, 1 + 2 * axes)  # (places..., batch, elements and channels)
    elements = math.prod(kernel_size) * channels
    patches = ops.reshape(ops.transpose(patches, axes=order), (math.prod(places), -1, elements))
    out = ops.transpose(ops.matmul(patches, kernel), axes=(1, 0, 2))  # (batch, places, filters)
    out = ops.reshape(out, (-1, *places, ops.shape(kernel)[-1]))
    return ops.moveaxis(out, -1, 1) if first else out


def local_conv1d(
    inputs: ArrayLike, kernel: ArrayLike, kernel_size: Any, strides: Any, data_format: str | None = None
) -> Array:
    """`local_conv` along one axis.

    Args:
        inputs: `(batch, steps, channels)`, or `(batch, channels, steps)`.
        kernel: `(places, kernel_size * channels, filters)`.
        kernel_size, strides: an integer, or a tuple of one.
        data_format: `"channels_last"` or `"channels_first"`; defaults to `image_data_format()`.
    """
    places = _known("local_conv1d", kernel)[:1]
    return local_conv(inputs, kernel, _each(kernel_size, 1), _each(strides, 1), places, data_format)


def local_conv2d(
    inputs: ArrayLike,
    kernel: ArrayLike,
    kernel_size: Any,
    strides: Any,
    output_shape: Sequence[int],
    data_format: str | None = None,
) -> Array:
    """`local_conv` of images.

    Args:
        inputs: `(batch, height, width, channels)`, or `(batch, channels, height, width)`.
        kernel: `(places, kernel height * kernel width * channels, filters)`.
        kernel_size, strides: two integers.
        output_shape: the number of places along height and width.
        data_format: `"channels_last"` or `"channels_first"`; defaults to `image_data_format()`.
    """
    return local_conv(inputs, kernel, _each(kernel_size, 2), _each(strides, 2), output_shape, data_format)


# ---- pooling -----------------------------------------------------------------------------------------


def pool2d(
    x: ArrayLike,
    pool_size: Any,
    strides: Any = (1, 1),
    padding: str = "valid",
    data_format: str | None = None,
    pool_mode: str = "max",
) -> Array:
    """The largest value, or the mean, of each window of images.

    Args:
        x: `(batch, height, width, channels)`, or `(batch, channels, height, width)`.
        pool_size: the size of a window: two integers.
        strides: how many pixels apart the windows are: two integers.
        padding: "valid" or "same"; a mean counts only what lies in the image.
        data_format: `"channels_last"` or `"channels_first"`; defaults to `image_data_format()`.
        pool_mode: "max" or "avg".

    Raises:
        ArgumentError: for another padding or mode.
    """
    return _pool("pool2d", 2, x, pool_size, strides, padding, data_format, pool_mode)


def pool3d(
    x: ArrayLike,
    pool_size: Any,
    strides: Any = (1, 1, 1),
    padding: str = "valid",
    data_format: str | None = None,
    pool_mode: str = "max",
) -> Array:
    """The largest value, or the mean, of each window of volumes.

    Args:
        x: `(batch, depth, height, width, channels)`, or `(batch, channels, depth, height, width)`.
        pool_size, strides: three integers.
        padding, data_format, pool_mode: as of `pool2d`.

    Raises:
        ArgumentError: for another padding or mode.
    """
    return _pool("pool3d", 3, x, pool_size, strides, padding, data_format, pool_mode)


def _pool(
    name: str,
    rank: int,
    x: ArrayLike,
    pool_size: Any,
    strides: Any,
    padding: str,
    data_format: str | None,
    pool_mode: str,
) -> Array:
    if ops.ndim(x) != rank + 2:
        raise ShapeError(f"{name} takes an array of {rank + 2} axes; got shape {ops.shape(x)}.")
    if pool_mode not in ("max", "avg"):
        raise ArgumentError(f"The `pool_mode` of {name} must be 'max' or 'avg'; got {pool_mode!r}.")
    for what, value in (("pool_size", pool_size), ("strides", strides)):
        if not isinstance(value, int) and len(value) != rank:
            raise ArgumentError(f"The `{what}` of {name} must be {rank} integers; got {value!r}.")
    pool = ops.max_pool if pool_mode == "max" else ops.average_pool
    return pool(
        x,
        pool_size=_each(pool_size, rank),
        strides=_each(strides, rank),
        padding=_padding(name, padding),
        data_format=_dtypes.standardize_data_format(data_format),
    )
