"""Penalties on the size of weights or outputs, which are added to the loss."""

import math
from typing import Any

import numpy as np

from lamella import ops
from lamella.core._arrays import dtype_of
from lamella.core._family import Member
from lamella.errors import ArgumentError, ShapeError
from lamella.typing import Array, ArrayLike

__all__ = ["L1", "L2", "L1L2", "OrthogonalRegularizer", "Regularizer"]


class Regularizer(Member):
    """Maps an array to a penalty, a scalar.

    A subclass defines `__call__(self, x)` and `get_config`.

    Example:
        >>> import lamella
        >>> class Cubes(lamella.Regularizer):
        ...     def __call__(self, x):
        ...         return lamella.ops.sum(abs(x) ** 3)
        >>> float(Cubes()(lamella.ops.array([1.0, -2.0])))
        9.0
    """

    def __call__(self, x: ArrayLike) -> Array:
        """The penalty of `x`.

        Args:
            x: an array of any shape.

        Returns:
            A scalar; 0 where the class does not define it.
        """
        return 0.0

    def get_config(self) -> dict:
        """Its arguments.

        Raises:
            NotImplementedError: where the class does not define it.
        """
        raise NotImplementedError(
            f"The regularizer {type(self).__name__} cannot be saved: it does not define `get_config()`, "
            "which returns the arguments of its constructor."
        )


class L1L2(Regularizer):
    """`l1 * sum(|x|) + l2 * sum(x²)`.

    Zou and Hastie (2005), "Regularization and variable selection via the elastic net".

    Args:
        l1: the weight of the absolute values, at least 0.
        l2: the weight of the squares, at least 0.

    Raises:
        ArgumentError: for a weight that is not a finite number of at least 0.

    Example:
        >>> import lamella
        >>> float(lamella.regularizers.L1L2(l1=0.5, l2=0.25)([1.0, -2.0]))
        2.75
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0):
        self.l1 = _factor("l1", l1, 0.0)
        self.l2 = _factor("l2", l2, 0.0)

    def __call__(self, x: ArrayLike) -> Array:
        penalties = []
        if self.l1:
            penalties.append(self.l1 * ops.sum(ops.absolute(x)))
        if self.l2:
            penalties.append(self.l2 * ops.sum(ops.square(x)))
        return sum(penalties[1:], penalties[0]) if penalties else ops.zeros((), dtype_of(ops.convert_to_tensor(x)))

    def get_config(self) -> dict:
        """Its arguments."""
        return {"l1": float(self.l1), "l2": float(self.l2)}


class L1(Regularizer):
    """`l1 * sum(|x|)`, which drives weights to exactly 0.

    Tibshirani (1996), "Regression shrinkage and selection via the lasso".

    Args:
        l1: the weight of the absolute values, at least 0.

    Raises:
        ArgumentError: for a weight that is not a finite number of at least 0.

    Example:
        >>> import lamella
        >>> float(lamella.regularizers.L1(0.5)([1.0, -2.0]))
        1.5
    """

    def __init__(self, l1: float = 0.01):
        self.l1 = _single(_factor("l1", l1, 0.01))

    def __call__(self, x: ArrayLike) -> Array:
        return self.l1 * ops.sum(ops.absolute(x))

    def get_config(self) -> dict:
        """Its arguments."""
        return {"l1": self.l1}


class L2(Regularizer):
    """`l2 * sum(x²)`, also known as weight decay or ridge.

    Krogh and Hertz (1991), "A simple weight decay can improve generalization".

    Args:
        l2: the weight of the squares, at least 0.

    Raises:
        ArgumentError: for a weight that is not a finite number of at least 0.

    Example:
        >>> import lamella
        >>> float(lamella.regularizers.L2(0.5)([1.0, -2.0]))
        2.5
    """

    def __init__(self, l2: float = 0.01):
        self.l2 = _factor("l2", l2, 0.01)

    def __call__(self, x: ArrayLike) -> Array:
        return self.l2 * ops.sum(ops.square(x))

    def get_config(self) -> dict:
        """Its arguments."""
        return {"l2": float(self.l2)}


class OrthogonalRegularizer(Regularizer):
    """`factor` times the mean |cosine| between two different rows (or columns) of a matrix.

    Each is divided by its length; the mean is over the pairs. Vorontsov et al. (2017), arXiv:1702.00071, on
    why weights that stay orthogonal train well.

    Args:
        factor: the weight of the penalty, at least 0.
        mode: "rows" or "columns".

    Raises:
        ArgumentError: for a factor that is not a finite number of at least 0, or another `mode`.

    Example:
        >>> import lamella
        >>> float(lamella.regularizers.OrthogonalRegularizer(0.5)([[2.0, 0.0], [0.0, 3.0]]))
        0.0
    """

    def __init__(self, factor: float = 0.01, mode: str = "rows"):
        self.factor = _single(_factor("factor", factor))
        if mode not in ("rows", "columns"):
            raise ArgumentError(f"The `mode` of OrthogonalRegularizer must be 'rows' or 'columns'; got {mode!r}.")
        self.mode = mode

    def __call__(self, x: ArrayLike) -> Array:
        x = ops.convert_to_tensor(x)
        shape = tuple(x.shape)
        if len(shape) != 2:
            raise ShapeError(f"OrthogonalRegularizer needs a matrix; got shape {shape}.")
        rows = x if self.mode == "rows" else ops.transpose(x)
        count = shape[0] if self.mode == "rows" else shape[1]
        squares = ops.sum(ops.square(rows), axis=1, keepdims=True)
        rows = rows / ops.sqrt(ops.where(squares > 0, squares, 1))
        cosines = ops.matmul(rows, ops.transpose(rows)) * (1.0 - ops.eye(count, dtype=dtype_of(rows)))
        pairs = count * (count - 1.0) / 2.0
        return self.factor * 0.5 * ops.sum(ops.absolute(cosines)) / pairs

    def get_config(self) -> dict:
        """Its arguments."""
        return {"factor": self.factor, "mode": self.mode}


def _factor(name: str, value: Any, default: float | None = None) -> float:
    if value is None and default is not None:
        return default
    if not isinstance(value, (int, float)) or not math.isfinite(value) or value < 0:
        raise ArgumentError(f"The `{name}` of a regularizer must be a finite number of at least 0; got {value!r}.")
    return value


def _single(value: float) -> float:
    """Rounded to float32, as Keras keeps (and saves) some of these factors."""
    return float(np.float32(value))
