"""What `test_distribution.py` runs on four devices, in a process of its own: each function prints nothing, or fails."""

import sys

import numpy as np

import lamella as keras
from lamella.distribution import DataParallel, DeviceMesh, LayoutMap, ModelParallel, TensorLayout, distribute_tensor

X = np.random.default_rng(0).normal(size=(26, 4)).astype("float32")
Y = X.sum(1, keepdims=True)


def make_model(**compiled):
    keras.utils.clear_session(free_memory=False)
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Dense(8, "tanh", name="wide"), keras.layers.Dropout(0.1), keras.layers.Dense(1, name="out")]
    model = keras.Sequential([keras.Input((4,)), *layers])
    model.compile("adam", "mse", metrics=["mae"], **compiled)
    return model


def train(model, size=8):
    history = model.fit(X, Y, epochs=2, batch_size=size, shuffle=False, verbose=0)
    return [*history.history["loss"], *model.evaluate(X, Y, verbose=0), *model.predict(X, verbose=0).ravel()]


def compiled_text(model):
    chunks = next(p for p in model._programs.values() if hasattr(p, "every_step"))
    return "".join(program.as_text() for program in chunks._program._by_signature.values())


def by_weights(batch_dim_name="batch"):
    layouts = LayoutMap(DeviceMesh((2, 2), ("batch", "model")))
    layouts[".*wide/kernel"] = (None, "model")
    layouts[".*wide/bias"] = ("model",)
    return ModelParallel(layout_map=layouts, batch_dim_name=batch_dim_name)


def axes_of(variable):
    return tuple(variable.value.sharding.spec)


def data_parallel():
    """Equal numbers, also for batches that four devices do not divide; gradients are summed over devices."""
    for size in (8, 6):
        alone = train(make_model(), size)
        with DataParallel().scope():
            model = make_model()
            np.testing.assert_allclose(train(model, size), alone, 1e-4, 1e-5)
            assert len(model.weights[0].value.sharding.device_set) == 4
            assert ("all-reduce" in compiled_text(model)) == (size == 8)
    np.testing.assert_allclose(train(make_model()), train(make_model()))


def model_parallel():
    """Equal numbers; weights, and what the optimizer keeps for them, stay divided, and are read and written whole."""
    alone = train(make_model())
    with by_weights().scope():
        model = make_model()
        np.testing.assert_allclose(train(model), alone, 1e-4, 1e-5)
        kernel = model.get_layer("wide").kernel
        slots = [v for v in model.optimizer.variables if "wide_kernel" in v.path]
        assert len(slots) == 2
        for variable in (kernel, *slots):
            assert axes_of(variable) == (None, "model"), variable.path
            assert variable.value.addressable_data(0).shape == (4, 4)
        assert axes_of(model.get_layer("out").kernel) in ((), (None, None))
        whole = kernel.numpy()
        kernel.assign(whole + 1)
        assert axes_of(kernel) == (None, "model") and np.array_equal(kernel.numpy(), whole + 1)
        again = make_model()
        again.set_weights(model.get_weights())
        assert axes_of(again.get_layer("wide").kernel) == (None, "model")
        np.testing.assert_allclose(again.predict(X, verbose=0), model.predict(X, verbose=0), 1e-5)


def models_of_other_times():
    """A model made before trains on all devices and stays on its own; step by step and on batches, too."""
    before = make_model()
    with DataParallel(devices=["cpu:2", "cpu:3"]).scope():
        divided = train(before)
        eager = make_model(run_eagerly=True)
        eager.train_on_batch(X[:8], Y[:8])
        compiled = make_model()
        compiled.train_on_batch(X[:8], Y[:8])
        np.testing.assert_allclose(eager.predict(X, verbose=0), compiled.predict(X, verbose=0), 1e-4, 1e-6)
        assert {d.id for d in compiled.weights[0].value.sharding.device_set} == {2, 3}
    with DataParallel(devices=["cpu:0", "cpu:1"]).scope():
        other = make_model()
        other.train_on_batch(X[:8], Y[:8])
        assert {d.id for d in other.weights[0].value.sharding.device_set} == {0, 1}
        np.testing.assert_allclose(other.get_weights()[0], compiled.get_weights()[0], 1e-5)
    np.testing.assert_allclose(divided, train(make_model()), 1e-4, 1e-5)
    assert len(before.weights[0].value.sharding.device_set) == 1
    compiled.train_on_batch(X[:8], Y[:8])


def whole_batches():
    """Normalization sees the batch of all devices, not each device's part."""

    def trained():
        keras.utils.set_random_seed(0)
        layers = [keras.layers.BatchNormalization(synchronized=True), keras.layers.Dense(1)]
        model = keras.Sequential([keras.Input((4,)), *layers])
        model.compile("sgd", "mse")
        model.fit(X, Y, epochs=2, batch_size=8, shuffle=False, verbose=0)
        return model.get_weights()

    alone = trained()
    with DataParallel().scope():
        for here, there in zip(trained(), alone, strict=True):
            np.testing.assert_allclose(here, there, 1e-4, 1e-5)


def tensors():
    """A tensor is laid out at once, and in a program by the compiler."""
    layout = TensorLayout(("batch", None), DeviceMesh((4,), ("batch",)))
    tensor = distribute_tensor(X[:8], layout)
    assert tensor.addressable_data(0).shape == (2, 4) and np.array_equal(tensor, X[:8])
    assert distribute_tensor(X[:8].tolist(), layout.backend_layout).sharding == layout.backend_layout
    try:
        distribute_tensor(X[:7], layout)
    except ValueError as error:
        assert "7" in str(error)
    else:
        raise AssertionError("seven rows do not divide among four devices")

    class Divided(keras.layers.Layer):
        def call(self, x):
            return distribute_tensor(x, layout) * 2

    model = keras.Sequential([keras.Input((4,)), Divided()])
    np.testing.assert_array_equal(model.predict(X[:8], verbose=0), X[:8] * 2)


def facts():
    assert keras.distribution.list_devices() == ["cpu:0", "cpu:1", "cpu:2", "cpu:3"]
    assert keras.distribution.get_device_count("CPU") == 4
    assert (DataParallel().num_model_replicas, by_weights().num_model_replicas, by_weights("model").batch_dim_name) == (
        4, 2, "model",
    )  # fmt: skip
    mesh = DeviceMesh((2, 2), ("batch", "model"))
    assert mesh.devices.tolist() == [["cpu:0", "cpu:1"], ["cpu:2", "cpu:3"]]
    assert dict(mesh.backend_mesh.shape) == {"batch": 2, "model": 2}


if __name__ == "__main__":
    globals()[sys.argv[1]]()
