"""A disk that is full at any moment of saving: an error that says so, and what stood there before is kept.

A limit of the size of files stands for the full disk. HDF5 itself crashes the process when it closes a file that it could not write.
"""

import contextlib
import resource

import numpy as np
import pytest

import lamella as keras
from lamella.saving._entries import Group
from lamella.saving._hdf5 import groups_of, open_hdf5, write_group
from lamella.saving._sink import new_hdf5

FORMS = {
    "m.keras": lambda model, path: model.save(path),
    "m.h5": lambda model, path: model.save(path),
    "folder": lambda model, path: model.save(path, zipped=False),
    "w.weights.h5": lambda model, path: model.save_weights(path),
    "w.npz": lambda model, path: model.save_weights(path),
    "w.safetensors": lambda model, path: model.save_weights(path),
    "w.weights.json": lambda model, path: model.save_weights(path, max_shard_size=1),
}


@contextlib.contextmanager
def disk_of(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def content(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", FORMS)
def test_what_stood_there_is_kept(tmp_path, name):
    with keras.backend.use("numpy"):
        model = keras.Sequential([keras.Input((100,)), keras.layers.Dense(100), keras.layers.Dense(3)])
        FORMS[name](model, tmp_path / name)
        before = content(tmp_path)
        for size in (1, 500, 3000, 11_000, 30_000, 41_000):
            with disk_of(size), pytest.raises(OSError, match=r"could not be written: .*File too large"):
                FORMS[name](model, tmp_path / name)
            assert content(tmp_path) == before
        FORMS[name](model, tmp_path / name)


@pytest.mark.parametrize("size", [0, 100, 2000, 9000, 10**6, 3 * 10**6, 5 * 10**6])
def test_hdf5_never_sees_the_error(tmp_path, size):
    """Arrays larger and smaller than what is kept in memory; HDF5 reads back what it wrote."""
    arrays = {str(i): np.full(n, i, "float32") for i, n in enumerate((10, 10**6, 1000, 10**6, 3))}
    groups = [Group(f"g{i}", "g", arrays) for i in range(2)]

    def write():
        with new_hdf5(tmp_path / "a.h5") as file:
            for group in groups:
                write_group(file, group)
            file["g0/vars"].attrs["more"] = "x" * 5000

    with disk_of(size), pytest.raises(OSError, match="File too large"):
        write()
    write()
    with open_hdf5(tmp_path / "a.h5") as file:
        found = groups_of(file)
        for group in groups:
            for key, value in arrays.items():
                np.testing.assert_array_equal(found[group.path][key].read(), value)
