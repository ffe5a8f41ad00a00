"""Modules of PyTorch as layers, where PyTorch is installed."""

import subprocess
import sys
import textwrap

import pytest

import lamella
from lamella import layers
from lamella.errors import BackendError


def test_it_needs_its_backend():
    assert lamella.backend.backend() == "jax"
    with pytest.raises(BackendError, match="LAMELLA_BACKEND=torch"):
        layers.TorchModuleWrapper(object())


PROGRAM = """
    import os
    os.environ["LAMELLA_BACKEND"] = "torch"
    import numpy as np, torch, lamella
    from lamella import layers
    from lamella.errors import ArgumentError, SerializationError

    x = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")
    module = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))
    layer = layers.TorchModuleWrapper(module)
    assert [w.name for w in layer.trainable_weights] == ["0_weight", "0_bias", "1_weight", "1_bias"]
    assert [w.name for w in layer.non_trainable_weights][:2] == ["1_running_mean", "1_running_var"]
    np.testing.assert_allclose(
        layer(x, training=False).detach().numpy(), module.eval()(torch.tensor(x)).detach().numpy(), rtol=1e-5, atol=1e-6
    )
    before = layer.weights[4].numpy().copy()
    layer(x, training=True)
    assert (layer.weights[4].numpy() != before).any()  # the moving mean followed

    inputs = lamella.Input((3,))
    model = lamella.Model(inputs, layers.Dense(1)(layer(inputs)))
    assert layer.output.shape == (None, 4)
    model.compile("sgd", "mse")
    start = layer.weights[0].numpy().copy()
    model.fit(x, x[:, :1], epochs=1, verbose=0)
    assert (layer.weights[0].numpy() != start).any()
    assert np.allclose(next(layer.parameters()).detach().numpy(), layer.weights[0].numpy())

    config = layer.get_config()
    for safe in (True, None):
        try:
            layers.TorchModuleWrapper.from_config(config, safe_mode=safe)
        except SerializationError:
            pass
        else:
            raise AssertionError(safe)
    again = layers.TorchModuleWrapper.from_config(config, safe_mode=False)
    np.testing.assert_allclose(again.get_weights()[0], layer.get_weights()[0])
    try:
        layers.TorchModuleWrapper(object())
    except ArgumentError as error:
        assert "torch.nn.Module" in str(error)
    print("done")
"""


def test_on_its_backend():
    pytest.importorskip("torch")
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(PROGRAM)], capture_output=True, text=True, check=False
    )
    assert result.stdout.strip() == "done", result.stderr
