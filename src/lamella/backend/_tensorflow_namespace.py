"""The array API by its names over TensorFlow: what an op finds as `xp` when its arrays are `tf.Tensor`s.

`tf.experimental.numpy` has most of these names too, but changes how all tensors of the process behave. Arrays are of
equal dtypes already; a Python number beside one takes its dtype. TensorFlow has no kernels for some dtypes: then the
numbers take a detour through one that holds them all, or through one of more bits, of which the lowest are the same.
"""

import builtins
import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

import ml_dtypes
import numpy as np
import tensorflow as tf

from lamella.backend import _tensorflow_fft as fft
from lamella.backend import _tensorflow_linalg as linalg

__all__ = ["fft", "linalg"]

Tensor = tf.Tensor

uint8, uint16, uint32, uint64 = tf.uint8, tf.uint16, tf.uint32, tf.uint64
int8, int16, int32, int64 = tf.int8, tf.int16, tf.int32, tf.int64
bfloat16, float16, float32, float64 = tf.bfloat16, tf.float16, tf.float32, tf.float64
complex64, complex128 = tf.complex64, tf.complex128

e, inf, nan, pi, newaxis = math.e, math.inf, math.nan, math.pi, None


def _tensor(x: Any) -> Tensor:
    return x if isinstance(x, tf.Tensor) else tf.convert_to_tensor(x)


def _alike(*values: Any) -> list[Tensor]:
    """`values` as tensors; numbers among them in the dtype of the first that is one."""
    dtype = next((v.dtype for v in values if isinstance(v, tf.Tensor)), None)
    return [v if isinstance(v, tf.Tensor) else tf.convert_to_tensor(v, dtype) for v in values]


def _unary(fn: Callable, otherwise: Callable | None = None, kinds: str = "") -> Callable:
    """`fn`, and `otherwise` where the dtype is of one of `kinds`: b(ool), u(nsigned), i(nteger), c(omplex)."""

    def run(x: Any) -> Tensor:
        x = _tensor(x)
        return otherwise(x) if otherwise is not None and _kind(x.dtype) in kinds else fn(x)

    return run


def _binary(fn: Callable, otherwise: Callable | None = None, kinds: str = "") -> Callable:
    def run(x1: Any, x2: Any) -> Tensor:
        x1, x2 = _alike(x1, x2)
        return otherwise(x1, x2) if otherwise is not None and _kind(x1.dtype) in kinds else fn(x1, x2)

    return run


def _kind(dtype: tf.DType) -> str:
    if dtype.is_floating:
        return "f"
    if dtype.is_complex:
        return "c"
    if dtype == tf.bool:
        return "b"
    return "u" if dtype.is_unsigned else "i"


def _within(dtype: tf.DType, fn: Callable) -> Callable:
    """`fn`, its arguments as `dtype` and its result as the dtype that they had."""

    def run(*xs: Tensor) -> Tensor:
        return tf.cast(fn(*(tf.cast(x, dtype) for x in xs)), xs[0].dtype)

    return run


def _axes(axis: Any) -> Any:
    return list(axis) if isinstance(axis, (tuple, list)) else axis


# ---- arrays out of nothing ------------------------------------------------------------------------------


def asarray(value: Any, /, *, dtype: Any = None, device: Any = None, copy: Any = None) -> Tensor:
    """`value` as a tensor."""
    if not isinstance(value, tf.Tensor):
        value = tf.convert_to_tensor(value if dtype is None else np.asarray(value, tf.as_dtype(dtype).as_numpy_dtype))
    value = value if dtype is None else astype(value, dtype)
    return tf.identity(value) if copy else value


def empty(shape: Any, *, dtype: Any = None, device: Any = None) -> Tensor:
    """Zeros: a tensor is never without values."""
    return zeros(shape, dtype=dtype)


def zeros(shape: Any, *, dtype: Any = None, device: Any = None) -> Tensor:
    """A tensor of zeros."""
    return tf.zeros(_shape(shape), tf.float32 if dtype is None else dtype)


def ones(shape: Any, *, dtype: Any = None, device: Any = None) -> Tensor:
    """A tensor of ones."""
    return tf.ones(_shape(shape), tf.float32 if dtype is None else dtype)


