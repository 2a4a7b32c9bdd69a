"""Differences of two numbers that stand where a range is looked for."""

from __future__ import annotations

import pytest

from engine.feel import Field, Scope, check, check_unary_tests, types
from engine.feel.slips import meant_ranges

SCOPE = Scope({"a": Field(types.NUMBER), "b": Field(types.NUMBER), "s": Field(types.STRING)})


def told(expression: object) -> list[str]:
    """What is told of an expression."""
    return [f"`{meant.text}` {meant.said}; {meant.help}" for meant in meant_ranges(expression)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("[1-5]", ["`[1-5]` is a list with the one number -4, no range; a range is written `[1..5]`"]),
        ("1-5", ["`1-5` is the number -4, no range; a range is written `[1..5]`"]),
        (
            "[ 0.5 - 1.5 ]",
            ["`[ 0.5 - 1.5 ]` is a list with the one number -1.0, no range; a range is written `[0.5..1.5]`"],
        ),
        ("[-5-5]", ["`[-5-5]` is a list with the one number -10, no range; a range is written `[-5..5]`"]),
        (
            "1-5, 10-20",
            [
                "`1-5` is the number -4, no range; a range is written `[1..5]`",
                "`10-20` is the number -10, no range; a range is written `[10..20]`",
            ],
        ),
        ("not([1-5])", ["`[1-5]` is a list with the one number -4, no range; a range is written `[1..5]`"]),
        ("[1..5]", []),
        ("[5-1]", []),
        ("-5", []),
        ("[a-5]", []),
        (">= 1-5", []),
        ("? > 1-5", []),
    ],
)
def test_a_cell_that_looks_like_a_range_is_told(cell: str, said: list[str]) -> None:
    """A test that is the difference of a smaller and a larger number is told, and no other arithmetic is."""
    assert said == told(check_unary_tests(cell, types.NUMBER, SCOPE))


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("a in [1-5]", 1),
        ("a in (1-5)", 1),
        ("a in (1-5, 7)", 1),
        ("if a in [1-5] and b in [2-3] then 1 else 2", 2),
        ("a = 1-5", 0),
        ("a > 1 - 5", 0),
        ("sum([1-5]) + a", 0),
        ("a in [5-1]", 0),
        ('s in ["1-5"]', 0),
    ],
)
def test_tests_anywhere_in_an_expression_are_told(text: str, number: int) -> None:
    """Only what stands behind `in` is told: elsewhere a difference is what it says."""
    assert number == len(told(check(text, SCOPE)))
