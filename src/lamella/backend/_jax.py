"""JAX: the default backend. XLA on CPU, GPU and TPU."""

import contextlib
import ctypes
import functools
import gc
import hashlib
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer, eval_context

from lamella._lazy import gc_paused
from lamella.backend import _cache, _dtypes, _jax_distribution, _jax_native, _jax_products
from lamella.backend._adapter import Adapter
from lamella.backend._elementwise import as_method
from lamella.backend._jax_attention import attention
from lamella.backend._jax_options import compiler_options
from lamella.backend._numpy_arrays import aligned_copy, fits_int32, is_aligned, numpy_array, numpy_dtype, refuse_text
from lamella.errors import BackendError, DTypeError

_CONFIG: Any = jax.config  # whose flags are made at run time, unseen by a type checker

_NARROW = {"float64": "float32", "int64": "int32", "uint64": "uint32", "complex128": "complex64"}


def _use_persistent_cache() -> None:
    """Keep compiled programs in the user's own cache directory, so that the next process need not compile.

    A cache that the user already set up for JAX is left alone.
    """
    path = None if _CONFIG.jax_compilation_cache_dir else _cache.directory("xla")
    if path is None:
        return
    jax.config.update("jax_compilation_cache_dir", str(path))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


_KNOWN_VARIABLES: set[type] = set()
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3


def _keep_freed_memory() -> None:
    """Let glibc keep the memory that a program on the CPU frees, for the next call of it.

    By default large blocks go back to the system after each call, and every page of them is cleared anew in the next:
    a third of the time of a step of an LSTM, where a chunk is a step or two. It holds for blocks of up to 64 MB, the
    most that the arena of a thread can hold; one arena for all threads would hold more, but then compilers, which run
    in many threads, wait for each other. Whoever set glibc up by `MALLOC_...` variables, or says
    `LAMELLA_KEEP_MEMORY=0`, is left alone.
    """
    if os.environ.get("LAMELLA_KEEP_MEMORY", "1") == "0" or any(name.startswith("MALLOC_") for name in os.environ):
        return
    with contextlib.suppress(OSError, AttributeError):  # another C library
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_MMAP_THRESHOLD, 1 << 30)
        mallopt(_M_TRIM_THRESHOLD, (1 << 31) - 1)


@jax.custom_jvp
def _absolute(x: Any) -> Any:
    return jnp.abs(x)


@_absolute.defjvp
def _(primals, tangents):
    return jnp.abs(primals[0]), jnp.sign(primals[0]) * tangents[0]  # JAX's own is 1 at 0


