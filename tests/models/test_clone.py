"""Copies of models, beside Keras."""

import json
import pickle
from copy import deepcopy

import numpy as np
import pytest
from beside_keras import beside_keras

import lamella
from lamella import layers
from lamella.errors import SerializationError

X = np.arange(6, dtype="float32").reshape(2, 3)


def ones(keras, units, **kwargs):
    return keras.layers.Dense(units, kernel_initializer="ones", **kwargs)


def models(keras, kind):
    if kind == "sequential":
        return keras.Sequential(
            [keras.Input((3,), name="i"), ones(keras, 2, name="a"), ones(keras, 1, name="b")], name="m"
        )
    if kind == "deferred":
        return keras.Sequential([ones(keras, 2, name="a"), ones(keras, 1, name="b")], name="m")
    x = keras.Input((3,), name="x")
    if kind == "shared":
        a = ones(keras, 3, name="a")
        return keras.Model(x, [a(x), a(a(x))], name="m")
    if kind == "ops":
        return keras.Model(x, {"y": keras.ops.relu(ones(keras, 2, name="a")(x) * 2), "z": x[:, :1]}, name="m")
    if kind == "nested":
        inner = keras.Sequential([ones(keras, 3, name="a"), ones(keras, 2, name="b")], name="inner")
        i = keras.Input((2,), name="j")
        drawn = keras.Model(i, ones(keras, 2, name="c")(i), name="drawn")
        return keras.Model(x, drawn(inner(x)), name="m")
    if kind == "frozen":
        model = keras.Model(x, ones(keras, 2, name="a", trainable=False)(x), name="m")
        return model
    y = keras.Input((3,), name="y")
    return keras.Model(
        {"x": x, "y": y},
        keras.layers.Add(name="add")([ones(keras, 2, name="a")(x), ones(keras, 2, name="b")(y)]),
        name="m",
    )


KINDS = ["sequential", "deferred", "shared", "ops", "nested", "frozen", "inputs"]


def data(kind):
    return {"x": X, "y": X} if kind == "inputs" else X


@beside_keras
@pytest.mark.parametrize("kind", KINDS)
def test_clone(keras, kind):
    model = models(keras, kind)
    copy = keras.models.clone_model(model)
    facts = [type(copy).__name__, copy.name, copy.built, [layer.name for layer in copy.layers]]
    apart = not {id(layer) for layer in copy.layers} & {id(layer) for layer in model.layers}
    copy(data(kind))
    model(data(kind))
    copy.set_weights([w * 2 for w in model.get_weights()])
    return [facts, apart, copy(data(kind)), model(data(kind)), len(copy.trainable_weights)]


@beside_keras
@pytest.mark.parametrize("kind", ["sequential", "shared", "nested"])
@pytest.mark.parametrize("recursive", [False, True])
def test_clone_function(keras, kind, recursive):
    seen = []

    def widen(layer):
        seen.append(layer.name)
        config = layer.get_config()
        if "activation" in config:
            config["activation"] = "tanh"
        return type(layer).from_config(config)

    copy = keras.models.clone_model(models(keras, kind), clone_function=widen, recursive=recursive)
    return [sorted(seen), copy(X)]


@beside_keras
def test_call_function(keras):
    seen = []

    def call(layer, *args, **kwargs):
        seen.append(layer.name)
        out = layer(*args, **kwargs)
        return out * 2 if layer.name == "a" else out

    copy = keras.models.clone_model(models(keras, "shared"), call_function=call)
    return [seen, copy(X)]


@beside_keras
@pytest.mark.parametrize("kind", ["sequential", "shared", "inputs"])
@pytest.mark.parametrize("given", ["right", "too many", "text"])
def test_input_tensors(keras, kind, given):
    a, b = keras.Input((3,), name="p"), keras.Input((3,), name="q")
    tensors = {
        "right": lambda: {"x": a, "y": b} if kind == "inputs" else a,
        "too many": lambda: [a, b, a],
        "text": lambda: "text",
    }[given]()
    copy = keras.models.clone_model(models(keras, kind), input_tensors=tensors)
    return [copy(data(kind)), [t.name for t in copy.inputs]]


