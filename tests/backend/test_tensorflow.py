"""What is special on TensorFlow: its variables, tapes and graphs, in the user's hands."""

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow", reason="tensorflow is not installed: make test-backends installs it")

import lamella  # noqa: E402
from lamella import layers, ops  # noqa: E402
from lamella.backend import _registry  # noqa: E402

pytestmark = [
    pytest.mark.backends,
    pytest.mark.filterwarnings("ignore::DeprecationWarning:tensorflow"),
]


@pytest.fixture(autouse=True)
def tensorflow():
    with lamella.backend.use("tensorflow") as adapter:
        yield adapter


def rng():
    return np.random.default_rng(3)


def data(rows=24):
    return rng().normal(size=(rows, 5)).astype("float32"), rng().integers(0, 3, rows)


def model():
    lamella.utils.set_random_seed(1)
    return lamella.Sequential([lamella.Input((5,)), layers.Dense(6, activation="relu"), layers.Dense(3)])


LOSS = lamella.losses.SparseCategoricalCrossentropy(from_logits=True)


def values(net):
    return [np.array(v.numpy()) for v in net.variables]


# ---- tensors -------------------------------------------------------------------------------------------


def test_a_tensor_picks_its_library_whatever_is_active():
    with lamella.backend.use("jax"):
        out = ops.softmax(tf.constant([1.0, 1.0]))
        variable = ops.add(tf.Variable([1.0]), 1)
    assert isinstance(out, tf.Tensor) and isinstance(variable, tf.Tensor)
    np.testing.assert_array_equal(out.numpy(), [0.5, 0.5])


def test_sparse_ragged_and_slices_become_dense():
    sparse = tf.sparse.from_dense([[1.0, 0.0], [0.0, 2.0]])
    ragged = tf.ragged.constant([[1.0, 2.0], [3.0]])
    slices = tf.IndexedSlices(tf.constant([[1.0]]), tf.constant([1]), tf.constant([2, 1]))
    assert ops.convert_to_tensor(sparse).numpy().tolist() == [[1, 0], [0, 2]]
    assert ops.convert_to_tensor(ragged).numpy().tolist() == [[1, 2], [3, 0]]
    assert ops.convert_to_tensor(slices).numpy().tolist() == [[0], [1]]


def test_values_of_a_program_being_traced_are_not_to_be_had(tensorflow):
    @tf.function
    def program(x):
        with pytest.raises(TypeError, match="being traced"):
            tensorflow.to_numpy(x)
        return x

    program(tf.ones(2))


# ---- variables -----------------------------------------------------------------------------------------


def test_a_variable_keeps_a_tf_variable_through_assignments():
    variable = lamella.Variable([1.0, 2.0])
    held = variable.value
    assert isinstance(held, tf.Variable)
    variable.assign_add([1.0, 1.0])
    assert variable.value is held
    assert held.numpy().tolist() == [2, 3]


def test_tensorflow_functions_take_variables():
    kernel = lamella.Variable(np.eye(2, dtype="float32"))
    assert tf.matmul(tf.ones((1, 2)), kernel).numpy().tolist() == [[1, 1]]
    assert tf.convert_to_tensor(kernel).shape == (2, 2)


def test_the_twin_of_a_variable_is_another():
    import copy

    first = lamella.Variable([1.0])
    second = copy.deepcopy(first)
    second.assign([5.0])
    assert first.numpy().tolist() == [1]


@pytest.mark.parametrize("sources", [lambda vs: vs, lambda vs: [v.value for v in vs]], ids=["variables", "values"])
def test_tapes_differentiate_with_respect_to_the_variables_of_a_model(sources):
    net, (x, y) = model(), data()
    with tf.GradientTape() as tape:
        loss = LOSS(y, net(x, training=True))
    grads = tape.gradient(loss, sources(net.trainable_variables))
    expected = lamella.value_and_grad(lambda: LOSS(y, net(x, training=True)), net.trainable_variables)()[1]
    for g, e in zip(grads, expected, strict=True):
        np.testing.assert_allclose(g.numpy(), e.numpy(), rtol=1e-5, atol=1e-7)


