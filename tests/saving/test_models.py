"""Whole models as files."""

import contextlib
import json
import os
import pathlib
import zipfile

import numpy as np
import pytest

import lamella as keras
from lamella.errors import ArgumentError, SerializationError
from lamella.saving import _atomic

layers = keras.layers
X, Y = np.linspace(-1, 1, 12, dtype="float32").reshape(4, 3), np.ones((4, 2), "float32")
FORMS = [("m.keras", {}), ("folder", {"zipped": False}), ("m.h5", {}), ("m.hdf5", {})]


def trained(optimizer="adam"):
    model = keras.Sequential(
        [keras.Input((3,)), layers.Dense(4, "relu"), layers.BatchNormalization(), layers.Dense(2)], name="m"
    )
    model.compile(optimizer, "mse", metrics=["mae"])
    model.train_on_batch(X, Y)
    return model


@pytest.mark.parametrize("name, options", FORMS)
def test_a_model_goes_on_where_it_was(tmp_path, name, options):
    model = trained()
    model.save(tmp_path / name, **options)
    again = keras.models.load_model(tmp_path / name)
    assert type(again) is type(model) and again.name == "m"
    np.testing.assert_array_equal(model.predict_on_batch(X), again.predict_on_batch(X))
    assert model.train_on_batch(X, Y) == again.train_on_batch(X, Y)
    for a, b in zip(
        model.variables + model.optimizer.variables, again.variables + again.optimizer.variables, strict=True
    ):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    plain = keras.saving.load_model(str(tmp_path / name), compile=False)
    assert not plain.compiled and plain.optimizer is None


@pytest.mark.parametrize("compile", [True, False])
def test_a_compile_of_ones_own_is_left_to_its_class(tmp_path, compile):
    @keras.saving.register_keras_serializable("tests.saving")
    class Adversaries(keras.Model):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.head = layers.Dense(2)

        def compile(self, d_optimizer, loss_fn):
            super().compile()
            self.d_optimizer, self.loss_fn = d_optimizer, loss_fn

        def call(self, x):
            return self.head(x)

    model = Adversaries()
    model(X)
    model.compile(keras.optimizers.Adam(), "mse")
    model.d_optimizer.build(model.trainable_variables)
    model.save(tmp_path / "m.keras")
    with contextlib.nullcontext() if not compile else pytest.warns(UserWarning, match=r"`compile\(\)` of its own"):
        again = keras.saving.load_model(tmp_path / "m.keras", compile=compile)
    assert not again.compiled
    np.testing.assert_array_equal(model(X), again(X))


def test_a_class_may_say_how_its_compile_comes_back(tmp_path):
    @keras.saving.register_keras_serializable("tests.saving")
    class Halved(keras.Sequential):
        def compile(self, rate):
            super().compile(keras.optimizers.SGD(rate / 2), "mse")
            self.rate = rate

        def get_compile_config(self):
            return {"rate": self.rate}

        def compile_from_config(self, config):
            self.compile(**config)

    model = Halved([keras.Input((3,)), layers.Dense(2)])
    model.compile(0.5)
    model.save(tmp_path / "m.keras")
    assert float(keras.saving.load_model(tmp_path / "m.keras").optimizer.learning_rate) == 0.25


def test_directories_for_h5_files_are_made(tmp_path):
    model = trained()
    model.save(tmp_path / "a" / "b" / "m.h5")
    assert (tmp_path / "a" / "b" / "m.h5").exists()
    with pytest.raises(FileNotFoundError):
        model.save(tmp_path / "c" / "m.keras")


def test_a_directory_has_another_ending_than_an_archive(tmp_path):
    with pytest.raises(ArgumentError, match="should not end in"):
        trained().save(tmp_path / "m.keras", zipped=False)
    assert not os.listdir(tmp_path)


def test_the_archive_is_what_keras_writes(tmp_path):
    trained().save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as archive:
        assert archive.namelist() == ["metadata.json", "config.json", "model.weights.h5"]
        assert json.loads(archive.read("metadata.json"))["keras_version"].startswith("3.")
        config = json.loads(archive.read("config.json"))
    assert {"module", "class_name", "config", "registered_name", "build_config", "compile_config"} <= set(config)
    assert os.listdir(tmp_path) == ["m.keras"]


def test_not_compiled_never_called_and_without_optimizer(tmp_path):
    model = keras.Sequential([keras.Input((3,)), layers.Dense(2)])
    model.save(tmp_path / "m.keras")
    assert not keras.saving.load_model(tmp_path / "m.keras").compiled
    model.compile("adam", "mse")  # compiled, but the optimizer has no slots yet
    model.save(tmp_path / "m.keras")
    assert keras.saving.load_model(tmp_path / "m.keras").optimizer.built
    model.train_on_batch(X, Y)
    model.save(tmp_path / "m.h5", include_optimizer=False)
    assert not keras.saving.load_model(tmp_path / "m.h5").compiled


