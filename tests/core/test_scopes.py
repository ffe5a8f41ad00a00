"""What surrounds a computation: names, substituted state, the dtype variables read as."""

import threading

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from beside_keras import beside_keras

from lamella import StatelessScope, Variable, layers, name_scope
from lamella.core import _names, _scopes
from lamella.errors import ArgumentError

# ---- names -------------------------------------------------------------------------------------------


@beside_keras
def test_paths(keras):
    out, me = [], object()
    variable = lambda: out.append(keras.Variable(1.0, name="x").path)  # noqa: E731
    with keras.name_scope("a"):
        variable()
        with keras.name_scope("b"):
            variable()
            with keras.name_scope("b"):
                variable()
        with keras.name_scope("c", override_parent="z"):
            variable()
        with keras.name_scope("c", override_parent=""):
            variable()
        with keras.name_scope("c", override_parent="/y/z"), keras.name_scope("d"):
            variable()
        with keras.name_scope("c", caller=me):
            with keras.name_scope("c", caller=me):
                variable()
            with keras.name_scope("c", caller=me, deduplicate=False):
                variable()
            with keras.name_scope("d", caller=me):
                variable()
            with keras.name_scope("c", caller=object()):
                variable()
        variable()
    variable()
    with keras.name_scope(""), keras.name_scope("e"):
        variable()
    return out


@beside_keras
@pytest.mark.parametrize("name", ["a/b", 3, None, "", "a b"])
def test_scope_names(keras, name):
    with keras.name_scope(name):
        return keras.Variable(1.0, name="x").path


def test_a_scope_may_be_entered_again():
    scope = name_scope("a")
    with scope, scope:
        assert Variable(1.0, name="x").path == "a/a/x"
    assert _scopes.current_path() == ""


def test_an_exception_closes_scopes():
    with pytest.raises(RuntimeError), name_scope("a"), StatelessScope():
        raise RuntimeError
    assert _scopes.current_path() == ""
    assert not _scopes.in_stateless_scope()


def test_threads_do_not_share_scopes():
    seen = []
    with name_scope("a"), StatelessScope():
        thread = threading.Thread(target=lambda: seen.append((_scopes.current_path(), _scopes.in_stateless_scope())))
        thread.start()
        thread.join()
    assert seen == [("", False)]


@beside_keras
@pytest.mark.parametrize(
    "name",
    [
        "Dense",
        "Conv2D",
        "Conv2DTranspose",
        "BatchNormalization",
        "LSTM",
        "GRUCell",
        "ReLU",
        "MyLayer2",
        "_Hidden",
        "A",
        "RNN2Layer",
        "X_Y",
    ],
)
def test_default_names_of_layers(keras, name):
    cls = type(name, (keras.layers.Layer,), {})
    return [cls().name, cls().name]


def test_names_are_counted_apart():
    _names.reset_names()
    assert [_names.unique_name(n) for n in ("a", "b", "a", "a")] == ["a", "b", "a_1", "a_2"]
    _names.reset_names()
    assert _names.unique_name("a") == "a"


@beside_keras
def test_get_uid(keras):
    return [keras.backend.get_uid("q"), keras.backend.get_uid("q"), keras.backend.get_uid("r"), keras.backend.get_uid()]


# ---- substituted state -------------------------------------------------------------------------------


@beside_keras
def test_reads_and_writes_stay_inside(keras):
    v, w = keras.Variable([1.0, 2.0]), keras.Variable(0.0)
    with keras.StatelessScope(state_mapping=[(v, keras.ops.convert_to_tensor([3.0, 4.0]))]) as scope:
        read = v + 1
        v.assign([5.0, 6.0])
        w.assign_add(1.0)
        inside = [v.value, w.value]
    return [read, inside, v, w, scope.get_current_value(v), scope.get_current_value(w)]


@beside_keras
@pytest.mark.parametrize("mapping", [[(1, 2)], {}, None, []], ids=str)
def test_mappings(keras, mapping):
    v = keras.Variable(1.0)
    with keras.StatelessScope(state_mapping=mapping) as scope:
        return scope.get_current_value(v)


@beside_keras
def test_mapping_of_another_shape(keras):
    return keras.StatelessScope(state_mapping=[(keras.Variable([1.0]), np.ones(2, "float32"))])


