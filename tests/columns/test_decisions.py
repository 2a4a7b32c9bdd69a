"""Deciding about a population gives what deciding about each record gives: outcomes, problems, rules that fired."""

from __future__ import annotations

import datetime as dt
import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.columns import Decisions, Population, coded, decide_many, scaled
from engine.kinds import load
from engine.problems import BylawError, InvalidError
from engine.rulefile import RuleSet, SchemaSource

ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = SchemaSource(
    {p.relative_to(ROOT / "schemas").as_posix(): p.read_bytes() for p in (ROOT / "schemas").rglob("*.schema.json")}
)
SHIPPED = sorted((ROOT / "rules").rglob("*.yaml"))
AT = dt.datetime(2026, 11, 2, 9, tzinfo=dt.UTC)
EVENTS = ("demo request", "unsubscribed", "pricing page view", "e-mail opened")


def rule_set(path: Path) -> RuleSet:
    beside = {file.name: file.read_bytes() for file in path.parent.glob("*.csv")}
    return load(path.read_bytes(), source=path.name, schemas=SCHEMAS, beside=beside)


def loaded(text: str) -> RuleSet:
    return load(text.encode(), source="sample.yaml", schemas=SCHEMAS)


def assert_same(decisions: Decisions) -> None:
    """Every record's outcome, columns and problems are those of the record alone."""
    columns = decisions.outcome_columns()
    for row in range(len(decisions)):
        if row in decisions.errors:
            with pytest.raises(BylawError) as caught:
                decisions[row]
            assert caught.value.problems == decisions.errors[row].problems
            assert all(column.value(row) is None for column in columns.values())
            continue
        alone = decisions[row].outcome
        assert alone == decisions.outcome(row)
        assert list(alone) == list(decisions.outcome(row))
        groups = alone.get("groups", {})
        flat = {name: value for name, value in alone.items() if name != "groups"}
        flat |= {f"groups.{name}": value for name, value in groups.items()}
        assert flat == {name: columns[name].value(row) for name in flat}


def values_for(field: Any, chance: random.Random) -> Any:
    """A value as JSON gives it, sometimes absent, null, or of a wrong kind."""
    pick = chance.random()
    if pick < 0.02:
        return chance.choice([None, "?", Decimal(-5), True, 1.5, []])
    match field.form:
        case "integer":
            return Decimal(chance.choice([0, 1, 49, 50, 499, 500, 9999, 10000, chance.randrange(20_000)]))
        case "number":
            wide = [Decimal("1e20"), Decimal("0.00"), Decimal(1234567890123456789012345678901234)]
            near = Decimal(chance.randrange(10_000_000)) / 100
            return chance.choice(wide) if chance.random() < 0.05 else near
        case "boolean":
            return chance.random() < 0.5
        case "date":
            return (AT.date() - dt.timedelta(days=chance.randrange(200))).isoformat()
        case "array" if field.name == "events":
            hours = [chance.randrange(-30, 5000) for _ in range(chance.randrange(4))]
            return [{"type": chance.choice(EVENTS), "at": (AT - dt.timedelta(hours=h)).isoformat()} for h in hours]
    if field.enum:
        return chance.choice(field.enum)
    return chance.choice(["gmail.com", "US", "CA", "DE", "Working Professional", "Unemployed", "x", ""])


def population_for(rules: RuleSet, count: int, seed: int) -> Population:
    chance = random.Random(seed)
    records = []
    for _ in range(count):
        present = [f for f in rules.facts.fields if f.required or chance.random() < 0.7]
        if chance.random() < 0.05:
            present = []
        records.append({f.name: values_for(f, chance) for f in present})
    return Population.from_records(rules.facts, records)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_rules_decide_a_population_as_they_decide_each_record(path: Path) -> None:
    """Every shipped rule set decides generated records, unfit ones among them, as it decides each of them alone."""
    rules = rule_set(path)
    assert_same(decide_many(rules, population_for(rules, 150, 7), at=AT, as_of=AT))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_tests_hold_in_columns(path: Path) -> None:
    """The facts of a shipped rule set's own tests are decided alike."""
    rules = rule_set(path)
    assert_same(
        decide_many(rules, Population.from_records(rules.facts, [c.given for c in rules.tests]), at=AT, as_of=AT)
    )


HEAD = """\
kind: {kind}
name: sample
version: 1
title: A sample
effective: {{from: 2026-01-01}}
facts: lead/2
"""
CONDITIONS = st.sampled_from(
    [
        "employees >= 500",
        "employees in [50..500)",
        "annual_revenue > 1000000.005",
        "annual_revenue / employees > 100",
        'industry in ("retail", "software")',
        'email_domain = "gmail.com"',
        'email_domain = null and country = "US"',
        "consent",
        "not(consent)",
        'last_contacted_on >= today() - duration("P30D")',
        "company = null",
        'ends with(email_domain, ".com")',
        "if consent then employees > 10 else annual_revenue > 0",
    ]
)
EVENT_CONDITIONS = st.sampled_from(['event.type = "demo request"', 'event.type = "unsubscribed"', "employees > 100"])
POINTS = st.one_of(st.integers(-40, 60).map(str), st.decimals(-5, 20, places=6).map("{:f}".format))


