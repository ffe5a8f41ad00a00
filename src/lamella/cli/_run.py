"""`lamella run FILE [ARGS...]`: a Python program whose `import keras` means lamella."""

import builtins
import os
import sys
from collections.abc import Callable, Sequence
from importlib.machinery import SourceFileLoader
from types import CodeType, ModuleType, TracebackType

from lamella._install import install_as_keras


def run(words: Sequence[str]) -> int:
    """Run `FILE [ARGS...]` or `-m MODULE [ARGS...]` as `__main__`, as `python` would, with lamella as keras.

    Args:
        words: at least one. All after the file or module are the program's own `sys.argv[1:]`, as they are.

    Returns:
        0; 1 if the program raised, after its traceback was printed from its own first line on; 2 if it could
        not be read; 130 if Ctrl-C ended it. A `SystemExit` of the program passes through.
    """
    target, *arguments = words
    if target == "-m":
        if not arguments:
            return _refuse("-m needs the name of a module.")
        return _run_module(*arguments)
    if target.startswith("-"):
        return _refuse(
            f"expected a Python file or -m MODULE, got {target!r}. Options of the program itself go after the file."
        )
    return _run_file(target, arguments)


def _run_file(file: str, arguments: list[str]) -> int:
    path = os.path.abspath(file)
    if os.path.isdir(path):
        return _refuse(f"{file!r} is a folder. Give the Python file in it that starts the program.")
    try:
        with open(path, "rb") as stream:
            source = stream.read()
    except FileNotFoundError:
        return _refuse(f"no such file: {file!r} (looked for {path}).")
    except OSError as error:
        return _refuse(f"cannot read {file!r}: {error.strerror}.")

    sys.argv[:] = [file, *arguments]
    if not sys.flags.safe_path:
        sys.path[0] = os.path.dirname(os.path.realpath(path))
    # Stays in sys.modules after the end, for what the program leaves running: threads, atexit, pickles.
    module = ModuleType("__main__")
    module.__file__ = path
    module.__loader__ = SourceFileLoader("__main__", path)
    module.__dict__["__builtins__"] = builtins
    module.__dict__["__cached__"] = None
    sys.modules["__main__"] = module

    install_as_keras()

    def start() -> None:
        exec(compile(source, path, "exec", dont_inherit=True), module.__dict__)

    return _guard(start, lambda code: code.co_filename == path)


def _run_module(name: str, *arguments: str) -> int:
    import runpy
    from importlib.util import find_spec

    sys.argv[:] = [name, *arguments]  # runpy puts the module's file in the first place
    if not sys.flags.safe_path:
        sys.path[0] = os.getcwd()
    install_as_keras()
    try:
        found = find_spec(name)
    except (ImportError, ValueError):  # no such parent package; an empty name
        found = None
    if found is None:
        return _refuse(f"no module named {name!r} (looked along sys.path, from {os.getcwd()}).")
    outside = (__file__, runpy.__file__, "<frozen runpy>")
    return _guard(
        lambda: runpy.run_module(name, run_name="__main__", alter_sys=True),
        lambda code: code.co_filename not in outside,
    )


def _guard(start: Callable[[], object], is_theirs: Callable[[CodeType], bool]) -> int:
    """The exit code of the program that `start` runs; its traceback begins at the first frame of theirs."""
    try:
        start()
    except SystemExit:
        raise
    except KeyboardInterrupt as error:
        trace = _from_first(error.__traceback__, is_theirs)
        place = ""
        while trace is not None:
            if is_theirs(trace.tb_frame.f_code):
                place = f" at {trace.tb_frame.f_code.co_filename}, line {trace.tb_lineno}"
            trace = trace.tb_next
        print(f"\nInterrupted{place}.", file=sys.stderr)
        return 130
    except BaseException as error:
        trace = _from_first(error.__traceback__, is_theirs)
        sys.excepthook(type(error), error.with_traceback(trace), trace)
        return 1
    return 0


def _from_first(trace: TracebackType | None, is_theirs: Callable[[CodeType], bool]) -> TracebackType | None:
    while trace is not None and not is_theirs(trace.tb_frame.f_code):
        trace = trace.tb_next
    return trace


def _refuse(reason: str) -> int:
    print(f"lamella run: {reason}", file=sys.stderr)
    return 2
