"""Arrays out of nothing but sizes and numbers: constants, ranges, identity matrices, windows, grids."""

import builtins
import math
import operator
from typing import Any

from lamella.backend import _dtypes, _registry
from lamella.core._arrays import arrays, cast, common_dtype, dtype_of
from lamella.core._operation import op
from lamella.core._sizes import as_size
from lamella.errors import ArgumentError, DTypeError, ShapeError
from lamella.ops._operands import check_broadcast, float_operands, kind_of
from lamella.typing import Array, ArrayLike

__all__ = [
    "array",
    "copy",
    "zeros",
    "ones",
    "empty",
    "full",
    "zeros_like",
    "ones_like",
    "empty_like",
    "full_like",
    "eye",
    "identity",
    "tri",
    "diag",
    "diagflat",
    "vander",
    "arange",
    "linspace",
    "logspace",
    "geomspace",
    "meshgrid",
    "bartlett",
    "blackman",
    "hamming",
    "hanning",
    "kaiser",
]


@op
def array(x: ArrayLike, dtype: str | None = None) -> Array:
    """`x` as an array of the active backend.

    Args:
        x: an array of any library, nested lists, or a number.
        dtype: the dtype wanted; None for that of `x`: int32 for Python ints, `floatx()` for Python floats.

    Returns:
        An array with the shape of `x`.

    Raises:
        DTypeError: when `x` does not hold numbers.

    Example:
        >>> from lamella import ops
        >>> ops.array([[1, 2], [3, 4]], dtype="float32").shape
        (2, 2)
    """
    return arrays(x)[1] if dtype is None else cast(x, dtype)


@op
def copy(x: ArrayLike) -> Array:
    """`x` in memory of its own.

    Args:
        x: an array.

    Returns:
        An array of the same shape and dtype.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.copy([1, 2])).tolist()
        [1, 2]
    """
    xp, x = arrays(x)
    return xp.asarray(x, copy=True)


# ---- constants ---------------------------------------------------------------------------------------


def _native(dtype: Any) -> tuple:
    """The namespace, and its object for `dtype` (None: `floatx()`)."""
    adapter = _registry.active()
    return adapter.xp, adapter.native_dtype(_dtypes.standardize_dtype(dtype))


def _sizes(op_name: str, shape: Any) -> tuple[int, ...]:
    try:
        sizes = tuple(as_size(n) for n in shape) if hasattr(shape, "__iter__") else (as_size(shape),)
    except TypeError:
        raise ShapeError(f"The `shape` of ops.{op_name} must be integers, such as (2, 3); got {shape!r}.") from None
    if builtins.any(n < 0 for n in sizes):
        raise ShapeError(f"The `shape` of ops.{op_name} must not have negative sizes; got {sizes}.")
    return sizes


def _size(op_name: str, argument: str, value: Any) -> int:
    try:
        return operator.index(value)
    except TypeError:
        raise DTypeError(f"The `{argument}` of ops.{op_name} must be an integer; got {value!r}.") from None


@op
def zeros(shape: Any, dtype: str | None = None) -> Array:
    """An array of zeros.

    Args:
        shape: its sizes.
        dtype: its dtype; None for `floatx()`.

    Returns:
        An array of `shape`.

    Raises:
        ShapeError: for sizes that are not non-negative integers.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.zeros((2, 2))).tolist()
        [[0.0, 0.0], [0.0, 0.0]]
    """
    xp, native = _native(dtype)
    return xp.zeros(_sizes("zeros", shape), dtype=native)


@op
def ones(shape: Any, dtype: str | None = None) -> Array:
    """An array of ones.

    Args:
        shape: its sizes.
        dtype: its dtype; None for `floatx()`.

    Returns:
        An array of `shape`.

    Raises:
        ShapeError: for sizes that are not non-negative integers.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.ones((2,), dtype="int32")).tolist()
        [1, 1]
    """
    xp, native = _native(dtype)
    return xp.ones(_sizes("ones", shape), dtype=native)


