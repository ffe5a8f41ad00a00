"""Native kernels that stand in for portable ops on JAX, by the op's name.

Each is tied to its definition by a parity test, and earned its place with a benchmark.
"""

from collections.abc import Callable

from lamella.backend._jax_recurrence import recurrence

OVERRIDES: dict[str, Callable] = {"recurrence": recurrence}
