"""What a layer says about the inputs it takes, and the check of an input against it."""

from typing import Any

from lamella.backend import _dtypes
from lamella.core import _tree
from lamella.core._keras_tensor import standardize_shape
from lamella.core._serialization import Serializable
from lamella.errors import ShapeError
from lamella.typing import PartialShape


class InputSpec(Serializable):
    """Rank, dtype and sizes that a layer expects of one input; None for what does not matter.

    Args:
        dtype: a dtype name.
        shape: sizes, None where any will do.
        ndim: the exact rank.
        max_ndim, min_ndim: bounds of the rank, inclusive.
        axes: axis (an int) -> size.
        allow_last_axis_squeeze: accept an input that lacks, or adds, a last axis of size 1.
        name: the key of the input where inputs come as a dictionary.
        optional: whether None may stand in its place.
    """

    def __init__(
        self,
        dtype: Any = None,
        shape: Any = None,
        ndim: int | None = None,
        max_ndim: int | None = None,
        min_ndim: int | None = None,
        axes: dict[int, int | None] | None = None,
        allow_last_axis_squeeze: bool = False,
        name: str | None = None,
        optional: bool = False,
    ):
        self.dtype = None if dtype is None else _dtypes.standardize_dtype(dtype)
        self.shape: PartialShape | None = None if shape is None else standardize_shape(shape)
        self.ndim = len(self.shape) if self.shape is not None else ndim
        self.max_ndim = max_ndim
        self.min_ndim = min_ndim
        self.name = name
        self.optional = optional
        self.allow_last_axis_squeeze = allow_last_axis_squeeze
        self.axes = {int(axis): size for axis, size in (axes or {}).items()}
        limit = self.ndim if self.ndim is not None else self.max_ndim
        for axis in self.axes:
            if limit is not None and axis > limit - 1:
                raise ShapeError(f"Axis {axis} is greater than the maximum allowed value: {limit - 1}.")

    def get_config(self) -> dict:
        """The arguments that make the spec again."""
        return {
            "dtype": self.dtype,
            "shape": self.shape,
            "ndim": self.ndim,
            "max_ndim": self.max_ndim,
            "min_ndim": self.min_ndim,
            "axes": self.axes,
            "optional": self.optional,
        }

    @classmethod
    def from_config(cls, config: dict) -> "InputSpec":
        """The spec of a configuration made by `get_config`."""
        return cls(**config)

    def __repr__(self) -> str:
        fields = ("dtype", "shape", "ndim", "max_ndim", "min_ndim", "axes")
        text = ", ".join(f"{f}={getattr(self, f)}" for f in fields if getattr(self, f) not in (None, {}))
        return f"InputSpec({text})"


def check_inputs(specs: Any, inputs: Any, layer_name: str) -> None:
    """Compare `inputs` with what the layer expects of them.

    Raises:
        ShapeError: at the first input that does not fit, naming the layer.
    """
    if not specs:
        return
    specs = _tree.flatten(specs)
    if isinstance(inputs, dict) and all(spec.name in inputs for spec in specs):
        found = [inputs[spec.name] for spec in specs]
    else:
        found = _tree.flatten(inputs)
    if len(found) != len(specs):
        raise ShapeError(f'Layer "{layer_name}" expects {len(specs)} input(s), but it received {len(found)}.')
    for index, (x, spec) in enumerate(zip(found, specs)):
        if spec is not None and not (x is None and spec.optional):
            _check(index, x, spec, layer_name)


def _check(index: int, x: Any, spec: InputSpec, layer_name: str) -> None:
    if not hasattr(x, "shape"):
        raise ShapeError(
            f'Input {index} of layer "{layer_name}" is not a tensor: got {x!r} of type {type(x).__name__}. '
            "Give it an array or a KerasTensor."
        )
    shape = tuple(x.shape)

    def refuse(rule: str) -> ShapeError:
        return ShapeError(
            f'Input {index} of layer "{layer_name}" is incompatible with the layer: {rule}. Full shape received: {shape}.'
        )

    if spec.ndim is not None and len(shape) != spec.ndim:
        if not (spec.allow_last_axis_squeeze and _fits_squeezed(shape, spec)):
            raise refuse(f"expected ndim={spec.ndim}, found ndim={len(shape)}")
    if spec.max_ndim is not None and len(shape) > spec.max_ndim:
        raise refuse(f"expected max_ndim={spec.max_ndim}, found ndim={len(shape)}")
    if spec.min_ndim is not None and len(shape) < spec.min_ndim:
        raise refuse(f"expected min_ndim={spec.min_ndim}, found ndim={len(shape)}")
    if spec.dtype is not None and _dtypes.standardize_dtype(x.dtype) != spec.dtype:
        raise refuse(f"expected dtype={spec.dtype}, found dtype={_dtypes.standardize_dtype(x.dtype)}")
    for axis, size in spec.axes.items():
        if size is not None and -len(shape) <= axis < len(shape) and shape[axis] not in (size, None):
            raise refuse(f"expected axis {axis} of input shape to have value {size}, but received {shape[axis]}")
    if spec.shape is not None and len(shape) == len(spec.shape):
        for wanted, size in zip(spec.shape, shape):
            if wanted is not None and size is not None and wanted != size:
                raise refuse(f"expected shape={spec.shape}, found shape={shape}")


def _fits_squeezed(shape: tuple, spec: InputSpec) -> bool:
    if len(shape) == spec.ndim + 1:  # type: ignore[operator]
        return shape[-1] == 1
    return spec.shape is not None and len(shape) == len(spec.shape) - 1 and spec.shape[-1] == 1
