"""What lamella asks of an array library.

An adapter is a namespace (`xp`: the array API standard, by its NumPy names) plus the few primitives that the standard
lacks. It holds no layers, losses or loops of training. `overrides` maps the name of an op to a native kernel that may
stand in for the portable definition.
"""

import contextlib
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from lamella.backend import _dtypes
from lamella.backend._elementwise import Elementwise
from lamella.backend._indexing import Indexing
from lamella.backend._linear_algebra import LinearAlgebra
from lamella.backend._windows import Windows
from lamella.errors import BackendError
from lamella.typing import Array


class Adapter(Elementwise, Indexing, LinearAlgebra, Windows):
    """Base of all adapters: the contract, and the answers that most libraries share.

    Attributes:
        name: the name users type.
        roots: top-level packages whose types are this adapter's arrays.
        xp: the namespace of functions over its arrays.
        random: an object with `uniform`, `normal`, ... each taking a key (uint32 array of shape (2,)) first.
        overrides: op name -> function with the signature of the op.
        distribution: the module that lays arrays out over several devices (see `_jax_distribution`), or None.
        differentiable: whether `value_and_grad` works.
        several_devices: whether arrays that ops make have to be put `beside` those that they are given.
        writes_in_programs: whether compiled programs change what Variables keep, rather than return new values.
        runs_ahead: whether compiled programs still compute when they return.
        adam: the rule of `optimizers.Adam` by one kernel, or None. Takes lists of weights, momentums, velocities and
            gradients, the learning rate, how many updates came before, beta_1, beta_2 and epsilon; returns the first
            three lists anew, or None for what it cannot take.
    """

    name = ""
    roots: tuple[str, ...] = ()
    xp: Any = None
    random: Any = None
    differentiable = True
    several_devices = False
    writes_in_programs = False
    runs_ahead = False
    adam: Callable | None = None

    def __init__(self) -> None:
        self.overrides: dict[str, Callable] = {}
        self.distribution: Any = None

    # ---- arrays ----------------------------------------------------------------------------------

    def is_array(self, value: object) -> bool:
        """Whether `value` is an array of this library (a traced one included)."""
        raise NotImplementedError

    def owns(self, value: object) -> bool:
        """Whether `value` is an array of this library, or something of it that `asarray` makes one of."""
        return self.is_array(value)

    def asarray(self, value: Any, dtype: str | None = None) -> Array:
        """`value` (an array of any library, a Variable, nested lists, a scalar) as an array of this one.

        Without `dtype`, arrays keep theirs, and Python values take the default int (int32) or float (`floatx()`).
        """
        raise NotImplementedError

    def share(self, value: Any) -> Array:
        """`asarray`, but the result may share the memory of a NumPy array: for data that nobody changes meanwhile."""
        return self.asarray(value)

    def dtype(self, array: Array) -> str:
        """The canonical dtype name of an array of this library."""
        return _dtypes.standardize_dtype(array.dtype)

    def canonical_dtype(self, dtype: str) -> str:
        """The dtype that this library stores `dtype` as."""
        return dtype

    def host_dtype(self, dtype: str) -> str:
        """The dtype that values of the host in `dtype` become when none is asked for."""
        return self.canonical_dtype(dtype)

    def enable_float64(self) -> None:
        """Called when somebody explicitly asks for 64-bit floats."""

    def to_numpy(self, array: Array) -> Any:
        """A NumPy array with the values of `array`; it may share memory and must not be written to."""
        raise NotImplementedError

    def copy(self, array: Array) -> Array:
        """The same values in memory of their own."""
        return self.xp.asarray(array, copy=True)

    def is_concrete(self, array: Array) -> bool:
        """Whether `array` has values now, rather than standing for them in a program being traced."""
        return True

    def is_tracing(self) -> bool:
        """Whether a program is being traced here."""
        return False

    # ---- variables -------------------------------------------------------------------------------

    def variable(self, value: Array, trainable: bool) -> Any:
        """What a Variable keeps: `value` itself, or the library's own variable where its programs need one."""
        return value

    def know_variables(self, kind: type) -> None:
        """Let the library's own transformations take Variables of this class as the arrays they hold."""

    def retrained(self, held: Any, trainable: bool) -> Any:
        """What a Variable keeps once it is trained, or no more."""
        return self.variable(self.read(held), trainable)

    def read(self, held: Any) -> Array:
        """The array in what `variable` returned."""
        return held

    def write(self, held: Any, value: Array) -> Any:
        """What a Variable keeps from now on: `held` with a new value."""
        return value

    def is_stranger(self, path: str) -> None:
        """Told when a program reads a Variable that is not among those whose values it is given."""

    # ---- randomness ------------------------------------------------------------------------------

    def portable_random(self) -> Any:
        """What stands in for `random` when draws shall be equal on all backends."""
        from lamella.backend._portable_random import PortableRandom

        return _OnHost(self, PortableRandom())

    def observe(self, listener: Callable, array: Array) -> None:
        """Call `listener(array)` when the values are known: now, or whenever the program that makes them runs."""
        listener(array)

    # ---- differentiation -------------------------------------------------------------------------

    def value_and_grad(self, fn: Callable, has_aux: bool = False) -> Callable:
        """`g(params, *args) -> (fn(params, *args), gradients of it with respect to params)`; params is a list."""
        raise BackendError(
            f"The {self.name} backend computes forward only: it has no gradients, so nothing can be trained on it. "
            "Use the 'jax' backend (unset LAMELLA_BACKEND and KERAS_BACKEND, or lamella.backend.use('jax'))."
        )

    def stop_gradient(self, array: Array) -> Array:
        """The same values, through which no gradient flows."""
        return array

    def custom_gradient(self, fn: Callable) -> Callable:
        """`fn(*args) -> (output, grad_fn(upstream) -> gradients)` as a function of `args` with that gradient."""
        return lambda *args, **kwargs: fn(*args, **kwargs)[0]

    def jvp(self, fn: Callable, primals: Sequence, tangents: Sequence, has_aux: bool = False) -> tuple:
        """`fn(*primals)`, and how it changes when they move along `tangents` (and what else `fn` returned)."""
        raise BackendError(f"The {self.name} backend has no derivatives. Use the 'jax' backend.")

    def remat(self, fn: Callable) -> Callable:
        """`fn`, its intermediate values recomputed in the backward pass instead of kept."""
        return fn

    # ---- parts -----------------------------------------------------------------------------------

    def split(self, array: Array, sizes: Sequence[int], axis: int) -> list:
        """The parts of `array` of these sizes, one after the other along an axis."""
        before, stops = (slice(None),) * axis, list(itertools.accumulate(sizes))
        return [array[(*before, slice(stop - size, stop))] for size, stop in zip(sizes, stops)]

    # ---- special functions -----------------------------------------------------------------------

    def sigmoid(self, x: Array) -> Array:
        """`1 / (1 + exp(-x))` of a floating array, without overflow."""
        xp, negative = self.xp, x < 0
        small, one = xp.exp(xp.where(negative, x, -x)), xp.ones_like(x)  # NumPy makes float64 of bfloat16 and 1.0
        return xp.where(negative, small, one) / (one + small)

    def gates(self, x: Array, squashed: Sequence[bool], axis: int) -> list:
        """Equal parts of `x` along an axis, as recurrent cells want them: tanh where `squashed`, else the sigmoid.

        The sigmoid is made of tanh, too, which XLA makes of vector instructions.
        """
        tanh, size = self.xp.tanh, x.shape[axis] // len(squashed)
        parts = self.split(x, [size] * len(squashed), axis)
        return [tanh(part) if squash else 0.5 * tanh(0.5 * part) + 0.5 for part, squash in zip(parts, squashed)]

    def rsqrt(self, x: Array) -> Array:
        """`1 / sqrt(x)` of a floating array."""
        return self.xp.ones_like(x) / self.xp.sqrt(x)

    def erf(self, x: Array) -> Array:
        """The error function of a real floating array."""
        return self._by_host("erf", x)

    def erfc(self, x: Array) -> Array:
        """`1 - erf(x)` of a real floating array, without cancellation."""
        return self._by_host("erfc", x)

    def erfinv(self, x: Array) -> Array:
        """The inverse of `erf` on a real floating array."""
        return self._by_host("erfinv", x)

    def _by_host(self, name: str, x: Array) -> Array:
        from scipy import special

        from lamella.backend._numpy_arrays import numpy_dtype

        values = self.to_numpy(x)
        wide = values if values.dtype.name in ("float32", "float64") else values.astype("float32")
        return self.asarray(getattr(special, name)(wide).astype(numpy_dtype(self.dtype(x))))

    # ---- images ----------------------------------------------------------------------------------

    def resample(self, x: Array, weights: Array, axis: int) -> Array:
        """`x` with `axis` replaced by `weights @ axis`; `weights` are `(target, size of axis)`, of the dtype of x."""
        xp = self.xp
        return xp.moveaxis(xp.tensordot(weights, x, axes=((1,), (axis,))), 0, axis)

    # ---- rows: what a loop over batches reads and writes ------------------------------------------

    def gather_rows(self, array: Array, index: Array) -> Array:
        """`array[index]` along the first axis; every index is known to be in range."""
        return array[index]

    def write_row(self, rows: Array, at: Any, row: Array) -> Array:
        """`rows` with `row` at position `at` of the first axis."""
        rows[int(at)] = row
        return rows

    # ---- order -----------------------------------------------------------------------------------

    def top_k(self, x: Array, k: int) -> tuple[Array, Array]:
        """The `k` greatest along the last axis, greatest first (of equal ones the first), and their places."""
        xp, size = self.xp, x.shape[-1]
        backwards = xp.flip(x, axis=-1)
        order = xp.flip(xp.argsort(backwards, axis=-1, stable=True), axis=-1)[..., :k]
        places = (size - 1) - order
        return xp.take_along_axis(x, places, axis=-1), places

    # ---- attention -------------------------------------------------------------------------------

    def fused_attention(
        self,
        query: Array,
        key: Array,
        value: Array,
        bias: Array | None,
        mask: Array | None,
        scale: float,
        is_causal: bool,
        required: bool = False,
    ) -> Array | None:
        """`softmax(scale * query keyᵀ + bias) value` by a kernel that never holds all weights at once.

        The arrays are those of `ops.dot_product_attention`, the mask boolean. None where there is no such kernel for
        them; with `required`, a BackendError.
        """
        if required:
            raise BackendError(
                f"The {self.name} backend has no fused attention for arrays of dtype {self.dtype(query)} on this "
                "device. Leave flash_attention at None to use it only where there is one."
            )
        return None

    # ---- programs --------------------------------------------------------------------------------

    def compile(self, fn: Callable, donate: Sequence[int] = ()) -> Callable:
        """`fn` as one program where the library has a compiler; `donate` lists arguments whose memory it may reuse."""
        return fn

    def flops(self, fn: Callable, *args: Any) -> int:
        """The operations on numbers of one call of `fn`.

        Raises:
            BackendError: where the library does not show what it computes.
        """
        raise BackendError(f"The {self.name!r} backend cannot count operations. Use the jax backend.")

    def traced(self, fn: Callable, effects: Callable[[], str | None]) -> Callable:
        """`fn(state, ...) -> (logs, state)`, traced once for each signature however often programs call it.

        Where programs are not traced anyway, `effects` says what in `fn` may do more than compute, or None.
        """
        return fn

    def shape_of_result(self, fn: Callable, *args: Any) -> Any:
        """The structure of `fn(*args)`, each array replaced by something with its `shape` and `dtype`."""
        return fn(*args)

    def synchronize(self, arrays: Any) -> Any:
        """Wait until the arrays in the structure are computed, and return it."""
        return arrays

    def start_profile(self, directory: str) -> None:
        """Begin to record what runs and how long, for TensorBoard, in files below `directory`."""
        raise BackendError(
            f"The {self.name} backend has no profiler for TensorBoard. Use the jax backend, or profile_batch=0."
        )

    def stop_profile(self) -> None:
        """End what `start_profile` began, and write the files."""

    @contextlib.contextmanager
    def eagerly(self) -> Iterator[None]:
        """Arrays are computed at once inside the block, even while a program is being traced around it."""
        yield

    def fori_loop(self, lower: Any, upper: Any, body: Callable, init: Any) -> Any:
        """`for i in range(lower, upper): init = body(i, init)`."""
        for i in range(int(lower), int(upper)):
            init = body(i, init)
        return init

    def cond(self, predicate: Any, true_fn: Callable, false_fn: Callable) -> Any:
        """`true_fn()` where `predicate` holds, else `false_fn()`."""
        return true_fn() if predicate else false_fn()

    def switch(self, index: Any, branches: Sequence[Callable], operands: Sequence) -> Any:
        """`branches[index](*operands)`, an index out of range moved to the nearest one."""
        return branches[min(max(int(index), 0), len(branches) - 1)](*operands)

    def while_loop(self, cond: Callable, body: Callable, init: Any) -> Any:
        """`while cond(state): state = body(state)` for one structure `state`."""
        while cond(init):
            init = body(init)
        return init

    def scan(self, f: Callable, init: Any, xs: Any, length: int | None, reverse: bool, unroll: int) -> tuple:
        """`carry, ys` of a loop of `carry, y = f(carry, x)` over the leading axis of the structure `xs`."""
        raise NotImplementedError

    def vmap(self, fn: Callable, in_axes: Any = 0) -> Callable:
        """`fn` mapped over an axis of its arguments."""
        raise NotImplementedError

    @contextlib.contextmanager
    def beside(self, values: Iterable) -> Iterator[None]:
        """New arrays are made where those among `values` are, if they all are on one device."""
        yield

    @contextlib.contextmanager
    def device_scope(self, name: str) -> Iterator[None]:
        """New arrays are made on the device `name` ("cpu:0", "gpu:1") inside the block."""
        yield


class _OnHost:
    """The draws of `generator`, which are NumPy arrays, as arrays of `adapter`."""

    def __init__(self, adapter: Adapter, generator: Any):
        self._adapter, self._generator = adapter, generator

    def __getattr__(self, name: str) -> Any:
        draw = getattr(self._generator, name)

        def on_host(*args: Any) -> Array:
            host = [self._adapter.to_numpy(a) if self._adapter.is_array(a) else a for a in args]
            return self._adapter.asarray(draw(*host))

        return on_host


class MissingPrimitive:
    """Stands for a function that a namespace lacks: says so when called, not when looked up."""

    def __init__(self, backend: str, name: str):
        self.backend, self.name = backend, name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise BackendError(f"The {self.backend} backend has no {self.name!r}.")
