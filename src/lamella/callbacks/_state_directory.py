"""A directory that holds the state of one training run: the last two states, written while training goes on.

States are numbered files, `00000012.state`. A new one is written under another name, flushed to the disk and renamed, then
those before the last one are deleted: whenever the process is killed, a complete state stands there. `lock` says who
writes; the operating system lets go of it when that process ends, however it ends.
"""

import contextlib
import os
import threading
import warnings
from pathlib import Path
from typing import Any

from lamella.errors import CheckpointError, SerializationError
from lamella.saving._state_file import PackedState, pack_state, read_state, write_state

__all__ = ["StateDirectory"]

_ENDING = ".state"
_in_use: set[str] = set()  # locks of files do not keep apart what one process does


class StateDirectory:
    """The directory `path`; made when it is opened.

    Args:
        path: of the directory.
        kept: how many states are kept.
    """

    def __init__(self, path: str | os.PathLike, kept: int = 2):
        self.path = Path(path)
        self.kept = kept
        self._lock: int | None = None
        self._writer: threading.Thread | None = None
        self._waiting: PackedState | None = None
        self._problem: str | None = None
        self._name = ""
        self._guard = threading.Lock()

    # ---- whose it is -----------------------------------------------------------------------------

    def open(self) -> None:
        """Make the directory, and keep others from writing to it until `close`.

        Raises:
            CheckpointError: when it cannot be written, or somebody else writes to it.
        """
        if self._lock is not None:
            return
        self._name = os.path.realpath(self.path)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            if self._name in _in_use:
                raise self._taken(str(os.getpid()))
            self._lock = self._locked()
            for leftover in self.path.glob(f".*{_ENDING}.*.tmp"):  # of a process that was killed while it wrote
                leftover.unlink(missing_ok=True)
        except CheckpointError:
            raise
        except OSError as error:
            raise CheckpointError(
                f"The state of training cannot be kept in {str(self.path)!r}: {error.strerror or error}. Give a directory that "
                "can be written."
            ) from error
        _in_use.add(self._name)

    def _locked(self) -> int:
        while True:
            lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o666)
            if not _lock(lock):
                owner = os.read(lock, 20).decode("ascii", "replace")
                os.close(lock)
                raise self._taken(owner)
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(lock), os.stat(self.path / "lock")):
                    os.truncate(lock, 0)
                    os.write(lock, str(os.getpid()).encode())
                    return lock
            os.close(lock)  # whoever held it deleted it meanwhile

    def _taken(self, owner: str) -> CheckpointError:
        return CheckpointError(
            f"Another training run writes its state to {str(self.path)!r} (process {owner}). Wait for its end, or give each "
            "run a directory of its own."
        )

    def close(self) -> None:
        """Wait until all is written, and let others write."""
        try:
            self.join()
        finally:
            if self._lock is not None:
                os.close(self._lock)
                self._lock = None
                _in_use.discard(self._name)

    # ---- reading ---------------------------------------------------------------------------------

    def _files(self) -> list[Path]:
        """The states, the newest first."""
        found = [p for p in self.path.glob(f"*{_ENDING}") if p.stem.isdigit()]
        return sorted(found, key=lambda p: int(p.stem), reverse=True)

    def newest(self) -> Any:
        """The newest state that can be read, or None where there is none; a damaged one is told of by a warning.

        Raises:
            CheckpointError: when there are some and none can be read.
        """
        problems = []
        for file in self._files():
            try:
                state = read_state(file)
            except (OSError, SerializationError) as error:
                problems.append(f"{file.name}: {error}")
                continue
            if problems:
                warnings.warn(
                    f"The newest state of training in {str(self.path)!r} cannot be read ({'; '.join(problems)}). Training goes on "
                    f"from the one before, {file.name}.",
                    RuntimeWarning,
                    stacklevel=2,
                )
            return state
        if problems:
            raise CheckpointError(
                f"No state of training in {str(self.path)!r} can be read. Delete the directory to begin anew. "
                + "; ".join(problems)
            )
        return None

    # ---- writing ---------------------------------------------------------------------------------

    def write(self, state: Any) -> None:
        """Begin to write a state. One that still waits to be written is left out: it is older.

        Raises:
            ArgumentError: when it holds what no file of states can.
        """
        packed = pack_state(state)
        with self._guard:
            self._waiting = packed
            if self._writer is None:
                self._writer = threading.Thread(target=self._write_all, name="lamella-state")
                self._writer.start()
        self._tell()

    def _write_all(self) -> None:
        while True:
            with self._guard:
                state, self._waiting = self._waiting, None
                if state is None:
                    self._writer = None
                    return
            try:
                self._write(state)
            except Exception as error:  # told in the thread of training
                self._problem = str(getattr(error, "strerror", None) or error)

    def _write(self, state: PackedState) -> None:
        files = self._files()
        number = int(files[0].stem) + 1 if files else 1
        write_state(self.path / f"{number:08d}{_ENDING}", state)
        for old in files[self.kept - 1 :]:
            old.unlink(missing_ok=True)

    def _tell(self) -> None:
        problem, self._problem = self._problem, None
        if problem is not None:
            warnings.warn(
                f"The state of training could not be written to {str(self.path)!r}: {problem}. Training goes on; the state "
                "before is kept.",
                RuntimeWarning,
                stacklevel=2,
            )

    def join(self) -> None:
        """Wait until all is written."""
        writer = self._writer
        if writer is not None:
            writer.join()
        self._tell()

    def delete(self) -> None:
        """Delete the states, and the directory if it holds nothing else."""
        self.join()
        for file in reversed(self._files()):
            file.unlink(missing_ok=True)
        (self.path / "lock").unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self.path.rmdir()


def _lock(descriptor: int) -> bool:
    """Lock an open file for this process, if nobody else has; the lock goes with the process."""
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        except OSError:
            return False
        return True
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True