def test_embeddings_have_dense_gradients():
    table = layers.Embedding(5, 2)
    table.build((None,))
    _, (grad,) = lamella.value_and_grad(lambda: ops.sum(table(np.array([1, 1, 3]))), table.trainable_variables)()
    assert isinstance(grad, tf.Tensor)
    assert grad.numpy()[:, 0].tolist() == [0, 2, 0, 1, 0]


# ---- loops of one's own --------------------------------------------------------------------------------


def trained(compiled, optimizer, epochs=2):
    net, (x, y) = model(), data()
    net.append_metric = lamella.metrics.SparseCategoricalAccuracy()

    def step(x, y):
        with tf.GradientTape() as tape:
            logits = net(x, training=True)
            loss = LOSS(y, logits)
        grads = tape.gradient(loss, net.trainable_variables)
        optimizer.apply_gradients(zip(grads, net.trainable_variables))
        net.append_metric.update_state(y, logits)
        return loss

    step = tf.function(step) if compiled else step
    batches = tf.data.Dataset.from_tensor_slices((x, y)).batch(8)
    for _ in range(epochs):
        for batch in batches:
            step(*batch)
    return values(net), float(net.append_metric.result()), int(optimizer.iterations.numpy())


@pytest.mark.parametrize("name", ["adam", "loss scale"])
def test_a_compiled_loop_of_ones_own_computes_what_the_eager_one_does(name):
    def optimizer():
        adam = lamella.optimizers.Adam(0.01)
        return adam if name == "adam" else lamella.optimizers.LossScaleOptimizer(adam, initial_scale=4.0)

    eager, accuracy, steps = trained(False, optimizer())
    graph, graph_accuracy, graph_steps = trained(True, optimizer())
    assert steps == graph_steps == 6 and accuracy == pytest.approx(graph_accuracy)
    for a, b in zip(eager, graph, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_a_loop_of_ones_own_computes_what_fit_does():
    by_hand, *_ = trained(True, lamella.optimizers.Adam(0.01), epochs=1)
    net, (x, y) = model(), data()
    net.compile(lamella.optimizers.Adam(0.01), LOSS)
    net.fit(x, y, batch_size=8, epochs=1, shuffle=False, verbose=0)
    for a, b in zip(values(net), by_hand):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_a_model_may_be_built_by_its_first_call_inside_a_tf_function():
    net = lamella.Sequential([layers.Dense(4), layers.Dense(1)])
    program = tf.function(lambda x: net(x))
    out = program(tf.ones((2, 3)))
    np.testing.assert_allclose(out.numpy(), net(tf.ones((2, 3))).numpy(), rtol=1e-6)
    assert len(net.weights) == 4


def test_draws_differ_from_call_to_call_of_a_tf_function():
    drop = layers.Dropout(0.5, seed=1)
    program = tf.function(lambda x: drop(x, training=True))
    first, second = (program(tf.ones(64)).numpy() for _ in range(2))
    assert (first != second).any()
    assert set(np.unique(first)) == {0, 2}


def test_a_draw_without_a_seed_is_refused_inside_a_tf_function():
    with pytest.raises(lamella.errors.ArgumentError, match="SeedGenerator"):
        tf.function(lambda: lamella.random.uniform((2,)), autograph=False)()


def test_autograph_leaves_lamella_as_it_is(caplog):
    net = model()

    @tf.function
    def program(x):
        if tf.reduce_sum(x) > 0:  # what AutoGraph is for
            x = -x
        return net(x)

    out = program(tf.ones((1, 5)))
    np.testing.assert_allclose(out.numpy(), net(-np.ones((1, 5), "float32")).numpy(), rtol=1e-5, atol=1e-6)
    assert "AutoGraph" not in caplog.text


# ---- layers and steps that speak TensorFlow ------------------------------------------------------------


class Squeeze(layers.Layer):
    """Its call is all TensorFlow's."""

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], 2), initializer="ones")

    def call(self, x):
        return tf.nn.relu(tf.matmul(x, self.kernel))


