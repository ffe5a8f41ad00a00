"""Initializers against Keras on JAX: the same numbers, configurations and errors."""

import math

import numpy as np
import pytest
from scipy import stats

import lamella
from lamella import initializers
from lamella.errors import ArgumentError, ShapeError, UnknownNameError

keras = pytest.importorskip("keras")

RANDOM = [
    ("RandomNormal", {}),
    ("RandomNormal", {"mean": 2.0, "stddev": 0.3}),
    ("RandomUniform", {}),
    ("RandomUniform", {"minval": 1.0, "maxval": 7.0}),
    ("TruncatedNormal", {}),
    ("TruncatedNormal", {"mean": -1.0, "stddev": 3.0}),
    ("GlorotNormal", {}),
    ("GlorotUniform", {}),
    ("HeNormal", {}),
    ("HeUniform", {}),
    ("LecunNormal", {}),
    ("LecunUniform", {}),
    ("Orthogonal", {"gain": 1.5}),
    ("VarianceScaling", {"scale": 0.3, "mode": "fan_out", "distribution": "uniform"}),
    ("VarianceScaling", {"mode": "fan_avg", "distribution": "untruncated_normal"}),
    ("VarianceScaling", {"distribution": "normal"}),
    ("GlorotUniform", {"input_axes": (1,), "output_axes": (0,)}),
]
CONSTANT = [
    ("Zeros", {}),
    ("Ones", {}),
    ("Constant", {"value": 2.5}),
    ("Identity", {"gain": 3.0}),
]
SHAPES = [(5, 3), (2, 3, 4), (70, 300)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize(("name", "arguments"), RANDOM)
def test_draws_are_those_of_keras_bit_for_bit(name, arguments, shape):
    ours = getattr(initializers, name)(seed=7, **arguments)(shape)
    theirs = getattr(keras.initializers, name)(seed=7, **arguments)(shape)
    np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs))


@pytest.mark.parametrize(("name", "arguments"), [case for case in RANDOM if case[0] != "Orthogonal"])
def test_draws_of_short_floats_are_those_of_keras(name, arguments):
    for dtype in ("bfloat16", "float16"):
        ours = getattr(initializers, name)(seed=7, **arguments)((3, 5), dtype=dtype)
        theirs = getattr(keras.initializers, name)(seed=7, **arguments)((3, 5), dtype=dtype)
        assert str(ours.dtype) == dtype
        np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "int32", "bool"])
@pytest.mark.parametrize(("name", "arguments"), CONSTANT)
def test_constants_are_those_of_keras(name, arguments, dtype):
    ours = getattr(initializers, name)(**arguments)((3, 4), dtype=dtype)
    theirs = getattr(keras.initializers, name)(**arguments)((3, 4), dtype=dtype)
    assert str(ours.dtype) == dtype  # Keras's identity of integers is float32
    np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs).astype(ours.dtype))


def test_a_constant_may_be_an_array():
    np.testing.assert_array_equal(initializers.Constant([1.0, 2.0])((3, 2)), [[1, 2]] * 3)


@pytest.mark.parametrize("side", ["real", "imag"])
@pytest.mark.parametrize("scaling", ["density", "spectrum", None])
@pytest.mark.parametrize("window", ["hann", "hamming", None])
@pytest.mark.parametrize("periodic", [False, True])
def test_stft_bases_are_those_of_keras(side, scaling, window, periodic):
    ours = initializers.STFT(side, window, scaling, periodic)((8, 1, 5))
    theirs = keras.initializers.STFT(side, window, scaling, periodic)((8, 1, 5))
    np.testing.assert_allclose(ours, theirs, atol=2e-6)


@pytest.mark.parametrize(("name", "arguments"), RANDOM + CONSTANT + [("STFT", {"side": "imag", "periodic": True})])
def test_configurations_are_those_of_keras_and_come_back(name, arguments):
    ours, theirs = getattr(initializers, name)(**arguments), getattr(keras.initializers, name)(**arguments)
    config = initializers.serialize(ours)
    expected = keras.initializers.serialize(theirs)
    if name == "Identity":  # whose gain Keras forgets
        expected["config"] = {"gain": 3.0}
    assert config == expected
    again = initializers.deserialize(config)
    assert type(again) is type(ours) and again.get_config() == ours.get_config()
    assert type(keras.initializers.deserialize(config)) is type(theirs)


@pytest.mark.parametrize("name", [n for n in dir(keras.initializers) if not n.startswith("_")])
def test_every_name_of_keras_is_here_and_stands_for_the_same(name):
    theirs = getattr(keras.initializers, name)
    if isinstance(theirs, type):
        assert getattr(initializers, name).__name__ == theirs.__name__
        if name not in ("constant", "Constant", "Initializer"):
            assert type(initializers.get(name)).__name__ == type(keras.initializers.get(name)).__name__
    else:
        assert callable(getattr(initializers, name)) or name.startswith("_")


@pytest.mark.parametrize(
    ("old", "new"),
    [("uniform", "RandomUniform"), ("normal", "RandomNormal"), ("zero", "Zeros"), ("one", "Ones")],
)
def test_old_names_are_known(old, new):
    assert type(initializers.get(old)).__name__ == type(keras.initializers.get(old)).__name__ == new


