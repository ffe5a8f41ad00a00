"""The same harm by the other ways in: how a model was compiled, every family's `deserialize` and `from_config`, copies, states of
training, artifacts, checkpoints of Orbax, the tools that look into files, downloads and data sets.

Each is watched as in `test_hostile_files.py`.
"""

import copy
import io
import json
import os
import pickle
import pickletools
import struct
import tarfile
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from saving.hostile import CONFIGS, DTYPE, LAMBDA, OLD_LAMBDA, function, layer, new_model, sequential, watched

import lamella as keras
from lamella.errors import CheckpointError, LamellaError, SerializationError
from lamella.saving._content import opened
from lamella.saving._export import load_artifact

_ = pytest.fixture(autouse=True)(watched)


@pytest.fixture(scope="module", autouse=True)
def on_numpy():
    with keras.backend.use("numpy"):
        new_model(), keras.layers.StringLookup(vocabulary=["a"])  # with all that they import
        yield


def named(class_name, module="builtins", registered_name=None, **config):
    return {"module": module, "class_name": class_name, "config": config, "registered_name": registered_name}


# ---- every family ----------------------------------------------------------------------------------------

OBJECTS = {
    "bytecode": LAMBDA,
    "bytecode in the old form": OLD_LAMBDA,
    "a class of the standard library": named("Popen", "subprocess", args=["touch", "../escaped"]),
    "a class as if it were registered": named("Popen", None, "subprocess>Popen", args=[]),
    "a function of the standard library": function("system", "os"),
    "a builtin function": function("eval"),
    "a builtin type": {"module": "builtins", "class_name": "type", "config": "object", "registered_name": None},
    "a dotted name": "os.system",
    "a downloader": function("get_file", "keras.utils"),
    "the switch of safe mode": function("enable_unsafe_deserialization", "keras.config"),
    "a loader": named("load_model", "keras.saving", filepath="../escaped", safe_mode=False),
    "a loader of another module": named("load_model", "keras.models", filepath="../escaped", safe_mode=False),
    "a callback": named("CSVLogger", "keras.callbacks", filename="../escaped"),
    "a path": named("Path", "pathlib", args=["../escaped"]),
    "a private part of lamella": named("Folder", "lamella.saving._archive", path="/etc"),
    "an attribute": named("__subclasses__", "keras.layers"),
}
FAMILIES = ("layers", "losses", "metrics", "optimizers", "initializers", "regularizers", "constraints", "activations",
            "dtype_policies", "optimizers.schedules", "quantizers")  # fmt: skip


def family(name):
    found = keras
    for part in name.split("."):
        found = getattr(found, part)
    return found


@pytest.mark.parametrize("name", FAMILIES)
def test_no_family_makes_them(name):
    for what, config in OBJECTS.items():
        for read in (getattr(family(name), "deserialize", None), getattr(family(name), "get", None)):
            if read is not None and not (
                read.__name__ == "deserialize" and isinstance(config, str)
            ):  # a text is a text
                with pytest.raises(LamellaError):
                    made = read(copy.deepcopy(config))
                    raise AssertionError(f"{read.__name__} made {made!r} of {what}")


@pytest.mark.parametrize("what", [k for k, v in OBJECTS.items() if isinstance(v, dict)])
def test_nor_does_the_general_one(what):
    with pytest.raises(LamellaError):
        keras.saving.deserialize_keras_object(copy.deepcopy(OBJECTS[what]))


WRAPPERS = {
    "Bidirectional": lambda inner: {"layer": inner},
    "TimeDistributed": lambda inner: {"layer": inner},
    "SpectralNormalization": lambda inner: {"layer": inner},
    "RNN": lambda inner: {"cell": inner},
    "StackedRNNCells": lambda inner: {"cells": [inner]},
    "Pipeline": lambda inner: {"layers": [inner]},
    "Dense": lambda inner: {"units": 2, "kernel_regularizer": inner},
    "Activation": lambda inner: {"activation": inner},
    "Lambda": lambda inner: {"function": inner, "arguments": {}},
    "StringLookup": lambda inner: {"vocabulary": inner},
}


