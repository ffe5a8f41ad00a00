"""From one format of files to another."""

from pathlib import Path
from typing import Any

from lamella.errors import ArgumentError
from lamella.saving import _weights
from lamella.saving._content import opened
from lamella.saving._entries import Group, split
from lamella.saving._model_file import load_model, save_model
from lamella.saving._shards import write_shards

__all__ = ["convert"]

_MODELS = (".keras", ".h5", ".hdf5")
_WEIGHTS = (".weights.h5", ".weights.json", ".npz", ".safetensors")


def convert(source: Any, target: Any, safe_mode: bool = True) -> str:
    """Write what stands in one file in the format that the name of another asks for; returns what was done, in words.

    A model becomes a model (`.keras`, `.h5`, or a directory) or weights; weights become weights of another format.

    Args:
        source: a file that `opened` reads.
        target: of the new file; an existing one is replaced.
        safe_mode: whether to refuse a model that carries code.

    Raises:
        ArgumentError: when the formats do not go together.
        SerializationError: when the file is damaged, or needs code or classes that are not there.
    """
    source, target = Path(source), Path(target)
    ending = next((e for e in (*_WEIGHTS, *_MODELS) if target.name.endswith(e)), "")
    if not ending and target.suffix:
        raise ArgumentError(
            f"{target.name!r} has no known ending. Models go to {', '.join(_MODELS)} or a directory (a name without an "
            f"ending), weights to {', '.join(_WEIGHTS)}."
        )
    with opened(source) as content:
        if content.format.startswith(("state", "artifact")):
            raise ArgumentError(f"{str(source)!r} is a {content.format}, which is not converted.")
        modern = all(split(key) is not None for key in content.arrays)
        if ending in _WEIGHTS and modern:
            groups: dict[str, dict[str, Any]] = {}
            for full, entry in content.arrays.items():
                path, key = split(full)  # type: ignore[misc]
                groups.setdefault(path, {})[key] = entry.read()
            _write_groups(target, ending, [Group(path, path.rpartition("/")[2], a) for path, a in groups.items()])
            return f"{len(content.arrays)} arrays written to {str(target)!r}"
        if content.config is None:
            raise ArgumentError(
                f"{str(source)!r} holds weights and no model, so it becomes {' or '.join(_WEIGHTS)}"
                + (". Make the model in Python, and load them." if modern else ", from files of Keras 3 only.")
            )
    model = load_model(source, safe_mode=safe_mode)
    if ending in _WEIGHTS:
        _weights.save_weights(model, target, max_shard_size=1 if ending == ".weights.json" else None)
        return f"the weights of model {model.name!r} written to {str(target)!r}"
    save_model(model, target, zipped=None if ending else False)
    return f"model {model.name!r} written to {str(target)!r}"


def _write_groups(target: Path, ending: str, groups: list[Group]) -> None:
    if ending == ".weights.json":
        write_shards(target, groups, max_shard_size=1)
    else:
        _weights.write_groups(target, ending, groups)
