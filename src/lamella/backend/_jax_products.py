"""Products of two arrays on JAX.

A product is linear in each of its arrays, and both gradients are products of the same kind, so it is one primitive of
JAX's, whose terms are those of an einsum. It becomes machine code of our own on a CPU where there is some
(`_native_products`), whatever the order of the axes, and otherwise XLA's products: on a CPU as one product of two
matrices where that needs no transposition, since XLA copies the operands of others, a fifth of a transformer's
training step.
"""

import functools
import math
import string
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.core import ShapedArray, Tracer
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from lamella.backend import _jax_native, _native_products
from lamella.backend._native_products import Plan


def matmul(x1: Any, x2: Any, accumulate: Any = None) -> Any:
    first, second = x1.shape, x2.shape
    if len(first) > 1 and len(second) > 1 and (len(second) == 2 or first[:-2] == second[:-2]):
        if first[-1] == second[-2] and _floating(x1, x2):
            return _product(x1, x2, _matrix_terms(len(first), len(second)), accumulate)
    return jnp.matmul(x1, x2, preferred_element_type=accumulate)


def einsum(subscripts: str, *operands: Any, accumulate: Any = None) -> Any:
    if len(operands) == 2 and _floating(*operands):
        terms = _terms(subscripts, *(x.shape for x in operands))
        if terms is not None:
            return _product(*operands, terms, accumulate)
    return jnp.einsum(subscripts, *operands, preferred_element_type=accumulate)


def _floating(x1: Any, x2: Any) -> bool:
    """Whether there are formulations of our own."""
    kinds = jnp.issubdtype(x1.dtype, jnp.floating) and jnp.issubdtype(x2.dtype, jnp.floating)
    return kinds and jax.default_backend() == "cpu"


def _product(x1: Any, x2: Any, terms: tuple[str, str, str], accumulate: Any) -> Any:
    if accumulate in (None, "float32") and _jax_native.fits(x1, x2):
        traced = isinstance(x1, Tracer) or isinstance(x2, Tracer)
        return product_p.bind(x1, x2, terms=terms) if traced else _compiled(terms)(x1, x2)
    return _by_library(x1, x2, terms, accumulate)


@functools.cache
def _matrix_terms(first: int, second: int) -> tuple[str, str, str]:
    """Those of a product of matrices, of arrays with so many axes."""
    many = string.ascii_letters[: first - 2]
    return f"{many}XY", f"{many if second > 2 else ''}YZ", f"{many}XZ"


@functools.lru_cache(1024)
def _terms(subscripts: str, *shapes: tuple) -> tuple[str, str, str] | None:
    """A letter for each axis of two arrays and of their product, if each is in two of them at least."""
    given, arrow, result = subscripts.replace(" ", "").partition("->")
    named = _without_ellipsis([*given.split(","), result], shapes)
    if not arrow or named is None:
        return None
    first, second, result = named
    sizes = dict(zip(first, shapes[0]))
    if any(len({*term}) < len(term) for term in named) or (len(first), len(second)) != tuple(map(len, shapes)):
        return None
    if any(sizes.get(letter, size) != size for letter, size in zip(second, shapes[1])):
        return None
    joined = first + second + result
    return (first, second, result) if all(joined.count(letter) > 1 for letter in joined) else None


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


# ---- XLA's own -------------------------------------------------------------------------------------------


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


def matrices(first: str, second: str, result: str) -> Matrices | None:
    """The product of matrices that a product of two arrays is without a transposition; None if there is none."""
    summed = "".join(letter for letter in first if letter in second)
    rows, columns = (term.replace(summed, "", 1) for term in (first, second))
    if not summed or result not in (rows + columns, columns + rows):
        return None
    ends = [term.endswith(summed) for term in (first, second)]
    if not all(end or term.startswith(summed) for end, term in zip(ends, (first, second))):
        return None
    return Matrices(len(summed), int(ends[0]), int(ends[1]), result != rows + columns)


def _by_library(x1: Any, x2: Any, terms: tuple[str, str, str], accumulate: Any = None) -> Any:
    how = matrices(*terms) if max(x1.ndim, x2.ndim) > 2 else None
    if how is None:
        return jnp.einsum("{},{}->{}".format(*terms), x1, x2, preferred_element_type=accumulate)
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


# ---- machine code of our own -----------------------------------------------------------------------------


