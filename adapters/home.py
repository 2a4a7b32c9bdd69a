"""The home directory: where one machine keeps its database, queue, lock and secret key. Only its owner looks inside."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from pathlib import Path
from typing import NoReturn

from engine.problems import Problem, UnavailableError

SECRET_FILE = "secret.key"  # noqa: S105  # a file's name
AUDIT_KEY_FILE = "audit.key"
_PRIVATE_FOLDER = 0o700
_PRIVATE_FILE = 0o600


def prepare(home: Path) -> None:
    """Make the directory if it is not there, and prove by writing a small file that it can be used.

    Raises `UnavailableError` (`home.unusable`) with one sentence: no permission, a full disk, a file in the way.
    """
    probe = home / f".probe-{os.getpid()}"
    try:
        home.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
        try:
            with probe.open("xb") as file:
                file.write(b"\0" * 4_096)
                file.flush()
                os.fsync(file.fileno())
        finally:
            probe.unlink(missing_ok=True)
    except OSError as error:
        _refuse(home, error)


def secret_key(home: Path) -> str:
    """The machine's secret key, made at the first call: 64 hexadecimal digits in a file only its owner may read.

    Raises `UnavailableError` (`home.unusable`).
    """
    return _kept(home, SECRET_FILE)


def audit_key(home: Path) -> str:
    """The seed of the key that signs the audit log's checkpoints, made and kept in the same way."""
    return _kept(home, AUDIT_KEY_FILE)


def _kept(home: Path, name: str) -> str:
    path = home / name
    try:
        with contextlib.suppress(FileNotFoundError):
            return path.read_text("ascii").strip()
        # Written beside and linked into place: two processes that start together agree on the first one's key.
        made = home / f"{name}.{os.getpid()}"
        descriptor = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _PRIVATE_FILE)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(32) + "\n")
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(made)
        made.unlink()
        return path.read_text("ascii").strip()
    except OSError as error:
        _refuse(home, error)


def private_folder(path: Path) -> None:
    """Make a folder that only its owner may enter; refuse one that somebody else made. Raises as `prepare` does."""
    try:
        path.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
        found = path.lstat()
    except OSError as error:
        _refuse(path, error)
    if found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise UnavailableError(
            Problem(
                "home.unusable",
                f"the directory `{path}` belongs to somebody else or is open to others",
                help="make it yours alone (`chmod 700`), or set another BYLAW_HOME",
            )
        )


REASONS = {
    errno.EACCES: "there is no permission to write there",
    errno.EPERM: "there is no permission to write there",
    errno.EROFS: "the file system is read-only",
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.ENOTDIR: "a part of that path is a file, not a directory",
    errno.EEXIST: "a file of that name is in the way",
    errno.ENAMETOOLONG: "the path is too long",
}


def reason(error: OSError) -> str:
    """What an operating system's error means, as the end of a sentence."""
    return REASONS.get(error.errno or 0) or (error.strerror or "unknown error").lower()


def _refuse(path: Path, error: OSError) -> NoReturn:
    full = error.errno in {errno.ENOSPC, errno.EDQUOT}
    help_text = "free some space" if full else "set BYLAW_HOME or --home to a directory of yours"
    raise UnavailableError(
        Problem("home.unusable", f"the directory `{path}` cannot be used: {reason(error)}", help=help_text)
    ) from error
