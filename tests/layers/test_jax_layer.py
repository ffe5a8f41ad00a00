"""Functions of JAX, and modules in the manner of Flax, as layers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lamella
from lamella import layers
from lamella.errors import ArgumentError

X = np.arange(8, dtype="float32").reshape(4, 2) / 8


def dense(params, inputs):
    return inputs @ params["w"] + params["b"]


def start(rng, inputs):
    return {"w": jax.random.normal(rng, (inputs.shape[-1], 3)), "b": jnp.zeros(3)}


def counting(params, state, rng, inputs, training):
    noise = jax.random.normal(rng, inputs.shape) if training else 0.0
    return inputs * params + noise, {"calls": state["calls"] + 1.0}


class Scale:
    """What Flax calls a module: `init` makes its variables, `apply` computes with them."""

    def __call__(self, x, deterministic):
        raise NotImplementedError

    def init(self, rngs, x, method=None, deterministic=False):
        assert set(rngs) == {"params", "dropout"} and not deterministic
        return {"params": {"scale": jnp.full(x.shape[-1:], 2.0)}, "stats": {"seen": jnp.zeros(())}}

    def apply(self, variables, x, rngs, method=None, mutable=(), deterministic=True):
        new = {"stats": {"seen": variables["stats"]["seen"] + len(x)}} if "stats" in mutable else {}
        return x * variables["params"]["scale"] * (1.0 if deterministic else -1.0), new


def test_given_parameters_are_the_weights():
    layer = layers.JaxLayer(dense, params={"w": np.ones((2, 3), "float32"), "b": np.zeros(3, "float32")})
    np.testing.assert_allclose(layer(X), X @ np.ones((2, 3)), rtol=1e-6)
    assert [(w.name, w.shape, w.trainable) for w in layer.weights] == [("b", (3,), True), ("w", (2, 3), True)]


def test_parameters_are_made_for_the_inputs_and_trained():
    lamella.utils.set_random_seed(1)
    model = lamella.Sequential([lamella.Input((2,)), layers.JaxLayer(dense, start), layers.Dense(1)])
    assert model.layers[0].output.shape == (None, 3)
    model.compile("sgd", "mse")
    before = model.get_weights()
    model.fit(X, X[:, :1], batch_size=2, epochs=2, verbose=0)
    assert all((a != b).any() for a, b in zip(before, model.get_weights()))


def test_state_and_draws():
    layer = layers.JaxLayer(counting, params=jnp.ones(2), state={"calls": jnp.zeros(())}, seed=1)
    assert [w.trainable for w in layer(X) is not None and layer.weights] == [True, False]
    first, second = layer(X, training=True), layer(X, training=True)
    assert not np.allclose(first, second)
    np.testing.assert_allclose(layer(X), X)
    assert float(layer.weights[1].numpy()) == 4.0


def test_functions_take_what_they_name():
    layer = layers.JaxLayer(lambda inputs: inputs, lambda inputs: {})
    np.testing.assert_array_equal(layer(X), X)


def test_trees_of_variables():
    given = {"w": [jnp.ones(2)], "n": None}
    layer = layers.JaxLayer(counting, params=jnp.ones(2), state={"calls": jnp.zeros(()), "of": given}, seed=1)
    assert layer.params is layer.state is None
    layer.build(X.shape)
    assert layer.params is layer.weights[0]
    assert (
        layer.state["calls"].shape == () and layer.state["of"]["w"][0].shape == (2,) and layer.state["of"]["n"] is None
    )


@pytest.mark.parametrize("state", [{}, {"n": 1.0, "m": 1.0}, [1.0]])
def test_states_keep_their_structure(state):
    layer = layers.JaxLayer(lambda state, inputs: (inputs, returned), state={"n": jnp.zeros(())})
    returned = {"n": jnp.ones(())}
    layer(X)
    returned = state
    with pytest.raises(ArgumentError, match="must return a state of the structure"):
        layer(X)


def test_arguments_are_checked():
    with pytest.raises(ArgumentError, match="cannot all be `None`"):
        layers.JaxLayer(dense)
    with pytest.raises(ArgumentError, match=r"must take `inputs`.*\['params', 'x'\]"):
        layers.JaxLayer(lambda params, x: x, params={})


def test_config_names_registered_functions():
    objects = {"dense": dense, "start": start}
    layer = layers.JaxLayer(dense, start, name="mine")
    with lamella.utils.custom_object_scope(objects):
        again = layers.JaxLayer.from_config(layer.get_config())
    assert (again.name, again.call_fn, again.init_fn) == ("mine", dense, start)


def test_a_module_of_flax():
    layer = layers.FlaxLayer(Scale())
    np.testing.assert_allclose(layer(X), 2 * X)
    np.testing.assert_allclose(layer(X, training=True), -2 * X)
    assert [(w.name, w.trainable) for w in layer.weights] == [("scale", True), ("stats_seen", False)]
    assert float(layer.weights[1].numpy()) == 4.0
    given = layers.FlaxLayer(Scale(), variables={"params": {"scale": jnp.ones(2)}, "stats": {"seen": jnp.zeros(())}})
    np.testing.assert_allclose(given(X), X)
