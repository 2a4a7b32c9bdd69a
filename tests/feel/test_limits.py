"""Evaluation in rule files is bounded: each limit of `engine.feel.limits` ends it with a located problem, in time."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from engine.feel import Field, Scope, check, literal, types
from engine.feel.limits import MAX_CALLS, MAX_LIST_ITEMS, MAX_TEXT_CHARACTERS
from engine.problems import InvalidError

SCOPE = Scope(
    {"n": Field(types.NUMBER), "xs": Field(types.ListType(types.NUMBER)), "long_text": Field(types.STRING)},
)
FACTS: dict[str, Any] = {
    "n": Decimal(1),
    "xs": [Decimal(i) for i in range(MAX_LIST_ITEMS)],
    "long_text": "x" * (MAX_TEXT_CHARACTERS - 1),
}
SHARED = ", ".join(f"a{i + 1}: [{', '.join([f'a{i}'] * 8)}]" for i in range(12))
"""Lists that share their parts, so that the last is small and has eight to the power of twelve of them."""


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("n + 2 ** (99999999 * n)", "feel.number_range"),
        ("exp(n * 99999)", "feel.number_range"),
        ("modulo(n * 1e6000, 7e-6000)", "feel.number_range"),
        ("for i in 1..1000000000 * n return i", "feel.step_limit"),
        ("for i in [1..1000000000 * n] return i", "feel.step_limit"),
        ('for d in @"0001-01-01"..@"9999-12-31" return d.year + n', "feel.step_limit"),
        ("some i in 1..2000, j in 1..1000000 satisfies i < n", "feel.step_limit"),
        ("some i in 1..1000000 satisfies list contains(xs, -i)", "feel.step_limit"),
        ('some i in 1..1000000 satisfies contains(long_text, "y")', "feel.step_limit"),
        ("sort(xs, function(a, b) a > b)", "feel.step_limit"),
        ("{f: function(x) f(x + 1), r: f(n)}.r", "feel.call_depth"),
        ("{f: function(g) g(g), r: f(f)}.r", "feel.call_depth"),
        ("{f: function(x) if x = 0 then 0 else f(x - 1) + f(x - 1), r: f(n + 40)}.r", "feel.step_limit"),
        ("append(xs, n)", "feel.size_limit"),
        ("concatenate(xs, [n])", "feel.size_limit"),
        ("flatten(for i in 1..1000 return xs)", "feel.size_limit"),
        ("for i in 1..400, j in 1..400 return n", "feel.size_limit"),
        ("insert before(xs, 1, n)", "feel.size_limit"),
        ('long_text + "xy"', "feel.size_limit"),
        ("string(xs)", "feel.size_limit"),
        ("string join(for x in 1..100000 return long_text)", "feel.size_limit"),
        ('string join(split(long_text, ""), long_text)', "feel.size_limit"),
        ('replace(long_text, "x", long_text)', "feel.size_limit"),
        (f"{{a0: [long_text], {SHARED}, r: string(a12)}}.r", "feel.size_limit"),
        (f"{{a0: [n], {SHARED}, r: flatten(a12)}}.r", "feel.size_limit"),
        (f"{{a0: [n], {SHARED}, r: a12 = [{', '.join(['a11'] * 8)}]}}.r", "feel.size_limit"),
        ("matches(long_text, substring(long_text, 1, 1001))", "feel.bad_pattern"),
    ],
    ids=lambda given: given[:60],
)
def test_a_limit_ends_the_evaluation_with_a_problem(text: str, code: str) -> None:
    """What would take too many steps, calls, digits, items or characters is a problem at a place, and no hang."""
    with pytest.raises(InvalidError) as caught:
        check(text, SCOPE).evaluate(FACTS)
    assert code == caught.value.problems[0].code
    assert caught.value.problems[0].place.column


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (f"{{f: function(x) if x <= 1 then 1 else 1 + f(x - 1), r: f(n + {MAX_CALLS - 1})}}.r", f"{MAX_CALLS}"),
        ("count(append(sublist(xs, 2), n))", f"{MAX_LIST_ITEMS}"),
        ('string length(long_text + "y")', f"{MAX_TEXT_CHARACTERS}"),
    ],
    ids=lambda given: given[:60],
)
def test_what_just_keeps_a_limit_is_computed(text: str, wanted: str) -> None:
    """The limits are inclusive, and both executors reach them."""
    expression = check(text, SCOPE)
    assert wanted == literal(expression.evaluate(FACTS))
    assert wanted == literal(expression.interpret(FACTS))
