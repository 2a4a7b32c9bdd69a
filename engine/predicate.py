"""A condition on a record's fields: what authorization, filters and lists hand to a store.

Stores translate it into their own query, so it says exactly what can be pushed down and nothing else. Meaning, the same
in every back end: a comparison holds only if the field is present, not null, and of the type the record type declares;
anything missing, null, list-valued or mistyped does not match, for `!=` as for `=`. Amounts of money compare only with
amounts in the same currency; numbers that are not finite and instants without a zone compare with nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

from engine.records import Money

Scalar = str | int | bool | Decimal | datetime | date | Money
Operator = Literal["=", "!=", "<", "<=", ">", ">="]


@dataclass(frozen=True, slots=True)
class Always:
    """Matches every record."""


@dataclass(frozen=True, slots=True)
class Never:
    """Matches no record: an empty scope is this, never an absent condition."""


@dataclass(frozen=True, slots=True, eq=False)
class Compare:
    """`field operator value`; value is one scalar. Equal to another only if the values are of one type too."""

    field: str
    operator: Operator
    value: Scalar

    def __eq__(self, other: object) -> bool:
        # Python's `True == 1` would let one condition stand for the other, though they match different records.
        return (
            isinstance(other, Compare)
            and (self.field, self.operator, type(self.value)) == (other.field, other.operator, type(other.value))
            and self.value == other.value
        )

    def __hash__(self) -> int:
        return hash((self.field, self.operator, self.value))


@dataclass(frozen=True, slots=True, eq=False)
class In:
    """The field is one of the values. An empty tuple is written `Never`. Equal to another as `Compare` is."""

    field: str
    values: tuple[Scalar, ...]

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, In)
            and (self.field, self.values) == (other.field, other.values)
            and all(type(mine) is type(theirs) for mine, theirs in zip(self.values, other.values, strict=True))
        )

    def __hash__(self) -> int:
        return hash((self.field, self.values))


@dataclass(frozen=True, slots=True)
class Has:
    """The field is a list of texts that contains the value."""

    field: str
    value: str


@dataclass(frozen=True, slots=True)
class StartsWith:
    """The field is a text that begins with the value, letter case ignored: for searching people's and leads' names."""

    field: str
    value: str


@dataclass(frozen=True, slots=True)
class And:
    """All parts match."""

    parts: tuple[Predicate, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """At least one part matches."""

    parts: tuple[Predicate, ...]


Predicate = Always | Never | Compare | In | Has | StartsWith | And | Or


def both(*parts: Predicate) -> Predicate:
    """The conjunction, simplified: `Never` wins, `Always` disappears, nested conjunctions are flattened."""
    flat: list[Predicate] = []
    for part in parts:
        if isinstance(part, Never):
            return part
        flat.extend(part.parts if isinstance(part, And) else () if isinstance(part, Always) else (part,))
    unique = tuple(dict.fromkeys(flat))
    return Always() if not unique else unique[0] if len(unique) == 1 else And(unique)


def either(*parts: Predicate) -> Predicate:
    """The disjunction, simplified: `Always` wins, `Never` disappears, nested disjunctions are flattened."""
    flat: list[Predicate] = []
    for part in parts:
        if isinstance(part, Always):
            return part
        flat.extend(part.parts if isinstance(part, Or) else () if isinstance(part, Never) else (part,))
    unique = tuple(dict.fromkeys(flat))
    return Never() if not unique else unique[0] if len(unique) == 1 else Or(unique)


def matches(predicate: Predicate, fields: Mapping[str, Any]) -> bool:
    """Whether a record with these fields matches: the reference meaning, used for point checks."""
    match predicate:
        case Always():
            return True
        case Never():
            return False
        case And(parts):
            return all(matches(part, fields) for part in parts)
        case Or(parts):
            return any(matches(part, fields) for part in parts)
        case Compare(field, operator, value):
            return _compare(fields.get(field), operator, value)
        case In(field, values):
            return any(_compare(fields.get(field), "=", value) for value in values)
        case Has(field, value):
            held = fields.get(field)
            return isinstance(held, list | tuple) and value in held
        case StartsWith(field, value):
            held = fields.get(field)
            return isinstance(held, str) and held.casefold().startswith(value.casefold())


def _compare(held: Any, operator: Operator, value: Scalar) -> bool:
    family = _kind(held)
    if family is None or family != _kind(value):
        return False
    match operator:
        case "=":
            return bool(held == value)
        case "!=":
            return bool(held != value)
        case "<":
            return bool(held < value)
        case "<=":
            return bool(held <= value)
        case ">":
            return bool(held > value)
        case ">=":
            return bool(held >= value)


def _kind(value: object) -> object:
    """The comparison family of a scalar: text, truth, number, instant, day, a currency. Anything else has none."""
    match value:
        case bool():
            return bool
        case str():
            return str
        case datetime():
            return datetime if value.utcoffset() is not None else None
        case date():
            return date
        case int():
            return Decimal
        case Decimal():
            return Decimal if value.is_finite() else None
        case Money():
            return value.currency if value.amount.is_finite() else None
    return None