@st.composite
def lead_priorities(draw: st.DrawFn) -> str:
    """A generated lead-priority file."""
    lines = [HEAD.format(kind="lead-priority") + "groups:"]
    number = 0
    for group in range(draw(st.integers(1, 3))):
        lines.append(f"  - id: g{group}")
        if draw(st.booleans()):
            lines.append(f"    cap: {draw(st.integers(1, 50))}")
        events = draw(st.lists(st.tuples(EVENT_CONDITIONS, POINTS), max_size=2))
        if events and draw(st.booleans()):
            lines.append("    decay: {half_life: P14D}")
        lines.append("    rules:")
        for when, points in draw(st.lists(st.tuples(CONDITIONS, POINTS), min_size=1, max_size=5)):
            number += 1
            lines.append(f"      - {{id: r{number}, when: '{when}', points: {points}, because: It counts}}")
        if events:
            lines.append("    events:")
        for when, points in events:
            number += 1
            lines.append(f"      - {{id: r{number}, when: '{when}', points: {points}, because: It counts}}")
    if draw(st.booleans()):
        lines.append("cap: 70")
    lines.append("gates:")
    lines.append(f"  - {{id: out, when: '{draw(CONDITIONS)}', then: exclude, because: Never}}")
    lines.append(f"  - {{id: top, when: '{draw(CONDITIONS)}', then: {{band: A}}, because: Always}}")
    lines.append("bands: [{from: 0, label: C}, {from: 12.5, label: B}, {from: 60, label: A}]")
    return "\n".join(lines) + "\n"


@settings(max_examples=60)
@given(lead_priorities(), st.integers(0, 10**6))
def test_generated_lead_priorities_decide_alike(text: str, seed: int) -> None:
    """Points, caps, decayed events, gates and bands of any file are those of each record alone."""
    rules = loaded(text)
    assert_same(decide_many(rules, population_for(rules, 30, seed), at=AT, as_of=AT))


CELLS = {
    "employees": st.sampled_from(["-", ">= 500", "[10..500)", "null", "< 50, > 9000"]),
    "industry": st.sampled_from(["-", '"retail"', '"software", "finance"', 'not("retail")']),
    "consent": st.sampled_from(["-", "true", "false"]),
    "growth": st.sampled_from(["-", "> 5", "<= 5"]),
}
OUTPUTS = st.sampled_from(["1", "2.50", "-3", "null"])
POLICIES = st.sampled_from(
    ["FIRST", "COLLECT", "RULE ORDER", "COLLECT SUM", "COLLECT MAX", "COLLECT COUNT", "ANY", "UNIQUE"]
)


@st.composite
def tables(draw: st.DrawFn) -> str:
    """A generated table; the column `growth` is computed, and some outputs may be."""
    policy = draw(POLICIES)
    lines = [HEAD.format(kind="decision") + f"hit_policy: {policy}", "columns:", "  inputs:"]
    lines += ["    - {id: employees}", "    - {id: industry}", "    - {id: consent}"]
    lines.append("    - {id: growth, expression: 'annual_revenue / employees'}")
    lines += ["  outputs:", "    - {id: given, type: number}"]
    if draw(st.booleans()) and policy in {"FIRST", "COLLECT", "UNIQUE"}:
        lines.append("default: {given: 0}" if draw(st.booleans()) else "default: {given: employees}")
    lines.append("rows:")
    for row in range(draw(st.integers(1, 6))):
        cells = ", ".join(f"{name}: '{draw(cell)}'" for name, cell in CELLS.items())
        output = "employees * 2" if draw(st.integers(0, 9)) == 0 else draw(OUTPUTS)
        lines.append(f"  - {{id: r{row}, when: {{{cells}}}, then: {{given: {output}}}, because: So}}")
    return "\n".join(lines) + "\n"


@settings(max_examples=100)
@given(tables(), st.integers(0, 10**6))
def test_generated_tables_decide_alike(text: str, seed: int) -> None:
    """Hits, outputs, defaults and contradictions of any table are those of each record alone."""
    try:
        rules = loaded(text)
    except InvalidError as refused:
        assert all(problem.code.partition(".")[0] in {"table", "feel", "rules"} for problem in refused.problems)
        return
    assert_same(decide_many(rules, population_for(rules, 40, seed), at=AT, as_of=AT))


