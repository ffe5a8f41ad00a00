"""What stands in a file of a model, of weights or of training: looked at without making a layer or running anything."""

import contextlib
import fnmatch
import glob
import math
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lamella.core._damaged import parse_json
from lamella.core._names import snake_case
from lamella.core._serialization import classes_of, reading, what_it_needs
from lamella.errors import ArgumentError, SerializationError
from lamella.saving import _flat, _hdf5, _legacy, _legacy_weights, _shards
from lamella.saving._archive import Archive, Folder, open_archive
from lamella.saving._entries import Entry, Groups, join
from lamella.saving._export import MANIFEST
from lamella.saving._state_file import STATE_NAME, read_state
from lamella.saving._weights import WEIGHTS_NAME

__all__ = ["Content", "LayerLine", "is_of_optimizer", "opened", "parameters"]


@dataclass
class LayerLine:
    """A layer as a configuration describes it.

    Attributes:
        depth: how many models it stands in.
        name, class_name: its own.
        shape: the shape of its input, where the file says it; None as a size stands for every size.
        pattern: how the names of its arrays begin, as for `fnmatch`.
    """

    depth: int
    name: str
    class_name: str
    shape: Any
    pattern: str


@dataclass
class Content:
    """What stands in a file.

    Attributes:
        path: of the file.
        format: in words.
        size: in bytes, of all that belongs to it.
        versions: who wrote it, and when.
        config: the configuration of the model, as the file has it; None where there is none.
        compiled: how the model was compiled, likewise.
        layers: the layers that the configuration names.
        needs: what loading it needs beyond lamella: code to run, classes and functions to be given.
        arrays: what is stored, by its place in the file.
        notes: anything else, in words.
    """

    path: Path
    format: str
    size: int
    versions: dict[str, str] = field(default_factory=dict)
    config: Any = None
    compiled: Any = None
    layers: list[LayerLine] = field(default_factory=list)
    needs: list[str] = field(default_factory=list)
    arrays: dict[str, Entry] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


@contextlib.contextmanager
def opened(filepath: Any) -> Iterator[Content]:
    """The content of a file or directory; its arrays can be read while the block lasts.

    Args:
        filepath: a `.keras` archive or the directory of the same content, an `.h5` file of a model, weights (`.weights.h5`,
            `.weights.json`, `.npz`, `.safetensors`), a state of training (`.state`), or an exported artifact.

    Raises:
        SerializationError: when it is damaged or hostile.
        ArgumentError: when it is none of these.
        FileNotFoundError: when there is no such file.
    """
    path = Path(filepath)
    if not path.exists():
        raise FileNotFoundError(f"There is no file {str(path)!r}.")
    with contextlib.ExitStack() as stack:
        yield _content(path, stack)


def _content(path: Path, stack: contextlib.ExitStack) -> Content:
    if path.is_dir():
        folder = Folder(path)
        size = sum(folder._path(name).stat().st_size for name in folder.names())
        if MANIFEST in folder.names():
            return _artifact(Content(path, "artifact for inference (StableHLO)", size), folder)
        return _saved_model(Content(path, "Keras model, as a directory", size), folder, stack)
    size = path.stat().st_size
    if path.name.endswith(".weights.json"):
        groups = stack.enter_context(_shards.open_shards(path))
        names = {p for p in path.parent.glob(f"{path.name.removesuffix('.weights.json')}_*.weights.h5")}
        size += sum(p.stat().st_size for p in names)
        return Content(path, "weights in parts (.weights.json)", size, arrays=_flat_arrays(groups))
    if path.suffix == ".safetensors":
        groups = stack.enter_context(_flat.open_safetensors(path))
        return Content(path, "weights (.safetensors)", size, arrays=_flat_arrays(groups))
    if zipfile.is_zipfile(path):
        if path.suffix == ".npz":
            groups = stack.enter_context(_flat.open_npz(path))
            return Content(path, "weights (.npz)", size, arrays=_flat_arrays(groups))
        archive = stack.enter_context(open_archive(path))
        if STATE_NAME in archive.names():
            return _state(Content(path, "state of training", size))
        return _saved_model(Content(path, "Keras model (.keras archive)", size), archive, stack)
    with contextlib.suppress(OSError), path.open("rb") as file:
        if file.read(8) == b"\x89HDF\r\n\x1a\n":
            return _hdf5_file(Content(path, "", size), stack.enter_context(_hdf5.open_hdf5(path)))
    raise ArgumentError(
        f"{str(path)!r} is no file of lamella or Keras, or a damaged one. Known are `.keras` archives and directories, `.h5`, "
        "`.weights.h5`, `.weights.json`, `.npz`, `.safetensors` and `.state` files, and exported artifacts."
    )


def _flat_arrays(groups: Groups) -> dict[str, Entry]:
    def place(key: str) -> tuple:
        return (not key.isdecimal(), len(key), key)  # 9 stands before 10

    return {join(path, key): entries[key] for path, entries in groups.items() for key in sorted(entries, key=place)}


