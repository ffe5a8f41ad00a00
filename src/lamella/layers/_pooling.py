"""Pooling: the largest or the mean of each window, of each channel, or of a grid of regions."""

from typing import Any

from lamella import ops
from lamella.backend import _dtypes
from lamella.errors import ArgumentError, ShapeError
from lamella.layers._input_spec import InputSpec
from lamella.layers._layer import Layer
from lamella.layers._options import label, options_of, sizes, with_defaults
from lamella.typing import Array

__all__ = [
    "MaxPool1D",
    "MaxPooling1D",
    "AvgPool1D",
    "AveragePooling1D",
    "MaxPool2D",
    "MaxPooling2D",
    "AvgPool2D",
    "AveragePooling2D",
    "MaxPool3D",
    "MaxPooling3D",
    "AvgPool3D",
    "AveragePooling3D",
    "GlobalMaxPool1D",
    "GlobalMaxPooling1D",
    "GlobalAvgPool1D",
    "GlobalAveragePooling1D",
    "GlobalMaxPool2D",
    "GlobalMaxPooling2D",
    "GlobalAvgPool2D",
    "GlobalAveragePooling2D",
    "GlobalMaxPool3D",
    "GlobalMaxPooling3D",
    "GlobalAvgPool3D",
    "GlobalAveragePooling3D",
    "AdaptiveMaxPooling1D",
    "AdaptiveAveragePooling1D",
    "AdaptiveMaxPooling2D",
    "AdaptiveAveragePooling2D",
    "AdaptiveMaxPooling3D",
    "AdaptiveAveragePooling3D",
]


class _Spatial(Layer):
    """A layer that pools the axes between batch and channels."""

    _rank = 0
    _pool = ""  # the op

    def __init__(self, data_format: str | None, **kwargs: Any):
        super().__init__(**kwargs)
        self.data_format = _dtypes.standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=self._rank + 2)

    @property
    def _axes(self) -> tuple[int, ...]:
        first = 2 if self.data_format == "channels_first" else 1
        return tuple(range(first, first + self._rank))

    def get_config(self) -> dict:
        return {**super().get_config(), **options_of(self)}


class _Pooling(_Spatial):
    """The windows of max and average pooling."""

    _built_from_start = True

    def __init__(
        self,
        pool_size: Any,
        strides: Any = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(data_format, name=name, **kwargs)
        self.pool_size = sizes(self, "pool_size", pool_size, self._rank)
        self.strides = sizes(self, "strides", pool_size if strides is None else strides, self._rank)
        self.padding = str(padding).lower()
        if self.padding not in ("valid", "same"):
            raise ArgumentError(
                f"The `padding` argument of {label(self)} must be 'valid' or 'same'. Received: padding={padding!r}"
            )

    def call(self, inputs: Array) -> Array:
        space = [inputs.shape[axis] for axis in self._axes]
        if self.padding == "valid" and any(n < k for n, k in zip(space, self.pool_size)):
            raise ShapeError(
                f"Computed output size would be zero or negative: {label(self)} pools windows of {self.pool_size}, and "
                f"the input has {tuple(space)} positions. Received: inputs.shape={tuple(inputs.shape)}, "
                'padding="valid". Use padding="same", smaller windows, or larger inputs.'
            )
        return getattr(ops, self._pool)(
            inputs, self.pool_size, strides=self.strides, padding=self.padding, data_format=self.data_format
        )


class _Global(_Spatial):
    """All of space at once."""

    _built_from_start = True

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any):
        super().__init__(data_format, **kwargs)
        self.keepdims = keepdims

    def call(self, inputs: Array) -> Array:
        return getattr(ops, self._pool)(inputs, axis=self._axes, keepdims=self.keepdims)


class _Adaptive(_Spatial):
    """As many windows as the output is to have."""

    def __init__(self, output_size: Any, data_format: str | None = None, **kwargs: Any):
        super().__init__(data_format, **kwargs)
        if not isinstance(output_size, int) and not (
            isinstance(output_size, (tuple, list)) and len(output_size) == self._rank
        ):
            raise TypeError(
                f"`output_size` of {label(self)} must be an integer or a tuple of {self._rank}. Received: "
                f"{output_size!r} of type {type(output_size)}"
            )
        self.output_size = sizes(self, "output_size", output_size, self._rank)

    def call(self, inputs: Array) -> Array:
        return getattr(ops, self._pool)(inputs, self.output_size, data_format=self.data_format)


