"""Shapes and dtypes worked out without computing."""

import numpy as np
import pytest
from beside_keras import beside_keras

from lamella import KerasTensor, layers, ops
from lamella.backend import use
from lamella.core._inference import infer_spec
from lamella.errors import LamellaError, ShapeError


def spec(fn, *args, **kwargs):
    out = infer_spec(fn, args, kwargs)
    return (out.shape, out.dtype)


def T(*shape, dtype="float32"):
    return KerasTensor(shape, dtype=dtype)


@pytest.mark.parametrize(
    ("fn", "args", "shape"),
    [
        (lambda x: x + 1, [T(None, 3)], (None, 3)),
        (lambda x: ops.reshape(x, (-1, 6)), [T(None, 2, 3)], (None, 6)),
        (lambda x: ops.reshape(x, (-1,)), [T(None, 2, 3)], (None,)),
        (lambda x: ops.reshape(x, (-1,)), [T(4, 2, 3)], (24,)),
        (lambda x: ops.reshape(x, (ops.shape(x)[0], 6)), [T(None, 2, 3)], (None, 6)),
        (lambda x: ops.reshape(x, (-1, 4, 5)), [T(None, 10)], (None, 4, 5)),
        (lambda x: ops.transpose(x), [T(None, 2, None)], (None, 2, None)),
        (lambda x, y: ops.matmul(x, y), [T(None, None, 4), T(4, 5)], (None, None, 5)),
        (lambda x, y: ops.concatenate([x, y], 0), [T(None, 4), T(None, 4)], (None, 4)),
        (lambda x, y: ops.concatenate([x, y], 0), [T(2, 4), T(3, 4)], (5, 4)),
        (lambda x: ops.concatenate([x, x], 1), [T(None, 4)], (None, 8)),
        (lambda x: ops.split(x, 3, 1)[0], [T(None, 6)], (None, 2)),
        (lambda x, y: x + y, [T(None, 3), T(5, 3)], (5, 3)),
        (lambda x, y: x + y, [T(None, None, 4), T(None, 3, 4)], (None, 3, 4)),
        (lambda x, y: x + y, [T(None, None, None, 4), T(None, 3, 5, 4)], (None, 3, 5, 4)),
        (lambda x, y: ops.matmul(x, y), [T(None, 7, None), T(None, 6, 4)], (None, 7, 4)),
        (lambda x, y: ops.concatenate([x, y], 1), [T(None, None), T(5, 2)], (5, None)),
        (lambda x, y: x + y, [T(None, 3), T(1, 3)], (None, 3)),
        (lambda x, y: x + y, [T(None, 1), T(3)], (None, 3)),
        (lambda x: ops.sum(x, 0), [T(None, 3)], (3,)),
        (lambda x: ops.sum(x, 1, keepdims=True), [T(None, None)], (None, 1)),
        (lambda x: x[:, 0], [T(None, 3)], (None,)),
        (lambda x: x[1:], [T(None, 3)], (None, 3)),
        (lambda x: x[:2], [T(None, 3)], (2, 3)),
        (lambda x: x[..., None], [T(None, 3)], (None, 3, 1)),
        (lambda x: ops.expand_dims(x, 0), [T(None)], (1, None)),
        (lambda x: ops.repeat(x, 2, 0), [T(None, 3)], (None, 3)),
        (lambda x: ops.einsum("bij,bjk->bik", x, x), [T(None, 3, 3)], (None, 3, 3)),
        (lambda x: ops.stack([x, x], 1), [T(None, 3)], (None, 2, 3)),
        (lambda x: ops.pad(x, [[0, 0], [1, 2]]), [T(None, 3)], (None, 6)),
        (lambda x: ops.mean(x), [T(None, None)], ()),
        (lambda x: x, [T()], ()),
        (lambda x: x, [T(0, None)], (0, None)),
        (lambda x: ops.reshape(x, (2, -1)), [T(None, 3)], (2, None)),
        (lambda x: ops.reshape(x, (3, 2)), [T(None, 3)], (3, 2)),
        (lambda x, y: ops.matmul(x, y), [T(None, None), T(3, 4)], (None, 4)),
        (lambda x, y: ops.matmul(x, y), [T(None, 3), T(None, 4)], (None, 4)),
        (lambda x, y: ops.conv(x, y), [T(None, None, None), T(3, 3, 5)], (None, None, 5)),
        (lambda x, y: ops.take_along_axis(x, y, 1), [T(2, 3), T(None, None, dtype="int32")], (2, None)),
        (lambda x, y: x + y, [T(None, 3, None), T(2, 3, 4)], (2, 3, 4)),
        (lambda x, y: x + y, [T(None, None, None, None, None), T(2, 3, 4, 5, 6)], (2, 3, 4, 5, 6)),
        (lambda x, y, z: ops.where(x, y, z), [T(None, 3, dtype="bool"), T(None, 1), T(5, 3)], (5, 3)),
        (lambda x: ops.image.pad_images(x, 1, 2, target_height=12, target_width=14), [T(None, None, None, None)], (None, 12, 14, None)),
        (lambda x: ops.image.rgb_to_grayscale(x), [T(None, 9, 9, None)], (None, 9, 9, 1)),
        (lambda x: ops.fold(x, 4, 2), [T(None, 12, None)], (None, 3, 4, 4)),
    ],
)  # fmt: skip
def test_shapes(fn, args, shape):
    assert spec(fn, *args)[0] == shape


