"""K.* functions beside NumPy: elements, axes, products, shapes."""

import numpy as np
import pytest

import lamella
import lamella.backend as K
from lamella.errors import ArgumentError, ShapeError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(3, 4, 5)).astype("float32")
Y = RNG.normal(size=(3, 4, 5)).astype("float32")
A, B = X[0], Y[0].T.copy()


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


UNARY = {
    "abs": np.abs,
    "sign": np.sign,
    "square": np.square,
    "exp": np.exp,
    "sin": np.sin,
    "cos": np.cos,
    "round": np.round,
    "tanh": np.tanh,
    "sqrt": lambda x: np.sqrt(np.maximum(x, 0)),
    "log": np.log,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "hard_sigmoid": lambda x: np.clip(0.2 * x + 0.5, 0, 1),
    "softplus": lambda x: np.log1p(np.exp(x)),
    "softsign": lambda x: x / (1 + np.abs(x)),
    "elu": lambda x: np.where(x > 0, x, np.expm1(x)),
    "relu": lambda x: np.maximum(x, 0),
    "softmax": softmax,
    "transpose": np.transpose,
    "flatten": np.ravel,
    "batch_flatten": lambda x: x.reshape(3, -1),
    "identity": lambda x: x,
    "zeros_like": np.zeros_like,
    "ones_like": np.ones_like,
    "cumsum": lambda x: np.cumsum(x, 0),
    "cumprod": lambda x: np.cumprod(x, 0),
    "argmax": lambda x: np.argmax(x, -1),
    "argmin": lambda x: np.argmin(x, -1),
    "expand_dims": lambda x: x[..., None],
    "stop_gradient": lambda x: x,
}


