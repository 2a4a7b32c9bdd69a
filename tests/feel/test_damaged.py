"""Valid expressions, damaged: every prefix and suffix, and every text with one character left out or written twice."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from feel_files import lines_of

from engine.feel import Scope, check, check_unary_tests, types
from engine.feel.standard import compile_expression
from engine.problems import InvalidError

EXPRESSIONS = tuple(text for text, _ in lines_of("constructs"))
CELLS = ("-", ">= 5", "[1..5)", "not(< 3, > 7)", "1, 2, [10..20]", "? > 3 and ? < 9", "]1..3[", "null")


def damaged(text: str) -> Iterator[str]:
    """The damaged forms of a text, each once."""
    found = {text[:at] for at in range(len(text))} | {text[at:] for at in range(1, len(text))}
    found |= {text[:at] + text[at + 1 :] for at in range(len(text))}
    found |= {text[:at] + text[at] + text[at:] for at in range(len(text))}
    return iter(sorted(found))


def assert_placed(error: InvalidError, text: str) -> None:
    """Each problem has a code of ours and points into the text, or just behind it."""
    assert error.problems
    for problem in error.problems:
        assert problem.code.startswith("feel.")
        assert 1 <= problem.place.line <= 1 + text.count("\n")
        assert 1 <= problem.place.column <= len(text) + 1


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_a_damaged_expression_is_read_or_told(text: str) -> None:
    """A damaged expression is still one, or its problems say where it is wrong; in both modes."""
    for broken in damaged(text):
        try:
            check(broken, Scope())
        except InvalidError as error:
            assert_placed(error, broken)
        try:
            compile_expression(broken)
        except InvalidError as error:
            assert_placed(error, broken)


@pytest.mark.parametrize("text", CELLS)
def test_a_damaged_cell_is_read_or_told(text: str) -> None:
    """A damaged cell is still one, or its problems say where it is wrong."""
    for broken in damaged(text):
        try:
            check_unary_tests(broken, types.NUMBER, Scope())
        except InvalidError as error:
            assert_placed(error, broken)
