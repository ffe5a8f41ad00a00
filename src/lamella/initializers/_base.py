"""What an initializer is."""

from typing import Any

import numpy as np

from lamella.backend import _dtypes, _registry
from lamella.core._family import Member
from lamella.typing import Array

__all__ = ["Initializer"]


class Initializer(Member):
    """Maps a shape and a dtype to the first value of a variable.

    A subclass defines `__call__(self, shape, dtype=None)`, and `get_config` where its constructor takes
    arguments.

    Example:
        >>> import lamella
        >>> class Sevens(lamella.initializers.Initializer):
        ...     def __call__(self, shape, dtype=None):
        ...         return lamella.ops.full(shape, 7, dtype=dtype)
        >>> lamella.Variable(Sevens(), shape=(2,)).numpy().tolist()
        [7.0, 7.0]
    """

    def __call__(self, shape: Any, dtype: str | None = None) -> Array:
        """The value of a variable of `shape` and `dtype`.

        Args:
            shape: a tuple of integers.
            dtype: defaults to `floatx()`.

        Raises:
            NotImplementedError: where the class does not define it.
        """
        raise NotImplementedError(f"The initializer {type(self).__name__} does not define `__call__()`.")

    def clone(self) -> "Initializer":
        """Another one with the same arguments."""
        return self.from_config(self.get_config())


def from_host(values: Any, dtype: str | None) -> Array:
    """NumPy values as an array of the active backend: no program is compiled to fill a variable."""
    return _registry.active().asarray(np.asarray(values), _dtypes.standardize_dtype(dtype))


def sizes(shape: Any) -> tuple[int, ...]:
    """`shape` as a tuple."""
    return (int(shape),) if np.ndim(shape) == 0 else tuple(shape)
