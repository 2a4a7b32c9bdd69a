"""What a predicate means, and how policies' conditions become small ones."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from polar.expression import Expression, Pattern
from polar.variable import Variable

from engine.caller import Actor
from engine.policy.symbols import Element, EveryTerritory, Oracle, Symbol
from engine.policy.template import Literal, NoneOfTheirs, OneOfTheirs, Template, ToUser
from engine.policy.translation import UnknownFieldError, UnsupportedShapeError, factored, template_of
from engine.policy.vocabulary import User
from engine.predicate import (
    Always,
    And,
    Compare,
    Has,
    In,
    Never,
    Operator,
    Or,
    Predicate,
    StartsWith,
    both,
    either,
    matches,
)
from engine.records import Money

OPERATORS = ("=", "!=", "<", "<=", ">", ">=")
NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize(
    ("held", "value"),
    [
        (None, "a"),
        (["a"], "a"),
        (("a",), "a"),
        ({"a": 1}, "a"),
        (1, "1"),
        ("1", 1),
        (True, 1),
        (1, True),
        (Decimal("NaN"), Decimal(1)),
        (Decimal(1), Decimal("NaN")),
        (Decimal("sNaN"), Decimal("sNaN")),
        (Decimal("Infinity"), Decimal(1)),
        (0.5, Decimal("0.5")),
        (date(2026, 11, 2), NOON),
        (NOON, date(2026, 11, 2)),
        (NOON.replace(tzinfo=None), NOON),
        (NOON, NOON.replace(tzinfo=None)),
        ("2026-11-02", date(2026, 11, 2)),
        (Money(Decimal(1), "USD"), Money(Decimal(1), "EUR")),
        (Money(Decimal(1), "USD"), Decimal(1)),
        (b"a", "a"),
    ],
)
def test_other_types_never_match(operator: Any, held: Any, value: Any) -> None:
    """What is missing, null, a list, or of another type, zone or currency matches with no operator, not even `!=`."""
    assert not matches(Compare("field", operator, value), {"field": held})
    assert not matches(Compare("field", operator, value), {})
    assert not matches(In("field", (value,)), {"field": held})


@pytest.mark.parametrize(("one", "other"), [(1, True), (0, False), (Decimal(1), 1), (Decimal(1), True)])
def test_conditions_are_equal_only_with_values_of_one_type(one: Any, other: Any) -> None:
    """Two conditions whose values Python calls equal but whose types differ are two conditions: neither stands in."""
    first, second = Compare("field", "=", one), Compare("field", "=", other)
    assert both(first, second) == And((first, second))
    assert either(first, second) == Or((first, second))
    assert In("field", (one, "a")) != In("field", (other, "a"))
    assert {first, In("field", (one,))} == {Compare("field", "=", one), In("field", (one,))}


@pytest.mark.parametrize(
    ("smaller", "larger"),
    [
        ("a", "b"),
        ("B", "a"),
        ("\ue000", "\U0001f600"),
        (1, 2),
        (1, Decimal("1.5")),
        (False, True),
        (date(2026, 1, 1), date(2026, 1, 2)),
        (NOON, NOON + timedelta(microseconds=1)),
        (NOON, (NOON + timedelta(hours=1)).astimezone(timezone(timedelta(hours=-5)))),
        (Money(Decimal("9.99"), "USD"), Money(Decimal(10), "USD")),
    ],
)
def test_comparisons_order_values_of_one_kind(smaller: Any, larger: Any) -> None:
    """Texts compare by code point, numbers by value, instants whatever their zones, money in one currency."""
    for held, value, expected in (
        (smaller, larger, {"!=", "<", "<="}),
        (larger, smaller, {"!=", ">", ">="}),
        (smaller, smaller, {"=", "<=", ">="}),
    ):
        assert expected == {operator for operator in OPERATORS if matches(Compare("f", operator, value), {"f": held})}


def test_lists_and_beginnings() -> None:
    """`Has` looks into lists only; `StartsWith` ignores letter case in texts only; an empty `In` matches nothing."""
    assert matches(Has("tags", "a"), {"tags": ("a", "b")})
    assert not matches(Has("tags", "a"), {"tags": "abc"})
    assert matches(StartsWith("name", "STRASS"), {"name": "Straße"})
    assert not matches(StartsWith("name", "a"), {"name": ("a",)})
    assert not matches(In("name", ()), {"name": "a"})


_A, _B = Compare("a", "=", 1), Compare("b", "=", 1)
_PARTS = st.sampled_from([Always(), Never(), _A, _B, And((_A,)), Or((_B,)), And((_A, _B)), Or((_A, _B))])
_RECORDS = [{"a": a, "b": b} for a in (1, 2) for b in (1, 2)]


@given(st.lists(_PARTS, max_size=4))
def test_both_and_either_simplify_without_changing_the_meaning(parts: list[Any]) -> None:
    """The simplified conjunction and disjunction match what all, or any, of their parts match."""
    for record in _RECORDS:
        assert all(matches(part, record) for part in parts) == matches(both(*parts), record)
        assert any(matches(part, record) for part in parts) == matches(either(*parts), record)


EQUALITIES: tuple[Operator, ...] = ("=", "!=")
LITERALS: list[Literal] = [
    *(Compare(name, operator, value) for name in "ab" for operator in EQUALITIES for value in ("x", "y", "z")),
    In("a", ("x", "y")),
    *(
        ToUser(name, operator, attribute)
        for name in "ab"
        for operator in ("=", "!=")
        for attribute in ("id", "team_id")
    ),
    OneOfTheirs("a"),
    NoneOfTheirs("a"),
]
USERS = [
    User(Actor(person, "", "", "", "", "", team, held))
    for person, team in (("x", "y"), ("x", "x"), ("w", ""))
    for held in ((), ("x",), ("y", "x"))
]
"""Also users whose attributes are equal to each other, or to a constant."""


def holds(literal: Literal, user: User, record: dict[str, Any]) -> bool:
    """The meaning of a condition, written down a second time."""
    held = record.get(literal.field)
    match literal:
        case ToUser(_, operator, attribute):
            return matches(Compare("f", operator, getattr(user, attribute)), {"f": held})
        case OneOfTheirs(_):
            return isinstance(held, str) and held in user.territory_ids
        case NoneOfTheirs(_):
            return isinstance(held, str) and held not in user.territory_ids
        case _:
            return matches(literal, record)


@given(st.lists(st.frozensets(st.sampled_from(LITERALS), max_size=4), max_size=5))
def test_a_condition_keeps_its_meaning_when_it_is_made_small(alternatives: list[frozenset[Literal]]) -> None:
    """Dropping, joining and factoring alternatives matches exactly the same records, whoever the user is."""
    small = factored(alternatives)
    for user in USERS:
        predicate = small.filled(user)
        for a in ("x", "y", "z", "w", "", None, ["x"]):
            for b in ("x", "y", None):
                record = {"a": a, "b": b}
                expected = any(all(holds(literal, user, record) for literal in one) for one in alternatives)
                assert expected == matches(predicate, record)


ORACLE = Oracle(())
THIS, ANYBODY = Variable("_this"), USERS[0]
IS_LEAD = Expression("Isa", [THIS, Pattern("Lead", {})])


def field(name: str) -> Expression:
    """A field of the record in one of Oso's expressions."""
    return Expression("Dot", [THIS, name])


