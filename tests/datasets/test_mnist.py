"""MNIST, as it lies in the package."""

import hashlib
import struct
import subprocess
import sys
import time

import numpy as np
import pytest

from lamella.datasets import mnist
from lamella.errors import DataError

# MD5 of the four files that the authors published, uncompressed.
ORIGINALS = {
    "x_train": "6bbc9ace898e44ae57da46a324031adb",
    "y_train": "a25bea736e30d166cdddb491f175f624",
    "x_test": "2646ac647ad5339dbf082846283269ea",
    "y_test": "27ae3e4e09519cfbb04c329615203637",
}


def test_it_is_what_the_authors_published():
    (x_train, y_train), (x_test, y_test) = mnist.load_data()
    arrays = {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}
    assert {name: array.shape for name, array in arrays.items()} == mnist._SHAPES
    for name, array in arrays.items():
        assert array.dtype == np.uint8
        assert array.flags.writeable and array.flags.c_contiguous
        header = struct.pack(f">{1 + array.ndim}I", 0x800 + array.ndim, *array.shape)
        assert hashlib.md5(header + array.tobytes()).hexdigest() == ORIGINALS[name]
    assert y_train[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]


def test_each_call_returns_arrays_of_its_own():
    (x_train, _), _ = mnist.load_data()
    x_train[:] = 0
    (again, _), _ = mnist.load_data()
    assert again.any()


def test_it_loads_in_well_under_half_a_second():
    def duration():
        start = time.perf_counter()
        mnist.load_data()
        return time.perf_counter() - start

    assert min(duration() for _ in range(3)) < 0.5  # about 0.15 s on two cores at rest


def test_it_needs_neither_network_nor_home(tmp_path):
    program = (
        "import socket, lamella.datasets.mnist as m\n"
        "def refuse(*a, **k): raise AssertionError('network')\n"
        "socket.socket.connect = refuse\n"
        "print(m.load_data()[0][0].shape)\n"
    )
    home = tmp_path / "home"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        env={**__import__("os").environ, "KERAS_HOME": str(home)},
    )
    assert done.stdout == "(60000, 28, 28)\n", done.stderr
    assert not home.exists()


def test_path_places_a_copy_and_reads_it(home):
    (x_train, _), _ = mnist.load_data("digits/mine.npz")
    file = home / "datasets" / "digits" / "mine.npz"
    assert file.read_bytes() == mnist._CARRIED.read_bytes()
    (again, _), _ = mnist.load_data("digits/mine.npz")
    assert (again == x_train).all()
    assert [p.name for p in file.parent.iterdir()] == ["mine.npz"]


def test_path_reads_what_is_there(home, tmp_path):
    (x_train, y_train), (x_test, y_test) = mnist.load_data()
    file = tmp_path / "other.npz"
    np.savez(file, x_train=255 - x_train, y_train=y_train, x_test=x_test, y_test=y_test)
    (inverted, _), _ = mnist.load_data(path=file)
    assert (inverted == 255 - x_train).all()


def test_another_file_at_path(home, tmp_path):
    np.savez(tmp_path / "a.npz", x_train=np.zeros((3, 28, 28)))
    with pytest.raises(DataError, match=r"not MNIST: its array 'x_train'"):
        mnist.load_data(tmp_path / "a.npz")


def test_a_damaged_copy_is_noticed(monkeypatch, tmp_path):
    content = bytearray(mnist._CARRIED.read_bytes())
    content[1000] ^= 1
    (tmp_path / "mnist.npz").write_bytes(content)
    monkeypatch.setattr(mnist, "_CARRIED", tmp_path / "mnist.npz")
    with pytest.raises(DataError, match="damaged"):
        mnist.load_data()


def test_its_licence_is_carried_too():
    notice = mnist._CARRIED.with_name("NOTICE").read_text()
    assert "CC BY-SA 3.0" in notice and "LeCun" in notice
    assert all(digest in notice for digest in ORIGINALS.values())
