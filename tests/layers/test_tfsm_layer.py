"""SavedModels of TensorFlow as layers, where TensorFlow is installed."""

import subprocess
import sys
import textwrap

import pytest

import lamella
from lamella import layers
from lamella.errors import BackendError


def test_it_needs_its_backend():
    assert lamella.backend.backend() == "jax"
    with pytest.raises(BackendError, match="LAMELLA_BACKEND=tensorflow"):
        layers.TFSMLayer("folder")


PROGRAM = """
    import os, tempfile

    os.environ["LAMELLA_BACKEND"] = "tensorflow"
    import numpy as np, tensorflow as tf
    from lamella import layers
    from lamella.errors import ArgumentError, SerializationError

    class Module(tf.Module):
        def __init__(self):
            super().__init__()
            self.w = tf.Variable([[2.0], [3.0]])

        @tf.function(input_signature=[tf.TensorSpec((None, 2), tf.float32)])
        def serve(self, x):
            return x @ self.w

        @tf.function(input_signature=[tf.TensorSpec((None, 2), tf.float32)])
        def train(self, x):
            return x @ self.w + 1.0

    module, folder = Module(), tempfile.mkdtemp()
    tf.saved_model.save(module, folder, signatures={"serving": module.serve})
    x = np.ones((3, 2), "float32")
    layer = layers.TFSMLayer(folder, call_training_endpoint="train")
    assert np.allclose(layer(x), 5.0) and np.allclose(layer(x, training=True), 6.0)
    try:
        layers.TFSMLayer(folder, "nothing")
    except ArgumentError as error:
        assert "serving" in str(error)
    else:
        raise AssertionError
    config = layer.get_config()
    try:
        layers.TFSMLayer.from_config(config)
    except SerializationError:
        pass
    else:
        raise AssertionError
    assert np.allclose(layers.TFSMLayer.from_config(config, safe_mode=False)(x), 5.0)
    print("done")
"""


def test_on_its_backend():
    pytest.importorskip("tensorflow")
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(PROGRAM)], capture_output=True, text=True, check=False
    )
    assert result.stdout.strip() == "done", result.stderr
