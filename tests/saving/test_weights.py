"""Weights as files: strict, all or none, and in every format the same."""

import json
import os
import warnings

import h5py
import ml_dtypes
import numpy as np
import pytest
from beside_keras import beside_keras

import lamella as keras
from lamella.errors import ArgumentError, SerializationError

layers = keras.layers
FORMATS = ["m.weights.h5", "m.npz", "m.safetensors", "m.keras", "m.h5", "folder"]


def mlp(*units, features=3, **options):
    return keras.Sequential(
        [keras.Input((features,)), *(layers.Dense(n, name=f"d{i}", **options) for i, n in enumerate(units))], name="m"
    )


def write(model, path):
    if path.name.endswith((".keras", ".h5")) and not path.name.endswith(".weights.h5"):
        model.save(path)
    elif path.suffix:
        model.save_weights(path)
    else:
        model.save(path, zipped=False)
    return path


def same(a, b):
    return all(np.array_equal(x, y) for x, y in zip(a.get_weights(), b.get_weights(), strict=True))


@pytest.mark.parametrize("name", FORMATS)
def test_weights_come_back(tmp_path, name):
    model, other = mlp(4, 2), mlp(4, 2)
    assert not same(model, other)
    other.load_weights(write(model, tmp_path / name))
    assert same(model, other)


@beside_keras
@pytest.mark.parametrize("kind", ["drawn", "stack", "subclassed"])
def test_layers_of_a_graph_or_stack_stand_under_layers_whatever_holds_them(keras, kind, tmp_path):
    layers = keras.layers
    first, second, extra = layers.Dense(1), layers.Dense(2), layers.Dense(3)
    extra.build((None, 1))

    class Drawn(keras.Model):
        def __init__(self):
            x = keras.Input((4,))
            super().__init__(x, second(first(x)))
            self.head, self.blocks, self.extra = first, [second, extra], extra

        @property
        def alias(self):
            return self.head

    class Stack(keras.Sequential):
        def __init__(self):
            super().__init__([keras.Input((4,)), first, second])
            self.head, self.extra = first, extra

    class Subclassed(keras.Model):
        def __init__(self):
            super().__init__()
            self.head, self.inner = first, keras.Sequential([first, second])

        def call(self, x):
            return self.inner(x)

    model = {"drawn": Drawn, "stack": Stack, "subclassed": Subclassed}[kind]()
    model(np.ones((1, 4), "float32"))
    model.save_weights(tmp_path / "m.weights.h5")
    found = []
    with h5py.File(tmp_path / "m.weights.h5") as file:
        file.visititems(lambda name, item: found.append((name, item.shape)) if isinstance(item, h5py.Dataset) else None)
    return found


@pytest.mark.parametrize("name", FORMATS)
def test_everything_that_does_not_fit_is_listed_and_nothing_is_changed(tmp_path, name):
    path = write(mlp(4, 2), tmp_path / name)
    other = mlp(4, 3)
    before = other.get_weights()
    with pytest.raises(SerializationError) as error:
        other.load_weights(path)
    text = str(error.value)
    assert "d1/kernel" in text and "d1/bias" in text and "(4, 2)" in text and "(4, 3)" in text
    assert "d0" not in text.partition("\n")[2].replace("d0/", "")
    assert all(np.array_equal(a, b) for a, b in zip(before, other.get_weights()))


def test_missing_extra_and_mistyped_weights_are_named(tmp_path):
    path = write(mlp(4, 2), tmp_path / "m.weights.h5")
    with pytest.raises(SerializationError, match=r"layers/dense_2/vars/0: missing; .*d2/kernel"):
        mlp(4, 2, 1).load_weights(path)
    with pytest.raises(SerializationError, match="layers/dense_1/vars/0: left over"):
        mlp(4).load_weights(path)
    with pytest.raises(SerializationError, match="layers/dense/vars/1: left over"):
        mlp(4, 2, use_bias=False).load_weights(path)
    with h5py.File(path, "a") as file:
        del file["layers/dense/vars/1"]
        file["layers/dense/vars/1"] = np.zeros(4, "int64")
    with pytest.raises(SerializationError, match=r"layers/dense/vars/1: dtype int64; .*float32"):
        mlp(4, 2).load_weights(path)


