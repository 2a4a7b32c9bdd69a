"""Decisions: tables with every hit policy, defaults and expressions, read from rule files."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.decision import Decision
from engine.kinds import load
from engine.problems import InvalidError
from engine.rulefile import RuleSet, SchemaSource

ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = SchemaSource(
    {p.relative_to(ROOT / "schemas").as_posix(): p.read_bytes() for p in (ROOT / "schemas").rglob("*.schema.json")}
)
AT = datetime(2026, 11, 2, 9, tzinfo=UTC)

HEAD = """\
# yaml-language-server: $schema=../../schemas/rules/decision.schema.json
kind: decision
name: sample
version: 1
title: A sample
effective: {from: 2026-01-01}
facts: discount-request/1
"""
TABLE = (
    HEAD
    + """\
hit_policy: %s
columns:
  inputs:
    - {id: amount, title: Amount, expression: list_amount}
    - {id: segment}
  outputs:
    - {id: points, type: number%s}
rows:
  - {id: any, then: {points: 1}, because: Everybody}
  - {id: ten, when: {amount: '>= 10'}, then: {points: 3}, because: Ten or more}
  - {id: small-ten, when: {amount: '>= 10', segment: small}, then: {points: 2}, because: Small and ten}
"""
)


def loaded(text: str) -> RuleSet:
    """The rule set of a text."""
    return load(text.encode(), source="sample.yaml", schemas=SCHEMAS)


def decide(text: str, amount: int, segment: str = "small", **more: Any) -> Decision:
    """Decide about a request."""
    facts = {"segment": segment, "list_amount": amount, "discount_percent": 0, **more}
    return loaded(text).decide(facts, at=AT, as_of=AT)


def table(policy: str, values: str = "") -> str:
    """The sample table under a hit policy."""
    return TABLE % (policy, values)


@pytest.mark.parametrize(
    ("policy", "values", "expected", "rows"),
    [
        ("FIRST", "", Decimal(1), ["any"]),
        ("PRIORITY", ", values: [2, 3, 1]", Decimal(2), ["small-ten"]),
        ("RULE ORDER", "", (1, 3, 2), ["any", "ten", "small-ten"]),
        ("OUTPUT ORDER", ", values: [3, 2, 1]", (3, 2, 1), ["ten", "small-ten", "any"]),
        ("COLLECT", "", (1, 3, 2), ["any", "ten", "small-ten"]),
        ("COLLECT +", "", Decimal(6), ["any", "ten", "small-ten"]),
        ("COLLECT <", "", Decimal(1), ["any", "ten", "small-ten"]),
        ("COLLECT >", "", Decimal(3), ["any", "ten", "small-ten"]),
        ("'COLLECT #'", "", Decimal(3), ["any", "ten", "small-ten"]),
        ("COLLECT MAX", "", Decimal(3), ["any", "ten", "small-ten"]),
        ("COLLECT COUNT", "", Decimal(3), ["any", "ten", "small-ten"]),
    ],
)
def test_each_hit_policy_gives_its_outcome_and_its_rows(
    policy: str, values: str, expected: Any, rows: list[str]
) -> None:
    """The outcome follows the policy, and the reasons are the rows behind it in the outcome's order."""
    decision = decide(table(policy, values), 10)
    assert {"points": expected} == decision.outcome
    assert rows == [reason.rule for reason in decision.reasons]


def test_a_sum_is_made_of_contributions() -> None:
    """Under COLLECT + each row's value is its contribution, and they sum to the outcome."""
    decision = decide(table("COLLECT +"), 10)
    assert sum(reason.contribution for reason in decision.reasons) == decision.outcome["points"]
    assert [None] * 3 == [reason.contribution for reason in decide(table("COLLECT >"), 10).reasons]


def test_rows_that_overlap_under_unique_are_refused_with_a_witness() -> None:
    """UNIQUE means unique: the file does not load, and shows facts under which two rows match."""
    with pytest.raises(InvalidError) as refused:
        loaded(table("UNIQUE"))
    assert {"table.overlap"} == {problem.code for problem in refused.value.problems}
    assert "both match, for instance" in str(refused.value)


def test_rows_that_contradict_under_any_are_refused() -> None:
    """ANY means that rows which match together agree; the file shows where they do not."""
    with pytest.raises(InvalidError) as refused:
        loaded(table("ANY"))
    assert all(problem.code.startswith("table.") for problem in refused.value.problems)
    agreeing = loaded(table("ANY").replace("points: 3", "points: 1").replace("points: 2", "points: 1"))
    outcome = agreeing.decide({"segment": "small", "list_amount": 10, "discount_percent": 0}, at=AT, as_of=AT)
    assert {"points": Decimal(1)} == outcome.outcome


def test_why_not_shows_the_first_cell_that_did_not_match() -> None:
    """A row that did not match says which column kept it out and what value that had."""
    decision = decide(table("RULE ORDER"), 9)
    assert [
        ("ten", "Amount: >= 10", {"Amount": Decimal(9)}),
        ("small-ten", "Amount: >= 10", {"Amount": Decimal(9)}),
    ] == [(why.rule, why.condition, why.seen) for why in decision.why_not]


