"""Branches, training mode, loops, drawn functions, recurrences."""

import numpy as np
import pytest

import lamella
import lamella.backend as K
from lamella.backend import _registry
from lamella.errors import ArgumentError, ShapeError

RNG = np.random.default_rng(2)
X = RNG.normal(size=(4, 3)).astype("float32")


def compiled(fn, *args):
    return _registry.active().compile(fn)(*(K.constant(a) for a in args))


# ---- branches ----------------------------------------------------------------------------------------


def test_switch_runs_only_the_branch_that_is_wanted():
    def never():
        raise AssertionError

    assert K.eval(K.switch(True, lambda: K.constant(1.0), never)) == 1.0
    assert K.eval(K.switch(K.variable(0), never, lambda: K.constant(2.0))) == 2.0
    assert K.eval(K.switch(np.array(1), X, -X)).tolist() == X.tolist()


def test_switch_by_rows_and_by_elements():
    rows = np.array([True, False, True, False])
    np.testing.assert_array_equal(K.eval(K.switch(rows, X, -X)), np.where(rows[:, None], X, -X))
    np.testing.assert_array_equal(K.eval(K.switch(X > 0, X, lambda: -X)), np.abs(X))
    np.testing.assert_array_equal(K.eval(K.switch((X > 0).astype("int32"), X, -X)), np.abs(X))
    with pytest.raises(ShapeError, match="more than"):
        K.switch(np.ones((2, 2, 2), bool), np.ones((2, 2)), np.ones((2, 2)))


def test_switch_in_a_program():
    double_or_not = lambda flag, x: K.switch(K.greater(flag, 0), lambda: 2 * x, lambda: x)  # noqa: E731
    assert compiled(double_or_not, 1, X).tolist() == (2 * X).tolist()
    assert compiled(double_or_not, -1, X).tolist() == X.tolist()


def test_switch_of_symbolic_tensors():
    x = K.placeholder((None, 3))
    f = K.function([x], [K.switch(K.greater(K.sum(x, axis=1), 0), x, -x)])
    np.testing.assert_array_equal(f([X])[0], np.where(X.sum(1, keepdims=True) > 0, X, -X))
    f = K.function([x], [K.switch(K.greater(K.sum(x), 0), lambda: x, lambda: -x)])
    np.testing.assert_array_equal(f([X])[0], X if X.sum() > 0 else -X)


def test_the_learning_phase_is_that_of_the_layer_around():
    seen = []

    class Spy(lamella.layers.Layer):
        def call(self, x, training=None):
            seen.append(K.learning_phase())
            return K.in_train_phase(x * 2.0, lambda: x * 3.0)

    assert K.learning_phase() == 0
    spy = Spy()
    assert float(spy(np.ones((1, 1)), training=True)[0, 0]) == 2.0
    assert float(spy(np.ones((1, 1)), training=False)[0, 0]) == 3.0
    assert float(spy(np.ones((1, 1)))[0, 0]) == 3.0
    assert seen[-3:] == [1, 0, 0]


def test_the_learning_phase_can_be_set():
    try:
        K.set_learning_phase(1)
        assert K.learning_phase() == 1 and K.in_train_phase(1.0, 2.0) == 1.0 and K.in_test_phase(1.0, 2.0) == 2.0
        with K.learning_phase_scope(0):
            assert K.learning_phase() == 0
        assert K.learning_phase() == 1
    finally:
        K.clear_session()
    assert K.learning_phase() == 0
    with pytest.raises(ArgumentError, match="learning phase"):
        K.set_learning_phase(2)


def test_in_train_phase_with_a_computed_phase():
    assert (
        compiled(lambda phase, x: K.in_train_phase(2 * x, x, training=K.cast(phase, "bool")), 1, X).tolist()
        == (2 * X).tolist()
    )


# ---- loops -------------------------------------------------------------------------------------------


def test_map_fn():
    np.testing.assert_allclose(
        K.eval(K.map_fn(lambda row: K.sum(row) * row, X)), X * X.sum(1, keepdims=True), rtol=1e-5
    )
    pairs = K.map_fn(lambda pair: pair[0] + pair[1], (X, 2 * X))
    np.testing.assert_allclose(K.eval(pairs), 3 * X, rtol=1e-6)
    assert K.dtype(K.map_fn(lambda row: row, X, dtype="int32")) == "int32"
    assert K.map_fn(lambda row: K.sum(row), K.placeholder((None, 3))).shape == (None,)


