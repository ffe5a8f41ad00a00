"""Resampling at any place: coordinates, affine and perspective maps, elastic deformations."""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from lamella.backend import _dtypes, _registry
from lamella.core._arrays import arrays, cast
from lamella.core._inference import stands_for_unknown
from lamella.core._operation import op
from lamella.errors import ShapeError
from lamella.ops._image_filter import gaussian_filter
from lamella.ops._image_layout import FILL_MODES, Images, one_of, to_dtype
from lamella.typing import Array, ArrayLike, Seed

__all__ = ["affine_transform", "elastic_transform", "map_coordinates", "perspective_transform"]

_ORDERS = {"nearest": 0, "bilinear": 1}


@op
def map_coordinates(
    inputs: ArrayLike, coordinates: ArrayLike, order: int, fill_mode: str = "constant", fill_value: float = 0
) -> Array:
    """The values of an array at any coordinates, by interpolation.

    Args:
        inputs: an array with at least one axis.
        coordinates: `(rank of inputs, ...)`: for each axis, where on it to look; element i is at i.
        order: 0 for the nearest element, 1 for multilinear interpolation.
        fill_mode: what lies outside: "constant" (`fill_value`), "nearest" (the edge), "wrap" (the array again),
            "mirror" (the array backwards, the edge once) or "reflect" (the array backwards, the edge twice).
        fill_value: for "constant".

    Returns:
        An array of the dtype of `inputs` and the shape of `coordinates` without its first axis.

    Raises:
        ArgumentError: for another `order` or `fill_mode`.
        ShapeError: when the first axis of `coordinates` has not the rank of `inputs`.

    Example:
        >>> from lamella import ops
        >>> ops.convert_to_numpy(ops.image.map_coordinates([0.0, 10.0, 20.0], [[0.5, 1.25]], order=1)).tolist()
        [5.0, 12.5]
    """
    name = "image.map_coordinates"
    one_of(name, "fill_mode", fill_mode, FILL_MODES)
    one_of(name, "order", order, (0, 1))
    _, x, coordinates = arrays(inputs, coordinates)
    if coordinates.ndim < 2 or coordinates.shape[0] != x.ndim:
        raise ShapeError(
            f"`{name}` needs `coordinates` of shape (rank of inputs, ...), with at least two axes; got "
            f"{tuple(coordinates.shape)} for inputs of shape {tuple(x.shape)}."
        )
    places = [coordinates[i] for i in range(x.ndim)]
    return _sampled(x, [], places, order, fill_mode, fill_value)


def _sampled(
    x: Array, leading: list[Array], places: Sequence[Array], order: int, fill_mode: str, fill_value: Any
) -> Array:
    """The values of `x` at `places` along its axes after the `leading` ones, whose indices are given.

    Axes after those of `places` come along.
    """
    adapter = _registry.active()
    xp, dtype = adapter.xp, adapter.dtype(x)
    wide = x if dtype in ("float32", "float64") else cast(x, "float32")
    sizes = x.shape[len(leading) : len(leading) + len(places)]
    nodes = [_nodes(xp, place, size, order, fill_mode) for place, size in zip(places, sizes)]
    rest = x.ndim - len(leading) - len(places)

    def along(a: Array) -> Array:  # broadcast over the axes that come along
        return a[(..., *(None,) * rest)]

    total: Any = None
    for corner in itertools.product(*nodes):
        value = _at(adapter, wide, [*leading, *(index for index, _, _ in corner)])
        inside: Any = None
        weight: Any = None
        for _, node_inside, node_weight in corner:
            if node_inside is not None:
                inside = node_inside if inside is None else xp.logical_and(inside, node_inside)
            if node_weight is not None:
                weight = node_weight if weight is None else weight * node_weight
        if inside is not None:
            value = xp.where(along(inside), value, xp.full_like(value, fill_value))
        if weight is not None:
            value = value * along(cast(weight, adapter.dtype(wide)))
        total = value if total is None else total + value
    return to_dtype(_halves_away(xp, total) if _dtypes.is_int_dtype(dtype) else total, dtype)


def _halves_away(xp: Any, x: Array) -> Array:
    """`x` rounded to the nearest integer, halves away from zero."""
    whole = xp.trunc(x)
    return xp.where(xp.abs(x - whole) >= 0.5, whole + xp.sign(x), whole)


