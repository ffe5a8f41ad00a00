"""Masks on their way through a layer: from its inputs into its call, and on to its outputs."""

from typing import Any

from lamella.core import _tree
from lamella.core._masks import mask_of, set_mask
from lamella.layers._call import CallArguments


def with_masks(arguments: CallArguments, accepted: Any, kwargs: dict) -> dict:
    """`kwargs`, and the masks of the tensors that the call takes, under the names that it takes them by."""
    single = len(arguments.tensors) == 1
    for name, value in arguments.tensors.items():
        key = "mask" if single and "mask" in accepted else f"{name}_mask"
        if key not in accepted or arguments.given.get(key) is not None:
            continue
        masks = _tree.map_structure(mask_of, value)
        if any(m is not None for m in _tree.flatten(masks)):
            kwargs = {**kwargs, key: masks}
    return kwargs


def pass_mask_on(layer: Any, arguments: CallArguments, outputs: Any, computes_masks: bool) -> None:
    """Give the outputs of a layer that supports masking the mask that follows from those of the inputs.

    `computes_masks` says whether the layer has a `compute_mask` of its own.
    """
    if not layer.supports_masking or not arguments.tensors:
        return
    first = next(iter(arguments.tensors.values()))
    previous = _tree.map_structure(mask_of, first)
    explicit = arguments.given.get("mask")
    if explicit is not None and all(m is None for m in _tree.flatten(previous)):
        previous = explicit
    has_mask = any(m is not None for m in _tree.flatten(previous))
    if not has_mask and not computes_masks:
        return
    flat = _tree.flatten(outputs)
    if any(mask_of(o) is not None for o in flat):
        return
    masks = layer.compute_mask(first, previous)
    if masks is None:
        return
    flat_masks = _tree.flatten(masks)
    if len(flat_masks) == len(flat):
        for output, mask in zip(flat, flat_masks):
            if mask is not None:
                set_mask(output, mask)
