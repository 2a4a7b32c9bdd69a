"""The values of an ordered fact as whole numbers: its granularity, and how far two values are apart.

A number moves in steps of its last written digit or that of the constants it is compared with, whichever is finer:
whole numbers stay whole, cents stay cents. Dates move by days, instants by minutes, durations by seconds or whole days,
durations of years and months by months.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Context, Decimal
from fractions import Fraction
from typing import Any, Final

from engine.feel.types import (
    DATE,
    DATE_TIME,
    DAYS_TIME_DURATION,
    NUMBER,
    YEARS_MONTHS_DURATION,
    Type,
)
from engine.feel.values import Value, YearMonthDuration

FINEST: Final = -12
"""A number moves in steps of at least `1E-12`."""
_WIDE: Final = Context(prec=60)
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECONDS: Final = 1_000_000
_DAY: Final = 86_400 * _MICROSECONDS
_MINUTE: Final = 60 * _MICROSECONDS
_YEAR_OF_DAYS: Final = 365
SCALED: Final = frozenset({NUMBER, DATE, DATE_TIME, DAYS_TIME_DURATION, YEARS_MONTHS_DURATION})
"""The types with a scale."""


@dataclass(frozen=True, slots=True)
class Scale:
    """The grid of one fact: value `n` is `n` steps from zero. `step` is a number's, or microseconds."""

    type: Type
    step: Decimal | int

    @classmethod
    def of(cls, type_: Type, known: Iterable[Value], *, whole: bool) -> Scale:
        """The scale of a fact whose value and constants are `known`; `whole`: a whole number."""
        values: list[Any] = [value for value in known if value is not None]
        if type_ == NUMBER:
            exponents = [0] if whole else [0, *(int(value.as_tuple().exponent) for value in values)]
            return cls(type_, Decimal(1).scaleb(max(FINEST, min(exponents))))
        if type_ == DAYS_TIME_DURATION:
            days = all(_micro(value) % _DAY == 0 for value in values)
            return cls(type_, _DAY if days else _MICROSECONDS)
        return cls(type_, _MINUTE if type_ == DATE_TIME else 1)

    def floor(self, value: Any) -> int:
        """The last grid point that is not above a value."""
        if isinstance(value, Decimal):
            whole, rest = _WIDE.divmod(value, Decimal(self.step))
            return int(whole) - (1 if rest < 0 else 0)
        if isinstance(value, YearMonthDuration):
            return value.months
        if isinstance(value, dt.timedelta):
            return _micro(value) // int(self.step)
        if isinstance(value, dt.datetime):
            return _micro(value - _EPOCH) // int(self.step)
        if isinstance(value, dt.date):
            return value.toordinal()
        raise TypeError(f"{value!r} has no scale")

    def value(self, index: int, near: Any = None) -> Any:
        """The value at a grid point, None outside of what the type can hold. `near` lends an instant its zone."""
        try:
            if self.type == NUMBER:
                return _WIDE.multiply(Decimal(index), Decimal(self.step))
            if self.type == YEARS_MONTHS_DURATION:
                return YearMonthDuration(index)
            if self.type == DATE:
                return dt.date.fromordinal(index)
            if self.type == DAYS_TIME_DURATION:
                return dt.timedelta(microseconds=index * int(self.step))
            zone = near.tzinfo if isinstance(near, dt.datetime) else dt.UTC
            return (_EPOCH + dt.timedelta(microseconds=index * int(self.step))).astimezone(zone)
        except (OverflowError, ValueError):
            return None

    def on_grid(self, value: Any) -> bool:
        """Whether a value is a grid point."""
        return bool(self.value(self.floor(value)) == value)

    def above(self, value: Any) -> int:
        """The first grid point above a value."""
        return self.floor(value) + 1

    def below(self, value: Any) -> int:
        """The last grid point below a value."""
        return self.floor(value) - (1 if self.on_grid(value) else 0)


def distance(before: Value, after: Value) -> Fraction:
    """How far two values of one fact are apart, from 0 to 1.

    Numbers and durations: the difference over the sum of the two sizes. Dates and instants: the days over the days plus
    365. Anything else, also from unknown to known: 1.
    """
    if isinstance(before, dt.date) and isinstance(after, dt.date):
        if isinstance(before, dt.datetime) and isinstance(after, dt.datetime):
            days = Fraction(abs(_micro(after - before)), _DAY)
        else:
            days = Fraction(abs(after.toordinal() - before.toordinal()))
        return days / (days + _YEAR_OF_DAYS)
    if type(before) is not type(after) or not isinstance(before, Decimal | dt.timedelta | YearMonthDuration):
        return Fraction(1)
    old, new = _size(before), _size(after)
    whole = abs(old) + abs(new)
    return abs(new - old) / whole if whole else Fraction(0)


def _size(value: Any) -> Fraction:
    if isinstance(value, Decimal):
        return Fraction(value)
    return Fraction(value.months if isinstance(value, YearMonthDuration) else _micro(value))


def _micro(value: dt.timedelta) -> int:
    return value // dt.timedelta(microseconds=1)
