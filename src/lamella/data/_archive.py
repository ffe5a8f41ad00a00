"""Unpacking of archives that come from elsewhere: nothing is written outside the folder that was named."""

import os
import shutil
import tarfile
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from lamella.errors import DataError


def extract_archive(archive: Path, folder: Path, formats: Sequence[str] = ("tar", "zip")) -> None:
    """Unpack `archive` into `folder`, all of it or nothing.

    Args:
        archive: a tar file (plain or compressed) or a zip file.
        folder: is created if need be. Files of the same names in it are replaced, others stay.
        formats: which of "tar" and "zip" the archive may be.

    Raises:
        DataError: it is none of `formats`; or a member has an absolute name or one with `..`, is a link to
            something outside, or is neither file, folder nor link.
    """
    readers = {"tar": (tarfile.is_tarfile, _unpack_tar), "zip": (zipfile.is_zipfile, _unpack_zip)}
    for name in formats:
        recognises, unpack = readers[name]
        if recognises(archive):
            break
    else:
        raise DataError(f"{archive} is not a {' or '.join(formats) or 'known'} archive, so it cannot be extracted.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".extract-", dir=folder.parent) as temporary:
        staging = Path(temporary).resolve() / "files"
        staging.mkdir()
        unpack(archive, staging)
        _merge(staging, folder)


def _unpack_tar(archive: Path, root: Path) -> None:
    links: list[tarfile.TarInfo] = []
    with tarfile.open(archive) as tar:
        for member in tar:
            target = _place(root, member.name, archive)
            if member.isdir():
                target.mkdir(parents=True, exist_ok=True)
            elif member.isreg():
                stream = tar.extractfile(member)
                assert stream is not None
                _write(stream, target)
            elif member.issym() or member.islnk():
                links.append(member)
            else:
                raise DataError(f"{archive} holds {member.name!r}, which is neither file, folder nor link.")
    # Links come last, so that no file is ever written through one, and are judged together, by where they
    # lead on the disk: a chain can leave although the text of each link looks harmless.
    for member in links:
        _link(member, root, archive)
    for member in links:
        if not Path(os.path.realpath(_place(root, member.name, archive))).is_relative_to(root):
            raise _leaving_link(member, archive)


def _unpack_zip(archive: Path, root: Path) -> None:
    with zipfile.ZipFile(archive) as pack:
        for member in pack.infolist():
            target = _place(root, member.filename, archive)
            if member.is_dir():
                target.mkdir(parents=True, exist_ok=True)
            else:
                with pack.open(member) as stream:
                    _write(stream, target)


def _place(root: Path, name: str, archive: Path) -> Path:
    """Where a member called `name` goes below `root`."""
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in (path.parts or ("",))[0] or "\0" in name:
        raise DataError(
            f"{archive} holds a member named {name!r}, which points outside the folder to extract to. "
            "Do not trust this file; nothing was extracted."
        )
    return root.joinpath(*path.parts)


def _write(stream, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with open(target, "wb") as out:
        shutil.copyfileobj(stream, out, 1 << 20)


def _link(member: tarfile.TarInfo, root: Path, archive: Path) -> None:
    place = _place(root, member.name, archive)
    above = [folder for folder in place.parents if folder.is_relative_to(root)]
    if any(folder.is_symlink() for folder in above) or (place.is_dir() and not place.is_symlink()):
        raise _leaving_link(member, archive)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.unlink(missing_ok=True)  # it may be a link, and a copy would be written through it
    if member.issym():
        if os.path.isabs(member.linkname):
            raise _leaving_link(member, archive)
        place.symlink_to(member.linkname)
    else:  # a second name of a file in the archive: a copy does as well
        source = _place(root, member.linkname, archive).resolve()
        if not (source.is_relative_to(root) and source.is_file()):
            raise _leaving_link(member, archive)
        shutil.copyfile(source, place)


def _leaving_link(member: tarfile.TarInfo, archive: Path) -> DataError:
    return DataError(
        f"{archive} holds a link {member.name!r} to {member.linkname!r}, which leaves the folder to extract "
        "to or cannot be made. Do not trust this file; nothing was extracted."
    )


def _merge(source: Path, target: Path) -> None:
    """Move what is in `source` into `target`, over files of the same names."""
    if not target.exists():
        os.replace(source, target)
        return
    for entry in os.scandir(source):
        if entry.is_dir(follow_symlinks=False):
            _merge(Path(entry.path), target / entry.name)
        else:
            os.replace(entry.path, target / entry.name)
