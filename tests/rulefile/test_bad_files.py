"""One file for each mistake: what an author reads about it, word for word.

`<mistake>.yaml` in `tests/cases/rulefile/bad` is refused with the problems in `<mistake>.problems.txt`: code, place,
excerpt and help, as `bylaw check` prints them. With BYLAW_ACCEPT=1 in the environment the texts are written anew; read
the diff.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.kinds import load
from engine.problems import InvalidError

CASES = Path(__file__).resolve().parents[1] / "cases" / "rulefile" / "bad"
FILES = sorted(CASES.glob("*.yaml"))
BESIDE = {file.name: file.read_bytes() for file in CASES.glob("*.csv")}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_mistake_is_told_with_code_place_excerpt_and_help(file: Path, schemas) -> None:
    """Every mistake is refused with the same problems, at the same places, in the same words."""
    with pytest.raises(InvalidError) as refused:
        load(file.read_bytes(), source=file.name, schemas=schemas, beside=BESIDE)
    actual = "\n".join(problem.render() for problem in refused.value.problems) + "\n"
    expected = file.with_suffix(".problems.txt")
    if os.environ.get("BYLAW_ACCEPT"):
        expected.write_text(actual, encoding="utf-8")
    assert expected.read_text(encoding="utf-8") == actual


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_no_message_speaks_of_the_implementation(file: Path, schemas) -> None:
    """Messages are one lower-case sentence and name no type of the language Bylaw is written in."""
    with pytest.raises(InvalidError) as refused:
        load(file.read_bytes(), source=file.name, schemas=schemas, beside=BESIDE)
    for problem in refused.value.problems:
        assert problem.message[0] == problem.message[0].lower()
        assert "\n" not in problem.message
        for word in ("dict", "NoneType", "Decimal", "str ", "int ", "jsonschema", "Traceback"):
            assert word not in problem.message


def test_every_mistake_has_its_own_file() -> None:
    """A case is a file: no expectation is left behind without its rule file."""
    assert {file.stem for file in FILES} == {file.name.removesuffix(".problems.txt") for file in CASES.glob("*.txt")}
