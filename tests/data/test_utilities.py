"""Small functions of `keras.utils` and `keras.preprocessing` on arrays, beside those of Keras."""

import numpy as np
import pytest
from beside_keras import beside_keras

from lamella.utils import split_dataset

IMAGE = (np.random.default_rng(1).uniform(size=(4, 5, 3)) * 255).astype("uint8")


@pytest.mark.parametrize("kind", ["list", "numpy", "tensor"])
@pytest.mark.parametrize("values", [[[3.0, 4.0], [0.0, 0.0]], [1.0, 2.0]], ids=str)
@pytest.mark.parametrize("options", [{}, {"order": 1}, {"order": 3}], ids=str)
@beside_keras
def test_normalize(keras, values, kind, options):
    x = {"list": list, "numpy": np.array, "tensor": keras.ops.convert_to_tensor}[kind](values)
    return keras.utils.normalize(x, **options)


@pytest.mark.parametrize("dtype", ["uint8", "int32", "float16", "float32", "float64"])
@pytest.mark.parametrize("tensor", [False, True])
@beside_keras
def test_smart_resize_of_dtypes(keras, tensor, dtype):
    x = IMAGE.astype(dtype)
    return keras.preprocessing.image.smart_resize(keras.ops.convert_to_tensor(x) if tensor else x, (3, 3))


def test_a_list_of_arrays_is_split_sample_by_sample():
    x = np.arange(8).reshape(4, 2)
    for several in ([x, x[:, 0]], (x, x[:, 0])):
        left, right = split_dataset(several, left_size=0.5)
        assert [[a.tolist() for a in sample] for sample in left] == [[[0, 1], 0], [[2, 3], 2]]
        assert len(right) == 2
