"""Models that are classes of one's own, beside Keras; and what every model can do."""

import copy

import numpy as np
import pytest
from beside_keras import beside_keras

import lamella
from lamella import layers, ops
from lamella.errors import LamellaError

X = np.arange(6, dtype="float32").reshape(2, 3)


def ones(keras, units, **kwargs):
    return keras.layers.Dense(units, kernel_initializer="ones", **kwargs)


def net_of(keras):
    class Net(keras.Model):
        def __init__(self, units=2, **kwargs):
            super().__init__(**kwargs)
            self.units = units
            self.first = ones(keras, units, name="first")
            self.norm = keras.layers.BatchNormalization(name="norm")
            self.rest = [ones(keras, 2, name="r0"), ones(keras, 1, name="r1")]

        def call(self, x, training=None):
            x = self.norm(self.first(x), training=training)
            for layer in self.rest:
                x = layer(x)
            return x

    return Net


@beside_keras
def test_layers_and_weights(keras):
    model = net_of(keras)(name="net")
    before = [model.built, len(model.weights), [layer.name for layer in model.layers]]
    out = model(X)
    return [
        before,
        out,
        model.built,
        [w.path for w in model.weights],
        [layer.name for layer in model.layers],
        model.count_params(),
        len(model.trainable_weights),
        model.get_layer("r1").units,
        model.get_layer(index=0).name,
    ]


@pytest.mark.parametrize("shape", [(None, 3), (5, 3), [None, 3]], ids=str)
def test_build_by_shape(shape):  # Keras 3 makes no weights then
    model = net_of(lamella)(name="net")
    model.build(shape)
    assert model.built
    paths = [w.path for w in model.weights]
    other = net_of(lamella)(name="net")
    other(X)
    assert paths == [w.path for w in other.weights]


@beside_keras
def test_build_by_hand(keras):
    class Net(keras.Model):
        def __init__(self):
            super().__init__()
            self.d = ones(keras, 2)

        def build(self, input_shape):
            self.d.build(input_shape)
            self.w = self.add_weight(shape=(), initializer="ones", name="w")
            self.built = True

        def call(self, x):
            return self.d(x) * self.w

    model = Net()
    model.build((None, 3))
    return [model.built, [w.path for w in model.weights], model(X)]


def test_build_by_several_shapes():
    keras = lamella

    class Net(keras.Model):
        def __init__(self):
            super().__init__()
            self.a, self.b = ones(keras, 2), ones(keras, 2)

        def call(self, inputs):
            return self.a(inputs["a"]) + self.b(inputs["b"])

    class Listed(Net):
        def call(self, inputs):
            return self.a(inputs[0]) + self.b(inputs[1])

    model, listed = Net(), Listed()
    model.build({"a": (None, 3), "b": (None, 4)})
    listed.build([(None, 3), (None, 4)])
    for m in (model, listed):
        assert [w.shape for w in m.weights] == [(3, 2), (2,), (4, 2), (2,)]


@beside_keras
def test_symbolic_call(keras):
    model = net_of(keras)()
    x = keras.Input((3,))
    y = model(x)
    outer = keras.Model(x, ones(keras, 1)(y))
    return [y, outer(X), [layer.name for layer in outer.layers], model.built]


@beside_keras
def test_several_inputs_and_outputs(keras):
    class Net(keras.Model):
        def __init__(self):
            super().__init__()
            self.d = ones(keras, 2)

        def call(self, inputs, flag=False):
            a, b = inputs
            return {"s": self.d(a) + self.d(b), "f": self.d(a) if flag else b}

    model = Net()
    return [
        model((X, X)),
        model([X, X], flag=True),
        sorted(model((keras.KerasTensor((None, 3)), keras.KerasTensor((None, 3)))).items()),
    ]


@beside_keras
def test_training_argument(keras):
    model = net_of(keras)()
    model(X)
    model(X, training=True)
    moved = model.norm.moving_mean.numpy()
    model(X, training=False)
    return [moved, model.norm.moving_mean, model(X, training=True)]


@beside_keras
def test_forgotten_super(keras):
    class Net(keras.Model):
        def __init__(self):
            self.d = keras.layers.Dense(1)

        def call(self, x):
            return self.d(x)

    return Net()(X)


