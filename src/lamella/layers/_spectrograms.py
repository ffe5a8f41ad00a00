"""Spectrograms: how much of each frequency a signal holds, as time goes on."""

import warnings
from typing import Any

import numpy as np

from lamella import initializers, ops
from lamella.backend import _dtypes
from lamella.core._serialization import deserialize_keras_object
from lamella.errors import ArgumentError, DTypeError
from lamella.layers._data_layer import DataLayer
from lamella.layers._input_spec import InputSpec
from lamella.layers._layer import Layer
from lamella.layers._options import label, options_of, positive_integer
from lamella.typing import Array

__all__ = ["MelSpectrogram", "STFTSpectrogram"]

_MODES = ("log", "magnitude", "psd", "real", "imag", "angle", "stft")
_SIDES = {"real": ("real",), "imag": ("imag",)}  # which bases a mode needs; all others need both


class STFTSpectrogram(Layer):
    """The short-time Fourier transform of signals, as a convolution whose kernels may be trained.

    With `X = X_re + i X_im` the transform of a frame, the outputs are, by `mode`: "real" `X_re`, "imag" `X_im`, "angle"
    `atan2(X_im, X_re)`, "magnitude" `sqrt(max(|X|^2, epsilon))`, "log" its natural logarithm, "psd" the one-sided power
    `|X|^2` (twice that between the first and the last frequency), "stft" both parts, one after the other.

    Allen and Rabiner (1977), "A unified approach to short-time Fourier analysis and synthesis".

    Args:
        mode: "log", "magnitude", "psd", "real", "imag", "angle" or "stft".
        frame_length: samples in a frame.
        frame_step: samples from one frame to the next, at most `frame_length`. Defaults to half a frame.
        fft_length: samples that a frame is padded to, at least `frame_length`; best a power of two, by default the
            smallest that is enough.
        window: the name of a window of `scipy.signal.get_window` ("hann", "hamming", ...), an array of shape
            `(frame_length,)`, or None for none.
        periodic: whether the window is periodic rather than symmetric.
        scaling: "density" divides by the root of the sum of the squared window, "spectrum" by the sum of the window,
            None by nothing.
        padding: "valid" for whole frames only, "same" for zeros around the signal.
        expand_dims: whether the frequencies get an axis of their own, as the columns of an image.
        data_format: "channels_last" or "channels_first".

    Input shape: `(batch, time, channels)`, or `(batch, channels, time)` with the channels first. Each channel is
        transformed by itself.
    Output shape: with `bins = fft_length // 2 + 1` (twice that for "stft"), `(batch, frames, channels * bins)` or, with
        `expand_dims`, `(batch, frames, bins, channels)`; with the channels first, `(batch, channels * bins, frames)` or
        `(batch, channels, frames, bins)`.
    Weights: `real_kernel` and `imag_kernel`, `(frame_length, 1, fft_length // 2 + 1)`, as far as the mode needs them.

    Raises:
        ArgumentError: for an option that is not one of those above.
        DTypeError: when the inputs are not float16, float32 or float64.

    Example:
        >>> from lamella import layers, ops
        >>> layers.STFTSpectrogram(frame_length=256, frame_step=128, fft_length=512)(ops.ones((3, 16000, 1))).shape
        (3, 124, 257)
    """

    def __init__(
        self,
        mode: str = "log",
        frame_length: int = 256,
        frame_step: int | None = None,
        fft_length: int | None = None,
        window: Any = "hann",
        periodic: bool = False,
        scaling: str | None = "density",
        padding: str = "valid",
        expand_dims: bool = False,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if mode not in _MODES:
            raise ArgumentError(
                f"Output mode of {label(self)} is invalid, it must be one of {', '.join(_MODES)}. Received: mode={mode!r}"
            )
        positive_integer(self, "frame_length", frame_length)
        if frame_step is not None and not 0 < frame_step <= frame_length:
            raise ArgumentError(
                f"`frame_step` of {label(self)} should be a positive integer not greater than `frame_length`. Received "
                f"frame_step={frame_step}, frame_length={frame_length}"
            )
        if fft_length is not None:
            positive_integer(self, "fft_length", fft_length)
            if fft_length < frame_length:
                raise ArgumentError(
                    f"`fft_length` of {label(self)} should be not less than `frame_length`. Received fft_length="
                    f"{fft_length}, frame_length={frame_length}"
                )
            if fft_length & (fft_length - 1):
                warnings.warn(
                    f"`fft_length` is recommended to be a power of two. Received fft_length={fft_length}", stacklevel=2
                )
        if padding not in ("valid", "same"):
            raise ArgumentError(
                f"Padding of {label(self)} is invalid, it should be 'valid' or 'same'. Received: padding={padding!r}"
            )
        self._initializers = {
            side: initializers.STFT(side, window=window, scaling=scaling, periodic=periodic)
            for side in _SIDES.get(mode, ("real", "imag"))
        }
        self.mode = mode
        self.frame_length = frame_length
        self.frame_step = frame_step
        self.fft_length = fft_length
        self.window = window
        self.periodic = periodic
        self.scaling = scaling
        self.padding = padding
        self.expand_dims = expand_dims
        self.data_format = _dtypes.standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=3)

    @property
    def _bins(self) -> int:
        """Frequencies from 0 to half of the sampling rate."""
        fft_length = self.fft_length or 1 << (self.frame_length - 1).bit_length()
        return fft_length // 2 + 1

    def build(self, input_shape: Any) -> None:
        for side, initializer in self._initializers.items():
            kernel = self.add_weight(
                name=f"{side}_kernel", shape=(self.frame_length, 1, self._bins), initializer=initializer
            )
            setattr(self, f"{side}_kernel", kernel)

    def call(self, inputs: Any) -> Array:
        if _dtypes.standardize_dtype(inputs.dtype) not in ("float16", "float32", "float64"):
            raise DTypeError(
                f"Invalid input type of {label(self)}. Expected `float16`, `float32` or `float64`. Received: input type="
                f"{_dtypes.standardize_dtype(inputs.dtype)}"
            )
        channels_first = self.data_format == "channels_first"
        signals = inputs if channels_first else ops.transpose(inputs, (0, 2, 1))  # (batch, channels, time)
        channels, samples = signals.shape[1:]
        parts = self._spectrum(ops.reshape(signals, (-1, samples, 1)))  # each (batch * channels, frames, bins)
        outputs = self._output(*parts)
        frames, bins = outputs.shape[1:]
        outputs = ops.reshape(outputs, (-1, channels, frames, bins))
        if self.expand_dims:
            return outputs if channels_first else ops.transpose(outputs, (0, 2, 3, 1))
        if channels_first:
            return ops.reshape(ops.transpose(outputs, (0, 1, 3, 2)), (-1, channels * bins, frames))
        return ops.reshape(ops.transpose(outputs, (0, 2, 1, 3)), (-1, frames, channels * bins))

    def _spectrum(self, signals: Array) -> list[Array]:
        kernels = [getattr(self, f"{side}_kernel") for side in self._initializers]
        kernel = ops.concatenate(kernels, axis=-1) if len(kernels) > 1 else ops.convert_to_tensor(kernels[0])
        step = self.frame_step or max(1, self.frame_length // 2)
        both = ops.conv(signals, kernel, strides=step, padding=self.padding, data_format="channels_last")
        return ops.split(both, len(kernels), axis=-1)

    def _output(self, *parts: Array) -> Array:
        if self.mode in _SIDES:
            return parts[0]
        if self.mode == "stft":
            return ops.concatenate(parts, axis=-1)
        real, imaginary = parts
        if self.mode == "angle":
            return ops.arctan2(imaginary, real)
        power = ops.square(real) + ops.square(imaginary)
        if self.mode == "psd":
            sides = np.full(self._bins, 2.0)  # the negative frequencies fold onto all but the first and the last
            sides[[0, -1]] = 1.0
            return power * ops.cast(sides, power.dtype)
        magnitude = ops.sqrt(ops.maximum(power, _dtypes.epsilon()))
        return ops.log(magnitude) if self.mode == "log" else magnitude

    def get_config(self) -> dict:
        return {**super().get_config(), **options_of(self)}

    @classmethod
    def from_config(cls, config: dict) -> "STFTSpectrogram":
        return cls(**_with_window(config))


class MelSpectrogram(DataLayer):
    """Mel spectrograms of signals: the power in bands that grow wider as hearing grows coarser.

    The short-time Fourier transform is taken with frames centred on their samples, its magnitude raised to `mag_exp`, and
    summed by overlapping triangles with equal steps on the mel scale, `mel(f) = 2595 log10(1 + f / 700)`; decibels are
    `10 log10(power / ref_power)`, cut `top_db` below the largest of the batch.

    Stevens, Volkmann and Newman (1937), "A scale for the measurement of the psychological magnitude pitch"; the scale and
    the triangles of height 1 are those of the Hidden Markov Model Toolkit.

    Args:
        fft_length: samples that a frame is padded to.
        sequence_stride: samples from one frame to the next.
        sequence_length: samples in a frame, at most `fft_length`; by default as many.
        window: "hann", "hamming", an array of shape `(sequence_length,)`, or None for none.
        sampling_rate: samples per second.
        num_mel_bins: the number of bands.
        min_freq, max_freq: the edges of the lowest and of the highest band, in hertz; the upper defaults to half of
            the sampling rate.
        power_to_db: whether to convert to decibels.
        top_db: how far below the largest value decibels are cut.
        mag_exp: the power of the magnitude: 1 for amplitude, 2 for power.
        min_power: the least power (and the least `ref_power`) before the logarithm.
        ref_power: the power of 0 decibels.

    Input shape: `(..., samples)`, usually `(samples,)` or `(batch, samples)`.
    Output shape: `(..., num_mel_bins, frames)`.

    Raises:
        ArgumentError: for sizes that are not positive, or a `sequence_length` above `fft_length`.

    Example:
        >>> from lamella import layers, ops
        >>> layers.MelSpectrogram(num_mel_bins=64, sampling_rate=8000, sequence_stride=256)(ops.ones((16000,))).shape
        (64, 63)
    """

    _built_from_start = True

    def __init__(
        self,
        fft_length: int = 2048,
        sequence_stride: int = 512,
        sequence_length: int | None = None,
        window: Any = "hann",
        sampling_rate: int = 16000,
        num_mel_bins: int = 128,
        min_freq: float = 20.0,
        max_freq: float | None = None,
        power_to_db: bool = True,
        top_db: float = 80.0,
        mag_exp: float = 2.0,
        min_power: float = 1e-10,
        ref_power: float = 1.0,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.fft_length = positive_integer(self, "fft_length", fft_length)
        self.sequence_stride = positive_integer(self, "sequence_stride", sequence_stride)
        self.sequence_length = sequence_length or fft_length
        self.window = window
        self.sampling_rate = sampling_rate
        self.num_mel_bins = positive_integer(self, "num_mel_bins", num_mel_bins)
        self.min_freq = min_freq
        self.max_freq = max_freq or int(sampling_rate / 2)
        self.power_to_db = power_to_db
        self.top_db = top_db
        self.mag_exp = mag_exp
        self.min_power = min_power
        self.ref_power = ref_power
        if self.sequence_length > fft_length:
            raise ArgumentError(
                f"`fft_length` of {label(self)} must be greater than or equal to `sequence_length`. Received: "
                f"`sequence_length`={self.sequence_length}, `fft_length`={fft_length}."
            )

    def call(self, inputs: Any) -> Array:
        signals = ops.cast(inputs, self.compute_dtype)
        window = self.window if self.window is None or isinstance(self.window, str) else np.asarray(self.window)
        real, imaginary = ops.stft(signals, self.sequence_length, self.sequence_stride, self.fft_length, window)
        magnitude = ops.sqrt(ops.square(real) + ops.square(imaginary))  # (..., frames, fft_length // 2 + 1)
        triangles = self.linear_to_mel_weight_matrix(
            self.num_mel_bins,
            self.fft_length // 2 + 1,
            self.sampling_rate,
            self.min_freq,
            self.max_freq,
            dtype=magnitude.dtype,
        )
        mel = ops.swapaxes(ops.matmul(ops.power(magnitude, self.mag_exp), triangles), -1, -2)
        return ops.cast(self._decibels(mel) if self.power_to_db else mel, self.compute_dtype)

    def _decibels(self, power: Array) -> Array:
        reference = np.log10(max(self.ref_power, self.min_power))
        decibels = 10.0 * (ops.log10(ops.maximum(power, self.min_power)) - float(reference))
        return ops.maximum(decibels, ops.max(decibels) - self.top_db)

    def linear_to_mel_weight_matrix(
        self,
        num_mel_bins: int = 20,
        num_spectrogram_bins: int = 129,
        sampling_rate: float = 8000,
        lower_edge_hertz: float = 125.0,
        upper_edge_hertz: float = 3800.0,
        dtype: str = "float32",
    ) -> Array:
        """The triangles that sum frequencies into bands: a matrix to multiply a spectrogram `(frames, bins)` with.

        Args:
            num_mel_bins: the number of bands.
            num_spectrogram_bins: frequencies of the spectrogram, from 0 to half of the sampling rate.
            sampling_rate: samples per second.
            lower_edge_hertz, upper_edge_hertz: the edges of the lowest and of the highest band.
            dtype: of the matrix.

        Returns:
            An array, `(num_spectrogram_bins, num_mel_bins)`; the peak of each triangle is 1, frequency 0 is left out.
        """
        frequencies = _mel(np.linspace(0.0, sampling_rate / 2.0, num_spectrogram_bins))[1:, None]
        edges = np.linspace(_mel(lower_edge_hertz), _mel(upper_edge_hertz), num_mel_bins + 2)
        lower, centre, upper = edges[:-2], edges[1:-1], edges[2:]
        rising, falling = (frequencies - lower) / (centre - lower), (upper - frequencies) / (upper - centre)
        triangles = np.maximum(0.0, np.minimum(rising, falling))
        return ops.cast(np.pad(triangles, [[1, 0], [0, 0]]), dtype)

    def convert_weight(self, weight: Any) -> Any:
        """`weight` as it is: here for subclasses written for Keras."""
        return weight

    def get_config(self) -> dict:
        return {**super().get_config(), **options_of(self)}

    @classmethod
    def from_config(cls, config: dict) -> "MelSpectrogram":
        return cls(**_with_window(config))


def _mel(hertz: Any) -> Any:
    return 2595.0 * np.log10(1.0 + np.asarray(hertz) / 700.0)


def _with_window(config: dict) -> dict:
    """`config` with a window that is an array again, where it was one."""
    if isinstance(config.get("window"), dict):
        return {**config, "window": deserialize_keras_object(config["window"])}
    return config
