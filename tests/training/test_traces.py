"""What callbacks are told, and when, in every mode of training: the same as by Keras."""

import numpy as np
import pytest
from beside_keras import beside_keras

X = np.random.default_rng(0).normal(size=(22, 3)).astype("float32")
Y = (X[:, :2] - X[:, 1:]).astype("float32")
BATCH = 8  # two whole batches and one of six

HOOKS = [
    f"on_{what}_{when}"
    for what in ("train", "epoch", "train_batch", "test", "test_batch", "predict", "predict_batch")
    for when in ("begin", "end")
]


def recorder(keras, trace, act=None):
    """A callback that writes down every hook with its arguments; `act(hook, number, model)` may do something there."""

    def hook(name):
        def told(self, *args, logs=None):
            *number, last = args if args and isinstance(args[-1], dict) else (*args, None)
            logs = {**(logs or {}), **(last if isinstance(last, dict) else {})}
            number = [n for n in (*number, last) if isinstance(n, (int, np.integer))]
            trace.append((name, [int(n) for n in number], {k: logs[k] for k in logs if k != "outputs"}))
            if "outputs" in logs:
                trace.append(("outputs", np.asarray(logs["outputs"])))
            if act is not None:
                act(name, number[0] if number else None, self.model)

        return told

    return type("Recorder", (keras.callbacks.Callback,), {name: hook(name) for name in HOOKS})()


def make(keras, **settings):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.set_weights([np.linspace(-1, 1, 6).reshape(3, 2).astype("float32"), np.zeros(2, "float32")])
    model.compile(keras.optimizers.SGD(0.05), "mse", metrics=["mae"], **settings)
    return model


def batches(times=1):
    for _ in range(times):
        for i in range(0, len(X), BATCH):
            yield X[i : i + BATCH], Y[i : i + BATCH]


def data_set(keras):
    class Batches(keras.utils.PyDataset):
        def __len__(self):
            return 3

        def __getitem__(self, index):
            part = slice(index * BATCH, (index + 1) * BATCH)
            return X[part], Y[part]

    return Batches()


ARRAYS = {"x": X, "y": Y, "batch_size": BATCH, "shuffle": False}
FITS = {
    "arrays": lambda keras: ARRAYS,
    "arrays and validation": lambda keras: {**ARRAYS, "validation_data": (X[:9], Y[:9]), "validation_batch_size": 4},
    "a part for validation": lambda keras: {**ARRAYS, "validation_split": 0.3},
    "validation now and then": lambda keras: {**ARRAYS, "validation_data": (X[:9], Y[:9]), "validation_freq": 2},
    "validation of some steps": lambda keras: {**ARRAYS, "validation_data": (X, Y), "validation_steps": 2},
    "fewer steps": lambda keras: {**ARRAYS, "steps_per_epoch": 2},
    "a later epoch": lambda keras: {**ARRAYS, "initial_epoch": 1},
    "weights": lambda keras: {**ARRAYS, "sample_weight": np.linspace(0.5, 2, 22).astype("float32")},
    "a generator": lambda keras: {"x": batches(2), "steps_per_epoch": 3},
    "a generator with fewer steps": lambda keras: {"x": batches(2), "steps_per_epoch": 2},
    # Not in this table: a generator for validation, of which Keras takes the first batches again in every epoch.
    "PyDataset": lambda keras: {"x": data_set(keras), "shuffle": False},
    "PyDataset for validation": lambda keras: {**ARRAYS, "validation_data": data_set(keras)},
}


@beside_keras
@pytest.mark.parametrize("name", FITS)
def test_fit(keras, name):
    trace = []
    make(keras).fit(**FITS[name](keras), epochs=2, verbose=0, callbacks=[recorder(keras, trace)])
    return trace


@beside_keras
@pytest.mark.parametrize("name", ["arrays and validation", "a generator with fewer steps", "PyDataset"])
@pytest.mark.parametrize("settings", [{"steps_per_execution": 2}, {"run_eagerly": True}], ids=str)
def test_fit_however_steps_are_run(keras, name, settings):
    trace = []
    make(keras, **settings).fit(**FITS[name](keras), epochs=2, verbose=0, callbacks=[recorder(keras, trace)])
    return trace


