"""Products of arrays on JAX: on a CPU as one product of two matrices, whatever the number of axes.

The gradients of a product of matrices are products of matrices. Those of a product of arrays with more axes sum over
several, which XLA on a CPU does only after it has copied the operands, transposed: a fifth of a transformer's training
step.
"""

import math
import string
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp


def matmul(x1: Any, x2: Any, accumulate: Any = None) -> Any:
    if x1.ndim > 2 and x2.ndim == 2 and _gains(x1):
        return _product(x1, x2, Matrices(1, 1, 0, False), accumulate)
    return jnp.matmul(x1, x2, preferred_element_type=accumulate)


def einsum(subscripts: str, *operands: Any, accumulate: Any = None) -> Any:
    if len(operands) == 2 and max(x.ndim for x in operands) > 2 and _gains(operands[0]):
        found = matrices(subscripts, *(x.shape for x in operands))
        if found is not None:
            return _product(*operands, found, accumulate)
    return jnp.einsum(subscripts, *operands, preferred_element_type=accumulate)


def _gains(x: Any) -> bool:
    return jnp.issubdtype(x.dtype, jnp.floating) and jax.default_backend() == "cpu"


class Matrices(NamedTuple):
    """How a product of two arrays is one of two matrices."""

    summed: int
    """How many axes are summed over."""
    first: int
    """1 if they are the last of the first array, 0 if they are its first."""
    second: int
    """The same of the second array."""
    swapped: bool
    """Whether the axes that the second array keeps come first in the result."""


def matrices(subscripts: str, *shapes: tuple) -> Matrices | None:
    """The product of matrices that an einsum of two arrays is without a transposition; None if there is none."""
    terms, arrow, result = subscripts.replace(" ", "").partition("->")
    named = _without_ellipsis([*terms.split(","), result], shapes)
    if not arrow or named is None:
        return None
    first, second, result = named
    sizes = dict(zip(first, shapes[0]))
    if len({*first}) < len(first) or len({*second}) < len(second):
        return None
    if (len(first), len(second)) != tuple(map(len, shapes)) or any(
        sizes.get(letter, size) != size for letter, size in zip(second, shapes[1])
    ):
        return None
    summed = "".join(letter for letter in first if letter in second)
    rows, columns = (term.replace(summed, "", 1) for term in (first, second))
    if not summed or result not in (rows + columns, columns + rows):
        return None
    ends = [term.endswith(summed) for term in (first, second)]
    if not all(end or term.startswith(summed) for end, term in zip(ends, (first, second))):
        return None
    return Matrices(len(summed), int(ends[0]), int(ends[1]), result != rows + columns)


def _without_ellipsis(terms: list[str], shapes: tuple) -> list[str] | None:
    """`terms` with letters for the axes of an ellipsis, which one of the arrays may have, and the result."""
    if len(terms) != 3:
        return None
    having = [i for i, term in enumerate(terms[:2]) if "..." in term]
    if not having:
        return None if "." in terms[2] else terms
    if len(having) > 1 or "..." not in terms[2]:
        return None
    (i,) = having
    unused = [letter for letter in string.ascii_letters if letter not in "".join(terms)]
    letters = "".join(unused[: max(0, len(shapes[i]) - len(terms[i]) + 3)])
    return [term.replace("...", letters) for term in terms]


def _product(x1: Any, x2: Any, how: Matrices, accumulate: Any) -> Any:
    (x1, rows), (x2, columns) = _matrix(x1, how.summed, how.first), _matrix(x2, how.summed, how.second)
    first, second = how.first, how.second
    if how.swapped:
        x1, x2, first, second, rows, columns = x2, x1, second, first, columns, rows
    dimensions = (((first,), (second,)), ((), ()))
    return jax.lax.dot_general(x1, x2, dimensions, preferred_element_type=accumulate).reshape(rows + columns)


def _matrix(x: Any, summed: int, last: int) -> tuple[Any, tuple]:
    """`x` with its `summed` last (or first) axes as one and the others as one, and the sizes of the others."""
    shape = tuple(x.shape)
    middle = len(shape) - summed if last else summed
    parts = shape[:middle], shape[middle:]
    return x.reshape(tuple(map(math.prod, parts))), parts[1 - last]
