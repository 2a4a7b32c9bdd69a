"""One file for each mistake in an expression or cell: what its author reads about it, word for word.

A file of `tests/cases/feel/mistakes` has sections divided by lines of three hyphens: settings (left out where there are
none), the text, and the problems as `bylaw check` prints them. Settings are YAML: `cell` with the type of its column,
`facts` that the text is computed with, `expect` for another type than a condition (null for any), `repeat` for how
often the text stands one after the other, `standard` for the meaning of `.dmn` files. With BYLAW_ACCEPT=1 in the
environment the problems are written anew; read the diff.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from feel_files import CASES, facts_of, field_of, scope_of, type_named

from engine.feel import check, check_unary_tests
from engine.feel.standard import Environment, Session, compile_expression
from engine.feel.values import Fault
from engine.problem_codes import CODES
from engine.problems import InvalidError, Place, Problem

FILES = sorted((CASES / "mistakes").glob("*.txt"))
WORLD = yaml.safe_load((CASES / "mistakes" / "scope.yaml").read_text(encoding="utf-8"))
SCOPE = scope_of(WORLD["scope"])
FACTS = facts_of(WORLD["facts"])
PLACE = Place("rule")


def sections(file: Path) -> tuple[dict[str, Any], str, str]:
    """The settings, the text and the problems of a file."""
    *settings, text, problems = file.read_text(encoding="utf-8").split("\n---\n")
    return yaml.safe_load(settings[0]) if settings else {}, text, problems


def refused(settings: dict[str, Any], text: str) -> tuple[Problem, ...]:
    """The problems of a text."""
    given = text * settings.get("repeat", 1)
    try:
        if "cell" in settings:
            expression = check_unary_tests(given, field_of(settings["cell"]), SCOPE, place=PLACE)
        elif settings.get("standard"):
            compile_expression(given, place=PLACE).evaluate(Environment({}, Session()))
            return ()
        else:
            wanted = settings.get("expect", "boolean")
            expression = check(given, SCOPE, expect=type_named(wanted) if wanted else None, place=PLACE)
        if "facts" in settings:
            expression.evaluate({**FACTS, **facts_of(settings["facts"])})
    except InvalidError as error:
        return error.problems
    except Fault as fault:
        return (Problem(fault.code, fault.message, help=fault.help),)
    return ()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_mistake_is_told_with_code_place_caret_and_help(file: Path) -> None:
    """Every mistake is refused with the same problems, at the same places, in the same words."""
    settings, text, expected = sections(file)
    problems = refused(settings, text)
    assert problems
    actual = "\n".join(problem.render() for problem in problems) + "\n"
    if os.environ.get("BYLAW_ACCEPT"):
        file.write_text(file.read_text(encoding="utf-8").removesuffix(expected) + actual, encoding="utf-8")
    else:
        assert expected == actual


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_mistake_is_told_in_a_sentence_with_help(file: Path) -> None:
    """Every message begins in lower case or with the text that is wrong, and there is always something to do."""
    settings, text, _ = sections(file)
    for problem in refused(settings, text):
        assert problem.message[0].islower() or problem.message[0] in "`0123456789"
        assert "\n" not in problem.message
        assert not problem.message.endswith(".")
        assert problem.help or "facts" in settings or settings.get("standard")


def test_every_code_of_the_language_has_an_example_file() -> None:
    """Every `feel.*` code is shown by one of the files, so that none is declared without somebody having read it."""
    shown = {code for file in FILES for code in re.findall(r"\bfeel\.[a-z_]+(?=: )", sections(file)[2])}
    assert {code for code in CODES if code.startswith("feel.")} == shown


def test_every_code_of_rule_files_tables_and_models_has_a_test() -> None:
    """Every `rules.*`, `table.*` and `dmn.*` code stands in a case file, by its contents or name, or in a test."""
    tests = CASES.parents[1]
    files = [path for path in tests.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    text = "\n".join([*(path.name for path in files), *(path.read_text("utf-8", "replace") for path in files)])
    areas = ("rules.", "table.", "dmn.")
    assert [] == [code for code in CODES if code.startswith(areas) and not re.search(rf"\b{code}\b", text)]
