"""A predicate resolved against a record type: every comparison is with a value of the field's own kind, or is gone.

`engine.predicate.matches` gives the meaning. Databases compare whatever they are handed, so before a predicate becomes
a query each part is made exact here: a field that the type does not have, or a value of another kind, matches nothing;
a number that the field could not hold becomes the nearest one that it could (`n < 2.5` of a whole number is `n <= 2`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from typing import Any, assert_never

from adapters.stores.values import MAX_INTEGER, settled
from engine.predicate import Always, And, Compare, Has, In, Never, Operator, Or, Predicate, StartsWith
from engine.records import MINOR_UNITS, FieldKind, Money, RecordField, RecordType


@dataclass(frozen=True, slots=True)
class Constant:
    """Matches every record, or none."""

    value: bool


@dataclass(frozen=True, slots=True)
class Present:
    """The field has a value; for money, one in this currency."""

    field: RecordField
    currency: str = ""


@dataclass(frozen=True, slots=True)
class Test:
    """The field compares so with this value, which is of the field's kind; `Money` also demands its currency."""

    field: RecordField
    operator: Operator
    value: Any

    __test__ = False  # not a test case, whatever the name begins with


@dataclass(frozen=True, slots=True)
class OneOf:
    """The field is one of these values (at least two), each of the field's kind; never used for money."""

    field: RecordField
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Contains:
    """The list of texts contains the text."""

    field: RecordField
    text: str


@dataclass(frozen=True, slots=True)
class Begins:
    """The text, with letter case folded, begins with this folded text (never empty)."""

    field: RecordField
    folded: str


@dataclass(frozen=True, slots=True)
class Every:
    """All parts match (at least two)."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Some:
    """At least one part matches (at least two)."""

    parts: tuple[Condition, ...]


Condition = Constant | Present | Test | OneOf | Contains | Begins | Every | Some

NOTHING, EVERYTHING = Constant(value=False), Constant(value=True)


def resolve(predicate: Predicate, known: RecordType) -> Condition:
    """The predicate as a condition on this record type's fields."""
    match predicate:
        case Always():
            return EVERYTHING
        case Never():
            return NOTHING
        case And(parts):
            return _every(resolve(part, known) for part in parts)
        case Or(parts):
            return _some(resolve(part, known) for part in parts)
        case Compare(name, operator, value):
            field = known.field(name)
            return NOTHING if field is None else _comparison(field, operator, value)
        case In(name, values):
            field = known.field(name)
            return NOTHING if field is None else _membership(field, values)
        case Has(name, value):
            field = known.field(name)
            return Contains(field, value) if field and field.kind is FieldKind.TEXTS and _storable(value) else NOTHING
        case StartsWith(name, value):
            field = known.field(name)
            if field is None or field.kind is not FieldKind.TEXT or not _storable(value):
                return NOTHING
            return Begins(field, value.casefold()) if value else Present(field)
        case _:
            assert_never(predicate)


def _every(parts: Iterable[Condition]) -> Condition:
    kept: list[Condition] = []
    for part in parts:
        if part == NOTHING:
            return NOTHING
        if part != EVERYTHING:
            kept.append(part)
    return EVERYTHING if not kept else kept[0] if len(kept) == 1 else Every(tuple(kept))


def _some(parts: Iterable[Condition]) -> Condition:
    kept: list[Condition] = []
    for part in parts:
        if part == EVERYTHING:
            return EVERYTHING
        if part != NOTHING:
            kept.append(part)
    return NOTHING if not kept else kept[0] if len(kept) == 1 else Some(tuple(kept))


def _membership(field: RecordField, values: tuple[Any, ...]) -> Condition:
    tests = [_comparison(field, "=", value) for value in values]
    if field.kind is FieldKind.MONEY:
        return _some(tests)
    found = tuple(dict.fromkeys(test.value for test in tests if isinstance(test, Test)))
    return NOTHING if not found else Test(field, "=", found[0]) if len(found) == 1 else OneOf(field, found)


