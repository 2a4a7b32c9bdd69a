"""One `bylaw up` for each home directory."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Self

from adapters import home as home_directory
from engine.problems import ConflictError, Problem, UnavailableError

LOCK_FILE = "up.lock"


class HomeLock:
    """Held while the block runs. The operating system drops it when its holder dies, so a stale file never blocks.

    Raises `ConflictError` (`home.in_use`) with the holder's process number, `UnavailableError` (`home.unusable`).
    """

    def __init__(self, home: Path) -> None:
        self._path = home / LOCK_FILE
        self._descriptor = -1

    def __enter__(self) -> Self:
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            message = f"the lock file `{self._path}` cannot be opened: {home_directory.reason(error)}"
            raise UnavailableError(Problem("home.unusable", message)) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.read(descriptor, 32).decode("ascii", "replace").strip()
            os.close(descriptor)
            who = f"process {holder}" if holder.isdigit() else "another process"
            problem = Problem(
                "home.in_use",
                f"`bylaw up` already runs on `{self._path.parent}` ({who})",
                help="use that one, stop it, or give another directory with --home",
            )
            raise ConflictError(problem) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode("ascii"), 0)
        self._descriptor = descriptor
        return self

    def __exit__(self, *_: object) -> None:
        os.ftruncate(self._descriptor, 0)
        os.close(self._descriptor)
