"""The home directory, its secret key and its lock."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from adapters import home as home_directory
from adapters.supervisor import HomeLock
from engine.problems import ConflictError, UnavailableError


def test_made_private(tmp_path: Path) -> None:
    """The directory is made with its parents, and only its owner may look inside."""
    home = tmp_path / "a" / "b"
    home_directory.prepare(home)
    home_directory.prepare(home)
    assert (0o700, []) == (stat.S_IMODE(home.stat().st_mode), list(home.iterdir()))


def test_file_in_the_way(tmp_path: Path) -> None:
    """A file where the directory should be is one sentence."""
    (tmp_path / "home").write_text("")
    with pytest.raises(UnavailableError) as raised:
        home_directory.prepare(tmp_path / "home")
    assert f"the directory `{tmp_path}/home` cannot be used: a file of that name is in the way" == str(raised.value)


@pytest.mark.parametrize(
    ("number", "sentence", "advice"),
    [
        (errno.ENOSPC, "the disk is full", "free some space"),
        (errno.EDQUOT, "the disk quota is used up", "free some space"),
        (errno.EACCES, "there is no permission to write there", "set BYLAW_HOME or --home to a directory of yours"),
        (errno.EROFS, "the file system is read-only", "set BYLAW_HOME or --home to a directory of yours"),
    ],
)
def test_unusable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, sentence: str, advice: str) -> None:
    """What the operating system refuses is one sentence with advice, and leaves no file behind."""

    def refuse(_: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(UnavailableError) as raised:
        home_directory.prepare(tmp_path)
    (problem,) = raised.value.problems
    assert ("home.unusable", advice) == (problem.code, problem.help)
    assert f"the directory `{tmp_path}` cannot be used: {sentence}" == problem.message
    assert [] == list(tmp_path.iterdir())


def test_secret_key(tmp_path: Path) -> None:
    """The key is made once, is the same for everybody who asks, and only its owner may read it."""
    keys = {home_directory.secret_key(tmp_path) for _ in range(3)}
    (file,) = tmp_path.iterdir()
    assert (1, 64, 0o600) == (len(keys), len(keys.pop()), stat.S_IMODE(file.stat().st_mode))


def test_secret_key_of_processes_that_start_together(tmp_path: Path) -> None:
    """Processes that make the key at the same moment agree on one."""
    code = f"from pathlib import Path; from adapters.home import secret_key; print(secret_key(Path({str(tmp_path)!r})))"
    processes = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(4)]
    keys = {process.communicate()[0].strip() for process in processes}
    assert (1, 64) == (len(keys), len(keys.pop()))


def test_audit_key(tmp_path: Path) -> None:
    """The audit key is made and kept in the same way, and is another one than the secret key."""
    keys = {home_directory.audit_key(tmp_path) for _ in range(3)}
    assert (1, 64) == (len(keys), len(next(iter(keys))))
    assert home_directory.secret_key(tmp_path) not in keys
    assert {0o600} == {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}


def test_private_folder_of_somebody_else(tmp_path: Path) -> None:
    """A folder that others may enter is not used for a socket."""
    tmp_path.chmod(0o755)
    with pytest.raises(UnavailableError, match="belongs to somebody else or is open to others"):
        home_directory.private_folder(tmp_path)


def test_lock_is_held_once(tmp_path: Path) -> None:
    """A second holder is told which process holds the lock; after its end the lock is free."""
    with HomeLock(tmp_path):
        with pytest.raises(ConflictError) as raised, HomeLock(tmp_path):
            pass
        assert f"`bylaw up` already runs on `{tmp_path}` (process {os.getpid()})" == str(raised.value)
    with HomeLock(tmp_path):
        assert f"{os.getpid()}\n" == (tmp_path / "up.lock").read_text()


def test_stale_lock(tmp_path: Path) -> None:
    """The lock file of a process that was killed does not block, whatever stands in it."""
    (tmp_path / "up.lock").write_text("1\n")
    with HomeLock(tmp_path):
        assert f"{os.getpid()}\n" == (tmp_path / "up.lock").read_text()
