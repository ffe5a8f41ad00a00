"""PyTorch: every op with gradients, eagerly, on the device of the arrays it is given.

Arrays are `torch.Tensor`. Whatever an op computes is part of the autograd graph of its arguments; a training program
is closed instead: no graph leads into it or out of it.
"""

import contextlib
import functools
import math
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from lamella.backend import _dtypes, _torch_namespace
from lamella.backend._adapter import Adapter
from lamella.backend._numpy_arrays import fits_int32, numpy_array, numpy_dtype, refuse_text
from lamella.backend._torch_gradients import TorchGradients
from lamella.backend._torch_namespace import NAMES, NATIVE, device, placed
from lamella.backend._torch_programs import TorchPrograms
from lamella.backend._torch_windows import TorchWindows
from lamella.errors import BackendError

_BYTES = {"bfloat16": torch.int16, "float8_e4m3fn": torch.uint8, "float8_e5m2": torch.uint8}
_HALF = (torch.float16, torch.bfloat16)


class TorchAdapter(TorchGradients, TorchPrograms, TorchWindows, Adapter):
    """New arrays are made on the accelerator where there is one, unless `device_scope` says otherwise."""

    name = "torch"
    roots = ("torch",)
    xp = _torch_namespace

    def __init__(self) -> None:
        super().__init__()
        from lamella.backend._torch_optimizers import adam
        from lamella.backend._torch_overrides import OVERRIDES
        from lamella.backend._torch_random import TorchRandom

        self.several_devices = torch.accelerator.is_available()
        self.random = TorchRandom()
        self.adam = adam
        self.overrides.update(OVERRIDES)

    # ---- arrays ----------------------------------------------------------------------------------

    def is_array(self, value):
        return isinstance(value, torch.Tensor)

    def dtype(self, array):
        return NAMES.get(array.dtype) or _dtypes.standardize_dtype(array.dtype)

    def native_dtype(self, dtype):
        return NATIVE[dtype]

    def asarray(self, value, dtype=None):
        if isinstance(value, torch.Tensor):
            if dtype is not None:
                value = value.to(NATIVE[dtype])
            return value.to(device()) if self.several_devices and value.device != device() else value
        kind = type(value)
        if kind is float or kind is int or kind is bool:
            if dtype is None:
                dtype = {float: _dtypes.floatx(), int: "int32", bool: "bool"}[kind]
                if kind is int and not -(2**31) <= value < 2**31:
                    raise OverflowError(f"Python integer {value} is too large for int32, the dtype of integers.")
            if dtype.startswith(("u", "int")):
                value = int(value)
            return torch.tensor(value, dtype=NATIVE[dtype], device=device())
        convert = getattr(value, "__lamella_array__", None)  # a Variable
        if convert is not None:
            return self.asarray(convert(), dtype)
        if isinstance(value, (list, tuple)) and _holds_tensors(value):
            parts = [self.asarray(v) for v in value]
            names = [_dtypes.weak_dtype(v) or self.dtype(p) for v, p in zip(value, parts)]
            joined = _dtypes.join_dtypes(names)
            return self.asarray(torch.stack([self.asarray(p, joined) for p in parts]), dtype)
        return self._from_host(self._host_array(value, dtype), value, dtype)

    def _host_array(self, value, dtype):
        if isinstance(value, np.ndarray):
            return value
        if type(value).__module__.partition(".")[0] in ("jaxlib", "jax", "tensorflow"):
            return np.asarray(value)
        return numpy_array(value, dtype)

    def _from_host(self, array, value, dtype):
        refuse_text(array)
        name = dtype or _dtypes.standardize_dtype(array.dtype)
        if dtype is None and name == "int64" and isinstance(value, (list, tuple, range)) and not fits_int32(array):
            raise OverflowError(f"Python integers in {str(value)[:60]} are too large for int32, the dtype of integers.")
        array = np.array(array, numpy_dtype(name), order="C")  # a copy of its own
        return self._wrapped(array, name)

    @staticmethod
    def _wrapped(array, name):
        stored = _BYTES.get(name)
        if stored is None:
            return torch.from_numpy(array).to(device())
        return torch.from_numpy(array.view(np.dtype(str(stored)[6:]))).view(NATIVE[name]).to(device())

    def share(self, value):
        if isinstance(value, np.ndarray) and value.dtype.kind in "fiub" and value.flags.writeable:
            return self._wrapped(
                np.ascontiguousarray(value).reshape(value.shape), _dtypes.standardize_dtype(value.dtype)
            )
        return self.asarray(value)

    def to_numpy(self, array):
        if not isinstance(array, torch.Tensor):
            return numpy_array(array)
        array = array.detach().cpu().resolve_conj().resolve_neg()
        name = self.dtype(array)
        stored = _BYTES.get(name)
        return array.numpy() if stored is None else array.view(stored).numpy().view(numpy_dtype(name))

    def scalar(self, value, dtype):
        return _scalar(value, dtype, math.copysign(1, value) if type(value) is float else 1)

    def _like(self, x, value):
        return value

    def copy(self, array):
        return array.clone()

    def variable(self, value, trainable):
        value = value.detach()
        return value.clone().requires_grad_(bool(trainable) and value.is_floating_point())

    def write(self, held, value):
        return value.detach().requires_grad_(held.requires_grad)

    # ---- special functions -----------------------------------------------------------------------

    sigmoid, rsqrt, absolute = (staticmethod(f) for f in (torch.sigmoid, torch.rsqrt, torch.abs))
    exp2, logaddexp2 = (staticmethod(f) for f in (torch.exp2, torch.logaddexp2))
    fmod, gcd, lcm = (staticmethod(f) for f in (torch.fmod, torch.gcd, torch.lcm))
    erf, erfc, erfinv = (staticmethod(f) for f in (torch.erf, torch.erfc, torch.erfinv))

    def i0(self, x):
        return torch.i0(x.float()).to(x.dtype) if x.dtype in _HALF else torch.i0(x)

    # ---- places ----------------------------------------------------------------------------------

    def _surely(self, condition):
        return False if not self.is_concrete(condition) else bool(condition.all())

    def get_item(self, x, keys):
        if not any(isinstance(k, slice) and k.step is not None and k.step < 0 for k in keys):
            return x[keys]
        forward, axis = [], 0
        taken = sum(_axes_of(k) for k in keys)
        for key in keys:
            if isinstance(key, slice) and key.step is not None and key.step < 0:  # which PyTorch refuses
                places = range(*key.indices(x.shape[axis]))[::-1]
                x = x.narrow(axis, 0, 0) if not places else x
                if places:
                    x = x[(slice(None),) * axis + (slice(places[0], places[-1] + 1, places.step),)].flip(axis)
                key = slice(None)
            axis += x.ndim - taken if key is Ellipsis else _axes_of(key)
            forward.append(key)
        return x[tuple(forward)]

    def take(self, x, indices, axis):
        return super().take(x, indices.long(), axis)

    def scatter(self, x, indices, updates, reduction):
        depth = indices.shape[-1]
        leading, rest = x.shape[:depth], x.shape[depth:]
        updates = updates.expand(*indices.shape[:-1], *rest).reshape(-1, *rest)
        count = leading.numel()
        row = torch.zeros(indices.shape[:-1], dtype=torch.int64, device=x.device)
        inside = torch.ones_like(row, dtype=torch.bool)
        for axis, size in enumerate(leading):
            place = indices[..., axis].long()
            place = torch.where(place < 0, place + size, place)
            inside = inside & (place >= 0) & (place < size)
            row = row * size + place
        row = torch.where(inside, row, count).reshape(-1)  # what lies outside goes to a row that is cut off again
        rows = torch.cat([x.reshape(-1, *rest), x.new_zeros((1, *rest))])
        return _scattered(rows, row, updates, reduction)[:count].reshape(x.shape)

    def slice(self, x, starts, sizes):
        if not all(self.is_concrete(s) for s in starts):
            return super().slice(x, starts, sizes)
        for axis, (start, size) in enumerate(zip(starts, sizes)):
            if size != x.shape[axis]:
                x = x.narrow(axis, _moved_inside(start, size, x.shape[axis]), size)
        return x

    def slice_update(self, x, starts, updates):
        if not all(self.is_concrete(s) for s in starts):
            return super().slice_update(x, starts, updates)
        firsts = [_moved_inside(s, n, m) for s, n, m in zip(starts, updates.shape, x.shape)]
        out = x.clone()
        out[tuple(slice(f, f + n) for f, n in zip(firsts, updates.shape))] = updates
        return out

    def pad(self, x, widths, mode, value):
        if mode != "constant" or isinstance(value, torch.Tensor) or x.dtype in _torch_namespace.WIDE:
            return super().pad(x, widths, mode, value)
        return torch.nn.functional.pad(x, [n for pair in reversed(widths) for n in pair], value=value)

    def bitcast(self, x, dtype):
        return x.contiguous().view(NATIVE[dtype])

    def complex(self, real, imag):
        real, imag = (x.float() if x.dtype in _HALF else x for x in torch.broadcast_tensors(real, imag))
        return torch.complex(real, imag)

    def gather_rows(self, array, index):
        return array.index_select(0, index)

    def top_k(self, x, k):
        values, places = torch.sort(x, dim=-1, descending=True, stable=True)
        return values[..., :k], places[..., :k]

    # ---- products --------------------------------------------------------------------------------

    def einsum(self, subscripts, *operands, accumulate=None):
        if accumulate is not None:
            operands = tuple(x.to(NATIVE[accumulate]) for x in operands)
        return _exact_integers(functools.partial(torch.einsum, subscripts), *operands)

    def matmul(self, x1, x2, accumulate=None):
        if accumulate is not None:
            x1, x2 = x1.to(NATIVE[accumulate]), x2.to(NATIVE[accumulate])
        return _exact_integers(torch.matmul, x1, x2)

    def solve_triangular(self, a, b, lower):
        return torch.linalg.solve_triangular(a, b, upper=not lower)

    def lu_factor(self, x):
        lu, pivots = torch.linalg.lu_factor(x)
        return lu, pivots - 1

    def eig(self, x):
        return tuple(torch.linalg.eig(x))

    # ---- attention -------------------------------------------------------------------------------

    def fused_attention(self, query, key, value, bias, mask, scale, is_causal, required=False):
        if key.shape[-1] != value.shape[-1] or not query.is_floating_point():
            if required:
                raise BackendError(
                    f"PyTorch has no fused attention for keys of size {key.shape[-1]}, values of size "
                    f"{value.shape[-1]} and dtype {self.dtype(query)}. Leave flash_attention at None."
                )
            return None
        targets, sources = query.shape[1], key.shape[1]
        if mask is not None or (is_causal and (bias is not None or targets != sources)):
            return None if not required else self._masked_attention(query, key, value, bias, mask, scale, is_causal)
        return _attention(query, key, value, bias, scale, is_causal)

    def _masked_attention(self, query, key, value, bias, mask, scale, is_causal):
        targets, sources = query.shape[1], key.shape[1]
        low = -0.7 * _dtypes.finite_range(self.dtype(query))[1]
        allowed = torch.ones((targets, sources), dtype=torch.bool, device=query.device)
        allowed = allowed.tril() if is_causal else allowed
        allowed = allowed if mask is None else allowed & mask
        logits = torch.where(allowed, 0.0, low).to(query.dtype)
        return _attention(query, key, value, logits if bias is None else logits + bias, scale, False)

    # ---- devices ---------------------------------------------------------------------------------

    def synchronize(self, arrays):
        if self.several_devices:
            torch.accelerator.synchronize()
        return arrays

    @contextlib.contextmanager
    def device_scope(self, name):
        kind, _, index = name.lower().partition(":")
        kind = {"gpu": "cuda"}.get(kind, kind)
        with placed(torch.device(kind, int(index or 0)) if kind != "cpu" else torch.device("cpu")):
            yield

    @contextlib.contextmanager
    def beside(self, values):
        """New arrays are made on the device that all tensors among `values` share."""
        devices = {v.device for v in values if isinstance(v, torch.Tensor)}
        if len(devices) != 1 or (only := devices.pop()) == device():
            yield
            return
        with placed(only):
            yield


