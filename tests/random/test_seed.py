"""Seeds: the state of Keras's generators, step by step, and programs that repeat themselves."""

import random as python_random
import subprocess
import sys

import numpy as np
import pytest

import lamella
from lamella import random
from lamella.core._serialization import deserialize_keras_object, serialize_keras_object
from lamella.errors import ArgumentError

keras = pytest.importorskip("keras")


@pytest.mark.parametrize("seed", [0, 1, 42, 906691060, 2**32 - 1])
@pytest.mark.parametrize("ordered", [True, False])
def test_the_states_are_those_of_keras(seed, ordered):
    ours, theirs = random.SeedGenerator(seed), keras.random.SeedGenerator(seed)
    for _ in range(4):
        np.testing.assert_array_equal(ours.next(ordered=ordered), theirs.next(ordered=ordered))
        np.testing.assert_array_equal(ours.state.numpy(), theirs.state.value)


def test_the_count_wraps_around():
    seeds = random.SeedGenerator(5)
    seeds.state.assign(np.array([5, 2**32 - 1], "uint32"))
    assert seeds.next().tolist() == [5, 2**32 - 1]
    assert seeds.next().tolist() == [5, 0]


def test_the_state_is_a_variable_that_training_leaves_alone():
    seeds = random.SeedGenerator(3, name="mine")
    assert seeds.state.path == "mine/seed_generator_state"
    assert seeds.state.dtype == "uint32" and seeds.state.shape == (2,) and not seeds.state.trainable
    assert seeds.state.aggregation == "none"
    assert random.SeedGenerator._tracked_as == "seed_generators"


def test_a_configuration_comes_back():
    seeds = random.SeedGenerator(3, name="mine")
    config = serialize_keras_object(seeds)
    assert config == serialize_keras_object_of_keras(keras.random.SeedGenerator(3, name="mine"))
    again = deserialize_keras_object(config)
    assert again.get_config() == {"seed": 3, "name": "mine"}
    assert random.SeedGenerator().get_config()["seed"] is None


def serialize_keras_object_of_keras(obj):
    return keras.saving.serialize_keras_object(obj)


@pytest.mark.parametrize("seed", [3.5, "a", -1, 2**32, [1, 2]])
def test_bad_seeds_are_refused(seed):
    with pytest.raises(ArgumentError, match="seed"):
        random.SeedGenerator(seed)
    with pytest.raises(ArgumentError, match="seed"):
        random.set_random_seed(seed)


def test_bad_arguments_are_refused():
    with pytest.raises(ArgumentError, match="foo"):
        random.SeedGenerator(1, foo=3)
    with pytest.raises(ArgumentError, match="name"):
        random.SeedGenerator(1, name="a/b")


def test_draw_seed_takes_each_kind_of_seed():
    assert random.draw_seed(7).tolist() == [7, 0]
    assert random.draw_seed(np.int64(7)).tolist() == [7, 0]
    seeds = random.SeedGenerator(9)
    assert random.draw_seed(seeds).tolist() == [9, 0]
    assert random.draw_seed(seeds).tolist() == [9, 1]
    key = np.array([1, 2], "uint32")
    assert random.draw_seed(key) is key
    assert not np.array_equal(random.draw_seed(None), random.draw_seed(None))


def test_unseeded_draws_after_a_seed_are_those_of_keras():
    keras.utils.set_random_seed(3)
    theirs = [np.asarray(keras.random.uniform((2,))) for _ in range(4)]
    random.set_random_seed(3)
    np.testing.assert_array_equal([random.uniform((2,)) for _ in range(4)], theirs)


def test_the_seed_reaches_python_and_numpy():
    random.set_random_seed(3)
    first = (
        python_random.random(),
        np.random.rand(),
        random.make_default_seed(),
        random.SeedGenerator().state.numpy(),
    )
    random.set_random_seed(3)
    again = (
        python_random.random(),
        np.random.rand(),
        random.make_default_seed(),
        random.SeedGenerator().state.numpy(),
    )
    assert first[:3] == again[:3]
    np.testing.assert_array_equal(first[3], again[3])


def test_a_generator_works_on_the_numpy_backend():
    with lamella.backend.use("numpy"):
        seeds = random.SeedGenerator(4)
        assert isinstance(seeds.next(), np.ndarray)
        assert random.draw_seed(seeds).tolist() == [4, 1]


DRAWS_AFTER_A_SEED = """
import random
import numpy as np
import lamella
lamella.utils.set_random_seed(3)
lamella.ops.ones(2)
print(np.random.rand(), random.random())
"""


def test_loading_the_array_library_draws_nothing():
    done = subprocess.run([sys.executable, "-c", DRAWS_AFTER_A_SEED], capture_output=True, text=True, check=True)
    expected = [np.random.RandomState(3).rand(), python_random.Random(3).random()]
    assert [float(v) for v in done.stdout.split()] == expected
