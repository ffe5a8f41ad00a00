"""The distribution in force: where variables and batches are laid out. `lamella.distribution` sets it."""

from typing import Any

_current: list[Any] = [None]


def current() -> Any:
    """The distribution in force, or None."""
    return _current[0]


def set_current(value: Any) -> None:
    """Make `value` the distribution in force; None for none."""
    _current[0] = value


def laid_out(array: Any, layout: Any) -> Any:
    """`array` over the devices of `layout`; as it is where that is None."""
    if layout is None:
        return array
    from lamella.backend import _registry

    parallel = _registry.owner_of_any([array]).distribution
    return array if parallel is None else parallel.distribute(array, getattr(layout, "backend_layout", layout))


def replicated(array: Any) -> Any:
    """`array` on every device of the distribution in force."""
    return array if _current[0] is None else _current[0].replicate(array)


def batch_laid_out(array: Any) -> Any:
    """A batch with its samples over the devices of the distribution in force, where they divide evenly."""
    return array if _current[0] is None or array is None else _current[0].lay_out_batch(array)


def on_one_device(array: Any) -> Any:
    """An array that a program of the distribution in force replicated, on one device again."""
    if _current[0] is None:
        return array
    from lamella.backend import _registry

    parallel = _registry.owner_of_any([array]).distribution
    return array if parallel is None else parallel.one_copy(array)
