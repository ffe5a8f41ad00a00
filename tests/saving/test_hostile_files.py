"""Files that were made to do harm, one for each known weakness of loaders of this kind: every one is refused.

While a test runs, it is watched (`hostile.watched`). The entry points are those that read a model or weights from a file or a
configuration; the others stand in `test_hostile_entries.py`.
"""

import json
import os
import stat
import struct
import warnings
import zipfile
import zlib
from pathlib import Path

import h5py
import numpy as np
import pytest
from saving.hostile import CONFIGS, layer, new_model, sequential, watched

import lamella as keras
from lamella.errors import LamellaError, SerializationError

_ = pytest.fixture(autouse=True)(watched)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A model, saved in every format."""
    folder = tmp_path_factory.mktemp("honest")
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="d")], name="m")
    model.save(folder / "m.keras")
    model.save(folder / "m.h5")
    model.save(folder / "dir", zipped=False)
    for ending in ("weights.h5", "npz", "safetensors"):
        model.save_weights(folder / f"m.{ending}")
    model.save_weights(folder / "m.weights.json", max_shard_size=1)
    return folder


def in_archive(config):
    with zipfile.ZipFile("evil.keras", "w") as z, zipfile.ZipFile(in_archive.honest / "m.keras") as honest:
        z.writestr("metadata.json", "{}")
        z.writestr("config.json", json.dumps(config))
        z.writestr("model.weights.h5", honest.read("model.weights.h5"))
    return keras.saving.load_model("evil.keras")


def in_folder(config):
    os.mkdir("evil")
    with zipfile.ZipFile(in_archive.honest / "m.keras") as honest:
        honest.extractall("evil")
    with open("evil/config.json", "w") as file:
        json.dump(config, file)
    return keras.saving.load_model("evil")


def in_old_file(config):
    with h5py.File("evil.h5", "w") as file:
        file.attrs["model_config"] = json.dumps(config)
        file.create_group("model_weights").attrs["layer_names"] = []
    return keras.saving.load_model("evil.h5")


ENTRIES = {
    "load_model .keras": in_archive,
    "load_model folder": in_folder,
    "load_model .h5": in_old_file,
    "model_from_json": lambda config: run(keras.models.model_from_json(json.dumps(config))),
    "deserialize_keras_object": lambda config: run(keras.saving.deserialize_keras_object(config)),
    "layers.deserialize": lambda config: run(keras.layers.deserialize(config)),
    "from_config": lambda config: run(keras.Sequential.from_config(config["config"])),
}


def run(model):
    """An object that is no model is harmless: a layer that does what layers do."""
    if type(model) is keras.layers.Dense:
        raise SerializationError("a layer, not a model")
    return model


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("name", CONFIGS)
def test_configurations_run_nothing(files, entry, name):
    in_archive.honest = files
    config = CONFIGS[name]
    if entry == "from_config" and name in ("a text instead of a model", "an object instead of a model"):
        pytest.skip("from_config takes the configuration of a Sequential")
    if entry in ("deserialize_keras_object", "model_from_json") and name == "a text instead of a model":
        assert ENTRIES[entry](config) == config  # a text is a text
        return
    with pytest.raises(LamellaError):
        ENTRIES[entry](config)


def test_a_lambda_needs_permission_in_this_very_call(files):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Lambda(lambda x: x * 3.0)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.save("lambda.keras")
    with pytest.raises(SerializationError, match="safe_mode=False"):
        keras.saving.load_model("lambda.keras")
    loaded = keras.saving.load_model("lambda.keras", safe_mode=False)
    np.testing.assert_allclose(loaded(np.ones((1, 3), "float32")), 3.0)
    with pytest.raises(SerializationError, match="safe_mode=False"):  # the permission was for that call only
        keras.saving.load_model("lambda.keras")


def test_a_registered_name_does_not_take_the_place_of_a_builtin(files):
    @keras.saving.register_keras_serializable("Custom", "Dense")
    class Evil(keras.layers.Layer):
        def __init__(self, **kwargs):
            raise AssertionError("the class of the user was made")

    try:
        assert type(keras.saving.load_model(files / "m.keras").layers[0]) is keras.layers.Dense
    finally:
        keras.saving.get_custom_objects().pop("Custom>Dense")


# ---- archives ------------------------------------------------------------------------------------------


def rezipped(files, change):
    """The honest archive with a change: `change(archive, members)` writes the members it wants."""
    with zipfile.ZipFile(files / "m.keras") as honest:
        members = {name: honest.read(name) for name in honest.namelist()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of zipfile about names that stand twice
        with zipfile.ZipFile("evil.keras", "w") as archive:
            change(archive, members)


def link(name, target):
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info, target


def adds(*extra, packed=zipfile.ZIP_STORED):
    def change(archive, members):
        for name, data in [*members.items(), *extra]:
            archive.writestr(name, data, compress_type=packed)

    return change


def replaces(**data):
    return lambda archive, members: [archive.writestr(n, data.get(n.split(".")[0], d)) for n, d in members.items()]


def bomb(archive, members):
    for name, data in members.items():
        archive.writestr(name, b"\0" * 2**26 if name.endswith(".h5") else data, compress_type=zipfile.ZIP_DEFLATED)


DEEP = ('{"a":' * 100_000 + "1" + "}" * 100_000).encode()
NESTED = json.dumps(sequential()).replace(
    '"layers": [', '"layers": [' + '{"class_name": "__tuple__", "items": [' * 200_00
)
ARCHIVES = {
    "a name with ..": adds(("../escaped", "x")),
    "an asset with ..": adds(("assets/../../escaped", "x")),
    "an absolute name": adds(("/tmp/escaped", "x")),
    "a Windows drive": adds(("C:/escaped", "x")),
    "backslashes": adds(("assets\\..\\..\\escaped", "x")),
    "a symbolic link": adds(link("assets/d", "/etc")),
    "a link for the weights": lambda archive, members: [
        archive.writestr(*(link(n, "/etc/passwd") if n.endswith(".h5") else (n, d))) for n, d in members.items()
    ],
    "one name twice": adds(("config.json", "{}")),
    "a zip bomb": bomb,
    "deep nesting of JSON": replaces(config=DEEP),
    "deep nesting of objects": replaces(config=NESTED.encode()),
    "a configuration that is no JSON": replaces(config=b"\x80\x04cos\nsystem\n(S'id'\ntR."),
    "weights that are no HDF5": replaces(model=b"\x80\x04" * 100),
    "no weights": lambda archive, members: archive.writestr("config.json", members["config.json"]),
    "an unknown packing": adds(packed=zipfile.ZIP_LZMA),
    "variables beyond the file": replaces(config=json.dumps(sequential(layer("Dense", units=10**9))).encode()),
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_archives_are_refused(files, name):
    rezipped(files, ARCHIVES[name])
    with pytest.raises(SerializationError):
        keras.saving.load_model("evil.keras")
    if name not in (
        "deep nesting of JSON",
        "deep nesting of objects",
        "a configuration that is no JSON",
        "variables beyond the file",
    ):
        with pytest.raises(SerializationError):
            new_model().load_weights("evil.keras")


def test_a_damaged_archive_is_refused(files):
    whole = (files / "m.keras").read_bytes()
    for cut in (10, len(whole) // 2, len(whole) - 30):
        with open("evil.keras", "wb") as file:
            file.write(whole[:cut])
        with pytest.raises((SerializationError, keras.errors.ArgumentError)):
            keras.saving.load_model("evil.keras")
    position = whole.index(b"DTypePolicy")
    with open("evil.keras", "wb") as file:
        file.write(whole[:position] + b"X" + whole[position + 1 :])
    with pytest.raises(SerializationError, match="damaged"):
        keras.saving.load_model("evil.keras")


def test_links_in_a_folder_are_refused(files):
    keras.saving.load_model(files / "dir").save("evil", zipped=False)
    os.remove("evil/config.json")
    os.symlink("/etc/passwd", "evil/config.json")
    with pytest.raises(SerializationError, match="link"):
        keras.saving.load_model("evil")


# ---- HDF5 ----------------------------------------------------------------------------------------------

WHERE = "layers/dense/vars"


def external_link(file):
    del file[f"{WHERE}/0"]
    with h5py.File("other.h5", "w") as other:
        other["0"] = np.ones((3, 2), "float32")
    file[f"{WHERE}/0"] = h5py.ExternalLink("other.h5", "/0")


def external_group(file):
    del file["layers"]
    with h5py.File("other.h5", "w") as other:
        other[f"{WHERE}/0"] = np.ones((3, 2), "float32")
    file["layers"] = h5py.ExternalLink("other.h5", "/layers")


def soft_link(file):
    file[f"{WHERE}/2"] = h5py.SoftLink(f"/{WHERE}/1")


def external_storage(file):
    del file[f"{WHERE}/0"]
    file[WHERE].create_dataset("0", (3, 2), "float32", external=[("/etc/passwd", 0, 24)])


def virtual(file):
    del file[f"{WHERE}/0"]
    layout = h5py.VirtualLayout((3, 2), "float32")
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", shape=(3, 2))
    file[WHERE].create_virtual_dataset("0", layout)


def shape_bomb(file):
    del file[f"{WHERE}/0"]
    file[WHERE].create_dataset("0", (2**40, 2), "float32", chunks=(2**10, 2))


def packed_bomb(file):
    file[WHERE].create_dataset("2", (2**40,), "float32", chunks=(2**20,), compression="gzip")


def wide_chunks(file):
    wide = file[WHERE].create_dataset("2", (4,), "float32", chunks=(2**28,), maxshape=(None,), compression="gzip")
    wide.id.write_direct_chunk((0,), zlib.compress(bytes(16)))


def loop(file):
    file["layers/dense/again"] = file["layers"]


def objects(file):
    file[WHERE].create_dataset("2", data=np.array(["a", "b"], dtype=object), dtype=h5py.string_dtype())


def references(file):
    file[WHERE].create_dataset("2", data=file[WHERE].ref, dtype=h5py.ref_dtype)


def structures(file):
    file[WHERE].create_dataset("2", data=np.zeros(2, [("a", "f4"), ("b", "i4")]))


def stray(file):
    file["somewhere"] = np.ones(2)


def named_type(file):
    file["layers/type"] = np.dtype("float64")


def false_dtype(file):
    file[f"{WHERE}/0"].attrs["dtype"] = "bfloat16"
    file[WHERE].create_dataset("2", data=np.zeros(2, "V4")).attrs["dtype"] = "object"


HDF5 = [
    external_link, external_group, soft_link, external_storage, virtual, shape_bomb, packed_bomb, wide_chunks, loop, objects,
    references, structures, stray, named_type, false_dtype,
]  # fmt: skip


def spoiled(files, change, name="evil.weights.h5"):
    with open(name, "wb") as file:
        file.write((files / "m.weights.h5").read_bytes())
    with h5py.File(name, "a") as file:
        change(file)


@pytest.mark.parametrize("entry", ["load_weights", "shards", "load_model .keras", "load_model folder"])
@pytest.mark.parametrize("change", HDF5, ids=lambda f: f.__name__)
def test_hdf5_files_are_refused(files, change, entry):
    spoiled(files, change, "model.weights.h5")
    with pytest.raises(SerializationError):
        if entry == "load_weights":
            new_model().load_weights("model.weights.h5")
        elif entry == "shards":
            with open("evil.weights.json", "w") as file:
                json.dump({"metadata": {}, "weight_map": {"/layers/dense/vars": ["model.weights.h5"]}}, file)
            new_model().load_weights("evil.weights.json")
        elif entry == "load_model folder":
            keras.saving.load_model(files / "dir").save("evil", zipped=False)
            os.replace("model.weights.h5", "evil/model.weights.h5")
            keras.saving.load_model("evil")
        else:
            with open("model.weights.h5", "rb") as file:
                rezipped(files, replaces(model=file.read()))
            keras.saving.load_model("evil.keras")


def old_external_link(file):
    del file["model_weights/d"]
    with h5py.File("other.h5", "w") as other:
        other.create_group("d").attrs["weight_names"] = []
    file["model_weights/d"] = h5py.ExternalLink("other.h5", "/d")


def old_external_storage(file):
    group = file["model_weights/d"]
    name = group.attrs["weight_names"][0]
    del group[name]
    group.create_dataset(name, (3, 2), "float32", external=[("/etc/passwd", 0, 24)])


def old_shape_bomb(file):
    group = file["model_weights/d"]
    name = group.attrs["weight_names"][0]
    del group[name]
    group.create_dataset(name, (2**40, 2), "float32", chunks=(2**10, 2))


def old_path(file):
    file["model_weights/d"].attrs["weight_names"] = ["../../x", "m/d/bias"]


def old_whole_link(file):
    del file["model_weights"]
    file["model_weights"] = h5py.ExternalLink("/etc/passwd", "/x")


@pytest.mark.parametrize(
    "change",
    [old_external_link, old_external_storage, old_shape_bomb, old_path, old_whole_link],
    ids=lambda f: f.__name__,
)
def test_old_files_are_refused(files, change):
    with open("evil.h5", "wb") as file:
        file.write((files / "m.h5").read_bytes())
    with h5py.File("evil.h5", "a") as file:
        change(file)
    with pytest.raises(SerializationError):
        keras.saving.load_model("evil.h5")
    for by_name in (False, True):
        with pytest.raises(SerializationError):
            new_model().load_weights("evil.h5", by_name=by_name)


# ---- the flat formats ----------------------------------------------------------------------------------


class Armed:
    def __reduce__(self):
        return print, ("escaped",)


def npz(**members):
    with zipfile.ZipFile("evil.npz", "w") as archive:
        for name, data in members.items():
            archive.writestr(name.replace("__", "/") + ".npy", data)


def npy(shape="(3, 2)", descr="'<f4'", data=b"\0" * 24):
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + data


NPZ = {
    "a pickle": lambda: np.savez("evil.npz", **{"layers/dense/vars/0": np.array([Armed()], dtype=object)}),
    "a header that lies about the shape": lambda: npz(layers__dense__vars__0=npy("(1099511627776, 2)")),
    "a header with a negative size": lambda: npz(layers__dense__vars__0=npy("(-1, 6)")),
    "a header of objects": lambda: npz(layers__dense__vars__0=npy(descr="'|O'")),
    "a header of structures": lambda: npz(layers__dense__vars__0=npy(descr="[('a', '<f4')]")),
    "a header that is code": lambda: npz(layers__dense__vars__0=npy("__import__('os').system('id')")),
    "a header that is long": lambda: npz(layers__dense__vars__0=npy("(3, 2" + " " * 50_000 + ")")),
    "no array": lambda: npz(layers__dense__vars__0=b"nothing"),
    "names with ..": lambda: npz(**{"..__..__vars__0": npy()}),
    "names of other things": lambda: npz(weights=npy()),
    "no archive": lambda: Path("evil.npz").write_bytes(b"PK\x03\x04" + b"\0" * 50),
}


@pytest.mark.parametrize("name", NPZ)
def test_npz_files_are_refused(name):
    NPZ[name]()
    with pytest.raises(SerializationError):
        new_model().load_weights("evil.npz")


def safetensors(header, data=b"\0" * 24, length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    with open("evil.safetensors", "wb") as file:
        file.write(struct.pack("<Q", len(text) if length is None else length) + text + data)


TENSOR = {"dtype": "F32", "shape": [3, 2], "data_offsets": [0, 24]}
SAFETENSORS = {
    "a long header": lambda: safetensors({"layers/dense/vars/0": TENSOR}, length=2**60),
    "offsets beyond the end": lambda: safetensors({"layers/dense/vars/0": {**TENSOR, "data_offsets": [0, 2**50]}}),
    "a shape that lies": lambda: safetensors({"layers/dense/vars/0": {**TENSOR, "shape": [2**40, 2]}}),
    "an unknown dtype": lambda: safetensors({"layers/dense/vars/0": {**TENSOR, "dtype": "PICKLE"}}),
    "names of other things": lambda: safetensors({"weights": TENSOR}),
    "no JSON": lambda: safetensors(b"\x80\x04cos\nsystem"),
    "nothing": lambda: Path("evil.safetensors").write_bytes(b""),
}


@pytest.mark.parametrize("name", SAFETENSORS)
def test_safetensors_files_are_refused(name):
    SAFETENSORS[name]()
    with pytest.raises(SerializationError):
        new_model().load_weights("evil.safetensors")


@pytest.mark.parametrize(
    "part", ["../evil.weights.h5", "/etc/passwd", "a/b.weights.h5", "other.h5", 3, None, "..\\x.weights.h5"]
)
def test_an_index_names_files_beside_it_only(part):
    with open("evil.weights.json", "w") as file:
        json.dump({"metadata": {}, "weight_map": {"/layers/dense/vars": [part]}}, file)
    with pytest.raises(SerializationError):
        new_model().load_weights("evil.weights.json")


@pytest.mark.parametrize(
    "where", ["http://127.0.0.1/m.keras", "hf://someone/model", "file:///etc/passwd", "s3://x/m.keras"]
)
def test_addresses_are_not_opened(where):
    with pytest.raises(keras.errors.ArgumentError, match="files of this machine"):
        keras.saving.load_model(where)
    with pytest.raises(keras.errors.ArgumentError, match="files of this machine"):
        new_model().save(where)


def test_there_is_no_switch_for_the_process():
    with pytest.raises(SerializationError, match="safe_mode=False"):
        keras.config.enable_unsafe_deserialization()
