"""Trading memory for time: values that are computed again in the backward pass instead of kept.

Chen, Xu, Zhang and Guestrin (2016), "Training Deep Nets with Sublinear Memory Cost", arXiv:1604.06174.
"""

import contextvars
from collections.abc import Callable, Iterable
from typing import Any

from lamella.backend import _registry
from lamella.core import _scopes
from lamella.errors import ArgumentError

_MODES = ("full", "activations", "larger_than", "list_of_layers", None)
_scope: contextvars.ContextVar["RematScope | None"] = contextvars.ContextVar("remat", default=None)


class RematScope:
    """Layers made inside the scope are rematerialised as it says.

    Args:
        mode: "full" for every layer, "activations" for activation functions only, "larger_than" for layers whose output
            has more than `output_size_threshold` elements, "list_of_layers" for those in `layer_names`, None for none.
        output_size_threshold: elements.
        layer_names: names of layers.

    Raises:
        ArgumentError: for another mode.
    """

    def __init__(
        self,
        mode: str | None = "full",
        output_size_threshold: int = 1024,
        layer_names: Iterable[str] | None = None,
    ):
        if mode not in _MODES:
            raise ArgumentError(f"Invalid mode {mode!r}. Expected one of {_MODES}.")
        self.mode = mode
        self.output_size_threshold = output_size_threshold
        self.layer_names = list(layer_names or [])

    def __enter__(self) -> "RematScope":
        self._token = _scope.set(self)
        return self

    def __exit__(self, *exc: object) -> None:
        _scope.reset(self._token)


def current_remat_scope() -> RematScope | None:
    """The innermost `RematScope`, or None."""
    return _scope.get()


def remat(f: Callable) -> Callable[..., Any]:
    """`f`, its intermediate values recomputed in the backward pass instead of kept.

    What `f` assigns to variables is assigned once, and computing again begins with their values of before: a dropout
    drops the same elements both times.
    """

    def run(*args: Any, **kwargs: Any) -> Any:
        before: list[tuple] = []
        touched: list = []
        layers: list = []

        def pure(*args: Any) -> tuple:
            with _scopes.StatelessScope(before, collect_losses=True) as scope:
                result = f(*args, **kwargs)
            updates = scope.updates()
            touched[:] = [variable for variable, _ in updates]
            layers[:] = [layer for layer, _ in scope.losses]
            with _scopes.autocast_scope(None):
                before[:] = before or [(variable, variable.value) for variable in touched]
            return result, [value for _, value in updates], [loss for _, loss in scope.losses]

        result, values, losses = _registry.active().remat(pure)(*args)
        for variable, value in zip(touched, values):
            variable.assign(value)
        for layer, loss in zip(layers, losses):
            layer.add_loss(loss)
        return result

    return run
