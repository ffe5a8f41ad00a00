"""Where compiled programs are kept from one process to the next."""

import os
from pathlib import Path


def directory(kind: str) -> Path | None:
    """The user's own directory for one kind of programs; None if there is to be none, or can be none.

    `LAMELLA_COMPILATION_CACHE=0` switches it off; `LAMELLA_CACHE_DIR` moves it.
    """
    if os.environ.get("LAMELLA_COMPILATION_CACHE", "1") == "0":
        return None
    root = os.environ.get("LAMELLA_CACHE_DIR")
    if root is None:
        import platformdirs

        root = platformdirs.user_cache_dir("lamella")
    path = Path(root) / kind
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        return None  # a home that cannot be written to costs a compilation, not a run
    if path.stat().st_uid != os.getuid():
        return None  # somebody else's directory could feed us somebody else's programs
    return path
