"""Columns, the interpreter and generated code mean the same: for any rules and records, nulls and errors included."""

from __future__ import annotations

import datetime as dt
from typing import Any

from column_samples import SCOPE as EDGES
from column_samples import numbers, records, sets_of_rules
from expressions import SCOPE, expressions, facts, rules
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.columns import Population, evaluate_conditions, evaluate_expression
from engine.feel import ConditionSet, Expression, Scope, check, types
from engine.problems import InvalidError

AT = dt.datetime(2026, 11, 2, 9, tzinfo=dt.UTC)


def checked(text: str, scope: Scope, **wanted: Any) -> Expression | None:
    """The expression, or None where a constant part is a mistake, which is told at load."""
    try:
        return check(text, scope, **wanted)
    except InvalidError:
        return None


def outcome(compute: Any) -> Any:
    """A value, or the problems instead of it."""
    try:
        return compute()
    except InvalidError as error:
        return error.problems


def assert_same_values(text: str, scope: Scope, given_: list[dict[str, Any]]) -> None:
    """The expression's values in columns are those that the reference and the generated code give one by one."""
    expression = checked(text, scope)
    if expression is None:
        return
    found = evaluate_expression(expression, Population.from_records(scope, given_), at=AT)
    for row, record in enumerate(given_):
        by_tree = outcome(lambda record=record: expression.interpret(record, at=AT))
        by_code = outcome(lambda record=record: expression.evaluate(record, at=AT))
        in_columns = outcome(lambda row=row: found.value(row))
        assert by_tree == by_code == in_columns
        assert type(by_tree) is type(in_columns)


def assert_same_bits(texts: list[str], scope: Scope, given_: list[dict[str, Any]]) -> None:
    """A set's bits in columns are those of each record alone."""
    good = [(f"r{at}", checked(text, scope, expect=types.BOOLEAN)) for at, text in enumerate(texts)]
    set_ = ConditionSet.compile([(name, rule) for name, rule in good if rule is not None])
    found = evaluate_conditions(set_, Population.from_records(scope, given_), at=AT)
    unknown, clauses = found.unknown, found.clauses
    for row, record in enumerate(given_):
        alone = outcome(lambda record=record: set_.evaluate(record, at=AT))
        by_tree = outcome(lambda record=record: set_.interpret(record, at=AT))
        if row in found.errors:
            assert alone == by_tree == found.errors[row].problems
            continue
        fired = tuple(name for name, value in zip(set_.ids, by_tree, strict=True) if value is True)
        assert fired == found.fired(row)
        true_clauses = sum(int(word) << (64 * at) for at, word in enumerate(clauses[row]))
        for name in set_.ids:
            bits = [bool(true_clauses >> bit & 1) for bit in set_.clause_bits(name)]
            failed = outcome(lambda name=name, record=record: set_.why_not(name, record, at=AT))
            if failed is None:
                assert all(bits)
            else:
                assert not bits[[clause.text for clause in set_.clauses(name)].index(failed.text)]
        assert alone.rules == found.mask(row)
        assert alone.unknown == sum(int(word) << (64 * at) for at, word in enumerate(unknown[row]))


@settings(max_examples=400)
@given(expressions, st.lists(facts, min_size=1, max_size=4))
def test_any_expression_has_the_values_of_each_record_alone(text: str, given_: list[dict[str, Any]]) -> None:
    """For any expression of the language a column of values equals the values, nulls and problems one by one."""
    assert_same_values(text, SCOPE, given_)


@settings(max_examples=400)
@given(rules, st.lists(facts, min_size=1, max_size=4))
def test_any_set_of_rules_has_the_bits_of_each_record_alone(texts: list[str], given_: list[dict[str, Any]]) -> None:
    """For any set of rules the bits of true and unknown rules, and the problems, are those of each record alone."""
    assert_same_bits(texts, SCOPE, given_)


@settings(max_examples=500)
@given(numbers(3), st.lists(records, min_size=1, max_size=6))
def test_arithmetic_is_exact_at_every_edge(text: str, given_: list[dict[str, Any]]) -> None:
    """Mixed scales, numbers about 2 ** 63, 34 digits, exponents and negative zero give what decimals give."""
    assert_same_values(text, EDGES, given_)


@settings(max_examples=500)
@given(sets_of_rules, st.lists(records, min_size=1, max_size=6))
def test_conditions_hold_at_every_edge(texts: list[str], given_: list[dict[str, Any]]) -> None:
    """Comparisons at, beside and beyond the edges of 64 bits, of days and of instants are those of each record."""
    assert_same_bits(texts, EDGES, given_)