def test_an_expression_decides_alike() -> None:
    """A decision that is one expression has its values in the column `result`."""
    rules = loaded(HEAD.format(kind="decision") + "expression: annual_revenue / 100 + employees\n")
    decisions = decide_many(rules, population_for(rules, 200, 3), at=AT, as_of=AT)
    assert_same(decisions)
    assert 0 < decisions.share_recomputed < 0.5


def test_columns_of_arrays_are_records() -> None:
    """Arrays with masks decide as the records they stand for, those that the schema refuses included."""
    rules = rule_set(ROOT / "rules" / "lead-priority" / "inbound@3.yaml")
    chance = np.random.default_rng(11)
    employees = chance.integers(-3, 3000, 300)
    revenue = chance.integers(-10, 10**12, 300)
    codes = chance.integers(-1, 3, 300)
    population = Population.from_columns(
        rules.facts,
        {
            "employees": employees,
            "annual_revenue": scaled(revenue, 2),
            "industry": coded(codes, ["retail", "software", "piracy"]),
            "consent": chance.random(300) < 0.5,
            "last_contacted_on": np.datetime64("2026-01-01") + chance.integers(0, 300, 300),
            "country": np.array(["US", "DE", "BR"])[chance.integers(0, 3, 300)],
        },
        nulls={"consent": chance.random(300) < 0.2, "employees": employees == 7},
    )
    decisions = decide_many(rules, population, at=AT, as_of=AT)
    assert_same(decisions)
    refused = (employees < 0) | (revenue < 0) | (codes == 2)
    assert sorted(decisions.errors) == np.flatnonzero(refused).tolist()
    assert {error.code for error in decisions.errors.values()} == {"facts.out_of_range", "facts.enum"}
    assert decisions.recomputed.tolist() == sorted(decisions.errors)


def test_one_population_is_encoded_once_for_many_rule_sets() -> None:
    """A second rule set reads the columns that the first one had encoded."""
    first, second = (rule_set(ROOT / "rules" / "lead-priority" / f"inbound@{n}.yaml") for n in (2, 3))
    population = population_for(second, 50, 5)
    decide_many(second, population, at=AT, as_of=AT)
    field = second.facts.fields[1]
    before = population.column((field.name,), field.type)
    if first.facts == second.facts:
        decide_many(first, population, at=AT, as_of=AT)
    assert population.column((field.name,), field.type) is before


def test_a_population_of_other_facts_is_refused() -> None:
    """Deciding about facts that the rule set does not read is told before anything is decided."""
    rules = rule_set(ROOT / "rules" / "decision" / "discount-approval@1.yaml")
    other = rule_set(ROOT / "rules" / "decision" / "territory-routing@1.yaml")
    with pytest.raises(InvalidError, match="holds facts of `account-location/1`"):
        decide_many(rules, Population.from_records(other.facts, []), at=AT, as_of=AT)


def test_instants_need_a_zone() -> None:
    """An instant without a zone is told as for one record."""
    rules = rule_set(ROOT / "rules" / "decision" / "territory-routing@1.yaml")
    with pytest.raises(InvalidError, match="no time zone"):
        decide_many(rules, Population.from_records(rules.facts, []), at=dt.datetime(2026, 1, 1), as_of=AT)  # noqa: DTZ001  # the mistake


@pytest.mark.parametrize(
    ("columns", "code"),
    [
        ({"employes": [1]}, "facts.unknown_field"),
        ({"annual_revenue": np.array([1.5])}, "facts.binary_float"),
    ],
)
def test_columns_that_are_no_facts_are_told(columns: dict[str, Any], code: str) -> None:
    """A misspelt column and one of binary floats are problems with their codes."""
    rules = rule_set(ROOT / "rules" / "lead-priority" / "inbound@3.yaml")
    with pytest.raises(InvalidError) as caught:
        Population.from_columns(rules.facts, columns)
    assert code == caught.value.code


def test_columns_of_different_lengths_are_told() -> None:
    """Columns of one population have one length."""
    rules = rule_set(ROOT / "rules" / "lead-priority" / "inbound@3.yaml")
    with pytest.raises(ValueError, match="different lengths: `employees` has 1, `country` has 2"):
        Population.from_columns(rules.facts, {"employees": [1], "country": ["US", "DE"]})


def test_a_record_is_found_from_the_end() -> None:
    """Decisions are a sequence: they have a length, negative places, an end and are iterated."""
    rules = rule_set(ROOT / "rules" / "decision" / "territory-routing@1.yaml")
    decisions = decide_many(
        rules, Population.from_records(rules.facts, [{"country": "US"}, {"country": "DE"}]), at=AT, as_of=AT
    )
    assert ["us-central", "emea"] == [decision.outcome["queue"] for decision in decisions]
    assert decisions[-1].outcome == decisions[1].outcome
    assert decisions[1].reasons[0].rule == "emea"
    with pytest.raises(IndexError):
        decisions[2]
