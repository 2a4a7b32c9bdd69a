"""The wheel holds the packages and the data folders, works from a clean environment, and holds nothing else."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

DATA = ("rules", "policies", "schemas")
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", str(folder), str(ROOT)], check=True)
    return next(folder.glob("*.whl"))


def test_wheel_contents(wheel: Path):
    """The wheel has the five packages and the three data folders under adapters/shipped, and no tests."""
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names if ".dist-info" not in name}
    assert tops == {"engine", "adapters", "webapp", "jobs", "cli"}
    data = [path.relative_to(ROOT) for folder in DATA for path in (ROOT / folder).rglob("*") if path.is_file()]
    assert data
    assert [str(path) for path in data if f"adapters/shipped/{path}" not in names] == []


def test_the_wheel_runs_on_its_own(wheel: Path, tmp_path: Path):
    """Unpacked far from the checkout, the command finds the shipped rule files and checks them."""
    zipfile.ZipFile(wheel).extractall(tmp_path)
    code = "import sys; sys.path.insert(0, sys.argv.pop(1)); from cli.main import main; main()"
    command = [sys.executable, "-P", "-c", code, str(tmp_path), "rules", "list", "--json"]
    environment = {"PATH": "/usr/bin:/bin", "BYLAW_HOME": str(tmp_path / "home")}
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, env=environment)
    assert (done.returncode, "lead-priority/inbound" in done.stdout) == (0, True), done.stderr
