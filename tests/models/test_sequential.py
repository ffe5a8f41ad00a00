"""Stacks of layers, beside Keras."""

import numpy as np
import pytest
from beside_keras import beside_keras

import lamella
from lamella import layers
from lamella.errors import ArgumentError, LamellaError, NotDrawnError

X = np.arange(6, dtype="float32").reshape(2, 3)


def ones(keras, units, **kwargs):
    return keras.layers.Dense(units, kernel_initializer="ones", **kwargs)


def facts(model):
    out = [model.built, [layer.name for layer in model.layers], len(model.weights)]
    if model.built:
        out += [model.input_shape, model.output_shape, model.count_params(), [w.path for w in model.weights]]
    return out


# ---- making and building -------------------------------------------------------------------------------


@beside_keras
def test_with_an_input(keras):
    model = keras.Sequential([keras.Input((3,)), ones(keras, 2), ones(keras, 1)])
    return [facts(model), model(X), model.name, [t.shape for t in model.inputs], [t.shape for t in model.outputs]]


@beside_keras
def test_with_an_input_layer(keras):
    return facts(keras.Sequential([keras.layers.InputLayer(shape=(3,), name="i"), ones(keras, 2)]))


@beside_keras
@pytest.mark.parametrize("given", [{"input_shape": (4, 5)}, {"input_shape": [4, 5]}], ids=str)
def test_input_shape_of_the_first_layer(keras, given):
    model = keras.Sequential([keras.layers.Flatten(**given), ones(keras, 2)])
    return [facts(model), model(np.ones((2, 4, 5), "float32"))]


@beside_keras
@pytest.mark.parametrize("given", [{"input_dim": 3}, {"input_shape": (3,)}], ids=str)
def test_input_dim_of_the_first_layer(keras, given):
    model = keras.Sequential()
    model.add(ones(keras, 2, **given))
    model.add(ones(keras, 1))
    return [facts(model), model(X)]


@beside_keras
def test_deferred_build_by_data(keras):
    model = keras.Sequential([ones(keras, 2), ones(keras, 1)])
    before = facts(model)
    out = model(X)
    built, names, weights, _, _, *more = facts(model)  # Keras ties the shapes to the size of the first batch
    return [before, out, built, names, weights, more]


@beside_keras
@pytest.mark.parametrize("shape", [(None, 3), (5, 3), [None, 3]], ids=str)
def test_deferred_build_by_shape(keras, shape):
    model = keras.Sequential([ones(keras, 2), ones(keras, 1)])
    model.build(shape)
    return facts(model)


@beside_keras
def test_build_without_layers(keras):
    model = keras.Sequential()
    model.build((None, 3))
    return model.built


def test_build_without_a_shape_is_told():  # Keras calls a model built that has no weights yet
    for model in (lamella.Sequential(), lamella.Sequential([ones(lamella, 1)])):
        with pytest.raises(ArgumentError, match="`input_shape`"):
            model.build()


@beside_keras
def test_a_first_layer_of_several_inputs(keras):
    model = keras.Sequential([keras.layers.Concatenate(), ones(keras, 2)])
    return [model([X, X]), len(model.weights), model([X, X[:, :3]])]


@beside_keras
@pytest.mark.parametrize(
    "fact", ["inputs", "outputs", "input", "output", "input_shape", "output_shape", "summary", "count_params"]
)
def test_facts_before_build(keras, fact):
    value = getattr(keras.Sequential([ones(keras, 1)]), fact)
    if fact == "count_params":
        value = value()
    return True


def test_facts_before_build_say_what_to_do():
    model = lamella.Sequential([layers.Dense(1)], name="stack")
    for fact in ("inputs", "output_shape"):
        with pytest.raises(NotDrawnError, match=r"stack.*Input"):
            getattr(model, fact)


@beside_keras
def test_add_and_pop(keras):
    model = keras.Sequential([keras.Input((3,))])
    out = [facts(model)]
    model.add(ones(keras, 2))
    out.append(facts(model))
    model.add(ones(keras, 4))
    out.append([facts(model), model(X)])
    gone = model.pop()
    out.append([gone.name, facts(model), model(X)])
    model.add(ones(keras, 1, name="head"))
    return [*out, facts(model), model(X)]


