"""Writing that leaves either the old or the new: a temporary file beside the target, flushed to disk, then renamed."""

import contextlib
import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from lamella.errors import ArgumentError

__all__ = ["confirmed", "replacing", "replacing_directory"]


@contextlib.contextmanager
def replacing(path: str | os.PathLike) -> Iterator[Path]:
    """A path to write a new file to. It takes the place of `path` when the block ends, unless an exception ends it."""
    target = Path(os.path.realpath(path))
    temporary = _beside(target)
    try:
        with _told(target):
            yield temporary
            _flush(temporary)
        os.replace(temporary, target)
        _flush(target.parent)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def replacing_directory(path: str | os.PathLike) -> Iterator[Path]:
    """A new directory to fill, which then takes the place of `path`."""
    target = Path(os.path.realpath(path))
    temporary = _beside(target)
    temporary.mkdir()
    old = _beside(target)
    try:
        with _told(target):
            yield temporary
            for folder, _, files in os.walk(temporary):
                for file in files:
                    _flush(Path(folder, file))
                _flush(Path(folder))
        if target.exists():
            os.rename(target, old)
        os.rename(temporary, target)
        _flush(target.parent)
    finally:
        for leftover in (temporary, old):
            if leftover.is_dir():
                shutil.rmtree(leftover)
            else:
                leftover.unlink(missing_ok=True)


@contextlib.contextmanager
def _told(target: Path) -> Iterator[None]:
    """An error that says that the disk is full also says what was being written, and where the space was lacking."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT):
            raise
        where = f", in {os.path.dirname(error.filename)!r}" if isinstance(error.filename, str) else ""
        raise OSError(error.errno, f"{str(target)!r} could not be written: {error.strerror}{where}") from error


def confirmed(path: str | os.PathLike, overwrite: bool) -> bool:
    """Whether `path` may be written: it is free, may be overwritten, or the user at the terminal says so."""
    if overwrite or not os.path.exists(path):
        return True
    try:
        answer = input(f"{os.fspath(path)!r} already exists; overwrite it? [y/n] ").strip().lower()
        while answer not in ("y", "n"):
            answer = input("Enter y (overwrite) or n (cancel): ").strip().lower()
    except EOFError:
        raise ArgumentError(
            f"{os.fspath(path)!r} already exists, and nobody is at the terminal to say whether it may be overwritten. "
            "Pass overwrite=True, or another path."
        ) from None
    return answer == "y"


def _beside(target: Path) -> Path:
    return target.with_name(f".{target.name[:100]}.{secrets.token_hex(6)}.tmp")


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError:  # some file systems cannot flush a directory
        if not path.is_dir():
            raise
    finally:
        os.close(descriptor)
