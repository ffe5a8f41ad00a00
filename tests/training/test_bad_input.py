"""Each mistake gets one clear error, before any work is done."""

import numpy as np
import pytest

import lamella as keras
from lamella.errors import DataError, LamellaError

X = np.random.default_rng(0).normal(size=(40, 4)).astype("float32")
Y = np.random.default_rng(1).normal(size=(40, 1)).astype("float32")
LABELS = np.random.default_rng(2).integers(0, 3, 40)


def regressor():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, name="head")])
    model.compile(optimizer="sgd", loss="mse")
    return model


def classifier(loss="sparse_categorical_crossentropy"):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="softmax")])
    model.compile(optimizer="sgd", loss=loss)
    return model


def text(call):
    """The error of `call`: one of ours, a ValueError as in Keras, and its message."""
    with pytest.raises(ValueError) as caught:
        call()
    assert isinstance(caught.value, LamellaError)
    return str(caught.value)


def weights_unchanged(model):
    return int(model.optimizer.iterations) == 0


def test_lengths_that_differ():
    model = regressor()
    message = text(lambda: model.fit(X, Y[:30], verbose=0))
    assert "`x` has 40" in message and "`y` has 30" in message and "same number of samples" in message
    assert weights_unchanged(model)


def test_lengths_that_differ_in_sample_weight():
    assert "`sample_weight` has 3" in text(lambda: regressor().fit(X, Y, sample_weight=np.ones(3), verbose=0))


@pytest.mark.parametrize("label", [3, -1])
def test_labels_outside_of_the_classes(label):
    labels = LABELS.copy()
    labels[17] = label
    message = text(lambda: classifier().fit(X, labels, verbose=0))
    assert f"label {label}" in message and "[17]" in message and "[0, 3)" in message


def test_one_hot_labels_with_a_sparse_loss():
    message = text(lambda: classifier().fit(X, np.eye(3)[LABELS], verbose=0))
    assert "loss='categorical_crossentropy'" in message and "(40, 3)" in message


@pytest.mark.parametrize("labels", [LABELS, LABELS[:, None]])
def test_class_numbers_with_a_one_hot_loss(labels):
    message = text(lambda: classifier("categorical_crossentropy").fit(X, labels, verbose=0))
    assert "loss='sparse_categorical_crossentropy'" in message and "to_categorical" in message


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("which", ["x", "y"])
def test_values_that_are_not_finite_are_warned_about(value, which):
    x, y = X.copy(), Y.copy()
    {"x": x, "y": y}[which][5, 0] = value
    with pytest.warns(UserWarning, match=rf"`{which}` contains 1 values that are not finite; the first is .* \[5, 0\]"):
        regressor().fit(x, y, verbose=0)


def test_a_large_sum_of_finite_values_is_no_warning():
    x = X.copy()
    x[:, 0] = np.finfo("float32").max
    regressor().predict(x, verbose=0)


def test_wrong_number_of_features():
    model = regressor()
    message = text(lambda: model.fit(X[:, :3], Y, verbose=0))
    assert "'head'" in message and "(40, 3)" in message and "size 4" in message
    assert "(40, 3)" in text(lambda: model.predict(X[:, :3], verbose=0))


@pytest.mark.parametrize("x", [np.array([["a"] * 4] * 40), np.array([[None] * 4] * 40, dtype=object)])
def test_text_and_objects(x):
    message = text(lambda: regressor().fit(x, Y, verbose=0))
    assert "`x`" in message and ("text" in message or "objects" in message)


def test_rows_of_different_lengths():
    assert "pad_sequences" in text(lambda: regressor().fit([[1, 2], [1]], Y[:2], verbose=0))


def test_no_samples():
    assert "no samples" in text(lambda: regressor().fit(X[:0], Y[:0], verbose=0))
    assert "`x` is None" in text(lambda: regressor().fit(verbose=0))
    assert "no batches" in text(lambda: regressor().fit(iter([]), verbose=0))


@pytest.mark.parametrize("size", [0, -3, 2.5, "8"])
def test_batch_size(size):
    message = text(lambda: regressor().fit(X, Y, batch_size=size, verbose=0))
    assert "`batch_size` must be a positive integer" in message and repr(size) in message