def full(shape: Any, fill_value: Any, *, dtype: Any = None, device: Any = None) -> Tensor:
    """A tensor of one number everywhere."""
    return tf.broadcast_to(asarray(fill_value, dtype=dtype), _shape(shape))


def _shape(shape: Any) -> list[int]:
    return [int(n) for n in shape] if hasattr(shape, "__iter__") else [int(shape)]


def zeros_like(x: Tensor, /, *, dtype: Any = None, device: Any = None) -> Tensor:
    """Zeros in the shape of `x`."""
    return tf.zeros_like(x, dtype)


empty_like = zeros_like


def ones_like(x: Tensor, /, *, dtype: Any = None, device: Any = None) -> Tensor:
    """Ones in the shape of `x`."""
    return tf.ones_like(x, dtype)


def full_like(x: Tensor, fill_value: Any, *, dtype: Any = None, device: Any = None) -> Tensor:
    """One number everywhere, in the shape of `x`."""
    return full(x.shape, fill_value, dtype=x.dtype if dtype is None else dtype)


def eye(n_rows: int, n_cols: int | None = None, /, *, k: int = 0, dtype: Any = None, device: Any = None) -> Tensor:
    """Ones on the diagonal `k`, zeros elsewhere."""
    columns = n_rows if n_cols is None else n_cols
    return tf.constant(np.eye(n_rows, columns, k), tf.float32 if dtype is None else dtype)


def arange(start: Any, stop: Any = None, step: Any = 1, *, dtype: Any = None, device: Any = None) -> Tensor:
    """`start, start + step, ...` below `stop`."""
    start, stop = (0, start) if stop is None else (start, stop)
    if any_tensor(start, stop, step):
        return tf.range(*_alike(start, stop, step), dtype=dtype)
    whole = builtins.all(isinstance(v, int) for v in (start, stop, step))
    return asarray(np.arange(start, stop, step), dtype=dtype or (tf.int32 if whole else tf.float32))


def any_tensor(*values: Any) -> builtins.bool:
    """Whether one of `values` is a tensor."""
    return builtins.any(isinstance(v, tf.Tensor) for v in values)


def linspace(start: Any, stop: Any, /, num: int, *, dtype: Any = None, device: Any = None, endpoint: Any = True):
    """`num` numbers from `start` to `stop` at equal distances."""
    return asarray(np.linspace(start, stop, num, endpoint=endpoint), dtype=dtype or tf.float32)


def meshgrid(*arrays: Tensor, indexing: str = "xy") -> list[Tensor]:
    """Grids of coordinates."""
    return tf.meshgrid(*arrays, indexing=indexing)


def tril(x: Tensor, /, *, k: int = 0) -> Tensor:
    """The matrices, zero above the diagonal `k`."""
    return tf.where(np.tri(*x.shape[-2:], k, dtype=builtins.bool), x, tf.zeros_like(x))


def triu(x: Tensor, /, *, k: int = 0) -> Tensor:
    """The matrices, zero below the diagonal `k`."""
    return tf.where(np.tri(*x.shape[-2:], k - 1, dtype=builtins.bool), tf.zeros_like(x), x)


# ---- dtypes ---------------------------------------------------------------------------------------------


def astype(x: Tensor, dtype: Any, /, *, copy: builtins.bool = True, device: Any = None) -> Tensor:
    """The numbers in another dtype: of complex ones the real part; small integers wrap around."""
    dtype = tf.as_dtype(dtype)
    if x.dtype == dtype:
        return x
    if x.dtype.is_complex and not dtype.is_complex:
        if dtype == tf.bool:
            return tf.not_equal(x, tf.zeros_like(x))
        x = tf.math.real(x)
    if dtype in _FLOAT8 or x.dtype in _FLOAT8:
        return tf.cast(tf.cast(x, tf.float32), dtype)
    return tf.cast(x, dtype)


_FLOAT8 = tuple(tf.as_dtype(name) for name in ("float8_e4m3fn", "float8_e5m2"))


def finfo(dtype: Any, /) -> Any:
    """The limits of a floating dtype."""
    dtype = dtype.dtype if isinstance(dtype, tf.Tensor) else tf.as_dtype(dtype)
    return ml_dtypes.finfo(dtype.real_dtype.as_numpy_dtype)


