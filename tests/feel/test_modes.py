"""One language, two modes: what is no error and no null has the same value in rule files and in `.dmn` files."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
from expressions import SCOPE, complete_facts, expressions
from feel_files import lines_of
from hypothesis import given, settings

from engine.feel import Scope, check, literal, syntax
from engine.feel.builtins import BUILTINS, FUNCTION_NAMES
from engine.feel.checking.operator_types import PROPERTY_NAMES
from engine.feel.parser import Names, parse
from engine.feel.places import TextPlaces
from engine.feel.standard import Environment, Session, compile_expression, temporal
from engine.feel.standard import builtins as standard_builtins
from engine.feel.standard.text import literal as standard_literal
from engine.problems import InvalidError

AT = dt.datetime(2026, 11, 2, 9, tzinfo=dt.UTC)


LINES = [*lines_of("constructs"), *lines_of("functions")]


@pytest.mark.parametrize(("text", "wanted"), LINES, ids=[text for text, _ in LINES])
def test_both_modes_give_what_the_page_says(text: str, wanted: str) -> None:
    """Generated code, the interpreter and the standard's executor give the value behind the arrow."""
    expression = check(text, Scope())
    assert wanted == literal(expression.evaluate({}, at=AT))
    assert wanted == literal(expression.interpret({}, at=AT))
    assert wanted == standard_literal(compile_expression(text).evaluate(Environment({}, Session(AT))))


def calls_in(node: object) -> Iterator[syntax.Invocation]:
    """The calls of functions by their names anywhere below a node."""
    if isinstance(node, syntax.Invocation) and isinstance(node.callee, syntax.Name):
        yield node
    if isinstance(node, syntax.Node):
        parts: tuple[str, ...] = type(node).__match_args__
        node = tuple(getattr(node, part) for part in parts)
    if isinstance(node, tuple):
        for part in node:
            yield from calls_in(part)


def test_every_form_of_every_function_is_tried_by_name() -> None:
    """The page of functions calls each form with named arguments, and each function by position as well."""
    tried = {}
    for text, _ in lines_of("functions"):
        for call in calls_in(parse(TextPlaces(text), Names(PROPERTY_NAMES), FUNCTION_NAMES)):
            assert isinstance(call.callee, syntax.Name)
            tried.setdefault(call.callee.name, set()).add(frozenset(call.names))
    for builtin in BUILTINS:
        if builtin.extension:
            continue
        for form in builtin.signatures:
            all_names = {parameter.name for parameter in form.parameters}
            least = {parameter.name for parameter in form.parameters if not parameter.optional}
            assert any(least <= names <= all_names for names in tried[builtin.name]), (builtin.name, all_names)


def test_both_modes_have_the_same_functions() -> None:
    """The table is one: names and parameters are the same, but for extensions, which `.dmn` files do not have."""
    strict = {builtin.name: builtin.usage() for builtin in BUILTINS if not builtin.extension}
    assert strict == {name: each.builtin.usage() for name, each in standard_builtins.BUILTINS.items()}
    assert ["trim"] == [builtin.name for builtin in BUILTINS if builtin.extension]


def standard_value(value: Any) -> Any:
    """A fact as standard mode has it."""
    if isinstance(value, dt.date):
        return temporal.Date(value.year, value.month, value.day)
    if isinstance(value, list):
        return tuple(standard_value(item) for item in value)
    if isinstance(value, dict):
        return {key: standard_value(item) for key, item in value.items()}
    return value


@settings(max_examples=1000)
@given(expressions, complete_facts)
def test_both_modes_give_the_same_value_where_neither_has_a_problem(text: str, record: dict[str, Any]) -> None:
    """On facts that are all there, what strict mode computes and standard mode computes without a note is the same."""
    try:
        strict = check(text, SCOPE).evaluate(record)
    except InvalidError:
        return
    session = Session(AT)
    variables = standard_value(record)
    standard = compile_expression(text, SCOPE.fields).evaluate(Environment(variables, session))
    if not session.notes:
        assert literal(strict) == standard_literal(standard)
