"""Variables, constants, facts, and draws."""

import numpy as np
import pytest

import lamella
import lamella.backend as K
from lamella.errors import ArgumentError, ShapeError


def test_zeros_ones_and_eye_are_variables():
    for made, expected in [
        (K.zeros((2, 3)), np.zeros((2, 3))),
        (K.ones((2,), dtype="int32", name="counts"), np.ones(2)),
        (K.eye(3), np.eye(3)),
        (K.eye((2, 3)), np.eye(2, 3)),
        (K.eye((4, 2, 2)), np.stack([np.eye(2)] * 4)),
    ]:
        assert isinstance(made, lamella.Variable) and K.is_variable(made)
        np.testing.assert_array_equal(K.get_value(made), expected)
    assert K.dtype(K.zeros(2, dtype="int8")) == "int8"
    assert K.zeros((1,), name="mine").name == "mine"


def test_a_variable_takes_the_default_float_and_keeps_its_constraint():
    constraint = lamella.constraints.NonNeg()
    v = K.variable([1, 2], constraint=constraint)
    assert K.dtype(v) == "float32" and v.constraint is constraint
    assert K.dtype(K.variable(np.array([1, 2]), dtype="int32")) == "int32"


def test_values_are_copies():
    v = K.variable([1.0, 2.0])
    for read in (K.get_value, K.eval):
        values = read(v)
        values[0] = 9.0
        assert K.get_value(v).tolist() == [1.0, 2.0]


def test_setting_values():
    v, w = K.variable([1.0, 2.0]), K.variable(3.0)
    K.set_value(v, [5, 6])
    K.batch_set_value([(w, 7)])
    assert [x.tolist() for x in K.batch_get_value([v, w])] == [[5.0, 6.0], 7.0]
    with pytest.raises(ShapeError):
        K.set_value(v, [1.0, 2.0, 3.0])


def test_updates_change_the_variable_and_return_its_values():
    v = K.variable([1.0, 2.0])
    assert K.update(v, [3.0, 4.0]).tolist() == [3.0, 4.0]
    assert K.update_add(v, [1.0, 1.0]).tolist() == [4.0, 5.0]
    assert K.update_sub(v, 2.0 * K.ones((2,))).tolist() == [2.0, 3.0]
    assert K.moving_average_update(v, [0.0, 1.0], 0.5).tolist() == [1.0, 2.0]
    assert K.get_value(v).tolist() == [1.0, 2.0]


def test_constant():
    assert K.dtype(K.constant([1, 2])) == "float32"
    assert K.constant([[1, 2], [3, 4]], dtype="int32").tolist() == [[1, 2], [3, 4]]
    assert K.constant([1, 2, 3, 4], shape=(2, 2)).tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert K.constant(7, shape=(2, 2)).tolist() == [[7.0, 7.0], [7.0, 7.0]]
    with pytest.raises(ArgumentError, match="3 values"):
        K.constant([1, 2, 3], shape=(2, 2))


def test_placeholders():
    x = K.placeholder((None, 3), dtype="int32", name="ids")
    assert (x.shape, x.dtype) == ((None, 3), "int32")
    assert K.placeholder(ndim=2).shape == (None, None)
    assert K.is_placeholder(x) and K.is_placeholder(lamella.Input((2,)))
    assert not K.is_placeholder(x + 1) and not K.is_placeholder(K.ones(2))
    assert K.is_keras_tensor(x) and not K.is_keras_tensor(K.ones(2))
    with pytest.raises(ArgumentError, match="ndim"):
        K.placeholder()


def test_facts():
    x = np.zeros((2, 3), "int16")
    assert (K.ndim(x), K.shape(x), K.int_shape(x), K.count_params(x), K.dtype(x)) == (2, (2, 3), (2, 3), 6, "int16")
    assert K.count_params(K.zeros(())) == 1
    assert K.int_shape(K.placeholder((None, 3))) == K.get_variable_shape(K.placeholder((None, 3))) == (None, 3)
    assert K.int_shape("text") is None
    assert K.eval(K.shape(x)).tolist() == [2, 3]
    assert not K.is_sparse(x) and K.is_sparse(lamella.KerasTensor((2,), sparse=True))
    assert K.to_dense(x) is x
    assert K.is_tensor(K.constant(1.0)) and K.is_tensor(K.zeros(1)) and not K.is_tensor(x) and not K.is_tensor([1])


def test_casts():
    assert K.dtype(K.cast(K.constant([1.5]), "int32")) == "int32"
    host = K.cast_to_floatx(np.array([1.0], "float64"))
    assert isinstance(host, np.ndarray) and host.dtype == "float32"
    assert K.dtype(K.cast_to_floatx(K.variable([1], dtype="int32"))) == "float32"


def test_likes_keep_or_change_the_dtype():
    x = K.variable([1, 2], dtype="int32")
    assert K.dtype(K.zeros_like(x)) == "int32" and K.dtype(K.ones_like(x, dtype="float16")) == "float16"


@pytest.mark.parametrize("draw", [K.random_normal, K.random_uniform, K.truncated_normal])
def test_draws_repeat_with_a_seed_and_differ_without(draw):
    one, same, other = draw((50,), seed=3), draw((50,), seed=3), draw((50,))
    assert K.eval(one).tolist() == K.eval(same).tolist() != K.eval(other).tolist()
    assert K.dtype(draw((2,), dtype="float16")) == "float16"


def test_the_moments_of_draws():
    # 4000 draws: the mean of a standard normal strays less than 5 / sqrt(4000) = 0.08.
    normal = K.eval(K.random_normal((4000,), mean=2.0, stddev=3.0, seed=1))
    assert abs(normal.mean() - 2.0) < 0.25 and abs(normal.std() - 3.0) < 0.25
    uniform = K.eval(K.random_uniform((4000,), -1.0, 3.0, seed=1))
    assert uniform.min() >= -1.0 and uniform.max() < 3.0 and abs(uniform.mean() - 1.0) < 0.1
    cut = K.eval(K.truncated_normal((4000,), stddev=2.0, seed=1))
    assert np.abs(cut).max() <= 4.0
    for coin in (K.random_bernoulli, K.random_binomial):
        flips = K.eval(coin((4000,), p=0.25, seed=1))
        assert set(flips.tolist()) == {0.0, 1.0} and abs(flips.mean() - 0.25) < 0.05
    whole = K.eval(K.random_uniform((100,), 0, 5, dtype="int32", seed=1))
    assert whole.dtype == "int32" and set(whole.tolist()) == {0, 1, 2, 3, 4}


def test_random_variables():
    v = K.random_uniform_variable((2, 3), 0, 1, name="u", seed=1)
    w = K.random_normal_variable((2, 3), 0, 1, dtype="float16", seed=1)
    assert K.is_variable(v) and v.name == "u" and v.shape == (2, 3)
    assert K.is_variable(w) and w.dtype == "float16"