class MaxPooling1D(_Pooling):
    """The largest of each window of sequences, channel by channel.

    Args:
        pool_size: the steps of a window: a number.
        strides: how far apart the windows are; defaults to `pool_size`.
        padding: `"valid"` for whole windows only, `"same"` for windows that reach over the edge.
        data_format: `"channels_last"` or `"channels_first"`.

    Input shape: `(batch, steps, channels)`, or with the channels first.

    Raises:
        ShapeError: when the window does not fit into the input.

    Example:
        >>> from lamella import layers, ops
        >>> layers.MaxPooling1D(2)(ops.ones((2, 6, 3))).shape
        (2, 3, 3)
    """

    _rank = 1
    _pool = "max_pool"
    __init__ = with_defaults(_Pooling.__init__, pool_size=2)


class AveragePooling1D(_Pooling):
    """The mean of each window of sequences, channel by channel. Padding does not count.

    Args:
        pool_size: the steps of a window: a number.
        strides: how far apart the windows are; defaults to `pool_size`.
        padding: `"valid"` for whole windows only, `"same"` for windows that reach over the edge.
        data_format: `"channels_last"` or `"channels_first"`.

    Input shape: `(batch, steps, channels)`, or with the channels first.

    Raises:
        ShapeError: when the window does not fit into the input.

    Example:
        >>> from lamella import layers, ops
        >>> layers.AveragePooling1D(2)(ops.ones((2, 6, 3))).shape
        (2, 3, 3)
    """

    _rank = 1
    _pool = "average_pool"
    __init__ = with_defaults(_Pooling.__init__)


class MaxPooling2D(_Pooling):
    """The largest of each window of images, channel by channel.

    Args:
        pool_size: the rows and columns of a window: a number, or one for each axis.
        strides: how far apart the windows are; defaults to `pool_size`.
        padding: `"valid"` for whole windows only, `"same"` for windows that reach over the edge.
        data_format: `"channels_last"` or `"channels_first"`.

    Input shape: `(batch, rows, columns, channels)`, or with the channels first.

    Raises:
        ShapeError: when the window does not fit into the input.

    Example:
        >>> from lamella import layers, ops
        >>> layers.MaxPooling2D(2)(ops.ones((2, 6, 4, 3))).shape
        (2, 3, 2, 3)
    """

    _rank = 2
    _pool = "max_pool"
    __init__ = with_defaults(_Pooling.__init__, pool_size=(2, 2))


class AveragePooling2D(_Pooling):
    """The mean of each window of images, channel by channel. Padding does not count.

    Args:
        pool_size: the rows and columns of a window: a number, or one for each axis.
        strides: how far apart the windows are; defaults to `pool_size`.
        padding: `"valid"` for whole windows only, `"same"` for windows that reach over the edge.
        data_format: `"channels_last"` or `"channels_first"`.

    Input shape: `(batch, rows, columns, channels)`, or with the channels first.

    Raises:
        ShapeError: when the window does not fit into the input.

    Example:
        >>> from lamella import layers, ops
        >>> layers.AveragePooling2D(2)(ops.ones((2, 6, 4, 3))).shape
        (2, 3, 2, 3)
    """

    _rank = 2
    _pool = "average_pool"
    __init__ = with_defaults(_Pooling.__init__)


class MaxPooling3D(_Pooling):
    """The largest of each window of volumes, channel by channel.

    Args:
        pool_size: the positions of a window: a number, or one for each axis.
        strides: how far apart the windows are; defaults to `pool_size`.
        padding: `"valid"` for whole windows only, `"same"` for windows that reach over the edge.
        data_format: `"channels_last"` or `"channels_first"`.

    Input shape: `(batch, depth, rows, columns, channels)`, or with the channels first.

    Raises:
        ShapeError: when the window does not fit into the input.

    Example:
        >>> from lamella import layers, ops
        >>> layers.MaxPooling3D(2)(ops.ones((2, 6, 4, 4, 3))).shape
        (2, 3, 2, 2, 3)
    """

    _rank = 3
    _pool = "max_pool"
    __init__ = with_defaults(_Pooling.__init__, pool_size=(2, 2, 2))


class AveragePooling3D(_Pooling):
    """The mean of each window of volumes, channel by channel. Padding does not count.

    Args:
        pool_size: the positions of a window: a number, or one for each axis.
        strides: how far apart the windows are; defaults to `pool_size`.
        padding: `"valid"` for whole windows only, `"same"` for windows that reach over the edge.
        data_format: `"channels_last"` or `"channels_first"`.

    Input shape: `(batch, depth, rows, columns, channels)`, or with the channels first.

    Raises:
        ShapeError: when the window does not fit into the input.

    Example:
        >>> from lamella import layers, ops
        >>> layers.AveragePooling3D(2)(ops.ones((2, 6, 4, 4, 3))).shape
        (2, 3, 2, 2, 3)
    """

    _rank = 3
    _pool = "average_pool"
    __init__ = with_defaults(_Pooling.__init__)