def _at(adapter: Any, x: Array, indices: Sequence[Array]) -> Array:
    """`x[indices]` for integer arrays that broadcast, all inside, by one index into the flattened axes."""
    xp = adapter.xp
    flat: Any = 0
    for index, size in zip(indices, x.shape):
        flat = flat * size + index
    rows = xp.reshape(x, (-1, *x.shape[len(indices) :]))
    if stands_for_unknown(rows.shape[0]):  # only the shape matters here: an index need not hold the product
        return xp.broadcast_to(xp.zeros((), dtype=x.dtype), (*flat.shape, *rows.shape[1:]))
    return xp.reshape(xp.take(rows, xp.reshape(flat, (-1,)), axis=0), (*flat.shape, *rows.shape[1:]))


def _nodes(xp: Any, place: Array, size: int, order: int, fill_mode: str) -> list[tuple]:
    """(index, whether it is inside or None, weight or None) of the neighbours of `place` on an axis."""
    if _registry.active().dtype(place) not in _dtypes.INT_TYPES:
        if order == 1:
            lower = xp.floor(place)
            upper_weight = place - lower
            index = cast(lower, "int32")
            return [
                (*_fixed(xp, index, size, fill_mode), 1.0 - upper_weight),
                (*_fixed(xp, index + 1, size, fill_mode), upper_weight),
            ]
        place = _halves_away(xp, place)
    return [(*_fixed(xp, cast(place, "int32"), size, fill_mode), None)]


def _fixed(xp: Any, index: Array, size: int, fill_mode: str) -> tuple[Array, Array | None]:
    """(`index` moved inside of [0, size), whether it was inside where that matters)."""
    if fill_mode == "constant":
        inside = xp.logical_and(index >= 0, index < size)
        return xp.clip(index, 0, size - 1), inside
    if fill_mode == "nearest":
        return xp.clip(index, 0, size - 1), None
    if fill_mode == "wrap":
        return index % size, None
    if fill_mode == "mirror":
        return _mirrored(xp, index, size), None
    return _mirrored(xp, 2 * index + 1, 2 * size + 1) // 2, None


def _mirrored(xp: Any, index: Array, size: int) -> Array:
    last = size - 1
    if last == 0:
        return xp.zeros_like(index)
    return xp.abs((index + last) % (2 * last) - last)


