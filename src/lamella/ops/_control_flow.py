"""Choices and loops that a compiled program can contain."""

import operator
from collections.abc import Callable, Sequence
from typing import Any

from lamella.backend import _registry
from lamella.core import _tree
from lamella.core._arrays import arrays, dtype_of
from lamella.core._operation import op
from lamella.errors import ArgumentError, DTypeError, ShapeError
from lamella.ops._operands import integers, kind_of, single_axis
from lamella.typing import ArrayLike

__all__ = [
    "cond",
    "switch",
    "while_loop",
    "fori_loop",
    "scan",
    "associative_scan",
    "map",
    "vectorized_map",
]

_scalars = (bool, int, float, complex)


def _as_arrays(structure: Any) -> Any:
    """`structure` with Variables, NumPy arrays and Python scalars in it as arrays; None stays."""
    asarray = _registry.active().asarray
    return _tree.map_structure(lambda leaf: None if leaf is None else asarray(leaf), structure)


def _as_operands(structure: Any) -> Any:
    """`_as_arrays` but for Python scalars, which stay weak."""
    asarray = _registry.active().asarray
    return _tree.map_structure(
        lambda leaf: leaf if leaf is None or type(leaf) in _scalars else asarray(leaf), structure
    )


def _callable(op_name: str, **functions: Any) -> None:
    for name, fn in functions.items():
        if not callable(fn):
            raise TypeError(f"The `{name}` of ops.{op_name} must be callable; got {fn!r} of type {type(fn).__name__}.")


@op
def cond(pred: ArrayLike, true_fn: Callable, false_fn: Callable) -> Any:
    """`true_fn()` where `pred` holds, else `false_fn()`.

    Args:
        pred: a boolean scalar, which may be computed.
        true_fn: a function without arguments; it may use arrays from around it, but not KerasTensors.
        false_fn: one that returns the same structure, of the same shapes and dtypes.

    Returns:
        What the chosen function returns, its leaves as arrays.

    Raises:
        TypeError: when a branch is not callable, or both return different things.
        ShapeError: when `pred` is not a scalar.

    Example:
        >>> from lamella import ops
        >>> int(ops.cond(ops.sum(ops.ones(3)) > 2, lambda: 1, lambda: 0))
        1
    """
    _callable("cond", true_fn=true_fn, false_fn=false_fn)
    _, pred = arrays(pred)
    if pred.ndim:
        raise ShapeError(f"The `pred` of ops.cond must be a scalar; got shape {tuple(pred.shape)}.")
    if _registry.active().is_concrete(pred):  # no program needed, and only one branch runs
        return _as_arrays((true_fn if bool(pred) else false_fn)())
    return _registry.active().cond(pred, lambda: _as_arrays(true_fn()), lambda: _as_arrays(false_fn()))


@op
def switch(index: ArrayLike, branches: Sequence[Callable], *operands: Any) -> Any:
    """`branches[index](*operands)`.

    Args:
        index: an integer scalar, which may be computed; one out of range means the nearest branch.
        branches: functions of the operands that return the same structure, of the same shapes and dtypes.
        *operands: what they are called with.

    Returns:
        What the chosen function returns, its leaves as arrays.

    Raises:
        ArgumentError: without branches.
        DTypeError: when `index` is not an integer.

    Example:
        >>> from lamella import ops
        >>> int(ops.switch(1, [lambda x: x + 1, lambda x: x * 2], 5))
        10
    """
    if not len(branches):
        raise ArgumentError("ops.switch needs at least one branch; got none.")
    for branch in branches:
        _callable("switch", branches=branch)
    (index,) = integers("switch", arrays(index)[1])
    if index.ndim or kind_of(dtype_of(index)) != "int":
        raise DTypeError(
            f"The `index` of ops.switch must be an integer scalar; got shape {tuple(index.shape)} and dtype "
            f"{dtype_of(index)}."
        )

    operands = _as_operands(operands)
    if _registry.active().is_concrete(index):
        return _as_arrays(branches[min(max(int(index), 0), len(branches) - 1)](*operands))

    def returning_arrays(branch: Callable) -> Callable:
        return lambda *args: _as_arrays(branch(*args))

    return _registry.active().switch(index, [returning_arrays(b) for b in branches], operands)


