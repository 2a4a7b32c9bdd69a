"""From the JSON of a request to a record's typed fields: every problem at once, each with its `$.path`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from engine.problems import Place, Report
from engine.records import MINOR_UNITS, FieldKind, Money, RecordType
from engine.service.spelling import did_you_mean

MAX_TEXT = 10_000
"""Characters of one text field."""
MAX_TEXTS = 200
"""Texts of one list field."""
MAX_DIGITS = 34
MAX_WHOLE = 2**53
"""Whole numbers up to here are the same number for every reader of JSON."""
MAX_MINOR = 10**17
"""Minor units of one amount, either sign: what every store keeps exactly."""

_WANTED = {
    FieldKind.TEXT: "a text",
    FieldKind.INTEGER: "a whole number",
    FieldKind.DECIMAL: "a number",
    FieldKind.MONEY: 'an amount such as `{"amount": "12.00", "currency": "USD"}`',
    FieldKind.BOOLEAN: "true or false",
    FieldKind.DATE: "a date such as `2026-11-02`",
    FieldKind.INSTANT: "an instant with its zone such as `2026-11-02T09:00:00Z`",
    FieldKind.TEXTS: "a list of texts",
    FieldKind.DOCUMENT: "an object or a list",
}


class _UnfitError(Exception):
    """A value that is not of its kind; the text says what is wrong where the kind alone does not."""

    def __init__(self, message: str = "", code: str = "field.wrong_kind") -> None:
        super().__init__(message)
        self.message, self.code = message, code


def read_fields(
    record_type: RecordType,
    given: Mapping[str, Any],
    settable: tuple[str, ...],
    report: Report,
    *,
    required: tuple[str, ...] = (),
    source: str = "body",
) -> dict[str, Any]:
    """The typed values of the given fields.

    A field outside `settable` is a problem (`field.unknown` or `field.not_settable`), so that no request can set an
    owner's branch or a score. A null empties a field; a field in `required` must be there and not null.
    """
    typed: dict[str, Any] = {}
    for name, value in given.items():
        place = Place(source, path=path_to(name))
        if name not in settable:
            _refuse_name(record_type, name, settable, report, place)
            continue
        known = record_type.field(name)
        assert known is not None
        if value is None:
            if known.required or name in required:
                report.add("field.missing", f"`{name}` cannot be empty", place)
            typed[name] = None
            continue
        try:
            typed[name] = _READERS[known.kind](value)
        except _UnfitError as unfit:
            message = unfit.message or f"`{name}` must be {_WANTED[known.kind]}; {shown(value)} was given"
            report.add(unfit.code, message, place)
    for name in required:
        if name not in given:
            report.add("field.missing", f"`{name}` is required", Place(source, path=path_to(name)))
    return typed


def path_to(name: str) -> str:
    """`$.name`, or `$["odd name"]` where the name is not an identifier."""
    return f"$.{name}" if name.isidentifier() else f'$["{name[:60]}"]'


def shown(value: object) -> str:
    """A value as a person would name it in a sentence."""
    match value:
        case None:
            return "null"
        case bool():
            return f"`{str(value).lower()}`"
        case str():
            return f"the text `{value[:60]}`"
        case Mapping():
            return "an object"
        case list() | tuple():
            return "a list"
        case _:
            return f"`{str(value)[:60]}`"


def _refuse_name(record_type: RecordType, name: str, settable: tuple[str, ...], report: Report, place: Place) -> None:
    title = record_type.name.replace("_", "-")
    if record_type.field(name) is not None:
        report.add("field.not_settable", f"`{name}` of a {title} is kept by Bylaw and cannot be set", place)
    else:
        report.add("field.unknown", f"a {title} has no field `{name[:60]}`", place, did_you_mean(name, settable))


def is_kept(text: str) -> bool:
    """Whether every store keeps the text as it is: it holds no NUL and no half of a surrogate pair."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise _UnfitError
    if len(value) > MAX_TEXT:
        raise _UnfitError(
            f"the text has {len(value):,} characters; at most {MAX_TEXT:,} are kept", "field.out_of_range"
        )
    if "\0" in value:
        raise _UnfitError("the text holds a NUL character", "field.out_of_range")
    return value


def _decimal(value: Any) -> Decimal:
    if isinstance(value, str):
        try:
            value = Decimal(value) if value.isascii() and value.strip() == value and "_" not in value else None
        except InvalidOperation:
            raise _UnfitError from None
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise _UnfitError
    number = Decimal(value)
    if not number.is_finite():
        raise _UnfitError
    if len(number.as_tuple().digits) > MAX_DIGITS or not -MAX_DIGITS <= number.adjusted() <= MAX_DIGITS:
        raise _UnfitError(f"{shown(value)} has more than {MAX_DIGITS} digits", "field.out_of_range")
    return number


def _integer(value: Any) -> int:
    if isinstance(value, str):
        raise _UnfitError
    number = _decimal(value)
    if number != number.to_integral_value():
        raise _UnfitError
    if abs(number) > MAX_WHOLE:
        raise _UnfitError(f"{shown(value)} is larger than {MAX_WHOLE:,}", "field.out_of_range")
    return int(number)


def _money(value: Any) -> Money:
    if not isinstance(value, Mapping) or set(value) != {"amount", "currency"}:
        raise _UnfitError
    currency = value["currency"]
    if not isinstance(currency, str) or currency not in MINOR_UNITS:
        known = ", ".join(f"`{code}`" for code in MINOR_UNITS)
        raise _UnfitError(f"{shown(currency)} is not an accepted currency; accepted are {known}", "field.not_a_choice")
    money = Money(_decimal(value["amount"]), currency)
    try:
        minor = money.minor
    except ValueError:
        digits = MINOR_UNITS[currency]
        raise _UnfitError(
            f"`{money.amount}` is finer than {currency}, which has {digits} digits after the point",
            "field.out_of_range",
        ) from None
    if abs(minor) > MAX_MINOR:
        raise _UnfitError(f"`{money.amount}` {currency} is larger than can be kept", "field.out_of_range")
    return money


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _UnfitError
    return value


def _date(value: Any) -> date:
    if not isinstance(value, str) or len(value) != 10:
        raise _UnfitError
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise _UnfitError from None


def _instant(value: Any) -> datetime:
    if not isinstance(value, str) or "T" not in value:
        raise _UnfitError
    try:
        instant = datetime.fromisoformat(value)
        if instant.tzinfo is None:
            raise _UnfitError
        return instant.astimezone(UTC)
    except (ValueError, OverflowError):
        raise _UnfitError from None


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        raise _UnfitError
    if len(value) > MAX_TEXTS:
        raise _UnfitError(f"the list has {len(value):,} texts; at most {MAX_TEXTS} are kept", "field.out_of_range")
    return tuple(_text(item) for item in value)


def _document(value: Any) -> Any:
    if not isinstance(value, Mapping | list | tuple):
        raise _UnfitError
    return value


_READERS = {
    FieldKind.TEXT: _text,
    FieldKind.INTEGER: _integer,
    FieldKind.DECIMAL: _decimal,
    FieldKind.MONEY: _money,
    FieldKind.BOOLEAN: _boolean,
    FieldKind.DATE: _date,
    FieldKind.INSTANT: _instant,
    FieldKind.TEXTS: _texts,
    FieldKind.DOCUMENT: _document,
}
