"""Masks on their way through a layer: from its inputs into its call, and on to its outputs.

Nothing is dropped in silence: a layer that can neither use the mask of its input nor pass it on says so once, and names
the layer that made the mask. `watching` tells what becomes of the masks at every call.
"""

import contextvars
import warnings
import weakref
from collections.abc import Callable
from typing import Any, NamedTuple

from lamella.core import _tree
from lamella.core._masks import maker_of, mask_of, set_mask
from lamella.layers._call import CallArguments, is_mask_taken, signature_of
from lamella.layers._options import label

_UNKNOWN = "the caller"
_warned: weakref.WeakSet = weakref.WeakSet()


class MaskEvent(NamedTuple):
    """What became of the masks at one call.

    Attributes:
        layer: the layer, or whatever else was called.
        fate: "makes", "passes on", "uses", "loses", or "hands to its layers".
        makers: how the layers are called whose masks came in.
        uses: whether the computation took a mask.
    """

    layer: Any
    fate: str
    makers: tuple[str, ...]
    uses: bool


_watcher: contextvars.ContextVar[Callable[[MaskEvent], None] | None] = contextvars.ContextVar(
    "mask_watcher", default=None
)


class watching:
    """Inside it, `told(event)` is called after every layer call that a mask enters or leaves."""

    def __init__(self, told: Callable[[MaskEvent], None]):
        self._told = told

    def __enter__(self) -> None:
        self._token = _watcher.set(self._told)

    def __exit__(self, *exc: object) -> None:
        _watcher.reset(self._token)


def with_masks(arguments: CallArguments, accepted: Any, kwargs: dict) -> dict:
    """`kwargs`, and the masks of the tensors that the call takes, under the names that it takes them by."""
    for name, value in arguments.tensors.items():
        key = _parameter(arguments, accepted, name)
        if key not in accepted or arguments.given.get(key) is not None:
            continue
        masks = _tree.map_structure(mask_of, value)
        if any(m is not None for m in _tree.flatten(masks)):
            kwargs = {**kwargs, key: masks}
    return kwargs


def masks_taken(arguments: CallArguments, accepted: Any) -> frozenset[int]:
    """The `id`s of the tensors whose masks the call takes."""
    return frozenset(
        id(x)
        for name, value in arguments.tensors.items()
        if _parameter(arguments, accepted, name) in accepted
        for x in _tree.flatten(value)
        if mask_of(x) is not None
    )


def _parameter(arguments: CallArguments, accepted: Any, name: str) -> str:
    """The parameter of `call` that takes the mask of its argument `name`."""
    return "mask" if len(arguments.tensors) == 1 and "mask" in accepted else f"{name}_mask"


def pass_mask_on(layer: Any, arguments: CallArguments, outputs: Any, computes_masks: bool) -> None:
    """Give the outputs of a layer that supports masking the mask that follows from those of the inputs.

    `computes_masks` says whether the layer has a `compute_mask` of its own.
    """
    if not arguments.tensors:
        return
    leaves = _tree.flatten(list(arguments.tensors.values()))
    leaves = [x for x in leaves if mask_of(x) is not None and not is_mask_taken(x)]
    makers = tuple(dict.fromkeys(maker_of(x) or _UNKNOWN for x in leaves))
    if layer.supports_masking:
        _give_masks(layer, arguments, outputs, computes_masks, makers[0] if makers else None)
    passed = any(mask_of(output) is not None for output in _tree.flatten(outputs))
    if makers or passed:
        _tell(layer, arguments, makers, passed)


def _give_masks(layer: Any, arguments: CallArguments, outputs: Any, computes_masks: bool, maker: str | None) -> None:
    first = next(iter(arguments.tensors.values()))
    previous = _tree.map_structure(mask_of, first)
    explicit = arguments.given.get("mask")
    if explicit is not None and all(m is None for m in _tree.flatten(previous)):
        previous, maker = explicit, _UNKNOWN
    has_mask = any(m is not None for m in _tree.flatten(previous))
    if not has_mask and not computes_masks:
        return
    flat = _tree.flatten(outputs)
    if all(mask_of(o) is not None for o in flat):
        return
    masks = layer.compute_mask(first, previous)
    if masks is None:
        return
    for output, mask in zip(flat, _tree.flatten(masks)):  # one mask is that of the first output
        if mask is not None and mask_of(output) is None:
            set_mask(output, mask, maker or label(layer))


def _tell(layer: Any, arguments: CallArguments, makers: tuple[str, ...], passed: bool) -> None:
    """Warn of a mask that is lost, and tell who watches what became of it."""
    accepted = signature_of(type(layer).call).parameters
    uses = bool(masks_taken(arguments, accepted))
    if not makers:
        fate = "makes"
    elif layer._layers and not uses:
        fate = "hands to its layers"
    elif passed:
        fate = "passes on"
    elif uses or layer.supports_masking:
        fate = "uses"
    else:
        fate = "loses"
        _warn(layer, makers)
    told = _watcher.get()
    if told is not None:
        told(MaskEvent(layer, fate, makers, uses))


def _warn(layer: Any, makers: tuple[str, ...]) -> None:
    if layer in _warned:
        return
    _warned.add(layer)
    warnings.warn(
        f"{label(layer)} was passed an input with a mask, made by {' and '.join(makers)}, but it does not support masking: "
        "the mask is lost here, and the layers behind it compute on padding as if it were data. Remove the padding "
        "before it, or, in a layer of your own, set `self.supports_masking = True` to pass the mask on, or take it "
        "as the argument `mask` of `call`. `model.explain_masks()` lists where masks go.",
        stacklevel=4,
    )
