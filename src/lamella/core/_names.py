"""Default names: `dense`, `dense_1`, ... counted per process until `clear_session`."""

import collections
import re

_counts: collections.Counter = collections.Counter()


def snake_case(name: str) -> str:
    """`"BatchNormalization"` -> `"batch_normalization"`, `"Conv2DTranspose"` -> `"conv2d_transpose"`."""
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def unique_name(prefix: str) -> str:
    """`prefix` at the first call, then `prefix_1`, `prefix_2`, ..."""
    count = _counts[prefix]
    _counts[prefix] += 1
    return f"{prefix}_{count}" if count else prefix


def get_uid(prefix: str = "") -> int:
    """How many times names with `prefix` were asked for, this call included: 1, 2, ..."""
    _counts[prefix] += 1
    return _counts[prefix]


def reset_names() -> None:
    """Start counting from the beginning."""
    _counts.clear()