class JaxAdapter(Adapter):
    """Arrays are `jax.Array`. 64-bit types are stored as 32-bit ones until somebody asks for float64."""

    name = "jax"
    roots = ("jax", "jaxlib")
    xp = jnp
    runs_ahead = True
    _widened = False  # whether 64-bit types are on because of a variable, not because the user switched them on

    def __init__(self) -> None:
        super().__init__()
        _use_persistent_cache()
        _keep_freed_memory()
        from lamella.backend import _jax_overrides
        from lamella.backend._jax_random import JaxRandom

        self.random = JaxRandom()
        self.overrides.update(_jax_overrides.OVERRIDES)
        self.distribution = _jax_distribution

    # ---- arrays ----------------------------------------------------------------------------------

    def know_variables(self, kind):
        # An argument of `jax.jit`, `jax.grad` and the like is a tree of arrays: a Variable is one with a single leaf.
        if kind not in _KNOWN_VARIABLES:
            _KNOWN_VARIABLES.add(kind)
            jax.tree_util.register_pytree_node(kind, lambda v: ((v.value,), None), lambda _, leaves: leaves[0])

    def is_array(self, value):
        return isinstance(value, jax.Array)

    def canonical_dtype(self, dtype):
        return dtype if _CONFIG.jax_enable_x64 else _NARROW.get(dtype, dtype)

    def host_dtype(self, dtype):
        # A float64 variable somewhere in the process does not widen what NumPy makes by habit everywhere else.
        wide = _CONFIG.jax_enable_x64 and (not self._widened or _dtypes.floatx() == "float64")
        return dtype if wide else _NARROW.get(dtype, dtype)

    def enable_float64(self):
        if not _CONFIG.jax_enable_x64:
            jax.config.update("jax_enable_x64", True)
            self._widened = True

    def asarray(self, value, dtype=None):
        if isinstance(value, jax.Array):
            if dtype is None:
                return value
            native = numpy_dtype(self.canonical_dtype(dtype))
            return value if value.dtype == native else value.astype(native)
        convert = getattr(value, "__lamella_array__", None)  # a Variable
        if convert is not None:
            return self.asarray(convert(), dtype)
        if isinstance(value, (list, tuple)) and _holds_jax(value):
            return self.asarray(jnp.stack([self.asarray(v) for v in _joined(self, value)]), dtype)
        if isinstance(value, jax.ShapeDtypeStruct):
            raise DTypeError(f"Expected an array; got only its shape and dtype: {value}.")
        array = self._from_host(value, dtype)
        if isinstance(array, jax.Array):
            return array
        refuse_text(array)
        name = self.canonical_dtype(dtype) if dtype else self.host_dtype(_dtypes.standardize_dtype(array.dtype))
        if dtype is None and name == "int32" and isinstance(value, (int, list, tuple, range)) and not fits_int32(array):
            raise OverflowError(f"Python integers in {str(value)[:60]} are too large for int32, the dtype of integers.")
        # A copy of its own: the device may share the host's memory. (`jnp.asarray` would compile a copy per shape.)
        return jax.device_put(aligned_copy(array, numpy_dtype(name)))

    def _from_host(self, value, dtype):
        if isinstance(value, np.ndarray):
            return value
        if type(value).__module__.partition(".")[0] in ("torch", "tensorflow"):
            value = value.detach() if hasattr(value, "detach") else value
            try:
                return self.asarray(jax.dlpack.from_dlpack(value), dtype)
            except Exception:  # a device or dtype that DLPack does not carry: by way of the host
                return np.asarray(value.cpu() if hasattr(value, "cpu") and callable(value.cpu) else value)
        return numpy_array(value, None if dtype is None else self.canonical_dtype(dtype))

    def share(self, value):
        if isinstance(value, np.ndarray) and value.dtype.kind in "fiub":
            dtype = numpy_dtype(self.canonical_dtype(_dtypes.standardize_dtype(value.dtype)))
            if jax.default_backend() != "cpu":
                return jax.device_put(np.asarray(value, dtype, order="C"))
            # What is not aligned, XLA would copy, into memory that is dearer to get than NumPy's, of large pages.
            return jax.device_put(value if is_aligned(value, dtype) else aligned_copy(value, dtype))
        return self.asarray(value)

    def to_numpy(self, array):
        return np.asarray(array)

    def is_concrete(self, array):
        return not isinstance(array, Tracer)

    def is_tracing(self):
        from lamella.backend._jax_random import tracing

        return tracing()

    def portable_random(self):
        from lamella.backend._jax_random import JaxPortableRandom

        return JaxPortableRandom(self.random)

    def observe(self, listener, array):
        if self.is_concrete(array):
            listener(array)
        else:
            jax.debug.callback(listener, array)

    # ---- differentiation -------------------------------------------------------------------------

    def value_and_grad(self, fn, has_aux=False):
        return jax.value_and_grad(fn, has_aux=has_aux)

    def stop_gradient(self, array):
        return jax.lax.stop_gradient(array)

    def custom_gradient(self, fn):
        return jax.custom_gradient(fn)

    def jvp(self, fn, primals, tangents, has_aux=False):
        return jax.jvp(fn, primals, tangents, has_aux=has_aux)

    def remat(self, fn):
        return jax.checkpoint(fn)

    # ---- parts -----------------------------------------------------------------------------------

    def split(self, array, sizes, axis):
        # Its gradient is one concatenation, not a sum of paddings.
        return list(jax.lax.split(array, tuple(sizes), axis))

    # ---- special functions -----------------------------------------------------------------------

    def gates(self, x, squashed, axis):
        return _gates(x, tuple(squashed), axis)

    def sigmoid(self, x):
        return jax.lax.logistic(x)

    def rsqrt(self, x):
        return jax.lax.rsqrt(x)

    def native_dtype(self, dtype):
        return numpy_dtype(self.canonical_dtype(dtype))

    def scalar(self, value, dtype):
        return np.asarray(value, numpy_dtype(self.canonical_dtype(dtype)))  # no transfer, and a literal when traced

    absolute = as_method(jax.jit(_absolute, inline=True))
    exp2, cbrt, sinc, i0 = (as_method(f) for f in (jnp.exp2, jnp.cbrt, jnp.sinc, jnp.i0))
    logaddexp2, fmod, ldexp = (as_method(f) for f in (jnp.logaddexp2, jnp.fmod, jnp.ldexp))
    gcd, lcm = as_method(jnp.gcd), as_method(jnp.lcm)

    def erf(self, x):
        return jax.lax.erf(x)

    def erfc(self, x):
        return jax.lax.erfc(x)

    def erfinv(self, x):
        return jax.lax.erf_inv(x)

    def ordered(self, x):
        # XLA takes subnormal numbers for zeros: by their bits they are the smallest normal ones here, as -0.0 is.
        if not jnp.issubdtype(x.dtype, jnp.floating):
            return x
        bits = jax.lax.bitcast_convert_type(x, f"int{jnp.finfo(x.dtype).bits}")
        return jnp.where(x == 0, jnp.sign(bits).astype(x.dtype) * jnp.finfo(x.dtype).tiny, x)

    # ---- places ----------------------------------------------------------------------------------

    def take(self, x, indices, axis):
        return jnp.take(x, indices, axis=axis, mode="fill")

    def take_along_axis(self, x, indices, axis):
        return jnp.take_along_axis(x, indices, axis=axis, mode="fill")

    def scatter(self, x, indices, updates, reduction):
        places = x.at[tuple(jnp.moveaxis(indices, -1, 0))]
        return getattr(places, reduction or "set")(updates)

    def slice(self, x, starts, sizes):
        return jax.lax.dynamic_slice(x, _of_one_dtype(starts), sizes)

    def slice_update(self, x, starts, updates):
        return jax.lax.dynamic_update_slice(x, updates, _of_one_dtype(starts))

    def pad(self, x, widths, mode, value):
        return jnp.pad(x, widths, mode=mode, **({"constant_values": value} if mode == "constant" else {}))

    def argpartition(self, x, kth, axis):
        return jnp.argpartition(x, kth, axis=axis)

    def nonzero(self, x, size):
        return jnp.nonzero(x, size=size)

    def unique(self, x, axis, size, fill):
        fill = 0 if fill is None and not x.size else fill
        return jnp.unique(x, True, True, True, axis=axis, size=size, fill_value=fill, equal_nan=False)

    def bitcast(self, x, dtype):
        return x.view(self.native_dtype(dtype))

    def complex(self, real, imag):
        return jax.lax.complex(real, imag)

    # ---- products --------------------------------------------------------------------------------

    def einsum(self, subscripts, *operands, accumulate=None):
        return _jax_products.einsum(subscripts, *operands, accumulate=accumulate)

    def matmul(self, x1, x2, accumulate=None):
        return _jax_products.matmul(x1, x2, accumulate)

    def correlate(self, x1, x2, mode):
        return jnp.correlate(x1, x2, mode=mode)

    def solve_triangular(self, a, b, lower):
        return jax.lax.linalg.triangular_solve(a, b, left_side=True, lower=lower)

    def lu_factor(self, x):
        return jax.scipy.linalg.lu_factor(x)

    def eig(self, x):
        return tuple(jnp.linalg.eig(x))

    # ---- rows ------------------------------------------------------------------------------------

    def gather_rows(self, array, index):
        return array.at[index].get(mode="promise_in_bounds")

    def write_row(self, rows, at, row):
        return jax.lax.dynamic_update_index_in_dim(rows, row, at, 0)

    # ---- windows ---------------------------------------------------------------------------------

    def convolution(self, x, kernel, strides, padding, input_dilation, kernel_dilation, groups, channels_last):
        from lamella.backend._jax_convolution import convolution

        return convolution(x, kernel, strides, padding, input_dilation, kernel_dilation, groups, channels_last)

    def reduce_window(self, x, reduction, window, strides, padding):
        from lamella.backend import _jax_pooling

        reduce = _jax_pooling.total if reduction == "sum" else _jax_pooling.maximum
        return reduce(x, window, strides, padding)

    # ---- order -----------------------------------------------------------------------------------

    def start_profile(self, directory):
        jax.profiler.start_trace(directory)

    def stop_profile(self):
        jax.profiler.stop_trace()

    def resample(self, x, weights, axis):
        # "highest": an accelerator would else multiply in bfloat16 or TF32
        return jnp.moveaxis(jnp.tensordot(weights, x, axes=((1,), (axis,)), precision="highest"), 0, axis)

    def top_k(self, x, k):
        return jax.lax.top_k(x, k)

    # ---- attention -------------------------------------------------------------------------------

    def fused_attention(self, query, key, value, bias, mask, scale, is_causal, required=False):
        if not required and bias is None and isinstance(scale, float) and _jax_native.fits(query, key, value):
            return attention(query, key, value, mask, scale, is_causal)
        # cuDNN takes half precision, and heads of a multiple of 8 up to 128.
        size = query.shape[-1]
        fits = self.dtype(query) in ("float16", "bfloat16") and size % 8 == 0 and size <= 128
        if not fits or jax.default_backend() != "gpu":
            return super().fused_attention(query, key, value, bias, mask, scale, is_causal, required)
        bias = None if bias is None else bias.astype(query.dtype)
        options = {"scale": scale, "is_causal": is_causal, "implementation": "cudnn"}
        try:
            return jax.nn.dot_product_attention(query, key, value, bias, mask, **options)
        except (RuntimeError, NotImplementedError, ValueError) as error:  # no cuDNN, or not for these shapes
            if required:
                raise BackendError(f"cuDNN has no fused attention for the arguments: {error}") from error
            return None

    # ---- programs --------------------------------------------------------------------------------

    def flops(self, fn, *args):
        from lamella.backend._jax_costs import flops_of

        return flops_of(fn, *args)

    def compile(self, fn, donate=()):
        return Program(fn, donate)

    def traced(self, fn, effects):
        return jax.jit(fn)

    def shape_of_result(self, fn, *args):
        return jax.eval_shape(fn, *args)

    def synchronize(self, arrays):
        return jax.block_until_ready(arrays)

    def eagerly(self):
        return eval_context()  # ensure_compile_time_eval() would fold constants in programs compiled inside

    def fori_loop(self, lower, upper, body, init):
        return jax.lax.fori_loop(lower, upper, body, init)

    def cond(self, predicate, true_fn, false_fn):
        return jax.lax.cond(predicate, true_fn, false_fn)

    def switch(self, index, branches, operands):
        return jax.lax.switch(index, branches, *operands)

    def while_loop(self, cond, body, init):
        return jax.lax.while_loop(cond, body, init)

    def scan(self, f, init, xs, length, reverse, unroll):
        return jax.lax.scan(f, init, xs, length=length, reverse=reverse, unroll=unroll)

    def vmap(self, fn, in_axes=0):
        return jax.vmap(fn, in_axes=in_axes)

    def eval_shape(self, fn: Callable, *specs: Any) -> Any:
        """Shapes and dtypes of `fn(*specs)` without computing; specs are structures of `spec(...)`."""
        return jax.eval_shape(fn, *specs)

    def spec(self, shape: Sequence[int], dtype: str) -> Any:
        """A stand-in for an array of `shape` and `dtype`, for `eval_shape`."""
        return jax.ShapeDtypeStruct(tuple(shape), numpy_dtype(self.canonical_dtype(dtype)))

    @contextlib.contextmanager
    def device_scope(self, name):
        kind, _, index = name.partition(":")
        kind = {"gpu": "gpu", "cuda": "gpu"}.get(kind.lower(), kind.lower())
        with jax.default_device(jax.devices(kind)[int(index or 0)]):
            yield


