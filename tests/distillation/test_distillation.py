"""Distillation: numbers beside Keras, configurations, files, mistakes."""

import numpy as np
import pytest
from beside_keras import beside_keras

import lamella
from lamella.distillation import DistillationLoss, Distiller, FeatureDistillation, LogitsDistillation
from lamella.errors import ArgumentError, ShapeError

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(16, 4)).astype("float32")
Y = np.arange(16) % 3
T, S = (RANDOM.normal(size=(2, 3)).astype("float32") for _ in range(2))


def network(keras, seed, name, hidden=5, outputs=3, inputs=4):
    def initializer(n):
        return keras.initializers.RandomNormal(0, 0.5, seed=seed + n)

    x = keras.Input((inputs,))
    h = keras.layers.Dense(hidden, "tanh", name="hidden", kernel_initializer=initializer(0))(x)
    h = keras.layers.BatchNormalization(name="norm")(h)
    return keras.Model(x, keras.layers.Dense(outputs, name="out", kernel_initializer=initializer(1))(h), name=name)


def distiller(keras, losses, *args, compiled=True, **kwargs):
    model = keras.distillation.Distiller(
        network(keras, 5, "teacher"), network(keras, 9, "student"), losses, *args, **kwargs
    )
    if compiled:
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile("sgd", loss, metrics=["accuracy"])
    return model


@beside_keras
def test_training(keras):
    d = keras.distillation
    losses = [d.LogitsDistillation(), d.FeatureDistillation("mse", "hidden", "hidden")]
    model = distiller(keras, losses, [1.0, 0.25], 0.3)
    history = model.fit(X, Y, batch_size=8, epochs=2, shuffle=False, verbose=0)
    names = [layer.name for layer in model.layers[:2]], [metric.name for metric in model.metrics]
    weights = [*model.student.get_weights(), *model.teacher.get_weights()]
    return (
        {name: history.history[name] for name in sorted(history.history)},
        names,
        weights,
        model.predict(X, verbose=0),
    )


def test_evaluation_leaves_the_student_as_it_is():
    model = distiller(lamella, FeatureDistillation("mse", "out", "out"))
    before = model.student.get_weights()
    first, second = (model.evaluate(X, Y, verbose=0) for _ in range(2))
    assert first == second and all(map(np.array_equal, before, model.student.get_weights()))


@pytest.mark.parametrize("weight", [0.0, 1.0])
@beside_keras
def test_a_part_that_does_not_count_is_not_computed(keras, weight):
    model = distiller(keras, keras.distillation.FeatureDistillation("mae"), student_loss_weight=weight)
    logs = model.train_on_batch(X, Y, return_dict=True)
    return {name: float(logs[name]) for name in sorted(logs)}


LOSSES = {
    "kl_divergence": lambda keras: "kl_divergence",
    "KLDivergence": lambda keras: keras.losses.KLDivergence(),
    "KLDivergence, summed": lambda keras: keras.losses.KLDivergence(reduction="sum"),
    "KLDivergence, not reduced": lambda keras: keras.losses.KLDivergence(reduction=None),
    "cross-entropy of logits": lambda keras: keras.losses.CategoricalCrossentropy(from_logits=True),
    "mse": lambda keras: "mse",
    "cosine_similarity": lambda keras: "cosine_similarity",
    "a function": lambda keras: keras.losses.mean_absolute_error,
}


@pytest.mark.parametrize("loss", LOSSES)
@beside_keras
def test_losses(keras, loss):
    loss, d = LOSSES[loss](keras), keras.distillation
    return [
        float(d.LogitsDistillation(2.0, loss).compute_loss(T, S)),
        float(d.FeatureDistillation(loss).compute_loss(T, S)),
        float(d.LogitsDistillation(2.0, [loss, None, "mse"]).compute_loss([T, S, T], [S, T, S])),
        float(d.FeatureDistillation({"a": loss, "b": "mae"}).compute_loss({"a": T, "b": S}, {"a": S, "b": T})),
    ]


@beside_keras
def test_configurations(keras):
    d = keras.distillation
    losses = [d.LogitsDistillation(2, ["mse", None]), d.FeatureDistillation(keras.losses.MeanSquaredError(), "a", "b")]
    config = distiller(keras, [d.LogitsDistillation()], [2.0], 0.25, compiled=False).get_config()
    del config["teacher"], config["student"]
    config["distillation_loss_weights"] = list(config["distillation_loss_weights"])
    return [loss.get_config() for loss in losses], keras.saving.serialize_keras_object(losses[0]), config


def test_kl_divergence_of_softmax_is_scaled_by_the_square_of_the_temperature():
    with lamella.backend.use("numpy"):
        p, q = (np.exp(z / 3) / np.exp(z / 3).sum(-1, keepdims=True) for z in (T, S))
        expected = 9 * np.mean(np.sum(p * np.log(p / q), -1))
        loss = LogitsDistillation(3.0, lamella.losses.KLDivergence())
        np.testing.assert_allclose(loss.compute_loss(T, S), expected, 1e-5)
        assert float(loss.compute_loss(T, T)) == 0


@lamella.saving.register_keras_serializable()
class Distance(DistillationLoss):
    def compute_loss(self, teacher_outputs, student_outputs, **kwargs):
        return lamella.ops.mean(lamella.ops.abs(teacher_outputs - student_outputs))

    def get_config(self):
        return {}

    @classmethod
    def from_config(cls, config):
        return cls()


