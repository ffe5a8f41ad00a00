"""Zip archives, looked at before anything of them is unpacked.

Refused are names that lead out of the archive, links, encrypted and repeated members, and members that claim to unpack
to far more than they hold.
"""

import contextlib
import io
import os
import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from lamella.errors import SerializationError

__all__ = ["MAX_TEXT", "Archive", "Folder", "open_archive", "safe_name"]

MAX_TEXT = 64 * 2**20  # bytes of a configuration
_FREE = 2**20  # a small member may be packed as well as can be
_MAX_RATIO = 100


def safe_name(name: str) -> str:
    """`name`, if it is a relative path that stays where it is put.

    Raises:
        SerializationError: otherwise.
    """
    parts = name.split("/")
    drive = len(name) > 1 and name[1] == ":"
    if not name or drive or "\\" in name or "\0" in name or any(part in ("", ".", "..") for part in parts):
        raise SerializationError(
            f"The name {name!r} leads out of the archive, or is not plain. Names of members are relative paths without '..'."
        )
    return name


class Folder:
    """A model as a directory: its members are files."""

    def __init__(self, path: str | os.PathLike):
        self.path = Path(path)

    def names(self) -> list[str]:
        """The relative paths of the files, links not among them."""
        found = []
        for folder, _, files in os.walk(self.path, followlinks=False):
            for file in files:
                whole = Path(folder, file)
                if whole.is_symlink():
                    raise SerializationError(f"{str(whole)!r} is a link. lamella does not follow it.")
                found.append(whole.relative_to(self.path).as_posix())
        return found

    def read(self, name: str) -> bytes:
        """The content of a small member."""
        path = self._path(name)
        if path.stat().st_size > MAX_TEXT:
            raise SerializationError(f"{str(path)!r} has {path.stat().st_size} bytes; at most {MAX_TEXT} are read.")
        return path.read_bytes()

    @contextlib.contextmanager
    def as_file(self, name: str, scratch: Path) -> Iterator[Path]:
        """A path at which the member can be opened."""
        yield self._path(name)

    def unpack(self, prefix: str, target: Path) -> None:
        """Copy the members below `prefix` to `target`."""
        for name in self.names():
            if name.startswith(prefix):
                place = target / safe_name(name)
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(self._path(name), place, follow_symlinks=False)

    def _path(self, name: str) -> Path:
        path = self.path / name
        if path.is_symlink():
            raise SerializationError(f"{str(path)!r} is a link. lamella does not follow it.")
        return path


class Archive:
    """A zip archive whose members were all checked."""

    def __init__(self, file: zipfile.ZipFile):
        self._file = file
        self._members: dict[str, zipfile.ZipInfo] = {}
        total = 0
        for member in file.infolist():
            name = safe_name(member.filename.rstrip("/") if member.is_dir() else member.filename)
            kind = stat.S_IFMT(member.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise SerializationError(
                    f"The member {name!r} of the archive is a link or device. lamella does not unpack it."
                )
            if member.flag_bits & 0x1:
                raise SerializationError(f"The member {name!r} of the archive is encrypted.")
            if name in self._members:
                raise SerializationError(f"The archive holds {name!r} twice.")
            if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise SerializationError(
                    f"The member {name!r} is packed by method {member.compress_type}; expected deflate."
                )
            if member.file_size > _FREE + _MAX_RATIO * member.compress_size:
                raise SerializationError(
                    f"The member {name!r} claims to unpack {member.compress_size} bytes to {member.file_size}. "
                    "It is made to exhaust the memory."
                )
            total += member.compress_size
            self._members[name] = member
        if file.fp is not None and total > os.fstat(file.fp.fileno()).st_size:
            raise SerializationError("The members of the archive overlap. It is made to exhaust the memory.")

    def names(self) -> list[str]:
        """The names of the members that are files."""
        return [name for name, member in self._members.items() if not member.is_dir()]

    def size(self, name: str) -> int:
        """The size of a member, unpacked, in bytes."""
        return self._members[name].file_size

    def read(self, name: str, limit: int = MAX_TEXT) -> bytes:
        """The content of a member of at most `limit` bytes."""
        if self.size(name) > limit:
            raise SerializationError(f"The member {name!r} has {self.size(name)} bytes; at most {limit} are read.")
        with self._opened(name) as source:
            return source.read(limit + 1)[: self.size(name)]

    @contextlib.contextmanager
    def as_file(self, name: str, scratch: Path) -> Iterator[Path]:
        """A path at which the member can be opened, within the directory `scratch`."""
        place = scratch / "member"
        self._copy(name, place)
        yield place

    def unpack(self, prefix: str, target: Path) -> None:
        """Unpack the members below `prefix` to `target`."""
        for name in self.names():
            if name.startswith(prefix):
                place = target / name
                place.parent.mkdir(parents=True, exist_ok=True)
                self._copy(name, place)

    def _copy(self, name: str, place: Path) -> None:
        left = self.size(name)
        with self._opened(name) as source, place.open("wb") as out:
            while left > 0 and (block := source.read(min(left, 2**20))):
                out.write(block)
                left -= len(block)

    @contextlib.contextmanager
    def _opened(self, name: str) -> Iterator[io.BufferedIOBase]:
        try:
            with self._file.open(self._members[name]) as source:
                yield source  # type: ignore[misc]
        except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, OSError) as error:
            raise SerializationError(f"The member {name!r} of the archive is damaged: {error}") from error


@contextlib.contextmanager
def open_archive(path: str | os.PathLike) -> Iterator[Archive]:
    """The zip archive at `path`, checked.

    Raises:
        SerializationError: when it is none, is damaged, or holds what no archive of ours holds.
    """
    try:
        file = zipfile.ZipFile(path)
    except FileNotFoundError:
        raise
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError, OSError) as error:
        raise SerializationError(f"{os.fspath(path)!r} is no zip archive, or a damaged one: {error}") from error
    with file:
        yield Archive(file)
