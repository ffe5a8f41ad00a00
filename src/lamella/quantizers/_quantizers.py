"""Quantizers: objects that turn weights or activations into integers."""

from typing import Any

from lamella.core._serialization import Serializable
from lamella.quantizers._functions import abs_max_quantize
from lamella.typing import Array

__all__ = ["AbsMaxQuantizer", "Quantizer"]


class Quantizer(Serializable):
    """Base of the quantizers. One of your own defines `__call__(x)`, and `get_config()` where it has arguments.

    Args:
        output_dtype: the dtype of the integers.
    """

    def __init__(self, output_dtype: str = "int8"):
        self.output_dtype = output_dtype

    def __call__(self, x: Any) -> Any:
        """`x` as it is."""
        return x

    def get_config(self) -> dict:
        """The arguments; subclasses say which."""
        raise NotImplementedError(f"{self} does not implement get_config()")


class AbsMaxQuantizer(Quantizer):
    """Integers by the largest absolute value: `clip(round(x * scale))`, `scale = value_range[1] / (max |x| + epsilon)`.

    Args:
        axis: the axis, or axes, that the largest value is taken over; -1 where nothing is said.
        value_range: the least and the largest integer.
        epsilon: what keeps the divisor from 0.
        output_dtype: the dtype of the integers.

    Example:
        >>> from lamella import quantizers
        >>> integers, scale = quantizers.AbsMaxQuantizer(axis=-1)([[2.0, -1.0]])
        >>> integers.tolist()
        [[127, -64]]
    """

    def __init__(
        self, axis: Any = None, value_range: Any = (-127, 127), epsilon: float = 1e-7, output_dtype: str = "int8"
    ):
        super().__init__(output_dtype)
        self.axis = (axis,) if isinstance(axis, int) else None if axis is None else tuple(axis)
        self.value_range = value_range
        self.epsilon = epsilon

    def __call__(self, x: Any, axis: Any = None, to_numpy: bool = False) -> tuple[Array, Array]:
        """The integers and the scale of `x`; see `abs_max_quantize`."""
        axis = axis if axis is not None else self.axis if self.axis is not None else -1
        return abs_max_quantize(x, axis, self.value_range, self.output_dtype, self.epsilon, to_numpy)

    def get_config(self) -> dict:
        config = {"value_range": self.value_range, "epsilon": self.epsilon, "output_dtype": self.output_dtype}
        return config if self.axis is None else {**config, "axis": self.axis}