@keras.saving.register_keras_serializable("tests.saving", "Wordy")
class Wordy(layers.Layer):
    """Has state that is no variable, in files of its own."""

    def __init__(self, words=None, **kwargs):
        super().__init__(**kwargs)
        self.words = words
        self.inner = layers.Dense(2)

    def call(self, x):
        return self.inner(x)

    def save_assets(self, dir_path):
        pathlib.Path(dir_path, "words.txt").write_text("\n".join(self.words))

    def load_assets(self, dir_path):
        self.words = pathlib.Path(dir_path, "words.txt").read_text().split("\n")

    def get_config(self):
        return super().get_config()


@pytest.mark.parametrize("name, options", FORMS[:2])
def test_assets(tmp_path, name, options):
    model = keras.Sequential([keras.Input((3,)), Wordy(["one", "two"], name="w")])
    model.save(tmp_path / name, **options)
    again = keras.saving.load_model(tmp_path / name)
    assert again.layers[0].words == ["one", "two"]
    np.testing.assert_array_equal(again.get_weights()[0], model.get_weights()[0])


class Unregistered(layers.Layer):
    def __init__(self, factor=2.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, x):
        return x * self.factor


def double(x):
    return x * 2


def test_custom_objects(tmp_path):
    inputs = keras.Input((3,))
    model = keras.Model(inputs, layers.Dense(2, activation=double)(Unregistered(3.0)(inputs)))
    for name in ("m.keras", "m.h5"):
        model.save(tmp_path / name)
        with pytest.raises(SerializationError, match=r"Unregistered.*register_keras_serializable"):
            keras.saving.load_model(tmp_path / name)
        mine = {"Unregistered": Unregistered, "double": double}
        again = keras.saving.load_model(tmp_path / name, custom_objects=mine)
        np.testing.assert_array_equal(again.predict_on_batch(X), model.predict_on_batch(X))
        with keras.saving.custom_object_scope(mine):
            assert keras.saving.load_model(tmp_path / name).layers[1].factor == 3.0


