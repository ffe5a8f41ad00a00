"""TensorFlow: tensors, `tf.Variable`s, tapes and `tf.function`s."""

import contextlib
import math
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.python.autograph.core import config as _autograph

from lamella.backend import _dtypes, _tensorflow_gradients, _tensorflow_namespace, _tensorflow_programs
from lamella.backend._adapter import Adapter
from lamella.backend._numpy_arrays import fits_int32, numpy_array, numpy_dtype, refuse_text
from lamella.backend._tensorflow_windows import TensorflowWindows
from lamella.errors import DTypeError

xp: Any = _tensorflow_namespace

# AutoGraph rewrites what a user's tf.function calls, but for the libraries in this list.
_autograph.CONVERSION_RULES = (_autograph.DoNotConvert("lamella"), *_autograph.CONVERSION_RULES)


class TensorflowAdapter(TensorflowWindows, Adapter):
    """Arrays are `tf.Tensor`. A Variable keeps its value in a `tf.Variable`, which tapes and graphs know."""

    name = "tensorflow"
    roots = ("tensorflow",)
    xp = xp
    writes_in_programs = True

    def __init__(self) -> None:
        super().__init__()
        from lamella.backend import _tensorflow_overrides
        from lamella.backend._tensorflow_random import TensorflowRandom

        self.random = TensorflowRandom()
        self.overrides.update(_tensorflow_overrides.OVERRIDES)

    # ---- arrays ----------------------------------------------------------------------------------

    def is_array(self, value):
        return isinstance(value, tf.Tensor)

    def owns(self, value):
        return isinstance(value, (tf.Tensor, tf.Variable, tf.IndexedSlices, tf.SparseTensor, tf.RaggedTensor))

    def asarray(self, value, dtype=None):
        if not isinstance(value, tf.Tensor):
            value = self._tensor(value, dtype)
        if dtype is None or value.dtype.name == dtype:
            return value
        if dtype == "string" or value.dtype == tf.string:
            raise DTypeError(f"Expected numbers; got an array of dtype {value.dtype.name} where {dtype} is wanted.")
        return self._cast(value, dtype)

    def _cast(self, x: tf.Tensor, dtype: str) -> tf.Tensor:
        """The numbers in another dtype, floating ones beyond the range of an integer dtype as the nearest it has."""
        if x.dtype.is_floating and dtype in _dtypes.INT_TYPES:
            low, high = _dtypes.finite_range(dtype)
            x = x if x.dtype in (tf.float32, tf.float64) else tf.cast(x, tf.float32)
            over = x >= tf.constant(float(high), x.dtype)
            beyond = tf.logical_or(tf.logical_or(over, x < float(low)), tf.math.is_nan(x))
            inside = tf.cast(tf.where(beyond, tf.zeros_like(x), x), tf.uint64 if dtype == "uint64" else tf.int64)
            out = tf.cast(inside, dtype)
            out = tf.where(over, tf.constant(int(high), dtype), out)
            return tf.where(x < float(low), tf.constant(int(low), dtype), out)
        return xp.astype(x, dtype)

    def _tensor(self, value: Any, dtype: str | None) -> tf.Tensor:
        convert = getattr(value, "__lamella_array__", None)
        if convert is not None:
            return self.asarray(convert(), dtype)
        if isinstance(value, tf.SparseTensor):
            return tf.sparse.to_dense(value)
        if isinstance(value, tf.RaggedTensor):
            return value.to_tensor()
        if self.owns(value):
            return tf.convert_to_tensor(value)
        if isinstance(value, (list, tuple)) and _holds_tensors(value):
            return tf.stack(self._joined(value))
        if type(value).__module__.partition(".")[0] in ("torch", "jax", "jaxlib"):
            value = value.detach() if hasattr(value, "detach") else value
            try:
                return tf.experimental.dlpack.from_dlpack(value.__dlpack__())
            except Exception:  # a device or dtype that DLPack does not carry: by way of the host
                value = np.asarray(value.cpu() if hasattr(value, "cpu") else value)
        array = value if isinstance(value, np.ndarray) else numpy_array(value, dtype)
        refuse_text(array)
        name = _dtypes.standardize_dtype(array.dtype)
        if name == "int64" and isinstance(value, (int, list, tuple, range)) and dtype is None and not fits_int32(array):
            raise OverflowError(f"Python integers in {str(value)[:60]} are too large for int32, the dtype of integers.")
        return tf.constant(array.astype(numpy_dtype(name), copy=False))

    def _joined(self, values: Any) -> list:
        arrays = [self.asarray(v) for v in values]
        names = [_dtypes.weak_dtype(v) or self.dtype(a) for v, a in zip(values, arrays)]
        dtype = _dtypes.join_dtypes(names)
        return [self.asarray(a, dtype) for a in arrays]

    def scalar(self, value, dtype):
        return (
            tf.constant(value, dtype) if dtype not in ("float8_e4m3fn", "float8_e5m2") else self.asarray(value, dtype)
        )

    def dtype(self, array):
        return array.dtype.name

    def native_dtype(self, dtype):
        return tf.as_dtype(dtype)

    def to_numpy(self, array):
        if not self.is_concrete(array):
            raise TypeError(
                f"{array} stands for an array in a program being traced and has no values yet. Ask for them outside "
                "of the program."
            )
        return self.asarray(array).numpy()

    def copy(self, array):
        return tf.identity(array)

    def is_concrete(self, array):
        return hasattr(array, "numpy") and (tf.executing_eagerly() or not isinstance(array, tf.Variable))

    def is_tracing(self):
        return not tf.executing_eagerly()

    # ---- variables -------------------------------------------------------------------------------

    def variable(self, value, trainable):
        # Tapes watch frozen ones too: programs know the tf.Variable, so it cannot be another when it is trained again.
        return tf.Variable(value, trainable=value.dtype.is_floating)

    def retrained(self, held, trainable):
        return held

    def read(self, held):
        return tf.convert_to_tensor(held)

    def write(self, held, value):
        held.assign(value, read_value=False)
        return held

    # ---- randomness ------------------------------------------------------------------------------

    def portable_random(self):
        from lamella.backend._tensorflow_random import TensorflowPortableRandom

        return TensorflowPortableRandom(self)

    def observe(self, listener, array):
        if self.is_concrete(array):
            listener(array)
        else:
            tf.py_function(listener, [array], [])

    # ---- differentiation -------------------------------------------------------------------------

    def value_and_grad(self, fn, has_aux=False):
        return _tensorflow_gradients.value_and_grad(self, fn, has_aux)

    def stop_gradient(self, array):
        return tf.stop_gradient(array)

    def custom_gradient(self, fn):
        return _tensorflow_gradients.custom_gradient(self, fn)

    def jvp(self, fn, primals, tangents, has_aux=False):
        return _tensorflow_gradients.jvp(self, fn, primals, tangents, has_aux)

    def remat(self, fn):
        return _tensorflow_gradients.remat(self, fn)

    # ---- special functions -----------------------------------------------------------------------

    def sigmoid(self, x):
        return tf.sigmoid(x)

    def rsqrt(self, x):
        return tf.math.rsqrt(x)

    def erf(self, x):
        return tf.math.erf(x)

    def erfc(self, x):
        return tf.math.erfc(x)

    def erfinv(self, x):
        return _in_float32(tf.math.erfinv, x)

    def i0(self, x):
        return _in_float32(tf.math.bessel_i0, x)

    # ---- places ----------------------------------------------------------------------------------

    def get_item(self, x, keys):
        if not any(isinstance(k, (bool, np.ndarray, tf.Tensor)) for k in keys):
            return x[keys]
        return self._by_arrays(x, keys)

    def _by_arrays(self, x: tf.Tensor, keys: tuple) -> tf.Tensor:
        """`x[keys]` with arrays among the keys, whose axes come first or, where they are neighbours, in their place."""
        keys = tuple(self.asarray(k) if isinstance(k, (bool, np.ndarray)) else k for k in keys)
        masks = [isinstance(k, tf.Tensor) and k.dtype == tf.bool for k in keys]
        taken = sum(k.ndim if m else k is not None and k is not Ellipsis for k, m in zip(keys, masks))
        if not any(k is Ellipsis for k in keys):
            keys, masks = (*keys, Ellipsis), [*masks, False]
        basic: list[Any] = []  # what slices and new axes do
        arrays: list[tuple[int, tf.Tensor]] = []  # an axis of what that leaves, and the places along it
        runs, inside = 0, False
        for key, is_mask in zip(keys, masks):
            by_array = isinstance(key, (int, np.integer, tf.Tensor))
            runs, inside = runs + (by_array and not inside), by_array
            if key is Ellipsis:
                basic += [slice(None)] * (x.ndim - taken)
            elif not by_array:
                basic.append(key)
            elif is_mask and not key.ndim:
                arrays.append((len(basic), tf.reshape(tf.where(key), [-1])))
                basic.append(None)
            else:
                for places in tf.unstack(tf.where(key), axis=1) if is_mask else [self.asarray(key)]:
                    arrays.append((len(basic), tf.cast(places, tf.int64)))
                    basic.append(slice(None))
        x = x[tuple(basic)]
        axes = [axis for axis, _ in arrays]
        rest = [axis for axis in range(x.ndim) if axis not in axes]
        places = xp.broadcast_arrays(*(p for _, p in arrays))
        places = [tf.where(p < 0, p + x.shape[axis], p) for axis, p in zip(axes, places)]
        out = tf.gather_nd(tf.transpose(x, axes + rest), tf.stack(places, -1))
        if runs > 1:
            return out
        new = places[0].ndim
        before = sum(axis < axes[0] for axis in rest)
        return xp.moveaxis(out, tuple(range(new)), tuple(range(before, before + new))) if before else out

    def take(self, x, indices, axis):
        size = x.shape[axis]
        places, inside = self._places(indices, size)
        out = tf.gather(x, places, axis=axis) if size else self._nothing(x, indices, axis)
        if self._surely(inside):
            return out
        return tf.where(tf.reshape(inside, [*indices.shape, *[1] * (x.ndim - axis - 1)]), out, self._fill(x))

    def _nothing(self, x: tf.Tensor, indices: tf.Tensor, axis: int) -> tf.Tensor:
        return tf.zeros([*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :]], x.dtype)

    def take_along_axis(self, x, indices, axis):
        places, inside = self._places(indices, x.shape[axis])
        out = xp.take_along_axis(x, places, axis=axis)
        return out if self._surely(inside) else tf.where(inside, out, self._fill(x))

    def _places(self, indices: tf.Tensor, size: int) -> tuple[tf.Tensor, tf.Tensor]:
        """Indices counted from the front, 0 for those out of range, and which are in range."""
        if indices.dtype not in (tf.int32, tf.int64):
            indices = tf.cast(indices, tf.int64)
        inside = tf.logical_and(indices >= -size, indices < size)
        places = tf.where(indices < 0, indices + size, indices)
        return tf.where(inside, places, tf.zeros_like(places)), inside

    def _surely(self, condition):
        return self.is_concrete(condition) and bool(tf.reduce_all(condition))

    def scatter(self, x, indices, updates, reduction):
        depth = indices.shape[-1]
        shape = tuple(x.shape)
        places = indices.shape[:-1]
        updates = tf.broadcast_to(updates, [*places, *shape[depth:]])
        if depth == 0:
            return self._scattered_whole(x, updates, reduction)
        sizes = tf.constant(shape[:depth], tf.int64)
        indices = tf.cast(indices, tf.int64)
        inside = tf.reduce_all(tf.logical_and(indices >= -sizes, indices < sizes), -1)
        flat = tf.reduce_sum(
            tf.where(indices < 0, indices + sizes, indices) * [math.prod(shape[i + 1 : depth]) for i in range(depth)],
            -1,
        )
        rows = math.prod(shape[:depth])
        # One row more takes what is out of range.
        flat = tf.reshape(tf.where(inside, flat, tf.constant(rows, tf.int64)), [-1, 1])
        table = tf.reshape(x, [rows, *shape[depth:]])
        table = tf.concat([table, tf.zeros([1, *shape[depth:]], x.dtype)], 0)
        updates = tf.reshape(updates, [math.prod(places), *shape[depth:]])
        return tf.reshape(_SCATTER[reduction](table, flat, updates)[:rows], shape)

    def _scattered_whole(self, x: tf.Tensor, updates: tf.Tensor, reduction: str | None) -> tf.Tensor:
        """Updates without indices, of all of `x`."""
        rows = tf.reshape(updates, [-1, *x.shape])
        if reduction is None:
            return rows[-1]
        reduce, combine = {
            "add": (tf.reduce_sum, tf.add),
            "mul": (tf.reduce_prod, tf.multiply),
            "max": (tf.reduce_max, xp.maximum),
            "min": (tf.reduce_min, xp.minimum),
        }[reduction]
        return combine(x, reduce(rows, 0))

    def slice(self, x, starts, sizes):
        return tf.slice(x, self._clamped(starts, sizes, x.shape), list(sizes))

    def slice_update(self, x, starts, updates):
        if not x.ndim:
            return updates
        starts = self._clamped(starts, updates.shape, x.shape)
        ends = starts + tf.constant(list(updates.shape))
        if not math.prod(updates.shape):
            return x
        return tf.raw_ops.TensorStridedSliceUpdate(
            input=x, begin=starts, end=ends, strides=tf.ones_like(starts), value=updates
        )

    def _clamped(self, starts: Any, sizes: Any, shape: Any) -> tf.Tensor:
        if not len(shape):
            return tf.zeros([0], tf.int32)
        limits = tf.constant(list(shape))
        starts = tf.stack([tf.cast(s, tf.int32) for s in starts])
        starts = tf.where(starts < 0, starts + limits, starts)
        return tf.clip_by_value(starts, 0, limits - tf.constant([int(n) for n in sizes]))

    def pad(self, x, widths, mode, value):
        if mode == "constant" and not hasattr(value, "shape") and widths:
            return tf.pad(x, [list(w) for w in widths], constant_values=self.asarray(value, self.dtype(x)))
        return super().pad(x, widths, mode, value)

    def bitcast(self, x, dtype):
        native = tf.as_dtype(dtype)
        x = tf.cast(x, tf.uint8) if x.dtype == tf.bool else x
        if native.size > x.dtype.size:
            x = tf.reshape(x, [*x.shape[:-1], x.shape[-1] * x.dtype.size // native.size, native.size // x.dtype.size])
        out = tf.bitcast(x, native)
        if native.size < x.dtype.size:
            out = tf.reshape(out, [*x.shape[:-1], x.shape[-1] * x.dtype.size // native.size])
        return out

    def complex(self, real, imag):
        return tf.complex(*xp.broadcast_arrays(real, imag))

    # ---- products --------------------------------------------------------------------------------

    def einsum(self, subscripts, *operands, accumulate=None):
        if accumulate is not None:
            operands = tuple(self.asarray(x, accumulate) for x in operands)
        return xp.einsum(subscripts, *operands)

    def solve_triangular(self, a, b, lower):
        return tf.linalg.triangular_solve(a, b, lower=lower)

    def eig(self, x):
        return tf.linalg.eig(x)

    # ---- rows ------------------------------------------------------------------------------------

    def gather_rows(self, array, index):
        return tf.gather(array, index)

    def write_row(self, rows, at, row):
        return tf.tensor_scatter_nd_update(rows, tf.reshape(tf.cast(at, tf.int32), [1, 1]), row[None])

    # ---- order -----------------------------------------------------------------------------------

    def top_k(self, x, k):
        if x.dtype == tf.bool or x.dtype.is_floating:  # whose NaN come first
            order = xp.argsort(x, axis=-1, descending=True)[..., :k]
            return xp.take_along_axis(x, order, axis=-1), order
        found = tf.math.top_k(x, k)
        return found.values, found.indices

    # ---- programs --------------------------------------------------------------------------------

    def compile(self, fn, donate=()):
        return _tensorflow_programs.Program(self, fn)

    def shape_of_result(self, fn, *args):
        return _tensorflow_programs.shapes_of(self, fn, args)

    eval_shape = shape_of_result

    def spec(self, shape, dtype):
        """A stand-in for an array of `shape` and `dtype`, for `eval_shape`."""
        return tf.TensorSpec(tuple(shape), dtype)

    def synchronize(self, arrays):
        tf.test.experimental.sync_devices()
        return arrays

    def start_profile(self, directory):
        tf.profiler.experimental.start(directory)

    def stop_profile(self):
        tf.profiler.experimental.stop()

    def eagerly(self):
        return tf.init_scope()

    def fori_loop(self, lower, upper, body, init):
        return _tensorflow_programs.fori_loop(self, lower, upper, body, init)

    def cond(self, predicate, true_fn, false_fn):
        return _tensorflow_programs.cond(self, predicate, true_fn, false_fn)

    def switch(self, index, branches, operands):
        return _tensorflow_programs.switch(self, index, branches, operands)

    def while_loop(self, cond, body, init):
        return _tensorflow_programs.while_loop(self, cond, body, init)

    def scan(self, f, init, xs, length, reverse, unroll):
        return _tensorflow_programs.scan(self, f, init, xs, length, reverse, unroll)

    def vmap(self, fn, in_axes=0):
        return _tensorflow_programs.vmap(self, fn, in_axes)

    @contextlib.contextmanager
    def device_scope(self, name):
        kind, _, index = name.partition(":")
        kind = {"cuda": "gpu"}.get(kind.lower(), kind.lower())
        with tf.device(f"{kind}:{index or 0}"):
            yield


_SCATTER = {
    None: tf.tensor_scatter_nd_update,
    "add": tf.tensor_scatter_nd_add,
    "max": tf.tensor_scatter_nd_max,
    "min": tf.tensor_scatter_nd_min,
    "mul": None,
}


def _multiplied(table: tf.Tensor, flat: tf.Tensor, updates: tf.Tensor) -> tf.Tensor:
    """`table` with its rows multiplied by the updates of their places."""
    rows = int(table.shape[0])
    return table * tf.math.unsorted_segment_prod(updates, tf.reshape(flat, [-1]), rows)


_SCATTER["mul"] = _multiplied


def _in_float32(fn: Any, x: tf.Tensor) -> tf.Tensor:
    """`fn`, which half precision has no kernels for."""
    return tf.cast(fn(tf.cast(x, tf.float32)), x.dtype) if x.dtype.size == 2 else fn(x)


def _holds_tensors(value: Any) -> bool:
    return any(
        isinstance(v, (tf.Tensor, tf.Variable))
        or hasattr(v, "__lamella_array__")
        or (isinstance(v, (list, tuple)) and _holds_tensors(v))
        for v in value
    )
