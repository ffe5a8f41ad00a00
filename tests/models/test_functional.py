"""Models drawn between inputs and outputs, beside Keras."""

import warnings

import numpy as np
import pytest
from beside_keras import beside_keras
from models.test_sequential import without_builds

import lamella
from lamella import layers
from lamella.errors import ArgumentError, LamellaError

X = np.arange(6, dtype="float32").reshape(2, 3)
Y = np.ones((2, 4), "float32")


def ones(keras, units, **kwargs):
    return keras.layers.Dense(units, kernel_initializer="ones", **kwargs)


def two_inputs(keras, structure="list", names=("a", "b")):
    a, b = keras.Input((3,), name=names[0]), keras.Input((4,), name=names[1])
    out = keras.layers.Concatenate(name="join")([ones(keras, 2, name="da")(a), ones(keras, 1, name="db")(b)])
    inputs = {"list": [a, b], "tuple": (a, b), "dict": {"b": b, "a": a}, "nested": {"x": [a], "y": (b,)}}[structure]
    return keras.Model(inputs, out, name="m")


# ---- structure ---------------------------------------------------------------------------------------


@beside_keras
def test_one_input_one_output(keras):
    inputs = keras.Input((3,), name="x")
    model = keras.Model(inputs, ones(keras, 2, name="d")(inputs), name="m")
    return [
        model(X),
        model.name,
        model.built,
        [layer.name for layer in model.layers],
        model.input_shape,
        model.output_shape,
        model.input,
        model.output,
        model.inputs,
        model.outputs,
        list(model.output_names),
        model.count_params(),
        [w.path for w in model.weights],
        type(model).__name__,
        isinstance(model, keras.Model),
    ]


@beside_keras
@pytest.mark.parametrize("kwargs", [{}, {"name": "m"}, {"trainable": False}, {"name": "a/b"}], ids=str)
def test_arguments(keras, kwargs):
    inputs = keras.Input((3,))
    model = keras.Model(inputs=inputs, outputs=ones(keras, 1)(inputs), **kwargs)
    return [model.name, model.trainable, len(model.trainable_weights)]


GIVEN = {
    "list": lambda: [X, Y],
    "tuple": lambda: (X, Y),
    "dict by name": lambda: {"a": X, "b": Y},
    "dict in another order": lambda: {"b": Y, "a": X},
    "dict with more": lambda: {"a": X, "b": Y, "c": X},
    "dict with less": lambda: {"a": X},
    "nested": lambda: {"x": [X], "y": (Y,)},
    "one": lambda: X,
    "three": lambda: [X, Y, X],
    "turned": lambda: [Y, X],
    "lists": lambda: [X.tolist(), Y.tolist()],
    "none": lambda: None,
}


@beside_keras
@pytest.mark.filterwarnings("ignore:The structure of `inputs`:UserWarning")
@pytest.mark.parametrize("structure", ["list", "tuple", "dict", "nested"])
@pytest.mark.parametrize("given", [g for g in GIVEN if g not in ("lists", "none")])
def test_structures_of_inputs(keras, structure, given):
    if (structure, given) == ("nested", "three"):
        pytest.skip("Keras leaves out the last")
    return two_inputs(keras, structure)(GIVEN[given]())


@beside_keras
@pytest.mark.parametrize("structure", ["list", "tuple", "dict", "nested"])
def test_facts_of_structures(keras, structure):
    model = two_inputs(keras, structure)
    return [
        model.input,
        model.input_shape,
        model.inputs,
        model.output_shape,
        list(model.output_names),
        [layer.name for layer in model.layers],
    ]


