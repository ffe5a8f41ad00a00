"""Whole models: `.keras` archives, directories of the same content, and `.h5` files of the old kind."""

import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from lamella.core import _variable
from lamella.core._damaged import made_from, parse_json
from lamella.core._serialization import (
    CustomObjectScope,
    deserialize_keras_object,
    reading,
    serialize_keras_object,
)
from lamella.errors import ArgumentError, MissingPathError, SerializationError
from lamella.layers._layer import Layer
from lamella.models._model import Model
from lamella.saving import _hdf5, _legacy, _orbax, _weights
from lamella.saving._archive import Archive, Folder, open_archive, safe_name
from lamella.saving._atomic import confirmed, replacing, replacing_directory
from lamella.saving._entries import Groups
from lamella.saving._metadata import metadata
from lamella.saving._paths import as_path, stateful_objects

__all__ = ["load_model", "save_model"]

_CONFIG, _METADATA, _WEIGHTS, _ASSETS = "config.json", "metadata.json", _weights.WEIGHTS_NAME, "assets"


# ---- writing -----------------------------------------------------------------------------------------


def save_model(
    model: Any, filepath: str | os.PathLike, overwrite: bool = True, zipped: bool | None = None, **kwargs: Any
) -> None:
    """Write a model to a file: architecture, weights, how it was compiled, and the state of its optimizer.

    The file is complete or not there: it is written beside its place and then renamed.

    Args:
        model: a model.
        filepath: ends in `.keras`, or in `.h5` or `.hdf5` for the old format; any other name with `zipped=False`.
        overwrite: whether an existing file is replaced; False asks at the terminal.
        zipped: False writes a directory instead of an archive.
        include_optimizer: for the old format, whether the state of the optimizer is written too.
        save_format: "keras" or "h5"; follows from the ending otherwise.

    Raises:
        ArgumentError: for another ending, or an unknown argument.
        SerializationError: when a part of the model cannot be put into a configuration.

    Example:
        >>> import lamella as keras, pathlib, tempfile
        >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
        >>> path = pathlib.Path(tempfile.mkdtemp(), "model.keras")
        >>> keras.saving.save_model(model, path)
        >>> same = keras.saving.load_model(path)
        >>> bool((same.get_weights()[0] == model.get_weights()[0]).all())
        True
    """
    path = as_path(filepath)
    include_optimizer = kwargs.pop("include_optimizer", True)
    save_format = kwargs.pop("save_format", None)
    if kwargs:
        raise ArgumentError(f"The following argument(s) are not supported: {sorted(kwargs)}.")
    if save_format not in (None, "keras", "h5"):
        raise ArgumentError(
            f"`save_format` must be 'keras' or 'h5'; got {save_format!r}. model.export() writes others."
        )
    if "://" in os.fspath(filepath):
        raise ArgumentError(f"Models are saved to files of this machine; got {os.fspath(filepath)!r}.")
    if not isinstance(model, Layer):
        raise ArgumentError(f"Expected a model; got {model!r} of type {type(model).__name__}.")
    old = save_format == "h5" or (save_format is None and path.suffix in (".h5", ".hdf5"))
    if zipped is not False and not old and path.suffix != ".keras":
        raise ArgumentError(
            "Invalid filepath extension for saving. Please add either a `.keras` extension for the native Keras format "
            "(recommended) or a `.h5` extension. Use `model.export(filepath)` if you want to export an artifact for "
            f"inference. Received: filepath={path}."
        )
    if zipped is False and path.suffix == ".keras":
        raise ArgumentError(
            f"A directory, which `zipped=False` writes, should not end in `.keras`, as archives do. Received: filepath={path}."
        )
    if old and zipped is not None:
        raise ArgumentError(f"`zipped` is for the `.keras` format; got zipped={zipped!r} with filepath={path}.")
    if old and not isinstance(model, Model):
        raise ArgumentError(f"Files of the old kind hold models; got a {type(model).__name__}. Save it as `.keras`.")
    if not confirmed(path, overwrite):
        return
    if old:
        _legacy.write_model(model, path, include_optimizer)
    elif zipped is False:
        with replacing_directory(path) as folder:
            for name, source in _parts(model, folder):
                _place(folder, name, source)
    else:
        with (
            tempfile.TemporaryDirectory() as scratch,
            replacing(path) as temporary,
            zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive,
        ):
            for name, source in _parts(model, Path(scratch)):
                if isinstance(source, Path):
                    _put(archive, name, source)
                else:
                    archive.writestr(zipfile.ZipInfo(name), source)


def _parts(model: Layer, scratch: Path) -> Iterator[tuple[str, str | Path]]:
    """The members of a saved model: `(name, text or file)`; files are made in the directory `scratch`."""
    yield _METADATA, json.dumps(metadata())
    yield _CONFIG, json.dumps(serialize_keras_object(model))
    weights = scratch / _WEIGHTS
    _hdf5.write_groups(weights, _weights.gather(model))
    yield _WEIGHTS, weights
    for path, thing in _with_assets(model, "save_assets"):
        folder = scratch / _ASSETS / (safe_name(path) if path else "")
        folder.mkdir(parents=True, exist_ok=True)
        thing.save_assets(str(folder))
    for folder, _, files in os.walk(scratch / _ASSETS):
        for file in sorted(files):
            yield Path(folder, file).relative_to(scratch).as_posix(), Path(folder, file)


