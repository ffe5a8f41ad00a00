"""The public names and signatures of all datasets, and what importing them costs."""

import inspect
import subprocess
import sys

import pytest

from lamella import datasets

SIGNATURES = {
    "mnist.load_data": "path='mnist.npz'",
    "fashion_mnist.load_data": "",
    "cifar10.load_data": "",
    "cifar100.load_data": "label_mode='fine'",
    "boston_housing.load_data": "path='boston_housing.npz', test_split=0.2, seed=113",
    "california_housing.load_data": "version='large', path='california_housing.npz', test_split=0.2, seed=113",
    "imdb.load_data": "path='imdb.npz', num_words=None, skip_top=0, maxlen=None, seed=113, start_char=1, "
    "oov_char=2, index_from=3, **kwargs",
    "imdb.get_word_index": "path='imdb_word_index.json'",
    "reuters.load_data": "path='reuters.npz', num_words=None, skip_top=0, maxlen=None, test_split=0.2, "
    "seed=113, start_char=1, oov_char=2, index_from=3",
    "reuters.get_word_index": "path='reuters_word_index.json'",
    "reuters.get_label_names": "",
}


@pytest.mark.parametrize("name", SIGNATURES)
def test_signatures_are_those_of_keras(name):
    module, function = name.split(".")
    signature = inspect.signature(getattr(getattr(datasets, module), function))
    bare = [p.replace(annotation=inspect.Parameter.empty) for p in signature.parameters.values()]
    assert str(inspect.Signature(bare)) == f"({SIGNATURES[name]})"


def test_all_names_all_modules():
    assert set(datasets.__all__) == {name.partition(".")[0] for name in SIGNATURES}
    assert set(datasets.__all__) <= set(dir(datasets))
    for name in datasets.__all__:
        module = getattr(datasets, name)
        assert {f"{name}.{public}" for public in module.__all__} <= set(SIGNATURES)
        assert module.__doc__ and all(getattr(module, public).__doc__ for public in module.__all__)


def test_importing_them_loads_no_array_library():
    program = "import sys, lamella.datasets; print([m for m in ('numpy', 'jax', 'pooch') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr


def test_a_misspelled_name_is_explained():
    with pytest.raises(AttributeError, match=r"Nearest names in lamella\.datasets: mnist"):
        _ = datasets.mnits
    with pytest.raises(ImportError, match=r"Nearest names in lamella\.datasets\.mnist: load_data"):
        exec("from lamella.datasets.mnist import load_dat")