@pytest.mark.parametrize("name", WRAPPERS)
def test_no_layer_makes_them_from_its_configuration(name):
    for what, inner in OBJECTS.items():
        plain = {} if name == "Pipeline" else {"trainable": True, "dtype": DTYPE}
        config = {"name": "x", **plain, **WRAPPERS[name](copy.deepcopy(inner))}
        for read in (
            getattr(keras.layers, name).from_config,
            lambda c: keras.layers.deserialize(named(name, "keras.layers", **c)),
        ):
            with pytest.raises(LamellaError):
                made = read(dict(config))
                raise AssertionError(f"{what} made {made!r}")


# ---- how a model was compiled, how it was built ----------------------------------------------------------

GOOD = {"module": "keras.optimizers", "class_name": "SGD", "config": {"learning_rate": 0.1}, "registered_name": None}
COMPILED = {
    f"{what} as the {part}": {"optimizer": GOOD, "loss": "mse", "metrics": None, part: [value] if part == "metrics" else value}
    for what, value in OBJECTS.items()
    for part in ("optimizer", "loss", "metrics")
} | {
    "bytecode as the learning rate": {"optimizer": {**GOOD, "config": {"learning_rate": LAMBDA}}, "loss": "mse"},
    "a function as the learning rate": {"optimizer": {**GOOD, "config": {"learning_rate": function("system", "os")}}, "loss": "mse"},
    "bytecode within a loss": {"optimizer": GOOD, "loss": named("LossFunctionWrapper", "keras.losses", fn=LAMBDA)},
}  # fmt: skip


@pytest.fixture(scope="module")
def honest(tmp_path_factory):
    folder = tmp_path_factory.mktemp("honest")
    with keras.backend.use("numpy"):
        new_model().save(folder / "m.keras")
        new_model().save(folder / "m.h5")
    return folder


def in_archive(honest, config):
    with zipfile.ZipFile("evil.keras", "w") as z, zipfile.ZipFile(honest / "m.keras") as good:
        z.writestr("metadata.json", "{}")
        z.writestr("config.json", json.dumps(config))
        z.writestr("model.weights.h5", good.read("model.weights.h5"))
    return Path("evil.keras")


DENSE = layer("Dense", units=2, name="d")


@pytest.mark.parametrize("what", COMPILED)
def test_how_a_model_was_compiled_runs_nothing(honest, what):
    config = sequential(DENSE) | {"compile_config": COMPILED[what]}
    for read in (
        lambda: keras.saving.load_model(in_archive(honest, config)),
        lambda: keras.models.model_from_json(json.dumps(config)),
        lambda: keras.saving.deserialize_keras_object(config),
    ):
        with pytest.raises(LamellaError):
            read()
    assert keras.saving.load_model(in_archive(honest, config), compile=False).optimizer is None


@pytest.mark.parametrize("what", COMPILED)
def test_nor_does_it_in_an_old_file(honest, what):
    parts = dict(COMPILED[what])
    parts["optimizer_config"] = parts.pop("optimizer")
    Path("evil.h5").write_bytes((honest / "m.h5").read_bytes())
    with h5py.File("evil.h5", "a") as file:
        file.attrs["training_config"] = json.dumps(parts)
    with pytest.raises(LamellaError):
        keras.saving.load_model("evil.h5")


@pytest.mark.parametrize(
    "build",
    [{"input_shape": [None, 2**40]}, {"input_shape": [None, -3]}, {"input_shape": "/etc/passwd"}, {"input_shape": LAMBDA}, LAMBDA, [3]],
    ids=str,
)  # fmt: skip
def test_how_a_layer_was_built_takes_no_memory(honest, build):
    config = sequential(DENSE | {"build_config": build})
    config["config"].pop("build_input_shape")
    del config["config"]["layers"][0]  # else the model says with what shape
    with pytest.raises(LamellaError):
        keras.saving.load_model(in_archive(honest, config))


# ---- copies ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["Dense", "Activation", "Lambda"])
def test_a_copy_reads_configurations_as_a_file_does(name):
    for inner in OBJECTS.values():
        if name == "Lambda" and not isinstance(inner, dict):
            continue
        inside = {"Dense": keras.layers.Dense(2), "Activation": keras.layers.Activation("relu")}.get(name)
        inside = inside or keras.layers.Lambda(keras.ops.relu)
        model = keras.Sequential([keras.Input((3,)), inside])
        inside.get_config = lambda inner=inner: {"name": "x", **WRAPPERS[name](inner)}
        with pytest.raises(LamellaError):
            keras.models.clone_model(model)


