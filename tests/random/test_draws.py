"""Draws: bit for bit those of Keras on JAX, of the right distributions, and the same in programs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

import lamella
from lamella import random
from lamella.core._config import set_portable_random
from lamella.core._scopes import StatelessScope
from lamella.errors import DTypeError, ShapeError

keras = pytest.importorskip("keras")

LOGITS = np.linspace(-2, 2, 15, dtype="float32").reshape(3, 5)
X = np.linspace(-3, 3, 30, dtype="float32").reshape(6, 5)

# name, positional arguments, keyword arguments
CASES = [
    *[("uniform", (shape,), {}) for shape in [(3,), (), 7, [2, 2], (0, 3), (70, 700)]],
    ("uniform", ((4, 5), -2, 3), {}),
    ("uniform", ((400, 5), -0.337, 1.7), {}),
    ("uniform", ((4, 5),), {"dtype": "bfloat16"}),
    ("uniform", ((4, 5), -2, 3), {"dtype": "float16"}),
    ("uniform", ((2,), np.array([0.0, 10]), np.array([1.0, 11])), {}),
    ("normal", ((4, 5),), {}),
    ("normal", ((300, 50), 2, 7), {}),
    ("normal", ((4, 5), 0.5, 0.1), {"dtype": "bfloat16"}),
    ("normal", ((2,), np.array([0.0, 10]), np.array([1.0, 11])), {}),
    ("truncated_normal", ((300, 50),), {}),
    ("truncated_normal", ((4, 5), 1.0, 0.05), {}),
    ("truncated_normal", ((4, 5), 1.0, 0.05), {"dtype": "float16"}),
    ("randint", ((300, 5), 0, 10), {}),
    ("randint", ((4, 5), -3, 300), {"dtype": "int16"}),
    ("randint", ((4, 5), 0, 256), {"dtype": "uint8"}),
    ("randint", ((4, 5), 0.5, 9.7), {}),
    ("randint", ((2,), np.array([0, 10]), np.array([1, 11])), {}),
    ("categorical", (LOGITS, 4), {}),
    ("categorical", (LOGITS, 4, "int64"), {}),
    ("gamma", ((5,), 2.0), {}),
    ("gamma", ((2, 3), np.array([1.0, 2, 3])), {}),
    ("beta", ((5,), 2.0, 3.0), {}),
    ("binomial", ((5,), 10, 0.3), {}),
    ("binomial", ((5,), 10, 0.3), {"dtype": "float16"}),
    ("shuffle", (np.arange(10),), {}),
    ("shuffle", (X,), {}),
    ("shuffle", (X,), {"axis": -1}),
    *[("dropout", (jnp.asarray(X), rate), {}) for rate in (0.0, 0.3, 0.9, 1.0)],
    ("dropout", (jnp.asarray(X, "bfloat16"), 0.3), {}),
    ("dropout", (jnp.asarray(X), 0.4, (6, 1)), {}),
    ("dropout", (jnp.asarray(X), 0.4, (None, 1)), {}),
    ("dropout", (jnp.asarray(X), 0.4, (5,)), {}),
]


@pytest.mark.filterwarnings("ignore:Explicitly requested dtype int64:UserWarning")  # by Keras
@pytest.mark.parametrize("seed", [42, 2**32 - 1])
@pytest.mark.parametrize(("name", "args", "kwargs"), CASES)
def test_draws_are_those_of_keras_bit_for_bit(name, args, kwargs, seed):
    ours = getattr(random, name)(*args, **kwargs, seed=seed)
    theirs = getattr(keras.random, name)(*args, **kwargs, seed=seed)
    assert ours.shape == theirs.shape and ours.dtype == theirs.dtype
    np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs))


@pytest.mark.parametrize(("name", "args", "kwargs"), [c for c in CASES if c[0] not in ("randint", "shuffle")])
def test_programs_draw_what_is_drawn_outside(name, args, kwargs):
    """But for the fusion of a product and a sum, which is XLA's choice."""
    draw = getattr(random, name)
    key = jnp.array([42, 0], "uint32")
    inside = jax.jit(lambda key: draw(*args, **kwargs, seed=key))(key)
    outside = np.asarray(draw(*args, **kwargs, seed=42), "float32")
    close = {"rtol": 2e-6, "atol": 1e-6} if str(inside.dtype) == "float32" else {"rtol": 2**-6}
    np.testing.assert_allclose(np.asarray(inside, "float32"), outside, **close)


