"""Which array library answers: the active one, the one of a block, or the one an array belongs to."""

import contextlib
import contextvars
import importlib
import importlib.metadata
import os
from collections.abc import Iterable, Iterator
from typing import Any

from lamella._lazy import gc_paused
from lamella.backend._adapter import Adapter
from lamella.errors import BackendError, unknown_name
from lamella.typing import Array

_ADAPTERS = {
    "jax": "lamella.backend._jax:JaxAdapter",
    "numpy": "lamella.backend._numpy:NumpyAdapter",
    "torch": "lamella.backend._torch:TorchAdapter",
    "tensorflow": "lamella.backend._tensorflow:TensorflowAdapter",
}
# Packages whose arrays pick their adapter. NumPy's do not: they are data, and go to whichever adapter is active.
_ROOTS = {"jax": "jax", "jaxlib": "jax", "torch": "torch", "tensorflow": "tensorflow"}

_loaded: dict[str, Adapter] = {}
_owners: dict[type, str | None] = {}
_override: contextvars.ContextVar[Adapter | None] = contextvars.ContextVar("lamella_backend", default=None)
_default: Adapter | None = None


def known() -> list[str]:
    """The names that `use` and `LAMELLA_BACKEND` accept, installed third-party adapters included."""
    return sorted({*_ADAPTERS, *_entry_points()})


def _entry_points() -> dict[str, Any]:
    return {e.name: e for e in importlib.metadata.entry_points(group="lamella.backends")}


def get(name: str) -> Adapter:
    """The adapter called `name`, loaded at the first call.

    Raises:
        UnknownNameError: when there is no such adapter.
        BackendError: when its library is not installed.
    """
    if name in _loaded:
        return _loaded[name]
    if name in _ADAPTERS:
        module, attribute = _ADAPTERS[name].split(":")
        try:
            with gc_paused(), _random_states_kept():
                factory = getattr(importlib.import_module(module), attribute)
        except ModuleNotFoundError as error:
            raise BackendError(
                f"The {name!r} backend needs the package {error.name!r}, which is not installed. "
                f"Install it (pip install 'lamella[{name}]') or choose another: {', '.join(known())}."
            ) from error
    elif name in (points := _entry_points()):
        factory = points[name].load()
    else:
        raise unknown_name("backend", name, known())
    return register(name, factory())


@contextlib.contextmanager
def _random_states_kept() -> Iterator[None]:
    """The state of Python's and NumPy's global generators after this block is that before it: imports draw from them."""
    import random

    import numpy

    python, array = random.getstate(), numpy.random.get_state()
    try:
        yield
    finally:
        random.setstate(python)
        numpy.random.set_state(array)


def register(name: str, adapter: Adapter) -> Adapter:
    """Make `adapter` known as `name`, for this process; its arrays pick it from now on."""
    _loaded[name] = adapter
    for root in adapter.roots:
        _ROOTS.setdefault(root, name)
    _owners.clear()
    return adapter


def default_name() -> str:
    """The backend of this process: `LAMELLA_BACKEND`, else `KERAS_BACKEND`, else `"jax"`."""
    return os.environ.get("LAMELLA_BACKEND") or os.environ.get("KERAS_BACKEND") or "jax"


def backend() -> str:
    """The name of the backend that is active here, such as `"jax"`."""
    override = _override.get()
    if override is not None:
        return override.name
    return _default.name if _default is not None else default_name()


def active() -> Adapter:
    """The adapter that is active here."""
    global _default
    override = _override.get()
    if override is not None:
        return override
    if _default is None:
        _default = get(default_name())
    return _default


def set_backend(backend: str) -> None:
    """Change the backend of this process.

    Models and variables made before keep the arrays they have; make them anew.

    Args:
        backend: "jax", "numpy", "torch", "tensorflow", or the name of an installed third-party adapter.

    Raises:
        UnknownNameError: when there is no such backend.
        BackendError: when its library is not installed.
    """
    global _default
    _default = get(backend)


@contextlib.contextmanager
def use(name: str | Adapter) -> Iterator[Adapter]:
    """Make `name` the active backend inside the block.

    Args:
        name: "jax", "numpy", "torch", "tensorflow", the name of an installed third-party adapter, or an adapter.

    Raises:
        UnknownNameError: when there is no such backend.
        BackendError: when its library is not installed.
    """
    adapter = name if isinstance(name, Adapter) else get(name)
    token = _override.set(adapter)
    try:
        yield adapter
    finally:
        _override.reset(token)


def owner(value: object) -> str | None:
    """The backend whose array `value` is, or None (NumPy arrays and Python values included)."""
    kind = type(value)
    try:
        return _owners[kind]
    except KeyError:
        name = None
        for base in kind.__mro__[:-1]:
            name = _ROOTS.get(base.__module__.partition(".")[0])
            if name is not None:
                break
        if name is not None and not get(name).owns(value):
            name = None
        _owners[kind] = name
        return name


def owner_of_any(values: Iterable[object]) -> Adapter:
    """The adapter to compute with for `values`: the active one, unless every array belongs to others."""
    current = active()
    foreign = None
    for value in values:
        name = owner(value)
        if name is None:
            continue
        if name == current.name:
            return current
        foreign = foreign or name
    return get(foreign) if foreign else current


def namespace() -> Any:
    """The array namespace that is active here: the array API standard by NumPy's names."""
    return active().xp


def to_numpy(value: Array) -> Any:
    """`value` as a NumPy array, whichever library it belongs to."""
    from lamella.backend._numpy_arrays import numpy_array

    name = owner(value)
    return get(name).to_numpy(value) if name else numpy_array(value)
