"""PyTorch by the names of the array API standard: `array_api_compat.torch`, and where we differ from it.

Operands of one call have one dtype already, so nothing is promoted here. New arrays are made on `device()`. Unsigned
integers of 16 bits and more, for which PyTorch has few kernels, are computed with as 64-bit signed ones.
"""

import builtins
import contextlib
import contextvars
import functools
import math
from collections.abc import Callable, Iterator
from typing import Any

import array_api_compat.torch as _compat
import numpy as np
import torch

from lamella.backend._dtypes import ALLOWED_DTYPES

NATIVE = {name: getattr(torch, name) for name in ALLOWED_DTYPES if name != "string"}
NAMES = {dtype: name for name, dtype in NATIVE.items()}
WIDE = frozenset({torch.uint16, torch.uint32, torch.uint64})

_place: contextvars.ContextVar[torch.device | None] = contextvars.ContextVar("torch_device", default=None)


def __getattr__(name: str) -> Any:
    found = globals()[name] = getattr(_compat, name)  # functions below say `builtins.any` where they mean it
    return found


# ---- devices -------------------------------------------------------------------------------------------


@functools.cache
def _default_device() -> torch.device:
    if torch.accelerator.is_available():
        return torch.device(torch.accelerator.current_accelerator().type, torch.accelerator.current_device_index())
    return torch.device("cpu")


def device() -> torch.device:
    """Where new arrays are made: the accelerator where there is one, unless `placed` says otherwise."""
    return _place.get() or _default_device()


@contextlib.contextmanager
def placed(where: torch.device) -> Iterator[None]:
    """New arrays are made on the device `where` inside the block."""
    token = _place.set(where)
    try:
        yield
    finally:
        _place.reset(token)


# ---- making arrays -------------------------------------------------------------------------------------


def asarray(x, dtype=None, copy=None):
    if isinstance(x, torch.Tensor):
        x = x if dtype is None else x.to(dtype)
        return x.clone() if copy else x
    if isinstance(x, np.ndarray):
        out = torch.from_numpy(np.array(x, order="C")).to(device())
        return out if dtype is None else out.to(dtype)
    if isinstance(x, (list, tuple)) and builtins.any(isinstance(v, torch.Tensor) for v in x):
        return torch.stack([torch.as_tensor(v, dtype=dtype, device=device()) for v in x])
    return torch.tensor(x, dtype=dtype, device=device())


def _made(function: Callable) -> Callable:
    def make(shape, *args, dtype=None):
        shape = (shape,) if isinstance(shape, int) else tuple(shape)
        return function(shape, *args, dtype=dtype, device=device())

    return make


zeros, ones, empty = _made(torch.zeros), _made(torch.ones), _made(torch.empty)


def full(shape, fill_value, dtype=None):
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    if isinstance(fill_value, torch.Tensor):
        return (fill_value if dtype is None else fill_value.to(dtype)).expand(shape).clone()
    return torch.full(shape, fill_value, dtype=dtype, device=device())


def full_like(x, fill_value, dtype=None):
    if isinstance(fill_value, torch.Tensor):
        return fill_value.to(dtype or x.dtype).expand(x.shape).clone()
    return torch.full_like(x, fill_value, dtype=dtype)


def arange(start, stop=None, step=1, dtype=None):
    start, stop = (0, start) if stop is None else (start, stop)
    if (stop - start) * step <= 0:
        floating = builtins.any(isinstance(v, float) for v in (start, stop, step))
        return torch.zeros((0,), dtype=dtype or (torch.float32 if floating else torch.int64), device=device())
    if dtype in WIDE or dtype in (torch.complex64, torch.complex128):
        return torch.arange(start, stop, step, device=device()).to(dtype)
    return torch.arange(start, stop, step, dtype=dtype, device=device())


def eye(n_rows, n_cols=None, k=0, dtype=None):
    n_cols = n_rows if n_cols is None else n_cols
    rows, columns = torch.arange(n_rows, device=device()), torch.arange(n_cols, device=device())
    return (columns[None] - rows[:, None] == k).to(dtype or torch.float32)


def linspace(start, stop, num, dtype=None, endpoint=True):
    return _compat.linspace(start, stop, num, dtype=dtype, endpoint=endpoint, device=device())


def astype(x, dtype, copy=True):
    return x.to(dtype)


# ---- elementwise ---------------------------------------------------------------------------------------


def _widened(function: Callable, returns_bool: bool = False) -> Callable:
    """`function` of arrays, unsigned ones that PyTorch does not compute with by way of int64."""

    @functools.wraps(function)
    def run(x, *others, **kwargs):
        if x.dtype in WIDE:
            out = function(x.long(), *(o.long() if isinstance(o, torch.Tensor) else o for o in others), **kwargs)
            return out if returns_bool or out.dtype != torch.int64 else out.to(x.dtype)
        return function(x, *others, **kwargs)

    return run


