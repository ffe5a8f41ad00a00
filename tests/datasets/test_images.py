"""Fashion-MNIST, CIFAR-10 and CIFAR-100, from small files of their layouts."""

import numpy as np
import pytest
from datasets.dataset_layouts import idx, python2_pickle, tar_gz

import lamella.backend
from lamella.datasets import cifar10, cifar100, fashion_mnist
from lamella.errors import ArgumentError, DataError, DownloadError


def bytes_like(rng, *shape):
    return rng.integers(0, 256, shape).astype(np.uint8)


def test_fashion_mnist(publish, rng, home):
    arrays = {
        "train-images-idx3-ubyte.gz": bytes_like(rng, 5, 28, 28),
        "train-labels-idx1-ubyte.gz": bytes_like(rng, 5) % 10,
        "t10k-images-idx3-ubyte.gz": bytes_like(rng, 3, 28, 28),
        "t10k-labels-idx1-ubyte.gz": bytes_like(rng, 3) % 10,
    }
    for name, array in arrays.items():
        publish("fashion_mnist", name, idx(array), "_MD5")
    (x_train, y_train), (x_test, y_test) = fashion_mnist.load_data()
    for ours, theirs in zip((x_train, y_train, x_test, y_test), arrays.values(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
        assert ours.dtype == np.uint8 and ours.flags.writeable
    assert {p.name for p in (home / "datasets" / "fashion-mnist").iterdir()} == set(arrays)


def test_fashion_mnist_of_another_layout(publish, rng):
    import gzip

    for name in fashion_mnist._MD5:
        publish("fashion_mnist", name, gzip.compress(b"\0\0\x08\1\0\0\0\5abc"), "_MD5")
    with pytest.raises(DataError, match="IDX"):
        fashion_mnist.load_data()


def cifar_archive(rng, members, keys):
    """An archive of the batches `members` (name: samples), and the batches."""
    batches = {}
    for name, count in members.items():
        batch = {b"data": bytes_like(rng, count, 3072), b"filenames": [b"a.png"] * count}
        for key, classes in keys.items():
            batch[key] = [int(label) for label in rng.integers(0, classes, count)]
        batches[name] = batch
    readme = {"some/readme.html": b"hello"}
    return tar_gz(**readme, **{name: python2_pickle(batch) for name, batch in batches.items()}), batches


@pytest.fixture
def ten(publish, rng):
    members = {f"cifar-10-batches-py/data_batch_{i}": 2 for i in (3, 1, 2, 5, 4)}
    members["cifar-10-batches-py/test_batch"] = 3
    archive, batches = cifar_archive(rng, members, {b"labels": 10})
    publish("cifar10", "cifar-10-python.tar.gz", archive)
    return batches


def test_cifar10(ten):
    (x_train, y_train), (x_test, y_test) = cifar10.load_data()
    assert x_train.shape == (10, 32, 32, 3) and x_test.shape == (3, 32, 32, 3)
    assert y_train.shape == (10, 1) and y_test.shape == (3, 1)
    assert {a.dtype for a in (x_train, y_train, x_test, y_test)} == {np.dtype(np.uint8)}
    fourth = ten["cifar-10-batches-py/data_batch_4"]
    red, green, blue = fourth[b"data"][1].reshape(3, 32, 32)
    np.testing.assert_array_equal(x_train[7], np.stack([red, green, blue], axis=-1))
    assert y_train[6:8, 0].tolist() == fourth[b"labels"]


def test_cifar10_with_channels_first(ten):
    (expected, _), _ = cifar10.load_data()
    lamella.backend.set_image_data_format("channels_first")
    try:
        (x_train, _), (x_test, _) = cifar10.load_data()
    finally:
        lamella.backend.set_image_data_format("channels_last")
    assert x_test.shape == (3, 3, 32, 32)
    np.testing.assert_array_equal(x_train.transpose(0, 2, 3, 1), expected)


def test_an_archive_that_keras_downloaded_is_used(ten, home, monkeypatch):
    cifar10.load_data()
    folder = home / "datasets"
    (folder / "cifar-10-python.tar.gz").rename(folder / "cifar-10-batches-py-target_archive")
    monkeypatch.setenv("LAMELLA_DATASET_MIRRORS", "http://127.0.0.1:9/")
    monkeypatch.setattr(cifar10, "_URL", "http://127.0.0.1:9/cifar-10-python.tar.gz")
    cifar10.load_data()
    (folder / "cifar-10-batches-py-target_archive").write_bytes(b"other")
    with pytest.raises(DownloadError):
        cifar10.load_data()


@pytest.mark.parametrize(("mode", "classes"), [("fine", 100), ("coarse", 20)])
def test_cifar100(publish, rng, mode, classes):
    members = {"cifar-100-python/train": 6, "cifar-100-python/test": 2}
    archive, batches = cifar_archive(rng, members, {b"fine_labels": 100, b"coarse_labels": 20})
    publish("cifar100", "cifar-100-python.tar.gz", archive)
    (x_train, y_train), (x_test, y_test) = cifar100.load_data(label_mode=mode)
    assert x_train.shape == (6, 32, 32, 3) and x_train.dtype == np.uint8
    assert y_train.dtype == y_test.dtype == np.int64  # as Keras has it, unlike CIFAR-10's
    assert y_train[:, 0].tolist() == batches["cifar-100-python/train"][f"{mode}_labels".encode()]
    assert y_test.shape == (2, 1) and len(x_test) == 2


def test_cifar100_of_another_mode():
    with pytest.raises(ArgumentError, match=r"'medium'"):
        cifar100.load_data("medium")


def test_an_archive_that_lacks_a_batch(publish, rng):
    archive, _ = cifar_archive(rng, {"cifar-100-python/train": 1}, {b"fine_labels": 100})
    publish("cifar100", "cifar-100-python.tar.gz", archive)
    with pytest.raises(DataError, match="lacks cifar-100-python/test"):
        cifar100.load_data()
