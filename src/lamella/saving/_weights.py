"""The weights of a model: gathered into groups, and put back, all or none."""

import functools
import os
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from lamella.errors import ArgumentError, LamellaError, SerializationError
from lamella.layers._layer import Layer
from lamella.models._model import Model
from lamella.optimizers._optimizer import Optimizer
from lamella.random._seed import SeedGenerator
from lamella.saving import _flat, _hdf5, _legacy_weights, _orbax, _shards
from lamella.saving._archive import Folder, open_archive
from lamella.saving._atomic import confirmed, replacing
from lamella.saving._entries import Entry, Group, Groups, Store, join
from lamella.saving._paths import as_path, stateful_objects

__all__ = ["gather", "load_weights", "put_back", "save_weights", "write_groups"]


# ---- gathering ---------------------------------------------------------------------------------------


def gather(model: Any, skip: Iterable = ()) -> Iterator[Group]:
    """The variables of the model and of all that it holds, object by object, but for the objects of `skip`."""
    skipped = _with_all_held(skip)
    for path, thing in stateful_objects(model):
        if id(thing) in skipped:
            continue
        store: dict[str, Any] = {}
        if isinstance(thing, SeedGenerator):
            store["0"] = thing.state.numpy()
        else:
            thing.save_own_variables(store)
        yield Group(path, thing.name, store)


def _with_all_held(things: Iterable) -> set[int]:
    """The identities of `things` and of what they hold."""
    return {id(held) for thing in things for _, held in stateful_objects(thing)}


def save_weights(
    model: Any, filepath: str | os.PathLike, overwrite: bool = True, max_shard_size: Any = None, **kwargs: Any
) -> None:
    """Write the weights of a model, and the state of its optimizer, to a file.

    Args:
        model: a model that is built.
        filepath: ends in `.weights.h5`, the format of Keras; `.weights.json` with `max_shard_size`; or `.npz` or
            `.safetensors`, for the same arrays under the same names.
        overwrite: whether an existing file is replaced; False asks at the terminal.
        max_shard_size: the most gigabytes of arrays in one file; the others go to further files beside it.
        objects_to_skip: a list of layers (or other objects that the model holds) whose variables are left out.

    Raises:
        ArgumentError: for another ending, or an unknown argument.

    Example:
        >>> import lamella as keras, pathlib, tempfile
        >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
        >>> path = pathlib.Path(tempfile.mkdtemp(), "model.weights.h5")
        >>> keras.saving.save_weights(model, path)
        >>> path.exists()
        True
    """
    skip = kwargs.pop("objects_to_skip", None) or ()
    if kwargs:
        raise ArgumentError(f"Invalid keyword arguments of save_weights: {sorted(kwargs)}.")
    if not isinstance(model, Layer):
        raise ArgumentError(f"Expected a model; got {model!r} of type {type(model).__name__}.")
    path = as_path(filepath)
    if max_shard_size is not None:
        if not path.name.endswith((".weights.json", ".weights.h5")):
            raise ArgumentError(f"With `max_shard_size` the filename must end in `.weights.json`; got {str(path)!r}.")
        path = path.with_name(path.name.removesuffix(".h5").removesuffix(".json") + ".json")
    elif not path.name.endswith(tuple(_WRITERS)):
        raise ArgumentError(
            f"The filename must end in `.weights.h5` (or `.npz`, `.safetensors`). Received: filepath={path!s}"
        )
    _check_written(model)
    if not confirmed(path, overwrite):
        return
    if max_shard_size is not None:
        _shards.write_shards(path, gather(model, skip), max_shard_size)
        return
    ending = next(e for e in _WRITERS if path.name.endswith(e))
    write_groups(path, ending, gather(model, skip))


def write_groups(path: Path, ending: str, groups: Iterable[Group]) -> None:
    """Write groups in the format of the ending `.weights.h5`, `.npz` or `.safetensors`."""
    with replacing(path) as temporary:
        _WRITERS[ending](temporary, groups)


_WRITERS = {".weights.h5": _hdf5.write_groups, ".npz": _flat.write_npz, ".safetensors": _flat.write_safetensors}


def _check_written(model: Any) -> None:
    if isinstance(model, Model) and not model.built and not model.variables:
        raise ArgumentError(
            f"Model {model.name!r} was never built, so it has no weights to save. Call it on data, or call "
            "build(input_shape), first."
        )


# ---- putting back ------------------------------------------------------------------------------------