class GlobalMaxPooling1D(_Global):
    """The largest of sequences over all steps, channel by channel.

    Args:
        data_format: `"channels_last"` or `"channels_first"`.
        keepdims: whether to keep the pooled axes, with size 1.

    Input shape: `(batch, steps, channels)`, or with the channels first. Output shape: `(batch, channels)`.

    Example:
        >>> from lamella import layers, ops
        >>> layers.GlobalMaxPooling1D()(ops.ones((2, 4, 3))).shape
        (2, 3)
    """

    _rank = 1
    _pool = "max"
    __init__ = with_defaults(_Global.__init__)


class GlobalAveragePooling1D(_Global):
    """The mean of sequences over all steps, channel by channel.

    Args:
        data_format: `"channels_last"` or `"channels_first"`.
        keepdims: whether to keep the pooled axes, with size 1.

    Call arguments:
        inputs: the sequences.
        mask: booleans `(batch, steps)`: the mean leaves out what is False.

    Input shape: `(batch, steps, channels)`, or with the channels first. Output shape: `(batch, channels)`.

    Example:
        >>> from lamella import layers, ops
        >>> layers.GlobalAveragePooling1D()(ops.ones((2, 4, 3))).shape
        (2, 3)
    """

    _rank = 1
    _pool = "mean"

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any):
        super().__init__(data_format, keepdims, **kwargs)
        self.supports_masking = True

    def call(self, inputs: Array, mask: Any = None) -> Array:
        if mask is None:
            return super().call(inputs)
        real = ops.cast(mask, inputs.dtype)
        real = ops.expand_dims(real, 1 if self.data_format == "channels_first" else 2)
        total = ops.sum(ops.multiply(inputs, real), axis=self._axes, keepdims=self.keepdims)
        return ops.divide(total, ops.sum(real, axis=self._axes, keepdims=self.keepdims))

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return None


class GlobalMaxPooling2D(_Global):
    """The largest of images over all rows and columns, channel by channel.

    Args:
        data_format: `"channels_last"` or `"channels_first"`.
        keepdims: whether to keep the pooled axes, with size 1.

    Input shape: `(batch, rows, columns, channels)`, or with the channels first. Output shape: `(batch, channels)`.

    Example:
        >>> from lamella import layers, ops
        >>> layers.GlobalMaxPooling2D()(ops.ones((2, 4, 4, 3))).shape
        (2, 3)
    """

    _rank = 2
    _pool = "max"
    __init__ = with_defaults(_Global.__init__)


class GlobalAveragePooling2D(_Global):
    """The mean of images over all rows and columns, channel by channel.

    Args:
        data_format: `"channels_last"` or `"channels_first"`.
        keepdims: whether to keep the pooled axes, with size 1.

    Input shape: `(batch, rows, columns, channels)`, or with the channels first. Output shape: `(batch, channels)`.

    Example:
        >>> from lamella import layers, ops
        >>> layers.GlobalAveragePooling2D()(ops.ones((2, 4, 4, 3))).shape
        (2, 3)
    """

    _rank = 2
    _pool = "mean"
    __init__ = with_defaults(_Global.__init__)


class GlobalMaxPooling3D(_Global):
    """The largest of volumes over all positions, channel by channel.

    Args:
        data_format: `"channels_last"` or `"channels_first"`.
        keepdims: whether to keep the pooled axes, with size 1.

    Input shape: `(batch, depth, rows, columns, channels)`, or channels first. Output shape: `(batch, channels)`.

    Example:
        >>> from lamella import layers, ops
        >>> layers.GlobalMaxPooling3D()(ops.ones((2, 4, 4, 4, 3))).shape
        (2, 3)
    """

    _rank = 3
    _pool = "max"
    __init__ = with_defaults(_Global.__init__)


class GlobalAveragePooling3D(_Global):
    """The mean of volumes over all positions, channel by channel.

    Args:
        data_format: `"channels_last"` or `"channels_first"`.
        keepdims: whether to keep the pooled axes, with size 1.

    Input shape: `(batch, depth, rows, columns, channels)`, or channels first. Output shape: `(batch, channels)`.

    Example:
        >>> from lamella import layers, ops
        >>> layers.GlobalAveragePooling3D()(ops.ones((2, 4, 4, 4, 3))).shape
        (2, 3)
    """

    _rank = 3
    _pool = "mean"
    __init__ = with_defaults(_Global.__init__)


class AdaptiveMaxPooling1D(_Adaptive):
    """The largest of each of a given number of windows of sequences, whatever the size of the input.

    Window `i` of `m` over `n` positions reaches from `floor(i * n / m)` to `ceil((i + 1) * n / m)`.

    Args:
        output_size: the steps of the output.
        data_format: `"channels_last"` or `"channels_first"`.

    Input shape: `(batch, steps, channels)`, or with the channels first.

    Example:
        >>> from lamella import layers, ops
        >>> layers.AdaptiveMaxPooling1D(4)(ops.ones((2, 7, 3))).shape
        (2, 4, 3)
    """

    _rank = 1
    _pool = "adaptive_max_pool"
    __init__ = with_defaults(_Adaptive.__init__)