def _saved_model(content: Content, source: Folder | Archive, stack: contextlib.ExitStack) -> Content:
    names = source.names()
    for needed in ("config.json", WEIGHTS_NAME):
        if needed not in names:
            raise SerializationError(f"{str(content.path)!r} holds no {needed}, so it is no saved model.")
    if "metadata.json" in names:
        metadata = parse_json(source.read("metadata.json"), "metadata.json")
        if isinstance(metadata, dict):
            content.versions = {key: str(value) for key, value in metadata.items()}
    config = parse_json(source.read("config.json"), "config.json")
    scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    file = stack.enter_context(_hdf5.open_hdf5(stack.enter_context(source.as_file(WEIGHTS_NAME, scratch))))
    content.arrays = _flat_arrays(_hdf5.groups_of(file))
    content.notes += [f"asset {name}" for name in names if name.startswith("assets/")]
    compiled = config.get("compile_config") or None if isinstance(config, dict) else None  # {}: not compiled
    _describe_config(content, config, compiled, lambda kind, name: f"layers/{kind}/")
    return content


def _hdf5_file(content: Content, file: Any) -> Content:
    for name in ("keras_version", "backend"):
        if isinstance(value := _hdf5.attribute(file, name), str):
            content.versions[name] = value
    config = _hdf5.attribute(file, "model_config")
    legacy = isinstance(config, str) or "layer_names" in file.attrs or _hdf5.holds(file, "model_weights")
    content.format = "weights (.weights.h5)" if not legacy else "weights (.h5, by layers)"
    content.arrays = _legacy_weights.named_entries(file) if legacy else _flat_arrays(_hdf5.groups_of(file))
    if isinstance(config, str):
        content.format = "Keras model (.h5)"
        training = _hdf5.attribute(file, "training_config")
        compiled = parse_json(training, "The training_config") if isinstance(training, str) else None
        _describe_config(
            content, parse_json(config, "The model_config"), compiled, lambda kind, name: f"{glob.escape(name)}/*"
        )
    return content


def _state(content: Content) -> Content:
    state = read_state(content.path)
    try:
        position = state["position"]
        paths, values = position["variables"]["paths"], position["variables"]["values"]
        content.notes.append(f"epoch {position['epoch']}, {position['step']} steps of it are over")
        content.notes += [f"callback {name}" for name, remembered in position["callbacks"] if remembered]
        for i, (path, value) in enumerate(zip(paths, values)):
            content.arrays[f"{i}:{path}"] = Entry(value.shape, value.dtype, lambda value=value: value)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise SerializationError(f"{str(content.path)!r} is no state of training: {error!r}") from error
    return content


def _artifact(content: Content, folder: Folder) -> Content:
    manifest = parse_json(folder.read(MANIFEST), MANIFEST)
    endpoints = manifest.get("endpoints", {}) if isinstance(manifest, dict) else None
    if not isinstance(endpoints, dict):
        raise SerializationError(f"{str(content.path)!r} is no artifact: its {MANIFEST} is no table of endpoints.")
    content.notes += [f"endpoint {name}: {inputs}" for name, inputs in endpoints.items()]
    return content


_COMPILED = ("keras.optimizers", "keras.losses", "keras.metrics", "keras.optimizers.schedules")


# ---- configurations ------------------------------------------------------------------------------------


def _describe_config(content: Content, config: Any, compiled: Any, pattern_of: Any) -> None:
    if not isinstance(config, dict):
        raise SerializationError(f"The configuration in {str(content.path)!r} is no model's: {str(config)[:100]}")
    content.config, content.compiled = config, compiled
    try:
        content.layers = list(_layers(config, 0, "", pattern_of))
        with reading(safe_mode=True), classes_of(*_legacy.FAMILIES, *_COMPILED):
            apart = None if "compile_config" in config else compiled
            content.needs = list(dict.fromkeys([*what_it_needs(config), *what_it_needs(apart)]))
    except RecursionError:
        raise SerializationError(f"The configuration in {str(content.path)!r} is nested too deeply.") from None


def _layers(config: Any, depth: int, around: str, pattern_of: Any) -> Iterator[LayerLine]:
    inner = config.get("config")
    listed = inner if isinstance(inner, list) else inner.get("layers") if isinstance(inner, dict) else None
    counts: dict[str, int] = {}
    for layer in listed if isinstance(listed, list) else ():
        if not isinstance(layer, dict) or not isinstance(layer.get("class_name"), str):
            continue
        class_name, own = layer["class_name"], layer.get("config")
        own = own if isinstance(own, dict) else {}
        kind = snake_case(class_name)
        number = counts.get(kind, 0)
        counts[kind] = number + 1
        name = str(own.get("name", layer.get("name", "")))
        where = around + pattern_of(f"{kind}_{number}" if number else kind, name)
        build = layer.get("build_config")
        shape = build.get("input_shape") if isinstance(build, dict) else None
        shape = shape or own.get("batch_shape") or own.get("batch_input_shape")
        yield LayerLine(depth, name, class_name, shape, where)
        yield from _layers(layer, depth + 1, where, pattern_of)


def parameters(content: Content, line: LayerLine) -> int:
    """The number of values in the arrays of a layer, the states of its random generators not among them."""
    found = fnmatch.filter(content.arrays, f"{line.pattern}*")
    return sum(math.prod(content.arrays[key].shape) for key in found if "/seed_generator" not in key)


def is_of_optimizer(key: str) -> bool:
    """Whether an array is part of the state of an optimizer."""
    return key.startswith(("optimizer/", "optimizer_weights/"))
