"""Projections that an optimizer applies to a variable after each update."""

from collections.abc import Sequence

from lamella import ops
from lamella.backend._dtypes import epsilon
from lamella.core._family import Member
from lamella.typing import Array, ArrayLike

__all__ = ["Constraint", "MaxNorm", "MinMaxNorm", "NonNeg", "UnitNorm"]


class Constraint(Member):
    """Maps the value of a variable to one that is allowed.

    A subclass defines `__call__(self, w)`, and `get_config` where its constructor takes arguments.

    Example:
        >>> import lamella
        >>> class Whole(lamella.constraints.Constraint):
        ...     def __call__(self, w):
        ...         return lamella.ops.round(w)
        >>> Whole()(lamella.ops.array([0.2, 1.7])).tolist()
        [0.0, 2.0]
    """

    def __call__(self, w: ArrayLike) -> Array:
        """The allowed value nearest to `w`, in the sense of the class; here `w` itself.

        Args:
            w: the value of a variable.

        Returns:
            An array of the same shape.
        """
        return ops.convert_to_tensor(w)


class MaxNorm(Constraint):
    """Scales down what is longer than `max_value`: `w * min(‖w‖, max_value) / (‖w‖ + epsilon())`.

    Srebro, Rennie and Jaakkola (2005), "Maximum-margin matrix factorization"; Srivastava et al. (2014),
    "Dropout", section 5.1.

    Args:
        max_value: the greatest length.
        axis: the axis or axes over which a length is taken: 0 for the weights of one unit of a Dense layer,
            `(0, 1, 2)` for those of one filter of a Conv2D.

    Example:
        >>> import lamella
        >>> lamella.constraints.MaxNorm(max_value=5)([[6.0, 3.0], [8.0, 4.0]]).round(2).tolist()
        [[3.0, 3.0], [4.0, 4.0]]
    """

    def __init__(self, max_value: float = 2, axis: int | Sequence[int] = 0):
        self.max_value = max_value
        self.axis = axis

    def __call__(self, w: ArrayLike) -> Array:
        norms = _norms(w, self.axis)
        return ops.multiply(w, ops.clip(norms, 0, self.max_value) / (epsilon() + norms))

    def get_config(self) -> dict:
        """Its arguments."""
        return {"max_value": self.max_value, "axis": self.axis}


class MinMaxNorm(Constraint):
    """Moves lengths into [min_value, max_value].

    `w * (rate * clip(‖w‖, min_value, max_value) + (1 - rate) * ‖w‖) / (‖w‖ + epsilon())`.

    Args:
        min_value: the least length.
        max_value: the greatest length.
        rate: how much of the way to go after each update, in (0, 1].
        axis: the axis or axes over which a length is taken, as in `MaxNorm`.

    Example:
        >>> import lamella
        >>> lamella.constraints.MinMaxNorm(1.0, 5.0)([[6.0], [8.0]]).round(2).tolist()
        [[3.0], [4.0]]
    """

    def __init__(
        self,
        min_value: float = 0.0,
        max_value: float = 1.0,
        rate: float = 1.0,
        axis: int | Sequence[int] = 0,
    ):
        self.min_value = min_value
        self.max_value = max_value
        self.rate = rate
        self.axis = axis

    def __call__(self, w: ArrayLike) -> Array:
        norms = _norms(w, self.axis)
        desired = self.rate * ops.clip(norms, self.min_value, self.max_value) + (1 - self.rate) * norms
        return ops.multiply(w, desired / (epsilon() + norms))

    def get_config(self) -> dict:
        """Its arguments."""
        return {
            "min_value": self.min_value,
            "max_value": self.max_value,
            "rate": self.rate,
            "axis": self.axis,
        }


class NonNeg(Constraint):
    """Negative elements become 0.

    Example:
        >>> import lamella
        >>> lamella.constraints.NonNeg()([-1.0, 2.0]).tolist()
        [0.0, 2.0]
    """

    def __call__(self, w: ArrayLike) -> Array:
        return ops.relu(w)


class UnitNorm(Constraint):
    """Every length becomes 1: `w / (‖w‖ + epsilon())`.

    Args:
        axis: the axis or axes over which a length is taken, as in `MaxNorm`.

    Example:
        >>> import lamella
        >>> lamella.constraints.UnitNorm()([[0.5], [-0.0]]).round(2).tolist()
        [[1.0], [-0.0]]
    """

    def __init__(self, axis: int | Sequence[int] = 0):
        self.axis = axis

    def __call__(self, w: ArrayLike) -> Array:
        return ops.divide(w, epsilon() + _norms(w, self.axis))

    def get_config(self) -> dict:
        """Its arguments."""
        return {"axis": self.axis}


def _norms(w: ArrayLike, axis: int | Sequence[int]) -> Array:
    axis = tuple(axis) if isinstance(axis, Sequence) else axis
    return ops.sqrt(ops.sum(ops.square(w), axis=axis, keepdims=True))
