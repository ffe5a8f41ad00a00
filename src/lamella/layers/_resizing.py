"""Layers that cut off, pad or repeat the borders and rows of sequences, images and volumes."""

from typing import Any

from lamella import ops
from lamella.backend import _dtypes
from lamella.errors import ArgumentError, ShapeError
from lamella.layers._input_spec import InputSpec
from lamella.layers._layer import Layer
from lamella.layers._options import label, options_of, positive_integer, sizes
from lamella.typing import Array

__all__ = [
    "Cropping1D",
    "Cropping2D",
    "Cropping3D",
    "ZeroPadding1D",
    "ZeroPadding2D",
    "ZeroPadding3D",
    "UpSampling1D",
    "UpSampling2D",
    "UpSampling3D",
]

_INTERPOLATIONS = ("bilinear", "nearest", "lanczos3", "lanczos5", "bicubic")


def _pairs(layer: Any, argument: str, value: Any, rank: int) -> tuple[tuple[int, int], ...]:
    """`value`, a number, one for each axis, or a pair for each, as a pair (before, behind) for each axis."""
    each = value if isinstance(value, (tuple, list)) else (value,) * rank
    if len(each) != rank:
        raise ArgumentError(
            f"The `{argument}` of {label(layer)} should have {rank} elements, one for each axis of space. "
            f"Received: {argument}={value!r}."
        )
    return tuple(sizes(layer, argument, item, 2, minimum=0) for item in each)  # type: ignore[misc]


class _Spatial(Layer):
    """A layer that works on each axis between batch and channels."""

    _rank = 0

    def __init__(self, data_format: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.data_format = _dtypes.standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=self._rank + 2)

    def _on_all_axes(self, spatial: tuple, other: Any) -> tuple:
        """`spatial`, with `other` for batch and channels."""
        if self.data_format == "channels_first":
            return (other, other, *spatial)
        return (other, *spatial, other)


class _Cropping(_Spatial):
    _crop: tuple[tuple[int, int], ...]

    def call(self, inputs: Array) -> Array:
        cuts = self._on_all_axes(self._crop, (0, 0))
        if any(before + behind >= n > 0 for (before, behind), n in zip(cuts, inputs.shape) if before + behind):
            raise ShapeError(
                f"Values in `cropping` of {label(self)} should be smaller than the corresponding spatial "
                f"dimension of the input. Received: inputs.shape={tuple(inputs.shape)}, cropping={self._crop}"
            )
        return inputs[tuple(slice(before, n - behind) for (before, behind), n in zip(cuts, inputs.shape))]


class Cropping1D(_Cropping):
    """Cuts steps off both ends of sequences.

    Args:
        cropping: how many: a number, or a pair for start and end.

    Input shape: `(batch, time, features)`. Output shape: `(batch, time - start - end, features)`.

    Raises:
        ShapeError: when nothing would be left.

    Example:
        >>> from lamella import layers, ops
        >>> layers.Cropping1D((1, 0))(ops.ones((2, 5, 3))).shape
        (2, 4, 3)
    """

    _rank = 1

    def __init__(self, cropping: Any = (1, 1), **kwargs: Any):
        super().__init__("channels_last", **kwargs)
        self.cropping = sizes(self, "cropping", cropping, 2, minimum=0)
        self._crop = (self.cropping,)  # type: ignore[assignment]

    def get_config(self) -> dict:
        return {**super().get_config(), **options_of(self, Cropping1D)}


class Cropping2D(_Cropping):
    """Cuts rows and columns off the edges of images.

    Args:
        cropping: how many: a number, a number for rows and one for columns, or a pair (top, bottom) and a
            pair (left, right).
        data_format: `"channels_last"` or `"channels_first"`.

    Input shape: `(batch, rows, columns, channels)`, or with the channels first.

    Raises:
        ShapeError: when nothing would be left.

    Example:
        >>> from lamella import layers, ops
        >>> layers.Cropping2D(((1, 0), (2, 1)))(ops.ones((2, 8, 8, 3))).shape
        (2, 7, 5, 3)
    """

    _rank = 2

    def __init__(self, cropping: Any = ((0, 0), (0, 0)), data_format: str | None = None, **kwargs: Any):
        super().__init__(data_format, **kwargs)
        self.cropping = self._crop = _pairs(self, "cropping", cropping, 2)

    def get_config(self) -> dict:
        return {**super().get_config(), **options_of(self, Cropping2D)}


