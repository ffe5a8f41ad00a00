"""Where new arrays are made."""

from typing import Any

from lamella.backend import _registry
from lamella.errors import ArgumentError


def device(device_name: str) -> Any:
    """A scope in which new arrays are made on the device `device_name`: "cpu:0", "gpu:1", ...

    Raises:
        ArgumentError: when the name is not a string.
    """
    if not isinstance(device_name, str):
        raise ArgumentError(
            f"Invalid value for argument `device_name`. Expected a string like 'gpu:0'; got {device_name!r}."
        )
    return _registry.active().device_scope(device_name)
