"""Reading what people name on the command line, with a sentence for whatever cannot be read."""

from __future__ import annotations

import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

from cli.output import print_bytes
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


def read_text(path: Path) -> str:
    """A file's UTF-8 text. Raises `NotFoundError` or `InvalidError` with a `file.*` code."""
    try:
        return read(path).decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidError(_unreadable(path, "it is not UTF-8 text")) from None


@contextmanager
def lines_of(path: Path, longest: int) -> Iterator[Iterator[bytes]]:
    """A file of any size line by line, with the line feeds; `-` is standard input. A longer line comes in parts.

    Raises `NotFoundError` (`file.unreadable`).
    """
    try:
        with nullcontext(sys.stdin.buffer) if str(path) == "-" else path.open("rb") as file:
            yield iter(lambda: file.readline(longest + 2), b"")
    except OSError as error:
        raise NotFoundError(_unreadable(path, why(error))) from None


@contextmanager
def written(path: Path | None) -> Iterator[Callable[[bytes], object]]:
    """Call what this gives with bytes to write them to a file, or to standard output for None and `-`.

    The file stands there only once it is complete: until then it has another name, and nothing is left after an error.
    Raises `NotFoundError` (`file.unreadable`) if it cannot be written.
    """
    if path is None or str(path) == "-":
        yield print_bytes
        return
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("wb") as file:
            yield file.write
        part.replace(path)
    except OSError as error:
        message = f"`{path}` cannot be written: {why(error)}"
        raise NotFoundError(Problem("file.unreadable", message, Place(str(path)))) from None
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


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


def fact_schemas_beside(rules: Path) -> dict[str, str | bytes]:
    """The fact schemas in `schemas/facts` beside a folder `rules`, by their paths below `schemas/`; often none.

    Raises `NotFoundError` (`file.unreadable`).
    """
    if rules.name != "rules":
        return {}
    return {f"facts/{path.name}": read(path) for path in sorted((rules.parent / "schemas/facts").glob("*.schema.json"))}


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
