"""`fit`, `evaluate` and `predict` against Keras: the same weights, the same data, the same order, the same numbers."""

import contextlib
import io
import re

import numpy as np
import pytest
from beside_keras import beside_keras

import lamella

keras = pytest.importorskip("keras")
# Keras's own variables answer NumPy 2 in the old way.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")

X = np.random.default_rng(0).normal(size=(70, 6)).astype("float32")
LABELS = np.random.default_rng(1).integers(0, 3, 70)
Y = np.random.default_rng(2).normal(size=(70, 2)).astype("float32")
WEIGHTS = np.random.default_rng(3).uniform(0.2, 2, 70).astype("float32")


def classifier(k):
    return k.Sequential([k.Input((6,)), k.layers.Dense(8, activation="tanh"), k.layers.Dense(3, activation="softmax")])


def regressor(k):
    return k.Sequential([k.Input((6,)), k.layers.Dense(8, activation="relu"), k.layers.Dense(2)])


def penalised(k):
    regularizer = k.regularizers.L1L2(0.01, 0.02)
    return k.Sequential(
        [
            k.Input((6,)),
            k.layers.Dense(8, activation="relu", kernel_regularizer=regularizer, activity_regularizer="l2"),
            k.layers.BatchNormalization(),
            k.layers.Dense(2),
        ]
    )


def two_outputs(k):
    x = k.Input((6,), name="x")
    hidden = k.layers.Dense(5, activation="relu", name="hidden")(x)
    outputs = [k.layers.Dense(2, name="a")(hidden), k.layers.Dense(3, activation="softmax", name="b")(hidden)]
    return k.Model(x, outputs)


CASES = {
    "classifier": (
        classifier,
        {"optimizer": "adam", "loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"]},
        LABELS,
        {},
    ),
    "one-hot": (
        classifier,
        {"optimizer": "rmsprop", "loss": "categorical_crossentropy", "metrics": ["acc", "mse"]},
        np.eye(3, dtype="float32")[LABELS],
        {},
    ),
    "regressor": (regressor, {"optimizer": "sgd", "loss": "mse", "metrics": ["mae"]}, Y, {}),
    "sample weights": (
        regressor,
        {"optimizer": "adam", "loss": "mse", "metrics": ["mae"], "weighted_metrics": ["mae"]},
        Y,
        {"sample_weight": WEIGHTS},
    ),
    "class weights": (
        classifier,
        {"optimizer": "adam", "loss": "sparse_categorical_crossentropy", "weighted_metrics": ["accuracy"]},
        LABELS,
        {"class_weight": {0: 1.0, 1: 3.0, 2: 0.5}},
    ),
    "penalties": (penalised, {"optimizer": "adam", "loss": "mae"}, Y, {}),
    "two outputs": (
        two_outputs,
        {
            "optimizer": "adam",
            "loss": ["mse", "sparse_categorical_crossentropy"],
            "loss_weights": [1.0, 0.3],
            "metrics": [["mae"], ["accuracy"]],
        },
        [Y, LABELS],
        {},
    ),
    "two outputs by name": (
        two_outputs,
        {"optimizer": "adam", "loss": {"a": "mse", "b": "sparse_categorical_crossentropy"}, "metrics": {"b": ["acc"]}},
        {"a": Y, "b": LABELS},
        {},
    ),
    "clipped": (regressor, {"optimizer": "CLIPPED", "loss": "huber"}, Y, {}),
}


def compiled(k, make, settings):
    settings = dict(settings)
    if settings["optimizer"] == "CLIPPED":
        settings["optimizer"] = k.optimizers.SGD(0.1, momentum=0.9, nesterov=True, clipnorm=0.5, weight_decay=0.01)
    model = make(k)
    model.compile(**settings)
    return model


