"""`import keras` means lamella, for this process: `lamella.install_as_keras()`.

A finder at the front of `sys.meta_path` answers every import of `keras` or `keras.x.y` with the module object
of `lamella` or `lamella.x.y`, so nothing is loaded twice and `keras.layers is lamella.layers`. A second one
stands at the end, and so is asked only where TensorFlow is not installed. It supplies a package `tensorflow`
that has only `keras`; what lies below `tensorflow.keras` is again the first one's.
"""

import importlib
import sys
from importlib.machinery import ModuleSpec
from types import FrameType, ModuleType, TracebackType
from typing import Any

from lamella._lazy import MissingModuleError, is_import_statement, missing_module_error, name_error
from lamella.errors import LamellaError

_ROOT = __name__.partition(".")[0]


def install_as_keras() -> "Installation":
    """Make `import keras` and the imports of its submodules resolve to lamella in this process.

    Where TensorFlow is not installed, `tensorflow.keras` resolves to lamella too, and any other name of
    `tensorflow` raises an error that says so. Calling this again changes nothing and returns the same object.

    Returns:
        The `Installation`. Its `uninstall()` undoes it; so does the end of a `with` block around it.

    Raises:
        LamellaError: the real keras is already imported. What was made with it cannot be mixed with lamella.

    Example::

        import lamella
        lamella.install_as_keras()

        import keras
        assert keras is lamella
    """
    for finder in sys.meta_path:
        if isinstance(finder, _AliasFinder):
            return finder.installation
    present = sys.modules.get("keras")
    if present is not None and present is not sys.modules[_ROOT]:
        raise LamellaError(
            "install_as_keras() found the real keras already imported, from "
            f"{getattr(present, '__file__', None) or 'an unknown place'}. "
            "Call it before the first `import keras`, or start the program with `lamella run`."
        )
    return Installation()


class Installation:
    """What `install_as_keras` put in place, and how to take it away again."""

    def __init__(self) -> None:
        self._names: set[str] = set()  # the entries of sys.modules that are ours to remove
        self._finders: list[Any] = [_AliasFinder(self), _TensorFlowFinder(self)]
        sys.meta_path.insert(0, self._finders[0])
        sys.meta_path.append(self._finders[1])

    def provide(self, name: str, module: ModuleType) -> ModuleSpec:
        """The spec that makes the import system enter `module`, as it is, under `name`."""
        self._names.add(name)
        loader: Any = _Alias(module)  # a loader by its methods; importing the abstract class takes milliseconds
        return ModuleSpec(name, loader)

    def uninstall(self) -> None:
        """Let `import keras` mean what it meant before. Modules a program holds stay those of lamella."""
        sys.meta_path[:] = [finder for finder in sys.meta_path if finder not in self._finders]
        while self._names:
            sys.modules.pop(self._names.pop(), None)

    def __enter__(self) -> "Installation":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.uninstall()


class _Alias:
    """A loader whose module is loaded already."""

    def __init__(self, module: ModuleType):
        self.module = module
        self.own_spec = module.__spec__

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return self.module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self.own_spec  # the import system has just put the alias's in its place


class _AliasFinder:
    """Finds `keras` and all below it, and all below our `tensorflow.keras`."""

    def __init__(self, installation: Installation):
        self.installation = installation

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> ModuleSpec | None:
        for alias in ("keras", "tensorflow.keras"):
            if fullname == alias or fullname.startswith(alias + "."):
                break
        else:
            return None
        if alias == "tensorflow.keras" and not isinstance(sys.modules.get("tensorflow"), _TensorFlow):
            return None
        name = _ROOT + fullname.removeprefix(alias)
        is_private = name.startswith(_ROOT + "._")
        module = None if is_private else _import(name)
        if module is not None:
            return self.installation.provide(fullname, module)
        if is_import_statement(sys._getframe()):
            raise missing_module_error(fullname, name)
        return None


class _TensorFlowFinder:
    """Finds the package `tensorflow` that stands in where there is no other."""

    def __init__(self, installation: Installation):
        self.installation = installation

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> ModuleSpec | None:
        package, _, name = fullname.partition(".")
        frame = sys._getframe()
        if package != "tensorflow" or not is_import_statement(frame):
            return None
        if name and isinstance(sys.modules.get("tensorflow"), _TensorFlow):
            raise MissingModuleError(_only_keras(name), name=fullname)
        # Libraries look for TensorFlow to adapt to it, and must not find it; the program wants tf.keras.
        if name or _is_library(_importer(frame)):
            return None
        return self.installation.provide(fullname, _TensorFlow())


class _TensorFlow(ModuleType):
    """A package that has `keras`, and says of every other name that TensorFlow is not installed."""

    def __init__(self) -> None:
        super().__init__("tensorflow", "Stands in for TensorFlow, which is not installed: it has `keras` only.")
        self.__path__ = []

    def __getattr__(self, name: str) -> Any:
        if name == "keras":
            return importlib.import_module("tensorflow.keras")
        if name.startswith("_"):
            raise AttributeError(f"module 'tensorflow' has no attribute {name!r}")
        raise name_error("tensorflow", name, _only_keras(name), sys._getframe(1))


def _import(name: str) -> ModuleType | None:
    """The module of that name, or the module that is a public attribute of that name; else None."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:  # the module is there, and misses something that it needs
            raise
    parent, _, leaf = name.rpartition(".")
    value = getattr(importlib.import_module(parent), leaf, None) if parent else None
    return value if isinstance(value, ModuleType) else None


def _only_keras(name: str) -> str:
    return (
        f"tensorflow.{name} needs TensorFlow, which is not installed. Here lamella stands in for "
        "tensorflow.keras only. Write the program with names of keras, or install TensorFlow "
        "(`pip install tensorflow`)."
    )


def _importer(frame: FrameType | None) -> FrameType | None:
    """The frame whose import led to the finder in `frame`."""
    frame = frame and frame.f_back
    while frame is not None and frame.f_globals.get("__name__", "").startswith("importlib"):
        frame = frame.f_back
    return frame


def _is_library(frame: FrameType | None) -> bool:
    """Whether the code of `frame` is that of an installed package, rather than the program's own."""
    return frame is not None and any(p in frame.f_code.co_filename for p in ("site-packages", "dist-packages"))
