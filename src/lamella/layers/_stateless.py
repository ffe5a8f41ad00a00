"""A layer's call as a pure function of the values of its variables."""

from typing import Any

from lamella.core import _scopes
from lamella.errors import ArgumentError, NotBuiltError


def call_with_state(
    layer: Any, trainable_variables: list, non_trainable_variables: list, args: tuple, kwargs: dict, return_losses: bool
) -> tuple:
    """`(outputs, non_trainable_variables)` of a call with these values, and its losses where asked for."""
    if not layer.built:
        raise NotBuiltError(
            f"To call stateless_call, {type(layer).__name__} must be built (i.e. its variables must have been "
            "already created). You can build it by calling it on some data."
        )
    mapping = [
        *_paired(layer.trainable_variables, trainable_variables, "trainable_variables", layer.name),
        *_paired(layer.non_trainable_variables, non_trainable_variables, "non_trainable_variables", layer.name),
    ]
    with _scopes.StatelessScope(mapping, collect_losses=return_losses) as scope:
        outputs = layer(*args, **kwargs)
        losses = layer.losses if return_losses else []
        updated = [scope.get_current_value(v) for v in layer.non_trainable_variables]
    return (outputs, updated, losses) if return_losses else (outputs, updated)


def _paired(variables: list, values: Any, what: str, name: str) -> Any:
    """Pairs of a variable and its value.

    Raises:
        ArgumentError: when there are more or fewer values than variables.
    """
    values = list(values)
    if len(values) != len(variables):
        raise ArgumentError(
            f"Argument `{what}` must be a list of values, one for each of the {len(variables)} {what} of {name!r}; got "
            f"{len(values)}: the variables are {[v.path for v in variables]}."
        )
    return zip(variables, values)