@beside_keras
@pytest.mark.parametrize("structure", ["list", "tuple", "dict", "nested", "same twice", "input too", "one in a list"])
def test_structures_of_outputs(keras, structure):
    inputs = keras.Input((3,), name="x")
    a, b = ones(keras, 2, name="a")(inputs), ones(keras, 1, name="b")(inputs)
    outputs = {
        "list": [a, b],
        "tuple": (a, b),
        "dict": {"second": b, "first": a},
        "nested": {"u": [a, {"v": b}]},
        "same twice": [a, a],
        "input too": [inputs, a],
        "one in a list": [a],
    }[structure]
    model = keras.Model(inputs, outputs, name="m")
    return [model(X), model(inputs), model.output_shape, list(model.output_names), model.output, len(model.outputs)]


@beside_keras
@pytest.mark.parametrize("listed", [list, tuple])
def test_an_output_in_a_list_is_drawn_in_a_list(keras, listed):
    x = keras.Input((3,))
    inner = keras.Model(x, listed([x * 2]))
    model = keras.Model(x, ones(keras, 1)(inner(x)[0]))
    return [model(X), keras.models.clone_model(model).output_shape, keras.Model.from_config(model.get_config()).output]


def test_unnamed_inputs_by_dict():
    a, b = lamella.Input((3,)), lamella.Input((4,))
    model = lamella.Model([a, b], layers.Concatenate()([a, b]))
    for names in (model.input_names, [a.name, b.name]):
        assert model(dict(zip(names, (X, Y)))).shape == (2, 7)


@beside_keras
def test_shared_layers(keras):
    shared = ones(keras, 3, name="shared")
    a, b = keras.Input((3,), name="a"), keras.Input((3,), name="b")
    model = keras.Model([a, b], [shared(a), shared(shared(b))])
    return [model([X, X * 2]), len(model.weights), [layer.name for layer in model.layers], list(model.output_names)]


@beside_keras
def test_nested_models(keras):
    inner_in = keras.Input((3,), name="inner_in")
    inner = keras.Model(inner_in, ones(keras, 2, name="inner_d")(inner_in), name="inner")
    x = keras.Input((3,), name="x")
    model = keras.Model(
        x, ones(keras, 1, name="d")(inner(x)) + keras.ops.sum(inner(x), -1, keepdims=True), name="outer"
    )
    return [model(X), [layer.name for layer in model.layers], [w.path for w in model.weights], len(model.weights)]


@beside_keras
def test_nested_models_of_several_inputs_and_outputs(keras):
    a, b = keras.Input((3,)), keras.Input((4,))
    inner = keras.Model(
        {"a": a, "b": b}, {"s": keras.ops.sum(a, -1) + keras.ops.sum(b, -1), "p": ones(keras, 2)(a)}, name="inner"
    )
    x, y = keras.Input((3,)), keras.Input((4,))
    got = inner({"a": x, "b": y})
    model = keras.Model([x, y], [got["p"], got["s"]])
    return model([X, Y])


@beside_keras
def test_ops_between_layers(keras):
    x, y = keras.Input((3,), name="x"), keras.Input((3,), name="y")
    z = x * 2 + y
    z = keras.ops.concatenate([z, -x], axis=-1)
    z = keras.ops.relu(ones(keras, 2, name="d")(z)) / 2.0
    z = z[:, :1] ** 2 - z[:, 1:]
    model = keras.Model([x, y], [z, keras.ops.max(z, axis=0), keras.ops.where(z > 0, z, 1.0)])
    return [
        model([X, X]),
        model.output_shape,
        [op.name for op in model.operations],
        [layer.name for layer in model.layers],
    ]


@beside_keras
def test_arrays_and_variables_in_the_graph(keras):
    x = keras.Input((3,))
    scale = np.array([1.0, 2.0, 3.0], "float32")
    model = keras.Model(x, x * scale + keras.ops.ones((3,)))
    return model(X)


@beside_keras
def test_call_arguments_are_kept(keras):
    class Options(keras.layers.Layer):
        def call(self, x, scale=1.0, flag=False, more=None):
            out = x * scale if flag else x
            return out if more is None else out + more

    x = keras.Input((3,))
    model = keras.Model(x, Options()(x, scale=3.0, flag=True, more=x * 2))
    return model(X)


