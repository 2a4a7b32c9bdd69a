"""The language by example: every operator, clause and function, and every mistake, from `tests/cases/feel/`."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from feel_files import document, facts_of, field_of, scope_of

from engine.feel import Field, Scope, ValueSet, check, check_unary_tests, literal, types
from engine.problems import InvalidError

AT = dt.datetime(2026, 11, 2, 20, 30, tzinfo=dt.UTC)
ZONE = ZoneInfo("Europe/Berlin")


def value_cases() -> list[Any]:
    found = []
    for name in ("literals", "operators", "lists_contexts_functions", "builtins"):
        file = document(name)
        scope, facts = scope_of(file.get("scope", {})), facts_of(file.get("facts", {}))
        found += [pytest.param(text, scope, facts, wanted, id=f"{name}: {text}") for text, wanted in file["cases"]]
    return found


@pytest.mark.parametrize(("text", "scope", "facts", "wanted"), value_cases())
def test_an_expression_gives_the_value_of_its_case(text: str, scope: Scope, facts: dict[str, Any], wanted: str) -> None:
    """Generated code, a set of values and the interpreter all give the value the case file says."""
    expression = check(text, scope)
    assert wanted == literal(expression.interpret(facts, at=AT, zone=ZONE))
    assert wanted == literal(expression.evaluate(facts, at=AT, zone=ZONE))
    assert wanted == literal(ValueSet.compile([expression]).evaluate(facts, at=AT, zone=ZONE)[0])


@pytest.mark.parametrize(("text", "scope", "facts", "wanted"), value_cases())
def test_canonical_text_reads_back_to_the_same_tree(
    text: str, scope: Scope, facts: dict[str, Any], wanted: str
) -> None:
    """The canonical text of an expression gives the same tree and the same value."""
    expression = check(text, scope)
    again = check(expression.to_text(), scope)
    assert expression.tree == again.tree
    assert expression.to_text() == again.to_text()
    assert wanted == literal(again.evaluate(facts, at=AT, zone=ZONE))


def faults() -> list[Any]:
    file = document("faults")
    scope, facts = scope_of(file["scope"]), file["facts"]
    return [
        pytest.param(text, scope, facts_of({**facts, **changed}), code, column, id=f"{text} {changed or ''}")
        for text, changed, code, column in file["cases"]
    ]


@pytest.mark.parametrize(("text", "scope", "facts", "code", "column"), faults())
def test_a_fault_is_told_with_its_place_in_the_rule(
    text: str, scope: Scope, facts: dict[str, Any], code: str, column: int
) -> None:
    """What cannot be computed is the same located error from generated code and from the interpreter."""
    expression = check(text, scope)
    with pytest.raises(InvalidError) as one:
        expression.evaluate(facts, at=AT)
    with pytest.raises(InvalidError) as other:
        expression.interpret(facts, at=AT)
    assert (code, column) == (one.value.problems[0].code, one.value.problems[0].place.column)
    assert one.value.problems == other.value.problems


def cells() -> list[Any]:
    return [pytest.param(*case, id=f"{case[1]} {case[0]}") for case in document("cells")["cases"]]


@pytest.mark.parametrize(("text", "kind", "results"), cells())
def test_a_cell_matches_what_its_case_says(text: str, kind: str, results: dict[Any, bool | None]) -> None:
    """A table's cell is a condition about its column's value, `?`."""
    scope = scope_of({"limit": "number", "allowed": "list<number>"})
    cell = check_unary_tests(text, field_of(kind + "?"), scope)
    assert types.BOOLEAN == cell.type
    for given, wanted in results.items():
        value = Decimal(str(given)) if kind == "number" and given is not None else given
        facts = {"?": value, "limit": Decimal(7), "allowed": [Decimal(7), Decimal(8)]}
        assert wanted is cell.evaluate(facts)
        assert wanted is cell.interpret(facts)
    assert cell.tree == check_unary_tests(cell.to_text(), field_of(kind + "?"), scope).tree


def test_all_mistakes_of_an_expression_are_told_at_once() -> None:
    """Wrong names, functions and types of one expression come together, sorted by place."""
    with pytest.raises(InvalidError) as caught:
        check('employes > 5 and foo(1) and amount = "x" and amount', Scope({"amount": Field(types.NUMBER)}))
    assert [
        (1, "feel.unknown_name"),
        (18, "feel.unknown_function"),
        (29, "feel.wrong_type"),
        (46, "feel.wrong_type"),
    ] == [(problem.place.column, problem.code) for problem in caught.value.problems]