def plan(terms: tuple[str, str, str], *shapes: tuple) -> tuple[Plan, bool] | None:
    """How our machine code computes a product, and whether with its arrays changed; None if it cannot, or gains nothing."""
    first, second, result = terms
    sizes = {**dict(zip(first, shapes[0])), **dict(zip(second, shapes[1]))}
    if not result or 0 in sizes.values():
        return None
    swapped = result[-1] in first
    if swapped:
        first, second = second, first
    a, b, c = ({letter: _distance(term, letter, sizes) for letter in term} for term in (first, second, result))
    none = dict.fromkeys(sizes, 0)
    rows = _merged([letter for letter in result if letter not in b], sizes, a, none, c)
    columns = _merged([letter for letter in result if letter not in a], sizes, none, b, c)
    summed = _merged([letter for letter in first if letter not in c], sizes, a, b, none)
    batch = _merged([letter for letter in result if letter in a and letter in b], sizes, a, b, c)
    if not rows or not columns or len(summed) != 1:
        return None
    # Rows and columns of which there are none to be merged with are as good as products of their own.
    rows.sort()
    columns.sort(key=lambda axis: -axis[-1])
    batch = [(1, 0, 0, 0)] * (4 - len(rows) - len(columns) - len(batch) + 1) + batch + rows[:-1] + columns[:-1]
    (many_rows, a_row, _, c_row), (many_columns, _, b_column, step) = rows[-1], columns[-1]
    if len(batch) != 3 or step != 1 or many_rows < _LEAST_ROWS or many_columns < _LEAST_COLUMNS:
        return None
    ((terms_of_sum, a_summed, b_summed, _),) = summed
    sizes_of_batch, of_a, of_b, of_c = zip(*batch)
    where = (*of_a, a_row, a_summed, *of_b, b_summed, b_column, *of_c, c_row)
    return Plan._make([*sizes_of_batch, many_rows, many_columns, terms_of_sum, *where]), swapped


# Fewer are a vector's product with a matrix, or nearly, which takes as long as reading the matrix.
_LEAST_ROWS, _LEAST_COLUMNS = 4, 8


def _distance(term: str, letter: str, sizes: dict[str, int]) -> int:
    return math.prod(sizes[behind] for behind in term[term.index(letter) + 1 :])


def _merged(letters: Sequence[str], sizes: dict[str, int], *distances: dict[str, int]) -> list[tuple[int, ...]]:
    """The axes of these letters, as few as hold the same numbers: the size of each, and its distance in each array."""
    axes: list[tuple[int, ...]] = []
    for letter in letters:
        size, steps = sizes[letter], tuple(step[letter] for step in distances)
        if size == 1:
            continue
        if axes and all(far == near * size for far, near in zip(axes[-1][1:], steps)):
            size *= axes.pop()[0]
        axes.append((size, *steps))
    return axes


# ---- the primitive ---------------------------------------------------------------------------------------

product_p = Primitive("product")


@functools.cache
def _compiled(terms: tuple[str, str, str]) -> Any:
    return jax.jit(functools.partial(product_p.bind, terms=terms))


def _abstract(a: Any, b: Any, terms: tuple[str, str, str]) -> ShapedArray:
    _jax_native.wanted(_native_products.Products)
    sizes = {**dict(zip(terms[0], a.shape)), **dict(zip(terms[1], b.shape))}
    return ShapedArray(tuple(sizes[letter] for letter in terms[2]), a.dtype)


def _on_cpu(ctx: Any, a: Any, b: Any, *, terms: tuple[str, str, str]) -> Any:
    found = None
    if _jax_native.for_one_device(ctx.module_context) and _jax_native.available(_native_products.Products):
        found = plan(terms, *(operand.shape for operand in ctx.avals_in))
    if found is None:
        return mlir.lower_fun(_by_library, multiple_results=False)(ctx, a, b, terms=terms)
    how, swapped = found
    order = slice(None, None, -1 if swapped else 1)
    ctx = ctx.replace(avals_in=ctx.avals_in[order])
    return _jax_native.called("product", _native_products.described(how), ctx, *(a, b)[order])


def _batched(operands: Sequence[Any], axes: Sequence[Any], terms: tuple[str, str, str]) -> tuple[Any, int]:
    new = next(letter for letter in string.ascii_letters if letter not in "".join(terms))
    first, second = (term if axis is None else term[:axis] + new + term[axis:] for term, axis in zip(terms[:2], axes))
    return product_p.bind(*operands, terms=(first, second, new + terms[2])), 0


product_p.def_impl(lambda a, b, terms: _compiled(terms)(a, b))
product_p.def_abstract_eval(_abstract)
ad.defbilinear(
    product_p,
    lambda upstream, a, b, terms: product_p.bind(upstream, b, terms=(terms[2], terms[1], terms[0])),
    lambda upstream, a, b, terms: product_p.bind(a, upstream, terms=(terms[0], terms[2], terms[1])),
)
batching.primitive_batchers[product_p] = _batched
mlir.register_lowering(product_p, _on_cpu, platform="cpu")
mlir.register_lowering(product_p, mlir.lower_fun(_by_library, multiple_results=False))
