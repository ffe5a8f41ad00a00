"""Code that assigns to variables, made a function of their values."""

from collections.abc import Callable, Sequence
from typing import Any

from lamella.backend import _registry
from lamella.core._scopes import StatelessScope, stateless_scope
from lamella.core._variable import Variable
from lamella.typing import Array

__all__ = ["values_after", "when"]


def values_after(action: Callable[[], None], *groups: tuple[Sequence[Variable], Sequence[Array]]) -> Any:
    """The values that the variables of each group `(variables, values before)` have after `action`."""
    variables = [list(group) for group, _ in groups]
    before = [pair for group, (_, values) in zip(variables, groups) for pair in zip(group, values)]
    with StatelessScope(before) as scope:
        action()
    return tuple([scope.get_current_value(variable) for variable in group] for group in variables)


def when(predicate: Any, action: Callable[[], None], variables: Sequence[Variable]) -> None:
    """Run `action` where `predicate`, a bool scalar, holds: as a branch of the program, when one is being compiled.

    Args:
        predicate: a bool scalar.
        action: assigns to some of `variables`, and to those that the surrounding scope knows, but to no others.
        variables: what it may assign to.
    """
    scope = stateless_scope()
    adapter = _registry.active()
    if scope is None and adapter.is_concrete(predicate):
        if bool(predicate):
            action()
        return
    known = {id(variable): (variable, adapter.asarray(variable)) for variable in variables}
    known.update({id(variable): (variable, value) for variable, value in (scope.updates() if scope else ())})
    before = list(known.values())

    def branch() -> list[Array]:
        return values_after(action, ([v for v, _ in before], [value for _, value in before]))[0]

    after = adapter.cond(predicate, branch, lambda: [value for _, value in before])
    for (variable, _), value in zip(before, after):
        variable.assign(value)
