"""Ops: which library answers, how they are drawn, and operations of one's own."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from beside_keras import beside_keras

import lamella
from lamella import Function, KerasTensor, Operation, Variable, ops
from lamella.backend import _registry, active, use
from lamella.backend._adapter import Adapter
from lamella.core._operation import OpCall, any_symbolic_tensors, node_of, op
from lamella.errors import ArgumentError, BackendError, SerializationError, UnknownNameError

# ---- which library answers ---------------------------------------------------------------------------


@op
def which(x, more=None):
    """The name of the adapter that computes."""
    return active().name


def test_the_active_library_answers():
    assert which(np.ones(2)) == which(1) == which([1.0]) == "jax"
    with use("numpy"):
        assert which(np.ones(2)) == which(1) == "numpy"


def test_arrays_of_another_library_pick_it():
    with use("numpy"):
        assert which(jnp.ones(2)) == "jax"
        assert which([jnp.ones(2)]) == which({"a": (1, jnp.ones(2))}) == which(1, more=jnp.ones(2)) == "jax"
        assert which(Variable(1.0)) == "numpy"
        assert isinstance(ops.add(jnp.ones(2), np.ones(2)), jax.Array)
    with use("numpy"):
        v = Variable([1.0, 2.0])
    assert which(v) == "jax"  # NumPy arrays are data: they go to whichever is active
    assert isinstance(v + 1, jax.Array)


def test_use_nests_and_restores():
    assert active().name == "jax"
    with use("numpy") as outer:
        assert outer is active()
        with use("jax"):
            assert lamella.backend.backend() == "jax"
        assert lamella.backend.backend() == "numpy"
    assert lamella.backend.backend() == "jax"
    with pytest.raises(ZeroDivisionError), use("numpy"):
        raise ZeroDivisionError
    assert active().name == "jax"


def test_unknown_backends():
    with pytest.raises(UnknownNameError, match="numpy"), use("nunpy"):
        pass


def test_missing_libraries(monkeypatch):
    def fails(name):
        raise ModuleNotFoundError("No module named 'torch'", name="torch")

    monkeypatch.setattr(_registry.importlib, "import_module", fails)
    monkeypatch.setattr(_registry, "_loaded", {})
    with pytest.raises(BackendError, match="pip install"):
        _registry.get("torch")


def test_overrides_stand_in():
    class Own(type(active())):
        name = "own"
        roots = ()

    own = Own()
    own.overrides["which"] = lambda x, more=None: f"override of {active().name}"
    with use(own):
        assert which(1) == "override of own"
        assert which.portable(1) == "own"
    assert which(1) == "jax"


def test_an_adapter_of_somebody_else(monkeypatch):
    class Mine:
        pass

    Mine.__module__ = "minelib.arrays"

    class MineAdapter(Adapter):
        name = "mine"
        roots = ("minelib",)

        def is_array(self, value):
            return isinstance(value, Mine)

    monkeypatch.setattr(_registry, "_loaded", dict(_registry._loaded))
    monkeypatch.setattr(_registry, "_ROOTS", dict(_registry._ROOTS))
    lamella.backend.register("mine", MineAdapter())
    try:
        assert which(Mine()) == "mine"
        assert which(Mine(), more=jnp.ones(1)) == "jax"  # the active one goes first
    finally:
        _registry._owners.clear()


def test_numpy_has_no_gradients():
    with use("numpy"), pytest.raises(BackendError, match="numpy"):
        lamella.value_and_grad(lambda: 1.0, [Variable(1.0)])()


@pytest.mark.parametrize("make", [np.ones, jnp.ones, lambda s: np.ones(s).tolist()])
def test_data_of_all_kinds(make):
    assert isinstance(ops.add(make((2,)), 1), jax.Array)
    with use("numpy"):
        result = ops.add(make((2,)), 1)
        assert isinstance(result, jax.Array if make is jnp.ones else np.ndarray)


# ---- drawing -----------------------------------------------------------------------------------------


def test_symbolic_anywhere():
    t = KerasTensor((2,))
    for args in ((t,), ([1, [t]],), ({"a": (1, {"b": t})},)):
        assert any_symbolic_tensors(args, {})
    assert any_symbolic_tensors((), {"x": t})
    assert not any_symbolic_tensors(([1], "a", None), {"k": np.ones(1)})


@beside_keras
def test_names_of_nodes(keras):
    x = keras.Input((4,))
    drawn = [
        x + 1,
        x + 2,
        2 - x,
        -x,
        x * 2,
        x / 2,
        x**2,
        x > 2,
        x[:, 0],
        x @ keras.ops.ones((4, 2)),
        keras.ops.relu(x),
        keras.ops.mean(x, 0),
    ]
    return [t._keras_history.operation.name for t in drawn]


def test_a_drawn_op_remembers_its_call():
    x = KerasTensor((None, 3))
    y = ops.sum(x, axis=-1, keepdims=True)
    node = node_of(y)
    assert isinstance(node.operation, OpCall)
    assert node.operation.fn is ops.sum
    assert node.kwargs == {"axis": -1, "keepdims": True}
    assert node.input_tensors == [x]
    assert node.outputs[0] is y


def test_configurations_of_drawn_ops():
    call = OpCall(ops.sum, name="s")
    again = OpCall.from_config(call.get_config())
    assert (again.fn, again.name) == (ops.sum, "s")
    with pytest.raises(SerializationError, match="nope"):
        OpCall.from_config({"op": "nope", "name": "n"})


# ---- operations of one's own ---------------------------------------------------------------------------


@beside_keras
def test_operation(keras):
    class Scale(keras.Operation):
        def __init__(self, factor, name=None):
            super().__init__(name)
            self.factor = factor

        def call(self, x):
            return x * self.factor

    class Described(Scale):
        def compute_output_spec(self, x):
            return keras.KerasTensor((*x.shape, 7), x.dtype)

    scale = Scale(3)
    x = keras.KerasTensor((None, 2))
    y = scale(x) if keras is lamella else None  # Keras needs the spec
    d = Described(2, name="d")
    return [
        scale.name,
        scale(np.ones(2, "float32")),
        scale.get_config(),
        Scale.from_config({"factor": 4}).factor,
        d(x),
        d.input,
        d.output,
        d.name,
        y is None or y.shape == (None, 2),
    ][:-1]


@beside_keras
@pytest.mark.parametrize("name", ["a/b", 3, None, "ok"])
def test_names(keras, name):
    return type("Named", (keras.Operation,), {})(name=name).name


@beside_keras
@pytest.mark.parametrize("what", ["input", "output"])
def test_operations_that_were_never_drawn(keras, what):
    return getattr(keras.layers.Dense(1), what)


@beside_keras
@pytest.mark.parametrize("given", ["tensor", "list", "dict"])
@pytest.mark.parametrize("returned", ["tensor", "tuple", "tuple of one", "dict", "nested"])
def test_inputs_and_outputs_are_one_or_a_flat_list(keras, given, returned):
    class Copies(keras.layers.Layer):
        def call(self, inputs):
            x = keras.tree.flatten(inputs)[0]
            a, b = x[:, :1], x[:, 1:]
            return {
                "tensor": a,
                "tuple": (a, b),
                "tuple of one": (a,),
                "dict": {"b": b, "a": a},
                "nested": {"u": [a, {"v": b}]},
            }[returned]

    x, y = keras.Input((3,), name="x"), keras.Input((2,), name="y")
    layer = Copies()
    layer({"tensor": x, "list": [x, y], "dict": {"second": y, "first": x}}[given])
    return [layer.input, layer.output]


@beside_keras
def test_call_is_to_be_defined(keras):
    return keras.Operation()(np.ones(2))


@beside_keras
def test_arguments_are_remembered(keras):
    class Options(keras.Operation):
        def __init__(self, a, b=2, *, c=(1, 2), name=None):
            super().__init__(name)

        def call(self, x):
            return x

    config = Options(1, c=[3]).get_config()
    return [{k: config[k] for k in ("a", "b", "c")}, Options.from_config({"a": 5}).name]


@beside_keras
def test_arguments_that_are_not_plain_need_a_configuration(keras):
    class Options(keras.Operation):
        def __init__(self, a, name=None):
            super().__init__(name)

        def call(self, x):
            return x

    return Options(object()).get_config()


# ---- functions -----------------------------------------------------------------------------------------


@beside_keras
def test_function(keras):
    a, b = keras.KerasTensor((None, 3), name="a"), keras.KerasTensor((None, 3), name="b")
    x = keras.ops.add(a, b)
    f = keras.Function([a, b], {"sum": x, "half": keras.ops.multiply(x, 0.5)}, name="f")
    ones = np.ones((2, 3), "float32")
    return [
        f([ones, ones]),
        f.name,
        [t.name for t in f.inputs],
        len(f.outputs),
        f.compute_output_spec([keras.KerasTensor((7, 3)), keras.KerasTensor((7, 3))]),
        f.compute_output_shape([(5, 3), (5, 3)]),
    ]


def test_function_of_unrelated_tensors():
    a, b = KerasTensor((2,)), KerasTensor((2,), name="b")
    with pytest.raises(ArgumentError, match="b"):
        Function([a], ops.add(b, 1))


@beside_keras
def test_function_with_another_structure(keras):
    a = keras.KerasTensor((2,))
    return keras.Function([a], keras.ops.add(a, 1))([np.ones(2), np.ones(2)])


def test_function_needs_tensors():
    with pytest.raises(ArgumentError, match="KerasTensor"):
        Function([np.ones(2)], [KerasTensor((2,))])


def test_deep_graphs_do_not_meet_the_recursion_limit():
    x = start = KerasTensor((2,))
    for _ in range(1500):
        node = Operation.__new__(OpCall)
        OpCall.__init__(node, ops.add, name="n")
        y = KerasTensor((2,))
        from lamella.core._operation import Node

        Node(node, (x, 1.0), {}, y)
        x = y
    assert len(Function([start], [x]).nodes) == 1500
