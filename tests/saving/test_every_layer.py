"""Every layer of the table of layers goes through every format, and comes back to the last bit."""

import numpy as np
import pytest
from contracts.layer_cases import CASES, Case

import lamella as keras
from lamella.saving._paths import stateful_objects

ENDINGS = ["weights.h5", "npz", "safetensors"]


def made(case):
    def value(v):
        if isinstance(v, Case):
            return made(v)
        return [value(x) for x in v] if isinstance(v, list) else v

    return getattr(keras.layers, case.name)(*map(value, case.args), **{k: value(v) for k, v in case.kwargs.items()})


def built(case):
    layer = made(case)
    dtype = "int32" if case.integers else "float32"
    data = [keras.KerasTensor(shape, dtype) for shape in case.shapes]
    if case.states:
        data = [data[0], data[1:]]
    if case.separate or case.states:
        layer(*data, **case.call)
    else:
        layer(data if isinstance(case.x, list) else data[0], **case.call)
    return layer


@pytest.mark.parametrize("case", [c for c in CASES if c.name not in ("Lambda",)], ids=str)
def test_state_comes_back_to_the_last_bit(case, tmp_path):
    layer = built(case)
    fresh = type(layer).from_config(layer.get_config())
    fresh.build_from_config(layer.get_build_config() or {})
    if not fresh.variables and layer.variables:
        fresh = built(case)
    random = np.random.default_rng(1)
    for variable in layer.variables:
        if variable.dtype not in ("bool", "string"):
            variable.assign(np.asarray(random.uniform(0, 9, variable.shape), variable.numpy().dtype))
    paths = [path for path, _ in stateful_objects(layer)]
    assert len(set(paths)) == len(paths)
    for ending in ENDINGS:
        path = tmp_path / f"layer.{ending}"
        keras.saving.save_weights(layer, path)
        for variable in fresh.variables:
            variable.assign(np.zeros_like(variable.numpy()))
        keras.saving.load_weights(fresh, path)
        assert len(fresh.variables) == len(layer.variables)
        for a, b in zip(layer.variables, fresh.variables):
            if a.name == "rnn_state":  # carried from batch to batch, and in no file, as in Keras
                continue
            assert a.numpy().dtype == b.numpy().dtype
            assert a.numpy().tobytes() == b.numpy().tobytes(), (ending, a.path)