def compared(operator: str, left: object, right: object) -> Expression:
    """A comparison in one of Oso's expressions."""
    return Expression(operator, [left, right])


def template(*alternatives: list[Any]) -> Template:
    """The template of Oso's alternatives, each a list of comparisons."""
    return template_of([Expression("And", [IS_LEAD, *parts]) for parts in alternatives], "Lead", "ab")


def predicate(*alternatives: list[Any]) -> Predicate:
    """The same for somebody."""
    return template(*alternatives).filled(ANYBODY)


_NAMES = {"Unify": "=", "Neq": "!="}
_CONDITIONS = st.tuples(st.sampled_from("ab"), st.sampled_from(["Unify", "Neq"]), st.sampled_from("xyz"), st.booleans())


@given(st.lists(st.lists(_CONDITIONS, max_size=4), max_size=5))
def test_osos_alternatives_become_an_equal_predicate(conditions: list[list[tuple[str, str, str, bool]]]) -> None:
    """An OR of ANDs of comparisons, the field on either side, becomes a predicate that matches the same records."""
    found = predicate(
        *(
            [compared(cmp, *((value, field(name))[:: -1 if turned else 1])) for name, cmp, value, turned in one]
            for one in conditions
        )
    )
    for a in ("x", "y", "w", None):
        for b in ("x", "z", None):
            record = {"a": a, "b": b}
            expected = any(
                all(matches(Compare(name, _NAMES[cmp], value), record) for name, cmp, value, _ in conjunction)
                for conjunction in conditions
            )
            assert expected == matches(found, record)


