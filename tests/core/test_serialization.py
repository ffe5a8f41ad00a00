"""Objects as configurations, and back: beside Keras, and closed against code."""

import json

import jax.numpy as jnp
import numpy as np
import pytest
from beside_keras import beside_keras

import lamella
from lamella import activations, initializers, layers, losses, ops, regularizers, saving
from lamella.core import _serialization
from lamella.errors import SerializationError

VALUES = {
    "none": lambda k: None,
    "scalars": lambda k: [1, 1.5, "a", True],
    "bytes": lambda k: b"ab",
    "tuple": lambda k: (1, (2,)),
    "dict": lambda k: {"a": [1, {"b": None}]},
    "numpy scalars": lambda k: [np.float32(1.5), np.int64(2), np.bool_(True), np.array(3)],
    "numpy array": lambda k: np.ones((2, 1), "int8"),
    "tensor": lambda k: k.ops.ones((2,)),
    "slice": lambda k: slice(1, None),
    "ellipsis": lambda k: ...,
    "symbolic tensor": lambda k: k.KerasTensor((None, 2)),
    "function": lambda k: k.activations.relu,
    "loss function": lambda k: k.losses.mean_squared_error,
    "initializer": lambda k: k.initializers.Zeros(),
    "initializer with arguments": lambda k: k.initializers.GlorotUniform(seed=3),
    "regularizer": lambda k: k.regularizers.L2(0.1),
    "layer": lambda k: k.layers.Dense(3, activation="relu", kernel_regularizer="l2", name="d"),
    "mixed layer": lambda k: k.layers.Dense(3, dtype="mixed_bfloat16"),
    "loss": lambda k: k.losses.MeanSquaredError(),
    "schedule": lambda k: k.optimizers.schedules.ExponentialDecay(0.1, 2, 0.5),
    "policy": lambda k: k.DTypePolicy("mixed_float16"),
    "seed": lambda k: k.random.SeedGenerator(3),
    "objects in structures": lambda k: {"a": (k.initializers.Ones(), [k.regularizers.L1(0.5)])},
    # what has no configuration
    "set": lambda k: {1, 2},
    "complex": lambda k: 1j,
    "variable": lambda k: k.Variable(1.0),
    "object": lambda k: object(),
}


@beside_keras
@pytest.mark.parametrize("value", VALUES)
def test_serialize(keras, value):
    return keras.saving.serialize_keras_object(VALUES[value](keras))


@beside_keras
@pytest.mark.parametrize("value", [v for v in VALUES if v not in ("tuple", "objects in structures")])
def test_round_trip(keras, value):
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(VALUES[value](keras)))
    return again if not hasattr(again, "get_config") else keras.saving.serialize_keras_object(again)


def test_tuples_come_back_as_tuples():
    config = saving.serialize_keras_object({"a": (1, initializers.Ones())})
    again = saving.deserialize_keras_object(config)
    assert again["a"][0] == 1
    assert isinstance(again["a"], tuple)


def test_types_and_dtypes_come_back():
    for value in (int, str, dict, layers.Dense):
        assert saving.deserialize_keras_object(saving.serialize_keras_object(value)) is value
    for value in (np.float32, np.dtype("float32"), jnp.float32, jnp.dtype("float32")):
        assert saving.serialize_keras_object(value) == "float32"


def test_everything_is_json():
    for name, make in VALUES.items():
        if name not in ("set", "complex", "variable", "object"):
            json.dumps(saving.serialize_keras_object(make(lamella)))


# ---- classes and functions of the user ----------------------------------------------------------------


def doubled(x):
    return x * 2


class Pair:
    def __init__(self, a):
        self.a = a

    def get_config(self):
        return {"a": self.a}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


def options_of(keras):
    class Options(keras.layers.Layer):
        def __init__(self, a, b=2, **kwargs):
            super().__init__(**kwargs)
            self.a, self.b = a, b

        def call(self, x):
            return x

    return Options


