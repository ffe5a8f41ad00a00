"""Trading memory for time: values that are computed again in the backward pass instead of kept.

Chen, Xu, Zhang and Guestrin (2016), "Training Deep Nets with Sublinear Memory Cost", arXiv:1604.06174.
"""

import contextvars
from collections.abc import Callable, Iterable
from typing import Any

from lamella.backend import _registry
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
    """`f`, its intermediate values recomputed in the backward pass instead of kept."""

    def run(*args: Any, **kwargs: Any) -> Any:
        return _registry.active().remat(lambda *a: f(*a, **kwargs))(*args)

    return run
