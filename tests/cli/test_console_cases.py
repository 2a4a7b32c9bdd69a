"""What people see, word for word: `tests/cases/cli/*.console` hold a command line, what it prints, its exit code.

To accept changed output run this file with `BYLAW_TEST_ACCEPT=1`, read the difference, and say in the commit why.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from command_runs import ROOT, Run

CASES = sorted((ROOT / "tests" / "cases" / "cli").glob("*.console"))
ACCEPT = bool(os.environ.get("BYLAW_TEST_ACCEPT"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_console(bylaw: Callable[..., Run], case: Path) -> None:
    """The command prints exactly what the case file shows, on standard output first, and ends with its code."""
    line, _, expected = case.read_text().partition("\n")
    found = bylaw(*shlex.split(line.removeprefix("$ bylaw ")))
    shown = "\n".join(one.rstrip() for one in f"{found.out}{found.err}[{found.code}]\n".split("\n"))
    if ACCEPT:
        case.write_text(f"{line}\n{shown}")
    assert (expected if not ACCEPT else shown) == shown


def test_there_are_cases() -> None:
    """The case files are found."""
    assert CASES