@keras.saving.register_keras_serializable("tests.saving")
class Tied(keras.Model):
    """Layers in collections, one of them in two places, and a variable of its own."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.blocks = [layers.Dense(3), layers.Dense(3)]
        self.last = {"again": self.blocks[0], "norm": [layers.BatchNormalization()]}
        self.scale = self.add_weight(shape=(3,), initializer="ones", name="scale")
        self.head = layers.Dense(2)

    def call(self, x):
        for block in [*self.blocks, self.last["again"], self.last["norm"][0]]:
            x = block(x)
        return self.head(x * self.scale)


@pytest.mark.parametrize("name, options", FORMS[:2])
def test_shared_layers_of_a_class(tmp_path, name, options):
    model = Tied()
    model.compile("adam", "mse")
    model.train_on_batch(X, Y)
    model.save(tmp_path / name, **options)
    again = keras.saving.load_model(tmp_path / name)
    assert again.last["again"] is again.blocks[0]
    np.testing.assert_array_equal(again.predict_on_batch(X), model.predict_on_batch(X))
    assert again.train_on_batch(X, Y) == model.train_on_batch(X, Y)


# ---- writing -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name, options", FORMS)
def test_a_failed_write_leaves_the_old(tmp_path, name, options, monkeypatch):
    model = trained()
    model.save(tmp_path / name, **options)
    before = model.get_weights()
    model.set_weights([w + 1 for w in before])

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(_atomic, "_flush", full)
    with pytest.raises(OSError, match="No space left"):
        model.save(tmp_path / name, **options)
    monkeypatch.undo()
    assert os.listdir(tmp_path) == [name]
    again = keras.saving.load_model(tmp_path / name)
    assert all(np.array_equal(a, b) for a, b in zip(before, again.get_weights()))


def test_an_object_without_configuration_writes_nothing(tmp_path):
    class Opaque(layers.Layer):
        def __init__(self, thing, **kwargs):
            super().__init__(**kwargs)

        def call(self, x):
            return x

    with pytest.raises(NotImplementedError, match="get_config"):
        keras.Sequential([keras.Input((3,)), Opaque(object())]).save(tmp_path / "m.keras")
    assert os.listdir(tmp_path) == []


def test_overwriting_is_asked(tmp_path, monkeypatch):
    model = trained()
    model.save(tmp_path / "m.keras")
    answers = iter(["what", "n", "y"])
    monkeypatch.setattr("builtins.input", lambda prompt: next(answers))
    before = (tmp_path / "m.keras").stat().st_mtime_ns
    model.save(tmp_path / "m.keras", overwrite=False)
    assert (tmp_path / "m.keras").stat().st_mtime_ns == before
    model.save(tmp_path / "m.keras", overwrite=False)
    assert (tmp_path / "m.keras").stat().st_mtime_ns != before
    model.save_weights(tmp_path / "m.weights.h5", overwrite=False)  # nothing to ask

    def nobody(prompt):
        raise EOFError

    monkeypatch.setattr("builtins.input", nobody)
    with pytest.raises(ArgumentError, match="overwrite=True"):
        model.save(tmp_path / "m.keras", overwrite=False)


def test_bad_arguments(tmp_path):
    model = trained()
    with pytest.raises(ArgumentError, match="extension"):
        model.save(tmp_path / "model")
    with pytest.raises(ArgumentError, match="not supported"):
        model.save(tmp_path / "m.keras", foo=1)
    with pytest.raises(ArgumentError, match="save_format"):
        model.save(tmp_path / "m.keras", save_format="tf")
    with pytest.raises(ArgumentError, match="zipped"):
        model.save(tmp_path / "m.h5", zipped=True)
    with pytest.raises(ArgumentError, match="Expected a model"):
        keras.saving.save_model([model], tmp_path / "m.keras")
    with pytest.raises(ArgumentError, match="hold models"):
        keras.saving.save_model(layers.Dense(2), tmp_path / "m.h5")
    for name in ("none.keras", "none.h5"):
        with pytest.raises(FileNotFoundError, match="File not found"):
            keras.saving.load_model(tmp_path / name)
    for nothing in (None, 3):
        with pytest.raises(ArgumentError, match="must be a string or a path"):
            model.save(nothing)
    (tmp_path / "m.txt").write_text("hello")
    with pytest.raises(ArgumentError, match="not supported"):
        keras.saving.load_model(tmp_path / "m.txt")
    model.save_weights(tmp_path / "m.weights.h5")
    with pytest.raises(SerializationError, match="No model config found"):
        keras.saving.load_model(tmp_path / "m.weights.h5")


def test_a_file_of_keras_2_is_read(tmp_path):
    """What Keras 2 wrote: no modules, `batch_input_shape`, names with `:0`, `lr`, connections as lists."""
    import h5py

    dense = {"name": "dense", "trainable": True, "units": 2, "activation": "relu", "dtype": "float32"}
    config = {
        "class_name": "Functional",
        "config": {
            "name": "old",
            "layers": [
                {"class_name": "InputLayer", "config": {"batch_input_shape": [None, 3], "dtype": "float32", "sparse": False, "name": "input_1"}, "name": "input_1", "inbound_nodes": []},
                {"class_name": "Dense", "config": {**dense, "kernel_initializer": {"class_name": "GlorotUniform", "config": {"seed": None}}}, "name": "dense", "inbound_nodes": [[["input_1", 0, 0, {}]]]},
            ],
            "input_layers": [["input_1", 0, 0]],
            "output_layers": [["dense", 0, 0]],
        },
    }  # fmt: skip
    training = {
        "loss": "mse",
        "metrics": [{"class_name": "MeanMetricWrapper", "config": {"name": "mae", "fn": "mean_absolute_error"}}],
        "optimizer_config": {"class_name": "Adam", "config": {"lr": 0.5, "decay": 0.0, "beta_1": 0.8, "name": "Adam"}},
    }
    kernel, bias = np.ones((3, 2), "float32"), np.full(2, 0.5, "float32")
    with h5py.File(tmp_path / "old.h5", "w") as file:
        file.attrs["model_config"] = json.dumps(config).encode()
        file.attrs["training_config"] = json.dumps(training).encode()
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = [b"input_1", b"dense"]
        group.create_group("input_1").attrs["weight_names"] = []
        where = group.create_group("dense")
        where.attrs["weight_names"] = [b"dense/kernel:0", b"dense/bias:0"]
        where["dense/kernel:0"], where["dense/bias:0"] = kernel, bias
    model = keras.saving.load_model(tmp_path / "old.h5")
    np.testing.assert_allclose(model.predict_on_batch(X), np.maximum(X @ kernel + bias, 0), rtol=1e-5, atol=1e-6)
    assert float(model.optimizer.learning_rate) == 0.5 and model.optimizer.beta_1 == 0.8


@pytest.fixture(autouse=True)
def registered():
    """The classes of this file, known by name whatever other files did to the registry."""
    for cls, name in ((Wordy, "Wordy"), (Tied, "Tied")):
        keras.saving.register_keras_serializable("tests.saving", name)(cls)
