"""One download over HTTP that goes on where it was interrupted; the downloader that `pooch` calls for us."""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from lamella._version import __version__
from lamella.errors import ArgumentError

try:
    import fcntl
except ImportError:  # Windows: two processes that fetch the same file at once disturb each other, and try again
    fcntl = None

_CHUNK = 1 << 18  # bytes
_TIMEOUT = (10, 60)  # seconds: to connect, and between two reads
_ATTEMPTS = 4  # how often a connection that broke while bytes were coming is taken up again


class Resuming:
    """A downloader for `pooch.retrieve` that keeps in `part` what has arrived, and later asks for the rest.

    `part` may hold the beginning of the file from an earlier run or from another mirror. That is safe only
    because the whole is checked against a known hash afterwards, so without one `resume` has to be False.

    Attributes:
        completed: whether a whole file arrived. What fails after that is the check of its hash.
    """

    def __init__(self, part: Path, resume: bool):
        self.part = part
        self.resume = resume
        self.completed = False

    def __call__(self, url: str, output_file: Any, pooch: Any) -> None:
        """Write what `url` holds to the path `output_file`."""
        with _exclusive(self.part) as part:
            try:
                if not self.resume:
                    _empty(part)
                _fetch_any(url, part)
                os.replace(part, output_file)
            finally:
                if part.exists() and not (self.resume and _size(part)):
                    part.unlink()
        self.completed = True


def _fetch_any(url: str, part: Path) -> None:
    scheme = urlsplit(url).scheme
    if scheme in ("http", "https"):
        _fetch(url, part)
    elif scheme == "file":
        shutil.copyfile(url2pathname(urlsplit(url).path), part)
    elif scheme == "ftp":
        from pooch import FTPDownloader

        FTPDownloader()(url, str(part), None)
    else:
        raise ArgumentError(f"cannot download from {scheme!r}, only from http, https, ftp and file")


def _fetch(url: str, part: Path) -> None:
    import requests

    broken = (requests.exceptions.ConnectionError, requests.exceptions.ChunkedEncodingError)
    for attempt in range(_ATTEMPTS):
        before = _size(part)
        try:
            _fetch_rest(url, part)
            return
        except broken:
            if _size(part) == before or attempt == _ATTEMPTS - 1:  # nothing came: the next mirror may do better
                raise


def _fetch_rest(url: str, part: Path) -> None:
    import requests

    start = _size(part)
    # Any encoding of the body other than its own would make the lengths and the offset mean something else.
    headers = {"Accept-Encoding": "identity", "User-Agent": f"lamella/{__version__}"}
    if start:
        headers["Range"] = f"bytes={start}-"
    with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT) as response:
        if response.status_code == 416 or (response.status_code == 206 and _first_byte(response) != start):
            _empty(part)  # what we hold is not a beginning of this file
            return _fetch_rest(url, part)
        response.raise_for_status()
        start = start if response.status_code == 206 else 0
        length = response.headers.get("Content-Length")
        total = start + int(length) if length else None
        with open(part, "ab" if start else "wb") as stream, _progress(url, start, total) as advance:
            for chunk in response.iter_content(_CHUNK):
                stream.write(chunk)
                advance(len(chunk))
    if total is not None and _size(part) != total:
        raise requests.exceptions.ConnectionError(f"got {_size(part)} of {total} bytes")


def _first_byte(response: Any) -> int | None:
    """The offset that a `Content-Range: bytes 100-199/200` names."""
    start = response.headers.get("Content-Range", "").removeprefix("bytes ").partition("-")[0]
    return int(start) if start.isdigit() else None


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _empty(part: Path) -> None:
    """Start over, in the same inode, for that is what is locked."""
    if part.exists():
        os.truncate(part, 0)


@contextmanager
def _exclusive(part: Path) -> Iterator[Path]:
    """`part` if no other process is writing to it, else a file of our own, which then starts from nothing."""
    if fcntl is None:
        yield part
        return
    with open(part, "ab") as stream:
        if _lock(stream) and part.exists() and os.path.samestat(os.fstat(stream.fileno()), part.stat()):
            yield part
            return
    own = part.with_name(f"{part.name}.{os.getpid()}")
    try:
        yield own
    finally:
        own.unlink(missing_ok=True)


def _lock(stream: IO[bytes]) -> bool:
    """Whether `stream` is ours now. True where a file system has no locks (some network folders)."""
    assert fcntl is not None
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


@contextmanager
def _progress(url: str, start: int, total: int | None) -> Iterator[Any]:
    """A bar on a terminal; elsewhere one line, so that a log says what a long silence was."""
    if not sys.stderr.isatty():
        print(f"Downloading {url}", file=sys.stderr)
        yield lambda count: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    name = urlsplit(url).path.rpartition("/")[2]
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(name, total=total, completed=start)
        yield lambda count: progress.advance(task, count)
