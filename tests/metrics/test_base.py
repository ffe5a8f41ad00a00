"""What every metric inherits: variables, names, stateless use, other metrics inside."""

import jax
import numpy as np
import pytest
from beside_keras import beside_keras

import lamella
from lamella import metrics
from lamella.errors import ArgumentError

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation")  # by Keras's variables


@beside_keras
def test_facts(keras):
    m = keras.metrics.Mean()
    v = m.total
    return [
        m.name, m.dtype, m.get_config(), [v.path for v in m.variables], repr(m),
        v.trainable, v.aggregation, v.shape, v.dtype, m.result(), m.update_state([1.0, 2.0]), m.reset_state(),
    ]  # fmt: skip


@beside_keras
def test_variables_of_an_own_metric(keras):
    m = keras.metrics.Metric(name="foo", dtype="float16")
    a = m.add_variable((), "zeros", name="a")
    b = m.add_weight((2,), "ones", dtype="int32", name="b")
    c = m.add_variable(shape=(2, 3), initializer=keras.initializers.Constant(2.0), name="c")
    before = [a, b, c]
    m.reset_state()
    return [before, [(v.path, v.dtype, v.aggregation) for v in m.variables], a, b, c]


@beside_keras
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "mixed_float16", "float32", None])
def test_dtypes(keras, dtype):
    m = keras.metrics.Mean(dtype=dtype)
    return [m.dtype, [v.dtype for v in m.variables], m.get_config(), m([1.0, 2.5])]


@beside_keras
def test_names(keras):
    class MyOwnAUC(keras.metrics.Metric):
        pass

    return [MyOwnAUC().name, MyOwnAUC().name, keras.metrics.Metric().name, keras.metrics.Mean(name="a/b").total.path]


@beside_keras
def test_base_has_no_contract_of_its_own(keras):
    return keras.metrics.Metric().result()


@beside_keras
def test_base_cannot_update(keras):
    return keras.metrics.Metric().update_state(1)


def outer(keras):
    class Outer(keras.metrics.Metric):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.mean = keras.metrics.Mean(name="inner")
            self.steps = self.add_variable((), "zeros", name="steps")
            self.more = [keras.metrics.Sum(), {"k": keras.metrics.Mean()}]

        def update_state(self, x):
            self.mean.update_state(x)
            self.more[0].update_state(x)
            self.steps.assign_add(1.0)

        def result(self):
            return {"mean": self.mean.result(), "sum": self.more[0].result(), "steps": self.steps.value}

    return Outer()


@beside_keras
def test_metrics_inside_a_metric(keras):
    m = outer(keras)
    first = m([1.0, 2.0])
    paths = sorted(v.path for v in m.variables[:4])
    values = m.stateless_update_state([v.value for v in m.variables], [3.0])
    again = m.stateless_result(values)
    m.reset_state()
    return [first, paths, again, m.result(), len(values)]


@beside_keras
@pytest.mark.parametrize("count", [0, 1, 3])
def test_wrong_number_of_variables(keras, count):
    return keras.metrics.Mean().stateless_update_state([1.0] * count, [1.0])


@beside_keras
def test_stateless_results(keras):
    m = keras.metrics.Mean()
    values = m.stateless_update_state([4.0, 2.0], np.array([6.0]), sample_weight=np.array([2.0]))
    return [values, m.stateless_result(values), m.stateless_reset_state(), m.total, m.count]


@beside_keras
def test_held_by_a_layer(keras):
    class Watched(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.seen = keras.metrics.Mean(name="seen")

        def call(self, x):
            self.seen.update_state(x)
            return x

    layer = Watched()
    layer(np.array([[1.0, 2.0]], "float32"))
    return [[v.path for v in layer.variables], len(layer.trainable_variables), layer.seen.result()]


def test_a_forgotten_init_is_told():
    class Forgetful(metrics.Metric):
        def __init__(self):
            pass

        def update_state(self, x):
            pass

    with pytest.raises(RuntimeError, match="super"):
        Forgetful()(1)
    with pytest.raises(RuntimeError, match="super"):
        Forgetful().add_variable((), "zeros")


def test_the_missing_variables_are_named():
    with pytest.raises(ArgumentError, match="total, count"):
        metrics.Mean(name="m").stateless_result([1.0])


def test_nested_reset_keeps_each_ones_own():
    class FromOne(metrics.Metric):
        def __init__(self):
            super().__init__()
            self.x = self.add_variable((), "ones", name="x")

        def reset_state(self):
            self.x.assign(1.0)

    class Around(metrics.Metric):
        def __init__(self):
            super().__init__()
            self.inner = FromOne()
            self.inner.x.assign(5.0)
            self.y = self.add_variable((), "ones", name="y")

    around = Around()
    around.reset_state()
    assert (float(around.inner.x), float(around.y)) == (1.0, 0.0)


def test_variables_given_as_attributes_count():
    class Bare(metrics.Metric):
        def __init__(self):
            super().__init__()
            self.state = lamella.Variable(np.zeros(3))

    assert [v.shape for v in Bare().variables] == [(3,)]


def test_stateless_use_traces_once():
    traces = []

    class Counted(metrics.Mean):
        def update_state(self, values, sample_weight=None):
            traces.append(1)
            super().update_state(values, sample_weight)

    metric = Counted()
    update = jax.jit(metric.stateless_update_state)
    values = metric.stateless_reset_state()
    for i in range(3):
        values = update(values, np.full(4, i, "float32"))
    assert len(traces) == 1
    assert float(metric.stateless_result(values)) == 1.0


def test_a_metric_in_a_loop_of_a_program():
    metric = metrics.SparseCategoricalAccuracy()
    labels = np.arange(20).reshape(5, 4) % 3
    scores = np.eye(3, dtype="float32")[labels]

    def step(values, batch):
        return metric.stateless_update_state(values, *batch), None

    values, _ = jax.lax.scan(step, metric.stateless_reset_state(), (labels, scores))
    assert [float(v) for v in values] == [20.0, 20.0]


def test_mixed_precision_around_a_metric_leaves_its_counts_alone():
    class Watched(lamella.layers.Layer):
        def __init__(self):
            super().__init__(dtype="mixed_float16")
            self.seen = metrics.Sum()

        def call(self, x):
            self.seen.update_state(4096.0 * lamella.ops.ones((1,)))
            self.seen.update_state(1.0)
            return x * self.seen.result()

    layer = Watched()
    layer(np.zeros((1, 1), "float32"))
    assert float(layer.seen.result()) == 4097.0