@pytest.mark.parametrize("name", ["m.weights.h5", "m.npz", "m.safetensors", "m.keras"])
def test_skip_mismatch_leaves_out_what_does_not_fit(tmp_path, name):
    model, other = mlp(4, 2), mlp(4, 3, 1)
    before = other.get_weights()
    with pytest.warns(UserWarning, match="Skipping") as caught:
        other.load_weights(write(model, tmp_path / name), skip_mismatch=True)
    assert len(caught) == 2
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights()[:2], other.get_weights()[:2]))
    assert all(np.array_equal(a, b) for a, b in zip(before[2:], other.get_weights()[2:]))


@pytest.mark.parametrize("name", ["m.weights.h5", "m.npz", "m.safetensors", "m.keras"])
def test_objects_to_skip_stay_as_they_are(tmp_path, name):
    path = write(mlp(4, 2), tmp_path / name)
    for other in (mlp(4, 2), mlp(4, 3)):  # whether they fit or not
        before = other.layers[1].get_weights()
        other.load_weights(path, objects_to_skip=[other.layers[1]])
        assert all(np.array_equal(a, b) for a, b in zip(before, other.layers[1].get_weights(), strict=True))
        reread = mlp(4, 2)
        reread.load_weights(path)
        assert same(other.layers[0], reread.layers[0])


def test_objects_to_skip_are_skipped_with_what_they_hold(tmp_path):
    def nested():
        return keras.Sequential([keras.Input((3,)), mlp(4, 2), layers.Dense(1)])

    model, other = nested(), nested()
    keras.saving.save_weights(model, tmp_path / "m.weights.h5", objects_to_skip=[model.layers[0]])
    with pytest.raises(SerializationError, match="missing"):
        other.load_weights(tmp_path / "m.weights.h5")
    other.load_weights(tmp_path / "m.weights.h5", objects_to_skip=[other.layers[0]])
    assert same(model.layers[1], other.layers[1]) and not same(model.layers[0], other.layers[0])


def test_objects_to_skip_is_not_for_old_files(tmp_path):
    model = mlp(2)
    with pytest.raises(ArgumentError, match="objects_to_skip"):
        model.load_weights(write(model, tmp_path / "m.h5"), objects_to_skip=[])


def test_by_name(tmp_path):
    path = write(mlp(4, 2), tmp_path / "m.h5")
    other = keras.Sequential([keras.Input((3,)), layers.Dense(4, name="d0"), layers.Dense(5, name="new")])
    before = other.get_weights()
    other.load_weights(path, by_name=True)
    assert not np.array_equal(before[0], other.get_weights()[0])
    assert np.array_equal(before[2], other.get_weights()[2])
    wrong = keras.Sequential([keras.Input((3,)), layers.Dense(7, name="d0")])
    with pytest.raises(SerializationError, match="d0: shape"):
        wrong.load_weights(path, by_name=True)
    with pytest.warns(UserWarning, match="Skipping"):
        wrong.load_weights(path, by_name=True, skip_mismatch=True)
    with pytest.raises(ArgumentError, match="by_name"):
        other.load_weights(write(mlp(4, 2), tmp_path / "m.weights.h5"), by_name=True)