def _put(archive: zipfile.ZipFile, name: str, source: Path) -> None:
    """As `ZipFile.write`, which copies 8 KiB at a time and so takes three times as long."""
    with source.open("rb") as content, archive.open(zipfile.ZipInfo.from_file(source, name), "w") as member:
        shutil.copyfileobj(content, member, 2**20)


def _place(folder: Path, name: str, source: str | Path) -> None:
    if not isinstance(source, Path):
        (folder / name).write_text(source, encoding="utf-8")


def _with_assets(model: Layer, method: str) -> Iterator[tuple[str, Any]]:
    for path, thing in stateful_objects(model):
        if callable(getattr(thing, method, None)):
            yield path, thing


# ---- reading -----------------------------------------------------------------------------------------


def load_model(
    filepath: str | os.PathLike, custom_objects: dict | None = None, compile: bool = True, safe_mode: bool = True
) -> Any:
    """The model that `save_model`, or Keras, wrote to a file.

    A file names classes; it cannot import, call or open anything. What it may name is what lamella has, what you
    registered, and `custom_objects`.

    Args:
        filepath: a `.keras` archive, a directory of the same content, an `.h5` file of the old kind, or a directory of Orbax
            checkpoints, of which the latest is read.
        custom_objects: names that the file may use, and the classes or functions they stand for.
        compile: whether the model is compiled as it was, and the state of its optimizer read.
        safe_mode: whether to refuse code (Python lambdas). False runs the code in the file, so pass it only for files
            of people you trust.

    Raises:
        SerializationError: when the file is damaged or hostile, names an unknown class, carries code in safe mode, or
            holds weights that do not fit (it lists each).
        MissingPathError: when there is no such file.
        ArgumentError: when its ending is none of these.
    """
    path = as_path(filepath)
    if "://" in os.fspath(filepath):
        raise ArgumentError(
            f"Models are loaded from files of this machine; got {os.fspath(filepath)!r}. Download it first."
        )
    if not path.exists():
        raise MissingPathError(
            f"File not found: filepath={path}. Please ensure the file is an accessible `.keras` zip file."
        )
    with ExitStack() as stack:
        stack.enter_context(reading(safe_mode))
        stack.enter_context(CustomObjectScope(custom_objects))
        if _orbax.numbered(path):
            return _load_orbax(path, compile)
        if path.is_dir():
            return _load(stack, Folder(path), path, compile)
        if zipfile.is_zipfile(path):
            return _load(stack, stack.enter_context(open_archive(path)), path, compile)
        if path.suffix in (".h5", ".hdf5"):
            return _legacy.read_model(path, compile)
    raise ArgumentError(
        f"File format not supported: filepath={path}. Models are loaded from `.keras` archives, from `.h5` files and from "
        "directories that `save(zipped=False)` wrote; this is none of them."
    )


def _load_orbax(path: Path, compile: bool) -> Any:
    config, state = _orbax.read(path)
    if config is None:
        raise SerializationError(
            f"The checkpoint in {str(path)!r} has no configuration of a model: it was saved with save_weights_only=True. Make "
            "the model, and give it the weights by model.load_weights."
        )
    model = model_of(config, compile)
    _orbax.put_back(model, state, with_optimizer=compile)
    return model


def _load(stack: ExitStack, source: Folder | Archive, path: Path, compile: bool) -> Any:
    names = source.names()
    for needed in (_CONFIG, _WEIGHTS):
        if needed not in names:
            raise SerializationError(
                f"{str(path)!r} holds no {needed}, so it is no saved model. It holds: {names[:20]}."
            )
    config = parse_json(source.read(_CONFIG), f"The {_CONFIG} of {str(path)!r}")
    scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    file = stack.enter_context(_hdf5.open_hdf5(stack.enter_context(source.as_file(_WEIGHTS, scratch))))
    groups = _hdf5.groups_of(file)
    with room_for(groups):
        model = model_of(config, compile, Layer)
    if any(name.startswith(f"{_ASSETS}/") for name in names):
        source.unpack(f"{_ASSETS}/", scratch)
        for where, thing in _with_assets(model, "load_assets"):
            folder = scratch / _ASSETS / where
            if folder.is_dir():
                thing.load_assets(str(folder))
    _weights.put_back(model, groups, with_optimizer=compile)
    return model


def model_of(config: Any, compile: bool, kind: type = Model) -> Any:
    """The model (or another `kind` of layer) of a configuration; compiled as it says, if at all.

    Raises:
        SerializationError: when it is the configuration of something else.
    """
    if not isinstance(config, dict) or "class_name" not in config:
        raise SerializationError(f"The configuration in the file is no model's: {str(config)[:200]}")
    if not compile:
        config = {key: value for key, value in config.items() if key != "compile_config"}
    with made_from("The configuration in the file"):
        model = deserialize_keras_object(config)
    if not isinstance(model, kind):
        raise SerializationError(
            f"The file describes a {type(model).__name__} ({config['class_name']!r}), not a {kind.__name__.lower()}."
        )
    return model


_SLACK = 64 * 2**20  # bytes


@contextmanager
def room_for(groups: Groups) -> Iterator[None]:
    """Inside it a model may take a few times the memory of the arrays of its file, for slots that were not saved."""
    stored = sum(entry.nbytes for entries in groups.values() for entry in entries.values())
    with _variable.at_most(_SLACK + 4 * stored):
        yield
