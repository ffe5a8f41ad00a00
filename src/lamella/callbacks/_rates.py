"""The learning rates that callbacks read and set: one, or one for each optimizer of a `MultiOptimizer`."""

from typing import Any

import numpy as np

from lamella.errors import ArgumentError

__all__ = ["rate_name", "rate_of", "rates", "with_rates"]


def with_rates(optimizer: Any) -> list[tuple[str, Any]]:
    """Each optimizer that has a learning rate, with its name where there are several, else "".

    Raises:
        ArgumentError: for an optimizer without one.
    """
    if hasattr(optimizer, "optimizers"):
        return [(inner.name, inner) for inner in optimizer.optimizers]
    if not hasattr(optimizer, "learning_rate"):
        raise ArgumentError('Optimizer must have a "learning_rate" attribute.')
    return [("", optimizer)]


def rate_name(name: str) -> str:
    """What a message calls the learning rate of the optimizer of that name."""
    return f"{name} learning rate".lstrip()


def rate_of(optimizer: Any) -> float:
    """Its learning rate now."""
    return float(np.asarray(optimizer.learning_rate))


def rates(optimizer: Any) -> dict[str, float]:
    """The learning rates by their names in the logs."""
    pairs = with_rates(optimizer)
    return {f"learning_rate_{name}" if name else "learning_rate": rate_of(inner) for name, inner in pairs}
