"""Masks travel with tensors: `mask_of(x)` is what the layer that made `x` said about which of its steps are real.

A mask is kept beside the tensor for as long as the tensor lives, in a table of weak references: tracers of a compiled
program take no attributes.
"""

import contextlib
import weakref
from typing import Any

_masks: dict[int, tuple[Any, Any, Any]] = {}


def set_mask(tensor: Any, mask: Any, maker: str | None = None) -> None:
    """Remember `mask` for `tensor` (None: forget), and how messages call what made it."""
    key = id(tensor)
    if mask is None:
        _masks.pop(key, None)
        return
    try:
        reference = weakref.ref(tensor, lambda _: _masks.pop(key, None))
    except TypeError:
        return
    _masks[key] = (reference, mask, maker)
    with contextlib.suppress(AttributeError, TypeError):  # where programs for Keras look for it
        tensor._keras_mask = mask


def mask_of(tensor: Any) -> Any:
    """The mask of `tensor`, or None."""
    entry = _masks.get(id(tensor))
    if entry is not None and entry[0]() is tensor:
        return entry[1]
    return None


def maker_of(tensor: Any) -> str | None:
    """How messages call the layer that made the mask of `tensor`; None where nobody said, or there is no mask."""
    entry = _masks.get(id(tensor))
    return entry[2] if entry is not None and entry[0]() is tensor else None
