"""Checkpoints of Orbax, as `callbacks.OrbaxCheckpoint` writes and Keras reads them.

A directory of numbered ones. Each has the item `pytree`, the state by the paths of variables, and, unless only weights were
saved, `model_config`, the model's configuration.
"""

import json
import os
import re
from pathlib import Path
from typing import Any

from lamella.backend import _registry
from lamella.core import _tree
from lamella.core._serialization import serialize_keras_object
from lamella.errors import SerializationError, missing_package

_WEIGHTS = ("trainable_variables", "non_trainable_variables")
_MARK = "_CHECKPOINT_METADATA"


def orbax() -> Any:
    """Version 1 of Orbax's functions.

    Raises:
        MissingPackageError: when it is not installed.
    """
    try:
        from orbax.checkpoint import v1
    except ImportError as error:
        raise missing_package("An Orbax checkpoint", "orbax-checkpoint 0.11.33 or newer", "orbax") from error
    return v1


def checkpointer(directory: str, max_to_keep: int | None) -> Any:
    """What writes numbered checkpoints into a directory, and keeps the last so many; None for all."""
    training = orbax().training
    policies = training.preservation_policies
    policy = policies.PreserveAll() if max_to_keep is None else policies.LatestN(max_to_keep)
    return training.Checkpointer(os.path.abspath(directory), preservation_policy=policy)


def items(model: Any, weights_only: bool) -> dict[str, Any]:
    """The items of a checkpoint of a model. The arrays are copies, for training gives the memory of its own away."""
    tree = model.get_state_tree()
    kept = {name: tree[name] for name in (_WEIGHTS if weights_only else tree)}
    out = {"pytree": _tree.map_structure(_registry.active().copy, kept)}
    if not weights_only:
        out["model_config"] = {"config": json.dumps(serialize_keras_object(model))}
    return out


def numbered(path: Path) -> list[Path]:
    """The checkpoints in a directory, by number; the directory itself, if it is one of them."""
    if (path / _MARK).is_file():
        return [path]
    if not path.is_dir():
        return []
    found = [child for child in path.iterdir() if child.name.isdecimal() and (child / _MARK).is_file()]
    return sorted(found, key=lambda child: int(child.name))


def read(path: Path) -> tuple[dict | None, dict[str, Any]]:
    """The configuration, if there is one, and the state of the latest checkpoint in a directory."""
    latest = numbered(path)[-1].absolute()
    held = orbax().load_checkpointables(str(latest))
    config = held.get("model_config")
    return (None if config is None else json.loads(config["config"])), held["pytree"]


def put_back(model: Any, state: dict[str, Any], with_optimizer: bool = False) -> None:
    """Give the variables of a model, and of its optimizer, the values of a state: all, or none.

    They are found by their paths; where layers have other names, by the order of the names.

    Raises:
        SerializationError: when variables are missing, left over, or of another shape; it lists them.
    """
    groups = {
        "trainable_variables": model.trainable_variables,
        "non_trainable_variables": model.non_trainable_variables,
    }
    if with_optimizer and model.optimizer is not None and "optimizer_variables" in state:
        groups["optimizer_variables"] = model.optimizer.variables
    pairs, wrong = [], []
    for name, variables in groups.items():
        mine = {v.path: v for v in variables}
        theirs = dict(_leaves(state.get(name, {})))
        names = _matched(list(mine), list(theirs), model.name)
        if names is None:
            wrong += [f"{path} is missing" for path in mine.keys() - theirs.keys()]
            wrong += [f"{path} is left over" for path in theirs.keys() - mine.keys()]
            continue
        for path, source in names.items():
            value = theirs[source]
            if tuple(value.shape) != mine[path].shape:
                wrong.append(f"{source} of shape {tuple(value.shape)} is not {path} of shape {mine[path].shape}")
            pairs.append((mine[path], value))
    if wrong:
        raise SerializationError(
            f"The checkpoint does not fit model {model.name!r}, which was left as it is:\n  "
            + "\n  ".join(sorted(wrong))
        )
    for variable, value in pairs:
        variable.assign(_registry.to_numpy(value) if value.is_fully_addressable else value)


def _leaves(tree: dict, prefix: str = "") -> Any:
    for key, value in tree.items():
        yield from _leaves(value, f"{prefix}{key}/") if isinstance(value, dict) else [(f"{prefix}{key}", value)]


def _matched(mine: list[str], theirs: list[str], model_name: str) -> dict[str, str] | None:
    """For each path of mine the one of theirs: the same, with or without the model's name, or by order; None for none."""
    if len(mine) != len(theirs):
        return None
    for key in (str, lambda path: _without(model_name, path)):
        by_key = {key(path): path for path in theirs}
        if len(by_key) == len(theirs) and by_key.keys() == {key(path) for path in mine}:
            return {path: by_key[key(path)] for path in mine}
    return dict(zip(*(sorted(paths, key=lambda p: _natural(p.split("/")[-2:])) for paths in (mine, theirs))))


def _without(name: str, path: str) -> str:
    """`dense/kernel` for `model/dense/kernel`, `adam/dense_kernel_momentum` for `adam/model_dense_kernel_momentum`."""
    return re.sub(rf"^(?:{re.escape(name)}/|([^/]+/){re.escape(name)}_)", r"\1", path)


def _natural(parts: list[str]) -> list:
    """`dense_10` after `dense_9`."""
    return [[int(n) if n.isdecimal() else n for n in re.split(r"(\d+)", part)] for part in parts]