def test_folds():
    digits = np.array([1.0, 2.0, 3.0], "float32")
    left, right = (lambda total, x: 10 * total + x), (lambda total, x: total / 2 + x)
    assert float(K.foldl(left, digits)) == 123.0
    assert float(K.foldr(left, digits)) == 321.0
    assert float(K.foldl(left, digits, initializer=4.0)) == 4123.0
    assert float(K.foldr(right, digits, initializer=0.0)) == 1 + (2 + 3 / 2) / 2
    assert K.foldl(lambda total, row: total + row, K.placeholder((None, 3))).shape == (3,)


# ---- drawn functions ---------------------------------------------------------------------------------


@pytest.fixture
def model():
    return lamella.Sequential(
        [
            lamella.layers.Dense(5, activation="relu", input_shape=(3,)),
            lamella.layers.Dropout(0.5),
            lamella.layers.Dense(2),
        ]
    )


def test_the_activations_in_the_middle_of_a_model(model):
    f = K.function([model.input], [model.layers[0].output, model.output])
    hidden, out = f([X])
    assert isinstance(hidden, np.ndarray)
    np.testing.assert_allclose(hidden, np.asarray(model.layers[0](X)), rtol=1e-5)
    np.testing.assert_allclose(out, model.predict(X, verbose=0), rtol=1e-4, atol=1e-6)


def test_a_single_input_and_output_need_no_list(model):
    out = K.function(model.input, model.output)(X)
    assert isinstance(out, np.ndarray) and out.shape == (4, 2)
    assert K.function(model.input, model.output)(X.tolist()).shape == (4, 2)


class ScaledWhenTraining(lamella.layers.Layer):
    def call(self, x, training=None):
        return x * 10.0 if training else x


def test_a_learning_phase_among_the_inputs_makes_layers_train():
    x = K.placeholder((None, 3))
    f = K.function([x, K.learning_phase()], [ScaledWhenTraining()(x)])
    assert f([X, 0])[0].tolist() == X.tolist()
    assert f([X, 1])[0].tolist() == (X * np.float32(10)).tolist()


def test_functions_of_structures():
    a, b = K.placeholder((2,)), K.placeholder((2,))
    out = K.function({"a": a, "b": b}, {"sum": a + b, "both": [a, b]})({"b": [1, 2], "a": [3, 4]})
    assert out["sum"].tolist() == [4.0, 6.0] and [x.tolist() for x in out["both"]] == [[3.0, 4.0], [1.0, 2.0]]


def test_function_says_what_it_cannot_do():
    x = K.placeholder((2,))
    with pytest.raises(ArgumentError, match="updates"):
        K.function([x], [x + 1], updates=[(K.variable(1.0), x)])
    with pytest.raises(ArgumentError, match="session"):
        K.function([x], [x + 1], session=None)
    with pytest.raises(ArgumentError, match="takes 1 inputs; got 2"):
        K.function([x], [x + 1])([1.0, 2.0])
    with pytest.raises(ArgumentError, match=r"not connected|cannot be computed"):
        K.function([x], [K.placeholder((2,)) + 1])


def test_stop_gradient_of_a_list():
    w = lamella.Variable(3.0)
    _, (grad,) = lamella.value_and_grad(lambda: w * K.stop_gradient([w.value])[0], [w])()
    assert float(grad) == 3.0


def test_print_tensor_prints_when_the_values_are_known(capsys):
    same = K.print_tensor(K.constant([1.0, 2.0]), message="x =")
    assert capsys.readouterr().out == "x = [1. 2.]\n" and same.tolist() == [1.0, 2.0]
    K.print_tensor(np.arange(100), summarize=2)
    assert capsys.readouterr().out == " [ 0  1 ... 98 99]\n"
    out = compiled(lambda x: K.print_tensor(x, message="inside") * 2, 4.0)
    assert float(out) == 8.0
    import jax

    jax.effects_barrier()
    assert capsys.readouterr().out == "inside 4.\n"


# ---- recurrences -------------------------------------------------------------------------------------

SEQUENCE = RNG.normal(size=(3, 5, 2)).astype("float32")
MASK = np.array([[1, 1, 1, 1, 1], [1, 1, 0, 1, 0], [0, 1, 1, 0, 0]], bool)


def leaky(x, states):
    output = 0.5 * states[0] + x
    return output, [output, states[1] + 1.0]


