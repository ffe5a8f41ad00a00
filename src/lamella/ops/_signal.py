"""Signals: their frames, their Fourier transforms, and back.

Complex signals are pairs of real arrays (real part, imaginary part), as in Keras.
"""

import numbers
from typing import Any

import numpy as np

from lamella.backend import _dtypes, _registry
from lamella.core._arrays import arrays, cast, promote_float
from lamella.core._operation import op
from lamella.errors import ArgumentError, DTypeError, ShapeError
from lamella.typing import Array, ArrayLike

__all__ = ["extract_sequences", "fft", "fft2", "ifft2", "irfft", "istft", "rfft", "stft"]

Complex = tuple[Array, Array]


@op
def fft(x: tuple[ArrayLike, ArrayLike]) -> Complex:
    """The discrete Fourier transform along the last axis, `sum_t x(t) exp(-2 π i t k / n)`.

    Args:
        x: a pair of floating arrays of one shape: the real and the imaginary part.

    Returns:
        A pair of arrays of that shape.

    Raises:
        ArgumentError: when `x` is not a pair.
        ShapeError: when the shapes differ.
        DTypeError: when a part is not floating.

    Example:
        >>> from lamella import ops
        >>> real, imaginary = ops.fft(([1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]))
        >>> ops.convert_to_numpy(real).tolist()
        [1.0, 1.0, 1.0, 1.0]
    """
    xp, x = _complex("fft", x, rank=1)
    return _parts(xp.fft.fft(x))


@op
def fft2(x: tuple[ArrayLike, ArrayLike]) -> Complex:
    """The discrete Fourier transform along the last two axes.

    Args:
        x: a pair of floating arrays of one shape: the real and the imaginary part.

    Returns:
        A pair of arrays of that shape.

    Raises:
        ArgumentError: when `x` is not a pair.
        ShapeError: when the shapes differ.
        DTypeError: when a part is not floating.

    Example:
        >>> from lamella import ops
        >>> real, imaginary = ops.fft2(([[1.0, 2.0]], [[0.0, 0.0]]))
        >>> ops.convert_to_numpy(real).tolist()
        [[3.0, -1.0]]
    """
    xp, x = _complex("fft2", x, rank=2)
    return _parts(xp.fft.fftn(x, axes=(-2, -1)))


@op
def ifft2(x: tuple[ArrayLike, ArrayLike]) -> Complex:
    """The inverse of `fft2`.

    Args:
        x: a pair of floating arrays of one shape: the real and the imaginary part.

    Returns:
        A pair of arrays of that shape.

    Raises:
        ArgumentError: when `x` is not a pair.
        ShapeError: when the shapes differ.
        DTypeError: when a part is not floating.

    Example:
        >>> from lamella import ops
        >>> real, imaginary = ops.ifft2(([[3.0, -1.0]], [[0.0, 0.0]]))
        >>> ops.convert_to_numpy(real).tolist()
        [[1.0, 2.0]]
    """
    xp, x = _complex("ifft2", x, rank=2)
    return _parts(xp.fft.ifftn(x, axes=(-2, -1)))


@op
def rfft(x: ArrayLike, fft_length: int | None = None) -> Complex:
    """The discrete Fourier transform of a real signal along the last axis: the frequencies from 0 to half.

    Args:
        x: a real array.
        fft_length: n; the signal is cut or padded with zeros to it. Defaults to the size of the last axis.

    Returns:
        A pair of floating arrays, `(..., n // 2 + 1)`: the real and the imaginary part.

    Raises:
        ShapeError: when `x` is a scalar.

    Example:
        >>> from lamella import ops
        >>> real, imaginary = ops.rfft([0.0, 1.0, 0.0, 0.0])
        >>> ops.convert_to_numpy(real).tolist(), ops.convert_to_numpy(imaginary).tolist()
        ([1.0, 0.0, -1.0], [0.0, -1.0, 0.0])
    """
    xp, x = promote_float(x)
    if not x.ndim:
        raise ShapeError("`rfft` needs a signal with at least one axis; got a scalar.")
    return _parts(xp.fft.rfft(_wide(x), n=fft_length))