PORTABLE = [
    ("uniform", ((30, 4), -2.3, 3.1)),
    ("normal", ((300, 4), 1.0, 0.3)),
    ("truncated_normal", ((300, 4),)),
    ("randint", ((30, 4), -7, 1000)),
    ("categorical", (LOGITS, 40)),
    ("shuffle", (np.arange(24, dtype="int32").reshape(6, 4),)),
    ("dropout", (X, 0.3)),
    ("gamma", ((30, 4), 2.5)),
    ("beta", ((30, 4), 2.0, 3.0)),
    ("binomial", ((30, 4), 10, 0.3)),
]


@pytest.fixture
def portable():
    set_portable_random(True)
    yield
    set_portable_random(False)


@pytest.mark.parametrize(("name", "args"), PORTABLE)
def test_portable_draws_are_equal_on_all_backends_and_in_programs(portable, name, args):
    draw = getattr(random, name)
    on_jax = draw(*args, seed=5)
    compiled = jax.jit(lambda key: draw(*args, seed=key))(jnp.array([5, 0], "uint32"))
    with lamella.backend.use("numpy"):
        on_numpy = draw(*args, seed=5)
    assert on_jax.dtype == on_numpy.dtype == compiled.dtype
    np.testing.assert_array_equal(on_jax, on_numpy)
    np.testing.assert_array_equal(on_jax, compiled)


N = 20000
DISTRIBUTIONS = [
    ("uniform", ((N,), -1.0, 3.0), stats.uniform(-1, 4)),
    ("normal", ((N,), 1.0, 2.0), stats.norm(1, 2)),
    ("truncated_normal", ((N,), 1.0, 2.0), stats.truncnorm(-2, 2, loc=1, scale=2)),
    ("gamma", ((N,), 2.5), stats.gamma(2.5)),
    ("gamma", ((N,), 0.3), stats.gamma(0.3)),
    ("beta", ((N,), 2.0, 0.5), stats.beta(2.0, 0.5)),
]


@pytest.mark.parametrize("backend", ["jax", "numpy"])
@pytest.mark.parametrize(("name", "args", "law"), DISTRIBUTIONS)
def test_continuous_draws_follow_their_law(name, args, law, backend):
    with lamella.backend.use(backend):
        draws = np.asarray(getattr(random, name)(*args, seed=1234), "float64")
    assert stats.kstest(draws, law.cdf).pvalue > 0.01
    assert draws.mean() == pytest.approx(law.mean(), abs=4 * law.std() / N**0.5)


@pytest.mark.parametrize("backend", ["jax", "numpy"])
@pytest.mark.parametrize(
    ("name", "args", "law"),
    [
        ("randint", ((N,), -2, 5), stats.randint(-2, 5)),
        ("binomial", ((N,), 12, 0.3), stats.binom(12, 0.3)),
        ("binomial", ((N,), 100, 0.6), stats.binom(100, 0.6)),
    ],
)
def test_discrete_draws_follow_their_law(name, args, law, backend):
    with lamella.backend.use(backend):
        draws = np.asarray(getattr(random, name)(*args, seed=99)).astype(int)
    values = np.arange(draws.min(), draws.max() + 1)
    observed, expected = (draws[:, None] == values).sum(0), N * law.pmf(values)
    usual = expected > 5
    statistic = ((observed - expected) ** 2 / expected)[usual].sum()
    assert stats.chi2(usual.sum() - 1).sf(statistic) > 0.01


@pytest.mark.parametrize("backend", ["jax", "numpy"])
def test_categorical_draws_follow_the_softmax(backend):
    with lamella.backend.use(backend):
        draws = np.asarray(random.categorical(LOGITS, N, seed=3))
    shares = (draws[..., None] == np.arange(5)).mean(1)
    expected = np.exp(LOGITS) / np.exp(LOGITS).sum(-1, keepdims=True)
    np.testing.assert_allclose(shares, expected, atol=4 * 0.5 / N**0.5)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.8])
