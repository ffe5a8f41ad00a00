"""What optimizers refuse: arguments that contradict each other, variables and values that are not theirs."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from lamella.core._variable import Variable
from lamella.errors import ArgumentError, NotBuiltError


def check_arguments(optimizer: Any) -> None:
    """Refuse arguments of the constructor that no optimizer can follow."""
    clips = {name: getattr(optimizer, name) for name in ("clipnorm", "clipvalue", "global_clipnorm")}
    given = {name: value for name, value in clips.items() if value is not None}
    who = type(optimizer).__name__
    if len(given) > 1:
        raise ArgumentError(
            f"Only one of `clipnorm`, `clipvalue` and `global_clipnorm` can be set on {who}; got {clips}."
        )
    if any(value < 0 for value in given.values()):
        raise ArgumentError(f"Gradients are clipped to a size that is zero or more; {who} was given {given}.")
    if optimizer.use_ema and not 0 <= optimizer.ema_momentum <= 1:
        raise ArgumentError(f"`ema_momentum` of {who} must be in the range [0, 1]; got {optimizer.ema_momentum!r}.")
    frequency = optimizer.ema_overwrite_frequency
    if optimizer.use_ema and frequency and (not _is_integer(frequency) or frequency < 1):
        raise ArgumentError(f"`ema_overwrite_frequency` of {who} must be an integer >= 1 or None; got {frequency!r}.")
    steps = optimizer.gradient_accumulation_steps
    if steps and (not _is_integer(steps) or steps < 2):
        raise ArgumentError(f"`gradient_accumulation_steps` of {who} must be an integer >= 2 or None; got {steps!r}.")


def check_known(optimizer: Any, variables: Sequence[Variable]) -> None:
    """Refuse variables that the optimizer was not built with."""
    for variable in variables:
        if id(variable) not in optimizer._index_of:
            raise ArgumentError(
                f"Unknown variable: {variable!r}. {type(optimizer).__name__} {optimizer.name!r} can only be called for the "
                "variables it was originally built with. When working with a new set of variables, make a new "
                "optimizer."
            )


def check_values(optimizer: Any, optimizer_variables: Sequence, trainable_variables: Sequence) -> None:
    """Refuse a stateless update before `build`, or lists of values of another length than the variables."""
    who = type(optimizer).__name__
    if not optimizer.built:
        raise NotBuiltError(
            f"To call `stateless_apply`, {who} must be built (i.e. its variables must have been created). You can "
            "build it via `optimizer.build(trainable_variables)`."
        )
    if len(optimizer_variables) != len(optimizer.variables):
        raise ArgumentError(
            f"Argument `optimizer_variables` must be a list of arrays corresponding 1:1 to {who}().variables. "
            f"Received list with length {len(optimizer_variables)}, but expected {len(optimizer.variables)} variables."
        )
    if len(trainable_variables) != len(optimizer._trainable_variables):
        raise ArgumentError(
            "Argument `trainable_variables` must be a list of arrays corresponding 1:1 to the trainable variables "
            f"that the optimizer was built with. Received {len(trainable_variables)}, whereas {who} was built with "
            f"{len(optimizer._trainable_variables)}."
        )


def _is_integer(value: Any) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)
