"""Files of weights, changed by hand."""

import numpy as np
import pytest

import lamella as keras
from lamella.errors import ArgumentError, SerializationError

layers = keras.layers


@pytest.fixture
def model():
    return keras.Sequential([keras.Input((3,)), layers.Dense(4), keras.Sequential([layers.Dense(2)]), layers.Dense(1)])


@pytest.fixture(params=["m.weights.h5", "m.keras"])
def editor(request, tmp_path, model):
    path = tmp_path / request.param
    (model.save if path.suffix == ".keras" else model.save_weights)(path)
    return keras.saving.KerasFileEditor(path)


def test_a_file_is_adapted_to_another_model(editor, model, tmp_path, capsys):
    editor.summary()
    assert "layers/sequential/layers/dense" in capsys.readouterr().out
    assert editor.compare(model) == {"status": "success", "error_count": 0, "match_count": 6}
    wider = keras.Sequential([keras.Input((3,)), layers.Dense(4), layers.Dense(1, use_bias=False), layers.Dense(5)])
    assert editor.compare(wider)["status"] == "error"
    editor.add_object("layers/more", weights={"0": np.ones(2, "float32"), "1": np.ones(2, "float32")})
    assert editor.compare(model) == {"status": "error", "error_count": 1, "match_count": 6}
    editor.delete_object("layers/more")
    editor.delete_object("sequential")
    editor.delete_weight("dense_1", "1")
    editor.delete_weight("dense_1", "0")
    editor.add_weights("layers/dense_1", {"0": np.ones((4, 1), "float32")})
    editor.add_object("layers/dense_2", weights={"0": np.ones((1, 5), "float32")})
    editor.add_weights("dense_2", {"1": np.zeros(5, "float32")})
    assert editor.compare(wider)["error_count"] == 0
    editor.save(tmp_path / "new.weights.h5")
    wider.load_weights(tmp_path / "new.weights.h5")
    np.testing.assert_array_equal(wider.layers[0].kernel.numpy(), model.layers[0].kernel.numpy())


def test_renaming(editor, tmp_path):
    editor.rename_object("layers/dense", "first")
    editor.rename_object("sequential", "inner")
    editor.resave_weights(tmp_path / "new.weights.h5")
    assert sorted(keras.saving.KerasFileEditor(tmp_path / "new.weights.h5")._objects) == [
        "layers/dense_1",
        "layers/first",
        "layers/inner/layers/dense",
    ]


def test_mistakes(editor, tmp_path):
    with pytest.raises(ArgumentError, match="several places"):
        editor.delete_object("dense")
    with pytest.raises(ArgumentError, match="not in the file"):
        editor.delete_object("nothing")
    with pytest.raises(ArgumentError, match="no weight"):
        editor.delete_weight("dense_1", "7")
    with pytest.raises(ArgumentError, match="already"):
        editor.add_object("layers/dense_1", {})
    with pytest.raises(ArgumentError, match="already"):
        editor.add_weights("dense_1", {"0": 1})
    with pytest.raises(ArgumentError, match="already"):
        editor.rename_object("layers/dense", "dense_1")
    with pytest.raises(ArgumentError, match="dict of arrays"):
        editor.add_object("layers/x", [1])
    with pytest.raises(SerializationError, match="leads out"):
        editor.add_object("../x", {})
    with pytest.raises(ArgumentError, match="extension"):
        editor.save(tmp_path / "new.keras")
    with pytest.raises(FileNotFoundError, match="no file"):
        keras.saving.KerasFileEditor(tmp_path / "none.keras")