@pytest.mark.parametrize("name", CASES)
def test_a_run_gives_the_numbers_of_keras(name):
    make, settings, y, extra = CASES[name]
    ours, theirs = compiled(lamella, make, settings), compiled(keras, make, settings)
    ours.set_weights(theirs.get_weights())
    validation = (X[:20], y[:20] if isinstance(y, np.ndarray) else None)
    arguments = {"batch_size": 16, "epochs": 3, "shuffle": False, "verbose": 0, **extra}
    if isinstance(y, np.ndarray):
        arguments["validation_data"] = validation
    mine = ours.fit(X, y, **arguments)
    reference = theirs.fit(X, y, **arguments)
    assert list(mine.history) == list(reference.history)
    for key, values in reference.history.items():
        np.testing.assert_allclose(mine.history[key], values, rtol=2e-4, atol=2e-6, err_msg=key)
        assert all(type(v) is float for v in mine.history[key])
    for a, b in zip(ours.get_weights(), theirs.get_weights()):
        np.testing.assert_allclose(a, b, rtol=2e-3, atol=2e-5)

    result, expected = ours.evaluate(X, y, verbose=0), theirs.evaluate(X, y, verbose=0)
    assert type(result) is type(expected)
    np.testing.assert_allclose(result, expected, rtol=1e-3, atol=1e-5)
    result, expected = (m.evaluate(X, y, verbose=0, return_dict=True) for m in (ours, theirs))
    assert list(result) == list(expected)
    assert ours.metrics_names == theirs.metrics_names
    np.testing.assert_allclose(list(result.values()), list(expected.values()), rtol=1e-3, atol=1e-5)
    for a, b in zip(*(_listed(m.predict(X, verbose=0, batch_size=32)) for m in (ours, theirs))):
        assert type(a) is np.ndarray and a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)


def _listed(outputs):
    return outputs if isinstance(outputs, list) else [outputs]


@pytest.mark.parametrize("name", ["classifier", "regressor", "two outputs"])
def test_single_batches_give_the_numbers_of_keras(name):
    make, settings, y, _ = CASES[name]
    ours, theirs = compiled(lamella, make, settings), compiled(keras, make, settings)
    ours.set_weights(theirs.get_weights())
    for _ in range(3):
        mine, reference = ours.train_on_batch(X, y), theirs.train_on_batch(X, y)
        np.testing.assert_allclose(mine, reference, rtol=1e-4, atol=1e-6)
        assert type(mine) is type(reference)
    mine, reference = (m.test_on_batch(X, y, return_dict=True) for m in (ours, theirs))
    assert list(mine) == list(reference)
    np.testing.assert_allclose(list(mine.values()), list(reference.values()), rtol=1e-4, atol=1e-6)
    for a, b in zip(*(_listed(m.predict_on_batch(X[:5])) for m in (ours, theirs))):
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)


class Recorder:
    """The trace of hooks and logs, with the steps in between seen or not."""

    HOOKS = (
        "on_train_begin", "on_train_end", "on_epoch_begin", "on_epoch_end", "on_train_batch_begin", "on_train_batch_end",
        "on_test_begin", "on_test_end", "on_test_batch_begin", "on_test_batch_end", "on_predict_begin", "on_predict_end",
        "on_predict_batch_begin", "on_predict_batch_end",
    )  # fmt: skip

    @classmethod
    def make(cls, base, reads_only):
        trace = []

        def hook(name):
            def run(self, *args):
                *index, logs = args if args else (None,)
                logs = {k: v for k, v in (logs or {}).items() if k != "outputs"}
                trace.append((name, tuple(index), {k: float(v) for k, v in logs.items()}))

            return lambda self, *args, logs=None: run(self, *args, *([logs] if logs is not None else []))

        callback = type("Recorder", (base,), {name: hook(name) for name in cls.HOOKS})()
        callback.reads_only = reads_only
        return callback, trace


@pytest.mark.parametrize("reads_only", [True, False], ids=["reads only", "may act"])
def test_callbacks_hear_what_keras_tells_in_the_same_order(reads_only):
    make, settings, y, _ = CASES["classifier"]
    ours, theirs = compiled(lamella, make, settings), compiled(keras, make, settings)
    ours.set_weights(theirs.get_weights())
    traces = []
    for k, model in ((lamella, ours), (keras, theirs)):
        callback, trace = Recorder.make(k.callbacks.Callback, reads_only)
        arguments = {"batch_size": 16, "verbose": 0, "callbacks": [callback]}
        model.fit(X, y, epochs=2, shuffle=False, validation_data=(X[:20], y[:20]), **arguments)
        model.evaluate(X, y, **arguments)
        model.predict(X, **arguments)
        traces.append(trace)
    mine, reference = traces
    assert [(name, index) for name, index, _ in mine] == [(name, index) for name, index, _ in reference]
    for (name, index, logs), (_, _, expected) in zip(mine, reference):
        assert list(logs) == list(expected), (name, index)
        np.testing.assert_allclose(list(logs.values()), list(expected.values()), rtol=2e-4, atol=2e-6, err_msg=name)


