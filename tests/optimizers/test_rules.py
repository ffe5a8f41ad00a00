"""What single update rules promise beyond agreeing with Keras."""

import numpy as np
import pytest

import lamella
from lamella import optimizers


def test_muon_makes_singular_values_equal():
    draw = np.random.default_rng(5)
    for shape in ((6, 4), (4, 6), (5, 5)):
        matrix = draw.normal(size=shape).astype("float32")
        step = np.asarray(optimizers.Muon().zeropower_via_newtonschulz5(lamella.ops.convert_to_tensor(matrix), 5))
        u, _, v = np.linalg.svd(matrix, full_matrices=False)
        assert step.shape == shape
        assert np.all(np.abs(np.linalg.svd(step, compute_uv=False) - 1) < 0.4)
        assert np.sum(step * (u @ v)) > 0.9 * np.linalg.norm(step) * np.linalg.norm(u @ v)


def test_muon_takes_only_matrices_that_are_not_excluded():
    with lamella.name_scope("embedding_1"):
        table = lamella.Variable(np.ones((2, 3)), name="table")
    with lamella.name_scope("output"):
        output = lamella.Variable(np.ones((2, 3)), name="kernel")
    variables = [
        table,
        output,
        lamella.Variable(np.ones((2, 3)), name="kernel"),
        lamella.Variable(np.ones(3), name="bias"),
        lamella.Variable(np.ones((2, 2, 3)), name="cube"),
    ]

    def with_velocity(**kwargs):
        optimizer = optimizers.Muon(**kwargs)
        optimizer.build(variables)
        names = [v.name for v in optimizer.variables]
        return [v.path for v in variables if f"{v.path.replace('/', '_')}_velocity" in names]

    assert with_velocity(exclude_layers=["outp"]) == ["embedding_1/table", "output/kernel", "bias", "cube"]
    assert with_velocity(exclude_embeddings=False) == ["bias", "cube"]


def test_adafactor_without_relative_step_keeps_its_learning_rate():
    """Keras 3.15 takes the minimum with 1 / sqrt(t) in any case, against its documentation."""
    moves = []
    for relative in (True, False):
        w = lamella.Variable(np.full(1, 100.0, "float32"), name="w")
        optimizer = optimizers.Adafactor(0.5, relative_step=relative)
        for _ in range(9):
            before = float(w.numpy()[0])
            optimizer.apply([np.ones(1, "float32")], [w])
        moves.append(1 - float(w.numpy()[0]) / before)
    np.testing.assert_allclose(moves, [1 / 3, 0.5], rtol=1e-4)


@pytest.mark.parametrize("shape", [(4,), (4, 3), (2, 4, 3)])
def test_adafactor_keeps_rows_and_columns(shape):
    w = lamella.Variable(np.ones(shape, "float32"), name="w")
    optimizer = optimizers.Adafactor()
    optimizer.build([w])
    shapes = [tuple(v.shape) for v in optimizer.variables[2:]]
    assert shapes == ([(), (), shape] if len(shape) == 1 else [shape[:-1], shape[:-2] + shape[-1:], shape])


def test_ftrl_makes_small_weights_exactly_zero():
    w = lamella.Variable(np.zeros(3, "float32"), name="w")
    optimizer = optimizers.Ftrl(0.5, l1_regularization_strength=1.0)
    for _ in range(3):
        optimizer.apply([np.array([0.1, -0.2, 5.0], "float32")], [w])
    assert w.numpy()[:2].tolist() == [0.0, 0.0]
    assert w.numpy()[2] < 0


def test_lion_moves_every_weight_by_the_learning_rate():
    w = lamella.Variable(np.zeros(4, "float32"), name="w")
    optimizers.Lion(0.25).apply([np.array([1e-8, -3.0, 0.0, 1e8], "float32")], [w])
    assert w.numpy().tolist() == [-0.25, 0.25, 0.0, -0.25]


@pytest.mark.parametrize("scale", [10.0, 1e3])
@pytest.mark.parametrize("name", ["Adam", "Adamax", "RMSprop", "Lamb", "Lion", "Adafactor"])
def test_the_scale_of_gradients_does_not_matter(name, scale):
    histories = []
    for factor in (1.0, scale):
        w = lamella.Variable(np.array([1.0, -2.0], "float32"), name="w")
        optimizer = getattr(optimizers, name)(0.01)
        for step in range(5):
            gradient = np.random.default_rng(step).normal(size=2) * factor
            optimizer.apply([gradient.astype("float32")], [w])
        histories.append(w.numpy())
    np.testing.assert_allclose(histories[0], histories[1], rtol=1e-3)


@pytest.mark.parametrize("name", ["SGD", "Adam", "RMSprop", "Adagrad", "Lamb", "Adadelta", "Adamax", "Nadam", "Muon"])
def test_zero_gradients_move_nothing(name):
    variables = [lamella.Variable(np.ones(shape, "float32"), name=f"w{len(shape)}") for shape in ((2,), (2, 2))]
    optimizer = getattr(optimizers, name)(0.1, weight_decay=0.0)
    if name == "Muon":
        optimizer.adam_weight_decay = None
    for _ in range(3):
        optimizer.apply([np.zeros(v.shape, "float32") for v in variables], variables)
    assert all((v.numpy() == 1).all() for v in variables)


def test_lamb_steps_in_proportion_to_the_norm():
    for size in (0.5, 8.0):
        w = lamella.Variable(np.full(4, size, "float32"), name="w")
        optimizers.Lamb(0.1).apply([np.ones(4, "float32")], [w])
        np.testing.assert_allclose(w.numpy(), 0.9 * size, rtol=1e-5)


def test_scalars_are_computed_once_per_step():
    class Counting(optimizers.Adam):
        computed = 0

        def step_scalars(self, step, learning_rate):
            self.computed += 1
            return super().step_scalars(step, learning_rate)

    optimizer = Counting()
    variables = [lamella.Variable(np.ones(2, "float32"), name=f"w{i}") for i in range(5)]
    for step in range(3):
        optimizer.apply([np.ones(2, "float32")] * 5, variables)
        assert optimizer.computed == step + 1
