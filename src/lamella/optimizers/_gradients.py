"""Gradients before they are applied: the missing ones left out, the large ones clipped."""

import warnings
from collections.abc import Sequence
from typing import Any

from lamella.core._arrays import cast, dtype_of, namespace
from lamella.errors import ArgumentError
from lamella.typing import Array

__all__ = ["clip_by_global_norm", "clip_by_norm", "clip_by_value", "l2_norm", "without_missing"]


def without_missing(grads: Sequence[Any], variables: Sequence[Any]) -> tuple[list, list]:
    """`grads` and `variables` where there is a gradient; a warning names the other variables.

    Raises:
        ArgumentError: when there is none.
    """
    missing = [variable.path for grad, variable in zip(grads, variables) if grad is None]
    if not missing:
        return list(grads), list(variables)
    if len(missing) == len(grads):
        raise ArgumentError("No gradients provided for any variable. Does the loss depend on the weights of the model?")
    warnings.warn(
        f"Gradients do not exist for variables {missing} when minimizing the loss. If using `model.compile()`, did you "
        "forget to provide a `loss` argument?",
        stacklevel=4,
    )
    kept = [(grad, variable) for grad, variable in zip(grads, variables) if grad is not None]
    return [grad for grad, _ in kept], [variable for _, variable in kept]


def clip_by_norm(grad: Array, clipnorm: float) -> Array:
    """`grad * clipnorm / max(norm, clipnorm)`, with the L2 norm of all its elements."""
    return grad * cast(_shrink(l2_norm(grad), clipnorm), dtype_of(grad))


def clip_by_global_norm(grads: Sequence[Array], clipnorm: float) -> list[Array]:
    """Each of `grads` times `clipnorm / max(norm, clipnorm)`, with the L2 norm of all of them together.

    A gradient that is not finite makes all of them NaN, so that it is noticed.
    """
    norm = l2_norm(*grads)
    scale = _shrink(norm, clipnorm) + norm * 0  # which is NaN where the norm is infinite
    return [grad * cast(scale, dtype_of(grad)) for grad in grads]


def _shrink(norm: Array, clipnorm: float) -> Array:
    xp = namespace()
    return clipnorm / xp.maximum(norm, xp.full_like(norm, clipnorm))


def clip_by_value(grad: Array, clipvalue: float) -> Array:
    """Each element within `[-clipvalue, clipvalue]`."""
    return namespace().clip(grad, -clipvalue, clipvalue)


def l2_norm(*values: Array) -> Array:
    """The root of the sum of the squares of all elements, in float32 or wider: float16 squares overflow at 256."""
    xp = namespace()
    wide = [x if dtype_of(x) == "float64" else cast(x, "float32") for x in values]
    return xp.sqrt(sum((xp.sum(x * x) for x in wide[1:]), xp.sum(wide[0] * wide[0])))