def load_weights(model: Any, filepath: str | os.PathLike, skip_mismatch: bool = False, **kwargs: Any) -> None:
    """Read the weights of a model, and the state of its optimizer, from a file.

    All or nothing: when anything does not fit, nothing is changed.

    Args:
        model: a model that is built.
        filepath: a file or directory that `save_weights` or `save` wrote, an `.h5` file of Keras 1 to 3, or a directory of
            Orbax checkpoints, of which the latest is read.
        skip_mismatch: leave the layers whose weights do not fit as they are, with a warning for each.
        by_name: for `.h5` files of the old kind: give weights to the layers of the same name, and to no others.
        objects_to_skip: for the other files: a list of layers (or other objects that the model holds) that stay as they
            are, whatever the file has for them.

    Raises:
        SerializationError: when weights are missing, left over, or of another shape or kind; it lists each with its
            path. Also when the file is damaged, or not one of weights.
        ArgumentError: for an unknown argument or ending, or `by_name` or `objects_to_skip` with another format.
    """
    by_name = kwargs.pop("by_name", False)
    skip = kwargs.pop("objects_to_skip", None)
    if kwargs:
        raise ArgumentError(f"Invalid keyword arguments: {kwargs}")
    path = as_path(filepath)
    legacy = path.suffix in (".h5", ".hdf5") and not path.name.endswith(".weights.h5")
    if by_name and not legacy:
        raise ArgumentError(f"`by_name` only supports loading legacy '.h5' or '.hdf5' files. Received: {path}")
    if skip is not None and (legacy or _orbax.numbered(path)):
        raise ArgumentError(f"`objects_to_skip` only supports loading '.weights.h5' files. Received: {path}")
    fill = functools.partial(put_back, model, skip_mismatch=skip_mismatch, skip=skip or ())
    if legacy:
        with _hdf5.open_hdf5(path) as file:
            if "layer_names" in file.attrs or _hdf5.holds(file, "model_weights"):
                _legacy_weights.load_layers(model, file, by_name=by_name, skip_mismatch=skip_mismatch)
            else:
                fill(_hdf5.groups_of(file))
        return
    if path.name.endswith(".weights.h5"):
        with _hdf5.open_hdf5(path) as file:
            fill(_hdf5.groups_of(file))
    elif path.name.endswith(".weights.json"):
        with _shards.open_shards(path) as groups:
            fill(groups)
    elif path.suffix == ".npz":
        with _flat.open_npz(path) as groups:
            fill(groups)
    elif path.suffix == ".safetensors":
        with _flat.open_safetensors(path) as groups:
            fill(groups)
    elif _orbax.numbered(path):
        _orbax.put_back(model, _orbax.read(path)[1])
    elif path.suffix == ".keras" or path.is_dir():
        _load_from_model(fill, path)
    else:
        raise ArgumentError(
            f"File format not supported: filepath={path}. Weights are read from `.weights.h5`, `.weights.json`, `.keras`, "
            "`.h5`, `.hdf5`, `.npz` and `.safetensors` files, and from directories that `save(zipped=False)` wrote."
        )


WEIGHTS_NAME = "model.weights.h5"


def _load_from_model(fill: Callable[[Groups], None], path: Path) -> None:
    import tempfile

    if not path.exists():
        raise FileNotFoundError(f"There is no file {str(path)!r}.")
    with tempfile.TemporaryDirectory() as scratch:
        if path.is_dir():
            with _hdf5.open_hdf5(Folder(path)._path(WEIGHTS_NAME)) as file:
                fill(_hdf5.groups_of(file))
            return
        with open_archive(path) as archive:
            if WEIGHTS_NAME not in archive.names():
                raise SerializationError(f"{str(path)!r} holds no {WEIGHTS_NAME}; it holds {archive.names()}.")
            with archive.as_file(WEIGHTS_NAME, Path(scratch)) as place, _hdf5.open_hdf5(place) as file:
                fill(_hdf5.groups_of(file))


def put_back(
    model: Any, groups: Groups, skip_mismatch: bool = False, with_optimizer: bool = True, skip: Iterable = ()
) -> None:
    """Give the variables of the model what stands in `groups`.

    Args:
        model: a model that is built.
        groups: the arrays of a file.
        skip_mismatch: warn about what does not fit instead of raising.
        with_optimizer: whether the state of the optimizer is read too.
        skip: objects that stay as they are, with all that they hold.

    Raises:
        SerializationError: for everything that does not fit, in one list.
    """
    optimizer = getattr(model, "optimizer", None) if with_optimizer else None
    if optimizer is not None and not optimizer.built and model.built:
        optimizer.build(model.trainable_variables)
    left = {path: entries for path, entries in groups.items() if entries}
    problems: list[str] = []
    work: list[tuple[str, Any, dict[str, Entry]]] = []
    optimizers = {"optimizer"}
    skipped = _with_all_held(skip)
    for path, thing in stateful_objects(model):
        entries = left.pop(path, {})
        if id(thing) in skipped:
            continue
        if isinstance(thing, Optimizer):
            optimizers.add(path)
            if with_optimizer and entries and _optimizer_fits(thing, entries):
                work.append((path, thing, entries))
            continue
        wrong = _misfits(path, thing, entries)
        if wrong and skip_mismatch:
            _warn_skipped(thing, wrong)
        elif wrong:
            problems += wrong
        elif entries:
            work.append((path, thing, entries))
    if not skip_mismatch:
        extra = {p: e for p, e in left.items() if not any(f"{p}/".startswith(f"{o}/") for o in optimizers)}
        problems += [
            f"{join(path, key)}: left over; the model has nothing there (the file has shape {entry.shape})"
            for path, entries in extra.items()
            for key, entry in entries.items()
            if not _is_seed(entries)  # a layer without weights may be left out
            if not _is_optimizer(entries)  # nor need the model be compiled as it was
        ]
    if problems:
        raise _error(model, problems)
    for path, thing, entries in work:
        try:
            _assign(thing, entries)
        except (ValueError, TypeError, KeyError) as error:
            if not skip_mismatch:
                raise SerializationError(
                    f"The weights of {thing.name!r} at {path!r} could not be read: {error}"
                ) from error
            _warn_skipped(thing, [f"{path}: {error}"])


