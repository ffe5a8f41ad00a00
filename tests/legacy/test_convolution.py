"""Convolution and pooling by their definitions, as sums over windows."""

import itertools

import numpy as np
import pytest

import lamella.backend as K
from lamella.errors import ArgumentError, ShapeError

RNG = np.random.default_rng(3)
CLOSE = {"rtol": 1e-4, "atol": 1e-4}


def windows(x, size, strides, dilation):
    """(place, window of `x`) for all places along the axes between batch and channels."""
    reach = [(k - 1) * d + 1 for k, d in zip(size, dilation)]
    counts = [(n - r) // s + 1 for n, r, s in zip(x.shape[1:-1], reach, strides)]
    for place in itertools.product(*map(range, counts)):
        cut = tuple(slice(p * s, p * s + r, d) for p, s, r, d in zip(place, strides, reach, dilation))
        yield place, x[(slice(None), *cut)]


def margins(x, size, strides, dilation):
    pads = []
    for n, k, s, d in zip(x.shape[1:-1], size, strides, dilation):
        total = max((-(-n // s) - 1) * s + (k - 1) * d + 1 - n, 0)
        pads.append((total // 2, total - total // 2))
    return ((0, 0), *pads, (0, 0))


def convolved(x, kernel, strides, padding, dilation):
    rank = x.ndim - 2
    size = kernel.shape[:rank]
    if padding == "same":
        x = np.pad(x, margins(x, size, strides, dilation))
    out = {place: np.tensordot(w, kernel, axes=rank + 1) for place, w in windows(x, size, strides, dilation)}
    shape = tuple(np.max(list(out), axis=0) + 1)
    result = np.zeros((x.shape[0], *shape, kernel.shape[-1]))
    for place, value in out.items():
        result[(slice(None), *place)] = value
    return result


def first(x):
    return np.moveaxis(x, -1, 1)


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("stride, dilation", [(1, 1), (2, 1), (1, 2)])
def test_convolution(rank, padding, stride, dilation):
    x = RNG.normal(size=(2, *(7, 6, 5)[:rank], 3)).astype("float32")
    kernel = RNG.normal(size=(*(3, 2, 2)[:rank], 3, 4)).astype("float32")
    conv = getattr(K, f"conv{rank}d")
    expected = convolved(x, kernel, (stride,) * rank, padding, (dilation,) * rank)
    options = {"strides": stride, "padding": padding, "dilation_rate": dilation}
    np.testing.assert_allclose(K.eval(conv(x, kernel, **options)), expected, **CLOSE)
    if rank == 2:
        got = conv(first(x), kernel, data_format="channels_first", **options)
        np.testing.assert_allclose(K.eval(got), first(expected), **CLOSE)


def test_causal_convolution_does_not_look_ahead():
    x, kernel = RNG.normal(size=(1, 6, 2)).astype("float32"), RNG.normal(size=(3, 2, 4)).astype("float32")
    whole = K.eval(K.conv1d(x, kernel, padding="causal", dilation_rate=2))
    assert whole.shape == (1, 6, 4)
    np.testing.assert_allclose(
        K.eval(K.conv1d(x[:, :4], kernel, padding="causal", dilation_rate=2)), whole[:, :4], **CLOSE
    )
    np.testing.assert_allclose(
        K.eval(K.conv1d(first(x), kernel, padding="causal", dilation_rate=2, data_format="channels_first")),
        first(whole),
        **CLOSE,
    )


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(
    "size, kernel_size, stride", [((7, 6), (3, 2), 1), ((7, 8), (3, 2), 2), ((8, 7), (2, 5), 3), ((7, 6), (1, 1), 2)]
)
def test_the_transposed_convolution_is_the_gradient_of_the_convolution(padding, size, kernel_size, stride):
    import jax

    image = RNG.normal(size=(2, *size, 3)).astype("float32")
    kernel = RNG.normal(size=(*kernel_size, 3, 4)).astype("float32")
    out, pull_back = jax.vjp(lambda x: K.conv2d(x, kernel, strides=stride, padding=padding), image)
    upstream = RNG.normal(size=out.shape).astype("float32")
    (expected,) = pull_back(upstream)
    got = K.conv2d_transpose(upstream, kernel, image.shape, strides=stride, padding=padding)
    np.testing.assert_allclose(K.eval(got), np.asarray(expected), **CLOSE)
    shape = (2, 3, *size)
    got = K.conv2d_transpose(first(upstream), kernel, shape, stride, padding, "channels_first")
    np.testing.assert_allclose(K.eval(got), first(np.asarray(expected)), **CLOSE)


def test_the_transposed_convolution_of_volumes_and_of_another_shape():
    x = RNG.normal(size=(1, 2, 2, 2, 4)).astype("float32")
    kernel = RNG.normal(size=(2, 2, 2, 3, 4)).astype("float32")
    assert K.conv3d_transpose(x, kernel, (1, 4, 4, 5, 3), strides=2).shape == (1, 4, 4, 5, 3)
    with pytest.raises(ShapeError, match="conv3d_transpose cannot make"):
        K.conv3d_transpose(x, kernel, (1, 4, 4, 9, 3), strides=2)


def test_depthwise_and_separable_convolution():
    x = RNG.normal(size=(2, 6, 5, 3)).astype("float32")
    depthwise = RNG.normal(size=(3, 2, 3, 2)).astype("float32")
    pointwise = RNG.normal(size=(1, 1, 6, 4)).astype("float32")
    channels = [convolved(x[..., c : c + 1], depthwise[:, :, c : c + 1], (2, 2), "same", (1, 1)) for c in range(3)]
    expected = np.concatenate(channels, -1)
    got = K.depthwise_conv2d(x, depthwise, strides=(2, 2), padding="same")
    np.testing.assert_allclose(K.eval(got), expected, **CLOSE)
    got = K.separable_conv2d(x, depthwise, pointwise, strides=(2, 2), padding="same")
    np.testing.assert_allclose(K.eval(got), expected @ pointwise[0, 0], **CLOSE)
    line = K.separable_conv1d(x[:, :, 0], depthwise[:, 0], pointwise[0])
    expected = np.concatenate(
        [convolved(x[:, :, 0, c : c + 1], depthwise[:, 0, c : c + 1], (1,), "valid", (1,)) for c in range(3)], -1
    )
    np.testing.assert_allclose(K.eval(line), expected @ pointwise[0, 0], **CLOSE)


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_local_convolution_has_a_kernel_for_each_place(data_format):
    x = RNG.normal(size=(2, 5, 6, 3)).astype("float32")
    kernel = RNG.normal(size=(2 * 5, 3 * 2 * 3, 4)).astype("float32")
    expected = np.zeros((2, 2, 5, 4))
    for i, (place, window) in enumerate(windows(x, (3, 2), (2, 1), (1, 1))):
        flat = first(window) if data_format == "channels_first" else window
        expected[:, place[0], place[1]] = flat.reshape(2, -1) @ kernel[i]
    if data_format == "channels_first":
        x, expected = first(x), first(expected)
    got = K.local_conv2d(x, kernel, (3, 2), (2, 1), (2, 5), data_format)
    np.testing.assert_allclose(K.eval(got), expected, **CLOSE)


def test_local_convolution_along_one_axis():
    x, kernel = RNG.normal(size=(2, 5, 3)).astype("float32"), RNG.normal(size=(3, 6, 4)).astype("float32")
    got = K.eval(K.local_conv1d(x, kernel, (2,), (1,)))
    for i in range(3):
        np.testing.assert_allclose(got[:, i], x[:, i : i + 2].reshape(2, -1) @ kernel[i], **CLOSE)
    assert K.local_conv1d(K.placeholder((None, 5, 3)), kernel, (2,), (1,)).shape == (None, 3, 4)


@pytest.mark.parametrize("mode, reduce", [("max", np.max), ("avg", np.mean)])
def test_pooling(mode, reduce):
    x = RNG.normal(size=(2, 6, 5, 4, 3)).astype("float32")
    flat = x[:, :, :, 0]
    expected = np.zeros((2, 2, 2, 3))
    for place, window in windows(flat, (3, 2), (3, 2), (1, 1)):
        expected[:, place[0], place[1]] = reduce(window, axis=(1, 2))
    np.testing.assert_allclose(K.eval(K.pool2d(flat, (3, 2), (3, 2), pool_mode=mode)), expected, **CLOSE)
    got = K.pool2d(first(flat), (3, 2), (3, 2), data_format="channels_first", pool_mode=mode)
    np.testing.assert_allclose(K.eval(got), first(expected), **CLOSE)
    assert K.pool3d(x, (2, 2, 2), (2, 2, 2), padding="same", pool_mode=mode).shape == (2, 3, 3, 2, 3)


def test_pooling_says_what_it_cannot_do():
    x = np.ones((1, 4, 4, 1), "float32")
    for options, message in [
        ({"pool_mode": "sum"}, "pool_mode"),
        ({"padding": "causal"}, "padding"),
        ({"strides": (1,)}, "strides"),
    ]:
        with pytest.raises(ArgumentError, match=message):
            K.pool2d(x, (2, 2), **options)
    with pytest.raises(ShapeError, match="4 axes"):
        K.pool2d(x[0], (2, 2))
    with pytest.raises(ShapeError, match="5 axes"):
        K.conv3d(x, x)


def test_images_are_resized_smoothly(keras_ops):
    import keras

    x = RNG.normal(size=(1, 3, 4, 2)).astype("float32")
    got = K.resize_images(x, 2, 3, "channels_last", interpolation="bilinear")
    expected = keras.ops.image.resize(x, (6, 12), interpolation="bilinear", data_format="channels_last")
    np.testing.assert_allclose(K.eval(got), np.asarray(expected), rtol=1e-4, atol=1e-5)
