"""Policies that must not be used are refused at every door, with their line and what to write instead."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from adapters.settings import Settings
from adapters.wiring import Shipped, build, build_in_memory
from cli.main import bylaw
from engine.policy import compiled, compiled_name, compiled_text
from engine.problems import InvalidError, Problem
from jobs import tasks
from webapp.wsgi import application

ROOT = Path(__file__).resolve().parents[2]
ONLY_DENYING = ("misspelt_role", "no_row")
"""Mistakes that grant nobody anything: `bylaw check` tells them, and such policies can be used."""
CASES = [
    case for case in sorted((ROOT / "tests" / "cases" / "policy").glob("*.polar")) if case.stem not in ONLY_DENYING
]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What is shipped, with an empty folder of policies."""
    for folder in ("rules", "schemas"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    (tmp_path / "policies").mkdir()
    monkeypatch.setattr(Shipped, "find", lambda: Shipped(tmp_path))
    for name in [name for name in os.environ if name.startswith("BYLAW_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("BYLAW_HOME", str(tmp_path / "home"))
    return tmp_path


def refusing(door: Callable[[], object]) -> tuple[Problem, ...]:
    """The problems with which it refuses."""
    with pytest.raises(InvalidError) as refused:
        door()
    return refused.value.problems


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_every_door_refuses_policies_that_must_not_be_used(case: Path, root: Path) -> None:
    """The web server, a worker, `bylaw prepare` and every command refuse them with the code, the line and the help."""
    text = case.read_text()
    head = dict(line[2:].split(": ", 1) for line in text.splitlines() if line.startswith("# ") and ": " in line)
    (root / "policies" / case.name).write_text(text)
    tasks.texts.cache_clear()
    told = [
        refusing(door)
        for door in (application, tasks.texts, build_in_memory, lambda: build(Settings.from_environment()))
    ]
    assert 1 == len(set(told))
    meant = [one for one in told[0] if one.code == head["code"] and head["says"] in one.message]
    assert meant, [str(one) for one in told[0]]
    assert head.get("help", "") in meant[0].help
    assert str(meant[0].place).startswith(f"{case.name}:{head.get('line', '')}")
    said = " ".join(re.escape(problem.render().splitlines()[0]) for problem in meant[:1])
    for words in (
        ("prepare",),
        ("authz", "matrix"),
        ("check", root / "policies"),
        ("policies", "compile", root / "policies"),
    ):
        run = CliRunner().invoke(bylaw, [*map(str, words)])
        error = run.exception
        shown = "\n".join(one.render() for one in error.problems) if isinstance(error, InvalidError) else run.output
        assert run.exit_code == 1, words
        assert re.search(said, shown), (words, shown)


def test_the_product_does_not_start_on_policies_that_must_not_be_used(tmp_path: Path) -> None:
    """`bylaw up` ends with 5, names the file, the line and what to write instead, and leaves nothing running."""
    shutil.copytree(ROOT / "adapters", tmp_path / "adapters", ignore=shutil.ignore_patterns("__pycache__"))
    for folder in ("engine", "cli", "jobs", "webapp", "rules", "schemas"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    (tmp_path / "policies").mkdir()
    shutil.copy(ROOT / "tests" / "cases" / "policy" / "negated_condition.polar", tmp_path / "policies")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BYLAW_")}
    run = subprocess.run(
        [sys.executable, "-m", "cli", "up", "--port", "0", "--home", str(tmp_path / "home")],
        env={**environment, "PYTHONPATH": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert run.returncode == 5, run.stdout + run.stderr
    assert "negated_condition.polar:5:1: policy.shape" in run.stdout
    assert "write the condition positively" in run.stdout
    assert "ready" not in run.stdout


ROW = 'allow(user: User, "read", record: Lead) if record.organisation_id = user.organisation_id{};\n'


def test_what_is_kept_is_used_for_the_very_same_texts_alone(root: Path) -> None:
    """Kept policies save evaluating them; with other texts that is done again, and refuses what is wrong."""
    files = {"leads.polar": ROW.format("")}
    kept = compiled(files)
    path = root / "policies" / compiled_name(kept.digest)
    path.parent.mkdir()
    path.write_text(compiled_text(kept))
    for name, text in files.items():
        (root / "policies" / name).write_text(text)
    with build_in_memory() as wiring:
        assert wiring.ports.authorizer.compiled == kept
    (root / "policies" / "leads.polar").write_text(ROW.format(" and record.owner_id = record.team_id"))
    assert {"policy.shape"} == {problem.code for problem in refusing(build_in_memory)}


def test_damaged_kept_policies_are_refused(root: Path) -> None:
    """A byte changed in what is kept, or half of it missing, is told before anything is answered from it."""
    files = {"leads.polar": ROW.format("")}
    kept = compiled(files)
    path = root / "policies" / compiled_name(kept.digest)
    path.parent.mkdir()
    (root / "policies" / "leads.polar").write_text(files["leads.polar"])
    text = compiled_text(kept)
    changed = text.replace('"organisation_id", "="', '"organisation_id", "!="')
    assert changed != text
    for damaged in (changed, text[: len(text) // 2], "", "[]", text.replace('"sha256": "', '"sha256": "0')):
        path.write_text(damaged)
        (problem,) = refusing(build_in_memory)
        assert problem.code == "policy.compiled_damaged"
        assert path.name in str(problem.place)