@op
def empty(shape: Any, dtype: str | None = None) -> Array:
    """An array whose values mean nothing; do not count on them being zeros.

    Args:
        shape: its sizes.
        dtype: its dtype; None for `floatx()`.

    Returns:
        An array of `shape`.

    Raises:
        ShapeError: for sizes that are not non-negative integers.

    Example:
        >>> from lamella import ops
        >>> ops.empty((2, 3)).shape
        (2, 3)
    """
    xp, native = _native(dtype)
    return xp.empty(_sizes("empty", shape), dtype=native)


@op
def full(shape: Any, fill_value: ArrayLike, dtype: str | None = None) -> Array:
    """An array with `fill_value` everywhere.

    Args:
        shape: its sizes.
        fill_value: a number, or an array that broadcasts to `shape`.
        dtype: its dtype; None for `floatx()`, whatever the dtype of `fill_value`.

    Returns:
        An array of `shape`.

    Raises:
        ShapeError: for sizes that are not non-negative integers, or to which `fill_value` does not broadcast.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.full((2,), 7)).tolist()
        [7.0, 7.0]
    """
    return _filled("full", _sizes("full", shape), fill_value, _dtypes.standardize_dtype(dtype))


def _filled(op_name: str, shape: tuple[int, ...], fill_value: ArrayLike, dtype: str) -> Array:
    value = cast(fill_value, dtype)
    xp = _registry.active().xp
    check_broadcast(op_name, (xp.empty(shape, dtype=value.dtype), value))
    return xp.asarray(xp.broadcast_to(value, shape), copy=True)


def _like(x: ArrayLike, dtype: Any) -> tuple:
    adapter = _registry.active()
    x = adapter.asarray(x)
    return adapter.xp, x, x.dtype if dtype is None else adapter.native_dtype(_dtypes.standardize_dtype(dtype))


@op
def zeros_like(x: ArrayLike, dtype: str | None = None) -> Array:
    """An array of zeros with the shape of `x`.

    Args:
        x: an array.
        dtype: the dtype of the result; None for that of `x`.

    Returns:
        An array of the same shape.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.zeros_like([3, 4])).tolist()
        [0, 0]
    """
    xp, x, native = _like(x, dtype)
    return xp.zeros_like(x, dtype=native)


@op
def ones_like(x: ArrayLike, dtype: str | None = None) -> Array:
    """An array of ones with the shape of `x`.

    Args:
        x: an array.
        dtype: the dtype of the result; None for that of `x`.

    Returns:
        An array of the same shape.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.ones_like([3, 4])).tolist()
        [1, 1]
    """
    xp, x, native = _like(x, dtype)
    return xp.ones_like(x, dtype=native)


@op
def empty_like(x: ArrayLike, dtype: str | None = None) -> Array:
    """An array with the shape of `x` whose values mean nothing.

    Args:
        x: an array.
        dtype: the dtype of the result; None for that of `x`.

    Returns:
        An array of the same shape.

    Example:
        >>> from lamella import ops
        >>> ops.empty_like([3, 4]).shape
        (2,)
    """
    xp, x, native = _like(x, dtype)
    return xp.empty_like(x, dtype=native)


@op
def full_like(x: ArrayLike, fill_value: ArrayLike, dtype: str | None = None) -> Array:
    """An array with `fill_value` everywhere and the shape of `x`.

    Args:
        x: an array.
        fill_value: a number, or an array that broadcasts to the shape of `x`.
        dtype: the dtype of the result; None for that of `x`.

    Returns:
        An array of the same shape.

    Raises:
        ShapeError: when `fill_value` does not broadcast to the shape.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.full_like([3, 4], 9)).tolist()
        [9, 9]
    """
    _, x = arrays(x)
    dtype = dtype_of(x) if dtype is None else _dtypes.standardize_dtype(dtype)
    return _filled("full_like", tuple(x.shape), fill_value, dtype)