def iinfo(dtype: Any, /) -> Any:
    """The limits of an integer dtype."""
    dtype = dtype.dtype if isinstance(dtype, tf.Tensor) else tf.as_dtype(dtype)
    return ml_dtypes.iinfo(dtype.as_numpy_dtype)


def isdtype(dtype: Any, kind: Any) -> builtins.bool:
    """Whether `dtype` is of a kind: "bool", "integral", "real floating", a dtype, or one of a tuple of them."""
    dtype = tf.as_dtype(dtype)
    if isinstance(kind, tuple):
        return builtins.any(isdtype(dtype, k) for k in kind)
    found = _kind(dtype)
    kinds = {"bool": "b", "signed integer": "i", "unsigned integer": "u", "integral": "iu", "real floating": "f"}
    kinds |= {"complex floating": "c", "numeric": "iufc"}
    return found in kinds[kind] if isinstance(kind, str) and kind in kinds else dtype == tf.as_dtype(kind)


# ---- element by element ---------------------------------------------------------------------------------

exp, expm1, log, log1p = (_unary(f) for f in (tf.exp, tf.math.expm1, tf.math.log, tf.math.log1p))
sin, cos, tan, asin, acos, atan = (_unary(f) for f in (tf.sin, tf.cos, tf.tan, tf.asin, tf.acos, tf.atan))
sinh, cosh, tanh, asinh, acosh, atanh = (_unary(f) for f in (tf.sinh, tf.cosh, tf.tanh, tf.asinh, tf.acosh, tf.atanh))
sqrt, square, real, imag = (_unary(f) for f in (tf.sqrt, tf.square, tf.math.real, tf.math.imag))
conj = _unary(tf.math.conj, tf.identity, "biuf")
reciprocal = _unary(tf.math.reciprocal)
positive = _unary(tf.identity)
abs = _unary(tf.abs, tf.identity, "bu")
negative = _unary(tf.negative, lambda x: tf.zeros_like(x) - x, "u")
sign = _unary(tf.sign, lambda x: tf.cast(tf.not_equal(x, tf.zeros_like(x)), x.dtype), "u")
floor, ceil = (_unary(f, tf.identity, "biu") for f in (tf.floor, tf.math.ceil))
trunc = _unary(lambda x: tf.where(x < 0, tf.math.ceil(x), tf.floor(x)), tf.identity, "biu")
logical_not = _unary(tf.logical_not)
round = _unary(tf.round, lambda x: tf.complex(tf.round(tf.math.real(x)), tf.round(tf.math.imag(x))), "c")
bitwise_invert = _unary(tf.bitwise.invert, tf.logical_not, "b")


def _is(test: Callable, combine: Callable, of_integers: Callable) -> Callable:
    """A test of floating numbers; of complex ones their parts are tested and the answers combined."""

    def run(x: Any) -> Tensor:
        x = _tensor(x)
        if x.dtype.is_complex:
            return combine(test(tf.math.real(x)), test(tf.math.imag(x)))
        return test(x) if x.dtype.is_floating else of_integers(x)

    return run


def _never(x: Tensor) -> Tensor:
    return tf.zeros_like(x, tf.bool)


isnan = _is(tf.math.is_nan, tf.logical_or, _never)
isinf = _is(tf.math.is_inf, tf.logical_or, _never)
isfinite = _is(tf.math.is_finite, tf.logical_and, lambda x: tf.ones_like(x, tf.bool))


def log2(x: Any, /) -> Tensor:
    """The logarithm to base 2."""
    return _logarithm(_tensor(x), math.log(2))


def log10(x: Any, /) -> Tensor:
    """The logarithm to base 10."""
    return _logarithm(_tensor(x), math.log(10))


def _logarithm(x: Tensor, of_base: float) -> Tensor:
    """In twice the precision, so that the logarithms of powers of the base are whole numbers."""
    wide = tf.complex128 if x.dtype.is_complex else tf.float64
    return tf.cast(tf.math.log(tf.cast(x, wide)) / tf.constant(of_base, wide), x.dtype)


