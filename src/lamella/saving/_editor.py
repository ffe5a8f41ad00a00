"""Files of weights, looked at, changed and written anew."""

from pathlib import Path
from typing import Any

import numpy as np

from lamella.errors import ArgumentError, MissingPathError
from lamella.saving import _hdf5
from lamella.saving._archive import open_archive, safe_name
from lamella.saving._atomic import replacing
from lamella.saving._entries import Group
from lamella.saving._weights import WEIGHTS_NAME, gather

__all__ = ["KerasFileEditor"]


class KerasFileEditor:
    """The arrays of a `.weights.h5` or `.keras` file, to be inspected, changed and saved under another name.

    Args:
        filepath: of the file.

    Raises:
        ArgumentError: for another ending, or a file that is not there.
        SerializationError: when it is damaged or hostile.

    Example:
        >>> import lamella as keras, pathlib, tempfile
        >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="d")])
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> model.save_weights(folder / "a.weights.h5")
        >>> editor = keras.saving.KerasFileEditor(folder / "a.weights.h5")
        >>> editor.delete_weight("dense", "1")
        >>> editor.save(folder / "b.weights.h5")
    """

    def __init__(self, filepath: Any):
        import tempfile

        self.filepath = Path(filepath)
        if not self.filepath.name.endswith((".weights.h5", ".h5", ".hdf5", ".keras")):
            raise ArgumentError(f"Expected a `.weights.h5` or `.keras` file; got {str(filepath)!r}.")
        if not self.filepath.exists():
            raise MissingPathError(f"There is no file {str(filepath)!r}.")
        if self.filepath.suffix == ".keras":
            with tempfile.TemporaryDirectory() as scratch, open_archive(self.filepath) as archive:
                if WEIGHTS_NAME not in archive.names():
                    raise ArgumentError(f"{str(filepath)!r} holds no {WEIGHTS_NAME}.")
                with archive.as_file(WEIGHTS_NAME, Path(scratch)) as place:
                    self._objects = _read(place)
        else:
            self._objects = _read(self.filepath)

    def summary(self) -> None:
        """Print the objects, and the shape and dtype of each of their weights."""
        print(f"Weights of {str(self.filepath)!r}:")
        for path, weights in self._objects.items():
            print(f"    {path or '(the model)'}")
            for key, value in weights.items():
                print(f"        {key}: shape={value.shape}, dtype={value.dtype}")

    def compare(self, reference_model: Any) -> dict[str, Any]:
        """List, in print, what differs between the file and the weights that a model has.

        Returns:
            "status" ("success" or "error"), "error_count" and "match_count", of weights; an object that one of them lacks is
            one error.
        """
        errors = matches = 0
        expected = {g.path: g.arrays for g in gather(reference_model) if g.arrays}
        for path in dict.fromkeys([*expected, *self._objects]):
            if path not in expected or path not in self._objects:
                print(f"{path}: only in the {'model' if path in expected else 'file'}")
                errors += 1
                continue
            mine, theirs = self._objects[path], expected[path]
            for key in dict.fromkeys([*theirs, *mine]):
                where = f"{path}/{key}"
                if key not in mine or key not in theirs:
                    print(f"{where}: only in the {'model' if key in theirs else 'file'}")
                elif mine[key].shape != np.shape(theirs[key]):
                    print(f"{where}: shape {mine[key].shape} in the file, {np.shape(theirs[key])} in the model")
                else:
                    matches += 1
                    continue
                errors += 1
        print(f"{matches} weights match, {errors} do not.")
        return {"status": "error" if errors else "success", "error_count": errors, "match_count": matches}

    def add_object(self, object_path: str, weights: dict[str, Any]) -> None:
        """Add an object, such as a layer, with its weights by key.

        Args:
            object_path: where it stands, such as "layers/dense_2".
            weights: arrays by key, such as `{"0": kernel, "1": bias}`.

        Raises:
            ArgumentError: when there is one already.
        """
        safe_name(object_path)
        if object_path in self._objects:
            raise ArgumentError(f"The file holds {object_path!r} already. Use add_weights().")
        self._objects[object_path] = _checked(weights)

    def add_weights(self, object_name: str, weights: dict[str, Any]) -> None:
        """Add weights to an object, by key.

        Raises:
            ArgumentError: when there is no such object, or one of the keys is taken.
        """
        mine = self._objects[self._path_of(object_name)]
        taken = sorted(set(weights) & set(mine))
        if taken:
            raise ArgumentError(f"{object_name!r} has the weights {taken} already. Delete them first.")
        mine.update(_checked(weights))

    def delete_object(self, object_name: str) -> None:
        """Remove an object, and what stands within it."""
        path = self._path_of(object_name)
        for other in [p for p in self._objects if p == path or p.startswith(f"{path}/")]:
            del self._objects[other]

    def delete_weight(self, object_name: str, weight_name: str) -> None:
        """Remove one weight of an object."""
        path = self._path_of(object_name)
        if weight_name not in self._objects[path]:
            raise ArgumentError(f"{path!r} has no weight {weight_name!r}; it has {sorted(self._objects[path])}.")
        del self._objects[path][weight_name]

    def rename_object(self, object_name: str, new_name: str) -> None:
        """Give an object another name; it stays where it stands.

        Raises:
            ArgumentError: when there is no such object, or the new name is taken.
        """
        path = self._path_of(object_name)
        parent = path.rpartition("/")[0]
        new = safe_name(f"{parent}/{new_name}" if parent and "/" not in new_name else new_name)
        if new in self._objects:
            raise ArgumentError(f"The file holds {new!r} already.")
        self._objects = {
            new + p[len(path) :] if p == path or p.startswith(f"{path}/") else p: w for p, w in self._objects.items()
        }

    def save(self, filepath: Any) -> None:
        """Write the weights to a file that ends in `.weights.h5`."""
        if not str(filepath).endswith(".weights.h5"):
            raise ArgumentError(
                f"Invalid `filepath` argument: expected a `.weights.h5` extension. Received: {filepath}"
            )
        with replacing(filepath) as temporary:
            _hdf5.write_groups(temporary, (Group(p, p.rpartition("/")[2], w) for p, w in self._objects.items()))

    def resave_weights(self, filepath: Any) -> None:
        """`save`, by its old name."""
        self.save(filepath)

    def _path_of(self, name: str) -> str:
        if name in self._objects:
            return name
        ends = [p for p in self._objects if p.endswith(f"/{name}")]
        within = {p[: f"/{p}".index(f"/{name}/") + len(name)] for p in self._objects if f"/{name}/" in f"/{p}"}
        found = ends or sorted(within)
        if len(found) != 1:
            what = (
                f"stands in several places: {found}"
                if found
                else f"is not in the file, which has {sorted(self._objects)}"
            )
            raise ArgumentError(f"The object {name!r} {what}. Give its path.")
        return found[0]


def _read(path: Path) -> dict[str, dict[str, Any]]:
    with _hdf5.open_hdf5(path) as file:
        groups = _hdf5.groups_of(file)
        return {p: {key: entry.read() for key, entry in entries.items()} for p, entries in groups.items()}


def _checked(weights: Any) -> dict[str, Any]:
    if not isinstance(weights, dict) or not all(isinstance(key, str) for key in weights):
        raise ArgumentError(f"Argument `weights` should be a dict of arrays by key, such as '0'; got {weights!r}.")
    return {safe_name(key): np.asarray(value) for key, value in weights.items()}