def test_a_distiller_in_a_file(tmp_path):
    losses = [LogitsDistillation(2.0), FeatureDistillation("mse", "hidden", "hidden"), Distance()]
    model = distiller(lamella, losses, [1.0, 2.0, 0.5], 0.25)
    model.fit(X, Y, verbose=0)
    model.save(tmp_path / "model.keras")
    again = lamella.saving.load_model(tmp_path / "model.keras")
    assert again.get_config() == model.get_config()
    assert not again.teacher.trainable and len(again.trainable_variables) == len(model.trainable_variables)
    np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))
    np.testing.assert_allclose(again.evaluate(X, Y, verbose=0), model.evaluate(X, Y, verbose=0), 1e-6)
    assert int(again.optimizer.iterations) == int(model.optimizer.iterations) == 1


def test_the_teacher_is_frozen_and_the_student_runs():
    with lamella.backend.use("numpy"):
        model = distiller(lamella, Distance(), name="d", trainable=True)
        assert model.name == "d" and not model.teacher.trainable
        assert {id(v) for v in model.trainable_variables} == {id(v) for v in model.student.trainable_variables}
        np.testing.assert_array_equal(model(X), model.student(X))
        given, computed = model.compute_loss(X, Y, model(X, training=True)), model.compute_loss(X, Y)
        np.testing.assert_allclose(given, computed, 1e-6)
        assert set(model.get_metrics_result()) > {"student_loss", "distillation_loss", "total_loss"}


def test_several_outputs():
    def two(seed):
        x = lamella.Input((4,))
        dense = [
            lamella.layers.Dense(n, kernel_initializer=lamella.initializers.RandomNormal(seed=seed)) for n in (3, 2)
        ]
        return lamella.Model(x, [layer(x) for layer in dense])

    with lamella.backend.use("numpy"):
        model = Distiller(two(1), two(2), LogitsDistillation(1.0, ["mse", None]), student_loss_weight=0.5)
        model.compile("sgd", ["mse", "mae"])
        y = [np.zeros((16, 3)), np.zeros((16, 2))]
        first, second = map(np.asarray, model.student(X))
        expected = 0.5 * ((first**2).mean() + np.abs(second).mean())
        expected += 0.5 * ((first - np.asarray(model.teacher(X)[0])) ** 2).mean()
        np.testing.assert_allclose(model.compute_loss(X, y), expected, 1e-5)


class Subclass(lamella.Model):
    pass


class Vector(DistillationLoss):
    def compute_loss(self, teacher_outputs, student_outputs, **kwargs):
        return lamella.ops.abs(teacher_outputs - student_outputs)


@pytest.mark.parametrize(
    "make, error, text",
    [
        (lambda t, s: LogitsDistillation(0), ArgumentError, "positive; got 0"),
        (lambda t, s: LogitsDistillation("3"), ArgumentError, "must be a number"),
        (lambda t, s: LogitsDistillation(loss=[None]), ArgumentError, "At least one loss"),
        (lambda t, s: FeatureDistillation("msee"), ValueError, "mse"),
        (lambda t, s: LogitsDistillation().compute_loss([T], [S]), ArgumentError, "same nested structure"),
        (lambda t, s: Distance().validate_outputs([T], [S, S]), ArgumentError, "expected: 1, got: 2"),
        (lambda t, s: DistillationLoss().compute_loss(T, S), NotImplementedError, "compute_loss"),
        (lambda t, s: Distiller(t, s, None), ArgumentError, "cannot be `None`"),
        (lambda t, s: Distiller(t, s, "mse"), AttributeError, "got 'mse'"),
        (lambda t, s: Distiller(t, s, [Distance()], [1, 2]), ArgumentError, r"\(2\) must match .* \(1\)"),
        (lambda t, s: Distiller(t, s, Distance(), student_loss_weight=1.5), ArgumentError, "between 0.0 and 1.0"),
        (lambda t, s: Distiller(t, s, Distance(), student_loss_weight="1"), ArgumentError, "must be a number"),
        (lambda t, s: Distiller(3, s, Distance()), ArgumentError, "Teacher must be"),
        (lambda t, s: Distiller(t, None, Distance()), ArgumentError, "Student must be"),
        (lambda t, s: Distiller(t, network(lamella, 1, "s", inputs=5), Distance()), ShapeError, "input shapes"),
        (lambda t, s: Distiller(t, network(lamella, 1, "s", outputs=2), Distance()), ShapeError, "output shapes"),
        (lambda t, s: Distiller(t, s, FeatureDistillation("mse", "hiden")), ArgumentError, "In teacher model"),
        (lambda t, s: Distiller(t, s, FeatureDistillation("mse", None, "x")), ArgumentError, "In student model"),
        (lambda t, s: Distiller(Subclass(), s, FeatureDistillation("mse", "a")), ArgumentError, "requires Functional"),
        (lambda t, s: Distiller(t, s, Distance()).compile("sgd"), ArgumentError, "'loss' cannot be `None`"),
        (lambda t, s: Distiller(t, s, Vector()).compute_loss(X, Y), ShapeError, r"Vector returned .* shape \(16, 3\)"),
    ],
)
def test_mistakes_are_told(make, error, text):
    with lamella.backend.use("numpy"), pytest.raises(error, match=text):
        make(network(lamella, 1, "t"), network(lamella, 2, "s"))