@op
def while_loop(cond: Callable, body: Callable, loop_vars: Any, maximum_iterations: int | None = None) -> Any:
    """`while cond(*loop_vars): loop_vars = body(*loop_vars)`.

    Args:
        cond: a function of the loop variables that returns a boolean scalar.
        body: a function of the loop variables that returns new ones, of the same structure, shapes and
            dtypes.
        loop_vars: a tuple or list of loop variables, or a single one.
        maximum_iterations: the number of iterations after which the loop ends in any case.

    Returns:
        The last loop variables: a tuple, or a single one.

    Raises:
        TypeError: when `cond` or `body` is not callable, or `body` changes a structure, shape or dtype.

    Example:
        >>> from lamella import ops
        >>> int(ops.while_loop(lambda i: i < 10, lambda i: i + 3, 0))
        12
    """
    _callable("while_loop", cond=cond, body=body)
    several = isinstance(loop_vars, (tuple, list))
    start = tuple(loop_vars) if several else (loop_vars,)

    def proceed(state: tuple) -> Any:
        more = arrays(cond(*state[1]))[1]
        more = more if not more.ndim else _registry.active().xp.reshape(more, ())
        return more if maximum_iterations is None else (state[0] < maximum_iterations) & more

    def step(state: tuple) -> tuple:
        new = body(*state[1])
        if several and not isinstance(new, (tuple, list)):
            raise TypeError(
                f"The `body` of ops.while_loop must return {len(start)} loop variables in a tuple; got {new!r}."
            )
        return state[0] + 1, _as_operands(tuple(new) if several else (new,))

    _, end = _registry.active().while_loop(proceed, step, (0, _as_operands(start)))
    end = _as_arrays(end)
    return end if several else end[0]


@op
def fori_loop(lower: int, upper: int, body_fun: Callable, init_val: Any) -> Any:
    """`for i in range(lower, upper): val = body_fun(i, val)`.

    Args:
        lower, upper: integers, which may be computed.
        body_fun: a function of the index and the value that returns a new value of the same structure, shapes
            and dtypes.
        init_val: the value before the first iteration.

    Returns:
        The value after the last iteration.

    Example:
        >>> from lamella import ops
        >>> int(ops.fori_loop(0, 5, lambda i, total: total + i, 0))
        10
    """
    _callable("fori_loop", body_fun=body_fun)
    lower, upper = (bound if type(bound) is int else arrays(bound)[1] for bound in (lower, upper))
    end = _registry.active().fori_loop(
        lower, upper, lambda i, value: _as_operands(body_fun(i, value)), _as_operands(init_val)
    )
    return _as_arrays(end)


@op
def scan(
    f: Callable, init: Any, xs: Any = None, length: int | None = None, reverse: bool = False, unroll: int | bool = 1
) -> tuple:
    """A loop over the first axis that carries a value along and collects another.

    In Python: `for x in xs: carry, y = f(carry, x); ys.append(y)`.

    Args:
        f: a function `(carry, x) -> (carry, y)`. The carry keeps its structure, shapes and dtypes.
        init: the carry before the first iteration.
        xs: a structure of arrays with first axes of equal size; None for nothing but `length` iterations.
        length: the number of iterations; follows from `xs` where that is given.
        reverse: go from the last element to the first; `ys` still stand beside their `xs`.
        unroll: how many iterations a compiled loop does at a time; True for all.

    Returns:
        The last carry, and the structure of ys, stacked along a first axis.

    Raises:
        TypeError: when `f` is not callable.
        ArgumentError: for another `unroll`, or without `xs` and `length`.
        ShapeError: when first axes differ from each other or from `length`.

    Example:
        >>> from lamella import ops
        >>> last, sums = ops.scan(lambda total, x: (total + x, total + x), 0, ops.arange(1, 5))
        >>> int(last), ops.convert_to_numpy(sums).tolist()
        (10, [1, 3, 6, 10])
    """
    _callable("scan", f=f)
    if not isinstance(unroll, bool) and (not isinstance(unroll, int) or unroll < 1):
        raise ArgumentError(f"The `unroll` of ops.scan must be a positive int or a bool; got {unroll!r}.")
    init, xs = _as_operands(init), _as_arrays(xs)
    count = _first_size("scan", xs)
    if count is None and length is None:
        raise ArgumentError("ops.scan needs `xs` to scan over, or the `length` of the loop; got neither.")
    if length is not None and count is not None and operator.index(length) != count:
        raise ShapeError(f"ops.scan was told length={length}, but the first axis of `xs` has size {count}.")

    def step(carry: Any, x: Any) -> tuple:
        carry, y = f(carry, x)
        return _as_operands(carry), _as_arrays(y)

    length = count if length is None else operator.index(length)
    carry, ys = _registry.active().scan(step, init, xs, length, bool(reverse), unroll)
    return _as_arrays(carry), ys


def _first_size(op_name: str, xs: Any, axis: int = 0) -> int | None:
    """The size of the first axis that all arrays of the structure share; None where it holds none."""
    shapes = [tuple(leaf.shape) for leaf in _tree.flatten(xs) if leaf is not None]
    if not shapes:
        return None
    if any(not s for s in shapes) or len({s[axis] for s in shapes}) > 1:
        raise ShapeError(
            f"ops.{op_name} needs arrays whose axis {axis} has the same size; got shapes "
            f"{', '.join(str(s) for s in shapes)}."
        )
    return shapes[0][axis]


