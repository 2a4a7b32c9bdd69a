"""Why not: for every rule that did not fire the first condition that was not true, with the values it saw."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import exact_json
from engine.decision import Decision, Explanation, WhyNot
from engine.kinds import load
from engine.rulefile import RuleSet, SchemaSource

ROOT = Path(__file__).parents[2]
AT = dt.datetime(2026, 11, 2, 9, tzinfo=dt.UTC)
FOLDER = ROOT / "schemas"
SCHEMAS = SchemaSource({path.relative_to(FOLDER).as_posix(): path.read_bytes() for path in FOLDER.rglob("*.json")})
FILES = sorted((ROOT / "rules").rglob("*.yaml"))


def shipped(path: Path) -> RuleSet:
    beside = {file.name: file.read_bytes() for file in path.parent.glob("*.csv")}
    return load(path.read_bytes(), source=str(path), schemas=SCHEMAS, beside=beside)


def of_the_tests(rules: RuleSet) -> list[Decision]:
    """The decisions about the facts of a file's own tests."""
    right = [case for case in rules.tests if case.expect_error is None]
    return [rules.decide(case.given, at=case.at, as_of=case.as_of) for case in right]


def decided(body: str, facts: Mapping[str, Any], schema: str = "lead/2", kind: str = "decision") -> Decision:
    head = f"kind: {kind}\nname: tried\nversion: 1\ntitle: Tried\neffective: {{from: 2026-01-01}}\nfacts: {schema}\n"
    return load((head + body).encode(), source="tried", schemas=SCHEMAS).decide(facts, at=AT)


def told(decision: Decision) -> list[tuple[str, str, dict[str, Any]]]:
    return [(why.rule, why.condition, dict(why.seen)) for why in decision.why_not]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_rule_is_accounted_for(path: Path) -> None:
    """Of decisions and leads every rule stands among the reasons or the why-nots, each why-not with what it saw."""
    rules = shipped(path)
    for decision in of_the_tests(rules):
        for why in decision.why_not:
            assert why.condition
            assert why.seen or "goes before it" in why.condition or rules.kind == "sync-conflict"
        state = decision.outcome.get("state")
        if rules.kind in {"decision", "lead-priority"} and state not in {"excluded", "not_scored"}:
            named = {reason.rule for reason in decision.reasons} | {why.rule for why in decision.why_not}
            assert set() == set(rules.body.rule_ids) - named


def test_where_a_default_holds_every_row_says_why_it_does_not_match() -> None:
    """When no row matched, each row has its first cell that was not true and the column's value."""
    table = (
        "hit_policy: FIRST\ncolumns:\n  inputs: [{id: employees}, {id: country}]\n  outputs: [{id: out}]\n"
        "default: {out: '\"none\"'}\nrows:\n"
        "  - {id: big, when: {employees: '>= 500'}, then: {out: '\"big\"'}, because: it is so}\n"
        "  - {id: here, when: {employees: '< 500', country: '\"DE\"'}, then: {out: '\"here\"'}, because: it is so}\n"
    )
    decision = decided(table, {"employees": 5, "country": "FR"})
    assert ["default"] == [reason.rule for reason in decision.reasons]
    assert [
        ("big", "employees: >= 500", {"employees": Decimal(5)}),
        ("here", 'country: "DE"', {"country": "FR"}),
    ] == told(decision)


def test_an_expression_says_which_conditions_failed() -> None:
    """Of each `if` that was not taken, and of a condition that is false, the first part that failed is told."""
    text = 'expression: |-\n  if employees > 100 and consent then "a" else if country = "DE" then "b" else "c"\n'
    decision = decided(text, {"employees": 200, "consent": False, "country": "FR"})
    assert [("result", "consent", {"consent": False}), ("result", 'country = "DE"', {"country": "FR"})] == told(
        decision
    )
    assert [("result", "employees > 3", {"employees": Decimal(2)})] == told(
        decided("expression: consent and employees > 3\n", {"consent": True, "employees": 2})
    )
    assert [] == told(decided("expression: employees > 3\n", {"employees": 4}))


