"""What a mode of the language must know about its dates, times and durations.

The strict language counts with Python's own values, which are fast and end in year 9999 at microseconds; the
standard's meaning asks for nine digits of year and for nanoseconds. All else is written once, over this protocol,
which the modules `engine.feel.temporal` and `engine.feel.standard.temporal` satisfy.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, Protocol

from engine.feel.values import YearMonthDuration

NO_PART: Final[Any] = object()
"""What `part` gives for a name that is no part of the value."""


class Calendar(Protocol):  # a value's class is the calendar's own business, hence `Any`
    """Temporal values: made from numbers and text, taken apart, moved and compared. Functions raise `Fault`."""

    @property
    def KINDS(self) -> Mapping[type, str]:  # noqa: N802  # a module's constant
        """The classes of its values, with FEEL's names for them."""

    def temporal_from(self, text: str) -> Any:
        """The value of `@"text"`."""

    def date_from(self, text: str) -> Any:
        """A date by its text."""

    def time_from(self, text: str) -> Any:
        """A time by its text."""

    def date_time_from(self, text: str) -> Any:
        """A date and time by its text."""

    def duration_from(self, text: str) -> Any:
        """A duration of either kind by its text."""

    def text_of(self, value: Any) -> str:
        """The text that a value can be read from again."""

    def date_of(self, year: int, month: int, day: int) -> Any:
        """A date by its numbers."""

    def time_of(self, hour: int, minute: int, second: Decimal, zone: Any = None) -> Any:
        """A time by its numbers."""

    def zone_of_offset(self, seconds: int) -> Any:
        """A zone of a fixed offset."""

    def zone_named(self, name: str) -> Any:
        """A zone of the time zone database."""

    def offset_of(self, length: Any) -> Any:
        """The zone whose offset is a days and time duration."""

    def day_of(self, value: Any) -> Any:
        """The date of a date, or of a date and time."""

    def clock_of(self, value: Any) -> Any:
        """The time of a time or of a date and time; of a date its midnight in Greenwich."""

    def combine(self, day: Any, clock: Any) -> Any:
        """A date and time of a date and a time."""

    def moment_of(self, value: Any) -> Any:
        """A date and time as it is, a date as its local midnight."""

    def from_python(self, value: dt.datetime) -> Any:
        """The evaluation's instant as a date and time."""

    def number_of(self, day: Any) -> int:
        """The days from some fixed day to a date."""

    def date_at(self, number: int) -> Any:
        """The date of that number."""

    def weekday(self, day: Any) -> int:
        """1 for Monday to 7 for Sunday."""

    def day_of_year(self, day: Any) -> int:
        """1 to 366."""

    def iso_week(self, day: Any) -> int:
        """The week of the year as ISO 8601 counts, 1 to 53."""

    def whole_months(self, start: Any, end: Any) -> YearMonthDuration:
        """Whole months from one day to another, rounded towards zero."""

    def months_of(self, months: int) -> YearMonthDuration:
        """A years and months duration, if it is not too long."""

    def add_duration(self, value: Any, length: Any) -> Any:
        """A date, time or date and time moved by a days and time duration; times wrap at midnight."""

    def add_months(self, value: Any, duration: YearMonthDuration) -> Any:
        """A date or date and time moved by months; a day the month lacks becomes its last day."""

    def between(self, later: Any, earlier: Any) -> Any:
        """`later - earlier` as a days and time duration."""

    def add_lengths(self, left: Any, right: Any) -> Any:
        """The sum of two days and time durations."""

    def negated(self, length: Any) -> Any:
        """A days and time duration the other way round."""

    def scale(self, length: Any, factor: Decimal) -> Any:
        """A days and time duration times a number, half-even in its smallest unit."""

    def divided(self, length: Any, divisor: Decimal) -> Any:
        """A days and time duration divided by a number, half-even in its smallest unit."""

    def units(self, length: Any) -> Decimal:
        """A days and time duration in its smallest unit."""

    def order_keys(self, left: Any, right: Any) -> tuple[Any, Any]:
        """What decides the order of two values of one kind; a local time has none to one with a zone."""

    def same_moment(self, left: Any, right: Any) -> bool:
        """Whether two values of one kind are equal; a local time never is to one with a zone."""

    def part(self, value: Any, name: str) -> Any:
        """A part of a value by its name, or `NO_PART`."""
