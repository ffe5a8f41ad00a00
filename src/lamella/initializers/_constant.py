"""Initializers that do not draw: constants, the identity, the bases of a Fourier transform."""

import math
from typing import Any

import numpy as np

from lamella.backend import _dtypes, _registry
from lamella.backend._numpy_arrays import numpy_dtype
from lamella.core._serialization import deserialize_keras_object, serialize_keras_object
from lamella.errors import ArgumentError, ShapeError
from lamella.initializers._base import Initializer, from_host, sizes
from lamella.typing import Array, ArrayLike

__all__ = ["STFT", "Constant", "Identity", "Ones", "Zeros"]


class Constant(Initializer):
    """Every element is `value`.

    Args:
        value: a number, or an array that broadcasts to the shape of the variable.

    Raises:
        ArgumentError: when `value` is None.

    Example:
        >>> import lamella
        >>> lamella.initializers.Constant(3.0)((2,)).tolist()
        [3.0, 3.0]
    """

    def __init__(self, value: ArrayLike = 0.0):
        if value is None:
            raise ArgumentError("The `value` of the initializer Constant must be a number or an array; got None.")
        self.value = value

    def __call__(self, shape: Any, dtype: str | None = None) -> Array:
        dtype = _dtypes.standardize_dtype(dtype)
        value = np.asarray(_registry.to_numpy(self.value), numpy_dtype(dtype))
        return from_host(np.broadcast_to(value, sizes(shape)), dtype)

    def get_config(self) -> dict:
        """Its arguments."""
        return {"value": serialize_keras_object(self.value)}

    @classmethod
    def from_config(cls, config: dict) -> "Constant":
        """The initializer of a configuration that `get_config` returned."""
        return cls(**{key: deserialize_keras_object(value) for key, value in config.items()})


class Zeros(Initializer):
    """Every element is 0.

    Example:
        >>> import lamella
        >>> lamella.initializers.Zeros()((2,)).tolist()
        [0.0, 0.0]
    """

    def __call__(self, shape: Any, dtype: str | None = None) -> Array:
        return from_host(np.zeros(sizes(shape), numpy_dtype(_dtypes.standardize_dtype(dtype))), dtype)


class Ones(Initializer):
    """Every element is 1.

    Example:
        >>> import lamella
        >>> lamella.initializers.Ones()((2,)).tolist()
        [1.0, 1.0]
    """

    def __call__(self, shape: Any, dtype: str | None = None) -> Array:
        return from_host(np.ones(sizes(shape), numpy_dtype(_dtypes.standardize_dtype(dtype))), dtype)


class Identity(Initializer):
    """`gain` on the diagonal, 0 elsewhere. Only for variables with two axes.

    Args:
        gain: what the identity is multiplied by.

    Example:
        >>> import lamella
        >>> lamella.initializers.Identity(gain=2.0)((2, 2)).tolist()
        [[2.0, 0.0], [0.0, 2.0]]
    """

    def __init__(self, gain: float = 1.0):
        self.gain = gain

    def __call__(self, shape: Any, dtype: str | None = None) -> Array:
        shape = sizes(shape)
        if len(shape) != 2:
            raise ShapeError(f"The initializer Identity is for variables with two axes; got shape {shape}.")
        return from_host(self.gain * np.eye(*shape), dtype)

    def get_config(self) -> dict:
        """Its arguments; empty for the default, as Keras writes it."""
        return {} if self.gain == 1.0 else {"gain": self.gain}


class STFT(Initializer):
    """The real or imaginary bases of a short-time Fourier transform, for a convolution that computes it.

    Element (t, 0, k) is `window(t) * cos(2 π t k / n)` or `-window(t) * sin(2 π t k / n)`, for the shape
    `(frame_length, 1, n / 2 + 1)` of a one-dimensional convolution's kernel.

    Args:
        side: "real" or "imag".
        window: the name of a window of `scipy.signal.get_window` ("hann", "hamming", ...), an array of shape
            `(frame_length,)`, or None for a window of ones, which is not scaled.
        scaling: "density" divides by the root of the sum of the squared window, "spectrum" by the sum of the
            window, None by nothing.
        periodic: whether the window is periodic rather than symmetric.

    Raises:
        ArgumentError: for another `side` or `scaling`.

    Example:
        >>> import lamella
        >>> lamella.initializers.STFT("real", window=None, scaling=None)((2, 1, 2)).tolist()
        [[[1.0, 1.0]], [[1.0, -1.0]]]
    """

    def __init__(
        self,
        side: str = "real",
        window: Any = "hann",
        scaling: str | None = "density",
        periodic: bool = False,
    ):
        if side not in ("real", "imag"):
            raise ArgumentError(f"The `side` of the initializer STFT must be 'real' or 'imag'; got {side!r}.")
        if isinstance(window, str):
            from scipy.signal import get_window

            try:
                get_window(window, 1)
            except ValueError as error:
                raise ArgumentError(f"The initializer STFT got the unknown `window` {window!r}.") from error
        if scaling not in ("density", "spectrum", None):
            raise ArgumentError(
                f"The `scaling` of the initializer STFT must be 'density', 'spectrum' or None; got {scaling!r}."
            )
        self.side = side
        self.window = window
        self.scaling = scaling
        self.periodic = periodic

    def __call__(self, shape: Any, dtype: str | None = None) -> Array:
        shape = sizes(shape)
        if len(shape) != 3:
            raise ShapeError(
                f"The initializer STFT is for kernels of shape (frame_length, 1, n / 2 + 1); got shape {shape}."
            )
        frame_length, _, bins = shape
        window = self._window(frame_length)
        if self.window is not None and self.scaling == "density":
            window = window / math.sqrt((window**2).sum())
        elif self.window is not None and self.scaling == "spectrum":
            window = window / window.sum()
        angles = 2 * np.pi * np.outer(np.arange(frame_length), np.arange(bins)) / ((bins - 1) * 2)
        bases = np.cos(angles) if self.side == "real" else -np.sin(angles)
        return from_host(np.broadcast_to((window[:, None] * bases)[:, None, :], shape), dtype)

    def _window(self, frame_length: int) -> np.ndarray:
        if self.window is None:
            return np.ones(frame_length)
        if isinstance(self.window, str):
            from scipy.signal import get_window

            return np.asarray(get_window(self.window, frame_length, fftbins=self.periodic))
        window = np.asarray(_registry.to_numpy(self.window), np.float64)
        if window.shape != (frame_length,):
            raise ShapeError(
                f"The `window` of the initializer STFT must have the length of the frame, {frame_length}; "
                "got shape "
                f"{window.shape}."
            )
        return window

    def get_config(self) -> dict:
        """Its arguments."""
        return {
            "side": self.side,
            "window": self.window if isinstance(self.window, str) else serialize_keras_object(self.window),
            "periodic": self.periodic,
            "scaling": self.scaling,
        }

    @classmethod
    def from_config(cls, config: dict) -> "STFT":
        """The initializer of a configuration that `get_config` returned."""
        arguments: dict[str, Any] = {
            k: v if isinstance(v, str) else deserialize_keras_object(v) for k, v in config.items()
        }
        return cls(**arguments)
