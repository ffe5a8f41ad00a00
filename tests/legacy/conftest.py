import pytest

from lamella import ops

_MAY_BE_MISSING = ("ctc_loss", "ctc_decode", "image")


@pytest.fixture
def keras_ops(monkeypatch):
    """Where lamella does not have an op yet, Keras's stands in for it, so that what stands on it is tested."""
    keras = pytest.importorskip("keras")
    for name in _MAY_BE_MISSING:
        if name not in vars(ops):
            monkeypatch.setattr(ops, name, getattr(keras.ops, name), raising=False)