@beside_keras
def test_call_is_to_be_defined(keras):
    class Net(keras.Model):
        pass

    return Net()(X)


@beside_keras
def test_the_plain_class(keras):
    model = keras.Model()
    return [model.built, model.layers, model.name]


@beside_keras
@pytest.mark.parametrize("kwargs", [{"name": "n"}, {"trainable": False}, {"dtype": "float16"}, {"colour": 1}], ids=str)
def test_arguments_of_the_base(keras, kwargs):
    class Net(keras.Model):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)

        def call(self, x):
            return x

    model = Net(**kwargs)
    return [model.name, model.trainable, model.dtype_policy]


@beside_keras
def test_layers_attribute_is_taken(keras):
    class Net(keras.Model):
        def __init__(self):
            super().__init__()
            self.layers = [keras.layers.Dense(1)]

    return Net()


@beside_keras
def test_functional_form_of_a_subclass(keras):
    class Net(keras.Model):
        def __init__(self, units, **kwargs):
            inputs = keras.Input((3,), name="x")
            outputs = ones(keras, units, name="d")(inputs)
            super().__init__(inputs=inputs, outputs=outputs, **kwargs)
            self.units = units

        def extra(self):
            return self.units + 1

    model = Net(2, name="net")
    return [
        model(X),
        model.extra(),
        model.name,
        model.built,
        [layer.name for layer in model.layers],
        model.input_shape,
        model.output_shape,
        isinstance(model, Net),
        isinstance(model, keras.Model),
        type(model).__name__,
        [w.path for w in model.weights],
    ]


@beside_keras
def test_functional_form_by_position(keras):
    class Net(keras.Model):
        def __init__(self):
            inputs = keras.Input((3,), name="x")
            super().__init__(inputs, ones(keras, 2)(inputs))

        def train_step(self, *args):
            return "mine"

    model = Net()
    return [model(X), model.train_step()]


@beside_keras
def test_functional_form_with_a_call_of_its_own(keras):
    class Net(keras.Model):
        def __init__(self):
            inputs = keras.Input((3,), name="x")
            super().__init__(inputs, ones(keras, 2)(inputs))

        def call(self, x, training=None, mask=None):
            return super().call(x, training=training) + 1

    return Net()(X)


@beside_keras
def test_models_in_models(keras):
    class Outer(keras.Model):
        def __init__(self):
            super().__init__()
            self.inner = net_of(keras)(name="inner")
            self.stack = keras.Sequential([ones(keras, 2, name="s")], name="stack")

        def call(self, x):
            return self.inner(x) + self.stack(x)

    model = Outer(name="outer") if False else Outer()
    out = model(X)
    return [out, [w.path for w in model.weights], [layer.name for layer in model.layers]]


@beside_keras
def test_freezing(keras):
    model = net_of(keras)()
    model(X)
    model.first.trainable = False
    out = [[w.path for w in model.trainable_weights]]
    model.trainable = False
    out.append([len(model.trainable_weights), len(model.non_trainable_weights)])
    model.trainable = True
    return [*out, len(model.trainable_weights)]


@beside_keras
def test_weights_by_list(keras):
    model = net_of(keras)()
    model(X)
    weights = model.get_weights()
    model.set_weights([np.zeros_like(w) for w in weights])
    return [[w.shape for w in weights], model(X)]


@beside_keras
def test_state_trees(keras):
    model = net_of(keras)(name="net")
    model(X)
    model.compile("sgd", "mse")
    tree = model.get_state_tree()
    plain = model.get_state_tree("numpy_array")
    shifted = {"trainable_variables": {"net": {"first": {"bias": np.array([5.0, 6.0], "float32")}}}}
    model.set_state_tree(shifted)
    return [
        *(t[k] for t in (tree, plain) for k in ("trainable_variables", "non_trainable_variables")),
        model.first.bias,
    ]


@beside_keras
def test_state_trees_of_compiled_models(keras):
    model = keras.Sequential([keras.Input((3,)), ones(keras, 1, name="d")], name="m")
    model.compile("sgd", "mse")
    tree = model.get_state_tree()
    return {k: sorted(v) for k, v in tree.items() if k != "metrics_variables"}


@beside_keras
@pytest.mark.parametrize("call", [lambda m: m.get_state_tree("text"), lambda m: m.set_state_tree({"nope": {}})])
def test_state_trees_are_checked(keras, call):
    model = net_of(keras)()
    model(X)
    return call(model)