def signbit(x: Any, /) -> Tensor:
    """Whether the sign is negative, that of -0.0 and NaN included."""
    x = _tensor(x)
    if not x.dtype.is_floating:
        return tf.less(x, tf.zeros_like(x)) if not x.dtype.is_unsigned else _never(x)
    return tf.less(tf.bitcast(x, _BITS[x.dtype]), 0)


_BITS = {tf.bfloat16: tf.int16, tf.float16: tf.int16, tf.float32: tf.int32, tf.float64: tf.int64}

_WRAPPING = _within(tf.int64, tf.pow)  # the lowest bits of a product do not depend on the others

add = _binary(tf.add, tf.logical_or, "b")
subtract = _binary(tf.subtract)
multiply = _binary(tf.multiply, tf.logical_and, "b")
divide = _binary(tf.divide)
floor_divide = _binary(tf.math.floordiv)
remainder = _binary(tf.math.floormod)
pow = _binary(tf.pow, _WRAPPING, "u")
atan2 = _binary(tf.atan2)
equal, not_equal = _binary(tf.equal), _binary(tf.not_equal)


def _ordered(fn: Callable) -> Callable:
    """A comparison; booleans as 0 and 1, complex numbers first by their real parts, then by their imaginary ones."""

    def of_complex(x1: Tensor, x2: Tensor) -> Tensor:
        reals, imaginary = (tf.math.real(x1), tf.math.real(x2)), (tf.math.imag(x1), tf.math.imag(x2))
        return tf.where(tf.equal(*reals), fn(*imaginary), fn(*reals))

    def run(x1: Any, x2: Any) -> Tensor:
        x1, x2 = _alike(x1, x2)
        if x1.dtype.is_complex:
            return of_complex(x1, x2)
        return fn(tf.cast(x1, tf.uint8), tf.cast(x2, tf.uint8)) if x1.dtype == tf.bool else fn(x1, x2)

    return run


less, less_equal = _ordered(tf.less), _ordered(tf.less_equal)
greater, greater_equal = _ordered(tf.greater), _ordered(tf.greater_equal)
logical_and, logical_or, logical_xor = (_binary(f) for f in (tf.logical_and, tf.logical_or, tf.math.logical_xor))
bitwise_and = _binary(tf.bitwise.bitwise_and, tf.logical_and, "b")
bitwise_or = _binary(tf.bitwise.bitwise_or, tf.logical_or, "b")
bitwise_xor = _binary(tf.bitwise.bitwise_xor, tf.math.logical_xor, "b")
bitwise_left_shift, bitwise_right_shift = _binary(tf.bitwise.left_shift), _binary(tf.bitwise.right_shift)


def _shared(fn: Callable) -> Callable:
    """`tf.maximum` or `tf.minimum`, whose gradient goes to both arguments in equal parts where they are equal."""

    def run(x1: Any, x2: Any) -> Tensor:
        x1, x2 = _alike(x1, x2)
        if not x1.dtype.is_floating:
            return fn(x1, x2)
        half = tf.constant(0.5, x1.dtype)
        return fn(x1, x2) * half + fn(x2, x1) * half  # each gives all of the gradient to its first argument

    return run


maximum, minimum = _shared(tf.maximum), _shared(tf.minimum)


def clip(x: Tensor, /, min: Any = None, max: Any = None) -> Tensor:
    """`minimum(maximum(x, min), max)`."""
    x = x if min is None else maximum(x, min)
    return x if max is None else minimum(x, max)


def where(condition: Any, x1: Any, x2: Any, /) -> Tensor:
    """`x1` where `condition` holds, else `x2`."""
    return tf.where(condition, *_alike(x1, x2))


def logaddexp(x1: Any, x2: Any, /) -> Tensor:
    """`log(exp(x1) + exp(x2))`, without overflow."""
    x1, x2 = _alike(x1, x2)
    largest = maximum(x1, x2)
    same = tf.equal(x1, x2)  # their difference is NaN where both are the same infinity
    zero = tf.zeros_like(largest)
    difference = tf.where(same, zero, x1) - tf.where(same, zero, x2)
    return largest + tf.math.log1p(tf.exp(-tf.abs(difference)))


