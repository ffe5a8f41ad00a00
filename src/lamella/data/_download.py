"""Files from the network, kept below the Keras home directory: `get_file`, and `fetch` for the datasets."""

import hashlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from lamella.data._archive import extract_archive
from lamella.data._transfer import Resuming
from lamella.errors import ArgumentError, DownloadError


class ChecksumError(DownloadError, ValueError):
    """A file that is not the one that was expected, by its hash."""


def keras_home() -> Path:
    """The folder for downloaded files and settings: `$KERAS_HOME`, else `~/.keras`."""
    return Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser()


def get_file(
    fname: str | os.PathLike[str] | None = None,
    origin: str | None = None,
    untar: bool = False,
    md5_hash: str | None = None,
    file_hash: str | None = None,
    cache_subdir: str = "datasets",
    hash_algorithm: str = "auto",
    extract: bool = False,
    archive_format: str | Sequence[str] | None = "auto",
    cache_dir: str | os.PathLike[str] | None = None,
    force_download: bool = False,
) -> str:
    """Download a file if it is not in the cache yet, and return where it is.

    The file is `cache_dir/cache_subdir/fname`. It appears under that name only when it is complete and
    checked. A download that broke off goes on where it stopped, if there is a hash to check the whole by.

    Args:
        fname: the name to save as; the last part of `origin` if None. A name, not a path.
        origin: the URL: http, https, ftp or file.
        untar: the old way to say `extract=True` for a tar file.
        md5_hash: the old way to say `file_hash` with `hash_algorithm="md5"`.
        file_hash: what the file must hash to, in hexadecimal: SHA-256 (64 digits) or MD5 (32 digits). A
            cached file that does not match is downloaded again.
        cache_subdir: the folder below `cache_dir`; an absolute path stands for itself.
        hash_algorithm: "sha256", "md5", or "auto": by the length of `file_hash`.
        extract: unpack the file, and return the folder of what was in it. That is `x_extracted` for an
            `fname` of `x.tar.gz` or `x.zip`. For an `fname` without a dot, or None, it is the name itself,
            and the archive is kept beside it with `_archive` added.
        archive_format: "tar", "zip", several of them, or "auto" for any. To be extracted, a file must be one.
        cache_dir: `$KERAS_HOME`, else `~/.keras`, if None.
        force_download: download even if the cache has it.

    Returns:
        The path of the file, or of the folder if it was extracted.

    Raises:
        ArgumentError: no `origin`, an `fname` with folders in it, or an unknown algorithm or format.
        DownloadError: the file could not be fetched. Says what was tried, and where to put the file by hand.
        ChecksumError: what was fetched does not hash to `file_hash`.
        DataError: the archive is of another format, or would write outside its folder. Nothing was extracted.

    Example::

        path = get_file("numbers.csv", "https://example.com/numbers.csv", file_hash="9f86d081...")
    """
    if not origin:
        raise ArgumentError("get_file needs `origin`, the URL to download from. Got: origin=None.")
    if md5_hash is not None and file_hash is None:
        file_hash, hash_algorithm = md5_hash, "md5"
    known_hash = _known_hash(file_hash, hash_algorithm)
    formats = _formats("tar" if untar else archive_format)
    name = os.fspath(fname) if fname else unquote(urlsplit(origin).path.rpartition("/")[2])
    if not name and not fname:
        raise ArgumentError(f"The URL {origin!r} ends without a file name. Give one as `fname`.")
    if name in (".", "..") or "/" in name or os.sep in name:
        raise ArgumentError(
            f"get_file takes a file name, not a path, as `fname`. Got: {name!r}. "
            "Give the folder as `cache_dir` and `cache_subdir`."
        )
    folder = (Path(cache_dir).expanduser() if cache_dir else keras_home()) / cache_subdir
    if not (extract or untar):
        return str(fetch(name, [origin], known_hash, folder, force=force_download))

    is_stem = not fname or "." not in name
    extracted = folder / (name if is_stem else name.partition(".")[0] + "_extracted")
    archive_name = name + "_archive" if is_stem else name
    before = _stamp(folder / archive_name)
    archive = fetch(archive_name, [origin], known_hash, folder, force=force_download)
    if not extracted.is_dir() or _stamp(archive) != before:
        extract_archive(archive, extracted, formats)
    return str(extracted)