def reference(x, mask=None, go_backwards=False, zero_output_for_mask=False):
    batch, steps, _ = x.shape
    state, count, output = np.zeros((batch, 2)), np.zeros((batch, 1)), np.zeros((batch, 2))
    outputs = []
    for t in range(steps)[::-1] if go_backwards else range(steps):
        counted = np.ones((batch, 1), bool) if mask is None else mask[:, t : t + 1]
        new = 0.5 * state + x[:, t]
        output = np.where(counted, new, 0 if zero_output_for_mask else output)
        state, count = np.where(counted, new, state), np.where(counted, count + 1, count)
        outputs.append(output)
    return output, np.stack(outputs, 1), [state, count]


@pytest.mark.parametrize("unroll", [False, True])
@pytest.mark.parametrize("go_backwards", [False, True])
@pytest.mark.parametrize("masked, zeros", [(False, False), (True, False), (True, True)])
def test_rnn(unroll, go_backwards, masked, zeros):
    mask = MASK if masked else None
    states = [np.zeros((3, 2), "float32"), np.zeros((3, 1), "float32")]
    options = {"go_backwards": go_backwards, "zero_output_for_mask": zeros}
    last, outputs, new_states = K.rnn(leaky, SEQUENCE, states, mask=mask, unroll=unroll, **options)
    expected_last, expected_outputs, expected_states = reference(SEQUENCE, mask, **options)
    np.testing.assert_allclose(K.eval(last), expected_last, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(K.eval(outputs), expected_outputs, rtol=1e-5, atol=1e-6)
    for new, expected in zip(new_states, expected_states, strict=True):
        np.testing.assert_allclose(K.eval(new), expected, rtol=1e-5, atol=1e-6)


def test_rnn_in_time_major_order_with_constants_and_only_the_last_output():
    step = lambda x, states: (states[0] + x * states[1], [states[0] + x])  # noqa: E731
    last, outputs, _ = K.rnn(
        step, SEQUENCE.swapaxes(0, 1), [np.zeros((3, 2), "float32")], constants=[K.constant(2.0)], time_major=True,
        mask=MASK.T[..., None], return_all_outputs=False,
    )  # fmt: skip
    assert outputs.shape == (1, 3, 2)
    np.testing.assert_array_equal(K.eval(outputs[0]), K.eval(last))


def test_rnn_counts_the_steps_of_input_length():
    lengths = np.array([5, 2, 0])
    mask = np.arange(5) < lengths[:, None]
    states = [np.zeros((3, 2), "float32"), np.zeros((3, 1), "float32")]
    _, outputs, (_, count) = K.rnn(leaky, SEQUENCE, states, input_length=lengths)
    np.testing.assert_allclose(K.eval(outputs), reference(SEQUENCE, mask)[1], rtol=1e-5, atol=1e-6)
    assert K.eval(count)[:, 0].tolist() == lengths.tolist()


def test_rnn_of_nested_inputs_and_outputs():
    def step(x, states):
        total = states[0] + x["a"] + x["b"]
        return {"total": total, "b": x["b"]}, [total]

    _, outputs, _ = K.rnn(step, {"a": SEQUENCE, "b": 2 * SEQUENCE}, [np.zeros((3, 2), "float32")])
    np.testing.assert_allclose(K.eval(outputs["total"]), np.cumsum(3 * SEQUENCE, axis=1), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(K.eval(outputs["b"]), 2 * SEQUENCE)


def test_rnn_of_symbolic_tensors():
    x, state = K.placeholder((None, 5, 2)), K.placeholder((None, 2))
    last, outputs, states = K.rnn(lambda x, s: (x + s[0], [x + s[0]]), x, [state])
    assert (last.shape, outputs.shape, states[0].shape) == ((None, 2), (None, 5, 2), (None, 2))
    f = K.function([x, state], [outputs])
    np.testing.assert_allclose(f([SEQUENCE, np.zeros((3, 2))])[0], np.cumsum(SEQUENCE, 1), rtol=1e-5, atol=1e-6)


def test_rnn_says_what_does_not_fit():
    with pytest.raises(ShapeError, match="batch, time"):
        K.rnn(leaky, np.ones(3), [])
    with pytest.raises(ShapeError, match="number of time steps"):
        K.rnn(leaky, K.placeholder((2, None, 2)), [], unroll=True)
    with pytest.raises(ArgumentError, match="returned 2"):
        K.rnn(lambda x, s: (x, [x, x]), SEQUENCE, [np.zeros((3, 2), "float32")])
