"""Boston and California housing, from small files of their layouts."""

import numpy as np
import pytest
from datasets.dataset_layouts import npz

from lamella.datasets import boston_housing, california_housing
from lamella.errors import ArgumentError, DownloadError


@pytest.fixture
def boston(publish):
    y = np.arange(51.0)
    publish("boston_housing", "boston_housing.npz", npz(x=np.repeat(y[:, None], 13, axis=1), y=y))
    return y


@pytest.fixture
def california(publish):
    y = np.arange(1000, dtype=np.float32)
    publish("california_housing", "california_housing.npz", npz(x=np.repeat(y[:, None], 8, axis=1), y=y))
    return y


@pytest.mark.parametrize(("test_split", "train"), [(0.2, 40), (0.0, 51), (0.33, 34)])
def test_boston_splits_after_a_shuffle(boston, test_split, train):
    (x_train, y_train), (x_test, y_test) = boston_housing.load_data(test_split=test_split)
    assert x_train.shape == (train, 13) and x_test.shape == (51 - train, 13)
    assert x_train.dtype == y_train.dtype == np.float64
    np.testing.assert_array_equal(x_train[:, 0], y_train)
    together = np.concatenate([y_train, y_test])
    assert sorted(together) == boston.tolist() and together.tolist() != boston.tolist()


def test_the_order_is_that_of_the_seed(boston):
    order = np.arange(51)
    np.random.RandomState(113).shuffle(order)
    (_, first), _ = boston_housing.load_data()
    assert first.tolist() == order[:40].tolist()
    (_, other), _ = boston_housing.load_data(seed=5)
    assert other.tolist() != first.tolist()


@pytest.mark.parametrize(("version", "total"), [("large", 1000), ("small", 600)])
def test_california_has_two_sizes(california, version, total):
    (x_train, y_train), (x_test, _) = california_housing.load_data(version)
    assert x_train.shape == (total * 8 // 10, 8) and len(x_test) == total * 2 // 10
    assert x_train.dtype == y_train.dtype == np.float32
    np.testing.assert_array_equal(x_train[:, 0], y_train)
    assert y_train.max() < total


@pytest.mark.parametrize("dataset", [boston_housing, california_housing])
@pytest.mark.parametrize("test_split", [-0.1, 1.0, float("nan")])
def test_a_split_outside_its_range(dataset, test_split, home):
    with pytest.raises(ArgumentError, match=r"\[0, 1\)"):
        dataset.load_data(test_split=test_split)
    assert not home.exists()


def test_an_unknown_version():
    with pytest.raises(ArgumentError, match="'medium'"):
        california_housing.load_data("medium")


def test_path_is_where_the_file_is_kept(boston, home, tmp_path):
    boston_housing.load_data(path="mine.npz")
    assert (home / "datasets" / "mine.npz").is_file()
    boston_housing.load_data(path=tmp_path / "elsewhere.npz")
    assert (tmp_path / "elsewhere.npz").is_file()


def test_a_file_placed_by_hand_needs_no_network(boston, home, monkeypatch):
    boston_housing.load_data()
    monkeypatch.delenv("LAMELLA_DATASET_MIRRORS")
    monkeypatch.setattr(boston_housing, "PUBLIC", "http://127.0.0.1:9/")
    boston_housing.load_data()


def test_a_failed_download_says_what_to_do(home, monkeypatch):
    monkeypatch.setenv("LAMELLA_DATASET_MIRRORS", "http://127.0.0.1:9/a http://127.0.0.1:9/b/")
    monkeypatch.setattr(boston_housing, "PUBLIC", "http://127.0.0.1:9/public/")
    with pytest.raises(DownloadError) as caught:
        boston_housing.load_data()
    text = str(caught.value)
    for place in ("a", "b", "public"):
        assert f"http://127.0.0.1:9/{place}/boston_housing.npz: ConnectionRefusedError" in text
    assert f"save it as\n  {home / 'datasets' / 'boston_housing.npz'}" in text


def test_another_file_is_refused_before_it_is_read(boston, home, monkeypatch):
    monkeypatch.setattr(boston_housing, "_HASH", "sha256:" + "0" * 64)
    monkeypatch.setattr(boston_housing, "PUBLIC", "http://127.0.0.1:9/")
    monkeypatch.setattr(boston_housing, "load_npz", None)
    with pytest.raises(DownloadError, match="does not match"):
        boston_housing.load_data()
