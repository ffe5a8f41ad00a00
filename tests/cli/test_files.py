"""`lamella inspect`, `lamella diff` and `lamella convert`."""

import json
import subprocess
import sys

import h5py
import numpy as np
import pytest

import lamella as keras
from lamella.cli import main


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two models in every format; the second one's kernel differs in one element."""
    folder = tmp_path_factory.mktemp("files")
    layers = keras.layers
    inner = keras.Sequential(
        [keras.Input((6,)), layers.Dense(5, name="first"), layers.Dense(3, name="second")], name="inner"
    )
    x = keras.Input((2, 3), name="x")
    model = keras.Model(x, layers.BatchNormalization(name="norm")(inner(layers.Flatten(name="flat")(x))), name="big")
    model.compile("adam", keras.losses.MeanSquaredError(), metrics=["mae"])
    model.optimizer.build(model.trainable_variables)
    for name in "ab":
        (folder / name).mkdir()
        for ending in ("keras", "h5"):
            model.save(folder / name / f"m.{ending}")
        model.save(folder / name / "whole", zipped=False)
        for ending in ("weights.h5", "npz", "safetensors"):
            model.save_weights(folder / name / f"w.{ending}")
        model.save_weights(folder / name / "w.weights.json", max_shard_size=1e-7)
        kernel = model.get_layer("inner").get_layer("first").kernel
        kernel.assign(kernel.numpy() + np.eye(6, 5) * [0.5, 0, 0, 0, 0])
    return folder


@pytest.fixture
def call(capsys):
    def call(*words):
        with pytest.raises(SystemExit) as end:
            main([str(word) for word in words])
        done = capsys.readouterr()
        return end.value.code, done.out, done.err

    return call


@pytest.mark.parametrize("name", ["m.keras", "m.h5", "whole"])
def test_a_model_is_described(folder, call, name):
    code, text, _ = call("inspect", folder / "a" / name)
    assert code == 0
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert "model: Functional 'big'" in lines
    assert "compiled: Adam, loss MeanSquaredError, metrics mae" in lines
    assert "needs code: no" in lines and "3.15.1" in text
    assert "flat Flatten (any, 2, 3) 0" in lines
    assert "inner Sequential (any, 6) 53" in lines
    assert "first Dense (any, 6) 35" in lines and "second Dense (any, 5) 18" in lines
    assert "norm BatchNormalization (any, 3) 12" in lines


@pytest.mark.parametrize("name", ["w.weights.h5", "w.npz", "w.safetensors", "w.weights.json"])
def test_weights_are_listed(folder, call, name):
    code, text, _ = call("inspect", folder / "a" / name)
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert code == 0
    assert "layers/sequential/layers/dense/vars/0 (6, 5) float32 120 bytes" in lines
    assert lines[-1] == "22 arrays, 185 values (120 of the optimizer), 740 bytes"


def test_what_loading_needs_is_told_without_loading(tmp_path, call):
    @keras.saving.register_keras_serializable("shop")
    class Till(keras.layers.Layer):
        def call(self, x):
            return x

    with pytest.warns(UserWarning, match="lambda"):
        model = keras.Sequential([keras.Input((3,)), Till(name="t"), keras.layers.Lambda(lambda x: x, name="odd")])
        model.compile("sgd", loss=_unknown)
        model.save(tmp_path / "m.keras")
    del keras.saving.get_custom_objects()["shop>Till"]
    _, text, _ = call("inspect", tmp_path / "m.keras")
    assert "needs code: yes, so it is loaded with safe_mode=False only" in text
    assert "needs code: a Python lambda in 'odd'" in text
    assert "needs class: 'shop>Till'" in text
    assert "needs function: '_unknown'" in text
    code, _, error = call("convert", tmp_path / "m.keras", tmp_path / "m.h5")
    assert code == 2 and "Till" in error
    assert call("convert", tmp_path / "m.keras", tmp_path / "m.npz")[0] == 0  # weights need no code


def _unknown(y, p):
    return keras.ops.mean(keras.ops.abs(y - p))


def test_a_state_of_training_and_an_artifact_are_described(tmp_path, call):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)], name="m")
    model.compile("sgd", "mse")
    model.fit(np.ones((4, 3)), np.ones((4, 2)), verbose=0, resume=tmp_path / "s")
    model.export(tmp_path / "art", format="stablehlo")
    (state,) = (tmp_path / "s").glob("*.state")
    text = call("inspect", state)[1]
    assert "epoch 1, 0 steps of it are over" in text and "callback History" in text and "/kernel" in text
    assert "endpoint serve: [{'shape': [None, 3], 'dtype': 'float32'}]" in call("inspect", tmp_path / "art")[1]


@pytest.mark.parametrize(
    "name", ["m.keras", "m.h5", "whole", "w.weights.h5", "w.npz", "w.safetensors", "w.weights.json"]
)
def test_files_are_compared(folder, call, name):
    code, text, _ = call("diff", folder / "a" / name, folder / "a" / name)
    assert code == 0 and text.startswith("The same")
    code, text, _ = call("diff", folder / "a" / name, folder / "b" / name)
    assert code == 1
    (line,) = text.splitlines()
    assert line.endswith("1 of 30 elements differ, by at most 0.5")


def test_files_of_different_formats_are_compared(folder, call):
    assert call("diff", folder / "a" / "m.keras", folder / "a" / "w.safetensors")[0] == 0
    code, _, error = call("diff", folder / "a" / "m.keras", folder / "a" / "m.h5")
    assert code == 2 and "Convert that one first" in error


