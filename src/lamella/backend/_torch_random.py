"""Random draws of the torch adapter, each a pure function of its key.

On the host they come from NumPy's Philox, a counter-based generator (Salmon, Moraes, Dror and Shaw, 2011,
"Parallel random numbers: as easy as 1, 2, 3"), because PyTorch's own for the CPU takes 32 bits of a seed only; on an
accelerator from PyTorch's, which is Philox there.
"""

import math
from typing import Any

import numpy as np
import torch

from lamella.backend._torch_namespace import NATIVE, device
from lamella.backend._torch_recording import opaque


class TorchRandom:
    """Draws from a key of shape (2,), uint32. `dtype` is a canonical name; shapes are tuples."""

    def uniform(self, key, shape, minval, maxval, dtype):
        wide = _wide(dtype)
        unit = _unit(key, shape, wide)
        out = (unit * (_tensor(maxval, wide) - _tensor(minval, wide)) + _tensor(minval, wide)).to(NATIVE[dtype])
        low, high = _tensor(minval, wide).to(NATIVE[dtype]), _tensor(maxval, wide).to(NATIVE[dtype])
        # Rounding may reach the upper bound, which is excluded.
        return torch.where((out >= high) & (low < high), torch.nextafter(high.float(), low.float()).to(out.dtype), out)

    def normal(self, key, shape, dtype):
        return _normal(key, shape, _wide(dtype)).to(NATIVE[dtype])

    def truncated_normal(self, key, shape, dtype):
        """Standard normal, cut at two standard deviations: a uniform draw through the inverse of its distribution."""
        edge = math.erf(2 / math.sqrt(2))
        unit = _unit(key, shape, torch.float64)
        return (math.sqrt(2) * torch.erfinv((2 * unit - 1) * edge)).clamp(-2, 2).to(NATIVE[dtype])

    def randint(self, key, shape, minval, maxval, dtype):
        low, high = _tensor(minval, torch.int64), _tensor(maxval, torch.int64)
        span = torch.where(high > low, high - low, 1)
        bits = _bits(key, shape)
        return (low + torch.remainder(bits, span)).to(NATIVE[dtype])

    def categorical(self, key, logits, num_samples, dtype):
        """The position of the greatest of `logits` plus Gumbel noise, `num_samples` times for each row."""
        noise = _unit(key, (*logits.shape, num_samples), torch.float32)
        gumbel = -torch.log(-torch.log(noise.clamp(min=torch.finfo(torch.float32).tiny)))
        return torch.argmax(logits.float()[..., None] + gumbel, dim=-2).to(NATIVE[dtype])

    @opaque
    def gamma(self, key, shape, alpha, dtype):
        draws = _host(key).standard_gamma(_numpy(alpha), shape)
        return torch.from_numpy(np.asarray(draws)).to(device(), NATIVE[dtype])

    @opaque
    def beta(self, key, shape, alpha, beta, dtype):
        draws = _host(key).beta(_numpy(alpha), _numpy(beta), shape)
        return torch.from_numpy(np.asarray(draws)).to(device(), NATIVE[dtype])

    @opaque
    def binomial(self, key, shape, counts, probabilities, dtype):
        counts = np.floor(_numpy(counts)).astype(np.int64)
        draws = _host(key).binomial(counts, _numpy(probabilities), shape)
        return torch.from_numpy(np.asarray(draws)).to(device(), NATIVE[dtype])

    def permutation(self, key, x, axis):
        """`x`, each of its vectors along `axis` put in a random order of its own."""
        order = torch.argsort(_unit(key, tuple(x.shape), torch.float64), dim=axis)
        return torch.take_along_dim(x, order.to(x.device), dim=axis)

    def bernoulli_mask(self, key, shape, keep):
        """A boolean array, each element True with probability `keep`."""
        return _unit(key, shape, torch.float32) < keep


def _words(key: Any) -> tuple[int, int]:
    first, second = key.tolist()
    return int(first), int(second)


def _host(key: Any) -> np.random.Generator:
    first, second = _words(key)
    return np.random.Generator(np.random.Philox(key=first << 32 | second))


def _there(key: Any) -> torch.Generator:
    first, second = _words(key)
    return torch.Generator(device()).manual_seed(first << 32 | second)


@opaque
def _unit(key: Any, shape: tuple, dtype: torch.dtype) -> torch.Tensor:
    """Uniform in [0, 1)."""
    if device().type == "cpu":
        return torch.from_numpy(np.asarray(_host(key).random(shape, np.dtype(str(dtype)[6:]))))
    return torch.rand(shape, generator=_there(key), dtype=dtype, device=device())


@opaque
def _normal(key: Any, shape: tuple, dtype: torch.dtype) -> torch.Tensor:
    if device().type == "cpu":
        return torch.from_numpy(np.asarray(_host(key).standard_normal(shape, np.dtype(str(dtype)[6:]))))
    return torch.randn(shape, generator=_there(key), dtype=dtype, device=device())


@opaque
def _bits(key: Any, shape: tuple) -> torch.Tensor:
    """Uniform integers of 62 bits."""
    if device().type == "cpu":
        return torch.from_numpy(np.asarray(_host(key).integers(0, 2**62, shape)))
    return torch.randint(0, 2**62, shape, generator=_there(key), device=device())


def _wide(dtype: str) -> torch.dtype:
    return torch.float64 if dtype == "float64" else torch.float32


def _tensor(value: Any, dtype: torch.dtype) -> torch.Tensor:
    return torch.as_tensor(value, dtype=dtype, device=device())


def _numpy(value: Any) -> np.ndarray:
    value = value.detach().cpu().double().numpy() if isinstance(value, torch.Tensor) else value
    return np.asarray(value, np.float64)
