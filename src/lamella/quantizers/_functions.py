"""Numbers in few bits: scales, rounding, and packing."""

from typing import Any

import numpy as np

from lamella import ops
from lamella.backend import _dtypes, _registry
from lamella.errors import ArgumentError, DTypeError, ShapeError
from lamella.typing import Array

__all__ = [
    "abs_max_quantize",
    "abs_max_quantize_grouped_with_zero_point",
    "compute_float8_amax_history",
    "compute_float8_scale",
    "fake_quant_with_min_max_vars",
    "pack_int4",
    "quantize_and_dequantize",
    "unpack_int4",
]


def abs_max_quantize(
    inputs: Any,
    axis: Any,
    value_range: Any = (-127, 127),
    dtype: str = "int8",
    epsilon: float = 1e-7,
    to_numpy: bool = False,
) -> tuple[Array, Array]:
    """Integers `clip(round(inputs * scale))` with `scale = value_range[1] / (max |inputs| + epsilon)`.

    Args:
        inputs: an array of numbers.
        axis: the axis, or axes, that the largest value is taken over; None for all.
        value_range: the least and the largest integer.
        dtype: of the integers.
        epsilon: what keeps the divisor from 0.
        to_numpy: whether to compute on the host, which needs no memory of the device.

    Returns:
        The integers, and the scale, of size 1 along `axis`, in the dtype of `inputs`.

    Example:
        >>> from lamella import quantizers
        >>> integers, scale = quantizers.abs_max_quantize([[1.0, -0.5]], axis=1)
        >>> integers.tolist(), scale.tolist()
        ([[127, -63]], [[127.0]])
    """
    if to_numpy:
        with _registry.use("numpy"):
            found = abs_max_quantize(_host(inputs), axis, value_range, dtype, epsilon)
        return tuple(map(ops.convert_to_tensor, found))  # type: ignore[return-value]
    x = ops.convert_to_tensor(inputs)
    kind = _dtypes.standardize_dtype(x.dtype)
    axis = tuple(axis) if isinstance(axis, list) else axis
    wide = _wide(ops.max(ops.abs(x), axis=axis, keepdims=True))
    scale = ops.cast(value_range[1] / (wide + epsilon), kind)
    return ops.cast(ops.clip(ops.round(x * scale), value_range[0], value_range[1]), dtype), scale


