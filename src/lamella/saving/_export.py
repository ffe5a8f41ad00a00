"""Inference artifacts: functions of a model as StableHLO, which JAX alone runs, for every batch size.

An artifact is a directory. `manifest.json` lists its endpoints and collections of variables; `NAME.stablehlo` is an endpoint
with the weights inside, as `jax.export.deserialize` reads it; `NAME.npz` is a collection.
"""

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lamella.backend import _registry
from lamella.core import _scopes, _tree
from lamella.core._damaged import parse_json
from lamella.core._keras_tensor import KerasTensor
from lamella.errors import ArgumentError, BackendError, NotBuiltError, SerializationError
from lamella.layers._input_spec import InputSpec
from lamella.layers._layer import Layer
from lamella.models._model import Model
from lamella.saving._archive import Folder, safe_name
from lamella.saving._atomic import replacing_directory
from lamella.saving._entries import Group
from lamella.saving._flat import open_npz, write_npz

__all__ = ["Artifact", "ExportArchive", "export_model", "load_artifact"]

_FOREIGN = {
    "tf_saved_model": "TensorFlow",
    "saved_model": "TensorFlow",
    "litert": "TensorFlow",
    "onnx": "an ONNX writer",
    "openvino": "OpenVINO",
    "torch": "PyTorch",
}
MANIFEST, _FORMAT = "manifest.json", "lamella-stablehlo"


class ExportArchive:
    """Gathers functions of models and layers, and writes them as an artifact for inference.

    Args:
        format: "stablehlo".

    Raises:
        BackendError: for a format that another library writes.

    Example:
        >>> import lamella as keras
        >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
        >>> archive = keras.export.ExportArchive()
        >>> archive.track(model)
        >>> _ = archive.add_endpoint("serve", model.call, [keras.InputSpec(shape=(None, 3), dtype="float32")])
    """

    def __init__(self, format: str = "stablehlo", **kwargs: Any):
        _check_format(format)
        if kwargs:
            raise ArgumentError(f"ExportArchive got unrecognized arguments: {sorted(kwargs)}.")
        self._tracked: list[Layer] = []
        self._endpoints: dict[str, tuple[Callable, list, Sequence[str] | None]] = {}
        self._collections: dict[str, list] = {}

    @property
    def variables(self) -> list:
        """The variables of what is tracked."""
        return list({id(v): v for layer in self._tracked for v in layer.variables}.values())

    @property
    def trainable_variables(self) -> list:
        """Those of them that training changes."""
        return [v for v in self.variables if v.trainable]

    @property
    def non_trainable_variables(self) -> list:
        """Those of them that training does not change."""
        return [v for v in self.variables if not v.trainable]

    def track(self, resource: Any) -> None:
        """Count the variables of a layer or model among those of the archive.

        Raises:
            ArgumentError: for anything else.
            NotBuiltError: when it has no variables yet.
        """
        if not isinstance(resource, Layer):
            raise ArgumentError(f"Invalid resource type. Expected a layer or model; got {resource!r}.")
        if not resource.built:
            raise NotBuiltError(
                f"The layer {resource.name!r} has not yet been built. It must be called on data, or built, before export."
            )
        if not any(layer is resource for layer in self._tracked):
            self._tracked.append(resource)

    def add_endpoint(self, name: str, fn: Callable, input_signature: Any = None, **kwargs: Any) -> Callable:
        """Register a function to be written.

        Args:
            name: of the endpoint, a Python name.
            fn: a function of arrays; it may use layers and models, as they are for inference.
            input_signature: a list with, for each argument, an `InputSpec`, a `KerasTensor`, an array, or a structure of
                them. None as a size stands for every size.
            platforms: where the endpoint can run; by default "cpu", "cuda" and "tpu".

        Returns:
            `fn`.

        Raises:
            ArgumentError: for a name that is taken or none, or a missing signature.
        """
        platforms = kwargs.pop("platforms", None)
        kwargs.pop("is_static", None)
        if kwargs:
            raise ArgumentError(f"add_endpoint got unrecognized arguments: {sorted(kwargs)}.")
        if not isinstance(name, str) or not name.isidentifier():
            raise ArgumentError(f"The name of an endpoint must be a Python name; got {name!r}.")
        if name in self._endpoints:
            raise ArgumentError(f"Endpoint name {name!r} is already taken.")
        if not input_signature:
            raise ArgumentError(
                f"The endpoint {name!r} needs an `input_signature`: a list with an InputSpec for each argument."
            )
        self._endpoints[name] = (fn, list(input_signature), platforms)
        return fn

    def track_and_add_endpoint(self, name: str, resource: Any, input_signature: Any, **kwargs: Any) -> Callable:
        """`track`, and `add_endpoint` with the call of the resource; returns the function."""
        self.track(resource)
        return self.add_endpoint(name, resource.__call__, input_signature, **kwargs)

    def add_variable_collection(self, name: str, variables: Any) -> None:
        """Register variables to be written under a name.

        Raises:
            ArgumentError: for a name that is none, or anything but variables.
        """
        if not isinstance(name, str) or not name.isidentifier() or name in self._endpoints:
            raise ArgumentError(f"The name of a collection must be a Python name that is not taken; got {name!r}.")
        if not isinstance(variables, (list, tuple, set)) or not all(hasattr(v, "numpy") for v in variables):
            raise ArgumentError(f"Expected `variables` to be a list, tuple or set of Variables; got {variables!r}.")
        self._collections[name] = list(variables)

    def write_out(self, filepath: Any, options: Any = None, verbose: bool = True) -> None:
        """Write the artifact, a directory.

        Args:
            filepath: of the directory; an existing one is replaced.
            options: none are known.
            verbose: whether to print what was written.

        Raises:
            ArgumentError: when there is no endpoint.
            BackendError: when an endpoint cannot be exported, with the reason.
        """
        if options is not None:
            raise ArgumentError(f"write_out takes no options for StableHLO; got {options!r}.")
        if not self._endpoints:
            raise ArgumentError("No endpoints have been set yet. Call add_endpoint().")
        manifest: dict[str, Any] = {"format": _FORMAT, "version": 1, "endpoints": {}, "collections": {}}
        with replacing_directory(filepath) as folder:
            for name, (fn, signature, platforms) in self._endpoints.items():
                described = _tree.map_structure(_described, signature)
                (folder / f"{name}.stablehlo").write_bytes(_program(fn, described, platforms))
                manifest["endpoints"][name] = [_listed(d) for d in described]
            for name, variables in self._collections.items():
                group = Group("", name, {str(i): v.numpy() for i, v in enumerate(variables)})
                write_npz(folder / f"{name}.npz", [group])
                manifest["collections"][name] = [v.path for v in variables]
            (folder / MANIFEST).write_text(json.dumps(manifest, indent=2), encoding="utf-8")
        if verbose:
            print(f"Saved artifact at {os.fspath(filepath)!r}. Endpoints: {', '.join(self._endpoints)}.")