@beside_keras
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "int8", "bool", "uint8", "int32", "float16"])
def test_dtypes(keras, dtype):
    x = keras.KerasTensor((None, 3), dtype)
    ops = keras.ops
    return [
        ops.add(x, 1),
        ops.mean(x, -1),
        ops.sum(x),
        ops.exp(x),
        ops.argmax(x),
        ops.equal(x, x),
        ops.cast(x, "int16"),
        ops.true_divide(x, x),
    ]


@beside_keras
@pytest.mark.parametrize(
    "f",
    [
        lambda o, x: o.split(x, 2, axis=-1),
        lambda o, x: o.meshgrid(x[0], x[0]),
        lambda o, x: o.moments(x, axes=[0]),
        lambda o, x: o.shape(x),
        lambda o, x: o.unstack(x, axis=1),
    ],
)
def test_several_outputs(keras, f):
    return f(keras.ops, keras.KerasTensor((None, 4)))


def test_structures_pass_through():
    out = infer_spec(
        lambda d, k=None: {"a": d["x"] + 1, "b": (d["y"][0], "text", None, 3)}, ({"x": T(None), "y": [T(2)]},), {}
    )
    assert out["a"].shape == (None,)
    assert out["b"][0].shape == (2,)
    assert out["b"][1:] == ("text", None, 3)


@pytest.mark.parametrize(
    ("fn", "args"),
    [
        (lambda x, y: x + y, [T(None, 3), T(5, 4)]),
        (lambda x: ops.reshape(x, (4, 5)), [T(3, 5)]),
        (lambda x, y: ops.matmul(x, y), [T(None, 3), T(4, 5)]),
        (lambda x, y: ops.concatenate([x, y], 1), [T(2, 3), T(3, 3)]),
        (lambda x: ops.reshape(x, (ops.shape(x)[0], 6)), [T(None, 5)]),
    ],
)
def test_errors_are_told(fn, args):
    with pytest.raises(ShapeError) as error:
        infer_spec(fn, args, {})
    assert "2520" not in str(error.value)


def test_the_note_of_an_op_tells_shapes():
    def broken(x):
        raise RuntimeError("inside")

    layer = layers.Lambda(broken, name="mine")
    with pytest.raises(RuntimeError, match="inside") as error:
        layer(T(None, 3))
    notes = "\n".join(error.value.__notes__)
    assert "mine" in notes
    assert "(None, 3)" in notes


@beside_keras
@pytest.mark.parametrize("shapes", [((None, 3), (4, 5)), ((2, 3), (3, 3))])
def test_ops_on_shapes_that_do_not_fit(keras, shapes):
    return keras.ops.matmul(*(keras.KerasTensor(s) for s in shapes))


def test_nothing_is_changed_by_working_out_shapes():
    layer = layers.BatchNormalization()
    layer.build((None, 3))
    before = [w.copy() for w in layer.get_weights()]
    layer(T(None, 3), training=True)
    layer.compute_output_shape((None, 3))
    for a, b in zip(before, layer.get_weights()):
        np.testing.assert_array_equal(a, b)


def test_losses_of_abstract_runs_are_not_kept():
    class Penalised(layers.Layer):
        def call(self, x):
            self.add_loss(ops.sum(x))
            return x

    layer = Penalised()
    layer(T(None, 3))
    assert layer.losses == []


@pytest.mark.parametrize("name", ["jax", "numpy"])
def test_every_backend_infers_alike(name):
    with use(name):
        layer = layers.Dense(4)
        assert layer(T(None, 3)).shape == (None, 4)
        assert type(layer.kernel.numpy()) is np.ndarray
        assert layer(np.ones((2, 3), "float32")).shape == (2, 4)


def test_results_that_do_not_depend_on_the_input():
    assert spec(lambda x: ops.ones((2, 3)), T(None)) == ((2, 3), "float32")
    assert spec(lambda x: ops.zeros_like(x, dtype="int8"), T(None, 2)) == ((None, 2), "int8")


def test_python_control_flow_on_shapes():
    def f(x):
        return x * 2 if x.shape[-1] == 3 else x[:, :1]

    assert spec(f, T(None, 3))[0] == (None, 3)
    assert spec(f, T(None, 4))[0] == (None, 1)


def test_control_flow_on_values_is_an_error_not_a_guess():
    with pytest.raises((LamellaError, TypeError, ValueError)):
        infer_spec(lambda x: x if x.sum() > 0 else -x, (T(None, 3),), {})


@beside_keras
@pytest.mark.parametrize(
    "layer, shape",
    [
        (lambda layers: layers.Dense(4), (None, None, None)),
        (lambda layers: layers.Conv2D(4, 3, strides=2), (None, 9, None, None)),
        (lambda layers: layers.Conv1D(4, 3, data_format="channels_first"), (None, None, 9)),
        (lambda layers: layers.Conv2DTranspose(4, 3, padding="same"), (None, None, None, None)),
        (lambda layers: layers.ConvLSTM1D(4, 3), (None, None, 8, None)),
        (lambda layers: layers.BatchNormalization(), (None, 5, None)),
        (lambda layers: layers.GroupNormalization(4), (None, None, None, None)),
        (lambda layers: layers.LSTM(4, return_sequences=True), (None, None, None)),
    ],
)
def test_shapes_around_sizes_that_weights_would_need(keras, layer, shape):
    return tuple(layer(keras.layers).compute_output_shape(shape))


def test_no_shape_where_none_fits():
    with pytest.raises(ShapeError, match="known size"):
        layers.Conv2D(4, 3).compute_output_shape((None, None, None))