def abs_max_quantize_grouped_with_zero_point(
    inputs: Any,
    block_size: int,
    value_range: Any = (-8, 7),
    dtype: str = "int8",
    epsilon: float = 1e-7,
    to_numpy: bool = False,
) -> tuple[Array, Array, Array]:
    """Integers with a scale and a zero point for each block of rows of each column.

    With the least and the largest value of a block, `scale = (largest - least) / (high - low)`, `zero = clip(round(low -
    least / scale))`, and the integers are `clip(round(inputs / scale) + zero)`.

    Args:
        inputs: an array of floating numbers, `(rows, columns)`.
        block_size: rows in a block; the last one is filled up with zeros.
        value_range: the least and the largest integer.
        dtype: of the integers.
        epsilon: a block whose values differ by less is widened by 1 on both sides.
        to_numpy: whether to compute on the host.

    Returns:
        The integers `(rows, columns)`, the scales `(blocks, columns)`, and the zero points `(blocks, columns)`.

    Raises:
        ShapeError: when the inputs have not two axes.
        ArgumentError: when `block_size` is not positive.
    """
    if to_numpy:
        with _registry.use("numpy"):
            found = abs_max_quantize_grouped_with_zero_point(_host(inputs), block_size, value_range, dtype, epsilon)
        return tuple(map(ops.convert_to_tensor, found))  # type: ignore[return-value]
    x = ops.convert_to_tensor(inputs)
    if len(x.shape) != 2:
        raise ShapeError(f"`inputs` must have the shape (rows, columns); got {tuple(x.shape)}.")
    if block_size <= 0:
        raise ArgumentError(f"`block_size` must be positive; got {block_size}.")
    kind, (rows, columns), (low, high) = _dtypes.standardize_dtype(x.dtype), x.shape, value_range
    block_size = min(block_size, rows)
    blocks = -(-rows // block_size)
    padded = ops.pad(x, ((0, blocks * block_size - rows), (0, 0)))
    blocked = ops.reshape(padded, (blocks, block_size, columns))
    least, largest = ops.min(blocked, axis=1, keepdims=True), ops.max(blocked, axis=1, keepdims=True)
    flat = ops.less(largest - least, epsilon)
    least, largest = ops.where(flat, least - 1, least), ops.where(flat, largest + 1, largest)
    scale = (largest - least) / (high - low)
    zero = ops.clip(ops.round(low - least / scale), low, high)
    integers = ops.clip(ops.round(blocked / scale) + zero, low, high)
    integers = ops.reshape(integers, (blocks * block_size, columns))[:rows]
    return ops.cast(integers, dtype), ops.cast(scale[:, 0], kind), ops.cast(zero[:, 0], "int8")


# ---- eight bits with a point -------------------------------------------------------------------------


def quantize_and_dequantize(inputs: Any, scale: Any, quantized_dtype: str, compute_dtype: str) -> Array:
    """`inputs` as they are after division by `scale`, rounding to a float8 dtype, and the way back.

    Args:
        inputs: floating numbers.
        scale: the value that becomes 1.
        quantized_dtype: "float8_e4m3fn" (cut at 448) or "float8_e5m2" (cut at 57344).
        compute_dtype: of the arithmetic and of the result.
    """
    quantized_dtype = _dtypes.standardize_dtype(quantized_dtype)
    largest = {"float8_e4m3fn": 448.0, "float8_e5m2": 57344.0}.get(quantized_dtype)
    if largest is None:
        raise ArgumentError(
            f"`quantized_dtype` must be 'float8_e4m3fn' or 'float8_e5m2'. Received: quantized_dtype={quantized_dtype!r}"
        )
    scale = ops.cast(scale, compute_dtype)
    scaled = ops.cast(inputs, compute_dtype) / scale
    small = ops.cast(
        ops.clip(scaled, -min(largest, _largest(compute_dtype)), min(largest, _largest(compute_dtype))), quantized_dtype
    )
    return ops.cast(small, compute_dtype) * scale


def compute_float8_scale(amax: Any, scale: Any, dtype_max: float, margin: int = 0) -> Array:
    """The scale that makes `amax` the largest float8: `amax / dtype_max * 2^margin`.

    Args:
        amax: the largest absolute value seen.
        scale: the scale before; it stays where `amax` is 0 or not finite.
        dtype_max: the largest value of the float8 dtype.
        margin: how many powers of two to leave free.
    """
    amax, scale = ops.convert_to_tensor(amax), ops.convert_to_tensor(scale)
    factor = dtype_max / ops.where(ops.greater(amax, 0), amax, ops.ones_like(amax)) / 2**margin
    usable = ops.logical_and(ops.greater(amax, 0), ops.isfinite(amax))
    return ops.reciprocal(ops.where(usable, factor, ops.reciprocal(scale)))


def compute_float8_amax_history(x: Any, amax_history: Any) -> Array:
    """The history of the largest absolute values, one step on: that of `x` stands first.

    Args:
        x: floating numbers.
        amax_history: `(steps,)`.
    """
    history = ops.convert_to_tensor(amax_history)
    now = ops.cast(ops.max(ops.abs(x)), history.dtype)
    return ops.concatenate([ops.reshape(now, (1,)), ops.roll(history, -1)[1:]], axis=0)


# ---- four bits ---------------------------------------------------------------------------------------


def pack_int4(arr: Any, axis: int = 0, dtype: str = "int8") -> tuple[Array, tuple, int]:
    """Integers of four bits, two in a byte: the first of a pair in the low half, the second in the high half.

    Args:
        arr: integers in [-8, 7] (or, for "uint8", [0, 15]) in `dtype`.
        axis: along which neighbours share a byte; an odd length is filled up with a 0.
        dtype: "int8" or "uint8".

    Returns:
        The bytes, their shape, and the length of `axis` before.

    Raises:
        ArgumentError: for another dtype.
        DTypeError: when `arr` has another dtype than said.

    Example:
        >>> import numpy as np
        >>> from lamella import quantizers
        >>> packed, shape, length = quantizers.pack_int4(np.array([[-3, 7], [2, -8], [1, 0]], "int8"))
        >>> packed.tolist(), shape, length
        ([[45, -121], [1, 0]], (2, 2), 3)
    """
    _check_byte(dtype)
    x = ops.convert_to_tensor(arr)
    if _dtypes.standardize_dtype(x.dtype) != dtype:
        raise DTypeError(f"Expected {dtype} tensor for packing, got {_dtypes.standardize_dtype(x.dtype)}.")
    x = ops.moveaxis(ops.cast(x, "int32"), axis, 0)
    length = x.shape[0]
    x = ops.pad(x, ((0, length % 2), *((0, 0),) * (len(x.shape) - 1)))
    pairs = ops.reshape(ops.bitwise_and(x, 15), (-1, 2, *x.shape[1:]))
    packed = pairs[:, 0] + pairs[:, 1] * 16
    if dtype == "int8":
        packed = packed - 256 * ops.cast(ops.greater(packed, 127), "int32")
    packed = ops.cast(ops.moveaxis(packed, 0, axis), dtype)
    return packed, tuple(packed.shape), length


def unpack_int4(packed: Any, orig_len: int, axis: int = 0, dtype: str = "int8") -> Array:
    """The integers that `pack_int4` packed.

    Args:
        packed: bytes.
        orig_len: the length of `axis` before packing.
        axis: along which neighbours share a byte.
        dtype: "int8" or "uint8".

    Raises:
        ArgumentError: for another dtype.
        DTypeError: when `packed` are no bytes.
    """
    _check_byte(dtype)
    x = ops.convert_to_tensor(packed)
    if _dtypes.standardize_dtype(x.dtype) not in ("int8", "uint8"):
        raise DTypeError(f"Expected int8 or uint8 tensor for unpacking, got {_dtypes.standardize_dtype(x.dtype)}")
    x = ops.moveaxis(ops.bitwise_and(ops.cast(x, "int32"), 255), axis, 0)
    both = ops.stack([ops.bitwise_and(x, 15), ops.right_shift(x, 4)], axis=1)
    values = ops.reshape(both, (-1, *x.shape[1:]))[:orig_len]
    if dtype == "int8":
        values = values - 16 * ops.cast(ops.greater(values, 7), "int32")
    return ops.cast(ops.moveaxis(values, 0, axis), dtype)


def _check_byte(dtype: str) -> None:
    if dtype not in ("int8", "uint8"):
        raise ArgumentError(f"Expected dtype to be 'int8' or 'uint8', but got '{dtype}'.")


# ---- training with rounding --------------------------------------------------------------------------


def fake_quant_with_min_max_vars(
    inputs: Any, min_vals: Any, max_vals: Any, num_bits: int = 8, narrow_range: bool = False, axis: int | None = None
) -> Array:
    """`inputs` rounded to the `2^num_bits` values between bounds, which are moved a little so that 0 is one of them.

    Jacob et al. (2018), arXiv:1712.05877, section 3. The gradient passes inside of the bounds, and goes to the bounds
    outside (Bengio, Léonard and Courville (2013), arXiv:1308.3432: the straight-through estimator).

    Args:
        inputs: an array of numbers.
        min_vals, max_vals: the bounds: scalars, or `(channels,)` with an `axis`.
        num_bits: bits of a value.
        narrow_range: whether the least of the values is left out.
        axis: that of the channels; None for bounds that hold for all.

    Returns:
        An array like `inputs`.
    """
    x = ops.convert_to_tensor(inputs)
    kind = _dtypes.standardize_dtype(x.dtype)
    x, least, largest = (ops.cast(v, "float32") for v in (x, min_vals, max_vals))
    if axis is not None:
        shape = [-1 if i == axis % len(x.shape) else 1 for i in range(len(x.shape))]
        least, largest = ops.reshape(least, shape), ops.reshape(largest, shape)
    low, high = float(narrow_range), float(2**num_bits - 1)
    scale, inverse = (largest - least) / (high - low), (high - low) / (largest - least)
    zero = ops.clip(ops.round(low - least / scale), low, high)
    first, last = (low - zero) * scale, (high - zero) * scale
    clipped = ops.clip(ops.stop_gradient(x), ops.stop_gradient(first), ops.stop_gradient(last))
    rounded = ops.floor((clipped - first) * inverse + 0.5) * scale + first
    # The value of `rounded`, with the gradient of what stands here.
    passed = ops.where(ops.less(x, first), least, ops.where(ops.greater(x, last), largest, x))
    passed = ops.where(ops.isfinite(rounded), passed, ops.zeros_like(passed))
    return ops.cast(passed + ops.stop_gradient(rounded - passed), kind)


# ---- parts -------------------------------------------------------------------------------------------


def _wide(x: Array) -> Array:
    return ops.cast(x, "float64" if _dtypes.standardize_dtype(x.dtype) == "float64" else "float32")


def _host(x: Any) -> np.ndarray:
    return _registry.to_numpy(x) if _registry.owner(x) is not None else np.asarray(x)


def _largest(dtype: str) -> float:
    return 65504.0 if dtype == "float16" else 3e38
