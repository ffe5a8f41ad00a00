"""What the tests of hostile files share: configurations that were made to do harm, and a watch over what reading them does."""

import base64
import gc
import importlib
import marshal
import os
import pickle
import resource
import socket
import sys
import tempfile
from pathlib import Path

import lamella as keras

# ---- the watch -----------------------------------------------------------------------------------------

MEMORY = 512 * 2**20
_MODULES = ("lamella", ".", "h5py", "numpy", "jax", "safetensors", "ml_dtypes")
_FORBIDDEN = (
    "socket.", "subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.fork", "pickle.", "ctypes.dlopen", "urllib.",
    "http.", "ftplib.", "webbrowser.",
)  # fmt: skip
_CHANGES = (
    "os.mkdir",
    "os.rename",
    "os.link",
    "os.symlink",
    "os.remove",
    "os.rmdir",
    "os.truncate",
    "os.chmod",
    "shutil.",
)
_reached: list | None = None
_allowed: tuple[str, ...] = ()


def _hook(event, args):
    """What Python itself is told before it acts; a hook cannot be taken off again, so this one rests between tests."""
    if _reached is None:
        return
    if event.startswith(_FORBIDDEN) or (event == "marshal.loads" and bytes(args[0]) == base64.b64decode(CODE)):
        _reached.append((event, str(args)[:200]))
        raise OSError("forbidden in this test")
    if event == "open" and isinstance(args[0], (str, bytes, os.PathLike)):
        path, mode, flags = os.path.abspath(os.fsdecode(args[0])), args[1] or "", args[2] or 0
        writes = set(mode) & set("wax+") if mode else flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        if path == "/etc/passwd" or (writes and not _own(path)):
            _reached.append((event, path, mode))
            raise OSError("forbidden in this test")
    elif event.startswith(_CHANGES) and isinstance(args[0], (str, bytes)):
        places = args[1:2] if event == "os.symlink" else args[:2]
        for path in (os.path.abspath(os.fsdecode(a)) for a in places if isinstance(a, (str, bytes))):
            if not _own(path):
                _reached.append((event, path))
                raise OSError("forbidden in this test")


def _own(path):
    return path.startswith(_allowed) or path == os.devnull or "__pycache__" in path or ".pytest_cache" in path


sys.addaudithook(_hook)


def watched(monkeypatch, tmp_path):
    """Fail on a connection, a process, an unpickling, the import of a module that is not known here, bytecode that is read,
    `/etc/passwd` opened, anything written outside of the test's folder and of temporary ones, or memory in plenty."""
    global _reached, _allowed
    reached: list = []

    def forbidden(*args, **kwargs):
        reached.append(args)
        raise OSError("forbidden in this test")

    real = importlib.import_module

    def own(name, package=None):
        if not name.startswith(_MODULES):
            forbidden(name)
        return real(name, package)

    for name in ("connect", "connect_ex", "bind", "sendto"):
        monkeypatch.setattr(socket.socket, name, forbidden, raising=False)
    monkeypatch.setattr(importlib, "import_module", own)
    monkeypatch.setattr(pickle, "loads", forbidden)
    monkeypatch.setattr(pickle, "load", forbidden)
    inside = tmp_path / "inside"
    inside.mkdir()
    monkeypatch.chdir(inside)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    _allowed = (str(inside), os.path.join(tempfile.gettempdir(), "tmp"))
    _reached = reached
    yield
    _reached = None
    assert not reached, reached
    assert sorted(os.listdir(tmp_path)) == ["inside"], "something was written outside of the folder"
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < MEMORY
    gc.collect()


def new_model():
    return keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="d")], name="m")


# ---- configurations ------------------------------------------------------------------------------------

ARMED = (lambda x: Path("../escaped").write_text("x")).__code__
CODE = base64.b64encode(marshal.dumps(ARMED)).decode()
DTYPE = {"module": "keras", "class_name": "DTypePolicy", "config": {"name": "float32"}, "registered_name": None}


def layer(class_name, module="keras.layers", registered_name=None, **config):
    return {
        "module": module,
        "class_name": class_name,
        "config": {"name": "x", "trainable": True, "dtype": DTYPE, **config},
        "registered_name": registered_name,
    }


