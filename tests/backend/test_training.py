"""Training on every backend with gradients: the same weights and data give the numbers of JAX."""

import numpy as np
import pytest
from backends import backends

import lamella
from lamella import layers

pytestmark = pytest.mark.backends

RNG = np.random.default_rng(0)
LABELS = RNG.integers(0, 3, 20)
FLAT = RNG.normal(size=(20, 6)).astype("float32")
IMAGES = RNG.normal(size=(20, 6, 6, 2)).astype("float32")
WORDS = RNG.integers(0, 10, (20, 5))
SERIES = RNG.normal(size=(20, 5, 4)).astype("float32")


def dense():
    return lamella.Sequential([lamella.Input((6,)), layers.Dense(8, activation="relu"), layers.Dense(3)])


def convolutional():
    return lamella.Sequential(
        [
            lamella.Input((6, 6, 2)),
            layers.Conv2D(4, 3, padding="same", activation="relu"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(2),
            layers.Conv2D(3, 2, strides=2, padding="same"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3),
        ]
    )


def recurrent():
    return lamella.Sequential(
        [lamella.Input((5,), dtype="int32"), layers.Embedding(10, 4, mask_zero=True), layers.LSTM(5), layers.Dense(3)]
    )


def attentive():
    x = lamella.Input((5, 4))
    y = layers.LayerNormalization()(layers.Add()([x, layers.MultiHeadAttention(2, 3)(x, x)]))
    return lamella.Model(x, layers.Dense(3)(layers.Flatten()(y)))


MODELS = {
    "dense": (dense, FLAT, "adam"),
    "convolutional": (convolutional, IMAGES, lamella.optimizers.SGD(0.1, momentum=0.9, nesterov=True)),
    "recurrent": (recurrent, WORDS, "rmsprop"),
    "attentive": (attentive, SERIES, "adamw"),
}


def trained(name, weights=None, **kwargs):
    """The weights at the start, the history, the evaluation and the predictions of a model."""
    make, x, optimizer = MODELS[name]
    optimizer = optimizer if isinstance(optimizer, str) else type(optimizer).from_config(optimizer.get_config())
    model = make()
    if weights is not None:
        model.set_weights(weights)
    start = model.get_weights()
    loss = lamella.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss, metrics=["accuracy"])
    history = model.fit(x, LABELS, epochs=2, batch_size=8, shuffle=False, verbose=0, **kwargs).history
    scores = model.evaluate(x, LABELS, batch_size=8, verbose=0)
    return start, history, scores, model.predict(x, batch_size=8, verbose=0), model.get_weights()


@pytest.fixture(scope="module")
def on_jax():
    lamella.utils.set_random_seed(0)
    return {name: trained(name) for name in MODELS}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("backend", backends(differentiable=True, jax=False))
def test_fit_evaluate_and_predict_give_the_numbers_of_jax(on_jax, backend, name):
    weights, history, scores, predictions, after = on_jax[name]
    with lamella.backend.use(backend):
        _, got_history, got_scores, got_predictions, got_after = trained(name, weights)
    assert list(got_history) == list(history)
    for key, values in history.items():
        np.testing.assert_allclose(got_history[key], values, rtol=2e-4, atol=1e-5)
    np.testing.assert_allclose(got_scores, scores, rtol=2e-4, atol=1e-5)
    np.testing.assert_allclose(got_predictions, predictions, rtol=1e-3, atol=2e-4)
    for got, expected in zip(got_after, after, strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-3, atol=2e-4)


