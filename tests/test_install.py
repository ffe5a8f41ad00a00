"""`import keras` means lamella after `install_as_keras()`. Each test is a program of its own."""

import importlib.util
import subprocess
import sys
import textwrap

import pytest

without_tensorflow = pytest.mark.skipif(
    importlib.util.find_spec("tensorflow") is not None, reason="TensorFlow is installed"
)


def run(program, folder):
    """Run `program` after an installation; its asserts are the test."""
    script = folder / "program.py"
    script.write_text(
        "import sys\nfrom lamella._install import install_as_keras\ninstallation = install_as_keras()\n"
        + textwrap.dedent(program)
    )
    done = subprocess.run([sys.executable, "-W", "error", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_keras_is_lamella_itself(tmp_path):
    run(
        """
        import keras, lamella
        assert keras is lamella
        import keras.datasets
        import keras.datasets.mnist as m
        from keras.datasets import mnist
        from keras.datasets.mnist import load_data
        import lamella.datasets.mnist
        assert m is mnist is lamella.datasets.mnist is keras.datasets.mnist
        assert keras.datasets is lamella.datasets
        assert load_data is lamella.datasets.mnist.load_data
        assert m.__name__ == m.__spec__.name == "lamella.datasets.mnist"
        assert lamella.__spec__.name == "lamella"
        """,
        tmp_path,
    )


def test_what_lamella_loads_later_is_the_same_module(tmp_path):
    run(
        """
        import importlib
        import lamella.errors
        import keras.errors
        assert importlib.import_module("keras.errors") is lamella.errors
        imdb = importlib.import_module("lamella.datasets.imdb")
        assert importlib.import_module("keras.datasets.imdb") is imdb
        assert importlib.util.find_spec("keras.datasets.cifar10") is not None
        """,
        tmp_path,
    )


def test_it_is_idempotent_and_can_be_undone(tmp_path):
    run(
        """
        import keras.datasets
        assert install_as_keras() is installation
        installation.uninstall()
        installation.uninstall()
        assert not [n for n in sys.modules if n.partition(".")[0] == "keras"]
        import lamella.datasets
        with install_as_keras() as second:
            assert second is not installation
            import keras
            assert keras.datasets is lamella.datasets
        assert "keras" not in sys.modules
        """,
        tmp_path,
    )


def test_private_and_missing_modules_are_explained(tmp_path):
    run(
        """
        import importlib.util
        def error_of(statement):
            try:
                exec(statement, {})
            except Exception as error:
                return error
        for name in ("keras.src.layers", "keras.src", "keras._tf_keras"):
            error = error_of("import " + name)
            assert isinstance(error, ImportError) and "private" in str(error), error
        error = error_of("import keras.zzz")
        assert isinstance(error, ModuleNotFoundError) and error.name == "keras.zzz", error
        assert "Neither lamella" in str(error)
        error = error_of("from keras.datasets import mnits")
        assert isinstance(error, ImportError), error
        assert "Nearest names in lamella.datasets: mnist" in str(error), error
        import keras
        assert not hasattr(keras, "nope")
        assert importlib.util.find_spec("keras.zzz") is None
        assert importlib.util.find_spec("keras.src") is None
        """,
        tmp_path,
    )


def test_an_error_inside_a_module_is_not_taken_for_a_missing_module(tmp_path):
    (tmp_path / "broken.py").write_text("import something_that_is_not_there")
    run(
        """
        import lamella
        lamella.__path__.append(sys.path[0])
        try:
            import keras.broken
        except ModuleNotFoundError as error:
            assert error.name == "something_that_is_not_there"
        """,
        tmp_path,
    )


def test_the_real_keras_must_not_be_there_already(tmp_path):
    run(
        """
        import types
        from lamella.errors import LamellaError
        installation.uninstall()
        sys.modules["keras"] = types.ModuleType("keras")
        try:
            install_as_keras()
        except LamellaError as error:
            assert "already imported" in str(error) and "lamella run" in str(error)
        else:
            raise AssertionError
        """,
        tmp_path,
    )


@without_tensorflow
def test_tensorflow_keras_is_lamella(tmp_path):
    run(
        """
        import lamella, lamella.datasets
        from tensorflow import keras
        import tensorflow.keras as k
        import tensorflow as tf
        from tensorflow.keras import datasets
        from tensorflow.keras.datasets import mnist
        import importlib
        assert keras is k is tf.keras is lamella
        assert datasets is lamella.datasets
        assert mnist is lamella.datasets.mnist is importlib.import_module("tensorflow.keras.datasets.mnist")
        installation.uninstall()
        assert not [n for n in sys.modules if n.partition(".")[0] == "tensorflow"]
        """,
        tmp_path,
    )


@without_tensorflow
def test_the_rest_of_tensorflow_is_explained(tmp_path):
    run(
        """
        import importlib.util
        assert importlib.util.find_spec("tensorflow") is None  # who asks hears the truth
        import tensorflow as tf
        for statement in ("tf.constant", "from tensorflow import constant", "import tensorflow.data"):
            try:
                exec(statement, {"tf": tf})
            except (AttributeError, ImportError) as error:
                assert "TensorFlow, which is not installed" in str(error), error
            else:
                raise AssertionError(statement)
        assert not hasattr(tf, "constant") and not hasattr(tf, "__version__")
        try:
            import tensorflow.keras.zzz
        except ModuleNotFoundError as error:
            assert "Neither lamella" in str(error)
        """,
        tmp_path,
    )


@without_tensorflow
def test_installed_libraries_do_not_find_a_tensorflow(tmp_path):
    library = tmp_path / "site-packages"
    library.mkdir()
    look = "try:\n    import tensorflow\nexcept ImportError:\n    tensorflow = None\n"
    (library / "curious.py").write_text(look)
    run(
        f"""
        sys.path.append({str(library)!r})
        import curious
        assert curious.tensorflow is None
        """,
        tmp_path,
    )


def test_a_tensorflow_that_is_there_is_left_alone(tmp_path):
    (tmp_path / "tensorflow").mkdir()
    (tmp_path / "tensorflow" / "__init__.py").write_text("constant = 1")
    (tmp_path / "tensorflow" / "keras.py").write_text("mine = True")
    run("import tensorflow.keras as k, tensorflow\nassert k.mine and tensorflow.constant == 1", tmp_path)
