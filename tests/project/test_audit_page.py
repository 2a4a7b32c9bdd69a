"""docs/audit-verification.md: every command prints what stands below it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "audit-verification.md").read_text()
BLOCKS = re.findall(r"^```console\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
COMMANDS = [
    tuple(found) for block in BLOCKS for found in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE)
]


@pytest.mark.parametrize(("command", "printed"), COMMANDS)
def test_a_command_prints_what_the_page_shows(command: str, printed: str, tmp_path: Path) -> None:
    """An outsider who types what is on the page sees what is on the page."""
    # `python3` is the Python of the tests, `bylaw` the command of this checkout.
    (tmp_path / "python3").symlink_to(sys.executable)
    (tmp_path / "bylaw").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m cli "$@"\n')
    (tmp_path / "bylaw").chmod(0o755)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BYLAW_")}
    environment |= {"PATH": f"{tmp_path}:{environment['PATH']}", "PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        ["bash", "-c", command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert (printed, "") == (done.stdout, done.stderr)


def test_the_page_has_commands() -> None:
    """The page shows both verifiers and the way by hand."""
    assert len(COMMANDS) >= 11
