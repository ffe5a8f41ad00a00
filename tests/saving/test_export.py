"""Inference artifacts, run by JAX alone."""

import os
import subprocess
import sys

import numpy as np
import pytest

import lamella as keras
from lamella.errors import ArgumentError, BackendError, NotBuiltError, SerializationError

layers = keras.layers
needs_flatbuffers = pytest.mark.skipif(
    __import__("importlib.util").util.find_spec("flatbuffers") is None, reason="jax.export writes by flatbuffers"
)


def mlp():
    return keras.Sequential(
        [keras.Input((4,)), layers.Dense(3, "relu"), layers.BatchNormalization(), layers.Dropout(0.5), layers.Dense(2)]
    )


class Own(keras.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = layers.Dense(2)

    def call(self, x):
        return {"out": self.dense(x), "sum": keras.ops.sum(x, axis=-1)}


def two_inputs():
    a, b = keras.Input((3,), name="a"), keras.Input((3,), name="b")
    return keras.Model({"a": a, "b": b}, layers.Dense(2)(layers.Add()([a, b])))


def own():
    model = Own()
    model(np.ones((1, 4), "float32"))
    return model


MODELS = {
    "mlp": (mlp, np.ones((5, 4), "float32")),
    "convolution": (
        lambda: keras.Sequential(
            [keras.Input((6, 6, 1)), layers.Conv2D(2, 3), layers.MaxPooling2D(), layers.Flatten()]
        ),
        np.ones((3, 6, 6, 1), "float32"),
    ),
    "recurrent": (
        lambda: keras.Sequential([keras.Input((5, 2)), layers.LSTM(3, return_sequences=True), layers.GRU(2)]),
        np.ones((3, 5, 2), "float32"),
    ),
    "unknown length": (
        lambda: keras.Sequential(
            [keras.Input((None,), dtype="int32"), layers.Embedding(7, 2), layers.GlobalAveragePooling1D()]
        ),
        np.ones((2, 9), "int32"),
    ),
    "two inputs": (two_inputs, {"a": np.ones((2, 3), "float32"), "b": np.ones((2, 3), "float32")}),
    "a class": (own, np.ones((7, 4), "float32")),
}


@needs_flatbuffers
@pytest.mark.parametrize("name", MODELS)
def test_an_artifact_computes_what_the_model_computes(tmp_path, name):
    make, x = MODELS[name]
    model = make()
    model.export(tmp_path / "artifact", format="stablehlo")
    assert sorted(os.listdir(tmp_path / "artifact")) == ["manifest.json", "serve.stablehlo"]
    outputs = keras.export.load_artifact(tmp_path / "artifact").serve(x)
    expected = model.predict_on_batch(x)
    for got, wanted in zip(keras.tree.flatten(outputs), keras.tree.flatten(expected), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-6)


@needs_flatbuffers
def test_jax_alone_runs_it(tmp_path):
    model = mlp()
    model.export(tmp_path / "artifact", format="stablehlo")
    x = np.linspace(-1, 1, 12, dtype="float32").reshape(3, 4)
    np.save(tmp_path / "x.npy", x)
    program = """
import sys, numpy as np, jax.export
folder = sys.argv[1]
serve = jax.export.deserialize(open(f"{folder}/artifact/serve.stablehlo", "rb").read()).call
np.save(f"{folder}/y.npy", serve(np.load(f"{folder}/x.npy")))
assert not any(name.startswith(("lamella", "keras")) for name in sys.modules)
"""
    subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], check=True, env={**os.environ, "JAX_PLATFORMS": "cpu"}
    )
    np.testing.assert_allclose(np.load(tmp_path / "y.npy"), model.predict_on_batch(x), rtol=1e-5, atol=1e-6)


@needs_flatbuffers
def test_an_archive_of_several_endpoints(tmp_path, capsys):
    model = mlp()
    model.compile("adam", "mse")
    model.train_on_batch(np.ones((2, 4), "float32"), np.ones((2, 2), "float32"))
    archive = keras.export.ExportArchive()
    spec = keras.InputSpec(shape=(None, 4), dtype="float32")
    archive.track_and_add_endpoint("serve", model, [spec])
    archive.add_endpoint("twice", lambda x, y: model(x) + model(y), [spec, keras.KerasTensor((None, 4))])
    archive.add_variable_collection("optimizer_variables", model.optimizer.variables)
    assert len(archive.variables) == len(model.variables)
    archive.write_out(tmp_path / "a")
    assert "serve, twice" in capsys.readouterr().out
    artifact = keras.export.load_artifact(tmp_path / "a")
    x = np.ones((3, 4), "float32")
    np.testing.assert_allclose(artifact.twice(x, x), 2 * artifact.serve(x), rtol=1e-5)
    kept = list(artifact.optimizer_variables.values())
    for variable, value in zip(model.optimizer.variables, kept, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)
    with pytest.raises(AttributeError, match="no endpoint"):
        artifact.nothing  # noqa: B018


@pytest.mark.parametrize("format", ["tf_saved_model", "onnx", "litert", "torch", "openvino"])
def test_formats_of_other_libraries_say_what_there_is(tmp_path, format):
    with pytest.raises(BackendError, match="format='stablehlo'"):
        mlp().export(tmp_path / "a", format=format)
    assert os.listdir(tmp_path) == []


def test_bad_arguments(tmp_path):
    archive = keras.export.ExportArchive()
    with pytest.raises(ArgumentError, match="No endpoints"):
        archive.write_out(tmp_path / "a")
    with pytest.raises(NotBuiltError, match="not yet been built"):
        archive.track(keras.Sequential([layers.Dense(2)]))
    with pytest.raises(ArgumentError, match="resource"):
        archive.track("model")
    with pytest.raises(ArgumentError, match="input_signature"):
        archive.add_endpoint("serve", mlp())
    with pytest.raises(ArgumentError, match="Python name"):
        archive.add_endpoint("../x", mlp(), [1])
    with pytest.raises(ArgumentError, match="Unrecognized format"):
        mlp().export(tmp_path / "a", format="zip")
    with pytest.raises(SerializationError, match="no artifact"):
        keras.export.load_artifact(tmp_path)
    (tmp_path / "manifest.json").write_text('{"format": "lamella-stablehlo", "endpoints": {"../x": []}}')
    with pytest.raises(SerializationError, match="leads out"):
        keras.export.load_artifact(tmp_path)