@pytest.mark.parametrize("name", UNARY)
def test_functions_of_one_array(name):
    x = np.abs(X) + 0.1 if name == "log" else X
    np.testing.assert_allclose(K.eval(getattr(K, name)(x)), UNARY[name](x), rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("name", UNARY)
def test_functions_of_one_symbolic_tensor(name):
    symbolic = getattr(K, name)(K.placeholder((3, 4, 5)))
    assert symbolic.shape == UNARY[name](np.abs(X) + 0.1).shape


REDUCTIONS = ("sum", "prod", "mean", "var", "std", "max", "min")


@pytest.mark.parametrize("axis, keepdims", [(None, False), (-1, True), ([1, 2], False)])
@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions(name, axis, keepdims):
    expected = getattr(np, name)(X, axis=tuple(axis) if isinstance(axis, list) else axis, keepdims=keepdims)
    np.testing.assert_allclose(
        K.eval(getattr(K, name)(X, axis=axis, keepdims=keepdims)), expected, rtol=2e-5, atol=1e-5
    )


def test_any_and_all_take_numbers():
    flags = np.array([[0, 1], [2, 3]])
    assert K.eval(K.any(flags, axis=1)).tolist() == [True, True]
    assert K.eval(K.all(flags, axis=1)).tolist() == [False, True]
    assert K.eval(K.all(flags, axis=1, keepdims=True)).shape == (2, 1)


def test_mean_of_flags_is_a_share():
    assert float(K.mean(np.array([True, False, True, True]))) == 0.75
    assert K.dtype(K.mean(np.array([1, 2]))) == "float32"


def test_logsumexp():
    np.testing.assert_allclose(K.eval(K.logsumexp(X, axis=1)), np.log(np.exp(X).sum(1)), rtol=1e-5)


COMPARISONS = ("equal", "not_equal", "greater", "greater_equal", "less", "less_equal", "maximum", "minimum")


@pytest.mark.parametrize("name", COMPARISONS)
def test_functions_of_two_arrays(name):
    x, y = np.round(X), np.round(Y)
    np.testing.assert_array_equal(K.eval(getattr(K, name)(x, y)), getattr(np, name)(x, y))


def test_clip_where_the_bounds_cross_or_are_missing():
    assert K.eval(K.clip(np.array([-1.0, 5.0]), 2.0, 1.0)).tolist() == [2.0, 2.0]
    assert K.eval(K.clip(np.array([-1.0, 5.0]), None, 1.0)).tolist() == [-1.0, 1.0]
    assert K.eval(K.clip(np.array([-1.0, 5.0]), None, None)).tolist() == [-1.0, 5.0]


@pytest.mark.parametrize("alpha", [0.0, 0.1])
@pytest.mark.parametrize("max_value", [None, 1.5])
@pytest.mark.parametrize("threshold", [0.0, 0.5, -0.5])
def test_relu_by_its_definition(alpha, max_value, threshold):
    expected = np.where(threshold <= X, X, alpha * (X - threshold))
    if max_value is not None:
        expected = np.where(max_value <= X, max_value, expected)
    got = K.eval(K.relu(X, alpha=alpha, max_value=max_value, threshold=threshold))
    np.testing.assert_allclose(got, expected, rtol=1e-6)


def test_pow():
    np.testing.assert_allclose(K.eval(K.pow(X, 2)), X**2, rtol=1e-6)


# ---- products ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("shapes", [((2, 3), (3, 4)), ((2, 5, 3), (3, 4)), ((2, 3), (5, 3, 4)), ((2, 6, 3), (5, 3, 4))])
def test_dot_sums_over_the_last_and_the_last_but_one_axis(shapes):
    x, y = (RNG.normal(size=s).astype("float32") for s in shapes)
    expected = np.tensordot(x, y, axes=(x.ndim - 1, y.ndim - 2))
    np.testing.assert_allclose(K.eval(K.dot(x, y)), expected, rtol=1e-5, atol=1e-6)
    assert K.int_shape(K.dot(K.placeholder(shapes[0]), K.constant(y))) == expected.shape


def per_example(x, y, axes):
    """K.batch_dot example by example; `axes` count the batch axis."""
    rows = [np.tensordot(a, b, axes=(axes[0] - 1, axes[1] - 1)) for a, b in zip(x, y)]
    return np.stack([np.atleast_1d(r) for r in rows])


@pytest.mark.parametrize(
    "x_shape, y_shape, axes",
    [
        ((4, 3), (4, 3), None),
        ((4, 3), (4, 3), 1),
        ((4, 2, 3), (4, 3, 5), None),
        ((4, 2, 3), (4, 5, 3), (2, 2)),
        ((4, 2, 3), (4, 5, 3), 2),
        ((4, 2, 3), (4, 3), None),
        ((4, 3), (4, 3, 5), None),
        ((4, 2, 6, 3), (4, 3, 5), None),
        ((4, 2, 6, 3), (4, 7, 6, 5), (2, 2)),
        ((4, 2, 3), (4, 3, 5), (-1, -2)),
        ((4, 20, 1), (4, 30, 20), (1, 2)),
    ],
)
def test_batch_dot(x_shape, y_shape, axes):
    x, y = (RNG.normal(size=s).astype("float32") for s in (x_shape, y_shape))
    pair = axes if isinstance(axes, tuple) else (axes, axes)
    if axes is None:
        pair = (x.ndim - 1, y.ndim - 1 if y.ndim == 2 else y.ndim - 2)
    pair = (pair[0] % x.ndim, pair[1] % y.ndim)
    expected = per_example(x, y, pair)
    np.testing.assert_allclose(K.eval(K.batch_dot(x, y, axes=axes)), expected, rtol=1e-5, atol=1e-5)
    drawn = K.batch_dot(K.placeholder((None, *x_shape[1:])), K.placeholder((None, *y_shape[1:])), axes=axes)
    assert drawn.shape == (None, *expected.shape[1:])


@pytest.mark.parametrize(
    "shapes, axes, message",
    [
        (((3,), (3, 4)), None, "at least two axes"),
        (((2, 3), (2, 4)), None, "3 and 4"),
        (((2, 3), (5, 3)), None, "2 and 5"),
        (((2, 3), (2, 3)), 0, "batch axis"),
        (((2, 3), (2, 3)), (1, 2), "out of range"),
        (((2, 3), (2, 3)), (1,), "pair"),
    ],
)
def test_batch_dot_refuses_what_does_not_fit(shapes, axes, message):
    with pytest.raises((ShapeError, ArgumentError), match=message):
        K.batch_dot(np.ones(shapes[0]), np.ones(shapes[1]), axes=axes)


# ---- shapes ------------------------------------------------------------------------------------------


def test_shaping_functions():
    cases = [
        (K.reshape(X, (4, -1)), X.reshape(4, -1)),
        (K.permute_dimensions(X, (2, 0, 1)), X.transpose(2, 0, 1)),
        (K.squeeze(X[:, None], 1), X),
        (K.repeat(A, 3), np.repeat(A[:, None], 3, 1)),
        (K.repeat_elements(X, 2, 1), np.repeat(X, 2, 1)),
        (K.repeat_elements(X, 2, -1), np.repeat(X, 2, -1)),
        (K.tile(A, (2, 1)), np.tile(A, (2, 1))),
        (K.tile(np.arange(3), 2), np.tile(np.arange(3), 2)),
        (K.concatenate([X, Y]), np.concatenate([X, Y], -1)),
        (K.concatenate([X, Y], axis=1), np.concatenate([X, Y], 1)),
        (K.stack([X, Y]), np.stack([X, Y])),
        (K.reverse(X, 1), X[:, ::-1]),
        (K.reverse(X, [0, 2]), X[::-1, :, ::-1]),
        (K.gather(X, np.array([[2, 0]])), X[[[2, 0]]]),
        (K.slice(X, [1, 0, 2], [2, -1, 3]), X[1:3, :, 2:5]),
        (K.one_hot(np.array([1, 0]), 3), np.eye(3)[[1, 0]]),
        (K.arange(5), np.arange(5)),
        (K.arange(1, 10, 3, dtype="float32"), np.arange(1, 10, 3)),
        (K.temporal_padding(X), np.pad(X, ((0, 0), (1, 1), (0, 0)))),
        (K.resize_images(X[None], 2, 3, "channels_last"), np.repeat(np.repeat(X[None], 2, 1), 3, 2)),
        (K.resize_images(X[None], 2, 3, "channels_first"), np.repeat(np.repeat(X[None], 2, 2), 3, 3)),
        (K.resize_volumes(X[None, None], 2, 1, 3, "channels_first"), np.repeat(np.repeat(X[None, None], 2, 2), 3, 4)),
    ]
    for got, expected in cases:
        np.testing.assert_array_equal(K.eval(got), expected)


def test_batch_flatten_of_an_unknown_batch():
    assert K.batch_flatten(K.placeholder((None, 3, 4))).shape == (None, 12)
    assert K.batch_flatten(K.placeholder((2, None, 4))).shape == (2, None)


def test_paddings():
    images, volumes = X[None], X[None, ..., None]
    flat = K.eval(K.spatial_2d_padding(images, ((1, 2), (0, 3))))
    np.testing.assert_array_equal(flat, np.pad(images, ((0, 0), (1, 2), (0, 3), (0, 0))))
    flat = K.eval(K.spatial_2d_padding(images, ((1, 2), (0, 3)), "channels_first"))
    np.testing.assert_array_equal(flat, np.pad(images, ((0, 0), (0, 0), (1, 2), (0, 3))))
    solid = K.eval(K.spatial_3d_padding(volumes))
    np.testing.assert_array_equal(solid, np.pad(volumes, ((0, 0), (1, 1), (1, 1), (1, 1), (0, 0))))
    with pytest.raises(ArgumentError, match="spatial_2d_padding"):
        K.spatial_2d_padding(images, (1, 2, 3))
    with pytest.raises(ArgumentError, match="data_format"):
        K.spatial_2d_padding(images, data_format="channels_middle")


def test_repeat_takes_rows_only():
    with pytest.raises(ShapeError, match="samples"):
        K.repeat(X, 2)


def test_the_functions_run_inside_a_model():
    inputs = lamella.Input((4,))
    outputs = lamella.layers.Lambda(lambda x: K.l2_normalize(K.square(x), axis=-1))(inputs)
    model = lamella.Model(inputs, outputs)
    x = RNG.normal(size=(2, 4)).astype("float32")
    np.testing.assert_allclose(np.asarray(model(x)), x**2 / np.linalg.norm(x**2, axis=-1, keepdims=True), rtol=1e-5)