@pytest.fixture(autouse=True)
def _clean_registry():
    table = saving.get_custom_objects()
    before = dict(table)  # other files have classes in it
    yield
    table.clear()
    table.update(before)


@beside_keras
@pytest.mark.parametrize("arguments", [(), ("pkg",), ("pkg", "other"), ("", "x")], ids=str)
def test_registered_functions(keras, arguments):
    def f(x):
        return x

    assert keras.saving.register_keras_serializable(*arguments)(f) is f
    config = keras.saving.serialize_keras_object(f)
    return [config, keras.saving.deserialize_keras_object(config) is f, keras.saving.get_registered_name(f)]


@beside_keras
@pytest.mark.parametrize("arguments", [(), ("pkg",), ("pkg", "other")], ids=str)
def test_registered_classes(keras, arguments):
    Options = keras.saving.register_keras_serializable(*arguments)(options_of(keras))
    name = keras.saving.get_registered_name(Options)
    config = keras.saving.serialize_keras_object(Options(1, name="o"))
    again = keras.saving.deserialize_keras_object(config)
    return [
        name,
        keras.saving.get_registered_object(name) is Options,
        keras.saving.get_registered_object("Options"),
        config["registered_name"],
        config["class_name"],
        config["config"]["a"],
        config["config"]["b"],
        again.a,
    ]


@beside_keras
def test_custom_objects_argument(keras):
    Options = options_of(keras)
    config = keras.saving.serialize_keras_object(Options(5))
    found = keras.saving.deserialize_keras_object(config, custom_objects={"Options": Options})
    found = Options.from_config(found.get_config())  # made with a dtype policy, which is no plain value
    pair = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(Pair(3)), {"Pair": Pair})
    f = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(doubled), {"doubled": doubled})
    return [found.a, type(found).__name__, pair.a, f is doubled]


@beside_keras
def test_scopes(keras):
    found = keras.saving.get_registered_object
    out = [found("Pair")]
    with keras.saving.custom_object_scope({"Pair": Pair}):
        out.append(found("Pair") is Pair)
        with keras.saving.CustomObjectScope({"doubled": doubled, "Pair": 3}):
            out += [
                found("Pair"),
                found("doubled") is doubled,
                keras.saving.deserialize_keras_object("doubled") is doubled,
            ]
        out += [found("doubled"), found("Pair") is Pair]
    return [*out, found("Pair")]


@beside_keras
def test_the_table_of_custom_objects(keras):
    table = keras.saving.get_custom_objects()
    table.clear()
    table["Pair"] = Pair
    out = [keras.saving.get_registered_object("Pair") is Pair]
    keras.saving.register_keras_serializable("p")(Pair)
    out.append(sorted(table))
    table.clear()
    return [*out, keras.saving.get_registered_object("p>Pair")]


@beside_keras
def test_classes_without_a_configuration_cannot_be_registered(keras):
    return keras.saving.register_keras_serializable()(type("Plain", (), {}))


@beside_keras
def test_a_configuration_that_is_no_dict(keras):
    return keras.saving.serialize_keras_object(type("Odd", (), {"get_config": lambda self: 3})())


def test_names_of_the_user_come_before_ours():
    class Dense(layers.Layer):
        pass

    config = saving.serialize_keras_object(layers.Dense(3))
    with saving.custom_object_scope({"Dense": Dense}):
        assert type(saving.deserialize_keras_object({**config, "config": {}})) is Dense


# ---- what cannot be read -----------------------------------------------------------------------------

BROKEN = {
    "no such class": {"class_name": "Nope", "config": {}, "module": "keras.layers", "registered_name": None},
    "unregistered class": {"class_name": "Mine", "config": {}, "module": "my.code", "registered_name": "Mine"},
    "no module": {"class_name": "Dense", "config": {"units": 2}},
    "a function of a module": {"class_name": "function", "config": "system", "module": "os"},
    "a class of a module": {"class_name": "Popen", "config": {"args": "ls"}, "module": "subprocess"},
    "wrong arguments": {
        "class_name": "Dense",
        "config": {"nope": 2},
        "module": "keras.layers",
        "registered_name": None,
    },
    "config is no dict": {"class_name": "Dense", "config": 3, "module": "keras.layers", "registered_name": None},
    "an object": object(),
    "code": {"class_name": "__lambda__", "config": {"value": ["abc", None, None]}},
    "a type that is none": {"class_name": "__typespec__", "config": "nope"},
    "a tuple without items": {"class_name": "__tuple__", "config": {}},
    "a slice without ends": {"class_name": "__slice__", "config": {}},
    "an array without a dtype": {"class_name": "__numpy__", "config": {"value": [1.0]}},
}


