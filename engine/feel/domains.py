"""What a fact may be beyond its type, as its schema says, and examples of values that it may have."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain
from typing import Any, Final

from engine.feel.limits import NUMBER_DIGITS
from engine.feel.types import (
    BOOLEAN,
    DATE,
    DATE_TIME,
    DAYS_TIME_DURATION,
    NUMBER,
    STRING,
    TIME,
    YEARS_MONTHS_DURATION,
    ContextType,
    Field,
    ListType,
    Scope,
    Type,
)
from engine.feel.values import Value, YearMonthDuration


@dataclass(frozen=True, slots=True)
class Domain:
    """The limits of a number (`minimum` and `maximum` are allowed), whether it is whole, and a text's longest length.

    None is no limit.
    """

    minimum: Decimal | None = None
    maximum: Decimal | None = None
    whole: bool = False
    longest: int | None = None


ANYTHING: Final = Domain()

Domains = Mapping[str, Domain]
"""Domains by dotted path of the fact; a path left out has no limits."""


def allows(domain: Domain, value: Value) -> bool:
    """Whether a number or text is within the domain; other values always are."""
    if isinstance(value, Decimal):
        return (
            (domain.minimum is None or domain.minimum <= value)
            and (domain.maximum is None or value <= domain.maximum)
            and (not domain.whole or value == value.to_integral_value())
            and len(value.as_tuple().digits) <= NUMBER_DIGITS
        )
    return not isinstance(value, str) or domain.longest is None or len(value) <= domain.longest


def text_beside(named: Collection[str], domain: Domain) -> str | None:
    """A text that is none of the named ones: words where they are short enough; None if the domain has no other."""
    signs = (chr(_FIRST_SIGN + number) for number in range(len(named) + 1))  # one of so many is not named
    candidates = chain(("something else", "other", "?", ""), signs)
    return next((text for text in candidates if text not in named and allows(domain, text)), None)


_FIRST_SIGN: Final = 0x4E00
"""The first of some twenty thousand letters in a row: enough for texts of one character."""

_SAMPLES: Final[Mapping[Type, Value]] = {
    STRING: "x",
    BOOLEAN: False,
    DATE: dt.date(2026, 1, 1),
    TIME: dt.time(12),
    DATE_TIME: dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
    DAYS_TIME_DURATION: dt.timedelta(days=1),
    YEARS_MONTHS_DURATION: YearMonthDuration(1),
}


def sample(type_: Type, domain: Domain = ANYTHING) -> Value:
    """Some value of a simple type that the domain allows; None where there is none to be had."""
    if type_ == NUMBER:
        candidates = (Decimal(0), domain.minimum, domain.maximum)
        whole = (each.to_integral_value("ROUND_CEILING") for each in candidates if each is not None)
        return next((each for each in (*whole, domain.minimum) if each is not None and allows(domain, each)), None)
    if isinstance(type_, ListType):
        return ()
    return _SAMPLES.get(type_)


def complete_record(scope: Scope, given: Mapping[tuple[str, ...], Value], domains: Domains) -> dict[str, Any]:
    """Facts with the given values, by path, and some value for every other fact that must be there.

    A value of None is left out: absent and null mean the same.
    """
    tree: dict[str, Any] = {}
    for path, value in given.items():
        if value is not None:
            below = tree
            for step in path[:-1]:
                below = below.setdefault(step, {})
            below[path[-1]] = value
    return _completed(scope.fields, tree, "", domains)


def _completed(fields: Mapping[str, Field], given: Mapping[str, Any], prefix: str, domains: Domains) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, field in fields.items():
        path = prefix + name
        if isinstance(field.type, ContextType):
            if name in given or not field.optional:
                made[name] = _completed(field.type.fields, given.get(name, {}), f"{path}.", domains)
        elif name in given:
            made[name] = given[name]
        elif not field.optional:
            made[name] = field.enum[0] if field.enum else sample(field.type, domains.get(path, ANYTHING))
    return made