def test_a_layer_may_call_tensorflow_and_be_trained():
    net = lamella.Sequential([Squeeze(), layers.Dense(3)])
    x, y = data()
    net(x)
    before = values(net)
    net.compile("sgd", LOSS)
    net.fit(x, y, batch_size=8, epochs=1, verbose=0)
    assert all((a != b).any() for a, b in zip(before, values(net)) if a.ndim == 2)


class OwnStep(lamella.Model):
    """Keras's recipe of a `train_step` with a tape."""

    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(3)
        self.mean = lamella.metrics.Mean(name="loss")

    def call(self, x):
        return self.dense(x)

    def train_step(self, data):
        x, y, _ = lamella.utils.unpack_x_y_sample_weight(data)
        with tf.GradientTape() as tape:
            loss = LOSS(y, self(x, training=True))
        watched = self.trainable_variables
        self.optimizer.apply(tape.gradient(loss, watched), watched)
        self.mean.update_state(loss)
        return {"loss": self.mean.result()}


@pytest.mark.parametrize("eager", [False, True], ids=["compiled", "eager"])
def test_a_train_step_with_a_tape_is_taken(eager):
    net, (x, y) = OwnStep(), data()
    net(x)
    before = values(net)
    net.compile("sgd", run_eagerly=eager)
    history = net.fit(x, y, batch_size=8, epochs=2, verbose=0)
    assert history.history["loss"][1] < history.history["loss"][0]
    assert (values(net)[0] != before[0]).any()


# ---- windows -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(2, 7, 2), (2, 5, 6, 2), (1, 4, 5, 4, 2)])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_pooling_and_its_gradient_at_ties_are_those_of_jax(shape, data_format):
    x = np.round(rng().normal(size=shape)).astype("float32")
    x = x if data_format == "channels_last" else np.moveaxis(x, -1, 1)

    def pooled(backend):
        with lamella.backend.use(backend) as adapter:

            def total(p):
                return ops.sum(ops.sin(ops.max_pool(p[0], 2, 2, "same", data_format)))

            value, (grad,) = adapter.value_and_grad(total)([adapter.asarray(x)])
            return float(value), np.asarray(adapter.to_numpy(grad))

    for a, b in zip(pooled("tensorflow"), pooled("jax"), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


# ---- factorisations, whose signs and orders are TensorFlow's own ---------------------------------------


def test_factorisations_multiply_to_what_they_are_of():
    x = rng().normal(size=(2, 3, 4)).astype("float32")
    for full in (True, False):
        u, s, v = (part.numpy() for part in ops.linalg.svd(x, full_matrices=full))
        np.testing.assert_allclose(u[..., :3] * s[:, None] @ v[:, :3], x, atol=1e-5)
        np.testing.assert_allclose(s, np.linalg.svd(x, compute_uv=False), rtol=1e-5)
        np.testing.assert_allclose(
            v @ v.swapaxes(1, 2), np.broadcast_to(np.eye(v.shape[1]), (2, *v.shape[1:2] * 2)), atol=1e-5
        )
    square = x[..., :3]
    symmetric = square + square.swapaxes(1, 2)
    values, vectors = (part.numpy() for part in ops.linalg.eigh(symmetric))
    np.testing.assert_allclose(symmetric @ vectors, vectors * values[:, None], atol=1e-5)
    np.testing.assert_allclose(values, np.linalg.eigvalsh(symmetric), rtol=1e-4, atol=1e-5)
    values, vectors = (part.numpy() for part in ops.linalg.eig(square))
    np.testing.assert_allclose(square @ vectors, vectors * values[:, None], atol=1e-5)


# ---- programs ------------------------------------------------------------------------------------------


def test_rematerialised_functions_have_gradients_of_what_they_close_over():
    for compiled in (False, True):
        kernel = tf.constant([[2.0, 1.0], [0.5, 3.0]])
        x = tf.constant([[1.0, 2.0]])

        def gradients(x, kernel, again):
            with tf.GradientTape() as tape:
                tape.watch([x, kernel])
                fn = lambda x: tf.sin(tf.matmul(x, kernel))  # noqa: E731
                fn = _registry.active().remat(fn) if again else fn
                out = tf.reduce_sum(fn(x) ** 2)
            return tape.gradient(out, [x, kernel])

        run = tf.function(gradients) if compiled else gradients
        for a, b in zip(run(x, kernel, True), run(x, kernel, False), strict=True):
            np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-6)


