"""What surrounds a computation: substituted state, the dtype to compute in, the path of names.

Each scope is a context manager kept in a context variable, so threads and async tasks do not see each other's.
"""

import contextlib
import contextvars
from collections.abc import Iterable, Iterator
from typing import Any

from lamella.errors import ArgumentError

_stateless: contextvars.ContextVar["StatelessScope | None"] = contextvars.ContextVar("stateless", default=None)
_symbolic: contextvars.ContextVar["SymbolicScope | None"] = contextvars.ContextVar("symbolic", default=None)
_compute_dtype: contextvars.ContextVar[str | None] = contextvars.ContextVar("compute_dtype", default=None)
_path: contextvars.ContextVar[tuple["name_scope", ...]] = contextvars.ContextVar("path", default=())


class StatelessScope:
    """Inside it, variables read from and write to a mapping instead of themselves.

    Model code that says `self.count.assign_add(1)` is then a pure function of the mapping, which may hold traced values.

    Args:
        state_mapping: pairs `(Variable, value)`.
        collect_losses: gather `add_loss` calls here instead of on the layers.
        initialize_variables: kept for Keras; variables made inside the scope always have their initial value.

    Raises:
        ArgumentError: when a key is not a `Variable`, or a value's shape is not the variable's.
    """

    def __init__(
        self,
        state_mapping: Iterable[tuple[Any, Any]] | None = None,
        collect_losses: bool = False,
        initialize_variables: bool = True,
    ):
        from lamella.backend._registry import active
        from lamella.core._variable import Variable

        self.collect_losses = collect_losses
        self.initialize_variables = initialize_variables
        self.losses: list = []
        self.state_mapping: dict[int, Any] = {}
        self._variables: dict[int, Any] = {}
        self._tokens: list = []
        self._parent: StatelessScope | None = None
        for variable, value in state_mapping or ():
            if not isinstance(variable, Variable):
                raise ArgumentError(
                    f"Keys of `state_mapping` must be Variables; got {variable!r} of type {type(variable).__name__}."
                )
            value = active().asarray(value, variable.dtype)
            if tuple(value.shape) != tuple(variable.shape):
                raise ArgumentError(
                    f"The value given for variable {variable.path!r} has shape {tuple(value.shape)}; "
                    f"the variable has shape {tuple(variable.shape)}."
                )
            self._set(variable, value)

    def __enter__(self) -> "StatelessScope":
        self._parent = _stateless.get()
        self._tokens.append(_stateless.set(self))
        return self

    def __exit__(self, *exc: object) -> None:
        _stateless.reset(self._tokens.pop())

    def _set(self, variable: Any, value: Any) -> None:
        self.state_mapping[id(variable)] = value
        self._variables[id(variable)] = variable

    def add_loss(self, loss: Any) -> None:
        """Keep `loss` for whoever opened the scope."""
        self.losses.append(loss)

    def add_update(self, update: tuple[Any, Any]) -> None:
        """Give a variable a new value inside the scope; `update` is `(variable, value)`."""
        self._set(*update)

    def get_current_value(self, variable: Any) -> Any:
        """The value that `variable` has inside the scope or those around it, or None when none knows it."""
        scope: StatelessScope | None = self
        while scope is not None:
            value = scope.state_mapping.get(id(variable))
            if value is not None:
                return value
            scope = scope._parent
        return None

    def updates(self) -> list[tuple[Any, Any]]:
        """Pairs `(Variable, value)` of everything the scope knows."""
        return [(self._variables[key], value) for key, value in self.state_mapping.items()]


class SymbolicScope:
    """Inside it, layers run on stand-ins that have a shape and a dtype but no values.

    Attributes:
        adapter: the one that was active around it.
        runs_on: the name of the backend whose arrays the stand-ins are.
    """

    def __init__(self) -> None:
        from lamella.backend._registry import active

        self.adapter = active()
        self.runs_on = "jax"
        self._tokens: list = []

    def __enter__(self) -> "SymbolicScope":
        self._tokens.append(_symbolic.set(self))
        return self

    def __exit__(self, *exc: object) -> None:
        _symbolic.reset(self._tokens.pop())


def stateless_scope() -> StatelessScope | None:
    """The innermost `StatelessScope`, or None."""
    return _stateless.get()


def in_stateless_scope() -> bool:
    """Whether variables are being substituted here."""
    return _stateless.get() is not None


def symbolic_scope() -> SymbolicScope | None:
    """The innermost `SymbolicScope`, or None."""
    return _symbolic.get()


@contextlib.contextmanager
def autocast_scope(dtype: str | None) -> Iterator[None]:
    """Inside it, floating variables that allow it read as `dtype` (None: as they are)."""
    token = _compute_dtype.set(dtype)
    try:
        yield
    finally:
        _compute_dtype.reset(token)


def autocast_dtype() -> str | None:
    """The dtype that floating variables read as here, or None."""
    return _compute_dtype.get()


class name_scope:
    """Variables made inside it have `name/` in front of their path.

    Args:
        name: a string without "/".
        caller: the object that opens the scope; of nested scopes with the same caller and name one counts.
        deduplicate: whether they do.
        override_parent: replaces the surrounding path: `""` for none. A leading "/" says nothing more.

    Raises:
        ArgumentError: for a name that is not a string or contains "/".
    """

    def __init__(self, name: str, caller: Any = None, deduplicate: bool = True, override_parent: str | None = None):
        if not isinstance(name, str) or "/" in name:
            raise ArgumentError(f"The `name` of a scope must be a string without '/'; got {name!r}.")
        self.name = name
        self.caller = caller
        self.deduplicate = deduplicate
        self.override_parent = override_parent
        self._tokens: list = []

    def __enter__(self) -> "name_scope":
        above = _path.get()
        if self.override_parent is not None:
            above = ()
            parent = self.override_parent.lstrip("/")
            path: tuple = (*((parent,) if parent else ()), self)
        elif self.deduplicate and above and self._repeats(above[-1]):
            path = above
        else:
            path = (*above, self)
        self._tokens.append(_path.set(path))
        return self

    def _repeats(self, around: Any) -> bool:
        same_caller = self.caller is not None and getattr(around, "caller", None) is self.caller
        return same_caller and around.name == self.name

    def __exit__(self, *exc: object) -> None:
        _path.reset(self._tokens.pop())


def current_path() -> str:
    """The names of the open scopes, joined by "/"."""
    return "/".join(entry if isinstance(entry, str) else entry.name for entry in _path.get())
