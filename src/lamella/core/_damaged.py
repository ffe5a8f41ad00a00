"""Texts and configurations that may be damaged: what they raise is an error of ours, which says so."""

import contextlib
import json
from collections.abc import Iterator
from typing import Any

from lamella.errors import LamellaError, SerializationError

__all__ = ["made_from", "parse_json"]


def parse_json(text: bytes | str, what: str) -> Any:
    """What the JSON `text` says.

    Raises:
        SerializationError: when it is no JSON, or is nested too deeply.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise SerializationError(f"{what} is nested too deeply.") from None
    except (ValueError, UnicodeDecodeError) as error:
        raise SerializationError(f"{what} is not JSON: {error}") from error


@contextlib.contextmanager
def made_from(what: str) -> Iterator[None]:
    """An error inside the block, where something is made from `what`, says so; those of ours say enough themselves.

    Raises:
        SerializationError: in place of the error, which is its cause.
    """
    try:
        yield
    except (LamellaError, ImportError, OSError, MemoryError):
        raise
    except RecursionError:
        raise SerializationError(f"{what} is nested too deeply.") from None
    except Exception as error:
        raise SerializationError(
            f"{what} is damaged, or is of a class whose `from_config` fails: {type(error).__name__}: {error}"
        ) from error
