"""The scores that leads can have: limits, records that reach them, thresholds out of reach, points that never count."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import product
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from engine import exact_json
from engine.kinds import load
from engine.problems import Problem
from engine.rulefile import RuleSet, SchemaSource

ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = SchemaSource(
    {p.relative_to(ROOT / "schemas").as_posix(): p.read_bytes() for p in (ROOT / "schemas").rglob("*.schema.json")}
)
AT = datetime(2026, 11, 2, 9, tzinfo=UTC)
HEAD = """\
# yaml-language-server: $schema=../../schemas/rules/lead-priority.schema.json
kind: lead-priority
name: sample
version: 1
title: A sample
effective: {from: 2026-01-01}
facts: lead/2
"""


def lead_rules(groups: str, bands: str = "[{from: 0, label: C}, {from: 30, label: B}]", rest: str = "") -> RuleSet:
    """A rule set with these groups."""
    return load(f"{HEAD}groups:\n{groups}bands: {bands}\n{rest}".encode(), source="sample.yaml", schemas=SCHEMAS)


def group(name: str, rules: Sequence[tuple[str, int]], cap: int | None = None, *, events: bool = False) -> str:
    """A group as it is written; its rules are `name-0` and so on."""
    lines = [
        f"  - id: {name}",
        *([f"    cap: {cap}"] if cap is not None else []),
        f"    {'events' if events else 'rules'}:",
    ]
    lines += [
        f"      - {{id: {name}-{at}, when: '{when}', points: {points}, because: A reason}}"
        for at, (when, points) in enumerate(rules)
    ]
    return "\n".join(lines) + "\n"


def told(rules: RuleSet, code: str) -> list[Problem]:
    """The findings with a code."""
    return [problem for problem in (*rules.warnings, *rules.hints) if problem.code == code]


def outcome(rules: RuleSet, problem: Problem) -> Mapping[str, Any]:
    """What the record of a finding scores, at the instant of the version's first day."""
    at = datetime(2026, 1, 1, 12, tzinfo=UTC)
    return rules.decide(exact_json.parse(problem.given), at=at, as_of=at).outcome


def test_rules_that_exclude_each_other_are_not_counted_together() -> None:
    """No company is both large and small, so the most is that of one of the rules."""
    rules = lead_rules(group("fit", [("employees >= 500", 40), ("employees < 50", 25), ("consent", 3)]))
    highest, lowest = told(rules, "rules.score_range")
    assert "the highest score is 43: `fit` from 0 to 43" == highest.message
    assert Decimal(43) == outcome(rules, highest)["score"]
    assert "the lowest score is 0" == lowest.message


def test_a_lead_that_a_gate_excludes_has_no_score() -> None:
    """The most is that of leads that are scored."""
    gates = "gates: [{id: rival, when: employees > 100, then: exclude, because: A rival}]\n"
    rules = lead_rules(group("fit", [("employees > 200", 40), ("employees > 50", 10)]), rest=gates)
    highest, _ = told(rules, "rules.score_range")
    assert ("the highest score is 10: `fit` from 0 to 10", 10) == (highest.message, outcome(rules, highest)["score"])


def test_events_reach_a_cap_and_have_no_limit_without_one() -> None:
    """Events may repeat: a capped group reaches its cap, one without a cap has no most."""
    event = [('event.type = "demo request"', 30), ('event.type = "unsubscribed"', -20)]
    capped = lead_rules(group("interest", event, 70, events=True))
    (highest,) = told(capped, "rules.score_range")
    assert ("the highest score is 70: `interest` at most 70", 70) == (
        highest.message,
        outcome(capped, highest)["score"],
    )
    (free,) = told(lead_rules(group("interest", event, events=True)), "rules.score_range")
    assert "the score has no upper limit, since events may repeat: `interest` without limits" == free.message


def test_a_band_above_and_one_below_all_scores_are_out_of_reach() -> None:
    """A band that no score lies in is a warning, with the record that comes nearest."""
    rules = lead_rules(
        group("fit", [("true", 20), ("employees >= 500", 10), ("employees < 500", 5)]),
        "[{from: 0, label: D}, {from: 10, label: C}, {from: 30, label: B}, {from: 31, label: A}]",
    )
    below, above = told(rules, "rules.out_of_reach")
    assert "no lead is ever in `D`: it ends below 10, and every lead has at least 25 points" == below.message
    assert 25 == outcome(rules, below)["score"]
    assert "no lead can reach `A`: it starts at 31, and there are at most 30 points" == above.message
    assert 30 == outcome(rules, above)["score"]


def test_a_band_that_a_gate_gives_is_within_reach() -> None:
    """What is not reached by points may be reached by a gate."""
    gates = "gates: [{id: hot, when: competitor, then: {band: B}, because: Hot}]\n"
    assert [] == told(lead_rules(group("fit", [("consent", 20)]), rest=gates), "rules.out_of_reach")