def test_get_config():
    model = net_of(lamella)(5)
    config = model.get_config()
    assert config["units"] == 5
    assert type(model).from_config(config).units == 5


@beside_keras
def test_get_config_of_ones_own(keras):
    class Net(keras.Model):
        def __init__(self, inner, **kwargs):
            super().__init__(**kwargs)
            self.inner = inner

        def call(self, x):
            return self.inner(x)

        def get_config(self):
            return {"inner": keras.saving.serialize_keras_object(self.inner)}

        @classmethod
        def from_config(cls, config):
            return cls(keras.saving.deserialize_keras_object(config["inner"]))

    model = Net(ones(keras, 2, name="d"))
    again = Net.from_config(model.get_config())
    return [again.inner.name, again(X)]


@beside_keras
def test_serialized_by_class(keras):
    Net = net_of(keras)
    model = Net()  # Keras forgets the arguments of a model that has no `get_config`
    model(X)
    config = keras.saving.serialize_keras_object(model)
    with keras.saving.custom_object_scope({"Net": Net}):
        again = keras.saving.deserialize_keras_object(config)
    return [again.units, again.built, [w.shape for w in again.weights], config["build_config"]]


@beside_keras
def test_mixed_precision(keras):
    Net = net_of(keras)
    keras.config.set_dtype_policy("mixed_bfloat16")
    model = Net()
    return [model(X), model.dtype_policy, [w.dtype for w in model.weights], model.first.compute_dtype]


@beside_keras
def test_stateless_call(keras):
    model = net_of(keras)()
    model(X)
    tv = [v.value * 0 for v in model.trainable_variables]
    ntv = [v.value for v in model.non_trainable_variables]
    return model.stateless_call(tv, ntv, X, training=True)


@beside_keras
@pytest.mark.parametrize("fact", ["count_params", "get_weights", "input", "output", "input_shape"])
def test_facts_before_build(keras, fact):
    value = getattr(net_of(keras)(), fact)
    return value() if callable(value) else value


def test_deepcopy_of_models():
    def drawn():
        x = lamella.Input((3,))
        return lamella.Model(x, layers.Dense(2)(layers.Dense(2)(x) * 2))

    for make in (drawn, lambda: lamella.Sequential([layers.Dense(2), layers.Dense(1)]), net_of(lamella)):
        model = make()
        model(X)
        twin = copy.deepcopy(model)
        np.testing.assert_allclose(twin(X), model(X), rtol=1e-6)
        assert not {id(v) for v in twin.weights} & {id(v) for v in model.weights}
        twin.set_weights([w * 0 for w in twin.get_weights()])
        assert np.abs(model(X)).sum() > 0
        np.testing.assert_array_equal(np.abs(twin(X)).sum(), 0)


def test_deepcopy_of_trained_models():
    model = lamella.Sequential([layers.Input((3,)), layers.Dense(1)])
    model.compile("adam", "mse")
    model.fit(X, X[:, :1], verbose=0)
    twin = copy.deepcopy(model)
    before = twin.get_weights()
    model.fit(X, X[:, :1], epochs=2, verbose=0)
    for a, b in zip(before, twin.get_weights()):
        np.testing.assert_array_equal(a, b)
    twin.fit(X, X[:, :1], verbose=0)


def test_a_layer_that_fails_is_named_with_its_path():
    class Net(lamella.Model):
        def __init__(self):
            super().__init__(name="net")
            self.d = layers.Dense(2, name="d")

        def call(self, x):
            return self.d(ops.reshape(x, (-1, 2)))

    model = Net()
    model.d.build((None, 5))
    with pytest.raises(LamellaError, match=r"'?d'?") as error:
        model(X)
    assert any("net" in note for note in error.value.__notes__)


def test_models_return_outputs():
    class Net(lamella.Model):
        def call(self, x):
            x + 1

    with pytest.raises(ValueError, match="return"):
        Net()(X)


def test_a_model_that_cannot_be_quantized_says_so():
    model = lamella.Sequential([lamella.Input((2,)), layers.Dense(1)])
    with pytest.raises(LamellaError, match="can be quantized to 'int8'"):
        model.quantize("int8")
