"""Steps that are recorded and replayed on torch do what they did, bit for bit; what cannot be recorded runs as it is."""

import numpy as np
import pytest
from backends import installed, why_not

import lamella
from lamella import layers, optimizers

if not installed("torch"):
    pytest.skip(why_not("torch"), allow_module_level=True)

import torch

from lamella.backend import _torch_replay
from lamella.backend._torch_recording import NotRecordable, Traced, opaque, record
from lamella.backend._torch_source import Program

pytestmark = pytest.mark.backends

RNG = np.random.default_rng(0)
LABELS = RNG.integers(0, 3, 44)
FLAT = RNG.normal(size=(44, 6)).astype("float32")
IMAGES = RNG.normal(size=(44, 6, 6, 2)).astype("float32")
WORDS = RNG.integers(0, 10, (44, 5))


@pytest.fixture(autouse=True)
def use_torch():
    with lamella.backend.use("torch"):
        yield


def dense():
    return lamella.Sequential([lamella.Input((6,)), layers.Dense(8, activation="relu"), layers.Dense(3)])


def half():
    layer = layers.Dense(8, activation="relu", dtype="mixed_float16")
    return lamella.Sequential([lamella.Input((6,)), layer, layers.Dense(3)])


def convolutional():
    return lamella.Sequential(
        [
            lamella.Input((6, 6, 2)),
            layers.RandomFlip(),
            layers.Conv2D(4, 3, padding="same", activation="relu"),
            layers.BatchNormalization(),
            layers.Dropout(0.4),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(3, kernel_regularizer="l2", kernel_constraint="max_norm"),
        ]
    )


def recurrent():
    words = layers.Embedding(10, 4, mask_zero=True)
    return lamella.Sequential([lamella.Input((5,), dtype="int32"), words, layers.LSTM(5, dropout=0.2), layers.Dense(3)])


class Own(lamella.Model):
    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(3)
        self.steps_in_python = 0

    def call(self, x):
        return self.dense(x)

    def train_step(self, data):
        self.steps_in_python += 1
        x, y = data[:2]
        variables = self.trainable_variables
        loss, grads = lamella.value_and_grad(lambda: self.compute_loss(x, y, self(x, training=True)), variables)()
        self.optimizer.apply(grads, variables)
        return {"loss": loss}


CASES = {
    "dense": (dense, FLAT, optimizers.Adam(optimizers.schedules.CosineDecay(0.01, 20), global_clipnorm=0.5), {}),
    "weighted": (
        dense,
        FLAT,
        optimizers.AdamW(use_ema=True, ema_overwrite_frequency=3),
        {"class_weight": {0: 1, 1: 2, 2: 0.5}},
    ),
    "accumulated": (dense, FLAT, optimizers.Adam(gradient_accumulation_steps=2), {}),
    "convolutional": (convolutional, IMAGES, optimizers.SGD(0.1, momentum=0.9, nesterov=True), {}),
    "recurrent": (recurrent, WORDS, optimizers.RMSprop(), {}),
    "half": (half, FLAT, optimizers.LossScaleOptimizer(optimizers.Adam(), dynamic_growth_steps=3), {}),
    "own": (Own, FLAT, optimizers.Adam(), {}),
}


def trained(name, monkeypatch, calls, jit_compile: bool | str = True, epochs=4):
    """A model after `fit`, what it logged and scored, and how many programs its steps were recorded as."""
    monkeypatch.setattr(_torch_replay, "_AS_IT_IS", calls)
    make, x, optimizer, kwargs = CASES[name]
    lamella.utils.set_random_seed(5)
    model = make()
    loss = lamella.losses.SparseCategoricalCrossentropy(from_logits=True)
    metrics = None if name == "own" else ["accuracy"]
    model.compile(type(optimizer).from_config(optimizer.get_config()), loss, metrics=metrics, jit_compile=jit_compile)
    history = model.fit(x, LABELS, epochs=epochs, batch_size=8, verbose=0, **kwargs).history
    scores = model.evaluate(x, LABELS, batch_size=8, verbose=0, return_dict=True)
    programs = sum(len(chunks._step._programs) for chunks in model._programs.values())
    return model, {**history, **scores}, programs