@beside_keras
def test_training_reaches_layers(keras):
    seen = []

    class Sees(keras.layers.Layer):
        def call(self, x, training=None):
            if not type(x).__name__.endswith(("KerasTensor", "Tracer")):
                seen.append((self.name, training))
            return x

    x = keras.Input((3,))
    inner_in = keras.Input((3,))
    inner = keras.Model(inner_in, Sees(name="inner")(inner_in))
    model = keras.Model(x, inner(Sees(name="last")(Sees(name="first")(x))))
    model(X, training=True)
    model(X, training=False)
    return seen


def test_what_was_said_of_training_stays():  # as the guide to transfer learning says; Keras 3.15 itself forgets it
    seen = []

    class Sees(layers.Layer):
        def call(self, x, training=None):
            if isinstance(x, np.ndarray) or not type(x).__name__.endswith(("KerasTensor", "Tracer")):
                seen.append((self.name, training))
            return x

    class Outer(layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.inner = Sees(name="inner")

        def call(self, x):
            return self.inner(x)

    i = lamella.Input((3,))
    base = lamella.Model(i, Sees(name="base")(i))
    x = lamella.Input((3,))
    y = Outer()(base(Sees(name="fixed")(Sees(name="free")(x), training=True), training=False), training=True)
    for read in (lambda m: m, lambda m: lamella.models.clone_model(m, clone_function=lambda layer: layer)):
        model = read(lamella.Model(x, y))
        for training in (None, True, False):
            seen.clear()
            model(X, training=training)
            assert seen == [("free", training), ("fixed", True), ("base", False), ("inner", True)]


@beside_keras
def test_sub_graphs(keras):
    x = keras.Input((3,), name="x")
    h = ones(keras, 2, name="h")(x)
    g = ones(keras, 4, name="g")(h)
    full = keras.Model(x, ones(keras, 1, name="o")(g), name="full")
    features = keras.Model(full.input, full.get_layer("h").output)
    head = keras.Model(h, full.output)
    middle = keras.Model(full.get_layer("h").output, full.get_layer("g").output)
    return [
        full(X),
        features(X),
        head(np.ones((1, 2), "float32")),
        middle(np.ones((1, 2), "float32")),
        len(head.weights),
        [layer.name for layer in middle.layers],
    ]


@beside_keras
def test_several_models_on_one_graph_share_layers(keras):
    x = keras.Input((3,))
    layer = ones(keras, 2)
    a, b = keras.Model(x, layer(x)), keras.Model(x, keras.layers.ReLU()(layer(x)))
    a.set_weights([np.full((3, 2), -1.0), np.zeros(2)])
    return [a(X), b(X), a.weights[0] is b.weights[0]]


@beside_keras
def test_input_is_the_output(keras):
    x = keras.Input((3,))
    model = keras.Model(x, x)
    return [model(X), len(model.layers), model.weights]


@beside_keras
def test_optional_inputs(keras):
    class Adds(keras.layers.Layer):
        def call(self, a, b=None):
            return a if b is None else a + b

    a, b = keras.Input((3,), name="a"), keras.Input((3,), name="b", optional=True)
    model = keras.Model([a, b], Adds()(a, b))
    return [model([X, X]), model([X, None]), model({"a": X, "b": None})]


@beside_keras
def test_multi_output_layers(keras):
    class Splits(keras.layers.Layer):
        def call(self, x):
            return {"head": x[:, :1], "tail": [x[:, 1:]]}

    x = keras.Input((3,))
    parts = Splits(name="s")(x)
    model = keras.Model(x, [parts["tail"][0], parts["head"]])
    return [model(X), list(model.output_names)]


# ---- what does not fit -------------------------------------------------------------------------------


@beside_keras
@pytest.mark.parametrize(
    "case", ["disconnected", "missing input", "array", "number", "none", "no outputs", "swapped", "repeated input"]
)
def test_graphs_that_are_none(keras, case):
    x, y = keras.Input((3,), name="x"), keras.Input((3,), name="y")
    layer = ones(keras, 1, name="d")
    inputs, outputs = {
        "disconnected": lambda: (x, layer(y)),
        "missing input": lambda: (x, keras.layers.Add()([x, y])),
        "array": lambda: (X, layer(x)),
        "number": lambda: (x, 3),
        "none": lambda: (x, None),
        "no outputs": lambda: (x, []),
        "swapped": lambda: (layer(x), x),
        "repeated input": lambda: ([x, x], layer(x)),
    }[case]()
    return keras.Model(inputs, outputs).built


def test_disconnected_graphs_name_the_input():
    x, y = lamella.Input((3,), name="x"), lamella.Input((3,), name="wanted")
    with pytest.raises(ArgumentError, match="wanted"):
        lamella.Model(x, layers.Add()([x, y]))


@beside_keras
def test_two_layers_of_one_name(keras):
    x = keras.Input((3,))
    return keras.Model(x, ones(keras, 1, name="d")(ones(keras, 2, name="d")(x)))


@beside_keras
@pytest.mark.parametrize("shape", [(2, 3), (2, 4), (3,), (2, 3, 1), (2, 1, 3), (0, 3), ()])
def test_shapes_of_data(keras, shape):
    x = keras.Input((3,))
    return keras.Model(x, ones(keras, 2)(x))(np.ones(shape, "float32"))


@beside_keras
@pytest.mark.parametrize("shape", [(4,), (4, 1), (4, 1, 1)])
@pytest.mark.parametrize("declared", [(), (1,)])
def test_rank_is_adjusted(keras, declared, shape):
    x = keras.Input(declared)
    return keras.Model(x, x * 2)(np.ones(shape, "float32"))


@beside_keras
@pytest.mark.parametrize("dtype", ["int32", "float16", "float64", "bool", "uint8"])
@pytest.mark.parametrize("declared", ["float32", "int32", "uint8", "float16"])
def test_dtypes_of_data(keras, declared, dtype):
    x = keras.Input((3,), dtype=declared)
    return keras.Model(x, x)(np.ones((2, 3), dtype))


@beside_keras
def test_fixed_batch_size(keras):
    x = keras.Input((3,), batch_size=2)
    model = keras.Model(x, ones(keras, 1)(x))
    return [model.input_shape, model(X), model(np.ones((5, 3), "float32"))]


def test_wrong_data_names_the_model_the_input_and_both_shapes():
    model = two_inputs(lamella)
    for given in ([X, X], [X], {"a": X}, [np.ones((2, 9, 9)), Y]):
        with pytest.raises(LamellaError) as error:
            model(given)
        assert "m" in str(error.value)
        assert "b" in str(error.value) or "a" in str(error.value)


# ---- inputs --------------------------------------------------------------------------------------------


@beside_keras
@pytest.mark.parametrize(
    "kwargs",
    [
        {"shape": (3,)},
        {"shape": [3, None]},
        {"shape": ()},
        {"shape": (3,), "batch_size": 4},
        {"batch_shape": (4, 3)},
        {"shape": (3,), "dtype": "int32", "name": "x"},
        {"shape": (3,), "sparse": True},
        {"shape": (3,), "ragged": True},
        {"shape": (3,), "optional": True},
        {"shape": 3},
        {"shape": "ab"},
        {"shape": (3,), "batch_shape": (4, 3)},
        {"batch_size": 3, "batch_shape": (4, 3)},
        {},
        {"shape": (-1,)},
        {"shape": (3,), "dtype": "strange"},
        {"shape": (3,), "name": "a/b"},
        {"shape": (3,), "colour": 1},
    ],
    ids=str,
)
def test_input(keras, kwargs):
    x = keras.Input(**kwargs)
    layer = x._keras_history.operation
    return [
        x.shape,
        x.dtype,
        x.name,
        x.sparse,
        x.ragged,
        layer.name,
        layer.optional,
        layer.get_config(),
        layer.batch_shape,
    ]


@beside_keras
def test_input_of_a_tensor(keras):
    t = keras.KerasTensor((None, 3), "int32", name="t")
    x = keras.Input(tensor=t)
    return [x is t, x.shape, x.dtype, keras.Input(tensor=np.ones(3))]


@beside_keras
def test_input_layers_are_not_called(keras):
    layer = keras.layers.InputLayer(shape=(3,))
    return [layer.output.shape, layer.get_config()]


# ---- layers, weights, configurations ---------------------------------------------------------------------


@beside_keras
def test_get_layer(keras):
    model = two_inputs(keras)
    return [model.get_layer("db").units, model.get_layer(index=0).name, model.get_layer(index=-1).name]


@beside_keras
@pytest.mark.parametrize("kwargs", [{}, {"name": "da", "index": 0}, {"name": "zz"}, {"index": 50}], ids=str)
def test_get_layer_that_is_not_there(keras, kwargs):
    return two_inputs(keras).get_layer(**kwargs).name


def test_get_layer_lists_what_is_there():
    with pytest.raises(ArgumentError, match="da"):
        two_inputs(lamella).get_layer("zz")


@beside_keras
def test_order_of_weights_follows_the_graph(keras):
    x = keras.Input((3,))
    late, early = ones(keras, 3, name="late"), ones(keras, 3, name="early")
    norm = keras.layers.BatchNormalization(name="norm")
    model = keras.Model(x, [late(norm(early(x))), early(x)])
    return [[w.path for w in ws] for ws in (model.weights, model.trainable_weights, model.non_trainable_weights)]


def graphs(keras, kind):
    x = keras.Input((3,), name="x")
    if kind == "shared":
        shared = ones(keras, 3, name="shared")
        return keras.Model(x, [shared(x), shared(keras.layers.ReLU(name="r")(shared(x)))], name="m")
    if kind == "ops":
        h = ones(keras, 2, name="d")(x) * 2 + 1
        h = keras.ops.concatenate([h, x], axis=-1)
        return keras.Model(x, {"sum": keras.ops.sum(h, axis=-1, keepdims=True), "part": h[:, 1:3]}, name="m")
    if kind == "nested":
        i = keras.Input((3,), name="i")
        inner = keras.Model(i, ones(keras, 2, name="inner_d")(i), name="inner")
        return keras.Model(x, inner(keras.Sequential([ones(keras, 3, name="s")], name="seq")(x)), name="m")
    if kind == "arguments":
        return keras.Model(
            x, keras.layers.Dropout(0.5, name="drop")(ones(keras, 2, name="d")(x), training=False), name="m"
        )
    if kind == "array":
        return keras.Model(x, x + np.array([1.0, 2.0, 3.0], "float32"), name="m")
    if kind == "sub-graph":
        h = ones(keras, 2, name="h")(x)
        return keras.Model(h, ones(keras, 1, name="o")(h), name="m")
    return two_inputs(keras, kind)


KINDS = ["shared", "ops", "nested", "arguments", "array", "sub-graph", "list", "tuple", "dict", "nested inputs"]


@beside_keras
@pytest.mark.parametrize("structure", [list, tuple, lambda outputs: dict(zip("ab", outputs))])
def test_outputs_keep_their_structure_in_a_configuration(keras, structure):
    x = keras.Input((2,), name="x")
    model = keras.Model(x, structure([ones(keras, 1, name="o")(x), ones(keras, 2, name="p")(x)]))
    again = keras.Model.from_config(model.get_config())
    again.set_weights(model.get_weights())
    return again(X), model.get_config()["output_layers"]


@beside_keras
@pytest.mark.parametrize("kind", [k for k in KINDS if k != "nested inputs"])
def test_config_round_trip(keras, kind):
    model = graphs(keras, kind)
    again = keras.Model.from_config(model.get_config())
    again.set_weights(model.get_weights())
    data = {"list": [X, Y], "tuple": (X, Y), "dict": {"a": X, "b": Y}, "sub-graph": np.ones((2, 2), "float32")}.get(
        kind, X
    )
    return [
        again(data),
        again.name,
        [layer.name for layer in again.layers],
        again.input_shape,
        again.output_shape,
        len(again.weights),
    ]


@beside_keras
@pytest.mark.parametrize("kind", ["shared", "nested", "list", "dict"])
def test_configurations_are_those_of_keras(keras, kind):
    return without_builds(graphs(keras, kind).get_config())


@beside_keras
@pytest.mark.parametrize("kind", [k for k in KINDS if k not in ("nested inputs",)])
def test_json_round_trip(keras, kind):
    model = graphs(keras, kind)
    again = keras.models.model_from_json(model.to_json())
    again.set_weights(model.get_weights())
    data = {"list": [X, Y], "tuple": (X, Y), "dict": {"a": X, "b": Y}, "sub-graph": np.ones((2, 2), "float32")}.get(
        kind, X
    )
    return again(data)


@pytest.mark.parametrize("kind", ["shared", "nested", "list", "dict", "arguments", "tuple"])
def test_configurations_written_by_keras_are_read(kind):
    keras = pytest.importorskip("keras")
    theirs = graphs(keras, kind)
    ours = lamella.Model.from_config(theirs.get_config())
    again = lamella.models.model_from_json(theirs.to_json())
    data = {"list": [X, Y], "tuple": (X, Y), "dict": {"a": X, "b": Y}}.get(kind, X)
    for model in (ours, again):
        model.set_weights(theirs.get_weights())
        for a, b in zip(lamella.core._tree.flatten(model(data)), lamella.core._tree.flatten(theirs(data))):
            np.testing.assert_allclose(a, b, rtol=1e-5)


@pytest.mark.parametrize("kind", ["shared", "nested", "list", "dict", "arguments", "tuple"])
def test_keras_reads_our_configurations(kind):
    keras = pytest.importorskip("keras")
    ours = graphs(lamella, kind)
    theirs = keras.models.model_from_json(ours.to_json())
    theirs.set_weights(ours.get_weights())
    data = {"list": [X, Y], "tuple": (X, Y), "dict": {"a": X, "b": Y}}.get(kind, X)
    for a, b in zip(lamella.core._tree.flatten(ours(data)), lamella.core._tree.flatten(theirs(data))):
        np.testing.assert_allclose(a, b, rtol=1e-5)


@beside_keras
def test_compute_output_shape(keras):
    model = two_inputs(keras)
    return [model.compute_output_shape([(7, 3), (7, 4)]), graphs(keras, "shared").compute_output_shape((5, 3))]


@beside_keras
def test_mixed_precision(keras):
    keras.config.set_dtype_policy("mixed_bfloat16")
    x = keras.Input((3,))
    model = keras.Model(x, [ones(keras, 2)(x), ones(keras, 1, dtype="float32")(ones(keras, 2)(x)), x * 2])
    return [model(X), model.dtype_policy, x.dtype, [w.dtype for w in model.weights], model.input_dtype]


@beside_keras
def test_stateless_call(keras):
    x = keras.Input((3,))
    model = keras.Model(x, keras.layers.BatchNormalization(momentum=0.5)(ones(keras, 2, kernel_regularizer="l2")(x)))
    tv = [v.value * 2 for v in model.trainable_variables]
    ntv = [v.value for v in model.non_trainable_variables]
    out = model.stateless_call(tv, ntv, X, training=True, return_losses=True)
    return [*out, model.losses]


@beside_keras
def test_losses(keras):
    x = keras.Input((3,))
    model = keras.Model(x, ones(keras, 2, kernel_regularizer="l2", activity_regularizer="l1")(x))
    model(X)
    return model.losses


@beside_keras
def test_attributes_may_be_added(keras):
    x = keras.Input((3,))
    model = keras.Model(x, ones(keras, 2)(x))
    model.extra = ones(keras, 1, name="extra")
    model.note = {"a": [1, 2]}
    return [model(X), [layer.name for layer in model.layers]]


@beside_keras
def test_a_drawn_model_has_a_path(keras):
    x = keras.Input((3,))
    inner = keras.Model(x, ones(keras, 2)(x), name="inner")
    outer = keras.Model(x, inner(x), name="outer")
    return [inner.path, outer.path, [layer.path for layer in outer.layers], [w.path for w in outer.weights]]


def warned(call):
    """What `call` returns, and whether a UserWarning said that something is wrong."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = call()
    return result, any(w.category is UserWarning for w in caught)


@beside_keras
@pytest.mark.parametrize("names", [("a", "b"), ("b", "a")], ids=str)
@pytest.mark.parametrize("given", ["list", "tuple", "one", "three", "extra", "missing"])
def test_inputs_in_another_structure_than_a_dict(keras, names, given):
    a, b = np.ones((2, 3), "float32"), np.zeros((2, 3), "float32")
    inputs = {name: keras.Input((3,), name=name) for name in names}
    model = keras.Model(inputs, keras.layers.Concatenate()([inputs["a"], 2 * inputs["b"]]))
    data = {
        "list": [a, b],
        "tuple": (a, b),
        "one": [a],
        "three": [a, b, a],
        "extra": {"a": a, "b": b, "c": a},
        "missing": {"a": a},
    }
    return warned(lambda: model(data[given])), warned(lambda: model.predict(data[given], verbose=0))


@beside_keras
@pytest.mark.parametrize("kind", ["list", "dict of list"])
@pytest.mark.parametrize("given", ["list", "tuple", "list in a list", "list of dict", "dict of tuple", "by name"])
def test_inputs_in_another_structure(keras, kind, given):
    a, b = np.ones((2, 3), "float32"), np.zeros((2, 3), "float32")
    tensors = [keras.Input((3,), name="a"), keras.Input((3,), name="b")]
    inputs = tensors if kind == "list" else {"p": tensors}
    model = keras.Model(inputs, keras.layers.Concatenate()(tensors))
    data = {
        "list": [a, b],
        "tuple": (a, b),
        "list in a list": [[a, b]],
        "list of dict": [a, {"k": b}],
        "dict of tuple": {"p": (a, b)},
        "by name": {"a": a, "b": b},
    }
    return warned(lambda: model(data[given]))


@beside_keras
def test_an_input_spec_that_was_set(keras):
    x = keras.Input((3,))
    model = keras.Model(x, ones(keras, 2)(x))
    model.input_spec = keras.layers.InputSpec(shape=(2, 3))
    right = model(np.ones((2, 3), "float32"))
    return right, model.input_spec.shape, model(np.ones((4, 3), "float32"))


@beside_keras
@pytest.mark.parametrize("argument", ["input_shape", "batch_input_shape"])
def test_old_arguments_of_inputs(keras, argument):
    return warned(
        {
            "input_shape": lambda: keras.layers.InputLayer(input_shape=(3,)).batch_shape,
            "batch_input_shape": lambda: keras.layers.InputLayer(batch_input_shape=(2, 3)).batch_shape,
        }[argument]
    )


@beside_keras
@pytest.mark.parametrize("value", [True, 1.5, 3, "text", None], ids=str)
@pytest.mark.parametrize("place", ["layer", "second", "keyword"])
def test_positional_arguments_are_tensors(keras, value, place):
    class Takes(keras.layers.Layer):
        def call(self, x, more=None):
            return x

    x = np.ones(2, "float32")
    return {
        "layer": lambda: keras.layers.Dropout(0.5)(x, value),
        "second": lambda: Takes()(x, value),
        "keyword": lambda: Takes()(x, more=value),
    }[place]()
