"""What a file says about who wrote it."""

import datetime
from typing import Any

from lamella._version import __version__

__all__ = ["BACKEND", "KERAS_VERSION", "metadata"]

KERAS_VERSION = "3.15.1"  # the version whose files these are
BACKEND = "jax"


def metadata() -> dict[str, Any]:
    """The content of `metadata.json`."""
    now = datetime.datetime.now().strftime("%Y-%m-%d@%H:%M:%S")
    return {"keras_version": KERAS_VERSION, "date_saved": now, "lamella_version": __version__}