def outputs_named(k, *names):
    x = k.Input((6,))
    outputs = [k.layers.Dense(2, name=names[0])(x), k.layers.Dense(3, activation="softmax", name=names[1])(x)]
    return with_fixed_weights(k.Model(x, outputs))


def linear(k):
    return with_fixed_weights(k.Sequential([k.Input((6,)), k.layers.Dense(2)]))


def with_fixed_weights(model):
    draw = np.random.default_rng(5)
    model.set_weights([draw.normal(size=w.shape).astype("float32") for w in model.get_weights()])
    return model


SEQUENTIALLY = {"shuffle": False, "verbose": 0, "batch_size": 10}


@beside_keras
def test_results_are_listed_in_the_order_of_keras(keras):
    model = outputs_named(keras, "zeta", "alpha")
    model.compile("sgd", ["mse", "sparse_categorical_crossentropy"], metrics=[["mae", "mse"], ["accuracy"]])
    return model.evaluate(X, [Y, LABELS], verbose=0), model.train_on_batch(X, [Y, LABELS])


@beside_keras
def test_outputs_in_a_dict(keras):
    x = keras.Input((6,))
    outputs = {"z": keras.layers.Dense(2)(x), "a": keras.layers.Dense(3, activation="softmax")(x)}
    model = with_fixed_weights(keras.Model(x, outputs))
    model.compile("sgd", {"z": "mse", "a": "sparse_categorical_crossentropy"}, metrics={"a": ["accuracy"]})
    y = {"z": Y, "a": LABELS}
    return model.fit(X, y, **SEQUENTIALLY).history, model.evaluate(X, y, verbose=0), model.predict(X, verbose=0)


CLASSES = "sparse_categorical_crossentropy"


@beside_keras
@pytest.mark.parametrize("loss", [[None, "sparse_categorical_crossentropy"], {"a": "mse"}, {"a": "mse", "b": None}])
def test_outputs_without_a_loss(keras, loss):
    model = outputs_named(keras, "a", "b")
    model.compile("sgd", loss)
    return model.fit(X, [Y, LABELS], **SEQUENTIALLY).history


@beside_keras
@pytest.mark.parametrize("loss", [["mse", [CLASSES]], {"a": ["mse"], "b": CLASSES}])
def test_a_list_of_one_loss_is_that_loss(keras, loss):
    model = outputs_named(keras, "a", "b")
    model.compile("sgd", loss)
    return model.fit(X, [Y, LABELS], **SEQUENTIALLY).history


ONE = np.random.default_rng(4).normal(size=(70, 1)).astype("float32")
NESTS = {
    "dict of list": lambda a, b, c: {"p": [a, b], "q": c},
    "dict of dict": lambda a, b, c: {"p": {"v": a, "u": b}, "q": c},
    "list of list": lambda a, b, c: [a, (b, c)],
    "list of dict": lambda a, b, c: [{"u": a, "v": b}, c],
    "dict": lambda a, b, c: {"z": a, "y": b, "x": c},
}


def outputs_in(k, nest, named):
    layers = [k.layers.Dense(2, name="a"), k.layers.Dense(3, "softmax", name="b"), k.layers.Dense(1, name="c")]
    if named:
        x = k.Input((6,))
        model = k.Model(x, nest(*[layer(x) for layer in layers]))
    else:

        class Unnamed(k.Model):
            def __init__(self):
                super().__init__()
                self.heads = layers

            def call(self, x):
                return nest(*[head(x) for head in self.heads])

        model = Unnamed()
        model(X[:1])
    return with_fixed_weights(model)


@beside_keras
@pytest.mark.parametrize("named", [True, False], ids=["functional", "subclassed"])
@pytest.mark.parametrize("nest", NESTS)
def test_losses_weights_and_metrics_in_the_structure_of_the_outputs(keras, nest, named):
    nest = NESTS[nest]
    model = outputs_in(keras, nest, named)
    settings = {"loss_weights": nest(1.0, 2.0, 0.5), "metrics": nest(["mae"], ["acc"], ["mae"])}
    model.compile("sgd", nest("mse", CLASSES, "mae"), **settings)
    y = nest(Y, LABELS, ONE)
    history = model.fit(X, y, **SEQUENTIALLY).history
    return history, model.evaluate(X, y, verbose=0), [metric.name for metric in model.metrics]


