"""Reading what people name on the command line, with a sentence for whatever cannot be read."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

from engine.problems import InvalidError, NotFoundError, Place, Problem

LARGEST_FILE = 64_000_000
"""Bytes read at most of any file; each reader has its own, smaller limit beside this one."""

RULE_FILES = (".yaml", ".yml")

REASONS = {
    FileNotFoundError: "there is no such file or directory",
    PermissionError: "there is no permission to read it",
    IsADirectoryError: "it is a directory",
    NotADirectoryError: "a part of that path is a file",
}


def read(path: Path) -> bytes:
    """A file's bytes; `-` is standard input. Raises `NotFoundError` or `InvalidError` with a `file.*` code."""
    if str(path) == "-":
        data = sys.stdin.buffer.read(LARGEST_FILE + 1)
        if len(data) > LARGEST_FILE:
            raise InvalidError(_too_large("standard input"))
        return data
    try:
        found = path.stat()
        if stat.S_ISDIR(found.st_mode):
            raise IsADirectoryError
        if not stat.S_ISREG(found.st_mode) and not stat.S_ISFIFO(found.st_mode):
            raise NotFoundError(_unreadable(path, "it is not a file"))
        with path.open("rb") as file:
            data = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise NotFoundError(_unreadable(path, why(error))) from None
    if len(data) > LARGEST_FILE:
        raise InvalidError(_too_large(str(path)))
    return data


def why(error: OSError) -> str:
    """An operating system's error as the end of a sentence."""
    return REASONS.get(type(error)) or (error.strerror or "it cannot be read").lower()


def walk(folder: Path) -> list[Path]:
    """Every file below a folder, in order, leaving out hidden ones. Raises `NotFoundError` (`file.unreadable`)."""
    found: list[Path] = []
    try:
        for entry in sorted(folder.iterdir()):
            if entry.name.startswith("."):
                continue
            if entry.is_dir():
                found.extend(walk(entry))
            else:
                found.append(entry)
    except OSError as error:
        raise NotFoundError(_unreadable(folder, why(error))) from None
    return found


def is_folder(path: Path) -> bool:
    """Whether a path is a directory; false where that cannot be found out, so that reading it tells why."""
    try:
        return path.is_dir()
    except OSError:
        return False


def rule_files_in(folder: Path) -> dict[str, bytes]:
    """The YAML files below a folder and the CSV files among them, by path. Raises `NotFoundError` without YAML."""
    if not is_folder(folder):
        read(folder)
        raise NotFoundError(_unreadable(folder, "it is a file; a folder of rule files is expected"))
    paths = walk(folder)
    if not any(path.suffix in RULE_FILES for path in paths):
        raise NotFoundError(nothing_found(folder, "rule file (`.yaml`)"))
    return {path.as_posix(): read(path) for path in paths if path.suffix in {*RULE_FILES, ".csv"}}


def rows_beside(path: Path, data: bytes) -> dict[str, bytes]:
    """The CSV files in a rule file's folder, by name; only one that its bytes name is read, the others are empty.

    Raises `NotFoundError` or `InvalidError` with a `file.*` code.
    """
    if b"rows_file" not in data or str(path) == "-":
        return {}
    beside = sorted(path.parent.glob("*.csv"))
    return {one.name: read(one) if one.name.encode() in data else b"" for one in beside}


def csv_files_in(folder: Path) -> dict[str, bytes]:
    """The CSV files that lie directly in a folder, by name. Raises `NotFoundError` (`file.unreadable`)."""
    if not is_folder(folder):
        read(folder)
        raise NotFoundError(_unreadable(folder, "it is a file; a folder of CSV files is expected"))
    return {path.name: read(path) for path in walk(folder) if path.suffix == ".csv" and path.parent == folder}


def nothing_found(path: Path, wanted: str) -> Problem:
    """A problem for a folder without what it should hold."""
    return Problem("file.nothing_found", f"there is no {wanted} in `{path}`", Place(str(path)))


def _unreadable(path: Path, reason: str) -> Problem:
    return Problem("file.unreadable", f"`{path}` cannot be read: {reason}", Place(str(path)))


def _too_large(name: str) -> Problem:
    return Problem("file.too_large", f"`{name}` has more than {LARGEST_FILE:,} bytes", Place(name))
