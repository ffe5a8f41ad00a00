"""Primitives of JAX that are machine code of our own on a CPU, and a function of JAX's everywhere else."""

import ctypes
import functools
import re
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import ShapedArray, Tracer
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from lamella.backend import _native


def available(kernels: type[_native.Code]) -> bool:
    """Whether there is machine code of these kernels; the first call makes it, and makes it known to XLA."""
    with _lock:  # programs are compiled in threads
        return _registered(kernels)


_lock = threading.Lock()
_wanted: set[type[_native.Code]] = set()


def wanted(kernels: type[_native.Code]) -> None:
    """Have the code made while the program that wants it is still being traced."""
    if kernels not in _wanted:
        _wanted.add(kernels)
        threading.Thread(target=available, args=(kernels,), name=f"lamella-{kernels.__name__}").start()


@functools.cache
def _registered(kernels: type[_native.Code]) -> bool:
    engine = _native.engine(kernels) if _knows_interface() else None
    if engine is None:
        return False
    capsule = ctypes.pythonapi.PyCapsule_New
    capsule.restype, capsule.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
    for name in kernels.handlers:
        address = engine.get_function_address(name)
        jax.ffi.register_ffi_target(target(name), capsule(address, None, None), platform="cpu")
    return True


def _knows_interface() -> bool:
    """Whether this release of XLA calls foreign code as `_native` expects it."""
    try:
        text = (Path(jax.ffi.include_dir()) / "xla/ffi/api/c_api.h").read_text()
    except OSError:
        return False
    major, minor = (re.search(rf"XLA_FFI_API_{name} (\d+)", text) for name in ("MAJOR", "MINOR"))
    return major is not None and minor is not None and int(major[1]) == 0 and int(minor[1]) >= 3


def target(handler: str) -> str:
    """The name by which programs call a handler."""
    return f"lamella.{handler}"


def fits(*arrays: Any) -> bool:
    """Whether arrays are what the kernels compute with: of single precision, on a CPU, and not those of `shard_map`."""
    return all(x.dtype == _SINGLE for x in arrays) and jax.default_backend() == "cpu" and not divided(*arrays)


_SINGLE = np.dtype("float32")


def divided(*arrays: Any) -> bool:
    """Whether one is a device's part in `shard_map`, where JAX wants to know of each operation how its result varies."""
    kinds = [jax.typeof(x) for x in arrays if isinstance(x, Tracer)]
    return any(getattr(kind, "vma", None) or getattr(getattr(kind, "mat", None), "varying", None) for kind in kinds)


def for_one_device(context: Any) -> bool:
    """Whether a program is run here: not exported, nor divided among devices, which XLA cannot do for foreign code."""
    return not context.lowering_parameters.for_export and getattr(context.axis_context, "num_devices", 0) == 1


def called(handler: str, numbers: Sequence[int], ctx: Any, *operands: Any) -> Any:
    """A call of machine code in a program: `numbers` describe the work."""
    described = np.array(numbers, np.int64)
    avals = [ShapedArray(described.shape, described.dtype), *ctx.avals_in]
    return jax.ffi.ffi_lowering(target(handler))(ctx.replace(avals_in=avals), mlir.ir_constant(described), *operands)


REFERENCES: dict[str, Callable] = {}
"""What each primitive computes, in JAX's words."""


def primitive(name: str, reference: Callable, kernels: type[_native.Code], described: Callable) -> Primitive:
    """`reference`, a function of arrays with a tuple for its result, that `name` of `kernels` computes as well.

    Its derivatives, and what it is when mapped, are those of `reference`. `described(*arguments, **options)` gives the
    numbers for the machine code, or None where that cannot compute it.
    """
    made = Primitive(name)
    made.multiple_results = True
    REFERENCES[name] = reference

    @functools.cache
    def compiled(**options: Any) -> Any:
        return jax.jit(functools.partial(made.bind, **options))

    def shapes(*avals: Any, **options: Any) -> list:
        wanted(kernels)
        return [ShapedArray(x.shape, x.dtype) for x in jax.eval_shape(functools.partial(reference, **options), *avals)]

    def lowered(ctx: Any, *operands: Any, **options: Any) -> Any:
        single = all(aval.dtype in (jnp.float32, jnp.bool_) for aval in ctx.avals_in)
        if single and for_one_device(ctx.module_context) and available(kernels):
            numbers = described(*ctx.avals_in, **options)
            if numbers is not None:
                return called(name, numbers, ctx, *operands)
        return mlir.lower_fun(reference, multiple_results=True)(ctx, *operands, **options)

    def differentiated(primals: Sequence, tangents: Sequence, **options: Any) -> tuple:
        tangents = [ad.instantiate_zeros(tangent) for tangent in tangents]
        return jax.jvp(functools.partial(reference, **options), tuple(primals), tuple(tangents))

    def mapped(operands: Sequence, axes: Sequence, **options: Any) -> tuple:
        found = jax.vmap(functools.partial(reference, **options), tuple(axes))(*operands)
        return found, [0] * len(found)

    made.def_impl(lambda *operands, **options: compiled(**options)(*operands))
    made.def_abstract_eval(shapes)
    ad.primitive_jvps[made] = differentiated
    batching.primitive_batchers[made] = mapped
    mlir.register_lowering(made, lowered, platform="cpu")
    mlir.register_lowering(made, mlir.lower_fun(reference, multiple_results=True))
    return made


def no_mask() -> Any:
    """What stands for a mask where there is none."""
    return jnp.zeros((0,), bool)