def _comparison(field: RecordField, operator: Operator, value: Any) -> Condition:
    match field.kind, value:
        case FieldKind.BOOLEAN, bool():
            return Test(field, operator, value)
        case FieldKind.TEXT, str():
            return Test(field, operator, value) if _storable(value) else _unstorable_text(field, operator, value)
        case FieldKind.INTEGER, int() | Decimal() if not isinstance(value, bool):
            return _number(field, operator, Decimal(value), _WHOLE)
        case FieldKind.DECIMAL, int() | Decimal() if not isinstance(value, bool):
            return _number(field, operator, Decimal(value), _DECIMAL128)
        case FieldKind.MONEY, Money():
            return _money(field, operator, value)
        case FieldKind.INSTANT, datetime() if value.utcoffset() is not None:
            return _instant(field, operator, value)
        case FieldKind.DATE, date() if not isinstance(value, datetime):
            return Test(field, operator, value)
    return NOTHING


# -- numbers


@dataclass(frozen=True, slots=True)
class _Grid:
    """The numbers that a kind can hold: of at most so many digits, optionally whole, within limits."""

    digits: int
    whole: bool
    smallest: Decimal
    largest: Decimal

    def round(self, value: Decimal, rounding: str) -> Decimal:
        if self.whole:
            return value.to_integral_value(rounding=rounding)
        return Context(prec=self.digits, rounding=rounding, Emin=-6143, Emax=6144, traps=[]).plus(value)


_WHOLE = _Grid(19, whole=True, smallest=Decimal(-MAX_INTEGER - 1), largest=Decimal(MAX_INTEGER))
_LARGEST = Decimal("9." + "9" * 33 + "E+6144")
_DECIMAL128 = _Grid(34, whole=False, smallest=_LARGEST.copy_negate(), largest=_LARGEST)


def _number(field: RecordField, operator: Operator, value: Decimal, grid: _Grid, currency: str = "") -> Condition:
    """The comparison on the grid: a value between two grid points becomes the nearer bound on the right side."""
    if not value.is_finite():
        return NOTHING
    present = Present(field, currency)
    if value > grid.largest:
        return present if operator in ("<", "<=", "!=") else NOTHING
    if value < grid.smallest:
        return present if operator in (">", ">=", "!=") else NOTHING
    below, above = grid.round(value, ROUND_FLOOR), grid.round(value, ROUND_CEILING)
    if below != above:
        match operator:
            case "=":
                return NOTHING
            case "!=":
                return present
            case "<" | "<=":
                operator, value = "<=", below
            case ">" | ">=":
                operator, value = ">=", above
    else:
        value = below
    if currency:
        return Test(field, operator, Money.of_minor(int(value), currency))
    if grid.whole:
        return Test(field, operator, int(value))
    try:
        return Test(field, operator, settled(FieldKind.DECIMAL, value))
    except ValueError:  # a subnormal bound: smaller than anything a field holds, but a number that databases compare
        return Test(field, operator, value)


def _money(field: RecordField, operator: Operator, value: Money) -> Condition:
    if value.currency not in MINOR_UNITS or not value.amount.is_finite():
        return NOTHING
    minor = value.amount.scaleb(MINOR_UNITS[value.currency], Context(prec=400, Emax=999_999, Emin=-999_999))
    return _number(field, operator, minor, _WHOLE, value.currency)


# -- texts and instants at the edge of what is stored


def _storable(value: str) -> bool:
    """Whether the text can be written as UTF-8: half of a surrogate pair cannot, so no store holds it."""
    return value.isascii() or not any("\ud800" <= character <= "\udfff" for character in value)


def _unstorable_text(field: RecordField, operator: Operator, value: str) -> Condition:
    """A text with half of a surrogate pair: it equals nothing stored, and sorts just below U+E000 in its place."""
    if operator == "=":
        return NOTHING
    if operator == "!=":
        return Present(field)
    start = next(position for position, character in enumerate(value) if "\ud800" <= character <= "\udfff")
    return Test(field, "<" if operator in ("<", "<=") else ">=", value[:start] + "\ue000")


def _instant(field: RecordField, operator: Operator, value: datetime) -> Condition:
    try:
        return Test(field, operator, value.astimezone(UTC))
    except OverflowError:  # before the year 1 or after 9999 in UTC: outside everything stored
        early = value.year < 5000
        matching = (">", ">=", "!=") if early else ("<", "<=", "!=")
        return Present(field) if operator in matching else NOTHING
