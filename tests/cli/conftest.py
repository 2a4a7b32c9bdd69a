"""The command in this process and as a process, on a home directory with the example in it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from command_runs import ROOT, Run, environment

from cli.main import run


@pytest.fixture(scope="session")
def example_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home directory whose database holds the example organisation. Tests that change it copy it first."""
    home = tmp_path_factory.mktemp("example")
    command = [sys.executable, "-m", "cli", "prepare", "--home", str(home)]
    subprocess.run(command, cwd=ROOT, env=environment(home), check=True, capture_output=True)
    return home


@pytest.fixture
def bylaw(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Callable[..., Run]:
    """Run the command in this process, from the top of the project, on `home` (an empty one by default)."""
    monkeypatch.chdir(ROOT)
    for name in [name for name in os.environ if name.startswith("BYLAW_") and name != "BYLAW_SHARED"]:
        monkeypatch.delenv(name)

    def call(*arguments: str, home: Path | None = None) -> Run:
        monkeypatch.setenv("BYLAW_HOME", str(home or tmp_path / "home"))
        code = run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Run(code, captured.out, captured.err)

    return call