def _variables_of(thing: Any) -> list | None:
    """The variables in the order of their keys, or None where the class says itself how it is saved."""
    if isinstance(thing, SeedGenerator):
        return [thing.state]
    if isinstance(thing, Optimizer):
        return list(thing.variables)
    if type(thing).load_own_variables is Layer.load_own_variables:
        return thing._direct_variables()
    return None


def _misfits(path: str, thing: Any, entries: dict[str, Entry]) -> list[str]:
    """What does not fit between an object and what a file has for it, a line each."""
    variables = _variables_of(thing)
    if variables is None or (isinstance(thing, SeedGenerator) and not entries):  # Keras saves no states of seeds
        return []
    if entries and not variables and not getattr(thing, "built", True):
        return [
            f"{path or '(the model)'}: Layer {thing.name!r} was never built and thus it doesn't have any variables. However the "
            f"weights file lists {len(entries)} variables for this layer. Build it before loading: call it on data"
        ]
    wrong = []
    for i, variable in enumerate(variables):
        where, entry = join(path, str(i)), entries.get(str(i))
        if entry is None:
            wrong.append(f"{where}: missing; {variable.path} of {thing.name!r} has shape {variable.shape}")
        elif entry.shape != tuple(variable.shape):
            wrong.append(f"{where}: shape {entry.shape}; {variable.path} of {thing.name!r} has shape {variable.shape}")
        elif not _may_become(entry.dtype, variable._dtype):
            wrong.append(f"{where}: dtype {entry.dtype}; {variable.path} of {thing.name!r} has dtype {variable._dtype}")
    known = {str(i) for i in range(len(variables))}
    wrong += [
        f"{join(path, key)}: left over; {thing.name!r} has {len(variables)} variables (the file has shape {entry.shape})"
        for key, entry in entries.items()
        if key not in known
    ]
    return wrong


def _is_seed(entries: dict[str, Entry]) -> bool:
    """Whether a group looks like the state of a seed generator."""
    return list(entries) == ["0"] and entries["0"].shape == (2,) and entries["0"].dtype == np.dtype("uint32")


def _is_optimizer(entries: dict[str, Entry]) -> bool:
    """Whether a group looks like the state of an optimizer, which starts with the number of steps and the learning rate."""
    steps, rate = entries.get("0"), entries.get("1")
    if steps is None or rate is None or steps.shape or rate.shape:
        return False
    return (_kind(steps.dtype.name), _kind(rate.dtype.name)) == ("integer", "float")


def _may_become(given: np.dtype, wanted: str) -> bool:
    """Whether numbers of the dtype `given` are what a variable of dtype `wanted` holds: of the same kind."""
    return _kind(given.name) == _kind(wanted)


def _kind(name: str) -> str:
    for kind in ("bfloat", "float", "complex", "bool", "str", "bytes"):
        if name.startswith(kind):
            return "float" if kind == "bfloat" else kind
    return "integer" if name.startswith(("int", "uint")) else name


def _optimizer_fits(optimizer: Optimizer, entries: dict[str, Entry]) -> bool:
    variables = optimizer.variables
    if len(entries) < len(variables) and all(entries.get(str(i)) for i in range(len(entries))):
        scalars = [entry.shape for entry in entries.values()]
        if len(entries) <= 2 and not any(scalars):  # it was saved before its first step
            return True
    wrong = _misfits("optimizer", optimizer, entries)
    if wrong:
        warnings.warn(
            f"Skipping variable loading for optimizer {optimizer.name!r}: what was saved is of another optimizer, or for "
            f"other variables. It has {len(variables)} variables whereas the saved optimizer has {len(entries)} variables.",
            stacklevel=4,
        )
    return not wrong


def _assign(thing: Any, entries: dict[str, Entry]) -> None:
    variables = _variables_of(thing)
    if variables is None:
        thing.load_own_variables(Store(entries))
        return
    for i, variable in enumerate(variables):
        if str(i) in entries:
            variable.assign(entries[str(i)].read())


def _warn_skipped(thing: Any, wrong: list[str]) -> None:
    warnings.warn(f"Could not load weights in object {thing!r}. Skipping it: {'; '.join(wrong)}", stacklevel=4)


def _error(model: Any, problems: list[str]) -> LamellaError:
    shown = problems[:50]
    more = [f"... and {len(problems) - 50} more"] if len(problems) > 50 else []
    return SerializationError(
        f"The weights do not fit model {model.name!r}; nothing was changed. {len(problems)} could not be loaded:\n  "
        + "\n  ".join([*shown, *more])
        + "\nMake the model as it was when the weights were saved, or pass skip_mismatch=True to leave out what does not fit."
    )
