"""The learning rates that callbacks read and set: one, or one for each optimizer of a `MultiOptimizer`."""

from typing import Any

import numpy as np

from lamella.errors import ArgumentError

__all__ = ["rate_of", "rates", "with_rates"]


def with_rates(optimizer: Any) -> list[tuple[str, Any]]:
    """What a message calls each optimizer that has a learning rate, and the optimizer.

    Raises:
        ArgumentError: for an optimizer without one.
    """
    if hasattr(optimizer, "optimizers"):
        return [(f"{inner.name} ", inner) for inner in optimizer.optimizers]
    if not hasattr(optimizer, "learning_rate"):
        raise ArgumentError('Optimizer must have a "learning_rate" attribute.')
    return [("", optimizer)]


def rate_of(optimizer: Any) -> float:
    """Its learning rate now."""
    return float(np.asarray(optimizer.learning_rate))


def rates(optimizer: Any) -> dict[str, float]:
    """The learning rates by their names in the logs."""
    several = hasattr(optimizer, "optimizers")
    named = [
        (f"learning_rate_{inner.name}" if several else "learning_rate", inner) for _, inner in with_rates(optimizer)
    ]
    return {name: rate_of(inner) for name, inner in named}
