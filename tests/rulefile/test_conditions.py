"""Conditions that can never or always be true: what is told about them, and that enumeration agrees."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from itertools import product
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine import exact_json
from engine.feel import check, types
from engine.problems import Problem
from engine.rulefile import RuleSet

Load = Callable[..., RuleSet]


def lead_file(when: str, *, events: bool = False) -> str:
    """A file with one rule."""
    part = "events" if events else "rules"
    return f"""
        kind: lead-priority
        name: sample
        version: 1
        title: A sample
        effective: {{from: 2026-01-01}}
        facts: lead/2
        groups:
          - id: fit
            {part}:
              - {{id: one, when: '{when}', points: 5, because: A reason}}
        bands: [{{from: 0, label: C}}]
        """


def told(rules: RuleSet) -> list[Problem]:
    """What is said about conditions."""
    found = [*rules.warnings, *rules.hints]
    return [problem for problem in found if problem.code in {"rules.never_true", "rules.always_true"}]


@pytest.mark.parametrize(
    ("when", "code", "said", "given"),
    [
        (
            "employees < 10 and employees > 20",
            "rules.never_true",
            "`employees < 10` and `employees > 20`",
            {"employees": 9},
        ),
        ("employees < 0", "rules.never_true", "`employees < 0` can never be true", {"employees": 0}),
        (
            'annual_revenue > 5 and (annual_revenue < 3 or industry = "retail") and industry = "energy"',
            "rules.never_true",
            "`annual_revenue > 5` and",
            {"annual_revenue": 6},
        ),
        ("employees > 10 and employees < 11", "rules.never_true", "never true together", {"employees": 11}),
        (
            'consent and (seniority = "manager" or employees < 0)',
            "rules.never_true",
            "`employees < 0` can never",
            {"employees": 0},
        ),
        ("consent = null or consent or not(consent)", "rules.always_true", "whatever the facts are", {"consent": True}),
        (
            "competitor and (employees = null or employees >= 0)",
            "rules.always_true",
            "`(employees = null or employees >= 0)` is true whatever",
            {"employees": 0},
        ),
    ],
)
def test_a_condition_that_says_nothing_is_told_with_facts(
    load_text: Load, when: str, code: str, said: str, given: dict[str, Any]
) -> None:
    """A contradiction is a warning and a needless part a hint, with facts that show it and the parts it is about."""
    (problem,) = told(load_text(lead_file(when)))
    assert code == problem.code
    assert said in problem.message
    assert given == exact_json.parse(problem.given)
    assert problem.place.line == 10


@pytest.mark.parametrize(
    "when",
    [
        "true",
        "employees >= 0",
        "employees > 10 and employees < 12",
        "last_contacted_on > today()",
        'employees in [10..20) and industry in ("retail", "energy")',
        'starts with(email_domain, "a") or not(starts with(email_domain, "a"))',
    ],
)
def test_a_condition_that_says_something_is_left_alone(load_text: Load, when: str) -> None:
    """What some facts make true and others not is as it should be; so is a `true` that somebody wrote."""
    assert [] == told(load_text(lead_file(when)))


def test_a_condition_on_an_event_is_shown_by_an_event(load_text: Load) -> None:
    """The facts that show it can stand as a test's `given`: the event is in its list."""
    (problem,) = told(load_text(lead_file('event.type = "demo request" and event.type = "unsubscribed"', events=True)))
    assert {"events": [{"type": "demo request", "at": "2026-01-01T00:00:00Z"}]} == exact_json.parse(problem.given)


atoms = st.sampled_from(
    [
        "employees < 1",
        "employees > 1",
        "employees >= 2",
        "employees = 0",
        "employees != null",
        "consent",
        "not(consent)",
        "consent = null",
        'seniority = "other"',
        'seniority in ("other", "manager")',
        'industry != "retail"',
    ]
)
conditions = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: "(" + " and ".join(parts) + ")"),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: "(" + " or ".join(parts) + ")"),
    ),
    max_leaves=6,
)
VALUES = {
    "employees": [None, *(Decimal(number) for number in range(4))],
    "consent": [None, True, False],
    "seniority": [None, "other", "manager", "director"],
    "industry": [None, "retail", "energy"],
}


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(conditions)
def test_what_is_never_or_always_true_is_what_enumeration_says(load_text: Load, when: str) -> None:
    """A condition over a few facts is told to be never (always) true exactly if no (every) record makes it true."""
    rules = load_text(lead_file(when))
    records = [dict(zip(VALUES, values, strict=True)) for values in product(*VALUES.values())]

    def truths(text: str) -> list[bool]:
        expression = check(text, rules.facts.scope, expect=types.BOOLEAN)
        return [expression.interpret(record) is True for record in records]

    whole, found = truths(when), told(rules)
    if not any(whole):
        assert "rules.never_true" in {problem.code for problem in found}
    if all(whole):
        assert "rules.always_true" in {problem.code for problem in found}
    for problem in found:
        rules.facts.read(exact_json.parse(problem.given))
        parts = [truths(text) for text in re.findall("`([^`]*)`", problem.message)]
        together = [all(each) for each in zip(*parts, strict=True)]
        assert all(together) if problem.code == "rules.always_true" else not any(together)


def test_a_test_that_looks_like_a_range_is_told_at_its_place(load_text: Load) -> None:
    """`employees in [1-5]` loads with a warning at the brackets, and with facts that were surely meant to match."""
    rules = load_text(lead_file("consent and employees in [1-5]"))
    (found,) = [problem for problem in rules.warnings if problem.code == "rules.no_range"]
    assert found.message == "`[1-5]` is a list with the one number -4, no range"
    assert found.help == "a range is written `[1..5]`"
    assert exact_json.parse(found.given) == {"employees": 1}
    assert found.excerpt[found.place.column - 1 :].startswith("[1-5]")
    assert [
        each for each in load_text(lead_file("employees in [1..5]")).warnings if each.code == "rules.no_range"
    ] == []
