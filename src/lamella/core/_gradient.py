"""Gradients with respect to Variables."""

from collections.abc import Callable, Sequence
from typing import Any

from lamella.backend import _registry
from lamella.core import _scopes
from lamella.core._variable import Variable
from lamella.typing import Array


def value_and_grad(
    fn: Callable[..., Any], variables: Sequence[Variable], has_aux: bool = False
) -> Callable[..., tuple[Any, list[Array]]]:
    """A function that computes `fn(*args)` and the gradients of its result with respect to `variables`.

    Whatever `fn` assigns to other variables (the moving averages of a BatchNormalization, say) is assigned once, as a
    call of `fn` would. Works eagerly and inside compiled programs.

    Args:
        fn: returns a scalar; with `has_aux`, a pair of a scalar and anything else.
        variables: what to differentiate with respect to.
        has_aux: whether `fn` returns a pair.

    Returns:
        A function `(*args) -> (what fn returns, gradients in the order of variables)`.

    Raises:
        BackendError: on a backend without gradients.

    Example:
        >>> import lamella
        >>> w = lamella.Variable([1.0, 2.0])
        >>> loss, grads = lamella.value_and_grad(lambda: lamella.ops.sum(w * w), [w])()
        >>> float(loss), grads[0].tolist()
        (5.0, [2.0, 4.0])
    """
    variables = list(variables)
    watched = {id(v) for v in variables}

    def run(*args: Any, **kwargs: Any) -> tuple[Any, list[Array]]:
        touched: list[Variable] = []

        def pure(values: list[Array]) -> tuple[Array, tuple]:
            with _scopes.StatelessScope(zip(variables, values)) as scope:
                result = fn(*args, **kwargs)
            value, aux = result if has_aux else (result, None)
            updates = [(v, x) for v, x in scope.updates() if id(v) not in watched]
            touched[:] = [v for v, _ in updates]
            return value, (aux, [x for _, x in updates])

        with _scopes.autocast_scope(None):
            values = [v.value for v in variables]
        (value, (aux, updated)), grads = _registry.active().value_and_grad(pure, has_aux=True)(values)
        for variable, new in zip(touched, updated):
            variable.assign(new)
        return ((value, aux) if has_aux else value), grads

    return run
