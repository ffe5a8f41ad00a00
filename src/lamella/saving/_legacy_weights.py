"""The weights of an `.h5` file of the old kind: a group for each layer, its arrays listed by name."""

import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np

from lamella.errors import SerializationError
from lamella.layers._layer import Layer
from lamella.models._model import Model
from lamella.saving._entries import Entry
from lamella.saving._hdf5 import attribute, child, entry_of, holds, write_array

__all__ = ["all_entries", "load_layers", "load_optimizer", "named_entries", "write_layers", "write_optimizer"]

_TOP = "top_level_model_weights"


def weights_of(layer: Any) -> list:
    """The weights of a layer in the order of the old files: those that are trained, then the others."""
    return [*layer.trainable_weights, *layer.non_trainable_weights]


def top_level_weights(model: Any) -> list:
    """The weights that belong to the model itself and to none of its layers."""
    return [*_own(model, True), *_own(model, False)] if isinstance(model, Model) else []


def _own(model: Any, trainable: bool) -> list:
    return [v for v in model._direct_variables() if v.trainable is trainable]


# ---- writing -----------------------------------------------------------------------------------------


def write_layers(file: Any, model: Any) -> None:
    """Write the weights of every layer of the model into the group `file`."""
    from lamella.saving._metadata import BACKEND, KERAS_VERSION

    file.attrs["layer_names"] = _names(layer.name for layer in model.layers)
    file.attrs["backend"], file.attrs["keras_version"] = BACKEND, KERAS_VERSION
    for layer in model.layers:
        _write(file.create_group(layer.name), weights_of(layer))
    _write(file.create_group(_TOP), top_level_weights(model))


def write_optimizer(file: Any, optimizer: Any) -> None:
    """Write the state of the optimizer into the group `file`."""
    _write(file, optimizer.variables)


def _write(group: Any, variables: Iterable) -> None:
    names: list[str] = []
    values = []
    for variable in variables:
        name, number = variable.path, 0
        while name in names:  # two variables may have one name; two arrays of a file may not
            number += 1
            name = f"{variable.path}_{number}"
        names.append(name)
        values.append(variable.numpy())
    group.attrs["weight_names"] = _names(names)
    for name, value in zip(names, values):
        parent, _, key = name.rpartition("/")
        write_array(group.require_group(parent) if parent else group, key, value, name)


def _names(names: Iterable[str]) -> np.ndarray:
    import h5py

    return np.array(list(names), dtype=h5py.string_dtype())


# ---- reading -----------------------------------------------------------------------------------------


def load_layers(model: Any, file: Any, by_name: bool = False, skip_mismatch: bool = False) -> None:
    """Give the layers of the model the weights of the file: in order, or by name.

    Args:
        model: a model that is built.
        file: an open file.
        by_name: match the layers by their names; layers and groups without a counterpart are left alone.
        skip_mismatch: with `by_name`, leave layers that do not fit as they are, with a warning.

    Raises:
        SerializationError: for everything that does not fit, in one list; nothing is changed then.
    """
    group = child(file, "model_weights") if "layer_names" not in file.attrs and holds(file, "model_weights") else file
    saved = [(name, _entries(group, name)) for name in _strings(group, "layer_names")]
    layers = [layer for layer in model.layers if weights_of(layer)]
    pairs, problems = _by_name(model, saved) if by_name else _in_order(model, layers, saved)
    if not by_name and holds(group, _TOP):
        pairs.append((_TOP, model, top_level_weights(model), _entries(group, _TOP)))
    work = []
    for name, layer, variables, entries in pairs:
        wrong = _misfits(name, layer, variables, entries)
        if wrong and skip_mismatch:
            warnings.warn(f"Skipping loading weights for layer {layer.name!r}: {'; '.join(wrong)}", stacklevel=3)
        elif wrong:
            problems += wrong
        else:
            work.append((variables, entries))
    if problems:
        raise SerializationError(
            f"The weights of the file do not fit model {model.name!r}; nothing was changed:\n  " + "\n  ".join(problems)
        )
    for variables, entries in work:
        for variable, entry in zip(variables, entries):
            variable.assign(entry.read())


