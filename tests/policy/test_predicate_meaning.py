"""What a predicate means, and how policies' conditions become small ones."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.policy.translation import (
    Literal,
    UnknownFieldError,
    UnsupportedShapeError,
    predicate_of,
    simplified,
)
from engine.predicate import Always, And, Compare, Has, In, Never, Or, StartsWith, both, either, matches
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


LITERALS: list[Literal] = [
    *(Compare(name, operator, value) for name in "ab" for operator in ("=", "!=") for value in ("x", "y", "z")),  # type: ignore[arg-type]
    In("a", ("x", "y")),
]


@dataclass
class Field:
    """A field in one of Oso's conditions."""

    source: str
    field: str


@dataclass
class Condition:
    """One of Oso's conditions."""

    left: Any
    cmp: str
    right: Any


@dataclass
class Found:
    """Oso's filter."""

    conditions: list[list[Condition]]
    relations: tuple[Any, ...] = ()
    model: type = object


@given(st.lists(st.frozensets(st.sampled_from(LITERALS), max_size=4), max_size=5))
def test_a_condition_keeps_its_meaning_when_it_is_made_small(alternatives: list[frozenset[Literal]]) -> None:
    """Dropping, joining and factoring alternatives matches exactly the same records."""
    small = simplified(alternatives)
    for a in ("x", "y", "z", "w", None, ["x"]):
        for b in ("x", "y", None):
            record = {"a": a, "b": b}
            expected = any(all(matches(literal, record) for literal in one) for one in alternatives)
            assert expected == matches(small, record)


_NAMES = {"Eq": "=", "Neq": "!="}


_CONDITIONS = st.tuples(st.sampled_from("ab"), st.sampled_from(["Eq", "Neq"]), st.sampled_from("xyz"), st.booleans())


@given(st.lists(st.lists(_CONDITIONS, max_size=4), max_size=5))
def test_osos_filter_becomes_an_equal_predicate(conditions: list[list[tuple[str, str, str, bool]]]) -> None:
    """An OR of ANDs of comparisons, the field on either side, becomes a predicate that matches the same records."""
    found = Found(
        [
            [
                Condition(value, cmp, Field("Lead", name)) if turned else Condition(Field("Lead", name), cmp, value)
                for name, cmp, value, turned in conjunction
            ]
            for conjunction in conditions
        ]
    )
    predicate = predicate_of(found, "ab")
    for a in ("x", "y", "w", None):
        for b in ("x", "z", None):
            record = {"a": a, "b": b}
            expected = any(
                all(matches(Compare(name, _NAMES[cmp], value), record) for name, cmp, value, _ in conjunction)  # type: ignore[arg-type]
                for conjunction in conditions
            )
            assert expected == matches(predicate, record)


def test_always_and_never_are_recognised() -> None:
    """Oso says "everything" with an empty alternative and "nothing" with `true = false` or no alternative at all."""
    assert predicate_of(Found([[]]), "ab") == Always()
    assert predicate_of(Found([[Condition(True, "Eq", False)]]), "ab") == Never()  # noqa: FBT003  # Oso's own form
    assert predicate_of(Found([]), "ab") == Never()


def test_alternatives_become_one_list_of_values() -> None:
    """Alternatives that differ in one value become `In`, and what they share is asked once."""
    found = Found([[Condition(Field("", "a"), "Eq", value), Condition(Field("", "b"), "Eq", "x")] for value in "zxy"])
    assert predicate_of(found, "ab") == And((Compare("b", "=", "x"), In("a", ("x", "y", "z"))))


@pytest.mark.parametrize(
    "condition",
    [
        Condition(Field("", "a"), "Eq", Field("", "b")),
        Condition(Field("", "a"), "Neq", None),
        Condition(Field("", "a"), "Nin", ["x"]),
        Condition(Field("", "a"), "Like", "x"),
        Condition(Field("", "a"), "Eq", ["x"]),
        Condition(Field("", "a"), "Eq", 0.5),
        Condition(1, "Lt", 2),
    ],
)
def test_what_a_predicate_cannot_say_is_refused(condition: Condition) -> None:
    """A comparison of two fields, a test for null, a negated list, other operators and values are never dropped."""
    with pytest.raises(UnsupportedShapeError):
        predicate_of(Found([[condition]]), "ab")


def test_joins_and_unknown_fields_are_refused() -> None:
    """A condition on another record, or on a field that the record type does not have, is refused."""
    with pytest.raises(UnsupportedShapeError):
        predicate_of(Found([[]], relations=("owner",)), "ab")
    with pytest.raises(UnknownFieldError):
        predicate_of(Found([[Condition(Field("", "c"), "Eq", "x")]]), "ab")