def function(name, module="builtins"):
    return {"module": module, "class_name": "function", "config": name, "registered_name": "function"}


def sequential(*layers, **config):
    start = {
        "module": "keras.layers",
        "class_name": "InputLayer",
        "config": {"batch_shape": [None, 3], "dtype": "float32", "name": "i"},
    }
    config = {"name": "m", "trainable": True, "layers": [start, *layers], "build_input_shape": [None, 3], **config}
    return {"module": "keras", "class_name": "Sequential", "config": config, "registered_name": None}


LAMBDA = {"class_name": "__lambda__", "config": {"code": CODE, "defaults": None, "closure": None}}
OLD_LAMBDA = {"class_name": "__lambda__", "config": {"value": [CODE, None, None]}}
CONFIGS = {
    "bytecode in a Lambda": sequential(layer("Lambda", function=LAMBDA, arguments={})),
    "bytecode in the old form": sequential(layer("Lambda", function=OLD_LAMBDA, arguments={})),
    "bytecode in a Lambda of Keras 2": sequential(layer("Lambda", function=[CODE, None, None], function_type="lambda", arguments={})),
    "bytecode as the mask of a Lambda": sequential(layer("Lambda", function=function("relu"), mask=LAMBDA, arguments={})),
    "bytecode as an activation": sequential(layer("Dense", units=2, activation=LAMBDA)),
    "bytecode as an initializer": sequential(layer("Dense", units=2, kernel_initializer=LAMBDA)),
    "bytecode in a nested model": sequential(sequential(layer("Lambda", function=LAMBDA, arguments={}))),
    "safe mode switched off in the configuration": sequential(layer("Lambda", function=LAMBDA, arguments={}, safe_mode=False), safe_mode=False),
    "a nested load without safe mode": sequential(layer("load_model", module="keras.saving", filepath="evil.keras", safe_mode=False)),
    "the switch of safe mode as a function": sequential(layer("Lambda", function=function("enable_unsafe_deserialization", "keras.config"), arguments={})),
    "a class of the standard library": sequential(layer("Popen", module="subprocess", args=["touch", "../escaped"])),
    "a class of a module of ours": sequential(layer("Path", module="lamella.saving._atomic", args=[])),
    "a function of the standard library": sequential(layer("Lambda", function=function("system", "os"), arguments={})),
    "a builtin function": sequential(layer("Lambda", function=function("eval"), arguments={})),
    "a function by its dotted name": sequential(layer("Dense", units=2, activation="os.system")),
    "a downloader as a function": sequential(layer("Lambda", function=function("get_file", "keras.utils"), arguments={"origin": "http://127.0.0.1/x", "extract": True})),
    "a downloader as a class": sequential(layer("get_file", module="keras.utils", origin="http://127.0.0.1/x")),
    "a saver as a function": sequential(layer("Lambda", function=function("save_img", "keras.utils"), arguments={"path": "../escaped"})),
    "a wrapped pickle": sequential(layer("TorchModuleWrapper", module={"class_name": "__bytes__", "config": {"value": "gASV"}})),
    "a SavedModel in a layer": sequential(layer("TFSMLayer", filepath="../escaped", call_endpoint="serve")),
    "a vocabulary in a file": sequential(layer("StringLookup", vocabulary="/etc/passwd")),
    "a vocabulary of integers in a file": sequential(layer("IntegerLookup", vocabulary="/etc/passwd")),
    "a vocabulary in a file, for text": sequential(layer("TextVectorization", vocabulary="/etc/passwd")),
    "a vocabulary at a URL": sequential(layer("StringLookup", vocabulary="http://127.0.0.1/words")),
    "a callback as a layer": sequential(layer("CSVLogger", module="keras.callbacks", filename="../escaped")),
    "an attribute that is no layer": sequential(layer("__class__")),
    "a name with a path": sequential(layer("Dense", units=2, name="../../escaped")),
    "an op that is none": sequential({"module": "keras.src.ops.numpy", "class_name": "Load", "config": {"name": "l"}}),
    "a type of a module": sequential(layer("Dense", units=2, activation={"class_name": "type", "module": "subprocess", "config": "Popen"})),
    "an object instead of a model": layer("Dense", units=2),
    "a text instead of a model": "os.system",
}  # fmt: skip