def test_dropout_keeps_the_expectation_and_drops_the_rate(rate):
    kept = np.asarray(random.dropout(np.ones(N, "float32"), rate, seed=8))
    assert (kept == 0).mean() == pytest.approx(rate, abs=4 * 0.5 / N**0.5)
    assert kept.mean() == pytest.approx(1.0, abs=0.05)


def test_dropout_has_the_gradient_of_its_mask():
    grad = jax.grad(lambda x: random.dropout(x, 0.5, seed=3).sum())(jnp.ones(100))
    np.testing.assert_array_equal(grad, random.dropout(jnp.ones(100), 0.5, seed=3))
    assert not np.isnan(jax.grad(lambda x: random.dropout(x, 1.0, seed=3).sum())(jnp.ones(3))).any()


def test_dropped_axes_drop_together():
    rows = np.asarray(random.dropout(np.ones((50, 4), "float32"), 0.5, noise_shape=(None, 1), seed=1))
    assert set(rows.sum(1)) == {0.0, 8.0}


def test_shuffle_keeps_the_elements_of_each_column():
    shuffled = np.asarray(random.shuffle(X, seed=3))
    np.testing.assert_array_equal(np.sort(shuffled, 0), np.sort(X, 0))


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: random.uniform((2,), dtype="int32"), DTypeError, "random.uniform"),
        (lambda: random.normal((2,), dtype="bool"), DTypeError, "random.normal"),
        (lambda: random.truncated_normal((2,), dtype="int8"), DTypeError, "random.truncated_normal"),
        (lambda: random.gamma((2,), 1.0, dtype="int8"), DTypeError, "random.gamma"),
        (lambda: random.beta((2,), 1.0, 1.0, dtype="int8"), DTypeError, "random.beta"),
        (lambda: random.binomial((2,), 1.0, 0.5, dtype="int8"), DTypeError, "random.binomial"),
        (lambda: random.randint((2,), 0, 3, dtype="float32"), DTypeError, "random.randint"),
        (lambda: random.uniform((None, 2)), ShapeError, "None"),
        (lambda: random.normal((2, -1)), ShapeError, "-1"),
        (lambda: random.categorical(np.zeros(3), 2), ShapeError, r"\(3,\)"),
        (lambda: random.dropout(np.arange(3), 0.5), DTypeError, "random.dropout"),
        (lambda: random.dropout(X, 0.5, noise_shape=(3, 1)), ShapeError, r"\(6, 5\).*\(3, 1\)"),
        (lambda: random.dropout(X, 0.5, noise_shape=(1, 1, 1)), ShapeError, r"\(1, 1, 1\)"),
        (lambda: random.uniform((2,), seed="a"), ValueError, "'a'"),
        (lambda: random.uniform((2,), seed=1.5), ValueError, "1.5"),
        (lambda: random.uniform((2,), seed=-1), ValueError, "-1"),
    ],
)
def test_errors_say_what_is_wrong(make, error, text):
    with pytest.raises(error, match=text):
        make()


def test_a_generator_inside_a_program_gives_new_keys_and_its_state_comes_out():
    seeds = random.SeedGenerator(1)

    def step(state):
        with StatelessScope([(seeds.state, state)]) as scope:
            draws = random.uniform((3,), seed=seeds), random.normal((3,), seed=seeds)
            return draws, scope.get_current_value(seeds.state)

    (a, b), state = jax.jit(step)(seeds.state.value)
    theirs = keras.random.SeedGenerator(1)
    np.testing.assert_array_equal(a, keras.random.uniform((3,), seed=theirs))
    np.testing.assert_allclose(b, keras.random.normal((3,), seed=theirs), rtol=1e-6)
    assert state.tolist() == [1, 2]
    assert seeds.state.numpy().tolist() == [1, 0]


def test_a_draw_without_a_seed_inside_a_program_is_refused():
    with pytest.raises(ValueError, match="SeedGenerator"):
        jax.jit(lambda: random.uniform((2,)))()


def test_large_draws_are_the_same_as_small_programs_draw():
    from lamella.backend import _jax_random

    shape = (_jax_random._MOST_ON_HOST + 1,)
    np.testing.assert_array_equal(
        np.asarray(random.uniform(shape, seed=3))[:100], np.asarray(random.uniform((100,), seed=3))
    )