@pytest.mark.parametrize("backend", backends(differentiable=True, jax=False))
def test_a_callback_sees_every_step(on_jax, backend):
    seen = []

    class Watch(lamella.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append((batch, logs["loss"], float(self.model.get_weights()[0].sum())))

    with lamella.backend.use(backend):
        trained("dense", on_jax["dense"][0], callbacks=[Watch()])
    assert [batch for batch, *_ in seen] == [0, 1, 2] * 2
    assert len({total for *_, total in seen}) == 6
    assert seen[2][1] == pytest.approx(on_jax["dense"][1]["loss"][0], rel=2e-4)


@pytest.mark.parametrize("backend", backends(differentiable=True, jax=False))
def test_a_step_of_ones_own_trains(on_jax, backend):
    class Own(lamella.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(3)

        def call(self, x):
            return self.dense(x)

        def train_step(self, data):
            x, y = data[:2]
            loss_fn = lamella.losses.SparseCategoricalCrossentropy(from_logits=True)
            variables = self.trainable_variables
            loss, grads = lamella.value_and_grad(lambda: loss_fn(y, self(x, training=True)), variables)()
            self.optimizer.apply(grads, variables)
            return {"loss": loss}

    with lamella.backend.use(backend):
        model = Own()
        model.compile("sgd")
        history = model.fit(FLAT, LABELS, epochs=5, verbose=0).history["loss"]
    assert history == sorted(history, reverse=True)


@pytest.mark.parametrize("backend", backends(differentiable=True, jax=False))
def test_single_batches(on_jax, backend):
    with lamella.backend.use(backend):
        model = dense()
        model.set_weights(on_jax["dense"][0])
        model.compile("adam", lamella.losses.SparseCategoricalCrossentropy(from_logits=True))
        losses = [float(model.train_on_batch(FLAT, LABELS)) for _ in range(3)]
        assert losses == sorted(losses, reverse=True)
        assert float(model.test_on_batch(FLAT, LABELS)) < losses[-1]
        assert isinstance(model.predict_on_batch(FLAT), np.ndarray)


@pytest.mark.parametrize("backend", backends(jax=False))
def test_inference_gives_the_numbers_of_jax(on_jax, backend):
    for name, (weights, *_) in on_jax.items():
        make, x, _ = MODELS[name]
        expected = make()
        expected.set_weights(weights)
        expected = np.asarray(expected(x))
        with lamella.backend.use(backend):
            model = make()
            model.set_weights(weights)
            got = lamella.ops.convert_to_numpy(model(x))
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("backend", backends(differentiable=True, jax=False))
def test_dropout_that_is_computed_again_drops_the_same(backend):
    with lamella.backend.use(backend):
        x = lamella.ops.ones((4, 50))
        layer, dropout = layers.Dense(20, kernel_initializer="ones"), layers.Dropout(0.5, seed=3)
        layer.build((4, 50))

        def gradient(wrap):
            dropout.seed_generator.state.assign([3, 0])
            body = wrap(lambda x: lamella.ops.square(dropout(layer(x), training=True)))
            _, grads = lamella.value_and_grad(lambda: lamella.ops.sum(body(x)), [layer.kernel])()
            return lamella.ops.convert_to_numpy(grads[0]), dropout.seed_generator.state.numpy()

        plain, again = gradient(lambda f: f), gradient(lamella.remat)
        np.testing.assert_allclose(again[0], plain[0], rtol=1e-6)
        np.testing.assert_array_equal(again[1], plain[1])


@pytest.mark.parametrize("backend", backends(differentiable=True, jax=False))
def test_a_model_of_another_backend_is_refused(backend):
    model = dense()
    model.compile("sgd", "mse")
    with lamella.backend.use(backend), pytest.raises(lamella.errors.BackendError, match=f"jax backend, and {backend}"):
        model.predict(FLAT, verbose=0)


@pytest.mark.parametrize("backend", backends(jax=False))
def test_draws_without_a_seed_go_on_where_each_backend_was(backend):
    lamella.random.set_random_seed(1)
    first = lamella.random.uniform((2,))
    with lamella.backend.use(backend):
        lamella.random.uniform((2,))
        model = dense()
        assert model.predict(FLAT, verbose=0).shape == (20, 3)
    second = lamella.random.uniform((2,))
    lamella.random.set_random_seed(1)
    np.testing.assert_array_equal(lamella.random.uniform((2,)), first)
    np.testing.assert_array_equal(lamella.random.uniform((2,)), second)