@beside_keras
@pytest.mark.parametrize("nest", NESTS)
def test_a_list_of_losses_is_for_the_outputs_in_the_order_of_tree_flatten(keras, nest):
    model = outputs_in(keras, NESTS[nest], named=True)
    y = NESTS[nest](ONE, ONE, ONE)
    model.compile("sgd", ["mse", "mae", "huber"], loss_weights=[1.0, 2.0, 0.5])
    return model.evaluate(X, y, verbose=0, return_dict=True)


@beside_keras
@pytest.mark.parametrize("kinds", ["names", "objects"])
def test_losses_of_outputs_without_a_name_are_called_as_themselves(keras, kinds):
    def distance(y_true, y_pred):
        return keras.ops.mean(keras.ops.abs(y_true - y_pred), axis=-1)

    model = outputs_in(keras, lambda a, b, c: [a, b, c], named=False)
    objects = [keras.losses.MeanSquaredError(name="mine"), keras.losses.SparseCategoricalCrossentropy(), distance]
    metrics = [["mae"], ["acc"], ["mae", "mse"]]
    losses = ["mse", CLASSES, "mae"] if kinds == "names" else objects
    model.compile("sgd", losses, metrics=metrics, weighted_metrics=metrics)
    y = [Y, LABELS, ONE]
    return model.evaluate(X, y, verbose=0, return_dict=True), model.evaluate(X, y, verbose=0)


def distance(y_true, y_pred):
    """The sum of squares over a structure of outputs."""
    if isinstance(y_true, dict):
        return sum(distance(y_true[key], y_pred[key]) for key in y_true)
    if isinstance(y_true, (list, tuple)):
        return sum(map(distance, y_true, y_pred))
    return ((y_true - y_pred) ** 2).mean(-1)


@beside_keras
@pytest.mark.parametrize("named", [True, False], ids=["functional", "subclassed"])
@pytest.mark.parametrize(
    ("nest", "settings"),
    [
        ("dict of dict", {"loss": {"p": distance, "q": "mse"}}),
        ("dict of dict", {"loss": {"p": distance}, "loss_weights": {"p": 2.0}}),
        ("dict of list", {"loss": {"q": "mse", "p": distance}, "loss_weights": {"p": 2.0, "q": 3.0}}),
        ("list of list", {"loss": ["mae", distance]}),
        ("list of dict", {"loss": [distance, None]}),
        ("list of dict", {"loss": [distance, "mse"], "metrics": [{"u": ["mae"], "v": []}, ["mae"]]}),
        ("dict of dict", {"loss": {"p": {"w": "mse"}}}),
        ("dict of dict", {"loss": {"p": {"v": "mse"}, "q": {"d": "mae"}}}),
        ("dict", {"loss": {"z": "mse", "w": "mae"}}),
    ],
    ids=lambda given: re.sub(r"<function (\w+)[^>]*>", r"\1", str(given)),
)
def test_one_loss_for_a_part_of_the_outputs(keras, nest, settings, named):
    if isinstance(settings["loss"], list):
        nest = {"list of list": lambda a, b, c: [a, [b, c]]}.get(nest, NESTS[nest])
    else:
        nest = NESTS[nest]
    model = outputs_in(keras, nest, named)
    model.compile("sgd", **settings)
    y = nest(Y, np.eye(3, dtype="float32")[LABELS], ONE)
    return model.fit(X, y, **SEQUENTIALLY).history, model.evaluate(X, y, verbose=0)


@beside_keras
@pytest.mark.parametrize("name", ["crossentropy", "CE"])
@pytest.mark.parametrize("kind", ["binary", "classes", "column of classes", "one-hot"])
def test_crossentropy_by_the_shapes(keras, name, kind):
    classes = 1 if kind == "binary" else 3
    y = {
        "binary": LABELS[:, None] % 2,
        "classes": LABELS,
        "column of classes": LABELS[:, None],
        "one-hot": np.eye(3, dtype="float32")[LABELS],
    }[kind]
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(classes, "sigmoid", kernel_initializer="ones")])
    model.compile("sgd", name)
    return model.evaluate(X, y, verbose=0)


