"""The loop itself: chunks, streams, custom steps, interruption, memory."""

import gc
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import lamella as keras
from lamella.backend import _jax
from lamella.training import _ahead, _plan
from lamella.training._programs import Chunks

X = np.random.default_rng(0).normal(size=(200, 4)).astype("float32")
Y = (X @ np.array([[1.0], [-2.0], [0.5], [0.0]])).astype("float32")


def make(seed=0, dropout=0.2, optimizer="adam", **settings):
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(8, activation="relu"),
            keras.layers.Dropout(dropout),
            keras.layers.Dense(1),
        ]
    )
    model.compile(optimizer=optimizer, loss="mse", metrics=["mae"], **settings)
    return model


def weights_after(plan=None, callbacks=(), **arguments):
    model = make()
    if plan is not None:
        plan(model)
    history = model.fit(X, Y, batch_size=8, epochs=3, verbose=0, callbacks=list(callbacks), **arguments)
    return model.get_weights(), history.history


@pytest.mark.parametrize("length", [1, 7, 64, 1000])
def test_weights_do_not_depend_on_the_length_of_chunks(monkeypatch, length):
    reference, history = weights_after()
    monkeypatch.setattr(_plan.Plan, "next", lambda self, remaining, step: min(length, remaining))
    mine, mine_history = weights_after()
    for a, b in zip(mine, reference):
        np.testing.assert_array_equal(a, b)
    assert mine_history == history


