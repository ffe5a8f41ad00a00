"""Fourier transforms over TensorFlow, by the names of the array API: `xp.fft`."""

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf


def _along(fn: Callable, x: tf.Tensor, axis: int) -> tf.Tensor:
    """`fn`, a function of the last axis, along `axis`."""
    axis %= x.ndim
    order = [a for a in range(x.ndim) if a != axis] + [axis]
    back = [order.index(a) for a in range(x.ndim)]
    if axis == x.ndim - 1:
        return fn(x)
    return tf.transpose(fn(tf.transpose(x, order)), back)


def _sized(x: tf.Tensor, n: int | None) -> tf.Tensor:
    """The last axis cut to `n`, or filled up with zeros."""
    size = x.shape[-1]
    if n is None or n == size:
        return x
    if n < size:
        return x[..., :n]
    return tf.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, n - size)])


def _scaled(x: tf.Tensor, norm: str, size: int, forward: bool) -> tf.Tensor:
    """The transform as TensorFlow scales it, the inverse by 1 / size, as `norm` asks: "backward", "ortho", "forward"."""
    if norm == "backward":
        return x
    factor = {"ortho": size**0.5, "forward": float(size)}[norm]
    return x * tf.cast(1 / factor if forward else factor, x.dtype)


def fft(x: Any, /, *, n: int | None = None, axis: int = -1, norm: str = "backward") -> tf.Tensor:
    """The Fourier transform along an axis."""

    def last(x: tf.Tensor) -> tf.Tensor:
        x = _sized(x, n)
        return _scaled(tf.signal.fft(x), norm, x.shape[-1], True)

    return _along(last, _complex(x), axis)


def ifft(x: Any, /, *, n: int | None = None, axis: int = -1, norm: str = "backward") -> tf.Tensor:
    """The inverse Fourier transform along an axis."""

    def last(x: tf.Tensor) -> tf.Tensor:
        x = _sized(x, n)
        return _scaled(tf.signal.ifft(x), norm, x.shape[-1], False)

    return _along(last, _complex(x), axis)


def fftn(x: Any, /, *, s: Any = None, axes: Sequence[int] | None = None, norm: str = "backward") -> tf.Tensor:
    """The Fourier transform along several axes."""
    return _of_axes(fft, x, s, axes, norm)


def ifftn(x: Any, /, *, s: Any = None, axes: Sequence[int] | None = None, norm: str = "backward") -> tf.Tensor:
    """The inverse Fourier transform along several axes."""
    return _of_axes(ifft, x, s, axes, norm)


def _of_axes(fn: Callable, x: tf.Tensor, s: Any, axes: Sequence[int] | None, norm: str) -> tf.Tensor:
    axes = range(x.ndim) if axes is None else axes
    for axis, n in zip(axes, s or [None] * len(axes)):
        x = fn(x, n=n, axis=axis, norm=norm)
    return x


def rfft(x: Any, /, *, n: int | None = None, axis: int = -1, norm: str = "backward") -> tf.Tensor:
    """The half of the Fourier transform of real numbers that determines the other."""

    def last(x: tf.Tensor) -> tf.Tensor:
        x = _sized(x, n)
        return _scaled(tf.signal.rfft(x), norm, x.shape[-1], True)

    return _along(last, x, axis)


def irfft(x: Any, /, *, n: int | None = None, axis: int = -1, norm: str = "backward") -> tf.Tensor:
    """The real numbers of which `x` is the `rfft`; `n` says how many there are."""

    def last(x: tf.Tensor) -> tf.Tensor:
        size = 2 * (x.shape[-1] - 1) if n is None else n
        return _scaled(tf.signal.irfft(_sized(x, size // 2 + 1), [size]), norm, size, False)

    return _along(last, _complex(x), axis)


def _complex(x: tf.Tensor) -> tf.Tensor:
    if x.dtype.is_complex:
        return x
    return tf.cast(x, tf.complex128 if x.dtype == tf.float64 else tf.complex64)