@beside_keras
def test_metrics_of_a_model_inside_another_are_its_own(keras):
    inner = keras.Sequential([keras.Input((6,)), keras.layers.Dense(6, kernel_initializer="ones")])
    inner.compile("sgd", "mse", metrics=["mae"])

    class Outer(keras.Model):
        def __init__(self):
            super().__init__()
            self.inner, self.mean = inner, keras.metrics.Mean(name="mean")

        def call(self, x):
            return self.inner(x)

    x = keras.Input((6,))
    seen = []
    for model in (keras.Model(x, inner(x)), Outer(), keras.Sequential([keras.Input((6,)), inner])):
        seen.append([metric.name for metric in model.metrics])
        model.compile("sgd", "mse", metrics=["mse"])
        seen.append(list(model.fit(X, X, verbose=0).history))
        seen.append([metric.name for metric in model.metrics])
        seen.append(len(model.metrics_variables))
    return seen


@beside_keras
@pytest.mark.parametrize("method", ["fit", "evaluate", "predict", "validation"])
@pytest.mark.parametrize("steps", [1, 2, 9, 100])
def test_a_number_of_steps_divides_the_data(keras, method, steps):
    model = with_fixed_weights(regressor(keras))
    model.compile("sgd", "mse")
    sizes = []

    class Sizes(keras.callbacks.Callback):
        def on_predict_batch_end(self, batch, logs=None):
            sizes.append(logs["outputs"].shape)

        def on_test_batch_end(self, batch, logs=None):
            sizes.append(logs)

        on_train_batch_end = on_test_batch_end

    settings = {"verbose": 0, "callbacks": [Sizes()]}
    if method == "fit":
        model.fit(X, Y, shuffle=False, epochs=2, steps_per_epoch=steps, **settings)
    elif method == "validation":
        model.fit(X, Y, shuffle=False, validation_data=(X, Y), validation_steps=steps, **settings)
    elif method == "evaluate":
        model.evaluate(X, Y, steps=steps, **settings)
    else:
        model.predict(X, steps=steps, **settings)
    return sizes


def test_two_losses_of_one_name_are_both_shown():
    model = outputs_in(lamella, lambda a, b, c: [a, c], named=False)
    model.compile("sgd", "mse")
    logs = model.evaluate(X, [Y, ONE], verbose=0, return_dict=True)
    assert list(logs) == ["loss", "mse_loss", "mse_loss_1"]
    assert logs["loss"] == pytest.approx(logs["mse_loss"] + logs["mse_loss_1"], rel=1e-5)


@beside_keras
def test_the_names_of_weighted_metrics_that_are_metrics_too(keras):
    model = outputs_named(keras, "a", "b")
    metrics = [["mae", "mae"], ["acc"]]
    model.compile("sgd", ["mse", CLASSES], metrics=metrics, weighted_metrics=metrics)
    return model.evaluate(X, [Y, LABELS], sample_weight=WEIGHTS, verbose=0, return_dict=True)


@beside_keras
def test_outputs_in_a_dict_that_the_losses_do_not_name_have_none(keras):
    model = outputs_in(keras, NESTS["dict"], named=True)
    model.compile("sgd", {"z": "mse", "x": "mae"})
    return model.evaluate(X, {"z": Y, "y": LABELS, "x": ONE}, verbose=0, return_dict=True)


@beside_keras
@pytest.mark.parametrize("y", [LABELS, [LABELS], [None, LABELS]], ids=["an array", "a list of one", "None"])
def test_targets_of_the_outputs_with_a_loss_alone(keras, y):
    model = outputs_named(keras, "a", "b")
    model.compile("sgd", [None, CLASSES])
    return model.fit(X, y, **SEQUENTIALLY).history


@pytest.mark.parametrize(
    "y, told",
    [
        ({"a": Y, "b": LABELS}, r"x, y, z.*'a', 'b'"),
        ({"x": ONE, "y": LABELS, "z": Y, "w": Y}, "'w'"),
        ({"x": ONE, "y": LABELS}, "output.* z, but"),
        ([ONE, LABELS], "2 entries"),
    ],
    ids=["names of layers", "too many", "too few", "a short list"],
)
def test_targets_that_do_not_fit_the_dict_of_outputs(y, told):
    model = outputs_in(lamella, NESTS["dict"], named=True)
    model.compile("sgd", {"z": "mse", "y": CLASSES, "x": "mse"})
    with pytest.raises(ValueError, match=told):
        model.fit(X, y, verbose=0)