def test_get_takes_what_keras_takes():
    zeros = initializers.Zeros()
    assert initializers.get(None) is None
    assert initializers.get(zeros) is zeros
    assert isinstance(initializers.get(initializers.Zeros), initializers.Zeros)
    assert initializers.get({"class_name": "RandomNormal", "config": {"stddev": 0.1}}).stddev == 0.1
    assert isinstance(initializers.get({"class_name": "glorot_uniform", "config": {}}), initializers.GlorotUniform)
    value = np.arange(4.0).reshape(2, 2)
    np.testing.assert_array_equal(initializers.get(value)((2, 2)), value)
    with pytest.raises(ShapeError, match=r"\(2, 2\).*\(3, 2\)"):
        initializers.get(value)((3, 2))

    def halves(shape, dtype=None):
        return np.full(shape, 0.5)

    assert initializers.get(halves) is halves


@pytest.mark.parametrize("identifier", ["glorot_unifrom", "xavier", 1, 1.5, [1, 2]])
def test_get_refuses_the_rest(identifier):
    with pytest.raises(ValueError):
        initializers.get(identifier)


def test_an_unknown_name_says_which_is_near():
    with pytest.raises(UnknownNameError, match="glorot_uniform"):
        initializers.get("glorot_unifrom")


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: initializers.VarianceScaling(0.0), ArgumentError, "`scale`"),
        (lambda: initializers.VarianceScaling(mode="fan"), ArgumentError, "'fan_in'"),
        (lambda: initializers.VarianceScaling(distribution="gauss"), ArgumentError, "'uniform'"),
        (lambda: initializers.RandomNormal(seed="a"), ArgumentError, "RandomNormal"),
        (lambda: initializers.Identity()((2, 3, 4)), ShapeError, r"\(2, 3, 4\)"),
        (lambda: initializers.Orthogonal()((3,)), ShapeError, "two axes"),
        (lambda: initializers.STFT(side="left"), ArgumentError, "'real'"),
        (lambda: initializers.STFT(scaling="none"), ArgumentError, "'density'"),
        (lambda: initializers.STFT(window="nosuch"), ArgumentError, "nosuch"),
        (lambda: initializers.RandomNormal()((2,), dtype="int32"), ValueError, "int32"),
    ],
)
def test_errors_say_what_is_wrong(make, error, text):
    with pytest.raises(error, match=text):
        make()


def test_the_same_values_each_time_unless_the_seed_is_a_generator():
    fixed = initializers.GlorotUniform()
    np.testing.assert_array_equal(fixed((3, 3)), fixed((3, 3)))
    moving = initializers.GlorotUniform(seed=lamella.random.SeedGenerator(3))
    assert not np.array_equal(moving((3, 3)), moving((3, 3)))


def test_a_seed_generator_survives_the_configuration():
    seeded = initializers.RandomNormal(seed=lamella.random.SeedGenerator(3, name="s"))
    again = initializers.deserialize(initializers.serialize(seeded))
    np.testing.assert_array_equal(seeded((3,)), again((3,)))


def test_a_seeded_program_makes_the_weights_of_keras():
    keras.utils.set_random_seed(5)
    theirs = [keras.initializers.get(n)((4, 4)) for n in ("glorot_uniform", "zeros", "orthogonal", "he_normal")]
    lamella.random.set_random_seed(5)
    ours = [initializers.get(n)((4, 4)) for n in ("glorot_uniform", "zeros", "orthogonal", "he_normal")]
    for a, b in zip(ours, theirs):
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b))


@pytest.mark.parametrize("distribution", ["uniform", "truncated_normal", "untruncated_normal"])
@pytest.mark.parametrize("mode", ["fan_in", "fan_out", "fan_avg"])
def test_variance_is_scale_over_fan(mode, distribution):
    fan = {"fan_in": 200, "fan_out": 300, "fan_avg": 250}[mode]
    draws = np.asarray(initializers.VarianceScaling(3.0, mode, distribution, seed=11)((200, 300))).ravel()
    assert abs(draws.mean()) < 4 * math.sqrt(3.0 / fan / draws.size)
    assert draws.var() == pytest.approx(3.0 / fan, rel=0.02)


def test_normal_draws_are_normal():
    draws = np.asarray(initializers.RandomNormal(1.0, 2.0, seed=4)((20000,)))
    assert stats.kstest(draws, stats.norm(1.0, 2.0).cdf).pvalue > 0.01


@pytest.mark.parametrize("shape", [(6, 3), (3, 6), (2, 3, 4)], ids=str)
def test_orthogonal_rows_or_columns_are_orthonormal(shape):
    q = np.asarray(initializers.Orthogonal(seed=2)(shape)).reshape(-1, shape[-1])
    gram = q @ q.T if q.shape[0] < q.shape[1] else q.T @ q
    np.testing.assert_allclose(gram, np.eye(len(gram)), atol=1e-6)


def test_the_numpy_backend_draws_the_same_uniform_weights():
    ours = initializers.GlorotUniform(seed=3)((4, 5))
    with lamella.backend.use("numpy"):
        theirs = initializers.GlorotUniform(seed=3)((4, 5))
    assert isinstance(theirs, np.ndarray)
    np.testing.assert_array_equal(ours, theirs)


def test_a_clone_is_equal():
    clone = initializers.VarianceScaling(2.0, seed=3).clone()
    assert clone.get_config() == initializers.VarianceScaling(2.0, seed=3).get_config()


def test_variables_find_initializers_by_name():
    assert lamella.Variable("ones", shape=(2,)).numpy().tolist() == [1.0, 1.0]
