"""Tables of DMN models as rule files of ours."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from generated import ROOT, SCHEMAS, documents, loaded
from hypothesis import given, settings

from engine.dmn import load_model
from engine.interchange.dmn_export import to_dmn
from engine.interchange.dmn_import import Converted, from_dmn
from engine.interchange.document import document_of
from engine.interchange.rule_text import rule_text
from engine.kinds import load
from engine.problems import InvalidError, NotFoundError
from engine.rulefile import RuleSet, SchemaSource

AT = datetime(2026, 6, 30, 9, tzinfo=UTC)
CASES = ROOT / "tests" / "cases" / "dmn" / "import"


def converted(name: str, decision: str | None = None) -> Converted:
    """A model of the cases."""
    return from_dmn((CASES / f"{name}.dmn").read_bytes(), f"{name}.dmn", decision, effective_from="2026-01-01")


def rules_of(found: Converted) -> RuleSet:
    """The rule set of a conversion, over its own facts."""
    name, _, number = found.document.facts.partition("/")
    schemas = SchemaSource({**SCHEMAS.texts, f"facts/{name}-{number}.schema.json": found.fact_schema})
    return load(rule_text(found.document).encode(), source="", schemas=schemas)


@settings(max_examples=50, deadline=None)
@given(documents())
def test_a_table_comes_back_from_its_own_model(document) -> None:
    """Exported and imported again, a table has the same columns, rows, policy and head."""
    rule_set = loaded(document)
    found = from_dmn(to_dmn(rule_set).encode(), "", effective_from="1999-01-01")
    again = loaded(found.document)
    assert rule_set.describe().sections == again.describe().sections
    plain = replace(document_of(rule_set), tests=(), note="", hit_policy="", rows=(), default={})
    assert plain == replace(document_of(again), tests=(), note="", hit_policy="", rows=(), default={})
    assert rule_set.body.table.model.hit_policy == again.body.table.model.hit_policy
    assert to_dmn(rule_set) == to_dmn(again)


def test_a_model_of_people_becomes_a_rule_file_that_decides_alike() -> None:
    """Names with spaces become snake_case everywhere, types, limits and annotations are kept, the answers are equal."""
    found = converted("routing")
    rules = rules_of(found)
    model = load_model((CASES / "routing.dmn").read_bytes(), [], source="")
    assert (CASES / "routing.yaml").read_text(encoding="utf-8") == rule_text(found.document)
    assert (CASES / "routing.schema.json").read_text(encoding="utf-8") == found.fact_schema
    for risk in ("low", "high", None):
        for score in (Decimal(500), Decimal("649.5"), Decimal(650), None):
            for age in (Decimal(17), Decimal(18)):
                names = {
                    "Applicant Risk": risk,
                    "Credit Score": score,
                    "Applicant": {"Full age": age, "Home town": None},
                }
                facts = {"applicant_risk": risk, "credit_score": score, "applicant": {"full_age": age}}
                ours = rules.decide({key: value for key, value in facts.items() if value is not None}, at=AT, as_of=AT)
                value = model.evaluate("Routing of Applicants", names, at=AT).value
                if score is None:  # the column's input values leave null out; in a rule file it is an absent fact
                    assert value is None
                else:
                    assert {"routing": value["Routing"], "review_level": value["Review level"]} == ours.outcome


def test_everything_without_a_place_in_a_rule_file_is_told_at_once() -> None:
    """Functions, columns without an expression and names that fall together are problems, each at its element."""
    with pytest.raises(InvalidError) as refused:
        converted("not_convertible", "Price")
    assert (CASES / "not_convertible.problems.txt").read_text(encoding="utf-8") == "".join(
        f"{problem.render()}\n" for problem in refused.value.problems
    )


def test_a_decision_is_named_where_there_are_several() -> None:
    """Without a name, with a wrong one or with that of an expression, the tables that there are are listed."""
    for name, code in (
        (None, "dmn.not_convertible"),
        ("Prise", "dmn.unknown_decision"),
        ("Fee", "dmn.not_convertible"),
    ):
        with pytest.raises((InvalidError, NotFoundError)) as refused:
            converted("not_convertible", name)
        assert (code, True) == (refused.value.code, "Price" in refused.value.problems[0].help)


def test_the_fact_schema_keeps_every_digit() -> None:
    """A limit such as 0.1 stays that number."""
    found = converted("routing")
    assert json.loads(found.fact_schema, parse_float=Decimal)["properties"]["credit_score"]["minimum"] == Decimal(
        "300.1"
    )


def test_an_existing_fact_schema_may_be_named() -> None:
    """The rule file then reads that one."""
    data = (CASES / "routing.dmn").read_bytes()
    assert "lead/2" == from_dmn(data, "", effective_from="2026-01-01", facts="lead/2").document.facts
    assert Path(CASES).is_dir()
