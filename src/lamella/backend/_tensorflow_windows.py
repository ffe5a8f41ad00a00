"""Convolution and pooling by TensorFlow's kernels, where they compute what the definition says."""

import functools
import math

import tensorflow as tf

from lamella.backend._windows import Windows

_LAYOUT = {1: "NWC", 2: "NHWC", 3: "NDHWC"}


class TensorflowWindows(Windows):
    """The definitions, and in their place the library's own kernels."""

    def convolution(self, x, kernel, strides, padding, input_dilation, kernel_dilation, groups, channels_last):
        rank = len(strides)
        empty = 0 in (*x.shape, *kernel.shape)
        both = max(strides, default=1) > 1 and max(kernel_dilation, default=1) > 1  # which TensorFlow refuses
        if not 1 <= rank <= 3 or groups > 1 or empty or both or not x.dtype.is_floating:
            return super().convolution(
                x, kernel, strides, padding, input_dilation, kernel_dilation, groups, channels_last
            )
        x = x if channels_last else self.xp.moveaxis(x, 1, -1)
        for axis, dilation in enumerate(input_dilation, 1):
            x = self._dilated(x, axis, dilation)
        x = self._margins(x, [(0, 0), *padding, (0, 0)], 0)
        layout = _LAYOUT[rank]
        out = tf.nn.convolution(x, kernel, list(strides), "VALID", layout, list(kernel_dilation))
        return out if channels_last else self.xp.moveaxis(out, -1, 1)

    def reduce_window(self, x, reduction, window, strides, padding):
        rank = x.ndim - 2
        plain = [k == s == 1 and tuple(p) == (0, 0) for k, s, p in zip(window, strides, padding)]
        last = plain[0] and plain[-1]
        first = plain[0] and len(plain) > 1 and plain[1]
        by_definition = functools.partial(super().reduce_window, x, reduction, window, strides, padding)
        if reduction != "max" or rank not in _LAYOUT or not (last or first) or not x.dtype.is_floating or 0 in x.shape:
            return by_definition()
        finite = _is_finite(x)
        x = self._margins(x, padding, -math.inf)
        x = x if last else self.xp.moveaxis(x, 1, -1)
        window, strides = (list(v[1:-1] if last else v[2:]) for v in (window, strides))
        out = (_planes_pooled if rank == 3 else _pooled)(x, window, strides)
        out = out if last else self.xp.moveaxis(out, -1, 1)

        def corrected() -> tf.Tensor:
            """NaN and minus infinity, which the kernel passes over, where the definition has them."""
            exact = by_definition()
            return tf.where(tf.math.is_finite(exact), out, exact)

        return tf.cond(finite, lambda: out, corrected)


def _is_finite(x: tf.Tensor) -> tf.Tensor:
    """Whether all numbers are finite; where their sum is not, no."""
    return tf.math.is_finite(tf.reduce_sum(x if x.dtype.size > 2 else tf.cast(x, tf.float32)))


def _pooled(x: tf.Tensor, window: list, strides: list) -> tf.Tensor:
    """The greatest of each window; of equal ones the first has the gradient."""
    return tf.nn.max_pool(x, window, strides, "VALID", _LAYOUT[len(window)])


def _planes_pooled(x: tf.Tensor, window: list, strides: list) -> tf.Tensor:
    """`_pooled` of volumes, plane by plane and then across: TensorFlow's own gives every equal one the gradient."""
    batch, depth, *_, channels = x.shape
    planes = _pooled(tf.reshape(x, [batch * depth, *x.shape[2:]]), window[1:], strides[1:])
    rows, columns = planes.shape[1:3]
    across = _pooled(tf.reshape(planes, [batch, depth, rows * columns, channels]), [window[0], 1], [strides[0], 1])
    return tf.reshape(across, [batch, across.shape[1], rows, columns, channels])