def all_entries(file: Any) -> dict[str, Entry]:
    """Every array of the layers and the optimizer, by a name of its own."""
    found: dict[str, Entry] = {}
    if holds(file, "model_weights"):
        group = child(file, "model_weights")
        for name in [*_strings(group, "layer_names"), _TOP]:
            if name != _TOP or holds(group, _TOP):
                found.update({f"{name}/{i}": entry for i, entry in enumerate(_entries(group, name))})
    if holds(file, "optimizer_weights"):
        found.update({f"optimizer/{i}": e for i, e in enumerate(_entries(file, "optimizer_weights"))})
    return found


def named_entries(file: Any) -> dict[str, Entry]:
    """Every array of the layers and the optimizer, by the name that the file lists; that of the layer stands in front."""
    found: dict[str, Entry] = {}
    group = child(file, "model_weights") if holds(file, "model_weights") else file
    for name in [*_strings(group, "layer_names"), _TOP]:
        if name != _TOP or holds(group, _TOP):
            listed = _strings(child(group, name), "weight_names")
            found.update({f"{name}/{full}": entry for full, entry in zip(listed, _entries(group, name))})
    if holds(file, "optimizer_weights"):
        listed = _strings(child(file, "optimizer_weights"), "weight_names")
        entries = _entries(file, "optimizer_weights")
        found.update({f"optimizer_weights/{full}": entry for full, entry in zip(listed, entries)})
    return found


def load_optimizer(optimizer: Any, file: Any) -> None:
    """Give the optimizer the state in the group `optimizer_weights`; a warning where it does not fit."""
    if not holds(file, "optimizer_weights"):
        return
    entries = _entries(file, "optimizer_weights")
    wrong = _misfits("optimizer_weights", optimizer, optimizer.variables[: len(entries)], entries)
    if wrong or len(entries) not in (len(optimizer.variables), 1, 2):
        warnings.warn(
            f"Error in loading the saved optimizer state: it has {len(entries)} variables, those of {optimizer.name!r} are "
            f"{len(optimizer.variables)}. The optimizer starts anew.",
            stacklevel=3,
        )
        return
    for variable, entry in zip(optimizer.variables, entries):
        variable.assign(entry.read())


def _in_order(model: Any, layers: list, saved: list) -> tuple[list, list[str]]:
    filled = [(name, entries) for name, entries in saved if entries]
    if len(filled) != len(layers):
        raise SerializationError(
            f"Layer count mismatch when loading weights from file. Model {model.name!r} expected {len(layers)} layers with "
            f"weights ({', '.join(layer.name for layer in layers)}), found {len(filled)} saved layers "
            f"({', '.join(name for name, _ in filled)})."
        )
    return [(name, layer, weights_of(layer), entries) for layer, (name, entries) in zip(layers, filled)], []


def _by_name(model: Any, saved: list) -> tuple[list, list[str]]:
    found: dict[str, list[Layer]] = {}
    for layer in model.layers:
        found.setdefault(layer.name, []).append(layer)
    return [
        (name, layer, weights_of(layer), entries) for name, entries in saved for layer in found.get(name, ()) if entries
    ], []


def _misfits(name: str, layer: Any, variables: list, entries: list[Entry]) -> list[str]:
    if len(variables) != len(entries):
        return [
            f"{name}: Weight count mismatch; {layer.name!r} expects {len(variables)} weight(s), the file has {len(entries)}"
        ]
    return [
        f"{name}: shape {entry.shape}; {variable.path} has shape {variable.shape}"
        for variable, entry in zip(variables, entries)
        if entry.shape != tuple(variable.shape)
    ]


def _entries(group: Any, name: str) -> list[Entry]:
    """The arrays of one layer, in the order in which `weight_names` lists them."""
    import h5py

    where = child(group, name)
    found = []
    for full in _strings(where, "weight_names"):
        thing = where
        for part in full.split("/"):
            thing = child(thing, part)
        if not isinstance(thing, h5py.Dataset):
            raise SerializationError(f"{full!r} in {name!r} is listed as an array; it is a {type(thing).__name__}.")
        found.append(entry_of(thing))
    return found


def _strings(group: Any, name: str) -> list[str]:
    """The attribute `name`, a list of strings; it may be cut into `name0`, `name1`, ..."""
    value = attribute(group, name)
    if value is None:
        pieces: list = []
        while (piece := attribute(group, f"{name}{len(pieces)}")) is not None:
            pieces.append(piece)
        if not pieces:
            raise SerializationError(f"{group.name!r} has no attribute {name!r}: this is no file of weights.")
        value = np.concatenate(pieces)
    return [v.decode("utf-8") if isinstance(v, bytes) else str(v) for v in np.asarray(value).ravel().tolist()]
