"""Convolution and pooling by PyTorch's kernels, where it has them for the arguments."""

import math
from collections.abc import Sequence
from typing import Any

import torch.nn.functional as F

from lamella.backend._windows import Pairs, Windows, _positions

_CONVOLUTIONS = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
_TRANSPOSED = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}
_MAXIMA = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}


class TorchWindows(Windows):
    """The part of the adapter that slides windows."""

    def convolution(
        self,
        x: Any,
        kernel: Any,
        strides: Sequence[int],
        padding: Pairs,
        input_dilation: Sequence[int],
        kernel_dilation: Sequence[int],
        groups: int,
        channels_last: bool,
    ) -> Any:
        rank = len(strides)
        dilated = [max(0, (n - 1) * d + 1) for n, d in zip(_spatial(x, channels_last), input_dilation)]
        padded = [n + low + high for n, (low, high) in zip(dilated, padding)]
        sizes = _positions(padded, kernel.shape[:-2], strides, kernel_dilation)
        if rank > 3 or not x.is_floating_point() or 0 in (*sizes, *x.shape, *kernel.shape):
            return super().convolution(
                x, kernel, strides, padding, input_dilation, kernel_dilation, groups, channels_last
            )
        x = x.movedim(-1, 1) if channels_last else x
        if any(d > 1 for d in input_dilation) and all(s == 1 for s in strides):
            out = _transposed(x, kernel, padding, input_dilation, kernel_dilation, groups)
        else:
            for axis, dilation in enumerate(input_dilation, 2):
                x = self._dilated(x, axis, dilation)
            margins = [0] * rank
            if all(low == high >= 0 for low, high in padding):
                margins = [low for low, _ in padding]
            else:
                x = F.pad(x, [n for pair in reversed(padding) for n in pair])
            weights = kernel.permute(rank + 1, rank, *range(rank))
            out = _CONVOLUTIONS[rank](x, weights, None, tuple(strides), margins, tuple(kernel_dilation), groups)
        return out.movedim(1, -1) if channels_last else out

    def reduce_window(
        self, x: Any, reduction: str, window: Sequence[int], strides: Sequence[int], padding: Pairs
    ) -> Any:
        axes = [
            i for i, (n, s, p) in enumerate(zip(window, strides, padding)) if n != 1 or s != 1 or tuple(p) != (0, 0)
        ]
        padded = [n + low + high for n, (low, high) in zip(x.shape, padding)]
        sizes = _positions(padded, window, strides, (1,) * x.ndim)
        if not 1 <= len(axes) <= 3 or not x.is_floating_point() or 0 in (*x.shape, *sizes):
            return super().reduce_window(x, reduction, window, strides, padding)
        others = [i for i in range(x.ndim) if i not in axes]
        order = [*others, *axes]
        neutral = 0.0 if reduction == "sum" else -math.inf
        x = x.permute(order)
        leading = x.shape[: len(others)]
        if len(others) != 2:
            x = x.reshape(1, leading.numel(), *x.shape[len(others) :])
        margins = [n for i in reversed(axes) for n in padding[i]]
        if any(margins):
            x = F.pad(x, margins, value=neutral)
        out = _pooled(x, reduction, [window[i] for i in axes], [strides[i] for i in axes])
        out = out.reshape(*leading, *out.shape[2:])
        return out.permute([order.index(i) for i in range(len(order))])


def _spatial(x: Any, channels_last: bool) -> Sequence[int]:
    return x.shape[1:-1] if channels_last else x.shape[2:]


def _transposed(x: Any, kernel: Any, padding: Pairs, stride: Any, dilation: Any, groups: int) -> Any:
    """Correlation of the dilated `x`: what the transposed convolution with the reversed kernel computes."""
    rank = len(stride)
    window, depth, filters = kernel.shape[:-2], kernel.shape[-2], kernel.shape[-1]
    weights = kernel.flip(tuple(range(rank))).permute(rank, rank + 1, *range(rank))  # (depth, filters, *window)
    if groups > 1:
        weights = weights.reshape(depth, groups, filters // groups, *window).transpose(0, 1)
        weights = weights.reshape(groups * depth, filters // groups, *window)
    out = _TRANSPOSED[rank](x, weights, None, tuple(stride), 0, 0, groups, tuple(dilation))
    reach = [(n - 1) * d for n, d in zip(window, dilation)]
    margins = [n - r for (low, high), r in reversed(list(zip(padding, reach))) for n in (low, high)]
    return F.pad(out, margins) if any(margins) else out


def _pooled(x: Any, reduction: str, window: list[int], strides: list[int]) -> Any:
    if reduction == "max":
        return _MAXIMA[len(window)](x, window, strides)
    if len(window) == 1:
        return _pooled(x.unsqueeze(2), reduction, [1, *window], [1, *strides]).squeeze(2)
    return (F.avg_pool2d if len(window) == 2 else F.avg_pool3d)(x, window, strides, divisor_override=1)