def export_model(
    model: Any,
    filepath: Any,
    format: str = "tf_saved_model",
    verbose: bool | None = None,
    input_signature: Any = None,
    **kwargs: Any,
) -> None:
    """Write the inference of a model as an artifact, with the endpoint "serve".

    Args:
        model: a model that is built.
        filepath: of the artifact.
        format: "stablehlo". The formats of other libraries are refused.
        verbose: whether to print what was written.
        input_signature: a list with a structure of `InputSpec`s for each argument; by default the inputs of the model, for
            every batch size.
        platforms: as in `ExportArchive.add_endpoint`.

    Raises:
        BackendError: for a format that another library writes, or a model that cannot be exported.
    """
    _check_format(format)
    if input_signature is None:
        input_signature = [_signature_of(model)]
    archive = ExportArchive()
    archive.track_and_add_endpoint("serve", model, input_signature, **kwargs)
    archive.write_out(filepath, verbose=bool(verbose))


def _check_format(format: str) -> None:
    if format in _FOREIGN:
        raise BackendError(
            f"format={format!r} is written by {_FOREIGN[format]}, through which lamella does not export. "
            "format='stablehlo' needs nothing but JAX, to be written and to be run."
        )
    if format != "stablehlo":
        raise ArgumentError(f"Unrecognized format={format!r}. Supported: 'stablehlo'.")