@beside_keras
@pytest.mark.parametrize("structure", ["one", "list", "tuple", "dict", "dict of list"])
@pytest.mark.parametrize("given", ["one", "list", "tuple", "dict", "other keys", "dict of list"])
def test_input_tensors_have_the_structure_of_the_input(keras, structure, given):
    def arranged(form, a, b):
        forms = {"one": a, "list": [a, b], "tuple": (a, b), "dict": {"x": a, "y": b}, "other keys": {"x": a, "z": b}}
        return {**forms, "dict of list": {"x": [a, b]}}[form]

    a, b = keras.Input((3,), name="a"), keras.Input((3,), name="b")
    p, q = keras.Input((3,), name="p"), keras.Input((3,), name="q")
    model = keras.Model(arranged(structure, a, b), keras.layers.Dense(1)(a))
    copy = keras.models.clone_model(model, input_tensors=arranged(given, p, q))
    return [tensor.name for tensor in copy.inputs]


@beside_keras
@pytest.mark.parametrize("case", ["layer", "call_function of a stack", "unknown"])
def test_wrong_arguments(keras, case):
    clone = keras.models.clone_model
    model = models(keras, "sequential")
    return {
        "layer": lambda: clone(keras.layers.Dense(1)),
        "call_function of a stack": lambda: clone(model, call_function=lambda layer, x: x),
        "unknown": lambda: clone(model, colour=1),
    }[case]()


def test_what_is_no_model_or_no_function():
    for kwargs in ({"model": "m"}, {"clone_function": 3}, {"call_function": 3}, {"model": None}):
        with pytest.raises(ValueError, match=next(iter(kwargs))):
            lamella.models.clone_model(**{"model": models(lamella, "shared"), **kwargs})


class Net(lamella.Model):
    def __init__(self, units=2, **kwargs):
        super().__init__(**kwargs)
        self.d = layers.Dense(units)

    def call(self, x):
        return self.d(x)


def test_a_class_of_ones_own_is_made_from_its_configuration():
    made = lamella.models.clone_model(Net(5))
    assert isinstance(made, Net)
    assert made.d.units == 5
    for kwargs in ({"clone_function": lambda layer: layer}, {"input_tensors": [1]}, {"call_function": lambda *a: a}):
        with pytest.raises(ValueError, match=next(iter(kwargs))):
            lamella.models.clone_model(Net(), **kwargs)


class Drawn(lamella.Model):
    def extra(self):
        return 7


class Passing(Drawn):
    def __init__(self, *args, more=None, **kwargs):
        super().__init__(*args, **kwargs)


class Naming(Drawn):
    def __init__(self, inputs, outputs):
        super().__init__(inputs, outputs)


class Itself(Drawn):
    def __init__(self, units=2, **kwargs):
        inputs = lamella.Input((3,))
        super().__init__(inputs, layers.Dense(units)(inputs), **kwargs)


def saved(model, path):
    model.save(path / "m.keras")
    objects = {c.__name__: c for c in (Drawn, Passing, Naming, Itself)}
    return lamella.models.load_model(path / "m.keras", custom_objects=objects)


COPIES = {
    "clone": lambda model, path: lamella.models.clone_model(model),
    "configuration": lambda model, path: type(model).from_config(model.get_config()),
    "file": saved,
    "pickle": lambda model, path: pickle.loads(pickle.dumps(model)),
    "deep copy": lambda model, path: deepcopy(model),
}