@beside_keras
def test_mapping_is_cast(keras):
    v = keras.Variable([1.0])
    scope = keras.StatelessScope(state_mapping=[(v, np.ones(1, "int32"))])
    return scope.get_current_value(v)


@beside_keras
def test_variables_made_inside(keras):
    with keras.StatelessScope():
        v = keras.Variable("ones", shape=(2,))
        value = v.value
    return [v, value]


@beside_keras
def test_losses_of_layers(keras):
    class Penalty(keras.layers.Layer):
        def call(self, x):
            self.add_loss(keras.ops.sum(x))
            return x

    layer = Penalty()
    with keras.StatelessScope(collect_losses=True):
        layer(np.ones((2, 2), "float32"))
        inside = layer.losses
    return [inside, layer.losses]


def test_inner_scopes_see_the_outer_ones():
    v, w = Variable(1.0), Variable(1.0)
    with StatelessScope([(v, 2.0)]) as outer:
        with StatelessScope([(w, 3.0)]) as inner:
            assert (float(v.value), float(w.value)) == (2.0, 3.0)
            v.assign(4.0)
            assert float(v.value) == 4.0
        assert (float(v.value), float(w.value)) == (2.0, 1.0)
    assert float(inner.get_current_value(v)) == 4.0
    assert float(outer.get_current_value(v)) == 2.0


def test_updates_lists_what_the_scope_knows():
    v, w, u = Variable(1.0), Variable(1.0), Variable(1.0)
    with StatelessScope([(v, 2.0)]) as scope:
        w.assign(3.0)
        _ = u.value
    assert [(variable, float(value)) for variable, value in scope.updates()] == [(v, 2.0), (w, 3.0)]


def test_state_may_be_traced():
    v = Variable(jnp.ones(3))

    @jax.jit
    def step(value, x):
        with StatelessScope([(v, value)]) as scope:
            v.assign_add(x)
            out = v * 2
        return out, scope.get_current_value(v)

    out, value = step(jnp.zeros(3), jnp.ones(3))
    assert out.tolist() == [2.0, 2.0, 2.0]
    assert value.tolist() == [1.0, 1.0, 1.0]
    assert v.numpy().tolist() == [1.0, 1.0, 1.0]


def test_a_layer_first_called_inside_a_program_has_real_weights():
    layer = layers.Dense(2)
    out = jax.jit(lambda x: layer(x))(np.ones((1, 3), "float32"))
    assert out.shape == (1, 2)
    assert isinstance(layer.kernel.numpy(), np.ndarray)
    np.testing.assert_allclose(layer(np.ones((1, 3), "float32")), out, rtol=1e-6)


def test_messages_name_the_variable():
    v = Variable([1.0], name="gain")
    with pytest.raises(ArgumentError, match=r"gain.*\(2,\)"):
        StatelessScope([(v, np.ones(2))])


# ---- the dtype that variables read as -----------------------------------------------------------------


def test_autocast_scopes_nest():
    v, fixed, whole = Variable(1.0), Variable(1.0, autocast=False), Variable(1)
    with _scopes.autocast_scope("bfloat16"):
        assert [x.dtype for x in (v, fixed, whole)] == ["bfloat16", "float32", "int32"]
        with _scopes.autocast_scope(None):
            assert v.dtype == "float32"
        with _scopes.autocast_scope("float16"):
            assert str(v.value.dtype) == "float16"
        assert str(v.value.dtype) == "bfloat16"
    assert v.dtype == "float32"


@beside_keras
@pytest.mark.parametrize("inner", ["mixed_bfloat16", "float32", "float16"])
@pytest.mark.parametrize("outer", ["mixed_bfloat16", "float32", "mixed_float16", "bfloat16"])
def test_each_layer_reads_in_its_own_dtype(keras, outer, inner):
    class Reader(keras.layers.Layer):
        def build(self, input_shape):
            self.v = self.add_weight(shape=(2,), initializer="ones")

        def call(self, x):
            return x, keras.ops.cast(self.v + 0, self.v.dtype), x + self.v

    class Outer(keras.layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.inner = Reader(dtype=inner)

        def build(self, input_shape):
            self.inner.build(input_shape)
            self.v = self.add_weight(shape=(2,), initializer="ones")

        def call(self, x):
            return [x, self.v + 0, self.inner(x), self.v + 0]

    return Outer(dtype=outer)(np.ones((1, 2), "float32"))