@op
def map(f: Callable, xs: Any) -> Any:
    """`f` of each element along the first axis, one after the other, the results stacked.

    Args:
        f: a function of one element.
        xs: an array, or a structure of arrays with first axes of equal size, of which `f` gets one element
            each.

    Returns:
        The structure that `f` returns, with a new first axis.

    Raises:
        TypeError: when `f` is not callable.
        ShapeError: when first axes differ.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.map(lambda row: ops.sum(row), ops.ones((3, 2)))).tolist()
        [2.0, 2.0, 2.0]
    """
    _callable("map", f=f)
    xs = _as_arrays(xs)
    count = _first_size("map", xs)
    if count is None:
        raise ArgumentError("ops.map needs at least one array to map over; got none.")
    step = lambda carry, x: (carry, _as_arrays(f(x)))  # noqa: E731
    return _registry.active().scan(step, (), xs, count, False, 1)[1]


@op
def vectorized_map(function: Callable, elements: Any) -> Any:
    """`function` of each element along the first axis, all at once, the results stacked.

    Args:
        function: a function of one element.
        elements: an array, or a structure of arrays with first axes of equal size, of which `function` gets
            one element each.

    Returns:
        The structure that `function` returns, with a new first axis.

    Raises:
        TypeError: when `function` is not callable.
        ShapeError: when first axes differ.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.vectorized_map(lambda row: ops.sum(row), ops.ones((3, 2)))).tolist()
        [2.0, 2.0, 2.0]
    """
    _callable("vectorized_map", function=function)
    elements = _as_arrays(elements)
    if _first_size("vectorized_map", elements) is None:
        raise ArgumentError("ops.vectorized_map needs at least one array to map over; got none.")
    return _registry.active().vmap(lambda x: _as_arrays(function(x)))(elements)


@op
def associative_scan(f: Callable, elems: Any, reverse: bool = False, axis: int = 0) -> Any:
    """The running results of an associative operation: `y[i] = f(y[i - 1], x[i])`, in O(log n) parallel steps.

    The algorithm is that of Blelloch (1990), "Prefix Sums and Their Applications": combine neighbours, scan
    the half as many results, and fill in between.

    Args:
        f: a function of two structures like `elems` (slices along `axis`), with `f(f(a, b), c) == f(a, f(b,
            c))`.
        elems: a structure of arrays with equal sizes along `axis`.
        reverse: run from the last element to the first.
        axis: the axis.

    Returns:
        A structure like `elems`.

    Raises:
        TypeError: when `f` is not callable.
        ShapeError: when sizes along `axis` differ.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.associative_scan(lambda a, b: a + b, ops.arange(5))).tolist()
        [0, 1, 3, 6, 10]
    """
    _callable("associative_scan", f=f)
    leaves, spec = _tree.flatten_with_spec(_as_arrays(elems))
    if not leaves:
        raise ArgumentError("ops.associative_scan needs at least one array; got none.")
    xp = _registry.active().xp
    axis = single_axis("associative_scan", axis, min(leaf.ndim for leaf in leaves))
    _first_size("associative_scan", leaves, axis)
    leaves = [xp.moveaxis(leaf, axis, 0) for leaf in leaves]

    def combined(first: list, second: list) -> list:
        pair = ([xp.moveaxis(leaf, 0, axis) for leaf in side] for side in (first, second))
        results = _tree.flatten(_as_arrays(f(*(_tree.unflatten(spec, side) for side in pair))))
        return [xp.moveaxis(leaf, axis, 0) for leaf in results]

    def scanned(parts: list) -> list:
        count = parts[0].shape[0]
        if count < 2:
            return parts
        pairs = [xp.reshape(p[: count // 2 * 2], (count // 2, 2, *p.shape[1:])) for p in parts]
        odd = scanned(combined([p[:, 0] for p in pairs], [p[:, 1] for p in pairs]))  # results 1, 3, 5, ...
        later = [xp.concat([p[2:count:2]], axis=0) for p in parts]  # elements 2, 4, 6, ...
        before = [o[: p.shape[0]] for o, p in zip(odd, later)]
        even = combined(before, later) if later[0].shape[0] else later
        even = [xp.concat([p[:1], e], axis=0) for p, e in zip(parts, even)]  # results 0, 2, 4, ...
        return [_interleaved(xp, e, o, count) for e, o in zip(even, odd)]

    if reverse:
        leaves = [xp.flip(leaf, axis=0) for leaf in leaves]
    leaves = scanned(leaves)
    if reverse:
        leaves = [xp.flip(leaf, axis=0) for leaf in leaves]
    return _tree.unflatten(spec, [xp.moveaxis(leaf, 0, axis) for leaf in leaves])


def _interleaved(xp: Any, even: Any, odd: Any, count: int) -> Any:
    """even[0], odd[0], even[1], ...: `count` of them."""
    half = count // 2
    both = xp.reshape(xp.stack([even[:half], odd], axis=1), (2 * half, *odd.shape[1:]))
    return xp.concat([both, even[half:]], axis=0) if count % 2 else both