@pytest.mark.parametrize("way", COPIES)
def test_copies_of_subclasses_keep_their_class(way, tmp_path):
    for cls in (Drawn, Passing, Naming):
        x = lamella.Input((3,))
        model = COPIES[way](cls(x, layers.Dense(2)(x)), tmp_path)
        assert (model.extra(), model(X).shape) == (7, (2, 2)), cls
    model = COPIES[way](Itself(4), tmp_path)
    assert model(X).shape == (2, 4)
    assert way == "clone" or model.extra() == 7  # like Keras: its layers may be copies, so they are drawn anew


@pytest.mark.parametrize("kind", ["sequential", "nested"])
@beside_keras
def test_copies_are_compiled_alike(keras, kind):
    model = models(keras, kind)
    before = keras.models.clone_model(model).compiled
    model.compile(keras.optimizers.Adam(0.5), "mse", metrics=["mae", keras.metrics.MeanSquaredError(name="m")])
    copy = keras.models.clone_model(model)
    return [before, copy.compiled, copy.get_compile_config(), copy.optimizer is model.optimizer]


@pytest.mark.parametrize("kind", ["sequential", "nested"])
def test_copies_train_apart(kind):
    model = models(lamella, kind)
    optimizer, metric = lamella.optimizers.Adam(0.5), lamella.metrics.MeanSquaredError(name="m")
    model.compile(optimizer, lambda y, p: abs(y - p), metrics=[metric, lambda y, p: y - p])
    y = np.ones((2, model.output_shape[-1]), "float32")
    model.fit(X, y, verbose=0)
    weights, logs = model.get_weights(), model.get_metrics_result()
    copy = lamella.models.clone_model(model)
    copy.fit(X, y, verbose=0, epochs=2)
    assert (optimizer.iterations.numpy(), copy.optimizer.iterations.numpy()) == (1, 2)
    assert model.get_metrics_result() == logs and copy.metrics_names == model.metrics_names
    for a, b in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_input_layers_stand_for_their_tensors():
    layer = layers.InputLayer(shape=(3,), name="p")
    for kind in ("sequential", "shared"):
        copy = lamella.models.clone_model(models(lamella, kind), input_tensors=layer)
        assert copy.inputs[0] is layer.output


def test_weights_of_copies_are_new():
    model = lamella.Sequential([lamella.Input((3,)), layers.Dense(4)])
    copy = lamella.models.clone_model(model)
    assert not np.array_equal(model.get_weights()[0], copy.get_weights()[0])


# ---- JSON --------------------------------------------------------------------------------------------


@beside_keras
@pytest.mark.parametrize("kind", KINDS)
def test_json(keras, kind):
    model = models(keras, kind)
    text = model.to_json(indent=2)
    again = keras.models.model_from_json(text)
    again(data(kind))
    model(data(kind))
    again.set_weights(model.get_weights())
    return [again(data(kind)), type(again).__name__, again.name, "\n  " in text, json.loads(text)["class_name"]]


@beside_keras
@pytest.mark.parametrize("text", ["{}", "[]", "3", "not json", '{"class_name": "Nope", "config": {}}'])
def test_texts_that_are_no_model(keras, text):
    value = keras.models.model_from_json(text)
    return value if not isinstance(value, (dict, list, int)) else "plain"


@beside_keras
def test_custom_objects(keras):
    class Twice(keras.layers.Layer):
        def call(self, x):
            return x * 2

    text = keras.Sequential([keras.Input((3,)), Twice()]).to_json()
    return [keras.models.model_from_json(text, custom_objects={"Twice": Twice})(X), keras.models.model_from_json(text)]


def test_unknown_classes_are_named():
    text = lamella.Sequential([lamella.Input((3,)), layers.Dense(1)]).to_json().replace('"Dense"', '"Densse"')
    with pytest.raises(SerializationError, match="Dense"):
        lamella.models.model_from_json(text)


def test_compiled_models_come_back_compiled():
    model = models(lamella, "sequential")
    model.compile("sgd", "mse", metrics=["mae"])
    again = lamella.models.model_from_json(model.to_json())
    assert again.compiled
