"""Files that Keras writes are read here, and those written here are read by Keras: the same predictions, the same next step.

Keras runs once, as a program of its own, over all models (`exchanged_models.py`).
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from saving import exchanged_models as exchange

import lamella

pytest.importorskip("keras")

# Outputs of half precision differ in their last bits.
TOLERANCE = {"mixed_precision": 2e-2, "bfloat16": 2e-2}


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """A folder in which both libraries have written every model, and Keras has read those of lamella."""
    folder = tmp_path_factory.mktemp("exchange")
    (folder / "lamella").mkdir()
    lamella.utils.set_random_seed(1)
    lamella.utils.clear_session()
    exchange.classes(lamella)
    program = Path(exchange.__file__)
    for name in exchange.ROWS:
        exchange.write_all(lamella, name, folder / "lamella")
    environment = {
        **os.environ,
        "KERAS_BACKEND": "jax",
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
        "JAX_COMPILATION_CACHE_DIR": str(folder / "cache"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    }
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(program), str(folder)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return folder


def compare(name, got, expected):
    assert set(got) == set(expected)
    tolerance = TOLERANCE.get(name, 1e-4)
    for key in expected:
        np.testing.assert_allclose(got[key], expected[key], rtol=tolerance, atol=tolerance, err_msg=key)


PAIRS = [(name, ending) for name in exchange.ROWS for ending in exchange.endings(name)]


@pytest.mark.slow
@pytest.mark.parametrize("name, ending", PAIRS)
def test_keras_reads_what_lamella_writes(folder, name, ending):
    failures = json.loads((folder / "failures.json").read_text())
    assert f"{name}{ending}" not in failures, failures[f"{name}{ending}"]
    expected = dict(np.load(folder / "lamella" / f"{name}.npz"))
    if ending == ".h5":  # the state of the optimizer is compared in the file
        expected = {key: value for key, value in expected.items() if key.startswith("prediction")}
    compare(name, np.load(folder / "keras" / f"{name}{ending}.read.npz"), expected)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(exchange.EVERY_FORMAT))
def test_the_state_of_the_optimizer_stands_in_an_h5_file_where_keras_puts_it(folder, name):
    def listed(library):
        with h5py.File(folder / library / f"{name}.h5") as file:
            weights = file["optimizer_weights"]
            return [(key, weights[key].shape, weights[key].dtype) for key in weights.attrs["weight_names"]]

    mine, theirs = listed("lamella"), listed("keras")
    assert [rest for _, *rest in mine] == [rest for _, *rest in theirs]
    if name == "dense":
        assert mine == theirs


@pytest.mark.slow
@pytest.mark.parametrize("name, ending", PAIRS)
def test_lamella_reads_what_keras_writes(folder, name, ending):
    failures = json.loads((folder / "failures.json").read_text())
    assert f"{name} made" not in failures, failures[f"{name} made"]
    model = exchange.read(lamella, name, folder / "keras", ending)
    compare(name, exchange.observed(name, model), np.load(folder / "keras" / f"{name}.npz"))


def test_the_table_is_long_enough():
    assert len(exchange.ROWS) >= 40