def _grid(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Row and column of every pixel, float32, `(height, width)`."""
    rows, columns = np.meshgrid(np.arange(height), np.arange(width), indexing="ij")
    return rows.astype("float32"), columns.astype("float32")


def _warped(given: Images, rows: Array, columns: Array, interpolation: str, fill_mode: str, fill_value: Any) -> Array:
    """Images sampled at `(batch or 1, height, width)` rows and columns."""
    batch = given.x.shape[0]
    which = given.xp.asarray(np.arange(batch, dtype="int32").reshape(-1, 1, 1))
    shape = (batch, *rows.shape[1:])
    rows, columns = (given.xp.broadcast_to(a, shape) for a in (rows, columns))
    which = given.xp.broadcast_to(which, shape)
    x = _sampled(given.x, [which], [rows, columns], _ORDERS[interpolation], fill_mode, fill_value)
    return given.restored(x)


@op
def affine_transform(
    images: ArrayLike,
    transform: ArrayLike,
    interpolation: str = "bilinear",
    fill_mode: str = "constant",
    fill_value: float = 0,
    data_format: str | None = None,
) -> Array:
    """Images under an affine map: the pixel at (x, y) is taken from `(a0 x + a1 y + a2, b0 x + b1 y + b2)`.

    Args:
        images: `(height, width, channels)` or a batch of them, or with channels first.
        transform: `(8,)`, or `(batch, 8)` for a map for each image: `[a0, a1, a2, b0, b1, b2, c0, c1]`. The last two
            are those of a projective map; they must be 0 and are not looked at (see `perspective_transform`).
        interpolation: "nearest" or "bilinear".
        fill_mode, fill_value: what lies outside, as in `map_coordinates`.
        data_format: "channels_last" or "channels_first"; defaults to `image_data_format()`.

    Returns:
        Images of the same shape and dtype.

    Raises:
        ArgumentError: for another `interpolation` or `fill_mode`.
        ShapeError: for another number of axes, or a transform of another shape.

    Example:
        >>> from lamella import ops
        >>> moved = ops.image.affine_transform([[[1.0], [2.0], [3.0]]], [1.0, 0, 1, 0, 1, 0, 0, 0])
        >>> ops.convert_to_numpy(moved)[0, :, 0].tolist()
        [2.0, 3.0, 0.0]
    """
    name = "image.affine_transform"
    one_of(name, "interpolation", interpolation, tuple(_ORDERS))
    one_of(name, "fill_mode", fill_mode, FILL_MODES)
    given = Images(name, images, data_format)
    xp, transform = arrays(transform)
    transform = _float(transform)
    if transform.ndim not in (1, 2) or transform.shape[-1] != 8 or _batch(transform) not in (1, given.x.shape[0]):
        raise ShapeError(
            f"`{name}` needs a `transform` of shape (8,), or (batch, 8) with the batch of the images; got "
            f"{tuple(transform.shape)} for {given.x.shape[0]} images."
        )
    transform = xp.reshape(transform, (-1, 8, 1, 1))
    y, x = (xp.asarray(a) for a in _grid(*given.x.shape[1:3]))
    columns = transform[:, 0] * x + transform[:, 1] * y + transform[:, 2]
    rows = transform[:, 3] * x + transform[:, 4] * y + transform[:, 5]
    return _warped(given, rows, columns, interpolation, fill_mode, fill_value)


def _float(x: Array) -> Array:
    return x if _registry.active().dtype(x) in ("float32", "float64") else cast(x, "float32")


def _batch(x: Array) -> int:
    return x.shape[0] if x.ndim == 2 else 1


@op
def perspective_transform(
    images: ArrayLike,
    start_points: ArrayLike,
    end_points: ArrayLike,
    interpolation: str = "bilinear",
    fill_value: float = 0,
    data_format: str | None = None,
) -> Array:
    """Images under the projective map that takes four points to four others.

    Hartley and Zisserman (2004), "Multiple view geometry", section 2.3: the map has eight parameters, which the four
    pairs of points determine.

    Args:
        images: `(height, width, channels)` or a batch of them, or with channels first.
        start_points: four points (x, y), `(4, 2)`, or `(batch, 4, 2)` for points for each image.
        end_points: where they go, of the same shape.
        interpolation: "nearest" or "bilinear".
        fill_value: of what lies outside.
        data_format: "channels_last" or "channels_first"; defaults to `image_data_format()`.

    Returns:
        Images of the same shape and dtype.

    Raises:
        ArgumentError: for another `interpolation`.
        ShapeError: for another number of axes, or points of another shape.

    Example:
        >>> from lamella import ops
        >>> square = [[0.0, 0.0], [0.0, 2.0], [2.0, 0.0], [2.0, 2.0]]
        >>> same = ops.image.perspective_transform(ops.ones((3, 3, 1)), square, square)
        >>> bool(ops.all(ops.abs(same - 1) < 1e-4))
        True
    """
    name = "image.perspective_transform"
    one_of(name, "interpolation", interpolation, tuple(_ORDERS))
    given = Images(name, images, data_format)
    xp, start, end = arrays(start_points, end_points)
    batch = given.x.shape[0]
    for what, points in (("start_points", start), ("end_points", end)):
        if tuple(points.shape) not in ((4, 2), (1, 4, 2), (batch, 4, 2)):
            raise ShapeError(
                f"`{name}` needs `{what}` of shape (4, 2), or (batch, 4, 2) with the batch of the images; got "
                f"{tuple(points.shape)}."
            )
    start, end = (_float(p if p.ndim == 3 else p[None]) for p in (start, end))
    h = _homography(xp, end, start)[..., None, None]  # from places of the result to places of the input
    y, x = (xp.asarray(a) for a in _grid(*given.x.shape[1:3]))
    scale = h[:, 6] * x + h[:, 7] * y + 1.0
    columns = (h[:, 0] * x + h[:, 1] * y + h[:, 2]) / scale
    rows = (h[:, 3] * x + h[:, 4] * y + h[:, 5]) / scale
    return _warped(given, rows, columns, interpolation, "constant", fill_value)


def _homography(xp: Any, source: Array, target: Array) -> Array:
    """The parameters `(batch, 8)` of the projective maps that take `source` to `target`, `(batch, 4, 2)`."""
    shape = (max(source.shape[0], target.shape[0]), 4, 2)
    source, target = xp.broadcast_to(source, shape), xp.broadcast_to(target, shape)
    x, y, u, v = source[..., 0], source[..., 1], target[..., 0], target[..., 1]
    one, zero = xp.ones_like(x), xp.zeros_like(x)
    first = xp.stack([x, y, one, zero, zero, zero, -u * x, -u * y], axis=-1)
    second = xp.stack([zero, zero, zero, x, y, one, -v * x, -v * y], axis=-1)
    matrix = xp.concat([first, second], axis=1)
    return xp.linalg.solve(matrix, xp.concat([u, v], axis=1)[..., None])[..., 0]


@op
def elastic_transform(
    images: ArrayLike,
    alpha: float = 20.0,
    sigma: float = 5.0,
    interpolation: str = "bilinear",
    fill_mode: str = "reflect",
    fill_value: float = 0.0,
    seed: Seed = None,
    data_format: str | None = None,
) -> Array:
    """Images whose pixels are displaced by a smooth random field.

    Simard, Steinkraus and Platt (2003), "Best practices for convolutional neural networks", section 2. The field is
    normal noise of standard deviation `sigma`, smoothed by a Gaussian of the same width, times `alpha`; as in Keras,
    both coordinates are displaced by the same amount.

    Args:
        images: `(height, width, channels)` or a batch of them, or with channels first.
        alpha: how far pixels are displaced.
        sigma: how smooth the field is, in pixels.
        interpolation: "nearest" or "bilinear".
        fill_mode, fill_value: what lies outside, as in `map_coordinates`.
        seed: an integer for the same field each time, a `SeedGenerator` for new ones, or None.
        data_format: "channels_last" or "channels_first"; defaults to `image_data_format()`.

    Returns:
        Images of the same shape and dtype.

    Raises:
        ArgumentError: for another `interpolation` or `fill_mode`.
        ShapeError: for another number of axes.

    Example:
        >>> from lamella import ops
        >>> ops.image.elastic_transform(ops.ones((8, 8, 3)), seed=1).shape
        (8, 8, 3)
    """
    given = _placed(images, interpolation, fill_mode, data_format)
    return _displaced(given, alpha, sigma, int(6 * sigma) | 1, None, interpolation, fill_mode, fill_value, seed)


def elastic_transform_within(
    images: ArrayLike,
    alpha: Any,
    sigma: Any,
    largest_sigma: float,
    interpolation: str,
    fill_mode: str,
    fill_value: float,
    seed: Seed,
    data_format: str | None,
) -> Array:
    """`elastic_transform` where alpha and sigma may be computed in a program; sigma is `largest_sigma` at most."""
    xp = _registry.active().xp
    reach = xp.floor(xp.floor(6 * sigma) / 2)  # of a window of int(6 sigma) | 1
    given = _placed(images, interpolation, fill_mode, data_format)
    window = int(6 * largest_sigma) | 1
    return _displaced(given, alpha, sigma, window, reach, interpolation, fill_mode, fill_value, seed)


def _placed(images: ArrayLike, interpolation: str, fill_mode: str, data_format: str | None) -> Images:
    name = "image.elastic_transform"
    one_of(name, "interpolation", interpolation, tuple(_ORDERS))
    one_of(name, "fill_mode", fill_mode, FILL_MODES)
    return Images(name, images, data_format)


def _displaced(
    given: Images,
    alpha: Any,
    sigma: Any,
    window: int,
    reach: Any,
    interpolation: str,
    fill_mode: str,
    fill_value: float,
    seed: Seed,
) -> Array:
    from lamella.random import normal

    xp = given.xp
    batch, height, width, _ = given.x.shape
    dtype = given.dtype if _dtypes.is_float_dtype(given.dtype) else "float32"
    noise = normal((batch, height, width), 0.0, sigma, dtype, seed)
    smooth = gaussian_filter(noise[..., None], (window, window), (sigma, sigma), reach=reach)
    field = alpha * _float(smooth[..., 0])
    y, x = (xp.asarray(a) for a in _grid(height, width))
    return _warped(given, y + field, x + field, interpolation, fill_mode, fill_value)