class AdaptiveAveragePooling1D(_Adaptive):
    """The mean of each of a given number of windows of sequences, whatever the size of the input.

    Window `i` of `m` over `n` positions reaches from `floor(i * n / m)` to `ceil((i + 1) * n / m)`.

    Args:
        output_size: the steps of the output.
        data_format: `"channels_last"` or `"channels_first"`.

    Input shape: `(batch, steps, channels)`, or with the channels first.

    Example:
        >>> from lamella import layers, ops
        >>> layers.AdaptiveAveragePooling1D(4)(ops.ones((2, 7, 3))).shape
        (2, 4, 3)
    """

    _rank = 1
    _pool = "adaptive_average_pool"
    __init__ = with_defaults(_Adaptive.__init__)


class AdaptiveMaxPooling2D(_Adaptive):
    """The largest of each of a given number of windows of images, whatever the size of the input.

    Window `i` of `m` over `n` positions reaches from `floor(i * n / m)` to `ceil((i + 1) * n / m)`.

    Args:
        output_size: the rows and columns of the output: a number, or one for each axis.
        data_format: `"channels_last"` or `"channels_first"`.

    Input shape: `(batch, rows, columns, channels)`, or with the channels first.

    Example:
        >>> from lamella import layers, ops
        >>> layers.AdaptiveMaxPooling2D(4)(ops.ones((2, 7, 7, 3))).shape
        (2, 4, 4, 3)
    """

    _rank = 2
    _pool = "adaptive_max_pool"
    __init__ = with_defaults(_Adaptive.__init__)


class AdaptiveAveragePooling2D(_Adaptive):
    """The mean of each of a given number of windows of images, whatever the size of the input.

    Window `i` of `m` over `n` positions reaches from `floor(i * n / m)` to `ceil((i + 1) * n / m)`.

    Args:
        output_size: the rows and columns of the output: a number, or one for each axis.
        data_format: `"channels_last"` or `"channels_first"`.

    Input shape: `(batch, rows, columns, channels)`, or with the channels first.

    Example:
        >>> from lamella import layers, ops
        >>> layers.AdaptiveAveragePooling2D(4)(ops.ones((2, 7, 7, 3))).shape
        (2, 4, 4, 3)
    """

    _rank = 2
    _pool = "adaptive_average_pool"
    __init__ = with_defaults(_Adaptive.__init__)


class AdaptiveMaxPooling3D(_Adaptive):
    """The largest of each of a given number of windows of volumes, whatever the size of the input.

    Window `i` of `m` over `n` positions reaches from `floor(i * n / m)` to `ceil((i + 1) * n / m)`.

    Args:
        output_size: the positions of the output: a number, or one for each axis.
        data_format: `"channels_last"` or `"channels_first"`.

    Input shape: `(batch, depth, rows, columns, channels)`, or with the channels first.

    Example:
        >>> from lamella import layers, ops
        >>> layers.AdaptiveMaxPooling3D(4)(ops.ones((2, 7, 7, 7, 3))).shape
        (2, 4, 4, 4, 3)
    """

    _rank = 3
    _pool = "adaptive_max_pool"
    __init__ = with_defaults(_Adaptive.__init__)


class AdaptiveAveragePooling3D(_Adaptive):
    """The mean of each of a given number of windows of volumes, whatever the size of the input.

    Window `i` of `m` over `n` positions reaches from `floor(i * n / m)` to `ceil((i + 1) * n / m)`.

    Args:
        output_size: the positions of the output: a number, or one for each axis.
        data_format: `"channels_last"` or `"channels_first"`.

    Input shape: `(batch, depth, rows, columns, channels)`, or with the channels first.

    Example:
        >>> from lamella import layers, ops
        >>> layers.AdaptiveAveragePooling3D(4)(ops.ones((2, 7, 7, 7, 3))).shape
        (2, 4, 4, 4, 3)
    """

    _rank = 3
    _pool = "adaptive_average_pool"
    __init__ = with_defaults(_Adaptive.__init__)


# Both spellings are public; configurations have the long one.
MaxPool1D = MaxPooling1D
AvgPool1D = AveragePooling1D
MaxPool2D = MaxPooling2D
AvgPool2D = AveragePooling2D
MaxPool3D = MaxPooling3D
AvgPool3D = AveragePooling3D
GlobalMaxPool1D = GlobalMaxPooling1D
GlobalAvgPool1D = GlobalAveragePooling1D
GlobalMaxPool2D = GlobalMaxPooling2D
GlobalAvgPool2D = GlobalAveragePooling2D
GlobalMaxPool3D = GlobalMaxPooling3D
GlobalAvgPool3D = GlobalAveragePooling3D