@beside_keras
@pytest.mark.parametrize("name", [n for n in BROKEN if n != "no such class" and " without " not in n])
def test_broken_configurations(keras, name):
    return keras.saving.deserialize_keras_object(BROKEN[name])


@pytest.mark.parametrize("name", BROKEN)
def test_broken_configurations_raise_our_error(name):
    with pytest.raises(SerializationError):
        saving.deserialize_keras_object(BROKEN[name])


def test_an_unknown_class_is_told_with_the_nearest_names():
    with pytest.raises(SerializationError, match="Did you mean Dense") as error:
        saving.deserialize_keras_object({"class_name": "Densse", "config": {}, "module": "keras.layers"})
    assert isinstance(error.value, (TypeError, ValueError))
    with pytest.raises(SerializationError, match=r"keras\.layers"):
        saving.deserialize_keras_object({"class_name": "Dense", "config": {}})


def test_lambdas_are_written_with_a_warning_and_read_with_permission():
    shift = 2
    with pytest.warns(UserWarning, match="lambda"):
        config = saving.serialize_keras_object(lambda x, scale=3: x * scale + shift)
    config = json.loads(json.dumps(config))
    with pytest.raises(SerializationError, match="safe_mode=False"):
        saving.deserialize_keras_object(config)
    assert saving.deserialize_keras_object(config, safe_mode=False)(5) == 17
    for broken in ("AAAA", "no base64!", ""):
        config["config"]["code"] = broken
        with pytest.raises(SerializationError, match=r"this version of Python|instead of code"):
            saving.deserialize_keras_object(config, safe_mode=False)


def test_the_outermost_call_decides_about_code():
    asked = []

    @saving.register_keras_serializable("test")
    class Careless(layers.Layer):
        @classmethod
        def from_config(cls, config):
            asked.append(config)
            saving.deserialize_keras_object(BROKEN["code"], safe_mode=False)

    with pytest.raises(SerializationError, match="safe_mode=False"):
        saving.deserialize_keras_object(saving.serialize_keras_object(Careless()))
    assert asked


def test_a_layer_in_several_places_stays_one():
    @saving.register_keras_serializable("test")
    class Pair(layers.Layer):
        def __init__(self, first, second, **kwargs):
            super().__init__(**kwargs)
            self.first, self.second = first, second

        def get_config(self):
            return {
                **super().get_config(),
                "first": saving.serialize_keras_object(self.first),
                "second": saving.serialize_keras_object(self.second),
            }

        @classmethod
        def from_config(cls, config):
            made = {k: saving.deserialize_keras_object(config.pop(k)) for k in ("first", "second")}
            return cls(**made, **config)

    one = layers.Dense(2)
    for second, same in ((one, True), (layers.Dense(2), False)):
        config = json.loads(json.dumps(saving.serialize_keras_object(Pair(one, second))))
        assert ("shared_object_id" in config["config"]["first"]) is same
        back = saving.deserialize_keras_object(config)
        assert (back.first is back.second) is same


def test_no_configuration_imports_a_module(monkeypatch):
    asked = []
    monkeypatch.setattr(_serialization.importlib, "import_module", lambda name: asked.append(name))
    for config in BROKEN.values():
        with pytest.raises((SerializationError, AttributeError)):
            saving.deserialize_keras_object(config)
    assert all(name.startswith("lamella.") for name in asked)