class Cropping3D(_Cropping):
    """Cuts slices off the faces of volumes.

    Args:
        cropping: how many: a number, a number for each of the three axes, or a pair (before, behind) for
            each.
        data_format: `"channels_last"` or `"channels_first"`.

    Input shape: `(batch, depth, rows, columns, channels)`, or with the channels first.

    Raises:
        ShapeError: when nothing would be left.

    Example:
        >>> from lamella import layers, ops
        >>> layers.Cropping3D(1)(ops.ones((2, 8, 8, 8, 3))).shape
        (2, 6, 6, 6, 3)
    """

    _rank = 3

    def __init__(self, cropping: Any = ((1, 1), (1, 1), (1, 1)), data_format: str | None = None, **kwargs: Any):
        super().__init__(data_format, **kwargs)
        self.cropping = self._crop = _pairs(self, "cropping", cropping, 3)

    def get_config(self) -> dict:
        return {**super().get_config(), **options_of(self, Cropping3D)}


class _ZeroPadding(_Spatial):
    _pad: tuple[tuple[int, int], ...]

    def call(self, inputs: Array) -> Array:
        return ops.pad(inputs, self._on_all_axes(self._pad, (0, 0)))


class ZeroPadding1D(_ZeroPadding):
    """Adds steps of zeros at both ends of sequences.

    Args:
        padding: how many: a number, or a pair for start and end.
        data_format: `"channels_last"` or `"channels_first"`.

    Input shape: `(batch, time, features)`. Output shape: `(batch, time + start + end, features)`.

    Example:
        >>> from lamella import layers, ops
        >>> layers.ZeroPadding1D(2)(ops.ones((2, 5, 3))).shape
        (2, 9, 3)
    """

    _rank = 1

    def __init__(self, padding: Any = 1, data_format: str | None = None, **kwargs: Any):
        super().__init__(data_format, **kwargs)
        self.padding = sizes(self, "padding", padding, 2, minimum=0)
        self._pad = (self.padding,)  # type: ignore[assignment]

    def get_config(self) -> dict:
        return {**super().get_config(), **options_of(self, ZeroPadding1D)}


class ZeroPadding2D(_ZeroPadding):
    """Adds rows and columns of zeros around images.

    Args:
        padding: how many: a number, a number for rows and one for columns, or a pair (top, bottom) and a pair
            (left, right).
        data_format: `"channels_last"` or `"channels_first"`.

    Input shape: `(batch, rows, columns, channels)`, or with the channels first.

    Example:
        >>> from lamella import layers, ops
        >>> layers.ZeroPadding2D((1, 2))(ops.ones((2, 8, 8, 3))).shape
        (2, 10, 12, 3)
    """

    _rank = 2

    def __init__(self, padding: Any = (1, 1), data_format: str | None = None, **kwargs: Any):
        super().__init__(data_format, **kwargs)
        self.padding = self._pad = _pairs(self, "padding", padding, 2)

    def get_config(self) -> dict:
        return {**super().get_config(), **options_of(self, ZeroPadding2D)}


class ZeroPadding3D(_ZeroPadding):
    """Adds slices of zeros around volumes.

    Args:
        padding: how many: a number, a number for each of the three axes, or a pair (before, behind) for each.
        data_format: `"channels_last"` or `"channels_first"`.

    Input shape: `(batch, depth, rows, columns, channels)`, or with the channels first.

    Example:
        >>> from lamella import layers, ops
        >>> layers.ZeroPadding3D(1)(ops.ones((2, 8, 8, 8, 3))).shape
        (2, 10, 10, 10, 3)
    """

    _rank = 3

    def __init__(self, padding: Any = ((1, 1), (1, 1), (1, 1)), data_format: str | None = None, **kwargs: Any):
        super().__init__(data_format, **kwargs)
        self.padding = self._pad = _pairs(self, "padding", padding, 3)

    def get_config(self) -> dict:
        return {**super().get_config(), **options_of(self, ZeroPadding3D)}


