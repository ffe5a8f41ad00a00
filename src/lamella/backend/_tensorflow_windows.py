"""Convolution by TensorFlow's kernels, where they compute what the definition says."""

import tensorflow as tf

from lamella.backend._windows import Windows


class TensorflowWindows(Windows):
    """The definitions, and in their place the library's own kernels."""

    def convolution(self, x, kernel, strides, padding, input_dilation, kernel_dilation, groups, channels_last):
        rank = len(strides)
        empty = 0 in (*x.shape, *kernel.shape)
        if not 1 <= rank <= 3 or groups > 1 or empty or not x.dtype.is_floating:
            return super().convolution(
                x, kernel, strides, padding, input_dilation, kernel_dilation, groups, channels_last
            )
        x = x if channels_last else self.xp.moveaxis(x, 1, -1)
        for axis, dilation in enumerate(input_dilation, 1):
            x = self._dilated(x, axis, dilation)
        x = self._margins(x, [(0, 0), *padding, (0, 0)], 0)
        out = tf.nn.convolution(x, kernel, list(strides), "VALID", dilations=list(kernel_dilation))
        return out if channels_last else self.xp.moveaxis(out, -1, 1)