@functools.partial(jax.custom_vjp, nondiff_argnums=(1, 2))
def _gates(x: Any, squashed: tuple, axis: int) -> list:
    """`JaxAdapter.gates` by one tanh for all parts, and a gradient that needs just their values.

    A tanh of a part makes XLA compute an index for each element, and no vectors: the forward loop of an LSTM takes 0.45
    of the time. And a loop saves what the next operation wants anyway: an LSTM six arrays a step instead of sixteen.
    """
    shape = [1] * x.ndim
    shape[axis] = x.shape[axis]
    halves = np.repeat([1.0 if squash else 0.5 for squash in squashed], x.shape[axis] // len(squashed))
    parts = jnp.split(jnp.tanh(x * halves.reshape(shape).astype(x.dtype)), len(squashed), axis)
    return [part if squash else 0.5 * part + 0.5 for part, squash in zip(parts, squashed)]


def _gates_forward(x: Any, squashed: tuple, axis: int) -> tuple:
    values = _gates(x, squashed, axis)
    return values, values


def _gates_backward(squashed: tuple, axis: int, values: list, upstream: list) -> tuple:
    slopes = [1 - y * y if squash else y * (1 - y) for y, squash in zip(values, squashed)]
    return (jnp.concatenate([u * slope for u, slope in zip(upstream, slopes)], axis),)


_gates.defvjp(_gates_forward, _gates_backward)


def _holds_jax(value: Sequence) -> bool:
    return any(
        isinstance(v, jax.Array) or hasattr(v, "__lamella_array__") or (isinstance(v, (list, tuple)) and _holds_jax(v))
        for v in value
    )


def _of_one_dtype(starts: Sequence) -> list:
    """Starts of a block, Python's integers as JAX's int32 where others are arrays, as `lax` asks for one dtype."""
    if all(isinstance(s, int) for s in starts):
        return list(starts)
    return [jnp.asarray(s).astype("int32") for s in starts]


def _joined(adapter: JaxAdapter, values: Sequence) -> list:
    arrays = [adapter.asarray(v) for v in values]
    names = [_dtypes.weak_dtype(v) or adapter.dtype(a) for v, a in zip(values, arrays)]
    dtype = _dtypes.join_dtypes(names)
    return [adapter.asarray(a, dtype) for a in arrays]


_MAX_PROGRAMS = 256
_programs: "OrderedDict[bytes, Any]" = OrderedDict()
compilations = 0


class Program:
    """A function compiled once for every signature of its arguments.

    Executables are shared between programs by the text of what is to be compiled, so building the same model again
    traces it again but compiles nothing.
    """

    def __init__(self, fn: Callable, donate: Sequence[int] = ()):
        self._jit = jax.jit(fn, donate_argnums=tuple(donate))
        self._donate = tuple(donate)
        self._by_signature: dict[Any, Any] = {}

    def __call__(self, *args: Any) -> Any:
        return self.executable(*args)(*args)

    def executable(self, *args: Any) -> Any:
        """The compiled program for arguments like `args`; compiled now if it was not before."""
        leaves, treedef = jax.tree.flatten(args)
        where = _jax_distribution.placements(leaves)
        signature = (treedef, tuple((leaf.shape, leaf.dtype) for leaf in leaves), where)
        found = self._by_signature.get(signature)
        if found is None:
            with _tracing, gc_paused():
                lowered = self._jit.lower(*args)
            found = self._by_signature[signature] = _compile(lowered, where)
            _collect_now_and_then()
        return found


# One trace at a time: while it runs, layers and optimizers keep values of it. Compilers run beside each other.
_tracing = threading.RLock()
_traces = 0


def _collect_now_and_then() -> None:
    """Free models that nobody holds any more, once in 16 traces.

    Model, tensors and traces refer to each other in circles, and Python looks for old circles only when a quarter more
    objects have come: beside those of JAX, tens of models.
    """
    global _traces
    _traces += 1
    if _traces % 16 == 0:
        gc.collect()


def _compile(lowered: Any, where: tuple = ()) -> Any:
    global compilations
    text = lowered.as_text()
    options = compiler_options(text)
    devices = _jax_distribution.devices_of(where)
    key = hashlib.sha256(
        f"{sorted(options.items())}{devices}{lowered.in_tree}{lowered.out_tree}{text}".encode()
    ).digest()
    found = _programs.get(key)
    if found is None:
        compilations += 1
        found = _programs[key] = lowered.compile(compiler_options=options or None)
        if len(_programs) > _MAX_PROGRAMS:
            _programs.popitem(last=False)
    else:
        _programs.move_to_end(key)
    return found