@beside_keras
def test_add_and_pop_before_build(keras):
    model = keras.Sequential()
    model.add(ones(keras, 2))
    model.add(ones(keras, 4))
    popped = model.pop()
    model.build((None, 3))
    model.pop()
    return [popped.name, facts(model) if model.layers else None]


@beside_keras
@pytest.mark.parametrize(
    "what", ["number", "text", "function", "class", "second input", "same name", "same layer", "none", "tensor"]
)
def test_what_cannot_be_added(keras, what):
    model = keras.Sequential([keras.Input((3,)), ones(keras, 2, name="d")])
    model.add(
        {
            "number": lambda: 3,
            "text": lambda: "relu",
            "function": lambda: keras.activations.relu,
            "class": lambda: keras.layers.Dense,
            "second input": lambda: keras.Input((3,)),
            "same name": lambda: ones(keras, 2, name="d"),
            "same layer": lambda: model.layers[0],
            "none": lambda: None,
            "tensor": lambda: keras.KerasTensor((None, 3)),
        }[what]()
    )
    return [type(layer).__name__ for layer in model.layers]


@beside_keras
def test_pop_of_nothing(keras):
    return keras.Sequential().pop()


@beside_keras
@pytest.mark.parametrize("given", [None, [], (), "tuple"], ids=str)
def test_the_argument(keras, given):
    given = {"tuple": lambda: (ones(keras, 1), ones(keras, 2))}.get(given, lambda: given)()
    return [layer.name for layer in keras.Sequential(given).layers]


@beside_keras
@pytest.mark.parametrize(
    "kwargs", [{"name": "m"}, {"trainable": False}, {"name": "a/b"}, {"colour": 1}, {"dtype": "float16"}], ids=str
)
def test_other_arguments(keras, kwargs):
    model = keras.Sequential([ones(keras, 1)], **kwargs)
    return [model.name, model.trainable]


@beside_keras
def test_layers_that_do_not_fit(keras):
    return keras.Sequential([keras.Input((3,)), keras.layers.Reshape((2, 2))])


@beside_keras
def test_a_layer_with_two_outputs(keras):
    class Two(keras.layers.Layer):
        def call(self, x):
            return x, x

    model = keras.Sequential([keras.Input((3,)), Two()])
    return [model.built]


@beside_keras
def test_layers_attribute_is_taken(keras):
    class Own(keras.Sequential):
        def __init__(self):
            super().__init__()
            self.layers = []

    return Own()


# ---- running ---------------------------------------------------------------------------------------------


@beside_keras
@pytest.mark.parametrize("shape", [(2, 3), (2, 4), (3,), (2, 3, 1), (2, 1, 3), (0, 3)])
def test_shapes_of_data(keras, shape):
    return keras.Sequential([keras.Input((3,)), ones(keras, 2)])(np.ones(shape, "float32"))


@beside_keras
@pytest.mark.parametrize("dtype", ["int32", "float64", "uint8", "float16", "bool"])
def test_dtypes_of_data(keras, dtype):
    drawn = keras.Sequential([keras.Input((3,)), ones(keras, 2)])
    deferred, looked_up = keras.Sequential([ones(keras, 2)]), keras.Sequential([keras.layers.Embedding(2, 1, "ones")])
    x = np.ones((2, 3), dtype)
    # What came first does not cut off what comes later.
    return [drawn(x), deferred(x), deferred.input_dtype, deferred(np.full((2, 3), 1.5)), looked_up(x)]


@beside_keras
@pytest.mark.filterwarnings("ignore:The structure of `inputs`:UserWarning")
@pytest.mark.parametrize("given", ["tensor", "list of one", "variable"])
def test_kinds_of_data(keras, given):
    model = keras.Sequential([keras.Input((3,)), ones(keras, 2)])
    return model({"tensor": keras.ops.ones((2, 3)), "list of one": [X], "variable": keras.Variable(X)}[given])


def test_lists_of_numbers():
    model = lamella.Sequential([lamella.Input((2,)), layers.Dense(1, kernel_initializer="ones")])
    assert model([[1.0, 2.0]]).tolist() == [[3.0]]
    assert lamella.Sequential([layers.Dense(1, kernel_initializer="ones")])([[1.0, 2.0]]).tolist() == [[3.0]]