def _signature_of(model: Any) -> Any:
    if isinstance(model, Model) and hasattr(model, "_function"):
        return model.input
    if isinstance(model, Model) and getattr(model, "inputs", None):
        return model.input
    shapes = getattr(model, "_build_shapes_dict", None)
    if not shapes or len(shapes) != 1:
        raise ArgumentError(f"The inputs of model {model.name!r} are not known. Give an `input_signature`.")
    (shape,) = shapes.values()
    if not isinstance(shape, tuple):
        raise ArgumentError(f"Model {model.name!r} takes several inputs. Give an `input_signature`.")
    return InputSpec(shape=(None, *shape[1:]), dtype=model.input_dtype)


def _described(leaf: Any) -> KerasTensor:
    if isinstance(leaf, InputSpec):
        if leaf.shape is None:
            raise ArgumentError(f"An `InputSpec` of a signature needs a shape; got {leaf!r}.")
        return KerasTensor(leaf.shape, dtype=leaf.dtype or "float32")
    if isinstance(leaf, KerasTensor):
        return leaf
    if hasattr(leaf, "shape") and hasattr(leaf, "dtype"):
        return KerasTensor(tuple(leaf.shape), dtype=str(np.dtype(leaf.dtype)))
    raise ArgumentError(
        f"A signature holds InputSpecs, KerasTensors or arrays; got {leaf!r} of type {type(leaf).__name__}."
    )


def _listed(described: Any) -> Any:
    if isinstance(described, KerasTensor):
        return {"shape": list(described.shape), "dtype": described.dtype}
    if isinstance(described, dict):
        return {"keys": {k: _listed(v) for k, v in described.items()}}
    return [_listed(v) for v in described]


def _program(fn: Callable, signature: list, platforms: Sequence[str] | None) -> bytes:
    adapter = _registry.active()
    if adapter.name != "jax":
        raise BackendError(f"Models are exported on the backend jax; the active one is {adapter.name}.")
    from lamella.backend._jax_export import PLATFORMS, Exporter

    exporter = Exporter()
    args = _tree.map_structure(lambda t: exporter.spec(t.shape, np.dtype(t.dtype)), signature)

    def pure(*values: Any) -> Any:
        with _scopes.StatelessScope():  # what a call would change stays as it is
            return fn(*values)

    return exporter.serialized(pure, args, platforms or PLATFORMS)


class Artifact:
    """What `load_artifact` returns: each endpoint is a function of the same name, each collection a dict of arrays."""

    def __init__(self, endpoints: dict[str, Callable], collections: dict[str, dict[str, Any]]):
        self.endpoints = endpoints
        self.collections = collections

    def __getattr__(self, name: str) -> Any:
        for table in (self.__dict__.get("endpoints", {}), self.__dict__.get("collections", {})):
            if name in table:
                return table[name]
        raise AttributeError(f"The artifact has no endpoint or collection {name!r}; it has {sorted(self.endpoints)}.")


def load_artifact(filepath: Any) -> Artifact:
    """The artifact that `model.export(format="stablehlo")` or an `ExportArchive` wrote.

    Without lamella, `jax.export.deserialize(open("ARTIFACT/serve.stablehlo", "rb").read()).call` is an endpoint.

    Raises:
        SerializationError: when the directory is no artifact.
    """
    from lamella.backend._jax_export import callable_of

    folder = Folder(filepath)
    if not (folder.path / MANIFEST).is_file():
        raise SerializationError(f"{os.fspath(filepath)!r} is no artifact: it has no {MANIFEST}.")
    manifest = parse_json(folder.read(MANIFEST), f"The {MANIFEST} of {os.fspath(filepath)!r}")
    known = isinstance(manifest, dict) and manifest.get("format") == _FORMAT
    programs, variables = (manifest.get(key, {}) if known else None for key in ("endpoints", "collections"))
    if not isinstance(programs, dict) or not isinstance(variables, dict):
        raise SerializationError(f"{os.fspath(filepath)!r} is no artifact of lamella.")
    endpoints, collections = {}, {}
    for name in programs:
        endpoints[name] = callable_of(_member(folder, f"{name}.stablehlo").read_bytes())
    for name, paths in variables.items():
        with open_npz(_member(folder, f"{name}.npz")) as groups:
            arrays = groups.get("", {})
            collections[name] = {path: arrays[str(i)].read() for i, path in enumerate(paths) if str(i) in arrays}
    return Artifact(endpoints, collections)


def _member(folder: Folder, name: str) -> Path:
    if "/" in safe_name(name):
        raise SerializationError(f"The manifest names {name!r}, which is not beside it.")
    return folder._path(name)
