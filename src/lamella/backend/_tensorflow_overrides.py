"""Native kernels that stand in for portable ops on TensorFlow, by the op's name.

Each is tied to its definition by a parity test, and earned its place with a benchmark.
"""

from collections.abc import Callable

OVERRIDES: dict[str, Callable] = {}
