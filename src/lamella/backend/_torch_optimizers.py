"""Update rules of optimizers by PyTorch's fused kernels, which go through the memory once."""

import functools
import math
from typing import Any

import torch
from torch._C import _functorch

from lamella.backend._torch_recording import opaque
from lamella.backend._torch_source import IN_PLACE

_DTYPES = (torch.float32, torch.float64)


def adam(weights: list, momentums: list, velocities: list, gradients: list, *scalars: Any) -> tuple | None:
    """The rule of `lamella.optimizers.Adam` for many variables.

    Args:
        weights, momentums, velocities, gradients: lists of tensors.
        scalars: the learning rate, how many updates came before (both tensors), beta_1, beta_2, epsilon.

    Returns:
        New weights, momentums and velocities; None where the kernel does not take what is given.
    """
    tensors = (*weights, *momentums, *velocities, *gradients)
    kinds = {(x.dtype, x.device) for x in tensors}
    if len(kinds) != 1 or tensors[0].dtype not in _DTYPES or tensors[0].device.type not in ("cpu", "cuda"):
        return None
    if not all(0 <= beta < 1 for beta in scalars[2:4]) or any(w.shape != g.shape for w, g in zip(weights, gradients)):
        return None
    if any(map(_functorch.is_functorch_wrapped_tensor, tensors)):
        return None
    if torch.is_grad_enabled() and any(x.requires_grad for x in tensors):
        return None  # somebody may want to differentiate the update
    new = _adam(weights, momentums, velocities, gradients, *scalars)
    count = len(weights)
    return new[:count], new[count : 2 * count], new[2 * count :]


@opaque
def _adam(weights: list, momentums: list, velocities: list, *others: Any) -> tuple:
    new = [x.detach().clone(memory_format=torch.contiguous_format) for x in (*weights, *momentums, *velocities)]
    count = len(weights)
    _adam_in_place(new[:count], new[count : 2 * count], new[2 * count :], *others)
    return tuple(new)


def _adam_in_place(
    weights: list,
    momentums: list,
    velocities: list,
    gradients: list,
    learning_rate: Any,
    updates: Any,
    beta_1: float,
    beta_2: float,
    epsilon: float,
) -> None:
    device = weights[0].device
    if learning_rate.device.type == updates.device.type == "cpu":  # without waiting for an accelerator
        step = int(updates) + 1
        alpha: Any = float(learning_rate) * math.sqrt(1 - beta_2**step) / (1 - beta_1**step)
    else:
        step = updates.to(device, torch.float32) + 1
        alpha = learning_rate.to(device) * torch.sqrt(1 - beta_2**step) / (1 - beta_1**step)
    torch._fused_adam_(
        weights,
        [x.detach().contiguous() for x in gradients],  # the kernel goes by the order in memory
        momentums,
        velocities,
        [],
        [_many_steps(device)] * len(weights),  # `alpha` has the corrections for the first steps in it already
        lr=alpha,
        beta1=beta_1,
        beta2=beta_2,
        weight_decay=0.0,
        eps=epsilon,
        amsgrad=False,
        maximize=False,
    )


@functools.cache
def _many_steps(device: torch.device) -> torch.Tensor:
    return torch.tensor(1e9, dtype=torch.float32, device=device)


# `_adam.__wrapped__` is what a recording calls.
IN_PLACE[_adam.__wrapped__] = (3, _adam_in_place)  # type: ignore[attr-defined]