def test_the_state_of_the_optimizer_comes_along(tmp_path):
    x, y = np.ones((4, 3), "float32"), np.ones((4, 2), "float32")
    model, other = mlp(4, 2), mlp(4, 2)
    for m in (model, other):
        m.compile("adam", "mse")
    model.train_on_batch(x, y)
    model.save_weights(tmp_path / "m.weights.h5")
    other.load_weights(tmp_path / "m.weights.h5")
    for a, b in zip(model.optimizer.variables, other.optimizer.variables, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    assert model.train_on_batch(x, y) == other.train_on_batch(x, y)
    mlp(4, 2).load_weights(tmp_path / "m.weights.h5")  # one that is not compiled takes the weights only
    another = mlp(4, 2)
    another.compile(keras.optimizers.Adam(amsgrad=True), "mse")
    with pytest.warns(UserWarning, match="Skipping variable loading for optimizer"):
        another.load_weights(tmp_path / "m.weights.h5")


def test_shards(tmp_path):
    model, other = mlp(40, 30, 2), mlp(40, 30, 2)
    model.save_weights(tmp_path / "m.weights.json", max_shard_size=2000 / 1024**3)
    parts = sorted(p.name for p in tmp_path.iterdir())
    assert parts[0] == "m.weights.json" or "m.weights.json" in parts
    assert len(parts) == 4 and "m_00000.weights.h5" in parts
    index = json.loads((tmp_path / "m.weights.json").read_text())
    assert index["metadata"]["total_size"] == sum(w.nbytes for w in model.get_weights())
    other.load_weights(tmp_path / "m.weights.json")
    assert same(model, other)
    os.remove(tmp_path / "m_00001.weights.h5")
    with pytest.raises(FileNotFoundError, match="m_00001"):
        other.load_weights(tmp_path / "m.weights.json")
    with pytest.raises(ArgumentError, match="max_shard_size"):
        model.save_weights(tmp_path / "m.weights.json", max_shard_size=0)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64", "int8", "uint8", "bool", "float8_e4m3fn"])
@pytest.mark.parametrize("name", ["m.weights.h5", "m.npz", "m.safetensors"])
def test_every_dtype_comes_back(tmp_path, dtype, name):
    class Holder(layers.Layer):
        def __init__(self):
            super().__init__()
            self.numpy_dtype = np.dtype(getattr(ml_dtypes, dtype, dtype))

        def save_own_variables(self, store):
            store["value"] = np.array([[0, 1], [1, 2]]).astype(self.numpy_dtype)

        def load_own_variables(self, store):
            assert list(store) == ["value"]
            self.value = store["value"]

    keras.saving.save_weights(Holder(), tmp_path / name)
    loaded = Holder()
    keras.saving.load_weights(loaded, tmp_path / name)
    assert loaded.value.dtype == loaded.numpy_dtype
    assert (
        loaded.value.astype("float32").tolist()
        == np.array([[0, 1], [1, 2]]).astype(loaded.numpy_dtype).astype("float32").tolist()
    )


def test_floats_of_another_width_are_cast(tmp_path):
    model = mlp(2, dtype="bfloat16")
    model.save_weights(tmp_path / "m.weights.h5")
    other = mlp(2)
    other.load_weights(tmp_path / "m.weights.h5")
    np.testing.assert_array_equal(other.get_weights()[0], model.get_weights()[0].astype("float32"))


def test_seeds_are_weights_of_ours(tmp_path):
    model = keras.Sequential([keras.Input((3,)), layers.Dropout(0.5, seed=1)])
    model(np.ones((2, 3), "float32"), training=True)
    model.save_weights(tmp_path / "m.weights.h5")
    again = keras.Sequential([keras.Input((3,)), layers.Dropout(0.5, seed=9)])
    again.load_weights(tmp_path / "m.weights.h5")
    x = np.ones((20, 3), "float32")
    np.testing.assert_array_equal(model(x, training=True), again(x, training=True))


def test_layers_without_weights_may_be_left_out(tmp_path):
    model = keras.Sequential([keras.Input((3,)), layers.Dropout(0.5), layers.Dense(2)])
    model.save_weights(tmp_path / "m.weights.h5")
    other = keras.Sequential([keras.Input((3,)), layers.Dense(2)])
    other.load_weights(tmp_path / "m.weights.h5")
    assert same(model, other)


def test_unbuilt_models_say_so(tmp_path):
    model = keras.Sequential([layers.Dense(2)])
    with pytest.raises(ArgumentError, match="never built"):
        model.save_weights(tmp_path / "m.weights.h5")
    path = write(mlp(2), tmp_path / "m.weights.h5")
    with pytest.raises(SerializationError, match="never built"):
        model.load_weights(path)


@pytest.mark.parametrize("name", ["m.h5", "m.keras", "m", "m.json", "weights.h5x"])
def test_endings_of_weights(tmp_path, name):
    with pytest.raises(ArgumentError, match=r"must end in `\.weights\.h5`"):
        mlp(2).save_weights(tmp_path / name)


def test_bad_arguments(tmp_path):
    model = mlp(2)
    for name in ("m.weights.h5", "m.h5", "m.npz", "m.safetensors", "m.keras", "m.weights.json"):
        with pytest.raises(FileNotFoundError):
            model.load_weights(tmp_path / name)
    with pytest.raises(ArgumentError, match="not supported"):
        model.load_weights(tmp_path / "m.pkl")
    with pytest.raises(ArgumentError, match="Invalid keyword arguments"):
        model.load_weights(tmp_path / "m.h5", foo=1)
    with pytest.raises(ArgumentError, match="Expected a model"):
        keras.saving.save_weights("model", tmp_path / "m.weights.h5")


def test_what_keras_does_not_know_it_does_not_miss(tmp_path):
    """Groups without arrays, and layers without weights, do not count."""
    path = write(mlp(4, 2), tmp_path / "m.weights.h5")
    other = keras.Sequential(
        [keras.Input((3,)), layers.Dense(4), layers.ReLU(), layers.Dropout(0.1), layers.Dense(2), layers.Softmax()]
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        other.load_weights(path)
    assert len(other.get_weights()) == 4
