"""Values at rest: exact forms whose order is the values' order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from store_strategies import DECIMALS, DOCUMENTS, INSTANTS

from adapters.stores.values import (
    decimal_from_text,
    decimal_to_text,
    document_from_text,
    document_to_text,
    instant_from_text,
    instant_to_text,
    plain_decimal,
    settled,
)
from engine.records import FieldKind, Money


@given(DECIMALS)
def test_decimal_text_restores_the_number(number: Decimal) -> None:
    """The order-preserving text of a decimal gives back the same number."""
    assert number == decimal_from_text(decimal_to_text(number))


@given(DECIMALS, DECIMALS)
def test_decimal_text_orders_as_numbers_do(first: Decimal, second: Decimal) -> None:
    """Of two decimals the texts compare as the numbers do, whatever their signs and sizes."""
    one, other = decimal_to_text(first), decimal_to_text(second)
    assert (first < second, first == second) == (one < other, one == other)


@pytest.mark.parametrize(
    ("smaller", "larger"),
    [("-10", "-9.99"), ("-1.51", "-1.5"), ("-1E-9", "0"), ("0", "1E-9"), ("9.99", "10"), ("1.5", "1.51"), ("-2", "1")],
)
def test_neighbouring_decimals_keep_their_order(smaller: str, larger: str) -> None:
    """Numbers that differ in length, sign or exponent only keep their order as texts."""
    assert decimal_to_text(Decimal(smaller)) < decimal_to_text(Decimal(larger))


@given(DECIMALS)
def test_a_number_has_one_form(number: Decimal) -> None:
    """Equal numbers become the same digits and exponent, without a positive exponent where the digits have room."""
    plain = plain_decimal(number)
    assert plain == number
    assert plain.as_tuple() == plain_decimal(decimal_from_text(decimal_to_text(number))).as_tuple()
    assert str(plain_decimal(Decimal("1E+3"))) == "1000"
    assert str(plain_decimal(Decimal("-0.00"))) == "0"


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1" * 35, "1E+6145", "1E-6144"])
def test_numbers_beyond_decimal128_are_refused(text: str) -> None:
    """A number that MongoDB could not hold exactly is refused by every store."""
    with pytest.raises(ValueError):
        plain_decimal(Decimal(text))


@given(INSTANTS, INSTANTS)
def test_instant_text_orders_as_instants_do(first: datetime, second: datetime) -> None:
    """Instants become texts of one width that restore them to the microsecond and compare as they do."""
    one, other = instant_to_text(first), instant_to_text(second)
    assert len(one) == 27
    assert instant_from_text(one) == first
    assert (first < second) == (one < other)


def test_an_instant_at_the_edge_of_the_calendar_is_refused() -> None:
    """An instant whose UTC form would lie outside the years 1 to 9999 is refused."""
    for edge, hours in ((datetime(1, 1, 1), 5), (datetime(9999, 12, 31, 23), -5)):  # noqa: DTZ001  # the zone is added below
        with pytest.raises(ValueError):
            settled(FieldKind.INSTANT, edge.replace(tzinfo=timezone(timedelta(hours=hours))))


@given(DOCUMENTS)
def test_documents_come_back_whole(document: object) -> None:
    """A document keeps its structure, its texts and every digit of its numbers; numbers come back as decimals."""
    found = document_from_text(document_to_text(document))
    assert found == document
    assert document_to_text(found) == document_to_text(document)


def test_a_documents_digits_are_kept() -> None:
    """`1.10` in a document stays `1.10`, and a whole number stays whole."""
    found = document_from_text(document_to_text({"rate": Decimal("1.10"), "count": 3}))
    assert str(found["rate"]) == "1.10"
    assert str(found["count"]) == "3"
    assert isinstance(found["count"], Decimal)


@pytest.mark.parametrize(
    "value", [0.5, {"a": 0.5}, {1: "a"}, {"a": {1, 2}}, {"a": datetime(2026, 1, 1, tzinfo=UTC)}, Decimal("NaN")]
)
def test_what_json_does_not_have_is_refused(value: object) -> None:
    """Floats, sets, instants and keys that are no texts are refused in a document instead of being changed."""
    with pytest.raises(ValueError):
        settled(FieldKind.DOCUMENT, [value])


def test_documents_nested_too_deep_are_refused() -> None:
    """A document nested deeper than 64 levels is refused before it can exhaust a parser."""
    document: object = {}
    for _ in range(100):
        document = [document]
    with pytest.raises(ValueError):
        document_to_text(document)


@pytest.mark.parametrize(
    "money",
    [
        Money(Decimal("0.001"), "USD"),
        Money(Decimal(1), "XXX"),
        Money(Decimal("NaN"), "USD"),
        Money(Decimal("1E+18"), "USD"),
    ],
)
def test_money_that_minor_units_cannot_hold_is_refused(money: Money) -> None:
    """An amount finer than the currency, in an unknown currency, or beyond 64 bits of minor units is refused."""
    with pytest.raises(ValueError):
        settled(FieldKind.MONEY, money)


@given(st.text())
def test_texts_are_kept_or_refused(text: str) -> None:
    """A text is kept unchanged; one with NUL or half a surrogate pair is refused."""
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        with pytest.raises(ValueError):
            settled(FieldKind.TEXT, text)
    else:
        assert text == settled(FieldKind.TEXT, text)
