"""Calls of ops at the edges that tables of arrays do not hold, each beside Keras."""

import jax.numpy as jnp
import numpy as np
import pytest
from beside_keras import beside_keras

import lamella


def tensor(keras, *shape, dtype="float32"):
    return keras.KerasTensor(shape, dtype=dtype)


def shapes(result):
    return [r.shape for r in result] if isinstance(result, (list, tuple)) else result.shape


# Shapes of drawn ops. Symbolic tensors that say nothing of their dtype are float32, where integers are meant too.
DRAWN = {
    "reshape to a computed shape": lambda keras: keras.ops.reshape(
        tensor(keras, None, 20), tensor(keras, 2, dtype="int32")
    ),
    "reshape to a computed size": lambda keras: keras.ops.reshape(
        tensor(keras, None, 20), (4, tensor(keras, dtype="int32"))
    ),
    "reshape to two unknown sizes": lambda keras: keras.ops.reshape(
        tensor(keras, 4, 20), (-1, tensor(keras, dtype="int32"))
    ),
    "the rest of a slice from computed places": lambda keras: keras.ops.slice(
        tensor(keras, 5, 6), tensor(keras, 2, dtype="int32"), (-1, 3)
    ),
    "the rest of an unknown size": lambda keras: keras.ops.slice(
        tensor(keras, None, 6), tensor(keras, 2, dtype="int32"), (-1, 2)
    ),
    "the start of an axis of unknown size": lambda keras: tensor(keras, None, None, 3)[:, :5],
    "the end of an axis of unknown size": lambda keras: tensor(keras, None, None, 3)[:, -3:, ::-1],
    "nothing of an axis of unknown size": lambda keras: tensor(keras, None, None, 3)[..., 0:0, 1:],
    "a part beside a new axis": lambda keras: tensor(keras, 4, None, 3)[:, None, 5:2, 0],
    "bits": lambda keras: keras.ops.bitwise_and(tensor(keras, None, 3), tensor(keras, 3)),
    "bits turned over": lambda keras: keras.ops.bitwise_not(tensor(keras, None, 3)),
    "bits moved": lambda keras: keras.ops.left_shift(tensor(keras, None, 3), tensor(keras, 3)),
    "gcd": lambda keras: keras.ops.gcd(tensor(keras, None, 3), tensor(keras, 2, None)),
    "lcm": lambda keras: keras.ops.lcm(tensor(keras, 2, 3), 2),
    "ldexp": lambda keras: keras.ops.ldexp(tensor(keras, None, 3), tensor(keras, 3)),
    "take": lambda keras: keras.ops.take(tensor(keras, None, 3), tensor(keras, 2, 5), axis=1),
    "take_along_axis": lambda keras: keras.ops.take_along_axis(tensor(keras, 4, 3), tensor(keras, 4, 2), axis=1),
    "unravel_index": lambda keras: keras.ops.unravel_index(tensor(keras, None), (2, 3)),
    "scatter": lambda keras: keras.ops.scatter(tensor(keras, 2, 1), tensor(keras, 2), (4,)),
    "scatter_update": lambda keras: keras.ops.scatter_update(
        tensor(keras, 4, 3), tensor(keras, 2, 1), tensor(keras, 2, 3)
    ),
    "one transform of images of unknown number and size": lambda keras: keras.ops.image.affine_transform(
        tensor(keras, None, None, None, 3), np.ones(8, "float32")
    ),
    "switch": lambda keras: keras.ops.switch(tensor(keras), [lambda x: x, lambda x: 2 * x], tensor(keras, 2, 3)),
}


@pytest.mark.parametrize("call", DRAWN)
@beside_keras
def test_drawn(keras, call):
    return shapes(DRAWN[call](keras))


EDGES = {
    **{
        f"{strategy} of half floats": lambda keras, strategy=strategy: keras.ops.ctc_decode(
            jnp.asarray(np.sin(np.arange(40.0)).reshape(2, 5, 4), "float16"),
            [5, 3],
            strategy,
            beam_width=4,
            top_paths=2,
        )
        for strategy in ("greedy", "beam_search")
    },
    "a stride between samples": lambda keras: keras.ops.stft(np.ones(12, "float32"), 4, 1.5, 4),
    "no stride": lambda keras: keras.ops.istft((np.ones((4, 3), "float32"),) * 2, 4, 0, 4),
    "a step back": lambda keras: keras.ops.istft((np.ones((4, 3), "float32"),) * 2, 4, -5, 4),
}


@pytest.mark.parametrize("edge", EDGES)
@beside_keras
def test_edges(keras, edge):
    return EDGES[edge](keras)


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("values", [[-1, -0.0, 0], [0, -0.0, 1], [0, 1, -1e-45], [0, np.nan, -0.0], [-1, -0.0, 1e-45]])
@beside_keras
def test_the_sign_of_what_rounds_to_zero_has_a_place(keras, values, dtype):
    x = jnp.asarray(np.asarray(values).astype(jnp.dtype(dtype)))
    return [keras.ops.argmax(x), keras.ops.argmin(x)]


def test_the_older_form_of_rms_normalization_is_told():
    with pytest.warns(UserWarning, match="rms_scaling=True"):
        lamella.ops.layer_normalization(np.ones(3, "float32"), rms_scaling=True)
