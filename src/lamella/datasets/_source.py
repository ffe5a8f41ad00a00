"""Where the files of the datasets come from: the cache, mirrors of the user's own, the public addresses."""

import os
from collections.abc import Sequence
from pathlib import Path

from lamella.data._download import fetch, file_digest, keras_home

PUBLIC = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"


def dataset_file(
    name: str | os.PathLike[str],
    urls: Sequence[str],
    known_hash: str,
    folder: str = "datasets",
    other_names: Sequence[str] = (),
) -> Path:
    """The checked file of a dataset, downloaded if the Keras home directory does not have it yet.

    `LAMELLA_DATASET_MIRRORS`, addresses separated by spaces, is tried before `urls`: a mirror answers
    `<mirror>/<file name>` with the same file.

    Args:
        name: what the file is called there, relative to `folder`; an absolute path stands for itself.
        urls: the public addresses.
        known_hash: `"sha256:..."` or `"md5:..."`.
        folder: below the Keras home directory.
        other_names: names under which other programs keep the same file there.

    Raises:
        DownloadError: no address worked. Says how to place the file by hand.
    """
    home = keras_home() / folder
    if not (home / name).exists():
        for other in other_names:
            if (home / other).exists() and file_digest(home / other, known_hash) == known_hash:
                return home / other
    mirrors = os.environ.get("LAMELLA_DATASET_MIRRORS", "").split()
    published_as = urls[0].rpartition("/")[2]
    places = [f"{mirror.rstrip('/')}/{published_as}" for mirror in mirrors]
    return fetch(name, [*places, *urls], known_hash, home)
