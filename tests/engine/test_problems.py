"""Problems have declared codes, sort by place and render for people and programs."""

from __future__ import annotations

import pytest

from engine.problem_codes import CODES
from engine.problems import InvalidError, Place, Problem, Report


def test_undeclared_codes_are_refused():
    """A code that is not in the list cannot be used."""
    with pytest.raises(LookupError):
        Problem("nobody.declared_this", "x")


def test_codes_have_a_form_and_a_sentence():
    """Every code is `area.situation` and is documented by a sentence."""
    wrong = [
        code for code, text in CODES.items() if code.count(".") != 1 or not text.endswith(".") or code != code.lower()
    ]
    assert wrong == []


def test_all_problems_sorted_by_place_once_each():
    """A report raises all problems together, sorted by place, each once."""
    report = Report()
    late = Problem("json.malformed", "late", Place("f", 9, 1))
    early = Problem("json.malformed", "early", Place("f", 2, 5))
    report.extend([late, early, late])
    with pytest.raises(InvalidError) as caught:
        report.raise_if_any()
    assert caught.value.problems == (early, late)
    assert str(caught.value) == "early\nlate"


def test_rendering_points_at_the_text():
    """The terminal form shows file, line, column, code, the line with a caret, and the help."""
    problem = Problem("json.malformed", "no value here", Place("", 2, 4, 3), help="write one")
    problem = problem.in_text("a.json", "{\n ab xyz")
    assert problem.render() == (
        "a.json:2:4: json.malformed: no value here\n    2 |  ab xyz\n           ^^^\n      = help: write one"
    )
    assert problem.to_json() == {
        "code": "json.malformed", "message": "no value here", "source": "a.json", "line": 2, "column": 4, "length": 3,
        "excerpt": " ab xyz", "help": "write one",
    }  # fmt: skip