def hypot(x1: Any, x2: Any, /) -> Tensor:
    """`sqrt(x1 ** 2 + x2 ** 2)`, without overflow; infinite where one is, beside NaN too."""
    x1, x2 = (tf.abs(x) for x in _alike(x1, x2))
    infinite = tf.logical_or(tf.math.is_inf(x1), tf.math.is_inf(x2))
    large, small = maximum(x1, x2), minimum(x1, x2)
    ordinary = tf.logical_and(large > 0, tf.math.is_finite(large))
    ratio = tf.where(ordinary, small, tf.zeros_like(small)) / tf.where(ordinary, large, tf.ones_like(large))
    return tf.where(infinite, tf.constant(math.inf, large.dtype), large * tf.sqrt(1 + ratio * ratio))


def nextafter(x1: Any, x2: Any, /) -> Tensor:
    """The next number of the dtype after `x1` in the direction of `x2`."""
    x1, x2 = _alike(x1, x2)
    if x1.dtype in (tf.float32, tf.float64):
        return tf.math.nextafter(x1, x2)
    x1, x2 = tf.broadcast_to(x1, shape := tf.broadcast_static_shape(x1.shape, x2.shape)), tf.broadcast_to(x2, shape)
    bits = tf.bitcast(x1, tf.int16)
    away = tf.equal(x1 < x2, x1 > 0)  # from zero: one more in the bits
    stepped = tf.bitcast(bits + tf.where(away, tf.ones_like(bits), -tf.ones_like(bits)), x1.dtype)
    least = tf.bitcast(tf.where(x2 > 0, tf.constant(1, tf.int16), tf.constant(-32767, tf.int16)), x1.dtype)
    out = tf.where(tf.equal(x1, 0), least, stepped)
    return tf.where(tf.equal(x1, x2), x2, tf.where(tf.math.is_nan(x1 + x2), x1 + x2, out))


# ---- shapes ---------------------------------------------------------------------------------------------


def reshape(x: Tensor, /, shape: Any, *, copy: Any = None) -> Tensor:
    """The elements in another shape."""
    return tf.reshape(x, _shape(shape))


def permute_dims(x: Tensor, /, axes: Sequence[int]) -> Tensor:
    """The axes in another order."""
    return tf.transpose(x, list(axes))


def matrix_transpose(x: Tensor, /) -> Tensor:
    """The last two axes exchanged."""
    return tf.linalg.matrix_transpose(x)


def moveaxis(x: Tensor, source: Any, destination: Any, /) -> Tensor:
    """The axes `source` moved to `destination`."""
    pairs = [[a] if isinstance(a, int) else list(a) for a in (source, destination)]
    source, destination = ([operator.index(a) % x.ndim for a in axes] for axes in pairs)
    order = [a for a in range(x.ndim) if a not in source]
    for to, frm in sorted(zip(destination, source)):
        order.insert(to, frm)
    return tf.transpose(x, order) if order != list(range(x.ndim)) else x


def expand_dims(x: Tensor, /, *, axis: Any = 0) -> Tensor:
    """New axes of size 1."""
    if not isinstance(axis, (tuple, list)):
        return tf.expand_dims(x, axis)
    rank = x.ndim + len(axis)
    new = {a % rank for a in axis}
    sizes = iter(x.shape)
    return tf.reshape(x, [1 if a in new else next(sizes) for a in range(rank)])


def squeeze(x: Tensor, /, axis: Any) -> Tensor:
    """Axes of size 1 taken away."""
    return tf.squeeze(x, axis=_axes(axis)) if axis != () else x


def flip(x: Tensor, /, *, axis: Any = None) -> Tensor:
    """The elements in reverse order along axes."""
    axes = range(x.ndim) if axis is None else axis if isinstance(axis, (tuple, list)) else [axis]
    return tf.reverse(x, list(axes)) if len(axes) else x


def roll(x: Tensor, /, shift: Any, *, axis: Any = None) -> Tensor:
    """The elements moved along axes, those that fall off coming back at the other end."""
    if axis is None:
        return tf.reshape(tf.roll(tf.reshape(x, [-1]), shift, 0), x.shape)
    shift, axis = _axes(shift), _axes(axis)
    if isinstance(axis, list) and not isinstance(shift, list):
        shift = [shift] * len(axis)
    if isinstance(shift, list) and not isinstance(axis, list):
        axis = [axis] * len(shift)
    return tf.roll(x, shift, axis)