def test_rematerialised_layers_have_gradients_of_their_variables():
    def gradients(mode):
        lamella.utils.set_random_seed(1)
        with lamella.RematScope(mode):
            net = lamella.Sequential([lamella.Input((5,)), layers.Dense(4, activation="tanh"), layers.Dense(3)])
        x, y = data()
        return lamella.value_and_grad(lambda: LOSS(y, net(x)), net.trainable_variables)()[1]

    for a, b in zip(gradients("full"), gradients(None), strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-5, atol=1e-7)


def test_a_program_holds_a_loop_with_gradients_through_a_scan(tensorflow):
    def total(x):
        carry, ys = ops.scan(lambda c, v: (ops.tanh(c + v), c * v), ops.zeros(()), x)
        return carry + ops.sum(ys)

    x = np.linspace(-1, 1, 5).astype("float32")
    eager = tensorflow.value_and_grad(lambda p: total(p[0]))([x])
    graph = tensorflow.compile(lambda x: tensorflow.value_and_grad(lambda p: total(p[0]))([x]))(x)
    np.testing.assert_allclose(eager[0], graph[0], rtol=1e-6)
    np.testing.assert_allclose(eager[1][0], graph[1][0], rtol=1e-5)


def test_choices_and_loops_of_a_program(tensorflow):
    def program(n):
        doubled = ops.cond(n > 2, lambda: n * 2, lambda: n)
        chosen = ops.switch(n, [lambda: 10, lambda: 20])
        power = ops.while_loop(lambda p: p < 100, lambda p: p * n, 1)
        total = ops.fori_loop(0, n, lambda i, t: t + i, 0)
        return doubled, chosen, power, total

    run = tensorflow.compile(program)
    assert [int(v) for v in run(np.int32(3))] == [6, 20, 243, 3]
    assert [int(v) for v in run(np.int32(2))] == [2, 20, 128, 1]


@pytest.mark.parametrize(
    "body, match", [(lambda s: (s, s), "one structure"), (lambda s: s[:1], "shapes"), (lambda s: s * 1.5, "dtypes")]
)
def test_a_loop_that_changes_what_it_carries_is_refused(tensorflow, body, match):
    start = tensorflow.asarray([1, 2])
    run = tensorflow.compile(lambda x: tensorflow.while_loop(lambda s: ops.sum(s) < 5, body, x))
    with pytest.raises((TypeError, ValueError), match=match):
        run(start) if match != "dtypes" else tensorflow.compile(
            lambda x: tensorflow.while_loop(lambda s: ops.sum(s) < 5, lambda s: ops.cast(s, "float32"), x)
        )(start)


def test_portable_draws_are_the_same_inside_a_program(tensorflow):
    key = np.array([1, 2], "uint32")
    draw = tensorflow.portable_random().normal
    inside = tensorflow.compile(lambda k: draw(k, (4,), "float32"))(key)
    np.testing.assert_array_equal(inside.numpy(), draw(key, (4,), "float32").numpy())


def test_two_arguments_that_are_one_array_have_gradients_of_their_own(tensorflow):
    x = tf.constant(3.0)
    _, grads = tensorflow.value_and_grad(lambda p: p[0] * p[0] * p[1])([x, x])
    assert [float(g) for g in grads] == [18, 9]
