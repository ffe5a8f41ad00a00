"""A tensor that has a shape and a dtype but no values: what functional models are drawn with."""

from typing import Any

from lamella.backend import _dtypes
from lamella.core import _names
from lamella.core._operators import ArrayOperators, operator
from lamella.errors import ArgumentError, DTypeError, ShapeError
from lamella.typing import PartialShape


class KerasTensor(ArrayOperators):
    """A symbolic tensor.

    Args:
        shape: sizes, None where unknown.
        dtype: a dtype name.
        sparse: whether the values will be sparse.
        ragged: whether the values will be ragged.
        record_history: whether the operation that made it is remembered.
        **kwargs: `ragged_rank`, the number of axes whose rows differ in length, and `row_splits_dtype`.
        name: defaults to `keras_tensor`, `keras_tensor_1`, ...

    Raises:
        ShapeError: for sizes that are not non-negative integers or None.
        TypeError: for other keyword arguments.
    """

    def __init__(
        self,
        shape: Any,
        dtype: str = "float32",
        sparse: bool = False,
        ragged: bool = False,
        record_history: bool = True,
        name: str | None = None,
        **kwargs: Any,
    ):
        self._shape = standardize_shape(shape)
        self._dtype = _dtypes.standardize_dtype(dtype)
        self._sparse = bool(sparse)
        self._ragged = bool(ragged)
        if self._sparse and self._ragged:
            raise ArgumentError("A KerasTensor cannot be both `sparse` and `ragged`.")
        self._ragged_rank = kwargs.pop("ragged_rank", None)
        self._row_splits_dtype = kwargs.pop("row_splits_dtype", None)
        if kwargs:
            raise TypeError(f"Unexpected keyword arguments of KerasTensor: {', '.join(sorted(kwargs))}.")
        self.name = name or _names.unique_name("keras_tensor")
        self.record_history = record_history

    @property
    def shape(self) -> PartialShape:
        """Sizes, None where unknown."""
        return self._shape

    @shape.setter
    def shape(self, value: Any) -> None:
        raise AttributeError("The `shape` of a KerasTensor cannot be changed.")

    @property
    def dtype(self) -> str:
        """The name of its dtype."""
        return self._dtype

    @dtype.setter
    def dtype(self, value: Any) -> None:
        raise AttributeError("The `dtype` of a KerasTensor cannot be changed. Use ops.cast.")

    @property
    def sparse(self) -> bool:
        """Whether its values will be sparse."""
        return self._sparse

    @property
    def ragged(self) -> bool:
        """Whether its values will be ragged."""
        return self._ragged

    @property
    def ragged_rank(self) -> int | None:
        """The number of axes whose rows differ in length, as given."""
        return self._ragged_rank

    @property
    def row_splits_dtype(self) -> str | None:
        """The dtype of the positions at which rows end, as given."""
        return self._row_splits_dtype

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self._shape)

    def reshape(self, newshape: Any) -> "KerasTensor":
        """`ops.reshape(self, newshape)`."""
        return operator("reshape")(self, newshape)

    def squeeze(self, axis: Any = None) -> "KerasTensor":
        """`ops.squeeze(self, axis)`."""
        return operator("squeeze")(self, axis)

    def _no_values(self, what: str) -> DTypeError:
        return DTypeError(
            f"A KerasTensor has a shape and a dtype but no values, so it cannot be {what}: {self!r}. "
            "It stands for the input of a functional model that is still being drawn. Use lamella.ops on it, or put "
            "the computation in the `call` of a layer."
        )

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise self._no_values("turned into a NumPy array")

    def __jax_array__(self) -> Any:
        raise self._no_values("given to a JAX function")

    def __tf_tensor__(self, *args: Any, **kwargs: Any) -> Any:
        raise self._no_values("given to a TensorFlow function")

    def __eq__(self, other: object) -> bool:  # identity, so that `tensor in tensors` is a question about the graph
        return self is other

    __hash__ = ArrayOperators.__hash__

    def __bool__(self) -> bool:
        raise self._no_values("used as a condition (use ops.where or ops.cond)")

    def __int__(self) -> int:
        raise self._no_values("turned into an int")

    def __float__(self) -> float:
        raise self._no_values("turned into a float")

    def __iter__(self) -> Any:
        if not self._shape or self._shape[0] is None:
            raise self._no_values("iterated over: its first size is unknown")
        return (self[i] for i in range(self._shape[0]))

    def __len__(self) -> int:
        raise self._no_values("measured with len() (look at .shape)")

    def __repr__(self) -> str:
        return (
            f"<KerasTensor shape={self.shape}, dtype={self.dtype}, sparse={self.sparse}, "
            f"ragged={self.ragged}, name={self.name}>"
        )


def is_keras_tensor(x: Any) -> bool:
    """Whether `x` is a `KerasTensor`."""
    return isinstance(x, KerasTensor)


def standardize_shape(shape: Any) -> PartialShape:
    """`shape` as a tuple of ints and Nones.

    Raises:
        ShapeError: when it is not a sequence of non-negative integers and Nones.
    """
    if shape is None:
        raise ShapeError("Undefined shapes are not supported; got None.")
    if not hasattr(shape, "__iter__"):
        raise ShapeError(f"Expected a shape such as (None, 28, 28); got {shape!r} of type {type(shape).__name__}.")
    out = []
    for size in shape:
        if size is None:
            out.append(None)
            continue
        try:
            value = int(size.__index__())
        except AttributeError:
            raise ShapeError(
                f"The sizes of a shape must be integers or None; got {size!r} in {tuple(shape)}."
            ) from None
        if value < 0:
            raise ShapeError(f"The sizes of a shape cannot be negative; got {value} in {tuple(shape)}.")
        out.append(value)
    return tuple(out)