def test_points_that_the_cap_always_takes_are_told() -> None:
    """A rule whose group has reached its cap whenever it is true could as well not be there."""
    rules = lead_rules(group("fit", [("employees >= 100", 50), ("employees >= 500", 10), ("consent", 5)], 50))
    (problem,) = told(rules, "rules.idle_points")
    assert problem.message.startswith("the 10 points of `fit-1` never count: whenever it is true, `fit` has reached")
    assert 50 == outcome(rules, problem)["groups"]["fit"]


def test_what_cannot_be_seen_through_widens_the_limits_and_says_so() -> None:
    """A rule on today's date may be true or not: the most is told as an upper limit if the record does not reach it."""
    rules = lead_rules(group("fit", [('last_contacted_on > today() + duration("P1D")', 30), ("consent", 5)]))
    highest, _ = told(rules, "rules.score_range")
    assert highest.message == "the highest score is at most 35: `fit` from 0 to 35; the record given reaches 5"
    assert 5 == outcome(rules, highest)["score"]


def test_a_condition_that_cannot_be_computed_for_the_record_does_not_keep_a_file_from_loading() -> None:
    """Dividing by the number of employees fails for a company without any; no record is shown then."""
    rules = lead_rules(
        group("fit", [("annual_revenue / employees > 5", 10), ("employees < 5", 3), ("annual_revenue < 5", 3)])
    )
    highest, *_ = told(rules, "rules.score_range")
    assert highest.message.startswith("the highest score is at most 16: `fit` from 0 to 16")


VALUES: Mapping[str, Sequence[Any]] = {
    "employees": [None, *range(5)],
    "consent": [None, True, False],
    "seniority": [None, "other", "manager", "director"],
}
conditions = st.sampled_from(
    [
        "employees < 2",
        "employees >= 2",
        "employees in [1..3]",
        "employees = null",
        "consent",
        "not(consent)",
        'seniority = "other"',
        'seniority != "manager"',
        "employees > 2 and consent",
        'employees < 3 or seniority = "other"',
        "true",
    ]
)
rule_lists = st.lists(st.tuples(conditions, st.integers(-20, 30).filter(bool)), min_size=1, max_size=4)
group_lists = st.lists(st.tuples(rule_lists, st.none() | st.integers(5, 40)), min_size=1, max_size=3)


@settings(max_examples=150, deadline=None)
@given(group_lists, st.none() | conditions.filter(lambda when: when != "true"), st.none() | st.integers(5, 60))
def test_limits_are_those_of_every_lead(
    groups: list[tuple[list[tuple[str, int]], int | None]], gate: str | None, cap: int | None
) -> None:
    """Scoring every lead of a small domain finds the same most and least, of all and of each group."""
    text = "".join(group(f"g{at}", rules, limit) for at, (rules, limit) in enumerate(groups))
    rest = f"gates: [{{id: out, when: '{gate}', then: exclude, because: Out}}]\n" if gate is not None else ""
    rest += f"cap: {cap}\n" if cap is not None else ""
    bands = "[{from: 0, label: low}, {from: 20, label: middle}, {from: 45, label: high}]"
    rules = lead_rules(text, bands, rest)
    outcomes = []
    fired: dict[str, set[bool]] = {}
    for values in product(*VALUES.values()):
        lead = {name: value for name, value in zip(VALUES, values, strict=True) if value is not None}
        decision = rules.decide(lead, at=AT, as_of=AT)
        if decision.outcome["state"] != "scored":
            continue
        outcomes.append(decision.outcome)
        for reason in decision.reasons:
            held = [r for r in decision.reasons if (r.detail or {}).get("group") == (reason.detail or {}).get("group")]
            others = sum((r.contribution for r in held if r is not reason and (r.contribution or 0) > 0), Decimal(0))
            limit = groups[int(reason.rule[1])][1] if reason.rule.startswith("g") else None
            fired.setdefault(reason.rule, set()).add(limit is not None and others >= limit)
    if not outcomes:
        return
    highest, lowest = told(rules, "rules.score_range")[:2]
    most = max(each["score"] for each in outcomes)
    assert re.match(r"the highest score is (\S+):", highest.message), highest.message
    assert f"the highest score is {most}:" in highest.message
    assert most == outcome(rules, highest)["score"]
    least = min(each["raw"] for each in outcomes)
    assert (
        f"({least} before the floor at 0)" if least < 0 else f"the lowest score is {least}"
    ) in lowest.message or cap
    for at in range(len(groups)):
        points = [each["groups"][f"g{at}"] for each in outcomes]
        stated = re.search(rf"`g{at}` from (\S+?) to (\S+?)(?:,|$)", highest.message)
        assert stated is not None
        assert (min(points), max(points)) == (Decimal(stated[1]), Decimal(stated[2]))
    bands_met = {each["band"] for each in outcomes}
    out_of_reach = {re.findall("`([^`]*)`", problem.message)[0] for problem in told(rules, "rules.out_of_reach")}
    assert not out_of_reach & bands_met
    idle = {re.findall("`([^`]*)`", problem.message)[0] for problem in told(rules, "rules.idle_points")}
    for rule in idle:
        assert {True} == fired[rule]
