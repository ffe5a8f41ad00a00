"""PyTorch's kernels that stand in for portable ops, by the op's name.

Each takes the arguments of the op and answers for those that its kernel computes exactly; for others it returns
`NotImplemented`, and the portable op does. Where a mistake would be told by PyTorch's own words, the portable op tells
it instead. Parity tests tie each to its definition, gradients at kinks included.
"""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F

from lamella.backend import _dtypes

OVERRIDES: dict[str, Callable] = {}
_SINGLE = (torch.float32, torch.float64)


def _override(function: Callable) -> Callable:
    OVERRIDES[function.__name__] = function
    return function


def _tensor(x: Any) -> Any:
    """The tensor that `x` is or holds; None for anything else."""
    if isinstance(x, torch.Tensor):
        return x
    convert = getattr(x, "__lamella_array__", None)
    x = None if convert is None else convert()
    return x if isinstance(x, torch.Tensor) else None


def _floating(*values: Any) -> list | None:
    """`values` as tensors, if all are tensors of one floating dtype on one device; else None."""
    tensors = [_tensor(v) for v in values]
    first = tensors[0]
    if first is None or not first.dtype.is_floating_point or first.dtype.itemsize == 1:
        return None
    if any(t is None or t.dtype != first.dtype or t.device != first.device for t in tensors[1:]):
        return None
    return tensors


@_override
def matmul(x1, x2):
    pair = _floating(x1, x2)
    if pair is None or pair[0].ndim < 2 or pair[1].ndim != 2 or pair[0].shape[-1] != pair[1].shape[0]:
        return NotImplemented
    return torch.matmul(*pair)


def _binary(name: str, function: Callable) -> None:
    def run(x1, x2):
        pair = _floating(x1, x2)
        if pair is None or not _broadcast(*pair):
            return NotImplemented
        return function(*pair)

    OVERRIDES[name] = run


def _broadcast(x1: Any, x2: Any) -> bool:
    """Whether the shapes are equal, or one is that of the last axes of the other."""
    a, b = x1.shape, x2.shape
    return a == b or a[len(a) - len(b) :] == b or b[len(b) - len(a) :] == a


for _name, _function in (("add", torch.add), ("subtract", torch.sub), ("multiply", torch.mul)):
    _binary(_name, _function)


def _unary(name: str, function: Callable) -> None:
    def run(x):
        one = _floating(x)
        return NotImplemented if one is None else function(one[0])

    OVERRIDES[name] = run


for _name, _function in (("relu", torch.relu), ("relu6", F.relu6), ("silu", F.silu), ("tanh", torch.tanh)):
    _unary(_name, _function)


@_override
def gelu(x, approximate=True):
    # Without `approximate`, PyTorch's kernel for AVX-512 is right to four digits only, and NaN at infinity.
    one = _floating(x) if approximate else None
    return NotImplemented if one is None else F.gelu(one[0], approximate="tanh")


def _along_axis(name: str, function: Callable) -> None:
    def run(x, axis=-1):
        one = _floating(x)
        if one is None or type(axis) is not int or not -one[0].ndim <= axis < one[0].ndim:
            return NotImplemented
        return function(one[0], dim=axis)

    OVERRIDES[name] = run


_along_axis("softmax", torch.softmax)
_along_axis("log_softmax", torch.log_softmax)


@_override
def sparse_categorical_crossentropy(target, output, from_logits=False, axis=-1):
    one, target = _floating(output), _tensor(target)
    if one is None or target is None or target.is_floating_point() or not from_logits or one[0].ndim != 2:
        return NotImplemented
    (output,) = one
    if output.dtype not in _SINGLE:  # the op widens losses of half precision to `floatx()`
        return NotImplemented
    target = target.squeeze(-1) if target.ndim == 2 and target.shape[-1] == 1 else target
    if target.shape != output.shape[:1] or axis not in (-1, 1) or not output.numel():
        return NotImplemented
    target, classes = target.long(), output.shape[1]
    if output.device.type != "cpu":  # there an index out of range would end the process
        target = torch.where((target < 0) | (target >= classes), -100, target)
    try:
        return F.cross_entropy(output, target, reduction="none")
    except IndexError:
        return NotImplemented


@_override
def categorical_crossentropy(target, output, from_logits=False, axis=-1):
    pair = _floating(target, output)
    if pair is None or not from_logits or axis not in (-1, 1) or pair[0].ndim != 2 or pair[0].shape != pair[1].shape:
        return NotImplemented
    target, output = pair
    return F.cross_entropy(output, target, reduction="none") if output.numel() else NotImplemented


@_override
def binary_crossentropy(target, output, from_logits=False):
    pair = _floating(target, output)
    if pair is None or not from_logits or pair[0].shape != pair[1].shape:
        return NotImplemented
    target, output = pair
    return F.binary_cross_entropy_with_logits(output, target, reduction="none")


@_override
def layer_normalization(x, gamma=None, beta=None, axis=-1, epsilon=None, **kwargs):
    given = [_tensor(v) for v in (gamma, beta)]
    found = _floating(x, *(v for v in given if v is not None))
    if found is None or found[0].dtype not in _SINGLE or kwargs or not _are_last(axis, found[0].ndim):
        return NotImplemented
    shape = found[0].shape[found[0].ndim - _count(axis) :]
    if any((v is None) != (t is None) or (t is not None and t.shape != shape) for v, t in zip((gamma, beta), given)):
        return NotImplemented
    return F.layer_norm(found[0], shape, *given, eps=_dtypes.epsilon() if epsilon is None else epsilon)


@_override
def rms_normalization(x, scale=None, axis=-1, epsilon=None):
    given = _tensor(scale)
    found = _floating(x) if scale is None else _floating(x, scale)
    if found is None or found[0].dtype not in _SINGLE or not _are_last(axis, found[0].ndim):
        return NotImplemented
    shape = found[0].shape[found[0].ndim - _count(axis) :]
    if given is not None and given.shape != shape:
        return NotImplemented
    return F.rms_norm(found[0], shape, given, eps=_dtypes.epsilon() if epsilon is None else epsilon)


def _count(axis: Any) -> int:
    return len(axis) if isinstance(axis, (list, tuple)) else 1


def _are_last(axis: Any, ndim: int) -> bool:
    axes = sorted(a % ndim for a in (axis if isinstance(axis, (list, tuple)) else (axis,))) if ndim else []
    return bool(axes) and axes == list(range(ndim - len(axes), ndim))
