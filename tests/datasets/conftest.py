"""A server on this machine that stands in for the public ones."""

import functools
import hashlib
import http.server
import threading

import numpy as np
import pytest

from lamella import datasets


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty Keras home directory."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def publish(tmp_path, monkeypatch, home):
    """A function that puts a file on the server, and makes its hash the one that the dataset knows."""
    folder = tmp_path / "public"
    folder.mkdir()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=folder))
    thread = threading.Thread(target=httpd.serve_forever, args=(0.01,))
    thread.start()
    monkeypatch.setenv("LAMELLA_DATASET_MIRRORS", f"http://127.0.0.1:{httpd.server_address[1]}/")

    def put(dataset, name, content, constant="_HASH"):
        (folder / name).write_bytes(content)
        module = getattr(datasets, dataset)
        known = getattr(module, constant)
        if isinstance(known, dict):
            monkeypatch.setitem(known, name, hashlib.md5(content).hexdigest())
        else:
            algorithm = known.partition(":")[0]
            monkeypatch.setattr(module, constant, f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}")
        return module

    yield put
    httpd.shutdown()
    thread.join()
    httpd.server_close()


@pytest.fixture
def rng():
    return np.random.default_rng(7)