@beside_keras
def test_symbolic_call(keras):
    model = keras.Sequential([keras.Input((3,)), ones(keras, 2)])
    deferred = keras.Sequential([ones(keras, 2)])
    x = keras.Input((3,))
    return [model(x), model(keras.KerasTensor((7, 3))), deferred(x), deferred.built, model.compute_output_shape((5, 3))]


@beside_keras
def test_compute_output_shape_before_build(keras):
    return keras.Sequential([ones(keras, 2), ones(keras, 7)]).compute_output_shape((None, 3))


@beside_keras
def test_training_and_masks(keras):
    seen = []

    class Sees(keras.layers.Layer):
        def call(self, x, training=None, mask=None):
            if not isinstance(x, keras.KerasTensor) and mask is not None and not type(mask).__name__.endswith("Tracer"):
                seen.append([training, np.asarray(mask).tolist()])
            return x

    model = keras.Sequential([keras.layers.Masking(0.0), Sees(), keras.layers.Dropout(0.5), Sees()])
    x = np.array([[[1.0], [0.0]]], "float32")
    model(x, training=True)
    model(x, training=False)
    return seen


@beside_keras
def test_nested(keras):
    inner = keras.Sequential([ones(keras, 2, name="a"), ones(keras, 3, name="b")], name="inner")
    model = keras.Sequential([keras.Input((3,)), inner, ones(keras, 1, name="c")], name="outer")
    return [facts(model), facts(inner), model(X)]


@beside_keras
def test_a_built_model_as_the_first_layer(keras):
    inner = keras.Sequential([keras.Input((3,)), ones(keras, 2)], name="inner")
    model = keras.Sequential([inner, ones(keras, 1)])
    inputs = keras.Input((3,))
    drawn = keras.Model(inputs, ones(keras, 2)(inputs), name="drawn")
    other = keras.Sequential([drawn, ones(keras, 1)])
    return [model.built, model(X), other.built, other(X), model.output_shape, other.output_shape]


@beside_keras
def test_a_layer_in_two_models(keras):
    shared = ones(keras, 3, name="shared")
    a = keras.Sequential([keras.Input((3,)), shared])
    b = keras.Sequential([keras.Input((3,)), shared, ones(keras, 1)])
    shared.set_weights([np.zeros((3, 3)), np.ones(3)])
    return [a(X), b(X)]


@beside_keras
def test_get_layer(keras):
    model = keras.Sequential([keras.Input((3,)), ones(keras, 2, name="a"), ones(keras, 3, name="b")])
    return [
        model.get_layer("b").units,
        model.get_layer(index=0).name,
        model.get_layer(index=-1).name,
        model.layers[1].name,
    ]


@beside_keras
@pytest.mark.parametrize(
    "kwargs", [{}, {"name": "a", "index": 0}, {"name": "zz"}, {"index": 5}, {"index": -5}], ids=str
)
def test_get_layer_that_is_not_there(keras, kwargs):
    return keras.Sequential([keras.Input((3,)), ones(keras, 2, name="a")]).get_layer(**kwargs).name


@beside_keras
def test_weights(keras):
    model = keras.Sequential([keras.Input((3,)), ones(keras, 2), keras.layers.BatchNormalization(), ones(keras, 1)])
    weights = model.get_weights()
    model.set_weights([w + 1 for w in weights])
    return [
        [w.shape for w in weights],
        model.get_weights(),
        len(model.trainable_weights),
        len(model.non_trainable_weights),
    ]


@beside_keras
def test_freezing(keras):
    model = keras.Sequential([keras.Input((3,)), ones(keras, 2), ones(keras, 1)])
    model.layers[0].trainable = False
    out = [[w.path for w in model.trainable_weights]]
    model.trainable = False
    out.append(len(model.trainable_weights))
    model.trainable = True
    return [*out, len(model.trainable_weights)]


@beside_keras
def test_subclass(keras):
    class Own(keras.Sequential):
        def __init__(self, units, **kwargs):
            super().__init__(**kwargs)
            self.units = units
            self.add(ones(keras, units))
            self.add(ones(keras, 1))

        def call(self, x, training=None):
            return super().call(x, training=training) * 2

    model = Own(4)
    return [model(X), [layer.name for layer in model.layers], model.name]


