"""Element by element: arithmetic, comparison, logic, rounding, exponentials, trigonometry."""

from lamella.core._arrays import promote
from lamella.core._operation import op
from lamella.typing import Array, ArrayLike

__all__ = ["add"]


@op
def add(x1: ArrayLike, x2: ArrayLike) -> Array:
    """`x1 + x2`, element by element.

    Args:
        x1, x2: arrays that broadcast against each other. Booleans add as "or".

    Returns:
        An array of the common shape and dtype.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.add([1, 2], [3, 4])).tolist()
        [4, 6]
    """
    xp, x1, x2 = promote(x1, x2)
    return xp.add(x1, x2)
