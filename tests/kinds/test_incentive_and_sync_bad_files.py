"""One file for each mistake in a plan or in conflict rules: what an author reads about it, word for word.

`tests/cases/kinds/<kind>/bad/<mistake>.yaml` is refused with the problems in `<mistake>.problems.txt`: code, place,
excerpt and help, as `bylaw check` prints them. With BYLAW_ACCEPT=1 in the environment the texts are written anew.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from plan_files import ROOT, schemas

from engine.kinds import load
from engine.problems import InvalidError

CASES = ROOT / "tests" / "cases" / "kinds"
FILES = sorted(file for kind in ("incentive-plan", "sync-conflict") for file in (CASES / kind / "bad").glob("*.yaml"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.parent.name}-{file.stem}")
def test_a_mistake_is_told_with_code_place_excerpt_and_help(file: Path):
    """Every mistake is refused with the same problems, at the same places, in the same words."""
    with pytest.raises(InvalidError) as refused:
        load(file.read_bytes(), source=file.name, schemas=schemas())
    actual = "\n".join(problem.render() for problem in refused.value.problems) + "\n"
    expected = file.with_suffix(".problems.txt")
    if os.environ.get("BYLAW_ACCEPT"):
        expected.write_text(actual, encoding="utf-8")
    assert expected.read_text(encoding="utf-8") == actual
    for problem in refused.value.problems:
        assert problem.message[0] == problem.message[0].lower()
        assert problem.place.line > 0


def test_every_mistake_has_its_own_file():
    """No expectation is left behind without its rule file."""
    left = {
        file.name.removesuffix(".problems.txt") for kind in CASES.iterdir() for file in (kind / "bad").glob("*.txt")
    }
    assert {file.stem for file in FILES} == left