@beside_keras
@pytest.mark.parametrize("name", ["Accuracy", "ACC", "accuracy"])
def test_accuracy_by_the_shapes_in_any_case(keras, name):
    model = outputs_named(keras, "a", "b")
    model.compile("sgd", ["mse", CLASSES], metrics=[[], [name]])
    return model.evaluate(X, [Y, LABELS], verbose=0, return_dict=True)


@beside_keras
def test_a_metric_of_several_values_is_a_dict_in_the_results(keras):
    class Both(keras.metrics.Mean):
        def update_state(self, y_true, y_pred, sample_weight=None):
            super().update_state(y_true)

        def result(self):
            return {"one": super().result(), "two": 2 * super().result()}

    model = linear(keras)
    model.compile("sgd", "mse", metrics=["mae", Both(name="both")])
    listed = model.evaluate(X, Y, verbose=0)
    return listed, model.get_metrics_result()


@beside_keras
def test_metrics_that_make_their_variables_late_and_functions_as_metrics(keras):
    def MeanOfPredictions(y_true, y_pred):
        return keras.ops.mean(y_pred)

    model = with_fixed_weights(keras.Sequential([keras.Input((6,)), keras.layers.Dense(1, activation="sigmoid")]))
    metrics = [keras.metrics.F1Score(threshold=0.5), MeanOfPredictions, lambda a, b: keras.ops.mean(a)]
    model.compile("sgd", "binary_crossentropy", metrics=metrics)
    y = (LABELS > 0).astype("float32")[:, None]
    return model.fit(X, y, **SEQUENTIALLY).history, model.evaluate(X, y, verbose=0)


@beside_keras
@pytest.mark.parametrize(
    "settings", [{"use_ema": True, "ema_momentum": 0.5}, {"gradient_accumulation_steps": 3}], ids=str
)
def test_what_an_optimizer_does_at_the_end_of_training(keras, settings):
    model = linear(keras)
    model.compile(keras.optimizers.SGD(0.1, **settings), "mse")
    return model.fit(X, Y, epochs=3, validation_data=(X, Y), **SEQUENTIALLY).history, model.get_weights()


@beside_keras
@pytest.mark.parametrize("steps", [3, 5, 7, 10])
def test_an_epoch_of_fewer_steps_goes_on_where_the_last_one_ended(keras, steps):
    model = linear(keras)
    model.compile("sgd", "mse")
    return model.fit(X, Y, epochs=5, steps_per_epoch=steps, **SEQUENTIALLY).history


