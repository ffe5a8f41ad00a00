"""Layers of several inputs: sums, products, extremes, concatenation, dot products."""

import functools
import string
from collections.abc import Callable, Sequence
from typing import Any

from lamella import ops
from lamella.backend._result_type import result_type
from lamella.core._keras_tensor import KerasTensor
from lamella.core._masks import mask_of
from lamella.errors import ArgumentError, ShapeError
from lamella.layers._layer import Layer
from lamella.layers._options import axis_within, label, options_of
from lamella.typing import Array

__all__ = [
    "Add",
    "Subtract",
    "Multiply",
    "Average",
    "Maximum",
    "Minimum",
    "Concatenate",
    "Dot",
    "add",
    "subtract",
    "multiply",
    "average",
    "maximum",
    "minimum",
    "concatenate",
    "dot",
]


def _is_list_of_shapes(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(isinstance(shape, (list, tuple)) for shape in value)


class _Merge(Layer):
    """One array out of several of the same shape, or of shapes that broadcast.

    An input of lower rank gets axes of size 1 behind its batch axis.
    """

    _operation: Callable

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        if not _is_list_of_shapes(input_shape):
            raise ShapeError(
                f"A merge layer should be called on a list of inputs. {label(self)} received: "
                f"input_shape={input_shape} (not a list of shapes)"
            )
        self._check_number(input_shape)
        if len({shape[0] for shape in input_shape if shape} - {None}) > 1:
            raise ShapeError(
                f"Cannot merge tensors with different batch sizes in {label(self)}. Received tensors with "
                "shapes "
                f"{list(input_shape)}"
            )
        rank = max(map(len, input_shape))
        aligned = [(*s[:1], *(1,) * (rank - len(s)), *s[1:]) for s in input_shape]
        for axis in range(1, rank):
            if len({shape[axis] for shape in aligned if axis < len(shape)} - {None, 1}) > 1:
                raise ShapeError(
                    f"Inputs of {label(self)} have incompatible shapes. Received shapes "
                    f"{' and '.join(str(tuple(s[1:])) for s in input_shape)}"
                )

    def _check_number(self, input_shape: Sequence) -> None:
        if not input_shape:
            raise ShapeError(f"A merge layer should be called on a list of at least 1 input: {label(self)} got none.")

    def call(self, inputs: Any) -> Array:
        rank = max(len(x.shape) for x in inputs)
        masks = [None if (mask := mask_of(x)) is None else _with_rank(mask, rank, behind=True) for x in inputs]
        return self._merged([_with_rank(x, rank) for x in inputs], masks)

    def _merged(self, inputs: list, masks: list) -> Array:
        return functools.reduce(type(self)._operation, inputs)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        if mask is None:
            return None
        _check_masks(self, inputs, mask)
        if any(m is None for m in mask):
            return None
        return functools.reduce(ops.logical_or, mask)


def _check_masks(layer: Layer, inputs: Any, mask: Any) -> None:
    for name, value in (("mask", mask), ("inputs", inputs)):
        if not isinstance(value, (list, tuple)):
            raise ArgumentError(f"`{name}` of {label(layer)} should be a list. Received {name}={value!r}")
    if len(mask) != len(inputs):
        raise ArgumentError(
            f"The lists `inputs` and `mask` of {label(layer)} should have the same length. Received: "
            f"{len(inputs)} inputs "
            f"and {len(mask)} masks"
        )


def _with_rank(x: Array, rank: int, behind: bool = False) -> Array:
    """`x` with axes of size 1 added behind its first axis, or behind all of them."""
    ones = (1,) * (rank - len(x.shape))
    shape = (*x.shape, *ones) if behind else (*x.shape[:1], *ones, *x.shape[1:])
    return ops.reshape(x, shape) if ones else x


class Add(_Merge):
    """The sum of the inputs, element by element.

    Example:
        >>> from lamella import layers, ops
        >>> layers.Add()([ops.array([1.0, 2.0]), ops.array([10.0, 20.0])]).tolist()
        [11.0, 22.0]
    """

    _operation = ops.add


class Subtract(_Merge):
    """The first input minus the second.

    Raises:
        ShapeError: when the inputs are not two.

    Example:
        >>> from lamella import layers, ops
        >>> layers.Subtract()([ops.array([1.0, 2.0]), ops.array([10.0, 20.0])]).tolist()
        [-9.0, -18.0]
    """

    _operation = ops.subtract

    def _check_number(self, input_shape: Sequence) -> None:
        if len(input_shape) != 2:
            raise ShapeError(
                f"A `Subtract` layer should be called on exactly 2 inputs. {label(self)} received: "
                f"input_shape={list(input_shape)}"
            )


class Multiply(_Merge):
    """The product of the inputs, element by element.

    Where an input is masked it counts as 1; where all are, the product is 0.

    Example:
        >>> from lamella import layers, ops
        >>> layers.Multiply()([ops.array([1.0, 2.0]), ops.array([10.0, 20.0])]).tolist()
        [10.0, 40.0]
    """

    _operation = ops.multiply

    def _merged(self, inputs: list, masks: list) -> Array:
        known = [mask is not None for mask in masks]
        inputs = [x if m is None else ops.where(m, x, ops.ones_like(x)) for x, m in zip(inputs, masks)]
        product = super()._merged(inputs, masks)
        if not all(known):
            return product
        return ops.multiply(product, ops.cast(functools.reduce(ops.logical_or, masks), product.dtype))


class Average(_Merge):
    """The mean of the inputs, element by element.

    Example:
        >>> from lamella import layers, ops
        >>> layers.Average()([ops.array([1.0, 2.0]), ops.array([3.0, 6.0])]).tolist()
        [2.0, 4.0]
    """

    _operation = ops.add

    def _merged(self, inputs: list, masks: list) -> Array:
        return ops.divide(super()._merged(inputs, masks), len(inputs))


class _Extreme(_Merge):
    """Where some inputs are masked, one of the others is chosen; where all are, the first input."""

    def _merged(self, inputs: list, masks: list) -> Array:
        output, seen = inputs[0], masks[0]
        for x, mask in zip(inputs[1:], masks[1:]):
            chosen = type(self)._operation(output, x)
            if seen is not None:
                chosen = ops.where(seen, chosen, x)
            if mask is not None:
                chosen = ops.where(mask, chosen, output)
            output = chosen
            seen = None if seen is None or mask is None else ops.logical_or(seen, mask)
        return output


class Maximum(_Extreme):
    """The largest of the inputs, element by element; masked inputs do not count.

    Example:
        >>> from lamella import layers, ops
        >>> layers.Maximum()([ops.array([1.0, 20.0]), ops.array([10.0, 2.0])]).tolist()
        [10.0, 20.0]
    """

    _operation = ops.maximum


class Minimum(_Extreme):
    """The smallest of the inputs, element by element; masked inputs do not count.

    Example:
        >>> from lamella import layers, ops
        >>> layers.Minimum()([ops.array([1.0, 20.0]), ops.array([10.0, 2.0])]).tolist()
        [1.0, 2.0]
    """

    _operation = ops.minimum


class Concatenate(_Merge):
    """The inputs, one behind the other along an axis.

    Args:
        axis: the axis in which the sizes may differ.

    Raises:
        ShapeError: when sizes differ in another axis.

    Example:
        >>> from lamella import layers, ops
        >>> layers.Concatenate(axis=1)([ops.ones((2, 3)), ops.zeros((2, 4))]).shape
        (2, 7)
    """

    def __init__(self, axis: int = -1, **kwargs: Any):
        super().__init__(**kwargs)
        self.axis = axis

    def build(self, input_shape: Any) -> None:
        if not _is_list_of_shapes(input_shape) or not input_shape:
            raise ShapeError(
                f"A `Concatenate` layer should be called on a list of at least 1 input. {label(self)} "
                "received: "
                f"input_shape={input_shape}"
            )
        axis = axis_within(self, self.axis, input_shape[0])
        matching = len({len(shape) for shape in input_shape}) == 1 and all(
            len(set(column) - {None}) <= 1 for i, column in enumerate(zip(*input_shape)) if i != axis
        )
        if not matching:
            raise ShapeError(
                "A `Concatenate` layer requires inputs with matching shapes except for the concatenation "
                "axis. "
                f"{label(self)} received: input_shape={list(input_shape)}"
            )

    def call(self, inputs: Any) -> Array:
        return ops.concatenate(inputs, axis=self.axis)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        if mask is None:
            return None
        _check_masks(self, inputs, mask)
        if all(m is None for m in mask):
            return None
        known = next(m for m in mask if m is not None)
        masks = [
            ops.ones(tuple(x.shape)[: len(known.shape)], dtype="bool") if m is None else m for x, m in zip(inputs, mask)
        ]
        axis = self.axis % len(inputs[0].shape)
        if axis < len(known.shape):
            return ops.concatenate(masks, axis=axis)
        return functools.reduce(ops.logical_or, masks)

    def get_config(self) -> dict:
        return {**super().get_config(), **options_of(self, Concatenate)}


class Dot(_Merge):
    """The sum of the products of two inputs along one axis of each, for each example of the batch.

    Args:
        axes: the axis of both inputs, or a pair of axes; never 0, the batch axis.
        normalize: whether to divide each input by its length along its axis first, which gives the cosine.

    Output shape: the batch, then the other axes of the first input, then those of the second; `(batch, 1)`
        where there
    are none.

    Raises:
        ShapeError: when the inputs are not two, or the sizes of their axes differ.

    Example:
        >>> from lamella import layers, ops
        >>> layers.Dot(axes=(1, 2))([ops.ones((2, 3, 4)), ops.ones((2, 5, 3))]).shape
        (2, 4, 5)
    """

    def __init__(self, axes: Any, normalize: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        if not isinstance(axes, int):
            if not isinstance(axes, (list, tuple)):
                raise TypeError(
                    f"Invalid type for argument `axes` of {label(self)}: it should be a list or an int. "
                    f"Received: axes={axes!r}"
                )
            if len(axes) != 2 or not all(isinstance(a, int) for a in axes):
                raise ArgumentError(
                    f"Invalid format for argument `axes` of {label(self)}: it should contain two elements, "
                    "both integers. "
                    f"Received: axes={axes!r}"
                )
        self.axes = axes
        self.normalize = normalize

    def _axes_of(self, shapes: Sequence) -> tuple[int, int]:
        given = (self.axes, self.axes) if isinstance(self.axes, int) else self.axes
        first, second = (axis_within(self, axis, shape) for axis, shape in zip(given, shapes))
        if 0 in (first, second):
            raise ArgumentError(f"{label(self)} cannot sum over axis 0, the batch. Received: axes={self.axes!r}")
        return first, second

    def build(self, input_shape: Any) -> None:
        self._summed_axes(input_shape)

    def _summed_axes(self, input_shape: Any) -> tuple[int, int]:
        """The axes, after a check of the shapes."""
        if not _is_list_of_shapes(input_shape) or len(input_shape) != 2:
            raise ShapeError(
                f"A `Dot` layer should be called on a list of 2 inputs. {label(self)} received: "
                f"input_shape={input_shape}"
            )
        first, second = self._axes_of(input_shape)
        sizes = input_shape[0][first], input_shape[1][second]
        if None not in sizes and sizes[0] != sizes[1]:
            raise ShapeError(
                f"Incompatible input shapes of {label(self)}: axis values {sizes[0]} (at axis {first}) != "
                f"{sizes[1]} "
                f"(at axis {second}). Full input shapes: {input_shape[0]}, {input_shape[1]}"
            )
        return first, second

    def call(self, inputs: Any) -> Array:
        x, y = inputs
        first, second = self._axes_of([x.shape, y.shape])
        if self.normalize:
            x, y = ops.normalize(x, axis=first, order=2), ops.normalize(y, axis=second, order=2)
        letters = iter(string.ascii_lowercase[2:])
        x_axes = ["a", *(next(letters) for _ in x.shape[1:])]
        y_axes = ["a", *(next(letters) for _ in y.shape[1:])]
        x_axes[first] = y_axes[second] = "b"
        kept = [axis for axis in (*x_axes, *y_axes[1:]) if axis != "b"]
        product = ops.einsum(f"{''.join(x_axes)},{''.join(y_axes)}->{''.join(kept)}", x, y)
        return ops.expand_dims(product, 1) if kept == ["a"] else product

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return None

    def compute_output_shape(self, input_shape: Any) -> tuple:
        """The batch, then the other axes of the first input, then those of the second."""
        first, second = self._summed_axes(input_shape)
        x, y = (
            [n for axis, n in enumerate(shape) if axis not in (0, summed)]
            for shape, summed in zip(input_shape, (first, second))
        )
        return (input_shape[0][0], *(x + y or [1]))

    def compute_output_spec(self, inputs: Any) -> KerasTensor:
        # Not traced: of two sizes that must be equal, one may be unknown.
        shape = self.compute_output_shape([x.shape for x in inputs])
        return KerasTensor(shape, dtype=result_type(*(x.dtype for x in inputs)))

    def get_config(self) -> dict:
        return {**super().get_config(), **options_of(self, Dot)}


def add(inputs: Any, **kwargs: Any) -> Array:
    """`Add(**kwargs)(inputs)`."""
    return Add(**kwargs)(inputs)


def subtract(inputs: Any, **kwargs: Any) -> Array:
    """`Subtract(**kwargs)(inputs)`."""
    return Subtract(**kwargs)(inputs)


def multiply(inputs: Any, **kwargs: Any) -> Array:
    """`Multiply(**kwargs)(inputs)`."""
    return Multiply(**kwargs)(inputs)


def average(inputs: Any, **kwargs: Any) -> Array:
    """`Average(**kwargs)(inputs)`."""
    return Average(**kwargs)(inputs)


def maximum(inputs: Any, **kwargs: Any) -> Array:
    """`Maximum(**kwargs)(inputs)`."""
    return Maximum(**kwargs)(inputs)


def minimum(inputs: Any, **kwargs: Any) -> Array:
    """`Minimum(**kwargs)(inputs)`."""
    return Minimum(**kwargs)(inputs)


def concatenate(inputs: Any, axis: int = -1, **kwargs: Any) -> Array:
    """`Concatenate(axis, **kwargs)(inputs)`."""
    return Concatenate(axis=axis, **kwargs)(inputs)


def dot(inputs: Any, axes: Any = -1, **kwargs: Any) -> Array:
    """`Dot(axes, **kwargs)(inputs)`."""
    return Dot(axes=axes, **kwargs)(inputs)
