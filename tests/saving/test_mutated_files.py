"""Files of every format, changed at random, are read or refused: nothing but the documented errors comes out.

A short run of the same examples each time; LAMELLA_FUZZ=5000 makes it a long one of new examples. What it finds goes to
`corpus/`, named by the format, and stays: `python -m pytest tests/saving/test_mutated_files.py -k corpus`.
"""

import contextlib
import hashlib
import os
import shutil
import warnings
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from saving import mutations

import lamella as keras
from lamella.errors import LamellaError
from lamella.saving._content import opened

CORPUS = Path(__file__).with_name("corpus")
FOUND: dict[str, Path] = {}
EXAMPLES = int(os.environ.get("LAMELLA_FUZZ", "0"))
LONG = settings(
    max_examples=EXAMPLES or 20,
    derandomize=not EXAMPLES,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module", autouse=True)
def on_numpy():
    with keras.backend.use("numpy"):
        yield


@pytest.fixture(scope="module")
def model(originals):
    return originals[1]


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    folder = tmp_path_factory.mktemp("originals")
    return folder, mutations.write_all(folder)


@pytest.fixture(scope="module")
def place(originals, tmp_path_factory):
    """A folder to put changed files in; the parts of weights stand beside the index."""
    folder = tmp_path_factory.mktemp("changed")
    for part in originals[0].glob("w_*.weights.h5"):
        shutil.copy(part, folder)
    return folder


def read(path, model):
    """All that reads such a file; the documented errors are what may come out."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for reader in (_look, _load, _load_weights, _go_on):
            with contextlib.suppress(LamellaError, FileNotFoundError):
                reader(path, model)


def _look(path, model):
    with opened(path) as content:
        for entry in content.arrays.values():
            entry.read()


def _load(path, model):
    if path.suffix == ".json" and path.name.startswith("m."):
        keras.models.model_from_json(path.read_text("utf-8", "replace"))
    elif path.name.startswith(("m.", "v.")):
        keras.saving.load_model(path)


def _load_weights(path, model):
    if path.name.startswith("w.") or path.name == "m.keras":
        model.load_weights(path)
    elif path.name == "m.h5":
        model.load_weights(path, by_name=True)


def _go_on(path, model):
    if path.name.startswith("t."):
        folder = path.with_name("states")
        folder.mkdir(exist_ok=True)
        shutil.copy(path, folder / "1.state")
        keeper = keras.callbacks.BackupAndRestore(folder)
        keeper.set_model(model)
        keeper.on_train_begin()


def checked(name, data, place, model):
    """Read a changed file; keep it where something else comes out."""
    path = place / name
    path.write_bytes(data)
    try:
        read(path, model)
    except Exception:
        if EXAMPLES:
            found = CORPUS / f"{hashlib.sha256(data).hexdigest()[:12]}.{name}"
            if FOUND.get(name, found) != found:
                FOUND[name].unlink()  # it was made smaller
            FOUND[name] = found
            found.write_bytes(data)
        raise


@pytest.mark.parametrize("name", mutations.FORMATS)
@LONG
@given(edits=mutations.BYTE_EDITS)
def test_changed_bytes_are_read_or_refused(originals, place, name, edits):
    folder, model = originals
    checked(name, mutations.change_bytes((folder / name).read_bytes(), edits), place, model)


@pytest.mark.parametrize("name", mutations.FORMATS)
@LONG
@given(which=st.integers(0, 1000), tree=mutations.TREE_EDITS, edits=mutations.BYTE_EDITS)
def test_changed_structures_are_read_or_refused(originals, place, name, which, tree, edits):
    folder, model = originals
    data = mutations.change_structure(name, (folder / name).read_bytes(), which, tree, edits)
    checked(name, data, place, model)


@pytest.mark.parametrize("file", sorted(p.name for p in CORPUS.glob("*")))
def test_the_corpus_is_read_or_refused(place, model, file):
    shutil.copy(CORPUS / file, place / file.partition(".")[2])
    read(place / file.partition(".")[2], model)
