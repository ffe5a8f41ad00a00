"""Public names that load at first use (PEP 562), and what a user reads when a name is not there.

A facade says where its names come from and writes no other code::

    __getattr__, __dir__ = attach(__name__, {"Dense": "lamella.layers._dense", "layers": ".layers"})

A subpackage that imports its names eagerly writes `__getattr__ = missing(__name__)` instead.

A missing name has to be reported in three ways, because Python asks in three ways:

- `keras.layers.Foo` and `hasattr` want an AttributeError, or `hasattr` would raise;
- `from keras.layers import Foo` turns every AttributeError of a module's `__getattr__` into its own "cannot
  import name", so the text would be lost. There we raise an ImportError, which passes through. No class can
  be both (AttributeError and ImportError have clashing layouts in C), so we look at which bytecode asks;
- `import keras.foo` asks `sys.meta_path`, where a finder of ours stands last and answers only for modules of
  lamella that nobody found.
"""

import contextlib
import functools
import gc
import importlib
import sys
from collections.abc import Callable, Iterator, Mapping
from importlib.machinery import ModuleSpec
from opcode import opmap
from types import FrameType
from typing import Any

from lamella._version import __version__
from lamella.errors import LamellaError, MissingNameError, nearest_names

_ROOT = __name__.partition(".")[0]
_KERAS = "Keras 3.15"
_IMPORT_FROM = opmap["IMPORT_FROM"]
_PRIVATE_IN_KERAS = ("src", "api")


class MissingImportError(LamellaError, ImportError):
    """`from lamella.x import y` for a `y` that lamella does not have."""


class MissingModuleError(LamellaError, ModuleNotFoundError):
    """`import lamella.x` for an `x` that lamella does not have."""


def attach(
    module_name: str, exports: Mapping[str, str | tuple[str, str]]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """The `__getattr__` and `__dir__` of a module whose public names load at first use.

    Args:
        module_name: the `__name__` of the module that is being written.
        exports: for each public name, where it comes from:
            `"lamella.layers"` is the attribute of the same name in that module, or, where the text is just
            `module_name + "." + name`, that submodule itself; `("lamella.layers._dense", "Dense")` is the
            attribute so named; `("lamella.layers", "")` is the module itself. A text that starts with a dot
            is relative to `module_name`.

    Returns:
        `__getattr__`, which loads a name, keeps it in the module for the next time, and explains a missing
        one; and `__dir__`, which lists the loaded and the unloaded names.
    """
    if module_name == _ROOT:
        _explain_missing_modules()

    def __getattr__(name: str) -> Any:
        if name not in exports:
            raise _missing_name_error(module_name, name, sys._getframe(1))
        value = _load(module_name, name, exports[name])
        setattr(sys.modules[module_name], name, value)
        return value

    def __dir__() -> list[str]:
        return sorted({*vars(sys.modules[module_name]), *exports})

    return __getattr__, __dir__


def missing(module_name: str) -> Callable[[str], Any]:
    """The `__getattr__` of a module that has loaded its names already: it explains the others.

    Assign it in the module itself, `__getattr__ = missing(__name__)`: it looks at the frame that asks, so a
    function between the two would hide whether an `import` statement does.
    """

    def __getattr__(name: str) -> Any:
        raise _missing_name_error(module_name, name, sys._getframe(1))

    return __getattr__


def _missing_name_error(module_name: str, name: str, asker: FrameType) -> LamellaError:
    if name.startswith("_"):  # probes such as __path__ or _repr_html_: frequent, and nobody's typing mistake
        return MissingNameError(f"module {module_name!r} has no attribute {name!r}", name=name)
    return name_error(module_name, name, _explanation(module_name, name), asker)


def name_error(module_name: str, name: str, message: str, asker: FrameType) -> LamellaError:
    """The exception that brings `message` to the user, whose code in the frame `asker` wants that name."""
    if asker.f_lasti >= 0 and asker.f_code.co_code[asker.f_lasti] == _IMPORT_FROM:
        return MissingImportError(message, name=module_name)
    return MissingNameError(message, name=name)  # with a name, Python adds no "Did you mean" of its own


def _load(module_name: str, name: str, source: str | tuple[str, str]) -> Any:
    origin, attribute = source if isinstance(source, tuple) else (source, name)
    if origin.startswith("."):
        origin = module_name + origin
    with gc_paused():
        module = importlib.import_module(origin)
    is_submodule = not isinstance(source, tuple) and origin == f"{module_name}.{name}"
    return module if is_submodule or not attribute else getattr(module, attribute)


@contextlib.contextmanager
def gc_paused() -> Iterator[None]:
    """No search for cyclic garbage in this block, which makes many objects that stay: loading modules, tracing.

    Python would look through all of them again and again: a tenth of the time from process start to the first step.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _explanation(module_name: str, name: str) -> str:
    """One paragraph: who has the name, who does not, and the nearest names that can be used."""
    path = module_name.partition(".")[2]
    dotted = f"{path}.{name}" if path else name
    if not path and (name in _PRIVATE_IN_KERAS or name.startswith("_")):
        return (
            f"keras.{name} is private to Keras, and lamella has no counterpart of it. "
            "Import the public name instead, for example `from keras.layers import Layer`."
        )
    keras_names = _keras_names()
    if dotted in keras_names:
        text = f"{_KERAS} has keras.{dotted}, but lamella {__version__} does not have it yet."
    else:
        text = f"Neither lamella {__version__} nor {_KERAS} has {dotted!r}."
        elsewhere = [n for n in keras_names if n.rpartition(".")[2] == name]
        if elsewhere:
            text += f" Keras has that name at {', '.join('keras.' + n for n in elsewhere[:3])}."
    module = sys.modules[module_name]
    known = vars(module).get("__all__") or [n for n in dir(module) if not n.startswith("_")]
    near = nearest_names(name, known)
    where = f"lamella.{path}" if path else "lamella"
    return f"{text} Nearest names in {where}: {', '.join(near)}." if near else text


def missing_module_error(asked: str, module_name: str) -> MissingModuleError:
    """The error for a failed import of `asked`, which stands for the module `module_name` of lamella."""
    parent, _, name = module_name.rpartition(".")
    return MissingModuleError(_explanation(parent, name), name=asked)


def is_import_statement(finder_frame: FrameType) -> bool:
    """Whether a `find_spec` running in `finder_frame` serves an import, and not `importlib.util.find_spec`.

    A finder must answer None to the second, by which libraries ask what is installed. Only an import may be
    answered by an error.
    """
    asker = finder_frame.f_back and finder_frame.f_back.f_back  # past importlib._bootstrap._find_spec
    return asker is not None and asker.f_code.co_name == "_find_and_load_unlocked"


class _MissingModuleFinder:
    """Stands last in `sys.meta_path`: an `import lamella.x` that comes here found no `x`."""

    @staticmethod
    def find_spec(fullname: str, path: object = None, target: object = None) -> ModuleSpec | None:
        if fullname.startswith(_ROOT + ".") and is_import_statement(sys._getframe()):
            name = fullname.rpartition(".")[2]
            if not name.startswith("_"):
                raise missing_module_error(fullname, fullname)
        return None


def _explain_missing_modules() -> None:
    if _MissingModuleFinder not in sys.meta_path:
        sys.meta_path.append(_MissingModuleFinder)  # type: ignore[arg-type]


@functools.cache
def _keras_names() -> list[str]:
    """The public dotted names of Keras 3.15, sorted; read only when there is something to explain."""
    import json
    from pathlib import Path

    return json.loads(Path(__file__).with_name("_keras_names.json").read_text(encoding="utf-8"))