@op
def irfft(x: tuple[ArrayLike, ArrayLike], fft_length: int | None = None) -> Array:
    """The inverse of `rfft`.

    Args:
        x: a pair of floating arrays of one shape, `(..., n // 2 + 1)`: the real and the imaginary part.
        fft_length: n; defaults to the even one.

    Returns:
        A real array, `(..., n)`.

    Raises:
        ArgumentError: when `x` is not a pair.
        ShapeError: when the shapes differ.
        DTypeError: when a part is not floating.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.irfft(([1.0, 0.0, -1.0], [0.0, -1.0, 0.0]))).tolist()
        [0.0, 1.0, 0.0, 0.0]
    """
    xp, x = _complex("irfft", x, rank=1)
    return xp.fft.irfft(x, n=fft_length)


@op
def extract_sequences(x: ArrayLike, sequence_length: int, sequence_stride: int) -> Array:
    """Frames of `sequence_length` samples along the last axis, `sequence_stride` samples apart.

    Args:
        x: an array with at least one axis.
        sequence_length: samples in a frame.
        sequence_stride: samples from the beginning of one frame to that of the next.

    Returns:
        An array, `(..., frames, sequence_length)`; samples after the last whole frame are left out.

    Raises:
        ArgumentError: when a length or stride is not a positive integer.
        ShapeError: when `x` is a scalar.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.extract_sequences([1, 2, 3, 4, 5], 3, 2)).tolist()
        [[1, 2, 3], [3, 4, 5]]
    """
    xp, x = arrays(x)
    _check_positive(sequence_length=sequence_length, sequence_stride=sequence_stride)
    if not x.ndim:
        raise ShapeError("`extract_sequences` needs a signal with at least one axis; got shape ().")
    count = max(0, 1 + (x.shape[-1] - sequence_length) // sequence_stride)
    places = np.arange(count)[:, None] * sequence_stride + np.arange(sequence_length)
    frames = xp.take(x, xp.asarray(places.reshape(-1).astype("int32")), axis=-1)
    return xp.reshape(frames, (*x.shape[:-1], count, sequence_length))


@op
def stft(
    x: ArrayLike,
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    window: Any = "hann",
    center: bool = True,
) -> Complex:
    """Short-time Fourier transform: `rfft` of windowed frames of the signal.

    Allen and Rabiner (1977), "A unified approach to short-time Fourier analysis and synthesis".

    Args:
        x: a real signal along the last axis.
        sequence_length: samples in a window.
        sequence_stride: samples from one frame to the next.
        fft_length: at least `sequence_length`; windows are padded with zeros to it, on both sides.
        window: "hann", "hamming" (periodic), an array of shape `(sequence_length,)`, or None for ones.
        center: pad the signal by reflection, so that frame t is centred at sample t * sequence_stride.

    Returns:
        A pair of floating arrays, `(..., frames, fft_length // 2 + 1)`: the real and the imaginary part.

    Raises:
        DTypeError: when `x` is not floating.
        ArgumentError: for a window that is not known, an `fft_length` below `sequence_length`, or a length or stride
            that is not a positive integer.
        ShapeError: for a window of another length.

    Example:
        >>> from lamella import ops
        >>> real, imaginary = ops.stft(ops.ones((40,)), 8, 4, 8)
        >>> real.shape
        (11, 5)
    """
    _, x = arrays(x)
    if not _dtypes.is_float_dtype(_registry.active().dtype(x)):
        raise DTypeError(f"`stft` needs a floating signal; got dtype {_registry.active().dtype(x)}.")
    x = _wide(x)
    _check_positive(sequence_length=sequence_length, sequence_stride=sequence_stride)
    frame_window = _window("stft", window, sequence_length, fft_length)
    if center:
        margin = fft_length // 2
        x = _registry.active().pad(x, [(0, 0)] * (x.ndim - 1) + [(margin, margin)], "reflect", 0)
    frames = extract_sequences(x, fft_length, sequence_stride)
    if frame_window is not None:
        frames = frames * cast(frame_window, _registry.active().dtype(x))
    return rfft(frames, fft_length)


@op
def istft(
    x: tuple[ArrayLike, ArrayLike],
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    length: int | None = None,
    window: Any = "hann",
    center: bool = True,
) -> Array:
    """The signal whose short-time Fourier transform is nearest to `x`, by windowed overlap-add.

    Griffin and Lim (1984), "Signal estimation from modified short-time Fourier transform", equation 6. Where the
    windows of all frames are 0 the signal is not divided. Without a window, frames are only added.

    Args:
        x: a pair of arrays as `stft` returns.
        sequence_length, sequence_stride, fft_length, window, center: as they were given to `stft`.
        length: samples of the result; by default as many as the frames reach, without the margins of `center`.

    Returns:
        A real array, `(..., samples)`.

    Raises:
        ArgumentError: when `x` is not a pair, for a window that is not known, an `fft_length` below
            `sequence_length`, or a length or stride that is not a positive integer.
        ShapeError: when the parts of `x` differ in shape, or for a window of another length.

    Example:
        >>> from lamella import ops
        >>> spectrum = ops.stft(ops.ones((40,)), 8, 4, 8)
        >>> ops.istft(spectrum, 8, 4, 8).shape
        (40,)
    """
    _check_positive(sequence_length=sequence_length, sequence_stride=sequence_stride)
    adapter = _registry.active()
    frames = irfft(x, fft_length)
    xp = adapter.xp
    frame_window = _window("istft", window, sequence_length, fft_length)
    if frame_window is not None:
        frames = frames * cast(frame_window, adapter.dtype(frames))
    *batch, count, size = frames.shape
    total = size + sequence_stride * (count - 1)
    places = (np.arange(count)[:, None] * sequence_stride + np.arange(size)).reshape(-1)
    samples = xp.moveaxis(xp.reshape(frames, (*batch, count * size)), -1, 0)
    signal = xp.zeros((total, *batch), dtype=frames.dtype)
    signal = adapter.scatter(signal, xp.asarray(places[:, None].astype("int32")), samples, "add")
    signal = xp.moveaxis(signal, 0, -1)
    if frame_window is not None:
        weight = np.zeros(total)
        np.add.at(weight, places, np.tile(frame_window**2, count))
        signal = signal / cast(np.where(weight > 1e-10, weight, 1.0), adapter.dtype(frames))
    start = fft_length // 2 if center else 0
    if length is not None:
        end = min(start + length, total)
    else:
        end = total - start
    return signal[..., start:end]


def _check_positive(**samples: Any) -> None:
    for name, n in samples.items():
        if not isinstance(n, numbers.Integral) or n < 1:
            raise ArgumentError(f"`{name}` must be a positive integer; got {n!r}.")


def _window(op_name: str, window: Any, sequence_length: int, fft_length: int) -> np.ndarray | None:
    """The window as float64, padded on both sides to `fft_length`."""
    if fft_length < sequence_length:
        raise ArgumentError(
            f"`{op_name}` needs an `fft_length` of at least `sequence_length`; got sequence_length="
            f"{sequence_length}, fft_length={fft_length}."
        )
    if window is None:
        return None
    if isinstance(window, str):
        if window not in ("hann", "hamming"):
            raise ArgumentError(f"The `window` of `{op_name}` must be 'hann', 'hamming' or an array; got {window!r}.")
        base = {"hann": 0.5, "hamming": 0.54}[window]
        values = base - (1 - base) * np.cos(2 * np.pi * np.arange(sequence_length) / sequence_length)
    else:
        values = np.asarray(_registry.to_numpy(window), np.float64)
        if values.shape != (sequence_length,):
            raise ShapeError(
                f"The `window` of `{op_name}` must have the shape ({sequence_length},) of a sequence; got "
                f"{values.shape}."
            )
    before = (fft_length - sequence_length) // 2
    return np.pad(values, (before, fft_length - sequence_length - before))


def _complex(op_name: str, x: Any, rank: int) -> tuple:
    if not isinstance(x, (tuple, list)) or len(x) != 2:
        shape: Any = getattr(x, "shape", None)
        raise ArgumentError(
            f"`{op_name}` needs a pair of arrays, the real and the imaginary part; got "
            + (f"one array of shape {tuple(shape)}." if shape is not None else f"{x!r}.")
        )
    xp, real, imaginary = arrays(*x)
    if tuple(real.shape) != tuple(imaginary.shape) or real.ndim < rank:
        raise ShapeError(
            f"`{op_name}` needs a real and an imaginary part of one shape, with at least {rank} axes; got "
            f"{tuple(real.shape)} and {tuple(imaginary.shape)}."
        )
    for part in (real, imaginary):
        if not _dtypes.is_float_dtype(_registry.active().dtype(part)):
            raise DTypeError(f"`{op_name}` needs floating parts; got dtype {_registry.active().dtype(part)}.")
    return xp, _registry.active().complex(_wide(real), _wide(imaginary))


def _wide(x: Array) -> Array:
    """`x` in a dtype that libraries have Fourier transforms of."""
    return x if _registry.active().dtype(x) in ("float32", "float64") else cast(x, "float32")


def _parts(x: Array) -> Complex:
    xp = _registry.active().xp
    return xp.real(x), xp.imag(x)