class EveryStep(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.seen = []

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append((batch, logs["loss"], float(self.model.optimizer.iterations)))


def test_weights_do_not_depend_on_who_listens():
    reference, history = weights_after()
    callback = EveryStep()
    mine, mine_history = weights_after(callbacks=[callback])
    for a, b in zip(mine, reference):
        np.testing.assert_array_equal(a, b)
    assert mine_history == history
    assert [step for step, _, _ in callback.seen] == list(range(25)) * 3
    assert [count for _, _, count in callback.seen] == [float(i) for i in range(1, 76)]


def test_a_listener_that_may_act_sees_every_step_and_says_so_in_the_plan():
    model = make()
    model.fit(X, Y, batch_size=8, verbose=0, callbacks=[EveryStep()])
    assert "EveryStep may act" in model.training_plan()
    model.fit(X, Y, batch_size=8, verbose=0)
    assert "nobody listens" in model.training_plan()


def test_the_first_steps_are_few_and_a_shorter_time_is_believed_at_once():
    plan = _plan.Plan()
    assert plan.next(remaining=1000, step=0) == 2
    plan.finished(2, since=time.perf_counter() - 4)  # the first ones compiled something
    assert plan.next(remaining=1000, step=2) == 1
    plan.finished(2, since=time.perf_counter())
    assert plan.next(remaining=1000, step=4) == 1000


def test_stop_training_is_honoured_at_the_next_step():
    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 4:
                self.model.stop_training = True

    model = make()
    model.fit(X, Y, batch_size=8, epochs=5, verbose=0, callbacks=[Stop()])
    assert int(model.optimizer.iterations) == 5


def test_a_stream_that_was_stopped_has_not_run_out():
    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = batch == 2

    model = make()
    model.fit(batches(), steps_per_epoch=10, epochs=2, verbose=0, callbacks=[Stop()])
    assert int(model.optimizer.iterations) == 3


def test_learning_rate_set_in_a_batch_hook_acts_on_the_next_step():
    class Freeze(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            if batch == 3:
                self.before = self.model.get_weights()
                self.model.optimizer.learning_rate = 0.0

    model = make(optimizer=keras.optimizers.SGD(0.1))
    callback = Freeze()
    model.fit(X, Y, batch_size=8, epochs=1, verbose=0, callbacks=[callback])
    for a, b in zip(model.get_weights(), callback.before):
        np.testing.assert_array_equal(a, b)


def test_the_same_seed_gives_the_same_run_twice_and_another_seed_another():
    a, history = weights_after()
    b, again = weights_after()
    for one, two in zip(a, b):
        np.testing.assert_array_equal(one, two)
    assert history == again
    keras.utils.set_random_seed(5)
    other = make(seed=5)
    assert not np.array_equal(other.get_weights()[0], make(seed=0).get_weights()[0])


def batches(n=25, size=8):
    for i in range(n):
        yield X[i * size : (i + 1) * size], Y[i * size : (i + 1) * size]


class Dataset:
    def __len__(self):
        return 25

    def __getitem__(self, i):
        if i >= 25:
            raise IndexError(i)
        return X[i * 8 : (i + 1) * 8], Y[i * 8 : (i + 1) * 8]


@pytest.mark.parametrize("stream", [lambda: batches(), Dataset, lambda: list(batches())[0:0] or batches(25, 8)])
def test_a_stream_trains_like_the_arrays_it_is_cut_from(stream):
    reference = make()
    reference.fit(X, Y, batch_size=8, shuffle=False, verbose=0)
    model = make()
    history = model.fit(stream(), verbose=0)
    for a, b in zip(model.get_weights(), reference.get_weights()):
        np.testing.assert_array_equal(a, b)
    assert list(history.history) == ["loss", "mae"]
    np.testing.assert_allclose(model.evaluate(stream(), verbose=0), reference.evaluate(X, Y, batch_size=8, verbose=0))
    np.testing.assert_allclose(model.predict(stream(), verbose=0), reference.predict(X, verbose=0), rtol=1e-6)


def test_an_endless_stream_is_cut_by_steps_per_epoch_and_goes_on():
    seen = []

    def endless():
        i = 0
        while True:
            seen.append(i)
            yield X[:8] + i, Y[:8]
            i += 1

    model = make()
    model.fit(endless(), steps_per_epoch=5, epochs=3, verbose=0)
    assert int(model.optimizer.iterations) == 15
    assert seen[:15] == list(range(15))


def test_the_next_batch_is_fetched_while_a_step_computes():
    events = []

    def told():
        for i, batch in enumerate(batches(4)):
            events.append(("fetched", i))
            yield batch

    class Listener(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            events.append(("over", batch))

    make().fit(told(), steps_per_epoch=4, verbose=0, callbacks=[Listener()])
    assert events == [
        ("fetched", 0),
        *(event for i in range(3) for event in (("fetched", i + 1), ("over", i))),
        ("over", 3),
    ]


def test_batches_that_are_slow_to_come_are_not_waited_for_together(monkeypatch):
    lengths = []
    run = Chunks.run
    monkeypatch.setattr(Chunks, "run", lambda self, *a: (lengths.append(a[3] - a[2]), run(self, *a))[1])
    reference = make()
    reference.fit(X, Y, batch_size=8, shuffle=False, verbose=0)
    lengths.clear()
    monkeypatch.setattr(_ahead, "SECONDS", 0.0)
    model = make()
    model.fit(batches(), steps_per_epoch=25, verbose=0)
    assert lengths == [1] * 25
    monkeypatch.setattr(_ahead, "SECONDS", 1e9)
    lengths.clear()
    model.fit(batches(), steps_per_epoch=25, verbose=0)
    assert max(lengths) > 1
    other = make()
    other.fit(batches(), steps_per_epoch=25, epochs=1, verbose=0)
    for a, b in zip(other.get_weights(), reference.get_weights()):
        np.testing.assert_array_equal(a, b)


def test_an_error_of_a_generator_comes_after_the_steps_before_it():
    told = []

    def failing():
        yield from batches(3)
        raise KeyError("no such file")

    class Listener(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            told.append(batch)

    with pytest.raises(KeyError, match="no such file"):
        make().fit(failing(), steps_per_epoch=5, verbose=0, callbacks=[Listener()])
    assert told == [0, 1, 2]


def test_ragged_last_batches_of_a_stream():
    model = make()
    model.fit(((X[i : i + 16], Y[i : i + 16]) for i in range(0, 200, 16)), verbose=0)
    assert int(model.optimizer.iterations) == 13


def test_steps_per_epoch_larger_and_smaller_than_the_data():
    model = make()
    model.fit(X, Y, batch_size=8, steps_per_epoch=10, epochs=2, verbose=0)
    assert int(model.optimizer.iterations) == 20
    model.fit(X, Y, batch_size=8, steps_per_epoch=60, verbose=0)  # there are 25 batches
    assert int(model.optimizer.iterations) == 45


def test_validation_split_takes_the_last_samples():
    model = make(dropout=0.0)
    history = model.fit(X, Y, batch_size=8, validation_split=0.25, verbose=0)
    expected = model.evaluate(X[150:], Y[150:], batch_size=8, verbose=0)
    np.testing.assert_allclose([history.history["val_loss"][0], history.history["val_mae"][0]], expected, rtol=1e-6)


def test_validation_frequency():
    history = make().fit(X, Y, epochs=4, validation_data=(X, Y), validation_freq=2, verbose=0)
    assert len(history.history["val_loss"]) == 2
    assert len(history.history["loss"]) == 4


def test_initial_epoch():
    history = make().fit(X, Y, epochs=5, initial_epoch=3, verbose=0)
    assert history.epoch == [3, 4]


@pytest.mark.parametrize("settings", [{"run_eagerly": True}, {"jit_compile": False}])
def test_eager_steps_give_the_numbers_of_compiled_ones(settings):
    reference = make(dropout=0.0)
    reference.fit(X, Y, batch_size=50, epochs=2, shuffle=False, verbose=0)
    model = make(dropout=0.0, **settings)
    model.fit(X, Y, batch_size=50, epochs=2, shuffle=False, verbose=0)
    for a, b in zip(model.get_weights(), reference.get_weights()):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_an_eager_model_is_not_compiled_and_its_configuration_compiles_again():
    model = make(run_eagerly=True)
    config = model.get_compile_config()
    assert (model.jit_compile, config["run_eagerly"], config["jit_compile"]) == (False, True, False)
    again = make()
    again.compile_from_config(config)
    assert again.run_eagerly
    with pytest.warns(UserWarning, match="run_eagerly"):
        again.compile("sgd", "mse", run_eagerly=True, jit_compile=True)
    assert again.run_eagerly and not again.jit_compile
    again.run_eagerly = False
    assert again.jit_compile


def test_shuffle_by_batches_keeps_batches_together():
    rows = []

    class Model(keras.Model):
        def call(self, x):
            return x

        def train_step(self, data):
            x, _ = data[0], data[1]
            rows.append(np.asarray(x)[:, 0])
            return {"loss": x[0, 0]}

    model = Model()
    model.compile(optimizer=None, run_eagerly=True)
    x = np.arange(40, dtype="float32").reshape(40, 1)
    model.fit(x, x, batch_size=8, shuffle="batch", verbose=0)
    rows = rows[-5:]
    assert all(np.array_equal(r, np.arange(r[0], r[0] + 8)) for r in rows)
    assert sorted(r[0] for r in rows) == [0, 8, 16, 24, 32]


# ---- custom steps -------------------------------------------------------------------------------------


class Plain(keras.Model):
    """Linear regression with a step of its own, in the stateful form."""

    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(1, kernel_initializer="zeros")
        self.tracker = keras.metrics.Mean(name="loss")

    def call(self, x, training=None):
        return self.dense(x)

    def train_step(self, data):
        x, y = data
        loss, gradients = keras.value_and_grad(lambda: keras.ops.mean((self(x) - y) ** 2), self.trainable_variables)()
        self.optimizer.apply(gradients, self.trainable_variables)
        self.tracker.update_state(loss)
        return {"loss": self.tracker.result()}


class Pure(Plain):
    """The same, in the stateless form, as Keras's JAX backend has it."""

    def train_step(self, state, data):
        import jax

        trainable, non_trainable, optimizer, metrics = state
        x, y = data

        def loss_fn(trainable):
            y_pred, new = self.stateless_call(trainable, non_trainable, x, training=True)
            return keras.ops.mean((y_pred - y) ** 2), new

        (loss, non_trainable), gradients = jax.value_and_grad(loss_fn, has_aux=True)(trainable)
        trainable, optimizer = self.optimizer.stateless_apply(optimizer, gradients, trainable)
        metrics = self.tracker.stateless_update_state(metrics[-2:], loss)
        return {"loss": self.tracker.stateless_result(metrics)}, (
            trainable,
            non_trainable,
            optimizer,
            [*state[3][:-2], *metrics],
        )


def test_both_forms_of_a_custom_step_agree_and_run_in_chunks():
    results = []
    for cls in (Plain, Pure):
        keras.utils.set_random_seed(0)
        model = cls()
        model.compile(optimizer=keras.optimizers.SGD(0.1))
        history = model.fit(X, Y, batch_size=10, epochs=3, shuffle=False, verbose=0)
        assert history.history["loss"][-1] < 0.5 * history.history["loss"][0]
        assert "nobody listens" in model.training_plan()
        results.append(model.get_weights())
    for a, b in zip(*results):
        np.testing.assert_allclose(a, b, rtol=1e-5)


def test_super_train_step_in_both_forms():
    class Doubled(keras.Sequential):
        def train_step(self, data):
            logs = super().train_step(data)
            return {**logs, "more": {"twice": 2 * logs["loss"]}}  # as a metric of several values has it

    class DoubledPure(keras.Sequential):
        def train_step(self, state, data):
            logs, state = super().train_step(state, data)
            return {**logs, "more": {"twice": 2 * logs["loss"]}}, state

    weights = []
    for cls in (Doubled, DoubledPure):
        keras.utils.set_random_seed(1)
        model = cls([keras.Input((4,)), keras.layers.Dense(1)])
        model.compile(optimizer="sgd", loss="mse")
        history = model.fit(X, Y, batch_size=20, shuffle=False, verbose=0).history
        np.testing.assert_allclose(history["twice"][0], 2 * history["loss"][0], rtol=1e-6)
        weights.append(model.get_weights())
        model.compile(optimizer="sgd", loss="mse", run_eagerly=True)
        assert set(model.train_on_batch(X, Y, return_dict=True)) == {"loss", "twice"}
    for a, b in zip(*weights):
        np.testing.assert_array_equal(a, b)


def test_compute_loss_and_compute_metrics_may_be_overridden():
    class Model(keras.Sequential):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None):
            return keras.ops.mean(keras.ops.abs(y - y_pred))

        def compute_metrics(self, x, y, y_pred, sample_weight=None):
            return {**super().compute_metrics(x, y, y_pred, sample_weight), "largest": keras.ops.max(y_pred)}

    model = Model([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile(optimizer="adam", metrics=["mae"])
    logs = model.fit(X, Y, verbose=0).history
    assert set(logs) == {"loss", "mae", "largest"}
    result = model.evaluate(X, Y, batch_size=200, verbose=0, return_dict=True)
    np.testing.assert_allclose(result["loss"], result["mae"], rtol=1e-6)
    np.testing.assert_allclose(result["largest"], model.predict(X, verbose=0).max(), rtol=1e-6)


def test_a_step_that_changes_a_variable_of_nobody_is_an_error():
    stray = keras.Variable(0.0, name="stray")

    class Model(Plain):
        def train_step(self, data):
            stray.assign_add(1.0)
            return super().train_step(data)

    model = Model()
    model.compile(optimizer="sgd")
    with pytest.raises(ValueError, match="stray"):
        model.fit(X, Y, verbose=0)


def test_optimizers_held_by_the_model_are_part_of_the_state():
    class Model(keras.Model):
        def __init__(self):
            super().__init__()
            self.a = keras.layers.Dense(1)
            self.mine = keras.optimizers.Adam(0.01)  # its slots are made inside the first step

        def call(self, x):
            return self.a(x)

        def train_step(self, data):
            x, y = data
            loss, gradients = keras.value_and_grad(
                lambda: keras.ops.mean((self(x) - y) ** 2), self.a.trainable_variables
            )()
            self.mine.apply(gradients, self.a.trainable_variables)
            return {"loss": loss}

    model = Model()
    model.compile(optimizer=None)
    model.fit(X, Y, batch_size=20, epochs=2, verbose=0)
    assert int(model.mine.iterations) == 20


# ---- the layers' own losses and metrics ----------------------------------------------------------------


def test_add_loss_and_metrics_made_in_call():
    class Penalty(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.mean = keras.metrics.Mean(name="activation")

        def call(self, x):
            self.add_loss(0.1 * keras.ops.mean(x**2))
            self.mean.update_state(keras.ops.mean(x))
            return x

    model = keras.Sequential([keras.Input((4,)), Penalty(), keras.layers.Dense(1, kernel_initializer="zeros")])
    model.compile(optimizer="sgd", loss="mse")
    result = model.evaluate(X, Y, batch_size=200, verbose=0, return_dict=True)
    np.testing.assert_allclose(result["loss"], np.mean(Y**2) + 0.1 * np.mean(X**2), rtol=1e-5)
    np.testing.assert_allclose(result["activation"], X.mean(), rtol=1e-4, atol=1e-6)
    history = model.fit(X, Y, verbose=0).history
    assert set(history) == {"loss", "activation"}


# ---- interruption, NaN ----------------------------------------------------------------------------------


def test_ctrl_c_leaves_the_model_usable():
    model = make()
    main = threading.main_thread().ident

    class Interrupt(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 1:
                signal.pthread_kill(main, signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a test run in the background ignores it
    try:
        with pytest.raises(KeyboardInterrupt):
            model.fit(X, Y, batch_size=8, epochs=50, verbose=0, callbacks=[Interrupt()])
    finally:
        signal.signal(signal.SIGINT, before)
    assert len(model.history.history["loss"]) >= 1
    assert all(np.isfinite(w).all() for w in model.get_weights())
    model.fit(X, Y, batch_size=8, verbose=0)
    assert np.isfinite(model.evaluate(X, Y, verbose=0)).all()


def test_terminate_on_nan_tells_step_and_layer_and_keeps_the_weights_before():
    x = X.copy()
    x[100:] = np.nan  # batch 12 (from 0) of 8 is half bad
    model = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(4, name="first"), keras.layers.Dense(1, name="second")]
    )
    model.compile(optimizer="sgd", loss="mse")
    guard = keras.callbacks.TerminateOnNaN()
    with pytest.warns(UserWarning, match="not finite"):
        model.fit(x, Y, batch_size=8, shuffle=False, epochs=3, verbose=0, callbacks=[guard])
    assert (guard.step, guard.layer) == (12, "first")
    assert int(model.optimizer.iterations) == 12
    assert all(np.isfinite(w).all() for w in model.get_weights())


def test_terminate_on_nan_can_raise():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile(optimizer=keras.optimizers.SGD(1e30), loss="mse")
    with pytest.raises(RuntimeError, match="NaN or Inf loss"):
        model.fit(X, Y, batch_size=8, epochs=3, verbose=0, callbacks=[keras.callbacks.TerminateOnNaN(raise_error=True)])


# ---- programs -------------------------------------------------------------------------------------------


def test_building_the_same_model_again_compiles_nothing():
    make().fit(X, Y, batch_size=8, verbose=0)
    before = _jax.compilations
    for _ in range(3):
        make().fit(X, Y, batch_size=8, verbose=0)
    assert _jax.compilations == before


MANY = """
import gc, resource, numpy as np, lamella as keras
x = np.random.rand(64, 4).astype("float32"); y = x[:, :1]
def rss():
    gc.collect()
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()
for i in range(60):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8, activation="relu"), keras.layers.Dense(1)])
    model.compile(optimizer="adam", loss="mse")
    model.fit(x, y, batch_size=16, verbose=0)
    if i == 9: start = rss()
print((rss() - start) / 2**20)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_many_small_models_do_not_pile_up_memory():
    out = subprocess.run([sys.executable, "-c", MANY], capture_output=True, text=True, check=True)
    assert float(out.stdout) < 20


def test_models_are_freed():
    import weakref

    model = make()
    model.fit(X, Y, verbose=0)
    reference = weakref.ref(model)
    del model
    gc.collect()
    assert reference() is None