def test_why_not_says_when_another_row_went_before() -> None:
    """Under FIRST a later row may match too; it says which row decided."""
    why = {each.rule: each.condition for each in decide(table("FIRST"), 10).why_not}
    assert why == {"ten": "matches too, but `any` goes before it", "small-ten": "matches too, but `any` goes before it"}


NO_MATCH = table("FIRST").replace("  - {id: any, then: {points: 1}, because: Everybody}\n", "")


def test_without_a_match_the_default_holds() -> None:
    """Defaults are an outcome with a reason of its own."""
    decision = decide(NO_MATCH + "default: {points: 7}\n", 1)
    assert {"points": Decimal(7)} == decision.outcome
    assert ["default"] == [reason.rule for reason in decision.reasons]


def test_without_match_and_default_the_outputs_are_null_and_loading_warns() -> None:
    """A gap is told when the file is loaded, with facts that fall into it."""
    decision = decide(NO_MATCH, 1)
    assert {"points": None} == decision.outcome
    assert () == decision.reasons
    assert "table.gap" in [warning.code for warning in loaded(NO_MATCH).warnings]


def test_several_outputs_and_texts_without_quotes() -> None:
    """A text that is one of its column's values needs no quotes; other outputs are expressions."""
    text = table("FIRST").replace(
        "- {id: points, type: number}", "- {id: who, values: [me, you]}\n    - {id: twice, type: number}"
    )
    text = text.replace("{points: 1}", "{who: me, twice: list_amount * 2}").replace(
        "{points: 3}", "{who: you, twice: 0}"
    )
    text = text.replace("{points: 2}", "{who: '\"you\"', twice: 0}")
    assert {"who": "me", "twice": Decimal(10)} == decide(text, 5).outcome


def test_values_of_a_facts_enum_need_no_quotes_in_cells() -> None:
    """`small, enterprise` means the two texts, because the fact can be nothing else."""
    text = table("COLLECT").replace("segment: small}", "segment: 'small, enterprise'}")
    assert (1, 3, 2) == decide(text, 10, "enterprise").outcome["points"]
    assert (1, 3) == decide(text, 10, "mid-market").outcome["points"]


def test_facts_that_are_read_and_absent_are_listed() -> None:
    """An optional fact that the table reads and nobody gave is missing."""
    text = (
        table("FIRST")
        .replace("- {id: segment}", "- {id: payment_days}")
        .replace(", segment: small", ", payment_days: '> 30'")
    )
    assert ("payment_days",) == decide(text, 1).missing
    assert () == decide(text, 1, payment_days=1).missing


def test_an_expression_gives_its_result_with_what_it_saw() -> None:
    """The outcome is `result`; the reason shows expression, values and result."""
    text = (
        HEAD
        + "expression: 'if strategic then list_amount * 0.9 else list_amount'\nbecause: Strategic accounts pay less\n"
    )
    decision = decide(text, 100, strategic=True)
    assert {"result": Decimal(90)} == decision.outcome
    (reason,) = decision.reasons
    assert reason.because == "Strategic accounts pay less"
    assert reason.detail["seen"] == {"list_amount": Decimal(100), "strategic": True}
    assert ("strategic",) == decide(text, 100).missing


def test_the_readable_form_is_the_table() -> None:
    """Columns by their titles, one row a row, and what the policy means in words."""
    (section,) = loaded(NO_MATCH + "default: {points: 7}\n").describe().sections
    assert section.columns == ("Amount", "segment", "points")
    assert section.rows[1].cells == (">= 10", '"small"', "2")
    assert section.note == "The first row that matches decides. If none matches: points 7."


# -- against brute force

cells = st.sampled_from(["-", "< 5", ">= 5", "[2..7)", "(3..9]", "3, 4", "not(5)", "> 100"])
_TESTS = {
    "-": lambda v: True,
    "< 5": lambda v: v < 5,
    ">= 5": lambda v: v >= 5,
    "[2..7)": lambda v: 2 <= v < 7,
    "(3..9]": lambda v: 3 < v <= 9,
    "3, 4": lambda v: v in {3, 4},
    "not(5)": lambda v: v != 5,
    "> 100": lambda v: v > 100,
}


@given(st.lists(st.tuples(cells, cells), min_size=1, max_size=6), st.integers(0, 12), st.integers(0, 12))
def test_a_table_decides_as_its_cells_say(rows: list[tuple[str, str]], amount: int, percent: int) -> None:
    """For any rows and facts, the rows that fire are those whose cells are all true, and the others say why not."""
    text = HEAD + "hit_policy: RULE ORDER\ncolumns:\n  inputs: [{id: list_amount}, {id: discount_percent}]\n"
    text += "  outputs: [{id: row, type: number}]\nrows:\n"
    for index, (one, other) in enumerate(rows):
        when = f"{{list_amount: '{one}', discount_percent: '{other}'}}"
        text += f"  - {{id: r{index}, when: {when}, then: {{row: {index}}}, because: Row}}\n"
    expected = [index for index, (one, other) in enumerate(rows) if _TESTS[one](amount) and _TESTS[other](percent)]
    decision = decide(text, amount, discount_percent=percent)
    assert expected == list(decision.outcome["row"])
    assert [f"r{index}" for index in expected] == [reason.rule for reason in decision.reasons]
    assert {f"r{index}" for index in range(len(rows))} - {f"r{index}" for index in expected} == {
        why.rule for why in decision.why_not
    }