@beside_keras
@pytest.mark.parametrize("settings", [{}, {"run_eagerly": True}], ids=str)
def test_fit_on_a_generator_whose_end_nobody_told(keras, settings):
    trace = []
    make(keras, **settings).fit(batches(), epochs=1, verbose=0, callbacks=[recorder(keras, trace)])
    return trace


@beside_keras
@pytest.mark.parametrize("data", ["arrays", "a generator", "PyDataset"])
@pytest.mark.parametrize("method", ["evaluate", "predict"])
@pytest.mark.parametrize("steps", [None, 2])
def test_evaluate_and_predict(keras, data, method, steps):
    x = {"arrays": X, "a generator": batches(), "PyDataset": data_set(keras)}[data]
    rest = {"y": Y} if data == "arrays" and method == "evaluate" else {}
    rest |= {"batch_size": BATCH} if data == "arrays" else {}
    trace = []
    result = getattr(make(keras), method)(x, **rest, steps=steps, verbose=0, callbacks=[recorder(keras, trace)])
    return trace, result


@beside_keras
@pytest.mark.parametrize(
    "hook", ["on_train_batch_begin", "on_train_batch_end", "on_epoch_begin", "on_epoch_end", "on_test_end"]
)
@pytest.mark.parametrize("steps", [1, 2])
def test_a_callback_that_stops_the_training(keras, hook, steps):
    def act(name, number, model):
        if name == hook and number in (None, 1):
            model.stop_training = True

    trace = []
    model = make(keras, steps_per_execution=steps)
    model.fit(**FITS["arrays and validation"](keras), epochs=3, verbose=0, callbacks=[recorder(keras, trace, act)])
    return trace


@beside_keras
@pytest.mark.parametrize("what", ["training", "evaluating", "predicting"])
@pytest.mark.parametrize("settings", [{}, {"run_eagerly": True}], ids=str)
def test_a_callback_that_stops_an_endless_stream(keras, what, settings):
    method, kind = {
        "training": ("fit", "train"),
        "evaluating": ("evaluate", "test"),
        "predicting": ("predict", "predict"),
    }[what]

    def act(name, number, model):
        if name == f"on_{kind}_batch_end" and number == 4:
            setattr(model, f"stop_{what}", True)

    def endless():
        while True:
            yield (X[:4],) if method == "predict" else (X[:4], Y[:4])

    trace = []
    result = getattr(make(keras, **settings), method)(endless(), verbose=0, callbacks=[recorder(keras, trace, act)])
    return trace, result if method != "fit" else result.history


@beside_keras
@pytest.mark.parametrize("method", ["fit", "evaluate", "predict"])
@pytest.mark.parametrize("data", ["arrays", "a generator"])
@pytest.mark.parametrize("settings", [{}, {"run_eagerly": True}, {"jit_compile": False}], ids=str)
@pytest.mark.parametrize("steps", [2, 50])
def test_hooks_are_called_once_for_several_steps(keras, method, data, settings, steps):
    trace = []
    model = make(keras, steps_per_execution=steps, **settings)
    given = {"callbacks": [recorder(keras, trace)], "verbose": 0}
    if data == "a generator":
        getattr(model, method)(((x,) if method == "predict" else (x, y) for x, y in batches()), **given)
    elif method == "predict":
        model.predict(X, batch_size=BATCH, **given)
    else:
        getattr(model, method)(X, Y, batch_size=BATCH, **given, **({"shuffle": False} if method == "fit" else {}))
    return trace


@beside_keras
def test_stopping_early_and_giving_the_best_weights_back(keras):
    trace = []
    model = make(keras)
    stop = keras.callbacks.EarlyStopping("loss", mode="max", patience=1, restore_best_weights=True)
    model.fit(**ARRAYS, epochs=5, verbose=0, callbacks=[recorder(keras, trace), stop])
    return trace, stop.stopped_epoch, model.get_weights()


@beside_keras
def test_a_learning_rate_that_a_callback_sets_between_steps(keras):
    def act(name, number, model):
        if name == "on_train_batch_end":
            model.optimizer.learning_rate = 0.1 / (1 + number)

    trace = []
    model = make(keras)
    model.fit(**ARRAYS, epochs=2, verbose=0, callbacks=[recorder(keras, trace, act)])
    return trace, model.get_weights()
