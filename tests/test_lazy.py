"""Names that load at first use, and the text that reaches the user when one is missing."""

import importlib
import importlib.util
import json
import sys
from pathlib import Path

import pytest

import lamella
from lamella import _lazy
from lamella.errors import LamellaError

FILES = {
    "__init__.py": """
        from lamella._lazy import attach
        __getattr__, __dir__ = attach(__name__, {
            "layers": ".layers",
            "Dense": "demo.layers",
            "Layer": ("demo.layers", "Dense"),
            "blocks": ("demo.layers", ""),
        })
    """,
    "layers/__init__.py": """
        from lamella._lazy import missing
        __getattr__ = missing(__name__)
        class Dense: pass
        class Conv1D: pass
    """,
    "layers/plain.py": """
        from lamella._lazy import missing
        __getattr__ = missing(__name__)
        def load_data(): pass
    """,
}


@pytest.fixture
def demo(tmp_path, monkeypatch):
    """A package `demo` with a lazy root and an eager subpackage, forgotten afterwards."""
    import textwrap

    for name, text in FILES.items():
        path = tmp_path / "demo" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("demo")
    for name in [n for n in sys.modules if n.partition(".")[0] == "demo"]:
        del sys.modules[name]


def raised_by(statement):
    with pytest.raises(Exception) as caught:
        exec(statement, {})
    return caught.value


def test_a_name_loads_at_first_use_and_stays(demo):
    assert "demo.layers" not in sys.modules
    assert demo.Dense.__module__ == "demo.layers"
    assert "Dense" in vars(demo)
    assert demo.Layer is demo.Dense
    assert demo.layers is demo.blocks is sys.modules["demo.layers"]


def test_dir_lists_unloaded_names(demo):
    assert {"Dense", "Layer", "layers", "__name__"} <= set(dir(demo))


def test_from_import_loads_names_and_submodules(demo):
    exec("from demo import Dense, layers\nfrom demo.layers import plain\nimport demo.layers.plain", {})


@pytest.mark.parametrize(
    ("statement", "kinds", "expected"),
    [
        (
            "import demo; demo.layers.Conv2D",
            (AttributeError,),
            "Keras 3.15 has keras.layers.Conv2D, but lamella",
        ),
        ("from demo.layers import Conv2D", (ImportError,), "Keras 3.15 has keras.layers.Conv2D, but lamella"),
        ("from demo.layers import Conv2D", (ImportError,), "Nearest names in lamella.layers: Conv1D."),
        ("import demo; demo.layers.Dens", (AttributeError,), "Neither lamella"),
        ("from demo.layers import Dens", (ImportError,), "Nearest names in lamella.layers: Dense."),
        ("from demo.layers import Adam", (ImportError,), "Keras has that name at keras.optimizers.Adam"),
        ("from demo import Dens", (ImportError,), "Nearest names in lamella: Dense."),
        ("from demo.layers.plain import load_dat", (ImportError,), "load_data"),
        ("from demo import src", (ImportError,), "private to Keras"),
    ],
)
def test_a_missing_name_is_explained(demo, statement, kinds, expected):
    error = raised_by(statement)
    assert isinstance(error, LamellaError)
    assert isinstance(error, kinds)
    assert expected in str(error)


def test_a_from_import_late_in_a_long_module_is_explained(demo):
    # Beyond 255 names Python's bytecode puts prefixes before the instruction that we look for.
    names = "\n".join(f"name_{i} = 'text {i}'" for i in range(600))
    assert "keras.layers.Conv2D" in str(raised_by(f"{names}\nfrom demo.layers import Conv2D"))


def test_hasattr_stays_false_and_quiet(demo):
    assert not hasattr(demo, "nope")
    assert not hasattr(demo.layers, "Conv2D")
    assert not hasattr(demo.layers, "_private")
    assert getattr(demo.layers, "__wrapped__", None) is None


def test_python_adds_no_second_suggestion(demo):
    import traceback

    error = raised_by("import demo; demo.layers.Dens")
    assert "Did you mean" not in "".join(traceback.format_exception(error))


@pytest.mark.parametrize("name", ["lamella.zzz", "lamella.zzz.deeper"])
def test_a_missing_module_is_explained(name):
    error = raised_by(f"import {name}")
    assert isinstance(error, ModuleNotFoundError)
    assert isinstance(error, LamellaError)
    assert error.name == "lamella.zzz"
    assert "Neither lamella" in str(error)


def test_a_module_of_keras_is_named_as_such(monkeypatch):
    monkeypatch.setattr(_lazy, "_keras_names", lambda: ["zzz"])
    assert "Keras 3.15 has keras.zzz, but lamella" in str(raised_by("import lamella.zzz"))


def test_asking_whether_a_module_exists_is_no_error():
    assert importlib.util.find_spec("lamella.zzz") is None
    assert importlib.util.find_spec("lamella.datasets") is not None


def test_the_root_explains_missing_modules_once():
    importlib.reload(lamella)
    assert sys.meta_path.count(_lazy._MissingModuleFinder) == 1


def test_the_list_of_keras_names_is_sorted_and_whole():
    names = json.loads(Path(_lazy.__file__).with_name("_keras_names.json").read_text())
    assert names == sorted(set(names))
    assert {"layers.Dense", "ops.matmul", "datasets.mnist.load_data", "Sequential"} <= set(names)
    assert not [n for n in names if "._" in n or n.startswith(("_", "src"))]