@pytest.mark.parametrize("name", CASES)
def test_a_recorded_step_computes_bit_for_bit_what_the_step_does(name, monkeypatch):
    model, told, programs = trained(name, monkeypatch, calls=2)
    plain, expected, none = trained(name, monkeypatch, calls=10**9)
    assert programs >= 2  # of training and of evaluation
    assert none == 0
    assert told == expected
    for got, wanted in zip(model.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_array_equal(got, wanted)
    for got, wanted in zip(model.optimizer.variables, plain.optimizer.variables, strict=True):
        np.testing.assert_array_equal(got.numpy(), wanted.numpy())
    assert "unrecorded" not in model.training_plan()


def test_code_that_is_not_known_runs_every_step_unless_compilation_is_asked_for(monkeypatch):
    model, _, programs = trained("own", monkeypatch, calls=2, jit_compile="auto")
    assert programs == 0
    assert model.steps_in_python >= 4 * 6
    assert "unrecorded: model 'own" in model.training_plan()
    assert "code of its own, Own of" in model.training_plan()
    asked, _, programs = trained("own", monkeypatch, calls=2)
    assert programs > 0
    assert asked.steps_in_python < 4 * 6


def test_known_layers_are_recorded_without_being_asked_and_a_function_of_the_users_is_not(monkeypatch):
    assert trained("dense", monkeypatch, calls=2, jit_compile="auto")[2] >= 2
    rate = optimizers.Adam(lambda: 0.01)
    model = dense()
    model.compile(rate, "sparse_categorical_crossentropy")
    model.fit(FLAT, LABELS, epochs=4, batch_size=8, verbose=0)
    assert "<lambda>" in model.training_plan()


def test_arrays_that_were_taken_from_a_variable_stay_as_they_were(monkeypatch):
    model = trained("weighted", monkeypatch, calls=2)[0]
    kernel = model.layers[0].kernel
    held, before = kernel.value, kernel.numpy()
    model.fit(FLAT, LABELS, epochs=1, batch_size=8, verbose=0)
    np.testing.assert_array_equal(held.detach().numpy(), before)
    assert not np.array_equal(kernel.numpy(), before)


def test_a_batch_that_a_kernel_refuses_is_computed_as_before(monkeypatch):
    labels = LABELS.copy()
    losses = []
    for calls in (2, 10**9):
        monkeypatch.setattr(_torch_replay, "_AS_IT_IS", calls)
        lamella.utils.set_random_seed(0)
        model = dense()
        model.compile("adam", lamella.losses.SparseCategoricalCrossentropy(from_logits=True))
        losses.append([model.train_on_batch(FLAT[:8], labels[:8]) for _ in range(4)])
        losses[-1].append(model.train_on_batch(FLAT[:8], np.array([0, 1, 2, 0, 1, 2, 0, 7])))
    np.testing.assert_array_equal(*losses)


def replayed(fn, state, other):
    recording, result = record(fn, (state, other))
    program = Program(recording, len(state))
    return result, lambda state, other: program.structured(*program.run(program.owned(state), [other]))


def test_a_replay_computes_with_the_arguments_that_it_is_given():
    def fn(state, x):
        made = torch.zeros_like(x)
        made[1:] = x[:-1] * 2  # written to, and made in it
        return {"sum": made.sum()}, [state[0] + made, state[1]]

    first = [torch.ones(3), torch.arange(3.0)]
    (logs, state), again = replayed(fn, first, torch.tensor([1.0, 2.0, 3.0]))
    assert logs["sum"].item() == 6
    logs, state = again(state, torch.tensor([4.0, 5.0, 6.0]))
    assert logs["sum"].item() == 18
    assert [x.tolist() for x in state] == [[1.0, 11.0, 15.0], [0.0, 1.0, 2.0]]


def test_an_opaque_function_is_called_anew():
    seen = []

    @opaque
    def look(x):
        seen.append(x.tolist())
        return x * 2

    _, again = replayed(lambda state, x: (None, [state[0] + look(x)]), [torch.ones(1)], torch.ones(1))
    assert again([torch.ones(1)], torch.full((1,), 5.0))[1][0].item() == 11
    assert seen == [[1.0], [5.0]]


CONSTANT = torch.ones(3)


@pytest.mark.parametrize(
    ("fn", "reason"),
    [
        (lambda x: x if x.sum() > 0 else -x, "looks at a value"),
        (lambda x: x * x.tolist()[0], "looks at a value"),
        (lambda x: x * float(x.numpy()[0]), "looks at a value"),
        (lambda x: x * lamella.ops.convert_to_numpy(x)[0], "looks at a value"),
        (lambda x: x.add_(1), "did not make"),
        (lambda x: CONSTANT.copy_(x), "did not make"),
        (lambda x: x + torch.rand(3), "without a key"),
        (lambda x: x + torch.ones(3, requires_grad=True), "is trained"),
        (lambda x: 3.0, "no tensors"),
    ],
)
def test_what_a_recording_would_get_wrong_is_refused(fn, reason):
    with torch.no_grad(), pytest.raises(NotRecordable, match=reason):
        record(lambda state, x: (None, [fn(x)]), ([], torch.ones(3)))


def test_a_stand_in_that_somebody_kept_is_a_tensor():
    kept = []
    record(lambda state, x: (kept.append(x), [x + 1]), ([], torch.ones(3)))
    assert isinstance(kept[0], Traced)
    assert (kept[0] + 1).tolist() == [2.0, 2.0, 2.0]
    assert kept[0].numpy().sum() == kept[0].tolist()[0] * 3
