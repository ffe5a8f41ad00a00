"""Programs of the Keras 2 days, as people paste them."""

import numpy as np
import pytest

import lamella as keras
from lamella import backend as K

X, Y = np.ones((8, 4), "float32"), np.ones((8, 3), "float32")


class MyLayer(keras.layers.Layer):
    def __init__(self, output_dim, **kwargs):
        self.output_dim = output_dim
        super(MyLayer, self).__init__(**kwargs)  # noqa: UP008

    def build(self, input_shape):
        shape = (input_shape[1], self.output_dim)
        self.kernel = self.add_weight(name="kernel", shape=shape, initializer="uniform", trainable=True)
        super(MyLayer, self).build(input_shape)  # noqa: UP008

    def call(self, x):
        return K.dot(x, self.kernel)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.output_dim)


def rmse(y_true, y_pred):
    return K.sqrt(K.mean(K.square(y_pred - y_true), axis=-1))


def dice(y_true, y_pred):
    a, b = K.flatten(y_true), K.flatten(y_pred)
    return (2.0 * K.sum(a * b) + K.epsilon()) / (K.sum(a) + K.sum(b) + K.epsilon())


def focal(y_true, y_pred, gamma=2.0, alpha=0.25):
    y_pred = K.clip(y_pred, K.epsilon(), 1.0 - K.epsilon())
    p = K.switch(K.equal(y_true, 1), y_pred, 1 - y_pred)
    return -K.mean(alpha * K.pow(1.0 - p, gamma) * K.log(p))


def contrastive(y_true, y_pred):
    return K.mean(y_true * K.square(y_pred) + (1 - y_true) * K.square(K.maximum(1 - y_pred, 0)))


def recall(y_true, y_pred):
    hits = K.sum(K.round(K.clip(y_true * y_pred, 0, 1)))
    return hits / (K.sum(K.round(K.clip(y_true, 0, 1))) + K.epsilon())


@pytest.mark.parametrize("loss", [rmse, dice, focal, contrastive])
def test_a_layer_a_loss_and_a_metric_of_ones_own(loss):
    model = keras.Sequential([MyLayer(3, input_shape=(4,)), keras.layers.Activation(K.sigmoid)])
    model.compile("sgd", loss=loss, metrics=[recall])
    before = model.get_weights()[0]
    history = model.fit(X, Y, epochs=2, verbose=0).history
    assert np.isfinite(history["loss"]).all() and 0.0 <= history["recall"][-1] <= 1.0
    assert not np.array_equal(model.get_weights()[0], before)
    expected = float(K.mean(loss(K.constant(Y), model.predict(X, verbose=0))))
    np.testing.assert_allclose(model.evaluate(X, Y, verbose=0)[0], expected, rtol=1e-5)


def test_the_learning_rate_is_set_through_the_backend():
    model = keras.Sequential([keras.layers.Dense(3, input_shape=(4,))])
    model.compile("adam", "mse")
    model.fit(X, Y, verbose=0)
    K.set_value(model.optimizer.learning_rate, 0.25)
    assert float(K.get_value(model.optimizer.learning_rate)) == 0.25
    model.fit(X, Y, verbose=0)
    assert float(K.get_value(model.optimizer.learning_rate)) == 0.25


def test_an_attention_layer():
    class Attention(keras.layers.Layer):
        def build(self, input_shape):
            self.w = self.add_weight(name="w", shape=(input_shape[-1], 1), initializer="normal")
            self.b = self.add_weight(name="b", shape=(input_shape[1], 1), initializer="zeros")
            super().build(input_shape)

        def call(self, x):
            scores = K.squeeze(K.tanh(K.dot(x, self.w) + self.b), axis=-1)
            return K.sum(x * K.expand_dims(K.softmax(scores), axis=-1), axis=1)

    inputs = keras.Input((5, 3))
    model = keras.Model(inputs, Attention()(inputs))
    assert model.output_shape == (None, 3)
    same_at_every_step = np.tile(np.arange(3, dtype="float32"), (2, 5, 1))
    np.testing.assert_allclose(model.predict(same_at_every_step, verbose=0), same_at_every_step[:, 0], rtol=1e-5)


def test_the_distance_of_siamese_twins():
    left, right = keras.Input((3,)), keras.Input((3,))

    def distance(pair):
        return K.sqrt(K.maximum(K.sum(K.square(pair[0] - pair[1]), axis=1, keepdims=True), K.epsilon()))

    model = keras.Model([left, right], keras.layers.Lambda(distance)([left, right]))
    out = model.predict([np.ones((2, 3), "float32"), np.zeros((2, 3), "float32")], verbose=0)
    np.testing.assert_allclose(out, np.full((2, 1), np.sqrt(3)), rtol=1e-6)


def test_the_gram_matrix_of_style_transfer():
    image = K.variable(np.arange(48.0).reshape(4, 4, 3))
    features = K.batch_flatten(K.permute_dimensions(image, (2, 0, 1)))
    rows = np.arange(48.0).reshape(16, 3).T
    np.testing.assert_allclose(K.eval(K.dot(features, K.transpose(features))), rows @ rows.T, rtol=1e-6)


def test_a_lambda_that_draws_without_a_seed_draws_anew_at_each_step():
    def sampled(moments):
        mean, log_variance = moments
        return mean + K.exp(log_variance / 2) * K.random_normal(shape=(K.shape(mean)[0], 2))

    x = keras.Input((4,))
    z = keras.layers.Lambda(sampled)([keras.layers.Dense(2)(x), keras.layers.Dense(2)(x)])
    model = keras.Model(x, keras.layers.Dense(4)(z))
    model.compile("adam", "mse")
    data = np.ones((8, 4), "float32")
    keras.utils.set_random_seed(1)
    history = model.fit(data, data, batch_size=2, epochs=2, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    assert (model.predict(data, verbose=0) != model.predict(data, verbose=0)).any()
