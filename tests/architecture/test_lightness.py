"""What an import loads, and where the array libraries may be named."""

import os
import subprocess
import sys

import pytest
from architecture.sources import imports

ARRAY_LIBRARIES = {"jax", "jaxlib", "torch", "tensorflow", "keras", "flax", "cupy", "array_api_compat"}
HEAVY = {*ARRAY_LIBRARIES, "h5py", "pandas", "pyarrow", "scipy", "matplotlib", "rich", "typer", "pooch", "PIL"}

# Not the library itself, but lamella under its name; and the layers that wrap what is written for one library.
UNDER_A_NAME = {
    ("layers/_jax_layer.py", "jax"),
    ("layers/_jax_layer.py", "jax.numpy"),
    ("layers/_torch_module.py", "torch"),
    ("layers/_tfsm_layer.py", "tensorflow"),
    ("_install.py", "tensorflow.keras"),
}


def loaded_by(code: str) -> set[str]:
    """The top-level packages that are loaded after `code` ran in a process of its own."""
    code += "\nimport sys; print(' '.join({name.partition('.')[0] for name in sys.modules}))"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env=environment)
    return set(run.stdout.split())


def test_importing_the_root_loads_neither_an_array_library_nor_numpy():
    assert not loaded_by("import lamella") & {*HEAVY, "numpy"}


@pytest.mark.parametrize(
    "code",
    [
        "import lamella.backend",
        "from lamella import layers",
        "from lamella import ops, random, activations, initializers, regularizers, constraints",
        "from lamella import losses, metrics, optimizers, models, callbacks, saving, tree, config, utils",
        "import lamella as keras; keras.layers.Dense; keras.Sequential; keras.losses.MeanSquaredError",
        "from lamella.datasets import mnist",
    ],
)
def test_importing_a_folder_loads_no_array_library(code):
    assert not loaded_by(code) & (ARRAY_LIBRARIES - {"array_api_compat"})


def test_array_libraries_are_imported_by_the_backend_only():
    wrong = [
        f"{one.file}:{one.line} imports {one.module}"
        for one in imports()
        if one.module.partition(".")[0] in ARRAY_LIBRARIES
        and one.importer != "backend"
        and (one.file, one.module) not in UNDER_A_NAME
    ]
    assert not wrong, "\n".join(wrong)


def test_each_adapter_names_its_own_library():
    """`backend/_jax*.py` alone imports jax, and so on: the shared modules load none."""
    wrong = [
        f"{one.file}:{one.line} imports {one.module}"
        for one in imports()
        if (root := one.module.partition(".")[0].removesuffix("lib")) in ("jax", "torch", "tensorflow")
        and not one.file.startswith(f"backend/_{root}")
        and (one.file, one.module) not in UNDER_A_NAME
    ]
    assert not wrong, "\n".join(wrong)
