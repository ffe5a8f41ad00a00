"""Gradients before they are applied: the missing ones left out, the large ones clipped."""

import warnings
from collections.abc import Sequence
from typing import Any

from lamella.core._arrays import cast, dtype_of, namespace
from lamella.errors import ArgumentError
from lamella.typing import Array

__all__ = ["clip_by_global_norm", "clip_by_norm", "clip_by_value", "without_missing"]


def without_missing(grads: Sequence[Any], variables: Sequence[Any]) -> tuple[list, list]:
    """`grads` and `variables` where there is a gradient; a warning names the other variables.

    Raises:
        ArgumentError: when there is none.
    """
    missing = [variable.path for grad, variable in zip(grads, variables) if grad is None]
    if not missing:
        return list(grads), list(variables)
    if len(missing) == len(grads):
        raise ArgumentError(
            "No gradients provided for any variable. Does the loss depend on the weights of the model?"
        )
    warnings.warn(
        f"Gradients do not exist for variables {missing} when minimizing the loss. If using `model.compile()`, did you "
        "forget to provide a `loss` argument?",
        stacklevel=4,
    )
    kept = [(grad, variable) for grad, variable in zip(grads, variables) if grad is not None]
    return [grad for grad, _ in kept], [variable for _, variable in kept]


def clip_by_norm(grad: Array, clipnorm: float) -> Array:
    """`grad * clipnorm / max(norm, clipnorm)`, with the L2 norm of all its elements."""
    norm = namespace().sqrt(_squared_norm(grad))
    return grad * cast(clipnorm / namespace().maximum(norm, norm * 0 + clipnorm), dtype_of(grad))


def clip_by_global_norm(grads: Sequence[Array], clipnorm: float) -> list[Array]:
    """Each of `grads` times `clipnorm / max(norm, clipnorm)`, with the L2 norm of all of them together.

    A gradient that is not finite makes all of them NaN, so that it is noticed.
    """
    xp = namespace()
    norm = xp.sqrt(sum((_squared_norm(grad) for grad in grads[1:]), _squared_norm(grads[0])))
    scale = clipnorm / xp.maximum(norm, norm * 0 + clipnorm)  # norm * 0 is NaN where norm is infinite
    return [grad * cast(scale, dtype_of(grad)) for grad in grads]


def clip_by_value(grad: Array, clipvalue: float) -> Array:
    """Each element within `[-clipvalue, clipvalue]`."""
    return namespace().clip(grad, -clipvalue, clipvalue)


def _squared_norm(grad: Array) -> Array:
    wide = grad if dtype_of(grad) == "float64" else cast(grad, "float32")  # float16 squares overflow at 256
    return namespace().sum(wide * wide)