@functools.lru_cache(1024)
def _scalar(value: Any, dtype: str, sign: float) -> Any:
    """A tensor without axes, which is never written to; one on the host stands beside those of any device."""
    return torch.tensor(np.asarray(value, numpy_dtype(dtype)).item(), dtype=NATIVE[dtype])


def _holds_tensors(value: Sequence) -> bool:
    return any(
        isinstance(v, torch.Tensor)
        or hasattr(v, "__lamella_array__")
        or (isinstance(v, (list, tuple)) and _holds_tensors(v))
        for v in value
    )


def _axes_of(key: Any) -> int:
    """How many axes of an array an index takes up."""
    if key is None or key is Ellipsis or isinstance(key, bool):
        return 0
    return key.ndim if getattr(key, "dtype", None) in (torch.bool, np.bool_) else 1


def _moved_inside(start: Any, size: int, limit: int) -> int:
    start = int(start)
    return min(max(start + limit if start < 0 else start, 0), limit - size)


def _scattered(rows: Any, row: Any, updates: Any, reduction: str | None) -> Any:
    if reduction is None:
        return rows.index_copy(0, row, updates)
    if rows.dtype == torch.bool:  # adding booleans is "or", multiplying them is "and"
        wide = _scattered(rows.int(), row, updates.int(), "max" if reduction == "add" else reduction)
        return wide != 0
    if reduction == "add":
        return rows.index_add(0, row, updates)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "index_reduce", UserWarning)  # that it is in beta
        return rows.index_reduce(0, row, updates, {"max": "amax", "min": "amin", "mul": "prod"}[reduction])


def _exact_integers(product: Any, *operands: Any) -> Any:
    """`product`, of integers on an accelerator by way of float64, which has no kernels for them."""
    dtype = operands[0].dtype
    if dtype == torch.bool:
        return product(*(x.int() for x in operands)) != 0
    if dtype.is_floating_point or dtype.is_complex:
        return product(*operands)
    wide = torch.int64 if operands[0].device.type == "cpu" else torch.float64
    if dtype in _torch_namespace.WIDE or wide is torch.float64:
        operands = tuple(x.to(wide) for x in operands)
    return product(*operands).to(dtype)  # a sum of small integers is of 64-bit ones


def _attention(query: Any, key: Any, value: Any, bias: Any, scale: float, is_causal: bool) -> Any:
    """The library's kernel, whose arrays are `(batch, heads, length, size)`."""
    bias = None if bias is None else bias.to(query.dtype)
    query, key, value = (x.transpose(1, 2) for x in (query, key, value))
    shared = query.shape[1] // key.shape[1]
    if shared > 1:
        key, value = (x.repeat_interleave(shared, dim=1) for x in (key, value))
    out = torch.nn.functional.scaled_dot_product_attention(query, key, value, bias, is_causal=is_causal, scale=scale)
    return out.transpose(1, 2)
