"""Where data enters a functional model."""

import warnings
from typing import Any

from lamella.core._keras_tensor import KerasTensor, standardize_shape
from lamella.core._operation import Node
from lamella.errors import ArgumentError, ShapeError
from lamella.layers._layer import Layer
from lamella.typing import PartialShape

__all__ = ["Input", "InputLayer"]


class InputLayer(Layer):
    """The layer that stands for one input of a model.

    Args:
        shape: the shape of one example, None where a size is unknown; without the batch axis.
        batch_size: the size of the batch axis, None where unknown.
        dtype: of the data; defaults to `floatx()`.
        sparse: whether the data is sparse.
        ragged: whether the data is ragged.
        batch_shape: the shape with its batch axis, in place of `shape` and `batch_size`.
        input_tensor: a `KerasTensor` to use instead of a new one.
        optional: whether None may be given for this input.
        name: of the input.

    Raises:
        ArgumentError: when neither or both of `shape` and `batch_shape` are given, or `input_tensor` is not
            symbolic.
        ShapeError: for sizes that are not non-negative integers or None.

    Example:
        >>> from lamella import layers
        >>> layers.InputLayer(shape=(3,), name="features").output.shape
        (None, 3)
    """

    def __init__(
        self,
        shape: Any = None,
        batch_size: int | None = None,
        dtype: Any = None,
        sparse: bool | None = None,
        ragged: bool | None = None,
        batch_shape: Any = None,
        input_tensor: KerasTensor | None = None,
        optional: bool = False,
        name: str | None = None,
        **kwargs: Any,
    ):
        if "input_shape" in kwargs:
            warnings.warn("Argument `input_shape` of InputLayer is deprecated. Use `shape` instead.", stacklevel=2)
            shape = kwargs.pop("input_shape")
        batch_shape = kwargs.pop("batch_input_shape", batch_shape)
        tensor = input_tensor
        if tensor is not None:
            if not isinstance(tensor, KerasTensor):
                raise ArgumentError(
                    "Argument `input_tensor` must be a KerasTensor. "
                    f"Received invalid type: input_tensor={tensor!r} (of type {type(tensor)})"
                )
            own = {
                "shape": (shape, tuple(tensor.shape[1:])),
                "batch_shape": (batch_shape, tuple(tensor.shape)),
                "batch_size": (batch_size, tensor.shape[0] if tensor.shape else None),
                "dtype": (dtype, tensor.dtype),
                "sparse": (sparse, tensor.sparse),
                "ragged": (ragged, tensor.ragged),
            }
            for argument, (given, had) in own.items():
                if given is not None and (tuple(given) if isinstance(given, list) else given) != had:
                    raise ArgumentError(
                        f"When `input_tensor` is provided, `{argument}` must be that of the tensor. Received: "
                        f"{argument}={given!r} and input_tensor={tensor!r}."
                    )
            dtype = dtype or tensor.dtype
            sparse = tensor.sparse if sparse is None else sparse
            ragged = tensor.ragged if ragged is None else ragged
            self._batch_shape = tensor.shape
        else:
            self._batch_shape = _whole_shape(shape, batch_size, batch_shape)
        super().__init__(name=name, **kwargs)
        from lamella.backend._dtypes import standardize_dtype

        self._data_dtype = standardize_dtype(dtype)
        self.sparse = bool(sparse)
        self.ragged = bool(ragged)
        if self.ragged:
            raise ArgumentError(
                "`ragged=True` is not supported: no backend of lamella computes with ragged arrays. Pad the sequences "
                "(keras.utils.pad_sequences) and mask the padding (keras.layers.Masking)."
            )
        self.optional = bool(optional)
        self.built = True
        if tensor is None:
            tensor = KerasTensor(
                self._batch_shape, dtype=self._data_dtype, sparse=self.sparse, ragged=self.ragged, name=name
            )
        Node(operation=self, args=(), kwargs={}, outputs=tensor)

    def call(self) -> Any:
        """Nothing: an input is given, not computed."""
        return None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise ArgumentError(
            f"InputLayer {self.name!r} stands for data that enters the model, so it is not called. Its "
            "symbolic tensor "
            "is `.output`."
        )

    @property
    def batch_shape(self) -> PartialShape:
        """The shape of a batch, None where unknown."""
        return self._batch_shape

    @property
    def dtype(self) -> str:
        """The dtype of the data."""
        return self._data_dtype

    def get_config(self) -> dict:
        return {
            "batch_shape": self.batch_shape,
            "dtype": self.dtype,
            "sparse": self.sparse,
            "ragged": self.ragged,
            "name": self.name,
            "optional": self.optional,
        }


def _whole_shape(shape: Any, batch_size: int | None, batch_shape: Any) -> PartialShape:
    if shape is not None and batch_shape is not None:
        raise ArgumentError("You cannot pass both `shape` and `batch_shape` at the same time.")
    if batch_size is not None and batch_shape is not None:
        raise ArgumentError("You cannot pass both `batch_size` and `batch_shape` at the same time.")
    if shape is None and batch_shape is None:
        raise ArgumentError("You must pass a `shape` argument.")
    given: Any = shape if batch_shape is None else batch_shape
    if isinstance(given, (str, int)) or not hasattr(given, "__iter__"):
        raise ShapeError(f"Cannot convert {given!r} to a shape. Expected a tuple of sizes, such as ({given!r},).")
    return standardize_shape(given if batch_shape is not None else (batch_size, *given))


def Input(
    shape: Any = None,
    batch_size: int | None = None,
    dtype: Any = None,
    sparse: bool | None = None,
    ragged: bool | None = None,
    batch_shape: Any = None,
    name: str | None = None,
    tensor: KerasTensor | None = None,
    optional: bool = False,
) -> KerasTensor:
    """A symbolic tensor that stands for one input of a model.

    Args:
        shape: the shape of one example, None where a size is unknown; without the batch axis.
        batch_size: the size of the batch axis, None where unknown.
        dtype: of the data; defaults to `floatx()`.
        sparse: whether the data is sparse.
        ragged: whether the data is ragged.
        batch_shape: the shape with its batch axis, in place of `shape` and `batch_size`.
        name: of the input; the key of its data where inputs are given as a dictionary.
        tensor: a `KerasTensor` to use instead of a new one.
        optional: whether None may be given for this input.

    Returns:
        A `KerasTensor`.

    Raises:
        ArgumentError: when neither or both of `shape` and `batch_shape` are given, or `tensor` is not
            symbolic.

    Example:
        >>> from lamella import layers
        >>> x = layers.Input(shape=(32,))
        >>> layers.Dense(10)(x).shape
        (None, 10)
    """
    layer = InputLayer(
        shape=shape,
        batch_size=batch_size,
        dtype=dtype,
        sparse=sparse,
        ragged=ragged,
        batch_shape=batch_shape,
        input_tensor=tensor,
        optional=optional,
        name=name,
    )
    return layer.output