def test_differences_of_architecture_are_told_by_their_place(folder, tmp_path, call):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="d")], name="m")
    model.save(tmp_path / "a.keras")
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4, "relu", name="d", dtype="bfloat16")], name="m")
    model.save(tmp_path / "b.keras")
    lines = call("diff", tmp_path / "a.keras", tmp_path / "b.keras")[1].splitlines()
    assert "architecture.config.layers[1].config.units: 2 | 4" in lines
    assert "architecture.config.layers[1].config.activation: 'linear' | 'relu'" in lines
    assert "layers/dense/vars/1: float32 [2] | bfloat16 [4]" in lines


ENDINGS = {"m.keras": ".keras", "m.h5": ".h5", "whole": "", "w.weights.h5": ".weights.h5", "w.npz": ".npz"}
ENDINGS |= {"w.safetensors": ".safetensors", "w.weights.json": ".weights.json"}


@pytest.mark.parametrize("source", ["m.keras", "m.h5", "w.npz", "w.weights.json"])
@pytest.mark.parametrize("target", sorted(ENDINGS))
def test_files_are_converted(folder, tmp_path, call, source, target):
    new = tmp_path / f"new{ENDINGS[target]}"
    code, text, error = call("convert", folder / "a" / source, new)
    if source.startswith("w.") and not target.startswith("w."):
        assert code == 2 and "holds weights and no model" in error
        return
    assert code == 0, error
    code, text, _ = call("diff", new, folder / "a" / target)
    assert code == 0, text


@pytest.mark.parametrize(
    "words, message",
    [
        (("inspect", "{f}/none.keras"), "There is no file"),
        (("inspect", __file__), "is no file of lamella or Keras"),
        (("convert", "{f}/a/m.keras", "{f}/x.onnx"), "has no known ending"),
        (("diff", "{f}/a/m.keras", __file__), "is no file of lamella or Keras"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_line(folder, call, words, message):
    code, text, error = call(*(word.format(f=folder) for word in words))
    assert (code, text) == (2, "") and message in error and error.startswith(f"lamella {words[0]}: ")


def test_the_old_kind_of_weights_is_listed(tmp_path, call):
    """As Keras 1 and 2 wrote them: by layers, without a configuration."""
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file.attrs["layer_names"] = ["dense_1"]
        file.attrs["keras_version"] = "2.1.0"
        group = file.create_group("dense_1")
        group.attrs["weight_names"] = ["dense_1/kernel:0"]
        group["dense_1/kernel:0"] = np.ones((2, 3), "float32")
    text = call("inspect", tmp_path / "w.h5")[1]
    assert "keras_version 2.1.0" in text and "dense_1/dense_1/kernel:0" in text


def test_it_works_from_a_terminal(folder):
    words = [sys.executable, "-m", "lamella", "inspect", folder / "a" / "m.keras"]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0 and "big" in done.stdout and done.stderr == ""


def test_a_configuration_that_is_none_is_told(folder, tmp_path, call):
    import shutil

    shutil.copytree(folder / "a" / "whole", tmp_path / "whole")
    (tmp_path / "whole" / "config.json").write_text(json.dumps([1]))
    code, _, error = call("inspect", tmp_path / "whole")
    assert code == 2 and "is no model's" in error


def test_layers_that_one_file_lacks_are_named(tmp_path, call):
    layers = keras.layers
    first = [
        keras.Input((4,)),
        layers.Dense(3, name="one"),
        layers.Dropout(0.5, name="two"),
        layers.Dense(2, name="three"),
    ]
    second = [keras.Input((4,)), layers.Dense(3, "relu", name="one"), layers.Dense(2, name="three")]
    with keras.backend.use("numpy"):
        keras.Sequential(first, name="m").save(tmp_path / "a.keras")
        model = keras.Sequential(second, name="m")
        model.compile("adam", "mse")
        model.save(tmp_path / "b.keras")
    code, text, _ = call("diff", tmp_path / "a.keras", tmp_path / "b.keras")
    assert code == 1
    assert "architecture.config.layers['two']: only in the first file (Dropout)" in text
    assert "architecture.config.layers['one'].config.activation: 'linear' | 'relu'" in text
    assert "compiled: only in the second file" in text


def test_arrays_are_listed_in_their_order_and_states_of_generators_are_no_parameters(tmp_path, call):
    with keras.backend.use("numpy"):
        model = keras.Sequential(
            [
                keras.Input((4,)),
                keras.layers.Dense(3),
                keras.layers.Dropout(0.5, name="d"),
                keras.layers.Dense(2),
                keras.layers.Dense(2),
            ]
        )
        model.compile("adam", "mse")
        model.optimizer.build(model.trainable_variables)
        model.save(tmp_path / "m.keras")
    _, text, _ = call("inspect", tmp_path / "m.keras")
    assert text.index("optimizer/vars/2 ") < text.index("optimizer/vars/10 ")
    assert any(line.split() == ["d", "Dropout", "0"] for line in text.splitlines())


def test_names_in_a_file_do_not_command_the_terminal(tmp_path, call):
    with h5py.File(tmp_path / "w.weights.h5", "w") as file:
        file["layers/\x1b]0;title\x07/vars/0"] = np.ones(2)
    code, text, _ = call("inspect", tmp_path / "w.weights.h5")
    assert code == 0 and "\x1b" not in text and r"layers/\x1b]0;title\x07/vars/0" in text