def test_a_pickled_model_names_nothing_but_parts_of_models():
    """A pickle is code to Python, whoever reads it; the pickle of a model needs no code but that of its parts."""
    model = new_model()
    model.compile("adam", "mse", metrics=["mae"])
    operations = pickletools.genops(pickle.dumps(model, protocol=2))  # in which each name stands in full
    found = {
        argument.split()[0].partition(".")[0] for operation, argument, _ in operations if operation.name == "GLOBAL"
    }
    assert "lamella" in found
    assert found <= {
        "lamella",
        "numpy",
        "builtins",
        "__builtin__",
        "collections",
        "functools",
        "copyreg",
        "_codecs",
        "ml_dtypes",
    }, found


# ---- states of training ------------------------------------------------------------------------------------


def state(members, **tree):
    os.makedirs("states")
    with zipfile.ZipFile("states/1.state", "w") as file:
        text = json.dumps({"format": "lamella-state", "version": 1, "state": {"dict": tree}})
        for name, content in {"state.json": text, **members}.items():
            file.writestr(name, content)


def npy(shape="(3, 2)", descr="'<f4'", data=b"\0" * 24):
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + data


class Armed:
    def __reduce__(self):
        return print, ("escaped",)


def pickled():
    out = io.BytesIO()
    np.save(out, np.array([Armed()], dtype=object), allow_pickle=True)
    return out.getvalue()


STATES = {
    "a pickle": lambda: state({"arrays/0.npy": pickled()}, position={"array": 0}),
    "a header that lies": lambda: state({"arrays/0.npy": npy("(1099511627776, 2)")}, position={"array": 0}),
    "a name with ..": lambda: state({"../escaped": "x"}, position=None),
    "an array that is not there": lambda: state({}, position={"array": "../../etc/passwd"}),
    "deep nesting": lambda: state({"state.json": '{"a":' * 100_000 + "1" + "}" * 100_000}),
}


@pytest.mark.parametrize("what", STATES)
def test_states_of_training_are_refused(what):
    STATES[what]()
    for options in ({"resume": "states"}, {"callbacks": [keras.callbacks.BackupAndRestore("states")]}):
        model = new_model()
        model.compile("sgd", "mse")
        with pytest.raises(CheckpointError, match="can be read"):
            model.fit(np.ones((2, 3)), np.ones((2, 2)), verbose=0, **options)


def test_a_state_of_other_things_is_an_error_that_says_so():
    state({}, process="x", position={"dict": {"variables": 3}})
    model = new_model()
    model.compile("sgd", "mse")
    with pytest.raises(SerializationError, match="not one of this version"):
        model.fit(np.ones((2, 3)), np.ones((2, 2)), verbose=0, resume="states")


# ---- artifacts, Orbax, and the tools that look into files -------------------------------------------------------


@pytest.mark.parametrize(
    "manifest",
    [
        {"endpoints": {"../escaped": []}}, {"endpoints": {"/etc/passwd": []}}, {"endpoints": {"serve": []}},
        {"collections": {"../x": []}}, {"endpoints": 3}, {"endpoints": {"a/b": []}}, {"collections": {"pickle": ["a"]}},
    ],
    ids=str,
)  # fmt: skip
def test_artifacts_are_refused(manifest):
    os.mkdir("art")
    Path("art/manifest.json").write_text(json.dumps({"format": "lamella-stablehlo", "version": 1, **manifest}))
    Path("art/serve.stablehlo").write_bytes(b"\x80\x04cos\nsystem\n(S'id'\ntR.")
    np.savez("art/pickle.npz", **{"vars/0": np.array([Armed()], dtype=object)})
    with pytest.raises(LamellaError):
        load_artifact("art")