@beside_keras
@pytest.mark.parametrize("steps", [1, 3, 4, 7, 9])
@pytest.mark.parametrize("samples", [70, 66])
def test_callbacks_hear_of_whole_executions(keras, steps, samples):
    told = []

    class Listener(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            told.append(("begin", batch))

        def on_train_batch_end(self, batch, logs=None):
            told.append(("end", batch, logs["loss"]))

    model = linear(keras)
    model.compile("sgd", "mse", steps_per_execution=steps)
    model.fit(X[:samples], Y[:samples], callbacks=[Listener()], **SEQUENTIALLY)
    return told


@beside_keras
def test_a_step_of_ones_own_gets_the_data_packed(keras):
    seen = []

    class Model(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(2)

        def call(self, x, training=False):
            return self.dense(x)

        def test_step(self, state, data):
            seen.append(len(data) if isinstance(data, tuple) else "x")
            return {}, (state[0], state[1], state[2]) if len(state) == 3 else state

    model = Model()
    model.build((None, 6))
    model.compile("sgd", "mse")
    for arguments in ((X,), (X, Y), (X, Y, WEIGHTS)):
        x, y, weights = (*arguments, None, None)[:3]
        model.test_function = None
        model.evaluate(x, y, sample_weight=weights, verbose=0)
    return sorted(map(str, set(seen)))


def test_a_model_that_lists_its_own_metrics_may_still_use_the_default_step():
    class Model(lamella.Model):
        def __init__(self):
            super().__init__()
            self.dense = lamella.layers.Dense(2)
            self.tracker = lamella.metrics.Mean(name="tracked")

        def call(self, x):
            return self.dense(x)

        def compute_loss(self, x, y, y_pred, sample_weight, training=True):
            loss = lamella.ops.mean(lamella.ops.square(y - y_pred))
            self.tracker.update_state(loss)
            return loss

        @property
        def metrics(self):
            return [self.tracker]

    model = Model()
    model.compile("sgd")
    history = model.fit(X, Y, epochs=2, **SEQUENTIALLY).history
    assert list(history) == ["tracked"]
    assert history["tracked"][1] < history["tracked"][0]


def test_a_generator_that_ends_early_keeps_what_was_trained():
    model = linear(lamella)
    model.compile("sgd", "mse")
    with pytest.warns(UserWarning, match="ran out of data after 0 steps of epoch 2"):
        history = model.fit(((X[i : i + 10], Y[i : i + 10]) for i in range(0, 70, 10)), epochs=3, verbose=0)
    assert history.epoch == [0]
    with pytest.warns(UserWarning, match="after 7 steps of the 10 that `steps_per_epoch` asks for"):
        batches = ((X[i : i + 10], Y[i : i + 10]) for i in range(0, 70, 10))
        history = model.fit(batches, steps_per_epoch=10, epochs=1, verbose=0)
    assert history.epoch == [0]


BACKWARDS = np.ascontiguousarray(WEIGHTS[::-1])


@beside_keras
@pytest.mark.parametrize("kind", ["list", "tuple", "one for both", "dict of outputs", "generator"])
def test_weights_of_samples_in_the_structure_of_the_outputs(keras, kind):
    x = keras.Input((6,))
    heads = [keras.layers.Dense(2, name="a")(x), keras.layers.Dense(3, activation="softmax", name="b")(x)]
    model = with_fixed_weights(keras.Model(x, dict(zip("ab", heads)) if kind == "dict of outputs" else heads))
    model.compile(
        "sgd",
        {"a": "mse", "b": "sparse_categorical_crossentropy"},
        metrics={"a": ["mae"]},
        weighted_metrics={"b": ["accuracy"]},
    )
    if kind == "generator":
        parts = [slice(i, i + 10) for i in range(0, 70, 10)]
        data = ((X[p], (Y[p], LABELS[p]), (WEIGHTS[p], BACKWARDS[p])) for p in parts)
        return model.fit(data, steps_per_epoch=7, verbose=0).history
    y, weights = {
        "list": ([Y, LABELS], [WEIGHTS, BACKWARDS]),
        "tuple": ((Y, LABELS), (WEIGHTS, BACKWARDS)),
        "one for both": ([Y, LABELS], WEIGHTS),
        "dict of outputs": ({"a": Y, "b": LABELS}, {"a": WEIGHTS, "b": BACKWARDS}),
    }[kind]
    history = model.fit(X, y, sample_weight=weights, **SEQUENTIALLY).history
    return history, model.evaluate(X, y, sample_weight=weights, verbose=0, return_dict=True)


@beside_keras
def test_losses_that_layers_add(keras):
    class Penalty(keras.layers.Layer):
        def call(self, x):
            self.add_loss(0.1 * keras.ops.mean(x**2))
            return x

    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(4), Penalty(), keras.layers.Dense(2)])
    with_fixed_weights(model)
    model.compile("adam", "mse", metrics=["mae"])
    history = model.fit(X, Y, epochs=2, validation_data=(X[:20], Y[:20]), **SEQUENTIALLY).history
    return history, model.evaluate(X, Y, verbose=0)


@pytest.mark.parametrize("first", [0, 2])
@beside_keras
def test_the_loss_that_ended_training_is_in_the_history(keras, first):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, kernel_initializer="ones")])
    model.compile("sgd", "mse")
    x = np.ones((20, 3), "float32")
    x[5 * first :] = 1e30
    options = {"batch_size": 5, "epochs": 3, "shuffle": False, "verbose": 0}
    with contextlib.redirect_stdout(io.StringIO()):
        history = model.fit(x, np.ones((20, 1)), callbacks=[keras.callbacks.TerminateOnNaN()], **options)
    return [bool(np.isfinite(loss)) for loss in history.history["loss"]], history.epoch
