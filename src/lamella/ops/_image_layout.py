"""What the image ops share: images with or without a batch, channels last inside, integers back at the end."""

from typing import Any

from lamella.backend import _dtypes, _registry
from lamella.core._arrays import arrays, cast
from lamella.core._inference import stands_for_unknown
from lamella.errors import ArgumentError, ShapeError
from lamella.typing import Array, ArrayLike

__all__ = ["FILL_MODES", "Images", "one_of", "to_dtype"]

FILL_MODES = ("constant", "nearest", "wrap", "mirror", "reflect")


class Images:
    """Images as `(batch, height, width, channels)`, and the way back to how they were given.

    Args:
        op_name: for errors.
        images: `(height, width, channels)` or a batch of them, or with channels first.
        data_format: "channels_last", "channels_first", or None for the default.

    Raises:
        ShapeError: for images with other than three or four axes.
    """

    def __init__(self, op_name: str, images: ArrayLike, data_format: str | None = None):
        self.xp, x = arrays(images)
        self.adapter = _registry.active()
        if x.ndim not in (3, 4):
            raise ShapeError(
                f"`{op_name}` needs one image with three axes, or a batch of them with four; got shape "
                f"{tuple(x.shape)}."
            )
        self.op_name = op_name
        self.dtype = self.adapter.dtype(x)
        self.channels_last = _dtypes.standardize_data_format(data_format) == "channels_last"
        self.batched = x.ndim == 4
        x = x if self.batched else x[None]
        self.x: Array = x if self.channels_last else self.xp.moveaxis(x, 1, -1)

    @property
    def floats(self) -> Array:
        """The images in a dtype to compute in."""
        if self.dtype in ("float32", "float64"):
            return self.x
        return cast(self.x, "float32")

    def restored(self, x: Array, dtype: str | None = None) -> Array:
        """A result with axes `(batch, rows, columns, channels)` or more in the layout of the input.

        Its dtype is that of the input unless given; floats become integers by rounding to the nearest that the
        dtype has.
        """
        x = to_dtype(x, dtype or self.dtype)
        x = x if self.channels_last else self.xp.moveaxis(x, 3, 1)
        return x if self.batched else x[0]

    def with_channels(self, *counts: int) -> "Images":
        """Itself, where the number of channels is one of `counts`.

        Raises:
            ShapeError: where it is not.
        """
        if stands_for_unknown(self.x.shape[-1]):  # it may be the right one: only the shape matters here
            self.x = self.x[..., : counts[-1]]
        if self.x.shape[-1] not in counts:
            raise ShapeError(
                f"`{self.op_name}` needs images with {' or '.join(map(str, counts))} channels; got {self.x.shape[-1]}."
            )
        return self


def to_dtype(x: Array, dtype: str) -> Array:
    """`x` with `dtype`; floats become integers by rounding, cut to what the dtype has."""
    adapter = _registry.active()
    if dtype in _dtypes.INT_TYPES and _dtypes.is_float_dtype(adapter.dtype(x)):
        low, high = _dtypes.finite_range(dtype)
        x = adapter.xp.clip(adapter.xp.round(x), float(low), float(high))
    return cast(x, dtype)


def one_of(op_name: str, name: str, value: Any, known: tuple) -> Any:
    """`value`, where it is one of `known`.

    Raises:
        ArgumentError: where it is not.
    """
    if value not in known:
        raise ArgumentError(f"The `{name}` of `{op_name}` must be one of {known}; got {value!r}.")
    return value