def test_configurations_in_checkpoints_of_orbax_run_nothing(monkeypatch):
    from lamella.saving import _orbax

    os.makedirs("run/0")
    Path("run/0/_CHECKPOINT_METADATA").write_text("{}")
    for what, config in CONFIGS.items():
        monkeypatch.setattr(_orbax, "read", lambda path, config=config: (config, {}))
        with pytest.raises(LamellaError):
            made = keras.saving.load_model("run")
            raise AssertionError(f"{what} made {made!r}")


@pytest.mark.parametrize("what", [k for k, v in CONFIGS.items() if isinstance(v, dict)])
def test_looking_into_a_file_runs_nothing(honest, what):
    with opened(in_archive(honest, CONFIGS[what])) as content:
        assert content.config == json.loads(json.dumps(CONFIGS[what]))
    with h5py.File("evil.h5", "w") as file:
        file.attrs["model_config"] = json.dumps(CONFIGS[what])
        file.create_group("model_weights").attrs["layer_names"] = []
    with opened("evil.h5"):
        pass


def test_nor_does_the_command_line(honest, capsys):
    from lamella.cli import main

    for config in CONFIGS.values():
        path = in_archive(honest, config)
        for arguments in (["inspect", path], ["diff", path, honest / "m.keras"], ["convert", path, "out.h5"]):
            with pytest.raises(SystemExit):
                main([str(a) for a in arguments])
    assert not os.path.exists("out.h5")


# ---- downloads and data sets ---------------------------------------------------------------------------------


def tar(*members):
    with tarfile.open("evil.tar", "w") as file:
        for name, kind, target in members:
            info = tarfile.TarInfo(name)
            info.type, info.linkname, info.size = kind, target, 1 if kind == tarfile.REGTYPE else 0
            file.addfile(info, io.BytesIO(b"x"))


def zipped(*members):
    with zipfile.ZipFile("evil.tar", "w") as file:
        for name in members:
            file.writestr(name, "x")


REG, SYM, HARD = tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE
DOWNLOADS = {
    "a name with ..": lambda: tar(("../../escaped", REG, "")),
    "an absolute name": lambda: tar(("/tmp/escaped", REG, "")),
    "a symbolic link": lambda: tar(("l", SYM, "/etc")),
    "a file through a link": lambda: tar(("l", SYM, "../.."), ("l/escaped", REG, "")),
    "a hard link": lambda: tar(("l", HARD, "/etc/passwd")),
    "a folder beside with the same beginning": lambda: tar(("../evil_extracted2/x", REG, "")),
    "a device": lambda: tar(("d", tarfile.CHRTYPE, "")),
    "a zip name with ..": lambda: zipped("../../escaped"),
    "a zip with an absolute name": lambda: zipped("/tmp/escaped"),
    "a zip with backslashes": lambda: zipped("..\\..\\escaped"),
}


@pytest.mark.parametrize("what", DOWNLOADS)
def test_downloads_are_not_unpacked_outside_of_their_folder(what):
    DOWNLOADS[what]()
    os.makedirs("cache/datasets")
    os.replace("evil.tar", "cache/datasets/evil.tar")
    with pytest.raises(LamellaError):
        keras.utils.get_file("evil.tar", "file:///nowhere", extract=True, cache_dir="cache")
    assert os.listdir("cache/datasets") == ["evil.tar"]


DATA = {
    "a pickle": pickled,
    "a header that lies": lambda: npy("(1099511627776, 28, 28)", "'|u1'"),
    "a header of negative sizes": lambda: npy("(-1, 28, 28)", "'|u1'"),
    "a header that is code": lambda: npy("__import__('os').system('id')"),
    "no array": lambda: b"nothing",
}


@pytest.mark.parametrize("what", DATA)
def test_data_sets_are_read_with_the_same_care(what):
    with zipfile.ZipFile("evil.npz", "w", zipfile.ZIP_DEFLATED) as file:
        for name in ("x_train", "y_train", "x_test", "y_test"):
            file.writestr(f"{name}.npy", DATA[what]())
    with pytest.raises(LamellaError):
        keras.datasets.mnist.load_data(os.path.abspath("evil.npz"))
    Path("evil.npz").write_bytes(b"PK\x03\x04" + bytes(50))
    with pytest.raises(LamellaError):
        keras.datasets.mnist.load_data(os.path.abspath("evil.npz"))