def fetch(
    name: str | os.PathLike[str],
    urls: Sequence[str],
    known_hash: str | None,
    folder: Path,
    force: bool = False,
) -> Path:
    """The file `folder/name`, downloaded from the first of `urls` that has it if it is not there already.

    Args:
        name: relative to `folder`; an absolute path stands for itself.
        urls: places of the same file, tried in turn.
        known_hash: `"sha256:..."` or `"md5:..."`, or None to take what comes.
        folder: is created if need be.
        force: download even if the right file is there. It is replaced only by a complete and checked one.

    Raises:
        DownloadError: no URL worked; lists each with its reason, and says how to place the file by hand.
        ChecksumError: the same, where every URL answered with some other file.
    """
    path = folder / name
    if path.exists() and not force:
        if known_hash is None or file_digest(path, known_hash) == known_hash:
            return path
        _say(f"{path} does not match its checksum ({known_hash}). Downloading it again.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DownloadError(
            f"Cannot create the folder {path.parent} for {path.name}: {error.strerror}. "
            "Set KERAS_HOME to a folder that you can write to."
        ) from error

    landing = path.with_name(path.name + ".new") if force else path
    reasons: list[tuple[str, Exception]] = []
    for url in urls:
        try:
            _retrieve(url, landing, known_hash)
            os.replace(landing, path)
            return path
        except Exception as error:  # whatever went wrong there, the next place may be in order
            reasons.append((url, error))
    wrong_content = all(isinstance(error, ChecksumError) for _, error in reasons)
    kind = ChecksumError if wrong_content else DownloadError
    raise kind(_instructions(path, reasons, known_hash)) from reasons[-1][1]


def file_digest(path: Path, like: str) -> str:
    """The hash of the file at `path`, written like `like`: `"sha256:..."` or `"md5:..."`."""
    algorithm = like.partition(":")[0]
    with open(path, "rb") as stream:
        return f"{algorithm}:{hashlib.file_digest(stream, algorithm).hexdigest()}"


def _retrieve(url: str, path: Path, known_hash: str | None) -> None:
    """Let pooch download `url` to a temporary file, check it, and move it to `path`."""
    import logging

    import pooch

    part = path.with_name(path.name + ".part")
    resumed = known_hash is not None and part.exists() and part.stat().st_size > 0
    download: Any = Resuming(part, resume=known_hash is not None)
    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        if known_hash is None:
            path.unlink(missing_ok=True)  # or pooch would take the file that is there
        pooch.retrieve(url, known_hash, path.name, path.parent, downloader=download)
    except ValueError as error:
        if not download.completed:
            raise
        if resumed:  # perhaps it was the beginning that was wrong, and that is gone now: once more, whole
            return _retrieve(url, path, known_hash)
        raise ChecksumError(f"the file there does not match {known_hash}") from error
    finally:
        logger.setLevel(level)


def _instructions(path: Path, reasons: Sequence[tuple[str, Exception]], known_hash: str | None) -> str:
    tried = "\n".join(f"  {url}: {_reason(error)}" for url, error in reasons)
    source = "that address" if len(reasons) == 1 else "any of these addresses"
    check = f" ({known_hash.replace(':', ' ')})" if known_hash else ""
    return (
        f"Could not download {path.name}. Tried:\n{tried}\n"
        "Check the network connection and try again. "
        f"Or get the file by hand from {source}{check} and save it as\n  {path}"
    )


def _reason(error: BaseException) -> str:
    if isinstance(error, ChecksumError):
        return str(error)
    response = getattr(error, "response", None)
    if response is not None:
        return f"HTTP {response.status_code} {response.reason}"
    # These libraries wrap the fact ("connection refused") three times over, in texts that name their classes.
    while type(error).__module__.startswith(("requests", "urllib3")) and error.__context__:
        error = error.__context__
    return f"{type(error).__name__}: {error}"


def _stamp(path: Path) -> tuple[int, int] | None:
    if not path.exists():
        return None
    status = path.stat()
    return status.st_mtime_ns, status.st_ino


def _known_hash(file_hash: str | None, algorithm: str) -> str | None:
    if algorithm not in ("auto", "sha256", "md5"):
        raise ArgumentError(f'hash_algorithm is "auto", "sha256" or "md5". Got: {algorithm!r}.')
    if file_hash is None:
        return None
    if algorithm == "auto":
        algorithm = "sha256" if len(file_hash) == 64 else "md5"
    return f"{algorithm}:{file_hash.lower()}"


def _formats(archive_format: str | Sequence[str] | None) -> tuple[str, ...]:
    if archive_format == "auto":
        return ("tar", "zip")
    formats = (archive_format,) if isinstance(archive_format, str) else tuple(archive_format or ())
    if not set(formats) <= {"tar", "zip"}:
        raise ArgumentError(f'archive_format is "auto", "tar", "zip" or a list of them. Got: {archive_format!r}.')
    return formats


def _say(text: str) -> None:
    print(text, file=sys.stderr)