def test_private_paths_of_keras_are_understood():
    config = {"class_name": "Dense", "config": {"units": 2}, "module": "keras.src.layers.core.dense"}
    assert saving.deserialize_keras_object(config).units == 2


def test_functions_of_ours_come_back():
    for f in (activations.relu, losses.mean_squared_error, ops.relu, ops.sum, activations.softmax):
        assert saving.deserialize_keras_object(saving.serialize_keras_object(f)) is f
    for name in ("keras.activations", "builtins", None):
        config = {"module": name, "class_name": "function", "config": "relu", "registered_name": "relu"}
        assert saving.deserialize_keras_object(config) is activations.relu


# ---- layers ------------------------------------------------------------------------------------------


@beside_keras
@pytest.mark.parametrize(
    "config",
    [
        "Dense",
        {"class_name": "Dense", "config": {"units": 3}},
        {"units": 3},
        None,
        3,
        {"class_name": "L2", "config": {}, "module": "keras.regularizers", "registered_name": None},
        {"class_name": "Dense", "config": {"units": 3}, "module": "keras.layers", "registered_name": None},
    ],
    ids=str,
)
def test_deserialize_layers(keras, config):
    return keras.layers.deserialize(config).units


@beside_keras
def test_layers_come_back_built(keras):
    layer = keras.layers.Dense(2, name="d")
    layer.build((None, 3))
    config = keras.layers.serialize(layer)
    again = keras.layers.deserialize(config)
    return [config, again.built, again.kernel.shape, again.name, layer.get_build_config()]


@beside_keras
@pytest.mark.parametrize(
    "config", [{}, {"units": 3, "colour": 1}, {"units": "a"}, {"units": 3, "activation": "nope"}], ids=str
)
def test_from_config_of_wrong_arguments(keras, config):
    return keras.layers.Dense.from_config(config)


@beside_keras
@pytest.mark.parametrize("given", ["tensor", "numpy", "list", "none"])
def test_the_mask_of_a_lambda_is_plain_in_its_configuration(keras, given):
    mask = {"tensor": keras.ops.ones((2,)), "numpy": np.ones(2), "list": [1, 0], "none": None}[given]
    return keras.layers.Lambda(keras.ops.square, mask=mask).get_config().get("mask")


def test_an_array_as_the_mask_of_a_lambda_comes_back():
    config = layers.Lambda(ops.square, mask=np.ones(2)).get_config()
    with saving.custom_object_scope({"square": ops.square}):
        again = layers.Lambda.from_config(json.loads(json.dumps(config)))
    np.testing.assert_array_equal(again.mask, np.ones(2))


def test_regularizers_of_configurations():
    again = layers.Dense.from_config(layers.Dense(2, kernel_regularizer=regularizers.L1L2(0.1, 0.2)).get_config())
    assert (again.kernel_regularizer.l1, again.kernel_regularizer.l2) == pytest.approx((0.1, 0.2))


@pytest.mark.parametrize("registered", [None, "", "Dense", "my_package>Dense", "builtins.eval"])
@beside_keras
def test_builtin_classes_have_no_registered_name(keras, registered):
    config = {"class_name": "Dense", "module": "keras.layers", "registered_name": registered, "config": {"units": 1}}
    return type(keras.saving.deserialize_keras_object(config)).__name__


@beside_keras
@pytest.mark.parametrize("module", ["builtins", "some.code", None])
def test_a_registered_function_is_found_without_its_package(keras, module):
    @keras.saving.register_keras_serializable("packaged")
    def cubed_in_a_package(x):
        return x**3

    config = {"class_name": "function", "module": module, "registered_name": "function", "config": "cubed_in_a_package"}
    return keras.saving.deserialize_keras_object(config)(2)


@pytest.mark.parametrize("registered", [None, "function", "relu", "mine"])
@pytest.mark.parametrize("name", ["relu", "kl_divergence"])
@beside_keras
def test_builtin_functions_have_no_registered_name(keras, name, registered):
    config = {"class_name": "function", "module": "builtins", "registered_name": registered, "config": name}
    return keras.saving.deserialize_keras_object(config).__name__
