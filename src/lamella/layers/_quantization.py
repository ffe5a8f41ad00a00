"""What is asked of `quantize`: a mode, of a layer that has weights to quantize."""

from typing import Any

from lamella.core._quantized_policy import QUANTIZATION_MODES
from lamella.errors import ArgumentError, NotBuiltError

__all__ = ["asked_mode"]


def asked_mode(layer: Any, mode: Any, config: Any) -> str:
    """The mode that `mode`, or else `config`, asks `layer` to be quantized to.

    Raises:
        ArgumentError: when neither says one, or there is no such mode.
        NotBuiltError: when the layer has no weights yet.
    """
    if mode is None:
        if config is None:
            raise ArgumentError(f"Give `quantize` of {layer.name!r} a `mode` or a `config`; got neither.")
        mode = config.mode
    if mode not in QUANTIZATION_MODES:
        raise ArgumentError(
            f"Invalid quantization mode. Expected one of {QUANTIZATION_MODES}. Received: mode={mode!r}."
        )
    if not layer.built:
        raise NotBuiltError(
            f"Cannot quantize {layer.name!r} ({type(layer).__name__}): it is not built yet. Call it on data, or call "
            "build(input_shape), first."
        )
    return mode