def _of_uint16(fn: Callable) -> Callable:
    """`fn`, which has no kernel for uint16, on the same bits as int16."""

    def run(x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        if x.dtype == tf.uint16:
            return tf.bitcast(fn(tf.bitcast(x, tf.int16), *args, **kwargs), tf.uint16)
        return fn(x, *args, **kwargs)

    return run


@_of_uint16
def repeat(x: Tensor, repeats: Any, /, *, axis: int | None = None) -> Tensor:
    """Each element several times."""
    return tf.repeat(x, repeats, axis=axis)


@_of_uint16
def tile(x: Tensor, repetitions: Sequence[int], /) -> Tensor:
    """Copies laid side by side along every axis."""
    rank = builtins.max(x.ndim, len(repetitions))
    x = tf.reshape(x, [1] * (rank - x.ndim) + list(x.shape))
    return tf.tile(x, [1] * (rank - len(repetitions)) + list(repetitions))


def concat(arrays: Sequence[Tensor], /, *, axis: int | None = 0) -> Tensor:
    """Arrays joined along an axis."""
    if axis is None:
        return tf.concat([tf.reshape(x, [-1]) for x in arrays], 0)
    return tf.concat(list(arrays), axis)


def stack(arrays: Sequence[Tensor], /, *, axis: int = 0) -> Tensor:
    """Arrays joined along a new axis."""
    return tf.stack(list(arrays), axis)


def unstack(x: Tensor, /, *, axis: int = 0) -> tuple[Tensor, ...]:
    """The slices along an axis."""
    return tuple(tf.unstack(x, axis=axis))


def broadcast_to(x: Tensor, /, shape: Any) -> Tensor:
    """`x` repeated to `shape`."""
    return tf.broadcast_to(x, _shape(shape))


def broadcast_arrays(*arrays: Tensor) -> list[Tensor]:
    """Arrays repeated to the shape that they have together."""
    shape = np.broadcast_shapes(*(tuple(x.shape) for x in arrays))
    return [tf.broadcast_to(x, shape) for x in arrays]


# ---- reductions -----------------------------------------------------------------------------------------


def _total_dtype(x: Tensor, dtype: Any) -> Tensor:
    if dtype is not None:
        return astype(x, dtype)
    if _kind(x.dtype) in "bi":
        return x if x.dtype == tf.int64 else tf.cast(x, tf.int32)
    return tf.cast(x, tf.uint32) if x.dtype in (tf.uint8, tf.uint16) else x


def sum(x: Tensor, /, *, axis: Any = None, dtype: Any = None, keepdims: Any = False) -> Tensor:
    """The sum along axes."""
    return tf.reduce_sum(_total_dtype(x, dtype), _axes(axis), keepdims)


def prod(x: Tensor, /, *, axis: Any = None, dtype: Any = None, keepdims: Any = False) -> Tensor:
    """The product along axes."""
    return tf.reduce_prod(_total_dtype(x, dtype), _axes(axis), keepdims)


def mean(x: Tensor, /, *, axis: Any = None, keepdims: Any = False) -> Tensor:
    """The mean along axes."""
    return tf.reduce_mean(x, _axes(axis), keepdims)


def var(x: Tensor, /, *, axis: Any = None, correction: float = 0.0, keepdims: Any = False) -> Tensor:
    """The variance along axes: the sum of squared deviations, divided by the count less `correction`."""
    apart = x - tf.reduce_mean(x, _axes(axis), True)
    if x.dtype.is_complex:
        squares = tf.square(tf.math.real(apart)) + tf.square(tf.math.imag(apart))
    else:
        squares = tf.square(apart)
    if not correction:
        return tf.reduce_mean(squares, _axes(axis), keepdims)
    total = tf.reduce_sum(squares, _axes(axis), keepdims)
    count = math.prod(x.shape) // builtins.max(1, math.prod(total.shape))
    return total / tf.constant(builtins.max(0.0, count - correction), total.dtype)


def std(x: Tensor, /, *, axis: Any = None, correction: float = 0.0, keepdims: Any = False) -> Tensor:
    """The square root of the variance."""
    return tf.sqrt(var(x, axis=axis, correction=correction, keepdims=keepdims))


def max(x: Tensor, /, *, axis: Any = None, keepdims: Any = False) -> Tensor:
    """The greatest along axes; NaN where there is one."""
    return tf.reduce_max(x, _axes(axis), keepdims)


def min(x: Tensor, /, *, axis: Any = None, keepdims: Any = False) -> Tensor:
    """The least along axes; NaN where there is one."""
    return tf.reduce_min(x, _axes(axis), keepdims)


def any(x: Tensor, /, *, axis: Any = None, keepdims: Any = False) -> Tensor:
    """Whether some element along axes is not zero."""
    return tf.reduce_any(astype(x, tf.bool), _axes(axis), keepdims)


def all(x: Tensor, /, *, axis: Any = None, keepdims: Any = False) -> Tensor:
    """Whether no element along axes is zero."""
    return tf.reduce_all(astype(x, tf.bool), _axes(axis), keepdims)


def count_nonzero(x: Tensor, /, *, axis: Any = None, keepdims: Any = False) -> Tensor:
    """How many elements along axes are not zero."""
    return tf.math.count_nonzero(x, _axes(axis), keepdims, dtype=tf.int32)


def cumulative_sum(x: Tensor, /, *, axis: int | None = None, dtype: Any = None, include_initial: Any = False) -> Tensor:
    """Sums of the elements up to each."""
    return _cumulative(tf.cumsum, 0, x, axis, dtype, include_initial)


def cumulative_prod(
    x: Tensor, /, *, axis: int | None = None, dtype: Any = None, include_initial: Any = False
) -> Tensor:
    """Products of the elements up to each."""
    return _cumulative(tf.math.cumprod, 1, x, axis, dtype, include_initial)


def _cumulative(fn: Callable, first: int, x: Tensor, axis: int | None, dtype: Any, include_initial: Any) -> Tensor:
    x, axis = _total_dtype(x, dtype), (0 if axis is None else axis)
    out = fn(x, axis)
    if not include_initial:
        return out
    shape = list(x.shape)
    shape[axis] = 1
    return tf.concat([full(shape, first, dtype=x.dtype), out], axis)


# ---- order ----------------------------------------------------------------------------------------------


def _keys(x: Tensor) -> Tensor:
    """Integers in the order of real numbers, NaN last and zeros of both signs equal."""
    if x.dtype == tf.bool:
        return tf.cast(x, tf.uint8)
    if not x.dtype.is_floating:
        return x
    bits = _BITS[x.dtype]
    numbers = tf.where(tf.math.is_nan(x), tf.constant(math.inf, x.dtype), tf.where(tf.equal(x, 0), tf.zeros_like(x), x))
    keys = tf.bitcast(numbers, bits)
    keys = tf.where(keys < 0, tf.constant(bits.min, bits) - keys - 1, keys)
    return keys + tf.cast(tf.math.is_nan(x), bits)


def argsort(x: Tensor, /, *, axis: int = -1, descending: Any = False, stable: Any = True) -> Tensor:
    """The places of the elements in ascending order; equal ones stay in their order."""
    x = tf.stop_gradient(x)
    direction = "DESCENDING" if descending else "ASCENDING"
    if not x.dtype.is_complex:
        return tf.argsort(_keys(x), axis, direction, stable=True)
    order = argsort(tf.math.imag(x), axis=axis, descending=descending)
    within = argsort(take_along_axis(tf.math.real(x), order, axis=axis), axis=axis, descending=descending)
    return take_along_axis(order, within, axis=axis)


def sort(x: Tensor, /, *, axis: int = -1, descending: Any = False, stable: Any = True) -> Tensor:
    """The elements in ascending order."""
    if not x.dtype.is_floating and not x.dtype.is_complex and x.dtype != tf.bool:
        return tf.sort(x, axis, "DESCENDING" if descending else "ASCENDING")
    return take_along_axis(x, argsort(x, axis=axis, descending=descending), axis=axis)


def argmax(x: Tensor, /, *, axis: int | None = None, keepdims: Any = False) -> Tensor:
    """The place of the greatest; of equal ones the first."""
    return _place(tf.argmax, x, axis, keepdims)


def argmin(x: Tensor, /, *, axis: int | None = None, keepdims: Any = False) -> Tensor:
    """The place of the least; of equal ones the first."""
    return _place(tf.argmin, x, axis, keepdims)


def _place(fn: Callable, x: Tensor, axis: int | None, keepdims: Any) -> Tensor:
    flat = tf.reshape(x, [-1]) if axis is None else x
    along = 0 if axis is None else axis
    found = fn(flat, along, tf.int32)
    if x.dtype.is_floating:  # NaN comes before all others
        missing = tf.math.is_nan(flat)
        found = tf.where(tf.reduce_any(missing, along), tf.argmax(tf.cast(missing, tf.uint8), along, tf.int32), found)
    if not keepdims:
        return found
    return tf.reshape(found, [1] * x.ndim) if axis is None else tf.expand_dims(found, axis)


def searchsorted(x1: Tensor, x2: Tensor, /, *, side: str = "left", sorter: Any = None) -> Tensor:
    """Where to put `x2` into the ascending vector `x1`."""
    x1 = x1 if sorter is None else tf.gather(x1, sorter)
    found = tf.searchsorted(_keys(x1), tf.reshape(_keys(x2), [-1]), side)
    return tf.reshape(found, x2.shape)


def nonzero(x: Tensor, /) -> tuple[Tensor, ...]:
    """The places of the elements that are not zero, by axis."""
    return tuple(tf.unstack(tf.where(astype(x, tf.bool)), axis=1))


def take(x: Tensor, indices: Tensor, /, *, axis: int | None = None) -> Tensor:
    """Elements along an axis."""
    return tf.gather(x, indices, axis=0 if axis is None else axis)


def take_along_axis(x: Tensor, indices: Tensor, /, *, axis: int = -1) -> Tensor:
    """Elements along an axis, an index for each place."""
    axis %= x.ndim
    shapes = [[1 if a == axis else n for a, n in enumerate(t.shape)] for t in (x, indices)]
    common = np.broadcast_shapes(*map(tuple, shapes))
    x, indices = (
        tf.broadcast_to(t, [t.shape[a] if a == axis else n for a, n in enumerate(common)]) for t in (x, indices)
    )
    x, indices = moveaxis(x, axis, -1), moveaxis(indices, axis, -1)
    return moveaxis(tf.gather(x, indices, batch_dims=x.ndim - 1), -1, axis)


# ---- products -------------------------------------------------------------------------------------------


def _product_dtype(dtype: tf.DType) -> tf.DType:
    """A dtype that there are kernels for, in which products have the same lowest bits."""
    if dtype == tf.bool or dtype in (tf.int8, tf.uint8, tf.int16, tf.uint16):
        return tf.int32
    return tf.int64 if dtype in (tf.uint32, tf.uint64) else dtype


def _by_product(fn: Callable, *arrays: Tensor) -> Tensor:
    dtype = arrays[0].dtype
    wide = _product_dtype(dtype)
    if wide == dtype:
        return fn(*arrays)
    return tf.cast(fn(*(tf.cast(x, wide) for x in arrays)), dtype)


def matmul(x1: Tensor, x2: Tensor, /) -> Tensor:
    """The matrix product of the last two axes; a vector is a row on the left, a column on the right."""
    if x1.ndim == 1 or x2.ndim == 1:
        left = x1[None] if x1.ndim == 1 else x1
        right = x2[:, None] if x2.ndim == 1 else x2
        out = matmul(left, right)
        out = tf.squeeze(out, -1) if x2.ndim == 1 else out
        return tf.squeeze(out, -1 if x2.ndim == 1 else -2) if x1.ndim == 1 else out
    return _by_product(tf.matmul, x1, x2)


def tensordot(x1: Tensor, x2: Tensor, /, *, axes: Any = 2) -> Tensor:
    """The product that sums over pairs of axes."""
    return _by_product(lambda a, b: tf.tensordot(a, b, axes), x1, x2)


def einsum(subscripts: str, *operands: Tensor) -> Tensor:
    """Einstein summation."""
    return _by_product(lambda *xs: tf.einsum(subscripts, *xs), *operands)


def vecdot(x1: Tensor, x2: Tensor, /, *, axis: int = -1) -> Tensor:
    """`sum(conj(x1) * x2)` along an axis."""
    return tf.reduce_sum(conj(x1) * x2, axis)


bool = tf.bool  # the last of all: the annotations above mean Python's