def test_always_and_never_are_recognised() -> None:
    """Oso says "everything" with an alternative that names the type alone, and "nothing" with no alternative at all."""
    assert predicate([]) == Always()
    assert predicate() == Never()
    assert predicate([compared("Unify", field("a"), "x"), compared("Unify", field("a"), "y")]) == Never()


def test_alternatives_become_one_list_of_values() -> None:
    """Alternatives that differ in one value become `In`, and what they share is asked once."""
    shared = compared("Unify", field("b"), "x")
    found = predicate(*([compared("Unify", field("a"), value), shared] for value in "zxy"))
    assert found == And((Compare("b", "=", "x"), In("a", ("x", "y", "z"))))


def test_a_symbol_becomes_a_place_for_the_users_attribute() -> None:
    """What Oso leaves of a symbol is a condition to be filled in, mirrored where the symbol stands before the field."""
    assert template([compared("Gt", Symbol(ORACLE, "id"), field("a"))]).shared == (ToUser("a", "<", "id"),)
    assert template([compared("Unify", Element(ORACLE, "1"), field("a"))]).shared == (OneOfTheirs("a"),)
    assert template([compared("Neq", field("a"), EveryTerritory(ORACLE, "t"))]).shared == (NoneOfTheirs("a"),)


def test_no_territory_is_never_one_of_them() -> None:
    """Somebody without territories matches nothing with them, and every text is none of them; a null is neither."""
    nobody, one = USERS[0], USERS[1]
    assert OneOfTheirs("a").filled(nobody) == Never()
    assert matches(NoneOfTheirs("a").filled(nobody), {"a": ""})
    assert not matches(NoneOfTheirs("a").filled(nobody), {"a": None})
    assert OneOfTheirs("a").filled(one) == Compare("a", "=", "x")


A = field("a")


@pytest.mark.parametrize(
    "condition",
    [
        compared("Unify", A, field("b")),
        compared("Neq", A, None),
        compared("In", A, ["x"]),
        compared("Add", A, "x"),
        compared("Unify", A, ["x"]),
        compared("Unify", A, 0.5),
        compared("Unify", A, Variable("unbound")),
        compared("Unify", A, EveryTerritory(ORACLE, "t")),
        compared("Neq", A, Element(ORACLE, "1")),
        compared("Lt", 1, 2),
        compared("Unify", Expression("Dot", [A, "b"]), "x"),
        compared("Unify", Expression("Dot", [THIS, Expression("Add", [1, 2])]), "x"),
        Expression("Not", [compared("Unify", A, "x")]),
        Expression("Or", [compared("Unify", A, "x")]),
        Expression("And", [compared("Unify", A, "x")]),
        Expression("Isa", [THIS, Pattern("Deal", {})]),
        Expression("Isa", [THIS, Pattern("Lead", {"a": "x"})]),
        "x",
    ],
    ids=lambda condition: re.sub(" object at 0x[0-9a-f]+", "", repr(condition)),
)
def test_what_a_predicate_cannot_say_is_refused(condition: Any) -> None:
    """Two fields, a test for null, a negation, other operators and values, another type: refused, never dropped."""
    with pytest.raises(UnsupportedShapeError):
        template([condition])


def test_one_territory_is_compared_with_one_field() -> None:
    """Two fields in the same territory would need a condition for each territory, which is refused."""
    element = Element(ORACLE, "1")
    with pytest.raises(UnsupportedShapeError):
        template([compared("Unify", A, element), compared("Unify", field("b"), element)])


def test_unknown_fields_are_refused() -> None:
    """A condition on a field that the record type does not have is refused: Oso would deny for ever."""
    with pytest.raises(UnknownFieldError):
        template([compared("Unify", field("c"), "x")])
