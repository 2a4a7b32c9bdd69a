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


def test_a_path_stands_apart_from_its_source():
    """Where there is no line, the source and the path within it are two words."""
    assert "lead.json $.employees" == str(Place("lead.json", path="$.employees"))
    assert "$.employees" == str(Place(path="$.employees"))
    assert "lead.json" == str(Place("lead.json"))


def test_rendering_lets_no_input_command_the_terminal():
    """Control characters of a quoted file are shown and not obeyed, and the caret stays under its place."""
    problem = Problem("json.malformed", "found `\x1b[31m`", Place("a\n", 1, 3), "\x07", "\ta\x1b[2J")
    assert (
        "a\\u000a:1:3: json.malformed: found `\\u001b[31m`\n    1 |  a\ufffd[2J\n          ^\n      = help: \\u0007"
    ) == problem.render()


def test_the_caret_stays_within_the_excerpt():
    """Marks end with the line, and a place behind the part that is kept has no mark."""
    long = Problem("json.malformed", "long", Place("a", 1, 3, 50), "", "abc")
    assert "a:1:3: json.malformed: long\n    1 | abc\n          ^" == long.render()
    far = Problem("json.malformed", "far", Place("a", 1, 500)).in_text("a", "x" * 600)
    assert f"a:1:500: json.malformed: far\n    1 | {'x' * 200}" == far.render()


def test_an_excerpt_is_the_line_that_editors_count():
    """Only CR, LF and CRLF end a line: a form feed or a Unicode separator does not."""
    found = [Problem("json.malformed", "", Place("", 2, 1)).in_text("", f"a{end}\x0cb\u2028c").excerpt
             for end in ("\n", "\r", "\r\n")]  # fmt: skip
    assert ["\x0cb\u2028c"] * 3 == found
