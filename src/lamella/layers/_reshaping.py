"""Layers that only move values: flatten, reshape, permute, repeat."""

import math
import numbers
from typing import Any

from lamella import ops
from lamella.backend import _dtypes
from lamella.core._keras_tensor import KerasTensor
from lamella.errors import ArgumentError, ShapeError
from lamella.layers._input_spec import InputSpec
from lamella.layers._layer import Layer
from lamella.layers._options import label, options_of, positive_integer
from lamella.typing import Array

__all__ = ["Flatten", "Reshape", "Permute", "RepeatVector"]


class Flatten(Layer):
    """Each example as one vector.

    Args:
        data_format: `"channels_first"` moves the channels last before flattening, so that both layouts of one
            image give the same vector.

    Input shape: `(batch, ...)`. Output shape: `(batch, product of the others)`.

    Example:
        >>> from lamella import layers, ops
        >>> layers.Flatten()(ops.ones((2, 3, 4))).shape
        (2, 12)
    """

    def __init__(self, data_format: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.data_format = _dtypes.standardize_data_format(data_format)
        self.input_spec = InputSpec(min_ndim=1)

    def call(self, inputs: Array) -> Array:
        shape = tuple(inputs.shape)
        if self.data_format == "channels_first" and len(shape) > 2:
            inputs = ops.transpose(inputs, (0, *range(2, len(shape)), 1))
        batch, *others = inputs.shape
        return ops.reshape(inputs, (batch, math.prod(others)))

    def get_config(self) -> dict:
        return {**super().get_config(), **options_of(self, Flatten)}


class Reshape(Layer):
    """Each example in another shape.

    Args:
        target_shape: a shape without the batch axis; one size may be -1, and follows from the others.

    Raises:
        ArgumentError: when more than one size is -1.
        ShapeError: when an input does not have as many values as the shape.

    Example:
        >>> from lamella import layers, ops
        >>> layers.Reshape((3, -1))(ops.ones((2, 12))).shape
        (2, 3, 4)
    """

    _built_from_start = True

    def __init__(self, target_shape: Any, **kwargs: Any):
        super().__init__(**kwargs)
        target_shape = tuple(target_shape)
        if not all(isinstance(n, numbers.Integral) and int(n) >= -1 for n in target_shape):
            raise ArgumentError(
                f"The sizes in `target_shape` of {label(self)} must be non-negative integers, or -1 for one that is "
                f"inferred. Received: target_shape={target_shape}."
            )
        if sum(n == -1 for n in target_shape) > 1:
            raise ArgumentError(
                "There must be at most one unknown dimension (-1) in `target_shape` of "
                f"{label(self)}. Received: target_shape={target_shape}."
            )
        self.target_shape = tuple(int(n) for n in target_shape)

    def call(self, inputs: Array) -> Array:
        return ops.reshape(inputs, self.compute_output_shape(inputs.shape))

    def compute_output_shape(self, input_shape: Any) -> tuple:
        batch, *shape = input_shape
        target = self.target_shape
        if None in shape:  # nothing to compare with: what is given is believed
            return (batch, *(None if n == -1 else n for n in target))
        have, known = math.prod(shape), math.prod(n for n in target if n != -1)
        if -1 in target and known and have % known == 0:
            target = tuple(have // known if n == -1 else n for n in target)
        if -1 in target or math.prod(target) != have:
            raise ShapeError(
                f"The total size of the tensor must be unchanged in {label(self)}. Received: "
                f"input_shape={tuple(shape)}, target_shape={self.target_shape}"
            )
        return (batch, *target)

    def compute_output_spec(self, inputs: Any) -> KerasTensor:
        return KerasTensor(self.compute_output_shape(inputs.shape), dtype=inputs.dtype, sparse=inputs.sparse)

    def get_config(self) -> dict:
        return {**super().get_config(), **options_of(self, Reshape)}


class Permute(Layer):
    """The axes of each example in another order.

    Args:
        dims: the axes of the input, counted from 1, in the order of the output.

    Raises:
        ArgumentError: when they are not the numbers from 1 on, each once.

    Example:
        >>> from lamella import layers, ops
        >>> layers.Permute((2, 1))(ops.ones((5, 3, 4))).shape
        (5, 4, 3)
    """

    def __init__(self, dims: Any, **kwargs: Any):
        super().__init__(**kwargs)
        self.dims = tuple(dims)
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise ArgumentError(
                "Invalid permutation argument `dims` for Permute Layer. The set of indices in `dims` must "
                "be consecutive "
                f"and start from 1. Received dims={self.dims}"
            )
        self.input_spec = InputSpec(ndim=len(self.dims) + 1)

    def call(self, inputs: Array) -> Array:
        return ops.transpose(inputs, (0, *self.dims))

    def get_config(self) -> dict:
        return {**super().get_config(), **options_of(self, Permute)}


class RepeatVector(Layer):
    """Each vector `n` times along a new axis.

    Args:
        n: how many times.

    Input shape: `(batch, features)`. Output shape: `(batch, n, features)`.

    Raises:
        TypeError: when `n` is not an integer.
        ArgumentError: when `n` is not positive.

    Example:
        >>> from lamella import layers
        >>> layers.RepeatVector(2)([[1.0, 2.0]]).tolist()
        [[[1.0, 2.0], [1.0, 2.0]]]
    """

    def __init__(self, n: int, **kwargs: Any):
        super().__init__(**kwargs)
        if not hasattr(n, "__index__"):
            raise TypeError(f"Expected an integer value for `n` of {label(self)}, got {type(n)}.")
        self.n = positive_integer(self, "n", n)
        self.input_spec = InputSpec(ndim=2)

    def call(self, inputs: Array) -> Array:
        return ops.repeat(ops.expand_dims(inputs, 1), self.n, axis=1)

    def get_config(self) -> dict:
        return {**super().get_config(), **options_of(self, RepeatVector)}
