"""Meshes, layouts and distributions; and, in processes with four devices, training."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from beside_keras import beside_keras

import lamella
from lamella.distribution import (
    DataParallel,
    DeviceMesh,
    LayoutMap,
    ModelParallel,
    TensorLayout,
    distribute_tensor,
    distribution,
    initialize,
    list_devices,
    set_distribution,
)
from lamella.errors import ArgumentError, BackendError

PROGRAMS = ["facts", "data_parallel", "model_parallel", "models_of_other_times", "whole_batches", "tensors"]


@pytest.mark.parametrize("program", PROGRAMS)
def test_on_four_devices(program):
    environment = {
        **os.environ,
        "XLA_FLAGS": f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=4",
        "PYTHONPATH": os.pathsep.join(p for p in sys.path if p),
    }
    command = [sys.executable, "-W", "error::UserWarning", str(Path(__file__).with_name("programs.py")), program]
    run = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert run.returncode == 0, run.stderr


def mesh(keras, shape=(1,), names=("batch",), devices=("cpu:0",)):
    return keras.distribution.DeviceMesh(shape, names, devices)


@beside_keras
def test_meshes_and_layouts(keras):
    d = keras.distribution
    devices = mesh(keras, (1, 1), ("batch", "model"))
    layouts = d.LayoutMap(devices)
    layouts[".*dense.*kernel"] = (None, "model")
    layouts["out/bias"] = d.TensorLayout(("model",))
    loose = d.TensorLayout(["batch", None])
    loose.device_mesh = devices
    paths = ("dense_1/kernel", "dense/kernel/more", "out/bias", "out/bias_1", "x")
    return [
        *map(repr, (devices, d.TensorLayout(("batch",)), loose, *(layouts[path] for path in paths))),
        (tuple(devices.shape), tuple(devices.axis_names), devices.devices.tolist(), loose.axes),
        (len(layouts), list(layouts), "nowhere" in layouts, layouts.get("nowhere", 3)),
    ]


@beside_keras
def test_distributions(keras):
    d = keras.distribution
    layouts = d.LayoutMap(mesh(keras, (1, 1), ("batch", "model")))
    layouts["k"] = ("model", None)
    found = []
    for one in (d.DataParallel(mesh(keras)), d.ModelParallel(layout_map=layouts, batch_dim_name="model")):
        variables = [keras.Variable(np.zeros((2, 3)), name=name) for name in ("k", "other")]
        found += [
            (repr(one), one.batch_dim_name, one.auto_shard_dataset, one.num_model_replicas, one.num_processes),
            (
                one.data_shard_id,
                one.get_data_layout((None, 3)).axes,
                [repr(one.get_variable_layout(v)) for v in variables],
            ),
            (repr(one.get_tensor_layout("k")), repr(one.get_tensor_layout("x")), one.distribute_dataset([1])),
        ]
        with one.scope():
            found.append((d.distribution() is one, keras.Variable(np.zeros((2, 3)), name="k").shape))
        found.append(d.distribution())
    return found


@pytest.mark.parametrize(
    "make",
    [
        lambda d, one: d.DeviceMesh((), ()),
        lambda d, one: d.DeviceMesh((1,), None),
        lambda d, one: d.DeviceMesh((1, 1), ("a",)),
        lambda d, one: d.DeviceMesh((2,), ("a",), ["cpu:0"]),
        lambda d, one: d.TensorLayout(("x",), one),
        lambda d, one: d.TensorLayout(("batch",)).backend_layout,
        lambda d, one: setattr(d.TensorLayout(("batch",), one), "device_mesh", one),
        lambda d, one: d.LayoutMap(one).update(a=3),
        lambda d, one: [m := d.LayoutMap(one), m.update(a=(None,)), m.update(a=(None,))],
        lambda d, one: [m := d.LayoutMap(one), m.update({"a.*": (None,), ".*b": (None,)}), m["ab"]],
        lambda d, one: d.DataParallel(3),
        lambda d, one: d.ModelParallel(),
        lambda d, one: d.ModelParallel(layout_map={}),
        lambda d, one: d.distribute_tensor(np.ones(3), d.TensorLayout(("batch",))),
        lambda d, one: d.initialize(3),
        lambda d, one: d.list_devices("abacus"),
    ],
)
def test_mistakes_raise_as_in_keras(make):
    @beside_keras
    def program(keras):
        return bool(make(keras.distribution, mesh(keras)))

    program()


def test_mistakes_that_keras_takes():
    one = mesh(lamella)
    with pytest.raises(ArgumentError, match="one of \\['batch'\\]; got 'data'"):
        ModelParallel(layout_map=LayoutMap(one), batch_dim_name="data")
    with pytest.raises(ArgumentError, match="needs a device mesh"):
        ModelParallel(layout_map=LayoutMap(None))
    with pytest.raises(ArgumentError, match="Expected a distribution"):
        set_distribution(3)
    with pytest.raises(BackendError, match=r"no devices \['cpu:7'\]"):
        _ = DeviceMesh((1,), ("a",), ["cpu:7"]).backend_mesh
    with pytest.warns(UserWarning, match="first axis"):
        assert DataParallel(mesh(lamella, (1, 1), ("data", "model"))).batch_dim_name == "data"


def test_a_distribution_ends_with_its_block():
    outer, inner = DataParallel(), DataParallel()
    with outer.scope():
        with pytest.raises(KeyError), inner.scope():
            raise KeyError
        assert distribution() is outer
    assert distribution() is None
    set_distribution(outer)
    assert distribution() is outer
    set_distribution(None)


def test_other_backends_say_that_they_know_one_device():
    with lamella.backend.use("numpy"):
        for make in (list_devices, lambda: distribute_tensor(np.ones(1), TensorLayout((None,)))):
            with pytest.raises(BackendError, match="Only the jax backend"):
                make()


def test_several_processes_are_joined(monkeypatch):
    from lamella.backend import _jax_distribution

    heard = []
    monkeypatch.setattr(_jax_distribution, "initialize", lambda *args: heard.append(args))
    initialize("10.0.0.1:1,10.0.0.2:1", process_id=1)
    monkeypatch.setenv("KERAS_DISTRIBUTION_JOB_ADDRESSES", "host:5")
    monkeypatch.setenv("KERAS_DISTRIBUTION_NUM_PROCESSES", "3")
    monkeypatch.setenv("KERAS_DISTRIBUTION_PROCESS_ID", "2")
    initialize()
    assert heard == [("10.0.0.1:1", 2, 1), ("host:5", 3, 2)]


def test_each_process_takes_its_share_of_a_data_set(monkeypatch):
    from lamella.backend import _jax_distribution

    class Divisible:
        def shard(self, shares, share):
            return shares, share

    monkeypatch.setattr(_jax_distribution, "process", lambda: (2, 4))
    monkeypatch.setattr(DataParallel, "num_model_replicas", 4)
    assert DataParallel().distribute_dataset(Divisible()) == (4, 2)
    monkeypatch.setattr(DataParallel, "num_model_replicas", 2)
    assert DataParallel().distribute_dataset(Divisible()) == (2, 1)
    assert DataParallel(auto_shard_dataset=False).distribute_dataset([3]) == [3]
    with pytest.raises(ArgumentError, match="list has none"):
        DataParallel().distribute_dataset([3])