def without_builds(config):
    """`config` without what says how layers were built and compiled; Keras leaves that out for some."""
    if isinstance(config, dict):
        left_out = ("build_config", "compile_config") + ("mask",) * (config.get("mask", 0) is None)
        return {k: without_builds(v) for k, v in config.items() if k not in left_out}
    return type(config)(map(without_builds, config)) if isinstance(config, (list, tuple)) else config


# ---- configurations --------------------------------------------------------------------------------------


@beside_keras
@pytest.mark.parametrize("kind", ["drawn", "built", "deferred", "nested", "empty"])
def test_config_round_trip(keras, kind):
    stack = [ones(keras, 2, activation="relu", name="a"), keras.layers.Dropout(0.5, name="b")]
    model = {
        "drawn": lambda: keras.Sequential([keras.Input((3,), name="i"), *stack], name="m"),
        "built": lambda: keras.Sequential(stack, name="m"),
        "deferred": lambda: keras.Sequential(stack, name="m"),
        "nested": lambda: keras.Sequential([keras.Input((3,), name="i"), keras.Sequential(stack, name="n")], name="m"),
        "empty": lambda: keras.Sequential(name="m"),
    }[kind]()
    if kind == "built":
        model.build((None, 3))
    config = model.get_config()
    again = keras.Sequential.from_config(config)
    return [without_builds(config), facts(again), again.name, again.trainable, again.get_config() == config]


def test_frozen_models_come_back_frozen():
    model = lamella.Sequential([lamella.Input((3,)), layers.Dense(1)], trainable=False)
    assert not lamella.Sequential.from_config(model.get_config()).trainable_weights


@beside_keras
def test_json(keras):
    model = keras.Sequential([keras.Input((3,)), ones(keras, 2, name="a"), keras.layers.Reshape((2, 1))], name="m")
    again = keras.models.model_from_json(model.to_json())
    again.set_weights(model.get_weights())
    return [facts(again), again(X), type(again).__name__]


@beside_keras
def test_custom_layers_in_configurations(keras):
    class Twice(keras.layers.Layer):
        def call(self, x):
            return x * 2

    model = keras.Sequential([keras.Input((3,)), Twice()], name="m")
    config = model.get_config()
    again = keras.Sequential.from_config(config, custom_objects={"Twice": Twice})
    out = [again(X)]
    with keras.saving.custom_object_scope({"Twice": Twice}):
        out.append(keras.Sequential.from_config(config)(X))
    return [*out, keras.Sequential.from_config(config)]


@beside_keras
def test_mixed_precision(keras):
    keras.config.set_dtype_policy("mixed_bfloat16")
    model = keras.Sequential([keras.Input((3,)), ones(keras, 2), ones(keras, 1, dtype="float32")])
    return [
        model(X),
        model.dtype_policy,
        [layer.compute_dtype for layer in model.layers],
        [w.dtype for w in model.weights],
        model.input_dtype,
    ]


@beside_keras
@pytest.mark.parametrize("known", [True, False])
def test_a_layer_may_stand_twice(keras, known):
    layer = keras.layers.Dense(3, kernel_initializer="ones")
    model = keras.Sequential([keras.Input((3,)), layer] if known else [layer])
    model.add(layer)
    copy = keras.models.clone_model(model)
    return [[m(X), len(m.layers), len(m.weights), m.layers[0] is m.layers[1]] for m in (model, copy)]


@beside_keras
@pytest.mark.parametrize("shape", [(None, 4), (None, 3, 3), (None, 3), None])
def test_build_after_the_shape_is_known(keras, shape):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.build(shape)
    return [model.built, model.input_shape, len(model.weights)]


def test_an_input_that_comes_late_is_refused():
    with pytest.raises(ArgumentError, match="first"):
        lamella.Sequential([layers.Dense(2)]).add(lamella.Input((3,)))


def test_errors_name_the_model_and_the_layer():
    model = lamella.Sequential([lamella.Input((3,)), layers.Dense(2, name="head")], name="stack")
    with pytest.raises(LamellaError, match=r"stack") as error:
        model(np.ones((2, 5), "float32"))
    assert "(2, 5)" in str(error.value)
    with pytest.raises(ArgumentError, match="'head'"):
        model.add(layers.Dense(1, name="head"))