class _UpSampling(_Spatial):
    _times: tuple[int, ...]

    def call(self, inputs: Array) -> Array:
        for axis, times in enumerate(self._on_all_axes(self._times, 1)):
            if times != 1:
                inputs = ops.repeat(inputs, times, axis=axis)
        return inputs


class UpSampling1D(_UpSampling):
    """Repeats every step of sequences.

    Args:
        size: how many times.

    Input shape: `(batch, time, features)`. Output shape: `(batch, time * size, features)`.

    Example:
        >>> from lamella import layers, ops
        >>> layers.UpSampling1D(2)(ops.ones((2, 5, 3))).shape
        (2, 10, 3)
    """

    _rank = 1

    def __init__(self, size: int = 2, **kwargs: Any):
        super().__init__("channels_last", **kwargs)
        if not hasattr(size, "__index__"):
            raise TypeError(f"Expected an integer value for `size` of {label(self)}, got {type(size)}.")
        self.size = positive_integer(self, "size", size)
        self._times = (self.size,)

    def get_config(self) -> dict:
        return {**super().get_config(), **options_of(self, UpSampling1D)}


class UpSampling2D(_UpSampling):
    """Images of more rows and columns, by repeating or interpolating.

    Args:
        size: how many times more: a number, or one for rows and one for columns.
        data_format: `"channels_last"` or `"channels_first"`.
        interpolation: `"nearest"` (repeats), `"bilinear"`, `"bicubic"`, `"lanczos3"` or `"lanczos5"`.

    Input shape: `(batch, rows, columns, channels)`, or with the channels first.

    Raises:
        ArgumentError: for another interpolation.

    Example:
        >>> from lamella import layers, ops
        >>> layers.UpSampling2D((2, 3))(ops.ones((2, 4, 4, 3))).shape
        (2, 8, 12, 3)
    """

    _rank = 2

    def __init__(
        self,
        size: Any = (2, 2),
        data_format: str | None = None,
        interpolation: str = "nearest",
        **kwargs: Any,
    ):
        super().__init__(data_format, **kwargs)
        self.size = self._times = sizes(self, "size", size, 2)
        self.interpolation = interpolation.lower()
        if self.interpolation not in _INTERPOLATIONS:
            raise ArgumentError(
                f"Invalid value for argument `interpolation` of {label(self)}. Expected one of "
                f"{_INTERPOLATIONS}. Received: interpolation={interpolation!r}"
            )

    def call(self, inputs: Array) -> Array:
        if self.interpolation == "nearest":
            return super().call(inputs)
        whole = [n * times for n, times in zip(inputs.shape, self._on_all_axes(self._times, 1))]
        spatial = tuple(whole[2:] if self.data_format == "channels_first" else whole[1:-1])
        return ops.image.resize(inputs, spatial, interpolation=self.interpolation, data_format=self.data_format)

    def get_config(self) -> dict:
        return {**super().get_config(), **options_of(self, UpSampling2D)}


class UpSampling3D(_UpSampling):
    """Repeats the slices, rows and columns of volumes.

    Args:
        size: how many times: a number, or one for each of the three axes.
        data_format: `"channels_last"` or `"channels_first"`.

    Input shape: `(batch, depth, rows, columns, channels)`, or with the channels first.

    Example:
        >>> from lamella import layers, ops
        >>> layers.UpSampling3D(2)(ops.ones((2, 4, 4, 4, 3))).shape
        (2, 8, 8, 8, 3)
    """

    _rank = 3

    def __init__(self, size: Any = (2, 2, 2), data_format: str | None = None, **kwargs: Any):
        super().__init__(data_format, **kwargs)
        self.size = self._times = sizes(self, "size", size, 3)

    def get_config(self) -> dict:
        return {**super().get_config(), **options_of(self, UpSampling3D)}
