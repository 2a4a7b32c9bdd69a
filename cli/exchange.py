"""What the commands share that move decision tables between rule files and other formats."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import click

from adapters.wiring import now, read_workbook
from cli.checking import schemas, schemas_for
from cli.files import read, rows_beside, why
from cli.output import print_bytes, problem_text
from engine.interchange.rows import pasted_sheet
from engine.interchange.sheets import Sheet
from engine.kinds import load
from engine.problems import InvalidError, NotFoundError, Place, Problem
from engine.rulefile import RuleSet, SchemaSource

_ZIP = b"PK\x03\x04"

CONVERTED = "rule file"
"""What problems call a text that was printed and has no file."""


def loaded(path: Path) -> RuleSet:
    """The rule set of a file, with the rows beside it. Raises `NotFoundError`, `InvalidError` with all problems."""
    data = read(path)
    return load(data, source=path.as_posix(), schemas=schemas_for(path), beside=rows_beside(path, data))


def put(data: bytes, out: Path | None) -> None:
    """Write to a file, else to standard output. Raises `NotFoundError` (`file.unreadable`)."""
    if out is None or str(out) == "-":
        print_bytes(data)
    else:
        put_file(out, data)


def put_file(path: Path, data: bytes) -> None:
    """Write a file. Raises `NotFoundError` (`file.unreadable`)."""
    try:
        path.write_bytes(data)
    except OSError as error:
        message = f"`{path}` cannot be written: {why(error)}"
        raise NotFoundError(Problem("file.unreadable", message, Place(str(path)))) from None


def day(text: str | None) -> str:
    """A day from the command line as rule files write it; today, in UTC, if there is none."""
    if text is None:
        return now().date().isoformat()
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise click.BadParameter(f"`{text[:40]}` is no date such as `2026-11-02`", param_hint="--from") from None


def sheets_of(path: Path) -> tuple[Sheet, ...]:
    """A workbook's sheets, or the one sheet that a CSV file or pasted cells make. Raises `InvalidError`."""
    data = read(path)
    if data.startswith(_ZIP) or path.suffix in (".xlsx", ".xlsm", ".xls"):
        return read_workbook(data, path.as_posix())
    source = "standard input" if str(path) == "-" else path.as_posix()
    return (pasted_sheet(data, source, "," if path.suffix == ".csv" else "\t"),)


def check_converted(
    text: bytes, out: Path | None, facts: Mapping[str, str], beside: Mapping[str, bytes] | None = None
) -> bool:
    """Check a rule file that was just made, over fact schemas that were made with it; say what is wrong or doubtful."""
    texts = dict((schemas() if out is None else schemas_for(out)).texts)
    for name, schema in facts.items():
        base, _, number = name.partition("/")
        texts[f"facts/{base}-{number}.schema.json"] = schema
    source = CONVERTED if out is None else out.as_posix()
    try:
        found = load(text, source=source, schemas=SchemaSource(texts), beside=beside)
    except InvalidError as error:
        for problem in error.problems:
            sys.stderr.write(problem_text(problem, sys.stderr) + "\n")
        return False
    for warning in found.warnings:
        sys.stderr.write(f"warning: {problem_text(warning, sys.stderr)}\n")
    return True