add, subtract, multiply, negative = map(_widened, (torch.add, torch.sub, torch.mul, torch.neg))
maximum, minimum, square, abs = map(_widened, (torch.maximum, torch.minimum, torch.square, torch.abs))
bitwise_left_shift, bitwise_right_shift = map(_widened, (torch.bitwise_left_shift, torch.bitwise_right_shift))
max, min, sign = map(_widened, (_compat.max, _compat.min, _compat.sign))
equal, not_equal, less, less_equal, greater, greater_equal = (
    _widened(f, returns_bool=True) for f in (torch.eq, torch.ne, torch.lt, torch.le, torch.gt, torch.ge)
)
logical_and, logical_or, logical_not, logical_xor = (
    _widened(f, returns_bool=True) for f in (torch.logical_and, torch.logical_or, torch.logical_not, torch.logical_xor)
)
argmax, argmin, argsort, searchsorted = (
    _widened(f, returns_bool=True) for f in (_compat.argmax, _compat.argmin, _compat.argsort, torch.searchsorted)
)
divide, exp, where = torch.div, torch.exp, torch.where


@_widened
def floor_divide(x1, x2):
    if x1.dtype.is_floating_point:
        return torch.floor_divide(x1, x2)
    x2 = torch.as_tensor(x2)
    zero = x2 == 0  # which PyTorch refuses
    return torch.where(zero, -1, torch.floor_divide(x1, torch.where(zero, 1, x2)))


@_widened
def remainder(x1, x2):
    if x1.dtype.is_floating_point:
        return torch.remainder(x1, x2)
    x2 = torch.as_tensor(x2)
    zero = x2 == 0
    return torch.where(zero, x1, torch.remainder(x1, torch.where(zero, 1, x2)))


@_widened
def pow(x1, x2):
    return torch.pow(x1, x2)


@_widened
def clip(x, min=None, max=None):
    # Half of the gradient at a bound, as of a maximum; all of it is what PyTorch's own says.
    if min is not None:
        x = torch.maximum(x, torch.as_tensor(min, dtype=x.dtype, device=x.device))
    if max is not None:
        x = torch.minimum(x, torch.as_tensor(max, dtype=x.dtype, device=x.device))
    return x


def real(x):
    return x.real if x.is_complex() else x


def imag(x):
    return x.imag if x.is_complex() else torch.zeros_like(x)


# ---- sums and order ------------------------------------------------------------------------------------


def _summed(function: Callable) -> Callable:
    """`function` with a `dtype`, which may be an unsigned one that PyTorch does not sum in."""

    @functools.wraps(function)
    def run(x, *, dtype=None, **kwargs):
        kept = dtype or x.dtype
        if kept in WIDE:
            return function(x.long(), dtype=torch.int64, **kwargs).to(kept)
        return function(x, dtype=dtype, **kwargs)

    return run


sum, prod = _summed(_compat.sum), _summed(_compat.prod)
cumulative_sum, cumulative_prod = _summed(_compat.cumulative_sum), _summed(_compat.cumulative_prod)


def var(x, *, axis=None, correction=0.0, keepdims=False):
    axes = range(x.ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
    if x.numel() and math.prod(x.shape[a] for a in axes) > correction:
        return _compat.var(x, axis=axis, correction=correction, keepdims=keepdims)
    # Of too few elements PyTorch computes the same, with a warning.
    deviation = torch.abs(x - _compat.mean(x, axis=axis, keepdims=True))
    return _compat.sum(deviation * deviation, axis=axis, keepdims=keepdims) / 0.0


def std(x, *, axis=None, correction=0.0, keepdims=False):
    return torch.sqrt(var(x, axis=axis, correction=correction, keepdims=keepdims))


@_widened
def sort(x, *, axis=-1, descending=False, stable=True):
    if not x.is_complex():
        return torch.sort(x, dim=axis, descending=descending, stable=True).values
    for part in (torch.imag, torch.real):  # by the real parts, and where they are equal by the imaginary ones
        order = torch.sort(part(x), dim=axis, descending=descending, stable=True).indices
        x = torch.take_along_dim(x, order, dim=axis)
    return x


# ---- shapes --------------------------------------------------------------------------------------------


def reshape(x, shape):
    return torch.reshape(x, (shape,) if isinstance(shape, int) else tuple(shape))


def permute_dims(x, axes):
    return x.permute(tuple(axes))


def expand_dims(x, axis=0):
    if isinstance(axis, int):
        return x.unsqueeze(axis)
    return _compat.expand_dims(x, axis=axis)


def broadcast_to(x, shape):
    return x.expand(tuple(shape))


def take(x, indices, axis=None):
    return torch.index_select(x, 0 if axis is None else axis, indices)


def take_along_axis(x, indices, axis=-1):
    return torch.take_along_dim(x, indices.long(), dim=axis)


def roll(x, shift, axis=None):
    if isinstance(axis, (list, tuple)) and isinstance(shift, int):
        shift = (shift,) * len(axis)
    return _compat.roll(x, shift, axis=axis)


def stack(arrays, axis=0):
    return torch.stack(tuple(arrays), dim=axis)


def concat(arrays, axis=0):
    arrays = tuple(arrays)
    if axis is None:
        return torch.cat([x.reshape(-1) for x in arrays])
    return torch.cat(arrays, dim=axis)