# ---- matrices ----------------------------------------------------------------------------------------


@op
def eye(N: int, M: int | None = None, k: int = 0, dtype: str | None = None) -> Array:
    """A matrix with ones on one diagonal and zeros elsewhere.

    Args:
        N: the number of rows.
        M: the number of columns; None for `N`.
        k: which diagonal: 0 the main one, positive above it, negative below.
        dtype: its dtype; None for `floatx()`.

    Returns:
        An array of shape (N, M).

    Raises:
        DTypeError: when a size is not an integer.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.eye(2, 3, k=1)).tolist()
        [[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    rows = _size("eye", "N", N)
    columns = rows if M is None else _size("eye", "M", M)
    xp, native = _native(dtype)
    return xp.eye(rows, columns, k=_size("eye", "k", k), dtype=native)


@op
def identity(n: int, dtype: str | None = None) -> Array:
    """The identity matrix.

    Args:
        n: the number of rows, and of columns.
        dtype: its dtype; None for `floatx()`.

    Returns:
        An array of shape (n, n).

    Raises:
        DTypeError: when `n` is not an integer.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.identity(2)).tolist()
        [[1.0, 0.0], [0.0, 1.0]]
    """
    xp, native = _native(dtype)
    return xp.eye(_size("identity", "n", n), dtype=native)


@op
def tri(N: int, M: int | None = None, k: int = 0, dtype: str | None = None) -> Array:
    """A matrix with ones on a diagonal and below it, and zeros above.

    Args:
        N: the number of rows.
        M: the number of columns; None for `N`.
        k: which diagonal: 0 the main one, positive above it, negative below.
        dtype: its dtype; None for `floatx()`.

    Returns:
        An array of shape (N, M).

    Raises:
        DTypeError: when a size is not an integer.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.tri(3, dtype="int32")).tolist()
        [[1, 0, 0], [1, 1, 0], [1, 1, 1]]
    """
    rows = _size("tri", "N", N)
    columns = rows if M is None else _size("tri", "M", M)
    xp = _registry.active().xp
    below = xp.less_equal(xp.arange(columns)[None, :], xp.arange(rows)[:, None] + _size("tri", "k", k))
    return cast(below, dtype)


@op
def diag(x: ArrayLike, k: int = 0) -> Array:
    """The diagonal of a matrix, or a matrix with `x` on a diagonal and zeros elsewhere.

    Args:
        x: an array of one or two axes.
        k: which diagonal: 0 the main one, positive above it, negative below.

    Returns:
        For a matrix (rows, columns), its `k`-th diagonal; for a vector (n,), an array (n + |k|, n + |k|).

    Raises:
        ShapeError: when `x` has neither one nor two axes.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.diag([1, 2])).tolist()
        [[1, 0], [0, 2]]
        >>> ops.convert_to_numpy(ops.diag([[1, 2], [3, 4]], k=1)).tolist()
        [2]
    """
    xp, x = arrays(x)
    if x.ndim not in (1, 2):
        raise ShapeError(f"ops.diag takes an array of one or two axes; got shape {tuple(x.shape)}.")
    if x.ndim == 1:
        return _on_diagonal(xp, x, k)
    rows, columns = x.shape
    length = builtins.max(0, builtins.min(rows, columns - k) if k >= 0 else builtins.min(rows + k, columns))
    start = k if k >= 0 else -k * columns
    where = start + xp.arange(length) * (columns + 1)
    return xp.take(xp.reshape(x, (-1,)), where, axis=0)


def _on_diagonal(xp: Any, x: Array, k: int) -> Array:
    size = x.shape[0] + builtins.max(k, -k)
    padding = xp.zeros(size - x.shape[0], dtype=x.dtype)
    row, column = xp.arange(size)[:, None], xp.arange(size)[None, :]
    if k >= 0:  # the value of row i stands in column i + k
        values = xp.concat([x, padding])[:, None]
    else:
        values = xp.concat([x, padding])[None, :]
    return xp.where(xp.equal(column - row, k), values, xp.zeros((), dtype=x.dtype))


@op
def diagflat(x: ArrayLike, k: int = 0) -> Array:
    """A matrix with the values of `x`, in row-major order, on a diagonal and zeros elsewhere.

    Args:
        x: an array of `n` elements.
        k: which diagonal: 0 the main one, positive above it, negative below.

    Returns:
        An array of shape (n + |k|, n + |k|).

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.diagflat([[1, 2]], k=1)).tolist()
        [[0, 1, 0], [0, 0, 2], [0, 0, 0]]
    """
    xp, x = arrays(x)
    return _on_diagonal(xp, xp.reshape(x, (-1,)), k)


@op
def vander(x: ArrayLike, N: int | None = None, increasing: bool = False) -> Array:
    """The Vandermonde matrix, whose columns are powers of `x`.

    Args:
        x: a vector (n,), not boolean.
        N: the number of columns; None for `n`.
        increasing: whether the powers grow from left to right (`x ** 0` first) or shrink.

    Returns:
        An array of shape (n, N) and the dtype of `x`.

    Raises:
        ShapeError: when `x` is not a vector.
        DTypeError: for booleans, or when `N` is not an integer.
        ArgumentError: when `N` is negative.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.vander([2, 3], N=3)).tolist()
        [[4, 2, 1], [9, 3, 1]]
    """
    xp, x = arrays(x)
    if x.ndim != 1:
        raise ShapeError(f"ops.vander takes a vector; got shape {tuple(x.shape)}.")
    if kind_of(dtype_of(x)) == "bool":
        raise DTypeError("ops.vander does not take booleans. Cast them first with ops.cast.")
    count = x.shape[0] if N is None else _size("vander", "N", N)
    if count < 0:
        raise ArgumentError(f"The `N` of ops.vander must not be negative; got {count}.")
    exponents = xp.arange(count) if increasing else xp.arange(count - 1, -1, -1)
    return xp.pow(x[:, None], xp.astype(exponents, x.dtype)[None, :])


# ---- ranges ------------------------------------------------------------------------------------------


@op
def arange(
    start: ArrayLike, stop: ArrayLike | None = None, step: ArrayLike | None = None, dtype: str | None = None
) -> Array:
    """The numbers `start, start + step, start + 2 * step, ...` below `stop` (above it for a negative step).

    Args:
        start: the first number; where `stop` is None, the end, and the range starts at 0.
        stop: the end, which is not part of the range.
        step: the distance between neighbours; None for 1.
        dtype: the dtype of the result; None for the common one of the arguments (int32 for Python ints).

    Returns:
        A vector of `ceil((stop - start) / step)` numbers.

    Raises:
        DTypeError: for booleans.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.arange(2, 9, 3)).tolist()
        [2, 5, 8]
    """
    given = [v for v in (start, stop, step) if v is not None]
    name = common_dtype(given) if dtype is None else _dtypes.standardize_dtype(dtype)
    if name == "bool":
        raise DTypeError("ops.arange does not make booleans. Give it numbers, or another `dtype`.")
    if stop is None:
        start, stop = 0, start
    xp, native = _native(name)
    return xp.arange(start, stop, 1 if step is None else step, dtype=native)


@op
def linspace(
    start: ArrayLike,
    stop: ArrayLike,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: str | None = None,
    axis: int = 0,
) -> Any:
    """`num` evenly spaced numbers from `start` to `stop`.

    Args:
        start: the first number, or an array of first numbers.
        stop: the last number (the one after the last where `endpoint` is false), or an array that broadcasts
            with `start`.
        num: how many.
        endpoint: whether `stop` is one of them.
        retstep: whether to return the distance between neighbours too.
        dtype: the dtype of the result; None for the common one of `start` and `stop`, `floatx()` where that
            is not floating. Integers are rounded down.
        axis: where the new axis of size `num` stands, among those of `start` and `stop`.

    Returns:
        An array of the common shape with one more axis; a tuple with the step where `retstep` is true.

    Raises:
        ArgumentError: when `num` is negative.
        ShapeError: when the shapes do not broadcast.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.linspace(0, 1, 5)).tolist()
        [0.0, 0.25, 0.5, 0.75, 1.0]
    """
    values, step = _line("linspace", start, stop, num, endpoint, axis)
    if dtype is not None:
        dtype = _dtypes.standardize_dtype(dtype)
        if kind_of(dtype) == "int":
            values = _registry.active().xp.floor(values)
        values = cast(values, dtype)
    return (values, step) if retstep else values


def _line(op_name: str, start: ArrayLike, stop: ArrayLike, num: int, endpoint: bool, axis: int) -> tuple:
    """Evenly spaced numbers along a new axis, and their distance."""
    xp, start, stop = float_operands(op_name, start, stop)
    count = _size(op_name, "num", num)
    if count < 0:
        raise ArgumentError(f"The `num` of ops.{op_name} must not be negative; got {count}.")
    intervals = count - 1 if endpoint else count
    start, stop = xp.broadcast_arrays(start, stop)
    step = (stop - start) / intervals if intervals > 0 else xp.full_like(start, math.nan)
    rank = start.ndim + 1
    steps = xp.astype(xp.arange(count), start.dtype) / builtins.max(intervals, 1)  # from 0 to 1
    steps = xp.reshape(steps, (count,) + (1,) * start.ndim)
    first, last = xp.expand_dims(start, axis=0), xp.expand_dims(stop, axis=0)
    # Weighing both ends keeps the line symmetric, and the last number is `stop` exactly.
    values = first * (1 - steps) + last * steps
    if endpoint and count > 1:
        values = xp.concat([values[:-1], last], axis=0)
    return xp.moveaxis(values, 0, axis % rank), step


@op
def logspace(
    start: ArrayLike,
    stop: ArrayLike,
    num: int = 50,
    endpoint: bool = True,
    base: ArrayLike = 10,
    dtype: str | None = None,
    axis: int = 0,
) -> Array:
    """`num` numbers from `base ** start` to `base ** stop`, whose logarithms are evenly spaced.

    Args:
        start: the exponent of the first number, or an array of them.
        stop: the exponent of the last number (of the one after the last where `endpoint` is false).
        num: how many.
        endpoint: whether `base ** stop` is one of them.
        base: the base of the powers.
        dtype: the dtype of the result; None for the common one of `start` and `stop`, `floatx()` where that
            is not floating.
        axis: where the new axis of size `num` stands.

    Returns:
        An array of the common shape with one more axis.

    Raises:
        ArgumentError: when `num` is negative.
        ShapeError: when the shapes do not broadcast.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.logspace(0, 3, 4, base=2)).tolist()
        [1.0, 2.0, 4.0, 8.0]
    """
    exponents, _ = _line("logspace", start, stop, num, endpoint, axis)
    values = _registry.active().xp.pow(cast(base, dtype_of(exponents)), exponents)
    return values if dtype is None else cast(values, dtype)


@op
def geomspace(
    start: ArrayLike,
    stop: ArrayLike,
    num: int = 50,
    endpoint: bool = True,
    dtype: str | None = None,
    axis: int = 0,
) -> Array:
    """`num` numbers from `start` to `stop`, each the same multiple of the one before.

    Args:
        start: the first number, or an array of first numbers; not zero.
        stop: the last number (the one after the last where `endpoint` is false); of the same sign as `start`.
        num: how many.
        endpoint: whether `stop` is one of them.
        dtype: the dtype of the result; None for the common one of `start` and `stop`, `floatx()` where that
            is not floating.
        axis: where the new axis of size `num` stands.

    Returns:
        An array of the common shape with one more axis; NaN where the signs differ or an end is zero.

    Raises:
        ArgumentError: when `num` is negative.
        ShapeError: when the shapes do not broadcast.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.round(ops.geomspace(1, 1000, 4), 1)).tolist()
        [1.0, 10.0, 100.0, 1000.0]
    """
    xp, start, stop = float_operands("geomspace", start, stop)
    start, stop = xp.broadcast_arrays(start, stop)
    sign = xp.where(xp.greater(xp.sign(start) * xp.sign(stop), 0), xp.sign(start), xp.full_like(start, math.nan))
    exponents, _ = _line("geomspace", xp.log10(sign * start), xp.log10(sign * stop), num, endpoint, 0)
    values = sign * xp.pow(cast(10, dtype_of(start)), exponents)
    ends = values[1:-1] if endpoint else values[1:]
    if num > 1:  # exact ends, unless there is no such sequence
        first = xp.where(xp.isnan(values[0]), values[0], start)[None]
        last = [xp.where(xp.isnan(values[-1]), values[-1], stop)[None]] if endpoint else []
        values = xp.concat([first, ends, *last], axis=0)
    values = xp.moveaxis(values, 0, axis % values.ndim)
    return values if dtype is None else cast(values, dtype)


@op
def meshgrid(*x: ArrayLike, indexing: str = "xy") -> list[Array]:
    """Coordinates of the points of a grid, one array per axis.

    Args:
        *x: vectors, the coordinates along each axis; scalars count as vectors of one.
        indexing: "xy" for grids of shape (len(x[1]), len(x[0]), len(x[2]), ...), as pictures are indexed;
            "ij" for (len(x[0]), len(x[1]), ...), as matrices are.

    Returns:
        A list of arrays of that shape, each of the dtype of its vector.

    Raises:
        ArgumentError: for another `indexing`.
        ShapeError: for arrays of more than one axis.

    Example:
        >>> from lamella import ops
        >>> [ops.convert_to_numpy(v).tolist() for v in ops.meshgrid([1, 2], [3, 4])]
        [[[1, 2], [1, 2]], [[3, 3], [4, 4]]]
    """
    if indexing not in ("xy", "ij"):
        raise ArgumentError(f"The `indexing` of ops.meshgrid must be 'xy' or 'ij'; got {indexing!r}.")
    xp, *vectors = arrays(*x)
    if builtins.any(v.ndim > 1 for v in vectors):
        raise ShapeError(f"ops.meshgrid takes vectors; got shapes {[tuple(v.shape) for v in vectors]}.")
    vectors = [xp.reshape(v, (-1,)) for v in vectors]
    places = list(range(len(vectors)))
    if indexing == "xy" and len(vectors) > 1:
        places[:2] = 1, 0
    shape = [0] * len(vectors)
    for vector, place in zip(vectors, places):
        shape[place] = vector.shape[0]
    alone = ([-1 if i == place else 1 for i in range(len(vectors))] for place in places)
    return [xp.broadcast_to(xp.reshape(v, tuple(a)), tuple(shape)) for v, a in zip(vectors, alone)]


# ---- windows -----------------------------------------------------------------------------------------


def _window(op_name: str, x: Any) -> tuple:
    """(xp, n / (M - 1) for n = 0 ... M - 1), or ones to be returned as they are where M is 1."""
    adapter = _registry.active()
    count = int(x)
    if count < 0:
        raise ArgumentError(f"The length of the window ops.{op_name} must not be negative; got {count}.")
    xp = adapter.xp
    n = xp.arange(count, dtype=adapter.native_dtype(_dtypes.floatx()))
    return xp, n / builtins.max(count - 1, 1)


@op
def bartlett(x: int) -> Array:
    """The triangular window of Bartlett: `1 - |2 n / (M - 1) - 1|` for n = 0 ... M - 1.

    Args:
        x: its length M, a number of samples.

    Returns:
        A vector of `floatx()`, from 0 at both ends to 1 in the middle; [1] for M = 1.

    Raises:
        ArgumentError: when the length is negative.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.bartlett(5)).tolist()
        [0.0, 0.5, 1.0, 0.5, 0.0]
    """
    xp, t = _window("bartlett", x)
    return xp.ones_like(t) if t.shape[0] == 1 else 1 - xp.abs(2 * t - 1)


@op
def blackman(x: int) -> Array:
    """The window of Blackman: `0.42 - 0.5 cos(2 π n / (M - 1)) + 0.08 cos(4 π n / (M - 1))`, n = 0 ... M - 1.

    Blackman and Tukey (1958), The Measurement of Power Spectra.

    Args:
        x: its length M, a number of samples.

    Returns:
        A vector of `floatx()`; [1] for M = 1.

    Raises:
        ArgumentError: when the length is negative.

    Example:
        >>> from lamella import ops
        >>> ops.blackman(5).shape
        (5,)
    """
    xp, t = _window("blackman", x)
    if t.shape[0] == 1:
        return xp.ones_like(t)
    return cast(0.42 - 0.5 * xp.cos(2 * math.pi * t) + 0.08 * xp.cos(4 * math.pi * t), _dtypes.floatx())


@op
def hamming(x: int) -> Array:
    """The window of Hamming: `0.54 - 0.46 cos(2 π n / (M - 1))` for n = 0 ... M - 1.

    Blackman and Tukey (1958), The Measurement of Power Spectra.

    Args:
        x: its length M, a number of samples.

    Returns:
        A vector of `floatx()`, from 0.08 at both ends to 1 in the middle; [1] for M = 1.

    Raises:
        ArgumentError: when the length is negative.

    Example:
        >>> from lamella import ops
        >>> ops.hamming(5).shape
        (5,)
    """
    xp, t = _window("hamming", x)
    return xp.ones_like(t) if t.shape[0] == 1 else cast(0.54 - 0.46 * xp.cos(2 * math.pi * t), _dtypes.floatx())


@op
def hanning(x: int) -> Array:
    """The window of von Hann: `0.5 - 0.5 cos(2 π n / (M - 1))` for n = 0 ... M - 1.

    Blackman and Tukey (1958), The Measurement of Power Spectra.

    Args:
        x: its length M, a number of samples.

    Returns:
        A vector of `floatx()`, from 0 at both ends to 1 in the middle; [1] for M = 1.

    Raises:
        ArgumentError: when the length is negative.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.hanning(3)).tolist()
        [0.0, 1.0, 0.0]
    """
    xp, t = _window("hanning", x)
    return xp.ones_like(t) if t.shape[0] == 1 else cast(0.5 - 0.5 * xp.cos(2 * math.pi * t), _dtypes.floatx())


@op
def kaiser(x: int, beta: ArrayLike) -> Array:
    """The window of Kaiser: `I0(beta sqrt(1 - (2 n / (M - 1) - 1) ** 2)) / I0(beta)` for n = 0 ... M - 1.

    Kaiser (1966), Digital filters. I0 is the modified Bessel function of order 0, `ops.i0`.

    Args:
        x: its length M, a number of samples.
        beta: the shape: 0 is a rectangle, 5 close to Hamming's window, 8.6 to Blackman's. Dimensionless.

    Returns:
        A vector of `floatx()`, 1 in the middle; [1] for M = 1.

    Raises:
        ArgumentError: when the length is negative.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.kaiser(3, 0.0)).tolist()
        [1.0, 1.0, 1.0]
    """
    xp, t = _window("kaiser", x)
    if t.shape[0] == 1:
        return xp.ones_like(t)
    adapter = _registry.active()
    beta = cast(beta, dtype_of(t))
    inside = 1 - (2 * t - 1) ** 2
    return adapter.i0(beta * xp.sqrt(xp.maximum(inside, xp.zeros_like(inside)))) / adapter.i0(beta)