def test_a_gate_behind_another_says_so() -> None:
    """A gate that is true but stands behind the one that decides is told with that one."""
    body = (
        "groups: [{id: all, rules: [{id: r, when: employees > 3, points: 5, because: it is so}]}]\n"
        "gates:\n  - {id: first, when: consent, then: {band: A}, because: it is so}\n"
        "  - {id: second, when: employees > 1, then: exclude, because: it is so}\n"
        "bands: [{from: 0, label: B}, {from: 10, label: A}]\n"
    )
    decision = decided(body, {"employees": 4, "consent": True}, kind="lead-priority")
    assert [("second", "is true too, but `first` goes before it", {})] == told(decision)


def test_a_crediting_rule_says_what_it_saw() -> None:
    """A rule that keeps deals out of a payee's credits shows the first deal's failing condition and their number."""
    rules = shipped(ROOT / "rules" / "incentive-plan" / "sales-commission@1.yaml")
    seen = {}
    for decision in of_the_tests(rules):
        excluded = [exclusion["rule"] for exclusion in decision.outcome["exclusions"]]
        seen |= {why.rule: (why, excluded.count(why.rule)) for why in decision.why_not if why.rule in excluded}
    assert seen
    for why, count in seen.values():
        assert count == why.seen["kept_out"]
        assert set(why.seen) - {"credit", "kept_out"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_decision_is_written_as_its_document(path: Path) -> None:
    """The bytes that are put together from what is written already are those of the whole document."""
    for decision in of_the_tests(shipped(path)):
        for explain in (True, False):
            assert exact_json.canonical(decision.to_json(explain=explain)) == decision.canonical(explain=explain)


INBOUND = shipped(ROOT / "rules" / "lead-priority" / "inbound@3.yaml")
TEXTS = st.sampled_from(['"', "\\", "\u2028", "\ue000", "\U0001f600", "gmail.com"]) | st.text(max_size=5)
EVENTS = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["demo request", "trial started", "unsubscribed"]),
        "at": st.timedeltas(dt.timedelta(days=-7), dt.timedelta(days=60)).map(lambda ago: AT - ago),
    }
)
LEADS = st.fixed_dictionaries(
    {},
    optional={
        "employees": st.integers(0, 10**20),
        "industry": st.sampled_from(["retail", "energy"]),
        "annual_revenue": st.decimals(0, 10**9, places=2),
        "seniority": st.sampled_from(["executive", "manager"]),
        "email_domain": TEXTS,
        "competitor": st.booleans(),
        "consent": st.booleans(),
        "last_contacted_on": st.dates(dt.date(2026, 10, 25), dt.date(2026, 11, 3)),
        "events": st.lists(EVENTS, max_size=3),
    },
)


@given(LEADS)
def test_any_lead_is_written_as_its_document(lead: dict[str, Any]) -> None:
    """Whatever a lead's facts are, a decision's bytes are those of its document, and both sides of it say the same."""
    decision = INBOUND.decide(lead, at=AT)
    document = decision.to_json()
    assert exact_json.canonical(document) == decision.canonical()
    assert document["why_not"] == [unmet.why_not(values).to_json() for unmet, values in decision.explanation.failed]
    assert exact_json.canonical(decision.to_json(explain=False)) == decision.canonical(explain=False)


@given(
    st.lists(TEXTS, min_size=2, max_size=4, unique=True), st.lists(TEXTS | st.none() | st.decimals(-9, 9), min_size=4)
)
def test_what_was_seen_is_written_in_the_order_of_names(names: list[str], values: list[Any]) -> None:
    """A why-not of several facts is the document's, whatever order its condition reads them in."""
    explanation = Explanation.of([], [WhyNot("r", "Because", "a > b", dict(zip(names, values, strict=False)))])
    (why_not,) = explanation.why_not
    whole = exact_json.document(explanation.fragments()[1], lambda: [why_not.to_json()])
    assert exact_json.canonical([why_not.to_json()]) == whole
