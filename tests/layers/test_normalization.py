"""Batch renormalization, beside Keras."""

import keras
import numpy as np
import pytest

from lamella import layers


@pytest.mark.parametrize("clipping", [None, {"rmax": 1.5, "rmin": 0.7, "dmax": 0.3}])
def test_batch_renormalization_follows_keras_step_by_step(clipping):
    options = {"renorm": True, "renorm_momentum": 0.9, "momentum": 0.8, "renorm_clipping": clipping}
    ours, theirs = (m.BatchNormalization(**options) for m in (layers, keras.layers))
    batches = np.random.default_rng(0).normal(1.0, 2.0, size=(3, 8, 3)).astype("float32")
    for factor, batch in enumerate(batches, 1):
        outputs = [np.asarray(layer(factor * batch, training=True)) for layer in (ours, theirs)]
        np.testing.assert_allclose(*outputs, atol=2e-5)
        for mine, other in zip(ours.weights, theirs.weights):
            np.testing.assert_allclose(mine.numpy(), np.asarray(other.value), rtol=1e-5, err_msg=mine.name)
    np.testing.assert_allclose(*(np.asarray(layer(batches[0])) for layer in (ours, theirs)), atol=2e-5)
