"""Whole models as `.h5` files: what Keras 1 and 2 wrote, and Keras 3 still reads and writes."""

import json
from pathlib import Path
from typing import Any

from lamella.core._damaged import made_from, parse_json
from lamella.core._serialization import classes_of, deserialize_keras_object, serialize_keras_object
from lamella.errors import SerializationError
from lamella.saving import _hdf5, _legacy_weights
from lamella.saving._atomic import replacing
from lamella.saving._metadata import BACKEND, KERAS_VERSION
from lamella.saving._sink import new_hdf5

__all__ = ["FAMILIES", "read_model", "write_model"]


def write_model(model: Any, path: Path, include_optimizer: bool = True) -> None:
    """Write the model; with `include_optimizer`, how it was compiled and the state of the optimizer.

    As Keras does for these files, directories that are missing are made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary, new_hdf5(temporary) as file:
        file.attrs["keras_version"], file.attrs["backend"] = KERAS_VERSION, BACKEND
        config = serialize_keras_object(model)
        file.attrs["model_config"] = json.dumps({"class_name": config["class_name"], "config": config["config"]})
        _legacy_weights.write_layers(file.create_group("model_weights"), model)
        compiled = model.get_compile_config() if include_optimizer else None
        if compiled:
            optimizer = compiled.pop("optimizer", None)
            file.attrs["training_config"] = json.dumps({**compiled, "optimizer_config": optimizer})
            if model.optimizer is not None and model.optimizer.built:
                _legacy_weights.write_optimizer(file.create_group("optimizer_weights"), model.optimizer)


def read_model(path: Path, compile: bool) -> Any:
    """The model of the file. Configurations are read in the mode, and with the custom objects, of the surroundings."""
    from lamella.saving._model_file import model_of, room_for

    with _hdf5.open_hdf5(path) as file:
        text = _hdf5.attribute(file, "model_config")
        if not isinstance(text, str):
            raise SerializationError(
                f"No model config found in the file at {path}. It may hold weights only: load_weights()."
            )
        config = parse_json(text, f"The model_config of {str(path)!r}")
        version = _hdf5.attribute(file, "keras_version")
        if not (isinstance(version, str) and version.startswith("3")):
            config = _modern(config)
        entries = _legacy_weights.all_entries(file)
        with room_for({"": entries}):
            with classes_of(*FAMILIES), made_from("The configuration in the file"):
                model = model_of(_with_module(config), compile=False)
            _legacy_weights.load_layers(model, file)
            training = _hdf5.attribute(file, "training_config") if compile else None
            if isinstance(training, str):
                with made_from("The training_config of the file"):
                    _compile(model, parse_json(training, f"The training_config of {str(path)!r}"))
                _legacy_weights.load_optimizer(model.optimizer, file)
    return model


def _compile(model: Any, config: dict) -> None:
    """Compile as the file says; files of Keras 2 call some arguments otherwise."""
    arguments = {k: v for k, v in config.items() if k in _COMPILE_ARGUMENTS and v is not None}
    if config.get("optimizer_config") is not None:
        arguments["optimizer"] = _plain_optimizer(config["optimizer_config"])
    for name in ("metrics", "weighted_metrics"):
        if name in arguments:
            arguments[name] = _metrics(arguments[name])
    made = {}
    for name, value in arguments.items():
        family = {"optimizer": "optimizers", "loss": "losses"}.get(name, "metrics")
        with classes_of(f"keras.{family}", "keras.optimizers.schedules"):
            made[name] = deserialize_keras_object(value)
    model.compile(**made)
    if model.optimizer is not None:
        model.optimizer.build(model.trainable_variables)


FAMILIES = (
    "keras.layers", "keras", "keras.src.models.functional", "keras.initializers", "keras.regularizers",
    "keras.constraints", "keras.dtype_policies",
)  # fmt: skip
_COMPILE_ARGUMENTS = (
    "loss", "loss_weights", "metrics", "weighted_metrics", "run_eagerly", "steps_per_execution", "jit_compile",
)  # fmt: skip


def _plain_optimizer(config: Any) -> Any:
    """Without the arguments of Keras 2 that Keras 3 has no more; `lr` by its name of today."""
    if not isinstance(config, dict) or not isinstance(config.get("config"), dict):
        return config
    inner = {k: v for k, v in config["config"].items() if k not in ("decay", "is_legacy_optimizer", "jit_compile")}
    if "lr" in inner:
        inner["learning_rate"] = inner.pop("lr")
    return {**config, "module": config.get("module") or "keras.optimizers", "config": inner}


def _metrics(value: Any) -> Any:
    """Names and functions stay; `MeanMetricWrapper`s of Keras 2 become the functions that they wrapped."""
    if isinstance(value, list):
        return [_metrics(v) for v in value]
    if isinstance(value, dict) and value.get("class_name") == "MeanMetricWrapper":
        inner = value.get("config") or {}
        return inner.get("fn") if isinstance(inner.get("fn"), str) else inner.get("name")
    return value


def _modern(config: Any) -> Any:
    """The configuration of a graph as of today: one input or output is no list of one."""
    if isinstance(config, list):
        return [_modern(c) for c in config]
    if not isinstance(config, dict):
        return config
    config = {key: _modern(value) for key, value in config.items()}
    for key in ("input_layers", "output_layers"):
        ends = config.get(key)
        if isinstance(ends, list) and len(ends) == 1 and isinstance(ends[0], list):
            config[key] = ends[0]
    return config


def _with_module(config: Any) -> Any:
    """Name the module that the old files leave out: those of the model itself."""
    if (
        isinstance(config, dict)
        and config.get("class_name") in ("Model", "Functional")
        and isinstance(config.get("config"), dict)
    ):
        return {**config, "class_name": "Functional", "module": "keras.src.models.functional"}
    if isinstance(config, dict) and config.get("class_name") == "Sequential":
        inner = config.get("config")
        return {**config, "module": "keras", "config": {"layers": inner} if isinstance(inner, list) else inner}
    return config
