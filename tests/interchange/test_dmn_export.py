"""Tables of ours as DMN models: the standard's engine gives the same answers."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from generated import ROOT, SCHEMAS, documents, loaded, records
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import exact_json
from engine.dmn import load_model
from engine.dmn.json_values import from_json, to_json
from engine.interchange.dmn_export import VERSIONS, to_dmn
from engine.kinds import load
from engine.problems import BylawError, InvalidError
from engine.rulefile import RuleSet

AT = datetime(2026, 6, 30, 9, tzinfo=UTC)


def by_model(rule_set: RuleSet, facts: dict[str, object]) -> object:
    """What the exported model decides about facts."""
    model = load_model(to_dmn(rule_set).encode(), [], source="sample.dmn")
    assert () == model.warnings
    (name,) = model.decisions
    types = dict(model.inputs)
    inputs = {key: from_json(value, types[key]) for key, value in facts.items() if key in types}
    return exact_json.plain(to_json(model.evaluate(name, inputs, at=AT).value))


def by_rules(rule_set: RuleSet, facts: dict[str, object]) -> object:
    """What the rule set decides, in the form that DMN gives it: without a name where there is one output."""
    return exact_json.plain(rule_set.body.table.evaluate(rule_set.facts.read(facts), at=AT).value)


@settings(max_examples=50, deadline=None)
@given(documents(), st.lists(records(), min_size=1, max_size=5))
def test_the_standards_engine_answers_as_the_rules_do(document, many) -> None:
    """A generated table and its exported model agree on every record that the rules decide without a fault."""
    rule_set = loaded(document)
    for facts in many:
        try:
            expected = by_rules(rule_set, facts)
        except BylawError:
            continue
        found = by_model(rule_set, facts)
        # Without a hit there is an empty list, or none is counted; in the standard that is null.
        if expected == [] or (document.hit_policy == "COLLECT #" and expected == "0"):
            expected = None
        assert expected == found, facts


def test_another_kind_of_rules_is_refused() -> None:
    """Only decisions have a form in the standard."""
    file = ROOT / "rules" / "lead-priority" / "inbound@3.yaml"
    with pytest.raises(InvalidError) as refused:
        to_dmn(load(file.read_bytes(), source=file.name, schemas=SCHEMAS))
    assert refused.value.code == "dmn.not_exportable"


@pytest.mark.parametrize("version", VERSIONS)
def test_each_version_of_the_standard_is_written_in_its_own_namespace(version: str) -> None:
    """What is written as a version is read as that version."""
    file = ROOT / "rules" / "decision" / "territory-routing@1.yaml"
    text = to_dmn(load(file.read_bytes(), source=file.name, schemas=SCHEMAS), version)
    assert version == load_model(text.encode(), [], source="").definitions.version


def test_an_expression_becomes_a_literal_expression() -> None:
    """A decision that is one expression gives the same value as a model."""
    text = """\
kind: decision
name: list-amount
version: 1
title: A name that a fact has too
effective: {from: 2026-01-01}
facts: discount-request/1
expression: list_amount * (1 - discount_percent / 100)
"""
    rule_set = load(text.encode(), source="", schemas=SCHEMAS)
    model = load_model(to_dmn(rule_set).encode(), [], source="")
    assert ("list_amount_decision",) == model.decisions
    facts = {"list_amount": Decimal("99.90"), "discount_percent": Decimal(10)}
    assert Decimal("89.91") == model.evaluate("list_amount_decision", facts, at=AT).value