@pytest.mark.parametrize(
    ("arguments", "near"),
    [
        ({"loss": "mean_sqared_error"}, "mean_squared_error"),
        ({"optimizer": "adamm"}, "adam"),
        ({"metrics": ["acuracy"]}, "accuracy"),
    ],
)
def test_unknown_names(arguments, near):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    assert near in text(lambda: model.compile(**{"optimizer": "sgd", "loss": "mse", **arguments}))


def test_unknown_activation():
    assert "relu" in text(lambda: keras.layers.Dense(3, activation="rellu"))


@pytest.mark.parametrize("method", ["fit", "evaluate", "train_on_batch"])
def test_before_compile(method):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    assert "compile()" in text(lambda: getattr(model, method)(X, Y))


def test_a_layer_that_forgets_super_init():
    class Bad(keras.layers.Layer):
        def __init__(self):
            self.inner = keras.layers.Dense(2)

    for use in (lambda bad: bad(X), lambda bad: bad.weights, lambda bad: keras.Sequential([keras.Input((4,)), bad])):
        with pytest.raises(RuntimeError, match=r"forgot to call `super\(\).__init__\(\)`"):
            use(Bad())


def test_a_layer_that_returns_none():
    class Bad(keras.layers.Layer):
        def call(self, x):
            x + 1

    message = text(lambda: keras.Sequential([keras.Input((4,)), Bad(name="nothing")]))
    assert "'nothing'" in message and "returned None" in message


def test_targets_that_do_not_match_the_outputs():
    x = keras.Input((4,))
    model = keras.Model(x, [keras.layers.Dense(1, name="a")(x), keras.layers.Dense(2, name="b")(x)])
    model.compile(optimizer="sgd", loss="mse")
    assert "2 output" in text(lambda: model.fit(X, Y, verbose=0))
    with pytest.raises(ValueError, match="a, b"):
        model.compile(optimizer="sgd", loss=["mse"])
        model.fit(X, [Y, Y], verbose=0)
    with pytest.raises(ValueError, match="'c'"):
        model.compile(optimizer="sgd", loss={"c": "mse"})
        model.fit(X, [Y, Y], verbose=0)


def test_missing_targets():
    assert "`y` is missing" in text(lambda: regressor().fit(X, verbose=0))


@pytest.mark.parametrize("data", [(X,), X], ids=["a tuple of one", "an array"])
def test_missing_targets_of_the_validation(data):
    assert "`y` is missing" in text(lambda: regressor().fit(X, Y, validation_data=data, verbose=0))


def test_missing_targets_once_the_model_is_trained():
    model = regressor()
    model.fit(X, Y, verbose=0)
    assert "`y` is missing" in text(lambda: model.evaluate(X, verbose=0))


@pytest.mark.parametrize("frequency", ["2", None, 0.5])
def test_validation_frequency(frequency):
    with pytest.raises(ValueError, match="validation_freq"):
        regressor().fit(X, Y, validation_data=(X, Y), validation_freq=frequency, verbose=0)


def test_metrics_must_be_a_list():
    assert "metrics=['accuracy']" in text(lambda: regressor().compile(metrics="accuracy"))


@pytest.mark.parametrize("fraction", [1.0, -0.1, 0.999])
def test_validation_split(fraction):
    assert "validation_split" in text(lambda: regressor().fit(X, Y, validation_split=fraction, verbose=0))


def test_targets_beside_a_stream():
    assert "`y` must be None" in text(lambda: regressor().fit(iter([(X, Y)]), Y, verbose=0))


def test_errors_inside_a_layer_tell_its_path():
    class Broken(keras.layers.Layer):
        def call(self, x):
            return keras.ops.matmul(x, np.ones((9, 2), "float32"))

    with pytest.raises(Exception) as caught:
        keras.Sequential([keras.Input((4,)), Broken(name="broken")], name="outer")
    notes = " ".join(caught.value.__notes__)
    assert "outer/broken" in notes and "(None, 4)" in notes


def test_errors_are_exceptions_of_the_package():
    assert issubclass(DataError, ValueError)
